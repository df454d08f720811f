//! What is refused at the door, and what the service may not do.

use std::time::Duration;

use sogoc_log::testing::TestStore;
use sogoc_log::{Log, LogError, Options, Pool, Position};
use sogoc_proof::{Algorithm, SignerKey};

use super::appending::check_whole;
use super::stage::{Stage, append, fill, literal, on_both_stores};

on_both_stores!(
    a_log_that_exists_is_opened_again_with_its_name,
    a_newer_schema_is_refused,
    an_older_store_is_refused_until_it_is_migrated_and_keeps_its_entries,
    a_store_without_a_log_is_refused_with_the_remedy,
    migrating_again_changes_nothing,
    many_that_create_at_once_make_one_log,
);

async fn a_log_that_exists_is_opened_again_with_its_name(stage: Stage) {
    let named = Options { name: Some("sogoc.example/ha-nam".to_owned()), ..Options::default() };
    let log = stage.log_with(named.clone()).await;
    fill(&log, "a/x", 3).await;
    let head = log.head().await.expect("readable");
    log.close().await;
    let log = Log::open(stage.store.url(), Options::default()).await.expect("opens");
    assert_eq!((log.name(), log.head().await), ("sogoc.example/ha-nam", Ok(head)));
    Log::open(stage.store.url(), named).await.expect("its own name");
    let other = Options { name: Some("sogoc.example/other".to_owned()), ..Options::default() };
    assert!(matches!(Log::open(stage.store.url(), other).await, Err(LogError::OtherLog { .. })));
    let bad = Options { name: Some("Hà Nam".to_owned()), ..Options::default() };
    assert!(matches!(Log::open(stage.store.url(), bad).await, Err(LogError::Refused { .. })));
    assert!(!format!("{log:?}").contains('@'), "no password in messages");
}

async fn a_newer_schema_is_refused(stage: Stage) {
    stage.log().await.close().await;
    stage.store.tamper("update head set schema = 99").await;
    let newer = Err(LogError::Schema { found: 99, usable: 3 });
    assert_eq!(Log::open(stage.store.url(), Options::default()).await.map(|_| ()), newer);
    assert_eq!(Log::migrate(stage.store.url(), &Options::default()).await.map(|_| ()), newer);
}

async fn an_older_store_is_refused_until_it_is_migrated_and_keeps_its_entries(stage: Stage) {
    let frontier = literal(&stage, &sogoc_log::Frontier::new().to_bytes());
    let first = if stage.is_postgres() {
        include_str!("../../migrations/postgres/0001_log.sql")
    } else {
        include_str!("../../migrations/sqlite/0001_log.sql")
    };
    let head = "insert into head (id, size, frontier, last_at_us, name, schema)";
    let create = format!("{first}; {head} values (1, 0, {frontier}, null, 'sogoc.example/ha-nam', 1)");
    match stage.store.file() {
        None => stage.store.tamper(&format!("begin; {create}; commit")).await,
        Some(file) => {
            std::fs::write(&file, b"").expect("writable");
            stage.store.tamper(&format!("pragma journal_mode = wal; begin; {create}; commit")).await;
        }
    }
    // An entry and a text as the older program recorded them: from a log of its schema's tables.
    let recorded = Stage { store: TestStore::sqlite() };
    let named = Options { name: Some("sogoc.example/ha-nam".to_owned()), ..Options::default() };
    let source = recorded.log_with(named).await;
    fill(&source, "a/x", 3).await;

    let options = Options { role: None, ..Options::default() };
    let older = Log::open(stage.store.url(), options.clone()).await.map(|_| ());
    assert_eq!(older, Err(LogError::Schema { found: 1, usable: 3 }));
    assert!(older.expect_err("refused").to_string().contains("sogoc store migrate"));
    // At once by several, as when a service and an operator start together.
    let migrated = futures_util::future::join_all((0..3).map(|_| {
        let url = stage.store.url().to_owned();
        tokio::spawn(async move { Log::migrate(&url, &Options::default()).await })
    }))
    .await;
    for migrated in migrated {
        assert_eq!(migrated.expect("no panic"), Ok(false));
    }
    let log = Log::open(stage.store.url(), Options::default()).await.expect("opens");
    assert_eq!((log.name(), log.latest_checkpoint().await), ("sogoc.example/ha-nam", Ok(None)));
    source.copy_to(&log, |_, _| ()).await.expect("a log like any other");
    let key = SignerKey::from_seed("sogoc.example/ha-nam", Algorithm::Ed25519, [1; 32]).expect("a name");
    assert_eq!(log.sign_checkpoint(&key).await.expect("signed").size(), 3);
    assert_eq!(log.verify(sogoc_log::Frontier::new(), |_, _| ()).await.expect("readable").fault, None);
}

async fn a_store_without_a_log_is_refused_with_the_remedy(stage: Stage) {
    let options = Options { role: None, ..Options::default() };
    let error = Log::open(stage.store.url(), options).await.expect_err("there is no log");
    assert!(error.to_string().contains("sogoc store migrate"), "{error}");
}

async fn migrating_again_changes_nothing(stage: Stage) {
    assert_eq!(Log::migrate(stage.store.url(), &Options::default()).await, Ok(true));
    let log = stage.log().await;
    fill(&log, "a/x", 3).await;
    let head = log.head().await;
    assert_eq!(Log::migrate(stage.store.url(), &Options::default()).await, Ok(false));
    assert_eq!(log.head().await, head);
    fill(&log, "a/x", 1).await;
}

async fn many_that_create_at_once_make_one_log(stage: Stage) {
    let opened = futures_util::future::join_all((0..4).map(|_| {
        let url = stage.store.url().to_owned();
        tokio::spawn(async move { Log::open_or_create(&url, Options::default()).await.expect("opens") })
    }))
    .await;
    let logs: Vec<Log> = opened.into_iter().map(|log| log.expect("no panic")).collect();
    for (n, log) in logs.iter().enumerate() {
        fill(log, &format!("a/{n}"), 3).await;
    }
    for log in &logs {
        assert_eq!(check_whole(log).await, 12);
    }
}

#[tokio::test]
async fn a_file_that_is_no_register_is_refused_and_left_alone() {
    let stage = Stage { store: TestStore::sqlite() };
    let file = stage.store.file().expect("SQLite");
    let open = || Log::open(stage.store.url(), Options::default());
    assert!(matches!(open().await, Err(LogError::NotARegister { .. })), "missing");
    let text = [b"Ban, not a database. ".repeat(40), vec![]];
    for bytes in text {
        std::fs::write(&file, &bytes).expect("writable");
        assert!(matches!(open().await, Err(LogError::NotARegister { .. })));
        assert!(matches!(
            Log::migrate(stage.store.url(), &Options::default()).await,
            Err(LogError::NotARegister { .. })
        ));
        assert_eq!(std::fs::read(&file).expect("readable"), bytes);
    }
    std::fs::remove_file(&file).expect("there");
    let foreign = sqlx::sqlite::SqliteConnectOptions::new().filename(&file).create_if_missing(true);
    {
        use sqlx::{Connection as _, Executor as _};
        let mut connection = sqlx::SqliteConnection::connect_with(&foreign).await.expect("creates");
        connection.execute("create table theirs (a)").await.expect("creates");
        connection.close().await.expect("closes");
    }
    let before = std::fs::read(&file).expect("readable");
    assert!(matches!(open().await, Err(LogError::NotARegister { .. })), "another application's");
    assert_eq!(std::fs::read(&file).expect("readable"), before);
    for url in ["sqlite:", "sqlite::memory:", "mysql://x", "register.db"] {
        assert!(matches!(Log::open(url, Options::default()).await, Err(LogError::Refused { .. })), "{url}");
    }
}

#[tokio::test]
async fn a_file_that_was_cut_off_is_refused() {
    let stage = Stage { store: TestStore::sqlite() };
    let log = stage.log().await;
    fill(&log, "a/x", 200).await;
    log.close().await;
    let file = stage.store.file().expect("SQLite");
    let whole = std::fs::read(&file).expect("readable");
    for length in [whole.len() - 4_096, whole.len() / 2, 4_096, 200] {
        std::fs::write(&file, &whole[..length]).expect("writable");
        let answer = Log::open(stage.store.url(), Options::default()).await.map(|_| ());
        assert!(matches!(answer, Err(LogError::Corrupt { .. })), "{length}: {answer:?}");
    }
    std::fs::write(&file, &whole).expect("writable");
    Log::open(stage.store.url(), Options::default()).await.expect("whole again");
}

#[tokio::test]
async fn a_flipped_byte_in_the_file_is_found_with_its_position() {
    let stage = Stage { store: TestStore::sqlite() };
    let log = stage.log().await;
    fill(&log, "a/x", 300).await;
    let entry = log.read(Position(123), 1).await.expect("readable").remove(0).bytes;
    log.close().await;
    let file = stage.store.file().expect("SQLite");
    let whole = std::fs::read(&file).expect("readable");
    let start = whole.windows(entry.len()).position(|window| window == entry.as_bytes()).expect("stored as it is");
    for offset in (0..entry.len()).step_by(37) {
        for bit in [0x01, 0x80] {
            let mut flipped = whole.clone();
            flipped[start + offset] ^= bit;
            std::fs::write(&file, &flipped).expect("writable");
            let log = Log::open(stage.store.url(), Options::default()).await.expect("opens");
            let report = log.verify(sogoc_log::Frontier::new(), |_, _| ()).await.expect("readable");
            let fault = report.fault.expect("a flipped byte");
            assert_eq!(fault.position, Some(Position(123)), "byte {offset}: {fault:?}");
            log.close().await;
        }
    }
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_is_private_and_made_whole() {
    use std::os::unix::fs::PermissionsExt as _;
    let stage = Stage { store: TestStore::sqlite() };
    let file = stage.store.file().expect("SQLite");
    let deep = file.with_file_name("new").join("folder").join("register.db");
    let log = Log::open_or_create(&format!("sqlite:{}", deep.display()), Options::default()).await.expect("creates");
    fill(&log, "a/x", 1).await;
    let mode = |path: &std::path::Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&deep), 0o600);
    assert_eq!(mode(&deep.with_extension("db-wal")), 0o600);
    assert_eq!(mode(deep.parent().expect("a folder")), 0o700);
    log.close().await;
    let left: Vec<_> = std::fs::read_dir(deep.parent().expect("a folder")).expect("readable").collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[tokio::test]
async fn the_service_role_can_only_add_entries() {
    let Some(store) = TestStore::postgres().await else { return };
    let stage = Stage { store };
    let log = stage.log().await;
    fill(&log, "a/x", 2).await;
    let Pool::Postgres(pool) = log.pool() else { panic!("PostgreSQL") };
    let user: String = sqlx::query_scalar("select current_user::text").fetch_one(pool).await.expect("readable");
    assert_eq!(user, "sogoc_service");
    for sql in [
        "update entry set kind = 'x'",
        "delete from entry",
        "truncate entry",
        "alter table entry disable trigger all",
        "drop table entry",
        "delete from head",
        "update head set name = 'x'",
        "insert into head (id, size, frontier, name, schema) values (2, 0, '', 'x', 1)",
        "delete from sealed_text",
        "update sealed_text set commitment = ''",
        "update checkpoint set note = 'x'",
        "delete from checkpoint",
        "truncate checkpoint",
        "update cosignature set line = 'x'",
        "delete from cosignature",
        "update tile_root set hash = ''",
        "delete from tile_root",
        "update signed set id = 2",
        "delete from signed",
        "insert into signed (id, size, frontier) values (2, 0, '')",
        "create table x (a int)",
    ] {
        let error = sqlx::query(sql).execute(pool).await.expect_err(sql);
        assert_eq!(error.as_database_error().and_then(|error| error.code()).as_deref(), Some("42501"), "{sql}");
    }
    // The mirror is its own.
    assert_eq!(log.mirror_schema(), Some("read"));
    sqlx::query("create table read.x (a int)").execute(pool).await.expect("the service may");
}

#[tokio::test]
async fn a_login_without_the_role_is_told_what_to_do() {
    let Some(store) = TestStore::postgres().await else { return };
    let stage = Stage { store };
    stage.log().await.close().await;
    let login = format!("sogoc_test_login_{}", std::process::id());
    stage.store.tamper(&format!("create role {login} login password 'x'")).await;
    let url = with_login(stage.store.url(), &login);
    let error = Log::open(&url, Options::default()).await.expect_err("no member");
    assert!(matches!(&error, LogError::Unusable { remedy, .. } if remedy.contains("grant")), "{error:?}");
    stage.store.tamper(&format!("grant sogoc_service to {login}")).await;
    let log = Log::open(&url, Options::default()).await.expect("a member");
    fill(&log, "a/x", 3).await;
    check_whole(&log).await;
    log.close().await;
    stage.store.tamper(&format!("drop role {login}")).await;
}

#[tokio::test]
async fn an_owner_who_is_no_superuser_can_set_up_and_run_the_log() {
    let Some(store) = TestStore::postgres().await else { return };
    let stage = Stage { store };
    let (owner, service) =
        (format!("sogoc_test_owner_{}", std::process::id()), format!("sogoc_x{}", std::process::id()));
    stage.store.tamper(&format!("create role {owner} login createrole password 'x'")).await;
    let own = format!("do $$ begin execute format('alter database %I owner to {owner}', current_database()); end $$");
    stage.store.tamper(&own).await;
    let url = with_login(stage.store.url(), &owner);
    // A role that the server does not have yet, so that the owner must create it.
    let options = Options { role: Some(service.clone()), ..Options::default() };
    let log = Log::open_or_create(&url, options.clone()).await.expect("opens");
    fill(&log, "a/x", 3).await;
    Log::migrate(&url, &options).await.expect("again");
    let Pool::Postgres(pool) = log.pool() else { panic!("PostgreSQL") };
    let user: String = sqlx::query_scalar("select current_user::text").fetch_one(pool).await.expect("readable");
    assert_eq!(user, service);
    assert!(sqlx::query("delete from entry").execute(pool).await.is_err());
    assert_eq!(check_whole(&log).await, 3);
    log.close().await;
    stage.store.tamper(&format!("drop owned by {owner}, {service}; reassign owned by {owner} to current_user")).await;
    stage.store.tamper(&format!("drop role {service}")).await;
    let back = "do $$ begin execute format('alter database %I owner to %I', current_database(), current_user); end $$";
    stage.store.tamper(back).await;
    stage.store.tamper(&format!("drop role {owner}")).await;
}

fn with_login(url: &str, login: &str) -> String {
    let (scheme, rest) = url.split_once("://").expect("a URL");
    let host = rest.split_once('@').map_or(rest, |(_, host)| host);
    format!("{scheme}://{login}:x@{host}")
}

#[tokio::test]
async fn two_schemas_of_one_database_are_two_logs() {
    let Some(store) = TestStore::postgres().await else { return };
    let stage = Stage { store };
    let join = if stage.store.url().contains('?') { '&' } else { '?' };
    let url = |schema: &str| format!("{}{join}schema={schema}", stage.store.url());
    let options = |name: &str| Options { name: Some(name.to_owned()), ..Options::default() };
    let one = Log::open_or_create(&url("ha_nam"), options("sogoc.example/ha-nam")).await.expect("opens");
    let two = Log::open_or_create(&url("nam_dinh"), options("sogoc.example/nam-dinh")).await.expect("opens");
    fill(&one, "a/x", 3).await;
    fill(&two, "a/x", 5).await;
    assert_eq!((check_whole(&one).await, check_whole(&two).await), (3, 5));
    assert_eq!((one.mirror_schema(), two.name()), (Some("ha_nam_read"), "sogoc.example/nam-dinh"));
    for bad in ["1x", "a-b", "a\"b", "A", ""] {
        assert!(matches!(Log::open(&url(bad), Options::default()).await, Err(LogError::Refused { .. })), "{bad}");
    }
}

#[tokio::test]
async fn a_database_that_is_not_utf8_is_refused() {
    let Some(store) = TestStore::postgres_with("encoding 'LATIN1' locale 'C' template template0").await else { return };
    let error = Log::migrate(store.url(), &Options::default()).await.expect_err("LATIN1");
    assert!(matches!(&error, LogError::Unusable { what, .. } if what.contains("LATIN1")), "{error:?}");
}

#[tokio::test]
async fn a_server_that_could_lose_an_ack_is_refused() {
    let Some(store) = TestStore::postgres().await else { return };
    let stage = Stage { store };
    stage.log().await.close().await;
    stage
        .store
        .tamper(
            "do $$ begin execute format('alter database %I set synchronous_commit = off', current_database()); end $$",
        )
        .await;
    let error = Log::open(stage.store.url(), Options::default()).await.expect_err("synchronous_commit is off");
    assert!(matches!(&error, LogError::Unusable { what, .. } if what.contains("synchronous_commit")), "{error:?}");
}

/// A node that was cut off while it held the head row: the server lets go of it, and others go on.
#[tokio::test]
async fn a_cut_node_does_not_hold_the_head_row() {
    let Some(store) = TestStore::postgres().await else { return };
    let stage = Stage { store };
    let (cut, other) = (stage.log().await, stage.log().await);
    fill(&other, "a/x", 1).await;
    let Pool::Postgres(pool) = cut.pool() else { panic!("PostgreSQL") };
    let mut held = pool.begin().await.expect("begins");
    sqlx::query("select size from head for update").execute(&mut *held).await.expect("locks");
    let one = append("a/x", 1);
    let waiting = async {
        loop {
            match other.append(one.clone()).await {
                Ok(receipt) => return receipt,
                Err(LogError::Unavailable { .. }) => {}
                Err(other) => panic!("{other}"),
            }
        }
    };
    let receipt = tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("the server let go");
    assert_eq!(receipt.positions, [Position(1)]);
    assert!(sqlx::query("select 1").execute(&mut *held).await.is_err(), "the cut node has lost its session");
    assert_eq!(check_whole(&other).await, 2);
}

/// The appender finds its connection dead, as after a restart of the server, and takes a new one.
#[tokio::test]
async fn a_lost_connection_is_replaced() {
    let Some(store) = TestStore::postgres().await else { return };
    let stage = Stage { store };
    let log = stage.log().await;
    fill(&log, "a/x", 2).await;
    let kill = "select pg_terminate_backend(pid) from pg_stat_activity
                where datname = current_database() and pid <> pg_backend_pid()";
    stage.store.tamper(kill).await;
    fill(&log, "b/x", 2).await;
    assert_eq!(log.head().await.expect("readable").size, 4);
}
