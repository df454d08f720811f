//! Evidence: what is recorded of a file, what a season takes in, and which counts.

use std::sync::Arc;

use serde_json::{Value, json};
use sogoc_domain::event::{Event, ScorecardEvent};
use sogoc_domain::evidence::{
    Capacity, Examined, FileFound, Found, Outcome, Scan, SignatureVerdict, SignedFor, SignerFound, Verdict,
};
use sogoc_domain::policy::{ActiveContent, CountBy, EvidencePolicy, SignedBefore, SignedBy, UnsignedEvidence};
use sogoc_domain::refusal::Code;
use sogoc_domain::values::{SeasonId, Text};

use crate::fixture::*;

const YT: &str = "so-y-te";
/// The leaf that demands evidence.
const LEAF: &str = "1.2";

/// A running season whose policy holds rules of evidence.
fn with_rules(change: impl FnOnce(&mut EvidencePolicy)) -> Season {
    let mut s = Season::running();
    let mut rules = EvidencePolicy { invalid: CountBy::DoesNotCount, ..EvidencePolicy::default() };
    change(&mut rules);
    set_policy(&mut s, |policy| policy.evidence = Some(rules));
    s
}

fn set_policy(s: &mut Season, change: impl FnOnce(&mut sogoc_domain::policy::Policy)) {
    let season: SeasonId = id(SEASON);
    let season = s.world.seasons.get_mut(&season).expect("the fixture's season");
    change(Arc::make_mut(season).policy.as_mut().expect("a running season has a policy"));
}

/// What an examination finds of `name` where it is not a valid PDF.
fn finds(s: &mut Season, name: &str, change: impl FnOnce(&mut FileFound)) {
    let mut file = signed(digest(name));
    change(&mut file);
    s.files.insert(digest(name), Found::File(Box::new(file)));
}

fn outcome(file: &mut FileFound, outcome: Outcome, reason: &str) {
    file.outcome = outcome;
    for signature in &mut file.signatures {
        signature.outcome = outcome;
        signature.reasons = vec![reason.to_owned()];
    }
}

/// Attaches a file, submits, and lets the reviewer accept the leaf: refused for the rule where one is given.
#[track_caller]
fn accepted(mut s: Season, name: &str, rule: Option<&str>) {
    s.by("officer-yt").does("attach-evidence", evidence(YT, LEAF, name));
    s.score_all(YT);
    s.by("leader-yt").does("submit-scorecard", json!({"agency": YT}));
    s.now = day(6);
    match rule {
        None => {
            s.by("reviewer-nv").does("accept-score", on_leaf(YT, LEAF));
        }
        Some(rule) => {
            let refusal = s.by("reviewer-nv").refused("accept-score", on_leaf(YT, LEAF), Code::EvidenceDoesNotCount);
            assert_eq!(refusal.values["rules"], format!("1: {rule}"));
            s.by("reviewer-nv").does("adjust-score", adjust(YT, LEAF, "0", "evidence_missing"));
        }
    }
}

fn judge(number: u32) -> Value {
    json!({"agency": YT, "number": number, "reason": "Danh sách chứng thư gốc đã đổi"})
}

#[test]
fn a_live_season_takes_only_files_that_are_stored_and_judges_them_itself() {
    let mut s = Season::running();
    s.files.insert(digest("a.pdf"), Found::Nothing);
    s.by("officer-yt").refused("attach-evidence", evidence(YT, LEAF, "a.pdf"), Code::EvidenceNotStored);
    let mut stated = evidence(YT, LEAF, "b.pdf");
    stated["signature"] = "stated-valid".into();
    s.by("officer-yt").refused("attach-evidence", stated, Code::Invalid);
    s.by("officer-yt").does("attach-evidence", evidence(YT, LEAF, "b.pdf"));
}

#[test]
fn what_was_found_is_recorded_with_its_signer_sealed() {
    let mut s = Season::running();
    finds(&mut s, "a.pdf", |file| {
        file.active = vec!["javascript".to_owned()];
        outcome(file, Outcome::ValidBut, "extended-after-signing");
    });
    let decision = s.by("officer-yt").does("attach-evidence", evidence(YT, LEAF, "a.pdf"));
    let (_, Event::Scorecard(event)) = &decision.events[0] else { panic!("no scorecard") };
    let ScorecardEvent::EvidenceAttached(attached) = &**event else { panic!("nothing attached") };
    let examined = attached.evidence.examined.as_deref().expect("it was examined");
    let expected = Examined {
        bytes: 12_345,
        active: vec!["javascript".to_owned()],
        scan: Scan::NotScanned,
        verdict: Verdict {
            outcome: Outcome::ValidBut,
            reasons: Vec::new(),
            signatures: vec![SignatureVerdict {
                outcome: Outcome::ValidBut,
                reasons: vec!["extended-after-signing".to_owned()],
                level: "b-lt".to_owned(),
                signer: Some(digest(r#"{"name":"Văn thư"}"#)),
                signed_for: SignedFor::Other,
                claimed: Some(day(-3)),
                proven: Some(day(-2)),
                covers_whole_file: true,
            }],
            anchors: None,
            rules: 1,
            judged_at: day(0),
        },
    };
    assert_eq!(*examined, expected);
}

/// Beside the golden file, which is from before files were examined.
#[test]
fn the_recorded_form_of_an_examination_stays() {
    let recorded = r#"{"by":{"account":"acc-1"},"evidence":{"detached":"1111111111111111111111111111111111111111111111111111111111111111","digest":"2222222222222222222222222222222222222222222222222222222222222222","examined":{"active":["javascript"],"bytes":12345,"scan":{"engine":"ClamAV 1.0.7/27000","state":"clean"},"verdict":{"anchors":"3333333333333333333333333333333333333333333333333333333333333333","judged_at":"2026-11-01T00:00:00.000000Z","outcome":"valid-but","reasons":["extended-after-signing"],"rules":1,"signatures":[{"claimed":"2026-10-29T00:00:00.000000Z","covers_whole_file":true,"level":"b-lt","outcome":"valid-but","proven":"2026-10-30T00:00:00.000000Z","reasons":["extended-after-signing"],"signed_for":"leader","signer":"4444444444444444444444444444444444444444444444444444444444444444"}]}},"media":"pdf","name":"5555555555555555555555555555555555555555555555555555555555555555","number":1,"purpose":"submitted","signature":"not-judged"},"leaf":"l-1-2"}"#;
    let event = ScorecardEvent::decode("evidence-attached", 1, recorded).expect("what was recorded is read for ever");
    assert_eq!(event.data(), recorded);
}

#[test]
fn a_season_takes_in_what_its_policy_names() {
    let cases: [(&str, fn(&mut FileFound), &str); 5] = [
        ("large.pdf", |file| file.bytes = (100 << 20) + 1, "bytes_max"),
        ("program.pdf", |file| file.media = "other".to_owned(), "media"),
        (
            "archive.zip",
            |file| {
                file.media = "zip".to_owned();
                file.members = vec!["pdf".to_owned()];
            },
            "media",
        ),
        ("virus.pdf", |file| file.scan = Scan::Infected { name: "Eicar".to_owned() }, "scan"),
        ("script.pdf", |file| file.active = vec!["launch".to_owned()], "active_content"),
    ];
    for (name, change, rule) in cases {
        let mut s = with_rules(|rules| rules.active_content = ActiveContent::Refuse);
        finds(&mut s, name, change);
        let refusal = s.by("officer-yt").refused("attach-evidence", evidence(YT, LEAF, name), Code::EvidenceNotTaken);
        assert_eq!(refusal.values["rule"], rule);
    }
}

#[test]
fn an_archive_is_taken_in_where_the_policy_names_it_and_all_that_it_holds() {
    let zip = |members: &[&str]| {
        let members: Vec<_> = members.iter().map(|&m| m.to_owned()).collect();
        move |file: &mut FileFound| {
            file.media = "zip".to_owned();
            file.members = members;
        }
    };
    let mut s = with_rules(|rules| rules.media.push("zip".to_owned()));
    finds(&mut s, "good.zip", zip(&["docx", "pdf"]));
    finds(&mut s, "bad.zip", zip(&["other", "pdf"]));
    s.by("officer-yt").does("attach-evidence", evidence(YT, LEAF, "good.zip"));
    s.by("officer-yt").refused("attach-evidence", evidence(YT, LEAF, "bad.zip"), Code::EvidenceNotTaken);
}

#[test]
fn points_of_a_leaf_that_demands_evidence_need_some_that_counts() {
    accepted(with_rules(|_| {}), "a.pdf", None);

    let mut invalid = with_rules(|_| {});
    finds(&mut invalid, "a.pdf", |file| outcome(file, Outcome::Invalid, "digest-mismatch"));
    accepted(invalid, "a.pdf", Some("invalid"));

    let unsigned = |by| {
        let mut s = with_rules(|_| {});
        set_policy(&mut s, |policy| policy.unsigned_evidence = by);
        finds(&mut s, "a.pdf", |file| {
            file.outcome = Outcome::Unsigned;
            file.signatures.clear();
        });
        s
    };
    accepted(unsigned(UnsignedEvidence::ReviewerJudges), "a.pdf", None);
    accepted(unsigned(UnsignedEvidence::DoesNotCount), "a.pdf", Some("unsigned"));

    let untold = |by| {
        let mut s = with_rules(|rules| rules.indeterminate = by);
        finds(&mut s, "a.pdf", |file| outcome(file, Outcome::Indeterminate, "unknown-root"));
        s
    };
    accepted(untold(CountBy::ReviewerJudges), "a.pdf", None);
    accepted(untold(CountBy::DoesNotCount), "a.pdf", Some("indeterminate"));

    let mut acting = with_rules(|rules| rules.active_content = ActiveContent::DoesNotCount);
    finds(&mut acting, "a.pdf", |file| file.active = vec!["javascript".to_owned()]);
    accepted(acting, "a.pdf", Some("active-content"));
}

#[test]
fn without_rules_of_evidence_the_reviewer_judges() {
    let mut s = Season::running();
    finds(&mut s, "a.pdf", |file| outcome(file, Outcome::Invalid, "digest-mismatch"));
    accepted(s, "a.pdf", None);
}

#[test]
fn the_signature_that_counts_is_the_agencys_or_its_leaders() {
    let by = |signed_by| with_rules(|rules| rules.signed_by = signed_by);
    let named = |s: &mut Season, organisation: &str| {
        let organisation = organisation.to_owned();
        finds(s, "a.pdf", move |file| {
            let signer = file.signatures[0].signer.as_mut().expect("a signer");
            signer.organisation = Some(organisation);
        });
    };
    accepted(by(SignedBy::Anyone), "a.pdf", None);
    accepted(by(SignedBy::Agency), "a.pdf", Some("signer"));
    let mut own = by(SignedBy::Agency);
    let name = own.world.agencies["so-y-te"].name().expect("a name").vi.as_str().to_uppercase();
    named(&mut own, &format!(" {name} "));
    accepted(own.clone(), "a.pdf", None);
    set_policy(&mut own, |policy| policy.evidence.as_mut().expect("rules").signed_by = SignedBy::Leader);
    accepted(own, "a.pdf", Some("signer"));

    let mut leader = by(SignedBy::Leader);
    let certificate = sogoc_domain::values::Digest([7; 32]);
    let register = json!({"agency": YT, "certificate": certificate, "capacity": "leader"});
    leader.by("officer-yt").refused("register-signer", register.clone(), Code::RoleMissing);
    leader.by("admin").does("register-signer", register.clone());
    leader.by("admin").refused("register-signer", register, Code::NothingToDo);
    accepted(leader.clone(), "a.pdf", None);
    let withdraw = json!({"agency": YT, "certificate": certificate, "reason": "Thu hồi"});
    leader.by("admin").does("withdraw-signer", withdraw.clone());
    leader.by("admin").refused("withdraw-signer", withdraw, Code::Unknown);
    accepted(leader, "a.pdf", Some("signer"));
}

#[test]
fn a_certificate_that_does_not_hold_signs_for_nobody() {
    let mut s = with_rules(|rules| {
        rules.invalid = CountBy::ReviewerJudges;
        rules.signed_by = SignedBy::Leader;
        rules.signed_before = Some(SignedBefore { instant: day(0), proven: false });
    });
    let certificate = sogoc_domain::values::Digest([7; 32]);
    s.by("admin").does("register-signer", json!({"agency": YT, "certificate": certificate, "capacity": "leader"}));
    finds(&mut s, "a.pdf", |file| outcome(file, Outcome::Invalid, "digest-mismatch"));
    s.by("officer-yt").does("attach-evidence", evidence(YT, LEAF, "a.pdf"));
    let signatures = &s.card(YT).evidence[&1].verdict().expect("examined").signatures;
    assert_eq!(signatures[0].signed_for, SignedFor::Other);
    let mut anyones = with_rules(|rules| {
        rules.invalid = CountBy::ReviewerJudges;
        rules.signed_before = Some(SignedBefore { instant: day(0), proven: false });
    });
    finds(&mut anyones, "b.pdf", |file| outcome(file, Outcome::Invalid, "digest-mismatch"));
    accepted(anyones, "b.pdf", Some("signed-late"));
}

#[test]
fn a_file_signed_too_late_does_not_count_by_the_time_that_the_policy_names() {
    let before = |instant, proven| {
        let mut s = with_rules(|rules| rules.signed_before = Some(SignedBefore { instant, proven }));
        finds(&mut s, "claimed.pdf", |file| file.signatures[0].proven = None);
        s
    };
    // Claimed on day -3, proven on day -2.
    accepted(before(day(0), true), "a.pdf", None);
    accepted(before(day(-2), true), "a.pdf", Some("signed-late"));
    accepted(before(day(-2), false), "a.pdf", Some("signed-late"));
    accepted(before(day(-2), false), "claimed.pdf", None);
    accepted(before(day(0), true), "claimed.pdf", Some("signed-late"));
}

#[test]
fn a_new_verdict_stands_beside_the_old_one_and_the_agency_does_not_ask_for_it() {
    let mut s = with_rules(|_| {});
    finds(&mut s, "a.pdf", |file| outcome(file, Outcome::Invalid, "revoked"));
    s.by("officer-yt").does("attach-evidence", evidence(YT, LEAF, "a.pdf"));
    s.by("officer-yt").refused("judge-evidence", judge(1), Code::RoleMissing);
    s.by("secretary-yt").refused("judge-evidence", judge(1), Code::OwnCase);
    s.by("secretary").refused("judge-evidence", judge(2), Code::Unknown);
    s.files.clear();
    s.by("secretary").does("judge-evidence", judge(1));
    let attached = &s.card(YT).evidence[&1];
    assert_eq!(attached.evidence.examined.as_ref().expect("examined").verdict.outcome, Outcome::Invalid);
    assert_eq!(attached.rejudged.iter().map(|v| v.outcome).collect::<Vec<_>>(), [Outcome::Valid]);
    assert_eq!(attached.verdict().expect("a verdict").outcome, Outcome::Valid);
}

#[test]
fn a_change_of_anchors_is_an_entry_and_verdicts_name_those_they_rest_on() {
    let mut s = Season::running();
    let adopt = |name: &str| json!({"anchors": digest(name), "reason": "Theo danh sách mới"});
    s.by("officer-yt").refused("adopt-trust-anchors", adopt("one"), Code::RoleMissing);
    s.by("secretary").does("adopt-trust-anchors", adopt("one"));
    s.by("secretary").refused("adopt-trust-anchors", adopt("one"), Code::NothingToDo);
    s.by("officer-yt").does("attach-evidence", evidence(YT, LEAF, "a.pdf"));
    s.by("secretary").does("adopt-trust-anchors", adopt("two"));
    s.by("secretary").does("judge-evidence", judge(1));
    let attached = &s.card(YT).evidence[&1];
    assert_eq!(attached.evidence.examined.as_ref().expect("examined").verdict.anchors, Some(digest("one")));
    assert_eq!(attached.rejudged[0].anchors, Some(digest("two")));
}

#[test]
fn a_file_is_erased_on_an_instrument_by_others_and_is_not_attached_again() {
    let mut s = Season::running();
    s.by("officer-yt").does("attach-evidence", evidence(YT, LEAF, "a.pdf"));
    let erase = |name: &str| json!({"digest": digest(name), "ground_code": "named-without-need", "ground": "Có dữ liệu cá nhân"});
    s.by("admin").refused("erase-evidence", erase("a.pdf"), Code::InstrumentRequired);
    s.by("admin").on_instrument().refused("erase-evidence", erase("b.pdf"), Code::Unknown);
    s.by("secretary-yt").on_instrument().refused("erase-evidence", erase("a.pdf"), Code::OwnCase);
    let decision = s.by("admin").on_instrument().does("erase-evidence", erase("a.pdf"));
    assert_eq!(kinds(&decision), ["instrument/qd-1 evidence-erased"]);
    s.by("admin").on_instrument().refused("erase-evidence", erase("a.pdf"), Code::EvidenceIsErased);
    s.by("officer-yt").refused("attach-evidence", evidence(YT, "1.1.1", "a.pdf"), Code::EvidenceIsErased);
    s.by("secretary").refused("judge-evidence", judge(1), Code::EvidenceIsErased);
    let file = json!({"agency": YT, "number": 1});
    s.by("inspector").refused("download-evidence", file, Code::EvidenceIsErased);
    assert!(s.card(YT).evidence[&1].verdict().is_some());
}

#[test]
fn a_download_is_recorded_for_who_may_read_the_file() {
    let mut s = Season::running();
    s.by("officer-yt").does("attach-evidence", evidence(YT, LEAF, "a.pdf"));
    let file = json!({"agency": YT, "number": 1});
    s.by("reviewer-nv").refused("download-evidence", file.clone(), Code::MayNotRead);
    s.by("officer-nv").refused("download-evidence", file.clone(), Code::MayNotRead);
    let decision = s.by("inspector").does("download-evidence", file.clone());
    assert_eq!(kinds(&decision), ["downloads/inspector evidence-downloaded"]);
    s.by("officer-yt").does("download-evidence", file);
    s.by("inspector").refused("download-evidence", json!({"agency": YT, "number": 2}), Code::Unknown);
}

#[test]
fn a_registered_certificate_goes_before_the_name_in_it() {
    let mut agency = sogoc_domain::agency::Agency::default();
    let certificate = digest("certificate");
    agency.signers.insert(certificate, Capacity::Agency);
    let signer = SignerFound { identity: Text::default(), organisation: None, certificate };
    assert_eq!(agency.signed_by(&signer), SignedFor::Agency);
    assert_eq!(agency.signed_by(&SignerFound { certificate: digest("other"), ..signer }), SignedFor::Other);
}
