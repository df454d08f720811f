//! Stores for tests: each test has its own, and what takes long to fill is filled once and copied.

use std::fs::{File, OpenOptions};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use sogoc_proof::{Algorithm, SignerKey};

use super::binary::{self, Sogoc};
use super::{pilot, sql};

/// Which database a test runs on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// The key of the logs that tests copy: always the same, so that tests can sign beside the binary.
pub(crate) fn log_key() -> SignerKey {
    SignerKey::from_seed("sogoc.local/register", Algorithm::Ed25519, [7; 32]).expect("the name is one")
}

/// Writes that key into a file.
pub(crate) fn log_key_into(file: &Path) {
    std::fs::write(file, format!("{}\n", log_key().encode())).expect("the folder can be written to");
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).expect("it is ours");
}

/// The file of a store's key, in the test's folder.
pub(crate) const KEY: &str = "log.key";
/// The folder of a store's evidence files, in the test's folder: where an embedded store keeps them by itself.
pub(crate) const EVIDENCE: &str = "register.db.evidence";

/// Runs each function once on each store: `fn name(kind: Kind)`.
macro_rules! on_both_stores {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[test]
            fn $name() {
                super::$name($crate::support::stores::Kind::Sqlite);
            })*
        }

        mod postgres {
            $(#[test]
            fn $name() {
                if $crate::support::stores::postgres_is_there() {
                    super::$name($crate::support::stores::Kind::Postgres);
                }
            })*
        }
    };
}
pub(crate) use on_both_stores;

/// Runs each function on SQLite only: what it tests does not depend on the store.
macro_rules! on_sqlite {
    ($($name:ident),* $(,)?) => {
        mod embedded {
            $(#[test]
            fn $name() {
                super::$name($crate::support::stores::Kind::Sqlite);
            })*
        }
    };
}
pub(crate) use on_sqlite;

/// Whether a PostgreSQL server is named. Without one the tests say that they did not run, and fail where none may be
/// left out.
pub(crate) fn postgres_is_there() -> bool {
    if server().is_some() {
        return true;
    }
    let all = std::env::var("SOGOC_TEST_ALL").is_ok_and(|value| value == "1");
    assert!(!all, "SOGOC_TEST_ALL=1 and no SOGOC_TEST_POSTGRES: name a PostgreSQL server");
    #[expect(clippy::print_stderr, reason = "a test says that it did not run")]
    {
        eprintln!("not run on PostgreSQL: SOGOC_TEST_POSTGRES names no server");
    }
    false
}

/// The server's URL as its superuser.
pub(crate) fn server() -> Option<String> {
    std::env::var("SOGOC_TEST_POSTGRES").ok()
}

/// A store of one test, gone when dropped.
#[derive(Debug)]
pub(crate) struct Store {
    kind: Kind,
    url: String,
    // Removes the folder.
    folder: tempfile::TempDir,
    database: Option<String>,
}

impl Store {
    /// Nothing there yet: no file, or an empty database.
    pub(crate) fn empty(kind: Kind) -> Self {
        Self::from_template(kind, None)
    }

    /// With Hà Nam's season loaded by `sogoc demo`.
    pub(crate) fn demo(kind: Kind) -> Self {
        Self::from_template(kind, Some(Template::Demo))
    }

    /// With a small live season that runs, made by `sogoc execute`.
    pub(crate) fn pilot(kind: Kind) -> Self {
        Self::from_template(kind, Some(Template::Pilot))
    }

    /// With both: Hà Nam's season, and the live one beside it.
    pub(crate) fn served(kind: Kind) -> Self {
        Self::from_template(kind, Some(Template::Served))
    }

    fn from_template(kind: Kind, template: Option<Template>) -> Self {
        let folder = tempfile::tempdir().expect("the folder for temporary files can be written to");
        match kind {
            Kind::Sqlite => {
                let file = folder.path().join("register.db");
                if let Some(template) = template {
                    let cache = Cache::locked();
                    std::fs::copy(cache.file(template), &file).expect("the template can be copied");
                    cache.copy_beside(kind, template, folder.path());
                }
                let url = format!("sqlite:{}", file.display());
                Self { kind, url, folder, database: None }
            }
            Kind::Postgres => {
                static NEXT: AtomicU32 = AtomicU32::new(0);
                let number = NEXT.fetch_add(1, Ordering::Relaxed);
                let name = format!("blackbox_{}_{number}", std::process::id());
                let server = server().expect("the macro asked for it");
                sql::run(&server, &format!("drop database if exists {name} with (force)"));
                match template {
                    None => sql::run(&server, &format!("create database {name}")),
                    Some(template) => {
                        // Under the lock: a database that others are copying cannot be copied.
                        let cache = Cache::locked();
                        let database = cache.database(&server, template);
                        sql::run(&server, &format!("create database {name} template {database}"));
                        cache.copy_beside(kind, template, folder.path());
                    }
                }
                Self { kind, url: with_database(&server, &name), folder, database: Some(name) }
            }
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// As `--store` takes it.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The binary on this store.
    pub(crate) fn sogoc(&self) -> Sogoc {
        self.sogoc_at(&self.url)
    }

    /// The binary on this store by way of another URL.
    pub(crate) fn sogoc_at(&self, url: &str) -> Sogoc {
        let sogoc = Sogoc::on(url).keyed(self.folder().join(KEY));
        match self.kind {
            Kind::Sqlite => sogoc,
            // A server has no folder of its own for files.
            Kind::Postgres => sogoc.with(&["--evidence", self.evidence().to_str().expect("a plain path")]),
        }
    }

    /// The folder of its evidence files.
    pub(crate) fn evidence(&self) -> PathBuf {
        self.folder().join(EVIDENCE)
    }

    /// A folder of this test's own.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file into the test's folder.
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder().join(name);
        std::fs::write(&path, bytes).expect("the test's folder can be written to");
        path
    }

    /// The file of an embedded store.
    #[track_caller]
    pub(crate) fn file(&self) -> PathBuf {
        PathBuf::from(sql::path(&self.url).expect("an embedded store"))
    }

    /// Locks the head row of a PostgreSQL, so that nobody can append until the guard is dropped.
    pub(crate) fn hold_head(&self) -> sql::Held {
        sql::Held::take(&self.url, "begin; select size from head where id = 1 for update")
    }

    /// Runs statements as the owner, past the program.
    #[track_caller]
    pub(crate) fn run(&self, statements: &str) {
        sql::run(&self.url, statements);
    }

    /// Reads one text cell, past the program.
    #[track_caller]
    pub(crate) fn cell(&self, query: &str) -> String {
        sql::cell(&self.url, query)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if let (Some(name), Some(server)) = (&self.database, server()) {
            // What is left when this fails goes with the server.
            let _ = sql::try_run(&server, &format!("drop database if exists {name} with (force)"));
        }
    }
}

/// The URL with another database in it.
pub(crate) fn with_database(url: &str, name: &str) -> String {
    let (base, query) = url.split_once('?').map_or((url, String::new()), |(base, query)| (base, format!("?{query}")));
    let (scheme, rest) = base.split_once("://").expect("a URL");
    let host = rest.split_once('/').map_or(rest, |(host, _)| host);
    format!("{scheme}://{host}/{name}{query}")
}

/// A filled store that tests copy.
#[derive(Clone, Copy, Debug)]
enum Template {
    Demo,
    Pilot,
    Served,
}

impl Template {
    fn name(self) -> &'static str {
        match self {
            Self::Demo => "demo",
            Self::Pilot => "pilot",
            Self::Served => "served",
        }
    }

    fn fill(self, store: &str, key: PathBuf) {
        let _ = std::fs::remove_file(key.with_extension("checkpoint"));
        log_key_into(&key);
        let files = key.with_extension("evidence");
        let _ = std::fs::remove_dir_all(&files);
        let sogoc = Sogoc::on(store).keyed(key).with(&["--evidence", files.to_str().expect("a plain path")]);
        match self {
            Self::Demo => {
                sogoc.ok(&["demo"]);
            }
            Self::Pilot => {
                sogoc.accepted(&pilot::founding_to_activation());
            }
            Self::Served => {
                sogoc.ok(&["demo"]);
                sogoc.accepted(&pilot::beside_hanam());
            }
        }
    }
}

/// Where templates are kept between tests, which may be processes of their own. Held under a lock.
struct Cache {
    folder: PathBuf,
    key: String,
    // Its lock goes with it.
    _lock: File,
}

impl Cache {
    fn locked() -> Self {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("blackbox");
        let key = key();
        let folder = root.join(&key);
        std::fs::create_dir_all(&folder).expect("the target folder can be written to");
        remove_of_other_binaries(&root, &key);
        let lock = lock_file(&root, &key);
        lock.lock().expect("a file can be locked");
        // Another run may have removed it before the lock was held.
        std::fs::create_dir_all(&folder).expect("the target folder can be written to");
        Self { folder, key, _lock: lock }
    }

    /// The file of a template's key.
    fn key_of(&self, kind: Kind, template: Template) -> PathBuf {
        self.folder.join(format!("{}-{kind:?}.key", template.name()))
    }

    /// Gives a test the key of its template, the checkpoint that was kept beside it, and its evidence files.
    fn copy_beside(&self, kind: Kind, template: Template, folder: &Path) {
        let (from, to) = (self.key_of(kind, template), folder.join(KEY));
        copy_into(&from.with_extension("evidence"), &folder.join(EVIDENCE));
        std::fs::copy(&from, &to).expect("the key can be copied");
        std::fs::copy(from.with_extension("checkpoint"), to.with_extension("checkpoint"))
            .expect("the checkpoint can be copied");
    }

    /// The file of an embedded template.
    fn file(&self, template: Template) -> PathBuf {
        let done = self.folder.join(format!("{}.db", template.name()));
        if !done.exists() {
            let making = self.folder.join(format!("{}.making.db", template.name()));
            for suffix in ["", "-wal", "-shm"] {
                let _ = std::fs::remove_file(format!("{}{suffix}", making.display()));
            }
            let url = format!("sqlite:{}", making.display());
            template.fill(&url, self.key_of(Kind::Sqlite, template));
            sql::checkpoint(&url);
            std::fs::rename(&making, &done).expect("a file can be renamed");
        }
        done
    }

    /// The name of a template database.
    fn database(&self, server: &str, template: Template) -> String {
        let name = format!("blackbox_{}_{}", template.name(), self.key);
        let is_done =
            format!("select cast(count(*) as text) from pg_database where datname = '{name}' and datistemplate");
        if sql::cell(server, &is_done) == "0" {
            sql::run(server, &format!("drop database if exists {name} with (force)"));
            sql::run(server, &format!("create database {name}"));
            template.fill(&with_database(server, &name), self.key_of(Kind::Postgres, template));
            sql::run(server, &format!("alter database {name} is_template true"));
        }
        name
    }
}

/// Names the binary's build: another build fills templates of its own.
fn key() -> String {
    let meta = std::fs::metadata(binary::path()).expect("the binary is there");
    let mut hasher = DefaultHasher::new();
    binary::path().hash(&mut hasher);
    meta.len().hash(&mut hasher);
    meta.modified().expect("files have times").hash(&mut hasher);
    let commands = [pilot::founding_to_activation(), pilot::beside_hanam()].concat();
    commands.iter().for_each(|command| command.to_string().hash(&mut hasher));
    format!("{:016x}", hasher.finish())
}

/// Copies a folder with all that is in it.
pub(crate) fn copy_into(from: &Path, to: &Path) {
    std::fs::create_dir(to).expect("a folder can be made");
    for entry in std::fs::read_dir(from).expect("the folder is there") {
        let (entry, name) = entry.map(|entry| (entry.path(), entry.file_name())).expect("it can be read");
        if entry.is_dir() {
            copy_into(&entry, &to.join(name));
        } else {
            std::fs::copy(&entry, to.join(name)).expect("a file can be copied");
        }
    }
}

fn lock_file(root: &Path, key: &str) -> File {
    let path = root.join(format!("{key}.lock"));
    OpenOptions::new().create(true).append(true).open(path).expect("the target folder can be written to")
}

/// Removes templates of earlier builds that nobody uses.
fn remove_of_other_binaries(root: &Path, key: &str) {
    let Ok(entries) = std::fs::read_dir(root) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name != key && entry.path().is_dir() && lock_file(root, &name).try_lock().is_ok() {
            let _ = std::fs::remove_dir_all(entry.path());
            let _ = std::fs::remove_file(root.join(format!("{name}.lock")));
        }
    }
}
