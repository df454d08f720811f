//! Appeals, item by item, with what was recorded about them.

use serde_json::{Value, json};
use sogoc_domain::authority::{Reading, Subject};
use sogoc_domain::scorecard::{Appeal, Item, ItemState};
use sogoc_domain::stream::Stream;
use sogoc_domain::values::{AgencyId, CaseId, SeasonId};

use super::entries::Entries;
use super::{Page, cut, folding, known_agency, known_season, unknown, with_as_of, word};
use crate::api::ask::{Ask, invalid};
use crate::api::error::Fault;
use crate::api::sight::Sight;
use crate::api::{Api, Call, transcode};

pub(super) fn list(api: &Api, call: &Call, ask: &Ask) -> Result<Value, Fault> {
    let season: SeasonId = ask.must("season")?;
    let agency: Option<AgencyId> = ask.parsed("agency")?;
    let open = match ask.text("state") {
        None => None,
        Some("open") => Some(true),
        Some("ended") => Some(false),
        Some(other) => return Err(invalid("state", other, "it is open or ended")),
    };
    let page = Page::of(ask, &format!("appeals {season} {agency:?} {open:?}"))?;
    let register = api.app().register();
    let world = register.world();
    let sight = Sight::new(world, call.account(), api.app().now());
    match &agency {
        Some(agency) => {
            known_agency(&register, &season, agency)?;
            sight.must(&Reading { season: Some(&season), agency: Some(agency), ..Reading::of(Subject::Scorecard) })?;
        }
        None => known_season(&register, &season)?,
    }
    let cards = world.scorecards.get(&season);
    let appeals = cards
        .iter()
        .flat_map(|cards| cards.iter())
        .filter(|(of, _)| agency.as_ref().is_none_or(|agency| agency == *of))
        .filter(|(of, card)| !card.appeals.is_empty() && sight.of_agency(Subject::Scorecard, &season, of))
        .flat_map(|(of, card)| card.appeals.iter().map(move |(id, appeal)| (of, id, appeal)))
        .filter(|(.., appeal)| open.is_none_or(|open| is_open(appeal) == open));
    // A space comes before all that ids are made of.
    let (appeals, next) = page.take(appeals, |(of, id, _)| format!("{of} {id}"));
    let appeals: Vec<_> = appeals.into_iter().map(|(of, id, appeal)| appeal_json(&season, of, id, appeal)).collect();
    Ok(json!({ "appeals": appeals, "next_page_token": next }))
}

pub(super) async fn get(api: &Api, call: &Call, ask: &Ask) -> Result<Value, Fault> {
    let season: SeasonId = ask.must("season")?;
    let agency: AgencyId = ask.must("agency")?;
    let id: CaseId = ask.must("appeal")?;
    let stream = Stream::Scorecard(season.clone(), agency.clone());
    let streams = [stream.clone()];
    let (cut, standing, entries) = {
        let register = api.app().register();
        known_agency(&register, &season, &agency)?;
        let sight = Sight::new(register.world(), call.account(), api.app().now());
        let live = |cut| sight.scorecard(&season, &agency, cut);
        let cut = cut(&register, ask, &season, None, live, || sight.newest_entries(&season))?;
        let mut entries = Entries::default();
        let positions = register.stream_positions(&stream).iter().take_while(|at| **at < cut.entries());
        for view in positions.filter_map(|at| register.entry(*at)) {
            // Explanation requests have ids of their own, which may be the same.
            if view.case.as_deref() == Some(id.as_str()) && view.kind.contains("appeal") {
                entries.push(&sight, view);
            }
        }
        (cut, folding::standing(&register, &streams, cut)?, entries)
    };
    let world = folding::as_of(api, standing, &streams, cut).await?;
    let appeal = world.scorecard(&season, &agency).and_then(|card| card.appeals.get(&id));
    let appeal = appeal.ok_or_else(|| unknown("appeal", &id))?;
    let appeal = appeal_json(&season, &agency, &id, appeal);
    Ok(with_as_of(json!({ "appeal": appeal, "entries": entries.told(api).await? }), cut))
}

fn is_open(appeal: &Appeal) -> bool {
    appeal.items.iter().any(|item| item.state == ItemState::Open)
}

fn appeal_json(season: &SeasonId, agency: &AgencyId, id: &CaseId, appeal: &Appeal) -> Value {
    let item = |(item, number): (&Item, u32)| {
        let state = match item.state {
            ItemState::Open => json!("open"),
            ItemState::Withdrawn => json!("withdrawn"),
            ItemState::Decided(outcome) => word(&outcome),
        };
        json!({
            "item": number, "target": transcode::choice(word(&item.target)), "requested": item.requested,
            "state": state,
        })
    };
    json!({
        "season": season, "agency": agency, "appeal": id, "late": appeal.late,
        "state": if is_open(appeal) { "open" } else { "ended" },
        "items": appeal.items.iter().zip(1..).map(item).collect::<Vec<_>>(),
    })
}
