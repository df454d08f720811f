//! Who a request is from, and what the way by which it came lets it do.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, PoisonError};

use http::header::{AUTHORIZATION, COOKIE};
use sogoc_domain::command::Command;
use sogoc_domain::refusal::{Code, Refusal, Said};
use sogoc_domain::roles::Role;
use sogoc_domain::values::AccountId;

use super::store::{self, Digest};
use super::tokens::TOKEN_PREFIX;
use super::{Access, Denied, MINUTE_US, SECOND_US, SESSION_COOKIE, digest};

/// How long a session or token that was found is taken as found, so that one that was ended on another node works no longer.
const FOUND_US: i64 = SECOND_US;
/// Sessions and tokens that are remembered so.
const FOUND_MAX: usize = 8_192;

/// Who a request is from.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Caller {
    /// The account; nobody in particular without one.
    pub(crate) account: Option<AccountId>,
    /// Whether a second factor was shown, at sign-in or when the token was made.
    pub(crate) second_factor: bool,
    /// By what it is known.
    pub(crate) via: Via,
    /// What it may by that.
    pub(crate) scopes: Scopes,
    /// The role for whose sake the account acts only with a second factor.
    demanding: Option<Role>,
}

/// By what a caller is known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Via {
    /// Nothing was given.
    Nobody,
    /// A session, by the digest of its token.
    Session(Digest),
    /// An API token, by its id.
    Token(String),
}

/// What may be done with a token.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Scope {
    /// `read`: ask.
    Read,
    /// `command`: every command.
    Command,
    /// `command:KIND`: one kind of command.
    CommandOf(String),
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read => f.write_str("read"),
            Self::Command => f.write_str("command"),
            Self::CommandOf(kind) => write!(f, "command:{kind}"),
        }
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.strip_prefix("command:")) {
            ("read", _) => Ok(Self::Read),
            ("command", _) => Ok(Self::Command),
            (_, Some(kind)) if Command::KINDS.contains(&kind) => Ok(Self::CommandOf(kind.to_owned())),
            (_, Some(kind)) => Err(format!("\"{kind}\" is not a kind of command: `sogoc commands schema` lists them")),
            (_, None) => Err(format!("\"{text}\" is not a scope: use read, command, or command:KIND")),
        }
    }
}

/// What a caller may by the way it came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Scopes {
    /// Whatever the account may.
    All,
    /// Only these.
    Only(Arc<BTreeSet<Scope>>),
}

impl Scopes {
    /// Reads what a token's row holds; what is not known, any more or yet, allows nothing.
    pub(super) fn read(text: &str) -> Self {
        Self::Only(Arc::new(text.split(' ').filter_map(|scope| scope.parse().ok()).collect()))
    }

    fn allow(&self, wanted: impl Fn(&Scope) -> bool, needed: &str) -> Result<(), Refusal> {
        match self {
            Self::All => Ok(()),
            Self::Only(scopes) if scopes.iter().any(wanted) => Ok(()),
            Self::Only(_) => Err(self.missing(needed)),
        }
    }

    fn missing(&self, needed: &str) -> Refusal {
        Refusal::new(Code::ScopeMissing).with("needed", needed).with("held", self)
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("read command"),
            Self::Only(scopes) => {
                let words: Vec<_> = scopes.iter().map(ToString::to_string).collect();
                f.write_str(&words.join(" "))
            }
        }
    }
}

impl Caller {
    /// Nobody in particular.
    pub(crate) fn nobody() -> Self {
        Self { account: None, second_factor: false, via: Via::Nobody, scopes: Scopes::All, demanding: None }
    }

    /// An account in a session with a second factor.
    #[cfg(test)]
    pub(crate) fn in_session(account: AccountId) -> Self {
        Self {
            account: Some(account),
            second_factor: true,
            via: Via::Session([0; 32]),
            scopes: Scopes::All,
            demanding: None,
        }
    }

    /// The account.
    ///
    /// # Errors
    /// `not-signed-in`.
    pub(crate) fn signed_in(&self) -> Result<&AccountId, Denied> {
        self.account.as_ref().ok_or_else(Denied::not_signed_in)
    }

    /// The account, which is signed in itself: what it signs in with is no matter for its programs.
    pub(super) fn in_person(&self) -> Result<&AccountId, Denied> {
        let account = self.signed_in()?;
        match &self.via {
            Via::Token(_) => Err(self.scopes.missing("a session").into()),
            Via::Nobody | Via::Session(_) => Ok(account),
        }
    }

    /// That it may ask at all by the way it came. What it may read is told by the domain's table.
    ///
    /// # Errors
    /// `scope-missing`.
    pub(crate) fn may_read(&self) -> Result<(), Denied> {
        Ok(self.scopes.allow(|scope| *scope == Scope::Read, "read")?)
    }

    /// That it may send commands of a kind by the way it came, in its own name. Whether the account may is decided by the
    /// domain.
    ///
    /// # Errors
    /// `not-signed-in`, `scope-missing`, `second-factor-required`.
    pub(crate) fn may_command(&self, kind: &str) -> Result<(), Denied> {
        self.signed_in()?;
        let allows = |scope: &Scope| match scope {
            Scope::Read => false,
            Scope::Command => true,
            Scope::CommandOf(one) => one == kind,
        };
        self.scopes.allow(allows, &format!("command:{kind}"))?;
        self.has_shown_what(self.demanding)
    }

    /// That a second factor was shown, where a role demands one.
    pub(super) fn has_shown_what(&self, demanding: Option<Role>) -> Result<(), Denied> {
        match demanding {
            Some(role) if !self.second_factor => {
                let vi = role.label_vi();
                let why = Said::new(format!("the role {role} demands it"), format!("vai trò {vi} yêu cầu"));
                Err(Refusal::new(Code::SecondFactorRequired)
                    .with("account", self.signed_in()?)
                    .with_said("why", &why)
                    .into())
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The role for whose sake the account acts only with a second factor, where it has one.
    pub(crate) fn demanding(&self) -> Option<Role> {
        self.demanding
    }
}

/// A session or token as it was found at an instant.
#[derive(Clone, Debug)]
pub(super) struct Found {
    at_us: i64,
    account: AccountId,
    second_factor: bool,
    via: Via,
    scopes: Scopes,
    expires_at_us: i64,
    /// When it was last marked as used.
    used_at_us: i64,
}

impl Access {
    /// Who a request is from: by `Authorization: Bearer …`, else by the cookie of a session; nobody without either, and with
    /// a cookie of a session that is over.
    ///
    /// # Errors
    /// `token-over` for a bearer that holds no more, `account-inactive` for an account that was closed, an unavailable store.
    pub(crate) async fn caller(&self, headers: &http::HeaderMap) -> Result<Caller, Denied> {
        if let Some(value) = headers.get(AUTHORIZATION) {
            let bearer = value.to_str().ok().and_then(|text| {
                let (scheme, token) = text.split_once(' ')?;
                scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
            });
            let over = || Denied::code(Code::TokenOver);
            return self.known(bearer.ok_or_else(over)?).await?.ok_or_else(over);
        }
        // What is a browser's goes in a cookie, what is a program's does not.
        let sessions_only = |token: &&str| !token.starts_with(TOKEN_PREFIX);
        let Some(token) = session_cookie(headers).filter(sessions_only).filter(|_| of_our_pages(headers)) else {
            return Ok(Caller::nobody());
        };
        match self.known(token).await {
            Ok(found) => Ok(found.unwrap_or_else(Caller::nobody)),
            // Whoever reads what is public with an old cookie reads it as nobody.
            Err(Denied::Refusal(refusal)) if refusal.code == Code::AccountInactive => Ok(Caller::nobody()),
            Err(error) => Err(error),
        }
    }

    /// That a caller may send commands of a kind, in its own name or under a delegation: who acts for somebody whose role
    /// demands a second factor shows one too.
    ///
    /// # Errors
    /// As [`Caller::may_command`].
    pub(crate) fn may_command(
        &self,
        caller: &Caller,
        kind: &str,
        on_behalf_of: Option<&AccountId>,
    ) -> Result<(), Denied> {
        caller.may_command(kind)?;
        caller.has_shown_what(on_behalf_of.and_then(|delegator| self.demanding_role(delegator)))
    }

    /// The caller whom a token belongs to, where it holds.
    async fn known(&self, token: &str) -> Result<Option<Caller>, Denied> {
        /// Ours have 43 or 49 characters.
        const TOKEN_BYTES_MAX: usize = 64;
        if token.len() > TOKEN_BYTES_MAX {
            return Ok(None);
        }
        let digest = digest(token.as_bytes());
        let now = self.now_us();
        let remembered = {
            let found = self.inner.found.lock().unwrap_or_else(PoisonError::into_inner);
            found.get(&digest).filter(|found| (0..FOUND_US).contains(&(now - found.at_us))).cloned()
        };
        let found = match remembered {
            Some(found) => Some(found),
            None if token.starts_with(TOKEN_PREFIX) => Box::pin(self.find_token(&digest, now)).await?,
            None => Box::pin(self.find_session(&digest, now)).await?,
        };
        let Some(found) = found.filter(|found| now < found.expires_at_us) else { return Ok(None) };
        if !self.is_open(&found.account) {
            return Err(Refusal::new(Code::AccountInactive)
                .with("account", &found.account)
                .with("why", "it was closed")
                .into());
        }
        let demanding = self.demanding_role(&found.account);
        Ok(Some(Caller {
            account: Some(found.account),
            second_factor: found.second_factor,
            via: found.via,
            scopes: found.scopes,
            demanding,
        }))
    }

    async fn find_session(&self, digest: &Digest, now: i64) -> Result<Option<Found>, Denied> {
        let idle_us = i64::from(self.inner.settings.idle_minutes) * MINUTE_US;
        let Some(row) = store::session(self.pool(), digest).await? else { return Ok(None) };
        let Ok(account) = row.account.parse() else { return Ok(None) };
        if now >= row.expires_at_us || now - row.seen_at_us >= idle_us {
            return Ok(None);
        }
        let mut found = Found {
            at_us: now,
            account,
            second_factor: row.second_factor == 1,
            via: Via::Session(*digest),
            scopes: Scopes::All,
            expires_at_us: row.expires_at_us,
            used_at_us: row.seen_at_us,
        };
        // Not at every request: one write a minute, or a tenth of what may pass.
        if now - found.used_at_us >= MINUTE_US.min(idle_us / 10) {
            store::touch_session(self.pool(), digest, now).await?;
            found.used_at_us = now;
        }
        self.remember(*digest, &found);
        Ok(Some(found))
    }

    async fn find_token(&self, digest: &Digest, now: i64) -> Result<Option<Found>, Denied> {
        let Some(row) = store::token_by_digest(self.pool(), digest).await? else { return Ok(None) };
        let Ok(account) = row.account.parse() else { return Ok(None) };
        if now >= row.expires_at_us || row.revoked_at_us.is_some() {
            return Ok(None);
        }
        if row.used_at_us.is_none_or(|used| now - used >= MINUTE_US) {
            self.inner.used.lock().unwrap_or_else(PoisonError::into_inner).insert(row.id.clone(), now);
        }
        let found = Found {
            at_us: now,
            account,
            second_factor: row.second_factor == 1,
            via: Via::Token(row.id),
            scopes: Scopes::read(&row.scopes),
            expires_at_us: row.expires_at_us,
            used_at_us: now,
        };
        self.remember(*digest, &found);
        Ok(Some(found))
    }

    /// Marks the tokens that were used since the last time, all in one transaction. Nobody waits for it: it tells accounts which
    /// of their tokens are in use, and decides nothing.
    ///
    /// # Errors
    /// Where the store does not answer: they are marked the next time.
    pub(crate) async fn mark_used(&self) -> Result<(), Denied> {
        let used = std::mem::take(&mut *self.inner.used.lock().unwrap_or_else(PoisonError::into_inner));
        if used.is_empty() {
            return Ok(());
        }
        let marked = store::touch_tokens(self.pool(), &used).await;
        if marked.is_err() {
            let mut again = self.inner.used.lock().unwrap_or_else(PoisonError::into_inner);
            for (id, at_us) in used {
                again.entry(id).or_insert(at_us);
            }
        }
        Ok(marked?)
    }

    fn remember(&self, digest: Digest, found: &Found) {
        let mut remembered = self.inner.found.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= FOUND_MAX {
            remembered.retain(|_, other| found.at_us - other.at_us < FOUND_US);
        }
        if remembered.len() < FOUND_MAX {
            remembered.insert(digest, found.clone());
        }
    }
}

/// The session's cookie.
fn session_cookie(headers: &http::HeaderMap) -> Option<&str> {
    cookie(headers, SESSION_COOKIE)
}

/// A cookie by its name; the first, where there are several.
pub(super) fn cookie<'a>(headers: &'a http::HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}

/// That a browser was not sent here by a page of somebody else's, as far as it says so. `SameSite` holds sites apart and not
/// the hosts of one; a program that sends a cookie says nothing.
fn of_our_pages(headers: &http::HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_none_or(|value| value == "same-origin" || value == "none")
}
