//! Erasing sealed texts (invariant 11): by whom, on what ground, and what is recorded of it.

use serde_json::{Value, json};
use sogoc_domain::event::{Event, InstrumentEvent};
use sogoc_domain::refusal::Code;
use sogoc_domain::stream::Stream;

use crate::fixture::*;

const YT: &str = "so-y-te";
const REASON: &str = "Đối chiếu số liệu của hệ thống";
const GROUND: &str = "Theo đề nghị của người có tên";

/// A leaf of so-y-te is adjusted by the reviewer, for [`REASON`].
fn adjusted() -> Season {
    let mut s = Season::submitted();
    s.by("reviewer-nv").does("adjust-score", adjust(YT, "1.2", "1", "evidence_missing"));
    s
}

fn erase(texts: &[&str]) -> Value {
    let texts: Vec<_> = texts.iter().map(|text| digest(text)).collect();
    json!({"texts": texts, "ground_code": "request-of-person", "ground": GROUND})
}

#[test]
fn an_erasure_is_recorded_with_its_instrument_and_moves_nothing_that_figures_read() {
    let mut s = adjusted();
    let before = s.world.clone();
    let decision = s.by("admin").on_instrument().does("erase-texts", erase(&[REASON, "Người giữ idle", REASON]));
    assert_eq!(kinds(&decision), ["instrument/qd-1 texts-erased"]);
    let (_, Event::Instrument(InstrumentEvent::TextsErased(e))) = &decision.events[0] else { panic!("not erased") };
    let mut both = vec![digest(REASON), digest("Người giữ idle")];
    both.sort();
    assert_eq!((&e.texts, e.ground_code.as_str(), e.ground), (&both, "request-of-person", digest(GROUND)));
    assert_eq!((&before.scorecards, &before.seasons), (&s.world.scorecards, &s.world.seasons));
    let of_figures = |stream: &Stream| matches!(stream, Stream::Season(_) | Stream::Criteria(_) | Stream::Survey(_));
    assert!(!decision.events.iter().any(|(stream, _)| of_figures(stream)));
}

#[test]
fn an_erasure_rests_on_an_instrument_and_says_why() {
    let mut s = adjusted();
    s.by("admin").refused("erase-texts", erase(&[REASON]), Code::InstrumentRequired);
    s.by("admin").on("qd-khac").refused("erase-texts", erase(&[REASON]), Code::Unknown);
    let mut silent = erase(&[REASON]);
    silent["ground"] = " ".into();
    s.by("admin").on_instrument().refused("erase-texts", silent, Code::ReasonRequired);
}

#[test]
fn a_text_is_erased_once_and_must_be_there_and_of_a_list_all_are_erased_or_none() {
    let mut s = adjusted();
    s.by("admin").on_instrument().refused("erase-texts", erase(&[]), Code::Missing);
    let unknown = s.by("admin").on_instrument().refused("erase-texts", erase(&[REASON, "chưa ai viết"]), Code::Unknown);
    assert_eq!(unknown.values["id"], digest("chưa ai viết").to_string());
    let many: Vec<_> = (0..101).map(|n| n.to_string()).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    s.by("admin").on_instrument().refused("erase-texts", erase(&many), Code::TooMany);
    s.by("admin").on_instrument().does("erase-texts", erase(&[REASON]));
    let again = s.by("secretary").on_instrument().refused("erase-texts", erase(&[REASON]), Code::AlreadyErased);
    assert_eq!(again.values["instrument"], DECISION);
    // The ground of an erasure is a text like any other.
    s.by("admin").on_instrument().refused("erase-texts", erase(&[GROUND]), Code::OwnText);
}

#[test]
fn who_brought_a_text_in_does_not_erase_it() {
    let mut s = adjusted();
    let ground = "Cơ quan không có thủ tục hành chính";
    s.by("secretary").on_instrument().does("decide-applicability", applicability(YT, &["2.4"], "left-out"));
    let refusal = s.by("secretary").on_instrument().refused("erase-texts", erase(&[ground]), Code::OwnText);
    assert_eq!((refusal.values["account"].as_str(), refusal.values["why"].as_str()), ("secretary", "it brought it in"));
    // Neither as another account of the same person, nor by a delegate, nor as the delegate of another.
    let mut linked = s.clone();
    linked.link("admin", "reviewer-nv");
    linked.by("admin").on_instrument().refused("erase-texts", erase(&[REASON]), Code::OwnText);
    s.delegate("secretary", "admin");
    s.delegate("admin", "secretary");
    let by_delegate = s.by("admin").on_behalf_of("secretary").on_instrument();
    by_delegate.refused("erase-texts", erase(&[ground]), Code::OwnText);
    let as_delegate = s.by("secretary").on_behalf_of("admin").on_instrument();
    as_delegate.refused("erase-texts", erase(&[ground]), Code::OwnText);
    s.by("admin").on_instrument().does("erase-texts", erase(&[ground]));
}

#[test]
fn nobody_erases_the_name_of_their_own_account() {
    let mut s = adjusted();
    s.link("admin", "idle");
    for name in ["Quản trị viên", "Người giữ idle"] {
        s.by("admin").on_instrument().refused("erase-texts", erase(&[name]), Code::OwnText);
    }
    s.by("chair").on_instrument().does("erase-texts", erase(&["Quản trị viên", "Người giữ idle"]));
}

#[test]
fn who_acts_for_an_agency_erases_nothing_on_its_scorecard() {
    let mut s = adjusted();
    let refusal = s.by("secretary-yt").on_instrument().refused("erase-texts", erase(&[REASON]), Code::OwnCase);
    assert_eq!(refusal.values["agency"], YT);
    s.by("secretary").on_instrument().does("erase-texts", erase(&[REASON]));
}

#[test]
fn texts_are_erased_by_who_keeps_the_register_or_runs_its_seasons_and_nobody_else() {
    let mut s = adjusted();
    s.give_role("idle-ub", "secretariat", json!({"season": SEASON}));
    for account in ["reviewer-nv", "confirmer-nv", "member-ub", "inspector", "leader-yt", "operator", "idle-ub"] {
        s.by(account).on_instrument().refused("erase-texts", erase(&[REASON]), Code::RoleMissing);
    }
    for account in ["admin", "chair", "secretary"] {
        s.clone().by(account).on_instrument().does("erase-texts", erase(&[REASON]));
    }
}
