//! `sogoc import postgres-es`: the events of another program, with the order they have, into a log; and the mirror's view
//! of a log in the shape of such a table.

use crate::support::stores::{self, Kind};
use crate::support::{Sogoc, Store};

const TABLE: &str = "create table events (
    aggregate_type text not null, aggregate_id text not null, sequence bigint check (sequence >= 0) not null,
    event_type text not null, event_version text not null, payload json not null, metadata json not null,
    primary key (aggregate_type, aggregate_id, sequence));
  insert into events
    select 'Scorecard', 'card-' || card, number, case number when 1 then 'CardOpened' else 'ScoreSet' end, '1.0',
      json_build_object('leaf', 'l-' || number, 'points', '1.5'), '{}'
    from generate_series(1, 3) as card, generate_series(1, 40) as number;";

fn import(source: &Store) -> Vec<String> {
    ["import", "postgres-es", source.url(), "--account", "importer-1"].map(str::to_owned).to_vec()
}

fn into(kind: Kind) {
    let (source, store) = (Store::empty(Kind::Postgres), Store::empty(kind));
    source.run(TABLE);
    let sogoc = store.sogoc();
    let counts = sogoc.json(&import(&source));
    assert_eq!(
        (counts["rows"].as_u64(), counts["recorded"].as_u64(), counts["repeated"].as_u64()),
        (Some(120), Some(120), Some(0))
    );
    let entries = sogoc.entries(&["--stream", "scorecard/card-2"]);
    assert_eq!(entries.len(), 40);
    assert_eq!((entries[0]["kind"].as_str(), entries[1]["kind"].as_str()), (Some("card-opened"), Some("score-set")));
    assert_eq!(entries[1]["data"], serde_json::json!({"leaf": "l-2", "points": "1.5"}));
    assert_eq!(entries[1]["actor"]["account"], "importer-1");
    sogoc.ok(&["log", "verify"]);
    // Again: nothing new. More: only what is new. Changed: refused by row.
    let head = sogoc.head();
    assert_eq!(sogoc.json(&import(&source))["recorded"], 0);
    assert_eq!(sogoc.head(), head);
    source.run("insert into events values ('Scorecard', 'card-9', 1, 'CardOpened', '1.0', '{}', '{}')");
    assert_eq!(sogoc.json(&import(&source))["recorded"], 1);
    source.run("update events set payload = '{\"points\":\"2\"}' where aggregate_id = 'card-2' and sequence = 7");
    let answer = sogoc.run(&import(&source)).ends(1);
    assert!(answer.stderr.contains("card-2") && answer.stderr.contains('7'), "{}", answer.stderr);
    source.run("delete from events where aggregate_id = 'card-2' and sequence in (7, 8)");
    let answer = sogoc.run(&import(&source)).ends(1);
    assert!(answer.stderr.contains('7'), "a lost event is told: {}", answer.stderr);
    assert_eq!(sogoc.size(), 121);
}

#[test]
fn a_table_of_events_goes_into_a_file() {
    if stores::postgres_is_there() {
        into(Kind::Sqlite);
    }
}

#[test]
fn a_table_of_events_goes_into_a_database() {
    if stores::postgres_is_there() {
        into(Kind::Postgres);
    }
}

#[test]
fn what_cannot_be_read_is_refused() {
    if !stores::postgres_is_there() {
        return;
    }
    let (source, store) = (Store::empty(Kind::Postgres), Store::empty(Kind::Sqlite));
    let sogoc = store.sogoc();
    let answer = sogoc.run(&import(&source)).ends(3);
    assert!(answer.stderr.contains("events"), "there is no table: {}", answer.stderr);
    source.run(TABLE);
    source.run("update events set payload = '[1.5]' where aggregate_id = 'card-1' and sequence = 1");
    let answer = sogoc.run(&import(&source)).ends(1);
    assert!(answer.stderr.contains("card-1") && answer.stderr.contains("payload"), "{}", answer.stderr);
    let arguments =
        ["import", "postgres-es", source.url(), "--account", "importer-1", "--table", "events; drop table events"];
    assert_ne!(sogoc.run(&arguments).code, Some(0));
    assert_eq!(source.cell("select cast(count(*) as text) from events"), "120");
    let nowhere = Sogoc::on(store.url())
        .run(&["import", "postgres-es", "postgres://x:geheim@127.0.0.1:1/x", "--account", "importer-1"])
        .ends(3);
    assert!(!nowhere.said().contains("geheim"), "{}", nowhere.said());
}

#[test]
fn the_mirror_offers_the_log_in_that_shape() {
    if !stores::postgres_is_there() {
        return;
    }
    let store = Store::demo(Kind::Postgres);
    store.sogoc().ok(&["mirror", "rebuild"]);
    let size = store.sogoc().size();
    assert_eq!(store.cell("select count(*)::text from read.events"), size.to_string());
    let stream = "scorecard/hanam-2022/so-noi-vu";
    let entries = store.sogoc().entries(&["--stream", stream]);
    let rows = crate::support::sql::rows(
        store.url(),
        "select e.sequence::text, event_type, payload::text from read.events as e \
         where aggregate_type = 'scorecard' and aggregate_id = 'hanam-2022/so-noi-vu' order by e.sequence",
    );
    assert_eq!(rows.len(), entries.len());
    for (row, entry) in rows.iter().zip(&entries) {
        assert_eq!(row[0], Some(entry["version"].to_string()));
        assert_eq!(row[1].as_deref(), entry["kind"].as_str());
        let payload: serde_json::Value = serde_json::from_str(row[2].as_ref().unwrap()).unwrap();
        assert_eq!(payload, entry["data"]);
    }
}
