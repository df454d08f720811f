//! Sealed texts: what may name a person stands apart from the entries, and can be erased (invariant 11).

use std::collections::HashMap;

use crate::append::SealedText;
use crate::clock::Timestamp;
use crate::error::LogError;
use crate::log::Log;
use crate::reading::CHUNK;
use crate::store::{Pool, SealedRow, bytes32, integer, on_pool, position, time, told};
use crate::values::Position;

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

impl Log {
    /// The texts behind commitments. A commitment that the log does not know is left out.
    ///
    /// # Errors
    /// `Unavailable`; `Corrupt` when a text does not fit its commitment.
    pub async fn sealed(&self, commitments: &[[u8; 32]]) -> Result<HashMap<[u8; 32], Sealed>, LogError> {
        let mut found = HashMap::with_capacity(commitments.len());
        for chunk in commitments.chunks(256) {
            let rows = match self.pool() {
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
        let now = self.options().clock.now();
        let erased: Vec<_> = commitments.iter().map(|commitment| (*commitment, now)).collect();
        self.erase(&erased).await
    }

    /// Erases texts as of the given times.
    pub(crate) async fn erase(&self, commitments: &[([u8; 32], Timestamp)]) -> Result<u64, LogError> {
        const SQL: &str = "update sealed_text
             set salt = null, text = null, erased_at_us = $2
             where commitment = $1 and erased_at_us is null";
        let mut erased = 0;
        match self.pool() {
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

    /// Sealed texts that came in with the entries of a range, after the one given, in order.
    pub(crate) async fn sealed_rows(
        &self,
        after: (Position, Vec<u8>),
        to: Position,
    ) -> Result<Vec<SealedRow>, LogError> {
        let rows: Vec<SealedColumns> = on_pool!(self.pool(), pool => {
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
