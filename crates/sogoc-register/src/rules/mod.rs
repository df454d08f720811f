//! The rules by which figures follow from what was recorded.
//!
//! A season pins a version when it is activated, and old versions stay here for ever: the same prefix of the log gives
//! the same figure, byte for byte, on any machine and store (invariant 8). A change of any rule is a new module.

pub(crate) mod v1;

use std::cmp::Ordering;

use sogoc_domain::exact::Exact;
use sogoc_domain::policy::{Band, Policy, Ties};

use crate::micro::Micro;
use crate::season::Totals;

/// A version of the rules.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Rules {
    V1,
}

/// An agency's sums under a season's policy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Sums {
    pub(crate) appraised: Micro,
    pub(crate) survey: SurveySum,
    pub(crate) bonus: Micro,
    pub(crate) penalty: Micro,
    /// Appraised, survey and bonus points less penalty points.
    pub(crate) total: Micro,
    pub(crate) max: Micro,
    /// How many parts (leaves, the survey, a transcribed row) have no points yet.
    pub(crate) missing: u32,
}

/// What the survey adds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SurveySum {
    Points(Micro),
    /// Its leaf does not apply and is awarded in full.
    InFull(Micro),
    /// The criteria set has no survey.
    NoLeaf,
    NotApplicable,
    NotSurveyed,
    /// Not accepted yet.
    Missing,
}

impl Rules {
    /// The version a season is pinned to; one that is not pinned yet shows what it would be.
    pub(crate) fn of(version: Option<u32>) -> Option<Self> {
        match version {
            None | Some(1) => Some(Self::V1),
            Some(_) => None,
        }
    }

    pub(crate) fn sums(self, totals: &Totals, policy: &Policy) -> Sums {
        match self {
            Self::V1 => v1::sums(totals, policy),
        }
    }

    /// The index in percent; none while a part is missing or nothing applies.
    pub(crate) fn index(self, sums: &Sums) -> Option<Exact> {
        match self {
            Self::V1 => v1::index(sums),
        }
    }

    /// The order of ranking: the better index first.
    pub(crate) fn order(self, a: &Exact, b: &Exact) -> Ordering {
        match self {
            Self::V1 => b.cmp(a),
        }
    }

    /// Ranks of indices that stand in the order of ranking.
    pub(crate) fn ranks<'a>(self, sorted: impl Iterator<Item = &'a Exact>, ties: Ties) -> Vec<u32> {
        match self {
            Self::V1 => v1::ranks(sorted, ties),
        }
    }

    /// The number of the band that an index falls in.
    pub(crate) fn band(self, bands: &[Band], index: &Exact, policy: &Policy) -> Option<usize> {
        match self {
            Self::V1 => v1::band(bands, index, policy),
        }
    }

    /// The mean of exact values, unweighted.
    pub(crate) fn mean(self, values: &[&Exact]) -> Option<Exact> {
        match self {
            Self::V1 => v1::mean(values),
        }
    }

    /// The change of a figure: this year's rounded as displayed, less last year's as printed.
    pub(crate) fn change(self, now: &Exact, before: &Exact, policy: &Policy) -> Exact {
        match self {
            Self::V1 => v1::change(now, before, policy),
        }
    }
}
