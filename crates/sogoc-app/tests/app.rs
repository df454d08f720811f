//! The one door, on a SQLite store, and erasing on both: receipts, refusals, ids that take effect once, retries, imports.

mod erasing;
mod pilot;

use std::collections::BTreeSet;

use pilot::{LEAVES, Pilot, adjust, amend, refusal, score};
use serde_json::json;
use sogoc_app::import::embedded::HANAM_2022;
use sogoc_app::import::{Plan, PlannedCommand};
use sogoc_app::{EvidenceError, EvidenceStore, ExecuteError, Origin};
use sogoc_domain::refusal::Code;
use sogoc_domain::stream::Stream;
use sogoc_evidence::{Blobs, Location};
use sogoc_log::{StreamId, Version};

#[tokio::test(flavor = "multi_thread")]
async fn a_command_takes_effect_once_and_its_id_is_bound_to_it() {
    let pilot = Pilot::running().await;
    let first = pilot.envelope("officer-so-a", score("so-a", "1.1", true));
    let receipt = pilot.execute(&first).await.expect("accepted");
    let size = pilot.size().await;
    let again = pilot.execute(&first).await.expect("the first receipt");
    assert!(again.repeated && again.positions == receipt.positions && again.at == receipt.at);
    let mut other = first.clone();
    other.command = serde_json::from_value(score("so-a", "1.1", false)).expect("a command");
    assert_eq!(pilot.refused(&other).await.code, Code::CommandReused);
    // What was refused consumes nothing: the id is free for the corrected command.
    let bad = pilot.envelope("officer-so-a", score("so-a", "9.9", true));
    assert_eq!(pilot.refused(&bad).await.code, Code::UnknownLeaf);
    assert_eq!(pilot.size().await, size);
    let mut corrected = bad;
    corrected.command = serde_json::from_value(score("so-a", "1.2", true)).expect("a command");
    pilot.execute(&corrected).await.expect("accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_recorded_while_somebody_reads_the_register_is_durable_then_and_folded_afterwards() {
    let pilot = Pilot::running().await;
    let (reads, begun) = std::sync::mpsc::channel();
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let app = pilot.app.clone();
    let reading = std::thread::spawn(move || {
        let register = app.register();
        reads.send(register.size()).expect("somebody waits");
        ended.recv().expect("it is told when to end");
    });
    let size = begun.recv().expect("it begins");
    let (app, envelope) = (pilot.app.clone(), pilot.envelope("officer-so-a", score("so-a", "1.1", true)));
    let executing = tokio::spawn(async move { app.execute(&envelope, Origin::default()).await });
    while pilot.size().await == size {}
    end.send(()).expect("it reads still");
    reading.join().expect("no panic");
    let receipt = executing.await.expect("no panic").expect("accepted");
    assert_eq!(receipt.positions, [size]);
    assert_eq!(pilot.app.register().size(), size + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_command_gives_its_first_receipt_where_it_would_be_refused_now() {
    let pilot = Pilot::running().await;
    for n in 1..=LEAVES {
        pilot.does("officer-so-a", score("so-a", &format!("1.{n}"), true)).await;
    }
    let submit =
        pilot.envelope("leader-so-a", json!({ "type": "submit-scorecard", "season": "pilot", "agency": "so-a" }));
    let first = pilot.execute(&submit).await.expect("accepted");
    let second = pilot.execute(&submit).await.expect("the first receipt");
    assert_eq!(first.positions, second.positions);
    let anew =
        pilot.envelope("leader-so-a", json!({ "type": "submit-scorecard", "season": "pilot", "agency": "so-a" }));
    assert_eq!(pilot.refused(&anew).await.code, Code::ScorecardState);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_leaf_that_was_seen_is_shown_and_others_work_is_not() {
    let pilot = Pilot::running().await;
    let seen = pilot.does("officer-so-a", score("so-a", "1.1", true)).await.positions[0];
    let moved = pilot.does("leader-so-a", score("so-a", "1.1", false)).await.positions[0];
    let mut stale = pilot.envelope("officer-so-a", score("so-a", "1.1", true));
    stale.seen = Some(seen);
    let told = pilot.refused(&stale).await;
    assert_eq!(told.code, Code::LeafChanged);
    assert_eq!(
        (told.values["current"].as_str(), told.values["by"].as_str()),
        (moved.to_string().as_str(), "leader-so-a")
    );
    assert_eq!((told.values["leaf"].as_str(), told.values["leaf_id"].as_str()), ("1.1", "leaf-1"));
    stale.seen = Some(moved);
    pilot.does("officer-so-a", score("so-a", "1.2", true)).await;
    pilot.execute(&stale).await.expect("the leaf is as it was seen");
    let mut beyond = pilot.envelope("officer-so-a", score("so-a", "1.1", true));
    beyond.seen = Some(1_000_000);
    assert_eq!(pilot.refused(&beyond).await.code, Code::Invalid);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_amendment_and_what_it_amends_are_shown_to_each_other() {
    let pilot = Pilot::running().await;
    let scored = pilot.does("officer-so-a", score("so-a", "1.1", true)).await.positions[0];
    let moved = pilot.does("leader-so-a", score("so-a", "1.1", false)).await.positions[0];
    // Who amends and says what was seen is held to it.
    let mut stale = pilot.envelope("chair", amend());
    stale.seen = Some(scored);
    let told = pilot.refused(&stale).await;
    assert_eq!((told.code, told.values["leaf"].as_str()), (Code::LeafChanged, "1.1"));
    assert_eq!(told.values["current"], moved.to_string());
    pilot.does("chair", amend()).await;
    // And who scores a leaf is told that it was amended since.
    let mut late = pilot.envelope("officer-so-a", score("so-a", "1.1", true));
    late.seen = Some(moved);
    let told = pilot.refused(&late).await;
    assert_eq!((told.code, told.values["by"].as_str()), (Code::LeafChanged, "chair"));
    late.seen = Some(told.values["current"].parse().expect("a position"));
    pilot.execute(&late).await.expect("the leaf is as it was seen");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_for_want_of_authority_are_recorded_five_a_minute_and_only_for_known_accounts() {
    let pilot = Pilot::running().await;
    for _ in 0..7 {
        let foreign = pilot.envelope("officer-so-b", score("so-a", "1.1", true));
        assert_eq!(pilot.refused(&foreign).await.code, Code::NotOwnAgency);
    }
    let stream = StreamId::try_new("refusals/officer-so-b").expect("a stream");
    let entries = pilot.app.log().read_stream(&stream, Version(1)).await.expect("the log answers");
    assert_eq!(entries.len(), 5);
    let entry = entries[0].parse().expect("an entry");
    assert_eq!(
        entry.data.get(),
        r#"{"code":"not-own-agency","command":"record-self-score","target":"scorecard/pilot/so-a/1.1"}"#
    );
    let late = pilot.envelope(
        "reviewer-1",
        json!({ "type": "request-explanation", "season": "pilot", "agency": "so-a", "case": "gt-1", "leaf": "1.1",
                "request": "Vì sao?", "due": "2030-01-01T00:00:00Z" }),
    );
    let told = pilot.refused(&late).await;
    assert_eq!(told.code, Code::PhaseClosed, "{told}");
    let size = pilot.size().await;
    let unknown = pilot.envelope("nobody", score("so-a", "1.1", true));
    assert_eq!(pilot.refused(&unknown).await.code, Code::AccountInactive);
    assert_eq!(pilot.size().await, size);
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_reviewers_on_one_scorecard_lose_nothing_and_nobody_is_refused() {
    let pilot = Pilot::running().await;
    for n in 1..=LEAVES {
        pilot.does("officer-so-a", score("so-a", &format!("1.{n}"), true)).await;
    }
    pilot.does("leader-so-a", json!({ "type": "submit-scorecard", "season": "pilot", "agency": "so-a" })).await;
    // Half of them come by another process, which has a register of its own.
    let other = pilot.another().await;
    let mut tasks = Vec::new();
    for n in 1..=LEAVES {
        let app = if n % 2 == 0 { pilot.app.clone() } else { other.clone() };
        let command = if n % 3 == 0 {
            adjust("so-a", &format!("1.{n}"))
        } else {
            json!({ "type": "accept-score", "season": "pilot", "agency": "so-a", "leaf": format!("1.{n}") })
        };
        let envelope = pilot.envelope(&format!("reviewer-{n}"), command);
        tasks.push(tokio::spawn(async move { app.execute(&envelope, Origin::default()).await }));
    }
    let mut positions = BTreeSet::new();
    for task in tasks {
        positions.extend(task.await.expect("no panic").expect("accepted").positions);
    }
    assert_eq!(positions.len(), LEAVES);
    pilot.app.catch_up().await.expect("the log answers");
    other.catch_up().await.expect("the log answers");
    assert_eq!(pilot.app.register().digest(), other.register().digest());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_command_names_what_it_left_out() {
    let pilot = Pilot::running().await;
    let rows = json!([
        { "leaf": "1.1", "inputs": { "yes_no": true } },
        { "leaf": "1.2", "inputs": { "count": "3" } },
        { "leaf": "7.7", "inputs": { "yes_no": true } },
    ]);
    let receipt = pilot
        .does("officer-so-a", json!({ "type": "import-scorecard", "season": "pilot", "agency": "so-a", "rows": rows }))
        .await;
    let failures: Vec<_> = receipt.failures.iter().map(|f| (f.item.as_str(), f.refusal.code)).collect();
    assert_eq!(receipt.positions.len(), 1);
    assert_eq!(failures, [("1.2", Code::InputsUnfit), ("7.7", Code::UnknownLeaf)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_if_compares_figures_and_records_nothing() {
    let pilot = Pilot::running().await;
    for n in 1..=LEAVES {
        pilot.does("officer-so-a", score("so-a", &format!("1.{n}"), true)).await;
    }
    pilot.does("leader-so-a", json!({ "type": "submit-scorecard", "season": "pilot", "agency": "so-a" })).await;
    let size = pilot.size().await;
    let digest = pilot.app.register().digest();
    let adjusted = pilot.envelope("reviewer-1", adjust("so-a", "1.1"));
    let changed = pilot.app.what_if(std::slice::from_ref(&adjusted)).await.expect("it would be accepted");
    assert!(changed.iter().any(|f| f.address == "pilot/khoi/so-a/leaf/1.1/appraised_points"), "{changed:?}");
    let refused = pilot.app.what_if(&[adjusted.clone(), adjusted]).await.expect_err("a leaf is appraised once a round");
    assert_eq!(refused.number, 2);
    assert_eq!(pilot.size().await, size);
    assert_eq!(pilot.app.register().digest(), digest);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_given_a_receipt_reads_what_it_tells_of_and_sealed_texts_come_back() {
    let pilot = Pilot::running().await;
    for n in 1..=LEAVES {
        pilot.does("officer-so-a", score("so-a", &format!("1.{n}"), true)).await;
    }
    pilot.does("leader-so-a", json!({ "type": "submit-scorecard", "season": "pilot", "agency": "so-a" })).await;
    let receipt = pilot.does("reviewer-1", adjust("so-a", "1.1")).await;
    assert!(pilot.app.register().size() > receipt.positions[0]);
    let mut trace = {
        let register = pilot.app.register();
        register.trace("pilot/khoi/so-a/leaf/1.1/appraised_points", register.now(), 100).expect("a figure")
    };
    pilot.app.fill_trace(&mut trace).await.expect("the log answers");
    let text = serde_json::to_string(&trace).expect("a trace is JSON");
    assert!(text.contains("Không có tài liệu"), "{text}");
    let stored = pilot.app.log().read(sogoc_log::Position(receipt.positions[0]), 1).await.expect("the log answers");
    assert!(!stored[0].bytes.contains("tài liệu"), "a sealed text stands bare in an entry");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_canonical_json_does_not_hold_is_refused() {
    let pilot = Pilot::running().await;
    let mut envelope = pilot.envelope("officer-so-a", score("so-a", "1.1", true));
    envelope.seen = Some(u64::MAX);
    assert_eq!(pilot.refused(&envelope).await.code, Code::Malformed);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_was_cut_off_is_completed_and_nothing_is_doubled() {
    let pilot = Pilot::empty().await;
    let mut plan = pilot.app.plan_season(&HANAM_2022).await.expect("the folder can be read");
    let all = plan.commands.clone();
    plan.commands.truncate(1_500);
    let first = pilot.app.run_plan(&plan, |_, _| {}).await.expect("the first part is recorded");
    assert_eq!((first.recorded, first.repeated), (1_500, 0));
    plan.commands = all;
    let mut last = (0, 0);
    let second = pilot.app.run_plan(&plan, |done, total| last = (done, total)).await.expect("the rest is recorded");
    assert_eq!(second.repeated, 1_500);
    assert_eq!(last.0, last.1);
    assert!(second.failures.is_empty(), "{:?}", second.failures);
    let size = pilot.size().await;
    let replanned = pilot.app.plan_season(&HANAM_2022).await.expect("the folder can be read");
    let third = pilot.app.run_plan(&replanned, |_, _| {}).await.expect("nothing is left");
    assert_eq!((third.recorded, third.entries, pilot.size().await), (0, 0, size));
    // A row that was corrected since is refused with its place, not doubled.
    let mut corrected = replanned;
    let command = corrected.commands.iter_mut().rev().find(|c| c.envelope.command.kind() == "record-self-score");
    let command = command.expect("the season has self scores");
    command.envelope.capacity = Some("KT.".to_owned());
    let row = command.row.clone();
    let error = pilot.app.run_plan(&corrected, |_, _| {}).await.expect_err("another content under the same id");
    assert_eq!(error.row, row);
    assert!(matches!(*error.source, ExecuteError::Refusal(ref refusal) if refusal.code == Code::CommandReused));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_plan_that_cannot_be_executed_whole_nothing_is_recorded() {
    let pilot = Pilot::empty().await;
    let mut plan = pilot.app.plan_season(&HANAM_2022).await.expect("the folder can be read");
    let last = plan.commands.len() - 1;
    plan.commands[last].envelope.account = "nobody".parse().expect("an id");
    let error = pilot.app.run_plan(&plan, |_, _| {}).await.expect_err("nobody may not");
    assert_eq!(error.row, plan.commands[last].row);
    assert_eq!(pilot.size().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_plan_too_who_may_not_give_a_command_is_told_so_whatever_its_file_is() {
    let pilot = Pilot::running().await;
    let folder = tempfile::tempdir().expect("temporary files can be made");
    let place = Location::parse(folder.path().to_str().expect("a plain path")).expect("a folder");
    let app = pilot.with_files(EvidenceStore::new(Blobs::open(&place, None).expect("it is there"), None)).await;
    let no_anchors = app.put_evidence(&b"no certificate"[..], 1_024).await.expect("it is stored").digest;
    let stopped = async |account: &str| {
        let adopt = json!({
            "type": "adopt-trust-anchors", "season": "pilot", "anchors": no_anchors.to_string(), "reason": "Ban Cơ yếu",
        });
        let command = PlannedCommand {
            envelope: pilot.envelope(account, adopt),
            made_up_time: false,
            row: "season.json".to_owned(),
            optional: false,
        };
        let season = "pilot".parse().expect("an id");
        let plan = Plan { season, commands: vec![command], claims: Vec::new(), files: Vec::new() };
        *app.run_plan(&plan, |_, _| {}).await.expect_err("these are no anchors").source
    };
    let told = stopped("officer-so-a").await;
    assert!(matches!(told, ExecuteError::Refusal(ref refusal) if refusal.code == Code::RoleMissing), "{told:?}");
    // Who may is told what is wrong with it.
    let told = stopped("chair").await;
    assert!(matches!(told, ExecuteError::Evidence(EvidenceError::Anchors { .. })), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_register_started_from_a_snapshot_is_the_replayed_one() {
    let pilot = Pilot::running().await;
    pilot.app.keep_snapshot().await.expect("the log answers");
    pilot.does("officer-so-a", score("so-a", "1.1", true)).await;
    let started = pilot.another().await;
    assert_eq!(started.register().digest(), pilot.app.register().digest());
    assert_eq!(started.replay().await.expect("the log answers"), sogoc_app::Replay::Agrees);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_rests_on_every_stream_that_it_looked_at() {
    let pilot = Pilot::running().await;
    let receipt = pilot.does("officer-so-a", score("so-a", "1.1", true)).await;
    // Another process revokes the officer's role; this one has not heard of it, and is told by the append.
    let other = pilot.another().await;
    let revoke = pilot.envelope(
        "admin",
        json!({ "type": "revoke-role", "account": "officer-so-a", "role": "agency-officer", "reason": "Nghỉ việc" }),
    );
    other.execute(&revoke, Origin::default()).await.expect("accepted");
    assert_eq!(pilot.app.register().size(), receipt.positions[0] + 1, "this process has not folded the revocation");
    let late = pilot.execute(&pilot.envelope("officer-so-a", score("so-a", "1.2", true))).await;
    assert_eq!(refusal(late).code, Code::RoleMissing);
    assert!(pilot.app.register().stream_version(&Stream::Refusals("officer-so-a".parse().expect("an id"))) == 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_foundings_at_once_one_founds() {
    let pilot = Pilot::empty().await;
    let other = pilot.another().await;
    let found = |agency: &str, first: &str, second: &str| {
        let instrument =
            json!({ "id": format!("qd-{agency}"), "number": "1/QĐ", "date": "2026-01-02", "issuer": "UBND" });
        let command = json!({
            "type": "found-register",
            "administrator_agency": { "vi": agency }, "approver_agency": { "vi": agency },
            "administrator": { "account": first, "agency": agency, "name": first },
            "approver": { "account": second, "agency": agency, "name": second },
            "approver_role": "council-chair", "approver_body": true, "instrument": instrument
        });
        pilot.envelope(first, command)
    };
    let (one, two) = (found("van-phong", "a-1", "a-2"), found("uy-ban", "b-1", "b-2"));
    let (one, two) = tokio::join!(pilot.app.execute(&one, Origin::default()), other.execute(&two, Origin::default()));
    let outcomes = [one, two];
    assert_eq!(outcomes.iter().filter(|o| o.is_ok()).count(), 1, "{outcomes:?}");
    let refused = outcomes.into_iter().find(Result::is_err).expect("one is refused");
    assert_eq!(refusal(refused).code, Code::AlreadyFounded);
}
