//! Deciding: from a command and what is recorded to the events that follow, or a refusal.
//!
//! Pure: whoever calls brings the instant, the salts and the register's facts. Deciding notes every stream it looks at,
//! so that an append can name the version of each (invariant 4), and stops at the first rule that is broken.

use std::cell::RefCell;
use std::collections::BTreeSet;

use crate::authority;
use crate::command::{Command, Envelope};
use crate::event::{Event, FigureChange};
use crate::evidence::{self, EvidenceUse, Found};
use crate::policy::Mode;
use crate::refusal::{Refusal, refuse};
use crate::roles::{By, Role};
use crate::stream::Stream;
use crate::values::{AccountId, AgencyId, CaseId, Digest, LeafId, Sealed, Sealer, SeasonId, SetId, Text, Timestamp};
use crate::world::World;
use crate::{account, agency, council, criteria, instrument, operation, results, scorecard, season, survey};

/// Longest free text, in characters (a page of print has about 3,000).
pub const TEXT_MAX: usize = 10_000;
/// Longest name or title, in characters.
pub const NAME_MAX: usize = 500;

/// Which entry a leaf's present version rests on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeafMark {
    /// Its position.
    pub position: u64,
    /// When it was recorded.
    pub at: Timestamp,
    /// Who recorded it.
    pub account: AccountId,
}

/// Where a sealed text stands, and who brought it in.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TextMark {
    /// Streams of the entries that hold its commitment.
    pub streams: BTreeSet<Stream>,
    /// Accounts that recorded those entries, and those in whose place they did.
    pub accounts: BTreeSet<AccountId>,
}

/// What an announcement commits to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AnnouncementFacts {
    /// The last position that the results rest on.
    pub as_of: u64,
    /// RFC 6962 root over the sorted lines `stream\tversion\n`.
    pub streams_root: Digest,
    /// How many streams.
    pub streams: u32,
}

/// What an edition commits to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EditionFacts {
    /// Root over the rows of the tables.
    pub table_digest: Digest,
    /// How many rows.
    pub rows: u32,
    /// Digest over all figures.
    pub figures_digest: Digest,
    /// How many figures.
    pub figures: u32,
    /// The first hundred that differ from the edition before, by address.
    pub changed: Vec<FigureChange>,
    /// How many differ.
    pub changed_count: u32,
}

/// What the register knows and aggregates do not: positions, digests, figures.
pub trait Record: Send + Sync {
    /// The entry that the leaf's present version rests on.
    fn leaf_mark(&self, season: &SeasonId, agency: &AgencyId, leaf: &LeafId) -> Option<LeafMark>;
    /// Where sealed texts stand, in the order in which they are asked for; none for a commitment that is in no entry.
    /// Names of accounts may be left out: those the accounts themselves know.
    fn text_marks(&self, texts: &[Sealed]) -> Vec<Option<TextMark>>;
    /// Where an evidence file is attached, withdrawn or not, sorted.
    fn evidence_uses(&self, digest: &Digest) -> Vec<EvidenceUse>;
    /// What an announcement made now would commit to.
    fn announcement(&self, season: &SeasonId) -> AnnouncementFacts;
    /// What an edition of the results as of a position commits to, against the edition before, if there is one.
    fn edition(&self, season: &SeasonId, as_of: u64, before: Option<u64>) -> EditionFacts;
}

/// One item of a bulk command that was refused while the rest was decided.
#[derive(Clone, PartialEq, Debug)]
pub struct Failure {
    /// What it was, such as a leaf's code.
    pub item: String,
    /// Why.
    pub refusal: Refusal,
}

/// What a command leads to.
#[derive(Clone, PartialEq, Debug)]
pub struct Decision {
    /// The events in order, each with its stream; never empty.
    pub events: Vec<(Stream, Event)>,
    /// Every stream that was looked at, the written ones included.
    pub reads: BTreeSet<Stream>,
    /// The role by which the account acted; none while the register is founded.
    pub role: Option<Role>,
    /// Items of a bulk command that were refused.
    pub failures: Vec<Failure>,
    /// Season whose scorecards and survey must not have moved after a position (announcements).
    pub unmoved: Option<(SeasonId, u64)>,
}

/// Everything around a command.
pub struct Context<'a> {
    /// What is recorded.
    pub world: &'a World,
    /// What the register knows of it.
    pub record: &'a dyn Record,
    /// When the command was taken in (invariant 12).
    pub received: Timestamp,
    /// Turns texts into commitments.
    pub sealer: &'a dyn Sealer,
    /// What was found out about the files that the command names.
    pub found: &'a Found,
}

/// Decides a command.
///
/// # Errors
/// The refusal of the first rule that is broken. Nothing is recorded then.
pub fn decide(envelope: &Envelope, context: &Context<'_>) -> Result<Decision, Refusal> {
    let d = Deciding {
        world: context.world,
        record: context.record,
        received: context.received,
        sealer: context.sealer,
        found: context.found,
        envelope,
        reads: RefCell::default(),
        events: RefCell::default(),
        failures: RefCell::default(),
        unmoved: RefCell::default(),
    };
    if let Some(occurred) = envelope.occurred
        && occurred > context.received
    {
        return Err(refuse!(OccurredInFuture, occurred = occurred, now = context.received));
    }
    let role = authority::authorise(&d)?;
    if let Some(instrument) = &envelope.instrument {
        d.read(Stream::Instrument(instrument.id.clone()));
        if !d.world.instruments.contains_key(&instrument.id) {
            return Err(refuse!(Unknown, what = "instrument", id = &instrument.id));
        }
    }
    dispatch(&d, &envelope.command)?;
    let (mut reads, events) = (d.reads.into_inner(), d.events.into_inner());
    reads.extend(events.iter().map(|(stream, _)| stream.clone()));
    // What was decided did not know of the last entry of a stream that stopped (invariant 10).
    reads.iter().try_for_each(|stream| context.world.not_stopped(stream))?;
    if events.is_empty() {
        let failures = d.failures.into_inner();
        return Err(failures.into_iter().next().map_or_else(
            || refuse!(NothingToDo, why = "everything is as the command asks"),
            |failure| failure.refusal,
        ));
    }
    Ok(Decision { events, reads, role, failures: d.failures.into_inner(), unmoved: d.unmoved.into_inner() })
}

/// One greppable line a command.
fn dispatch(d: &Deciding<'_>, command: &Command) -> Result<(), Refusal> {
    match command {
        Command::FoundRegister(c) => account::found(d, c),
        Command::RegisterAgency(c) => agency::register(d, c),
        Command::RenameAgency(c) => agency::rename(d, c),
        Command::MergeAgency(c) => agency::merge(d, c),
        Command::SplitAgency(c) => agency::split(d, c),
        Command::DissolveAgency(c) => agency::dissolve(d, c),
        Command::RegisterInstrument(c) => instrument::register(d, &c.instrument),
        Command::AttachInstrumentDocument(c) => instrument::attach_document(d, c),
        Command::OpenAccount(c) => account::open(d, &c.account),
        Command::GrantRole(c) => account::grant_role(d, c),
        Command::ProposeRole(c) => account::propose_role(d, c),
        Command::ApproveRole(c) => account::approve_role(d, c),
        Command::RevokeRole(c) => account::revoke_role(d, c),
        Command::Delegate(c) => account::delegate(d, c),
        Command::RevokeDelegation(c) => account::revoke_delegation(d, c),
        Command::TransferAccount(c) => account::transfer(d, c),
        Command::LinkAccounts(c) => account::link(d, c),
        Command::CloseAccount(c) => account::close(d, c),
        Command::EraseTexts(c) => instrument::erase_texts(d, c),
        Command::EraseEvidence(c) => evidence::erase(d, c),
        Command::RecordRestore(c) => operation::record_restore(d, c),
        Command::RegisterSigner(c) => evidence::register_signer(d, c),
        Command::WithdrawSigner(c) => evidence::withdraw_signer(d, c),
        Command::DraftCriteriaSet(c) => criteria::draft(d, c),
        Command::ActivateCriteriaSet(c) => criteria::activate(d, c),
        Command::AmendCriteriaSet(c) => criteria::amend(d, c),
        Command::OpenSeason(c) => season::open(d, c),
        Command::SetSeasonPolicy(c) => season::set_policy(d, c),
        Command::DefineRankingGroup(c) => season::define_group(d, c),
        Command::SchedulePhase(c) => season::schedule_phase(d, c),
        Command::EnterAgency(c) => season::enter_agency(d, c),
        Command::AssignReviewers(c) => season::assign_reviewers(d, c),
        Command::SetComparison(c) => season::set_comparison(d, c),
        Command::RecordReferenceFigures(c) => season::record_reference_figures(d, c),
        Command::DefineLine(c) => season::define_line(d, c),
        Command::ActivateSeason(c) => season::activate(d, c),
        Command::MoveDeadline(c) => season::move_deadline(d, c),
        Command::TreatAgency(c) => season::treat_agency(d, c),
        Command::AdoptTrustAnchors(c) => evidence::adopt_anchors(d, c),
        Command::RecordSelfScore(c) => scorecard::agency::record_self_score(d, c),
        Command::ImportScorecard(c) => scorecard::agency::import_sheet(d, c),
        Command::AttachEvidence(c) => scorecard::agency::attach_evidence(d, c),
        Command::WithdrawEvidence(c) => scorecard::agency::withdraw_evidence(d, c),
        Command::JudgeEvidence(c) => evidence::judge(d, c),
        Command::DownloadEvidence(c) => evidence::download(d, c),
        Command::SubmitScorecard(c) => scorecard::agency::submit(d, c),
        Command::WithdrawSubmission(c) => scorecard::agency::withdraw_submission(d, c),
        Command::GiveExplanation(c) => scorecard::agency::give_explanation(d, c),
        Command::RecordMissedSubmission(c) => scorecard::appraisal::record_missed_submission(d, c),
        Command::AcceptLateSubmission(c) => scorecard::appraisal::accept_late_submission(d, c),
        Command::AcceptScore(c) => scorecard::appraisal::accept_score(d, c),
        Command::AcceptUnchanged(c) => scorecard::appraisal::accept_unchanged(d, c),
        Command::AdjustScore(c) => scorecard::appraisal::adjust_score(d, c),
        Command::UpholdScore(c) => scorecard::appraisal::uphold_score(d, c),
        Command::RequestExplanation(c) => scorecard::appraisal::request_explanation(d, c),
        Command::ConfirmLeaves(c) => scorecard::appraisal::confirm_leaves(d, c),
        Command::ReturnLeaves(c) => scorecard::appraisal::return_leaves(d, c),
        Command::DecideApplicability(c) => scorecard::appraisal::decide_applicability(d, c),
        Command::DeemScore(c) => scorecard::appraisal::deem_score(d, c),
        Command::CorrectScore(c) => scorecard::appraisal::correct_score(d, c),
        Command::RecuseReviewer(c) => scorecard::appraisal::recuse_reviewer(d, c),
        Command::ReopenScorecard(c) => scorecard::appraisal::reopen(d, c),
        Command::ScoreLine(c) => scorecard::appraisal::score_line(d, c),
        Command::CapClass(c) => scorecard::appraisal::cap_class(d, c),
        Command::TranscribeResult(c) => scorecard::appraisal::transcribe_result(d, c),
        Command::LodgeAppeal(c) => scorecard::appeal::lodge(d, c),
        Command::AcceptLateAppeal(c) => scorecard::appeal::accept_late(d, c),
        Command::GiveOpinion(c) => scorecard::appeal::give_opinion(d, c),
        Command::DecideAppeal(c) => scorecard::appeal::decide_items(d, c),
        Command::WithdrawAppeal(c) => scorecard::appeal::withdraw(d, c),
        Command::OpenSurvey(c) => survey::open(d, c),
        Command::ImportSurvey(c) => survey::import(d, c),
        Command::RecordNotSurveyed(c) => survey::record_not_surveyed(d, c),
        Command::RecordRecheck(c) => survey::record_recheck(d, c),
        Command::AcceptSurvey(c) => survey::accept(d, c),
        Command::OpenSession(c) => council::open_session(d, c),
        Command::RecuseMember(c) => council::recuse_member(d, c),
        Command::AdoptResolution(c) => council::adopt_resolution(d, c),
        Command::CloseSession(c) => council::close_session(d, c),
        Command::AnnounceResults(c) => results::announce(d, c),
        Command::ApproveResults(c) => results::approve(d, c),
        Command::PublishEdition(c) => results::publish(d, c),
        Command::AttachEditionInstrument(c) => results::attach_instrument(d, c),
        Command::AnnulEdition(c) => results::annul(d, c),
        Command::NotifyAgencies(c) => results::notify(d, c),
    }
}

/// A command being decided: what it may look at, and what it has led to so far.
pub(crate) struct Deciding<'a> {
    pub(crate) world: &'a World,
    pub(crate) record: &'a dyn Record,
    pub(crate) received: Timestamp,
    pub(crate) envelope: &'a Envelope,
    pub(crate) found: &'a Found,
    sealer: &'a dyn Sealer,
    reads: RefCell<BTreeSet<Stream>>,
    events: RefCell<Vec<(Stream, Event)>>,
    failures: RefCell<Vec<Failure>>,
    unmoved: RefCell<Option<(SeasonId, u64)>>,
}

impl<'a> Deciding<'a> {
    /// Notes that a stream was looked at, whether or not anything is there.
    pub(crate) fn read(&self, stream: Stream) {
        self.reads.borrow_mut().insert(stream);
    }

    /// Records an event.
    pub(crate) fn push(&self, stream: Stream, event: impl Into<Event>) {
        self.events.borrow_mut().push((stream, event.into()));
    }

    /// Notes that an item of a bulk command was refused.
    pub(crate) fn fail(&self, item: impl Into<String>, refusal: Refusal) {
        self.failures.borrow_mut().push(Failure { item: item.into(), refusal });
    }

    /// The append is refused if a scorecard or the survey of the season moved after the position.
    pub(crate) fn require_unmoved(&self, season: &SeasonId, as_of: u64) {
        *self.unmoved.borrow_mut() = Some((season.clone(), as_of));
    }

    /// Who decides.
    pub(crate) fn by(&self) -> By {
        By { account: self.envelope.account.clone(), on_behalf_of: self.envelope.on_behalf_of.clone() }
    }

    /// Seals a free text that must be there.
    pub(crate) fn seal(&self, field: &'static str, text: &Text) -> Result<Sealed, Refusal> {
        if text.is_empty() {
            return Err(refuse!(ReasonRequired, what = field));
        }
        check_length(field, text, TEXT_MAX)?;
        Ok(self.sealer.seal(text))
    }

    /// The kind of the command being decided.
    pub(crate) fn kind(&self) -> &'static str {
        self.envelope.command.kind()
    }

    /// The season, noted as looked at.
    pub(crate) fn season(&self, id: &SeasonId) -> Result<&'a season::Season, Refusal> {
        self.read(Stream::Season(id.clone()));
        self.world.not_stopped(&Stream::Season(id.clone()))?;
        self.world.seasons.get(id).map(AsRef::as_ref).ok_or_else(|| refuse!(Unknown, what = "season", id = id))
    }

    /// The criteria set, noted as looked at.
    pub(crate) fn set(&self, id: &SetId) -> Result<&'a criteria::CriteriaSet, Refusal> {
        self.read(Stream::Criteria(id.clone()));
        self.world.not_stopped(&Stream::Criteria(id.clone()))?;
        self.world.sets.get(id).map(AsRef::as_ref).ok_or_else(|| refuse!(Unknown, what = "criteria set", id = id))
    }

    /// The account, noted as looked at.
    pub(crate) fn account(&self, id: &AccountId) -> Result<&'a account::Account, Refusal> {
        self.read(Stream::Account(id.clone()));
        self.world.not_stopped(&Stream::Account(id.clone()))?;
        self.world.accounts.get(id).map(AsRef::as_ref).ok_or_else(|| refuse!(Unknown, what = "account", id = id))
    }

    /// The agency or body, noted as looked at.
    pub(crate) fn agency(&self, id: &AgencyId) -> Result<&'a agency::Agency, Refusal> {
        self.read(Stream::Agency(id.clone()));
        self.world.not_stopped(&Stream::Agency(id.clone()))?;
        self.world.agencies.get(id).map(AsRef::as_ref).ok_or_else(|| refuse!(Unknown, what = "agency", id = id))
    }

    /// The instant by which phases of a season are judged: `occurred` in an imported one, else `received`.
    pub(crate) fn judged_at(&self, id: &SeasonId, season: &season::Season) -> Result<Timestamp, Refusal> {
        match season.mode {
            Mode::Live => Ok(self.received),
            Mode::Imported => self.envelope.occurred.ok_or_else(|| refuse!(OccurredRequired, season = id)),
        }
    }

    /// The instant by which roles and delegations are judged: that of the season the command is about, if any.
    pub(crate) fn now(&self) -> Timestamp {
        let imported = self
            .envelope
            .command
            .season()
            .and_then(|id| self.world.seasons.get(id))
            .is_some_and(|season| season.mode == Mode::Imported);
        if imported { self.envelope.occurred.unwrap_or(self.received) } else { self.received }
    }

    /// That a case id is new.
    pub(crate) fn fresh_case(what: &'static str, id: &CaseId, taken: bool) -> Result<(), Refusal> {
        if taken { Err(refuse!(AlreadyExists, what = what, id = id)) } else { Ok(()) }
    }
}

/// That a text is within its limit, in characters.
pub(crate) fn check_length(field: &'static str, text: &Text, limit: usize) -> Result<(), Refusal> {
    let length = text.as_str().chars().count();
    if length > limit {
        return Err(refuse!(TextTooLong, field = field, length = length, limit = limit));
    }
    Ok(())
}

/// That a name is there and within its limit.
pub(crate) fn check_name(field: &'static str, text: &Text) -> Result<(), Refusal> {
    if text.is_empty() {
        return Err(refuse!(Missing, field = field));
    }
    check_length(field, text, NAME_MAX)
}

/// That a list is within its limit.
pub(crate) fn check_count(field: &'static str, count: usize, limit: usize) -> Result<(), Refusal> {
    if count > limit {
        return Err(refuse!(TooMany, field = field, count = count, limit = limit));
    }
    Ok(())
}
