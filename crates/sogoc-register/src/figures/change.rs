//! Changes against an earlier season, and figures of earlier years.
//!
//! What is compared with is the comparison season's last edition where that is in the log, else a printed reference
//! figure; an *implied* one, computed back from what is printed, makes no change recomputable.

#![expect(clippy::wildcard_enum_match_arm, reason = "whatever else a value is, it is asked for a number")]

use std::sync::Arc;

use sogoc_domain::exact::Exact;
use sogoc_domain::policy::Basis;
use sogoc_domain::values::parse_amount;

use super::{Computed, Source, fixed};
use crate::address::{AgencyFigure, AgencyName, Figured, GroupFigure, GroupName};
use crate::register::Cut;
use crate::season::{GroupFrame, version_at};
use crate::trail::{NoTrail, Trail};
use crate::value::{Missing, Unit, Value};
use crate::view::SeasonView;

/// What a season is compared with.
pub(crate) enum Previous<'r> {
    /// The last edition of the comparison season.
    Edition(Box<SeasonView<'r>>),
    /// Figures of a year, so far as they are printed.
    Print(u16),
}

impl<'r> SeasonView<'r> {
    pub(crate) fn previous(&self) -> &Previous<'r> {
        self.previous.get_or_init(|| {
            let comparison = self.frame.comparison.as_ref().and_then(|id| self.reg.season_log(id));
            let Some(season) = comparison else {
                return Previous::Print(self.frame.year.saturating_sub(1));
            };
            let year = season.frame_at(self.cut).map_or(self.frame.year.saturating_sub(1), |frame| frame.year);
            let edition = season.edition_at(self.cut).map(|(_, edition)| Cut::after(edition.as_of));
            let view = edition.and_then(|cut| self.reg.season_view(season.id.as_str(), cut).ok());
            view.map_or(Previous::Print(year), |view| Previous::Edition(Box::new(view)))
        })
    }

    /// A figure of an earlier year that is on record as printed or implied.
    fn reference(&self, rest: &str, year: u16) -> Option<(u64, &'r crate::season::ReferenceFigure)> {
        let versions = self.season.references.get(&(rest.to_owned(), year))?;
        version_at(versions, self.cut).map(|(position, figure)| (*position, figure))
    }

    /// The same figure in the earlier season; none where the agency or group was not there, or in another group.
    fn earlier<'e>(&self, figured: &Figured<'r>, earlier: &SeasonView<'e>) -> Option<Figured<'e>> {
        match figured {
            Figured::Agency { group, card, what: what @ AgencyFigure::Plain(name) } => {
                let (card, then) = earlier.agency(self.card(*card).agency.as_str()).ok()?;
                // A rank means something within its group only.
                if *name == AgencyName::Rank && then.id != group.id {
                    return None;
                }
                Some(Figured::Agency { group: then, card, what: *what })
            }
            Figured::Group { group, what: what @ GroupFigure::Plain(_) } => {
                Some(Figured::Group { group: earlier.frame.group(group.id.as_str())?, what: *what })
            }
            Figured::Agency { .. } | Figured::Group { .. } | Figured::Criteria { .. } | Figured::Survey(_) => None,
        }
    }

    /// The earlier value of a figure, as it was published: rounded as displayed.
    fn earlier_value<T: Trail>(&self, figured: &Figured<'r>, trail: &mut T) -> Result<Exact, Missing> {
        match self.previous() {
            Previous::Edition(earlier) => {
                let then = self.earlier(figured, earlier).ok_or(Missing::NotComparable(earlier.frame.year))?;
                trail.figure_as_of(earlier.cut(), || earlier.address(&then));
                let value = earlier.compute(&then, &mut NoTrail).value;
                published(earlier, &value).ok_or(Missing::NoEarlier(earlier.frame.year))
            }
            Previous::Print(year) => {
                let (position, figure) = self.reference(&self.rest(figured), *year).ok_or(Missing::NoEarlier(*year))?;
                trail.entry(position, 0);
                match figure.basis {
                    Basis::Printed => number(&figure.value).ok_or(Missing::NoEarlier(*year)),
                    Basis::Implied => Err(Missing::OnlyImplied(*year)),
                }
            }
        }
    }
}

/// A figure of an earlier edition as it was published.
fn published(view: &SeasonView<'_>, value: &Value) -> Option<Exact> {
    let policy = view.frame.policy.as_deref()?;
    Some(value.number()?.round(policy.display_decimals, policy.rounding))
}

fn number(text: &str) -> Option<Exact> {
    parse_amount(text).ok().map(Exact::from)
}

/// A figure of an earlier year: of the comparison season's last edition, else from print, told apart by its source.
pub(super) fn of_year<'r, T: Trail>(
    view: &SeasonView<'r>,
    figured: &Figured<'r>,
    year: u16,
    trail: &mut T,
) -> Computed {
    if let Previous::Edition(earlier) = view.previous()
        && earlier.frame.year == year
        && let Some(then) = view.earlier(figured, earlier)
    {
        trail.formula(fixed("the same figure in the comparison season's last edition"));
        trail.figure_as_of(earlier.cut(), || earlier.address(&then));
        return earlier.compute(&then, &mut NoTrail);
    }
    let unit = view.compute(figured, &mut NoTrail).unit;
    let Some((position, figure)) = view.reference(&view.rest(figured), year) else {
        return Computed::of(Err(Missing::NoEarlier(year)), unit);
    };
    trail.entry(position, 0);
    trail.formula(fixed("transcribed, not computed"));
    let value = number(&figure.value).map_or_else(|| Value::Text(figure.value.clone()), Value::Exact);
    let source = match figure.basis {
        Basis::Printed => Source::Printed,
        Basis::Implied => Source::Implied,
    };
    Computed { source, note: figure.source.clone(), ..Computed::new(value, unit) }
}

/// This year's figure rounded as displayed, less the earlier one as published.
fn change<'r, T: Trail>(view: &SeasonView<'r>, figured: &Figured<'r>, trail: &mut T) -> Result<Exact, Missing> {
    let (policy, rules) = view.ready()?;
    let now = match view.compute(figured, &mut NoTrail).value {
        Value::Missing(why) => return Err(why),
        value => value.number().ok_or(Missing::None)?,
    };
    let before = view.earlier_value(figured, trail)?;
    Ok(rules.change(&now, &before, policy))
}

pub(super) fn of_index<'r, T: Trail>(
    view: &SeasonView<'r>,
    group: &'r Arc<GroupFrame>,
    card: usize,
    trail: &mut T,
) -> Result<Exact, Missing> {
    change(view, &Figured::Agency { group, card, what: AgencyFigure::Plain(AgencyName::Index) }, trail)
}

/// Above 0 where the agency rose: from rank 18 to rank 4 is 14.
pub(super) fn of_rank<'r, T: Trail>(
    view: &SeasonView<'r>,
    group: &'r Arc<GroupFrame>,
    card: usize,
    trail: &mut T,
) -> Result<Exact, Missing> {
    change(view, &Figured::Agency { group, card, what: AgencyFigure::Plain(AgencyName::Rank) }, trail).map(|c| -c)
}

pub(super) fn of_group<'r, T: Trail>(
    view: &SeasonView<'r>,
    group: &'r Arc<GroupFrame>,
    name: GroupName,
    trail: &mut T,
) -> Result<Exact, Missing> {
    change(view, &Figured::Group { group, what: GroupFigure::Plain(name) }, trail)
}

/// `up`, `down` or `same`.
pub(super) fn direction(change: Result<Exact, Missing>) -> Computed {
    let word = |change: Exact| {
        if change.is_zero() {
            "same"
        } else if change.is_negative() {
            "down"
        } else {
            "up"
        }
    };
    Computed::of(change.map(|c| Value::Text(word(c).to_owned())), Unit::Direction)
}
