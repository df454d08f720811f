//! Imported seasons: judged by what occurred, set up by the administrator, and transcribed where only totals are known.

use serde_json::{Value, json};
use sogoc_domain::refusal::Code;

use crate::fixture::*;

const PAST: &str = "s-2022";

/// Fields of a command about the past season.
fn past(mut fields: Value) -> Value {
    fields["season"] = PAST.into();
    fields
}

/// Day 200: a past season with the fixture's phases, set up by the administrator alone; nothing is scored.
fn replayed() -> Season {
    let mut s = Season::founded();
    s.now = day(200);
    let mut admin = |kind: &str, fields: Value| s.by("admin").does(kind, past(fields));
    admin("open-season", json!({"year": 2026, "title": "Đợt đã qua", "mode": "imported"}));
    admin("set-season-policy", json!({"policy": policy()}));
    admin("define-ranking-group", group_of("so", Some(SET)));
    for (phase, from, until, admits) in PHASES {
        admin("schedule-phase", phase_of(phase, from, until, admits));
    }
    admin("enter-agency", json!({"agency": "so-y-te", "group": "so"}));
    for node in ["d-1", "d-2"] {
        admin("assign-reviewers", json!({"assignment": assignment("so", node)}));
    }
    admin("activate-season", json!({}));
    s
}

/// Day 200: a past season of which only totals are known.
fn totals() -> Season {
    let mut s = Season::founded();
    s.now = day(200);
    let mut admin = |kind: &str, fields: Value| s.by("admin").does(kind, past(fields));
    admin("open-season", json!({"year": 2022, "title": "Đợt 2022", "mode": "imported"}));
    admin("set-season-policy", json!({"policy": policy()}));
    admin("define-ranking-group", group_of("so", None));
    for agency in ["so-y-te", "so-noi-vu"] {
        admin("enter-agency", json!({"agency": agency, "group": "so"}));
    }
    admin("activate-season", json!({}));
    s
}

fn row(agency: &str, appraised: &str, survey: Option<&str>, max: &str) -> Value {
    let mut out = json!({"agency": agency, "appraised_points": appraised, "applicable_max": max});
    if let Some(survey) = survey {
        out["survey_points"] = survey.into();
    }
    past(out)
}

#[test]
fn phases_of_an_imported_season_are_judged_by_what_occurred() {
    let mut s = replayed();
    let score = || past(self_score("so-y-te", "1.1.1", json!({"yes_no": true})));
    s.by("officer-yt").refused("record-self-score", score(), Code::OccurredRequired);
    s.by("officer-yt").occurred(day(201)).refused("record-self-score", score(), Code::OccurredInFuture);
    let refusal = s.by("officer-yt").occurred(day(10)).refused("record-self-score", score(), Code::PhaseClosed);
    assert_eq!(refusal.values["now"], day(10).to_string());
    s.by("officer-yt").occurred(day(9)).does("record-self-score", score());
}

#[test]
fn roles_and_due_dates_are_judged_by_what_occurred_too() {
    let mut s = replayed();
    s.open_account("officer-old", "so-y-te", &[]);
    s.give_role("officer-old", "agency-officer", json!({"from": day(0), "until": day(3)}));
    let score = || past(self_score("so-y-te", "1.1.1", json!({"yes_no": true})));
    s.by("officer-old").occurred(day(3)).refused("record-self-score", score(), Code::RoleMissing);
    s.by("officer-old").occurred(day(2)).does("record-self-score", score());
    let rows: Vec<_> = declared().iter().map(|(leaf, inputs, _)| json!({"leaf": leaf, "inputs": inputs})).collect();
    let turn = s.by("officer-yt").occurred(day(4));
    turn.does("import-scorecard", past(json!({"agency": "so-y-te", "rows": rows})));
    s.by("leader-yt").occurred(day(4)).does("submit-scorecard", past(json!({"agency": "so-y-te"})));
    s.by("reviewer-tp").occurred(day(6)).does("request-explanation", past(request("so-y-te", "2.2", "gt-1", day(9))));
    let answer = past(json!({"agency": "so-y-te", "case": "gt-1", "answer": "Có hồ sơ"}));
    s.by("officer-yt").occurred(day(9)).refused("give-explanation", answer.clone(), Code::PastDue);
    s.by("officer-yt").occurred(day(8)).does("give-explanation", answer);
}

#[test]
fn a_past_season_may_mention_a_file_whose_bytes_are_not_at_hand() {
    let mut s = replayed();
    let mut mention = past(evidence("so-y-te", "1.2", "bao-cao-2022.pdf"));
    mention.as_object_mut().unwrap().remove("digest");
    s.by("officer-yt").occurred(day(2)).does("attach-evidence", mention);
}

#[test]
fn the_administrator_sets_up_a_past_season_but_never_a_live_one_and_decides_no_score() {
    let mut s = replayed();
    let live = json!({"season": "s-2027", "year": 2027, "title": "Đợt 2027"});
    s.by("admin").refused("open-season", live, Code::RoleMissing);
    let leaf = past(on_leaf("so-y-te", "1.2"));
    s.by("admin").occurred(day(6)).refused("accept-score", leaf, Code::RoleMissing);
    let deadline = past(json!({"scope": "season", "phase": "appraisal", "end": day(30), "reason": "x"}));
    s.by("admin").occurred(day(6)).refused("move-deadline", deadline, Code::RoleMissing);
    s.by("officer-yt").refused(
        "open-season",
        json!({"season": "s-1", "year": 2020, "title": "Đợt", "mode": "imported"}),
        Code::RoleMissing,
    );
}

#[test]
fn totals_are_transcribed_once_and_lie_within_the_applicable_max() {
    let mut s = totals();
    let cases = [
        (row("so-x", "80", None, "100"), Code::NotInSeason),
        (row("so-y-te", "80", None, "0"), Code::Invalid),
        (row("so-y-te", "95", Some("6"), "100"), Code::Invalid),
    ];
    for (fields, code) in cases {
        s.by("admin").occurred(day(-100)).refused("transcribe-result", fields, code);
    }
    s.by("officer-yt").refused("transcribe-result", row("so-y-te", "80", Some("9"), "100"), Code::RoleMissing);
    s.by("admin").does("transcribe-result", row("so-y-te", "80", Some("9"), "100"));
    s.by("admin").refused("transcribe-result", row("so-y-te", "81", Some("9"), "100"), Code::AlreadyExists);
    let transcribed = s.card_in(PAST, "so-y-te").transcribed.unwrap();
    assert_eq!(transcribed.survey_points.map(|p| p.to_string()).as_deref(), Some("9"));
}

#[test]
fn a_season_that_is_scored_leaf_by_leaf_is_not_transcribed() {
    let mut s = replayed();
    s.by("admin").occurred(day(2)).refused("transcribe-result", row("so-y-te", "8", None, "20"), Code::SeasonState);
    let mut s = Season::running();
    let live = json!({"agency": "so-y-te", "appraised_points": "8", "applicable_max": "20"});
    s.by("secretary").refused("transcribe-result", live, Code::RoleMissing);
    let mut s = totals();
    let score = past(self_score("so-y-te", "1.1.1", json!({"yes_no": true})));
    s.by("officer-yt").occurred(day(2)).refused("record-self-score", score, Code::Invalid);
}

#[test]
fn transcribed_results_are_announced_whole_approved_by_two_and_published() {
    let mut s = totals();
    s.by("admin").does("transcribe-result", row("so-y-te", "80", Some("9"), "100"));
    let announce = || past(json!({}));
    let refusal = s.by("admin").occurred(day(-1)).refused("announce-results", announce(), Code::Incomplete);
    assert_eq!(refusal.values["missing"], "so-noi-vu: the transcribed result");
    s.by("admin").does("transcribe-result", row("so-noi-vu", "50", None, "60"));
    s.by("admin").refused("announce-results", announce(), Code::OccurredRequired);
    s.by("admin").occurred(day(-1)).does("announce-results", announce());
    let publish = || past(json!({"announcement": 1, "kind": "official"}));
    s.by("admin").occurred(day(-1)).refused("publish-edition", publish(), Code::NotApproved);
    for member in ["chair", "member-ub"] {
        s.by(member).occurred(day(-1)).does("approve-results", past(json!({"number": 1})));
    }
    s.by("admin").occurred(day(-1)).does("publish-edition", publish());
    s.by("admin").refused("transcribe-result", row("so-y-te", "1", None, "60"), Code::AlreadyExists);
}

#[test]
fn another_table_of_a_past_season_comes_in_later_with_a_group_of_its_own() {
    let mut s = totals();
    for agency in ["so-y-te", "so-noi-vu"] {
        s.by("admin").does("transcribe-result", row(agency, "50", None, "60"));
    }
    s.by("admin").occurred(day(-1)).does("announce-results", past(json!({})));
    s.by("admin").refused("define-ranking-group", past(group_of("huyen", Some(SET))), Code::SeasonState);
    s.by("admin").does("define-ranking-group", past(group_of("huyen", None)));
    let entry = past(json!({"agency": "ly-nhan", "group": "huyen", "from": day(-200)}));
    s.by("admin").on_instrument().does("enter-agency", entry);
    let refusal = s.by("admin").occurred(day(-1)).refused("announce-results", past(json!({})), Code::Incomplete);
    assert_eq!(refusal.values["missing"], "ly-nhan: the transcribed result");
    s.by("admin").does("transcribe-result", row("ly-nhan", "91", Some("8"), "100"));
    s.by("admin").occurred(day(-1)).does("announce-results", past(json!({})));
}
