//! What can go wrong, by what the caller can do about it.

use sogoc_proof::Hash;
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::values::{Position, StreamId, Version};

/// An answer other than the one asked for. Each text gives the values, the limit and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// A stream that the decision rests on has moved (invariant 4): read it again and decide again.
    #[error(
        "stream {stream} is at version {actual}, the decision rests on version {expected}: read it again and decide again"
    )]
    Conflict {
        /// The stream.
        stream: StreamId,
        /// Version that the append expected.
        expected: Version,
        /// Version that it is at.
        actual: Version,
    },
    /// Something under a prefix has moved that had to stand still.
    #[error(
        "stream {stream} has an entry at position {position}, after {since}, and nothing under {prefix} may have moved since: read it again and decide again"
    )]
    Moved {
        /// The prefix that had to stand still.
        prefix: String,
        /// Last position that was seen.
        since: Position,
        /// The stream that moved.
        stream: StreamId,
        /// Where it first moved.
        position: Position,
    },
    /// The command id was used before for another command (invariant 5).
    #[error(
        "command {command} was recorded before with digest {recorded}, this one has {given}: a new command needs a new id"
    )]
    CommandReused {
        /// The id.
        command: Uuid,
        /// Digest of the recorded command, hexadecimal.
        recorded: String,
        /// Digest of this command, hexadecimal.
        given: String,
    },
    /// The append itself is not fit to be recorded. Trying again will not help.
    #[error("{what} is refused: the limit is {limit}; {remedy}")]
    Refused {
        /// The value.
        what: String,
        /// The limit that it breaks.
        limit: String,
        /// What to do instead.
        remedy: String,
    },
    /// A sealed text that was to be erased is not there. Nothing was recorded.
    #[error("sealed text {commitment} cannot be erased: {}; leave it out", gone(*.erased))]
    NothingToErase {
        /// The commitment, hexadecimal.
        commitment: String,
        /// When it was erased before; none when the log never held it.
        erased: Option<Timestamp>,
    },
    /// `received` is too far from the time of recording (invariant 12).
    #[error(
        "the command was received at {received} and the log's time is {now}: it is admitted up to 10 s later and 2 s ahead; send it again"
    )]
    Late {
        /// When the service took it in.
        received: Timestamp,
        /// The time under the lock.
        now: Timestamp,
    },
    /// The log cannot answer now. Whether an append that was sent has been recorded may be unknown: sending it again
    /// with the same command id gives the first receipt if it was.
    #[error("the log is unavailable: {why}; try again in {retry_after_ms} ms with the same command id")]
    Unavailable {
        /// When to try again, in milliseconds.
        retry_after_ms: u64,
        /// What happened.
        why: String,
    },
    /// Stored bytes are not what was recorded.
    #[error("the log is corrupt{}: {what}; stop writing, keep the store as it is and restore from a backup", at(*position))]
    Corrupt {
        /// First position where it shows, where one can be told.
        position: Option<Position>,
        /// What is wrong.
        what: String,
    },
    /// The file or database is something else.
    #[error("{store} is not a register: {what}; {remedy}")]
    NotARegister {
        /// The store.
        store: String,
        /// What was found.
        what: String,
        /// What to do.
        remedy: String,
    },
    /// The store's schema is not the one that this program uses.
    #[error("the store has schema {found}, this program uses {usable}: {}", schema_remedy(*found, *usable))]
    Schema {
        /// Schema found, 0 for none.
        found: u32,
        /// Schema that this program uses.
        usable: u32,
    },
    /// The store has another log than the one asked for.
    #[error("the store holds log {found:?}, not {expected:?}: choose another store or another name")]
    OtherLog {
        /// Name found.
        found: String,
        /// Name asked for.
        expected: String,
    },
    /// A copy's target does not continue the source.
    #[error("the target is not a prefix of the source: {what}; copy into an empty store")]
    NotAPrefix {
        /// How they differ.
        what: String,
    },
    /// The log does not hold what a checkpoint from outside of the store says it held.
    #[error("{}", diverged(*.size, *.checkpoint, .signed, .root.as_ref()))]
    Diverged {
        /// Entries of the log.
        size: u64,
        /// Entries of the checkpoint.
        checkpoint: u64,
        /// Root of the checkpoint.
        signed: Hash,
        /// Root of the log over as many entries; none when it has fewer.
        root: Option<Hash>,
    },
    /// A folder of exported files is not as it should be, or cannot be written to. What was exported before stays.
    #[error("{path}: {what}; {remedy}")]
    Folder {
        /// The file or folder.
        path: String,
        /// What was found.
        what: String,
        /// What to do.
        remedy: String,
    },
    /// The store is set up in a way that would break a promise of the log.
    #[error("the store cannot be used: {what}; {remedy}")]
    Unusable {
        /// The setting, its value and what it should be.
        what: String,
        /// What to do.
        remedy: String,
    },
}

impl LogError {
    /// A [`LogError::Refused`].
    pub(crate) fn refused(what: impl Into<String>, limit: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Refused { what: what.into(), limit: limit.into(), remedy: remedy.into() }
    }

    /// A [`LogError::Corrupt`] at a position.
    pub(crate) fn corrupt(position: impl Into<Option<Position>>, what: impl Into<String>) -> Self {
        Self::Corrupt { position: position.into(), what: what.into() }
    }

    /// A [`LogError::Unavailable`] for a second.
    pub(crate) fn unavailable(why: impl Into<String>) -> Self {
        Self::Unavailable { retry_after_ms: 1_000, why: why.into() }
    }
}

fn at(position: Option<Position>) -> String {
    position.map(|position| format!(" at position {position}")).unwrap_or_default()
}

fn diverged(size: u64, checkpoint: u64, signed: &Hash, root: Option<&Hash>) -> String {
    match root {
        None => format!(
            "the log has {size} entries and a checkpoint from outside of the store was signed over {checkpoint}: entries \
             were lost, or an old copy was restored; stop writing and restore a newer backup, which has them"
        ),
        Some(root) => format!(
            "the first {checkpoint} entries of the log have root {root} and a checkpoint from outside of the store was \
             signed over root {signed}: what was recorded has been rewritten, or this is another history; stop writing, \
             keep the store as it is and find out, then restore a backup that fits the checkpoint"
        ),
    }
}

fn gone(erased: Option<Timestamp>) -> String {
    erased.map_or_else(|| "the log holds no such text".to_owned(), |at| format!("it was erased at {at}"))
}

fn schema_remedy(found: u32, usable: u32) -> &'static str {
    match found.cmp(&usable) {
        _ if found == 0 => "create the log with `sogoc store migrate`",
        std::cmp::Ordering::Less => "run `sogoc store migrate` as the owner of the store",
        std::cmp::Ordering::Equal | std::cmp::Ordering::Greater => "use the newer program that made it",
    }
}
