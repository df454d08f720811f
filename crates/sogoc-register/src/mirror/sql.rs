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

/// Longest wait of the server for the next statement of such a transaction, in place of the five seconds of a session.
/// Between two statements the rows of a whole table are computed, which for a country's season takes many seconds. A writer
/// that is gone is still noticed within ten, by TCP; one that is only stuck holds up other writers of the mirror for a
/// minute, and never an append.
const IDLE: &str = "60s";

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
                let patient = format!("set local idle_in_transaction_session_timeout = '{IDLE}'");
                sqlx::query(AssertSqlSafe(patient)).execute(&mut *tx).await?;
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

#[cfg(test)]
mod tests {
    use sogoc_log::testing::TestStore;
    use sogoc_log::{Log, Options};

    use super::*;

    const SETTING: &str = "select current_setting('idle_in_transaction_session_timeout')";

    #[tokio::test]
    async fn a_transaction_of_the_mirror_may_compute_for_longer_than_a_session_may_be_idle() {
        let Some(store) = TestStore::postgres().await else { return };
        let options = Options { readers: 1, ..Options::default() };
        let log = Log::open_or_create(store.url(), options).await.unwrap();
        let Pool::Postgres(pool) = log.pool() else { panic!("it is on PostgreSQL") };
        let of_session = || async { sqlx::query_scalar::<_, String>(SETTING).fetch_one(pool).await.unwrap() };
        assert_eq!(of_session().await, "5s");

        let mut tx = Tx::begin(log.pool()).await.unwrap();
        assert_eq!(tx.texts(SETTING.to_owned()).await.unwrap(), ["1min"]);
        tx.commit().await.unwrap();
        // Whoever has the connection next is bounded as before.
        for _ in 0..2 {
            assert_eq!(of_session().await, "5s");
        }
        log.close().await;
    }
}
