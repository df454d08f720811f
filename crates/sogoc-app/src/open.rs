//! The register of one log, kept up with it.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, TryLockError, Weak};

use futures_util::StreamExt as _;
use sogoc_domain::values::Timestamp;
use sogoc_log::{Clock, Follower, Log, LogError, Position, StoredEntry};
use sogoc_register::{FoldError, Register};

use crate::drafting::domain_time;
use crate::evidence::EvidenceStore;
use crate::refused::Refused;
use crate::sealing::{Entropy, SystemEntropy};
use crate::signing::Signer;
use crate::snapshot::restored;
use crate::turns::Turns;

/// Entries folded at a time: readers wait for no longer than this takes.
const FOLDED_MAX: usize = 4_096;

/// Entries folded between two batches of appends: a few milliseconds' work.
const FOLDED_AT_ONCE_MAX: usize = 500;

/// How the app is opened.
pub struct Options {
    /// How the log is opened; its clock is the app's.
    pub log: sogoc_log::Options,
    /// Where salts come from.
    pub entropy: Arc<dyn Entropy>,
    /// What becomes of a store that is not there.
    pub absent: Absent,
    /// Where evidence files are kept; without it, commands that need one are refused.
    pub evidence: Option<EvidenceStore>,
    /// Told while the register is being built: entries folded, entries in all.
    pub progress: Option<Box<dyn FnMut(u64, u64) + Send>>,
}

/// What becomes of a store that is not there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Absent {
    /// It is made.
    #[default]
    Created,
    /// It is an error.
    Refused,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            log: sogoc_log::Options::default(),
            entropy: Arc::new(SystemEntropy),
            absent: Absent::default(),
            evidence: None,
            progress: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("log", &self.log).field("absent", &self.absent).finish_non_exhaustive()
    }
}

/// The one door to a register. Clones share one log, one register and one queue.
#[derive(Clone)]
pub struct App {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) log: Log,
    /// Entries that there were when it was opened.
    opened_at: u64,
    register: RwLock<Register>,
    /// Held while entries are read and folded, so that each is read once.
    folding: tokio::sync::Mutex<()>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    /// Tells this process apart from others that write the mirror.
    pub(crate) holder: [u8; 32],
    pub(crate) turns: Turns,
    pub(crate) refused: Refused,
    pub(crate) signer: Signer,
    pub(crate) evidence: Option<EvidenceStore>,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "App({:?} at {})", self.shared.log, self.register().size())
    }
}

impl App {
    /// Opens the log at a store's URL and builds the register from it: from a snapshot where one fits, from the first
    /// entry otherwise.
    ///
    /// # Errors
    /// [`LogError`] as [`Log::open`].
    pub async fn open(url: &str, options: Options) -> Result<Self, LogError> {
        let Options { log: log_options, entropy, absent, evidence, mut progress } = options;
        let clock = Arc::clone(&log_options.clock);
        let log = match absent {
            Absent::Created => open_or_create(url, log_options).await?,
            Absent::Refused => Log::open(url, log_options).await?,
        };
        let head = log.head().await?;
        let register = restored(&log).await?;
        let since = register.size();
        let shared = Shared {
            log,
            opened_at: head.size,
            register: RwLock::new(register),
            folding: tokio::sync::Mutex::new(()),
            clock,
            holder: entropy.salt(),
            entropy,
            turns: Turns::default(),
            refused: Refused::default(),
            signer: Signer::default(),
            evidence,
        };
        let app = Self { shared: Arc::new(shared) };
        app.build(|folded| {
            if let Some(progress) = &mut progress {
                progress(folded, head.size.max(folded));
            }
        })
        .await?;
        app.keep_snapshot_if_worth(since).await;
        app.log().tell(Arc::new(Folding(Arc::downgrade(&app.shared))));
        Ok(app)
    }

    /// The log.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.shared.log
    }

    /// The register as far as it is folded here. Hold it for one question, not across an `await`.
    pub fn register(&self) -> RwLockReadGuard<'_, Register> {
        // A panic while folding is a defect, and what was folded before it still answers.
        self.shared.register.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// True where the log had no entry when it was opened.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.shared.opened_at == 0
    }

    /// The present instant by the app's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        domain_time(self.shared.clock.now())
    }

    /// Folds everything that is recorded, by this process or another. Returns the number of entries folded in all.
    ///
    /// # Errors
    /// [`LogError`] when the log cannot be read.
    pub async fn catch_up(&self) -> Result<u64, LogError> {
        let _one = self.shared.folding.lock().await;
        while self.fold_some().await? > 0 {}
        Ok(self.register().size())
    }

    /// Folds until an entry is in the register: who was given a receipt reads what it tells of.
    ///
    /// # Errors
    /// `Unavailable` when the log has no such entry yet; as [`App::catch_up`] otherwise.
    pub async fn reach(&self, position: u64) -> Result<(), LogError> {
        if self.register().size() > position {
            return Ok(());
        }
        let _one = self.shared.folding.lock().await;
        // Others who waited for the lock find that the first one did their work too.
        while self.register().size() <= position {
            if self.fold_some().await? == 0 {
                let size = self.register().size();
                return Err(LogError::Unavailable {
                    retry_after_ms: 500,
                    why: format!("position {position} was asked for and the log has {size} entries"),
                });
            }
        }
        Ok(())
    }

    /// Folds what came after a decision was taken at a size. Where another caller did so meanwhile, that is enough: the
    /// decision is taken again in any case.
    pub(crate) async fn advance_beyond(&self, size: u64) -> Result<(), LogError> {
        let _one = self.shared.folding.lock().await;
        while self.register().size() == size && self.fold_some().await? > 0 {}
        Ok(())
    }

    /// Brings the SQL mirror up to what was recorded meanwhile, signs the last checkpoint, waits until everything queued
    /// is answered, then closes the log.
    pub async fn close(self) {
        let grown = self.register().size() > self.shared.opened_at;
        if grown && let Err(error) = self.follow_mirror().await {
            // What is recorded stands; the next process that records brings the mirror along.
            tracing::warn!(error = &error as &dyn std::error::Error, "the SQL mirror was not brought along");
        }
        self.sign_for_the_last_time().await;
        let log = self.shared.log.clone();
        drop(self);
        log.close().await;
    }

    /// Folds to the log's end for the first time: the next entries are fetched while the last are folded.
    async fn build(&self, mut progress: impl FnMut(u64)) -> Result<(), LogError> {
        let _one = self.shared.folding.lock().await;
        let mut chunks = std::pin::pin!(self.shared.log.read_all(Position(self.register().size())));
        while let Some(entries) = chunks.next().await {
            self.apply(&entries?)?;
            progress(self.register().size());
        }
        Ok(())
    }

    /// Puts another register in place of the present one, and folds what came since.
    pub(crate) async fn replace(&self, register: Register) -> Result<(), LogError> {
        let _one = self.shared.folding.lock().await;
        *self.shared.register.write().unwrap_or_else(PoisonError::into_inner) = register;
        while self.fold_some().await? > 0 {}
        Ok(())
    }

    /// Reads and folds the next entries; `folding` is held. Returns how many there were.
    async fn fold_some(&self) -> Result<usize, LogError> {
        let from = self.register().size();
        let entries = self.shared.log.read(Position(from), FOLDED_MAX).await?;
        self.apply(&entries)?;
        Ok(entries.len())
    }

    fn apply(&self, entries: &[StoredEntry]) -> Result<(), LogError> {
        if entries.is_empty() {
            return Ok(());
        }
        let mut register = self.shared.register.write().unwrap_or_else(PoisonError::into_inner);
        register.apply_stored(entries).map_err(unfoldable)
    }
}

/// Folds what this process records as soon as it is durable, without reading it again: its callers then find it folded, and
/// need not wait for each other.
struct Folding(Weak<Shared>);

impl fmt::Debug for Folding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Folding")
    }
}

impl Follower for Folding {
    /// Leaves them to be read from the log where another process came in between, where somebody reads or folds just now, and
    /// where they are many: the next batch does not wait for any of it.
    fn recorded(&self, entries: &[StoredEntry]) {
        let Some(shared) = self.0.upgrade().filter(|_| entries.len() <= FOLDED_AT_ONCE_MAX) else { return };
        let Ok(_one) = shared.folding.try_lock() else { return };
        let mut register = match shared.register.try_write() {
            Ok(register) => register,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        if entries.first().is_some_and(|first| first.position.0 == register.size())
            && let Err(error) = register.apply_stored(entries).map_err(unfoldable)
        {
            // Who asks for them reads them from the log, and is told.
            tracing::error!(error = &error as &dyn std::error::Error, "what was recorded cannot be folded");
        }
    }
}

/// Opens a log and makes it only where there is none: a store with an older schema is its owner's to migrate, and on a
/// server the service's own role could not.
async fn open_or_create(url: &str, options: sogoc_log::Options) -> Result<Log, LogError> {
    if url.strip_prefix("sqlite:").is_some_and(|path| !Path::new(path).exists()) {
        return Log::open_or_create(url, options).await;
    }
    match Log::open(url, options.clone()).await {
        // A server that never had a log lacks the service's role as well, which shows first.
        Err(LogError::Schema { found: 0, .. } | LogError::Unusable { .. }) => Log::open_or_create(url, options).await,
        opened => opened,
    }
}

/// Entries that the log gave out and that cannot be folded were changed on the way.
pub(crate) fn unfoldable(error: FoldError) -> LogError {
    let position = match &error {
        FoldError::Position { due, .. } => *due,
        FoldError::Unreadable { position, .. } => *position,
    };
    LogError::Corrupt { position: Some(Position(position)), what: error.to_string() }
}
