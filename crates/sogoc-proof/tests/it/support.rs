//! Trees, tiles and keys for the tests.

use std::collections::BTreeMap;
use std::path::PathBuf;

use sogoc_proof::{Algorithm, Checkpoint, Hash, Note, SignerKey, Tile, leaf_hash, root, tiles_at};

pub(crate) fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect()
}

pub(crate) fn hash(base64: &str) -> Hash {
    Hash::from_base64(base64).expect("a vector")
}

pub(crate) fn hex_hash(hex: &str) -> Hash {
    Hash::from_hex(hex).expect("a vector")
}

/// The tiles of a tree, each hash from its definition.
pub(crate) fn tiles_by_definition(leaves: &[Hash]) -> BTreeMap<Tile, Vec<Hash>> {
    let tile_hashes = |tile: Tile| {
        let span = 256_usize.pow(u32::from(tile.level()));
        let first = tile.index() as usize * 256;
        (first..first + usize::from(tile.width())).map(|n| root(&leaves[n * span..(n + 1) * span])).collect()
    };
    tiles_at(leaves.len() as u64).map(|tile| (tile, tile_hashes(tile))).collect()
}

pub(crate) fn ed25519(name: &str, seed: u8) -> SignerKey {
    SignerKey::from_seed(name, Algorithm::Ed25519, [seed; 32]).expect("a name")
}

pub(crate) fn cosigner(name: &str, seed: u8) -> SignerKey {
    SignerKey::from_seed(name, Algorithm::CosignatureV1, [seed; 32]).expect("a name")
}

/// The checkpoint of a log over these leaves, signed by it.
pub(crate) fn checkpoint(log: &SignerKey, leaves: &[Hash]) -> Note {
    let checkpoint = Checkpoint::try_new(log.verifier().name(), leaves.len() as u64, root(leaves)).expect("a name");
    Note::sign(&checkpoint.to_string(), &[log]).expect("a note")
}

/// A file of the test log of transparency-dev/tessera.
pub(crate) fn tessera(path: &str) -> Vec<u8> {
    let file: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests/vectors/tessera-log", path].iter().collect();
    std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

pub(crate) const TESSERA_KEY: &str = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx";
