//! The tree against published vectors, against its definition, and against damage.

use proptest::prelude::*;
use sogoc_proof::{
    Frontier, Hash, ProofError, consistency_proof, empty_root, inclusion_proof, leaf_hash, node_hash, root,
    verify_consistency, verify_inclusion,
};

/// RFC 6962 §2.1 word for word, slow and obvious.
fn root_by_definition(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let k = (leaves.len() as u64).next_power_of_two() as usize / 2;
            node_hash(&root_by_definition(&leaves[..k]), &root_by_definition(&leaves[k..]))
        }
    }
}

fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect()
}

fn hashes(base64: &[&str]) -> Vec<Hash> {
    base64.iter().map(|text| Hash::from_base64(text).expect("a vector")).collect()
}

#[test]
fn the_roots_of_the_certificate_transparency_vectors_come_out() {
    let inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    let leaves: Vec<Hash> = inputs.iter().map(|text| leaf_hash(&hex::decode(text).expect("a vector"))).collect();
    for (size, expected) in [
        (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
        (2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
        (3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
        (4, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
        (8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
    ] {
        assert_eq!(root(&leaves[..size]).to_hex(), expected, "size {size}");
    }
}

#[test]
fn the_tessera_test_log_comes_out() {
    // transparency-dev/tessera, testdata/log: fifteen entries with a root for every size. The spelling is theirs.
    let words = [
        "one", "two", "three", "four", "five", "six", "seven", "eit", "nain", "ten", "ileven", "twelf", "threeten",
        "fourten", "fivten",
    ];
    let leaves: Vec<Hash> = words.iter().map(|word| leaf_hash(word.as_bytes())).collect();
    let roots = hashes(&[
        "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        "0Nc2CrefWKseHj/mStd+LqC8B+NrX0btIiPt2SmN+ek=",
        "T1X2GdkhUjV3iyufF9b0kVsWFxIU0VI4EpNml2Teci4=",
        "Wqx3HImawpLnS/Gv4ubjAvi1WIOy0b8Ze0amvqbavKk=",
        "zY1lN35vrXYAPixXSd59LsU29xUJtuW4o2dNNg5Y2Co=",
        "gy5gl3aksFyiCO95a/1vLXz88A3dRq+0l9Sxte8ZqZQ=",
        "a6sWvsc2eEzmj72vah7mZ5dwFltivehh2b11qwlp5Jg=",
        "IrSXADBqJ7EQoUODSDKROySgNveeL6CFhik2w/+fS7U=",
        "bC+VwvrJbalNVjfkdI8kUgs7mJoXrqiXCE7bgnD28pY=",
        "CvhHViE3S9E3htHLR+25mapWoGCJ3WckMq1UtC3VmEY=",
        "y8/gZsZCtitsMan09tY+k8I7Qpr7Y5fbO2tLi9GQnfU=",
        "Yok1cS5VdokGLBy73BC2I16b3atss6KBN9jnIi6Fz/A=",
        "uZo6M+IhVna+CLgWCrJs0xBPUHbozHkYTQASduHSLME=",
        "av0kLH0VkkVDrTuZzBGIx7d9z5G1l/GlKz/nAV/8woQ=",
        "SvCd38yNade7xEPY1a/aAc1M3A2AHYVF8lIiUnsH1ao=",
        "rKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=",
    ]);
    for (size, expected) in roots.iter().enumerate() {
        assert_eq!(root(&leaves[..size]), *expected, "size {size}");
    }
    for (old, old_root) in roots.iter().enumerate() {
        for (new, new_root) in roots.iter().enumerate().skip(old) {
            let proof = consistency_proof(&leaves[..new], old as u64).expect("old is not above new");
            verify_consistency(old as u64, old_root, new as u64, new_root, &proof).expect("it continues");
        }
    }
    assert_eq!(leaves[3].to_hex(), "f715ab3faa5d071e6e2ac4bb994d5bf735943dcc3799da0d085e7980cfb9336a");
    let proof = hashes(&[
        "Zx8UbF5HHooag6PCFM5LqQe486WIjRTMjNPOdbsS75Q=",
        "T1X2GdkhUjV3iyufF9b0kVsWFxIU0VI4EpNml2Teci4=",
        "g0ZoeYWtIV8Q8i+4CmgqPnBvH2il107lyCgTQsyB7H4=",
    ]);
    assert_eq!(inclusion_proof(&leaves[..8], 3), Ok(proof.clone()));
    assert_eq!(roots[8].to_base64(), "bC+VwvrJbalNVjfkdI8kUgs7mJoXrqiXCE7bgnD28pY=");
    assert_eq!(verify_inclusion(&leaves[3], 3, 8, &proof, &roots[8]), Ok(()));
}

#[test]
fn every_inclusion_and_consistency_of_small_trees_verifies() {
    let all = leaves(40);
    for size in 1..=40_u64 {
        let tree = &all[..size as usize];
        let top = root(tree);
        for index in 0..size {
            let proof = inclusion_proof(tree, index).expect("in the tree");
            assert_eq!(verify_inclusion(&tree[index as usize], index, size, &proof, &top), Ok(()));
            // The same path does not place the leaf anywhere else, nor another leaf here.
            for other in (0..size).filter(|other| *other != index) {
                assert!(verify_inclusion(&tree[index as usize], other, size, &proof, &top).is_err());
                assert!(verify_inclusion(&tree[other as usize], index, size, &proof, &top).is_err());
            }
        }
        for old in 0..=size {
            let proof = consistency_proof(tree, old).expect("not above the size");
            assert_eq!(verify_consistency(old, &root(&all[..old as usize]), size, &top, &proof), Ok(()));
        }
    }
}

#[test]
fn the_empty_tree_stands_at_the_beginning_of_every_tree_with_an_empty_proof() {
    let all = leaves(5);
    assert_eq!(consistency_proof(&all, 0), Ok(vec![]));
    assert_eq!(verify_consistency(0, &empty_root(), 5, &root(&all), &[]), Ok(()));
    assert!(verify_consistency(0, &root(&all), 5, &root(&all), &[]).is_err());
    assert_eq!(verify_consistency(0, &empty_root(), 5, &root(&all), &all), Err(ProofError::Length { found: 5 }));
}

#[test]
fn what_is_not_in_the_tree_is_refused() {
    let all = leaves(5);
    assert_eq!(inclusion_proof(&all, 5), Err(ProofError::NoSuchLeaf { index: 5, size: 5 }));
    assert_eq!(inclusion_proof(&[], 0), Err(ProofError::NoSuchLeaf { index: 0, size: 0 }));
    assert_eq!(verify_inclusion(&all[0], 0, 0, &[], &empty_root()), Err(ProofError::NoSuchLeaf { index: 0, size: 0 }));
    assert_eq!(consistency_proof(&all, 6), Err(ProofError::Shrunk { old_size: 6, new_size: 5 }));
    assert!(verify_consistency(6, &all[0], 5, &all[0], &[]).is_err());
}

proptest! {
    #[test]
    fn the_frontier_has_the_root_of_the_definition(count in 0_u64..300, cut in 0_u64..300) {
        let all = leaves(count);
        let cut = cut.min(count) as usize;
        let mut frontier: Frontier = all[..cut].iter().copied().collect();
        prop_assert_eq!(frontier.root(), root_by_definition(&all[..cut]));
        // Through its bytes and on, as the head row does it.
        frontier = Frontier::from_bytes(&frontier.to_bytes()).expect("own bytes");
        frontier.extend(all[cut..].iter().copied());
        prop_assert_eq!(frontier.size(), count);
        prop_assert_eq!(frontier.root(), root_by_definition(&all));
    }

    #[test]
    fn hostile_frontier_bytes_give_an_error_or_themselves(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(frontier) = Frontier::from_bytes(&bytes) {
            prop_assert_eq!(frontier.to_bytes(), bytes);
        }
    }

    #[test]
    fn a_frontier_of_a_plausible_size_and_any_length_is_read_or_refused(size in 0_u64..64, hashes in 0_usize..8) {
        let bytes = [size.to_be_bytes().to_vec(), vec![7; hashes * 32]].concat();
        prop_assert_eq!(Frontier::from_bytes(&bytes).is_ok(), size.count_ones() as usize == hashes);
    }

    #[test]
    fn a_damaged_proof_proves_nothing(
        count in 1_u64..200, at in any::<prop::sample::Index>(), old in any::<prop::sample::Index>(),
        victim in any::<prop::sample::Index>(), bit in 0_usize..256,
    ) {
        let all = leaves(count);
        let top = root(&all);
        let index = at.index(all.len()) as u64;
        let leaf = all[index as usize];
        let mut proof = inclusion_proof(&all, index).expect("in the tree");
        prop_assert_eq!(verify_inclusion(&leaf, index, count, &proof, &top), Ok(()));
        if !proof.is_empty() {
            prop_assert!(verify_inclusion(&leaf, index, count, &proof[1..], &top).is_err());
            let victim = victim.index(proof.len());
            proof[victim].0[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(verify_inclusion(&leaf, index, count, &proof, &top).is_err());
        }
        proof.push(top);
        prop_assert!(verify_inclusion(&leaf, index, count, &proof, &top).is_err());

        let old = old.index(all.len() + 1) as u64;
        let old_root = root(&all[..old as usize]);
        let mut proof = consistency_proof(&all, old).expect("not above the size");
        prop_assert_eq!(verify_consistency(old, &old_root, count, &top, &proof), Ok(()));
        if !proof.is_empty() {
            prop_assert!(verify_consistency(old, &old_root, count, &top, &proof[1..]).is_err());
            let victim = victim.index(proof.len());
            proof[victim].0[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(verify_consistency(old, &old_root, count, &top, &proof).is_err());
        }
        proof.push(top);
        prop_assert!(verify_consistency(old, &old_root, count, &top, &proof).is_err());
    }
}
