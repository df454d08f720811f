//! Bare statements: what the server gives without anybody's library around it.

use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use futures_util::future::try_join_all;
use serde::Serialize;
use sqlx::{Connection, Row};

use crate::database::{Database, ensure_identifier};
use crate::{Rate, run_id};

#[derive(Serialize)]
pub(crate) struct InsertReport {
    connections: u32,
    rows: u64,
    entry_bytes: usize,
    #[serde(flatten)]
    rate: Rate,
}

#[derive(Serialize)]
pub(crate) struct SelectReport {
    table: String,
    column: String,
    rows: u64,
    bytes: u64,
    #[serde(flatten)]
    rate: Rate,
}

/// An entry of the register's shape and usual size, as text.
fn entry(stream: &str, version: i64) -> String {
    format!(
        concat!(
            r#"{{"actor":{{"account":"acc-so-tu-phap-reviewer-1","agency":"so-tu-phap","role":"reviewer"}},"#,
            r#""at":"2026-11-23T02:00:00.000000Z","command":"01930000-0000-7000-8000-{version:012}","#,
            r#""command_digest":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08","command_index":0,"#,
            r#""data":{{"inputs":{{"denominator":"400","numerator":"312"}},"leaf":"3.1.2","points":"1.25","#,
            r#""reason":"2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae","reason_code":"inputs-corrected"}},"#,
            r#""kind":"score-adjusted","kind_version":1,"log":"sogoc.example/ha-nam","position":{version},"#,
            r#""received":"2026-11-23T01:59:59.900000Z","stream":"{stream}","v":1,"version":{version}}}"#
        ),
        stream = stream,
        version = version
    )
}

/// One row a statement, one statement a transaction, as fast as each connection can.
pub(crate) async fn insert(database: &Database, connections: u32, duration: Duration) -> anyhow::Result<InsertReport> {
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(database.connect().await?);
    }
    let run = run_id();
    let start = Instant::now();
    let until = start + duration;
    let tasks = open.into_iter().enumerate().map(|(number, mut connection)| {
        let stream = format!("scorecard/{run}/agency-{number}");
        tokio::spawn(async move {
            let mut rows = 0;
            while Instant::now() < until {
                rows += 1;
                sqlx::query("insert into plain_insert (stream, version, kind, entry) values ($1, $2, $3, $4)")
                    .bind(&stream)
                    .bind(rows)
                    .bind("score-adjusted")
                    .bind(entry(&stream, rows))
                    .execute(&mut connection)
                    .await?;
            }
            let finished = Instant::now();
            connection.close().await?;
            anyhow::Ok((rows, finished))
        })
    });
    let (mut rows, mut last) = (0, start);
    for done in try_join_all(tasks).await? {
        let (inserted, finished) = done?;
        rows += u64::try_from(inserted)?;
        last = last.max(finished);
    }
    let entry_bytes = entry("scorecard/run/agency-0", 1).len();
    Ok(InsertReport { connections, rows, entry_bytes, rate: Rate::new(rows, last - start) })
}

/// All rows of one column, in the order in which the server finds them, read and thrown away.
pub(crate) async fn select(database: &Database, table: &str, column: &str) -> anyhow::Result<SelectReport> {
    ensure_identifier(table)?;
    ensure_identifier(column)?;
    let mut connection = database.connect().await?;
    let statement = format!("select {column} from {table}");
    let (mut rows, mut bytes) = (0, 0);
    let start = Instant::now();
    let mut found = sqlx::query(&statement).fetch(&mut connection);
    while let Some(row) = found.try_next().await? {
        rows += 1;
        bytes += row.try_get_raw(0)?.as_bytes().map_or(0, <[u8]>::len) as u64;
    }
    let elapsed = start.elapsed();
    Ok(SelectReport { table: table.to_owned(), column: column.to_owned(), rows, bytes, rate: Rate::new(rows, elapsed) })
}
