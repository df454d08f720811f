//! Holding what was received to what the log signed.

use std::time::Duration;

use reqwest::{Client, redirect};
use sogoc_proof::{Checkpoint, Note};

use super::sources::Check;
use super::store::{Standing, Store};

/// Longest wait for a checkpoint, in seconds.
const ANSWER_SECONDS_MAX: u64 = 5;
/// Longest checkpoint that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1_024;
/// Leaf hashes that are read at a time.
const CHUNK: u64 = 65_536;

/// What came of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Checked {
    /// The root over so many entries is the one that was signed.
    Fits { size: u64 },
    /// It was signed over more entries than have come.
    Ahead { size: u64 },
    /// It could not be had.
    Unreachable { why: String },
    /// What was received is not what was signed, or what was signed is not this log's.
    Differs { why: String },
}

/// Asks for checkpoints; keeps its connections.
#[derive(Debug, Clone)]
pub(crate) struct Checker {
    client: Client,
}

impl Checker {
    /// # Errors
    /// Where no TLS can be had and an address needs it.
    pub(crate) fn try_new(https: bool) -> Result<Self, String> {
        // An error says that another provider is installed already, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .user_agent(concat!("sogoc/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .timeout(Duration::from_secs(ANSWER_SECONDS_MAX));
        if !https {
            builder = builder.tls_certs_only([]);
        }
        builder.build().map(|client| Self { client }).map_err(|error| format!("TLS: {error}"))
    }

    /// Fetches a source's checkpoint and holds the entries to it; notes in the store how far they fit.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) async fn check(&self, store: &Store, standing: &Standing, check: &Check) -> Result<Checked, String> {
        let bytes = match self.fetch(&check.url).await {
            Ok(bytes) => bytes,
            Err(why) => return Ok(Checked::Unreachable { why }),
        };
        let checkpoint = match read(&bytes, check) {
            Ok(checkpoint) => checkpoint,
            Err(why) => return Ok(Checked::Differs { why: format!("{}: {why}", check.url) }),
        };
        let size = checkpoint.size();
        if let Some(log) = standing.log.as_deref().filter(|log| *log != checkpoint.origin()) {
            let why = format!("the stream is of log {log:?}, the checkpoint of {:?}", checkpoint.origin());
            return Ok(Checked::Differs { why });
        }
        if size > standing.next {
            return Ok(Checked::Ahead { size });
        }
        if size < standing.confirmed.size() {
            // An older one than was seen before says nothing that is not known.
            return Ok(Checked::Fits { size: standing.confirmed.size() });
        }
        let mut frontier = standing.confirmed.clone();
        while frontier.size() < size {
            let to = size.min(frontier.size() + CHUNK);
            frontier.extend(store.leaves(&standing.name, frontier.size(), to).await?);
        }
        if frontier.root() != checkpoint.root() {
            let why = format!(
                "the {size} entries that came have root {}, the log signed {}",
                frontier.root(),
                checkpoint.root()
            );
            return Ok(Checked::Differs { why });
        }
        store.confirm(&standing.name, &frontier).await?;
        Ok(Checked::Fits { size })
    }

    async fn fetch(&self, url: &str) -> Result<Vec<u8>, String> {
        let told = |error: reqwest::Error| format!("{url}: {}", error.without_url());
        let mut response = self.client.get(url).send().await.map_err(told)?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(format!("{url}: answered {}", response.status()));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(told)? {
            if bytes.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(format!("{url}: answered more than {ANSWER_BYTES_MAX} bytes"));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}

/// A checkpoint that the log's key has signed.
fn read(bytes: &[u8], check: &Check) -> Result<Checkpoint, String> {
    let note = Note::parse(bytes).map_err(|error| error.to_string())?;
    let verified = note.verify(std::slice::from_ref(&check.key)).map_err(|error| error.to_string())?;
    if verified.is_empty() {
        return Err(format!("no signature of {} is on it", check.key.name()));
    }
    let checkpoint = Checkpoint::parse(note.text()).map_err(|error| error.to_string())?;
    if checkpoint.origin() != check.key.name() {
        return Err(format!("it is of log {:?}, the key of {:?}", checkpoint.origin(), check.key.name()));
    }
    Ok(checkpoint)
}
