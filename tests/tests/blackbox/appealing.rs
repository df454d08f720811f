//! Appeals in a live season: lodged by the agency, decided by others than those who decided before, shown by the
//! next edition.

use serde_json::{Value, json};

use crate::support::pilot::{self, by};
use crate::support::{Sogoc, Store, on_both_stores, on_sqlite, stores::Kind};

on_both_stores!(an_appeal_moves_a_figure_by_one_entry_and_the_next_edition_shows_it);
on_sqlite!(nobody_decides_what_they_decided_before, results_are_published_by_two);

/// Announced and published, after so-y-te lost a point at 1.1.1.
fn stage(sogoc: &Sogoc) {
    sogoc.accepted(&pilot::all_submit());
    sogoc.accepted(&[pilot::adjusts("reviewer-nv", "so-y-te", "1.1.1", "0", "evidence_missing")]);
    sogoc.accepted(&pilot::all_appraised());
    sogoc.accepted(&pilot::announced());
}

fn lodged() -> Value {
    by(
        "leader-yt",
        "lodge-appeal",
        &json!({"agency": "so-y-te", "appeal": "kn-1", "items": [
            {"target": {"leaf": "1.1.1"}, "requested": "1", "ground": "Tài liệu đã nộp đúng hạn"},
            {"target": {"leaf": "2.2"}, "requested": "3", "ground": "Kết quả vượt yêu cầu"}]}),
    )
}

fn decided(item: u32, outcome: &str, points: Option<&str>, voters: &[&str]) -> Value {
    let mut decision =
        json!({"item": item, "outcome": outcome, "reason_code": "appeal_decided", "reason": "Tổ thư ký đã đối chiếu"});
    if let Some(points) = points {
        decision["sets"] = json!({"points": {"override": points}});
    }
    by(
        "secretary",
        "decide-appeal",
        &json!({"agency": "so-y-te", "appeal": "kn-1", "decisions": [decision], "voters": voters}),
    )
}

fn an_appeal_moves_a_figure_by_one_entry_and_the_next_edition_shows_it(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    stage(&sogoc);
    let total = |sogoc: &Sogoc| sogoc.json(&["figure", "pilot-2026/so/so-y-te/total_points"])["value"].clone();
    assert_eq!(total(&sogoc), "16.95");
    sogoc.accepted(&[lodged()]);
    assert_eq!(total(&sogoc), "16.95", "an appeal alone moves nothing");
    let voters = ["chair", "member-ub"];
    let receipts = sogoc.accepted(&[decided(1, "upheld", Some("1"), &voters), decided(2, "rejected", None, &voters)]);
    assert_eq!(
        receipts[0]["positions"].as_array().unwrap().len(),
        1,
        "the decision and the score it sets are one entry"
    );
    assert_eq!(total(&sogoc), "17.95");
    let position = receipts[0]["positions"][0].as_u64().unwrap();
    let why = sogoc.json(&[
        "why",
        "pilot-2026/so/so-y-te/rank",
        "--from",
        &(position - 1).to_string(),
        "--to",
        &position.to_string(),
    ]);
    assert_eq!(why["change"], "-2", "from the third place to a shared first: {why:#}");

    sogoc.accepted(&[
        pilot::anew(&by("secretary", "announce-results", &json!({})), 2),
        by("member-nv", "approve-results", &json!({"number": 2})),
        by("member-tp", "approve-results", &json!({"number": 2})),
    ]);
    let edition = |kind: &str| {
        by(
            "secretary",
            "publish-edition",
            &json!({"announcement": 2, "kind": kind, "reason": "Theo kết quả giải quyết kiến nghị"}),
        )
    };
    assert_eq!(
        sogoc.refused(&edition("correcting"))["code"],
        "edition-order",
        "there is nothing official to correct yet"
    );
    sogoc.accepted(&[edition("official")]);
    let editions = sogoc.json(&["season", "show", pilot::SEASON])["editions"].clone();
    assert_eq!(editions.as_array().unwrap().len(), 2);
    assert_eq!((editions[0]["kind"].as_str(), editions[1]["kind"].as_str()), (Some("provisional"), Some("official")));
    // The first edition still says what it said.
    let as_of = editions[0]["as_of"].to_string();
    assert_eq!(total(&sogoc.with(&["--as-of", &as_of])), "16.95");
    let entry = sogoc.entries(&["--stream", &format!("results/{}", pilot::SEASON)]);
    let published = entry.iter().rfind(|entry| entry["kind"].as_str().unwrap().contains("edition")).unwrap();
    assert!(
        published["data"].to_string().contains("total_points"),
        "an edition names the figures that differ: {published}"
    );
}

fn nobody_decides_what_they_decided_before(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    stage(&sogoc);
    sogoc.accepted(&[lodged()]);
    for (what, voters, code) in [
        ("one voter", &["chair"][..], "votes-short"),
        ("the same voter twice", &["chair", "chair"], ""),
        ("somebody who is no member", &["chair", "reviewer-nv"], ""),
    ] {
        let refusal = sogoc.refused(&decided(1, "upheld", Some("1"), voters));
        assert!(code.is_empty() || refusal["code"] == code, "{what}: {refusal}");
    }
    // A decision that lowers points, against the season's policy; and one that sets nothing.
    let refusal = sogoc.refused(&decided(2, "upheld", Some("1"), &["chair", "member-ub"]));
    assert_eq!(refusal["code"], "may-not-lower", "{refusal}");
    assert_eq!(sogoc.refused(&decided(1, "upheld", None, &["chair", "member-ub"]))["code"], "decision-unfit");
    assert_eq!(
        sogoc.refused(&pilot::with(&pilot::anew(&lodged(), 2), "account", "officer-yt"))["code"],
        "role-missing"
    );
    assert_eq!(
        sogoc.refused(&pilot::with(&pilot::anew(&lodged(), 3), "account", "leader-ln"))["code"],
        "not-own-agency"
    );
    // The reviewer cannot appraise a leaf of an announced season any more.
    let refusal = sogoc.refused(&pilot::adjusts("reviewer-nv", "so-y-te", "1.1.1", "1", "underclaimed"));
    assert!(refusal["message"].as_str().unwrap().contains("so-y-te"), "{refusal}");
}

fn results_are_published_by_two(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    sogoc.accepted(&pilot::all_submit());
    sogoc.accepted(&pilot::all_appraised());
    sogoc.accepted(&pilot::announced()[..2]);
    let publish = &pilot::announced()[3];
    let refusal = sogoc.refused(publish);
    assert_eq!(
        (refusal["code"].as_str(), refusal["have"].as_str(), refusal["need"].as_str()),
        (Some("not-approved"), Some("1"), Some("2"))
    );
    let again = pilot::anew(&pilot::announced()[1], 2);
    sogoc.refused(&again);
    assert_eq!(sogoc.refused(publish)["code"], "not-approved");
    sogoc.accepted(&pilot::announced()[2..]);
    let late = by("secretary", "publish-edition", &json!({"announcement": 9, "kind": "official"}));
    sogoc.refused(&late);
}
