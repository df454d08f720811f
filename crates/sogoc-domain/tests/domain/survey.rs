//! The survey: run by a body outside, accepted by a second person.

use serde_json::{Value, json};
use sogoc_domain::refusal::Code;

use crate::fixture::*;

const YT: &str = "so-y-te";

fn import(results: Vec<Value>) -> Value {
    json!({"results": results})
}

fn one(access: &str, results: &str) -> Value {
    import(vec![surveyed(YT, access, results)])
}

#[test]
fn a_survey_is_run_and_monitored_by_bodies_outside() {
    let mut s = Season::founded();
    let open = |operator: &str, monitor: &str| json!({"operator": operator, "monitors": [monitor]});
    s.by("secretary").does("open-season", json!({"year": 2026, "title": "Đợt"}));
    s.by("secretary").refused("open-survey", open("buu-dien", "mat-tran"), Code::SeasonNotReady);
    s.by("secretary").does("set-season-policy", json!({"policy": policy()}));
    s.by("secretary").refused("open-survey", open("so-y-te", "mat-tran"), Code::BodyRequired);
    s.by("secretary").refused("open-survey", open("buu-dien", "so-y-te"), Code::BodyRequired);
    s.by("secretary").refused("open-survey", open("buu-x", "mat-tran"), Code::Unknown);
    s.by("secretary").does("open-survey", open("buu-dien", "mat-tran"));
    s.by("secretary").refused("open-survey", open("buu-dien", "mat-tran"), Code::AlreadyExists);
}

#[test]
fn points_are_the_mean_of_the_factors() {
    let mut s = Season::submitted();
    s.by("operator").does("import-survey", one("90", "80"));
    let state = s.world.surveys[SEASON].agencies[YT].clone();
    let sogoc_domain::survey::Surveyed::Result(state) = state else { panic!("{state:?}") };
    assert_eq!((state.points.to_string().as_str(), state.accepted), ("3.4", false));
}

#[test]
fn results_that_cannot_be_are_refused() {
    let mut s = Season::submitted();
    let with = |field: &str, value: Value| {
        let mut out = surveyed(YT, "90", "80");
        out[field] = value;
        import(vec![out])
    };
    let cases = [
        (import(vec![]), Code::Missing),
        (with("agency", "so-x".into()), Code::NotInSeason),
        (with("factors", json!(["90"])), Code::Invalid),
        (with("factors", json!(["90", "100.1"])), Code::Invalid),
        (with("forms", 0.into()), Code::Invalid),
        (import(vec![surveyed(YT, "1", "2"), surveyed(YT, "1", "2")]), Code::AlreadyExists),
        (import(vec![surveyed(YT, "1", "2"), surveyed("so-x", "1", "2")]), Code::NotInSeason),
    ];
    for (fields, code) in cases {
        s.by("operator").refused("import-survey", fields, code);
    }
    s.by("secretary").refused("import-survey", one("90", "80"), Code::RoleMissing);
    s.by("monitor").refused("import-survey", one("90", "80"), Code::RoleMissing);
    s.now = day(20);
    s.by("operator").refused("import-survey", one("90", "80"), Code::PhaseClosed);
}

#[test]
fn an_operator_of_another_body_imports_nothing() {
    let mut s = Season::submitted();
    s.by("admin").does("transfer-account", json!({"account": "operator", "agency": "ubnd-tinh"}));
    let refusal = s.by("operator").refused("import-survey", one("90", "80"), Code::NotOwnAgency);
    assert_eq!(refusal.values["agency"], "buu-dien");
}

#[test]
fn results_count_once_a_second_person_accepted_them() {
    let mut s = Season::submitted();
    s.by("operator").does("import-survey", import(vec![surveyed(YT, "90", "80"), surveyed("ly-nhan", "70", "70")]));
    let accept = |agencies: &[&str]| json!({"agencies": agencies});
    s.by("operator").refused("accept-survey", accept(&[YT]), Code::SecondPerson);
    s.by("monitor").refused("accept-survey", accept(&["so-noi-vu"]), Code::Unknown);
    s.by("secretary").refused("accept-survey", accept(&[YT]), Code::RoleMissing);
    s.delegate("operator", "idle-ub");
    s.by("idle-ub").on_behalf_of("operator").refused("accept-survey", accept(&[YT]), Code::SecondPerson);
    s.link("operator", "operator-2");
    s.by("operator-2").refused("accept-survey", accept(&[YT]), Code::SecondPerson);
    s.by("monitor").does("accept-survey", accept(&[YT]));
    s.by("monitor").refused("accept-survey", accept(&[YT]), Code::NothingToDo);
    s.by("monitor-2").does("accept-survey", json!({}));
    s.by("monitor-2").refused("accept-survey", json!({}), Code::NothingToDo);
    assert!(s.world.surveys[SEASON].accepted(&id("ly-nhan")).is_some());
}

#[test]
fn an_accepted_result_changes_only_with_a_reason_and_is_accepted_again() {
    let mut s = Season::submitted();
    s.by("operator").does("import-survey", one("90", "80"));
    s.by("operator").does("import-survey", one("92", "80"));
    s.by("monitor").does("accept-survey", json!({}));
    s.by("operator").refused("import-survey", one("92", "80"), Code::NothingToDo);
    s.by("operator").refused("import-survey", one("94", "80"), Code::ReasonRequired);
    let mut because = one("94", "80");
    because["reason_code"] = "evidence_missing".into();
    because["reason"] = "Bổ sung phiếu phúc tra".into();
    s.by("operator").refused("import-survey", because.clone(), Code::ReasonUnfit);
    because["reason_code"] = "data_mismatch".into();
    s.by("operator").does("import-survey", because);
    assert!(s.world.surveys[SEASON].accepted(&id(YT)).is_none());
}

#[test]
fn not_surveyed_is_recorded_with_its_ground() {
    let mut s = Season::submitted();
    let not = |agency: &str, ground: &str| json!({"agency": agency, "ground": ground});
    s.by("operator").refused("record-not-surveyed", not("so-x", "Không giao dịch"), Code::NotInSeason);
    s.by("operator").refused("record-not-surveyed", not(YT, ""), Code::ReasonRequired);
    s.by("monitor").refused("record-not-surveyed", not(YT, "Không giao dịch"), Code::RoleMissing);
    s.by("operator").does("record-not-surveyed", not(YT, "Không giao dịch"));
    s.by("secretary").refused("record-not-surveyed", not(YT, "Không giao dịch"), Code::NothingToDo);
    assert!(s.world.surveys[SEASON].is_not_surveyed(&id(YT)));
    s.by("operator").does("import-survey", one("90", "80"));
    s.by("monitor").does("accept-survey", json!({}));
    s.by("secretary").refused("record-not-surveyed", not(YT, "Không giao dịch"), Code::AlreadyExists);
}

#[test]
fn a_recheck_adds_up_within_the_forms() {
    let mut s = Season::submitted();
    let recheck = |sample: u64, confirmed: u64, voided: u64, replaced: u64| {
        json!({"agency": YT, "sample": sample, "confirmed": confirmed, "voided": voided, "replaced": replaced,
            "finding": "Hai phiếu trùng người trả lời"})
    };
    s.by("monitor").refused("record-recheck", recheck(10, 8, 2, 2), Code::Unknown);
    s.by("operator").does("import-survey", one("90", "80"));
    for wrong in [
        recheck(10, 8, 1, 1),
        recheck(41, 41, 0, 0),
        recheck(10, 8, 2, 3),
        recheck(0, 0, 0, 0),
        recheck(10, u64::MAX, 11, 0),
    ] {
        s.by("monitor").refused("record-recheck", wrong, Code::Invalid);
    }
    s.by("operator").refused("record-recheck", recheck(10, 8, 2, 2), Code::RoleMissing);
    s.by("monitor").does("record-recheck", recheck(10, 8, 2, 2));
}

#[test]
fn an_announcement_closes_the_survey() {
    let mut s = Season::announced();
    s.now = day(19);
    s.by("operator").refused("import-survey", one("94", "80"), Code::SeasonState);
    s.by("monitor").refused("accept-survey", json!({}), Code::SeasonState);
}
