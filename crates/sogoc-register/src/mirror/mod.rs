//! The SQL mirror: stable views for BI tools and auditors with SQL (DESIGN §7).
//!
//! **Shape**: the tables of one generation (`figure_g3`, …) hold the rows; a view of the plain name (`figure`) shows them.
//! On PostgreSQL both stand in the mirror's own schema, in SQLite their names begin with `read_`. A rebuild fills a new
//! generation beside the old one and exchanges the views in one transaction: a reader sees one or the other, whole.
//! **Cursor**: the number of entries that the rows show, written in the transaction that writes the rows.
//! **One writer**: whoever holds the lease, whose fence number every write checks again; a node that was cut off and
//! comes back finds its fence passed and writes nothing.
//!
//! The mirror is a copy: it can be dropped at any time and rebuilt from the log.

mod rows;
mod sql;
mod tables;

use std::collections::{BTreeMap, BTreeSet};

use sogoc_domain::stream::Stream;
use sogoc_domain::values::{AgencyId, SeasonId, Timestamp};
use sogoc_log::Log;

use crate::Register;
use crate::symbols::ix;
use sql::{Arg, Tx};
use tables::{Rows, Slice, TABLES, Table};

/// Version of the tables; a mirror of another version is rebuilt.
pub const MIRROR_VERSION: i64 = 2;
/// How long a writer may be silent before another takes over, in microseconds.
const LEASE_US: i64 = 30_000_000;
/// Bytes of rows that one statement inserts, about.
const CHUNK_ROWS: usize = 2_000;

/// Why the mirror could not be written or is wrong.
#[derive(Debug, thiserror::Error)]
pub enum MirrorError {
    /// The store.
    #[error("the store of the SQL mirror")]
    Store(#[from] sqlx::Error),
    /// Another process writes it.
    #[error("another process writes the SQL mirror until {until}: let it, or stop it and try again")]
    Busy {
        /// Until when its lease holds unless renewed.
        until: Timestamp,
    },
    /// The figures could not be read from the register.
    #[error("the register does not answer: {0}")]
    Register(String),
}

/// What a rebuild or an update wrote.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize)]
pub struct Mirrored {
    /// Entries that the rows show now.
    pub entries: u64,
    /// Rows written.
    pub rows: u64,
    /// True where everything was written anew beside and swapped in.
    pub rebuilt: bool,
}

/// The writer of a log's mirror.
#[derive(Debug, Clone)]
pub struct Mirror {
    log: Log,
    /// Tells writers apart; only ever compared.
    holder: String,
}

/// The mirror's one row of state.
#[derive(Clone, Copy, Debug)]
struct State {
    version: i64,
    generation: i64,
    cursor: i64,
}

impl Mirror {
    /// A writer under a name of its own, such as the process's id and a number.
    #[must_use]
    pub fn new(log: Log, holder: impl Into<String>) -> Self {
        Self { log, holder: holder.into() }
    }

    /// Brings the mirror to where the register is: rewrites the rows of what changed, or everything where there is no
    /// mirror of this version yet. Call it at most once a second: group figures change with every score.
    ///
    /// # Errors
    /// [`MirrorError`]; the mirror stays as it was.
    pub async fn catch_up(&self, register: &Register, now: Timestamp) -> Result<Mirrored, MirrorError> {
        let mut tx = Tx::begin(self.log.pool()).await?;
        self.prepare(&mut tx).await?;
        let state = self.take_lease(&mut tx, now).await?;
        let size = signed(register.size());
        match state {
            Some(s) if s.version == MIRROR_VERSION && s.cursor <= size => {
                let rows = if s.cursor < size { self.update(&mut tx, register, s).await? } else { 0 };
                self.release(&mut tx, s.generation, size).await?;
                tx.commit().await?;
                Ok(Mirrored { entries: register.size(), rows, rebuilt: false })
            }
            state => self.fill(tx, register, state).await,
        }
    }

    /// As [`Mirror::catch_up`], but only where a mirror was built before: a pilot that needs none has none, and then no copy
    /// of the register is asked for.
    ///
    /// # Errors
    /// As [`Mirror::catch_up`].
    pub async fn follow(
        &self,
        register: impl FnOnce() -> Register,
        now: Timestamp,
    ) -> Result<Option<Mirrored>, MirrorError> {
        let mut tx = Tx::begin(self.log.pool()).await?;
        let there = self.exists(&mut tx).await?;
        tx.commit().await?;
        if there { self.catch_up(&register(), now).await.map(Some) } else { Ok(None) }
    }

    /// Writes a new generation beside the one there is, and exchanges them.
    ///
    /// # Errors
    /// [`MirrorError`]; the mirror stays as it was.
    pub async fn rebuild(&self, register: &Register, now: Timestamp) -> Result<Mirrored, MirrorError> {
        let mut tx = Tx::begin(self.log.pool()).await?;
        self.prepare(&mut tx).await?;
        let state = self.take_lease(&mut tx, now).await?;
        self.fill(tx, register, state).await
    }

    /// The first table and row that differ from the register's answers as of the mirror's cursor; none where the mirror
    /// is right or there is none.
    ///
    /// # Errors
    /// [`MirrorError`] where it cannot be read.
    pub async fn fault(&self, register: &Register) -> Result<Option<String>, MirrorError> {
        let mut tx = Tx::begin(self.log.pool()).await?;
        if !self.exists(&mut tx).await? {
            return Ok(None);
        }
        let Some(state) = self.state(&mut tx).await? else { return Ok(None) };
        if state.version != MIRROR_VERSION || state.cursor != signed(register.size()) {
            // Behind, or of another version: the next catch-up writes it.
            return Ok(None);
        }
        let mut fault = None;
        for table in TABLES {
            let mut want = Vec::new();
            self.each(register, table, |rows| want.extend(rows.0.iter().map(row_text))).await?;
            want.sort();
            let mut have = tx.texts(self.read_back(table, state.generation)).await?;
            have.sort();
            if want != have {
                let missing = want.iter().find(|row| have.binary_search(row).is_err());
                let extra = have.iter().find(|row| want.binary_search(row).is_err());
                fault = Some(match (missing, extra) {
                    (Some(row), _) => format!("{}: the register says {row}, the mirror does not", table.name),
                    (None, Some(row)) => format!("{}: the mirror says {row}, the register does not", table.name),
                    (None, None) => format!("{}: a row stands more than once", table.name),
                });
                break;
            }
        }
        tx.commit().await?;
        Ok(fault)
    }

    /// Creates the row of state where there is none.
    async fn prepare(&self, tx: &mut Tx) -> Result<(), MirrorError> {
        if self.exists(tx).await? {
            return Ok(());
        }
        let strict = if tx.is_postgres() { "" } else { " strict" };
        let int = if tx.is_postgres() { "bigint" } else { "integer" };
        let sql = format!(
            "create table if not exists {} (\n  id {int} primary key check (id = 1),\n  version {int} not null,\n  \
             generation {int} not null,\n  cursor {int} not null,\n  holder text not null,\n  fence {int} not null,\n  \
             lease_until_us {int} not null\n){strict}",
            self.named("mirror_state")
        );
        tx.run(sql, &[]).await?;
        Ok(())
    }

    async fn exists(&self, tx: &mut Tx) -> Result<bool, MirrorError> {
        let sql = match self.log.mirror_schema() {
            Some(schema) => {
                let name = format!("\"{}\".mirror_state", schema.replace('"', "\"\""));
                format!("select (to_regclass('{}') is not null)::int::bigint", name.replace('\'', "''"))
            }
            None => "select count(*) from sqlite_schema where name = 'read_mirror_state'".to_owned(),
        };
        Ok(tx.integers::<1>(sql).await?.is_some_and(|[n]| n > 0))
    }

    async fn state(&self, tx: &mut Tx) -> Result<Option<State>, MirrorError> {
        let sql = format!("select version, generation, cursor from {} where id = 1", self.named("mirror_state"));
        let row = tx.integers::<3>(sql).await?;
        Ok(row.map(|[version, generation, cursor]| State { version, generation, cursor }))
    }

    /// Takes or renews the lease, and locks the row until the transaction ends: a second writer waits there and then
    /// finds the lease taken.
    async fn take_lease(&self, tx: &mut Tx, now: Timestamp) -> Result<Option<State>, MirrorError> {
        let state_table = self.named("mirror_state");
        let insert = format!(
            "insert into {state_table} (id, version, generation, cursor, holder, fence, lease_until_us)\n\
             values (1, 0, 0, 0, '', 0, 0)\non conflict (id) do nothing"
        );
        tx.run(insert, &[]).await?;
        let take = format!(
            "update {state_table}\nset holder = $1, fence = fence + 1, lease_until_us = $2\n\
             where id = 1 and (holder = $1 or lease_until_us <= $3)"
        );
        let until = now.plus_micros(LEASE_US).micros();
        let args = [Arg::from(self.holder.as_str()), until.into(), now.micros().into()];
        if tx.run(take, &args).await? == 0 {
            let sql = format!("select lease_until_us from {state_table} where id = 1");
            let until = tx.integers::<1>(sql).await?.map_or(0, |[until]| until);
            return Err(MirrorError::Busy { until: Timestamp::from_micros(until) });
        }
        self.state(tx).await
    }

    /// Writes the cursor and lets the lease go: rows, cursor and lease are one transaction.
    async fn release(&self, tx: &mut Tx, generation: i64, cursor: i64) -> Result<(), MirrorError> {
        let sql = format!(
            "update {}\nset version = {MIRROR_VERSION}, generation = $1, cursor = $2, lease_until_us = 0\nwhere id = 1",
            self.named("mirror_state")
        );
        tx.run(sql, &[generation.into(), cursor.into()]).await?;
        Ok(())
    }

    async fn fill(&self, mut tx: Tx, register: &Register, state: Option<State>) -> Result<Mirrored, MirrorError> {
        let old = state.map_or(0, |s| s.generation);
        let new = old + 1;
        let postgres = tx.is_postgres();
        let mut written = 0;
        for table in TABLES {
            let bare = self.bare(table, new);
            for sql in table.create(&self.physical(table, new), &bare, postgres) {
                tx.run(sql, &[]).await?;
            }
            let mut chunks = Vec::new();
            self.each(register, table, |rows| chunks.push(rows)).await?;
            let rows = chunks.into_iter().flat_map(|rows| rows.0).collect();
            written += self.insert(&mut tx, table, new, Rows(rows)).await?;
        }
        for table in TABLES {
            let view = self.named(table.name);
            tx.run(format!("drop view if exists {view}"), &[]).await?;
            tx.run(format!("create view {view} as select * from {}", self.physical(table, new)), &[]).await?;
        }
        if old > 0 {
            for table in TABLES {
                tx.run(format!("drop table if exists {}", self.physical(table, old)), &[]).await?;
            }
        }
        self.postgres_es_view(&mut tx).await?;
        self.release(&mut tx, new, signed(register.size())).await?;
        tx.commit().await?;
        Ok(Mirrored { entries: register.size(), rows: written, rebuilt: true })
    }

    /// The log in the shape of postgres-es's table `events`, so that its own repository can read a stream.
    async fn postgres_es_view(&self, tx: &mut Tx) -> Result<(), MirrorError> {
        if !tx.is_postgres() {
            return Ok(());
        }
        let sql = format!(
            "create or replace view {} as\nselect\n  split_part(stream, '/', 1) as aggregate_type,\n  \
             substr(stream, strpos(stream, '/') + 1) as aggregate_id,\n  version as sequence,\n  kind as event_type,\n  \
             (entry::json ->> 'kind_version') as event_version,\n  entry::json -> 'data' as payload,\n  \
             json_build_object('position', position::text, 'at', entry::json ->> 'at',\n    \
             'account', entry::json -> 'actor' ->> 'account') as metadata\nfrom entry",
            self.named("events")
        );
        tx.run(sql, &[]).await?;
        Ok(())
    }

    async fn update(&self, tx: &mut Tx, register: &Register, state: State) -> Result<u64, MirrorError> {
        let from = u64::try_from(state.cursor).unwrap_or(0);
        let touched = Touched::since(register, from);
        let mut written = 0;
        for table in TABLES {
            let physical = self.physical(table, state.generation);
            let mut rows = Rows::default();
            match table.slice {
                Slice::Position => rows::activity(register, from, &mut rows),
                Slice::Season => {
                    for season in touched.seasons.keys() {
                        let delete = format!("delete from {physical} where season = $1");
                        tx.run(delete, &[season.as_str().into()]).await?;
                        rows::of_season(register, table.name, season, &mut rows)?;
                    }
                }
                Slice::Agency => {
                    for (season, agencies) in &touched.seasons {
                        let delete = format!("delete from {physical} where season = $1 and agency = $2");
                        for agency in agencies {
                            let args = [season.as_str().into(), agency.as_str().into()];
                            tx.run(delete.clone(), &args).await?;
                            rows::of_agency(register, table.name, season, agency, &mut rows)?;
                        }
                    }
                }
            }
            written += self.insert(tx, table, state.generation, rows).await?;
        }
        Ok(written)
    }

    /// Every row of a table, in pieces.
    async fn each(&self, register: &Register, table: &Table, mut take: impl FnMut(Rows)) -> Result<(), MirrorError> {
        match table.slice {
            Slice::Position => {
                let mut rows = Rows::default();
                rows::activity(register, 0, &mut rows);
                take(rows);
            }
            Slice::Season => {
                for season in register.seasons() {
                    let mut rows = Rows::default();
                    rows::of_season(register, table.name, season, &mut rows)?;
                    take(rows);
                }
            }
            Slice::Agency => {
                for season in register.seasons() {
                    for agency in members(register, season) {
                        let mut rows = Rows::default();
                        rows::of_agency(register, table.name, season, &agency, &mut rows)?;
                        take(rows);
                    }
                }
            }
        }
        Ok(())
    }

    async fn insert(&self, tx: &mut Tx, table: &Table, generation: i64, rows: Rows) -> Result<u64, MirrorError> {
        let sql = table.insert(&self.physical(table, generation), tx.is_postgres());
        let mut written = 0;
        for chunk in rows.0.chunks(CHUNK_ROWS) {
            let bound = serde_json::Value::Array(chunk.to_vec()).to_string();
            written += tx.run(sql.clone(), &[Arg::Text(bound)]).await?;
        }
        Ok(written)
    }

    fn read_back(&self, table: &Table, generation: i64) -> String {
        let cells: Vec<_> =
            table.columns.iter().map(|(name, _)| format!("coalesce(cast(\"{name}\" as text), '\u{2400}')")).collect();
        format!("select {} from {}", cells.join(" || '\u{241f}' || "), self.physical(table, generation))
    }

    /// A name that readers see.
    fn named(&self, name: &str) -> String {
        match self.log.mirror_schema() {
            Some(schema) => format!("\"{}\".\"{name}\"", schema.replace('"', "\"\"")),
            None => format!("\"read_{name}\""),
        }
    }

    fn bare(&self, table: &Table, generation: i64) -> String {
        match self.log.mirror_schema() {
            Some(_) => format!("{}_g{generation}", table.name),
            None => format!("read_{}_g{generation}", table.name),
        }
    }

    fn physical(&self, table: &Table, generation: i64) -> String {
        self.named(&format!("{}_g{generation}", table.name))
    }
}

/// A row as the read-back query gives it: cells in order, `␀` for nothing.
fn row_text(row: &serde_json::Value) -> String {
    let cells = row.as_array().map_or(&[][..], Vec::as_slice);
    let texts: Vec<_> = cells
        .iter()
        .map(|cell| match cell {
            serde_json::Value::Null => "\u{2400}".to_owned(),
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Bool(_)
            | serde_json::Value::Number(_)
            | serde_json::Value::Array(_)
            | serde_json::Value::Object(_) => cell.to_string(),
        })
        .collect();
    texts.join("\u{241f}")
}

/// Whose rows an update rewrites.
#[derive(Default)]
struct Touched {
    seasons: BTreeMap<SeasonId, BTreeSet<AgencyId>>,
}

impl Touched {
    fn since(register: &Register, from: u64) -> Self {
        let mut out = Self::default();
        for stream in streams_since(register, from) {
            match stream {
                Stream::Scorecard(season, agency) => {
                    out.seasons.entry(season.clone()).or_default().insert(agency.clone());
                }
                Stream::Season(season) | Stream::Survey(season) | Stream::Council(season) | Stream::Results(season) => {
                    let all = members(register, season);
                    out.seasons.entry(season.clone()).or_default().extend(all);
                }
                // A set's new version reaches a season through the season's own stream.
                Stream::Agency(_)
                | Stream::Instrument(_)
                | Stream::Account(_)
                | Stream::Criteria(_)
                | Stream::Refusals(_)
                | Stream::Downloads(_)
                | Stream::SignIn(_)
                | Stream::Restores => {}
            }
        }
        out
    }
}

/// The streams that have entries from a position on.
fn streams_since(register: &Register, from: u64) -> impl Iterator<Item = &Stream> {
    let numbers: BTreeSet<u32> =
        (from..register.size()).filter_map(|position| register.metas.get(position)).map(|meta| meta.stream).collect();
    numbers.into_iter().filter_map(|number| register.streams[ix(number)].stream.as_ref())
}

fn members(register: &Register, season: &SeasonId) -> Vec<AgencyId> {
    register.world().seasons.get(season).map_or_else(Vec::new, |s| s.agencies.keys().cloned().collect())
}

fn signed(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
