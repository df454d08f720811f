//! What the agency does: declared inputs and the points that follow, sheets, evidence, submission.

use serde_json::{Value, json};
use sogoc_domain::refusal::Code;
use sogoc_domain::scorecard::Submission;

use crate::fixture::*;

const YT: &str = "so-y-te";

fn points_of(s: &Season, leaf: &str) -> String {
    s.leaf(YT, leaf).self_score.expect("scored").points.to_string()
}

#[test]
fn points_follow_from_what_is_declared_by_each_rule() {
    let ratio = |n: &str, d: &str| json!({"ratio": {"numerator": n, "denominator": d}});
    let cases = [
        ("1.1.1", json!({"yes_no": false}), "0"),
        ("1.1.2", ratio("2", "3"), "1.33"),
        ("1.1.2", ratio("49", "100"), "0"),
        ("1.1.2", ratio("50", "100"), "1"),
        ("1.1.3", json!({"count": "9"}), "2"),
        ("1.2", ratio("89.999", "100"), "1"),
        ("1.2", ratio("120", "100"), "2"),
        ("1.3", json!({"count": "9"}), "0"),
        ("2.1", json!({"option": 2}), "1"),
        ("2.2", json!({"judged": "0.75"}), "0.75"),
        ("2.3", json!({"count": "4"}), "0"),
        ("2.4", json!({"yes_no": true}), "1"),
    ];
    let mut s = Season::running();
    for (leaf, inputs, points) in cases {
        s.by("officer-yt").does("record-self-score", self_score(YT, leaf, inputs));
        assert_eq!(points_of(&s, leaf), points, "{leaf}");
    }
}

#[test]
fn every_agency_declares_what_the_fixture_says() {
    let s = Season::submitted();
    for (leaf, _, points) in declared() {
        assert_eq!(points_of(&s, leaf), points, "{leaf}");
    }
}

#[test]
fn inputs_that_the_rule_does_not_take_are_refused() {
    let cases = [
        ("1.1.1", json!({"count": "1"})),
        ("1.1.2", json!({"yes_no": true})),
        ("1.1.2", json!({"ratio": {"numerator": "3", "denominator": "2"}})),
        ("1.1.2", json!({"ratio": {"numerator": "0", "denominator": "0"}})),
        ("1.1.3", json!({"judged": "1"})),
        ("1.2", json!({"count": "95"})),
        ("2.1", json!({"option": 4})),
        ("2.1", json!({"option": 0})),
        ("2.3", json!({"ratio": {"numerator": "1", "denominator": "2"}})),
    ];
    let mut s = Season::running();
    for (leaf, inputs) in cases {
        let refusal = s.by("officer-yt").refused("record-self-score", self_score(YT, leaf, inputs), Code::InputsUnfit);
        assert_eq!(refusal.values["leaf"], leaf);
    }
    for mark in ["3.25", "0.3"] {
        let fields = self_score(YT, "2.2", json!({"judged": mark}));
        s.by("officer-yt").refused("record-self-score", fields, Code::PointsOutsideRule);
    }
}

#[test]
fn a_leaf_is_one_of_the_set_applies_and_is_not_the_surveys() {
    let mut s = Season::running();
    s.now = day(6);
    s.by("secretary").does("decide-applicability", applicability(YT, &["1.1.1"], "left-out"));
    s.by("secretary").does("decide-applicability", applicability(YT, &["2.4"], "awarded-in-full"));
    let yes = |agency: &str, leaf: &str| self_score(agency, leaf, json!({"yes_no": true}));
    s.by("officer-yt").refused("record-self-score", yes(YT, "9.9"), Code::UnknownLeaf);
    s.by("officer-yt").refused("record-self-score", yes(YT, "1.1"), Code::UnknownLeaf);
    s.by("officer-yt").refused("record-self-score", yes(YT, "1.1.1"), Code::LeafNotApplicable);
    s.by("officer-yt").refused("record-self-score", yes(YT, "2.4"), Code::LeafNotApplicable);
    s.by("officer-yt").refused("record-self-score", yes(YT, "3.1"), Code::LeafIsSurveyed);
    s.by("officer-yt").does("record-self-score", self_score(YT, "l-2-1", json!({"option": 1})));
}

#[test]
fn an_agency_scores_itself_and_no_other() {
    let mut s = Season::running();
    let yes = |agency: &str| self_score(agency, "1.1.1", json!({"yes_no": true}));
    let refusal = s.by("officer-yt").refused("record-self-score", yes("ly-nhan"), Code::NotOwnAgency);
    assert!(refusal.is_recorded());
    s.by("officer-yt").refused("record-self-score", yes("so-x"), Code::NotOwnAgency);
    s.by("reviewer-nv").refused("record-self-score", yes("so-noi-vu"), Code::RoleMissing);
    s.by("officer-yt").does("record-self-score", yes(YT));
    s.by("officer-yt").refused("record-self-score", yes(YT), Code::NothingToDo);
    s.by("leader-yt").does("record-self-score", self_score(YT, "1.1.1", json!({"yes_no": false})));
}

#[test]
fn an_agency_outside_the_season_scores_nothing() {
    let mut s = Season::running();
    s.by("admin").does("register-agency", json!({"agency": "so-moi", "name": {"vi": "Sở Mới"}}));
    s.open_account("officer-moi", "so-moi", &["agency-officer"]);
    let fields = self_score("so-moi", "1.1.1", json!({"yes_no": true}));
    s.by("officer-moi").refused("record-self-score", fields, Code::NotInSeason);
}

#[test]
fn a_sheet_counts_row_by_row_and_names_the_rows_that_are_refused() {
    let mut s = Season::running();
    let rows = json!([
        {"leaf": "1.1.1", "inputs": {"yes_no": true}},
        {"leaf": "1.1.1", "inputs": {"yes_no": false}},
        {"leaf": "2.2", "inputs": {"judged": "9"}},
        {"leaf": "9.9", "inputs": {"yes_no": true}},
        {"leaf": "2.4", "inputs": {"yes_no": true}},
    ]);
    let decision = s.by("officer-yt").does("import-scorecard", json!({"agency": YT, "rows": rows}));
    assert_eq!(decision.events.len(), 2);
    let failed: Vec<_> = decision.failures.iter().map(|f| (f.item.as_str(), f.refusal.code)).collect();
    let expected = [("1.1.1", Code::AlreadyExists), ("2.2", Code::PointsOutsideRule), ("9.9", Code::UnknownLeaf)];
    assert_eq!(failed, expected);
    let none = json!([{"leaf": "9.9", "inputs": {"yes_no": true}}]);
    s.by("officer-yt").refused("import-scorecard", json!({"agency": YT, "rows": none}), Code::UnknownLeaf);
    s.by("officer-yt").refused("import-scorecard", json!({"agency": YT, "rows": []}), Code::Missing);
    let many: Vec<_> = (0..501).map(|_| json!({"leaf": "1.1.1", "inputs": {"yes_no": true}})).collect();
    s.by("officer-yt").refused("import-scorecard", json!({"agency": YT, "rows": many}), Code::TooMany);
}

// ---- submission ---------------------------------------------------------------------------------------------------

fn submit() -> Value {
    json!({"agency": YT})
}

#[test]
fn a_scorecard_is_submitted_whole_by_the_leader() {
    let mut s = Season::running();
    let refusal = s.by("leader-yt").refused("submit-scorecard", submit(), Code::LeavesUnscored);
    assert_eq!(refusal.values["leaves"], "1.1.1, 1.1.2, 1.1.3, 1.2, 1.3, 2.1, 2.2, 2.3, 2.4");
    s.score_all(YT);
    s.by("officer-yt").refused("submit-scorecard", submit(), Code::RoleMissing);
    s.by("leader-ln").refused("submit-scorecard", submit(), Code::NotOwnAgency);
    s.by("leader-yt").does("submit-scorecard", submit());
    s.by("leader-yt").refused("submit-scorecard", submit(), Code::ScorecardState);
    let change = self_score(YT, "1.1.1", json!({"yes_no": false}));
    s.by("officer-yt").refused("record-self-score", change, Code::ScorecardState);
}

#[test]
fn what_does_not_apply_needs_no_score() {
    let mut s = Season::running();
    s.score_all(YT);
    s.now = day(6);
    s.by("secretary").does("decide-applicability", applicability("ly-nhan", &["1.1.1", "2.4"], "left-out"));
    let rows: Vec<_> = declared()
        .iter()
        .filter(|(leaf, ..)| !["1.1.1", "2.4"].contains(leaf))
        .map(|(leaf, inputs, _)| json!({"leaf": leaf, "inputs": inputs}))
        .collect();
    s.by("officer-ln").does("import-scorecard", json!({"agency": "ly-nhan", "rows": rows}));
    s.by("leader-ln").does("submit-scorecard", json!({"agency": "ly-nhan"}));
}

#[test]
fn a_submission_is_taken_back_before_its_deadline_and_before_it_is_appraised() {
    let withdraw = || json!({"agency": YT, "reason": "Rà soát lại số liệu"});
    let mut s = Season::submitted();
    s.by("officer-yt").refused("withdraw-submission", withdraw(), Code::RoleMissing);
    s.by("leader-yt").refused("withdraw-submission", json!({"agency": YT, "reason": " "}), Code::ReasonRequired);
    s.by("leader-yt").does("withdraw-submission", withdraw());
    s.by("leader-yt").refused("withdraw-submission", withdraw(), Code::ScorecardState);
    s.by("officer-yt").does("record-self-score", self_score(YT, "1.1.1", json!({"yes_no": false})));
    s.by("leader-yt").does("submit-scorecard", submit());
    s.by("reviewer-nv").does("accept-score", on_leaf(YT, "1.1.1"));
    s.by("leader-yt").refused("withdraw-submission", withdraw(), Code::ScorecardState);
    let mut s = Season::submitted();
    s.now = day(10);
    s.by("leader-yt").refused("withdraw-submission", withdraw(), Code::PhaseClosed);
}

#[test]
fn what_was_not_submitted_in_time_is_an_entry_and_a_late_one_is_let_in_with_a_reason() {
    let missed = || json!({"agency": YT});
    let mut s = Season::running();
    s.score_all(YT);
    s.now = day(6);
    s.by("secretary").refused("record-missed-submission", missed(), Code::ScorecardState);
    s.now = day(10);
    s.by("leader-yt").refused("submit-scorecard", submit(), Code::PhaseClosed);
    s.by("secretary").does("record-missed-submission", missed());
    s.by("secretary").refused("record-missed-submission", missed(), Code::ScorecardState);
    s.by("leader-yt").refused("submit-scorecard", submit(), Code::ScorecardState);
    s.by("reviewer-nv").does("accept-score", on_leaf(YT, "1.1.1"));

    let accept = |reason: &str| json!({"agency": YT, "reason": reason});
    s.by("secretary-yt").refused("accept-late-submission", accept("Mất điện toàn huyện"), Code::OwnCase);
    s.by("secretary").refused("accept-late-submission", accept(""), Code::ReasonRequired);
    s.by("secretary").does("accept-late-submission", accept("Mất điện toàn huyện"));
    s.by("secretary").refused("accept-late-submission", accept("Mất điện toàn huyện"), Code::ScorecardState);
    s.by("reviewer-nv").refused("accept-score", on_leaf(YT, "1.2"), Code::ScorecardState);
    s.by("officer-yt").does("record-self-score", self_score(YT, "2.1", json!({"option": 2})));
    s.by("leader-yt").does("submit-scorecard", submit());
    assert_eq!(s.card(YT).submission, Submission::Submitted);
    s.by("reviewer-nv").does("accept-score", on_leaf(YT, "1.2"));
}

#[test]
fn a_policy_may_let_no_late_submission_in() {
    let mut s = Season::prepared();
    let mut strict = policy();
    strict["late_submission"] = "never".into();
    s.by("secretary").does("set-season-policy", json!({"policy": strict}));
    s.by("secretary").does("activate-season", json!({}));
    s.now = day(11);
    s.by("secretary").does("record-missed-submission", json!({"agency": YT}));
    let late = json!({"agency": YT, "reason": "Mất điện toàn huyện"});
    s.by("secretary").refused("accept-late-submission", late, Code::ScorecardState);
}

// ---- evidence -----------------------------------------------------------------------------------------------------

#[test]
fn evidence_is_numbered_and_its_withdrawal_is_a_mark() {
    let mut s = Season::running();
    s.by("officer-yt").does("attach-evidence", evidence(YT, "1.2", "bao-cao-quy-3.pdf"));
    s.by("officer-yt").does("attach-evidence", evidence(YT, "1.3", "bao-cao-quy-3.pdf"));
    s.by("officer-yt").refused("attach-evidence", evidence(YT, "1.2", "bao-cao-quy-3.pdf"), Code::AlreadyExists);
    let withdraw = |number: u32, reason: &str| json!({"agency": YT, "number": number, "reason": reason});
    s.by("officer-yt").refused("withdraw-evidence", withdraw(3, "Nộp nhầm tệp"), Code::Unknown);
    s.by("officer-yt").refused("withdraw-evidence", withdraw(1, ""), Code::ReasonRequired);
    s.by("officer-yt").does("withdraw-evidence", withdraw(1, "Nộp nhầm tệp"));
    s.by("officer-yt").refused("withdraw-evidence", withdraw(1, "Nộp nhầm tệp"), Code::NothingToDo);
    assert!(s.card(YT).evidence[&1].withdrawn, "the file stays on record");
    s.by("officer-yt").does("attach-evidence", evidence(YT, "1.2", "bao-cao-quy-3.pdf"));
    assert_eq!(s.card(YT).evidence.len(), 3);
}

#[test]
fn evidence_is_named_typed_and_of_a_leaf_that_is_scored() {
    let mut s = Season::running();
    let with = |field: &str, value: Value| {
        let mut out = evidence(YT, "1.2", "bao-cao.pdf");
        out[field] = value;
        out
    };
    let mut mention = evidence(YT, "1.2", "bao-cao.pdf");
    mention.as_object_mut().unwrap().remove("digest");
    let cases = [
        (with("leaf", "9.9".into()), Code::UnknownLeaf),
        (with("leaf", "3.1".into()), Code::LeafIsSurveyed),
        (with("name", "".into()), Code::Missing),
        (with("media", "".into()), Code::Invalid),
        (with("media", "Báo cáo".into()), Code::Invalid),
        (mention, Code::Missing),
        (with("purpose", "supplement".into()), Code::Missing),
        (with("case", "gt-1".into()), Code::Invalid),
    ];
    for (fields, code) in cases {
        s.by("officer-yt").refused("attach-evidence", fields, code);
    }
    let mut for_case = with("purpose", "supplement".into());
    for_case["case"] = "gt-1".into();
    s.by("officer-yt").refused("attach-evidence", for_case, Code::Unknown);
    s.by("officer-ln").refused("attach-evidence", evidence(YT, "1.2", "x.pdf"), Code::NotOwnAgency);
}

#[test]
fn evidence_comes_with_the_scorecard_or_for_a_case() {
    let mut s = Season::submitted();
    s.by("officer-yt").refused("attach-evidence", evidence(YT, "1.2", "a.pdf"), Code::ScorecardState);
}
