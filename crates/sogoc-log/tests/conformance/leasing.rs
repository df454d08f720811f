//! Leases: one holder at a time, and a cursor that only the holder moves.

use std::sync::Arc;
use std::time::Duration;

use sogoc_log::{Advanced, Clock as _, LogError, ManualClock, Position, Timestamp};

use super::stage::{Stage, manual, on_both_stores};

const SECOND_US: u64 = 1_000_000;

on_both_stores!(
    a_lease_has_one_holder_until_it_runs_out,
    a_holder_renews_its_lease_and_keeps_its_fence,
    a_lease_that_was_given_back_is_free_at_once_and_keeps_its_cursor,
    a_stale_holder_moves_no_cursor,
    of_many_that_ask_at_once_one_gets_the_lease,
    leases_of_other_names_are_other_leases,
    a_lease_is_judged_by_the_stores_clock,
    a_lease_without_a_name_or_for_too_long_is_refused,
);

fn noon() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Timestamp::parse("2026-11-23T12:00:00.000000Z").expect("a time")))
}

async fn a_lease_has_one_holder_until_it_runs_out(stage: Stage) {
    let clock = noon();
    let log = stage.log_with(manual(&clock)).await;
    let first = log.take_lease("relay", "one", 6 * SECOND_US).await.expect("readable").expect("free");
    assert_eq!((first.fence, first.cursor), (1, Position(0)));
    assert_eq!(log.lease_cursor("relay").await, Ok(Some(Position(0))));
    assert_eq!(log.lease_cursor("mirror").await, Ok(None));
    assert_eq!(first.until, clock.now().saturating_add_micros(6_000_000));
    clock.advance(Duration::from_micros(5_999_999));
    assert_eq!(log.take_lease("relay", "two", 6 * SECOND_US).await, Ok(None));
    clock.advance(Duration::from_micros(1));
    let second = log.take_lease("relay", "two", 6 * SECOND_US).await.expect("readable").expect("run out");
    assert_eq!(second.fence, 2);
    assert_eq!(log.take_lease("relay", "one", 6 * SECOND_US).await, Ok(None), "it changed hands");
}

async fn a_holder_renews_its_lease_and_keeps_its_fence(stage: Stage) {
    let clock = noon();
    let log = stage.log_with(manual(&clock)).await;
    let taken = log.take_lease("relay", "one", 6 * SECOND_US).await.expect("readable").expect("free");
    assert_eq!(log.advance_lease(&taken, Position(41)).await, Ok(Advanced::Moved));
    clock.advance(Duration::from_secs(4));
    let renewed = log.take_lease("relay", "one", 6 * SECOND_US).await.expect("readable").expect("its own");
    assert_eq!((renewed.fence, renewed.cursor), (1, Position(41)));
    assert!(renewed.until > taken.until);
    // Late, and nobody came between.
    clock.advance(Duration::from_secs(60));
    let late = log.take_lease("relay", "one", 6 * SECOND_US).await.expect("readable").expect("its own");
    assert_eq!((late.fence, late.cursor), (1, Position(41)));
    assert_eq!(log.advance_lease(&taken, Position(40)).await, Ok(Advanced::Moved), "back, where its holder says so");
}

async fn a_lease_that_was_given_back_is_free_at_once_and_keeps_its_cursor(stage: Stage) {
    let log = stage.log_with(manual(&noon())).await;
    let first = log.take_lease("relay", "one", 60 * SECOND_US).await.expect("readable").expect("free");
    assert_eq!(log.advance_lease(&first, Position(7)).await, Ok(Advanced::Moved));
    log.release_lease(&first).await.expect("given back");
    assert_eq!(log.advance_lease(&first, Position(8)).await, Ok(Advanced::Lost), "nobody's");
    let second = log.take_lease("relay", "two", 60 * SECOND_US).await.expect("readable").expect("free");
    assert_eq!((second.fence, second.cursor), (2, Position(7)));
    log.release_lease(&first).await.expect("does nothing");
    assert_eq!(log.take_lease("relay", "three", 60 * SECOND_US).await, Ok(None), "still the second's");
    // Its first holder comes by it anew under another fence.
    log.release_lease(&second).await.expect("given back");
    let third = log.take_lease("relay", "one", 60 * SECOND_US).await.expect("readable").expect("free");
    assert_eq!((third.fence, third.cursor), (3, Position(7)));
    assert_eq!(log.advance_lease(&first, Position(9)).await, Ok(Advanced::Lost), "from an earlier time");
}

async fn a_stale_holder_moves_no_cursor(stage: Stage) {
    let clock = noon();
    let log = stage.log_with(manual(&clock)).await;
    let stale = log.take_lease("relay", "one", SECOND_US).await.expect("readable").expect("free");
    clock.advance(Duration::from_secs(2));
    assert_eq!(log.advance_lease(&stale, Position(5)).await, Ok(Advanced::Moved), "run out, and nobody else's");
    let fresh = log.take_lease("relay", "two", SECOND_US).await.expect("readable").expect("run out");
    assert_eq!(log.advance_lease(&stale, Position(6)).await, Ok(Advanced::Lost));
    log.release_lease(&stale).await.expect("does nothing");
    let again = log.take_lease("relay", "two", SECOND_US).await.expect("readable").expect("its own");
    assert_eq!((again.fence, again.cursor), (fresh.fence, Position(5)));
}

async fn of_many_that_ask_at_once_one_gets_the_lease(stage: Stage) {
    let log = stage.log().await;
    for round in 1..=5_u64 {
        let asked = (0..8).map(|number| {
            let log = log.clone();
            async move { log.take_lease("relay", &format!("node-{number}"), 60 * SECOND_US).await.expect("readable") }
        });
        let taken: Vec<_> = futures_util::future::join_all(asked).await.into_iter().flatten().collect();
        assert_eq!(taken.len(), 1, "{taken:?}");
        assert_eq!(taken[0].fence, round);
        log.release_lease(&taken[0]).await.expect("given back");
    }
}

async fn leases_of_other_names_are_other_leases(stage: Stage) {
    let log = stage.log().await;
    let relay = log.take_lease("relay", "one", 60 * SECOND_US).await.expect("readable").expect("free");
    let mirror = log.take_lease("mirror", "two", 60 * SECOND_US).await.expect("readable").expect("free");
    assert_eq!(log.advance_lease(&mirror, Position(3)).await, Ok(Advanced::Moved));
    let again = log.take_lease("relay", "one", 60 * SECOND_US).await.expect("readable").expect("its own");
    assert_eq!((again.cursor, again.fence), (Position(0), relay.fence));
}

async fn a_lease_is_judged_by_the_stores_clock(stage: Stage) {
    // A node whose clock is a year ahead, beside a store that may have a clock of its own.
    let ahead = Arc::new(ManualClock::new(sogoc_log::SystemClock.now()));
    ahead.advance(Duration::from_secs(365 * 86_400));
    let log = stage.log().await;
    let wrong = sogoc_log::Options { time_source: sogoc_log::TimeSource::Store, ..manual(&ahead) };
    let other = stage.log_with(wrong).await;
    log.take_lease("relay", "one", 60 * SECOND_US).await.expect("readable").expect("free");
    let taken = other.take_lease("relay", "two", 60 * SECOND_US).await.expect("readable");
    if stage.is_postgres() {
        assert_eq!(taken, None, "the node's clock does not count");
    } else {
        assert!(taken.is_some(), "the process's clock is the only one");
    }
}

async fn a_lease_without_a_name_or_for_too_long_is_refused(stage: Stage) {
    let log = stage.log().await;
    let long = "x".repeat(129);
    for (name, holder, for_us) in [
        ("", "one", 1),
        ("Relay", "one", 1),
        ("relay", "", 1),
        ("relay", &long, 1),
        ("relay", "one", 0),
        ("relay", "one", u64::MAX),
    ] {
        let answer = log.take_lease(name, holder, for_us).await;
        assert!(matches!(answer, Err(LogError::Refused { .. })), "{name:?} {holder:?} {for_us}: {answer:?}");
    }
}
