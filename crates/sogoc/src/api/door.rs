//! Who comes in, and how many: sign-in, scopes, rates and the number of calls under way, the same for every protocol.
//!
//! **Order.** Room first, which costs nothing; then who calls; then whether this caller sends too much; then whether it may
//! call this method at all. A call that is refused for load has done nothing, and is told when to come again.
//!
//! **A token whose scopes do not admit reading** is let in where the public is, as the public: it is counted and limited as its
//! account's, and sees nothing by it. So a program that only gives commands can still ask for what anybody may.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::{DefaultKeyedRateLimiter, Quota};
use http::{HeaderMap, header};
use sogoc_domain::refusal::{Code, Language, Refusal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::error::{Fault, ServiceCode};
use super::schema::{Does, Method};
use super::{Api, Call};
use crate::access::Caller;

/// How soon there may be room again, in milliseconds.
const BUSY_MS: u64 = 200;
/// Longest wait for the store to say who calls, in milliseconds. A store that takes longer is away, and a call that waits for
/// it for as long as it may would keep its place from others, and a node from ending.
const KNOWN_MS_MAX: u64 = 5_000;
/// Callers whose rates are remembered before those that have been quiet are forgotten.
const CALLERS_MAX: usize = 10_000;

/// Bounds of what callers may ask for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Calls under way at once.
    pub(crate) in_flight: usize,
    /// Calls a second of one caller, in the long run.
    pub(crate) requests_per_second: NonZeroU32,
    /// Calls of one caller at once.
    pub(crate) burst: NonZeroU32,
    /// Largest body of a call, in bytes.
    pub(crate) body_bytes: usize,
    /// Largest evidence file, in bytes.
    pub(crate) upload_bytes: u64,
    /// Longest time that a call may take, streams apart, in seconds.
    pub(crate) deadline_seconds: u64,
}

#[cfg(test)]
impl Default for Limits {
    fn default() -> Self {
        Self {
            in_flight: 256,
            requests_per_second: NonZeroU32::new(50).expect("above zero"),
            burst: NonZeroU32::new(100).expect("above zero"),
            body_bytes: 4 << 20,
            upload_bytes: 256 << 20,
            deadline_seconds: 30,
        }
    }
}

/// Keeps the bounds.
#[derive(Debug)]
pub(crate) struct Door {
    room: Arc<Semaphore>,
    /// Watches last: they have a room of their own, so that they keep nobody else out.
    watches: Arc<Semaphore>,
    rates: DefaultKeyedRateLimiter<String>,
    /// Whether the node stops.
    pub(super) stopping: watch::Sender<bool>,
    /// Whether it waits for the store no longer.
    giving_up: watch::Sender<bool>,
    pub(crate) limits: Limits,
}

/// A call that came in; its place is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) call: Call,
    place: OwnedSemaphorePermit,
}

impl Door {
    pub(crate) fn new(limits: Limits) -> Self {
        let quota = Quota::per_second(limits.requests_per_second).allow_burst(limits.burst);
        let room = || Arc::new(Semaphore::new(limits.in_flight));
        Self {
            room: room(),
            watches: room(),
            rates: DefaultKeyedRateLimiter::keyed(quota),
            stopping: watch::Sender::new(false),
            giving_up: watch::Sender::new(false),
            limits,
        }
    }

    /// Waits until the node waits for the store no longer: who is in is told that it does not answer.
    pub(super) async fn given_up(&self) -> Fault {
        let mut giving_up = self.giving_up.subscribe();
        // The sender is here.
        let _ = giving_up.wait_for(|given_up| *given_up).await;
        Fault::Service(ServiceCode::Unavailable, Some(BUSY_MS))
    }

    /// That a caller does not send too much.
    fn check_rate(&self, caller: String) -> Result<(), Fault> {
        if self.rates.len() > CALLERS_MAX {
            self.rates.retain_recent();
        }
        self.rates.check_key(&caller).map_err(|until| {
            use governor::clock::{Clock as _, DefaultClock};
            let wait = until.wait_time_from(DefaultClock::default().now());
            let ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1);
            Fault::Service(ServiceCode::TooManyRequests, Some(ms))
        })
    }
}

impl Api {
    /// Ends every watch, because the node stops.
    pub(crate) fn end_watches(&self) {
        self.inner.door.stopping.send_replace(true);
    }

    /// Answers every call under way that the store does not answer, because the node stops and the store is silent. Whether
    /// a command was recorded, the same command sent to another node tells.
    pub(crate) fn give_up(&self) {
        self.inner.door.giving_up.send_replace(true);
    }

    /// Lets a call in.
    ///
    /// # Errors
    /// `busy`, `too-many-requests`, and what sign-in refuses.
    pub(crate) async fn admit(
        &self,
        method: &Method,
        headers: &HeaderMap,
        from: Option<IpAddr>,
    ) -> Result<Admitted, Fault> {
        let door = &self.inner.door;
        let busy = |_| Fault::Service(ServiceCode::Busy, Some(BUSY_MS));
        let place = Arc::clone(&door.room).try_acquire_owned().map_err(busy)?;
        // No account's id has a colon.
        let place_of = || from.map_or_else(|| "from:".to_owned(), |address| format!("from:{address}"));
        let known = tokio::time::timeout(Duration::from_millis(KNOWN_MS_MAX), self.inner.access.caller(headers));
        let late = |_| Fault::Service(ServiceCode::Unavailable, Some(BUSY_MS));
        let caller = match known.await.map_err(late)? {
            Ok(caller) => caller,
            Err(denied) => {
                // Who tries tokens is told apart by where it comes from.
                door.check_rate(place_of())?;
                return Err(denied.into());
            }
        };
        door.check_rate(caller.account.as_ref().map_or_else(place_of, ToString::to_string))?;
        let caller = let_in(method, caller)?;
        let call = Call { caller, language: language(headers), correlation: crate::telemetry::correlation(), from };
        Ok(Admitted { call, place })
    }
}

impl Admitted {
    /// Moves a call that lasts into the room of those.
    ///
    /// # Errors
    /// `busy`.
    pub(super) fn watching(mut self, api: &Api) -> Result<Self, Fault> {
        let busy = |_| Fault::Service(ServiceCode::Busy, Some(BUSY_MS));
        self.place = Arc::clone(&api.inner.door.watches).try_acquire_owned().map_err(busy)?;
        Ok(self)
    }
}

/// As whom this caller may call the method, if at all; what it is shown or may do there is decided later.
///
/// # Errors
/// `not-signed-in`, and what its scopes or its want of a second factor do not admit.
pub(super) fn let_in(method: &Method, caller: Caller) -> Result<Caller, Fault> {
    if caller.account.is_none() {
        return if method.open { Ok(caller) } else { Err(Refusal::new(Code::NotSignedIn).into()) };
    }
    match method.does {
        Does::Command(kind) => caller.may_command(kind)?,
        Does::Reads | Does::Acts if method.open && caller.may_read().is_err() => return Ok(Caller::nobody()),
        Does::Reads => caller.may_read()?,
        // What is about sign-in itself asks for a session where it matters.
        Does::Acts => {}
    }
    Ok(caller)
}

/// The language that a caller reads: the first of Accept-Language that is spoken here, else English.
pub(crate) fn language(headers: &HeaderMap) -> Language {
    let wanted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    for tag in wanted.split(',') {
        let tag = tag.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match tag.split('-').next().unwrap_or_default() {
            "vi" => return Language::Vietnamese,
            "en" => return Language::English,
            _ => {}
        }
    }
    Language::English
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_language_that_is_spoken_here_is_used() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, text.parse().unwrap());
            language(&headers)
        };
        assert_eq!(of("vi-VN,vi;q=0.9,en;q=0.8"), Language::Vietnamese);
        assert_eq!(of("fr, en;q=0.5"), Language::English);
        assert_eq!(of("fr"), Language::English);
        assert_eq!(language(&HeaderMap::new()), Language::English);
    }
}
