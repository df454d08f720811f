//! Which leaves an entry of a scorecard is about, and whether it makes a new version of them.

use sogoc_domain::event::{AppealTarget, ScorecardEvent};
use sogoc_domain::scorecard::Scorecard;
use sogoc_domain::values::{CaseId, LeafId};

/// A leaf that an entry is about.
pub(crate) struct Concern<'e> {
    pub(crate) leaf: &'e LeafId,
    /// The leaf stands otherwise from here on.
    pub(crate) version: bool,
    pub(crate) detail: Detail<'e>,
}

/// What an entry names beside a leaf.
#[derive(Clone, Copy)]
pub(crate) enum Detail<'e> {
    None,
    /// Number of a file in the scorecard.
    Evidence(u32),
    /// An explanation request, appeal or resolution.
    Case(&'e CaseId),
}

/// Calls back with every leaf that an entry is about. `card` is the scorecard with the entry applied. What the entry
/// names beside leaves is given back, for entries that are about none.
pub(crate) fn concerns<'e>(
    event: &'e ScorecardEvent,
    card: &'e Scorecard,
    mut each: impl FnMut(Concern<'e>),
) -> Detail<'e> {
    let mut at = |leaf, version, detail| {
        each(Concern { leaf, version, detail });
        detail
    };
    let case = |case: &'e Option<CaseId>| case.as_ref().map_or(Detail::None, Detail::Case);
    let target = |appeal: &'e CaseId, item: u32| {
        let index = usize::try_from(item).ok()?.checked_sub(1)?;
        card.appeals.get(appeal)?.items.get(index).map(|i| &i.target)
    };
    match event {
        ScorecardEvent::SelfScored(e) => at(&e.leaf, true, Detail::None),
        ScorecardEvent::EvidenceAttached(e) => at(&e.leaf, false, Detail::Evidence(e.evidence.number)),
        ScorecardEvent::EvidenceJudged(e) => match card.evidence.get(&e.number) {
            Some(evidence) => at(&evidence.leaf, false, Detail::Evidence(e.number)),
            None => Detail::Evidence(e.number),
        },
        ScorecardEvent::EvidenceWithdrawn(e) => match card.evidence.get(&e.number) {
            Some(evidence) => at(&evidence.leaf, false, Detail::Evidence(e.number)),
            None => Detail::Evidence(e.number),
        },
        ScorecardEvent::ScoreAccepted(e) => at(&e.leaf, true, Detail::None),
        ScorecardEvent::ScoreAdjusted(e) => at(&e.change.leaf, true, case(&e.case)),
        ScorecardEvent::ScoreUpheld(e) => at(&e.leaf, true, case(&e.case)),
        ScorecardEvent::ExplanationRequested(e) => at(&e.leaf, false, Detail::Case(&e.case)),
        ScorecardEvent::ExplanationGiven(e) => match card.requests.get(&e.case) {
            Some(request) => at(&request.leaf, false, Detail::Case(&e.case)),
            None => Detail::Case(&e.case),
        },
        ScorecardEvent::LeavesConfirmed(e) => {
            e.leaves.iter().for_each(|leaf| _ = at(leaf, true, Detail::None));
            Detail::None
        }
        ScorecardEvent::LeavesReturned(e) => {
            e.leaves.iter().for_each(|leaf| _ = at(leaf, true, Detail::None));
            Detail::None
        }
        ScorecardEvent::ApplicabilityDecided(e) => at(&e.leaf, true, Detail::None),
        ScorecardEvent::ScoreDeemed(e) => at(&e.leaf, true, Detail::None),
        ScorecardEvent::ScoreCorrected(e) => at(&e.change.leaf, true, Detail::None),
        ScorecardEvent::ResolutionApplied(e) => at(&e.change.leaf, true, Detail::Case(&e.resolution)),
        ScorecardEvent::ScoreRecomputed(e) => at(&e.leaf, true, Detail::None),
        ScorecardEvent::LeafReopened(e) => at(&e.leaf, true, Detail::None),
        ScorecardEvent::ScorecardReopened(e) => {
            e.leaves.iter().for_each(|leaf| _ = at(leaf, false, Detail::None));
            Detail::None
        }
        ScorecardEvent::AppealLodged(e) => {
            for item in &e.items {
                if let Some(leaf) = leaf_of(&item.target) {
                    at(leaf, false, Detail::Case(&e.appeal));
                }
            }
            Detail::Case(&e.appeal)
        }
        ScorecardEvent::AppealOpinionGiven(e) => {
            if let Some(leaf) = target(&e.appeal, e.item).and_then(leaf_of) {
                at(leaf, false, Detail::Case(&e.appeal));
            }
            Detail::Case(&e.appeal)
        }
        ScorecardEvent::AppealItemDecided(e) => {
            if let Some(leaf) = target(&e.appeal, e.item).and_then(leaf_of) {
                at(leaf, e.effect.is_some(), Detail::Case(&e.appeal));
            }
            Detail::Case(&e.appeal)
        }
        ScorecardEvent::AppealItemWithdrawn(e) => {
            if let Some(leaf) = target(&e.appeal, e.item).and_then(leaf_of) {
                at(leaf, false, Detail::Case(&e.appeal));
            }
            Detail::Case(&e.appeal)
        }
        ScorecardEvent::LateAppealAccepted(e) => Detail::Case(&e.appeal),
        ScorecardEvent::ScorecardSubmitted(_)
        | ScorecardEvent::SubmissionWithdrawn(_)
        | ScorecardEvent::SubmissionMissed(_)
        | ScorecardEvent::LateSubmissionAccepted(_)
        | ScorecardEvent::ReviewerRecused(_)
        | ScorecardEvent::LineScored(_)
        | ScorecardEvent::ClassCapped(_)
        | ScorecardEvent::ResultTranscribed(_) => Detail::None,
    }
}

fn leaf_of(target: &AppealTarget) -> Option<&LeafId> {
    match target {
        AppealTarget::Leaf(leaf) | AppealTarget::Applicability(leaf) => Some(leaf),
        AppealTarget::SurveyPoints | AppealTarget::Class => None,
    }
}
