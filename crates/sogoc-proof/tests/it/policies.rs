//! Policies: what is read, what is refused and why, and what they say of checkpoints.

use std::fmt::Write as _;

use sogoc_proof::{
    KeyError, Note, NoteError, POLICY_BYTES_MAX, POLICY_ITEMS_MAX, Policy, PolicyError, PolicyProblem, SignerKey,
    cosign,
};

use crate::support::{checkpoint, cosigner, ed25519, leaves};

struct Stage {
    log: SignerKey,
    witnesses: Vec<SignerKey>,
    note: Note,
}

/// A log and six witnesses, as in the specification's example.
fn stage() -> Stage {
    let log = ed25519("log.example", 1);
    let witnesses = (0..6).map(|n| cosigner(&format!("witness{n}.example"), 10 + n)).collect();
    let note = checkpoint(&log, &leaves(9));
    Stage { log, witnesses, note }
}

impl Stage {
    fn policy(&self, rules: &str) -> String {
        let mut text = format!("# whom we trust\n\nlog {} https://log.example/\n", self.log.verifier());
        for (name, key) in ["X1", "X2", "X3", "Y1", "Y2", "Y3"].iter().zip(&self.witnesses) {
            writeln!(text, "witness {name} {}", key.verifier()).expect("a string");
        }
        text + rules
    }

    fn read(&self, rules: &str) -> Policy {
        Policy::parse(self.policy(rules).as_bytes()).expect("a policy")
    }

    /// The checkpoint, cosigned by these witnesses.
    fn cosigned(&self, witnesses: &[usize]) -> Note {
        let lines = witnesses.iter().map(|n| cosign(self.note.text(), &self.witnesses[*n], 100 + *n as u64));
        let lines: Vec<_> = lines.collect::<Result<_, _>>().expect("a checkpoint");
        self.note.clone().with_signatures(lines).expect("a note")
    }
}

const EXAMPLE: &str = "group X-witnesses 2 X1 X2 X3\n\
    group Y-witnesses any Y1 Y2 Y3\n\
    group X-and-Y all X-witnesses Y-witnesses\n\
    quorum X-and-Y\n";

fn problem(text: &str) -> (usize, PolicyProblem) {
    match Policy::parse(text.as_bytes()) {
        Err(PolicyError::Line { line, problem }) => (line, problem),
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn the_example_of_the_specification_is_met_by_two_and_one() {
    let stage = stage();
    let policy = stage.read(EXAMPLE);
    assert_eq!(policy.logs()[0].url.as_deref(), Some("https://log.example/"));
    assert_eq!(
        policy.witnesses().iter().map(|w| w.name.as_str()).collect::<Vec<_>>(),
        ["X1", "X2", "X3", "Y1", "Y2", "Y3"]
    );
    for choice in 0..64_u32 {
        let cosigners: Vec<usize> = (0..6).filter(|n| choice >> n & 1 == 1).collect();
        let met = (choice & 0b111).count_ones() >= 2 && choice >> 3 != 0;
        let note = stage.cosigned(&cosigners);
        let judged = policy.assess(&note).expect("signed by the log");
        assert_eq!(judged.quorum_met(), met, "{choice:06b}");
        assert_eq!(judged.missing().is_empty(), met);
        assert_eq!(policy.judge(note.to_string().as_bytes()).is_ok(), met);
        let times: Vec<usize> =
            judged.witnesses.iter().enumerate().filter(|(_, w)| w.time.is_some()).map(|(n, _)| n).collect();
        assert_eq!(times, cosigners);
        assert_eq!((judged.checkpoint.size(), &judged.log), (9, stage.log.verifier()));
    }
    let judged = policy.judge_note(&stage.cosigned(&[0, 2, 5])).expect("met");
    assert_eq!(
        judged.witnesses.iter().map(|w| w.time).collect::<Vec<_>>(),
        [Some(100), None, Some(102), None, None, Some(105)]
    );
    // Only those are missing whose group is not met yet.
    let missing = |cosigners: &[usize]| match policy.judge_note(&stage.cosigned(cosigners)) {
        Err(PolicyError::QuorumNotMet { quorum, missing }) => (quorum, missing.join(" ")),
        other => panic!("{other:?}"),
    };
    assert_eq!(missing(&[0, 1]), ("X-and-Y".to_owned(), "Y1 Y2 Y3".to_owned()));
    assert_eq!(missing(&[1, 4]), ("X-and-Y".to_owned(), "X1 X3".to_owned()));
    let error = policy.judge_note(&stage.note).expect_err("not met");
    assert_eq!(error.to_string(), "the quorum X-and-Y is not met: no cosignature of X1, X2, X3, Y1, Y2, Y3");
}

#[test]
fn a_quorum_may_be_one_witness_or_none() {
    let stage = stage();
    let one = stage.read("quorum Y2\n");
    assert!(one.judge_note(&stage.cosigned(&[4])).is_ok());
    assert!(matches!(one.judge_note(&stage.cosigned(&[0, 1, 2, 3, 5])),
        Err(PolicyError::QuorumNotMet { quorum, missing }) if quorum == "Y2" && missing == ["Y2"]));
    let none = stage.read("quorum none\n");
    assert!(none.judge_note(&stage.note).expect("signed").quorum_met());
    // Without witnesses, without a newline at the end, with spaces and tabs wherever they may be.
    let bare = format!("\t log \t{}\t \n  # comment\n \t\n quorum\tnone ", stage.log.verifier());
    assert!(Policy::parse(bare.as_bytes()).expect("a policy").judge_note(&stage.note).is_ok());
    // Lines may come in any order, but names are defined before they are used.
    let first = format!("quorum none\nlog {}\n", stage.log.verifier());
    assert!(Policy::parse(first.as_bytes()).is_ok());
}

#[test]
fn the_log_must_be_known_and_must_have_signed() {
    let stage = stage();
    let policy = stage.read("quorum none\n");
    let stranger = checkpoint(&ed25519("other.example", 1), &leaves(9));
    assert!(
        matches!(policy.judge_note(&stranger), Err(PolicyError::UnknownLog { origin }) if origin == "other.example")
    );
    // Another key under the log's name is a stranger; the log's key under another name speaks for nobody.
    let impostor = checkpoint(&ed25519("log.example", 2), &leaves(9));
    assert!(matches!(policy.judge_note(&impostor), Err(PolicyError::NotSignedByLog { .. })));
    let borrowed = Note::sign(stranger.text(), &[&stage.log]).expect("a note");
    assert!(matches!(policy.judge_note(&borrowed), Err(PolicyError::UnknownLog { .. })));
    // Witnesses alone are not enough.
    let line = cosign(impostor.text(), &stage.witnesses[0], 1).expect("a checkpoint");
    let witnessed = impostor.with_signatures([line]).expect("a note");
    assert!(matches!(policy.judge_note(&witnessed), Err(PolicyError::NotSignedByLog { .. })));
    // Signed, but no checkpoint.
    let text = Note::sign("hello\n", &[&stage.log]).expect("a note");
    assert!(matches!(policy.judge_note(&text), Err(PolicyError::Checkpoint(_))));
    assert!(matches!(policy.judge(b"nonsense"), Err(PolicyError::Note(NoteError::NoSignatures))));
    let empty = Policy::parse(b"quorum none\n").expect("a policy");
    assert_eq!(empty.judge_note(&stage.note), Err(PolicyError::NoLog));
}

#[test]
fn an_invalid_cosignature_of_a_known_witness_rejects_the_checkpoint_and_a_strangers_does_not() {
    let stage = stage();
    let policy = stage.read(EXAMPLE);
    let other = checkpoint(&stage.log, &leaves(10));
    let of_other = cosign(other.text(), &stage.witnesses[5], 1).expect("a checkpoint");
    let note = stage.cosigned(&[0, 1, 3]).with_signatures([of_other]).expect("a note");
    assert!(matches!(policy.judge_note(&note), Err(PolicyError::Note(NoteError::InvalidSignature { .. }))));
    let stranger = cosign(other.text(), &cosigner("witness5.example", 99), 1).expect("a checkpoint");
    let note = stage.cosigned(&[0, 1, 3]).with_signatures([stranger]).expect("a note");
    assert!(policy.judge_note(&note).is_ok());
    // The latest of several times counts.
    let later = cosign(stage.note.text(), &stage.witnesses[0], 5_000).expect("a checkpoint");
    let note = stage.cosigned(&[0, 1, 3]).with_signatures([later]).expect("a note");
    assert_eq!(policy.judge_note(&note).expect("met").witnesses[0].time, Some(5_000));
}

#[test]
fn a_quorum_that_can_never_be_met_is_refused_and_says_so() {
    let stage = stage();
    for (threshold, members) in [("3", "X1 X2"), ("99999999999999999999999", "X1"), ("2", "X1")] {
        let (line, found) = problem(&stage.policy(&format!("group g {threshold} {members}\nquorum g\n")));
        let count = members.split(' ').count();
        assert_eq!((line, &found), (10, &PolicyProblem::NeverMet { threshold: threshold.to_owned(), members: count }));
        assert!(found.to_string().contains("can never be met"), "{found}");
    }
    for threshold in ["0", "-1", "+1", "01", "1.0", "ALL", "some", "1x"] {
        let (_, found) = problem(&stage.policy(&format!("group g {threshold} X1 X2\nquorum g\n")));
        assert!(matches!(found, PolicyProblem::Threshold { members: 2, .. }), "{threshold}: {found}");
    }
    assert_eq!(Policy::parse(stage.policy("").as_bytes()), Err(PolicyError::NoQuorum));
    assert_eq!(Policy::parse(b""), Err(PolicyError::NoQuorum));
}

#[test]
fn every_name_counts_once() {
    let stage = stage();
    let at = |rules: &str| problem(&stage.policy(rules));
    let twice = |name: &str| PolicyProblem::MemberTwice { name: name.to_owned() };
    let undefined = |name: &str| PolicyProblem::Undefined { name: name.to_owned() };
    assert_eq!(at("group g all X1 X2 X1\n"), (10, twice("X1")));
    assert_eq!(at("group g all X1 X2\ngroup h any X3 X2\n"), (11, twice("X2")));
    assert_eq!(at("group g any X1\ngroup h any g\ngroup i any g\n"), (12, twice("g")));
    assert_eq!(at("group g any X1 Z9\n"), (10, undefined("Z9")));
    assert_eq!(at("group g any X1 g\n"), (10, undefined("g")));
    assert_eq!(at("group g any h\ngroup h any X1\n"), (10, undefined("h")));
    assert_eq!(at("group g any none\n"), (10, undefined("none")));
    assert_eq!(at("quorum g\ngroup g any X1\n"), (10, undefined("g")));
    assert_eq!(at("group X1 any X2\n"), (10, PolicyProblem::NameTwice { name: "X1".to_owned() }));
    assert_eq!(at("group none any X2\n"), (10, PolicyProblem::ReservedName));
    assert_eq!(at("quorum X1\n\nquorum X1\n"), (12, PolicyProblem::QuorumTwice { first: 10 }));
    let witness = |name: &str, seed| format!("witness {name} {}\n", cosigner("w.example", seed).verifier());
    assert_eq!(at(&witness("X2", 77)), (10, PolicyProblem::NameTwice { name: "X2".to_owned() }));
    assert_eq!(at(&witness("none", 77)), (10, PolicyProblem::ReservedName));
    // The same public key under another name, for logs and witnesses; a log may be a witness with it.
    assert_eq!(at(&witness("Z1", 12)), (10, PolicyProblem::KeyTwice { first: 6 }));
    assert_eq!(
        at(&format!("log {}\n", ed25519("log2.example", 1).verifier())),
        (10, PolicyProblem::KeyTwice { first: 3 })
    );
    assert!(Policy::parse(stage.policy(&format!("{}quorum Z1\n", witness("Z1", 1))).as_bytes()).is_ok());
    // A witness that is in a group may be the quorum all the same.
    assert!(Policy::parse(stage.policy("group g any X1 X2\nquorum X1\n").as_bytes()).is_ok());
}

#[test]
fn names_are_bytes() {
    let stage = stage();
    let key = |seed| cosigner("w.example", seed).verifier().to_string();
    // K and the Kelvin sign, and a name that is no UTF-8.
    let mut text =
        format!("log {}\nwitness K {}\nwitness \u{212a} {}\nwitness ", stage.log.verifier(), key(70), key(71))
            .into_bytes();
    text.extend_from_slice(b"\xff\xfe ");
    text.extend_from_slice(format!("{} https://\u{e9}.example/\n# ", key(72)).as_bytes());
    text.extend_from_slice(b"\xff\ngroup all 2 K \xe2\x84\xaa \xff\xfe\nquorum all\n");
    let policy = Policy::parse(&text).expect("a policy");
    assert_eq!(policy.witnesses()[2].name, "\u{fffd}\u{fffd}");
    assert_eq!(policy.witnesses()[2].url.as_deref(), Some("https://\u{e9}.example/"));
    assert!(matches!(policy.judge_note(&stage.note), Err(PolicyError::QuorumNotMet { quorum, .. }) if quorum == "all"));
}

#[test]
fn a_line_that_means_nothing_is_named() {
    let stage = stage();
    let good = stage.log.verifier().to_string();
    let at = |rules: &str| problem(&format!("quorum none\n{rules}"));
    for rules in [
        "log\n",
        "log a b c\n",
        "witness\n",
        "witness a\n",
        "witness a b c d\n",
        "group\n",
        "group a\n",
        "group a all\n",
        "quorum\n",
        "quorum a b\n",
    ] {
        let (line, found) = at(rules);
        assert!(line == 2 && matches!(found, PolicyProblem::Form { .. }), "{rules}: {found}");
    }
    for rules in ["Log x\n", "logs x\n", "allow all\n", "\u{a0}log x\n"] {
        assert!(matches!(at(rules), (2, PolicyProblem::Keyword { .. })), "{rules}");
    }
    for (rules, byte) in [("log x\r\n", b'\r'), ("# a\0b\n", 0), ("\n", 0x7f), ("\x0blog\n", 0x0b)] {
        let rules = if byte == 0x7f { "# \x7f\n" } else { rules };
        assert_eq!(at(rules), (2, PolicyProblem::Control { byte }));
    }
    assert_eq!(at("log nonsense\n"), (2, PolicyProblem::Key(KeyError::Form)));
    let wrong = good.replace(&hex::encode(stage.log.verifier().id()), "00000000");
    assert!(matches!(at(&format!("log {wrong}\n")), (2, PolicyProblem::Key(KeyError::IdMismatch { .. }))));
    assert_eq!(
        at(&format!("witness w {good}\n")),
        (2, PolicyProblem::KeyType { owner: "witness", found: 1, wanted: 4 })
    );
    let witness = stage.witnesses[0].verifier();
    assert_eq!(at(&format!("log {witness}\n")), (2, PolicyProblem::KeyType { owner: "log", found: 4, wanted: 1 }));
}

#[test]
fn thirty_two_of_each_are_read_and_a_flood_is_not() {
    let policy = |count: usize| {
        let mut text = String::new();
        for n in 0..count {
            let mut seed = [0; 32];
            seed[..8].copy_from_slice(&(n as u64).to_be_bytes());
            let key =
                |algorithm| SignerKey::from_seed("k.example", algorithm, seed).expect("a name").verifier().to_string();
            writeln!(text, "log {}", key(sogoc_proof::Algorithm::Ed25519)).expect("a string");
            writeln!(text, "witness w{n} {}", key(sogoc_proof::Algorithm::CosignatureV1)).expect("a string");
            let member = if n == 0 { String::new() } else { format!(" g{}", n - 1) };
            writeln!(text, "group g{n} all w{n}{member}").expect("a string");
        }
        Policy::parse(format!("{text}quorum g{}\n", count - 1).as_bytes())
    };
    assert_eq!(policy(32).expect("the specification's number").witnesses().len(), 32);
    // A chain of groups as long as they may be is judged without recursion.
    let stage = stage();
    let longest = policy(POLICY_ITEMS_MAX).expect("the limit");
    assert!(matches!(longest.judge_note(&stage.note), Err(PolicyError::UnknownLog { .. })));
    assert!(matches!(
        policy(POLICY_ITEMS_MAX + 1),
        Err(PolicyError::Line { problem: PolicyProblem::TooMany { .. }, .. })
    ));
    let huge = vec![b'\n'; POLICY_BYTES_MAX + 1];
    assert_eq!(Policy::parse(&huge), Err(PolicyError::TooLarge { bytes: POLICY_BYTES_MAX + 1 }));
    assert_eq!(Policy::parse(&huge[1..]), Err(PolicyError::NoQuorum));
}
