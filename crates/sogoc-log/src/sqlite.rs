//! The log in one SQLite file, the embedded default.
//!
//! Several processes may read and one at a time may write; the write lock (`begin immediate`) is the fence that the head
//! row's lock is on PostgreSQL.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, Row as _};
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::error::LogError;
use crate::options::{DEFAULT_NAME, Options};
use crate::store::{
    HeadRow, Known, Lines, Question, Row, SCHEMA, SealedRow, Writer, bytes32, erased_all, integer, position,
    prefix_end, time, told, version,
};
use crate::values::{Position, StreamId, Version};

const MIGRATIONS: [&str; SCHEMA as usize] = [
    include_str!("../migrations/sqlite/0001_log.sql"),
    include_str!("../migrations/sqlite/0002_proof.sql"),
    include_str!("../migrations/sqlite/0003_service.sql"),
];
/// `pragma application_id` of a register: "sogo".
const APPLICATION_ID: u32 = 0x736f_676f;
/// Earlier ones have a WAL-reset corruption bug (DESIGN §5).
const SQLITE_VERSION_MIN: (u32, u32, u32) = (3, 51, 3);
/// Longest wait for another process's write lock, in seconds.
const LOCK_SECONDS_MAX: u64 = 5;
/// The same as a statement, in milliseconds.
const BUSY_TIMEOUT: &str = "pragma busy_timeout = 5000";

/// A register's file.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    path: PathBuf,
    pub(crate) shown: String,
}

impl Target {
    pub(crate) fn parse(path: &str) -> Result<Self, LogError> {
        let shown = format!("sqlite:{path}");
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() || path.starts_with(':') || path.contains('?') || path.ends_with('/') {
            return Err(LogError::refused(
                format!("store {shown:?}"),
                "sqlite:PATH, the path of a file",
                "give a path such as sqlite:sogoc-data/register.db",
            ));
        }
        Ok(Self { path: PathBuf::from(path), shown })
    }

    fn not_a_register(&self, what: impl Into<String>, remedy: &str) -> LogError {
        LogError::NotARegister { store: self.shown.clone(), what: what.into(), remedy: remedy.to_owned() }
    }

    fn unavailable(&self, error: &std::io::Error) -> LogError {
        LogError::unavailable(format!("{}: {error}", self.shown))
    }

    fn connect_options(&self, path: &Path) -> SqliteConnectOptions {
        SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(false)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            // Every commit is on disk before it is acked.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(LOCK_SECONDS_MAX))
            // An erased text leaves no copy in free pages.
            .pragma("secure_delete", "on")
            .pragma("cell_size_check", "on")
            .pragma("trusted_schema", "off")
            .disable_statement_logging()
    }

    /// Looks at the file's header before SQLite may change anything in a file that is not ours.
    fn check_header(&self) -> Result<(), LogError> {
        let mut file = match std::fs::File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(self.not_a_register("there is no such file", "create it with `sogoc store migrate`"));
            }
            Err(error) => return Err(self.unavailable(&error)),
        };
        let mut header = [0; 100];
        let restore = "if it was one, restore it from a backup; else choose another path";
        match file.read_exact(&mut header) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                return Err(self.not_a_register("the file is empty or cut off in its header", restore));
            }
            Err(error) => return Err(self.unavailable(&error)),
        }
        if !header.starts_with(b"SQLite format 3\0") {
            return Err(self.not_a_register("the file is no SQLite database", restore));
        }
        let application = u32::from_be_bytes([header[68], header[69], header[70], header[71]]);
        if application != APPLICATION_ID {
            return Err(self.not_a_register("the file is the SQLite database of another application", restore));
        }
        Ok(())
    }

    /// Creates the file, or brings its schema up to date. Returns whether the log is new.
    pub(crate) async fn migrate(&self, options: &Options) -> Result<bool, LogError> {
        if self.path.exists() {
            let mut connection = self.connect(&self.path).await?;
            let found = schema(&mut connection).await?;
            if found > SCHEMA {
                return Err(LogError::Schema { found, usable: SCHEMA });
            }
            migrate_from(&mut connection, found).await?;
            let _ = connection.close().await;
            return Ok(false);
        }
        if let Some(parent) = self.path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            create_private_folder(parent).map_err(|error| self.unavailable(&error))?;
        }
        // Made beside and linked into place: whatever happens, a file under this name is a whole register, so that an
        // empty one can be told from a new one, and of two that create it at once one finds the other's.
        let mut salt = [0; 8];
        getrandom::fill(&mut salt).map_err(|error| LogError::unavailable(format!("no random bytes: {error}")))?;
        let mut beside = self.path.clone().into_os_string();
        beside.push(format!(".{}.new", hex::encode(salt)));
        let beside = PathBuf::from(beside);
        let created = self.create(&beside, options).await;
        let linked = match &created {
            Ok(()) => std::fs::hard_link(&beside, &self.path),
            Err(_) => Ok(()),
        };
        for suffix in ["", "-wal", "-shm"] {
            let mut leftover = beside.clone().into_os_string();
            leftover.push(suffix);
            let _ = std::fs::remove_file(leftover);
        }
        created?;
        match linked {
            Ok(()) => {
                sync_folder(&self.path).map_err(|error| self.unavailable(&error))?;
                Ok(true)
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(self.unavailable(&error)),
        }
    }

    async fn create(&self, beside: &Path, options: &Options) -> Result<(), LogError> {
        create_private_file(beside).map_err(|error| self.unavailable(&error))?;
        let opened = self.connect_options(beside).connect().await;
        let mut connection = opened.map_err(|error| self.opened(&error))?;
        migrate_from(&mut connection, 0).await?;
        sqlx::query("insert into head (id, size, frontier, last_at_us, name, schema) values (1, 0, $1, null, $2, $3)")
            .bind(sogoc_proof::Frontier::new().to_bytes())
            .bind(options.name.as_deref().unwrap_or(DEFAULT_NAME))
            .bind(i64::from(SCHEMA))
            .execute(&mut connection)
            .await
            .map_err(|error| told(&error))?;
        // The link names the main file only, so nothing may be left in the write-ahead log.
        connection.execute("pragma wal_checkpoint(truncate)").await.map_err(|error| told(&error))?;
        connection.close().await.map_err(|error| told(&error))?;
        std::fs::File::open(beside).and_then(|file| file.sync_all()).map_err(|error| self.unavailable(&error))
    }

    async fn connect(&self, path: &Path) -> Result<SqliteConnection, LogError> {
        self.check_header()?;
        let mut connection = self.connect_options(path).connect().await.map_err(|error| self.opened(&error))?;
        let library: String = sqlx::query_scalar("select sqlite_version()")
            .fetch_one(&mut connection)
            .await
            .map_err(|error| self.opened(&error))?;
        if !is_new_enough(&library) {
            return Err(LogError::Unusable {
                what: format!("SQLite {library} can corrupt a database when its write-ahead log is reset"),
                remedy: "build with SQLite 3.51.3 or newer".to_owned(),
            });
        }
        Ok(connection)
    }

    fn opened(&self, error: &sqlx::Error) -> LogError {
        self.named(told(error))
    }

    /// Says which file an error is about.
    fn named(&self, error: LogError) -> LogError {
        if let LogError::Corrupt { position: None, what } = error {
            return LogError::corrupt(None, format!("{}: {what} (the file is damaged or was cut off)", self.shown));
        }
        if let LogError::Unavailable { retry_after_ms, why } = error {
            return LogError::Unavailable { retry_after_ms, why: format!("{}: {why}", self.shown) };
        }
        error
    }

    /// Opens the log: the appender's connection and the readers' pool.
    pub(crate) async fn open(&self, options: &Options) -> Result<(SqlitePool, SqliteWriter), LogError> {
        let mut connection = self.connect(&self.path).await?;
        let found = schema(&mut connection).await.map_err(|error| self.named(error))?;
        if found != SCHEMA {
            return Err(LogError::Schema { found, usable: SCHEMA });
        }
        let pool = SqlitePoolOptions::new()
            .max_connections(options.readers.max(1))
            .acquire_timeout(Duration::from_secs(LOCK_SECONDS_MAX))
            .connect_lazy_with(self.connect_options(&self.path));
        Ok((pool, SqliteWriter { target: self.clone(), connection: Some(connection), scrub_due: false }))
    }
}

fn is_new_enough(library: &str) -> bool {
    let mut parts = library.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    (next(), next(), next()) >= SQLITE_VERSION_MIN
}

fn create_private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// The write-ahead log takes over the mode of the main file.
fn create_private_file(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(|_| ())
}

/// A new name is durable once its folder is.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    #[cfg(unix)]
    std::fs::File::open(parent)?.sync_all()?;
    Ok(())
}

async fn migrate_from(connection: &mut SqliteConnection, found: u32) -> Result<(), LogError> {
    let told = |error: sqlx::Error| told(&error);
    for (number, sql) in (1_u32..).zip(MIGRATIONS).skip(found as usize) {
        connection.execute("begin immediate").await.map_err(told)?;
        // Another process may have been quicker. A file that is being made is nobody else's.
        if found > 0 && schema(connection).await? >= number {
            connection.execute("rollback").await.map_err(told)?;
            continue;
        }
        connection.execute(sqlx::raw_sql(sql)).await.map_err(told)?;
        if number > 1 {
            sqlx::query("update head set schema = $1")
                .bind(i64::from(number))
                .execute(&mut *connection)
                .await
                .map_err(told)?;
        }
        connection.execute("commit").await.map_err(told)?;
    }
    Ok(())
}

/// The number of the newest migration, 0 without a log.
async fn schema(connection: &mut SqliteConnection) -> Result<u32, LogError> {
    let tables: i64 = sqlx::query_scalar(
        "select count(*) from sqlite_schema where type = 'table' and name in ('head', 'entry', 'sealed_text', 'snapshot')",
    )
    .fetch_one(&mut *connection)
    .await
    .map_err(|error| told(&error))?;
    if tables < 4 {
        return Ok(0);
    }
    let found: Option<i64> = sqlx::query_scalar("select schema from head where id = 1")
        .fetch_optional(connection)
        .await
        .map_err(|error| told(&error))?;
    match found {
        Some(found) => Ok(u32::try_from(found).unwrap_or(u32::MAX)),
        None => Err(LogError::corrupt(None, "the head row is missing")),
    }
}

/// The connection that appends.
pub(crate) struct SqliteWriter {
    target: Target,
    connection: Option<SqliteConnection>,
    /// Whether the write-ahead log may hold what was erased.
    scrub_due: bool,
}

impl SqliteWriter {
    fn connection(&mut self) -> Result<&mut SqliteConnection, LogError> {
        self.connection.as_mut().ok_or_else(|| LogError::unavailable("the connection was given up"))
    }
}

impl Writer for SqliteWriter {
    async fn connect(&mut self) -> Result<(), LogError> {
        if self.connection.is_none() {
            self.connection = Some(self.target.connect(&self.target.path).await?);
        }
        Ok(())
    }

    async fn begin(&mut self) -> Result<HeadRow, LogError> {
        // Takes the write lock at once: a transaction that began to read and then wants to write could be refused.
        self.connection()?.execute("begin immediate").await.map_err(|error| told(&error))?;
        let row = sqlx::query("select size, frontier, last_at_us, name, schema from head where id = 1")
            .fetch_one(self.connection()?)
            .await
            .map_err(|error| told(&error))?;
        head(&row)
    }

    async fn look_up(&mut self, question: &Question) -> Result<Known, LogError> {
        let mut known = Known::default();
        let connection = self.connection()?;
        let commands = json_array(question.commands.iter().map(Uuid::to_string));
        let rows = sqlx::query(
            "select command, command_digest, at_us, position
             from entry
             where command in (select value from json_each($1))
             order by command, command_index",
        )
        .bind(commands)
        .fetch_all(&mut *connection)
        .await
        .map_err(|error| told(&error))?;
        for row in &rows {
            let get = |error: sqlx::Error| told(&error);
            let (digest, at_us): (Vec<u8>, i64) = (row.try_get(1).map_err(get)?, row.try_get(2).map_err(get)?);
            known.record(command(row, 0)?, &digest, at_us, row.try_get(3).map_err(get)?)?;
        }
        let streams = json_array(question.streams.iter().map(StreamId::as_str));
        let versions: Vec<i64> = sqlx::query_scalar(
            "select coalesce((
               select version
               from entry
               where entry.stream = asked.value
               order by version desc
               limit 1
             ), 0)
             from json_each($1) as asked
             order by asked.key",
        )
        .bind(streams)
        .fetch_all(&mut *connection)
        .await
        .map_err(|error| told(&error))?;
        known.versions = versions.into_iter().map(version).collect::<Result<_, _>>()?;
        for commitment in &question.erases {
            let held: Option<(Vec<u8>, Option<i64>)> =
                sqlx::query_as("select commitment, erased_at_us from sealed_text where commitment = $1")
                    .bind(commitment.to_vec())
                    .fetch_optional(&mut *connection)
                    .await
                    .map_err(|error| told(&error))?;
            if let Some((commitment, erased_at_us)) = held {
                known.hold(&commitment, erased_at_us)?;
            }
        }
        for (prefix, since) in &question.unmoved {
            let moved: Option<(String, i64)> = sqlx::query_as(
                "select stream, position
                 from entry
                 where position > $1 and stream >= $2 and stream < $3
                 order by position
                 limit 1",
            )
            .bind(integer(since.0))
            .bind(prefix)
            .bind(prefix_end(prefix))
            .fetch_optional(&mut *connection)
            .await
            .map_err(|error| told(&error))?;
            known.moved.push(moved.map(|(stream, at)| Ok((StreamId::try_new(stream)?, position(at)?))).transpose()?);
        }
        Ok(known)
    }

    async fn erase(&mut self, commitments: &[[u8; 32]], at: Timestamp) -> Result<(), LogError> {
        for commitment in commitments {
            let erased = sqlx::query(
                "update sealed_text
                 set salt = null, text = null, erased_at_us = $2
                 where commitment = $1 and erased_at_us is null",
            )
            .bind(commitment.to_vec())
            .bind(at.micros())
            .execute(self.connection()?)
            .await
            .map_err(|error| told(&error))?;
            erased_all(1, erased.rows_affected())?;
        }
        self.scrub_due |= !commitments.is_empty();
        Ok(())
    }

    async fn record(
        &mut self,
        rows: &[Row],
        sealed: &[SealedRow],
        old_size: u64,
        head: &HeadRow,
    ) -> Result<(), LogError> {
        let connection = self.connection()?;
        insert_entries(connection, rows).await?;
        insert_sealed(connection, sealed).await?;
        let updated = sqlx::query(
            "update head
             set size = $1, frontier = $2, last_at_us = $3
             where id = 1 and size = $4",
        )
        .bind(integer(head.frontier.size()))
        .bind(head.frontier.to_bytes())
        .bind(head.last_at.map(|at| at.micros()))
        .bind(integer(old_size))
        .execute(self.connection()?)
        .await
        .map_err(|error| told(&error))?;
        if updated.rows_affected() == 1 {
            return Ok(());
        }
        Err(LogError::corrupt(None, "the head row changed under its lock"))
    }

    async fn commit(&mut self) -> Result<(), LogError> {
        self.connection()?.execute("commit").await.map(|_| ()).map_err(|error| told(&error))
    }

    /// Erased pages are zeroed in the file (`secure_delete`); the write-ahead log holds their old images until it is
    /// emptied into the file.
    async fn scrub(&mut self) {
        if !self.scrub_due {
            return;
        }
        let Some(connection) = &mut self.connection else { return };
        let emptied: Result<(i64, i64, i64), sqlx::Error> = async {
            connection.execute("pragma busy_timeout = 0").await?;
            let emptied = sqlx::query_as("pragma wal_checkpoint(truncate)").fetch_one(&mut *connection).await;
            connection.execute(BUSY_TIMEOUT).await?;
            emptied
        }
        .await;
        match emptied {
            Ok((0, _, _)) => self.scrub_due = false,
            Ok(_) => tracing::debug!("a reader keeps the write-ahead log; what was erased goes from it later"),
            Err(error) => tracing::warn!(error = %error, "the write-ahead log could not be emptied"),
        }
    }

    async fn rollback(&mut self) -> Result<(), LogError> {
        self.connection()?.execute("rollback").await.map(|_| ()).map_err(|error| told(&error))
    }

    fn discard(&mut self) {
        self.connection = None;
    }

    async fn close(&mut self) {
        self.scrub().await;
        if let Some(connection) = self.connection.take() {
            let _ = connection.close().await;
        }
    }
}

/// A JSON array of texts that need no escape: ids and names of streams.
fn json_array<T: AsRef<str>>(texts: impl Iterator<Item = T>) -> String {
    let mut array = String::from("[");
    for text in texts {
        if array.len() > 1 {
            array.push(',');
        }
        array.push('"');
        array.push_str(text.as_ref());
        array.push('"');
    }
    array.push(']');
    array
}

macro_rules! insert_rows {
    ($connection:expr, $rows:expr, $count:literal) => {{
        // One statement per size, so that each is prepared once.
        static SQL: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
            let values = ["(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"; $count].join(", ");
            format!(
                "insert into entry (position, stream, version, kind, command, command_index, command_digest, at_us, entry, leaf_hash)
                 values {values}"
            )
        });
        let mut query = sqlx::query(sqlx::AssertSqlSafe(SQL.as_str()));
        for row in $rows {
            query = query
                .bind(integer(row.position.0))
                .bind(row.stream.clone())
                .bind(integer(row.version.0))
                .bind(row.kind.clone())
                .bind(row.command.to_string())
                .bind(i64::from(row.command_index))
                .bind(row.command_digest.to_vec())
                .bind(row.at.micros())
                .bind(row.entry.clone())
                .bind(row.leaf.0.to_vec());
        }
        query.execute(&mut *$connection).await.map_err(|error| told(&error))?;
    }};
}

async fn insert_entries(connection: &mut SqliteConnection, rows: &[Row]) -> Result<(), LogError> {
    let (many, rest) = rows.as_chunks::<64>();
    for rows in many {
        insert_rows!(connection, rows, 64);
    }
    let (some, rest) = rest.as_chunks::<8>();
    for rows in some {
        insert_rows!(connection, rows, 8);
    }
    for row in rest {
        insert_rows!(connection, std::slice::from_ref(row), 1);
    }
    Ok(())
}

async fn insert_sealed(connection: &mut SqliteConnection, sealed: &[SealedRow]) -> Result<(), LogError> {
    for row in sealed {
        // A text sealed before under the same salt stays as it is, erased or not.
        sqlx::query(
            "insert into sealed_text (commitment, position, salt, text, erased_at_us)
             values ($1, $2, $3, $4, $5)
             on conflict (commitment) do nothing",
        )
        .bind(row.commitment.to_vec())
        .bind(integer(row.position.0))
        .bind(row.content.as_ref().ok().map(|(salt, _)| salt.to_vec()))
        .bind(row.content.as_ref().ok().map(|(_, text)| text.clone()))
        .bind(row.content.as_ref().err().map(|at| at.micros()))
        .execute(&mut *connection)
        .await
        .map_err(|error| told(&error))?;
    }
    Ok(())
}

fn command(row: &SqliteRow, column: usize) -> Result<Uuid, LogError> {
    let text: &str = row.try_get(column).map_err(|error| told(&error))?;
    Uuid::try_parse(text).map_err(|error| LogError::corrupt(None, format!("entry.command: {error}")))
}

fn head(row: &SqliteRow) -> Result<HeadRow, LogError> {
    let get = || {
        Ok::<_, sqlx::Error>((
            row.try_get::<i64, _>(0)?,
            row.try_get::<Vec<u8>, _>(1)?,
            row.try_get::<Option<i64>, _>(2)?,
            row.try_get::<String, _>(3)?,
            row.try_get::<i64, _>(4)?,
        ))
    };
    let (size, frontier, last_at_us, name, schema) = get().map_err(|error| told(&error))?;
    HeadRow::from_columns(size, &frontier, last_at_us, name, schema)
}

/// Reads the head row.
pub(crate) async fn read_head(pool: &SqlitePool) -> Result<HeadRow, LogError> {
    let row = sqlx::query("select size, frontier, last_at_us, name, schema from head where id = 1")
        .fetch_one(pool)
        .await
        .map_err(|error| told(&error))?;
    head(&row)
}

/// The leaf hashes of a range one after another, which costs a fraction of a row each.
pub(crate) async fn leaves(pool: &SqlitePool, from: Position, to: Position) -> Result<Vec<u8>, LogError> {
    // In digits: `group_concat` makes text.
    let joined: Option<String> = sqlx::query_scalar(
        "select group_concat(hex(leaf_hash), '')
         from (
           select leaf_hash
           from entry
           where position >= $1 and position < $2
           order by position
         )",
    )
    .bind(integer(from.0))
    .bind(integer(to.0))
    .fetch_one(pool)
    .await
    .map_err(|error| told(&error))?;
    hex::decode(joined.unwrap_or_default()).map_err(|error| LogError::corrupt(from, error.to_string()))
}

/// The entries of a range as lines; empty where there are none. In the order of the table's key, which nothing promises
/// and every reader checks: an `order by` would copy each row once more. What is joined by `||` is copied once, what is
/// an argument of a function twice.
pub(crate) async fn lines(pool: &SqlitePool, lines: Lines, from: Position, to: Position) -> Result<Vec<u8>, LogError> {
    let query = match lines {
        Lines::Entries => sqlx::query(
            "select group_concat(position || ' ' || entry, char(10))
             from entry
             where position >= $1 and position < $2",
        ),
        Lines::Columns => sqlx::query(
            "select group_concat(
               concat_ws(
                 ' ', position, version, at_us, command, command_index, hex(command_digest), hex(leaf_hash), stream, kind
               ) || ' ' || entry,
               char(10)
             )
             from entry
             where position >= $1 and position < $2",
        ),
    };
    let row = query.bind(integer(from.0)).bind(integer(to.0)).fetch_one(pool).await.map_err(|error| told(&error))?;
    // As bytes: what the disk has made of the text need not be UTF-8.
    let text: Option<&[u8]> = row.try_get_unchecked(0).map_err(|error| told(&error))?;
    Ok(text.unwrap_or_default().to_vec())
}

/// Whole rows from a position on, fewer than `limit` only at the end. A row that cannot be read is an error in its place.
pub(crate) async fn rows(
    pool: &SqlitePool,
    from: Position,
    limit: usize,
) -> Result<Vec<Result<Row, LogError>>, LogError> {
    let to = from.0.saturating_add(limit as u64).min(crate::values::NUMBER_LIMIT);
    let rows = sqlx::query(
        "select position, stream, version, kind, command, command_index, command_digest, at_us, entry, leaf_hash
         from entry
         where position >= $1 and position < $2
         order by position",
    )
    .bind(integer(from.0))
    .bind(integer(to))
    .fetch_all(pool)
    .await
    .map_err(|error| told(&error))?;
    Ok(rows.iter().map(whole_row).collect())
}

fn whole_row(row: &SqliteRow) -> Result<Row, LogError> {
    let get = |error: sqlx::Error| told(&error);
    let at_position = position(row.try_get(0).map_err(get)?)?;
    let read = || -> Result<Row, LogError> {
        // As bytes: what the disk has made of it need not be UTF-8.
        let entry = row.try_get_unchecked::<&[u8], _>(8).map_err(get)?;
        let entry = std::str::from_utf8(entry).map_err(|error| LogError::corrupt(None, format!("entry: {error}")))?;
        Ok(Row {
            position: at_position,
            stream: row.try_get(1).map_err(get)?,
            version: version(row.try_get(2).map_err(get)?)?,
            kind: row.try_get(3).map_err(get)?,
            command: command(row, 4)?,
            command_index: u32::try_from(row.try_get::<i64, _>(5).map_err(get)?)
                .map_err(|_| LogError::corrupt(None, "entry.command_index is no 32-bit number"))?,
            command_digest: bytes32(row.try_get(6).map_err(get)?, "entry.command_digest")?,
            at: time(row.try_get(7).map_err(get)?, "entry.at_us")?,
            entry: entry.to_owned(),
            leaf: sogoc_proof::Hash(bytes32(row.try_get(9).map_err(get)?, "entry.leaf_hash")?),
        })
    };
    read().map_err(|error| crate::reading::placed(error, at_position))
}

/// Version of a stream now.
pub(crate) async fn stream_version(pool: &SqlitePool, stream: &StreamId) -> Result<Version, LogError> {
    let newest: Option<i64> =
        sqlx::query_scalar("select version from entry where stream = $1 order by version desc limit 1")
            .bind(stream.as_str())
            .fetch_optional(pool)
            .await
            .map_err(|error| told(&error))?;
    newest.map_or(Ok(Version(0)), version)
}

#[cfg(test)]
mod tests {
    use super::is_new_enough;

    #[test]
    fn a_sqlite_that_can_corrupt_its_log_is_too_old() {
        for (library, enough) in
            [("3.46.0", false), ("3.51.2", false), ("3.51.3", true), ("3.52", true), ("4.0.0", true), ("", false)]
        {
            assert_eq!(is_new_enough(library), enough, "{library}");
        }
    }
}
