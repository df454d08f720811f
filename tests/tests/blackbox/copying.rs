//! `sogoc log copy`: from the pilot to PostgreSQL and back, byte for byte; and that a figure is the same on any store.

use crate::support::hanam::SEASON;
use crate::support::stores::{self, Kind};
use crate::support::{Sogoc, Store, on_both_stores, pilot, sql};

on_both_stores!(
    a_log_is_copied_and_goes_on_there,
    a_copy_that_was_interrupted_goes_on_where_it_stopped,
    a_target_that_is_no_prefix_is_refused
);

fn copy(from: &Sogoc, to: &Store) -> serde_json::Value {
    from.json(&["log", "copy", "--to", to.url()])
}

/// Both hold the same bytes, root, register and figures.
#[track_caller]
pub(crate) fn same(one: &Sogoc, other: &Sogoc, season: &str) {
    assert_eq!(one.head(), other.head());
    assert_eq!(one.json(&["log", "verify"]), other.json(&["log", "verify"]), "root, register digest, counts");
    let digest = one.json(&["log", "verify"])["register_digest"].clone();
    assert!(digest.as_str().is_some_and(|d| d.len() == 64), "{digest}");
    assert_eq!(one.figures(&[season]), other.figures(&[season]));
    let show = ["log", "show"];
    assert!(one.with(&["--json"]).ok(&show).stdout == other.with(&["--json"]).ok(&show).stdout, "the bytes differ");
}

#[test]
fn the_demo_is_copied_to_postgresql_and_back() {
    if !stores::postgres_is_there() {
        return;
    }
    let (pilot, server, back) = (Store::demo(Kind::Sqlite), Store::empty(Kind::Postgres), Store::empty(Kind::Sqlite));
    let head = pilot.sogoc().head();
    let copied = copy(&pilot.sogoc(), &server);
    assert_eq!((copied["already"].as_u64(), copied["copied"].as_u64()), (Some(0), head["size"].as_u64()));
    assert_eq!(copied["head"], head);
    same(&pilot.sogoc(), &server.sogoc(), SEASON);
    copy(&server.sogoc(), &back);
    same(&pilot.sogoc(), &back.sogoc(), SEASON);
    // Reasons go along.
    let reason = |store: &Store| store.sogoc().json(&["history", SEASON, "so-xay-dung"]);
    assert_eq!(reason(&back), reason(&pilot));
    // What is recorded on PostgreSQL from here on goes back as an addition.
    let table = "agency,name,appraised_points,survey_points,applicable_max\nso-a,A,80,9,100\n";
    let path = server.write("in.csv", table);
    server.sogoc().ok(&[
        "import",
        "results",
        path.to_str().unwrap(),
        "--season",
        "x-2021",
        "--year",
        "2021",
        "--group",
        "so",
    ]);
    let more = copy(&server.sogoc(), &back);
    assert_eq!(more["already"], head["size"]);
    same(&server.sogoc(), &back.sogoc(), "x-2021");
    // The pilot is now a prefix: copying it over changes nothing and is refused, for the target has gone on.
    let answer = pilot.sogoc().run(&["log", "copy", "--to", server.url()]).ends(1);
    assert!(answer.stderr.contains("prefix"), "{}", answer.stderr);
}

#[test]
fn an_import_gives_the_same_figures_on_both_stores() {
    if !stores::postgres_is_there() {
        return;
    }
    let (embedded, server) = (Store::demo(Kind::Sqlite), Store::demo(Kind::Postgres));
    let (one, other) = (embedded.sogoc(), server.sogoc());
    assert_eq!(one.figures(&[SEASON]).digest(), other.figures(&[SEASON]).digest());
    assert_eq!(one.size(), other.size());
    assert_ne!(one.head()["root"], other.head()["root"], "salts and times are of each import");
    assert_eq!(one.json(&["ranking", SEASON]), other.json(&["ranking", SEASON]));
}

fn a_log_is_copied_and_goes_on_there(kind: Kind) {
    let (from, to) = (Store::pilot(kind), Store::empty(kind));
    from.sogoc().accepted(&pilot::all_submit());
    copy(&from.sogoc(), &to);
    same(&from.sogoc(), &to.sogoc(), pilot::SEASON);
    let again = copy(&from.sogoc(), &to);
    assert_eq!(again["copied"], 0);
    assert_eq!(again["already"], from.sogoc().head()["size"]);
    // The copy is a register of its own: it knows every command id and goes on.
    let repeated = to.sogoc().accepted(&pilot::all_submit());
    assert_eq!(to.sogoc().head(), from.sogoc().head(), "{repeated:?}");
    to.sogoc().accepted(&pilot::all_appraised());
    to.sogoc().ok(&["log", "verify"]);
    let text = from.sogoc().run(&["log", "copy", "--to", from.url()]);
    assert!([Some(0), Some(1)].contains(&text.code), "a log copied onto itself: {}", text.said());
}

fn a_copy_that_was_interrupted_goes_on_where_it_stopped(kind: Kind) {
    let (from, to) = (Store::demo(kind), Store::empty(kind));
    let sogoc = from.sogoc();
    let size = sogoc.size();
    let mut child = sogoc.spawn(&["log", "copy", "--to", to.url()]);
    let committed = || {
        let rows = sql::try_rows(to.url(), "select cast(size as text) from head").unwrap_or_default();
        rows.first().map_or(0, |row| row[0].as_ref().unwrap().parse::<u64>().unwrap())
    };
    while committed() == 0 && child.try_wait().unwrap().is_none() {}
    child.kill().unwrap();
    child.wait().unwrap();
    let survived = to.sogoc().size();
    to.sogoc().ok(&["log", "verify"]);
    let copied = copy(&sogoc, &to);
    assert_eq!(copied["already"], survived);
    assert_eq!(copied["copied"].as_u64(), Some(size - survived));
    same(&sogoc, &to.sogoc(), SEASON);
}

fn a_target_that_is_no_prefix_is_refused(kind: Kind) {
    // Two imports of the same season differ in their salts: neither is a prefix of the other.
    let (from, to) = (Store::pilot(kind), Store::empty(kind));
    to.sogoc().accepted(&pilot::founding());
    let head = to.sogoc().head();
    let answer = from.sogoc().with(&["--json"]).run(&["log", "copy", "--to", to.url()]).ends(1);
    assert!(answer.stderr.contains("prefix") && answer.stderr.contains("empty"), "{}", answer.stderr);
    answer.document();
    assert_eq!(to.sogoc().head(), head, "a refused target stays as it was");
    // Nor is one that has more.
    let longer = Store::pilot(kind);
    longer.sogoc().accepted(&pilot::all_submit());
    from.sogoc().run(&["log", "copy", "--to", longer.url()]).ends(1);
    from.sogoc().run(&["log", "copy"]).ends(2);
    from.sogoc().run(&["log", "copy", "--to", "nowhere"]).ends(2);
    // A copy of damaged entries is no copy: not made, and said.
    let file = to.write("foreign.db", "not a register");
    from.sogoc().run(&["log", "copy", "--to", &format!("sqlite:{}", file.display())]);
    assert_eq!(std::fs::read(file).unwrap(), b"not a register");
}
