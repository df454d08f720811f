//! Sealed texts and snapshots.

use sogoc_log::{Faulty, Frontier, LogError, Mode, Options, Sealed, SealedText, Snapshot, Step};

use super::stage::{Stage, append, erase, erasing, fill, on_both_stores};

on_both_stores!(
    a_sealed_text_is_stored_with_its_entry_and_can_be_erased,
    a_text_is_erased_with_the_entry_that_says_so_or_not_at_all,
    an_append_may_erase_only_so_much,
    an_erasure_fails_at_every_step_and_is_done_once,
    a_sealed_text_of_a_refused_append_is_not_stored,
    a_sealed_text_that_was_changed_is_found,
    a_snapshot_comes_back_until_a_newer_one_fits,
    a_snapshot_that_does_not_fit_is_ignored,
);

async fn a_sealed_text_is_stored_with_its_entry_and_can_be_erased(stage: Stage) {
    let log = stage.log().await;
    let texts: Vec<SealedText> =
        (0..600).map(|n| SealedText::new([(n % 251) as u8; 32], format!("lý do {n}"))).collect();
    let mut one = append("a/x", 0);
    one.sealed = texts.clone();
    log.append(one.clone()).await.expect("accepted");
    let all: Vec<[u8; 32]> = texts.iter().map(|text| text.commitment).collect();
    let found = log.sealed(&all).await.expect("readable");
    assert_eq!(found.len(), 600);
    for text in &texts {
        assert_eq!(found[&text.commitment], Sealed::Text(text.clone()));
    }
    let erased = erase(&log, "e/x", &all[..2]).await;
    let found = log.sealed(&all[..4]).await.expect("readable");
    assert_eq!(found[&all[0]], Sealed::Erased { at: erased.at }, "as of the entry that says so");
    assert_eq!(found[&all[3]], Sealed::Text(texts[3].clone()));
    assert!(log.sealed(&[[9; 32]]).await.expect("readable").is_empty(), "one that nobody sealed");
    // The same text sealed again does not bring an erased one back.
    let mut again = append("a/x", 1);
    again.sealed = vec![texts[0].clone()];
    log.append(again).await.expect("accepted");
    assert!(matches!(log.sealed(&all[..1]).await.expect("readable")[&all[0]], Sealed::Erased { .. }));
    if let Some(file) = stage.store.file() {
        let erased = [file.clone(), file.with_extension("db-wal")].iter().all(|file| {
            let bytes = std::fs::read(file).unwrap_or_default();
            !bytes.windows(9).any(|window| window == "lý do 1\u{0}".as_bytes())
        });
        assert!(erased);
    }
    assert_eq!(log.verify(Frontier::new(), |_, _| ()).await.expect("readable").fault, None);
}

async fn a_text_is_erased_with_the_entry_that_says_so_or_not_at_all(stage: Stage) {
    let log = stage.log().await;
    let texts = [SealedText::new([1; 32], "lý do"), SealedText::new([2; 32], "họ tên")];
    let [first, second] = [texts[0].commitment, texts[1].commitment];
    let mut one = append("a/x", 0);
    one.sealed = texts.to_vec();
    log.append(one).await.expect("accepted");

    // An append that is refused for another reason erases nothing.
    let mut stale = append("e/x", 7);
    stale.erases = vec![first];
    assert!(matches!(log.append(stale).await, Err(LogError::Conflict { .. })));
    // One that was never there, beside one that is: all or nothing.
    let unknown = erasing(&log, "e/x", &[first, [9; 32]]).await;
    let refused = Err(LogError::NothingToErase { commitment: hex::encode([9; 32]), erased: None });
    assert_eq!(log.append(unknown).await, refused);
    assert_eq!(log.head().await.expect("readable").size, 1, "nothing was recorded");
    assert_eq!(log.sealed(&[first]).await.expect("readable")[&first], Sealed::Text(texts[0].clone()));

    let erased = erase(&log, "e/x", &[first]).await;
    let again = erasing(&log, "e/x", &[first]).await;
    let refused = Err(LogError::NothingToErase { commitment: hex::encode(first), erased: Some(erased.at) });
    assert_eq!(log.append(again).await, refused);
    // Of several that erase the same text at once, one does.
    let attempts = futures_util::future::join_all((0..5).map(|n| {
        let (log, mut one) = (log.clone(), append(&format!("e/{n}"), 0));
        one.erases = vec![second];
        async move { log.append(one).await }
    }))
    .await;
    assert_eq!(attempts.iter().filter(|answer| answer.is_ok()).count(), 1, "{attempts:?}");
    let told = |answer: &Result<_, LogError>| matches!(answer, Err(LogError::NothingToErase { erased: Some(_), .. }));
    assert_eq!(attempts.iter().filter(|answer| told(answer)).count(), 4, "{attempts:?}");

    // The same command again gets its receipt, and not that there is nothing left to erase.
    let third = SealedText::new([3; 32], "cớ");
    let mut one = append("a/x", 1);
    one.sealed = vec![third.clone()];
    log.append(one).await.expect("accepted");
    let erasing = erasing(&log, "e/x", &[third.commitment]).await;
    log.append(erasing.clone()).await.expect("erased");
    assert_eq!(log.append(erasing).await.map(|receipt| receipt.repeated), Ok(true));
    let report = log.verify(Frontier::new(), |_, _| ()).await.expect("readable");
    assert_eq!((report.fault, report.sealed, report.erased), (None, 0, 3));
}

async fn an_append_may_erase_only_so_much(stage: Stage) {
    let log = stage.log().await;
    let text = SealedText::new([1; 32], "lý do");
    let mut both = append("a/x", 0);
    both.sealed = vec![text.clone()];
    both.erases = vec![text.commitment];
    let mut twice = append("a/x", 0);
    twice.erases = vec![text.commitment; 2];
    let mut many = append("a/x", 0);
    many.erases =
        (0..=sogoc_log::ERASES_MAX as u64).map(|n| SealedText::commitment(&[0; 32], &n.to_string())).collect();
    for bad in [both, twice, many] {
        assert!(matches!(log.append(bad).await, Err(LogError::Refused { .. })));
    }
}

async fn an_erasure_fails_at_every_step_and_is_done_once(stage: Stage) {
    let faulty = Faulty::default();
    let log = stage.log_with(Options { faulty: faulty.clone(), ..Options::default() }).await;
    for (salt, (step, mode)) in (0_u8..).zip(Step::ALL.into_iter().flat_map(|step| Mode::ALL.map(|mode| (step, mode))))
    {
        let text = SealedText::new([salt; 32], "lý do");
        let mut one = append(&format!("a/{salt}"), 0);
        one.sealed = vec![text.clone()];
        log.append(one).await.expect("accepted");
        let erasing = erasing(&log, "e/x", &[text.commitment]).await;
        faulty.fail_next(step, mode);
        assert!(matches!(log.append(erasing.clone()).await, Err(LogError::Unavailable { .. })), "{step:?} {mode:?}");
        let persisted = step == Step::Commit && mode == Mode::PersistedButFailed;
        let found = log.sealed(&[text.commitment]).await.expect("readable").remove(&text.commitment);
        assert_eq!(matches!(found, Some(Sealed::Erased { .. })), persisted, "{step:?} {mode:?}");
        assert_eq!(log.append(erasing).await.map(|receipt| receipt.repeated), Ok(persisted), "{step:?} {mode:?}");
    }
    let report = log.verify(Frontier::new(), |_, _| ()).await.expect("readable");
    assert_eq!((report.fault, report.sealed, report.erased), (None, 0, 2 * Step::ALL.len() as u64));
}

async fn a_sealed_text_of_a_refused_append_is_not_stored(stage: Stage) {
    let log = stage.log().await;
    let text = SealedText::new([1; 32], "lý do");
    let mut stale = append("a/x", 3);
    stale.sealed = vec![text.clone()];
    assert!(matches!(log.append(stale).await, Err(LogError::Conflict { .. })));
    assert!(log.sealed(&[text.commitment]).await.expect("readable").is_empty());
}

async fn a_sealed_text_that_was_changed_is_found(stage: Stage) {
    let log = stage.log().await;
    let text = SealedText::new([1; 32], "lý do");
    let mut one = append("a/x", 0);
    one.sealed = vec![text.clone()];
    log.append(one).await.expect("accepted");
    let unlock = if stage.is_postgres() {
        "alter table sealed_text disable trigger all"
    } else {
        "drop trigger sealed_text_is_only_erased"
    };
    stage.store.tamper(unlock).await;
    stage.store.tamper("update sealed_text set text = 'cớ'").await;
    assert!(matches!(log.sealed(&[text.commitment]).await, Err(LogError::Corrupt { .. })));
    let found = log.verify(Frontier::new(), |_, _| ()).await.expect("readable").fault.expect("found");
    assert!(found.what.contains(&hex::encode(text.commitment)), "{found:?}");
}

fn snapshot(frontier: Frontier, bytes: Vec<u8>) -> Snapshot {
    Snapshot { kind: "register".to_owned(), fold_version: 3, frontier, bytes }
}

async fn a_snapshot_comes_back_until_a_newer_one_fits(stage: Stage) {
    let log = stage.log().await;
    assert_eq!(log.latest_snapshot("register", 3).await, Ok(None));
    let empty = snapshot(Frontier::new(), vec![]);
    log.put_snapshot(&empty).await.expect("kept");
    assert_eq!(log.latest_snapshot("register", 3).await, Ok(Some(empty)));
    for round in 1..=3_u8 {
        fill(&log, "a/x", 10).await;
        // More than one chunk.
        let bytes = vec![round; 9 << 20];
        let newer = snapshot(log.head().await.expect("readable").frontier, bytes);
        log.put_snapshot(&newer).await.expect("kept");
        log.put_snapshot(&newer).await.expect("written twice at the same size");
        fill(&log, "a/x", 3).await;
        assert_eq!(log.latest_snapshot("register", 3).await.expect("readable"), Some(newer));
    }
    assert_eq!(log.latest_snapshot("register", 2).await, Ok(None));
    assert_eq!(log.latest_snapshot("other", 3).await, Ok(None));
    let future: Frontier = (0..1_000).map(|_| sogoc_log::Hash([0; 32])).collect();
    assert!(matches!(log.put_snapshot(&snapshot(future, vec![])).await, Err(LogError::Refused { .. })));
    stage.store.tamper("create table counted as select count(*) as n from snapshot").await;
    assert!(
        stage
            .store
            .try_tamper("insert into counted select 1 / (case when n = 2 then 1 else 0 end) from counted")
            .await
            .is_ok()
    );
}

async fn a_snapshot_that_does_not_fit_is_ignored(stage: Stage) {
    let log = stage.log().await;
    fill(&log, "a/x", 5).await;
    let good = snapshot(log.head().await.expect("readable").frontier, b"five".to_vec());
    log.put_snapshot(&good).await.expect("kept");
    fill(&log, "a/x", 2).await;
    // Of another log, as after a restore from another backup.
    let other: Frontier = (0..6).map(|_| sogoc_log::Hash([0; 32])).collect();
    log.put_snapshot(&snapshot(other, b"six".to_vec())).await.expect("kept");
    assert_eq!(log.latest_snapshot("register", 3).await, Ok(Some(good.clone())));
    let newest = snapshot(log.head().await.expect("readable").frontier, b"seven".to_vec());
    log.put_snapshot(&newest).await.expect("kept");
    log.put_snapshot(&good).await.expect("kept");
    stage.store.tamper("update snapshot_chunk set bytes = snapshot_chunk.bytes where number > 100").await;
    let rot = if stage.is_postgres() {
        "update snapshot_chunk set bytes = 'seveN' where bytes = 'seven'"
    } else {
        "update snapshot_chunk set bytes = x'736576654e' where bytes = x'736576656e'"
    };
    stage.store.tamper(rot).await;
    assert_eq!(log.latest_snapshot("register", 3).await, Ok(Some(good)));
    // Cut short while it was written.
    stage.store.tamper("delete from snapshot_chunk").await;
    assert_eq!(log.latest_snapshot("register", 3).await, Ok(None));
}
