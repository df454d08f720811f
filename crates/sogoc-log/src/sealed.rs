//! Sealed texts: what may name a person stands apart from the entries, and can be erased (invariant 11).

use std::collections::HashMap;

use sqlx::{AssertSqlSafe, Row as _};

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

    /// Erases texts as of the given times, as the log that this one is copied from did: there an entry says why. Returns
    /// how many were erased now. What else erases is [`Append::erases`](crate::Append::erases).
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

    /// Sealed texts that came in with the entries of a range, after the one given, in order; at most [`CHUNK`].
    pub(crate) async fn sealed_rows(
        &self,
        after: (Position, Vec<u8>),
        to: Position,
    ) -> Result<Vec<SealedRow>, LogError> {
        self.sealed_page(&after, to, Order::OfEntries).await
    }

    /// Sealed texts of the first entries, after the one given, in the order in which the store reads them fastest; at
    /// most [`CHUNK`].
    pub(crate) async fn sealed_rows_as_stored(
        &self,
        after: (Position, Vec<u8>),
        to: Position,
    ) -> Result<Vec<SealedRow>, LogError> {
        let order = match self.pool() {
            // The table is its primary key's tree; by position every row is looked up in another place of it.
            Pool::Sqlite(_) => Order::OfCommitments,
            Pool::Postgres(_) => Order::OfEntries,
        };
        self.sealed_page(&after, to, order).await
    }

    async fn sealed_page(
        &self,
        after: &(Position, Vec<u8>),
        to: Position,
        order: Order,
    ) -> Result<Vec<SealedRow>, LogError> {
        // One row of text for all of them costs a fraction of a row each.
        match self.sealed_lines(after, to, order).await {
            // Else row by row, to find out what is wrong.
            Ok(lines) => {
                if let Some(rows) = sealed_rows_of(&lines) {
                    return Ok(rows);
                }
            }
            Err(LogError::Corrupt { .. }) => {}
            Err(error) => return Err(error),
        }
        let rows: Vec<SealedColumns> = on_pool!(self.pool(), pool => {
            sqlx::query_as(order.rows())
                .bind(integer(after.0.0))
                .bind(after.1.as_slice())
                .bind(integer(to.0))
                .bind(CHUNK as i64)
                .fetch_all(pool)
                .await
                .map_err(|error| told(&error))?
        });
        rows.into_iter().map(sealed_row).collect()
    }

    /// `position commitment salt erased_at_us bytes text` for each, a dash for what is null, divided by line breaks. The
    /// text may have line breaks of its own: the number of its bytes tells where it ends.
    async fn sealed_lines(&self, after: &(Position, Vec<u8>), to: Position, order: Order) -> Result<Vec<u8>, LogError> {
        const SQLITE: &str = "select group_concat(
               concat_ws(
                 ' ', position, hex(commitment), coalesce(hex(salt), '-'), coalesce(erased_at_us, '-'),
                 coalesce(length(cast(text as blob)), '-'), coalesce(text, '')
               ),
               char(10)
             )";
        const POSTGRES: &str = r"select string_agg(
               concat_ws(
                 ' ', position, encode(commitment, 'hex'), coalesce(encode(salt, 'hex'), '-'),
                 coalesce(erased_at_us::text, '-'), coalesce(octet_length(text)::text, '-'), coalesce(text, '')
               ),
               E'\n'
             )";
        macro_rules! lines {
            ($pool:expr, $line:expr) => {{
                let row = sqlx::query(AssertSqlSafe(format!("{} from ({}) as page", $line, order.rows())))
                    .bind(integer(after.0.0))
                    .bind(after.1.as_slice())
                    .bind(integer(to.0))
                    .bind(CHUNK as i64)
                    .fetch_one($pool)
                    .await
                    .map_err(|error| told(&error))?;
                // As bytes: what the disk has made of the text need not be UTF-8.
                let lines: Option<&[u8]> = row.try_get_unchecked(0).map_err(|error| told(&error))?;
                Ok(lines.unwrap_or_default().to_vec())
            }};
        }
        match self.pool() {
            Pool::Sqlite(pool) => lines!(pool, SQLITE),
            Pool::Postgres(pool) => lines!(pool, POSTGRES),
        }
    }
}

/// In which order sealed texts are read.
#[derive(Debug, Clone, Copy)]
enum Order {
    OfEntries,
    OfCommitments,
}

impl Order {
    fn rows(self) -> &'static str {
        match self {
            Self::OfEntries => {
                "select commitment, position, salt, text, erased_at_us
                 from sealed_text
                 where (position, commitment) > ($1, $2) and position < $3
                 order by position, commitment
                 limit $4"
            }
            // The first parameter says nothing here; both orders take the same ones.
            Self::OfCommitments => {
                "select commitment, position, salt, text, erased_at_us
                 from sealed_text
                 where $1 >= 0 and commitment > $2 and position < $3
                 order by commitment
                 limit $4"
            }
        }
    }
}

/// The rows of what [`Log::sealed_lines`] gives, none when anything is not as it should be.
fn sealed_rows_of(lines: &[u8]) -> Option<Vec<SealedRow>> {
    let mut rows = Vec::with_capacity(CHUNK);
    let mut rest = lines;
    while !rest.is_empty() {
        let mut column = || {
            let end = rest.iter().position(|byte| *byte == b' ')?;
            let column = std::str::from_utf8(&rest[..end]).ok()?;
            rest = &rest[end + 1..];
            Some(column)
        };
        let (at, commitment, salt) = (column()?.parse().ok()?, column()?, column()?);
        let (erased, bytes) = (column()?, column()?);
        let mut row = SealedRow { commitment: [0; 32], position: Position(at), content: Err(Timestamp::MIN) };
        row.commitment = digits(commitment)?;
        row.content = match (salt, erased, bytes) {
            ("-", erased, "-") => Err(Timestamp::from_micros(erased.parse().ok()?)?),
            (salt, "-", bytes) => {
                let salt = digits(salt)?;
                let (text, after) = rest.split_at_checked(bytes.parse().ok()?)?;
                rest = after;
                Ok((salt, str::from_utf8(text).ok()?.to_owned()))
            }
            _ => return None,
        };
        rest = match rest {
            [] => rest,
            [b'\n', after @ ..] => after,
            _ => return None,
        };
        rows.push(row);
    }
    Some(rows)
}

/// 32 bytes in hexadecimal digits of either case.
fn digits(text: &str) -> Option<[u8; 32]> {
    const VALUES: [u8; 256] = {
        let mut values = [0xff; 256];
        let mut value = 0;
        while value < 16 {
            values[b"0123456789abcdef"[value] as usize] = value as u8;
            values[b"0123456789ABCDEF"[value] as usize] = value as u8;
            value += 1;
        }
        values
    };
    let pairs: &[[u8; 2]; 32] = text.as_bytes().as_chunks().0.try_into().ok().filter(|_| text.len() == 64)?;
    let mut wrong = 0;
    let bytes = pairs.map(|[high, low]| {
        let (high, low) = (VALUES[usize::from(high)], VALUES[usize::from(low)]);
        wrong |= high | low;
        high << 4 | low & 15
    });
    (wrong < 16).then_some(bytes)
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
