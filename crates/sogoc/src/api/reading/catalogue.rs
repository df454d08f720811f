//! Agencies, instruments, criteria sets.

use serde_json::{Value, json};
use sogoc_domain::agency::{Agency, Ending};
use sogoc_domain::authority::{Reading, Subject};
use sogoc_domain::criteria::CriteriaSet;
use sogoc_domain::values::{SetId, Timestamp};

use super::{Page, unknown};
use crate::api::ask::Ask;
use crate::api::error::Fault;
use crate::api::sight::Sight;
use crate::api::{Api, Call};

/// That the catalogue may be read.
fn may_read(sight: &Sight<'_>) -> Result<(), Fault> {
    Ok(sight.must(&Reading::of(Subject::Catalogue))?)
}

pub(super) fn agencies(api: &Api, call: &Call, ask: &Ask) -> Result<Value, Fault> {
    let page = Page::of(ask, "agencies")?;
    let (register, now) = (api.app().register(), api.app().now());
    let world = register.world();
    may_read(&Sight::new(world, call.account(), now))?;
    let (agencies, next) = page.take(world.agencies.iter(), |(id, _)| id.to_string());
    let agencies: Vec<_> = agencies.into_iter().map(|(id, agency)| agency_json(id.as_str(), agency, now)).collect();
    Ok(json!({ "agencies": agencies, "next_page_token": next }))
}

fn agency_json(id: &str, agency: &Agency, now: Timestamp) -> Value {
    // A name that was recorded ahead of its instant is not its name yet.
    let name = agency.name_at(now).or_else(|| agency.name()).cloned().unwrap_or_default();
    let ended = agency.ended.as_ref();
    let how = ended.map(|ended| match ended.how {
        Ending::Merged => "merged",
        Ending::Split => "split",
        Ending::Dissolved => "dissolved",
    });
    json!({
        "agency": id, "name": name.vi, "name_en": name.en, "short": name.short, "body": agency.body,
        "ended": how, "ended_from": ended.map(|ended| ended.from),
        "successors": ended.map(|ended| &ended.successors),
    })
}

pub(super) fn instruments(api: &Api, call: &Call, ask: &Ask) -> Result<Value, Fault> {
    let page = Page::of(ask, "instruments")?;
    let register = api.app().register();
    let world = register.world();
    may_read(&Sight::new(world, call.account(), api.app().now()))?;
    let (instruments, next) = page.take(world.instruments.iter(), |(id, _)| id.to_string());
    let one = |(id, i): (_, &std::sync::Arc<sogoc_domain::instrument::Instrument>)| {
        json!({
            "id": id, "number": i.number, "date": i.date, "issuer": i.issuer, "title": i.title,
            "document": i.document,
        })
    };
    let instruments: Vec<_> = instruments.into_iter().map(one).collect();
    Ok(json!({ "instruments": instruments, "next_page_token": next }))
}

pub(super) fn sets(api: &Api, call: &Call, ask: &Ask) -> Result<Value, Fault> {
    let page = Page::of(ask, "criteria sets")?;
    let register = api.app().register();
    let world = register.world();
    may_read(&Sight::new(world, call.account(), api.app().now()))?;
    let (sets, next) = page.take(world.sets.iter(), |(id, _)| id.to_string());
    let sets: Vec<_> =
        sets.into_iter().map(|(id, set)| set_json(id, set, set.current_version(), Value::Null)).collect();
    Ok(json!({ "sets": sets, "next_page_token": next }))
}

pub(super) fn set(api: &Api, call: &Call, ask: &Ask) -> Result<Value, Fault> {
    let id: SetId = ask.must("set")?;
    let version = ask.number("version");
    let register = api.app().register();
    let world = register.world();
    may_read(&Sight::new(world, call.account(), api.app().now()))?;
    let set = world.sets.get(&id).ok_or_else(|| unknown("criteria set", &id))?;
    let (number, domains) = match version {
        Some(number) => {
            let found = u32::try_from(number).ok().and_then(|number| set.version(number));
            let found = found.ok_or_else(|| unknown("version of a criteria set", format!("{id} {number}")))?;
            (found.version, json!(found.domains))
        }
        // A draft has no version yet: what is drafted is shown.
        None => match set.current() {
            Some(current) => (current.version, json!(current.domains)),
            None => (0, json!(set.domains)),
        },
    };
    Ok(json!({ "set": set_json(&id, set, number, domains) }))
}

fn set_json(id: &SetId, set: &CriteriaSet, version: u32, domains: Value) -> Value {
    json!({
        "set": id, "title": set.title, "title_en": set.title_en, "status": set.status, "version": version,
        "max_points": set.max_points, "domains": domains,
    })
}
