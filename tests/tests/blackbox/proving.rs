//! What a stranger can check: bundles, proofs of entries, static tiles; and what start-up refuses.

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::support::stores::KEY;
use crate::support::{Sogoc, Store, binary, on_both_stores, on_sqlite, stores::Kind};

on_both_stores!(
    a_figure_is_carried_to_a_stranger_and_verified,
    exported_files_are_verified_by_code_that_is_not_ours,
    a_bundle_made_before_the_announcement_does_not_prove_completeness,
    an_entry_is_proved_with_openssl_and_sha256sum_alone,
    an_older_copy_of_the_register_is_refused_at_start
);
on_sqlite!(
    a_bundle_that_was_touched_is_refused,
    a_policy_that_is_not_met_is_told_apart_from_a_broken_bundle,
    figures_of_a_group_go_by_the_table_or_by_everything,
    the_log_s_key_is_made_once_and_read_by_nobody_else,
    public_vectors_verify_and_their_damage_does_not,
    tiles_are_written_once_and_entries_only_when_asked_for,
    a_key_is_replaced_and_what_it_signed_stays_signed,
    a_register_without_a_key_says_how_to_get_one
);

const INDEX: &str = "hanam-2022/departments/so-xay-dung/index";

fn vkey(store: &Store) -> String {
    store.sogoc().ok(&["log", "key"]).stdout.trim().to_owned()
}

fn bundle(store: &Store, arguments: &[&str]) -> PathBuf {
    let file = store.folder().join("figure.bundle");
    store.sogoc().ok(&[&["proof", "figure"], arguments, &["-o", file.to_str().unwrap()]].concat());
    file
}

/// Verifies without any store, as a stranger does.
fn verify(file: &Path, vkey: &str) -> crate::support::binary::Answer {
    Sogoc::bare().run(&["--json", "verify", file.to_str().unwrap(), "--log-key", vkey])
}

fn unpacked(file: &Path) -> Value {
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(file).unwrap()).read_to_string(&mut text).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn a_figure_is_carried_to_a_stranger_and_verified(kind: Kind) {
    let store = Store::demo(kind);
    let file = bundle(&store, &[INDEX, "--with-texts"]);
    let verdict = verify(&file, &vkey(&store)).ends(0).document();
    assert_eq!(verdict["verified"], true);
    assert_eq!(verdict["completeness"], "proved");
    assert_eq!(verdict["basis"], "entries");
    let figure = store.sogoc().json(&["figure", INDEX]);
    assert_eq!((&verdict["value"], &verdict["display"]), (&figure["value"], &figure["display"]));
    assert_eq!(verdict["size"], store.sogoc().size());
    assert!(verdict["texts"].as_u64().unwrap() >= 20, "{verdict}");
    assert!(std::fs::metadata(&file).unwrap().len() < 2 << 20, "under 2 MiB");
    let said = Sogoc::bare().ok(&["verify", file.to_str().unwrap(), "--log-key", &vkey(&store), "--trace"]).stdout;
    assert!(said.contains("Not proved") && said.contains("score-accepted"), "{said}");
    let vi = Sogoc::bare().ok(&["--lang", "vi", "verify", file.to_str().unwrap(), "--log-key", &vkey(&store)]).stdout;
    assert!(vi.contains("Không chứng minh"), "{vi}");
}

fn a_bundle_made_before_the_announcement_does_not_prove_completeness(kind: Kind) {
    let store = Store::demo(kind);
    let file = bundle(&store, &["hanam-2022/departments/so-xay-dung/self_points", "--as-of", "3000"]);
    let verdict = verify(&file, &vkey(&store)).ends(0).document();
    assert_eq!(verdict["completeness"], "not-proved");
    let codes: Vec<_> = verdict["not_proved"].as_array().unwrap().iter().map(|line| line["code"].clone()).collect();
    assert!(codes.contains(&json!("completeness")), "{verdict}");
}

fn an_entry_is_proved_with_openssl_and_sha256sum_alone(kind: Kind) {
    let store = Store::demo(kind);
    let sogoc = store.sogoc();
    let script = binary::workspace().join("deploy/verify-entry.sh");
    for position in [0_u64, 1234, sogoc.size() - 1] {
        let position = position.to_string();
        let proof = store.write("proof", sogoc.ok(&["proof", "entry", &position]).stdout);
        let shown = sogoc.ok(&["log", "show", "--from", &position, "--limit", "1", "--json"]).stdout;
        let entry = store.write("entry", shown.trim_end());
        let check = |entry: &Path, proof: &Path, vkey: &str| {
            Command::new(&script).arg(entry).arg(proof).arg(vkey).output().expect("bash, openssl and coreutils run")
        };
        let right = check(&entry, &proof, &vkey(&store));
        assert!(right.status.success(), "{}", String::from_utf8_lossy(&right.stdout));
        let touched = store.write("touched", shown.trim_end().replace("\"v\":1", "\"v\":2"));
        assert_eq!(check(&touched, &proof, &vkey(&store)).status.code(), Some(1));
        let text = std::fs::read_to_string(&proof).unwrap();
        let size = text.lines().nth(text.lines().position(str::is_empty).unwrap() + 2).unwrap();
        let larger = text.replace(&format!("\n{size}\n"), &format!("\n{size}0\n"));
        assert_eq!(check(&entry, &store.write("larger", larger), &vkey(&store)).status.code(), Some(1), "signed");
        let other = "sogoc.local/register+af270656+AVxOFMTQheEZpa7iRDaK8Lk6P3kJ3W0dbVB/O5KBfoil";
        assert_eq!(check(&entry, &proof, other).status.code(), Some(1), "another key");
    }
}

fn an_older_copy_of_the_register_is_refused_at_start(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    // What an operator would do who keeps the checkpoint's file: the state of the store before the last entries.
    let before = store.folder().join("before");
    let older = match kind {
        Kind::Sqlite => {
            std::fs::copy(store.file(), &before).unwrap();
            None
        }
        Kind::Postgres => {
            let copy = Store::empty(kind);
            sogoc.ok(&["log", "copy", "--to", copy.url()]);
            Some(copy)
        }
    };
    sogoc.accepted(&[crate::support::pilot::declares_all("so-y-te")]);
    sogoc.ok(&["ranking", "pilot-2026"]);
    let restored = match &older {
        None => {
            crate::support::sql::checkpoint(store.url());
            std::fs::copy(&before, store.file()).unwrap();
            for suffix in ["-wal", "-shm"] {
                let _ = std::fs::remove_file(format!("{}{suffix}", store.file().display()));
            }
            store.sogoc()
        }
        Some(copy) => Sogoc::on(copy.url()).keyed(store.folder().join(KEY)),
    };
    for command in [&["ranking", "pilot-2026"][..], &["execute"], &["log", "checkpoint"]] {
        let refused = restored.with(&["--json"]).run(command).ends(4);
        assert!(refused.document()["fault"]["checkpoint"].is_string(), "{}", refused.said());
    }
}

/// The exported folder behind the interface of `tlog_tiles`: what a static file server would give it.
struct Exported(PathBuf);

impl tlog_tiles::TileReader for Exported {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[tlog_tiles::Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        let read = |tile: &tlog_tiles::Tile| {
            // Its paths name the height first. It asks for no more of a tile than it needs: that is how files begin.
            let whole = tile.path().replacen("tile/8/", "tile/", 1);
            let stem = whole.split(".p/").next().expect("a path").to_owned();
            let full = self.0.join(&stem);
            let file = if full.is_file() { full } else { last_in(&self.0.join(format!("{stem}.p"))) };
            std::fs::read(file).expect("an exported tile")[..tile.width() as usize * 32].to_vec()
        };
        Ok(tiles.iter().map(read).collect())
    }

    fn save_tiles(&self, _: &[tlog_tiles::Tile], _: &[Vec<u8>]) {}
}

/// The one file of a folder of partial tiles.
fn last_in(folder: &Path) -> PathBuf {
    std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path()
}

fn exported_files_are_verified_by_code_that_is_not_ours(kind: Kind) {
    let store = Store::demo(kind);
    let folder = store.folder().join("tiles");
    store.sogoc().ok(&["log", "export-tiles", folder.to_str().unwrap(), "--with-entries"]);
    let note = signed_note::Note::from_bytes(&std::fs::read(folder.join("checkpoint")).unwrap()).unwrap();
    let verifier = signed_note::StandardVerifier::new(&vkey(&store)).unwrap();
    note.verify(&signed_note::VerifierList::new(vec![Box::new(verifier)])).expect("signed by the log's key");
    let checkpoint = tlog_tiles::Checkpoint::from_bytes(note.text()).unwrap();
    let (size, root) = (checkpoint.size(), *checkpoint.hash());
    assert_eq!(size, store.sogoc().size());
    let served = Exported(folder.clone());
    let reader = tlog_tiles::TileHashReader::new(size, root, &served);
    assert_eq!(tlog_tiles::tree_hash(size, &reader).expect("the tiles lead to the signed root"), root);
    // Every entry of the bundles is the leaf that the tiles have.
    let mut index = 0;
    let mut bundles: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(folder.join("tile/entries")).unwrap() {
        let path = entry.unwrap().path();
        bundles.push(if path.is_dir() { last_in(&path) } else { path });
    }
    bundles.sort();
    for bundle in &bundles {
        let bytes = std::fs::read(bundle).unwrap();
        let mut rest = &bytes[..];
        while let Some((length, after)) = rest.split_first_chunk::<2>() {
            let (entry, after) = after.split_at(usize::from(u16::from_be_bytes(*length)));
            rest = after;
            if index % 97 == 0 || index + 1 == size {
                let proof = tlog_tiles::prove_record(size, index, &reader).expect("the tiles hold it");
                tlog_tiles::check_record(&proof, size, root, index, tlog_tiles::record_hash(entry)).expect("the entry");
            }
            index += 1;
        }
    }
    assert_eq!(index, size, "all entries are there");
}

fn a_bundle_that_was_touched_is_refused(kind: Kind) {
    let store = Store::demo(kind);
    let (file, vkey) = (bundle(&store, &[INDEX]), vkey(&store));
    let whole = unpacked(&file);
    let alterations: [&dyn Fn(&mut Value); 5] = [
        &|b| b["figure"]["value"] = json!("99"),
        &|b| _ = b["entries"].as_array_mut().unwrap().pop(),
        &|b| _ = b["entries"].as_array_mut().unwrap().remove(100),
        &|b| b["entries"][150]["data"]["points"] = json!("3"),
        &|b| b["commitment"]["streams"][0][1] = json!(1),
    ];
    for (number, alter) in alterations.iter().enumerate() {
        let mut touched = whole.clone();
        alter(&mut touched);
        let file = store.write("touched.bundle", touched.to_string());
        let verdict = verify(&file, &vkey).ends(4).document();
        assert!(verdict["fault"]["what"].is_string(), "alteration {number}: {verdict}");
    }
    let bytes = std::fs::read(&file).unwrap();
    verify(&store.write("half.bundle", &bytes[..bytes.len() / 2]), &vkey).ends(4);
    verify(&store.write("empty.bundle", ""), &vkey).ends(4);
    verify(&store.folder().join("nowhere.bundle"), &vkey).ends(1);
    // A bomb of zeros ends at the limit, not with the machine's memory.
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let zeros = vec![b' '; 1 << 20];
    (0..400).for_each(|_| std::io::Write::write_all(&mut bomb, &zeros).unwrap());
    verify(&store.write("bomb.bundle", bomb.finish().unwrap()), &vkey).ends(4);
}

fn a_policy_that_is_not_met_is_told_apart_from_a_broken_bundle(kind: Kind) {
    let store = Store::demo(kind);
    let (file, vkey) = (bundle(&store, &[INDEX]), vkey(&store));
    let witness = "inspectorate.example/w+89e8e3f6+BGV4YW1wbGUgd2l0bmVzcyBrZXkgZm9yIGEgdGVzdCE=";
    let policies = [
        // Another log's key.
        (
            "log example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx\nquorum none\n"
                .to_owned(),
            1,
        ),
        // Nothing to trust.
        (String::new(), 2),
        ("quorum none\n".to_owned(), 2),
        (format!("log {vkey}\nwitness w {witness}\nquorum v\n"), 2),
        ("\u{0}\u{1}\n".to_owned(), 2),
        (format!("log {vkey}\nquorum none\n"), 0),
    ];
    for (text, code) in policies {
        let policy = store.write("policy", &text);
        let answer = Sogoc::bare().run(&["verify", file.to_str().unwrap(), "--policy", policy.to_str().unwrap()]);
        assert_eq!(answer.code, Some(code), "{text:?}: {}", answer.said());
    }
    Sogoc::bare().run(&["verify", file.to_str().unwrap()]).ends(2);
}

fn figures_of_a_group_go_by_the_table_or_by_everything(kind: Kind) {
    let store = Store::demo(kind);
    let rank = "hanam-2022/departments/so-xay-dung/rank";
    let verdict = verify(&bundle(&store, &[rank]), &vkey(&store)).ends(0).document();
    assert_eq!((&verdict["basis"], &verdict["rows"]), (&json!("table"), &json!(25)));
    let deep = verify(&bundle(&store, &[rank, "--deep"]), &vkey(&store)).ends(0).document();
    assert_eq!((&deep["basis"], &deep["value"]), (&json!("entries"), &verdict["value"]));
    let file = store.folder().join("mean");
    let mean = ["proof", "figure", "hanam-2022/departments/domain/3/mean", "-o", file.to_str().unwrap()];
    let refused = store.sogoc().run(&mean).ends(1);
    assert!(refused.stderr.contains("--deep") && !file.exists(), "{}", refused.said());
    let domain = bundle(&store, &["hanam-2022/departments/domain/3/mean", "--deep"]);
    assert_eq!(verify(&domain, &vkey(&store)).ends(0).document()["completeness"], "proved");
    store.sogoc().run(&["proof", "figure", "hanam-2022/nothing", "-o", file.to_str().unwrap()]).ends(1);
}

fn the_log_s_key_is_made_once_and_read_by_nobody_else(kind: Kind) {
    let store = Store::empty(kind);
    let sogoc = store.sogoc();
    sogoc.ok(&["demo"]);
    let key = store.folder().join(KEY);
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let secret = std::fs::read_to_string(&key).unwrap();
    let vkey = vkey(&store);
    assert!(vkey.starts_with("sogoc.local/register+") && !vkey.contains("PRIVATE"), "{vkey}");
    sogoc.run(&["log", "key", "--new"]).ends(1);
    assert_eq!(std::fs::read_to_string(&key).unwrap(), secret, "a key is never replaced");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let told = sogoc.ok(&["log", "checkpoint"]);
    assert!(told.stderr.contains("chmod 600"), "{}", told.said());
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&key, "not a key\n").unwrap();
    sogoc.run(&["log", "checkpoint"]).ends(1);
    std::fs::write(&key, secret).unwrap();
    let note = store.write("note", sogoc.ok(&["log", "checkpoint"]).stdout);
    sogoc.ok(&["proof", "verify-note", "--vkey", &vkey, note.to_str().unwrap()]);
}

fn a_key_is_replaced_and_what_it_signed_stays_signed(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    let (before, note) = (vkey(&store), store.write("before", sogoc.ok(&["log", "checkpoint"]).stdout));
    let after = sogoc.ok(&["log", "key", "--rotate"]).stdout.trim().to_owned();
    assert_ne!(before, after);
    assert_eq!(vkey(&store), after);
    sogoc.accepted(&[crate::support::pilot::declares_all("so-y-te")]);
    let next = store.write("after", sogoc.ok(&["log", "checkpoint"]).stdout);
    for (vkey, note, code) in [(&before, &note, 0), (&after, &next, 0), (&before, &next, 1)] {
        sogoc.run(&["proof", "verify-note", "--vkey", vkey, note.to_str().unwrap()]).ends(code);
    }
}

fn a_register_without_a_key_says_how_to_get_one(kind: Kind) {
    let store = Store::demo(kind);
    std::fs::remove_file(store.folder().join(KEY)).unwrap();
    for command in [&["log", "key"][..], &["log", "checkpoint"]] {
        let refused = store.sogoc().run(command).ends(1);
        assert!(refused.stderr.contains("--new"), "{}", refused.said());
    }
    // What was signed before still proves.
    let file = store.folder().join("b");
    store.sogoc().ok(&["proof", "figure", INDEX, "-o", file.to_str().unwrap()]);
}

fn public_vectors_verify_and_their_damage_does_not(_: Kind) {
    let sogoc = Sogoc::bare();
    // Inclusion of index 3 in the tree of 8 of the public test log of transparency-dev/tessera.
    let leaf = "f715ab3faa5d071e6e2ac4bb994d5bf735943dcc3799da0d085e7980cfb9336a";
    let root = "bC+VwvrJbalNVjfkdI8kUgs7mJoXrqiXCE7bgnD28pY=";
    let proof = "Zx8UbF5HHooag6PCFM5LqQe486WIjRTMjNPOdbsS75Q=,T1X2GdkhUjV3iyufF9b0kVsWFxIU0VI4EpNml2Teci4=,\
                 g0ZoeYWtIV8Q8i+4CmgqPnBvH2il107lyCgTQsyB7H4=";
    let inclusion = |leaf: &str, index: &str, size: &str, proof: &str| {
        let arguments = ["--leaf-hash", leaf, "--index", index, "--size", size, "--root", root, "--proof", proof];
        sogoc.run(&[&["proof", "verify-inclusion"], &arguments[..]].concat()).code
    };
    assert_eq!(inclusion(leaf, "3", "8", proof), Some(0));
    let (short, long) = (proof.rsplit_once(',').unwrap().0.to_owned(), format!("{proof},{root}"));
    for (index, size, proof) in [
        ("2", "8", proof),
        ("8", "8", proof),
        ("3", "9", proof),
        ("3", "8", &short),
        ("3", "8", &long),
        ("3", "8", ""),
        ("18446744073709551615", "18446744073709551615", proof),
    ] {
        assert_eq!(inclusion(leaf, index, size, proof), Some(1), "{index} of {size}");
    }
    for (leaf, index, proof) in
        [("f7", "3", proof), (leaf, "-1", proof), (leaf, "99999999999999999999", proof), (leaf, "3", "x,y")]
    {
        assert_eq!(inclusion(leaf, index, "8", proof), Some(2));
    }
    let note = "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
    let key = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    let signed =
        |vkey: &str, note: &str| sogoc.run_with(&["proof", "verify-note", "--vkey", vkey, "-"], note.as_bytes()).code;
    assert_eq!(signed(key, note), Some(0));
    assert_eq!(signed(key, &note.replace("example message", "example massage")), Some(1));
    assert_eq!(signed(&key.replace("530d", "530e"), note), Some(2), "an id that is not the key's");
    assert_eq!(signed(key, "no note"), Some(2));
    assert_eq!(signed("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", note), Some(1));
}

fn tiles_are_written_once_and_entries_only_when_asked_for(kind: Kind) {
    let store = Store::demo(kind);
    let sogoc = store.sogoc();
    let folder = store.folder().join("tiles");
    let export = |more: &[&str]| sogoc.json(&[&["log", "export-tiles", folder.to_str().unwrap()], more].concat());
    let first = export(&[]);
    assert!(first["written"].as_u64().unwrap() >= 17, "{first}");
    assert!(folder.join("checkpoint").exists() && folder.join("tile/0/000").exists());
    assert!(!folder.join("tile/entries").exists(), "entries are for those with the right to read");
    assert_eq!(export(&[])["written"], 0);
    assert!(export(&["--with-entries"])["written"].as_u64().unwrap() > 0);
    assert!(folder.join("tile/entries/000").exists());
    std::fs::write(folder.join("tile/0/000"), [0; 8192]).unwrap();
    let refused = sogoc.run(&["log", "export-tiles", folder.to_str().unwrap()]);
    assert!(refused.code != Some(0) && refused.stderr.contains("tile/0/000"), "{}", refused.said());
}
