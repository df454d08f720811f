//! *What if*: the same fold over a copy, and every figure compared. Nothing is recorded.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use sogoc_domain::event::Event;
use sogoc_domain::roles::Role;
use sogoc_domain::stream::Stream;
use sogoc_domain::values::{AccountId, AgencyId, InstrumentId, Timestamp};

use crate::fold::Facts;
use crate::register::Register;
use crate::value::Value;
use crate::view::SeasonView;

/// Who would have acted, and when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VirtualAct {
    /// The account.
    pub account: AccountId,
    /// The delegator.
    pub on_behalf_of: Option<AccountId>,
    /// The role.
    pub role: Option<Role>,
    /// The agency for which it acts.
    pub agency: Option<AgencyId>,
    /// When it would be recorded.
    pub at: Timestamp,
    /// When it would have happened.
    pub occurred: Option<Timestamp>,
    /// What it would rest on.
    pub instrument: Option<InstrumentId>,
}

/// A figure that would be another.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ChangedFigure {
    /// Its address.
    pub address: String,
    /// Its value now.
    pub before: Value,
    /// Its value then.
    pub after: Value,
}

impl Register {
    /// A copy to try events on. It shares everything with this register until it moves on.
    #[must_use]
    pub fn overlay(&self) -> Self {
        self.clone()
    }

    /// Applies decided events at positions that do not exist. For overlays only: what was recorded comes through
    /// [`Register::apply`].
    pub fn apply_virtual(&mut self, act: &VirtualAct, events: &[(Stream, Event)]) {
        for (stream, event) in events {
            let stream = stream.to_string();
            let facts = Facts {
                at: act.at.micros(),
                occurred: act.occurred.map(Timestamp::micros),
                account: act.account.as_str(),
                on_behalf_of: act.on_behalf_of.as_ref().map(AccountId::as_str),
                agency: act.agency.as_ref().map(AgencyId::as_str),
                role: act.role.map(Role::as_str),
                instrument: act.instrument.as_ref().map(InstrumentId::as_str),
                stream: &stream,
                kind: event.kind(),
            };
            self.fold(&facts, Ok(event));
        }
    }
}

/// All figures that differ between a register and its overlay, by address: of every season that the overlay touched,
/// and of those that are compared with one.
#[must_use]
pub fn changed_figures(before: &Register, after: &Register) -> Vec<ChangedFigure> {
    let touched = |no: usize| before.seasons.get(no).is_none_or(|old| !Arc::ptr_eq(old, &after.seasons[no]));
    let mut changed = Vec::new();
    for (no, season) in after.seasons.iter().enumerate() {
        let comparison = season.frame().and_then(|f| after.season_of.get(f.comparison.as_ref()?));
        if !touched(no) && !comparison.is_some_and(|no| touched(crate::symbols::ix(*no))) {
            continue;
        }
        let id = season.id.as_str();
        let (old, new) = (before.season_view(id, before.now()).ok(), after.season_view(id, after.now()).ok());
        let mut values: BTreeMap<String, (Value, Value)> = BTreeMap::new();
        let none = || Value::Missing(crate::value::Missing::None);
        if let Some(view) = &old {
            each_that_may_differ(view, new.as_ref(), |address, value| {
                values.insert(address, (value, none()));
            });
        }
        if let Some(view) = &new {
            each_that_may_differ(view, old.as_ref(), |address, value| {
                values.entry(address).or_insert_with(|| (none(), none())).1 = value;
            });
        }
        // Two figures without a value are alike for whoever asks what would change.
        let differs = |(old, new): &(Value, Value)| old.text() != new.text();
        changed.extend(
            values.into_iter().filter(|(_, pair)| differs(pair)).map(|(address, (before, after))| ChangedFigure {
                address,
                before,
                after,
            }),
        );
    }
    changed
}

/// Figures of a view but those of domains and leaves of scorecards that the other view shares.
fn each_that_may_differ<'r>(
    view: &SeasonView<'r>,
    other: Option<&SeasonView<'_>>,
    mut each: impl FnMut(String, Value),
) {
    let mut emit = |figured: crate::address::Figured<'r>| each(view.address(&figured), view.value_of(&figured).value);
    let same_frame = other.is_some_and(|other| std::ptr::eq(view.frame, other.frame));
    view.each_figure_of(
        |card| {
            let twin = other.and_then(|other| other.season.cards.get(card));
            !(same_frame && twin.is_some_and(|twin| Arc::ptr_eq(twin, &view.season.cards[card])))
        },
        &mut emit,
    );
}
