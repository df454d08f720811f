//! What an event says beside its numbers: the code of its reason and the commitments of its texts.

use sogoc_domain::event::{
    AccountEvent, AgencyEvent, CouncilEvent, CriteriaEvent, DownloadsEvent, Event, InstrumentEvent, RefusalsEvent,
    RestoresEvent, ResultsEvent, ScorecardEvent, SeasonEvent, SignInEvent, SurveyEvent,
};
use sogoc_domain::evidence::Verdict;
use sogoc_domain::values::Sealed;

use crate::meta::TextOf;

/// Calls back with every commitment of an event, the reason's first, and gives the code of its reason.
pub(crate) fn said(event: &Event, mut text: impl FnMut(TextOf, &Sealed)) -> Option<&str> {
    match event {
        Event::Scorecard(event) => return scorecard(event, text),
        Event::Season(SeasonEvent::DeadlineMoved(e)) => text(TextOf::Reason, &e.reason),
        Event::Season(SeasonEvent::AgencyTreated(e)) => text(TextOf::Reason, &e.reason),
        Event::Season(SeasonEvent::TrustAnchorsAdopted(e)) => text(TextOf::Reason, &e.reason),
        Event::Season(
            SeasonEvent::SeasonOpened(_)
            | SeasonEvent::SeasonPolicySet(_)
            | SeasonEvent::RankingGroupDefined(_)
            | SeasonEvent::PhaseScheduled(_)
            | SeasonEvent::AgencyEntered(_)
            | SeasonEvent::ReviewersAssigned(_)
            | SeasonEvent::ComparisonSet(_)
            | SeasonEvent::ReferenceFigureRecorded(_)
            | SeasonEvent::LineDefined(_)
            | SeasonEvent::CriteriaVersionAdopted(_)
            | SeasonEvent::SeasonActivated(_),
        ) => {}
        Event::Survey(event) => match event {
            SurveyEvent::SurveyResultRecorded(e) => {
                if let Some(reason) = &e.reason {
                    text(TextOf::Reason, reason);
                }
                return e.reason_code.as_deref();
            }
            SurveyEvent::AgencyNotSurveyed(e) => text(TextOf::Ground, &e.ground),
            SurveyEvent::SurveyRechecked(e) => text(TextOf::Finding, &e.finding),
            SurveyEvent::SurveyOpened(_) | SurveyEvent::SurveyImported(_) | SurveyEvent::SurveyAccepted(_) => {}
        },
        Event::Council(event) => match event {
            CouncilEvent::MemberRecused(e) => text(TextOf::Reason, &e.reason),
            CouncilEvent::ResolutionAdopted(e) => text(TextOf::Reason, &e.text),
            CouncilEvent::SessionOpened(_) | CouncilEvent::SessionClosed(_) => {}
        },
        Event::Results(event) => match event {
            ResultsEvent::EditionPublished(e) => {
                if let Some(reason) = &e.reason {
                    text(TextOf::Reason, reason);
                }
            }
            ResultsEvent::EditionAnnulled(e) => text(TextOf::Reason, &e.reason),
            ResultsEvent::ResultsAnnounced(_)
            | ResultsEvent::ResultsApproved(_)
            | ResultsEvent::EditionInstrumentAttached(_)
            | ResultsEvent::AgenciesNotified(_) => {}
        },
        Event::Criteria(CriteriaEvent::CriteriaSetAmended(e)) => text(TextOf::Reason, &e.reason),
        Event::Criteria(
            CriteriaEvent::CriteriaSetDrafted(_)
            | CriteriaEvent::CriteriaDomainRecorded(_)
            | CriteriaEvent::CriteriaCriterionRecorded(_)
            | CriteriaEvent::CriteriaSetActivated(_)
            | CriteriaEvent::CriteriaDomainAmended(_),
        ) => {}
        Event::Account(event) => match event {
            AccountEvent::RoleRevoked(e) => text(TextOf::Reason, &e.reason),
            AccountEvent::DelegationGranted(e) => text(TextOf::Reason, &e.reason),
            AccountEvent::AccountClosed(e) => text(TextOf::Reason, &e.reason),
            // Whose account it is concerns no figure: the name is not kept here.
            AccountEvent::AccountOpened(_)
            | AccountEvent::RoleProposed(_)
            | AccountEvent::RoleGranted(_)
            | AccountEvent::DelegationRevoked(_)
            | AccountEvent::AccountTransferred(_)
            | AccountEvent::AccountLinked(_) => {}
        },
        Event::Instrument(InstrumentEvent::TextsErased(e)) => {
            // What was erased is named, not said: this entry brings in the ground alone.
            text(TextOf::Ground, &e.ground);
            return Some(e.ground_code.as_str());
        }
        Event::Instrument(InstrumentEvent::EvidenceErased(e)) => {
            text(TextOf::Ground, &e.ground);
            return Some(e.ground_code.as_str());
        }
        Event::Agency(AgencyEvent::SignerWithdrawn(e)) => text(TextOf::Reason, &e.reason),
        Event::Restores(RestoresEvent::StoreRestored(e)) => text(TextOf::Reason, &e.reason),
        Event::Agency(
            AgencyEvent::AgencyRegistered(_)
            | AgencyEvent::AgencyRenamed(_)
            | AgencyEvent::AgencyMerged(_)
            | AgencyEvent::AgencySplit(_)
            | AgencyEvent::AgencyDissolved(_)
            | AgencyEvent::SignerRegistered(_),
        )
        | Event::Instrument(
            InstrumentEvent::InstrumentRegistered(_) | InstrumentEvent::InstrumentDocumentAttached(_),
        )
        | Event::Refusals(RefusalsEvent::RefusalRecorded(_))
        | Event::Downloads(DownloadsEvent::EvidenceDownloaded(_))
        | Event::SignIn(
            SignInEvent::SignInLocked(_) | SignInEvent::SignInUnlocked(_) | SignInEvent::CredentialSet(_),
        ) => {}
    }
    None
}

fn signers(verdict: &Verdict) -> impl Iterator<Item = &Sealed> {
    verdict.signatures.iter().filter_map(|signature| signature.signer.as_ref())
}

fn scorecard(event: &ScorecardEvent, mut text: impl FnMut(TextOf, &Sealed)) -> Option<&str> {
    let (code, reason) = match event {
        ScorecardEvent::ScoreAdjusted(e) => (&e.change.reason_code, &e.change.reason),
        ScorecardEvent::ScoreCorrected(e) => (&e.change.reason_code, &e.change.reason),
        ScorecardEvent::ResolutionApplied(e) => (&e.change.reason_code, &e.change.reason),
        ScorecardEvent::ScoreUpheld(e) => (&e.reason_code, &e.reason),
        ScorecardEvent::ScoreDeemed(e) => (&e.reason_code, &e.reason),
        ScorecardEvent::AppealItemDecided(e) => (&e.reason_code, &e.reason),
        ScorecardEvent::LineScored(e) => (&e.reason_code, &e.reason),
        ScorecardEvent::ScoreRecomputed(e) => (&e.reason_code, &e.reason),
        ScorecardEvent::LeafReopened(e) => (&e.reason_code, &e.reason),
        ScorecardEvent::EvidenceAttached(e) => {
            text(TextOf::FileName, &e.evidence.name);
            if let Some(examined) = &e.evidence.examined {
                signers(&examined.verdict).for_each(|signer| text(TextOf::Signer, signer));
            }
            return None;
        }
        ScorecardEvent::EvidenceWithdrawn(e) => {
            text(TextOf::Reason, &e.reason);
            return None;
        }
        ScorecardEvent::EvidenceJudged(e) => {
            text(TextOf::Reason, &e.reason);
            signers(&e.verdict).for_each(|signer| text(TextOf::Signer, signer));
            return None;
        }
        ScorecardEvent::SubmissionWithdrawn(e) => {
            text(TextOf::Reason, &e.reason);
            return None;
        }
        ScorecardEvent::LateSubmissionAccepted(e) => {
            text(TextOf::Reason, &e.reason);
            return None;
        }
        ScorecardEvent::ExplanationRequested(e) => {
            text(TextOf::Request, &e.request);
            return None;
        }
        ScorecardEvent::ExplanationGiven(e) => {
            text(TextOf::Answer, &e.answer);
            return None;
        }
        ScorecardEvent::LeavesReturned(e) => {
            text(TextOf::Reason, &e.reason);
            return None;
        }
        ScorecardEvent::ApplicabilityDecided(e) => {
            text(TextOf::Ground, &e.ground);
            return None;
        }
        ScorecardEvent::ScorecardReopened(e) => {
            text(TextOf::Reason, &e.reason);
            return None;
        }
        ScorecardEvent::ReviewerRecused(e) => {
            text(TextOf::Reason, &e.reason);
            return None;
        }
        ScorecardEvent::AppealLodged(e) => {
            e.items.iter().for_each(|item| text(TextOf::Ground, &item.ground));
            return None;
        }
        ScorecardEvent::LateAppealAccepted(e) => {
            text(TextOf::Reason, &e.reason);
            return None;
        }
        ScorecardEvent::AppealOpinionGiven(e) => {
            text(TextOf::Opinion, &e.opinion);
            return None;
        }
        ScorecardEvent::ClassCapped(e) => {
            text(TextOf::Reason, &e.reason);
            return None;
        }
        ScorecardEvent::SelfScored(_)
        | ScorecardEvent::ScorecardSubmitted(_)
        | ScorecardEvent::SubmissionMissed(_)
        | ScorecardEvent::ScoreAccepted(_)
        | ScorecardEvent::LeavesConfirmed(_)
        | ScorecardEvent::AppealItemWithdrawn(_)
        | ScorecardEvent::ResultTranscribed(_) => return None,
    };
    text(TextOf::Reason, reason);
    Some(code)
}
