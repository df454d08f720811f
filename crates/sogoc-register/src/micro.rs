//! Points as integers: millionths, which hold every value that [`Points`] admits exactly.

use sogoc_domain::exact::Exact;
use sogoc_domain::values::{DECIMALS_MAX, Points};

use crate::codec::{Code, Damaged, Reader};

/// Millionths of a point; a leaf's or an agency's. 10^12 points, the most a set may hold, are 10^18 of them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) struct Micro(pub(crate) i64);

impl Micro {
    pub(crate) const ZERO: Self = Self(0);
    const UNIT: i128 = 10_i128.pow(DECIMALS_MAX);

    pub(crate) fn of(points: Points) -> Self {
        let (mantissa, scale) = (points.get().mantissa(), points.get().scale());
        let up = 10_i128.pow(DECIMALS_MAX.saturating_sub(scale));
        Self(i64::try_from(mantissa.saturating_mul(up)).expect("points are at most 10^12 with at most six decimals"))
    }

    pub(crate) fn exact(self) -> Exact {
        Exact::ratio(i128::from(self.0), Self::UNIT).expect("the unit is not 0")
    }

    /// The sum. The leaves of a set hold at most 10^12 points together, and bonus lines at most nine times that before
    /// this saturates; no real line comes near.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    pub(crate) fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// The exact sum as a figure.
    pub(crate) fn sum(parts: impl IntoIterator<Item = Self>) -> Exact {
        let sum = parts.into_iter().map(|p| i128::from(p.0)).sum();
        Exact::ratio(sum, Self::UNIT).expect("the unit is not 0")
    }
}

impl Code for Micro {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        i64::read(from).map(Self)
    }
}

/// Points or none, in eight bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct MaybeMicro(i64);

impl MaybeMicro {
    pub(crate) const NONE: Self = Self(i64::MIN);

    pub(crate) fn of(points: Option<Points>) -> Self {
        points.map_or(Self::NONE, |p| Self(Micro::of(p).0))
    }

    pub(crate) fn get(self) -> Option<Micro> {
        if self.0 == i64::MIN { None } else { Some(Micro(self.0)) }
    }
}

impl Default for MaybeMicro {
    fn default() -> Self {
        Self::NONE
    }
}

impl Code for MaybeMicro {
    fn write(&self, out: &mut Vec<u8>) {
        self.get().write(out);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        Ok(Option::<Micro>::read(from)?.map_or(Self::NONE, |m| Self(m.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_is_held_exactly() {
        for text in ["0", "0.000001", "0.75", "14", "1000000000000"] {
            let points: Points = text.parse().unwrap();
            assert_eq!(Micro::of(points).exact(), Exact::from(points), "{text}");
            assert_eq!(MaybeMicro::of(Some(points)).get(), Some(Micro::of(points)));
        }
        assert_eq!(MaybeMicro::of(None).get(), None);
    }
}
