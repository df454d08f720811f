//! Sessions: on the server, known by the digest of a token in a cookie.

use sogoc_domain::values::{AccountId, Timestamp};

use super::store;
use super::{Access, Caller, Denied, Via};

/// Name of the session's cookie.
pub(crate) const SESSION_COOKIE: &str = "sogoc_session";

/// A session that began.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct NewSession {
    /// The secret that the browser keeps; not kept here.
    pub(crate) token: String,
    /// When it is over, whatever happens.
    pub(crate) expires_at: Timestamp,
    /// Whether a second factor was shown.
    pub(crate) second_factor: bool,
}

/// A session, for its account to recognise.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct SessionShown {
    /// When it began.
    pub(crate) created_at: Timestamp,
    /// When it was last used, to within a minute.
    pub(crate) seen_at: Timestamp,
    /// When it is over, whatever happens.
    pub(crate) expires_at: Timestamp,
    /// Whether a second factor was shown.
    pub(crate) second_factor: bool,
    /// Whether it is the one that asks.
    pub(crate) current: bool,
}

impl Access {
    /// The value of `Set-Cookie` that gives a session to a browser.
    pub(crate) fn session_cookie(&self, session: &NewSession) -> String {
        let seconds = (session.expires_at.micros() - self.now_us()).max(0) / super::SECOND_US;
        let secure = self.secure();
        format!("{SESSION_COOKIE}={}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}", session.token)
    }

    /// The value of `Set-Cookie` that takes it away.
    pub(crate) fn no_session_cookie(&self) -> String {
        format!("{SESSION_COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0{}", self.secure())
    }

    /// Cookies go over TLS only, but for a service on one's own machine.
    pub(super) fn secure(&self) -> &'static str {
        let loopback = self.inner.settings.public_url.as_deref().is_none_or(|url| {
            let host = url.strip_prefix("http://").unwrap_or_default();
            let host = host.split_once('/').map_or(host, |(host, _)| host);
            let name = if host.starts_with('[') { host.split_inclusive(']').next() } else { host.split(':').next() };
            matches!(name, Some("127.0.0.1" | "localhost" | "[::1]"))
        });
        if loopback { "" } else { "; Secure" }
    }

    /// Ends the session that asks.
    ///
    /// # Errors
    /// `scope-missing` for an API token, which is revoked instead; an unavailable store.
    pub(crate) async fn sign_out(&self, caller: &Caller) -> Result<(), Denied> {
        match &caller.via {
            Via::Nobody => {}
            Via::Session(digest) => {
                store::end_session(self.pool(), digest).await?;
                self.forget_found();
            }
            Via::Token(_) => {
                caller.in_person()?;
            }
        }
        Ok(())
    }

    /// The sessions of the account that asks, the newest first, at most a hundred.
    ///
    /// # Errors
    /// `not-signed-in`, `scope-missing`, an unavailable store.
    pub(crate) async fn list_sessions(&self, caller: &Caller) -> Result<Vec<SessionShown>, Denied> {
        let account = caller.in_person()?;
        let rows = store::sessions(self.pool(), account).await?;
        let own = match &caller.via {
            Via::Session(digest) => Some(digest.as_slice()),
            Via::Nobody | Via::Token(_) => None,
        };
        let shown = rows.into_iter().map(|(digest, second_factor, created, seen, expires)| SessionShown {
            created_at: Timestamp::from_micros(created),
            seen_at: Timestamp::from_micros(seen),
            expires_at: Timestamp::from_micros(expires),
            second_factor: second_factor == 1,
            current: own == Some(digest.as_slice()),
        });
        Ok(shown.collect())
    }

    /// Ends all sessions of an account: one's own, or by an administrator. Returns how many there were.
    ///
    /// # Errors
    /// `not-signed-in`, `scope-missing`, `role-missing`, `second-factor-required`, an unavailable store.
    pub(crate) async fn end_sessions(&self, by: &Caller, account: &AccountId) -> Result<u64, Denied> {
        if by.in_person()? != account {
            self.administers(by, "end-sessions")?;
        }
        let ended = store::end_sessions(self.pool(), account.as_str()).await?;
        self.forget_found();
        Ok(ended)
    }

    /// Has a session show a second factor that it did not show at sign-in: one that came from a provider, say.
    ///
    /// # Errors
    /// `code-unfit`, `not-signed-in`, `scope-missing`, `sign-in-failed` while the account is locked.
    pub(crate) async fn show_second_factor(&self, caller: &Caller, code: &str) -> Result<(), Denied> {
        let account = caller.in_person()?;
        let Via::Session(digest) = &caller.via else { return Err(Denied::not_signed_in()) };
        self.show_code(account, code).await?;
        store::raise_session(self.pool(), digest).await?;
        self.forget_found();
        Ok(())
    }
}
