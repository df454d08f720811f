//! Leases: who of several processes does what only one may do, such as the relay to the bus, and how far it has come.
//!
//! **Shape.** One row a name, kept for ever: a lease that was given back, or has run out, keeps its fence and its cursor for
//! the next holder. The fence grows with every change of hands, and the cursor moves in a statement that compares holder
//! and fence, so that a process that was cut off and comes back to itself moves nothing after another took over.
//!
//! Whether a lease has run out is judged by one clock: the database's on PostgreSQL, so that the nodes' own need not agree;
//! the process's on SQLite. A lease is no lock: its holder may believe in it for a moment longer than it lasts, and what it
//! does under it must be harmless then, or be fenced itself.

use crate::clock::Timestamp;
use crate::error::LogError;
use crate::log::Log;
use crate::options::TimeSource;
use crate::store::{Pool, integer, on_pool, position, time, told};
use crate::values::{NUMBER_LIMIT, Position, is_id};

/// Longest name of a holder, in bytes.
const HOLDER_BYTES_MAX: usize = 128;
/// Longest time for which a lease is taken, in microseconds: a day.
const LEASE_US_MAX: u64 = 86_400_000_000;

/// A lease as it was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// What it is for.
    pub name: String,
    /// Who holds it.
    pub holder: String,
    /// Grows with every change of hands, from 1.
    pub fence: u64,
    /// How far holders have come: the position to go on with.
    pub cursor: Position,
    /// When it runs out, by the clock that judges it.
    pub until: Timestamp,
}

/// What became of a cursor that was to be moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advanced {
    /// It stands where it was told to.
    Moved,
    /// The lease is in other hands, or was given back: nothing was moved.
    Lost,
}

/// The statement of [`Log::take_lease`], with the store's way to tell the time. It is read again in each place, so that what
/// counts on PostgreSQL is the instant after the wait for the row.
macro_rules! take {
    ($now:literal) => {
        concat!(
            "insert into lease (name, holder, fence, until_us, cursor)
             values ($1, $2, 1, ",
            $now,
            " + $4, 0)
             on conflict (name) do update
             set fence = lease.fence + (case when lease.holder = excluded.holder then 0 else 1 end),
                 holder = excluded.holder,
                 until_us = ",
            $now,
            " + $4
             where lease.holder = excluded.holder or lease.until_us <= ",
            $now,
            "
             returning fence, cursor, until_us"
        )
    };
}

impl Log {
    /// Takes a lease for so many microseconds: one that is free or has run out, or one's own once more. None while it is in
    /// other hands. `holder` names one process for its life: two that use one name hold the lease together.
    ///
    /// # Errors
    /// `Refused` for a name that is no id, an empty or long holder, or more than a day; `Unavailable`, `Corrupt`.
    pub async fn take_lease(&self, name: &str, holder: &str, for_us: u64) -> Result<Option<Lease>, LogError> {
        if !is_id(name) || holder.is_empty() || holder.len() > HOLDER_BYTES_MAX || !(1..=LEASE_US_MAX).contains(&for_us)
        {
            return Err(LogError::refused(
                format!("lease {name:?} for {holder:?} and {for_us} µs"),
                format!("[a-z0-9-]{{1,64}}, a holder of 1 to {HOLDER_BYTES_MAX} bytes, 1 to {LEASE_US_MAX} µs"),
                "name what is done, and the process that does it",
            ));
        }
        let options = self.options();
        let now = options.clock.now().micros();
        let row: Option<(i64, i64, i64)> = match self.pool() {
            Pool::Sqlite(pool) => {
                sqlx::query_as(take!("$3"))
                    .bind(name)
                    .bind(holder)
                    .bind(now)
                    .bind(integer(for_us))
                    .fetch_optional(pool)
                    .await
            }
            Pool::Postgres(pool) => {
                let moved = (options.time_source == TimeSource::Clock).then_some(now);
                sqlx::query_as(take!("coalesce($3::bigint, (extract(epoch from clock_timestamp()) * 1000000)::bigint)"))
                    .bind(name)
                    .bind(holder)
                    .bind(moved)
                    .bind(integer(for_us))
                    .fetch_optional(pool)
                    .await
            }
        }
        .map_err(|error| told(&error))?;
        let Some((fence, cursor, until_us)) = row else { return Ok(None) };
        Ok(Some(Lease {
            name: name.to_owned(),
            holder: holder.to_owned(),
            fence: u64::try_from(fence).map_err(|_| LogError::corrupt(None, format!("lease.fence is {fence}")))?,
            cursor: position(cursor)?,
            until: time(until_us, "lease.until_us")?,
        }))
    }

    /// How far the holders of a lease have come, for whoever only looks. None where nobody took it yet.
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt`.
    pub async fn lease_cursor(&self, name: &str) -> Result<Option<Position>, LogError> {
        let cursor: Option<i64> = on_pool!(self.pool(), pool => {
            sqlx::query_scalar("select cursor from lease where name = $1")
                .bind(name)
                .fetch_optional(pool)
                .await
                .map_err(|error| told(&error))?
        });
        cursor.map(position).transpose()
    }

    /// Moves the cursor of a lease, forwards or back, if it is still in the hands that took it. A lease that has run out and
    /// that nobody else took counts as still held: nobody else has moved anything.
    ///
    /// # Errors
    /// `Refused` for a position beyond 2^53; `Unavailable`, `Corrupt`.
    pub async fn advance_lease(&self, lease: &Lease, cursor: Position) -> Result<Advanced, LogError> {
        if cursor.0 >= NUMBER_LIMIT {
            return Err(LogError::refused(format!("cursor {cursor}"), "below 2^53", "give a position of the log"));
        }
        let changed = on_pool!(self.pool(), pool => {
            sqlx::query(
                "update lease
                 set cursor = $4
                 where name = $1 and holder = $2 and fence = $3",
            )
            .bind(&lease.name)
            .bind(&lease.holder)
            .bind(integer(lease.fence))
            .bind(integer(cursor.0))
            .execute(pool)
            .await
            .map_err(|error| told(&error))?
            .rows_affected()
        });
        Ok(if changed == 1 { Advanced::Moved } else { Advanced::Lost })
    }

    /// Gives a lease back, so that another need not wait until it has run out. Does nothing where it is in other hands.
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt`.
    pub async fn release_lease(&self, lease: &Lease) -> Result<(), LogError> {
        on_pool!(self.pool(), pool => {
            sqlx::query(
                "update lease
                 set holder = '', until_us = 0
                 where name = $1 and holder = $2 and fence = $3",
            )
            .bind(&lease.name)
            .bind(&lease.holder)
            .bind(integer(lease.fence))
            .execute(pool)
            .await
            .map_err(|error| told(&error))?;
        });
        Ok(())
    }
}
