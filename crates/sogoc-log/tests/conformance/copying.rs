//! A log copied to another store has the same bytes, positions and root, however often the copy is cut short.

use sogoc_log::testing::TestStore;
use sogoc_log::{
    Clock as _, Frontier, Log, LogError, Options, Position, Sealed, SealedText, SystemClock, VerifyOptions,
};
use sogoc_proof::{Checkpoint, Note, cosign};

use super::stage::{
    Stage, append, appends, erase, fill, fill_many, literal, log_key, on_both_stores, past_the_triggers, witness_key,
};

on_both_stores!(
    a_copy_is_the_same_byte_for_byte,
    checkpoints_and_what_witnesses_said_go_along,
    a_copy_goes_on_where_it_stopped,
    a_target_that_is_not_a_prefix_is_refused,
    a_source_that_is_damaged_is_not_copied,
);

/// The other kind of store, where there is one.
async fn other(stage: &Stage) -> Stage {
    let store = if stage.is_postgres() {
        TestStore::sqlite()
    } else {
        match TestStore::postgres().await {
            Some(store) => store,
            None => TestStore::sqlite(),
        }
    };
    Stage { store }
}

async fn bytes(log: &Log) -> Vec<String> {
    log.read(Position(0), 100_000).await.expect("readable").into_iter().map(|entry| entry.bytes).collect()
}

async fn filled(stage: &Stage) -> Log {
    let log = stage.log().await;
    for n in 0..5 {
        let names: Vec<String> = (0..1_000).map(|stream| format!("a/{stream}")).collect();
        let to: Vec<(&str, u64)> = names.iter().map(|name| (name.as_str(), n)).collect();
        let mut append = appends(&to);
        append.sealed = (0..20).map(|salt| SealedText::new([salt + 20 * n as u8; 32], format!("lý do {n}"))).collect();
        log.append(append).await.expect("accepted");
    }
    log
}

async fn a_copy_is_the_same_byte_for_byte(stage: Stage) {
    let target = other(&stage).await;
    let (from, to) = (filled(&stage).await, target.log().await);
    let erased = SealedText::commitment(&[3; 32], "lý do 0");
    erase(&from, "e/x", &[erased]).await;
    let copied = from.copy_to(&to, |_, _| ()).await.expect("copied");
    assert_eq!((copied.already, copied.entries, copied.sealed, copied.erased), (0, 5_001, 100, 0));
    assert_eq!(from.head().await, to.head().await);
    assert_eq!(bytes(&from).await, bytes(&to).await);
    let report = to.verify(Frontier::new(), |_, _| ()).await.expect("readable");
    assert_eq!((report.fault, report.sealed, report.erased), (None, 99, 1));
    // Erased since: the target forgets too.
    let later = SealedText::commitment(&[4; 32], "lý do 0");
    erase(&from, "e/x", &[later]).await;
    let again = from.copy_to(&to, |_, _| ()).await.expect("nothing to do");
    assert_eq!((again.already, again.entries, again.sealed, again.erased), (5_001, 1, 0, 1));
    assert_eq!(from.sealed(&[erased, later]).await, to.sealed(&[erased, later]).await);
    let kept = SealedText::commitment(&[5; 32], "lý do 0");
    assert!(matches!(to.sealed(&[kept]).await.expect("readable")[&kept], Sealed::Text(_)));
    // The copy is a log like any other.
    let goes_on = append("a/0", 5);
    to.append(goes_on.clone()).await.expect("the target goes on");
    assert_eq!(to.verify(Frontier::new(), |_, _| ()).await.expect("readable").fault, None);
    assert!(matches!(from.copy_to(&to, |_, _| ()).await, Err(LogError::NotAPrefix { .. })));
    to.copy_to(&from, |_, _| ()).await.expect("and back");
    assert_eq!(from.append(goes_on).await.map(|receipt| receipt.repeated), Ok(true));
}

async fn checkpoints_and_what_witnesses_said_go_along(stage: Stage) {
    let target = other(&stage).await;
    let (from, to) = (stage.log().await, target.log().await);
    let key = log_key(1);
    let sign = async |log: &Log| {
        let signed = log.sign_checkpoint(&key).await.expect("signed");
        let line = cosign(signed.note.text(), &witness_key("witness.example/a"), 1_000).expect("a checkpoint");
        log.add_cosignatures(signed.size(), &[line], SystemClock.now()).await.expect("kept");
        log.latest_checkpoint().await.expect("readable").expect("signed")
    };
    sign(&from).await;
    fill_many(&from, "a/x", 3_000).await;
    sign(&from).await;
    fill_many(&from, "a/x", 10).await;
    let copied = from.copy_to(&to, |_, _| ()).await.expect("copied");
    assert_eq!((copied.checkpoints, copied.cosignatures), (2, 2));
    assert_eq!(from.checkpoints(0, 9).await, to.checkpoints(0, 9).await);
    let keys = vec![key.verifier().clone()];
    let fault = async |log: &Log| {
        let options = VerifyOptions { keys: keys.clone(), ..VerifyOptions::default() };
        log.verify(options, |_, _| ()).await.expect("readable").fault
    };
    assert_eq!(fault(&to).await, None);
    // Signed since over what was copied before: both stores sign the same there, so either may have been first.
    let late = sign(&from).await;
    assert_eq!(to.sign_checkpoint(&key).await.expect("signed").note, late.note);
    fill_many(&from, "a/x", 10).await;
    sign(&from).await;
    let copied = from.copy_to(&to, |_, _| ()).await.expect("copied");
    assert_eq!((copied.entries, copied.checkpoints, copied.cosignatures), (10, 1, 2));
    let again = from.copy_to(&to, |_, _| ()).await.expect("nothing to do");
    assert_eq!((again.checkpoints, again.cosignatures), (0, 0));
    // The copy signs on.
    fill_many(&to, "a/x", 5).await;
    assert_eq!(sign(&to).await.size(), 3_025);
    assert_eq!(fault(&to).await, None);
    to.copy_to(&from, |_, _| ()).await.expect("and back");
    assert_eq!(from.sign_checkpoint(&key).await.expect("there").size(), 3_025);

    // A target that signed with another key, and a source whose checkpoint is not of its entries.
    let forked = other(&stage).await;
    let fork = forked.log().await;
    from.copy_to(&fork, |_, _| ()).await.expect("copied");
    fill_many(&from, "a/x", 1).await;
    from.copy_to(&fork, |_, _| ()).await.expect("copied");
    fork.sign_checkpoint_after(&log_key(2), &[key.verifier().clone()]).await.expect("signed");
    from.sign_checkpoint(&key).await.expect("signed");
    assert!(matches!(from.copy_to(&fork, |_, _| ()).await, Err(LogError::NotAPrefix { .. })));
    past_the_triggers(&stage).await;
    let rotten: Frontier = (0..3_000).map(|_| sogoc_log::Hash([0; 32])).collect();
    let rotten_note = Checkpoint::try_new(from.name(), 3_000, rotten.root()).expect("a checkpoint").to_string();
    let rotten_note = Note::sign(&rotten_note, &[&key]).expect("signed");
    let (root, frontier) = (literal(&stage, &rotten.root().0), literal(&stage, &rotten.to_bytes()));
    let sql =
        format!("update checkpoint set root = {root}, frontier = {frontier}, note = '{rotten_note}' where size = 3000");
    stage.store.tamper(&sql).await;
    let fresh = other(&stage).await;
    let refused = from.copy_to(&fresh.log().await, |_, _| ()).await;
    assert!(matches!(refused, Err(LogError::Corrupt { .. })), "{refused:?}");
    assert_eq!(fresh.log().await.latest_checkpoint().await, Ok(None));
}

async fn a_copy_goes_on_where_it_stopped(stage: Stage) {
    let target = other(&stage).await;
    let (from, to) = (filled(&stage).await, target.log().await);
    let copying = tokio::spawn({
        let (from, to) = (from.clone(), to.clone());
        async move { from.copy_to(&to, |_, _| panic!("cut off after the first chunk")).await }
    });
    assert!(copying.await.is_err());
    let head = to.head().await.expect("readable");
    assert_eq!(head.size, 2_048);
    assert_eq!(to.verify(Frontier::new(), |_, _| ()).await.expect("readable").fault, None);
    let copied = from.copy_to(&to, |_, _| ()).await.expect("goes on");
    assert_eq!((copied.already, copied.entries), (2_048, 2_952));
    assert_eq!(bytes(&from).await, bytes(&to).await);
    let sealed = to.verify(Frontier::new(), |_, _| ()).await.expect("readable").sealed;
    assert_eq!(sealed, 100);
}

async fn a_target_that_is_not_a_prefix_is_refused(stage: Stage) {
    let target = other(&stage).await;
    let (from, to) = (stage.log().await, target.log().await);
    fill(&from, "a/x", 3).await;
    fill(&to, "b/x", 2).await;
    assert!(matches!(from.copy_to(&to, |_, _| ()).await, Err(LogError::NotAPrefix { .. })));
    assert_eq!(to.head().await.expect("readable").size, 2);
    let named = other(&stage).await;
    let named = named.log_with(Options { name: Some("sogoc.example/other".to_owned()), ..Options::default() }).await;
    assert!(matches!(from.copy_to(&named, |_, _| ()).await, Err(LogError::OtherLog { .. })));
}

async fn a_source_that_is_damaged_is_not_copied(stage: Stage) {
    let target = other(&stage).await;
    let (from, to) = (stage.log().await, target.log().await);
    fill(&from, "a/x", 5).await;
    let unlock = if stage.is_postgres() {
        "alter table entry disable trigger all"
    } else {
        "drop trigger entry_is_never_updated"
    };
    stage.store.tamper(unlock).await;
    stage.store.tamper("update entry set entry = replace(entry, 'tk-01', 'tk-02') where position = 2").await;
    let refused = from.copy_to(&to, |_, _| ()).await;
    assert!(matches!(refused, Err(LogError::Corrupt { position: Some(Position(2)), .. })), "{refused:?}");
    assert_eq!(to.head().await.expect("readable").size, 0);
}
