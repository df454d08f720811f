//! What an owner of the database can do, past every trigger and consistently: rewrite an entry, cut the newest off, put an
//! old copy back. Signing refuses what contradicts the last checkpoint; a checkpoint that was kept outside catches the
//! rest.

use sogoc_log::testing::TestStore;
use sogoc_log::{Frontier, Log, LogError, Options, Position, SignedCheckpoint, VerifyOptions};
use sogoc_proof::{Checkpoint, Hash, Note, leaf_hash, root};

use super::stage::{Stage, fill, fill_many, leaves, literal, log_key, on_both_stores, past_the_triggers};

on_both_stores!(
    an_outside_checkpoint_of_this_log_passes,
    a_rewritten_entry_is_not_signed_and_contradicts_an_outside_checkpoint,
    a_rewritten_history_without_its_checkpoints_contradicts_an_outside_one,
    a_checkpoint_that_was_forged_is_not_signed_after,
    entries_cut_off_the_end_are_missed,
    an_old_copy_put_back_is_missed,
    what_is_marked_as_signed_cannot_be_set_back,
);

async fn sign(log: &Log) -> SignedCheckpoint {
    log.sign_checkpoint(&log_key(1)).await.expect("signed")
}

/// A log with two full tiles, signed at 300 and 600 entries, ten not signed yet; and the checkpoint that others have seen.
async fn attacked(stage: &Stage) -> (Log, SignedCheckpoint) {
    let log = stage.log().await;
    fill_many(&log, "a/x", 300).await;
    sign(&log).await;
    fill_many(&log, "a/y", 300).await;
    let outside = sign(&log).await;
    fill(&log, "a/z", 10).await;
    log.extend_tiles().await.expect("written");
    log.check_against(&outside.checkpoint).await.expect("as it was signed");
    (log, outside)
}

/// The fault that a full check with the log's key finds.
async fn fault(log: &Log) -> Option<String> {
    let keys = vec![log_key(1).verifier().clone()];
    let options = VerifyOptions { keys, ..VerifyOptions::default() };
    log.verify(options, |_, _| ()).await.expect("readable").fault.map(|fault| fault.what)
}

/// Rewrites an entry and everything that was derived from it: leaf hash, roots of tiles, frontier.
async fn rewrite(stage: &Stage, log: &Log, position: u64) {
    let entry = log.read(Position(position), 1).await.expect("readable").remove(0).bytes;
    let rewritten = entry.replace("\"tk-01\"", "\"tk-99\"");
    assert_ne!(entry, rewritten);
    let mut leaves = leaves(log).await;
    leaves[usize::try_from(position).expect("small")] = leaf_hash(rewritten.as_bytes());
    let leaf = literal(stage, &leaf_hash(rewritten.as_bytes()).0);
    let mut sql = format!("update entry set entry = '{rewritten}', leaf_hash = {leaf} where position = {position};");
    for (number, tile) in leaves.chunks_exact(256).enumerate() {
        let root = literal(stage, &root(tile).0);
        sql += &format!("update tile_root set hash = {root} where level = 0 and number = {number};");
    }
    let frontier: Frontier = leaves.into_iter().collect();
    sql += &format!("update head set frontier = {};", literal(stage, &frontier.to_bytes()));
    past_the_triggers(stage).await;
    stage.store.tamper(&sql).await;
}

/// Cuts off all entries from a position on, and everything that was derived from them.
async fn truncate(stage: &Stage, log: &Log, size: u64) {
    let frontier: Frontier = leaves(log).await.into_iter().take(usize::try_from(size).expect("small")).collect();
    past_the_triggers(stage).await;
    let sql = format!(
        "delete from entry where position >= {size};
         delete from tile_root where (number + 1) * 256 > {size};
         update head set size = {size}, frontier = {},
           last_at_us = (select at_us from entry where position = {size} - 1);",
        literal(stage, &frontier.to_bytes())
    );
    stage.store.tamper(&sql).await;
}

fn is_corrupt(answer: &Result<SignedCheckpoint, LogError>) -> bool {
    matches!(answer, Err(LogError::Corrupt { .. }))
}

async fn an_outside_checkpoint_of_this_log_passes(stage: Stage) {
    let (log, outside) = attacked(&stage).await;
    for checkpoint in log.checkpoints(0, 9).await.expect("readable") {
        log.check_against(&checkpoint.checkpoint).await.expect("its own");
    }
    let name = outside.checkpoint.origin();
    let checkpoint = |name, size, root| Checkpoint::try_new(name, size, root).expect("a checkpoint");
    log.check_against(&checkpoint(name, 0, sogoc_proof::empty_root())).await.expect("every log begins with nothing");
    let empty = log.check_against(&checkpoint(name, 0, Hash([0; 32]))).await;
    assert!(matches!(empty, Err(LogError::Diverged { root: Some(_), .. })), "{empty:?}");
    let other = log.check_against(&checkpoint("sogoc.example/other", 600, outside.root())).await;
    assert!(matches!(other, Err(LogError::OtherLog { .. })), "{other:?}");
    let far = log.check_against(&checkpoint(name, i64::MAX as u64, outside.root())).await;
    assert!(matches!(far, Err(LogError::Diverged { root: None, .. })), "{far:?}");
}

async fn a_rewritten_entry_is_not_signed_and_contradicts_an_outside_checkpoint(stage: Stage) {
    let (log, outside) = attacked(&stage).await;
    rewrite(&stage, &log, 123).await;
    // The store agrees with itself: readers, proofs and appends notice nothing.
    log.inclusion_proof(Position(123), 610).await.expect("consistent");
    fill(&log, "a/z", 1).await;
    let answer = log.sign_checkpoint(&log_key(1)).await;
    assert!(is_corrupt(&answer), "{answer:?}");
    assert_eq!(log.latest_checkpoint().await, Ok(Some(outside.clone())), "nothing was signed");
    let diverged = log.check_against(&outside.checkpoint).await.expect_err("another history");
    let LogError::Diverged { size, checkpoint, signed, root } = &diverged else { panic!("{diverged}") };
    assert_eq!((*size, *checkpoint, *signed), (611, 600, outside.root()));
    assert!(root.is_some_and(|root| root != outside.root()));
    assert!(diverged.to_string().contains("rewritten"), "{diverged}");
    let fault = fault(&log).await.expect("the checkpoints stand");
    assert!(fault.contains("the first 300 entries"), "{fault}");
}

/// The whole store is made to agree with the new history, but for what only the key can make, so that is taken out.
async fn a_rewritten_history_without_its_checkpoints_contradicts_an_outside_one(stage: Stage) {
    let (log, outside) = attacked(&stage).await;
    rewrite(&stage, &log, 123).await;
    let empty = literal(&stage, &Frontier::new().to_bytes());
    stage.store.tamper(&format!("delete from checkpoint; update signed set size = 0, frontier = {empty}")).await;
    let diverged = log.check_against(&outside.checkpoint).await;
    assert!(matches!(diverged, Err(LogError::Diverged { root: Some(_), .. })), "{diverged:?}");
    // Nothing in the store speaks against signing it: this is what checks at start and witnesses are for.
    let forked = sign(&log).await;
    assert_ne!(log.root_at(600).await, Ok(outside.root()));
    assert!(log.consistency_proof(600, forked.size()).await.is_ok());
}

async fn a_checkpoint_that_was_forged_is_not_signed_after(stage: Stage) {
    let (log, outside) = attacked(&stage).await;
    rewrite(&stage, &log, 400).await;
    // Everything but the signature: the note is signed by another key, or by none that is known, over the new root.
    let frontier: Frontier = leaves(&log).await.into_iter().take(600).collect();
    let forged = Checkpoint::try_new(outside.checkpoint.origin(), 600, frontier.root()).expect("a checkpoint");
    let (root, bytes) = (literal(&stage, &frontier.root().0), literal(&stage, &frontier.to_bytes()));
    let copied = outside.note.to_string().replace(outside.note.text(), &forged.to_string());
    let by_another = Note::sign(&forged.to_string(), &[&log_key(7)]).expect("signed").to_string();
    for note in [copied, by_another] {
        let sql = format!(
            "update checkpoint set root = {root}, frontier = {bytes}, note = '{note}' where size = 600;
             update signed set frontier = {bytes}"
        );
        stage.store.tamper(&sql).await;
        let answer = log.sign_checkpoint(&log_key(1)).await;
        assert!(is_corrupt(&answer) || matches!(answer, Err(LogError::Refused { .. })), "{answer:?}");
        let fault = fault(&log).await.expect("the signature");
        assert!(fault.contains("checkpoint of 600 entries"), "{fault}");
        assert!(matches!(log.check_against(&outside.checkpoint).await, Err(LogError::Diverged { root: Some(_), .. })));
    }
}

async fn entries_cut_off_the_end_are_missed(stage: Stage) {
    let (log, outside) = attacked(&stage).await;
    truncate(&stage, &log, 590).await;
    log.inclusion_proof(Position(123), 590).await.expect("consistent");
    let answer = log.sign_checkpoint(&log_key(1)).await;
    assert!(matches!(answer, Err(LogError::Corrupt { position: Some(Position(590)), .. })), "{answer:?}");
    let diverged = log.check_against(&outside.checkpoint).await.expect_err("shorter");
    assert!(matches!(diverged, LogError::Diverged { size: 590, checkpoint: 600, root: None, .. }), "{diverged:?}");
    assert!(diverged.to_string().contains("restore a newer backup"), "{diverged}");
    let found = fault(&log).await.expect("a checkpoint beyond the head");
    assert!(found.contains("590 entries"), "{found}");
    // Filled up again with other entries.
    fill(&log, "b/x", 30).await;
    assert!(is_corrupt(&log.sign_checkpoint(&log_key(1)).await));
    assert!(matches!(log.check_against(&outside.checkpoint).await, Err(LogError::Diverged { root: Some(_), .. })));
    assert!(fault(&log).await.expect("another root").contains("the first 600 entries"));
    // With the checkpoint taken out as well, only what is outside still knows.
    let back = log.checkpoint_at_least(0).await.expect("readable").expect("the first one");
    let frontier = literal(&stage, &back.frontier.to_bytes());
    stage.store.tamper("delete from checkpoint where size = 600").await;
    stage.store.tamper(&format!("update signed set size = 300, frontier = {frontier}")).await;
    sign(&log).await;
    assert!(matches!(log.check_against(&outside.checkpoint).await, Err(LogError::Diverged { root: Some(_), .. })));
}

async fn an_old_copy_put_back_is_missed(stage: Stage) {
    let log = stage.log().await;
    fill_many(&log, "a/x", 300).await;
    sign(&log).await;
    let backup =
        if stage.is_postgres() { TestStore::postgres().await.expect("the same server") } else { TestStore::sqlite() };
    let backup = Stage { store: backup };
    log.copy_to(&backup.log().await, |_, _| ()).await.expect("copied");
    fill_many(&log, "a/x", 10).await;
    let outside = sign(&log).await;

    let old = Log::open(backup.store.url(), Options::default()).await.expect("opens");
    assert_eq!(fault(&old).await, None, "nothing is wrong with it but its age");
    let diverged = old.check_against(&outside.checkpoint).await;
    assert!(matches!(diverged, Err(LogError::Diverged { size: 300, checkpoint: 310, root: None, .. })), "{diverged:?}");
    // Once others have written to it, it is another history.
    fill(&old, "b/x", 20).await;
    let diverged = old.check_against(&outside.checkpoint).await;
    assert!(matches!(diverged, Err(LogError::Diverged { checkpoint: 310, root: Some(_), .. })), "{diverged:?}");
    log.check_against(&outside.checkpoint).await.expect("the right one");
}

async fn what_is_marked_as_signed_cannot_be_set_back(stage: Stage) {
    let (log, _) = attacked(&stage).await;
    past_the_triggers(&stage).await;
    let first = log.checkpoint_at_least(0).await.expect("readable").expect("the first one");
    let back = literal(&stage, &first.frontier.to_bytes());
    stage.store.tamper(&format!("update signed set size = 300, frontier = {back}")).await;
    assert!(is_corrupt(&log.sign_checkpoint(&log_key(1)).await));
    assert!(fault(&log).await.expect("found").contains("300 entries are marked as signed"));
    let mut other = log.latest_checkpoint().await.expect("readable").expect("signed").frontier.to_bytes();
    other[9] ^= 1;
    stage.store.tamper(&format!("update signed set size = 600, frontier = {}", literal(&stage, &other))).await;
    assert!(is_corrupt(&log.sign_checkpoint(&log_key(1)).await));
    assert!(fault(&log).await.expect("found").contains("marked as signed at 600"));
    stage.store.tamper("delete from signed").await;
    assert!(is_corrupt(&log.sign_checkpoint(&log_key(1)).await));
    assert!(fault(&log).await.expect("found").contains("signed last is missing"));
}
