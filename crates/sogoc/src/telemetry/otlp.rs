//! Traces to a collector by OTLP over HTTP (protobuf).
//!
//! Spans wait in a bounded queue ([`QUEUE_SPANS_MAX`]); what does not fit is lost. A thread of the library takes them in
//! batches; the request itself runs on our runtime, for that is what the HTTP client needs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as STANDARD;
use opentelemetry_otlp::{Protocol, SpanExporter as OtlpExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider, SpanData, SpanExporter};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Client, Url, redirect};
use tokio::runtime::Handle;

use super::metrics;
use crate::config::Secret;
use crate::failure::{Failure, Remedy};

/// Spans that wait for the collector.
const QUEUE_SPANS_MAX: usize = 4_096;
/// Spans in one request.
const BATCH_SPANS_MAX: usize = 512;
/// Longest wait of a span for others to go with.
const WAIT_MS_MAX: u64 = 2_000;
/// How long the collector has for its answer.
const ANSWER_SECONDS_MAX: u64 = 5;
/// How long the end of the process waits for the collector.
const SHUTDOWN_SECONDS_MAX: u64 = 5;

/// Where spans go; none where no collector is configured.
pub(super) fn provider(collector: Option<&Secret>) -> Result<Option<SdkTracerProvider>, Failure> {
    let Some(collector) = collector else { return Ok(None) };
    let failed = |error: &dyn std::fmt::Display| Failure::Unavailable {
        message: format!("telemetry.otlp: {error}"),
        remedy: Remedy {
            vi: "kiểm tra địa chỉ, và gói chứng chỉ gốc của hệ điều hành nếu là https",
            en: "check the address, and the system's root certificates where it is https",
        },
    };
    // An error says that another provider is installed already, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Not the library's words: they may quote the address, and the address a password.
    let unusable = || failed(&format!("{collector} is no address that spans can be sent to"));
    let mut address = Url::parse(&format!("{}/v1/traces", collector.expose())).map_err(|_| unusable())?;
    let mut headers = HeaderMap::new();
    if let Some(credentials) = credentials(&address) {
        headers.insert(AUTHORIZATION, credentials);
        let _ = (address.set_username(""), address.set_password(None));
    }
    let mut client = Client::builder()
        .default_headers(headers)
        .user_agent(concat!("sogoc/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .timeout(Duration::from_secs(ANSWER_SECONDS_MAX))
        .no_proxy();
    if address.scheme() != "https" {
        // Nobody's certificate will be judged: a machine without certificates can send all the same.
        client = client.tls_certs_only([]);
    }
    let exporter = OtlpExporter::builder()
        .with_http()
        .with_http_client(client.build().map_err(|error| failed(&error))?)
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(address)
        .with_timeout(Duration::from_secs(ANSWER_SECONDS_MAX))
        .build()
        .map_err(|_| unusable())?;
    let exporter = OnRuntime { inner: Arc::new(exporter), runtime: Handle::current(), failing: AtomicBool::new(false) };
    let config = BatchConfigBuilder::default()
        .with_max_queue_size(QUEUE_SPANS_MAX)
        .with_max_export_batch_size(BATCH_SPANS_MAX)
        .with_scheduled_delay(Duration::from_millis(WAIT_MS_MAX))
        .build();
    let processor = BatchSpanProcessor::builder(exporter).with_batch_config(config).build();
    let resource = Resource::builder()
        .with_service_name("sogoc")
        .with_attribute(opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    Ok(Some(SdkTracerProvider::builder().with_span_processor(processor).with_resource(resource).build()))
}

/// User and password of an address as a header: the library would pass them over.
fn credentials(address: &Url) -> Option<HeaderValue> {
    if address.username().is_empty() && address.password().is_none() {
        return None;
    }
    let mut pair = decoded(address.username());
    pair.push(b':');
    pair.extend(decoded(address.password().unwrap_or_default()));
    let mut header = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(pair))).ok()?;
    header.set_sensitive(true);
    Some(header)
}

/// Bytes of a text in which `%40` stands for `@`.
fn decoded(text: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), text);
    while let Some((plain, encoded)) = rest.split_once('%') {
        bytes.extend_from_slice(plain.as_bytes());
        let byte = encoded.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.unwrap_or(b'%'));
        rest = if byte.is_some() { &encoded[2..] } else { encoded };
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

/// Sends what waits, within bounds.
pub(super) async fn shutdown(provider: SdkTracerProvider) {
    // It blocks until the thread of the library has ended.
    let ended =
        tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(Duration::from_secs(SHUTDOWN_SECONDS_MAX)));
    let limit = Duration::from_secs(SHUTDOWN_SECONDS_MAX + 1);
    if !matches!(tokio::time::timeout(limit, ended).await, Ok(Ok(Ok(())))) {
        tracing::warn!("the last spans did not reach the collector");
    }
}

/// Sends on the runtime what a thread without one asks for.
#[derive(Debug)]
struct OnRuntime {
    inner: Arc<OtlpExporter>,
    runtime: Handle,
    failing: AtomicBool,
}

impl SpanExporter for OnRuntime {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let (inner, spans) = (Arc::clone(&self.inner), batch.len());
        let sent = self.runtime.spawn(async move { inner.export(batch).await }).await;
        let sent = sent.unwrap_or(Err(OTelSdkError::AlreadyShutdown));
        if sent.is_err() {
            metrics::spans_lost(spans);
        }
        // Told when it begins and when it ends, not for each batch in between; without the library's words, which may quote
        // the address.
        let was_failing = self.failing.swap(sent.is_err(), Ordering::Relaxed);
        match (was_failing, sent.is_err()) {
            (false, true) => tracing::warn!(spans, "the collector does not take spans; they are lost until it does"),
            (true, false) => tracing::info!("the collector takes spans again"),
            (false, false) | (true, true) => {}
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        // Called once, before anything is sent.
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            inner.set_resource(resource);
        }
    }
}
