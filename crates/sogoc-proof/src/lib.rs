//! What lets a stranger check the register: a Merkle tree over its entries, and the signed statements about it. Pure: no
//! I/O, no clock, no randomness.
//!
//! A leaf is the text of one entry, its index is the entry's position. The formats are those of the transparency-log
//! community (C2SP), so that tools nobody here wrote can check this log, and this crate can check theirs:
//!
//! | part | what it is for |
//! |---|---|
//! | [`Frontier`] | what a log keeps to extend its tree (RFC 6962) |
//! | [`verify_inclusion`], [`verify_consistency`], [`verify_multiproof`] | that entries are in a tree, that a later tree holds all of an earlier one |
//! | [`Subtree`], [`Tile`], [`EntryBundle`] | making those proofs from files that never change (tlog-tiles) |
//! | [`Note`], [`Checkpoint`], [`cosign`] | what a log signs, and its witnesses after it (signed-note, tlog-checkpoint, tlog-cosignature) |
//! | [`Policy`] | whose signatures are enough (tlog-policy) |
//! | [`TlogProof`] | the proof of one entry as a file (tlog-proof) |
//! | [`AddCheckpoint`], [`decide`] | what a witness is asked, and its answer (tlog-witness) |
//!
//! **Architecture Invariant:** all that is read here may come from an enemy. Every function ends on every input, with an
//! error where it must, and takes memory and time in proportion to the bytes it was given, never to a number written in
//! them.
//!
//! Deliberately absent: any notion of what an entry says, and any way to change a leaf.

mod checkpoint;
mod cosignature;
mod frontier;
mod hash;
mod key;
mod multiproof;
mod note;
mod policy;
mod scan;
mod subtree;
mod tile;
mod tlog_proof;
mod tree;
mod witness;

pub use checkpoint::{Checkpoint, CheckpointError};
pub use cosignature::{cosign, verify_cosignature};
pub use frontier::{Frontier, FrontierError, SIZE_MAX};
pub use hash::{Hash, HashError, empty_root, leaf_hash, node_hash};
pub use key::{Algorithm, KeyError, SignerKey, VerifierKey};
pub use multiproof::verify_multiproof;
pub use note::{NOTE_BYTES_MAX, Note, NoteError, SIGNATURES_MAX, SignatureLine, Verified};
pub use policy::{
    Judged, POLICY_BYTES_MAX, POLICY_ITEMS_MAX, Policy, PolicyError, PolicyLog, PolicyProblem, PolicyWitness, Witnessed,
};
pub use scan::{FOREIGN_SIZE_MAX, NumberError};
pub use subtree::{
    Subtree, SubtreeError, consistency_path, inclusion_path, multiproof_path, root_from_tiles, subtree_root,
    subtree_roots, tiles_for, tiles_for_root,
};
pub use tile::{
    BUNDLE_ENTRY_BYTES_MAX, EntryBundle, TILE_LEVEL_MAX, TILE_WIDTH, Tile, TileError, bundles_at, bundles_between,
    tiles_at, tiles_between,
};
pub use tlog_proof::{PROOF_HASHES_MAX, TLOG_PROOF_BYTES_MAX, TlogProof, TlogProofError};
pub use tree::{ProofError, consistency_proof, inclusion_proof, root, verify_consistency, verify_inclusion};
pub use witness::{ADD_CHECKPOINT_BYTES_MAX, Accepted, AddCheckpoint, AddCheckpointError, Refused, decide};
