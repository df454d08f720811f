//! The full check: every byte, hash, number and copy against every other.
//!
//! **Shape.** Entries are fetched a chunk ahead as lines, looked at one by one off the executor, and then folded in order;
//! a chunk with anything wrong in it is fetched again row by row, to say what and where. What stands beside the entries
//! (`verify/beside.rs`) is held to the fold as it comes past. **Cost.** One parse and two hashes an entry; memory for one
//! number a stream and one id a command. Appends may go on meanwhile: what is checked ends at the head that was read
//! first.

mod beside;

use std::collections::{HashMap, HashSet};

use futures_util::StreamExt as _;
use sogoc_proof::{Frontier, Hash, VerifierKey, leaf_hash};
use tokio::task::JoinSet;
use uuid::Uuid;

use self::beside::Beside;
use crate::append::SealedText;
use crate::clock::Timestamp;
use crate::entry::{Entry, write_digits, write_unsigned, write_uuid};
use crate::error::LogError;
use crate::log::{Head, Log};
use crate::reading::{CHUNK, Fetched, ahead, placed};
use crate::store::{Lines, Pool, Row};
use crate::tiles::{Levels, TileRoot};
use crate::values::{Position, Version};

/// How often what was folded is held to the roots of tiles, in entries: then the check can be taken up again from there.
const REACHED_EVERY: u64 = 16 * CHUNK as u64;

/// Told how far everything has been found right.
pub type Reached = Box<dyn FnMut(&Frontier) + Send>;

/// What a check begins with.
#[derive(Default)]
pub struct VerifyOptions {
    /// Entries that were found right before, as [`VerifyOptions::reached`] or a checkpoint's frontier gives them: the check
    /// goes on from there. Nothing before the first.
    pub from: Frontier,
    /// Keys of the log, the present and earlier ones: every checkpoint must be signed by one of them. Without any, no
    /// signature is verified.
    pub keys: Vec<VerifierKey>,
    /// Keys of witnesses: a cosignature that bears the name and id of one must be its. Others are only read.
    pub witness_keys: Vec<VerifierKey>,
    /// Told now and then how far everything has been found right, so that a check that is cut short can go on from there.
    pub reached: Option<Reached>,
}

impl std::fmt::Debug for VerifyOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifyOptions")
            .field("from", &self.from.size())
            .field("keys", &self.keys)
            .field("witness_keys", &self.witness_keys)
            .finish_non_exhaustive()
    }
}

impl From<Frontier> for VerifyOptions {
    fn from(from: Frontier) -> Self {
        Self { from, ..Self::default() }
    }
}

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
    /// Roots of tiles found right.
    pub tile_roots: u64,
    /// Checkpoints found right; signatures only where keys were given.
    pub checkpoints: u64,
    /// Cosignatures found right; verified are those of the given keys.
    pub cosignatures: u64,
    /// Snapshots with their checksum, of this log. Unfinished ones are left out: nothing rests on them.
    pub snapshots: u64,
    /// The first fault, none when everything is right.
    pub fault: Option<Fault>,
}

impl VerifyReport {
    fn new(head: Head) -> Self {
        let (checked, sealed, erased, tile_roots, checkpoints, cosignatures, snapshots) = (0, 0, 0, 0, 0, 0, 0);
        Self { head, checked, sealed, erased, tile_roots, checkpoints, cosignatures, snapshots, fault: None }
    }
}

impl Log {
    /// Checks the log from a frontier on ([`Frontier::new`] for all of it), and what stands beside the entries:
    ///
    /// each entry is canonical and encodes to the same bytes; every column says what the entry says; the stored leaf
    /// hash is that of the bytes; positions are dense; time never runs backwards; versions of a stream are dense; a
    /// command's entries stand together, once, under one digest; the Merkle root is that of the head row, whose size and
    /// last time are right; roots of tiles are those of the entries, without gaps; every checkpoint has the root of the
    /// entries it covers and is signed by the log's key, the last one is the one marked as signed, and none is beyond the
    /// head; cosignatures can be read, say what their columns say, and are their witnesses'; snapshots have their checksum
    /// and are of these entries; sealed texts fit their commitments; the triggers that refuse changes are there.
    ///
    /// Of what lies before the frontier, roots are not computed again; rows, signatures and sealed texts are checked all
    /// the same.
    ///
    /// `progress` is told how many entries have been checked, and how many there are.
    ///
    /// # Errors
    /// `Unavailable`. Damage is no error but the report's fault.
    pub async fn verify(
        &self,
        options: impl Into<VerifyOptions>,
        mut progress: impl FnMut(u64, u64) + Send,
    ) -> Result<VerifyReport, LogError> {
        let options = options.into();
        let from = &options.from;
        let head = match self.head().await {
            Ok(head) => head,
            Err(LogError::Corrupt { position, what }) => {
                let head =
                    Head { log: self.name().to_owned(), size: 0, root: from.root(), at: None, frontier: from.clone() };
                let fault = Some(Fault { position, what });
                return Ok(VerifyReport { fault, ..VerifyReport::new(head) });
            }
            Err(error) => return Err(error),
        };
        let mut report = VerifyReport::new(head);
        let checked = self.verify_all(options, &mut report, &mut progress).await;
        match checked {
            Ok(()) => {}
            Err(LogError::Corrupt { position, what }) => report.fault = Some(Fault { position, what }),
            Err(error) => return Err(error),
        }
        Ok(report)
    }

    async fn verify_all(
        &self,
        options: VerifyOptions,
        report: &mut VerifyReport,
        progress: &mut (impl FnMut(u64, u64) + Send),
    ) -> Result<(), LogError> {
        let head = report.head.clone();
        let from = options.from.clone();
        if from.size() > head.size {
            let what = format!("the log has {} entries and had {} before", head.size, from.size());
            return Err(LogError::corrupt(Position(head.size), what));
        }
        let start = Position(from.size());
        let mut beside = Beside::new(self, options, head.size).await?;
        let mut fold = Fold::new(self, from).await?;
        beside.hold(self, &fold.tree, report).await?;
        let (log, size) = (self.clone(), head.size);
        let fetched = ahead(move |chunks| async move {
            log.send_lines(Lines::Columns, start, size, &chunks).await;
        });
        let name = head.log.clone();
        let digits = match self.pool() {
            Pool::Sqlite(_) => b"0123456789ABCDEF",
            Pool::Postgres(_) => b"0123456789abcdef",
        };
        let looked_at = fetched.map(|fetched: Fetched| {
            let (log, name) = (self.clone(), name.clone());
            async move {
                let (from, to, text) = fetched?;
                if let Some(text) = text {
                    let checked = name.clone();
                    let looking = tokio::task::spawn_blocking(move || look_at(text, from, to, &checked, digits));
                    let looked = looking.await.map_err(|error| stopped(&error))?;
                    if let Some(chunk) = looked {
                        return Ok((chunk, None));
                    }
                }
                let rows = log.rows_located(from, to).await?;
                Ok(look_closer(rows, &name))
            }
        });
        let mut looked_at = std::pin::pin!(looked_at.buffered(2));
        // Beside the entries; ends with this check.
        let mut texts = JoinSet::new();
        texts.spawn(self.clone().verify_sealed(head.size));
        let mut reach = start.0 + REACHED_EVERY;
        while let Some(chunk) = looked_at.next().await {
            let (chunk, fault): (Chunk, Option<LogError>) = chunk?;
            fold.check_before(self, &chunk).await?;
            let end = chunk.items.last().map_or(0, |last| last.position.0 + 1);
            beside.load(self, end, report).await?;
            for item in &chunk.items {
                fold.step(item, chunk.stream(item), &mut |root| beside.full(root))?;
                report.checked += 1;
                if beside.due(fold.tree.size()) {
                    beside.hold(self, &fold.tree, report).await?;
                }
            }
            if let Some(fault) = fault {
                return Err(fault);
            }
            progress(report.checked, head.size - start.0);
            if fold.tree.size() >= reach {
                reach = fold.tree.size() + REACHED_EVERY;
                beside.flush(self, report).await?;
                beside.reached(&fold.tree.frontier());
            }
        }
        beside.flush(self, report).await?;
        let Fold { tree, last_at, .. } = fold;
        let frontier = tree.frontier();
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
        beside.reached(&frontier);
        beside.finish(self, report).await?;
        let texts = texts.join_next().await.unwrap_or(Ok(Ok((0, 0))));
        (report.sealed, report.erased) = texts.map_err(|error| stopped(&error))??;
        self.verify_tables().await
    }

    /// How many sealed texts of the first entries fit their commitments, and how many were erased.
    async fn verify_sealed(self, size: u64) -> Result<(u64, u64), LogError> {
        let (mut sealed, mut erased) = (0, 0);
        let mut after = (Position(0), Vec::new());
        loop {
            let rows = self.sealed_rows_as_stored(after, Position(size)).await?;
            let Some(last) = rows.last() else { return Ok((sealed, erased)) };
            after = (last.position, last.commitment.to_vec());
            for row in rows {
                match row.content {
                    Err(_) => erased += 1,
                    Ok((salt, text)) if SealedText::commitment(&salt, &text) == row.commitment => sealed += 1,
                    Ok(_) => {
                        let what = format!("sealed text {} does not fit its commitment", hex::encode(row.commitment));
                        return Err(LogError::corrupt(row.position, what));
                    }
                }
            }
        }
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

/// Looks at the lines of a range, with hashes in the digits given. None when anything is not as it should be.
fn look_at(text: Vec<u8>, from: Position, to: Position, log: &str, digits: &[u8; 16]) -> Option<Chunk> {
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
        write_digits(&mut expected, &entry.command_digest, digits);
        expected.push(' ');
        write_digits(&mut expected, &leaf.0, digits);
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
    tree: Levels,
    last_at: Option<Timestamp>,
    versions: HashMap<String, Version>,
    commands: HashSet<Uuid>,
    /// The command of the entry before, its digest and index.
    command: Option<(Uuid, [u8; 32], u32)>,
}

impl Fold {
    async fn new(log: &Log, frontier: Frontier) -> Result<Self, LogError> {
        let start = Position(frontier.size());
        let tree = Levels::new(&frontier)?;
        let mut fold =
            Self { start, tree, last_at: None, versions: HashMap::new(), commands: HashSet::new(), command: None };
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
        let names: HashSet<&str> = chunk.items.iter().map(|item| chunk.stream(item)).collect();
        let unknown: Vec<&str> = names.into_iter().filter(|name| !self.versions.contains_key(*name)).collect();
        for (stream, version) in log.versions_before(&unknown, self.start).await? {
            self.versions.insert(stream, version);
        }
        let begun = chunk.items.iter().filter(|item| item.command_index == 0);
        let commands: Vec<Uuid> = begun.clone().map(|item| item.command).collect();
        let earlier = log.commands_before(&commands, self.start).await?;
        match begun.into_iter().find(|item| earlier.contains(&item.command)) {
            Some(item) => Err(twice(item)),
            None => Ok(()),
        }
    }

    fn step(&mut self, item: &Item, stream: &str, full: &mut impl FnMut(TileRoot)) -> Result<(), LogError> {
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
        self.tree.append(item.leaf, full);
        Ok(())
    }
}

fn stopped(error: &tokio::task::JoinError) -> LogError {
    LogError::unavailable(format!("the check stopped: {error}"))
}

fn twice(item: &Item) -> LogError {
    LogError::corrupt(item.position, format!("command {} is recorded twice", item.command))
}
