//! `sogoc what-if`: commands decided on an overlay, and nothing recorded.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::binary::lines;
use crate::support::{Sogoc, Store, on_both_stores, on_sqlite, pilot, stores::Kind};

on_both_stores!(what_if_says_what_execute_would_do_and_records_nothing);
on_sqlite!(
    a_command_may_rest_on_one_before_it,
    a_command_that_would_be_refused_is_refused,
    a_change_is_told_for_every_figure_that_it_moves
);

fn asked(sogoc: &Sogoc, commands: &[Value]) -> Value {
    let answer = sogoc.with(&["--json"]).run_with(&["what-if", "-"], lines(commands).as_bytes()).ends(0);
    answer.document()
}

fn changes(document: &Value) -> BTreeMap<String, (Value, Value)> {
    let list = document["changed"].as_array().expect("a list of changes");
    let change = |c: &Value| (c["address"].as_str().unwrap().to_owned(), (c["before"].clone(), c["after"].clone()));
    list.iter().map(change).collect()
}

fn what_if_says_what_execute_would_do_and_records_nothing(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    sogoc.accepted(&pilot::all_submit());
    sogoc.accepted(&pilot::all_accepted());
    let before = sogoc.figures(&[pilot::SEASON]);
    let head = sogoc.head();
    let command = pilot::adjusts("reviewer-tp", "so-y-te", "2.2", "1", "evidence_missing");
    let told = changes(&asked(&sogoc, std::slice::from_ref(&command)));
    assert_eq!(sogoc.head(), head, "what-if recorded something");
    assert_eq!(sogoc.figures(&[pilot::SEASON]), before);
    // The same really done moves the same figures to the same values.
    sogoc.accepted(&[command]);
    let after = sogoc.figures(&[pilot::SEASON]);
    let mut really = BTreeMap::new();
    for (address, figure) in after.iter() {
        let old = before.get(address).map_or(Value::Null, |f| f["value"].clone());
        if old != figure["value"] {
            really.insert(format!("{}/{address}", pilot::SEASON), (old, figure["value"].clone()));
        }
    }
    assert!(really.len() > 8, "{really:?}");
    assert_eq!(told, really);
    assert_eq!(told["pilot-2026/so/so-y-te/total_points"], (json!("17.95"), json!("16.45")));
    assert_eq!(told["pilot-2026/so/so-y-te/rank"], (json!("1"), json!("3")));
}

fn a_command_may_rest_on_one_before_it(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    let head = sogoc.head();
    let told = changes(&asked(
        &sogoc,
        &[
            pilot::declares_all("so-y-te"),
            pilot::submits("so-y-te"),
            pilot::adjusts("reviewer-tp", "so-y-te", "2.2", "1", "evidence_missing"),
        ],
    ));
    assert_eq!(told["pilot-2026/so/so-y-te/leaf/2.2/appraised_points"], (Value::Null, json!("1")));
    assert_eq!(sogoc.head(), head);
    let path = store.write("proposals.jsonl", lines(&[pilot::declares_all("so-y-te")]));
    let text = sogoc.ok(&["what-if", path.to_str().unwrap()]).stdout;
    assert!(text.contains("so-y-te"), "{text}");
    assert_eq!(sogoc.head(), head);
}

fn a_command_that_would_be_refused_is_refused(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    let head = sogoc.head();
    let commands = [
        pilot::declares_all("so-y-te"),
        pilot::by("reviewer-nv", "accept-score", &json!({"agency": "so-noi-vu", "leaf": "1.1.1"})),
    ];
    let answer = sogoc.with(&["--json"]).run_with(&["what-if", "-"], lines(&commands).as_bytes()).ends(1);
    assert!(answer.said().contains("own-case") || answer.stderr.contains("so-noi-vu"), "{answer:?}");
    assert_eq!(sogoc.head(), head, "not even the refusal is recorded");
    sogoc.run_with(&["what-if", "-"], b"nonsense\n").ends(1);
    sogoc.run(&["what-if", "/nowhere/proposals.jsonl"]).ends(1);
    sogoc.run(&["what-if"]).ends(2);
    assert_eq!(sogoc.head(), head);
}

fn a_change_is_told_for_every_figure_that_it_moves(kind: Kind) {
    let store = Store::demo(kind);
    let sogoc = store.sogoc();
    // A reviewer opens so-noi-vu's case again? Not after the edition: the council does.
    let reopen = json!({
        "account": "acc-ubnd-tinh-chair-1", "command_id": "0193a8e0-0000-7000-8000-00000000f001",
        "occurred": "2022-12-31T08:00:00+07:00",
        "command": {"type": "record-self-score", "season": "hanam-2022", "agency": "so-noi-vu", "leaf": "1.1.1", "inputs": {"yes_no": true}},
    });
    let head = sogoc.head();
    sogoc.with(&["--json"]).run_with(&["what-if", "-"], lines(&[reopen]).as_bytes()).ends(1);
    assert_eq!(sogoc.head(), head);
}
