//! Refusals for lateness and want of authority are recorded: they are what people argue about later (DESIGN §6).
//!
//! Five a minute for each account; the rest is counted in the next one that is recorded, so that a script gone wild fills
//! neither the log nor anybody's patience. Only for accounts that the register knows: others would be unbounded.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest as _, Sha256};
use sogoc_domain::World;
use sogoc_domain::command::Envelope;
use sogoc_domain::event::{Event, RefusalRecorded, RefusalsEvent};
use sogoc_domain::refusal::Refusal;
use sogoc_domain::stream::Stream;
use sogoc_domain::values::{AccountId, Timestamp};
use sogoc_log::{Actor, Append, Draft, Uuid, Version};

use crate::drafting::{log_time, stream_id};

/// Refusals of one account that are recorded within a minute.
const RECORDED_MAX: u32 = 5;
const MINUTE_US: i64 = 60_000_000;
/// Namespace of the ids under which refusals are recorded: fixed for ever.
const NAMESPACE: Uuid = Uuid::from_u128(0x8a1d_3f6c_02be_5d7b_9c44_61f0_77a9_d2e5);

/// How many refusals each account had of late.
#[derive(Debug, Default)]
pub(crate) struct Refused(Mutex<HashMap<AccountId, Minute>>);

#[derive(Debug)]
struct Minute {
    began: Timestamp,
    recorded: u32,
    uncounted: u32,
}

impl Refused {
    /// Whether a refusal is recorded now, and how many before it were not; `None` where it is only counted.
    pub(crate) fn admit(&self, account: &AccountId, now: Timestamp) -> Option<u32> {
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = accounts.entry(account.clone()).or_insert(Minute { began: now, recorded: 0, uncounted: 0 });
        if now.micros().saturating_sub(minute.began.micros()) >= MINUTE_US {
            minute.began = now;
            minute.recorded = 0;
        }
        if minute.recorded >= RECORDED_MAX {
            minute.uncounted = minute.uncounted.saturating_add(1);
            return None;
        }
        minute.recorded += 1;
        Some(std::mem::take(&mut minute.uncounted))
    }
}

/// The append that records a refusal: its code, the command's kind and target, never the body.
pub(crate) fn record(
    envelope: &Envelope,
    refusal: &Refusal,
    uncounted: u32,
    world: &World,
    version: u64,
    received: Timestamp,
) -> Append {
    let stream = stream_id(&Stream::Refusals(envelope.account.clone()));
    let event = Event::from(RefusalsEvent::from(RefusalRecorded {
        code: refusal.code.as_str().to_owned(),
        command: envelope.command.kind().to_owned(),
        target: target(envelope),
        uncounted: (uncounted > 0).then_some(uncounted),
    }));
    let data = event.data();
    // Of the refused command and the time: sent again, it is refused again, and that is another refusal.
    let name = [envelope.command_id.as_bytes().as_slice(), &received.micros().to_be_bytes()].concat();
    Append {
        command: Uuid::new_v5(&NAMESPACE, &name),
        command_digest: Sha256::digest(&data).into(),
        correlation: None,
        actor: Actor {
            account: envelope.account.to_string(),
            agency: world.accounts.get(&envelope.account).and_then(|a| a.agency.as_ref()).map(ToString::to_string),
            ..Actor::default()
        },
        received: log_time(received),
        occurred: None,
        instrument: None,
        drafts: vec![Draft {
            stream: stream.clone(),
            kind: event.kind().to_owned(),
            kind_version: event.kind_version(),
            data,
            causation: None,
        }],
        expected: vec![(stream, Version(version))],
        sealed: Vec::new(),
        erases: Vec::new(),
        unmoved: Vec::new(),
    }
}

/// The stream that a command was to act on; for a leaf, its code behind it.
fn target(envelope: &Envelope) -> String {
    let command = &envelope.command;
    let field = |name: &str| {
        let value = serde_json::to_value(command).ok()?;
        value.get(name)?.as_str().map(str::to_owned)
    };
    match (command.season(), command.appraised_agency()) {
        (Some(season), Some(agency)) => {
            let leaf = field("leaf").filter(|leaf| is_code(leaf)).map(|leaf| format!("/{leaf}")).unwrap_or_default();
            format!("{}{leaf}", Stream::Scorecard(season.clone(), agency.clone()))
        }
        (Some(season), None) => Stream::Season(season.clone()).to_string(),
        (None, _) => ["account", "agency", "set"]
            .iter()
            .find_map(|name| field(name).map(|id| format!("{}/{id}", if *name == "set" { "criteria" } else { name })))
            .unwrap_or_else(|| "register".to_owned()),
    }
}

/// True for a leaf's code or id: nothing else goes bare into an entry (invariant 11).
fn is_code(text: &str) -> bool {
    text.len() <= 64 && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_a_minute_are_recorded_and_the_rest_is_counted_in_the_next() {
        let refused = Refused::default();
        let account: AccountId = "acc-1".parse().expect("an id");
        let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
        let first: Vec<_> = (0..8).map(|second| refused.admit(&account, at(second))).collect();
        assert_eq!(first, [Some(0), Some(0), Some(0), Some(0), Some(0), None, None, None]);
        assert_eq!(refused.admit(&account, at(60)), Some(3));
        assert_eq!(refused.admit(&account, at(61)), Some(0));
        assert_eq!(refused.admit(&"acc-2".parse().expect("an id"), at(61)), Some(0));
    }
}
