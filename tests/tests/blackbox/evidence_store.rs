//! The store of evidence files and the entries that name them: in step through crashes, at once, and when it is checked.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::evidence::{
    altered, answer, attach, attaching, blob, digest, erase, fsck, listing, now, sha256, unsigned, valid,
};
use crate::support::{Store, on_both_stores, on_sqlite, pilot, stores::Kind};

on_both_stores!(
    a_killed_upload_leaves_the_whole_file_with_its_entry_or_neither,
    eight_processes_attach_the_same_file_at_once,
    the_same_command_in_four_processes_takes_effect_once,
    an_erasure_that_was_cut_short_is_completed_by_running_it_again
);
on_sqlite!(
    a_check_tells_what_is_wrong_and_changes_nothing,
    what_is_encrypted_at_rest_is_read_with_its_key_alone,
    a_store_that_takes_no_files_says_so
);

fn a_killed_upload_leaves_the_whole_file_with_its_entry_or_neither(kind: Kind) {
    const UPLOADS: u32 = 25;
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    let file = |number: u32| {
        // A picture, of which there is little to examine: most of the time goes into storing it.
        let mut bytes = [b"\xff\xd8\xff\xe0", &number.to_be_bytes()[..]].concat();
        bytes.resize(3 << 20, b'x');
        store.write(&format!("{number}.jpg"), bytes)
    };
    let begun = now();
    attach(&sogoc, &file(UPLOADS), "so-y-te", "1.1.1");
    let whole_run = begun.elapsed();
    // Entries, seen past the program: nothing else is recorded here.
    let recorded = || store.cell("select cast(size as text) from head").parse::<u64>().unwrap();
    let mut without_entry = 0;
    for number in 0..UPLOADS {
        let (file, before) = (file(number), recorded());
        let command = attaching(&file, "so-y-te", "1.1.1");
        let mut upload = sogoc.spawn(&command);
        // From the first instant to beyond the end of a run.
        std::thread::sleep(whole_run * number * 11 / (UPLOADS * 10) + Duration::from_millis(1));
        upload.kill().unwrap();
        upload.wait().unwrap();
        let (named, after) = (digest(&file), recorded());
        let stored = blob(&store, &named);
        assert!(after == before || after == before + 1, "killed at {number}: {before} entries became {after}");
        assert!(after == before || stored.exists(), "killed at {number}: an entry without its file");
        assert!(!stored.exists() || digest(&stored) == named, "killed at {number}: half a file under its name");
        without_entry += u32::from(after == before);
        if number % 8 == 0 {
            let found = fsck(&sogoc, 0);
            assert_eq!((&found["missing"], &found["altered"]), (&json!([]), &json!([])), "killed at {number}");
        }
        sogoc.ok(&command);
        assert_eq!(recorded(), before + 1, "killed at {number}, and run again: one entry in all");
    }
    assert!(without_entry > 0, "no kill came early enough");
    let well = fsck(&sogoc, 0);
    assert_eq!((&well["whole"], &well["unreferenced"]), (&json!(UPLOADS + 1), &json!([])), "{well}");
    sogoc.ok(&["log", "verify"]);
}

fn eight_processes_attach_the_same_file_at_once(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    let leaves = ["1.1.1", "1.1.2", "1.1.3", "1.2", "1.3", "2.1", "2.2", "2.3"];
    let mut numbers: Vec<Value> = std::thread::scope(|scope| {
        let runs = leaves.map(|leaf| {
            let sogoc = &sogoc;
            scope.spawn(move || attach(sogoc, &valid(), "so-y-te", leaf)["evidence"]["number"].clone())
        });
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    numbers.sort_by_key(Value::as_u64);
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7, 8]);
    let shown = sogoc.json(&["evidence", "show", &digest(&valid())]);
    assert_eq!(shown["entries"].as_array().unwrap().len(), 8);
    assert_eq!(shown["entries"][0]["evidence"]["also"].as_array().unwrap().len(), 7);
    let well = fsck(&sogoc, 0);
    assert_eq!((&well["whole"], &well["foreign"]), (&json!(1), &json!([])));
    assert_eq!(std::fs::read_dir(store.evidence().join("incoming")).unwrap().count(), 0);
}

fn the_same_command_in_four_processes_takes_effect_once(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    let size = sogoc.size();
    let answers: Vec<_> = std::thread::scope(|scope| {
        let runs = [(); 4].map(|()| scope.spawn(|| answer(&attach(&sogoc, &valid(), "so-y-te", "1.1.1"))));
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(sogoc.size(), size + 1);
    assert_eq!(fsck(&sogoc, 0)["whole"], 1);
}

fn an_erasure_that_was_cut_short_is_completed_by_running_it_again(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    attach(&sogoc, &valid(), "so-y-te", "1.1.1");
    let named = digest(&valid());
    let first = erase(&sogoc, &named, "admin").ends(0).document();
    let size = sogoc.size();
    // As after a crash between its entry and the removal.
    std::fs::copy(valid(), blob(&store, &named)).unwrap();
    assert_eq!(fsck(&sogoc, 4)["erased"], json!([named]));
    assert_eq!(answer(&erase(&sogoc, &named, "admin").ends(0).document()), answer(&first));
    assert!(!blob(&store, &named).exists());
    assert_eq!(sogoc.size(), size);
    fsck(&sogoc, 0);
}

fn a_check_tells_what_is_wrong_and_changes_nothing(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    for (file, leaf) in [(valid(), "1.1.1"), (altered(), "1.2"), (unsigned(), "1.3")] {
        attach(&sogoc, &file, "so-y-te", leaf);
    }
    let spare = store.write("spare.pdf", "%PDF-1.4 spare");
    sogoc.ok(&["evidence", "put", spare.to_str().unwrap()]);
    let unreferenced = fsck(&sogoc, 0);
    assert_eq!((&unreferenced["unreferenced"], &unreferenced["whole"]), (&json!([digest(&spare)]), &json!(3)));
    erase(&sogoc, &digest(&unsigned()), "admin").ends(0);
    std::fs::copy(unsigned(), blob(&store, &digest(&unsigned()))).unwrap();
    std::fs::remove_file(blob(&store, &digest(&altered()))).unwrap();
    let stored = blob(&store, &digest(&valid()));
    let mut bytes = std::fs::read(&stored).unwrap();
    bytes[1000] ^= 1;
    std::fs::remove_file(&stored).unwrap();
    std::fs::write(&stored, bytes).unwrap();
    std::fs::write(store.evidence().join("sha256/notes.txt"), "x").unwrap();
    let before = listing(&store.evidence());
    let head = sogoc.head();
    let found = fsck(&sogoc, 4);
    assert_eq!(found["well"], false);
    assert_eq!(found["missing"], json!([digest(&altered())]));
    assert_eq!(found["altered"][0]["digest"], digest(&valid()), "{found}");
    assert_eq!(found["erased"], json!([digest(&unsigned())]));
    assert_eq!(found["unreferenced"], json!([digest(&spare)]));
    assert!(found["foreign"][0].as_str().unwrap().ends_with("notes.txt"), "{found}");
    assert_eq!(listing(&store.evidence()), before, "a check changes nothing");
    assert_eq!(sogoc.head(), head);
    let said = sogoc.run(&["--lang", "vi", "evidence", "fsck"]).ends(4);
    assert!(said.stdout.contains("THIẾU") && said.stderr.contains("không khớp"), "{}", said.said());
    // The same bytes put again mend what is missing and what was altered.
    let files = [valid(), altered()];
    for file in &files {
        sogoc.ok(&["evidence", "put", file.to_str().unwrap()]);
    }
    let mended = fsck(&sogoc, 4);
    assert_eq!((&mended["missing"], &mended["altered"], &mended["whole"]), (&json!([]), &json!([]), &json!(2)));
}

fn what_is_encrypted_at_rest_is_read_with_its_key_alone(kind: Kind) {
    let store = Store::pilot(kind);
    let key = store.write("evidence.key", "11".repeat(32));
    let other = store.write("other.key", "22".repeat(32));
    let with = |key: &std::path::Path| store.sogoc().with(&["--evidence-key-file", key.to_str().unwrap()]);
    let (right, wrong) = (with(&key), with(&other));
    attach(&right, &valid(), "so-y-te", "1.1.1");
    let named = digest(&valid());
    let whole = std::fs::read(valid()).unwrap();
    for (path, _) in listing(&store.evidence()).into_iter().filter(|(_, digest)| digest.is_some()) {
        let bytes = std::fs::read(&path).unwrap();
        assert!(!bytes.windows(5).any(|window| window == b"%PDF-"), "{} is in clear", path.display());
        assert!(!bytes.windows(24).any(|window| window == &whole[5000..5024]), "{}", path.display());
    }
    assert_eq!(fsck(&right, 0)["whole"], 1);
    let to = store.folder().join("out.pdf");
    let get = ["evidence", "get", pilot::SEASON, "so-y-te", "1", "--account", "officer-yt", "-o", to.to_str().unwrap()];
    right.ok(&get);
    assert_eq!(digest(&to), named);
    std::fs::remove_file(&to).unwrap();
    let before = listing(&store.evidence());
    for sogoc in [&wrong, &store.sogoc()] {
        let refused = sogoc.run(&get).ends(3);
        assert!(refused.stderr.contains("key"), "{}", refused.said());
        let refused = sogoc.run(&["evidence", "put", valid().to_str().unwrap()]).ends(3);
        assert!(refused.stderr.contains("key"), "{}", refused.said());
        sogoc.run(&attaching(&valid(), "so-y-te", "1.2")).ends(3);
        fsck(sogoc, 4);
        assert!(!to.exists());
    }
    assert_eq!(listing(&store.evidence()), before, "a wrong key destroys nothing");
    assert_eq!(fsck(&right, 0)["whole"], 1);
    let bad = store.write("bad.key", "not a key");
    with(&bad).run(&["evidence", "fsck"]).ends(2);
}

fn a_store_that_takes_no_files_says_so(kind: Kind) {
    use std::os::unix::fs::PermissionsExt as _;
    let store = Store::pilot(kind);
    let size = store.sogoc().size();
    let at = |place: &std::path::Path| store.sogoc().with(&["--evidence", place.to_str().unwrap()]);
    let command = attaching(&valid(), "so-y-te", "1.1.1");
    // No folder above it; a file where a folder should be; a folder in which incoming files cannot be made.
    let nowhere = store.folder().join("a/b/c");
    let file = store.write("file", "x");
    let full = store.folder().join("full");
    std::fs::create_dir_all(full.join("sha256")).unwrap();
    std::fs::write(full.join("incoming"), "x").unwrap();
    for place in [nowhere, file, full] {
        let refused = at(&place).run(&command).ends(3);
        assert!(refused.stderr.contains(place.to_str().unwrap()), "{}", refused.said());
    }
    let locked = store.folder().join("locked");
    at(&locked).ok(&["evidence", "fsck"]);
    let mode = |mode| {
        for folder in [locked.join("incoming"), locked.join("sha256"), locked.clone()] {
            std::fs::set_permissions(folder, std::fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    mode(0o555);
    // Permissions do not bind the superuser.
    if std::fs::write(locked.join("probe"), "x").is_err() {
        at(&locked).run(&command).ends(3);
    }
    mode(0o755);
    assert_eq!(store.sogoc().size(), size, "no entry without its file");
    let none = sha256("nothing");
    store.sogoc().run(&["evidence", "show", &none]).ends(1);
}
