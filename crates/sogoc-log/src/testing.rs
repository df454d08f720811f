//! Throw-away stores for the tests of this crate and of those above it.

use std::path::PathBuf;
use std::str::FromStr as _;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};

/// Admin URL of a PostgreSQL server where databases may be created.
pub const POSTGRES_VARIABLE: &str = "SOGOC_TEST_POSTGRES";
/// Set to 1 where no test may be left out.
pub const ALL_VARIABLE: &str = "SOGOC_TEST_ALL";

/// A store that exists for one test.
#[derive(Debug)]
pub struct TestStore {
    url: String,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Folder(PathBuf),
    Database { admin: String, name: String },
}

impl TestStore {
    /// A file in a folder of its own.
    ///
    /// # Panics
    /// When the folder for temporary files cannot be written to.
    #[must_use]
    pub fn sqlite() -> Self {
        let folder = std::env::temp_dir().join(format!("sogoc-test-{}", random()));
        std::fs::create_dir_all(&folder).expect("the folder for temporary files can be written to");
        let url = format!("sqlite:{}", folder.join("register.db").display());
        Self { url, place: Place::Folder(folder) }
    }

    /// A database of its own on the server named by `SOGOC_TEST_POSTGRES`. Without one it says so and gives none; with
    /// `SOGOC_TEST_ALL=1` that is a failure.
    ///
    /// # Panics
    /// When the server does not let us create a database, or none is named and no test may be left out.
    pub async fn postgres() -> Option<Self> {
        Self::postgres_with("").await
    }

    /// As [`TestStore::postgres`], with options for `create database`.
    ///
    /// # Panics
    /// As there.
    pub async fn postgres_with(options: &str) -> Option<Self> {
        let Ok(admin) = std::env::var(POSTGRES_VARIABLE) else {
            let all = std::env::var(ALL_VARIABLE).is_ok_and(|value| value == "1");
            assert!(!all, "{ALL_VARIABLE}=1 and no {POSTGRES_VARIABLE}: name a PostgreSQL server");
            #[expect(clippy::print_stderr, reason = "a test says that it did not run")]
            {
                eprintln!("not run on PostgreSQL: {POSTGRES_VARIABLE} names no server");
            }
            return None;
        };
        let name = format!("sogoc_test_{}", random());
        execute(&admin, format!("create database {name} {options}"))
            .await
            .expect("the server lets us create a database");
        let url = with_database(&admin, &name);
        Some(Self { url, place: Place::Database { admin, name } })
    }

    /// URL for `Log::open`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Runs statements as the store's owner, past the log.
    ///
    /// # Panics
    /// When the store refuses them.
    pub async fn tamper(&self, sql: &str) {
        self.try_tamper(sql).await.expect("the owner may do anything");
    }

    /// Runs statements as the store's owner, past the log.
    ///
    /// # Errors
    /// What the store says.
    pub async fn try_tamper(&self, sql: &str) -> Result<(), sqlx::Error> {
        match &self.place {
            Place::Database { .. } => execute(&self.url, sql.to_owned()).await,
            Place::Folder(folder) => {
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(folder.join("register.db"));
                let mut connection = sqlx::SqliteConnection::connect_with(&options).await?;
                connection.execute(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await?;
                connection.close().await
            }
        }
    }

    /// The file of a SQLite store.
    #[must_use]
    pub fn file(&self) -> Option<PathBuf> {
        match &self.place {
            Place::Folder(folder) => Some(folder.join("register.db")),
            Place::Database { .. } => None,
        }
    }
}

impl Drop for TestStore {
    fn drop(&mut self) {
        match &self.place {
            Place::Folder(folder) => {
                let _ = std::fs::remove_dir_all(folder);
            }
            Place::Database { admin, name } => {
                let (admin, sql) = (admin.clone(), format!("drop database if exists {name} with (force)"));
                // A thread of its own: the test's runtime may be the one that is being dropped.
                let dropped = std::thread::spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                    runtime.map(|runtime| runtime.block_on(execute(&admin, sql)))
                });
                let _ = dropped.join();
            }
        }
    }
}

async fn execute(url: &str, sql: String) -> Result<(), sqlx::Error> {
    let options = PgConnectOptions::from_str(url)?;
    let mut connection = PgConnection::connect_with(&options).await?;
    connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await?;
    connection.close().await
}

/// The URL with another database in it.
fn with_database(url: &str, name: &str) -> String {
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let (scheme, rest) = base.split_once("://").unwrap_or(("postgres", base));
    let host = rest.split_once('/').map_or(rest, |(host, _)| host);
    let query = if query.is_empty() { String::new() } else { format!("?{query}") };
    format!("{scheme}://{host}/{name}{query}")
}

fn random() -> String {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).expect("the system has random bytes");
    hex::encode(bytes)
}
