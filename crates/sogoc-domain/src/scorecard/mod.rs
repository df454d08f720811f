//! A scorecard: an agency's whole season, from the first self score to the last appeal.
//!
//! [`agency`] holds what the agency does, [`appraisal`] what reviewers, confirmers and the secretariat do, [`appeal`] what
//! comes after the announcement. Sums are not kept here: figures are the register's.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::event::{AppealEffect, AppealOutcome, AppealTarget, Evidence, ScoreChange, ScorecardEvent};
use crate::evidence::Verdict;
use crate::policy::Applicability;
use crate::roles::By;
use crate::scoring::Inputs;
use crate::values::{AccountId, CaseId, LeafId, LineId, Points, Timestamp};

pub(crate) mod agency;
pub(crate) mod appeal;
pub(crate) mod appraisal;
pub(crate) mod card;

pub(crate) use card::check_reason;

/// An agency's scorecard as of one position.
#[derive(Clone, Default, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scorecard {
    /// Leaves of which anything is recorded.
    pub leaves: BTreeMap<LeafId, Leaf>,
    /// Evidence by number.
    pub evidence: BTreeMap<u32, AttachedEvidence>,
    /// Whether the agency submitted.
    pub submission: Submission,
    /// Explanation requests.
    pub requests: BTreeMap<CaseId, Request>,
    /// Appeals.
    pub appeals: BTreeMap<CaseId, Appeal>,
    /// Appeals that may be lodged late.
    pub late_appeals: BTreeSet<CaseId>,
    /// Accounts that acted for the agency here: they decide nothing here (invariant 7).
    pub acted: BTreeSet<AccountId>,
    /// Accounts that stand aside here.
    pub recused: BTreeSet<AccountId>,
    /// Open again after an announcement: its number, and the leaves (all where empty).
    pub reopened: Option<(u32, BTreeSet<LeafId>)>,
    /// Bonus and penalty points.
    pub lines: BTreeMap<LineId, Points>,
    /// The best class, where an instrument or an appeal capped it.
    pub class_cap: Option<String>,
    /// Everybody who took a decision on the class: none of them decides an appeal against it (invariant 7).
    pub class_deciders: BTreeSet<AccountId>,
    /// Survey points set by an appeal.
    pub survey_points: Option<Points>,
    /// A published total that was transcribed.
    pub transcribed: Option<Transcribed>,
}

/// A leaf of an agency.
#[derive(Clone, Default, Debug, PartialEq, Serialize, Deserialize)]
pub struct Leaf {
    /// Whether it applies.
    pub applicability: Applicability,
    /// The agency's own score.
    pub self_score: Option<SelfScore>,
    /// The appraised score.
    pub appraised: Option<Appraised>,
    /// Who confirmed it.
    pub confirmed: bool,
    /// Sent back to the reviewer by the confirmer.
    pub returned: bool,
    /// To be declared again after an amendment.
    pub redeclare: bool,
    /// Everybody who took a decision on it, sorted: none of them confirms it or decides an appeal against it
    /// (invariant 7).
    pub deciders: Vec<AccountId>,
    /// Everybody who ever confirmed it, sorted: they may confirm again what others decided since, and decide no appeal
    /// against it (invariant 7).
    pub confirmers: Vec<AccountId>,
}

/// A self score (điểm tự chấm).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SelfScore {
    /// Points.
    pub points: Points,
    /// What was declared.
    pub inputs: Inputs,
    /// Version of the criteria set.
    pub set_version: u32,
}

/// An appraised score (điểm thẩm định).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Appraised {
    /// Points.
    pub points: Points,
    /// The inputs from which they follow; none for an override.
    pub inputs: Option<Inputs>,
    /// The round; 0 where no reviewer appraised (deemed, resolved, decided on appeal without one).
    pub round: u32,
    /// By what act it came about.
    pub how: How,
    /// Code of the reason, where the points are not the self score.
    pub reason_code: Option<String>,
}

/// By what act an appraised score came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum How {
    /// A reviewer accepted or set it.
    Appraised,
    /// Deemed zero.
    Deemed,
    /// A clerical correction.
    Corrected,
    /// A council resolution.
    Resolved,
    /// An appeal decision.
    Appealed,
    /// Computed again after an amendment.
    Recomputed,
}

/// Evidence that was attached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttachedEvidence {
    /// The leaf.
    pub leaf: LeafId,
    /// The file.
    pub evidence: Evidence,
    /// Marked as withdrawn.
    pub withdrawn: bool,
    /// Verdicts after the first, in order.
    pub rejudged: Vec<Verdict>,
}

impl AttachedEvidence {
    /// The last verdict; none where the file was never examined.
    #[must_use]
    pub fn verdict(&self) -> Option<&Verdict> {
        self.rejudged.last().or_else(|| self.evidence.examined.as_ref().map(|e| &e.verdict))
    }
}

/// Whether the agency submitted.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Submission {
    /// Not yet.
    #[default]
    Open,
    /// The leader submitted.
    Submitted,
    /// Not in time.
    Missed,
    /// A late one is let in; not submitted yet.
    LateAccepted,
}

/// An explanation request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The leaf.
    pub leaf: LeafId,
    /// Due by, exclusive, unless moved.
    pub due: Timestamp,
    /// Who asked.
    pub by: By,
    /// The agency answered.
    pub answered: bool,
    /// The reviewer decided on it.
    pub decided: bool,
}

/// An appeal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Appeal {
    /// Its items, in order.
    pub items: Vec<Item>,
    /// Lodged after the window.
    pub late: bool,
}

/// One item of an appeal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// What is contested.
    pub target: AppealTarget,
    /// What is asked for.
    pub requested: Option<String>,
    /// Whether and how it ended.
    pub state: ItemState,
}

/// Whether and how an item ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ItemState {
    /// Not decided.
    Open,
    /// Decided.
    Decided(AppealOutcome),
    /// Taken back.
    Withdrawn,
}

/// A published row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transcribed {
    /// Appraised points.
    pub appraised_points: Points,
    /// Survey points; none means not surveyed.
    pub survey_points: Option<Points>,
    /// Applicable max.
    pub applicable_max: Points,
}

fn insert_sorted<'a>(list: &mut Vec<AccountId>, accounts: impl Iterator<Item = &'a AccountId>) {
    for account in accounts {
        if let Err(at) = list.binary_search(account) {
            list.insert(at, account.clone());
        }
    }
}

impl Leaf {
    fn decided_by<'a>(&mut self, accounts: impl Iterator<Item = &'a AccountId>) {
        insert_sorted(&mut self.deciders, accounts);
    }

    fn set(&mut self, change: &ScoreChange, round: u32, how: How) {
        self.appraised = Some(Appraised {
            points: change.new,
            inputs: change.inputs.clone(),
            round,
            how,
            reason_code: Some(change.reason_code.clone()),
        });
        self.returned = false;
        self.redeclare = false;
    }

    fn round(&self) -> u32 {
        self.appraised.as_ref().map_or(0, |a| a.round)
    }
}

impl Scorecard {
    /// Applies an event; total.
    pub fn apply(&mut self, event: &ScorecardEvent) {
        match event {
            ScorecardEvent::SelfScored(e) => {
                self.acted.extend(e.by.accounts().cloned());
                let leaf = self.leaf_mut(&e.leaf);
                leaf.self_score =
                    Some(SelfScore { points: e.points, inputs: e.inputs.clone(), set_version: e.set_version });
                leaf.redeclare = false;
            }
            ScorecardEvent::EvidenceAttached(e) => {
                self.acted.extend(e.by.accounts().cloned());
                let attached = AttachedEvidence {
                    leaf: e.leaf.clone(),
                    evidence: e.evidence.clone(),
                    withdrawn: false,
                    rejudged: Vec::new(),
                };
                self.evidence.insert(e.evidence.number, attached);
            }
            ScorecardEvent::EvidenceJudged(e) => {
                // Its entry concerns a file and no score: nothing else of the card moves.
                if let Some(evidence) = self.evidence.get_mut(&e.number) {
                    evidence.rejudged.push(e.verdict.clone());
                }
            }
            ScorecardEvent::EvidenceWithdrawn(e) => {
                self.acted.extend(e.by.accounts().cloned());
                if let Some(evidence) = self.evidence.get_mut(&e.number) {
                    evidence.withdrawn = true;
                }
            }
            ScorecardEvent::ScorecardSubmitted(e) => {
                self.acted.extend(e.by.accounts().cloned());
                self.submission = Submission::Submitted;
            }
            ScorecardEvent::SubmissionWithdrawn(e) => {
                self.acted.extend(e.by.accounts().cloned());
                self.submission = Submission::Open;
            }
            ScorecardEvent::SubmissionMissed(_) => self.submission = Submission::Missed,
            ScorecardEvent::LateSubmissionAccepted(_) => self.submission = Submission::LateAccepted,
            ScorecardEvent::ScoreAccepted(e) => {
                let leaf = self.leaf_mut(&e.leaf);
                leaf.decided_by(e.by.accounts());
                leaf.appraised = Some(Appraised {
                    points: e.points,
                    inputs: leaf.self_score.as_ref().map(|s| s.inputs.clone()),
                    round: e.round,
                    how: How::Appraised,
                    reason_code: None,
                });
                leaf.returned = false;
                // The agency has all it declared: nothing is left to explain.
                self.requests.values_mut().filter(|r| r.leaf == e.leaf).for_each(|r| r.decided = true);
            }
            ScorecardEvent::ScoreAdjusted(e) => {
                self.close_request(e.case.as_ref());
                let leaf = self.leaf_mut(&e.change.leaf);
                leaf.decided_by(e.by.accounts());
                leaf.set(&e.change, e.round, How::Appraised);
                leaf.confirmed = false;
            }
            ScorecardEvent::ScoreUpheld(e) => {
                self.close_request(e.case.as_ref());
                let leaf = self.leaf_mut(&e.leaf);
                leaf.decided_by(e.by.accounts());
                leaf.returned = false;
                if let Some(appraised) = &mut leaf.appraised {
                    appraised.round = e.round;
                    appraised.reason_code = Some(e.reason_code.clone());
                }
            }
            ScorecardEvent::ExplanationRequested(e) => {
                let request =
                    Request { leaf: e.leaf.clone(), due: e.due, by: e.by.clone(), answered: false, decided: false };
                self.requests.insert(e.case.clone(), request);
            }
            ScorecardEvent::ExplanationGiven(e) => {
                self.acted.extend(e.by.accounts().cloned());
                if let Some(request) = self.requests.get_mut(&e.case) {
                    request.answered = true;
                }
            }
            ScorecardEvent::LeavesConfirmed(e) => {
                for id in &e.leaves {
                    let leaf = self.leaf_mut(id);
                    leaf.confirmed = true;
                    insert_sorted(&mut leaf.confirmers, e.by.accounts());
                }
            }
            ScorecardEvent::LeavesReturned(e) => {
                for id in &e.leaves {
                    let leaf = self.leaf_mut(id);
                    leaf.returned = true;
                    leaf.confirmed = false;
                }
            }
            ScorecardEvent::ApplicabilityDecided(e) => {
                let leaf = self.leaf_mut(&e.leaf);
                leaf.decided_by(e.by.accounts());
                leaf.applicability = e.applicability;
            }
            ScorecardEvent::ScoreDeemed(e) => {
                let leaf = self.leaf_mut(&e.leaf);
                leaf.decided_by(e.by.accounts());
                leaf.appraised = Some(Appraised {
                    points: Points::ZERO,
                    inputs: None,
                    round: leaf.round(),
                    how: How::Deemed,
                    reason_code: Some(e.reason_code.clone()),
                });
            }
            ScorecardEvent::ScoreCorrected(e) => {
                let leaf = self.leaf_mut(&e.change.leaf);
                leaf.decided_by(e.by.accounts());
                let round = leaf.round();
                leaf.set(&e.change, round, How::Corrected);
                // What was confirmed is no longer what stands.
                leaf.confirmed = false;
            }
            ScorecardEvent::ResolutionApplied(e) => {
                let leaf = self.leaf_mut(&e.change.leaf);
                leaf.decided_by(e.voters.iter());
                let round = leaf.round();
                leaf.set(&e.change, round, How::Resolved);
            }
            ScorecardEvent::ScorecardReopened(e) => {
                self.reopened = Some((e.announcement, e.leaves.iter().cloned().collect()));
            }
            ScorecardEvent::ReviewerRecused(e) => {
                self.recused.insert(e.account.clone());
            }
            ScorecardEvent::AppealLodged(e) => {
                self.acted.extend(e.by.accounts().cloned());
                let items = e
                    .items
                    .iter()
                    .map(|i| Item { target: i.target.clone(), requested: i.requested.clone(), state: ItemState::Open })
                    .collect();
                self.appeals.insert(e.appeal.clone(), Appeal { items, late: e.late });
            }
            ScorecardEvent::LateAppealAccepted(e) => {
                self.late_appeals.insert(e.appeal.clone());
            }
            ScorecardEvent::AppealOpinionGiven(_) => {}
            ScorecardEvent::AppealItemDecided(e) => {
                let target = self.item_mut(&e.appeal, e.item).map(|item| {
                    item.state = ItemState::Decided(e.outcome);
                    item.target.clone()
                });
                let Some(target) = target else { return };
                // A rejection is a decision too: who took it does not decide the next appeal against the same.
                match &target {
                    AppealTarget::Leaf(id) | AppealTarget::Applicability(id) => {
                        self.leaf_mut(id).decided_by(e.voters.iter());
                    }
                    AppealTarget::Class => self.class_deciders.extend(e.voters.iter().cloned()),
                    AppealTarget::SurveyPoints => {}
                }
                if let Some(effect) = &e.effect {
                    self.take_effect(&target, effect, &e.reason_code);
                }
            }
            ScorecardEvent::AppealItemWithdrawn(e) => {
                self.acted.extend(e.by.accounts().cloned());
                if let Some(item) = self.item_mut(&e.appeal, e.item) {
                    item.state = ItemState::Withdrawn;
                }
            }
            ScorecardEvent::LineScored(e) => {
                self.lines.insert(e.line.clone(), e.new);
            }
            ScorecardEvent::ClassCapped(e) => {
                self.class_cap.clone_from(&e.class);
                self.class_deciders.extend(e.by.accounts().cloned());
            }
            ScorecardEvent::ScoreRecomputed(e) => {
                let leaf = self.leaf_mut(&e.leaf);
                if let (Some(points), Some(score)) = (e.self_points, &mut leaf.self_score) {
                    score.points = points;
                    score.set_version = e.set_version;
                }
                if let (Some(points), Some(appraised)) = (e.appraised_points, &mut leaf.appraised) {
                    appraised.points = points;
                    appraised.how = How::Recomputed;
                    appraised.reason_code = Some(e.reason_code.clone());
                }
            }
            ScorecardEvent::LeafReopened(e) => {
                let leaf = self.leaf_mut(&e.leaf);
                leaf.self_score = None;
                leaf.appraised = None;
                leaf.confirmed = false;
                leaf.redeclare = true;
            }
            ScorecardEvent::ResultTranscribed(e) => {
                self.transcribed = Some(Transcribed {
                    appraised_points: e.appraised_points,
                    survey_points: e.survey_points,
                    applicable_max: e.applicable_max,
                });
            }
        }
    }

    /// A leaf, where anything is recorded of it.
    #[must_use]
    pub fn leaf(&self, id: &LeafId) -> Option<&Leaf> {
        self.leaves.get(id)
    }

    /// An explanation request.
    #[must_use]
    pub fn request(&self, case: &CaseId) -> Option<&Request> {
        self.requests.get(case)
    }

    /// The explanation request of a leaf that nobody has decided on yet.
    #[must_use]
    pub fn open_request(&self, leaf: &LeafId) -> Option<(&CaseId, &Request)> {
        self.requests.iter().find(|(_, r)| r.leaf == *leaf && !r.decided)
    }

    /// Evidence of a leaf that was not withdrawn.
    pub fn evidence_of<'a>(&'a self, leaf: &'a LeafId) -> impl Iterator<Item = &'a Evidence> {
        self.evidence.values().filter(move |e| e.leaf == *leaf && !e.withdrawn).map(|e| &e.evidence)
    }

    fn leaf_mut(&mut self, id: &LeafId) -> &mut Leaf {
        if !self.leaves.contains_key(id) {
            self.leaves.insert(id.clone(), Leaf::default());
        }
        self.leaves.get_mut(id).expect("just inserted")
    }

    fn item_mut(&mut self, appeal: &CaseId, item: u32) -> Option<&mut Item> {
        self.appeals.get_mut(appeal)?.items.get_mut(usize::try_from(item).ok()?.checked_sub(1)?)
    }

    fn close_request(&mut self, case: Option<&CaseId>) {
        if let Some(request) = case.and_then(|id| self.requests.get_mut(id)) {
            request.decided = true;
        }
    }

    fn take_effect(&mut self, target: &AppealTarget, effect: &AppealEffect, reason_code: &str) {
        match (target, effect) {
            (AppealTarget::Leaf(id), AppealEffect::Points { new, inputs, .. }) => {
                let leaf = self.leaf_mut(id);
                leaf.appraised = Some(Appraised {
                    points: *new,
                    inputs: inputs.clone(),
                    round: leaf.round(),
                    how: How::Appealed,
                    reason_code: Some(reason_code.to_owned()),
                });
            }
            (AppealTarget::Applicability(id), AppealEffect::Applicability(applicability)) => {
                self.leaf_mut(id).applicability = *applicability;
            }
            (AppealTarget::SurveyPoints, AppealEffect::SurveyPoints { new, .. }) => self.survey_points = Some(*new),
            (AppealTarget::Class, AppealEffect::ClassCap { class }) => self.class_cap.clone_from(class),
            // Deciding pairs an effect with its target; anything else sets nothing.
            _ => {}
        }
    }
}
