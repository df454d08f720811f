//! The survey.

use serde_json::{Value, json};
use sogoc_domain::authority::{Reading, Subject};
use sogoc_domain::stream::Stream;
use sogoc_domain::survey::{Survey, Surveyed};
use sogoc_domain::values::{AgencyId, SeasonId};

use super::{cut, folding, known_season, unknown, with_as_of};
use crate::api::ask::Ask;
use crate::api::error::Fault;
use crate::api::sight::Sight;
use crate::api::{Api, Call};

pub(super) async fn get(api: &Api, call: &Call, ask: &Ask) -> Result<Value, Fault> {
    let season: SeasonId = ask.must("season")?;
    let streams = [Stream::Survey(season.clone())];
    let (cut, standing) = {
        let register = api.app().register();
        known_season(&register, &season)?;
        let sight = Sight::new(register.world(), call.account(), api.app().now());
        let what = Reading { season: Some(&season), ..Reading::of(Subject::SurveyPoints) };
        let live = |cut| sight.folded(&what, &season, cut);
        let cut = cut(&register, ask, &season, None, live, || sight.newest_entries(&season))?;
        (cut, folding::standing(&register, &streams, cut)?)
    };
    let world = folding::as_of(api, standing, &streams, cut).await?;
    let survey = world.surveys.get(&season).ok_or_else(|| unknown("survey", &season))?;
    Ok(with_as_of(json!({ "survey": survey_json(&season, survey) }), cut))
}

fn survey_json(season: &SeasonId, survey: &Survey) -> Value {
    let one = |(agency, surveyed): (&AgencyId, &Surveyed)| match surveyed {
        Surveyed::Result(result) => json!({
            "agency": agency, "state": "result", "forms": result.forms, "factors": result.factors,
            "points": result.points, "accepted": result.accepted,
        }),
        Surveyed::NotSurveyed => json!({ "agency": agency, "state": "not-surveyed" }),
    };
    json!({
        "season": season, "operator": survey.operator, "monitors": survey.monitors, "factors": survey.factors,
        "agencies": survey.agencies.iter().map(one).collect::<Vec<_>>(), "forms_files": survey.forms_files,
    })
}
