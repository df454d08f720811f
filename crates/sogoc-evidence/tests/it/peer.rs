//! The cases of `tests/peers/pades`: pyHanko made the files and judged them. `tests/run` makes them afresh, and names their
//! folder in `SOGOC_TEST_PADES`; without it these tests have nothing to do.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use sogoc_evidence::{ActiveContent, Anchors, Outcome, Verdict, active_content, judge_detached, judge_pdf};
use time::OffsetDateTime;

#[derive(Deserialize)]
struct Case {
    id: String,
    file: PathBuf,
    detached_signature: Option<PathBuf>,
    anchors: PathBuf,
    #[serde(with = "time::serde::rfc3339")]
    judged_at: OffsetDateTime,
    expect: Expected,
    peer: Peer,
    rule: String,
}

#[derive(Deserialize)]
struct Expected {
    outcome: String,
    reasons: BTreeSet<String>,
    /// Of the first signature.
    level: Option<String>,
    signatures: usize,
}

#[derive(Deserialize)]
struct Peer {
    outcome: String,
    signatures: Value,
}

/// The cases and their folder; none where no folder is named, which under `SOGOC_TEST_ALL=1` is a failure.
fn cases() -> Option<(PathBuf, Vec<Case>)> {
    let Some(folder) = env::var_os("SOGOC_TEST_PADES").map(PathBuf::from) else {
        let all = env::var("SOGOC_TEST_ALL").is_ok_and(|value| value == "1");
        assert!(!all, "SOGOC_TEST_ALL=1 and no SOGOC_TEST_PADES: run this by tests/run");
        return None;
    };
    let text = fs::read(folder.join("cases.json")).unwrap();
    Some((folder, serde_json::from_slice(&text).unwrap()))
}

/// A panic is a fault of one case like any other.
fn judge(folder: &Path, case: &Case) -> Result<Verdict, String> {
    catch_unwind(|| judged(folder, case)).map_err(|_| format!("{}: a panic", case.id))
}

fn judged(folder: &Path, case: &Case) -> Verdict {
    let anchors = Anchors::parse(&fs::read(folder.join(&case.anchors)).unwrap()).unwrap();
    let file = fs::read(folder.join(&case.file)).unwrap();
    match &case.detached_signature {
        None => judge_pdf(&file, Some(&anchors), case.judged_at),
        Some(beside) => {
            let signature = fs::read(folder.join(beside)).unwrap();
            judge_detached(&signature, &mut file.as_slice(), Some(&anchors), case.judged_at).unwrap()
        }
    }
}

/// The reasons of the file and of all its signatures.
fn reasons(verdict: &Verdict) -> BTreeSet<String> {
    let of_signatures = verdict.signatures.iter().flat_map(|signature| &signature.reasons);
    verdict.reasons.iter().chain(of_signatures).map(|reason| reason.code().to_owned()).collect()
}

/// The peer knows no valid-but.
fn as_peer(outcome: &str) -> &str {
    if outcome == Outcome::ValidBut.code() { Outcome::Valid.code() } else { outcome }
}

/// Every fault at once, for a change of the rules moves several cases.
fn report(faults: &[String], of: usize) {
    assert!(faults.is_empty(), "{} of {of} cases:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn every_case_of_the_peer_gets_the_expected_verdict() {
    let Some((folder, cases)) = cases() else { return };
    assert!(cases.len() > 100, "{} cases", cases.len());
    let mut faults = Vec::new();
    for case in &cases {
        let verdict = match judge(&folder, case) {
            Ok(verdict) => verdict,
            Err(fault) => {
                faults.push(fault);
                continue;
            }
        };
        let expected = &case.expect;
        let found = (
            verdict.outcome.code(),
            reasons(&verdict),
            verdict.signatures.first().map(|signature| signature.level.code()),
            verdict.signatures.len(),
        );
        if found
            != (expected.outcome.as_str(), expected.reasons.clone(), expected.level.as_deref(), expected.signatures)
        {
            faults.push(format!(
                "{}: {} {:?} {:?} signatures {}, expected {} {:?} {:?} signatures {}, the peer says {}",
                case.id,
                found.0,
                found.1,
                found.2,
                found.3,
                expected.outcome,
                expected.reasons,
                expected.level,
                expected.signatures,
                case.peer.outcome,
            ));
        }
    }
    report(&faults, cases.len());
}

#[test]
fn every_difference_from_the_peer_has_a_written_rule() {
    let Some((folder, cases)) = cases() else { return };
    let mut faults = Vec::new();
    for case in &cases {
        let Ok(verdict) = judge(&folder, case) else { continue };
        let ours = verdict.outcome.code();
        match (as_peer(ours) == case.peer.outcome, case.rule.is_empty()) {
            (true, true) | (false, false) => {}
            (true, false) => faults.push(format!("{}: a rule, and no difference: {}", case.id, case.rule)),
            (false, true) => faults.push(format!(
                "{}: {ours}, and the peer says {} with no rule that explains it: {}",
                case.id, case.peer.outcome, case.peer.signatures
            )),
        }
    }
    report(&faults, cases.len());
}

#[test]
fn no_prefix_and_no_flipped_byte_of_a_signed_file_is_valid_or_a_panic() {
    let Some((folder, cases)) = cases() else { return };
    let case = cases.iter().find(|case| case.id == "b-t-rsa").unwrap();
    let anchors = Anchors::parse(&fs::read(folder.join(&case.anchors)).unwrap()).unwrap();
    let whole = fs::read(folder.join(&case.file)).unwrap();
    let hole = hole(&whole);
    let mut faults = Vec::new();
    let mut judged = |data: &[u8], signed: bool, what: String| {
        let outcome = catch_unwind(|| judge_pdf(data, Some(&anchors), case.judged_at).outcome);
        match outcome {
            Ok(Outcome::Valid | Outcome::ValidBut) if signed => faults.push(format!("{what}: valid")),
            Ok(_) => {}
            Err(_) => faults.push(format!("{what}: a panic")),
        }
    };
    for end in (0..whole.len()).step_by(97) {
        judged(&whole[..end], true, format!("cut at {end}"));
    }
    // In the hole are padding and fields that say nothing, which nobody signs.
    for at in (0..whole.len()).step_by(31) {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x04;
        judged(&flipped, !hole.contains(&at), format!("flipped at {at}"));
    }
    report(&faults, 1);
}

/// Where the signature stands, between its brackets.
fn hole(data: &[u8]) -> std::ops::Range<usize> {
    // Not by its end: the file's random ID is between brackets, too.
    let word = b"/Contents <";
    let begin = data.windows(word.len()).rposition(|window| window == word).unwrap() + word.len();
    let length = data[begin..].iter().position(|byte| *byte == b'>').unwrap();
    begin..begin + length
}

#[test]
fn active_content_is_noted() {
    let Some((folder, cases)) = cases() else { return };
    let mut faults = Vec::new();
    for case in cases.iter().filter(|case| case.detached_signature.is_none()) {
        let data = fs::read(folder.join(&case.file)).unwrap();
        let Ok(found) = catch_unwind(|| active_content(&data)) else {
            faults.push(format!("{}: a panic", case.id));
            continue;
        };
        let expected: &[ActiveContent] = match case.id.as_str() {
            "active-javascript" | "active-javascript-names" | "active-javascript-signed" | "update-script" => {
                &[ActiveContent::JavaScript]
            }
            "active-launch" => &[ActiveContent::Launch],
            "active-submit" => &[ActiveContent::Submit],
            "active-embedded-file" => &[ActiveContent::EmbeddedFile],
            "flipped-key-after-hole" | "shadow-previous-twice" | "usf-text-byte-range" => &[ActiveContent::NotLookedAt],
            id if id.starts_with("malformed-") || id.starts_with("encrypted-") => continue,
            _ => &[],
        };
        if found != expected {
            faults.push(format!("{}: {found:?}, expected {expected:?}", case.id));
        }
    }
    report(&faults, cases.len());
}
