//! A season's set-up: policy, groups, phases, agencies, assignments, lines, comparison, activation.

use serde_json::{Value, json};
use sogoc_domain::refusal::Code;

use crate::fixture::*;

/// The season opened, with its policy.
fn opened() -> Season {
    let mut s = Season::founded();
    s.by("secretary").does("open-season", json!({"year": 2026, "title": "Đợt đánh giá 2026"}));
    s.by("secretary").does("set-season-policy", json!({"policy": policy()}));
    s
}

fn with(mut value: Value, change: impl FnOnce(&mut Value)) -> Value {
    change(&mut value);
    value
}

#[test]
fn a_season_is_opened_once_for_a_year() {
    let mut s = opened();
    s.by("secretary").refused("open-season", json!({"year": 2026, "title": "Đợt"}), Code::AlreadyExists);
    let other = |year: u16, title: &str| json!({"season": "s-2", "year": year, "title": title});
    s.by("secretary").refused("open-season", other(1899, "Đợt"), Code::Invalid);
    s.by("secretary").refused("open-season", other(2026, ""), Code::Missing);
    s.by("admin").refused("open-season", other(2026, "Đợt"), Code::RoleMissing);
    s.by("secretary").refused("activate-season", json!({"season": "s-9"}), Code::Unknown);
}

#[test]
fn a_policy_lies_within_its_limits() {
    let cases: [(fn(&mut Value), Code); 12] = [
        (|p| p["leaf_decimals"] = 7.into(), Code::Invalid),
        (|p| p["survey_factors"] = json!(["tiếp cận"]), Code::Invalid),
        (|p| p["survey_factors"] = json!(["access", "access"]), Code::Invalid),
        (|p| p["survey_factors"] = json!([""]), Code::Invalid),
        (|p| p["appraisal_rounds"] = 0.into(), Code::Invalid),
        (|p| p["appraisal_rounds"] = 10.into(), Code::Invalid),
        (|p| p["approvals"] = 1.into(), Code::Invalid),
        (|p| p["reason_codes"][0]["label"] = "".into(), Code::Missing),
        (|p| p["reason_codes"][0]["code"] = "Thiếu".into(), Code::Invalid),
        (|p| p["reason_codes"][1]["code"] = "evidence_missing".into(), Code::Invalid),
        (|p| p["instrument_required"] = json!(["no-command"]), Code::Invalid),
        (|p| p["survey_factors"] = (0..51).map(|n| json!(format!("f{n}"))).collect(), Code::TooMany),
    ];
    let mut s = opened();
    for (change, code) in cases {
        s.by("secretary").refused("set-season-policy", json!({"policy": with(policy(), change)}), code);
    }
}

#[test]
fn a_policy_holds_the_codes_of_corrections_and_amendments() {
    let mut s = opened();
    for (at, (code, command)) in
        [(4, ("clerical_error", "correct-score")), (6, ("standard_amended", "amend-criteria-set"))]
    {
        let without = with(policy(), |p| _ = p["reason_codes"].as_array_mut().unwrap().remove(at));
        let one_way = with(policy(), |p| p["reason_codes"][at]["kind"] = "deduction".into());
        for policy in [without, one_way] {
            let fields = json!({"policy": policy});
            let refusal = s.by("secretary").refused("set-season-policy", fields, Code::ReasonCodeRequired);
            assert_eq!((refusal.values["code"].as_str(), refusal.values["command"].as_str()), (code, command));
        }
    }
}

#[test]
fn a_season_whose_policy_lacks_these_codes_is_not_activated() {
    let mut s = Season::prepared().with_policy(|p| p.reason_codes.retain(|r| r.code != "clerical_error"));
    let refusal = s.by("secretary").refused("activate-season", json!({}), Code::SeasonNotReady);
    assert!(refusal.values["missing"].contains("clerical_error"), "{refusal}");
}

#[test]
fn class_bands_cover_everything_once() {
    let cases: [fn(&mut Value); 7] = [
        |g| g["classes"] = json!([]),
        |g| g["classes"][1]["upper"] = "79".into(),
        |g| g["classes"][1]["upper_inclusive"] = true.into(),
        |g| g["classes"][0]["upper"] = "99".into(),
        |g| g["classes"][2]["lower"] = "1".into(),
        |g| g["classes"][1]["code"] = "tot".into(),
        |g| g["letters"] = json!([g["classes"][0].clone(), g["classes"][0].clone()]),
    ];
    let mut s = opened();
    for change in cases {
        s.by("secretary").refused("define-ranking-group", with(group_of("so", Some(SET)), change), Code::BadBands);
    }
    s.by("secretary").refused("define-ranking-group", group_of("criteria", Some(SET)), Code::Invalid);
    s.by("secretary").does("define-ranking-group", group_of("so", Some(SET)));
    s.by("secretary").refused("define-ranking-group", group_of("so", Some(SET)), Code::AlreadyExists);
}

#[test]
fn a_phase_is_half_open_and_admits_known_commands() {
    let mut s = opened();
    s.by("secretary").refused("schedule-phase", phase_of("p", 3, 3, &["accept-score"]), Code::Invalid);
    s.by("secretary").refused("schedule-phase", phase_of("p", 3, 4, &["no-command"]), Code::Invalid);
    s.by("secretary").does("schedule-phase", phase_of("p", 3, 4, &["adjust-score", "accept-score", "accept-score"]));
    let admits: Vec<_> = s.world.seasons[SEASON].phases["p"].admits.iter().cloned().collect();
    assert_eq!(admits, ["accept-score", "adjust-score"]);
}

#[test]
fn an_agency_enters_once_into_a_group_and_a_body_never() {
    let mut s = Season::prepared();
    let entry = |agency: &str, group: &str| json!({"agency": agency, "group": group});
    s.by("secretary").refused("enter-agency", entry("so-y-te", "so"), Code::AlreadyExists);
    s.by("secretary").refused("enter-agency", entry("buu-dien", "so"), Code::BodyNotAppraised);
    s.by("secretary").refused("enter-agency", entry("trung-tam", "xa"), Code::Unknown);
    s.by("secretary").refused("enter-agency", entry("so-x", "so"), Code::Unknown);
}

#[test]
fn reviewers_are_of_the_agency_that_leads_and_alternates_of_another() {
    let cases: [(fn(&mut Value), Code); 9] = [
        (|a| a["group"] = "xa".into(), Code::Unknown),
        (|a| a["node"] = "d-9".into(), Code::Unknown),
        (|a| a["lead_agency"] = "so-x".into(), Code::Unknown),
        (|a| a["reviewers"] = json!([]), Code::Missing),
        (|a| a["confirmers"] = json!([]), Code::Missing),
        (|a| a["reviewers"] = json!(["nobody"]), Code::Unknown),
        (|a| a["confirmers"] = json!(["confirmer-tp"]), Code::NotOwnAgency),
        (|a| a["alternate"]["agency"] = "so-noi-vu".into(), Code::OwnCase),
        (|a| a["alternate"]["reviewers"] = json!(["reviewer-nv"]), Code::NotOwnAgency),
    ];
    let mut s = Season::prepared();
    for (change, code) in cases {
        let assignment = with(assignment("so", "d-1"), change);
        s.by("secretary").refused("assign-reviewers", json!({"assignment": assignment}), code);
    }
}

#[test]
fn a_deeper_assignment_goes_before_one_above_it() {
    let mut s = Season::submitted();
    let mut deeper = assignment("so", "d-2");
    deeper["node"] = "l-1-2".into();
    s.by("secretary").does("assign-reviewers", json!({"assignment": deeper}));
    let refusal = s.by("reviewer-nv").refused("accept-score", on_leaf("so-y-te", "1.2"), Code::NotAssigned);
    assert_eq!(refusal.values["assigned"], "reviewer-tp");
    s.by("reviewer-tp").does("accept-score", on_leaf("so-y-te", "1.2"));
    s.by("reviewer-nv").does("accept-score", on_leaf("so-y-te", "1.3"));
    // A node of the district group is another.
    s.by("reviewer-nv").does("accept-score", on_leaf("ly-nhan", "1.2"));
}

#[test]
fn an_assignment_in_a_running_season_names_a_node_of_its_version() {
    let mut s = Season::announced();
    let mut domain = domains()[1].clone();
    domain["children"][3] = leaf("2.6", "1", json!({"type": "yes_no"}));
    let treatments = json!([{"leaf": "l-2-4", "treatment": "void"}]);
    let amendment = json!({"set": SET, "domains": [domain], "treatments": treatments, "reason": "Thay tiêu chí 2.4"});
    s.by("secretary").does("amend-criteria-set", amendment);
    let on = |node: &str| json!({"assignment": with(assignment("so", "d-2"), |a| a["node"] = node.into())});
    s.by("secretary").refused("assign-reviewers", on("l-2-6"), Code::Unknown);
    s.by("secretary").does("assign-reviewers", on("l-2-4"));
}

#[test]
fn what_is_missing_for_activation_is_named() {
    let mut s = Season::founded();
    s.by("secretary").does("open-season", json!({"year": 2026, "title": "Đợt"}));
    let refusal = s.by("secretary").refused("activate-season", json!({}), Code::SeasonNotReady);
    for named in ["set-season-policy", "define-ranking-group", "enter-agency"] {
        assert!(refusal.values["missing"].contains(named), "{refusal}");
    }
    let mut s = opened();
    s.by("secretary").does("define-ranking-group", group_of("so", Some(SET)));
    s.by("secretary").does("enter-agency", json!({"agency": "so-noi-vu", "group": "so"}));
    let refusal = s.by("secretary").refused("activate-season", json!({}), Code::SeasonNotReady);
    assert!(refusal.values["missing"].contains("schedule-phase"), "{refusal}");
    s.by("secretary").does("schedule-phase", phase_of("p", 0, 9, &["accept-score"]));
    let mut own = assignment("so", "d-1");
    own.as_object_mut().unwrap().remove("alternate");
    s.by("secretary").does("assign-reviewers", json!({"assignment": own}));
    s.by("secretary").does("assign-reviewers", json!({"assignment": assignment("so", "d-2")}));
    let refusal = s.by("secretary").refused("activate-season", json!({}), Code::SeasonNotReady);
    assert!(refusal.values["missing"].contains("leaf 1.1.1 of so-noi-vu"), "{refusal}");
    s.by("secretary").does("assign-reviewers", json!({"assignment": assignment("so", "d-1")}));
    s.by("secretary").does("activate-season", json!({}));
}

#[test]
fn activation_pins_the_rules_and_what_was_set_up() {
    let mut s = Season::running();
    let season = &s.world.seasons[SEASON];
    assert_eq!((season.rules_version, season.groups["so"].set_version), (Some(1), Some(1)));
    let fixed = [
        ("set-season-policy", json!({"policy": policy()})),
        ("define-ranking-group", group_of("xa", Some(SET))),
        ("schedule-phase", phase_of("p", 0, 9, &[])),
        ("set-comparison", json!({"comparison": SEASON})),
        ("define-line", json!({"line": "moi", "name": {"vi": "Điểm mới"}, "kind": "bonus", "cap": "1"})),
        ("activate-season", json!({})),
    ];
    for (kind, fields) in fixed {
        s.by("secretary").refused(kind, fields, Code::SeasonState);
    }
}

#[test]
fn nothing_is_scored_before_activation() {
    let mut s = Season::prepared();
    s.now = day(1);
    let score = self_score("so-y-te", "1.1.1", json!({"yes_no": true}));
    s.by("officer-yt").refused("record-self-score", score, Code::SeasonState);
    let to = json!({"scope": "season", "phase": "appraisal", "end": day(30), "reason": "Gia hạn"});
    s.by("secretary").refused("move-deadline", to, Code::SeasonState);
    s.by("secretary").refused("announce-results", json!({}), Code::SeasonState);
}

#[test]
fn a_comparison_is_a_season_of_an_earlier_year() {
    let mut s = opened();
    let compare = |with: &str| json!({"comparison": with});
    s.by("secretary").refused("set-comparison", compare("s-2025"), Code::Unknown);
    s.by("secretary").refused("set-comparison", compare(SEASON), Code::Invalid);
    s.by("secretary").does("open-season", json!({"season": "s-2025", "year": 2025, "title": "Đợt 2025"}));
    s.by("secretary").does("set-comparison", compare("s-2025"));
    let backwards = json!({"season": "s-2025", "comparison": SEASON});
    s.by("secretary").refused("set-comparison", backwards, Code::Invalid);
}

#[test]
fn reference_figures_are_of_earlier_years() {
    let mut s = opened();
    let figure = |address: &str, year: u16, value: &str| json!({"figures": [{"address": address, "year": year, "value": value, "basis": "printed"}]});
    s.by("secretary").refused("record-reference-figures", figure("so/mean_index", 2026, "88.99"), Code::Invalid);
    s.by("secretary").refused("record-reference-figures", figure("", 2025, "88.99"), Code::Invalid);
    s.by("secretary").refused("record-reference-figures", figure("so/mean_index", 2025, ""), Code::Invalid);
    for odd in ["88\t99", "88\n99", " 88.99", "Ho\u{300}a"] {
        s.by("secretary").refused("record-reference-figures", figure("so/mean_index", 2025, odd), Code::Invalid);
    }
    s.by("secretary").refused("record-reference-figures", json!({"figures": []}), Code::NothingToDo);
    s.by("secretary").does("record-reference-figures", figure("so/mean_index", 2025, "88.99"));
}

#[test]
fn a_line_is_defined_once_and_scored_up_to_its_cap_with_a_reason() {
    let mut s = Season::prepared();
    let again = json!({"line": "thuong", "name": {"vi": "Thưởng"}, "kind": "bonus", "cap": "1"});
    s.by("secretary").refused("define-line", again, Code::AlreadyExists);

    let mut s = Season::submitted();
    let score = |line: &str, points: &str, code: &str, reason: &str| json!({"agency": "so-y-te", "line": line, "points": points, "reason_code": code, "reason": reason});
    let cases = [
        (score("khac", "1", "data_mismatch", "Sáng kiến cấp tỉnh"), Code::Unknown),
        (score("thuong", "2.01", "data_mismatch", "Sáng kiến cấp tỉnh"), Code::PointsOutsideRule),
        (score("thuong", "1.001", "data_mismatch", "Sáng kiến cấp tỉnh"), Code::PointsOutsideRule),
        (score("thuong", "1", "bogus", "Sáng kiến cấp tỉnh"), Code::UnknownReasonCode),
        (score("thuong", "1", "", "Sáng kiến cấp tỉnh"), Code::ReasonRequired),
        (score("thuong", "1", "data_mismatch", " "), Code::ReasonRequired),
    ];
    for (fields, code) in cases {
        s.by("member-ub").refused("score-line", fields, code);
    }
    let bonus = || score("thuong", "1.5", "data_mismatch", "Sáng kiến cấp tỉnh");
    s.by("secretary").refused("score-line", bonus(), Code::RoleMissing);
    s.by("member-ub").does("score-line", bonus());
    s.by("member-ub").refused("score-line", bonus(), Code::NothingToDo);
    let own = json!({"agency": "so-noi-vu", "line": "thuong", "points": "1", "reason_code": "data_mismatch", "reason": "Sáng kiến"});
    s.by("member-nv").refused("score-line", own, Code::OwnCase);
    s.now = day(20);
    s.by("member-ub").refused("score-line", score("phat", "1", "data_mismatch", "Chậm báo cáo"), Code::PhaseClosed);
}

#[test]
fn a_class_is_capped_by_an_instrument() {
    let mut s = Season::submitted();
    let cap = |agency: &str, class: Option<&str>| {
        let mut out = json!({"agency": agency, "reason": "Có cán bộ bị kỷ luật"});
        if let Some(class) = class {
            out["class"] = class.into();
        }
        out
    };
    s.by("member-ub").refused("cap-class", cap("so-y-te", Some("kha")), Code::InstrumentRequired);
    s.by("member-ub").on_instrument().refused("cap-class", cap("so-y-te", Some("gioi")), Code::Invalid);
    s.by("member-ub").on_instrument().refused("cap-class", cap("so-x", Some("kha")), Code::NotInSeason);
    s.by("member-ub").on_instrument().refused("cap-class", cap("so-y-te", None), Code::NothingToDo);
    s.by("member-nv").on_instrument().refused("cap-class", cap("so-noi-vu", Some("kha")), Code::OwnCase);
    s.by("member-ub").on_instrument().does("cap-class", cap("so-y-te", Some("kha")));
    s.by("member-ub").on_instrument().refused("cap-class", cap("so-y-te", Some("kha")), Code::NothingToDo);
    s.by("member-nv").on_instrument().does("cap-class", cap("so-y-te", None));
    assert_eq!(s.card("so-y-te").class_cap, None);
}

#[test]
fn after_the_announcement_a_class_is_capped_only_where_the_council_reopened() {
    let mut s = Season::announced();
    let cap = |class: &str| json!({"agency": "so-y-te", "class": class, "reason": "Có kết luận thanh tra"});
    s.by("member-ub").on_instrument().refused("cap-class", cap("kha"), Code::SeasonState);
    let reopening = json!({"agency": "so-y-te", "leaves": [], "reason": "Có kết luận thanh tra"});
    s.by("chair").on_instrument().does("reopen-scorecard", reopening);
    s.by("member-ub").on_instrument().does("cap-class", cap("kha"));
    s.by("secretary").does("announce-results", json!({}));
    s.by("member-ub").on_instrument().refused("cap-class", cap("yeu"), Code::SeasonState);
}
