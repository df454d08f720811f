//! Keys, notes, checkpoints and cosignatures.

use proptest::prelude::*;
use sogoc_proof::{
    Algorithm, Checkpoint, CheckpointError, FOREIGN_SIZE_MAX, KeyError, NOTE_BYTES_MAX, Note, NoteError,
    SIGNATURES_MAX, SignatureLine, SignerKey, VerifierKey, cosign, empty_root, verify_cosignature,
};

use crate::support::{checkpoint, cosigner, ed25519, leaves};

fn keys(signers: &[&SignerKey]) -> Vec<VerifierKey> {
    signers.iter().map(|signer| signer.verifier().clone()).collect()
}

#[test]
fn a_signer_key_survives_its_encoding_and_never_shows_its_secret() {
    for algorithm in [Algorithm::Ed25519, Algorithm::CosignatureV1] {
        let key = SignerKey::from_seed("sogoc.example/ha-nam", algorithm, [0xab; 32]).expect("a name");
        let encoded = key.encode();
        assert!(encoded.starts_with("PRIVATE+KEY+sogoc.example/ha-nam+"));
        let again = SignerKey::parse(&encoded).expect("its own encoding");
        assert_eq!((again.encode(), again.verifier()), (encoded.clone(), key.verifier()));
        let secret = encoded.rsplit('+').next().expect("a last part");
        let shown = format!("{key:?} {key:#?}");
        assert!(!shown.contains(secret) && !shown.contains("abab") && !shown.contains("171, 171"), "{shown}");
    }
}

#[test]
fn a_text_that_is_no_key_is_refused_with_its_ground() {
    let key = ed25519("a.example", 1);
    let good = key.verifier().to_string();
    let parts: Vec<&str> = good.splitn(3, '+').collect();
    let with = |name: &str, id: &str, material: &str| VerifierKey::parse(&format!("{name}+{id}+{material}"));
    assert_eq!(with(parts[0], parts[1], parts[2]).as_ref(), Ok(key.verifier()));
    assert_eq!(VerifierKey::parse(""), Err(KeyError::Form));
    assert_eq!(VerifierKey::parse("a.example+00000000"), Err(KeyError::Form));
    for name in ["", "a example", "a\u{a0}b", "a\u{3000}", "a\nb", "a\0b"] {
        assert!(matches!(with(name, parts[1], parts[2]), Err(KeyError::Name { .. })), "{name:?}");
    }
    for id in ["", "0", "0000000", "000000000", "0000000g", "-0000001"] {
        assert!(matches!(with(parts[0], id, parts[2]), Err(KeyError::Id { .. })), "{id:?}");
    }
    assert!(matches!(with("b.example", parts[1], parts[2]), Err(KeyError::IdMismatch { .. })));
    let no_padding = parts[2].trim_end_matches('=');
    for material in ["", "A", "AQ==", "!!", &no_padding[..no_padding.len() - 1], &format!("{}AAAA", parts[2])] {
        assert_eq!(with(parts[0], parts[1], material), Err(KeyError::Material), "{material:?}");
    }
    // Type 0x06, whose keys are far longer, and a type without a key.
    let ml_dsa = format!("Bg{}", "A".repeat(1750));
    assert_eq!(with(parts[0], parts[1], &ml_dsa), Err(KeyError::Algorithm { identifier: 6 }));
    assert_eq!(with(parts[0], parts[1], "/w=="), Err(KeyError::Algorithm { identifier: 255 }));
    // No point of the curve, and a point under which anybody's signature could be made to hold.
    for point in ["AQIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "AQEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        assert_eq!(with(parts[0], parts[1], point), Err(KeyError::PublicKey), "{point}");
    }
    // A verifier key is no signer key, and an id of another key is not believed there either.
    assert!(SignerKey::parse(&good).is_err());
    let other = key.encode().replace(&hex::encode(key.verifier().id()), "00000000");
    assert!(matches!(SignerKey::parse(&other), Err(KeyError::IdMismatch { .. })));
}

#[test]
fn the_type_is_part_of_a_key_so_that_one_secret_makes_two() {
    let (log, witness) = (ed25519("a.example", 7), cosigner("a.example", 7));
    assert_eq!(log.verifier().public_key(), witness.verifier().public_key());
    assert_ne!(log.verifier().id(), witness.verifier().id());
    // Nor does a signature of the one count as the other's.
    let note = checkpoint(&log, &leaves(3));
    assert!(note.verify(&keys(&[&witness])).is_err());
    let line = cosign(note.text(), &witness, 5).expect("a checkpoint");
    assert!(verify_cosignature(note.text(), &line, log.verifier()).is_err());
}

#[test]
fn a_note_has_from_one_to_a_hundred_signatures() {
    let text = "text\n";
    let many = |count: usize| {
        let lines = (0..count).map(|n| ed25519(&format!("key{n}"), 1)).collect::<Vec<_>>();
        let refs: Vec<&SignerKey> = lines.iter().collect();
        Note::sign(text, &refs)
    };
    assert_eq!(many(0), Err(NoteError::NoSignatures));
    assert_eq!(Note::parse(b"text\n"), Err(NoteError::NoSignatures));
    assert_eq!(Note::parse(b"text\n\n"), Err(NoteError::NoSignatures));
    assert_eq!(Note::parse(b""), Err(NoteError::NoSignatures));
    for count in [1, 16, SIGNATURES_MAX] {
        let note = many(count).expect("within the limit");
        assert_eq!(note.signatures().len(), count);
        assert_eq!(Note::parse(note.to_string().as_bytes()), Ok(note));
    }
    assert_eq!(many(SIGNATURES_MAX + 1), Err(NoteError::TooManySignatures));
    let line = many(1).expect("one").signatures()[0].to_string();
    let repeated = |count| Note::parse(format!("{text}\n{}", format!("{line}\n").repeat(count)).as_bytes());
    for count in [SIGNATURES_MAX + 1, 5_000] {
        let error = repeated(count).expect_err("too many");
        assert_eq!(error, NoteError::TooManySignatures);
        assert!(error.to_string().contains("100"), "{error}");
    }
    assert!(matches!(repeated(10_000), Err(NoteError::TooLarge { .. })));
    let huge = vec![b'\n'; NOTE_BYTES_MAX + 1];
    assert_eq!(Note::parse(&huge), Err(NoteError::TooLarge { bytes: NOTE_BYTES_MAX + 1 }));
    let full = many(SIGNATURES_MAX).expect("within the limit");
    let more = many(1).expect("one").signatures()[0].clone();
    assert!(full.clone().with_signatures([more]).is_ok(), "a line that is there already is not repeated");
    let stranger = Note::sign(text, &[&ed25519("stranger", 9)]).expect("a note").signatures()[0].clone();
    assert_eq!(full.with_signatures([stranger]), Err(NoteError::TooManySignatures));
}

#[test]
fn a_text_may_have_blank_lines_and_look_like_signatures() {
    let key = ed25519("a.example", 1);
    let inner = Note::sign("inner\n", &[&key]).expect("a note").to_string();
    for text in ["\n", "\n\n", "a\n\nb\n", "a\n\n", "é — ü\n", &inner, &format!("{inner}\n")] {
        let note = Note::sign(text, &[&key]).expect("a text");
        let again = Note::parse(note.to_string().as_bytes()).expect("a note");
        assert_eq!((again.text(), &again), (text, &note));
        assert!(again.verify(&keys(&[&key])).is_ok());
    }
    for text in ["", "a", "a\nb", "a\r\n", "a\tb\n", "\0\n"] {
        assert!(Note::sign(text, &[&key]).is_err(), "{text:?}");
    }
}

#[test]
fn bytes_that_are_no_text_are_refused_with_their_place() {
    assert_eq!(Note::parse(b"ab\xff\n\n"), Err(NoteError::NotText { at: 2 }));
    assert_eq!(Note::parse(b"ab\xc3"), Err(NoteError::NotText { at: 2 }));
    assert_eq!(Note::parse(b"a\r\n\n"), Err(NoteError::NotText { at: 1 }));
}

#[test]
fn a_signature_line_has_one_spelling() {
    let line = Note::sign("a\n", &[&ed25519("a.example", 1)]).expect("a note").signatures()[0].clone();
    let text = line.to_string();
    assert_eq!(SignatureLine::parse(&text), Ok(line));
    let base64 = text.rsplit(' ').next().expect("a last word");
    // The last character before the padding has bits that say nothing: set, they are a second spelling.
    let respelt = format!("{}J=", &base64[..base64.len() - 2]);
    for wrong in [
        text.replace("— ", "—"),
        text.replace("— ", "- "),
        text.replace("— ", "-- "),
        format!(" {text}"),
        format!("{text} "),
        format!("{text}\n"),
        text.replace(" a.example ", " a.example  "),
        text.replace("a.example", ""),
        text.replace("a.example", "a+b"),
        text.replace("a.example", "a\u{2003}b"),
        text.trim_end_matches('=').to_owned(),
        text.replace(base64, &respelt),
        text.replace(base64, "AAAAAA=="),
        text.replace(base64, ""),
        "— a.example".to_owned(),
        String::new(),
    ] {
        assert_ne!(wrong, text);
        assert!(matches!(SignatureLine::parse(&wrong), Err(NoteError::SignatureLine { .. })), "{wrong:?}");
    }
}

#[test]
fn one_invalid_signature_of_a_known_key_rejects_the_note_whatever_the_others_are() {
    let (a, b) = (ed25519("a.example", 1), ed25519("b.example", 2));
    let note = Note::sign("text\n", &[&a, &b]).expect("a note");
    assert_eq!(note.verify(&keys(&[&a, &b])).map(|by| by.len()), Ok(2));
    let other = Note::sign("other\n", &[&b]).expect("a note");
    let mixed =
        Note::sign("text\n", &[&a]).and_then(|n| n.with_signatures(other.signatures().to_vec())).expect("a note");
    assert!(
        matches!(mixed.verify(&keys(&[&a, &b])), Err(NoteError::InvalidSignature { name, .. }) if name == "b.example")
    );
    assert!(mixed.verify(&keys(&[&a])).is_ok(), "b is a stranger here");
    // Also when the same key signed validly too, and when the bytes are no signature at all.
    let twice = mixed.clone().with_signatures(note.signatures().to_vec()).expect("a note");
    assert!(twice.verify(&keys(&[&b])).is_err());
    let short = SignatureLine::parse(&format!("— a.example {}", {
        let line = note.signatures()[0].to_string();
        line.rsplit(' ').next().expect("base64")[..8].to_owned()
    }));
    let short = note.clone().with_signatures([short.expect("a line")]).expect("a note");
    assert!(short.verify(&keys(&[&a])).is_err());
}

#[test]
fn a_signature_that_was_made_another_one_is_refused() {
    // Adding the group's order to s gives a second signature that lax verifiers take.
    let key = ed25519("a.example", 1);
    let note = Note::sign("text\n", &[&key]).expect("a note");
    let order = hex::decode("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010").expect("hex");
    let mut bytes = note.signatures()[0].signature().to_vec();
    let mut carry = 0;
    for (byte, add) in bytes[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
    let line = [&note.signatures()[0].id()[..], &bytes].concat();
    let line = format!("— a.example {}", base64(&line));
    let forged = Note::parse(format!("text\n\n{line}\n").as_bytes()).expect("a note");
    assert!(forged.verify(&keys(&[&key])).is_err());
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[test]
fn a_checkpoint_has_one_spelling() {
    let root = empty_root().to_base64();
    let good = format!("example.com/log\n12\n{root}\n");
    let checkpoint = Checkpoint::parse(&good).expect("a checkpoint");
    assert_eq!((checkpoint.origin(), checkpoint.size(), checkpoint.root()), ("example.com/log", 12, empty_root()));
    assert_eq!(checkpoint.to_string(), good);
    assert_eq!(Checkpoint::try_new("example.com/log", 12, empty_root()).as_ref(), Ok(&checkpoint));
    let extended = format!("{good}one\ntwo\n");
    let checkpoint = Checkpoint::parse(&extended).expect("a checkpoint");
    assert_eq!((checkpoint.extensions().len(), checkpoint.to_string()), (2, extended));

    let with = |origin: &str, size: &str, root: &str| Checkpoint::parse(&format!("{origin}\n{size}\n{root}\n"));
    assert!(with("any origin + even this", "0", &root).is_ok());
    assert!(with("a", "9223372036854775807", &root).is_ok());
    for size in ["", "00", "012", "+1", "-1", "1 ", "0x1", "١", "9223372036854775808", "99999999999999999999"] {
        assert!(matches!(with("a", size, &root), Err(CheckpointError::Size(_))), "{size:?}");
    }
    for root in ["", "AAAA", &root[..43], &format!("{root}="), &format!(" {root}"), &root.replace('=', "")] {
        assert!(matches!(with("a", "1", root), Err(CheckpointError::Root { .. })), "{root:?}");
    }
    assert_eq!(with("", "1", &root), Err(CheckpointError::Line { line: 1 }));
    for text in ["", "\n", "a\n", "a\n1\n", &good[..good.len() - 1], &good.replace('\n', "\r\n")] {
        assert!(Checkpoint::parse(text).is_err(), "{text:?}");
    }
    assert_eq!(Checkpoint::parse(&format!("{good}\n")), Err(CheckpointError::Line { line: 4 }));
    assert_eq!(Checkpoint::parse(&format!("{good}a\n\nb\n")), Err(CheckpointError::Line { line: 5 }));
    for origin in ["", "a\nb", "\n", "a\rb"] {
        assert!(Checkpoint::try_new(origin, 1, empty_root()).is_err(), "{origin:?}");
    }
    assert!(Checkpoint::try_new("a", FOREIGN_SIZE_MAX, empty_root()).is_ok());
    assert!(Checkpoint::try_new("a", FOREIGN_SIZE_MAX + 1, empty_root()).is_err());
}

#[test]
fn a_cosignature_binds_its_time_and_its_checkpoint() {
    let (log, witness) = (ed25519("log.example", 1), cosigner("witness.example", 2));
    let note = checkpoint(&log, &leaves(3));
    let line = cosign(note.text(), &witness, 1_700_000_000).expect("a checkpoint");
    assert_eq!(verify_cosignature(note.text(), &line, witness.verifier()), Ok(1_700_000_000));
    let cosigned = note.clone().with_signatures([line.clone()]).expect("a note");
    let times: Vec<_> = cosigned.verify(&keys(&[&log, &witness])).expect("valid").iter().map(|by| by.time).collect();
    assert_eq!(times, [None, Some(1_700_000_000)]);
    // Another checkpoint, another witness, another time.
    let later = checkpoint(&log, &leaves(4));
    assert!(verify_cosignature(later.text(), &line, witness.verifier()).is_err());
    assert!(verify_cosignature(note.text(), &line, cosigner("witness.example", 3).verifier()).is_err());
    assert!(verify_cosignature(note.text(), &line, cosigner("other.example", 2).verifier()).is_err());
    for at in 0..line.signature().len() {
        let mut bytes = [&line.id()[..], line.signature()].concat();
        bytes[4 + at] ^= 1;
        let changed = SignatureLine::parse(&format!("— witness.example {}", base64(&bytes))).expect("a line");
        assert!(verify_cosignature(note.text(), &changed, witness.verifier()).is_err(), "byte {at}");
        let note = note.clone().with_signatures([changed]).expect("a note");
        assert!(note.verify(&keys(&[&log, &witness])).is_err(), "byte {at}");
    }
}

#[test]
fn who_may_sign_what_is_held_to() {
    let (log, witness) = (ed25519("log.example", 1), cosigner("witness.example", 2));
    let text = checkpoint(&log, &[]).text().to_owned();
    assert!(matches!(cosign(&text, &log, 1), Err(NoteError::WrongAlgorithm { found: 1, wanted: 4, .. })));
    assert!(matches!(Note::sign(&text, &[&witness]), Err(NoteError::WrongAlgorithm { found: 4, wanted: 1, .. })));
    assert!(matches!(cosign("no checkpoint\n", &witness, 1), Err(NoteError::NoCheckpoint(_))));
    assert!(cosign(&text, &witness, i64::MAX as u64).is_ok());
    assert_eq!(cosign(&text, &witness, 1 << 63), Err(NoteError::Time { time: 1 << 63 }));
    // A time beyond the limit is refused also with a signature that is right in itself.
    let time = u64::MAX;
    let line = cosign(&text, &witness, 0).expect("a checkpoint");
    let bytes = [&line.id()[..], &time.to_be_bytes(), &line.signature()[8..]].concat();
    let line = SignatureLine::parse(&format!("— witness.example {}", base64(&bytes))).expect("a line");
    assert!(verify_cosignature(&text, &line, witness.verifier()).is_err());
}

#[test]
fn what_a_witness_answers_is_read_line_by_line() {
    let text = checkpoint(&ed25519("log.example", 1), &[]).text().to_owned();
    let lines: Vec<SignatureLine> =
        (1..4).map(|n| cosign(&text, &cosigner("w.example", n), 1).expect("a checkpoint")).collect();
    let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
    assert_eq!(SignatureLine::parse_all(body.as_bytes()), Ok(lines));
    assert_eq!(SignatureLine::parse_all(b""), Err(NoteError::NoSignatures));
    for wrong in [body.trim_end(), &format!("{body}\n"), &format!("\n{body}"), "HTTP error\n", "\n"] {
        assert!(
            matches!(SignatureLine::parse_all(wrong.as_bytes()), Err(NoteError::SignatureLine { .. })),
            "{wrong:?}"
        );
    }
    assert_eq!(SignatureLine::parse_all(body.repeat(40).as_bytes()), Err(NoteError::TooManySignatures));
    assert!(matches!(SignatureLine::parse_all(&[b'a'; NOTE_BYTES_MAX + 1]), Err(NoteError::TooLarge { .. })));
}

#[test]
fn two_known_keys_that_cannot_be_told_apart_are_refused() {
    // Four bytes of id can be made to collide: here by searching seeds for the id of another key.
    let (first, second) = colliding();
    let note = Note::sign("text\n", &[&first]).expect("a note");
    assert!(matches!(note.verify(&keys(&[&first, &second])), Err(NoteError::AmbiguousKey { .. })));
    assert!(note.verify(&keys(&[&first, &first])).is_ok(), "the same key twice is one key");
}

/// Two keys of one name and id, found by a search over 138,377 seeds that was done once.
fn colliding() -> (SignerKey, SignerKey) {
    let key = |number: u32| {
        let mut seed = [0; 32];
        seed[..4].copy_from_slice(&number.to_be_bytes());
        SignerKey::from_seed("collision.example", Algorithm::Ed25519, seed).expect("a name")
    };
    (key(COLLISION.0), key(COLLISION.1))
}

const COLLISION: (u32, u32) = (132_909, 138_377);

proptest! {
    #[test]
    fn any_text_can_be_signed_read_and_verified(text in "[^\\x00-\\x1f]{0,40}(\n[^\\x00-\\x1f]{0,40}){0,5}", seed in any::<u8>()) {
        let key = ed25519("a.example", seed);
        let note = Note::sign(&format!("{text}\n"), &[&key]).expect("a text");
        let again = Note::parse(note.to_string().as_bytes()).expect("a note");
        prop_assert_eq!(&again, &note);
        prop_assert!(again.verify(&keys(&[&key])).is_ok());
    }

    #[test]
    fn any_checkpoint_survives_its_text(origin in "[^\\x00-\\x1f]{1,40}", size in 0..=FOREIGN_SIZE_MAX, root in any::<[u8; 32]>()) {
        let checkpoint = Checkpoint::try_new(&origin, size, sogoc_proof::Hash(root)).expect("an origin");
        prop_assert_eq!(Checkpoint::parse(&checkpoint.to_string()), Ok(checkpoint));
    }
}
