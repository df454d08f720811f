//! `execute`: a command comes in, a receipt or a refusal goes out.
//!
//! **Shape.** Decide on the register as it stands, append what was decided with the version of every stream that was
//! looked at, fold it, answer. Nothing is locked while an append is on its way but the turn at one scorecard, so callers
//! share commits. What another process recorded in between shows as a conflict; then the decision is taken again.
//!
//! **The id is looked up first** (invariant 5) in the sense that nothing else can be answered for an id that is
//! recorded: the sequencer looks it up before it judges anything, and a refusal is given only after the log was asked
//! for the id. An accepted command, by far the most frequent, so costs no question of its own.
//!
//! **A refusal is never given for what is out of date**: before it is, everything recorded is folded and the decision
//! is taken again if there was anything.
//!
//! **A file is looked at last**, where nothing but it is left to decide on: who may not give the command, or gives it too
//! late, is told so whatever the file is, learns nothing of it, and keeps nobody busy with it.

use sogoc_domain::command::{Command, Envelope};
use sogoc_domain::decide::Failure;
use sogoc_domain::evidence::Found;
use sogoc_domain::refusal::{Code, Refusal};
use sogoc_domain::stream::Stream;
use sogoc_domain::values::{AccountId, Timestamp};
use sogoc_domain::{Context, Record as _, decide};
use sogoc_log::{Append, LogError, Position, Uuid, Version};
use sogoc_register::Register;

use crate::drafting::{Around, command_digest, domain_time, draft, is_passing, refused_by_log, reused, stream_id};
use crate::evidence::{EvidenceError, names_file};
use crate::open::App;
use crate::sealing::Sealing;
use crate::turns::scorecard_alone;
use crate::{leaves, refused};

/// Times that a decision is taken before the caller is told that others kept changing what it rests on.
const TRIES_MAX: u32 = 50;

/// That a command is recorded, durably, and where.
#[derive(Clone, PartialEq, Debug)]
pub struct Receipt {
    /// The command.
    pub command_id: Uuid,
    /// Positions of its entries.
    pub positions: Vec<u64>,
    /// When it was recorded.
    pub at: Timestamp,
    /// True where it had been recorded before this call.
    pub repeated: bool,
    /// Items of a bulk command that were refused while the rest was recorded. Not remembered: a repeated receipt has none.
    pub failures: Vec<Failure>,
}

/// Why a command was not executed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ExecuteError {
    /// A rule forbids it; nothing was recorded.
    #[error(transparent)]
    Refusal(Box<Refusal>),
    /// The log did not answer, or found a fault.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The evidence store did not answer, or found a fault.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
}

impl From<Refusal> for ExecuteError {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(Box::new(refusal))
    }
}

/// By what way a command came, where its entries are to say so.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Origin<'a> {
    /// What ties its entries to those of other commands, such as `cli` or `import:hanam-2022:scores.csv:12`.
    pub correlation: Option<&'a str>,
}

/// A decision that waits for its append.
pub(crate) struct Decided {
    pub(crate) append: Append,
    pub(crate) failures: Vec<Failure>,
}

impl App {
    /// Executes a command.
    ///
    /// # Errors
    /// The refusal of the first rule that is broken, with nothing recorded; [`LogError::Unavailable`] when it is not
    /// known whether it was recorded: the same command sent again will tell.
    pub async fn execute(&self, envelope: &Envelope, origin: Origin<'_>) -> Result<Receipt, ExecuteError> {
        let digest = command_digest(envelope)?;
        let _turn = match (envelope.command.season(), envelope.command.appraised_agency()) {
            (Some(season), Some(agency)) => {
                Some(self.shared.turns.take(Stream::Scorecard(season.clone(), agency.clone())).await)
            }
            (Some(_) | None, _) => None,
        };
        // A file is not examined anew for a command that is recorded: it may have been erased since.
        if names_file(&envelope.command)
            && let Some(receipt) = Box::pin(self.receipt_of(envelope, &digest)).await?
        {
            return Ok(receipt);
        }
        // What few commands come to is boxed, here and above: this runs for each, and is moved by whoever waits for it.
        //
        // Who gave no `seen` was shown the register as it stands at the first try.
        let mut seen = None;
        for _ in 0..TRIES_MAX {
            let delegation = match &envelope.on_behalf_of {
                Some(delegator) => Box::pin(self.delegation(envelope, delegator)).await?,
                None => None,
            };
            let mut decide_on = |found: &Found| {
                let received = self.now();
                let register = self.register();
                let size = register.size();
                let seen = *seen.get_or_insert(envelope.seen.unwrap_or(size.saturating_sub(1)));
                let around = Around {
                    envelope,
                    digest,
                    received,
                    correlation: origin.correlation,
                    delegation,
                    log: self.log().name(),
                };
                (received, size, self.decided(&register, &around, seen, found))
            };
            let mut taken = decide_on(&Found::Nothing);
            if names_file(&envelope.command) && rests_on_file(&taken.2) {
                taken = decide_on(&Box::pin(self.found(envelope)).await?);
            }
            let (received, size, decided) = taken;
            match decided {
                Ok(decided) => match self.log().append(decided.append).await {
                    Ok(receipt) => {
                        if let Some(last) = receipt.positions.last() {
                            self.reach(last.0).await?;
                        }
                        if let Command::EraseEvidence(c) = &envelope.command {
                            // It is recorded in any case, and `fsck` tells of a file that is there still.
                            Box::pin(self.remove_erased(c.digest)).await?;
                        }
                        if matches!(envelope.command, Command::PublishEdition(_)) {
                            // Who is told that it is published can prove it. It is recorded in any case.
                            if let Err(error) = Box::pin(self.sign()).await {
                                tracing::error!(
                                    error = &error as &dyn std::error::Error,
                                    "a publication is not signed"
                                );
                            }
                        }
                        return Ok(answered(receipt, decided.failures));
                    }
                    Err(error) if is_passing(&error) => self.advance_beyond(size).await?,
                    Err(LogError::CommandReused { .. }) => return Err(reused(envelope).into()),
                    Err(LogError::NothingToErase { commitment, .. }) => {
                        // Erased by another process meanwhile, which its entry tells; or its text never came into this
                        // store.
                        if self.catch_up().await? == size {
                            return Err(Refusal::new(Code::Unknown).with("what", "text").with("id", commitment).into());
                        }
                    }
                    Err(LogError::Refused { what, limit, remedy }) => {
                        return Err(refused_by_log(&what, &limit, &remedy).into());
                    }
                    Err(error) => return Err(error.into()),
                },
                Err(refusal) => {
                    if self.catch_up().await? > size {
                        continue;
                    }
                    if refusal.code == Code::EvidenceIsErased && self.evidence().is_ok() {
                        Box::pin(self.remove_if_erased(&envelope.command)).await?;
                    }
                    if let Some(receipt) = Box::pin(self.receipt_of(envelope, &digest)).await? {
                        return Ok(receipt);
                    }
                    Box::pin(self.record_refusal(envelope, &refusal, received)).await;
                    return Err(refusal.into());
                }
            }
        }
        Err(Refusal::new(Code::Contended).with("tries", TRIES_MAX).into())
    }

    /// What a command must wait for among those that were sent before it and are not answered: those with the same
    /// stream, or all of them where there is none. Commands on different scorecards so share a commit, and each still
    /// sees what those before it led to.
    #[must_use]
    pub fn waits_at(&self, envelope: &Envelope) -> Option<Stream> {
        // A position that is not recorded yet is one of an entry that those before it lead to.
        let known = envelope.seen.is_none_or(|seen| seen < self.register().size());
        scorecard_alone(envelope).filter(|_| known)
    }

    /// The first receipt of a command that is recorded.
    ///
    /// # Errors
    /// `command-reused` where its id was used for another command.
    pub(crate) async fn receipt_of(
        &self,
        envelope: &Envelope,
        digest: &[u8; 32],
    ) -> Result<Option<Receipt>, ExecuteError> {
        match self.log().receipt(envelope.command_id).await? {
            None => Ok(None),
            Some((recorded, receipt)) if recorded == *digest => {
                if let Some(last) = receipt.positions.last() {
                    self.reach(last.0).await?;
                }
                Ok(Some(answered(receipt, Vec::new())))
            }
            Some(_) => Err(reused(envelope).into()),
        }
    }

    /// Decides on a register and writes the decision out.
    fn decided(&self, register: &Register, around: &Around<'_>, seen: u64, found: &Found) -> Result<Decided, Refusal> {
        let envelope = around.envelope;
        check_seen_exists(register, envelope)?;
        let sealing = Sealing::new(self.shared.entropy.as_ref());
        let world = register.world();
        let context = Context { world, record: register, received: around.received, sealer: &sealing, found };
        let decision = decide(envelope, &context).map_err(|refusal| {
            // A refusal for the state of a leaf that changed under its author's eyes is best told as that change.
            let changed = leaves::named(world, &envelope.command)
                .and_then(|(season, agency, leaf)| leaf_changed(register, &season, &agency, &leaf, seen));
            match changed {
                Some(changed) if refusal.code == Code::LeafState || refusal.code == Code::NothingToDo => changed,
                Some(_) | None => refusal,
            }
        })?;
        // Who amends a criteria set is shown the set and not every leaf that it means something for; what was recorded
        // meanwhile is recomputed all the same. Only who says what was seen is held to it.
        let shown = envelope.seen.is_some() || !matches!(envelope.command, Command::AmendCriteriaSet(_));
        for (stream, event) in decision.events.iter().filter(|_| shown) {
            let Some((season, agency, touched)) = leaves::touched(world, stream, event) else { continue };
            if let Some(changed) =
                touched.into_iter().find_map(|leaf| leaf_changed(register, season, agency, leaf, seen))
            {
                return Err(changed);
            }
        }
        let append = draft(&decision, world, |stream| register.stream_version(stream), sealing, around)?;
        Ok(Decided { append, failures: decision.failures })
    }

    /// Position of the grant by which the account acts for another. Read from the log: rare, and the version of the
    /// delegator's account is part of what the append rests on.
    async fn delegation(&self, envelope: &Envelope, delegator: &AccountId) -> Result<Option<Position>, LogError> {
        let stream = stream_id(&Stream::Account(delegator.clone()));
        let entries = self.log().read_stream(&stream, Version(1)).await?;
        let granted = entries.iter().rev().find(|stored| {
            stored.parse().is_ok_and(|entry| {
                entry.kind == "delegation-granted"
                    && entry
                        .data
                        .decode::<sogoc_domain::event::DelegationGranted>()
                        .is_ok_and(|granted| granted.to == envelope.account)
            })
        });
        Ok(granted.map(|stored| stored.position))
    }

    /// Records a refusal that people may argue about later. That it could not be recorded does not change the answer.
    async fn record_refusal(&self, envelope: &Envelope, refusal: &Refusal, received: Timestamp) {
        if !refusal.is_recorded() || !self.register().world().accounts.contains_key(&envelope.account) {
            return;
        }
        let Some(uncounted) = self.shared.refused.admit(&envelope.account, received) else { return };
        let stream = Stream::Refusals(envelope.account.clone());
        for _ in 0..TRIES_MAX {
            let append = {
                let register = self.register();
                let version = register.stream_version(&stream);
                refused::record(envelope, refusal, uncounted, register.world(), version, received)
            };
            let recorded = match self.log().append(append).await {
                Ok(receipt) => match receipt.positions.last() {
                    Some(last) => self.reach(last.0).await,
                    None => Ok(()),
                },
                Err(LogError::Conflict { .. }) => match self.catch_up().await {
                    Ok(_) => continue,
                    Err(error) => Err(error),
                },
                Err(error) => Err(error),
            };
            if let Err(error) = recorded {
                tracing::warn!(error = %error, "a refusal was not recorded");
            }
            return;
        }
    }
}

/// Whether a decision that was taken without a look at the file may be another with one.
pub(crate) fn rests_on_file<T>(decided: &Result<T, Refusal>) -> bool {
    match decided {
        Ok(_) => true,
        Err(refusal) => refusal.code == Code::EvidenceNotStored,
    }
}

/// That `seen` names a position there is.
fn check_seen_exists(register: &Register, envelope: &Envelope) -> Result<(), Refusal> {
    match envelope.seen {
        Some(seen) if seen >= register.size() => Err(Refusal::new(Code::Invalid)
            .with("field", "seen")
            .with("value", seen)
            .with("why", format!("the log has {} entries", register.size()))),
        Some(_) | None => Ok(()),
    }
}

/// The refusal where a leaf has a version after the position that its author was shown.
fn leaf_changed(
    register: &Register,
    season: &sogoc_domain::values::SeasonId,
    agency: &sogoc_domain::values::AgencyId,
    leaf: &sogoc_domain::values::LeafId,
    seen: u64,
) -> Option<Refusal> {
    let mark = register.leaf_mark(season, agency, leaf).filter(|mark| mark.position > seen)?;
    Some(
        Refusal::new(Code::LeafChanged)
            .with("leaf", leaves::code(register.world(), season, agency, leaf))
            .with("leaf_id", leaf)
            .with("agency", agency)
            .with("seen", seen)
            .with("current", mark.position)
            .with("by", mark.account)
            .with("at", mark.at),
    )
}

pub(crate) fn answered(receipt: sogoc_log::Receipt, failures: Vec<Failure>) -> Receipt {
    Receipt {
        command_id: receipt.command,
        positions: receipt.positions.iter().map(|position| position.0).collect(),
        at: domain_time(receipt.at),
        repeated: receipt.repeated,
        failures: if receipt.repeated { Vec::new() } else { failures },
    }
}
