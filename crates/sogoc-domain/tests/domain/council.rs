//! Sessions, recusals, and resolutions over many scorecards.

use serde_json::{Value, json};
use sogoc_domain::refusal::Code;
use sogoc_domain::scorecard::How;
use sogoc_domain::stream::Stream;

use crate::fixture::*;

const ALL: [&str; 4] = ["chair", "member-nv", "member-tp", "member-ub"];

/// Day 15, everything confirmed, a session with all four members.
fn sitting() -> Season {
    let mut s = Season::appraised();
    s.by("secretary").does("open-session", json!({"session": "phien-1", "present": ALL}));
    s
}

fn change(agency: &str, leaf: &str, points: &str) -> Value {
    json!({"agency": agency, "leaf": leaf, "points": {"override": points}, "reason_code": "data_mismatch",
        "reason": "Theo kết luận của phiên họp"})
}

fn resolution(id: &str, votes: Value, changes: Vec<Value>) -> Value {
    json!({"session": "phien-1", "resolution": id, "text": "Thống nhất điều chỉnh điểm", "votes": votes, "changes": changes})
}

fn all_for() -> Value {
    vote(&ALL.map(|m| (m, "for")))
}

#[test]
fn a_session_has_at_least_two_members_of_the_council() {
    let mut s = Season::appraised();
    let open = |session: &str, present: &[&str]| json!({"session": session, "present": present});
    s.by("secretary").refused("open-session", open("phien-1", &["chair"]), Code::VotesShort);
    s.by("secretary").refused("open-session", open("phien-1", &["chair", "chair"]), Code::VotesShort);
    s.by("secretary").refused("open-session", open("phien-1", &["chair", "reviewer-nv"]), Code::RoleMissing);
    s.by("secretary").refused("open-session", open("phien-1", &["chair", "nobody"]), Code::AccountInactive);
    s.by("member-ub").refused("open-session", open("phien-1", &ALL), Code::RoleMissing);
    s.by("secretary").does("open-session", open("phien-1", &ALL));
    s.by("secretary").refused("open-session", open("phien-1", &ALL), Code::AlreadyExists);
    s.now = day(100);
    s.by("secretary").refused("open-session", open("phien-2", &ALL), Code::PhaseClosed);
}

#[test]
fn one_resolution_changes_many_scorecards_at_once() {
    let mut s = sitting();
    let changes = vec![change("so-y-te", "1.2", "1"), change("ly-nhan", "2.2", "3"), change("so-y-te", "1.3", "0")];
    let decision = s.by("secretary").does("adopt-resolution", resolution("nq-1", all_for(), changes));
    let streams: Vec<_> = decision.events.iter().map(|(stream, _)| stream.to_string()).collect();
    assert_eq!(
        streams,
        ["council/s-2026", "scorecard/s-2026/so-y-te", "scorecard/s-2026/ly-nhan", "scorecard/s-2026/so-y-te"]
    );
    assert!(decision.reads.contains(&Stream::Account(id("member-ub"))), "what the votes rest on is in the read set");
    let leaf = s.leaf("ly-nhan", "2.2").appraised.unwrap();
    assert_eq!((leaf.points.to_string().as_str(), leaf.how), ("3", How::Resolved));
    let again = resolution("nq-1", all_for(), vec![]);
    s.by("secretary").refused("adopt-resolution", again, Code::AlreadyExists);
}

#[test]
fn a_resolution_that_fails_in_one_change_changes_nothing() {
    let mut s = sitting();
    let cases = [
        (change("so-x", "1.2", "1"), Code::NotInSeason),
        (change("so-y-te", "9.9", "1"), Code::UnknownLeaf),
        (change("so-y-te", "3.1", "1"), Code::LeafIsSurveyed),
        (change("so-y-te", "2.2", "3.5"), Code::PointsOutsideRule),
        (change("so-y-te", "1.2", "0.5"), Code::AlreadyExists),
    ];
    for (wrong, code) in cases {
        let changes = vec![change("so-y-te", "1.2", "1"), wrong];
        s.by("secretary").refused("adopt-resolution", resolution("nq-1", all_for(), changes), code);
    }
    let mut silent = change("so-y-te", "1.2", "1");
    silent["reason"] = "".into();
    s.by("secretary").refused("adopt-resolution", resolution("nq-1", all_for(), vec![silent]), Code::ReasonRequired);
    let mut bogus = change("so-y-te", "1.2", "1");
    bogus["reason_code"] = "bogus".into();
    s.by("secretary").refused("adopt-resolution", resolution("nq-1", all_for(), vec![bogus]), Code::UnknownReasonCode);
    assert_eq!(s.points("so-y-te", "1.2").as_deref(), Some("2"));
}

#[test]
fn a_resolution_needs_more_than_half_of_those_who_may_vote() {
    let mut s = sitting();
    let two = vote(&[("chair", "for"), ("member-ub", "for"), ("member-nv", "abstained"), ("member-tp", "against")]);
    let refusal = s.by("secretary").refused("adopt-resolution", resolution("nq-1", two, vec![]), Code::VotesShort);
    assert_eq!((refusal.values["have"].as_str(), refusal.values["need"].as_str()), ("2", "3"));
    let three = vote(&[("chair", "for"), ("member-ub", "for"), ("member-nv", "for")]);
    s.by("secretary").does("adopt-resolution", resolution("nq-1", three, vec![]));
}

#[test]
fn votes_are_of_members_present_once_each() {
    let mut s = Season::appraised();
    s.by("secretary")
        .does("open-session", json!({"session": "phien-1", "present": ["chair", "member-nv", "member-ub"]}));
    let votes = |more: &[(&str, &str)]| {
        let mut all = vec![("chair", "for"), ("member-nv", "for")];
        all.extend(more);
        vote(&all)
    };
    let cases = [(("member-tp", "for"), Code::NotPresent), (("chair", "against"), Code::AlreadyExists)];
    for (extra, code) in cases {
        s.by("secretary").refused("adopt-resolution", resolution("nq-1", votes(&[extra]), vec![]), code);
    }
    let mut other = resolution("nq-1", votes(&[]), vec![]);
    other["session"] = "phien-9".into();
    s.by("secretary").refused("adopt-resolution", other, Code::Unknown);
    s.by("member-ub").refused("adopt-resolution", resolution("nq-1", votes(&[]), vec![]), Code::RoleMissing);
    let mut silent = resolution("nq-1", votes(&[]), vec![]);
    silent["text"] = "".into();
    s.by("secretary").refused("adopt-resolution", silent, Code::ReasonRequired);
}

#[test]
fn a_vote_does_not_count_for_a_change_of_ones_own_agency() {
    let mut s = sitting();
    let votes = || vote(&[("chair", "for"), ("member-nv", "for"), ("member-tp", "for"), ("member-ub", "against")]);
    // Of the three others two are for it, which is enough; member-nv is not among those who decided.
    let own = resolution("nq-1", votes(), vec![change("so-noi-vu", "1.2", "1")]);
    let decision = s.by("secretary").does("adopt-resolution", own);
    let data = decision.events[1].1.data();
    assert!(data.contains("member-tp") && !data.contains("member-nv"), "{data}");
    let mut s = sitting();
    let thin = vote(&[("chair", "for"), ("member-nv", "for"), ("member-tp", "against"), ("member-ub", "for")]);
    s.by("secretary").does(
        "recuse-member",
        json!({"session": "phien-1", "member": "member-ub", "agency": "so-noi-vu", "reason": "x"}),
    );
    let own = resolution("nq-1", thin, vec![change("so-noi-vu", "1.2", "1")]);
    let refusal = s.by("secretary").refused("adopt-resolution", own, Code::VotesShort);
    assert_eq!(refusal.values["what"], "the change");
}

#[test]
fn two_accounts_of_one_person_are_one_vote() {
    let mut s = Season::appraised();
    s.by("secretary").does("open-session", json!({"session": "phien-1", "present": ["chair", "member-ub"]}));
    s.link("chair", "member-ub");
    let votes = vote(&[("chair", "for"), ("member-ub", "for")]);
    s.by("secretary").refused("adopt-resolution", resolution("nq-1", votes, vec![]), Code::VotesShort);
}

#[test]
fn a_member_who_stands_aside_does_not_vote() {
    let recuse = |member: &str, agency: Option<&str>| {
        let mut out = json!({"session": "phien-1", "member": member, "reason": "Có lợi ích liên quan"});
        if let Some(agency) = agency {
            out["agency"] = agency.into();
        }
        out
    };
    let mut s = sitting();
    s.by("member-ub").refused("recuse-member", recuse("member-tp", None), Code::RoleMissing);
    s.by("secretary").refused("recuse-member", recuse("idle-ub", None), Code::NotPresent);
    s.by("member-ub").refused("recuse-member", recuse("member-ub", Some("so-x")), Code::NotInSeason);
    s.by("member-ub").does("recuse-member", recuse("member-ub", Some("so-y-te")));
    s.by("member-ub").refused("recuse-member", recuse("member-ub", Some("so-y-te")), Code::NothingToDo);
    let decision =
        s.by("secretary").does("adopt-resolution", resolution("nq-1", all_for(), vec![change("so-y-te", "1.2", "1")]));
    assert!(!decision.events[1].1.data().contains("member-ub"));
    s.by("secretary").does("recuse-member", recuse("member-tp", None));
    s.by("secretary").refused("adopt-resolution", resolution("nq-2", all_for(), vec![]), Code::Recused);
    let votes = vote(&[("chair", "for"), ("member-nv", "for")]);
    s.by("secretary").does("adopt-resolution", resolution("nq-2", votes, vec![]));
}

#[test]
fn a_closed_session_adopts_nothing() {
    let mut s = sitting();
    s.by("secretary").refused("close-session", json!({"session": "phien-9"}), Code::Unknown);
    s.by("secretary").does("close-session", json!({"session": "phien-1"}));
    s.by("secretary").refused("close-session", json!({"session": "phien-1"}), Code::SeasonState);
    s.by("secretary").refused("adopt-resolution", resolution("nq-1", all_for(), vec![]), Code::SeasonState);
}

#[test]
fn announced_points_change_by_resolution_only_where_they_were_reopened() {
    let mut s = Season::announced();
    s.by("secretary").does("open-session", json!({"session": "phien-1", "present": ALL}));
    let lower = || resolution("nq-1", all_for(), vec![change("so-y-te", "1.2", "1")]);
    s.by("secretary").refused("adopt-resolution", lower(), Code::ScorecardState);
    let reopening = json!({"agency": "so-y-te", "leaves": ["1.2"], "reason": "Kết luận thanh tra"});
    s.by("chair").on_instrument().does("reopen-scorecard", reopening);
    s.by("secretary").does("adopt-resolution", lower());
}
