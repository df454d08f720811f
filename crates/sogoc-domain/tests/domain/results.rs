//! Results: announced whole, approved by two, published in editions.

use serde_json::{Value, json};
use sogoc_domain::event::{EditionKind, Event, ResultsEvent};
use sogoc_domain::refusal::Code;
use sogoc_domain::values::SeasonId;

use crate::fixture::*;

fn publish(announcement: u32, kind: &str, reason: Option<&str>) -> Value {
    let mut out = json!({"announcement": announcement, "kind": kind});
    if let Some(reason) = reason {
        out["reason"] = reason.into();
    }
    out
}

fn annul(edition: u32, reason: &str) -> Value {
    json!({"edition": edition, "reason": reason})
}

#[test]
fn results_are_announced_only_whole_and_what_is_missing_is_named() {
    let mut s = Season::submitted();
    s.now = day(21);
    let refusal = s.by("secretary").refused("announce-results", json!({}), Code::Incomplete);
    assert!(refusal.values["missing"].contains("ly-nhan 1.1.1"), "{refusal}");
    assert!(refusal.values["missing"].ends_with("and 20 more"), "{refusal}");

    let mut s = Season::appraised();
    s.by("confirmer-nv").does("return-leaves", json!({"agency": "so-y-te", "leaves": ["1.2"], "reason": "Xem lại"}));
    let mut survey = json!({"results": [surveyed("ly-nhan", "70", "70")]});
    survey["reason_code"] = "data_mismatch".into();
    survey["reason"] = "Phúc tra".into();
    s.by("operator").does("import-survey", survey);
    s.now = day(21);
    let refusal = s.by("secretary").refused("announce-results", json!({}), Code::Incomplete);
    assert_eq!(refusal.values["missing"], "ly-nhan: an accepted survey result; so-y-te 1.2 (not confirmed)");
}

#[test]
fn every_leaf_is_scored_deemed_or_left_out_and_every_agency_surveyed_or_not() {
    let mut s = Season::running();
    s.now = day(11);
    for (agency, _) in AGENCIES {
        s.by("secretary").does("record-missed-submission", json!({"agency": agency}));
        s.by("operator").does("record-not-surveyed", json!({"agency": agency, "ground": "Không có giao dịch"}));
        s.by("secretary").does("decide-applicability", applicability(agency, &["1.1.1"], "left-out"));
        s.by("secretary").does("decide-applicability", applicability(agency, &["1.1.2"], "awarded-in-full"));
        for (leaf, ..) in declared().iter().skip(2) {
            let zero = json!({"agency": agency, "leaf": leaf, "reason_code": "not_submitted", "reason": "Không nộp"});
            s.by("secretary").on_instrument().does("deem-score", zero);
        }
    }
    s.now = day(21);
    s.by("secretary").does("announce-results", json!({}));
}

#[test]
fn an_announcement_commits_to_a_position_that_nothing_may_have_passed() {
    let mut s = Season::appraised();
    s.now = day(21);
    let position = s.next_position() - 1;
    let decision = s.by("secretary").does("announce-results", json!({}));
    assert_eq!(decision.unmoved, Some((id::<SeasonId>(SEASON), position)));
    let Event::Results(ResultsEvent::ResultsAnnounced(e)) = &decision.events[0].1 else { panic!() };
    assert_eq!((e.number, e.as_of), (1, position));
    let decision = s.by("secretary").does("announce-results", json!({}));
    let Event::Results(ResultsEvent::ResultsAnnounced(e)) = &decision.events[0].1 else { panic!() };
    assert_eq!((e.number, e.as_of), (2, position + 1));
}

#[test]
fn announcing_has_its_phase_and_its_roles() {
    let mut s = Season::appraised();
    s.by("secretary").refused("announce-results", json!({}), Code::PhaseClosed);
    s.now = day(21);
    s.by("member-nv").refused("announce-results", json!({}), Code::RoleMissing);
    s.by("admin").refused("announce-results", json!({}), Code::RoleMissing);
    s.by("chair").does("announce-results", json!({}));
}

#[test]
fn two_council_members_approve_the_last_announcement() {
    let mut s = Season::appraised();
    s.now = day(21);
    let approve = |number: u32| json!({"number": number});
    s.by("member-nv").refused("approve-results", approve(1), Code::Unknown);
    s.by("secretary").does("announce-results", json!({}));
    s.by("secretary").refused("approve-results", approve(1), Code::RoleMissing);
    let refusal = s.by("secretary").refused("publish-edition", publish(1, "provisional", None), Code::NotApproved);
    assert_eq!((refusal.values["have"].as_str(), refusal.values["need"].as_str()), ("0", "2"));
    s.by("member-nv").does("approve-results", approve(1));
    s.by("member-nv").refused("approve-results", approve(1), Code::SecondPerson);
    s.delegate("member-nv", "idle");
    s.by("idle").on_behalf_of("member-nv").refused("approve-results", approve(1), Code::SecondPerson);
    s.link("member-nv", "member-ub");
    s.by("member-ub").refused("approve-results", approve(1), Code::SecondPerson);
    s.by("secretary").refused("publish-edition", publish(1, "provisional", None), Code::NotApproved);
    s.by("member-tp").does("approve-results", approve(1));
    s.by("secretary").does("announce-results", json!({}));
    s.by("chair").refused("approve-results", approve(1), Code::Invalid);
    s.by("secretary").refused("publish-edition", publish(1, "provisional", None), Code::Invalid);
}

#[test]
fn who_approves_under_a_delegation_is_one_with_the_delegator() {
    let mut s = Season::appraised();
    s.now = day(21);
    s.by("secretary").does("announce-results", json!({}));
    s.delegate("member-nv", "idle");
    s.by("idle").on_behalf_of("member-nv").does("approve-results", json!({"number": 1}));
    s.by("member-nv").refused("approve-results", json!({"number": 1}), Code::SecondPerson);
    s.delegate("member-tp", "idle");
    s.by("idle").on_behalf_of("member-tp").refused("approve-results", json!({"number": 1}), Code::SecondPerson);
}

#[test]
fn accounts_that_turn_out_to_be_one_person_are_one_approval() {
    let mut s = Season::announced();
    s.link("member-nv", "member-tp");
    let refusal = s.by("secretary").refused("publish-edition", publish(1, "provisional", None), Code::NotApproved);
    assert_eq!(refusal.values["have"], "1");
}

#[test]
fn editions_follow_one_another() {
    let mut s = Season::announced();
    let refused = |s: &mut Season, announcement: u32, kind: &str, code: Code| {
        s.by("secretary").refused("publish-edition", publish(announcement, kind, Some("Sửa lỗi")), code);
    };
    refused(&mut s, 1, "correcting", Code::EditionOrder);
    s.by("secretary").does("publish-edition", publish(1, "provisional", None));
    refused(&mut s, 1, "official", Code::EditionOrder);
    s.announce(2);
    let decision = s.by("secretary").does("publish-edition", publish(2, "official", None));
    let Event::Results(ResultsEvent::EditionPublished(e)) = &decision.events[0].1 else { panic!() };
    assert_eq!((e.edition, e.announcement, e.kind, e.changed_count), (2, 2, EditionKind::Official, 1));
    s.announce(3);
    refused(&mut s, 3, "provisional", Code::EditionOrder);
    refused(&mut s, 3, "official", Code::EditionOrder);
    s.by("secretary").refused("publish-edition", publish(3, "correcting", None), Code::ReasonRequired);
    s.by("secretary").refused("publish-edition", publish(3, "correcting", Some("")), Code::ReasonRequired);
    s.by("member-nv").refused("publish-edition", publish(3, "correcting", Some("Sửa lỗi")), Code::RoleMissing);
    s.by("secretary").does("publish-edition", publish(3, "correcting", Some("Sửa lỗi cộng điểm")));
    s.now = day(100);
    refused(&mut s, 3, "correcting", Code::PhaseClosed);
}

#[test]
fn an_edition_is_annulled_on_an_instrument_and_never_edited() {
    let mut s = Season::published();
    s.by("secretary").refused("annul-edition", annul(9, "Sai số liệu"), Code::Unknown);
    s.by("secretary").refused("annul-edition", annul(1, "Sai số liệu"), Code::InstrumentRequired);
    s.by("secretary").on_instrument().refused("annul-edition", annul(1, ""), Code::ReasonRequired);
    s.by("admin").on_instrument().refused("annul-edition", annul(1, "Sai số liệu"), Code::RoleMissing);
    s.by("secretary").on_instrument().does("annul-edition", annul(1, "Sai số liệu"));
    s.by("secretary").on_instrument().refused("annul-edition", annul(1, "Sai số liệu"), Code::NothingToDo);
    assert!(s.world.results[SEASON].current_edition().is_none());
    // What was annulled may be published anew, as another edition.
    s.by("secretary").does("publish-edition", publish(1, "official", None));
    assert_eq!(s.world.results[SEASON].editions.len(), 2);
}

#[test]
fn an_instrument_is_attached_to_an_edition_once_it_is_numbered() {
    let mut s = Season::published();
    let attach = |edition: u32, instrument: &str| json!({"edition": edition, "instrument": instrument});
    s.by("secretary").refused("attach-edition-instrument", attach(2, DECISION), Code::Unknown);
    s.by("secretary").refused("attach-edition-instrument", attach(1, "qd-9"), Code::Unknown);
    s.by("secretary").does("attach-edition-instrument", attach(1, DECISION));
    s.by("secretary").refused("attach-edition-instrument", attach(1, DECISION), Code::AlreadyExists);
}
