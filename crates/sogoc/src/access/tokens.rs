//! API tokens: for an agency's own software. Known by their digest, made for something, for a time.

use std::collections::BTreeSet;
use std::sync::Arc;

use sogoc_domain::event::{Credential, CredentialChange, Hand};
use sogoc_domain::refusal::{Code, Refusal, Said};
use sogoc_domain::values::{AccountId, Text, Timestamp};

use super::store::{self, TokenRow};
use super::{Access, Caller, DAY_US, Denied, MINUTE_US, Scope, Scopes, digest};

/// How every token begins, so that scanners for leaked secrets know it.
pub(super) const TOKEN_PREFIX: &str = "sogoc_";
/// Longest life of a token, in days.
pub(crate) const TOKEN_DAYS_MAX: i64 = 366;
/// Longest name, in characters.
const NAME_CHARACTERS_MAX: usize = 100;
/// Live tokens of one account.
const LIVE_MAX: i64 = 50;
/// Scopes of one token.
const SCOPES_MAX: usize = 64;

/// A token that was made.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct NewToken {
    /// By which it is listed and revoked.
    pub(crate) id: String,
    /// The token itself: shown once, not kept here.
    pub(crate) secret: String,
    /// When it is over.
    pub(crate) expires_at: Timestamp,
}

/// A token, for its account to recognise.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct TokenShown {
    /// Its id.
    pub(crate) id: String,
    /// What it is for, in its holder's words.
    pub(crate) name: String,
    /// What it may.
    pub(crate) scopes: Scopes,
    /// Whether it counts as a second factor.
    pub(crate) second_factor: bool,
    /// When it was made.
    pub(crate) created_at: Timestamp,
    /// When it is over.
    pub(crate) expires_at: Timestamp,
    /// When it was last used, to within a minute.
    pub(crate) used_at: Option<Timestamp>,
    /// When it was revoked.
    pub(crate) revoked_at: Option<Timestamp>,
}

/// What a token is asked for.
struct Wanted<'a> {
    account: &'a AccountId,
    name: &'a str,
    scopes: &'a BTreeSet<Scope>,
    expires_at: Timestamp,
    second_factor: bool,
    by: Hand,
}

impl Access {
    /// Makes a token for the account that asks. One for commands counts as a second factor where one was shown to make it;
    /// for an account whose role demands a second factor it is made only so.
    ///
    /// # Errors
    /// `not-signed-in`, `scope-missing` (a token makes no tokens), `second-factor-required`, what does not fit, an
    /// unavailable store.
    pub(crate) async fn create_token(
        &self,
        caller: &Caller,
        name: &str,
        scopes: &BTreeSet<Scope>,
        expires_at: Timestamp,
    ) -> Result<NewToken, Denied> {
        let account = caller.in_person()?;
        if scopes.iter().any(|scope| *scope != Scope::Read) {
            caller.has_shown_what(caller.demanding())?;
        }
        let by = Hand::Account(account.clone());
        let second_factor = caller.second_factor;
        self.make_token(Wanted { account, name, scopes, expires_at, second_factor, by }).await
    }

    /// Makes a token on the console. Whoever has the store needs no second factor, and the entry says that it was the console.
    ///
    /// # Errors
    /// What does not fit, an unavailable store.
    pub(crate) async fn create_token_on_console(
        &self,
        account: &AccountId,
        name: &str,
        scopes: &BTreeSet<Scope>,
        expires_at: Timestamp,
    ) -> Result<NewToken, Denied> {
        self.must_be_open(account)?;
        self.make_token(Wanted { account, name, scopes, expires_at, second_factor: true, by: Hand::Console }).await
    }

    async fn make_token(&self, wanted: Wanted<'_>) -> Result<NewToken, Denied> {
        let now = self.now_us();
        let name = check_name(wanted.name)?;
        check_scopes(wanted.scopes)?;
        check_expiry(wanted.expires_at, now)?;
        let full =
            || Refusal::new(Code::TooMany).with("field", "tokens").with("count", LIVE_MAX + 1).with("limit", LIVE_MAX);
        if store::live_tokens(self.pool(), wanted.account, now).await? >= LIVE_MAX {
            return Err(full().into());
        }
        let (random, _) = self.secret();
        let secret = format!("{TOKEN_PREFIX}{random}");
        let id = format!("tok-{}", hex(&self.inner.app.random()[..10]));
        self.record(wanted.account, Credential::Token, CredentialChange::Set, wanted.by, Some(&id)).await?;
        let row = TokenRow {
            id: id.clone(),
            account: wanted.account.to_string(),
            name,
            scopes: Scopes::Only(Arc::new(wanted.scopes.clone())).to_string(),
            second_factor: i64::from(wanted.second_factor),
            created_at_us: now,
            expires_at_us: wanted.expires_at.micros(),
            used_at_us: None,
            revoked_at_us: None,
        };
        if !store::create_token(self.pool(), &digest(secret.as_bytes()), &row, LIVE_MAX, now).await? {
            return Err(full().into());
        }
        Ok(NewToken { id, secret, expires_at: wanted.expires_at })
    }

    /// Tokens of an account: one's own, or for an administrator. The newest first, at most two hundred; those that are over
    /// stay for a month.
    ///
    /// # Errors
    /// `not-signed-in`, `scope-missing`, `role-missing`, `second-factor-required`, an unavailable store.
    pub(crate) async fn list_tokens(&self, caller: &Caller, account: &AccountId) -> Result<Vec<TokenShown>, Denied> {
        if caller.in_person()? != account {
            self.administers(caller, "list-tokens")?;
        }
        let rows = store::tokens(self.pool(), account).await?;
        let shown = rows.into_iter().map(|row| TokenShown {
            id: row.id,
            name: row.name,
            scopes: Scopes::read(&row.scopes),
            second_factor: row.second_factor == 1,
            created_at: Timestamp::from_micros(row.created_at_us),
            expires_at: Timestamp::from_micros(row.expires_at_us),
            used_at: row.used_at_us.map(Timestamp::from_micros),
            revoked_at: row.revoked_at_us.map(Timestamp::from_micros),
        });
        Ok(shown.collect())
    }

    /// Revokes a token: one's own, or by an administrator. A token may revoke itself.
    ///
    /// # Errors
    /// `unknown` for one that is not there or not one's own, `nothing-to-do` for one that is over, an unavailable store.
    pub(crate) async fn revoke_token(&self, caller: &Caller, id: &str) -> Result<(), Denied> {
        let by = caller.signed_in()?;
        let itself = matches!(&caller.via, super::Via::Token(own) if own == id);
        if !itself {
            caller.in_person()?;
        }
        let unknown = || Refusal::new(Code::Unknown).with("what", "token").with("id", shown_id(id));
        let row = store::token_by_id(self.pool(), id).await?.ok_or_else(unknown)?;
        if row.account != by.as_str() && self.administers(caller, "revoke-token").is_err() {
            return Err(unknown().into());
        }
        let now = self.now_us();
        if row.revoked_at_us.is_some() || row.expires_at_us <= now {
            let why = Said::new("the token is over already", "mã truy cập đã hết hiệu lực");
            return Err(Refusal::new(Code::NothingToDo).with_said("why", &why).into());
        }
        let account: AccountId = row.account.parse().map_err(|_| unknown())?;
        let hand = Hand::Account(by.clone());
        self.record(&account, Credential::Token, CredentialChange::Removed, hand, Some(id)).await?;
        store::revoke_token(self.pool(), id, now).await?;
        self.forget_found();
        Ok(())
    }
}

fn check_name(name: &str) -> Result<String, Refusal> {
    let length = name.chars().take(NAME_CHARACTERS_MAX + 1).count();
    if name.trim().is_empty() {
        return Err(Refusal::new(Code::Missing).with("field", "name"));
    }
    if length > NAME_CHARACTERS_MAX {
        return Err(Refusal::new(Code::TextTooLong)
            .with("field", "name")
            .with("length", name.chars().count())
            .with("limit", NAME_CHARACTERS_MAX));
    }
    let name = Text::try_new(name)
        .map_err(|error| Refusal::new(Code::Invalid).with("field", "name").with("value", "…").with("why", error))?;
    Ok(name.as_str().to_owned())
}

fn check_scopes(scopes: &BTreeSet<Scope>) -> Result<(), Refusal> {
    if scopes.is_empty() {
        return Err(Refusal::new(Code::Missing).with("field", "scopes"));
    }
    if scopes.len() > SCOPES_MAX {
        return Err(Refusal::new(Code::TooMany)
            .with("field", "scopes")
            .with("count", scopes.len())
            .with("limit", SCOPES_MAX));
    }
    Ok(())
}

fn check_expiry(expires_at: Timestamp, now: i64) -> Result<(), Refusal> {
    let life = expires_at.micros().saturating_sub(now);
    if (MINUTE_US..=TOKEN_DAYS_MAX * DAY_US).contains(&life) {
        return Ok(());
    }
    let why = Said::new(
        format!("a token lives for a minute to {TOKEN_DAYS_MAX} days"),
        format!("mã truy cập có hiệu lực từ một phút đến {TOKEN_DAYS_MAX} ngày"),
    );
    Err(Refusal::new(Code::Invalid).with("field", "expires_at").with("value", expires_at).with_said("why", &why))
}

/// An id as given, for an answer: never a secret that was taken for one.
fn shown_id(id: &str) -> &str {
    if id.starts_with("tok-") && id.len() <= 64 { id } else { "…" }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
