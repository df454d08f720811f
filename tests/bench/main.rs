//! Measures speed and memory against the named peers, on one PostgreSQL and on SQLite, and prints the table that goes
//! into `tests/BENCH.md`. Nothing here fails for being slow: a target that is not reached is said in the table.
//!
//! `tests/bench/run` builds what is needed, brings the servers up and runs all of it.

#![allow(clippy::disallowed_methods, reason = "measuring elapsed time is what this does")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the table and its progress")]

mod commands;
mod country;
mod evidence;
mod http2;
mod log;
mod peer;
mod proving;
mod random;
mod reading;
mod relay;
mod report;
mod service;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::{Parser, Subcommand};
use sogoc_log::{Log, ManualClock, Options, TimeSource};

use crate::country::Season;
use crate::peer::Peer;
use crate::report::{Report, number};
use crate::writer::{Pace, Writer};

/// Entries of an agency's season, its accounts included: what the generator comes to, rounded.
pub(crate) const ENTRIES_PER_AGENCY: u32 = 377;
/// Between two chunks of a generated season lie ten minutes.
const STEP_US: i64 = 600_000_000;

#[derive(Parser)]
#[command(name = "bench", about = "Measures sogoc against its peers", max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
    /// Smaller sizes and shorter runs: to see that it works, not to publish
    #[arg(long)]
    quick: bool,
    /// Only these measurements, by name; see --list
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Names the measurements and does nothing
    #[arg(long)]
    list: bool,
    /// How often each is repeated; the median counts
    #[arg(long)]
    repetitions: Option<u32>,
    /// How long each run of callers lasts
    #[arg(long)]
    seconds: Option<u64>,
    /// Agencies of the country-size season
    #[arg(long)]
    agencies: Option<u32>,
    /// The database to measure on, with fsync on; each measurement makes a schema of its own in it
    #[arg(long, env = "SOGOC_TEST_POSTGRES", hide_env_values = true)]
    url: Option<String>,
    /// Begins the names of those schemas
    #[arg(long, default_value = "bench")]
    schemas: String,
    /// The peer's binary
    #[arg(long, default_value = "tests/peers/target/release/peer")]
    peer: PathBuf,
    /// Where SQLite files go; on the disk that is to be measured
    #[arg(long, default_value_os_t = std::env::temp_dir())]
    folder: PathBuf,
    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Subcommand)]
enum Action {
    /// Writes a season of a country to an empty or missing log
    Generate {
        /// sqlite:PATH or postgres://…
        #[arg(long)]
        store: String,
        #[arg(long, default_value_t = 4_000)]
        agencies: u32,
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Opens the register of such a log in this process and prints what that took, as JSON
    Open {
        #[arg(long)]
        store: String,
        #[arg(long, default_value_t = 4_000)]
        agencies: u32,
        /// Asks it for rankings, traces and figures too
        #[arg(long)]
        ask: bool,
    },
}

/// A generated log.
#[derive(Clone, Debug)]
pub(crate) struct Country {
    pub(crate) url: String,
    pub(crate) schema: String,
}

impl Country {
    /// Its table of entries, as the peer's bare select names it.
    pub(crate) fn table(&self) -> String {
        format!("{}.entry", self.schema)
    }
}

/// What all measurements share.
pub(crate) struct Bench {
    quick: bool,
    repetitions: u32,
    duration: Duration,
    agencies: u32,
    url: Option<String>,
    schemas: String,
    peer: PathBuf,
    folder: tempfile::TempDir,
    country: Option<Country>,
    report: Report,
}

impl Bench {
    /// A schema of its own on the server.
    fn postgres(&self, name: &str) -> anyhow::Result<String> {
        let url = self.url.as_ref().context(
            "which database? Run this under `tests/run --servers-only`, or give --url (see tests/bench/run)",
        )?;
        let mark = if url.contains('?') { '&' } else { '?' };
        Ok(format!("{url}{mark}schema={}_{name}", self.schemas))
    }

    fn peer(&self) -> anyhow::Result<Peer> {
        let url = self.url.clone().context("the peer needs a PostgreSQL: give --url")?;
        Ok(Peer { binary: self.peer.clone(), url })
    }

    /// The country-size log on PostgreSQL, made when first asked for.
    async fn country(&mut self) -> anyhow::Result<Country> {
        if let Some(country) = &self.country {
            return Ok(country.clone());
        }
        let name = "country";
        let country = Country { url: self.postgres(name)?, schema: format!("{}_{name}", self.schemas) };
        generate(&country.url, self.agencies, 1).await?;
        self.country = Some(country.clone());
        Ok(country)
    }
}

/// Writes a season to a log, and says how long it took and which root it led to.
async fn generate(store: &str, agencies: u32, seed: u64) -> anyhow::Result<()> {
    let season = Season::country(agencies, seed);
    let start = Instant::now();
    let first = sogoc_log::Timestamp::from_micros(season.self_scoring.0.micros() - 30 * 86_400_000_000)
        .context("an instant with a written form")?;
    let clock = Arc::new(ManualClock::new(first));
    let log = Log::open_or_create(
        store,
        Options { clock: Arc::clone(&clock) as _, time_source: TimeSource::Clock, ..Options::default() },
    )
    .await?;
    ensure!(log.head().await?.size == 0, "{} holds entries already: a season is written to an empty log", log.store());
    let mut writer = Writer::new(log.clone(), Pace::Stepped(clock, STEP_US), seed);
    season.set_up(&mut writer).await?;
    season.run(&mut writer).await?;
    let (entries, commands) = writer.finish().await?;
    let head = log.head().await?;
    ensure!(head.size == entries, "{entries} entries were decided, {} are there", head.size);
    let elapsed = start.elapsed().as_secs_f64();
    eprintln!(
        "  generated {agencies} agencies, seed {seed}: {} entries of {} commands in {elapsed:.1} s ({}/s), root {}",
        number(entries as f64),
        number(commands as f64),
        number(entries as f64 / elapsed),
        head.root,
    );
    log.close().await;
    Ok(())
}

/// Names of the measurements, in the order in which they run.
const MEASUREMENTS: &[&str] = &[
    "score",
    "hot",
    "log-append",
    "log-verify",
    "open",
    "curve",
    "sqlite",
    "prove",
    "evidence",
    "relay",
    "service-start",
    "service-commands",
    "service-questions",
];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if arguments.list {
        println!("{}", MEASUREMENTS.join("\n"));
        return Ok(());
    }
    match &arguments.action {
        Some(Action::Generate { store, agencies, seed }) => generate(store, *agencies, *seed).await,
        Some(Action::Open { store, agencies, ask }) => {
            println!("{}", reading::open(store, *agencies, *ask).await?);
            Ok(())
        }
        None => measure(&arguments).await,
    }
}

async fn measure(arguments: &Arguments) -> anyhow::Result<()> {
    let unknown = arguments.only.iter().find(|name| !MEASUREMENTS.contains(&name.as_str()));
    ensure!(unknown.is_none(), "there is no measurement {unknown:?}: see --list");
    let quick = arguments.quick;
    let mut bench = Bench {
        quick,
        repetitions: arguments.repetitions.unwrap_or(if quick { 1 } else { 5 }).max(1),
        duration: Duration::from_secs(arguments.seconds.unwrap_or(if quick { 1 } else { 3 }).max(1)),
        agencies: arguments.agencies.unwrap_or(if quick { 200 } else { 4_000 }),
        url: arguments.url.clone(),
        schemas: arguments.schemas.clone(),
        peer: arguments.peer.clone(),
        folder: tempfile::Builder::new().prefix("sogoc-bench.").tempdir_in(&arguments.folder)?,
        country: None,
        report: Report::default(),
    };
    for name in MEASUREMENTS {
        if !arguments.only.is_empty() && !arguments.only.iter().any(|only| only == name) {
            continue;
        }
        let start = Instant::now();
        eprintln!("{name}");
        match *name {
            "score" => bench.score().await?,
            "hot" => bench.hot().await?,
            "open" => bench.open().await?,
            "curve" => bench.curve().await?,
            "sqlite" => bench.sqlite().await?,
            "prove" => bench.prove().await?,
            "evidence" => bench.evidence().await?,
            "relay" => bench.relay().await?,
            "service-start" => bench.service_start().await?,
            "service-commands" => bench.service_commands().await?,
            "service-questions" => bench.service_questions().await?,
            "log-append" => bench.log_append().await?,
            "log-verify" => bench.log_verify().await?,
            other => unreachable!("{other} is not one of the measurements"),
        }
        eprintln!("  ({:.0} s)", start.elapsed().as_secs_f64());
    }
    println!("Machine: {}.\n", report::machine(bench.folder.path()));
    println!(
        "Medians of {}, {} s each{}.\n",
        bench.repetitions,
        bench.duration.as_secs(),
        if bench.quick { "; quick: small sizes, not to be published" } else { "" }
    );
    println!("{}", bench.report.markdown());
    Ok(())
}
