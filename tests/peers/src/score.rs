//! Durable score commands through `CqrsFramework` and postgres-es.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use cqrs_es::AggregateError;
use cqrs_es::persist::GenericQuery;
use futures_util::future::try_join_all;
use postgres_es::{PostgresCqrs, PostgresViewRepository, postgres_cqrs};
use serde::Serialize;
use sqlx::PgPool;

use crate::database::Database;
use crate::scorecard::{LEAVES, Scorecard, ScorecardView, command, metadata};
use crate::{Rate, run_id};

/// Reviewers on the one scorecard of the hot mode.
const HOT_REVIEWERS: u32 = 8;
/// A scorecard's season in commands: every leaf self-scored once and adjusted once; then a caller takes the next one,
/// so that an aggregate has the length that it has in a real season.
const SEASON_STEPS: u32 = 2 * LEAVES;

#[derive(Serialize)]
pub(crate) struct ScoreReport {
    mode: &'static str,
    callers: u32,
    connections: u32,
    /// Commands acknowledged; as many events are in the table (checked).
    commands: u64,
    /// Attempts that ended in a version conflict and were made again.
    conflicts: u64,
    /// Commands given up after the bound of attempts.
    lost: u64,
    /// Events that never reached the view: its update failed after the commit, or another overwrote it.
    view_updates_lost: i64,
    #[serde(flatten)]
    rate: Rate,
}

#[derive(Clone)]
struct Framework {
    cqrs: Arc<PostgresCqrs<Scorecard>>,
    attempts_max: u32,
    tally: Arc<Tally>,
}

#[derive(Default)]
struct Tally {
    commands: AtomicU64,
    conflicts: AtomicU64,
    lost: AtomicU64,
}

impl Framework {
    fn new(pool: PgPool, attempts_max: u32) -> Self {
        let views = PostgresViewRepository::<ScorecardView, Scorecard>::new("scorecard_view", pool.clone());
        let query = GenericQuery::new(Arc::new(views));
        let cqrs = Arc::new(postgres_cqrs(pool, vec![Box::new(query)], ()));
        Self { cqrs, attempts_max, tally: Arc::default() }
    }

    /// One command, made again on a conflict: cqrs-es leaves that to its caller.
    async fn execute(&self, scorecard: &str, account: &str, step: u32) -> anyhow::Result<()> {
        for _ in 0..self.attempts_max {
            let number = self.tally.commands.load(Ordering::Relaxed);
            let metadata = metadata(account, "reviewer", number);
            match self.cqrs.execute_with_metadata(scorecard, command(scorecard, step), metadata).await {
                Ok(()) => {
                    self.tally.commands.fetch_add(1, Ordering::Relaxed);
                    return Ok(());
                }
                Err(AggregateError::AggregateConflict) => {
                    self.tally.conflicts.fetch_add(1, Ordering::Relaxed);
                }
                Err(AggregateError::UserError(refusal)) => bail!("refused: {refusal}"),
                Err(other) => bail!("the store failed: {other}"),
            }
        }
        self.tally.lost.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Every caller on scorecards of its own.
pub(crate) async fn score(
    database: &Database,
    callers: u32,
    connections: u32,
    duration: Duration,
    attempts_max: u32,
) -> anyhow::Result<ScoreReport> {
    let pool = database.pool(connections).await?;
    let framework = Framework::new(pool.clone(), attempts_max);
    let run = run_id();
    let start = Instant::now();
    let until = start + duration;
    let tasks = (0..callers).map(|caller| {
        let (framework, run) = (framework.clone(), run.clone());
        tokio::spawn(async move {
            let account = format!("acc-{caller}");
            for season in 0.. {
                let scorecard = format!("{run}-{caller}-{season}");
                for step in 0..SEASON_STEPS {
                    if Instant::now() >= until {
                        return anyhow::Ok(());
                    }
                    framework.execute(&scorecard, &account, step).await?;
                }
            }
            Ok(())
        })
    });
    for done in try_join_all(tasks).await? {
        done?;
    }
    report(&pool, "own scorecards", &run, callers, connections, &framework.tally, start.elapsed(), 0).await
}

/// Eight reviewers on one scorecard, each on leaves of their own; when all leaves are done, on the next one.
pub(crate) async fn score_hot(
    database: &Database,
    connections: u32,
    duration: Duration,
    attempts_max: u32,
) -> anyhow::Result<ScoreReport> {
    let pool = database.pool(connections).await?;
    let framework = Framework::new(pool.clone(), attempts_max);
    let agency = Framework { tally: Arc::default(), ..framework.clone() };
    let run = run_id();
    let mut measured = Duration::ZERO;
    let mut season = 0;
    while measured < duration {
        let scorecard = format!("{run}-hot-{season}");
        season += 1;
        // The agency's own scores, not measured: one caller makes no conflicts.
        for step in 0..LEAVES {
            agency.execute(&scorecard, "acc-agency", step).await?;
        }
        let start = Instant::now();
        let tasks = (0..HOT_REVIEWERS).map(|reviewer| {
            let (framework, scorecard) = (framework.clone(), scorecard.clone());
            tokio::spawn(async move {
                let account = format!("acc-reviewer-{reviewer}");
                for step in (LEAVES..SEASON_STEPS).filter(|step| step % HOT_REVIEWERS == reviewer) {
                    framework.execute(&scorecard, &account, step).await?;
                }
                anyhow::Ok(())
            })
        });
        for done in try_join_all(tasks).await? {
            done?;
        }
        measured += start.elapsed();
    }
    let prepared = agency.tally.commands.load(Ordering::Relaxed);
    report(&pool, "hot scorecard", &run, HOT_REVIEWERS, connections, &framework.tally, measured, prepared).await
}

/// Compares what was acknowledged with what the tables hold. `prepared`: events of this run that were not measured.
#[expect(clippy::too_many_arguments, reason = "the two modes differ in nothing but these values")]
async fn report(
    pool: &PgPool,
    mode: &'static str,
    run: &str,
    callers: u32,
    connections: u32,
    tally: &Tally,
    elapsed: Duration,
    prepared: u64,
) -> anyhow::Result<ScoreReport> {
    let commands = tally.commands.load(Ordering::Relaxed);
    let of_run = format!("{run}-%");
    let stored: i64 = sqlx::query_scalar("select count(*) from events where aggregate_id like $1")
        .bind(&of_run)
        .fetch_one(pool)
        .await?;
    let seen_by_view: i64 = sqlx::query_scalar(
        "select coalesce(sum((payload->>'events')::bigint), 0)::bigint from scorecard_view where view_id like $1",
    )
    .bind(&of_run)
    .fetch_one(pool)
    .await?;
    let acknowledged = i64::try_from(commands + prepared).context("too many commands")?;
    ensure!(stored == acknowledged, "{acknowledged} commands were acknowledged, {stored} events are stored");
    Ok(ScoreReport {
        mode,
        callers,
        connections,
        commands,
        conflicts: tally.conflicts.load(Ordering::Relaxed),
        lost: tally.lost.load(Ordering::Relaxed),
        view_updates_lost: stored - seen_by_view,
        rate: Rate::new(commands, elapsed),
    })
}
