//! What a witness is asked, and every answer that the specification names.

use sogoc_proof::{
    ADD_CHECKPOINT_BYTES_MAX, AddCheckpoint, AddCheckpointError, Checkpoint, Hash, Note, PROOF_HASHES_MAX, Refused,
    SignerKey, VerifierKey, consistency_proof, decide, empty_root, root, verify_cosignature,
};

use crate::support::{checkpoint, cosigner, ed25519, leaves};

fn log() -> SignerKey {
    ed25519("log.example", 1)
}

fn keys() -> Vec<VerifierKey> {
    vec![log().verifier().clone()]
}

/// The request of a log of `size` entries, grown from `old`.
fn request(old: u64, size: u64) -> AddCheckpoint {
    let leaves = leaves(size);
    let proof = consistency_proof(&leaves, old).expect("not above");
    AddCheckpoint::try_new(old, proof, checkpoint(&log(), &leaves)).expect("a checkpoint")
}

fn known(size: u64) -> Option<(u64, Hash)> {
    Some((size, root(&leaves(size))))
}

#[test]
fn a_request_is_written_and_read() {
    for (old, size) in [(0, 0), (0, 1), (0, 5), (3, 5), (4, 8), (5, 5), (7, 300)] {
        let request = request(old, size);
        let text = request.to_string();
        assert!(text.starts_with(&format!("old {old}\n")));
        let again = AddCheckpoint::parse(text.as_bytes()).expect("its own");
        assert_eq!((again.to_string(), &again), (text, &request));
        assert_eq!((again.old_size(), again.checkpoint().size()), (old, size));
    }
}

#[test]
fn a_body_that_is_no_request_is_refused_with_its_ground() {
    let note = checkpoint(&log(), &leaves(5)).to_string();
    let with = |head: &str| AddCheckpoint::parse(format!("{head}\n\n{note}").as_bytes());
    assert!(with("old 0").is_ok());
    assert_eq!(AddCheckpoint::parse(b""), Err(AddCheckpointError::NoCheckpoint));
    assert_eq!(AddCheckpoint::parse(b"old 0\n"), Err(AddCheckpointError::NoCheckpoint));
    assert_eq!(AddCheckpoint::parse(b"\xff\n\n"), Err(AddCheckpointError::NoCheckpoint));
    for head in ["", "old", "Old 0", "size 0", "old\t0", "\nold 0"] {
        assert!(with(head).is_err(), "{head:?}");
    }
    for size in ["", "-1", "+1", "00", "05", " 5", "5 ", "x", "9223372036854775808", "18446744073709551616"] {
        assert!(matches!(with(&format!("old {size}")), Err(AddCheckpointError::OldSize(_))), "{size:?}");
    }
    assert!(matches!(with("old 0\nAAAA"), Err(AddCheckpointError::Hash { line: 2, .. })));
    let hashes = |count| format!("old 1\n{}", vec![empty_root().to_base64(); count].join("\n"));
    assert!(with(&hashes(PROOF_HASHES_MAX)).is_ok());
    for count in [PROOF_HASHES_MAX + 1, 10_000] {
        assert_eq!(with(&hashes(count)), Err(AddCheckpointError::TooManyHashes));
    }
    assert!(matches!(AddCheckpoint::parse(b"old 0\n\nno note\n"), Err(AddCheckpointError::Note(_))));
    let text = Note::sign("no checkpoint\n", &[&log()]).expect("a note");
    assert!(matches!(
        AddCheckpoint::parse(format!("old 0\n\n{text}").as_bytes()),
        Err(AddCheckpointError::Checkpoint(_))
    ));
    let huge = vec![b'a'; ADD_CHECKPOINT_BYTES_MAX + 1];
    assert!(matches!(AddCheckpoint::parse(&huge), Err(AddCheckpointError::TooLarge { .. })));
    let signed = checkpoint(&log(), &leaves(5));
    assert_eq!(
        AddCheckpoint::try_new(1, vec![empty_root(); 64], signed.clone()),
        Err(AddCheckpointError::TooManyHashes)
    );
    assert!(AddCheckpoint::try_new(1 << 63, vec![], signed).is_err());
}

#[test]
fn a_checkpoint_that_continues_the_known_one_is_accepted_and_cosigned() {
    for (old, size) in [(0, 0), (0, 1), (0, 9), (1, 2), (3, 8), (4, 8), (8, 8), (255, 300)] {
        let request = request(old, size);
        let mut memories = vec![known(old)];
        if old == 0 {
            memories.push(None);
        }
        for known in memories {
            let accepted = decide(known, &request, &keys()).expect("it continues");
            assert_eq!(accepted.checkpoint(), request.checkpoint());
            let witness = cosigner("witness.example", 2);
            let line = accepted.cosign(&witness, 77).expect("a witness's key");
            assert_eq!(verify_cosignature(request.note().text(), &line, witness.verifier()), Ok(77));
        }
    }
}

#[track_caller]
fn refused(known: Option<(u64, Hash)>, request: &AddCheckpoint, keys: &[VerifierKey]) -> (u16, Option<u64>) {
    let refused = decide(known, request, keys).expect_err("it must be refused");
    assert!(!refused.to_string().is_empty());
    (refused.status(), refused.known_size())
}

#[test]
fn each_ground_has_its_status() {
    // 404 before anything else, 403 for every note that no key of the log signed validly.
    assert_eq!(refused(None, &request(0, 5), &[]), (404, None));
    let other = ed25519("log.example", 9).verifier().clone();
    assert_eq!(refused(None, &request(0, 5), std::slice::from_ref(&other)), (403, None));
    let forged = checkpoint(&log(), &leaves(5)).to_string().replace("\n5\n", "\n6\n");
    let forged = AddCheckpoint::parse(format!("old 0\n\n{forged}").as_bytes()).expect("a request");
    assert_eq!(refused(None, &forged, &keys()), (403, None));
    assert!(decide(None, &request(0, 5), &[other, log().verifier().clone()]).is_ok(), "one of several keys is enough");

    // 400: the old size above the checkpoint's, whatever is known.
    let above = AddCheckpoint::try_new(6, vec![], checkpoint(&log(), &leaves(5))).expect("a checkpoint");
    for known in [None, known(5), known(6), known(7)] {
        assert_eq!(refused(known, &above, &keys()), (400, None));
    }

    // 409 with the known size: another one than the old size, also 0 for none.
    assert_eq!(refused(known(4), &request(3, 5), &keys()), (409, Some(4)));
    assert_eq!(refused(known(5), &request(0, 5), &keys()), (409, Some(5)));
    assert_eq!(refused(known(9), &request(3, 5), &keys()), (409, Some(9)));
    assert_eq!(refused(None, &request(3, 5), &keys()), (409, Some(0)));

    // 409: the same size with another root, and that is evidence.
    let split = Some((5, empty_root()));
    assert_eq!(refused(split, &request(5, 5), &keys()), (409, Some(5)));
    assert!(decide(split, &request(5, 5), &keys()).expect_err("another root").is_evidence());
    assert!(!decide(known(4), &request(3, 5), &keys()).expect_err("another size").is_evidence());

    // 422: a proof that is wrong, missing, too long, or given where none must be.
    let signed = checkpoint(&log(), &leaves(5));
    let with = |old, proof: Vec<Hash>| AddCheckpoint::try_new(old, proof, signed.clone()).expect("a checkpoint");
    let good = request(3, 5).proof().to_vec();
    let mut wrong = good.clone();
    wrong[0].0[0] ^= 1;
    for proof in [
        vec![],
        good[1..].to_vec(),
        wrong,
        [good.as_slice(), &good[..1]].concat(),
        good.iter().rev().copied().collect(),
    ] {
        assert_eq!(refused(known(3), &with(3, proof), &keys()), (422, None));
    }
    assert_eq!(refused(None, &with(0, good.clone()), &keys()), (422, None));
    assert_eq!(refused(known(5), &with(5, good), &keys()), (422, None));
    assert_eq!(refused(Some((3, empty_root())), &request(3, 5), &keys()), (422, None), "the known root is what counts");
}

#[test]
fn a_log_that_was_rewritten_or_cut_is_never_accepted() {
    // What the witness knows, and a log that has another entry at one place, for every place and size.
    let honest = leaves(12);
    for at in 0..8 {
        let mut rewritten = honest.clone();
        rewritten[at] = empty_root();
        for size in 8..=12_u64 {
            let tree = &rewritten[..size as usize];
            let proof = consistency_proof(tree, 8).expect("not above");
            let request = AddCheckpoint::try_new(8, proof, checkpoint(&log(), tree)).expect("a checkpoint");
            let refused = decide(known(8), &request, &keys()).expect_err("rewritten");
            assert_eq!(refused.status(), if size == 8 { 409 } else { 422 });
        }
    }
    for size in 0..8 {
        for old in 0..=size {
            assert!(decide(known(8), &request(old, size), &keys()).is_err(), "cut to {size}");
        }
    }
}

#[test]
fn an_empty_log_has_one_root() {
    let lie = Checkpoint::try_new("log.example", 0, root(&leaves(1))).expect("an origin");
    let note = Note::sign(&lie.to_string(), &[&log()]).expect("a note");
    let request = AddCheckpoint::try_new(0, vec![], note).expect("a checkpoint");
    assert!(matches!(decide(None, &request, &keys()), Err(Refused::OtherRoot { known_size: 0, .. })));
}
