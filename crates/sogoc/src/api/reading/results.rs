//! Rankings, announcements, editions.

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};
use sogoc_domain::authority::{Reading, Subject};
use sogoc_domain::results::Edition;
use sogoc_domain::values::{GroupId, SeasonId};

use super::{Page, cut, known_season};
use crate::api::ask::Ask;
use crate::api::error::Fault;
use crate::api::sight::Sight;
use crate::api::written::written;
use crate::api::{Api, Call};

pub(super) fn ranking(api: &Api, call: &Call, ask: &Ask) -> Result<Bytes, Fault> {
    let season: SeasonId = ask.must("season")?;
    let group: Option<GroupId> = ask.parsed("group")?;
    let page = Page::of(ask, &format!("ranking {season} {group:?}"))?;
    let register = api.app().register();
    known_season(&register, &season)?;
    let sight = Sight::new(register.world(), call.account(), api.app().now());
    let live = |cut| sight.ranking(&season, cut);
    let cut = cut(&register, ask, &season, page.as_of, live, || sight.newest(&season))?;
    let group = group.as_ref().map(GroupId::as_str);
    let (rows, more) = register.ranking_page(season.as_str(), group, cut, page.from, page.size)?;
    let edition = register.world().results.get(&season).and_then(|results| {
        let of_cut = |(e, _): &(&Edition, u32)| !e.annulled && Some(e.as_of) == cut.position();
        results.editions.iter().zip(1_u32..).filter(of_cut).map(|(_, number)| number).last()
    });
    let next = page.next(rows.len(), more, Some(cut));
    #[derive(Serialize)]
    struct Ranking<R> {
        rows: R,
        edition: Option<u32>,
        next_page_token: String,
        as_of: Option<u64>,
    }
    written(&Ranking { rows, edition, next_page_token: next, as_of: cut.position() })
}

pub(super) fn editions(api: &Api, call: &Call, ask: &Ask) -> Result<Value, Fault> {
    let season: SeasonId = ask.must("season")?;
    let register = api.app().register();
    let world = register.world();
    known_season(&register, &season)?;
    let sight = Sight::new(world, call.account(), api.app().now());
    sight.must(&Reading { season: Some(&season), ..Reading::of(Subject::Catalogue) })?;
    let results = world.results.get(&season);
    let announcements: Vec<Value> = results
        .map_or(&[][..], |r| &r.announcements)
        .iter()
        .zip(1_u32..)
        .map(|(a, number)| {
            let approved: Vec<_> = a.approved_by.iter().map(|by| by.account.as_str()).collect();
            json!({ "number": number, "as_of": a.as_of, "approved_by": approved })
        })
        .collect();
    let editions: Vec<Value> = results
        .map_or(&[][..], |r| &r.editions)
        .iter()
        .zip(1_u32..)
        .map(|(e, number)| edition_json(e, number))
        .collect();
    Ok(json!({ "announcements": announcements, "editions": editions }))
}

/// An edition as the schema has it.
pub(super) fn edition_json(edition: &Edition, number: u32) -> Value {
    json!({
        "edition": number, "kind": edition.kind, "announcement": edition.announcement, "as_of": edition.as_of,
        "instrument": edition.instrument, "annulled": edition.annulled,
    })
}
