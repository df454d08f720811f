//! Which leaves a command or an event is about, for the check of what its author saw (invariant 4).

use sogoc_domain::World;
use sogoc_domain::command::Command;
use sogoc_domain::criteria::SetVersion;
use sogoc_domain::event::{AppealTarget, Event, ScorecardEvent};
use sogoc_domain::stream::Stream;
use sogoc_domain::values::{AgencyId, LeafId, SeasonId};

/// The one leaf that a command names, where it decides about one.
#[expect(clippy::wildcard_enum_match_arm, reason = "most commands name no leaf, and a new one is caught by its events")]
pub(crate) fn named(world: &World, command: &Command) -> Option<(SeasonId, AgencyId, LeafId)> {
    let (season, agency, leaf) = match command {
        Command::RecordSelfScore(c) => (&c.season, &c.agency, &c.leaf),
        Command::AcceptScore(c) => (&c.season, &c.agency, &c.leaf),
        Command::AdjustScore(c) => (&c.season, &c.agency, &c.leaf),
        Command::UpholdScore(c) => (&c.season, &c.agency, &c.leaf),
        Command::RequestExplanation(c) => (&c.season, &c.agency, &c.leaf),
        Command::DeemScore(c) => (&c.season, &c.agency, &c.leaf),
        Command::CorrectScore(c) => (&c.season, &c.agency, &c.leaf),
        _ => return None,
    };
    let leaf = version_of(world, season, agency)?.leaf(leaf)?.id.clone();
    Some((season.clone(), agency.clone(), leaf))
}

/// A leaf's code in the version by which the agency is scored; its id where that version has no such leaf.
pub(crate) fn code<'w>(world: &'w World, season: &SeasonId, agency: &AgencyId, leaf: &'w LeafId) -> &'w str {
    let found = version_of(world, season, agency).and_then(|version| version.leaf_by_id(leaf));
    found.map_or(leaf.as_str(), |leaf| &leaf.code)
}

/// The set version by which an agency is scored.
fn version_of<'w>(world: &'w World, season: &SeasonId, agency: &AgencyId) -> Option<&'w SetVersion> {
    let recorded = world.seasons.get(season)?;
    let group = recorded.groups.get(&recorded.agencies.get(agency)?.group)?;
    world.sets.get(group.set.as_ref()?)?.version(group.set_version?).map(AsRef::as_ref)
}

/// The leaves whose points, state or applicability an event decides about. Evidence is not among them: a file more or
/// less is no decision on what somebody was shown.
pub(crate) fn touched<'a>(
    world: &'a World,
    stream: &'a Stream,
    event: &'a Event,
) -> Option<(&'a SeasonId, &'a AgencyId, Vec<&'a LeafId>)> {
    let (Stream::Scorecard(season, agency), Event::Scorecard(event)) = (stream, event) else { return None };
    let leaves = match event.as_ref() {
        ScorecardEvent::SelfScored(e) => vec![&e.leaf],
        ScorecardEvent::ScoreAccepted(e) => vec![&e.leaf],
        ScorecardEvent::ScoreAdjusted(e) => vec![&e.change.leaf],
        ScorecardEvent::ScoreUpheld(e) => vec![&e.leaf],
        ScorecardEvent::ExplanationRequested(e) => vec![&e.leaf],
        ScorecardEvent::LeavesConfirmed(e) => e.leaves.iter().collect(),
        ScorecardEvent::LeavesReturned(e) => e.leaves.iter().collect(),
        ScorecardEvent::ApplicabilityDecided(e) => vec![&e.leaf],
        ScorecardEvent::ScoreDeemed(e) => vec![&e.leaf],
        ScorecardEvent::ScoreCorrected(e) => vec![&e.change.leaf],
        ScorecardEvent::ResolutionApplied(e) => vec![&e.change.leaf],
        ScorecardEvent::ScoreRecomputed(e) => vec![&e.leaf],
        ScorecardEvent::LeafReopened(e) => vec![&e.leaf],
        ScorecardEvent::AppealItemDecided(e) => {
            let appeal = world.scorecard(season, agency)?.appeals.get(&e.appeal)?;
            let item = usize::try_from(e.item).ok()?.checked_sub(1)?;
            match &appeal.items.get(item)?.target {
                AppealTarget::Leaf(leaf) | AppealTarget::Applicability(leaf) => vec![leaf],
                AppealTarget::SurveyPoints | AppealTarget::Class => return None,
            }
        }
        ScorecardEvent::EvidenceAttached(_)
        | ScorecardEvent::EvidenceWithdrawn(_)
        | ScorecardEvent::EvidenceJudged(_)
        | ScorecardEvent::ScorecardSubmitted(_)
        | ScorecardEvent::SubmissionWithdrawn(_)
        | ScorecardEvent::SubmissionMissed(_)
        | ScorecardEvent::LateSubmissionAccepted(_)
        | ScorecardEvent::ExplanationGiven(_)
        | ScorecardEvent::ScorecardReopened(_)
        | ScorecardEvent::ReviewerRecused(_)
        | ScorecardEvent::AppealLodged(_)
        | ScorecardEvent::LateAppealAccepted(_)
        | ScorecardEvent::AppealOpinionGiven(_)
        | ScorecardEvent::AppealItemWithdrawn(_)
        | ScorecardEvent::LineScored(_)
        | ScorecardEvent::ClassCapped(_)
        | ScorecardEvent::ResultTranscribed(_) => return None,
    };
    Some((season, agency, leaves))
}
