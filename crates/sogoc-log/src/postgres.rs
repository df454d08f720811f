//! The log on PostgreSQL 15 and newer.
//!
//! A server can hold several logs, one a database, or several in one database, one a schema: `?schema=NAME` in the URL
//! names the schema (`public` without it). The SQL mirror has a schema of its own beside it, `read` for `public` and
//! `NAME_read` else.
//!
//! Every connection takes on the service's role (see `migrations/postgres/role.sql`), so that even a log-in with more
//! rights can only add entries.

use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions, PgRow};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, Row as _};

use crate::clock::Timestamp;
use crate::error::LogError;
use crate::options::{DEFAULT_NAME, Options};
use crate::store::{
    HeadRow, Known, Lines, Question, Row, SCHEMA, SealedRow, Writer, bytes32, erased_all, integer, position,
    prefix_end, time, told, version,
};
use crate::values::{Position, StreamId, Version};

const MIGRATIONS: [&str; SCHEMA as usize] = [
    include_str!("../migrations/postgres/0001_log.sql"),
    include_str!("../migrations/postgres/0002_proof.sql"),
    include_str!("../migrations/postgres/0003_service.sql"),
];
const ROLE: &str = include_str!("../migrations/postgres/role.sql");
/// Longest wait for a connection, in seconds.
const CONNECT_SECONDS_MAX: u64 = 5;
/// Longest wait for a sign of life of a connection that is idle, in seconds. The driver's own look waits for ever, and with
/// it the connection's place in the pool.
const ALIVE_SECONDS_MAX: u64 = 2;
/// Oldest server that is used.
const SERVER_VERSION_MIN: i32 = 150_000;

/// A database and the schema in it.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    options: PgConnectOptions,
    schema: String,
    /// How errors name it: without the password.
    pub(crate) shown: String,
}

fn is_identifier(text: &str) -> bool {
    (1..=58).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

impl Target {
    /// Reads a URL and takes our own parameter out of it.
    pub(crate) fn parse(url: &str) -> Result<Self, LogError> {
        let mut schema = "public".to_owned();
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let mut rest = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("schema", name)) => name.clone_into(&mut schema),
                _ => rest.push(pair),
            }
        }
        if !is_identifier(&schema) {
            return Err(LogError::refused(
                format!("schema {schema:?}"),
                "1 to 58 of a-z, 0-9 and _, not beginning with a digit",
                "choose another name after ?schema=",
            ));
        }
        let plain = if rest.is_empty() { base.to_owned() } else { format!("{base}?{}", rest.join("&")) };
        let options: PgConnectOptions = plain.parse().map_err(|_| {
            LogError::refused(
                "the store's URL",
                "postgres://USER:PASSWORD@HOST:PORT/DATABASE?schema=NAME",
                "see `sogoc --help`",
            )
        })?;
        let database = options.get_database().unwrap_or(options.get_username());
        let shown = format!("postgres://{}:{}/{database}?schema={schema}", options.get_host(), options.get_port());
        Ok(Self { options, schema, shown })
    }

    /// Schema of the SQL mirror.
    pub(crate) fn mirror(&self) -> String {
        if self.schema == "public" { "read".to_owned() } else { format!("{}_read", self.schema) }
    }

    /// Channel on which appends are told.
    pub(crate) fn channel(&self) -> String {
        format!("sogoc_{}", self.schema)
    }

    /// What every session sets. A node that was cut off must not hold the head row: whatever waits, waits five seconds.
    fn session(&self) -> PgConnectOptions {
        self.options.clone().application_name("sogoc").disable_statement_logging().options([
            ("search_path", self.schema.as_str()),
            ("lock_timeout", "5s"),
            ("idle_in_transaction_session_timeout", "5s"),
            ("tcp_user_timeout", "5s"),
            ("tcp_keepalives_idle", "5"),
            ("tcp_keepalives_interval", "1"),
            ("tcp_keepalives_count", "5"),
        ])
    }

    fn service(&self, options: &Options) -> PgConnectOptions {
        let session = self.session();
        match &options.role {
            Some(role) => session.options([("role", role)]),
            None => session,
        }
    }

    fn appender(&self, options: &Options) -> PgConnectOptions {
        // The look-ups of a batch are by index whatever the statistics of a fresh or fast-growing table say, and so planned
        // once: planning them anew took longer than looking up.
        self.service(options).options([
            ("enable_seqscan", "off"),
            ("plan_cache_mode", "force_generic_plan"),
            ("statement_timeout", "20s"),
        ])
    }

    async fn connect(&self, options: &PgConnectOptions) -> Result<PgConnection, LogError> {
        let connecting = PgConnection::connect_with(options);
        match tokio::time::timeout(Duration::from_secs(CONNECT_SECONDS_MAX), connecting).await {
            Ok(connected) => connected.map_err(|error| self.refused(&error)),
            Err(_) => Err(LogError::unavailable(format!("{} did not answer in {CONNECT_SECONDS_MAX} s", self.shown))),
        }
    }

    /// Why a connection was not to be had.
    fn refused(&self, error: &sqlx::Error) -> LogError {
        let code = error.as_database_error().and_then(|database| database.code()).unwrap_or_default().into_owned();
        match code.as_str() {
            // The role does not exist, or the log-in is no member of it.
            "22023" | "42501" | "42704" => LogError::Unusable {
                what: format!("{}: {error}", self.shown),
                remedy: "run `sogoc store migrate` as the owner, and `grant sogoc_service to` the log-in".to_owned(),
            },
            // Log-in refused, no such database.
            "28000" | "28P01" | "3D000" => LogError::Unusable {
                what: format!("{}: {error}", self.shown),
                remedy: "check the database's name, the user and the password".to_owned(),
            },
            _ => LogError::unavailable(format!("{}: {error}", self.shown)),
        }
    }

    /// Creates the log, or brings its schema up to date, and grants the service's role what it needs. Returns whether
    /// the log is new.
    pub(crate) async fn migrate(&self, options: &Options) -> Result<bool, LogError> {
        let mut connection = self.connect(&self.session()).await?;
        check_server(&mut connection).await?;
        let told = |error: sqlx::Error| told(&error);
        connection.execute("begin").await.map_err(told)?;
        // One migration at a time in this database.
        connection.execute("select pg_advisory_xact_lock(7164775602)").await.map_err(told)?;
        let run = |sql: String| AssertSqlSafe(sql);
        if self.schema != "public" {
            let sql = format!("create schema if not exists \"{}\"", self.schema);
            connection.execute(run(sql)).await.map_err(told)?;
        }
        let found = schema(&mut connection).await?;
        if found > SCHEMA {
            return Err(LogError::Schema { found, usable: SCHEMA });
        }
        for (number, sql) in (1..).zip(MIGRATIONS).skip(found as usize) {
            connection.execute(sqlx::raw_sql(sql)).await.map_err(told)?;
            if number > 1 {
                sqlx::query("update head set schema = $1").bind(number).execute(&mut connection).await.map_err(told)?;
            }
        }
        if found == 0 {
            sqlx::query(
                "insert into head (id, size, frontier, last_at_us, name, schema) values (1, 0, $1, null, $2, $3)",
            )
            .bind(sogoc_proof::Frontier::new().to_bytes())
            .bind(options.name.as_deref().unwrap_or(DEFAULT_NAME))
            .bind(i32::try_from(SCHEMA).expect("a small number"))
            .execute(&mut connection)
            .await
            .map_err(told)?;
        }
        if let Some(role) = &options.role {
            if !is_identifier(role) {
                return Err(LogError::refused(format!("role {role:?}"), "a-z, 0-9 and _", "choose another name"));
            }
            let sql = ROLE
                .replace("{role}", &format!("\"{role}\""))
                .replace("{role_name}", role)
                .replace("{schema}", &format!("\"{}\"", self.schema))
                .replace("{schema_name}", &self.schema)
                .replace("{mirror}", &format!("\"{}\"", self.mirror()))
                .replace("{mirror_name}", &self.mirror());
            connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.map_err(told)?;
        } else {
            let sql = format!("create schema if not exists \"{}\"", self.mirror());
            connection.execute(run(sql)).await.map_err(told)?;
        }
        connection.execute("commit").await.map_err(told)?;
        let _ = connection.close().await;
        Ok(found == 0)
    }

    /// Opens the log: the appender's connection and the readers' pool.
    pub(crate) async fn open(&self, options: &Options) -> Result<(PgPool, PgWriter), LogError> {
        let mut connection = self.connect(&self.appender(options)).await?;
        check_server(&mut connection).await?;
        let found = schema(&mut connection).await?;
        if found != SCHEMA {
            return Err(LogError::Schema { found, usable: SCHEMA });
        }
        // One more than the readers, for the connection that listens. Plans are made anew for each read: one made
        // while the table was small would be kept while it grows.
        let pool = PgPoolOptions::new()
            .max_connections(options.readers.max(1) + 1)
            .acquire_timeout(Duration::from_secs(CONNECT_SECONDS_MAX))
            .test_before_acquire(false)
            .before_acquire(|connection, _| Box::pin(is_alive(connection)))
            .after_release(|connection, _| Box::pin(is_alive(connection)))
            .connect_lazy_with(self.service(options).options([("plan_cache_mode", "force_custom_plan")]));
        let writer = PgWriter {
            target: self.clone(),
            options: self.appender(options),
            channel: self.channel(),
            connection: Some(connection),
        };
        Ok((pool, writer))
    }
}

/// Whether a connection of the pool may be used. An error gives it up without another word to the other side.
async fn is_alive(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    match tokio::time::timeout(Duration::from_secs(ALIVE_SECONDS_MAX), connection.ping()).await {
        Ok(pinged) => pinged.map(|()| true),
        Err(late) => Err(sqlx::Error::Io(late.into())),
    }
}

/// The number of the newest migration, 0 without a log.
async fn schema(connection: &mut PgConnection) -> Result<u32, LogError> {
    let told = |error: sqlx::Error| told(&error);
    let there: bool = sqlx::query_scalar("select to_regclass('head') is not null and to_regclass('entry') is not null")
        .fetch_one(&mut *connection)
        .await
        .map_err(told)?;
    if !there {
        return Ok(0);
    }
    let found: i32 =
        sqlx::query_scalar("select schema from head where id = 1").fetch_one(connection).await.map_err(told)?;
    Ok(u32::try_from(found).unwrap_or(u32::MAX))
}

/// Asserts what the promises of the log rest on.
async fn check_server(connection: &mut PgConnection) -> Result<(), LogError> {
    let row = sqlx::query(
        "select current_setting('server_version_num')::int, current_setting('fsync'),
                current_setting('synchronous_commit'), current_setting('full_page_writes'),
                current_setting('server_encoding'), pg_is_in_recovery()",
    )
    .fetch_one(connection)
    .await
    .map_err(|error| told(&error))?;
    let setting = |index: usize| row.try_get::<String, _>(index).map_err(|error| told(&error));
    let unusable = |what: String, remedy: &str| Err(LogError::Unusable { what, remedy: remedy.to_owned() });
    let server: i32 = row.try_get(0).map_err(|error| told(&error))?;
    if server < SERVER_VERSION_MIN {
        return unusable(format!("PostgreSQL {}", server / 10_000), "use PostgreSQL 15 or newer");
    }
    for (index, name) in [(1, "fsync"), (2, "synchronous_commit"), (3, "full_page_writes")] {
        if setting(index)? == "off" {
            return unusable(
                format!("{name} is off, so an acked entry could be lost"),
                "set it to on in postgresql.conf, and for this database and user",
            );
        }
    }
    let encoding = setting(4)?;
    if encoding != "UTF8" {
        return unusable(format!("the database's encoding is {encoding}"), "create it with encoding UTF8");
    }
    if row.try_get::<bool, _>(5).map_err(|error| told(&error))? {
        return unusable("the server is a standby".to_owned(), "connect to the primary");
    }
    Ok(())
}

/// The connection that appends.
pub(crate) struct PgWriter {
    target: Target,
    options: PgConnectOptions,
    channel: String,
    connection: Option<PgConnection>,
}

impl PgWriter {
    fn connection(&mut self) -> Result<&mut PgConnection, LogError> {
        self.connection.as_mut().ok_or_else(|| LogError::unavailable("the connection was given up"))
    }
}

impl PgWriter {
    async fn begin_again(&mut self, begin: &'static str) -> Result<PgRow, LogError> {
        let connection = self.connection.insert(self.target.connect(&self.options).await?);
        sqlx::raw_sql(begin).fetch_one(connection).await.map_err(|error| told(&error))
    }
}

impl Writer for PgWriter {
    async fn connect(&mut self) -> Result<(), LogError> {
        if self.connection.is_none() {
            self.connection = Some(self.target.connect(&self.options).await?);
        }
        Ok(())
    }

    async fn begin(&mut self) -> Result<HeadRow, LogError> {
        // One message, two statements: the second takes its own look at the row once it has the lock.
        const BEGIN: &str = "begin isolation level read committed read write;
             select size, frontier, last_at_us, name, schema from head where id = 1 for update";
        let begun = sqlx::raw_sql(BEGIN).fetch_one(self.connection()?).await;
        let row = match begun {
            // A connection that has died since the last batch is replaced without troubling anybody.
            Err(sqlx::Error::Io(_)) => self.begin_again(BEGIN).await?,
            Err(error) if error.as_database_error().is_some_and(|error| error.code().as_deref() == Some("57P01")) => {
                self.begin_again(BEGIN).await?
            }
            Err(error) => return Err(told(&error)),
            Ok(row) => row,
        };
        head(&row)
    }

    async fn look_up(&mut self, question: &Question) -> Result<Known, LogError> {
        let mut known = Known::default();
        let connection = self.connection()?;
        let streams: Vec<&str> = question.streams.iter().map(StreamId::as_str).collect();
        // The clock is read here, after the lock: read with it, it would say when the wait began.
        let rows = sqlx::query(
            "select asked.number, coalesce(newest.version, 0), (extract(epoch from clock_timestamp()) * 1000000)::bigint,
                    null::uuid, null::bytea
             from unnest($1::text[]) with ordinality as asked (stream, number)
             left join lateral (
               select version
               from entry
               where entry.stream = asked.stream
               order by version desc
               limit 1
             ) as newest on true
             union all
             select 0, position, at_us, command, command_digest
             from entry
             where command = any($2)
             order by 1, 2",
        )
        .bind(&streams)
        .bind(&question.commands)
        .fetch_all(&mut *connection)
        .await
        .map_err(|error| told(&error))?;
        for row in &rows {
            let (number, value, us): (i64, i64, i64) = columns3(row)?;
            if number == 0 {
                let command = row.try_get(3).map_err(|error| told(&error))?;
                let digest: &[u8] = row.try_get(4).map_err(|error| told(&error))?;
                known.record(command, digest, us, value)?;
            } else {
                known.versions.push(version(value)?);
                known.now = Some(time(us, "clock_timestamp()")?);
            }
        }
        if !question.erases.is_empty() {
            let asked: Vec<&[u8]> = question.erases.iter().map(<[u8; 32]>::as_slice).collect();
            // Locked: a copy into this log may erase too.
            let held: Vec<(Vec<u8>, Option<i64>)> = sqlx::query_as(
                "select commitment, erased_at_us
                 from sealed_text
                 where commitment = any($1)
                 order by commitment
                 for update",
            )
            .bind(asked)
            .fetch_all(&mut *connection)
            .await
            .map_err(|error| told(&error))?;
            for (commitment, erased_at_us) in held {
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
        let asked: Vec<&[u8]> = commitments.iter().map(<[u8; 32]>::as_slice).collect();
        let erased = sqlx::query(
            "update sealed_text
             set salt = null, text = null, erased_at_us = $2
             where commitment = any($1) and erased_at_us is null",
        )
        .bind(asked)
        .bind(at.micros())
        .execute(self.connection()?)
        .await
        .map_err(|error| told(&error))?;
        erased_all(commitments.len(), erased.rows_affected())
    }

    async fn record(
        &mut self,
        rows: &[Row],
        sealed: &[SealedRow],
        old_size: u64,
        head: &HeadRow,
    ) -> Result<(), LogError> {
        let channel = self.channel.clone();
        record(self.connection()?, rows, sealed, (old_size, head, channel)).await
    }

    async fn commit(&mut self) -> Result<(), LogError> {
        self.connection()?.execute("commit").await.map(|_| ()).map_err(|error| told(&error))
    }

    /// `vacuum` is the server's business; it overwrites nothing that backups or archived WAL hold.
    async fn scrub(&mut self) {}

    async fn rollback(&mut self) -> Result<(), LogError> {
        self.connection()?.execute("rollback").await.map(|_| ()).map_err(|error| told(&error))
    }

    fn discard(&mut self) {
        self.connection = None;
    }

    async fn close(&mut self) {
        if let Some(connection) = self.connection.take() {
            let _ = connection.close().await;
        }
    }
}

/// Sealed texts and entries go in, and the head moves over them, with one statement: a batch costs one round trip for all.
async fn record(
    connection: &mut PgConnection,
    rows: &[Row],
    sealed: &[SealedRow],
    (old_size, head, channel): (u64, &HeadRow, String),
) -> Result<(), LogError> {
    macro_rules! recording {
        ($sealed:literal) => {
            concat!(
                "with recorded as (
                   insert into entry (
                     position, stream, version, kind, command, command_index, command_digest, at_us, entry, leaf_hash
                   )
                   select *
                   from unnest(
                     $6::bigint[], $7::text[], $8::bigint[], $9::text[], $10::uuid[], $11::integer[], $12::bytea[],
                     $13::bigint[], $14::text[], $15::bytea[]
                   )
                 )",
                $sealed,
                " update head
                 set size = $1, frontier = $2, last_at_us = $3
                 where id = 1 and size = $4
                 returning pg_notify($5, $1::text)::text"
            )
        };
    }
    const RECORD: &str = recording!("");
    // A text sealed before under the same salt stays as it is, erased or not.
    const WITH_SEALED: &str = recording!(
        ", sealed as (
           insert into sealed_text (commitment, position, salt, text, erased_at_us)
           select * from unnest($16::bytea[], $17::bigint[], $18::bytea[], $19::text[], $20::bigint[])
           on conflict (commitment) do nothing
         )"
    );
    let column = |of: fn(&Row) -> i64| rows.iter().map(of).collect::<Vec<_>>();
    let mut query = sqlx::query(if sealed.is_empty() { RECORD } else { WITH_SEALED })
        .bind(integer(head.frontier.size()))
        .bind(head.frontier.to_bytes())
        .bind(head.last_at.map(|at| at.micros()))
        .bind(integer(old_size))
        .bind(channel)
        .bind(column(|row| integer(row.position.0)))
        .bind(rows.iter().map(|row| row.stream.as_str()).collect::<Vec<_>>())
        .bind(column(|row| integer(row.version.0)))
        .bind(rows.iter().map(|row| row.kind.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.command).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| i32::try_from(row.command_index).expect("at most DRAFTS_MAX")).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.command_digest.as_slice()).collect::<Vec<_>>())
        .bind(column(|row| row.at.micros()))
        .bind(rows.iter().map(|row| row.entry.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.leaf.0.as_slice()).collect::<Vec<_>>());
    if !sealed.is_empty() {
        query = query
            .bind(sealed.iter().map(|row| row.commitment.as_slice()).collect::<Vec<_>>())
            .bind(sealed.iter().map(|row| integer(row.position.0)).collect::<Vec<_>>())
            .bind(
                sealed.iter().map(|row| row.content.as_ref().ok().map(|(salt, _)| salt.as_slice())).collect::<Vec<_>>(),
            )
            .bind(sealed.iter().map(|row| row.content.as_ref().ok().map(|(_, text)| text.as_str())).collect::<Vec<_>>())
            .bind(sealed.iter().map(|row| row.content.as_ref().err().map(|at| at.micros())).collect::<Vec<_>>());
    }
    let moved = query.fetch_optional(connection).await.map_err(|error| told(&error))?;
    // The row is locked since it was read.
    moved.map(|_| ()).ok_or_else(|| LogError::corrupt(None, "the head row changed under its lock"))
}

fn columns3(row: &PgRow) -> Result<(i64, i64, i64), LogError> {
    let get = || Ok::<_, sqlx::Error>((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?));
    get().map_err(|error| told(&error))
}

fn head(row: &PgRow) -> Result<HeadRow, LogError> {
    let get = || {
        Ok::<_, sqlx::Error>((
            row.try_get::<i64, _>(0)?,
            row.try_get::<Vec<u8>, _>(1)?,
            row.try_get::<Option<i64>, _>(2)?,
            row.try_get::<String, _>(3)?,
            row.try_get::<i32, _>(4)?,
        ))
    };
    let (size, frontier, last_at_us, name, schema) = get().map_err(|error| told(&error))?;
    HeadRow::from_columns(size, &frontier, last_at_us, name, schema.into())
}

/// Reads the head row.
pub(crate) async fn read_head(pool: &PgPool) -> Result<HeadRow, LogError> {
    let row = sqlx::query("select size, frontier, last_at_us, name, schema from head where id = 1")
        .fetch_one(pool)
        .await
        .map_err(|error| told(&error))?;
    head(&row)
}

/// The leaf hashes of a range one after another, which costs a fraction of a row each.
pub(crate) async fn leaves(pool: &PgPool, from: Position, to: Position) -> Result<Vec<u8>, LogError> {
    let joined: Option<Vec<u8>> = sqlx::query_scalar(
        "select string_agg(leaf_hash, ''::bytea order by position)
         from entry
         where position >= $1 and position < $2",
    )
    .bind(integer(from.0))
    .bind(integer(to.0))
    .fetch_one(pool)
    .await
    .map_err(|error| told(&error))?;
    Ok(joined.unwrap_or_default())
}

/// The entries of a range as lines, `step` entries a chunk; a chunk without entries is empty. One statement for all
/// chunks: the server makes the next one while this one is worked on, and waits when nobody takes it.
pub(crate) fn lines(
    pool: &PgPool,
    lines: Lines,
    from: Position,
    to: Position,
    step: usize,
) -> impl Stream<Item = Result<Vec<u8>, LogError>> + Send {
    let query = match lines {
        Lines::Entries => sqlx::query(
            r"select (
                select string_agg(position || ' ' || entry, E'\n')
                from (
                  select position, entry
                  from entry
                  where position >= start and position < least(start + $3, $2)
                  order by position
                ) as chunk
              )
              from generate_series($1::bigint, $2::bigint - 1, $3::bigint) as start",
        ),
        Lines::Columns => sqlx::query(
            r"select (
                select string_agg(
                  concat_ws(
                    ' ', position, version, at_us, command, command_index, encode(command_digest, 'hex'), encode(leaf_hash, 'hex'),
                    stream, kind, entry
                  ),
                  E'\n'
                )
                from (
                  select *
                  from entry
                  where position >= start and position < least(start + $3, $2)
                  order by position
                ) as chunk
              )
              from generate_series($1::bigint, $2::bigint - 1, $3::bigint) as start",
        ),
    };
    let step = i64::try_from(step).expect("a chunk is small");
    query.bind(integer(from.0)).bind(integer(to.0)).bind(step).fetch(pool).map(|row| {
        let row = row.map_err(|error| told(&error))?;
        // As bytes: what the disk has made of the text need not be UTF-8.
        let text: Option<&[u8]> = row.try_get_unchecked(0).map_err(|error| told(&error))?;
        Ok(text.unwrap_or_default().to_vec())
    })
}

/// Whole rows from a position on, fewer than `limit` only at the end. A row that cannot be read is an error in its place.
pub(crate) async fn rows(pool: &PgPool, from: Position, limit: usize) -> Result<Vec<Result<Row, LogError>>, LogError> {
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

fn whole_row(row: &PgRow) -> Result<Row, LogError> {
    let get = |error: sqlx::Error| told(&error);
    // The text as bytes: what the disk has made of it need not be UTF-8.
    let entry = row.try_get_unchecked::<&[u8], _>(8).map_err(get)?;
    let at_position = position(row.try_get(0).map_err(get)?)?;
    let entry =
        std::str::from_utf8(entry).map_err(|error| LogError::corrupt(at_position, format!("entry: {error}")))?;
    let read = || -> Result<Row, LogError> {
        Ok(Row {
            position: at_position,
            stream: row.try_get(1).map_err(get)?,
            version: version(row.try_get(2).map_err(get)?)?,
            kind: row.try_get(3).map_err(get)?,
            command: row.try_get(4).map_err(get)?,
            command_index: u32::try_from(row.try_get::<i32, _>(5).map_err(get)?)
                .map_err(|_| LogError::corrupt(None, "entry.command_index is negative"))?,
            command_digest: bytes32(row.try_get(6).map_err(get)?, "entry.command_digest")?,
            at: time(row.try_get(7).map_err(get)?, "entry.at_us")?,
            entry: entry.to_owned(),
            leaf: sogoc_proof::Hash(bytes32(row.try_get(9).map_err(get)?, "entry.leaf_hash")?),
        })
    };
    read().map_err(|error| crate::reading::placed(error, at_position))
}

/// Version of a stream now.
pub(crate) async fn stream_version(pool: &PgPool, stream: &StreamId) -> Result<Version, LogError> {
    let newest: Option<i64> =
        sqlx::query_scalar("select version from entry where stream = $1 order by version desc limit 1")
            .bind(stream.as_str())
            .fetch_optional(pool)
            .await
            .map_err(|error| told(&error))?;
    newest.map_or(Ok(Version(0)), version)
}
