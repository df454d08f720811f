//! Proofs from stored tiles instead of all leaves.
//!
//! A proof is a list of hashes, and each of them is the root over a range of leaves: a [`Subtree`]. So a proof is made in
//! three steps, of which only the second needs a store: which subtrees ([`inclusion_path`], [`consistency_path`],
//! [`multiproof_path`]), which tiles hold them ([`tiles_for`]), and their roots from those tiles ([`subtree_roots`]).
//!
//! A subtree needs at most 255 hashes of one tile for every level of tiles that it touches, a whole tree of 2^53 leaves
//! seven tiles.

use std::collections::BTreeSet;

use crate::hash::{Hash, empty_root, node_hash};
use crate::tile::{TILE_WIDTH, Tile};
use crate::tree::ProofError;

/// A node of the tree of RFC 6962, as the range of leaves below it: a power of two of leaves that begins at a multiple
/// of that power, or at the right edge of the tree as many as there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subtree {
    start: u64,
    end: u64,
}

impl Subtree {
    /// The node over the leaves from `start` up to before `end`, if there is one in a tree of `end` leaves (and then, a
    /// complete one is in every larger tree).
    #[must_use]
    pub fn try_new(start: u64, end: u64) -> Option<Self> {
        let leaves = end.checked_sub(start).filter(|leaves| *leaves > 0)?;
        let aligned = start == 0 || leaves.checked_next_power_of_two().is_some_and(|width| start.is_multiple_of(width));
        aligned.then_some(Self { start, end })
    }

    /// First leaf below it.
    #[must_use]
    pub const fn start(self) -> u64 {
        self.start
    }

    /// The leaf after the last below it.
    #[must_use]
    pub const fn end(self) -> u64 {
        self.end
    }

    /// Number of leaves below it, at least 1.
    #[must_use]
    pub const fn leaves(self) -> u64 {
        self.end - self.start
    }

    /// Its two children, where RFC 6962 divides it; none of a leaf.
    pub(crate) fn divide(self) -> Option<(Self, Self)> {
        if self.leaves() == 1 {
            return None;
        }
        let middle = self.start + split(self.leaves());
        Some((Self { start: self.start, end: middle }, Self { start: middle, end: self.end }))
    }

    /// The complete subtrees that it consists of, largest first: one for every bit set in the number of its leaves.
    fn complete(self) -> impl DoubleEndedIterator<Item = Complete> {
        let Self { start, end } = self;
        let leaves = end - start;
        (0..u64::BITS).rev().filter(move |height| leaves >> height & 1 == 1).map(move |height| {
            // What is larger stands before it: the bits above this one.
            Complete { start: start + (leaves >> height >> 1 << 1 << height), height }
        })
    }
}

/// `2^height` leaves from a multiple of that on.
#[derive(Debug, Clone, Copy)]
struct Complete {
    start: u64,
    height: u32,
}

impl Complete {
    /// The tile that holds its hashes in a tree of `size` leaves, and which of them.
    fn place(self, size: u64) -> Option<(Tile, std::ops::Range<usize>)> {
        let level = self.height / 8;
        let first = self.start >> (8 * level);
        let width = u64::from(TILE_WIDTH);
        let tile = Tile::in_tree(u8::try_from(level).ok()?, first / width, size)?;
        let from = usize::try_from(first % width).ok()?;
        let range = from..from + (1 << (self.height % 8));
        (range.end <= usize::from(tile.width())).then_some((tile, range))
    }
}

/// Why a root cannot be had from tiles.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubtreeError {
    /// Leaves that the tree does not have.
    #[error("there are no leaves up to {end} in a tree of {size}")]
    Beyond {
        /// End of the subtree asked for.
        end: u64,
        /// Leaves in the tree.
        size: u64,
    },
    /// The lookup did not give a tile that is needed.
    #[error("the tile {0} is needed and was not found")]
    Missing(Tile),
    /// The lookup gave another number of hashes than the tile is wide.
    #[error("the tile {tile} has {} hashes, there are {found}", tile.width())]
    Width {
        /// The tile.
        tile: Tile,
        /// Hashes found.
        found: usize,
    },
}

/// The subtrees whose roots are the inclusion proof of leaf `index` in a tree of `size` leaves, in the proof's order.
///
/// # Errors
/// [`ProofError::NoSuchLeaf`] when `index` is not below `size`.
pub fn inclusion_path(index: u64, size: u64) -> Result<Vec<Subtree>, ProofError> {
    if index >= size {
        return Err(ProofError::NoSuchLeaf { index, size });
    }
    let mut path = Vec::new();
    let mut subtree = Subtree { start: 0, end: size };
    while let Some((left, right)) = subtree.divide() {
        let (inside, sibling) = if index < left.end { (left, right) } else { (right, left) };
        path.push(sibling);
        subtree = inside;
    }
    path.reverse();
    Ok(path)
}

/// The subtrees whose roots are the consistency proof from `old_size` to `new_size` leaves, in the proof's order. None
/// from size zero and for the same size.
///
/// # Errors
/// [`ProofError::Shrunk`] when `old_size` is above `new_size`.
pub fn consistency_path(old_size: u64, new_size: u64) -> Result<Vec<Subtree>, ProofError> {
    if old_size > new_size {
        return Err(ProofError::Shrunk { old_size, new_size });
    }
    let mut path = Vec::new();
    if old_size == 0 {
        return Ok(path);
    }
    let mut subtree = Subtree { start: 0, end: new_size };
    while old_size != subtree.end {
        // The old tree ends within this subtree, so it has more than one leaf.
        let Some((left, right)) = subtree.divide() else { break };
        let (inside, sibling) = if old_size <= left.end { (left, right) } else { (right, left) };
        path.push(sibling);
        subtree = inside;
    }
    // Where the old tree is itself a node of the new one, the verifier knows its root.
    if subtree.start != 0 {
        path.push(subtree);
    }
    path.reverse();
    Ok(path)
}

/// The largest subtrees without any of the chosen leaves, from left to right: their roots are the proof that
/// [`crate::verify_multiproof`] takes. At most 63 for each chosen leaf.
///
/// # Errors
/// [`ProofError::NoLeaves`] without any, [`ProofError::Unordered`] when the indexes do not ascend,
/// [`ProofError::NoSuchLeaf`] when one is not below `size`.
pub fn multiproof_path(indexes: &[u64], size: u64) -> Result<Vec<Subtree>, ProofError> {
    check_indexes(indexes.iter().copied(), size)?;
    let mut path = Vec::new();
    // What is still to be looked at, the leftmost on top, each with the chosen leaves in it. Never more than 65.
    let mut waiting = vec![(Subtree { start: 0, end: size }, indexes)];
    while let Some((subtree, chosen)) = waiting.pop() {
        if chosen.is_empty() {
            path.push(subtree);
        } else if let Some((left, right)) = subtree.divide() {
            let (in_left, in_right) = chosen.split_at(chosen.partition_point(|index| *index < left.end));
            waiting.push((right, in_right));
            waiting.push((left, in_left));
        }
    }
    Ok(path)
}

/// The tiles from which the roots of these subtrees of a tree of `size` leaves follow, each once. Leaves that the tree
/// does not have are left out here and refused by [`subtree_root`].
#[must_use]
pub fn tiles_for(subtrees: &[Subtree], size: u64) -> Vec<Tile> {
    let places = subtrees.iter().flat_map(|subtree| subtree.complete()).filter_map(|part| part.place(size));
    places.map(|(tile, _)| tile).collect::<BTreeSet<_>>().into_iter().collect()
}

/// The tiles from which the root of a tree of `size` leaves follows: those at its right edge.
#[must_use]
pub fn tiles_for_root(size: u64) -> Vec<Tile> {
    Subtree::try_new(0, size).map_or_else(Vec::new, |whole| tiles_for(&[whole], size))
}

/// The root of a subtree of a tree of `size` leaves, from the hashes of the tiles that [`tiles_for`] names. Where a store
/// has a wider tile of the same level and index by now, its first hashes are those of the narrower one.
///
/// # Errors
/// [`SubtreeError`] when the tree is too small, or the lookup does not give a tile with all of its hashes.
pub fn subtree_root<'t>(
    subtree: Subtree,
    size: u64,
    mut lookup: impl FnMut(Tile) -> Option<&'t [Hash]>,
) -> Result<Hash, SubtreeError> {
    let beyond = SubtreeError::Beyond { end: subtree.end, size };
    if subtree.end > size {
        return Err(beyond);
    }
    let mut root = None;
    // From the smallest, at the right edge: each larger one is the left sibling of all after it.
    for part in subtree.complete().rev() {
        let (tile, range) = part.place(size).ok_or_else(|| beyond.clone())?;
        let hashes = lookup(tile).ok_or(SubtreeError::Missing(tile))?;
        if hashes.len() != usize::from(tile.width()) {
            return Err(SubtreeError::Width { tile, found: hashes.len() });
        }
        let left = complete_root(&hashes[range]);
        root = Some(root.map_or(left, |right| node_hash(&left, &right)));
    }
    root.ok_or(beyond)
}

/// The roots of several subtrees: a proof, when they are a path.
///
/// # Errors
/// As [`subtree_root`].
pub fn subtree_roots<'t>(
    subtrees: &[Subtree],
    size: u64,
    mut lookup: impl FnMut(Tile) -> Option<&'t [Hash]>,
) -> Result<Vec<Hash>, SubtreeError> {
    subtrees.iter().map(|subtree| subtree_root(*subtree, size, &mut lookup)).collect()
}

/// The root of a tree of `size` leaves, from the hashes of the tiles that [`tiles_for_root`] names.
///
/// # Errors
/// As [`subtree_root`].
pub fn root_from_tiles<'t>(size: u64, lookup: impl FnMut(Tile) -> Option<&'t [Hash]>) -> Result<Hash, SubtreeError> {
    Subtree::try_new(0, size).map_or_else(|| Ok(empty_root()), |whole| subtree_root(whole, size, lookup))
}

/// Largest power of two below `leaves`, for two and more: where RFC 6962 divides a tree.
pub(crate) const fn split(leaves: u64) -> u64 {
    debug_assert!(leaves >= 2, "a tree of one leaf is not divided");
    1 << (u64::BITS - 1 - (leaves - 1).leading_zeros())
}

pub(crate) fn check_indexes(mut indexes: impl Iterator<Item = u64>, size: u64) -> Result<(), ProofError> {
    let mut last = indexes.next().ok_or(ProofError::NoLeaves)?;
    for index in indexes {
        if index <= last {
            return Err(ProofError::Unordered { index, after: last });
        }
        last = index;
    }
    if last < size { Ok(()) } else { Err(ProofError::NoSuchLeaf { index: last, size }) }
}

/// Root over a power of two of hashes, at most 128.
fn complete_root(hashes: &[Hash]) -> Hash {
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        row = row.chunks_exact(2).map(|pair| node_hash(&pair[0], &pair[1])).collect();
    }
    row[0]
}
