//! An account: a function at an agency or body, with its roles, delegations and the other accounts of the same person.
//!
//! Roles that decide about results or about other roles are never granted by one person (invariant 7). The first two
//! accounts enter with the founding of the register, which rests on its instrument alone.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::agency;
use crate::authority;
use crate::command::{
    ApproveRole, CloseAccount, Delegate, FoundRegister, GrantRole, LinkAccounts, NewAccount, ProposeRole,
    RevokeDelegation, RevokeRole, TransferAccount,
};
use crate::decide::{Deciding, check_count, check_name};
use crate::event::{
    AccountClosed, AccountEvent, AccountLinked, AccountOpened, AccountTransferred, DelegationGranted, DelegationRevoked,
    RoleGranted, RoleProposed, RoleRevoked,
};
use crate::instrument;
use crate::refusal::{Refusal, refuse};
use crate::roles::{By, Role, Scope};
use crate::stream::Stream;
use crate::values::{AccountId, AgencyId, Sealed, SeasonId, Timestamp};

/// Longest delegation, in days: leave, not a second appointment.
pub const DELEGATION_DAYS_MAX: i64 = 366;
/// Most roles, proposals, delegations or links that one account may hold at once.
const HELD_MAX: usize = 100;
const DAY_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

/// An account as of one position.
#[derive(Clone, Default, Debug, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// The agency or body it acts for; none before it is opened.
    pub agency: Option<AgencyId>,
    /// Title or name, sealed.
    pub name: Option<Sealed>,
    /// Agencies it acted for before, each with the instant from which it no longer did.
    pub left: Vec<(AgencyId, Timestamp)>,
    /// Roles it holds, in the order in which they were granted.
    pub grants: Vec<Grant>,
    /// Roles that were proposed and wait for a second person.
    pub proposals: Vec<Proposal>,
    /// Delegations that it gave to others.
    pub delegations: Vec<Delegation>,
    /// Accounts of the same person that were linked to it directly; see [`authority::persons`] for all of them.
    pub linked: BTreeSet<AccountId>,
    /// It acts no more.
    pub closed: bool,
}

/// A role that is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The role.
    pub role: Role,
    /// Where and when it holds.
    pub scope: Scope,
}

/// A role that waits for a second person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// The role.
    pub role: Role,
    /// Where and when it would hold.
    pub scope: Scope,
    /// Who proposed it.
    pub by: By,
}

/// A delegation to another account; half-open: from ≤ t < until.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delegation {
    /// The delegate.
    pub to: AccountId,
    /// From when.
    pub from: Timestamp,
    /// Until when, exclusive.
    pub until: Timestamp,
}

impl Account {
    /// Applies an event; total.
    pub fn apply(&mut self, event: &AccountEvent) {
        match event {
            AccountEvent::AccountOpened(e) => {
                self.agency = Some(e.agency.clone());
                self.name = Some(e.name);
            }
            AccountEvent::RoleProposed(e) => {
                self.proposals.push(Proposal { role: e.role, scope: e.scope.clone(), by: e.by.clone() });
            }
            AccountEvent::RoleGranted(e) => {
                self.proposals.retain(|p| p.role != e.role || p.scope != e.scope);
                self.grants.push(Grant { role: e.role, scope: e.scope.clone() });
            }
            AccountEvent::RoleRevoked(e) => {
                self.grants.retain(|g| g.role != e.role || g.scope.season != e.season);
                self.proposals.retain(|p| p.role != e.role || p.scope.season != e.season);
            }
            AccountEvent::DelegationGranted(e) => {
                self.delegations.push(Delegation { to: e.to.clone(), from: e.from, until: e.until });
            }
            AccountEvent::DelegationRevoked(e) => self.delegations.retain(|x| x.to != e.to),
            AccountEvent::AccountTransferred(e) => {
                self.left.push((e.old.clone(), e.from));
                self.agency = Some(e.new.clone());
            }
            AccountEvent::AccountLinked(e) => {
                self.linked.insert(e.with.clone());
            }
            AccountEvent::AccountClosed(_) => self.closed = true,
        }
    }

    /// The roles that hold for a season at an instant, in the order of their grants. Without a season, those that are
    /// not limited to one. A closed account holds none.
    pub fn roles<'a>(&'a self, season: Option<&'a SeasonId>, now: Timestamp) -> impl Iterator<Item = Role> + 'a {
        let in_season = move |s: &Scope| s.season.is_none() || s.season.as_ref() == season;
        self.roles_where(now, in_season)
    }

    /// The roles that hold at an instant, whichever season they are limited to.
    pub fn roles_of_any_season(&self, now: Timestamp) -> impl Iterator<Item = Role> + '_ {
        self.roles_where(now, |_| true)
    }

    fn roles_where<'a>(
        &'a self,
        now: Timestamp,
        place: impl Fn(&Scope) -> bool + 'a,
    ) -> impl Iterator<Item = Role> + 'a {
        let in_time = move |s: &Scope| s.from.is_none_or(|from| from <= now) && s.until.is_none_or(|until| now < until);
        let holds = move |g: &&Grant| !self.closed && in_time(&g.scope) && place(&g.scope);
        self.grants.iter().filter(holds).map(|g| g.role)
    }

    /// True where the account lets another act for it at an instant.
    #[must_use]
    pub fn delegates_to(&self, delegate: &AccountId, now: Timestamp) -> bool {
        !self.closed && self.delegations.iter().any(|x| x.to == *delegate && x.from <= now && now < x.until)
    }

    /// True where it holds an administrator's role over the whole register that does not end by itself.
    fn administers_for_good(&self) -> bool {
        let for_good = |g: &Grant| g.role == Role::Administrator && g.scope.season.is_none() && g.scope.until.is_none();
        !self.closed && self.grants.iter().any(for_good)
    }
}

/// The account, which must be open.
fn open_account<'a>(d: &Deciding<'a>, id: &AccountId) -> Result<&'a Account, Refusal> {
    let account = d.account(id)?;
    if account.closed {
        return Err(refuse!(AccountInactive, account = id, why = "it was closed"));
    }
    Ok(account)
}

// ---- founding and opening -----------------------------------------------------------------------------------------

/// Founds an empty register. Nobody can have granted anything before, so that the instrument alone stands behind it.
pub(crate) fn found(d: &Deciding<'_>, c: &FoundRegister) -> Result<(), Refusal> {
    if d.world.is_founded() {
        return Err(refuse!(AlreadyFounded));
    }
    if d.envelope.account != c.administrator.account || d.envelope.on_behalf_of.is_some() {
        let why = format!("the founding is the act of the first administrator, {}", c.administrator.account);
        return Err(refuse!(Invalid, field = "account", value = &d.envelope.account, why = why));
    }
    if c.approver.account == c.administrator.account {
        let why = "administrator and approver must be two accounts of two people";
        return Err(refuse!(Invalid, field = "approver", value = &c.approver.account, why = why));
    }
    if !matches!(c.approver_role, Role::CouncilChair | Role::Administrator) {
        return Err(refuse!(Invalid, field = "approver_role", value = c.approver_role, why = "it must be council-chair or administrator"));
    }
    instrument::register(d, &c.instrument)?;
    let one_agency = c.administrator.agency == c.approver.agency;
    if one_agency && c.administrator_agency != c.approver_agency {
        return Err(refuse!(Invalid, field = "approver_agency", value = &c.approver_agency.vi, why = "both accounts belong to one agency, which has one name"));
    }
    agency::enter(d, &c.administrator.agency, &c.administrator_agency, one_agency && c.approver_body)?;
    if !one_agency {
        agency::enter(d, &c.approver.agency, &c.approver_agency, c.approver_body)?;
    }
    enter(d, &c.administrator)?;
    enter(d, &c.approver)?;
    for (account, role) in [(&c.administrator.account, Role::Administrator), (&c.approver.account, c.approver_role)] {
        let event = RoleGranted { role, scope: Scope::default(), by: d.by(), proposed_by: None, founding: true };
        d.push(Stream::Account(account.clone()), event);
    }
    Ok(())
}

/// Lets an account into the register; its agency is checked by the caller.
fn enter(d: &Deciding<'_>, new: &NewAccount) -> Result<(), Refusal> {
    let stream = Stream::Account(new.account.clone());
    d.read(stream.clone());
    d.world.not_stopped(&stream)?;
    if d.world.accounts.contains_key(&new.account) {
        return Err(refuse!(AlreadyExists, what = "account", id = &new.account));
    }
    check_name("name", &new.name)?;
    d.push(stream, AccountOpened { agency: new.agency.clone(), name: d.seal("name", &new.name)? });
    Ok(())
}

pub(crate) fn open(d: &Deciding<'_>, new: &NewAccount) -> Result<(), Refusal> {
    agency::check_living(d, &new.agency)?;
    enter(d, new)
}

// ---- roles --------------------------------------------------------------------------------------------------------

pub(crate) fn grant_role(d: &Deciding<'_>, c: &GrantRole) -> Result<(), Refusal> {
    if c.role.needs_two() {
        return Err(refuse!(NeedsTwo, role = c.role));
    }
    let account = may_receive(d, &c.account, c.role, &c.scope)?;
    check_count("roles", account.grants.len() + 1, HELD_MAX)?;
    let event =
        RoleGranted { role: c.role, scope: c.scope.clone(), by: d.by(), proposed_by: None, founding: false };
    d.push(Stream::Account(c.account.clone()), event);
    Ok(())
}

pub(crate) fn propose_role(d: &Deciding<'_>, c: &ProposeRole) -> Result<(), Refusal> {
    if !c.role.needs_two() {
        return Err(refuse!(Invalid, field = "role", value = c.role, why = "one administrator may grant it: use grant-role"));
    }
    let account = may_receive(d, &c.account, c.role, &c.scope)?;
    if account.proposals.iter().any(|p| p.role == c.role && p.scope == c.scope) {
        return Err(refuse!(NothingToDo, why = "it is proposed already and waits for a second person (approve-role)"));
    }
    check_count("proposals", account.proposals.len() + 1, HELD_MAX)?;
    let event = RoleProposed { role: c.role, scope: c.scope.clone(), by: d.by() };
    d.push(Stream::Account(c.account.clone()), event);
    Ok(())
}

pub(crate) fn approve_role(d: &Deciding<'_>, c: &ApproveRole) -> Result<(), Refusal> {
    let account = may_receive(d, &c.account, c.role, &c.scope)?;
    let Some(proposal) = account.proposals.iter().find(|p| p.role == c.role && p.scope == c.scope) else {
        let id = format!("{} for {} with this scope", c.role, c.account);
        return Err(refuse!(Unknown, what = "proposal of role", id = id));
    };
    let mine = authority::deciders(d);
    if let Some(first) = proposal.by.accounts().find(|a| mine.contains(*a)) {
        let what = format!("granting the role {}", c.role);
        return Err(refuse!(SecondPerson, account = &d.envelope.account, what = what, first = first));
    }
    // They may have been linked after the proposal.
    if proposal.by.accounts().any(|a| authority::persons_read(d, a).contains(&c.account)) {
        return Err(refuse!(OwnAccount, account = &c.account, what = format!("proposing the role {}", c.role)));
    }
    check_count("roles", account.grants.len() + 1, HELD_MAX)?;
    let event = RoleGranted {
        role: c.role,
        scope: c.scope.clone(),
        by: d.by(),
        proposed_by: Some(proposal.by.clone()),
        founding: false,
    };
    d.push(Stream::Account(c.account.clone()), event);
    Ok(())
}

/// That a role may be given to an account: open, not the giver's own, of a fitting agency, not holding it already.
fn may_receive<'a>(d: &Deciding<'a>, id: &AccountId, role: Role, scope: &Scope) -> Result<&'a Account, Refusal> {
    let account = open_account(d, id)?;
    if authority::deciders(d).contains(id) {
        return Err(refuse!(OwnAccount, account = id, what = format!("giving the role {role}")));
    }
    if let (Some(from), Some(until)) = (scope.from, scope.until)
        && from >= until
    {
        return Err(refuse!(Invalid, field = "until", value = until, why = format!("it must lie after {from}")));
    }
    if let Some(agency) = &account.agency {
        check_fits(d, role, agency)?;
    }
    if account.grants.iter().any(|g| g.role == role && g.scope == *scope) {
        return Err(refuse!(NothingToDo, why = format!("{id} holds the role {role} with this scope already")));
    }
    Ok(account)
}

/// Who scores for an agency belongs to one that can be appraised; who surveys belongs to a body that cannot be.
fn check_fits(d: &Deciding<'_>, role: Role, agency: &AgencyId) -> Result<(), Refusal> {
    match role {
        Role::AgencyOfficer | Role::AgencyLeader if d.agency(agency)?.body => {
            Err(refuse!(BodyNotAppraised, agency = agency))
        }
        Role::SurveyOperator | Role::SurveyMonitor if !d.agency(agency)?.body => {
            Err(refuse!(BodyRequired, agency = agency, what = format!("the agency of a {role}")))
        }
        Role::AgencyOfficer
        | Role::AgencyLeader
        | Role::SurveyOperator
        | Role::SurveyMonitor
        | Role::Reviewer
        | Role::Confirmer
        | Role::CouncilMember
        | Role::CouncilChair
        | Role::Secretariat
        | Role::Administrator
        | Role::Inspector => Ok(()),
    }
}

/// Ends a role, and withdraws proposals of it.
pub(crate) fn revoke_role(d: &Deciding<'_>, c: &RevokeRole) -> Result<(), Refusal> {
    let account = d.account(&c.account)?;
    let held = account.grants.iter().any(|g| g.role == c.role && g.scope.season == c.season);
    let proposed = account.proposals.iter().any(|p| p.role == c.role && p.scope.season == c.season);
    if !held && !proposed {
        let place = c.season.as_ref().map_or_else(|| "for the whole register".to_owned(), |s| format!("in {s}"));
        return Err(refuse!(NothingToDo, why = format!("{} does not hold the role {} {place}", c.account, c.role)));
    }
    if c.role == Role::Administrator && c.season.is_none() && account.administers_for_good() {
        another_administrator(d, &c.account)?;
    }
    let event =
        RoleRevoked { role: c.role, season: c.season.clone(), reason: d.seal("reason", &c.reason)?, by: d.by() };
    d.push(Stream::Account(c.account.clone()), event);
    Ok(())
}

/// A register without an administrator could never open an account again. The other one is noted as looked at, so that
/// two revocations at once cannot each rely on the other's account.
fn another_administrator(d: &Deciding<'_>, leaving: &AccountId) -> Result<(), Refusal> {
    let other = d.world.accounts.iter().find(|(id, account)| *id != leaving && account.administers_for_good());
    match other {
        Some((id, _)) => {
            d.read(Stream::Account(id.clone()));
            Ok(())
        }
        None => Err(refuse!(LastAdministrator, account = leaving)),
    }
}

// ---- delegation ---------------------------------------------------------------------------------------------------

/// The caller lets another act for it. Only its own roles: a delegate acts by the delegator's roles, never hands them on.
pub(crate) fn delegate(d: &Deciding<'_>, c: &Delegate) -> Result<(), Refusal> {
    let own = open_account(d, &d.envelope.account)?;
    if c.to == d.envelope.account {
        return Err(refuse!(Invalid, field = "to", value = &c.to, why = "it is the account itself"));
    }
    open_account(d, &c.to)?;
    if c.from >= c.until {
        return Err(refuse!(Invalid, field = "until", value = c.until, why = format!("it must lie after {}", c.from)));
    }
    if c.until > c.from.plus_micros(DELEGATION_DAYS_MAX * DAY_MICROS) {
        let why = format!("a delegation lasts at most {DELEGATION_DAYS_MAX} days from {}", c.from);
        return Err(refuse!(Invalid, field = "until", value = c.until, why = why));
    }
    if own.delegations.iter().any(|x| x.to == c.to && x.from <= c.from && c.until <= x.until) {
        return Err(refuse!(NothingToDo, why = format!("{} may act for this account in that time already", c.to)));
    }
    check_count("delegations", own.delegations.len() + 1, HELD_MAX)?;
    let event = DelegationGranted {
        to: c.to.clone(),
        from: c.from,
        until: c.until,
        reason: d.seal("reason", &c.reason)?,
    };
    d.push(Stream::Account(d.envelope.account.clone()), event);
    Ok(())
}

pub(crate) fn revoke_delegation(d: &Deciding<'_>, c: &RevokeDelegation) -> Result<(), Refusal> {
    let own = open_account(d, &d.envelope.account)?;
    if !own.delegations.iter().any(|x| x.to == c.to) {
        return Err(refuse!(NothingToDo, why = format!("{} has no delegation from this account", c.to)));
    }
    d.push(Stream::Account(d.envelope.account.clone()), DelegationRevoked { to: c.to.clone() });
    Ok(())
}

// ---- transfer, linking, closing -----------------------------------------------------------------------------------

/// Moves an account to another agency from when the act happened. Its roles stay, so they must fit there.
pub(crate) fn transfer(d: &Deciding<'_>, c: &TransferAccount) -> Result<(), Refusal> {
    let account = open_account(d, &c.account)?;
    let old = account.agency.clone().ok_or_else(|| refuse!(Unknown, what = "account", id = &c.account))?;
    if authority::deciders(d).contains(&c.account) {
        return Err(refuse!(OwnAccount, account = &c.account, what = "a transfer to another agency"));
    }
    if old == c.agency {
        return Err(refuse!(NothingToDo, why = format!("{} acts for {} already", c.account, c.agency)));
    }
    agency::check_living(d, &c.agency)?;
    let from = d.envelope.occurred.unwrap_or(d.received);
    if let Some((former, since)) = account.left.last()
        && from < *since
    {
        let why = format!("the account left {former} at {since}");
        return Err(refuse!(Invalid, field = "occurred", value = from, why = why));
    }
    for grant in &account.grants {
        check_fits(d, grant.role, &c.agency)?;
    }
    check_count("transfers", account.left.len() + 1, HELD_MAX)?;
    let event = AccountTransferred { old, new: c.agency.clone(), from, by: d.by() };
    d.push(Stream::Account(c.account.clone()), event);
    Ok(())
}

/// Links two accounts of one person. Only bars follow from it, so there is no way back.
pub(crate) fn link(d: &Deciding<'_>, c: &LinkAccounts) -> Result<(), Refusal> {
    let (one, other) = (d.account(&c.account)?, d.account(&c.with)?);
    if c.account == c.with {
        return Err(refuse!(Invalid, field = "with", value = &c.with, why = "it is the account itself"));
    }
    if one.linked.contains(&c.with) {
        return Err(refuse!(NothingToDo, why = format!("{} and {} are linked already", c.account, c.with)));
    }
    check_count("links", one.linked.len().max(other.linked.len()) + 1, HELD_MAX)?;
    for (account, with) in [(&c.account, &c.with), (&c.with, &c.account)] {
        d.push(Stream::Account(account.clone()), AccountLinked { with: with.clone(), by: d.by() });
    }
    Ok(())
}

pub(crate) fn close(d: &Deciding<'_>, c: &CloseAccount) -> Result<(), Refusal> {
    let account = d.account(&c.account)?;
    if account.closed {
        return Err(refuse!(NothingToDo, why = format!("{} is closed already", c.account)));
    }
    if account.administers_for_good() {
        another_administrator(d, &c.account)?;
    }
    let event = AccountClosed { reason: d.seal("reason", &c.reason)?, by: d.by() };
    d.push(Stream::Account(c.account.clone()), event);
    Ok(())
}
