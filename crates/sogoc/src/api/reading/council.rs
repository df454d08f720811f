//! The council's sessions and resolutions.

use serde_json::{Value, json};
use sogoc_domain::authority::{Reading, Subject};
use sogoc_domain::council::Session;
use sogoc_domain::stream::Stream;
use sogoc_domain::values::{CaseId, SeasonId};

use super::{cut, folding, known_season, with_as_of};
use crate::api::ask::Ask;
use crate::api::error::Fault;
use crate::api::sight::Sight;
use crate::api::{Api, Call};

pub(super) async fn get(api: &Api, call: &Call, ask: &Ask) -> Result<Value, Fault> {
    let season: SeasonId = ask.must("season")?;
    let streams = [Stream::Council(season.clone())];
    let (cut, standing) = {
        let register = api.app().register();
        known_season(&register, &season)?;
        let sight = Sight::new(register.world(), call.account(), api.app().now());
        let what = Reading { season: Some(&season), ..Reading::of(Subject::CouncilText) };
        let live = |cut| sight.folded(&what, &season, cut);
        let cut = cut(&register, ask, &season, None, live, || sight.newest_entries(&season))?;
        (cut, folding::standing(&register, &streams, cut)?)
    };
    let world = folding::as_of(api, standing, &streams, cut).await?;
    // A council that has not met has no sessions, and that is an answer.
    let council = world.councils.get(&season).cloned().unwrap_or_default();
    let session = |(id, session): (&CaseId, &Session)| {
        let recused: Vec<_> =
            session.recused.iter().map(|(member, agency)| json!({ "member": member, "agency": agency })).collect();
        json!({ "session": id, "present": session.present, "recused": recused, "closed": session.closed })
    };
    let sessions: Vec<_> = council.sessions.iter().map(session).collect();
    Ok(with_as_of(json!({ "sessions": sessions, "resolutions": council.resolutions }), cut))
}
