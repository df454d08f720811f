//! A store and a log in it, for one test.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sogoc_log::testing::TestStore;
use sogoc_log::{
    Actor, Append, Clock as _, DEFAULT_NAME, Draft, Hash, Log, LogError, Options, Position, Receipt, StreamId,
    SystemClock, Uuid, Version, canonical,
};
use sogoc_proof::{Algorithm, SignerKey, leaf_hash};

/// A store and how to open its log.
pub(crate) struct Stage {
    pub(crate) store: TestStore,
}

impl Stage {
    pub(crate) async fn log(&self) -> Log {
        self.log_with(Options::default()).await
    }

    pub(crate) async fn log_with(&self, options: Options) -> Log {
        Log::open_or_create(self.store.url(), options).await.expect("a fresh store opens")
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.store.file().is_none()
    }
}

/// Runs each function as one test on each store.
macro_rules! on_both_stores {
    ($($(#[$attribute:meta])* $name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::conformance::stage::Stage { store: sogoc_log::testing::TestStore::sqlite() }).await;
            })*
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                if let Some(store) = sogoc_log::testing::TestStore::postgres().await {
                    super::$name($crate::conformance::stage::Stage { store }).await;
                }
            })*
        }
    };
}
pub(crate) use on_both_stores;

/// A command id that no other call gives.
pub(crate) fn command() -> Uuid {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0000 + u128::from(NEXT.fetch_add(1, Ordering::Relaxed)))
}

pub(crate) fn stream(name: &str) -> StreamId {
    StreamId::try_new(name).expect("a stream's name")
}

pub(crate) fn draft(to: &str, number: u64) -> Draft {
    Draft {
        stream: stream(to),
        kind: "counted".to_owned(),
        kind_version: 1,
        data: canonical::to_string(&serde_json::json!({ "number": number })).expect("an integer"),
        causation: None,
    }
}

/// An append of one entry to a stream that is at `version`.
pub(crate) fn append(to: &str, version: u64) -> Append {
    appends(&[(to, version)])
}

/// An append of one entry to each of several streams.
pub(crate) fn appends(to: &[(&str, u64)]) -> Append {
    Append {
        command: command(),
        command_digest: [7; 32],
        correlation: None,
        actor: Actor { account: "tk-01".to_owned(), role: Some("reviewer".to_owned()), ..Actor::default() },
        received: SystemClock.now(),
        occurred: None,
        instrument: None,
        drafts: to.iter().map(|(name, version)| draft(name, *version)).collect(),
        expected: to.iter().map(|(name, version)| (stream(name), Version(*version))).collect(),
        sealed: vec![],
        erases: vec![],
        unmoved: vec![],
    }
}

/// An append of one entry to a stream that erases sealed texts.
pub(crate) async fn erasing(log: &Log, to: &str, commitments: &[[u8; 32]]) -> Append {
    let mut one = append(to, log.stream_version(&stream(to)).await.expect("readable").0);
    one.erases = commitments.to_vec();
    one
}

/// Erases sealed texts, which one entry says.
pub(crate) async fn erase(log: &Log, to: &str, commitments: &[[u8; 32]]) -> Receipt {
    log.append(erasing(log, to, commitments).await).await.expect("erased")
}

/// Appends `count` entries, one command each, one after the other.
pub(crate) async fn fill(log: &Log, to: &str, count: u64) -> Vec<Receipt> {
    let start = log.stream_version(&stream(to)).await.expect("readable").0;
    let mut receipts = Vec::new();
    for version in start..start + count {
        receipts.push(log.append(append(to, version)).await.expect("accepted"));
    }
    receipts
}

/// As an application does it: reads the version, appends, and decides again on a conflict.
pub(crate) async fn append_until_accepted(log: &Log, to: &str) -> Receipt {
    for _ in 0..1_000 {
        let version = log.stream_version(&stream(to)).await.expect("readable");
        match log.append(append(to, version.0)).await {
            Ok(receipt) => return receipt,
            Err(LogError::Conflict { .. } | LogError::Unavailable { .. }) => tokio::task::yield_now().await,
            Err(other) => panic!("{other}"),
        }
    }
    panic!("a thousand conflicts on {to}");
}

pub(crate) fn manual(clock: &Arc<sogoc_log::ManualClock>) -> Options {
    Options {
        clock: Arc::clone(clock) as Arc<dyn sogoc_log::Clock>,
        time_source: sogoc_log::TimeSource::Clock,
        ..Options::default()
    }
}

/// Appends many entries with few commands.
pub(crate) async fn fill_many(log: &Log, to: &str, count: u64) {
    let mut version = log.stream_version(&stream(to)).await.expect("readable").0;
    let end = version + count;
    while version < end {
        let next = end.min(version + sogoc_log::DRAFTS_MAX as u64);
        let mut many = append(to, version);
        many.drafts = (version..next).map(|number| draft(to, number)).collect();
        log.append(many).await.expect("accepted");
        version = next;
    }
}

/// Leaf hashes of all entries, from their bytes.
pub(crate) async fn leaves(log: &Log) -> Vec<Hash> {
    let entries = log.read(Position(0), 1 << 20).await.expect("readable");
    entries.iter().map(|entry| leaf_hash(entry.bytes.as_bytes())).collect()
}

/// A key that signs this log's checkpoints.
pub(crate) fn log_key(seed: u8) -> SignerKey {
    SignerKey::from_seed(DEFAULT_NAME, Algorithm::Ed25519, [seed; 32]).expect("a name that a note can carry")
}

pub(crate) fn witness_key(name: &str) -> SignerKey {
    SignerKey::from_seed(name, Algorithm::CosignatureV1, [9; 32]).expect("a name that a note can carry")
}

/// What stands in the way of an owner who wants to change what was recorded, taken out of it.
pub(crate) async fn past_the_triggers(stage: &Stage) {
    let sql = if stage.is_postgres() {
        "alter table entry disable trigger all; alter table head disable trigger all;
         alter table sealed_text disable trigger all; alter table checkpoint disable trigger all;
         alter table signed disable trigger all; alter table cosignature disable trigger all;
         alter table tile_root disable trigger all; alter table entry drop constraint entry_stream_version;
         alter table entry drop constraint entry_command_index;"
    } else {
        "drop trigger entry_is_never_updated; drop trigger entry_is_never_deleted; drop trigger entry_is_dense;
         drop trigger head_never_shrinks; drop trigger sealed_text_is_only_erased;
         drop trigger checkpoint_is_never_updated; drop trigger checkpoint_is_never_deleted;
         drop trigger checkpoint_is_never_replaced; drop trigger cosignature_is_never_updated;
         drop trigger cosignature_is_never_deleted; drop trigger tile_root_is_never_updated;
         drop trigger tile_root_is_never_deleted; drop trigger tile_root_is_never_replaced;
         drop trigger signed_only_grows; drop trigger signed_is_kept;"
    };
    stage.store.tamper(sql).await;
}

/// Bytes as a literal of the store.
pub(crate) fn literal(stage: &Stage, bytes: &[u8]) -> String {
    if stage.is_postgres() {
        format!("'\\x{}'::bytea", hex::encode(bytes))
    } else {
        format!("x'{}'", hex::encode(bytes))
    }
}
