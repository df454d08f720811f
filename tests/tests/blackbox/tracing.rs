//! `sogoc trace`: from a figure down to the entries, with who, in what role, when and why.

use std::collections::BTreeSet;

use num_traits::Zero as _;
use serde_json::Value;

use crate::support::hanam::SEASON;
use crate::support::{Exact, Store, exact, on_both_stores, on_sqlite, stores::Kind};

on_both_stores!(an_index_is_traced_to_the_entries_behind_it);
on_sqlite!(
    a_trace_explains_each_figure_by_those_below_it,
    a_deduction_is_traced_to_its_reason_and_evidence,
    a_group_figure_is_traced_to_its_rows,
    a_trace_as_of_then_ends_then,
    a_trace_for_people_names_who_and_why
);

/// Entries of a trace, and its figures, from the top.
fn nodes(trace: &Value) -> (Vec<&Value>, Vec<&Value>) {
    let (mut entries, mut figures) = (Vec::new(), Vec::new());
    let mut open = vec![trace];
    while let Some(node) = open.pop() {
        if node.get("position").is_some() {
            entries.push(node);
        } else {
            figures.push(node);
            open.extend(node["inputs"].as_array().expect("a figure has inputs"));
        }
    }
    (entries, figures)
}

fn an_index_is_traced_to_the_entries_behind_it(kind: Kind) {
    let store = Store::demo(kind);
    let sogoc = store.sogoc();
    let trace = sogoc.json(&["trace", "hanam-2022/departments/so-noi-vu/index"]);
    assert_eq!(trace["value"], "95.23");
    assert_eq!(trace["display"], "95.23");
    let (entries, _) = nodes(&trace);
    let positions: BTreeSet<_> = entries.iter().map(|e| e["position"].as_u64().unwrap()).collect();
    assert!(positions.len() >= 50, "{} entries stand behind the index", positions.len());
    for entry in &entries {
        for field in ["kind", "actor", "role", "at"] {
            assert!(entry[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {entry}");
        }
        assert!(entry["occurred"].is_string(), "an imported entry says when it occurred: {entry}");
    }
    // What the trace says of an entry is what the log holds.
    for entry in entries.iter().step_by(17) {
        let position = entry["position"].as_u64().unwrap().to_string();
        let stored = &sogoc.entries(&["--from", &position, "--limit", "1"])[0];
        assert_eq!(entry["kind"], stored["kind"]);
        assert_eq!(entry["actor"], stored["actor"]["account"]);
        assert_eq!(entry["role"], stored["actor"]["role"]);
        assert_eq!(entry["at"], stored["at"]);
        assert_eq!(entry["occurred"], stored["occurred"]);
    }
    // An agency's own leaves were not appraised by its own people (invariant 7).
    for entry in entries.iter().filter(|entry| entry["role"] == "reviewer") {
        assert!(!entry["actor"].as_str().unwrap().starts_with("acc-so-noi-vu-"), "{entry}");
    }
}

fn a_trace_explains_each_figure_by_those_below_it(kind: Kind) {
    let store = Store::demo(kind);
    let sogoc = store.sogoc();
    let trace = sogoc.json(&["trace", "hanam-2022/districts/ly-nhan/appraised_points"]);
    let all = sogoc.figures(&[SEASON]);
    let (_, figures) = nodes(&trace);
    assert!(figures.len() > 60, "{} figures", figures.len());
    for figure in &figures {
        assert!(figure["formula"].as_str().is_some_and(|f| !f.is_empty()), "{}", figure["address"]);
        let address = figure["address"].as_str().unwrap().split_once('/').unwrap().1;
        assert_eq!(Some(&figure["value"]), all.get(address).map(|f| &f["value"]), "{address} in the trace and alone");
    }
    // The sum of the points below it is the figure.
    let below: Vec<_> = trace["inputs"].as_array().unwrap().iter().filter(|i| i.get("address").is_some()).collect();
    let sum = below.iter().fold(Exact::zero(), |sum, figure| sum + exact(&figure["value"]));
    assert_eq!(sum, exact(&trace["value"]));
}

fn a_deduction_is_traced_to_its_reason_and_evidence(kind: Kind) {
    let store = Store::demo(kind);
    let sogoc = store.sogoc();
    // GT-03: lowered, explained, raised by one step.
    let trace =
        sogoc.json(&["trace", "hanam-2022/departments/so-van-hoa-the-thao-va-du-lich/leaf/1.1.2/appraised_points"]);
    let (entries, _) = nodes(&trace);
    let with_reason: Vec<_> = entries.iter().filter(|entry| entry["reason_code"] == "explanation_accepted").collect();
    assert!(!with_reason.is_empty(), "{trace:#}");
    for entry in with_reason {
        let reason = entry["reason"].as_str().unwrap_or_default();
        assert!(reason.contains("nâng một mức"), "the sealed reason is read for its operator: {entry}");
    }
    let evidence: Vec<_> = entries.iter().filter_map(|entry| entry["evidence"]["name"].as_str()).collect();
    let files = crate::support::hanam::table("evidence.csv");
    let expected: Vec<_> = files
        .iter()
        .filter(|row| row["agency"] == "so-van-hoa-the-thao-va-du-lich" && row["leaf"] == "1.1.2")
        .map(|row| row["file_name"].as_str())
        .collect();
    assert!(!expected.is_empty() && expected.iter().all(|name| evidence.contains(name)), "{evidence:?}");
}

fn a_group_figure_is_traced_to_its_rows(kind: Kind) {
    let store = Store::demo(kind);
    let sogoc = store.sogoc();
    let trace = sogoc.json(&["trace", "hanam-2022/districts/mean_index"]);
    let inputs: Vec<_> = trace["inputs"].as_array().unwrap().iter().filter_map(|i| i["address"].as_str()).collect();
    assert_eq!(inputs.len(), 6, "{inputs:?}");
    assert!(inputs.contains(&"hanam-2022/districts/phu-ly/index"), "{inputs:?}");
    for address in [
        "districts/ly-nhan/rank",
        "districts/ly-nhan/class",
        "departments/letter/A/members",
        "districts/mean_index_change",
    ] {
        let trace = sogoc.json(&["trace", &format!("hanam-2022/{address}")]);
        let (entries, figures) = nodes(&trace);
        assert!(!entries.is_empty() && !figures.is_empty(), "{address}: {trace:#}");
    }
}

fn a_trace_as_of_then_ends_then(kind: Kind) {
    let store = Store::demo(kind);
    let sogoc = store.sogoc();
    let address = "hanam-2022/departments/so-xay-dung/index";
    let before = sogoc.with(&["--as-of-occurred", crate::support::hanam::BEFORE_APPEALS]).json(&["trace", address]);
    let after = sogoc.json(&["trace", address]);
    assert!(exact(&before["value"]) < exact(&after["value"]), "KN-01 raised the index");
    let decided = |trace: &Value| nodes(trace).0.iter().any(|entry| entry["kind"] == "appeal-item-decided");
    assert!(!decided(&before) && decided(&after));
}

fn a_trace_for_people_names_who_and_why(kind: Kind) {
    let store = Store::demo(kind);
    let sogoc = store.sogoc();
    let address = "hanam-2022/departments/so-xay-dung/index";
    let text = sogoc.ok(&["trace", address]).stdout;
    for said in ["94.79", "reviewer", "appeal", "2022-12-"] {
        assert!(text.contains(said), "{said}:\n{text}");
    }
    let short = sogoc.ok(&["trace", address, "--depth", "2"]).stdout;
    assert!(short.lines().count() < text.lines().count() / 2, "two levels are fewer lines:\n{short}");
}
