//! A window of publishes in flight, and the cursor behind their acks.

use std::collections::VecDeque;
use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::context::{Context, ContextBuilder, PublishError};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::publish::PublishAck;
use futures_util::FutureExt as _;
use futures_util::stream::{FuturesOrdered, StreamExt as _};
use sogoc_log::{Advanced, Lease, Log, LogError, Position};
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;

use super::definitions::stream_name;
use super::message::Message;
use super::{LEASE, LEASE_US, Settings, Status, Trouble, Until, in_time, tell_lag};
use crate::serve::listening::Stop;
use crate::telemetry;

/// Publishes in flight at most. A server of 2.11 and newer refuses more than 10,000 that it has not stored yet.
const WINDOW_MESSAGES: usize = 4_096;
/// The same in bytes.
const WINDOW_BYTES: usize = 16 << 20;
/// Entries that are read at a time; a chunk is in work and one waits.
const CHUNK: usize = 512;
/// Longest wait for an ack.
const ACK_SECONDS_MAX: u64 = 5;
/// How often the cursor is stored.
const TICK_MS: u64 = 500;
/// Ticks between two renewals of the lease.
const TICKS_A_RENEWAL: u32 = 4;
/// Longest wait for acks when stopping, in milliseconds.
const STOP_MS_MAX: u64 = 2_000;

/// A turn with the lease.
pub(crate) struct Publishing<'a> {
    pub(crate) log: &'a Log,
    pub(crate) settings: &'a Settings,
    pub(crate) lease: &'a Lease,
    pub(crate) status: &'a watch::Sender<Status>,
    pub(crate) until: Until,
}

/// The ack of a publish, and what that took of the window.
type InFlight = FuturesOrdered<futures_util::future::BoxFuture<'static, (usize, Result<PublishAck, PublishError>)>>;

/// What is sent and not acked.
struct Window {
    in_flight: InFlight,
    bytes: usize,
    /// All below are acked.
    acked: u64,
    /// The cursor as it is stored.
    stored: u64,
    stream: String,
}

/// The reader ends with the turn.
struct Reading(tokio::task::JoinHandle<()>);

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Publishing<'_> {
    /// Publishes from `next` on until it is time to stop, or something is in the way.
    ///
    /// # Errors
    /// What is in the way.
    pub(crate) async fn run(
        &self,
        client: &Client,
        next: u64,
        failures: &mut u32,
        mut stop: Stop,
    ) -> Result<(), Trouble> {
        // Its acks are its own: those of an earlier turn that never came must not take room in this one's window.
        let context = ContextBuilder::new()
            .timeout(Duration::from_secs(ACK_SECONDS_MAX))
            .ack_timeout(Duration::from_secs(ACK_SECONDS_MAX))
            .max_ack_inflight(WINDOW_MESSAGES)
            .build(client.clone());
        let stream = stream_name(&self.settings.tenant);
        let (sender, mut chunks) = mpsc::channel(1);
        let reading = read(self.log.clone(), self.settings.tenant.clone(), stream.clone(), next, sender);
        let _reading = Reading(tokio::spawn(reading));
        let mut window =
            Window { in_flight: FuturesOrdered::new(), bytes: 0, acked: next, stored: self.lease.cursor.0, stream };
        let mut waiting: VecDeque<Message> = VecDeque::new();
        let mut tick = tokio::time::interval(Duration::from_millis(TICK_MS));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut ticks = 0;
        telemetry::relay_active(true);
        self.status.send_replace(Status::Active { next });
        let ended = loop {
            while window.has_room()
                && let Some(message) = waiting.pop_front()
            {
                window.send(&context, message).await?;
            }
            tokio::select! {
                biased;
                () = stop.asked() => break Ok(()),
                _ = tick.tick() => {
                    let caught_up = self.keep(&mut window, ticks % TICKS_A_RENEWAL == 0).await?;
                    ticks = ticks.wrapping_add(1);
                    if caught_up && self.until == Until::CaughtUp {
                        break Ok(());
                    }
                }
                Some(answered) = window.in_flight.next(), if !window.in_flight.is_empty() => {
                    let before = window.acked;
                    let mut answered = Some(answered);
                    while let Some(answer) = answered {
                        if let Err(trouble) = window.take(answer) {
                            // What was acked before it counts.
                            let _ = self.keep(&mut window, false).await;
                            return Err(trouble);
                        }
                        answered = window.in_flight.next().now_or_never().flatten();
                    }
                    telemetry::relay_published(window.acked - before);
                    *failures = 0;
                    // Where an end is asked for it is not put off until the next tick.
                    if self.until == Until::CaughtUp
                        && window.in_flight.is_empty()
                        && waiting.is_empty()
                        && self.keep(&mut window, false).await?
                    {
                        break Ok(());
                    }
                }
                chunk = chunks.recv(), if waiting.is_empty() => match chunk {
                    Some(Ok(messages)) => waiting = messages,
                    Some(Err(error)) => break Err(Trouble::Store(error)),
                    None => break Err(Trouble::Store(LogError::Unavailable {
                        retry_after_ms: 1_000,
                        why: "the reader of the log ended".to_owned(),
                    })),
                },
            }
        };
        let acks = async {
            while let Some(answer) = window.in_flight.next().await {
                if window.take(answer).is_err() {
                    break;
                }
            }
        };
        let _ = tokio::time::timeout(Duration::from_millis(STOP_MS_MAX), acks).await;
        let _ = self.keep(&mut window, false).await;
        ended
    }

    /// Stores the cursor, renews the lease where that is due, and tells how far it is. Gives whether the stream has all.
    async fn keep(&self, window: &mut Window, renew: bool) -> Result<bool, Trouble> {
        if renew {
            match in_time(self.log.take_lease(LEASE, &self.lease.holder, LEASE_US)).await? {
                Some(renewed) if renewed.fence == self.lease.fence => {}
                Some(_) | None => return Err(Trouble::Lost),
            }
        }
        if window.acked != window.stored {
            match in_time(self.log.advance_lease(self.lease, Position(window.acked))).await? {
                Advanced::Moved => window.stored = window.acked,
                Advanced::Lost => return Err(Trouble::Lost),
            }
        }
        let size = in_time(self.log.head()).await?.size;
        tell_lag(size, window.acked);
        let next = window.acked;
        self.status.send_if_modified(|status| {
            let told = Status::Active { next };
            let changed = *status != told;
            *status = told;
            changed
        });
        Ok(window.acked >= size)
    }
}

impl Window {
    fn has_room(&self) -> bool {
        self.in_flight.len() < WINDOW_MESSAGES && self.bytes < WINDOW_BYTES
    }

    async fn send(&mut self, context: &Context, message: Message) -> Result<(), Trouble> {
        let bytes = message.len();
        let publish = PublishMessage::build().payload(message.payload).headers(message.headers);
        let sent = context.send_publish(message.subject, publish).await;
        let ack = sent.map_err(|error| Trouble::Bus(format!("position {}: {error}", message.position)))?;
        self.bytes += bytes;
        self.in_flight.push_back(async move { (bytes, ack.await) }.boxed());
        Ok(())
    }

    /// Counts the next position as acked, if that is what the ack says: this stream has it in its place.
    fn take(&mut self, (bytes, ack): (usize, Result<PublishAck, PublishError>)) -> Result<(), Trouble> {
        let position = self.acked;
        let ack = ack.map_err(|error| Trouble::Bus(format!("position {position}: {error}")))?;
        if ack.stream != self.stream || ack.sequence != position + 1 {
            let what = format!("position {position} was acked as sequence {} of {}", ack.sequence, ack.stream);
            return Err(Trouble::Bus(what));
        }
        self.bytes -= bytes;
        self.acked += 1;
        Ok(())
    }
}

/// Reads ahead of the publisher and makes messages, until nobody takes them.
async fn read(
    log: Log,
    tenant: String,
    stream: String,
    from: u64,
    chunks: mpsc::Sender<Result<VecDeque<Message>, LogError>>,
) {
    let mut wake = log.wake();
    let mut next = from;
    loop {
        let made = async {
            let entries = log.read(Position(next), CHUNK).await?;
            entries
                .into_iter()
                .map(|entry| {
                    let position = entry.position;
                    Message::of(entry, &tenant, &stream)
                        .map_err(|error| LogError::Corrupt { position: Some(position), what: error.to_string() })
                })
                .collect::<Result<VecDeque<_>, _>>()
        };
        let made = made.await;
        let (count, failed) = made.as_ref().map_or((0, true), |made| (made.len() as u64, false));
        if count == 0 && !failed {
            wake.wait().await;
            continue;
        }
        next += count;
        if chunks.send(made).await.is_err() || failed {
            return;
        }
    }
}
