//! `sogoc account …`: what whoever has the store does about sign-in, and the entries it leaves.

use serde_json::{Value, json};

use crate::support::binary::Sogoc;
use crate::support::stores::{Kind, Store, on_both_stores, on_sqlite};

on_both_stores!(
    an_empty_register_is_founded_once_and_its_passwords_are_shown_once,
    what_the_console_does_is_an_entry_that_says_so,
    a_token_is_shown_once_and_kept_as_a_digest,
);
on_sqlite!(
    a_register_is_founded_on_what_is_named,
    a_password_comes_from_stdin_and_a_weak_one_is_refused,
    what_is_not_there_is_refused_and_leaves_nothing,
);

/// The entries of an account's sign-in: kind, payload, who.
fn entries(sogoc: &Sogoc, account: &str) -> Vec<(String, Value, String)> {
    let stream = format!("sign-in/{account}");
    let entry = |entry: Value| {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&entry["kind"]), entry["data"].clone(), text(&entry["actor"]["account"]))
    };
    sogoc.entries(&["--stream", &stream]).into_iter().map(entry).collect()
}

fn set(credential: &str) -> (String, Value, String) {
    let data = json!({"credential": credential, "change": "set", "by": "console"});
    ("credential-set".to_owned(), data, "console".to_owned())
}

fn an_empty_register_is_founded_once_and_its_passwords_are_shown_once(kind: Kind) {
    let store = Store::empty(kind);
    let sogoc = store.sogoc();
    let founded: Value = sogoc.json(&["account", "found", "--generate"]);
    let passwords = founded["passwords"].as_object().unwrap();
    assert_eq!(passwords.keys().collect::<Vec<_>>(), ["admin", "chair"]);
    let [one, two] = ["admin", "chair"].map(|account| passwords[account].as_str().unwrap());
    assert_ne!(one, two);
    for password in [one, two] {
        assert_eq!(password.len(), 29, "{password}");
        // Neither in an entry nor in a table.
        assert!(!sogoc.ok(&["--json", "log", "show"]).stdout.contains(password));
        let kept = store.cell(&format!("select cast(count(*) as text) from sign_in where password = '{password}'"));
        assert_eq!(kept, "0");
    }
    let hashed = "select cast(count(*) as text) from sign_in where password like '$argon2id$v=19$m=19456,t=2,p=1$%'";
    assert_eq!(store.cell(hashed), "2");
    let again = sogoc.run(&["--json", "account", "found", "--generate"]);
    assert_eq!(again.code, Some(1));
    let refused: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(refused["refusal"]["code"], "already-founded");
    // A refusal set no passwords.
    assert_eq!(entries(&sogoc, "admin"), [set("password")]);
    sogoc.ok(&["log", "verify"]);
}

fn a_register_is_founded_on_what_is_named(kind: Kind) {
    let store = Store::empty(kind);
    let sogoc = store.sogoc();
    let named = [
        "account",
        "found",
        "--administrator",
        "qtv-1",
        "--administrator-title",
        "Quản trị viên Sở Nội vụ",
        "--administrator-agency",
        "so-noi-vu",
        "--administrator-agency-name",
        "Sở Nội vụ",
        "--approver",
        "qtv-2",
        "--approver-role",
        "administrator",
        "--approver-agency",
        "so-thong-tin",
        "--approver-agency-name",
        "Sở Thông tin và Truyền thông",
        "--approver-is-appraised",
        "--instrument",
        "1952-qd-ubnd",
        "--number",
        "1952/QĐ-UBND",
        "--date",
        "2026-10-01",
        "--issuer",
        "UBND tỉnh",
    ];
    let text = sogoc.ok(&named).stdout;
    assert!(text.contains("sogoc account password qtv-1") && text.contains("sogoc account password qtv-2"), "{text}");
    let entries = sogoc.entries(&[]);
    let of = |stream: &str| entries.iter().filter(|entry| entry["stream"] == stream).collect::<Vec<_>>();
    assert_eq!(of("instrument/1952-qd-ubnd")[0]["data"]["date"], "2026-10-01");
    assert_eq!(of("agency/so-thong-tin")[0]["data"]["body"], false);
    assert_eq!(of("account/qtv-2")[1]["data"]["role"], "administrator");
    assert!(entries.iter().all(|entry| entry["correlation"] == "console"));
    let bad = sogoc.run(&["account", "found", "--approver-role", "reviewer"]);
    assert_eq!(bad.code, Some(1), "{}", bad.stderr);
}

fn what_the_console_does_is_an_entry_that_says_so(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    let generated: Value = sogoc.json(&["account", "password", "chair", "--generate"]);
    assert_eq!(generated["account"], "chair");
    sogoc.ok(&["account", "link", "chair", "--issuer", "https://sso.example", "--subject", "248289761001"]);
    let again =
        sogoc.run(&["account", "link", "admin", "--issuer", "https://sso.example", "--subject", "248289761001"]);
    assert_eq!(again.code, Some(1));
    assert!(again.stderr.contains("already"), "{}", again.stderr);
    assert_eq!(entries(&sogoc, "chair"), [set("password"), set("subject")]);
    assert_eq!(entries(&sogoc, "admin"), []);
    // A lock as failed sign-ins leave it.
    let unlock = || sogoc.json(&["account", "unlock", "chair"]);
    assert_eq!(unlock(), json!({"account": "chair", "unlocked": false}));
    store.run("update sign_in set failures = 5, locked_until_us = 4102444800000000 where account = 'chair'");
    assert_eq!(unlock(), json!({"account": "chair", "unlocked": true}));
    let lifted = ("sign-in-unlocked".to_owned(), json!({"by": "console"}), "console".to_owned());
    assert_eq!(entries(&sogoc, "chair").last(), Some(&lifted));
    assert_eq!(store.cell("select cast(failures as text) from sign_in where account = 'chair'"), "0");
    sogoc.ok(&["log", "verify"]);
}

fn a_token_is_shown_once_and_kept_as_a_digest(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    let token = ["account", "token", "admin", "--name", "Cổng báo cáo", "--scope", "read", "--scope"];
    let made: Value = sogoc.json(&[&token[..], &["command:open-account"]].concat());
    assert_eq!(made["scopes"], json!(["read", "command:open-account"]));
    let secret = made["token"].as_str().unwrap();
    assert!(secret.starts_with("sogoc_") && secret.len() == 49, "{secret}");
    let log = sogoc.ok(&["--json", "log", "show"]).stdout;
    assert!(!log.contains(secret) && !log.contains("Cổng báo cáo"));
    let id = made["id"].as_str().unwrap();
    let data = json!({"credential": "token", "change": "set", "by": "console", "token": id});
    assert_eq!(entries(&sogoc, "admin"), [("credential-set".to_owned(), data, "console".to_owned())]);
    let scopes = format!("select scopes from api_token where id = '{id}'");
    assert_eq!(store.cell(&scopes), "read command:open-account");
    // The text form is the token alone, for scripts.
    let text = sogoc.ok(&["account", "token", "admin", "--name", "x", "--scope", "read", "--days", "1"]).stdout;
    assert!(text.starts_with("sogoc_") && text.len() == 50, "{text}");
    for wrong in
        [&["--scope", "write"][..], &["--scope", "command:no-such"], &["--scope", "read", "--days", "367"], &[]]
    {
        let usage = sogoc.run(&[&["account", "token", "admin", "--name", "x"], wrong].concat());
        assert_eq!(usage.code, Some(2), "{wrong:?}: {}", usage.stderr);
    }
}

fn a_password_comes_from_stdin_and_a_weak_one_is_refused(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    let password = |input: &[u8]| sogoc.run_with(&["account", "password", "chair", "--stdin"], input);
    for (input, code) in [
        (&b"ng\xe1\xbb\xb1a pin k\xe1\xba\xb9p \xc4\x91\xc3\xbang\n"[..], 0),
        (b"another one with a carriage return\r\n", 0),
        (b"without a line's end", 0),
        (b"short\n", 1),
        (b"\n", 1),
        (b"", 1),
        (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\n", 1),
        (&[b'x'; 1_000_000], 1),
    ] {
        let answer = password(input);
        assert_eq!(answer.code, Some(code), "{}", answer.stderr);
    }
    assert_eq!(entries(&sogoc, "chair").len(), 3);
    // Without a terminal nothing is asked.
    let asked = sogoc.run_with(&["account", "password", "chair"], b"some password that is long\n");
    assert_eq!(asked.code, Some(2));
    assert!(asked.stderr.contains("--stdin"), "{}", asked.stderr);
}

fn what_is_not_there_is_refused_and_leaves_nothing(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    let head = || sogoc.head();
    let before = head();
    for words in [
        &["password", "nobody", "--generate"][..],
        &["link", "nobody", "--issuer", "https://sso.example", "--subject", "1"],
        &["link", "chair", "--issuer", "https://sso.example", "--subject", ""],
        &["token", "nobody", "--name", "x", "--scope", "read"],
        &["token", "chair", "--name", " ", "--scope", "read"],
        &["unlock", "nobody"],
    ] {
        let answer = sogoc.run(&[&["account"], words].concat());
        assert_eq!(answer.code, Some(1), "{words:?}: {}", answer.stderr);
    }
    assert_eq!(head(), before);
    let nowhere = Sogoc::on(&format!("sqlite:{}", store.folder().join("none.db").display()));
    assert_eq!(nowhere.run(&["account", "password", "admin", "--generate"]).code, Some(3));
}
