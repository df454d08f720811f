//! `verify` finds what was tampered with, and where.

use std::sync::{Arc, Mutex};

use sogoc_log::{Clock as _, Fault, Frontier, Log, Position, SealedText, Snapshot, SystemClock, VerifyOptions};
use sogoc_proof::{cosign, leaf_hash};

use super::stage::{
    Stage, append, appends, erase, fill, fill_many, literal, log_key, on_both_stores, past_the_triggers, witness_key,
};

on_both_stores!(
    an_untouched_log_is_right,
    every_column_that_was_changed_is_found_with_its_position,
    what_was_removed_or_added_is_found,
    the_head_row_is_checked,
    a_check_can_go_on_from_a_frontier,
    a_check_that_was_cut_short_goes_on_from_what_it_reached,
    what_stands_beside_the_entries_is_checked,
    signatures_are_verified_with_the_keys_that_are_given,
    entries_cannot_be_changed_while_the_triggers_stand,
);

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
    erase(&log, "c/x", &[SealedText::commitment(&[2; 32], "")]).await;
    let mut told = Vec::new();
    let report = log.verify(Frontier::new(), |done, of| told.push((done, of))).await.expect("readable");
    assert_eq!(report.fault, None);
    assert_eq!((report.checked, report.sealed, report.erased), (13, 1, 1));
    assert_eq!(report.head, log.head().await.expect("readable"));
    assert_eq!(told, [(13, 13)]);
}

async fn every_column_that_was_changed_is_found_with_its_position(stage: Stage) {
    let log = filled(&stage).await;
    past_the_triggers(&stage).await;
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
    past_the_triggers(&stage).await;
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
    past_the_triggers(&stage).await;
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

async fn a_check_that_was_cut_short_goes_on_from_what_it_reached(stage: Stage) {
    let log = stage.log().await;
    fill(&log, "b/x", 3).await;
    fill_many(&log, "a/x", 35_000).await;
    log.sign_checkpoint(&log_key(1)).await.expect("signed");
    fill_many(&log, "a/x", 36_000).await;
    fill(&log, "b/x", 2).await;
    log.sign_checkpoint(&log_key(1)).await.expect("signed");
    log.extend_tiles().await.expect("written");
    let reached = Arc::new(Mutex::new(Vec::new()));
    let options = |from| VerifyOptions {
        from,
        reached: Some(Box::new({
            let reached = Arc::clone(&reached);
            move |frontier: &Frontier| reached.lock().expect("no panic").push(frontier.clone())
        })),
        ..VerifyOptions::default()
    };
    let report = log.verify(options(Frontier::new()), |_, _| ()).await.expect("readable");
    assert_eq!((report.fault, report.checked, report.tile_roots, report.checkpoints), (None, 71_005, 277 + 1, 2));
    let reached: Vec<Frontier> = reached.lock().expect("no panic").clone();
    assert_eq!(reached.iter().map(Frontier::size).collect::<Vec<_>>(), [32_768, 65_536, 71_005]);
    assert_eq!(reached[2], log.head().await.expect("readable").frontier);
    for (from, roots) in reached.iter().zip([277 - 128 + 1, 277 - 256, 0]) {
        let report = log.verify(from.clone(), |_, _| ()).await.expect("readable");
        let checked = 71_005 - from.size();
        assert_eq!((report.fault, report.checked, report.tile_roots, report.checkpoints), (None, checked, roots, 2));
    }
    // What lies before is not looked at again, what comes after is; and so is what contradicts it.
    past_the_triggers(&stage).await;
    stage.store.tamper("update entry set kind = 'x' where position = 40000").await;
    let from = |at: usize| log.verify(reached[at].clone(), |_, _| ());
    assert_eq!(from(0).await.expect("readable").fault.and_then(|fault| fault.position), Some(Position(40_000)));
    let what = from(1).await.expect("readable").fault.expect("the triggers are off").what;
    assert!(what.contains("trigger"), "{what}");
    let other = "update entry set version = version + 100 where stream = 'b/x' and position > 65536";
    stage.store.tamper(other).await;
    assert_eq!(from(1).await.expect("readable").fault.and_then(|fault| fault.position), Some(Position(71_003)));
    // Only a server's owner gets rid of the unique constraint in place.
    if !stage.is_postgres() {
        return;
    }
    stage.store.tamper("update entry set version = version - 100 where stream = 'b/x' and position > 65536").await;
    let command = async |at| {
        let entry = log.read(Position(at), 1).await.expect("readable").remove(0);
        entry.parse().expect("canonical").command.to_string()
    };
    let (first, last) = (command(1).await, command(71_004).await);
    let text = log.read(Position(71_004), 1).await.expect("readable").remove(0).bytes.replace(&last, &first);
    let leaf = literal(&stage, &leaf_hash(text.as_bytes()).0);
    let again =
        format!("update entry set command = '{first}', entry = '{text}', leaf_hash = {leaf} where position = 71004");
    stage.store.tamper(&again).await;
    let fault = log.verify(reached[1].clone(), |_, _| ()).await.expect("readable").fault.expect("found");
    assert_eq!(fault.position, Some(Position(71_004)));
    assert!(fault.what.contains("recorded twice"), "{fault:?}");
}

/// A log with everything that a log can have beside its entries.
async fn with_everything(stage: &Stage) -> Log {
    let log = stage.log().await;
    fill_many(&log, "a/x", 600).await;
    log.sign_checkpoint(&log_key(1)).await.expect("signed");
    fill_many(&log, "a/x", 100).await;
    let signed = log.sign_checkpoint(&log_key(1)).await.expect("signed");
    let line = cosign(signed.note.text(), &witness_key("witness.example/a"), 1_000).expect("a checkpoint");
    log.add_cosignatures(700, &[line], SystemClock.now()).await.expect("kept");
    fill_many(&log, "a/x", 10).await;
    let frontier = log.head().await.expect("readable").frontier;
    let snapshot = Snapshot { kind: "register".to_owned(), fold_version: 1, frontier, bytes: b"state".to_vec() };
    log.put_snapshot(&snapshot).await.expect("kept");
    log.extend_tiles().await.expect("written");
    let report = log.verify(Frontier::new(), |_, _| ()).await.expect("readable");
    assert_eq!((&report.fault, report.checked), (&None, 710));
    assert_eq!((report.tile_roots, report.checkpoints, report.cosignatures, report.snapshots), (2, 2, 1, 1));
    log
}

async fn what_stands_beside_the_entries_is_checked(stage: Stage) {
    let log = with_everything(&stage).await;
    past_the_triggers(&stage).await;
    let hash = literal(&stage, &[7; 32]);
    let first = log.checkpoint_at_least(0).await.expect("readable").expect("signed");
    let (root, frontier) = (literal(&stage, &first.root().0), literal(&stage, &first.frontier.to_bytes()));
    let bytes = literal(&stage, b"State");
    let unchecked = if stage.is_postgres() { "" } else { "pragma foreign_keys = off;" };
    let wrong: Frontier = (0..710).map(|_| sogoc_log::Hash([0; 32])).collect();
    let wrong = literal(&stage, &wrong.to_bytes());
    for (table, change, said, position) in [
        ("tile_root", format!("update tile_root set hash = {hash} where number = 1"), "root of tile 1", Some(256)),
        ("tile_root", "delete from tile_root where number = 0".to_owned(), "root of tile 0", Some(0)),
        (
            "tile_root",
            format!("insert into tile_root (level, number, hash) values (0, 2, {hash})"),
            "2 full tiles",
            None,
        ),
        ("tile_root", format!("insert into tile_root (level, number, hash) values (1, 0, {hash})"), "level 1", None),
        ("checkpoint", format!("update checkpoint set root = {root} where size = 700"), "700 entries", None),
        (
            "checkpoint",
            format!("update checkpoint set frontier = {frontier} where size = 700"),
            "checkpoint.size",
            None,
        ),
        ("checkpoint", "update checkpoint set note = 'x' where size = 600".to_owned(), "600 entries", None),
        ("checkpoint", "delete from checkpoint where size = 700".to_owned(), "newest checkpoint has 600", None),
        ("signed", "update signed set size = 600".to_owned(), "600 entries are marked", None),
        ("signed", format!("update signed set frontier = {frontier}"), "marked as signed at 700", None),
        ("cosignature", "update cosignature set witness = 'x'".to_owned(), "cosignature by \"x\"", None),
        ("cosignature", "update cosignature set line = 'x'".to_owned(), "signature line", None),
        ("snapshot_chunk", format!("update snapshot_chunk set bytes = {bytes}"), "SHA-256", None),
        ("snapshot", format!("update snapshot set frontier = {wrong}"), "snapshot 1 of register", None),
        ("snapshot", format!("update snapshot set frontier = {frontier}"), "snapshot.size", None),
    ] {
        stage.store.tamper(&format!("create table kept as select * from {table}")).await;
        stage.store.tamper(&format!("{unchecked} {change}")).await;
        let fault = fault(&log).await.expect("the triggers are off");
        assert!(fault.what.contains(said), "{change}: {fault:?}");
        assert_eq!(fault.position, position.map(Position), "{change}: {fault:?}");
        let restore = match table {
            "snapshot" => {
                let columns = "frontier = (select frontier from kept), size = (select size from kept)";
                format!("update snapshot set {columns}; drop table kept")
            }
            _ => format!("{unchecked} delete from {table}; insert into {table} select * from kept; drop table kept"),
        };
        stage.store.tamper(&restore).await;
    }
    assert!(fault(&log).await.expect("the triggers are off").what.contains("trigger"));
    stage.store.tamper("delete from cosignature").await;
    let cut = literal(&stage, b"sta");
    stage.store.tamper(&format!("update snapshot_chunk set bytes = {cut}")).await;
    let report = log.verify(Frontier::new(), |_, _| ()).await.expect("readable");
    assert_eq!((report.cosignatures, report.snapshots), (0, 0), "an unfinished snapshot is none");
}

async fn signatures_are_verified_with_the_keys_that_are_given(stage: Stage) {
    let log = with_everything(&stage).await;
    let check = async |keys: &[u8], witnesses: &[&str]| {
        let options = VerifyOptions {
            keys: keys.iter().map(|seed| log_key(*seed).verifier().clone()).collect(),
            witness_keys: witnesses.iter().map(|name| witness_key(name).verifier().clone()).collect(),
            ..VerifyOptions::default()
        };
        log.verify(options, |_, _| ()).await.expect("readable").fault.map(|fault| fault.what)
    };
    let (a, b) = ("witness.example/a", "witness.example/b");
    assert_eq!(check(&[1], &[a]).await, None);
    assert_eq!(check(&[2, 1], &[b, a]).await, None, "earlier keys, and witnesses that said nothing");
    let unknown = check(&[2], &[a]).await.expect("another key");
    assert!(unknown.contains("checkpoint of 600"), "{unknown}");
    past_the_triggers(&stage).await;
    // A cosignature on another checkpoint: rightly written, and not over this text.
    let other = cosign(
        log.checkpoint_at_least(0).await.expect("readable").expect("signed").note.text(),
        &witness_key(a),
        1_000,
    );
    stage.store.tamper(&format!("update cosignature set line = '{}'", other.expect("a checkpoint"))).await;
    let forged = check(&[1], &[a]).await.expect("a forged cosignature");
    assert!(forged.contains("checkpoint of 700") && forged.contains(a), "{forged}");
    assert!(check(&[1], &[b]).await.expect("the triggers are off").contains("trigger"), "unknown ones are only read");
    // The log's own signature.
    let note = log.latest_checkpoint().await.expect("readable").expect("signed").note.to_string();
    let (start, end) = note.split_at(note.len() - 30);
    let forged = format!("{start}{}{}", if end.starts_with('A') { 'B' } else { 'A' }, &end[1..]);
    stage.store.tamper(&format!("update checkpoint set note = '{forged}' where size = 700")).await;
    let fault = check(&[1], &[]).await.expect("a forged signature");
    assert!(fault.contains("checkpoint of 700"), "{fault}");
    assert!(check(&[], &[]).await.expect("the triggers are off").contains("trigger"));
}

async fn entries_cannot_be_changed_while_the_triggers_stand(stage: Stage) {
    let log = filled(&stage).await;
    fill_many(&log, "d/x", 300).await;
    log.extend_tiles().await.expect("written");
    let signed = log.sign_checkpoint(&log_key(1)).await.expect("signed");
    let line = cosign(signed.note.text(), &witness_key("witness.example/a"), 1_000).expect("a checkpoint");
    log.add_cosignatures(signed.size(), &[line], SystemClock.now()).await.expect("kept");
    let mut refused = vec![
        "update checkpoint set note = note",
        "delete from checkpoint",
        "update cosignature set line = line",
        "delete from cosignature",
        "update tile_root set hash = hash",
        "delete from tile_root",
        "update signed set size = 0",
        "delete from signed",
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
        refused.extend([
            "truncate checkpoint cascade",
            "truncate cosignature",
            "truncate tile_root",
            "truncate signed",
        ]);
    } else {
        refused.extend([
            "insert or replace into tile_root select level, number, zeroblob(32) from tile_root",
            "insert or replace into checkpoint select size, root, frontier, 'x', signed_at_us from checkpoint",
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
