//! Confirmation by somebody else, returns, recusal, and reopening after the announcement.

use serde_json::{Value, json};
use sogoc_domain::refusal::Code;

use crate::fixture::*;

const YT: &str = "so-y-te";

fn confirm(nodes: &[&str]) -> Value {
    json!({"agency": YT, "nodes": nodes})
}

fn give_back(leaves: &[&str]) -> Value {
    json!({"agency": YT, "leaves": leaves, "reason": "Chưa đối chiếu biên bản"})
}

/// Domain 1 accepted by reviewer-nv, but 1.3 by both-nv.
fn accepted() -> Season {
    let mut s = Season::submitted();
    s.by("both-nv").does("accept-score", on_leaf(YT, "1.3"));
    s.by("reviewer-nv").does("accept-unchanged", json!({"agency": YT, "node": "1"}));
    s
}

#[test]
fn a_leaf_is_confirmed_by_somebody_else_than_its_reviewer() {
    let mut s = accepted();
    let refusal = s.by("both-nv").refused("confirm-leaves", confirm(&["1.3"]), Code::OwnDecision);
    assert!(refusal.is_recorded());
    s.by("reviewer-nv").refused("confirm-leaves", confirm(&["1.2"]), Code::RoleMissing);
    s.by("confirmer-tp").refused("confirm-leaves", confirm(&["1.2"]), Code::NotAssigned);
    let decision = s.by("both-nv").does("confirm-leaves", confirm(&["1"]));
    assert_eq!(decision.failures[0].item, "1.3");
    assert!(s.leaf(YT, "1.2").confirmed && !s.leaf(YT, "1.3").confirmed);
    s.by("confirmer-nv").does("confirm-leaves", confirm(&["1.3"]));
    s.by("confirmer-nv").refused("confirm-leaves", confirm(&["1.3"]), Code::LeafState);
}

#[test]
fn linked_accounts_and_delegates_are_who_they_act_for() {
    let mut s = accepted();
    s.link("reviewer-nv", "confirmer-nv");
    s.by("confirmer-nv").refused("confirm-leaves", confirm(&["1.2"]), Code::OwnDecision);
    let mut s = accepted();
    s.delegate("confirmer-nv", "reviewer-nv");
    let turn = s.by("reviewer-nv").on_behalf_of("confirmer-nv");
    turn.refused("confirm-leaves", confirm(&["1.2"]), Code::OwnDecision);
    let mut s = Season::submitted();
    s.delegate("reviewer-nv", "idle");
    s.by("idle").on_behalf_of("reviewer-nv").does("accept-score", on_leaf(YT, "1.2"));
    s.delegate("confirmer-nv", "idle");
    let turn = s.by("idle").on_behalf_of("confirmer-nv");
    turn.refused("confirm-leaves", confirm(&["1.2"]), Code::OwnDecision);
    s.by("confirmer-nv").does("confirm-leaves", confirm(&["1.2"]));
}

#[test]
fn what_is_not_appraised_is_not_confirmed() {
    let mut s = Season::submitted();
    s.by("confirmer-nv").refused("confirm-leaves", confirm(&["1.2"]), Code::LeafState);
    s.by("confirmer-nv").refused("confirm-leaves", confirm(&["1"]), Code::NothingToDo);
    s.by("confirmer-nv").refused("confirm-leaves", confirm(&[]), Code::Missing);
    s.by("confirmer-nv").refused("confirm-leaves", confirm(&["9.9"]), Code::UnknownLeaf);
    let mut s = accepted();
    s.now = day(20);
    s.by("confirmer-nv").refused("confirm-leaves", confirm(&["1.2"]), Code::PhaseClosed);
}

#[test]
fn a_confirmed_leaf_is_not_appraised_again() {
    let mut s = Season::appraised();
    s.by("reviewer-nv").refused("adjust-score", adjust(YT, "1.2", "1", "data_mismatch"), Code::LeafState);
    s.by("reviewer-nv").refused("uphold-score", uphold(YT, "1.2", None), Code::LeafState);
    let ask = request(YT, "1.2", "gt-1", day(18));
    s.by("reviewer-nv").refused("request-explanation", ask, Code::LeafState);
}

#[test]
fn returned_leaves_are_appraised_again_in_the_same_round() {
    let mut s = Season::appraised();
    s.by("reviewer-nv").refused("return-leaves", give_back(&["1.2"]), Code::RoleMissing);
    let mut silent = give_back(&["1.2"]);
    silent["reason"] = "".into();
    s.by("confirmer-nv").refused("return-leaves", silent, Code::ReasonRequired);
    let decision = s.by("confirmer-nv").does("return-leaves", give_back(&["1.2", "1.3", "2.2"]));
    let failed: Vec<_> = decision.failures.iter().map(|f| (f.item.as_str(), f.refusal.code)).collect();
    assert_eq!(failed, [("2.2", Code::NotAssigned)]);
    s.by("confirmer-nv").refused("return-leaves", give_back(&["1.2"]), Code::LeafState);
    s.by("confirmer-nv").refused("confirm-leaves", confirm(&["1.2"]), Code::LeafState);
    s.by("reviewer-nv").does("accept-score", on_leaf(YT, "1.2"));
    s.by("reviewer-nv").does("adjust-score", adjust(YT, "1.3", "0.5", "data_mismatch"));
    assert_eq!(s.leaf(YT, "1.3").appraised.unwrap().round, 1);
    s.by("confirmer-nv").does("confirm-leaves", confirm(&["1.2", "1.3"]));
}

#[test]
fn who_stands_aside_decides_nothing_there_under_any_account() {
    let recuse = |account: &str| json!({"agency": YT, "account": account, "reason": "Có người thân công tác tại Sở"});
    let mut s = Season::submitted();
    s.by("reviewer-nv").refused("recuse-reviewer", recuse("both-nv"), Code::RoleMissing);
    s.by("secretary").refused("recuse-reviewer", recuse("nobody"), Code::Unknown);
    s.by("secretary-yt").refused("recuse-reviewer", recuse("both-nv"), Code::OwnCase);
    s.by("reviewer-nv").does("recuse-reviewer", recuse("reviewer-nv"));
    s.by("reviewer-nv").refused("recuse-reviewer", recuse("reviewer-nv"), Code::NothingToDo);
    let refusal = s.by("reviewer-nv").refused("accept-score", on_leaf(YT, "1.2"), Code::Recused);
    assert!(refusal.is_recorded());
    s.by("reviewer-nv").does("accept-score", on_leaf("ly-nhan", "1.2"));
    s.by("secretary").does("recuse-reviewer", recuse("confirmer-tp"));
    s.link("reviewer-nv", "both-nv");
    s.by("both-nv").refused("accept-score", on_leaf(YT, "1.2"), Code::Recused);
}

// ---- reopening ----------------------------------------------------------------------------------------------------

fn reopen(leaves: &[&str]) -> Value {
    json!({"agency": YT, "leaves": leaves, "reason": "Kết luận thanh tra nêu sai số liệu"})
}

#[test]
fn an_announcement_closes_scorecards_until_the_council_reopens_them() {
    let mut s = Season::announced();
    let lower = || adjust(YT, "1.2", "1", "data_mismatch");
    s.by("reviewer-nv").refused("adjust-score", lower(), Code::ScorecardState);
    s.by("officer-yt").refused("attach-evidence", evidence(YT, "1.2", "a.pdf"), Code::ScorecardState);
    s.by("secretary").on_instrument().refused("reopen-scorecard", reopen(&["1.2"]), Code::RoleMissing);
    s.by("chair").refused("reopen-scorecard", reopen(&["1.2"]), Code::InstrumentRequired);
    s.by("chair").on_instrument().refused("reopen-scorecard", reopen(&["9.9"]), Code::UnknownLeaf);
    s.by("chair").on_instrument().does("reopen-scorecard", reopen(&["1.2"]));
    s.by("reviewer-nv").refused("adjust-score", adjust(YT, "1.3", "0", "data_mismatch"), Code::ScorecardState);
    s.by("secretary").refused("decide-applicability", applicability(YT, &["1.3"], "left-out"), Code::ScorecardState);
    s.by("reviewer-nv").does("adjust-score", lower());
    s.by("secretary").refused("announce-results", json!({}), Code::Incomplete);
    s.by("confirmer-nv").does("confirm-leaves", confirm(&["1.2"]));
    s.by("secretary").does("announce-results", json!({}));
    // The next announcement closes it again.
    s.by("reviewer-nv").refused("adjust-score", adjust(YT, "1.2", "0", "data_mismatch"), Code::ScorecardState);
}

#[test]
fn a_reopened_leaf_is_open_to_its_agency_and_the_secretariat_too() {
    let mut s = Season::announced();
    s.by("chair").on_instrument().does("reopen-scorecard", reopen(&["1.2"]));
    s.by("officer-yt").does("attach-evidence", evidence(YT, "1.2", "bao-cao-lai.pdf"));
    let ratio = json!({"ratio": {"numerator": "80", "denominator": "100"}});
    s.by("officer-yt").does("record-self-score", self_score(YT, "1.2", ratio));
    s.by("secretary").does("decide-applicability", applicability(YT, &["1.2"], "left-out"));
}

#[test]
fn only_what_was_announced_is_reopened_and_by_a_chair_without_a_stake() {
    let mut s = Season::appraised();
    s.by("chair").on_instrument().refused("reopen-scorecard", reopen(&[]), Code::ScorecardState);
    let mut s = Season::announced();
    s.give_role("idle-ub", "council-chair", json!({}));
    s.by("admin").does("transfer-account", json!({"account": "idle-ub", "agency": YT}));
    s.by("idle-ub").on_instrument().refused("reopen-scorecard", reopen(&[]), Code::OwnCase);
}
