//! `sogoc backup` and `sogoc restore`: whole or not at all, onto either store, and never silently older than what is known.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::copying::same;
use crate::support::evidence::{adopt, anchors, attach, erase, fsck, sha256, valid};
use crate::support::hanam::SEASON;
use crate::support::stores::{self, Kind, log_key};
use crate::support::{Sogoc, Store, on_both_stores, on_sqlite, pilot, sql};
use crate::witness::{Post, ask, of_one};

on_both_stores!(
    a_backup_of_a_running_register_is_a_clean_prefix,
    a_backup_onto_the_same_folder_writes_only_what_is_new,
    a_backup_older_than_what_is_known_is_refused_and_forcing_it_is_an_entry,
    an_erased_text_is_in_no_later_backup_and_no_restore,
    secrets_of_sign_in_go_along_only_where_both_sides_ask,
    a_restore_that_was_cut_is_no_register_and_goes_on,
    a_place_that_has_a_log_is_refused
);
on_sqlite!(
    every_kind_of_damage_is_found,
    a_backup_that_was_cut_leaves_the_one_before,
    evidence_files_go_along_where_they_are_asked_for,
    a_name_that_the_entries_do_not_have_is_refused,
    an_older_copy_of_a_store_is_whole_and_is_told_all_the_same,
    a_backup_of_another_history_is_refused_even_with_force
);

fn folder(store: &Store) -> PathBuf {
    store.folder().join("backup")
}

fn take(store: &Store) -> Value {
    store.sogoc().json(&["backup", folder(store).to_str().unwrap()])
}

fn verify(folder: &Path, code: i32) -> Value {
    let answer = Sogoc::bare().with(&["--json"]).run(&["backup", "verify", folder.to_str().unwrap()]);
    answer.ends(code).document()
}

fn restore(from: &Path, to: &Store) -> Value {
    to.sogoc().json(&["restore", from.to_str().unwrap()])
}

fn manifest(folder: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join("manifest.json")).unwrap()).unwrap()
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in std::fs::read_dir(from).unwrap().flatten().filter(|file| file.path().is_file()) {
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

#[test]
fn the_demo_is_restored_onto_the_other_store_and_back() {
    if !stores::postgres_is_there() {
        return;
    }
    let (embedded, server, back) =
        (Store::demo(Kind::Sqlite), Store::empty(Kind::Postgres), Store::empty(Kind::Sqlite));
    let sogoc = embedded.sogoc();
    let to = folder(&embedded);
    sogoc.ok(&["backup", to.to_str().unwrap(), "--with-evidence"]);
    let key = log_key().verifier().to_string();
    Sogoc::bare().ok(&["backup", "verify", to.to_str().unwrap(), "--log-key", &key]);
    server.sogoc().ok(&["restore", to.to_str().unwrap(), "--with-evidence"]);
    same(&sogoc, &server.sogoc(), SEASON);
    assert_eq!(fsck(&server.sogoc(), 0), fsck(&sogoc, 0));
    let reason = |store: &Store| store.sogoc().json(&["history", SEASON, "so-xay-dung"]);
    assert_eq!(reason(&server), reason(&embedded), "reasons go along");
    take(&server);
    assert_eq!(manifest(&folder(&server))["root"], manifest(&to)["root"]);
    restore(&folder(&server), &back);
    same(&sogoc, &back.sogoc(), SEASON);
}

fn a_backup_of_a_running_register_is_a_clean_prefix(kind: Kind) {
    let store = Store::pilot(kind);
    let before = store.sogoc().size();
    let commands = [pilot::all_submit(), pilot::all_appraised()].concat();
    let file = store.write("commands", crate::support::binary::lines(&commands));
    let mut appending = store.sogoc().spawn(&["execute", file.to_str().unwrap()]);
    let mut sizes = Vec::new();
    loop {
        let ended = appending.try_wait().unwrap().is_some();
        sizes.push(take(&store)["size"].as_u64().unwrap());
        verify(&folder(&store), 0);
        if ended {
            break;
        }
    }
    assert!(sizes.is_sorted() && sizes[0] >= before, "{sizes:?}");
    assert_eq!(sizes.last(), Some(&store.sogoc().size()));
    let to = Store::empty(kind);
    restore(&folder(&store), &to);
    same(&store.sogoc(), &to.sogoc(), pilot::SEASON);
}

fn a_backup_onto_the_same_folder_writes_only_what_is_new(kind: Kind) {
    let store = Store::demo(kind);
    let first = take(&store);
    assert_eq!((&first["kept"], first["ranges"].as_u64() > Some(2)), (&json!(0), true), "{first}");
    let parts = |folder: &Path| {
        let ranges = manifest(folder)["ranges"].clone();
        ranges.as_array().unwrap().iter().map(|range| range["entries"]["file"].clone()).collect::<Vec<_>>()
    };
    let before = parts(&folder(&store));
    let again = take(&store);
    assert_eq!(again["kept"], again["ranges"], "nothing was recorded since");
    let table = "agency,name,appraised_points,survey_points,applicable_max\nso-a,A,80,9,100\n";
    let path = store.write("in.csv", table);
    let import = ["import", "results", path.to_str().unwrap(), "--season", "x-2021", "--year", "2021", "--group", "so"];
    store.sogoc().ok(&import);
    let more = take(&store);
    assert_eq!(more["kept"].as_u64().unwrap() + 1, more["ranges"].as_u64().unwrap());
    assert_eq!(parts(&folder(&store))[..before.len() - 1], before[..before.len() - 1]);
    verify(&folder(&store), 0);
    let named: usize = manifest(&folder(&store)).to_string().matches(".gz").count();
    let files = std::fs::read_dir(folder(&store)).unwrap().flatten();
    assert_eq!(files.filter(|file| file.path().extension().is_some_and(|end| end == "gz")).count(), named);
    // Another log's backup is never replaced.
    let other = Store::pilot(kind);
    let answer = other.sogoc().run(&["backup", folder(&store).to_str().unwrap()]).ends(1);
    assert!(answer.stderr.contains("another folder"), "{}", answer.stderr);
    assert_eq!(verify(&folder(&store), 0)["size"], more["size"]);
}

fn a_backup_older_than_what_is_known_is_refused_and_forcing_it_is_an_entry(kind: Kind) {
    let (store, to) = (Store::pilot(kind), Store::empty(kind));
    let sogoc = store.sogoc();
    let post = Post::new("witness.example/one");
    let server = post.start(&[log_key().verifier().to_string()]);
    let policy = of_one(&store, &post, &server);
    sogoc.ok(&["log", "checkpoint"]);
    ask(&store, &policy, 0);
    take(&store);
    let from = folder(&store);
    let from = from.to_str().unwrap();
    let cosigned = Sogoc::bare().json(&["backup", "verify", from, "--policy", &policy]);
    assert_eq!((&cosigned["quorum_met"], &cosigned["cosignatures"]), (&json!(true), &json!(1)));
    let size = sogoc.size();
    sogoc.accepted(&[pilot::declares_all("so-y-te")]);
    sogoc.ok(&["log", "checkpoint"]);
    ask(&store, &policy, 0);
    let known = sogoc.size();
    // The witness knows better, and so does the checkpoint beside the key.
    let refused = to.sogoc().with(&["--json"]).run(&["restore", from, "--policy", &policy]).ends(1);
    assert!(refused.stderr.contains("newer backup") && refused.stderr.contains("--force"), "{}", refused.stderr);
    assert!(refused.stderr.contains(&known.to_string()), "{}", refused.stderr);
    let beside = to.sogoc().keyed(store.folder().join(stores::KEY));
    beside.run(&["restore", from]).ends(1);
    to.sogoc().run(&["log", "head"]).ends(3);
    to.sogoc().run(&["restore", from, "--force"]).ends(2);
    // An account that may not is refused, and nothing opens what was left.
    let force = |account: &'static str| {
        vec!["restore", from, "--policy", &policy, "--force", "--reason", "Mất ổ đĩa", "--account", account]
    };
    let with_key = to.sogoc().keyed(store.folder().join(stores::KEY));
    with_key.run(&force("officer-yt")).ends(1);
    assert!(to.sogoc().run(&["log", "head"]).ends(3).stderr.contains("not finished"));
    let forced = with_key.json(&force("admin"));
    assert_eq!(forced["forced"], json!([size]), "it is the first entry after those of the backup: {forced}");
    let entries = to.sogoc().entries(&["--stream", "operation/restore"]);
    let data = &entries[0]["data"];
    assert_eq!((&entries[0]["kind"], entries.len()), (&json!("store-restored"), 1));
    assert_eq!((&data["size"], &data["known_size"]), (&json!(size), &json!(known)));
    assert!(data["known_root"].is_string(), "the checkpoint beside the key tells it: {data}");
    assert!(!entries[0].to_string().contains("Mất ổ đĩa"), "the reason is sealed");
    with_key.ok(&["log", "verify"]);
    // Goes on, and is refused by its witness from then on.
    with_key.accepted(&[pilot::declares_all("so-noi-vu"), pilot::declares_all("so-tu-phap")]);
    with_key.ok(&["log", "checkpoint"]);
    let answer = with_key.with(&["--json"]).run(&["log", "cosign", "--policy", &policy, "--timeout", "3"]);
    let outcome = &answer.ends(1).document()["witnesses"][0]["outcome"];
    assert!(["ahead", "inconsistent"].contains(&outcome.as_str().unwrap()), "{outcome}");
}

fn an_erased_text_is_in_no_later_backup_and_no_restore(kind: Kind) {
    let (store, to) = (Store::pilot(kind), Store::empty(kind));
    let sogoc = store.sogoc();
    take(&store);
    let old = store.folder().join("old");
    copy_folder(&folder(&store), &old);
    let opened = sogoc.entries(&["--stream", "account/officer-yt"]);
    let commitment = opened[0]["data"]["name"].clone();
    let erasing = json!({"texts": [commitment], "ground_code": "request-of-person", "ground": "Theo đơn"});
    let erasing =
        pilot::with(&pilot::by("chair", "erase-texts", &erasing), "instrument", json!({"id": pilot::DECISION}));
    sogoc.accepted(&[erasing]);
    take(&store);
    let text = |folder: &Path| {
        let ranges = manifest(folder)["ranges"].clone();
        let lines =
            ranges.as_array().unwrap().iter().filter_map(|range| range["texts"]["file"].as_str().map(str::to_owned));
        let lines: Vec<String> = lines.map(|file| unpacked(&folder.join(file))).collect();
        let joined = lines.join("");
        let line = joined.lines().find(|line| line.contains(commitment.as_str().unwrap())).unwrap();
        serde_json::from_str::<Value>(line).unwrap()
    };
    assert!(text(&old)["text"].is_string());
    assert!(text(&folder(&store))["text"].is_null() && text(&folder(&store))["salt"].is_null());
    let checked = verify(&folder(&store), 0);
    assert_eq!((&checked["erased_texts"], &checked["erased_by_entries"]), (&json!(1), &json!(0)));
    // A backup that was put together so that it holds the text after all: its entries say that it is erased.
    let mixed = store.folder().join("mixed");
    copy_folder(&folder(&store), &mixed);
    let mut changed = manifest(&mixed);
    let (olds, range) = (manifest(&old), &mut changed["ranges"][0]);
    let file = olds["ranges"][0]["texts"]["file"].as_str().unwrap();
    // Only the line of the erased text is taken from the old part.
    let kept = unpacked(&mixed.join(range["texts"]["file"].as_str().unwrap()));
    let line = unpacked(&old.join(file)).lines().find(|l| l.contains(commitment.as_str().unwrap())).unwrap().to_owned();
    let lines = kept.lines().map(|l| if l.contains(commitment.as_str().unwrap()) { line.as_str() } else { l });
    let packed = pack(&lines.map(|line| format!("{line}\n")).collect::<String>());
    let name = "texts-mixed.gz";
    std::fs::write(mixed.join(name), &packed).unwrap();
    range["texts"] =
        json!({"file": name, "bytes": packed.len(), "sha256": sha256(&packed), "lines": range["texts"]["lines"]});
    seal(&mixed, changed);
    assert_eq!(verify(&mixed, 0)["erased_by_entries"], 1);
    restore(&mixed, &to);
    let rows = sql::rows(to.url(), "select text from sealed_text where erased_at_us is not null");
    assert_eq!(rows.len(), 1, "the erasure was replayed");
    assert!(rows[0][0].is_none());
    same(&sogoc, &to.sogoc(), pilot::SEASON);
}

fn secrets_of_sign_in_go_along_only_where_both_sides_ask(kind: Kind) {
    let store = Store::pilot(kind);
    let bytes = |digit: &str| match kind {
        Kind::Sqlite => format!("x'{}'", digit.repeat(64)),
        Kind::Postgres => format!("'\\x{}'", digit.repeat(64)),
    };
    store.run(&format!(
        "insert into sign_in (account, password, totp, totp_confirmed, failures, changed_at_us)
           values ('admin', '$argon2id$x', {a}, 1, 3, 7);
         insert into api_token (id, digest, account, name, scopes, second_factor, created_at_us, expires_at_us)
           values ('t-1', {b}, 'admin', 'cổng', 'read', 1, 1, 2);
         insert into session (digest, account, second_factor, created_at_us, seen_at_us, expires_at_us)
           values ({b}, 'admin', 1, 1, 1, 2)",
        a = bytes("a"),
        b = bytes("b"),
    ));
    let from = folder(&store);
    let from = from.to_str().unwrap();
    let rows = |store: &Store, table: &str| sql::rows(store.url(), &format!("select account from {table}")).len();
    take(&store);
    assert!(manifest(&folder(&store))["sign_in"].is_null(), "left out unless asked for");
    Store::empty(kind).sogoc().run(&["restore", from, "--with-sign-in"]).ends(1);
    store.sogoc().ok(&["backup", from, "--with-sign-in"]);
    verify(&folder(&store), 0);
    let (without, with) = (Store::empty(kind), Store::empty(kind));
    without.sogoc().ok(&["restore", from]);
    assert_eq!((rows(&without, "sign_in"), rows(&without, "api_token")), (0, 0));
    with.sogoc().ok(&["restore", from, "--with-sign-in"]);
    assert_eq!((rows(&with, "sign_in"), rows(&with, "api_token"), rows(&with, "session")), (1, 1, 0));
    let columns = "select password, cast(totp_confirmed as text), cast(failures as text) from sign_in";
    let found: Vec<_> = sql::rows(with.url(), columns)[0].iter().map(|cell| cell.clone().unwrap()).collect();
    assert_eq!(found, ["$argon2id$x", "1", "0"], "failures begin anew");
}

fn a_restore_that_was_cut_is_no_register_and_goes_on(kind: Kind) {
    let (store, to) = (Store::demo(kind), Store::empty(kind));
    take(&store);
    let from = folder(&store);
    let mut child = to.sogoc().spawn(&["restore", from.to_str().unwrap()]);
    let committed = || {
        let rows = sql::try_rows(to.url(), "select cast(size as text) from head").unwrap_or_default();
        rows.first().map_or(0, |row| row[0].as_ref().unwrap().parse::<u64>().unwrap())
    };
    while committed() == 0 && child.try_wait().unwrap().is_none() {}
    child.kill().unwrap();
    child.wait().unwrap();
    let marked = sql::rows(to.url(), "select name from lease where name = 'restore'").len() == 1;
    if marked {
        // It looks whole, and is not opened.
        let answer = to.sogoc().run(&["ranking", SEASON]).ends(3);
        assert!(answer.stderr.contains("not finished") && answer.stderr.contains("again"), "{}", answer.stderr);
        let there = committed();
        let answer = restore(&from, &to);
        assert_eq!(answer["already"], there);
    }
    same(&store.sogoc(), &to.sogoc(), SEASON);
    to.sogoc().run(&["restore", from.to_str().unwrap()]).ends(1);
}

fn a_place_that_has_a_log_is_refused(kind: Kind) {
    let (store, to) = (Store::pilot(kind), Store::pilot(kind));
    take(&store);
    let head = to.sogoc().head();
    let answer = to.sogoc().run(&["restore", folder(&store).to_str().unwrap()]).ends(1);
    assert!(answer.stderr.contains("empty place") && answer.stderr.contains("--store"), "{}", answer.stderr);
    assert_eq!(to.sogoc().head(), head);
    to.sogoc().run(&["restore", store.folder().join("nothing").to_str().unwrap()]).ends(1);
}

fn every_kind_of_damage_is_found(kind: Kind) {
    let store = Store::demo(kind);
    store.sogoc().ok(&["log", "checkpoint"]);
    take(&store);
    let whole = folder(&store);
    let files: Vec<String> = std::fs::read_dir(&whole)
        .unwrap()
        .flatten()
        .map(|file| file.file_name().to_str().unwrap().to_owned())
        .filter(|name| name != ".lock")
        .collect();
    for kind in ["manifest", "entries-", "texts-", "checkpoints-", "evidence-"] {
        let name = files.iter().find(|name| name.starts_with(kind)).unwrap();
        let path = whole.join(name);
        let bytes = std::fs::read(&path).unwrap();
        for at in [0, bytes.len() / 2, bytes.len() - 1] {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x10;
            std::fs::write(&path, &flipped).unwrap();
            let fault = verify(&whole, 4);
            assert!(fault["fault"]["what"].as_str().unwrap().contains(name), "{name} at {at}: {fault}");
        }
        std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        verify(&whole, 4);
        std::fs::remove_file(&path).unwrap();
        verify(&whole, if kind == "manifest" { 1 } else { 4 });
        let to = Store::empty(Kind::Sqlite);
        to.sogoc().run(&["restore", whole.to_str().unwrap()]);
        assert!(!to.file().exists(), "nothing is written of a backup that is not whole");
        std::fs::write(&path, &bytes).unwrap();
    }
    verify(&whole, 0);
    // Whoever writes the manifest anew cannot change what was signed.
    let mut changed = manifest(&whole);
    let range = &mut changed["ranges"][0];
    let lines = unpacked(&whole.join(range["entries"]["file"].as_str().unwrap()));
    let packed = pack(&lines.replacen("\"version\":1}", "\"version\":2}", 1));
    std::fs::write(whole.join("entries-forged.gz"), &packed).unwrap();
    range["entries"] = json!({
        "file": "entries-forged.gz", "bytes": packed.len(), "sha256": sha256(&packed), "lines": range["entries"]["lines"],
    });
    let text = seal(&whole, changed);
    let fault = verify(&whole, 4);
    assert!(fault.to_string().contains("root"), "{fault}: {text}");
    // The next backup believes the log, not the manifest.
    let mended = take(&store);
    assert_eq!(mended["kept"].as_u64().unwrap() + 1, mended["ranges"].as_u64().unwrap());
    verify(&whole, 0);
    // Nor is it the log of another key.
    let answer = Sogoc::bare().run(&[
        "backup",
        "verify",
        whole.to_str().unwrap(),
        "--log-key",
        &sogoc_proof::SignerKey::from_seed("sogoc.local/register", sogoc_proof::Algorithm::Ed25519, [9; 32])
            .unwrap()
            .verifier()
            .to_string(),
    ]);
    assert!(answer.ends(4).stderr.contains("not signed"));
}

fn a_backup_that_was_cut_leaves_the_one_before(kind: Kind) {
    let store = Store::demo(kind);
    let to = folder(&store);
    // Killed at any time there is no backup, or a whole one.
    for _ in 0..3 {
        let mut child = store.sogoc().spawn(&["backup", to.to_str().unwrap()]);
        while !to.exists() && child.try_wait().unwrap().is_none() {}
        child.kill().unwrap();
        child.wait().unwrap();
        if to.join("manifest.json").exists() {
            verify(&to, 0);
        } else {
            verify(&to, 1);
        }
    }
    std::fs::write(to.join("entries-000000000000-000000002048-0000.gz.unfinished"), "half").unwrap();
    take(&store);
    verify(&to, 0);
    let left = std::fs::read_dir(&to).unwrap().flatten().filter(|f| f.path().to_str().unwrap().ends_with("unfinished"));
    assert_eq!(left.count(), 0);
}

fn evidence_files_go_along_where_they_are_asked_for(kind: Kind) {
    let (store, to) = (Store::pilot(kind), Store::empty(kind));
    let sogoc = store.sogoc();
    adopt(&sogoc, pilot::SEASON, &anchors()).ends(0);
    sogoc.accepted(&[pilot::declares_all("so-y-te")]);
    let receipt = attach(&sogoc, &valid(), "so-y-te", "1.1.1");
    let digest = receipt["evidence"]["digest"].as_str().unwrap().to_owned();
    let from = folder(&store);
    let from = from.to_str().unwrap();
    assert_eq!(sogoc.json(&["backup", from])["evidence_named"], 2, "the anchors are a file too");
    to.sogoc().run(&["restore", from, "--with-evidence"]).ends(1);
    sogoc.ok(&["backup", from, "--with-evidence"]);
    assert_eq!(verify(&folder(&store), 0)["evidence_files"], 2);
    let file = folder(&store).join("evidence/sha256").join(&digest[..2]).join(&digest);
    let bytes = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert!(verify(&folder(&store), 4).to_string().contains("missing"));
    std::fs::write(&file, &bytes[1..]).unwrap();
    verify(&folder(&store), 4);
    std::fs::write(&file, &bytes).unwrap();
    assert_eq!(to.sogoc().json(&["restore", from, "--with-evidence"])["evidence_copied"], 2);
    assert_eq!(fsck(&to.sogoc(), 0)["whole"], 2);
    // An erased file leaves the backup with the next one.
    erase(&sogoc, &digest, "admin").ends(0);
    sogoc.ok(&["backup", from, "--with-evidence"]);
    assert!(!file.exists());
    assert_eq!(verify(&folder(&store), 0)["evidence_files"], 1);
}

fn a_name_that_the_entries_do_not_have_is_refused(kind: Kind) {
    let (store, to) = (Store::pilot(kind), Store::empty(kind));
    take(&store);
    let from = folder(&store);
    let named = to.sogoc().with(&["--log-name", "sogoc.example/other"]);
    let answer = named.run(&["restore", from.to_str().unwrap()]).ends(1);
    assert!(answer.stderr.contains("every entry"), "{}", answer.stderr);
    assert!(!to.file().exists());
}

fn an_older_copy_of_a_store_is_whole_and_is_told_all_the_same(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    sogoc.ok(&["log", "checkpoint"]);
    sql::checkpoint(store.url());
    let copy = store.folder().join("copy.db");
    std::fs::copy(store.file(), &copy).unwrap();
    sogoc.ok(&["log", "verify"]);
    sogoc.accepted(&[pilot::declares_all("so-y-te")]);
    let url = format!("sqlite:{}", copy.display());
    // By itself nothing is wrong with it; beside the key it is too short.
    Sogoc::on(&url).ok(&["log", "verify"]);
    let answer = Sogoc::on(&url).keyed(store.folder().join(stores::KEY)).run(&["log", "verify"]).ends(4);
    assert!(answer.stderr.contains("newer backup"), "{}", answer.stderr);
}

fn a_backup_of_another_history_is_refused_even_with_force(kind: Kind) {
    let (store, other, to) = (Store::pilot(kind), Store::pilot(kind), Store::empty(kind));
    store.sogoc().accepted(&[pilot::declares_all("so-y-te")]);
    store.sogoc().ok(&["log", "checkpoint"]);
    other.sogoc().accepted(&[pilot::declares_all("so-noi-vu"), pilot::declares_all("so-tu-phap")]);
    take(&other);
    // The key, and with it the checkpoint, are those of the first.
    let beside = to.sogoc().keyed(store.folder().join(stores::KEY));
    let from = folder(&other);
    let force = ["restore", from.to_str().unwrap(), "--force", "--reason", "x", "--account", "admin"];
    beside.run(&force).ends(4);
    assert!(!to.file().exists());
}

fn unpacked(file: &Path) -> String {
    let mut text = String::new();
    GzDecoder::new(std::fs::File::open(file).unwrap()).read_to_string(&mut text).unwrap();
    text
}

fn pack(text: &str) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    packer.write_all(text.as_bytes()).unwrap();
    packer.finish().unwrap()
}

/// Writes a manifest as the program would: in the order of its fields, with its own SHA-256.
fn seal(folder: &Path, changed: Value) -> String {
    let old = std::fs::read_to_string(folder.join("manifest.json")).unwrap();
    // Only texts and numbers of the first range change, so the old text is the frame.
    let before: Value = serde_json::from_str(&old).unwrap();
    let mut text = old;
    for part in ["entries", "texts"] {
        let (from, to) = (&before["ranges"][0][part], &changed["ranges"][0][part]);
        let lines = |part: &Value| {
            format!(
                "\"file\": {},\n        \"bytes\": {},\n        \"sha256\": {},",
                part["file"], part["bytes"], part["sha256"]
            )
        };
        text = text.replace(&lines(from), &lines(to));
    }
    let own = before["sha256"].as_str().unwrap();
    let empty = text.replace(own, "");
    let text = text.replace(own, &sha256(&empty));
    std::fs::write(folder.join("manifest.json"), &text).unwrap();
    text
}
