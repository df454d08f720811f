//! What stands on the bus: the stream of a log, and the durable consumer of a roll-up. The same as JSON for the `nats`
//! command is in `deploy/nats/`; a test holds both equal.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, ReplayPolicy, pull};
use async_nats::jetstream::stream::{self, DiscardPolicy, RetentionPolicy, StorageType};

/// How long the server knows a message's id.
pub(crate) const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);
/// Longest tenant: an id.
const TENANT_BYTES_MAX: usize = 64;

/// Whether it can name a tenant: `[a-z0-9-]{1,64}`.
pub(crate) fn is_tenant(text: &str) -> bool {
    (1..=TENANT_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// The stream of a tenant: `SOGOC_HA_NAM`.
pub(crate) fn stream_name(tenant: &str) -> String {
    format!("SOGOC_{}", tenant.to_ascii_uppercase().replace('-', "_"))
}

/// All subjects of a tenant.
pub(crate) fn subjects(tenant: &str) -> String {
    format!("sogoc.{tenant}.>")
}

/// The stream as it should be: nothing ever leaves it, by a limit or by hand.
pub(crate) fn stream(tenant: &str, replicas: usize) -> stream::Config {
    stream::Config {
        name: stream_name(tenant),
        description: Some("Every entry of a sogoc log: position p has sequence p + 1".to_owned()),
        subjects: vec![subjects(tenant)],
        storage: StorageType::File,
        num_replicas: replicas,
        retention: RetentionPolicy::Limits,
        // Where a limit is set later all the same, it refuses what is new instead of dropping what is old.
        discard: DiscardPolicy::New,
        max_bytes: -1,
        max_messages: -1,
        max_messages_per_subject: -1,
        max_consumers: -1,
        max_message_size: -1,
        max_age: Duration::ZERO,
        duplicate_window: DUPLICATE_WINDOW,
        deny_delete: true,
        deny_purge: true,
        allow_direct: true,
        ..stream::Config::default()
    }
}

/// Where a stream that is there differs from what it should be, in a way that would break a promise; empty where it does
/// not. What an operator may choose (placement, compression, a longer duplicate window, consumers) is left alone.
pub(crate) fn differences(found: &stream::Config, tenant: &str, replicas: usize) -> Vec<String> {
    let wanted = stream(tenant, replicas);
    let mut differences = Vec::new();
    let mut differs = |what: &str, found: &dyn std::fmt::Debug, wanted: &dyn std::fmt::Debug| {
        differences.push(format!("{what} is {found:?}, not {wanted:?}"));
    };
    if found.subjects != wanted.subjects {
        differs("subjects", &found.subjects, &wanted.subjects);
    }
    if found.storage != wanted.storage {
        differs("storage", &found.storage, &wanted.storage);
    }
    if found.num_replicas != wanted.num_replicas {
        differs("num_replicas", &found.num_replicas, &wanted.num_replicas);
    }
    if found.retention != wanted.retention {
        differs("retention", &found.retention, &wanted.retention);
    }
    for (what, limit) in [
        ("max_bytes", found.max_bytes),
        ("max_msgs", found.max_messages),
        ("max_msgs_per_subject", found.max_messages_per_subject),
        ("max_msg_size", i64::from(found.max_message_size)),
    ] {
        // The server writes "unlimited" as -1, and takes 0 for it.
        if limit > 0 {
            differs(what, &limit, &-1);
        }
    }
    if !found.max_age.is_zero() {
        differs("max_age", &found.max_age, &"unlimited");
    }
    if found.duplicate_window < wanted.duplicate_window {
        differs("duplicate_window", &found.duplicate_window, &wanted.duplicate_window);
    }
    for (what, flag, wanted) in [
        ("deny_delete", found.deny_delete, true),
        ("deny_purge", found.deny_purge, true),
        ("no_ack", found.no_ack, false),
        ("sealed", found.sealed, false),
        ("allow_rollup_hdrs", found.allow_rollup, false),
        ("a mirror", found.mirror.is_some(), false),
        ("sources", found.sources.as_ref().is_some_and(|sources| !sources.is_empty()), false),
        ("subject_transform", found.subject_transform.is_some(), false),
        ("first_seq above 1", found.first_sequence.is_some_and(|first| first > 1), false),
    ] {
        if flag != wanted {
            differs(what, &flag, &wanted);
        }
    }
    differences
}

/// The durable consumer by which a roll-up reads a stream. Acks are for all up to a message, for they are given in order,
/// after what was read is stored; how far a roll-up has come stands in its own store.
pub(crate) fn consumer(durable: &str, from: DeliverPolicy) -> pull::Config {
    pull::Config {
        durable_name: Some(durable.to_owned()),
        description: Some("sogoc roll-up: one ranking over the logs of many".to_owned()),
        deliver_policy: from,
        ack_policy: AckPolicy::All,
        ack_wait: Duration::from_secs(30),
        replay_policy: ReplayPolicy::Instant,
        max_ack_pending: 20_000,
        ..pull::Config::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> serde_json::Value {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/nats").join(name);
        let text = std::fs::read_to_string(&path).expect("the file is in the repository");
        serde_json::from_str(&text).expect("JSON")
    }

    #[test]
    fn the_definitions_in_deploy_are_what_the_relay_and_the_roll_up_make() {
        let stream = serde_json::to_value(stream("ha-nam", 1)).expect("JSON");
        assert_eq!(file("stream.json"), stream, "{stream:#}");
        let consumer = serde_json::to_value(consumer("sogoc-roll-up", DeliverPolicy::All)).expect("JSON");
        assert_eq!(file("consumer-roll-up.json"), consumer, "{consumer:#}");
    }

    #[test]
    fn a_stream_that_could_lose_an_entry_differs() {
        assert_eq!(differences(&stream("ha-nam", 3), "ha-nam", 3), Vec::<String>::new());
        let longer = stream::Config { duplicate_window: Duration::from_secs(600), ..stream("ha-nam", 1) };
        assert!(differences(&longer, "ha-nam", 1).is_empty(), "an operator may choose that");
        let right = || stream("ha-nam", 1);
        for wrong in [
            stream::Config { max_age: Duration::from_secs(3_600), ..right() },
            stream::Config { max_messages: 10, ..right() },
            stream::Config { max_bytes: 10, ..right() },
            stream::Config { max_messages_per_subject: 1, ..right() },
            stream::Config { max_message_size: 1_024, ..right() },
            stream::Config { storage: StorageType::Memory, ..right() },
            stream::Config { retention: RetentionPolicy::WorkQueue, ..right() },
            stream::Config { deny_delete: false, ..right() },
            stream::Config { deny_purge: false, ..right() },
            stream::Config { allow_rollup: true, ..right() },
            stream::Config { no_ack: true, ..right() },
            stream::Config { duplicate_window: Duration::from_secs(1), ..right() },
            stream::Config { subjects: vec!["sogoc.>".to_owned()], ..right() },
            stream::Config { num_replicas: 3, ..right() },
        ] {
            assert_eq!(differences(&wrong, "ha-nam", 1).len(), 1, "{wrong:?}");
        }
    }

    #[test]
    fn a_tenant_names_its_stream_and_subjects() {
        assert!(is_tenant("ha-nam") && !is_tenant("Hà Nam") && !is_tenant("") && !is_tenant("a.b"));
        assert_eq!(stream_name("ha-nam"), "SOGOC_HA_NAM");
        assert_eq!(subjects("ha-nam"), "sogoc.ha-nam.>");
    }
}
