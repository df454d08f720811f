//! Statements past the program: what an owner of the database could do, and what an auditor with SQL reads.

use std::future::Future;
use std::str::FromStr as _;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, Row as _};

/// Rows of text cells; other types are cast in the query.
pub(crate) type Rows = Vec<Vec<Option<String>>>;

fn block<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    runtime.block_on(work)
}

/// Runs statements, as many as there are.
///
/// # Errors
/// What the store says.
pub(crate) fn try_run(url: &str, sql: &str) -> Result<(), sqlx::Error> {
    let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
    block(async {
        match path(url) {
            Some(path) => {
                let mut connection = sqlite(path).await?;
                connection.execute(sql).await?;
                connection.close().await
            }
            None => {
                let mut connection = postgres(url).await?;
                connection.execute(sql).await?;
                connection.close().await
            }
        }
    })
}

/// Runs statements that must succeed.
#[track_caller]
pub(crate) fn run(url: &str, sql: &str) {
    if let Err(error) = try_run(url, sql) {
        panic!("{sql}: {error}");
    }
}

/// Reads rows.
///
/// # Errors
/// What the store says.
pub(crate) fn try_rows(url: &str, sql: &str) -> Result<Rows, sqlx::Error> {
    let sql = AssertSqlSafe(sql.to_owned());
    block(async {
        match path(url) {
            Some(path) => {
                let mut connection = sqlite(path).await?;
                let rows = sqlx::query(sql).fetch_all(&mut connection).await?;
                connection.close().await?;
                Ok(rows.iter().map(|row| (0..row.len()).map(|n| row.get_unchecked(n)).collect()).collect())
            }
            None => {
                let mut connection = postgres(url).await?;
                let rows = sqlx::query(sql).fetch_all(&mut connection).await?;
                connection.close().await?;
                Ok(rows.iter().map(|row| (0..row.len()).map(|n| row.get(n)).collect()).collect())
            }
        }
    })
}

/// Reads rows, which must succeed.
#[track_caller]
pub(crate) fn rows(url: &str, sql: &str) -> Rows {
    try_rows(url, sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// Reads one text cell.
#[track_caller]
pub(crate) fn cell(url: &str, sql: &str) -> String {
    let rows = rows(url, sql);
    let [row] = &rows[..] else { panic!("{sql}: {} rows", rows.len()) };
    row[0].clone().unwrap_or_else(|| panic!("{sql}: null"))
}

/// The path of an embedded store.
pub(crate) fn path(url: &str) -> Option<&str> {
    url.strip_prefix("sqlite:")
}

/// Brings everything that is in the write-ahead log into the file, so that the file is all there is.
pub(crate) fn checkpoint(url: &str) {
    run(url, "pragma wal_checkpoint(truncate)");
}

async fn sqlite(path: &str) -> Result<SqliteConnection, sqlx::Error> {
    SqliteConnectOptions::new().filename(path).create_if_missing(false).disable_statement_logging().connect().await
}

async fn postgres(url: &str) -> Result<PgConnection, sqlx::Error> {
    PgConnectOptions::from_str(url)?.disable_statement_logging().connect().await
}

/// A transaction on a PostgreSQL that is open until this is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    runtime: tokio::runtime::Runtime,
    connection: Option<PgConnection>,
}

impl Held {
    /// Begins it with statements.
    #[track_caller]
    pub(crate) fn take(url: &str, sql: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
        let connection = runtime.block_on(async {
            let mut connection = postgres(url).await.expect("the server takes connections");
            let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
            connection.execute(sql).await.expect("it can be begun");
            connection
        });
        Self { runtime, connection: Some(connection) }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            let _ = self.runtime.block_on(connection.close());
        }
    }
}
