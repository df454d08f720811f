//! Checkpoints: signed while the log grows, and kept outside the store as well (DESIGN §8).
//!
//! A task of its own signs at most once a second; appends never wait for it. A publication is signed before its receipt
//! is given. What was signed last is also written to a file beside the key: a store that was put back to an older state,
//! or rewritten, does not fit it, and is not opened.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sogoc_log::{Log, LogError, SignedCheckpoint};
use sogoc_proof::{Checkpoint, Note, SignerKey, VerifierKey};
use tokio::task::AbortHandle;

use crate::open::App;

/// Shortest time between two checkpoints that are signed because the log grew.
const EVERY: Duration = Duration::from_secs(1);

/// With what checkpoints are signed, and where the last one is kept outside the store.
#[derive(Debug)]
pub struct Signing {
    /// The log's key; its name is the log's.
    pub key: SignerKey,
    /// Keys that signed before it: the last checkpoint may be theirs.
    pub earlier: Vec<VerifierKey>,
    /// The file that keeps the last checkpoint.
    pub kept: Option<PathBuf>,
}

/// What an app does about signing.
#[derive(Default)]
pub(crate) struct Signer {
    signing: Mutex<Option<(Arc<Signing>, AbortHandle)>>,
}

/// Why the last checkpoint outside the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    File {
        /// Its path.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is no checkpoint.
    #[error("{path} is no checkpoint: {why}")]
    Form {
        /// Its path.
        path: String,
        /// What is wrong.
        why: String,
    },
    /// The log does not fit it, or does not answer.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl App {
    /// Checks the log against the last checkpoint that was kept outside the store; without such a file there is nothing
    /// to check. To be asked before anything is recorded.
    ///
    /// # Errors
    /// [`KeptError`]; above all [`LogError`] for a log that is shorter than the checkpoint or does not continue it.
    pub async fn check_kept(&self, path: &Path) -> Result<(), KeptError> {
        let shown = || path.display().to_string();
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(source) => return Err(KeptError::File { path: shown(), source }),
        };
        let form = |why: String| KeptError::Form { path: shown(), why };
        let note = Note::parse(&bytes).map_err(|error| form(error.to_string()))?;
        let checkpoint = Checkpoint::parse(note.text()).map_err(|error| form(error.to_string()))?;
        Ok(self.log().check_against(&checkpoint).await?)
    }

    /// Keeps checkpoints signed from now on: at most once a second while the log grows, at each publication, and when
    /// the app is closed.
    pub fn keep_signed(&self, signing: Signing) {
        let signing = Arc::new(signing);
        let task = tokio::spawn(follow(self.log().clone(), Arc::clone(&signing)));
        let mut signer = self.shared.signer.signing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, before)) = signer.replace((signing, task.abort_handle())) {
            before.abort();
        }
    }

    /// Signs a checkpoint now where the log has grown; the newest one. None where the app has no key.
    ///
    /// # Errors
    /// [`LogError`] when the log does not answer, or is not what was signed before.
    pub async fn sign(&self) -> Result<Option<SignedCheckpoint>, LogError> {
        let signing = self.signing();
        match signing {
            Some(signing) => sign(self.log(), &signing).await.map(Some),
            None => Ok(None),
        }
    }

    fn signing(&self) -> Option<Arc<Signing>> {
        let signer = self.shared.signer.signing.lock().unwrap_or_else(PoisonError::into_inner);
        signer.as_ref().map(|(signing, _)| Arc::clone(signing))
    }

    /// Signs what is recorded and stops signing.
    pub(crate) async fn sign_for_the_last_time(&self) {
        let taken = self.shared.signer.signing.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some((signing, task)) = taken else { return };
        task.abort();
        if let Err(error) = sign(self.log(), &signing).await {
            tracing::error!(error = &error as &dyn std::error::Error, "no checkpoint was signed");
        }
    }
}

async fn follow(log: Log, signing: Arc<Signing>) {
    let mut wake = log.wake();
    loop {
        wake.wait().await;
        if let Err(error) = sign(&log, &signing).await {
            tracing::error!(error = &error as &dyn std::error::Error, "no checkpoint was signed");
        }
        tokio::time::sleep(EVERY).await;
    }
}

async fn sign(log: &Log, signing: &Signing) -> Result<SignedCheckpoint, LogError> {
    let checkpoint = log.sign_checkpoint_after(&signing.key, &signing.earlier).await?;
    if let Some(path) = &signing.kept {
        let note = checkpoint.cosigned_note().to_string();
        let file = path.clone();
        let written = tokio::task::spawn_blocking(move || keep(&file, &note)).await;
        if let Err(error) = written.unwrap_or_else(|error| Err(std::io::Error::other(error))) {
            // The checkpoint is signed and stored; the file lags behind until the next one.
            tracing::error!(error = &error as &dyn std::error::Error, "the checkpoint is not kept outside the store");
        }
    }
    Ok(checkpoint)
}

/// Replaces the file whole or not at all. A checkpoint of a larger log that another process kept meanwhile stays.
fn keep(path: &Path, note: &str) -> std::io::Result<()> {
    let size = |text: &str| {
        let note = Note::parse(text.as_bytes()).ok()?;
        Checkpoint::parse(note.text()).ok().map(|checkpoint| checkpoint.size())
    };
    if let Ok(before) = std::fs::read_to_string(path)
        && (before == note || size(&before) > size(note))
    {
        return Ok(());
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    let beside = PathBuf::from(beside);
    let mut file = std::fs::File::create(&beside)?;
    file.write_all(note.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&beside, path)
}
