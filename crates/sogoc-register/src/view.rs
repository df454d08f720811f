//! A season as of one position, and its ranking groups.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use sogoc_domain::exact::Exact;
use sogoc_domain::policy::Policy;
use sogoc_domain::refusal::Said;
use sogoc_domain::stream::Stream;
use sogoc_domain::values::{AgencyId, GroupId, SeasonId};

use crate::figures::Previous;
use crate::micro::Micro;
use crate::register::{AsOfError, Cut, Register};
use crate::rules::{Rules, Sums, SurveySum};
use crate::season::{Applies, Card, Frame, GroupFrame, SeasonLog, Totals, version_at};
use crate::sets::SetIndex;
use crate::symbols::{Sym, ix};
use crate::value::Missing;

/// Why a question has no answer at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The season is not in the register as of then.
    #[error("season {season} is not in the register as of then: seasons are {known}")]
    UnknownSeason {
        /// What was asked for.
        season: String,
        /// Those that are.
        known: String,
    },
    /// The group is not in the season as of then.
    #[error("group {group} is not in season {season} as of then: groups are {known}")]
    UnknownGroup {
        /// What was asked for.
        group: String,
        /// The season.
        season: String,
        /// Those that are.
        known: String,
    },
    /// The agency is not in the season as of then.
    #[error("agency {agency} is not in season {season} as of then: see `sogoc ranking {season}`")]
    UnknownAgency {
        /// What was asked for.
        agency: String,
        /// The season.
        season: String,
    },
    /// No figure has this address.
    #[error("no figure has the address {address}: {why}; see `sogoc figures SEASON`")]
    UnknownFigure {
        /// What was asked for.
        address: String,
        /// At which part it fails.
        why: Said,
    },
    /// The *as of* names nothing.
    #[error(transparent)]
    AsOf(#[from] AsOfError),
}

/// A season with the entries before `cut` applied.
pub(crate) struct SeasonView<'r> {
    pub(crate) reg: &'r Register,
    pub(crate) season: &'r SeasonLog,
    pub(crate) season_no: u32,
    pub(crate) frame: &'r Frame,
    pub(crate) cut: u64,
    pub(crate) previous: OnceCell<Previous<'r>>,
    groups: RefCell<BTreeMap<Sym, Arc<GroupState>>>,
}

impl Register {
    pub(crate) fn season_view(&self, season: &str, cut: Cut) -> Result<SeasonView<'_>, QueryError> {
        let found = self.season_of.get(season).and_then(|no| {
            let log = &self.seasons[ix(*no)];
            Some((*no, log, log.frame_at(cut.0)?))
        });
        let Some((season_no, log, frame)) = found else {
            let known: Vec<_> =
                self.seasons.iter().filter(|s| s.frame_at(cut.0).is_some()).map(|s| s.id.as_str()).collect();
            let known = if known.is_empty() { "none yet".to_owned() } else { known.join(", ") };
            return Err(QueryError::UnknownSeason { season: shown(season), known });
        };
        Ok(SeasonView {
            reg: self,
            season: log,
            season_no,
            frame,
            cut: cut.0,
            previous: OnceCell::new(),
            groups: RefCell::default(),
        })
    }
}

/// A value as an error repeats it: a hostile input is not echoed whole.
pub(crate) fn shown(value: &str) -> String {
    let head: String = value.chars().take(80).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if value.chars().count() > 80 { format!("{head}…") } else { head }
}

impl<'r> SeasonView<'r> {
    pub(crate) fn id(&self) -> &'r SeasonId {
        &self.season.id
    }

    pub(crate) fn cut(&self) -> Cut {
        Cut(self.cut)
    }

    /// That figures can be computed at all: the policy and the rules they follow, unless something they read is stopped.
    pub(crate) fn ready(&self) -> Result<(&'r Policy, Rules), Missing> {
        if let Some((position, _)) = &self.season.stopped
            && *position < self.cut
        {
            return Err(self.stopped_at(*position));
        }
        let version = self.frame.rules_version;
        let rules = Rules::of(version).ok_or(Missing::UnknownRules(version.unwrap_or(0)))?;
        let policy = self.frame.policy.as_deref().ok_or(Missing::NoPolicy)?;
        Ok((policy, rules))
    }

    /// The same for what reads a group's criteria set.
    pub(crate) fn ready_group(&self, group: &GroupFrame) -> Result<(&'r Policy, Rules), Missing> {
        let ready = self.ready()?;
        if !self.reg.world.stopped.is_empty()
            && let Some(set) = &group.set
            && let Some(log) = self.reg.stream_named(&Stream::Criteria(set.clone()).to_string())
            && let Some((position, _)) = &log.stopped
            && *position < self.cut
        {
            return Err(self.stopped_at(*position));
        }
        Ok(ready)
    }

    fn stopped_at(&self, position: u64) -> Missing {
        let stream =
            self.reg.metas.get(position).map_or_else(String::new, |m| self.reg.streams[ix(m.stream)].name.to_string());
        Missing::Stopped { stream, position }
    }

    pub(crate) fn group(&self, id: &str) -> Result<&'r Arc<GroupFrame>, QueryError> {
        self.frame.group(id).ok_or_else(|| {
            let known: Vec<_> = self.frame.groups.iter().map(|g| g.id.as_str()).collect();
            QueryError::UnknownGroup { group: shown(id), season: self.id().to_string(), known: known.join(", ") }
        })
    }

    /// An agency's number in the season and the group it is in.
    pub(crate) fn agency(&self, id: &str) -> Result<(usize, &'r Arc<GroupFrame>), QueryError> {
        let found = self.reg.symbols.find(id).and_then(|sym| {
            let no = ix(*self.season.card_of.get(&sym)?);
            let membership = self.season.cards[no].membership_at(self.cut)?;
            Some((no, self.frame.group_of(membership.group)?))
        });
        found.ok_or_else(|| QueryError::UnknownAgency { agency: shown(id), season: self.id().to_string() })
    }

    pub(crate) fn card(&self, no: usize) -> &'r Card {
        &self.season.cards[no]
    }

    /// A group's criteria set; missing before the season runs and where only totals are transcribed.
    pub(crate) fn index_of(&self, group: &'r GroupFrame) -> Result<&'r Arc<SetIndex>, Missing> {
        group.index.as_ref().ok_or(if group.set.is_some() { Missing::NotActive } else { Missing::OnlyTotals })
    }

    /// An agency's raw sums.
    pub(crate) fn totals(&self, group: &GroupFrame, card: &Card) -> Result<Totals, Missing> {
        if let Some(position) = card.stopped
            && position < self.cut
        {
            return Err(self.stopped_at(position));
        }
        if group.set.is_some() && group.index.is_none() {
            return Err(Missing::NotActive);
        }
        version_at(&card.totals, self.cut).copied().ok_or(Missing::NotActive)
    }

    /// An agency's sums under the season's policy.
    pub(crate) fn sums(&self, group: &GroupFrame, card: &Card) -> Result<Sums, Missing> {
        let (policy, rules) = self.ready_group(group)?;
        Ok(rules.sums(&self.totals(group, card)?, policy))
    }

    /// Numbers of the class bands that an agency is in: the one that holds, and the one computed from the index. A cap
    /// holds where it is the lower one.
    pub(crate) fn class(&self, group: &GroupFrame, card: &Card, index: &Exact) -> Result<(usize, usize), Missing> {
        let (policy, rules) = self.ready_group(group)?;
        let bands = &group.classes;
        let computed = rules.band(bands, index, policy).ok_or(Missing::NoBand)?;
        let cap = self.totals(group, card)?.cap;
        let cap = bands.iter().position(|b| b.code == self.reg.symbols.name(cap));
        // Bands stand from the top, so the later one is the lower class.
        Ok((cap.map_or(computed, |cap| cap.max(computed)), computed))
    }

    /// A group with all its agencies; made once a view, and kept by the register for the next question.
    pub(crate) fn state(&self, group: &'r GroupFrame) -> Arc<GroupState> {
        if let Some(state) = self.groups.borrow().get(&group.sym) {
            return Arc::clone(state);
        }
        let key = (self.season_no, group.sym, self.cut);
        let state = self.reg.cache.group(key, || GroupState::new(self, group));
        self.groups.borrow_mut().insert(group.sym, Arc::clone(&state));
        state
    }

    /// Puts a state in place of the group's own: `why` moves one agency at a time.
    pub(crate) fn put_state(&self, group: Sym, state: Arc<GroupState>) {
        self.groups.borrow_mut().insert(group, state);
    }

    /// The states that were made for this view.
    pub(crate) fn take_states(&self) -> Vec<(Sym, Arc<GroupState>)> {
        self.groups.take().into_iter().collect()
    }

    /// What an agency has in a domain.
    pub(crate) fn domain(&self, group: &'r GroupFrame, card: &Card, domain: usize) -> Result<DomainPart, Missing> {
        let index = self.index_of(group)?;
        let sums = self.sums(group, card)?;
        let mut part = DomainPart::default();
        for no in index.domains[domain].leaves.clone() {
            let leaf = &index.leaves[no];
            let version = card.leaf_at(leaf.sym, self.cut).copied().unwrap_or_default();
            if leaf.survey {
                match sums.survey {
                    SurveySum::Points(points) | SurveySum::InFull(points) => part.add(Some(points), leaf.max),
                    SurveySum::Missing => part.add(None, leaf.max),
                    // The policy may keep the maximum of an agency without a survey.
                    SurveySum::NotSurveyed if sums.max > self.totals(group, card)?.max => {
                        part.add(Some(Micro::ZERO), leaf.max)
                    }
                    SurveySum::NotSurveyed | SurveySum::NotApplicable | SurveySum::NoLeaf => {}
                }
                continue;
            }
            part.scored = true;
            match version.applicability {
                Applies::LeftOut => continue,
                Applies::InFull => part.add(Some(leaf.max), leaf.max),
                Applies::Yes => part.add(version.appraised.get(), leaf.max),
            }
            match version.self_points.get() {
                Some(points) => part.self_points = part.self_points.plus(points),
                None if version.applicability == Applies::Yes => part.self_missing += 1,
                None => {}
            }
        }
        Ok(part)
    }
}

/// What an agency has in a domain; the survey's leaf counts with its survey points.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct DomainPart {
    pub(crate) points: Micro,
    pub(crate) max: Micro,
    /// Leaves that apply and have no points.
    pub(crate) missing: u32,
    /// Leaves that apply or are awarded in full.
    pub(crate) leaves: u32,
    pub(crate) self_points: Micro,
    pub(crate) self_missing: u32,
    /// The domain has leaves that agencies score.
    pub(crate) scored: bool,
}

impl DomainPart {
    fn add(&mut self, points: Option<Micro>, max: Micro) {
        self.max = self.max.plus(max);
        self.leaves += 1;
        match points {
            Some(points) => self.points = self.points.plus(points),
            None => self.missing += 1,
        }
    }
}

/// A ranking group as of one position.
#[derive(Clone, Debug)]
pub(crate) struct GroupState {
    pub(crate) group: GroupId,
    /// Agencies by their ids, without those for which a successor answers.
    pub(crate) rows: Vec<Row>,
    /// Numbers of the ranked rows that have an index, the best first.
    pub(crate) order: Vec<usize>,
    /// How many rows are ranked, with an index or without.
    ranked_count: usize,
    /// Why nothing can be said, where that is so.
    pub(crate) blocked: Option<Missing>,
    domains: OnceLock<Vec<Vec<Result<DomainPart, Missing>>>>,
    mean: OnceLock<Option<Exact>>,
}

/// An agency in its group.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) card: usize,
    pub(crate) agency: AgencyId,
    pub(crate) ranked: bool,
    pub(crate) sums: Result<Sums, Missing>,
    pub(crate) index: Result<Exact, Missing>,
    pub(crate) rank: Option<u32>,
}

/// The whole part of an index in some unit: never in another order than the indices themselves.
fn coarse(sums: &Sums) -> i128 {
    (i128::from(sums.total.0) << 40).checked_div_euclid(i128::from(sums.max.0)).unwrap_or(0)
}

impl GroupState {
    fn new(view: &SeasonView<'_>, group: &GroupFrame) -> Self {
        let blocked = view.ready_group(group).err();
        let rows = view.season.by_id.iter().filter_map(|no| Self::row(view, group, ix(*no))).collect();
        let mut state = Self {
            group: group.id.clone(),
            rows,
            order: Vec::new(),
            ranked_count: 0,
            blocked,
            domains: OnceLock::new(),
            mean: OnceLock::new(),
        };
        state.rank(view);
        state
    }

    fn row(view: &SeasonView<'_>, group: &GroupFrame, no: usize) -> Option<Row> {
        let card = view.card(no);
        let membership = card.membership_at(view.cut)?;
        if membership.group != group.sym || membership.is_absorbed() {
            return None;
        }
        let sums = view.sums(group, card);
        let index = match (&sums, view.ready()) {
            (Ok(sums), Ok((_, rules))) => rules.index(sums).ok_or(Missing::Incomplete(sums.missing)),
            (Err(why), _) => Err(why.clone()),
            (Ok(_), Err(why)) => Err(why),
        };
        Some(Row { card: no, agency: card.agency.clone(), ranked: membership.is_ranked(), sums, index, rank: None })
    }

    fn rank(&mut self, view: &SeasonView<'_>) {
        self.rows.iter_mut().for_each(|row| row.rank = None);
        self.order.clear();
        self.ranked_count = self.ranked().count();
        let Ok((policy, rules)) = view.ready() else { return };
        let rows = &mut self.rows;
        let index = |no: &usize| rows[*no].index.as_ref().expect("only rows with an index are ordered");
        let keyed = |no: usize| match &rows[no] {
            Row { ranked: true, index: Ok(_), sums: Ok(sums), .. } => Some((coarse(sums), no)),
            Row { .. } => None,
        };
        let mut order: Vec<(i128, usize)> = (0..rows.len()).filter_map(keyed).collect();
        // Whole parts tell most indices apart without multiplying fractions; the exact ones decide among equals. Rows
        // stand by id, and the sort is stable: equal indices keep that order.
        order.sort_by(|(a, x), (b, y)| b.cmp(a).then_with(|| rules.order(index(x), index(y))));
        self.order.extend(order.into_iter().map(|(_, no)| no));
        let ranks = rules.ranks(self.order.iter().map(index), policy.ties);
        for (no, rank) in self.order.iter().zip(ranks) {
            rows[*no].rank = Some(rank);
        }
    }

    /// Takes one agency as the view sees it; all others stay as they are.
    pub(crate) fn move_row(&mut self, view: &SeasonView<'_>, group: &GroupFrame, card: usize) {
        match (self.rows.iter().position(|r| r.card == card), Self::row(view, group, card)) {
            (Some(at), Some(row)) => self.rows[at] = row,
            (Some(at), None) => _ = self.rows.remove(at),
            (None, Some(row)) => {
                let at = self.rows.partition_point(|r| r.agency < row.agency);
                self.rows.insert(at, row);
            }
            (None, None) => {}
        }
        self.domains = OnceLock::new();
        self.mean = OnceLock::new();
        self.rank(view);
    }

    pub(crate) fn row_of(&self, agency: &str) -> Option<&Row> {
        self.rows.binary_search_by(|row| row.agency.as_str().cmp(agency)).ok().map(|at| &self.rows[at])
    }

    pub(crate) fn ranked(&self) -> impl Iterator<Item = &Row> + Clone {
        self.rows.iter().filter(|r| r.ranked)
    }

    /// Ranked rows with an index, the best first.
    pub(crate) fn ordered(&self) -> impl DoubleEndedIterator<Item = &Row> + Clone {
        self.order.iter().map(|no| &self.rows[*no])
    }

    /// True where some ranked agency has no index.
    pub(crate) fn is_partial(&self) -> bool {
        self.order.len() < self.ranked_count
    }

    /// The mean of the exact indices.
    pub(crate) fn mean(&self, rules: Rules) -> Option<&Exact> {
        let make = || {
            let indices: Vec<&Exact> = self.ordered().filter_map(|r| r.index.as_ref().ok()).collect();
            rules.mean(&indices)
        };
        self.mean.get_or_init(make).as_ref()
    }

    /// What a row has in a domain.
    pub(crate) fn domain(&self, view: &SeasonView<'_>, row: usize, domain: usize) -> Result<DomainPart, Missing> {
        let group = view.frame.group(self.group.as_str()).ok_or(Missing::NotActive)?;
        let count = view.index_of(group)?.domains.len();
        let table = self.domains.get_or_init(|| {
            let of_row = |row: &Row| (0..count).map(|d| view.domain(group, view.card(row.card), d)).collect();
            self.rows.iter().map(of_row).collect()
        });
        table[row][domain].clone()
    }
}
