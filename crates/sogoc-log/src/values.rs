//! Numbers and names of the log. Two integers that could be swapped are two types.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::LogError;

/// Largest position or version plus one: both are JSON integers below 2^53 (DESIGN §5).
pub const NUMBER_LIMIT: u64 = 1 << 53;

/// The 0-based dense number of an entry, equal to its Merkle leaf index (invariant 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(pub u64);

/// The number of an entry within its stream. The first is 1; as an expectation, 0 says that the stream does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(pub u64);

impl Position {
    /// The position after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl Version {
    /// The version after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Position {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// Whether `text` is an id: `[a-z0-9-]{1,64}`.
#[must_use]
pub fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

/// Whether `text` names a stream: two to four ids divided by `/`.
pub(crate) fn is_stream(text: &str) -> bool {
    let (mut parts, mut length) = (1, 0);
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' if length < 64 => length += 1,
            b'/' if length > 0 => {
                parts += 1;
                length = 0;
            }
            _ => return false,
        }
    }
    length > 0 && (2..=4).contains(&parts)
}

/// Whether `text` can name a log. The name becomes the origin of checkpoints and the name of their key, so no spaces
/// and no `+`; and it stands in every entry, so nothing that JSON would escape.
#[must_use]
pub fn is_log_name(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'~' | b'/' | b':'))
}

/// Names a stream: two to four ids `[a-z0-9-]{1,64}` divided by `/`, such as `scorecard/hanam-2022/so-noi-vu`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct StreamId(String);

impl StreamId {
    /// Reads a stream's name.
    ///
    /// # Errors
    /// [`LogError::Refused`] when it is not two to four ids divided by `/`.
    pub fn try_new(text: impl Into<String>) -> Result<Self, LogError> {
        let text = text.into();
        if is_stream(&text) {
            return Ok(Self(text));
        }
        Err(LogError::refused(
            format!("stream name {text:?}"),
            "two to four parts of [a-z0-9-]{1,64} divided by /",
            "use the ids of the season and the agency, not their names",
        ))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for StreamId {
    type Err = LogError;

    fn from_str(text: &str) -> Result<Self, LogError> {
        Self::try_new(text)
    }
}

impl AsRef<str> for StreamId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for StreamId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for StreamId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_two_to_four_ids() {
        for good in ["agency/so-noi-vu", "scorecard/hanam-2022/so-noi-vu", "a/b/c/d", &format!("a/{}", "b".repeat(64))]
        {
            assert!(StreamId::try_new(good).is_ok(), "{good}");
        }
        for bad in
            ["", "a", "a/", "/a", "a//b", "a/b/c/d/e", "A/b", "a/é", "a/b ", "a_b/c", &format!("a/{}", "b".repeat(65))]
        {
            assert!(StreamId::try_new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_log_name_can_be_a_checkpoint_origin() {
        assert!(is_log_name("sogoc.example/ha-nam"));
        for bad in ["", "a b", "a+b", "a\"b", "a\\b", "a\nb", "hà-nam"] {
            assert!(!is_log_name(bad), "{bad}");
        }
    }
}
