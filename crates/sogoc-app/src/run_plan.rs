//! Running an import's commands: the same decisions, many to a commit.
//!
//! A run of commands is decided one after the other on a copy of the register's aggregates, each seeing what those
//! before it led to, and their appends are handed to the log in that order without waiting for each to be durable. The
//! sequencer judges the members of a batch in order and against versions advanced by the members before, so a chain of
//! expected versions holds or breaks as a whole; what breaks, because another process recorded something in between,
//! is executed again one by one.
//!
//! **Nothing of a plan is recorded unless all of it can be.** The whole plan is first decided without recording
//! anything. What that rehearsal cannot know (the digests that an announcement commits to) no decision depends on.
//!
//! **Crash here:** what was acked is durable, and running the plan again passes over commands whose ids are recorded and
//! goes on after them. A command whose id is recorded with another digest comes from a file that was changed since, and
//! is refused with its place in the file.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::pin::Pin;
use std::task::Poll;

use futures_util::StreamExt as _;
use sogoc_domain::command::Command;
use sogoc_domain::decide::{AnnouncementFacts, EditionFacts, Failure, LeafMark, TextMark};
use sogoc_domain::evidence::{EvidenceUse, Found};
use sogoc_domain::refusal::{Code, Refusal};
use sogoc_domain::stream::Stream;
use sogoc_domain::values::{AgencyId, Digest, LeafId, Sealed, SeasonId};
use sogoc_domain::{Context, Record, World, decide};
use sogoc_log::{Append, LogError, Uuid};

use crate::drafting::{Ahead, Around, command_digest, draft, is_passing, refused_by_log, reused};
use crate::evidence::names_file;
use crate::execute::{ExecuteError, Origin, answered, rests_on_file};
use crate::import::{Plan, PlannedCommand};
use crate::open::App;
use crate::sealing::Sealing;

/// What was found about the files of commands, by their ids.
type FoundByCommand = HashMap<Uuid, Found>;

/// Commands decided ahead of the log. Half a batch of the sequencer, and far below what its queue takes.
const RUN_MAX: usize = 512;
/// Receipts asked for at a time.
const ASKED_MAX: usize = 16;

/// What running a plan came to.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct PlanOutcome {
    /// Commands recorded now.
    pub recorded: u64,
    /// Commands that were recorded before.
    pub repeated: u64,
    /// Optional commands for what was there already.
    pub passed_over: u64,
    /// Entries recorded now.
    pub entries: u64,
    /// Items of bulk commands that were refused, each with its place in the file.
    pub failures: Vec<(String, Failure)>,
}

/// Where a plan stopped.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{row}: {source}")]
pub struct PlanError {
    /// The command's place in its file.
    pub row: String,
    /// The command.
    pub command_id: Uuid,
    /// Why.
    pub source: Box<ExecuteError>,
}

impl App {
    /// Runs a plan. Told of its progress: commands done, commands in all.
    ///
    /// # Errors
    /// The first command that is refused, before anything of the plan is recorded; or that the log did not answer, after
    /// which running the plan again goes on where it stopped.
    pub async fn run_plan(
        &self,
        plan: &Plan,
        mut progress: impl FnMut(u64, u64) + Send,
    ) -> Result<PlanOutcome, PlanError> {
        let total = count(plan.commands.len());
        let mut outcome = PlanOutcome::default();
        let recorded = self.recorded_already(plan).await?;
        outcome.repeated = count(recorded.len());
        let open: Vec<&PlannedCommand> =
            plan.commands.iter().filter(|command| !recorded.contains(&command.envelope.command_id)).collect();
        let found = self.rehearse(&open).await?;
        let mut rest = &open[..];
        while let Some(first) = rest.first() {
            progress(total - count(rest.len()), total);
            if stands_alone(first) {
                self.execute_one(plan, first, &mut outcome).await?;
                rest = &rest[1..];
                continue;
            }
            let length = rest.iter().take(RUN_MAX).take_while(|command| !stands_alone(command)).count();
            let (run, after) = rest.split_at(length);
            self.run(plan, run, &found, &mut outcome).await?;
            rest = after;
        }
        progress(total, total);
        Ok(outcome)
    }

    /// The commands of a plan that are recorded.
    async fn recorded_already(&self, plan: &Plan) -> Result<HashSet<Uuid>, PlanError> {
        if self.register().size() == 0 {
            return Ok(HashSet::new());
        }
        let mut asked = futures_util::stream::iter(&plan.commands)
            .map(|command| async move {
                let digest = command_digest(&command.envelope).map_err(|refusal| stopped(command, refusal))?;
                let known = self.log().receipt(command.envelope.command_id).await;
                match known.map_err(|error| stopped(command, error))? {
                    None => Ok(None),
                    Some((recorded, _)) if recorded == digest => Ok(Some(command.envelope.command_id)),
                    Some(_) => Err(stopped(command, reused(&command.envelope))),
                }
            })
            .buffered(ASKED_MAX);
        let mut recorded = HashSet::new();
        while let Some(answer) = asked.next().await {
            recorded.extend(answer?);
        }
        Ok(recorded)
    }

    /// Decides every command without recording anything. What was found about their files is told; each is looked at last, as
    /// where a command is executed alone.
    async fn rehearse(&self, commands: &[&PlannedCommand]) -> Result<FoundByCommand, PlanError> {
        let received = self.now();
        let mut world = self.register().world().clone();
        let (mut all_found, mut anchors) = (FoundByCommand::new(), BTreeMap::new());
        for command in commands {
            let envelope = &command.envelope;
            let decide_on = |found: &Found| {
                let sealing = Sealing::new(self.shared.entropy.as_ref());
                let register = self.register();
                let record = Rehearsal { register: &*register };
                let context = Context { world: &world, record: &record, received, sealer: &sealing, found };
                decide(envelope, &context)
            };
            let mut decided = decide_on(&Found::Nothing);
            if names_file(&envelope.command) && rests_on_file(&decided) {
                let found = self.found_with(envelope, &mut anchors).await.map_err(|error| stopped(command, error))?;
                decided = decide_on(&found);
                all_found.insert(envelope.command_id, found);
            }
            match decided {
                Ok(decision) => decision.events.iter().for_each(|(stream, event)| world.apply(stream, event)),
                Err(refusal) if is_there_already(command, &refusal) => {}
                Err(refusal) => return Err(stopped(command, refusal)),
            }
        }
        Ok(all_found)
    }

    /// Decides a run of commands, hands their appends over in order, and waits for all of them.
    async fn run(
        &self,
        plan: &Plan,
        run: &[&PlannedCommand],
        found: &FoundByCommand,
        outcome: &mut PlanOutcome,
    ) -> Result<(), PlanError> {
        let drafted = self.draft_run(plan, run, found, outcome)?;
        let mut pending = Vec::with_capacity(drafted.len());
        for (command, append, failures) in drafted {
            // Boxed to be polled now: the first poll puts the append into the queue, so they stand there in this order.
            let mut receipt: Pin<Box<dyn Future<Output = Result<sogoc_log::Receipt, LogError>> + Send + '_>> =
                Box::pin(self.log().append(append));
            let at_once = std::future::poll_fn(|context| Poll::Ready(receipt.as_mut().poll(context))).await;
            pending.push((command, failures, receipt, at_once));
        }
        let mut again = Vec::new();
        let mut last = None;
        for (command, failures, receipt, at_once) in pending {
            let answer = match at_once {
                Poll::Ready(answer) => answer,
                Poll::Pending => receipt.await,
            };
            match answer {
                Ok(receipt) => {
                    last = last.max(receipt.positions.last().map(|position| position.0));
                    outcome.add(command, &answered(receipt, failures));
                }
                Err(error) if is_passing(&error) || matches!(error, LogError::Unavailable { .. }) => {
                    again.push(command)
                }
                Err(LogError::CommandReused { .. }) => return Err(stopped(command, reused(&command.envelope))),
                Err(LogError::Refused { what, limit, remedy }) => {
                    return Err(stopped(command, refused_by_log(&what, &limit, &remedy)));
                }
                Err(error) => return Err(stopped(command, error)),
            }
        }
        if let (Some(last), Some(command)) = (last, run.last()) {
            self.reach(last).await.map_err(|error| stopped(command, error))?;
        }
        for command in again {
            self.execute_one(plan, command, outcome).await?;
        }
        Ok(())
    }

    /// The appends of a run, each decided on what those before it led to.
    #[expect(clippy::type_complexity, reason = "used once, taken apart at once")]
    fn draft_run<'p>(
        &self,
        plan: &Plan,
        run: &[&'p PlannedCommand],
        found: &FoundByCommand,
        outcome: &mut PlanOutcome,
    ) -> Result<Vec<(&'p PlannedCommand, Append, Vec<Failure>)>, PlanError> {
        let register = self.register();
        let recorded = |stream: &Stream| register.stream_version(stream);
        let mut world: World = register.world().clone();
        let mut ahead = Ahead::default();
        let mut drafted = Vec::with_capacity(run.len());
        for command in run.iter().copied() {
            let refused = |refusal: Refusal| stopped(command, refusal);
            let sealing = Sealing::new(self.shared.entropy.as_ref());
            let received = self.now();
            let found = found.get(&command.envelope.command_id).unwrap_or(&Found::Nothing);
            let context = Context { world: &world, record: &*register, received, sealer: &sealing, found };
            let decision = match decide(&command.envelope, &context) {
                Ok(decision) => decision,
                Err(refusal) if is_there_already(command, &refusal) => {
                    outcome.passed_over += 1;
                    continue;
                }
                Err(refusal) => return Err(refused(refusal)),
            };
            let around = Around {
                envelope: &command.envelope,
                digest: command_digest(&command.envelope).map_err(refused)?,
                received,
                correlation: Some(&command.correlation(&plan.season)),
                delegation: None,
                log: self.log().name(),
            };
            let version = |stream: &Stream| ahead.version(stream, recorded);
            let append = draft(&decision, &world, version, sealing, &around).map_err(refused)?;
            for (stream, event) in &decision.events {
                world.apply(stream, event);
                ahead.advance(stream, recorded);
            }
            drafted.push((command, append, decision.failures));
        }
        Ok(drafted)
    }

    async fn execute_one(
        &self,
        plan: &Plan,
        command: &PlannedCommand,
        outcome: &mut PlanOutcome,
    ) -> Result<(), PlanError> {
        let correlation = command.correlation(&plan.season);
        match self.execute(&command.envelope, Origin { correlation: Some(&correlation) }).await {
            Ok(receipt) => outcome.add(command, &receipt),
            Err(ExecuteError::Refusal(refusal)) if is_there_already(command, &refusal) => outcome.passed_over += 1,
            Err(source) => return Err(stopped(command, source)),
        }
        Ok(())
    }
}

impl PlanOutcome {
    fn add(&mut self, command: &PlannedCommand, receipt: &crate::execute::Receipt) {
        if receipt.repeated {
            self.repeated += 1;
            return;
        }
        self.recorded += 1;
        self.entries += count(receipt.positions.len());
        self.failures.extend(receipt.failures.iter().map(|failure| (command.row.clone(), failure.clone())));
    }
}

/// True for what is decided on positions or figures of the register, and so waits until everything before it is folded.
fn stands_alone(command: &PlannedCommand) -> bool {
    let envelope = &command.envelope;
    let of_register =
        matches!(envelope.command, Command::AnnounceResults(_) | Command::PublishEdition(_) | Command::CorrectScore(_));
    of_register || envelope.seen.is_some() || envelope.on_behalf_of.is_some()
}

/// True where an optional command is refused because what it is to enter is there.
fn is_there_already(command: &PlannedCommand, refusal: &Refusal) -> bool {
    command.optional && matches!(refusal.code, Code::AlreadyExists | Code::AlreadyFounded | Code::NothingToDo)
}

fn stopped(command: &PlannedCommand, source: impl Into<ExecuteError>) -> PlanError {
    PlanError { row: command.row.clone(), command_id: command.envelope.command_id, source: Box::new(source.into()) }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// What the register knows, as far as a rehearsal can say: digests are left blank, for no decision rests on them.
struct Rehearsal<'a> {
    register: &'a dyn Record,
}

impl Record for Rehearsal<'_> {
    fn leaf_mark(&self, season: &SeasonId, agency: &AgencyId, leaf: &LeafId) -> Option<LeafMark> {
        self.register.leaf_mark(season, agency, leaf)
    }

    fn text_marks(&self, texts: &[Sealed]) -> Vec<Option<TextMark>> {
        self.register.text_marks(texts)
    }

    fn evidence_uses(&self, digest: &Digest) -> Vec<EvidenceUse> {
        self.register.evidence_uses(digest)
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
