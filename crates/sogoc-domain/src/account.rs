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
    AccountClosed, AccountEvent, AccountLinked, AccountOpened, AccountTransferred, DelegationGranted,
    DelegationRevoked, RoleGranted, RoleProposed, RoleRevoked,
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
    /// Accounts of the same person that were linked to it directly; `authority::persons` follows them to all.
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
        return Err(refuse!(
            Invalid,
            field = "approver_role",
            value = c.approver_role,
            why = "it must be council-chair or administrator"
        ));
    }
    instrument::register(d, &c.instrument)?;
    let one_agency = c.administrator.agency == c.approver.agency;
    if one_agency && c.administrator_agency != c.approver_agency {
        return Err(refuse!(
            Invalid,
            field = "approver_agency",
            value = &c.approver_agency.vi,
            why = "both accounts belong to one agency, which has one name"
        ));
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
    let event = RoleGranted { role: c.role, scope: c.scope.clone(), by: d.by(), proposed_by: None, founding: false };
    d.push(Stream::Account(c.account.clone()), event);
    Ok(())
}

pub(crate) fn propose_role(d: &Deciding<'_>, c: &ProposeRole) -> Result<(), Refusal> {
    if !c.role.needs_two() {
        return Err(refuse!(
            Invalid,
            field = "role",
            value = c.role,
            why = "one administrator may grant it: use grant-role"
        ));
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
    let event =
        DelegationGranted { to: c.to.clone(), from: c.from, until: c.until, reason: d.seal("reason", &c.reason)? };
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

/// A founded register to try commands on, for the tests of this crate.
#[cfg(test)]
pub(crate) mod trial {
    use std::sync::Arc;

    use serde_json::{Value, json};
    use uuid::Uuid;

    use crate::Surroundings;
    use crate::command::{Command, Envelope};
    use crate::decide::{AnnouncementFacts, Context, Decision, EditionFacts, LeafMark, Record, TextMark, decide};
    use crate::event::Event;
    use crate::evidence::{EvidenceUse, Found};
    use crate::refusal::{Code, Refusal};
    use crate::roles::Role;
    use crate::stream::Stream;
    use crate::values::{AgencyId, Digest, LeafId, Sealed, Sealer, SeasonId, Text, Timestamp};
    use crate::world::World;

    /// Midnight UTC so many days after 2022-10-01.
    pub(crate) fn day(n: i64) -> Timestamp {
        Timestamp::parse("2022-10-01T00:00:00Z").unwrap().plus_micros(n * super::DAY_MICROS)
    }

    /// What the trial's sealer makes of a text.
    pub(crate) fn seal(text: &str) -> Sealed {
        let mut out = [0; 32];
        text.bytes().enumerate().for_each(|(i, b)| out[i % 32] ^= b);
        Digest(out)
    }

    pub(crate) fn code_of<T: std::fmt::Debug>(result: Result<T, Refusal>) -> Code {
        result.expect_err("a refusal").code
    }

    struct PlainSealer;

    impl Sealer for PlainSealer {
        fn seal(&self, text: &Text) -> Sealed {
            seal(text.as_str())
        }
    }

    struct NoRecord;

    impl Record for NoRecord {
        fn leaf_mark(&self, _: &SeasonId, _: &AgencyId, _: &LeafId) -> Option<LeafMark> {
            None
        }
        fn text_marks(&self, texts: &[Sealed]) -> Vec<Option<TextMark>> {
            let card = Stream::parse("scorecard/s/so-a").unwrap();
            vec![Some(TextMark { streams: [card].into(), accounts: [].into() }); texts.len()]
        }
        fn evidence_uses(&self, _: &Digest) -> Vec<EvidenceUse> {
            let use_of_a = EvidenceUse { season: "s".parse().unwrap(), agency: "so-a".parse().unwrap(), number: 1 };
            vec![use_of_a]
        }
        fn announcement(&self, _: &SeasonId) -> AnnouncementFacts {
            AnnouncementFacts { as_of: 100, streams_root: Digest([0; 32]), streams: 1 }
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

    /// A world and the instant at which commands are taken in.
    #[derive(Clone)]
    pub(crate) struct Trial {
        pub(crate) world: World,
        pub(crate) received: Timestamp,
    }

    /// The founding of a register: `admin` at the agency `so-it`, `chair` at the body `ubnd-tinh`.
    pub(crate) fn founding() -> Value {
        json!({
            "type": "found-register",
            "administrator_agency": {"vi": "Sở Thông tin"},
            "administrator": {"account": "admin", "agency": "so-it", "name": "Quản trị viên"},
            "approver_agency": {"vi": "Ủy ban nhân dân tỉnh"},
            "approver": {"account": "chair", "agency": "ubnd-tinh", "name": "Chủ tịch Hội đồng"},
            "approver_role": "council-chair",
            "approver_body": true,
            "instrument": {"id": "qd-1", "number": "1/QĐ", "date": "2022-10-01", "issuer": "UBND tỉnh"},
        })
    }

    impl Trial {
        pub(crate) fn empty() -> Self {
            Self { world: World::default(), received: day(30) }
        }

        pub(crate) fn founded() -> Self {
            let mut t = Self::empty();
            t.by("admin", founding()).unwrap();
            t
        }

        pub(crate) fn envelope(&self, account: &str, command: Value) -> Envelope {
            let command: Command = serde_json::from_value(command.clone()).unwrap_or_else(|e| panic!("{e}: {command}"));
            Envelope {
                account: account.parse().unwrap(),
                command_id: Uuid::nil(),
                on_behalf_of: None,
                capacity: None,
                seen: None,
                instrument: None,
                occurred: None,
                command,
            }
        }

        pub(crate) fn envelope_on_instrument(&self, account: &str, command: Value) -> Envelope {
            let instrument = serde_json::from_value(json!({"id": "qd-1"})).unwrap();
            Envelope { instrument: Some(instrument), ..self.envelope(account, command) }
        }

        /// Decides without recording.
        pub(crate) fn judge(&self, envelope: &Envelope) -> Result<Decision, Refusal> {
            let context = Context {
                world: &self.world,
                record: &NoRecord,
                received: self.received,
                sealer: &PlainSealer,
                found: &Found::Nothing,
            };
            decide(envelope, &context)
        }

        pub(crate) fn send(&mut self, envelope: &Envelope) -> Result<Decision, Refusal> {
            let decision = self.judge(envelope)?;
            decision.events.iter().for_each(|(stream, event)| self.world.apply(stream, event));
            Ok(decision)
        }

        pub(crate) fn by(&mut self, account: &str, command: Value) -> Result<Decision, Refusal> {
            self.send(&self.envelope(account, command))
        }

        pub(crate) fn on_behalf(&mut self, account: &str, of: &str, command: Value) -> Result<Decision, Refusal> {
            let envelope = Envelope { on_behalf_of: Some(of.parse().unwrap()), ..self.envelope(account, command) };
            self.send(&envelope)
        }

        pub(crate) fn admin(&mut self, command: Value) -> Result<Decision, Refusal> {
            self.by("admin", command)
        }

        pub(crate) fn on_instrument(&mut self, command: Value) -> Result<Decision, Refusal> {
            self.send(&self.envelope_on_instrument("admin", command))
        }

        pub(crate) fn agency(&mut self, id: &str, body: bool) {
            self.admin(json!({"type": "register-agency", "agency": id, "name": {"vi": id}, "body": body})).unwrap();
        }

        /// Opens an account and gives it roles, heavy ones by two.
        pub(crate) fn account(&mut self, id: &str, agency: &str, roles: &[Role]) {
            let account = json!({"account": id, "agency": agency, "name": "Chức danh"});
            self.admin(json!({"type": "open-account", "account": account})).unwrap();
            for role in roles {
                if role.needs_two() {
                    self.admin(json!({"type": "propose-role", "account": id, "role": role})).unwrap();
                    self.by("chair", json!({"type": "approve-role", "account": id, "role": role})).unwrap();
                } else {
                    self.admin(json!({"type": "grant-role", "account": id, "role": role})).unwrap();
                }
            }
        }

        /// Records an event without a decision.
        pub(crate) fn record(&mut self, stream: &str, event: impl Into<Event>) {
            self.world.apply(&Stream::parse(stream).unwrap(), &event.into());
        }

        pub(crate) fn surroundings(&self, stream: &str) -> Surroundings {
            Surroundings {
                world: Arc::new(self.world.clone()),
                stream: Stream::parse(stream).unwrap(),
                record: Arc::new(NoRecord),
                received: self.received,
                sealer: Arc::new(PlainSealer),
                found: Arc::default(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::refusal::Code;
    use crate::roles::Role;

    use super::trial::{Trial, code_of, day, founding};
    use super::*;

    fn trial() -> Trial {
        let mut t = Trial::founded();
        t.agency("so-a", false);
        t.agency("so-b", false);
        t.agency("buu-dien", true);
        t.account("an", "so-a", &[]);
        t.account("binh", "so-b", &[]);
        t
    }

    fn roles(t: &Trial, account: &str) -> Vec<Role> {
        t.world.accounts[account].roles(None, t.received).collect()
    }

    fn role(command: &str, account: &str, role: Role) -> serde_json::Value {
        json!({"type": command, "account": account, "role": role})
    }

    // -- founding

    #[test]
    fn the_founding_enters_two_accounts_on_an_instrument() {
        let mut t = Trial::empty();
        let decision = t.by("admin", founding()).unwrap();
        let kinds: Vec<_> = decision.events.iter().map(|(s, e)| format!("{s} {}", e.kind())).collect();
        assert_eq!(
            kinds,
            [
                "instrument/qd-1 instrument-registered",
                "agency/so-it agency-registered",
                "agency/ubnd-tinh agency-registered",
                "account/admin account-opened",
                "account/chair account-opened",
                "account/admin role-granted",
                "account/chair role-granted",
            ]
        );
        assert_eq!(decision.role, None);
        assert_eq!(roles(&t, "admin"), [Role::Administrator]);
        assert_eq!(roles(&t, "chair"), [Role::CouncilChair]);
        assert!(t.world.agencies["ubnd-tinh"].body && !t.world.agencies["so-it"].body);
        assert!(decision.events.iter().all(|(stream, _)| decision.reads.contains(stream)));
    }

    #[test]
    fn two_accounts_of_one_agency_enter_it_once() {
        let mut t = Trial::empty();
        let mut one = founding();
        one["approver"]["agency"] = json!("so-it");
        assert_eq!(code_of(t.by("admin", one.clone())), Code::Invalid);
        one["approver_agency"] = one["administrator_agency"].clone();
        let decision = t.by("admin", one).unwrap();
        assert_eq!(decision.events.iter().filter(|(_, e)| e.kind() == "agency-registered").count(), 1);
    }

    #[test]
    fn a_register_is_founded_once_and_first() {
        let mut t = Trial::empty();
        let early = json!({"type": "register-agency", "agency": "so-a", "name": {"vi": "Sở A"}});
        assert_eq!(code_of(t.by("admin", early)), Code::NotFounded);
        assert_eq!(code_of(t.by("chair", founding())), Code::Invalid);
        let mut alone = founding();
        alone["approver"]["account"] = json!("admin");
        assert_eq!(code_of(t.by("admin", alone)), Code::Invalid);
        let mut weak = founding();
        weak["approver_role"] = json!("inspector");
        assert_eq!(code_of(t.by("admin", weak)), Code::Invalid);
        t.by("admin", founding()).unwrap();
        assert_eq!(code_of(t.by("admin", founding())), Code::AlreadyFounded);
    }

    // -- roles

    #[test]
    fn nobody_grants_a_heavy_role_alone() {
        let mut t = trial();
        for heavy in [Role::CouncilMember, Role::CouncilChair, Role::Secretariat, Role::Administrator] {
            assert_eq!(code_of(t.admin(role("grant-role", "an", heavy))), Code::NeedsTwo);
            assert_eq!(code_of(t.by("chair", role("approve-role", "an", heavy))), Code::Unknown);
            t.admin(role("propose-role", "an", heavy)).unwrap();
            assert_eq!(code_of(t.admin(role("approve-role", "an", heavy))), Code::SecondPerson);
            assert!(!roles(&t, "an").contains(&heavy));
            t.by("chair", role("approve-role", "an", heavy)).unwrap();
            assert!(roles(&t, "an").contains(&heavy));
        }
        assert!(t.world.accounts["an"].proposals.is_empty());
        assert_eq!(code_of(t.admin(role("propose-role", "an", Role::Inspector))), Code::Invalid);
    }

    #[test]
    fn two_accounts_of_one_person_are_not_two_people() {
        let mut t = trial();
        t.account("admin-2", "so-b", &[Role::Administrator]);
        // admin ~ binh ~ admin-2: the same person over two links.
        t.admin(json!({"type": "link-accounts", "account": "admin", "with": "binh"})).unwrap();
        t.admin(json!({"type": "link-accounts", "account": "binh", "with": "admin-2"})).unwrap();
        t.admin(role("propose-role", "an", Role::Secretariat)).unwrap();
        assert_eq!(code_of(t.by("admin-2", role("approve-role", "an", Role::Secretariat))), Code::SecondPerson);
        t.by("chair", role("approve-role", "an", Role::Secretariat)).unwrap();
    }

    #[test]
    fn a_delegate_is_bound_by_the_bars_of_its_delegator() {
        let mut t = trial();
        t.account("admin-2", "so-b", &[Role::Administrator]);
        let leave = json!({"type": "delegate", "to": "an", "from": day(1), "until": day(60), "reason": "Nghỉ phép"});
        t.admin(leave.clone()).unwrap();
        t.by("admin-2", leave).unwrap();
        t.on_behalf("an", "admin", role("propose-role", "binh", Role::Secretariat)).unwrap();
        // The proposal binds the delegator, and the delegate again when it acts for another.
        for (account, of) in [("admin", None), ("an", Some("admin-2"))] {
            let approve = role("approve-role", "binh", Role::Secretariat);
            let result = match of {
                None => t.by(account, approve),
                Some(of) => t.on_behalf(account, of, approve),
            };
            assert_eq!(code_of(result), Code::SecondPerson, "{account}");
        }
        t.by("admin-2", role("approve-role", "binh", Role::Secretariat)).unwrap();
    }

    #[test]
    fn nobody_gives_a_role_to_itself() {
        let mut t = trial();
        t.account("admin-2", "so-b", &[Role::Administrator]);
        assert_eq!(code_of(t.admin(role("grant-role", "admin", Role::Inspector))), Code::OwnAccount);
        assert_eq!(code_of(t.admin(role("propose-role", "admin", Role::Secretariat))), Code::OwnAccount);
        t.admin(role("propose-role", "admin-2", Role::Secretariat)).unwrap();
        assert_eq!(code_of(t.by("admin-2", role("approve-role", "admin-2", Role::Secretariat))), Code::OwnAccount);
        t.admin(json!({"type": "link-accounts", "account": "admin", "with": "an"})).unwrap();
        assert_eq!(code_of(t.admin(role("grant-role", "an", Role::Inspector))), Code::OwnAccount);
        // Linked after the proposal.
        t.admin(json!({"type": "link-accounts", "account": "admin", "with": "admin-2"})).unwrap();
        assert_eq!(code_of(t.by("chair", role("approve-role", "admin-2", Role::Secretariat))), Code::OwnAccount);
    }

    #[test]
    fn agency_roles_are_for_agencies_and_survey_roles_for_bodies_outside() {
        let mut t = trial();
        t.account("khao-sat", "buu-dien", &[Role::SurveyOperator, Role::SurveyMonitor]);
        for outside in [Role::SurveyOperator, Role::SurveyMonitor] {
            assert_eq!(code_of(t.admin(role("grant-role", "an", outside))), Code::BodyRequired);
        }
        for inside in [Role::AgencyOfficer, Role::AgencyLeader] {
            assert_eq!(code_of(t.admin(role("grant-role", "khao-sat", inside))), Code::BodyNotAppraised);
        }
        let into = json!({"type": "transfer-account", "account": "khao-sat", "agency": "so-a"});
        assert_eq!(code_of(t.admin(into)), Code::BodyRequired);
    }

    #[test]
    fn a_role_holds_in_its_season_and_time() {
        let mut t = trial();
        let scope = json!({"season": "s-1", "from": day(10), "until": day(20)});
        let mut grant = role("grant-role", "an", Role::Reviewer);
        grant["scope"] = scope.clone();
        t.admin(grant.clone()).unwrap();
        assert_eq!(code_of(t.admin(grant)), Code::NothingToDo);
        let an = &t.world.accounts["an"];
        let (one, two): (SeasonId, SeasonId) = ("s-1".parse().unwrap(), "s-2".parse().unwrap());
        let holds = |season: Option<&SeasonId>, n: i64| an.roles(season, day(n)).any(|r| r == Role::Reviewer);
        assert!(holds(Some(&one), 10) && holds(Some(&one), 19));
        assert!(!holds(Some(&one), 9) && !holds(Some(&one), 20), "half-open");
        assert!(!holds(Some(&two), 15) && !holds(None, 15));
        let mut empty = role("grant-role", "an", Role::Confirmer);
        empty["scope"] = json!({"from": day(10), "until": day(10)});
        assert_eq!(code_of(t.admin(empty)), Code::Invalid);
    }

    #[test]
    fn an_administrator_of_a_season_grants_within_it_only() {
        let mut t = trial();
        let mut heavy = role("propose-role", "binh", Role::Administrator);
        heavy["scope"] = json!({"season": "s-1"});
        t.admin(heavy.clone()).unwrap();
        heavy["type"] = json!("approve-role");
        t.by("chair", heavy).unwrap();
        let mut grant = role("grant-role", "an", Role::Inspector);
        assert_eq!(code_of(t.by("binh", grant.clone())), Code::RoleMissing);
        grant["scope"] = json!({"season": "s-1"});
        t.by("binh", grant).unwrap();
    }

    #[test]
    fn a_revoked_role_holds_no_more() {
        let mut t = trial();
        t.admin(role("grant-role", "an", Role::Inspector)).unwrap();
        let mut revoke = role("revoke-role", "an", Role::Inspector);
        revoke["reason"] = json!("Chuyển công tác");
        t.admin(revoke.clone()).unwrap();
        assert!(roles(&t, "an").is_empty());
        assert_eq!(code_of(t.admin(revoke)), Code::NothingToDo);
    }

    #[test]
    fn the_last_administrator_stays() {
        let mut t = trial();
        let mut revoke = role("revoke-role", "admin", Role::Administrator);
        revoke["reason"] = json!("Thôi việc");
        assert_eq!(code_of(t.admin(revoke.clone())), Code::LastAdministrator);
        let close = json!({"type": "close-account", "account": "admin", "reason": "Thôi việc"});
        assert_eq!(code_of(t.admin(close.clone())), Code::LastAdministrator);
        // One whose role ends does not replace the last one.
        let mut limited = role("propose-role", "an", Role::Administrator);
        limited["scope"] = json!({"until": day(90)});
        t.admin(limited.clone()).unwrap();
        limited["type"] = json!("approve-role");
        t.by("chair", limited).unwrap();
        assert_eq!(code_of(t.by("an", revoke.clone())), Code::LastAdministrator);
        t.account("admin-2", "so-b", &[Role::Administrator]);
        let decision = t.by("admin-2", revoke).unwrap();
        assert!(
            decision.reads.contains(&Stream::Account("admin-2".parse().unwrap())),
            "concurrent revocations conflict"
        );
        assert_eq!(
            code_of(t.by("admin-2", json!({"type": "close-account", "account": "admin-2", "reason": "x"}))),
            Code::LastAdministrator
        );
    }

    // -- delegation

    #[test]
    fn a_delegation_lasts_for_its_time_and_at_most_a_year() {
        let mut t = trial();
        t.account("lan", "so-a", &[Role::AgencyLeader]);
        let grant =
            |from, until| json!({"type": "delegate", "to": "an", "from": from, "until": until, "reason": "Nghỉ phép"});
        assert_eq!(code_of(t.by("lan", grant(day(5), day(5)))), Code::Invalid);
        assert_eq!(code_of(t.by("lan", grant(day(0), day(367)))), Code::Invalid);
        t.by("lan", grant(day(0), day(366))).unwrap();
        assert_eq!(code_of(t.by("lan", grant(day(3), day(4)))), Code::NothingToDo);
        let lan = &t.world.accounts["lan"];
        let an: AccountId = "an".parse().unwrap();
        assert!(lan.delegates_to(&an, day(365)) && !lan.delegates_to(&an, day(366)));
        t.by("lan", json!({"type": "revoke-delegation", "to": "an"})).unwrap();
        assert_eq!(code_of(t.by("lan", json!({"type": "revoke-delegation", "to": "an"}))), Code::NothingToDo);
    }

    #[test]
    fn a_delegate_cannot_hand_a_delegation_on() {
        let mut t = trial();
        t.account("lan", "so-a", &[Role::AgencyLeader]);
        let grant =
            |to: &str| json!({"type": "delegate", "to": to, "from": day(0), "until": day(90), "reason": "Nghỉ phép"});
        assert_eq!(code_of(t.by("lan", grant("lan"))), Code::Invalid);
        assert_eq!(code_of(t.by("lan", grant("nobody"))), Code::Unknown);
        t.by("lan", grant("an")).unwrap();
        assert_eq!(code_of(t.on_behalf("an", "lan", grant("binh"))), Code::Invalid);
        // What `an` delegates are its own roles, and it has none.
        assert_eq!(code_of(t.by("an", grant("binh"))), Code::RoleMissing);
        assert_eq!(code_of(t.on_behalf("binh", "lan", role("grant-role", "an", Role::Inspector))), Code::NoDelegation);
    }

    // -- transfer, linking, closing

    #[test]
    fn a_transfer_keeps_the_agency_that_was_left() {
        let mut t = trial();
        t.account("lan", "so-a", &[Role::Reviewer]);
        let into = |agency: &str| json!({"type": "transfer-account", "account": "lan", "agency": agency});
        assert_eq!(code_of(t.admin(into("so-a"))), Code::NothingToDo);
        assert_eq!(code_of(t.admin(into("so-x"))), Code::Unknown);
        t.admin(into("so-b")).unwrap();
        let lan = &t.world.accounts["lan"];
        assert_eq!(lan.agency.as_ref().unwrap().as_str(), "so-b");
        assert_eq!(lan.left, [("so-a".parse().unwrap(), t.received)]);
        // A transfer that happened earlier than the one before it is out of order.
        let mut early = t.envelope("admin", into("so-a"));
        early.occurred = Some(day(1));
        assert_eq!(code_of(t.send(&early)), Code::Invalid);
        let own = json!({"type": "transfer-account", "account": "admin", "agency": "so-a"});
        assert_eq!(code_of(t.admin(own)), Code::OwnAccount);
    }

    #[test]
    fn a_link_is_recorded_in_both_streams_and_binds_over_any_number_of_steps() {
        let mut t = trial();
        t.account("lan", "so-a", &[]);
        let link = |a: &str, b: &str| json!({"type": "link-accounts", "account": a, "with": b});
        let decision = t.admin(link("an", "binh")).unwrap();
        assert_eq!(decision.events.len(), 2);
        t.admin(link("binh", "lan")).unwrap();
        assert_eq!(code_of(t.admin(link("binh", "an"))), Code::NothingToDo);
        assert_eq!(code_of(t.admin(link("an", "an"))), Code::Invalid);
        let person: Vec<_> = authority::persons(&t.world, &"lan".parse().unwrap()).into_iter().collect();
        assert_eq!(person.iter().map(AccountId::as_str).collect::<Vec<_>>(), ["an", "binh", "lan"]);
    }

    #[test]
    fn a_closed_account_acts_no_more() {
        let mut t = trial();
        t.account("lan", "so-a", &[Role::Administrator]);
        t.admin(json!({"type": "close-account", "account": "lan", "reason": "Nghỉ hưu"})).unwrap();
        assert!(roles(&t, "lan").is_empty());
        assert_eq!(code_of(t.by("lan", role("grant-role", "an", Role::Inspector))), Code::AccountInactive);
        assert_eq!(code_of(t.admin(role("grant-role", "lan", Role::Inspector))), Code::AccountInactive);
        assert_eq!(code_of(t.by("nobody", role("grant-role", "an", Role::Inspector))), Code::AccountInactive);
    }
}
