//! Figures: an address, a value, its displayed form, and what it was computed from.
//!
//! One file a family: [`agency`], [`group`], [`criteria`], [`survey`], [`change`]. What computes a value takes its
//! provenance down in the same call (see [`crate::trail`]).

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "every unit but points and ranks is shown with the decimals of the policy"
)]

mod agency;
mod change;
mod criteria;
mod group;
mod list;
mod ranking;
mod survey;

pub(crate) use change::Previous;
pub use ranking::RankingRow;

use std::borrow::Cow;

use serde::Serialize;
use sogoc_domain::exact::Exact;

use crate::address::{Figured, split_season};
use crate::register::{Cut, Register};
use crate::trail::{Kept, KeptInput, NoTrail, Trail};
use crate::value::{Missing, Unit, Value};
use crate::view::{QueryError, SeasonView};

/// A figure without its provenance.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct FigureValue {
    /// Its address, with the season.
    pub address: String,
    /// Its value; null where it has none.
    pub value: Value,
    /// As shown: rounded by the policy, with a dot. `x` where it does not apply or was not surveyed, `–` where it is
    /// missing otherwise.
    pub display: String,
    /// What it is counted in.
    pub unit: Unit,
    /// False where parts are missing: a sum is partial then, a rank or a mean is among those that have an index.
    pub complete: bool,
    /// Why there is no value, or what is odd about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Whether it was computed here or is only known from print.
    pub source: Source,
}

/// Where a value comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Computed from entries.
    Computed,
    /// Transcribed from a printed document.
    Printed,
    /// Computed back from what is printed.
    Implied,
}

/// A figure with what it was computed from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Figure {
    /// The figure itself.
    #[serde(flatten)]
    pub figure: FigureValue,
    /// How it follows from its inputs, with the names of figures.
    pub formula: String,
    /// What went in.
    pub inputs: Vec<Input>,
}

/// What went into a figure.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Input {
    /// A figure of the same position.
    Figure(String),
    /// A figure as of another position: an edition of an earlier season.
    FigureAsOf(String, u64),
    /// An entry.
    Entry(u64),
}

/// What a computation gives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Computed {
    pub(crate) value: Value,
    pub(crate) unit: Unit,
    pub(crate) complete: bool,
    pub(crate) source: Source,
    pub(crate) note: Option<String>,
}

impl Computed {
    pub(crate) fn new(value: Value, unit: Unit) -> Self {
        let complete = !matches!(value, Value::Missing(_));
        Self { value, unit, complete, source: Source::Computed, note: None }
    }

    pub(crate) fn of(value: Result<Value, Missing>, unit: Unit) -> Self {
        Self::new(value.unwrap_or_else(Value::Missing), unit)
    }

    pub(crate) fn exact(value: Result<Exact, Missing>, unit: Unit) -> Self {
        Self::of(value.map(Value::Exact), unit)
    }

    pub(crate) fn count(value: Result<usize, Missing>) -> Self {
        Self::of(value.map(|n| Value::Count(crate::symbols::wide(n))), Unit::Count)
    }

    /// Not complete where parts are missing.
    pub(crate) fn partial(mut self, partial: bool) -> Self {
        self.complete &= !partial;
        self
    }
}

/// Where to put a formula that is always the same.
pub(crate) fn fixed(text: &'static str) -> impl FnOnce() -> Cow<'static, str> {
    move || Cow::Borrowed(text)
}

impl<'r> SeasonView<'r> {
    /// Computes a figure, taking its provenance down on the way.
    pub(crate) fn compute<T: Trail>(&self, figured: &Figured<'r>, trail: &mut T) -> Computed {
        match figured {
            Figured::Agency { group, card, what } => agency::compute(self, group, *card, *what, trail),
            Figured::Group { group, what } => group::compute(self, group, *what, trail),
            Figured::Criteria { group, what } => criteria::compute(self, *group, what, trail),
            Figured::Survey(name) => survey::compute(self, *name, trail),
        }
    }

    pub(crate) fn value_of(&self, figured: &Figured<'r>) -> Computed {
        self.compute(figured, &mut NoTrail)
    }

    /// How a value is shown.
    pub(crate) fn display(&self, value: &Value, unit: Unit) -> String {
        let policy = self.frame.policy.as_deref();
        let (decimals, leaf, rounding) =
            policy.map_or((2, 2, Default::default()), |p| (p.display_decimals, p.leaf_decimals, p.rounding));
        match value {
            // A sum of points is shown with all the decimals that points may have.
            Value::Exact(value) => match unit {
                Unit::Points => value.display(decimals.max(leaf), rounding),
                Unit::Ranks => value.display(0, rounding),
                _ => value.display(decimals, rounding),
            },
            Value::Count(value) => value.to_string(),
            Value::Text(value) => value.clone(),
            Value::Ids(ids) => ids.join(";"),
            Value::Missing(Missing::NotSurveyed | Missing::NotApplicable) => "x".to_owned(),
            Value::Missing(_) => "–".to_owned(),
        }
    }

    pub(crate) fn figure_value(&self, figured: &Figured<'r>, computed: Computed) -> FigureValue {
        self.figure_at(self.address(figured), computed)
    }

    /// The same, where the address is at hand.
    fn figure_at(&self, address: String, computed: Computed) -> FigureValue {
        let display = self.display(&computed.value, computed.unit);
        let note = computed.note.or_else(|| computed.value.missing().map(ToString::to_string));
        FigureValue {
            address,
            value: computed.value,
            display,
            unit: computed.unit,
            complete: computed.complete,
            note,
            source: computed.source,
        }
    }

    /// A figure with its formula and inputs.
    pub(crate) fn figure(&self, figured: &Figured<'r>) -> (FigureValue, Kept) {
        let mut kept = Kept::default();
        let computed = self.compute(figured, &mut kept);
        (self.figure_value(figured, computed), kept)
    }
}

impl Register {
    /// One figure, without its provenance.
    ///
    /// # Errors
    /// [`QueryError`] where nothing has this address as of then. A figure that has an address but no value is an answer,
    /// not an error.
    pub fn value(&self, address: &str, cut: Cut) -> Result<FigureValue, QueryError> {
        let (season, rest) = split_season(address)?;
        let view = self.season_view(season, cut)?;
        let figured = view.find(rest)?;
        let computed = view.value_of(&figured);
        Ok(view.figure_value(&figured, computed))
    }

    /// One figure with its formula and inputs.
    ///
    /// # Errors
    /// As for [`Register::value`].
    pub fn figure(&self, address: &str, cut: Cut) -> Result<Figure, QueryError> {
        let (season, rest) = split_season(address)?;
        let view = self.season_view(season, cut)?;
        let figured = view.find(rest)?;
        let (figure, kept) = view.figure(&figured);
        let inputs = kept.inputs.into_iter().map(|input| match input {
            KeptInput::Figure(address, None) => Input::Figure(address),
            KeptInput::Figure(address, Some(cut)) => Input::FigureAsOf(address, cut.position().unwrap_or(0)),
            KeptInput::Entry(position, _) => Input::Entry(position),
        });
        Ok(Figure { figure, formula: kept.formula.into_owned(), inputs: inputs.collect() })
    }
}
