//! The append-only log: entry bytes, sequencer, SQLite and PostgreSQL (DESIGN §5).
//!
//! Everything that the register knows stands here, in entries with dense positions, each the leaf of a Merkle tree. A
//! caller decides elsewhere, on what it has read, and brings an [`Append`] with the versions that the decision rests
//! on; the log records all of it or nothing, durably, once.
//!
//! What proves the log to others stands beside the entries: [`Log::sign_checkpoint`] says what they are,
//! [`Log::inclusion_proof`] and its like lead from an entry to a checkpoint, [`Log::export_tiles`] writes the tree as files,
//! [`Log::check_against`] and [`Log::verify`] find what was done to a store behind the log's back.
//!
//! **Architecture invariant:** the log does not know what an entry means: a payload is a kind, a version and canonical
//! JSON. Deliberately absent: any statement that updates or deletes an entry, and any state of the sequencer that
//! outlives a batch.

mod append;
pub mod canonical;
mod checkpoint;
mod clock;
mod copy;
mod entry;
mod error;
pub mod event_store;
mod export;
mod faults;
mod lease;
mod log;
mod observer;
mod options;
mod postgres;
pub mod postgres_es;
mod reading;
mod restore;
mod sealed;
mod sequencer;
mod snapshot;
mod sqlite;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod tiles;
mod tree;
mod values;
mod verify;

pub use append::{
    APPEND_BYTES_MAX, Append, DRAFTS_MAX, Draft, ERASES_MAX, EXPECTED_MAX, Receipt, SEALED_BYTES_MAX, SealedText,
    TEXT_BYTES_MAX,
};
pub use checkpoint::{COSIGNATURES_MAX, Cosignature, SIGNATURE_LINE_BYTES_MAX, SignedCheckpoint};
pub use clock::{Clock, ManualClock, SystemClock, Timestamp};
pub use copy::Copied;
pub use entry::{Actor, Data, ENTRY_BYTES_MAX, Entry, EntryActor, EntryError, EntryInstrument, InstrumentRef};
pub use error::LogError;
pub use export::{Exported, WithEntries};
pub use faults::{Faulty, Mode, Step};
pub use lease::{Advanced, Lease};
pub use log::{Head, Log, RETRY_FULL_MS, Wake};
pub use observer::{Batch, Follower, Observer};
pub use options::{DEFAULT_NAME, Options, TimeSource};
pub use reading::StoredEntry;
pub use restore::{Restoring, StoredText};
pub use sealed::Sealed;
pub use snapshot::Snapshot;
pub use sogoc_proof::{Frontier, Hash};
pub use store::Pool;
pub use uuid::Uuid;
pub use values::{NUMBER_LIMIT, Position, StreamId, Version, is_id, is_log_name};
pub use verify::{Fault, Reached, VerifyOptions, VerifyReport};
