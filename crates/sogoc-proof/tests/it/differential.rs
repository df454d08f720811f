//! The same answers as `signed_note` and `tlog_tiles` give, which share no code with this crate, in both directions.

use std::cell::RefCell;
use std::collections::BTreeMap;

use proptest::prelude::*;
use sogoc_proof::{
    Checkpoint, Hash, Note, Tile, consistency_proof, inclusion_proof, leaf_hash, root, tiles_between,
    verify_consistency, verify_inclusion,
};
use tlog_tiles::HashReader as _;

use crate::support::{ed25519, leaves, tiles_by_definition};

fn theirs(hash: Hash) -> tlog_tiles::Hash {
    tlog_tiles::Hash(hash.0)
}

fn ours(hashes: &[tlog_tiles::Hash]) -> Vec<Hash> {
    hashes.iter().map(|hash| Hash(hash.0)).collect()
}

/// Our tiles as bytes, behind their interface: what a static file server would give them.
struct Served {
    files: BTreeMap<String, Vec<u8>>,
    size: u64,
    asked: RefCell<usize>,
}

impl Served {
    fn new(leaves: &[Hash]) -> Self {
        let tiles = tiles_by_definition(leaves);
        let files = tiles.iter().map(|(tile, hashes)| (tile.path(), tile.encode(hashes).expect("as wide"))).collect();
        Self { files, size: leaves.len() as u64, asked: RefCell::new(0) }
    }
}

impl tlog_tiles::TileReader for Served {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[tlog_tiles::Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        let read = |tile: &tlog_tiles::Tile| {
            *self.asked.borrow_mut() += 1;
            // They ask for the least width that holds what they want; it is the beginning of the one that is served.
            let served = Tile::in_tree(tile.level(), tile.level_index(), self.size).expect("a tile of the tree");
            self.files[&served.path()][..tile.width() as usize * 32].to_vec()
        };
        Ok(tiles.iter().map(read).collect())
    }

    fn save_tiles(&self, _: &[tlog_tiles::Tile], _: &[Vec<u8>]) {}
}

#[test]
fn they_verify_our_proofs_and_we_verify_those_that_they_make_of_our_tiles() {
    for size in [1, 2, 3, 7, 8, 255, 256, 257, 300, 1000] {
        let leaves = leaves(size);
        let top = root(&leaves);
        let served = Served::new(&leaves);
        let reader = tlog_tiles::TileHashReader::new(size, theirs(top), &served);
        assert_eq!(tlog_tiles::tree_hash(size, &reader).expect("our tiles").0, top.0);
        for index in [0, 1, size / 3, size / 2, size - 1].into_iter().filter(|index| *index < size) {
            let leaf = leaves[index as usize];
            let proof = inclusion_proof(&leaves, index).expect("in the tree");
            let theirs_made = tlog_tiles::prove_record(size, index, &reader).expect("our tiles");
            assert_eq!(ours(&theirs_made), proof);
            let given = proof.iter().copied().map(theirs).collect();
            tlog_tiles::check_record(&given, size, theirs(top), index, theirs(leaf)).expect("our proof");
            assert_eq!(verify_inclusion(&leaf, index, size, &ours(&theirs_made), &top), Ok(()));
        }
        for old in [1, size / 3, size / 2, size - 1, size].into_iter().filter(|old| *old > 0) {
            let old_root = root(&leaves[..old as usize]);
            let proof = consistency_proof(&leaves, old).expect("not above");
            let theirs_made = tlog_tiles::prove_tree(size, old, &reader).expect("our tiles");
            assert_eq!(ours(&theirs_made), proof);
            let given = proof.iter().copied().map(theirs).collect();
            tlog_tiles::check_tree(&given, size, theirs(top), old, theirs(old_root)).expect("our proof");
            assert_eq!(verify_consistency(old, &old_root, size, &top, &ours(&theirs_made)), Ok(()));
        }
        assert!(*served.asked.borrow() > 0);
        // A tile with one wrong hash is refused by them, as its root is by us.
        let mut spoilt = Served::new(&leaves);
        spoilt.files.values_mut().for_each(|bytes| bytes[0] ^= 1);
        let reader = tlog_tiles::TileHashReader::new(size, theirs(top), &spoilt);
        assert!(reader.read_hashes(&[0]).is_err());
    }
}

#[test]
fn the_same_tiles_are_to_be_written_when_a_tree_grows() {
    let theirs = |old, new| -> Vec<(u8, u64, u32)> {
        let tiles = tlog_tiles::Tile::new_tiles(8, old, new);
        tiles.iter().map(|tile| (tile.level(), tile.level_index(), tile.width())).collect()
    };
    let ours = |old, new| -> Vec<(u8, u64, u32)> {
        tiles_between(old, new).map(|tile| (tile.level(), tile.index(), u32::from(tile.width()))).collect()
    };
    for (old, new) in [(0, 0), (0, 1), (0, 70_000), (1, 256), (255, 257), (256, 256), (500, 66_000), (65_535, 65_537)] {
        assert_eq!(ours(old, new), theirs(old, new), "{old} to {new}");
    }
}

#[test]
fn notes_go_both_ways() {
    let key = ed25519("log.example/a", 5);
    let text = "log.example/a\n3\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
    // Our key and note, read and verified by them.
    let signer = signed_note::StandardSigner::new(&key.encode()).expect("our key");
    let verifier = || signed_note::StandardVerifier::new(&key.verifier().to_string()).expect("our key");
    let note = Note::sign(text, &[&key]).expect("a text");
    let read = signed_note::Note::from_bytes(note.to_string().as_bytes()).expect("our note");
    let known = signed_note::VerifierList::new(vec![Box::new(verifier())]);
    assert_eq!(read.verify(&known).expect("our signature").0.len(), 1);
    // Their note of the same key, read and verified by us; Ed25519 has one signature, so it is the same note.
    let mut made = signed_note::Note::new(text.as_bytes(), &[]).expect("a text");
    made.add_sigs(&[&signer]).expect("a key");
    assert_eq!(made.to_bytes(), note.to_string().as_bytes());
    let again = Note::parse(&made.to_bytes()).expect("their note");
    assert!(again.verify(&[key.verifier().clone()]).is_ok());
    let theirs = tlog_tiles::Checkpoint::from_bytes(text.as_bytes()).expect("a checkpoint");
    let ours = Checkpoint::parse(text).expect("a checkpoint");
    assert_eq!((theirs.origin(), theirs.size(), theirs.hash().0), (ours.origin(), ours.size(), ours.root().0));
    assert_eq!(theirs.to_bytes(), ours.to_string().as_bytes());
}

proptest! {
    #[test]
    fn we_agree_on_what_is_a_note(
        text in "[ab\n—]{0,12}", tail in "(\n)?(— [a+ ]{1,3} [A-Za-z0-9+/]{8,12}={0,2}\n?){0,3}",
    ) {
        let bytes = format!("{text}{tail}").into_bytes();
        let (ours, theirs) = (Note::parse(&bytes), signed_note::Note::from_bytes(&bytes));
        prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?} {:?}", ours, theirs);
        if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
            prop_assert_eq!(ours.to_string().into_bytes(), theirs.to_bytes());
            prop_assert_eq!(ours.text().as_bytes(), theirs.text());
        }
    }

    #[test]
    fn we_agree_on_what_is_a_checkpoint(
        origin in "[a \n]{0,3}", size in "[0-9+-]{0,3}", root in "[A-D]{40,44}={0,2}", rest in "[a\n]{0,4}",
    ) {
        let text = format!("{origin}\n{size}\n{root}\n{rest}");
        let (ours, theirs) = (Checkpoint::parse(&text), tlog_tiles::Checkpoint::from_bytes(text.as_bytes()));
        prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?} {:?}", ours, theirs);
    }

    #[test]
    fn we_agree_on_what_is_a_path(rest in "[0-9x]{1,4}(/[x0-9]{1,4}){0,3}(\\.p/[0-9]{1,3})?", level in 0..8_u8) {
        let ours = Tile::parse(&format!("tile/{level}/{rest}"));
        // At a width of zero they panic.
        prop_assume!(rest.split_once(".p/").is_none_or(|(_, width)| width.parse() != Ok(0)));
        let theirs = tlog_tiles::Tile::from_path(&format!("tile/8/{level}/{rest}"));
        match (&ours, &theirs) {
            (Ok(ours), Ok(theirs)) => {
                prop_assert_eq!((ours.level(), ours.index()), (theirs.level(), theirs.level_index()));
                prop_assert_eq!(u32::from(ours.width()), theirs.width());
            }
            // They read tiles that lie beyond every tree.
            (Err(sogoc_proof::TileError::Beyond { .. }), Ok(_)) | (Err(_), Err(_)) => {}
            _ => prop_assert!(false, "{:?} {:?}", ours, theirs),
        }
    }

    #[test]
    fn we_agree_on_proofs_that_were_tampered_with(
        size in 1..80_u64, at in any::<prop::sample::Index>(), old in any::<prop::sample::Index>(),
        cut in 0..3_usize, extra in 0..3_usize, flip in proptest::option::of(any::<prop::sample::Index>()),
        claimed in 1..80_u64, claimed_index in 0..80_u64,
    ) {
        let leaves = leaves(size);
        let top = root(&leaves);
        let index = at.index(leaves.len()) as u64;
        let tamper = |mut proof: Vec<Hash>| {
            proof.truncate(proof.len() - cut.min(proof.len()));
            proof.extend(std::iter::repeat_n(leaf_hash(b"extra"), extra));
            if let (Some(flip), false) = (flip, proof.is_empty()) {
                let at = flip.index(proof.len());
                proof[at].0[0] ^= 1;
            }
            proof
        };
        let leaf = leaves[index as usize];
        let proof = tamper(inclusion_proof(&leaves, index).expect("in the tree"));
        let given: Vec<_> = proof.iter().copied().map(theirs).collect();
        for (index, size) in [(index, size), (claimed_index, size), (index, claimed)] {
            let ours = verify_inclusion(&leaf, index, size, &proof, &top).is_ok();
            let theirs = tlog_tiles::check_record(&given, size, theirs(top), index, theirs(leaf)).is_ok();
            prop_assert_eq!(ours, theirs, "leaf {} of {}", index, size);
        }
        let old = old.index(leaves.len()) as u64 + 1;
        let old_root = root(&leaves[..old as usize]);
        let proof = tamper(consistency_proof(&leaves, old).expect("not above"));
        let given: Vec<_> = proof.iter().copied().map(theirs).collect();
        for (old, size) in [(old, size), (claimed, size), (old, claimed)] {
            let ours = verify_consistency(old, &old_root, size, &top, &proof).is_ok();
            let theirs = tlog_tiles::check_tree(&given, size, theirs(top), old, theirs(old_root)).is_ok();
            prop_assert_eq!(ours, theirs, "{} to {}", old, size);
        }
    }
}
