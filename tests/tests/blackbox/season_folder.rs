//! `sogoc season import DIR`: a folder in the documented format, once, completely, and never half.

use std::path::{Path, PathBuf};

use crate::support::hanam::{SEASON, folder};
use crate::support::stores::{Kind, copy_into};
use crate::support::{Sogoc, Store, on_both_stores, on_sqlite, sql};

on_both_stores!(
    a_folder_gives_what_the_demo_gives,
    an_import_that_was_killed_is_completed_without_doubling,
    another_season_in_the_format_goes_in_as_well
);
on_sqlite!(
    a_corrected_file_is_refused_visibly,
    a_folder_with_a_fault_makes_no_store,
    line_ends_and_byte_order_marks_do_not_matter,
    the_importer_bypasses_no_rule_for_the_council_s_own_agencies
);

/// Three offices of a ministry: no letters, one factor, one decimal, half-even, dense ranks, an appeal that moves ranks.
fn another_season_in_the_format_goes_in_as_well(kind: Kind) {
    let fixture = crate::support::binary::workspace().join("tests/tests/blackbox/fixtures/bo-2023");
    let (alone, beside) = (Store::empty(kind), Store::demo(kind));
    let of_hanam = beside.sogoc().figures(&[SEASON]).digest();
    for store in [&alone, &beside] {
        let sogoc = store.sogoc();
        let counts = import(&sogoc, &fixture);
        assert_eq!(counts["failures"], serde_json::json!([]), "{counts}");
        let claims = fixture.join("claims.csv");
        sogoc.ok(&["reconcile", "bo-2023", claims.to_str().unwrap(), "--strict"]);
        let rows = |options: &[&str]| -> Vec<_> {
            let ranking = sogoc.with(options).json(&["ranking", "bo-2023", "cuc"]);
            let row = |r: &serde_json::Value| {
                let text = |column: &str| r[column].as_str().unwrap().to_owned();
                (r["rank"].as_u64().unwrap(), text("agency"), text("index_display"), text("class"))
            };
            ranking.as_array().unwrap().iter().map(row).collect()
        };
        let row = |rank, agency: &str, index: &str, class: &str| {
            (rank, agency.to_owned(), index.to_owned(), class.to_owned())
        };
        let (a, c) = (row(1, "cuc-a", "86.0", "good"), row(2, "cuc-c", "33.5", "weak"));
        assert_eq!(rows(&[]), [a.clone(), row(1, "cuc-b", "86.0", "good"), c]);
        let before = rows(&["--as-of-occurred", "2023-12-11T00:00:00+07:00"]);
        assert_eq!(before, [a, row(2, "cuc-b", "66.0", "good"), row(3, "cuc-c", "33.5", "weak")]);
        assert_eq!(import(&sogoc, &fixture)["receipts"]["recorded"], 0);
        sogoc.ok(&["log", "verify"]);
    }
    assert_eq!(beside.sogoc().figures(&[SEASON]).digest(), of_hanam, "one season moves no figure of another");
    assert_eq!(alone.sogoc().figures(&["bo-2023"]).digest(), beside.sogoc().figures(&["bo-2023"]).digest());
}

/// A copy of the data set that a test may change.
fn copied(store: &Store) -> PathBuf {
    let copy = store.folder().join("season");
    copy_into(&folder(), &copy);
    copy
}

fn change(folder: &Path, file: &str, from: &str, to: &str) {
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{file} has no {from:?}");
    std::fs::write(path, text.replacen(from, to, 1)).unwrap();
}

fn import(sogoc: &Sogoc, folder: &Path) -> serde_json::Value {
    sogoc.json(&["season", "import", folder.to_str().unwrap()])
}

fn a_folder_gives_what_the_demo_gives(kind: Kind) {
    let demo = Store::demo(kind);
    let store = Store::empty(kind);
    let counts = import(&store.sogoc(), &folder());
    assert_eq!(counts["head"]["size"], demo.sogoc().size());
    assert!(counts["receipts"]["recorded"].as_u64() > Some(4_000), "{counts}");
    assert_eq!(counts["receipts"]["repeated"], 0);
    assert_eq!(counts["failures"], serde_json::json!([]));
    let (figures, of_demo) = (store.sogoc().figures(&[SEASON]), demo.sogoc().figures(&[SEASON]));
    assert_eq!(figures.digest(), of_demo.digest());
    // The salts of sealed texts are random: the same import elsewhere has another root.
    assert_ne!(counts["head"]["root"], demo.sogoc().head()["root"]);
    let again = import(&store.sogoc(), &folder());
    assert_eq!(again["receipts"]["recorded"], 0);
    assert_eq!(again["receipts"]["entries"], 0);
    assert_eq!(again["head"], counts["head"]);
    // The folder of the demo and the folder on disk are one season.
    let into_demo = import(&demo.sogoc(), &folder());
    assert_eq!(into_demo["receipts"]["recorded"], 0, "{into_demo}");
}

fn an_import_that_was_killed_is_completed_without_doubling(kind: Kind) {
    let whole = Store::demo(kind);
    let size = whole.sogoc().size();
    let digest = whole.sogoc().figures(&[SEASON]).digest();
    let folder = folder();
    for at_least in [1, size / 2, size - 200] {
        let store = Store::empty(kind);
        let sogoc = store.sogoc();
        let mut child = sogoc.spawn(&["season", "import", folder.to_str().unwrap()]);
        // Looked at from outside, without waiting for a time: what is seen is committed.
        let mut seen = 0;
        while seen < at_least && child.try_wait().unwrap().is_none() {
            seen = committed(store.url());
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let survived = sogoc.size();
        assert!(survived >= seen, "{seen} entries were committed, {survived} are left");
        sogoc.ok(&["log", "verify"]);
        let counts = import(&sogoc, &folder);
        assert_eq!(counts["head"]["size"], size, "killed at {survived} of {size}: {counts}");
        assert_eq!(counts["receipts"]["entries"].as_u64(), Some(size - survived));
        assert_eq!(sogoc.figures(&[SEASON]).digest(), digest, "killed at {survived}");
        let once =
            "select cast(count(*) - count(distinct cast(command as text) || '/' || command_index) as text) from entry";
        assert_eq!(store.cell(once), "0", "a command stands twice");
    }
}

/// Entries that are committed; none while there is no table.
fn committed(url: &str) -> u64 {
    let rows = sql::try_rows(url, "select cast(size as text) from head").unwrap_or_default();
    rows.first().and_then(|row| row[0].as_ref()).map_or(0, |size| size.parse().unwrap())
}

fn a_corrected_file_is_refused_visibly(kind: Kind) {
    let store = Store::demo(kind);
    let sogoc = store.sogoc();
    let head = sogoc.head();
    let digest = sogoc.figures(&[SEASON]).digest();
    let changed = copied(&store);
    // A declared figure, and the words of a decision.
    for (file, from, to) in [
        (
            "scores.csv",
            "so-thong-tin-va-truyen-thong,1.1.3,32,32,1.50,1.50,,,32,32,1.50,32,32,",
            "so-thong-tin-va-truyen-thong,1.1.3,33,33,1.50,1.50,,,33,33,1.50,33,33,",
        ),
        ("explanations_and_appeals.csv", "nâng một mức.", "nâng một bậc."),
    ] {
        let original = std::fs::read(changed.join(file)).unwrap();
        let text = String::from_utf8(original.clone()).unwrap();
        let line =
            text.lines().position(|line| line.contains(from)).unwrap_or_else(|| panic!("{file} has no {from}")) + 1;
        change(&changed, file, from, to);
        let answer = sogoc.run(&["season", "import", changed.to_str().unwrap()]).ends(1);
        let said = answer.said();
        assert!(said.contains(file) && said.contains(&line.to_string()), "the place is named: {said}");
        assert_eq!(sogoc.figures(&[SEASON]).digest(), digest, "a corrected file is not doubled");
        assert_eq!(sogoc.size(), head["size"].as_u64().unwrap(), "nothing of it was recorded");
        std::fs::write(changed.join(file), original).unwrap();
    }
    sogoc.ok(&["log", "verify"]);
}

fn a_folder_with_a_fault_makes_no_store(kind: Kind) {
    for (file, from, to, named) in [
        ("scores.csv", "so-noi-vu,1.1.1,", "so-khong-co,1.1.1,", "scores.csv"),
        ("scores.csv", "so-noi-vu,1.1.1,", "so-noi-vu,9.9.9,", "9.9.9"),
        ("agencies.csv", "so-tai-chinh,", "so-noi-vu,", "agencies.csv"),
        ("criteria-departments.json", "\"max_points\"", "\"max_pionts\"", "criteria-departments.json"),
        ("season.json", "\"id\": \"hanam-2022\"", "\"id\": \"Hà Nam\"", "season.json"),
        ("survey.csv", "9.89", "NaN", "survey.csv"),
        ("accounts.csv", "agency_officer", "agency_emperor", "accounts.csv"),
    ] {
        let store = Store::empty(kind);
        let broken = copied(&store);
        change(&broken, file, from, to);
        let answer = store.sogoc().run(&["season", "import", broken.to_str().unwrap()]).ends(1);
        assert!(answer.stderr.contains(named), "{file} {to}: {}", answer.stderr);
        assert!(!store.file().exists() || store.sogoc().size() == 0, "{file} {to}: something was recorded");
    }
    let store = Store::empty(kind);
    let broken = copied(&store);
    std::fs::remove_file(broken.join("accounts.csv")).unwrap();
    let answer = store.sogoc().run(&["season", "import", broken.to_str().unwrap()]).ends(1);
    assert!(answer.stderr.contains("accounts.csv"), "{}", answer.stderr);
    store.sogoc().run(&["season", "import", "/nowhere"]).ends(1);
    assert!(!store.file().exists(), "a folder that cannot be read makes no store");
}

fn line_ends_and_byte_order_marks_do_not_matter(kind: Kind) {
    let demo = Store::demo(kind);
    let store = Store::empty(kind);
    let other = copied(&store);
    for file in ["scores.csv", "agencies.csv", "survey.csv", "explanations_and_appeals.csv", "accounts.csv"] {
        let text = std::fs::read_to_string(other.join(file)).unwrap();
        std::fs::write(other.join(file), format!("\u{feff}{}", text.replace('\n', "\r\n"))).unwrap();
    }
    let counts = import(&demo.sogoc(), &other);
    assert_eq!(counts["receipts"]["recorded"], 0, "the same rows are the same commands: {counts}");
}

fn the_importer_bypasses_no_rule_for_the_council_s_own_agencies(kind: Kind) {
    let store = Store::demo(kind);
    let sogoc = store.sogoc();
    let council = [
        "so-noi-vu",
        "so-tu-phap",
        "van-phong-ubnd-tinh",
        "so-tai-chinh",
        "so-thong-tin-va-truyen-thong",
        "so-khoa-hoc-va-cong-nghe",
    ];
    let mut decided = 0;
    for agency in council {
        for entry in sogoc.entries(&["--stream", &format!("scorecard/{SEASON}/{agency}")]) {
            let role = entry["actor"]["role"].as_str().unwrap_or_default();
            if ["reviewer", "confirmer", "council-member"].contains(&role) {
                decided += 1;
                assert_ne!(entry["actor"]["agency"], agency, "{entry}");
            }
            let appraisal = ["score-accepted", "score-adjusted", "score-upheld", "leaves-confirmed"];
            if appraisal.contains(&entry["kind"].as_str().unwrap()) {
                assert_ne!(entry["actor"]["agency"], agency, "its own people decided: {entry}");
            }
        }
    }
    assert!(decided > 300, "{decided} decisions on council agencies");
    // What the importer made up is marked, and everything says that it was imported.
    let entries = sogoc.entries(&["--from", "1000", "--limit", "500"]);
    for entry in &entries {
        assert!(entry["correlation"].as_str().is_some_and(|c| c.starts_with("import:hanam-2022")), "{entry}");
        assert!(entry["occurred"].is_string(), "{entry}");
    }
    assert!(entries.iter().any(|entry| entry["correlation"].as_str().unwrap().ends_with("derived")));
}
