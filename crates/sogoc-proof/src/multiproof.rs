//! One proof for many leaves of a tree. Their paths share most hashes and can compute many others from each other: the
//! whole of a stream costs hardly more than its first and last entry.

use crate::hash::{Hash, node_hash};
use crate::subtree::{Subtree, check_indexes};
use crate::tree::{ProofError, same};

/// What is still to be done, the last first.
enum Step<'l> {
    /// The root of this subtree with these chosen leaves in it.
    Root(Subtree, &'l [(u64, Hash)]),
    /// The root over the last two roots.
    Join,
}

/// Checks that every one of `leaves` (index and leaf hash, ascending) is in the tree of `size` leaves with this root.
/// `proof` has the roots of the subtrees that [`crate::multiproof_path`] names, in its order.
///
/// Its time grows with the leaves, by at most some 200 steps each whatever the size; its memory with the height of the
/// tree.
///
/// # Errors
/// What does not fit, as [`ProofError`].
pub fn verify_multiproof(leaves: &[(u64, Hash)], size: u64, proof: &[Hash], root: &Hash) -> Result<(), ProofError> {
    check_indexes(leaves.iter().map(|(index, _)| *index), size)?;
    let wrong_length = ProofError::Length { found: proof.len() };
    let whole = Subtree::try_new(0, size).ok_or(ProofError::NoLeaves)?;
    let mut rest = proof.iter();
    let mut steps = vec![Step::Root(whole, leaves)];
    let mut roots = Vec::new();
    while let Some(step) = steps.pop() {
        match step {
            Step::Root(_, []) => roots.push(*rest.next().ok_or_else(|| wrong_length.clone())?),
            Step::Root(subtree, chosen @ [(_, leaf), ..]) => match subtree.divide() {
                None => roots.push(*leaf),
                Some((left, right)) => {
                    let in_left = chosen.partition_point(|(index, _)| *index < left.end());
                    let (in_left, in_right) = chosen.split_at(in_left);
                    steps.push(Step::Join);
                    steps.push(Step::Root(right, in_right));
                    steps.push(Step::Root(left, in_left));
                }
            },
            Step::Join => {
                if let (Some(right), Some(left)) = (roots.pop(), roots.pop()) {
                    roots.push(node_hash(&left, &right));
                }
            }
        }
    }
    match (roots.pop(), rest.next()) {
        (Some(computed), None) => same(computed, root),
        _ => Err(wrong_length),
    }
}
