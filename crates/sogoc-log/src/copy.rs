//! Copying a log to another store, byte for byte: from the pilot's file to a server, or back.
//!
//! **Shape.** Chunk by chunk, each in one transaction of the target under its head's lock, so that a copy that was cut
//! short goes on where it stopped. Positions, versions, times and hashes are the source's: nothing is decided again. Then
//! the checkpoints, each held to the leaf hashes, with their cosignatures: what was signed over the source binds the copy,
//! which goes on signing after it. Roots of tiles are not copied: whoever needs them makes them again.

use std::collections::VecDeque;

use sogoc_proof::Frontier;

use crate::error::LogError;
use crate::log::{Head, Log, Target};
use crate::reading::CHUNK;
use crate::store::{HeadRow, Row, SealedRow, Writer};
use crate::values::Position;
use crate::verify::check_row;

/// Checkpoints that one transaction copies.
const PAGE: usize = 256;

/// What a copy did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Entries that the target had before.
    pub already: u64,
    /// Entries copied now.
    pub entries: u64,
    /// Sealed texts copied now, with those that are erased.
    pub sealed: u64,
    /// Texts erased in the target because they had been erased in the source since.
    pub erased: u64,
    /// Checkpoints copied now.
    pub checkpoints: u64,
    /// Cosignatures copied now.
    pub cosignatures: u64,
    /// Where the target stands.
    pub head: Head,
}

impl Log {
    /// Copies what `target` does not have yet. Every row is checked on the way. `progress` is told how many entries the
    /// target has, and how many it will have.
    ///
    /// # Errors
    /// `OtherLog` when the target has another name; `NotAPrefix` when it holds anything that the source does not, or has
    /// signed what the source has signed otherwise; `Corrupt` with the position of an entry of the source that is not
    /// right, or for a checkpoint that is not of its entries; `Unavailable`.
    pub async fn copy_to(&self, target: &Self, mut progress: impl FnMut(u64, u64) + Send) -> Result<Copied, LogError> {
        let (source_head, target_head) = (self.head().await?, target.head().await?);
        if target_head.log != source_head.log {
            return Err(LogError::OtherLog { found: target_head.log, expected: source_head.log });
        }
        let already = target_head.size;
        if already > source_head.size {
            let what = format!("it has {already} entries, the source has {}", source_head.size);
            return Err(LogError::NotAPrefix { what });
        }
        let frontier = self.continue_frontier(Frontier::new(), already).await?;
        if frontier.root() != target_head.root {
            let what = format!(
                "its {already} entries have root {}, those of the source {}",
                target_head.root,
                frontier.root()
            );
            return Err(LogError::NotAPrefix { what });
        }
        let size = source_head.size;
        let sealed = match target.target() {
            Target::Sqlite(place) => {
                let (pool, writer) = place.open(target.options()).await?;
                pool.close().await;
                self.copy_by(writer, target, frontier, size, &mut progress).await?
            }
            Target::Postgres(place) => {
                let (pool, writer) = place.open(target.options()).await?;
                pool.close().await;
                self.copy_by(writer, target, frontier, size, &mut progress).await?
            }
        };
        let erased = self.copy_erasures(target).await?;
        let (checkpoints, cosignatures) = self.copy_checkpoints(target).await?;
        // Derived from the entries, so made anew: proofs are as quick there as here.
        target.extend_tiles().await?;
        let head = target.head().await?;
        Ok(Copied { already, entries: size - already, sealed, erased, checkpoints, cosignatures, head })
    }

    /// Returns how many sealed texts went along.
    async fn copy_by<W: Writer>(
        &self,
        mut writer: W,
        target: &Self,
        mut frontier: Frontier,
        size: u64,
        progress: &mut (impl FnMut(u64, u64) + Send),
    ) -> Result<u64, LogError> {
        let mut sealed = 0;
        while frontier.size() < size {
            let from = Position(frontier.size());
            let limit = usize::try_from(size - from.0).unwrap_or(CHUNK).min(CHUNK);
            let rows = self.rows_to_copy(from, limit).await?;
            let texts = self.sealed_between(from, Position(from.0 + limit as u64)).await?;
            sealed += texts.len() as u64;
            let copied = copy_chunk(&mut writer, &mut frontier, &rows, &texts).await;
            if let Err(error) = copied {
                writer.discard();
                return Err(error);
            }
            target.grown(frontier.size());
            progress(frontier.size(), size);
        }
        writer.close().await;
        Ok(sealed)
    }

    async fn rows_to_copy(&self, from: Position, limit: usize) -> Result<Vec<Row>, LogError> {
        let rows: Vec<Row> = self.rows(from, limit).await?.into_iter().collect::<Result<_, _>>()?;
        for (row, expected) in rows.iter().zip(from.0..) {
            if row.position.0 != expected {
                return Err(LogError::corrupt(Position(expected), "the entry is missing in the source"));
            }
            check_row(row, self.name()).map_err(|what| LogError::corrupt(row.position, what))?;
        }
        if rows.len() < limit {
            return Err(LogError::corrupt(Position(from.0 + rows.len() as u64), "the entry is missing in the source"));
        }
        Ok(rows)
    }

    pub(crate) async fn sealed_between(&self, from: Position, to: Position) -> Result<Vec<SealedRow>, LogError> {
        let mut all = Vec::new();
        let mut after = (from, Vec::new());
        loop {
            let rows = self.sealed_rows(after, to).await?;
            let Some(last) = rows.last() else { return Ok(all) };
            after = (last.position, last.commitment.to_vec());
            all.extend(rows);
        }
    }

    /// Texts may have been erased in the source after they were copied.
    async fn copy_erasures(&self, target: &Self) -> Result<u64, LogError> {
        let size = target.head().await?.size;
        let mut erased = 0;
        let mut after = (Position(0), Vec::new());
        loop {
            let rows = self.sealed_rows(after, Position(size)).await?;
            let Some(last) = rows.last() else { return Ok(erased) };
            after = (last.position, last.commitment.to_vec());
            let gone: Vec<_> =
                rows.iter().filter_map(|row| row.content.as_ref().err().map(|at| (row.commitment, *at))).collect();
            if !gone.is_empty() {
                erased += target.erase(&gone).await?;
            }
        }
    }

    async fn copy_checkpoints(&self, target: &Self) -> Result<(u64, u64), LogError> {
        let size = target.head().await?.size;
        let (mut checkpoints, mut cosignatures) = (0, 0);
        let (mut frontier, mut leaves) = (Frontier::new(), VecDeque::new());
        let mut next = 0;
        loop {
            let mut page = self.checkpoints(next, PAGE).await?;
            page.retain(|checkpoint| checkpoint.size() <= size);
            let Some(last) = page.last() else { return Ok((checkpoints, cosignatures)) };
            next = last.size() + 1;
            for checkpoint in &page {
                while frontier.size() < checkpoint.size() {
                    if leaves.is_empty() {
                        let from = frontier.size();
                        let to = size.min(from + 4 * CHUNK as u64);
                        leaves.extend(self.leaves(Position(from), Position(to)).await?);
                    }
                    frontier.extend(leaves.pop_front());
                }
                if frontier != checkpoint.frontier {
                    let what = format!(
                        "the first {} entries have root {}, the checkpoint over them {}",
                        checkpoint.size(),
                        frontier.root(),
                        checkpoint.root()
                    );
                    return Err(LogError::corrupt(None, what));
                }
            }
            let taken = target.take_checkpoints(&page).await?;
            checkpoints += taken.0;
            cosignatures += taken.1;
        }
    }
}

pub(crate) async fn copy_chunk<W: Writer>(
    writer: &mut W,
    frontier: &mut Frontier,
    rows: &[Row],
    texts: &[SealedRow],
) -> Result<(), LogError> {
    writer.connect().await?;
    let head = writer.begin().await?;
    if head.frontier != *frontier {
        let what = format!("something was appended to it during the copy, it has {} entries", head.frontier.size());
        return Err(LogError::NotAPrefix { what });
    }
    let mut next = frontier.clone();
    next.extend(rows.iter().map(|row| row.leaf));
    let last_at = rows.last().map(|row| row.at);
    let moved = HeadRow { frontier: next.clone(), last_at, name: head.name, schema: head.schema };
    writer.record(rows, texts, frontier.size(), &moved).await?;
    writer.commit().await?;
    *frontier = next;
    Ok(())
}
