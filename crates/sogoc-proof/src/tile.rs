//! Tiles and entry bundles (C2SP tlog-tiles): the tree and the entries as files that never change.
//!
//! A tile holds up to 256 consecutive hashes of one level; the levels of tiles are eight levels of the tree apart. Hash
//! `i` of tile `n` on level `l` is the root over the entries from `(256 n + i) 256^l` on, `256^l` of them. A tile or
//! bundle at the right edge is *partial* until it has 256: every width it had is a file of its own.

use std::fmt;

use crate::hash::Hash;
use crate::scan::{FOREIGN_SIZE_MAX, shown};

/// Hashes of a full tile, and entries of a full bundle.
pub const TILE_WIDTH: u16 = 256;

/// Highest level that a tile can have: a hash on level 8 would stand for 2^64 entries.
pub const TILE_LEVEL_MAX: u8 = 7;

/// Longest entry that a bundle can hold, in bytes.
pub const BUNDLE_ENTRY_BYTES_MAX: usize = u16::MAX as usize;

/// Longest path that is read: `tile/entries/`, seven groups of three digits and a width.
const PATH_BYTES_MAX: usize = 64;

/// Why there is no such tile, or bytes are not its content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TileError {
    /// A path that is not the only spelling of a tile's or bundle's.
    #[error(
        "«{path}» is no path of a tile: that is tile/L/N or tile/L/N.p/W, N in groups of three digits, all but the last after an x"
    )]
    Path {
        /// The beginning of the refused path.
        path: String,
    },
    /// A width outside 1 to 256.
    #[error("a tile is 1 to {TILE_WIDTH} wide, not {width}")]
    Width {
        /// Width asked for.
        width: u16,
    },
    /// A tile beyond the last entry that any tree can have.
    #[error("there is no tile {index} on level {level} in any tree of up to 2^63 - 1 entries")]
    Beyond {
        /// Level asked for.
        level: u8,
        /// Index asked for.
        index: u64,
    },
    /// Bytes whose number is not that of the tile's hashes.
    #[error("{tile} has {expected} bytes, there are {found}: it was cut or is another tile")]
    Bytes {
        /// Path of the tile.
        tile: String,
        /// Bytes that it has.
        expected: usize,
        /// Bytes found.
        found: usize,
    },
    /// Entries or hashes to be written whose number is not the width.
    #[error("{tile} takes {expected} hashes or entries, there are {found}")]
    Count {
        /// Path of the tile or bundle.
        tile: String,
        /// Hashes or entries that it takes.
        expected: usize,
        /// Hashes or entries given.
        found: usize,
    },
    /// A bundle that ends within an entry, or goes on after the last.
    #[error(
        "{bundle} should be {expected} entries, each after its length in two bytes; this is wrong after {found} of them"
    )]
    Entries {
        /// Path of the bundle.
        bundle: String,
        /// Entries that it has.
        expected: usize,
        /// Entries that could be read.
        found: usize,
    },
    /// An entry too long for a bundle.
    #[error("an entry of {bytes} bytes is above the limit of {BUNDLE_ENTRY_BYTES_MAX}")]
    EntryTooLong {
        /// Its length.
        bytes: usize,
    },
}

/// A tile of hashes: level, index within the level, and width. It lies within 2^63 - 1 entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tile {
    level: u8,
    index: u64,
    width: u16,
}

impl Tile {
    /// The tile of this level (0 to [`TILE_LEVEL_MAX`]), index and width (1 to [`TILE_WIDTH`]).
    ///
    /// # Errors
    /// [`TileError::Width`], and [`TileError::Beyond`] when it would stand for more than [`FOREIGN_SIZE_MAX`] entries.
    pub fn try_new(level: u8, index: u64, width: u16) -> Result<Self, TileError> {
        if width == 0 || width > TILE_WIDTH {
            return Err(TileError::Width { width });
        }
        let hashes = u128::from(index) * u128::from(TILE_WIDTH) + u128::from(width);
        if level > TILE_LEVEL_MAX || hashes << (8 * u32::from(level)) > u128::from(FOREIGN_SIZE_MAX) {
            return Err(TileError::Beyond { level, index });
        }
        Ok(Self { level, index, width })
    }

    /// The tile of this level and index as it stands in a tree of `size` entries: full, partial, or not there yet. A size
    /// above [`FOREIGN_SIZE_MAX`] is taken as that.
    #[must_use]
    pub fn in_tree(level: u8, index: u64, size: u64) -> Option<Self> {
        if level > TILE_LEVEL_MAX {
            return None;
        }
        let hashes = size.min(FOREIGN_SIZE_MAX) >> (8 * u32::from(level));
        let width = hashes.saturating_sub(index.checked_mul(u64::from(TILE_WIDTH))?);
        let width = u16::try_from(width).map_or(TILE_WIDTH, |width| width.min(TILE_WIDTH));
        Self::try_new(level, index, width).ok()
    }

    /// 0 for leaf hashes; on level `l` a hash stands for `256^l` entries.
    #[must_use]
    pub const fn level(self) -> u8 {
        self.level
    }

    /// Number of the tile within its level, from 0.
    #[must_use]
    pub const fn index(self) -> u64 {
        self.index
    }

    /// Number of hashes, 1 to 256.
    #[must_use]
    pub const fn width(self) -> u16 {
        self.width
    }

    /// Whether it has all of its hashes.
    #[must_use]
    pub const fn is_full(self) -> bool {
        self.width == TILE_WIDTH
    }

    /// Whether a tree of `size` entries has all hashes of this tile.
    #[must_use]
    pub fn is_within(self, size: u64) -> bool {
        self.hashes_end() <= size >> (8 * u32::from(self.level))
    }

    /// Number of hashes on its level up to the last of this tile.
    const fn hashes_end(self) -> u64 {
        // Cannot overflow: it stands for at most 2^63 - 1 entries.
        self.index * TILE_WIDTH as u64 + self.width as u64
    }

    /// Where it stands below a log's address: `tile/0/x001/x234/067`, and for a partial tile `….p/W`.
    #[must_use]
    pub fn path(self) -> String {
        format!("tile/{}/{}", self.level, index_path(self.index, self.width))
    }

    /// Reads a path as [`Tile::path`] writes it; it has no other spelling.
    ///
    /// # Errors
    /// [`TileError::Path`], [`TileError::Beyond`].
    pub fn parse(path: &str) -> Result<Self, TileError> {
        let wrong = || TileError::Path { path: shown(path) };
        let rest = path.strip_prefix("tile/").ok_or_else(wrong)?;
        let (level, rest) = rest.split_once('/').ok_or_else(wrong)?;
        let digits = matches!(level.len(), 1 | 2) && level.bytes().all(|byte| byte.is_ascii_digit());
        // The specification has levels up to 63; above 7 there is no tile.
        let level = level.parse().ok().filter(|level| digits && *level <= 63).ok_or_else(wrong)?;
        let (index, width) = parse_index_path(rest).ok_or_else(wrong)?;
        let tile = Self::try_new(level, index, width)?;
        // The one comparison that makes the reading strict.
        if tile.path() == path { Ok(tile) } else { Err(wrong()) }
    }

    /// The tile's bytes: its hashes one after another.
    ///
    /// # Errors
    /// [`TileError::Count`] when there are not as many hashes as it is wide.
    pub fn encode(self, hashes: &[Hash]) -> Result<Vec<u8>, TileError> {
        let expected = usize::from(self.width);
        if hashes.len() != expected {
            return Err(TileError::Count { tile: self.path(), expected, found: hashes.len() });
        }
        Ok(hashes.iter().flat_map(|hash| hash.0).collect())
    }

    /// The hashes in the tile's bytes. That they are the right ones is shown by the root that they lead to.
    ///
    /// # Errors
    /// [`TileError::Bytes`] when there are not 32 bytes for every hash.
    pub fn decode(self, bytes: &[u8]) -> Result<Vec<Hash>, TileError> {
        let expected = usize::from(self.width) * 32;
        if bytes.len() != expected {
            return Err(TileError::Bytes { tile: self.path(), expected, found: bytes.len() });
        }
        let (hashes, _) = bytes.as_chunks::<32>();
        Ok(hashes.iter().copied().map(Hash).collect())
    }
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path())
    }
}

/// The entries under one tile of level 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryBundle {
    leaves: Tile,
}

impl EntryBundle {
    /// The bundle of this index and width (1 to [`TILE_WIDTH`]).
    ///
    /// # Errors
    /// As [`Tile::try_new`].
    pub fn try_new(index: u64, width: u16) -> Result<Self, TileError> {
        Ok(Self { leaves: Tile::try_new(0, index, width)? })
    }

    /// The bundle of this index as it stands in a log of `size` entries: full, partial, or not there yet.
    #[must_use]
    pub fn in_log(index: u64, size: u64) -> Option<Self> {
        Some(Self { leaves: Tile::in_tree(0, index, size)? })
    }

    /// Number of the bundle, from 0.
    #[must_use]
    pub const fn index(self) -> u64 {
        self.leaves.index
    }

    /// Number of entries, 1 to 256.
    #[must_use]
    pub const fn width(self) -> u16 {
        self.leaves.width
    }

    /// Whether it has all of its entries.
    #[must_use]
    pub const fn is_full(self) -> bool {
        self.leaves.is_full()
    }

    /// The tile of level 0 that holds the leaf hashes of these entries.
    #[must_use]
    pub const fn tile(self) -> Tile {
        self.leaves
    }

    /// Position of its first entry.
    #[must_use]
    pub const fn first_position(self) -> u64 {
        self.leaves.index * TILE_WIDTH as u64
    }

    /// Whether a log of `size` entries has all of these.
    #[must_use]
    pub fn is_within(self, size: u64) -> bool {
        self.leaves.is_within(size)
    }

    /// Where it stands below a log's address: `tile/entries/x001/x234/067`, and for a partial bundle `….p/W`.
    #[must_use]
    pub fn path(self) -> String {
        format!("tile/entries/{}", index_path(self.leaves.index, self.leaves.width))
    }

    /// Reads a path as [`EntryBundle::path`] writes it; it has no other spelling.
    ///
    /// # Errors
    /// [`TileError::Path`], [`TileError::Beyond`].
    pub fn parse(path: &str) -> Result<Self, TileError> {
        let wrong = || TileError::Path { path: shown(path) };
        let rest = path.strip_prefix("tile/entries/").ok_or_else(wrong)?;
        let (index, width) = parse_index_path(rest).ok_or_else(wrong)?;
        let bundle = Self::try_new(index, width)?;
        if bundle.path() == path { Ok(bundle) } else { Err(wrong()) }
    }

    /// The bundle's bytes: every entry after its length in two bytes, big-endian.
    ///
    /// # Errors
    /// [`TileError::Count`] when there are not as many entries as it is wide, [`TileError::EntryTooLong`].
    pub fn encode<T: AsRef<[u8]>>(self, entries: &[T]) -> Result<Vec<u8>, TileError> {
        let expected = usize::from(self.width());
        if entries.len() != expected {
            return Err(TileError::Count { tile: self.path(), expected, found: entries.len() });
        }
        let mut bytes = Vec::with_capacity(entries.iter().map(|entry| 2 + entry.as_ref().len()).sum());
        for entry in entries {
            let entry = entry.as_ref();
            let length = u16::try_from(entry.len()).map_err(|_| TileError::EntryTooLong { bytes: entry.len() })?;
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(entry);
        }
        Ok(bytes)
    }

    /// The entries in the bundle's bytes. That they are the right ones is shown by their leaf hashes.
    ///
    /// # Errors
    /// [`TileError::Entries`] when the bytes are not as many entries as the bundle is wide, and nothing else.
    pub fn decode(self, bytes: &[u8]) -> Result<Vec<&[u8]>, TileError> {
        let expected = usize::from(self.width());
        let mut entries = Vec::with_capacity(expected);
        let mut rest = bytes;
        while entries.len() < expected {
            let Some((entry, after)) = split_entry(rest) else { break };
            entries.push(entry);
            rest = after;
        }
        if entries.len() < expected || !rest.is_empty() {
            return Err(TileError::Entries { bundle: self.path(), expected, found: entries.len() });
        }
        Ok(entries)
    }
}

impl fmt::Display for EntryBundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path())
    }
}

/// All tiles of a tree of `size` entries, level by level from the leaves, each level from the left. A size above
/// [`FOREIGN_SIZE_MAX`] is taken as that.
pub fn tiles_at(size: u64) -> impl Iterator<Item = Tile> {
    tiles_between(0, size)
}

/// The tiles that a tree of `new_size` entries has and one of `old_size` had not, level by level from the leaves, each
/// level from the left: what is to be written when a log has grown. None when it has not grown.
pub fn tiles_between(old_size: u64, new_size: u64) -> impl Iterator<Item = Tile> {
    (0..=TILE_LEVEL_MAX).flat_map(move |level| tiles_of_level(level, old_size, new_size))
}

/// All bundles of a log of `size` entries, from the left.
pub fn bundles_at(size: u64) -> impl Iterator<Item = EntryBundle> {
    bundles_between(0, size)
}

/// The bundles that a log of `new_size` entries has and one of `old_size` had not, from the left.
pub fn bundles_between(old_size: u64, new_size: u64) -> impl Iterator<Item = EntryBundle> {
    tiles_of_level(0, old_size, new_size).map(|leaves| EntryBundle { leaves })
}

fn tiles_of_level(level: u8, old_size: u64, new_size: u64) -> impl Iterator<Item = Tile> {
    let size = new_size.min(FOREIGN_SIZE_MAX);
    let shift = 8 * u32::from(level);
    let (old, new) = (old_size >> shift, size >> shift);
    let width = u64::from(TILE_WIDTH);
    // From the tile that the next hash went into, to the last that has any; none without a new hash.
    let tiles = if old < new { old / width..new.div_ceil(width) } else { 0..0 };
    tiles.filter_map(move |index| Tile::in_tree(level, index, size))
}

fn index_path(index: u64, width: u16) -> String {
    let mut path = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1000);
        rest /= 1000;
    }
    if width < TILE_WIDTH { format!("{path}.p/{width}") } else { path }
}

/// Index and width, if the path is one in some spelling: the caller compares it with the right one.
fn parse_index_path(path: &str) -> Option<(u64, u16)> {
    if path.len() > PATH_BYTES_MAX {
        return None;
    }
    let (groups, width) = match path.split_once(".p/") {
        Some((groups, width)) => (groups, width.parse().ok()?),
        None => (path, TILE_WIDTH),
    };
    let mut index = 0_u64;
    for group in groups.split('/') {
        let digits = group.strip_prefix('x').unwrap_or(group);
        if digits.len() != 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
    }
    (1..=TILE_WIDTH).contains(&width).then_some((index, width))
}

fn split_entry(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}
