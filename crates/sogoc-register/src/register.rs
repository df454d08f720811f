//! The register: the fold of the log, in memory, every version kept by the position from which it holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use sogoc_domain::World;
use sogoc_domain::stream::Stream;
use sogoc_domain::values::{SeasonId, Timestamp};

use crate::cache::Cache;
use crate::chunked::Chunked;
use crate::evidence::Uses;
use crate::hot::Ids;
use crate::meta::{Commitment, Meta};
use crate::metas::Metas;
use crate::season::SeasonLog;
use crate::symbols::{QuickMap, Symbols, ix, wide};

/// Everything that was recorded, as figures and decisions read it.
///
/// **Shape**: [`World`] holds every aggregate as it is now, for deciding. Beside it stands, by position, what figures
/// read: of every leaf, agency and season the list of its versions. **Cost**: an entry takes about 200 bytes and a
/// microsecond or two; *as of* is a binary search. **Copies** share everything until one of them moves on, so that an
/// overlay for *what if* is cheap.
///
/// **Architecture invariant:** what stands here is a function of the entries and nothing else: no clock, no I/O, no
/// chunking, no store. Deliberately absent: texts. They stay in the store, behind the commitments that are held here.
#[derive(Clone, Default, Debug)]
pub struct Register {
    pub(crate) world: World,
    pub(crate) symbols: Symbols,
    pub(crate) metas: Metas,
    pub(crate) texts: Chunked<Commitment>,
    pub(crate) streams: Vec<Arc<StreamLog>>,
    pub(crate) stream_of: Arc<QuickMap<Arc<str>, u32>>,
    pub(crate) seasons: Vec<Arc<SeasonLog>>,
    pub(crate) season_of: BTreeMap<SeasonId, u32>,
    /// Where evidence files are attached.
    pub(crate) uses: Arc<Uses>,
    /// Answers that are dear to make; empty in a copy.
    pub(crate) cache: Cache,
    /// Ids that entries to come may share; empty in a copy.
    pub(crate) ids: Ids,
}

/// A stream's entries.
#[derive(Clone, Debug)]
pub(crate) struct StreamLog {
    pub(crate) name: Arc<str>,
    /// None where the name is of no kind that this version knows.
    pub(crate) stream: Option<Stream>,
    pub(crate) target: Target,
    /// Positions of its entries; the n-th has version n.
    pub(crate) positions: Vec<u64>,
    /// From where on it could not be decoded, and why.
    pub(crate) stopped: Option<(u64, Arc<str>)>,
}

/// Where the entries of a stream go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Target {
    /// Nowhere but into the world.
    World,
    /// A season's frame.
    Season(u32),
    /// A scorecard of a season.
    Card(u32, u32),
    /// A season's survey.
    Survey(u32),
    /// A season's council.
    Council(u32),
    /// A season's results.
    Results(u32),
}

impl Target {
    pub(crate) fn season(self) -> Option<u32> {
        match self {
            Self::World => None,
            Self::Season(s) | Self::Card(s, _) | Self::Survey(s) | Self::Council(s) | Self::Results(s) => Some(s),
        }
    }
}

impl StreamLog {
    /// The version that the stream had when the entries before `cut` were applied.
    pub(crate) fn version_at(&self, cut: u64) -> u64 {
        match self.positions.last() {
            Some(last) if *last < cut => wide(self.positions.len()),
            _ => wide(self.positions.partition_point(|p| *p < cut)),
        }
    }
}

/// As of when a question is asked.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum AsOf {
    /// Now: every entry is applied.
    #[default]
    Head,
    /// With the entries 0 to this one applied.
    Position(u64),
    /// As the register stood at an instant: with every entry whose `at` is not later.
    Instant(Timestamp),
    /// As a season stood on its own time axis: with the entries up to the last one before the first of the season that
    /// occurred later. For imported seasons, whose entries come in the order of `occurred`.
    Occurred(SeasonId, Timestamp),
}

/// Up to where entries are applied: the number of entries. What is asked for as of position n has n + 1 of them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Cut(pub(crate) u64);

impl Cut {
    /// With every entry up to this position applied.
    #[must_use]
    pub fn after(position: u64) -> Self {
        Self(position.saturating_add(1))
    }

    /// The last position that is applied; none where nothing is.
    #[must_use]
    pub fn position(self) -> Option<u64> {
        self.0.checked_sub(1)
    }

    /// How many entries are applied.
    #[must_use]
    pub fn entries(self) -> u64 {
        self.0
    }
}

/// That an *as of* names nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AsOfError {
    /// Beyond the last entry.
    #[error("position {asked} does not exist yet: the register holds {size} entries, ask for a position below {size}")]
    Beyond {
        /// Position asked for.
        asked: u64,
        /// Entries held.
        size: u64,
    },
    /// No such season.
    #[error("season {0} is not in the register: see `sogoc log show` for the ones that are")]
    UnknownSeason(SeasonId),
}

impl Register {
    /// A register of an empty log.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many entries are applied; the next one has this position.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.metas.size()
    }

    /// Every aggregate as it is now, to decide on.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.world
    }

    /// The last `at`; none in an empty register.
    #[must_use]
    pub fn last_at(&self) -> Option<Timestamp> {
        self.metas.last().map(|m| Timestamp::from_micros(m.at))
    }

    /// Seasons in the order in which they entered.
    pub fn seasons(&self) -> impl Iterator<Item = &SeasonId> {
        self.seasons.iter().map(|s| &s.id)
    }

    /// The version of a stream now; 0 where it has no entry. For the read set of an append.
    #[must_use]
    pub fn stream_version(&self, stream: &Stream) -> u64 {
        self.stream_named(&stream.to_string()).map_or(0, |log| wide(log.positions.len()))
    }

    /// Positions of a stream's entries; the n-th has version n.
    #[must_use]
    pub fn stream_positions(&self, stream: &Stream) -> &[u64] {
        self.stream_named(&stream.to_string()).map_or(&[], |log| &log.positions)
    }

    /// Streams that hold an entry which this version cannot decode: name, position and why. Earlier *as of* still
    /// answers; what reads them later is stopped (invariant 10).
    pub fn stopped(&self) -> impl Iterator<Item = (&str, u64, &str)> {
        self.streams.iter().filter_map(|s| s.stopped.as_ref().map(|(at, why)| (&*s.name, *at, &**why)))
    }

    pub(crate) fn stream_named(&self, name: &str) -> Option<&Arc<StreamLog>> {
        self.streams.get(ix(*self.stream_of.get(name)?))
    }

    pub(crate) fn season_log(&self, id: &SeasonId) -> Option<&Arc<SeasonLog>> {
        self.seasons.get(ix(*self.season_of.get(id)?))
    }

    /// Everything applied.
    #[must_use]
    pub fn now(&self) -> Cut {
        Cut(self.size())
    }

    /// Up to where entries are applied for a question as of then.
    ///
    /// # Errors
    /// [`AsOfError`] for a position that does not exist yet and for an unknown season.
    pub fn cut(&self, as_of: &AsOf) -> Result<Cut, AsOfError> {
        match as_of {
            AsOf::Head => Ok(self.now()),
            AsOf::Position(asked) if *asked < self.size() => Ok(Cut(asked + 1)),
            AsOf::Position(asked) => Err(AsOfError::Beyond { asked: *asked, size: self.size() }),
            AsOf::Instant(t) => Ok(Cut(self.metas.position_after(|m| m.at <= t.micros()))),
            AsOf::Occurred(season, t) => {
                let log = self.season_log(season).ok_or_else(|| AsOfError::UnknownSeason(season.clone()))?;
                let reached = log.occurred.partition_point(|(_, latest)| *latest <= t.micros());
                Ok(match reached.checked_sub(1).and_then(|last| log.occurred.get(last)) {
                    Some((position, _)) => Cut(position + 1),
                    None => Cut(log.occurred.get(0).map_or(self.size(), |(first, _)| *first)),
                })
            }
        }
    }

    /// The kind of an entry; empty for one that is not there.
    pub(crate) fn kind_at(&self, position: u64) -> &str {
        self.meta(position).map_or("", |meta| self.symbols.name(meta.kind))
    }

    pub(crate) fn meta(&self, position: u64) -> Option<&Meta> {
        self.metas.get(position)
    }
}
