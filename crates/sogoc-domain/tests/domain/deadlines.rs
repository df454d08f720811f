//! Phases are half-open, and a deadline is moved for a season, a group, an agency, a leaf or one request.

use serde_json::{Value, json};
use sogoc_domain::event::{Event, SeasonEvent};
use sogoc_domain::refusal::Code;
use sogoc_domain::values::Timestamp;

use crate::fixture::*;

fn yes(agency: &str, leaf: &str) -> Value {
    self_score(agency, leaf, json!({"yes_no": true}))
}

fn moved(scope: Value, phase: Option<&str>, end: Timestamp) -> Value {
    let mut out = json!({"scope": scope, "end": end, "reason": "Gia hạn do sự cố hệ thống"});
    if let Some(phase) = phase {
        out["phase"] = phase.into();
    }
    out
}

#[test]
fn a_closed_phase_refuses_and_names_its_times() {
    let mut s = Season::running();
    s.now = day(10);
    let refusal = s.by("officer-yt").refused("record-self-score", yes("so-y-te", "1.1.1"), Code::PhaseClosed);
    assert_eq!(refusal.values["times"], "self-scoring (2026-11-01T00:00:00.000000Z ≤ t < 2026-11-11T00:00:00.000000Z)");
    assert_eq!(refusal.values["now"], "2026-11-11T00:00:00.000000Z");
    assert!(refusal.is_recorded(), "people argue about lateness later");
    s.now = day(10).plus_micros(-1);
    s.by("officer-yt").does("record-self-score", yes("so-y-te", "1.1.1"));
    s.now = day(-1);
    s.by("officer-yt").refused("record-self-score", yes("so-y-te", "2.4"), Code::PhaseClosed);
    s.now = day(0);
    s.by("officer-yt").does("record-self-score", yes("so-y-te", "2.4"));
}

#[test]
fn a_paper_that_occurred_in_time_meets_no_deadline_of_a_live_season() {
    let mut s = Season::running();
    s.now = day(11);
    let turn = s.by("officer-yt").on_instrument().occurred(day(9));
    turn.refused("record-self-score", yes("so-y-te", "1.1.1"), Code::PhaseClosed);
}

#[test]
fn a_command_that_no_phase_names_is_said_to_have_no_phase() {
    let mut s = Season::prepared();
    for (phase, from, until, admits) in PHASES.iter().filter(|(_, _, _, admits)| admits.contains(&"score-line")) {
        let rest: Vec<_> = admits.iter().copied().filter(|k| *k != "score-line").collect();
        s.by("secretary").does("schedule-phase", phase_of(phase, *from, *until, &rest));
    }
    s.by("secretary").does("activate-season", json!({}));
    s.now = day(6);
    let score =
        json!({"agency": "so-y-te", "line": "thuong", "points": "1", "reason_code": "data_mismatch", "reason": "x"});
    let refusal = s.by("member-ub").refused("score-line", score, Code::PhaseClosed);
    assert_eq!(refusal.values["times"], "no phase");
}

#[test]
fn a_deadline_is_moved_for_the_season_a_group_an_agency_or_a_leaf() {
    let scopes = [
        (json!("season"), vec!["so-y-te 1.1.1", "so-y-te 2.4", "so-noi-vu 1.1.1", "ly-nhan 1.1.1"]),
        (json!({"group": "so"}), vec!["so-y-te 1.1.1", "so-y-te 2.4", "so-noi-vu 1.1.1"]),
        (json!({"agency": "so-y-te"}), vec!["so-y-te 1.1.1", "so-y-te 2.4"]),
        (json!({"leaf": {"agency": "so-y-te", "leaf": "l-1-1-1"}}), vec!["so-y-te 1.1.1"]),
    ];
    for (scope, open) in scopes {
        let mut s = Season::running();
        s.by("secretary").does("move-deadline", moved(scope.clone(), Some("self-scoring"), day(12)));
        s.now = day(11);
        for case in ["so-y-te 1.1.1", "so-y-te 2.4", "so-noi-vu 1.1.1", "ly-nhan 1.1.1"] {
            let (agency, leaf) = case.split_once(' ').unwrap();
            let turn = s.by(&officer(agency));
            if open.contains(&case) {
                turn.does("record-self-score", yes(agency, leaf));
            } else {
                let refusal = turn.refused("record-self-score", yes(agency, leaf), Code::PhaseClosed);
                assert!(refusal.values["times"].contains("2026-11-11"), "{scope}: {refusal}");
            }
        }
        s.now = day(12);
        s.by("officer-yt").refused("record-self-score", yes("so-y-te", "1.1.1"), Code::PhaseClosed);
    }
}

#[test]
fn the_narrowest_moved_deadline_holds() {
    let mut s = Season::running();
    s.by("secretary").does("move-deadline", moved(json!({"agency": "so-y-te"}), Some("self-scoring"), day(3)));
    s.by("secretary").does("move-deadline", moved(json!("season"), Some("self-scoring"), day(12)));
    s.now = day(11);
    s.by("officer-yt").refused("record-self-score", yes("so-y-te", "1.1.1"), Code::PhaseClosed);
    s.by("officer-ln").does("record-self-score", yes("ly-nhan", "1.1.1"));
}

#[test]
fn a_moved_deadline_records_old_and_new_and_who() {
    let mut s = Season::running();
    let group = || json!({"group": "so"});
    s.by("secretary").does("move-deadline", moved(group(), Some("self-scoring"), day(12)));
    s.by("secretary").refused("move-deadline", moved(group(), Some("self-scoring"), day(12)), Code::NothingToDo);
    let decision = s.by("chair").does("move-deadline", moved(group(), Some("self-scoring"), day(13)));
    let [(_, Event::Season(SeasonEvent::DeadlineMoved(e)))] = &decision.events[..] else { panic!("{decision:?}") };
    assert_eq!((e.old, e.new, e.by.account.as_str()), (day(12), day(13), "chair"));
}

#[test]
fn a_deadline_is_moved_for_what_there_is_and_with_a_reason() {
    let mut s = Season::submitted();
    let cases = [
        (moved(json!({"group": "xa"}), Some("appraisal"), day(22)), Code::Unknown),
        (moved(json!({"agency": "so-x"}), Some("appraisal"), day(22)), Code::NotInSeason),
        (moved(json!({"leaf": {"agency": "so-y-te", "leaf": "l-9"}}), Some("appraisal"), day(22)), Code::UnknownLeaf),
        (moved(json!({"request": {"agency": "so-y-te", "case": "gt-1"}}), None, day(22)), Code::Unknown),
        (moved(json!({"request": {"agency": "so-y-te", "case": "gt-1"}}), Some("appraisal"), day(22)), Code::Invalid),
        (moved(json!("season"), None, day(22)), Code::Missing),
        (moved(json!("season"), Some("no-phase"), day(22)), Code::Unknown),
        (moved(json!("season"), Some("appraisal"), day(5)), Code::Invalid),
        (moved(json!("season"), Some("appraisal"), day(20)), Code::NothingToDo),
    ];
    for (fields, code) in cases {
        s.by("secretary").refused("move-deadline", fields, code);
    }
    let mut silent = moved(json!("season"), Some("appraisal"), day(22));
    silent["reason"] = "".into();
    s.by("secretary").refused("move-deadline", silent, Code::ReasonRequired);
    let fields = moved(json!("season"), Some("appraisal"), day(22));
    s.by("reviewer-nv").refused("move-deadline", fields, Code::RoleMissing);
}

#[test]
fn nobody_moves_the_deadline_of_their_own_agency() {
    let mut s = Season::submitted();
    let own = [json!({"agency": "so-y-te"}), json!({"leaf": {"agency": "so-y-te", "leaf": "l-1-2"}})];
    for scope in own {
        let fields = moved(scope, Some("appraisal"), day(22));
        s.by("secretary-yt").refused("move-deadline", fields, Code::OwnCase);
    }
    s.by("secretary-yt").does("move-deadline", moved(json!({"agency": "ly-nhan"}), Some("appraisal"), day(22)));
}

#[test]
fn a_season_asks_for_an_instrument_where_its_policy_says_so() {
    let mut s = Season::prepared();
    let mut strict = policy();
    strict["instrument_required"] = json!(["move-deadline", "adjust-score"]);
    s.by("secretary").does("set-season-policy", json!({"policy": strict}));
    s.by("secretary").does("activate-season", json!({}));
    let fields = moved(json!("season"), Some("appraisal"), day(22));
    s.by("secretary").refused("move-deadline", fields.clone(), Code::InstrumentRequired);
    s.by("secretary").on("kh-x").refused("move-deadline", fields.clone(), Code::Unknown);
    s.by("secretary").on_instrument().does("move-deadline", fields);
}
