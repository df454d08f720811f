//! Starting from a snapshot instead of the first entry, and checking that it told the truth.

use futures_util::StreamExt as _;
use sogoc_log::{Log, LogError, Position, Snapshot};
use sogoc_register::{FOLD_VERSION, Register};

use crate::open::{App, unfoldable};

/// The name under which the log keeps snapshots of the register.
const KIND: &str = "register";
/// Entries folded since the last snapshot from which on another is worth its writing: about a tenth of a second's fold.
const WORTH_ENTRIES: u64 = 100_000;

/// What a replay from the first entry says to the register that was started from a snapshot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Replay {
    /// Both have the same digest.
    Agrees,
    /// They differ. The register was replaced by the replayed one.
    Differed,
}

/// The register as of the newest snapshot that fits, or an empty one.
pub(crate) async fn restored(log: &Log) -> Result<Register, LogError> {
    let Some(snapshot) = log.latest_snapshot(KIND, FOLD_VERSION).await? else { return Ok(Register::new()) };
    match Register::from_snapshot(&snapshot.bytes, &snapshot.frontier.root()) {
        Ok(register) => Ok(register),
        Err(ignored) => {
            tracing::warn!(reason = %ignored, "a snapshot of the register is ignored");
            Ok(Register::new())
        }
    }
}

impl App {
    /// Keeps a snapshot of the register as it stands. Nothing rests on it.
    ///
    /// # Errors
    /// [`LogError`] when the log does not answer.
    pub async fn keep_snapshot(&self) -> Result<(), LogError> {
        let head = self.log().head().await?;
        self.catch_up().await?;
        let copy = self.register().overlay();
        if copy.size() != head.size {
            // Others are appending: the next one will fit.
            return Ok(());
        }
        let root = head.root;
        let bytes = tokio::task::spawn_blocking(move || copy.to_snapshot(&root)).await;
        let bytes = bytes.map_err(|error| LogError::Unavailable { retry_after_ms: 1_000, why: error.to_string() })?;
        let snapshot = Snapshot { kind: KIND.to_owned(), fold_version: FOLD_VERSION, frontier: head.frontier, bytes };
        self.log().put_snapshot(&snapshot).await
    }

    /// Keeps a snapshot where enough was folded since the last one. That it failed is no reason to stop.
    pub(crate) async fn keep_snapshot_if_worth(&self, since: u64) {
        if self.register().size().saturating_sub(since) < WORTH_ENTRIES {
            return;
        }
        if let Err(error) = self.keep_snapshot().await {
            tracing::warn!(error = %error, "no snapshot was kept");
        }
    }

    /// Folds the log from its first entry and compares. A service does so in the background after it started from a
    /// snapshot; what was answered meanwhile is said to rest on one.
    ///
    /// # Errors
    /// [`LogError`] when the log cannot be read.
    pub async fn replay(&self) -> Result<Replay, LogError> {
        let live = self.register().overlay();
        let replayed = folded(self.log(), live.size()).await?;
        let agrees = tokio::task::spawn_blocking(move || (live.digest() == replayed.digest(), replayed)).await;
        match agrees {
            Ok((true, _)) => Ok(Replay::Agrees),
            Ok((false, replayed)) => {
                tracing::error!("the register from the snapshot differs from the log and was replaced");
                self.replace(replayed).await?;
                Ok(Replay::Differed)
            }
            Err(error) => Err(LogError::Unavailable { retry_after_ms: 1_000, why: error.to_string() }),
        }
    }
}

/// The first entries of a log, folded from nothing.
async fn folded(log: &Log, size: u64) -> Result<Register, LogError> {
    let mut register = Register::new();
    let mut chunks = std::pin::pin!(log.read_all(Position(0)));
    while register.size() < size {
        let Some(chunk) = chunks.next().await else { break };
        let mut chunk = chunk?;
        chunk.truncate(usize::try_from(size - register.size()).unwrap_or(usize::MAX));
        register.apply_stored(&chunk).map_err(unfoldable)?;
    }
    Ok(register)
}
