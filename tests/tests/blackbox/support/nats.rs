//! A NATS server of a test's own, which it may kill.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use async_nats::jetstream;
use futures_util::StreamExt as _;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{process, service};

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
        let binary = service::named("SOGOC_TEST_NATS_BIN")?;
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
        process::kill(&mut self.child);
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
