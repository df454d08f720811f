//! What stands beside the entries and must agree with them: roots of tiles, checkpoints and their cosignatures, what is
//! marked as signed, snapshots, triggers; and where a check that begins in the middle takes up streams and commands.

use std::collections::{HashMap, HashSet, VecDeque};

use sha2::{Digest as _, Sha256};
use sogoc_proof::{Frontier, verify_cosignature};
use uuid::Uuid;

use super::{VerifyOptions, VerifyReport};
use crate::checkpoint::{SignedCheckpoint, read_frontier};
use crate::error::LogError;
use crate::log::Log;
use crate::store::{Pool, integer, on_pool, told, version};
use crate::tiles::{Levels, TileRoot, full_tiles};
use crate::values::{Position, Version};

/// Checkpoints that are read at a time.
const PAGE: usize = 256;
/// Levels of tiles in a log of any size.
const LEVELS: u8 = 7;

/// A frontier that the fold must have when it comes to its size.
struct Expected {
    frontier: Frontier,
    whose: String,
}

/// A row of `snapshot`.
struct Header {
    id: i64,
    sha256: Vec<u8>,
    bytes: u64,
    frontier: Frontier,
    whose: String,
}

pub(super) struct Beside {
    options: VerifyOptions,
    /// The head that is checked against.
    size: u64,
    /// In the order of their sizes, and no further than checkpoints were read.
    expected: VecDeque<Expected>,
    snapshots: Vec<Header>,
    /// The next checkpoint to be read has at least this size; none after the last.
    next: Option<u64>,
    /// As many entries have the root that a checkpoint or snapshot has for them, or agreed before.
    agreed: u64,
    /// Roots of tiles that stand in the table, for each level.
    there: Vec<u64>,
    /// Roots that came out of the fold and were not compared yet.
    full: Vec<TileRoot>,
}

impl Beside {
    pub(super) async fn new(log: &Log, options: VerifyOptions, size: u64) -> Result<Self, LogError> {
        let mut there = Vec::new();
        for level in 0..LEVELS {
            there.push(log.tile_roots(level).await?);
        }
        let mut snapshots = log.snapshot_headers().await?;
        snapshots.retain(|snapshot| snapshot.frontier.size() <= size);
        snapshots.sort_by_key(|snapshot| snapshot.frontier.size());
        let mut beside = Self {
            size,
            expected: VecDeque::new(),
            snapshots,
            next: Some(0),
            agreed: options.from.size(),
            there,
            full: Vec::new(),
            options,
        };
        let expect =
            |snapshot: &Header| Expected { frontier: snapshot.frontier.clone(), whose: snapshot.whose.clone() };
        beside.expected.extend(beside.snapshots.iter().map(expect));
        Ok(beside)
    }

    pub(super) fn full(&mut self, root: TileRoot) {
        self.full.push(root);
    }

    pub(super) fn reached(&mut self, frontier: &Frontier) {
        if let Some(reached) = &mut self.options.reached {
            reached(frontier);
        }
    }

    /// Reads the checkpoints up to a size, and looks at each by itself.
    pub(super) async fn load(&mut self, log: &Log, to: u64, report: &mut VerifyReport) -> Result<(), LogError> {
        while let Some(from) = self.next.filter(|from| *from <= to.min(self.size)) {
            let page = log.checkpoints(from, PAGE).await?;
            self.next = page.last().filter(|_| page.len() == PAGE).map(|last| last.size() + 1);
            for checkpoint in page {
                if checkpoint.size() > self.size {
                    // Signed since; `verify_tables` sees that the head has come as far.
                    self.next = None;
                    break;
                }
                self.check(&checkpoint)?;
                report.checkpoints += 1;
                report.cosignatures += checkpoint.cosignatures.len() as u64;
                let whose = format!("the checkpoint of {} entries", checkpoint.size());
                self.expect(Expected { frontier: checkpoint.frontier, whose });
            }
        }
        Ok(())
    }

    /// Checkpoints come in order; between them stand a few snapshots.
    fn expect(&mut self, expected: Expected) {
        let at = self.expected.partition_point(|other| other.frontier.size() <= expected.frontier.size());
        self.expected.insert(at, expected);
    }

    fn check(&self, checkpoint: &SignedCheckpoint) -> Result<(), LogError> {
        let wrong = |error: &dyn std::fmt::Display| {
            LogError::corrupt(None, format!("the checkpoint of {} entries: {error}", checkpoint.size()))
        };
        if !self.options.keys.is_empty() {
            checkpoint.note.verify(&self.options.keys).map_err(|error| wrong(&error))?;
        }
        for cosignature in &checkpoint.cosignatures {
            for key in self.options.witness_keys.iter().filter(|key| cosignature.line.is_of(key)) {
                verify_cosignature(checkpoint.note.text(), &cosignature.line, key).map_err(|error| wrong(&error))?;
            }
        }
        Ok(())
    }

    /// Whether something is expected of the fold as far as it has come.
    pub(super) fn due(&self, size: u64) -> bool {
        self.expected.front().is_some_and(|expected| expected.frontier.size() <= size)
    }

    /// Holds what is expected at this size to the fold. What lies before was passed before the check began.
    pub(super) async fn hold(&mut self, log: &Log, tree: &Levels, report: &mut VerifyReport) -> Result<(), LogError> {
        self.load(log, tree.size(), report).await?;
        let found = tree.frontier();
        while let Some(expected) = self.expected.pop_front_if(|expected| expected.frontier.size() <= tree.size()) {
            if expected.frontier.size() < tree.size() {
                continue;
            }
            if expected.frontier != found {
                let what = format!(
                    "the first {} entries have root {}, {} has {}; the first {} agree",
                    tree.size(),
                    found.root(),
                    expected.whose,
                    expected.frontier.root(),
                    self.agreed
                );
                return Err(LogError::corrupt(None, what));
            }
            self.agreed = tree.size();
        }
        Ok(())
    }

    /// Compares the roots of tiles that came out of the fold.
    pub(super) async fn flush(&mut self, log: &Log, report: &mut VerifyReport) -> Result<(), LogError> {
        let full = std::mem::take(&mut self.full);
        for (level, there) in (0..LEVELS).zip(&self.there) {
            let mut roots = full.iter().filter(|root| root.level == level && root.number < *there).peekable();
            let (Some(first), Some(last)) = (roots.peek().copied(), roots.clone().last()) else { continue };
            let rows = log.tile_root_rows(level, first.number, last.number).await?;
            for root in roots {
                let wrong = match rows.get(&integer(root.number)) {
                    Some(hash) if *hash == root.hash.0 => {
                        report.tile_roots += 1;
                        continue;
                    }
                    Some(hash) => format!("{}, recorded was {}", root.hash, hex::encode(hash)),
                    None => format!("{}, and is not recorded, though later ones are", root.hash),
                };
                let what = format!("the root of tile {} of level {level} is {wrong}", root.number);
                return Err(LogError::corrupt(root.first(), what));
            }
        }
        Ok(())
    }

    /// What is left when all entries are folded.
    pub(super) async fn finish(&mut self, log: &Log, report: &mut VerifyReport) -> Result<(), LogError> {
        self.load(log, self.size, report).await?;
        for snapshot in &self.snapshots {
            match log.snapshot_digest(snapshot.id, snapshot.bytes).await? {
                // Still being written, cut short, or replaced meanwhile.
                None => {}
                Some(digest) if digest[..] == snapshot.sha256 => report.snapshots += 1,
                Some(digest) => {
                    let (digest, recorded) = (hex::encode(digest), hex::encode(&snapshot.sha256));
                    let what = format!("{} has SHA-256 {digest}, recorded was {recorded}", snapshot.whose);
                    return Err(LogError::corrupt(None, what));
                }
            }
        }
        Ok(())
    }
}

impl Log {
    async fn tile_root_rows(&self, level: u8, from: u64, to: u64) -> Result<HashMap<i64, Vec<u8>>, LogError> {
        let rows: Vec<(i64, Vec<u8>)> = on_pool!(self.pool(), pool => {
            sqlx::query_as("select number, hash from tile_root where level = $1 and number between $2 and $3")
                .bind(i16::from(level))
                .bind(integer(from))
                .bind(integer(to))
                .fetch_all(pool)
                .await
                .map_err(|error| told(&error))?
        });
        Ok(rows.into_iter().collect())
    }

    async fn snapshot_headers(&self) -> Result<Vec<Header>, LogError> {
        type Columns = (i64, String, i64, i64, Vec<u8>, Vec<u8>, i64);
        let rows: Vec<Columns> = on_pool!(self.pool(), pool => {
            sqlx::query_as("select id, kind, fold_version, size, frontier, sha256, bytes from snapshot order by id")
                .fetch_all(pool)
                .await
                .map_err(|error| told(&error))?
        });
        rows.into_iter()
            .map(|(id, kind, fold_version, size, frontier, sha256, bytes)| {
                let whose = format!("snapshot {id} of {kind} {fold_version} over {size} entries");
                let frontier = read_frontier(&frontier, size, "snapshot")?;
                let bytes = u64::try_from(bytes).map_err(|_| LogError::corrupt(None, format!("{whose}: {bytes}")))?;
                Ok(Header { id, sha256, bytes, frontier, whose })
            })
            .collect()
    }

    /// SHA-256 of a snapshot's bytes, none when they are not all there.
    async fn snapshot_digest(&self, id: i64, bytes: u64) -> Result<Option<[u8; 32]>, LogError> {
        let (mut digest, mut length) = (Sha256::new(), 0);
        for number in 0_i64.. {
            if length >= bytes {
                break;
            }
            let chunk: Option<Vec<u8>> = on_pool!(self.pool(), pool => {
                sqlx::query_scalar("select bytes from snapshot_chunk where snapshot = $1 and number = $2")
                    .bind(id)
                    .bind(number)
                    .fetch_optional(pool)
                    .await
                    .map_err(|error| told(&error))?
            });
            let Some(chunk) = chunk else { return Ok(None) };
            length += chunk.len() as u64;
            digest.update(&chunk);
        }
        Ok(Some(digest.finalize().into()))
    }

    /// Newest versions of streams before a position; a stream that began later is left out.
    pub(super) async fn versions_before(
        &self,
        streams: &[&str],
        start: Position,
    ) -> Result<Vec<(String, Version)>, LogError> {
        let rows: Vec<(String, Option<i64>)> = match self.pool() {
            Pool::Postgres(pool) => {
                sqlx::query_as(
                    "select asked.stream, (
                       select version
                       from entry
                       where entry.stream = asked.stream and position < $2
                       order by version desc
                       limit 1
                     )
                     from unnest($1::text[]) as asked (stream)",
                )
                .bind(streams)
                .bind(integer(start.0))
                .fetch_all(pool)
                .await
            }
            Pool::Sqlite(pool) => {
                sqlx::query_as(
                    "select asked.value, (
                       select version
                       from entry
                       where entry.stream = asked.value and position < $2
                       order by version desc
                       limit 1
                     )
                     from json_each($1) as asked",
                )
                .bind(serde_json::to_string(streams).expect("texts"))
                .bind(integer(start.0))
                .fetch_all(pool)
                .await
            }
        }
        .map_err(|error| told(&error))?;
        rows.into_iter()
            .filter_map(|(stream, found)| Some((stream, found?)))
            .map(|(s, found)| Ok((s, version(found)?)))
            .collect()
    }

    /// Which of these commands have an entry before a position.
    pub(super) async fn commands_before(&self, commands: &[Uuid], start: Position) -> Result<HashSet<Uuid>, LogError> {
        match self.pool() {
            Pool::Postgres(pool) => {
                let found: Vec<Uuid> = sqlx::query_scalar(
                    "select command from entry where command = any($1) and command_index = 0 and position < $2",
                )
                .bind(commands)
                .bind(integer(start.0))
                .fetch_all(pool)
                .await
                .map_err(|error| told(&error))?;
                Ok(found.into_iter().collect())
            }
            Pool::Sqlite(pool) => {
                let asked: Vec<String> = commands.iter().map(Uuid::to_string).collect();
                let found: Vec<String> = sqlx::query_scalar(
                    "select command
                     from entry
                     where command in (select value from json_each($1)) and command_index = 0 and position < $2",
                )
                .bind(serde_json::to_string(&asked).expect("texts"))
                .bind(integer(start.0))
                .fetch_all(pool)
                .await
                .map_err(|error| told(&error))?;
                Ok(found.iter().filter_map(|command| Uuid::try_parse(command).ok()).collect())
            }
        }
    }

    /// What stands outside of the rows that were read: nothing beyond the head, what is marked as signed, and the
    /// triggers.
    pub(super) async fn verify_tables(&self) -> Result<(), LogError> {
        // One statement sees one instant: appends and signing may go on.
        const BEYOND: &str = "select head.size, (select coalesce(max(position) + 1, 0) from entry), signed.size,
               coalesce((select max(size) from checkpoint), 0), signed.frontier,
               (select frontier from checkpoint where checkpoint.size = signed.size)
             from head, signed
             where head.id = 1 and signed.id = 1";
        type Columns = (i64, i64, i64, i64, Vec<u8>, Option<Vec<u8>>);
        let row: Option<Columns> = on_pool!(self.pool(), pool => {
            sqlx::query_as(BEYOND).fetch_optional(pool).await.map_err(|error| told(&error))?
        });
        let (size, end, signed, newest, frontier, of_newest) =
            row.ok_or_else(|| LogError::corrupt(None, "the row of what was signed last is missing"))?;
        if size != end {
            let what = format!("the head counts {size} entries, the last one stands at position {}", end - 1);
            return Err(LogError::corrupt(Position(size.unsigned_abs()), what));
        }
        if newest > size {
            let what = format!("the log has {size} entries, and a checkpoint of {newest} was signed");
            return Err(LogError::corrupt(Position(size.unsigned_abs()), what));
        }
        if signed != newest {
            let what = format!("{signed} entries are marked as signed and the newest checkpoint has {newest}");
            return Err(LogError::corrupt(None, what));
        }
        let expected = of_newest.unwrap_or_else(|| Frontier::new().to_bytes());
        if frontier != expected {
            let what = format!("the frontier marked as signed at {signed} entries is not that of the checkpoint");
            return Err(LogError::corrupt(None, what));
        }
        for level in 0..LEVELS {
            let (there, full) = (self.tile_roots(level).await?, full_tiles(level, size.unsigned_abs()));
            // The head may have grown since the statement before.
            if there > full && there > full_tiles(level, self.head_row().await?.frontier.size()) {
                let what = format!("there are {there} roots of tiles of level {level}, and {full} full tiles");
                return Err(LogError::corrupt(None, what));
            }
        }
        self.verify_triggers().await
    }

    async fn verify_triggers(&self) -> Result<(), LogError> {
        let (found, expected): (i64, i64) = match self.pool() {
            Pool::Sqlite(pool) => {
                let sql = "select count(*) from sqlite_schema
                           where type = 'trigger'
                             and tbl_name in ('entry', 'head', 'sealed_text', 'checkpoint', 'signed', 'cosignature', 'tile_root')";
                (sqlx::query_scalar(sql).fetch_one(pool).await.map_err(|error| told(&error))?, 17)
            }
            Pool::Postgres(pool) => {
                let sql = "select count(*) from pg_trigger
                           where tgrelid in (
                               'entry'::regclass, 'head'::regclass, 'sealed_text'::regclass, 'checkpoint'::regclass,
                               'signed'::regclass, 'cosignature'::regclass, 'tile_root'::regclass
                             )
                             and tgenabled = 'A' and not tgisinternal";
                (sqlx::query_scalar(sql).fetch_one(pool).await.map_err(|error| told(&error))?, 10)
            }
        };
        if found < expected {
            let what = format!("{found} of the {expected} triggers that refuse changes are in force");
            return Err(LogError::corrupt(None, what));
        }
        Ok(())
    }
}
