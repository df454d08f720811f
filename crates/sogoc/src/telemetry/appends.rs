//! The log's observer: how long appends take, how many wait, how large batches are.

use std::time::{Duration, Instant};

use metrics::{counter, gauge, histogram};
use sogoc_log::{Batch, Observer};

use super::metrics::{
    APPEND_BATCH_ENTRIES, APPEND_BATCH_SECONDS, APPEND_QUEUE_ENTRIES, APPEND_QUEUE_FULL, APPEND_SECONDS,
};

/// Writes what it is told into the metrics.
#[derive(Debug)]
pub(crate) struct Appends {
    origin: Instant,
}

impl Default for Appends {
    fn default() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the binary measures elapsed time; nothing recorded rests on it")]
        let origin = Instant::now();
        Self { origin }
    }
}

impl Observer for Appends {
    fn elapsed(&self) -> Duration {
        self.origin.elapsed()
    }

    fn entered(&self, entries: usize) {
        gauge!(APPEND_QUEUE_ENTRIES).increment(number(entries));
    }

    fn left(&self, entries: usize) {
        gauge!(APPEND_QUEUE_ENTRIES).decrement(number(entries));
    }

    fn full(&self) {
        counter!(APPEND_QUEUE_FULL).increment(1);
    }

    fn answered(&self, after: Duration) {
        histogram!(APPEND_SECONDS).record(after);
    }

    fn batch(&self, batch: Batch) {
        histogram!(APPEND_BATCH_ENTRIES).record(number(batch.entries));
        histogram!(APPEND_BATCH_SECONDS).record(batch.taken);
    }
}

/// Entries in memory are far fewer than a double is exact for.
fn number(entries: usize) -> f64 {
    f64::from(u32::try_from(entries).unwrap_or(u32::MAX))
}
