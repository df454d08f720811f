//! Statements on either store, inside one transaction.

use sqlx::{AssertSqlSafe, PgPool, Postgres, Sqlite, SqlitePool, Transaction};

use super::MirrorError;
use sogoc_log::Pool;

/// A bound parameter.
#[derive(Clone, Debug)]
pub(super) enum Arg {
    Text(String),
    Int(i64),
}

impl From<&str> for Arg {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Arg {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

/// An open transaction on either store.
pub(super) enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Tx {
    /// Begins; on SQLite as the one writer, so that it never has to wait in the middle.
    pub(super) async fn begin(pool: &Pool) -> Result<Self, MirrorError> {
        Ok(match pool {
            Pool::Sqlite(pool) => Self::Sqlite(SqlitePool::begin_with(pool, "begin immediate").await?),
            Pool::Postgres(pool) => {
                let mut tx = PgPool::begin(pool).await?;
                // The rows of a country's season take longer to make than a session may be idle. Nobody but a writer of the
                // mirror waits for what is locked here; a node that is cut off is still told apart by its connection.
                sqlx::query("set local idle_in_transaction_session_timeout = '60s'").execute(&mut *tx).await?;
                Self::Postgres(tx)
            }
        })
    }

    /// Runs a statement of this module's own making, its values bound; gives the number of rows that it touched.
    pub(super) async fn run(&mut self, sql: String, args: &[Arg]) -> Result<u64, MirrorError> {
        macro_rules! bound {
            ($tx:expr) => {{
                let mut query = sqlx::query(AssertSqlSafe(sql));
                for arg in args {
                    query = match arg {
                        Arg::Text(text) => query.bind(text.clone()),
                        Arg::Int(number) => query.bind(*number),
                    };
                }
                query.execute(&mut **$tx).await?.rows_affected()
            }};
        }
        Ok(match self {
            Self::Sqlite(tx) => bound!(tx),
            Self::Postgres(tx) => bound!(tx),
        })
    }

    /// The first row of a query of integer columns, where there is one.
    pub(super) async fn integers<const N: usize>(&mut self, sql: String) -> Result<Option<[i64; N]>, MirrorError> {
        use sqlx::Row as _;
        macro_rules! read {
            ($tx:expr) => {{
                let row = sqlx::query(AssertSqlSafe(sql)).fetch_optional(&mut **$tx).await?;
                match row {
                    None => None,
                    Some(row) => {
                        let mut out = [0_i64; N];
                        for (column, slot) in out.iter_mut().enumerate() {
                            *slot = row.try_get(column)?;
                        }
                        Some(out)
                    }
                }
            }};
        }
        Ok(match self {
            Self::Sqlite(tx) => read!(tx),
            Self::Postgres(tx) => read!(tx),
        })
    }

    /// All rows of a query of one text column.
    pub(super) async fn texts(&mut self, sql: String) -> Result<Vec<String>, MirrorError> {
        Ok(match self {
            Self::Sqlite(tx) => sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut **tx).await?,
            Self::Postgres(tx) => sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut **tx).await?,
        })
    }

    pub(super) async fn commit(self) -> Result<(), MirrorError> {
        match self {
            Self::Sqlite(tx) => tx.commit().await?,
            Self::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }

    pub(super) fn is_postgres(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }
}
