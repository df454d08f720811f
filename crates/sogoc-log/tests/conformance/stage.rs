//! A store and a log in it, for one test.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sogoc_log::testing::TestStore;
use sogoc_log::{
    Actor, Append, Clock as _, Draft, Log, LogError, Options, Receipt, StreamId, SystemClock, Uuid, Version, canonical,
};

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
        unmoved: vec![],
    }
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
