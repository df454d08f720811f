//! The sequencer: one task per process takes appends from a bounded queue and commits them in batches, one transaction a
//! batch (DESIGN §5).
//!
//! **Shape.** Callers check and write out their entries before they queue them. The task locks the head row, takes whatever
//! is queued by then, looks up what the batch rests on, judges the members in order, inserts the accepted ones and commits.
//! It keeps nothing between batches, so there is nothing to recover: a new process reads the head row and goes on.
//!
//! **Cost.** One fsync and four round trips a batch, whatever its size. **Bound.** `Options::queue_appends` and
//! `Options::queue_bytes`; beyond them callers are told `Unavailable` at once. **Order.** Positions are the order of
//! judgement within a batch and of the head lock between batches and processes.

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sogoc_proof::leaf_hash;
use tokio::sync::{Notify, OwnedSemaphorePermit, mpsc, oneshot, watch};
use uuid::Uuid;

use crate::append::{Prepared, Receipt};
use crate::clock::{Clock, Timestamp};
use crate::error::LogError;
use crate::faults::{Faulty, Mode, Step};
use crate::observer::{Batch, Follower, Observer};
use crate::options::TimeSource;
use crate::reading::StoredEntry;
use crate::store::{HeadRow, Known, Question, Row, SealedRow, Writer, in_seconds};
use crate::values::{Position, StreamId, Version};

/// Most members of one batch.
pub(crate) const BATCH_MAX: usize = 1_024;
/// Longest wait for the lock of the head row, and from there to the commit, in seconds: this, and as many more as a batch has
/// mebibytes. Beyond it the connection is given up and its outcome is unknown until the same command is sent again. Longer
/// than any wait for the head row (`lock_timeout`), and short, for a connection that was lost without a word is known by
/// nothing else.
const BATCH_SECONDS_MIN: u64 = 10;
/// The same at most.
const BATCH_SECONDS_MAX: u64 = 30;
/// `received` is admitted this much before the time of recording (invariant 12), in microseconds.
const LATE_US_MAX: i64 = 10_000_000;
/// A process whose clock differs more than this from the database's refuses commands (invariant 12), in microseconds.
const CLOCK_DIFFERENCE_US_MAX: i64 = 2_000_000;
/// A clock this far behind the last entry makes the log unavailable (invariant 12), in microseconds.
const CLOCK_BEHIND_US_MAX: i64 = 5_000_000;

/// An append in the queue, with the way to answer it.
pub(crate) struct Member {
    pub(crate) append: Prepared,
    pub(crate) answer: oneshot::Sender<Result<Receipt, LogError>>,
    /// Its share of the queue's bytes, given back with the answer.
    pub(crate) share: OwnedSemaphorePermit,
    /// When it entered the queue, by the observer's clock; zero without one.
    pub(crate) queued: Duration,
}

pub(crate) struct Sequencer<W> {
    pub(crate) writer: W,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) time_source: TimeSource,
    pub(crate) faulty: Faulty,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    /// Size that the batch leads to which is being committed, or the last one did; 0 after one that failed.
    pub(crate) committing: Arc<AtomicU64>,
    /// Who is told what was recorded, once there is somebody.
    pub(crate) follower: Arc<OnceLock<Arc<dyn Follower>>>,
    /// Number of entries, for readers that wait.
    pub(crate) wake: watch::Sender<u64>,
}

impl<W: Writer> Sequencer<W> {
    /// Runs until the queue is closed and empty.
    pub(crate) async fn run(mut self, mut queue: mpsc::Receiver<Member>, closing: Arc<Notify>) {
        let mut members = Vec::with_capacity(BATCH_MAX);
        loop {
            let taken = tokio::select! {
                taken = queue.recv_many(&mut members, BATCH_MAX) => taken,
                () = closing.notified() => {
                    // Nothing more comes in; what is queued is still answered.
                    queue.close();
                    continue;
                }
            };
            if taken == 0 {
                break;
            }
            let begun = self.observer.as_deref().map(Observer::elapsed);
            let locked = self.lock().await;
            // Callers that were just answered came back meanwhile, more where another process had the lock: they go with
            // this batch, which costs the same.
            while members.len() < BATCH_MAX
                && let Ok(member) = queue.try_recv()
            {
                members.push(member);
            }
            let (appends, callers): (Vec<_>, Vec<_>) =
                members.drain(..).map(|member| (member.append, (member.answer, member.share, member.queued))).unzip();
            if let Some(observer) = &self.observer {
                observer.left(appends.iter().map(|append| append.entries.len()).sum());
            }
            let answers = self.batch(&appends, locked).await;
            let ended = self.observe_batch(begun, &answers);
            for ((caller, share, queued), answer) in callers.into_iter().zip(answers) {
                drop(share);
                // A caller that has gone away does not undo what is recorded; it finds its receipt by the command id.
                let _ = caller.send(answer);
                if let (Some(observer), Some(ended)) = (&self.observer, ended) {
                    observer.answered(ended.saturating_sub(queued));
                }
            }
        }
        self.writer.close().await;
    }

    /// Tells the observer of a batch; gives when it ended, by the observer's clock.
    fn observe_batch(&self, begun: Option<Duration>, answers: &[Result<Receipt, LogError>]) -> Option<Duration> {
        let (observer, begun) = (self.observer.as_deref()?, begun?);
        let ended = observer.elapsed();
        let receipts = || answers.iter().flatten();
        observer.batch(Batch {
            appends: answers.len(),
            accepted: receipts().count(),
            // A command that was sent again recorded nothing now.
            entries: receipts().filter(|receipt| !receipt.repeated).map(|receipt| receipt.positions.len()).sum(),
            taken: ended.saturating_sub(begun),
        });
        Some(ended)
    }

    /// Locks the head row. From here to the commit every other writer, of this process or another, waits.
    async fn lock(&mut self) -> Result<HeadRow, LogError> {
        let locking = async {
            self.faulty.strike(Step::Connect, Mode::Failed)?;
            self.writer.connect().await?;
            self.faulty.strike(Step::Connect, Mode::PersistedButFailed)?;
            self.faulty.strike(Step::Begin, Mode::Failed)?;
            let head = self.writer.begin().await?;
            self.faulty.strike(Step::Begin, Mode::PersistedButFailed)?;
            Ok(head)
        };
        let locked = in_seconds(BATCH_SECONDS_MIN, locking).await;
        if let Err(error) = &locked {
            self.writer.discard();
            tracing::warn!(error = %error, "the head of the log was not locked for a batch of appends");
        }
        locked
    }

    /// One answer for each member.
    async fn batch(
        &mut self,
        appends: &[Prepared],
        locked: Result<HeadRow, LogError>,
    ) -> Vec<Result<Receipt, LogError>> {
        let mut answers = vec![None; appends.len()];
        let tried = match locked {
            Ok(head) => self.try_batch(head, appends, &mut answers).await,
            Err(error) => Err(error),
        };
        let failed = match tried {
            Ok(()) => None,
            // One member that the store cannot take must not take the others down with it.
            Err(LogError::Corrupt { .. }) if appends.len() > 1 => {
                for (append, answer) in appends.iter().zip(&mut answers) {
                    if answer.is_none() {
                        let alone = std::slice::from_mut(answer);
                        let tried = match self.lock().await {
                            Ok(head) => self.try_batch(head, std::slice::from_ref(append), alone).await,
                            Err(error) => Err(error),
                        };
                        if let Err(error) = tried {
                            alone[0].get_or_insert(Err(error));
                        }
                    }
                }
                None
            }
            Err(error) => Some(error),
        };
        answers
            .into_iter()
            .map(|answer| {
                let unknown = || LogError::unavailable("the batch ended without an answer");
                answer.unwrap_or_else(|| Err(failed.clone().unwrap_or_else(unknown)))
            })
            .collect()
    }

    async fn try_batch(
        &mut self,
        head: HeadRow,
        appends: &[Prepared],
        answers: &mut [Option<Result<Receipt, LogError>>],
    ) -> Result<(), LogError> {
        let mebibytes = appends.iter().map(|append| append.bytes as u64).sum::<u64>() >> 20;
        let seconds = BATCH_SECONDS_MAX.min(BATCH_SECONDS_MIN + mebibytes);
        let result = in_seconds(seconds, self.commit(head, appends, answers)).await;
        if let Err(error) = &result {
            // Whatever state the transaction is in, it goes with the connection.
            self.writer.discard();
            // Another process may come to that size instead.
            self.committing.store(0, Ordering::Relaxed);
            tracing::warn!(batch.size = appends.len(), error = %error, "a batch of appends failed");
        }
        result
    }

    /// The critical path behind the lock, in one piece. `answers` receives at once what holds whether or not the commit
    /// succeeds; the rest is answered after it.
    async fn commit(
        &mut self,
        head: HeadRow,
        appends: &[Prepared],
        answers: &mut [Option<Result<Receipt, LogError>>],
    ) -> Result<(), LogError> {
        // Look up in statements of their own: one that both waits for the lock and looks up would see versions from
        // before the wait.
        let (question, streams) = question(appends);
        self.faulty.strike(Step::LookUp, Mode::Failed)?;
        let known = self.writer.look_up(&question).await?;
        self.faulty.strike(Step::LookUp, Mode::PersistedButFailed)?;

        // Judge the members in order, against versions advanced by the members accepted before them.
        let at = self.time(&head, &known)?;
        let mut judge = Judge::new(&head, &known, &question, streams, at);
        let mut verdicts = Vec::with_capacity(appends.len());
        for (append, answer) in appends.iter().zip(answers.iter_mut()) {
            let verdict = judge.verdict(append);
            if let Verdict::Settled(settled) = &verdict {
                *answer = Some(settled.clone());
            }
            verdicts.push(verdict);
        }
        let Judge { rows, sealed, erased, mut frontier, .. } = judge;
        if rows.is_empty() {
            return self.writer.rollback().await;
        }
        frontier.extend(rows.iter().map(|row| row.leaf));

        self.faulty.strike(Step::Erase, Mode::Failed)?;
        if !erased.is_empty() {
            self.writer.erase(&erased.into_iter().collect::<Vec<_>>(), at).await?;
        }
        self.faulty.strike(Step::Erase, Mode::PersistedButFailed)?;
        self.faulty.strike(Step::Insert, Mode::Failed)?;
        let size = frontier.size();
        let next = HeadRow { frontier, last_at: Some(at), name: head.name, schema: head.schema };
        self.writer.record(&rows, &sealed, head.frontier.size(), &next).await?;
        self.faulty.strike(Step::Insert, Mode::PersistedButFailed)?;

        // A crash before this line loses nothing acked: the transaction never was. After it everything is durable, and a
        // caller that was not answered finds its receipt by the command id.
        self.faulty.strike(Step::Commit, Mode::Failed)?;
        self.committing.store(size, Ordering::Relaxed);
        self.writer.commit().await?;
        self.tell_follower(rows);
        crate::log::grown(&self.wake, size);
        self.writer.scrub().await;
        self.faulty.strike(Step::Commit, Mode::PersistedButFailed)?;

        for (verdict, answer) in verdicts.into_iter().zip(answers) {
            match verdict {
                Verdict::Settled(_) => {}
                Verdict::WithBatch(result) => *answer = Some(result),
            }
        }
        Ok(())
    }

    /// Gives the follower what was recorded. Its panic is its own: the log goes on, and what it did not take is read later.
    fn tell_follower(&self, rows: Vec<Row>) {
        let Some(follower) = self.follower.get() else { return };
        let stored = |row: Row| StoredEntry { position: row.position, bytes: row.entry };
        let entries: Vec<_> = rows.into_iter().map(stored).collect();
        if std::panic::catch_unwind(AssertUnwindSafe(|| follower.recorded(&entries))).is_err() {
            tracing::error!("a follower of the log panicked");
        }
    }

    /// `at` of this batch: the store's clock, never before the last entry (invariant 12).
    fn time(&self, head: &HeadRow, known: &Known) -> Result<Timestamp, LogError> {
        let process = self.clock.now();
        let now = match (self.time_source, known.now) {
            (TimeSource::Store, Some(store)) => {
                let difference = process.micros_since(store).abs();
                if difference > CLOCK_DIFFERENCE_US_MAX {
                    return Err(LogError::unavailable(format!(
                        "this machine's clock says {process}, the database's {store}: more than 2 s apart, set the clock"
                    )));
                }
                store
            }
            (TimeSource::Store, None) | (TimeSource::Clock, _) => process,
        };
        let last = head.last_at.unwrap_or(Timestamp::MIN);
        if last.micros_since(now) > CLOCK_BEHIND_US_MAX {
            return Err(LogError::unavailable(format!(
                "the clock says {now}, the last entry was recorded at {last}: more than 5 s behind, set the clock"
            )));
        }
        Ok(now.max(last))
    }
}

/// What the batch must know, and where each stream stands in it.
fn question(appends: &[Prepared]) -> (Question, HashMap<StreamId, usize>) {
    let mut question = Question::default();
    let mut streams = HashMap::new();
    for append in appends {
        question.commands.push(append.command);
        question.unmoved.extend(append.unmoved.iter().cloned());
        question.erases.extend(append.erases.iter().copied());
        for (stream, _) in &append.expected {
            if !streams.contains_key(stream) {
                streams.insert(stream.clone(), question.streams.len());
                question.streams.push(stream.clone());
            }
        }
    }
    (question, streams)
}

enum Verdict {
    /// Holds whether or not this batch is committed.
    Settled(Result<Receipt, LogError>),
    /// Rests on members of this batch: true once it is committed.
    WithBatch(Result<Receipt, LogError>),
}

/// Judges the members of a batch one after the other.
struct Judge<'a> {
    at: Timestamp,
    known: &'a Known,
    question: &'a Question,
    streams: HashMap<StreamId, usize>,
    /// Version of each stream, advanced by accepted members.
    versions: Vec<Version>,
    /// Digest and receipt of accepted members.
    accepted: HashMap<Uuid, ([u8; 32], Receipt)>,
    /// How many prefixes of the question belong to members judged before.
    prefixes: usize,
    committed: u64,
    frontier: sogoc_proof::Frontier,
    rows: Vec<Row>,
    sealed: Vec<SealedRow>,
    /// Texts that accepted members erase.
    erased: HashSet<[u8; 32]>,
}

impl<'a> Judge<'a> {
    fn new(
        head: &HeadRow,
        known: &'a Known,
        question: &'a Question,
        streams: HashMap<StreamId, usize>,
        at: Timestamp,
    ) -> Self {
        Self {
            at,
            known,
            question,
            streams,
            versions: known.versions.clone(),
            accepted: HashMap::new(),
            prefixes: 0,
            committed: head.frontier.size(),
            frontier: head.frontier.clone(),
            rows: Vec::new(),
            sealed: Vec::new(),
            erased: HashSet::new(),
        }
    }

    fn verdict(&mut self, append: &Prepared) -> Verdict {
        let prefixes = self.prefixes..self.prefixes + append.unmoved.len();
        self.prefixes = prefixes.end;
        if let Some(recorded) = self.known.recorded.get(&append.command) {
            return Verdict::Settled(repeated(append, &recorded.digest, || Receipt {
                command: append.command,
                positions: recorded.positions.clone(),
                at: recorded.at,
                repeated: true,
            }));
        }
        if let Some((digest, receipt)) = self.accepted.get(&append.command) {
            return Verdict::WithBatch(repeated(append, digest, || Receipt { repeated: true, ..receipt.clone() }));
        }
        let age = self.at.micros_since(append.received);
        if !(-CLOCK_DIFFERENCE_US_MAX..=LATE_US_MAX).contains(&age) {
            return Verdict::Settled(Err(LogError::Late { received: append.received, now: self.at }));
        }
        if let Some(verdict) = self.conflict(append) {
            return verdict;
        }
        for index in prefixes {
            if let Some(verdict) = self.moved(index) {
                return verdict;
            }
        }
        if let Some(verdict) = self.nothing_to_erase(append) {
            return verdict;
        }
        self.accept(append)
    }

    /// The first text that is to be erased and is not there.
    fn nothing_to_erase(&self, append: &Prepared) -> Option<Verdict> {
        append.erases.iter().find_map(|commitment| {
            let refused = |erased| Err(LogError::NothingToErase { commitment: hex::encode(commitment), erased });
            match self.known.texts.get(commitment) {
                Some(Some(at)) => Some(Verdict::Settled(refused(Some(*at)))),
                Some(None) if self.erased.contains(commitment) => Some(Verdict::WithBatch(refused(Some(self.at)))),
                Some(None) => None,
                None => Some(Verdict::Settled(refused(None))),
            }
        })
    }

    /// The first stream that is not where the append expects it (invariant 4).
    fn conflict(&self, append: &Prepared) -> Option<Verdict> {
        for (stream, expected) in &append.expected {
            let index = self.streams[stream];
            let actual = self.versions[index];
            if actual != *expected {
                let conflict = Err(LogError::Conflict { stream: stream.clone(), expected: *expected, actual });
                // Where only this batch moved the stream, a failed commit takes the conflict away again.
                let moved_here = self.known.versions[index] == *expected;
                return Some(if moved_here { Verdict::WithBatch(conflict) } else { Verdict::Settled(conflict) });
            }
        }
        None
    }

    fn moved(&self, index: usize) -> Option<Verdict> {
        let (prefix, since) = &self.question.unmoved[index];
        let moved = |stream, position| Err(LogError::Moved { prefix: prefix.clone(), since: *since, stream, position });
        // Of an empty log there is nothing to have read: there, position 0 says that nothing may have come at all.
        let read = since.0 < self.committed || (since.0 == 0 && self.committed == 0);
        if !read {
            return Some(Verdict::Settled(Err(LogError::refused(
                format!("nothing moved since position {since}"),
                format!("the log has {} entries", self.committed),
                "give a position that was read",
            ))));
        }
        if let Some((stream, position)) = &self.known.moved[index] {
            return Some(Verdict::Settled(moved(stream.clone(), *position)));
        }
        let here = self.rows.iter().find(|row| row.stream.starts_with(prefix.as_str()))?;
        let stream = StreamId::try_new(here.stream.as_str()).expect("it was a stream's name when it was drafted");
        Some(Verdict::WithBatch(moved(stream, here.position)))
    }

    fn accept(&mut self, append: &Prepared) -> Verdict {
        let first = self.committed + self.rows.len() as u64;
        for (index, entry) in append.entries.iter().enumerate() {
            if let Some(causation) = entry.causation.filter(|causation| causation.0 >= first + index as u64) {
                return Verdict::Settled(Err(LogError::refused(
                    format!("causation {causation} of an entry at position {}", first + index as u64),
                    "an earlier position",
                    "name the entry that brought this one about",
                )));
            }
        }
        let mut positions = Vec::with_capacity(append.entries.len());
        for (index, entry) in append.entries.iter().enumerate() {
            let position = Position(first + index as u64);
            let version = &mut self.versions[self.streams[&entry.stream]];
            *version = version.next();
            let text = entry.pieces.assemble(self.at, position, *version);
            self.rows.push(Row {
                position,
                stream: entry.stream.as_str().to_owned(),
                version: *version,
                kind: entry.kind.clone(),
                command: append.command,
                command_index: u32::try_from(index).expect("at most DRAFTS_MAX"),
                command_digest: append.command_digest,
                at: self.at,
                leaf: leaf_hash(text.as_bytes()),
                entry: text,
            });
            positions.push(position);
        }
        self.sealed.extend(append.sealed.iter().map(|sealed| SealedRow::new(Position(first), sealed)));
        self.erased.extend(&append.erases);
        let receipt = Receipt { command: append.command, positions, at: self.at, repeated: false };
        self.accepted.insert(append.command, (append.command_digest, receipt.clone()));
        Verdict::WithBatch(Ok(receipt))
    }
}

/// The first receipt for the same command, a refusal for another one under its id (invariant 5).
fn repeated(append: &Prepared, digest: &[u8; 32], receipt: impl FnOnce() -> Receipt) -> Result<Receipt, LogError> {
    if *digest == append.command_digest {
        return Ok(receipt());
    }
    Err(LogError::CommandReused {
        command: append.command,
        recorded: hex::encode(digest),
        given: hex::encode(append.command_digest),
    })
}
