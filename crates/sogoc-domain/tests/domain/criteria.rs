//! Criteria sets: drafting, activation, and amendment in a running season.

use serde_json::{Value, json};
use sogoc_domain::refusal::Code;

use crate::fixture::*;

/// A set of its own with something changed in the document.
fn drafted(change: impl FnOnce(&mut Value)) -> Value {
    let mut set = criteria();
    set["set"] = "bo-khac".into();
    change(&mut set);
    set
}

#[test]
fn a_set_is_activated_only_where_every_level_sums_and_both_sums_are_named() {
    let mut s = Season::founded();
    let wrong = drafted(|set| {
        set["max_points"] = "21".into();
        set["domains"][0]["max_points"] = "8.5".into();
        set["domains"][0]["children"][0]["children"][1]["max_points"] = "2.25".into();
    });
    s.by("secretary").does("draft-criteria-set", wrong);
    let refusal = s.by("secretary").refused("activate-criteria-set", json!({"set": "bo-khac"}), Code::SumsDiffer);
    assert_eq!(
        refusal.values["levels"],
        "the set (declared 21, its parts add up to 20.5); 1 (declared 8.5, its parts add up to 8); \
         1.1 (declared 5, its parts add up to 5.25)"
    );
    s.by("secretary").does("draft-criteria-set", drafted(|_| {}));
    s.by("secretary").refused("draft-criteria-set", drafted(|_| {}), Code::NothingToDo);
    s.by("secretary").does("activate-criteria-set", json!({"set": "bo-khac"}));
    s.by("secretary").refused("activate-criteria-set", json!({"set": "bo-khac"}), Code::SetState);
    s.by("secretary").refused("draft-criteria-set", drafted(|_| {}), Code::AlreadyExists);
    s.by("secretary").refused("activate-criteria-set", json!({"set": "bo-x"}), Code::Unknown);
}

#[test]
fn a_tree_that_is_not_well_formed_is_refused_by_its_node() {
    let cases: [(fn(&mut Value), Code); 8] = [
        (|set| set["title"] = "".into(), Code::Missing),
        (|set| set["max_points"] = "0".into(), Code::Invalid),
        (|set| set["domains"] = json!([]), Code::BadTree),
        (|set| set["domains"][1]["id"] = "d-1".into(), Code::BadTree),
        (|set| set["domains"][1]["children"][0]["code"] = "1.2".into(), Code::BadTree),
        (
            |set| set["domains"][1]["children"][0].as_object_mut().unwrap().remove("leaf").map(drop).unwrap(),
            Code::BadTree,
        ),
        (|set| set["domains"][0]["lead_agency"] = "so-x".into(), Code::Unknown),
        (|set| set["predecessor"] = "bo-x".into(), Code::Unknown),
    ];
    let mut s = Season::founded();
    for (change, code) in cases {
        s.by("secretary").refused("draft-criteria-set", drafted(change), code);
    }
    s.by("officer-yt").refused("draft-criteria-set", drafted(|_| {}), Code::RoleMissing);
    let unusable = drafted(|set| set["domains"][1]["children"][1]["leaf"]["rule"]["step"] = "0.7".into());
    s.by("secretary").does("draft-criteria-set", unusable);
    let refusal = s.by("secretary").refused("activate-criteria-set", json!({"set": "bo-khac"}), Code::BadTree);
    assert_eq!(refusal.values["node"], "2.2");
}

#[test]
fn a_group_is_defined_on_a_set_that_can_be_used() {
    let mut s = Season::founded();
    s.by("secretary").does("open-season", json!({"year": 2026, "title": "Đợt"}));
    s.by("secretary").does("draft-criteria-set", drafted(|_| {}));
    s.by("secretary").refused("define-ranking-group", group_of("so", Some("bo-khac")), Code::SetState);
    s.by("secretary").refused("define-ranking-group", group_of("so", Some("bo-x")), Code::Unknown);
}

#[test]
fn a_successor_set_maps_to_its_predecessor_one_to_one() {
    let mut s = Season::founded();
    let mapped = |leaf: &str, to: &str| {
        drafted(|set| {
            set["predecessor"] = SET.into();
            let children = set["domains"][1]["children"].as_array_mut().unwrap();
            let node = children.iter_mut().find(|n| n["code"] == leaf).unwrap();
            node["predecessor"] = to.into();
        })
    };
    s.by("secretary").refused("draft-criteria-set", mapped("2.1", "l-9"), Code::BadTree);
    s.by("secretary").refused("draft-criteria-set", mapped("2.1", "d-2"), Code::BadTree);
    s.by("secretary").does("draft-criteria-set", mapped("2.1", "l-2-1"));
}

// ---- amending -----------------------------------------------------------------------------------------------------

/// Domain 1 with leaf 1.3 worth 2 by a steeper deduction, and 1.2 worth 1; leaf 1.1.1 by another rule.
fn amended() -> Value {
    let mut domain = domains()[0].clone();
    domain["children"][1] = leaf(
        "1.2",
        "1",
        json!({"type": "tiers", "by": "percentage", "tiers": [
        {"at_least": "90", "points": "1"}]}),
    );
    domain["children"][2] = leaf("1.3", "2", json!({"type": "deduction", "per_unit": "0.5"}));
    domain["children"][0]["children"][0] = leaf("1.1.1", "1", json!({"type": "judged", "step": "0.5"}));
    domain
}

fn amendment(domains: Vec<Value>, treatments: &[(&str, &str)]) -> Value {
    let treatments: Vec<_> =
        treatments.iter().map(|(leaf, t)| json!({"leaf": leaf_id(leaf), "treatment": t})).collect();
    json!({"set": SET, "domains": domains, "treatments": treatments, "reason": "Sửa đổi bộ tiêu chí theo kế hoạch"})
}

const FITTING: [(&str, &str); 3] = [("1.1.1", "redeclared"), ("1.2", "recomputed"), ("1.3", "recomputed")];

#[test]
fn a_running_season_adopts_the_amended_version_for_every_group() {
    let mut s = Season::submitted();
    let decision = s.by("secretary").does("amend-criteria-set", amendment(vec![amended()], &FITTING));
    let told = kinds(&decision);
    assert_eq!(told.iter().filter(|k| *k == "season/s-2026 criteria-version-adopted").count(), 2);
    assert_eq!(s.world.sets[SET].current_version(), 2);
    for group in ["so", "huyen"] {
        assert_eq!(s.world.seasons[SEASON].groups[group].set_version, Some(2));
    }
    for (agency, _) in AGENCIES {
        let card = |kind: &str| told.iter().filter(|k| **k == format!("scorecard/s-2026/{agency} {kind}")).count();
        assert_eq!((card("leaf-reopened"), card("score-recomputed")), (1, 2), "{agency}");
        assert_eq!(s.leaf(agency, "1.3").self_score.unwrap().points.to_string(), "1.5");
        assert_eq!(s.leaf(agency, "1.2").self_score.unwrap().points.to_string(), "1");
    }
}

#[test]
fn a_leaf_to_be_declared_again_is_open_to_its_agency_and_to_nobody_else() {
    let mut s = Season::appraised();
    s.by("secretary").does("amend-criteria-set", amendment(vec![amended()], &FITTING));
    assert_eq!(s.points("so-y-te", "1.1.1"), None, "its scores so far stay in the history only");
    assert_eq!(s.points("so-y-te", "1.3").as_deref(), Some("1.5"), "computed again from what was accepted");
    s.by("reviewer-nv").refused("accept-score", on_leaf("so-y-te", "1.1.1"), Code::LeafState);
    let adjusted = adjust("so-y-te", "1.1.1", "0.5", "data_mismatch");
    s.by("reviewer-nv").refused("adjust-score", adjusted, Code::LeafState);
    let old_inputs = self_score("so-y-te", "1.1.1", json!({"yes_no": true}));
    s.by("officer-yt").refused("record-self-score", old_inputs, Code::InputsUnfit);
    s.by("officer-yt").refused(
        "record-self-score",
        self_score("so-y-te", "2.1", json!({"option": 2})),
        Code::ScorecardState,
    );
    s.by("officer-yt").does("record-self-score", self_score("so-y-te", "1.1.1", json!({"judged": "0.5"})));
    assert_eq!(s.leaf("so-y-te", "1.1.1").self_score.unwrap().set_version, 2);
    s.by("reviewer-nv").does("accept-score", on_leaf("so-y-te", "1.1.1"));
    s.by("confirmer-nv").does("confirm-leaves", json!({"agency": "so-y-te", "nodes": ["1.1.1"]}));
}

#[test]
fn every_leaf_that_changes_has_one_of_the_four_treatments_that_fits() {
    let mut s = Season::submitted();
    let without = {
        let mut domain = domains()[0].clone();
        domain["children"].as_array_mut().unwrap().remove(2);
        domain["children"][1]["max_points"] = "3".into();
        domain["children"][1]["leaf"]["rule"]["tiers"][0]["points"] = "3".into();
        domain
    };
    let refused: [(Value, &[(&str, &str)], &str); 7] = [
        (amended(), &[], "1.1.1"),
        (amended(), &[("1.1.1", "kept"), ("1.2", "recomputed"), ("1.3", "recomputed")], "1.1.1"),
        (amended(), &[("1.1.1", "void"), ("1.2", "recomputed"), ("1.3", "recomputed")], "1.1.1"),
        (amended(), &[("1.1.1", "recomputed"), ("1.2", "recomputed"), ("1.3", "recomputed")], "1.1.1"),
        (amended(), &[("2.1", "void"), ("1.1.1", "redeclared"), ("1.2", "recomputed"), ("1.3", "recomputed")], "2.1"),
        (without.clone(), &[("1.2", "recomputed")], "1.3"),
        (without.clone(), &[("1.2", "recomputed"), ("1.3", "kept")], "1.3"),
    ];
    for (domain, treatments, leaf) in refused {
        let fields = amendment(vec![domain], treatments);
        let refusal = s.by("secretary").refused("amend-criteria-set", fields, Code::TreatmentMissing);
        assert_eq!(refusal.values["leaf"], leaf, "{refusal}");
    }
    let voided = [("1.2", "recomputed"), ("1.3", "void"), ("2.1", "redeclared"), ("2.2", "kept")];
    s.by("secretary").does("amend-criteria-set", amendment(vec![without], &voided));
    s.by("reviewer-nv").refused("accept-score", on_leaf("so-y-te", "1.3"), Code::UnknownLeaf);
    assert!(s.leaf("so-y-te", "2.1").redeclare, "words may change what is asked");
    assert!(s.leaf("so-y-te", "2.2").self_score.is_some());
}

#[test]
fn a_leaf_that_is_new_opens_to_who_has_submitted() {
    let mut s = Season::submitted();
    let mut domain = domains()[1].clone();
    domain["children"][3]["max_points"] = "0.5".into();
    domain["children"].as_array_mut().unwrap().push(leaf("2.5", "0.5", json!({"type": "yes_no"})));
    s.by("secretary").does("amend-criteria-set", amendment(vec![domain], &[("2.4", "recomputed")]));
    s.by("reviewer-tp").refused("accept-score", on_leaf("so-y-te", "2.5"), Code::LeafState);
    s.by("officer-yt").does("record-self-score", self_score("so-y-te", "2.5", json!({"yes_no": true})));
    s.by("reviewer-tp").does("accept-score", on_leaf("so-y-te", "2.5"));
}

#[test]
fn an_amendment_sums_changes_something_and_is_the_secretariats() {
    let mut s = Season::submitted();
    let mut over = amended();
    over["children"][2]["max_points"] = "2.5".into();
    s.by("secretary").refused("amend-criteria-set", amendment(vec![over], &FITTING), Code::SumsDiffer);
    s.by("secretary").refused("amend-criteria-set", amendment(vec![domains()[0].clone()], &[]), Code::NothingToDo);
    s.by("secretary").refused("amend-criteria-set", amendment(vec![], &[]), Code::Missing);
    s.by("admin").refused("amend-criteria-set", amendment(vec![amended()], &FITTING), Code::RoleMissing);
    let mut silent = amendment(vec![amended()], &FITTING);
    silent["reason"] = "".into();
    s.by("secretary").refused("amend-criteria-set", silent, Code::ReasonRequired);
}

#[test]
fn survey_results_hold_the_surveys_leaf_as_it_is() {
    let mut s = Season::appraised();
    let mut survey = domains()[2].clone();
    survey["children"][0]["leaf"]["rule"] = json!({"type": "yes_no", "version": 1});
    let fields = amendment(vec![survey], &[("3.1", "redeclared")]);
    s.by("secretary").refused("amend-criteria-set", fields, Code::TreatmentMissing);
}

#[test]
fn results_that_were_announced_stay_with_their_version() {
    let mut s = Season::announced();
    s.by("secretary").does("amend-criteria-set", amendment(vec![amended()], &FITTING));
    assert_eq!(s.world.sets[SET].current_version(), 2);
    assert_eq!(s.world.seasons[SEASON].groups["so"].set_version, Some(1));
    let reopening = json!({"agency": "so-y-te", "leaves": ["1.1.1"], "reason": "Có đơn thư"});
    s.by("chair").on_instrument().does("reopen-scorecard", reopening);
    let inputs = json!({"agency": "so-y-te", "leaf": "1.1.1", "points": {"inputs": {"yes_no": false}},
        "reason_code": "data_mismatch", "reason": "Đối chiếu lại"});
    s.by("reviewer-nv").does("adjust-score", inputs);
}
