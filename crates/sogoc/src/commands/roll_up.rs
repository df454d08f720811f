//! `sogoc roll-up …`: one ranking over the logs of many.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use sogoc_domain::values::GroupId;
use sogoc_register::Register;
use sogoc_report::{Labels, Table};

use crate::Ended;
use crate::failure::{Failure, Remedy};
use crate::lang::Lang;
use crate::output::Output;
use crate::relay::Until;
use crate::roll_up::following::{Following, Told};
use crate::roll_up::ranking::{NationalGroup, national};
use crate::roll_up::sources::gather;
use crate::roll_up::store::{Standing, Store};
use crate::serve::listening::Stop;

/// What every command of a roll-up takes.
#[derive(Args, Debug)]
pub(crate) struct RollUpArgs {
    /// Where the roll-up keeps what it received: one SQLite file, of one process
    #[arg(
        long,
        global = true,
        env = "SOGOC_ROLL_UP_STATE",
        value_name = "FILE",
        default_value = "sogoc-data/roll-up.db"
    )]
    state: PathBuf,
    #[command(subcommand)]
    command: RollUpCommand,
}

#[derive(Subcommand, Debug)]
enum RollUpCommand {
    /// Follow the streams of logs and keep their entries, verified
    #[command(
        after_help = "A source is a log's stream, as `sogoc relay` fills it. Each message is verified: an entry of \
that log, at the
position that is due. One that comes again is passed over; a gap, or another entry at a known position, stops that
source, is told, and ends with exit code 4. Several roll-ups of one stream each need their own --durable.

A file of sources (--sources) has the same as TOML:
  [[source]]
  name = \"ha-nam\"
  url = \"tls://nats.example:4222/SOGOC_HA_NAM\"
  credentials_file = \"roll-up.creds\"      # optional, like ca_file, log_key and checkpoint

Examples:
  sogoc roll-up follow --source ha-nam=nats://127.0.0.1:4222/SOGOC_HA_NAM
  sogoc roll-up follow --source ha-nam=nats://hub.example/NATIONAL?tenant=ha-nam --until-caught-up
  sogoc roll-up follow --sources sources.toml --log-key ha-nam=VKEY --checkpoint ha-nam=https://so.example/checkpoint"
    )]
    Follow(FollowArgs),
    /// Show the ranking over all logs, by year and ranking group, with each log's own group means
    #[command(after_help = "From the entries that came, folded anew: what was received, not what is on the bus now.

Examples:
  sogoc roll-up ranking
  sogoc roll-up ranking --year 2022 --group departments
  sogoc roll-up ranking --json | jq '.groups[].rows[] | select(.rank == 1)'")]
    Ranking {
        /// Of this year [default: the newest]
        #[arg(long, value_name = "YEAR")]
        year: Option<u16>,
        /// Of this ranking group only
        #[arg(long, value_name = "GROUP")]
        group: Option<GroupId>,
    },
    /// Show how far each source is, and what stopped it
    #[command(after_help = "Example:
  sogoc roll-up status")]
    Status,
}

/// Whom to follow.
#[derive(Args, Debug)]
struct FollowArgs {
    /// A log's stream: NAME=nats://HOST:PORT/STREAM; repeat for more
    #[arg(long, value_name = "NAME=URL", required_unless_present = "sources")]
    source: Vec<String>,
    /// A file of sources
    #[arg(long, value_name = "FILE", env = "SOGOC_ROLL_UP_SOURCES")]
    sources: Option<PathBuf>,
    /// Verifier key of a source's log: what came is held to what it signed
    #[arg(long, value_name = "NAME=VKEY")]
    log_key: Vec<String>,
    /// Where a source's log serves its checkpoint
    #[arg(long, value_name = "NAME=URL")]
    checkpoint: Vec<String>,
    /// Name of the durable consumers; with ?tenant= it is followed by the source's name
    #[arg(long, value_name = "NAME", default_value = "sogoc-roll-up", value_parser = durable)]
    durable: String,
    /// End when all that the streams hold has come
    #[arg(long)]
    until_caught_up: bool,
}

fn durable(text: &str) -> Result<String, String> {
    if sogoc_log::is_id(text) { Ok(text.to_owned()) } else { Err("1 to 64 of a-z, 0-9 and -".to_owned()) }
}

pub(crate) async fn run(output: &Output, args: RollUpArgs) -> Ended {
    match args.command {
        RollUpCommand::Follow(follow) => self::follow(output, &args.state, follow).await,
        RollUpCommand::Ranking { year, group } => ranking(output, &args.state, year, group.as_ref()).await,
        RollUpCommand::Status => status(output, &args.state).await,
    }
}

async fn follow(output: &Output, state: &std::path::Path, args: FollowArgs) -> Ended {
    let sources =
        gather(args.sources.as_deref(), &args.source, &args.log_key, &args.checkpoint).map_err(|message| {
            Failure::Usage {
                message,
                remedy: Remedy { vi: "xem `sogoc roll-up follow --help`", en: "see `sogoc roll-up follow --help`" },
            }
        })?;
    let store = Store::create(state).await.map_err(|why| unavailable(state, &why))?;
    let stop = Stop::at_signals()?;
    let until = if args.until_caught_up { Until::CaughtUp } else { Until::Stopped };
    let told = *output;
    let tell = Arc::new(move |source: &str, what: Told| say(&told, source, &what));
    let following = Following::new(store.clone(), args.durable, until, tell, stop);
    let stopped = following.run(&sources).await.map_err(|why| unavailable(state, &why));
    let ended = match stopped {
        Ok(stopped) if stopped.is_empty() => summary(output, &store, state).await,
        Ok(stopped) => Err(Failure::SourceStopped { sources: stopped.join(", ") }),
        Err(failure) => Err(failure),
    };
    store.close().await;
    ended
}

fn unavailable(state: &std::path::Path, why: &str) -> Failure {
    Failure::Unavailable {
        message: format!("{}: {why}", state.display()),
        remedy: Remedy {
            vi: "kiểm tra tệp của bản tổng hợp (--state hoặc SOGOC_ROLL_UP_STATE)",
            en: "check the roll-up's file (--state or SOGOC_ROLL_UP_STATE)",
        },
    }
}

/// One line on stderr, as JSON where that was asked for.
fn say(output: &Output, source: &str, told: &Told) {
    let lang = output.lang;
    let (document, text) = match told {
        Told::Following { next } => (
            json!({ "state": "following", "next": next }),
            format!("{} {next}", lang.pick("theo dõi từ vị trí", "following from position")),
        ),
        Told::CaughtUp { next } => (
            json!({ "state": "caught-up", "next": next }),
            format!("{} {next}", lang.pick("đã nhận đủ; vị trí kế tiếp", "caught up; next position")),
        ),
        Told::Doubled { position } => (
            json!({ "state": "doubled", "position": position }),
            format!(
                "{} {position}",
                lang.pick("nhận lại, giống bản đã có, bỏ qua: vị trí", "came again, the same, passed over: position")
            ),
        ),
        Told::Confirmed { size } => (
            json!({ "state": "confirmed", "size": size }),
            format!("{} {size}", lang.pick("khớp điểm kiểm đã ký của sổ; số mục", "fits what the log signed; entries")),
        ),
        Told::Unconfirmed { why } => (
            json!({ "state": "unconfirmed", "why": why }),
            format!("{} {why}", lang.pick("chưa đối chiếu được điểm kiểm:", "not held to a checkpoint:")),
        ),
        Told::Waiting { why } => {
            (json!({ "state": "waiting", "why": why }), format!("{} {why}", lang.pick("đang đợi:", "waiting:")))
        }
        Told::Stopped { why, remedy } => {
            let remedy = lang.pick(remedy.vi, remedy.en);
            (
                json!({ "state": "stopped", "why": why, "remedy": remedy }),
                format!("{} {why}\n  → {remedy}", lang.pick("DỪNG:", "STOPPED:")),
            )
        }
    };
    if output.json {
        let mut document = document;
        document["source"] = Value::from(source);
        output.say(&document.to_string());
    } else {
        output.say(&format!("{source}: {text}"));
    }
}

async fn summary(output: &Output, store: &Store, state: &std::path::Path) -> Ended {
    let standings = store.standings().await.map_err(|why| unavailable(state, &why))?;
    output.answer(&status_json(&standings), || status_text(&standings, output))
}

async fn status(output: &Output, state: &std::path::Path) -> Ended {
    let store = Store::open(state).await.map_err(|why| unavailable(state, &why))?;
    let ended = summary(output, &store, state).await;
    store.close().await;
    ended
}

fn status_json(standings: &[Standing]) -> Value {
    let sources: Vec<Value> = standings
        .iter()
        .map(|standing| {
            json!({
                "name": standing.name,
                "log": standing.log,
                "entries": standing.next,
                "confirmed": standing.confirmed.size(),
                "doubled": standing.doubled,
                "stopped": standing.stopped,
            })
        })
        .collect();
    json!({ "sources": sources })
}

fn status_text(standings: &[Standing], output: &Output) -> String {
    let lang = output.lang;
    let mut table = Table::new()
        .text(lang.pick("Nguồn", "Source"))
        .text(lang.pick("Sổ", "Log"))
        .number(lang.pick("Số mục", "Entries"))
        .number(lang.pick("Đã đối chiếu", "Confirmed"))
        .number(lang.pick("Nhận lại", "Doubled"))
        .text(lang.pick("Tình trạng", "State"));
    for standing in standings {
        table.row([
            standing.name.clone(),
            standing.log.clone().unwrap_or_default(),
            standing.next.to_string(),
            standing.confirmed.size().to_string(),
            standing.doubled.to_string(),
            match &standing.stopped {
                Some(why) => format!("{} {why}", lang.pick("DỪNG:", "STOPPED:")),
                None => lang.pick("bình thường", "in order").to_owned(),
            },
        ]);
    }
    table.render(output.style)
}

async fn ranking(output: &Output, state: &std::path::Path, year: Option<u16>, group: Option<&GroupId>) -> Ended {
    let store = Store::open(state).await.map_err(|why| unavailable(state, &why))?;
    let folded = fold(&store).await.map_err(|why| unavailable(state, &why));
    store.close().await;
    let (standings, registers) = folded?;
    let by_name: BTreeMap<String, &Register> =
        registers.iter().map(|(source, register)| (source.clone(), register)).collect();
    let all = national(&by_name)?;
    let newest = all.first().map(|group| group.year);
    let asked = year.or(newest);
    let groups: Vec<NationalGroup> = all
        .into_iter()
        .filter(|found| Some(found.year) == asked && group.is_none_or(|group| found.group == group.as_str()))
        .collect();
    if groups.is_empty() {
        return Err(nothing(year, group, newest));
    }
    let mut document = status_json(&standings);
    document["year"] = json!(asked);
    document["groups"] = serde_json::to_value(&groups).expect("rows have text keys and no floats");
    output.answer(&document, || {
        let mut text = String::new();
        for group in &groups {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&group_text(group, &by_name, output));
        }
        for standing in standings.iter().filter(|standing| standing.stopped.is_some()) {
            let why = standing.stopped.as_deref().unwrap_or_default();
            text.push_str(&format!("\n{}: {} {why}\n", standing.name, output.lang.pick("DỪNG:", "STOPPED:")));
        }
        text
    })
}

fn nothing(year: Option<u16>, group: Option<&GroupId>, newest: Option<u16>) -> Failure {
    let what = match (year, group) {
        (Some(year), Some(group)) => format!("{group}, {year}"),
        (Some(year), None) => year.to_string(),
        (None, Some(group)) => group.to_string(),
        (None, None) => "–".to_owned(),
    };
    let newest = newest.map_or_else(|| "–".to_owned(), |newest| newest.to_string());
    Failure::Input {
        message: format!("roll-up ranking: {what}: no season has come of it (newest year: {newest})"),
        remedy: Remedy {
            vi: "xem `sogoc roll-up status`; bỏ --year và --group để thấy mọi khối của năm mới nhất",
            en: "see `sogoc roll-up status`; without --year and --group all groups of the newest year are shown",
        },
    }
}

/// All sources that have brought something, folded.
async fn fold(store: &Store) -> Result<(Vec<Standing>, BTreeMap<String, Register>), String> {
    let standings = store.standings().await?;
    let mut registers = BTreeMap::new();
    for standing in &standings {
        registers.insert(standing.name.clone(), store.fold(&standing.name, standing.next).await?);
    }
    Ok((standings, registers))
}

fn group_text(group: &NationalGroup, registers: &BTreeMap<String, &Register>, output: &Output) -> String {
    let lang = output.lang;
    let none = "–".to_owned();
    let labels = |source: &str, season: &str| {
        registers.get(source).map(|register| Labels::new(register.world(), season, lang.language()))
    };
    let name = group
        .rows
        .first()
        .and_then(|row| labels(&row.source, &row.season))
        .map_or_else(|| group.group.clone(), |labels| labels.group(&group.group));
    let mut table = Table::new()
        .number(lang.pick("Hạng", "Rank"))
        .text(lang.pick("Cơ quan, đơn vị", "Agency"))
        .text(lang.pick("Nguồn", "Source"))
        .number(lang.pick("Hạng tại sổ", "In its log"))
        .number(lang.pick("Chỉ số (%)", "Index (%)"))
        .text(lang.pick("Xếp loại", "Class"));
    for row in &group.rows {
        let labels = labels(&row.source, &row.season);
        let rank = |rank: Option<u32>| rank.map_or_else(|| none.clone(), |rank| rank.to_string());
        table.row([
            rank(row.rank),
            labels.map_or_else(|| row.agency.clone(), |labels| labels.agency(&row.agency)),
            row.source.clone(),
            rank(row.rank_in_log),
            row.index_display.clone().unwrap_or_else(|| none.clone()),
            match (&row.class, labels) {
                (Some(class), Some(labels)) => labels.class(&row.group, class),
                (Some(class), None) => class.clone(),
                (None, _) => none.clone(),
            },
        ]);
    }
    let mut means = Table::new()
        .text(lang.pick("Nguồn", "Source"))
        .text(lang.pick("Đợt đánh giá", "Season"))
        .number(lang.pick("Chỉ số trung bình (%)", "Mean index (%)"));
    for mean in &group.means {
        means.row([mean.source.clone(), mean.season.clone(), mean.mean_index_display.clone()]);
    }
    let heading = match lang {
        Lang::Vi => format!("{name}, năm {}", group.year),
        Lang::En => format!("{name}, {}", group.year),
    };
    format!("{heading}\n{}\n{}", table.render(output.style), means.render(output.style))
}
