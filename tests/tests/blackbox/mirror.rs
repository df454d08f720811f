//! The SQL mirror: what BI tools and auditors with SQL read is what the program answers.

use serde_json::Value;

use crate::support::hanam::SEASON;
use crate::support::{Store, on_both_stores, pilot, sql, stores::Kind};

on_both_stores!(
    the_mirror_says_what_the_register_says,
    a_rebuild_swaps_the_new_in_and_leaves_nothing_behind,
    a_mirror_that_was_changed_is_found_and_mended
);

/// A view of the mirror, as SQL names it on the store.
fn view(kind: Kind, name: &str) -> String {
    if kind == Kind::Sqlite { format!("read_{name}") } else { format!("read.{name}") }
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn the_mirror_says_what_the_register_says(kind: Kind) {
    let store = Store::demo(kind);
    let sogoc = store.sogoc();
    let counts = sogoc.json(&["mirror", "rebuild"]);
    assert_eq!(counts["entries"], sogoc.size());
    assert!(counts["rows"].as_u64() > Some(6_000), "{counts}");

    let rows = sql::rows(
        store.url(),
        &format!("select address, display, unit, value from {} where season = '{SEASON}'", view(kind, "figure")),
    );
    let figures = sogoc.figures(&[SEASON]);
    assert_eq!(rows.len(), figures.len());
    for row in &rows {
        let address = row[0].as_ref().unwrap();
        let figure =
            figures.get(address.strip_prefix("hanam-2022/").unwrap_or(address)).unwrap_or_else(|| panic!("{address}"));
        assert_eq!(row[1].as_deref(), figure["display"].as_str(), "{address}");
        assert_eq!(row[2].as_deref(), figure["unit"].as_str(), "{address}");
        if !figure["value"].is_object() {
            assert_eq!(row[3], text_of(&figure["value"]), "{address}");
        }
    }

    let query = format!(
        "select ranking_group, cast(rank as text), agency, total_points, index_display, class from {} as r where season = '{SEASON}' order by ranking_group, r.rank",
        view(kind, "ranking")
    );
    let ranking = sogoc.json(&["ranking", SEASON]);
    let expected: Vec<Vec<Option<String>>> = ranking
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            ["group", "rank", "agency", "total_points", "index_display", "class"].map(|c| text_of(&row[c])).to_vec()
        })
        .collect();
    assert_eq!(sql::rows(store.url(), &query), expected);

    let count = |name: &str| -> u64 {
        store.cell(&format!("select cast(count(*) as text) from {}", view(kind, name))).parse().unwrap()
    };
    assert_eq!(count("activity"), sogoc.size(), "every entry is an act");
    assert_eq!(count("agency_result"), 25);
    assert_eq!(count("appeal"), 5);
    assert_eq!(count("evidence"), 238);
    assert!(count("current_score") >= 1_662 && count("criterion_history") > 3_000);
    let leaf = store.cell(&format!(
        "select appraised_points from {} where season = '{SEASON}' and agency = 'so-noi-vu' and code = '1.1.1'",
        view(kind, "current_score")
    ));
    assert_eq!(*figures.value("departments/so-noi-vu/leaf/1.1.1/appraised_points"), leaf.as_str());
    sogoc.ok(&["log", "verify"]);
}

fn a_rebuild_swaps_the_new_in_and_leaves_nothing_behind(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    let head = sogoc.head();
    sogoc.ok(&["mirror", "rebuild"]);
    assert_eq!(sogoc.head(), head, "the mirror is no part of the log");
    let tables = match kind {
        Kind::Sqlite => "select cast(count(*) as text) from sqlite_schema where type = 'table' and name like 'read_%'",
        Kind::Postgres => "select cast(count(*) as text) from pg_tables where schemaname = 'read'",
    };
    let before = store.cell(tables);
    // A reader's own view on the stable views survives, or is told about: the names stay.
    sogoc.accepted(&pilot::all_submit());
    for _ in 0..2 {
        sogoc.ok(&["mirror", "rebuild"]);
        assert_eq!(store.cell(tables), before, "old generations are dropped");
    }
    let self_points = store.cell(&format!(
        "select self_points from {} where agency = 'so-y-te' and code = '1.1.2' and season = '{}'",
        view(kind, "current_score"),
        pilot::SEASON
    ));
    assert_eq!(self_points, "1.8");
    sogoc.ok(&["log", "verify"]);
}

fn a_mirror_that_was_changed_is_found_and_mended(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    sogoc.ok(&["mirror", "rebuild"]);
    let tables = match kind {
        Kind::Sqlite => "select name from sqlite_schema where type = 'table' and name like 'read_figure%'",
        Kind::Postgres => {
            "select 'read.' || tablename from pg_tables where schemaname = 'read' and tablename like 'figure%'"
        }
    };
    let table = store.cell(tables);
    store.run(&format!("update {table} set display = '99.99' where address like '%so-y-te/applicable_max'"));
    let answer = sogoc.with(&["--json"]).run(&["log", "verify"]).ends(4);
    assert!(answer.stderr.contains("mirror") && answer.stderr.contains("rebuild"), "{}", answer.stderr);
    sogoc.ok(&["mirror", "rebuild"]);
    sogoc.ok(&["log", "verify"]);
}
