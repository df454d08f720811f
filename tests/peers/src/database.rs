//! Connections to the server that everything is measured on, and the peer's tables.

use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgConnection, PgPool};

/// postgres-es's own tables (its `db/init.sql`), one view table, and the table of the bare inserts.
const TABLES: &str = "
    create table if not exists events (
        aggregate_type text not null,
        aggregate_id text not null,
        sequence bigint not null check (sequence >= 0),
        event_type text not null,
        event_version text not null,
        payload json not null,
        metadata json not null,
        primary key (aggregate_type, aggregate_id, sequence)
    );
    create table if not exists snapshots (
        aggregate_type text not null,
        aggregate_id text not null,
        last_sequence bigint not null check (last_sequence >= 0),
        current_snapshot bigint not null check (current_snapshot >= 0),
        payload json not null,
        primary key (aggregate_type, aggregate_id, last_sequence)
    );
    create table if not exists scorecard_view (
        view_id text not null,
        version bigint not null check (version >= 0),
        payload json not null,
        primary key (view_id)
    );
    create table if not exists plain_insert (
        position bigserial primary key,
        stream text not null,
        version bigint not null,
        kind text not null,
        entry text not null
    );";

/// Where the peer's tables are: a database, and a schema in it so that they stand beside others' tables.
#[derive(Clone)]
pub(crate) struct Database {
    options: PgConnectOptions,
    schema: String,
}

impl Database {
    pub(crate) fn new(url: &str, schema: &str) -> anyhow::Result<Self> {
        ensure_identifier(schema)?;
        let options = PgConnectOptions::from_str(url)
            .with_context(|| "the URL is not one of PostgreSQL")?
            .options([("search_path", format!("{schema},public"))])
            .application_name("sogoc-peer");
        Ok(Self { options, schema: schema.to_owned() })
    }

    /// Makes the tables where they are missing; `reset` drops what an earlier run left first.
    pub(crate) async fn set_up(&self, reset: Reset) -> anyhow::Result<()> {
        let mut connection = self.connect().await?;
        let drop = match reset {
            Reset::Keep => String::new(),
            Reset::Drop => format!("drop schema if exists {} cascade;", self.schema),
        };
        let script =
            format!("set client_min_messages = warning; {drop} create schema if not exists {}; {TABLES}", self.schema);
        sqlx::raw_sql(&script).execute(&mut connection).await.context("the peer's tables could not be made")?;
        connection.close().await?;
        Ok(())
    }

    /// One connection. Refused where the server may lose what it acknowledged: such a rate says nothing.
    pub(crate) async fn connect(&self) -> anyhow::Result<PgConnection> {
        let mut connection = self.options.connect().await.context("no connection to PostgreSQL")?;
        for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
            let value: String =
                sqlx::query_scalar("select current_setting($1)").bind(setting).fetch_one(&mut connection).await?;
            if value != "on" {
                bail!("the server runs with {setting} = {value}, which is not durable: measure on one where it is on");
            }
        }
        Ok(connection)
    }

    /// A pool whose connections are all open before it is handed out, so that opening them is not measured.
    pub(crate) async fn pool(&self, connections: u32) -> anyhow::Result<PgPool> {
        self.connect().await?.close().await?;
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(Duration::from_secs(60))
            // The default pings before each use, a round trip that the peer need not pay.
            .test_before_acquire(false)
            .connect_with(self.options.clone())
            .await?;
        let mut open = Vec::new();
        for _ in 0..connections {
            open.push(pool.acquire().await.with_context(|| {
                format!("{connections} connections were asked for: does max_connections of the server allow them?")
            })?);
        }
        Ok(pool)
    }
}

#[derive(Clone, Copy)]
pub(crate) enum Reset {
    Keep,
    Drop,
}

/// Table, column and schema names come from the command line and cannot be bound.
pub(crate) fn ensure_identifier(name: &str) -> anyhow::Result<()> {
    let part_is_plain = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    ensure!(name.split('.').all(part_is_plain), "`{name}` is not a plain lower-case name such as `log.entry`");
    Ok(())
}
