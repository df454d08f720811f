//! Building a log anew from what a backup holds, entry by entry as it was stored.
//!
//! **Shape.** A row of the table `lease` says that a restore was begun, from before the first entry until everything is
//! there and was checked. While it stands the log opens only for a restore: what a cut restore left is a shorter log that
//! looks whole. Chunk by chunk as a copy does it, so that the same restore goes on where it was cut; every entry is held
//! to its form, its place and the tree on the way.

use std::collections::VecDeque;

use sogoc_proof::{Frontier, leaf_hash};

use crate::checkpoint::SignedCheckpoint;
use crate::clock::Timestamp;
use crate::copy::copy_chunk;
use crate::entry::Entry;
use crate::error::LogError;
use crate::log::{Log, Target};
use crate::options::Options;
use crate::postgres::PgWriter;
use crate::sqlite::SqliteWriter;
use crate::store::{Row, SealedRow, Writer, integer, on_pool, told};
use crate::values::Position;
use crate::verify::check_row;

/// Name of the row that marks an unfinished restore.
const MARK: &str = "restore";

/// A sealed text as a store holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredText {
    /// What the entry holds of it.
    pub commitment: [u8; 32],
    /// First entry of the command that brought it in.
    pub position: Position,
    /// Salt and text, or when both were erased.
    pub content: Result<([u8; 32], String), Timestamp>,
}

impl From<SealedRow> for StoredText {
    fn from(row: SealedRow) -> Self {
        Self { commitment: row.commitment, position: row.position, content: row.content }
    }
}

enum AnyWriter {
    Sqlite(SqliteWriter),
    Postgres(Box<PgWriter>),
}

/// A restore under way.
pub struct Restoring {
    log: Log,
    writer: AnyWriter,
    /// Of what was taken so far.
    frontier: Frontier,
    /// Of what an earlier run left there.
    already: Frontier,
}

impl std::fmt::Debug for Restoring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Restoring({:?} at {})", self.log, self.frontier.size())
    }
}

impl Log {
    /// Sealed texts that came in with the entries from a position up to another, in order. For a backup.
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt`.
    pub async fn stored_texts(&self, from: Position, to: Position) -> Result<Vec<StoredText>, LogError> {
        // What comes after the last commitment of the entry before is of this range.
        Ok(self.sealed_between(from, to).await?.into_iter().map(StoredText::from).collect())
    }

    /// Begins to restore `size` entries under the name of the options, or goes on with a restore that was cut short. The
    /// place must be empty otherwise; it is made where there is none.
    ///
    /// # Errors
    /// `Refused` for a place that holds a log; as [`Log::open_or_create`].
    pub async fn begin_restore(url: &str, options: Options, size: u64) -> Result<Restoring, LogError> {
        let options = Options { restoring: true, ..options };
        let log = match Self::open(url, options.clone()).await {
            // On a server the service's own role could not make one, and need not where its owner has.
            Err(LogError::Schema { found: 0, .. } | LogError::Unusable { .. } | LogError::NotARegister { .. }) => {
                Self::open_or_create(url, options).await?
            }
            opened => opened?,
        };
        match log.begin(size).await {
            Ok((writer, already)) => Ok(Restoring { log, writer, frontier: Frontier::new(), already }),
            Err(error) => {
                log.close().await;
                Err(error)
            }
        }
    }

    async fn begin(&self, size: u64) -> Result<(AnyWriter, Frontier), LogError> {
        let found = self.head().await?.size;
        if self.restore_mark().await?.is_none() {
            if found > 0 || self.latest_checkpoint().await?.is_some() {
                return Err(LogError::refused(
                    format!("a restore into {}, which has a log of {found} entries", self.store()),
                    "an empty place: nothing recorded is ever overwritten",
                    "restore into a new store with --store; move this one away first if it is lost",
                ));
            }
            self.set_restore_mark(size).await?;
        }
        // What a forced restore records comes after the entries of the backup.
        let already = self.continue_frontier(Frontier::new(), found.min(size)).await?;
        let writer = match self.target() {
            Target::Sqlite(place) => {
                let (pool, writer) = place.open(self.options()).await?;
                pool.close().await;
                AnyWriter::Sqlite(writer)
            }
            Target::Postgres(place) => {
                let (pool, writer) = place.open(self.options()).await?;
                pool.close().await;
                AnyWriter::Postgres(Box::new(writer))
            }
        };
        Ok((writer, already))
    }

    /// Ends a restore: from here on the log is one like any other.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn end_restore(&self) -> Result<(), LogError> {
        on_pool!(self.pool(), pool => {
            let deleted = sqlx::query("delete from lease where name = $1").bind(MARK).execute(pool).await;
            deleted.map_err(|error| told(&error))?;
        });
        Ok(())
    }

    /// How many entries an unfinished restore is to bring.
    async fn restore_mark(&self) -> Result<Option<i64>, LogError> {
        const SQL: &str = "select cursor from lease where name = $1";
        on_pool!(self.pool(), pool => {
            sqlx::query_scalar(SQL).bind(MARK).fetch_optional(pool).await.map_err(|error| told(&error))
        })
    }

    async fn set_restore_mark(&self, size: u64) -> Result<(), LogError> {
        on_pool!(self.pool(), pool => {
            let inserted = sqlx::query(
                "insert into lease (name, holder, fence, until_us, cursor)
                 values ($1, $1, 0, 0, $2)
                 on conflict (name) do nothing",
            )
            .bind(MARK)
            .bind(integer(size))
            .execute(pool);
            inserted.await.map_err(|error| told(&error))?;
        });
        Ok(())
    }

    /// That no restore into this store was left unfinished.
    pub(crate) async fn check_restored(&self) -> Result<(), LogError> {
        let Some(size) = self.restore_mark().await? else { return Ok(()) };
        Err(LogError::Unusable {
            what: format!("a restore of {size} entries into {} was begun and not finished", self.store()),
            remedy: "run the same `sogoc restore` again: it goes on where it was; or empty the store".to_owned(),
        })
    }
}

impl Restoring {
    /// The log that is being restored.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Entries that an earlier run left there.
    #[must_use]
    pub fn already(&self) -> u64 {
        self.already.size()
    }

    /// Takes the next entries, as they were stored, and the texts that came in with them. What is there already is only
    /// compared.
    ///
    /// # Errors
    /// `Corrupt` with the position of an entry that is not right; `NotAPrefix` when an earlier run was of another backup, or
    /// somebody else writes; `Unavailable`.
    pub async fn take(&mut self, entries: Vec<String>, texts: Vec<StoredText>) -> Result<(), LogError> {
        let name = self.log.name().to_owned();
        let from = self.frontier.size();
        let mut rows = VecDeque::with_capacity(entries.len());
        for (bytes, position) in entries.into_iter().zip(from..) {
            rows.push_back(row(bytes, Position(position), &name)?);
        }
        let mut texts: Vec<SealedRow> = texts
            .into_iter()
            .map(|text| SealedRow { commitment: text.commitment, position: text.position, content: text.content })
            .collect();
        if self.already.size() > from {
            let there = usize::try_from(self.already.size() - from).unwrap_or(usize::MAX).min(rows.len());
            self.frontier.extend(rows.drain(..there).map(|row| row.leaf));
            let end = Position(self.frontier.size());
            if end.0 == self.already.size() && self.frontier != self.already {
                let what = format!("an unfinished restore left {end} entries there, and they are of another backup");
                return Err(LogError::NotAPrefix { what });
            }
            // Erased since the earlier run, where this backup is a newer one.
            let gone: Vec<_> = texts
                .iter()
                .filter(|text| text.position < end)
                .filter_map(|text| text.content.as_ref().err().map(|at| (text.commitment, *at)))
                .collect();
            if !gone.is_empty() {
                self.log.erase(&gone).await?;
            }
            texts.retain(|text| text.position >= end);
        }
        if rows.is_empty() {
            return Ok(());
        }
        let (rows, frontier) = (rows.make_contiguous(), &mut self.frontier);
        let copied = match &mut self.writer {
            AnyWriter::Sqlite(writer) => copy_chunk(writer, frontier, rows, &texts).await,
            AnyWriter::Postgres(writer) => copy_chunk(writer.as_mut(), frontier, rows, &texts).await,
        };
        if let Err(error) = copied {
            match &mut self.writer {
                AnyWriter::Sqlite(writer) => writer.discard(),
                AnyWriter::Postgres(writer) => writer.discard(),
            }
            return Err(error);
        }
        self.log.grown(self.frontier.size());
        Ok(())
    }

    /// Takes checkpoints of the entries so far, ascending, with their cosignatures. Returns how many of both were new.
    ///
    /// # Errors
    /// `Refused` for one beyond what was taken; `NotAPrefix` when another one of its size is there; `Unavailable`.
    pub async fn take_checkpoints(&self, page: &[SignedCheckpoint]) -> Result<(u64, u64), LogError> {
        if let Some(beyond) = page.iter().find(|checkpoint| checkpoint.size() > self.frontier.size()) {
            return Err(LogError::refused(
                format!("a checkpoint of {} entries", beyond.size()),
                format!("{} entries that were restored", self.frontier.size()),
                "take the entries first",
            ));
        }
        self.log.take_checkpoints(page).await
    }

    /// Ends the writing and gives the log, which is still marked as unfinished: check it, then [`Log::end_restore`].
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt`.
    pub async fn written(mut self) -> Result<Log, LogError> {
        match &mut self.writer {
            AnyWriter::Sqlite(writer) => writer.close().await,
            AnyWriter::Postgres(writer) => writer.close().await,
        }
        // Derived from the entries, so made anew: proofs are as quick there as before.
        self.log.extend_tiles().await?;
        Ok(self.log)
    }
}

/// The row of an entry, whose columns are what it says.
fn row(bytes: String, position: Position, log: &str) -> Result<Row, LogError> {
    let wrong = |what: String| LogError::corrupt(position, what);
    let entry = Entry::parse(&bytes).map_err(|error| wrong(error.to_string()))?;
    if entry.position != position {
        return Err(wrong(format!("the entry is missing, one with position {} stands in its place", entry.position)));
    }
    let row = Row {
        position,
        stream: entry.stream.to_owned(),
        version: entry.version,
        kind: entry.kind.to_owned(),
        command: entry.command,
        command_index: entry.command_index,
        command_digest: entry.command_digest,
        at: entry.at,
        leaf: leaf_hash(bytes.as_bytes()),
        entry: bytes.clone(),
    };
    check_row(&row, log).map_err(wrong)?;
    Ok(row)
}
