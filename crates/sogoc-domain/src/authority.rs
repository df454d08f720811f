//! Who may do what, and who may read what: two tables and what enforces them.
//!
//! [`TABLE`] has one line for each kind of command: roles with where they must hold, when, and which separation rules
//! bind. [`authorise`] enforces roles, delegation, scope, the instrument and the bar of one's own case before anything is
//! decided. What needs more than the command says is enforced where that is known, with the functions of this file: whose
//! votes decide (council, appeals), who took the decision under review (confirmation), which phase admits a leaf.
//!
//! **Acting for a past season.** The administrator may set up, transcribe, announce and publish an *imported* season: that
//! copies what documents laid down, so a register can begin with its past before it has a secretariat. Deciding scores
//! still needs the roles that decide, and publishing still needs the approvals of two council members; a *live* season
//! never takes any of it from an administrator. Drafting and activating a criteria set is open to the administrator too:
//! a set binds nobody until a season names it.
//!
//! **Persons.** Bars bind persons, not accounts: every account linked to another, over any number of links, is the same
//! person. Under a delegation the delegator's roles and agency are used, and the bars of both bind.

use std::collections::BTreeSet;
use std::fmt;

use crate::account::Account;
use crate::command::Command;
use crate::decide::Deciding;
use crate::policy::{DeadlineScope, Mode};
use crate::refusal::{Refusal, refuse};
use crate::roles::Role;
use crate::scorecard::Submission;
use crate::season::Season;
use crate::stream::Stream;
use crate::values::{AccountId, AgencyId, SeasonId, Timestamp};
use crate::world::World;

// ---- the table for acting -----------------------------------------------------------------------------------------

/// One line of the table: who may give a command, when, and what keeps them from deciding their own case.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Kind of the command.
    pub command: &'static str,
    /// Any of these may give it; nobody where empty (the founding, which comes before there are roles).
    pub who: &'static [Who],
    /// When it is admitted.
    pub phase: PhaseRule,
    /// Which separation rules of invariant 7 bind.
    pub separation: &'static [Separation],
}

/// Roles, and where one of them must hold.
#[derive(Clone, Copy, Debug)]
pub struct Who {
    /// Any of these roles.
    pub roles: &'static [Role],
    /// Where it must hold, and for whom it may act.
    pub scope: ActScope,
}

/// Where a role must hold, and for whom the account may act by it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ActScope {
    /// For the whole register: a role that is limited to a season does not do.
    Register,
    /// For any season: what is done binds nobody until a season uses it.
    AnySeason,
    /// For every running season that uses the criteria set.
    SeasonsOfSet,
    /// Where the role that is given or taken shall hold: its season, or the whole register.
    WhereGranted,
    /// For the season.
    Season,
    /// For the season, which must be an imported one.
    ImportedSeason,
    /// For the season, and the account acts for the scorecard's agency, for the one that answers for it in the season,
    /// or for the one that it was merged into.
    OwnAgency,
    /// For the season, and the season assigns the leaf to the account for appraisal. Bulk commands take the leaves that
    /// are.
    AssignedReviewer,
    /// For the season, and the season assigns the leaf to the account for confirmation. Bulk commands take the leaves
    /// that are.
    AssignedConfirmer,
    /// For the season, and the account appraises the contested leaf for its lead agency.
    LeadAgency,
    /// For the season, and the account's body runs the survey.
    SurveyOperator,
    /// For the season, and the account's body monitors the survey.
    SurveyMonitor,
    /// For the season, and a session of the council is open; its members vote.
    CouncilSession,
    /// For the season, and the account that is set aside is the caller's own.
    Oneself,
    /// The caller's own affairs, in its own name: any role in any season.
    Own,
}

impl ActScope {
    /// In words, for people.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::AnySeason => "any season",
            Self::SeasonsOfSet => "every running season that uses the set",
            Self::WhereGranted => "where the role shall hold",
            Self::Season => "season",
            Self::ImportedSeason => "imported season",
            Self::OwnAgency => "own agency",
            Self::AssignedReviewer => "assigned to appraise the leaf",
            Self::AssignedConfirmer => "assigned to confirm the leaf",
            Self::LeadAgency => "appraises the contested leaf",
            Self::SurveyOperator => "its body runs the survey",
            Self::SurveyMonitor => "its body monitors the survey",
            Self::CouncilSession => "open session",
            Self::Oneself => "for itself",
            Self::Own => "for itself, never on behalf of another",
        }
    }
}

/// When a command is admitted. Where it is about a leaf or a scorecard, moved deadlines count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PhaseRule {
    /// At any time.
    Anytime,
    /// While the season is in preparation.
    BeforeActivation,
    /// While the season runs.
    Running,
    /// While a phase of the season admits it. What the council opened again, was let in late, or an agency was told of
    /// with a window of its own needs no phase.
    Admitted,
    /// As [`PhaseRule::Admitted`], in a season whose phases name the command at all; else while it runs.
    AdmittedIfScheduled,
    /// Until the case it answers is due.
    UntilDue,
    /// While the season runs and its results are not announced.
    UntilAnnounced,
    /// Once results were announced.
    AfterAnnouncement,
}

impl PhaseRule {
    /// In words, for people.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Anytime => "any time",
            Self::BeforeActivation => "before activation",
            Self::Running => "while the season runs",
            Self::Admitted => "admitted by a phase",
            Self::AdmittedIfScheduled => "admitted by a phase, if any names it",
            Self::UntilDue => "until due",
            Self::UntilAnnounced => "until announced",
            Self::AfterAnnouncement => "once announced",
        }
    }
}

/// A separation rule (invariant 7).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Separation {
    /// Not by a person who acts, or in this season acted, for the agency that is decided on.
    OwnCase,
    /// Not by a person who took the decision under review.
    OwnDecision,
    /// Not by the person who took the first step.
    SecondPerson,
    /// Not about an account of the same person.
    OwnAccount,
    /// No member who voted acts, or in this season acted, for the agency, or stood aside.
    VotersOwnCase,
    /// No member who voted took the decision under review.
    VotersOwnDecision,
    /// At least two persons voted for it.
    TwoVoters,
    /// The approvals of as many council members as the season's policy asks for; never fewer than two.
    Approvals,
    /// Roles that decide on results or roles are not given by one person alone.
    NeedsTwo,
    /// The account's body is outside the appraised agencies.
    OutsideBody,
}

impl Separation {
    /// In words, for people.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::OwnCase => "not one's own case",
            Self::OwnDecision => "not one's own decision",
            Self::SecondPerson => "a second person",
            Self::OwnAccount => "not one's own account",
            Self::VotersOwnCase => "not a voter's own case",
            Self::VotersOwnDecision => "not a voter's own decision",
            Self::TwoVoters => "two who vote for it",
            Self::Approvals => "approved by two council members",
            Self::NeedsTwo => "not for roles that need two",
            Self::OutsideBody => "a body outside the appraised agencies",
        }
    }
}

/// The roles that run a season.
pub(crate) const SECRETARIAT: &[Role] = &[Role::Secretariat, Role::CouncilChair];
const COUNCIL_ROLES: &[Role] = &[Role::CouncilMember, Role::CouncilChair];

const ADMINISTRATOR: Who = Who { roles: &[Role::Administrator], scope: ActScope::Register };
const GRANTER: Who = Who { roles: &[Role::Administrator], scope: ActScope::WhereGranted };
const APPROVER: Who = Who { roles: &[Role::Administrator, Role::CouncilChair], scope: ActScope::WhereGranted };
const REGISTRAR: Who =
    Who { roles: &[Role::Secretariat, Role::CouncilChair, Role::Administrator], scope: ActScope::AnySeason };
const AMENDER: Who = Who { roles: SECRETARIAT, scope: ActScope::SeasonsOfSet };
const SECRETARY: Who = Who { roles: SECRETARIAT, scope: ActScope::Season };
const IMPORTER: Who = Who { roles: &[Role::Administrator], scope: ActScope::ImportedSeason };
const TRANSCRIBER: Who =
    Who { roles: &[Role::Secretariat, Role::CouncilChair, Role::Administrator], scope: ActScope::ImportedSeason };
const OFFICER: Who = Who { roles: &[Role::AgencyOfficer, Role::AgencyLeader], scope: ActScope::OwnAgency };
const LEADER: Who = Who { roles: &[Role::AgencyLeader], scope: ActScope::OwnAgency };
const REVIEWER: Who = Who { roles: &[Role::Reviewer], scope: ActScope::AssignedReviewer };
const CONFIRMER: Who = Who { roles: &[Role::Confirmer], scope: ActScope::AssignedConfirmer };
const LEAD_REVIEWER: Who = Who { roles: &[Role::Reviewer], scope: ActScope::LeadAgency };
const STAFF_ITSELF: Who = Who { roles: &[Role::Reviewer, Role::Confirmer], scope: ActScope::Oneself };
const MEMBER_ITSELF: Who = Who { roles: COUNCIL_ROLES, scope: ActScope::Oneself };
const COUNCIL: Who = Who { roles: COUNCIL_ROLES, scope: ActScope::Season };
const CHAIR: Who = Who { roles: &[Role::CouncilChair], scope: ActScope::Season };
const RECORDER: Who = Who { roles: SECRETARIAT, scope: ActScope::CouncilSession };
const CLERK: Who =
    Who { roles: &[Role::Secretariat, Role::CouncilChair, Role::CouncilMember], scope: ActScope::Season };
const OPERATOR: Who = Who { roles: &[Role::SurveyOperator], scope: ActScope::SurveyOperator };
const MONITOR: Who = Who { roles: &[Role::SurveyMonitor], scope: ActScope::SurveyMonitor };
const ANYBODY: Who = Who { roles: Role::ALL, scope: ActScope::Own };

use PhaseRule::{
    Admitted, AdmittedIfScheduled, AfterAnnouncement, Anytime, BeforeActivation, Running, UntilAnnounced, UntilDue,
};
use Separation::{
    Approvals, NeedsTwo, OutsideBody, OwnAccount, OwnCase, OwnDecision, SecondPerson, TwoVoters, VotersOwnCase,
    VotersOwnDecision,
};

const fn line(
    command: &'static str,
    who: &'static [Who],
    phase: PhaseRule,
    separation: &'static [Separation],
) -> Rule {
    Rule { command, who, phase, separation }
}

/// Command × role × scope × phase × separation, in the order of [`Command::KINDS`].
#[rustfmt::skip]
pub const TABLE: &[Rule] = &[
    line("found-register", &[], Anytime, &[SecondPerson]),
    line("register-agency", &[ADMINISTRATOR], Anytime, &[]),
    line("rename-agency", &[ADMINISTRATOR], Anytime, &[]),
    line("merge-agency", &[ADMINISTRATOR], Anytime, &[]),
    line("split-agency", &[ADMINISTRATOR], Anytime, &[]),
    line("dissolve-agency", &[ADMINISTRATOR], Anytime, &[]),
    line("register-instrument", &[REGISTRAR], Anytime, &[]),
    line("attach-instrument-document", &[REGISTRAR], Anytime, &[]),
    line("open-account", &[ADMINISTRATOR], Anytime, &[]),
    line("grant-role", &[GRANTER], Anytime, &[NeedsTwo, OwnAccount, OutsideBody]),
    line("propose-role", &[GRANTER], Anytime, &[OwnAccount]),
    line("approve-role", &[APPROVER], Anytime, &[SecondPerson, OwnAccount]),
    line("revoke-role", &[GRANTER], Anytime, &[]),
    line("delegate", &[ANYBODY], Anytime, &[]),
    line("revoke-delegation", &[ANYBODY], Anytime, &[]),
    line("transfer-account", &[ADMINISTRATOR], Anytime, &[OwnAccount, OutsideBody]),
    line("link-accounts", &[ADMINISTRATOR], Anytime, &[]),
    line("close-account", &[ADMINISTRATOR], Anytime, &[]),

    line("draft-criteria-set", &[REGISTRAR], Anytime, &[]),
    line("activate-criteria-set", &[REGISTRAR], Anytime, &[]),
    line("amend-criteria-set", &[AMENDER], Anytime, &[]),

    line("open-season", &[SECRETARY, IMPORTER], Anytime, &[]),
    line("set-season-policy", &[SECRETARY, IMPORTER], BeforeActivation, &[]),
    line("define-ranking-group", &[SECRETARY, IMPORTER], BeforeActivation, &[]),
    line("schedule-phase", &[SECRETARY, IMPORTER], BeforeActivation, &[]),
    line("enter-agency", &[SECRETARY, IMPORTER], Anytime, &[]),
    line("assign-reviewers", &[SECRETARY, IMPORTER], Anytime, &[]),
    line("set-comparison", &[SECRETARY, IMPORTER], BeforeActivation, &[]),
    line("record-reference-figures", &[SECRETARY, IMPORTER], Anytime, &[]),
    line("define-line", &[SECRETARY, IMPORTER], BeforeActivation, &[]),
    line("activate-season", &[SECRETARY, IMPORTER], BeforeActivation, &[]),
    line("move-deadline", &[SECRETARY], Running, &[OwnCase]),
    line("treat-agency", &[SECRETARY], Running, &[OwnCase]),

    line("record-self-score", &[OFFICER], Admitted, &[]),
    line("import-scorecard", &[OFFICER], Admitted, &[]),
    line("attach-evidence", &[OFFICER], Admitted, &[]),
    line("withdraw-evidence", &[OFFICER], UntilAnnounced, &[]),
    line("submit-scorecard", &[LEADER], Admitted, &[]),
    line("withdraw-submission", &[LEADER], Admitted, &[]),
    line("give-explanation", &[OFFICER], UntilDue, &[]),
    line("record-missed-submission", &[SECRETARY], Admitted, &[]),
    line("accept-late-submission", &[SECRETARY], UntilAnnounced, &[OwnCase]),
    line("accept-score", &[REVIEWER], Admitted, &[OwnCase]),
    line("accept-unchanged", &[REVIEWER], Admitted, &[OwnCase]),
    line("adjust-score", &[REVIEWER], Admitted, &[OwnCase]),
    line("uphold-score", &[REVIEWER], Admitted, &[OwnCase]),
    line("request-explanation", &[REVIEWER], Admitted, &[OwnCase]),
    line("confirm-leaves", &[CONFIRMER], Admitted, &[OwnCase, OwnDecision]),
    line("return-leaves", &[CONFIRMER], Admitted, &[OwnCase]),
    line("decide-applicability", &[SECRETARY], Admitted, &[OwnCase]),
    line("deem-score", &[SECRETARY], Admitted, &[OwnCase]),
    line("correct-score", &[REVIEWER, SECRETARY], UntilAnnounced, &[OwnCase]),
    line("recuse-reviewer", &[STAFF_ITSELF, SECRETARY], Running, &[OwnCase]),
    line("reopen-scorecard", &[CHAIR], AfterAnnouncement, &[OwnCase]),
    line("score-line", &[COUNCIL], Admitted, &[OwnCase]),
    line("cap-class", &[COUNCIL], AdmittedIfScheduled, &[OwnCase]),
    line("transcribe-result", &[TRANSCRIBER], UntilAnnounced, &[]),

    line("lodge-appeal", &[LEADER], Admitted, &[]),
    line("accept-late-appeal", &[SECRETARY], AfterAnnouncement, &[OwnCase]),
    line("give-opinion", &[LEAD_REVIEWER], Running, &[OwnCase]),
    line("decide-appeal", &[CLERK], Admitted, &[TwoVoters, VotersOwnCase, VotersOwnDecision]),
    line("withdraw-appeal", &[LEADER], Running, &[]),

    line("open-survey", &[SECRETARY, IMPORTER], Anytime, &[OutsideBody]),
    line("import-survey", &[OPERATOR], Admitted, &[OutsideBody]),
    line("record-not-surveyed", &[OPERATOR, SECRETARY], Admitted, &[OwnCase]),
    line("record-recheck", &[MONITOR], Admitted, &[OutsideBody]),
    line("accept-survey", &[MONITOR, OPERATOR], Admitted, &[OutsideBody, SecondPerson]),

    line("open-session", &[SECRETARY], Admitted, &[]),
    line("recuse-member", &[MEMBER_ITSELF, RECORDER], Running, &[]),
    line("adopt-resolution", &[RECORDER], Admitted, &[TwoVoters, VotersOwnCase]),
    line("close-session", &[RECORDER], Running, &[]),

    line("announce-results", &[SECRETARY, IMPORTER], AdmittedIfScheduled, &[]),
    line("approve-results", &[COUNCIL], AdmittedIfScheduled, &[SecondPerson]),
    line("publish-edition", &[SECRETARY, IMPORTER], AdmittedIfScheduled, &[Approvals]),
    line("attach-edition-instrument", &[SECRETARY, IMPORTER], Running, &[]),
    line("annul-edition", &[SECRETARY], Running, &[]),
    line("notify-agencies", &[SECRETARY], Running, &[]),
];

fn rule_of(kind: &str) -> &'static Rule {
    TABLE.iter().find(|r| r.command == kind).expect("a test proves that every kind of command has its line")
}

// ---- authorising --------------------------------------------------------------------------------------------------

/// That the account may give the command, as far as the command itself says; see the module for the rest.
///
/// Returns the role by which it acts; none for the founding.
///
/// # Errors
/// The first rule of the table that is broken.
pub(crate) fn authorise(d: &Deciding<'_>) -> Result<Option<Role>, Refusal> {
    let command = &d.envelope.command;
    if matches!(command, Command::FoundRegister(_)) {
        // The founding is judged by itself: there is no account yet that could be authorised.
        return Ok(None);
    }
    if !d.world.is_founded() {
        return Err(refuse!(NotFounded));
    }
    let rule = rule_of(command.kind());
    let own = may_act(d, &d.envelope.account)?;
    let principal = match &d.envelope.on_behalf_of {
        None => own,
        Some(delegator) => delegated(d, rule, delegator)?,
    };
    let season = match command.season() {
        Some(id) => {
            let stream = Stream::Season(id.clone());
            d.read(stream.clone());
            d.world.not_stopped(&stream)?;
            d.world.seasons.get(id).map(AsRef::as_ref)
        }
        None => None,
    };
    let role = role_for(d, rule, principal, season)?;
    if d.envelope.on_behalf_of.is_some() {
        delegate_fits(d, role, own)?;
    }
    let policy = season.and_then(|s| s.policy.as_ref());
    let required = policy.is_some_and(|p| p.instrument_required.iter().any(|k| k == rule.command));
    if required && d.envelope.instrument.is_none() {
        return Err(refuse!(InstrumentRequired, command = rule.command));
    }
    Ok(Some(role))
}

/// The account whose roles and agency are used: the delegator's under a delegation.
fn principal<'a>(d: &Deciding<'a>) -> &'a AccountId {
    d.envelope.on_behalf_of.as_ref().unwrap_or(&d.envelope.account)
}

/// The account, which must be in the register and open.
fn may_act<'a>(d: &Deciding<'a>, id: &AccountId) -> Result<&'a Account, Refusal> {
    let stream = Stream::Account(id.clone());
    d.read(stream.clone());
    d.world.not_stopped(&stream)?;
    let inactive = |why: &str| refuse!(AccountInactive, account = id, why = why);
    let account = d.world.accounts.get(id).ok_or_else(|| inactive("it is not in the register"))?;
    if account.closed { Err(inactive("it was closed")) } else { Ok(account) }
}

/// The delegator, whose delegation must cover the act.
fn delegated<'a>(d: &Deciding<'a>, rule: &Rule, delegator: &AccountId) -> Result<&'a Account, Refusal> {
    let delegate = &d.envelope.account;
    if rule.who.iter().any(|w| w.scope == ActScope::Own) {
        let why = "an account delegates its own roles only: a delegate cannot hand them on";
        return Err(refuse!(Invalid, field = "on_behalf_of", value = delegator, why = why));
    }
    if delegator == delegate {
        return Err(refuse!(Invalid, field = "on_behalf_of", value = delegator, why = "it is the account itself"));
    }
    let account = may_act(d, delegator)?;
    if !account.delegates_to(delegate, d.now()) {
        return Err(refuse!(NoDelegation, account = delegate, on_behalf_of = delegator));
    }
    Ok(account)
}

/// A survey's roles stay outside the appraised agencies, whoever exercises them.
fn delegate_fits(d: &Deciding<'_>, role: Role, delegate: &Account) -> Result<(), Refusal> {
    if !matches!(role, Role::SurveyOperator | Role::SurveyMonitor) {
        return Ok(());
    }
    let Some(agency) = &delegate.agency else { return Ok(()) };
    if d.agency(agency)?.body {
        return Ok(());
    }
    Err(refuse!(BodyRequired, agency = agency, what = format!("the agency of a {role}, also of its delegate,")))
}

/// The first role of the rule that the account holds and that covers the command.
fn role_for(d: &Deciding<'_>, rule: &Rule, account: &Account, season: Option<&Season>) -> Result<Role, Refusal> {
    let mut broken = None;
    for who in rule.who {
        let Some(role) = held(d, who, account, season) else { continue };
        let free = || match (subject_agency(&d.envelope.command), d.envelope.command.season()) {
            (Some(agency), Some(season)) if rule.separation.contains(&OwnCase) && who.scope != ActScope::Oneself => {
                bar_own_case(d, &d.envelope.account, season, agency)
            }
            (Some(_) | None, Some(_) | None) => Ok(()),
        };
        match free().and_then(|()| in_scope(d, who.scope, account, season)) {
            Ok(()) => return Ok(role),
            Err(refusal) => broken = broken.or(Some(refusal)),
        }
    }
    Err(broken.unwrap_or_else(|| {
        let needed: Vec<_> = rule.who.iter().map(ToString::to_string).collect();
        let held = describe_roles(account);
        refuse!(RoleMissing, account = principal(d), command = rule.command, needed = needed.join(", or "), held = held)
    }))
}

/// The first of the roles that the account holds where the scope asks for it.
fn held(d: &Deciding<'_>, who: &Who, account: &Account, season: Option<&Season>) -> Option<Role> {
    let now = d.now();
    let wanted = |role: &Role| who.roles.contains(role);
    let command = &d.envelope.command;
    match who.scope {
        ActScope::Register => account.roles(None, now).find(wanted),
        ActScope::AnySeason | ActScope::Own => account.roles_of_any_season(now).find(wanted),
        ActScope::WhereGranted => account.roles(granted_season(command), now).find(wanted),
        ActScope::SeasonsOfSet => {
            let uses = seasons_of_set(d, command);
            let everywhere = |role: &Role| uses.iter().all(|id| account.roles(Some(id), now).any(|r| r == *role));
            account.roles_of_any_season(now).filter(wanted).find(everywhere)
        }
        ActScope::ImportedSeason => {
            let mode = if let Command::OpenSeason(c) = command { Some(c.mode) } else { season.map(|s| s.mode) };
            let imported = mode == Some(Mode::Imported);
            if imported { account.roles(command.season(), now).find(wanted) } else { None }
        }
        ActScope::Oneself => {
            let own = d.by().accounts().any(|a| Some(a) == set_aside(command));
            if own { account.roles(command.season(), now).find(wanted) } else { None }
        }
        ActScope::Season
        | ActScope::OwnAgency
        | ActScope::AssignedReviewer
        | ActScope::AssignedConfirmer
        | ActScope::LeadAgency
        | ActScope::SurveyOperator
        | ActScope::SurveyMonitor
        | ActScope::CouncilSession => account.roles(command.season(), now).find(wanted),
    }
}

/// The season of the role that is given or taken.
fn granted_season(command: &Command) -> Option<&SeasonId> {
    if let Command::GrantRole(c) = command {
        return c.scope.season.as_ref();
    }
    if let Command::ProposeRole(c) = command {
        return c.scope.season.as_ref();
    }
    if let Command::ApproveRole(c) = command {
        return c.scope.season.as_ref();
    }
    let Command::RevokeRole(c) = command else { return None };
    c.season.as_ref()
}

/// The running seasons that use the criteria set of an amendment, noted as looked at.
fn seasons_of_set<'a>(d: &Deciding<'a>, command: &Command) -> Vec<&'a SeasonId> {
    let Command::AmendCriteriaSet(c) = command else { return Vec::new() };
    let uses = |season: &Season| season.is_active() && season.groups.values().any(|g| g.set.as_ref() == Some(&c.set));
    let found: Vec<_> = d.world.seasons.iter().filter(|(_, season)| uses(season)).map(|(id, _)| id).collect();
    found.iter().for_each(|id| d.read(Stream::Season((*id).clone())));
    found
}

/// The account that a recusal sets aside.
fn set_aside(command: &Command) -> Option<&AccountId> {
    if let Command::RecuseReviewer(c) = command {
        return Some(&c.account);
    }
    let Command::RecuseMember(c) = command else { return None };
    Some(&c.member)
}

/// The agency whose case a command decides: the appraised one, or the one that a deadline is moved for.
fn subject_agency(command: &Command) -> Option<&AgencyId> {
    if let Command::MoveDeadline(c) = command {
        return match &c.scope {
            DeadlineScope::Season | DeadlineScope::Group(_) => None,
            DeadlineScope::Agency(agency)
            | DeadlineScope::Leaf { agency, .. }
            | DeadlineScope::Request { agency, .. } => Some(agency),
        };
    }
    command.appraised_agency()
}

/// What a scope asks for beyond the role. Assignments of bulk commands, bodies of the survey and sessions of the council
/// are judged where they are known: in `scorecard`, `survey` and `council`.
fn in_scope(d: &Deciding<'_>, scope: ActScope, account: &Account, season: Option<&Season>) -> Result<(), Refusal> {
    match scope {
        ActScope::OwnAgency => own_agency(d, account, season),
        ActScope::AssignedReviewer => assigned_to_review(d, season),
        ActScope::Register
        | ActScope::AnySeason
        | ActScope::SeasonsOfSet
        | ActScope::WhereGranted
        | ActScope::Season
        | ActScope::ImportedSeason
        | ActScope::AssignedConfirmer
        | ActScope::LeadAgency
        | ActScope::SurveyOperator
        | ActScope::SurveyMonitor
        | ActScope::CouncilSession
        | ActScope::Oneself
        | ActScope::Own => Ok(()),
    }
}

fn own_agency(d: &Deciding<'_>, account: &Account, season: Option<&Season>) -> Result<(), Refusal> {
    let Some(agency) = d.envelope.command.appraised_agency() else { return Ok(()) };
    let own = account.agency.as_ref();
    if own == Some(agency) {
        return Ok(());
    }
    // Only now does it matter what became of the agency.
    d.read(Stream::Agency(agency.clone()));
    if own.is_some_and(|own| answers_for(d.world, season, own, agency, d.now())) {
        return Ok(());
    }
    let own = own.map_or("no agency", AgencyId::as_str);
    Err(refuse!(NotOwnAgency, account = principal(d), own = own, agency = agency))
}

/// True for the agency itself, for the one that answers for it in the season, and for the one that it was merged into.
fn answers_for(world: &World, season: Option<&Season>, own: &AgencyId, agency: &AgencyId, now: Timestamp) -> bool {
    if own == agency || season.and_then(|s| s.successor_of(agency)) == Some(own) {
        return true;
    }
    let mut seen = BTreeSet::from([agency]);
    let mut at = agency;
    while let Some(next) = world.agencies.get(at).and_then(|a| a.merged_into(now)) {
        if next == own {
            return true;
        }
        if !seen.insert(next) {
            return false;
        }
        at = next;
    }
    false
}

/// The season assigns the leaf that the command names to the account. What the command names wrongly is said by the
/// decision itself.
fn assigned_to_review(d: &Deciding<'_>, season: Option<&Season>) -> Result<(), Refusal> {
    let (Some(season), Some(agency)) = (season, d.envelope.command.appraised_agency()) else { return Ok(()) };
    let Some(named) = appraised_leaf(&d.envelope.command) else { return Ok(()) };
    let Some(group) = season.agencies.get(agency).map(|m| &m.group) else { return Ok(()) };
    let Some(set) = season.groups.get(group).and_then(|g| g.set.as_ref()) else { return Ok(()) };
    let Some(leaf) = d.set(set)?.current().and_then(|version| version.leaf(named)) else { return Ok(()) };
    let reviewers = season.assigned(group, &leaf.path, agency).map_or(&[][..], |a| a.reviewers);
    let account = principal(d);
    if reviewers.contains(account) {
        return Ok(());
    }
    let list: Vec<_> = reviewers.iter().map(AccountId::as_str).collect();
    let list = if list.is_empty() { "nobody".to_owned() } else { list.join(", ") };
    Err(refuse!(NotAssigned, account = account, leaf = &leaf.code, agency = agency, assigned = list))
}

/// The leaf of a command that appraises one.
fn appraised_leaf(command: &Command) -> Option<&str> {
    if let Command::AcceptScore(c) = command {
        return Some(&c.leaf);
    }
    if let Command::AdjustScore(c) = command {
        return Some(&c.leaf);
    }
    if let Command::UpholdScore(c) = command {
        return Some(&c.leaf);
    }
    if let Command::RequestExplanation(c) = command {
        return Some(&c.leaf);
    }
    let Command::CorrectScore(c) = command else { return None };
    Some(&c.leaf)
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.roles.len() == Role::ALL.len() {
            f.write_str("any role")?;
        } else {
            for (i, role) in self.roles.iter().enumerate() {
                write!(f, "{}{role}", if i == 0 { "" } else { " or " })?;
            }
        }
        write!(f, " ({})", self.scope.text())
    }
}

/// The roles of an account with their limits.
fn describe_roles(account: &Account) -> String {
    let one = |grant: &crate::account::Grant| {
        let limits = [
            grant.scope.season.as_ref().map(|s| format!("in {s}")),
            grant.scope.from.map(|t| format!("from {t}")),
            grant.scope.until.map(|t| format!("until {t}")),
        ];
        let limits: Vec<_> = limits.into_iter().flatten().collect();
        if limits.is_empty() { grant.role.to_string() } else { format!("{} ({})", grant.role, limits.join(" ")) }
    };
    let held: Vec<_> = account.grants.iter().map(one).collect();
    if held.is_empty() { "no role".to_owned() } else { held.join(", ") }
}

// ---- separation ---------------------------------------------------------------------------------------------------

/// All accounts of the person that an account belongs to: itself, and every account linked to it over any number of links.
pub(crate) fn persons(world: &World, account: &AccountId) -> BTreeSet<AccountId> {
    let mut found = BTreeSet::from([account.clone()]);
    let mut open = vec![account];
    while let Some(next) = open.pop() {
        let Some(state) = world.accounts.get(next) else { continue };
        for linked in &state.linked {
            if found.insert(linked.clone()) {
                open.push(linked);
            }
        }
    }
    found
}

/// As [`persons`], with every account noted as looked at.
pub(crate) fn persons_read(d: &Deciding<'_>, account: &AccountId) -> BTreeSet<AccountId> {
    let found = persons(d.world, account);
    found.iter().for_each(|id| d.read(Stream::Account(id.clone())));
    found
}

/// All accounts that the present decision binds: those of the caller's person and of its delegator's.
pub(crate) fn deciders(d: &Deciding<'_>) -> BTreeSet<AccountId> {
    let mut found = persons_read(d, &d.envelope.account);
    if let Some(delegator) = &d.envelope.on_behalf_of {
        found.extend(persons_read(d, delegator));
    }
    found
}

/// The accounts that bind a decision of this account: those of its person and, where it decides for or by another, of
/// that one's too.
fn bound(d: &Deciding<'_>, account: &AccountId) -> BTreeSet<AccountId> {
    if d.by().accounts().any(|a| a == account) { deciders(d) } else { persons_read(d, account) }
}

/// That an account does not decide its own case: no account of the same person acts, or in this season acted, for the
/// agency (invariant 7).
///
/// # Errors
/// [`crate::refusal::Code::OwnCase`], saying which account and why.
pub(crate) fn bar_own_case(
    d: &Deciding<'_>,
    account: &AccountId,
    season_id: &SeasonId,
    agency: &AgencyId,
) -> Result<(), Refusal> {
    d.read(Stream::Season(season_id.clone()));
    d.read(Stream::Scorecard(season_id.clone(), agency.clone()));
    let season = d.world.seasons.get(season_id).map(AsRef::as_ref);
    let begins = season.and_then(Season::begins);
    let card = d.world.scorecard(season_id, agency);
    for id in bound(d, account) {
        let refusal = |why: String| {
            let why = if id == *account { why } else { format!("{id}, whose bars bind it, {why}") };
            refuse!(OwnCase, account = account, agency = agency, why = why)
        };
        if card.is_some_and(|c| c.acted.contains(&id)) {
            return Err(refusal("acted for the agency in this season".to_owned()));
        }
        let Some(state) = d.world.accounts.get(&id) else { continue };
        if let Some(own) = &state.agency
            && is_kin(d, season, own, agency)
        {
            let kin = if own == agency { String::new() } else { format!(" (through {own})") };
            return Err(refusal(format!("acts for the agency{kin}")));
        }
        // A season without phases has no beginning to have left before.
        let during = |left: Timestamp| begins.is_none_or(|begins| left > begins);
        if let Some((former, left)) = state.left.iter().find(|(f, left)| during(*left) && is_kin(d, season, f, agency)) {
            let kin = if former == agency { String::new() } else { format!(" (through {former})") };
            return Err(refusal(format!("acted for the agency{kin} until {left}, after the season began")));
        }
    }
    Ok(())
}

/// True where one agency is, answers for, or became (part of) the other.
fn is_kin(d: &Deciding<'_>, season: Option<&Season>, own: &AgencyId, agency: &AgencyId) -> bool {
    if own == agency || season.and_then(|s| s.successor_of(agency)) == Some(own) {
        return true;
    }
    d.read(Stream::Agency(own.clone()));
    d.read(Stream::Agency(agency.clone()));
    became(d.world, own, agency) || became(d.world, agency, own)
}

/// True where an agency ended in another, by mergers and splits over any number of steps.
fn became(world: &World, agency: &AgencyId, other: &AgencyId) -> bool {
    let mut seen = BTreeSet::from([agency]);
    let mut open = vec![agency];
    while let Some(next) = open.pop() {
        let Some(ended) = world.agencies.get(next).and_then(|a| a.ended.as_ref()) else { continue };
        for successor in &ended.successors {
            if successor == other {
                return true;
            }
            if seen.insert(successor) {
                open.push(successor);
            }
        }
    }
    false
}

/// That an account is not the same person as any of those who took the decision under review.
///
/// # Errors
/// [`crate::refusal::Code::OwnDecision`], saying who.
pub(crate) fn bar_same_person<'o>(
    d: &Deciding<'_>,
    account: &AccountId,
    others: impl IntoIterator<Item = &'o AccountId>,
    leaf: impl fmt::Display,
) -> Result<(), Refusal> {
    let mine = bound(d, account);
    match others.into_iter().find(|other| mine.contains(*other)) {
        None => Ok(()),
        Some(other) if other == account => {
            Err(refuse!(OwnDecision, account = account, leaf = leaf, why = "it took the decision under review"))
        }
        Some(other) => {
            let why = format!("{other}, whose bars bind it, took the decision under review");
            Err(refuse!(OwnDecision, account = account, leaf = leaf, why = why))
        }
    }
}

/// True where the account is open and holds one of the roles for the season (for the whole register without one) at the
/// instant by which the command is judged.
pub(crate) fn holds_role(d: &Deciding<'_>, account: &AccountId, roles: &[Role], season: Option<&SeasonId>) -> bool {
    d.read(Stream::Account(account.clone()));
    let state = d.world.accounts.get(account);
    state.is_some_and(|a| a.roles(season, d.now()).any(|role| roles.contains(&role)))
}

/// As [`holds_role`].
///
/// # Errors
/// [`crate::refusal::Code::AccountInactive`] where the account is unknown or closed,
/// [`crate::refusal::Code::RoleMissing`] where it holds none of the roles.
pub(crate) fn require_role(
    d: &Deciding<'_>,
    account: &AccountId,
    roles: &[Role],
    season: Option<&SeasonId>,
) -> Result<(), Refusal> {
    let state = may_act(d, account)?;
    if holds_role(d, account, roles, season) {
        return Ok(());
    }
    let needed: Vec<_> = roles.iter().map(|r| r.as_str()).collect();
    let held = describe_roles(state);
    Err(refuse!(RoleMissing, account = account, command = d.kind(), needed = needed.join(" or "), held = held))
}

// ---- the table for reading ----------------------------------------------------------------------------------------

/// What may be read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Subject {
    /// Agencies, instruments, criteria sets, and what a season lays down.
    Catalogue,
    /// An agency's scorecard as it stands: declared inputs, self scores, appraised scores, states, its own sums.
    Scorecard,
    /// Figures that compare agencies or hold survey points, as they stand: totals, indices, ranks, classes, means.
    LiveRanking,
    /// Survey results as they stand.
    SurveyPoints,
    /// Figures as of an announcement or an edition, by the position they are asked as of.
    Figures,
    /// Entries of a season, by position.
    Entries,
    /// Evidence files; downloads are recorded.
    EvidenceFile,
    /// Names of evidence files and identities of their signers.
    FileName,
    /// Reasons of appraisal: adjustments, returns, applicability, deemed scores, corrections, withdrawals.
    AppraisalText,
    /// Explanation requests and their answers.
    Explanation,
    /// Grounds, opinions and reasons of appeals.
    AppealText,
    /// Grounds and findings of the survey.
    SurveyText,
    /// Texts of resolutions and grounds of members' recusals.
    CouncilText,
    /// Why a deadline was moved, an agency treated, or a criteria set amended.
    SeasonText,
    /// Why an edition was published or annulled.
    EditionText,
    /// Accounts with their agencies, roles and delegations.
    AccountDirectory,
    /// Titles and names of accounts, and reasons about them.
    AccountName,
    /// Recorded refusals of an account.
    Refusals,
}

impl Subject {
    /// In words, for people.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Catalogue => "agencies, instruments, criteria sets, a season's set-up",
            Self::Scorecard => "a scorecard as it stands, self scores included",
            Self::LiveRanking => "live rankings and figures",
            Self::SurveyPoints => "survey points as they stand",
            Self::Figures => "figures as of an announcement or edition",
            Self::Entries => "entries of a season",
            Self::EvidenceFile => "evidence files",
            Self::FileName => "names of evidence files and their signers",
            Self::AppraisalText => "reasons of appraisal",
            Self::Explanation => "explanation requests and answers",
            Self::AppealText => "grounds, opinions and reasons of appeals",
            Self::SurveyText => "grounds and findings of the survey",
            Self::CouncilText => "texts of resolutions and recusals",
            Self::SeasonText => "reasons of moved deadlines, treatments and amendments",
            Self::EditionText => "reasons of editions",
            Self::AccountDirectory => "accounts, their roles and delegations",
            Self::AccountName => "names of accounts and reasons about them",
            Self::Refusals => "recorded refusals of an account",
        }
    }
}

/// One line of the table: who may read a subject, and from when on.
#[derive(Clone, Copy, Debug)]
pub struct ReadRule {
    /// What is read.
    pub subject: Subject,
    /// Any of these may read it.
    pub readers: &'static [(Reads, Stage)],
}

/// Who reads.
#[derive(Clone, Copy, Debug)]
pub enum Reads {
    /// Everybody, without an account.
    Public,
    /// Every open account.
    AnyAccount,
    /// One of these roles, for the season.
    Roles(&'static [Role]),
    /// Accounts of the scorecard's agency, or of the one that answers for it.
    OwnAgency,
    /// Reviewers and confirmers whom the season assigns to a leaf of the agency, alternates for its own.
    Assigned,
    /// The account itself.
    Oneself,
}

/// From when on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// Always.
    Always,
    /// Once the scorecard was submitted, or recorded as not submitted in time.
    Submitted,
    /// Once announced; figures and entries as of no later a position.
    Announced,
    /// Once an edition holds; figures and entries as of no later a position.
    Published,
}

impl Stage {
    /// In words, for people.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Submitted => "once submitted",
            Self::Announced => "once announced",
            Self::Published => "once published",
        }
    }
}

impl fmt::Display for Reads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Public => f.write_str("public"),
            Self::AnyAccount => f.write_str("any account"),
            Self::OwnAgency => f.write_str("own agency"),
            Self::Assigned => f.write_str("assigned reviewers and confirmers"),
            Self::Oneself => f.write_str("the account itself"),
            Self::Roles(roles) => {
                let names: Vec<_> = roles.iter().map(|r| r.as_str()).collect();
                f.write_str(&names.join(", "))
            }
        }
    }
}

const INSPECTOR: (Reads, Stage) = (Reads::Roles(&[Role::Inspector]), Stage::Always);
const RUNNERS: Reads = Reads::Roles(&[Role::CouncilMember, Role::CouncilChair, Role::Secretariat]);
const SURVEYORS: (Reads, Stage) = (Reads::Roles(&[Role::SurveyOperator, Role::SurveyMonitor]), Stage::Always);
const OWN_AGENCY: (Reads, Stage) = (Reads::OwnAgency, Stage::Always);
const ASSIGNED: (Reads, Stage) = (Reads::Assigned, Stage::Submitted);
const RUNNERS_SUBMITTED: (Reads, Stage) = (RUNNERS, Stage::Submitted);
const RUNNERS_ALWAYS: (Reads, Stage) = (RUNNERS, Stage::Always);
const ADMINISTRATORS: (Reads, Stage) = (Reads::Roles(&[Role::Administrator]), Stage::Always);
const SECRETARIES: (Reads, Stage) = (Reads::Roles(SECRETARIAT), Stage::Always);
const ONESELF: (Reads, Stage) = (Reads::Oneself, Stage::Always);
const PUBLISHED: (Reads, Stage) = (Reads::Public, Stage::Published);
const ANNOUNCED: (Reads, Stage) = (Reads::AnyAccount, Stage::Announced);

const fn reading(subject: Subject, readers: &'static [(Reads, Stage)]) -> ReadRule {
    ReadRule { subject, readers }
}

/// Subject × reader × condition. Before submission a scorecard is its agency's and the inspectors'; live rankings and
/// survey points are the council's and the secretariat's until announced; published figures are everybody's.
#[rustfmt::skip]
pub const READ_TABLE: &[ReadRule] = &[
    reading(Subject::Catalogue, &[(Reads::Public, Stage::Always)]),
    reading(Subject::Scorecard, &[OWN_AGENCY, INSPECTOR, ASSIGNED, RUNNERS_SUBMITTED]),
    reading(Subject::LiveRanking, &[RUNNERS_ALWAYS, INSPECTOR]),
    reading(Subject::SurveyPoints, &[RUNNERS_ALWAYS, INSPECTOR, SURVEYORS]),
    reading(Subject::Figures, &[RUNNERS_ALWAYS, INSPECTOR, ANNOUNCED, PUBLISHED]),
    reading(Subject::Entries, &[INSPECTOR, PUBLISHED]),
    reading(Subject::EvidenceFile, &[OWN_AGENCY, INSPECTOR, ASSIGNED, RUNNERS_SUBMITTED]),
    reading(Subject::FileName, &[OWN_AGENCY, INSPECTOR, ASSIGNED, RUNNERS_SUBMITTED]),
    reading(Subject::AppraisalText, &[OWN_AGENCY, INSPECTOR, ASSIGNED, RUNNERS_SUBMITTED]),
    reading(Subject::Explanation, &[OWN_AGENCY, INSPECTOR, ASSIGNED, RUNNERS_SUBMITTED]),
    reading(Subject::AppealText, &[OWN_AGENCY, INSPECTOR, ASSIGNED, RUNNERS_SUBMITTED]),
    reading(Subject::SurveyText, &[RUNNERS_ALWAYS, INSPECTOR, SURVEYORS, (Reads::OwnAgency, Stage::Announced)]),
    reading(Subject::CouncilText, &[RUNNERS_ALWAYS, INSPECTOR]),
    reading(Subject::SeasonText, &[(Reads::AnyAccount, Stage::Always)]),
    reading(Subject::EditionText, &[RUNNERS_ALWAYS, INSPECTOR, PUBLISHED]),
    reading(Subject::AccountDirectory, &[ADMINISTRATORS, INSPECTOR, SECRETARIES, ONESELF]),
    reading(Subject::AccountName, &[ADMINISTRATORS, INSPECTOR, SECRETARIES, ONESELF]),
    reading(Subject::Refusals, &[INSPECTOR, SECRETARIES, ONESELF]),
];

/// Who asks to read.
#[derive(Clone, Copy, Debug)]
pub enum Reader<'a> {
    /// Nobody in particular.
    Public,
    /// An account.
    Account(&'a AccountId),
    /// An account that reads under a delegation: by its own authority and by its delegator's.
    Delegate {
        /// The account that reads.
        account: &'a AccountId,
        /// The delegator.
        on_behalf_of: &'a AccountId,
    },
}

/// What is to be read, and of whom. What a subject has no use for is left out.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    /// What.
    pub subject: Subject,
    /// Of which season.
    pub season: Option<&'a SeasonId>,
    /// Of which agency.
    pub agency: Option<&'a AgencyId>,
    /// Of which account.
    pub account: Option<&'a AccountId>,
    /// As of which position, or the entry at which position; the last announcement or edition where absent.
    pub position: Option<u64>,
}

impl Reading<'_> {
    /// A subject without anything that limits it.
    #[must_use]
    pub fn of(subject: Subject) -> Self {
        Self { subject, season: None, agency: None, account: None, position: None }
    }
}

/// That the reader may read it now.
///
/// # Errors
/// [`crate::refusal::Code::MayNotRead`], saying who may; [`crate::refusal::Code::AccountInactive`] for an account that is
/// unknown or closed; [`crate::refusal::Code::NoDelegation`] where the delegation does not hold.
pub fn may_read(world: &World, reader: Reader<'_>, what: &Reading<'_>, now: Timestamp) -> Result<(), Refusal> {
    let known = |id: &AccountId| {
        let inactive = |why: &str| refuse!(AccountInactive, account = id, why = why);
        let account = world.accounts.get(id).ok_or_else(|| inactive("it is not in the register"))?;
        if account.closed { Err(inactive("it was closed")) } else { Ok(account.as_ref()) }
    };
    let accounts: Vec<(&AccountId, &Account)> = match reader {
        Reader::Public => Vec::new(),
        Reader::Account(id) => vec![(id, known(id)?)],
        Reader::Delegate { account, on_behalf_of } => {
            let (own, delegator) = (known(account)?, known(on_behalf_of)?);
            if !delegator.delegates_to(account, now) {
                return Err(refuse!(NoDelegation, account = account, on_behalf_of = on_behalf_of));
            }
            vec![(account, own), (on_behalf_of, delegator)]
        }
    };
    let rule = READ_TABLE
        .iter()
        .find(|r| r.subject == what.subject)
        .expect("a test proves that every subject has its line");
    let permitted = |(who, stage): &(Reads, Stage)| reads(world, *who, &accounts, what, now) && reached(world, *stage, what);
    if rule.readers.iter().any(permitted) {
        return Ok(());
    }
    let name = match reader {
        Reader::Public => "the public",
        Reader::Account(id) | Reader::Delegate { account: id, .. } => id.as_str(),
    };
    let why = format!("it is open to {}", describe_readers(rule));
    Err(refuse!(MayNotRead, account = name, what = what.subject.text(), why = why))
}

fn describe_readers(rule: &ReadRule) -> String {
    let one = |(who, stage): &(Reads, Stage)| match stage {
        Stage::Always => who.to_string(),
        Stage::Submitted | Stage::Announced | Stage::Published => format!("{who} ({})", stage.text()),
    };
    let all: Vec<_> = rule.readers.iter().map(one).collect();
    all.join("; ")
}

fn reads(world: &World, who: Reads, accounts: &[(&AccountId, &Account)], what: &Reading<'_>, now: Timestamp) -> bool {
    let season = what.season.and_then(|id| world.seasons.get(id)).map(AsRef::as_ref);
    match who {
        Reads::Public => true,
        Reads::AnyAccount => !accounts.is_empty(),
        Reads::Roles(roles) => accounts.iter().any(|(_, a)| a.roles(what.season, now).any(|r| roles.contains(&r))),
        Reads::OwnAgency => what.agency.is_some_and(|agency| {
            let own = |a: &Account| a.agency.as_ref().is_some_and(|own| answers_for(world, season, own, agency, now));
            accounts.iter().any(|(_, a)| own(a))
        }),
        Reads::Assigned => {
            let (Some(season), Some(agency)) = (season, what.agency) else { return false };
            accounts.iter().any(|(id, _)| is_assigned(season, agency, id))
        }
        Reads::Oneself => what.account.is_some_and(|id| accounts.iter().any(|(own, _)| *own == id)),
    }
}

/// True where some assignment of the agency's group names the account for this agency.
fn is_assigned(season: &Season, agency: &AgencyId, account: &AccountId) -> bool {
    let Some(member) = season.agencies.get(agency) else { return false };
    let Some(nodes) = season.assignments.get(&member.group) else { return false };
    nodes.values().any(|a| {
        if a.lead_agency != *agency {
            return a.reviewers.contains(account) || a.confirmers.contains(account);
        }
        a.alternate.as_ref().is_some_and(|a| a.reviewers.contains(account) || a.confirmers.contains(account))
    })
}

fn reached(world: &World, stage: Stage, what: &Reading<'_>) -> bool {
    let results = what.season.and_then(|id| world.results.get(id));
    let not_later = |as_of: u64| what.position.is_none_or(|position| position <= as_of);
    match stage {
        Stage::Always => true,
        Stage::Submitted => {
            let (Some(season), Some(agency)) = (what.season, what.agency) else { return false };
            let submission = world.scorecard(season, agency).map(|c| c.submission);
            matches!(submission, Some(Submission::Submitted | Submission::Missed))
                || results.is_some_and(|r| !r.announcements.is_empty())
        }
        Stage::Announced => results.is_some_and(|r| r.announcements.iter().any(|a| not_later(a.as_of))),
        Stage::Published => results.is_some_and(|r| r.editions.iter().any(|e| !e.annulled && not_later(e.as_of))),
    }
}

// ---- both tables, for people --------------------------------------------------------------------------------------

/// Both tables in Markdown, as committed beside this crate (`AUTHORITY.md`).
#[must_use]
pub fn tables() -> String {
    let mut out = String::from(
        "# Who may do what, and who may read what\n\n\
         Printed from the two tables in `src/authority.rs`; a test keeps this copy as it is there.\n\n\
         ## Acting\n\n\
         A role is written with where it must hold. Bars bind persons: all linked accounts, and under a delegation the\n\
         delegator's too. An imported season may be set up, transcribed, announced and published by the administrator; what\n\
         decides scores, and the two approvals of a publication, needs the same roles in every season.\n\n\
         | command | who (where) | when | separation |\n|---|---|---|---|\n",
    );
    let dash = |text: String| if text.is_empty() { "–".to_owned() } else { text };
    for rule in TABLE {
        let who: Vec<_> = rule.who.iter().map(ToString::to_string).collect();
        let who = if who.is_empty() { "the first administrator, in an empty register".to_owned() } else { who.join("; ") };
        let separation: Vec<_> = rule.separation.iter().map(|s| s.text()).collect();
        let separation = dash(separation.join("; "));
        out.push_str(&format!("| `{}` | {who} | {} | {separation} |\n", rule.command, rule.phase.text()));
    }
    out.push_str("\n## Reading\n\n| what | who (from when on) |\n|---|---|\n");
    for rule in READ_TABLE {
        out.push_str(&format!("| {} | {} |\n", rule.subject.text(), describe_readers(rule)));
    }
    out.push_str("\n## Roles\n\n| role | vai trò | granted by |\n|---|---|---|\n");
    for role in Role::ALL {
        let by = if role.needs_two() { "two persons (propose-role, approve-role)" } else { "one administrator" };
        out.push_str(&format!("| `{role}` | {} | {by} |\n", role.label_vi()));
    }
    out
}
