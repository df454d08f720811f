//! Files that are no register, or one that this program must not touch.

use crate::support::{Sogoc, Store, on_sqlite, sql, stores::Kind};

on_sqlite!(
    what_is_no_register_is_refused_and_left_as_it_is,
    a_truncated_register_is_told_as_damage,
    a_newer_schema_is_refused_with_the_remedy,
    a_store_that_cannot_be_reached_is_unavailable,
    a_file_that_cannot_be_written_is_unavailable
);

fn what_is_no_register_is_refused_and_left_as_it_is(kind: Kind) {
    let store = Store::empty(kind);
    let foreign = store.folder().join("foreign.db");
    // A database of another application.
    std::fs::write(&foreign, []).unwrap();
    sql::run(
        &format!("sqlite:{}", foreign.display()),
        "create table entry (position integer); insert into entry values (1)",
    );
    let foreign = std::fs::read(&foreign).unwrap();
    let header = [b"SQLite format 3\0".as_slice(), &[0; 50]].concat();
    for (what, bytes) in [
        ("an empty file", &b""[..]),
        ("one byte", b"S"),
        ("a text", b"agency,name\nso-a,A\n"),
        ("a header that is cut off", &header),
        ("another application's database", &foreign),
        ("noise", &[0xa5; 8192]),
    ] {
        let path = store.write("register.db", bytes);
        for arguments in [
            &["log", "head"][..],
            &["ranking", "hanam-2022"],
            &["demo"],
            &["log", "verify"],
            &["store", "migrate"],
            &["execute"],
        ] {
            let answer = store.sogoc().with(&["--json"]).run(arguments);
            assert!(
                [Some(3), Some(4)].contains(&answer.code),
                "{what}: {arguments:?} ended with {:?}: {}",
                answer.code,
                answer.said()
            );
            assert!(answer.stderr.contains("register.db"), "{what}: {}", answer.stderr);
            assert!(
                answer.stderr.contains('→') || answer.stderr.contains("restore"),
                "{what}: no remedy: {}",
                answer.stderr
            );
            answer.document();
        }
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "{what}: the file was changed");
    }
    // A folder is none either.
    let folder = format!("sqlite:{}", store.folder().display());
    let answer = Sogoc::on(&folder).run(&["log", "head"]);
    assert_eq!(answer.code, Some(3), "{}", answer.said());
}

fn a_truncated_register_is_told_as_damage(kind: Kind) {
    let store = Store::demo(kind);
    sql::checkpoint(store.url());
    let whole = std::fs::read(store.file()).unwrap();
    for part in [4096, 8192, whole.len() / 3, whole.len() / 2 / 4096 * 4096, whole.len() - 4096, whole.len() - 100] {
        let cut = store.write("cut.db", &whole[..part]);
        let sogoc = Sogoc::on(&format!("sqlite:{}", cut.display()));
        let answer = sogoc.with(&["--json"]).run(&["log", "verify"]).ends(4);
        assert!(answer.stderr.contains("corrupt") && !answer.stderr.contains("panicked"), "{part}: {}", answer.stderr);
        answer.document();
        let answer = sogoc.run(&["ranking", "hanam-2022"]);
        assert!([Some(0), Some(3), Some(4)].contains(&answer.code), "{part}: {:?}", answer.code);
        assert!(!answer.stderr.contains("panicked"), "{part}: {}", answer.stderr);
    }
}

fn a_newer_schema_is_refused_with_the_remedy(kind: Kind) {
    let store = Store::pilot(kind);
    store.run("update head set schema = schema + 1");
    for arguments in
        [&["log", "head"][..], &["log", "verify"], &["ranking", "pilot-2026"], &["demo"], &["store", "migrate"]]
    {
        let answer = store.sogoc().run(arguments).ends(3);
        assert!(answer.stderr.contains("schema 4") && answer.stderr.contains("newer"), "{}", answer.stderr);
    }
}

fn a_store_that_cannot_be_reached_is_unavailable(kind: Kind) {
    let store = Store::empty(kind);
    for arguments in
        [&["log", "head"][..], &["ranking", "x"], &["figures", "x"], &["log", "verify"], &["season", "show", "x"]]
    {
        let answer = store.sogoc().with(&["--json"]).run(arguments).ends(3);
        assert!(answer.stderr.contains("sogoc demo") || answer.stderr.contains("there is no"), "{}", answer.stderr);
        assert!(!store.file().exists(), "{arguments:?} made a store");
        assert_eq!(answer.document()["refusal"]["code"], "store-unavailable");
    }
    // A server that is not there: the first port of all is never listened on here.
    let answer = Sogoc::on("postgres://nobody:geheim@127.0.0.1:1/nothing").run(&["log", "head"]).ends(3);
    assert!(!answer.said().contains("geheim"), "a password is shown: {}", answer.said());
    for (no_store, secret) in
        [("mysql://root:geheim@localhost/x", "geheim"), ("register.db", "-"), ("sqlite:", "-"), ("", "-")]
    {
        let answer = Sogoc::on(no_store).run(&["log", "head"]).ends(2);
        assert!(!answer.said().contains(secret) || secret == "-", "a password is shown: {}", answer.said());
    }
}

fn a_file_that_cannot_be_written_is_unavailable(kind: Kind) {
    let store = Store::empty(kind);
    let file = store.write("file", "");
    let below = format!("sqlite:{}/register.db", file.display());
    let answer = Sogoc::on(&below).run(&["demo"]).ends(3);
    assert!(answer.stderr.contains("file"), "{}", answer.stderr);
}
