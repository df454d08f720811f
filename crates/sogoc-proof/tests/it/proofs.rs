//! tlog-proof files.

use proptest::prelude::*;
use sogoc_proof::{
    Hash, Note, PROOF_HASHES_MAX, Policy, PolicyError, ProofError, TLOG_PROOF_BYTES_MAX, TlogProof, TlogProofError,
    cosign, inclusion_proof, leaf_hash,
};

use crate::support::{TESSERA_KEY, checkpoint, cosigner, ed25519, tessera};

fn entry(n: u64) -> Vec<u8> {
    format!("entry {n}").into_bytes()
}

/// The proof of one entry of a log of eleven, cosigned by one witness, and the policy that asks for that.
fn proof(index: u64) -> (TlogProof, Policy) {
    let (log, witness) = (ed25519("log.example", 1), cosigner("witness.example", 2));
    let leaves: Vec<Hash> = (0..11).map(|n| leaf_hash(&entry(n))).collect();
    let note = checkpoint(&log, &leaves);
    let line = cosign(note.text(), &witness, 1_000).expect("a checkpoint");
    let checkpoint = note.with_signatures([line]).expect("a note");
    let policy = format!("log {}\nwitness w {}\nquorum w\n", log.verifier(), witness.verifier());
    let policy = Policy::parse(policy.as_bytes()).expect("a policy");
    (TlogProof { extra: None, index, proof: inclusion_proof(&leaves, index).expect("in the tree"), checkpoint }, policy)
}

#[test]
fn a_proof_is_written_read_and_verified() {
    for index in 0..11 {
        let (proof, policy) = proof(index);
        let text = proof.to_string();
        assert!(text.starts_with(&format!("c2sp.org/tlog-proof@v1\nindex {index}\n")));
        let again = TlogProof::parse(text.as_bytes()).expect("its own");
        assert_eq!(again, proof);
        let judged = again.verify(&entry(index), &policy).expect("proved");
        assert_eq!((judged.checkpoint.size(), judged.witnesses[0].time), (11, Some(1_000)));
        for other in (0..11).filter(|other| *other != index) {
            assert!(matches!(again.verify(&entry(other), &policy), Err(TlogProofError::Inclusion(_))));
        }
        let with_extra = TlogProof { extra: Some(b"sealed".to_vec()), ..proof };
        assert!(with_extra.to_string().contains("\nextra c2VhbGVk\nindex "));
        assert_eq!(TlogProof::parse(with_extra.to_string().as_bytes()), Ok(with_extra));
    }
}

#[test]
fn no_changed_byte_of_a_proof_proves_the_entry() {
    let (proof, policy) = proof(6);
    let text = proof.to_string();
    let witness_line = text.rfind("— witness").expect("a cosignature");
    for at in 0..text.len() {
        let mut bytes = text.clone().into_bytes();
        bytes[at] ^= 1;
        let outcome = TlogProof::parse(&bytes).and_then(|proof| proof.verify(&entry(6), &policy));
        assert!(outcome.is_err(), "byte {at}");
        let cut = TlogProof::parse(&text.as_bytes()[..at]).and_then(|proof| proof.verify(&entry(6), &policy));
        assert!(cut.is_err(), "cut at {at}");
        assert_eq!(matches!(cut, Err(TlogProofError::Policy(PolicyError::QuorumNotMet { .. }))), at == witness_line);
    }
}

#[test]
fn a_proof_too_long_too_short_or_swapped_is_refused() {
    let (proof, policy) = proof(6);
    let verify = |hashes: Vec<Hash>| TlogProof { proof: hashes, ..proof.clone() }.verify(&entry(6), &policy);
    let hashes = &proof.proof;
    let length = |found| Err(TlogProofError::Inclusion(ProofError::Length { found }));
    assert_eq!(verify(hashes[..hashes.len() - 1].to_vec()), length(hashes.len() - 1));
    assert_eq!(verify([hashes.as_slice(), &hashes[..1]].concat()), length(hashes.len() + 1));
    assert_eq!(verify(vec![]), length(0));
    let mut swapped = hashes.clone();
    swapped.swap(0, 1);
    assert!(matches!(verify(swapped), Err(TlogProofError::Inclusion(ProofError::Root { .. }))));
    let beyond = TlogProof { index: 11, ..proof };
    assert!(matches!(
        beyond.verify(&entry(6), &policy),
        Err(TlogProofError::Inclusion(ProofError::NoSuchLeaf { index: 11, size: 11 }))
    ));
}

#[test]
fn a_file_that_is_no_proof_is_refused_with_its_ground() {
    let (proof, _) = proof(6);
    let text = proof.to_string();
    let (head, rest) = text.split_once("\n\n").expect("two parts");
    let with = |head: &str| TlogProof::parse(format!("{head}\n\n{rest}").as_bytes());
    assert!(with(head).is_ok());
    assert_eq!(TlogProof::parse(b""), Err(TlogProofError::NoCheckpoint));
    assert_eq!(TlogProof::parse(b"c2sp.org/tlog-proof@v1\nindex 0\n"), Err(TlogProofError::NoCheckpoint));
    // Cases of transparency-dev/merkle, proof/tlog_proof_test.go, among others.
    let header = "c2sp.org/tlog-proof@v1";
    for head in [
        "",
        "wrong-header\nindex 0",
        "c2sp.org/tlog-proof@v2\nindex 0",
        "c2sp.org/tlog-proof@v1 \nindex 0",
        " c2sp.org/tlog-proof@v1\nindex 0",
    ] {
        assert!(matches!(with(head), Err(TlogProofError::Header { .. })), "{head:?}");
    }
    for extra in ["!!notbase64!!", "YQ", " YQ==", "YQ== "] {
        assert_eq!(with(&format!("{header}\nextra {extra}\nindex 0")), Err(TlogProofError::Extra), "{extra:?}");
    }
    for line in
        ["", "\nindex", "\nIndex 0", "\nextra YQ==", "\nextra YQ==\nextra YQ==\nindex 0", "\n index 0", "\nindex\t0"]
    {
        assert!(matches!(with(&format!("{header}{line}")), Err(TlogProofError::NoIndex { .. })), "{line:?}");
    }
    for index in ["", "notanumber", "-5", "+5", "05", "0 ", "9223372036854775808", "99999999999999999999"] {
        assert!(matches!(with(&format!("{header}\nindex {index}")), Err(TlogProofError::Index(_))), "{index:?}");
    }
    for hash in [
        "!!notbase64!!",
        "AAAA",
        &Hash([0; 32]).to_base64().replace('=', ""),
        &format!("{} ", Hash([0; 32]).to_base64()),
    ] {
        let found = with(&format!("{header}\nindex 0\n{}\n{hash}", Hash([1; 32]).to_base64()));
        assert!(matches!(found, Err(TlogProofError::Hash { line: 4, .. })), "{hash:?}");
    }
    let hashes = |count| format!("{header}\nindex 0\n{}", vec![Hash([1; 32]).to_base64(); count].join("\n"));
    assert!(with(&hashes(PROOF_HASHES_MAX)).is_ok());
    for count in [PROOF_HASHES_MAX + 1, 10_000] {
        assert_eq!(with(&hashes(count)), Err(TlogProofError::TooManyHashes));
    }
    assert!(matches!(TlogProof::parse(format!("{head}\n\ncheckpoint\n").as_bytes()), Err(TlogProofError::Note(_))));
    let huge = vec![b'a'; TLOG_PROOF_BYTES_MAX + 1];
    assert_eq!(TlogProof::parse(&huge), Err(TlogProofError::TooLarge { bytes: TLOG_PROOF_BYTES_MAX + 1 }));
}

#[test]
fn an_entry_of_the_tessera_log_is_proved_under_a_policy() {
    let policy = Policy::parse(format!("log {TESSERA_KEY}\nquorum none\n").as_bytes()).expect("a policy");
    let checkpoint = Note::parse(&tessera("checkpoint.8")).expect("a vector");
    let hashes = [
        "Zx8UbF5HHooag6PCFM5LqQe486WIjRTMjNPOdbsS75Q=",
        "T1X2GdkhUjV3iyufF9b0kVsWFxIU0VI4EpNml2Teci4=",
        "g0ZoeYWtIV8Q8i+4CmgqPnBvH2il107lyCgTQsyB7H4=",
    ];
    let proof = hashes.iter().map(|text| Hash::from_base64(text).expect("a vector")).collect();
    let proof = TlogProof { extra: None, index: 3, proof, checkpoint };
    assert_eq!(proof.verify(b"four", &policy).expect("proved").checkpoint.size(), 8);
    assert!(proof.verify(b"five", &policy).is_err());
}

proptest! {
    #[test]
    fn any_proof_survives_its_text(
        index in 0..=sogoc_proof::FOREIGN_SIZE_MAX, hashes in proptest::collection::vec(any::<[u8; 32]>(), 0..=63),
        extra in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..100)),
    ) {
        let (some, _) = proof(0);
        let proof = TlogProof { extra, index, proof: hashes.into_iter().map(Hash).collect(), ..some };
        prop_assert_eq!(TlogProof::parse(proof.to_string().as_bytes()), Ok(proof));
    }
}
