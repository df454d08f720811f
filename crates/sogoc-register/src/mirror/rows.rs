//! Rows of the mirror's tables, from the register's answers as of now.

use serde_json::Value as Json;
use sogoc_domain::event::AppealTarget;
use sogoc_domain::scorecard::ItemState;
use sogoc_domain::values::{AgencyId, SeasonId, Timestamp};

use super::MirrorError;
use super::tables::{Rows, or_null, row};
use crate::Register;
use crate::micro::Micro;
use crate::symbols::{ix, wide};

fn told(error: impl std::fmt::Display) -> MirrorError {
    MirrorError::Register(error.to_string())
}

/// The word that a unit-like enum is written as.
fn word<T: serde::Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(Json::String(text)) => text,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

/// Entries from a position on.
pub(super) fn activity(register: &Register, from: u64, rows: &mut Rows) {
    for position in from..register.size() {
        let Some(meta) = register.metas.get(position) else { break };
        let stream = &register.streams[ix(meta.stream)];
        let version = stream.positions.binary_search(&position).map_or(0, |at| wide(at) + 1);
        let name = |sym| register.symbols.name(sym).to_owned();
        rows.push(row![
            position,
            Timestamp::from_micros(meta.at).to_string(),
            or_null(meta.occurred.get().map(Timestamp::from_micros)),
            stream.name.to_string(),
            version,
            name(meta.kind),
            name(meta.account),
            or_null(meta.role.get()),
        ]);
    }
}

pub(super) fn of_season(
    register: &Register,
    table: &str,
    season: &SeasonId,
    rows: &mut Rows,
) -> Result<(), MirrorError> {
    let id = season.as_str();
    if table == "figure" {
        for figure in register.figures(id, None, register.now()).map_err(told)? {
            rows.push(row![id, figure.address, or_null(figure.value.text()), figure.display, figure.unit.as_str()]);
        }
        return Ok(());
    }
    for ranked in register.ranking(id, None, register.now()).map_err(told)? {
        rows.push(row![
            id,
            ranked.group,
            ranked.rank,
            ranked.agency,
            or_null(ranked.total_points.text()),
            or_null(ranked.index.text()),
            or_null(ranked.index_display),
            or_null(ranked.class),
        ]);
    }
    Ok(())
}

pub(super) fn of_agency(
    register: &Register,
    table: &str,
    season: &SeasonId,
    agency: &AgencyId,
    rows: &mut Rows,
) -> Result<(), MirrorError> {
    match table {
        "current_score" => current_score(register, season, agency, rows),
        "criterion_history" => criterion_history(register, season, agency, rows),
        "agency_result" => agency_result(register, season, agency, rows),
        "appeal" => {
            appeals(register, season, agency, rows);
            Ok(())
        }
        _ => {
            evidence(register, season, agency, rows);
            Ok(())
        }
    }
}

fn current_score(
    register: &Register,
    season: &SeasonId,
    agency: &AgencyId,
    rows: &mut Rows,
) -> Result<(), MirrorError> {
    let world = register.world();
    let Some(state) = world.seasons.get(season) else { return Ok(()) };
    let Some(group) = state.agencies.get(agency).map(|m| &m.group) else { return Ok(()) };
    let Some(frame) = state.groups.get(group) else { return Ok(()) };
    let set = frame.set.as_ref().zip(frame.set_version).and_then(|(set, v)| world.sets.get(set)?.version(v));
    let Some(set) = set else { return Ok(()) };
    let positions = register.season_log(season).and_then(|log| log.card(register.symbols.find(agency.as_str())?));
    for leaf in set.leaves().iter().filter(|l| !l.is_survey()) {
        let recorded = world.scorecard(season, agency).and_then(|card| card.leaf(&leaf.id));
        let appraised = recorded.and_then(|l| l.appraised.as_ref()).map(|a| a.points);
        let position = positions
            .and_then(|card| card.leaf(register.symbols.find(leaf.id.as_str())?))
            .and_then(|log| log.versions.last())
            .map(|version| version.position);
        rows.push(row![
            season.as_str(),
            agency.as_str(),
            group.as_str(),
            leaf.id.as_str(),
            leaf.code,
            leaf.max_points.to_string(),
            recorded.map_or_else(|| "applies".to_owned(), |l| word(&l.applicability)),
            or_null(recorded.and_then(|l| l.self_score.as_ref()).map(|s| s.points)),
            or_null(appraised),
            appraised.map(|p| Micro::of(p).0),
            i64::from(recorded.is_some_and(|l| l.confirmed)),
            position,
        ]);
    }
    Ok(())
}

fn criterion_history(
    register: &Register,
    season: &SeasonId,
    agency: &AgencyId,
    rows: &mut Rows,
) -> Result<(), MirrorError> {
    for change in register.history(season.as_str(), agency.as_str(), None, register.now()).map_err(told)? {
        rows.push(row![
            season.as_str(),
            agency.as_str(),
            or_null(change.leaf.as_deref()),
            change.entry.position,
            change.entry.at.to_string(),
            or_null(change.entry.occurred),
            change.entry.kind.to_string(),
            change.field,
            or_null(change.old),
            or_null(change.new),
            change.entry.actor.to_string(),
            change.entry.role,
            or_null(change.entry.reason_code.as_deref()),
        ]);
    }
    Ok(())
}

fn agency_result(
    register: &Register,
    season: &SeasonId,
    agency: &AgencyId,
    rows: &mut Rows,
) -> Result<(), MirrorError> {
    let group = register.world().seasons.get(season).and_then(|s| s.agencies.get(agency)).map(|m| m.group.clone());
    let Some(group) = group else { return Ok(()) };
    let figure =
        |name: &str| register.value(&format!("{season}/{group}/{agency}/{name}"), register.now()).map_err(told);
    let index = figure("index")?;
    rows.push(row![
        season.as_str(),
        agency.as_str(),
        group.as_str(),
        or_null(figure("appraised_points")?.value.text()),
        or_null(figure("survey_points")?.value.text()),
        or_null(figure("total_points")?.value.text()),
        or_null(figure("applicable_max")?.value.text()),
        or_null(index.value.text()),
        index.display,
        or_null(figure("class")?.value.text()),
    ]);
    Ok(())
}

fn appeals(register: &Register, season: &SeasonId, agency: &AgencyId, rows: &mut Rows) {
    let Some(card) = register.world().scorecard(season, agency) else { return };
    for (id, appeal) in &card.appeals {
        for (item, number) in appeal.items.iter().zip(1_u32..) {
            let target = match &item.target {
                AppealTarget::Leaf(leaf) => format!("leaf/{leaf}"),
                AppealTarget::Applicability(leaf) => format!("applicability/{leaf}"),
                AppealTarget::SurveyPoints => "survey_points".to_owned(),
                AppealTarget::Class => "class".to_owned(),
            };
            let state = match item.state {
                ItemState::Open => "open".to_owned(),
                ItemState::Withdrawn => "withdrawn".to_owned(),
                ItemState::Decided(outcome) => word(&outcome),
            };
            rows.push(row![season.as_str(), agency.as_str(), id.as_str(), number, target, item.requested, state]);
        }
    }
}

fn evidence(register: &Register, season: &SeasonId, agency: &AgencyId, rows: &mut Rows) {
    let Some(card) = register.world().scorecard(season, agency) else { return };
    for (number, attached) in &card.evidence {
        let file = &attached.evidence;
        let examined = file.examined.as_deref();
        let verdict = attached.verdict();
        let last = verdict.and_then(|v| v.signatures.last());
        let mut reasons: Vec<&str> = verdict.map_or_else(Vec::new, |v| {
            v.reasons.iter().chain(v.signatures.iter().flat_map(|s| &s.reasons)).map(String::as_str).collect()
        });
        reasons.sort_unstable();
        reasons.dedup();
        let uses = file.digest.as_ref().map_or(0, |digest| register.uses_of(digest).len());
        rows.push(row![
            season.as_str(),
            agency.as_str(),
            number,
            attached.leaf.as_str(),
            or_null(file.digest),
            file.media,
            word(&file.signature),
            word(&file.purpose),
            or_null(file.case.as_ref()),
            i64::from(attached.withdrawn),
            examined.map(|e| e.bytes),
            examined.map(|e| e.active.join(";")),
            examined.map(|e| e.scan.as_str()),
            verdict.map(|v| v.outcome.as_str()),
            verdict.map(|_| reasons.join(";")),
            last.map(|s| s.signed_for.as_str()),
            or_null(last.and_then(|s| s.proven.or(s.claimed))),
            or_null(verdict.and_then(|v| v.anchors)),
            or_null(verdict.map(|v| v.judged_at)),
            attached.rejudged.len() + usize::from(examined.is_some()),
            uses,
        ]);
    }
}
