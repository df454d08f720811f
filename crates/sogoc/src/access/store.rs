//! The tables of sign-in, on either store.
//!
//! Every statement is written once: `$1` parameters, `on conflict` and `returning` work on both. What several nodes must
//! count together (failures, steps of codes) is one statement that compares and sets; nothing is read first and written
//! later.

use std::collections::BTreeMap;

use sogoc_domain::values::AccountId;
use sogoc_log::Pool;

/// A digest of a token or of a state: SHA-256.
pub(super) type Digest = [u8; 32];

macro_rules! on_pool {
    ($pool:expr, $connection:ident => $body:expr) => {
        match $pool {
            Pool::Sqlite($connection) => $body,
            Pool::Postgres($connection) => $body,
        }
    };
}

/// Runs statements in one transaction; `?` in them rolls back. The last value is the answer, after the commit.
macro_rules! in_transaction {
    ($pool:expr, $transaction:ident => $body:block) => {
        match $pool {
            Pool::Sqlite(pool) => {
                let mut $transaction = pool.begin_with("begin immediate").await?;
                let answer = $body;
                $transaction.commit().await?;
                Ok(answer)
            }
            Pool::Postgres(pool) => {
                let mut $transaction = pool.begin_with("begin isolation level read committed read write").await?;
                let answer = $body;
                $transaction.commit().await?;
                Ok(answer)
            }
        }
    };
}

type Answer<T> = Result<T, sqlx::Error>;

/// What an account signs in with.
#[derive(Clone, Debug)]
pub(super) struct Credentials {
    /// Argon2id in the PHC form.
    pub(super) password: Option<String>,
    /// The seed as it is stored: `seeds` reads it.
    pub(super) totp: Option<Vec<u8>>,
    pub(super) totp_confirmed: i64,
    /// Grows with every change.
    pub(super) changes: i64,
    /// Failures, this try counted as one already.
    pub(super) failures: i64,
    pub(super) locked_until_us: i64,
}

type CredentialColumns = (Option<String>, Option<Vec<u8>>, i64, i64, i64, i64);

impl From<CredentialColumns> for Credentials {
    fn from(row: CredentialColumns) -> Self {
        let (password, totp, totp_confirmed, changes, failures, locked_until_us) = row;
        Self { password, totp, totp_confirmed, changes, failures, locked_until_us }
    }
}

impl Credentials {
    /// The seed as it is stored, where a second factor is set up and was shown once.
    pub(super) fn second_factor(&self) -> Option<&[u8]> {
        self.totp.as_deref().filter(|_| self.totp_confirmed == 1)
    }
}

/// How many failures lock for how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Locking {
    pub(super) failures_max: i64,
    pub(super) until_us: i64,
}

/// Whose failures count: strangers are to fill neither table nor log for an account that has nothing to guess.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Counted {
    /// Only where there is a password.
    WithPassword,
    /// Of somebody who is signed in.
    Always,
}

/// Begins a try: counts it as a failure beforehand, so that tries at the same time on many nodes are no more than those one
/// after the other. None while the account is locked, and for one that has nothing to try.
pub(super) async fn begin_try(
    pool: &Pool,
    account: &AccountId,
    locking: Locking,
    now_us: i64,
    counted: Counted,
) -> Answer<Option<Credentials>> {
    // A lock that is over begins a new count.
    const TRY: &str = "
        update sign_in
        set failures = case when locked_until_us > 0 then 1 else failures + 1 end,
            locked_until_us = case
              when case when locked_until_us > 0 then 1 else failures + 1 end >= $2 then cast($3 as bigint)
              else 0
            end
        where account = $1 and locked_until_us <= $4 and (password is not null or $5 = 1)
        returning password, totp, totp_confirmed, changes, failures, locked_until_us";
    let found = on_pool!(pool, pool => sqlx::query_as::<_, CredentialColumns>(TRY)
        .bind(account.as_str())
        .bind(locking.failures_max)
        .bind(locking.until_us)
        .bind(now_us)
        .bind(i64::from(counted == Counted::Always))
        .fetch_optional(pool)
        .await);
    Ok(found?.map(Credentials::from))
}

/// Writes as [`begin_try`] does where there is nothing to try: a write waits for the disk, and who measures answers must not
/// learn by that which accounts there are. Under a name that no account can have, for which nothing ever fits.
pub(super) async fn begin_nothing(pool: &Pool, now_us: i64) -> Answer<()> {
    const NOTHING: &str = "
        insert into sign_in (account, changed_at_us) values ('', $1)
        on conflict (account) do update set changed_at_us = excluded.changed_at_us";
    on_pool!(pool, pool => sqlx::query(NOTHING).bind(now_us).execute(pool).await.map(|_| ()))
}

/// A time step whose code was shown.
pub(super) type Step = i64;

/// A code that was shown.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub(super) step: Step,
    /// What is to be stored of its seed, where that was in the clear and is to be no more.
    pub(super) sealed: Option<Vec<u8>>,
}

/// Statement by which a try succeeds: the count begins anew, a code is used up. It locks the row until the transaction
/// ends, so that a change of credentials comes before it, and then nothing fits, or after what is done under it.
const SUCCEED: &str = "
    update sign_in
    set failures = 0, locked_until_us = 0, totp = coalesce($4, totp),
        totp_step = case when $3 > totp_step then cast($3 as bigint) else totp_step end
    where account = $1 and changes = $2 and ($3 = 0 or totp_step < $3)";

/// Ends a try as a success. False where credentials changed meanwhile, or the code was used by another try.
pub(super) async fn succeed(pool: &Pool, account: &AccountId, changes: i64, shown: Option<&Shown>) -> Answer<bool> {
    let done = on_pool!(pool, pool => sqlx::query(SUCCEED)
        .bind(account.as_str())
        .bind(changes)
        .bind(shown.map_or(0, |shown| shown.step))
        .bind(shown.and_then(|shown| shown.sealed.clone()))
        .execute(pool)
        .await?
        .rows_affected());
    Ok(done == 1)
}

/// A session, as stored.
#[derive(Clone, Debug)]
pub(super) struct SessionRow {
    pub(super) account: String,
    pub(super) second_factor: i64,
    pub(super) seen_at_us: i64,
    pub(super) expires_at_us: i64,
}

type SessionColumns = (String, i64, i64, i64);

impl From<SessionColumns> for SessionRow {
    fn from((account, second_factor, seen_at_us, expires_at_us): SessionColumns) -> Self {
        Self { account, second_factor, seen_at_us, expires_at_us }
    }
}

/// A session that begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opening<'a> {
    pub(super) digest: &'a Digest,
    pub(super) account: &'a AccountId,
    pub(super) second_factor: bool,
    pub(super) now_us: i64,
    pub(super) expires_at_us: i64,
}

/// Begins a session: a statement of the transaction that found it may.
macro_rules! begin_session {
    ($transaction:expr, $opening:expr) => {
        sqlx::query(
            "insert into session (digest, account, second_factor, created_at_us, seen_at_us, expires_at_us)
            values ($1, $2, $3, $4, $4, $5)",
        )
        .bind($opening.digest.as_slice())
        .bind($opening.account.as_str())
        .bind(i64::from($opening.second_factor))
        .bind($opening.now_us)
        .bind($opening.expires_at_us)
        .execute(&mut *$transaction)
        .await?
    };
}

/// Ends a try as a success and begins a session, both or neither. False as [`succeed`].
pub(super) async fn succeed_and_open(
    pool: &Pool,
    changes: i64,
    shown: Option<&Shown>,
    opening: Opening<'_>,
) -> Answer<bool> {
    in_transaction!(pool, transaction => {
        let done = sqlx::query(SUCCEED)
            .bind(opening.account.as_str())
            .bind(changes)
            .bind(shown.map_or(0, |shown| shown.step))
            .bind(shown.and_then(|shown| shown.sealed.clone()))
            .execute(&mut *transaction)
            .await?
            .rows_affected();
        if done == 1 {
            begin_session!(transaction, opening);
        }
        done == 1
    })
}

/// Begins a session of the account that a subject is linked to. False where it is linked no more.
pub(super) async fn open_by_subject(pool: &Pool, subject: &str, opening: Opening<'_>) -> Answer<bool> {
    // Locks the row, as above.
    const HOLD: &str = "update sign_in set changes = changes where account = $1 and subject = $2";
    in_transaction!(pool, transaction => {
        let held = sqlx::query(HOLD)
            .bind(opening.account.as_str())
            .bind(subject)
            .execute(&mut *transaction)
            .await?
            .rows_affected();
        if held == 1 {
            begin_session!(transaction, opening);
        }
        held == 1
    })
}

pub(super) async fn session(pool: &Pool, digest: &Digest) -> Answer<Option<SessionRow>> {
    const FIND: &str = "
        select account, second_factor, seen_at_us, expires_at_us from session where digest = $1";
    let found = on_pool!(pool, pool => sqlx::query_as::<_, SessionColumns>(FIND).bind(digest.as_slice()).fetch_optional(pool).await);
    Ok(found?.map(SessionRow::from))
}

/// That a session was seen. It never moves back: requests of one session overtake each other.
pub(super) async fn touch_session(pool: &Pool, digest: &Digest, now_us: i64) -> Answer<()> {
    const TOUCH: &str = "update session set seen_at_us = $2 where digest = $1 and seen_at_us < $2";
    on_pool!(pool, pool => sqlx::query(TOUCH).bind(digest.as_slice()).bind(now_us).execute(pool).await.map(|_| ()))
}

/// That a second factor was shown in a session.
pub(super) async fn raise_session(pool: &Pool, digest: &Digest) -> Answer<()> {
    const RAISE: &str = "update session set second_factor = 1 where digest = $1";
    on_pool!(pool, pool => sqlx::query(RAISE).bind(digest.as_slice()).execute(pool).await.map(|_| ()))
}

pub(super) async fn end_session(pool: &Pool, digest: &Digest) -> Answer<()> {
    const END: &str = "delete from session where digest = $1";
    on_pool!(pool, pool => sqlx::query(END).bind(digest.as_slice()).execute(pool).await.map(|_| ()))
}

const END_SESSIONS: &str = "delete from session where account = $1";

pub(super) async fn end_sessions(pool: &Pool, account: &str) -> Answer<u64> {
    on_pool!(pool, pool => sqlx::query(END_SESSIONS).bind(account).execute(pool).await.map(|done| done.rows_affected()))
}

/// Sessions of an account, the newest first, with their digests.
pub(super) async fn sessions(pool: &Pool, account: &AccountId) -> Answer<Vec<(Vec<u8>, i64, i64, i64, i64)>> {
    const LIST: &str = "
        select digest, second_factor, created_at_us, seen_at_us, expires_at_us
        from session where account = $1 order by created_at_us desc, digest limit 100";
    on_pool!(pool, pool => sqlx::query_as(LIST).bind(account.as_str()).fetch_all(pool).await)
}

/// Accounts that have sessions.
pub(super) async fn accounts_with_sessions(pool: &Pool) -> Answer<Vec<(String,)>> {
    const LIST: &str = "select distinct account from session";
    on_pool!(pool, pool => sqlx::query_as(LIST).fetch_all(pool).await)
}

pub(super) async fn credentials(pool: &Pool, account: &AccountId) -> Answer<Option<Credentials>> {
    const FIND: &str = "
        select password, totp, totp_confirmed, changes, failures, locked_until_us
        from sign_in where account = $1";
    let found = on_pool!(pool, pool => sqlx::query_as::<_, CredentialColumns>(FIND).bind(account.as_str()).fetch_optional(pool).await);
    Ok(found?.map(Credentials::from))
}

/// Changes what an account signs in with. Each ends all its sessions in the same transaction.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change<'a> {
    /// A password; it lifts a lock as well.
    Password(&'a str),
    /// The seed that is stored so was shown to be held, by a code of this step.
    ConfirmTotp(&'a [u8], Step),
    /// No second factor any more.
    RemoveTotp,
    /// Issuer, a line break, and subject.
    Subject(&'a str),
    /// No subject any more.
    RemoveSubject,
}

/// Makes a change where credentials are as somebody saw them. False where they are not.
pub(super) async fn change(
    pool: &Pool,
    account: &AccountId,
    seen: Option<i64>,
    change: Change<'_>,
    now_us: i64,
) -> Answer<bool> {
    const MAKE: &str = "
        insert into sign_in (account, changed_at_us) values ($1, $2) on conflict (account) do nothing";
    // -1 stands for whatever there is. In the first parameters each of the statements is the same.
    const PASSWORD: &str = "
        update sign_in
        set changes = changes + 1, changed_at_us = $2, password = $4, failures = 0, locked_until_us = 0
        where account = $1 and ($3 = -1 or changes = $3)";
    const CONFIRM: &str = "
        update sign_in set changes = changes + 1, changed_at_us = $2, totp_confirmed = 1, totp_step = $5
        where account = $1 and ($3 = -1 or changes = $3) and totp = $4 and totp_confirmed = 0";
    const REMOVE: &str = "
        update sign_in set changes = changes + 1, changed_at_us = $2, totp = null, totp_confirmed = 0, totp_step = 0
        where account = $1 and ($3 = -1 or changes = $3)";
    const SUBJECT: &str = "
        update sign_in set changes = changes + 1, changed_at_us = $2, subject = $4
        where account = $1 and ($3 = -1 or changes = $3)";
    const REMOVE_SUBJECT: &str = "
        update sign_in set changes = changes + 1, changed_at_us = $2, subject = null
        where account = $1 and ($3 = -1 or changes = $3)";
    let seen = seen.unwrap_or(-1);
    in_transaction!(pool, transaction => {
        sqlx::query(MAKE).bind(account.as_str()).bind(now_us).execute(&mut *transaction).await?;
        let statement = match change {
            Change::Password(_) => PASSWORD,
            Change::ConfirmTotp(..) => CONFIRM,
            Change::RemoveTotp => REMOVE,
            Change::Subject(_) => SUBJECT,
            Change::RemoveSubject => REMOVE_SUBJECT,
        };
        let query = sqlx::query(statement).bind(account.as_str()).bind(now_us).bind(seen);
        let query = match change {
            Change::Password(text) | Change::Subject(text) => query.bind(text.to_owned()),
            Change::ConfirmTotp(seed, step) => query.bind(seed.to_vec()).bind(step),
            Change::RemoveTotp | Change::RemoveSubject => query,
        };
        let done = query.execute(&mut *transaction).await?.rows_affected();
        if done == 1 {
            sqlx::query(END_SESSIONS).bind(account.as_str()).execute(&mut *transaction).await?;
        }
        done == 1
    })
}

/// Accounts with the seeds of their second factors as stored, confirmed or not.
pub(super) async fn seeds(pool: &Pool) -> Answer<Vec<(String, Vec<u8>)>> {
    const LIST: &str = "select account, totp from sign_in where totp is not null order by account";
    on_pool!(pool, pool => sqlx::query_as(LIST).fetch_all(pool).await)
}

/// Stores a seed in another form. False where it was exchanged meanwhile.
pub(super) async fn reseal(pool: &Pool, account: &str, stored: &[u8], sealed: &[u8]) -> Answer<bool> {
    const RESEAL: &str = "update sign_in set totp = $3 where account = $1 and totp = $2";
    let done = on_pool!(pool, pool => sqlx::query(RESEAL)
        .bind(account)
        .bind(stored)
        .bind(sealed)
        .execute(pool)
        .await?
        .rows_affected());
    Ok(done == 1)
}

/// Keeps a seed that is not confirmed yet. False where a second factor is set up already.
pub(super) async fn enrol_totp(pool: &Pool, account: &AccountId, seed: &[u8], now_us: i64) -> Answer<bool> {
    const ENROL: &str = "
        insert into sign_in (account, totp, changed_at_us) values ($1, $2, $3)
        on conflict (account) do update set totp = excluded.totp, totp_step = 0 where sign_in.totp_confirmed = 0";
    let done = on_pool!(pool, pool => sqlx::query(ENROL)
        .bind(account.as_str())
        .bind(seed.to_vec())
        .bind(now_us)
        .execute(pool)
        .await?
        .rows_affected());
    Ok(done == 1)
}

/// Lifts a lock. False where there is nothing to lift.
pub(super) async fn unlock(pool: &Pool, account: &AccountId) -> Answer<bool> {
    const UNLOCK: &str = "
        update sign_in set failures = 0, locked_until_us = 0
        where account = $1 and (failures > 0 or locked_until_us > 0)";
    let done = on_pool!(pool, pool => sqlx::query(UNLOCK).bind(account.as_str()).execute(pool).await?.rows_affected());
    Ok(done == 1)
}

pub(super) async fn account_of_subject(pool: &Pool, subject: &str) -> Answer<Option<(String,)>> {
    const FIND: &str = "select account from sign_in where subject = $1";
    on_pool!(pool, pool => sqlx::query_as(FIND).bind(subject).fetch_optional(pool).await)
}

pub(super) async fn subject_of_account(pool: &Pool, account: &AccountId) -> Answer<Option<(Option<String>,)>> {
    const FIND: &str = "select subject from sign_in where account = $1";
    on_pool!(pool, pool => sqlx::query_as(FIND).bind(account.as_str()).fetch_optional(pool).await)
}

/// An API token, as stored.
#[derive(Clone, Debug)]
pub(super) struct TokenRow {
    pub(super) id: String,
    pub(super) account: String,
    pub(super) name: String,
    pub(super) scopes: String,
    pub(super) second_factor: i64,
    pub(super) created_at_us: i64,
    pub(super) expires_at_us: i64,
    pub(super) used_at_us: Option<i64>,
    pub(super) revoked_at_us: Option<i64>,
}

type TokenColumns = (String, String, String, String, i64, i64, i64, Option<i64>, Option<i64>);

impl From<TokenColumns> for TokenRow {
    fn from(row: TokenColumns) -> Self {
        let (id, account, name, scopes, second_factor, created_at_us, expires_at_us, used_at_us, revoked_at_us) = row;
        Self { id, account, name, scopes, second_factor, created_at_us, expires_at_us, used_at_us, revoked_at_us }
    }
}

/// Keeps a token's digest. False where the account has `live_max` live ones already.
pub(super) async fn create_token(
    pool: &Pool,
    digest: &Digest,
    token: &TokenRow,
    live_max: i64,
    now_us: i64,
) -> Answer<bool> {
    const CREATE: &str = "
        insert into api_token (id, digest, account, name, scopes, second_factor, created_at_us, expires_at_us)
        select $1, $2, $3, $4, $5, cast($6 as bigint), cast($7 as bigint), cast($8 as bigint)
        where (
          select count(*) from api_token where account = $3 and revoked_at_us is null and expires_at_us > $9
        ) < $10";
    let done = on_pool!(pool, pool => sqlx::query(CREATE)
        .bind(token.id.as_str())
        .bind(digest.to_vec())
        .bind(token.account.as_str())
        .bind(token.name.as_str())
        .bind(token.scopes.as_str())
        .bind(token.second_factor)
        .bind(token.created_at_us)
        .bind(token.expires_at_us)
        .bind(now_us)
        .bind(live_max)
        .execute(pool)
        .await?
        .rows_affected());
    Ok(done == 1)
}

pub(super) async fn live_tokens(pool: &Pool, account: &AccountId, now_us: i64) -> Answer<i64> {
    const COUNT: &str = "
        select count(*) from api_token where account = $1 and revoked_at_us is null and expires_at_us > $2";
    on_pool!(pool, pool => sqlx::query_scalar(COUNT).bind(account.as_str()).bind(now_us).fetch_one(pool).await)
}

const TOKEN_COLUMNS: &str =
    "id, account, name, scopes, second_factor, created_at_us, expires_at_us, used_at_us, revoked_at_us";

pub(super) async fn token_by_digest(pool: &Pool, digest: &Digest) -> Answer<Option<TokenRow>> {
    let find = sqlx::AssertSqlSafe(format!("select {TOKEN_COLUMNS} from api_token where digest = $1"));
    let found = on_pool!(pool, pool => sqlx::query_as::<_, TokenColumns>(find).bind(digest.as_slice()).fetch_optional(pool).await);
    Ok(found?.map(TokenRow::from))
}

pub(super) async fn token_by_id(pool: &Pool, id: &str) -> Answer<Option<TokenRow>> {
    let find = sqlx::AssertSqlSafe(format!("select {TOKEN_COLUMNS} from api_token where id = $1"));
    let found = on_pool!(pool, pool => sqlx::query_as::<_, TokenColumns>(find).bind(id).fetch_optional(pool).await);
    Ok(found?.map(TokenRow::from))
}

pub(super) async fn tokens(pool: &Pool, account: &AccountId) -> Answer<Vec<TokenRow>> {
    let list = sqlx::AssertSqlSafe(format!(
        "select {TOKEN_COLUMNS} from api_token where account = $1 order by created_at_us desc, id limit 200"
    ));
    let found =
        on_pool!(pool, pool => sqlx::query_as::<_, TokenColumns>(list).bind(account.as_str()).fetch_all(pool).await);
    Ok(found?.into_iter().map(TokenRow::from).collect())
}

/// That tokens were used, by their ids, with when they were. It never moves back.
pub(super) async fn touch_tokens(pool: &Pool, used: &BTreeMap<String, i64>) -> Answer<()> {
    const TOUCH: &str = "
        update api_token set used_at_us = $2 where id = $1 and (used_at_us is null or used_at_us < $2)";
    in_transaction!(pool, transaction => {
        for (id, used_at_us) in used {
            sqlx::query(TOUCH).bind(id).bind(used_at_us).execute(&mut *transaction).await?;
        }
    })
}

pub(super) async fn revoke_token(pool: &Pool, id: &str, now_us: i64) -> Answer<()> {
    const REVOKE: &str = "update api_token set revoked_at_us = $2 where id = $1 and revoked_at_us is null";
    on_pool!(pool, pool => sqlx::query(REVOKE).bind(id).bind(now_us).execute(pool).await.map(|_| ()))
}

/// A sign-in that is under way at a provider.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub(super) nonce: String,
    pub(super) verifier: String,
    pub(super) browser: Vec<u8>,
    pub(super) back: String,
    pub(super) expires_at_us: i64,
}

type PendingColumns = (String, String, Vec<u8>, String, i64);

impl From<PendingColumns> for Pending {
    fn from((nonce, verifier, browser, back, expires_at_us): PendingColumns) -> Self {
        Self { nonce, verifier, browser, back, expires_at_us }
    }
}

/// Keeps a sign-in that begins. False where so many are under way that this one must wait.
pub(super) async fn begin_pending(
    pool: &Pool,
    state: &Digest,
    pending: &Pending,
    under_way_max: i64,
    now_us: i64,
) -> Answer<bool> {
    const BEGIN: &str = "
        insert into pending_sign_in (state, nonce, verifier, browser, back, expires_at_us)
        select $1, $2, $3, $4, $5, cast($6 as bigint)
        where (select count(*) from pending_sign_in where expires_at_us > $7) < $8";
    let done = on_pool!(pool, pool => sqlx::query(BEGIN)
        .bind(state.to_vec())
        .bind(pending.nonce.as_str())
        .bind(pending.verifier.as_str())
        .bind(pending.browser.as_slice())
        .bind(pending.back.as_str())
        .bind(pending.expires_at_us)
        .bind(now_us)
        .bind(under_way_max)
        .execute(pool)
        .await?
        .rows_affected());
    Ok(done == 1)
}

/// Takes a sign-in that was begun by this browser out: a state is good for one try.
pub(super) async fn take_pending(pool: &Pool, state: &Digest, browser: &Digest) -> Answer<Option<Pending>> {
    const TAKE: &str = "
        delete from pending_sign_in where state = $1 and browser = $2
        returning nonce, verifier, browser, back, expires_at_us";
    let found = on_pool!(pool, pool => sqlx::query_as::<_, PendingColumns>(TAKE)
        .bind(state.to_vec())
        .bind(browser.to_vec())
        .fetch_optional(pool)
        .await);
    Ok(found?.map(Pending::from))
}

/// Removes what is over: sessions, sign-ins under way, and tokens that were over at `tokens_us`.
pub(super) async fn sweep(pool: &Pool, now_us: i64, idle_since_us: i64, tokens_us: i64) -> Answer<u64> {
    const SESSIONS: &str = "delete from session where expires_at_us <= $1 or seen_at_us <= $2";
    const PENDING: &str = "delete from pending_sign_in where expires_at_us <= $1";
    const TOKENS: &str = "delete from api_token where expires_at_us <= $1 or revoked_at_us <= $1";
    on_pool!(pool, pool => {
        let sessions = sqlx::query(SESSIONS).bind(now_us).bind(idle_since_us).execute(pool).await?.rows_affected();
        let pending = sqlx::query(PENDING).bind(now_us).execute(pool).await?.rows_affected();
        let tokens = sqlx::query(TOKENS).bind(tokens_us).execute(pool).await?.rows_affected();
        Ok(sessions + pending + tokens)
    })
}
