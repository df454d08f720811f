//! Writes decided commands to a log in large batches: the domain decides in memory, the log's public door records.
//!
//! **Order.** Commands are decided one after the other, each on what those before it led to, and appended in that order:
//! the sequencer judges a chain of expected versions as a whole. While one chunk becomes durable the next is decided.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use anyhow::{Context as _, ensure};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use sogoc_domain::command::{AttachEvidence, Command, Envelope};
use sogoc_domain::decide::{AnnouncementFacts, EditionFacts, LeafMark, TextMark};
use sogoc_domain::evidence::{EvidenceUse, FileFound, Found, Outcome, Scan, SignatureFound, SignerFound};
use sogoc_domain::stream::Stream;
use sogoc_domain::values::{AccountId, AgencyId, Digest, LeafId, Sealed, Sealer, SeasonId, Text, Timestamp};
use sogoc_domain::{Context, Record, World, decide};
use sogoc_log::{
    Actor, Append, Clock as _, Draft, Log, LogError, ManualClock, Receipt, SealedText, StreamId, Uuid, Version,
};
use tokio::task::JoinHandle;

use crate::country;
use crate::random::Random;

/// Appends handed over at a time: half of what the log's queue takes.
const CHUNK_APPENDS: usize = 2_048;
/// Bytes of payload and text handed over at a time: well below what the queue takes.
const CHUNK_BYTES: usize = 12 << 20;

/// Where a writer takes the time from.
#[derive(Debug)]
pub(crate) enum Pace {
    /// The log's clock, which stands still while a chunk is recorded and is then moved on by so many microseconds: the
    /// same commands get the same times, whatever the machine. The log must run on this clock too.
    Stepped(Arc<ManualClock>, i64),
    /// The log's own clock, which runs.
    Running,
}

/// Decides commands on a world of its own and appends what follows.
pub(crate) struct Writer {
    log: Log,
    world: World,
    /// Versions of streams that were written or that the log held before.
    versions: HashMap<Stream, u64>,
    recorded: Box<dyn Fn(&Stream) -> u64 + Send>,
    pace: Pace,
    now: sogoc_log::Timestamp,
    salts: Random,
    ids: Random,
    chunk: Vec<Append>,
    chunk_bytes: usize,
    in_flight: Option<JoinHandle<anyhow::Result<()>>>,
    /// Entries decided.
    pub(crate) entries: u64,
    /// Commands decided.
    pub(crate) commands: u64,
}

impl Writer {
    /// A writer to an empty log.
    pub(crate) fn new(log: Log, pace: Pace, seed: u64) -> Self {
        Self::on(log, World::default(), |_| 0, pace, seed)
    }

    /// A writer to a log that holds what `world` says; `recorded` tells the versions of its streams.
    pub(crate) fn on(
        log: Log,
        world: World,
        recorded: impl Fn(&Stream) -> u64 + Send + 'static,
        pace: Pace,
        seed: u64,
    ) -> Self {
        let now = match &pace {
            Pace::Stepped(clock, _) => clock.now(),
            Pace::Running => sogoc_log::SystemClock.now(),
        };
        Self {
            log,
            world,
            versions: HashMap::new(),
            recorded: Box::new(recorded),
            pace,
            now,
            salts: Random::new(!seed),
            ids: Random::new(seed),
            chunk: Vec::new(),
            chunk_bytes: 0,
            in_flight: None,
            entries: 0,
            commands: 0,
        }
    }

    pub(crate) fn world(&self) -> &World {
        &self.world
    }

    /// As [`Writer::execute`], from the JSON form.
    pub(crate) async fn does(&mut self, account: &AccountId, json: Value) -> anyhow::Result<()> {
        let command = country::command(json)?;
        self.execute(account, command).await
    }

    /// Decides a command, which must be accepted as a whole. It is durable after [`Writer::finish`].
    pub(crate) async fn execute(&mut self, account: &AccountId, command: Command) -> anyhow::Result<()> {
        let id = u128::from(self.ids.next()) << 64 | u128::from(self.ids.next());
        let envelope = Envelope {
            account: account.clone(),
            command_id: uuid_of(id),
            on_behalf_of: None,
            capacity: None,
            seen: None,
            instrument: None,
            occurred: None,
            command,
        };
        let append = self.decide(&envelope)?;
        self.chunk_bytes += append.drafts.iter().map(|draft| draft.data.len() + 640).sum::<usize>();
        self.chunk_bytes += append.sealed.iter().map(|sealed| sealed.text.len() + 64).sum::<usize>();
        self.entries += append.drafts.len() as u64;
        self.commands += 1;
        self.chunk.push(append);
        if self.chunk.len() >= CHUNK_APPENDS || self.chunk_bytes >= CHUNK_BYTES {
            self.hand_over().await?;
        }
        Ok(())
    }

    fn decide(&mut self, envelope: &Envelope) -> anyhow::Result<Append> {
        let sealing = Sealing { salts: Mutex::new((&mut self.salts, Vec::new())) };
        let received = Timestamp::from_micros(self.now.micros());
        let found = found(&envelope.command, received);
        let context = Context { world: &self.world, record: &NoRegister, received, sealer: &sealing, found: &found };
        let kind = envelope.command.kind();
        let decision = match decide(envelope, &context) {
            Ok(decision) => decision,
            Err(refusal) => anyhow::bail!("{kind} of {} is refused: {refusal}", envelope.account),
        };
        ensure!(decision.failures.is_empty(), "{kind} of {} is refused in part", envelope.account);
        let (_, sealed) = sealing.salts.into_inner().unwrap_or_else(PoisonError::into_inner);
        let drafts = decision
            .events
            .iter()
            .map(|(stream, event)| Draft {
                stream: stream_id(stream),
                kind: event.kind().to_owned(),
                kind_version: event.kind_version(),
                data: event.data(),
                causation: None,
            })
            .collect();
        let expected = decision.reads.iter().map(|stream| (stream_id(stream), Version(self.version(stream)))).collect();
        for (stream, event) in &decision.events {
            self.world.apply(stream, event);
            let version = self.version(stream) + 1;
            self.versions.insert(stream.clone(), version);
        }
        let agency = self.world.accounts.get(&envelope.account).and_then(|account| account.agency.as_ref());
        let digest = sogoc_log::canonical::to_string(envelope).context("a command in canonical JSON")?;
        Ok(Append {
            command: envelope.command_id,
            command_digest: Sha256::digest(digest).into(),
            correlation: None,
            actor: Actor {
                account: envelope.account.to_string(),
                agency: agency.map(ToString::to_string),
                role: decision.role.map(|role| role.to_string()),
                on_behalf_of: None,
                delegation: None,
                capacity: None,
            },
            received: self.now,
            occurred: None,
            instrument: None,
            drafts,
            expected,
            sealed,
            erases: Vec::new(),
            unmoved: Vec::new(),
        })
    }

    fn version(&self, stream: &Stream) -> u64 {
        self.versions.get(stream).copied().unwrap_or_else(|| (self.recorded)(stream))
    }

    /// Records what is decided and goes on at a later instant. Under [`Pace::Running`] time goes its own way.
    pub(crate) async fn jump(&mut self, to: Timestamp) -> anyhow::Result<()> {
        self.hand_over().await?;
        if let Pace::Stepped(..) = &self.pace {
            let to = sogoc_log::Timestamp::from_micros(to.micros()).context("an instant with a written form")?;
            self.now = self.now.max(to);
        }
        Ok(())
    }

    /// Hands the chunk over once the one before is durable, and goes on deciding.
    async fn hand_over(&mut self) -> anyhow::Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        self.settle().await?;
        let chunk = std::mem::take(&mut self.chunk);
        self.chunk_bytes = 0;
        match &self.pace {
            Pace::Stepped(clock, step_us) => {
                clock.set(self.now);
                let next = self.now.micros() + step_us;
                self.now = sogoc_log::Timestamp::from_micros(next).context("an instant with a written form")?;
            }
            Pace::Running => self.now = sogoc_log::SystemClock.now(),
        }
        self.in_flight = Some(tokio::spawn(append_all(self.log.clone(), chunk)));
        Ok(())
    }

    async fn settle(&mut self) -> anyhow::Result<()> {
        match self.in_flight.take() {
            Some(task) => task.await.context("the appending task")?,
            None => Ok(()),
        }
    }

    /// Waits until everything is durable. Returns entries and commands decided.
    pub(crate) async fn finish(mut self) -> anyhow::Result<(u64, u64)> {
        self.hand_over().await?;
        self.settle().await?;
        Ok((self.entries, self.commands))
    }
}

/// Puts the appends into the queue in order, then waits for all of them.
async fn append_all(log: Log, chunk: Vec<Append>) -> anyhow::Result<()> {
    type Answer = Pin<Box<dyn Future<Output = Result<Receipt, LogError>> + Send>>;
    let mut waiting: Vec<Answer> = Vec::with_capacity(chunk.len());
    for append in chunk {
        let log = log.clone();
        let mut answer: Answer = Box::pin(async move { log.append(append).await });
        // The first poll puts it into the queue.
        match std::future::poll_fn(|context| Poll::Ready(answer.as_mut().poll(context))).await {
            Poll::Ready(receipt) => drop(receipt?),
            Poll::Pending => waiting.push(answer),
        }
    }
    for answer in waiting {
        ensure!(!answer.await?.repeated, "a command id was used before: is the log not empty?");
    }
    Ok(())
}

pub(crate) fn stream_id(stream: &Stream) -> StreamId {
    StreamId::try_new(stream.to_string()).expect("a stream's name is made of ids")
}

/// A UUID of version 8 (RFC 9562): bits of the generator's own.
pub(crate) fn uuid_of(bits: u128) -> Uuid {
    let bits = bits & !(0xf << 76) & !(0x3 << 62) | 0x8 << 76 | 0x2 << 62;
    Uuid::from_u128(bits)
}

struct Sealing<'r> {
    salts: Mutex<(&'r mut Random, Vec<SealedText>)>,
}

impl Sealer for Sealing<'_> {
    fn seal(&self, text: &Text) -> Sealed {
        let mut inner = self.salts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut salt = [0; 32];
        for bytes in salt.chunks_mut(8) {
            bytes.copy_from_slice(&inner.0.next().to_be_bytes());
        }
        let sealed = SealedText::new(salt, text.as_str());
        let commitment = Digest(sealed.commitment);
        inner.1.push(sealed);
        commitment
    }
}

/// What an examination would have found of a file: a PDF with one valid signature.
fn found(command: &Command, at: Timestamp) -> Found {
    let Command::AttachEvidence(AttachEvidence { digest: Some(digest), .. }) = command else { return Found::Nothing };
    let signer = SignerFound {
        identity: Text::try_new(r#"{"name":"Văn thư cơ quan"}"#).expect("a text without control characters"),
        organisation: None,
        certificate: *digest,
    };
    let signature = SignatureFound {
        outcome: Outcome::Valid,
        reasons: Vec::new(),
        level: "b-lt".to_owned(),
        signer: Some(signer),
        claimed: Some(at),
        proven: Some(at),
        covers_whole_file: true,
    };
    Found::File(Box::new(FileFound {
        digest: *digest,
        bytes: 250_000,
        media: "pdf".to_owned(),
        members: Vec::new(),
        active: Vec::new(),
        scan: Scan::NotScanned,
        outcome: Outcome::Valid,
        reasons: Vec::new(),
        signatures: vec![signature],
        anchors: None,
        rules: 1,
        judged_at: at,
    }))
}

/// A generated season is not announced, and nobody corrects a clerical error in it: no decision asks the register.
struct NoRegister;

impl Record for NoRegister {
    fn leaf_mark(&self, _: &SeasonId, _: &AgencyId, _: &LeafId) -> Option<LeafMark> {
        None
    }

    fn text_marks(&self, texts: &[Sealed]) -> Vec<Option<TextMark>> {
        vec![None; texts.len()]
    }

    fn evidence_uses(&self, _: &Digest) -> Vec<EvidenceUse> {
        Vec::new()
    }

    fn announcement(&self, _: &SeasonId) -> AnnouncementFacts {
        AnnouncementFacts { as_of: 0, streams_root: Digest([0; 32]), streams: 0 }
    }

    fn edition(&self, _: &SeasonId, _: u64, _: Option<u64>) -> EditionFacts {
        EditionFacts {
            table_digest: Digest([0; 32]),
            rows: 0,
            figures_digest: Digest([0; 32]),
            figures: 0,
            changed: Vec::new(),
            changed_count: 0,
        }
    }
}
