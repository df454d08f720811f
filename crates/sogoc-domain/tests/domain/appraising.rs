//! What reviewers and the secretariat do with a submitted scorecard.

use serde_json::{Value, json};
use sogoc_domain::event::{Event, ScorecardEvent};
use sogoc_domain::refusal::Code;
use sogoc_domain::scorecard::How;

use crate::fixture::*;

const YT: &str = "so-y-te";

#[test]
fn a_self_score_is_accepted_as_it_is() {
    let mut s = Season::submitted();
    s.by("reviewer-nv").does("accept-score", on_leaf(YT, "1.1.2"));
    let appraised = s.leaf(YT, "1.1.2").appraised.unwrap();
    assert_eq!((appraised.points.to_string().as_str(), appraised.round, appraised.how), ("1.8", 1, How::Appraised));
    assert_eq!(appraised.reason_code, None);
    s.by("reviewer-nv").refused("accept-score", on_leaf(YT, "1.1.2"), Code::LeafState);
}

#[test]
fn a_reviewer_appraises_what_is_assigned_and_submitted() {
    let mut s = Season::submitted();
    let refusal = s.by("reviewer-tp").refused("accept-score", on_leaf(YT, "1.1.1"), Code::NotAssigned);
    assert_eq!(refusal.values["assigned"], "both-nv, reviewer-nv");
    assert!(refusal.is_recorded());
    s.by("officer-yt").refused("accept-score", on_leaf(YT, "1.1.1"), Code::RoleMissing);
    s.by("secretary").refused("accept-score", on_leaf(YT, "1.1.1"), Code::RoleMissing);
    s.by("reviewer-nv").refused("accept-score", on_leaf(YT, "9.9"), Code::UnknownLeaf);
    s.by("reviewer-nv").refused("accept-score", on_leaf(YT, "3.1"), Code::LeafIsSurveyed);
    s.by("reviewer-nv").refused("accept-score", on_leaf("so-x", "1.1.1"), Code::NotInSeason);
    s.now = day(20);
    s.by("reviewer-nv").refused("accept-score", on_leaf(YT, "1.1.1"), Code::PhaseClosed);
    let mut s = Season::running();
    s.score_all(YT);
    s.now = day(6);
    s.by("reviewer-nv").refused("accept-score", on_leaf(YT, "1.1.1"), Code::ScorecardState);
}

#[test]
fn an_adjustment_has_a_code_of_the_season_that_fits_and_a_text() {
    let mut s = Season::submitted();
    let cases = [
        (adjust(YT, "2.4", "0", ""), Code::ReasonRequired),
        (adjust(YT, "2.4", "0", "bogus"), Code::UnknownReasonCode),
        (adjust(YT, "2.4", "0", "underclaimed"), Code::ReasonUnfit),
        (adjust(YT, "2.2", "3", "evidence_missing"), Code::ReasonUnfit),
    ];
    for (fields, code) in cases {
        s.by("reviewer-tp").refused("adjust-score", fields, code);
    }
    let mut silent = adjust(YT, "2.4", "0", "evidence_missing");
    silent["reason"] = " \n".into();
    s.by("reviewer-tp").refused("adjust-score", silent, Code::ReasonRequired);
    let mut long = adjust(YT, "2.4", "0", "evidence_missing");
    long["reason"] = "ộ".repeat(10_001).into();
    s.by("reviewer-tp").refused("adjust-score", long, Code::TextTooLong);
    s.by("reviewer-tp").does("adjust-score", adjust(YT, "2.4", "0", "evidence_missing"));
    s.by("reviewer-tp").does("adjust-score", adjust(YT, "2.2", "3", "underclaimed"));
    let appraised = s.leaf(YT, "2.2").appraised.unwrap();
    assert_eq!(appraised.reason_code.as_deref(), Some("underclaimed"));
}

#[test]
fn a_reviewer_corrects_the_inputs_or_overrides_within_the_rule() {
    let mut s = Season::submitted();
    let inputs = |leaf: &str, inputs: Value| {
        let mut out = adjust(YT, leaf, "0", "data_mismatch");
        out["points"] = json!({"inputs": inputs});
        out
    };
    let unfit = inputs("1.1.2", json!({"count": "1"}));
    s.by("reviewer-nv").refused("adjust-score", unfit, Code::InputsUnfit);
    s.by("reviewer-nv").refused("adjust-score", adjust(YT, "1.1.2", "2.01", "data_mismatch"), Code::PointsOutsideRule);
    s.by("reviewer-nv").refused("adjust-score", adjust(YT, "1.1.2", "1.005", "data_mismatch"), Code::PointsOutsideRule);
    let same = inputs("1.1.2", json!({"ratio": {"numerator": "9", "denominator": "10"}}));
    s.by("reviewer-nv").refused("adjust-score", same, Code::NothingToDo);
    let decision = s
        .by("reviewer-nv")
        .does("adjust-score", inputs("1.1.2", json!({"ratio": {"numerator": "2", "denominator": "3"}})));
    let [(_, Event::Scorecard(event))] = &decision.events[..] else { panic!("{decision:?}") };
    let ScorecardEvent::ScoreAdjusted(e) = event.as_ref() else { panic!("{event:?}") };
    assert_eq!(e.change.old.unwrap().to_string(), "1.8", "against what the agency scored");
    assert_eq!(e.change.new.to_string(), "1.33");
    assert!(e.change.inputs.is_some());
}

#[test]
fn rounds_are_counted_and_exhausted() {
    let mut s = Season::submitted();
    s.by("reviewer-tp").does("adjust-score", adjust(YT, "2.2", "2", "data_mismatch"));
    s.by("reviewer-tp").refused("adjust-score", adjust(YT, "2.2", "2", "data_mismatch"), Code::NothingToDo);
    s.by("reviewer-tp").does("adjust-score", adjust(YT, "2.2", "1", "data_mismatch"));
    assert_eq!(s.leaf(YT, "2.2").appraised.unwrap().round, 2);
    let refusal =
        s.by("reviewer-tp").refused("adjust-score", adjust(YT, "2.2", "0.5", "data_mismatch"), Code::LeafState);
    assert!(refusal.values["state"].contains("all 2 rounds"));
    s.by("reviewer-tp").refused("uphold-score", uphold(YT, "2.2", None), Code::LeafState);
    let ask = request(YT, "2.2", "gt-1", day(9));
    s.by("reviewer-tp").refused("request-explanation", ask, Code::LeafState);
}

#[test]
fn a_score_is_upheld_only_once_it_was_appraised() {
    let mut s = Season::submitted();
    s.by("reviewer-tp").refused("uphold-score", uphold(YT, "2.2", None), Code::LeafState);
    s.by("reviewer-tp").does("accept-score", on_leaf(YT, "2.2"));
    let mut bogus = uphold(YT, "2.2", None);
    bogus["reason_code"] = "bogus".into();
    s.by("reviewer-tp").refused("uphold-score", bogus, Code::UnknownReasonCode);
    s.by("reviewer-tp").does("uphold-score", uphold(YT, "2.2", None));
    let appraised = s.leaf(YT, "2.2").appraised.unwrap();
    assert_eq!((appraised.points.to_string().as_str(), appraised.round), ("2.5", 2));
}

#[test]
fn all_unchanged_leaves_of_a_node_are_accepted_at_once_and_the_failures_named() {
    let mut s = Season::submitted();
    let node = |node: &str| json!({"agency": YT, "node": node});
    s.by("reviewer-nv").does("adjust-score", adjust(YT, "1.2", "1", "data_mismatch"));
    let decision = s.by("reviewer-nv").does("accept-unchanged", node("1"));
    assert_eq!(decision.events.len(), 4, "the adjusted one is left alone");
    assert!(decision.failures.is_empty());
    s.by("reviewer-nv").refused("accept-unchanged", node("1"), Code::NothingToDo);
    s.by("reviewer-nv").refused("accept-unchanged", node("2"), Code::NotAssigned);
    s.by("reviewer-nv").refused("accept-unchanged", node("9"), Code::UnknownLeaf);

    let mut deeper = assignment("so", "d-2");
    deeper["node"] = "l-1-3".into();
    s.by("secretary").does("assign-reviewers", json!({"assignment": deeper}));
    let decision = s.by("reviewer-nv").does("accept-unchanged", json!({"agency": "so-tu-phap", "node": "1"}));
    // The alternate of domain 2 for so-tu-phap is so-noi-vu itself, so nothing is refused there.
    assert_eq!(decision.failures, []);
    let mut s = Season::submitted();
    let mut deeper = assignment("so", "d-2");
    deeper["node"] = "l-1-3".into();
    s.by("secretary").does("assign-reviewers", json!({"assignment": deeper}));
    let decision = s.by("reviewer-nv").does("accept-unchanged", node("1"));
    let failed: Vec<_> = decision.failures.iter().map(|f| (f.item.as_str(), f.refusal.code)).collect();
    assert_eq!(failed, [("1.3", Code::NotAssigned)]);
    assert_eq!(decision.events.len(), 4);
}

#[test]
fn a_leaf_without_points_is_deemed_zero_on_an_instrument() {
    let deem = |leaf: &str, code: &str, reason: &str| json!({"agency": YT, "leaf": leaf, "reason_code": code, "reason": reason});
    let zero = || deem("2.2", "not_submitted", "Không nộp hồ sơ đúng hạn");
    let mut s = Season::running();
    s.now = day(11);
    s.by("secretary").does("record-missed-submission", json!({"agency": YT}));
    s.by("secretary").refused("deem-score", zero(), Code::InstrumentRequired);
    s.by("secretary").on_instrument().refused("deem-score", deem("2.2", "bogus", "x"), Code::UnknownReasonCode);
    s.by("secretary").on_instrument().refused("deem-score", deem("2.2", "not_submitted", ""), Code::ReasonRequired);
    s.by("secretary").on_instrument().refused("deem-score", deem("3.1", "not_submitted", "x"), Code::LeafIsSurveyed);
    s.by("secretary-yt").on_instrument().refused("deem-score", zero(), Code::OwnCase);
    s.by("reviewer-tp").on_instrument().refused("deem-score", zero(), Code::RoleMissing);
    s.by("secretary").on_instrument().does("deem-score", zero());
    s.by("secretary").on_instrument().refused("deem-score", zero(), Code::LeafState);
    assert_eq!(s.leaf(YT, "2.2").appraised.unwrap().how, How::Deemed);
    // What turns up later is appraised like anything else, with a reason.
    s.by("reviewer-tp").does("adjust-score", adjust(YT, "2.2", "1", "underclaimed"));
    assert_eq!(s.leaf(YT, "2.2").appraised.unwrap().round, 1);
}

#[test]
fn a_leaf_without_a_self_score_is_not_accepted() {
    let mut s = Season::running();
    s.now = day(11);
    s.by("secretary").does("record-missed-submission", json!({"agency": YT}));
    s.by("reviewer-nv").refused("accept-score", on_leaf(YT, "1.1.1"), Code::LeafState);
    s.by("reviewer-nv").does("adjust-score", adjust(YT, "1.1.1", "0", "not_submitted"));
}

#[test]
fn applicability_is_decided_with_a_ground_and_the_leaves_that_stand_so_are_named() {
    let mut s = Season::submitted();
    s.by("secretary").refused("decide-applicability", applicability(YT, &[], "left-out"), Code::Missing);
    s.by("secretary").refused("decide-applicability", applicability(YT, &["9.9"], "left-out"), Code::UnknownLeaf);
    s.by("secretary").refused("decide-applicability", applicability(YT, &["1.2"], "applies"), Code::NothingToDo);
    let mut silent = applicability(YT, &["1.2"], "left-out");
    silent["ground"] = "".into();
    s.by("secretary").refused("decide-applicability", silent, Code::ReasonRequired);
    s.by("secretary-yt").refused("decide-applicability", applicability(YT, &["1.2"], "left-out"), Code::OwnCase);
    s.by("secretary").does("decide-applicability", applicability(YT, &["1.2"], "left-out"));
    let decision = s.by("secretary").does("decide-applicability", applicability(YT, &["1.2", "3.1"], "left-out"));
    assert_eq!((decision.events.len(), decision.failures[0].item.as_str()), (1, "1.2"));
    s.by("reviewer-nv").refused("accept-score", on_leaf(YT, "1.2"), Code::LeafNotApplicable);
    s.now = day(20);
    s.by("secretary").refused("decide-applicability", applicability(YT, &["1.3"], "left-out"), Code::PhaseClosed);
}

// ---- clerical corrections -----------------------------------------------------------------------------------------

fn correct(leaf: &str, corrects: u64, points: &str) -> Value {
    json!({"agency": YT, "leaf": leaf, "corrects": corrects, "points": {"override": points}, "reason": "Gõ nhầm số"})
}

#[test]
fn a_clerical_correction_names_the_entry_that_the_points_rest_on() {
    let mut s = Season::submitted();
    let scored = s.mark(YT, "2.2");
    s.by("reviewer-tp").refused("correct-score", correct("2.2", scored, "2"), Code::LeafState);
    s.by("reviewer-tp").does("adjust-score", adjust(YT, "2.2", "0.5", "data_mismatch"));
    let adjusted = s.mark(YT, "2.2");
    let refusal = s.by("reviewer-tp").refused("correct-score", correct("2.2", scored, "2"), Code::Invalid);
    assert!(refusal.values["why"].contains(&format!("position {adjusted}")), "{refusal}");
    s.by("reviewer-tp").refused("correct-score", correct("2.2", adjusted, "0.5"), Code::NothingToDo);
    s.by("reviewer-tp").refused("correct-score", correct("2.2", adjusted, "3.5"), Code::PointsOutsideRule);
    s.by("reviewer-nv").refused("correct-score", correct("2.2", adjusted, "1.5"), Code::NotAssigned);
    s.by("secretary-yt").refused("correct-score", correct("2.2", adjusted, "1.5"), Code::OwnCase);
    let decision = s.by("reviewer-tp").does("correct-score", correct("2.2", adjusted, "1.5"));
    let Event::Scorecard(event) = &decision.events[0].1 else { panic!() };
    let ScorecardEvent::ScoreCorrected(e) = event.as_ref() else { panic!("{event:?}") };
    assert_eq!((e.corrects, e.change.reason_code.as_str()), (adjusted, "clerical_error"));
    assert_eq!(s.leaf(YT, "2.2").appraised.unwrap().round, 1, "a slip is no round");
    let corrected = s.mark(YT, "2.2");
    s.by("secretary").does("correct-score", correct("2.2", corrected, "1.25"));
}

#[test]
fn a_corrected_leaf_is_confirmed_again() {
    let mut s = Season::appraised();
    let at = s.mark(YT, "2.2");
    s.by("reviewer-tp").does("correct-score", correct("2.2", at, "1.5"));
    assert!(!s.leaf(YT, "2.2").confirmed, "what was confirmed is no longer what stands");
    s.now = day(21);
    let refusal = s.by("secretary").refused("announce-results", json!({}), Code::Incomplete);
    assert_eq!(refusal.values["missing"], "so-y-te 2.2 (not confirmed)");
    s.now = day(19);
    s.by("confirmer-tp").does("confirm-leaves", json!({"agency": YT, "nodes": ["2.2"]}));
    s.now = day(21);
    s.announce(1);
    let at = s.mark(YT, "2.2");
    s.by("reviewer-tp").refused("correct-score", correct("2.2", at, "2"), Code::ScorecardState);
}
