//! What reviewers, confirmers, the secretariat and the council do before the announcement, and after a reopening.

use crate::authority;
use crate::command::{
    AcceptLateSubmission, AcceptScore, AcceptUnchanged, AdjustScore, CapClass, ConfirmLeaves, CorrectScore,
    DecideApplicability, DeemScore, RecordMissedSubmission, RecuseReviewer, ReopenScorecard, RequestExplanation,
    ReturnLeaves, ScoreLine, TranscribeResult, UpholdScore,
};
use crate::criteria::LeafInfo;
use crate::decide::{Deciding, check_count};
use crate::event::{
    ApplicabilityDecided, ClassCapped, ExplanationRequested, LateSubmissionAccepted, LeavesConfirmed, LeavesReturned,
    LineScored, ResultTranscribed, ReviewerRecused, ScoreAccepted, ScoreAdjusted, ScoreCorrected, ScoreDeemed,
    ScoreUpheld, ScorecardReopened, SubmissionMissed,
};
use crate::evidence::check_counts;
use crate::policy::{CLERICAL_ERROR, LateSubmission, Mode};
use crate::refusal::{Refusal, refuse};
use crate::results;
use crate::scorecard::card::{Card, Job, check_reason};
use crate::scorecard::{How, Scorecard, Submission};
use crate::season::running;
use crate::stream::Stream;
use crate::values::{CaseId, LeafId, Points};

/// Most leaves that one entry lists; more are split over entries (DESIGN §5).
const LEAVES_PER_ENTRY: usize = 100;
/// Most nodes that one command names.
const NODES_MAX: usize = 500;

pub(crate) fn record_missed_submission(d: &Deciding<'_>, c: &RecordMissedSubmission) -> Result<(), Refusal> {
    let card = Card::open(d, &c.season, &c.agency)?;
    card.open_for(d, None)?;
    if card.state.submission != Submission::Open {
        return Err(card.state_refusal(d, "submitted, or let in late, or recorded as missed already"));
    }
    if card.season.admits(card.season_id, "submit-scorecard", card.now, Some(card.agency), None).is_ok() {
        return Err(card.state_refusal(d, "still within its time for submission"));
    }
    d.push(card.stream(), SubmissionMissed { by: d.by() });
    Ok(())
}

pub(crate) fn accept_late_submission(d: &Deciding<'_>, c: &AcceptLateSubmission) -> Result<(), Refusal> {
    let card = Card::open(d, &c.season, &c.agency)?;
    card.not_closed(d, None)?;
    if card.policy.late_submission == LateSubmission::Never {
        return Err(card.state_refusal(d, "late, and the season's policy lets no late submission in"));
    }
    if !matches!(card.state.submission, Submission::Open | Submission::Missed) {
        return Err(card.state_refusal(d, "submitted or let in already"));
    }
    authority::bar_own_case(d, &d.envelope.account, &c.season, &c.agency)?;
    d.push(card.stream(), LateSubmissionAccepted { reason: d.seal("reason", &c.reason)?, by: d.by() });
    Ok(())
}

/// A leaf can be appraised once its scorecard was submitted, or recorded as not submitted in time.
fn appraisable(d: &Deciding<'_>, card: &Card<'_>, leaf: &LeafInfo) -> Result<(), Refusal> {
    card.open_for(d, Some(&leaf.id))?;
    card.staffed(d, leaf, Job::Review)?;
    match card.state.submission {
        Submission::Submitted | Submission::Missed => {}
        Submission::Open | Submission::LateAccepted => return Err(card.state_refusal(d, "not submitted yet")),
    }
    let recorded = card.recorded(&leaf.id);
    if recorded.redeclare {
        return Err(card.leaf_refusal(d, leaf, "waiting to be declared again"));
    }
    let council = recorded.appraised.as_ref().is_some_and(|a| matches!(a.how, How::Resolved | How::Appealed));
    if council && !card.is_reopened(Some(&leaf.id)) {
        return Err(card.leaf_refusal(d, leaf, "set by the council"));
    }
    if recorded.confirmed && !card.is_reopened(Some(&leaf.id)) {
        return Err(card.leaf_refusal(d, leaf, "confirmed"));
    }
    Ok(())
}

/// The round that an appraisal made now belongs to.
fn next_round(d: &Deciding<'_>, card: &Card<'_>, leaf: &LeafInfo) -> Result<u32, Refusal> {
    let recorded = card.recorded(&leaf.id);
    let Some(appraised) = &recorded.appraised else { return Ok(1) };
    if recorded.returned || card.is_reopened(Some(&leaf.id)) {
        return Ok(appraised.round.max(1));
    }
    let round = appraised.round.saturating_add(1);
    if round > card.policy.appraisal_rounds {
        let state = format!("appraised in all {} rounds", card.policy.appraisal_rounds);
        return Err(card.leaf_refusal(d, leaf, state));
    }
    Ok(round)
}

pub(crate) fn accept_score(d: &Deciding<'_>, c: &AcceptScore) -> Result<(), Refusal> {
    let card = Card::open(d, &c.season, &c.agency)?;
    let leaf = card.scored_leaf(&c.leaf)?;
    let event = acceptance(d, &card, leaf)?;
    d.push(card.stream(), event);
    Ok(())
}

fn acceptance(d: &Deciding<'_>, card: &Card<'_>, leaf: &LeafInfo) -> Result<ScoreAccepted, Refusal> {
    appraisable(d, card, leaf)?;
    let recorded = card.recorded(&leaf.id);
    let Some(score) = &recorded.self_score else {
        return Err(card.leaf_refusal(d, leaf, "not scored by the agency"));
    };
    if let Some(appraised) = &recorded.appraised
        && !(recorded.returned && appraised.points == score.points)
    {
        return Err(card.leaf_refusal(d, leaf, "appraised already; adjust or uphold it with a reason"));
    }
    check_counts(card, leaf, score.points)?;
    let round = recorded.appraised.as_ref().map_or(1, |a| a.round.max(1));
    Ok(ScoreAccepted { leaf: leaf.id.clone(), round, points: score.points, by: d.by() })
}

pub(crate) fn accept_unchanged(d: &Deciding<'_>, c: &AcceptUnchanged) -> Result<(), Refusal> {
    let card = Card::open(d, &c.season, &c.agency)?;
    for leaf in leaves_under(&card, &c.node)? {
        if leaf.is_survey() || !card.applies(&leaf.id) || card.recorded(&leaf.id).appraised.is_some() {
            continue;
        }
        match acceptance(d, &card, leaf) {
            Ok(event) => d.push(card.stream(), event),
            Err(refusal) => d.fail(&leaf.code, refusal),
        }
    }
    Ok(())
}

fn leaves_under<'a>(card: &Card<'a>, node: &str) -> Result<Vec<&'a LeafInfo>, Refusal> {
    let leaves: Vec<_> = card.version.node_leaves(node).collect();
    if leaves.is_empty() {
        card.leaf(node)?;
    }
    Ok(leaves)
}

pub(crate) fn adjust_score(d: &Deciding<'_>, c: &AdjustScore) -> Result<(), Refusal> {
    let card = Card::open(d, &c.season, &c.agency)?;
    let leaf = card.scored_leaf(&c.leaf)?;
    appraisable(d, &card, leaf)?;
    answers(d, &card, leaf, c.case.as_ref())?;
    let round = next_round(d, &card, leaf)?;
    let change = card.change(d, leaf, &c.points, &c.reason_code, &c.reason)?;
    if change.old == Some(change.new) {
        let recorded = card.recorded(&leaf.id);
        let same = recorded.appraised.as_ref().map_or_else(
            || recorded.self_score.as_ref().map(|s| &s.inputs) == change.inputs.as_ref(),
            |a| a.inputs == change.inputs,
        );
        if same || recorded.appraised.is_some() {
            let why = format!("leaf {} has {} points already; accept or uphold it", leaf.code, change.new);
            return Err(refuse!(NothingToDo, why = why));
        }
    }
    check_counts(&card, leaf, change.new)?;
    d.push(card.stream(), ScoreAdjusted { change, round, case: c.case.clone(), by: d.by() });
    Ok(())
}

pub(crate) fn uphold_score(d: &Deciding<'_>, c: &UpholdScore) -> Result<(), Refusal> {
    let card = Card::open(d, &c.season, &c.agency)?;
    let leaf = card.scored_leaf(&c.leaf)?;
    appraisable(d, &card, leaf)?;
    answers(d, &card, leaf, c.case.as_ref())?;
    let recorded = card.recorded(&leaf.id);
    let Some(appraised) = &recorded.appraised else {
        return Err(card.leaf_refusal(d, leaf, "not appraised yet"));
    };
    let round = next_round(d, &card, leaf)?;
    check_reason(card.policy, card.season_id, &c.reason_code, Some(appraised.points), appraised.points)?;
    check_counts(&card, leaf, appraised.points)?;
    let event = ScoreUpheld {
        leaf: leaf.id.clone(),
        round,
        points: appraised.points,
        reason_code: c.reason_code.clone(),
        reason: d.seal("reason", &c.reason)?,
        case: c.case.clone(),
        by: d.by(),
    };
    d.push(card.stream(), event);
    Ok(())
}

/// An explanation that was asked for is decided upon by naming it: answered, or left unanswered until it was due.
fn answers(d: &Deciding<'_>, card: &Card<'_>, leaf: &LeafInfo, case: Option<&CaseId>) -> Result<(), Refusal> {
    let Some(case) = case else {
        return match card.state.open_request(&leaf.id) {
            Some((case, _)) => Err(card.leaf_refusal(d, leaf, format!("waiting for {case}; name it in `case`"))),
            None => Ok(()),
        };
    };
    let request = card.state.request(case).ok_or_else(|| refuse!(Unknown, what = "explanation request", id = case))?;
    if request.leaf != leaf.id {
        return Err(refuse!(Invalid, field = "case", value = case, why = "it is about another leaf"));
    }
    if request.decided {
        return Err(card.leaf_refusal(d, leaf, format!("decided on {case} already")));
    }
    let due = card.season.due_of(card.agency, case, request.due);
    if !request.answered && card.now < due {
        return Err(card.leaf_refusal(d, leaf, format!("waiting for the answer to {case}, due before {due}")));
    }
    Ok(())
}

pub(crate) fn request_explanation(d: &Deciding<'_>, c: &RequestExplanation) -> Result<(), Refusal> {
    let card = Card::open(d, &c.season, &c.agency)?;
    let leaf = card.scored_leaf(&c.leaf)?;
    appraisable(d, &card, leaf)?;
    let taken = card.state.requests.contains_key(&c.case) || card.state.appeals.contains_key(&c.case);
    Deciding::fresh_case("case", &c.case, taken)?;
    if let Some((open, _)) = card.state.open_request(&leaf.id) {
        return Err(card.leaf_refusal(d, leaf, format!("waiting for {open}")));
    }
    if c.due <= card.now {
        return Err(refuse!(Invalid, field = "due", value = c.due, why = format!("it is {}", card.now)));
    }
    next_round(d, &card, leaf)?;
    let event = ExplanationRequested {
        case: c.case.clone(),
        leaf: leaf.id.clone(),
        request: d.seal("request", &c.request)?,
        due: c.due,
        by: d.by(),
    };
    d.push(card.stream(), event);
    Ok(())
}

/// Nodes stand for those of their leaves that the caller may confirm; a leaf named itself is refused by name.
pub(crate) fn confirm_leaves(d: &Deciding<'_>, c: &ConfirmLeaves) -> Result<(), Refusal> {
    check_count("nodes", c.nodes.len(), NODES_MAX)?;
    if c.nodes.is_empty() {
        return Err(refuse!(Missing, field = "nodes"));
    }
    let card = Card::open(d, &c.season, &c.agency)?;
    let mut leaves = Vec::new();
    for named in &c.nodes {
        if let Some(leaf) = card.version.leaf(named) {
            match confirmable(d, &card, leaf) {
                Ok(()) => leaves.push(leaf.id.clone()),
                Err(refusal) => d.fail(&leaf.code, refusal),
            }
            continue;
        }
        for leaf in leaves_under(&card, named)? {
            let waits = card.recorded(&leaf.id).appraised.is_some() && !card.recorded(&leaf.id).confirmed;
            if !waits || card.staffed(d, leaf, Job::Confirm).is_err() {
                continue;
            }
            match confirmable(d, &card, leaf) {
                Ok(()) => leaves.push(leaf.id.clone()),
                Err(refusal) => d.fail(&leaf.code, refusal),
            }
        }
    }
    leaves.sort();
    leaves.dedup();
    for chunk in leaves.chunks(LEAVES_PER_ENTRY) {
        d.push(card.stream(), LeavesConfirmed { leaves: chunk.to_vec(), by: d.by() });
    }
    Ok(())
}

fn confirmable(d: &Deciding<'_>, card: &Card<'_>, leaf: &LeafInfo) -> Result<(), Refusal> {
    card.open_for(d, Some(&leaf.id))?;
    card.staffed(d, leaf, Job::Confirm)?;
    let recorded = card.recorded(&leaf.id);
    if recorded.appraised.is_none() {
        return Err(card.leaf_refusal(d, leaf, "not appraised yet"));
    }
    if recorded.confirmed {
        return Err(card.leaf_refusal(d, leaf, "confirmed already"));
    }
    if recorded.returned {
        return Err(card.leaf_refusal(d, leaf, "returned to the reviewer"));
    }
    if let Some((case, _)) = card.state.open_request(&leaf.id) {
        return Err(card.leaf_refusal(d, leaf, format!("waiting for {case}")));
    }
    authority::bar_same_person(d, &d.envelope.account, &recorded.deciders, &leaf.code)
}

pub(crate) fn return_leaves(d: &Deciding<'_>, c: &ReturnLeaves) -> Result<(), Refusal> {
    check_count("leaves", c.leaves.len(), LEAVES_PER_ENTRY)?;
    let card = Card::open(d, &c.season, &c.agency)?;
    let mut leaves = Vec::new();
    for named in &c.leaves {
        let leaf = card.scored_leaf(named)?;
        let checked = card.open_for(d, Some(&leaf.id)).and_then(|()| card.staffed(d, leaf, Job::Confirm));
        let recorded = card.recorded(&leaf.id);
        match checked {
            Err(refusal) => d.fail(&leaf.code, refusal),
            Ok(()) if recorded.appraised.is_none() => {
                d.fail(&leaf.code, card.leaf_refusal(d, leaf, "not appraised yet"))
            }
            Ok(()) if recorded.returned => d.fail(&leaf.code, card.leaf_refusal(d, leaf, "returned already")),
            Ok(()) => leaves.push(leaf.id.clone()),
        }
    }
    leaves.sort();
    leaves.dedup();
    if !leaves.is_empty() {
        d.push(card.stream(), LeavesReturned { leaves, reason: d.seal("reason", &c.reason)?, by: d.by() });
    }
    Ok(())
}

pub(crate) fn decide_applicability(d: &Deciding<'_>, c: &DecideApplicability) -> Result<(), Refusal> {
    check_count("leaves", c.leaves.len(), NODES_MAX)?;
    if c.leaves.is_empty() {
        return Err(refuse!(Missing, field = "leaves"));
    }
    let card = Card::open(d, &c.season, &c.agency)?;
    authority::bar_own_case(d, &d.envelope.account, &c.season, &c.agency)?;
    let mut seen = std::collections::BTreeSet::<LeafId>::new();
    for named in &c.leaves {
        let leaf = card.leaf(named)?;
        card.open_for(d, Some(&leaf.id))?;
        if card.recorded(&leaf.id).applicability == c.applicability || !seen.insert(leaf.id.clone()) {
            d.fail(&leaf.code, refuse!(NothingToDo, why = format!("leaf {} stands so already", leaf.code)));
            continue;
        }
        let event = ApplicabilityDecided {
            leaf: leaf.id.clone(),
            applicability: c.applicability,
            ground: d.seal("ground", &c.ground)?,
            by: d.by(),
        };
        d.push(card.stream(), event);
    }
    Ok(())
}

pub(crate) fn deem_score(d: &Deciding<'_>, c: &DeemScore) -> Result<(), Refusal> {
    let card = Card::open(d, &c.season, &c.agency)?;
    let leaf = card.scored_leaf(&c.leaf)?;
    card.open_for(d, Some(&leaf.id))?;
    authority::bar_own_case(d, &d.envelope.account, &c.season, &c.agency)?;
    if d.envelope.instrument.is_none() {
        return Err(refuse!(InstrumentRequired, command = d.kind()));
    }
    if card.recorded(&leaf.id).appraised.is_some() {
        return Err(card.leaf_refusal(d, leaf, "scored"));
    }
    check_reason(card.policy, card.season_id, &c.reason_code, None, Points::ZERO)?;
    let event = ScoreDeemed {
        leaf: leaf.id.clone(),
        reason_code: c.reason_code.clone(),
        reason: d.seal("reason", &c.reason)?,
        by: d.by(),
    };
    d.push(card.stream(), event);
    Ok(())
}

/// Names the entry that the leaf's points rest on, so that nothing in between is undone unseen.
pub(crate) fn correct_score(d: &Deciding<'_>, c: &CorrectScore) -> Result<(), Refusal> {
    let card = Card::open(d, &c.season, &c.agency)?;
    let leaf = card.scored_leaf(&c.leaf)?;
    card.not_closed(d, Some(&leaf.id))?;
    authority::bar_own_case(d, &d.envelope.account, &c.season, &c.agency)?;
    card.not_recused(d)?;
    if card.recorded(&leaf.id).appraised.is_none() {
        return Err(card.leaf_refusal(d, leaf, "not appraised yet; the agency scores it again"));
    }
    let mark = d.record.leaf_mark(&c.season, &c.agency, &leaf.id);
    if mark.as_ref().map(|m| m.position) != Some(c.corrects) {
        let current = mark.map_or_else(|| "nothing".to_owned(), |m| format!("position {}", m.position));
        let why = format!("the points of leaf {} rest on {current}", leaf.code);
        return Err(refuse!(Invalid, field = "corrects", value = c.corrects, why = why));
    }
    let change = card.change(d, leaf, &c.points, CLERICAL_ERROR, &c.reason)?;
    if change.old == Some(change.new) {
        return Err(refuse!(NothingToDo, why = format!("leaf {} has {} points already", leaf.code, change.new)));
    }
    d.push(card.stream(), ScoreCorrected { corrects: c.corrects, change, by: d.by() });
    Ok(())
}

pub(crate) fn recuse_reviewer(d: &Deciding<'_>, c: &RecuseReviewer) -> Result<(), Refusal> {
    let card = Card::open(d, &c.season, &c.agency)?;
    d.account(&c.account)?;
    if card.state.recused.contains(&c.account) {
        return Err(refuse!(NothingToDo, why = "the account stands aside already"));
    }
    let own = d.by().accounts().any(|a| *a == c.account);
    let principal = d.envelope.on_behalf_of.as_ref().unwrap_or(&d.envelope.account);
    if !own && !authority::holds_role(d, principal, authority::SECRETARIAT, Some(&c.season)) {
        return Err(refuse!(
            Invalid,
            field = "account",
            value = &c.account,
            why = "only the secretariat sets others aside"
        ));
    }
    let event = ReviewerRecused { account: c.account.clone(), reason: d.seal("reason", &c.reason)?, by: d.by() };
    d.push(card.stream(), event);
    Ok(())
}

pub(crate) fn reopen(d: &Deciding<'_>, c: &ReopenScorecard) -> Result<(), Refusal> {
    check_count("leaves", c.leaves.len(), LEAVES_PER_ENTRY)?;
    let card = Card::open(d, &c.season, &c.agency)?;
    if card.announced == 0 {
        return Err(card.state_refusal(d, "not closed"));
    }
    authority::bar_own_case(d, &d.envelope.account, &c.season, &c.agency)?;
    if d.envelope.instrument.is_none() {
        return Err(refuse!(InstrumentRequired, command = d.kind()));
    }
    let mut leaves = Vec::with_capacity(c.leaves.len());
    for named in &c.leaves {
        leaves.push(card.scored_leaf(named)?.id.clone());
    }
    leaves.sort();
    leaves.dedup();
    let reason = d.seal("reason", &c.reason)?;
    d.push(card.stream(), ScorecardReopened { announcement: card.announced, leaves, reason, by: d.by() });
    Ok(())
}

pub(crate) fn score_line(d: &Deciding<'_>, c: &ScoreLine) -> Result<(), Refusal> {
    let card = Card::open(d, &c.season, &c.agency)?;
    card.open_for(d, None)?;
    authority::bar_own_case(d, &d.envelope.account, &c.season, &c.agency)?;
    let line = card.season.lines.get(&c.line).ok_or_else(|| refuse!(Unknown, what = "line", id = &c.line))?;
    if c.points > line.cap || c.points.get().scale() > card.policy.leaf_decimals {
        let limit = format!("0 to {}, at most {} decimals", line.cap, card.policy.leaf_decimals);
        return Err(refuse!(PointsOutsideRule, leaf = &c.line, points = c.points, limit = limit));
    }
    let old = card.state.lines.get(&c.line).copied();
    if old == Some(c.points) {
        return Err(refuse!(NothingToDo, why = "the line has these points already"));
    }
    check_reason(card.policy, card.season_id, &c.reason_code, None, c.points)?;
    let event = LineScored {
        line: c.line.clone(),
        old,
        new: c.points,
        reason_code: c.reason_code.clone(),
        reason: d.seal("reason", &c.reason)?,
        by: d.by(),
    };
    d.push(card.stream(), event);
    Ok(())
}

pub(crate) fn cap_class(d: &Deciding<'_>, c: &CapClass) -> Result<(), Refusal> {
    let season = running(d, &c.season)?;
    let member =
        season.agencies.get(&c.agency).ok_or_else(|| refuse!(NotInSeason, agency = &c.agency, season = &c.season))?;
    let stream = Stream::Scorecard(c.season.clone(), c.agency.clone());
    d.read(stream.clone());
    season.admits_if_scheduled(&c.season, d)?;
    authority::bar_own_case(d, &d.envelope.account, &c.season, &c.agency)?;
    if d.envelope.instrument.is_none() {
        return Err(refuse!(InstrumentRequired, command = d.kind()));
    }
    known_class(season, &member.group, c.class.as_deref())?;
    let state = d.world.scorecard(&c.season, &c.agency);
    if state.map_or_else(|| Scorecard::default().class_cap, |s| s.class_cap.clone()) == c.class {
        return Err(refuse!(NothingToDo, why = "the cap stands so already"));
    }
    let announced = results::announced(d, &c.season);
    let reopened = state.and_then(|s| s.reopened.as_ref()).is_some_and(|(number, _)| *number == announced);
    if announced > 0 && !reopened {
        return Err(refuse!(SeasonState, season = &c.season, state = "announced", command = d.kind()));
    }
    d.push(stream, ClassCapped { class: c.class.clone(), reason: d.seal("reason", &c.reason)?, by: d.by() });
    Ok(())
}

/// That a class is one of the group's.
pub(crate) fn known_class(
    season: &crate::season::Season,
    group: &crate::values::GroupId,
    class: Option<&str>,
) -> Result<(), Refusal> {
    let Some(class) = class else { return Ok(()) };
    let bands = season.groups.get(group).map_or(&[][..], |g| &g.classes);
    if bands.iter().any(|b| b.code == class) {
        return Ok(());
    }
    let known: Vec<_> = bands.iter().map(|b| b.code.as_str()).collect();
    Err(refuse!(Invalid, field = "class", value = class, why = format!("known: {}", known.join(", "))))
}

pub(crate) fn transcribe_result(d: &Deciding<'_>, c: &TranscribeResult) -> Result<(), Refusal> {
    let season = running(d, &c.season)?;
    let member =
        season.agencies.get(&c.agency).ok_or_else(|| refuse!(NotInSeason, agency = &c.agency, season = &c.season))?;
    let has_set = season.groups.get(&member.group).is_none_or(|g| g.set.is_some());
    if season.mode != Mode::Imported || has_set {
        return Err(refuse!(SeasonState, season = &c.season, state = "scored leaf by leaf", command = d.kind()));
    }
    let stream = Stream::Scorecard(c.season.clone(), c.agency.clone());
    d.read(stream.clone());
    if d.world.scorecard(&c.season, &c.agency).is_some_and(|s| s.transcribed.is_some()) {
        return Err(refuse!(AlreadyExists, what = "transcribed result of", id = &c.agency));
    }
    if c.applicable_max == Points::ZERO {
        return Err(refuse!(Invalid, field = "applicable_max", value = 0, why = "it must be above 0"));
    }
    let total = c.appraised_points.plus(c.survey_points.unwrap_or(Points::ZERO));
    if total > c.applicable_max {
        let why = format!("appraised and survey points are more than the applicable max {}", c.applicable_max);
        return Err(refuse!(Invalid, field = "total points", value = total, why = why));
    }
    let event = ResultTranscribed {
        appraised_points: c.appraised_points,
        survey_points: c.survey_points,
        applicable_max: c.applicable_max,
        by: d.by(),
    };
    d.push(stream, event);
    Ok(())
}

impl How {
    /// True where a second person has to confirm it.
    #[must_use]
    pub fn needs_confirmation(self) -> bool {
        matches!(self, Self::Appraised | Self::Corrected | Self::Recomputed)
    }
}
