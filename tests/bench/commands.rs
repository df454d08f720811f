//! Durable score commands through the app, on PostgreSQL against cqrs-es with postgres-es, on SQLite against bare inserts.
//!
//! A scorecard's season is that of the peer: each of sixty leaves is self-scored once, then adjusted once with a reason
//! code and a text; in between its leader submits. Then a caller takes the next scorecard.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use futures_util::future::try_join_all;
use sogoc_app::{App, ExecuteError, Options, Origin};
use sogoc_domain::command::{AdjustScore, Command, Envelope, NewPoints, RecordSelfScore, SubmitScorecard};
use sogoc_domain::scoring::Inputs;
use sogoc_domain::values::{AccountId, Text};

use crate::Bench;
use crate::country::{LEAVES, LEAVES_PER_DOMAIN, REVIEWERS, Season, id, leaf_code};
use crate::log::BareSqlite;
use crate::peer::per_second;
use crate::random::mix;
use crate::report::{median, number};
use crate::writer::{Pace, Writer, uuid_of};

/// The peer's text of an adjustment.
const REASON: &str = "Đối chiếu hệ thống thông tin giải quyết thủ tục hành chính: số hồ sơ đúng hạn thấp hơn số tự khai; \
                      điều chỉnh theo số liệu hệ thống tại thời điểm thẩm định.";
/// Scorecards of a live season: more than the callers get through in a run.
const SCORECARDS: u32 = 2_000;
const SCORECARDS_QUICK: u32 = 300;

/// A register with seasons that run, one for each measurement.
pub(crate) struct Live {
    pub(crate) app: App,
    /// Its store.
    pub(crate) url: String,
    scorecards: u32,
    seasons: u32,
    commands: Arc<AtomicU64>,
    /// Begins the command ids of this process.
    pub(crate) salt: u64,
}

/// What callers did in a run.
pub(crate) struct Scored {
    pub(crate) per_second: f64,
    commands: u64,
}

impl Live {
    pub(crate) async fn open(url: &str, scorecards: u32) -> anyhow::Result<Self> {
        let app = App::open(url, Options::default()).await?;
        let salt = mix(app.now().micros().unsigned_abs());
        Ok(Self { app, url: url.to_owned(), scorecards, seasons: 0, commands: Arc::default(), salt })
    }

    /// Closes the log without bringing the SQL mirror along, which nobody reads here.
    pub(crate) async fn close(self) {
        let log = self.app.log().clone();
        drop(self.app);
        log.close().await;
    }

    /// A season in which nothing is scored yet.
    pub(crate) async fn season(&mut self) -> anyhow::Result<Season> {
        self.seasons += 1;
        let season = Season::live(self.seasons, self.scorecards);
        let world = self.app.register().world().clone();
        let app = self.app.clone();
        let recorded = move |stream: &sogoc_domain::stream::Stream| app.register().stream_version(stream);
        let mut writer =
            Writer::on(self.app.log().clone(), world, recorded, Pace::Running, self.salt ^ mix(season.seed));
        season.set_up(&mut writer).await?;
        writer.finish().await?;
        self.app.catch_up().await?;
        Ok(season)
    }

    pub(crate) fn hand(&self) -> Hand {
        Hand { app: self.app.clone(), commands: Arc::clone(&self.commands), salt: self.salt }
    }

    /// So many callers for so long, each on scorecards of its own.
    pub(crate) async fn score(&mut self, callers: u32, duration: Duration) -> anyhow::Result<Scored> {
        let season = Arc::new(self.season().await?);
        let before = self.app.log().head().await?.size;
        let (done, taken) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU32::new(0)));
        let start = Instant::now();
        let until = start + duration;
        let tasks = (0..callers).map(|_| {
            let (season, done, taken, hand) = (Arc::clone(&season), Arc::clone(&done), Arc::clone(&taken), self.hand());
            tokio::spawn(async move {
                loop {
                    let agency = taken.fetch_add(1, Ordering::Relaxed);
                    if agency >= season.agencies {
                        return anyhow::Ok(Instant::now());
                    }
                    for (account, command) in scorecard(&season, agency) {
                        if Instant::now() >= until {
                            return Ok(Instant::now());
                        }
                        hand.gives(&account, command).await?;
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                }
            })
        });
        let mut last = start;
        for finished in try_join_all(tasks).await? {
            last = last.max(finished?);
        }
        let (commands, after) = (done.load(Ordering::Relaxed), self.app.log().head().await?.size);
        ensure!(
            after - before == commands,
            "{commands} commands were acknowledged, {} entries are there",
            after - before
        );
        if taken.load(Ordering::Relaxed) >= season.agencies {
            eprintln!("  all scorecards were used up before the time was: the rate counts the time until then");
        }
        Ok(Scored { per_second: commands as f64 / (last - start).as_secs_f64(), commands })
    }

    /// Eight reviewers on different leaves of one scorecard; when all leaves are done, on the next one.
    async fn score_hot(&mut self, duration: Duration) -> anyhow::Result<Scored> {
        let season = Arc::new(self.season().await?);
        let (mut measured, mut commands) = (Duration::ZERO, 0_u64);
        for agency in 0..season.agencies {
            if measured >= duration {
                break;
            }
            // The agency's own part is not measured.
            for (account, command) in scorecard(&season, agency).take(LEAVES as usize + 1) {
                self.hand().gives(&account, command).await?;
            }
            let before = self.app.log().head().await?.size;
            let start = Instant::now();
            let tasks = (0..REVIEWERS).map(|reviewer| {
                let (season, hand) = (Arc::clone(&season), self.hand());
                tokio::spawn(async move {
                    for leaf in (0..LEAVES).filter(|leaf| leaf % REVIEWERS == reviewer) {
                        let account = Season::reviewer(leaf / LEAVES_PER_DOMAIN, reviewer);
                        hand.gives(&account, adjustment(&season, agency, leaf)).await?;
                    }
                    anyhow::Ok(())
                })
            });
            for done in try_join_all(tasks).await? {
                done?;
            }
            measured += start.elapsed();
            let recorded = self.app.log().head().await?.size - before;
            ensure!(recorded == u64::from(LEAVES), "{LEAVES} adjustments were acknowledged, {recorded} are there");
            commands += recorded;
        }
        Ok(Scored { per_second: commands as f64 / measured.as_secs_f64(), commands })
    }
}

/// Gives commands with ids of their own.
#[derive(Clone)]
pub(crate) struct Hand {
    app: App,
    commands: Arc<AtomicU64>,
    salt: u64,
}

impl Hand {
    pub(crate) async fn gives(&self, account: &AccountId, command: Command) -> anyhow::Result<()> {
        let number = self.commands.fetch_add(1, Ordering::Relaxed);
        let envelope = Envelope {
            account: account.clone(),
            command_id: uuid_of(u128::from(mix(self.salt ^ number)) << 64 | u128::from(mix(!self.salt ^ mix(number)))),
            on_behalf_of: None,
            capacity: None,
            seen: None,
            instrument: None,
            occurred: None,
            command,
        };
        match self.app.execute(&envelope, Origin { correlation: Some("bench") }).await {
            Ok(_) => Ok(()),
            Err(ExecuteError::Refusal(refusal)) => bail!("{} is refused: {refusal}", envelope.command.kind()),
            Err(error) => Err(error).context("the log"),
        }
    }
}

/// The commands of an agency's season, in order.
pub(crate) fn scorecard(season: &Season, agency: u32) -> impl Iterator<Item = (AccountId, Command)> + Send {
    let officer = season.officer(agency);
    let declare = {
        let (season, id) = (season.id.clone(), season.agency(agency));
        move |leaf: u32| {
            let score = RecordSelfScore {
                season: season.clone(),
                agency: id.clone(),
                leaf: leaf_code(leaf),
                inputs: inputs(leaf),
            };
            (officer.clone(), Command::from(score))
        }
    };
    let submit = SubmitScorecard { season: season.id.clone(), agency: season.agency(agency) };
    let submit = std::iter::once((season.leader(agency), Command::from(submit)));
    let season = season.clone();
    let adjust =
        move |leaf: u32| (Season::reviewer(leaf / LEAVES_PER_DOMAIN, agency), adjustment(&season, agency, leaf));
    (0..LEAVES).map(declare).chain(submit).chain((0..LEAVES).map(adjust))
}

/// The peer's inputs of a step: every leaf's adjustment differs from its self score.
fn inputs(step: u32) -> Inputs {
    let numerator = 100 + (step * 37 + step % LEAVES * 11) % 300;
    Inputs::Ratio { numerator: id(numerator), denominator: id(400) }
}

fn adjustment(season: &Season, agency: u32, leaf: u32) -> Command {
    let adjust = AdjustScore {
        season: season.id.clone(),
        agency: season.agency(agency),
        leaf: leaf_code(leaf),
        points: NewPoints::Inputs(inputs(LEAVES + leaf)),
        reason_code: "so-lieu".to_owned(),
        reason: Text::try_new(REASON).expect("no control characters"),
        case: None,
    };
    adjust.into()
}

impl Bench {
    pub(crate) fn scorecards(&self) -> u32 {
        if self.quick { SCORECARDS_QUICK } else { SCORECARDS }
    }

    /// Through the app on PostgreSQL against the peer, at 1, 32 and 256 callers.
    pub(crate) async fn score(&mut self) -> anyhow::Result<()> {
        let (url, peer) = (self.postgres("score")?, self.peer()?);
        let mut live = Live::open(&url, self.scorecards()).await?;
        for (callers, target) in [(1, 1.0), (32, 3.0), (256, 5.0)] {
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            for _ in 0..self.repetitions {
                ours.push(live.score(callers, self.duration).await?.per_second);
                let (callers, seconds) = (callers.to_string(), self.duration.as_secs().to_string());
                theirs.push(peer.rate(&["score", "--callers", &callers, "--seconds", &seconds])?);
            }
            let what = format!("score commands, PostgreSQL, callers: {callers}");
            self.report.rate(what, median(ours), median(theirs), "cqrs-es + postgres-es", Some(target));
        }
        live.close().await;
        Ok(())
    }

    /// Eight reviewers on one scorecard.
    pub(crate) async fn hot(&mut self) -> anyhow::Result<()> {
        let (url, peer) = (self.postgres("hot")?, self.peer()?);
        let mut live = Live::open(&url, self.scorecards()).await?;
        let (mut ours, mut theirs, mut commands, mut lost, mut conflicts) = (Vec::new(), Vec::new(), 0, 0, 0);
        for _ in 0..self.repetitions {
            // What is refused or lost ends the measurement with an error.
            let scored = live.score_hot(self.duration).await?;
            commands += scored.commands;
            ours.push(scored.per_second);
            let report = peer.run(&["score", "--hot", "--seconds", &self.duration.as_secs().to_string()])?;
            theirs.push(per_second(&report)?);
            lost += report["lost"].as_u64().unwrap_or(0) + report["view_updates_lost"].as_u64().unwrap_or(0);
            conflicts += report["conflicts"].as_u64().unwrap_or(0);
        }
        let what = "hot scorecard, PostgreSQL, 8 reviewers on different leaves";
        self.report.rate(what, median(ours), median(theirs), "cqrs-es + postgres-es", None);
        let commands = number(commands as f64);
        self.report.note(format!(
            "Hot scorecard: of {commands} commands none was lost and none refused; the peer had {} conflicts to retry and \
             lost {} commands or view updates.",
            number(conflicts as f64),
            number(lost as f64),
        ));
        live.close().await;
        Ok(())
    }

    /// Through the app on SQLite, at 1 and 32 callers.
    pub(crate) async fn sqlite(&mut self) -> anyhow::Result<()> {
        let bare = BareSqlite::create(&self.folder.path().join("bare.db")).await?;
        let url = format!("sqlite:{}", self.folder.path().join("register.db").display());
        let mut live = Live::open(&url, self.scorecards()).await?;
        for callers in [1, 32] {
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            for _ in 0..self.repetitions {
                ours.push(live.score(callers, self.duration).await?.per_second);
                theirs.push(bare.rate(callers, self.duration).await?);
            }
            let what = format!("score commands, SQLite, callers: {callers}");
            self.report.rate(what, median(ours), median(theirs), "bare insert, synchronous=FULL", None);
        }
        live.close().await;
        Ok(())
    }
}
