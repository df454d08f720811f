//! Whether a message is what it says, and what is due.

use async_nats::HeaderMap;
use sogoc_log::{Entry, Hash};
use sogoc_proof::leaf_hash;

use crate::relay::message::{LEAF_HASH, LOG, POSITION};

/// An entry as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) log: String,
    pub(crate) position: u64,
    pub(crate) leaf: Hash,
    pub(crate) text: String,
}

impl Received {
    /// Reads a message and holds its headers to its bytes.
    ///
    /// # Errors
    /// A text that says what does not fit.
    pub(crate) fn read(payload: &[u8], headers: Option<&HeaderMap>) -> Result<Self, String> {
        let text = std::str::from_utf8(payload).map_err(|error| format!("it is no text: {error}"))?;
        let entry = Entry::parse(text).map_err(|error| format!("it is no entry: {error}"))?;
        let header = |name: &str| headers.and_then(|headers| headers.get(name)).map(|value| value.as_str());
        let leaf = leaf_hash(payload);
        let (position, hash) = (entry.position.to_string(), leaf.to_string());
        for (name, inside) in [(LOG, entry.log), (POSITION, position.as_str()), (LEAF_HASH, hash.as_str())] {
            match header(name) {
                Some(outside) if outside == inside => {}
                Some(outside) => return Err(format!("header {name} says {outside:?}, the entry {inside:?}")),
                None => return Err(format!("it has no header {name}")),
            }
        }
        Ok(Self { log: entry.log.to_owned(), position: entry.position.0, leaf, text: text.to_owned() })
    }
}
