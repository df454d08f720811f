//! One id from a request to its entries: the trace of W3C Trace Context (`traceparent`), which also ties together what a
//! collector shows.
//!
//! A request that brings no trace gets one of its own, whether or not traces are exported: the id of 32 hexadecimal digits
//! stands in the span of its log lines and as `correlation` in its entries. Within the request's future, [`correlation`] and
//! `traceparent` give it; a task that is spawned from there is outside of it.

use std::fmt;

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState};
use tracing::{Instrument as _, Span, field};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

tokio::task_local! {
    static CURRENT: Traceparent;
}

/// What `traceparent` says: which trace, and which of its spans is the caller's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Traceparent {
    trace: [u8; 16],
    span: [u8; 8],
    flags: u8,
}

impl Traceparent {
    /// Reads version 00, and of later versions what they share with it. None for anything else: a trace that cannot be read
    /// is no reason to refuse a request.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let (version, rest) = (bytes.get(..2)?, bytes.get(2..55)?);
        let [version] = hex(version)?;
        let ends = bytes.len() == 55 || (version != 0 && bytes[55] == b'-');
        if version == 0xff || !ends || [rest[0], rest[33], rest[50]] != *b"---" {
            return None;
        }
        let parent = Self { trace: hex(&rest[1..33])?, span: hex(&rest[34..50])?, flags: hex::<1>(&rest[51..53])?[0] };
        (parent.trace != [0; 16] && parent.span != [0; 8]).then_some(parent)
    }

    /// A new trace.
    fn new() -> Self {
        let mut random = [0; 24];
        if getrandom::fill(&mut random).is_err() {
            // Without randomness nothing else goes on either; an id that says so is better than an end here.
            random = [0xff; 24];
        }
        let (trace, span) = random.split_at(16);
        Self { trace: trace.try_into().expect("16 of 24"), span: span.try_into().expect("8 of 24"), flags: 0 }
    }

    /// The trace as `correlation` of entries: 32 hexadecimal digits.
    pub(crate) fn correlation(&self) -> String {
        TraceId::from_bytes(self.trace).to_string()
    }

    fn remote(&self) -> SpanContext {
        let (trace, span) = (TraceId::from_bytes(self.trace), SpanId::from_bytes(self.span));
        SpanContext::new(trace, span, TraceFlags::new(self.flags) & TraceFlags::SAMPLED, true, TraceState::default())
    }
}

impl From<&SpanContext> for Traceparent {
    fn from(context: &SpanContext) -> Self {
        Self {
            trace: context.trace_id().to_bytes(),
            span: context.span_id().to_bytes(),
            flags: context.trace_flags().to_u8(),
        }
    }
}

impl fmt::Display for Traceparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (trace, span) = (TraceId::from_bytes(self.trace), SpanId::from_bytes(self.span));
        write!(f, "00-{trace}-{span}-{:02x}", self.flags)
    }
}

fn hex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    (digits.len() == 2 * N).then_some(bytes)
}

/// A request's trace, from its head on.
#[derive(Debug)]
pub(crate) struct RequestTrace {
    span: Span,
    parent: Traceparent,
}

impl RequestTrace {
    /// Begins a request's span. `traceparent` is the header as it came, if it came; `method` is one of those that exist.
    pub(crate) fn begin(traceparent: Option<&str>, method: &str, protocol: &'static str) -> Self {
        let given = traceparent.and_then(Traceparent::parse);
        let span = tracing::info_span!(
            "request",
            otel.name = method,
            otel.kind = "server",
            request.method = method,
            request.protocol = protocol,
            request.outcome = field::Empty,
            trace.id = field::Empty,
        );
        if let Some(given) = given {
            // Fails where nothing is exported, and then nothing is to be tied to a parent.
            let _ = span.set_parent(Context::new().with_remote_span_context(given.remote()));
        }
        let parent = exported(&span).or(given).unwrap_or_else(Traceparent::new);
        span.record("trace.id", parent.correlation());
        Self { span, parent }
    }

    /// The trace's id: 32 hexadecimal digits.
    pub(crate) fn correlation(&self) -> String {
        self.parent.correlation()
    }

    /// Says how it ended, in the words of `sogoc_requests_total`.
    pub(crate) fn outcome(span: &Span, outcome: &str) {
        span.record("request.outcome", outcome);
    }

    /// The request's span.
    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    /// Runs what answers the request within its trace.
    pub(crate) async fn run<F: Future>(self, answering: F) -> F::Output {
        CURRENT.scope(self.parent, answering.instrument(self.span)).await
    }
}

/// The id of the present request's trace, as `correlation` of the entries that it records.
pub(crate) fn correlation() -> Option<String> {
    CURRENT.try_with(Traceparent::correlation).ok()
}

/// The present request's trace and span, to be given on in a header `traceparent`.
#[cfg(test)]
pub(crate) fn traceparent() -> Option<String> {
    let current = exported(&Span::current()).or_else(|| CURRENT.try_with(|current| *current).ok());
    current.map(|current| current.to_string())
}

/// A span's place in its trace, where traces are exported.
fn exported(span: &Span) -> Option<Traceparent> {
    let context = span.context();
    let context = context.span().span_context().clone();
    context.is_valid().then(|| Traceparent::from(&context))
}
