//! The SQL mirror offers the log in the shape of postgres-es's table; here its own repository reads it, and the importer
//! reads it back into a log. Needs the servers and the binary that `tests/run` brings; says so where they are not there.

use std::process::Command;

use cqrs_es::persist::PersistedEventRepository;
use cqrs_es::{Aggregate, DomainEvent, event_sink::EventSink};
use postgres_es::PostgresEventRepository;
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgPoolOptions;

/// Any scorecard, as far as the repository needs to know: it reads the payloads as they are.
#[derive(Default, Serialize, Deserialize)]
struct Scorecard;

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
struct Payload(serde_json::Value);

impl DomainEvent for Payload {
    fn event_type(&self) -> String {
        String::new()
    }
    fn event_version(&self) -> String {
        String::new()
    }
}

impl Aggregate for Scorecard {
    const TYPE: &'static str = "scorecard";
    type Command = ();
    type Event = Payload;
    type Error = std::fmt::Error;
    type Services = ();

    async fn handle(&mut self, (): (), (): &(), _: &EventSink<Self>) -> Result<(), std::fmt::Error> {
        Ok(())
    }

    fn apply(&mut self, _: Payload) {}
}

/// Runs the binary and reads the JSON document that it prints.
fn sogoc(binary: &str, store: &str, args: &[&str]) -> serde_json::Value {
    let output = Command::new(binary)
        .current_dir(std::env::temp_dir())
        .args(["--store", store, "--json"])
        .args(args)
        .output()
        .expect("the binary runs");
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one JSON document")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mirror_is_read_by_postgres_es_and_read_back_into_a_log() {
    let (Ok(server), Ok(binary)) = (std::env::var("SOGOC_TEST_POSTGRES"), std::env::var("SOGOC_BIN")) else {
        assert!(std::env::var("SOGOC_TEST_ALL").is_err(), "SOGOC_TEST_POSTGRES and SOGOC_BIN must be set");
        eprintln!("not run: start it through tests/run, which brings PostgreSQL and the binary");
        return;
    };
    let name = format!("peer_view_{}", std::process::id());
    let pool = PgPoolOptions::new().connect(&server).await.expect("the server answers");
    sqlx::query(&format!("create database {name}")).execute(&pool).await.expect("a database of its own");
    let (base, _) = server.rsplit_once('/').expect("a URL with a database");
    let store = format!("{base}/{name}");

    let demo = sogoc(&binary, &store, &["demo"]);
    assert!(demo.is_object());
    sogoc(&binary, &store, &["mirror", "rebuild"]);

    let mirror = PgPoolOptions::new().connect(&store).await.expect("the register's database answers");
    let repository = PostgresEventRepository::new(mirror).with_tables("read.events", "read.none");
    let events =
        repository.get_events::<Scorecard>("hanam-2022/so-xay-dung").await.expect("its own repository reads it");
    let history = sogoc(&binary, &store, &["history", "hanam-2022", "so-xay-dung"]);
    assert!(events.len() > 100, "{} events", events.len());
    assert_eq!(events.first().map(|e| (e.sequence, e.event_type.as_str())), Some((1, "self-scored")));
    let last = events.last().expect("there are some");
    let positions = history.as_array().expect("a list").iter().filter_map(|item| item["position"].as_u64());
    assert_eq!(last.metadata["position"].as_str(), positions.max().map(|p| p.to_string()).as_deref());

    let folder = std::env::temp_dir().join(format!("sogoc-peer-view-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let copy = format!("sqlite:{}", folder.join("copy.db").display());
    let import = ["import", "postgres-es", &store, "--table", "read.events", "--account", "importer-1"];
    let first = sogoc(&binary, &copy, &import);
    let head = sogoc(&binary, &store, &["log", "head"]);
    assert_eq!(first["recorded"], head["size"]);
    let again = sogoc(&binary, &copy, &import);
    assert_eq!((&again["recorded"], &again["repeated"]), (&serde_json::json!(0), &head["size"]));

    std::fs::remove_dir_all(&folder).expect("the folder goes");
    sqlx::query(&format!("drop database {name} with (force)")).execute(&pool).await.expect("the database goes");
}
