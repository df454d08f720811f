//! The log as its callers hold it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::Stream;
use sogoc_proof::{Frontier, Hash};
use sqlx::Row as _;
use tokio::sync::{Notify, Semaphore, mpsc, oneshot, watch};
use tokio::task::AbortHandle;
use uuid::Uuid;

use crate::append::{Append, Receipt, SealedText};
use crate::clock::Timestamp;
use crate::entry::{Entry, EntryError};
use crate::error::LogError;
use crate::options::Options;
use crate::sequencer::{Member, Sequencer};
use crate::store::{
    HeadRow, Known, Lines, Pool, Row, SealedRow, Writer, bytes32, integer, on_pool, position, prefix_end, time, told,
    version,
};
use crate::values::{Position, StreamId, Version, is_log_name};
use crate::{postgres, sqlite};

/// Rows that one statement reads.
pub(crate) const CHUNK: usize = 2_048;
/// Longest time between two looks of a waiting reader, in milliseconds.
const POLL_MS: u64 = 500;
/// Hint to a caller that found the queue full, in milliseconds: a few batches.
const RETRY_FULL_MS: u64 = 50;

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

/// An entry as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEntry {
    /// Its position.
    pub position: Position,
    /// Its text, whose hash is the Merkle leaf.
    pub bytes: String,
}

impl StoredEntry {
    /// Reads the entry without copying.
    ///
    /// # Errors
    /// [`EntryError`] when the text is not exactly the form of an entry.
    pub fn parse(&self) -> Result<Entry<'_>, EntryError> {
        Entry::parse(&self.bytes)
    }
}

/// What is left of a sealed text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sealed {
    /// The text and its salt.
    Text(SealedText),
    /// Both were erased; the commitment still stands in the entry.
    Erased {
        /// When.
        at: Timestamp,
    },
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
        match Target::parse(url, &options)? {
            Target::Sqlite(target) => {
                let (pool, writer) = target.open(&options).await?;
                let head = sqlite::read_head(&pool).await?;
                Self::start(Target::Sqlite(target), Pool::Sqlite(pool), writer, head, options)
            }
            Target::Postgres(target) => {
                let (pool, writer) = target.open(&options).await?;
                let head = postgres::read_head(&pool).await?;
                Self::start(Target::Postgres(target), Pool::Postgres(pool), writer, head, options)
            }
        }
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
        let (wake, _) = watch::channel(head.frontier.size());
        let sequencer = Sequencer {
            writer,
            clock: Arc::clone(&options.clock),
            time_source: options.time_source,
            faulty: options.faulty.clone(),
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
        self.inner.wake.send_replace(size);
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
        let full = |what: &str| LogError::Unavailable {
            retry_after_ms: RETRY_FULL_MS,
            why: format!("the queue of appends has no room ({what}); nothing was recorded"),
        };
        let share = kibibytes(append.bytes).min(kibibytes(self.inner.options.queue_bytes)).max(1);
        let share = Arc::clone(&self.inner.budget)
            .try_acquire_many_owned(share)
            .map_err(|_| full(&format!("{} bytes", self.inner.options.queue_bytes)))?;
        let (answer, answered) = oneshot::channel();
        self.inner.queue.try_send(Member { append, answer, share }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => full(&format!("{} appends", self.inner.options.queue_appends)),
            mpsc::error::TrySendError::Closed(_) => stopped(),
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
            Pool::Sqlite(pool) => sqlite::read_head(pool).await,
            Pool::Postgres(pool) => postgres::read_head(pool).await,
        }
    }

    /// Entries from a position on, at most `limit`; empty at the end of the log.
    ///
    /// # Errors
    /// `Unavailable`; `Corrupt` at the first position that is missing or no text.
    pub async fn read(&self, from: Position, limit: usize) -> Result<Vec<StoredEntry>, LogError> {
        let mut entries = Vec::new();
        while entries.len() < limit {
            let next = Position(from.0.saturating_add(entries.len() as u64));
            let asked = CHUNK.min(limit - entries.len());
            let chunk = self.read_chunk(next, asked).await?;
            let found = chunk.len();
            entries.extend(chunk);
            if found < asked {
                break;
            }
        }
        Ok(entries)
    }

    /// At most [`CHUNK`] entries, fewer than asked for only at the end.
    async fn read_chunk(&self, from: Position, limit: usize) -> Result<Vec<StoredEntry>, LogError> {
        let to = Position(from.0.saturating_add(limit as u64).min(crate::values::NUMBER_LIMIT));
        if from >= to {
            return Ok(Vec::new());
        }
        match self.lines(Lines::Entries, from, to).await {
            Ok(text) => match entries_of(&text, from, limit) {
                Some(entries) => Ok(entries),
                None => self.read_rows(from, to).await,
            },
            Err(LogError::Corrupt { .. }) => self.read_rows(from, to).await,
            Err(error) => Err(error),
        }
    }

    /// The same row by row, to find out where the damage is.
    async fn read_rows(&self, from: Position, to: Position) -> Result<Vec<StoredEntry>, LogError> {
        on_pool!(&self.inner.pool, pool => {
            let rows = sqlx::query(
                "select position, entry
                 from entry
                 where position >= $1 and position < $2
                 order by position",
            )
            .bind(integer(from.0))
            .bind(integer(to.0))
            .fetch_all(pool)
            .await
            .map_err(|error| placed(told(&error), from))?;
            rows.iter()
                .zip(from.0..)
                .map(|(row, expected)| {
                    let found: i64 = row.try_get(0).map_err(|error| told(&error))?;
                    // The text as bytes: what the disk has made of it need not be UTF-8.
                    let bytes = row.try_get_unchecked::<&[u8], _>(1).map_err(|error| told(&error))?;
                    stored(found, Position(expected), bytes)
                })
                .collect()
        })
    }

    pub(crate) async fn lines(&self, lines: Lines, from: Position, to: Position) -> Result<Vec<u8>, LogError> {
        match &self.inner.pool {
            Pool::Sqlite(pool) => sqlite::lines(pool, lines, from, to).await,
            Pool::Postgres(pool) => postgres::lines(pool, lines, from, to).await,
        }
    }

    /// All entries from a position to the end of the log, in chunks in order. The next chunk is fetched while the last
    /// is worked on, and not before: a slow reader slows the reading.
    ///
    /// # Errors
    /// The stream ends after its first error: as [`Log::read`].
    pub fn read_all(&self, from: Position) -> impl Stream<Item = Result<Vec<StoredEntry>, LogError>> + Send + 'static {
        let log = self.clone();
        read_ahead(from, move |from| {
            let log = log.clone();
            async move {
                let entries = log.read_chunk(from, CHUNK).await?;
                let next = Position(from.0 + entries.len() as u64);
                Ok((entries, next))
            }
        })
    }

    /// Entries of a stream from a version on, to its end.
    ///
    /// # Errors
    /// `Unavailable`; `Corrupt` at the first version that is missing or no text.
    pub async fn read_stream(&self, stream: &StreamId, from: Version) -> Result<Vec<StoredEntry>, LogError> {
        let mut entries = Vec::new();
        let mut next = from.max(Version(1));
        loop {
            let chunk: Result<Vec<_>, LogError> = on_pool!(&self.inner.pool, pool => {
                let rows = sqlx::query(
                    "select position, entry, version
                     from entry
                     where stream = $1 and version >= $2
                     order by version
                     limit $3",
                )
                .bind(stream.as_str())
                .bind(integer(next.0))
                .bind(CHUNK as i64)
                .fetch_all(pool)
                .await
                .map_err(|error| told(&error))?;
                rows.iter()
                    .zip(next.0..)
                    .map(|(row, expected)| {
                        let get = |error: sqlx::Error| told(&error);
                        let at = position(row.try_get(0).map_err(get)?)?;
                        let found = version(row.try_get(2).map_err(get)?)?;
                        if found.0 != expected {
                            let what = format!("stream {stream} goes on with version {found}, not {expected}");
                            return Err(LogError::corrupt(at, what));
                        }
                        stored(integer(at.0), at, row.try_get_unchecked::<&[u8], _>(1).map_err(get)?)
                    })
                    .collect()
            });
            let chunk = chunk?;
            let last = chunk.len() < CHUNK;
            next = Version(next.0 + chunk.len() as u64);
            entries.extend(chunk);
            if last {
                return Ok(entries);
            }
        }
    }

    /// Names of the streams that begin with a prefix, in order, with their versions.
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt`.
    pub async fn streams(&self, prefix: &str) -> Result<Vec<(StreamId, Version)>, LogError> {
        let (from, to) =
            if prefix.is_empty() { (String::new(), "~".to_owned()) } else { (prefix.to_owned(), prefix_end(prefix)) };
        let rows: Vec<(String, i64)> = on_pool!(&self.inner.pool, pool => {
            sqlx::query_as(
                "select stream, max(version)
                 from entry
                 where stream >= $1 and stream < $2
                 group by stream
                 order by stream",
            )
            .bind(from)
            .bind(to)
            .fetch_all(pool)
            .await
            .map_err(|error| told(&error))?
        });
        rows.into_iter()
            .map(|(stream, newest)| {
                let name = StreamId::try_new(stream).map_err(|error| LogError::corrupt(None, error.to_string()))?;
                Ok((name, version(newest)?))
            })
            .collect()
    }

    /// Version of a stream, 0 when it does not exist.
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt`.
    pub async fn stream_version(&self, stream: &StreamId) -> Result<Version, LogError> {
        match &self.inner.pool {
            Pool::Sqlite(pool) => sqlite::stream_version(pool, stream).await,
            Pool::Postgres(pool) => postgres::stream_version(pool, stream).await,
        }
    }

    /// The digest under which a command was recorded and its receipt, none when it was not.
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt`.
    pub async fn receipt(&self, command: Uuid) -> Result<Option<([u8; 32], Receipt)>, LogError> {
        const SQL: &str = "select command_digest, at_us, position from entry where command = $1 order by command_index";
        let rows: Vec<(Vec<u8>, i64, i64)> = match &self.inner.pool {
            Pool::Sqlite(pool) => sqlx::query_as(SQL).bind(command.to_string()).fetch_all(pool).await,
            Pool::Postgres(pool) => sqlx::query_as(SQL).bind(command).fetch_all(pool).await,
        }
        .map_err(|error| told(&error))?;
        let mut known = Known::default();
        for (digest, at_us, at) in rows {
            known.record(command, &digest, at_us, at)?;
        }
        Ok(known.recorded.remove(&command).map(|recorded| {
            let receipt = Receipt { command, positions: recorded.positions, at: recorded.at, repeated: true };
            (recorded.digest, receipt)
        }))
    }

    /// The texts behind commitments. A commitment that the log does not know is left out.
    ///
    /// # Errors
    /// `Unavailable`; `Corrupt` when a text does not fit its commitment.
    pub async fn sealed(&self, commitments: &[[u8; 32]]) -> Result<HashMap<[u8; 32], Sealed>, LogError> {
        let mut found = HashMap::with_capacity(commitments.len());
        for chunk in commitments.chunks(256) {
            let rows = match &self.inner.pool {
                Pool::Postgres(pool) => {
                    let asked: Vec<&[u8]> = chunk.iter().map(<[u8; 32]>::as_slice).collect();
                    let rows = sqlx::query_as(
                        "select commitment, position, salt, text, erased_at_us from sealed_text where commitment = any($1)",
                    )
                    .bind(asked)
                    .fetch_all(pool);
                    rows.await.map_err(|error| told(&error))?
                }
                Pool::Sqlite(pool) => {
                    let mut rows = Vec::with_capacity(chunk.len());
                    let mut connection = pool.acquire().await.map_err(|error| told(&error))?;
                    for commitment in chunk {
                        let row = sqlx::query_as(
                            "select commitment, position, salt, text, erased_at_us from sealed_text where commitment = $1",
                        )
                        .bind(commitment.to_vec())
                        .fetch_optional(&mut *connection);
                        rows.extend(row.await.map_err(|error| told(&error))?);
                    }
                    rows
                }
            };
            for row in rows {
                let row = sealed_row(row)?;
                let content = match row.content {
                    Err(at) => Sealed::Erased { at },
                    Ok((salt, text)) if SealedText::commitment(&salt, &text) == row.commitment => {
                        Sealed::Text(SealedText { commitment: row.commitment, salt, text })
                    }
                    Ok(_) => {
                        let what = format!("sealed text {} does not fit its commitment", hex::encode(row.commitment));
                        return Err(LogError::corrupt(row.position, what));
                    }
                };
                found.insert(row.commitment, content);
            }
        }
        Ok(found)
    }

    /// Erases texts and their salts for ever, all in one transaction, and keeps their commitments marked as erased. The
    /// only way in which a sealed text changes. An entry that records the erasure is the caller's business. Returns how
    /// many were erased now.
    ///
    /// On SQLite the bytes are overwritten, in the write-ahead log too. On PostgreSQL they are gone from the file after
    /// `vacuum sealed_text`; backups and archived WAL keep them until they are deleted.
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt`.
    pub async fn erase_sealed(&self, commitments: &[[u8; 32]]) -> Result<u64, LogError> {
        let now = self.inner.options.clock.now();
        let erased: Vec<_> = commitments.iter().map(|commitment| (*commitment, now)).collect();
        self.erase(&erased).await
    }

    /// Erases texts as of the given times.
    pub(crate) async fn erase(&self, commitments: &[([u8; 32], Timestamp)]) -> Result<u64, LogError> {
        const SQL: &str = "update sealed_text
             set salt = null, text = null, erased_at_us = $2
             where commitment = $1 and erased_at_us is null";
        let mut erased = 0;
        match &self.inner.pool {
            Pool::Sqlite(pool) => {
                let mut transaction = pool.begin_with("begin immediate").await.map_err(|error| told(&error))?;
                for (commitment, at) in commitments {
                    let done =
                        sqlx::query(SQL).bind(commitment.to_vec()).bind(at.micros()).execute(&mut *transaction).await;
                    erased += done.map_err(|error| told(&error))?.rows_affected();
                }
                transaction.commit().await.map_err(|error| told(&error))?;
                sqlx::query("pragma wal_checkpoint(truncate)").execute(pool).await.map_err(|error| told(&error))?;
            }
            Pool::Postgres(pool) => {
                let mut transaction = pool.begin().await.map_err(|error| told(&error))?;
                for (commitment, at) in commitments {
                    let done =
                        sqlx::query(SQL).bind(commitment.as_slice()).bind(at.micros()).execute(&mut *transaction).await;
                    erased += done.map_err(|error| told(&error))?.rows_affected();
                }
                transaction.commit().await.map_err(|error| told(&error))?;
            }
        }
        Ok(erased)
    }

    /// Something to wait on until the log may have grown. It comes back at the latest after half a second, so a reader
    /// that looks each time misses nothing, whatever becomes of the notification.
    ///
    /// # Panics
    /// When called outside of a tokio runtime on PostgreSQL.
    #[must_use]
    pub fn wake(&self) -> Wake {
        if let (Pool::Postgres(pool), Some(channel)) = (&self.inner.pool, &self.inner.channel) {
            let mut listener = self.inner.listener.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if listener.is_none() {
                let task = listen(pool.clone(), channel.clone(), self.inner.wake.clone());
                *listener = Some(tokio::spawn(task).abort_handle());
            }
        }
        Wake { grown: self.inner.wake.subscribe() }
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

    /// Sealed texts that came in with the entries of a range, after the one given, in order.
    pub(crate) async fn sealed_rows(
        &self,
        after: (Position, Vec<u8>),
        to: Position,
    ) -> Result<Vec<SealedRow>, LogError> {
        let rows: Vec<SealedColumns> = on_pool!(&self.inner.pool, pool => {
            sqlx::query_as(
                "select commitment, position, salt, text, erased_at_us
                 from sealed_text
                 where (position, commitment) > ($1, $2) and position < $3
                 order by position, commitment
                 limit $4",
            )
            .bind(integer(after.0.0))
            .bind(after.1)
            .bind(integer(to.0))
            .bind(CHUNK as i64)
            .fetch_all(pool)
            .await
            .map_err(|error| told(&error))?
        });
        rows.into_iter().map(sealed_row).collect()
    }

    /// Leaf hashes of the entries from a position up to another.
    pub(crate) async fn leaves(&self, from: Position, to: Position) -> Result<Vec<Hash>, LogError> {
        let rows: Vec<(i64, Vec<u8>)> = on_pool!(&self.inner.pool, pool => {
            sqlx::query_as(
                "select position, leaf_hash
                 from entry
                 where position >= $1 and position < $2
                 order by position",
            )
            .bind(integer(from.0))
            .bind(integer(to.0))
            .fetch_all(pool)
            .await
            .map_err(|error| placed(told(&error), from))?
        });
        if rows.len() as u64 != to.0.saturating_sub(from.0) {
            return Err(LogError::corrupt(from, format!("{} of {} entries", rows.len(), to.0.saturating_sub(from.0))));
        }
        rows.into_iter()
            .map(|(at, leaf)| {
                Ok(Hash(bytes32(&leaf, "entry.leaf_hash").map_err(|error| placed(error, Position(at.unsigned_abs())))?))
            })
            .collect()
    }

    /// Continues a frontier of this log by the stored leaf hashes up to `size`.
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt`.
    pub async fn continue_frontier(&self, mut frontier: Frontier, size: u64) -> Result<Frontier, LogError> {
        while frontier.size() < size {
            let from = frontier.size();
            let to = size.min(from + 4 * CHUNK as u64);
            frontier.extend(self.leaves(Position(from), Position(to)).await?);
        }
        Ok(frontier)
    }

    /// Whole rows from a position on, for checking and copying. A row that cannot be read is an error in its place.
    pub(crate) async fn rows(&self, from: Position, limit: usize) -> Result<Vec<Result<Row, LogError>>, LogError> {
        match &self.inner.pool {
            Pool::Sqlite(pool) => sqlite::rows(pool, from, limit).await,
            Pool::Postgres(pool) => postgres::rows(pool, from, limit).await,
        }
    }
}

/// Waits for the log to grow. See [`Log::wake`].
#[derive(Debug, Clone)]
pub struct Wake {
    grown: watch::Receiver<u64>,
}

impl Wake {
    /// Returns when the log may have grown since the last call, at the latest after half a second.
    pub async fn wait(&mut self) {
        let grown = tokio::time::timeout(Duration::from_millis(POLL_MS), self.grown.changed()).await;
        if let Ok(Err(_)) = grown {
            // The log was closed: nothing will come, but the reader must not spin.
            tokio::time::sleep(Duration::from_millis(POLL_MS)).await;
        }
    }
}

/// Passes on what other processes append.
async fn listen(pool: sqlx::PgPool, channel: String, wake: watch::Sender<u64>) {
    loop {
        let failed = async {
            let mut listener = sqlx::postgres::PgListener::connect_with(&pool).await?;
            listener.listen(&channel).await?;
            loop {
                let told = listener.recv().await?;
                wake.send_replace(told.payload().parse().unwrap_or(0));
            }
        };
        let failed: Result<std::convert::Infallible, sqlx::Error> = failed.await;
        let Err(error) = failed;
        if matches!(error, sqlx::Error::PoolClosed) {
            return;
        }
        tracing::debug!(error = %error, "not listening for appends; polling goes on");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Runs `fetch` one chunk ahead of its reader, until a chunk is empty.
pub(crate) fn read_ahead<T, F, R>(
    from: Position,
    fetch: F,
) -> impl Stream<Item = Result<Vec<T>, LogError>> + Send + 'static
where
    T: Send + 'static,
    F: Fn(Position) -> R + Send + 'static,
    R: Future<Output = Result<(Vec<T>, Position), LogError>> + Send,
{
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut at = from;
        loop {
            let chunk = fetch(at).await;
            let last = chunk.as_ref().map_or(true, |(chunk, _)| chunk.is_empty());
            let chunk = chunk.map(|(chunk, next)| {
                at = next;
                chunk
            });
            let empty = matches!(&chunk, Ok(chunk) if chunk.is_empty());
            if (!empty && sender.send(chunk).await.is_err()) || last {
                return;
            }
        }
    });
    futures_util::stream::unfold(receiver, |mut receiver| async move {
        let chunk = receiver.recv().await?;
        Some((chunk, receiver))
    })
}

/// The entries of [`Lines::Entries`], none when a line is not as it should be.
fn entries_of(text: &[u8], from: Position, limit: usize) -> Option<Vec<StoredEntry>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    let text = std::str::from_utf8(text).ok()?;
    let mut entries = Vec::with_capacity(limit);
    for (line, expected) in text.split('\n').zip(from.0..) {
        let (number, entry) = line.split_once(' ')?;
        if number.parse() != Ok(expected) || entries.len() == limit {
            return None;
        }
        entries.push(StoredEntry { position: Position(expected), bytes: entry.to_owned() });
    }
    Some(entries)
}

fn stored(found: i64, expected: Position, bytes: &[u8]) -> Result<StoredEntry, LogError> {
    let found = position(found)?;
    if found != expected {
        return Err(LogError::corrupt(
            expected,
            format!("the entry is missing, the next one stands at position {found}"),
        ));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(StoredEntry { position: expected, bytes: text.to_owned() }),
        Err(error) => Err(LogError::corrupt(expected, format!("the entry is no text: {error}"))),
    }
}

pub(crate) type SealedColumns = (Vec<u8>, i64, Option<Vec<u8>>, Option<String>, Option<i64>);

pub(crate) fn sealed_row(columns: SealedColumns) -> Result<SealedRow, LogError> {
    let (commitment, at, salt, text, erased_at_us) = columns;
    let content = match (salt, text, erased_at_us) {
        (Some(salt), Some(text), None) => Ok((bytes32(&salt, "sealed_text.salt")?, text)),
        (None, None, Some(at)) => Err(time(at, "sealed_text.erased_at_us")?),
        _ => return Err(LogError::corrupt(position(at)?, "a sealed text is neither there nor erased")),
    };
    Ok(SealedRow { commitment: bytes32(&commitment, "sealed_text.commitment")?, position: position(at)?, content })
}

/// Says where damage was found, when the error does not.
pub(crate) fn placed(error: LogError, at: Position) -> LogError {
    if let LogError::Corrupt { position: None, what } = error {
        return LogError::corrupt(at, what);
    }
    error
}

fn stopped() -> LogError {
    LogError::unavailable("the log was closed; if the append was sent, it may have been recorded")
}

fn kibibytes(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(1_024)).unwrap_or(u32::MAX)
}
