//! Version 1: the figure policy of the Hà Nam season of 2022 (`figure_policy` in its `season.json`).

use sogoc_domain::exact::Exact;
use sogoc_domain::policy::{Band, ClassBy, Policy, Ties, Unsurveyed};

use super::{Sums, SurveySum};
use crate::micro::Micro;
use crate::season::{SurveyPart, Totals};

/// Sums are exact and partial while parts are missing; what is missing is not zero (invariant 9). Only a recorded
/// decision, and for the unsurveyed the season's policy, takes max points away.
pub(crate) fn sums(totals: &Totals, policy: &Policy) -> Sums {
    let mut missing = totals.missing;
    let counted = totals.max.plus(totals.survey_max);
    let (survey, points, max) = match totals.survey {
        SurveyPart::NoLeaf => (SurveySum::NoLeaf, Micro::ZERO, counted),
        SurveyPart::LeftOut => (SurveySum::NotApplicable, Micro::ZERO, totals.max),
        SurveyPart::InFull => (SurveySum::InFull(totals.survey_max), totals.survey_max, counted),
        SurveyPart::Points(points) => (SurveySum::Points(points), points, counted),
        SurveyPart::NotSurveyed => match policy.unsurveyed {
            Unsurveyed::LeaveOut => (SurveySum::NotSurveyed, Micro::ZERO, totals.max),
            Unsurveyed::Zero => (SurveySum::NotSurveyed, Micro::ZERO, counted),
        },
        SurveyPart::Missing => {
            missing = missing.saturating_add(1);
            (SurveySum::Missing, Micro::ZERO, counted)
        }
    };
    let total = totals.appraised.plus(points).plus(totals.bonus).minus(totals.penalty);
    Sums { appraised: totals.appraised, survey, bonus: totals.bonus, penalty: totals.penalty, total, max, missing }
}

/// 100 × total points ÷ applicable max, exact.
pub(crate) fn index(sums: &Sums) -> Option<Exact> {
    if sums.missing > 0 {
        return None;
    }
    Exact::ratio(i128::from(sums.total.0) * 100, i128::from(sums.max.0))
}

/// By exact indices. Competition: 1, 2, 2, 4; dense: 1, 2, 2, 3.
pub(crate) fn ranks<'a>(sorted: impl Iterator<Item = &'a Exact>, ties: Ties) -> Vec<u32> {
    let mut ranks = Vec::new();
    let (mut before, mut rank, mut place) = (None, 0_u32, 0_u32);
    for index in sorted {
        place += 1;
        if before != Some(index) {
            rank = match ties {
                Ties::Competition => place,
                Ties::Dense => rank + 1,
            };
        }
        ranks.push(rank);
        before = Some(index);
    }
    ranks
}

/// By the rounded or the exact index, as the policy says. An index above the top band (bonus points) is in it.
pub(crate) fn band(bands: &[Band], index: &Exact, policy: &Policy) -> Option<usize> {
    let rounded;
    let index = match policy.class_by {
        ClassBy::RoundedIndex => {
            rounded = index.round(policy.display_decimals, policy.rounding);
            &rounded
        }
        ClassBy::ExactIndex => index,
    };
    let found = bands.iter().position(|band| {
        let (lower, upper) = (Exact::from(band.lower), Exact::from(band.upper));
        (*index > lower || (band.lower_inclusive && *index == lower))
            && (*index < upper || (band.upper_inclusive && *index == upper))
    });
    found.or_else(|| bands.first().filter(|top| *index > Exact::from(top.upper)).map(|_| 0))
}

/// Unweighted, over exact values.
pub(crate) fn mean(values: &[&Exact]) -> Option<Exact> {
    sum(values).checked_div(&Exact::from(values.len()))
}

/// By halves: unlike denominators grow along a sum, and this way most additions are of small ones.
fn sum(values: &[&Exact]) -> Exact {
    match values {
        [] => Exact::ZERO,
        [one] => Exact::clone(one),
        _ => {
            let (left, right) = values.split_at(values.len() / 2);
            sum(left) + sum(right)
        }
    }
}

/// The rounded figure of this year less the figure printed for last year.
pub(crate) fn change(now: &Exact, before: &Exact, policy: &Policy) -> Exact {
    now.round(policy.display_decimals, policy.rounding) - before
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(text: &str) -> Exact {
        text.parse().unwrap()
    }

    #[test]
    fn ties_are_ranked_by_the_policy() {
        let indices: Vec<Exact> = ["95", "90", "90", "90", "80"].map(exact).into();
        assert_eq!(ranks(indices.iter(), Ties::Competition), [1, 2, 2, 2, 5]);
        assert_eq!(ranks(indices.iter(), Ties::Dense), [1, 2, 2, 2, 3]);
    }

    #[test]
    fn a_mean_of_many_is_the_mean() {
        let values: Vec<Exact> = (1..200).map(|n| Exact::ratio(n, 60 + n % 7).unwrap()).collect();
        let refs: Vec<_> = values.iter().collect();
        assert_eq!(mean(&refs), Exact::mean(values.iter()));
        assert_eq!(mean(&[]), None);
    }
}
