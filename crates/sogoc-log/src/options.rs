//! How a log is opened.

use std::sync::Arc;

use crate::clock::{Clock, SystemClock};
use crate::faults::Faulty;
use crate::observer::Observer;

/// Name of a log that was given none.
pub const DEFAULT_NAME: &str = "sogoc.local/register";

/// Where `at` comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimeSource {
    /// The database's clock, read under the lock; on SQLite, which has none, the process's (invariant 12).
    #[default]
    Store,
    /// [`Options::clock`] on every store. For tests that move time.
    Clock,
}

/// How a log is opened. The defaults are right for a service on one machine.
#[derive(Debug, Clone)]
pub struct Options {
    /// Name of the log, such as `sogoc.example/ha-nam`. Given to a log when it is created ([`DEFAULT_NAME`] without
    /// one); a log that exists must have it.
    pub name: Option<String>,
    /// The process's clock.
    pub clock: Arc<dyn Clock>,
    /// Where `at` comes from.
    pub time_source: TimeSource,
    /// Most appends in the queue.
    pub queue_appends: usize,
    /// Most bytes of entries and sealed texts in the queue.
    pub queue_bytes: usize,
    /// Most connections that read.
    pub readers: u32,
    /// PostgreSQL: group role that every connection takes on; the log-in must be a member of it. None to keep the
    /// log-in's own rights.
    pub role: Option<String>,
    /// Open a log into which a restore was begun and not ended. Everybody else is refused it: what stands there is a
    /// beginning that looks whole.
    pub restoring: bool,
    /// Who watches appends; none costs nothing.
    pub observer: Option<Arc<dyn Observer>>,
    /// What is to fail, in tests.
    pub faulty: Faulty,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            name: None,
            clock: Arc::new(SystemClock),
            time_source: TimeSource::Store,
            queue_appends: 4_096,
            queue_bytes: 64 << 20,
            readers: 8,
            role: Some("sogoc_service".to_owned()),
            restoring: false,
            observer: None,
            faulty: Faulty::default(),
        }
    }
}
