//! The log as its callers hold it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use sogoc_proof::{Frontier, Hash};
use tokio::sync::{Notify, Semaphore, mpsc, oneshot, watch};
use tokio::task::AbortHandle;

use crate::append::{Append, Receipt};
use crate::clock::Timestamp;
use crate::error::LogError;
use crate::observer::{Follower, Observer};
use crate::options::Options;
use crate::sequencer::{Member, Sequencer};
use crate::store::{HeadRow, Pool, Writer, in_time, on_pool};
use crate::values::{NUMBER_LIMIT, is_log_name};
use crate::{postgres, sqlite};

/// Longest time between two looks of a waiting reader, in milliseconds.
const POLL_MS: u64 = 500;
/// How long the connection that listens may be quiet, and may take to answer then, in seconds.
const LISTEN_SECONDS_MAX: u64 = 5;
/// Hint to a caller that found the queue full, in milliseconds: a few batches. No other fault has this one.
pub const RETRY_FULL_MS: u64 = 50;

/// A log: clones share one queue, one appender task and one pool.
#[derive(Clone)]
pub struct Log {
    inner: Arc<Inner>,
}

struct Inner {
    target: Target,
    pool: Pool,
    name: String,
    options: Options,
    mirror: Option<String>,
    shown: String,
    queue: mpsc::Sender<Member>,
    /// Tells the appender to take nothing more.
    closing: Arc<Notify>,
    /// Bytes that the queue may still take.
    budget: Arc<Semaphore>,
    wake: watch::Sender<u64>,
    /// The same for what other processes append.
    others: watch::Sender<u64>,
    /// Size that the batch leads to which is being committed here, or the last one did; 0 after one that failed.
    committing: Arc<AtomicU64>,
    follower: Arc<OnceLock<Arc<dyn Follower>>>,
    appender: Mutex<Option<tokio::task::JoinHandle<()>>>,
    listener: Mutex<Option<AbortHandle>>,
    channel: Option<String>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(listener) = self.listener.get_mut().ok().and_then(Option::take) {
            listener.abort();
        }
    }
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Log({} in {})", self.inner.name, self.inner.shown)
    }
}

/// Where the log stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Name of the log.
    pub log: String,
    /// Number of entries, and position of the next one.
    pub size: u64,
    /// Root of the Merkle tree over all entries.
    pub root: Hash,
    /// When the last entry was recorded; none in an empty log.
    pub at: Option<Timestamp>,
    /// Right edge of the tree.
    pub frontier: Frontier,
}

#[derive(Debug, Clone)]
pub(crate) enum Target {
    Sqlite(sqlite::Target),
    Postgres(Box<postgres::Target>),
}

impl Target {
    fn parse(url: &str, options: &Options) -> Result<Self, LogError> {
        if let Some(name) = options.name.as_deref().filter(|name| !is_log_name(name)) {
            return Err(LogError::refused(
                format!("log name {name:?}"),
                "1 to 128 of A-Z, a-z, 0-9 and . - _ ~ / :",
                "name it like a checkpoint's origin: sogoc.example/ha-nam",
            ));
        }
        if let Some(path) = url.strip_prefix("sqlite:") {
            return sqlite::Target::parse(path).map(Self::Sqlite);
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return postgres::Target::parse(url).map(|target| Self::Postgres(Box::new(target)));
        }
        Err(LogError::refused(
            "the store's URL",
            "sqlite:PATH or postgres://USER@HOST/DATABASE",
            "write the kind of store before its place",
        ))
    }
}

impl Log {
    /// Creates the log where there is none, with the name of the options, and brings an older schema up to date. Never
    /// rewrites an entry. Returns whether the log is new. On PostgreSQL the URL is the owner's.
    ///
    /// # Errors
    /// [`LogError`]: above all `NotARegister`, `Schema` (made by a newer program), `Unusable`, `Unavailable`.
    pub async fn migrate(url: &str, options: &Options) -> Result<bool, LogError> {
        match Target::parse(url, options)? {
            Target::Sqlite(target) => target.migrate(options).await,
            Target::Postgres(target) => target.migrate(options).await,
        }
    }

    /// Opens a log that exists, and starts the task that appends to it.
    ///
    /// `url` is `sqlite:PATH` or `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, where `?schema=NAME` chooses a schema
    /// other than `public`.
    ///
    /// # Errors
    /// `NotARegister`, `Corrupt`, `Schema` with the remedy, `OtherLog` when the options name another log, `Unusable`
    /// for a store whose settings would break a promise, `Unavailable`.
    pub async fn open(url: &str, options: Options) -> Result<Self, LogError> {
        let restoring = options.restoring;
        let log = match Target::parse(url, &options)? {
            Target::Sqlite(target) => {
                let (pool, writer) = target.open(&options).await?;
                let head = sqlite::read_head(&pool).await?;
                Self::start(Target::Sqlite(target), Pool::Sqlite(pool), writer, head, options)?
            }
            Target::Postgres(target) => {
                let (pool, writer) = target.open(&options).await?;
                let head = postgres::read_head(&pool).await?;
                Self::start(Target::Postgres(target), Pool::Postgres(pool), writer, head, options)?
            }
        };
        if !restoring && let Err(error) = log.check_restored().await {
            log.close().await;
            return Err(error);
        }
        Ok(log)
    }

    /// A store's URL as messages show it: without a password.
    ///
    /// # Errors
    /// `Refused` for what is no store's URL.
    pub fn shown(url: &str) -> Result<String, LogError> {
        Ok(match Target::parse(url, &Options::default())? {
            Target::Sqlite(target) => target.shown,
            Target::Postgres(target) => target.shown.clone(),
        })
    }

    /// [`Log::migrate`], then [`Log::open`].
    ///
    /// # Errors
    /// As both.
    pub async fn open_or_create(url: &str, options: Options) -> Result<Self, LogError> {
        Self::migrate(url, &options).await?;
        Self::open(url, options).await
    }

    fn start(
        target: Target,
        pool: Pool,
        writer: impl Writer,
        head: HeadRow,
        options: Options,
    ) -> Result<Self, LogError> {
        if let Some(expected) = options.name.clone().filter(|name| *name != head.name) {
            return Err(LogError::OtherLog { found: head.name, expected });
        }
        let (queue, members) = mpsc::channel(options.queue_appends.max(1));
        let (wake, others) = (watch::Sender::new(head.frontier.size()), watch::Sender::new(0));
        let (follower, committing) = (Arc::default(), Arc::default());
        let sequencer = Sequencer {
            writer,
            clock: Arc::clone(&options.clock),
            time_source: options.time_source,
            faulty: options.faulty.clone(),
            observer: options.observer.clone(),
            follower: Arc::clone(&follower),
            committing: Arc::clone(&committing),
            wake: wake.clone(),
        };
        let closing = Arc::new(Notify::new());
        let appender = tokio::spawn(sequencer.run(members, Arc::clone(&closing)));
        let budget = Arc::new(Semaphore::new(kibibytes(options.queue_bytes).max(1) as usize));
        let (shown, mirror, channel) = match &target {
            Target::Sqlite(target) => (target.shown.clone(), None, None),
            Target::Postgres(target) => (target.shown.clone(), Some(target.mirror()), Some(target.channel())),
        };
        let inner = Inner {
            target,
            pool,
            name: head.name,
            options,
            mirror,
            shown,
            queue,
            closing,
            budget,
            wake,
            others,
            committing,
            follower,
            appender: Mutex::new(Some(appender)),
            listener: Mutex::new(None),
            channel,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The log's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The store, for messages: without a password.
    #[must_use]
    pub fn store(&self) -> &str {
        &self.inner.shown
    }

    /// From now on, tells somebody what is appended through this handle and its clones, before the callers are answered.
    /// There is one follower: a later one is not told anything.
    pub fn tell(&self, follower: Arc<dyn Follower>) {
        // Whoever came first stays.
        let _ = self.inner.follower.set(follower);
    }

    /// Connections for the SQL mirror. On PostgreSQL they run under the service's role.
    #[must_use]
    pub fn pool(&self) -> &Pool {
        &self.inner.pool
    }

    /// PostgreSQL: the schema in which the SQL mirror may create its tables; none on SQLite.
    #[must_use]
    pub fn mirror_schema(&self) -> Option<&str> {
        self.inner.mirror.as_deref()
    }

    pub(crate) fn options(&self) -> &Options {
        &self.inner.options
    }

    pub(crate) fn target(&self) -> &Target {
        &self.inner.target
    }

    /// Wakes readers of this process.
    pub(crate) fn grown(&self, size: u64) {
        grown(&self.inner.wake, size);
    }

    /// Checks an append as far as that is possible without the log: form, sizes, commitments. What passes can only be
    /// refused for what the log holds.
    ///
    /// # Errors
    /// [`LogError::Refused`].
    pub fn check(&self, append: &Append) -> Result<(), LogError> {
        append.clone().prepare(&self.inner.name).map(|_| ())
    }

    /// Records an append, all of it or nothing, and returns when it is durable. Dropping the future does not take the
    /// append back.
    ///
    /// # Errors
    /// `Refused`, `Conflict`, `Moved`, `CommandReused`, `Late`: nothing was recorded. `Unavailable`: at once when the
    /// queue is full; otherwise it may have been recorded, and the same command id will tell.
    pub async fn append(&self, append: Append) -> Result<Receipt, LogError> {
        let append = append.prepare(&self.inner.name)?;
        let observer = self.inner.options.observer.as_deref();
        let full = |what: &str| {
            observer.inspect(|observer| observer.full());
            LogError::Unavailable {
                retry_after_ms: RETRY_FULL_MS,
                why: format!("the queue of appends has no room ({what}); nothing was recorded"),
            }
        };
        let share = kibibytes(append.bytes).min(kibibytes(self.inner.options.queue_bytes)).max(1);
        let share = Arc::clone(&self.inner.budget)
            .try_acquire_many_owned(share)
            .map_err(|_| full(&format!("{} bytes", self.inner.options.queue_bytes)))?;
        let (answer, answered) = oneshot::channel();
        let entries = append.entries.len();
        let queued = observer.map(Observer::elapsed).unwrap_or_default();
        // Before it may be taken: the count never falls below zero.
        observer.inspect(|observer| observer.entered(entries));
        self.inner.queue.try_send(Member { append, answer, share, queued }).map_err(|error| {
            observer.inspect(|observer| observer.left(entries));
            match error {
                mpsc::error::TrySendError::Full(_) => full(&format!("{} appends", self.inner.options.queue_appends)),
                mpsc::error::TrySendError::Closed(_) => stopped(),
            }
        })?;
        answered.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// Where the log stands.
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt`.
    pub async fn head(&self) -> Result<Head, LogError> {
        let row = self.head_row().await?;
        let (size, root) = (row.frontier.size(), row.frontier.root());
        Ok(Head { log: row.name, size, root, at: row.last_at, frontier: row.frontier })
    }

    pub(crate) async fn head_row(&self) -> Result<HeadRow, LogError> {
        match &self.inner.pool {
            Pool::Sqlite(pool) => in_time(sqlite::read_head(pool)).await,
            Pool::Postgres(pool) => in_time(postgres::read_head(pool)).await,
        }
    }

    /// Something to wait on until the log may have grown. It comes back at the latest after half a second, so a reader
    /// that looks each time misses nothing, whatever becomes of the notification.
    ///
    /// # Panics
    /// When called outside of a tokio runtime on PostgreSQL.
    #[must_use]
    pub fn wake(&self) -> Wake {
        self.listen_once();
        Wake { grown: self.inner.wake.subscribe() }
    }

    fn listen_once(&self) {
        if let (Pool::Postgres(pool), Some(channel)) = (&self.inner.pool, &self.inner.channel) {
            let mut listener = self.inner.listener.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if listener.is_none() {
                let tell = [self.inner.wake.clone(), self.inner.others.clone()];
                let task = listen(pool.clone(), channel.clone(), tell, Arc::clone(&self.inner.committing));
                *listener = Some(tokio::spawn(task).abort_handle());
            }
        }
    }

    /// As [`Log::wake`], but what this process appends wakes nobody: for who is given it (see [`Log::tell`]).
    ///
    /// # Panics
    /// As [`Log::wake`].
    #[must_use]
    pub fn wake_by_others(&self) -> Wake {
        self.listen_once();
        Wake { grown: self.inner.others.subscribe() }
    }

    /// Waits until everything queued is answered, then closes all connections. Appends that come later, through this
    /// handle or its clones, are told `Unavailable`.
    pub async fn close(self) {
        let appender = self.inner.appender.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        let listener = self.inner.listener.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(listener) = listener {
            listener.abort();
        }
        self.inner.closing.notify_one();
        if let Some(appender) = appender {
            let _ = appender.await;
        }
        on_pool!(&self.inner.pool, pool => pool.close().await);
    }
}

/// Waits for the log to grow. See [`Log::wake`].
#[derive(Debug, Clone)]
pub struct Wake {
    grown: watch::Receiver<u64>,
}

impl Wake {
    /// The size of the log as it was told last; the log may have more by now.
    #[must_use]
    pub fn told(&self) -> u64 {
        *self.grown.borrow()
    }

    /// Returns when the log may have grown since the last call, at the latest after half a second.
    pub async fn wait(&mut self) {
        let grown = tokio::time::timeout(Duration::from_millis(POLL_MS), self.grown.changed()).await;
        if let Ok(Err(_)) = grown {
            // The log was closed: nothing will come, but the reader must not spin.
            tokio::time::sleep(Duration::from_millis(POLL_MS)).await;
        }
    }
}

/// Wakes readers that wait for more than was told before.
pub(crate) fn grown(wake: &watch::Sender<u64>, size: u64) {
    wake.send_if_modified(|told| {
        let more = size > *told;
        *told = size.max(*told);
        more
    });
}

/// Passes on what other processes append. What this one does is told here too, mostly before the appender has heard of its
/// commit: readers would then read what is being given to them.
async fn listen(pool: sqlx::PgPool, channel: String, tell: [watch::Sender<u64>; 2], committing: Arc<AtomicU64>) {
    let alive = Duration::from_secs(LISTEN_SECONDS_MAX);
    while !pool.is_closed() {
        // Not from the readers' pool: a connection that was lost without a word would keep its place there for ever.
        let own = sqlx::postgres::PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(alive)
            .connect_lazy_with(pool.connect_options().as_ref().clone());
        let failed = async {
            let mut listener = sqlx::postgres::PgListener::connect_with(&own).await?;
            loop {
                // Said once more when it was quiet: that changes nothing and shows whether anybody is there.
                let listening = tokio::time::timeout(alive, listener.listen(&channel)).await;
                listening.map_err(|late| sqlx::Error::Io(late.into()))??;
                while let Ok(told) = tokio::time::timeout(alive, listener.recv()).await {
                    // No log is larger: a stranger's word would be the last that is heard.
                    let size = told?.payload().parse().ok().filter(|size| *size <= NUMBER_LIMIT).unwrap_or(0);
                    if size > committing.load(Ordering::Relaxed) {
                        tell.iter().for_each(|wake| grown(wake, size));
                    }
                }
            }
        };
        let failed: Result<std::convert::Infallible, sqlx::Error> = failed.await;
        let Err(error) = failed;
        tracing::debug!(error = %error, "not listening for appends; polling goes on");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

fn stopped() -> LogError {
    LogError::unavailable("the log was closed; if the append was sent, it may have been recorded")
}

fn kibibytes(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(1_024)).unwrap_or(u32::MAX)
}
