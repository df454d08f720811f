//! Roots and proofs of the log's tree, made from tiles and checked before they are given away.
//!
//! **Cost.** Some six tiles, so a few hundred rows and milliseconds, whatever the size of the log. What a stored hash has
//! become is not trusted: every root is led to the head's or to a signed checkpoint's, every proof is verified, and
//! what does not lead there is `Corrupt`. A store that was rewritten as a whole, consistently, passes all of that: what
//! catches it are checkpoints from outside ([`Log::check_against`]).

use std::collections::{BTreeSet, HashMap};

use sogoc_proof::{
    Checkpoint, Frontier, Hash, ProofError, Subtree, Tile, consistency_path, inclusion_path, leaf_hash,
    multiproof_path, subtree_root, tiles_for, verify_consistency, verify_inclusion, verify_multiproof,
};

use crate::error::LogError;
use crate::log::{Head, Log};
use crate::store::{bytes32, integer, on_pool, told};
use crate::tiles::WIDTH;
use crate::values::Position;

impl Log {
    /// Root of the tree over the first `size` entries. It is a signed checkpoint's, or the tree goes on consistently
    /// from it to the head.
    ///
    /// # Errors
    /// `Refused` beyond the head; `Corrupt` when the stored hashes do not lead to the head's or the checkpoint's root;
    /// `Unavailable`.
    pub async fn root_at(&self, size: u64) -> Result<Hash, LogError> {
        Tree::new(self).await?.root_at(size).await
    }

    /// The hashes that prove that the entry at a position is in the tree over the first `size` entries (RFC 6962
    /// §2.1.1). They start from the hash of the entry's bytes as they are stored.
    ///
    /// # Errors
    /// `Refused` beyond the size or the head; `Corrupt` when bytes and stored hashes do not lead to the root;
    /// `Unavailable`.
    pub async fn inclusion_proof(&self, position: Position, size: u64) -> Result<Vec<Hash>, LogError> {
        let mut tree = Tree::new(self).await?;
        tree.check_size(size)?;
        let path = inclusion_path(position.0, size).map_err(|error| unprovable(&error))?;
        let (root, proof) = (tree.root_at(size).await?, tree.roots(&path, size).await?);
        let entry = self.read(position, 1).await?.pop();
        let entry = entry.ok_or_else(|| LogError::corrupt(position, "the entry is missing"))?;
        let leaf = leaf_hash(entry.bytes.as_bytes());
        verify_inclusion(&leaf, position.0, size, &proof, &root)
            .map_err(|error| LogError::corrupt(position, format!("the entry is not in the tree: {error}")))?;
        Ok(proof)
    }

    /// The hashes that prove that the tree over the first `new_size` entries holds all that the one over the first
    /// `old_size` held (RFC 6962 §2.1.2). None from size zero and for the same size.
    ///
    /// # Errors
    /// `Refused` for sizes that are exchanged or beyond the head; `Corrupt`, `Unavailable`.
    pub async fn consistency_proof(&self, old_size: u64, new_size: u64) -> Result<Vec<Hash>, LogError> {
        let mut tree = Tree::new(self).await?;
        tree.check_size(new_size)?;
        let path = consistency_path(old_size, new_size).map_err(|error| unprovable(&error))?;
        let (old_root, new_root) = (tree.root_at(old_size).await?, tree.root_at(new_size).await?);
        let proof = tree.roots(&path, new_size).await?;
        verify_consistency(old_size, &old_root, new_size, &new_root, &proof)
            .map_err(|error| LogError::corrupt(None, format!("stored hashes contradict each other: {error}")))?;
        Ok(proof)
    }

    /// The hashes that prove at once that the entries at several positions, ascending, are in the tree over the first
    /// `size` entries ([`sogoc_proof::verify_multiproof`]). They start from the stored leaf hashes: whoever sends the
    /// entries along hashes them.
    ///
    /// # Errors
    /// `Refused` without positions, when they do not ascend, or beyond the size or the head; `Corrupt`, `Unavailable`.
    pub async fn multiproof(&self, positions: &[Position], size: u64) -> Result<Vec<Hash>, LogError> {
        let mut tree = Tree::new(self).await?;
        tree.check_size(size)?;
        let indexes: Vec<u64> = positions.iter().map(|position| position.0).collect();
        let path = multiproof_path(&indexes, size).map_err(|error| unprovable(&error))?;
        let (root, proof) = (tree.root_at(size).await?, tree.roots(&path, size).await?);
        let leaves = tree.leaves(&indexes).await?;
        verify_multiproof(&leaves, size, &proof, &root)
            .map_err(|error| LogError::corrupt(None, format!("stored hashes contradict each other: {error}")))?;
        Ok(proof)
    }

    /// Compares the log with a checkpoint that was kept outside of the store: at every start, and after every restore.
    /// The caller has verified who signed it. The root is computed from the leaf hashes of all entries that it covers,
    /// not from anything that was derived from them: about a second for a million entries.
    ///
    /// # Errors
    /// `OtherLog` for a checkpoint of another log; `Diverged` when the log is shorter than the checkpoint or has another
    /// history; `Corrupt` where leaf hashes are missing; `Unavailable`.
    pub async fn check_against(&self, outside: &Checkpoint) -> Result<(), LogError> {
        if outside.origin() != self.name() {
            let (found, expected) = (self.name().to_owned(), outside.origin().to_owned());
            return Err(LogError::OtherLog { found, expected });
        }
        let size = self.head().await?.size;
        let diverged = |root| LogError::Diverged { size, checkpoint: outside.size(), signed: outside.root(), root };
        if outside.size() > size {
            return Err(diverged(None));
        }
        let root = self.continue_frontier(Frontier::new(), outside.size()).await?.root();
        if root == outside.root() { Ok(()) } else { Err(diverged(Some(root))) }
    }

    /// Root of the checkpoint of exactly this size, if one was signed.
    async fn checkpoint_root(&self, size: u64) -> Result<Option<Hash>, LogError> {
        let root: Option<Vec<u8>> = on_pool!(self.pool(), pool => {
            sqlx::query_scalar("select root from checkpoint where size = $1")
                .bind(integer(size))
                .fetch_optional(pool)
                .await
                .map_err(|error| told(&error))?
        });
        root.map(|root| bytes32(&root, "checkpoint.root").map(Hash)).transpose()
    }
}

/// The tree as of one head, with the tiles that were read for one question.
struct Tree<'a> {
    log: &'a Log,
    head: Head,
    /// By level and index, as wide as at the head.
    tiles: HashMap<(u8, u64), Vec<Hash>>,
    roots: HashMap<u64, Hash>,
}

impl<'a> Tree<'a> {
    async fn new(log: &'a Log) -> Result<Self, LogError> {
        Ok(Self { log, head: log.head().await?, tiles: HashMap::new(), roots: HashMap::new() })
    }

    fn check_size(&self, size: u64) -> Result<(), LogError> {
        if size <= self.head.size {
            return Ok(());
        }
        Err(LogError::refused(
            format!("a tree of {size} entries"),
            format!("the log has {}", self.head.size),
            "ask for a size that it has reached",
        ))
    }

    async fn root_at(&mut self, size: u64) -> Result<Hash, LogError> {
        self.check_size(size)?;
        if let Some(root) = self.roots.get(&size) {
            return Ok(*root);
        }
        let root = match Subtree::try_new(0, size) {
            None => sogoc_proof::empty_root(),
            Some(whole) => self.roots(&[whole], size).await?[0],
        };
        let known = if size == self.head.size { Some(self.head.root) } else { self.log.checkpoint_root(size).await? };
        match known {
            Some(known) if known == root => {}
            Some(known) => {
                let what = format!("the first {size} entries have root {root}, recorded was {known}");
                return Err(LogError::corrupt(None, what));
            }
            None => {
                let head = self.head.clone();
                let path = consistency_path(size, head.size).map_err(|error| unprovable(&error))?;
                let proof = self.roots(&path, head.size).await?;
                verify_consistency(size, &root, head.size, &head.root, &proof).map_err(|error| {
                    LogError::corrupt(None, format!("from {size} entries to the head's {}: {error}", head.size))
                })?;
            }
        }
        self.roots.insert(size, root);
        Ok(root)
    }

    /// Roots of subtrees of the tree of `size` entries.
    async fn roots(&mut self, subtrees: &[Subtree], size: u64) -> Result<Vec<Hash>, LogError> {
        self.fetch(tiles_for(subtrees, size)).await?;
        let corrupt = |error: sogoc_proof::SubtreeError| LogError::corrupt(None, error.to_string());
        let lookup = |tile: Tile| self.tiles.get(&(tile.level(), tile.index()))?.get(..usize::from(tile.width()));
        subtrees.iter().map(|subtree| subtree_root(*subtree, size, lookup).map_err(corrupt)).collect()
    }

    /// Stored leaf hashes with their indexes.
    async fn leaves(&mut self, indexes: &[u64]) -> Result<Vec<(u64, Hash)>, LogError> {
        let size = self.head.size;
        self.fetch(indexes.iter().filter_map(|index| Tile::in_tree(0, index / WIDTH, size))).await?;
        let leaf = |index: &u64| {
            let place = usize::try_from(index % WIDTH).ok()?;
            Some((*index, *self.tiles.get(&(0, index / WIDTH))?.get(place)?))
        };
        let missing = |index: &u64| LogError::corrupt(Position(*index), "the entry is missing");
        indexes.iter().map(|index| leaf(index).ok_or_else(|| missing(index))).collect()
    }

    /// Reads what is not here yet.
    async fn fetch(&mut self, tiles: impl IntoIterator<Item = Tile>) -> Result<(), LogError> {
        let size = self.head.size;
        let wanted: BTreeSet<Tile> = tiles
            .into_iter()
            .filter(|tile| !self.tiles.contains_key(&(tile.level(), tile.index())))
            .filter_map(|tile| Tile::in_tree(tile.level(), tile.index(), size))
            .collect();
        self.tiles.extend(self.log.tiles_at(&wanted, size).await?);
        Ok(())
    }
}

fn unprovable(error: &ProofError) -> LogError {
    LogError::refused("this proof", error.to_string(), "ask for entries and sizes that the log has, in order")
}
