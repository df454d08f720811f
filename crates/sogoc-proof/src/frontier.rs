//! The right edge of the tree: all that is needed to append to it and to know its root.

use crate::hash::{Hash, empty_root, node_hash};

/// Most leaves a tree may have: positions are JSON integers below 2^53.
pub const SIZE_MAX: u64 = 1 << 53;

/// Roots of the complete subtrees along the right edge, largest first: one for every bit set in `size`.
///
/// Appending costs one hash amortised, the root at most 53; it takes at most 1,704 bytes to keep.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    edge: Vec<Hash>,
}

/// Bytes that are no frontier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrontierError {
    /// Fewer than the eight bytes of the size.
    #[error("a frontier begins with its size in 8 bytes, there are only {length}")]
    Short {
        /// Bytes found.
        length: usize,
    },
    /// More leaves than positions exist.
    #[error("a frontier of {size} leaves is above the limit of {SIZE_MAX}")]
    Size {
        /// Size found.
        size: u64,
    },
    /// The number of hashes does not follow from the size.
    #[error("a frontier of {size} leaves has {expected} bytes, there are {length}")]
    Length {
        /// Size found.
        size: u64,
        /// Bytes that a frontier of this size has.
        expected: usize,
        /// Bytes found.
        length: usize,
    },
}

impl Frontier {
    /// The frontier of the empty tree.
    #[must_use]
    pub const fn new() -> Self {
        Self { size: 0, edge: Vec::new() }
    }

    /// Number of leaves.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Hashes of the complete subtrees along the right edge, largest first.
    #[must_use]
    pub fn edge(&self) -> &[Hash] {
        &self.edge
    }

    /// Adds the next leaf, given its leaf hash.
    ///
    /// # Panics
    /// When the tree already has [`SIZE_MAX`] leaves: at a million a second that takes 285 years.
    pub fn append(&mut self, leaf: Hash) {
        assert!(self.size < SIZE_MAX, "the tree is full");
        let mut node = leaf;
        // Every low bit set in the size is a complete subtree that this leaf closes.
        for _ in 0..self.size.trailing_ones() {
            let left = self.edge.pop().expect("one hash for every bit set in the size");
            node = node_hash(&left, &node);
        }
        self.edge.push(node);
        self.size += 1;
    }

    /// Root of the tree (RFC 6962 §2.1).
    #[must_use]
    pub fn root(&self) -> Hash {
        self.edge.iter().rev().copied().reduce(|right, left| node_hash(&left, &right)).unwrap_or_else(empty_root)
    }

    /// Size as eight bytes, big-endian, then the hashes, largest subtree first.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(8 + 32 * self.edge.len());
        bytes.extend_from_slice(&self.size.to_be_bytes());
        for hash in &self.edge {
            bytes.extend_from_slice(&hash.0);
        }
        bytes
    }

    /// Reads what [`Frontier::to_bytes`] wrote. Total: any bytes give a frontier of the right shape or an error.
    ///
    /// # Errors
    /// [`FrontierError`] when length and size do not fit together. That the hashes are the right ones cannot be seen
    /// here; recomputing them from the leaves shows it.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FrontierError> {
        let Some((size, rest)) = bytes.split_first_chunk::<8>() else {
            return Err(FrontierError::Short { length: bytes.len() });
        };
        let size = u64::from_be_bytes(*size);
        if size > SIZE_MAX {
            return Err(FrontierError::Size { size });
        }
        let (hashes, remainder) = rest.as_chunks::<32>();
        if !remainder.is_empty() || u64::from(size.count_ones()) != hashes.len() as u64 {
            let expected = 8 + 32 * size.count_ones() as usize;
            return Err(FrontierError::Length { size, expected, length: bytes.len() });
        }
        Ok(Self { size, edge: hashes.iter().copied().map(Hash).collect() })
    }
}

impl Extend<Hash> for Frontier {
    fn extend<T: IntoIterator<Item = Hash>>(&mut self, leaves: T) {
        for leaf in leaves {
            self.append(leaf);
        }
    }
}

impl FromIterator<Hash> for Frontier {
    fn from_iter<T: IntoIterator<Item = Hash>>(leaves: T) -> Self {
        let mut frontier = Self::new();
        frontier.extend(leaves);
        frontier
    }
}
