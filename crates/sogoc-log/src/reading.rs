//! Reading the log. Dense positions mean that a reader needs no high-water mark: after p comes p + 1.

use futures_util::{Stream, StreamExt as _};
use sogoc_proof::{Frontier, Hash};
use sqlx::Row as _;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::append::Receipt;
use crate::entry::{Entry, EntryError};
use crate::error::LogError;
use crate::log::Log;
use crate::store::{Known, Lines, Pool, Row, bytes32, in_time, integer, on_pool, position, prefix_end, told, version};
use crate::values::{NUMBER_LIMIT, Position, StreamId, Version};
use crate::{postgres, sqlite};

/// Rows that one statement reads.
pub(crate) const CHUNK: usize = 2_048;
/// Chunks that one statement gives on PostgreSQL.
const CHUNKS_AT_A_TIME: usize = 64;

/// A chunk of lines: its range, and its text where the store could read it.
pub(crate) type Fetched = Result<(Position, Position, Option<Vec<u8>>), LogError>;

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

impl Log {
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
        let to = Position(from.0.saturating_add(limit as u64).min(NUMBER_LIMIT));
        if from >= to {
            return Ok(Vec::new());
        }
        match in_time(self.lines(Lines::Entries, from, to)).await {
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
        on_pool!(self.pool(), pool => {
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

    /// A range of at most [`CHUNK`] entries as lines.
    async fn lines(&self, lines: Lines, from: Position, to: Position) -> Result<Vec<u8>, LogError> {
        match self.pool() {
            Pool::Sqlite(pool) => sqlite::lines(pool, lines, from, to).await,
            Pool::Postgres(pool) => {
                let chunks = postgres::lines(pool, lines, from, to, CHUNK);
                std::pin::pin!(chunks).next().await.unwrap_or_else(|| Ok(Vec::new()))
            }
        }
    }

    /// Sends the entries from a position up to the size as lines, in chunks in order. Where the store stumbles over
    /// damage the chunk has no text, to be looked at row by row. Ends early with its reader, or with an error.
    pub(crate) async fn send_lines(&self, lines: Lines, from: Position, size: u64, chunks: &mpsc::Sender<Fetched>) {
        let chunk = |from, to, text| match text {
            Ok(text) => Ok((from, to, Some(text))),
            Err(LogError::Corrupt { .. }) => Ok((from, to, None)),
            Err(error) => Err(error),
        };
        let mut ranges = ranges(from, size).peekable();
        if let Pool::Postgres(pool) = self.pool() {
            // A statement at a time for many chunks, and not for all: a reader that stops to think for long would keep
            // the server from cleaning up.
            while let Some((start, _)) = ranges.peek().copied() {
                let end = size.min(start.0 + (CHUNK * CHUNKS_AT_A_TIME) as u64);
                let mut texts = std::pin::pin!(postgres::lines(pool, lines, start, Position(end), CHUNK));
                while let Some((from, to)) = ranges.next_if(|(from, _)| from.0 < end) {
                    let text = texts.next().await.unwrap_or_else(|| Ok(Vec::new()));
                    // After an error the statement is over: another goes on after the damage.
                    let damaged = matches!(text, Err(LogError::Corrupt { .. }));
                    if !send(chunks, chunk(from, to, text)).await {
                        return;
                    }
                    if damaged {
                        break;
                    }
                }
            }
            return;
        }
        let mut texts = std::pin::pin!(
            futures_util::stream::iter(ranges)
                .map(|(from, to)| async move { chunk(from, to, self.lines(lines, from, to).await) })
                .buffered(2)
        );
        while let Some(text) = texts.next().await {
            if !send(chunks, text).await {
                return;
            }
        }
    }

    /// All entries from a position to the end of the log, in chunks in order. The next chunk is fetched while one is
    /// worked on, and no more: a slow reader slows the reading.
    ///
    /// # Errors
    /// The stream ends after its first error: as [`Log::read`].
    ///
    /// # Panics
    /// When called outside of a tokio runtime.
    pub fn read_all(&self, from: Position) -> impl Stream<Item = Result<Vec<StoredEntry>, LogError>> + Send + 'static {
        let log = self.clone();
        ahead(move |chunks| async move {
            let size = match log.head().await {
                Ok(head) => head.size,
                Err(error) => return drop(chunks.send(Err(error)).await),
            };
            let (reader, fetching) = (log.clone(), log.clone());
            let fetched = ahead(move |chunks| async move {
                fetching.send_lines(Lines::Entries, from, size, &chunks).await;
            });
            let mut fetched = std::pin::pin!(fetched);
            while let Some(fetched) = fetched.next().await {
                let chunk = reader.entries_fetched(fetched).await;
                let last = chunk.is_err();
                if chunks.send(chunk).await.is_err() || last {
                    return;
                }
            }
            // What came in meanwhile.
            let mut next = from.max(Position(size));
            loop {
                let chunk = log.read_chunk(next, CHUNK).await;
                let (found, last) = chunk.as_ref().map_or((0, true), |chunk| (chunk.len(), chunk.is_empty()));
                next = Position(next.0.saturating_add(found as u64));
                if (chunk.is_err() || found > 0) && chunks.send(chunk).await.is_err() || last {
                    return;
                }
            }
        })
    }

    /// The entries of a chunk that the head says is there.
    async fn entries_fetched(&self, fetched: Fetched) -> Result<Vec<StoredEntry>, LogError> {
        let (from, to, text) = fetched?;
        let limit = usize::try_from(to.0 - from.0).unwrap_or(CHUNK);
        let entries = match text.and_then(|text| entries_of(&text, from, limit)) {
            Some(entries) => entries,
            None => self.read_rows(from, to).await?,
        };
        if entries.len() < limit {
            return Err(LogError::corrupt(Position(from.0 + entries.len() as u64), "the entry is missing"));
        }
        Ok(entries)
    }

    /// Entries of a stream from a version on, to its end.
    ///
    /// # Errors
    /// `Unavailable`; `Corrupt` at the first version that is missing or no text.
    pub async fn read_stream(&self, stream: &StreamId, from: Version) -> Result<Vec<StoredEntry>, LogError> {
        let mut entries = Vec::new();
        let mut next = from.max(Version(1));
        loop {
            let chunk: Result<Vec<_>, LogError> = on_pool!(self.pool(), pool => {
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
        let rows: Vec<(String, i64)> = on_pool!(self.pool(), pool => {
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
        match self.pool() {
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
        let rows: Vec<(Vec<u8>, i64, i64)> = match self.pool() {
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

    /// Leaf hashes of the entries from a position up to another.
    pub(crate) async fn leaves(&self, from: Position, to: Position) -> Result<Vec<Hash>, LogError> {
        let expected = usize::try_from(to.0.saturating_sub(from.0)).unwrap_or(usize::MAX);
        let joined = match self.pool() {
            Pool::Sqlite(pool) => sqlite::leaves(pool, from, to).await,
            Pool::Postgres(pool) => postgres::leaves(pool, from, to).await,
        };
        match joined {
            Ok(bytes) if bytes.len() == 32 * expected => {
                let (leaves, _) = bytes.as_chunks::<32>();
                return Ok(leaves.iter().copied().map(Hash).collect());
            }
            Ok(_) | Err(LogError::Corrupt { .. }) => {}
            Err(error) => return Err(error),
        }
        // Row by row, to find out where the damage is.
        let rows: Vec<(i64, Vec<u8>)> = on_pool!(self.pool(), pool => {
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
        let mut leaves = Vec::with_capacity(rows.len());
        for ((found, leaf), expected) in rows.into_iter().zip(from.0..) {
            let at = Position(expected);
            if position(found)? != at {
                return Err(LogError::corrupt(at, "the entry is missing"));
            }
            leaves.push(Hash(bytes32(&leaf, "entry.leaf_hash").map_err(|error| placed(error, at))?));
        }
        if leaves.len() < expected {
            return Err(LogError::corrupt(Position(from.0 + leaves.len() as u64), "the entry is missing"));
        }
        Ok(leaves)
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
        match self.pool() {
            Pool::Sqlite(pool) => sqlite::rows(pool, from, limit).await,
            Pool::Postgres(pool) => postgres::rows(pool, from, limit).await,
        }
    }
}

/// What `produce` sends, produced in a task of its own, one item ahead of its reader. The task ends with its reader.
pub(crate) fn ahead<T, P, R>(produce: P) -> impl Stream<Item = T> + Send + 'static
where
    T: Send + 'static,
    P: FnOnce(mpsc::Sender<T>) -> R,
    R: Future<Output = ()> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(produce(sender));
    futures_util::stream::unfold(receiver, |mut receiver| async move {
        let item = receiver.recv().await?;
        Some((item, receiver))
    })
}

/// Whether there is anything more to be sent.
async fn send(chunks: &mpsc::Sender<Fetched>, chunk: Fetched) -> bool {
    let last = chunk.is_err();
    chunks.send(chunk).await.is_ok() && !last
}

/// The chunks of a range: positions are dense, so their bounds are known beforehand.
fn ranges(from: Position, size: u64) -> impl Iterator<Item = (Position, Position)> + Send {
    (from.0..size).step_by(CHUNK).map(move |from| (Position(from), Position(size.min(from + CHUNK as u64))))
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

/// Says where damage was found, when the error does not.
pub(crate) fn placed(error: LogError, at: Position) -> LogError {
    if let LogError::Corrupt { position: None, what } = error {
        return LogError::corrupt(at, what);
    }
    error
}
