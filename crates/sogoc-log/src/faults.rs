//! Failing on purpose: every step of an append and of signing fails once in the tests, in two modes.

#[cfg(feature = "testing")]
use std::sync::{Arc, Mutex};

use crate::error::LogError;

/// The steps of one batch, and of signing a checkpoint, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Make sure of a connection.
    Connect,
    /// Begin the transaction, lock and read the head row.
    Begin,
    /// Look up commands and versions.
    LookUp,
    /// Erase sealed texts.
    Erase,
    /// Insert the entries and sealed texts, and move the head row over them.
    Insert,
    /// Commit.
    Commit,
    /// Lock and read what was signed last.
    LockSigned,
    /// Insert the checkpoint.
    Checkpoint,
    /// Move what is marked as signed.
    Signed,
    /// Commit the checkpoint.
    CommitSigned,
}

impl Step {
    /// All steps of an append, in order.
    pub const ALL: [Self; 6] = [Self::Connect, Self::Begin, Self::LookUp, Self::Erase, Self::Insert, Self::Commit];
    /// All steps of signing a checkpoint, in order.
    pub const SIGNING: [Self; 4] = [Self::LockSigned, Self::Checkpoint, Self::Signed, Self::CommitSigned];
}

/// How a step fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It is not done.
    Failed,
    /// It is done, and then reported as failed, as when the answer is lost on the wire.
    PersistedButFailed,
}

impl Mode {
    /// Both modes.
    pub const ALL: [Self; 2] = [Self::Failed, Self::PersistedButFailed];
}

/// What is to fail. Without the feature `testing` nothing can be planned, and asking costs nothing.
#[derive(Debug, Clone, Default)]
pub struct Faulty {
    #[cfg(feature = "testing")]
    plan: Arc<Mutex<Option<(Step, Mode)>>>,
}

impl Faulty {
    /// Lets the next run of a step fail, once.
    ///
    /// # Panics
    /// When a thread panicked while it held the plan.
    #[cfg(feature = "testing")]
    pub fn fail_next(&self, step: Step, mode: Mode) {
        *self.plan.lock().expect("nothing panics while it holds the plan") = Some((step, mode));
    }

    /// Whether nothing is planned any more, so the planned fault has happened.
    ///
    /// # Panics
    /// When a thread panicked while it held the plan.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.plan.lock().expect("nothing panics while it holds the plan").is_none()
    }

    #[cfg(feature = "testing")]
    pub(crate) fn strike(&self, step: Step, mode: Mode) -> Result<(), LogError> {
        let mut plan = self.plan.lock().expect("nothing panics while it holds the plan");
        if *plan == Some((step, mode)) {
            *plan = None;
            return Err(LogError::unavailable(format!("injected: {step:?} {mode:?}")));
        }
        Ok(())
    }

    #[cfg(not(feature = "testing"))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "the shape of the testing build")]
    pub(crate) fn strike(&self, _: Step, _: Mode) -> Result<(), LogError> {
        Ok(())
    }
}
