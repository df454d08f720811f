//! The log's tlog-tiles layout over HTTP, read-only: `checkpoint`, `tile/<L>/<N>[.p/<W>]` and, where entries may be
//! read by whoever can connect, `tile/entries/<N>[.p/<W>]`.
//!
//! Nothing beyond the newest signed checkpoint is served: what nobody signed yet is nobody's business.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use sogoc_log::{Log, LogError, WithEntries};
use sogoc_proof::{EntryBundle, Tile};

/// A tile never changes: keep it for a year.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// Entries are for those who may read them: not for shared caches.
const IMMUTABLE_ENTRIES: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");
/// The checkpoint changes up to once a second.
const BRIEF: HeaderValue = HeaderValue::from_static("public, max-age=1");
const NEVER: HeaderValue = HeaderValue::from_static("no-store");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");

struct Served {
    log: Log,
    entries: WithEntries,
    /// Size of the newest checkpoint seen; it only grows, so what it covers needs no look into the store.
    signed: AtomicU64,
}

/// The routes of one log.
pub(crate) fn router(log: Log, entries: WithEntries) -> Router {
    let served = Served { log, entries, signed: AtomicU64::new(0) };
    Router::new()
        .route("/", get(about))
        .route("/checkpoint", get(checkpoint))
        .route("/tile/entries/{*path}", get(bundle))
        .route("/tile/{*path}", get(tile))
        .fallback(async || missing("there is only /checkpoint and /tile/…: see c2sp.org/tlog-tiles"))
        .with_state(Arc::new(served))
}

async fn about(State(served): State<Arc<Served>>) -> Response {
    text(StatusCode::OK, BRIEF, format!("sogoc log {}\nsee /checkpoint and c2sp.org/tlog-tiles\n", served.log.name()))
}

async fn checkpoint(State(served): State<Arc<Served>>) -> Response {
    match served.log.latest_checkpoint().await {
        Ok(Some(signed)) => {
            served.signed.fetch_max(signed.size(), Ordering::Relaxed);
            text(StatusCode::OK, BRIEF, signed.cosigned_note().to_string())
        }
        Ok(None) => missing("no checkpoint was signed yet"),
        Err(error) => unavailable(&error),
    }
}

async fn tile(State(served): State<Arc<Served>>, uri: Uri) -> Response {
    let tile = match Tile::parse(path(&uri)) {
        Ok(tile) => tile,
        Err(error) => return missing(&error.to_string()),
    };
    let content = async {
        if !served.is_signed(|size| tile.is_within(size)).await? {
            return Ok(None);
        }
        let hashes = served.log.tile(tile).await?;
        Ok(Some(tile.encode(&hashes).expect("the log gives as many hashes as the tile is wide")))
    };
    bytes(content.await, IMMUTABLE)
}

async fn bundle(State(served): State<Arc<Served>>, uri: Uri) -> Response {
    let bundle = match EntryBundle::parse(path(&uri)) {
        Ok(bundle) => bundle,
        Err(error) => return missing(&error.to_string()),
    };
    if served.entries == WithEntries::No {
        return missing(
            "this server shows no entries, only the tree over them: entries are for those with the right to read them \
             (the operator serves them with --with-entries)",
        );
    }
    let content = async {
        if !served.is_signed(|size| bundle.is_within(size)).await? {
            return Ok(None);
        }
        served.log.entry_bundle(bundle).await.map(Some)
    };
    bytes(content.await, IMMUTABLE_ENTRIES)
}

/// The path as it was sent: one spelling, nothing decoded.
fn path(uri: &Uri) -> &str {
    uri.path().strip_prefix('/').unwrap_or_default()
}

impl Served {
    /// Whether the newest signed checkpoint covers it.
    async fn is_signed(&self, covers: impl Fn(u64) -> bool) -> Result<bool, LogError> {
        if covers(self.signed.load(Ordering::Relaxed)) {
            return Ok(true);
        }
        let size = self.log.latest_checkpoint().await?.map_or(0, |signed| signed.size());
        self.signed.fetch_max(size, Ordering::Relaxed);
        Ok(covers(size))
    }
}

fn bytes(content: Result<Option<Vec<u8>>, LogError>, keep: HeaderValue) -> Response {
    match content {
        Ok(Some(bytes)) => {
            (StatusCode::OK, [(header::CONTENT_TYPE, BYTES), (header::CACHE_CONTROL, keep)], bytes).into_response()
        }
        Ok(None) => missing("it is beyond the newest signed checkpoint: see /checkpoint for the size"),
        Err(error) => unavailable(&error),
    }
}

fn missing(why: &str) -> Response {
    text(StatusCode::NOT_FOUND, NEVER, format!("{why}\n"))
}

/// The store's own words stay in the trace: strangers read this.
fn unavailable(error: &LogError) -> Response {
    tracing::error!(error = %error, "the log cannot be read for serving");
    text(StatusCode::SERVICE_UNAVAILABLE, NEVER, "the log cannot be read just now: try again later\n".to_owned())
}

fn text(status: StatusCode, keep: HeaderValue, text: String) -> Response {
    (status, [(header::CONTENT_TYPE, TEXT), (header::CACHE_CONTROL, keep)], text).into_response()
}
