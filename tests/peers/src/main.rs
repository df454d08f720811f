//! The peers that the register is measured against, on the same PostgreSQL: cqrs-es with postgres-es, and bare
//! statements. Each subcommand prints one line of JSON on stdout. See README.md.

mod database;
mod plain;
mod replay;
mod score;
mod scorecard;

use std::time::{Duration, SystemTime};

use anyhow::ensure;
use clap::{Parser, Subcommand};
use serde::Serialize;

use crate::database::{Database, Reset};

#[derive(Parser)]
#[command(about = "Measures cqrs-es with postgres-es, and bare statements, on a PostgreSQL", max_term_width = 100)]
struct Arguments {
    /// The database to measure on; its server must run with fsync on
    #[arg(long, global = true, env = "SOGOC_TEST_POSTGRES", hide_env_values = true, default_value = "")]
    url: String,
    /// The schema that holds the peer's tables
    #[arg(long, global = true, default_value = "peer")]
    schema: String,
    #[command(subcommand)]
    measure: Measure,
}

#[derive(Subcommand)]
enum Measure {
    /// Makes the tables of postgres-es, its view and the bare inserts where they are missing
    Setup {
        /// Drops them first
        #[arg(long)]
        reset: bool,
    },
    /// Durable score commands through CqrsFramework with one GenericQuery view
    Score {
        /// Concurrent callers, each on scorecards of its own
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
        callers: u32,
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
        seconds: u64,
        /// Pooled connections (10: the pool that postgres-es itself makes), or as many as callers where those are fewer
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
        connections: u32,
        /// Eight reviewers on different leaves of one scorecard instead
        #[arg(long, conflicts_with = "callers")]
        hot: bool,
        /// After how many conflicts in a row a command is given up and counted as lost
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
        attempts: u32,
    },
    /// Drops the peer's tables and fills the events table anew, quickly
    Load {
        #[arg(long, default_value_t = 4000)]
        aggregates: u32,
        /// Events of each aggregate
        #[arg(long, default_value_t = 375)]
        events_per: u32,
    },
    /// Loads what `load` wrote, aggregate by aggregate
    Replay {
        /// Aggregates loaded at the same time
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
        callers: u32,
    },
    /// Plain autocommit insert of one row a call
    Insert {
        #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..))]
        connections: u32,
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
        seconds: u64,
    },
    /// Bare select of one column of all rows of a table
    Select {
        #[arg(long, default_value = "events")]
        table: String,
        #[arg(long, default_value = "payload")]
        column: String,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    ensure!(!arguments.url.is_empty(), "which database? Give --url, or run this under `tests/run --servers-only`");
    let database = Database::new(&arguments.url, &arguments.schema)?;
    match arguments.measure {
        Measure::Setup { reset } => database.set_up(if reset { Reset::Drop } else { Reset::Keep }).await,
        Measure::Score { callers, seconds, connections, hot, attempts } => {
            database.set_up(Reset::Keep).await?;
            let duration = Duration::from_secs(seconds);
            print(&if hot {
                score::score_hot(&database, connections, duration, attempts).await?
            } else {
                score::score(&database, callers, connections.min(callers), duration, attempts).await?
            })
        }
        Measure::Load { aggregates, events_per } => print(&replay::load(&database, aggregates, events_per).await?),
        Measure::Replay { callers } => print(&replay::replay(&database, callers).await?),
        Measure::Insert { connections, seconds } => {
            database.set_up(Reset::Keep).await?;
            print(&plain::insert(&database, connections, Duration::from_secs(seconds)).await?)
        }
        Measure::Select { table, column } => print(&plain::select(&database, &table, &column).await?),
    }
}

fn print(report: &impl Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string(report)?);
    Ok(())
}

/// How much was done in what time, as every report says it: to the millisecond and the tenth.
#[derive(Serialize)]
struct Rate {
    seconds: f64,
    per_second: f64,
}

impl Rate {
    fn new(done: u64, elapsed: Duration) -> Self {
        let seconds = elapsed.as_secs_f64();
        Self { seconds: (seconds * 1e3).round() / 1e3, per_second: (done as f64 / seconds * 10.0).round() / 10.0 }
    }
}

/// Names this run's streams, so that runs on one database do not meet.
fn run_id() -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("run-{:x}", since.as_micros())
}
