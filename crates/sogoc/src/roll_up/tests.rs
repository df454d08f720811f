//! The roll-up against a real server: what it believes, what stops it, and where it goes on.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::Config;
use sogoc_app::import::embedded::HANAM_2022;
use sogoc_app::{App, Options as AppOptions};
use sogoc_log::testing::TestStore;
use sogoc_log::{DEFAULT_NAME, Log, Options, Position, StoredEntry, WithEntries};
use sogoc_proof::{Algorithm, SignerKey};
use sogoc_register::Register;
use tokio::sync::watch;

use super::following::{Following, Tell, Told};
use super::ranking::national;
use super::sources::{Source, gather};
use super::store::Store;
use crate::relay::message::Message;
use crate::relay::testing::{Nats, append, fill};
use crate::relay::{Until, definitions};
use crate::serve::listening::{self, Stop};
use crate::serve::tiles;

/// How long anything may take here before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(60);
const DURABLE: &str = "sogoc-roll-up";

/// A log's entries, as they are stored.
async fn entries(log: &Log) -> Vec<StoredEntry> {
    log.read(Position(0), 1 << 20).await.expect("readable")
}

async fn log_in(store: &TestStore) -> Log {
    Log::open_or_create(store.url(), Options::default()).await.expect("a fresh store opens")
}

/// Hà Nam's season in a log of its own.
async fn season(store: &TestStore) -> App {
    let app = App::open(store.url(), AppOptions::default()).await.expect("a fresh store opens");
    let plan = app.plan_season(&HANAM_2022).await.expect("the data is right");
    app.run_plan(&plan, |_, _| ()).await.expect("it is recorded");
    app
}

fn stream_of(tenant: &str) -> String {
    definitions::stream_name(tenant)
}

/// A stream of a tenant that takes whatever is published to it.
async fn stream(context: &Context, tenant: &str) {
    let config = Config { deny_delete: false, deny_purge: false, ..definitions::stream(tenant, 1) };
    context.create_stream(config).await.expect("made");
}

/// Publishes entries as the relay does.
async fn publish(context: &Context, tenant: &str, entries: &[StoredEntry]) {
    let mut last = None;
    for entry in entries {
        last = Some(send(context, made(tenant, entry)).await);
    }
    if let Some(last) = last {
        last.await.expect("acked");
    }
}

fn made(tenant: &str, entry: &StoredEntry) -> Message {
    Message::of(entry.clone(), tenant, &stream_of(tenant)).expect("an entry")
}

async fn send(context: &Context, message: Message) -> async_nats::jetstream::context::PublishAckFuture {
    let publish = PublishMessage::build().payload(message.payload).headers(message.headers);
    context.send_publish(message.subject, publish).await.expect("sent")
}

/// Publishes a message without what the relay's order rests on, as somebody else would.
async fn send_loosely(context: &Context, mut message: Message, change: impl FnOnce(&mut Message)) {
    let mut loose = async_nats::HeaderMap::new();
    for name in ["Sogoc-Log", "Sogoc-Position", "Sogoc-Leaf-Hash"] {
        loose.insert(name, message.headers.get(name).expect("made").as_str());
    }
    message.headers = loose;
    change(&mut message);
    send(context, message).await.await.expect("acked");
}

fn source(nats: &Nats, name: &str, tenant: &str) -> Source {
    let url = format!("{name}={}/{}", nats.url(), stream_of(tenant));
    gather(None, &[url], &[], &[]).expect("a source").remove(0)
}

/// What was told of sources.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<(String, Told)>>>);

impl Heard {
    fn tell(&self) -> Tell {
        let heard = self.clone();
        Arc::new(move |source: &str, told: Told| {
            heard.0.lock().expect("nobody panics").push((source.to_owned(), told));
        })
    }

    fn any(&self, is: impl Fn(&str, &Told) -> bool) -> bool {
        self.0.lock().expect("nobody panics").iter().any(|(source, told)| is(source, told))
    }

    fn why_stopped(&self, source: &str) -> String {
        let heard = self.0.lock().expect("nobody panics");
        let why = heard.iter().find_map(|(of, told)| {
            let Told::Stopped { why, remedy } = told else { return None };
            (of == source && !remedy.en.is_empty()).then(|| why.clone())
        });
        why.unwrap_or_else(|| panic!("{source} was not stopped: {heard:?}"))
    }
}

/// Follows until all has come; gives the sources that stopped.
async fn follow(state: &Path, sources: &[Source], heard: &Heard) -> Vec<String> {
    let store = Store::create(state).await.expect("opens");
    let (_asked, stop) = watch::channel(false);
    let following = Following::new(store.clone(), DURABLE.to_owned(), Until::CaughtUp, heard.tell(), Stop::when(stop));
    let stopped = tokio::time::timeout(PATIENCE, following.run(sources)).await;
    let stopped = stopped.unwrap_or_else(|_| panic!("it hangs: {:?}", heard.0)).expect("its store can be read");
    store.close().await;
    stopped
}

/// The ranking as bytes, from what is stored.
async fn ranking(state: &Path) -> String {
    let store = Store::open(state).await.expect("opens");
    let mut registers = BTreeMap::new();
    for standing in store.standings().await.expect("readable") {
        registers.insert(standing.name.clone(), store.fold(&standing.name, standing.next).await.expect("folds"));
    }
    store.close().await;
    json(&registers.iter().map(|(source, register)| (source.clone(), register)).collect())
}

fn json(registers: &BTreeMap<String, &Register>) -> String {
    serde_json::to_string(&national(registers).expect("seasons that are there")).expect("JSON")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_roll_up_restarted_in_the_middle_ends_with_the_same_ranking() {
    let Some(nats) = Nats::start() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let store = TestStore::sqlite();
    let app = season(&store).await;
    let all = entries(app.log()).await;
    let context = nats.context().await;
    for tenant in ["through", "halves", "killed"] {
        stream(&context, tenant).await;
    }
    publish(&context, "through", &all).await;
    let (through, heard) = (folder.path().join("through.db"), Heard::default());
    assert!(follow(&through, &[source(&nats, "ha-nam", "through")], &heard).await.is_empty());
    let expected = ranking(&through).await;
    assert!(expected.contains("\"mean_index\"") && expected.contains("so-noi-vu"), "{expected}");
    let own = json(&BTreeMap::from([("ha-nam".to_owned(), &*app.register())]));
    assert_eq!(expected, own, "the log's own register");

    // Stopped at an entry that is no boundary of anything, twice.
    let halves = folder.path().join("halves.db");
    let halved = source(&nats, "ha-nam", "halves");
    let mut from = 0;
    for to in [all.len() / 3 + 1, all.len() / 2 + 7, all.len()] {
        publish(&context, "halves", &all[from..to]).await;
        assert!(follow(&halves, std::slice::from_ref(&halved), &heard).await.is_empty());
        from = to;
    }
    assert_eq!(ranking(&halves).await, expected);

    // Killed while messages come in: its consumer believes other things than its store.
    publish(&context, "killed", &all).await;
    let killed = folder.path().join("killed.db");
    let from_killed = source(&nats, "ha-nam", "killed");
    for _ in 0..3 {
        let store = Store::create(&killed).await.expect("opens");
        let (_asked, stop) = watch::channel(false);
        let (first, mut told) = watch::channel(false);
        let tell: Tell = Arc::new(move |_: &str, told: Told| {
            if matches!(told, Told::Following { .. }) {
                first.send_replace(true);
            }
        });
        let following = Following::new(store, DURABLE.to_owned(), Until::Stopped, tell, Stop::when(stop));
        let sources = vec![from_killed.clone()];
        let task = tokio::spawn(async move { following.run(&sources).await });
        told.wait_for(|following| *following).await.expect("it follows");
        task.abort();
        let _ = task.await;
    }
    assert!(follow(&killed, &[from_killed], &heard).await.is_empty());
    assert_eq!(ranking(&killed).await, expected);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_doubled_message_is_told_and_passed_over() {
    let Some(nats) = Nats::start() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (state, heard) = (folder.path().join("state.db"), Heard::default());
    let store = TestStore::sqlite();
    let log = log_in(&store).await;
    fill(&log, "scorecard/s/a", 20).await;
    let all = entries(&log).await;
    let context = nats.context().await;
    stream(&context, "a").await;
    publish(&context, "a", &all[..10]).await;
    send_loosely(&context, made("a", &all[4]), |_| ()).await;
    send_loosely(&context, made("a", &all[10]), |_| ()).await;
    assert!(follow(&state, &[source(&nats, "a", "a")], &heard).await.is_empty());
    // And after a restart, of what another run has stored.
    send_loosely(&context, made("a", &all[0]), |_| ()).await;
    assert!(follow(&state, &[source(&nats, "a", "a")], &heard).await.is_empty());
    for position in [4, 0] {
        assert!(heard.any(|_, told| *told == Told::Doubled { position }), "{position}");
    }
    let store = Store::open(&state).await.expect("opens");
    let standing = store.standing("a").await.expect("readable");
    assert_eq!((standing.next, standing.doubled, standing.stopped), (11, 2, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_what_it_says_stops_its_source_and_no_other() {
    let Some(nats) = Nats::start() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (state, heard) = (folder.path().join("state.db"), Heard::default());
    let store = TestStore::sqlite();
    let log = log_in(&store).await;
    fill(&log, "scorecard/s/a", 20).await;
    let all = entries(&log).await;
    // Another history, and another log, each with entries in proper form.
    let other = TestStore::sqlite();
    let forged = log_in(&other).await;
    fill(&forged, "scorecard/s/a", 20).await;
    let forged = entries(&forged).await;
    let foreign = TestStore::sqlite();
    let named = Options { name: Some("sogoc.example/other".to_owned()), ..Options::default() };
    let foreign_log = Log::open_or_create(foreign.url(), named).await.expect("opens");
    fill(&foreign_log, "scorecard/s/a", 20).await;
    let foreign = entries(&foreign_log).await;
    let context = nats.context().await;
    let cases: [(&str, &str); 7] = [
        ("altered", "Sogoc-Leaf-Hash"),
        ("no-entry", "no entry"),
        ("moved", "Sogoc-Position"),
        ("bare", "no header"),
        ("foreign", "sogoc.example/other"),
        ("forged", "another entry at position 3"),
        ("gap", "position 12 came where 10 is due"),
    ];
    let mut sources = Vec::new();
    for (tenant, _) in cases {
        stream(&context, tenant).await;
        publish(&context, tenant, &all[..10]).await;
        let next = made(tenant, &all[10]);
        match tenant {
            "altered" => {
                send_loosely(&context, next, |message| {
                    let text = String::from_utf8(message.payload.to_vec()).expect("text").replace("tk-01", "tk-02");
                    message.payload = text.into();
                })
                .await;
            }
            "no-entry" => send_loosely(&context, next, |message| message.payload = "{}".into()).await,
            "moved" => send_loosely(&context, next, |message| message.headers.insert("Sogoc-Position", "11")).await,
            "bare" => send_loosely(&context, next, |message| message.headers = async_nats::HeaderMap::new()).await,
            "foreign" => send_loosely(&context, made(tenant, &foreign[10]), |_| ()).await,
            "forged" => send_loosely(&context, made(tenant, &forged[3]), |_| ()).await,
            _ => send_loosely(&context, made(tenant, &all[12]), |_| ()).await,
        }
        sources.push(source(&nats, tenant, tenant));
    }
    stream(&context, "sound").await;
    publish(&context, "sound", &all).await;
    sources.push(source(&nats, "sound", "sound"));
    let stopped = follow(&state, &sources, &heard).await;
    assert_eq!(stopped, cases.map(|(tenant, _)| tenant));
    for (tenant, part) in cases {
        let why = heard.why_stopped(tenant);
        assert!(why.contains(part) && why.contains(&stream_of(tenant)), "{tenant}: {why}");
    }
    let store = Store::open(&state).await.expect("opens");
    for (tenant, _) in cases {
        let standing = store.standing(tenant).await.expect("readable");
        assert!(standing.next <= 10 && standing.stopped.is_some(), "{standing:?}");
    }
    assert_eq!(store.standing("sound").await.expect("readable").next, 20);
    store.close().await;
    // Mended on the bus, it goes on, and the word is taken back.
    context.delete_stream(stream_of("gap")).await.expect("removed");
    stream(&context, "gap").await;
    publish(&context, "gap", &all).await;
    assert!(follow(&state, &[source(&nats, "gap", "gap")], &heard).await.is_empty());
    let store = Store::open(&state).await.expect("opens");
    let standing = store.standing("gap").await.expect("readable");
    assert_eq!((standing.next, standing.stopped), (20, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_log_of_several_in_a_stream_is_followed_by_its_tenant() {
    let Some(nats) = Nats::start() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (state, heard) = (folder.path().join("state.db"), Heard::default());
    let stores = [TestStore::sqlite(), TestStore::sqlite()];
    let context = nats.context().await;
    let mut sources = Vec::new();
    for (tenant, store) in ["one", "two"].into_iter().zip(&stores) {
        // Names of logs must differ here: they begin the ids by which the server knows a message again.
        let named = Options { name: Some(format!("sogoc.example/{tenant}")), ..Options::default() };
        let log = Log::open_or_create(store.url(), named).await.expect("opens");
        fill(&log, "scorecard/s/a", 30).await;
        stream(&context, tenant).await;
        publish(&context, tenant, &entries(&log).await).await;
        let url = format!("{tenant}={}/NATIONAL?tenant={tenant}", nats.url());
        sources.extend(gather(None, &[url], &[], &[]).expect("a source"));
    }
    let sourced = |name: &str| async_nats::jetstream::stream::Source { name: stream_of(name), ..Default::default() };
    let config = Config {
        name: "NATIONAL".to_owned(),
        sources: Some(vec![sourced("one"), sourced("two")]),
        ..Config::default()
    };
    let mut national = context.create_stream(config).await.expect("made");
    // The server copies on its own time.
    let full = async {
        while national.info().await.expect("answers").state.messages < 60 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, full).await.expect("copied");
    assert!(follow(&state, &sources, &heard).await.is_empty());
    let store = Store::open(&state).await.expect("opens");
    for name in ["one", "two"] {
        let standing = store.standing(name).await.expect("readable");
        assert_eq!((standing.next, standing.log), (30, Some(format!("sogoc.example/{name}"))));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_while_it_is_followed_is_followed_again() {
    let Some(mut nats) = Nats::start() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().join("state.db");
    let store = TestStore::sqlite();
    let log = log_in(&store).await;
    fill(&log, "scorecard/s/a", 3_000).await;
    let all = entries(&log).await;
    let context = nats.context().await;
    stream(&context, "a").await;
    publish(&context, "a", &all[..1_000]).await;
    let (asked, stop) = watch::channel(false);
    let (next, mut reached) = watch::channel(0);
    let tell: Tell = Arc::new(move |_: &str, told: Told| {
        if let Told::CaughtUp { next: at } = told {
            next.send_replace(at);
        }
        if let Told::Stopped { why, .. } = told {
            panic!("stopped: {why}");
        }
    });
    let rolled = Store::create(&state).await.expect("opens");
    let following = Following::new(rolled.clone(), DURABLE.to_owned(), Until::Stopped, tell, Stop::when(stop));
    let sources = vec![source(&nats, "a", "a")];
    let task = tokio::spawn(async move { following.run(&sources).await });
    let patient = |at: u64| move |next: &u64| *next >= at;
    tokio::time::timeout(PATIENCE, reached.wait_for(patient(1_000))).await.expect("in time").expect("it follows");
    nats.kill();
    nats.restart();
    let context = nats.context().await;
    publish(&context, "a", &all[1_000..]).await;
    let all_came = async {
        while rolled.standing("a").await.expect("readable").next < 3_000 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, all_came).await.expect("all came");
    asked.send_replace(true);
    assert_eq!(task.await.expect("it ends"), Ok(Vec::new()));
    let leaves = rolled.leaves("a", 0, 3_000).await.expect("readable");
    let root = leaves.into_iter().collect::<sogoc_proof::Frontier>().root();
    assert_eq!(root, log.head().await.expect("readable").root);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_is_held_to_what_the_log_signed() {
    let Some(nats) = Nats::start() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let store = TestStore::sqlite();
    let log = log_in(&store).await;
    fill(&log, "scorecard/s/a", 50).await;
    let key = SignerKey::from_seed(DEFAULT_NAME, Algorithm::Ed25519, [3; 32]).expect("a name that a note can carry");
    log.sign_checkpoint(&key).await.expect("signed");
    let (asked, stop) = watch::channel(false);
    let listening = listening::bind("127.0.0.1:0").await.expect("binds");
    let url = format!("http://{}/checkpoint", listening.address());
    let server = tokio::spawn(listening.serve(tiles::router(log.clone(), WithEntries::No), Stop::when(stop)));
    let other = TestStore::sqlite();
    let forged = log_in(&other).await;
    fill(&forged, "scorecard/s/a", 60).await;
    let context = nats.context().await;
    for (tenant, of) in [("true", &log), ("forged", &forged)] {
        stream(&context, tenant).await;
        publish(&context, tenant, &entries(of).await).await;
    }
    let checked = |tenant: &str, key: &SignerKey| {
        let options = [
            vec![format!("{tenant}={}/{}", nats.url(), stream_of(tenant))],
            vec![format!("{tenant}={}", key.verifier())],
            vec![format!("{tenant}={url}")],
        ];
        gather(None, &options[0], &options[1], &options[2]).expect("a source").remove(0)
    };
    let heard = Heard::default();
    let state = folder.path().join("state.db");
    let stopped = follow(&state, &[checked("true", &key), checked("forged", &key)], &heard).await;
    assert_eq!(stopped, ["forged"]);
    assert!(heard.any(|source, told| source == "true" && *told == Told::Confirmed { size: 50 }));
    let why = heard.why_stopped("forged");
    assert!(why.contains("the 50 entries that came have root") && why.contains("the log signed"), "{why}");
    // More has come than is signed, then more is signed than has come.
    log.append(append("results/s", 0, 1, None)).await.expect("accepted");
    log.sign_checkpoint(&key).await.expect("signed");
    assert!(follow(&state, &[checked("true", &key)], &heard).await.is_empty());
    assert!(heard.any(|_, told| matches!(told, Told::Unconfirmed { why } if why.contains("signed 51 entries, 50"))));
    publish(&context, "true", &entries(&log).await[50..]).await;
    assert!(follow(&state, &[checked("true", &key)], &heard).await.is_empty());
    assert!(heard.any(|_, told| *told == Told::Confirmed { size: 51 }));
    // Signed by somebody else.
    let stranger =
        SignerKey::from_seed(DEFAULT_NAME, Algorithm::Ed25519, [4; 32]).expect("a name that a note can carry");
    let fresh = folder.path().join("fresh.db");
    let heard = Heard::default();
    assert_eq!(follow(&fresh, &[checked("true", &stranger)], &heard).await, ["true"]);
    assert!(heard.why_stopped("true").contains("checkpoint"));
    asked.send_replace(true);
    server.await.expect("it ends");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_do_not_move_one_source() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().join("state.db");
    let (one, two) = (Store::create(&state).await.expect("opens"), Store::create(&state).await.expect("opens"));
    let store = TestStore::sqlite();
    let log = log_in(&store).await;
    fill(&log, "scorecard/s/a", 2).await;
    let received: Vec<_> = entries(&log)
        .await
        .iter()
        .map(|entry| {
            let message = made("a", entry);
            super::received::Received::read(&message.payload, Some(&message.headers)).expect("as made")
        })
        .collect();
    let step = |from: u64, entries| super::store::Step { source: "a", from, entries, doubled: 0, sequence: from + 1 };
    one.take(&step(0, &received[..1])).await.expect("stored");
    let late = two.take(&step(0, &received[..1])).await.expect_err("it was moved");
    assert!(late.contains("another process"), "{late}");
    two.take(&step(1, &received[1..])).await.expect("stored");
    assert_eq!(one.standing("a").await.expect("readable").next, 2);
    // Nothing that came can be changed or taken out.
    let file = sqlx::sqlite::SqlitePool::connect(&format!("sqlite:{}", state.display())).await.expect("opens");
    for sql in ["update entry set entry = ''", "delete from entry"] {
        assert!(sqlx::raw_sql(sql).execute(&file).await.is_err(), "{sql}");
    }
}
