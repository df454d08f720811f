//! A season's figures by position: everything that a figure reads, each version with the position from which it holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use sogoc_domain::policy::{Applicability, Band, Basis, LineKind, Mode, Policy, Treatment};
use sogoc_domain::season::Season;
use sogoc_domain::values::{AgencyId, Digest, GroupId, InstrumentId, LineId, SeasonId, SetId};

use crate::chunked::Chunked;
use crate::codec::{code_enum, code_struct};
use crate::micro::{MaybeMicro, Micro};
use crate::sets::SetIndex;
use crate::symbols::{QuickMap, Sym, Symbols};

/// Versions in the order of positions; the last one with a position below the cut holds.
pub(crate) trait Positioned {
    fn position(&self) -> u64;
}

impl<T> Positioned for (u64, T) {
    fn position(&self) -> u64 {
        self.0
    }
}

/// The version that holds when the entries before `cut` are applied.
pub(crate) fn version_at<T: Positioned>(versions: &[T], cut: u64) -> Option<&T> {
    // Most questions are about now, so the last one is looked at first.
    let last = versions.last()?;
    if last.position() < cut {
        return Some(last);
    }
    versions[..versions.len() - 1].partition_point(|v| v.position() < cut).checked_sub(1).map(|at| &versions[at])
}

/// A season.
#[derive(Clone, Debug)]
pub(crate) struct SeasonLog {
    pub(crate) id: SeasonId,
    pub(crate) frames: Vec<(u64, Arc<Frame>)>,
    /// Scorecards of all agencies that ever took part, in the order of their entry.
    pub(crate) cards: Vec<Arc<Card>>,
    /// Numbers in `cards` by agency.
    pub(crate) card_of: Arc<QuickMap<Sym, u32>>,
    /// Numbers in `cards` in the order of agency ids.
    pub(crate) by_id: Arc<Vec<u32>>,
    /// Figures of earlier years, by address and year; of each the versions with their entries.
    pub(crate) references: Arc<References>,
    pub(crate) announcements: Vec<Announced>,
    pub(crate) editions: Vec<Edited>,
    /// Positions of the season's entries with the latest `occurred` so far.
    pub(crate) occurred: Chunked<(u64, i64)>,
    /// Where an entry of the season, its survey or its results could not be decoded, and why.
    pub(crate) stopped: Option<(u64, Arc<str>)>,
}

/// Figures of earlier years, by address and year; of each the versions with their entries.
pub(crate) type References = BTreeMap<(String, u16), Vec<(u64, ReferenceFigure)>>;

/// What an agency's figures rest on besides its scorecard: changes rarely.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) mode: Mode,
    pub(crate) year: u16,
    pub(crate) title: String,
    pub(crate) title_en: Option<String>,
    pub(crate) policy: Option<Arc<Policy>>,
    pub(crate) groups: Vec<Arc<GroupFrame>>,
    pub(crate) comparison: Option<SeasonId>,
    pub(crate) lines: BTreeMap<LineId, (LineKind, Micro)>,
    pub(crate) rules_version: Option<u32>,
    /// Entry that set the policy, where one did.
    pub(crate) policy_entry: Option<u64>,
    /// Entry that activated the season.
    pub(crate) activation_entry: Option<u64>,
}

/// A ranking group.
#[derive(Clone, Debug)]
pub(crate) struct GroupFrame {
    pub(crate) id: GroupId,
    pub(crate) sym: Sym,
    pub(crate) name: sogoc_domain::event::Name,
    pub(crate) set: Option<SetId>,
    /// The version of the set that the season adopted, laid out.
    pub(crate) index: Option<Arc<SetIndex>>,
    pub(crate) classes: Vec<Band>,
    pub(crate) letters: Vec<Band>,
    /// Entries that defined it and adopted its set.
    pub(crate) entries: Vec<u64>,
}

impl Frame {
    /// The frame that follows from the season as it is now. Entries are those of the frame before, and the caller adds
    /// its own.
    pub(crate) fn of(
        season: &Season,
        before: Option<&Self>,
        symbols: &mut Symbols,
        index_of: impl Fn(&SetId, u32, &mut Symbols) -> Option<Arc<SetIndex>>,
    ) -> Self {
        let policy = match (before.and_then(|b| b.policy.as_ref()), &season.policy) {
            (Some(old), Some(new)) if **old == *new => Some(Arc::clone(old)),
            (_, Some(new)) => Some(Arc::new(new.clone())),
            (_, None) => None,
        };
        let groups = season.groups.iter().map(|(id, group)| {
            let old = before.and_then(|b| b.group(id.as_str()));
            let index = match (&group.set, group.set_version) {
                (Some(set), Some(version)) => match old.and_then(|o| o.index.as_ref()) {
                    Some(index) if index.set == *set && index.version == version => Some(Arc::clone(index)),
                    Some(_) | None => index_of(set, version, symbols),
                },
                _ => None,
            };
            Arc::new(GroupFrame {
                id: id.clone(),
                sym: symbols.intern(id.as_str()),
                name: group.name.clone(),
                set: group.set.clone(),
                index,
                classes: group.classes.clone(),
                letters: group.letters.clone(),
                entries: old.map_or_else(Vec::new, |o| o.entries.clone()),
            })
        });
        Self {
            mode: season.mode,
            year: season.year,
            title: season.title.as_str().to_owned(),
            title_en: season.title_en.as_ref().map(|t| t.as_str().to_owned()),
            policy,
            groups: groups.collect(),
            comparison: season.comparison.clone(),
            lines: season.lines.iter().map(|(id, line)| (id.clone(), (line.kind, Micro::of(line.cap)))).collect(),
            rules_version: season.rules_version,
            policy_entry: before.and_then(|b| b.policy_entry),
            activation_entry: before.and_then(|b| b.activation_entry),
        }
    }

    pub(crate) fn group(&self, id: &str) -> Option<&Arc<GroupFrame>> {
        self.groups.iter().find(|g| g.id.as_str() == id)
    }

    pub(crate) fn group_of(&self, sym: Sym) -> Option<&Arc<GroupFrame>> {
        self.groups.iter().find(|g| g.sym == sym)
    }
}

/// An agency in the season, with its scorecard.
#[derive(Clone, Debug)]
pub(crate) struct Card {
    pub(crate) agency: AgencyId,
    pub(crate) sym: Sym,
    /// Number of its stream in the register.
    pub(crate) stream: u32,
    pub(crate) memberships: Vec<(u64, Membership)>,
    /// Leaves of which anything is recorded, by symbol.
    pub(crate) leaves: Leaves,
    /// Number of its state among the world's scorecards of the season, once it was looked up.
    pub(crate) state: Option<u32>,
    pub(crate) totals: Vec<Totals>,
    pub(crate) survey: Vec<(u64, SurveyVersion)>,
    /// Entries of the scorecard that are about no leaf in particular, with their detail.
    pub(crate) entries: Vec<LeafEntry>,
    /// Entries of the survey that are about this agency.
    pub(crate) survey_entries: Vec<u64>,
    /// Where an entry of the scorecard could not be decoded.
    pub(crate) stopped: Option<u64>,
}

/// That an agency takes part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Membership {
    pub(crate) group: Sym,
    pub(crate) treatment: Option<Treatment>,
    pub(crate) council_member: bool,
}

impl Membership {
    /// The successor answers for it, so that it has no row of its own.
    pub(crate) fn is_absorbed(&self) -> bool {
        self.treatment == Some(Treatment::SuccessorAnswers)
    }

    pub(crate) fn is_ranked(&self) -> bool {
        match self.treatment {
            None | Some(Treatment::ScoredUntil | Treatment::ScoredSeparately) => true,
            Some(Treatment::SuccessorAnswers | Treatment::NotRanked) => false,
        }
    }
}

/// Leaves by symbol. The symbols stand together beside them: a search among them touches little memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Leaves {
    syms: Vec<Sym>,
    logs: Vec<LeafLog>,
}

impl std::ops::Deref for Leaves {
    type Target = [LeafLog];
    fn deref(&self) -> &[LeafLog] {
        &self.logs
    }
}

impl crate::codec::Code for Leaves {
    fn write(&self, out: &mut Vec<u8>) {
        self.logs.write(out);
    }
    fn read(from: &mut crate::codec::Reader<'_>) -> Result<Self, crate::codec::Damaged> {
        let logs = Vec::<LeafLog>::read(from)?;
        Ok(Self { syms: logs.iter().map(|leaf| leaf.sym).collect(), logs })
    }
}

/// A leaf of an agency.
#[derive(Clone, Debug)]
pub(crate) struct LeafLog {
    pub(crate) sym: Sym,
    pub(crate) versions: Vec<LeafVersion>,
    /// All entries that concern it: those of `versions`, evidence, requests, explanations, appeals.
    pub(crate) entries: Vec<LeafEntry>,
}

/// An entry that concerns a leaf.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct LeafEntry {
    pub(crate) position: u64,
    /// Number of the file, or symbol of the case, by the entry's kind.
    pub(crate) detail: u32,
}

/// A leaf as it stands from a position on: 40 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct LeafVersion {
    pub(crate) position: u64,
    pub(crate) self_points: MaybeMicro,
    pub(crate) appraised: MaybeMicro,
    pub(crate) reason: Sym,
    pub(crate) round: u8,
    pub(crate) how: Came,
    pub(crate) applicability: Applies,
    pub(crate) marks: Marks,
}

impl Positioned for LeafVersion {
    fn position(&self) -> u64 {
        self.position
    }
}

/// By what act an appraised score came about; none where there is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Came {
    #[default]
    None,
    Appraised,
    Deemed,
    Corrected,
    Resolved,
    Appealed,
    Recomputed,
}

/// Whether a leaf applies, in a byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Applies {
    #[default]
    Yes,
    LeftOut,
    InFull,
}

impl From<Applicability> for Applies {
    fn from(a: Applicability) -> Self {
        match a {
            Applicability::Applies => Self::Yes,
            Applicability::LeftOut => Self::LeftOut,
            Applicability::AwardedInFull => Self::InFull,
        }
    }
}

impl Applies {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "applies",
            Self::LeftOut => "left-out",
            Self::InFull => "awarded-in-full",
        }
    }
}

/// Marks of a leaf that no figure reads but that its history shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Marks {
    pub(crate) confirmed: bool,
    pub(crate) returned: bool,
    pub(crate) redeclare: bool,
}

/// An agency's sums as they stand from a position on, without what the season's policy says about them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) position: u64,
    /// Appraised points of the leaves that are not surveyed, those awarded in full included.
    pub(crate) appraised: Micro,
    /// Max points of those leaves that apply or are awarded in full.
    pub(crate) max: Micro,
    /// How many of those that apply have no points.
    pub(crate) missing: u32,
    pub(crate) survey: SurveyPart,
    /// Max points of the survey's leaf; 0 without one.
    pub(crate) survey_max: Micro,
    pub(crate) bonus: Micro,
    pub(crate) penalty: Micro,
    /// The best class, where it is capped.
    pub(crate) cap: Sym,
    /// The sums are a published row, and nothing below them is known.
    pub(crate) transcribed: bool,
}

impl Positioned for Totals {
    fn position(&self) -> u64 {
        self.position
    }
}

/// What an agency has from the survey.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum SurveyPart {
    /// The criteria set has no survey.
    #[default]
    NoLeaf,
    /// Its leaf does not apply.
    LeftOut,
    /// Its leaf does not apply and is awarded in full.
    InFull,
    /// Nothing that counts is recorded.
    Missing,
    /// Recorded as not surveyed.
    NotSurveyed,
    /// Accepted points, or points set on appeal.
    Points(Micro),
}

/// A survey result as it stands from a position on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SurveyVersion {
    pub(crate) state: SurveyStateCode,
    pub(crate) forms: u64,
    pub(crate) points: Micro,
}

/// How far a survey result is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SurveyStateCode {
    Recorded,
    Accepted,
    NotSurveyed,
}

/// A figure of an earlier year.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ReferenceFigure {
    pub(crate) value: String,
    pub(crate) basis: Basis,
    pub(crate) source: Option<String>,
}

/// An announcement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Announced {
    pub(crate) position: u64,
    pub(crate) as_of: u64,
}

/// An edition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Edited {
    pub(crate) position: u64,
    pub(crate) as_of: u64,
    pub(crate) annulled: Option<u64>,
    pub(crate) instrument: Option<InstrumentId>,
    pub(crate) table_digest: Digest,
    pub(crate) figures_digest: Digest,
}

impl SeasonLog {
    pub(crate) fn new(id: SeasonId) -> Self {
        Self {
            id,
            frames: Vec::new(),
            cards: Vec::new(),
            card_of: Arc::default(),
            by_id: Arc::default(),
            references: Arc::default(),
            announcements: Vec::new(),
            editions: Vec::new(),
            occurred: Chunked::default(),
            stopped: None,
        }
    }

    pub(crate) fn frame(&self) -> Option<&Arc<Frame>> {
        self.frames.last().map(|(_, frame)| frame)
    }

    pub(crate) fn frame_at(&self, cut: u64) -> Option<&Arc<Frame>> {
        version_at(&self.frames, cut).map(|(_, frame)| frame)
    }

    /// A new scorecard; its number.
    pub(crate) fn add_card(&mut self, card: Card) -> u32 {
        let no = crate::symbols::small(self.cards.len());
        let at = self.by_id.partition_point(|other| self.cards[crate::symbols::ix(*other)].agency < card.agency);
        Arc::make_mut(&mut self.by_id).insert(at, no);
        Arc::make_mut(&mut self.card_of).insert(card.sym, no);
        self.cards.push(Arc::new(card));
        no
    }

    pub(crate) fn card(&self, agency: Sym) -> Option<&Arc<Card>> {
        let no = *self.card_of.get(&agency)?;
        self.cards.get(crate::symbols::ix(no))
    }

    /// The last edition that holds when the entries before `cut` are applied, with its number.
    pub(crate) fn edition_at(&self, cut: u64) -> Option<(usize, &Edited)> {
        let holds = |e: &Edited| e.position < cut && e.annulled.is_none_or(|at| at >= cut);
        self.editions.iter().enumerate().rev().find(|(_, e)| holds(e)).map(|(no, e)| (no + 1, e))
    }
}

impl Card {
    pub(crate) fn new(agency: AgencyId, sym: Sym, stream: u32) -> Self {
        Self {
            agency,
            sym,
            stream,
            memberships: Vec::new(),
            leaves: Leaves::default(),
            state: None,
            totals: Vec::new(),
            survey: Vec::new(),
            entries: Vec::new(),
            survey_entries: Vec::new(),
            stopped: None,
        }
    }

    pub(crate) fn leaf(&self, sym: Sym) -> Option<&LeafLog> {
        self.leaves.syms.binary_search(&sym).ok().map(|at| &self.leaves.logs[at])
    }

    pub(crate) fn leaf_mut(&mut self, sym: Sym) -> &mut LeafLog {
        let Leaves { syms, logs } = &mut self.leaves;
        let at = match syms.binary_search(&sym) {
            Ok(at) => at,
            Err(at) => {
                syms.insert(at, sym);
                logs.insert(at, LeafLog { sym, versions: Vec::new(), entries: Vec::new() });
                at
            }
        };
        &mut logs[at]
    }

    /// The version of a leaf that holds when the entries before `cut` are applied.
    pub(crate) fn leaf_at(&self, sym: Sym, cut: u64) -> Option<&LeafVersion> {
        version_at(&self.leaf(sym)?.versions, cut)
    }

    pub(crate) fn membership(&self) -> Option<&Membership> {
        self.memberships.last().map(|(_, m)| m)
    }

    pub(crate) fn membership_at(&self, cut: u64) -> Option<&Membership> {
        version_at(&self.memberships, cut).map(|(_, m)| m)
    }
}

code_struct! {
    SurveyVersion { state, forms, points }
    LeafEntry { position, detail }
    LeafVersion { position, self_points, appraised, reason, round, how, applicability, marks }
    Marks { confirmed, returned, redeclare }
    LeafLog { sym, versions, entries }
    Totals { position, appraised, max, missing, survey, survey_max, bonus, penalty, cap, transcribed }
    Announced { position, as_of }
}
code_enum! {
    Came { None = 0, Appraised = 1, Deemed = 2, Corrected = 3, Resolved = 4, Appealed = 5, Recomputed = 6 }
    Applies { Yes = 0, LeftOut = 1, InFull = 2 }
    SurveyStateCode { Recorded = 0, Accepted = 1, NotSurveyed = 2 }
}

impl crate::codec::Code for SurveyPart {
    fn write(&self, out: &mut Vec<u8>) {
        let (tag, points) = match self {
            Self::NoLeaf => (0_u8, None),
            Self::LeftOut => (1, None),
            Self::InFull => (2, None),
            Self::Missing => (3, None),
            Self::NotSurveyed => (4, None),
            Self::Points(points) => (5, Some(points)),
        };
        out.push(tag);
        if let Some(points) = points {
            points.write(out);
        }
    }
    fn read(from: &mut crate::codec::Reader<'_>) -> Result<Self, crate::codec::Damaged> {
        Ok(match from.take(1)?[0] {
            0 => Self::NoLeaf,
            1 => Self::LeftOut,
            2 => Self::InFull,
            3 => Self::Missing,
            4 => Self::NotSurveyed,
            5 => Self::Points(Micro::read(from)?),
            _ => return from.damaged(),
        })
    }
}
