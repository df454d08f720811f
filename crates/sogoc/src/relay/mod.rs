//! The relay: every entry of the log into a NATS JetStream stream, in order (DESIGN §9).
//!
//! **Shape.** The log is the outbox. One process of all that have the log open holds the lease `relay` and publishes from
//! where the stream ends; the others stand by and take over when the lease runs out. A reader makes messages of entries a
//! chunk ahead; the publisher keeps a window of them in flight and moves the lease's cursor after their acks, in batches.
//!
//! **Order.** Position p is the stream's sequence p + 1, and every message says so: `Nats-Expected-Last-Sequence: p`. The
//! server takes a message only as the next one, so a lost publish fails all behind it, a retry that comes late finds its
//! place taken, and a relay that was cut off and comes back to itself can publish nothing but what is due, which is the
//! same bytes. So the stream holds each position once and in order, however the window failed. The duplicate window alone
//! would not do: it knows an id for two minutes, and lets p + 1 in before a retried p. `Nats-Expected-Last-Msg-Id` would
//! keep the order too, but the server forgets the last id when it restarts on an idle stream. `Nats-Msg-Id` is sent all the
//! same, for streams that are sourced from this one.
//!
//! After any failure the publisher asks the stream where it ends and goes on there; the cursor only says how far it was,
//! for the lag and for finding out that a log was put back. A stream that holds other entries than the log, or more of
//! them, is refused loudly: nothing is published until somebody has looked.
//!
//! **Architecture invariant:** the relay only reads the log. Nothing that happens here, and no state of the bus, holds up
//! an append.

pub(crate) mod connecting;
pub(crate) mod definitions;
pub(crate) mod message;
mod publishing;
mod stream;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use async_nats::Client;
use async_nats::connection::State;
use sogoc_log::{Lease, Log, LogError};
use tokio::sync::watch;
use uuid::Uuid;

use crate::failure::Remedy;
use crate::serve::listening::Stop;
use crate::telemetry;
use connecting::Place;

/// The lease's name.
const LEASE: &str = "relay";
/// For how long a relay that is heard of no more keeps the others waiting.
const LEASE_US: u64 = 6_000_000;
/// Longest wait for the store, in milliseconds: less than the lease, so that a node that is cut off from a server knows it
/// before the lease is another's. Nothing else would tell: a connection that leads nowhere stays open.
const STORE_MS_MAX: u64 = 4_000;
/// Pause of a relay that stands by between two looks at the lease.
const STANDING_BY_MS: u64 = 1_000;
/// Pauses after failures in a row double from this one to the longest.
const PAUSE_MS_MIN: u64 = 250;
const PAUSE_MS_MAX: u64 = 8_000;
/// Pause after a refusal, which somebody has to look at.
const REFUSED_PAUSE_MS: u64 = 10_000;

/// Where to publish, and as whom.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// `nats://HOST:PORT` or `tls://…`; several servers of one cluster with commas between.
    pub(crate) url: String,
    /// Whose entries they are, `[a-z0-9-]{1,64}`: names stream and subjects.
    pub(crate) tenant: String,
    /// A `.creds` file: user JWT and nkey seed.
    pub(crate) credentials_file: Option<PathBuf>,
    /// Certificate authorities that the server's certificate may come from, in PEM, beside those of the system.
    pub(crate) ca_file: Option<PathBuf>,
    /// Copies that a cluster keeps of each message.
    pub(crate) replicas: usize,
}

impl Settings {
    fn place(&self) -> Place {
        Place { url: self.url.clone(), credentials_file: self.credentials_file.clone(), ca_file: self.ca_file.clone() }
    }
}

/// What the relay is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Status {
    /// Nothing yet.
    #[default]
    Starting,
    /// Another process has the lease.
    StandingBy,
    /// It publishes; the next position that is not acked.
    Active { next: u64 },
    /// The bus or the store does not answer; it tries again.
    Waiting { why: String },
    /// Somebody has to look: it publishes nothing, and looks again from time to time.
    Refused { what: String, remedy: Remedy },
}

/// When it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// When it is told to stop.
    Stopped,
    /// When all that the log holds is in the stream, too.
    CaughtUp,
}

/// Why a turn of publishing ended.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The bus does not answer as it should; to be tried again.
    Bus(String),
    /// The store does not.
    Store(LogError),
    /// The lease is in other hands.
    Lost,
    /// What is there must not be published to.
    Refused { what: String, remedy: Remedy },
}

impl From<LogError> for Trouble {
    fn from(error: LogError) -> Self {
        Self::Store(error)
    }
}

/// One relay of one log.
pub(crate) struct Relay {
    log: Log,
    settings: Settings,
    /// Names this process among all that have the log open.
    holder: String,
    status: watch::Sender<Status>,
    until: Until,
    stop: Stop,
}

/// How a turn ended that had no trouble.
enum Turn {
    StandingBy,
    Done,
}

/// Publishes the log until it is time to stop. `status` is told what it does.
pub(crate) async fn run(log: Log, settings: Settings, status: watch::Sender<Status>, stop: Stop) {
    Relay::new(log, settings, status, stop).run().await;
}

impl Relay {
    pub(crate) fn new(log: Log, settings: Settings, status: watch::Sender<Status>, stop: Stop) -> Self {
        let mut random = [0; 16];
        // Without random bytes the process's number must do: two nodes of one number would fail on the stream's order.
        let _ = getrandom::fill(&mut random);
        let holder = format!("{}-{}", std::process::id(), Uuid::from_bytes(random));
        Self { log, settings, holder, status, until: Until::Stopped, stop }
    }

    /// Ends once all that the log holds is in the stream.
    pub(crate) fn until_caught_up(mut self) -> Self {
        self.until = Until::CaughtUp;
        self
    }

    /// Publishes until it is time to stop; comes back to it after every trouble.
    pub(crate) async fn run(self) {
        let mut stop = self.stop.clone();
        let mut client = None;
        let mut failures = 0;
        loop {
            let turn = self.turn(&mut client, &mut failures).await;
            telemetry::relay_active(false);
            let pause_ms = match turn {
                Ok(Turn::Done) => break,
                Ok(Turn::StandingBy) | Err(Trouble::Lost) => {
                    self.tell(Status::StandingBy);
                    STANDING_BY_MS
                }
                Err(Trouble::Bus(why)) => {
                    // A new connection: the old one may be half open, or hold what is no longer wanted.
                    client = None;
                    self.wait(why, &mut failures)
                }
                Err(Trouble::Store(error)) => self.wait(error.to_string(), &mut failures),
                Err(Trouble::Refused { what, remedy }) => {
                    client = None;
                    self.tell(Status::Refused { what, remedy });
                    REFUSED_PAUSE_MS
                }
            };
            self.tell_lag().await;
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(pause_ms)) => {}
                () = stop.asked() => break,
            }
        }
        telemetry::relay_active(false);
    }

    /// Connects, takes the lease and publishes, as far as that goes; stops in order when it is time.
    async fn turn(&self, client: &mut Option<Client>, failures: &mut u32) -> Result<Turn, Trouble> {
        let mut stop = self.stop.clone();
        let taken = tokio::select! {
            taken = self.take(client) => taken?,
            () = stop.asked() => return Ok(Turn::Done),
        };
        let Some((client, lease)) = taken else { return Ok(Turn::StandingBy) };
        let ended = self.publish(&client, &lease, failures).await;
        // Another may have more luck. Where the store does not answer it runs out by itself.
        let _ = in_time(self.log.release_lease(&lease)).await;
        ended.map(|()| Turn::Done)
    }

    /// A connection and the lease; none while another has it.
    async fn take(&self, client: &mut Option<Client>) -> Result<Option<(Client, Lease)>, Trouble> {
        let place = self.settings.place();
        let connected = match client.take() {
            Some(connected) => connected,
            None => connecting::connect(&place, "sogoc relay").await?,
        };
        let connected = client.insert(connected).clone();
        // Not before the bus answers: who cannot publish must not keep others from it.
        if connected.connection_state() != State::Connected {
            return Err(Trouble::Bus(format!("{} does not answer", place.shown())));
        }
        let lease = in_time(self.log.take_lease(LEASE, &self.holder, LEASE_US)).await?;
        Ok(lease.map(|lease| (connected, lease)))
    }

    async fn publish(&self, client: &Client, lease: &Lease, failures: &mut u32) -> Result<(), Trouble> {
        let mut stop = self.stop.clone();
        let place = self.settings.place();
        let standing = tokio::select! {
            standing = stream::stand(&self.log, client, &self.settings, lease, &place) => standing?,
            () = stop.asked() => return Ok(()),
        };
        tracing::info!(relay.next = standing.next, lease.fence = lease.fence, "the relay is active");
        let publishing = publishing::Publishing {
            log: &self.log,
            settings: &self.settings,
            lease,
            status: &self.status,
            until: self.until,
        };
        publishing.run(client, standing.next, failures, stop).await
    }

    /// Tells that it waits; gives the pause.
    fn wait(&self, why: String, failures: &mut u32) -> u64 {
        self.tell(Status::Waiting { why });
        let pause = PAUSE_MS_MIN << (*failures).min(8);
        *failures += 1;
        pause.min(PAUSE_MS_MAX)
    }

    /// Tells what it does, once.
    fn tell(&self, status: Status) {
        let changed = self.status.send_if_modified(|told| {
            let changed = *told != status;
            told.clone_from(&status);
            changed
        });
        if !changed {
            return;
        }
        match status {
            Status::Waiting { why } => tracing::warn!(why, "the relay waits"),
            Status::Refused { what, remedy } => {
                tracing::error!(what, remedy = remedy.en, "the relay publishes nothing");
            }
            Status::StandingBy => tracing::info!("the relay stands by: another process has the lease"),
            Status::Starting | Status::Active { .. } => {}
        }
    }

    /// How far the stream is behind, also while nobody publishes.
    async fn tell_lag(&self) {
        let looked = in_time(async { Ok((self.log.head().await?, self.log.lease_cursor(LEASE).await?)) });
        if let Ok((head, cursor)) = looked.await {
            let cursor = cursor.map_or(0, |cursor| cursor.0);
            tell_lag(head.size, cursor);
        }
    }
}

/// What the store answers, if it does so in time.
async fn in_time<T>(answer: impl Future<Output = Result<T, LogError>>) -> Result<T, LogError> {
    let unavailable = |_| LogError::Unavailable {
        retry_after_ms: 1_000,
        why: format!("the store did not answer in {STORE_MS_MAX} ms"),
    };
    tokio::time::timeout(Duration::from_millis(STORE_MS_MAX), answer).await.map_err(unavailable)?
}

/// Entries of the log that the stream does not have yet.
fn tell_lag(size: u64, next: u64) {
    telemetry::relay_lag(size.saturating_sub(next));
}
