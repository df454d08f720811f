//! The tree in tiles (C2SP tlog-tiles): 256 hashes of one level, eight levels of the tree apart.
//!
//! **Shape.** A tile of level 0 is the leaf hashes of 256 entries; one of level l + 1 is the roots of 256 full tiles of
//! level l, which stand in the table `tile_root`. So any tile is at most 256 rows, and a proof in a log of a million and
//! a half entries is made from some six tiles. **Cost.** A row of 32 bytes and 256 hashes for 256 entries, outside of
//! every append: whoever reads finds what is missing and adds it. Nothing is checked here; what is made from tiles is
//! checked against a root (`tree.rs`), and `log verify` compares every row.

use std::collections::{BTreeSet, HashMap};

use sogoc_proof::{EntryBundle, Frontier, Hash, TILE_WIDTH, Tile};

use crate::error::LogError;
use crate::log::Log;
use crate::reading::placed;
use crate::store::{Pool, bytes32, integer, on_pool, told};
use crate::values::Position;

/// Hashes of a full tile.
pub(crate) const WIDTH: u64 = TILE_WIDTH as u64;
/// Tiles whose roots are computed, or whose hashes are read, with one statement.
const TILES_AT_A_TIME: u64 = 32;

impl Log {
    /// Writes the roots of full tiles that are missing, up to the head, and returns how many. Repeated or run by several
    /// processes at once it writes each once, in chunks of a few dozen. Verifies nothing: that is for `verify`.
    ///
    /// # Errors
    /// `Unavailable`; `Corrupt` where leaf hashes are missing, or another root was recorded.
    pub async fn extend_tiles(&self) -> Result<u64, LogError> {
        let size = self.head_row().await?.frontier.size();
        self.extend_tiles_to(size).await
    }

    async fn extend_tiles_to(&self, size: u64) -> Result<u64, LogError> {
        let mut written = 0;
        // A level needs all of the level below.
        for level in 0..levels(size) {
            let there = full_tiles(level, size);
            let mut next = self.tile_roots(level).await?;
            while next < there {
                let end = there.min(next + TILES_AT_A_TIME);
                let hashes = self.hashes(level, next * WIDTH, end * WIDTH).await?;
                let roots: Vec<Hash> = hashes.chunks(usize::from(TILE_WIDTH)).map(sogoc_proof::root).collect();
                written += self.insert_tile_roots(level, next, &roots).await?;
                next = end;
            }
        }
        Ok(written)
    }

    /// How many roots a level has: they are written in order, so the last one tells.
    pub(crate) async fn tile_roots(&self, level: u8) -> Result<u64, LogError> {
        let count: i64 = on_pool!(self.pool(), pool => {
            sqlx::query_scalar("select coalesce(max(number) + 1, 0) from tile_root where level = $1")
                .bind(i16::from(level))
                .fetch_one(pool)
                .await
                .map_err(|error| told(&error))?
        });
        u64::try_from(count).map_err(|_| LogError::corrupt(None, format!("tile_root.number is {count}")))
    }

    /// Returns how many were not there.
    async fn insert_tile_roots(&self, level: u8, from: u64, roots: &[Hash]) -> Result<u64, LogError> {
        let told = |error: sqlx::Error| told(&error);
        match self.pool() {
            Pool::Postgres(pool) => {
                let numbers: Vec<i64> = (from..).take(roots.len()).map(integer).collect();
                let hashes: Vec<&[u8]> = roots.iter().map(|root| root.0.as_slice()).collect();
                let inserted = sqlx::query(
                    "insert into tile_root (level, number, hash)
                     select $1, * from unnest($2::bigint[], $3::bytea[])
                     on conflict do nothing",
                )
                .bind(i16::from(level))
                .bind(numbers)
                .bind(hashes)
                .execute(pool);
                Ok(inserted.await.map_err(told)?.rows_affected())
            }
            Pool::Sqlite(pool) => {
                let mut inserted = 0;
                let mut transaction = pool.begin_with("begin immediate").await.map_err(told)?;
                for (number, root) in (from..).zip(roots) {
                    let done = sqlx::query(
                        "insert into tile_root (level, number, hash) values ($1, $2, $3) on conflict do nothing",
                    )
                    .bind(i16::from(level))
                    .bind(integer(number))
                    .bind(root.0.to_vec())
                    .execute(&mut *transaction);
                    inserted += done.await.map_err(told)?.rows_affected();
                }
                transaction.commit().await.map_err(told)?;
                Ok(inserted)
            }
        }
    }

    /// The hashes of a tile.
    ///
    /// # Errors
    /// `Refused` when the log is not yet large enough for a tile of this width; `Unavailable`, `Corrupt`.
    pub async fn tile(&self, tile: Tile) -> Result<Vec<Hash>, LogError> {
        let size = self.head_row().await?.frontier.size();
        if !tile.is_within(size) {
            return Err(beyond(&tile, size));
        }
        let from = tile.index() * WIDTH;
        let read = || self.hashes(tile.level(), from, from + u64::from(tile.width()));
        match read().await {
            // Most likely nobody has written the roots below yet.
            Err(LogError::Corrupt { .. }) if tile.level() > 0 => {
                self.extend_tiles_to(size).await?;
                read().await
            }
            read => read,
        }
    }

    /// The bytes of an entry bundle: every entry after its length in two bytes. Who may read them is for the caller to
    /// know.
    ///
    /// # Errors
    /// `Refused` when the log does not have all of these entries; `Unavailable`, `Corrupt`.
    pub async fn entry_bundle(&self, bundle: EntryBundle) -> Result<Vec<u8>, LogError> {
        let size = self.head_row().await?.frontier.size();
        if !bundle.is_within(size) {
            return Err(beyond(&bundle, size));
        }
        let first = Position(bundle.first_position());
        let entries = self.read(first, usize::from(bundle.width())).await?;
        let texts: Vec<&str> = entries.iter().map(|entry| entry.bytes.as_str()).collect();
        bundle.encode(&texts).map_err(|error| LogError::corrupt(first, error.to_string()))
    }

    /// Several tiles as they stand in a tree of `size` entries, which the log has; neighbours with one statement. Those
    /// of level 1 and above need the roots up to there to be written.
    pub(crate) async fn tiles_at(
        &self,
        tiles: &BTreeSet<Tile>,
        size: u64,
    ) -> Result<HashMap<(u8, u64), Vec<Hash>>, LogError> {
        if tiles.iter().any(|tile| tile.level() > 0) {
            self.extend_tiles_to(size).await?;
        }
        let mut found = HashMap::with_capacity(tiles.len());
        let mut tiles = tiles.iter().peekable();
        while let Some(first) = tiles.next() {
            let (level, mut last) = (first.level(), first);
            while let Some(next) = tiles.next_if(|next| {
                let follows = next.level() == level && next.index() == last.index() + 1;
                follows && last.is_full() && next.index() - first.index() < TILES_AT_A_TIME
            }) {
                last = next;
            }
            let (from, to) = (first.index() * WIDTH, last.index() * WIDTH + u64::from(last.width()));
            let hashes = self.hashes(level, from, to).await?;
            let split = hashes.chunks(usize::from(TILE_WIDTH)).map(<[Hash]>::to_vec);
            found.extend((first.index()..).map(|index| (level, index)).zip(split));
        }
        Ok(found)
    }

    /// The hashes of a level of tiles from one number up to another: leaf hashes at level 0, above it roots of the tiles
    /// of the level below.
    async fn hashes(&self, level: u8, from: u64, to: u64) -> Result<Vec<Hash>, LogError> {
        let Some(below) = level.checked_sub(1) else { return self.leaves(Position(from), Position(to)).await };
        let rows: Vec<(i64, Vec<u8>)> = on_pool!(self.pool(), pool => {
            sqlx::query_as(
                "select number, hash
                 from tile_root
                 where level = $1 and number >= $2 and number < $3
                 order by number",
            )
            .bind(i16::from(below))
            .bind(integer(from))
            .bind(integer(to))
            .fetch_all(pool)
            .await
            .map_err(|error| told(&error))?
        });
        let first = |number: u64| Position(number << (8 * u32::from(level)));
        for ((found, _), expected) in rows.iter().zip(from..) {
            if *found != integer(expected) {
                let what = format!("the root of tile {expected} of level {below} is missing");
                return Err(LogError::corrupt(first(expected), what));
            }
        }
        if rows.len() as u64 != to - from {
            let missing = from + rows.len() as u64;
            let what = format!("the root of tile {missing} of level {below} is missing");
            return Err(LogError::corrupt(first(missing), what));
        }
        rows.into_iter()
            .zip(from..)
            .map(|((_, hash), number)| {
                Ok(Hash(bytes32(&hash, "tile_root.hash").map_err(|error| placed(error, first(number)))?))
            })
            .collect()
    }
}

/// The root of a full tile, as a row of `tile_root`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TileRoot {
    pub(crate) level: u8,
    pub(crate) number: u64,
    pub(crate) hash: Hash,
}

impl TileRoot {
    /// Position of the first entry under it.
    pub(crate) fn first(&self) -> Position {
        Position(self.number << (8 * (u32::from(self.level) + 1)))
    }
}

/// A [`Frontier`] divided at the levels of tiles, so that the roots of full tiles come out on the way, at the cost of none.
pub(crate) struct Levels {
    size: u64,
    /// Of each level the tile at the right edge, as the frontier of a tree of fewer than 256 hashes.
    levels: Vec<Frontier>,
}

impl Levels {
    pub(crate) fn new(frontier: &Frontier) -> Result<Self, LogError> {
        let size = frontier.size();
        // Largest first: the last ones are of the lowest level.
        let mut edge = frontier.edge();
        let mut levels = Vec::new();
        for level in 0_u32.. {
            let width = size.checked_shr(8 * level).unwrap_or(0);
            if width == 0 {
                break;
            }
            let width = width % WIDTH;
            let (above, here) = edge.split_at(edge.len() - width.count_ones() as usize);
            edge = above;
            levels.push(of_edge(width, here.iter())?);
        }
        Ok(Self { size, levels })
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Adds the next leaf and tells the roots of the tiles that it fills.
    pub(crate) fn append(&mut self, leaf: Hash, full: &mut impl FnMut(TileRoot)) {
        self.size += 1;
        let mut hash = leaf;
        for level in 0_u8.. {
            let at = usize::from(level);
            if self.levels.len() == at {
                self.levels.push(Frontier::new());
            }
            self.levels[at].append(hash);
            if self.levels[at].size() < WIDTH {
                return;
            }
            hash = std::mem::take(&mut self.levels[at]).root();
            full(TileRoot { level, number: (self.size >> (8 * (u32::from(level) + 1))) - 1, hash });
        }
    }

    pub(crate) fn frontier(&self) -> Frontier {
        let edge = self.levels.iter().rev().flat_map(Frontier::edge);
        of_edge(self.size, edge).expect("as many hashes as bits are set in the size")
    }
}

fn of_edge<'a>(size: u64, edge: impl Iterator<Item = &'a Hash>) -> Result<Frontier, LogError> {
    let mut bytes = size.to_be_bytes().to_vec();
    edge.for_each(|hash| bytes.extend_from_slice(&hash.0));
    Frontier::from_bytes(&bytes).map_err(|error| LogError::corrupt(None, error.to_string()))
}

/// Levels on which a log of this size has full tiles.
pub(crate) fn levels(size: u64) -> u8 {
    (0..).take_while(|level| full_tiles(*level, size) > 0).last().map_or(0, |level| level + 1)
}

/// Full tiles of a level in a log of this size.
pub(crate) fn full_tiles(level: u8, size: u64) -> u64 {
    size.checked_shr(8 * (u32::from(level) + 1)).unwrap_or(0)
}

fn beyond(what: &dyn std::fmt::Display, size: u64) -> LogError {
    LogError::refused(what.to_string(), format!("the log has {size} entries"), "ask for what it has")
}

#[cfg(test)]
mod tests {
    use sogoc_proof::{Frontier, Hash};

    use super::{Levels, full_tiles, levels};

    #[test]
    fn a_frontier_divided_into_levels_is_the_same_at_every_size() {
        let leaf = |n: u64| {
            let mut leaf = [0; 32];
            leaf[..8].copy_from_slice(&n.to_be_bytes());
            Hash(leaf)
        };
        let (mut frontier, mut whole) = (Frontier::new(), Levels::new(&Frontier::new()).expect("empty"));
        let (mut roots, mut last) = (Vec::new(), Vec::new());
        let mut taken_up = Levels::new(&Frontier::new()).expect("empty");
        for n in 0..70_000 {
            frontier.append(leaf(n));
            whole.append(leaf(n), &mut |root| roots.push(root));
            taken_up.append(leaf(n), &mut |root| last.push(root));
            if n % 777 == 0 || n > 65_000 && n % 31 == 0 {
                assert_eq!(whole.frontier(), frontier);
                taken_up = Levels::new(&frontier).expect("a frontier");
                assert_eq!((taken_up.frontier(), taken_up.size()), (frontier.clone(), n + 1));
            }
        }
        assert_eq!(roots, last, "wherever it was taken up");
        assert_eq!(roots.len(), 273 + 1);
        let leaves: Vec<Hash> = (256..512).map(leaf).collect();
        assert_eq!(roots[1].hash, sogoc_proof::root(&leaves));
        let of_level_0: Vec<Hash> =
            roots.iter().filter(|root| root.level == 0).take(256).map(|root| root.hash).collect();
        let above = roots.iter().find(|root| root.level == 1).expect("256 are full");
        assert_eq!((above.number, above.hash), (0, sogoc_proof::root(&of_level_0)));
        assert_eq!((above.first().0, roots[1].first().0), (0, 256));
    }

    #[test]
    fn a_level_has_full_tiles_once_256_of_the_level_below_are_full() {
        for (size, expected) in [(0, 0), (255, 0), (256, 1), (65_535, 1), (65_536, 2), (1 << 24, 3), (1 << 53, 6)] {
            assert_eq!(levels(size), expected, "{size}");
        }
        assert_eq!((full_tiles(0, 70_000), full_tiles(1, 70_000), full_tiles(2, 70_000)), (273, 1, 0));
    }
}
