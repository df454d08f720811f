//! Time comes in through one clock (invariant 12).

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::error::LogError;

/// Length of the written form: `2026-11-23T02:00:00.000000Z`.
const LENGTH: usize = 27;
const DAY_US: i64 = 86_400_000_000;

/// An instant in UTC, in whole microseconds, in the years 0000 to 9999. Written `2026-11-23T02:00:00.000000Z`, always
/// with six fractional digits and `Z`, so that text order is time order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 1970-01-01T00:00:00.000000Z.
    pub const UNIX_EPOCH: Self = Self(0);
    /// The earliest instant that has a written form.
    pub const MIN: Self = Self(-62_167_219_200_000_000);
    /// The latest instant that has a written form.
    pub const MAX: Self = Self(253_402_300_799_999_999);

    /// The instant this many microseconds after 1970-01-01T00:00:00Z, none outside the years 0000 to 9999.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Option<Self> {
        if micros < Self::MIN.0 || micros > Self::MAX.0 { None } else { Some(Self(micros)) }
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Microseconds from `earlier` to here, negative when `earlier` is later.
    #[must_use]
    pub const fn micros_since(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }

    /// This instant moved by so many microseconds, held within the years 0000 to 9999.
    #[must_use]
    pub fn saturating_add_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros)).clamp(Self::MIN, Self::MAX)
    }

    /// Reads exactly the written form of this type, nothing else (RFC 3339 has many spellings of one instant, an entry
    /// has one).
    ///
    /// # Errors
    /// [`LogError::Refused`] for any other text.
    pub fn parse(text: &str) -> Result<Self, LogError> {
        parse_exact(text.as_bytes()).ok_or_else(|| {
            LogError::refused(
                format!("time {text:?}"),
                "YYYY-MM-DDThh:mm:ss.ffffffZ",
                "write it in UTC with six fractional digits and Z",
            )
        })
    }

    /// Reads any RFC 3339 time with its offset. What is finer than a microsecond is cut off: entries are stamped in
    /// whole microseconds, so "as of" the cut instant and "as of" the given one see the same entries.
    ///
    /// # Errors
    /// [`LogError::Refused`] for any other text, and outside the years 0000 to 9999.
    pub fn parse_rfc3339(text: &str) -> Result<Self, LogError> {
        OffsetDateTime::parse(text, &Rfc3339)
            .ok()
            .and_then(|instant| i64::try_from(instant.unix_timestamp_nanos().div_euclid(1_000)).ok())
            .and_then(Self::from_micros)
            .ok_or_else(|| {
                LogError::refused(
                    format!("time {text:?}"),
                    "RFC 3339 with an offset, years 0000 to 9999",
                    "write it like 2022-11-30T17:00:00+07:00 or 2022-11-30T10:00:00Z",
                )
            })
    }

    /// Appends the written form.
    pub(crate) fn write(self, out: &mut String) {
        let (year, month, day) = civil(self.0.div_euclid(DAY_US));
        let micros = self.0.rem_euclid(DAY_US);
        let mut buffer = *b"0000-00-00T00:00:00.000000Z";
        let mut put = |range: std::ops::Range<usize>, mut value: i64| {
            for digit in buffer[range].iter_mut().rev() {
                *digit = b'0' + (value % 10) as u8;
                value /= 10;
            }
        };
        put(0..4, year);
        put(5..7, month);
        put(8..10, day);
        put(11..13, micros / 3_600_000_000);
        put(14..16, micros / 60_000_000 % 60);
        put(17..19, micros / 1_000_000 % 60);
        put(20..26, micros % 1_000_000);
        out.push_str(std::str::from_utf8(&buffer).expect("digits and ASCII marks"));
    }
}

/// Days since 1970-01-01 to year, month, day in the proleptic Gregorian calendar
/// (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`).
fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + i64::from(month <= 2), month, day)
}

/// The inverse of [`civil`] (`days_from_civil` of the same source).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let yoe = year.rem_euclid(400);
    let mp = if month > 2 { month - 3 } else { month + 9 };
    let doy = (153 * mp + 2) / 5 + day - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    era * 146_097 + doe - 719_468
}

/// Reads exactly the written form.
pub(crate) fn parse_exact(text: &[u8]) -> Option<Timestamp> {
    let text: &[u8; LENGTH] = text.try_into().ok()?;
    for (at, mark) in [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'.'), (26, b'Z')] {
        if text[at] != mark {
            return None;
        }
    }
    let mut wrong = false;
    let mut number = |from: usize, digits: usize| {
        text[from..from + digits].iter().fold(0_i64, |value, digit| {
            let digit = digit.wrapping_sub(b'0');
            wrong |= digit > 9;
            value * 10 + i64::from(digit)
        })
    };
    let (year, month, day) = (number(0, 4), number(5, 2), number(8, 2));
    let (hour, minute, second, micros) = (number(11, 2), number(14, 2), number(17, 2), number(20, 6));
    if wrong || !(1..=12).contains(&month) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let month_days = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if !(1..=month_days).contains(&day) {
        return None;
    }
    let seconds = (hour * 60 + minute) * 60 + second;
    Some(Timestamp(days(year, month, day) * DAY_US + seconds * 1_000_000 + micros))
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(LENGTH);
        self.write(&mut text);
        f.write_str(&text)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = LogError;

    fn from_str(text: &str) -> Result<Self, LogError> {
        Self::parse(text)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// Where the process takes the time from.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

/// The operating system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "this is the one clock")]
        let now = std::time::SystemTime::now();
        let micros = match now.duration_since(std::time::UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
            Err(before) => -i64::try_from(before.duration().as_micros()).unwrap_or(i64::MAX),
        };
        Timestamp(micros).clamp(Timestamp::MIN, Timestamp::MAX)
    }
}

/// A clock that moves only when told to, for tests and for imports that must come out the same twice.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock standing at `now`.
    #[must_use]
    pub const fn new(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.0))
    }

    /// Sets the clock, also backwards.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.0, Ordering::SeqCst);
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.set(self.now().saturating_add_micros(by));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_time_has_one_written_form() {
        let time = Timestamp::parse("2026-11-23T02:00:00.000000Z").expect("exact");
        assert_eq!(time.to_string(), "2026-11-23T02:00:00.000000Z");
        for other in [
            "2026-11-23T09:00:00+07:00",
            "2026-11-23T02:00:00Z",
            "2026-11-23T02:00:00.0000001Z",
            "2026-11-23t02:00:00z",
            "2026-11-22T21:00:00.000000999-05:00",
        ] {
            assert_eq!(Timestamp::parse_rfc3339(other).expect(other), time, "{other}");
            assert!(Timestamp::parse(other).is_err(), "{other}");
        }
        assert_eq!(Timestamp::MIN.to_string(), "0000-01-01T00:00:00.000000Z");
        assert_eq!(Timestamp::MAX.to_string(), "9999-12-31T23:59:59.999999Z");
    }

    #[test]
    fn a_day_or_second_that_does_not_exist_is_refused() {
        for text in [
            "2022-02-29T00:00:00.000000Z",
            "2022-13-01T00:00:00.000000Z",
            "2022-00-01T00:00:00.000000Z",
            "2022-01-00T00:00:00.000000Z",
            "2022-01-01T24:00:00.000000Z",
            "2022-01-01T00:60:00.000000Z",
            "2022-01-01T00:00:60.000000Z",
            "2022-01-01T00:00:00.00000aZ",
            "",
            "2022-01-01T00:00:00.000000+",
        ] {
            assert!(Timestamp::parse(text).is_err(), "{text}");
            if text.ends_with('Z') && !text.contains(":60.") {
                assert!(Timestamp::parse_rfc3339(text).is_err(), "{text}");
            }
        }
        assert!(Timestamp::parse("2000-02-29T00:00:00.000000Z").is_ok());
        assert!(Timestamp::parse("1900-02-29T00:00:00.000000Z").is_err());
    }

    proptest! {
        #[test]
        fn writing_and_reading_agree_with_the_time_crate(micros in Timestamp::MIN.0..=Timestamp::MAX.0) {
            let time = Timestamp::from_micros(micros).expect("in range");
            let text = time.to_string();
            prop_assert_eq!(Timestamp::parse(&text).expect("own form"), time);
            prop_assert_eq!(Timestamp::parse_rfc3339(&text).expect("own form"), time);
        }
    }
}
