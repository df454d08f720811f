//! A `cqrs_es::EventStore` over the log, so that an aggregate runs under `CqrsFramework` as its users expect.
//!
//! An aggregate's stream is the prefix, `/` and its id; its events are the stream's entries. A commit is an append that
//! expects the version that was loaded, and the versions of the streams that the decision read besides. Snapshots,
//! aggregate stores and durable queries of cqrs-es are deliberately not offered (DESIGN §5).
//!
//! What cqrs-es calls metadata has a closed list of keys here, as an entry has a closed list of fields:
//!
//! | key | meaning | without it |
//! |---|---|---|
//! | `command` | the command's id, a UUID | a fresh one |
//! | `command_digest` | SHA-256 of the canonical command with its account, hexadecimal | that of stream and events |
//! | `account`, `agency`, `role` | who acts | the store's actor |
//! | `correlation` | ties commands together | none |
//! | `received`, `occurred` | times, RFC 3339 | now; none |
//! | `reads` | JSON object: stream to version, read besides | none |
//!
//! Envelopes carry `command`, `account`, `position` and `at`.

use std::collections::{BTreeMap, HashMap};
use std::marker::PhantomData;

use cqrs_es::{Aggregate, AggregateContext, AggregateError, DomainEvent as _, EventEnvelope, EventStore};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::append::{Append, Draft, Receipt};
use crate::canonical;
use crate::clock::Timestamp;
use crate::entry::{Actor, Entry};
use crate::error::LogError;
use crate::log::Log;
use crate::reading::StoredEntry;
use crate::values::{Position, StreamId, Version};

/// Loads and commits aggregates of one type.
#[derive(Debug, Clone)]
pub struct LogEventStore<A> {
    log: Log,
    prefix: String,
    actor: Actor,
    aggregate: PhantomData<fn() -> A>,
}

/// An aggregate with the version that it was loaded at.
#[derive(Debug)]
pub struct LogContext<A> {
    aggregate: A,
    stream: StreamId,
    aggregate_id: String,
    version: Version,
}

impl<A> LogContext<A> {
    /// The version of the stream that the aggregate was loaded at.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }
}

impl<A: Aggregate> AggregateContext<A> for LogContext<A> {
    fn aggregate(&mut self) -> &mut A {
        &mut self.aggregate
    }
}

impl<A: Aggregate> LogEventStore<A> {
    /// A store whose aggregates stand in the streams `prefix/ID`; `actor` acts where the metadata name nobody else.
    ///
    /// # Errors
    /// [`LogError::Refused`] when no stream can begin with the prefix.
    pub fn try_new(log: Log, prefix: impl Into<String>, actor: Actor) -> Result<Self, LogError> {
        let prefix = prefix.into();
        StreamId::try_new(format!("{prefix}/a"))?;
        Ok(Self { log, prefix, actor, aggregate: PhantomData })
    }

    fn stream(&self, aggregate_id: &str) -> Result<StreamId, AggregateError<A::Error>> {
        StreamId::try_new(format!("{}/{aggregate_id}", self.prefix)).map_err(told)
    }

    fn append(
        &self,
        events: &[A::Event],
        context: &LogContext<A>,
        metadata: &HashMap<String, String>,
    ) -> Result<Append, LogError> {
        let mut actor = self.actor.clone();
        let mut append = Append {
            command: Uuid::nil(),
            command_digest: [0; 32],
            correlation: None,
            actor: Actor::default(),
            received: self.log.options().clock.now(),
            occurred: None,
            instrument: None,
            drafts: Vec::with_capacity(events.len()),
            expected: vec![(context.stream.clone(), context.version)],
            sealed: Vec::new(),
            erases: Vec::new(),
            unmoved: Vec::new(),
        };
        for event in events {
            append.drafts.push(self.draft(event, context)?);
        }
        let mut command = None;
        let mut digest = None;
        for (key, value) in metadata {
            let refused = |limit: &str| LogError::refused(format!("metadata {key}={value:?}"), limit, "see the module");
            match key.as_str() {
                "command" => command = Some(Uuid::try_parse(value).map_err(|_| refused("a UUID"))?),
                "command_digest" => {
                    let mut bytes = [0; 32];
                    hex::decode_to_slice(value, &mut bytes).map_err(|_| refused("64 hexadecimal digits"))?;
                    digest = Some(bytes);
                }
                "account" => actor.account.clone_from(value),
                "agency" => actor.agency = Some(value.clone()),
                "role" => actor.role = Some(value.clone()),
                "correlation" => append.correlation = Some(value.clone()),
                "received" => append.received = Timestamp::parse_rfc3339(value)?,
                "occurred" => append.occurred = Some(Timestamp::parse_rfc3339(value)?),
                "reads" => {
                    let reads: BTreeMap<StreamId, Version> =
                        serde_json::from_str(value).map_err(|_| refused("an object of streams and versions"))?;
                    append.expected.extend(reads);
                }
                _ => {
                    return Err(refused(
                        "command, command_digest, account, agency, role, correlation, received, occurred, reads",
                    ));
                }
            }
        }
        append.command = match command {
            Some(command) => command,
            None => self.fresh_command()?,
        };
        append.command_digest = digest.unwrap_or_else(|| digest_of(&append.drafts, &actor));
        append.actor = actor;
        Ok(append)
    }

    fn draft(&self, event: &A::Event, context: &LogContext<A>) -> Result<Draft, LogError> {
        let data = canonical::to_string(event).map_err(|error| {
            LogError::refused(
                format!("event {}: {error}", event.event_type()),
                "canonical JSON",
                "change the event's type",
            )
        })?;
        let kind_version = event.event_version();
        let kind_version = kind_version.parse().map_err(|_| {
            LogError::refused(
                format!("event version {kind_version:?}"),
                "a number from 1",
                "number the versions of a kind",
            )
        })?;
        Ok(Draft { stream: context.stream.clone(), kind: event.event_type(), kind_version, data, causation: None })
    }

    fn fresh_command(&self) -> Result<Uuid, LogError> {
        let mut random = [0; 10];
        getrandom::fill(&mut random).map_err(|error| LogError::unavailable(format!("no random bytes: {error}")))?;
        let millis = self.log.options().clock.now().micros().max(0).unsigned_abs() / 1_000;
        Ok(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    fn envelope(&self, aggregate_id: &str, stored: &StoredEntry) -> Result<EventEnvelope<A>, AggregateError<A::Error>> {
        let entry = stored.parse().map_err(|error| told(LogError::corrupt(stored.position, error.to_string())))?;
        let payload = entry.data.decode().map_err(|error| AggregateError::DeserializationError(Box::new(error)))?;
        Ok(EventEnvelope {
            aggregate_id: aggregate_id.to_owned(),
            sequence: sequence(entry.version),
            payload,
            metadata: metadata_of(&entry),
        })
    }

    /// What the first run of a command recorded.
    async fn recorded(
        &self,
        aggregate_id: &str,
        receipt: &Receipt,
    ) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        let first = receipt.positions.first().copied().unwrap_or(Position(0));
        let stored = self.log.read(first, receipt.positions.len()).await.map_err(told)?;
        stored.iter().map(|stored| self.envelope(aggregate_id, stored)).collect()
    }
}

impl<A: Aggregate> EventStore<A> for LogEventStore<A> {
    type AC = LogContext<A>;

    async fn load_events(&self, aggregate_id: &str) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        let stream = self.stream(aggregate_id)?;
        let stored = self.log.read_stream(&stream, Version(1)).await.map_err(told)?;
        stored.iter().map(|stored| self.envelope(aggregate_id, stored)).collect()
    }

    async fn load_aggregate(&self, aggregate_id: &str) -> Result<LogContext<A>, AggregateError<A::Error>> {
        let stream = self.stream(aggregate_id)?;
        let mut aggregate = A::default();
        let mut version = Version(0);
        for envelope in self.load_events(aggregate_id).await? {
            aggregate.apply(envelope.payload);
            version = version.next();
        }
        Ok(LogContext { aggregate, stream, aggregate_id: aggregate_id.to_owned(), version })
    }

    async fn commit(
        &self,
        events: Vec<A::Event>,
        context: LogContext<A>,
        metadata: HashMap<String, String>,
    ) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let append = self.append(&events, &context, &metadata).map_err(told)?;
        let account = append.actor.account.clone();
        let receipt = self.log.append(append).await.map_err(told)?;
        if receipt.repeated {
            return self.recorded(&context.aggregate_id, &receipt).await;
        }
        let envelopes = events.into_iter().zip(&receipt.positions).zip(context.version.0 + 1..);
        Ok(envelopes
            .map(|((payload, position), version)| EventEnvelope {
                aggregate_id: context.aggregate_id.clone(),
                sequence: sequence(Version(version)),
                payload,
                metadata: HashMap::from([
                    ("command".to_owned(), receipt.command.to_string()),
                    ("account".to_owned(), account.clone()),
                    ("position".to_owned(), position.to_string()),
                    ("at".to_owned(), receipt.at.to_string()),
                ]),
            })
            .collect())
    }
}

fn sequence(version: Version) -> usize {
    usize::try_from(version.0).unwrap_or(usize::MAX)
}

fn metadata_of(entry: &Entry<'_>) -> HashMap<String, String> {
    HashMap::from([
        ("command".to_owned(), entry.command.to_string()),
        ("account".to_owned(), entry.actor.account.to_owned()),
        ("position".to_owned(), entry.position.to_string()),
        ("at".to_owned(), entry.at.to_string()),
    ])
}

fn digest_of(drafts: &[Draft], actor: &Actor) -> [u8; 32] {
    let mut digest = Sha256::new();
    let mut part = |text: &str| {
        digest.update((text.len() as u64).to_be_bytes());
        digest.update(text);
    };
    part(&actor.account);
    for draft in drafts {
        part(draft.stream.as_str());
        part(&draft.kind);
        part(&draft.data);
    }
    digest.finalize().into()
}

/// What cqrs-es calls it.
fn told<E: std::error::Error>(error: LogError) -> AggregateError<E> {
    if matches!(error, LogError::Conflict { .. } | LogError::Moved { .. }) {
        return AggregateError::AggregateConflict;
    }
    if matches!(error, LogError::Unavailable { .. }) {
        return AggregateError::DatabaseConnectionError(Box::new(error));
    }
    AggregateError::UnexpectedError(Box::new(error))
}
