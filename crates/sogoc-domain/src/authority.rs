//! Who may do what, and who may read what: two tables and what enforces them.
//!
//! [`TABLE`] has one line for each kind of command: roles with where they must hold, when, and which separation rules
//! bind. `authorise` enforces roles, delegation, scope, the instrument and the bar of one's own case before anything is
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
use crate::season::{Season, version_of};
use crate::stream::Stream;
use crate::values::{AccountId, AgencyId, Sealed, SeasonId, Timestamp};
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
    /// Not by a person who brought the text in, or whose account it names.
    OwnText,
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
            Self::OwnText => "not a text of one's own",
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
const ERASER: Who =
    Who { roles: &[Role::Administrator, Role::Secretariat, Role::CouncilChair], scope: ActScope::Register };
const AMENDER: Who = Who { roles: SECRETARIAT, scope: ActScope::SeasonsOfSet };
const SECRETARY: Who = Who { roles: SECRETARIAT, scope: ActScope::Season };
const IMPORTER: Who = Who { roles: &[Role::Administrator], scope: ActScope::ImportedSeason };
const TRANSCRIBER: Who =
    Who { roles: &[Role::Secretariat, Role::CouncilChair, Role::Administrator], scope: ActScope::ImportedSeason };
const OFFICER: Who = Who { roles: &[Role::AgencyOfficer, Role::AgencyLeader], scope: ActScope::OwnAgency };
const LEADER: Who = Who { roles: &[Role::AgencyLeader], scope: ActScope::OwnAgency };
const REVIEWER: Who = Who { roles: &[Role::Reviewer], scope: ActScope::AssignedReviewer };
const REVIEWER_OF_SEASON: Who = Who { roles: &[Role::Reviewer, Role::Confirmer], scope: ActScope::Season };
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
    Approvals, NeedsTwo, OutsideBody, OwnAccount, OwnCase, OwnDecision, OwnText, SecondPerson, TwoVoters,
    VotersOwnCase, VotersOwnDecision,
};

const fn line(command: &'static str, who: &'static [Who], phase: PhaseRule, separation: &'static [Separation]) -> Rule {
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
    line("erase-texts", &[ERASER], Anytime, &[OwnText, OwnCase]),
    line("erase-evidence", &[ERASER], Anytime, &[OwnCase]),
    line("record-restore", &[ADMINISTRATOR], Anytime, &[]),
    line("register-signer", &[REGISTRAR], Anytime, &[]),
    line("withdraw-signer", &[REGISTRAR], Anytime, &[]),

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
    line("adopt-trust-anchors", &[SECRETARY, IMPORTER], Anytime, &[]),

    line("record-self-score", &[OFFICER], Admitted, &[]),
    line("import-scorecard", &[OFFICER], Admitted, &[]),
    line("attach-evidence", &[OFFICER], Admitted, &[]),
    line("withdraw-evidence", &[OFFICER], UntilAnnounced, &[]),
    line("judge-evidence", &[REVIEWER_OF_SEASON, SECRETARY], Running, &[OwnCase]),
    line("download-evidence", &[ANYBODY], Anytime, &[]),
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
    line("transcribe-result", &[TRANSCRIBER], Running, &[]),

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
fn role_for<'a>(d: &Deciding<'a>, rule: &Rule, account: &Account, season: Option<&'a Season>) -> Result<Role, Refusal> {
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
fn in_scope<'a>(
    d: &Deciding<'a>,
    scope: ActScope,
    account: &Account,
    season: Option<&'a Season>,
) -> Result<(), Refusal> {
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
fn assigned_to_review<'a>(d: &Deciding<'a>, season: Option<&'a Season>) -> Result<(), Refusal> {
    let (Some(season), Some(agency)) = (season, d.envelope.command.appraised_agency()) else { return Ok(()) };
    let Some(named) = appraised_leaf(&d.envelope.command) else { return Ok(()) };
    let Some(group) = season.agencies.get(agency).map(|m| &m.group) else { return Ok(()) };
    let Some(leaf) = version_of(d, season, group).ok().and_then(|version| version.leaf(named)) else { return Ok(()) };
    if leaf.is_survey() {
        return Ok(());
    }
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

/// How many persons hold these accounts: two accounts of one person are one vote, one approval.
pub(crate) fn count_persons<'o>(d: &Deciding<'_>, accounts: impl IntoIterator<Item = &'o AccountId>) -> usize {
    let persons: BTreeSet<_> = accounts.into_iter().map(|account| persons_read(d, account)).collect();
    persons.len()
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
        if let Some((former, left)) = state.left.iter().find(|(f, left)| during(*left) && is_kin(d, season, f, agency))
        {
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

/// That the deciding account is not the same person as any of those who brought a text in, or whom it names.
///
/// # Errors
/// [`crate::refusal::Code::OwnText`], saying who.
pub(crate) fn bar_own_text<'o>(
    d: &Deciding<'_>,
    text: &Sealed,
    others: impl IntoIterator<Item = &'o AccountId>,
    why: &str,
) -> Result<(), Refusal> {
    let account = &d.envelope.account;
    let mine = deciders(d);
    match others.into_iter().find(|other| mine.contains(*other)) {
        None => Ok(()),
        Some(other) if other == account => {
            Err(refuse!(OwnText, account = account, text = text, why = format!("it {why}")))
        }
        Some(other) => {
            let why = format!("{other}, whose bars bind it, {why}");
            Err(refuse!(OwnText, account = account, text = text, why = why))
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

macro_rules! subjects {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What may be read.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Subject { $($(#[$doc])* $name,)* }

        impl Subject {
            /// Every subject.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// In words, for people.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

subjects! {
    /// Agencies, instruments, criteria sets, and what a season lays down.
    Catalogue = "agencies, instruments, criteria sets, a season's set-up",
    /// An agency's scorecard as it stands: declared inputs, self scores, appraised scores, states, its own sums.
    Scorecard = "a scorecard as it stands, self scores included",
    /// Figures that compare agencies or hold survey points, as they stand: totals, indices, ranks, classes, means.
    LiveRanking = "live rankings and figures",
    /// Survey results as they stand.
    SurveyPoints = "survey points as they stand",
    /// Figures as of an announcement or an edition, by the position they are asked as of.
    Figures = "figures as of an announcement or edition",
    /// Entries of a season, by position.
    Entries = "entries of a season",
    /// Evidence files; downloads are recorded.
    EvidenceFile = "evidence files",
    /// Names of evidence files and identities of their signers.
    FileName = "names of evidence files and their signers",
    /// Reasons of appraisal: adjustments, returns, applicability, deemed scores, corrections, withdrawals.
    AppraisalText = "reasons of appraisal",
    /// Explanation requests and their answers.
    Explanation = "explanation requests and answers",
    /// Grounds, opinions and reasons of appeals.
    AppealText = "grounds, opinions and reasons of appeals",
    /// Grounds and findings of the survey.
    SurveyText = "grounds and findings of the survey",
    /// Texts of resolutions and grounds of members' recusals.
    CouncilText = "texts of resolutions and recusals",
    /// Why a deadline was moved, an agency treated, or a criteria set amended.
    SeasonText = "reasons of moved deadlines, treatments and amendments",
    /// Why an edition was published or annulled.
    EditionText = "reasons of editions",
    /// Accounts with their agencies, roles and delegations.
    AccountDirectory = "accounts, their roles and delegations",
    /// Titles and names of accounts, and reasons about them.
    AccountName = "names of accounts and reasons about them",
    /// Recorded refusals of an account.
    Refusals = "recorded refusals of an account",
    /// Locks of an account, and changes of what it signs in with.
    SignIns = "locks and credential changes of an account",
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
    reading(Subject::SignIns, &[ADMINISTRATORS, INSPECTOR, ONESELF]),
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
    let rule =
        READ_TABLE.iter().find(|r| r.subject == what.subject).expect("a test proves that every subject has its line");
    let permitted =
        |(who, stage): &(Reads, Stage)| reads(world, *who, &accounts, what, now) && reached(world, *stage, what);
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

/// The next instant at which what an account, or the public, may read changes though nothing is recorded: a role begins or
/// ends, or an agency is gone. None where nothing is to come.
#[must_use]
pub fn reading_changes_at(world: &World, account: Option<&AccountId>, now: Timestamp) -> Option<Timestamp> {
    let account = world.accounts.get(account?)?;
    let roles = account.grants.iter().flat_map(|grant| [grant.scope.from, grant.scope.until]).flatten();
    // Only who belongs to an agency reads as one that it was merged into.
    let agencies = account.agency.iter().flat_map(|_| world.agencies.values());
    let mergers = agencies.filter_map(|agency| agency.ended.as_ref()).map(|ended| ended.from);
    roles.chain(mergers).filter(|at| *at > now).min()
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
        let who =
            if who.is_empty() { "the first administrator, in an empty register".to_owned() } else { who.join("; ") };
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use crate::account::trial::{Trial, code_of, day, seal};
    use crate::command::Envelope;
    use crate::event::{
        AgencyEntered, AgencyTreated, CriteriaDomainRecorded, CriteriaSetActivated, CriteriaSetDrafted,
        CriteriaVersionAdopted, EditionPublished, PhaseScheduled, RankingGroupDefined, ResultsAnnounced,
        ReviewersAssigned, ScoreAccepted, ScorecardSubmitted, SeasonActivated, SeasonOpened, SeasonPolicySet,
        SelfScored,
    };
    use crate::refusal::Code;
    use crate::roles::By;

    use super::*;

    // -- a season: so-a is appraised by so-b; so-c is the alternate for so-b's own leaves

    fn from<T: serde::de::DeserializeOwned>(value: Value) -> T {
        serde_json::from_value(value.clone()).unwrap_or_else(|e| panic!("{e}: {value}"))
    }

    fn by(account: &str) -> By {
        By { account: account.parse().unwrap(), on_behalf_of: None }
    }

    fn policy() -> Value {
        json!({
            "leaf_decimals": 2, "display_decimals": 2, "rounding": "half_up", "appraisal_rounds": 2,
            "class_by": "rounded_index", "ties": "competition", "unsurveyed": "leave_out",
            "unsigned_evidence": "reviewer_judges", "late_submission": "by_acceptance", "appeal_may_lower": false,
            "approvals": 2, "instrument_required": ["accept-late-submission"],
            "reason_codes": [
                {"code": "evidence_missing", "label": "Thiếu tài liệu", "kind": "either"},
                {"code": "clerical_error", "label": "Sai sót", "kind": "either"},
                {"code": "standard_amended", "label": "Sửa tiêu chí", "kind": "either"},
            ],
            "survey_factors": ["f1"],
        })
    }

    fn assignment() -> Value {
        json!({
            "group": "g", "node": "d1", "lead_agency": "so-b", "reviewers": ["reviewer"], "confirmers": ["confirmer"],
            "alternate": {"agency": "so-c", "reviewers": ["alternate"], "confirmers": ["alternate"]},
        })
    }

    fn domain() -> Value {
        let leaf = json!({
            "id": "l1", "code": "1.1", "name": "Tiêu chí", "max_points": "1",
            "leaf": {"rule": {"type": "yes_no", "version": 1}},
        });
        json!({"id": "d1", "code": "1", "name": "Lĩnh vực", "max_points": "1", "children": [leaf]})
    }

    /// Opens a season in which every kind of command is admitted from day 10 to day 50.
    fn open_season(t: &mut Trial, id: &str, mode: Mode) {
        let stream = format!("season/{id}");
        let name = json!({"vi": "Tên"});
        t.record(&stream, from::<SeasonOpened>(json!({"year": 2022, "title": "Đợt", "mode": mode})));
        t.record(&stream, SeasonPolicySet { policy: from(policy()) });
        t.record(
            &stream,
            from::<RankingGroupDefined>(
                json!({"group": "g", "name": name, "set": "set", "classes": [], "letters": []}),
            ),
        );
        let phase = json!({"phase": "p", "name": name, "start": day(10), "end": day(50), "admits": Command::KINDS});
        t.record(&stream, from::<PhaseScheduled>(phase));
        for agency in ["so-a", "so-b"] {
            t.record(&stream, from::<AgencyEntered>(json!({"agency": agency, "group": "g", "council_member": false})));
        }
        t.record(&stream, ReviewersAssigned { assignment: from(assignment()) });
        t.record(&stream, from::<CriteriaVersionAdopted>(json!({"group": "g", "set": "set", "version": 1})));
        t.record(&stream, SeasonActivated { rules_version: 1, by: by("secretariat") });
    }

    /// One account of each role, named after it (`admin` and `chair` from the founding), and a running season `s`.
    fn trial(mode: Mode) -> Trial {
        let mut t = Trial::founded();
        for (agency, body) in [("so-a", false), ("so-b", false), ("so-c", false), ("buu-dien", true), ("mttq", true)] {
            t.agency(agency, body);
        }
        for (role, agency) in [
            (Role::AgencyOfficer, "so-a"),
            (Role::AgencyLeader, "so-a"),
            (Role::Reviewer, "so-b"),
            (Role::Confirmer, "so-b"),
            (Role::CouncilMember, "so-b"),
            (Role::Secretariat, "so-c"),
            (Role::Inspector, "so-c"),
            (Role::SurveyOperator, "buu-dien"),
            (Role::SurveyMonitor, "mttq"),
        ] {
            t.account(role.as_str(), agency, &[role]);
        }
        t.account("alternate", "so-c", &[Role::Reviewer, Role::Confirmer]);
        t.record("criteria/set", from::<CriteriaSetDrafted>(json!({"title": "Bộ", "max_points": "1", "domains": 1})));
        t.record("criteria/set", from::<CriteriaDomainRecorded>(json!({"domain": domain(), "criteria_follow": 0})));
        t.record("criteria/set", CriteriaSetActivated { leaves: 1, by: by("secretariat") });
        open_season(&mut t, "s", mode);
        t
    }

    fn submitted(t: &mut Trial, agency: &str, officer: &str) {
        let stream = format!("scorecard/s/{agency}");
        let score = json!({"leaf": "l1", "set_version": 1, "inputs": {"yes_no": true}, "points": "1", "by": {"account": officer}});
        t.record(&stream, from::<SelfScored>(score));
        t.record(
            &stream,
            from::<ScorecardSubmitted>(json!({"leaves": 1, "self_points": "1", "by": {"account": officer}})),
        );
    }

    fn account_of(role: Role) -> &'static str {
        match role {
            Role::Administrator => "admin",
            Role::CouncilChair => "chair",
            Role::AgencyOfficer
            | Role::AgencyLeader
            | Role::Reviewer
            | Role::Confirmer
            | Role::CouncilMember
            | Role::Secretariat
            | Role::Inspector
            | Role::SurveyOperator
            | Role::SurveyMonitor => role.as_str(),
        }
    }

    fn adjust(agency: &str) -> Value {
        json!({"type": "adjust-score", "season": "s", "agency": agency, "leaf": "1.1", "points": {"override": "0"},
               "reason_code": "evidence_missing", "reason": "Thiếu tài liệu"})
    }

    /// One command of every kind, about the season `s`, its agency `so-a` and the account that gives it.
    fn every_command(mode: Mode, me: &str) -> Vec<Value> {
        let (name, sha) = (json!({"vi": "Tên"}), "0".repeat(64));
        let season = |fields: Value| {
            let mut all = json!({"season": "s"});
            all.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            all
        };
        let card = |fields: Value| {
            let mut all = season(json!({"agency": "so-a"}));
            all.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            all
        };
        let instrument = json!({"id": "qd-9", "number": "9", "date": "2022-10-01", "issuer": "UBND"});
        let new_account = json!({"account": "moi", "agency": "so-a", "name": "Chuyên viên"});
        let mut founding = crate::account::trial::founding();
        founding.as_object_mut().unwrap().remove("type");
        let commands = [
            ("found-register", founding),
            ("register-agency", json!({"agency": "so-d", "name": name})),
            ("rename-agency", json!({"agency": "so-a", "name": name, "from": day(20)})),
            ("merge-agency", json!({"agency": "so-a", "into": "so-b", "from": day(20)})),
            ("split-agency", json!({"agency": "so-a", "into": ["so-b", "so-c"], "from": day(20)})),
            ("dissolve-agency", json!({"agency": "so-a", "from": day(20)})),
            ("register-instrument", json!({"instrument": instrument})),
            ("attach-instrument-document", json!({"id": "qd-1", "document": sha})),
            ("open-account", json!({"account": new_account})),
            ("grant-role", json!({"account": "inspector", "role": "reviewer"})),
            ("propose-role", json!({"account": "inspector", "role": "secretariat"})),
            ("approve-role", json!({"account": "inspector", "role": "secretariat"})),
            ("revoke-role", json!({"account": "inspector", "role": "inspector", "reason": "x"})),
            ("delegate", json!({"to": "alternate", "from": day(20), "until": day(40), "reason": "x"})),
            ("revoke-delegation", json!({"to": "alternate"})),
            ("transfer-account", json!({"account": "inspector", "agency": "so-b"})),
            ("link-accounts", json!({"account": "inspector", "with": "alternate"})),
            ("close-account", json!({"account": "inspector", "reason": "x"})),
            ("erase-texts", json!({"texts": [sha], "ground_code": "ordered", "ground": "x"})),
            ("erase-evidence", json!({"digest": sha, "ground_code": "ordered", "ground": "x"})),
            ("record-restore", json!({"size": 10, "root": sha, "known_size": 12, "known_root": sha, "reason": "x"})),
            ("register-signer", json!({"agency": "so-a", "certificate": sha, "capacity": "leader"})),
            ("withdraw-signer", json!({"agency": "so-a", "certificate": sha, "reason": "x"})),
            ("draft-criteria-set", json!({"set": "set-2", "title": "Bộ", "max_points": "1", "domains": [domain()]})),
            ("activate-criteria-set", json!({"set": "set"})),
            ("amend-criteria-set", json!({"set": "set", "domains": [], "treatments": [], "reason": "x"})),
            ("open-season", season(json!({"year": 2022, "title": "Đợt", "mode": mode}))),
            ("set-season-policy", season(json!({"policy": policy()}))),
            ("define-ranking-group", season(json!({"group": "h", "name": name, "classes": []}))),
            (
                "schedule-phase",
                season(json!({"phase": "q", "name": name, "start": day(1), "end": day(2), "admits": []})),
            ),
            ("enter-agency", season(json!({"agency": "so-c", "group": "g"}))),
            ("assign-reviewers", season(json!({"assignment": assignment()}))),
            ("set-comparison", season(json!({"comparison": "s"}))),
            ("record-reference-figures", season(json!({"figures": []}))),
            ("define-line", season(json!({"line": "l", "name": name, "kind": "bonus", "cap": "1"}))),
            ("activate-season", season(json!({}))),
            (
                "move-deadline",
                season(json!({"scope": {"agency": "so-a"}, "phase": "p", "end": day(60), "reason": "x"})),
            ),
            ("treat-agency", card(json!({"treatment": "not-ranked", "from": day(1), "reason": "x"}))),
            ("adopt-trust-anchors", season(json!({"anchors": sha, "reason": "x"}))),
            ("record-self-score", card(json!({"leaf": "1.1", "inputs": {"yes_no": true}}))),
            ("import-scorecard", card(json!({"rows": []}))),
            (
                "attach-evidence",
                card(
                    json!({"leaf": "1.1", "digest": sha, "name": "a.pdf", "media": "pdf", "signature": "not-judged", "purpose": "submitted"}),
                ),
            ),
            ("withdraw-evidence", card(json!({"number": 1, "reason": "x"}))),
            ("judge-evidence", card(json!({"number": 1, "reason": "x"}))),
            ("download-evidence", card(json!({"number": 1}))),
            ("submit-scorecard", card(json!({}))),
            ("withdraw-submission", card(json!({"reason": "x"}))),
            ("give-explanation", card(json!({"case": "gt-1", "answer": "x"}))),
            ("record-missed-submission", card(json!({}))),
            ("accept-late-submission", card(json!({"reason": "x"}))),
            ("accept-score", card(json!({"leaf": "1.1"}))),
            ("accept-unchanged", card(json!({"node": "1"}))),
            (
                "adjust-score",
                card(json!({"leaf": "1.1", "points": {"override": "0"}, "reason_code": "x", "reason": "x"})),
            ),
            ("uphold-score", card(json!({"leaf": "1.1", "reason_code": "x", "reason": "x"}))),
            ("request-explanation", card(json!({"case": "gt-1", "leaf": "1.1", "request": "x", "due": day(40)}))),
            ("confirm-leaves", card(json!({"nodes": ["1"]}))),
            ("return-leaves", card(json!({"leaves": ["1.1"], "reason": "x"}))),
            ("decide-applicability", card(json!({"leaves": ["1.1"], "applicability": "left-out", "ground": "x"}))),
            ("deem-score", card(json!({"leaf": "1.1", "reason_code": "x", "reason": "x"}))),
            ("correct-score", card(json!({"leaf": "1.1", "corrects": 1, "points": {"override": "0"}, "reason": "x"}))),
            ("recuse-reviewer", card(json!({"account": me, "reason": "x"}))),
            ("reopen-scorecard", card(json!({"leaves": [], "reason": "x"}))),
            ("score-line", card(json!({"line": "l", "points": "1", "reason_code": "x", "reason": "x"}))),
            ("cap-class", card(json!({"class": "tot", "reason": "x"}))),
            ("transcribe-result", card(json!({"appraised_points": "1", "applicable_max": "1"}))),
            ("lodge-appeal", card(json!({"appeal": "kn-1", "items": []}))),
            ("accept-late-appeal", card(json!({"appeal": "kn-1", "reason": "x"}))),
            ("give-opinion", card(json!({"appeal": "kn-1", "item": 1, "opinion": "x"}))),
            ("decide-appeal", card(json!({"appeal": "kn-1", "decisions": [], "voters": []}))),
            ("withdraw-appeal", card(json!({"appeal": "kn-1"}))),
            ("open-survey", season(json!({"operator": "buu-dien", "monitors": ["mttq"]}))),
            ("import-survey", season(json!({"results": []}))),
            ("record-not-surveyed", card(json!({"ground": "x"}))),
            ("record-recheck", card(json!({"sample": 1, "confirmed": 1, "voided": 0, "replaced": 0, "finding": "x"}))),
            ("accept-survey", season(json!({}))),
            ("open-session", season(json!({"session": "p-1", "present": []}))),
            ("recuse-member", season(json!({"session": "p-1", "member": me, "reason": "x"}))),
            ("adopt-resolution", season(json!({"session": "p-1", "resolution": "nq-1", "text": "x", "votes": []}))),
            ("close-session", season(json!({"session": "p-1"}))),
            ("announce-results", season(json!({}))),
            ("approve-results", season(json!({"number": 1}))),
            ("publish-edition", season(json!({"announcement": 1, "kind": "official"}))),
            ("attach-edition-instrument", season(json!({"edition": 1, "instrument": "qd-1"}))),
            ("annul-edition", season(json!({"edition": 1, "reason": "x"}))),
            ("notify-agencies", season(json!({"edition": 1, "agencies": [], "until": day(60)}))),
        ];
        let kinds: Vec<_> = commands.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, Command::KINDS, "one command of every kind");
        let tagged = |(kind, mut fields): (&str, Value)| {
            fields["type"] = json!(kind);
            fields
        };
        commands.into_iter().map(tagged).collect()
    }

    fn envelope(t: &Trial, account: &str, command: Value) -> Envelope {
        Envelope { occurred: Some(day(30)), ..t.envelope_on_instrument(account, command) }
    }

    // -- the table

    #[test]
    fn every_kind_of_command_has_its_line() {
        let lines: Vec<_> = TABLE.iter().map(|r| r.command).collect();
        assert_eq!(lines, Command::KINDS);
    }

    #[test]
    fn every_role_may_give_what_the_table_says_and_nothing_else() {
        for mode in [Mode::Live, Mode::Imported] {
            let t = trial(mode);
            for role in Role::ALL {
                let me = account_of(*role);
                for command in every_command(mode, me) {
                    let envelope = envelope(&t, me, command);
                    let rule = rule_of(envelope.command.kind());
                    let may = rule.who.iter().any(|who| {
                        who.roles.contains(role) && (who.scope != ActScope::ImportedSeason || mode == Mode::Imported)
                    });
                    let decided = t.judge(&envelope);
                    let label = format!("{role} {} in a {mode:?} season", rule.command);
                    match decided {
                        Err(r) if rule.command == "found-register" => {
                            assert_eq!(r.code, Code::AlreadyFounded, "{label}")
                        }
                        Ok(decision) => {
                            assert!(may, "{label} was accepted");
                            assert_eq!(decision.role, Some(*role), "{label}");
                        }
                        Err(r) if !may => assert_eq!(r.code, Code::RoleMissing, "{label}: {r}"),
                        Err(r) => assert!(
                            !matches!(
                                r.code,
                                Code::RoleMissing
                                    | Code::NotOwnAgency
                                    | Code::NotAssigned
                                    | Code::OwnCase
                                    | Code::AccountInactive
                            ),
                            "{label}: {r}"
                        ),
                    }
                }
            }
        }
    }

    #[test]
    fn a_season_that_runs_is_not_set_up_again() {
        let t = trial(Mode::Live);
        for command in every_command(Mode::Live, "secretariat") {
            let envelope = envelope(&t, "secretariat", command);
            if rule_of(envelope.command.kind()).phase == BeforeActivation {
                assert_eq!(code_of(t.judge(&envelope)), Code::SeasonState, "{}", envelope.command.kind());
            }
        }
    }

    #[test]
    fn what_needs_a_phase_is_refused_where_none_admits_it() {
        let mut t = trial(Mode::Live);
        t.received = day(51);
        for role in Role::ALL {
            for command in every_command(Mode::Live, account_of(*role)) {
                let envelope = Envelope { occurred: None, ..envelope(&t, account_of(*role), command) };
                if matches!(rule_of(envelope.command.kind()).phase, Admitted | AdmittedIfScheduled) {
                    assert!(t.judge(&envelope).is_err(), "{role} {}", envelope.command.kind());
                }
            }
        }
    }

    #[test]
    fn an_account_without_a_role_may_nothing() {
        let mut t = trial(Mode::Live);
        t.account("trong", "so-a", &[]);
        for command in every_command(Mode::Live, "trong") {
            let envelope = envelope(&t, "trong", command);
            let code = code_of(t.judge(&envelope));
            assert!(matches!(code, Code::RoleMissing | Code::AlreadyFounded), "{}", envelope.command.kind());
        }
    }

    #[test]
    fn what_was_looked_at_is_in_the_read_set() {
        let mut t = trial(Mode::Live);
        submitted(&mut t, "so-a", "agency-officer");
        let decision = t.by("reviewer", adjust("so-a")).unwrap();
        for stream in ["account/reviewer", "season/s", "criteria/set", "scorecard/s/so-a", "agency/so-a", "agency/so-b"]
        {
            assert!(decision.reads.contains(&Stream::parse(stream).unwrap()), "{stream}");
        }
    }

    // -- scope

    #[test]
    fn a_role_of_one_season_does_nothing_in_another() {
        let mut t = trial(Mode::Live);
        open_season(&mut t, "s-2", Mode::Live);
        t.account("thu-ky", "so-c", &[]);
        for command in ["propose-role", "approve-role"] {
            let account = if command == "propose-role" { "admin" } else { "chair" };
            t.by(
                account,
                json!({"type": command, "account": "thu-ky", "role": "secretariat", "scope": {"season": "s-2"}}),
            )
            .unwrap();
        }
        let enter = |season: &str| json!({"type": "record-missed-submission", "season": season, "agency": "so-a"});
        assert_eq!(code_of(t.by("thu-ky", enter("s"))), Code::RoleMissing);
        assert_ne!(code_of(t.by("thu-ky", enter("s-2"))), Code::RoleMissing);
        // Both running seasons use the set, so that an amendment reaches into the other one.
        let amend =
            json!({"type": "amend-criteria-set", "set": "set", "domains": [domain()], "treatments": [], "reason": "x"});
        assert_eq!(code_of(t.by("thu-ky", amend.clone())), Code::RoleMissing);
        assert_ne!(code_of(t.by("secretariat", amend)), Code::RoleMissing);
        // A draft binds nobody.
        t.by("thu-ky", json!({"type": "draft-criteria-set", "set": "set-2", "title": "Bộ", "max_points": "1", "domains": [domain()]})).unwrap();
    }

    #[test]
    fn an_agency_is_acted_for_by_its_own_accounts_and_by_its_successors() {
        let score = |agency: &str| json!({"type": "record-self-score", "season": "s", "agency": agency, "leaf": "1.1", "inputs": {"yes_no": true}});
        let mut t = trial(Mode::Live);
        t.account("ke-thua", "so-c", &[Role::AgencyOfficer]);
        assert_eq!(code_of(t.by("ke-thua", score("so-a"))), Code::NotOwnAgency);
        let mut treated = t.clone();
        let treatment = json!({"agency": "so-a", "treatment": "successor-answers", "successor": "so-c", "from": day(20), "reason": seal("x"), "by": {"account": "secretariat"}});
        treated.record("season/s", from::<AgencyTreated>(treatment));
        treated.by("ke-thua", score("so-a")).unwrap();
        t.on_instrument(json!({"type": "merge-agency", "agency": "so-a", "into": "so-c", "from": day(40)})).unwrap();
        assert_eq!(code_of(t.by("ke-thua", score("so-a"))), Code::NotOwnAgency, "the merger takes effect on day 40");
        t.received = day(40);
        t.by("ke-thua", score("so-a")).unwrap();
    }

    #[test]
    fn a_leaf_is_appraised_by_whom_the_season_assigns() {
        let mut t = trial(Mode::Live);
        submitted(&mut t, "so-a", "agency-officer");
        submitted(&mut t, "so-b", "agency-officer");
        assert_eq!(code_of(t.by("alternate", adjust("so-a"))), Code::NotAssigned);
        assert_eq!(code_of(t.by("reviewer", adjust("so-b"))), Code::OwnCase, "the alternate appraises the lead agency");
        let correct = json!({"type": "correct-score", "season": "s", "agency": "so-a", "leaf": "1.1", "corrects": 1, "points": {"override": "0"}, "reason": "x"});
        assert_eq!(code_of(t.by("alternate", correct.clone())), Code::NotAssigned);
        assert_ne!(code_of(t.by("secretariat", correct)), Code::NotAssigned);
        t.by("reviewer", adjust("so-a")).unwrap();
        t.by("alternate", adjust("so-b")).unwrap();
    }

    #[test]
    fn only_an_imported_season_is_set_up_by_an_administrator() {
        let mut t = trial(Mode::Live);
        let open =
            |mode: &str| json!({"type": "open-season", "season": "s-9", "year": 2021, "title": "Đợt", "mode": mode});
        assert_eq!(code_of(t.admin(open("live"))), Code::RoleMissing);
        t.admin(open("imported")).unwrap();
        t.admin(json!({"type": "set-season-policy", "season": "s-9", "policy": policy()})).unwrap();
    }

    #[test]
    fn an_instrument_is_named_where_the_season_asks_for_one() {
        let mut t = trial(Mode::Live);
        let late = json!({"type": "accept-late-submission", "season": "s", "agency": "so-a", "reason": "Mất điện"});
        assert_eq!(code_of(t.by("secretariat", late.clone())), Code::InstrumentRequired);
        let named = t.envelope_on_instrument("secretariat", late);
        t.send(&named).unwrap();
    }

    // -- separation (invariant 7)

    #[test]
    fn nobody_appraises_the_agency_it_acts_for() {
        let mut t = trial(Mode::Live);
        submitted(&mut t, "so-a", "agency-officer");
        t.account("trong-nha", "so-a", &[Role::Reviewer, Role::Confirmer, Role::Secretariat, Role::CouncilMember]);
        for kind in TABLE.iter().filter(|r| r.separation.contains(&OwnCase)).map(|r| r.command) {
            let commands = every_command(Mode::Live, "trong-nha");
            let command = commands.into_iter().find(|c| c["type"] == kind).unwrap();
            let recusal = kind == "recuse-reviewer";
            match t.judge(&envelope(&t, "trong-nha", command)) {
                Err(r) if kind == "reopen-scorecard" => assert_eq!(r.code, Code::RoleMissing, "the chair's alone"),
                Err(r) => assert_eq!(r.code, Code::OwnCase, "{kind}: {r}"),
                Ok(_) => assert!(recusal, "{kind} was accepted"),
            }
        }
        // Standing aside oneself is right; setting another aside in one's own case is not.
        let other =
            json!({"type": "recuse-reviewer", "season": "s", "agency": "so-a", "account": "reviewer", "reason": "x"});
        assert_eq!(code_of(t.by("trong-nha", other)), Code::OwnCase);
    }

    #[test]
    fn who_left_the_agency_after_the_season_began_stays_barred() {
        let transfer = json!({"type": "transfer-account", "account": "reviewer", "agency": "so-b"});
        for (left, barred) in [(5, false), (10, false), (11, true), (25, true)] {
            let mut t = Trial::founded();
            t.agency("so-a", false);
            t.agency("so-b", false);
            t.account("reviewer", "so-a", &[Role::Reviewer]);
            let mut moved = t.envelope("admin", transfer.clone());
            moved.occurred = Some(day(left));
            t.send(&moved).unwrap();
            open_season(&mut t, "s", Mode::Live);
            let refused = code_of(t.by("reviewer", adjust("so-a"))) == Code::OwnCase;
            assert_eq!(refused, barred, "left on day {left}, the season began on day 10");
        }
    }

    #[test]
    fn who_acted_for_the_agency_in_this_season_is_barred_wherever_it_went() {
        let mut t = trial(Mode::Live);
        submitted(&mut t, "so-a", "reviewer");
        let refusal = t.by("reviewer", adjust("so-a")).unwrap_err();
        assert_eq!(refusal.code, Code::OwnCase);
        assert!(refusal.values["why"].contains("acted for the agency in this season"));
    }

    #[test]
    fn the_bars_of_a_linked_account_bind() {
        let mut t = trial(Mode::Live);
        submitted(&mut t, "so-a", "agency-leader");
        t.admin(json!({"type": "link-accounts", "account": "inspector", "with": "agency-officer"})).unwrap();
        t.admin(json!({"type": "link-accounts", "account": "reviewer", "with": "inspector"})).unwrap();
        let refusal = t.by("reviewer", adjust("so-a")).unwrap_err();
        assert_eq!(refusal.code, Code::OwnCase);
        assert!(refusal.values["why"].starts_with("agency-officer, whose bars bind it"), "{refusal}");
    }

    #[test]
    fn a_delegate_inherits_the_bars_and_keeps_its_own() {
        let mut t = trial(Mode::Live);
        submitted(&mut t, "so-a", "agency-officer");
        t.account("trong-nha", "so-a", &[Role::Reviewer]);
        let leave =
            |to: &str| json!({"type": "delegate", "to": to, "from": day(20), "until": day(40), "reason": "Nghỉ phép"});
        t.by("reviewer", leave("agency-officer")).unwrap();
        t.by("reviewer", leave("inspector")).unwrap();
        t.by("trong-nha", leave("inspector")).unwrap();
        assert_eq!(code_of(t.on_behalf("agency-officer", "reviewer", adjust("so-a"))), Code::OwnCase, "its own bars");
        assert_eq!(
            code_of(t.on_behalf("inspector", "trong-nha", adjust("so-a"))),
            Code::OwnCase,
            "the delegator's bars"
        );
        let decision = t.on_behalf("inspector", "reviewer", adjust("so-a")).unwrap();
        assert_eq!(decision.role, Some(Role::Reviewer));
        assert!(decision.reads.contains(&Stream::Account("reviewer".parse().unwrap())));
        t.received = day(40);
        assert_eq!(code_of(t.on_behalf("inspector", "reviewer", adjust("so-a"))), Code::NoDelegation, "half-open");
    }

    #[test]
    fn in_an_imported_season_a_delegation_is_judged_by_when_the_act_occurred() {
        let mut t = trial(Mode::Imported);
        t.received = day(900);
        submitted(&mut t, "so-a", "agency-officer");
        let leave =
            json!({"type": "delegate", "to": "inspector", "from": day(20), "until": day(40), "reason": "Nghỉ phép"});
        t.by("reviewer", leave).unwrap();
        let at = |t: &Trial, n: i64| Envelope {
            occurred: Some(day(n)),
            on_behalf_of: Some("reviewer".parse().unwrap()),
            ..t.envelope("inspector", adjust("so-a"))
        };
        assert_eq!(code_of(t.judge(&at(&t, 41))), Code::NoDelegation);
        t.judge(&at(&t, 39)).unwrap();
    }

    #[test]
    fn an_agency_that_became_the_other_is_its_own_case() {
        for (agency, into) in [("so-b", "so-a"), ("so-a", "so-b")] {
            let mut t = trial(Mode::Live);
            submitted(&mut t, "so-a", "agency-officer");
            t.on_instrument(json!({"type": "merge-agency", "agency": agency, "into": into, "from": day(60)})).unwrap();
            assert_eq!(code_of(t.by("reviewer", adjust("so-a"))), Code::OwnCase, "{agency} into {into}");
        }
        let mut t = trial(Mode::Live);
        submitted(&mut t, "so-a", "agency-officer");
        t.on_instrument(json!({"type": "split-agency", "agency": "so-a", "into": ["so-b", "so-c"], "from": day(60)}))
            .unwrap();
        assert_eq!(code_of(t.by("reviewer", adjust("so-a"))), Code::OwnCase);
    }

    #[test]
    fn nobody_confirms_what_the_same_person_appraised() {
        let mut t = trial(Mode::Live);
        submitted(&mut t, "so-a", "agency-officer");
        let accepted = json!({"leaf": "l1", "round": 1, "points": "1", "by": {"account": "reviewer"}});
        t.record("scorecard/s/so-a", from::<ScoreAccepted>(accepted));
        let confirm = json!({"type": "confirm-leaves", "season": "s", "agency": "so-a", "nodes": ["1.1"]});
        let mut linked = t.clone();
        linked.admin(json!({"type": "link-accounts", "account": "reviewer", "with": "confirmer"})).unwrap();
        assert_eq!(code_of(linked.by("confirmer", confirm.clone())), Code::OwnDecision);
        let mut delegated = t.clone();
        delegated
            .by(
                "confirmer",
                json!({"type": "delegate", "to": "reviewer", "from": day(20), "until": day(40), "reason": "x"}),
            )
            .unwrap();
        assert_eq!(code_of(delegated.on_behalf("reviewer", "confirmer", confirm.clone())), Code::OwnDecision);
        t.by("confirmer", confirm).unwrap();
    }

    #[test]
    fn members_who_vote_are_barred_not_who_types() {
        let mut t = trial(Mode::Live);
        t.account("uy-vien-a", "so-a", &[Role::CouncilMember]);
        t.record("results/s", from::<ResultsAnnounced>(json!({"number": 1, "as_of": 5, "streams_root": seal("x"), "streams": 1, "by": {"account": "secretariat"}})));
        let decide = |voters: &[&str]| {
            json!({
                "type": "decide-appeal", "season": "s", "agency": "so-a", "appeal": "kn-1", "voters": voters,
                "decisions": [{"item": 1, "outcome": "rejected", "reason_code": "evidence_missing", "reason": "x"}],
            })
        };
        // `uy-vien-a` may type what others decided; it may not vote.
        assert_eq!(code_of(t.by("uy-vien-a", decide(&["council-member", "chair"]))), Code::Unknown);
        assert_eq!(code_of(t.by("secretariat", decide(&["uy-vien-a", "chair"]))), Code::OwnCase);
        assert_eq!(code_of(t.by("secretariat", decide(&["secretariat", "chair"]))), Code::RoleMissing);
        assert_eq!(code_of(t.by("secretariat", decide(&["nobody", "chair"]))), Code::AccountInactive);
    }

    #[test]
    fn a_deadline_of_ones_own_agency_is_moved_by_another() {
        let mut t = trial(Mode::Live);
        t.account("thu-ky-a", "so-a", &[Role::Secretariat]);
        let scopes = [
            json!({"agency": "so-a"}),
            json!({"leaf": {"agency": "so-a", "leaf": "l1"}}),
            json!({"request": {"agency": "so-a", "case": "gt-1"}}),
        ];
        let to = |scope: &Value| json!({"type": "move-deadline", "season": "s", "scope": scope, "phase": "p", "end": day(60), "reason": "x"});
        for scope in &scopes {
            assert_eq!(code_of(t.by("thu-ky-a", to(scope))), Code::OwnCase, "{scope}");
        }
        t.by("secretariat", to(&scopes[0])).unwrap();
        t.by("thu-ky-a", to(&json!({"agency": "so-b"}))).unwrap();
        t.by("thu-ky-a", to(&json!("season"))).unwrap();
    }

    #[test]
    fn a_survey_stays_outside_the_appraised_agencies_under_a_delegation_too() {
        let mut t = trial(Mode::Live);
        t.by(
            "survey-operator",
            json!({"type": "delegate", "to": "agency-officer", "from": day(20), "until": day(40), "reason": "x"}),
        )
        .unwrap();
        let import = json!({"type": "import-survey", "season": "s", "results": []});
        assert_eq!(code_of(t.on_behalf("agency-officer", "survey-operator", import)), Code::BodyRequired);
    }

    #[test]
    fn a_stopped_account_or_season_stops_what_reads_it() {
        let why = crate::event::Undecodable { kind: "x".to_owned(), version: 1, why: "unknown".to_owned() };
        for stream in ["account/reviewer", "season/s", "criteria/set"] {
            let mut t = trial(Mode::Live);
            t.world.stop(Stream::parse(stream).unwrap(), &why);
            assert_eq!(code_of(t.by("reviewer", adjust("so-a"))), Code::StreamStopped, "{stream}");
        }
    }

    // -- reading

    fn on<'a>(subject: Subject, ids: &'a (SeasonId, AgencyId), position: Option<u64>) -> Reading<'a> {
        Reading { season: Some(&ids.0), agency: Some(&ids.1), position, ..Reading::of(subject) }
    }

    /// Who of the accounts (and the public) may read.
    fn readers(t: &Trial, what: &Reading<'_>) -> Vec<String> {
        let accounts =
            t.world.accounts.keys().filter(|id| may_read(&t.world, Reader::Account(id), what, t.received).is_ok());
        let mut all: Vec<_> = accounts.map(ToString::to_string).collect();
        if may_read(&t.world, Reader::Public, what, t.received).is_ok() {
            all.push("public".to_owned());
        }
        all
    }

    #[test]
    fn every_subject_has_its_line() {
        let lines: Vec<_> = READ_TABLE.iter().map(|r| r.subject).collect();
        assert_eq!(lines, Subject::ALL);
        let t = trial(Mode::Live);
        for subject in Subject::ALL {
            let may = may_read(&t.world, Reader::Public, &Reading::of(*subject), t.received);
            assert_eq!(may.is_ok(), *subject == Subject::Catalogue, "{subject:?}");
            assert!(
                may_read(&t.world, Reader::Account(&"inspector".parse().unwrap()), &Reading::of(*subject), t.received)
                    .is_ok()
            );
        }
    }

    #[test]
    fn before_submission_a_scorecard_is_its_agencys_and_the_inspectors() {
        let mut t = trial(Mode::Live);
        let so_a = ("s".parse().unwrap(), "so-a".parse().unwrap());
        for subject in
            [Subject::Scorecard, Subject::EvidenceFile, Subject::FileName, Subject::AppraisalText, Subject::Explanation]
        {
            assert_eq!(readers(&t, &on(subject, &so_a, None)), ["agency-leader", "agency-officer", "inspector"]);
        }
        submitted(&mut t, "so-a", "agency-officer");
        let seen = [
            "agency-leader",
            "agency-officer",
            "chair",
            "confirmer",
            "council-member",
            "inspector",
            "reviewer",
            "secretariat",
        ];
        for subject in [Subject::Scorecard, Subject::EvidenceFile, Subject::AppealText] {
            assert_eq!(readers(&t, &on(subject, &so_a, None)), seen, "{subject:?}");
        }
        // Of the lead agency's own leaves the alternate sees the scorecard, its reviewers see it as the agency's own.
        submitted(&mut t, "so-b", "agency-officer");
        let so_b = ("s".parse().unwrap(), "so-b".parse().unwrap());
        assert!(readers(&t, &on(Subject::Scorecard, &so_b, None)).contains(&"alternate".to_owned()));
    }

    #[test]
    fn live_rankings_are_the_councils_and_the_secretariats_until_announced() {
        let mut t = trial(Mode::Live);
        let so_a = ("s".parse().unwrap(), "so-a".parse().unwrap());
        let runners = ["chair", "council-member", "inspector", "secretariat"];
        assert_eq!(readers(&t, &on(Subject::LiveRanking, &so_a, None)), runners);
        assert_eq!(readers(&t, &on(Subject::Figures, &so_a, None)), runners);
        let survey = ["chair", "council-member", "inspector", "secretariat", "survey-monitor", "survey-operator"];
        assert_eq!(readers(&t, &on(Subject::SurveyPoints, &so_a, None)), survey);

        let announced = json!({"number": 1, "as_of": 50, "streams_root": seal("x"), "streams": 1, "by": {"account": "secretariat"}});
        t.record("results/s", from::<ResultsAnnounced>(announced));
        let (all, live) = (t.world.accounts.len(), runners.len());
        assert_eq!(readers(&t, &on(Subject::Figures, &so_a, Some(50))).len(), all);
        assert_eq!(readers(&t, &on(Subject::Figures, &so_a, Some(51))).len(), live, "what came later is live");
        assert_eq!(readers(&t, &on(Subject::LiveRanking, &so_a, None)).len(), live);

        let edition = json!({
            "edition": 1, "kind": "official", "announcement": 1, "as_of": 50, "table_digest": seal("x"), "rows": 0,
            "figures_digest": seal("x"), "figures": 0, "changed": [], "changed_count": 0, "by": {"account": "secretariat"},
        });
        t.record("results/s", from::<EditionPublished>(edition));
        for subject in [Subject::Figures, Subject::Entries] {
            assert!(readers(&t, &on(subject, &so_a, Some(50))).contains(&"public".to_owned()), "{subject:?}");
            assert!(!readers(&t, &on(subject, &so_a, Some(51))).contains(&"public".to_owned()), "{subject:?}");
        }
        for sealed in [
            Subject::AppraisalText,
            Subject::AppealText,
            Subject::FileName,
            Subject::EvidenceFile,
            Subject::AccountName,
        ] {
            assert!(!readers(&t, &on(sealed, &so_a, None)).contains(&"public".to_owned()), "{sealed:?}");
        }
    }

    #[test]
    fn an_account_reads_what_is_about_itself() {
        let t = trial(Mode::Live);
        let own: AccountId = "reviewer".parse().unwrap();
        let about = |subject| Reading { account: Some(&own), ..Reading::of(subject) };
        assert_eq!(
            readers(&t, &about(Subject::AccountName)),
            ["admin", "chair", "inspector", "reviewer", "secretariat"]
        );
        assert_eq!(readers(&t, &about(Subject::Refusals)), ["chair", "inspector", "reviewer", "secretariat"]);
    }

    #[test]
    fn what_may_be_read_changes_by_time_alone_where_a_role_begins_or_ends_or_an_agency_is_gone() {
        let mut t = trial(Mode::Live);
        let inspector: AccountId = "inspector".parse().unwrap();
        let at = |t: &Trial, account: &AccountId, now| reading_changes_at(&t.world, Some(account), now);
        assert_eq!(at(&t, &inspector, day(10)), None);
        let grants = &mut Arc::make_mut(t.world.accounts.get_mut(&inspector).unwrap()).grants;
        grants[0].scope.from = Some(day(20));
        grants[0].scope.until = Some(day(40));
        assert_eq!(at(&t, &inspector, day(10)), Some(day(20)));
        assert_eq!(at(&t, &inspector, day(20)), Some(day(40)));
        assert_eq!(at(&t, &inspector, day(40)), None);
        assert_eq!(reading_changes_at(&t.world, None, day(10)), None);
        let ended = crate::agency::Ended {
            how: crate::agency::Ending::Merged,
            from: day(30),
            successors: vec!["so-b".parse().unwrap()],
        };
        let so_a: AgencyId = "so-a".parse().unwrap();
        Arc::make_mut(t.world.agencies.get_mut(&so_a).unwrap()).ended = Some(ended);
        assert_eq!(at(&t, &inspector, day(25)), Some(day(30)));
        Arc::make_mut(t.world.accounts.get_mut(&inspector).unwrap()).agency = None;
        assert_eq!(at(&t, &inspector, day(25)), Some(day(40)));
    }

    #[test]
    fn a_delegate_reads_by_both_authorities_while_the_delegation_holds() {
        let mut t = trial(Mode::Live);
        let so_a = ("s".parse().unwrap(), "so-a".parse().unwrap());
        t.by(
            "secretariat",
            json!({"type": "delegate", "to": "alternate", "from": day(20), "until": day(40), "reason": "x"}),
        )
        .unwrap();
        let (account, on_behalf_of) = ("alternate".parse().unwrap(), "secretariat".parse().unwrap());
        let reader = Reader::Delegate { account: &account, on_behalf_of: &on_behalf_of };
        let what = on(Subject::LiveRanking, &so_a, None);
        assert!(may_read(&t.world, reader, &what, day(30)).is_ok());
        assert_eq!(code_of(may_read(&t.world, reader, &what, day(40))), Code::NoDelegation);
        assert_eq!(code_of(may_read(&t.world, Reader::Account(&account), &what, day(30))), Code::MayNotRead);
        assert_eq!(
            code_of(may_read(&t.world, Reader::Account(&"nobody".parse().unwrap()), &what, day(30))),
            Code::AccountInactive
        );
    }

    // -- documentation

    /// Run with `SOGOC_UPDATE=1` to write the copy anew.
    #[test]
    fn the_committed_copy_of_the_tables_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/AUTHORITY.md");
        if std::env::var_os("SOGOC_UPDATE").is_some() {
            std::fs::write(path, tables()).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(committed, tables(), "run this test with SOGOC_UPDATE=1 and commit AUTHORITY.md");
    }
}
