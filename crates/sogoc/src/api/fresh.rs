//! How far the register of this node may lag behind the log: a second.
//!
//! What this node records is folded as its callers are answered. A task folds what other nodes recorded as soon as the log
//! says so, and looks twice a second in any case. While its looks
//! succeed, a question is answered at once. When the last one is older than a second, because the store is slow or away,
//! the question looks itself, and is refused if it cannot: who was revoked a second ago reads nothing more anywhere.

use std::sync::atomic::{AtomicI64, Ordering};

use sogoc_app::App;
use sogoc_log::LogError;

use super::ask::invalid;
use super::error::Fault;

/// Age of the last look at the head, in microseconds, up to which a question is answered without another.
const AGE_US_MAX: i64 = 1_000_000;
/// Age of the last look, in microseconds, up to which the task does without another: half a second later, the longest
/// that it sleeps, the look is still young enough.
const DUE_US: i64 = 400_000;

/// When the log was looked at last.
#[derive(Debug, Default)]
pub(crate) struct Fresh {
    looked_us: AtomicI64,
}

impl Fresh {
    /// That the register is at most a second behind the log, and has seen a position.
    ///
    /// # Errors
    /// When the store does not answer, or the position is not recorded.
    pub(crate) async fn at_least(&self, app: &App, position: Option<u64>) -> Result<(), Fault> {
        // By the wall clock: where it was set back, one look more is all that comes of it.
        let age = app.now().micros().saturating_sub(self.looked_us.load(Ordering::Relaxed));
        if !(0..=AGE_US_MAX).contains(&age) {
            self.look(app).await?;
        }
        match position {
            Some(position) if app.register().size() <= position => {
                self.look(app).await?;
                let size = app.register().size();
                if size <= position {
                    // All nodes have one log: a position that is not in it now was given by no receipt.
                    return Err(invalid(
                        "least_position",
                        &position.to_string(),
                        format!("the log has {size} entries"),
                    ));
                }
                Ok(())
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Folds what the log is told to have, and looks for what nobody told where the last look is getting old.
    pub(crate) async fn follow(&self, app: &App, told: u64) -> Result<(), LogError> {
        let age = app.now().micros().saturating_sub(self.looked_us.load(Ordering::Relaxed));
        if !(0..=DUE_US).contains(&age) {
            return self.look(app).await;
        }
        // As far as that and no further: under load a look for more would be a statement in vain for each batch.
        match told.checked_sub(1) {
            Some(last) => app.reach(last).await,
            None => Ok(()),
        }
    }

    /// Folds what was recorded, and notes when that was.
    pub(crate) async fn look(&self, app: &App) -> Result<(), LogError> {
        let began = app.now().micros();
        app.catch_up().await?;
        self.looked_us.fetch_max(began, Ordering::Relaxed);
        Ok(())
    }
}
