//! A PostgreSQL of a test's own, which it may kill.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use super::binary::{Sogoc, workspace};
use super::stores::{KEY, log_key_into};
use super::{pilot, process, sql};

/// A server with a database of its own in which the pilot's season runs.
///
/// Start it, and start it again, on the thread of the test: the server dies with the thread that started it.
#[derive(Debug)]
pub(crate) struct OwnPostgres {
    name: String,
    pub(crate) url: String,
    child: Option<Child>,
    folder: tempfile::TempDir,
}

impl OwnPostgres {
    /// Starts one under `tests/run`; says that a test did not run where nothing is set up for it.
    pub(crate) fn with_pilot(name: &str) -> Option<Self> {
        if !super::stores::postgres_is_there() || std::env::var_os("SOGOC_TEST_FOLDER").is_none() {
            let all = std::env::var("SOGOC_TEST_ALL").is_ok_and(|value| value == "1");
            assert!(!all, "SOGOC_TEST_ALL=1 and no SOGOC_TEST_FOLDER: run this under tests/run");
            return None;
        }
        let folder = tempfile::tempdir().expect("the folder for temporary files can be written to");
        let name = format!("{name}-{}", std::process::id());
        let mut own = Self { name, url: String::new(), child: None, folder };
        own.restart();
        sql::run(&own.url, "create database pilot");
        own.url = super::stores::with_database(&own.url, "pilot");
        log_key_into(&own.folder.path().join(KEY));
        own.sogoc().accepted(&pilot::founding_to_activation());
        Some(own)
    }

    /// Starts it again on the same data and port; returns when it takes connections.
    pub(crate) fn restart(&mut self) {
        assert!(self.child.is_none(), "it runs");
        let mut child = Command::new(workspace().join("tests/servers/postgres"))
            .arg(&self.name)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut url = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut url).expect("stdout is UTF-8");
        assert!(!url.is_empty(), "the server ended");
        if self.url.is_empty() {
            url.trim().clone_into(&mut self.url);
        }
        self.child = Some(child);
    }

    /// SIGKILL: nothing is written any more, nobody is told.
    pub(crate) fn kill(&mut self) {
        process::kill(&mut self.child);
    }

    /// The binary on this store.
    pub(crate) fn sogoc(&self) -> Sogoc {
        let evidence = self.folder.path().join("evidence");
        let sogoc = Sogoc::on(&self.url).keyed(self.folder.path().join(KEY));
        sogoc.with(&["--evidence", evidence.to_str().expect("a plain path")])
    }
}

impl Drop for OwnPostgres {
    fn drop(&mut self) {
        self.kill();
    }
}
