//! Scorecards: every leaf with its scores, the files, the requests.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sogoc_domain::World;
use sogoc_domain::authority::Subject;
use sogoc_domain::criteria::{LeafInfo, SetVersion};
use sogoc_domain::policy::Applicability;
use sogoc_domain::scorecard::{How, ItemState, Scorecard, Submission};
use sogoc_domain::season::Season;
use sogoc_domain::stream::Stream;
use sogoc_domain::values::{AgencyId, GroupId, SeasonId};
use sogoc_register::{Cut, Register, VerdictView};

use super::entries::Entries;
use super::{Page, cut, folding, known_agency, known_season, unknown, with_as_of, word};
use crate::api::ask::Ask;
use crate::api::error::Fault;
use crate::api::sight::Sight;
use crate::api::{Api, Call};

pub(super) fn list(api: &Api, call: &Call, ask: &Ask) -> Result<Value, Fault> {
    let season: SeasonId = ask.must("season")?;
    let group: Option<GroupId> = ask.parsed("group")?;
    let page = Page::of(ask, &format!("scorecards {season} {group:?}"))?;
    let register = api.app().register();
    known_season(&register, &season)?;
    let world = register.world();
    let sight = Sight::new(world, call.account(), api.app().now());
    let frame = world.seasons.get(&season).ok_or_else(|| unknown("season", &season))?;
    if let Some(group) = &group
        && !frame.groups.contains_key(group)
    {
        return Err(unknown("ranking group", group));
    }
    let members = frame.agencies.iter().filter(|(agency, member)| {
        group.as_ref().is_none_or(|group| member.group == *group)
            && sight.of_agency(Subject::Scorecard, &season, agency)
    });
    let (members, next) = page.take(members.map(|(agency, _)| agency), |agency| agency.to_string());
    let scorecards: Vec<_> = members.into_iter().map(|agency| summary(&register, &season, frame, agency)).collect();
    Ok(json!({ "scorecards": scorecards, "next_page_token": next }))
}

fn summary(register: &Register, season: &SeasonId, frame: &Season, agency: &AgencyId) -> Value {
    let world = register.world();
    let empty = Scorecard::default();
    let card = world.scorecard(season, agency).map_or(&empty, AsRef::as_ref);
    let (mut leaves, mut self_scored, mut appraised, mut confirmed) = (0_u32, 0_u32, 0_u32, 0_u32);
    for leaf in set_of(world, frame, agency).map_or(&[][..], SetVersion::leaves).iter().filter(|l| !l.is_survey()) {
        let recorded = card.leaf(&leaf.id);
        leaves += u32::from(recorded.is_none_or(|leaf| leaf.applicability == Applicability::Applies));
        self_scored += u32::from(recorded.is_some_and(|leaf| leaf.self_score.is_some()));
        appraised += u32::from(recorded.is_some_and(|leaf| leaf.appraised.is_some()));
        confirmed += u32::from(recorded.is_some_and(|leaf| leaf.confirmed));
    }
    let open_requests = card.requests.values().filter(|request| !request.answered && !request.decided).count();
    let items = card.appeals.values().flat_map(|appeal| &appeal.items);
    json!({
        "agency": agency, "group": group_of(frame, agency), "submission": submission(card.submission),
        "leaves": leaves, "self_scored": self_scored, "appraised": appraised, "confirmed": confirmed,
        "open_requests": open_requests,
        "open_appeal_items": items.filter(|item| item.state == ItemState::Open).count(),
        "version": register.stream_version(&Stream::Scorecard(season.clone(), agency.clone())),
    })
}

pub(super) async fn get(api: &Api, call: &Call, ask: &Ask) -> Result<Value, Fault> {
    let season: SeasonId = ask.must("season")?;
    let agency: AgencyId = ask.must("agency")?;
    let streams = [Stream::Season(season.clone()), Stream::Scorecard(season.clone(), agency.clone())];
    let (cut, standing) = {
        let register = api.app().register();
        known_agency(&register, &season, &agency)?;
        let sight = Sight::new(register.world(), call.account(), api.app().now());
        let live = |cut| sight.scorecard(&season, &agency, cut);
        let cut = cut(&register, ask, &season, None, live, || sight.newest_entries(&season))?;
        (cut, folding::standing(&register, &streams, cut)?)
    };
    let world = folding::as_of(api, standing, &streams, cut).await?;
    let frame = world.seasons.get(&season).ok_or_else(|| unknown("season", &season))?;
    if !frame.agencies.contains_key(&agency) {
        return Err(unknown("agency", format!("{agency} ({season})")));
    }
    let empty = Scorecard::default();
    let card = world.scorecard(&season, &agency).map_or(&empty, AsRef::as_ref);
    let (mut answer, files) = {
        let register = api.app().register();
        let sight = Sight::new(register.world(), call.account(), api.app().now());
        let answer = scorecard_json(&register, &season, frame, &agency, card, cut);
        (answer, files(&register, &sight, &season, &agency, card, cut))
    };
    let told = files.told(api).await?;
    answer["evidence"] = told.into_iter().filter_map(|mut entry| Some(entry.get_mut("evidence")?.take())).collect();
    Ok(with_as_of(json!({ "scorecard": answer }), cut))
}

fn scorecard_json(
    register: &Register,
    season: &SeasonId,
    frame: &Season,
    agency: &AgencyId,
    card: &Scorecard,
    cut: Cut,
) -> Value {
    let leaves = set_of(register.world(), frame, agency).map_or(&[][..], SetVersion::leaves);
    let leaf = |leaf: &LeafInfo| {
        let mut json = leaf_json(leaf, card);
        json["seen"] = register.leaf_version(season, agency, &leaf.id, cut).into();
        json
    };
    let version = register.stream_positions(&Stream::Scorecard(season.clone(), agency.clone()));
    let requests = card.requests.iter().map(|(case, request)| {
        json!({
            "case": case, "leaf": request.leaf, "due": frame.due_of(agency, case, request.due),
            "by": request.by.account, "answered": request.answered, "decided": request.decided,
        })
    });
    let leaf_of_evidence: BTreeMap<String, _> =
        card.evidence.iter().map(|(number, attached)| (number.to_string(), &attached.leaf)).collect();
    json!({
        "season": season, "agency": agency, "group": group_of(frame, agency),
        "submission": submission(card.submission),
        "version": version.partition_point(|position| *position < cut.entries()),
        "leaves": leaves.iter().map(leaf).collect::<Vec<_>>(),
        "leaf_of_evidence": leaf_of_evidence,
        "requests": requests.collect::<Vec<_>>(),
        "lines": card.lines.iter().map(|(line, points)| json!({ "line": line, "points": points })).collect::<Vec<_>>(),
        "class_cap": card.class_cap, "recused": card.recused,
    })
}

fn leaf_json(leaf: &LeafInfo, card: &Scorecard) -> Value {
    let unscored = sogoc_domain::scorecard::Leaf::default();
    let recorded = card.leaf(&leaf.id).unwrap_or(&unscored);
    let appraised = recorded.appraised.as_ref();
    json!({
        "leaf": leaf.id, "code": leaf.code, "name": leaf.name, "max_points": leaf.max_points,
        "applicability": word(&recorded.applicability),
        "self_points": recorded.self_score.as_ref().map(|score| score.points),
        "self_inputs": recorded.self_score.as_ref().map(|score| &score.inputs),
        "appraised_points": appraised.map(|score| score.points),
        "appraised_inputs": appraised.and_then(|score| score.inputs.as_ref()),
        "round": appraised.map_or(0, |score| score.round),
        "how": appraised.map(|score| how(score.how)),
        "reason_code": appraised.and_then(|score| score.reason_code.as_ref()),
        "confirmed": recorded.confirmed, "returned": recorded.returned, "redeclare": recorded.redeclare,
        "evidence_required": leaf.rule.evidence_required,
    })
}

/// The attached files, as the entries that attached them show them, each with its last verdict as of then.
fn files(
    register: &Register,
    sight: &Sight<'_>,
    season: &SeasonId,
    agency: &AgencyId,
    card: &Scorecard,
    cut: Cut,
) -> Entries {
    let mut entries = Entries::default();
    let attached = register.evidence_of_season(season, Some(agency), None);
    for (.., position) in attached.filter(|(.., position)| *position < cut.entries()) {
        let Some(mut view) = register.entry(position) else { continue };
        if let Some(evidence) = &mut view.evidence
            && let Some(attached) = card.evidence.get(&evidence.number)
        {
            evidence.withdrawn = attached.withdrawn;
            evidence.verdict = attached.verdict().map(VerdictView::from);
        }
        entries.push(sight, view);
    }
    entries
}

/// The version of the criteria set by which an agency is scored, once the season runs.
pub(super) fn set_of<'w>(world: &'w World, frame: &Season, agency: &AgencyId) -> Option<&'w SetVersion> {
    let group = frame.groups.get(&frame.agencies.get(agency)?.group)?;
    world.sets.get(group.set.as_ref()?)?.version(group.set_version?).map(AsRef::as_ref)
}

fn group_of<'f>(frame: &'f Season, agency: &AgencyId) -> Option<&'f GroupId> {
    frame.agencies.get(agency).map(|member| &member.group)
}

fn submission(submission: Submission) -> &'static str {
    match submission {
        Submission::Open => "open",
        Submission::Submitted => "submitted",
        Submission::Missed => "missed",
        Submission::LateAccepted => "late-accepted",
    }
}

fn how(how: How) -> &'static str {
    match how {
        How::Appraised => "appraised",
        How::Deemed => "deemed",
        How::Corrected => "corrected",
        How::Resolved => "resolved",
        How::Appealed => "appealed",
        How::Recomputed => "recomputed",
    }
}
