//! The relay against a real server: order, faults, refusals.

use std::time::Duration;

use async_nats::jetstream::stream::{Config, StorageType};
use futures_util::StreamExt as _;
use sogoc_log::testing::TestStore;
use sogoc_log::{Log, Options, Position, StoredEntry};
use sogoc_proof::leaf_hash;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::testing::{Nats, append, fill};
use super::{LEASE, Relay, Settings, Status, definitions};
use crate::serve::listening::Stop;

const TENANT: &str = "ha-nam";
/// How long anything may take here before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(60);

fn settings(url: String) -> Settings {
    Settings { url, tenant: TENANT.to_owned(), credentials_file: None, ca_file: None, replicas: 1 }
}

/// A relay that runs as a task.
struct Running {
    status: watch::Receiver<Status>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    fn start(log: &Log, url: String) -> Self {
        let (status, told) = watch::channel(Status::Starting);
        let (stop, stopped) = watch::channel(false);
        let relay = Relay::new(log.clone(), settings(url), status, Stop::when(stopped));
        Self { status: told, stop, task: tokio::spawn(relay.run()) }
    }

    async fn until(&mut self, what: &str, is: impl FnMut(&Status) -> bool) -> Status {
        let now = tokio::time::timeout(PATIENCE, self.status.wait_for(is)).await;
        let now = now.map(|found| found.expect("it runs").clone());
        now.unwrap_or_else(|_| panic!("not {what} in time: {:?}", self.status.borrow()))
    }

    async fn until_at(&mut self, position: u64) {
        self.until(&format!("at {position}"), |status| matches!(status, Status::Active { next } if *next >= position))
            .await;
    }

    async fn refused(&mut self) -> String {
        let refused = self.until("refused", |status| matches!(status, Status::Refused { .. })).await;
        let Status::Refused { what, remedy } = refused else { panic!("{refused:?}") };
        assert!(!remedy.en.is_empty() && !remedy.vi.is_empty());
        what
    }

    /// In order, as at SIGTERM.
    async fn stop(self) {
        self.stop.send_replace(true);
        tokio::time::timeout(PATIENCE, self.task).await.expect("it stops").expect("it does not panic");
    }

    /// As a process that is killed: nothing is given back.
    fn kill(self) {
        self.task.abort();
    }
}

async fn log_in(store: &TestStore) -> Log {
    Log::open_or_create(store.url(), Options::default()).await.expect("a fresh store opens")
}

/// All messages of the stream, checked against the log: sequence p + 1 is position p, once, with the entry's bytes.
async fn check_stream(nats: &Nats, log: &Log) -> u64 {
    let stream = nats.context().await.get_stream(definitions::stream_name(TENANT)).await.expect("there");
    let state = stream.cached_info().state.clone();
    let entries: Vec<StoredEntry> = log.read(Position(0), 1 << 20).await.expect("readable");
    assert!(state.last_sequence <= entries.len() as u64, "more than the log holds");
    assert_eq!((state.messages, state.first_sequence.min(1)), (state.last_sequence, 1.min(state.messages)));
    let consumer = stream
        .create_consumer(async_nats::jetstream::consumer::pull::OrderedConfig::default())
        .await
        .expect("a consumer");
    let mut messages = consumer.messages().await.expect("messages");
    for (entry, sequence) in entries.iter().zip(1..=state.last_sequence) {
        let message =
            tokio::time::timeout(PATIENCE, messages.next()).await.expect("in time").expect("more").expect("read");
        assert_eq!(message.info().expect("an info").stream_sequence, sequence);
        let headers = message.headers.as_ref().expect("headers");
        let header = |name: &str| headers.get(name).map(|value| value.as_str().to_owned()).unwrap_or_default();
        let position = entry.position.to_string();
        assert_eq!(header("Nats-Msg-Id"), format!("{}/{position}", log.name()));
        assert_eq!(header("Sogoc-Log"), log.name());
        assert_eq!(header("Sogoc-Position"), position);
        assert_eq!(header("Sogoc-Leaf-Hash"), leaf_hash(entry.bytes.as_bytes()).to_string());
        assert_eq!(message.payload.as_ref(), entry.bytes.as_bytes());
    }
    state.last_sequence
}

/// Runs each function as one test on each store, where there is a NATS server.
macro_rules! on_both_stores {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                if let Some(nats) = super::Nats::start() {
                    super::$name(nats, super::TestStore::sqlite()).await;
                }
            })*
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                if let (Some(nats), Some(store)) = (super::Nats::start(), super::TestStore::postgres().await) {
                    super::$name(nats, store).await;
                }
            })*
        }
    };
}

on_both_stores!(
    every_entry_reaches_the_stream_once_and_in_order,
    a_server_killed_under_load_loses_nothing_and_holds_up_no_append,
    of_two_relays_one_is_active_and_the_other_takes_over,
    a_relay_that_is_restarted_goes_on_where_the_stream_ends,
    a_log_that_was_put_back_is_refused,
    a_stream_that_was_removed_is_filled_again,
);

async fn every_entry_reaches_the_stream_once_and_in_order(nats: Nats, store: TestStore) {
    let log = log_in(&store).await;
    fill(&log, "scorecard/s/a", 5_000).await;
    let mut relay = Running::start(&log, nats.url());
    relay.until_at(5_000).await;
    // What comes while it runs, one by one.
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    for version in 0..50 {
        log.append(append("results/s", version, 1, Some(trace))).await.expect("accepted");
    }
    relay.until_at(5_050).await;
    assert_eq!(check_stream(&nats, &log).await, 5_050);
    let stream = nats.context().await.get_stream("SOGOC_HA_NAM").await.expect("there");
    let last = stream.get_last_raw_message_by_subject("sogoc.ha-nam.results.counted").await.expect("its subject");
    assert_eq!(last.sequence, 5_050);
    let parent = last.headers.get("traceparent").expect("joins the trace").as_str();
    assert!(parent.starts_with(&format!("00-{trace}-")), "{parent}");
    assert_eq!(log.lease_cursor(LEASE).await, Ok(Some(Position(5_050))));
    relay.stop().await;
    // It was given back.
    let free = log.take_lease(LEASE, "next", 1_000_000).await.expect("readable").expect("free");
    assert_eq!(free.cursor, Position(5_050));
}

async fn a_server_killed_under_load_loses_nothing_and_holds_up_no_append(mut nats: Nats, store: TestStore) {
    let log = log_in(&store).await;
    fill(&log, "scorecard/s/a", 2_000).await;
    let mut relay = Running::start(&log, nats.url());
    let (done, mut told) = watch::channel(0_u64);
    let appending = tokio::spawn({
        let log = log.clone();
        async move {
            let mut slowest = Duration::ZERO;
            for round in 0..200_u64 {
                let began = tokio::time::Instant::now();
                log.append(append("scorecard/s/b", round * 50, 50, None)).await.expect("accepted");
                slowest = slowest.max(began.elapsed());
                done.send_replace(round);
            }
            slowest
        }
    });
    for kill_at in [20, 60, 100] {
        told.wait_for(|round| *round >= kill_at).await.expect("appending");
        nats.kill();
        // Appends go on while nobody takes them.
        told.wait_for(|round| *round >= kill_at + 20).await.expect("appending");
        nats.restart();
    }
    let slowest = appending.await.expect("appended");
    assert!(slowest < Duration::from_secs(4), "an append took {slowest:?}");
    relay.until_at(12_000).await;
    assert_eq!(check_stream(&nats, &log).await, 12_000);
    relay.stop().await;
}

async fn of_two_relays_one_is_active_and_the_other_takes_over(nats: Nats, store: TestStore) {
    let log = log_in(&store).await;
    // As two nodes: a log of its own each.
    let other = log_in(&store).await;
    fill(&log, "scorecard/s/a", 1_000).await;
    let mut first = Running::start(&log, nats.url());
    first.until_at(1_000).await;
    let mut second = Running::start(&other, nats.url());
    second.until("standing by", |status| *status == Status::StandingBy).await;
    // Killed under load: nothing is given back, so the other waits until the lease has run out.
    fill(&log, "scorecard/s/a", 4_000).await;
    first.kill();
    second.until_at(5_000).await;
    assert_eq!(check_stream(&nats, &log).await, 5_000);
    // In order: the next one need not wait for that.
    let mut third = Running::start(&log, nats.url());
    third.until("standing by", |status| *status == Status::StandingBy).await;
    second.stop().await;
    fill(&other, "scorecard/s/a", 10).await;
    third.until_at(5_010).await;
    assert_eq!(check_stream(&nats, &log).await, 5_010);
    third.stop().await;
}

async fn a_relay_that_is_restarted_goes_on_where_the_stream_ends(nats: Nats, store: TestStore) {
    let log = log_in(&store).await;
    let mut sum = 0;
    for round in 1..=3 {
        fill(&log, "scorecard/s/a", 700).await;
        sum += 700;
        let mut relay = Running::start(&log, nats.url());
        relay.until_at(sum).await;
        relay.stop().await;
        // The cursor is not what counts: it may be behind the stream, as after a kill.
        let lease = log.take_lease(LEASE, "test", 1_000_000).await.expect("readable").expect("free");
        log.advance_lease(&lease, Position(round * 3)).await.expect("moved");
        log.release_lease(&lease).await.expect("given back");
    }
    assert_eq!(check_stream(&nats, &log).await, sum);
}

async fn a_log_that_was_put_back_is_refused(nats: Nats, store: TestStore) {
    let log = log_in(&store).await;
    fill(&log, "scorecard/s/a", 100).await;
    let mut relay = Running::start(&log, nats.url());
    relay.until_at(100).await;
    relay.stop().await;
    // Another history of the same name: shorter, then as long, then longer.
    let restored = TestStore::sqlite();
    let shorter = log_in(&restored).await;
    for size in [60, 100, 130] {
        let now = shorter.head().await.expect("readable").size;
        fill(&shorter, "scorecard/s/a", size - now).await;
        let mut relay = Running::start(&shorter, nats.url());
        let what = relay.refused().await;
        assert!(what.contains(if size == 60 { "put back" } else { "holds at sequence" }), "{what}");
        relay.stop().await;
    }
    assert_eq!(check_stream(&nats, &log).await, 100, "nothing was published");
    // A cursor beyond the log, which the stream itself cannot tell of.
    let lease = log.take_lease(LEASE, "test", 1_000_000).await.expect("readable").expect("free");
    log.advance_lease(&lease, Position(101)).await.expect("moved");
    log.release_lease(&lease).await.expect("given back");
    let mut relay = Running::start(&log, nats.url());
    let what = relay.refused().await;
    assert!(what.contains("at position 101") && what.contains("100 entries"), "{what}");
    relay.stop().await;
}

async fn a_stream_that_was_removed_is_filled_again(nats: Nats, store: TestStore) {
    let log = log_in(&store).await;
    fill(&log, "scorecard/s/a", 300).await;
    let mut relay = Running::start(&log, nats.url());
    relay.until_at(300).await;
    nats.context().await.delete_stream("SOGOC_HA_NAM").await.expect("removed");
    fill(&log, "scorecard/s/a", 5).await;
    // The relay notices by a publish that nobody takes.
    relay.until("waiting", |status| matches!(status, Status::Waiting { .. })).await;
    relay.until_at(305).await;
    assert_eq!(check_stream(&nats, &log).await, 305);
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_defined_otherwise_is_refused_until_it_is_edited() {
    let Some(nats) = Nats::start() else { return };
    let store = TestStore::sqlite();
    let log = log_in(&store).await;
    fill(&log, "scorecard/s/a", 10).await;
    let context = nats.context().await;
    let right = definitions::stream(TENANT, 1);
    let wrong = Config { max_messages: 5, deny_delete: false, deny_purge: false, ..right.clone() };
    context.create_stream(wrong).await.expect("made");
    let mut relay = Running::start(&log, nats.url());
    let what = relay.refused().await;
    for part in ["max_msgs is 5", "deny_delete", "deny_purge"] {
        assert!(what.contains(part), "{what}");
    }
    context.update_stream(&right).await.expect("edited");
    relay.until_at(10).await;
    relay.stop().await;
    // In memory it is lost with the server; that cannot be edited.
    context.delete_stream("SOGOC_HA_NAM").await.expect("removed");
    context.create_stream(Config { storage: StorageType::Memory, ..right }).await.expect("made");
    let mut relay = Running::start(&log, nats.url());
    let what = relay.refused().await;
    assert!(what.contains("storage is Memory"), "{what}");
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_publishes_to_the_stream_is_refused() {
    let Some(nats) = Nats::start() else { return };
    let store = TestStore::sqlite();
    let log = log_in(&store).await;
    fill(&log, "scorecard/s/a", 10).await;
    let mut relay = Running::start(&log, nats.url());
    relay.until_at(10).await;
    let context = nats.context().await;
    let foreign = context.publish("sogoc.ha-nam.scorecard.counted", "{}".into()).await.expect("sent");
    assert_eq!(foreign.await.expect("acked").sequence, 11);
    fill(&log, "scorecard/s/a", 1).await;
    let what = relay.refused().await;
    assert!(what.contains("holds at sequence 11"), "{what}");
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_relays_that_both_believe_to_have_the_lease_publish_each_position_once() {
    let Some(nats) = Nats::start() else { return };
    // Two stores of the same entries: two leases, so both are active at once.
    let store = TestStore::sqlite();
    let log = log_in(&store).await;
    fill(&log, "scorecard/s/a", 6_000).await;
    let copy = TestStore::sqlite();
    let twin = log_in(&copy).await;
    log.copy_to(&twin, |_, _| ()).await.expect("copied");
    let mut relays = [Running::start(&log, nats.url()), Running::start(&twin, nats.url())];
    for relay in &mut relays {
        relay.until_at(6_000).await;
    }
    assert_eq!(check_stream(&nats, &log).await, 6_000);
    for relay in relays {
        relay.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_at_the_start_is_waited_for() {
    let Some(mut nats) = Nats::start() else { return };
    nats.kill();
    let store = TestStore::sqlite();
    let log = log_in(&store).await;
    fill(&log, "scorecard/s/a", 10).await;
    let mut relay = Running::start(&log, nats.url());
    relay.until("waiting", |status| matches!(status, Status::Waiting { .. })).await;
    assert!(log.take_lease(LEASE, "another", 1).await.expect("readable").is_some(), "it keeps nobody from trying");
    nats.restart();
    relay.until_at(10).await;
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_asks_for_a_user_gets_the_one_of_the_url() {
    let Some(nats) = Nats::start_with(&["--user", "chuyen", "--pass", "m@t"]) else { return };
    let store = TestStore::sqlite();
    let log = log_in(&store).await;
    fill(&log, "scorecard/s/a", 10).await;
    let as_user = |user: &str| nats.url().replace("nats://", &format!("nats://{user}@"));
    let mut stranger = Running::start(&log, as_user("chuyen:sai"));
    let waiting = stranger.until("waiting", |status| matches!(status, Status::Waiting { .. })).await;
    assert!(matches!(&waiting, Status::Waiting { why } if !why.contains("sai")), "{waiting:?}");
    let mut relay = Running::start(&log, as_user("chuyen:m%40t"));
    relay.until_at(10).await;
    relay.stop().await;
    stranger.stop().await;
}

/// Between a node and its database; cut, it takes everything and passes nothing on, as a network does that is gone.
struct Wire {
    port: u16,
    cut: watch::Sender<bool>,
}

impl Wire {
    async fn to(target: String) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let port = listener.local_addr().expect("bound").port();
        let (cut, is_cut) = watch::channel(false);
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (target, mut is_cut) = (target.clone(), is_cut.clone());
                tokio::spawn(async move {
                    if !*is_cut.borrow_and_update()
                        && let Ok(mut far) = tokio::net::TcpStream::connect(target).await
                    {
                        tokio::select! {
                            _ = tokio::io::copy_bidirectional(&mut near, &mut far) => return,
                            _ = is_cut.wait_for(|cut| *cut) => {}
                        }
                        // Held open, both of them.
                        let _ = is_cut.wait_for(|cut| !*cut).await;
                        return;
                    }
                    let _ = is_cut.wait_for(|cut| !*cut).await;
                });
            }
        });
        Self { port, cut }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_cut_off_from_the_database_is_followed_by_another_and_disturbs_nothing() {
    let (Some(nats), Some(store)) = (Nats::start(), TestStore::postgres().await) else { return };
    let log = log_in(&store).await;
    fill(&log, "scorecard/s/a", 1_000).await;
    let (before, rest) = store.url().split_once("@").expect("a user");
    let (server, database) = rest.split_once('/').expect("a database");
    let wire = Wire::to(server.to_owned()).await;
    let through = format!("{before}@127.0.0.1:{}/{database}", wire.port);
    let far = Log::open(&through, Options::default()).await.expect("opens");
    let mut first = Running::start(&far, nats.url());
    first.until_at(1_000).await;
    let mut second = Running::start(&log, nats.url());
    second.until("standing by", |status| *status == Status::StandingBy).await;
    wire.cut.send_replace(true);
    fill(&log, "scorecard/s/a", 500).await;
    first.until("waiting", |status| matches!(status, Status::Waiting { .. })).await;
    second.until_at(1_500).await;
    // Back again, it finds the lease in other hands.
    wire.cut.send_replace(false);
    first.until("standing by", |status| *status == Status::StandingBy).await;
    fill(&log, "scorecard/s/a", 10).await;
    second.until_at(1_510).await;
    assert_eq!(check_stream(&nats, &log).await, 1_510);
    first.stop().await;
    second.stop().await;
}
