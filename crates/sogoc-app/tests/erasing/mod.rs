//! Erasing sealed texts (invariant 11): text and salt go, everything else stays as it was.

use serde_json::{Value, json};
use sogoc_app::{Origin, Receipt};
use sogoc_domain::command::Envelope;
use sogoc_domain::refusal::Code;
use sogoc_domain::values::Digest;
use sogoc_log::testing::TestStore;
use sogoc_log::{Position, Sealed};
use sogoc_register::{HistoryItem, Trace};

use crate::pilot::{LEAVES, Pilot, adjust, refusal, score};

const FIGURE: &str = "pilot/khoi/so-a/leaf/1.1/appraised_points";
const REASON: &str = "Không có tài liệu";

mod sqlite {
    use super::TestStore;

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_erased_is_gone_and_everything_else_stays() {
        super::what_is_erased_is_gone_and_everything_else_stays(TestStore::sqlite()).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_text_is_erased_once_by_whatever_process() {
        super::a_text_is_erased_once_by_whatever_process(TestStore::sqlite()).await;
    }
}

mod postgres {
    use super::TestStore;

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_erased_is_gone_and_everything_else_stays() {
        if let Some(store) = TestStore::postgres().await {
            super::what_is_erased_is_gone_and_everything_else_stays(store).await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_text_is_erased_once_by_whatever_process() {
        if let Some(store) = TestStore::postgres().await {
            super::a_text_is_erased_once_by_whatever_process(store).await;
        }
    }
}

/// A leaf was adjusted, for [`REASON`].
async fn adjusted(store: TestStore) -> (Pilot, Receipt) {
    let pilot = Pilot::running_on(store).await;
    for n in 1..=LEAVES {
        pilot.does("officer-so-a", score("so-a", &format!("1.{n}"), true)).await;
    }
    pilot.does("leader-so-a", json!({ "type": "submit-scorecard", "season": "pilot", "agency": "so-a" })).await;
    let receipt = pilot.does("reviewer-1", adjust("so-a", "1.1")).await;
    let instrument = json!({ "id": "qd-2", "number": "2/QĐ", "date": "2026-03-01", "issuer": "UBND" });
    pilot.does("chair", json!({ "type": "register-instrument", "instrument": instrument })).await;
    (pilot, receipt)
}

fn erasing(pilot: &Pilot, account: &str, instrument: &str, texts: &[Digest]) -> Envelope {
    let command =
        json!({ "type": "erase-texts", "texts": texts, "ground_code": "request-of-person", "ground": "Theo đơn" });
    let mut envelope = pilot.envelope(account, command);
    envelope.instrument = Some(serde_json::from_value(json!({ "id": instrument })).expect("an instrument"));
    envelope
}

async fn traced(pilot: &Pilot) -> Trace {
    let mut trace = {
        let register = pilot.app.register();
        register.trace(FIGURE, register.now(), 100).expect("a figure")
    };
    pilot.app.fill_trace(&mut trace).await.expect("the log answers");
    trace
}

async fn told(pilot: &Pilot) -> Vec<HistoryItem> {
    let mut items = {
        let register = pilot.app.register();
        register.history("pilot", "so-a", Some("1.1"), register.now()).expect("a leaf")
    };
    pilot.app.fill_entries(items.iter_mut().map(|item| &mut item.entry)).await.expect("the log answers");
    items
}

/// The commitment of the reason for the adjustment, as a trace shows it.
async fn commitment(pilot: &Pilot) -> Digest {
    let mut found = None;
    traced(pilot).await.each_entry(&mut |entry| {
        if entry.reason.as_deref() == Some(REASON) {
            found = Some(entry.texts[0].commitment);
        }
    });
    found.expect("the reason is in the trace")
}

/// The entry of the adjustment in a trace's JSON.
fn adjustment(value: &Value) -> Option<&Value> {
    if value["kind"] == "score-adjusted" {
        return Some(value);
    }
    value["inputs"].as_array()?.iter().find_map(adjustment)
}

async fn what_is_erased_is_gone_and_everything_else_stays(store: TestStore) {
    let (pilot, receipt) = adjusted(store).await;
    let text = commitment(&pilot).await;
    let (log, size) = (pilot.app.log(), pilot.size().await);
    let before = {
        let register = pilot.app.register();
        let cut = register.now();
        (
            register.figures_digest("pilot", cut).expect("a season"),
            register.streams_root("pilot", cut).expect("a season"),
        )
    };
    let bytes = log.read(Position(0), 10_000).await.expect("the log answers");
    let head = log.head().await.expect("the log answers");

    let erased = pilot.execute(&erasing(&pilot, "admin", "qd-1", &[text])).await.expect("accepted");
    assert_eq!(erased.positions, [size], "one entry, with the instrument");

    // The text is gone from the store; commitment and entry are as they were.
    let held = log.sealed(&[text.0]).await.expect("the log answers");
    assert!(matches!(held[&text.0], Sealed::Erased { .. }), "{held:?}");
    let now = log.read(Position(0), 10_000).await.expect("the log answers");
    assert_eq!(now[..bytes.len()], bytes[..]);
    let adjusted = now[usize::try_from(receipt.positions[0]).expect("small")].parse().expect("an entry");
    assert!(adjusted.data.get().contains(&text.to_string()));
    let entry = now[bytes.len()].parse().expect("an entry");
    assert_eq!((entry.kind, entry.stream), ("texts-erased", "instrument/qd-1"));
    let written = now.iter().any(|entry| entry.bytes.contains(REASON) || entry.bytes.contains("Theo đơn"));
    assert!(!written, "a text stands bare in an entry");
    let grown = log.continue_frontier(head.frontier, size + 1).await.expect("the log answers");
    let root = log.head().await.expect("the log answers").root;
    assert_eq!(grown.root(), root, "the tree is the one before and the new entry");

    // Figures stay, and so does what an announcement commits to.
    let after = {
        let register = pilot.app.register();
        let cut = register.now();
        (
            register.figures_digest("pilot", cut).expect("a season"),
            register.streams_root("pilot", cut).expect("a season"),
        )
    };
    assert_eq!(after, before);
    assert_eq!(pilot.app.replay().await.expect("the log answers"), sogoc_app::Replay::Agrees);

    // It is said: another thing than a text that was not fetched.
    let trace = serde_json::to_value(traced(&pilot).await).expect("a trace is JSON");
    let entry = adjustment(&trace).expect("the adjustment is traced");
    assert_eq!(
        (&entry["reason"], &entry["erased"], &entry["reason_code"]),
        (&Value::Null, &json!(true), &json!("missing"))
    );
    assert_eq!((&entry["texts"][0]["text"], &entry["texts"][0]["erased"]), (&Value::Null, &json!(true)));
    let items = told(&pilot).await;
    assert!(items.iter().any(|item| item.entry.erased && item.entry.reason.is_none()));
    let unfetched = {
        let register = pilot.app.register();
        serde_json::to_value(register.trace(FIGURE, register.now(), 100).expect("a figure")).expect("a trace is JSON")
    };
    assert!(adjustment(&unfetched).expect("the adjustment is traced").get("erased").is_none());
}

async fn a_text_is_erased_once_by_whatever_process(store: TestStore) {
    let (pilot, _) = adjusted(store).await;
    let text = commitment(&pilot).await;
    let other = pilot.another().await;
    let size = pilot.size().await;
    let unknown = erasing(&pilot, "admin", "qd-1", &[text, Digest([9; 32])]);
    assert_eq!(pilot.refused(&unknown).await.code, Code::Unknown);
    assert_eq!(pilot.refused(&erasing(&pilot, "reviewer-2", "qd-1", &[text])).await.code, Code::RoleMissing);
    let held = pilot.app.log().sealed(&[text.0]).await.expect("the log answers");
    assert!(matches!(held[&text.0], Sealed::Text(_)), "what was refused erased nothing");
    assert_eq!(pilot.size().await, size + 1, "the want of authority is recorded and nothing else");

    let first = erasing(&pilot, "admin", "qd-1", &[text]);
    let receipt = pilot.execute(&first).await.expect("accepted");
    let again = pilot.execute(&first).await.expect("the first receipt");
    assert!(again.repeated && again.positions == receipt.positions);
    let refused = pilot.refused(&erasing(&pilot, "chair", "qd-2", &[text])).await;
    assert_eq!((refused.code, refused.values["instrument"].as_str()), (Code::AlreadyErased, "qd-1"));
    // The other process has not heard of it, and rests on another instrument: no stream of its decision moved.
    assert!(other.register().size() <= receipt.positions[0]);
    let late = other.execute(&erasing(&pilot, "chair", "qd-2", &[text]), Origin::default()).await;
    assert_eq!(refusal(late).code, Code::AlreadyErased);
}
