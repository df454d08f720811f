//! Proofs from tiles, and proofs of many leaves, against the tree over all leaves.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use proptest::prelude::*;
use sogoc_proof::{
    FOREIGN_SIZE_MAX, Hash, ProofError, Subtree, SubtreeError, Tile, consistency_path, consistency_proof,
    inclusion_path, inclusion_proof, multiproof_path, node_hash, root, root_from_tiles, subtree_root, subtree_roots,
    tiles_for, tiles_for_root, verify_consistency, verify_inclusion, verify_multiproof,
};

use crate::support::{leaves, tiles_by_definition};

const LARGE: u64 = 70_000;

struct Tree {
    leaves: Vec<Hash>,
    tiles: BTreeMap<Tile, Vec<Hash>>,
}

/// A tree of three levels of tiles, hashed once.
fn large() -> &'static Tree {
    static TREE: OnceLock<Tree> = OnceLock::new();
    TREE.get_or_init(|| {
        let leaves = leaves(LARGE);
        let tiles = tiles_by_definition(&leaves);
        Tree { leaves, tiles }
    })
}

/// The hashes of a tile of the large tree as it was at a smaller size: the beginning of what it is now.
fn tile_of_large(tile: Tile, size: u64) -> Option<&'static [Hash]> {
    let Tree { tiles, .. } = large();
    let now = Tile::in_tree(tile.level(), tile.index(), LARGE)?;
    assert_eq!(Tile::in_tree(tile.level(), tile.index(), size), Some(tile), "a tile that the tree has not");
    Some(&tiles[&now][..usize::from(tile.width())])
}

/// Roots of these subtrees, where the only tiles at hand are those that were asked for before.
fn roots_from_fetched(path: &[Subtree], size: u64) -> Vec<Hash> {
    let fetched: BTreeMap<Tile, &[Hash]> =
        tiles_for(path, size).into_iter().map(|tile| (tile, tile_of_large(tile, size).expect("a tile"))).collect();
    subtree_roots(path, size, |tile| fetched.get(&tile).copied()).expect("all tiles were fetched")
}

#[test]
fn every_node_of_small_trees_is_a_subtree_and_nothing_else_is() {
    for size in 1..=70_u64 {
        let mut nodes = Vec::new();
        let mut waiting = vec![(0, size)];
        while let Some((start, end)) = waiting.pop() {
            nodes.push((start, end));
            if end - start > 1 {
                let middle = start + ((end - start).next_power_of_two() / 2);
                waiting.extend([(start, middle), (middle, end)]);
            }
        }
        for &(start, end) in &nodes {
            let subtree = Subtree::try_new(start, end).expect("a node");
            assert_eq!((subtree.start(), subtree.end(), subtree.leaves()), (start, end, end - start));
        }
        // What ends at the size is a node of this tree or of none.
        for start in 0..=size {
            assert_eq!(Subtree::try_new(start, size).is_some(), nodes.contains(&(start, size)), "{start} to {size}");
        }
    }
    assert_eq!(Subtree::try_new(3, 2), None);
    assert_eq!(Subtree::try_new(1, u64::MAX), None);
    assert!(Subtree::try_new(0, u64::MAX).is_some());
    assert!(Subtree::try_new(1 << 63, u64::MAX).is_some());
}

#[test]
fn the_root_from_tiles_is_the_root_at_every_size() {
    let Tree { leaves, .. } = large();
    for size in (0..40).chain(250..260).chain(510..520).chain([65_535, 65_536, 65_537, 65_791, 65_792, 69_999, LARGE]) {
        let needed = tiles_for_root(size);
        let lookup = |tile: Tile| needed.contains(&tile).then(|| tile_of_large(tile, size)).flatten();
        assert_eq!(root_from_tiles(size, lookup), Ok(root(&leaves[..size as usize])), "size {size}");
        assert!(needed.len() <= 3);
    }
}

#[test]
fn a_missing_or_wrong_tile_is_named() {
    let size = 1000;
    let subtree = Subtree::try_new(256, 512).expect("a node");
    let [tile] = tiles_for(&[subtree], size)[..] else { panic!("one tile") };
    assert_eq!(tile.path(), "tile/1/000.p/3");
    assert_eq!(subtree_root(subtree, size, |_| None), Err(SubtreeError::Missing(tile)));
    let short = leaves(2);
    let wrong = subtree_root(subtree, size, |_| Some(short.as_slice()));
    assert_eq!(wrong, Err(SubtreeError::Width { tile, found: 2 }));
    let beyond = Subtree::try_new(512, 1024).expect("a node");
    assert_eq!(subtree_root(beyond, size, |_| None), Err(SubtreeError::Beyond { end: 1024, size }));
    assert_eq!(root_from_tiles(u64::MAX, |_| None).map_err(|error| error.to_string().is_empty()), Err(false));
}

#[test]
fn trees_of_any_size_are_within_reach() {
    // All leaves are equal, so that every complete subtree of one height has one root.
    let leaf = leaves(1)[0];
    let mut heights = vec![leaf];
    for height in 0..63 {
        heights.push(node_hash(&heights[height], &heights[height]));
    }
    let rows: Vec<Vec<Hash>> = (0..8).map(|level| vec![heights[8 * level]; 256]).collect();
    let rows = &rows;
    for size in [1 << 53, (1 << 53) - 1, (1 << 62) + 12_345, FOREIGN_SIZE_MAX - 1, FOREIGN_SIZE_MAX] {
        let lookup = |tile: Tile| {
            assert!(tile.is_within(size));
            Some(&rows[usize::from(tile.level())][..usize::from(tile.width())])
        };
        let by_bits = (0..63).filter(|bit| size >> bit & 1 == 1).map(|bit| heights[bit]);
        let top = by_bits.reduce(|right, left| node_hash(&left, &right)).expect("not empty");
        assert_eq!(root_from_tiles(size, lookup), Ok(top));
        assert!(tiles_for_root(size).len() <= 8);
        for index in [0, 1, size / 3, size - 2, size - 1] {
            let path = inclusion_path(index, size).expect("in the tree");
            assert!(path.len() <= 63);
            let proof = subtree_roots(&path, size, lookup).expect("all tiles");
            assert_eq!(verify_inclusion(&leaf, index, size, &proof, &top), Ok(()));
        }
        for old in [0, 1, size / 3, size - 1, size] {
            let old_root =
                root_from_tiles(old, |tile: Tile| Some(&rows[usize::from(tile.level())][..usize::from(tile.width())]));
            let path = consistency_path(old, size).expect("not above");
            assert!(path.len() <= 64);
            let proof = subtree_roots(&path, size, lookup).expect("all tiles");
            assert_eq!(verify_consistency(old, &old_root.expect("all tiles"), size, &top, &proof), Ok(()));
        }
        let indexes = [0, 7, size / 2, size - 1];
        let path = multiproof_path(&indexes, size).expect("in the tree");
        let proof = subtree_roots(&path, size, lookup).expect("all tiles");
        assert_eq!(verify_multiproof(&indexes.map(|index| (index, leaf)), size, &proof, &top), Ok(()));
    }
}

#[test]
fn a_multiproof_of_every_choice_of_leaves_of_small_trees_verifies_and_no_other_does() {
    for size in 1..=7_u64 {
        let all = leaves(size);
        let top = root(&all);
        for choice in 1..1_u32 << size {
            let chosen: Vec<(u64, Hash)> =
                (0..size).filter(|n| choice >> n & 1 == 1).map(|n| (n, all[n as usize])).collect();
            let indexes: Vec<u64> = chosen.iter().map(|(index, _)| *index).collect();
            let path = multiproof_path(&indexes, size).expect("in the tree");
            // From left to right, covering exactly what was not chosen, and none of them could be larger.
            assert!(path.windows(2).all(|pair| pair[0].end() <= pair[1].start()));
            let covered: Vec<u64> = path.iter().flat_map(|part| part.start()..part.end()).collect();
            assert_eq!(covered, (0..size).filter(|n| choice >> n & 1 == 0).collect::<Vec<_>>());
            let proof: Vec<Hash> =
                path.iter().map(|part| root(&all[part.start() as usize..part.end() as usize])).collect();
            assert_eq!(verify_multiproof(&chosen, size, &proof, &top), Ok(()));
            // The same hashes prove no other choice. (They may prove it for a size of the same shape: what binds a size to
            // a root is the signature on the checkpoint.)
            for other in (1..1_u32 << size).filter(|other| *other != choice) {
                let others: Vec<(u64, Hash)> =
                    (0..size).filter(|n| other >> n & 1 == 1).map(|n| (n, all[n as usize])).collect();
                assert!(verify_multiproof(&others, size, &proof, &top).is_err());
            }
        }
    }
}

#[test]
fn a_multiproof_asks_for_ascending_leaves_of_the_tree() {
    let all = leaves(5);
    let chosen = |indexes: &[u64]| indexes.iter().map(|n| (*n, all[*n as usize % 5])).collect::<Vec<_>>();
    let verify = |indexes: &[u64]| verify_multiproof(&chosen(indexes), 5, &[], &root(&all));
    assert_eq!(verify(&[]), Err(ProofError::NoLeaves));
    assert_eq!(multiproof_path(&[], 5), Err(ProofError::NoLeaves));
    assert_eq!(verify(&[1, 1]), Err(ProofError::Unordered { index: 1, after: 1 }));
    assert_eq!(multiproof_path(&[0, 2, 1], 5), Err(ProofError::Unordered { index: 1, after: 2 }));
    assert_eq!(verify(&[0, 5]), Err(ProofError::NoSuchLeaf { index: 5, size: 5 }));
    assert!(multiproof_path(&[u64::MAX], u64::MAX - 1).is_err());
    assert_eq!(multiproof_path(&[0], 0), Err(ProofError::NoSuchLeaf { index: 0, size: 0 }));
    assert_eq!(verify(&[0, 1, 2, 3, 4]), Ok(()));
    assert_eq!(inclusion_path(0, 0), Err(ProofError::NoSuchLeaf { index: 0, size: 0 }));
    assert_eq!(consistency_path(2, 1), Err(ProofError::Shrunk { old_size: 2, new_size: 1 }));
}

#[test]
fn hostile_sizes_cost_nothing() {
    let all = leaves(3);
    let leaf = |index| (index, all[0]);
    for size in [1 << 40, 1 << 63, u64::MAX] {
        let ends = [leaf(0), leaf(size / 2), leaf(size - 1)];
        assert!(verify_multiproof(&ends, size, &all, &all[0]).is_err());
        assert!(verify_multiproof(&ends[..1], size, &vec![all[0]; 100_000], &all[0]).is_err());
        assert!(verify_inclusion(&all[0], size - 1, size, &vec![all[0]; 100_000], &all[0]).is_err());
        assert!(verify_consistency(size - 1, &all[0], size, &all[0], &vec![all[0]; 100_000]).is_err());
        assert!(multiproof_path(&[0, size / 2, size - 1], size).expect("in the tree").len() <= 3 * 64);
    }
}

proptest! {
    // Some of the trees have 65,000 leaves and more.
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn paths_from_tiles_are_the_proofs_from_leaves(
        size in prop_oneof![5 => 1..=600_u64, 1 => 65_000..=LARGE], at in any::<prop::sample::Index>(), old in any::<prop::sample::Index>(),
    ) {
        let Tree { leaves, .. } = large();
        let leaves = &leaves[..size as usize];
        let index = at.index(leaves.len()) as u64;
        let path = inclusion_path(index, size).expect("in the tree");
        prop_assert_eq!(roots_from_fetched(&path, size), inclusion_proof(leaves, index).expect("in the tree"));
        let old = old.index(leaves.len() + 1) as u64;
        let path = consistency_path(old, size).expect("not above");
        prop_assert_eq!(roots_from_fetched(&path, size), consistency_proof(leaves, old).expect("not above"));
    }

    #[test]
    fn a_multiproof_of_any_leaves_verifies_and_a_damaged_one_does_not(
        size in prop_oneof![5 => 1..=300_u64, 1 => 65_000..=LARGE],
        chosen in proptest::collection::vec(any::<prop::sample::Index>(), 1..40),
        victim in any::<prop::sample::Index>(), bit in 0_usize..256,
    ) {
        let Tree { leaves, .. } = large();
        let leaves = &leaves[..size as usize];
        let top = root(leaves);
        let mut indexes: Vec<u64> = chosen.iter().map(|index| index.index(leaves.len()) as u64).collect();
        indexes.sort_unstable();
        indexes.dedup();
        let mut chosen: Vec<(u64, Hash)> = indexes.iter().map(|n| (*n, leaves[*n as usize])).collect();
        let path = multiproof_path(&indexes, size).expect("in the tree");
        let mut proof = roots_from_fetched(&path, size);
        prop_assert_eq!(verify_multiproof(&chosen, size, &proof, &top), Ok(()));
        prop_assert!(proof.len() <= indexes.len() * 17);

        // A changed leaf, a leaf left out, one hash too few, too many or changed: nothing.
        let at = victim.index(chosen.len());
        chosen[at].1.0[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(verify_multiproof(&chosen, size, &proof, &top).is_err());
        chosen[at].1.0[bit / 8] ^= 1 << (bit % 8);
        let fewer: Vec<_> = chosen.iter().enumerate().filter(|(n, _)| *n != at).map(|(_, leaf)| *leaf).collect();
        prop_assert!(verify_multiproof(&fewer, size, &proof, &top).is_err());
        proof.push(top);
        prop_assert!(verify_multiproof(&chosen, size, &proof, &top).is_err());
        proof.pop();
        if !proof.is_empty() {
            let at = victim.index(proof.len());
            proof[at].0[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(verify_multiproof(&chosen, size, &proof, &top).is_err());
            proof.remove(at);
            prop_assert!(verify_multiproof(&chosen, size, &proof, &top).is_err());
        }
    }
}
