//! The world: every aggregate as of one position.
//!
//! Cloning shares the aggregates, so that an overlay for *what if* costs a map, not a copy. Applying an event cannot fail
//! or refuse (invariant 10).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::account::Account;
use crate::agency::Agency;
use crate::council::Council;
use crate::criteria::CriteriaSet;
use crate::event::{Event, Undecodable};
use crate::instrument::Instrument;
use crate::refusal::{Refusal, refuse};
use crate::results::Results;
use crate::scorecard::Scorecard;
use crate::season::Season;
use crate::stream::Stream;
use crate::survey::Survey;
use crate::values::{AccountId, AgencyId, InstrumentId, SeasonId, SetId};

/// Every aggregate as of one position.
#[derive(Clone, Default, Debug, PartialEq, Serialize, Deserialize)]
pub struct World {
    /// Agencies and bodies.
    pub agencies: BTreeMap<AgencyId, Arc<Agency>>,
    /// Instruments.
    pub instruments: BTreeMap<InstrumentId, Arc<Instrument>>,
    /// Accounts.
    pub accounts: BTreeMap<AccountId, Arc<Account>>,
    /// Criteria sets.
    pub sets: BTreeMap<SetId, Arc<CriteriaSet>>,
    /// Seasons.
    pub seasons: BTreeMap<SeasonId, Arc<Season>>,
    /// Scorecards, by season and agency.
    pub scorecards: BTreeMap<SeasonId, Scorecards>,
    /// Surveys.
    pub surveys: BTreeMap<SeasonId, Arc<Survey>>,
    /// Councils.
    pub councils: BTreeMap<SeasonId, Arc<Council>>,
    /// Results.
    pub results: BTreeMap<SeasonId, Arc<Results>>,
    /// Streams that hold an entry that could not be decoded, with the reason.
    pub stopped: BTreeMap<Stream, String>,
}

impl World {
    /// Applies an event of a stream. What belongs to a stopped stream is left aside, and it is said by
    /// [`World::not_stopped`].
    pub fn apply(&mut self, stream: &Stream, event: &Event) {
        if !self.stopped.is_empty() && self.stopped.contains_key(stream) {
            return;
        }
        match (stream, event) {
            (Stream::Agency(id), Event::Agency(e)) => slot(&mut self.agencies, id).apply(e),
            (Stream::Instrument(id), Event::Instrument(e)) => slot(&mut self.instruments, id).apply(e),
            (Stream::Account(id), Event::Account(e)) => slot(&mut self.accounts, id).apply(e),
            (Stream::Criteria(id), Event::Criteria(e)) => slot(&mut self.sets, id).apply(e),
            (Stream::Season(id), Event::Season(e)) => slot(&mut self.seasons, id).apply(e),
            (Stream::Scorecard(season, agency), Event::Scorecard(e)) => {
                let cards = self.scorecards.entry(season.clone()).or_default();
                let number = cards.number(agency);
                cards.numbered_mut(number).apply(e);
            }
            (Stream::Survey(id), Event::Survey(e)) => slot(&mut self.surveys, id).apply(e),
            (Stream::Council(id), Event::Council(e)) => slot(&mut self.councils, id).apply(e),
            (Stream::Results(id), Event::Results(e)) => slot(&mut self.results, id).apply(e),
            // Decoding goes by the stream, so no other pairing exists; refusals have no state.
            _ => {}
        }
    }

    /// Stops a stream at an entry that could not be decoded.
    pub fn stop(&mut self, stream: Stream, why: &Undecodable) {
        self.stopped.entry(stream).or_insert_with(|| why.to_string());
    }

    /// That a stream, and what it rests on, can be decided upon.
    ///
    /// # Errors
    /// [`crate::refusal::Code::StreamStopped`] where it cannot.
    pub fn not_stopped(&self, stream: &Stream) -> Result<(), Refusal> {
        if self.stopped.is_empty() {
            return Ok(());
        }
        match self.stopped.get(stream) {
            Some(why) => Err(refuse!(StreamStopped, stream = stream, why = why)),
            None => Ok(()),
        }
    }

    /// The scorecard of an agency in a season.
    #[must_use]
    pub fn scorecard(&self, season: &SeasonId, agency: &AgencyId) -> Option<&Arc<Scorecard>> {
        self.scorecards.get(season)?.get(agency)
    }

    /// The aggregates of these streams and no others, shared.
    #[must_use]
    pub fn of_streams(&self, streams: &[Stream]) -> Self {
        let mut part = Self::default();
        for stream in streams {
            match stream {
                Stream::Agency(id) => share(&self.agencies, &mut part.agencies, id),
                Stream::Instrument(id) => share(&self.instruments, &mut part.instruments, id),
                Stream::Account(id) => share(&self.accounts, &mut part.accounts, id),
                Stream::Criteria(id) => share(&self.sets, &mut part.sets, id),
                Stream::Season(id) => share(&self.seasons, &mut part.seasons, id),
                Stream::Scorecard(season, agency) => {
                    if let Some(card) = self.scorecard(season, agency) {
                        part.scorecards.entry(season.clone()).or_default().insert(agency, Arc::clone(card));
                    }
                }
                Stream::Survey(id) => share(&self.surveys, &mut part.surveys, id),
                Stream::Council(id) => share(&self.councils, &mut part.councils, id),
                Stream::Results(id) => share(&self.results, &mut part.results, id),
                // As in `apply`: they have no state.
                Stream::Refusals(_) | Stream::Downloads(_) | Stream::SignIn(_) | Stream::Restores => {}
            }
        }
        part
    }

    /// True once the first administrator entered.
    #[must_use]
    pub fn is_founded(&self) -> bool {
        !self.accounts.is_empty()
    }
}

/// Scorecards of a season by agency. Each has a number, which stays: who applies many events to thousands of scorecards
/// need not look for each again.
#[derive(Clone, Default, Debug)]
pub struct Scorecards {
    numbers: BTreeMap<AgencyId, u32>,
    cards: Vec<Arc<Scorecard>>,
}

impl Scorecards {
    /// The scorecard of an agency.
    #[must_use]
    pub fn get(&self, agency: &AgencyId) -> Option<&Arc<Scorecard>> {
        self.numbers.get(agency).and_then(|number| self.numbered(*number))
    }

    /// The number of an agency's scorecard; an empty one is made where there is none.
    pub fn number(&mut self, agency: &AgencyId) -> u32 {
        if let Some(number) = self.numbers.get(agency) {
            return *number;
        }
        let number = u32::try_from(self.cards.len()).expect("fewer than 2^32 scorecards fit memory");
        self.numbers.insert(agency.clone(), number);
        self.cards.push(Arc::default());
        number
    }

    /// The scorecard with a number.
    #[must_use]
    pub fn numbered(&self, number: u32) -> Option<&Arc<Scorecard>> {
        self.cards.get(usize::try_from(number).ok()?)
    }

    /// The scorecard with a number that [`Scorecards::number`] gave, to be changed.
    ///
    /// # Panics
    /// For a number that it did not give.
    pub fn numbered_mut(&mut self, number: u32) -> &mut Scorecard {
        let number = usize::try_from(number).expect("every supported target has at least 32 bits");
        Arc::make_mut(&mut self.cards[number])
    }

    /// Puts a scorecard in place of the agency's.
    pub fn insert(&mut self, agency: &AgencyId, card: Arc<Scorecard>) {
        let number = usize::try_from(self.number(agency)).expect("every supported target has at least 32 bits");
        self.cards[number] = card;
    }

    /// All of them, by agency.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&AgencyId, &Arc<Scorecard>)> {
        self.numbers
            .iter()
            .map(|(agency, number)| (agency, self.numbered(*number).expect("numbers are given with their scorecards")))
    }
}

impl PartialEq for Scorecards {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Serialize for Scorecards {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Scorecards {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let by_agency = BTreeMap::<AgencyId, Arc<Scorecard>>::deserialize(d)?;
        let (agencies, cards): (Vec<_>, Vec<_>) = by_agency.into_iter().unzip();
        Ok(Self { numbers: agencies.into_iter().zip(0..).collect(), cards })
    }
}

fn share<K: Ord + Clone, A>(from: &BTreeMap<K, Arc<A>>, to: &mut BTreeMap<K, Arc<A>>, key: &K) {
    if let Some(aggregate) = from.get(key) {
        to.insert(key.clone(), Arc::clone(aggregate));
    }
}

fn slot<'m, K: Ord + Clone, A: Default + Clone>(map: &'m mut BTreeMap<K, Arc<A>>, key: &K) -> &'m mut A {
    if !map.contains_key(key) {
        map.insert(key.clone(), Arc::default());
    }
    Arc::make_mut(map.get_mut(key).expect("just inserted"))
}
