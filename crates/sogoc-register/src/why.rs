//! *Why did this change?* The figure is computed after every entry that could have moved it, in the order of positions;
//! the differences telescope, so they sum exactly to the change.

#![expect(clippy::wildcard_enum_match_arm, reason = "only an agency's figures have a leaf")]

use std::sync::Arc;

use serde::Serialize;
use sogoc_domain::exact::Exact;

use crate::address::{AgencyFigure, AgencyName, Figured, split_season};
use crate::meta::EntryView;
use crate::register::{Cut, Register, Target};
use crate::season::{Card, SeasonLog};
use crate::symbols::{Sym, ix};
use crate::value::{Missing, Value};
use crate::view::{GroupState, QueryError};

/// Why a figure changed between two positions.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Why {
    /// The figure's address.
    pub address: String,
    /// Where it stood before.
    pub from: Standing,
    /// Where it stands after.
    pub to: Standing,
    /// The difference; null where one end has no number.
    pub change: Option<Exact>,
    /// What moved it, in the order of positions. Their deltas sum exactly to the change.
    pub contributions: Vec<Contribution>,
}

/// A figure as of a position.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Standing {
    /// The position; null before the first entry.
    pub position: Option<u64>,
    /// The value.
    pub value: Value,
    /// As shown.
    pub display: String,
}

/// An entry that moved a figure.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Contribution {
    /// The entry.
    #[serde(flatten)]
    pub entry: EntryView,
    /// The agency whose scorecard or survey result the entry changed.
    #[serde(rename = "agency")]
    pub of_agency: Option<String>,
    /// Code of the leaf that it changed, where it is about one.
    pub leaf: Option<String>,
    /// By how much it moved the figure; null for a figure that is no number, and where it had none before.
    pub delta: Option<Exact>,
    /// The value before.
    pub before: Value,
    /// The value after.
    pub after: Value,
    /// For a rank: agencies that passed this one or were passed by it here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub passed: Vec<Passing>,
}

/// An agency that changed places with another.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Passing {
    /// The agency.
    pub agency: String,
    /// True where it went ahead, false where it fell behind.
    pub ahead: bool,
    /// Its rank before; null where it had none.
    pub rank_before: Option<u32>,
    /// Its rank after.
    pub rank_after: Option<u32>,
}

/// Whose entries can move a figure.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    Agency(usize),
    Group(Sym),
    Season,
}

impl Register {
    /// Which entries moved a figure between two positions, and by how much each.
    ///
    /// # Errors
    /// [`QueryError`] where nothing has this address as of the later position.
    pub fn why(&self, address: &str, from: Cut, to: Cut) -> Result<Why, QueryError> {
        let (season, rest) = split_season(address)?;
        let (from, to) = (from.min(to), to.max(from));
        let last = self.season_view(season, to)?;
        let figured = last.find(rest)?;
        let address = last.address(&figured);
        let rest = last.rest(&figured);
        let scope = scope(&figured);
        let ranked = match &figured {
            Figured::Agency { group, card, what: AgencyFigure::Plain(AgencyName::Rank | AgencyName::RankChange) } => {
                Some((group.sym, *card))
            }
            _ => None,
        };
        let mut walk = Walk { register: self, season, rest: &rest, state: Vec::new() };
        let first = walk.at(from, None);
        let mut before = first.clone();
        // The last number: where a figure has none for a while, the difference is against what it was before.
        let mut number = first.value.number();
        let mut contributions = Vec::new();
        let mut ranks = ranked.and_then(|(group, _)| walk.state_of(group));
        for position in candidates(last.season, self, scope, from.0, to.0) {
            let after = walk.at(Cut::after(position), Some(position));
            let state = ranked.and_then(|(group, _)| walk.state_of(group));
            if after.value != before.value {
                let now = after.value.number();
                let delta = number.as_ref().zip(now.as_ref()).map(|(old, new)| new - old);
                let passed = match (ranked, &ranks, &state) {
                    (Some((_, card)), Some(old), Some(new)) => passings(old, new, last.card(card).agency.as_str()),
                    _ => Vec::new(),
                };
                if let Some(contribution) = self.contribution(last.season_no, position, &before, &after, delta, passed)
                {
                    contributions.push(contribution);
                }
                number = now.or(number);
            }
            (before, ranks) = (after, state);
        }
        let end = walk.at(to, None);
        let change = first.value.number().zip(end.value.number()).map(|(a, b)| b - a);
        let standing = |cut: Cut, at: At| Standing { position: cut.position(), value: at.value, display: at.display };
        Ok(Why { address, from: standing(from, first), to: standing(to, end), change, contributions })
    }

    /// How much work [`Register::why`] would be: how often the figure is computed, each time over so many agencies.
    ///
    /// # Errors
    /// As for [`Register::why`].
    pub fn why_work(&self, address: &str, from: Cut, to: Cut) -> Result<usize, QueryError> {
        let (season, rest) = split_season(address)?;
        let (from, to) = (from.min(to), to.max(from));
        let last = self.season_view(season, to)?;
        let figured = last.find(rest)?;
        let scope = scope(&figured);
        let agencies = match scope {
            Scope::Agency(_) => 1,
            Scope::Group(group) => {
                let of_group = |card: &&Arc<Card>| card.memberships.iter().any(|(_, m)| m.group == group);
                last.season.cards.iter().filter(of_group).count()
            }
            Scope::Season => last.season.cards.len(),
        };
        Ok(candidates(last.season, self, scope, from.0, to.0).len().saturating_mul(agencies.max(1)))
    }

    fn contribution(
        &self,
        season: u32,
        position: u64,
        before: &At,
        after: &At,
        delta: Option<Exact>,
        passed: Vec<Passing>,
    ) -> Option<Contribution> {
        let season_log = &self.seasons[ix(season)];
        let target = self.streams[ix(self.meta(position)?.stream)].target;
        let (mut detail, mut agency, mut leaf) = (0, None, None);
        if let Target::Card(s, card) = target
            && s == season
        {
            let card = &season_log.cards[ix(card)];
            agency = Some(card.agency.to_string());
            let about = card.leaves.iter().find_map(|l| {
                let entry = l.entries.binary_search_by_key(&position, |e| e.position).ok()?;
                Some((l.sym, l.entries[entry].detail))
            });
            if let Some((sym, d)) = about {
                detail = d;
                leaf = Some(self.leaf_code(season_log, card, sym, Cut::after(position)));
            } else if let Ok(at) = card.entries.binary_search_by_key(&position, |e| e.position) {
                detail = card.entries[at].detail;
            }
        } else if let Target::Survey(s) = target
            && s == season
        {
            let mut of = season_log.cards.iter().filter(|c| c.survey_entries.binary_search(&position).is_ok());
            // One entry may accept the results of many; then it is no single agency's.
            agency = of.next().filter(|_| of.next().is_none()).map(|c| c.agency.to_string());
        }
        Some(Contribution {
            entry: self.entry_view(position, detail, Cut::after(position))?,
            of_agency: agency,
            leaf,
            delta,
            before: before.value.clone(),
            after: after.value.clone(),
            passed,
        })
    }

    /// A leaf's code in the version of the set by which the season scored; its id where there was none.
    pub(crate) fn leaf_code(&self, season: &SeasonLog, card: &Card, sym: Sym, cut: Cut) -> String {
        let group = card.membership_at(cut.0).map(|m| m.group);
        let index = season.frame_at(cut.0).and_then(|f| f.group_of(group?)?.index.as_ref());
        let code = index.and_then(|i| Some(i.leaves[i.leaf_no(sym)?].code.clone()));
        code.unwrap_or_else(|| self.symbols.name(sym).to_owned())
    }
}

fn scope(figured: &Figured<'_>) -> Scope {
    match figured {
        Figured::Agency { group, card, what } => match what {
            AgencyFigure::Plain(AgencyName::Rank | AgencyName::RankChange) => Scope::Group(group.sym),
            AgencyFigure::Plain(_) | AgencyFigure::Year(..) | AgencyFigure::Domain(..) | AgencyFigure::Leaf(..) => {
                Scope::Agency(*card)
            }
        },
        Figured::Group { group, .. } => Scope::Group(group.sym),
        Figured::Criteria { .. } | Figured::Survey(_) => Scope::Season,
    }
}

/// Positions in [from, to) at which a figure of this scope may move, ascending.
fn candidates(season: &SeasonLog, register: &Register, scope: Scope, from: u64, to: u64) -> Vec<u64> {
    let mut found: Vec<u64> = season.frames.iter().map(|(p, _)| *p).collect();
    found.extend(season.references.values().flatten().map(|(p, _)| *p));
    found.extend(season.stopped.iter().map(|(p, _)| *p));
    let comparisons = season.frames.iter().filter_map(|(_, f)| f.comparison.as_ref());
    for other in comparisons.filter_map(|id| register.season_log(id)) {
        found.extend(other.editions.iter().flat_map(|e| std::iter::once(e.position).chain(e.annulled)));
    }
    let of_card = |card: &Card, found: &mut Vec<u64>| {
        found.extend(card.totals.iter().map(|t| t.position));
        found.extend(card.leaves.iter().flat_map(|l| l.versions.iter().map(|v| v.position)));
        found.extend(card.memberships.iter().map(|(p, _)| *p));
        found.extend(card.survey.iter().map(|(p, _)| *p));
        found.extend(card.stopped);
    };
    for (no, card) in season.cards.iter().enumerate() {
        let concerned = match scope {
            Scope::Agency(wanted) => no == wanted,
            Scope::Group(group) => card.memberships.iter().any(|(_, m)| m.group == group),
            Scope::Season => true,
        };
        if concerned {
            of_card(card, &mut found);
        }
    }
    found.retain(|p| (from..to).contains(p));
    found.sort_unstable();
    found.dedup();
    found
}

/// A figure at one position.
#[derive(Clone)]
struct At {
    value: Value,
    display: String,
}

/// Walks a figure along positions. Groups are carried along: an entry of one scorecard moves one row.
struct Walk<'r, 'a> {
    register: &'r Register,
    season: &'a str,
    rest: &'a str,
    state: Vec<(Sym, Arc<GroupState>)>,
}

impl Walk<'_, '_> {
    /// The figure at a cut. `entry` is the only one of the season's that was applied since the last call; none makes
    /// everything anew.
    fn at(&mut self, cut: Cut, entry: Option<u64>) -> At {
        let none = || At { value: Value::Missing(Missing::None), display: "–".to_owned() };
        let Ok(view) = self.register.season_view(self.season, cut) else { return none() };
        let carried = std::mem::take(&mut self.state);
        if let Some(card) = entry.and_then(|position| self.card_moved(view.season_no, position)) {
            for (sym, mut state) in carried {
                if let Some(group) = view.frame.group_of(sym) {
                    Arc::make_mut(&mut state).move_row(&view, group, card);
                    view.put_state(sym, state);
                }
            }
        }
        let Ok(figured) = view.find(self.rest) else { return none() };
        let computed = view.value_of(&figured);
        let display = view.display(&computed.value, computed.unit);
        self.state = view.take_states();
        At { value: computed.value, display }
    }

    /// The scorecard that an entry changed, where it changed only that.
    fn card_moved(&self, season: u32, position: u64) -> Option<usize> {
        match self.register.streams[ix(self.register.meta(position)?.stream)].target {
            Target::Card(s, card) if s == season => Some(ix(card)),
            Target::Card(..)
            | Target::World
            | Target::Season(_)
            | Target::Survey(_)
            | Target::Council(_)
            | Target::Results(_) => None,
        }
    }

    fn state_of(&self, group: Sym) -> Option<Arc<GroupState>> {
        self.state.iter().find(|(sym, _)| *sym == group).map(|(_, state)| Arc::clone(state))
    }
}

/// Agencies that stand otherwise to this one than before: ahead and now behind, or the other way.
fn passings(old: &GroupState, new: &GroupState, agency: &str) -> Vec<Passing> {
    let place = |state: &GroupState, agency: &str| state.row_of(agency).and_then(|r| r.rank);
    let (Some(mine_old), Some(mine_new)) = (place(old, agency), place(new, agency)) else { return Vec::new() };
    let mut passed = Vec::new();
    for row in new.rows.iter().filter(|r| r.agency.as_str() != agency) {
        let (before, after) = (place(old, row.agency.as_str()), row.rank);
        // Without a rank it is behind everybody.
        let was_ahead = before.is_some_and(|rank| rank < mine_old);
        let is_ahead = after.is_some_and(|rank| rank < mine_new);
        if was_ahead != is_ahead {
            passed.push(Passing {
                agency: row.agency.to_string(),
                ahead: is_ahead,
                rank_before: before,
                rank_after: after,
            });
        }
    }
    passed
}
