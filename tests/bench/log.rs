//! The log alone: appends against plain inserts, the full check against a bare read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use futures_util::TryStreamExt as _;
use futures_util::future::try_join_all;
use sogoc_log::{Actor, Append, Clock as _, Draft, Frontier, Log, Options, Position, StreamId, SystemClock, Version};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Row as _};

use crate::report::median;
use crate::writer::uuid_of;
use crate::{Bench, random};

/// What a score entry holds: as many bytes as the peer's row, and of the same words.
pub(crate) const DATA: &str = concat!(
    r#"{"by":{"account":"acc-so-tu-phap-reviewer-1"},"change":{"inputs":{"ratio":{"denominator":"400","#,
    r#""numerator":"312"}},"leaf":"l-3-1-2","new":"1.25","old":"1.5","reason":"#,
    r#""2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae","reason_code":"so-lieu"},"round":1}"#
);

/// What appending for a while came to.
struct Appended {
    per_second: f64,
}

/// Every caller appends one entry at a time to a stream of its own, and waits until it is durable.
async fn append(log: &Log, callers: u32, duration: Duration, run: u64) -> anyhow::Result<Appended> {
    let before = log.head().await?.size;
    let start = Instant::now();
    let until = start + duration;
    let done = Arc::new(AtomicU64::new(0));
    let tasks = (0..callers).map(|caller| {
        let (log, done) = (log.clone(), Arc::clone(&done));
        tokio::spawn(async move {
            let stream = StreamId::try_new(format!("scorecard/run-{run}/agency-{caller}"))?;
            for version in 0.. {
                if Instant::now() >= until {
                    break;
                }
                let id = random::mix(run ^ random::mix(u64::from(caller) << 40 | version));
                log.append(Append {
                    command: uuid_of(u128::from(id) << 64 | u128::from(random::mix(id))),
                    command_digest: [7; 32],
                    correlation: None,
                    actor: Actor {
                        account: "acc-so-tu-phap-reviewer-1".to_owned(),
                        agency: Some("so-tu-phap".to_owned()),
                        role: Some("reviewer".to_owned()),
                        on_behalf_of: None,
                        delegation: None,
                        capacity: None,
                    },
                    received: SystemClock.now(),
                    occurred: None,
                    instrument: None,
                    drafts: vec![Draft {
                        stream: stream.clone(),
                        kind: "score-adjusted".to_owned(),
                        kind_version: 1,
                        data: DATA.to_owned(),
                        causation: None,
                    }],
                    expected: vec![(stream.clone(), Version(version))],
                    sealed: Vec::new(),
                    erases: Vec::new(),
                    unmoved: Vec::new(),
                })
                .await?;
                done.fetch_add(1, Ordering::Relaxed);
            }
            anyhow::Ok(Instant::now())
        })
    });
    let mut last = start;
    for finished in try_join_all(tasks).await? {
        last = last.max(finished?);
    }
    let (done, after) = (done.load(Ordering::Relaxed), log.head().await?.size);
    ensure!(after - before == done, "{done} appends were acknowledged, {} entries are there", after - before);
    Ok(Appended { per_second: done as f64 / (last - start).as_secs_f64() })
}

impl Bench {
    /// The log's append alone against one plain autocommit insert a row by as many connections.
    pub(crate) async fn log_append(&mut self) -> anyhow::Result<()> {
        let (postgres, peer) = (self.postgres("log_append")?, self.peer()?);
        let log = Log::open_or_create(&postgres, Options::default()).await?;
        let mut run = random::mix(SystemClock.now().micros().unsigned_abs()) >> 24;
        for (callers, target) in [(32, Some(1.0)), (256, Some(3.0))] {
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            for _ in 0..self.repetitions {
                run += 1;
                ours.push(append(&log, callers, self.duration, run).await?.per_second);
                let (connections, seconds) = (callers.to_string(), self.duration.as_secs().to_string());
                theirs.push(peer.rate(&["insert", "--connections", &connections, "--seconds", &seconds])?);
            }
            let what = format!("log append, PostgreSQL, {callers} callers");
            self.report.rate(what, median(ours), median(theirs), "plain insert", target);
        }
        let entry = log.read(Position(0), 1).await?.pop().context("an entry")?;
        self.report.note(format!("The log's entry in these appends has {} bytes.", entry.bytes.len()));
        log.close().await;
        Ok(())
    }

    /// The full check of a log against reading the same bytes and doing nothing with them.
    pub(crate) async fn log_verify(&mut self) -> anyhow::Result<()> {
        let (country, peer) = (self.country().await?, self.peer()?);
        let log = Log::open(&country.url, Options::default()).await?;
        let size = log.head().await?.size as f64;
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..self.repetitions {
            let start = Instant::now();
            let report = log.verify(Frontier::new(), |_, _| {}).await?;
            ensure!(report.fault.is_none(), "the generated log is damaged: {:?}", report.fault);
            ours.push(size / start.elapsed().as_secs_f64());
            theirs.push(peer.rate(&["select", "--table", &country.table(), "--column", "entry"])?);
        }
        self.report.rate("log verify, PostgreSQL, entries", median(ours), median(theirs), "bare select", None);

        // The same log from one file. Two cores work on it: one reads, the other checks.
        let path = self.folder.path().join("verified.db");
        let options = Options { name: Some(log.name().to_owned()), ..Options::default() };
        let copy = Log::open_or_create(&format!("sqlite:{}", path.display()), options).await?;
        log.copy_to(&copy, |_, _| {}).await?;
        log.close().await;
        copy.extend_tiles().await?;
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..self.repetitions {
            let start = Instant::now();
            let report = copy.verify(Frontier::new(), |_, _| {}).await?;
            ensure!(report.fault.is_none(), "the copied log is damaged: {:?}", report.fault);
            ours.push(size / start.elapsed().as_secs_f64());
            theirs.push(size / read_bare(&path).await?.as_secs_f64());
        }
        self.report.rate("log verify, SQLite, entries", median(ours), median(theirs), "bare select", None);
        copy.close().await;
        Ok(())
    }
}

/// Reads the entries of a file and does nothing with them.
async fn read_bare(path: &std::path::Path) -> anyhow::Result<Duration> {
    let mut connection = SqliteConnectOptions::new().filename(path).disable_statement_logging().connect().await?;
    let start = Instant::now();
    let mut rows = sqlx::query("select entry from entry order by position").fetch(&mut connection);
    let mut bytes = 0;
    while let Some(row) = rows.try_next().await? {
        bytes += row.try_get::<&str, _>(0)?.len();
    }
    ensure!(bytes > 0, "nothing was read");
    Ok(start.elapsed())
}

/// Bare SQLite under the same promise: one insert a transaction, on disk before the next.
pub(crate) struct BareSqlite {
    connection: Arc<tokio::sync::Mutex<SqliteConnection>>,
}

impl BareSqlite {
    pub(crate) async fn create(path: &std::path::Path) -> anyhow::Result<Self> {
        let mut connection = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .disable_statement_logging()
            .connect()
            .await?;
        sqlx::query(
            "create table plain_insert (
               position integer primary key,
               stream text not null,
               version integer not null,
               kind text not null,
               entry text not null
             ) strict",
        )
        .execute(&mut connection)
        .await?;
        Ok(Self { connection: Arc::new(tokio::sync::Mutex::new(connection)) })
    }

    /// Callers take turns at one connection: SQLite has one writer, and with a connection each they would mostly sleep.
    pub(crate) async fn rate(&self, callers: u32, duration: Duration) -> anyhow::Result<f64> {
        let start = Instant::now();
        let until = start + duration;
        let tasks = (0..callers).map(|caller| {
            let connection = Arc::clone(&self.connection);
            tokio::spawn(async move {
                let stream = format!("scorecard/run/agency-{caller}");
                let entry = format!("{DATA}{DATA}");
                let mut rows = 0_u64;
                while Instant::now() < until {
                    let version = i64::try_from(rows).expect("few");
                    let mut connection = connection.lock().await;
                    sqlx::query("insert into plain_insert (stream, version, kind, entry) values ($1, $2, $3, $4)")
                        .bind(&stream)
                        .bind(version)
                        .bind("score-adjusted")
                        .bind(&entry)
                        .execute(&mut *connection)
                        .await?;
                    rows += 1;
                }
                anyhow::Ok(rows)
            })
        });
        let mut rows = 0;
        for done in try_join_all(tasks).await? {
            rows += done?;
        }
        let elapsed = start.elapsed();
        let stored: i64 = sqlx::query("select count(*) from plain_insert")
            .fetch_one(&mut *self.connection.lock().await)
            .await?
            .try_get(0)?;
        ensure!(stored >= i64::try_from(rows)?, "{rows} inserts were acknowledged, {stored} rows are there");
        Ok(rows as f64 / elapsed.as_secs_f64())
    }
}
