//! The message of an entry.

use async_nats::header::{HeaderMap, NATS_EXPECTED_LAST_SEQUENCE, NATS_EXPECTED_STREAM, NATS_MESSAGE_ID};
use bytes::Bytes;
use sogoc_log::{Entry, EntryError, StoredEntry};
use sogoc_proof::leaf_hash;

/// Name of the log that an entry stands in.
pub(crate) const LOG: &str = "Sogoc-Log";
/// Its position there.
pub(crate) const POSITION: &str = "Sogoc-Position";
/// SHA-256 of its Merkle leaf, hexadecimal.
pub(crate) const LEAF_HASH: &str = "Sogoc-Leaf-Hash";
/// W3C trace context.
const TRACEPARENT: &str = "traceparent";

/// What is published for an entry.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) position: u64,
    pub(crate) subject: String,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Bytes,
}

impl Message {
    /// # Errors
    /// When the text is no entry.
    pub(crate) fn of(stored: StoredEntry, tenant: &str, stream: &str) -> Result<Self, EntryError> {
        let position = stored.position.0;
        let leaf = leaf_hash(stored.bytes.as_bytes()).to_string();
        let entry = stored.parse()?;
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, format!("{}/{position}", entry.log).as_str());
        headers.insert(NATS_EXPECTED_STREAM, stream);
        // The sequence of the position before: the server takes this one only right after it.
        headers.insert(NATS_EXPECTED_LAST_SEQUENCE, position.to_string().as_str());
        headers.insert(LOG, entry.log);
        headers.insert(POSITION, position.to_string().as_str());
        headers.insert(LEAF_HASH, leaf.as_str());
        if let Some(parent) = entry.correlation.as_deref().and_then(|correlation| trace_parent(correlation, &leaf)) {
            headers.insert(TRACEPARENT, parent.as_str());
        }
        let subject = subject(tenant, &entry);
        Ok(Self { position, subject, headers, payload: Bytes::from(stored.bytes) })
    }

    /// What it takes of the window, in bytes.
    pub(crate) fn len(&self) -> usize {
        self.payload.len() + self.subject.len() + 512
    }
}

/// `sogoc.ha-nam.scorecard.score-adjusted`.
fn subject(tenant: &str, entry: &Entry<'_>) -> String {
    let kind_of_stream = entry.stream.split_once('/').map_or(entry.stream, |(kind, _)| kind);
    format!("sogoc.{tenant}.{}.{}", token(kind_of_stream), token(entry.kind))
}

/// A part of a subject: what would be a wildcard or a separator is not let through.
fn token(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' }).collect()
}

/// The trace context of an entry whose correlation is a trace id: 32 hexadecimal digits, not all zero. The parent is named
/// by the leaf's hash, so that the same entry gives the same header.
fn trace_parent(correlation: &str, leaf: &str) -> Option<String> {
    let is_trace = correlation.len() == 32
        && correlation.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        && correlation.bytes().any(|b| b != b'0');
    let parent = leaf.get(..16).filter(|parent| parent.bytes().any(|b| b != b'0'))?;
    is_trace.then(|| format!("00-{correlation}-{parent}-01"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_goes_along_where_the_correlation_is_one() {
        let leaf = "00f067aa0ba902b7aa";
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let parent = format!("00-{trace}-00f067aa0ba902b7-01");
        assert_eq!(trace_parent(trace, leaf), Some(parent));
        for none in ["", "4bf92f35", "4BF92F3577B34DA6A3CE929D0E0E4736", &"0".repeat(32), &"g".repeat(32)] {
            assert_eq!(trace_parent(none, leaf), None, "{none}");
        }
    }

    #[test]
    fn no_name_becomes_a_wildcard_or_another_level() {
        assert_eq!(token("score-adjusted"), "score-adjusted");
        assert_eq!(token("a.b*c>d e"), "a_b_c_d_e");
    }
}
