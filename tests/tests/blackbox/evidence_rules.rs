//! What evidence is worth and whether it counts: anchors, policies, where else it is used, and bundles that carry it.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::binary::{Answer, lines, workspace};
use crate::support::evidence::{
    SIGNER, adopt, also_valid, altered, anchors, attach, attaching_in, blob, digest, erase, fsck, listing, sha256,
    unsigned, valid,
};
use crate::support::stores::{Kind, copy_into};
use crate::support::{Sogoc, Store, hanam, on_both_stores, on_sqlite, pilot, sql};

on_both_stores!(
    a_new_verdict_stands_beside_the_old_one_each_with_its_anchors,
    the_mirror_says_what_was_judged_and_how_often_a_file_is_used,
    a_folder_imported_again_records_nothing_and_brings_nothing_back
);
on_sqlite!(
    a_stranger_gets_the_files_behind_a_figure_as_they_are,
    what_happens_to_a_file_later_leaves_earlier_bundles_right,
    the_same_file_at_two_places_is_shown_to_the_reviewer,
    points_need_evidence_that_counts_where_the_policy_says_so,
    a_digest_that_does_not_fit_the_file_is_refused_with_its_line,
    what_if_judges_a_stored_file_and_records_nothing
);

#[track_caller]
fn judge(sogoc: &Sogoc, season: &str, agency: &str, number: &str, account: &str) -> Answer {
    let reason = "Danh sách chứng thư gốc đã đổi";
    sogoc.with(&["--json"]).run(&[
        "evidence",
        "judge",
        season,
        agency,
        number,
        "--account",
        account,
        "--reason",
        reason,
    ])
}

fn a_new_verdict_stands_beside_the_old_one_each_with_its_anchors(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    sogoc.accepted(&[pilot::declares_all("so-y-te")]);
    let first = attach(&sogoc, &valid(), "so-y-te", "1.1.1");
    let old = &first["evidence"]["verdict"];
    assert_eq!((&old["outcome"], &old["anchors"]), (&json!("indeterminate"), &Value::Null), "no anchors yet");
    let then = first["receipt"]["positions"][0].to_string();
    let trace = |options: &[&str]| sogoc.with(options).json(&["trace", "pilot-2026/so/so-y-te/leaf/1.1.1/self_points"]);
    let (as_of, before) = (["--as-of", &then], trace(&[]));
    assert_eq!(trace(&as_of), before);

    adopt(&sogoc, pilot::SEASON, &anchors()).ends(0);
    // The same anchors again are nothing to do; what is no list of certificates is not adopted.
    adopt(&sogoc, pilot::SEASON, &anchors()).ends(1);
    adopt(&sogoc, pilot::SEASON, &unsigned()).ends(1);
    for account in ["officer-yt", "leader-yt", "inspector"] {
        judge(&sogoc, pilot::SEASON, "so-y-te", "1", account).ends(1);
    }
    let second = judge(&sogoc, pilot::SEASON, "so-y-te", "1", "secretary").ends(0).document();
    let new = &second["evidence"]["verdict"];
    assert_eq!((&new["outcome"], &new["anchors"]), (&json!("valid-but"), &json!(digest(&anchors()))));
    // Other anchors, which do not know the signer: a third.
    let strange = workspace().join("crates/sogoc-evidence/tests/files/anchors.pem");
    adopt(&sogoc, pilot::SEASON, &strange).ends(0);
    let third = judge(&sogoc, pilot::SEASON, "so-y-te", "1", "secretary").ends(0).document();
    assert_ne!(third["evidence"]["verdict"]["outcome"], "valid-but");
    let shown = sogoc.json(&["evidence", "show", &digest(&valid())]);
    let verdicts: Vec<_> =
        shown["entries"].as_array().unwrap().iter().map(|e| e["evidence"]["verdict"].clone()).collect();
    assert_eq!(verdicts, [old.clone(), new.clone(), third["evidence"]["verdict"].clone()]);
    assert_eq!(verdicts[2]["anchors"], digest(&strange));
    // What was shown then is shown as of then, and what it is worth now beside it.
    assert_eq!(trace(&as_of), before);
    assert_eq!(trace(&[])["inputs"].as_array().unwrap().len(), before["inputs"].as_array().unwrap().len() + 2);
    judge(&sogoc, pilot::SEASON, "so-y-te", "9", "secretary").ends(1);
    fsck(&sogoc, 0);
    sogoc.ok(&["log", "verify"]);
}

fn the_mirror_says_what_was_judged_and_how_often_a_file_is_used(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    attach(&sogoc, &valid(), "so-y-te", "1.1.1");
    adopt(&sogoc, pilot::SEASON, &anchors()).ends(0);
    judge(&sogoc, pilot::SEASON, "so-y-te", "1", "secretary").ends(0);
    attach(&sogoc, &valid(), "ly-nhan", "1.1.1");
    attach(&sogoc, &altered(), "so-y-te", "1.2");
    attach(&sogoc, &unsigned(), "so-y-te", "1.3");
    sogoc.ok(&["mirror", "rebuild"]);
    let table = if kind == Kind::Sqlite { "read_evidence" } else { "read.evidence" };
    let columns = "agency, verdict, verdict_reasons, cast(verdicts as text), cast(uses as text), digest, anchors";
    let rows = sql::rows(
        store.url(),
        &format!("select {columns} from {table} where season = 'pilot-2026' order by agency, number"),
    );
    let shown: Vec<Vec<_>> =
        rows.iter().map(|row| row[..5].iter().map(|cell| cell.as_deref().unwrap_or("")).collect()).collect();
    let extended = "extended-after-signing";
    assert_eq!(shown[0], ["ly-nhan", "valid-but", extended, "1", "2"]);
    assert_eq!(shown[1], ["so-y-te", "valid-but", extended, "2", "2"]);
    assert_eq!((shown[2][1], shown[2][3], shown[2][4]), ("invalid", "1", "1"));
    assert!(!shown[2][2].is_empty(), "an invalid signature has its reasons");
    assert_eq!(shown[3], ["so-y-te", "unsigned", "", "1", "1"]);
    assert_eq!(rows[0][5].as_deref(), Some(&*digest(&valid())));
    assert_eq!(rows[0][6].as_deref(), Some(&*digest(&anchors())));
}

fn a_folder_imported_again_records_nothing_and_brings_nothing_back(kind: Kind) {
    let store = Store::demo(kind);
    let sogoc = store.sogoc();
    let import = || sogoc.json(&["season", "import", hanam::folder().to_str().unwrap()]);
    let named = digest(&valid());
    // The demo's register has an instrument of its own.
    let instrument = sogoc.entries(&[]).into_iter().find(|entry| entry["kind"] == "instrument-registered").unwrap();
    let instrument = instrument["stream"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let erase = ["--instrument", &instrument, "--ground-code", "ordered", "--ground", "Theo yêu cầu"];
    let before = sogoc.figures(&[hanam::SEASON]).digest();
    assert_eq!(import()["receipts"]["recorded"], 0);
    sogoc
        .ok(&[&["evidence", "erase", &named, "--account", "acc-so-thong-tin-va-truyen-thong-admin-1"], &erase[..]]
            .concat());
    let size = sogoc.size();
    assert_eq!(import()["receipts"]["recorded"], 0);
    assert_eq!((sogoc.size(), sogoc.figures(&[hanam::SEASON]).digest()), (size, before));
    assert!(!blob(&store, &named).exists(), "what was erased does not come back with the folder");
    assert_eq!(fsck(&sogoc, 0)["whole"], 6);
}

/// A bundle of a figure.
fn bundle(store: &Store, name: &str, arguments: &[&str]) -> PathBuf {
    let file = store.folder().join(name);
    store.sogoc().ok(&[&["proof", "figure"], arguments, &["-o", file.to_str().unwrap()]].concat());
    file
}

/// Verifies on a machine that has nothing of it.
fn verify(store: &Store, file: &Path, to: &Path) -> Answer {
    let vkey = store.sogoc().ok(&["log", "key"]).stdout;
    let words =
        ["--json", "verify", file.to_str().unwrap(), "--log-key", vkey.trim(), "--evidence-to", to.to_str().unwrap()];
    Sogoc::bare().run(&words)
}

fn a_stranger_gets_the_files_behind_a_figure_as_they_are(kind: Kind) {
    let store = Store::demo(kind);
    let points = "hanam-2022/departments/so-xay-dung/leaf/1.5/appraised_points";
    let (whole, to) = (bundle(&store, "whole", &[points, "--with-evidence"]), store.folder().join("files"));
    assert_eq!(verify(&store, &whole, &to).ends(0).document()["verified"], true);
    let minutes = hanam::file("evidence/so-xay-dung/1.5_gt-14_bien-ban-hop-hoi-dong-sang-kien.pdf");
    let expected = [valid(), also_valid(), minutes].map(|file| (to.join(digest(&file)), Some(digest(&file))));
    assert_eq!(listing(&to), expected.into());
    // Without the files it verifies as well, and has none.
    let (plain, none) = (bundle(&store, "plain", &[points]), store.folder().join("none"));
    verify(&store, &plain, &none).ends(0);
    assert_eq!(listing(&none).len(), 0);

    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(&whole).unwrap()).read_to_string(&mut text).unwrap();
    let right: Value = serde_json::from_str(&text).unwrap();
    let content = right["evidence"][0]["content"].as_str().unwrap();
    let flipped = format!("{}{}", if content.starts_with('J') { 'K' } else { 'J' }, &content[1..]);
    let alterations: [&dyn Fn(&mut Value); 6] = [
        &|b| b["evidence"][0]["content"] = flipped.clone().into(),
        &|b| b["evidence"][0]["content"] = "".into(),
        &|b| b["evidence"][0]["content"] = "*".into(),
        &|b| b["evidence"][0]["digest"] = b["evidence"][1]["digest"].clone(),
        // A file that nothing behind the figure names, by its right digest.
        &|b| b["evidence"][0] = json!({"digest": sha256(""), "content": ""}),
        &|b| b["evidence"][0]["digest"] = "../../etc/passwd".into(),
    ];
    for (number, alter) in alterations.iter().enumerate() {
        let mut touched = right.clone();
        alter(&mut touched);
        let (file, to) = (store.write("touched", touched.to_string()), store.folder().join("touched-files"));
        let refused = verify(&store, &file, &to).ends(4).document();
        assert!(refused["fault"]["what"].is_string(), "alteration {number}: {refused}");
        assert!(!to.exists(), "alteration {number}: nothing is written of what is not proved");
    }
    // Left out, the rest still holds: it is what a bundle without the files is.
    let mut without = right.clone();
    without.as_object_mut().unwrap().remove("evidence");
    verify(&store, &store.write("without", without.to_string()), &none).ends(0);
}

fn what_happens_to_a_file_later_leaves_earlier_bundles_right(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    sogoc.accepted(&[pilot::declares_all("so-y-te")]);
    attach(&sogoc, &valid(), "so-y-te", "1.1.1");
    let points = "pilot-2026/so/so-y-te/leaf/1.1.1/self_points";
    let to = store.folder().join("files");
    let early = bundle(&store, "early", &[points, "--with-evidence"]);
    let then = (sogoc.size() - 1).to_string();
    let check = |file: &Path| verify(&store, file, &to).ends(0).document()["value"].clone();
    let value = check(&early);
    // Judged again, used by another agency, withdrawn, erased.
    adopt(&sogoc, pilot::SEASON, &anchors()).ends(0);
    judge(&sogoc, pilot::SEASON, "so-y-te", "1", "secretary").ends(0);
    attach(&sogoc, &valid(), "ly-nhan", "1.1.1");
    let withdraw = json!({"agency": "so-y-te", "number": 1, "reason": "Gửi nhầm"});
    for step in 0..3 {
        match step {
            1 => drop(sogoc.accepted(&[pilot::by("officer-yt", "withdraw-evidence", &withdraw)])),
            2 => drop(erase(&sogoc, &digest(&valid()), "admin").ends(0)),
            _ => {}
        }
        assert_eq!(check(&early), value);
        for arguments in
            [&[points][..], &[points, "--with-evidence"], &[points, "--with-texts"], &[points, "--as-of", &then]]
        {
            assert_eq!(check(&bundle(&store, "late", arguments)), value, "{step}: {arguments:?}");
        }
    }
}

fn the_same_file_at_two_places_is_shown_to_the_reviewer(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    for agency in ["so-y-te", "ly-nhan"] {
        sogoc.accepted(&[pilot::declares_all(agency)]);
    }
    attach(&sogoc, &valid(), "so-y-te", "1.1.1");
    attach(&sogoc, &valid(), "so-y-te", "2.2");
    attach(&sogoc, &valid(), "ly-nhan", "1.2");
    attach(&sogoc, &unsigned(), "ly-nhan", "1.2");
    let place = |agency: &str, leaf: &str, number: u32| json!({"season": "pilot-2026", "agency": agency, "leaf": leaf, "number": number});
    let trace = sogoc.json(&["trace", "pilot-2026/so/so-y-te/leaf/1.1.1/self_points"]);
    let also = trace["inputs"].as_array().unwrap().iter().find_map(|entry| entry["evidence"].get("also")).unwrap();
    assert_eq!(*also, json!([place("so-y-te", "2.2", 2), place("ly-nhan", "1.2", 1)]));
    let said = sogoc.ok(&["trace", "pilot-2026/huyen/ly-nhan/leaf/1.2/self_points"]).stdout;
    assert!(said.contains("so-y-te") && said.contains("1.1.1"), "{said}");
    let listed = sogoc.json(&["evidence", "list", pilot::SEASON, "--agency", "ly-nhan"]);
    assert_eq!(listed[0]["also"].as_array().unwrap().len(), 2);
    assert!(listed[1].get("also").is_none(), "a file that is used once: {}", listed[1]);
}

fn points_need_evidence_that_counts_where_the_policy_says_so(kind: Kind) {
    const STRICT: &str = "pilot-2027";
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    sogoc.accepted(&pilot::season_with_evidence(
        STRICT,
        &json!({"media": ["pdf"], "bytes_max": 60_000, "active_content": "refuse", "invalid": "does_not_count",
            "indeterminate": "does_not_count", "signed_by": "agency"}),
    ));
    let does = |command: &Value| pilot::in_season(STRICT, command);
    let put = |file: &Path, leaf: &str| {
        sogoc.with(&["--json"]).ok(&attaching_in(STRICT, file, "so-y-te", leaf)).document()["evidence"].clone()
    };
    sogoc.accepted(&[does(&pilot::declares_all("so-y-te"))]);
    assert_eq!(put(&valid(), "1.1.2")["does_not_count"], "indeterminate");
    adopt(&sogoc, STRICT, &anchors()).ends(0);
    assert_eq!(put(&altered(), "1.1.3")["does_not_count"], "invalid");
    assert_eq!(put(&unsigned(), "1.2")["does_not_count"], "unsigned");
    assert_eq!(put(&valid(), "1.3")["does_not_count"], "signer");
    sogoc.accepted(&[does(&pilot::submits("so-y-te"))]);
    let accept = |leaf: &str| {
        let fields = json!({"agency": "so-y-te", "leaf": leaf, "season": STRICT});
        pilot::by(pilot::reviewer("so-y-te", leaf), "accept-score", &fields)
    };
    let rules = [
        ("1.1.1", "no file"),
        ("1.1.2", "1: indeterminate"),
        ("1.1.3", "2: invalid"),
        ("1.2", "3: unsigned"),
        ("1.3", "4: signer"),
    ];
    for (leaf, rule) in rules {
        let refusal = sogoc.refused(&accept(leaf));
        assert_eq!(refusal["code"], "evidence-does-not-count", "{leaf}: {refusal}");
        assert!(refusal["rules"].as_str().unwrap().contains(rule), "{leaf}: {refusal}");
        assert!(!refusal["remedy"].as_str().unwrap().is_empty(), "{refusal}");
    }
    // A leaf that demands none; and no points need no evidence.
    sogoc.accepted(&[accept("2.1"), does(&pilot::adjusts("reviewer-nv", "so-y-te", "1.1.1", "0", "evidence_missing"))]);
    let more = does(&pilot::adjusts("reviewer-nv", "so-y-te", "1.2", "1", "data_mismatch"));
    assert_eq!(sogoc.refused(&more)["code"], "evidence-does-not-count", "points by another way");
    // Who signed is registered for the agency: what was judged before stays, what is judged now counts.
    let signer = json!({"agency": "so-y-te", "certificate": SIGNER, "capacity": "agency"});
    sogoc.accepted(&[pilot::by("admin", "register-signer", &signer)]);
    assert_eq!(sogoc.refused(&accept("1.3"))["code"], "evidence-does-not-count");
    for number in ["1", "4"] {
        let judged = judge(&sogoc, STRICT, "so-y-te", number, "secretary").ends(0).document();
        assert_eq!(judged["evidence"]["verdict"]["signatures"][0]["signed_for"], "agency", "{judged}");
    }
    sogoc.accepted(&[accept("1.3"), accept("1.1.2")]);
}

fn a_digest_that_does_not_fit_the_file_is_refused_with_its_line(kind: Kind) {
    let store = Store::empty(kind);
    let folder = store.folder().join("season");
    copy_into(&hanam::folder(), &folder);
    let table = std::fs::read_to_string(folder.join("evidence.csv")).unwrap();
    let (right, wrong) = (digest(&altered()), sha256("another"));
    let line = table.lines().position(|line| line.ends_with(&right)).unwrap() + 1;
    std::fs::write(folder.join("evidence.csv"), table.replace(&right, &wrong)).unwrap();
    let refused = store.sogoc().run(&["season", "import", folder.to_str().unwrap()]).ends(1);
    for words in ["evidence.csv", &line.to_string(), "sha256", &right] {
        assert!(refused.stderr.contains(words), "{words}: {}", refused.said());
    }
    assert!(!store.file().exists() || store.sogoc().size() == 0);
}

fn what_if_judges_a_stored_file_and_records_nothing(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    let named = sogoc.ok(&["evidence", "put", valid().to_str().unwrap()]).stdout[..64].to_owned();
    let command = |digest: &str| {
        let fields = json!({"agency": "so-y-te", "leaf": "1.1.1", "digest": digest, "name": "x.pdf", "media": "pdf",
            "signature": "not-judged", "purpose": "submitted"});
        pilot::by("officer-yt", "attach-evidence", &fields)
    };
    let (head, files) = (sogoc.head(), listing(&store.evidence()));
    let asked =
        |digest: &str| sogoc.with(&["--json"]).run_with(&["what-if", "-"], lines(&[command(digest)]).as_bytes());
    asked(&named).ends(0);
    let refused = asked(&sha256("nowhere")).ends(1).document();
    assert!(refused.to_string().contains("evidence-not-stored"), "{refused}");
    assert_eq!((sogoc.head(), listing(&store.evidence())), (head, files));
    let receipt = &sogoc.accepted(&[command(&named)])[0];
    assert_eq!(sogoc.json(&["evidence", "show", &named])["entries"][0]["position"], receipt["positions"][0]);
}
