//! The full check: every byte, hash, number and copy against every other.
//!
//! **Shape.** Entries are fetched a chunk ahead as lines, looked at one by one off the executor, and then folded in order;
//! a chunk with anything wrong in it is fetched again row by row, to say what and where. **Cost.** One parse and two hashes
//! an entry; memory for one number a stream and one id a command. Appends may go on meanwhile: what is checked ends at the
//! head that was read first.

use std::collections::{HashMap, HashSet};

use futures_util::StreamExt as _;
use sogoc_proof::{Frontier, Hash, leaf_hash};
use sqlx::Row as _;
use uuid::Uuid;

use crate::append::SealedText;
use crate::clock::Timestamp;
use crate::entry::{Entry, write_hex, write_unsigned, write_uuid};
use crate::error::LogError;
use crate::log::{Head, Log};
use crate::reading::{CHUNK, Fetched, ahead, placed};
use crate::store::{Lines, Pool, Row, integer, told, version};
use crate::values::{Position, Version};

/// The first thing found wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Position where it shows; none for what has no position (the head, a trigger).
    pub position: Option<Position>,
    /// What is wrong, with what was found and what should be there.
    pub what: String,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyReport {
    /// The head that was checked against.
    pub head: Head,
    /// Entries found right.
    pub checked: u64,
    /// Sealed texts that fit their commitments.
    pub sealed: u64,
    /// Sealed texts that were erased.
    pub erased: u64,
    /// The first fault, none when everything is right.
    pub fault: Option<Fault>,
}

impl Log {
    /// Checks the log from a frontier on ([`Frontier::new`] for all of it), and every sealed text:
    ///
    /// each entry is canonical and encodes to the same bytes; every column says what the entry says; the stored leaf
    /// hash is that of the bytes; positions are dense; time never runs backwards; versions of a stream are dense; a
    /// command's entries stand together, once, under one digest; the Merkle root is that of the head row, whose size and
    /// last time are right; sealed texts fit their commitments; the triggers that refuse changes are there.
    ///
    /// `progress` is told how many entries have been checked, and how many there are.
    ///
    /// # Errors
    /// `Unavailable`. Damage is no error but the report's fault.
    pub async fn verify(
        &self,
        from: Frontier,
        mut progress: impl FnMut(u64, u64) + Send,
    ) -> Result<VerifyReport, LogError> {
        let head = match self.head().await {
            Ok(head) => head,
            Err(LogError::Corrupt { position, what }) => {
                let head = Head { log: self.name().to_owned(), size: 0, root: from.root(), at: None, frontier: from };
                let fault = Some(Fault { position, what });
                return Ok(VerifyReport { head, checked: 0, sealed: 0, erased: 0, fault });
            }
            Err(error) => return Err(error),
        };
        let mut report = VerifyReport { head, checked: 0, sealed: 0, erased: 0, fault: None };
        let checked = self.verify_all(from, &mut report, &mut progress).await;
        match checked {
            Ok(()) => {}
            Err(LogError::Corrupt { position, what }) => report.fault = Some(Fault { position, what }),
            Err(error) => return Err(error),
        }
        Ok(report)
    }

    async fn verify_all(
        &self,
        from: Frontier,
        report: &mut VerifyReport,
        progress: &mut (impl FnMut(u64, u64) + Send),
    ) -> Result<(), LogError> {
        let head = report.head.clone();
        if from.size() > head.size {
            let what = format!("the log has {} entries and had {} before", head.size, from.size());
            return Err(LogError::corrupt(Position(head.size), what));
        }
        let start = Position(from.size());
        let mut fold = Fold::new(self, from).await?;
        let (log, size) = (self.clone(), head.size);
        let fetched = ahead(move |chunks| async move {
            log.send_lines(Lines::Columns, start, size, &chunks).await;
        });
        let name = head.log.clone();
        let looked_at = fetched.map(|fetched: Fetched| {
            let (log, name) = (self.clone(), name.clone());
            async move {
                let (from, to, text) = fetched?;
                if let Some(text) = text {
                    let checked = name.clone();
                    let looking = tokio::task::spawn_blocking(move || look_at(text, from, to, &checked));
                    let looked =
                        looking.await.map_err(|error| LogError::unavailable(format!("the check stopped: {error}")))?;
                    if let Some(chunk) = looked {
                        return Ok((chunk, None));
                    }
                }
                let rows = log.rows_located(from, to).await?;
                Ok(look_closer(rows, &name))
            }
        });
        let mut looked_at = std::pin::pin!(looked_at.buffered(2));
        while let Some(chunk) = looked_at.next().await {
            let (chunk, fault): (Chunk, Option<LogError>) = chunk?;
            fold.check_before(self, &chunk).await?;
            for item in &chunk.items {
                fold.step(item, chunk.stream(item))?;
                report.checked += 1;
            }
            if let Some(fault) = fault {
                return Err(fault);
            }
            progress(report.checked, head.size - start.0);
        }
        let Fold { frontier, last_at, .. } = fold;
        if frontier.size() != head.size {
            let what = format!("the entry is missing, the head counts {}", head.size);
            return Err(LogError::corrupt(Position(frontier.size()), what));
        }
        if frontier.root() != head.root || frontier != head.frontier {
            let what = format!("the entries have root {}, the head row has {}", frontier.root(), head.root);
            return Err(LogError::corrupt(None, what));
        }
        if head.size > start.0 && last_at != head.at {
            let what = format!("head.last_at_us is {:?}, the last entry was recorded at {last_at:?}", head.at);
            return Err(LogError::corrupt(None, what));
        }
        self.verify_sealed(report).await?;
        self.verify_tables().await
    }

    async fn verify_sealed(&self, report: &mut VerifyReport) -> Result<(), LogError> {
        let end = Position(report.head.size);
        let mut after = (Position(0), Vec::new());
        loop {
            let rows = self.sealed_rows(after, end).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = (last.position, last.commitment.to_vec());
            for row in rows {
                match row.content {
                    Err(_) => report.erased += 1,
                    Ok((salt, text)) if SealedText::commitment(&salt, &text) == row.commitment => report.sealed += 1,
                    Ok(_) => {
                        let what = format!("sealed text {} does not fit its commitment", hex::encode(row.commitment));
                        return Err(LogError::corrupt(row.position, what));
                    }
                }
            }
        }
    }

    /// What stands outside of the rows that were read: nothing beyond the head, and the triggers.
    async fn verify_tables(&self) -> Result<(), LogError> {
        // One statement sees one instant: appends may go on.
        const BEYOND: &str = "select size, (select coalesce(max(position) + 1, 0) from entry) from head where id = 1";
        let (size, end): (i64, i64) = crate::store::on_pool!(self.pool(), pool => {
            sqlx::query_as(BEYOND).fetch_one(pool).await.map_err(|error| told(&error))?
        });
        if size != end {
            let what = format!("the head counts {size} entries, the last one stands at position {}", end - 1);
            return Err(LogError::corrupt(Position(size.unsigned_abs()), what));
        }
        let (found, expected): (i64, i64) = match self.pool() {
            Pool::Sqlite(pool) => {
                let sql = "select count(*) from sqlite_schema
                           where type = 'trigger' and tbl_name in ('entry', 'head', 'sealed_text')";
                (sqlx::query_scalar(sql).fetch_one(pool).await.map_err(|error| told(&error))?, 7)
            }
            Pool::Postgres(pool) => {
                let sql = "select count(*) from pg_trigger
                           where tgrelid in ('entry'::regclass, 'head'::regclass, 'sealed_text'::regclass)
                             and tgenabled = 'A' and not tgisinternal";
                (sqlx::query_scalar(sql).fetch_one(pool).await.map_err(|error| told(&error))?, 5)
            }
        };
        if found < expected {
            let what = format!("{found} of the {expected} triggers that refuse changes are in force");
            return Err(LogError::corrupt(None, what));
        }
        Ok(())
    }

    /// Rows in order, up to the first that is missing or cannot be read, which ends them as an error.
    async fn rows_located(&self, from: Position, to: Position) -> Result<Vec<Result<Row, LogError>>, LogError> {
        let limit = usize::try_from(to.0 - from.0).unwrap_or(CHUNK);
        let rows = match self.rows(from, limit).await {
            Ok(rows) => rows,
            Err(LogError::Corrupt { .. }) => {
                let mut rows = Vec::new();
                for at in from.0..to.0 {
                    match self.rows(Position(at), 1).await {
                        Ok(row) => rows.extend(row),
                        Err(error) => {
                            rows.push(Err(placed(error, Position(at))));
                            break;
                        }
                    }
                }
                rows
            }
            Err(error) => return Err(error),
        };
        let mut located = Vec::with_capacity(rows.len() + 1);
        for (row, expected) in rows.into_iter().zip(from.0..) {
            match row {
                Ok(row) if row.position.0 == expected => located.push(Ok(row)),
                Ok(row) => {
                    let what = format!("the entry is missing, the next one stands at position {}", row.position);
                    located.push(Err(LogError::corrupt(Position(expected), what)));
                    return Ok(located);
                }
                Err(error) => {
                    located.push(Err(error));
                    return Ok(located);
                }
            }
        }
        if located.len() < limit {
            let expected = Position(from.0 + located.len() as u64);
            located.push(Err(LogError::corrupt(expected, "the entry is missing")));
        }
        Ok(located)
    }
}

/// Entries that are right in themselves, as the fold needs them.
#[derive(Default)]
struct Chunk {
    /// Holds the names of the streams.
    text: String,
    items: Vec<Item>,
}

struct Item {
    position: Position,
    version: Version,
    at: Timestamp,
    command: Uuid,
    command_index: u32,
    command_digest: [u8; 32],
    leaf: Hash,
    stream: std::ops::Range<usize>,
}

impl Chunk {
    fn stream(&self, item: &Item) -> &str {
        &self.text[item.stream.clone()]
    }
}

/// Looks at the lines of a range. None when anything is not as it should be.
fn look_at(text: Vec<u8>, from: Position, to: Position, log: &str) -> Option<Chunk> {
    let text = String::from_utf8(text).ok()?;
    let mut items = Vec::with_capacity(CHUNK);
    let (mut expected, mut again) = (String::new(), String::new());
    let mut start = 0;
    for line in text.split('\n') {
        // No column but the last has a brace, so the entry begins with the first.
        let (columns, bytes) = line.split_at(line.find('{')?);
        let entry = Entry::parse(bytes).ok()?;
        let leaf = leaf_hash(bytes.as_bytes());
        // What the columns must be follows from the entry and its hash.
        expected.clear();
        write_unsigned(&mut expected, entry.position.0);
        expected.push(' ');
        write_unsigned(&mut expected, entry.version.0);
        expected.push(' ');
        write_signed(&mut expected, entry.at.micros());
        expected.push(' ');
        write_uuid(&mut expected, &entry.command);
        expected.push(' ');
        write_unsigned(&mut expected, entry.command_index.into());
        expected.push(' ');
        write_hex(&mut expected, &entry.command_digest);
        expected.push(' ');
        write_hex(&mut expected, &leaf.0);
        expected.push(' ');
        let stream_at = expected.len();
        expected.push_str(entry.stream);
        expected.push(' ');
        expected.push_str(entry.kind);
        expected.push(' ');
        again.clear();
        entry.encode_into(&mut again);
        let position = Position(from.0 + items.len() as u64);
        let right = expected == columns && again == bytes && entry.position == position && entry.log == log;
        if !right || entry.causation.is_some_and(|causation| causation >= position) {
            return None;
        }
        items.push(Item {
            position,
            version: entry.version,
            at: entry.at,
            command: entry.command,
            command_index: entry.command_index,
            command_digest: entry.command_digest,
            leaf,
            stream: start + stream_at..start + stream_at + entry.stream.len(),
        });
        start += line.len() + 1;
    }
    (items.len() as u64 == to.0 - from.0).then_some(Chunk { text, items })
}

/// Looks at rows one by one, up to the first fault.
fn look_closer(rows: Vec<Result<Row, LogError>>, log: &str) -> (Chunk, Option<LogError>) {
    let mut chunk = Chunk::default();
    for row in rows {
        let row = match row {
            Ok(row) => row,
            Err(error) => return (chunk, Some(error)),
        };
        if let Err(what) = check_row(&row, log) {
            return (chunk, Some(LogError::corrupt(row.position, what)));
        }
        let start = chunk.text.len();
        chunk.text.push_str(&row.stream);
        chunk.items.push(Item {
            position: row.position,
            version: row.version,
            at: row.at,
            command: row.command,
            command_index: row.command_index,
            command_digest: row.command_digest,
            leaf: row.leaf,
            stream: start..chunk.text.len(),
        });
    }
    (chunk, None)
}

fn write_signed(out: &mut String, value: i64) {
    if value < 0 {
        out.push('-');
    }
    write_unsigned(out, value.unsigned_abs());
}

/// Whether a row is right in itself: hash, form, and every column what the entry says.
pub(crate) fn check_row(row: &Row, log: &str) -> Result<(), String> {
    let leaf = leaf_hash(row.entry.as_bytes());
    if leaf != row.leaf {
        return Err(format!("the entry's bytes have leaf hash {leaf}, recorded was {}", row.leaf));
    }
    let entry = Entry::parse(&row.entry).map_err(|error| error.to_string())?;
    if entry.encode() != row.entry {
        return Err("the entry does not encode to its own bytes".to_owned());
    }
    if entry.log != log {
        return Err(format!("the entry belongs to log {:?}, this is {log:?}", entry.log));
    }
    let differs = |column: &str, stored: &dyn std::fmt::Display, said: &dyn std::fmt::Display| {
        Err(format!("column {column} is {stored}, the entry says {said}"))
    };
    if entry.position != row.position {
        return differs("position", &row.position, &entry.position);
    }
    if entry.stream != row.stream {
        return differs("stream", &row.stream, &entry.stream);
    }
    if entry.version != row.version {
        return differs("version", &row.version, &entry.version);
    }
    if entry.kind != row.kind {
        return differs("kind", &row.kind, &entry.kind);
    }
    if entry.command != row.command {
        return differs("command", &row.command, &entry.command);
    }
    if entry.command_index != row.command_index {
        return differs("command_index", &row.command_index, &entry.command_index);
    }
    if entry.command_digest != row.command_digest {
        return differs("command_digest", &hex::encode(row.command_digest), &hex::encode(entry.command_digest));
    }
    if entry.at != row.at {
        return differs("at_us", &row.at, &entry.at);
    }
    match entry.causation {
        Some(causation) if causation >= entry.position => {
            Err(format!("the entry names {causation} as its cause, which is not before it"))
        }
        _ => Ok(()),
    }
}

/// What must hold from entry to entry.
struct Fold {
    start: Position,
    frontier: Frontier,
    last_at: Option<Timestamp>,
    versions: HashMap<String, Version>,
    commands: HashSet<Uuid>,
    /// The command of the entry before, its digest and index.
    command: Option<(Uuid, [u8; 32], u32)>,
}

impl Fold {
    async fn new(log: &Log, frontier: Frontier) -> Result<Self, LogError> {
        let start = Position(frontier.size());
        let mut fold =
            Self { start, frontier, last_at: None, versions: HashMap::new(), commands: HashSet::new(), command: None };
        if start.0 > 0 {
            for row in log.rows(Position(start.0 - 1), 1).await? {
                let row = row?;
                fold.last_at = Some(row.at);
                fold.command = Some((row.command, row.command_digest, row.command_index));
            }
        }
        Ok(fold)
    }

    /// When the check began in the middle: what stands before it of these rows' streams and commands.
    async fn check_before(&mut self, log: &Log, chunk: &Chunk) -> Result<(), LogError> {
        if self.start.0 == 0 {
            return Ok(());
        }
        for item in &chunk.items {
            let stream = chunk.stream(item);
            if !self.versions.contains_key(stream) {
                let before: Option<i64> = crate::store::on_pool!(log.pool(), pool => {
                    sqlx::query_scalar(
                        "select version from entry where stream = $1 and position < $2 order by version desc limit 1",
                    )
                    .bind(stream)
                    .bind(integer(self.start.0))
                    .fetch_optional(pool)
                    .await
                    .map_err(|error| told(&error))?
                });
                let before = before.map_or(Ok(Version(0)), version)?;
                self.versions.insert(stream.to_owned(), before);
            }
            if item.command_index == 0 {
                const SQL: &str = "select position from entry where command = $1 and position < $2 limit 1";
                let earlier = match log.pool() {
                    Pool::Sqlite(pool) => {
                        let query = sqlx::query(SQL).bind(item.command.to_string()).bind(integer(self.start.0));
                        query.fetch_optional(pool).await.map(|row| row.map(|row| row.try_get::<i64, _>(0)))
                    }
                    Pool::Postgres(pool) => {
                        let query = sqlx::query(SQL).bind(item.command).bind(integer(self.start.0));
                        query.fetch_optional(pool).await.map(|row| row.map(|row| row.try_get::<i64, _>(0)))
                    }
                };
                if earlier.map_err(|error| told(&error))?.is_some() {
                    return Err(twice(item));
                }
            }
        }
        Ok(())
    }

    fn step(&mut self, item: &Item, stream: &str) -> Result<(), LogError> {
        let fault = |what: String| Err(LogError::corrupt(item.position, what));
        if self.last_at.is_some_and(|last| item.at < last) {
            return fault(format!("time runs backwards: {} after {:?}", item.at, self.last_at));
        }
        match self.versions.get_mut(stream) {
            Some(last) if last.next() == item.version => *last = item.version,
            None if item.version == Version(1) => {
                self.versions.insert(stream.to_owned(), item.version);
            }
            last => {
                let last = last.map_or(0, |last| last.0);
                return fault(format!("stream {stream} goes on with version {} after {last}", item.version));
            }
        }
        match self.command {
            Some((command, digest, index)) if command == item.command && item.command_index > 0 => {
                if item.command_index != index + 1 || item.command_digest != digest {
                    return fault(format!("command {command} goes on with index {} after {index}", item.command_index));
                }
            }
            _ if item.command_index != 0 => {
                return fault(format!("command {} begins with index {}", item.command, item.command_index));
            }
            _ => {
                if !self.commands.insert(item.command) {
                    return Err(twice(item));
                }
            }
        }
        self.command = Some((item.command, item.command_digest, item.command_index));
        self.last_at = Some(item.at);
        self.frontier.append(item.leaf);
        Ok(())
    }
}

fn twice(item: &Item) -> LogError {
    LogError::corrupt(item.position, format!("command {} is recorded twice", item.command))
}
