//! Following sources: from the consumer into the store, and into registers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::consumer::{AckPolicy, Consumer, DeliverPolicy, pull};
use async_nats::jetstream::{self, Message};
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use sogoc_register::Register;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use super::checkpoint::{Checked, Checker};
use super::ranking::{NationalRow, national};
use super::received::Received;
use super::sources::Source;
use super::store::{Standing, Step, Store};
use crate::failure::Remedy;
use crate::relay::connecting::connect;
use crate::relay::{Trouble, Until, definitions};
use crate::serve::listening::Stop;

/// Messages that are judged and stored at a time.
const CHUNK: usize = 1_000;
/// Messages that the server may send ahead.
const AHEAD: usize = 4_000;
/// The same in bytes.
const AHEAD_BYTES: usize = 16 << 20;
/// How long one request for messages stands, in seconds.
const EXPIRES_SECONDS: u64 = 20;
/// After this silence, in seconds, the connection is looked at.
const HEARTBEAT_SECONDS: u64 = 4;
/// Pauses after failures in a row double from this one to the longest.
const PAUSE_MS_MIN: u64 = 250;
const PAUSE_MS_MAX: u64 = 8_000;
/// How often a source is held to its log's checkpoint, in seconds.
const CHECK_SECONDS: u64 = 30;
/// The table for SQL readers is written at most once in this time.
const RANKING_PAUSE_MS: u64 = 1_000;

/// What there is to tell of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// It is followed, from this position on.
    Following { next: u64 },
    /// All that its stream holds has come.
    CaughtUp { next: u64 },
    /// Something that was there came once more, the same.
    Doubled { position: u64 },
    /// A checkpoint of its log fits.
    Confirmed { size: u64 },
    /// A checkpoint could not be compared.
    Unconfirmed { why: String },
    /// The bus does not answer.
    Waiting { why: String },
    /// It goes no further.
    Stopped { why: String, remedy: Remedy },
}

/// Who is told, of which source.
pub(crate) type Tell = Arc<dyn Fn(&str, Told) + Send + Sync>;

/// What stopped a source has to be looked at: nothing here is a reason to skip it.
pub(crate) const LOOK: Remedy = Remedy {
    vi: "hỏi bên vận hành sổ nguồn; nếu luồng bị làm lại sau khi khôi phục sổ, bắt đầu lại với tệp --state mới",
    en: "ask whoever runs the source's log; if its stream was begun anew after a restore, begin anew with another --state file",
};

/// A roll-up at work.
pub(crate) struct Following {
    store: Store,
    /// Name of the durable consumers; one of several logs in a stream has the source's name behind it.
    durable: String,
    until: Until,
    tell: Tell,
    stop: Stop,
    registers: Arc<Registers>,
}

/// The folds of all sources.
struct Registers {
    by_source: Mutex<BTreeMap<String, Register>>,
    moved: watch::Sender<u64>,
}

impl Registers {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Register>> {
        self.by_source.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ranking(&self) -> Result<Vec<NationalRow>, String> {
        let held = self.lock();
        let registers = held.iter().map(|(source, register)| (source.clone(), register)).collect();
        let groups = national(&registers).map_err(|error| error.to_string())?;
        Ok(groups.into_iter().flat_map(|group| group.rows).collect())
    }
}

/// Why a session with a source's bus ended early.
enum Broken {
    /// To be tried again.
    Bus(String),
    /// To be tried again, from the stream's start: positions did not go on where they should.
    Anew(String),
    /// Not before somebody has looked.
    Stopped(String, Remedy),
}

impl From<Trouble> for Broken {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Bus(why) => Self::Bus(why),
            Trouble::Store(error) => Self::Bus(error.to_string()),
            Trouble::Lost => Self::Bus("the lease is in other hands".to_owned()),
            Trouble::Refused { what, remedy } => Self::Stopped(what, remedy),
        }
    }
}

/// The roll-up's own store failed: nothing is to be believed until it is looked at.
fn own(why: String) -> Broken {
    Broken::Stopped(
        why,
        Remedy {
            vi: "kiểm tra tệp --state: đĩa đầy, quyền ghi, tiến trình khác đang dùng",
            en: "check the --state file: a full disk, permissions, another process that uses it",
        },
    )
}

impl Following {
    pub(crate) fn new(store: Store, durable: String, until: Until, tell: Tell, stop: Stop) -> Self {
        let registers = Registers { by_source: Mutex::new(BTreeMap::new()), moved: watch::channel(0).0 };
        Self { store, durable, until, tell, stop, registers: Arc::new(registers) }
    }

    /// Follows all sources until it is time to stop, or all have caught up where that was asked for. Gives the names of
    /// those that stopped.
    ///
    /// # Errors
    /// When the roll-up's own store cannot be read.
    pub(crate) async fn run(&self, sources: &[Source]) -> Result<Vec<String>, String> {
        for source in sources {
            let standing = self.store.standing(&source.name).await?;
            let register = self.store.fold(&source.name, standing.next).await?;
            self.registers.lock().insert(source.name.clone(), register);
        }
        let https = sources.iter().any(|source| source.check.as_ref().is_some_and(|c| c.url.starts_with("https:")));
        let checker = Checker::try_new(https)?;
        let ended = {
            let following = join_all(sources.iter().map(|source| self.follow(source, &checker)));
            tokio::select! {
                ended = following => ended,
                never = self.keep_ranking() => match never {},
            }
        };
        self.store.put_ranking(&self.registers.ranking()?).await?;
        let stopped = sources.iter().zip(ended).filter(|(_, ended)| *ended == Ended::Stopped);
        Ok(stopped.map(|(source, _)| source.name.clone()).collect())
    }

    /// Writes the ranking for SQL readers whenever it may have moved.
    async fn keep_ranking(&self) -> std::convert::Infallible {
        let mut moved = self.registers.moved.subscribe();
        loop {
            let written = match self.registers.ranking() {
                Ok(rows) => self.store.put_ranking(&rows).await,
                Err(why) => Err(why),
            };
            if let Err(why) = written {
                tracing::warn!(why, "the ranking's table is not written");
            }
            tokio::time::sleep(Duration::from_millis(RANKING_PAUSE_MS)).await;
            // Its sender lives as long as this.
            let _ = moved.changed().await;
        }
    }

    /// Follows one source to its end.
    async fn follow(&self, source: &Source, checker: &Checker) -> Ended {
        let mut stop = self.stop.clone();
        let (mut failures, mut anew) = (0_u32, None);
        // The same trouble is told once.
        let mut said = String::new();
        loop {
            let session = self.session(source, checker, &mut failures, &mut anew);
            let ended = tokio::select! {
                ended = session => ended,
                () = stop.asked() => return Ended::Asked,
            };
            let why = match ended {
                Ok(ended) => return ended,
                Err(Broken::Bus(why) | Broken::Anew(why)) => why,
                Err(Broken::Stopped(why, remedy)) => {
                    if let Err(error) = self.store.stop(&source.name, &why).await {
                        tracing::error!(why = error, "the roll-up's store cannot be written");
                    }
                    tracing::error!(source.name = source.name, why, "the source is stopped");
                    (self.tell)(&source.name, Told::Stopped { why, remedy });
                    return Ended::Stopped;
                }
            };
            if failures == 0 || said != why {
                said.clone_from(&why);
                (self.tell)(&source.name, Told::Waiting { why });
            }
            let pause = (PAUSE_MS_MIN << failures.min(8)).min(PAUSE_MS_MAX);
            failures += 1;
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(pause)) => {}
                () = stop.asked() => return Ended::Asked,
            }
        }
    }

    /// Takes messages as long as the connection holds. `anew` is the position that was due when positions last did not go on:
    /// once more at the same one is a gap in the stream itself.
    async fn session(
        &self,
        source: &Source,
        checker: &Checker,
        failures: &mut u32,
        anew: &mut Option<u64>,
    ) -> Result<Ended, Broken> {
        let client = connect(&source.place, "sogoc roll-up").await?;
        let mut standing = self.store.standing(&source.name).await.map_err(own)?;
        let consumer = self.consumer(source, &client, &standing, *anew == Some(standing.next)).await?;
        (self.tell)(&source.name, Told::Following { next: standing.next });
        let mut pending = consumer.cached_info().num_pending;
        let bus = |error: &dyn std::fmt::Display| Broken::Bus(format!("{}: {error}", source.place.shown()));
        let messages = consumer
            .stream()
            .max_messages_per_batch(AHEAD)
            .max_bytes_per_batch(AHEAD_BYTES)
            .expires(Duration::from_secs(EXPIRES_SECONDS))
            .heartbeat(Duration::from_secs(HEARTBEAT_SECONDS))
            .messages()
            .await
            .map_err(|error| bus(&error))?;
        let mut chunks = std::pin::pin!(messages.ready_chunks(CHUNK));
        let mut due = tokio::time::interval(Duration::from_secs(CHECK_SECONDS));
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut caught_up = false;
        loop {
            if pending == 0 && !caught_up {
                caught_up = true;
                (self.tell)(&source.name, Told::CaughtUp { next: standing.next });
                self.check(source, checker, &standing).await?;
                if self.until == Until::CaughtUp {
                    client.flush().await.map_err(|error| bus(&error))?;
                    return Ok(Ended::CaughtUp);
                }
            }
            let chunk = tokio::select! {
                chunk = chunks.next() => chunk,
                _ = due.tick() => {
                    self.check(source, checker, &standing).await?;
                    continue;
                }
            };
            let Some(chunk) = chunk else { return Err(bus(&"the consumer ended")) };
            let mut whole = Vec::with_capacity(chunk.len());
            let mut failed = None;
            for message in chunk {
                match message {
                    Ok(message) => whole.push(message),
                    Err(error) => {
                        failed = Some(bus(&error));
                        break;
                    }
                }
            }
            let judged = self.take(source, &mut standing, &whole).await;
            if let (Ok(()), Some(last)) = (&judged, whole.last()) {
                last.ack().await.map_err(|error| bus(&error))?;
                pending = last.info().map_err(|error| bus(&error))?.pending;
                (*failures, *anew) = (0, None);
            }
            match judged {
                Ok(()) => {}
                // Messages may have been lost on the way; read from the stream's start it is certain.
                Err(Broken::Anew(why)) if *anew != Some(standing.next) => {
                    *anew = Some(standing.next);
                    return Err(Broken::Anew(why));
                }
                Err(Broken::Anew(why)) => return Err(Broken::Stopped(why, LOOK)),
                Err(other) => return Err(other),
            }
            if let Some(failed) = failed {
                return Err(failed);
            }
        }
    }

    /// The durable consumer, standing exactly where the store is; made again where it does not.
    async fn consumer(
        &self,
        source: &Source,
        client: &Client,
        standing: &Standing,
        anew: bool,
    ) -> Result<Consumer<pull::Config>, Broken> {
        let context = jetstream::new(client.clone());
        let bus = |error: &dyn std::fmt::Display| {
            Broken::Bus(format!("{}: stream {}: {error}", source.place.shown(), source.stream))
        };
        let mut stream = context.get_stream(&source.stream).await.map_err(|error| bus(&error))?;
        let last = stream.info().await.map_err(|error| bus(&error))?.state.last_sequence;
        let (durable, filter) = match &source.filter {
            // Of several logs in one stream each has a consumer.
            Some(filter) => (format!("{}-{}", self.durable, source.name), filter.clone()),
            None => (self.durable.clone(), String::new()),
        };
        if let Ok(info) = stream.consumer_info(&durable).await {
            let stands = info.ack_floor.stream_sequence == standing.sequence
                && info.num_ack_pending == 0
                && info.config.ack_policy == AckPolicy::All
                && info.config.filter_subject == filter
                && standing.sequence <= last;
            if stands && !anew {
                return stream.get_consumer(&durable).await.map_err(|error| bus(&error));
            }
            stream.delete_consumer(&durable).await.map_err(|error| bus(&error))?;
        }
        let from = if anew || standing.sequence == 0 || standing.sequence > last {
            // What is known is compared once more and passed over.
            DeliverPolicy::All
        } else {
            DeliverPolicy::ByStartSequence { start_sequence: standing.sequence + 1 }
        };
        let config = pull::Config { filter_subject: filter, ..definitions::consumer(&durable, from) };
        stream.create_consumer(config).await.map_err(|error| bus(&error))
    }

    /// Judges messages in order, stores what is new, and folds it.
    async fn take(&self, source: &Source, standing: &mut Standing, messages: &[Message]) -> Result<(), Broken> {
        let (mut new, mut again, mut doubled) = (Vec::<Received>::new(), Vec::<Received>::new(), 0);
        let (mut sequence, mut wrong) = (standing.sequence, None);
        let from = standing.next;
        for message in messages {
            let at = message.info().map_err(|error| Broken::Bus(error.to_string()))?.stream_sequence;
            let stopped =
                |why: String| Broken::Stopped(format!("sequence {at} of stream {}: {why}", source.stream), LOOK);
            let received = match Received::read(&message.payload, message.headers.as_ref()) {
                Ok(received) => received,
                Err(why) => {
                    wrong = Some(stopped(why));
                    break;
                }
            };
            let log = standing.log.get_or_insert_with(|| received.log.clone());
            if *log != received.log {
                let why = format!("an entry of log {:?} among those of {log:?}", received.log);
                wrong = Some(stopped(why));
                break;
            }
            let due = from + new.len() as u64;
            if received.position > due {
                let why = format!("position {} came where {due} is due: entries are missing", received.position);
                let why = format!("sequence {at} of stream {}: {why}", source.stream);
                wrong = Some(Broken::Anew(why));
                break;
            }
            if received.position == due {
                new.push(received);
            } else {
                // Read once more from the start, or a second time in the stream.
                if at > sequence {
                    doubled += 1;
                    (self.tell)(&source.name, Told::Doubled { position: received.position });
                }
                match received.position.checked_sub(from).and_then(|index| new.get(usize::try_from(index).ok()?)) {
                    Some(known) if known.leaf == received.leaf => {}
                    Some(_) => {
                        wrong = Some(stopped(another(&received)));
                        break;
                    }
                    None => again.push(received),
                }
            }
            sequence = sequence.max(at);
        }
        if let Some(other) = self.compare(source, &again).await? {
            // What came before it in this chunk comes again: nothing of it is stored.
            return Err(other);
        }
        if !new.is_empty() || sequence != standing.sequence {
            let step = Step { source: &source.name, from, entries: &new, doubled, sequence };
            self.store.take(&step).await.map_err(own)?;
            let texts: Vec<&str> = new.iter().map(|entry| entry.text.as_str()).collect();
            if let Some(register) = self.registers.lock().get_mut(&source.name) {
                register.apply_texts(&texts).map_err(|error| own(error.to_string()))?;
            }
            standing.next += new.len() as u64;
            standing.sequence = sequence;
            self.registers.moved.send_modify(|moved| *moved += 1);
        }
        wrong.map_or(Ok(()), Err)
    }

    /// Holds entries that are known to those that are stored.
    async fn compare(&self, source: &Source, again: &[Received]) -> Result<Option<Broken>, Broken> {
        let positions = again.iter().map(|entry| entry.position);
        let (Some(from), Some(last)) = (positions.clone().min(), positions.max()) else { return Ok(None) };
        let leaves = self.store.leaves(&source.name, from, last + 1).await.map_err(own)?;
        let differs = again.iter().find(|entry| {
            let known = usize::try_from(entry.position - from).ok().and_then(|index| leaves.get(index));
            known != Some(&entry.leaf)
        });
        Ok(differs.map(|entry| Broken::Stopped(format!("stream {}: {}", source.stream, another(entry)), LOOK)))
    }

    async fn check(&self, source: &Source, checker: &Checker, standing: &Standing) -> Result<(), Broken> {
        let Some(check) = &source.check else { return Ok(()) };
        let standing =
            Standing { confirmed: self.store.standing(&source.name).await.map_err(own)?.confirmed, ..standing.clone() };
        let told = match checker.check(&self.store, &standing, check).await.map_err(own)? {
            Checked::Fits { size } => Told::Confirmed { size },
            Checked::Ahead { size } => {
                Told::Unconfirmed { why: format!("the log signed {size} entries, {} have come", standing.next) }
            }
            Checked::Unreachable { why } => Told::Unconfirmed { why },
            Checked::Differs { why } => return Err(Broken::Stopped(why, LOOK)),
        };
        (self.tell)(&source.name, told);
        Ok(())
    }
}

fn another(entry: &Received) -> String {
    format!("another entry at position {} than the one that came before: its leaf is {}", entry.position, entry.leaf)
}

/// How the following of a source ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// It was time to stop.
    Asked,
    /// All has come, which was asked for.
    CaughtUp,
    /// Something is wrong with it.
    Stopped,
}
