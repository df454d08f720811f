//! Faults under load: what was acked is in the log at its positions, nothing is there twice, and the bus gets all of it
//! in order, whatever was killed or cut meanwhile.

use std::net::{SocketAddr, TcpStream};
use std::process::ExitStatus;
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::load::{self, Load};
use crate::support::nats::Nats;
use crate::support::postgres::OwnPostgres;
use crate::support::proxy::{Proxy, Then};
use crate::support::service::GENEROUS;
use crate::support::serving::{Server, request, try_call};
use crate::support::stores::{Kind, postgres_is_there};
use crate::support::{Sogoc, Store, pilot};

const TENANT: &str = "ha-nam";
const WRITERS: usize = 24;
/// How long the network is cut.
const CUT: Duration = Duration::from_secs(10);
/// Longest time that a node may take to end in order: its own bounds for what has begun and for the store, and some for the
/// machine.
const STOP: Duration = Duration::from_secs(35);
/// The same where the store says nothing: what a container engine waits before it kills. Its own bounds are less.
const STOP_IN_VAIN: Duration = Duration::from_secs(10);

/// The pilot's season on PostgreSQL, its writers' tokens, and a bus.
struct Ground {
    store: Store,
    sogoc: Sogoc,
    tokens: Vec<String>,
    nats: Nats,
}

impl Ground {
    /// None where a server is missing.
    fn new() -> Option<Self> {
        let nats = postgres_is_there().then(Nats::start)??;
        let store = Store::pilot(Kind::Postgres);
        let sogoc = store.sogoc();
        let tokens = load::tokens(&sogoc);
        Some(Self { store, sogoc, tokens, nats })
    }
}

/// A node on the store, or on another way to it: nobody is held back for sending too much.
fn node(sogoc: &Sogoc, nats: Option<&Nats>) -> Server {
    let bus = nats.map(|nats| format!("[nats]\nurl = \"{}\"\ntenant = \"{TENANT}\"\n", nats.url()));
    Server::node(sogoc, &format!("{GENEROUS}{}", bus.unwrap_or_default()), "127.0.0.1:0")
}

/// Waits until a node says that it is ready, or that it is not.
#[track_caller]
fn until_ready(node: &Server, ready: bool) {
    let status = if ready { 200 } else { 503 };
    for _ in 0..300 {
        if request(node.operator(), "GET", "/readyz", &[]).status == status {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("{} never said {status}", node.address);
}

/// A node answers questions from what any node has recorded.
#[track_caller]
fn assert_follows(node: &Server, token: &str, sogoc: &Sogoc) {
    let call = format!("GET /v1/log/head?least_position={}", sogoc.size() - 1);
    let reply = try_call(node.address, &call, token, None, Duration::from_secs(5)).unwrap();
    assert_eq!(reply.status, 200, "{}", reply.text());
}

#[test]
fn a_bus_that_is_killed_under_load_gets_every_entry_in_order() {
    let Some(Ground { store: _store, sogoc, tokens, mut nats }) = Ground::new() else { return };
    let node = node(&sogoc, Some(&nats));
    let load = Load::start(&sogoc, &[node.address], &tokens, WRITERS);
    load.until_each_acked(2);
    for _ in 0..2 {
        nats.kill();
        // Recording goes on without the bus.
        load.until_each_acked(3);
        nats.restart();
        load.until_each_acked(3);
    }
    let acked = load.end();
    assert_eq!(acked.unacked, [].into(), "no writer noticed");
    acked.assert_recorded(&sogoc);
    acked.assert_relayed(&sogoc, &nats, TENANT);
}

#[test]
fn a_database_that_is_killed_under_load_loses_nothing_acked() {
    let Some(mut database) = OwnPostgres::with_pilot("killed") else { return };
    let Some(nats) = Nats::start() else { return };
    let sogoc = database.sogoc();
    let tokens = load::tokens(&sogoc);
    let node = node(&sogoc, Some(&nats));
    let load = Load::start(&sogoc, &[node.address], &tokens, WRITERS);
    load.until_each_acked(2);
    for _ in 0..2 {
        database.kill();
        load.until_unacked(WRITERS);
        database.restart();
        load.until_each_acked(3);
    }
    let acked = load.end();
    assert!(acked.sent_again() > 0, "{:?}", acked.unacked);
    acked.assert_recorded(&sogoc);
    acked.assert_relayed(&sogoc, &nats, TENANT);
    until_ready(&node, true);
    assert_follows(&node, &tokens[0], &sogoc);
}

#[test]
fn a_node_that_is_killed_under_load_is_followed_by_the_other() {
    let Some(Ground { store: _store, sogoc, tokens, nats }) = Ground::new() else { return };
    // The first has the relay too.
    let first = node(&sogoc, Some(&nats));
    let second = node(&sogoc, Some(&nats));
    let load = Load::start(&sogoc, &[first.address, second.address], &tokens, WRITERS);
    load.until_acked_by(0, WRITERS);
    load.until_acked_by(1, WRITERS);
    first.kill();
    load.until_each_acked(3);
    let acked = load.end();
    acked.assert_recorded(&sogoc);
    acked.assert_relayed(&sogoc, &nats, TENANT);
    until_ready(&second, true);
    assert_follows(&second, &tokens[0], &sogoc);
}

#[test]
fn a_node_that_is_cut_off_from_the_database_holds_nobody_up_and_recovers() {
    cut(Then::TheyGoOn);
}

#[test]
fn a_node_whose_connections_are_lost_without_a_word_recovers() {
    cut(Then::TheyAreLost);
}

fn cut(then: Then) {
    let Some(Ground { store, sogoc, tokens, nats }) = Ground::new() else { return };
    let proxy = Proxy::to(address_of(store.url()));
    let through = store.sogoc_at(&through(store.url(), proxy.address));
    // The one that will be cut off has the relay too.
    let cut = node(&through, Some(&nats));
    let whole = node(&sogoc, Some(&nats));
    let load = Load::start(&sogoc, &[cut.address, whole.address], &tokens, WRITERS);
    load.until_acked_by(0, WRITERS);
    load.until_acked_by(1, WRITERS);
    proxy.cut();
    let (mended, mend) = mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(CUT);
            proxy.mend(then);
            mended.send(()).unwrap();
        });
        // Within the cut: what the cut node may have held is free again after five seconds.
        load.until_acked_by(1, 3 * WRITERS);
        until_ready(&cut, false);
        assert!(mend.try_recv().is_err(), "the other node had to wait for the end of the cut");
        mend.recv().unwrap();
    });
    load.until_acked_by(0, WRITERS);
    until_ready(&cut, true);
    load.until_each_acked(2);
    let acked = load.end();
    assert_follows(&cut, &tokens[0], &sogoc);
    acked.assert_recorded(&sogoc);
    acked.assert_relayed(&sogoc, &nats, TENANT);
}

#[test]
fn a_node_that_is_cut_off_from_the_database_ends_before_it_is_killed() {
    let Some(Ground { store, sogoc, tokens, .. }) = Ground::new() else { return };
    let proxy = Proxy::to(address_of(store.url()));
    let through = store.sogoc_at(&through(store.url(), proxy.address));
    let [cut, idle] = [node(&through, None), node(&through, None)];
    let whole = node(&sogoc, None);
    let load = Load::start(&sogoc, &[cut.address, whole.address], &tokens, WRITERS);
    load.until_acked_by(0, WRITERS);
    proxy.cut();
    let nodes = [cut, idle].map(|node| std::thread::spawn(|| ended_within(STOP_IN_VAIN, node)));
    for node in nodes {
        let status = node.join().unwrap();
        assert!(status.success(), "{status:?}");
    }
    load.until_each_acked(2);
    let acked = load.end();
    // Who waited for the store was told so, and not left with a connection that broke.
    assert!(acked.unacked.keys().any(|why| why.contains("unavailable")), "{:?}", acked.unacked);
    acked.assert_recorded(&sogoc);
}

#[test]
fn what_waits_for_the_store_when_a_node_is_told_to_stop_is_recorded_and_answered() {
    let Some(Ground { store, sogoc, mut tokens, .. }) = Ground::new() else { return };
    let token = tokens.remove(0);
    let node = node(&sogoc, None);
    let address = node.address;
    let size = sogoc.size();
    let holding = store.hold_head();
    let command = json!({"command_id": uuid::Uuid::from_u128(1), "season": pilot::SEASON, "agency": pilot::AGENCIES[0].0,
        "leaf": "1.1.2", "inputs": {"ratio": {"numerator": "50", "denominator": "100"}}});
    let waiting = std::thread::spawn(move || {
        let call = "POST /v1/commands/record-self-score";
        try_call(address, call, &token, Some(&command), Duration::from_secs(30)).unwrap()
    });
    // It is in the batch that waits for the head row.
    let waits =
        "select count(*)::text from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    while store.cell(waits) == "0" {}
    let ending = std::thread::spawn(|| ended(node));
    while TcpStream::connect(address).is_ok() {}
    assert!(!ending.is_finished() && !waiting.is_finished(), "it waits for what has begun");
    drop(holding);
    let reply = waiting.join().unwrap();
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert!(ending.join().unwrap().success());
    assert_eq!(sogoc.size(), size + 1);
}

#[test]
fn a_node_that_is_told_to_stop_under_load_answers_what_it_has_taken() {
    let Some(Ground { store: _store, sogoc, tokens, nats }) = Ground::new() else { return };
    let first = node(&sogoc, Some(&nats));
    let second = node(&sogoc, None);
    let load = Load::start(&sogoc, &[first.address, second.address], &tokens, WRITERS);
    load.until_acked_by(0, WRITERS);
    let status = ended(first);
    assert!(status.success(), "{status:?}");
    load.until_each_acked(2);
    let acked = load.end();
    acked.assert_recorded(&sogoc);
    // What the bus has not got the next one brings.
    let third = node(&sogoc, Some(&nats));
    acked.assert_relayed(&sogoc, &nats, TENANT);
    assert!(ended(third).success());
}

/// SIGTERM, and the end within its bound.
#[track_caller]
fn ended(node: Server) -> ExitStatus {
    ended_within(STOP, node)
}

#[track_caller]
fn ended_within(bound: Duration, node: Server) -> ExitStatus {
    let (sender, status) = mpsc::channel();
    std::thread::spawn(move || sender.send(node.terminate()));
    status.recv_timeout(bound).expect("it ends within its bound")
}

#[test]
fn a_node_without_room_says_so_at_once() {
    const ROOM: usize = 4;
    let Some(Ground { store, sogoc, tokens, .. }) = Ground::new() else { return };
    let token = &tokens[0];
    let limits = format!("[limits]\nin_flight = {ROOM}\nrequests_per_second = 100000\nburst = 100000\n");
    let node = Server::node(&sogoc, &limits, "127.0.0.1:0");
    let holding = store.hold_head();
    let (sender, answers) = mpsc::channel();
    let command = |number: usize| {
        let id = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, format!("command {number}").as_bytes());
        json!({"command_id": id, "season": pilot::SEASON, "agency": pilot::AGENCIES[0].0, "leaf": "1.1.2",
            "inputs": {"ratio": {"numerator": number.to_string(), "denominator": "100"}}})
    };
    for number in 0..2 * ROOM {
        let (sender, token, command, address) = (sender.clone(), token.clone(), command(number), node.address);
        std::thread::spawn(move || {
            let call = "POST /v1/commands/record-self-score";
            let reply = try_call(address, call, &token, Some(&command), Duration::from_secs(30)).unwrap();
            sender.send((number, reply)).unwrap();
        });
    }
    // Nothing can be recorded yet: who is answered now was not kept waiting for it.
    for _ in 0..ROOM {
        let (_, reply) = answers.recv().unwrap();
        let problem: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!((reply.status, problem["code"].as_str()), (503, Some("busy")), "{problem}");
        assert_eq!(reply.headers["retry-after"], "1");
        assert!(problem["retry_after_ms"].as_u64().unwrap() <= 1_000, "{problem}");
    }
    drop(holding);
    for _ in 0..ROOM {
        let (number, reply) = answers.recv().unwrap();
        assert_eq!(reply.status, 200, "{number}: {}", reply.text());
    }
}

/// Where a store's server listens.
fn address_of(url: &str) -> SocketAddr {
    let (_, rest) = url.rsplit_once('@').unwrap();
    rest.split_once('/').unwrap().0.parse().unwrap()
}

/// A store's URL by way of another address.
fn through(url: &str, address: SocketAddr) -> String {
    url.replace(&address_of(url).to_string(), &address.to_string())
}
