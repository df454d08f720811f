//! Published vectors of others: sources are named with each.

use sogoc_proof::{
    Algorithm, Checkpoint, EntryBundle, Hash, Note, NoteError, SignerKey, Tile, VerifierKey, cosign, leaf_hash, root,
    root_from_tiles, verify_consistency, verify_inclusion,
};

use crate::support::{TESSERA_KEY, hash, hex_hash, tessera};

// golang.org/x/mod/sumdb/note, its documentation and tests.
const GO_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const GO_NOTE: &str = "If you think cryptography is the answer to your problem,\n\
    then you don't know what your problem is.\n\
    \n\
    — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

// C2SP signed-note.
const EXAMPLE_KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const EXAMPLE_NOTE: &str = "This is an example message.\n\
    \n\
    — example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

#[test]
fn the_published_notes_verify_and_no_changed_byte_of_them_does() {
    for (key, text) in [(GO_KEY, GO_NOTE), (EXAMPLE_KEY, EXAMPLE_NOTE)] {
        let key = VerifierKey::parse(key).expect("a vector");
        let note = Note::parse(text.as_bytes()).expect("a vector");
        assert_eq!(note.to_string(), text);
        let verified = note.verify(std::slice::from_ref(&key)).expect("a vector");
        assert_eq!(verified.len(), 1);
        assert_eq!((&verified[0].key, verified[0].time), (&key, None));
        for at in 0..text.len() {
            for bit in 0..8 {
                let mut bytes = text.as_bytes().to_vec();
                bytes[at] ^= 1 << bit;
                let outcome = Note::parse(&bytes).and_then(|note| note.verify(std::slice::from_ref(&key)));
                assert!(outcome.is_err(), "bit {bit} of byte {at}");
            }
        }
    }
}

#[test]
fn what_go_refuses_as_no_note_is_refused() {
    // The malformed notes of golang.org/x/mod/sumdb/note's tests.
    let (text, signature) = GO_NOTE.split_once("\n\n").map(|(text, line)| (format!("{text}\n"), line)).expect("both");
    let bad_name = signature.replace("PeterNeumann", "Bad Name");
    let mut not_utf8 = vec![0xff];
    not_utf8.extend_from_slice(GO_NOTE.as_bytes());
    for bytes in [
        text.clone().into_bytes(),
        format!("{text}\n").into_bytes(),
        format!("{text}\n{}", &signature[..signature.len() - 1]).into_bytes(),
        format!("\x01{GO_NOTE}").into_bytes(),
        not_utf8,
        format!("{text}\n{bad_name}").into_bytes(),
        format!("{GO_NOTE}Unexpected line.\n").into_bytes(),
    ] {
        assert!(Note::parse(&bytes).is_err(), "{}", String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn the_published_cosignature_comes_out_byte_for_byte() {
    // github.com/transparency-dev/formats and C2SP tlog-cosignature.
    let mut seed = [0; 32];
    seed[0] = 0x11;
    let key = SignerKey::from_seed("example.org/witness", Algorithm::CosignatureV1, seed).expect("a name");
    let text = "example.org/log\n10\nHA5HAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
    let line = cosign(text, &key, 1234).expect("a checkpoint");
    assert_eq!(
        line.to_string(),
        "— example.org/witness ys8uUAAAAAAAAATSftMzceM8zssdZ9jin9SjwIxzx9iADMf63VqirX2hafol9RsqNqbofIz0LVRqHXI2kpEBSki5RTXFtxz1vo9+Cg=="
    );
    let note = Note::parse(format!("{text}\n{line}\n").as_bytes()).expect("a note");
    let verified = note.verify(&[key.verifier().clone()]).expect("its own");
    assert_eq!(verified[0].time, Some(1234));
}

#[test]
fn the_tessera_test_log_agrees_from_bundle_to_tile_to_root_to_signature_at_every_size() {
    let key = VerifierKey::parse(TESSERA_KEY).expect("a vector");
    let mut earlier: Vec<(u64, Hash)> = Vec::new();
    let mut all: Vec<Hash> = Vec::new();
    for size in 0..=15_u64 {
        let note = Note::parse(&tessera(&format!("checkpoint.{size}"))).expect("a vector");
        note.verify(std::slice::from_ref(&key)).expect("a vector");
        let checkpoint = Checkpoint::parse(note.text()).expect("a vector");
        assert_eq!(checkpoint.to_string(), note.text());
        assert_eq!((checkpoint.origin(), checkpoint.size()), (key.name(), size));
        assert!(checkpoint.extensions().is_empty());
        if let Some(bundle) = EntryBundle::in_log(0, size) {
            let bytes = tessera(&bundle.path());
            let entries = bundle.decode(&bytes).expect("a vector");
            assert_eq!(bundle.encode(&entries), Ok(bytes.clone()));
            let tile = bundle.tile();
            let hashes = tile.decode(&tessera(&tile.path())).expect("a vector");
            assert_eq!(hashes, entries.iter().map(|entry| leaf_hash(entry)).collect::<Vec<_>>());
            let lookup = |wanted: Tile| (wanted == tile).then_some(hashes.as_slice());
            assert_eq!(root_from_tiles(size, lookup), Ok(checkpoint.root()));
            all = hashes;
        }
        assert_eq!(root(&all), checkpoint.root());
        earlier.push((size, checkpoint.root()));
        for (old_size, old_root) in &earlier {
            let proof = sogoc_proof::consistency_proof(&all, *old_size).expect("not above");
            assert_eq!(verify_consistency(*old_size, old_root, size, &checkpoint.root(), &proof), Ok(()));
        }
    }
    assert_eq!(tessera("tile/entries/000.p/2"), hex::decode("00036f6e65000374776f").expect("hex"));
    assert_eq!(tessera("checkpoint"), tessera("checkpoint.15"));
}

#[test]
fn a_key_in_circulation_whose_id_is_not_its_own_is_refused() {
    // As above with one digit of the id exchanged.
    for (text, wrong) in [(GO_KEY, "c74f20a2"), (EXAMPLE_KEY, "530d903b"), (TESSERA_KEY, "33d7b497")] {
        let key = VerifierKey::parse(text).expect("a vector");
        assert_eq!(key.to_string(), text);
        let id = hex::encode(key.id());
        let refused = VerifierKey::parse(&text.replace(&id, wrong)).expect_err("not its id");
        assert!(refused.to_string().contains(wrong) && refused.to_string().contains(&id), "{refused}");
    }
}

/// transparency-dev/merkle, `proof/verify_test.go` (Apache-2.0): leaves are those of the roots' vectors.
mod transparency_dev {
    use super::*;

    const LEAVES: [&str; 8] =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];

    const ROOTS: [&str; 8] = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    /// Leaf (from 1), size, proof.
    const INCLUSION: [(u64, u64, &[&str]); 5] = [
        (1, 1, &[]),
        (
            1,
            8,
            &[
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ],
        ),
        (
            6,
            8,
            &[
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ],
        ),
        (3, 3, &["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
        (
            2,
            5,
            &[
                "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            ],
        ),
    ];

    /// Sizes, proof.
    const CONSISTENCY: [(u64, u64, &[&str]); 4] = [
        (
            1,
            8,
            &[
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ],
        ),
        (
            6,
            8,
            &[
                "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ],
        ),
        (
            2,
            5,
            &[
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            ],
        ),
        (
            6,
            7,
            &[
                "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ],
        ),
    ];

    fn proof(hex: &[&str]) -> Vec<Hash> {
        hex.iter().map(|text| hex_hash(text)).collect()
    }

    fn leaf(number: u64) -> Hash {
        leaf_hash(&hex::decode(LEAVES[number as usize - 1]).expect("a vector"))
    }

    fn some_hash() -> Hash {
        hex_hash("abacaba000000000000000000000000000000000000000000060061e00123456")
    }

    /// The proof with each single hash changed, removed, repeated, and with strange ones before and after.
    fn damaged(proof: &[Hash], strange: &[Hash]) -> Vec<Vec<Hash>> {
        let mut all = Vec::new();
        for at in 0..proof.len() {
            let mut changed = proof.to_vec();
            changed[at].0[0] ^= 8;
            all.push(changed);
            let mut removed = proof.to_vec();
            removed.remove(at);
            all.push(removed);
            let mut repeated = proof.to_vec();
            repeated.insert(at, proof[at]);
            all.push(repeated);
        }
        for hash in strange {
            all.push([&[*hash], proof].concat());
            all.push([proof, &[*hash]].concat());
        }
        if proof.len() > 1 {
            all.push([&[proof[0], some_hash()], &proof[1..]].concat());
            all.push(proof.iter().rev().copied().collect());
        }
        all
    }

    #[test]
    fn the_inclusion_vectors_hold_and_all_their_corruptions_fail() {
        for (number, size, hashes) in INCLUSION {
            let (index, proof, root) = (number - 1, proof(hashes), hex_hash(ROOTS[size as usize - 1]));
            let leaf = leaf(number);
            assert_eq!(verify_inclusion(&leaf, index, size, &proof, &root), Ok(()));
            let sizes = [
                (index.wrapping_sub(1), size),
                (index + 1, size),
                (index ^ 2, size),
                (index, size * 2),
                (index, size / 2),
                (index, 0),
                (index, u64::MAX),
                (u64::MAX, size),
                (size, size),
            ];
            for (index, size) in sizes {
                assert!(verify_inclusion(&leaf, index, size, &proof, &root).is_err(), "{index} of {size}");
            }
            assert!(verify_inclusion(&some_hash(), index, size, &proof, &root).is_err());
            assert!(verify_inclusion(&leaf, index, size, &proof, &some_hash()).is_err());
            assert!(verify_inclusion(&leaf, index, size, &proof, &sogoc_proof::empty_root()).is_err());
            for damaged in damaged(&proof, &[root, leaf, some_hash()]) {
                assert!(verify_inclusion(&leaf, index, size, &damaged, &root).is_err(), "{damaged:?}");
            }
        }
    }

    #[test]
    fn nothing_is_in_the_empty_tree_or_behind_the_last_leaf() {
        let empty = sogoc_proof::empty_root();
        for (index, size) in [(0, 0), (1, 0), (1, 1), (2, 1), (u64::MAX, u64::MAX)] {
            assert!(verify_inclusion(&some_hash(), index, size, &[], &some_hash()).is_err());
            assert!(verify_inclusion(&empty, index, size, &[], &empty).is_err());
        }
        assert_eq!(verify_inclusion(&some_hash(), 0, 1, &[], &some_hash()), Ok(()));
        assert!(verify_inclusion(&some_hash(), 0, 1, &[], &empty).is_err());
    }

    #[test]
    fn the_consistency_vectors_hold_and_all_their_corruptions_fail() {
        for (old, new, hashes) in CONSISTENCY {
            let (proof, old_root, new_root) =
                (proof(hashes), hex_hash(ROOTS[old as usize - 1]), hex_hash(ROOTS[new as usize - 1]));
            assert_eq!(verify_consistency(old, &old_root, new, &new_root, &proof), Ok(()));
            let sizes = [
                (old - 1, new),
                (old + 1, new),
                (old ^ 2, new),
                (old, new * 2),
                (old, new / 2),
                (0, new),
                (old, old),
                (new, new),
                (old, u64::MAX),
                (u64::MAX, u64::MAX),
            ];
            for (old, new) in sizes {
                assert!(verify_consistency(old, &old_root, new, &new_root, &proof).is_err(), "{old} to {new}");
            }
            assert!(verify_consistency(old, &some_hash(), new, &new_root, &proof).is_err());
            assert!(verify_consistency(old, &old_root, new, &some_hash(), &proof).is_err());
            assert!(verify_consistency(old, &new_root, new, &old_root, &proof).is_err());
            assert!(verify_consistency(old, &old_root, new, &new_root, &[]).is_err());
            for damaged in damaged(&proof, &[old_root, new_root, some_hash()]) {
                assert!(verify_consistency(old, &old_root, new, &new_root, &damaged).is_err(), "{damaged:?}");
            }
        }
    }

    #[test]
    fn consistency_at_the_edges_is_as_the_vectors_have_it_and_from_zero_as_witnesses_need_it() {
        let (one, other, empty) = (hex_hash(ROOTS[0]), some_hash(), sogoc_proof::empty_root());
        for size in [0, 1, 7] {
            // The same size: the same root, and nothing to prove.
            assert_eq!(verify_consistency(size, &one, size, &one, &[]), Ok(()));
            assert!(verify_consistency(size, &one, size, &other, &[]).is_err());
            assert!(verify_consistency(size, &empty, size, &empty, &[empty]).is_err());
        }
        for (old, new) in [(1, 0), (2, 1)] {
            assert!(verify_consistency(old, &one, new, &other, &[]).is_err());
            assert!(verify_consistency(old, &one, new, &one, &[]).is_err());
        }
        // Different sizes with nothing to prove it.
        assert!(verify_consistency(1, &one, 2, &other, &[]).is_err());
        // From the empty tree: its root and an empty proof, whatever came after; nothing else.
        assert_eq!(verify_consistency(0, &empty, 1, &one, &[]), Ok(()));
        assert!(verify_consistency(0, &empty, 1, &empty, &[empty]).is_err());
        assert!(verify_consistency(0, &other, 1, &one, &[]).is_err());
    }
}

#[test]
fn the_inclusion_vector_of_the_tessera_log_holds() {
    let proof = [
        hash("Zx8UbF5HHooag6PCFM5LqQe486WIjRTMjNPOdbsS75Q="),
        hash("T1X2GdkhUjV3iyufF9b0kVsWFxIU0VI4EpNml2Teci4="),
        hash("g0ZoeYWtIV8Q8i+4CmgqPnBvH2il107lyCgTQsyB7H4="),
    ];
    let leaf = hex_hash("f715ab3faa5d071e6e2ac4bb994d5bf735943dcc3799da0d085e7980cfb9336a");
    let root = hash("bC+VwvrJbalNVjfkdI8kUgs7mJoXrqiXCE7bgnD28pY=");
    assert_eq!(verify_inclusion(&leaf, 3, 8, &proof, &root), Ok(()));
}

#[test]
fn signatures_of_strangers_are_passed_over_even_if_they_share_a_name_or_an_id() {
    let key = VerifierKey::parse(GO_KEY).expect("a vector");
    let other = VerifierKey::parse(EXAMPLE_KEY).expect("a vector");
    let note = Note::parse(GO_NOTE.as_bytes()).expect("a vector");
    assert_eq!(note.verify(&[other.clone(), key]).map(|verified| verified.len()), Ok(1));
    assert!(matches!(note.verify(std::slice::from_ref(&other)), Err(NoteError::NoKnownSignature { known: 1, .. })));
    assert_eq!(note.verify_any(&[other]), Ok(vec![]));
    assert!(note.verify(&[]).is_err());
}
