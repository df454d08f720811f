//! Opening the register from a country's log, and asking it.
//!
//! Each opening is a process of its own: what it takes in memory is the register's, not the generator's.

use std::time::Instant;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use sogoc_app::{App, Options};
use sogoc_domain::values::Timestamp;
use sogoc_log::Position;
use sogoc_register::{AsOf, Cut, Register, TRACE_NODES_MAX};
use sqlx::Connection as _;

use crate::commands::Live;
use crate::country::Season;
use crate::random::Random;
use crate::report::{Row, duration, median, number};
use crate::{Bench, Country, generate};

/// Questions of each kind; the median counts.
const QUESTIONS: u32 = 101;

// ---- in the process that opens ------------------------------------------------------------------------------------

/// Opens the register of a store and says what that took; then asks it, if told to.
pub(crate) async fn open(store: &str, agencies: u32, asked: bool) -> anyhow::Result<Value> {
    let start = Instant::now();
    let (told, heard) = std::sync::mpsc::channel();
    let progress = move |folded: u64, of: u64| {
        let _ = told.send((Instant::now(), folded, of));
    };
    let app = App::open(store, Options { progress: Some(Box::new(progress)), ..Options::default() }).await?;
    let opened = start.elapsed().as_secs_f64();
    let steps: Vec<_> = heard.try_iter().collect();
    let folded =
        steps.iter().find(|(_, folded, of)| folded >= of).map_or(opened, |(at, ..)| (*at - start).as_secs_f64());
    let mut out = json!({
        "entries": app.register().size(),
        // A snapshot that holds everything leaves nothing to fold.
        "from_snapshot": steps.is_empty(),
        "folded_seconds": folded,
        "opened_seconds": opened,
        "resident_kib": status("VmRSS")?,
        "peak_kib": status("VmHWM")?,
    });
    if asked {
        out["asked"] = ask(&app, &Season::country(agencies, 1)).await?;
    }
    let log = app.log().clone();
    drop(app);
    log.close().await;
    Ok(out)
}

/// A line of `/proc/self/status`, in KiB.
fn status(field: &str) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with(field)).with_context(|| format!("no {field}"))?;
    let number = line.split_whitespace().nth(1).with_context(|| format!("no number in {line}"))?;
    Ok(number.parse()?)
}

async fn ask(app: &App, season: &Season) -> anyhow::Result<Value> {
    let id = season.id.as_str();
    let mut random = Random::new(7);
    let mut agency = || season.agency(u32::try_from(random.below(u64::from(season.agencies))).expect("a u32"));
    let now = app.register().now();

    // A copy has kept no answers yet.
    let mut current = Vec::new();
    for _ in 0..QUESTIONS {
        let register = app.register().overlay();
        current.push(ranked(&register, id, now, season.agencies)?);
    }
    let cuts = instants(&app.register(), season)?;
    let mut as_of = Vec::new();
    for cut in cuts {
        let register = app.register().overlay();
        as_of.push(ranked(&register, id, cut, season.agencies)?);
    }

    let (mut traces, mut with_texts, mut entries, mut texts) = (Vec::new(), Vec::new(), 0, 0);
    for _ in 0..QUESTIONS {
        let address = format!("{id}/xa/{}/index", agency());
        let start = Instant::now();
        let mut trace = app.register().trace(&address, now, TRACE_NODES_MAX)?;
        traces.push(start.elapsed().as_secs_f64());
        app.fill_trace(&mut trace).await?;
        with_texts.push(start.elapsed().as_secs_f64());
        texts = trace.commitments().len();
        entries = 0;
        trace.each_entry(&mut |_| entries += 1);
    }

    let (mut figures, mut count) = (Vec::new(), 0);
    for _ in 0..QUESTIONS {
        let under = format!("xa/{}/", agency());
        let register = app.register();
        let start = Instant::now();
        count = register.figures(id, Some(&under), now)?.len();
        figures.push(start.elapsed().as_secs_f64());
    }
    ensure!(count > 60 && entries > 60, "the register answered with {count} figures and {entries} entries");
    Ok(json!({
        "ranking": median(current),
        "ranking_as_of_longest": as_of.iter().copied().fold(0.0, f64::max),
        "ranking_as_of": median(as_of),
        "trace": median(traces),
        "trace_with_texts": median(with_texts),
        "trace_entries": entries,
        "trace_texts": texts,
        "figures": median(figures),
        "figures_count": count,
    }))
}

/// Cuts at instants spread over the time since the season runs.
fn instants(register: &Register, season: &Season) -> anyhow::Result<Vec<Cut>> {
    let mut random = Random::new(11);
    let (from, to) = (season.self_scoring.0.micros(), register.last_at().context("entries")?.micros());
    let span = u64::try_from(to - from)?;
    let mut cuts = Vec::new();
    for _ in 0..QUESTIONS {
        let at = from + i64::try_from(random.below(span))?;
        cuts.push(register.cut(&AsOf::Instant(Timestamp::from_micros(at)))?);
    }
    Ok(cuts)
}

fn ranked(register: &Register, season: &str, cut: Cut, agencies: u32) -> anyhow::Result<f64> {
    let start = Instant::now();
    let rows = register.ranking(season, Some("xa"), cut)?;
    let elapsed = start.elapsed().as_secs_f64();
    ensure!(rows.len() == agencies as usize, "{} of {agencies} agencies are ranked", rows.len());
    Ok(elapsed)
}

// ---- in the process that measures ---------------------------------------------------------------------------------

/// What the opening process said.
struct Opened(Value);

impl Opened {
    fn number(&self, pointer: &str) -> anyhow::Result<f64> {
        self.0.pointer(pointer).and_then(Value::as_f64).with_context(|| format!("no {pointer} in {}", self.0))
    }

    fn gib(&self, pointer: &str) -> anyhow::Result<f64> {
        Ok(self.number(pointer)? / 1_048_576.0)
    }
}

/// Opens in a process of its own.
fn opened(store: &str, agencies: u32, asked: bool) -> anyhow::Result<Opened> {
    let mut command = std::process::Command::new(std::env::current_exe()?);
    command.args(["open", "--store", store, "--agencies", &agencies.to_string()]);
    if asked {
        command.arg("--ask");
    }
    let output = command.output()?;
    ensure!(output.status.success(), "opening failed: {}", String::from_utf8_lossy(&output.stderr));
    let value = serde_json::from_slice(&output.stdout).context("the opening process printed no JSON")?;
    Ok(Opened(value))
}

/// Column of many numbers from many openings.
fn medians(openings: &[Opened], pointer: &str) -> anyhow::Result<f64> {
    Ok(median(openings.iter().map(|opened| opened.number(pointer)).collect::<anyhow::Result<_>>()?))
}

impl Bench {
    async fn forget_snapshots(&self, country: &Country) -> anyhow::Result<()> {
        let url = self.url.as_ref().context("a database")?;
        let mut connection = sqlx::PgConnection::connect(url).await?;
        let sql = format!("delete from {}.snapshot", country.schema);
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await?;
        connection.close().await?;
        Ok(())
    }

    /// From the first entry, from a snapshot, and what is asked then.
    pub(crate) async fn open(&mut self) -> anyhow::Result<()> {
        let (country, peer) = (self.country().await?, self.peer()?);
        let per = (crate::ENTRIES_PER_AGENCY).to_string();
        peer.run(&["load", "--aggregates", &self.agencies.to_string(), "--events-per", &per])?;
        let (mut bare, mut replays, mut first, mut snapshot) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for _ in 0..self.repetitions {
            bare.push(peer.rate(&["select", "--table", &country.table(), "--column", "entry"])?);
            replays.push(peer.rate(&["replay", "--callers", "1"])?);
            self.forget_snapshots(&country).await?;
            first.push(opened(&country.url, self.agencies, false)?);
            // The opening kept one, where the log is long enough for that; where it is not, the next opening folds again.
            snapshot.push(opened(&country.url, self.agencies, true)?);
        }
        let entries = medians(&first, "/entries")?;
        let folded = entries / medians(&first, "/folded_seconds")?;
        let what = format!("opening from PostgreSQL, {} entries", number(entries));
        self.report.rate(&what, folded, median(bare), "bare select", Some(0.5));
        self.report.rate(&what, folded, median(replays), "postgres-es, aggregate by aggregate", Some(5.0));
        let until_answer = medians(&first, "/opened_seconds")?;
        self.report.time("opening without a snapshot, until it answers", until_answer, None);
        if snapshot.iter().any(|opened| opened.0["from_snapshot"] == false) {
            self.report.note("The log was too short for a snapshot: the openings from one folded everything.");
        }
        self.report.time("opening from a snapshot", medians(&snapshot, "/opened_seconds")?, Some(3.0));
        for (what, openings) in [("after folding everything", &first), ("from a snapshot", &snapshot)] {
            let resident = openings.iter().map(|opened| opened.gib("/resident_kib")).collect::<anyhow::Result<_>>()?;
            let peak = openings.iter().map(|opened| opened.gib("/peak_kib")).collect::<anyhow::Result<_>>()?;
            let (resident, peak) = (median(resident), median(peak));
            self.report.row(Row {
                what: format!("resident memory {what}"),
                ours: format!("{resident:.2} GiB (peak {peak:.2} GiB)"),
                peer: String::new(),
                ratio: String::new(),
                target: "< 1 GiB".to_owned(),
                reached: Some(resident < 1.0),
            });
        }
        self.answers(&snapshot)
    }

    fn answers(&mut self, openings: &[Opened]) -> anyhow::Result<()> {
        let agencies = number(f64::from(self.agencies));
        let (current, as_of) = (medians(openings, "/asked/ranking")?, medians(openings, "/asked/ranking_as_of")?);
        self.report.time(format!("ranking of {agencies} agencies, current"), current, Some(0.005));
        self.report.row(Row {
            what: format!("ranking of {agencies} agencies, as of any instant"),
            ours: format!(
                "{} (longest {})",
                duration(as_of),
                duration(medians(openings, "/asked/ranking_as_of_longest")?)
            ),
            peer: format!("{} (current)", duration(current)),
            ratio: format!("{}×", number(as_of / current)),
            target: "< 5 ms, ≤ 2×".to_owned(),
            reached: Some(as_of < 0.005 && as_of <= 2.0 * current),
        });
        self.report.time("trace of an index, without texts", medians(openings, "/asked/trace")?, Some(0.001));
        self.report.time("trace of an index, with texts", medians(openings, "/asked/trace_with_texts")?, Some(0.01));
        self.report.time("all figures of one agency", medians(openings, "/asked/figures")?, Some(0.0001));
        self.report.note(format!(
            "A trace of an index has {} entries and {} texts here; an agency has {} figures. A ranking is asked of a \
             register that keeps no earlier answers.",
            medians(openings, "/asked/trace_entries")?,
            medians(openings, "/asked/trace_texts")?,
            medians(openings, "/asked/figures_count")?,
        ));
        Ok(())
    }

    /// What things cost as the log grows.
    pub(crate) async fn curve(&mut self) -> anyhow::Result<()> {
        let mut table = String::from(
            "| entries | agencies | fold | memory | ranking | as of | trace | with texts | figures of one | commands, 32 callers |\n\
             |---|---|---|---|---|---|---|---|---|---|\n",
        );
        let lengths: &[u32] = if self.quick { &[10_000, 30_000] } else { &[10_000, 100_000, 1_000_000] };
        for length in lengths {
            let agencies = (length / crate::ENTRIES_PER_AGENCY).max(1);
            let name = format!("curve_{length}");
            let country = Country { url: self.postgres(&name)?, schema: format!("{}_{name}", self.schemas) };
            generate(&country.url, agencies, 1).await?;
            let mut openings = Vec::new();
            for _ in 0..self.repetitions {
                self.forget_snapshots(&country).await?;
                openings.push(opened(&country.url, agencies, true)?);
            }
            let mut rates = Vec::new();
            let mut live = Live::open(&country.url, self.scorecards()).await?;
            for _ in 0..self.repetitions {
                rates.push(live.score(32, self.duration).await?.per_second);
            }
            ensure!(!live.app.log().read(Position(0), 1).await?.is_empty(), "the log is empty");
            live.close().await;
            let entries = medians(&openings, "/entries")?;
            let seconds = |pointer: &str| medians(&openings, pointer).map(duration);
            let row = [
                number(entries),
                number(f64::from(agencies)),
                format!("{}/s", number(entries / medians(&openings, "/folded_seconds")?)),
                format!("{:.2} GiB", medians(&openings, "/resident_kib")? / 1_048_576.0),
                seconds("/asked/ranking")?,
                seconds("/asked/ranking_as_of")?,
                seconds("/asked/trace")?,
                seconds("/asked/trace_with_texts")?,
                seconds("/asked/figures")?,
                format!("{}/s", number(median(rates))),
            ];
            let row = format!("| {} |\n", row.join(" | "));
            eprint!("  {row}");
            table.push_str(&row);
        }
        self.report.table("Cost against the length of the log", table);
        Ok(())
    }
}
