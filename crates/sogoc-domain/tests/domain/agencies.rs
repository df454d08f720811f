//! Agencies and instruments, and what an agency's end means in a running season.

use serde_json::{Value, json};
use sogoc_domain::refusal::Code;
use sogoc_domain::values::AgencyId;

use crate::fixture::*;

#[test]
fn an_agency_is_registered_once_and_has_a_name() {
    let mut s = Season::founded();
    let new = |agency: &str, name: &str| json!({"agency": agency, "name": {"vi": name}});
    s.by("admin").refused("register-agency", new("so-y-te", "Sở Y tế"), Code::AlreadyExists);
    s.by("admin").refused("register-agency", new("so-x", ""), Code::Missing);
    s.by("admin").refused("register-agency", new("so-x", &"ờ".repeat(501)), Code::TextTooLong);
    s.by("secretary").refused("register-agency", new("so-x", "Sở X"), Code::RoleMissing);
}

#[test]
fn what_becomes_of_an_agency_rests_on_an_instrument() {
    let changes = [
        ("rename-agency", json!({"agency": "so-y-te", "name": {"vi": "Sở Y tế mới"}, "from": day(1)})),
        ("merge-agency", json!({"agency": "so-y-te", "into": "so-noi-vu", "from": day(1)})),
        ("split-agency", json!({"agency": "so-y-te", "into": ["so-noi-vu", "so-tu-phap"], "from": day(1)})),
        ("dissolve-agency", json!({"agency": "so-y-te", "from": day(1)})),
    ];
    for (kind, fields) in changes {
        let mut s = Season::founded();
        s.by("admin").refused(kind, fields.clone(), Code::InstrumentRequired);
        s.by("admin").on("qd-khac").refused(kind, fields.clone(), Code::Unknown);
        s.by("admin").on_instrument().does(kind, fields);
    }
}

#[test]
fn an_agency_that_ended_takes_part_in_nothing_new() {
    let mut s = Season::prepared();
    let end = |kind: &str, fields: Value, s: &mut Season| s.by("admin").on_instrument().does(kind, fields);
    end("merge-agency", json!({"agency": "trung-tam", "into": "so-noi-vu", "from": day(1)}), &mut s);
    let again = json!({"agency": "trung-tam", "from": day(2)});
    s.by("admin").on_instrument().refused("dissolve-agency", again, Code::AgencyEnded);
    let account = json!({"account": {"account": "moi", "agency": "trung-tam", "name": "Chuyên viên"}});
    s.by("admin").refused("open-account", account, Code::AgencyEnded);
    s.by("secretary").refused("enter-agency", json!({"agency": "trung-tam", "group": "so"}), Code::AgencyEnded);
    let into_ended = json!({"agency": "so-y-te", "into": "trung-tam", "from": day(2)});
    s.by("admin").on_instrument().refused("merge-agency", into_ended, Code::AgencyEnded);
}

#[test]
fn an_instrument_takes_one_document() {
    let mut s = Season::founded();
    let new =
        json!({"instrument": {"id": "kh-2", "number": "12/KH-UBND", "date": "2026-02-30", "issuer": "UBND tỉnh"}});
    s.by("secretary").refused("register-instrument", new.clone(), Code::Invalid);
    let mut dated = new;
    dated["instrument"]["date"] = "2026-02-28".into();
    s.by("secretary").does("register-instrument", dated.clone());
    s.by("secretary").refused("register-instrument", dated, Code::AlreadyExists);
    let document = |text: &str| json!({"id": "kh-2", "document": digest(text)});
    s.by("secretary").does("attach-instrument-document", document("bản ký"));
    s.by("secretary").refused("attach-instrument-document", document("bản ký"), Code::NothingToDo);
    s.by("secretary").refused("attach-instrument-document", document("bản khác"), Code::AlreadyExists);
    let unknown = json!({"id": "kh-3", "document": digest("x")});
    s.by("secretary").refused("attach-instrument-document", unknown, Code::Unknown);
    s.by("officer-yt").refused("attach-instrument-document", document("bản ký"), Code::RoleMissing);
}

// ---- in a running season ------------------------------------------------------------------------------------------

fn treated(agency: &str, treatment: &str, successor: Option<&str>) -> Value {
    let mut out =
        json!({"agency": agency, "treatment": treatment, "from": day(3), "reason": "Sáp nhập theo nghị quyết"});
    if let Some(successor) = successor {
        out["successor"] = successor.into();
    }
    out
}

#[test]
fn an_agency_joins_late_on_an_instrument_from_an_instant() {
    let mut s = Season::running();
    s.by("admin").does("register-agency", json!({"agency": "so-moi", "name": {"vi": "Sở Mới"}}));
    let entry = json!({"agency": "so-moi", "group": "so"});
    let dated = json!({"agency": "so-moi", "group": "so", "from": day(2)});
    s.by("secretary").refused("enter-agency", entry.clone(), Code::InstrumentRequired);
    s.by("secretary").on_instrument().refused("enter-agency", entry, Code::InstrumentRequired);
    s.by("secretary").refused("enter-agency", dated.clone(), Code::InstrumentRequired);
    s.by("secretary").on_instrument().does("enter-agency", dated.clone());
    s.by("secretary").on_instrument().refused("enter-agency", dated, Code::AlreadyExists);
    s.open_account("officer-moi", "so-moi", &["agency-officer"]);
    s.by("officer-moi").does("record-self-score", self_score("so-moi", "1.1.1", json!({"yes_no": true})));
}

#[test]
fn a_treatment_rests_on_an_instrument_and_names_who_answers() {
    let mut s = Season::running();
    s.by("secretary").refused("treat-agency", treated("so-y-te", "not-ranked", None), Code::InstrumentRequired);
    let cases = [
        (treated("so-x", "not-ranked", None), Code::NotInSeason),
        (treated("so-y-te", "successor-answers", None), Code::Missing),
        (treated("so-y-te", "successor-answers", Some("so-y-te")), Code::Invalid),
        (treated("so-y-te", "successor-answers", Some("so-x")), Code::Unknown),
    ];
    for (fields, code) in cases {
        s.by("secretary").on_instrument().refused("treat-agency", fields, code);
    }
    s.by("secretary-yt").on_instrument().refused("treat-agency", treated("so-y-te", "not-ranked", None), Code::OwnCase);
    for treatment in ["scored-until", "scored-separately", "not-ranked"] {
        s.by("secretary").on_instrument().does("treat-agency", treated("so-y-te", treatment, None));
    }
    s.by("secretary").on_instrument().does("treat-agency", treated("so-y-te", "successor-answers", Some("ly-nhan")));
    let member = &s.world.seasons[SEASON].agencies["so-y-te"];
    assert_eq!(member.successor.as_ref().map(AgencyId::as_str), Some("ly-nhan"));
}

#[test]
fn a_successor_answers_for_the_agency_and_does_not_decide_about_it() {
    let mut s = Season::submitted();
    s.by("officer-ln").refused("attach-evidence", evidence("so-y-te", "1.2", "bao-cao.pdf"), Code::NotOwnAgency);
    s.by("secretary").on_instrument().does("treat-agency", treated("so-y-te", "successor-answers", Some("so-noi-vu")));
    s.by("reviewer-nv").refused("accept-score", on_leaf("so-y-te", "1.1.1"), Code::OwnCase);
    s.by("reviewer-nv").does("accept-score", on_leaf("ly-nhan", "1.1.1"));
    s.by("leader-nv").does("withdraw-submission", json!({"agency": "so-y-te", "reason": "Rà soát lại số liệu"}));
    s.by("officer-nv").does("attach-evidence", evidence("so-y-te", "1.2", "bao-cao.pdf"));
}

#[test]
fn an_agency_that_its_successor_answers_for_needs_no_points() {
    let mut s = Season::appraised();
    s.by("admin").does("register-agency", json!({"agency": "so-cu", "name": {"vi": "Sở Cũ"}}));
    s.now = day(21);
    s.by("secretary").on_instrument().does("enter-agency", json!({"agency": "so-cu", "group": "so", "from": day(1)}));
    s.by("secretary").refused("announce-results", json!({}), Code::Incomplete);
    s.by("secretary").on_instrument().does("treat-agency", treated("so-cu", "successor-answers", Some("so-y-te")));
    s.by("secretary").does("announce-results", json!({}));
}

#[test]
fn who_an_agency_was_merged_into_acts_for_it_and_is_barred_like_it() {
    let mut s = Season::submitted();
    s.by("admin")
        .on_instrument()
        .does("merge-agency", json!({"agency": "so-y-te", "into": "so-noi-vu", "from": day(5)}));
    s.by("officer-nv").refused("attach-evidence", evidence("so-y-te", "1.2", "a.pdf"), Code::ScorecardState);
    s.by("reviewer-nv").refused("accept-score", on_leaf("so-y-te", "1.1.1"), Code::OwnCase);
    let applies = applicability("so-y-te", &["1.2"], "left-out");
    s.by("secretary").does("decide-applicability", applies);
}
