//! What a roll-up keeps: the entries of each source as they came, how far it is, and the ranking for SQL readers.
//!
//! One SQLite file, written by one process. An entry and the position that it brings are one transaction; a second process
//! that writes the same file finds the position moved, and stops.

use std::path::Path;

use futures_util::TryStreamExt as _;
use sogoc_log::Hash;
use sogoc_proof::Frontier;
use sogoc_register::Register;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, QueryBuilder, Row as _, Sqlite};

use super::ranking::NationalRow;
use super::received::Received;

/// `pragma application_id` of a roll-up: "sogr".
const APPLICATION_ID: i64 = 0x736f_6772;
/// `pragma user_version`: the schema.
const SCHEMA: i64 = 1;
/// Rows of one insert; each binds four values.
const ROWS: usize = 1_000;
/// Entries that are read and folded at a time.
const CHUNK: i64 = 4_096;

const TABLES: &str = "
create table if not exists source (
  name text not null primary key,
  -- Name of its log, of the first entry that came.
  log text,
  -- The position that is due.
  next integer not null default 0,
  -- Sequence of the stream up to which messages were judged.
  sequence integer not null default 0,
  -- Messages that brought once more what was there.
  doubled integer not null default 0,
  -- Frontier of the entries up to the largest checkpoint that fitted.
  confirmed blob,
  -- Why it goes no further, until it does.
  stopped text
) strict, without rowid;

-- The bytes that are hashed are the bytes that are stored.
create table if not exists entry (
  source text not null,
  position integer not null,
  leaf_hash blob not null,
  entry text not null,
  constraint entry_key primary key (source, position),
  constraint entry_leaf check (length(leaf_hash) = 32)
) strict, without rowid;

create trigger if not exists entry_is_never_updated before update on entry
begin
  select raise(abort, 'an entry is never changed');
end;

create trigger if not exists entry_is_never_deleted before delete on entry
begin
  select raise(abort, 'an entry is never removed');
end;

-- Derived: the ranking as of the positions that were folded last, for SQL readers. Indices as exact text.
create table if not exists ranking (
  year integer not null,
  ranking_group text not null,
  source text not null,
  season text not null,
  agency text not null,
  rank integer,
  index_exact text,
  index_shown text,
  class text,
  constraint ranking_key primary key (year, ranking_group, source, season, agency)
) strict, without rowid;
";

/// How far a source is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) name: String,
    /// None before its first entry.
    pub(crate) log: Option<String>,
    pub(crate) next: u64,
    pub(crate) sequence: u64,
    pub(crate) doubled: u64,
    /// Entries that a checkpoint of the log confirmed, with their frontier.
    pub(crate) confirmed: Frontier,
    pub(crate) stopped: Option<String>,
}

/// What one transaction brings.
pub(crate) struct Step<'a> {
    pub(crate) source: &'a str,
    /// The position that was due.
    pub(crate) from: u64,
    /// The next entries; may be none.
    pub(crate) entries: &'a [Received],
    /// Messages that were passed over.
    pub(crate) doubled: u64,
    /// Sequence of the last message that was judged.
    pub(crate) sequence: u64,
}

/// The file.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    pool: SqlitePool,
}

fn told(error: sqlx::Error) -> String {
    error.to_string()
}

fn integer(value: u64) -> Result<i64, String> {
    i64::try_from(value).map_err(|_| format!("{value} is beyond any log"))
}

fn natural(value: i64) -> Result<u64, String> {
    u64::try_from(value).map_err(|_| format!("{value} stands where a number of entries should"))
}

impl Store {
    /// Opens the file, and makes it where it is not there.
    ///
    /// # Errors
    /// A text for the operator.
    pub(crate) async fn create(path: &Path) -> Result<Self, String> {
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            std::fs::create_dir_all(parent).map_err(|error| error.to_string())?;
        }
        let store = Self::connect(path, true).await?;
        let application: i64 =
            sqlx::query_scalar("pragma application_id").fetch_one(&store.pool).await.map_err(told)?;
        let tables: i64 =
            sqlx::query_scalar("select count(*) from sqlite_schema").fetch_one(&store.pool).await.map_err(told)?;
        if application == 0 && tables == 0 {
            sqlx::raw_sql(TABLES).execute(&store.pool).await.map_err(told)?;
            for pragma in ["pragma user_version = 1", "pragma application_id = 0x736f6772"] {
                sqlx::raw_sql(pragma).execute(&store.pool).await.map_err(told)?;
            }
        }
        store.check().await?;
        Ok(store)
    }

    /// Opens a file that is there, to look at it.
    ///
    /// # Errors
    /// A text for the operator.
    pub(crate) async fn open(path: &Path) -> Result<Self, String> {
        if !path.exists() {
            return Err("there is no roll-up here: begin one with `sogoc roll-up follow`".to_owned());
        }
        let store = Self::connect(path, false).await?;
        store.check().await?;
        Ok(store)
    }

    async fn connect(path: &Path, create: bool) -> Result<Self, String> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(create)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(std::time::Duration::from_secs(5))
            .disable_statement_logging();
        let pool = SqlitePoolOptions::new().max_connections(4).connect_with(options).await.map_err(told)?;
        Ok(Self { pool })
    }

    async fn check(&self) -> Result<(), String> {
        let application: i64 = sqlx::query_scalar("pragma application_id").fetch_one(&self.pool).await.map_err(told)?;
        let schema: i64 = sqlx::query_scalar("pragma user_version").fetch_one(&self.pool).await.map_err(told)?;
        if application != APPLICATION_ID {
            return Err("the file is no roll-up: choose another path".to_owned());
        }
        if schema != SCHEMA {
            return Err(format!("the roll-up has schema {schema}, this program uses {SCHEMA}"));
        }
        Ok(())
    }

    pub(crate) async fn close(self) {
        self.pool.close().await;
    }

    /// How far a source is; from the start where it is new.
    pub(crate) async fn standing(&self, source: &str) -> Result<Standing, String> {
        let found = self.standings().await?.into_iter().find(|standing| standing.name == source);
        Ok(found.unwrap_or_else(|| Standing {
            name: source.to_owned(),
            log: None,
            next: 0,
            sequence: 0,
            doubled: 0,
            confirmed: Frontier::new(),
            stopped: None,
        }))
    }

    /// All sources, by name.
    pub(crate) async fn standings(&self) -> Result<Vec<Standing>, String> {
        let rows =
            sqlx::query("select name, log, next, sequence, doubled, confirmed, stopped from source order by name")
                .fetch_all(&self.pool)
                .await
                .map_err(told)?;
        rows.iter()
            .map(|row| {
                let confirmed: Option<Vec<u8>> = row.try_get(5).map_err(told)?;
                Ok(Standing {
                    name: row.try_get(0).map_err(told)?,
                    log: row.try_get(1).map_err(told)?,
                    next: natural(row.try_get(2).map_err(told)?)?,
                    sequence: natural(row.try_get(3).map_err(told)?)?,
                    doubled: natural(row.try_get(4).map_err(told)?)?,
                    confirmed: match confirmed {
                        Some(bytes) => Frontier::from_bytes(&bytes).map_err(|error| error.to_string())?,
                        None => Frontier::new(),
                    },
                    stopped: row.try_get(6).map_err(told)?,
                })
            })
            .collect()
    }

    /// Stores what came, and how far that is; durable when it returns.
    ///
    /// # Errors
    /// A text; nothing was stored. Also where another process has moved the source meanwhile.
    pub(crate) async fn take(&self, step: &Step<'_>) -> Result<(), String> {
        let mut transaction = self.pool.begin_with("begin immediate").await.map_err(told)?;
        sqlx::query("insert into source (name) values ($1) on conflict (name) do nothing")
            .bind(step.source)
            .execute(&mut *transaction)
            .await
            .map_err(told)?;
        let moved = sqlx::query(
            "update source
             set next = next + $3, doubled = doubled + $4, sequence = $5, log = coalesce(log, $6), stopped = null
             where name = $1 and next = $2",
        )
        .bind(step.source)
        .bind(integer(step.from)?)
        .bind(integer(step.entries.len() as u64)?)
        .bind(integer(step.doubled)?)
        .bind(integer(step.sequence)?)
        .bind(step.entries.first().map(|entry| entry.log.as_str()))
        .execute(&mut *transaction)
        .await
        .map_err(told)?
        .rows_affected();
        if moved != 1 {
            return Err(format!("{}: another process has moved this source: only one may follow", step.source));
        }
        for rows in step.entries.chunks(ROWS) {
            let mut insert: QueryBuilder<Sqlite> =
                QueryBuilder::new("insert into entry (source, position, leaf_hash, entry) ");
            insert.push_values(rows, |mut row, entry| {
                row.push_bind(step.source)
                    .push_bind(i64::try_from(entry.position).unwrap_or(i64::MAX))
                    .push_bind(entry.leaf.0.to_vec())
                    .push_bind(entry.text.as_str());
            });
            insert.build().execute(&mut *transaction).await.map_err(told)?;
        }
        transaction.commit().await.map_err(told)
    }

    /// Notes why a source goes no further.
    pub(crate) async fn stop(&self, source: &str, why: &str) -> Result<(), String> {
        sqlx::query(
            "insert into source (name, stopped)
             values ($1, $2)
             on conflict (name) do update
             set stopped = excluded.stopped",
        )
        .bind(source)
        .bind(why)
        .execute(&self.pool)
        .await
        .map_err(told)?;
        Ok(())
    }

    /// Notes up to where a checkpoint of the log fitted.
    pub(crate) async fn confirm(&self, source: &str, confirmed: &Frontier) -> Result<(), String> {
        sqlx::query("update source set confirmed = $2 where name = $1")
            .bind(source)
            .bind(confirmed.to_bytes())
            .execute(&self.pool)
            .await
            .map_err(told)?;
        Ok(())
    }

    /// Leaf hashes of a range.
    pub(crate) async fn leaves(&self, source: &str, from: u64, to: u64) -> Result<Vec<Hash>, String> {
        let rows: Vec<Vec<u8>> = sqlx::query_scalar(
            "select leaf_hash
             from entry
             where source = $1 and position >= $2 and position < $3
             order by position",
        )
        .bind(source)
        .bind(integer(from)?)
        .bind(integer(to)?)
        .fetch_all(&self.pool)
        .await
        .map_err(told)?;
        let leaves: Result<Vec<Hash>, _> = rows.into_iter().map(|row| <[u8; 32]>::try_from(row).map(Hash)).collect();
        let leaves = leaves.map_err(|_| "a leaf hash has not 32 bytes".to_owned())?;
        if leaves.len() as u64 != to.saturating_sub(from) {
            return Err(format!("{source}: entries are missing between positions {from} and {to}"));
        }
        Ok(leaves)
    }

    /// Folds all that a source has brought.
    ///
    /// # Errors
    /// A text: above all when the file does not hold what was received.
    pub(crate) async fn fold(&self, source: &str, next: u64) -> Result<Register, String> {
        let mut register = Register::new();
        while register.size() < next {
            let from = register.size();
            let texts: Vec<String> = sqlx::query_scalar(
                "select entry
                 from entry
                 where source = $1 and position >= $2 and position < $3
                 order by position
                 limit $4",
            )
            .bind(source)
            .bind(integer(from)?)
            .bind(integer(next)?)
            .bind(CHUNK)
            .fetch(&self.pool)
            .try_collect()
            .await
            .map_err(told)?;
            if texts.is_empty() {
                return Err(format!("{source}: the entry at position {from} is missing"));
            }
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            register.apply_texts(&texts).map_err(|error| format!("{source}: {error}"))?;
        }
        Ok(register)
    }

    /// Writes the ranking for SQL readers.
    pub(crate) async fn put_ranking(&self, rows: &[NationalRow]) -> Result<(), String> {
        let mut transaction = self.pool.begin_with("begin immediate").await.map_err(told)?;
        sqlx::query("delete from ranking").execute(&mut *transaction).await.map_err(told)?;
        for row in rows {
            sqlx::query(
                "insert into ranking
                   (year, ranking_group, source, season, agency, rank, index_exact, index_shown, class)
                 values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            )
            .bind(i64::from(row.year))
            .bind(&row.group)
            .bind(&row.source)
            .bind(&row.season)
            .bind(&row.agency)
            .bind(row.rank.map(i64::from))
            .bind(row.index.text())
            .bind(&row.index_display)
            .bind(&row.class)
            .execute(&mut *transaction)
            .await
            .map_err(told)?;
        }
        transaction.commit().await.map_err(told)
    }
}
