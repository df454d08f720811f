//! Appeals: the window, the items, who decides, and what a decision sets.

use serde_json::{Value, json};
use sogoc_domain::policy::Applicability;
use sogoc_domain::refusal::Code;
use sogoc_domain::scorecard::{How, ItemState};

use crate::fixture::*;

const YT: &str = "so-y-te";

/// Day 21, announced: 2.2 stands at 1 although 2.5 was declared, and the agency contests it as item 1 of kn-1.
fn lodged() -> Season {
    let mut s = lowered();
    s.by("leader-yt").does("lodge-appeal", appeal(YT, "kn-1", json!([against_leaf("2.2", "2.5")])));
    s
}

fn lowered() -> Season {
    let mut s = Season::appraised();
    s.by("confirmer-tp").does("return-leaves", json!({"agency": YT, "leaves": ["2.2"], "reason": "Đối chiếu lại"}));
    s.by("reviewer-tp").does("adjust-score", adjust(YT, "2.2", "1", "data_mismatch"));
    s.by("confirmer-tp").does("confirm-leaves", json!({"agency": YT, "nodes": ["2.2"]}));
    s.now = day(21);
    s.announce(1);
    s
}

fn decides(item: u32, outcome: &str, sets: Option<Value>) -> Value {
    let mut out =
        json!({"item": item, "outcome": outcome, "reason_code": "appeal_decided", "reason": "Theo hồ sơ bổ sung"});
    if let Some(sets) = sets {
        out["sets"] = sets;
    }
    out
}

fn decision(decisions: Vec<Value>) -> Value {
    json!({"agency": YT, "appeal": "kn-1", "decisions": decisions, "voters": ["chair", "member-ub"]})
}

fn points(points: &str) -> Option<Value> {
    Some(json!({"points": {"override": points}}))
}

// ---- lodging ------------------------------------------------------------------------------------------------------

#[test]
fn an_appeal_is_lodged_by_the_leader_after_the_announcement() {
    let items = || json!([against_leaf("2.2", "2.5")]);
    let mut s = Season::appraised();
    s.by("leader-yt").refused("lodge-appeal", appeal(YT, "kn-1", items()), Code::ScorecardState);
    let mut s = lowered();
    s.by("officer-yt").refused("lodge-appeal", appeal(YT, "kn-1", items()), Code::RoleMissing);
    s.by("leader-ln").refused("lodge-appeal", appeal(YT, "kn-1", items()), Code::NotOwnAgency);
    s.by("leader-yt").does("lodge-appeal", appeal(YT, "kn-1", items()));
    s.by("leader-yt").refused("lodge-appeal", appeal(YT, "kn-1", items()), Code::AlreadyExists);
    let refusal = s.by("leader-yt").refused("lodge-appeal", appeal(YT, "kn-2", items()), Code::DecisionUnfit);
    assert!(refusal.values["why"].contains("kn-1"), "what is contested already waits");
}

#[test]
fn an_appeal_outside_its_window_is_refused_with_the_times() {
    let items = || json!([against_leaf("2.2", "2.5")]);
    let mut s = lowered();
    s.now = day(30);
    let refusal = s.by("leader-yt").refused("lodge-appeal", appeal(YT, "kn-1", items()), Code::PhaseClosed);
    assert!(refusal.values["times"].contains("appeals"));
    let accept = |reason: &str| json!({"agency": YT, "appeal": "kn-1", "reason": reason});
    s.by("secretary-yt").refused("accept-late-appeal", accept("Thiên tai"), Code::OwnCase);
    s.by("secretary").refused("accept-late-appeal", accept(""), Code::ReasonRequired);
    s.by("secretary").does("accept-late-appeal", accept("Thiên tai, đường bị chia cắt"));
    s.by("secretary").refused("accept-late-appeal", accept("Thiên tai"), Code::NothingToDo);
    s.by("leader-yt").refused("lodge-appeal", appeal(YT, "kn-2", items()), Code::PhaseClosed);
    s.by("leader-yt").does("lodge-appeal", appeal(YT, "kn-1", items()));
    assert!(s.card(YT).appeals["kn-1"].late);
    let mut s = Season::appraised();
    s.by("secretary").refused("accept-late-appeal", accept("Thiên tai"), Code::ScorecardState);
}

#[test]
fn an_agency_whose_rank_moved_by_anothers_appeal_has_a_window_of_its_own() {
    let items = || json!([against_leaf("1.1.2", "2")]);
    let mut s = Season::published();
    s.now = day(40);
    let told = |agencies: &[&str], until: i64| json!({"edition": 1, "agencies": agencies, "until": day(until)});
    s.by("secretary").refused("notify-agencies", told(&[], 45), Code::Missing);
    s.by("secretary").refused("notify-agencies", told(&["so-x"], 45), Code::NotInSeason);
    s.by("secretary").refused("notify-agencies", told(&["ly-nhan"], 40), Code::Invalid);
    let unknown = json!({"edition": 9, "agencies": ["ly-nhan"], "until": day(45)});
    s.by("secretary").refused("notify-agencies", unknown, Code::Unknown);
    s.by("secretary").does("notify-agencies", told(&["ly-nhan"], 45));
    s.by("leader-yt").refused("lodge-appeal", appeal(YT, "kn-1", items()), Code::PhaseClosed);
    s.now = day(45);
    s.by("leader-ln").refused("lodge-appeal", appeal("ly-nhan", "kn-1", items()), Code::PhaseClosed);
    s.now = day(45).plus_micros(-1);
    s.by("leader-ln").does("lodge-appeal", appeal("ly-nhan", "kn-1", items()));
    assert!(!s.card("ly-nhan").appeals["kn-1"].late, "it is in its own time");
}

#[test]
fn an_item_contests_what_there_is_once_and_on_a_ground() {
    let item = |target: Value, requested: &str, ground: &str| json!({"target": target, "requested": requested, "ground": ground});
    let leaf = |leaf: &str| json!({"leaf": leaf});
    let mut s = lowered();
    let cases = [
        (json!([]), Code::Missing),
        (json!([item(leaf("9.9"), "1", "Có hồ sơ")]), Code::UnknownLeaf),
        (json!([item(leaf("3.1"), "1", "Có hồ sơ")]), Code::LeafIsSurveyed),
        (json!([item(leaf("2.2"), "2.5", "")]), Code::ReasonRequired),
        (json!([item(leaf("2.2"), "2.5", "a"), item(leaf("l-2-2"), "2.5", "b")]), Code::AlreadyExists),
        (json!([item(leaf("2.2"), "Nguyễn Văn A", "Có hồ sơ")]), Code::Invalid),
        (json!([item(json!("class"), "gioi", "Có hồ sơ")]), Code::Invalid),
        (json!([item(json!({"applicability": "1.2"}), "no", "Có hồ sơ")]), Code::Invalid),
    ];
    for (items, code) in cases {
        s.by("leader-yt").refused("lodge-appeal", appeal(YT, "kn-1", items), code);
    }
    let all = json!([
        item(leaf("2.2"), "2.5", "Có hồ sơ"),
        item(json!({"applicability": "1.2"}), "left-out", "Không có thủ tục"),
        item(json!("survey_points"), "3.6", "Phiếu trùng"),
        item(json!("class"), "tot", "Đủ điều kiện"),
    ]);
    s.by("leader-yt").does("lodge-appeal", appeal(YT, "kn-1", all));
    assert_eq!(s.card(YT).appeals["kn-1"].items.len(), 4);
}

#[test]
fn the_survey_points_of_who_was_not_surveyed_are_not_contested() {
    let mut s = Season::submitted();
    s.by("operator").does("record-not-surveyed", json!({"agency": YT, "ground": "Không có giao dịch với người dân"}));
    for (agency, _) in AGENCIES {
        for domain in ["1", "2"] {
            s.by(reviewer(agency, domain)).does("accept-unchanged", json!({"agency": agency, "node": domain}));
            s.by(confirmer(agency, domain)).does("confirm-leaves", json!({"agency": agency, "nodes": [domain]}));
        }
    }
    let results: Vec<_> = ["so-noi-vu", "so-tu-phap", "ly-nhan"].map(|a| surveyed(a, "90", "80")).into();
    s.by("operator").does("import-survey", json!({"results": results}));
    s.by("monitor").does("accept-survey", json!({}));
    s.now = day(21);
    s.announce(1);
    let items = json!([{"target": "survey_points", "ground": "Phiếu trùng"}]);
    s.by("leader-yt").refused("lodge-appeal", appeal(YT, "kn-1", items), Code::Unknown);
}

// ---- opinion, withdrawal ------------------------------------------------------------------------------------------

#[test]
fn the_lead_agency_gives_its_opinion_on_an_open_item() {
    let mut s = lodged();
    let opinion = |item: u32, text: &str| json!({"agency": YT, "appeal": "kn-1", "item": item, "opinion": text});
    s.by("reviewer-nv").refused("give-opinion", opinion(1, "Đề nghị giữ nguyên"), Code::NotAssigned);
    s.by("reviewer-tp").refused("give-opinion", opinion(2, "Đề nghị giữ nguyên"), Code::Unknown);
    s.by("reviewer-tp").refused("give-opinion", opinion(1, ""), Code::ReasonRequired);
    s.by("member-ub").refused("give-opinion", opinion(1, "Đề nghị giữ nguyên"), Code::RoleMissing);
    s.by("reviewer-tp").does("give-opinion", opinion(1, "Đề nghị giữ nguyên"));
    s.by("leader-yt").does("withdraw-appeal", json!({"agency": YT, "appeal": "kn-1"}));
    s.by("reviewer-tp").refused("give-opinion", opinion(1, "Đề nghị giữ nguyên"), Code::DecisionUnfit);
}

#[test]
fn an_item_is_withdrawn_by_the_agency_while_it_is_open() {
    let mut s = lowered();
    let items = json!([against_leaf("2.2", "2.5"), against_leaf("1.1.2", "2")]);
    s.by("leader-yt").does("lodge-appeal", appeal(YT, "kn-1", items));
    let withdraw = |items: &[u32]| json!({"agency": YT, "appeal": "kn-1", "items": items});
    s.by("leader-ln").refused("withdraw-appeal", withdraw(&[1]), Code::NotOwnAgency);
    s.by("leader-yt").refused("withdraw-appeal", withdraw(&[3]), Code::Unknown);
    s.by("leader-yt").does("withdraw-appeal", withdraw(&[1]));
    s.by("leader-yt").refused("withdraw-appeal", withdraw(&[1]), Code::DecisionUnfit);
    s.by("secretary").refused("decide-appeal", decision(vec![decides(1, "rejected", None)]), Code::DecisionUnfit);
    s.by("leader-yt").does("withdraw-appeal", withdraw(&[]));
    assert_eq!(s.card(YT).appeals["kn-1"].items[1].state, ItemState::Withdrawn);
    s.by("leader-yt").refused("withdraw-appeal", withdraw(&[]), Code::NothingToDo);
    s.by("leader-yt").refused("withdraw-appeal", json!({"agency": YT, "appeal": "kn-9"}), Code::Unknown);
    // What was withdrawn may be contested anew.
    s.by("leader-yt").does("lodge-appeal", appeal(YT, "kn-2", json!([against_leaf("2.2", "2.5")])));
}

#[test]
fn evidence_supplements_an_appeal_while_it_is_open() {
    let mut s = lodged();
    let supplement = |file: &str| {
        let mut out = evidence(YT, "2.2", file);
        out["purpose"] = "supplement".into();
        out["case"] = "kn-1".into();
        out
    };
    s.by("officer-yt").does("attach-evidence", supplement("bo-sung.pdf"));
    s.by("leader-yt").does("withdraw-appeal", json!({"agency": YT, "appeal": "kn-1"}));
    s.by("officer-yt").refused("attach-evidence", supplement("bo-sung-2.pdf"), Code::LeafState);
}

// ---- deciding -----------------------------------------------------------------------------------------------------

#[test]
fn a_decision_and_the_score_it_sets_are_one_entry() {
    let mut s = lodged();
    let decided = s.by("secretary").does("decide-appeal", decision(vec![decides(1, "upheld", points("2.5"))]));
    assert_eq!(kinds(&decided), ["scorecard/s-2026/so-y-te appeal-item-decided"]);
    let appraised = s.leaf(YT, "2.2").appraised.unwrap();
    assert_eq!((appraised.points.to_string().as_str(), appraised.how), ("2.5", How::Appealed));
    let again = decision(vec![decides(1, "upheld", points("3"))]);
    s.by("secretary").refused("decide-appeal", again, Code::DecisionUnfit);
    s.by("secretary").does("announce-results", json!({}));
}

#[test]
fn what_binds_is_who_voted_not_who_types() {
    let mut s = lodged();
    let with = |voters: &[&str]| {
        let mut out = decision(vec![decides(1, "upheld", points("2.5"))]);
        out["voters"] = json!(voters);
        out
    };
    s.open_account("member-yt", YT, &["council-member"]);
    s.open_account("member-both", "so-tu-phap", &["council-member", "reviewer"]);
    let cases: [(&[&str], Code); 6] = [
        (&["chair"], Code::VotesShort),
        (&["chair", "chair"], Code::VotesShort),
        (&[], Code::VotesShort),
        (&["chair", "secretary"], Code::RoleMissing),
        (&["chair", "nobody"], Code::AccountInactive),
        (&["chair", "member-yt"], Code::OwnCase),
    ];
    for (voters, code) in cases {
        s.by("secretary").refused("decide-appeal", with(voters), code);
    }
    // Who appraised or confirmed the leaf, under any account, takes no part.
    s.link("member-both", "confirmer-tp");
    s.by("secretary").refused("decide-appeal", with(&["chair", "member-both"]), Code::OwnDecision);
    s.link("member-tp", "reviewer-tp");
    s.by("secretary").refused("decide-appeal", with(&["chair", "member-tp"]), Code::OwnDecision);
    s.link("chair", "member-ub");
    s.by("secretary").refused("decide-appeal", with(&["chair", "member-ub"]), Code::VotesShort);
    s.by("reviewer-tp").refused("decide-appeal", with(&["chair", "member-nv"]), Code::RoleMissing);
    // A clerk of the agency's own may type it.
    s.by("secretary-yt").does("decide-appeal", with(&["chair", "member-nv"]));
}

#[test]
fn a_member_who_stands_aside_decides_no_appeal() {
    let mut s = lodged();
    let mut fields = decision(vec![decides(1, "upheld", points("2.5"))]);
    fields["voters"] = json!(["chair", "member-nv"]);
    let present = json!({"session": "phien-1", "present": ["chair", "member-nv", "member-ub"]});
    s.by("secretary").does("open-session", present);
    let aside = json!({"session": "phien-1", "member": "member-nv", "agency": YT, "reason": "Có người thân"});
    s.by("member-nv").does("recuse-member", aside);
    s.by("secretary").refused("decide-appeal", fields.clone(), Code::Recused);
    s.link("member-nv", "member-tp");
    fields["voters"] = json!(["chair", "member-tp"]);
    s.by("secretary").refused("decide-appeal", fields, Code::Recused);
}

#[test]
fn a_decision_fits_its_outcome_and_its_target() {
    let mut s = lodged();
    let unfit = [
        decides(1, "upheld", None),
        decides(1, "rejected", points("2.5")),
        decides(1, "upheld", points("2")),
        decides(1, "partly", points("2.5")),
        decides(1, "partly", points("1")),
        decides(1, "upheld", Some(json!({"survey_points": "4"}))),
        decides(1, "upheld", Some(json!({"class_cap": "tot"}))),
    ];
    for item in unfit {
        s.by("secretary").refused("decide-appeal", decision(vec![item]), Code::DecisionUnfit);
    }
    let mut bogus = decides(1, "upheld", points("2.5"));
    bogus["reason_code"] = "bogus".into();
    let mut silent = decides(1, "upheld", points("2.5"));
    silent["reason"] = "".into();
    let twice = vec![decides(1, "upheld", points("2.5")), decides(1, "upheld", points("2.5"))];
    let mut elsewhere = decision(vec![decides(1, "rejected", None)]);
    elsewhere["appeal"] = "kn-9".into();
    let cases = [
        (decision(vec![]), Code::Missing),
        (decision(vec![bogus]), Code::UnknownReasonCode),
        (decision(vec![silent]), Code::ReasonRequired),
        (decision(vec![decides(2, "rejected", None)]), Code::Unknown),
        (decision(vec![decides(1, "upheld", points("3.5"))]), Code::PointsOutsideRule),
        (decision(twice), Code::AlreadyExists),
        (elsewhere, Code::Unknown),
    ];
    for (fields, code) in cases {
        s.by("secretary").refused("decide-appeal", fields, code);
    }
    s.by("secretary").does("decide-appeal", decision(vec![decides(1, "partly", points("2"))]));
    s.now = day(100);
    s.by("secretary").refused("decide-appeal", decision(vec![decides(1, "rejected", None)]), Code::PhaseClosed);
}

#[test]
fn a_decision_lowers_no_points_unless_the_policy_allows_it() {
    let mut s = lodged();
    let lower = || {
        let mut item = decides(1, "partly", points("0.5"));
        item["reason_code"] = "data_mismatch".into();
        decision(vec![item])
    };
    s.by("secretary").refused("decide-appeal", lower(), Code::MayNotLower);

    let mut s = lodged().with_policy(|p| p.appeal_may_lower = true);
    s.by("secretary").does("decide-appeal", lower());
    assert_eq!(s.points(YT, "2.2").as_deref(), Some("0.5"));
}

#[test]
fn a_rejection_changes_nothing_and_binds_who_took_it() {
    let mut s = lodged();
    let before = s.leaf(YT, "2.2").appraised;
    s.by("secretary").does("decide-appeal", decision(vec![decides(1, "rejected", None)]));
    assert_eq!(s.leaf(YT, "2.2").appraised, before);
    s.by("leader-yt").does("lodge-appeal", appeal(YT, "kn-2", json!([against_leaf("2.2", "2.5")])));
    let mut second = decision(vec![decides(1, "upheld", points("2.5"))]);
    second["appeal"] = "kn-2".into();
    s.by("secretary").refused("decide-appeal", second.clone(), Code::OwnDecision);
    second["voters"] = json!(["member-nv", "member-tp"]);
    s.by("secretary").does("decide-appeal", second);
}

#[test]
fn an_appeal_sets_applicability_survey_points_or_the_class() {
    let mut s = lowered();
    s.by("member-nv").on_instrument().refused(
        "cap-class",
        json!({"agency": YT, "class": "kha", "reason": "x"}),
        Code::SeasonState,
    );
    let items = json!([
        {"target": {"applicability": "1.2"}, "ground": "Không có thủ tục"},
        {"target": "survey_points", "requested": "3.6", "ground": "Phiếu trùng"},
        {"target": "class", "ground": "Đủ điều kiện"},
    ]);
    s.by("leader-yt").does("lodge-appeal", appeal(YT, "kn-1", items));
    let cases = [
        (decides(1, "upheld", Some(json!({"applicability": "applies"}))), Code::DecisionUnfit),
        (decides(2, "upheld", Some(json!({"survey_points": "4.1"}))), Code::PointsOutsideRule),
        (decides(2, "upheld", Some(json!({"survey_points": "3.605"}))), Code::PointsOutsideRule),
        (decides(2, "partly", Some(json!({"survey_points": "3.4"}))), Code::DecisionUnfit),
        (decides(2, "partly", Some(json!({"survey_points": "3"}))), Code::MayNotLower),
        (decides(3, "upheld", Some(json!({"class_cap": "gioi"}))), Code::Invalid),
        (decides(3, "upheld", Some(json!({"class_cap": null}))), Code::DecisionUnfit),
    ];
    for (item, code) in cases {
        s.by("secretary").refused("decide-appeal", decision(vec![item]), code);
    }
    let all = vec![
        decides(1, "upheld", Some(json!({"applicability": "left-out"}))),
        decides(2, "upheld", Some(json!({"survey_points": "3.6"}))),
        decides(3, "partly", Some(json!({"class_cap": "kha"}))),
    ];
    s.by("secretary").does("decide-appeal", decision(all));
    assert_eq!(s.leaf(YT, "1.2").applicability, Applicability::LeftOut);
    let card = s.card(YT);
    assert_eq!(card.survey_points.map(|p| p.to_string()).as_deref(), Some("3.6"));
    assert_eq!(card.class_cap.as_deref(), Some("kha"));
}

#[test]
fn who_capped_the_class_or_left_a_leaf_out_does_not_decide_the_appeal_against_it() {
    let mut s = Season::appraised();
    s.by("member-nv").on_instrument().does("cap-class", json!({"agency": YT, "class": "kha", "reason": "Có kỷ luật"}));
    s.by("chair").does("decide-applicability", applicability(YT, &["1.2"], "left-out"));
    s.now = day(21);
    s.announce(1);
    let items = json!([
        {"target": "class", "ground": "Đủ điều kiện"},
        {"target": {"applicability": "1.2"}, "ground": "Có thủ tục"},
    ]);
    s.by("leader-yt").does("lodge-appeal", appeal(YT, "kn-1", items));
    let by = |item: Value, voters: [&str; 2]| {
        let mut out = decision(vec![item]);
        out["voters"] = json!(voters);
        out
    };
    let class = || decides(1, "upheld", Some(json!({"class_cap": null})));
    let applies = || decides(2, "upheld", Some(json!({"applicability": "applies"})));
    s.by("secretary").refused("decide-appeal", by(class(), ["member-nv", "member-ub"]), Code::OwnDecision);
    s.by("secretary").refused("decide-appeal", by(applies(), ["chair", "member-ub"]), Code::OwnDecision);
    s.by("secretary").does("decide-appeal", by(class(), ["chair", "member-ub"]));
    s.by("secretary").does("decide-appeal", by(applies(), ["member-nv", "member-ub"]));
    assert_eq!(s.card(YT).class_cap, None);
}
