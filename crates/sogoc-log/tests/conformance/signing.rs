//! A checkpoint says what the entries' bytes say, a size is signed once, and no two contradict each other.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use sogoc_log::{
    DEFAULT_NAME, Faulty, Frontier, Log, LogError, Mode, Options, Pool, Position, SignedCheckpoint, Step, Timestamp,
    VerifyOptions,
};
use sogoc_proof::{Algorithm, Checkpoint, SignatureLine, SignerKey, cosign, root, verify_cosignature};

use super::stage::{
    Stage, append, append_until_accepted, fill, fill_many, leaves, literal, log_key, on_both_stores, past_the_triggers,
    witness_key,
};

on_both_stores!(
    a_checkpoint_has_the_root_of_the_bytes_and_the_logs_signature,
    a_size_is_signed_once,
    the_empty_log_can_be_signed_and_goes_on,
    every_step_of_signing_fails_in_both_modes_and_is_done_once,
    processes_that_sign_at_once_never_contradict_each_other,
    appends_do_not_wait_for_who_signs,
    only_the_logs_own_key_signs,
    a_new_key_goes_on_where_the_old_one_is_named,
    checkpoints_are_found_by_what_they_cover,
    cosignatures_are_kept_with_their_checkpoint,
    a_checkpoint_is_found_by_what_witnesses_said,
    a_frontier_that_rotted_is_never_signed,
    a_leaf_hash_that_rotted_is_never_signed,
    a_row_that_was_changed_is_not_given_out,
);

async fn sign(log: &Log) -> SignedCheckpoint {
    log.sign_checkpoint(&log_key(1)).await.expect("signed")
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_micros(second * 1_000_000).expect("in range")
}

fn cosigned(checkpoint: &SignedCheckpoint, by: &str, second: u64) -> SignatureLine {
    cosign(checkpoint.note.text(), &witness_key(by), second).expect("a checkpoint")
}

async fn a_checkpoint_has_the_root_of_the_bytes_and_the_logs_signature(stage: Stage) {
    let log = stage.log().await;
    // More than a chunk in the first one, and a few in the second.
    for count in [5_000, 3] {
        fill_many(&log, "a/x", count).await;
        let signed = sign(&log).await;
        let head = log.head().await.expect("readable");
        assert_eq!((signed.size(), signed.root(), &signed.frontier), (head.size, head.root, &head.frontier));
        assert_eq!(signed.root(), root(&leaves(&log).await));
        assert_eq!(signed.note.verify(&[log_key(1).verifier().clone()]).expect("signed").len(), 1);
        let text = Checkpoint::try_new(DEFAULT_NAME, head.size, head.root).expect("a checkpoint").to_string();
        assert_eq!(signed.note.text(), text);
        assert_eq!(log.latest_checkpoint().await, Ok(Some(signed)));
    }
    let keys = vec![log_key(1).verifier().clone()];
    let report = log.verify(VerifyOptions { keys, ..VerifyOptions::default() }, |_, _| ()).await.expect("readable");
    assert_eq!((report.fault, report.checkpoints), (None, 2));
}

async fn a_size_is_signed_once(stage: Stage) {
    let log = stage.log().await;
    fill(&log, "a/x", 3).await;
    let first = sign(&log).await;
    assert_eq!(sign(&log).await, first, "and its time is the first one's");
    let line = cosigned(&first, "witness.example/a", 1_000);
    log.add_cosignatures(3, &[line], at(1_001)).await.expect("kept");
    assert_eq!(sign(&log).await.cosignatures.len(), 1, "it comes with what was said to it");
    fill(&log, "a/x", 1).await;
    assert_eq!(sign(&log).await.size(), 4);
    for sql in [
        "update checkpoint set signed_at_us = 0",
        "delete from checkpoint",
        "update signed set size = 0",
        "update signed set size = size",
        "delete from signed",
        "update cosignature set at_us = 0",
        "delete from cosignature",
    ] {
        assert!(stage.store.try_tamper(sql).await.is_err(), "{sql}");
    }
}

async fn the_empty_log_can_be_signed_and_goes_on(stage: Stage) {
    let log = stage.log().await;
    assert_eq!(log.latest_checkpoint().await, Ok(None));
    let other = stage.log().await;
    let key = log_key(1);
    let both = join_all([log.sign_checkpoint(&key), other.sign_checkpoint(&key)]).await;
    assert_eq!(both[0], both[1], "at once, one is signed and both get it");
    let empty = both[0].as_ref().expect("signed");
    assert_eq!((empty.size(), empty.root()), (0, sogoc_proof::empty_root()));
    assert_eq!(sign(&log).await, *empty);
    assert_eq!(log.verify(Frontier::new(), |_, _| ()).await.expect("readable").fault, None);
    fill(&log, "a/x", 1).await;
    assert_eq!(sign(&log).await.size(), 1);
    assert_eq!(log.verify(Frontier::new(), |_, _| ()).await.expect("readable").checkpoints, 2);
}

async fn every_step_of_signing_fails_in_both_modes_and_is_done_once(stage: Stage) {
    let faulty = Faulty::default();
    let log = stage.log_with(Options { faulty: faulty.clone(), ..Options::default() }).await;
    let mut size = 0;
    for step in Step::SIGNING {
        for mode in Mode::ALL {
            fill(&log, "a/x", 1).await;
            size += 1;
            faulty.fail_next(step, mode);
            let answer = log.sign_checkpoint(&log_key(1)).await;
            assert!(faulty.is_spent());
            assert!(matches!(answer, Err(LogError::Unavailable { .. })), "{step:?} {mode:?}: {answer:?}");
            let persisted = step == Step::CommitSigned && mode == Mode::PersistedButFailed;
            let newest = log.latest_checkpoint().await.expect("readable").map_or(0, |newest| newest.size());
            assert_eq!(newest, size - u64::from(!persisted), "{step:?} {mode:?}");
            assert_eq!(log.verify(Frontier::new(), |_, _| ()).await.expect("readable").fault, None);
            assert_eq!(sign(&log).await.size(), size, "{step:?} {mode:?}");
        }
    }
    let report = log.verify(Frontier::new(), |_, _| ()).await.expect("readable");
    assert_eq!((report.fault, report.checkpoints), (None, size));
}

async fn processes_that_sign_at_once_never_contradict_each_other(stage: Stage) {
    let logs = [stage.log().await, stage.log().await, stage.log().await];
    let writing = tokio::spawn({
        let log = logs[0].clone();
        async move {
            for n in 0..40 {
                append_until_accepted(&log, &format!("a/{}", n % 3)).await;
            }
        }
    });
    let signing = logs.clone().map(|log| {
        tokio::spawn(async move {
            let mut sizes = BTreeSet::new();
            for _ in 0..15 {
                match log.sign_checkpoint(&log_key(1)).await {
                    Ok(signed) => sizes.insert(signed.size()),
                    Err(LogError::Unavailable { .. }) => false,
                    Err(other) => panic!("{other}"),
                };
            }
            sizes
        })
    });
    let mut sizes = BTreeSet::new();
    for signing in join_all(signing).await {
        sizes.extend(signing.expect("no panic"));
    }
    writing.await.expect("no panic");
    sizes.insert(sign(&logs[1]).await.size());
    let leaves = leaves(&logs[0]).await;
    let checkpoints = logs[2].checkpoints(0, 1_000).await.expect("readable");
    assert_eq!(checkpoints.iter().map(SignedCheckpoint::size).collect::<BTreeSet<_>>(), sizes);
    for checkpoint in &checkpoints {
        assert_eq!(checkpoint.root(), root(&leaves[..usize::try_from(checkpoint.size()).expect("small")]));
    }
    let keys = vec![log_key(1).verifier().clone()];
    let report = logs[0].verify(VerifyOptions { keys, ..VerifyOptions::default() }, |_, _| ()).await.expect("readable");
    assert_eq!((report.fault, report.checkpoints), (None, checkpoints.len() as u64));
}

/// Somebody who signs holds the row of what was signed; on SQLite a transaction of milliseconds is all there is.
async fn appends_do_not_wait_for_who_signs(stage: Stage) {
    let log = stage.log().await;
    fill(&log, "a/x", 1).await;
    let Pool::Postgres(pool) = log.pool() else { return };
    let mut held = pool.begin().await.expect("begins");
    sqlx::query("select size from signed for update").execute(&mut *held).await.expect("locks");
    fill(&log, "a/x", 3).await;
    held.rollback().await.expect("lets go");
    assert_eq!(sign(&log).await.size(), 4);
}

async fn only_the_logs_own_key_signs(stage: Stage) {
    let log = stage.log().await;
    fill(&log, "a/x", 1).await;
    for key in [
        SignerKey::from_seed("sogoc.example/other", Algorithm::Ed25519, [1; 32]),
        SignerKey::from_seed(DEFAULT_NAME, Algorithm::CosignatureV1, [1; 32]),
    ] {
        let key = key.expect("a name");
        assert!(matches!(log.sign_checkpoint(&key).await, Err(LogError::Refused { .. })), "{key:?}");
    }
    assert_eq!(log.latest_checkpoint().await, Ok(None));
}

async fn a_new_key_goes_on_where_the_old_one_is_named(stage: Stage) {
    let log = stage.log().await;
    fill(&log, "a/x", 1).await;
    sign(&log).await;
    fill(&log, "a/x", 1).await;
    let new = log_key(2);
    let answer = log.sign_checkpoint(&new).await;
    assert!(matches!(answer, Err(LogError::Refused { .. })), "{answer:?}");
    let old = log_key(1).verifier().clone();
    let signed = log.sign_checkpoint_after(&new, std::slice::from_ref(&old)).await.expect("signed");
    assert_eq!(signed.size(), 2);
    signed.note.verify(&[new.verifier().clone()]).expect("by the new key");
    fill(&log, "a/x", 1).await;
    assert_eq!(log.sign_checkpoint(&new).await.expect("signed").size(), 3);
    let fault = async |keys| {
        log.verify(VerifyOptions { keys, ..VerifyOptions::default() }, |_, _| ()).await.expect("readable").fault
    };
    assert_eq!(fault(vec![new.verifier().clone(), old.clone()]).await, None);
    assert!(fault(vec![old]).await.expect("the later ones").what.contains("checkpoint of 2"));
}

async fn checkpoints_are_found_by_what_they_cover(stage: Stage) {
    let log = stage.log().await;
    for _ in 0..3 {
        fill(&log, "a/x", 2).await;
        sign(&log).await;
    }
    fill(&log, "a/x", 1).await;
    let found = async |size| log.checkpoint_at_least(size).await.expect("readable").map(|found| found.size());
    assert_eq!([found(0).await, found(2).await, found(3).await, found(6).await], [Some(2), Some(2), Some(4), Some(6)]);
    assert_eq!((found(7).await, found(u64::MAX).await), (None, None));
    let sizes = |page: Vec<SignedCheckpoint>| page.iter().map(SignedCheckpoint::size).collect::<Vec<_>>();
    assert_eq!(sizes(log.checkpoints(0, 2).await.expect("readable")), [2, 4]);
    assert_eq!(sizes(log.checkpoints(5, 9).await.expect("readable")), [6]);
    assert_eq!(log.latest_checkpoint().await.expect("readable").map(|newest| newest.size()), Some(6));
}

async fn cosignatures_are_kept_with_their_checkpoint(stage: Stage) {
    let log = stage.log().await;
    fill(&log, "a/x", 2).await;
    let signed = sign(&log).await;
    let [a, b] = ["witness.example/a", "witness.example/b"];
    let first = [cosigned(&signed, a, 1_000), cosigned(&signed, b, 1_001)];
    assert_eq!(log.add_cosignatures(2, &first, at(1_002)).await, Ok(2));
    assert_eq!(log.add_cosignatures(2, &first, at(2_000)).await, Ok(0), "what is there stays");
    let later = cosigned(&signed, a, 3_000);
    assert_eq!(log.add_cosignatures(2, &[later.clone(), first[1].clone()], at(3_001)).await, Ok(1));
    let found = log.latest_checkpoint().await.expect("readable").expect("signed");
    assert_eq!((&found.checkpoint, &found.note), (&signed.checkpoint, &signed.note));
    let lines: Vec<_> =
        found.cosignatures.iter().map(|cosignature| (cosignature.line.clone(), cosignature.at)).collect();
    assert_eq!(lines, [(first[0].clone(), at(1_002)), (first[1].clone(), at(1_002)), (later.clone(), at(3_001))]);
    let note = found.cosigned_note();
    assert_eq!(note.signatures()[1..], [first[1].clone(), later.clone()], "the newest of each witness");
    assert_eq!(verify_cosignature(note.text(), &later, witness_key(a).verifier()), Ok(3_000));
    let keys = [witness_key(a).verifier().clone(), witness_key(b).verifier().clone(), log_key(1).verifier().clone()];
    assert_eq!(note.verify(&keys).expect("all of them").len(), 3);

    // What no checkpoint was signed for, the log's own name, too many, too long.
    let refused = async |size, lines: Vec<SignatureLine>| {
        let answer = log.add_cosignatures(size, &lines, at(1)).await;
        assert!(matches!(answer, Err(LogError::Refused { .. })), "{answer:?}");
    };
    refused(1, first.to_vec()).await;
    refused(u64::MAX, first.to_vec()).await;
    refused(2, signed.note.signatures().to_vec()).await;
    refused(2, vec![first[0].clone(); 101]).await;
    let long = format!("— {} yy8uUAAAAAAAAATS", "w".repeat(20_000));
    refused(2, vec![SignatureLine::parse(&long).expect("a line")]).await;
    let report = log.verify(Frontier::new(), |_, _| ()).await.expect("readable");
    assert_eq!((report.fault, report.cosignatures), (None, 3));
}

async fn a_checkpoint_is_found_by_what_witnesses_said(stage: Stage) {
    let log = stage.log().await;
    assert_eq!(log.latest_cosigned(|_| true).await, Ok(None));
    for n in 0..150_u64 {
        fill(&log, "a/x", 1).await;
        let signed = sign(&log).await;
        if n % 2 == 0 {
            let by = if n == 10 { "witness.example/rare" } else { "witness.example/a" };
            log.add_cosignatures(n + 1, &[cosigned(&signed, by, 1_000)], at(1_000)).await.expect("kept");
        }
    }
    let rare = |checkpoint: &SignedCheckpoint| {
        checkpoint.cosignatures.iter().any(|cosignature| cosignature.line.name() == "witness.example/rare")
    };
    let size = |found: Result<Option<SignedCheckpoint>, LogError>| found.expect("readable").map(|found| found.size());
    assert_eq!(size(log.latest_cosigned(|_| true).await), Some(149));
    assert_eq!(size(log.latest_cosigned(rare).await), Some(11), "however far back");
    assert_eq!(size(log.latest_cosigned(|_| false).await), None);
    assert_eq!(size(log.cosigned_at_least(2, |_| true).await), Some(3));
    assert_eq!(size(log.cosigned_at_least(2, rare).await), Some(11));
    assert_eq!(size(log.cosigned_at_least(12, rare).await), None);
    assert_eq!(size(log.cosigned_at_least(150, |_| true).await), None);
    assert_eq!(size(log.checkpoint_at_least(150).await), Some(150));
}

fn corrupt(answer: Result<SignedCheckpoint, LogError>, position: Option<u64>) {
    match answer {
        Err(LogError::Corrupt { position: found, .. }) if found == position.map(Position) => {}
        other => panic!("{other:?}"),
    }
}

async fn a_frontier_that_rotted_is_never_signed(stage: Stage) {
    let log = stage.log().await;
    fill(&log, "a/x", 4).await;
    sign(&log).await;
    fill(&log, "a/x", 3).await;
    past_the_triggers(&stage).await;
    let whole = log.head().await.expect("readable").frontier;
    for byte in [8, 40, 72] {
        let mut rotten = whole.to_bytes();
        rotten[byte] ^= 1;
        stage.store.tamper(&format!("update head set frontier = {}", literal(&stage, &rotten))).await;
        corrupt(log.sign_checkpoint(&log_key(1)).await, Some(4));
    }
    stage.store.tamper(&format!("update head set frontier = {}", literal(&stage, &whole.to_bytes()))).await;
    assert_eq!(sign(&log).await.size(), 7);
}

/// An append goes on from the frontier that it finds: what is consistent with it and not with the bytes is not signed.
async fn a_leaf_hash_that_rotted_is_never_signed(stage: Stage) {
    let log = stage.log().await;
    fill(&log, "a/x", 4).await;
    sign(&log).await;
    fill(&log, "a/x", 3).await;
    past_the_triggers(&stage).await;
    let mut leaves = leaves(&log).await;
    leaves[5] = sogoc_proof::Hash([5; 32]);
    let frontier: Frontier = leaves.into_iter().collect();
    let (leaf, frontier) = (literal(&stage, &[5; 32]), literal(&stage, &frontier.to_bytes()));
    stage.store.tamper(&format!("update entry set leaf_hash = {leaf} where position = 5")).await;
    stage.store.tamper(&format!("update head set frontier = {frontier}")).await;
    log.append(append("b/x", 0)).await.expect("accepted");
    corrupt(log.sign_checkpoint(&log_key(1)).await, Some(5));
}

async fn a_row_that_was_changed_is_not_given_out(stage: Stage) {
    let log = stage.log().await;
    fill(&log, "a/x", 5).await;
    let signed = sign(&log).await;
    log.add_cosignatures(5, &[cosigned(&signed, "witness.example/a", 1_000)], at(1_000)).await.expect("kept");
    past_the_triggers(&stage).await;
    let other = Checkpoint::try_new(DEFAULT_NAME, 5, sogoc_proof::Hash([1; 32])).expect("a checkpoint");
    let note = signed.note.to_string();
    for (table, column, rotten) in [
        ("checkpoint", "root", literal(&stage, &[1; 32])),
        ("checkpoint", "frontier", literal(&stage, &Frontier::new().to_bytes())),
        ("checkpoint", "note", "'x'".to_owned()),
        ("checkpoint", "note", format!("'{}'", note.replace(signed.note.text(), &other.to_string()))),
        ("checkpoint", "note", format!("'{}'", note.replacen("sogoc", "Sogoc", 1))),
        ("cosignature", "witness", "'witness.example/b'".to_owned()),
        ("cosignature", "key_id", literal(&stage, &[0; 4])),
        ("cosignature", "line", "'— witness.example/a x'".to_owned()),
    ] {
        stage.store.tamper(&format!("create table kept as select * from {table}")).await;
        stage.store.tamper(&format!("update {table} set {column} = {rotten}")).await;
        corrupt(log.latest_checkpoint().await.map(|found| found.expect("there")), None);
        corrupt(log.sign_checkpoint(&log_key(1)).await, None);
        let fault = log.verify(Frontier::new(), |_, _| ()).await.expect("readable").fault.expect("found");
        assert!(
            fault.what.contains("5 entries") || fault.what.contains("at size 5") || fault.what.contains("size is 5"),
            "{column}: {fault:?}"
        );
        stage
            .store
            .tamper(&format!("update {table} set {column} = (select {column} from kept); drop table kept"))
            .await;
    }
    assert_eq!(sign(&log).await.cosignatures.len(), 1);
}
