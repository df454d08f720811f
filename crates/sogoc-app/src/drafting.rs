//! From a decision to what the log is asked to record.

use std::collections::HashMap;

use sha2::{Digest as _, Sha256};
use sogoc_domain::command::{Command, Envelope};
use sogoc_domain::event::{Event, InstrumentEvent};
use sogoc_domain::refusal::{Code, Refusal};
use sogoc_domain::stream::Stream;
use sogoc_domain::values::Timestamp;
use sogoc_domain::{Decision, World};
use sogoc_log::{
    Actor, Append, Draft, ENTRY_BYTES_MAX, InstrumentRef, LogError, NUMBER_LIMIT, Position, StreamId, Version,
};

use crate::sealing::Sealing;

/// SHA-256 of the canonical command with its account (invariant 5). Salts are no part of it, so the same command has the
/// same digest whenever it is sent.
///
/// # Errors
/// [`Code::Malformed`] for a number that canonical JSON does not hold.
pub fn command_digest(envelope: &Envelope) -> Result<[u8; 32], Refusal> {
    let text = sogoc_log::canonical::to_string(envelope).map_err(|e| Refusal::new(Code::Malformed).with("why", e))?;
    Ok(Sha256::digest(text).into())
}

/// What an append says beside the decision.
pub(crate) struct Around<'a> {
    pub(crate) envelope: &'a Envelope,
    pub(crate) digest: [u8; 32],
    pub(crate) received: Timestamp,
    pub(crate) correlation: Option<&'a str>,
    /// Position of the grant by which the account acts for another.
    pub(crate) delegation: Option<Position>,
    /// Name of the log.
    pub(crate) log: &'a str,
}

/// Writes a decision out as an append: entries, read set, sealed texts.
///
/// # Errors
/// [`Code::EntryTooLarge`]: the size is judged here, not when appending (DESIGN §5).
pub(crate) fn draft(
    decision: &Decision,
    world: &World,
    version: impl Fn(&Stream) -> u64,
    sealing: Sealing<'_>,
    around: &Around<'_>,
) -> Result<Append, Refusal> {
    let envelope = around.envelope;
    let drafts: Vec<Draft> = decision
        .events
        .iter()
        .map(|(stream, event)| Draft {
            stream: stream_id(stream),
            kind: event.kind().to_owned(),
            kind_version: event.kind_version(),
            data: event.data(),
            causation: None,
        })
        .collect();
    let sealed = sealing.of(&drafts);
    let append = Append {
        command: envelope.command_id,
        command_digest: around.digest,
        correlation: around.correlation.map(str::to_owned),
        actor: Actor {
            account: envelope.account.to_string(),
            agency: acting_agency(world, envelope),
            role: decision.role.map(|role| role.to_string()),
            on_behalf_of: envelope.on_behalf_of.as_ref().map(ToString::to_string),
            delegation: around.delegation,
            capacity: envelope.capacity.clone(),
        },
        received: log_time(around.received),
        occurred: envelope.occurred.map(log_time),
        instrument: envelope
            .instrument
            .as_ref()
            .map(|i| InstrumentRef { id: i.id.to_string(), clause: i.clause.clone() }),
        drafts,
        expected: decision.reads.iter().map(|stream| (stream_id(stream), Version(version(stream)))).collect(),
        sealed,
        erases: erases(decision),
        unmoved: unmoved(envelope, decision),
    };
    check_size(&append, around.log)?;
    Ok(append)
}

/// Commitments of the texts that go with the append: those that its entries say are erased, and no others.
fn erases(decision: &Decision) -> Vec<[u8; 32]> {
    let mut erased = Vec::new();
    for (_, event) in &decision.events {
        if let Event::Instrument(InstrumentEvent::TextsErased(e)) = event {
            erased.extend(e.texts.iter().map(|text| text.0));
        }
    }
    erased
}

/// What may have no entry after a position: a season's scorecards and survey where results are frozen, and any account
/// where the register is founded. Two foundings at once share no stream, and the first entry of one is an instrument's.
fn unmoved(envelope: &Envelope, decision: &Decision) -> Vec<(String, Position)> {
    if matches!(envelope.command, Command::FoundRegister(_)) {
        return vec![("account/".to_owned(), Position(0))];
    }
    let Some((season, as_of)) = &decision.unmoved else { return Vec::new() };
    // A survey's name has nothing below it, so this one also looks at seasons whose ids begin alike: it may ask for one
    // try more than needed, never for one less.
    vec![(format!("scorecard/{season}/"), Position(*as_of)), (format!("survey/{season}"), Position(*as_of))]
}

fn acting_agency(world: &World, envelope: &Envelope) -> Option<String> {
    let known = world.accounts.get(&envelope.account).and_then(|account| account.agency.as_ref());
    match (&envelope.command, known) {
        (_, Some(agency)) => Some(agency.to_string()),
        // The founder's account enters by this very command.
        (Command::FoundRegister(c), None) => Some(c.administrator.agency.to_string()),
        (_, None) => None,
    }
}

/// Refuses entries beyond the limit. What is far below it is not measured.
fn check_size(append: &Append, log: &str) -> Result<(), Refusal> {
    /// Everything around `data` is bounded ids and texts, and stays below this many bytes.
    const AROUND_MAX: usize = 4_096;
    for (index, draft) in append.drafts.iter().enumerate() {
        if draft.data.len() + AROUND_MAX <= ENTRY_BYTES_MAX {
            continue;
        }
        let bytes = entry_bytes(append, index, draft, log);
        if bytes > ENTRY_BYTES_MAX {
            return Err(Refusal::new(Code::EntryTooLarge)
                .with("kind", &draft.kind)
                .with("bytes", bytes)
                .with("limit", ENTRY_BYTES_MAX));
        }
    }
    Ok(())
}

/// Bytes that an entry takes at a position and version of sixteen digits.
fn entry_bytes(append: &Append, index: usize, draft: &Draft, log: &str) -> usize {
    let last = NUMBER_LIMIT - 1;
    let mut entry = serde_json::json!({
        "actor": append.actor, "at": append.received, "command": append.command,
        "command_digest": "0".repeat(64), "command_index": index, "data": {}, "kind": draft.kind,
        "kind_version": draft.kind_version, "log": log, "position": last, "received": append.received,
        "stream": draft.stream, "v": 1, "version": last,
    });
    if let Some(correlation) = &append.correlation {
        entry["correlation"] = correlation.as_str().into();
    }
    if let Some(instrument) = &append.instrument {
        entry["instrument"] = serde_json::json!(instrument);
    }
    if let Some(occurred) = append.occurred {
        entry["occurred"] = serde_json::json!(occurred);
    }
    entry.to_string().len() - "{}".len() + draft.data.len()
}

/// A stream as the log names it.
pub(crate) fn stream_id(stream: &Stream) -> StreamId {
    StreamId::try_new(stream.to_string()).expect("a stream's name is made of ids")
}

/// An instant as the log writes it.
pub(crate) fn log_time(time: Timestamp) -> sogoc_log::Timestamp {
    let in_range = time.micros().clamp(sogoc_log::Timestamp::MIN.micros(), sogoc_log::Timestamp::MAX.micros());
    sogoc_log::Timestamp::from_micros(in_range).expect("clamped to the range that has a written form")
}

/// An instant as the domain holds it.
pub(crate) fn domain_time(time: sogoc_log::Timestamp) -> Timestamp {
    Timestamp::from_micros(time.micros())
}

/// What the log refuses although the decision held: a form that only it knows, such as a clause that is too long.
pub(crate) fn refused_by_log(what: &str, limit: &str, remedy: &str) -> Refusal {
    Refusal::new(Code::Malformed).with("why", format!("{what}: the limit is {limit}; {remedy}"))
}

/// The id was used for another command.
pub(crate) fn reused(envelope: &Envelope) -> Refusal {
    Refusal::new(Code::CommandReused).with("command_id", envelope.command_id)
}

/// Versions that decided commands will have moved streams to, before they are recorded.
#[derive(Debug, Default)]
pub(crate) struct Ahead(HashMap<Stream, u64>);

impl Ahead {
    /// The version of a stream, counted on from what is recorded.
    pub(crate) fn version(&self, stream: &Stream, recorded: impl Fn(&Stream) -> u64) -> u64 {
        self.0.get(stream).copied().unwrap_or_else(|| recorded(stream))
    }

    /// One entry more.
    pub(crate) fn advance(&mut self, stream: &Stream, recorded: impl Fn(&Stream) -> u64) {
        *self.0.entry(stream.clone()).or_insert_with_key(|stream| recorded(stream)) += 1;
    }
}

/// True for what goes away when the decision is taken again.
pub(crate) fn is_passing(error: &LogError) -> bool {
    matches!(error, LogError::Conflict { .. } | LogError::Moved { .. } | LogError::Late { .. })
}
