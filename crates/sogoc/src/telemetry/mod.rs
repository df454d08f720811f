//! Logs, metrics and traces: what an operator sees of a running sogoc.
//!
//! **Logs** go to stderr, as text or JSON. They tell what the process does and never hold names, scores, texts or tokens:
//! the register is the record, the log is not. **Metrics** (`metrics`) are scraped. **Traces** are sent to a collector
//! by OTLP where one is configured. None of them is ever waited for: a collector that is away costs spans, which are
//! counted, and nothing else.

mod appends;
mod metrics;
mod operator;
mod otlp;
mod process;
mod traces;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use sogoc_log::{Clock as _, Observer, SystemClock, Timestamp};
use tokio::task::AbortHandle;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::{EnvFilter, fmt};

use crate::config::{Config, LogFormat};
use crate::failure::{Failure, Remedy};
pub(crate) use metrics::{
    Connected, InFlight, cosigned, folded, refused, relay_active, relay_lag, relay_published, requested, signed,
    signed_in, store_up,
};
pub(crate) use operator::{Check, Operator, Readiness, STORE, operator_router};
pub(crate) use traces::{RequestTrace, correlation};
#[cfg(test)]
use traces::{Traceparent, traceparent};

/// How often histograms are drained, so that they stay small when nobody scrapes.
const UPKEEP_SECONDS: u64 = 5;
/// Others' libraries speak of frames and headers when asked for more than this; whoever wants that names the library.
const LIBRARIES: &str =
    "async_nats=info,h2=info,hyper=info,hyper_util=info,reqwest=info,rustls=info,sqlx=info,tower=info";

/// Telemetry that runs, until it is shut down.
#[derive(Debug)]
pub(crate) struct Telemetry {
    metrics: PrometheusHandle,
    started: Timestamp,
    provider: Option<SdkTracerProvider>,
    upkeep: AbortHandle,
}

/// Sets logs, metrics and traces up as configured, once a process and within its runtime. `SOGOC_TRACE` goes before
/// `telemetry.log`.
///
/// # Errors
/// When logs are set up already, or no connection to the collector can be prepared.
pub(crate) fn init(config: &Config) -> Result<Telemetry, Failure> {
    let provider = otlp::provider(config.telemetry.otlp.as_ref())?;
    let filter = std::env::var("SOGOC_TRACE").ok().filter(|filter| !filter.is_empty());
    let filter = filter.as_deref().unwrap_or(&config.telemetry.log);
    let subscriber = subscriber(filter, config.telemetry.format, provider.as_ref(), std::io::stderr);
    tracing::subscriber::set_global_default(subscriber).map_err(|error| Failure::Unavailable {
        message: format!("telemetry: {error}"),
        remedy: Remedy { vi: "khởi động lại", en: "start again" },
    })?;
    let metrics = installed();
    let drained = metrics.clone();
    let upkeep = tokio::spawn(async move {
        let mut interval = tokio::time::interval(Duration::from_secs(UPKEEP_SECONDS));
        loop {
            interval.tick().await;
            drained.run_upkeep();
        }
    });
    Ok(Telemetry { metrics, started: SystemClock.now(), provider, upkeep: upkeep.abort_handle() })
}

impl Telemetry {
    /// Who watches appends, for the log's options.
    pub(crate) fn observer(&self) -> Arc<dyn Observer> {
        Arc::new(appends::Appends::default())
    }

    /// What the operator's endpoints answer from.
    pub(crate) fn operator(&self, readiness: Arc<dyn Readiness>) -> Operator {
        Operator { metrics: self.metrics.clone(), started: self.started, readiness }
    }

    /// Sends what the collector has not got yet, and waits for it, but not for long. To be called last, within the runtime.
    pub(crate) async fn shutdown(self) {
        self.upkeep.abort();
        if let Some(provider) = self.provider {
            otlp::shutdown(provider).await;
        }
    }
}

/// Logs of a command go to stderr where `SOGOC_TRACE` asks for them (`SOGOC_TRACE=debug`).
pub(crate) fn for_command() {
    let filter = std::env::var("SOGOC_TRACE").unwrap_or_else(|_| "off".to_owned());
    let filter = EnvFilter::try_new(filter).unwrap_or_default();
    fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}

/// The process's one recorder.
fn installed() -> PrometheusHandle {
    static INSTALLED: OnceLock<PrometheusHandle> = OnceLock::new();
    let install = || {
        let recorder = metrics::recorder();
        let handle = recorder.handle();
        ::metrics::set_global_recorder(recorder).expect("nobody else installs one");
        handle
    };
    INSTALLED.get_or_init(install).clone()
}

/// Log lines by the filter, spans by the collector's.
fn subscriber<W>(
    filter: &str,
    format: LogFormat,
    provider: Option<&SdkTracerProvider>,
    writer: W,
) -> impl tracing::Subscriber + Send + Sync + use<W>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let everything = filter.split(',').any(|directive| matches!(directive.trim(), "debug" | "trace"));
    let libraries = if everything { LIBRARIES } else { "" };
    let filter = EnvFilter::try_new(format!("{libraries},{filter}")).unwrap_or_default();
    let lines = match format {
        LogFormat::Text => fmt::layer().with_writer(writer).boxed(),
        LogFormat::Json => fmt::layer().json().flatten_event(true).with_span_list(false).with_writer(writer).boxed(),
    };
    // Our own spans only: those of the client that sends them would never come to an end.
    let spans = provider.map(|provider| {
        tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("sogoc"))
            .with_location(false)
            .with_threads(false)
            .with_filter(Targets::new().with_target("sogoc", LevelFilter::INFO))
    });
    tracing_subscriber::registry().with(lines.with_filter(filter)).with(spans)
}

#[cfg(test)]
mod tests;
