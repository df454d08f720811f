//! Tiles, roots and proofs are those of the entries' bytes, at every size, and what has rotted is never proved.

use sogoc_log::{Frontier, Log, LogError, Position};
use sogoc_proof::{EntryBundle, Hash, Tile, root, verify_consistency, verify_inclusion, verify_multiproof};

use super::stage::{Stage, fill, fill_many, leaves, literal, log_key, on_both_stores, past_the_triggers};

on_both_stores!(
    tiles_of_every_level_are_those_of_the_entries,
    two_processes_write_each_root_of_a_tile_once,
    a_bundle_holds_the_entries,
    roots_and_proofs_are_those_of_rfc_6962_at_every_size,
    one_proof_for_many_entries_is_that_of_the_tree,
    what_the_log_does_not_have_is_refused,
    a_leaf_hash_that_rotted_is_never_proved,
    a_root_of_a_tile_that_rotted_is_never_proved,
    an_entry_that_was_changed_is_never_proved,
);

async fn tiles_of_every_level_are_those_of_the_entries(stage: Stage) {
    let log = stage.log().await;
    assert_eq!(log.extend_tiles().await, Ok(0));
    fill_many(&log, "a/x", 300).await;
    assert_eq!(log.extend_tiles().await, Ok(1));
    fill_many(&log, "a/x", 65_800).await;
    assert_eq!(log.extend_tiles().await, Ok(258 - 1 + 1), "of 66,100 entries: level 0 and 1");
    assert_eq!(log.extend_tiles().await, Ok(0));
    let leaves = leaves(&log).await;
    let of_level_1: Vec<Hash> = leaves.chunks_exact(256).map(root).collect();
    let tile = |level, index, width| Tile::try_new(level, index, width).expect("a tile");
    assert_eq!(log.tile(tile(0, 0, 256)).await.expect("there"), leaves[..256]);
    assert_eq!(log.tile(tile(0, 258, 52)).await.expect("there"), leaves[258 * 256..]);
    assert_eq!(log.tile(tile(0, 258, 3)).await.expect("there"), leaves[258 * 256..][..3], "as narrow as it once was");
    assert_eq!(log.tile(tile(1, 0, 256)).await.expect("there"), of_level_1[..256]);
    assert_eq!(log.tile(tile(1, 1, 2)).await.expect("there"), of_level_1[256..]);
    assert_eq!(log.tile(tile(2, 0, 1)).await.expect("there"), [root(&of_level_1[..256])]);
    for beyond in [tile(0, 258, 53), tile(0, 259, 1), tile(1, 1, 3), tile(2, 0, 2), tile(3, 0, 1), tile(0, 1 << 50, 1)]
    {
        assert!(matches!(log.tile(beyond).await, Err(LogError::Refused { .. })), "{beyond}");
    }
    let report = log.verify(Frontier::new(), |_, _| ()).await.expect("readable");
    assert_eq!((report.fault, report.tile_roots), (None, 259));
    // Deep in such a log, too.
    let whole = root(&leaves);
    for index in [0, 255, 256, 40_000, 65_535, 65_536, 66_099] {
        let proof = log.inclusion_proof(Position(index), 66_100).await.expect("provable");
        let leaf = leaves[usize::try_from(index).expect("small")];
        verify_inclusion(&leaf, index, 66_100, &proof, &whole).expect("proved");
    }
    for old in [1, 256, 300, 65_536, 66_099] {
        let proof = log.consistency_proof(old, 66_100).await.expect("provable");
        let before = root(&leaves[..usize::try_from(old).expect("small")]);
        verify_consistency(old, &before, 66_100, &whole, &proof).expect("proved");
    }
}

async fn two_processes_write_each_root_of_a_tile_once(stage: Stage) {
    let logs = [stage.log().await, stage.log().await];
    fill_many(&logs[0], "a/x", 20_000).await;
    let written = futures_util::future::join_all(logs.iter().map(Log::extend_tiles)).await;
    assert_eq!(written.into_iter().map(|written| written.expect("written")).sum::<u64>(), 20_000 / 256);
    assert_eq!(logs[1].verify(Frontier::new(), |_, _| ()).await.expect("readable").fault, None);
}

async fn a_bundle_holds_the_entries(stage: Stage) {
    let log = stage.log().await;
    fill_many(&log, "a/x", 300).await;
    for (index, width) in [(0, 256), (1, 44), (1, 1)] {
        let bundle = EntryBundle::try_new(index, width).expect("a bundle");
        let bytes = log.entry_bundle(bundle).await.expect("there");
        let entries = log.read(Position(index * 256), width.into()).await.expect("readable");
        let expected: Vec<&[u8]> = entries.iter().map(|entry| entry.bytes.as_bytes()).collect();
        assert_eq!(bundle.decode(&bytes).expect("well formed"), expected);
    }
    let beyond = EntryBundle::try_new(1, 45).expect("a bundle");
    assert!(matches!(log.entry_bundle(beyond).await, Err(LogError::Refused { .. })));
}

async fn roots_and_proofs_are_those_of_rfc_6962_at_every_size(stage: Stage) {
    let log = stage.log().await;
    assert_eq!(log.root_at(0).await, Ok(sogoc_proof::empty_root()));
    fill_many(&log, "a/x", 520).await;
    // A size that was signed is held to what was signed.
    log.sign_checkpoint(&log_key(1)).await.expect("signed");
    fill_many(&log, "a/x", 30).await;
    let leaves = leaves(&log).await;
    let sizes = [1, 2, 3, 7, 8, 255, 256, 257, 511, 512, 513, 520, 549, 550];
    for size in sizes {
        let tree = &leaves[..size];
        let of = size as u64;
        assert_eq!(log.root_at(of).await, Ok(root(tree)), "{size}");
        for index in [0, 1, size / 2, size - 1].into_iter().filter(|index| *index < size) {
            let expected = sogoc_proof::inclusion_proof(tree, index as u64).expect("within");
            assert_eq!(log.inclusion_proof(Position(index as u64), of).await, Ok(expected), "{index} of {size}");
        }
        for old in sizes.into_iter().filter(|old| *old <= size).chain([0]) {
            let expected = sogoc_proof::consistency_proof(tree, old as u64).expect("within");
            assert_eq!(log.consistency_proof(old as u64, of).await, Ok(expected), "{old} to {size}");
        }
    }
}

async fn one_proof_for_many_entries_is_that_of_the_tree(stage: Stage) {
    let log = stage.log().await;
    fill_many(&log, "a/x", 1_300).await;
    let leaves = leaves(&log).await;
    for (size, step) in [(1_300, 1), (1_300, 7), (1_025, 256), (1, 1), (700, 699)] {
        let positions: Vec<Position> = (0..size).step_by(step).map(Position).collect();
        let proof = log.multiproof(&positions, size).await.expect("provable");
        let size_of = |at: u64| usize::try_from(at).expect("small");
        let chosen: Vec<(u64, Hash)> = positions.iter().map(|at| (at.0, leaves[size_of(at.0)])).collect();
        verify_multiproof(&chosen, size, &proof, &root(&leaves[..size_of(size)])).expect("proved");
    }
    for bad in [vec![], vec![Position(2), Position(1)], vec![Position(1), Position(1)], vec![Position(1_300)]] {
        assert!(matches!(log.multiproof(&bad, 1_300).await, Err(LogError::Refused { .. })), "{bad:?}");
    }
}

async fn what_the_log_does_not_have_is_refused(stage: Stage) {
    let log = stage.log().await;
    fill(&log, "a/x", 3).await;
    let refused =
        |answer: Result<Vec<Hash>, LogError>| assert!(matches!(answer, Err(LogError::Refused { .. })), "{answer:?}");
    refused(log.inclusion_proof(Position(3), 3).await);
    refused(log.inclusion_proof(Position(0), 4).await);
    refused(log.inclusion_proof(Position(0), u64::MAX).await);
    refused(log.consistency_proof(3, 2).await);
    refused(log.consistency_proof(0, 4).await);
    refused(log.multiproof(&[Position(0)], 4).await);
    refused(log.root_at(4).await.map(|root| vec![root]));
}

fn corrupt<T: std::fmt::Debug>(answer: Result<T, LogError>) {
    assert!(matches!(answer, Err(LogError::Corrupt { .. })), "{answer:?}");
}

async fn a_leaf_hash_that_rotted_is_never_proved(stage: Stage) {
    let log = stage.log().await;
    fill_many(&log, "a/x", 600).await;
    past_the_triggers(&stage).await;
    let other = literal(&stage, &[7; 32]);
    stage.store.tamper(&format!("update entry set leaf_hash = {other} where position = 590")).await;
    corrupt(log.inclusion_proof(Position(590), 600).await);
    corrupt(log.inclusion_proof(Position(580), 600).await);
    corrupt(log.inclusion_proof(Position(580), 599).await);
    corrupt(log.consistency_proof(592, 600).await);
    corrupt(log.multiproof(&[Position(590)], 600).await);
    corrupt(log.root_at(600).await);
}

async fn a_root_of_a_tile_that_rotted_is_never_proved(stage: Stage) {
    let log = stage.log().await;
    fill_many(&log, "a/x", 600).await;
    log.extend_tiles().await.expect("written");
    past_the_triggers(&stage).await;
    let other = literal(&stage, &[7; 32]);
    stage.store.tamper(&format!("update tile_root set hash = {other} where number = 0")).await;
    corrupt(log.inclusion_proof(Position(590), 600).await);
    corrupt(log.root_at(512).await);
    stage.store.tamper("delete from tile_root where number = 0").await;
    corrupt(log.inclusion_proof(Position(590), 600).await);
    // The last one missing is as if it had not been written yet.
    stage.store.tamper("delete from tile_root").await;
    log.inclusion_proof(Position(590), 600).await.expect("written again");
}

async fn an_entry_that_was_changed_is_never_proved(stage: Stage) {
    let log = stage.log().await;
    fill_many(&log, "a/x", 10).await;
    past_the_triggers(&stage).await;
    stage.store.tamper("update entry set entry = replace(entry, 'tk-01', 'tk-02') where position = 4").await;
    let answer = log.inclusion_proof(Position(4), 10).await;
    assert!(matches!(answer, Err(LogError::Corrupt { position: Some(Position(4)), .. })), "{answer:?}");
    log.inclusion_proof(Position(5), 10).await.expect("the others are as they were");
}
