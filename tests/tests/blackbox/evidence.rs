//! Evidence files: stored before they are named, judged once, given out on record, and gone only by an erasure.

use serde_json::{Value, json};

use crate::support::evidence::{
    adopt, altered, anchors, answer, attach, attaching, blob, digest, entries_of, erase, fsck, listing, unsigned, valid,
};
use crate::support::{Store, on_both_stores, pilot, stores::Kind};

on_both_stores!(
    an_attached_file_is_judged_once_and_shown_with_its_verdict,
    the_demo_s_deduction_shows_its_evidence_signer_and_verdict,
    a_file_attached_again_is_answered_with_the_first_receipt,
    a_file_is_given_to_who_may_read_it_and_that_is_recorded,
    an_erased_file_is_gone_and_its_digest_and_verdicts_stay
);

/// Figures of the pilot season.
fn figures(store: &Store) -> String {
    store.sogoc().figures(&[pilot::SEASON]).digest()
}

fn an_attached_file_is_judged_once_and_shown_with_its_verdict(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    adopt(&sogoc, pilot::SEASON, &anchors()).ends(0);
    sogoc.accepted(&[pilot::declares_all("so-y-te")]);
    for (file, leaf, outcome) in
        [(valid(), "1.1.1", "valid-but"), (altered(), "1.2", "invalid"), (unsigned(), "1.3", "unsigned")]
    {
        let receipt = attach(&sogoc, &file, "so-y-te", leaf);
        let named = digest(&file);
        assert_eq!(digest(&blob(&store, &named)), named, "the stored bytes are the file's");
        let told = &receipt["evidence"];
        assert_eq!((&told["digest"], &told["verdict"]["outcome"]), (&json!(named), &json!(outcome)), "{receipt}");
        assert_eq!(told["bytes"], std::fs::metadata(&file).unwrap().len());
        assert_eq!(told["verdict"]["anchors"], digest(&anchors()));
        // The entry has the verdict, and nobody's name.
        let position = receipt["receipt"]["positions"][0].to_string();
        let entry = &sogoc.entries(&["--from", &position, "--limit", "1"])[0];
        assert_eq!(entry["data"]["evidence"]["examined"]["verdict"]["outcome"], outcome, "{entry}");
        assert!(!entry.to_string().contains("TEST"), "the signer is sealed: {entry}");
        let shown = sogoc.json(&["evidence", "show", &named]);
        assert_eq!(shown["entries"][0]["evidence"], *told);
        let trace = sogoc.json(&["trace", &format!("pilot-2026/so/so-y-te/leaf/{leaf}/self_points")]);
        let inputs = trace["inputs"].as_array().unwrap();
        assert!(inputs.iter().any(|entry| entry["evidence"] == *told), "{trace:#}");
    }
    let listed = sogoc.json(&["evidence", "list", pilot::SEASON, "--agency", "so-y-te"]);
    let outcomes: Vec<_> = listed.as_array().unwrap().iter().map(|row| &row["verdict"]["outcome"]).collect();
    assert_eq!(outcomes, ["valid-but", "invalid", "unsigned"]);
    let signer = listed[0]["verdict"]["signatures"][0]["signer"].as_str().unwrap();
    assert!(signer.contains("Sở Xây dựng (TEST)"), "{signer}");
    let history = sogoc.ok(&["history", pilot::SEASON, "so-y-te", "1.1.1"]).stdout;
    for words in ["1.5_quyet-dinh-cong-nhan", "valid signature", "Sở Xây dựng (TEST)", &digest(&valid())[..12]] {
        assert!(history.contains(words), "{words}: {history}");
    }
    let well = fsck(&sogoc, 0);
    assert_eq!((&well["well"], &well["whole"], &well["unreferenced"]), (&json!(true), &json!(4), &json!([])));
    sogoc.ok(&["log", "verify"]);
}

fn the_demo_s_deduction_shows_its_evidence_signer_and_verdict(kind: Kind) {
    let store = Store::demo(kind);
    let sogoc = store.sogoc();
    let trace = sogoc.ok(&["trace", "hanam-2022/departments/so-xay-dung/leaf/1.5/appraised_points"]).stdout;
    for words in
        ["1.5 → 1", "evidence_insufficient", "Sở Xây dựng (TEST)", "valid signature", "unsigned", &digest(&valid())]
    {
        assert!(trace.contains(words), "{words}: {trace}");
    }
    let vi =
        sogoc.ok(&["--lang", "vi", "trace", "hanam-2022/departments/so-xay-dung/leaf/1.5/appraised_points"]).stdout;
    assert!(vi.contains("chữ ký hợp lệ") && vi.contains("tài liệu"), "{vi}");
    let listed = sogoc.json(&["evidence", "list", "hanam-2022"]);
    let outcome = |file: &std::path::Path| {
        let named = digest(file);
        let row = listed.as_array().unwrap().iter().find(|row| row["digest"] == named);
        row.unwrap_or_else(|| panic!("{named} is not listed"))["verdict"]["outcome"].clone()
    };
    assert_eq!([outcome(&valid()), outcome(&altered()), outcome(&unsigned())], ["valid-but", "invalid", "unsigned"]);
    assert_eq!(fsck(&sogoc, 0)["whole"], 7, "six files and the anchors");
}

fn a_file_attached_again_is_answered_with_the_first_receipt(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    let first = attach(&sogoc, &valid(), "so-y-te", "1.1.1");
    let size = sogoc.size();
    let again = attach(&sogoc, &valid(), "so-y-te", "1.1.1");
    assert_eq!((answer(&again), &again["evidence"]), (answer(&first), &first["evidence"]));
    // The leaf's id is its code's leaf, and that has the file already.
    let by_id = sogoc.with(&["--json"]).run(&attaching(&valid(), "so-y-te", "l-1-1-1")).ends(1).document();
    assert_eq!(by_id["refusal"]["code"], "already-exists", "{by_id}");
    assert_eq!(sogoc.size(), size);
    erase(&sogoc, &digest(&valid()), "admin").ends(0);
    let again = attach(&sogoc, &valid(), "so-y-te", "1.1.1");
    assert_eq!(answer(&again), answer(&first));
    assert_eq!(again["evidence"]["file_erased"], true, "{again}");
    assert_eq!(sogoc.size(), size + 1, "the erasure and nothing else");
    assert!(!blob(&store, &digest(&valid())).exists(), "what was erased does not come back");
    fsck(&sogoc, 0);
}

fn a_file_is_given_to_who_may_read_it_and_that_is_recorded(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    attach(&sogoc, &valid(), "so-y-te", "1.1.1");
    let to = store.folder().join("out.pdf");
    let get = |account: &str, number: &str| {
        let to = to.to_str().unwrap();
        sogoc.with(&["--json"]).run(&[
            "evidence",
            "get",
            pilot::SEASON,
            "so-y-te",
            number,
            "--account",
            account,
            "-o",
            to,
        ])
    };
    let downloads = |account: &str| entries_of(&sogoc, &format!("downloads/{account}"), "evidence-downloaded");
    // Before the scorecard is submitted it is the agency's own affair, and the inspector's.
    for account in ["officer-ln", "reviewer-nv", "secretary", "operator", "idle", "nobody"] {
        get(account, "1").ends(1);
        assert!(!to.exists(), "{account} was given it");
        assert_eq!(downloads(account), Vec::<Value>::new());
    }
    assert_eq!(get("officer-yt", "2").ends(1).document()["refusal"]["code"], "unknown");
    for account in ["officer-yt", "inspector"] {
        get(account, "1").ends(0);
        assert_eq!(digest(&to), digest(&valid()), "the file's bytes");
        std::fs::remove_file(&to).unwrap();
        let entries = downloads(account);
        assert_eq!(entries.len(), 1, "{account}");
        assert_eq!(entries[0]["data"]["digest"], digest(&valid()));
    }
    sogoc.accepted(&[pilot::declares_all("so-y-te"), pilot::submits("so-y-te")]);
    for account in ["reviewer-nv", "secretary"] {
        get(account, "1").ends(0);
        assert_eq!(downloads(account).len(), 1);
    }
    // Each time is recorded; an altered file is not handed out as what it was.
    get("reviewer-nv", "1").ends(0);
    assert_eq!(downloads("reviewer-nv").len(), 2);
    std::fs::remove_file(&to).unwrap();
    let stored = blob(&store, &digest(&valid()));
    std::fs::remove_file(&stored).unwrap();
    std::fs::copy(altered(), &stored).unwrap();
    get("reviewer-nv", "1").ends(4);
    assert!(!to.exists());
    let left = listing(store.folder()).into_keys().filter(|path| path.extension().is_some_and(|e| e == "part")).count();
    assert_eq!(left, 0, "nothing half is left behind");
}

fn an_erased_file_is_gone_and_its_digest_and_verdicts_stay(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    adopt(&sogoc, pilot::SEASON, &anchors()).ends(0);
    sogoc.accepted(&[pilot::declares_all("so-y-te")]);
    let told = attach(&sogoc, &valid(), "so-y-te", "1.1.1")["evidence"].clone();
    let (named, before) = (digest(&valid()), figures(&store));
    // Not without an instrument that is registered, and not by the agency or who has no part in it.
    let arguments = ["--account", "admin", "--instrument", "qd-404", "--ground-code", "ordered", "--ground", "x"];
    sogoc.run(&[&["evidence", "erase", &named], &arguments[..]].concat()).ends(1);
    let bare = json!({"digest": named, "ground_code": "ordered", "ground": "x"});
    assert_eq!(sogoc.refused(&pilot::by("admin", "erase-evidence", &bare))["code"], "instrument-required");
    for account in ["officer-yt", "leader-yt", "inspector", "idle"] {
        erase(&sogoc, &named, account).ends(1);
    }
    erase(&sogoc, &digest(&altered()), "admin").ends(1);
    assert!(blob(&store, &named).exists());
    erase(&sogoc, &named, "admin").ends(0);
    assert!(!blob(&store, &named).exists());

    let shown = sogoc.json(&["evidence", "show", &named]);
    assert_eq!((&shown["erased_by"], &shown["stored"]), (&json!(pilot::DECISION), &Value::Null));
    let still = &shown["entries"][0]["evidence"];
    assert_eq!((&still["digest"], &still["verdict"]), (&told["digest"], &told["verdict"]));
    assert_eq!(still["file_erased"], true);
    assert_eq!(figures(&store), before);
    // The same bytes do not come back: not by the agency, not by another, not by themselves.
    for (agency, leaf) in [("so-y-te", "2.2"), ("ly-nhan", "1.1.1")] {
        let refused = sogoc.with(&["--json"]).run(&attaching(&valid(), agency, leaf)).ends(1).document();
        assert_eq!(
            (&refused["refusal"]["code"], &refused["refusal"]["instrument"]),
            (&json!("evidence-erased"), &json!(pilot::DECISION))
        );
    }
    let put = sogoc.run(&["evidence", "put", valid().to_str().unwrap()]).ends(1);
    assert!(put.stderr.contains(pilot::DECISION) && put.stderr.contains("erased"), "{}", put.said());
    assert!(!blob(&store, &named).exists());
    let to = store.folder().join("out");
    for command in [
        &["evidence", "get", pilot::SEASON, "so-y-te", "1", "--account", "officer-yt", "-o", to.to_str().unwrap()][..],
        &["evidence", "judge", pilot::SEASON, "so-y-te", "1", "--account", "secretary", "--reason", "Xem lại"],
    ] {
        let refused = sogoc.with(&["--json"]).run(command).ends(1).document();
        assert_eq!(refused["refusal"]["code"], "evidence-erased", "{refused}");
    }
    assert!(!to.exists());
    fsck(&sogoc, 0);
    sogoc.ok(&["log", "verify"]);
}
