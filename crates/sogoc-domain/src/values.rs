//! Values that carry their own bounds: ids, points, counts, instants, texts and digests.
//!
//! A value that exists is valid; what cannot be read is refused where it is read, with the value, the limit and the
//! remedy. Exact quotients live in [`crate::exact`].

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use unicode_normalization::{UnicodeNormalization, is_nfc};

/// A value that could not be read. The text names the value, the limit and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ValueError(pub String);

/// Longest value that an error repeats, in characters: a hostile input is not echoed whole.
fn shown(value: &str) -> String {
    const LIMIT: usize = 60;
    if value.chars().count() <= LIMIT {
        return value.to_owned();
    }
    let head: String = value.chars().take(LIMIT).collect();
    format!("{head}… ({} characters)", value.chars().count())
}

fn check_id(what: &str, value: &str) -> Result<(), ValueError> {
    let ok = (1..=64).contains(&value.len())
        && value.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if ok {
        return Ok(());
    }
    Err(ValueError(format!(
        "{what} \"{}\" is not an id: use 1 to 64 of the characters a-z, 0-9 and - (no accents, no spaces)",
        shown(value)
    )))
}

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Reads an id: `[a-z0-9-]{1,64}` (DESIGN §5).
            ///
            /// # Errors
            /// When the text is not of that form.
            pub fn try_new(value: &str) -> Result<Self, ValueError> {
                check_id($what, value)?;
                Ok(Self(Arc::from(value)))
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }

        impl FromStr for $name {
            type Err = ValueError;
            fn from_str(s: &str) -> Result<Self, ValueError> {
                Self::try_new(s)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<str>::deserialize(d)?;
                Self::try_new(&text).map_err(de::Error::custom)
            }
        }

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "pattern": "^[a-z0-9-]{1,64}$", "description": $what })
            }
        }
    };
}

id_type!(
    /// An agency or a body that takes part; outlives its names.
    AgencyId, "agency"
);
id_type!(
    /// An account: a function at an agency, opaque, never a person's name.
    AccountId, "account"
);
id_type!(
    /// A decision, plan, minutes or letter that an act rests on.
    InstrumentId, "instrument"
);
id_type!(
    /// A criteria set (bộ tiêu chí).
    SetId, "criteria set"
);
id_type!(
    /// A season (đợt đánh giá).
    SeasonId, "season"
);
id_type!(
    /// A ranking group (khối): who is ranked against whom.
    GroupId, "ranking group"
);
id_type!(
    /// A node of a criteria tree. Stable over versions of the set; its code ("3.1.2") is a label of a version.
    NodeId, "criterion"
);
id_type!(
    /// A phase of a season.
    PhaseId, "phase"
);
id_type!(
    /// A case: an explanation request, an appeal, a council session or a resolution.
    CaseId, "case"
);
id_type!(
    /// A bonus or penalty line, which stands outside the tree.
    LineId, "line"
);

/// A leaf's id: the node of the tree that is scored.
pub type LeafId = NodeId;

/// Most decimals that an amount may carry.
pub const DECIMALS_MAX: u32 = 6;
/// Largest amount, inclusive: a count of dossiers in a country's year stays below it.
pub const AMOUNT_MAX: i64 = 1_000_000_000_000;

/// Reads a decimal without exponent, sign `+`, NaN or more than [`DECIMALS_MAX`] decimals, −10¹² to 10¹².
///
/// # Errors
/// When the text is no such number; the text says which limit it broke.
pub fn parse_amount(text: &str) -> Result<Decimal, ValueError> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if !plain(whole) || !plain(part) {
        return Err(ValueError(format!(
            "\"{}\" is not a number: write digits with a dot before the decimals, such as 0.75",
            shown(text)
        )));
    }
    if whole.len() > 13 || part.trim_end_matches('0').len() > DECIMALS_MAX as usize || part.len() > 28 {
        return Err(ValueError(format!(
            "{} is out of range: at most {DECIMALS_MAX} decimals and at most {AMOUNT_MAX} in size",
            shown(text)
        )));
    }
    let trimmed = if digits.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
    let value = Decimal::from_str(trimmed).map_err(|_| ValueError(format!("\"{}\" is not a number", shown(text))))?;
    if value.abs() > Decimal::from(AMOUNT_MAX) {
        return Err(ValueError(format!("{} is out of range: at most {AMOUNT_MAX} in size", shown(text))));
    }
    Ok(normal(value))
}

/// Without trailing zeros and without `-0`: the one form in which an entry holds a decimal (DESIGN §5).
fn normal(value: Decimal) -> Decimal {
    let value = value.normalize();
    if value.is_zero() { Decimal::ZERO } else { value }
}

macro_rules! amount_type {
    ($(#[$doc:meta])* $name:ident, $what:literal, $pattern:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(Decimal);

        impl $name {
            /// Zero.
            pub const ZERO: Self = Self(Decimal::ZERO);

            /// Takes a decimal within the type's bounds.
            ///
            /// # Errors
            /// When it has too many decimals or lies outside the bounds.
            pub fn try_new(value: Decimal) -> Result<Self, ValueError> {
                let value = normal(value);
                let check: fn(Decimal) -> Result<(), ValueError> = $check;
                if value.scale() > DECIMALS_MAX || value.abs() > Decimal::from(AMOUNT_MAX) {
                    return Err(ValueError(format!(
                        "{value} is out of range for {}: at most {DECIMALS_MAX} decimals and {AMOUNT_MAX} in size", $what
                    )));
                }
                check(value)?;
                Ok(Self(value))
            }

            /// The exact decimal.
            #[must_use]
            pub fn get(self) -> Decimal {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }

        impl FromStr for $name {
            type Err = ValueError;
            fn from_str(s: &str) -> Result<Self, ValueError> {
                Self::try_new(parse_amount(s)?)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<str>::deserialize(d)?;
                text.parse().map_err(de::Error::custom)
            }
        }

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "pattern": $pattern, "description": $what })
            }
        }
    };
}

fn not_negative(value: Decimal) -> Result<(), ValueError> {
    if value.is_sign_negative() {
        return Err(ValueError(format!("{value} is negative: give 0 or more")));
    }
    Ok(())
}

amount_type!(
    /// Points of a leaf, an agency or a maximum; 0 or more, at most 6 decimals, exact.
    Points, "points, as a decimal string such as \"0.75\"", "^[0-9]{1,13}(\\.[0-9]{1,28})?$", not_negative
);
amount_type!(
    /// What is counted or measured in a declared input; 0 or more.
    Quantity, "a count or measured amount, as a decimal string", "^[0-9]{1,13}(\\.[0-9]{1,28})?$", not_negative
);
amount_type!(
    /// A percentage or a bound of one; 0 or more, not limited to 100 (a target may be exceeded).
    Percent, "a percentage, as a decimal string", "^[0-9]{1,13}(\\.[0-9]{1,28})?$", not_negative
);
amount_type!(
    /// A signed decimal: a reference figure, a change.
    Signed, "a signed decimal string", "^-?[0-9]{1,13}(\\.[0-9]{1,28})?$", |_| Ok(())
);

impl Points {
    /// The sum, exact.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(normal(self.0 + other.0))
    }

    /// The difference, never below 0.
    #[must_use]
    pub fn minus_or_zero(self, other: Self) -> Self {
        if other.0 >= self.0 { Self::ZERO } else { Self(normal(self.0 - other.0)) }
    }
}

/// An instant in UTC with microseconds, written `2026-11-23T02:00:00.000000Z` (DESIGN §5).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From microseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn micros(self) -> i64 {
        self.0
    }

    /// Reads RFC 3339 with any offset, to the microsecond.
    ///
    /// # Errors
    /// When the text is not RFC 3339 or finer than a microsecond.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let bad = || {
            ValueError(format!(
                "\"{}\" is not a time: write RFC 3339 with an offset, such as 2022-11-14T08:00:00+07:00",
                shown(text)
            ))
        };
        let read = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| bad())?;
        let nanos = read.unix_timestamp_nanos();
        if nanos % 1000 != 0 {
            return Err(bad());
        }
        i64::try_from(nanos / 1000).map(Self).map_err(|_| bad())
    }

    /// This instant later by so many microseconds.
    #[must_use]
    pub fn plus_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ok(t) = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1000) else {
            return write!(f, "{}us", self.0);
        };
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z",
            t.year(),
            u8::from(t.month()),
            t.day(),
            t.hour(),
            t.minute(),
            t.second(),
            t.microsecond()
        )
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(d)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

/// Text in Unicode NFC without control characters but line breaks and tabs. Its length is judged when deciding.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Text(String);

impl Text {
    /// Takes a text: normalises to NFC and trims white space at both ends.
    ///
    /// # Errors
    /// When it holds a control character other than line break or tab.
    pub fn try_new(value: &str) -> Result<Self, ValueError> {
        if let Some(c) = value.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
            return Err(ValueError(format!("the text holds the control character U+{:04X}: remove it", u32::from(c))));
        }
        let trimmed = value.trim();
        // Nearly all are: looking is several times cheaper than normalising.
        Ok(Self(if is_nfc(trimmed) { trimmed.to_owned() } else { trimmed.nfc().collect() }))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True where nothing is written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(d)?;
        Self::try_new(&text).map_err(de::Error::custom)
    }
}

/// 32 bytes as 64 lower-case hexadecimal digits: a file's SHA-256, or a sealed text's commitment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 64];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for Digest {
    type Err = ValueError;
    fn from_str(s: &str) -> Result<Self, ValueError> {
        let bad = || ValueError(format!("\"{}\" is not a SHA-256: give 64 digits 0-9 a-f", shown(s)));
        if s.len() != 64 || !s.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(bad());
        }
        let mut out = [0; 32];
        for (i, byte) in out.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&s[2 * i..2 * i + 2], 16).map_err(|_| bad())?;
        }
        Ok(Self(out))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(d)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// SHA-256(salt ‖ text): what an entry holds of a text that may name a person (invariant 11).
pub type Sealed = Digest;

/// Turns a text into its commitment and keeps salt and text aside, to be stored in the same append.
///
/// The domain draws no randomness: who calls it brings the salts.
pub trait Sealer: Send + Sync {
    /// The commitment of this text under a fresh salt.
    fn seal(&self, text: &Text) -> Sealed;
}

#[cfg(feature = "schema")]
mod schema {
    use super::{Digest, Text, Timestamp};
    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
    use std::borrow::Cow;

    impl JsonSchema for Timestamp {
        fn schema_name() -> Cow<'static, str> {
            "Timestamp".into()
        }
        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({ "type": "string", "format": "date-time", "description": "RFC 3339 with an offset" })
        }
    }
    impl JsonSchema for Text {
        fn schema_name() -> Cow<'static, str> {
            "Text".into()
        }
        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({ "type": "string", "description": "text; normalised to NFC" })
        }
    }
    impl JsonSchema for Digest {
        fn schema_name() -> Cow<'static, str> {
            "Digest".into()
        }
        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({ "type": "string", "pattern": "^[0-9a-f]{64}$", "description": "SHA-256" })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_normal_and_bounded() {
        for (text, want) in [("0.50", "0.5"), ("-0.00", "0"), ("14", "14"), ("0.7500000000", "0.75")] {
            assert_eq!(parse_amount(text).unwrap().to_string(), want, "{text}");
        }
        for text in ["", "NaN", "1e3", "+1", "1,5", ".5", "5.", "0.1234567", "123456789012345678901234567890", "١"] {
            assert!(parse_amount(text).is_err(), "{text}");
        }
        assert!("-1".parse::<Points>().is_err());
    }

    #[test]
    fn instants_print_six_digits_and_read_any_offset() {
        let t = Timestamp::parse("2022-11-14T08:00:00+07:00").unwrap();
        assert_eq!(t.to_string(), "2022-11-14T01:00:00.000000Z");
        assert!(Timestamp::parse("2022-11-14").is_err());
    }

    #[test]
    fn ids_are_plain() {
        assert!(AgencyId::try_new("so-noi-vu").is_ok());
        for bad in ["", "Sở", "a b", &"a".repeat(65), "A"] {
            assert!(AgencyId::try_new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn texts_are_nfc() {
        assert_eq!(Text::try_new(" Ho\u{0300}a ").unwrap().as_str(), "Hòa");
        assert!(Text::try_new("a\u{0}b").is_err());
    }
}
