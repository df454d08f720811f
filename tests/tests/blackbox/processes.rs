//! Several processes on one register at once: dense, in order, nothing lost.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{Store, on_both_stores, pilot, stores::Kind};

on_both_stores!(two_processes_at_once_stay_dense_and_lose_nothing, of_two_at_the_same_leaf_each_sees_the_other);

fn two_processes_at_once_stay_dense_and_lose_nothing(kind: Kind) {
    let store = Store::pilot(kind);
    let size = store.sogoc().size();
    const EACH: usize = 60;
    let commands = |agency: &str| -> Vec<Value> {
        (0..EACH)
            .map(|n| {
                pilot::declares(agency, "1.1.2", &json!({"ratio": {"numerator": n.to_string(), "denominator": "100"}}))
            })
            .collect()
    };
    let mut positions = BTreeSet::new();
    std::thread::scope(|scope| {
        let runs: Vec<_> = pilot::AGENCIES[..3]
            .iter()
            .map(|(agency, _)| {
                let (sogoc, commands) = (store.sogoc(), commands(agency));
                scope.spawn(move || sogoc.accepted(&commands))
            })
            .collect();
        for run in runs {
            for receipt in run.join().unwrap() {
                for position in receipt["positions"].as_array().unwrap() {
                    assert!(positions.insert(position.as_u64().unwrap()), "position {position} was given twice");
                }
            }
        }
    });
    let expected: BTreeSet<_> = (size..size + 3 * EACH as u64).collect();
    assert_eq!(positions, expected, "every position was given once, without a gap");
    assert_eq!(store.sogoc().size(), size + 3 * EACH as u64);
    store.sogoc().ok(&["log", "verify"]);
    for (agency, group) in &pilot::AGENCIES[..3] {
        let value = store.sogoc().json(&["figure", &format!("pilot-2026/{group}/{agency}/leaf/1.1.2/self_points")]);
        assert_eq!(value["value"], "1.18", "{agency}: the last of {EACH} declarations holds");
    }
}

fn of_two_at_the_same_leaf_each_sees_the_other(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    sogoc.accepted(&[pilot::declares_all("so-y-te"), pilot::submits("so-y-te")]);
    let seen = sogoc.size() - 1;
    // The same leaf, shown at the same position to two reviewers: one decides, the other is told.
    let commands = ["reviewer-nv", "both-nv"].map(|account| {
        pilot::with(&pilot::adjusts(account, "so-y-te", "1.1.1", "0", "evidence_missing"), "seen", seen)
    });
    let answers: Vec<Value> = std::thread::scope(|scope| {
        let runs = commands.clone().map(|command| {
            let sogoc = store.sogoc();
            scope.spawn(move || sogoc.execute(&[command]).remove(0))
        });
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    let accepted = answers.iter().filter(|answer| answer.get("receipt").is_some()).count();
    assert_eq!(accepted, 1, "{answers:?}");
    let refusal = answers.iter().find_map(|answer| answer.get("refusal")).unwrap();
    assert_eq!(refusal["code"], "leaf-changed", "{refusal}");
    // The same command in two processes at once: one effect, one receipt.
    let command = pilot::adjusts("reviewer-nv", "so-y-te", "1.3", "0", "evidence_missing");
    let size = sogoc.size();
    let receipts: Vec<Value> = std::thread::scope(|scope| {
        let runs = [(), ()].map(|()| {
            let (sogoc, command) = (store.sogoc(), command.clone());
            scope.spawn(move || sogoc.accepted(&[command]).remove(0))
        });
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    assert_eq!(receipts[0]["positions"], receipts[1]["positions"]);
    assert_eq!(sogoc.size(), size + 1);
    sogoc.ok(&["log", "verify"]);
}
