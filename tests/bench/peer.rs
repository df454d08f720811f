//! The peer binary, run for one measurement at a time (`tests/peers/README.md`).

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use serde_json::Value;

/// Where the binary is and which database it measures on.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) binary: PathBuf,
    pub(crate) url: String,
}

impl Peer {
    /// Runs a subcommand and reads the line of JSON that it prints, if any.
    pub(crate) fn run(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let output = std::process::Command::new(&self.binary)
            .args(arguments)
            .env("SOGOC_TEST_POSTGRES", &self.url)
            .output()
            .with_context(|| {
                format!(
                    "{} could not be run: build it with `cargo build --release --locked --manifest-path \
                     tests/peers/Cargo.toml`, or name it with --peer",
                    self.binary.display()
                )
            })?;
        ensure!(
            output.status.success(),
            "peer {} failed: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr)
        );
        if output.stdout.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&output.stdout).context("the peer printed no JSON")
    }

    /// The rate that a subcommand measures, per second.
    pub(crate) fn rate(&self, arguments: &[&str]) -> anyhow::Result<f64> {
        per_second(&self.run(arguments)?)
    }
}

pub(crate) fn per_second(report: &Value) -> anyhow::Result<f64> {
    report["per_second"].as_f64().with_context(|| format!("no rate in {report}"))
}
