//! The witness itself: `POST /add-checkpoint` (C2SP tlog-witness).
//!
//! Checking a request against what is known, writing down the new checkpoint and taking it as known are one step for
//! each log: no second request for the same log comes between. The cosignature is made after the checkpoint is on disk,
//! so what is not kept is not signed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use sogoc_log::{Clock, SystemClock};
use sogoc_proof::{Accepted, AddCheckpoint, AddCheckpointError, Hash, Note, Refused, SignerKey, VerifierKey, decide};

use super::logs::Logs;
use super::state::StateFolder;
use crate::failure::Failure;

/// Longest request, in bytes: 63 hashes, and a checkpoint with room for sixteen signatures of 5 kB.
const REQUEST_BYTES_MAX: usize = 128 * 1_024;
/// Longest wait for the body of a request.
const REQUEST_SECONDS_MAX: u64 = 10;

/// A witness over its logs.
#[derive(Debug)]
pub(crate) struct Witness {
    key: SignerKey,
    folder: StateFolder,
    logs: BTreeMap<String, Watched>,
}

/// One log: the keys that may sign for it, and its newest cosigned checkpoint.
#[derive(Debug)]
struct Watched {
    keys: Vec<VerifierKey>,
    /// Size and root.
    known: Mutex<Option<(u64, Hash)>>,
}

/// What a request is answered with.
#[derive(Debug)]
enum Answer {
    /// Signature lines.
    Cosigned(String),
    Refused(Refused),
    Unreadable(AddCheckpointError),
    /// Accepted, and could not be written down.
    NotKept(std::io::Error),
}

impl Witness {
    /// Reads what is known of each log.
    ///
    /// # Errors
    /// When the state of a log cannot be read.
    pub(crate) fn open(key: SignerKey, folder: StateFolder, logs: Logs) -> Result<Self, Failure> {
        let mut watched = BTreeMap::new();
        for (origin, keys) in logs.by_origin {
            let known = Mutex::new(folder.load(&origin)?);
            watched.insert(origin, Watched { keys, known });
        }
        Ok(Self { key, folder, logs: watched })
    }

    /// The key that verifies its cosignatures.
    pub(crate) fn key(&self) -> &VerifierKey {
        self.key.verifier()
    }

    /// The logs that it watches, each with the size that it cosigned last.
    pub(crate) fn logs(&self) -> impl Iterator<Item = (&str, u64)> {
        self.logs.iter().map(|(origin, watched)| {
            let known = watched.known.lock().unwrap_or_else(PoisonError::into_inner);
            (origin.as_str(), known.map_or(0, |(size, _)| size))
        })
    }

    /// The routes. Writes to disk and hashes on threads of their own.
    pub(crate) fn router(self: Arc<Self>) -> Router {
        Router::new().route("/", get(about)).route("/add-checkpoint", post(add_checkpoint)).with_state(self)
    }

    /// Decides on the body of a request.
    fn add(&self, body: &[u8]) -> Answer {
        let request = match AddCheckpoint::parse(body) {
            Ok(request) => request,
            Err(error) => return Answer::Unreadable(error),
        };
        let origin = request.checkpoint().origin();
        let Some(watched) = self.logs.get(origin) else {
            // Without keys the log is an unknown one, and that is the refusal.
            return match decide(None, &request, &[]) {
                Err(refused) => Answer::Refused(refused),
                Ok(_) => unreachable!("nothing is accepted of a log without keys"),
            };
        };
        // A thread that panicked under this lock had not changed what is known: that is its last step.
        let mut known = watched.known.lock().unwrap_or_else(PoisonError::into_inner);
        let accepted = match decide(*known, &request, &watched.keys) {
            Ok(accepted) => accepted,
            Err(refused) => {
                if refused.is_evidence() {
                    tracing::error!(
                        log = origin,
                        "a log has shown two histories: both checkpoints are kept as evidence"
                    );
                    self.folder.keep_evidence(origin, request.note());
                }
                return Answer::Refused(refused);
            }
        };
        if let Err(error) = self.folder.persist(origin, &signed_by_log(request.note(), &watched.keys)) {
            return Answer::NotKept(error);
        }
        // From here on it is bound to this checkpoint, whatever becomes of the answer.
        *known = Some((accepted.checkpoint().size(), accepted.checkpoint().root()));
        self.cosigned(&accepted)
    }

    fn cosigned(&self, accepted: &Accepted) -> Answer {
        let now = u64::try_from(SystemClock.now().micros() / 1_000_000).unwrap_or(0);
        let line = accepted.cosign(&self.key, now).expect("the key is a witness's, and the clock is below year 10000");
        Answer::Cosigned(format!("{line}\n"))
    }
}

/// The checkpoint with its log's own signatures only: what strangers added is not kept.
fn signed_by_log(note: &Note, keys: &[VerifierKey]) -> String {
    let mut text = format!("{}\n", note.text());
    for line in note.signatures().iter().filter(|line| keys.iter().any(|key| line.is_of(key))) {
        let _ = writeln!(text, "{line}");
    }
    text
}

async fn about(State(witness): State<Arc<Witness>>) -> Response {
    let mut text = format!("sogoc witness\n{}\n\n", witness.key());
    for (origin, _) in witness.logs() {
        let _ = writeln!(text, "{origin}");
    }
    text.push_str("\nPOST /add-checkpoint: see c2sp.org/tlog-witness\n");
    answer(StatusCode::OK, text)
}

async fn add_checkpoint(State(witness): State<Arc<Witness>>, body: Body) -> Response {
    let reading = axum::body::to_bytes(body, REQUEST_BYTES_MAX);
    let body = match tokio::time::timeout(Duration::from_secs(REQUEST_SECONDS_MAX), reading).await {
        Ok(Ok(body)) => body,
        // Cut off, or too long: those who sent too much learn the limit.
        Ok(Err(_)) => {
            let why = format!("the request is cut short or above the limit of {REQUEST_BYTES_MAX} bytes\n");
            return answer(StatusCode::PAYLOAD_TOO_LARGE, why);
        }
        Err(_) => {
            let why = format!("the request did not arrive within {REQUEST_SECONDS_MAX} s\n");
            return answer(StatusCode::REQUEST_TIMEOUT, why);
        }
    };
    let decided = tokio::task::spawn_blocking(move || witness.add(&body)).await;
    match decided {
        Ok(Answer::Cosigned(lines)) => answer(StatusCode::OK, lines),
        Ok(Answer::Refused(refused)) => refusal(&refused),
        Ok(Answer::Unreadable(error)) => answer(StatusCode::BAD_REQUEST, format!("{error}\n")),
        Ok(Answer::NotKept(error)) => {
            tracing::error!(error = %error, "a checkpoint could not be kept, so nothing was signed: look after the disk");
            answer(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the checkpoint could not be kept, so it was not cosigned\n".to_owned(),
            )
        }
        Err(error) => {
            tracing::error!(error = %error, "a request ended in a defect of this program");
            answer(StatusCode::INTERNAL_SERVER_ERROR, "nothing was cosigned\n".to_owned())
        }
    }
}

fn refusal(refused: &Refused) -> Response {
    let status = StatusCode::from_u16(refused.status()).expect("these are statuses of HTTP");
    if let Some(size) = refused.known_size() {
        let kind = HeaderValue::from_static("text/x.tlog.size");
        return (status, [(header::CONTENT_TYPE, kind)], format!("{size}\n")).into_response();
    }
    answer(status, format!("{refused}\n"))
}

fn answer(status: StatusCode, text: String) -> Response {
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    (status, [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], text)
        .into_response()
}
