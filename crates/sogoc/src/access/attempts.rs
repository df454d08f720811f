//! Trying: sign-in by password and code, and whatever else somebody could guess at.
//!
//! **Shape.** A try is counted as a failure before anything is checked, and taken back when it succeeds. So tries at once, on
//! any number of nodes, are no more than those one after the other; a crash in between counts one too many, never one too few.

use std::net::IpAddr;

use sogoc_domain::event::{SignInEvent, SignInLocked};
use sogoc_domain::values::{AccountId, Timestamp};

use super::store::{self, Counted, Credentials, Locking, Opening, Shown};
use super::{Access, Denied, HOUR_US, MINUTE_US, NewSession, totp};

impl Access {
    /// Signs in with a local password, and with a code where a second factor is set up.
    ///
    /// # Errors
    /// `sign-in-failed` whatever did not fit, `too-many-attempts` for the source, an unavailable store, and beside the
    /// password a second factor that cannot be read.
    pub(crate) async fn sign_in(
        &self,
        account: &AccountId,
        password: &str,
        code: Option<&str>,
        from: Option<IpAddr>,
    ) -> Result<NewSession, Denied> {
        let ended = self.sign_in_uncounted(account, password, code, from).await;
        super::count(match &ended {
            Ok(_) => "ok",
            Err(Denied::Refusal(_)) => "failed",
            Err(Denied::Log(_)) => "unavailable",
        });
        ended
    }

    async fn sign_in_uncounted(
        &self,
        account: &AccountId,
        password: &str,
        code: Option<&str>,
        from: Option<IpAddr>,
    ) -> Result<NewSession, Denied> {
        let now = self.now_us();
        self.begin_from(from, now)?;
        let open = self.is_open(account);
        // For an account that is closed the same is done as for one that never was.
        let tried = if open { self.begin_try(account, Counted::WithPassword).await? } else { None };
        if tried.is_none() {
            store::begin_nothing(self.pool(), now).await?;
        }
        let digest = tried.as_ref().and_then(|credentials| credentials.password.as_deref());
        let password_fits = self.inner.hasher.verify(password, digest).await?;
        let Some(credentials) = tried else { return Err(Denied::failed()) };
        // A code is looked at only beside the password, so that nobody without it can use codes up.
        let shown = match (password_fits, credentials.second_factor()) {
            (false, _) => None,
            (true, None) => Some(None),
            (true, Some(stored)) => {
                self.shown(account, &credentials, stored, code.unwrap_or_default()).await?.map(Some)
            }
        };
        let Some(shown) = shown else {
            self.failed(account, &credentials).await;
            return Err(Denied::failed());
        };
        let (token, session) = self.secret();
        let expires_at_us = now + i64::from(self.inner.settings.session_hours) * HOUR_US;
        let second_factor = shown.is_some();
        let opening = Opening { digest: &session, account, second_factor, now_us: now, expires_at_us };
        if !store::succeed_and_open(self.pool(), credentials.changes, shown.as_ref(), opening).await? {
            // The code was used by another try, or the password was changed meanwhile.
            self.failed(account, &credentials).await;
            return Err(Denied::failed());
        }
        if let Some(from) = from {
            self.inner.sources.succeeded(from, now);
        }
        Ok(NewSession { token, expires_at: Timestamp::from_micros(expires_at_us), second_factor })
    }

    /// Takes a place for an attempt from a source.
    pub(super) fn begin_from(&self, from: Option<IpAddr>, now_us: i64) -> Result<(), Denied> {
        from.map_or(Ok(()), |from| self.inner.sources.begin(from, now_us)).map_err(Denied::too_many)
    }

    /// Begins a try of what an account signs in with; none while it is locked, and where there is nothing to try.
    async fn begin_try(&self, account: &AccountId, counted: Counted) -> Result<Option<Credentials>, Denied> {
        let now_us = self.now_us();
        let locking = Locking {
            failures_max: i64::from(self.inner.settings.failures.max(1)),
            until_us: now_us + i64::from(self.inner.settings.lockout_minutes) * MINUTE_US,
        };
        Ok(store::begin_try(self.pool(), account, locking, now_us, counted).await?)
    }

    /// After a failure: records the lock, where this one brought it about. That it cannot be recorded changes no answer, for
    /// the lock holds already.
    async fn failed(&self, account: &AccountId, credentials: &Credentials) {
        if credentials.locked_until_us == 0 {
            return;
        }
        let locked = SignInLocked {
            failures: u32::try_from(credentials.failures).unwrap_or(u32::MAX),
            until: Timestamp::from_micros(credentials.locked_until_us),
        };
        if let Err(error) = self.inner.app.record_sign_in(account, SignInEvent::SignInLocked(locked)).await {
            tracing::error!(error = &error as &dyn std::error::Error, "a lock of an account is not recorded");
        }
    }

    /// Has somebody who is signed in show the account's password once more. Counted as a sign-in is.
    ///
    /// # Errors
    /// `sign-in-failed`.
    pub(super) async fn show_password(&self, account: &AccountId, password: &str) -> Result<Credentials, Denied> {
        let tried = self.begin_try(account, Counted::Always).await?;
        let digest = tried.as_ref().and_then(|credentials| credentials.password.as_deref());
        let fits = self.inner.hasher.verify(password, digest).await?;
        let credentials = tried.ok_or_else(Denied::failed)?;
        if !fits || !store::succeed(self.pool(), account, credentials.changes, None).await? {
            self.failed(account, &credentials).await;
            return Err(Denied::failed());
        }
        Ok(credentials)
    }

    /// The code of a second factor that is stored so, where it fits. One that cannot be read is a failure that counts, for
    /// nobody has shown anything.
    async fn shown(
        &self,
        account: &AccountId,
        credentials: &Credentials,
        stored: &[u8],
        code: &str,
    ) -> Result<Option<Shown>, Denied> {
        let seed = match self.seed(account, stored) {
            Ok(seed) => seed,
            Err(denied) => {
                self.failed(account, credentials).await;
                return Err(denied);
            }
        };
        let sealed = self.sealed_now(account, stored, &seed);
        Ok(totp::step_of(&seed, code, self.now_us()).map(|step| Shown { step, sealed }))
    }

    /// Has somebody who is signed in show a code of the account's second factor. Counted as a sign-in is.
    ///
    /// # Errors
    /// `code-unfit`; `sign-in-failed` while locked.
    pub(super) async fn show_code(&self, account: &AccountId, code: &str) -> Result<Credentials, Denied> {
        let credentials = self.begin_try(account, Counted::Always).await?.ok_or_else(Denied::failed)?;
        let shown = match credentials.second_factor() {
            Some(stored) => self.shown(account, &credentials, stored, code).await?,
            None => None,
        };
        let used = match shown {
            Some(shown) => store::succeed(self.pool(), account, credentials.changes, Some(&shown)).await?,
            None => false,
        };
        if !used {
            self.failed(account, &credentials).await;
            return Err(Denied::code(sogoc_domain::refusal::Code::CodeUnfit));
        }
        Ok(credentials)
    }
}
