//! Results: announced at a position, approved by two, published in editions, never edited.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::authority;
use crate::command::{
    AnnounceResults, AnnulEdition, ApproveResults, AttachEditionInstrument, NotifyAgencies, PublishEdition,
};
use crate::decide::{Deciding, check_count};
use crate::event::{
    AgenciesNotified, EditionAnnulled, EditionInstrumentAttached, EditionKind, EditionPublished, ResultsAnnounced,
    ResultsApproved, ResultsEvent,
};
use crate::policy::{Applicability, Treatment, Unsurveyed};
use crate::refusal::{Refusal, refuse};
use crate::roles::By;
use crate::season::{Season, running, version_of};
use crate::stream::Stream;
use crate::survey::Surveyed;
use crate::values::{AccountId, AgencyId, InstrumentId, SeasonId, Timestamp};

/// A season's results as of one position.
#[derive(Clone, Default, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// Announcements; the number of the first is 1.
    pub announcements: Vec<Announcement>,
    /// Editions; the number of the first is 1.
    pub editions: Vec<Edition>,
    /// Agencies that have a window of their own, with its end.
    pub windows: BTreeMap<AgencyId, Timestamp>,
}

/// An announcement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Announcement {
    /// The position as of which the results hold.
    pub as_of: u64,
    /// Who announced.
    pub by: AccountId,
    /// Who approved, each another person.
    pub approved_by: BTreeSet<By>,
}

/// An edition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Edition {
    /// Provisional, official or correcting.
    pub kind: EditionKind,
    /// The announcement that it publishes.
    pub announcement: u32,
    /// The position as of which its figures hold.
    pub as_of: u64,
    /// The instrument, once attached.
    pub instrument: Option<InstrumentId>,
    /// It holds no more.
    pub annulled: bool,
}

impl Results {
    /// Applies an event; total.
    pub fn apply(&mut self, event: &ResultsEvent) {
        match event {
            ResultsEvent::ResultsAnnounced(e) => self.announcements.push(Announcement {
                as_of: e.as_of,
                by: e.by.account.clone(),
                approved_by: BTreeSet::new(),
            }),
            ResultsEvent::ResultsApproved(e) => {
                if let Some(a) = nth_mut(&mut self.announcements, e.number) {
                    a.approved_by.insert(e.by.clone());
                }
            }
            ResultsEvent::EditionPublished(e) => self.editions.push(Edition {
                kind: e.kind,
                announcement: e.announcement,
                as_of: e.as_of,
                instrument: None,
                annulled: false,
            }),
            ResultsEvent::EditionInstrumentAttached(e) => {
                if let Some(edition) = nth_mut(&mut self.editions, e.edition) {
                    edition.instrument = Some(e.instrument.clone());
                }
            }
            ResultsEvent::EditionAnnulled(e) => {
                if let Some(edition) = nth_mut(&mut self.editions, e.edition) {
                    edition.annulled = true;
                }
            }
            ResultsEvent::AgenciesNotified(e) => {
                for agency in &e.agencies {
                    self.windows.insert(agency.clone(), e.until);
                }
            }
        }
    }

    /// The last edition that holds.
    #[must_use]
    pub fn current_edition(&self) -> Option<&Edition> {
        self.editions.iter().rev().find(|e| !e.annulled)
    }

    /// True once an official edition holds.
    #[must_use]
    pub fn is_official(&self) -> bool {
        self.editions.iter().any(|e| !e.annulled && e.kind != EditionKind::Provisional)
    }
}

fn nth_mut<T>(list: &mut [T], number: u32) -> Option<&mut T> {
    list.get_mut(usize::try_from(number).ok()?.checked_sub(1)?)
}

fn nth<T>(list: &[T], number: u32) -> Option<&T> {
    list.get(usize::try_from(number).ok()?.checked_sub(1)?)
}

fn count(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// The results, noted as looked at.
pub(crate) fn results<'a>(d: &Deciding<'a>, season: &SeasonId) -> Option<&'a Results> {
    d.read(Stream::Results(season.clone()));
    d.world.results.get(season).map(AsRef::as_ref)
}

/// How many announcements there are; scorecards are closed from the first on.
pub(crate) fn announced(d: &Deciding<'_>, season: &SeasonId) -> u32 {
    results(d, season).map_or(0, |r| count(r.announcements.len()))
}

pub(crate) fn announce(d: &Deciding<'_>, c: &AnnounceResults) -> Result<(), Refusal> {
    let season = running(d, &c.season)?;
    season.admits_if_scheduled(&c.season, d)?;
    let missing = missing_points(d, &c.season, season)?;
    if !missing.is_empty() {
        let shown = missing.iter().take(20).cloned().collect::<Vec<_>>().join("; ");
        let more = missing.len().saturating_sub(20);
        let shown = if more > 0 { format!("{shown}; and {more} more") } else { shown };
        return Err(refuse!(Incomplete, season = &c.season, missing = shown));
    }
    let facts = d.record.announcement(&c.season);
    let number = announced(d, &c.season).saturating_add(1);
    d.require_unmoved(&c.season, facts.as_of);
    let event = ResultsAnnounced {
        number,
        as_of: facts.as_of,
        streams_root: facts.streams_root,
        streams: facts.streams,
        by: d.by(),
    };
    d.push(Stream::Results(c.season.clone()), event);
    Ok(())
}

/// Everything that keeps the results from being whole (invariant 9). Scorecards are not put into the read set one by one:
/// the append checks that none moved.
fn missing_points(d: &Deciding<'_>, id: &SeasonId, season: &Season) -> Result<Vec<String>, Refusal> {
    let mut missing = Vec::new();
    d.world.not_stopped(&Stream::Survey(id.clone()))?;
    let survey = d.world.surveys.get(id);
    let policy = season.policy(id)?;
    for (agency, member) in &season.agencies {
        if member.treatment == Some(Treatment::SuccessorAnswers) {
            continue;
        }
        d.world.not_stopped(&Stream::Scorecard(id.clone(), agency.clone()))?;
        let card = d.world.scorecard(id, agency);
        if season.groups.get(&member.group).is_none_or(|g| g.set.is_none()) {
            if card.is_none_or(|c| c.transcribed.is_none()) {
                missing.push(format!("{agency}: the transcribed result"));
            }
            continue;
        }
        for leaf in version_of(d, season, &member.group)?.leaves() {
            let recorded = card.and_then(|c| c.leaf(&leaf.id));
            if recorded.is_some_and(|l| l.applicability != Applicability::Applies) {
                continue;
            }
            if leaf.is_survey() {
                let whole = card.is_some_and(|c| c.survey_points.is_some())
                    || match survey.and_then(|s| s.agencies.get(agency)) {
                        Some(Surveyed::Result(state)) => state.accepted,
                        Some(Surveyed::NotSurveyed) => {
                            matches!(policy.unsurveyed, Unsurveyed::LeaveOut | Unsurveyed::Zero)
                        }
                        None => false,
                    };
                if !whole {
                    missing.push(format!("{agency}: an accepted survey result"));
                }
                continue;
            }
            match recorded.and_then(|l| l.appraised.as_ref().map(|a| (l, a))) {
                None => missing.push(format!("{agency} {}", leaf.code)),
                Some((l, a)) if a.how.needs_confirmation() && !l.confirmed => {
                    missing.push(format!("{agency} {} (not confirmed)", leaf.code));
                }
                Some(_) => {}
            }
        }
    }
    Ok(missing)
}

pub(crate) fn approve(d: &Deciding<'_>, c: &ApproveResults) -> Result<(), Refusal> {
    let season = running(d, &c.season)?;
    season.admits_if_scheduled(&c.season, d)?;
    let results = results(d, &c.season);
    let announcement = latest(results, c.number)?;
    let mine = authority::deciders(d);
    if let Some(first) = announcement.approved_by.iter().flat_map(By::accounts).find(|a| mine.contains(*a)) {
        return Err(refuse!(SecondPerson, account = &d.envelope.account, what = "approving results", first = first));
    }
    d.push(Stream::Results(c.season.clone()), ResultsApproved { number: c.number, by: d.by() });
    Ok(())
}

/// The announcement of this number, which must be the last one.
fn latest(results: Option<&Results>, number: u32) -> Result<&Announcement, Refusal> {
    let announcements = results.map_or(&[][..], |r| &r.announcements);
    let announcement =
        nth(announcements, number).ok_or_else(|| refuse!(Unknown, what = "announcement", id = number))?;
    if count(announcements.len()) != number {
        let why = format!("announcement {} replaced it", announcements.len());
        return Err(refuse!(Invalid, field = "announcement", value = number, why = why));
    }
    Ok(announcement)
}

pub(crate) fn publish(d: &Deciding<'_>, c: &PublishEdition) -> Result<(), Refusal> {
    let season = running(d, &c.season)?;
    season.admits_if_scheduled(&c.season, d)?;
    let need = season.policy(&c.season)?.approvals;
    let results = results(d, &c.season);
    let announcement = latest(results, c.announcement)?;
    let have = approvals(d, announcement);
    if have < need {
        return Err(refuse!(NotApproved, number = c.announcement, have = have, need = need));
    }
    let editions = results.map_or(&[][..], |r| &r.editions);
    let order = |why: &str| Err(refuse!(EditionOrder, kind = edition_word(c.kind), why = why));
    if editions.iter().any(|e| e.announcement == c.announcement && !e.annulled) {
        return order("this announcement was published already; announce again");
    }
    let official = results.is_some_and(Results::is_official);
    match (c.kind, official) {
        (EditionKind::Provisional, true) => return order("an official edition was published"),
        (EditionKind::Official, true) => return order("there is one; publish a correcting edition"),
        (EditionKind::Correcting, false) => return order("there is no official edition to correct"),
        (EditionKind::Provisional | EditionKind::Official, false) | (EditionKind::Correcting, true) => {}
    }
    let reason = match (&c.reason, c.kind) {
        (Some(text), _) => Some(d.seal("reason", text)?),
        (None, EditionKind::Correcting) => return Err(refuse!(ReasonRequired, what = "a correcting edition")),
        (None, EditionKind::Provisional | EditionKind::Official) => None,
    };
    let before = results.and_then(Results::current_edition).map(|e| e.as_of);
    let facts = d.record.edition(&c.season, announcement.as_of, before);
    let event = EditionPublished {
        edition: count(editions.len()).saturating_add(1),
        kind: c.kind,
        announcement: c.announcement,
        as_of: announcement.as_of,
        table_digest: facts.table_digest,
        rows: facts.rows,
        figures_digest: facts.figures_digest,
        figures: facts.figures,
        changed: facts.changed,
        changed_count: facts.changed_count,
        reason,
        by: d.by(),
    };
    d.push(Stream::Results(c.season.clone()), event);
    Ok(())
}

/// How many persons approved. They may have been linked since, and neither a delegate nor a delegator counts twice.
fn approvals(d: &Deciding<'_>, announcement: &Announcement) -> u32 {
    let approved = &announcement.approved_by;
    let acted = authority::count_persons(d, approved.iter().map(|by| &by.account));
    let stood_behind = authority::count_persons(d, approved.iter().filter_map(|by| by.accounts().last()));
    count(acted.min(stood_behind))
}

fn edition_word(kind: EditionKind) -> &'static str {
    match kind {
        EditionKind::Provisional => "provisional",
        EditionKind::Official => "official",
        EditionKind::Correcting => "correcting",
    }
}

fn edition<'a>(d: &Deciding<'a>, season: &SeasonId, number: u32) -> Result<&'a Edition, Refusal> {
    let editions = results(d, season).map_or(&[][..], |r| &r.editions);
    nth(editions, number).ok_or_else(|| refuse!(Unknown, what = "edition", id = number))
}

pub(crate) fn attach_instrument(d: &Deciding<'_>, c: &AttachEditionInstrument) -> Result<(), Refusal> {
    running(d, &c.season)?;
    let edition = edition(d, &c.season, c.edition)?;
    d.read(Stream::Instrument(c.instrument.clone()));
    if !d.world.instruments.contains_key(&c.instrument) {
        return Err(refuse!(Unknown, what = "instrument", id = &c.instrument));
    }
    if let Some(there) = &edition.instrument {
        return Err(refuse!(AlreadyExists, what = "instrument of the edition", id = there));
    }
    let event = EditionInstrumentAttached { edition: c.edition, instrument: c.instrument.clone(), by: d.by() };
    d.push(Stream::Results(c.season.clone()), event);
    Ok(())
}

pub(crate) fn annul(d: &Deciding<'_>, c: &AnnulEdition) -> Result<(), Refusal> {
    running(d, &c.season)?;
    if edition(d, &c.season, c.edition)?.annulled {
        return Err(refuse!(NothingToDo, why = "the edition is annulled already"));
    }
    if d.envelope.instrument.is_none() {
        return Err(refuse!(InstrumentRequired, command = d.kind()));
    }
    let event = EditionAnnulled { edition: c.edition, reason: d.seal("reason", &c.reason)?, by: d.by() };
    d.push(Stream::Results(c.season.clone()), event);
    Ok(())
}

pub(crate) fn notify(d: &Deciding<'_>, c: &NotifyAgencies) -> Result<(), Refusal> {
    let season = running(d, &c.season)?;
    edition(d, &c.season, c.edition)?;
    check_count("agencies", c.agencies.len(), 100)?;
    if c.agencies.is_empty() {
        return Err(refuse!(Missing, field = "agencies"));
    }
    if let Some(agency) = c.agencies.iter().find(|a| !season.agencies.contains_key(*a)) {
        return Err(refuse!(NotInSeason, agency = agency, season = &c.season));
    }
    let now = d.judged_at(&c.season, season)?;
    if c.until <= now {
        return Err(refuse!(Invalid, field = "until", value = c.until, why = format!("it is {now}")));
    }
    let agencies: BTreeSet<_> = c.agencies.iter().cloned().collect();
    let event =
        AgenciesNotified { edition: c.edition, agencies: agencies.into_iter().collect(), until: c.until, by: d.by() };
    d.push(Stream::Results(c.season.clone()), event);
    Ok(())
}
