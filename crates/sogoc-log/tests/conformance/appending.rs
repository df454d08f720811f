//! Density, versions, idempotency, read sets, time, limits.

use std::collections::HashSet;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use sogoc_log::{
    Batch, Clock as _, Follower, Hash, InstrumentRef, Log, LogError, ManualClock, Observer, Options, Position, Receipt,
    StoredEntry, SystemClock, Timestamp, Version,
};
use sogoc_proof::leaf_hash;

use super::stage::{Stage, append, append_until_accepted, appends, command, fill, manual, on_both_stores, stream};

on_both_stores!(
    positions_are_dense_versions_count_and_the_root_is_that_of_the_bytes,
    an_entry_holds_what_was_appended,
    a_stream_that_moved_is_a_conflict_and_records_nothing,
    a_stream_that_was_only_read_is_checked_too,
    a_command_takes_effect_once,
    the_same_command_many_times_at_once_gets_one_receipt,
    of_many_that_expect_the_same_version_one_wins,
    what_moves_under_a_prefix_is_told,
    time_never_runs_backwards,
    what_was_received_long_ago_or_ahead_of_time_is_refused,
    what_is_not_fit_to_be_recorded_is_refused_before_the_queue,
    a_full_queue_answers_at_once,
    an_observer_is_told_of_every_append_and_batch,
    two_logs_on_one_store_stay_dense,
    reading_goes_on_where_it_stopped,
    a_reader_is_woken,
    a_follower_is_given_what_was_recorded_before_its_callers_are_answered,
    who_is_given_what_is_recorded_here_is_woken_by_others_alone,
    a_closed_log_answers_what_is_queued_and_no_more,
);

/// Every promise about the entries as a whole.
pub(crate) async fn check_whole(log: &Log) -> u64 {
    let head = log.head().await.expect("readable");
    let chunks: Vec<_> = log.read_all(Position(0)).collect().await;
    let entries: Vec<_> = chunks.into_iter().flat_map(|chunk| chunk.expect("readable")).collect();
    assert_eq!(entries.len() as u64, head.size);
    let mut versions = std::collections::HashMap::new();
    let mut commands = HashSet::new();
    let mut last = Timestamp::MIN;
    for (number, stored) in entries.iter().enumerate() {
        let entry = stored.parse().expect("canonical");
        assert_eq!(stored.position, Position(number as u64));
        assert_eq!(entry.position, stored.position);
        let version = versions.entry(entry.stream.to_owned()).or_insert(0_u64);
        *version += 1;
        assert_eq!(entry.version, Version(*version));
        assert!(commands.insert((entry.command, entry.command_index)), "a command is recorded once");
        assert!(entry.at >= last);
        last = entry.at;
    }
    let leaves: Vec<Hash> = entries.iter().map(|entry| leaf_hash(entry.bytes.as_bytes())).collect();
    assert_eq!(sogoc_proof::root(&leaves), head.root);
    assert_eq!(head.at.unwrap_or(Timestamp::MIN), last);
    head.size
}

async fn positions_are_dense_versions_count_and_the_root_is_that_of_the_bytes(stage: Stage) {
    let log = stage.log().await;
    assert_eq!(log.head().await.expect("readable").root, sogoc_proof::empty_root());
    assert_eq!(check_whole(&log).await, 0);
    let receipt = log.append(appends(&[("a/x", 0), ("b/x", 0), ("a/y", 0)])).await.expect("accepted");
    assert_eq!(receipt.positions, [Position(0), Position(1), Position(2)]);
    assert!(!receipt.repeated);
    fill(&log, "a/x", 20).await;
    let tasks = (0..8).map(|n| {
        let log = log.clone();
        tokio::spawn(async move { fill(&log, &format!("c/{n}"), 10).await })
    });
    for task in join_all(tasks).await {
        task.expect("no panic");
    }
    assert_eq!(check_whole(&log).await, 103);
    assert_eq!(log.stream_version(&stream("a/x")).await, Ok(Version(21)));
    assert_eq!(log.stream_version(&stream("a/z")).await, Ok(Version(0)));
    let streams = log.streams("a/").await.expect("readable");
    assert_eq!(streams, [(stream("a/x"), Version(21)), (stream("a/y"), Version(1))]);
    assert_eq!(log.streams("").await.expect("readable").len(), 11);
}

async fn an_entry_holds_what_was_appended(stage: Stage) {
    let log = stage.log_with(Options { name: Some("sogoc.example/ha-nam".to_owned()), ..Options::default() }).await;
    fill(&log, "a/x", 2).await;
    let mut append = append("a/x", 2);
    append.actor.agency = Some("so-tu-phap".to_owned());
    append.actor.on_behalf_of = Some("tk-02".to_owned());
    append.actor.delegation = Some(Position(0));
    append.actor.capacity = Some("KT. Giám đốc \"phó\"".to_owned());
    append.instrument = Some(InstrumentRef { id: "qd-12".to_owned(), clause: Some("Điều 3".to_owned()) });
    append.occurred = Some(Timestamp::parse("2022-11-23T02:00:00.000000Z").expect("a time"));
    append.correlation = Some("lượt-1".to_owned());
    append.drafts[0].causation = Some(Position(1));
    let receipt = log.append(append.clone()).await.expect("accepted");
    let stored = log.read(Position(2), 10).await.expect("readable");
    let entry = stored[0].parse().expect("canonical");
    assert_eq!(entry.actor.to_actor(), append.actor);
    assert_eq!(entry.instrument.as_ref().map(|instrument| instrument.to_instrument()), append.instrument);
    assert_eq!((entry.at, entry.received, entry.occurred), (receipt.at, append.received, append.occurred));
    assert_eq!(entry.correlation.as_deref(), append.correlation.as_deref());
    assert_eq!((entry.command, entry.command_digest, entry.command_index), (append.command, [7; 32], 0));
    assert_eq!((entry.kind, entry.kind_version, entry.causation), ("counted", 1, Some(Position(1))));
    assert_eq!((entry.stream, entry.version, entry.log), ("a/x", Version(3), "sogoc.example/ha-nam"));
    assert_eq!(entry.data.get(), "{\"number\":2}");
}

async fn a_stream_that_moved_is_a_conflict_and_records_nothing(stage: Stage) {
    let log = stage.log().await;
    fill(&log, "a/x", 3).await;
    for expected in [0, 2, 4] {
        let stale = appends(&[("b/new", 0), ("a/x", expected)]);
        let conflict = LogError::Conflict { stream: stream("a/x"), expected: Version(expected), actual: Version(3) };
        assert_eq!(log.append(stale.clone()).await, Err(conflict));
        // A refusal does not consume the command's id.
        assert_eq!(log.receipt(stale.command).await, Ok(None));
    }
    assert_eq!(check_whole(&log).await, 3);
}

async fn a_stream_that_was_only_read_is_checked_too(stage: Stage) {
    let log = stage.log().await;
    fill(&log, "season/s", 2).await;
    let mut append = append("a/x", 0);
    append.expected.push((stream("season/s"), Version(1)));
    let conflict = LogError::Conflict { stream: stream("season/s"), expected: Version(1), actual: Version(2) };
    assert_eq!(log.append(append.clone()).await, Err(conflict));
    append.expected[1].1 = Version(2);
    log.append(append).await.expect("now it rests on what is there");
    assert_eq!(log.stream_version(&stream("season/s")).await, Ok(Version(2)));
}

async fn a_command_takes_effect_once(stage: Stage) {
    let log = stage.log().await;
    let first = appends(&[("a/x", 0), ("a/y", 0)]);
    let receipt = log.append(first.clone()).await.expect("accepted");
    fill(&log, "a/x", 2).await;
    // Long after the versions that it rested on have gone.
    assert_eq!(log.append(first.clone()).await, Ok(Receipt { repeated: true, ..receipt.clone() }));
    let another = sogoc_log::Append { command_digest: [8; 32], ..first.clone() };
    assert_eq!(
        log.append(another).await,
        Err(LogError::CommandReused { command: first.command, recorded: "07".repeat(32), given: "08".repeat(32) })
    );
    let (digest, found) = log.receipt(first.command).await.expect("readable").expect("recorded");
    assert_eq!((digest, found), ([7; 32], Receipt { repeated: true, ..receipt }));
    assert_eq!(log.receipt(command()).await, Ok(None));
    assert_eq!(check_whole(&log).await, 4);
}

async fn the_same_command_many_times_at_once_gets_one_receipt(stage: Stage) {
    let log = stage.log().await;
    let one = append("a/x", 0);
    let answers = join_all((0..50).map(|_| log.append(one.clone()))).await;
    let receipts: Vec<Receipt> = answers.into_iter().map(|answer| answer.expect("a receipt")).collect();
    assert_eq!(receipts.iter().filter(|receipt| !receipt.repeated).count(), 1);
    assert!(receipts.iter().all(|receipt| receipt.positions == [Position(0)] && receipt.at == receipts[0].at));
    let other = sogoc_log::Append { command: command(), ..append("a/y", 0) };
    let (reused, fresh) = (sogoc_log::Append { command_digest: [9; 32], ..other.clone() }, other);
    let answers = join_all([log.append(fresh), log.append(reused)]).await;
    assert!(answers[0].is_ok());
    assert!(matches!(answers[1], Err(LogError::CommandReused { .. })), "{:?}", answers[1]);
    assert_eq!(check_whole(&log).await, 2);
}

async fn of_many_that_expect_the_same_version_one_wins(stage: Stage) {
    let log = stage.log().await;
    for version in 0..5 {
        let answers = join_all((0..40).map(|_| log.append(append("a/x", version)))).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
        for answer in answers.iter().filter(|answer| answer.is_err()) {
            let conflict =
                LogError::Conflict { stream: stream("a/x"), expected: Version(version), actual: Version(version + 1) };
            assert_eq!(answer, &Err(conflict));
        }
    }
    // In one batch an append can rest on the one before it.
    let answers = join_all((5..25).map(|version| log.append(append("a/x", version)))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(check_whole(&log).await, 25);
}

async fn what_moves_under_a_prefix_is_told(stage: Stage) {
    let log = stage.log().await;
    fill(&log, "scorecard/s/a", 2).await;
    fill(&log, "scorecard/s2/a", 1).await;
    let announce = |since: u64| {
        let mut announce = append("results/s", 0);
        announce.unmoved = vec![("scorecard/s/".to_owned(), Position(since))];
        announce
    };
    let moved = LogError::Moved {
        prefix: "scorecard/s/".to_owned(),
        since: Position(0),
        stream: stream("scorecard/s/a"),
        position: Position(1),
    };
    assert_eq!(log.append(announce(0)).await, Err(moved));
    // In the same batch as the score that moves it.
    let answers = join_all([log.append(append("scorecard/s/b", 0)), log.append(announce(2))]).await;
    assert!(answers[0].is_ok());
    assert!(matches!(&answers[1], Err(LogError::Moved { position: Position(3), .. })), "{:?}", answers[1]);
    assert!(matches!(log.append(announce(4)).await, Err(LogError::Refused { .. })), "a position that is not there");
    log.append(announce(3)).await.expect("nothing moved since");
    assert_eq!(check_whole(&log).await, 5);
}

async fn time_never_runs_backwards(stage: Stage) {
    let start = Timestamp::parse("2026-11-23T02:00:00.000000Z").expect("a time");
    let clock = Arc::new(ManualClock::new(start));
    let log = stage.log_with(manual(&clock)).await;
    let at = |version: u64| {
        let mut append = append("a/x", version);
        append.received = clock.now();
        append
    };
    assert_eq!(log.append(at(0)).await.expect("accepted").at, start);
    clock.set(start.saturating_add_micros(-5_000_000));
    let mut held = at(1);
    held.received = start;
    assert_eq!(log.append(held).await.expect("accepted").at, start, "five seconds behind: the last time again");
    clock.set(start.saturating_add_micros(-5_000_001));
    assert!(matches!(log.append(at(2)).await, Err(LogError::Unavailable { .. })));
    clock.set(start);
    clock.advance(Duration::from_secs(1));
    assert_eq!(log.append(at(2)).await.expect("accepted").at, start.saturating_add_micros(1_000_000));
    check_whole(&log).await;
}

async fn what_was_received_long_ago_or_ahead_of_time_is_refused(stage: Stage) {
    let log = stage.log().await;
    for (off, admitted) in [(-9_000_000, true), (-60_000_000, false), (1_000_000, true), (60_000_000, false)] {
        let mut append = append("a/x", log.stream_version(&stream("a/x")).await.expect("readable").0);
        append.received = SystemClock.now().saturating_add_micros(off);
        match log.append(append).await {
            Ok(_) => assert!(admitted, "{off}"),
            Err(LogError::Late { .. }) => assert!(!admitted, "{off}"),
            Err(other) => panic!("{other}"),
        }
    }
    let slow = Arc::new(ManualClock::new(SystemClock.now().saturating_add_micros(-3_000_000)));
    let log = stage.log_with(Options { clock: slow, ..Options::default() }).await;
    let answer = log.append(append("a/y", 0)).await;
    // A node whose clock is over two seconds off the database's refuses commands; with SQLite there is no other clock.
    assert_eq!(matches!(answer, Err(LogError::Unavailable { .. })), stage.is_postgres(), "{answer:?}");
}

async fn what_is_not_fit_to_be_recorded_is_refused_before_the_queue(stage: Stage) {
    let log = stage.log().await;
    type Change = fn(&mut sogoc_log::Append);
    let changes: [(&str, Change); 20] = [
        ("no entry", |append| append.drafts.clear()),
        ("unread write", |append| append.expected.clear()),
        ("twice expected", |append| append.expected.push(append.expected[0].clone())),
        ("kind", |append| append.drafts[0].kind = "Score Adjusted".to_owned()),
        ("kind version", |append| append.drafts[0].kind_version = 0),
        ("not an object", |append| append.drafts[0].data = "[]".to_owned()),
        ("not canonical", |append| append.drafts[0].data = "{\"b\":1,\"a\":2}".to_owned()),
        ("float", |append| append.drafts[0].data = "{\"b\":1.5}".to_owned()),
        ("null", |append| append.drafts[0].data = "{\"b\":null}".to_owned()),
        ("two values", |append| append.drafts[0].data = "{}{}".to_owned()),
        ("not NFC", |append| append.drafts[0].data = "{\"b\":\"e\u{301}\"}".to_owned()),
        ("too large", |append| append.drafts[0].data = format!("{{\"b\":\"{}\"}}", "x".repeat(65_500))),
        ("account", |append| append.actor.account = "Nguyễn Văn A".to_owned()),
        ("capacity", |append| append.actor.capacity = Some("x".repeat(300))),
        ("clause", |append| {
            append.instrument = Some(InstrumentRef { id: "q".to_owned(), clause: Some("\n".to_owned()) })
        }),
        ("future cause", |append| append.drafts[0].causation = Some(Position(0))),
        ("prefix", |append| append.unmoved.push((String::new(), Position(0)))),
        ("nil command", |append| append.command = sogoc_log::Uuid::nil()),
        ("commitment", |append| {
            append.sealed.push(sogoc_log::SealedText { commitment: [1; 32], salt: [2; 32], text: "a".to_owned() });
        }),
        ("sealed NUL", |append| append.sealed.push(sogoc_log::SealedText::new([2; 32], "a\0b"))),
    ];
    for (what, change) in changes {
        let mut append = append("a/x", 0);
        change(&mut append);
        let answer = log.append(append.clone()).await;
        assert!(matches!(answer, Err(LogError::Refused { .. })), "{what}: {answer:?}");
        assert_eq!(log.check(&append).is_err(), what != "future cause", "{what}");
    }
    assert_eq!(check_whole(&log).await, 0);
    // The largest entry that is taken is stored whole.
    let mut largest = append("a/x", 0);
    let mut room = 65_535;
    loop {
        largest.drafts[0].data = format!("{{\"b\":\"{}\"}}", "x".repeat(room));
        if log.check(&largest).is_ok() {
            break;
        }
        room -= 1;
    }
    log.append(largest).await.expect("it fits");
    let stored = log.read(Position(0), 1).await.expect("readable");
    assert!(stored[0].bytes.len() > 65_500, "{}", stored[0].bytes.len());
    check_whole(&log).await;
}

async fn a_full_queue_answers_at_once(stage: Stage) {
    let log = stage.log_with(Options { queue_appends: 4, ..Options::default() }).await;
    let answers = join_all((0..200).map(|n| {
        let log = log.clone();
        async move { log.append(append(&format!("a/{n}"), 0)).await }
    }))
    .await;
    let accepted = answers.iter().filter(|answer| answer.is_ok()).count() as u64;
    let full = answers.iter().filter(|answer| matches!(answer, Err(LogError::Unavailable { retry_after_ms: 50, .. })));
    assert_eq!(full.count() as u64, 200 - accepted);
    assert!((4..200).contains(&accepted), "{accepted}");
    assert_eq!(check_whole(&log).await, accepted);
    let log = stage.log_with(Options { queue_bytes: 2_048, ..Options::default() }).await;
    let answers = join_all((0..50).map(|n| log.append(append(&format!("b/{n}"), 0)))).await;
    assert!(answers.iter().any(Result::is_ok) && answers.iter().any(Result::is_err));
}

/// Counts what it is told; each look at its clock is a millisecond later.
#[derive(Debug, Default)]
struct Counts {
    looks: AtomicU64,
    waiting: AtomicI64,
    full: AtomicU64,
    batches: Mutex<Vec<Batch>>,
    answered: Mutex<Vec<Duration>>,
}

impl Observer for Counts {
    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.looks.fetch_add(1, Ordering::SeqCst))
    }

    fn entered(&self, entries: usize) {
        self.waiting.fetch_add(entries as i64, Ordering::SeqCst);
    }

    fn left(&self, entries: usize) {
        let before = self.waiting.fetch_sub(entries as i64, Ordering::SeqCst);
        assert!(before >= entries as i64, "{before} entries waited, {entries} left");
    }

    fn full(&self) {
        self.full.fetch_add(1, Ordering::SeqCst);
    }

    fn answered(&self, after: Duration) {
        self.answered.lock().expect("nobody panicked").push(after);
    }

    fn batch(&self, batch: Batch) {
        self.batches.lock().expect("nobody panicked").push(batch);
    }
}

async fn an_observer_is_told_of_every_append_and_batch(stage: Stage) {
    let counts = Arc::new(Counts::default());
    let observer: Arc<dyn Observer> = counts.clone();
    let log = stage.log_with(Options { observer: Some(observer), queue_appends: 8, ..Options::default() }).await;
    let answers = join_all((0..20).map(|n| log.append(appends(&[(&format!("a/{n}"), 0), ("b/all", 0)])))).await;
    let accepted = answers.iter().filter(|answer| answer.is_ok()).count();
    let full = answers.iter().filter(|answer| matches!(answer, Err(LogError::Unavailable { .. }))).count();
    let mut again = append("c/1", 0);
    again.command = command();
    log.append(again.clone()).await.expect("accepted");
    log.append(again).await.expect("the first receipt");
    assert_eq!(counts.waiting.load(Ordering::SeqCst), 0, "nothing waits any more");
    log.close().await;
    let batches = counts.batches.lock().expect("nobody panicked");
    let sum = |of: fn(&Batch) -> usize| batches.iter().map(of).sum::<usize>();
    assert_eq!(counts.full.load(Ordering::SeqCst), full as u64);
    assert_eq!(sum(|batch| batch.appends), 20 - full + 2);
    assert_eq!((accepted, sum(|batch| batch.accepted)), (1, 3), "one of those that expect b/all at 0 wins");
    assert_eq!(sum(|batch| batch.entries), 3, "a command sent again records nothing");
    let answered = counts.answered.lock().expect("nobody panicked");
    assert_eq!(answered.len(), 20 - full + 2);
    assert!(
        batches.iter().all(|batch| batch.taken > Duration::ZERO)
            && answered.iter().all(|after| *after > Duration::ZERO)
    );
}

async fn two_logs_on_one_store_stay_dense(stage: Stage) {
    let logs = [stage.log().await, stage.log().await];
    let tasks = (0..16).map(|n| {
        let log = logs[n % 2].clone();
        // Half of the streams are shared by writers of both logs.
        let name = format!("a/{}", n / 2 % 4 + if n < 8 { 0 } else { n });
        tokio::spawn(async move {
            let mut positions = Vec::new();
            for _ in 0..15 {
                positions.extend(append_until_accepted(&log, &name).await.positions);
            }
            positions
        })
    });
    let mut positions = Vec::new();
    for task in join_all(tasks).await {
        positions.extend(task.expect("no panic"));
    }
    positions.sort_unstable();
    assert_eq!(positions, (0..240).map(Position).collect::<Vec<_>>());
    assert_eq!(check_whole(&logs[0]).await, 240);
    assert_eq!(logs[0].head().await, logs[1].head().await);
}

async fn reading_goes_on_where_it_stopped(stage: Stage) {
    let log = stage.log().await;
    for _ in 0..9 {
        let names: Vec<String> = (0..1_000).map(|n| format!("a/{n}")).collect();
        let version = log.stream_version(&stream("a/0")).await.expect("readable").0;
        let to: Vec<(&str, u64)> = names.iter().map(|name| (name.as_str(), version)).collect();
        log.append(appends(&to)).await.expect("accepted");
    }
    fill(&log, "b/x", 7).await;
    assert_eq!(check_whole(&log).await, 9_007);
    let chunks: Vec<_> = log.read_all(Position(4_500)).collect().await;
    let read: Vec<Position> =
        chunks.into_iter().flat_map(|chunk| chunk.expect("readable")).map(|entry| entry.position).collect();
    assert_eq!(read, (4_500..9_007).map(Position).collect::<Vec<_>>());
    assert!(log.read(Position(9_007), 10).await.expect("readable").is_empty());
    assert!(log.read(Position(u64::MAX), 10).await.expect("readable").is_empty());
    assert_eq!(log.read(Position(9_000), usize::MAX).await.expect("readable").len(), 7);
    let versions: Vec<Version> = log
        .read_stream(&stream("b/x"), Version(3))
        .await
        .expect("readable")
        .iter()
        .map(|stored| stored.parse().expect("canonical").version)
        .collect();
    assert_eq!(versions, (3..=7).map(Version).collect::<Vec<_>>());
    assert!(log.read_stream(&stream("b/y"), Version(0)).await.expect("readable").is_empty());
}

async fn a_reader_is_woken(stage: Stage) {
    let (writer, reader) = (stage.log().await, stage.log().await);
    let mut wake = reader.wake();
    let reading = tokio::spawn(async move {
        let mut seen = 0;
        while seen < 20 {
            wake.wait().await;
            seen += reader.read(Position(seen), 100).await.expect("readable").len() as u64;
        }
        seen
    });
    fill(&writer, "a/x", 20).await;
    assert_eq!(tokio::time::timeout(Duration::from_secs(20), reading).await.expect("woken").expect("no panic"), 20);
}

#[derive(Debug, Default)]
struct Given(Mutex<Vec<StoredEntry>>);

impl Follower for Given {
    fn recorded(&self, entries: &[StoredEntry]) {
        self.0.lock().expect("no panic").extend_from_slice(entries);
    }
}

async fn a_follower_is_given_what_was_recorded_before_its_callers_are_answered(stage: Stage) {
    let (log, given) = (stage.log().await, Arc::new(Given::default()));
    log.append(append("before/it", 0)).await.expect("accepted");
    log.tell(Arc::clone(&given) as Arc<dyn Follower>);
    let tasks = (0..40).map(|n| {
        let (log, given) = (log.clone(), Arc::clone(&given));
        async move {
            // Some are refused, and some are of several entries.
            let name = format!("a/{}", n % 30);
            let appended = if n % 7 == 0 { appends(&[(&name, 0), ("b/x", n)]) } else { append(&name, 0) };
            let Ok(receipt) = log.append(appended).await else { return };
            let given = given.0.lock().expect("no panic");
            for position in receipt.positions {
                assert!(given.iter().any(|entry| entry.position == position), "{position} was answered and not given");
            }
        }
    });
    join_all(tasks).await;
    let given = given.0.lock().expect("no panic").clone();
    assert!(given.len() >= 20);
    assert_eq!(given, log.read(Position(1), 1_000).await.expect("readable"));
}

async fn who_is_given_what_is_recorded_here_is_woken_by_others_alone(stage: Stage) {
    let (ours, others) = (stage.log().await, stage.log().await);
    let mut wake = ours.wake_by_others();
    fill(&ours, "a/x", 20).await;
    assert_eq!(wake.told(), 0);
    if !stage.is_postgres() {
        // Nobody tells of others there.
        return;
    }
    let mut theirs = HashSet::new();
    while theirs.len() < 5 || wake.told() == 0 {
        theirs.insert(fill(&others, "b/x", 1).await[0].positions[0].0 + 1);
        wake.wait().await;
        fill(&ours, "a/x", 3).await;
        assert!(wake.told() == 0 || theirs.contains(&wake.told()), "{} is of {theirs:?}", wake.told());
    }
}

async fn a_closed_log_answers_what_is_queued_and_no_more(stage: Stage) {
    let log = stage.log().await;
    let other = log.clone();
    let queued = (0..30).map(|n| {
        let log = log.clone();
        async move { log.append(append(&format!("a/{n}"), 0)).await }
    });
    let queued = tokio::spawn(join_all(queued.collect::<Vec<_>>()));
    tokio::task::yield_now().await;
    log.close().await;
    let answers = queued.await.expect("no panic");
    assert!(matches!(other.append(append("b/x", 0)).await, Err(LogError::Unavailable { .. })));
    let log = stage.log().await;
    let recorded = answers.iter().filter(|answer| answer.is_ok()).count() as u64;
    assert_eq!(check_whole(&log).await, recorded);
}
