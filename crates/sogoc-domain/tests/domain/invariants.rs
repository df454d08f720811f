//! What must hold after every accepted command, judged from the states before and after and not by the code under test.

use std::collections::BTreeSet;

use sogoc_domain::command::{Command, Envelope};
use sogoc_domain::event::{AccountEvent, AppealEffect, AppealTarget, Event, ResultsEvent, ScorecardEvent};
use sogoc_domain::policy::Applicability;
use sogoc_domain::roles::By;
use sogoc_domain::scorecard::{Scorecard, Submission};
use sogoc_domain::stream::Stream;
use sogoc_domain::values::{AccountId, AgencyId, LeafId, Points, SeasonId};
use sogoc_domain::{Decision, World};

/// Largest payload that leaves room for the rest of an entry of 65,535 bytes.
const PAYLOAD_MAX: usize = 61_000;

/// Fails the test where an invariant of DESIGN §4 does not hold.
pub(crate) fn hold(before: &World, after: &World, envelope: &Envelope, decision: &Decision, texts: &[String]) {
    an_accepted_command_records_something_and_read_what_it_writes(decision);
    no_text_stands_bare(decision, texts);
    the_account_holds_the_role_it_acted_by(before, envelope, decision);
    heavy_roles_are_given_by_two(before, decision);
    for (stream, event) in &decision.events {
        if let (Stream::Scorecard(_, agency), Event::Scorecard(event)) = (stream, event) {
            nobody_decided_their_own_case(before, stream, agency, event);
        }
        if let (Stream::Results(season), Event::Results(event)) = (stream, event) {
            results_are_whole_and_approved_by_two(before, season, event);
        }
    }
    let cards: BTreeSet<_> = decision
        .events
        .iter()
        .filter_map(
            |(stream, _)| if let Stream::Scorecard(season, agency) = stream { Some((season, agency)) } else { None },
        )
        .collect();
    for (season, agency) in cards {
        let old = before.scorecard(season, agency).map(AsRef::as_ref).cloned().unwrap_or_default();
        let new = after.scorecard(season, agency).expect("something was recorded of it").as_ref();
        let card = Changed { before, after, season, agency, old: &old, new };
        card.every_change_of_points_has_a_reason(decision);
        card.points_lie_within_the_maximum();
        card.confirmation_takes_two_persons(decision);
        card.evidence_is_numbered_densely();
        card.what_is_submitted_is_whole();
        card.an_announcement_closes_it(decision);
    }
    what_is_pinned_stays(before, after);
}

fn an_accepted_command_records_something_and_read_what_it_writes(decision: &Decision) {
    assert!(!decision.events.is_empty());
    for (stream, event) in &decision.events {
        assert!(decision.reads.contains(stream), "{stream} is written and not in the read set");
        let data = event.data();
        assert!(data.len() <= PAYLOAD_MAX, "{} has {} bytes", event.kind(), data.len());
        // What is absent is left out (DESIGN §5), and the log takes nothing else.
        assert!(!data.contains(":null") && !data.contains("[null"), "{data}");
    }
}

/// Invariant 11. Short texts could stand in an entry by chance, as part of a code.
fn no_text_stands_bare(decision: &Decision, texts: &[String]) {
    for text in texts.iter().filter(|t| t.chars().count() > 8) {
        let bare = decision.events.iter().find(|(_, event)| event.data().contains(text.as_str()));
        assert!(bare.is_none(), "\"{text}\" stands bare in {:?}", bare.map(|(_, e)| e.kind()));
    }
}

fn the_account_holds_the_role_it_acted_by(before: &World, envelope: &Envelope, decision: &Decision) {
    if matches!(envelope.command, Command::FoundRegister(_)) {
        return assert!(before.accounts.is_empty() && decision.role.is_none());
    }
    let principal = envelope.on_behalf_of.as_ref().unwrap_or(&envelope.account);
    let role = decision.role.expect("every act but the founding is by a role");
    let account = &before.accounts[principal];
    assert!(!account.closed && account.grants.iter().any(|g| g.role == role), "{principal} does not hold {role}");
}

/// All accounts of the same person, over any number of links.
fn person(world: &World, account: &AccountId) -> BTreeSet<AccountId> {
    let mut found = BTreeSet::from([account.clone()]);
    loop {
        let more: Vec<_> = found
            .iter()
            .filter_map(|id| world.accounts.get(id))
            .flat_map(|a| a.linked.iter().cloned())
            .filter(|id| !found.contains(id))
            .collect();
        if more.is_empty() {
            return found;
        }
        found.extend(more);
    }
}

fn persons<'a>(world: &World, accounts: impl IntoIterator<Item = &'a AccountId>) -> BTreeSet<AccountId> {
    accounts.into_iter().flat_map(|a| person(world, a)).collect()
}

fn distinct<'a>(world: &World, accounts: impl IntoIterator<Item = &'a AccountId>) -> usize {
    accounts.into_iter().map(|a| person(world, a)).collect::<BTreeSet<_>>().len()
}

/// Invariant 7: nobody gives council, publishing or administrator roles alone, or to themselves.
fn heavy_roles_are_given_by_two(before: &World, decision: &Decision) {
    for (stream, event) in &decision.events {
        let (Stream::Account(receiver), Event::Account(AccountEvent::RoleGranted(e))) = (stream, event) else {
            continue;
        };
        if e.founding {
            continue;
        }
        let givers = persons(before, e.by.accounts());
        assert!(!givers.contains(receiver), "{receiver} gave itself {}", e.role);
        if e.role.needs_two() {
            let proposers = persons(before, e.proposed_by.as_ref().expect("proposed first").accounts());
            assert!(givers.is_disjoint(&proposers), "{} was given by one person", e.role);
            assert!(!proposers.contains(receiver), "{receiver} proposed itself as {}", e.role);
        }
    }
}

/// Who decides by an event, where it decides about the agency.
fn deciders(event: &ScorecardEvent) -> Vec<AccountId> {
    use ScorecardEvent as E;
    let by = |by: &By| by.accounts().cloned().collect();
    match event {
        E::ScoreAccepted(e) => by(&e.by),
        E::ScoreAdjusted(e) => by(&e.by),
        E::ScoreUpheld(e) => by(&e.by),
        E::ExplanationRequested(e) => by(&e.by),
        E::LeavesConfirmed(e) => by(&e.by),
        E::LeavesReturned(e) => by(&e.by),
        E::ApplicabilityDecided(e) => by(&e.by),
        E::ScoreDeemed(e) => by(&e.by),
        E::ScoreCorrected(e) => by(&e.by),
        E::ScorecardReopened(e) => by(&e.by),
        E::LateAppealAccepted(e) => by(&e.by),
        E::LateSubmissionAccepted(e) => by(&e.by),
        E::AppealOpinionGiven(e) => by(&e.by),
        E::LineScored(e) => by(&e.by),
        E::ClassCapped(e) => by(&e.by),
        E::ResolutionApplied(e) => e.voters.clone(),
        E::AppealItemDecided(e) => e.voters.clone(),
        E::EvidenceJudged(e) => by(&e.by),
        E::SelfScored(_)
        | E::EvidenceAttached(_)
        | E::EvidenceWithdrawn(_)
        | E::ScorecardSubmitted(_)
        | E::SubmissionWithdrawn(_)
        | E::SubmissionMissed(_)
        | E::ExplanationGiven(_)
        | E::ReviewerRecused(_)
        | E::AppealLodged(_)
        | E::AppealItemWithdrawn(_)
        | E::ScoreRecomputed(_)
        | E::LeafReopened(_)
        | E::ResultTranscribed(_) => Vec::new(),
    }
}

/// Invariant 7. Votes that decide are of at least two persons, none of whom took the decision under review.
fn nobody_decided_their_own_case(before: &World, stream: &Stream, agency: &AgencyId, event: &ScorecardEvent) {
    let Stream::Scorecard(season, _) = stream else { return };
    let card = before.scorecard(season, agency);
    for id in persons(before, &deciders(event)) {
        let own = before.accounts[&id].agency.as_ref();
        assert_ne!(own, Some(agency), "{id} decided {} of its own agency", event.kind());
        assert!(!card.is_some_and(|c| c.acted.contains(&id)), "{id} acted for {agency} and decided {}", event.kind());
    }
    let voters = match event {
        ScorecardEvent::ResolutionApplied(e) => &e.voters,
        ScorecardEvent::AppealItemDecided(e) => {
            let item = card.and_then(|c| c.appeals.get(&e.appeal)).map(|a| &a.items[e.item as usize - 1]);
            if let Some(AppealTarget::Leaf(leaf)) = item.map(|i| &i.target) {
                let took = card.and_then(|c| c.leaf(leaf)).map(|l| l.deciders.iter().chain(&l.confirmers));
                let took = took.map(|took| persons(before, took)).unwrap_or_default();
                assert!(persons(before, &e.voters).is_disjoint(&took), "who decided {leaf} decided the appeal");
            }
            &e.voters
        }
        _ => return,
    };
    assert!(distinct(before, voters) >= 2, "{} was decided by {voters:?}", event.kind());
}

fn results_are_whole_and_approved_by_two(before: &World, season: &SeasonId, event: &ResultsEvent) {
    let state = &before.seasons[season];
    match event {
        ResultsEvent::ResultsAnnounced(_) => {
            for (agency, member) in &state.agencies {
                let group = &state.groups[&member.group];
                let card = before.scorecard(season, agency);
                let Some(set) = &group.set else {
                    assert!(card.is_some_and(|c| c.transcribed.is_some()), "{agency} has no total");
                    continue;
                };
                if member.successor.is_some() {
                    continue;
                }
                let version = before.sets[set].version(group.set_version.expect("it runs")).expect("it was activated");
                for leaf in version.leaves().iter().filter(|l| !l.is_survey()) {
                    let leaf = card.and_then(|c| c.leaf(&leaf.id)).expect("every leaf has a state");
                    assert!(leaf.appraised.is_some() || leaf.applicability != Applicability::Applies);
                }
            }
        }
        ResultsEvent::EditionPublished(e) => {
            let approved = &before.results[season].announcements[e.announcement as usize - 1].approved_by;
            assert!(distinct(before, approved.iter().map(|by| &by.account)) >= 2, "published on {approved:?}");
        }
        _ => {}
    }
}

/// A scorecard that a command changed.
struct Changed<'a> {
    before: &'a World,
    after: &'a World,
    season: &'a SeasonId,
    agency: &'a AgencyId,
    old: &'a Scorecard,
    new: &'a Scorecard,
}

/// What an event says of a leaf's points: the leaf, its new points where it says them, and the reason code.
fn reasoned(event: &ScorecardEvent, card: &Scorecard) -> Option<(LeafId, Option<Points>, String)> {
    use ScorecardEvent as E;
    Some(match event {
        E::ScoreAdjusted(e) => (e.change.leaf.clone(), Some(e.change.new), e.change.reason_code.clone()),
        E::ScoreCorrected(e) => (e.change.leaf.clone(), Some(e.change.new), e.change.reason_code.clone()),
        E::ResolutionApplied(e) => (e.change.leaf.clone(), Some(e.change.new), e.change.reason_code.clone()),
        E::ScoreDeemed(e) => (e.leaf.clone(), Some(Points::ZERO), e.reason_code.clone()),
        E::ScoreRecomputed(e) => (e.leaf.clone(), e.appraised_points, e.reason_code.clone()),
        E::LeafReopened(e) => (e.leaf.clone(), None, e.reason_code.clone()),
        E::AppealItemDecided(e) => {
            let Some(AppealEffect::Points { new, .. }) = e.effect else { return None };
            let AppealTarget::Leaf(leaf) = &card.appeals[&e.appeal].items[e.item as usize - 1].target else {
                return None;
            };
            (leaf.clone(), Some(new), e.reason_code.clone())
        }
        _ => return None,
    })
}

impl Changed<'_> {
    fn events<'d>(&self, decision: &'d Decision) -> impl Iterator<Item = &'d ScorecardEvent> {
        let own = Stream::Scorecard(self.season.clone(), self.agency.clone());
        decision.events.iter().filter_map(move |(stream, event)| match event {
            Event::Scorecard(event) if *stream == own => Some(event.as_ref()),
            _ => None,
        })
    }

    /// Invariant 6. The appraised points are the self score that was accepted, or an entry gives a code.
    fn every_change_of_points_has_a_reason(&self, decision: &Decision) {
        for (id, leaf) in &self.new.leaves {
            let before = self.old.leaf(id).and_then(|l| l.appraised.as_ref()).map(|a| a.points);
            let now = leaf.appraised.as_ref().map(|a| a.points);
            if before == now {
                continue;
            }
            let said =
                self.events(decision).filter_map(|e| reasoned(e, self.old)).filter(|(leaf, ..)| leaf == id).last();
            let accepted =
                self.events(decision).any(|e| matches!(e, ScorecardEvent::ScoreAccepted(e) if e.leaf == *id));
            match said {
                Some((_, points, code)) => {
                    assert_eq!(points, now, "{id} of {} has other points than its entry says", self.agency);
                    assert!(!code.is_empty(), "{id} changed without a reason");
                }
                None => {
                    assert!(accepted, "{id} of {} changed from {before:?} to {now:?} without a reason", self.agency);
                    assert_eq!(now, leaf.self_score.as_ref().map(|s| s.points), "accepted, and not the self score");
                }
            }
        }
    }

    fn points_lie_within_the_maximum(&self) {
        let season = &self.after.seasons[self.season];
        let group = &season.groups[&season.agencies[self.agency].group];
        let (Some(set), Some(version)) = (&group.set, group.set_version) else { return };
        let version = self.after.sets[set].version(version).expect("the season adopted it");
        for leaf in version.leaves() {
            let Some(recorded) = self.new.leaf(&leaf.id) else { continue };
            let of_self = recorded.self_score.as_ref().map(|s| s.points);
            let appraised = recorded.appraised.as_ref().map(|a| a.points);
            for points in [of_self, appraised].into_iter().flatten() {
                assert!(points <= leaf.max_points, "{points} points of {} at leaf {}", leaf.max_points, leaf.code);
            }
        }
        for (line, points) in &self.new.lines {
            assert!(*points <= season.lines[line].cap);
        }
        assert!(self.new.survey_points.is_none_or(|p| p <= version.survey_max()));
    }

    /// Invariant 7: confirmed by someone else than those who decided.
    fn confirmation_takes_two_persons(&self, decision: &Decision) {
        for event in self.events(decision) {
            let ScorecardEvent::LeavesConfirmed(e) = event else { continue };
            let confirmers = persons(self.before, e.by.accounts());
            for leaf in &e.leaves {
                let decided = &self.old.leaf(leaf).expect("it was appraised").deciders;
                assert!(
                    confirmers.is_disjoint(&persons(self.before, decided)),
                    "{leaf} was confirmed by who decided it"
                );
                let leaf = self.new.leaf(leaf).expect("confirmed");
                assert!(distinct(self.before, leaf.deciders.iter().chain(&leaf.confirmers)) >= 2);
            }
        }
        for (id, leaf) in &self.old.leaves {
            let kept = self.new.leaf(id).is_some_and(|new| {
                leaf.deciders.iter().all(|a| new.deciders.contains(a))
                    && leaf.confirmers.iter().all(|a| new.confirmers.contains(a))
            });
            assert!(kept, "who decided {id} was forgotten");
        }
    }

    fn evidence_is_numbered_densely(&self) {
        let numbers: Vec<_> = self.new.evidence.keys().copied().collect();
        assert_eq!(numbers, (1..=u32::try_from(numbers.len()).unwrap()).collect::<Vec<_>>());
    }

    fn what_is_submitted_is_whole(&self) {
        if self.new.submission != Submission::Submitted || self.old.submission == Submission::Submitted {
            return;
        }
        let season = &self.after.seasons[self.season];
        let group = &season.groups[&season.agencies[self.agency].group];
        let set = &self.after.sets[group.set.as_ref().expect("it is scored leaf by leaf")];
        for leaf in set.version(group.set_version.expect("it runs")).expect("adopted").leaves() {
            let recorded = self.new.leaf(&leaf.id).cloned().unwrap_or_default();
            let applies = recorded.applicability == Applicability::Applies;
            assert!(leaf.is_survey() || !applies || recorded.self_score.is_some(), "{} has no self score", leaf.code);
        }
    }

    /// Announced results change only by an appeal, or where the council opened the leaf again.
    fn an_announcement_closes_it(&self, decision: &Decision) {
        let announced = self.before.results.get(self.season).map_or(0, |r| r.announcements.len());
        if announced == 0 {
            return;
        }
        let appealed = self.events(decision).any(|e| matches!(e, ScorecardEvent::AppealItemDecided(_)));
        let open = |leaf: &LeafId| {
            let reopened = self.old.reopened.as_ref().filter(|(number, _)| *number as usize == announced);
            reopened.is_some_and(|(_, leaves)| leaves.is_empty() || leaves.contains(leaf))
        };
        for (id, leaf) in &self.new.leaves {
            let points = |card: &Scorecard| card.leaf(id).and_then(|l| l.appraised.as_ref()).map(|a| a.points);
            let applicability = self.old.leaf(id).map_or(Applicability::Applies, |l| l.applicability);
            let moved = points(self.old) != points(self.new) || applicability != leaf.applicability;
            assert!(!moved || appealed || open(id), "{id} of {} moved after the announcement", self.agency);
        }
    }
}

/// Invariants 8 and 12, and that a set's versions stay as they were activated.
fn what_is_pinned_stays(before: &World, after: &World) {
    for (id, season) in &before.seasons {
        let now = &after.seasons[id];
        assert_eq!(season.mode, now.mode);
        assert!(season.rules_version.is_none() || season.rules_version == now.rules_version);
        assert!(
            season.rules_version.is_none() || season.policy == now.policy,
            "the policy of a running season changed"
        );
    }
    for (id, set) in &before.sets {
        assert!(after.sets[id].versions.starts_with(&set.versions), "a version of {id} changed");
    }
    for (season, results) in &before.results {
        let now = &after.results[season];
        assert!(now.announcements.len() >= results.announcements.len());
        let same = |(old, new): (&sogoc_domain::results::Edition, &sogoc_domain::results::Edition)| {
            old.kind == new.kind && old.as_of == new.as_of && old.announcement == new.announcement
        };
        assert!(results.editions.iter().zip(&now.editions).all(same), "an edition was edited");
    }
}
