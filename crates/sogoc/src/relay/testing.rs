//! A NATS server of a test's own, which it may kill, and logs to publish.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use async_nats::jetstream;
use sogoc_log::testing::ALL_VARIABLE;
use sogoc_log::{Actor, Append, Clock as _, Draft, Log, StreamId, SystemClock, Uuid, Version};

/// The `nats-server` binary, 2.10 or newer.
const BIN_VARIABLE: &str = "SOGOC_TEST_NATS_BIN";

/// A server with JetStream in files.
pub(crate) struct Nats {
    binary: PathBuf,
    folder: tempfile::TempDir,
    port: u16,
    arguments: Vec<String>,
    child: Option<Child>,
}

impl Nats {
    /// Starts one where `SOGOC_TEST_NATS_BIN` names the binary; says that a test did not run where it does not.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// As [`Nats::start`], with more arguments.
    pub(crate) fn start_with(arguments: &[&str]) -> Option<Self> {
        let Some(binary) = std::env::var_os(BIN_VARIABLE) else {
            let all = std::env::var(ALL_VARIABLE).is_ok_and(|value| value == "1");
            assert!(!all, "{ALL_VARIABLE}=1 and no {BIN_VARIABLE}: name a nats-server");
            #[expect(clippy::print_stderr, reason = "a test says that it did not run")]
            {
                eprintln!("not run: {BIN_VARIABLE} names no nats-server");
            }
            return None;
        };
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("bound").port();
        drop(free);
        let folder = tempfile::tempdir().expect("a folder");
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let mut nats = Self { binary: PathBuf::from(binary), folder, port, arguments, child: None };
        nats.restart();
        Some(nats)
    }

    /// Starts it again on the same port and files; returns when it takes connections.
    pub(crate) fn restart(&mut self) {
        assert!(self.child.is_none(), "it runs");
        let mut child = Command::new(&self.binary)
            .args(["-a", "127.0.0.1", "-p", &self.port.to_string(), "-js", "-sd"])
            .arg(self.folder.path())
            .args(&self.arguments)
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let mut said = Vec::new();
        loop {
            let Some(Ok(line)) = lines.next() else { panic!("the server ended: {said:?}") };
            let ready = line.contains("Server is ready");
            said.push(line);
            if ready {
                break;
            }
        }
        // So that it never waits for somebody to read.
        std::thread::spawn(move || lines.for_each(drop));
        self.child = Some(child);
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("it was running");
            child.wait().expect("it ends");
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    pub(crate) async fn context(&self) -> jetstream::Context {
        jetstream::new(async_nats::connect(self.url()).await.expect("it runs"))
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.kill();
    }
}

/// An append of `count` entries to a stream that is at `version`.
pub(crate) fn append(stream: &str, version: u64, count: u64, correlation: Option<&str>) -> Append {
    let mut random = [0; 16];
    getrandom::fill(&mut random).expect("the system has random bytes");
    let name = StreamId::try_new(stream).expect("a stream's name");
    let draft = |number: u64| Draft {
        stream: name.clone(),
        kind: "counted".to_owned(),
        kind_version: 1,
        data: format!("{{\"number\":{number}}}"),
        causation: None,
    };
    Append {
        command: Uuid::from_bytes(random),
        command_digest: [7; 32],
        correlation: correlation.map(str::to_owned),
        actor: Actor { account: "tk-01".to_owned(), role: Some("reviewer".to_owned()), ..Actor::default() },
        received: SystemClock.now(),
        occurred: None,
        instrument: None,
        drafts: (version..version + count).map(draft).collect(),
        expected: vec![(name.clone(), Version(version))],
        sealed: vec![],
        erases: vec![],
        unmoved: vec![],
    }
}

/// Appends so many entries to a stream, many with one command.
pub(crate) async fn fill(log: &Log, stream: &str, count: u64) {
    let name = StreamId::try_new(stream).expect("a stream's name");
    let mut version = log.stream_version(&name).await.expect("readable").0;
    let end = version + count;
    while version < end {
        let some = (end - version).min(2_000);
        log.append(append(stream, version, some, None)).await.expect("accepted");
        version += some;
    }
}
