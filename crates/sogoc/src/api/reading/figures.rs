//! Figures, where they come from, why they changed, what would change them.

use std::collections::HashSet;
use std::str::FromStr as _;
use std::sync::Arc;

use bytes::Bytes;
use serde::ser::SerializeSeq as _;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};
use sogoc_domain::authority::{Reading, Subject};
use sogoc_domain::command::Envelope;
use sogoc_domain::refusal::Refusal;
use sogoc_domain::values::{AgencyId, Sealed, SeasonId};
use sogoc_log::Uuid;
use sogoc_register::{
    AsOf, ChangedFigure, Cut, FigureValue, HistoryItem, Printed, QueryError, TRACE_NODES_MAX, Trace, TraceNode, Why,
};

use super::entries::{Entries, fetched, prepare, withheld};
use super::{Page, aside, cut, known_agency, known_season, with_as_of};
use crate::api::ask::{Ask, invalid};
use crate::api::error::Fault;
use crate::api::schema::{Does, Method, SCHEMA};
use crate::api::sight::Sight;
use crate::api::written::written;
use crate::api::{Api, Call, commands, transcode};

/// Nodes of a trace where nothing is said: an agency's index with all that is behind it.
const NODES_DEFAULT: usize = 5_000;
/// How often a figure is computed for *why*, times the agencies that each computation goes over: about half a second.
const WHY_WORK_MAX: usize = 4_000_000;
/// Most commands of a what-if.
const COMMANDS_MAX: usize = 100;
/// Most printed figures of a reconciliation.
const CLAIMS_MAX: usize = 10_000;
/// Longest address of a figure, in bytes: five ids and some names.
const ADDRESS_MAX: usize = 1_000;

/// The season of an address.
///
/// # Errors
/// `invalid` for what is no address.
pub(super) fn season_of(address: &str) -> Result<SeasonId, Fault> {
    let no_address = |why: &str| invalid("address", address, why);
    if address.len() > ADDRESS_MAX {
        return Err(no_address("it is longer than any address"));
    }
    let (season, rest) = address.split_once('/').unwrap_or((address, ""));
    if rest.is_empty() {
        return Err(no_address("it begins with the season, such as hanam-2022/departments/mean_index"));
    }
    SeasonId::from_str(season).map_err(|why| invalid("address", address, why.0))
}

pub(super) fn figure(api: &Api, call: &Call, ask: &Ask) -> Result<Value, Fault> {
    let address = ask.must_text("address")?;
    let season = season_of(address)?;
    let register = api.app().register();
    known_season(&register, &season)?;
    let sight = Sight::new(register.world(), call.account(), api.app().now());
    let live = |cut| sight.figure(address, cut);
    let cut = cut(&register, ask, &season, None, live, || sight.newest(&season))?;
    let figure = register.value(address, cut)?;
    Ok(with_as_of(json!({ "figure": figure }), cut))
}

pub(super) fn list(api: &Api, call: &Call, ask: &Ask) -> Result<Bytes, Fault> {
    let season: SeasonId = ask.must("season")?;
    let under = ask.text("under");
    let page = Page::of(ask, &format!("figures {season} {under:?}"))?;
    let register = api.app().register();
    known_season(&register, &season)?;
    let sight = Sight::new(register.world(), call.account(), api.app().now());
    let live = |cut| listed(&sight, &season, under, cut);
    let cut = cut(&register, ask, &season, page.as_of, live, || sight.newest(&season))?;
    let all = sight.all_figures(&season, cut);
    let may = |address: &str| all || sight.figure(address, cut).is_ok();
    let (figures, more) = register.figures_page(season.as_str(), under, cut, (&page.after, page.size), may)?;
    let last = figures.last().filter(|_| more);
    let next = last.map(|last| page.token(0, Some(cut), &last.address)).unwrap_or_default();
    #[derive(Serialize)]
    struct Listed<F> {
        figures: F,
        next_page_token: String,
        as_of: Option<u64>,
    }
    written(&Listed { figures, next_page_token: next, as_of: cut.position() })
}

/// That some of the figures under a prefix may be read: all of the season's, or those of an agency's scorecard, the
/// survey or a criteria set, where the prefix names one of them.
fn listed(sight: &Sight<'_>, season: &SeasonId, under: Option<&str>, cut: Cut) -> Result<(), Refusal> {
    let Err(refusal) = sight.ranking(season, cut) else { return Ok(()) };
    let under = under.unwrap_or("");
    let under = under.strip_prefix(season.as_str()).and_then(|rest| rest.strip_prefix('/')).unwrap_or(under);
    let mut parts = under.split('/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some("criteria"), Some(_), _) | (Some(_), Some("criteria"), Some(_)) => {
            sight.must(&Reading { season: Some(season), ..Reading::of(Subject::Catalogue) })
        }
        (Some("survey"), Some(_), _) => {
            sight.must(&Reading { season: Some(season), ..Reading::of(Subject::SurveyPoints) })
        }
        (Some(_), Some(agency), Some(_)) => match AgencyId::from_str(agency) {
            Ok(agency) => {
                sight.must(&Reading { season: Some(season), agency: Some(&agency), ..Reading::of(Subject::Scorecard) })
            }
            Err(_) => Err(refusal),
        },
        _ => Err(refusal),
    }
}

// ---- traces -------------------------------------------------------------------------------------------------------

/// A trace while it is on its way: what of it is withheld, and the texts that it still needs.
struct Traced {
    trace: Trace,
    cut: Cut,
    /// Positions of entries.
    entries: HashSet<u64>,
    /// Addresses of figures, and as of when where that is not the trace's.
    figures: HashSet<(String, Option<u64>)>,
    wanted: Vec<Sealed>,
}

pub(super) async fn trace(api: &Api, call: &Call, ask: &Arc<Ask>) -> Result<Bytes, Fault> {
    let mut traced = aside(api, call, ask, traced).await?;
    let texts = fetched(api, std::mem::take(&mut traced.wanted)).await?;
    let told = move |_: &Api, _: &Call, _: &Ask| {
        #[derive(Serialize)]
        struct Answer<'a> {
            as_of: Option<u64>,
            trace: Figure<'a>,
        }
        let Traced { mut trace, cut, entries, figures, .. } = traced;
        trace.fill(|commitment| texts.get(commitment).cloned());
        let trace = Figure { trace: &trace, hidden: Hidden { entries: &entries, figures: &figures } };
        written(&Answer { as_of: cut.position(), trace })
    };
    aside(api, call, ask, told).await
}

fn traced(api: &Api, call: &Call, ask: &Ask) -> Result<Traced, Fault> {
    let address = ask.must_text("address")?;
    let season = season_of(address)?;
    let nodes_max = match ask.number("nodes_max").unwrap_or(0) {
        0 => NODES_DEFAULT,
        nodes => usize::try_from(nodes).unwrap_or(usize::MAX).min(TRACE_NODES_MAX),
    };
    let register = api.app().register();
    known_season(&register, &season)?;
    let sight = Sight::new(register.world(), call.account(), api.app().now());
    let live = |cut| sight.figure(address, cut);
    let cut = cut(&register, ask, &season, None, live, || sight.newest(&season))?;
    let mut trace = register.trace(address, cut, nodes_max)?;
    let (mut entries, mut wanted) = (HashSet::new(), Vec::new());
    trace.each_entry(&mut |view| {
        if sight.entry(&view.stream, view.position) {
            prepare(&sight, view, &mut wanted);
        } else {
            entries.insert(view.position);
        }
    });
    let mut figures = HashSet::new();
    let all = sight.all_figures(&season, cut);
    hide(&sight, &season, &trace.inputs, cut, all, &mut figures);
    Ok(Traced { trace, cut, entries, figures, wanted })
}

/// Notes the figures of a trace that are not the caller's to read: an agency's own sums may rest on such.
fn hide(
    sight: &Sight<'_>,
    season: &SeasonId,
    nodes: &[TraceNode],
    cut: Cut,
    all: bool,
    hidden: &mut HashSet<(String, Option<u64>)>,
) {
    for node in nodes {
        let TraceNode::Figure(child) = node else { continue };
        let at = child.as_of.map_or(cut, Cut::after);
        let of_season = child.figure.address.strip_prefix(season.as_str()).is_some_and(|rest| rest.starts_with('/'));
        let seen = all && child.as_of.is_none() && of_season;
        if !seen && sight.figure(&child.figure.address, at).is_err() {
            hidden.insert((child.figure.address.clone(), child.as_of));
        } else {
            hide(sight, season, &child.inputs, cut, all, hidden);
        }
    }
}

/// What of a trace is not the caller's to read.
#[derive(Clone, Copy)]
struct Hidden<'a> {
    entries: &'a HashSet<u64>,
    figures: &'a HashSet<(String, Option<u64>)>,
}

/// A figure of a trace as the schema has it, with all that is under it.
struct Figure<'a> {
    trace: &'a Trace,
    hidden: Hidden<'a>,
}

/// What a figure came from, as the schema has it.
struct Inputs<'a> {
    nodes: &'a [TraceNode],
    hidden: Hidden<'a>,
}

impl Serialize for Figure<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown<'a> {
            #[serde(flatten)]
            figure: &'a FigureValue,
            as_of: Option<u64>,
            formula: &'a str,
            inputs: Inputs<'a>,
            omitted: usize,
        }
        let Trace { figure, as_of, formula, inputs, omitted } = self.trace;
        let hidden = self.hidden;
        if !hidden.figures.is_empty() && hidden.figures.contains(&(figure.address.clone(), *as_of)) {
            return json!({ "address": figure.address, "as_of": as_of, "withheld": true }).serialize(s);
        }
        let inputs = Inputs { nodes: inputs, hidden };
        Shown { figure, as_of: *as_of, formula, inputs, omitted: *omitted }.serialize(s)
    }
}

impl Serialize for Inputs<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut list = s.serialize_seq(Some(self.nodes.len()))?;
        for node in self.nodes {
            match node {
                TraceNode::Figure(trace) => list.serialize_element(&Figure { trace, hidden: self.hidden })?,
                TraceNode::Entry(view) if self.hidden.entries.contains(&view.position) => {
                    list.serialize_element(&withheld(view.position))?;
                }
                TraceNode::Entry(view) => list.serialize_element(view)?,
            }
        }
        list.end()
    }
}

// ---- histories ----------------------------------------------------------------------------------------------------

pub(super) async fn history(api: &Api, call: &Call, ask: &Arc<Ask>) -> Result<Value, Fault> {
    let (items, entries, next, cut) = aside(api, call, ask, happened).await?;
    let items: Vec<_> = items
        .into_iter()
        .zip(entries.told(api).await?)
        .map(|(mut item, entry)| {
            item["entry"] = entry;
            item
        })
        .collect();
    Ok(with_as_of(json!({ "items": items, "next_page_token": next }), cut))
}

type Happened = (Vec<Value>, Entries, String, Cut);

fn happened(api: &Api, call: &Call, ask: &Ask) -> Result<Happened, Fault> {
    let season: SeasonId = ask.must("season")?;
    let agency: AgencyId = ask.must("agency")?;
    let leaf = ask.text("leaf");
    let page = Page::of(ask, &format!("history {season} {agency} {leaf:?}"))?;
    let register = api.app().register();
    known_agency(&register, &season, &agency)?;
    let sight = Sight::new(register.world(), call.account(), api.app().now());
    let live = |cut| sight.scorecard(&season, &agency, cut);
    let cut = cut(&register, ask, &season, page.as_of, live, || sight.newest_entries(&season))?;
    let history = register.history(season.as_str(), agency.as_str(), leaf, cut)?;
    let next = page.next(page.size, history.len() > page.from.saturating_add(page.size), Some(cut));
    let (mut items, mut entries) = (Vec::new(), Entries::default());
    for HistoryItem { entry, leaf, field, old, new } in history.into_iter().skip(page.from).take(page.size) {
        let seen = entries.push(&sight, entry);
        items.push(if seen { json!({ "leaf": leaf, "field": field, "old": old, "new": new }) } else { json!({}) });
    }
    Ok((items, entries, next, cut))
}

pub(super) async fn why(api: &Api, call: &Call, ask: &Arc<Ask>) -> Result<Value, Fault> {
    let (mut answer, contributions, entries) = aside(api, call, ask, changed).await?;
    let contributions: Vec<_> = contributions
        .into_iter()
        .zip(entries.told(api).await?)
        .map(|(mut contribution, entry)| {
            contribution["entry"] = entry;
            contribution
        })
        .collect();
    answer["contributions"] = contributions.into();
    Ok(answer)
}

fn changed(api: &Api, call: &Call, ask: &Ask) -> Result<(Value, Vec<Value>, Entries), Fault> {
    let address = ask.must_text("address")?;
    let season = season_of(address)?;
    let (from, to) = (ask.number("from").unwrap_or(0), ask.number("to").unwrap_or(0));
    if from > to {
        return Err(invalid("from", &from.to_string(), format!("it is the earlier position, and to is {to}")));
    }
    let register = api.app().register();
    known_season(&register, &season)?;
    let sight = Sight::new(register.world(), call.account(), api.app().now());
    let at = |position| register.cut(&AsOf::Position(position)).map_err(QueryError::from);
    let (first, last) = (at(from)?, at(to)?);
    // What may be read as of a position may be read as of all before it.
    sight.figure(address, last)?;
    sight.figure(address, first)?;
    if register.why_work(address, first, last)? > WHY_WORK_MAX {
        let why = "so many entries between the two may have moved the figure that it would take too long: ask for a \
                   shorter stretch";
        return Err(invalid("from", &from.to_string(), why));
    }
    let Why { address, from, to, change, contributions } = register.why(address, first, last)?;
    let (mut told, mut entries) = (Vec::new(), Entries::default());
    for contribution in contributions {
        let mut json = json!({
            "delta": contribution.delta, "before": contribution.before, "after": contribution.after,
            "passed": contribution.passed,
        });
        if entries.push(&sight, contribution.entry) {
            json["agency"] = contribution.of_agency.into();
            json["leaf"] = contribution.leaf.into();
        }
        told.push(json);
    }
    Ok((json!({ "address": address, "from": from, "to": to, "change": change }), told, entries))
}

// ---- what is not recorded -----------------------------------------------------------------------------------------

/// Which figures commands would change. Nothing is recorded.
///
/// # Errors
/// The refusal of the first command that would be refused; of commands that cannot be read.
pub(in crate::api) async fn what_if(api: &Api, call: &Call, ask: Ask) -> Result<Value, Fault> {
    let proposed = ask.list("commands");
    if proposed.len() > COMMANDS_MAX {
        return Err(invalid("commands", &proposed.len().to_string(), format!("{COMMANDS_MAX} at most")));
    }
    let commands =
        (1_u64..).zip(proposed).map(|(number, one)| envelope(call, number, one)).collect::<Result<Vec<_>, _>>()?;
    let ask = Arc::new(ask);
    let changed = aside(api, call, &ask, move |api, call, _| {
        // The work itself asks the store for the files that commands name, and then takes its time over the figures.
        let changed = tokio::runtime::Handle::current().block_on(api.app().what_if(&commands));
        let changed = changed.map_err(|refused| Fault::Refusal(refused.refusal))?;
        let register = api.app().register();
        let sight = Sight::new(register.world(), call.account(), api.app().now());
        let seen = |changed: &ChangedFigure| sight.figure(&changed.address, register.now()).is_ok();
        Ok(changed.into_iter().filter(seen).map(|changed| json!(changed)).collect::<Vec<_>>())
    });
    Ok(json!({ "changed": changed.await? }))
}

/// The envelope of a proposed command, which has an id of its own for the files that it names.
fn envelope(call: &Call, number: u64, proposed: &Value) -> Result<Envelope, Fault> {
    let kind = proposed.get("kind").and_then(Value::as_str).unwrap_or_default();
    let of_kind = |method: &&Method| matches!(method.does, Does::Command(known) if known == kind);
    let no_kind = || invalid("commands", kind, format!("command {number}: it is no kind of command"));
    let method = SCHEMA.methods().find(of_kind).ok_or_else(no_kind)?;
    let fields = proposed.get("command").filter(|fields| !fields.is_null()).cloned();
    let fields = transcode::from_value(&method.input, fields.unwrap_or_else(|| json!({})))
        .map_err(|why| Fault::malformed(format!("command {number}: {why}")))?;
    let Value::Object(mut fields) = fields else { return Err(no_kind()) };
    fields.remove("command_id");
    fields.remove("envelope");
    let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, &number.to_be_bytes());
    let around = proposed.get("envelope").cloned();
    commands::envelope(method, kind, call, id, around, Map::from_iter(fields))
}

/// Compares printed figures with computed ones.
///
/// # Errors
/// The refusal of what is live, where the caller may read no newer figures; of claims that cannot be read.
pub(in crate::api) async fn reconcile(api: &Api, call: &Call, ask: Ask) -> Result<Value, Fault> {
    aside(api, call, &Arc::new(ask), |api, call, ask| {
        let season: SeasonId = ask.must("season")?;
        let claims = ask.list("claims");
        if claims.len() > CLAIMS_MAX {
            return Err(invalid("claims", &claims.len().to_string(), format!("{CLAIMS_MAX} at most")));
        }
        let printed = |claim: &Value| {
            let text = |name: &str| claim.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            Printed { claim_id: text("claim_id"), figure: text("figure"), published: text("published") }
        };
        let claims: Vec<_> = claims.iter().map(printed).collect();
        let register = api.app().register();
        known_season(&register, &season)?;
        let sight = Sight::new(register.world(), call.account(), api.app().now());
        let live = |cut| sight.ranking(&season, cut);
        let cut = cut(&register, ask, &season, None, live, || sight.newest(&season))?;
        if !sight.all_figures(&season, cut) {
            for claim in &claims {
                let rest = claim.figure.strip_prefix(season.as_str()).and_then(|rest| rest.strip_prefix('/'));
                sight.figure(&format!("{season}/{}", rest.unwrap_or(&claim.figure)), cut)?;
            }
        }
        let figures = register.reconcile(season.as_str(), &claims, cut)?;
        Ok(with_as_of(json!({ "figures": figures }), cut))
    })
    .await
}
