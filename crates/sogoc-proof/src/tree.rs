//! Roots and proofs over a slice of leaf hashes, and their verification (RFC 6962 §2.1, algorithms of RFC 9162 §2.1.3
//! and §2.1.4).

use crate::frontier::Frontier;
use crate::hash::{Hash, empty_root, node_hash};
use crate::subtree::split;

/// Why a proof cannot be made, or does not prove what it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The leaf asked for is not in the tree.
    #[error("there is no leaf {index} in a tree of {size} leaves: ask for one below the size")]
    NoSuchLeaf {
        /// Index asked for.
        index: u64,
        /// Leaves in the tree.
        size: u64,
    },
    /// The earlier tree is larger than the later one.
    #[error("a tree of {new_size} leaves cannot continue one of {old_size}: exchange them")]
    Shrunk {
        /// Leaves of the earlier tree.
        old_size: u64,
        /// Leaves of the later tree.
        new_size: u64,
    },
    /// A proof of no leaf at all was asked for.
    #[error("no leaf was given: a proof is about at least one")]
    NoLeaves,
    /// The leaves of a proof of many are not in strictly ascending order.
    #[error("leaf {index} comes after leaf {after}: give every leaf once, in ascending order")]
    Unordered {
        /// The leaf that comes too late.
        index: u64,
        /// The leaf before it.
        after: u64,
    },
    /// The proof has not the number of hashes that sizes and index demand.
    #[error("the proof has {found} hashes, which cannot be right for these sizes: it was cut or is of another tree")]
    Length {
        /// Hashes found.
        found: usize,
    },
    /// The proof leads to another root.
    #[error(
        "the proof leads to root {computed}, not to {expected}: the leaf, the tree or the proof is not what it is said to be"
    )]
    Root {
        /// Root that the proof leads to.
        computed: Hash,
        /// Root that was to be proved.
        expected: Hash,
    },
}

/// Root over leaf hashes in order.
#[must_use]
pub fn root(leaves: &[Hash]) -> Hash {
    leaves.iter().copied().collect::<Frontier>().root()
}

/// The two subtrees into which RFC 6962 divides one of two leaves or more.
fn divide(leaves: &[Hash]) -> (&[Hash], &[Hash]) {
    let middle = usize::try_from(split(leaves.len() as u64)).expect("below the length of a slice");
    leaves.split_at(middle)
}

/// The audit path of leaf `index`, nearest sibling first.
///
/// # Errors
/// [`ProofError::NoSuchLeaf`] when `index` is not below the number of leaves.
pub fn inclusion_proof(leaves: &[Hash], index: u64) -> Result<Vec<Hash>, ProofError> {
    let size = leaves.len() as u64;
    let mut at = usize::try_from(index)
        .ok()
        .filter(|index| *index < leaves.len())
        .ok_or(ProofError::NoSuchLeaf { index, size })?;
    let mut subtree = leaves;
    let mut path = Vec::new();
    while subtree.len() > 1 {
        let (left, right) = divide(subtree);
        if at < left.len() {
            path.push(root(right));
            subtree = left;
        } else {
            path.push(root(left));
            at -= left.len();
            subtree = right;
        }
    }
    path.reverse();
    Ok(path)
}

/// Checks that `leaf` (a leaf hash) is leaf `index` of the tree of `size` leaves with this root.
///
/// # Errors
/// What does not fit, as [`ProofError`].
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::NoSuchLeaf { index, size });
    }
    let wrong_length = ProofError::Length { found: proof.len() };
    let (mut node, mut last, mut computed) = (index, size - 1, *leaf);
    for sibling in proof {
        if last == 0 {
            return Err(wrong_length);
        }
        if node & 1 == 1 || node == last {
            computed = node_hash(sibling, &computed);
            // A node at the right edge has no sibling on the levels where it stands alone.
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            computed = node_hash(&computed, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(wrong_length);
    }
    same(computed, root)
}

/// Proof that the tree over `leaves` continues the tree of its first `old_size` leaves. Empty for size zero and for
/// the same size.
///
/// # Errors
/// [`ProofError::Shrunk`] when `old_size` is above the number of leaves.
pub fn consistency_proof(leaves: &[Hash], old_size: u64) -> Result<Vec<Hash>, ProofError> {
    let new_size = leaves.len() as u64;
    let mut old = usize::try_from(old_size)
        .ok()
        .filter(|old| *old <= leaves.len())
        .ok_or(ProofError::Shrunk { old_size, new_size })?;
    if old == 0 || old == leaves.len() {
        return Ok(Vec::new());
    }
    let mut subtree = leaves;
    // Whether the old tree is still a whole tree here, so that its verifier knows this hash already.
    let mut whole = true;
    let mut path = Vec::new();
    while old != subtree.len() {
        let (left, right) = divide(subtree);
        if old <= left.len() {
            path.push(root(right));
            subtree = left;
        } else {
            path.push(root(left));
            old -= left.len();
            subtree = right;
            whole = false;
        }
    }
    if !whole {
        path.push(root(subtree));
    }
    path.reverse();
    Ok(path)
}

/// Checks that the tree of `new_size` leaves with `new_root` holds everything that the tree of `old_size` leaves with
/// `old_root` held, in the same order. From size zero the proof is empty: every tree continues the empty one.
///
/// # Errors
/// What does not fit, as [`ProofError`].
pub fn verify_consistency(
    old_size: u64,
    old_root: &Hash,
    new_size: u64,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if old_size > new_size {
        return Err(ProofError::Shrunk { old_size, new_size });
    }
    let wrong_length = ProofError::Length { found: proof.len() };
    if old_size == 0 || old_size == new_size {
        if !proof.is_empty() {
            return Err(wrong_length);
        }
        return if old_size == new_size { same(*old_root, new_root) } else { same(empty_root(), old_root) };
    }
    // An old tree of a power of two is a node of the new one: its root is known and left out of the proof.
    let (first, rest) = if old_size.is_power_of_two() {
        (*old_root, proof)
    } else {
        let (first, rest) = proof.split_first().ok_or(ProofError::Length { found: 0 })?;
        (*first, rest)
    };
    let (mut node, mut last) = (old_size - 1, new_size - 1);
    let down = node.trailing_ones();
    node >>= down;
    last >>= down;
    let (mut computed_old, mut computed_new) = (first, first);
    for sibling in rest {
        if last == 0 {
            return Err(wrong_length);
        }
        if node & 1 == 1 || node == last {
            computed_old = node_hash(sibling, &computed_old);
            computed_new = node_hash(sibling, &computed_new);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            computed_new = node_hash(&computed_new, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(wrong_length);
    }
    same(computed_old, old_root)?;
    same(computed_new, new_root)
}

pub(crate) fn same(computed: Hash, expected: &Hash) -> Result<(), ProofError> {
    if computed == *expected { Ok(()) } else { Err(ProofError::Root { computed, expected: *expected }) }
}
