//! Filling the peer's events table, and loading it back aggregate by aggregate.

use std::fmt::Write as _;
use std::time::Instant;

use anyhow::ensure;
use cqrs_es::persist::PersistedEventStore;
use cqrs_es::{Aggregate, AggregateContext, DomainEvent, EventStore};
use futures_util::future::try_join_all;
use postgres_es::PostgresEventRepository;
use serde::Serialize;
use sqlx::Executor;

use crate::Rate;
use crate::database::{Database, Reset};
use crate::scorecard::{Scorecard, event, metadata};

/// Bytes of rows sent to the server at a time.
const COPY_CHUNK_BYTES: usize = 1 << 20;

#[derive(Serialize)]
pub(crate) struct RowsReport {
    aggregates: u64,
    events: u64,
    callers: u32,
    #[serde(flatten)]
    rate: Rate,
}

/// Fills an emptied events table by `copy`, in the rows that postgres-es itself would have written.
pub(crate) async fn load(database: &Database, aggregates: u32, events_per: u32) -> anyhow::Result<RowsReport> {
    database.set_up(Reset::Drop).await?;
    let mut connection = database.connect().await?;
    let start = Instant::now();
    let mut copy = connection
        .copy_in_raw(
            "copy events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata) \
             from stdin",
        )
        .await?;
    let mut rows = String::with_capacity(COPY_CHUNK_BYTES + 4096);
    // Event by event over all aggregates, as a season grows: rows of one aggregate do not lie together on the disk.
    for step in 0..events_per {
        for aggregate in 0..aggregates {
            let id = format!("agency-{aggregate:05}");
            let event = event(&id, step);
            let payload = serde_json::to_string(&event)?;
            let number = u64::from(step) * u64::from(aggregates) + u64::from(aggregate);
            let metadata = serde_json::to_string(&metadata("acc-0", "reviewer", number))?;
            // Generated texts hold neither tab, newline nor backslash, so that nothing needs escaping for `copy`.
            debug_assert!(!payload.contains('\\') && !metadata.contains('\\'));
            writeln!(
                rows,
                "{}\t{id}\t{}\t{}\t{}\t{payload}\t{metadata}",
                Scorecard::TYPE,
                step + 1,
                event.event_type(),
                event.event_version(),
            )?;
            if rows.len() >= COPY_CHUNK_BYTES {
                copy.send(rows.as_bytes()).await?;
                rows.clear();
            }
        }
    }
    copy.send(rows.as_bytes()).await?;
    let events = copy.finish().await?;
    let elapsed = start.elapsed();
    // What autovacuum would have done by the time that such a table is read.
    connection.execute("vacuum (analyze) events").await?;
    Ok(RowsReport { aggregates: aggregates.into(), events, callers: 1, rate: Rate::new(events, elapsed) })
}

/// Loads every aggregate of the events table, the way `CqrsFramework` does before a command.
pub(crate) async fn replay(database: &Database, callers: u32) -> anyhow::Result<RowsReport> {
    let pool = database.pool(callers).await?;
    let ids: Vec<String> = sqlx::query_scalar(
        "select aggregate_id from events where aggregate_type = $1 and sequence = 1 order by aggregate_id",
    )
    .bind(Scorecard::TYPE)
    .fetch_all(&pool)
    .await?;
    ensure!(!ids.is_empty(), "the events table is empty: fill it with `peer load`");
    let start = Instant::now();
    let share = ids.len().div_ceil(callers as usize);
    let tasks = ids.chunks(share).map(|ids| {
        let (ids, pool) = (ids.to_vec(), pool.clone());
        tokio::spawn(async move {
            let store = PersistedEventStore::<_, Scorecard>::new_event_store(PostgresEventRepository::new(pool));
            let mut events = 0;
            for id in &ids {
                events += store.load_aggregate(id).await?.aggregate().events;
            }
            anyhow::Ok(events)
        })
    });
    let mut events = 0;
    for loaded in try_join_all(tasks).await? {
        events += loaded?;
    }
    let elapsed = start.elapsed();
    Ok(RowsReport { aggregates: ids.len() as u64, events, callers, rate: Rate::new(events, elapsed) })
}
