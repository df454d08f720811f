//! Seasons: what they lay down.

use serde_json::{Value, json};
use sogoc_domain::authority::{Reading, Subject};
use sogoc_domain::results::Results;
use sogoc_domain::season::{Group, Season};
use sogoc_domain::stream::Stream;
use sogoc_domain::values::{GroupId, SeasonId};

use super::results::edition_json;
use super::{cut, folding, known_season, unknown, with_as_of};
use crate::api::ask::Ask;
use crate::api::error::Fault;
use crate::api::sight::Sight;
use crate::api::{Api, Call};

pub(super) fn list(api: &Api, call: &Call, _: &Ask) -> Result<Value, Fault> {
    let register = api.app().register();
    let world = register.world();
    let sight = Sight::new(world, call.account(), api.app().now());
    let seasons: Vec<_> = world
        .seasons
        .iter()
        .filter(|(id, _)| sight.of_season(Subject::Catalogue, id))
        .map(|(id, season)| brief(id, season, world.results.get(id).map(AsRef::as_ref)))
        .collect();
    Ok(json!({ "seasons": seasons }))
}

pub(super) async fn get(api: &Api, call: &Call, ask: &Ask) -> Result<Value, Fault> {
    let id: SeasonId = ask.must("season")?;
    let streams = [Stream::Season(id.clone()), Stream::Results(id.clone())];
    let (cut, standing) = {
        let register = api.app().register();
        known_season(&register, &id)?;
        let sight = Sight::new(register.world(), call.account(), api.app().now());
        let live = |_| sight.must(&Reading { season: Some(&id), ..Reading::of(Subject::Catalogue) });
        let cut = cut(&register, ask, &id, None, live, || None)?;
        (cut, folding::standing(&register, &streams, cut)?)
    };
    let world = folding::as_of(api, standing, &streams, cut).await?;
    let season = world.seasons.get(&id).ok_or_else(|| unknown("season", &id))?;
    let mut answer = brief(&id, season, world.results.get(&id).map(AsRef::as_ref));
    details(&mut answer, season);
    Ok(with_as_of(json!({ "season": answer }), cut))
}

/// What a list shows of a season.
fn brief(id: &SeasonId, season: &Season, results: Option<&Results>) -> Value {
    let group = |(id, group): (&GroupId, &Group)| {
        let agencies = season.agencies.values().filter(|member| member.group == *id).count();
        json!({
            "group": id, "name": group.name.vi, "set": group.set, "set_version": group.set_version,
            "agencies": agencies, "classes": group.classes, "letters": group.letters,
        })
    };
    let editions = results.map_or(&[][..], |results| &results.editions);
    json!({
        "season": id, "year": season.year, "title": season.title, "title_en": season.title_en, "mode": season.mode,
        "state": if season.is_active() { "active" } else { "in-preparation" },
        "rules_version": season.rules_version, "comparison": season.comparison,
        "groups": season.groups.iter().map(group).collect::<Vec<_>>(),
        "editions": editions.iter().zip(1_u32..).map(|(e, number)| edition_json(e, number)).collect::<Vec<_>>(),
        "announcements": results.map_or(0, |results| results.announcements.len()),
    })
}

/// What only the season itself shows.
fn details(answer: &mut Value, season: &Season) {
    let mut phases: Vec<_> = season.phases.iter().collect();
    phases.sort_by_key(|(id, phase)| (phase.start, *id));
    let phases = phases.into_iter().map(|(id, phase)| {
        json!({
            "phase": id, "name": phase.name.vi, "start": phase.start,
            "end": season.end_of(id, None, None).unwrap_or(phase.end), "admits": phase.admits,
        })
    });
    let agencies = season.agencies.iter().map(|(id, member)| {
        json!({
            "agency": id, "group": member.group, "council_member": member.council_member,
            "treatment": member.treatment, "successor": member.successor,
        })
    });
    answer["phases"] = phases.collect();
    answer["agencies"] = agencies.collect();
    answer["policy"] = json!(season.policy);
    answer["assignments"] = season.assignments.values().flat_map(|nodes| nodes.values()).map(|a| json!(a)).collect();
}
