//! Snapshots: the folded state as bytes, so that a start need not read the log from its beginning.
//!
//! A snapshot is a convenience and never a source. It names the version of the fold that made it, how many entries it
//! holds and the log's root there, and ends in its own SHA-256; where any of them does not fit it is ignored and the log
//! is read. Whoever starts from one replays the log in the background and compares [`Register::digest`].

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use sogoc_domain::World;
use sogoc_domain::event::Name;
use sogoc_domain::policy::{Band, Basis, LineKind, Mode, Policy, Treatment};
use sogoc_domain::stream::Stream;
use sogoc_domain::values::{AgencyId, Digest, GroupId, InstrumentId, LineId, SeasonId, SetId};
use sogoc_proof::Hash;

use crate::cache::Cache;
use crate::chunked::Chunked;
use crate::codec::{Code, Damaged, Reader};
use crate::hot::Ids;
use crate::metas::Metas;
use crate::micro::Micro;
use crate::register::{Register, StreamLog, Target};
use crate::season::{
    Card, Edited, Frame, GroupFrame, LeafEntry, Leaves, Membership, ReferenceFigure, SeasonLog, SurveyVersion, Totals,
};
use crate::sets::SetIndex;
use crate::symbols::{Sym, Symbols, small};

/// Version of the fold. To be raised with every change of what the fold keeps, of the domain's aggregates, or of this
/// form: older snapshots are then ignored.
pub const FOLD_VERSION: u32 = 3;

const MAGIC: &[u8; 16] = b"sogoc-register\n\0";
const HEADER: usize = MAGIC.len() + 4 + 8 + 32;

/// What a snapshot says of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SnapshotHeader {
    /// Version of the fold that made it.
    pub fold_version: u32,
    /// How many entries it holds: reading goes on at this position.
    pub size: u64,
    /// Root of the log's tree over these entries.
    pub root: Hash,
}

/// Why a snapshot is ignored. None of it is an error: the log is read instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotIgnored {
    /// Too short, or not a snapshot at all.
    #[error("it is not a snapshot of a register")]
    NotOne,
    /// Made by another version of the fold.
    #[error("it was made by fold {found}, this is fold {FOLD_VERSION}")]
    OtherFold {
        /// The version that made it.
        found: u32,
    },
    /// Made of another log, or of one that went another way.
    #[error("the log has another root at {size} entries")]
    OtherLog {
        /// How many entries it holds.
        size: u64,
    },
    /// Its own digest does not fit.
    #[error("its SHA-256 does not fit: it was changed or cut off")]
    Digest,
    /// Its digest fits and its content does not: a fault of this program.
    #[error(transparent)]
    Damaged(#[from] Damaged),
}

impl Register {
    /// The state as bytes, with the log's root over the entries that it holds.
    #[must_use]
    pub fn to_snapshot(&self, root: &Hash) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER + 1024);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&FOLD_VERSION.to_be_bytes());
        out.extend_from_slice(&self.size().to_be_bytes());
        out.extend_from_slice(root.as_bytes());
        self.write_body(&mut out);
        let digest = Sha256::digest(&out);
        out.extend_from_slice(&digest);
        out
    }

    /// What a snapshot says of itself; its content is not looked at.
    ///
    /// # Errors
    /// [`SnapshotIgnored`] when it is none, or of another fold.
    pub fn snapshot_header(bytes: &[u8]) -> Result<SnapshotHeader, SnapshotIgnored> {
        let rest = bytes.strip_prefix(MAGIC).filter(|_| bytes.len() >= HEADER + 32).ok_or(SnapshotIgnored::NotOne)?;
        let (version, rest) = rest.split_first_chunk::<4>().ok_or(SnapshotIgnored::NotOne)?;
        let (size, rest) = rest.split_first_chunk::<8>().ok_or(SnapshotIgnored::NotOne)?;
        let (root, _) = rest.split_first_chunk::<32>().ok_or(SnapshotIgnored::NotOne)?;
        let fold_version = u32::from_be_bytes(*version);
        if fold_version != FOLD_VERSION {
            return Err(SnapshotIgnored::OtherFold { found: fold_version });
        }
        Ok(SnapshotHeader { fold_version, size: u64::from_be_bytes(*size), root: Hash(*root) })
    }

    /// The register of a snapshot. `root` is what the log itself says its root is at [`SnapshotHeader::size`].
    ///
    /// # Errors
    /// [`SnapshotIgnored`] when anything does not fit.
    pub fn from_snapshot(bytes: &[u8], root: &Hash) -> Result<Self, SnapshotIgnored> {
        let header = Self::snapshot_header(bytes)?;
        if header.root != *root {
            return Err(SnapshotIgnored::OtherLog { size: header.size });
        }
        let (content, digest) = bytes.split_at(bytes.len() - 32);
        if Sha256::digest(content)[..] != *digest {
            return Err(SnapshotIgnored::Digest);
        }
        let mut reader = Reader::new(&content[HEADER..]);
        let register = Self::read_body(&mut reader)?;
        if !reader.is_at_end() || register.size() != header.size {
            return Err(reader.damaged::<()>().expect_err("always an error").into());
        }
        Ok(register)
    }

    /// Everything that was folded, in its one form.
    pub(crate) fn write_body(&self, out: &mut Vec<u8>) {
        self.symbols.write(out);
        self.metas.write(out);
        self.texts.write(out);
        self.streams.len().write(out);
        for stream in &self.streams {
            stream.name.write(out);
            write_ascending(&stream.positions, out);
            stream.stopped.write(out);
            stream.target.write(out);
        }
        self.seasons.len().write(out);
        for season in &self.seasons {
            write_season(season, out);
        }
        write_blob(&self.world, out);
    }

    fn read_body(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        let mut symbols = Symbols::read(from)?;
        let metas = Metas::read(from)?;
        let texts = Chunked::read(from)?;
        let mut streams = Vec::new();
        for _ in 0..from.length()? {
            let name = Arc::<str>::read(from)?;
            let stream = Stream::parse(&name).ok();
            let positions = read_ascending(from)?;
            let stopped = Option::read(from)?;
            let target = Target::read(from)?;
            streams.push(Arc::new(StreamLog { name, stream, target, positions, stopped }));
        }
        let mut forms = Vec::new();
        for _ in 0..from.length()? {
            forms.push(read_season(from)?);
        }
        let world: World = read_blob(from)?;
        let seasons: Vec<_> = forms.into_iter().map(|form| Arc::new(form.finish(&world, &mut symbols))).collect();
        let season_of: BTreeMap<SeasonId, u32> =
            seasons.iter().enumerate().map(|(no, season)| (season.id.clone(), small(no))).collect();
        let stream_of = Arc::new(Self::index_streams(&streams));
        let (cache, ids) = (Cache::default(), Ids::default());
        let uses = Arc::default();
        let mut register =
            Self { world, symbols, metas, texts, streams, stream_of, seasons, season_of, uses, cache, ids };
        if !register.numbers_fit() {
            return from.damaged();
        }
        register.find_uses();
        Ok(register)
    }

    /// That every number names something: a snapshot with a right digest was written by a right program, and still no
    /// answer may panic.
    fn numbers_fit(&self) -> bool {
        let streams = small(self.streams.len());
        let fits = |target: Target| match target {
            Target::World => true,
            Target::Card(season, card) => {
                let season = self.seasons.get(crate::symbols::ix(season));
                season.is_some_and(|s| s.cards.get(crate::symbols::ix(card)).is_some())
            }
            Target::Season(s) | Target::Survey(s) | Target::Council(s) | Target::Results(s) => {
                self.seasons.get(crate::symbols::ix(s)).is_some()
            }
        };
        self.metas.iter().all(|m| m.stream < streams)
            && self.streams.iter().all(|s| fits(s.target))
            && self.seasons.iter().all(|s| s.cards.iter().all(|c| c.stream < streams))
            && self.seasons.iter().all(|s| s.card_of.values().all(|no| crate::symbols::ix(*no) < s.cards.len()))
    }
}

/// Positions as differences: most take a byte or two.
fn write_ascending(positions: &[u64], out: &mut Vec<u8>) {
    positions.len().write(out);
    let mut before = 0;
    for position in positions {
        (position - before).write(out);
        before = *position;
    }
}

fn read_ascending(from: &mut Reader<'_>) -> Result<Vec<u64>, Damaged> {
    let len = from.length()?;
    let mut positions = Vec::with_capacity(len);
    let mut before = 0_u64;
    for _ in 0..len {
        let Some(position) = before.checked_add(u64::read(from)?) else { return from.damaged() };
        positions.push(position);
        before = position;
    }
    Ok(positions)
}

/// What the domain owns is written in a form that names its fields: its types are made for JSON.
fn write_blob<T: Serialize>(value: &T, out: &mut Vec<u8>) {
    let blob = rmp_serde::to_vec_named(value).expect("the domain's values are plain data");
    blob.len().write(out);
    out.extend_from_slice(&blob);
}

fn read_blob<T: for<'de> Deserialize<'de>>(from: &mut Reader<'_>) -> Result<T, Damaged> {
    let length = from.length()?;
    let blob = from.take(length)?;
    rmp_serde::from_slice(blob).or_else(|_| from.damaged())
}

impl Code for Target {
    fn write(&self, out: &mut Vec<u8>) {
        let (tag, a, b) = match *self {
            Self::World => (0_u8, 0, 0),
            Self::Season(s) => (1, s, 0),
            Self::Card(s, c) => (2, s, c),
            Self::Survey(s) => (3, s, 0),
            Self::Council(s) => (4, s, 0),
            Self::Results(s) => (5, s, 0),
        };
        out.push(tag);
        a.write(out);
        b.write(out);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        let tag = from.take(1)?[0];
        let (a, b) = (u32::read(from)?, u32::read(from)?);
        Ok(match tag {
            0 => Self::World,
            1 => Self::Season(a),
            2 => Self::Card(a, b),
            3 => Self::Survey(a),
            4 => Self::Council(a),
            5 => Self::Results(a),
            _ => return from.damaged(),
        })
    }
}

impl Code for Membership {
    fn write(&self, out: &mut Vec<u8>) {
        self.group.write(out);
        out.push(match self.treatment {
            None => 0,
            Some(Treatment::ScoredUntil) => 1,
            Some(Treatment::ScoredSeparately) => 2,
            Some(Treatment::SuccessorAnswers) => 3,
            Some(Treatment::NotRanked) => 4,
        });
        self.council_member.write(out);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        let group = Sym::read(from)?;
        let treatment = match from.take(1)?[0] {
            0 => None,
            1 => Some(Treatment::ScoredUntil),
            2 => Some(Treatment::ScoredSeparately),
            3 => Some(Treatment::SuccessorAnswers),
            4 => Some(Treatment::NotRanked),
            _ => return from.damaged(),
        };
        Ok(Self { group, treatment, council_member: bool::read(from)? })
    }
}

/// What of a season is written by name.
#[derive(Serialize, Deserialize)]
struct SeasonForm {
    id: SeasonId,
    policies: Vec<Policy>,
    frames: Vec<FrameForm>,
    references: Vec<(String, u16, Vec<ReferenceForm>)>,
    editions: Vec<EditionForm>,
}

#[derive(Serialize, Deserialize)]
struct FrameForm {
    position: u64,
    mode: Mode,
    year: u16,
    title: String,
    title_en: Option<String>,
    /// Number in `policies`.
    policy: Option<usize>,
    groups: Vec<GroupForm>,
    comparison: Option<SeasonId>,
    lines: Vec<(LineId, LineKind, i64)>,
    rules_version: Option<u32>,
    policy_entry: Option<u64>,
    activation_entry: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct GroupForm {
    id: GroupId,
    name: Name,
    set: Option<SetId>,
    version: Option<u32>,
    classes: Vec<Band>,
    letters: Vec<Band>,
    entries: Vec<u64>,
}

#[derive(Serialize, Deserialize)]
struct ReferenceForm {
    position: u64,
    value: String,
    basis: Basis,
    source: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct EditionForm {
    position: u64,
    as_of: u64,
    annulled: Option<u64>,
    instrument: Option<InstrumentId>,
    table_digest: Digest,
    figures_digest: Digest,
}

fn write_season(season: &SeasonLog, out: &mut Vec<u8>) {
    let SeasonLog { id, frames, cards, card_of: _, by_id: _, references, announcements, editions, occurred, stopped } =
        season;
    let mut policies: Vec<Arc<Policy>> = Vec::new();
    let mut policy_no = |policy: &Arc<Policy>| {
        policies.iter().position(|p| Arc::ptr_eq(p, policy)).unwrap_or_else(|| {
            policies.push(Arc::clone(policy));
            policies.len() - 1
        })
    };
    let frames = frames
        .iter()
        .map(|(position, frame)| FrameForm {
            position: *position,
            mode: frame.mode,
            year: frame.year,
            title: frame.title.clone(),
            title_en: frame.title_en.clone(),
            policy: frame.policy.as_ref().map(&mut policy_no),
            groups: frame.groups.iter().map(|group| group_form(group)).collect(),
            comparison: frame.comparison.clone(),
            lines: frame.lines.iter().map(|(id, (kind, cap))| (id.clone(), *kind, cap.0)).collect(),
            rules_version: frame.rules_version,
            policy_entry: frame.policy_entry,
            activation_entry: frame.activation_entry,
        })
        .collect();
    let reference = |(position, figure): &(u64, ReferenceFigure)| ReferenceForm {
        position: *position,
        value: figure.value.clone(),
        basis: figure.basis,
        source: figure.source.clone(),
    };
    let form = SeasonForm {
        id: id.clone(),
        frames,
        policies: policies.iter().map(|p| Policy::clone(p)).collect(),
        references: references.iter().map(|((a, y), v)| (a.clone(), *y, v.iter().map(reference).collect())).collect(),
        editions: editions
            .iter()
            .map(|e| EditionForm {
                position: e.position,
                as_of: e.as_of,
                annulled: e.annulled,
                instrument: e.instrument.clone(),
                table_digest: e.table_digest,
                figures_digest: e.figures_digest,
            })
            .collect(),
    };
    write_blob(&form, out);
    cards.len().write(out);
    cards.iter().for_each(|card| write_card(card, out));
    announcements.write(out);
    occurred.write(out);
    stopped.write(out);
}

fn group_form(group: &GroupFrame) -> GroupForm {
    GroupForm {
        id: group.id.clone(),
        name: group.name.clone(),
        set: group.set.clone(),
        version: group.index.as_ref().map(|i| i.version),
        classes: group.classes.clone(),
        letters: group.letters.clone(),
        entries: group.entries.clone(),
    }
}

struct ReadSeason {
    form: SeasonForm,
    cards: Vec<Arc<Card>>,
    announcements: Vec<crate::season::Announced>,
    occurred: Chunked<(u64, i64)>,
    stopped: Option<(u64, Arc<str>)>,
}

fn read_season(from: &mut Reader<'_>) -> Result<ReadSeason, Damaged> {
    let form = read_blob(from)?;
    let mut cards = Vec::new();
    for _ in 0..from.length()? {
        cards.push(Arc::new(read_card(from)?));
    }
    Ok(ReadSeason {
        form,
        cards,
        announcements: Vec::read(from)?,
        occurred: Chunked::read(from)?,
        stopped: Option::read(from)?,
    })
}

impl ReadSeason {
    /// The season, with what is not written made again: set versions are laid out once and shared.
    fn finish(self, world: &World, symbols: &mut Symbols) -> SeasonLog {
        let form = self.form;
        let policies: Vec<Arc<Policy>> = form.policies.into_iter().map(Arc::new).collect();
        let mut indices: BTreeMap<(SetId, u32), Option<Arc<SetIndex>>> = BTreeMap::new();
        let mut frames: Vec<(u64, Arc<Frame>)> = Vec::new();
        for frame in form.frames {
            let groups = frame.groups.into_iter().map(|group| {
                let index = group.set.as_ref().zip(group.version).and_then(|(set, version)| {
                    let made = indices.entry((set.clone(), version));
                    let lay_out = || Some(SetIndex::new(set, world.sets.get(set)?.version(version)?, symbols));
                    made.or_insert_with(lay_out).clone()
                });
                Arc::new(GroupFrame {
                    sym: symbols.intern(group.id.as_str()),
                    id: group.id,
                    name: group.name,
                    set: group.set,
                    index,
                    classes: group.classes,
                    letters: group.letters,
                    entries: group.entries,
                })
            });
            let made = Frame {
                mode: frame.mode,
                year: frame.year,
                title: frame.title,
                title_en: frame.title_en,
                policy: frame.policy.and_then(|no| policies.get(no)).cloned(),
                groups: groups.collect(),
                comparison: frame.comparison,
                lines: frame.lines.into_iter().map(|(id, kind, cap)| (id, (kind, Micro(cap)))).collect(),
                rules_version: frame.rules_version,
                policy_entry: frame.policy_entry,
                activation_entry: frame.activation_entry,
            };
            frames.push((frame.position, Arc::new(made)));
        }
        let references = form.references.into_iter().map(|(address, year, versions)| {
            let figure =
                |v: ReferenceForm| (v.position, ReferenceFigure { value: v.value, basis: v.basis, source: v.source });
            ((address, year), versions.into_iter().map(figure).collect())
        });
        let editions = form.editions.into_iter().map(|e| Edited {
            position: e.position,
            as_of: e.as_of,
            annulled: e.annulled,
            instrument: e.instrument,
            table_digest: e.table_digest,
            figures_digest: e.figures_digest,
        });
        let card_of = self.cards.iter().enumerate().map(|(no, card)| (card.sym, small(no))).collect();
        let mut by_id: Vec<u32> = (0..small(self.cards.len())).collect();
        by_id.sort_by(|a, b| self.cards[crate::symbols::ix(*a)].agency.cmp(&self.cards[crate::symbols::ix(*b)].agency));
        SeasonLog {
            id: form.id,
            frames,
            card_of: Arc::new(card_of),
            by_id: Arc::new(by_id),
            cards: self.cards,
            references: Arc::new(references.collect()),
            announcements: self.announcements,
            editions: editions.collect(),
            occurred: self.occurred,
            stopped: self.stopped,
        }
    }
}

fn write_card(card: &Card, out: &mut Vec<u8>) {
    // The number of its state follows from the world.
    let Card { agency, sym, stream, memberships, leaves, state: _, totals, survey, entries, survey_entries, stopped } =
        card;
    agency.as_str().to_owned().write(out);
    sym.write(out);
    stream.write(out);
    memberships.write(out);
    leaves.write(out);
    totals.write(out);
    survey.write(out);
    entries.write(out);
    survey_entries.write(out);
    stopped.write(out);
}

fn read_card(from: &mut Reader<'_>) -> Result<Card, Damaged> {
    let Ok(agency) = AgencyId::try_new(from.text()?) else { return from.damaged() };
    Ok(Card {
        agency,
        sym: Sym::read(from)?,
        stream: u32::read(from)?,
        memberships: Vec::<(u64, Membership)>::read(from)?,
        leaves: Leaves::read(from)?,
        state: None,
        totals: Vec::<Totals>::read(from)?,
        survey: Vec::<(u64, SurveyVersion)>::read(from)?,
        entries: Vec::<LeafEntry>::read(from)?,
        survey_entries: Vec::<u64>::read(from)?,
        stopped: Option::read(from)?,
    })
}
