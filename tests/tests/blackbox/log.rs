//! `sogoc log`: head, entries, the full check, and that nothing recorded is ever changed or removed.

use serde_json::{Value, json};
use sha2::Digest as _;

use crate::support::hanam::SEASON;
use crate::support::{Store, on_both_stores, on_sqlite, pilot, sql, stores::Kind};

on_both_stores!(
    positions_are_dense_and_entries_are_what_their_hashes_say,
    nothing_recorded_can_be_changed_or_removed,
    a_register_that_is_whole_is_said_to_be,
    a_snapshot_that_does_not_fit_changes_no_answer
);
on_sqlite!(entries_are_shown_by_range_and_by_stream, an_empty_register_has_a_head);

fn positions_are_dense_and_entries_are_what_their_hashes_say(kind: Kind) {
    let store = Store::demo(kind);
    let sogoc = store.sogoc();
    let head = sogoc.head();
    let answer = sogoc.with(&["--json"]).ok(&["log", "show"]);
    let mut versions = std::collections::HashMap::new();
    let mut last_at = String::new();
    let mut leaves = Vec::new();
    for (number, line) in answer.stdout.lines().enumerate() {
        let entry: Value = serde_json::from_str(line).unwrap();
        assert_eq!(entry["position"], number);
        assert_eq!(entry["v"], 1);
        assert_eq!(entry["log"], head["log"]);
        let version = versions.entry(entry["stream"].as_str().unwrap().to_owned()).or_insert(0_u64);
        *version += 1;
        assert_eq!(entry["version"], *version, "versions of a stream are dense");
        let at = entry["at"].as_str().unwrap().to_owned();
        assert!(
            at >= last_at && at.len() == 27 && at.ends_with('Z'),
            "time never runs backwards: {at} after {last_at}"
        );
        last_at = at;
        assert!(line.len() <= 65_535);
        // Shown are the stored bytes: sorted keys, no white space, nothing null.
        assert_eq!(serde_json::to_string(&entry).unwrap(), line, "the canonical form");
        assert!(!line.contains(":null"), "absent fields are left out: {line}");
        leaves.push(sha2::Sha256::new_with_prefix([0]).chain_update(line).finalize().to_vec());
    }
    assert_eq!(head["size"], leaves.len());
    assert_eq!(head["at"], last_at.as_str());
    assert_eq!(head["root"], hex::encode(merkle_root(&leaves)).as_str(), "the root of RFC 6962 over the lines");
    // And the table holds the same, as an auditor with SQL reads it.
    assert_eq!(store.cell("select cast(count(*) as text) from entry"), leaves.len().to_string());
    assert_eq!(store.cell("select entry from entry where position = 1500"), answer.stdout.lines().nth(1500).unwrap());
}

/// RFC 6962 §2.1, by its definition.
fn merkle_root(leaves: &[Vec<u8>]) -> Vec<u8> {
    match leaves {
        [] => sha2::Sha256::digest([]).to_vec(),
        [leaf] => leaf.clone(),
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            let node =
                sha2::Sha256::new_with_prefix([1]).chain_update(merkle_root(left)).chain_update(merkle_root(right));
            node.finalize().to_vec()
        }
    }
}

fn nothing_recorded_can_be_changed_or_removed(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    let head = sogoc.head();
    let mut statements = vec![
        "update entry set entry = entry where position = 1",
        "update entry set kind = 'x'",
        "delete from entry where position = 1",
        "delete from entry",
        "delete from head",
        "update head set size = size - 1",
        "update head set name = 'other/log'",
        "delete from sealed_text",
        "update sealed_text set position = position + 1",
    ];
    let text = if kind == Kind::Sqlite {
        "update sealed_text set text = 'x'"
    } else {
        "update sealed_text set text = 'x' where true"
    };
    statements.push(text);
    if kind == Kind::Sqlite {
        // SQLite has no truncate; `insert or replace` and a gap are its ways of losing rows.
        statements.push("insert or replace into entry select * from entry where position = 1");
        statements.push(
            "insert into entry (position, stream, version, kind, command, command_index, command_digest, at_us, entry, leaf_hash) \
             select position + 100000, 'x/y', 1, kind, 'c', 0, command_digest, at_us, entry, leaf_hash from entry where position = 1",
        );
    } else {
        statements.extend([
            "truncate entry",
            "truncate sealed_text",
            "truncate head",
            "truncate entry, sealed_text, head cascade",
        ]);
        statements.push("set session_replication_role = replica; delete from entry where position = 1");
    }
    for statement in statements {
        let refused = sql::try_run(store.url(), statement);
        assert!(refused.is_err(), "{statement} is not refused");
    }
    assert_eq!(sogoc.head(), head);
    sogoc.ok(&["log", "verify"]);
    // The register goes on.
    sogoc.accepted(&[pilot::declares_all("so-y-te")]);
    sogoc.ok(&["log", "verify"]);
}

fn a_register_that_is_whole_is_said_to_be(kind: Kind) {
    let store = Store::demo(kind);
    let sogoc = store.sogoc();
    let head = sogoc.head();
    let verified = sogoc.json(&["log", "verify"]);
    for field in ["size", "root", "log", "at"] {
        assert_eq!(verified[field], head[field], "{field}");
    }
    assert_eq!(sogoc.head(), head, "a check changes nothing");
    assert_eq!(sogoc.json(&["log", "verify"]), verified);
    let text = sogoc.ok(&["log", "verify"]).stdout;
    assert!(text.contains(head["root"].as_str().unwrap()), "{text}");
}

fn a_snapshot_that_does_not_fit_changes_no_answer(kind: Kind) {
    let store = Store::demo(kind);
    let sogoc = store.sogoc();
    let figures = sogoc.figures(&[SEASON]).digest();
    let blob = |bytes: &[u8]| match kind {
        Kind::Sqlite => format!("x'{}'", hex::encode(bytes)),
        Kind::Postgres => format!("'\\x{}'::bytea", hex::encode(bytes)),
    };
    // Of every version there may be, over all entries, with a checksum that is right: garbage, and nothing at all.
    for bytes in [&b"garbage that is no register"[..], &[]] {
        let sum: Vec<u8> = sha2::Sha256::digest(bytes).to_vec();
        let mut script = "delete from snapshot_chunk; delete from snapshot;".to_owned();
        for version in 0..20 {
            script += &format!(
                "insert into snapshot (kind, fold_version, size, frontier, sha256, bytes) \
                 select 'register', {version}, size, frontier, {}, {} from head;",
                blob(&sum),
                bytes.len()
            );
        }
        script += &format!(
            "insert into snapshot_chunk (snapshot, number, bytes) select id, 0, {} from snapshot;",
            blob(bytes)
        );
        store.run(&script);
        assert_eq!(sogoc.figures(&[SEASON]).digest(), figures);
    }
    // One that names entries which never were.
    store.run("update snapshot set size = size + 1");
    assert_eq!(sogoc.figures(&[SEASON]).digest(), figures);
    let found = sogoc.run(&["log", "verify"]).ends(4);
    assert!(found.stderr.contains("snapshot"), "nothing rests on it, and the full check says so: {}", found.said());
}

fn entries_are_shown_by_range_and_by_stream(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    let all = sogoc.entries(&[]);
    assert_eq!(all.len() as u64, sogoc.size());
    assert_eq!(all[0]["stream"].as_str().unwrap().split('/').count(), 2);
    assert_eq!(sogoc.entries(&["--from", "10", "--limit", "5"]), all[10..15]);
    assert_eq!(sogoc.entries(&["--limit", "0"]), Vec::<Value>::new());
    assert_eq!(sogoc.entries(&["--from", "999999"]), Vec::<Value>::new());
    let season = "season/pilot-2026";
    let of_season: Vec<_> = all.iter().filter(|entry| entry["stream"] == season).cloned().collect();
    assert!(of_season.len() > 10);
    assert_eq!(sogoc.entries(&["--stream", season]), of_season);
    assert_eq!(sogoc.entries(&["--stream", season, "--limit", "2"]), of_season[..2]);
    assert_eq!(sogoc.entries(&["--stream", "season/none"]), Vec::<Value>::new());
    assert_eq!(sogoc.ok(&["log", "show", "--from", "10", "--limit", "5"]).stdout.lines().count(), 5);
    sogoc.run(&["log", "show", "--stream", "no stream"]).ends(1);
    sogoc.run(&["log", "show", "--from", "minus"]).ends(2);
}

fn an_empty_register_has_a_head(kind: Kind) {
    let store = Store::empty(kind);
    let sogoc = store.sogoc();
    assert_eq!(sogoc.json(&["store", "migrate"]), json!({"created": true}));
    assert_eq!(sogoc.json(&["store", "migrate"]), json!({"created": false}));
    let head = sogoc.head();
    assert_eq!(head["size"], 0);
    assert_eq!(head["root"], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "SHA-256 of nothing");
    assert_eq!(head["at"], Value::Null);
    sogoc.ok(&["log", "verify"]);
    sogoc.ok(&["mirror", "rebuild"]);
    assert!(
        sogoc.run(&["ranking", "hanam-2022"]).ends(1).stderr.contains("sogoc demo"),
        "a newcomer is told what to do"
    );
}
