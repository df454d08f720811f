//! Figures of a criteria set: maxima and counts, of one group's set or of all where they agree.

use std::sync::Arc;

use sogoc_domain::stream::Stream;

use super::{Computed, fixed};
use crate::address::{CriteriaFigure, CriteriaName, NodeName};
use crate::season::GroupFrame;
use crate::sets::SetIndex;
use crate::symbols::wide;
use crate::trail::Trail;
use crate::value::{Missing, Unit, Value};
use crate::view::SeasonView;

pub(super) fn compute<'r, T: Trail>(
    view: &SeasonView<'r>,
    group: Option<&'r Arc<GroupFrame>>,
    what: &CriteriaFigure,
    trail: &mut T,
) -> Computed {
    let unit = match what {
        CriteriaFigure::Plain(CriteriaName::DomainCount | CriteriaName::CriterionCount | CriteriaName::LeafCount) => {
            Unit::Count
        }
        CriteriaFigure::Plain(_) | CriteriaFigure::Domain(..) | CriteriaFigure::Leaf(..) => Unit::Points,
    };
    trail.formula(fixed("read from the version of the criteria set that the season adopted"));
    let groups: Vec<&GroupFrame> = match group {
        Some(group) => vec![group],
        None => view.frame.groups.iter().map(AsRef::as_ref).collect(),
    };
    let mut found: Option<Value> = None;
    let mut why = Missing::OnlyTotals;
    for group in groups {
        if let Err(stopped) = view.ready_group(group) {
            return Computed::of(Err(stopped), unit);
        }
        let Some(index) = &group.index else {
            if group.set.is_some() {
                why = Missing::NotActive;
            }
            continue;
        };
        if T::KEEPS {
            entries(view, group, trail);
        }
        let Some(value) = read(index, what) else {
            why = Missing::None;
            continue;
        };
        match &found {
            Some(other) if *other != value => return Computed::of(Err(Missing::SetsDiffer), unit),
            _ => found = Some(value),
        }
    }
    Computed::of(found.ok_or(why), unit)
}

/// The set's own entries, and those by which the season took it over.
fn entries<T: Trail>(view: &SeasonView<'_>, group: &GroupFrame, trail: &mut T) {
    let set = group.set.as_ref().map(|set| Stream::Criteria(set.clone()));
    let of_set = set.as_ref().map_or(&[][..], |stream| view.reg.stream_positions(stream));
    let mut positions: Vec<u64> = of_set.iter().chain(&group.entries).copied().filter(|p| *p < view.cut).collect();
    positions.sort_unstable();
    positions.into_iter().for_each(|p| trail.entry(p, 0));
}

fn read(index: &SetIndex, what: &CriteriaFigure) -> Option<Value> {
    let points = |micro: crate::micro::Micro| Some(Value::Exact(micro.exact()));
    let count = |n: usize| Some(Value::Count(wide(n)));
    match what {
        CriteriaFigure::Plain(name) => match name {
            CriteriaName::MaxPoints => points(index.max()),
            CriteriaName::SelfScoredMaxPoints => points(index.self_scored_max),
            CriteriaName::SurveyMaxPoints => points(index.survey_max),
            CriteriaName::DomainCount => count(index.domains.len()),
            CriteriaName::CriterionCount => count(index.criteria),
            CriteriaName::LeafCount => count(index.leaves.len()),
        },
        CriteriaFigure::Domain(code, NodeName::MaxPoints) => points(index.domains[index.domain_named(code)?].max),
        CriteriaFigure::Leaf(code, NodeName::MaxPoints) => points(index.leaves[index.leaf_named(code)?].max),
    }
}
