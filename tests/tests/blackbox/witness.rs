//! `sogoc witness`, `sogoc log cosign` and `sogoc log serve`: real processes on loopback, the log's and the witness's,
//! and witnesses that misbehave.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;
use sogoc_log::{Log, Options, SignedCheckpoint, WithEntries};
use sogoc_proof::{
    AddCheckpoint, Algorithm, Checkpoint, EntryBundle, Hash, Note, SignatureLine, SignerKey, Tile, VerifierKey,
    bundles_at, consistency_proof, cosign, leaf_hash, root, root_from_tiles, tiles_at, verify_cosignature,
};

use crate::support::serving::{Fake, Reply, Server, answer, connect};
use crate::support::stores::{KEY, Kind, log_key};
use crate::support::{Sogoc, Store, on_both_stores, on_sqlite, pilot};

on_both_stores!(
    a_log_that_was_rewritten_is_refused_by_its_witness,
    a_log_restored_from_an_old_backup_is_told_so_by_its_witness,
    tiles_over_http_lead_to_the_signed_root
);
on_sqlite!(
    witnesses_that_hang_lie_or_flood_cost_no_more_than_their_time,
    a_served_log_is_signed_and_cosigned_as_it_grows,
    only_what_is_signed_is_served_and_by_one_spelling
);

/// The name of every log that the binary makes.
const LOG: &str = "sogoc.local/register";
/// How often and how many times it is looked whether something came about by itself: 40 s.
const POLL_MS: u64 = 50;
const POLLS_MAX: usize = 800;

fn key(name: &str, algorithm: Algorithm, seed: u8) -> SignerKey {
    SignerKey::from_seed(name, algorithm, [seed; 32]).unwrap()
}

/// A log of one leaf after the other, without a store: what a witness sees of one.
struct PaperLog {
    key: SignerKey,
    leaves: Vec<Hash>,
}

impl PaperLog {
    /// A log of `size` entries, whose texts begin to differ between forks at `common`.
    fn new(key: SignerKey, fork: &str, common: u64, size: u64) -> Self {
        let text = |n: u64| if n < common { format!("entry {n}") } else { format!("entry {n} of {fork}") };
        Self { key, leaves: (0..size).map(|n| leaf_hash(text(n).as_bytes())).collect() }
    }

    fn root(&self, size: u64) -> Hash {
        root(&self.leaves[..usize::try_from(size).unwrap()])
    }

    fn note(&self, size: u64) -> Note {
        let checkpoint = Checkpoint::try_new(self.key.verifier().name(), size, self.root(size)).unwrap();
        Note::sign(&checkpoint.to_string(), &[&self.key]).unwrap()
    }

    fn proof(&self, old: u64, size: u64) -> Vec<Hash> {
        if old == 0 || old > size {
            return Vec::new();
        }
        consistency_proof(&self.leaves[..usize::try_from(size).unwrap()], old).unwrap()
    }

    fn request(&self, old: u64, size: u64) -> String {
        AddCheckpoint::try_new(old, self.proof(old, size), self.note(size)).unwrap().to_string()
    }
}

/// A folder with a witness's key.
pub(crate) struct Post {
    folder: tempfile::TempDir,
    vkey: String,
}

impl Post {
    pub(crate) fn new(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        let made = Sogoc::bare().ok(&["witness", "key", "--new", file.to_str().unwrap(), "--name", name]);
        Self { vkey: made.stdout.trim_end().to_owned(), folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn verifier(&self) -> VerifierKey {
        VerifierKey::parse(&self.vkey).unwrap()
    }

    fn arguments(&self, logs: &[String]) -> Vec<String> {
        let mut arguments: Vec<String> = ["witness", "--listen", "127.0.0.1:0", "--key"].map(str::to_owned).to_vec();
        arguments.extend([self.path("key"), "--state".to_owned(), self.path("state")]);
        for log in logs {
            arguments.extend(["--log".to_owned(), log.clone()]);
        }
        arguments
    }

    #[track_caller]
    pub(crate) fn start(&self, logs: &[String]) -> Server {
        let arguments = self.arguments(logs);
        Server::start(&Sogoc::bare(), &arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// The file of the only log.
    fn state(&self) -> PathBuf {
        let mut files = std::fs::read_dir(self.path("state")).unwrap().flatten().map(|file| file.path());
        files.find(|file| file.extension().is_some_and(|end| end == "log")).expect("a log was cosigned")
    }

    /// Whether this is an answer with its cosignature on this checkpoint.
    fn cosigned(&self, reply: &Reply, note: &Note) -> bool {
        reply.status == 200
            && SignatureLine::parse_all(&reply.body)
                .unwrap()
                .iter()
                .any(|line| verify_cosignature(note.text(), line, &self.verifier()).is_ok())
    }
}

#[track_caller]
fn conflict(reply: &Reply, size: u64) {
    assert_eq!((reply.status, reply.text()), (409, format!("{size}\n").as_str()));
    assert_eq!(reply.headers["content-type"], "text/x.tlog.size");
}

#[test]
fn a_witness_answers_as_the_specification_says() {
    let post = Post::new("witness.example/one");
    let one = PaperLog::new(key("one.example/log", Algorithm::Ed25519, 1), "one", 0, 300);
    let two = PaperLog::new(key("two.example/log", Algorithm::Ed25519, 2), "two", 0, 10);
    let unknown = PaperLog::new(key("three.example/log", Algorithm::Ed25519, 3), "three", 0, 3);
    let forger = PaperLog::new(key("one.example/log", Algorithm::Ed25519, 9), "one", 0, 300);
    let server = post.start(&[one.key.verifier().to_string(), two.key.verifier().to_string()]);
    assert_eq!(server.started["vkey"], post.vkey);
    assert!(server.get("/").text().contains(&post.vkey));
    let add = |body: &str| server.post("/add-checkpoint", body.as_bytes());
    assert_eq!(add(&unknown.request(0, 3)).status, 404);
    assert_eq!(add(&forger.request(0, 3)).status, 403);
    assert_eq!(server.get("/add-checkpoint").status, 405);
    for bad in ["", "old 0\n", "old 00\n\n", "no checkpoint", "old -1\n\nx\n", "\n\n\n"] {
        assert_eq!(add(bad).status, 400, "{bad:?}");
    }
    conflict(&add(&one.request(5, 7)), 0);
    assert!(post.cosigned(&add(&one.request(0, 7)), &one.note(7)));
    conflict(&add(&one.request(0, 8)), 7);
    // Below the checkpoint's size, and above it.
    let above = format!("old 8\n\n{}", one.note(7));
    assert_eq!(add(&above).status, 400);
    assert_eq!(add(&forger.request(7, 8)).status, 403, "a stranger learns nothing of what is known");
    assert!(post.cosigned(&add(&one.request(7, 7)), &one.note(7)), "the same once more");
    let mut wrong = one.proof(7, 300);
    wrong.swap(0, 1);
    let wrong = AddCheckpoint::try_new(7, wrong, one.note(300)).unwrap().to_string();
    assert_eq!(add(&wrong).status, 422);
    let short = format!("old 7\n\n{}", one.note(300));
    assert_eq!(add(&short).status, 422);
    assert!(post.cosigned(&add(&one.request(7, 300)), &one.note(300)));
    // Each log has a memory of its own.
    assert!(post.cosigned(&add(&two.request(0, 0)), &two.note(0)), "an empty log has a checkpoint too");
    assert!(post.cosigned(&add(&two.request(0, 10)), &two.note(10)));
    conflict(&add(&two.request(0, 10)), 10);
    // Another root at the same size: the log has two histories, and both are kept.
    let other = PaperLog::new(key("two.example/log", Algorithm::Ed25519, 2), "another", 0, 10);
    conflict(&add(&other.request(10, 10)), 10);
    assert_eq!(add(&format!("{}{}", two.request(10, 10), "x".repeat(200_000))).status, 413);
    assert_eq!(std::fs::read_dir(post.path("state")).unwrap().count(), 4, "the lock, two logs, and the evidence");
}

#[test]
fn a_witness_that_was_killed_remembers_what_it_cosigned() {
    let post = Post::new("witness.example/one");
    let log = PaperLog::new(key("one.example/log", Algorithm::Ed25519, 1), "one", 0, 30);
    let logs = [log.key.verifier().to_string()];
    let server = post.start(&logs);
    let mut known = 0;
    for size in [3, 17, 30] {
        let reply = server.post("/add-checkpoint", log.request(known, size).as_bytes());
        assert!(post.cosigned(&reply, &log.note(size)));
        known = size;
    }
    // Two processes on one folder would be two memories.
    let arguments = post.arguments(&logs);
    let second = Sogoc::bare().run(&arguments).ends(3);
    assert!(second.stderr.contains("another witness"), "{}", second.stderr);
    server.kill();
    let server = post.start(&logs);
    assert_eq!(server.started["logs"][0]["size"], 30);
    conflict(&server.post("/add-checkpoint", log.request(0, 30).as_bytes()), 30);
    assert!(post.cosigned(&server.post("/add-checkpoint", log.request(30, 30).as_bytes()), &log.note(30)));
    assert!(server.terminate().success(), "SIGTERM ends it in order");
    // A memory that was damaged is not taken for none.
    let state = post.state();
    let text = std::fs::read_to_string(&state).unwrap();
    for damaged in [text.replace("\n30\n", "\n29\n"), text[..text.len() / 2].to_owned(), String::new()] {
        std::fs::write(&state, damaged).unwrap();
        let refused = Sogoc::bare().run(&arguments).ends(3);
        assert!(refused.stderr.contains("one.example/log"), "{}", refused.stderr);
    }
    std::fs::write(&state, text).unwrap();
    assert_eq!(post.start(&logs).started["logs"][0]["size"], 30);
}

#[test]
fn a_full_disk_means_that_nothing_is_signed_and_nothing_lost() {
    let post = Post::new("witness.example/one");
    let log = PaperLog::new(key("one.example/log", Algorithm::Ed25519, 1), "one", 0, 30);
    let logs = [log.key.verifier().to_string()];
    let server = post.start(&logs);
    let add = |old, size| server.post("/add-checkpoint", log.request(old, size).as_bytes());
    assert!(post.cosigned(&add(0, 10), &log.note(10)));
    let before = std::fs::read(post.state()).unwrap();
    let new = post.state().with_extension("new");
    let is_kept = || {
        let reply = add(10, 20);
        assert_eq!(reply.status, 500, "{}", reply.text());
        assert!(!reply.text().contains('—'), "nothing is signed");
        assert_eq!(std::fs::read(post.state()).unwrap(), before);
        conflict(&add(0, 20), 10);
    };
    // What is written there meets a full disk.
    std::os::unix::fs::symlink("/dev/full", &new).unwrap();
    is_kept();
    // And there nothing can be written at all.
    let _ = std::fs::remove_file(&new);
    std::fs::create_dir(&new).unwrap();
    is_kept();
    std::fs::remove_dir(&new).unwrap();
    assert!(post.cosigned(&add(10, 20), &log.note(20)), "it goes on when there is room again");
    server.kill();
    let server = post.start(&logs);
    assert_eq!(server.started["logs"][0]["size"], 20);
}

#[test]
fn of_two_histories_at_once_a_witness_cosigns_one() {
    let post = Post::new("witness.example/one");
    const SIZE: u64 = 24;
    let forks: Vec<PaperLog> = ["a", "b", "c", "d"]
        .map(|fork| PaperLog::new(key("one.example/log", Algorithm::Ed25519, 1), fork, 4, SIZE))
        .into_iter()
        .collect();
    let server = post.start(&[forks[0].key.verifier().to_string()]);
    // Every fork grows entry by entry as far as it is let; a conflict teaches it the size.
    let cosigned: Vec<Vec<u64>> = std::thread::scope(|scope| {
        let runs: Vec<_> = forks
            .iter()
            .map(|fork| {
                let (server, post) = (&server, &post);
                scope.spawn(move || {
                    let (mut old, mut size, mut cosigned) = (0, 1, Vec::new());
                    for _ in 0..SIZE * 8 {
                        let reply = server.post("/add-checkpoint", fork.request(old, size).as_bytes());
                        match reply.status {
                            200 => {
                                assert!(post.cosigned(&reply, &fork.note(size)));
                                cosigned.push(size);
                                old = size;
                            }
                            409 => old = reply.text().trim_end().parse().unwrap(),
                            422 => break,
                            other => panic!("{other}: {}", reply.text()),
                        }
                        size = old + 1;
                        if size > SIZE {
                            break;
                        }
                    }
                    cosigned
                })
            })
            .collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    let beyond: Vec<usize> = (0..forks.len()).filter(|fork| cosigned[*fork].iter().any(|size| *size > 4)).collect();
    assert_eq!(beyond.len(), 1, "one history only goes on after the fork: {cosigned:?}");
    let mut all: Vec<u64> = cosigned.concat();
    all.sort_unstable();
    let expected: Vec<u64> = (1..=SIZE).collect();
    assert_eq!(all, expected, "and each size was cosigned once");
}

#[test]
fn a_slow_client_does_not_hold_up_others() {
    let post = Post::new("witness.example/one");
    let log = PaperLog::new(key("one.example/log", Algorithm::Ed25519, 1), "one", 0, 30);
    let server = post.start(&[log.key.verifier().to_string()]);
    let request = log.request(0, 30);
    let mut slow: Vec<_> = (0..40)
        .map(|n| {
            let mut stream = connect(server.address);
            let length = request.len();
            let head = format!(
                "POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
            );
            let sent = if n % 2 == 0 { &head[..30] } else { &head };
            stream.write_all(sent.as_bytes()).unwrap();
            stream
        })
        .collect();
    assert!(post.cosigned(&server.post("/add-checkpoint", request.as_bytes()), &log.note(30)));
    // One that only was slow is answered.
    slow[1].write_all(request.as_bytes()).unwrap();
    conflict(&answer(&mut slow[1]), 30);
    drop(slow.split_off(2));
    assert!(server.terminate().success(), "open connections do not keep it from stopping");
}

// ------------------------------------------------------------------------------------------------ logs on real stores

/// Does something with the store's log, beside the binary.
fn with_log<T>(store: &Store, act: impl AsyncFnOnce(&Log) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let log = Log::open(store.url(), Options::default()).await.unwrap();
        let done = act(&log).await;
        log.close().await;
        done
    })
}

/// Signs the store's log as it stands.
fn sign(store: &Store, key: &SignerKey) -> SignedCheckpoint {
    with_log(store, async |log| log.sign_checkpoint(key).await.unwrap())
}

fn policy(store: &Store, lines: &[String]) -> String {
    let text = format!("log {}\n{}\n", log_key().verifier(), lines.join("\n"));
    store.write("policy", text).to_str().unwrap().to_owned()
}

pub(crate) fn of_one(store: &Store, post: &Post, server: &Server) -> String {
    policy(store, &[format!("witness w {} {}", post.vkey, server.url()), "quorum w".to_owned()])
}

/// `log cosign`, with its exit code.
#[track_caller]
pub(crate) fn ask(store: &Store, policy: &str, code: i32) -> Value {
    let sogoc = store.sogoc().with(&["--json"]);
    sogoc.run(&["log", "cosign", "--policy", policy, "--timeout", "3"]).ends(code).document()
}

fn a_log_that_was_rewritten_is_refused_by_its_witness(kind: Kind) {
    let (store, rewritten) = (Store::pilot(kind), Store::pilot(kind));
    let post = Post::new("witness.example/one");
    let server = post.start(&[log_key().verifier().to_string()]);
    let asked = of_one(&store, &post, &server);
    let first = sign(&store, &log_key());
    let answer = ask(&store, &asked, 0);
    assert_eq!((&answer["quorum_met"], &answer["size"]), (&true.into(), &first.size().into()));
    assert_eq!(answer["witnesses"][0]["outcome"], "cosigned");
    assert_eq!(ask(&store, &asked, 0)["witnesses"][0]["outcome"], "already-cosigned");
    // The same log to here, and then something else in each.
    store.sogoc().accepted(&[pilot::declares_all("so-y-te")]);
    rewritten.sogoc().accepted(&[pilot::declares_all("so-noi-vu")]);
    sign(&store, &log_key());
    assert_eq!(ask(&store, &asked, 0)["witnesses"][0]["outcome"], "cosigned");
    let fork = sign(&rewritten, &log_key());
    let asked = of_one(&rewritten, &post, &server);
    let answer = ask(&rewritten, &asked, 1);
    assert_eq!(answer["quorum_met"], false);
    assert_eq!(answer["missing"][0], "w");
    assert_eq!(answer["witnesses"][0]["outcome"], "inconsistent", "at size {}: {answer}", fork.size());
    rewritten.sogoc().accepted(&[pilot::declares_all("so-y-te"), pilot::submits("so-y-te")]);
    sign(&rewritten, &log_key());
    assert_eq!(ask(&rewritten, &asked, 1)["witnesses"][0]["outcome"], "inconsistent", "and it stays found out");
    let text = rewritten.sogoc().with(&["--lang", "en"]).run(&["log", "cosign", "--policy", &asked]).ends(1).stdout;
    assert!(text.contains("was history rewritten?") && text.contains("missing: w"), "{text}");
}

fn a_log_restored_from_an_old_backup_is_told_so_by_its_witness(kind: Kind) {
    let (store, backup) = (Store::pilot(kind), Store::pilot(kind));
    let post = Post::new("witness.example/one");
    let server = post.start(&[log_key().verifier().to_string()]);
    let asked = of_one(&store, &post, &server);
    store.sogoc().accepted(&[pilot::declares_all("so-y-te")]);
    let newest = sign(&store, &log_key());
    ask(&store, &asked, 0);
    sign(&backup, &log_key());
    let answer = ask(&backup, &of_one(&backup, &post, &server), 1);
    assert_eq!(answer["witnesses"][0]["outcome"], "ahead");
    assert_eq!(answer["witnesses"][0]["size"], newest.size());
}

fn witnesses_that_hang_lie_or_flood_cost_no_more_than_their_time(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    let signed = sign(&store, &log_key());
    let post = Post::new("witness.example/good");
    let good = post.start(&[log_key().verifier().to_string()]);
    let own = |seed| key("witness.example/bad", Algorithm::CosignatureV1, seed);
    let line = |key: &SignerKey, text: &str| format!("{}\n", cosign(text, key, 1).unwrap()).into_bytes();
    let text = signed.note.text().to_owned();
    let other_text = format!("{LOG}\n{}\n{}\n", signed.size(), Hash([1; 32]).to_base64());
    let ok = |body: Vec<u8>| Fake::answering("200 OK", "", body);
    let tlog_size = "Content-Type: text/x.tlog.size\r\n";
    let fakes = [
        (
            "hangs",
            "timed-out",
            Fake::start(|_, _| {
                loop {
                    std::thread::park()
                }
            }),
        ),
        (
            "drips",
            "timed-out",
            Fake::start(|stream, _| {
                let mut next = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
                while next.is_ok() {
                    std::thread::sleep(Duration::from_millis(100));
                    next = stream.write_all(b"x");
                }
            }),
        ),
        (
            "floods",
            "too-long",
            Fake::start(|stream, _| {
                let mut next = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
                while next.is_ok() {
                    next = stream.write_all(&[b'x'; 65_536]);
                }
            }),
        ),
        (
            "headers",
            "unreachable",
            Fake::start(|stream, _| {
                let mut next = stream.write_all(b"HTTP/1.1 200 OK\r\n");
                while next.is_ok() {
                    next = stream.write_all(b"X-More: and more and more and more and more\r\n");
                }
            }),
        ),
        ("breaks", "unreachable", Fake::start(|_, _| {})),
        ("no-http", "unreachable", Fake::start(|stream, _| drop(stream.write_all(b"hello\n\n\n")))),
        ("other-key", "not-a-cosignature", ok(line(&own(99), &text))),
        ("other-text", "not-a-cosignature", ok(line(&own(8), &other_text))),
        ("garbage", "not-a-cosignature", ok(vec![0xff; 100])),
        ("empty", "not-a-cosignature", ok(Vec::new())),
        (
            "redirects",
            "redirected",
            Fake::answering("302 Found", &format!("Location: {}/add-checkpoint\r\n", good.url()), Vec::new()),
        ),
        ("ahead", "ahead", Fake::answering("409 Conflict", tlog_size, b"9000000000\n".to_vec())),
        (
            "forked",
            "inconsistent",
            Fake::answering("409 Conflict", tlog_size, format!("{}\n", signed.size()).into_bytes()),
        ),
        ("nonsense", "refused", Fake::answering("409 Conflict", tlog_size, b"-1\n".to_vec())),
        (
            "circles",
            "refused",
            Fake::start({
                let turn = std::sync::atomic::AtomicU64::new(0);
                move |stream, _| {
                    let size = 1 + turn.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                    let _ = write!(
                        stream,
                        "HTTP/1.1 409 Conflict\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{size}\n"
                    );
                }
            }),
        ),
        ("inconsistent", "inconsistent", Fake::answering("422 Unprocessable Entity", "", b"\x1b[2Jno\n".to_vec())),
        ("unknown", "refused", Fake::answering("404 Not Found", "", b"who?\n".to_vec())),
    ];
    let mut lines = vec![format!("witness good {} {}", post.vkey, good.url())];
    for ((name, _, fake), seed) in fakes.iter().zip(1..) {
        lines.push(format!("witness {name} {} {}", own(seed).verifier(), fake.url()));
    }
    lines.push(format!("witness closed {} http://127.0.0.1:1/", own(101).verifier()));
    lines.push(format!("witness nowhere {}", own(102).verifier()));
    lines.push(format!("witness file {} file:///etc/passwd", own(103).verifier()));
    let names: Vec<&str> = fakes.iter().map(|(name, _, _)| *name).collect();
    let all = [&lines[..], &[format!("group all any good {}", names.join(" ")), "quorum all".to_owned()]].concat();
    let file = policy(&store, &all);
    #[expect(clippy::disallowed_methods, reason = "what is tested is how long it takes")]
    let began = Instant::now();
    let answer = ask(&store, &file, 0);
    let took = began.elapsed();
    assert!(took < Duration::from_secs(12), "three seconds for all together, not {took:?}");
    assert!(answer["quorum_met"] == true, "the good one is enough: {answer}");
    let outcome = |name: &str| {
        let all = answer["witnesses"].as_array().unwrap();
        all.iter().find(|witness| witness["witness"] == name).unwrap()["outcome"].clone()
    };
    assert_eq!(outcome("good"), "cosigned");
    for (name, expected, _) in &fakes {
        assert_eq!(outcome(name), *expected, "{name}: {answer}");
    }
    assert_eq!(outcome("closed"), "unreachable");
    assert_eq!(outcome("nowhere"), "no-address");
    assert_eq!(outcome("file"), "no-address");
    let asked = |name: &str| fakes.iter().find(|(fake, _, _)| *fake == name).unwrap().2.requests();
    assert_eq!((asked("circles"), asked("redirects")), (2, 1), "once more after a conflict, never elsewhere");
    // A policy that only liars could meet is not met, and nothing of theirs is kept.
    let liars = [&lines[..], &["quorum other-key".to_owned()]].concat();
    let answer = ask(&store, &policy(&store, &liars), 1);
    assert_eq!(answer["quorum_met"], false);
    assert_eq!(store.cell("select cast(count(*) as text) from cosignature"), "1");
    // All the while the log takes appends.
    sogoc.accepted(&[pilot::declares_all("so-y-te")]);
}

fn a_served_log_is_signed_and_cosigned_as_it_grows(kind: Kind) {
    let store = Store::pilot(kind);
    let post = Post::new("witness.example/one");
    let witness = post.start(&[log_key().verifier().to_string()]);
    let hanging = Fake::start(|_, _| {
        loop {
            std::thread::park()
        }
    });
    let silent = key("witness.example/silent", Algorithm::CosignatureV1, 5);
    let lines = [
        format!("witness w {} {}", post.vkey, witness.url()),
        format!("witness silent {} {}", silent.verifier(), hanging.url()),
        "quorum w".to_owned(),
    ];
    let policy = policy(&store, &lines);
    let key = store.write("log.key", format!("{}\n", log_key().encode()));
    let key = key.to_str().unwrap();
    let server =
        Server::start(&store.sogoc(), &["log", "serve", "--listen", "127.0.0.1:0", "--key", key, "--policy", &policy]);
    let wait_for_cosigned = |size: u64| {
        for _ in 0..POLLS_MAX {
            let reply = server.get("/checkpoint");
            let note = Note::parse(&reply.body).unwrap();
            let found = Checkpoint::parse(note.text()).unwrap().size();
            let verified = note.verify(&[log_key().verifier().clone(), post.verifier()]).unwrap();
            if found == size && verified.len() == 2 {
                return;
            }
            std::thread::sleep(Duration::from_millis(POLL_MS));
        }
        panic!("size {size} was not cosigned: {}", server.get("/checkpoint").text());
    };
    wait_for_cosigned(store.sogoc().size());
    for agency in ["so-y-te", "so-noi-vu"] {
        store.sogoc().accepted(&[pilot::declares_all(agency)]);
        wait_for_cosigned(store.sogoc().size());
    }
    assert!(server.terminate().success(), "a witness that hangs does not keep it from stopping");
    store.sogoc().ok(&["log", "verify"]);
    // A key of another name is refused before anything is served.
    let other = store.write("other.key", key_of("another.example/log").encode());
    let arguments = ["log", "serve", "--listen", "127.0.0.1:0", "--key", other.to_str().unwrap()];
    store.sogoc().run(&arguments).ends(1);
}

fn key_of(name: &str) -> SignerKey {
    key(name, Algorithm::Ed25519, 8)
}

fn tiles_over_http_lead_to_the_signed_root(kind: Kind) {
    let store = Store::demo(kind);
    let signed = sign(&store, &log_key());
    let server = Server::start(&store.sogoc(), &["log", "serve", "--listen", "127.0.0.1:0", "--with-entries"]);
    let checkpoint = server.get("/checkpoint");
    assert_eq!(checkpoint.headers["content-type"], "text/plain; charset=utf-8");
    assert_eq!(checkpoint.headers["cache-control"], "public, max-age=1");
    assert_eq!(checkpoint.text(), signed.note.to_string());
    let size = signed.size();
    let mut tiles = std::collections::HashMap::new();
    for tile in tiles_at(size) {
        let reply = server.get(&format!("/{}", tile.path()));
        assert_eq!(reply.status, 200, "{tile}");
        assert_eq!(reply.headers["content-type"], "application/octet-stream");
        assert!(reply.headers["cache-control"].contains("immutable"));
        tiles.insert(tile, tile.decode(&reply.body).unwrap());
    }
    assert!(tiles.keys().any(|tile| tile.level() == 1), "{size} entries have more than one level of tiles");
    let found = root_from_tiles(size, |tile: Tile| tiles.get(&tile).map(Vec::as_slice)).unwrap();
    assert_eq!(found, signed.root());
    let mut leaves = Vec::new();
    for bundle in bundles_at(size) {
        let reply = server.get(&format!("/{}", bundle.path()));
        assert_eq!(reply.headers["cache-control"].split(',').next(), Some("private"));
        leaves.extend(bundle.decode(&reply.body).unwrap().iter().map(|entry| leaf_hash(entry)));
    }
    assert_eq!(root(&leaves), signed.root());
    // What is exported as files is the same, byte for byte.
    let folder = store.folder().join("exported");
    with_log(&store, async |log| log.export_tiles(&folder, WithEntries::Yes, &signed, |_, _| ()).await.unwrap());
    let paths = tiles_at(size).map(Tile::path).chain(bundles_at(size).map(EntryBundle::path));
    for path in paths.chain(["checkpoint".to_owned()]) {
        let reply = server.get(&format!("/{path}"));
        assert_eq!((reply.status, reply.body), (200, std::fs::read(folder.join(&path)).unwrap()), "{path}");
    }
}

fn only_what_is_signed_is_served_and_by_one_spelling(kind: Kind) {
    let unsigned = Store::empty(kind);
    unsigned.sogoc().ok(&["store", "migrate"]);
    let server = Server::start(&unsigned.sogoc(), &["log", "serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(server.get("/checkpoint").status, 404, "nothing was signed yet");
    assert_eq!(server.get("/tile/0/000.p/1").status, 404);
    drop(server);
    let store = Store::pilot(kind);
    let server = Server::start(&store.sogoc(), &["log", "serve", "--listen", "127.0.0.1:0"]);
    let size = sign(&store, &log_key()).size();
    assert_eq!(server.get("/checkpoint").status, 200);
    // Without its key nothing more is signed.
    std::fs::remove_file(store.folder().join(KEY)).unwrap();
    store.sogoc().accepted(&[pilot::declares_all("so-y-te")]);
    let last = Tile::in_tree(0, (size - 1) / 256, size).unwrap();
    assert_eq!(server.get(&format!("/{last}")).status, 200);
    assert_eq!(server.get("/tile/0/000.p/3").status, 200, "any part of what is signed");
    let wider = Tile::try_new(0, last.index(), last.width() + 1).unwrap();
    assert_eq!(server.get(&format!("/{wider}")).status, 404, "the log has it, and nobody signed it");
    for path in [
        "/tile/0/0",
        "/tile/00/000.p/3",
        "/tile/0/000.p/0",
        "/tile/0/000.p/256",
        "/tile/0/000.p/03",
        "/tile/0/x000/000",
        "/tile/0/000%2Ep/3",
        "/tile/0/../0/000.p/3",
        "/tile/0//000.p/3",
        "/tile/64/000.p/1",
        "/tile/-1/000",
        "/tile/0/000.p/3/",
        "/tile/0/000.p",
        "/tile/",
        "/tile",
        "/x",
        "/checkpoint/",
        "//checkpoint",
        "/tile/0/x999/x999/x999/x999/x999/x999/999",
    ] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
    let entries = server.get(&format!("/{}", EntryBundle::in_log(0, size).unwrap().path()));
    assert_eq!(entries.status, 404);
    assert!(entries.text().contains("--with-entries"), "{}", entries.text());
    assert_eq!(server.post("/checkpoint", b"").status, 405);
}
