//! `verify` finds what was tampered with, and where.

use sogoc_log::{Fault, Frontier, Log, Position, SealedText};

use super::stage::{Stage, append, appends, fill, on_both_stores};

on_both_stores!(
    an_untouched_log_is_right,
    every_column_that_was_changed_is_found_with_its_position,
    what_was_removed_or_added_is_found,
    the_head_row_is_checked,
    a_check_can_go_on_from_a_frontier,
    entries_cannot_be_changed_while_the_triggers_stand,
);

const UNLOCK_SQLITE: &str = "drop trigger entry_is_never_updated; drop trigger entry_is_never_deleted;
    drop trigger entry_is_dense; drop trigger head_never_shrinks; drop trigger sealed_text_is_only_erased;";
const UNLOCK_POSTGRES: &str = "alter table entry disable trigger all; alter table head disable trigger all;
    alter table sealed_text disable trigger all; alter table entry drop constraint entry_stream_version;
    alter table entry drop constraint entry_command_index;";

async fn unlock(stage: &Stage) {
    stage.store.tamper(if stage.is_postgres() { UNLOCK_POSTGRES } else { UNLOCK_SQLITE }).await;
}

async fn fault(log: &Log) -> Option<Fault> {
    log.verify(Frontier::new(), |_, _| ()).await.expect("readable").fault
}

async fn filled(stage: &Stage) -> Log {
    let log = stage.log().await;
    fill(&log, "a/x", 5).await;
    let mut several = appends(&[("a/x", 5), ("a/y", 0), ("b/z", 0)]);
    several.sealed = vec![SealedText::new([1; 32], "lý do"), SealedText::new([2; 32], "")];
    log.append(several).await.expect("accepted");
    fill(&log, "a/y", 4).await;
    log
}

async fn an_untouched_log_is_right(stage: Stage) {
    let log = stage.log().await;
    assert_eq!(fault(&log).await, None, "empty");
    drop(log);
    let log = filled(&stage).await;
    log.erase_sealed(&[SealedText::commitment(&[2; 32], "")]).await.expect("erased");
    let mut told = Vec::new();
    let report = log.verify(Frontier::new(), |done, of| told.push((done, of))).await.expect("readable");
    assert_eq!(report.fault, None);
    assert_eq!((report.checked, report.sealed, report.erased), (12, 1, 1));
    assert_eq!(report.head, log.head().await.expect("readable"));
    assert_eq!(told, [(12, 12)]);
}

async fn every_column_that_was_changed_is_found_with_its_position(stage: Stage) {
    let log = filled(&stage).await;
    unlock(&stage).await;
    let other = if stage.is_postgres() { "'\\x00'::bytea || substring(leaf_hash from 2)" } else { "zeroblob(32)" };
    let digest =
        if stage.is_postgres() { "'\\x00'::bytea || substring(command_digest from 2)" } else { "zeroblob(32)" };
    let uuid = "'0193ffff-0000-7000-8000-000000000001'";
    let changes = [
        ("entry", "replace(entry, '\"number\":', '\"numbes\":')".to_owned()),
        ("entry", "replace(entry, '\"tk-01\"', '\"tk-02\"')".to_owned()),
        ("entry", "'{}'".to_owned()),
        ("stream", "'a/w'".to_owned()),
        ("version", "version + 100".to_owned()),
        ("kind", "'counter'".to_owned()),
        ("command", if stage.is_postgres() { format!("{uuid}::uuid") } else { uuid.to_owned() }),
        ("command_index", "command_index + 100".to_owned()),
        ("command_digest", digest.to_owned()),
        ("at_us", "at_us + 1".to_owned()),
        ("leaf_hash", other.to_owned()),
    ];
    for (column, value) in changes {
        for position in [0, 6, 11] {
            let store = "create table kept as select * from entry where position = ";
            stage.store.tamper(&format!("{store}{position}")).await;
            stage.store.tamper(&format!("update entry set {column} = {value} where position = {position}")).await;
            let found = fault(&log).await;
            assert_eq!(
                found.as_ref().and_then(|fault| fault.position),
                Some(Position(position)),
                "{column}: {found:?}"
            );
            let restore = format!(
                "update entry set {column} = (select {column} from kept) where position = {position}; drop table kept"
            );
            stage.store.tamper(&restore).await;
        }
    }
    let found = fault(&log).await.expect("the triggers are off");
    assert!(found.what.contains("trigger"), "{found:?}");
}

async fn what_was_removed_or_added_is_found(stage: Stage) {
    let log = filled(&stage).await;
    unlock(&stage).await;
    stage.store.tamper("delete from entry where position = 11").await;
    assert_eq!(fault(&log).await.and_then(|fault| fault.position), Some(Position(11)), "the last one");
    stage.store.tamper("delete from entry where position = 4").await;
    assert_eq!(fault(&log).await.and_then(|fault| fault.position), Some(Position(4)), "one in the middle");
    assert!(log.read(Position(0), 100).await.is_err(), "a reader notices the gap too");
    stage.store.tamper("delete from entry where position = 0").await;
    assert_eq!(fault(&log).await.and_then(|fault| fault.position), Some(Position(0)), "the first one");
}

async fn the_head_row_is_checked(stage: Stage) {
    let log = filled(&stage).await;
    unlock(&stage).await;
    stage.store.tamper("update head set last_at_us = last_at_us + 1").await;
    assert!(fault(&log).await.expect("wrong time").what.contains("last_at_us"));
    stage.store.tamper("update head set last_at_us = last_at_us - 1").await;
    // The same size with another hash: a frontier that rotted.
    let flip = if stage.is_postgres() {
        "update head set frontier = set_byte(frontier, 20, get_byte(frontier, 20) # 1)"
    } else {
        "update head set frontier = cast(substr(frontier, 1, 39) || x'00' || substr(frontier, 41) as blob)"
    };
    stage.store.tamper(flip).await;
    let found = fault(&log).await.expect("another root");
    assert!(found.what.contains("root"), "{found:?}");
    stage.store.tamper("update head set size = 3").await;
    assert!(fault(&log).await.expect("size and frontier differ").what.contains("leaves"));
    assert!(log.head().await.is_err());
    // Nothing is appended to a head that contradicts itself.
    assert!(log.append(append("c/x", 0)).await.is_err());
}

async fn a_check_can_go_on_from_a_frontier(stage: Stage) {
    let log = filled(&stage).await;
    let half = log.continue_frontier(Frontier::new(), 7).await.expect("readable");
    let report = log.verify(half.clone(), |_, _| ()).await.expect("readable");
    assert_eq!((report.fault, report.checked), (None, 5));
    let whole = log.head().await.expect("readable").frontier;
    assert_eq!(log.verify(whole, |_, _| ()).await.expect("readable").checked, 0);
    let mut other = half;
    other.append(sogoc_log::Hash([0; 32]));
    let found = log.verify(other, |_, _| ()).await.expect("readable").fault.expect("another history");
    assert!(found.what.contains("root"), "{found:?}");
    let longer: Frontier = (0..20).map(|_| sogoc_log::Hash([0; 32])).collect();
    let found = log.verify(longer, |_, _| ()).await.expect("readable").fault.expect("shorter than it was");
    assert_eq!(found.position, Some(Position(12)));
}

async fn entries_cannot_be_changed_while_the_triggers_stand(stage: Stage) {
    let log = filled(&stage).await;
    let mut refused = vec![
        "update entry set kind = 'x' where position = 3",
        "update entry set kind = kind",
        "delete from entry where position = 3",
        "delete from entry",
        "delete from head",
        "update head set size = 0, last_at_us = null",
        "update head set name = 'x'",
        "delete from sealed_text",
        "update sealed_text set text = 'x'",
        "update sealed_text set position = 0, salt = null, text = null, erased_at_us = 1",
    ];
    if stage.is_postgres() {
        refused.extend(["truncate entry", "truncate head", "truncate sealed_text", "truncate entry cascade"]);
    } else {
        refused.extend([
            "insert or replace into entry select * from entry where position = 3",
            "insert into entry select position + 100, stream, version + 100, kind, 'x', command_index, command_digest, at_us,
               entry, leaf_hash from entry where position = 3",
            "insert or replace into entry select 12, stream, version, kind, 'x', command_index, command_digest, at_us,
               entry, leaf_hash from entry where position = 3",
        ]);
    }
    for sql in refused {
        assert!(stage.store.try_tamper(sql).await.is_err(), "{sql}");
    }
    assert_eq!(fault(&log).await, None);
}
