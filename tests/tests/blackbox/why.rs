//! `sogoc why`: what moved a figure, to the last hundredth.

use num_traits::Zero as _;
use serde_json::{Value, json};

use crate::support::hanam::SEASON;
use crate::support::{Exact, Sogoc, Store, exact, on_both_stores, on_sqlite, pilot, stores::Kind};

on_both_stores!(deltas_sum_exactly_to_the_change, appeals_are_told_as_who_passed_whom);
on_sqlite!(
    a_rejected_appeal_moves_nothing,
    a_mean_is_moved_by_each_agency_to_the_last_fraction,
    one_s_own_deduction_is_told_with_its_reason
);

/// The sum of the deltas is the change, which is the difference of the figure at both ends.
#[track_caller]
fn check(sogoc: &Sogoc, address: &str, from: u64, to: u64) -> Value {
    let (from_text, to_text) = (from.to_string(), to.to_string());
    let why = sogoc.json(&["why", address, "--from", &from_text, "--to", &to_text]);
    let at = |position: &str| sogoc.with(&["--as-of", position]).json(&["figure", address])["value"].clone();
    let (before, after) = (at(&from_text), at(&to_text));
    let contributions = why["contributions"].as_array().expect("a list");
    let positions: Vec<_> = contributions.iter().map(|c| c["position"].as_u64().unwrap()).collect();
    assert!(positions.is_sorted() && positions.iter().all(|p| *p > from && *p <= to), "{positions:?}");
    let is_number = |value: &Value| !value.is_null() && why["change"] != Value::Null;
    if is_number(&before) && is_number(&after) {
        let sum = contributions.iter().fold(Exact::zero(), |sum, c| sum + exact(&c["delta"]));
        assert_eq!(sum, exact(&why["change"]), "{address}: {why:#}");
        assert_eq!(sum, exact(&after) - exact(&before), "{address}: {why:#}");
    }
    why
}

/// Position of an appeal's decision.
fn decision(sogoc: &Sogoc, agency: &str) -> u64 {
    let entries = sogoc.entries(&["--stream", &format!("scorecard/{SEASON}/{agency}")]);
    let entry = entries.iter().find(|entry| entry["kind"] == "appeal-item-decided").expect("an appeal was decided");
    entry["position"].as_u64().unwrap()
}

/// Position of the first announcement: every scorecard is complete there.
fn announced(sogoc: &Sogoc) -> u64 {
    let entries = sogoc.entries(&["--stream", &format!("results/{SEASON}")]);
    entries[0]["position"].as_u64().unwrap()
}

fn deltas_sum_exactly_to_the_change(kind: Kind) {
    let store = Store::demo(kind);
    let sogoc = store.sogoc();
    let (start, end) = (announced(&sogoc), sogoc.size() - 1);
    let xay_dung = decision(&sogoc, "so-xay-dung");
    for (address, from, to) in [
        ("hanam-2022/departments/so-xay-dung/index", start, end),
        ("hanam-2022/departments/so-xay-dung/rank", start, end),
        ("hanam-2022/departments/so-xay-dung/rank", xay_dung - 1, xay_dung),
        ("hanam-2022/departments/van-phong-ubnd-tinh/rank", start, end),
        ("hanam-2022/districts/ly-nhan/total_points", start, end),
        ("hanam-2022/districts/kim-bang/rank", start, end),
        ("hanam-2022/departments/mean_index", start, end),
        ("hanam-2022/departments/spread", start, end),
        ("hanam-2022/departments/above_mean_count", start, end),
        ("hanam-2022/departments/domain/3/mean", start, end),
    ] {
        check(&sogoc, address, from, to);
    }
}

fn appeals_are_told_as_who_passed_whom(kind: Kind) {
    let store = Store::demo(kind);
    let sogoc = store.sogoc();
    for (group, agency, passed, old, new) in
        [("departments", "so-xay-dung", "van-phong-ubnd-tinh", 5, 4), ("districts", "ly-nhan", "kim-bang", 6, 5)]
    {
        let position = decision(&sogoc, agency);
        let address = format!("hanam-2022/{group}/{agency}/rank");
        let why = check(&sogoc, &address, position - 1, position);
        assert_eq!(exact(&why["change"]), Exact::from(num_bigint::BigInt::from(new - old)));
        let [contribution] = &why["contributions"].as_array().unwrap()[..] else { panic!("{why:#}") };
        assert_eq!(contribution["position"], position);
        assert_eq!(contribution["agency"], agency);
        assert!(contribution["leaf"].is_string(), "{why:#}");
        assert!(contribution.to_string().contains(passed), "it says that {passed} was passed: {why:#}");
        assert_eq!(contribution["reason_code"], "appeal_upheld");
        // And of the other side: the one that was passed by it.
        let other = check(&sogoc, &format!("hanam-2022/{group}/{passed}/rank"), position - 1, position);
        assert_eq!(exact(&other["change"]), Exact::from(num_bigint::BigInt::from(old - new)));
        assert_eq!(other["contributions"][0]["agency"], agency, "{other:#}");
        let text =
            sogoc.ok(&["why", &address, "--from", &(position - 1).to_string(), "--to", &position.to_string()]).stdout;
        let names = sogoc.json(&["ranking", SEASON, group]);
        assert!(names.to_string().contains(passed) && text.contains(&position.to_string()), "{text}");
    }
}

fn a_rejected_appeal_moves_nothing(kind: Kind) {
    let store = Store::demo(kind);
    let sogoc = store.sogoc();
    let position = decision(&sogoc, "ban-quan-ly-khu-dai-hoc-nam-cao");
    for figure in ["index", "rank", "class"] {
        let address = format!("hanam-2022/departments/ban-quan-ly-khu-dai-hoc-nam-cao/{figure}");
        let why = check(&sogoc, &address, position - 1, position);
        assert_eq!(why["change"].is_null(), figure == "class", "a class is no number: {why:#}");
        assert_eq!(why["contributions"], json!([]), "{figure}");
    }
}

fn a_mean_is_moved_by_each_agency_to_the_last_fraction(kind: Kind) {
    let store = Store::demo(kind);
    let sogoc = store.sogoc();
    let why = check(&sogoc, "hanam-2022/departments/mean_index", announced(&sogoc), sogoc.size() - 1);
    let agencies: Vec<_> =
        why["contributions"].as_array().unwrap().iter().map(|c| c["agency"].as_str().unwrap()).collect();
    assert!(agencies.contains(&"so-xay-dung"), "{agencies:?}");
    // A nineteenth of a hundred has no finite decimal, and none is made of it.
    assert!(why["change"].is_object(), "{why:#}");
}

fn one_s_own_deduction_is_told_with_its_reason(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    sogoc.accepted(&pilot::all_submit());
    sogoc.accepted(&pilot::all_accepted());
    let from = sogoc.size() - 1;
    let receipts = sogoc.accepted(&[
        pilot::adjusts("reviewer-tp", "so-y-te", "2.2", "2", "evidence_missing"),
        pilot::adjusts("reviewer-nv", "so-y-te", "1.1.1", "0", "evidence_missing"),
    ]);
    let to = receipts[1]["positions"].as_array().unwrap().last().unwrap().as_u64().unwrap();
    let why = check(&sogoc, "pilot-2026/so/so-y-te/total_points", from, to);
    assert_eq!(why["change"], "-1.5");
    let told: Vec<_> = why["contributions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| (c["leaf"].as_str().unwrap(), c["delta"].as_str().unwrap(), c["reason_code"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [("2.2", "-0.5", "evidence_missing"), ("1.1.1", "-1", "evidence_missing")]);
}
