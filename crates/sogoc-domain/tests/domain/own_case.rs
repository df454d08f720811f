//! Nobody decides their own case: not of the agency they act for, acted for in this season, or are bound to.

use serde_json::json;
use sogoc_domain::refusal::Code;

use crate::fixture::*;

#[test]
fn a_lead_agencys_own_leaves_go_to_the_alternate() {
    let mut s = Season::submitted();
    let refusal = s.by("reviewer-nv").refused("accept-score", on_leaf("so-noi-vu", "1.2"), Code::OwnCase);
    assert!(refusal.is_recorded());
    assert_eq!(refusal.values["why"], "acts for the agency");
    s.by("reviewer-tp").does("accept-score", on_leaf("so-noi-vu", "1.2"));
    s.by("confirmer-nv").refused("confirm-leaves", json!({"agency": "so-noi-vu", "nodes": ["1.2"]}), Code::OwnCase);
    s.by("confirmer-tp").does("confirm-leaves", json!({"agency": "so-noi-vu", "nodes": ["1.2"]}));
    // Its leaves of the other domain are the other lead agency's as everybody's are.
    s.by("reviewer-tp").does("accept-score", on_leaf("so-noi-vu", "2.1"));
    s.by("reviewer-tp").refused("accept-score", on_leaf("so-tu-phap", "2.1"), Code::OwnCase);
    s.by("reviewer-nv").does("accept-score", on_leaf("so-tu-phap", "2.1"));
}

#[test]
fn a_bulk_acceptance_of_ones_own_agency_is_refused() {
    let mut s = Season::submitted();
    let own = json!({"agency": "so-noi-vu", "node": "1"});
    s.by("reviewer-nv").refused("accept-unchanged", own, Code::OwnCase);
}

#[test]
fn who_left_an_agency_after_the_season_began_stays_bound_to_it() {
    let mut s = Season::submitted();
    s.by("admin").does("transfer-account", json!({"account": "reviewer-nv", "agency": "ubnd-tinh"}));
    let refusal = s.by("reviewer-nv").refused("accept-score", on_leaf("so-noi-vu", "1.2"), Code::OwnCase);
    assert!(refusal.values["why"].contains("after the season began"), "{refusal}");

    let mut s = Season::submitted();
    s.by("admin")
        .occurred(day(-1))
        .does("transfer-account", json!({"account": "confirmer-nv", "agency": "so-tu-phap"}));
    s.by("reviewer-tp").does("accept-score", on_leaf("so-noi-vu", "1.2"));
    let mut staff = assignment("so", "d-1");
    staff["alternate"]["confirmers"] = json!(["confirmer-nv"]);
    staff["confirmers"] = json!(["both-nv"]);
    s.by("secretary").does("assign-reviewers", json!({"assignment": staff}));
    // Left before the season's first instant, so no longer bound.
    s.by("confirmer-nv").does("confirm-leaves", json!({"agency": "so-noi-vu", "nodes": ["1.2"]}));
}

#[test]
fn who_acted_for_an_agency_in_this_season_decides_nothing_there() {
    let mut s = Season::running();
    s.delegate("officer-yt", "reviewer-nv");
    let score = self_score("so-y-te", "1.1.1", json!({"yes_no": true}));
    s.by("reviewer-nv").on_behalf_of("officer-yt").does("record-self-score", score);
    s.score_all("so-y-te");
    s.by("leader-yt").does("submit-scorecard", json!({"agency": "so-y-te"}));
    s.now = day(6);
    let refusal = s.by("reviewer-nv").refused("accept-score", on_leaf("so-y-te", "1.2"), Code::OwnCase);
    assert_eq!(refusal.values["why"], "acted for the agency in this season");
    s.by("both-nv").does("accept-score", on_leaf("so-y-te", "1.2"));
}

#[test]
fn the_bars_of_one_account_bind_every_account_of_the_person() {
    let mut s = Season::submitted();
    s.link("reviewer-nv", "idle");
    s.link("idle", "officer-ln");
    let refusal = s.by("reviewer-nv").refused("accept-score", on_leaf("ly-nhan", "1.2"), Code::OwnCase);
    assert!(refusal.values["why"].contains("officer-ln"), "{refusal}");
    s.by("reviewer-nv").does("accept-score", on_leaf("so-y-te", "1.2"));
}

#[test]
fn a_delegate_is_bound_by_both() {
    let mut s = Season::submitted();
    s.delegate("reviewer-nv", "officer-yt");
    let turn = s.by("officer-yt").on_behalf_of("reviewer-nv");
    turn.refused("accept-score", on_leaf("so-y-te", "1.2"), Code::OwnCase);
    s.by("officer-yt").on_behalf_of("reviewer-nv").does("accept-score", on_leaf("ly-nhan", "1.2"));
    let turn = s.by("officer-yt").on_behalf_of("reviewer-nv");
    turn.refused("accept-score", on_leaf("so-noi-vu", "1.2"), Code::OwnCase);
}

#[test]
fn the_secretariat_decides_nothing_about_its_own_agency() {
    let mut s = Season::submitted();
    let own = [
        ("decide-applicability", applicability("so-y-te", &["1.2"], "left-out")),
        ("deem-score", json!({"agency": "so-y-te", "leaf": "1.2", "reason_code": "not_submitted", "reason": "x"})),
        ("recuse-reviewer", json!({"agency": "so-y-te", "account": "reviewer-nv", "reason": "x"})),
        ("accept-late-submission", json!({"agency": "so-y-te", "reason": "x"})),
        ("record-not-surveyed", json!({"agency": "so-y-te", "ground": "x"})),
    ];
    for (kind, fields) in own {
        s.by("secretary-yt").on_instrument().refused(kind, fields, Code::OwnCase);
    }
    let others = applicability("ly-nhan", &["1.2"], "left-out");
    s.by("secretary-yt").does("decide-applicability", others);
}
