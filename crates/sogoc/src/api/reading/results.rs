//! Rankings, announcements, editions.

use serde_json::{Value, json};
use sogoc_domain::authority::{Reading, Subject};
use sogoc_domain::results::Edition;
use sogoc_domain::values::{GroupId, SeasonId};
use sogoc_register::{AsOf, QueryError};

use super::{Page, cut, with_as_of};
use crate::api::ask::Ask;
use crate::api::error::Fault;
use crate::api::sight::Sight;
use crate::api::{Api, Call};

pub(super) fn ranking(api: &Api, call: &Call, ask: &Ask) -> Result<Value, Fault> {
    let season: SeasonId = ask.must("season")?;
    let group: Option<GroupId> = ask.parsed("group")?;
    let register = api.app().register();
    let sight = Sight::new(register.world(), call.account(), api.app().now());
    let page = Page::of(ask, &format!("ranking {season} {group:?}"))?;
    let live = |cut| sight.ranking(&season, cut);
    let cut = match page.as_of {
        Some(position) => {
            let cut = register.cut(&AsOf::Position(position)).map_err(QueryError::from)?;
            live(cut)?;
            cut
        }
        None => cut(&register, &sight, ask, &season, live)?,
    };
    let rows = register.ranking(season.as_str(), group.as_ref().map(GroupId::as_str), cut)?;
    let edition = register.world().results.get(&season).and_then(|results| {
        let of_cut = |(e, _): &(&Edition, u32)| !e.annulled && Some(e.as_of) == cut.position();
        results.editions.iter().zip(1_u32..).filter(of_cut).map(|(_, number)| number).last()
    });
    let (rows, next) = page.take(rows.iter(), Some(cut));
    Ok(with_as_of(json!({ "rows": rows, "edition": edition, "next_page_token": next }), cut))
}

pub(super) fn editions(api: &Api, call: &Call, ask: &Ask) -> Result<Value, Fault> {
    let season: SeasonId = ask.must("season")?;
    let register = api.app().register();
    let world = register.world();
    if !world.seasons.contains_key(&season) {
        // Told as every question about a season is.
        register.ranking(season.as_str(), None, register.now())?;
    }
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
