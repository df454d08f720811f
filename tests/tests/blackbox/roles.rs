//! PostgreSQL: the service's role may insert and select, and that is enough for everything it does.

use crate::support::hanam::SEASON;
use crate::support::stores::{self, Kind};
use crate::support::{Sogoc, Store, pilot, sql};

/// A log-in that holds nothing but the service's role, gone when dropped.
struct Service {
    name: String,
    url: String,
}

impl Service {
    fn of(store: &Store) -> Self {
        let server = stores::server().expect("the test asked for it");
        let name = format!("service_{}", std::process::id());
        let drop = format!("drop role if exists {name}");
        sql::run(&server, &drop);
        sql::run(&server, &format!("create role {name} login password 'khong-co-gi'; grant sogoc_service to {name}"));
        let (scheme, rest) = store.url().split_once("://").expect("a URL");
        let (_, host) = rest.rsplit_once('@').expect("the server asks for a password");
        Self { url: format!("{scheme}://{name}:khong-co-gi@{host}"), name }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(server) = stores::server() {
            let _ = sql::try_run(&server, &format!("drop role if exists {}", self.name));
        }
    }
}

#[test]
fn the_service_s_role_is_enough_for_everything_and_may_change_nothing() {
    if !stores::postgres_is_there() {
        return;
    }
    let store = Store::demo(Kind::Postgres);
    let service = Service::of(&store);
    let sogoc = Sogoc::on(&service.url);
    // What the program does under this role.
    assert_eq!(sogoc.head(), store.sogoc().head());
    assert_eq!(sogoc.figures(&[SEASON]).digest(), store.sogoc().figures(&[SEASON]).digest());
    sogoc.ok(&["log", "verify"]);
    sogoc.ok(&["mirror", "rebuild"]);
    let command = pilot::by(
        "acc-so-noi-vu-officer-1",
        "submit-scorecard",
        &serde_json::json!({"season": SEASON, "agency": "so-noi-vu"}),
    );
    let size = sogoc.size();
    sogoc.refused(&command);
    assert!(sogoc.size() >= size, "appending a recorded refusal is within its rights");
    // What nobody who holds it can do, with or without taking it on.
    // Rights that it has not got it cannot give: PostgreSQL warns, and gives none.
    sql::run(&service.url, "grant update, delete, truncate on entry to public");
    for statement in [
        "update entry set kind = 'x'",
        "delete from entry",
        "truncate entry",
        "delete from head",
        "update head set name = 'x'",
        "update head set schema = 2",
        "delete from sealed_text",
        "update sealed_text set position = 0",
        "alter table entry disable trigger entry_is_append_only",
        "alter table entry disable trigger all",
        "drop table entry cascade",
        "drop trigger entry_is_append_only on entry",
        "create table public.mine (a int)",
        "create or replace function refuse_change() returns trigger language plpgsql as $$ begin return new; end $$",
        "set session_replication_role = replica",
    ] {
        for taken in ["", "set role sogoc_service; "] {
            let error = sql::try_run(&service.url, &format!("{taken}{statement}")).expect_err(statement);
            let code = error.as_database_error().and_then(|e| e.code()).unwrap_or_default().into_owned();
            assert_eq!(code, "42501", "{taken}{statement}: {error}");
        }
    }
    // It is no owner: migrating is not its business, and says whose it is.
    let answer = sogoc.run(&["store", "migrate"]);
    assert!([Some(0), Some(3)].contains(&answer.code), "{}", answer.said());
    sogoc.ok(&["log", "verify"]);
}

#[test]
fn an_empty_database_is_made_by_its_owner_only() {
    if !stores::postgres_is_there() {
        return;
    }
    let store = Store::empty(Kind::Postgres);
    let answer = store.sogoc().run(&["ranking", SEASON]).ends(3);
    assert!(answer.stderr.contains("store migrate"), "{}", answer.stderr);
    store.sogoc().ok(&["store", "migrate"]);
    store.sogoc().run(&["ranking", SEASON]).ends(1);
    let elsewhere = stores::with_database(store.url(), "no_such_database");
    let answer = Sogoc::on(&elsewhere).with(&["--json"]).run(&["log", "head"]).ends(3);
    assert!(answer.stderr.contains("no_such_database"), "{}", answer.stderr);
    assert_eq!(answer.document()["refusal"]["code"], "store-unavailable");
}
