//! Evidence files: the entries that name them.

use std::sync::Arc;

use serde_json::{Value, json};
use sogoc_domain::authority::{Reading, Subject};
use sogoc_domain::stream::Stream;
use sogoc_domain::values::{AgencyId, Digest, SeasonId};

use super::entries::Entries;
use super::{Page, aside, known_agency, known_season, unknown};
use crate::api::ask::{Ask, parse};
use crate::api::error::Fault;
use crate::api::sight::Sight;
use crate::api::{Api, Call};

pub(super) async fn list(api: &Api, call: &Call, ask: &Arc<Ask>) -> Result<Value, Fault> {
    let (places, entries, next) = aside(api, call, ask, gathered).await?;
    let files: Vec<_> = places
        .into_iter()
        .zip(entries.told(api).await?)
        .map(|((season, agency), entry)| json!({ "season": season, "agency": agency, "entry": entry }))
        .collect();
    Ok(json!({ "files": files, "next_page_token": next }))
}

type Gathered = (Vec<(SeasonId, AgencyId)>, Entries, String);

fn gathered(api: &Api, call: &Call, ask: &Ask) -> Result<Gathered, Fault> {
    let season: SeasonId = ask.must("season")?;
    let agency: Option<AgencyId> = ask.parsed("agency")?;
    let page = Page::of(ask, &format!("evidence {season} {agency:?}"))?;
    let register = api.app().register();
    let sight = Sight::new(register.world(), call.account(), api.app().now());
    match &agency {
        Some(agency) => known_agency(&register, &season, agency)?,
        None => known_season(&register, &season)?,
    }
    let after = match page.after.split_once(' ') {
        Some((agency, number)) => Some((parse("page_token", agency)?, parse("page_token", number)?)),
        None => None,
    };
    let files = register.evidence_of_season(&season, agency.as_ref(), after);
    let files = files.filter(|(of, _, position)| {
        sight.entry(&Stream::Scorecard(season.clone(), (*of).clone()).to_string(), *position)
    });
    let (files, next) = page.take_behind(files, |(of, number, _)| format!("{of} {number}"));
    if files.is_empty()
        && let Some(agency) = &agency
    {
        // That there is nothing, and that nothing may be seen, are two answers.
        sight.must(&Reading { season: Some(&season), agency: Some(agency), ..Reading::of(Subject::EvidenceFile) })?;
    }
    let (mut places, mut entries) = (Vec::new(), Entries::default());
    for (of, _, position) in files {
        let Some(view) = register.entry(position) else { continue };
        places.push((season.clone(), of.clone()));
        entries.push(&sight, view);
    }
    Ok((places, entries, next))
}

pub(super) async fn get(api: &Api, call: &Call, ask: &Arc<Ask>) -> Result<Value, Fault> {
    let digest: Digest = ask.must("digest")?;
    let entries = {
        let register = api.app().register();
        let sight = Sight::new(register.world(), call.account(), api.app().now());
        let views = register.evidence_entries(&digest).into_iter().filter_map(|position| register.entry(position));
        let mut views = views.filter(|view| sight.entry(&view.stream, view.position)).peekable();
        // Whether a file is attached where the caller may not look is not told: digests of files that went round can be
        // guessed.
        if views.peek().is_none() {
            return Err(unknown("file", digest));
        }
        let mut entries = Entries::default();
        views.for_each(|view| _ = entries.push(&sight, view));
        entries
    };
    Ok(json!({ "entries": entries.told(api).await? }))
}
