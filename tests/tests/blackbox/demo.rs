//! `sogoc demo`: the season in the binary, told to somebody who sees it for the first time.

use serde_json::json;

use crate::support::hanam::{GROUPS, printed_rows};
use crate::support::{Sogoc, Store, on_both_stores, on_sqlite, pilot::by, stores::Kind};

on_both_stores!(
    the_demo_tells_the_whole_story_once_and_records_it_once,
    the_live_sample_is_recorded_once_and_then_says_what_is_there
);
on_sqlite!(
    the_live_sample_and_the_demo_fit_into_one_register_whichever_is_there_first,
    the_live_sample_gives_back_no_role_that_was_revoked_since,
    a_register_that_others_founded_takes_no_sample
);

fn the_demo_tells_the_whole_story_once_and_records_it_once(kind: Kind) {
    let store = Store::empty(kind);
    let sogoc = store.sogoc();
    let first = sogoc.ok(&["demo"]);
    let text = &first.stdout;

    for ((group, agency), row) in printed_rows() {
        assert!(has_printed_row(text, &row), "{group}/{agency} {row:?} is no line of the tables:\n{text}");
    }
    for mean in ["89.60", "90.70"] {
        assert!(text.contains(mean), "the mean {mean} is not shown");
    }
    // One trace, down to entries: the most talked-of account of an entry is whoever scored it.
    assert!(text.contains("hanam-2022/departments/so-noi-vu/index"), "no trace is shown:\n{text}");
    assert!(text.contains("acc-"), "the trace names nobody who did it:\n{text}");
    // The reconciliation with the report and its two slips.
    assert!(
        text.contains("departments/domain/3/at_max_of") && text.contains("districts/mean_index_direction"),
        "{text}"
    );
    // Where the register lies, and what to try next.
    let place = if kind == Kind::Sqlite { store.file().display().to_string() } else { "postgres".to_owned() };
    assert!(first.said().contains(&place), "where the register lies is not said:\n{text}");
    for next in ["sogoc ranking", "sogoc trace"] {
        assert!(text.contains(next), "what to try next lacks {next}:\n{text}");
    }
    assert!(!first.said().contains("blackbox:"), "a password is shown");

    let head = sogoc.head();
    let second = sogoc.ok(&["demo"]);
    assert_eq!(sogoc.head(), head, "a second demo recorded something");
    assert!(second.said().contains("Nothing new was recorded"), "{}", second.said());
    assert!(has_printed_row(&second.stdout, &printed_rows()[&("districts".to_owned(), "ly-nhan".to_owned())]));

    let counts = sogoc.json(&["demo"]);
    assert_eq!(counts["receipts"]["recorded"], 0, "{counts}");
    assert_eq!(counts["head"]["size"], head["size"]);
    assert_eq!(counts["head"]["root"], head["root"]);
    assert_eq!(sogoc.head(), head);
}

/// True where one line of the text shows rank, points, maximum and index of a printed row, in this order.
fn has_printed_row(text: &str, row: &std::collections::BTreeMap<String, String>) -> bool {
    let survey = &row["survey_points"];
    let survey = if survey == "not_applicable" { "–" } else { survey };
    let wanted = [&row["appraised_points"], survey, &row["total_points"], &row["index"]];
    text.lines().any(|line| {
        let cells: Vec<_> = line.split_whitespace().filter(|cell| *cell != "│").collect();
        let mut rest = cells.iter();
        cells.contains(&row["rank"].as_str()) && wanted.iter().all(|wanted| rest.any(|cell| cell == wanted))
    })
}

#[test]
fn the_demo_speaks_vietnamese_where_asked() {
    let store = Store::demo(Kind::Sqlite);
    let answer = store.sogoc().with(&["--lang", "vi"]).ok(&["demo"]);
    for word in ["Xuất sắc", "Không ghi gì thêm", "Sở Nội vụ"] {
        assert!(answer.said().contains(word), "{word}: {}", answer.said());
    }
    // The environment's language counts where none is asked for.
    let mut command = store.sogoc().command(&["ranking", "hanam-2022", "districts"]);
    let output = command.env("LANG", "vi_VN.UTF-8").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("Lý Nhân") && text.contains("Xuất sắc"), "{text}");
}

#[test]
fn the_demo_needs_nothing_and_puts_its_register_where_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let output = Sogoc::bare().command(&["--json", "demo"]).current_dir(folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(
        folder.path().join("sogoc-data/register.db").is_file(),
        "the default store is sqlite:sogoc-data/register.db"
    );
    let mut command = Sogoc::bare().command(&["--json", "ranking", "hanam-2022"]);
    let output =
        command.env("SOGOC_STORE", "sqlite:sogoc-data/register.db").current_dir(folder.path()).output().unwrap();
    let rows: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let expected: usize = GROUPS.iter().map(|(_, agencies)| agencies).sum();
    assert_eq!(rows.as_array().unwrap().len(), expected);
}

fn the_live_sample_is_recorded_once_and_then_says_what_is_there(kind: Kind) {
    let store = Store::empty(kind);
    let sogoc = store.sogoc();
    let first = sogoc.ok(&["demo", "--live"]);
    for said in ["SAMPLE DATA", "Department of Health", "82.80", "sogoc account token", "decide-appeal"] {
        assert!(first.stdout.contains(said), "{said}: {}", first.stdout);
    }
    let head = sogoc.head();
    let again = sogoc.with(&["--lang", "vi"]).ok(&["demo", "--live"]);
    for said in ["Không ghi gì thêm", "DỮ LIỆU MẪU", "Sở Y tế", "82.80", "sogoc account token", "decide-appeal"]
    {
        assert!(again.stdout.contains(said), "{said}: {}", again.stdout);
    }
    let counts = sogoc.json(&["demo", "--live"]);
    assert_eq!((&counts["receipts"]["recorded"], &counts["season"]), (&0.into(), &"pilot-2026".into()), "{counts}");
    assert_eq!(sogoc.head(), head, "it was recorded again");
    let shown = sogoc.json(&["season", "show", "pilot-2026"]);
    assert_eq!((shown["mode"].as_str(), shown["announcements"].as_u64()), (Some("live"), Some(1)));
    let (at, until) = (head["at"].as_str(), counts["appeals_until"].as_str());
    assert!(at < until && until < counts["decisions_until"].as_str(), "appeals are not open: {head} {counts}");
}

fn the_live_sample_and_the_demo_fit_into_one_register_whichever_is_there_first(kind: Kind) {
    for order in [[&["demo"][..], &["demo", "--live"]], [&["demo", "--live"], &["demo"]]] {
        let store = Store::empty(kind);
        let sogoc = store.sogoc();
        let recorded = |arguments| sogoc.json(arguments)["receipts"]["recorded"].clone();
        assert!(order.map(recorded).iter().all(|recorded| *recorded != 0));
        let head = sogoc.head();
        assert_eq!(order.map(recorded), [0, 0]);
        assert_eq!(sogoc.head(), head);
    }
}

fn the_live_sample_gives_back_no_role_that_was_revoked_since(kind: Kind) {
    let store = Store::demo(kind);
    let sogoc = store.sogoc();
    sogoc.ok(&["demo", "--live"]);
    let role = json!({"account": "acc-so-y-te-officer-1", "role": "agency-officer", "reason": "Chuyển công tác"});
    sogoc.accepted(&[by("acc-so-thong-tin-va-truyen-thong-admin-1", "revoke-role", &role)]);
    let head = sogoc.head();
    sogoc.ok(&["demo", "--live"]);
    assert_eq!(sogoc.head(), head);
}

fn a_register_that_others_founded_takes_no_sample(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    let head = sogoc.head();
    let refused = sogoc.run(&["demo", "--live"]).ends(1);
    assert!(refused.stderr.contains("--store sqlite:sample.db demo --live"), "{}", refused.stderr);
    assert_eq!(sogoc.head(), head);
}
