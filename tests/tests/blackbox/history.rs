//! `sogoc history`: every version of a scorecard, who and why.

use serde_json::{Value, json};

use crate::support::exact::decimal;
use crate::support::hanam::{SEASON, table};
use crate::support::{Store, on_both_stores, on_sqlite, pilot, stores::Kind};

on_both_stores!(a_leaf_is_told_from_its_self_score_to_its_appeal);
on_sqlite!(
    the_whole_scorecard_is_its_leaves_and_more,
    every_change_of_points_names_who_in_what_role_and_why,
    a_history_as_of_then_ends_then,
    a_reason_is_told_in_the_words_it_was_given_in,
    a_leaf_or_agency_that_is_not_there_is_refused
);

fn items(document: &Value) -> Vec<&Value> {
    document.as_array().expect("a history is a list").iter().collect()
}

fn a_leaf_is_told_from_its_self_score_to_its_appeal(kind: Kind) {
    let store = Store::demo(kind);
    let appeal = table("explanations_and_appeals.csv").into_iter().find(|row| row["id"] == "KN-01").unwrap();
    let score = table("scores.csv")
        .into_iter()
        .find(|row| row["agency"] == appeal["agency"] && row["leaf"] == appeal["leaf"])
        .unwrap();
    let history = store.sogoc().json(&["history", SEASON, &appeal["agency"], &appeal["leaf"]]);
    let items = items(&history);
    for item in &items {
        for field in
            ["position", "at", "occurred", "leaf", "field", "old", "new", "actor", "role", "reason_code", "reason"]
        {
            assert!(item.get(field).is_some(), "{field} is missing: {item}");
        }
        assert_eq!(item["leaf"], appeal["leaf"].as_str());
    }
    let positions: Vec<_> = items.iter().map(|item| item["position"].as_u64().unwrap()).collect();
    assert!(positions.is_sorted(), "{positions:?}");

    let of = |field: &str| items.iter().filter(|item| item["field"] == field).collect::<Vec<_>>();
    let self_scored = of("self_points");
    assert_eq!(self_scored.len(), 1);
    assert_eq!(self_scored[0]["old"], Value::Null);
    assert_same(&self_scored[0]["new"], &score["self_points"]);
    assert_eq!(self_scored[0]["actor"], score["scored_by_account"].as_str());
    assert_eq!(self_scored[0]["role"], "agency-officer");

    let appraised = of("appraised_points");
    assert!(appraised.len() >= 2, "{history:#}");
    assert_same(&appraised[0]["new"], &score["round1_points"]);
    assert_eq!(appraised[0]["actor"], score["reviewer_account"].as_str());
    assert_eq!(appraised[0]["reason_code"], score["round1_reason_code"].as_str());
    let last = appraised.last().unwrap();
    assert_same(&last["old"], &appeal["appraised_before_appeal"]);
    assert_same(&last["new"], &appeal["final_points"]);
    assert_eq!(last["reason_code"], "appeal_upheld");
    assert_eq!(last["reason"], appeal["decided_reason_vi"].as_str());
    // The versions chain: each begins where the one before it ended.
    for pair in appraised.windows(2) {
        assert_eq!(pair[0]["new"], pair[1]["old"]);
    }
}

#[track_caller]
fn assert_same(value: &Value, printed: &str) {
    let text = value.as_str().unwrap_or_else(|| panic!("{value} is no text"));
    assert_eq!(decimal(text).unwrap(), decimal(printed).unwrap(), "{value} and {printed}");
}

fn the_whole_scorecard_is_its_leaves_and_more(kind: Kind) {
    let store = Store::demo(kind);
    let sogoc = store.sogoc();
    let all = sogoc.json(&["history", SEASON, "so-xay-dung"]);
    let leaves = table("scores.csv").iter().filter(|row| row["agency"] == "so-xay-dung").count();
    let scored = items(&all).iter().filter(|item| item["field"] == "self_points").count();
    assert_eq!(scored, leaves, "every leaf was scored once");
    let one = sogoc.json(&["history", SEASON, "so-xay-dung", "1.1.1"]);
    let filtered: Vec<_> = items(&all).into_iter().filter(|item| item["leaf"] == "1.1.1").collect();
    assert_eq!(items(&one), filtered);
    let text = sogoc.ok(&["history", SEASON, "so-xay-dung", "1.1.1"]).stdout;
    assert!(text.contains("1.1.1") && text.contains("acc-so-xay-dung"), "{text}");
}

fn every_change_of_points_names_who_in_what_role_and_why(kind: Kind) {
    let store = Store::demo(kind);
    let history = store.sogoc().json(&["history", SEASON, "so-van-hoa-the-thao-va-du-lich"]);
    let mut changed = 0;
    for item in items(&history).into_iter().filter(|item| item["field"] == "appraised_points") {
        assert!(item["actor"].is_string() && item["role"].is_string(), "{item}");
        if !item["old"].is_null() && item["old"] != item["new"] {
            changed += 1;
            assert!(
                item["reason_code"].is_string() && item["reason"].as_str().is_some_and(|r| !r.is_empty()),
                "{item}"
            );
        }
    }
    assert!(changed >= 1, "{history:#}");
}

fn a_history_as_of_then_ends_then(kind: Kind) {
    let store = Store::demo(kind);
    let sogoc = store.sogoc();
    let all = sogoc.json(&["history", SEASON, "so-xay-dung"]);
    let middle = items(&all)[items(&all).len() / 2]["position"].as_u64().unwrap();
    let then = sogoc.with(&["--as-of", &middle.to_string()]).json(&["history", SEASON, "so-xay-dung"]);
    let expected: Vec<_> = items(&all).into_iter().filter(|item| item["position"].as_u64() <= Some(middle)).collect();
    assert_eq!(items(&then), expected);
}

fn a_reason_is_told_in_the_words_it_was_given_in(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    sogoc.accepted(&[pilot::declares_all("so-y-te"), pilot::submits("so-y-te")]);
    let reason = "Số liệu của \"hệ thống\" là 50 %;\nxem công văn số 12 — đã ký 🖋";
    let mut command = pilot::adjusts("reviewer-tp", "so-y-te", "2.2", "2.25", "evidence_missing");
    command["command"]["reason"] = json!(reason);
    sogoc.accepted(&[command]);
    let history = sogoc.json(&["history", pilot::SEASON, "so-y-te", "2.2"]);
    let last = items(&history).into_iter().rfind(|item| item["field"] == "appraised_points").unwrap();
    assert_eq!((last["reason_code"].as_str(), last["reason"].as_str()), (Some("evidence_missing"), Some(reason)));
    assert_eq!((last["actor"].as_str(), last["role"].as_str()), (Some("reviewer-tp"), Some("reviewer")));
    // The log itself holds no bare text (invariant 11).
    let shown = sogoc.with(&["--json"]).ok(&["log", "show"]).stdout;
    assert!(!shown.contains("công văn số 12"), "a reason stands bare in an entry");
}

fn a_leaf_or_agency_that_is_not_there_is_refused(kind: Kind) {
    let store = Store::demo(kind);
    for (arguments, named) in [
        (&["history", SEASON, "so-xay-dung", "99.9"][..], "99.9"),
        (&["history", SEASON, "so-nao-do"], "so-nao-do"),
        (&["history", "hanam-1999", "so-xay-dung"], "hanam-1999"),
    ] {
        let answer = store.sogoc().run(arguments).ends(1);
        assert!(answer.stderr.contains(named), "{}", answer.stderr);
    }
}
