//! An aggregate under `CqrsFramework` over the log.

use std::collections::HashMap;

use cqrs_es::event_sink::EventSink;
use cqrs_es::{Aggregate, AggregateContext as _, AggregateError, CqrsFramework, DomainEvent, EventStore as _};
use serde::{Deserialize, Serialize};
use sogoc_log::event_store::LogEventStore;
use sogoc_log::{Actor, Log, Position};

use super::appending::check_whole;
use super::stage::{Stage, command, fill, on_both_stores};

on_both_stores!(
    an_aggregate_adds_up,
    commands_on_one_aggregate_conflict_and_can_be_retried,
    a_command_id_in_the_metadata_takes_effect_once,
    a_stream_that_was_read_besides_is_checked,
    what_cannot_be_recorded_is_refused,
);

#[derive(Debug, Default, Serialize, Deserialize)]
struct Sum(i64);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Added {
    by: i64,
}

impl DomainEvent for Added {
    fn event_type(&self) -> String {
        "added".to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the sum may not be negative")]
struct Negative;

impl Aggregate for Sum {
    const TYPE: &'static str = "sum";
    type Command = i64;
    type Event = Added;
    type Error = Negative;
    type Services = ();

    async fn handle(&mut self, by: i64, (): &(), sink: &EventSink<Self>) -> Result<(), Negative> {
        if self.0 + by < 0 {
            return Err(Negative);
        }
        if by != 0 {
            sink.write(Added { by }, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Added) {
        self.0 += event.by;
    }
}

fn store(log: &Log) -> LogEventStore<Sum> {
    let actor = Actor { account: "tk-01".to_owned(), ..Actor::default() };
    LogEventStore::try_new(log.clone(), "sum", actor).expect("a prefix")
}

async fn sum(log: &Log, id: &str) -> i64 {
    store(log).load_aggregate(id).await.expect("loads").aggregate().0
}

async fn an_aggregate_adds_up(stage: Stage) {
    let log = stage.log().await;
    let framework = CqrsFramework::new(store(&log), vec![], ());
    for _ in 0..6 {
        framework.execute("a", 10).await.expect("accepted");
    }
    framework.execute("b", 1).await.expect("accepted");
    framework.execute("a", 0).await.expect("nothing to record");
    assert!(matches!(framework.execute("a", -100).await, Err(AggregateError::UserError(Negative))));
    assert_eq!((sum(&log, "a").await, sum(&log, "b").await, sum(&log, "c").await), (60, 1, 0));
    let events = store(&log).load_events("a").await.expect("loads");
    assert_eq!(events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    assert_eq!(events[0].metadata["account"], "tk-01");
    assert_eq!(check_whole(&log).await, 7);
}

async fn commands_on_one_aggregate_conflict_and_can_be_retried(stage: Stage) {
    let log = stage.log().await;
    let tasks = (0..8).map(|_| {
        let framework = CqrsFramework::new(store(&log), vec![], ());
        tokio::spawn(async move {
            for _ in 0..5 {
                loop {
                    match framework.execute("a", 1).await {
                        Ok(()) => break,
                        Err(AggregateError::AggregateConflict) => {}
                        Err(other) => panic!("{other}"),
                    }
                }
            }
        })
    });
    for task in futures_util::future::join_all(tasks).await {
        task.expect("no panic");
    }
    assert_eq!(sum(&log, "a").await, 40);
    assert_eq!(check_whole(&log).await, 40);
}

async fn a_command_id_in_the_metadata_takes_effect_once(stage: Stage) {
    let log = stage.log().await;
    let framework = CqrsFramework::new(store(&log), vec![], ());
    let metadata = HashMap::from([
        ("command".to_owned(), command().to_string()),
        ("account".to_owned(), "tk-02".to_owned()),
        ("occurred".to_owned(), "2022-11-30T17:00:00+07:00".to_owned()),
        ("correlation".to_owned(), "lot-1".to_owned()),
    ]);
    for _ in 0..3 {
        framework.execute_with_metadata("a", 5, metadata.clone()).await.expect("accepted, then repeated");
    }
    assert!(framework.execute_with_metadata("a", 6, metadata.clone()).await.is_err(), "another command under its id");
    assert_eq!(sum(&log, "a").await, 5);
    let stored = log.read(Position(0), 1).await.expect("readable");
    let entry = stored[0].parse().expect("canonical");
    assert_eq!((entry.actor.account, entry.correlation.as_deref()), ("tk-02", Some("lot-1")));
    assert_eq!(entry.occurred.map(|time| time.to_string()).as_deref(), Some("2022-11-30T10:00:00.000000Z"));
}

async fn a_stream_that_was_read_besides_is_checked(stage: Stage) {
    let log = stage.log().await;
    fill(&log, "season/s", 2).await;
    let framework = CqrsFramework::new(store(&log), vec![], ());
    let reads = |version: u64| HashMap::from([("reads".to_owned(), format!("{{\"season/s\":{version}}}"))]);
    let stale = framework.execute_with_metadata("a", 5, reads(1)).await;
    assert!(matches!(stale, Err(AggregateError::AggregateConflict)), "{stale:?}");
    framework.execute_with_metadata("a", 5, reads(2)).await.expect("accepted");
}

async fn what_cannot_be_recorded_is_refused(stage: Stage) {
    let log = stage.log().await;
    let framework = CqrsFramework::new(store(&log), vec![], ());
    assert!(framework.execute("Not An Id", 5).await.is_err());
    for (key, value) in
        [("colour", "red"), ("command", "x"), ("received", "x"), ("reads", "[]"), ("command_digest", "x")]
    {
        let metadata = HashMap::from([(key.to_owned(), value.to_owned())]);
        let refused = framework.execute_with_metadata("a", 5, metadata).await;
        assert!(matches!(refused, Err(AggregateError::UnexpectedError(_))), "{key}: {refused:?}");
    }
    assert_eq!(check_whole(&log).await, 0);
}
