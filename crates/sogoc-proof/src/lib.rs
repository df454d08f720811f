//! RFC 6962 Merkle tree over the log's entries. Pure: no I/O.
//!
//! A leaf is the text of one entry, its index is the entry's position. The tree is what lets a stranger check the
//! register: [`Frontier`] is what the log keeps to extend it, [`inclusion_proof`] shows that an entry is in it,
//! [`consistency_proof`] that a later tree still holds everything an earlier one held.
//!
//! Deliberately absent: any notion of what an entry says, and any way to change a leaf.

mod frontier;
mod hash;
mod tree;

pub use frontier::{Frontier, FrontierError, SIZE_MAX};
pub use hash::{Hash, HashError, empty_root, leaf_hash, node_hash};
pub use tree::{ProofError, consistency_proof, inclusion_proof, root, verify_consistency, verify_inclusion};
