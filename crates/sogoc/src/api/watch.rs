//! `WatchEntries`: the log from a position on, for ever.
//!
//! Positions are dense, so that a watch needs no memory of its own: after p comes p + 1, whatever broke in between. An entry
//! that the caller may not read is given with its hash, so that what is given has no gap and can be checked against a
//! checkpoint.
//!
//! A node that stops ends its watches; they go on at another.
//!
//! **Who may see is asked again** once a second: a session that ended, or a role that was revoked, ends what it shows.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::stream;
use http::HeaderMap;
use serde_json::{Value, json};
use sogoc_log::{Position, Wake};
use tokio::sync::watch;
use tokio::time::Instant;

use super::ask::Ask;
use super::door::{Admitted, let_in};
use super::error::{Fault, ServiceCode};
use super::reading::log::log_entry;
use super::schema::SCHEMA;
use super::sight::Sight;
use super::{Answers, Api};

/// Entries read at a time.
const ENTRIES_MAX: usize = 256;
/// How often it is asked whether the caller may still watch.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// A watch under way.
struct Watch {
    api: Api,
    admitted: Admitted,
    headers: HeaderMap,
    asked: Instant,
    next: u64,
    wake: Wake,
    ready: VecDeque<Value>,
    /// Becomes true when the node stops: a watch has no end of its own that could be waited for.
    stopping: watch::Receiver<bool>,
}

impl Api {
    /// Follows the log from a position on.
    pub(super) fn watch(&self, admitted: Admitted, headers: HeaderMap, ask: &Ask) -> Answers {
        let watch = Watch {
            api: self.clone(),
            admitted,
            headers,
            asked: Instant::now(),
            next: ask.number("from").unwrap_or(0),
            wake: self.app().log().wake(),
            ready: VecDeque::new(),
            stopping: self.inner.door.stopping.subscribe(),
        };
        Box::pin(stream::try_unfold(watch, |mut watch| async move {
            loop {
                if *watch.stopping.borrow() {
                    return Ok(None);
                }
                if let Some(entry) = watch.ready.pop_front() {
                    return Ok(Some((json!({ "entry": entry }), watch)));
                }
                watch.check_caller().await?;
                if !watch.read().await? {
                    tokio::select! {
                        () = watch.wake.wait() => {}
                        _ = watch.stopping.changed() => {}
                    }
                }
            }
        }))
    }
}

impl Watch {
    /// Reads what comes next; false where there is nothing yet.
    async fn read(&mut self) -> Result<bool, Fault> {
        let app = self.api.app();
        let entries = app.log().read(Position(self.next), ENTRIES_MAX).await?;
        let Some(last) = entries.last() else { return Ok(false) };
        // Who may see an entry is decided by what was recorded up to it.
        app.reach(last.position.0).await?;
        self.next = last.position.0.saturating_add(1);
        let register = app.register();
        let sight = Sight::new(register.world(), self.admitted.call.account(), app.now());
        self.ready.extend(entries.into_iter().map(|entry| log_entry(&sight, entry)));
        Ok(true)
    }

    async fn check_caller(&mut self) -> Result<(), Fault> {
        if self.asked.elapsed() < ASK_AGAIN {
            return Ok(());
        }
        let caller = self.api.inner.access.caller(&self.headers).await?;
        let method = SCHEMA.method("sogoc.v1.LogService/WatchEntries").expect("the schema has it");
        if let_in(method, caller)?.account != self.admitted.call.caller.account {
            return Err(Fault::Service(ServiceCode::Internal, None));
        }
        self.asked = Instant::now();
        Ok(())
    }
}
