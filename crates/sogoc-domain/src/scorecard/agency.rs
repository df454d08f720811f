//! What the agency does: score, attach evidence, submit, explain.

use crate::command::{
    AttachEvidence, GiveExplanation, ImportScorecard, RecordSelfScore, SubmitScorecard, WithdrawEvidence,
    WithdrawSubmission,
};
use crate::criteria::LeafInfo;
use crate::decide::{Deciding, check_count, check_name};
use crate::event::{
    Evidence, EvidenceAttached, EvidencePurpose, EvidenceWithdrawn, ExplanationGiven, ScorecardSubmitted, SelfScored,
    SignatureState, SubmissionWithdrawn,
};
use crate::evidence::{self, Found};
use crate::policy::Mode;
use crate::refusal::{Refusal, refuse};
use crate::scorecard::card::Card;
use crate::scorecard::{ItemState, Submission};
use crate::scoring::Inputs;
use crate::values::Points;

/// Most rows of a scorecard sheet.
const ROWS_MAX: usize = 500;
/// Most pieces of evidence in a scorecard.
const EVIDENCE_MAX: usize = 5_000;

pub(crate) fn record_self_score(d: &Deciding<'_>, c: &RecordSelfScore) -> Result<(), Refusal> {
    let card = Card::open(d, &c.season, &c.agency)?;
    let leaf = card.scored_leaf(&c.leaf)?;
    let event = self_score(d, &card, leaf, &c.inputs)?;
    d.push(card.stream(), event);
    Ok(())
}

fn self_score(d: &Deciding<'_>, card: &Card<'_>, leaf: &LeafInfo, inputs: &Inputs) -> Result<SelfScored, Refusal> {
    may_declare(d, card, leaf)?;
    let points = card.points(leaf, inputs)?;
    let recorded = card.recorded(&leaf.id);
    if recorded.self_score.as_ref().is_some_and(|s| s.inputs == *inputs && s.set_version == card.version.version) {
        return Err(refuse!(NothingToDo, why = format!("leaf {} has this self score already", leaf.code)));
    }
    Ok(SelfScored {
        leaf: leaf.id.clone(),
        set_version: card.version.version,
        inputs: inputs.clone(),
        points,
        by: d.by(),
    })
}

/// Self scores change until submission; after it only what an amendment asks for again.
fn may_declare(d: &Deciding<'_>, card: &Card<'_>, leaf: &LeafInfo) -> Result<(), Refusal> {
    card.not_closed(d, Some(&leaf.id))?;
    if card.recorded(&leaf.id).redeclare || card.is_reopened(Some(&leaf.id)) {
        return Ok(());
    }
    match card.state.submission {
        Submission::Open => card.admit(d, Some(&leaf.id)),
        Submission::LateAccepted => Ok(()),
        Submission::Submitted => Err(card.state_refusal(d, "submitted")),
        Submission::Missed => Err(card.state_refusal(d, "recorded as not submitted in time")),
    }
}

/// One receipt for a sheet; rows that are refused are named, the others count.
pub(crate) fn import_sheet(d: &Deciding<'_>, c: &ImportScorecard) -> Result<(), Refusal> {
    check_count("rows", c.rows.len(), ROWS_MAX)?;
    if c.rows.is_empty() {
        return Err(refuse!(Missing, field = "rows"));
    }
    let card = Card::open(d, &c.season, &c.agency)?;
    let mut seen = std::collections::BTreeSet::new();
    for row in &c.rows {
        let scored = card.scored_leaf(&row.leaf).and_then(|leaf| {
            if !seen.insert(leaf.id.clone()) {
                return Err(refuse!(AlreadyExists, what = "row of leaf", id = &leaf.code));
            }
            self_score(d, &card, leaf, &row.inputs)
        });
        match scored {
            Ok(event) => d.push(card.stream(), event),
            Err(refusal) => d.fail(&row.leaf, refusal),
        }
    }
    Ok(())
}

pub(crate) fn attach_evidence(d: &Deciding<'_>, c: &AttachEvidence) -> Result<(), Refusal> {
    let card = Card::open(d, &c.season, &c.agency)?;
    let leaf = card.scored_leaf(&c.leaf)?;
    check_name("name", &c.name)?;
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"/.+-".contains(&b);
    if c.media.is_empty() || c.media.len() > 100 || !c.media.bytes().all(plain) {
        return Err(refuse!(Invalid, field = "media", value = &c.media, why = "write it like pdf or application/pdf"));
    }
    if card.season.mode == Mode::Live {
        if c.digest.is_none() {
            return Err(refuse!(Missing, field = "digest"));
        }
        if c.signature != SignatureState::NotJudged {
            let why = "a live season judges signatures itself: write not-judged";
            return Err(refuse!(Invalid, field = "signature", value = c.signature.as_str(), why = why));
        }
    }
    check_count("evidence", card.state.evidence.len() + 1, EVIDENCE_MAX)?;
    if let Some(digest) = c.digest
        && card.state.evidence_of(&leaf.id).any(|e| e.digest == Some(digest))
    {
        return Err(refuse!(AlreadyExists, what = "evidence of this leaf", id = digest));
    }
    match (&c.case, c.purpose) {
        (None, EvidencePurpose::Submitted) => may_declare(d, &card, leaf)?,
        (Some(_), EvidencePurpose::Submitted) => {
            return Err(refuse!(
                Invalid,
                field = "purpose",
                value = "submitted",
                why = "evidence for a case is a supplement"
            ));
        }
        (None, EvidencePurpose::Supplement) => return Err(refuse!(Missing, field = "case")),
        (Some(case), EvidencePurpose::Supplement) => {
            if let Some(request) = card.state.request(case) {
                if request.leaf != leaf.id {
                    return Err(refuse!(Invalid, field = "case", value = case, why = "it is about another leaf"));
                }
                if request.decided {
                    return Err(card.leaf_refusal(d, leaf, format!("decided on {case}")));
                }
                not_past_due(&card, case, request.due)?;
                card.not_closed(d, Some(&leaf.id))?;
            } else if let Some(appeal) = card.state.appeals.get(case) {
                if appeal.items.iter().all(|i| i.state != ItemState::Open) {
                    return Err(card.leaf_refusal(d, leaf, format!("decided on {case}")));
                }
            } else {
                return Err(refuse!(Unknown, what = "explanation request or appeal", id = case));
            }
        }
    }
    if let Some(digest) = c.digest {
        evidence::not_erased(d, digest)?;
    }
    let (media, examined) = match (c.digest, d.found) {
        (Some(digest), Found::File(file)) if file.digest == digest => {
            (file.media.clone(), Some(Box::new(evidence::examined(d, &card, file)?)))
        }
        (Some(digest), Found::File(_) | Found::Anchors(_) | Found::Nothing) if card.season.mode == Mode::Live => {
            return Err(refuse!(EvidenceNotStored, digest = digest));
        }
        (Some(_) | None, Found::File(_) | Found::Anchors(_) | Found::Nothing) => (c.media.clone(), None),
    };
    let number = card.state.evidence.keys().next_back().map_or(1, |n| n.saturating_add(1));
    let evidence = Evidence {
        number,
        digest: c.digest,
        name: d.seal("name", &c.name)?,
        media,
        signature: c.signature,
        purpose: c.purpose,
        case: c.case.clone(),
        detached: c.detached,
        examined,
    };
    d.push(card.stream(), EvidenceAttached { leaf: leaf.id.clone(), evidence, by: d.by() });
    Ok(())
}

pub(crate) fn withdraw_evidence(d: &Deciding<'_>, c: &WithdrawEvidence) -> Result<(), Refusal> {
    let card = Card::open(d, &c.season, &c.agency)?;
    let Some(attached) = card.state.evidence.get(&c.number) else {
        return Err(refuse!(Unknown, what = "evidence", id = c.number));
    };
    if attached.withdrawn {
        return Err(refuse!(NothingToDo, why = "it is withdrawn already"));
    }
    card.not_closed(d, Some(&attached.leaf))?;
    let event = EvidenceWithdrawn { number: c.number, reason: d.seal("reason", &c.reason)?, by: d.by() };
    d.push(card.stream(), event);
    Ok(())
}

pub(crate) fn submit(d: &Deciding<'_>, c: &SubmitScorecard) -> Result<(), Refusal> {
    let card = Card::open(d, &c.season, &c.agency)?;
    match card.state.submission {
        Submission::Open => card.open_for(d, None)?,
        Submission::LateAccepted => card.not_closed(d, None)?,
        Submission::Submitted => return Err(card.state_refusal(d, "submitted already")),
        Submission::Missed => return Err(card.state_refusal(d, "recorded as not submitted in time")),
    }
    let mut unscored = Vec::new();
    let (mut leaves, mut sum) = (0_u32, Points::ZERO);
    for leaf in card.version.leaves().iter().filter(|l| !l.is_survey()) {
        if !card.applies(&leaf.id) {
            continue;
        }
        match &card.recorded(&leaf.id).self_score {
            Some(score) => {
                leaves = leaves.saturating_add(1);
                sum = sum.plus(score.points);
            }
            None => unscored.push(leaf.code.as_str()),
        }
    }
    if !unscored.is_empty() {
        return Err(refuse!(LeavesUnscored, agency = &c.agency, leaves = unscored.join(", ")));
    }
    d.push(card.stream(), ScorecardSubmitted { leaves, self_points: sum, by: d.by() });
    Ok(())
}

pub(crate) fn withdraw_submission(d: &Deciding<'_>, c: &WithdrawSubmission) -> Result<(), Refusal> {
    let card = Card::open(d, &c.season, &c.agency)?;
    if card.state.submission != Submission::Submitted {
        return Err(card.state_refusal(d, "not submitted"));
    }
    card.open_for(d, None)?;
    if card.state.leaves.values().any(|l| l.appraised.is_some()) {
        return Err(card.state_refusal(d, "already being appraised"));
    }
    d.push(card.stream(), SubmissionWithdrawn { reason: d.seal("reason", &c.reason)?, by: d.by() });
    Ok(())
}

pub(crate) fn give_explanation(d: &Deciding<'_>, c: &GiveExplanation) -> Result<(), Refusal> {
    let card = Card::open(d, &c.season, &c.agency)?;
    let request =
        card.state.request(&c.case).ok_or_else(|| refuse!(Unknown, what = "explanation request", id = &c.case))?;
    if request.answered || request.decided {
        return Err(refuse!(AlreadyExists, what = "answer to", id = &c.case));
    }
    not_past_due(&card, &c.case, request.due)?;
    card.not_closed(d, Some(&request.leaf))?;
    d.push(card.stream(), ExplanationGiven { case: c.case.clone(), answer: d.seal("answer", &c.answer)?, by: d.by() });
    Ok(())
}

/// A request has a due date of its own, which may be moved; it is judged half-open like a phase.
fn not_past_due(card: &Card<'_>, case: &crate::values::CaseId, due: crate::values::Timestamp) -> Result<(), Refusal> {
    let due = card.season.due_of(card.agency, case, due);
    if card.now >= due {
        return Err(refuse!(PastDue, what = format!("the answer to {case}"), due = due, now = card.now));
    }
    Ok(())
}
