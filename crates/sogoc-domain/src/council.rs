//! The council: sessions, recusals, and resolutions over many scorecards.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::authority;
use crate::command::{AdoptResolution, CloseSession, OpenSession, RecuseMember};
use crate::decide::{Deciding, check_count};
use crate::event::{
    Ballot, CouncilEvent, MemberRecused, ResolutionAdopted, ResolutionApplied, SessionClosed, SessionOpened,
};
use crate::refusal::{Refusal, refuse};
use crate::roles::Role;
use crate::scorecard;
use crate::season::running;
use crate::stream::Stream;
use crate::values::{AccountId, AgencyId, CaseId, SeasonId};

/// A season's council as of one position.
#[derive(Clone, Default, Debug, PartialEq, Serialize, Deserialize)]
pub struct Council {
    /// Sessions by id.
    pub sessions: BTreeMap<CaseId, Session>,
    /// Ids of the resolutions adopted in any session.
    pub resolutions: BTreeSet<CaseId>,
}

/// A session.
#[derive(Clone, Default, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// Members present.
    pub present: BTreeSet<AccountId>,
    /// Members that stand aside: for one agency, or for all where `None`.
    pub recused: BTreeSet<(AccountId, Option<AgencyId>)>,
    /// The session ended.
    pub closed: bool,
}

impl Council {
    /// Applies an event; total.
    pub fn apply(&mut self, event: &CouncilEvent) {
        match event {
            CouncilEvent::SessionOpened(e) => {
                let session = Session { present: e.present.iter().cloned().collect(), ..Session::default() };
                self.sessions.insert(e.session.clone(), session);
            }
            CouncilEvent::MemberRecused(e) => {
                if let Some(session) = self.sessions.get_mut(&e.session) {
                    session.recused.insert((e.member.clone(), e.agency.clone()));
                }
            }
            CouncilEvent::ResolutionAdopted(e) => {
                self.resolutions.insert(e.resolution.clone());
            }
            CouncilEvent::SessionClosed(e) => {
                if let Some(session) = self.sessions.get_mut(&e.session) {
                    session.closed = true;
                }
            }
        }
    }

    /// True where a member stood aside from an agency in any session.
    #[must_use]
    pub fn is_recused(&self, member: &AccountId, agency: &AgencyId) -> bool {
        self.sessions.values().any(|s| s.is_recused(member, Some(agency)))
    }
}

impl Session {
    fn is_recused(&self, member: &AccountId, agency: Option<&AgencyId>) -> bool {
        self.recused.iter().any(|(m, a)| m == member && (a.is_none() || a.as_ref() == agency))
    }
}

/// The roles that sit on the council.
pub(crate) const COUNCIL: &[Role] = &[Role::CouncilMember, Role::CouncilChair];

fn session<'a>(d: &Deciding<'a>, season: &SeasonId, id: &CaseId) -> Result<&'a Session, Refusal> {
    d.read(Stream::Council(season.clone()));
    let council = d.world.councils.get(season);
    let session =
        council.and_then(|c| c.sessions.get(id)).ok_or_else(|| refuse!(Unknown, what = "session", id = id))?;
    if session.closed {
        return Err(refuse!(SeasonState, season = season, state = format!("past session {id}"), command = d.kind()));
    }
    Ok(session)
}

pub(crate) fn open_session(d: &Deciding<'_>, c: &OpenSession) -> Result<(), Refusal> {
    let season = running(d, &c.season)?;
    season.admits(&c.season, d.kind(), d.judged_at(&c.season, season)?, None, None)?;
    let stream = Stream::Council(c.season.clone());
    d.read(stream.clone());
    let taken = d.world.councils.get(&c.season).is_some_and(|council| council.sessions.contains_key(&c.session));
    Deciding::fresh_case("session", &c.session, taken)?;
    check_count("present", c.present.len(), 100)?;
    let present: BTreeSet<_> = c.present.iter().cloned().collect();
    if present.len() < 2 {
        return Err(refuse!(VotesShort, what = "a session", have = present.len(), need = 2));
    }
    for member in &present {
        authority::require_role(d, member, COUNCIL, Some(&c.season))?;
    }
    let event = SessionOpened { session: c.session.clone(), present: present.into_iter().collect(), by: d.by() };
    d.push(stream, event);
    Ok(())
}

pub(crate) fn recuse_member(d: &Deciding<'_>, c: &RecuseMember) -> Result<(), Refusal> {
    let session = session(d, &c.season, &c.session)?;
    if !session.present.contains(&c.member) {
        return Err(refuse!(NotPresent, member = &c.member, session = &c.session));
    }
    if let Some(agency) = &c.agency
        && !d.season(&c.season)?.agencies.contains_key(agency)
    {
        return Err(refuse!(NotInSeason, agency = agency, season = &c.season));
    }
    if session.recused.contains(&(c.member.clone(), c.agency.clone())) {
        return Err(refuse!(NothingToDo, why = "the member stands aside already"));
    }
    let event = MemberRecused {
        session: c.session.clone(),
        member: c.member.clone(),
        agency: c.agency.clone(),
        reason: d.seal("reason", &c.reason)?,
    };
    d.push(Stream::Council(c.season.clone()), event);
    Ok(())
}

/// Adopted by a majority of those present. A member's vote does not count for a change of the member's own agency: that
/// change needs a majority of the others (invariant 7).
pub(crate) fn adopt_resolution(d: &Deciding<'_>, c: &AdoptResolution) -> Result<(), Refusal> {
    let season = running(d, &c.season)?;
    season.admits(&c.season, d.kind(), d.judged_at(&c.season, season)?, None, None)?;
    let session = session(d, &c.season, &c.session)?;
    let taken = d.world.councils.get(&c.season).is_some_and(|council| council.resolutions.contains(&c.resolution));
    Deciding::fresh_case("resolution", &c.resolution, taken)?;
    check_count("votes", c.votes.len(), 100)?;
    check_count("changes", c.changes.len(), 2_000)?;
    let mut votes = BTreeMap::new();
    for vote in &c.votes {
        if !session.present.contains(&vote.member) {
            return Err(refuse!(NotPresent, member = &vote.member, session = &c.session));
        }
        if stands_aside(d, session, &vote.member, None) {
            return Err(refuse!(Recused, account = &vote.member, agency = "this session"));
        }
        authority::require_role(d, &vote.member, COUNCIL, Some(&c.season))?;
        if votes.insert(vote.member.clone(), vote.vote).is_some() {
            return Err(refuse!(AlreadyExists, what = "vote of", id = &vote.member));
        }
    }
    let eligible: Vec<_> = session.present.iter().filter(|m| !stands_aside(d, session, m, None)).collect();
    majority(d, "the resolution", &eligible, &votes)?;

    let text = d.seal("text", &c.text)?;
    let event = ResolutionAdopted {
        session: c.session.clone(),
        resolution: c.resolution.clone(),
        text,
        votes: votes.iter().map(|(m, v)| crate::event::Vote { member: m.clone(), vote: *v }).collect(),
        changes: u32::try_from(c.changes.len()).unwrap_or(u32::MAX),
        by: d.by(),
    };
    d.push(Stream::Council(c.season.clone()), event);

    let mut touched = BTreeSet::new();
    for change in &c.changes {
        let free = |m: &&&AccountId| {
            !stands_aside(d, session, m, Some(&change.agency))
                && authority::bar_own_case(d, m, &c.season, &change.agency).is_ok()
        };
        let others: Vec<_> = eligible.iter().filter(free).copied().collect();
        let voters = majority(d, "the change", &others, &votes)?;
        let card = scorecard::card::Card::open(d, &c.season, &change.agency)?;
        let leaf = card.scored_leaf(&change.leaf)?;
        card.not_closed(d, Some(&leaf.id))?;
        if !touched.insert((change.agency.clone(), leaf.id.clone())) {
            return Err(refuse!(AlreadyExists, what = "change of leaf", id = &leaf.code));
        }
        let change = card.change(d, leaf, &change.points, &change.reason_code, &change.reason)?;
        let event = ResolutionApplied { session: c.session.clone(), resolution: c.resolution.clone(), change, voters };
        d.push(card.stream(), event);
    }
    Ok(())
}

/// True where any account of the member's person stands aside.
fn stands_aside(d: &Deciding<'_>, session: &Session, member: &AccountId, agency: Option<&AgencyId>) -> bool {
    authority::persons_read(d, member).iter().any(|account| session.is_recused(account, agency))
}

/// The members who voted for it, where they are more than half of those who may vote. Persons are counted, not accounts.
fn majority(
    d: &Deciding<'_>,
    what: &'static str,
    eligible: &[&AccountId],
    votes: &BTreeMap<AccountId, Ballot>,
) -> Result<Vec<AccountId>, Refusal> {
    let voters: Vec<_> =
        eligible.iter().filter(|m| votes.get(**m) == Some(&Ballot::For)).map(|m| (*m).clone()).collect();
    let have = authority::count_persons(d, &voters);
    let need = (authority::count_persons(d, eligible.iter().copied()) / 2 + 1).max(2);
    if have < need {
        return Err(refuse!(VotesShort, what = what, have = have, need = need));
    }
    Ok(voters)
}

pub(crate) fn close_session(d: &Deciding<'_>, c: &CloseSession) -> Result<(), Refusal> {
    session(d, &c.season, &c.session)?;
    d.push(Stream::Council(c.season.clone()), SessionClosed { session: c.session.clone(), by: d.by() });
    Ok(())
}
