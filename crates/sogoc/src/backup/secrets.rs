//! What accounts and programs sign in with, for a backup that asks for it: digests of passwords and tokens, seeds of second
//! factors. Sessions, sign-ins under way and leases never.

use serde::{Deserialize, Serialize};
use sogoc_log::{Log, LogError, Pool};

/// A row, under the name of its table.
#[derive(Serialize, Deserialize, Debug)]
#[serde(tag = "table", rename_all = "snake_case", deny_unknown_fields)]
enum Line {
    SignIn {
        account: String,
        password: Option<String>,
        totp: Option<String>,
        totp_confirmed: i64,
        totp_step: i64,
        subject: Option<String>,
        changed_at_us: i64,
    },
    ApiToken {
        id: String,
        digest: String,
        account: String,
        name: String,
        scopes: String,
        second_factor: i64,
        created_at_us: i64,
        expires_at_us: i64,
        used_at_us: Option<i64>,
        revoked_at_us: Option<i64>,
    },
}

type SignIn = (String, Option<String>, Option<Vec<u8>>, i64, i64, Option<String>, i64);
type Token = (String, Vec<u8>, String, String, String, i64, i64, i64, Option<i64>, Option<i64>);

macro_rules! on_pool {
    ($log:expr, $pool:ident => $body:expr) => {
        match $log.pool() {
            Pool::Sqlite($pool) => $body,
            Pool::Postgres($pool) => $body,
        }
    };
}

/// All of them, as lines.
pub(crate) async fn read(log: &Log) -> Result<Vec<String>, LogError> {
    const SIGN_IN: &str = "select account, password, totp, totp_confirmed, totp_step, subject, changed_at_us
         from sign_in
         order by account";
    const TOKEN: &str =
        "select id, digest, account, name, scopes, second_factor, created_at_us, expires_at_us, used_at_us, revoked_at_us
         from api_token
         order by id";
    let (accounts, tokens): (Vec<SignIn>, Vec<Token>) = on_pool!(log, pool => {
        let accounts = sqlx::query_as(SIGN_IN).fetch_all(pool).await.map_err(|error| told(&error))?;
        (accounts, sqlx::query_as(TOKEN).fetch_all(pool).await.map_err(|error| told(&error))?)
    });
    let accounts = accounts.into_iter().map(|row| Line::SignIn {
        account: row.0,
        password: row.1,
        totp: row.2.map(hex::encode),
        totp_confirmed: row.3,
        totp_step: row.4,
        subject: row.5,
        changed_at_us: row.6,
    });
    let tokens = tokens.into_iter().map(|row| Line::ApiToken {
        id: row.0,
        digest: hex::encode(row.1),
        account: row.2,
        name: row.3,
        scopes: row.4,
        second_factor: row.5,
        created_at_us: row.6,
        expires_at_us: row.7,
        used_at_us: row.8,
        revoked_at_us: row.9,
    });
    let line = |line: Line| serde_json::to_string(&line).expect("a line has text keys and no floats");
    Ok(accounts.chain(tokens).map(line).collect())
}

/// Writes them into a store that has none. Returns how many. Failures and lockouts begin anew.
pub(crate) async fn write(log: &Log, lines: &[String]) -> Result<u64, LogError> {
    const SIGN_IN: &str = "insert into sign_in
           (account, password, totp, totp_confirmed, totp_step, subject, failures, locked_until_us, changed_at_us)
         values ($1, $2, $3, $4, $5, $6, 0, 0, $7)
         on conflict do nothing";
    const TOKEN: &str = "insert into api_token
           (id, digest, account, name, scopes, second_factor, created_at_us, expires_at_us, used_at_us, revoked_at_us)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         on conflict do nothing";
    let mut written = 0;
    for line in lines {
        let bad = |what: String| LogError::Corrupt { position: None, what: format!("sign-in in the backup: {what}") };
        let line: Line = serde_json::from_str(line).map_err(|error| bad(error.to_string()))?;
        let bytes = |text: &str| hex::decode(text).map_err(|error| bad(error.to_string()));
        written += match line {
            Line::SignIn { account, password, totp, totp_confirmed, totp_step, subject, changed_at_us } => {
                let totp = totp.as_deref().map(bytes).transpose()?;
                on_pool!(log, pool => sqlx::query(SIGN_IN)
                    .bind(account)
                    .bind(password)
                    .bind(totp)
                    .bind(totp_confirmed)
                    .bind(totp_step)
                    .bind(subject)
                    .bind(changed_at_us)
                    .execute(pool)
                    .await
                    .map(|done| done.rows_affected()))
            }
            Line::ApiToken {
                id,
                digest,
                account,
                name,
                scopes,
                second_factor,
                created_at_us,
                expires_at_us,
                used_at_us,
                revoked_at_us,
            } => {
                let digest = bytes(&digest)?;
                on_pool!(log, pool => sqlx::query(TOKEN)
                    .bind(id)
                    .bind(digest)
                    .bind(account)
                    .bind(name)
                    .bind(scopes)
                    .bind(second_factor)
                    .bind(created_at_us)
                    .bind(expires_at_us)
                    .bind(used_at_us)
                    .bind(revoked_at_us)
                    .execute(pool)
                    .await
                    .map(|done| done.rows_affected()))
            }
        }
        .map_err(|error| told(&error))?;
    }
    Ok(written)
}

fn told(error: &sqlx::Error) -> LogError {
    LogError::Unavailable { retry_after_ms: 1_000, why: error.to_string() }
}
