//! What every decision about a scorecard looks at: the season, the criteria set's version, the card, and the rules of
//! points and reasons that hold for all of them.

use std::borrow::Cow;

use crate::authority;
use crate::command::NewPoints;
use crate::criteria::{LeafInfo, SetVersion};
use crate::decide::Deciding;
use crate::event::ScoreChange;
use crate::policy::{Applicability, Policy, ReasonKind};
use crate::refusal::{Refusal, refuse};
use crate::results;
use crate::scorecard::{Leaf, Scorecard};
use crate::scoring::Inputs;
use crate::season::{Assigned, Member, Season, running, version_of};
use crate::stream::Stream;
use crate::values::{AccountId, AgencyId, LeafId, NodeId, Points, SeasonId, Text, Timestamp};

/// A scorecard with what its decisions rest on.
pub(crate) struct Card<'a> {
    pub(crate) season_id: &'a SeasonId,
    pub(crate) agency: &'a AgencyId,
    pub(crate) season: &'a Season,
    pub(crate) policy: &'a Policy,
    pub(crate) member: &'a Member,
    pub(crate) version: &'a SetVersion,
    pub(crate) state: Cow<'a, Scorecard>,
    /// How many announcements there are.
    pub(crate) announced: u32,
    pub(crate) now: Timestamp,
}

impl<'a> Card<'a> {
    /// Opens the scorecard of an agency of a running season, noting everything looked at.
    pub(crate) fn open(d: &Deciding<'a>, season_id: &'a SeasonId, agency: &'a AgencyId) -> Result<Self, Refusal> {
        let season = running(d, season_id)?;
        let policy = season.policy(season_id)?;
        let member =
            season.agencies.get(agency).ok_or_else(|| refuse!(NotInSeason, agency = agency, season = season_id))?;
        let version = version_of(d, season, &member.group)?;
        let stream = Stream::Scorecard(season_id.clone(), agency.clone());
        d.read(stream.clone());
        d.world.not_stopped(&stream)?;
        let state = match d.world.scorecard(season_id, agency) {
            Some(card) => Cow::Borrowed(card.as_ref()),
            None => Cow::Owned(Scorecard::default()),
        };
        let announced = results::announced(d, season_id);
        let now = d.judged_at(season_id, season)?;
        Ok(Self { season_id, agency, season, policy, member, version, state, announced, now })
    }

    /// The scorecard's stream.
    pub(crate) fn stream(&self) -> Stream {
        Stream::Scorecard(self.season_id.clone(), self.agency.clone())
    }

    /// A leaf by its code in this version or by its id.
    pub(crate) fn leaf(&self, named: &str) -> Result<&'a LeafInfo, Refusal> {
        self.version.leaf(named).ok_or_else(|| {
            let shown: String = named.chars().take(40).collect();
            let set = self.season.groups.get(&self.member.group).and_then(|g| g.set.as_ref());
            refuse!(UnknownLeaf, leaf = shown, set = set.map_or("?", |s| s.as_str()))
        })
    }

    /// A leaf that is scored by people and applies to the agency.
    pub(crate) fn scored_leaf(&self, named: &str) -> Result<&'a LeafInfo, Refusal> {
        let leaf = self.leaf(named)?;
        if leaf.is_survey() {
            return Err(refuse!(LeafIsSurveyed, leaf = &leaf.code));
        }
        if !self.applies(&leaf.id) {
            return Err(refuse!(LeafNotApplicable, leaf = &leaf.code, agency = self.agency));
        }
        Ok(leaf)
    }

    /// Whether a leaf applies to the agency.
    pub(crate) fn applies(&self, leaf: &LeafId) -> bool {
        self.state.leaf(leaf).is_none_or(|l| l.applicability == Applicability::Applies)
    }

    /// What is recorded of a leaf; an empty one where nothing is.
    pub(crate) fn recorded(&self, leaf: &LeafId) -> Cow<'_, Leaf> {
        self.state.leaf(leaf).map_or_else(|| Cow::Owned(Leaf::default()), Cow::Borrowed)
    }

    /// That some phase admits the command for this agency and leaf.
    pub(crate) fn admit(&self, d: &Deciding<'_>, leaf: Option<&LeafId>) -> Result<(), Refusal> {
        self.season.admits(self.season_id, d.kind(), self.now, Some(self.agency), leaf)
    }

    /// That no announcement has closed the scorecard, or that the council opened it again for this leaf.
    pub(crate) fn not_closed(&self, d: &Deciding<'_>, leaf: Option<&LeafId>) -> Result<(), Refusal> {
        if self.announced == 0 || self.is_reopened(leaf) {
            return Ok(());
        }
        Err(self.state_refusal(d, "closed by the announcement of the results"))
    }

    /// True where the council opened the scorecard again after the last announcement.
    pub(crate) fn is_reopened(&self, leaf: Option<&LeafId>) -> bool {
        self.state.reopened.as_ref().is_some_and(|(announcement, leaves)| {
            *announcement == self.announced && (leaves.is_empty() || leaf.is_some_and(|l| leaves.contains(l)))
        })
    }

    /// A phase admits the command and nothing has closed the leaf; a leaf that the council opened again needs no phase.
    pub(crate) fn open_for(&self, d: &Deciding<'_>, leaf: Option<&LeafId>) -> Result<(), Refusal> {
        if self.announced > 0 && self.is_reopened(leaf) {
            return Ok(());
        }
        self.not_closed(d, leaf)?;
        self.admit(d, leaf)
    }

    /// That the scorecard's state forbids the command.
    pub(crate) fn state_refusal(&self, d: &Deciding<'_>, state: &str) -> Refusal {
        refuse!(ScorecardState, agency = self.agency, state = state, command = d.kind())
    }

    /// That the leaf's state forbids the command.
    pub(crate) fn leaf_refusal(&self, d: &Deciding<'_>, leaf: &LeafInfo, state: impl std::fmt::Display) -> Refusal {
        refuse!(LeafState, leaf = &leaf.code, agency = self.agency, state = state, command = d.kind())
    }

    /// Who may appraise and confirm a leaf.
    pub(crate) fn assigned(&self, path: &[NodeId]) -> Option<Assigned<'a>> {
        self.season.assigned(&self.member.group, path, self.agency)
    }

    /// That the deciding account, or its delegator, is assigned to the leaf, stands not aside, and decides not its own
    /// case (invariant 7).
    pub(crate) fn staffed(&self, d: &Deciding<'_>, leaf: &LeafInfo, job: Job) -> Result<(), Refusal> {
        let principal = d.envelope.on_behalf_of.as_ref().unwrap_or(&d.envelope.account);
        let assigned: &[AccountId] = match (self.assigned(&leaf.path), job) {
            (Some(a), Job::Review) => a.reviewers,
            (Some(a), Job::Confirm) => a.confirmers,
            (None, _) => &[],
        };
        authority::bar_own_case(d, principal, self.season_id, self.agency)?;
        if !assigned.contains(principal) {
            let list: Vec<_> = assigned.iter().map(AccountId::as_str).collect();
            let list = if list.is_empty() { "nobody".to_owned() } else { list.join(", ") };
            return Err(refuse!(
                NotAssigned,
                account = principal,
                leaf = &leaf.code,
                agency = self.agency,
                assigned = list
            ));
        }
        self.not_recused(d)
    }

    /// That the deciding account stands not aside in this scorecard, under any account of its person.
    pub(crate) fn not_recused(&self, d: &Deciding<'_>) -> Result<(), Refusal> {
        match authority::deciders(d).iter().find(|a| self.state.recused.contains(*a)) {
            Some(account) => Err(refuse!(Recused, account = account, agency = self.agency)),
            None => Ok(()),
        }
    }

    /// The points that follow from inputs by the leaf's rule.
    pub(crate) fn points(&self, leaf: &LeafInfo, inputs: &Inputs) -> Result<Points, Refusal> {
        leaf.rule
            .rule
            .points(leaf.max_points, inputs, self.policy.leaf_decimals, self.policy.rounding)
            .map_err(|e| e.refusal(&leaf.code))
    }

    /// The points that somebody sets, with the inputs from which they follow, if they do.
    pub(crate) fn new_points(&self, leaf: &LeafInfo, points: &NewPoints) -> Result<(Points, Option<Inputs>), Refusal> {
        match points {
            NewPoints::Inputs(inputs) => Ok((self.points(leaf, inputs)?, Some(inputs.clone()))),
            NewPoints::Override(points) => {
                leaf.rule
                    .rule
                    .allows(leaf.max_points, *points, self.policy.leaf_decimals)
                    .map_err(|e| e.refusal(&leaf.code))?;
                Ok((*points, None))
            }
        }
    }

    /// A change of a leaf's points against what stands: the appraised points, else the self score.
    pub(crate) fn change(
        &self,
        d: &Deciding<'_>,
        leaf: &LeafInfo,
        points: &NewPoints,
        reason_code: &str,
        reason: &Text,
    ) -> Result<ScoreChange, Refusal> {
        let recorded = self.recorded(&leaf.id);
        let old =
            recorded.appraised.as_ref().map(|a| a.points).or_else(|| recorded.self_score.as_ref().map(|s| s.points));
        let (new, inputs) = self.new_points(leaf, points)?;
        check_reason(self.policy, self.season_id, reason_code, old, new)?;
        Ok(ScoreChange {
            leaf: leaf.id.clone(),
            old,
            new,
            inputs,
            reason_code: reason_code.to_owned(),
            reason: d.seal("reason", reason)?,
        })
    }
}

/// What an assigned account does with a leaf.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Job {
    /// Appraise it.
    Review,
    /// Confirm what another appraised.
    Confirm,
}

/// That a reason code is the season's and can explain the change (invariant 6).
pub(crate) fn check_reason(
    policy: &Policy,
    season: &SeasonId,
    code: &str,
    old: Option<Points>,
    new: Points,
) -> Result<(), Refusal> {
    let Some(reason) = policy.reason(code) else {
        let known: Vec<_> = policy.reason_codes.iter().map(|r| r.code.as_str()).collect();
        let shown: String = code.chars().take(64).collect();
        if shown.is_empty() {
            return Err(refuse!(ReasonRequired, what = "a change of a score (reason_code)"));
        }
        return Err(refuse!(UnknownReasonCode, code = shown, season = season, known = known.join(", ")));
    };
    let Some(old) = old else { return Ok(()) };
    let fits = match reason.kind {
        ReasonKind::Deduction => new <= old,
        ReasonKind::Raise => new >= old,
        ReasonKind::Either => true,
    };
    if fits {
        return Ok(());
    }
    let kind = match reason.kind {
        ReasonKind::Deduction => "deduction",
        ReasonKind::Raise => "raise",
        ReasonKind::Either => "either",
    };
    Err(refuse!(ReasonUnfit, code = code, kind = kind, old = old, new = new))
}
