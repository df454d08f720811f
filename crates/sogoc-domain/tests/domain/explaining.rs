//! An explanation request from being asked to being decided on.

use serde_json::{Value, json};
use sogoc_domain::refusal::Code;

use crate::fixture::*;

const YT: &str = "so-y-te";

/// Day 6: 2.2 was lowered to 1, and the agency is asked why it scored 2.5; due before day 9.
fn asked() -> Season {
    let mut s = Season::submitted();
    s.by("reviewer-tp").does("adjust-score", adjust(YT, "2.2", "1", "data_mismatch"));
    s.by("reviewer-tp").does("request-explanation", request(YT, "2.2", "gt-1", day(9)));
    s
}

fn answer(case: &str) -> Value {
    json!({"agency": YT, "case": case, "answer": "Số liệu theo báo cáo quý III đã ký số"})
}

fn raised(points: &str, case: &str) -> Value {
    let mut out = adjust(YT, "2.2", points, "underclaimed");
    out["case"] = case.into();
    out
}

#[test]
fn an_explanation_is_asked_given_and_decided_on() {
    let mut s = asked();
    s.by("officer-yt").does("give-explanation", answer("gt-1"));
    s.by("officer-yt").refused("give-explanation", answer("gt-1"), Code::AlreadyExists);
    s.by("reviewer-tp").refused("adjust-score", adjust(YT, "2.2", "2", "underclaimed"), Code::LeafState);
    s.by("reviewer-tp").does("adjust-score", raised("2", "gt-1"));
    let appraised = s.leaf(YT, "2.2").appraised.unwrap();
    assert_eq!((appraised.points.to_string().as_str(), appraised.round), ("2", 2));
    assert!(s.card(YT).requests["gt-1"].decided);
    s.by("reviewer-tp").refused("adjust-score", raised("2.5", "gt-1"), Code::LeafState);
    s.by("officer-yt").refused("give-explanation", answer("gt-1"), Code::AlreadyExists);
}

#[test]
fn nothing_is_decided_before_the_answer_or_its_due_date() {
    let mut s = asked();
    s.by("reviewer-tp").refused("uphold-score", uphold(YT, "2.2", Some("gt-1")), Code::LeafState);
    s.now = day(9).plus_micros(-1);
    s.by("reviewer-tp").refused("uphold-score", uphold(YT, "2.2", Some("gt-1")), Code::LeafState);
    s.now = day(9);
    let refusal = s.by("officer-yt").refused("give-explanation", answer("gt-1"), Code::PastDue);
    assert_eq!(refusal.values["due"], day(9).to_string());
    s.by("reviewer-tp").does("uphold-score", uphold(YT, "2.2", Some("gt-1")));
}

#[test]
fn the_due_date_of_one_request_is_moved() {
    let mut s = asked();
    let scope = json!({"request": {"agency": YT, "case": "gt-1"}});
    let moved = json!({"scope": scope, "end": day(12), "reason": "Sự cố mạng"});
    s.by("secretary-yt").refused("move-deadline", moved.clone(), Code::OwnCase);
    s.by("secretary").does("move-deadline", moved);
    s.now = day(11);
    s.by("reviewer-tp").refused("uphold-score", uphold(YT, "2.2", Some("gt-1")), Code::LeafState);
    s.by("officer-yt").does("give-explanation", answer("gt-1"));
    s.by("reviewer-tp").does("uphold-score", uphold(YT, "2.2", Some("gt-1")));
}

#[test]
fn a_request_is_new_open_alone_and_due_later() {
    let mut s = asked();
    let ask = |leaf: &str, case: &str, due: i64| request(YT, leaf, case, day(due));
    s.by("reviewer-tp").refused("request-explanation", ask("2.2", "gt-2", 9), Code::LeafState);
    s.by("reviewer-tp").refused("request-explanation", ask("2.1", "gt-1", 9), Code::AlreadyExists);
    s.by("reviewer-tp").refused("request-explanation", ask("2.1", "gt-2", 6), Code::Invalid);
    s.by("reviewer-nv").refused("request-explanation", ask("2.1", "gt-2", 9), Code::NotAssigned);
    let mut silent = ask("2.1", "gt-2", 9);
    silent["request"] = "".into();
    s.by("reviewer-tp").refused("request-explanation", silent, Code::ReasonRequired);
    s.by("reviewer-tp").does("request-explanation", ask("2.1", "gt-2", 9));
    s.by("reviewer-tp").refused("uphold-score", uphold(YT, "2.2", Some("gt-9")), Code::Unknown);
    s.by("officer-yt").does("give-explanation", answer("gt-2"));
    s.by("reviewer-tp").refused("uphold-score", uphold(YT, "2.2", Some("gt-2")), Code::Invalid);
}

#[test]
fn an_answer_is_the_agencys_and_says_something() {
    let mut s = asked();
    s.by("officer-yt").refused("give-explanation", answer("gt-9"), Code::Unknown);
    s.by("officer-ln").refused("give-explanation", answer("gt-1"), Code::NotOwnAgency);
    s.by("reviewer-tp").refused("give-explanation", answer("gt-1"), Code::RoleMissing);
    s.by("officer-yt").refused(
        "give-explanation",
        json!({"agency": YT, "case": "gt-1", "answer": " "}),
        Code::ReasonRequired,
    );
}

#[test]
fn a_leaf_that_waits_for_an_explanation_is_not_confirmed() {
    let mut s = asked();
    let refusal =
        s.by("confirmer-tp").refused("confirm-leaves", json!({"agency": YT, "nodes": ["2.2"]}), Code::LeafState);
    assert!(refusal.values["state"].contains("gt-1"));
}

#[test]
fn evidence_supplements_an_open_request_of_its_leaf_until_it_is_due() {
    let mut s = asked();
    let supplement = |leaf: &str, case: &str, file: &str| {
        let mut out = evidence(YT, leaf, file);
        out["purpose"] = "supplement".into();
        out["case"] = case.into();
        out
    };
    s.by("officer-yt").refused("attach-evidence", supplement("2.1", "gt-1", "bo-sung.pdf"), Code::Invalid);
    s.by("officer-yt").does("attach-evidence", supplement("2.2", "gt-1", "bo-sung.pdf"));
    s.now = day(9);
    s.by("officer-yt").refused("attach-evidence", supplement("2.2", "gt-1", "bo-sung-2.pdf"), Code::PastDue);
    s.by("reviewer-tp").does("uphold-score", uphold(YT, "2.2", Some("gt-1")));
    s.by("officer-yt").refused("attach-evidence", supplement("2.2", "gt-1", "bo-sung-2.pdf"), Code::LeafState);
}

#[test]
fn a_score_that_is_accepted_leaves_nothing_to_explain() {
    let mut s = Season::submitted();
    s.by("reviewer-tp").does("request-explanation", request(YT, "2.2", "gt-1", day(9)));
    s.by("reviewer-tp").does("accept-score", on_leaf(YT, "2.2"));
    assert!(s.card(YT).requests["gt-1"].decided);
    s.by("officer-yt").refused("give-explanation", answer("gt-1"), Code::AlreadyExists);
    s.by("confirmer-tp").does("confirm-leaves", json!({"agency": YT, "nodes": ["2.2"]}));
}
