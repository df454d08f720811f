//! Somebody who watches appends: how many wait, how long they take, how large batches are; and somebody who follows what
//! they record.
//!
//! The log has no metrics of its own and no clock that measures elapsed time: whoever wants to know gives an observer in
//! [`Options`](crate::Options), and it brings the clock along. Without one nothing is measured or kept.

use std::fmt::Debug;
use std::time::Duration;

use crate::reading::StoredEntry;

/// Is told what this process appends, so that it need not read it again. What other processes record, and what is copied or
/// restored, is read from the log.
pub trait Follower: Debug + Send + Sync {
    /// The entries of one batch, in their order: durable, their callers not answered yet. Called between two batches, so it
    /// must be quick, must not block, and may leave entries to be read from the log later.
    fn recorded(&self, entries: &[StoredEntry]);
}

/// Watches the queue of appends. Called on the path of every append: it must be quick and must not block.
pub trait Observer: Debug + Send + Sync {
    /// Time since some instant that stays the same; never runs backwards.
    fn elapsed(&self) -> Duration;
    /// An append of so many entries entered the queue.
    fn entered(&self, entries: usize);
    /// So many entries left the queue: for a batch, or because there was no room for them.
    fn left(&self, entries: usize);
    /// An append found no room in the queue; its caller was told so at once.
    fn full(&self);
    /// An append was answered, in whatever way, so long after it had entered the queue.
    fn answered(&self, after: Duration);
    /// A batch ended, and its appends are answered.
    fn batch(&self, batch: Batch);
}

/// One batch, as it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    /// Appends that it took from the queue.
    pub appends: usize,
    /// Those of them that have a receipt; the others were refused or failed.
    pub accepted: usize,
    /// Entries that it recorded.
    pub entries: usize,
    /// From the lock of the head row to the commit.
    pub taken: Duration,
}
