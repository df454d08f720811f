//! Reading a table of postgres-es into a log (DESIGN §10).
//!
//! Such a table has an order within each aggregate and none between them: rows are taken aggregate by aggregate, in
//! sequence. A row becomes one entry: stream `{aggregate_type}/{aggregate_id}`, kind and version from the event's, data
//! from the payload. **Not taken:** the metadata, for which an entry has no field. **Again:** ids follow from type, id
//! and sequence, so rows that are recorded are passed over, and one that was changed since is refused (the table permits
//! `update`; a log does not).

use futures_util::StreamExt as _;
use sha2::{Digest as _, Sha256};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use uuid::Uuid;

use crate::append::{Append, Draft};
use crate::canonical;
use crate::entry::Actor;
use crate::error::LogError;
use crate::log::Log;
use crate::values::{StreamId, Version, is_id};

/// Namespace of the ids under which rows are recorded: fixed for ever.
const NAMESPACE: Uuid = Uuid::from_u128(0x53c1_9e0d_7a42_5b1e_a6f3_20d9_8b74_c15a);
/// Rows fetched at a time.
const PAGE: usize = 1_000;
/// Appends on their way at a time; in order, so that they share commits.
const ON_THE_WAY: usize = 256;

/// What an import took in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Imported {
    /// Rows read.
    pub rows: u64,
    /// Entries recorded now.
    pub recorded: u64,
    /// Rows that were recorded before.
    pub repeated: u64,
}

/// Why a row or the source could not be taken in. What came before it is recorded; running it again goes on there.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The table's name, or the account, has not the form it needs.
    #[error("{0}")]
    Usage(String),
    /// The source database.
    #[error("the database of the postgres-es table: {0}")]
    Source(#[from] sqlx::Error),
    /// A row.
    #[error("row {aggregate_type} {aggregate_id} {sequence}: {why}")]
    Row {
        /// Its aggregate type.
        aggregate_type: String,
        /// Its aggregate id.
        aggregate_id: String,
        /// Its sequence.
        sequence: i64,
        /// What is wrong with it, and what to do.
        why: String,
    },
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
}

#[derive(Clone, Debug)]
struct Row {
    aggregate_type: String,
    aggregate_id: String,
    sequence: i64,
    event_type: String,
    event_version: String,
    payload: String,
}

impl From<(String, String, i64, String, String, String)> for Row {
    fn from(columns: (String, String, i64, String, String, String)) -> Self {
        let (aggregate_type, aggregate_id, sequence, event_type, event_version, payload) = columns;
        Self { aggregate_type, aggregate_id, sequence, event_type, event_version, payload }
    }
}

impl Row {
    fn refused(&self, why: impl Into<String>) -> ImportError {
        let head = |text: &str| text.chars().take(80).collect();
        ImportError::Row {
            aggregate_type: head(&self.aggregate_type),
            aggregate_id: head(&self.aggregate_id),
            sequence: self.sequence,
            why: why.into(),
        }
    }

    /// What the log is asked to record.
    fn draft(&self) -> Result<(Uuid, Draft), ImportError> {
        let path: Vec<String> = self.aggregate_id.split('/').map(kebab).collect();
        let name = format!("{}/{}", kebab(&self.aggregate_type), path.join("/"));
        let stream = StreamId::try_new(name).map_err(|error| self.refused(error.to_string()))?;
        let kind = kebab(&self.event_type);
        if !is_id(&kind) {
            return Err(self.refused(format!("the event type {:?} gives no kind of a-z, 0-9 and -", self.event_type)));
        }
        let major = self.event_version.split('.').next().and_then(|text| text.parse::<u32>().ok());
        let payload: serde_json::Value =
            serde_json::from_str(&self.payload).map_err(|error| self.refused(format!("the payload: {error}")))?;
        if !payload.is_object() {
            return Err(self.refused("the payload is no JSON object: an entry's data is one"));
        }
        let data = canonical::to_string(&payload).map_err(|error| {
            self.refused(format!("{error}: an entry holds decimals as strings, rewrite the payload"))
        })?;
        let id = format!("{}\0{}\0{}", self.aggregate_type, self.aggregate_id, self.sequence);
        let draft = Draft { stream, kind, kind_version: major.unwrap_or(1).max(1), data, causation: None };
        Ok((Uuid::new_v5(&NAMESPACE, id.as_bytes()), draft))
    }
}

/// `AccountOpened`, `account_opened` and `account-opened` alike become `account-opened`.
fn kebab(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 4);
    let mut before: Option<char> = None;
    for c in text.chars() {
        let boundary = c.is_ascii_uppercase() && before.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if boundary {
            out.push('-');
        }
        out.push(if matches!(c, '_' | ' ' | '.' | ':') { '-' } else { c.to_ascii_lowercase() });
        before = Some(c);
    }
    out
}

/// A table's name, quoted; with its schema before a dot where it has one.
fn quoted(table: &str) -> Result<String, ImportError> {
    let parts: Vec<&str> = table.split('.').collect();
    let plain =
        |part: &&str| (1..=63).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if parts.len() > 2 || !parts.iter().all(plain) {
        return Err(ImportError::Usage(format!("table {table:?}: write a name such as events or read.events")));
    }
    Ok(parts.iter().map(|part| format!("\"{part}\"")).collect::<Vec<_>>().join("."))
}

impl Log {
    /// Reads every row of a postgres-es table into this log, as this account. `check` may refuse a row by what it would
    /// become: stream, kind, kind version and data. Told of its progress: rows so far.
    ///
    /// # Errors
    /// [`ImportError`] at the first row that cannot be taken in.
    pub async fn import_postgres_es(
        &self,
        source: &str,
        table: &str,
        account: &str,
        check: impl Fn(&str, &str, u32, &str) -> Result<(), String>,
        mut progress: impl FnMut(u64),
    ) -> Result<Imported, ImportError> {
        if !is_id(account) {
            return Err(ImportError::Usage(format!("account {account:?}: use 1 to 64 of a-z, 0-9 and -")));
        }
        let sql = format!(
            "select\n  aggregate_type, aggregate_id, sequence::bigint as sequence,\n  event_type, event_version,\n  \
             payload::text as payload\nfrom {}\nwhere (aggregate_type, aggregate_id, sequence) > ($1, $2, $3)\n\
             order by aggregate_type, aggregate_id, sequence\nlimit {PAGE}",
            quoted(table)?
        );
        let mut connection = PgConnection::connect(source).await?;
        let mut done = Imported::default();
        let mut last: Option<Row> = None;
        loop {
            let (kind, id, sequence) = last.as_ref().map_or(("", "", i64::MIN), |row| {
                (row.aggregate_type.as_str(), row.aggregate_id.as_str(), row.sequence)
            });
            let rows: Vec<(String, String, i64, String, String, String)> = sqlx::query_as(AssertSqlSafe(sql.clone()))
                .bind(kind)
                .bind(id)
                .bind(sequence)
                .fetch_all(&mut connection)
                .await?;
            let rows: Vec<Row> = rows.into_iter().map(Row::from).collect();
            let Some(end) = rows.last().cloned() else { break };
            let mut appends = Vec::with_capacity(rows.len());
            for row in &rows {
                let due = match &last {
                    Some(l) if l.aggregate_type == row.aggregate_type && l.aggregate_id == row.aggregate_id => {
                        l.sequence.saturating_add(1)
                    }
                    Some(_) | None => 1,
                };
                if row.sequence != due {
                    return Err(row.refused(format!("sequence {due} is due: the table has lost or renumbered events")));
                }
                let (command, draft) = row.draft()?;
                check(draft.stream.as_str(), &draft.kind, draft.kind_version, &draft.data)
                    .map_err(|why| row.refused(why))?;
                appends.push((row, self.append_of(command, draft, account, due)));
                last = Some(row.clone());
            }
            let mut answers = futures_util::stream::iter(appends)
                .map(|(row, append)| async move { (row, self.append(append).await) })
                .buffered(ON_THE_WAY);
            while let Some((row, answer)) = answers.next().await {
                match answer {
                    Ok(receipt) if receipt.repeated => done.repeated += 1,
                    Ok(_) => done.recorded += 1,
                    Err(LogError::CommandReused { .. }) => {
                        return Err(
                            row.refused("it was recorded before with another content: the table was changed since")
                        );
                    }
                    Err(LogError::Conflict { .. }) => {
                        return Err(
                            row.refused("the stream has entries of its own in this log: import into another one")
                        );
                    }
                    Err(error) => return Err(error.into()),
                }
                done.rows += 1;
            }
            progress(done.rows);
            last = Some(end);
        }
        connection.close().await?;
        Ok(done)
    }

    fn append_of(&self, command: Uuid, draft: Draft, account: &str, sequence: i64) -> Append {
        let content = format!("{}\n{}\n{}\n{}", draft.stream, draft.kind, draft.kind_version, draft.data);
        let before = u64::try_from(sequence).map_or(0, |n| n.saturating_sub(1));
        Append {
            command,
            command_digest: Sha256::digest(content).into(),
            correlation: Some("import:postgres-es".to_owned()),
            actor: Actor { account: account.to_owned(), ..Actor::default() },
            received: self.options().clock.now(),
            occurred: None,
            instrument: None,
            expected: vec![(draft.stream.clone(), Version(before))],
            drafts: vec![draft],
            sealed: Vec::new(),
            erases: Vec::new(),
            unmoved: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_ids() {
        for (text, want) in [
            ("AccountOpened", "account-opened"),
            ("account_opened", "account-opened"),
            ("Order2Shipped", "order2-shipped"),
            ("hanam-2022", "hanam-2022"),
        ] {
            assert_eq!(kebab(text), want);
        }
    }

    #[test]
    fn a_table_name_is_never_sql() {
        assert_eq!(quoted("read.events").expect("a name"), "\"read\".\"events\"");
        for bad in ["", "a.b.c", "events; drop table entry", "a\"b", "."] {
            assert!(quoted(bad).is_err(), "{bad}");
        }
    }
}
