//! Snapshots of folds, so that a register starts faster. Nothing rests on them: one that does not fit is ignored.
//!
//! **Shape.** A header row with the fold's version, the frontier of the prefix that was folded and the SHA-256 of the
//! bytes; the bytes in chunks, each written in a transaction of its own, so that appends do not wait for a large one. One
//! that was cut short fails its checksum and is never returned.

use sha2::{Digest as _, Sha256};
use sogoc_proof::Frontier;
use sqlx::Row as _;

use crate::error::LogError;
use crate::log::Log;
use crate::store::{integer, on_pool, told};
use crate::values::is_id;

/// Bytes of one chunk.
const CHUNK_BYTES: usize = 8 << 20;
/// Snapshots that are kept of a kind and version of the fold.
const KEPT: i64 = 2;

/// The state of a fold over the first entries of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Which fold, `[a-z0-9-]{1,64}`.
    pub kind: String,
    /// Version of the fold's code; a fold reads only snapshots of its own version.
    pub fold_version: u32,
    /// Frontier of the entries that were folded: how many they are, and their root.
    pub frontier: Frontier,
    /// The state, as the fold writes it.
    pub bytes: Vec<u8>,
}

impl Log {
    /// Keeps a snapshot, and the one before it; drops older ones of the same kind and version.
    ///
    /// # Errors
    /// `Refused` for a kind that is no id or a frontier beyond the log; `Unavailable`, `Corrupt`.
    pub async fn put_snapshot(&self, snapshot: &Snapshot) -> Result<(), LogError> {
        let size = self.head().await?.size;
        if !is_id(&snapshot.kind) || snapshot.frontier.size() > size {
            return Err(LogError::refused(
                format!("snapshot {:?} of {} entries", snapshot.kind, snapshot.frontier.size()),
                format!("[a-z0-9-]{{1,64}} and the {size} entries of the log"),
                "fold this log",
            ));
        }
        let sha256: [u8; 32] = Sha256::digest(&snapshot.bytes).into();
        on_pool!(self.pool(), pool => {
            let old: Vec<i64> = sqlx::query_scalar(
                "select id
                 from snapshot
                 where kind = $1 and fold_version = $2 and (size = $3 or id not in (
                   select id
                   from snapshot
                   where kind = $1 and fold_version = $2 and size <> $3
                   order by size desc
                   limit $4
                 ))",
            )
            .bind(&snapshot.kind)
            .bind(i64::from(snapshot.fold_version))
            .bind(integer(snapshot.frontier.size()))
            .bind(KEPT - 1)
            .fetch_all(pool)
            .await
            .map_err(|error| told(&error))?;
            for id in old {
                let deleted = sqlx::query("delete from snapshot where id = $1").bind(id).execute(pool);
                deleted.await.map_err(|error| told(&error))?;
            }
            let id: i64 = sqlx::query_scalar(
                "insert into snapshot (kind, fold_version, size, frontier, sha256, bytes)
                 values ($1, $2, $3, $4, $5, $6)
                 returning id",
            )
            .bind(&snapshot.kind)
            .bind(i64::from(snapshot.fold_version))
            .bind(integer(snapshot.frontier.size()))
            .bind(snapshot.frontier.to_bytes())
            .bind(sha256.to_vec())
            .bind(snapshot.bytes.len() as i64)
            .fetch_one(pool)
            .await
            .map_err(|error| told(&error))?;
            for (number, chunk) in (0_i64..).zip(snapshot.bytes.chunks(CHUNK_BYTES)) {
                sqlx::query("insert into snapshot_chunk (snapshot, number, bytes) values ($1, $2, $3)")
                    .bind(id)
                    .bind(number)
                    .bind(chunk.to_vec())
                    .execute(pool)
                    .await
                    .map_err(|error| told(&error))?;
            }
        });
        Ok(())
    }

    /// The newest snapshot of a kind and version of the fold that fits: its bytes have their SHA-256, and its frontier
    /// with the leaves recorded since leads to the root of the head. What does not fit is passed over, with a warning.
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt`.
    pub async fn latest_snapshot(&self, kind: &str, fold_version: u32) -> Result<Option<Snapshot>, LogError> {
        let head = self.head().await?;
        let found: Vec<(i64, Vec<u8>, Vec<u8>, i64)> = on_pool!(self.pool(), pool => {
            let rows = sqlx::query(
                "select id, frontier, sha256, bytes
                 from snapshot
                 where kind = $1 and fold_version = $2
                 order by size desc",
            )
            .bind(kind)
            .bind(i64::from(fold_version))
            .fetch_all(pool)
            .await
            .map_err(|error| told(&error))?;
            let mut found = Vec::with_capacity(rows.len());
            for row in rows {
                let get = |error: sqlx::Error| told(&error);
                found.push((
                    row.try_get(0).map_err(get)?,
                    row.try_get(1).map_err(get)?,
                    row.try_get(2).map_err(get)?,
                    row.try_get(3).map_err(get)?,
                ));
            }
            found
        });
        for (id, frontier, sha256, length) in found {
            let Ok(frontier) = Frontier::from_bytes(&frontier) else { continue };
            if frontier.size() > head.size {
                continue;
            }
            let Some(bytes) = self.snapshot_bytes(id, length).await? else { continue };
            if *Sha256::digest(&bytes) != sha256 {
                tracing::warn!(snapshot.id = id, "a snapshot does not have its checksum and is ignored");
                continue;
            }
            if self.continue_frontier(frontier.clone(), head.size).await?.root() != head.root {
                tracing::warn!(snapshot.id = id, "a snapshot is not of this log's entries and is ignored");
                continue;
            }
            return Ok(Some(Snapshot { kind: kind.to_owned(), fold_version, frontier, bytes }));
        }
        Ok(None)
    }

    async fn snapshot_bytes(&self, id: i64, length: i64) -> Result<Option<Vec<u8>>, LogError> {
        let length = usize::try_from(length).unwrap_or(0);
        let mut bytes = Vec::new();
        for number in 0_i64.. {
            if bytes.len() >= length {
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
            // It is still being written, or was cut short.
            let Some(chunk) = chunk else { return Ok(None) };
            bytes.extend_from_slice(&chunk);
        }
        Ok((bytes.len() == length).then_some(bytes))
    }
}
