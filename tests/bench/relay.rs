//! The relay against a bare publisher: the same messages into streams of the same kind, on one NATS server with files.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use async_nats::jetstream::context::ContextBuilder;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{Config, DiscardPolicy, StorageType};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesOrdered;
use sogoc_log::{
    Actor, Append, Clock as _, Draft, Log, Options, Position, StoredEntry, StreamId, SystemClock, Version,
};
use sogoc_proof::leaf_hash;

use crate::log::DATA;
use crate::report::median;
use crate::writer::uuid_of;
use crate::{Bench, random};

/// What the relay has in flight at most, and so the bare publisher too.
const WINDOW: usize = 4_096;
/// What is wanted of the relay, in entries a second (issue 5).
const RATE_MIN: f64 = 20_000.0;

impl Bench {
    /// The relay, as a process from its start to the last ack, and a bare publisher in this process, in turn.
    pub(crate) async fn relay(&mut self) -> anyhow::Result<()> {
        let (Some(server), Some(sogoc)) = (std::env::var_os("SOGOC_TEST_NATS_BIN"), std::env::var_os("SOGOC_BIN"))
        else {
            eprintln!("  left out: SOGOC_TEST_NATS_BIN names no nats-server, or SOGOC_BIN no sogoc");
            return Ok(());
        };
        let entries = if self.quick { 20_000 } else { 200_000 };
        let folder = self.folder.path().join("relay");
        std::fs::create_dir(&folder)?;
        let store = format!("sqlite:{}", folder.join("register.db").display());
        let log = Log::open_or_create(&store, Options::default()).await?;
        fill(&log, entries).await?;
        let all = log.read(Position(0), usize::try_from(entries)?).await?;
        let nats = Nats::start(Path::new(&server), &folder.join("nats"))?;
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for run in 0..self.repetitions {
            theirs.push(bare(&nats, run, &all).await?);
            let tenant = format!("relay-{run}");
            let start = Instant::now();
            let ended = Command::new(&sogoc)
                .args(["--store", &store, "relay", "--nats", &nats.url, "--tenant", &tenant, "--until-caught-up"])
                .stderr(Stdio::null())
                .status()?;
            let seconds = start.elapsed().as_secs_f64();
            ensure!(ended.success(), "sogoc relay: {ended}");
            let context = async_nats::jetstream::new(async_nats::connect(&nats.url).await?);
            let mut stream = context.get_stream(format!("SOGOC_RELAY_{run}")).await?;
            let found = stream.info().await?.state.messages;
            ensure!(found == entries, "{found} messages of {entries} entries");
            ours.push(entries as f64 / seconds);
            // The next run starts at 0 again.
            context.delete_stream(format!("SOGOC_RELAY_{run}")).await?;
        }
        let (ours, theirs) = (median(ours), median(theirs));
        self.report.rate(format!("relay, {entries} entries, SQLite"), ours, theirs, "bare async publisher", None);
        let bytes = all.iter().map(|entry| entry.bytes.len()).sum::<usize>() / all.len().max(1);
        self.report.note(format!(
            "The relay is timed as a process, with its start and the reading of the log; entries of {bytes} bytes; at least \
             {RATE_MIN}/s are wanted: {}.",
            if ours >= RATE_MIN { "reached" } else { "not reached" }
        ));
        log.close().await;
        Ok(())
    }
}

/// Score entries, of as many bytes as those of the appends that are measured.
async fn fill(log: &Log, entries: u64) -> anyhow::Result<()> {
    let stream = StreamId::try_new("scorecard/relay/agency-1")?;
    let mut version = 0;
    while version < entries {
        let some = (entries - version).min(5_000);
        let id = random::mix(version);
        log.append(Append {
            command: uuid_of(u128::from(id) << 64 | u128::from(random::mix(id))),
            command_digest: [7; 32],
            correlation: None,
            actor: Actor {
                account: "acc-so-tu-phap-reviewer-1".to_owned(),
                agency: Some("so-tu-phap".to_owned()),
                role: Some("reviewer".to_owned()),
                ..Actor::default()
            },
            received: SystemClock.now(),
            occurred: None,
            instrument: None,
            drafts: (0..some)
                .map(|_| Draft {
                    stream: stream.clone(),
                    kind: "score-adjusted".to_owned(),
                    kind_version: 1,
                    data: DATA.to_owned(),
                    causation: None,
                })
                .collect(),
            expected: vec![(stream.clone(), Version(version))],
            sealed: Vec::new(),
            erases: Vec::new(),
            unmoved: Vec::new(),
        })
        .await?;
        version += some;
    }
    Ok(())
}

/// What a program does that has the messages in memory: publish with a window of acks in flight. Gives the rate.
async fn bare(nats: &Nats, run: u32, entries: &[StoredEntry]) -> anyhow::Result<f64> {
    let client = async_nats::connect(&nats.url).await?;
    let context = ContextBuilder::new().max_ack_inflight(WINDOW).build(client);
    let name = format!("BARE_{run}");
    let stream = Config {
        name: name.clone(),
        subjects: vec![format!("bare.{run}.>")],
        storage: StorageType::File,
        discard: DiscardPolicy::New,
        duplicate_window: Duration::from_secs(120),
        ..Config::default()
    };
    context.create_stream(stream).await?;
    let subject = format!("bare.{run}.scorecard.score-adjusted");
    let messages: Vec<PublishMessage> = entries
        .iter()
        .map(|entry| {
            PublishMessage::build()
                .message_id(format!("bare-{run}/{}", entry.position))
                .header("Sogoc-Log", "sogoc.local/register")
                .header("Sogoc-Position", entry.position.to_string().as_str())
                .header("Sogoc-Leaf-Hash", leaf_hash(entry.bytes.as_bytes()).to_string().as_str())
                .payload(entry.bytes.clone().into())
        })
        .collect();
    let start = Instant::now();
    let mut acks = FuturesOrdered::new();
    for message in messages {
        if acks.len() == WINDOW {
            acks.next().await.context("a window of acks")??;
        }
        acks.push_back(context.send_publish(subject.clone(), message).await?.into_future());
    }
    while let Some(ack) = acks.next().await {
        ack?;
    }
    let seconds = start.elapsed().as_secs_f64();
    context.delete_stream(name).await?;
    Ok(entries.len() as f64 / seconds)
}

/// A server of this measurement's own, on the disk that is measured.
struct Nats {
    url: String,
    child: Child,
}

impl Nats {
    fn start(binary: &Path, folder: &Path) -> anyhow::Result<Self> {
        use std::io::BufRead as _;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut child = Command::new(binary)
            .args(["-a", "127.0.0.1", "-p", &port.to_string(), "-js", "-sd"])
            .arg(folder)
            .stderr(Stdio::piped())
            .spawn()?;
        let mut lines = std::io::BufReader::new(child.stderr.take().context("piped")?).lines();
        let ready = lines.by_ref().map_while(Result::ok).any(|line| line.contains("Server is ready"));
        ensure!(ready, "the NATS server did not start");
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Self { url: format!("nats://127.0.0.1:{port}"), child })
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
