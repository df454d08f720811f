//! What both stores do, and how their errors are told.

use std::collections::HashMap;
use std::time::Duration;

use sogoc_proof::{Frontier, Hash};
use uuid::Uuid;

use crate::append::SealedText;
use crate::clock::Timestamp;
use crate::error::LogError;
use crate::values::{Position, StreamId, Version};

/// Schema that this program reads and writes; the number of the newest migration.
pub(crate) const SCHEMA: u32 = 3;

/// Connections to the store, for the SQL mirror, which keeps its tables beside the log.
#[derive(Debug, Clone)]
pub enum Pool {
    /// The embedded store.
    Sqlite(sqlx::SqlitePool),
    /// The server.
    Postgres(sqlx::PgPool),
}

/// Longest wait for what one statement reads, in seconds. A connection whose other side has gone without a word (its host
/// lost power, a firewall its state) never says so: whatever waits for it has to give up by itself.
const READ_SECONDS_MAX: u64 = 10;

/// What a statement reads, if the store gives it in time.
pub(crate) async fn in_time<T>(read: impl Future<Output = Result<T, LogError>>) -> Result<T, LogError> {
    in_seconds(READ_SECONDS_MAX, read).await
}

/// What the store is asked for, which is given up when it takes longer.
pub(crate) async fn in_seconds<T>(
    seconds: u64,
    asked: impl Future<Output = Result<T, LogError>>,
) -> Result<T, LogError> {
    let late = |_| LogError::unavailable(format!("the store did not answer within {seconds} s"));
    tokio::time::timeout(Duration::from_secs(seconds), asked).await.map_err(late)?
}

/// Runs the same statements on either store: `$1` parameters work on both.
macro_rules! on_pool {
    ($pool:expr, $connection:ident => $body:expr) => {
        match $pool {
            $crate::store::Pool::Sqlite($connection) => $body,
            $crate::store::Pool::Postgres($connection) => $body,
        }
    };
}
pub(crate) use on_pool;

/// A row of the table `entry`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) position: Position,
    pub(crate) stream: String,
    pub(crate) version: Version,
    pub(crate) kind: String,
    pub(crate) command: Uuid,
    pub(crate) command_index: u32,
    pub(crate) command_digest: [u8; 32],
    pub(crate) at: Timestamp,
    pub(crate) entry: String,
    pub(crate) leaf: Hash,
}

/// Entries of a range as one text, which costs either store a fraction of what a row each costs. One line an entry, first
/// its position and a space: an entry has no line break of its own, as JSON escapes it. What tampering may have made of
/// that shows as a line too many or a number out of order, and then the rows are read one by one.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Lines {
    /// `position entry`
    Entries,
    /// `position version at_us command command_index command_digest leaf_hash stream kind entry`, the hashes in the digits
    /// of the store: small letters on PostgreSQL, capitals on SQLite.
    Columns,
}

/// A row of the table `sealed_text`.
#[derive(Debug, Clone)]
pub(crate) struct SealedRow {
    pub(crate) commitment: [u8; 32],
    pub(crate) position: Position,
    /// Salt and text, or when they were erased.
    pub(crate) content: Result<([u8; 32], String), Timestamp>,
}

impl SealedRow {
    pub(crate) fn new(position: Position, sealed: &SealedText) -> Self {
        Self { commitment: sealed.commitment, position, content: Ok((sealed.salt, sealed.text.clone())) }
    }
}

/// The head row.
#[derive(Debug, Clone)]
pub(crate) struct HeadRow {
    pub(crate) frontier: Frontier,
    pub(crate) last_at: Option<Timestamp>,
    pub(crate) name: String,
    pub(crate) schema: u32,
}

impl HeadRow {
    pub(crate) fn from_columns(
        size: i64,
        frontier: &[u8],
        last_at_us: Option<i64>,
        name: String,
        schema: i64,
    ) -> Result<Self, LogError> {
        let schema = u32::try_from(schema).unwrap_or(u32::MAX);
        if schema != SCHEMA {
            return Err(LogError::Schema { found: schema, usable: SCHEMA });
        }
        let frontier = Frontier::from_bytes(frontier)
            .map_err(|error| LogError::corrupt(None, format!("head.frontier: {error}")))?;
        if u64::try_from(size) != Ok(frontier.size()) {
            let what = format!("head.size is {size}, head.frontier has {} leaves", frontier.size());
            return Err(LogError::corrupt(None, what));
        }
        let last_at = last_at_us.map(|us| time(us, "head.last_at_us")).transpose()?;
        if last_at.is_none() != (size == 0) {
            return Err(LogError::corrupt(None, format!("head.last_at_us is {last_at_us:?} at size {size}")));
        }
        Ok(Self { frontier, last_at, name, schema })
    }
}

/// What a batch must know before it is judged.
#[derive(Debug, Default)]
pub(crate) struct Question {
    pub(crate) commands: Vec<Uuid>,
    pub(crate) streams: Vec<StreamId>,
    pub(crate) unmoved: Vec<(String, Position)>,
    /// Commitments of sealed texts that are to be erased.
    pub(crate) erases: Vec<[u8; 32]>,
}

/// A command that is recorded.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    pub(crate) digest: [u8; 32],
    pub(crate) at: Timestamp,
    pub(crate) positions: Vec<Position>,
}

/// The answers, as of the lock.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) recorded: HashMap<Uuid, Recorded>,
    /// Version of each stream asked for, 0 where it does not exist; in the order of the question.
    pub(crate) versions: Vec<Version>,
    /// First entry after the position under each prefix, in the order of the question.
    pub(crate) moved: Vec<Option<(StreamId, Position)>>,
    /// Of the commitments asked for, those that the log holds, and when they were erased. They stay so until the commit.
    pub(crate) texts: HashMap<[u8; 32], Option<Timestamp>>,
    /// The store's own clock, where it has one.
    pub(crate) now: Option<Timestamp>,
}

impl Known {
    pub(crate) fn record(&mut self, command: Uuid, digest: &[u8], at_us: i64, position: i64) -> Result<(), LogError> {
        let position = self::position(position)?;
        let digest = bytes32(digest, "entry.command_digest")?;
        let at = time(at_us, "entry.at_us")?;
        let fresh = || Recorded { digest, at, positions: Vec::new() };
        self.recorded.entry(command).or_insert_with(fresh).positions.push(position);
        Ok(())
    }

    pub(crate) fn hold(&mut self, commitment: &[u8], erased_at_us: Option<i64>) -> Result<(), LogError> {
        let erased = erased_at_us.map(|us| time(us, "sealed_text.erased_at_us")).transpose()?;
        self.texts.insert(bytes32(commitment, "sealed_text.commitment")?, erased);
        Ok(())
    }
}

/// One connection that appends. Every step is a separate call, so that each can fail on its own.
pub(crate) trait Writer: Send + 'static {
    /// Makes sure of a connection: a fresh one when the last one is gone.
    fn connect(&mut self) -> impl Future<Output = Result<(), LogError>> + Send;
    /// Begins the transaction, locks the head row against all other writers, and reads it.
    fn begin(&mut self) -> impl Future<Output = Result<HeadRow, LogError>> + Send;
    /// Looks up what a batch must know, in statements that begin after the lock is held.
    fn look_up(&mut self, question: &Question) -> impl Future<Output = Result<Known, LogError>> + Send;
    /// Erases sealed texts that are there.
    fn erase(&mut self, commitments: &[[u8; 32]], at: Timestamp) -> impl Future<Output = Result<(), LogError>> + Send;
    /// Inserts entries and sealed texts, and moves the head over them from the size that was read.
    fn record(
        &mut self,
        rows: &[Row],
        sealed: &[SealedRow],
        old_size: u64,
        head: &HeadRow,
    ) -> impl Future<Output = Result<(), LogError>> + Send;
    /// Commits: durable when it returns.
    fn commit(&mut self) -> impl Future<Output = Result<(), LogError>> + Send;
    /// After a commit: has what was erased overwritten where the store can do that, without waiting for readers. What
    /// could not be done now is done after a later commit.
    fn scrub(&mut self) -> impl Future<Output = ()> + Send;
    /// Ends a transaction that changed nothing.
    fn rollback(&mut self) -> impl Future<Output = Result<(), LogError>> + Send;
    /// Drops the connection, and with it the transaction, whatever state it is in.
    fn discard(&mut self);
    /// Closes the connection in order.
    fn close(&mut self) -> impl Future<Output = ()> + Send;
}

pub(crate) fn integer(value: u64) -> i64 {
    i64::try_from(value).expect("positions, versions and sizes are below 2^53")
}

pub(crate) fn position(value: i64) -> Result<Position, LogError> {
    u64::try_from(value).map(Position).map_err(|_| LogError::corrupt(None, format!("entry.position is {value}")))
}

pub(crate) fn version(value: i64) -> Result<Version, LogError> {
    u64::try_from(value).map(Version).map_err(|_| LogError::corrupt(None, format!("entry.version is {value}")))
}

pub(crate) fn time(us: i64, column: &str) -> Result<Timestamp, LogError> {
    Timestamp::from_micros(us)
        .ok_or_else(|| LogError::corrupt(None, format!("{column} is {us}, outside the years 0000 to 9999")))
}

pub(crate) fn bytes32(bytes: &[u8], column: &str) -> Result<[u8; 32], LogError> {
    bytes.try_into().map_err(|_| LogError::corrupt(None, format!("{column} has {} bytes, not 32", bytes.len())))
}

/// What to say when fewer texts were erased than were found under the lock.
pub(crate) fn erased_all(asked: usize, erased: u64) -> Result<(), LogError> {
    if erased == asked as u64 {
        return Ok(());
    }
    Err(LogError::unavailable("a sealed text was erased by somebody else meanwhile"))
}

/// The prefix's end: the first text after all that begin with it. Prefixes end in ASCII, so the last byte can be raised.
pub(crate) fn prefix_end(prefix: &str) -> String {
    let mut end = prefix.to_owned();
    let last = end.pop().expect("prefixes are not empty");
    end.push(char::from(last as u8 + 1));
    end
}

/// Sorts a database error by what the caller can do about it. Told by code and constraint name, never by text.
pub(crate) fn told(error: &sqlx::Error) -> LogError {
    let Some(database) = error.as_database_error() else {
        if matches!(error, sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::ColumnNotFound(_)) {
            return LogError::corrupt(None, format!("a column cannot be read: {error}"));
        }
        // The only row that is ever asked for as a matter of course.
        if matches!(error, sqlx::Error::RowNotFound) {
            return LogError::corrupt(None, "the head row is missing");
        }
        return LogError::unavailable(error.to_string());
    };
    let code = database.code().unwrap_or_default();
    if database.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some() {
        return told_by_postgres(&code, database);
    }
    // SQLite gives extended result codes; the low byte is the class.
    let class = code.parse::<u32>().map_or(0, |code| code & 0xff);
    match class {
        // SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_CONSTRAINT (what is stored contradicts the head).
        11 | 26 | 19 => LogError::corrupt(None, database.message()),
        _ => LogError::unavailable(database.message()),
    }
}

fn told_by_postgres(code: &str, database: &dyn sqlx::error::DatabaseError) -> LogError {
    match code {
        // No such table, schema or column.
        "42P01" | "3F000" | "42703" => LogError::Schema { found: 0, usable: SCHEMA },
        "42501" => LogError::Unusable {
            what: database.message().to_owned(),
            remedy: "grant the service's role to the log-in, and run `sogoc store migrate` as the owner".to_owned(),
        },
        // Integrity constraints, data exceptions, and damage that the server saw.
        _ if code.starts_with("23") || code.starts_with("22") || code.starts_with("XX") => {
            let constraint = database.constraint().map(|name| format!(" ({name})")).unwrap_or_default();
            LogError::corrupt(None, format!("{}{constraint}", database.message()))
        }
        _ => LogError::unavailable(format!("{} ({code})", database.message())),
    }
}
