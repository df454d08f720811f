//! Exact quotients: every total, index and mean is one of these, and none is rounded before it is shown (invariant 8).
//!
//! A value is a fraction in lowest terms. It is held in 128-bit integers as long as numerator and denominator fit, and in
//! big integers beyond: the mean of a few hundred indices with unlike applicable maxima has a common denominator that
//! outgrows 128 bits (DESIGN §5). Which of the two holds a value is decided by its size alone, so that equal values are
//! equal in memory. Deliberately absent: floats, and a division that could panic.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul, Neg, Sub, SubAssign};
use std::str::FromStr;

use num_bigint::BigInt;
use num_integer::Integer;
use num_rational::BigRational;
use num_traits::{One, Signed as _, ToPrimitive, Zero};
use rust_decimal::Decimal;
use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::scoring::Rounding;
use crate::values::{Percent, Points, Quantity, Signed, ValueError};

/// An exact rational number.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Exact(Held);

/// Lowest terms, denominator above 0; `Big` only where one of the two does not fit `Small`.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Held {
    Small { num: i128, den: i128 },
    Big(Box<BigRational>),
}

/// Greatest common divisor. The 64-bit case is by far the most frequent and several times faster.
fn gcd(a: u128, b: u128) -> u128 {
    if let (Ok(a), Ok(b)) = (u64::try_from(a), u64::try_from(b)) {
        return u128::from(gcd_64(a, b));
    }
    if b == 0 {
        return a;
    }
    // One step of Euclid's brings a large numerator over a small denominator down to 64 bits.
    let r = a % b;
    if let (Ok(b), Ok(r)) = (u64::try_from(b), u64::try_from(r)) {
        return u128::from(gcd_64(b, r));
    }
    b.gcd(&r)
}

fn gcd_64(mut a: u64, mut b: u64) -> u64 {
    if a == 0 || b == 0 {
        return a | b;
    }
    let shift = (a | b).trailing_zeros();
    a >>= a.trailing_zeros();
    while b != 0 {
        b >>= b.trailing_zeros();
        (a, b) = (a.min(b), a.abs_diff(b));
    }
    a << shift
}

impl Exact {
    /// 0.
    pub const ZERO: Self = Self(Held::Small { num: 0, den: 1 });
    /// 1.
    pub const ONE: Self = Self(Held::Small { num: 1, den: 1 });
    /// 100, by which a quotient becomes a percentage.
    pub const HUNDRED: Self = Self(Held::Small { num: 100, den: 1 });

    /// The quotient of two integers; none where the denominator is 0.
    #[must_use]
    pub fn ratio(num: i128, den: i128) -> Option<Self> {
        if den == 0 {
            return None;
        }
        Some(Self::small(num, den).unwrap_or_else(|| Self::of_big(BigRational::new(num.into(), den.into()))))
    }

    /// In lowest terms; none where the sign or the reduction does not fit (only around `i128::MIN`). `den` is not 0.
    fn small(num: i128, den: i128) -> Option<Self> {
        let (num, den) = if den < 0 { (num.checked_neg()?, den.checked_neg()?) } else { (num, den) };
        if den == 1 {
            return Some(Self(Held::Small { num, den }));
        }
        let g = i128::try_from(gcd(num.unsigned_abs(), den.unsigned_abs())).ok()?;
        if g == 1 {
            return Some(Self(Held::Small { num, den }));
        }
        Some(Self(Held::Small { num: num / g, den: den / g }))
    }

    /// Takes a big fraction, held small where it fits.
    fn of_big(value: BigRational) -> Self {
        match (value.numer().to_i128(), value.denom().to_i128()) {
            (Some(num), Some(den)) => Self(Held::Small { num, den }),
            _ => Self(Held::Big(Box::new(value))),
        }
    }

    /// The value as a big fraction in lowest terms, denominator above 0.
    #[must_use]
    pub fn to_big(&self) -> BigRational {
        match &self.0 {
            Held::Small { num, den } => BigRational::new_raw((*num).into(), (*den).into()),
            Held::Big(big) => BigRational::clone(big),
        }
    }

    /// The sum of points. Much faster than adding one by one: points share a denominator until the end.
    #[must_use]
    pub fn sum_points(points: impl IntoIterator<Item = Points>) -> Self {
        const SCALE: u32 = crate::values::DECIMALS_MAX;
        let (mut micros, mut rest) = (0_i128, Self::ZERO);
        for p in points {
            let (mantissa, scale) = (p.get().mantissa(), p.get().scale());
            let next = SCALE
                .checked_sub(scale)
                .and_then(|up| mantissa.checked_mul(10_i128.pow(up)))
                .and_then(|p| micros.checked_add(p));
            match next {
                Some(sum) => micros = sum,
                None => rest += &Self::from(p),
            }
        }
        Self::ratio(micros, 10_i128.pow(SCALE)).expect("a power of ten is not 0") + rest
    }

    /// The mean; none of nothing.
    #[must_use]
    pub fn mean<'a>(values: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        let mut count = 0_u64;
        let sum: Self = values.into_iter().inspect(|_| count += 1).sum();
        sum.checked_div(&Self::from(count))
    }

    /// The quotient; none where the divisor is 0.
    #[must_use]
    pub fn checked_div(&self, by: &Self) -> Option<Self> {
        if by.is_zero() {
            return None;
        }
        if let (Held::Small { num: a, den: b }, Held::Small { num: c, den: d }) = (&self.0, &by.0)
            && let Some(out) = small_mul(*a, *b, *d, *c)
        {
            return Some(out);
        }
        Some(Self::of_big(self.to_big() / by.to_big()))
    }

    /// 100 × self ÷ whole; none where the whole is 0.
    #[must_use]
    pub fn percent_of(&self, whole: &Self) -> Option<Self> {
        (self * &Self::HUNDRED).checked_div(whole)
    }

    /// True for 0.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        matches!(self.0, Held::Small { num: 0, .. })
    }

    /// True below 0.
    #[must_use]
    pub fn is_negative(&self) -> bool {
        match &self.0 {
            Held::Small { num, .. } => *num < 0,
            Held::Big(big) => big.is_negative(),
        }
    }

    /// Without its sign.
    #[must_use]
    pub fn abs(&self) -> Self {
        if self.is_negative() { -self } else { self.clone() }
    }

    /// Rounded to so many decimals; exact from there on.
    #[must_use]
    pub fn round(&self, decimals: u32, rounding: Rounding) -> Self {
        if let Some((q, unit)) = self.scaled_small(decimals, rounding)
            && let Some(rounded) = Self::small(q, unit)
        {
            return rounded;
        }
        let (q, unit) = self.scaled_big(decimals, rounding);
        Self::of_big(BigRational::new(q, unit))
    }

    /// As [`Exact::scaled_big`], where it fits.
    fn scaled_small(&self, decimals: u32, rounding: Rounding) -> Option<(i128, i128)> {
        let Held::Small { num, den } = &self.0 else { return None };
        let unit = 10_i128.checked_pow(decimals)?;
        let scaled = num.checked_mul(unit)?;
        let (q, r) = (scaled / den, scaled % den);
        // |r| < den, so twice |r| against den is |r| against den − |r|, which cannot overflow.
        let half = r.unsigned_abs().cmp(&(den.unsigned_abs() - r.unsigned_abs()));
        let up = away_from_zero(rounding, half, q % 2 != 0, r == 0);
        Some((if up { q.checked_add(num.signum())? } else { q }, unit))
    }

    /// The value × 10^decimals rounded to an integer, and 10^decimals.
    fn scaled_big(&self, decimals: u32, rounding: Rounding) -> (BigInt, BigInt) {
        let value = self.to_big();
        let unit = BigInt::from(10).pow(decimals);
        let (q, r) = (value.numer() * &unit).div_rem(value.denom());
        let doubled: BigInt = r.abs() * 2;
        let half = doubled.cmp(value.denom());
        let q = if away_from_zero(rounding, half, q.is_odd(), r.is_zero()) { q + value.numer().signum() } else { q };
        (q, unit)
    }

    /// Shown with exactly so many decimals after a dot: "89.60", "-0.34", never "-0.00".
    #[must_use]
    pub fn display(&self, decimals: u32, rounding: Rounding) -> String {
        let places = usize::try_from(decimals).unwrap_or(usize::MAX);
        if let Some((q, unit)) = self.scaled_small(decimals, rounding) {
            // Nearly every value fits 64 bits, which are shown several times faster.
            if places > 0
                && let (Ok(q), Ok(unit)) = (u64::try_from(q), u64::try_from(unit))
            {
                return format!("{}.{:0places$}", q / unit, q % unit);
            }
            return point(q < 0, &q.unsigned_abs().to_string(), places);
        }
        let (q, _) = self.scaled_big(decimals, rounding);
        point(q.is_negative(), &q.magnitude().to_string(), places)
    }

    /// The value's decimal form where it has a finite one: no exponent, no trailing zeros, no `-0`.
    #[must_use]
    pub fn decimal_string(&self) -> Option<String> {
        let value = self.to_big();
        let (mut rest, mut twos, mut fives) = (value.denom().clone(), 0_u32, 0_u32);
        if let Some(zeros) = rest.trailing_zeros() {
            twos = u32::try_from(zeros).ok()?;
            rest >>= zeros;
        }
        let five = BigInt::from(5);
        while !rest.is_one() {
            let (q, r) = rest.div_rem(&five);
            if !r.is_zero() {
                return None;
            }
            (rest, fives) = (q, fives + 1);
        }
        let places = twos.max(fives);
        // In lowest terms the scaled numerator ends in no zero, so none has to be cut off.
        let scaled = value.numer() * BigInt::from(2).pow(places - twos) * five.pow(places - fives);
        Some(point(scaled.is_negative(), &scaled.magnitude().to_string(), usize::try_from(places).ok()?))
    }

    /// The one text form that figures digests are computed over: the decimal, or `num/den` in lowest terms.
    #[must_use]
    pub fn to_value_string(&self) -> String {
        self.decimal_string().unwrap_or_else(|| {
            let value = self.to_big();
            format!("{}/{}", value.numer(), value.denom())
        })
    }

    /// The value as a decimal, where it is one of at most 28 digits.
    #[must_use]
    pub fn to_decimal(&self) -> Option<Decimal> {
        Decimal::from_str_exact(&self.decimal_string()?).ok()
    }

    /// The value as points, where it is 0 or more with at most six decimals.
    #[must_use]
    pub fn to_points(&self) -> Option<Points> {
        Points::try_new(self.to_decimal()?).ok()
    }
}

/// Whether the magnitude goes up by one. `half` is the remainder against half a unit.
fn away_from_zero(rounding: Rounding, half: Ordering, odd: bool, exact: bool) -> bool {
    if exact {
        return false;
    }
    match (rounding, half) {
        (Rounding::Truncate, _) | (_, Ordering::Less) => false,
        (Rounding::HalfUp, Ordering::Equal) | (Rounding::HalfUp | Rounding::HalfEven, Ordering::Greater) => true,
        (Rounding::HalfEven, Ordering::Equal) => odd,
    }
}

/// Digits of units of 10^-places, with their dot and sign.
fn point(negative: bool, digits: &str, places: usize) -> String {
    let sign = if negative { "-" } else { "" };
    if places == 0 {
        return format!("{sign}{digits}");
    }
    let padded = format!("{digits:0>width$}", width = places + 1);
    let (whole, part) = padded.split_at(padded.len() - places);
    format!("{sign}{whole}.{part}")
}

fn small_add(a: i128, b: i128, c: i128, d: i128) -> Option<Exact> {
    if b == d {
        return Exact::small(a.checked_add(c)?, b);
    }
    let g = i128::try_from(gcd(b.unsigned_abs(), d.unsigned_abs())).ok()?;
    let (left, right) = (d / g, b / g);
    let num = a.checked_mul(left)?.checked_add(c.checked_mul(right)?)?;
    Exact::small(num, b.checked_mul(left)?)
}

/// a/b × c/d, reduced crosswise first so that the product fits as long as the result does. b and d are not 0.
fn small_mul(a: i128, b: i128, c: i128, d: i128) -> Option<Exact> {
    let left = i128::try_from(gcd(a.unsigned_abs(), d.unsigned_abs())).ok()?;
    let right = i128::try_from(gcd(c.unsigned_abs(), b.unsigned_abs())).ok()?;
    let num = (a / left).checked_mul(c / right)?;
    let den = (b / right).checked_mul(d / left)?;
    if den < 0 {
        return Some(Exact(Held::Small { num: num.checked_neg()?, den: den.checked_neg()? }));
    }
    Some(Exact(Held::Small { num, den }))
}

impl<'a> Add<&'a Exact> for &Exact {
    type Output = Exact;
    fn add(self, other: &'a Exact) -> Exact {
        if let (Held::Small { num: a, den: b }, Held::Small { num: c, den: d }) = (&self.0, &other.0)
            && let Some(sum) = small_add(*a, *b, *c, *d)
        {
            return sum;
        }
        Exact::of_big(self.to_big() + other.to_big())
    }
}

impl<'a> Sub<&'a Exact> for &Exact {
    type Output = Exact;
    fn sub(self, other: &'a Exact) -> Exact {
        self + &-other
    }
}

impl<'a> Mul<&'a Exact> for &Exact {
    type Output = Exact;
    fn mul(self, other: &'a Exact) -> Exact {
        if let (Held::Small { num: a, den: b }, Held::Small { num: c, den: d }) = (&self.0, &other.0)
            && let Some(product) = small_mul(*a, *b, *c, *d)
        {
            return product;
        }
        Exact::of_big(self.to_big() * other.to_big())
    }
}

impl Neg for &Exact {
    type Output = Exact;
    fn neg(self) -> Exact {
        if let Held::Small { num, den } = &self.0
            && let Some(num) = num.checked_neg()
        {
            return Exact(Held::Small { num, den: *den });
        }
        Exact::of_big(-self.to_big())
    }
}

impl Neg for Exact {
    type Output = Self;
    fn neg(self) -> Self {
        -&self
    }
}

macro_rules! by_value {
    ($($op:ident $f:ident),*) => {$(
        impl $op for Exact {
            type Output = Self;
            fn $f(self, other: Self) -> Self {
                (&self).$f(&other)
            }
        }
        impl<'a> $op<&'a Exact> for Exact {
            type Output = Self;
            fn $f(self, other: &'a Exact) -> Self {
                (&self).$f(other)
            }
        }
    )*};
}
by_value!(Add add, Sub sub, Mul mul);

impl AddAssign<&Exact> for Exact {
    fn add_assign(&mut self, other: &Exact) {
        *self = &*self + other;
    }
}

impl SubAssign<&Exact> for Exact {
    fn sub_assign(&mut self, other: &Exact) {
        *self = &*self - other;
    }
}

impl<'a> Sum<&'a Exact> for Exact {
    /// Adds what shares a denominator first, then the rest in 128 bits as far as that goes, and what has outgrown them in
    /// halves, reduced once at the end: with a denominator of thousands of digits, 4,000 reductions would take seconds.
    fn sum<I: Iterator<Item = &'a Exact>>(values: I) -> Self {
        let mut by_den: BTreeMap<i128, i128> = BTreeMap::new();
        let mut outgrown = Vec::new();
        for value in values {
            match &value.0 {
                Held::Small { num, den } => {
                    let sum = by_den.entry(*den).or_default();
                    match sum.checked_add(*num) {
                        Some(more) => *sum = more,
                        None => outgrown.push(value.to_big()),
                    }
                }
                Held::Big(big) => outgrown.push(BigRational::clone(big)),
            }
        }
        let mut small = Self::ZERO;
        for (den, num) in by_den {
            let part = Self::ratio(num, den).expect("a denominator is not 0");
            let both = &small + &part;
            if let Held::Big(_) = both.0 {
                outgrown.push(std::mem::replace(&mut small, part).to_big());
            } else {
                small = both;
            }
        }
        if outgrown.is_empty() {
            return small;
        }
        outgrown.push(small.to_big());
        let (num, den) = unreduced_sum(&outgrown);
        Self::of_big(BigRational::new(num, den))
    }
}

/// Numerator and denominator of a sum, not in lowest terms.
fn unreduced_sum(values: &[BigRational]) -> (BigInt, BigInt) {
    match values {
        [] => (BigInt::zero(), BigInt::one()),
        [one] => (one.numer().clone(), one.denom().clone()),
        _ => {
            let (left, right) = values.split_at(values.len() / 2);
            let ((a, b), (c, d)) = (unreduced_sum(left), unreduced_sum(right));
            (a * &d + c * &b, b * d)
        }
    }
}

impl Sum for Exact {
    fn sum<I: Iterator<Item = Self>>(values: I) -> Self {
        values.collect::<Vec<_>>().iter().sum()
    }
}

impl Ord for Exact {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (Held::Small { num: a, den: b }, Held::Small { num: c, den: d }) => {
                if b == d {
                    return a.cmp(c);
                }
                match (a.checked_mul(*d), c.checked_mul(*b)) {
                    (Some(left), Some(right)) => left.cmp(&right),
                    _ => (BigInt::from(*a) * d).cmp(&(BigInt::from(*c) * b)),
                }
            }
            (Held::Small { num, den }, Held::Big(big)) => (big.denom() * num).cmp(&(big.numer() * den)),
            (Held::Big(big), Held::Small { num, den }) => (big.numer() * den).cmp(&(big.denom() * num)),
            (Held::Big(left), Held::Big(right)) => left.cmp(right),
        }
    }
}

impl PartialOrd for Exact {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Default for Exact {
    fn default() -> Self {
        Self::ZERO
    }
}

macro_rules! from_integer {
    ($($ty:ty),*) => {$(
        impl From<$ty> for Exact {
            fn from(value: $ty) -> Self {
                Self(Held::Small { num: value.into(), den: 1 })
            }
        }
    )*};
}
from_integer!(i32, i64, i128, u16, u32, u64);

impl From<BigInt> for Exact {
    fn from(value: BigInt) -> Self {
        Self::of_big(BigRational::from_integer(value))
    }
}

impl From<usize> for Exact {
    fn from(value: usize) -> Self {
        Self::from(BigInt::from(value))
    }
}

impl From<Decimal> for Exact {
    fn from(value: Decimal) -> Self {
        // A decimal has at most 28 places, and 10^28 fits.
        Self::ratio(value.mantissa(), 10_i128.pow(value.scale())).expect("a power of ten is not 0")
    }
}

macro_rules! from_amount {
    ($($ty:ty),*) => {$(
        impl From<$ty> for Exact {
            fn from(value: $ty) -> Self {
                Self::from(value.get())
            }
        }
    )*};
}
from_amount!(Points, Quantity, Percent, Signed);

impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_value_string())
    }
}

impl fmt::Debug for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// An integer in its one form: digits without leading zeros, `-` only before something else than 0.
fn canonical_integer(text: &str) -> Option<BigInt> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if !plain || (digits.starts_with('0') && text != "0") {
        return None;
    }
    text.parse().ok()
}

/// A decimal in its one form.
fn canonical_decimal(text: &str) -> Option<Exact> {
    let (whole, part) = match text.split_once('.') {
        None => return canonical_integer(text).map(Exact::from),
        Some((whole, part)) => (whole, part),
    };
    let plain = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()) && !part.ends_with('0');
    if !plain || (whole != "-0" && canonical_integer(whole).is_none()) {
        return None;
    }
    let places = u32::try_from(part.len()).ok()?;
    let units: BigInt = format!("{whole}{part}").parse().ok()?;
    Some(Exact::of_big(BigRational::new(units, BigInt::from(10).pow(places))))
}

/// A fraction in its one form: lowest terms, den > 0, and no finite decimal.
fn canonical_fraction(num: &str, den: &str) -> Option<Exact> {
    let (num, den) = (canonical_integer(num)?, canonical_integer(den)?);
    if !den.is_positive() || !num.gcd(&den).is_one() {
        return None;
    }
    let value = Exact::of_big(BigRational::new_raw(num, den));
    if value.decimal_string().is_some() { None } else { Some(value) }
}

fn not_canonical(text: impl fmt::Display) -> ValueError {
    ValueError(format!(
        "{text:.100} is not an exact value: write a decimal without trailing zeros such as 12.5, or a fraction in lowest \
         terms that has no finite decimal such as 1/3"
    ))
}

impl FromStr for Exact {
    type Err = ValueError;

    /// Reads what [`Exact::to_value_string`] writes, and nothing else.
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let read = match text.split_once('/') {
            Some((num, den)) => canonical_fraction(num, den),
            None => canonical_decimal(text),
        };
        read.ok_or_else(|| not_canonical(text))
    }
}

impl Serialize for Exact {
    /// A decimal string, or `{"num":"…","den":"…"}` (DESIGN §5); in formats that are not for people one string.
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        if !s.is_human_readable() {
            return s.serialize_str(&self.to_value_string());
        }
        if let Some(decimal) = self.decimal_string() {
            return s.serialize_str(&decimal);
        }
        let value = self.to_big();
        let mut map = s.serialize_map(Some(2))?;
        map.serialize_entry("den", &value.denom().to_string())?;
        map.serialize_entry("num", &value.numer().to_string())?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Form;

        impl<'de> Visitor<'de> for Form {
            type Value = Exact;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal string or {\"num\":…,\"den\":…}")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Exact, E> {
                canonical_decimal(text).ok_or_else(|| E::custom(not_canonical(text)))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Exact, A::Error> {
                let (mut num, mut den) = (None::<String>, None::<String>);
                while let Some(key) = map.next_key::<String>()? {
                    let slot = match key.as_str() {
                        "num" => &mut num,
                        "den" => &mut den,
                        _ => return Err(de::Error::unknown_field(&key, &["num", "den"])),
                    };
                    if slot.replace(map.next_value()?).is_some() {
                        return Err(de::Error::custom(format!("{key} is given twice")));
                    }
                }
                let num = num.ok_or_else(|| de::Error::missing_field("num"))?;
                let den = den.ok_or_else(|| de::Error::missing_field("den"))?;
                canonical_fraction(&num, &den).ok_or_else(|| de::Error::custom(not_canonical(format!("{num}/{den}"))))
            }
        }

        if d.is_human_readable() {
            return d.deserialize_any(Form);
        }
        String::deserialize(d)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ratio(num: i128, den: i128) -> Exact {
        Exact::ratio(num, den).expect("the denominator is not 0")
    }

    fn big(num: i128, den: i128) -> BigRational {
        BigRational::new(num.into(), den.into())
    }

    #[test]
    fn display_has_fixed_decimals_and_no_negative_zero() {
        let cases = [
            (ratio(896, 10), 2, "89.60"),
            (ratio(-34, 100), 2, "-0.34"),
            (ratio(-1, 1000), 2, "0.00"),
            (ratio(-5, 1000), 2, "-0.01"),
            (ratio(2, 3), 2, "0.67"),
            (ratio(1, 8), 2, "0.13"),
            (ratio(7, 1), 0, "7"),
            (ratio(-1, 2), 0, "-1"),
            (Exact::ZERO, 2, "0.00"),
            (Exact::HUNDRED, 2, "100.00"),
        ];
        for (value, decimals, want) in cases {
            assert_eq!(value.display(decimals, Rounding::HalfUp), want, "{value}");
        }
    }

    #[test]
    fn an_exact_half_rounds_by_the_policy() {
        // The districts' mean of domain 5 in the real case.
        let mean = ratio(12_365, 1000);
        assert_eq!(mean.round(2, Rounding::HalfUp), ratio(1237, 100));
        assert_eq!(mean.round(2, Rounding::HalfEven), ratio(1236, 100));
        assert_eq!(mean.round(2, Rounding::Truncate), ratio(1236, 100));
        assert_eq!(ratio(-1, 8).round(2, Rounding::HalfUp), ratio(-13, 100));
        assert_eq!(ratio(-1, 8).round(2, Rounding::HalfEven), ratio(-12, 100));
        assert_eq!(ratio(-19, 10).round(0, Rounding::Truncate), ratio(-1, 1));
    }

    #[test]
    fn the_value_string_is_a_decimal_or_a_fraction() {
        for (value, want) in [
            (ratio(5, 2), "2.5"),
            (ratio(-1, 4), "-0.25"),
            (ratio(100, 10), "10"),
            (ratio(1, 3), "1/3"),
            (ratio(-2, 6), "-1/3"),
            (ratio(1, 1_000_000), "0.000001"),
            (Exact::ZERO, "0"),
        ] {
            assert_eq!(value.to_value_string(), want);
            assert_eq!(want.parse::<Exact>().unwrap(), value);
        }
    }

    #[test]
    fn only_the_canonical_form_is_read() {
        for text in [
            "", "-", "-0", "0.0", "1.50", "01", "00.5", "+1", "1e3", ".5", "5.", "1,5", "٣", "1/2", "2/6", "1/-3",
            "-1/0", "1/0", "1/1", "0/3", "1//3", "-0.0", "--1", " 1", "NaN", "-/3",
        ] {
            assert!(text.parse::<Exact>().is_err(), "{text}");
        }
        for json in [
            r#"1.5"#,
            r#""1.50""#,
            r#""1/3""#,
            r#"{"num":"1"}"#,
            r#"{"num":"1","den":"2"}"#,
            r#"{"num":"2","den":"6"}"#,
            r#"{"num":"1","den":"-3"}"#,
            r#"{"num":"1","den":"3","x":"1"}"#,
            r#"{"num":"1","num":"1","den":"3"}"#,
            r#"{"num":1,"den":3}"#,
            "null",
        ] {
            assert!(serde_json::from_str::<Exact>(json).is_err(), "{json}");
        }
        assert_eq!(serde_json::to_string(&ratio(-1, 3)).unwrap(), r#"{"den":"3","num":"-1"}"#);
        assert_eq!(serde_json::to_string(&ratio(-5, 10)).unwrap(), r#""-0.5""#);
    }

    #[test]
    fn nothing_is_divided_by_zero() {
        assert_eq!(Exact::ONE.checked_div(&Exact::ZERO), None);
        assert_eq!(Exact::ratio(1, 0), None);
        assert_eq!(Exact::mean([]), None);
    }

    #[test]
    fn the_mean_of_unlike_denominators_outgrows_128_bits_and_stays_exact() {
        let primes =
            [101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167, 173, 179, 181, 191, 193, 197];
        let values: Vec<Exact> = primes.iter().map(|p| ratio(1, *p)).collect();
        let sum: Exact = values.iter().sum();
        assert!(matches!(sum.0, Held::Big(_)));
        let back = values.iter().fold(sum.clone(), |rest, v| rest - v);
        assert_eq!(back, Exact::ZERO, "and falls back below them");
        assert_eq!(sum.to_value_string().parse::<Exact>().unwrap(), sum);
        assert!(sum > values[0]);
        assert!(values[0] < sum);
    }

    #[test]
    fn points_add_up_exactly() {
        let points: Vec<Points> =
            ["0.1", "0.2", "13.999999", "1000000000000"].iter().map(|p| p.parse().unwrap()).collect();
        assert_eq!(Exact::sum_points(points).to_value_string(), "1000000000014.299999");
        assert_eq!(ratio(3, 4).to_points(), "0.75".parse().ok());
        assert_eq!(ratio(1, 3).to_points(), None);
        assert_eq!(ratio(-3, 4).to_points(), None);
    }

    /// Extremes as often as ordinary numbers.
    fn integer() -> impl Strategy<Value = i128> {
        prop_oneof![
            3 => -1_000_000_i128..1_000_000,
            2 => any::<i64>().prop_map(i128::from),
            1 => any::<i128>(),
            1 => prop::sample::select(vec![0, 1, -1, i128::MAX, i128::MIN, i128::MIN + 1]),
        ]
    }

    fn fraction() -> impl Strategy<Value = (i128, i128)> {
        (integer(), integer().prop_filter("not 0", |d| *d != 0))
    }

    proptest! {
        #[test]
        fn both_ways_of_holding_a_value_agree((a, b) in fraction(), (c, d) in fraction()) {
            let (x, y) = (ratio(a, b), ratio(c, d));
            let (p, q) = (big(a, b), big(c, d));
            prop_assert_eq!((&x + &y).to_big(), &p + &q);
            prop_assert_eq!((&x - &y).to_big(), &p - &q);
            prop_assert_eq!((&x * &y).to_big(), &p * &q);
            prop_assert_eq!(x.cmp(&y), p.cmp(&q));
            let far = &x * &y;
            prop_assert_eq!(far.cmp(&x), (&p * &q).cmp(&p));
            prop_assert_eq!(x.cmp(&far), p.cmp(&(&p * &q)));
            prop_assert_eq!(x.checked_div(&y).map(|v| v.to_big()), if q.is_zero() { None } else { Some(&p / &q) });
            prop_assert_eq!((&x + &y) - &y, x);
        }

        #[test]
        fn a_sum_is_the_same_in_any_order(parts in prop::collection::vec(fraction(), 0..20)) {
            let values: Vec<Exact> = parts.iter().map(|(a, b)| ratio(*a, *b)).collect();
            let one_by_one = values.iter().rev().fold(Exact::ZERO, |sum, v| sum + v);
            prop_assert_eq!(values.iter().sum::<Exact>(), one_by_one);
        }

        #[test]
        fn every_value_reads_back_as_itself((a, b) in fraction(), (c, d) in fraction()) {
            let value = &ratio(a, b) * &ratio(c, d);
            prop_assert_eq!(&value.to_value_string().parse::<Exact>().unwrap(), &value);
            let json = serde_json::to_string(&value).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Exact>(&json).unwrap(), &value);
        }

        #[test]
        fn rounding_moves_by_less_than_a_unit_and_display_shows_it(
            (a, b) in fraction(),
            decimals in 0_u32..8,
            mode in prop::sample::select(vec![Rounding::HalfUp, Rounding::HalfEven, Rounding::Truncate]),
        ) {
            let value = ratio(a, b);
            let rounded = value.round(decimals, mode);
            let unit = ratio(1, 10_i128.pow(decimals));
            let off = (&rounded - &value).abs();
            prop_assert!(off < unit);
            if mode == Rounding::Truncate {
                prop_assert!(rounded.abs() <= value.abs());
            } else {
                prop_assert!(&off + &off <= unit);
            }
            let (q, unit) = value.scaled_big(decimals, mode);
            prop_assert_eq!(rounded.to_big(), BigRational::new(q, unit), "both paths round alike");
            let shown = value.display(decimals, mode);
            prop_assert!(!(shown.starts_with('-') && shown.bytes().all(|b| matches!(b, b'-' | b'.' | b'0'))));
            prop_assert_eq!(shown.split_once('.').map_or(0, |(_, p)| p.len()), usize::try_from(decimals).unwrap());
        }
    }
}
