//! What an owner of the database could do to it, and that `log verify` finds it: one flipped byte anywhere in an entry,
//! a column that disagrees, an entry that is gone.

use serde_json::Value;

use crate::support::{Sogoc, Store, on_both_stores, on_sqlite, pilot, sql, stores::Kind};

on_both_stores!(one_flipped_byte_is_found_with_its_position, every_other_manipulation_is_found_too);
on_sqlite!(a_byte_flipped_in_the_file_is_found, commands_are_not_decided_on_a_register_that_is_damaged);

/// A small generator, so that a failing place can be tried again: xorshift64*.
struct Places(u64);

impl Places {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(drawn).unwrap() % below
    }
}

const SEED: u64 = 0x5060_c0de_2022_0001;

/// The check must find a fault, with exit code 4 and its position.
#[track_caller]
fn found(sogoc: &Sogoc, position: Option<u64>, what: &str) -> Value {
    let answer = sogoc.with(&["--json"]).run(&["log", "verify"]);
    assert_eq!(answer.code, Some(4), "{what} is not found: {}", answer.said());
    let document = answer.document();
    let fault = &document["fault"];
    assert!(fault["what"].as_str().is_some_and(|w| w.len() > 10), "{what}: {document}");
    if let Some(position) = position {
        assert_eq!(fault["position"], position, "{what}: {document}");
        assert!(answer.stderr.contains(&position.to_string()), "{what}: {}", answer.stderr);
    }
    document
}

/// Runs a statement on the table of entries with what refuses it out of the way, as an owner can.
fn past_the_triggers(store: &Store, statements: &str) {
    match store.kind() {
        Kind::Sqlite => {
            let triggers = sql::rows(store.url(), "select name, sql from sqlite_schema where type = 'trigger'");
            let mut script = String::new();
            for trigger in &triggers {
                script += &format!("drop trigger {};", trigger[0].as_ref().unwrap());
            }
            script += statements;
            script.push(';');
            for trigger in &triggers {
                script += &format!("{};", trigger[1].as_ref().unwrap());
            }
            store.run(&format!("pragma ignore_check_constraints = on; {script}"));
        }
        Kind::Postgres => {
            let tables = ["entry", "head", "sealed_text"];
            let off: String = tables.iter().map(|t| format!("alter table {t} disable trigger user;")).collect();
            store.run(&off);
            let names = "select tgname, tgrelid::regclass::text from pg_trigger \
                where tgrelid in ('entry'::regclass, 'head'::regclass, 'sealed_text'::regclass) and not tgisinternal";
            let triggers = sql::rows(store.url(), names);
            let done = sql::try_run(store.url(), statements);
            for trigger in triggers {
                store.run(&format!(
                    "alter table {} enable always trigger {}",
                    trigger[1].as_ref().unwrap(),
                    trigger[0].as_ref().unwrap()
                ));
            }
            done.unwrap_or_else(|error| panic!("{statements}: {error}"));
        }
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn one_flipped_byte_is_found_with_its_position(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    sogoc.accepted(&pilot::all_submit());
    let size = usize::try_from(sogoc.size()).unwrap();
    let mut places = Places(SEED);
    let mut tried = 0;
    while tried < 12 {
        let position = match tried {
            0 => 0,
            1 => size - 1,
            _ => places.next(size),
        };
        let entry = store.cell(&format!("select entry from entry where position = {position}"));
        let offset = places.next(entry.len());
        let mut bytes = entry.clone().into_bytes();
        bytes[offset] ^= 1;
        // A database refuses text that is not UTF-8: such a byte cannot be flipped through SQL.
        let Ok(flipped) = String::from_utf8(bytes) else { continue };
        tried += 1;
        let set = |text: &str| {
            past_the_triggers(&store, &format!("update entry set entry = {} where position = {position}", quoted(text)))
        };
        set(&flipped);
        found(&sogoc, Some(position as u64), &format!("seed {SEED:#x}: byte {offset} of entry {position}"));
        set(&entry);
    }
    sogoc.ok(&["log", "verify"]);
}

fn every_other_manipulation_is_found_too(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    sogoc.accepted(&pilot::all_submit());
    let size = sogoc.size();
    let last = size - 1;
    let swap = |a: u64, b: u64| {
        format!(
            "update entry set position = -1 - position where position in ({a}, {b}); \
             update entry set position = {a} + {b} + position + 1 where position < 0"
        )
    };
    if kind == Kind::Postgres {
        store.run("alter table entry drop constraint entry_position");
    }
    // Each is undone by what was kept before.
    store.run(
        "create table kept as select * from entry; create table kept_head as select * from head; \
         create table kept_sealed as select * from sealed_text",
    );
    let restore_entries = "delete from entry; insert into entry select * from kept order by position";
    let restore_head = "delete from head; insert into head select * from kept_head";
    let restore_sealed = "delete from sealed_text; insert into sealed_text select * from kept_sealed";
    for (what, statement, position, restore) in [
        (
            "a kind that the entry does not say",
            "update entry set kind = 'other' where position = 20".to_owned(),
            Some(20),
            restore_entries,
        ),
        (
            "a stream that the entry does not say",
            "update entry set stream = 'season/other', version = 1 where position = 30".to_owned(),
            None,
            restore_entries,
        ),
        (
            "a time that the entry does not say",
            "update entry set at_us = at_us + 1 where position = 40".to_owned(),
            Some(40),
            restore_entries,
        ),
        (
            "another entry's leaf hash",
            "update entry set leaf_hash = (select leaf_hash from entry where position = 51) where position = 50"
                .to_owned(),
            Some(50),
            restore_entries,
        ),
        (
            "an entry that is gone from the middle",
            "delete from entry where position = 60".to_owned(),
            Some(60),
            restore_entries,
        ),
        ("the last entry gone", format!("delete from entry where position = {last}"), Some(last), restore_entries),
        (
            "the last entries gone and the head set back",
            format!("delete from entry where position >= {last}; update head set size = {last}"),
            None,
            "",
        ),
        ("two entries swapped", swap(70, 71), Some(70), restore_entries),
        ("a head that counts too few", format!("update head set size = {last}"), None, restore_head),
        (
            "a head whose frontier is another",
            "update head set frontier = (select leaf_hash from entry where position = 1)".to_owned(),
            None,
            restore_head,
        ),
        ("a last time that is another", "update head set last_at_us = last_at_us - 1".to_owned(), None, restore_head),
        (
            "a sealed text that was changed",
            "update sealed_text set text = text || '!' where position = (select min(position) from sealed_text)"
                .to_owned(),
            None,
            restore_sealed,
        ),
    ] {
        past_the_triggers(&store, &statement);
        found(&sogoc, position, what);
        if restore.is_empty() {
            past_the_triggers(&store, &format!("{restore_entries}; {restore_head}"));
        } else {
            past_the_triggers(&store, restore);
        }
    }
    sogoc.ok(&["log", "verify"]);
    // What refuses changes is gone.
    store.run(if kind == Kind::Sqlite {
        "drop trigger entry_is_never_updated"
    } else {
        "alter table entry disable trigger entry_is_append_only"
    });
    let document = found(&sogoc, None, "a trigger that is gone");
    assert!(document["fault"]["what"].as_str().unwrap().contains("trigger"), "{document}");
}

fn a_byte_flipped_in_the_file_is_found(kind: Kind) {
    let store = Store::demo(kind);
    let sogoc = store.sogoc();
    sql::checkpoint(store.url());
    let clean = std::fs::read(store.file()).unwrap();
    let size = usize::try_from(sogoc.size()).unwrap();
    let mut places = Places(SEED);
    let mut tried = 0;
    while tried < 8 {
        let position = if tried == 0 { 1500 } else { places.next(size) };
        let entry = store.cell(&format!("select entry from entry where position = {position}"));
        let offset = places.next(entry.len());
        let mut bytes = clean.clone();
        let at = offsets(&clean, entry.as_bytes());
        // A long entry is spread over pages: another one is taken.
        if at.is_empty() {
            continue;
        }
        tried += 1;
        for start in at {
            bytes[start + offset] ^= 1 << places.next(8);
        }
        std::fs::write(store.file(), &bytes).unwrap();
        for side in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{side}", store.file().display()));
        }
        found(&sogoc, Some(position as u64), &format!("seed {SEED:#x}: byte {offset} of entry {position} in the file"));
        std::fs::write(store.file(), &clean).unwrap();
    }
    sogoc.ok(&["log", "verify"]);
}

fn offsets(bytes: &[u8], wanted: &[u8]) -> Vec<usize> {
    let first = &wanted[..wanted.len().min(64)];
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = find(&bytes[from..], first) {
        let start = from + at;
        if bytes[start..].starts_with(wanted) {
            found.push(start);
        }
        from = start + 1;
    }
    found
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    let first = wanted[0];
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|b| *b == first) {
        let start = from + at;
        if bytes[start..].starts_with(wanted) {
            return Some(start);
        }
        from = start + 1;
    }
    None
}

fn commands_are_not_decided_on_a_register_that_is_damaged(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    let entry = store.cell("select entry from entry where kind = 'season-activated' and stream = 'season/pilot-2026'");
    let position = store.cell(
        "select cast(position as text) from entry where kind = 'season-activated' and stream = 'season/pilot-2026'",
    );
    let broken = entry.replace("\"rules_version\":1", "\"rules_version\":}");
    assert_ne!(broken, entry);
    past_the_triggers(&store, &format!("update entry set entry = {} where position = {position}", quoted(&broken)));
    let size = store.cell("select cast(size as text) from head");
    let commands = crate::support::binary::lines(&[pilot::declares_all("so-y-te")]);
    let answer = sogoc.run_with(&["execute"], commands.as_bytes());
    assert!([Some(1), Some(4)].contains(&answer.code), "{}", answer.said());
    assert!(!answer.stdout.contains("receipt"), "{}", answer.said());
    assert_eq!(store.cell("select cast(size as text) from head"), size);
    found(&sogoc, Some(position.parse().unwrap()), "an entry that cannot be decoded");
}
