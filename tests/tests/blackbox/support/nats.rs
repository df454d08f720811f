//! A NATS server of a test's own, which it may kill, and processes of the binary that are listened to.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use async_nats::jetstream;
use futures_util::StreamExt as _;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::Sogoc;

/// How long anything may take here before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server with JetStream in files.
#[derive(Debug)]
pub(crate) struct Nats {
    binary: PathBuf,
    folder: tempfile::TempDir,
    port: u16,
    child: Option<Child>,
}

impl Nats {
    /// Starts one where `SOGOC_TEST_NATS_BIN` names the binary; says that a test did not run where it does not.
    pub(crate) fn start() -> Option<Self> {
        let Some(binary) = std::env::var_os("SOGOC_TEST_NATS_BIN") else {
            let all = std::env::var("SOGOC_TEST_ALL").is_ok_and(|value| value == "1");
            assert!(!all, "SOGOC_TEST_ALL=1 and no SOGOC_TEST_NATS_BIN: name a nats-server");
            #[expect(clippy::print_stderr, reason = "a test says that it did not run")]
            {
                eprintln!("not run: SOGOC_TEST_NATS_BIN names no nats-server");
            }
            return None;
        };
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
        let folder = tempfile::tempdir().expect("a folder");
        let mut nats = Self { binary: PathBuf::from(binary), folder, port, child: None };
        nats.restart();
        Some(nats)
    }

    /// Starts it again on the same port and files; returns when it takes connections.
    pub(crate) fn restart(&mut self) {
        assert!(self.child.is_none(), "it runs");
        let mut child = Command::new(&self.binary)
            .args(["-a", "127.0.0.1", "-p", &self.port.to_string(), "-js", "-sd"])
            .arg(self.folder.path())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let ready = lines.by_ref().map_while(Result::ok).any(|line| line.contains("Server is ready"));
        assert!(ready, "the server ended");
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

    /// The positions in a tenant's stream, in the order in which a consumer is given them, until it was given every one
    /// below `size`. Each message is checked for what it says of itself.
    pub(crate) fn delivered(&self, tenant: &str, size: u64) -> Vec<u64> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
        runtime.block_on(async {
            let context = jetstream::new(async_nats::connect(self.url()).await.expect("the server takes connections"));
            let name = format!("SOGOC_{}", tenant.to_ascii_uppercase().replace('-', "_"));
            let stream = context.get_stream(name).await.expect("the relay has made its stream");
            let consumer = stream
                .create_consumer(jetstream::consumer::pull::OrderedConfig::default())
                .await
                .expect("the stream takes consumers");
            let mut messages = consumer.messages().await.expect("the consumer begins");
            let mut positions = Vec::new();
            let mut missing: BTreeSet<u64> = (0..size).collect();
            while !missing.is_empty() {
                let message = tokio::time::timeout(PATIENCE, messages.next()).await;
                let message = message.unwrap_or_else(|_| panic!("never delivered: {missing:?}"));
                let message = message.expect("the consumer goes on").expect("the consumer delivers");
                let headers = message.headers.as_ref().expect("a message has headers");
                let header = |name: &str| headers.get(name).expect("the relay sets it").as_str().to_owned();
                let position: u64 = header("Sogoc-Position").parse().expect("a position");
                let leaf = Sha256::new_with_prefix([0]).chain_update(&message.payload).finalize();
                assert_eq!(hex::encode(leaf), header("Sogoc-Leaf-Hash"), "position {position}");
                let entry: Value = serde_json::from_slice(&message.payload).expect("an entry is JSON");
                assert_eq!(entry["position"], position);
                missing.remove(&position);
                positions.push(position);
            }
            positions
        })
    }

    /// A source of a roll-up: `NAME=nats://…/SOGOC_TENANT`.
    pub(crate) fn source(&self, name: &str, tenant: &str) -> String {
        format!("{name}={}/SOGOC_{}", self.url(), tenant.to_ascii_uppercase().replace('-', "_"))
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A process of the binary that says on stderr, as JSON lines, what it does.
#[derive(Debug)]
pub(crate) struct Talking {
    child: Child,
    lines: mpsc::Receiver<Value>,
    said: Vec<Value>,
}

impl Talking {
    pub(crate) fn start(sogoc: &Sogoc, arguments: &[&str]) -> Self {
        let mut command = sogoc.with(&["--json"]).command(arguments);
        let mut child = command.stdout(Stdio::null()).spawn().expect("the binary runs");
        let stderr = BufReader::new(child.stderr.take().expect("stderr is piped"));
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                // What is no JSON is for people.
                if let Ok(value) = serde_json::from_str(&line)
                    && sender.send(value).is_err()
                {
                    return;
                }
            }
        });
        Self { child, lines, said: Vec::new() }
    }

    /// Waits until it says that it is in a state; gives what it said.
    #[track_caller]
    pub(crate) fn until(&mut self, state: &str) -> Value {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(value) => {
                    self.said.push(value.clone());
                    if value["state"] == state {
                        return value;
                    }
                }
                Err(error) => panic!("never {state} ({error}): {:?}", self.said),
            }
        }
    }

    /// SIGKILL: no chance to say goodbye.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// SIGTERM, and its end.
    pub(crate) fn terminate(mut self) -> ExitStatus {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
        self.child.wait().expect("it ends")
    }
}

impl Drop for Talking {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
