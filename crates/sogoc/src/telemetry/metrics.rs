//! Every metric there is, and the only places that touch one.
//!
//! Names, labels and what they mean stand in [`METRICS`]; dashboard and alerts (`deploy/`) are held to it by a test. Labels
//! have few values by construction: codes, methods and outcomes, never ids or names.

use std::time::Duration;

use metrics::{SharedString, counter, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

/// One metric.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Metric {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) labels: &'static [&'static str],
    pub(crate) help: &'static str,
}

/// What is done with its values.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Kind {
    /// Only grows.
    Counter,
    Gauge,
    /// Counted in buckets with these upper bounds.
    Histogram(&'static [f64]),
}

pub(super) const APPEND_SECONDS: &str = "sogoc_append_seconds";
pub(super) const APPEND_BATCH_SECONDS: &str = "sogoc_append_batch_seconds";
pub(super) const APPEND_BATCH_ENTRIES: &str = "sogoc_append_batch_entries";
pub(super) const APPEND_QUEUE_ENTRIES: &str = "sogoc_append_queue_entries";
pub(super) const APPEND_QUEUE_FULL: &str = "sogoc_append_queue_full_total";
const LOG_SIZE: &str = "sogoc_log_size";
const REGISTER_SIZE: &str = "sogoc_register_size";
const FOLD_LAG: &str = "sogoc_fold_lag_entries";
const RELAY_LAG: &str = "sogoc_relay_lag_entries";
const RELAY_ACTIVE: &str = "sogoc_relay_active";
const RELAY_PUBLISHED: &str = "sogoc_relay_published_total";
const REFUSALS: &str = "sogoc_refusals_total";
const REQUESTS: &str = "sogoc_requests_total";
const REQUEST_SECONDS: &str = "sogoc_request_seconds";
const IN_FLIGHT: &str = "sogoc_requests_in_flight";
const CONNECTIONS: &str = "sogoc_connections";
const SIGN_INS: &str = "sogoc_sign_ins_total";
const CHECKPOINT_SIZE: &str = "sogoc_checkpoint_size";
const COSIGNED_SIZE: &str = "sogoc_checkpoint_cosigned_size";
const WITNESS_QUORUM: &str = "sogoc_witness_quorum";
const STORE_UP: &str = "sogoc_store_up";
const READY: &str = "sogoc_ready";
const SPANS_LOST: &str = "sogoc_spans_lost_total";
const BUILD: &str = "sogoc_build_info";
pub(super) const RESIDENT_BYTES: &str = "process_resident_memory_bytes";
pub(super) const OPEN_FDS: &str = "process_open_fds";
pub(super) const MAX_FDS: &str = "process_max_fds";
pub(super) const START_SECONDS: &str = "process_start_time_seconds";

/// From half a millisecond, an append to a disk that is idle, to a caller's longest patience.
const SECONDS: &[f64] = &[0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// From one entry to the largest append.
const ENTRIES: &[f64] = &[0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1_024.0, 4_096.0, 16_384.0];

const fn counts(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Counter, labels, help }
}

const fn stands(name: &'static str, help: &'static str) -> Metric {
    Metric { name, kind: Kind::Gauge, labels: &[], help }
}

const fn measures(
    name: &'static str,
    buckets: &'static [f64],
    labels: &'static [&'static str],
    help: &'static str,
) -> Metric {
    Metric { name, kind: Kind::Histogram(buckets), labels, help }
}

/// All metrics.
pub(crate) const METRICS: &[Metric] = &[
    measures(APPEND_SECONDS, SECONDS, &[], "From an append's place in the queue to its answer, in seconds"),
    measures(
        APPEND_BATCH_SECONDS,
        SECONDS,
        &[],
        "From the lock of the head row to the commit of one batch, in seconds",
    ),
    measures(APPEND_BATCH_ENTRIES, ENTRIES, &[], "Entries recorded by one batch"),
    stands(APPEND_QUEUE_ENTRIES, "Entries that wait to be recorded by this process"),
    counts(APPEND_QUEUE_FULL, &[], "Appends that found the queue full and were told to try again"),
    stands(LOG_SIZE, "Entries in the log, as this process last saw it"),
    stands(REGISTER_SIZE, "Entries folded into this process's register"),
    stands(FOLD_LAG, "Entries in the log that this process has not folded yet"),
    stands(RELAY_LAG, "Entries in the log that are not published yet; said by the node whose relay is active"),
    stands(RELAY_ACTIVE, "Whether this node publishes to NATS (1) or stands by (0)"),
    counts(RELAY_PUBLISHED, &[], "Entries that this node published and NATS acknowledged"),
    counts(REFUSALS, &["code"], "Commands and questions that were refused, by the refusal's code"),
    counts(REQUESTS, &["method", "protocol", "outcome"], "Requests answered, by method, protocol and outcome"),
    measures(REQUEST_SECONDS, SECONDS, &["method"], "From a request's head to the end of its answer, in seconds"),
    stands(IN_FLIGHT, "Requests being worked on"),
    stands(CONNECTIONS, "Connections that are open"),
    counts(SIGN_INS, &["outcome"], "Attempts to sign in, by outcome"),
    stands(CHECKPOINT_SIZE, "Entries under the newest checkpoint that is signed"),
    stands(COSIGNED_SIZE, "Entries under the newest checkpoint that a quorum of witnesses has cosigned"),
    stands(WITNESS_QUORUM, "Whether the newest checkpoint has its quorum (1) or not (0); absent without witnesses"),
    stands(STORE_UP, "Whether the store answered when this was asked (1) or not (0)"),
    stands(READY, "Whether this node can serve (1) or not (0); /readyz says why"),
    counts(SPANS_LOST, &[], "Spans of traces that the collector did not take"),
    Metric {
        name: BUILD,
        kind: Kind::Gauge,
        labels: &["version"],
        help: "Always 1; the label is the program's version",
    },
    stands(RESIDENT_BYTES, "Memory of this process that is resident, in bytes"),
    stands(OPEN_FDS, "File descriptors that are open"),
    stands(MAX_FDS, "File descriptors that may be open"),
    stands(START_SECONDS, "When this process started, in seconds since 1970"),
];

/// The recorder with every bucket and description; what has one value without labels stands at 0 from the start.
pub(super) fn recorder() -> PrometheusRecorder {
    let mut builder = PrometheusBuilder::new();
    for metric in METRICS {
        if let Kind::Histogram(buckets) = metric.kind {
            builder = builder
                .set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), buckets)
                .expect("no histogram is without buckets");
        }
    }
    let recorder = builder.build_recorder();
    metrics::with_local_recorder(&recorder, || {
        for metric in METRICS {
            match metric.kind {
                Kind::Counter => {
                    metrics::describe_counter!(metric.name, metric.help);
                    if metric.labels.is_empty() {
                        counter!(metric.name).absolute(0);
                    }
                }
                Kind::Gauge => metrics::describe_gauge!(metric.name, metric.help),
                Kind::Histogram(_) => metrics::describe_histogram!(metric.name, metric.help),
            }
        }
        gauge!(APPEND_QUEUE_ENTRIES).set(0.0);
        gauge!(IN_FLIGHT).set(0.0);
        gauge!(CONNECTIONS).set(0.0);
        gauge!(BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    });
    recorder
}

/// All metrics in Prometheus' text format.
pub(super) fn render(handle: &PrometheusHandle) -> String {
    handle.run_upkeep();
    handle.render()
}

#[expect(clippy::cast_precision_loss, reason = "a gauge of Prometheus is a double; exact to 2^53, as positions are")]
fn whole(value: u64) -> f64 {
    value as f64
}

fn on(is: bool) -> f64 {
    f64::from(u8::from(is))
}

/// Counts a refusal. Its code is one of the fixed list; texts and values stay out.
pub(crate) fn refused(code: impl Into<SharedString>) {
    counter!(REFUSALS, "code" => code.into()).increment(1);
}

/// Counts a request that was answered. The method is one that exists: strangers' inventions are all `unknown`.
pub(crate) fn requested(
    method: impl Into<SharedString>,
    protocol: &'static str,
    outcome: impl Into<SharedString>,
    taken: Duration,
) {
    let method = method.into();
    histogram!(REQUEST_SECONDS, "method" => method.clone()).record(taken);
    counter!(REQUESTS, "method" => method, "protocol" => protocol, "outcome" => outcome.into()).increment(1);
}

/// Counts an attempt to sign in: `ok`, `failed`, `locked`, `second-factor`, …
pub(crate) fn signed_in(outcome: &'static str) {
    counter!(SIGN_INS, "outcome" => outcome).increment(1);
}

/// Says how far this node's register is behind the log's head, both as sizes.
pub(crate) fn folded(log_size: u64, register_size: u64) {
    gauge!(LOG_SIZE).set(whole(log_size));
    gauge!(REGISTER_SIZE).set(whole(register_size));
    gauge!(FOLD_LAG).set(whole(log_size.saturating_sub(register_size)));
}

/// Says whether this node's relay is the active one. A node that stands by knows no lag.
pub(crate) fn relay_active(is: bool) {
    gauge!(RELAY_ACTIVE).set(on(is));
    if !is {
        gauge!(RELAY_LAG).set(0.0);
    }
}

/// Says how many entries the active relay has still to publish.
pub(crate) fn relay_lag(entries: u64) {
    gauge!(RELAY_LAG).set(whole(entries));
}

/// Counts entries that NATS acknowledged.
pub(crate) fn relay_published(entries: u64) {
    counter!(RELAY_PUBLISHED).increment(entries);
}

/// Says which checkpoint is the newest signed one.
pub(crate) fn signed(size: u64) {
    gauge!(CHECKPOINT_SIZE).set(whole(size));
}

/// Says which checkpoint is the newest with a quorum, and whether that is the newest one. Never called without witnesses.
pub(crate) fn cosigned(size: u64, is_newest: bool) {
    gauge!(COSIGNED_SIZE).set(whole(size));
    gauge!(WITNESS_QUORUM).set(on(is_newest));
}

/// Says whether the store answers.
pub(crate) fn store_up(is: bool) {
    gauge!(STORE_UP).set(on(is));
}

pub(super) fn ready(is: bool) {
    gauge!(READY).set(on(is));
}

pub(super) fn spans_lost(spans: usize) {
    counter!(SPANS_LOST).increment(spans as u64);
}

/// A request that is being worked on, until it is dropped.
#[derive(Debug)]
pub(crate) struct InFlight(());

impl InFlight {
    pub(crate) fn begin() -> Self {
        gauge!(IN_FLIGHT).increment(1.0);
        Self(())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        gauge!(IN_FLIGHT).decrement(1.0);
    }
}

/// A connection that is open, until it is dropped.
#[derive(Debug)]
pub(crate) struct Connected(());

impl Connected {
    pub(crate) fn begin() -> Self {
        gauge!(CONNECTIONS).increment(1.0);
        Self(())
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        gauge!(CONNECTIONS).decrement(1.0);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Touches every metric once, and gives the text.
    pub(in crate::telemetry) fn all_touched() -> String {
        let recorder = recorder();
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || {
            use sogoc_log::Observer as _;
            let appends = super::super::appends::Appends::default();
            appends.entered(3);
            appends.left(3);
            appends.answered(Duration::from_millis(4));
            appends.batch(sogoc_log::Batch { appends: 1, accepted: 1, entries: 3, taken: Duration::from_millis(3) });
            appends.full();
            folded(12, 10);
            relay_active(true);
            relay_lag(2);
            relay_published(10);
            refused("phase-closed");
            requested("sogoc.v1.FiguresService/Get", "connect", "ok", Duration::from_millis(2));
            let _request = InFlight::begin();
            let _connection = Connected::begin();
            signed_in("ok");
            signed(12);
            cosigned(10, false);
            store_up(true);
            ready(true);
            spans_lost(0);
            super::super::process::measure(sogoc_log::Timestamp::UNIX_EPOCH);
        });
        render(&handle)
    }

    #[test]
    fn every_metric_is_in_the_registry_and_every_line_can_be_read() {
        let text = all_touched();
        let mut seen = BTreeSet::new();
        let name_of = |sample: &str| {
            let name = sample.split(['{', ' ']).next().unwrap().to_owned();
            let whole = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
            let is_histogram =
                |name: &str| METRICS.iter().any(|m| m.name == name && matches!(m.kind, Kind::Histogram(_)));
            whole.filter(|name| is_histogram(name)).map_or(name.clone(), str::to_owned)
        };
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(comment) = line.strip_prefix("# ") {
                let words: Vec<_> = comment.splitn(3, ' ').collect();
                assert!(words.len() == 3 && ["HELP", "TYPE"].contains(&words[0]), "{line}");
                assert!(METRICS.iter().any(|metric| metric.name == words[1]), "{line}");
                continue;
            }
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert!(value.parse::<f64>().is_ok() || value == "+Inf", "{line}");
            if let Some((_, labels)) = name.split_once('{') {
                let labels = labels.strip_suffix('}').unwrap();
                let metric = METRICS.iter().find(|metric| metric.name == name_of(name)).unwrap();
                for label in labels.split(',') {
                    let (label, value) = label.split_once('=').unwrap();
                    assert!(value.starts_with('"') && value.ends_with('"'), "{line}");
                    assert!(label == "le" || metric.labels.contains(&label), "{line}");
                }
            }
            seen.insert(name_of(name));
        }
        let known: BTreeSet<_> = METRICS.iter().map(|metric| metric.name.to_owned()).collect();
        assert_eq!(seen, known);
        for metric in METRICS {
            assert!(text.contains(&format!("# HELP {} {}", metric.name, metric.help)), "{}", metric.name);
        }
        assert!(text.contains("sogoc_append_seconds_bucket{le=\"0.005\"} 1"), "{text}");
        assert!(text.contains("sogoc_fold_lag_entries 2"), "{text}");
        assert!(text.contains("sogoc_requests_in_flight 0"), "what ended is in flight no more: {text}");
    }

    #[test]
    fn names_follow_the_rules_of_prometheus() {
        let mut names: Vec<_> = METRICS.iter().map(|metric| metric.name).collect();
        for metric in METRICS {
            assert!(metric.name.starts_with("sogoc_") || metric.name.starts_with("process_"), "{}", metric.name);
            assert_eq!(metric.name.ends_with("_total"), metric.kind == Kind::Counter, "{}", metric.name);
            assert!(metric.help.len() > 10 && !metric.help.ends_with('.'), "{}", metric.name);
        }
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    }

    const DASHBOARD: &str = include_str!("../../../../deploy/grafana/dashboards/sogoc.json");
    const ALERTS: &str = include_str!("../../../../deploy/prometheus/alerts.yml");
    const ALERTS_TRIED: &str = include_str!("../../../../deploy/prometheus/alerts.test.yml");

    /// Names of our metrics within a text, without what a histogram's parts add.
    fn named_in(text: &str) -> BTreeSet<&str> {
        let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let words = text.split(|c: char| !is_word(c));
        let ours = words.filter(|word| word.starts_with("sogoc_") || word.starts_with("process_"));
        ours.map(|word| {
            let part = ["_bucket", "_sum", "_count"].iter().find_map(|end| word.strip_suffix(end));
            let histogram =
                |name: &&str| METRICS.iter().any(|m| m.name == *name && matches!(m.kind, Kind::Histogram(_)));
            part.filter(histogram).unwrap_or(word)
        })
        .collect()
    }

    #[test]
    fn dashboard_and_alerts_name_metrics_that_there_are() {
        let known: BTreeSet<_> = METRICS.iter().map(|metric| metric.name).collect();
        for (file, text) in [("sogoc.json", DASHBOARD), ("alerts.yml", ALERTS), ("alerts.test.yml", ALERTS_TRIED)] {
            let named = named_in(text);
            let unknown: Vec<_> = named.difference(&known).collect();
            assert!(unknown.is_empty() && !named.is_empty(), "{file}: {unknown:?}");
        }
        let missing: Vec<_> = known.difference(&named_in(DASHBOARD)).copied().collect();
        assert!(missing.is_empty(), "the dashboard shows everything but {missing:?}");
        let dashboard: serde_json::Value = serde_json::from_str(DASHBOARD).unwrap();
        assert_eq!(dashboard["uid"], "sogoc");
    }

    #[test]
    fn whatever_can_go_wrong_has_an_alert_with_a_remedy_in_both_languages() {
        // These tell how much there is of something that has no right amount.
        let no_alert = [
            APPEND_BATCH_SECONDS,
            APPEND_BATCH_ENTRIES,
            APPEND_QUEUE_ENTRIES,
            REGISTER_SIZE,
            IN_FLIGHT,
            CONNECTIONS,
            RESIDENT_BYTES,
        ];
        let alarming = named_in(ALERTS);
        for metric in METRICS {
            let expected = !no_alert.contains(&metric.name);
            assert_eq!(alarming.contains(metric.name), expected, "{}", metric.name);
        }
        assert!(ALERTS.contains("node_filesystem_avail_bytes"), "disks fill");
        for alert in ALERTS.split("- alert: ").skip(1) {
            let name = alert.lines().next().unwrap();
            for part in ["expr:", "severity:", "summary_vi:", "summary:", "action_vi:", "action:"] {
                assert!(alert.contains(part), "{name} has no {part}");
            }
        }
    }
}
