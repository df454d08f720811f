//! Sign-in: who asks, and whether what they hold proves it.
//!
//! **Shape.** Accounts and their roles stand in the log; what an account signs in with stands in tables beside it
//! (`store`), and every change of that, and every lock, is an entry as well. [`Access::caller`] tells who a request is from;
//! what that account may do is the business of the domain's two tables and not decided here, but for two things that the
//! domain cannot know: what an API token was made for, and whether a second factor was shown.
//!
//! **What is kept of a secret** is its digest: Argon2id of a password, SHA-256 of tokens, which are 32 random bytes. The seed of
//! a second factor is the exception, for codes are computed from it; with a key it is sealed (`seeds`).
//!
//! **Answers tell nothing.** A sign-in that fails does the same work and gives the same answer, whether there is no such
//! account, no such password, no such code, or a lock.
//!
//! **Recorded first, then changed.** A change of credentials is refused where its entry cannot be recorded. A crash between the
//! two leaves an entry of a change that did not happen, which whoever made it does again; the other order would leave a change
//! that nobody can see. A lock is the other way round: it holds at once on all nodes, and that its entry fails changes no
//! answer.
//!
//! **Architecture Invariant:** no module outside of this one reads or writes the tables of sign-in.

mod attempts;
mod caller;
mod credentials;
mod denied;
mod oidc;
mod pages;
mod passwords;
mod seeds;
mod sessions;
mod sources;
mod store;
#[cfg(test)]
mod tests;
mod tokens;
mod totp;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use sogoc_app::App;
use sogoc_domain::account::Account;
use sogoc_domain::roles::Role;
use sogoc_domain::values::AccountId;
use sogoc_evidence::EncryptionKey;
use sogoc_log::Pool;

pub(crate) use caller::{Caller, Scope, Scopes, Via};
pub(crate) use denied::Denied;
pub(crate) use oidc::{OidcSettings, Provider, ca_file_hint};
pub(crate) use passwords::{Cost, LENGTH_MAX};
pub(crate) use seeds::Resealed;
pub(crate) use sessions::{NewSession, SESSION_COOKIE, SessionShown};
pub(crate) use tokens::{TOKEN_DAYS_MAX, TokenShown};

const SECOND_US: i64 = 1_000_000;
const MINUTE_US: i64 = 60 * SECOND_US;
const HOUR_US: i64 = 60 * MINUTE_US;
const DAY_US: i64 = 24 * HOUR_US;

/// How sign-in is set up.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Longest session, in hours.
    pub(crate) session_hours: u32,
    /// Longest time in which a session is not used, in minutes.
    pub(crate) idle_minutes: u32,
    /// Failures in a row that lock an account.
    pub(crate) failures: u32,
    /// How long it is locked, in minutes.
    pub(crate) lockout_minutes: u32,
    /// Whether roles that publish or administer demand a second factor.
    pub(crate) second_factor: SecondFactor,
    /// The key under which seeds of second factors are sealed; none: they are stored in the clear.
    pub(crate) key: Option<EncryptionKey>,
    /// Failures of one source (an IPv4 address, an IPv6 /64) within a minute or so before it must wait.
    pub(crate) source_failures: u32,
    /// What hashing a password costs.
    pub(crate) cost: Cost,
    /// Where browsers reach this service, such as `https://sogoc.example`: without a path.
    pub(crate) public_url: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            session_hours: 12,
            idle_minutes: 60,
            failures: 5,
            lockout_minutes: 15,
            second_factor: SecondFactor::Demanded,
            key: None,
            // An office behind one address in the morning is dozens of people, some of whom mistype.
            source_failures: 30,
            cost: Cost::default(),
            public_url: None,
        }
    }
}

/// Whether roles that publish or administer demand a second factor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SecondFactor {
    /// They act only with one.
    Demanded,
    /// They act without: for trying things out.
    Optional,
}

/// Sign-in to one register. Clones share everything.
#[derive(Clone)]
pub(crate) struct Access {
    inner: Arc<Inner>,
}

struct Inner {
    app: App,
    settings: Settings,
    provider: Option<Provider>,
    hasher: passwords::Hasher,
    sources: sources::Sources,
    /// Sessions and tokens that were found of late, so that not every request asks the store.
    found: Mutex<HashMap<store::Digest, caller::Found>>,
    /// Tokens that are still to be marked as used, by their ids, with when they were.
    used: Mutex<BTreeMap<String, i64>>,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("settings", &self.inner.settings).finish_non_exhaustive()
    }
}

impl Access {
    /// Sign-in to the app's register; time and randomness are the app's. With a provider, through it as well.
    pub(crate) fn new(app: App, settings: Settings, provider: Option<Provider>) -> Self {
        let hasher = passwords::Hasher::new(settings.cost, app.random());
        let sources = sources::Sources::new(settings.source_failures);
        let (found, used) = (Mutex::default(), Mutex::default());
        Self { inner: Arc::new(Inner { app, settings, provider, hasher, sources, found, used }) }
    }

    fn pool(&self) -> &Pool {
        self.inner.app.log().pool()
    }

    fn now_us(&self) -> i64 {
        self.inner.app.now().micros()
    }

    /// Removes what is over. To be called once in a while, by any node.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub(crate) async fn sweep(&self) -> Result<u64, Denied> {
        /// A token that is over stays in its account's list for so long.
        const TOKENS_SHOWN_DAYS: i64 = 30;
        let now = self.now_us();
        let idle = now - i64::from(self.inner.settings.idle_minutes) * MINUTE_US;
        let mut removed = store::sweep(self.pool(), now, idle, now - TOKENS_SHOWN_DAYS * DAY_US).await?;
        for (account,) in store::accounts_with_sessions(self.pool()).await? {
            let open = account.parse().is_ok_and(|account| self.is_open(&account));
            if !open {
                removed += store::end_sessions(self.pool(), &account).await?;
            }
        }
        self.forget_found();
        Ok(removed)
    }

    /// What the register says about an account that is open.
    fn with_open<T>(&self, account: &AccountId, ask: impl FnOnce(&Account) -> T) -> Option<T> {
        let register = self.inner.app.register();
        register.world().accounts.get(account).filter(|account| !account.closed).map(|account| ask(account))
    }

    fn is_open(&self, account: &AccountId) -> bool {
        self.with_open(account, |_| ()).is_some()
    }

    /// The role for whose sake an account acts only with a second factor: one that publishes or administers. Those are the
    /// roles that nobody gives alone.
    fn weighty_role(&self, account: &AccountId) -> Option<Role> {
        let now = self.inner.app.now();
        self.with_open(account, |account| account.roles_of_any_season(now).find(|role| role.needs_two())).flatten()
    }

    /// The same where the settings demand a second factor at all.
    fn demanding_role(&self, account: &AccountId) -> Option<Role> {
        match self.inner.settings.second_factor {
            SecondFactor::Demanded => self.weighty_role(account),
            SecondFactor::Optional => None,
        }
    }

    /// Forgets what was found of late: after every change here. Other nodes notice within a second.
    fn forget_found(&self) {
        self.inner.found.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// A secret of 32 random bytes as base64url, and its digest.
    fn secret(&self) -> (String, store::Digest) {
        let text = URL_SAFE_NO_PAD.encode(self.inner.app.random());
        let digest = digest(text.as_bytes());
        (text, digest)
    }
}

/// Where a request came from: put into its extensions by the listener, or by what knows the proxies before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Source(pub(crate) IpAddr);

/// Counts a sign-in by how it ended.
fn count(outcome: &'static str) {
    crate::telemetry::signed_in(outcome);
}

fn digest(bytes: &[u8]) -> store::Digest {
    Sha256::digest(bytes).into()
}

/// The source of an attempt, as far as it can be told apart from others: providers give whole /64 to one customer.
fn source_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & !u128::from(u64::MAX)).into()),
    }
}
