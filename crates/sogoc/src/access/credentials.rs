//! Passwords and subjects: set and removed by their holder, by an administrator, or on the console. Every change is recorded
//! first.

use sogoc_domain::event::{Credential, CredentialChange, CredentialSet, Hand, SignInEvent, SignInUnlocked};
use sogoc_domain::refusal::{Code, Refusal, Said};
use sogoc_domain::roles::Role;
use sogoc_domain::values::AccountId;

use super::passwords::Password;
use super::store::{self, Change};
use super::{Access, Caller, Denied};

/// Longest issuer and subject, in bytes (OpenID Connect Core §2 bounds a subject at 255).
const SUBJECT_BYTES_MAX: usize = 255;

impl Access {
    /// Sets a password: one's own, with the present one, or another's by an administrator. Ends all sessions of the account.
    ///
    /// # Errors
    /// `password-too-weak`; `sign-in-failed` where the present one does not fit; `console-only` for an account whose role
    /// nobody gives alone; `role-missing`, `second-factor-required`; what cannot be recorded.
    pub(crate) async fn set_password(
        &self,
        by: &Caller,
        account: &AccountId,
        current: Option<&str>,
        new: &str,
    ) -> Result<(), Denied> {
        let own = by.in_person()? == account;
        if !own {
            self.administers_credentials(by, account, "set-password")?;
        }
        let new = Password::try_new(new, account)?;
        let seen = if own {
            let current = current.ok_or_else(|| Refusal::new(Code::Missing).with("field", "current_password"))?;
            let credentials = self.show_password(account, current).await?;
            if credentials.second_factor().is_some() && !by.second_factor {
                let why = Said::new("one is set up", "đã bật xác thực hai lớp");
                return Err(Refusal::new(Code::SecondFactorRequired)
                    .with("account", account)
                    .with_said("why", &why)
                    .into());
            }
            Some(credentials.changes)
        } else {
            self.must_be_open(account)?;
            None
        };
        let hand = Hand::Account(by.signed_in()?.clone());
        self.change_password(account, seen, new, hand).await
    }

    /// Sets a password on the console: by whoever has the store, which the entry says.
    ///
    /// # Errors
    /// `password-too-weak`, `account-inactive`, what cannot be recorded.
    pub(crate) async fn set_password_on_console(&self, account: &AccountId, new: &str) -> Result<(), Denied> {
        self.must_be_open(account)?;
        let new = Password::try_new(new, account)?;
        self.change_password(account, None, new, Hand::Console).await
    }

    async fn change_password(
        &self,
        account: &AccountId,
        seen: Option<i64>,
        new: Password,
        hand: Hand,
    ) -> Result<(), Denied> {
        let digest = self.inner.hasher.hash(new, self.inner.app.random()).await?;
        self.record(account, Credential::Password, CredentialChange::Set, hand, None).await?;
        self.change(account, seen, Change::Password(&digest)).await
    }

    /// Links a subject at an OpenID provider to an account, in place of an earlier one: by an administrator.
    ///
    /// # Errors
    /// `already-exists` for a subject of another account, `console-only`, `role-missing`, `second-factor-required`, what
    /// cannot be recorded.
    pub(crate) async fn link_subject(
        &self,
        by: &Caller,
        account: &AccountId,
        issuer: &str,
        subject: &str,
    ) -> Result<(), Denied> {
        self.administers_credentials(by, account, "link-subject")?;
        let hand = Hand::Account(by.signed_in()?.clone());
        self.link(account, issuer, subject, hand).await
    }

    /// Links a subject on the console.
    ///
    /// # Errors
    /// `already-exists` for a subject of another account, `account-inactive`, what cannot be recorded.
    pub(crate) async fn link_subject_on_console(
        &self,
        account: &AccountId,
        issuer: &str,
        subject: &str,
    ) -> Result<(), Denied> {
        self.link(account, issuer, subject, Hand::Console).await
    }

    async fn link(&self, account: &AccountId, issuer: &str, subject: &str, hand: Hand) -> Result<(), Denied> {
        self.must_be_open(account)?;
        for (field, value) in [("issuer", issuer), ("subject", subject)] {
            check_part(field, value)?;
        }
        let key = subject_key(issuer, subject);
        match store::account_of_subject(self.pool(), &key).await? {
            Some((holder,)) if holder == account.as_str() => {
                let why = Said::new("the subject is linked to this account", "đã liên kết với tài khoản này");
                return Err(Refusal::new(Code::NothingToDo).with_said("why", &why).into());
            }
            Some(_) => return Err(subject_taken(subject)),
            None => {}
        }
        self.record(account, Credential::Subject, CredentialChange::Set, hand, None).await?;
        match self.change(account, None, Change::Subject(&key)).await {
            // Somebody linked it to another account at this moment.
            Err(Denied::Refusal(refusal)) if refusal.code == Code::AlreadyExists => Err(subject_taken(subject)),
            other => other,
        }
    }

    /// Removes the link to a subject: by an administrator.
    ///
    /// # Errors
    /// `nothing-to-do`, `console-only`, `role-missing`, `second-factor-required`, what cannot be recorded.
    pub(crate) async fn unlink_subject(&self, by: &Caller, account: &AccountId) -> Result<(), Denied> {
        self.administers_credentials(by, account, "unlink-subject")?;
        if !matches!(store::subject_of_account(self.pool(), account).await?, Some((Some(_),))) {
            let why = Said::new("no subject is linked", "chưa liên kết");
            return Err(Refusal::new(Code::NothingToDo).with_said("why", &why).into());
        }
        let hand = Hand::Account(by.signed_in()?.clone());
        self.record(account, Credential::Subject, CredentialChange::Removed, hand, None).await?;
        self.change(account, None, Change::RemoveSubject).await
    }

    /// Lifts a lock on the console. False where there was none to lift, and then nothing is recorded.
    ///
    /// # Errors
    /// `account-inactive`, what cannot be recorded.
    pub(crate) async fn unlock_on_console(&self, account: &AccountId) -> Result<bool, Denied> {
        self.must_be_open(account)?;
        let credentials = store::credentials(self.pool(), account).await?;
        if !credentials.is_some_and(|c| c.failures > 0 || c.locked_until_us > 0) {
            return Ok(false);
        }
        let event = SignInEvent::SignInUnlocked(SignInUnlocked { by: Hand::Console });
        self.inner.app.record_sign_in(account, event).await?;
        Ok(store::unlock(self.pool(), account).await?)
    }

    /// Records a change of credentials, before it is made.
    pub(super) async fn record(
        &self,
        account: &AccountId,
        credential: Credential,
        change: CredentialChange,
        by: Hand,
        token: Option<&str>,
    ) -> Result<(), Denied> {
        let event = CredentialSet { credential, change, by, token: token.map(str::to_owned) };
        Ok(self.inner.app.record_sign_in(account, SignInEvent::CredentialSet(event)).await?)
    }

    /// Makes a change that is recorded, and ends the account's sessions.
    pub(super) async fn change(
        &self,
        account: &AccountId,
        seen: Option<i64>,
        change: Change<'_>,
    ) -> Result<(), Denied> {
        let changed = match store::change(self.pool(), account, seen, change, self.now_us()).await {
            Ok(changed) => changed,
            Err(error) if error.as_database_error().is_some_and(|e| e.is_unique_violation()) => {
                return Err(Refusal::new(Code::AlreadyExists).with("what", "subject").with("id", account).into());
            }
            Err(error) => return Err(error.into()),
        };
        self.forget_found();
        // Changed by somebody else since it was looked at.
        if changed { Ok(()) } else { Err(Refusal::new(Code::Contended).with("tries", 1).into()) }
    }

    /// That the account is one that can sign in.
    pub(super) fn must_be_open(&self, account: &AccountId) -> Result<(), Denied> {
        let why = match self.inner.app.register().world().accounts.get(account) {
            None => Said::new("it is not in the register", "không có trong sổ"),
            Some(found) if found.closed => Said::new("it was closed", "đã đóng"),
            Some(_) => return Ok(()),
        };
        Err(Refusal::new(Code::AccountInactive).with("account", account).with_said("why", &why).into())
    }

    /// That a caller administers accounts, over the whole register, and has shown a second factor where that is demanded.
    pub(super) fn administers(&self, by: &Caller, what: &str) -> Result<(), Denied> {
        let account = by.in_person()?;
        let now = self.inner.app.now();
        let held: Vec<Role> = self.with_open(account, |account| account.roles(None, now).collect()).unwrap_or_default();
        if !held.contains(&Role::Administrator) {
            let held: Vec<_> = held.iter().map(|role| role.as_str()).collect();
            return Err(Refusal::new(Code::RoleMissing)
                .with("account", account)
                .with("command", what)
                .with("needed", Role::Administrator)
                .with("held", if held.is_empty() { "none".to_owned() } else { held.join(", ") })
                .into());
        }
        by.has_shown_what(self.demanding_role(account))
    }

    /// That a caller may change what another account signs in with. Where that account has a role that nobody gives alone,
    /// nobody takes it over alone either (invariant 7): whoever sets its password could act as it.
    pub(super) fn administers_credentials(&self, by: &Caller, account: &AccountId, what: &str) -> Result<(), Denied> {
        self.administers(by, what)?;
        match self.weighty_role(account) {
            Some(role) => Err(Refusal::new(Code::ConsoleOnly).with("account", account).with("role", role).into()),
            None => Ok(()),
        }
    }
}

/// How a subject stands in its table.
pub(super) fn subject_key(issuer: &str, subject: &str) -> String {
    format!("{issuer}\n{subject}")
}

fn subject_taken(subject: &str) -> Denied {
    Refusal::new(Code::AlreadyExists).with("what", "subject").with("id", subject).into()
}

fn check_part(field: &'static str, value: &str) -> Result<(), Refusal> {
    let bad = |why: Said| {
        Refusal::new(Code::Invalid)
            .with("field", field)
            .with("value", value.chars().take(64).collect::<String>())
            .with_said("why", &why)
    };
    if value.is_empty() {
        return Err(Refusal::new(Code::Missing).with("field", field));
    }
    if value.len() > SUBJECT_BYTES_MAX {
        return Err(bad(Said::new(
            format!("at most {SUBJECT_BYTES_MAX} bytes"),
            format!("tối đa {SUBJECT_BYTES_MAX} byte"),
        )));
    }
    if value.chars().any(char::is_control) {
        return Err(bad(Said::new("no control characters", "không chứa ký tự điều khiển")));
    }
    Ok(())
}
