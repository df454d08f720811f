use std::io;
use std::sync::Mutex;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::routing::post;
use futures_util::FutureExt as _;
use tower::ServiceExt as _;
use tracing::instrument::WithSubscriber as _;

use super::*;
use crate::config::Secret;

/// Keeps what is written.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Written {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// A collector that decodes nothing and keeps everything.
async fn collector() -> (String, Arc<Mutex<Vec<Vec<u8>>>>) {
    let bodies = Arc::new(Mutex::new(Vec::new()));
    let router = Router::new()
        .route(
            "/v1/traces",
            post(|State(bodies): State<Arc<Mutex<Vec<Vec<u8>>>>>, request: Request<Body>| async move {
                assert_eq!(request.headers()["content-type"], "application/x-protobuf");
                let body = to_bytes(request.into_body(), 1 << 20).await.unwrap();
                bodies.lock().unwrap().push(body.to_vec());
                StatusCode::OK
            }),
        )
        .with_state(Arc::clone(&bodies));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, bodies)
}

fn holds(bodies: &[Vec<u8>], part: &[u8]) -> bool {
    bodies.iter().any(|body| body.windows(part.len()).any(|window| window == part))
}

const GIVEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const GIVEN_TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[tokio::test(flavor = "multi_thread")]
async fn a_request_s_trace_reaches_the_collector_its_log_lines_and_its_entries() {
    let (address, bodies) = collector().await;
    let provider = otlp::provider(Some(&Secret::addresses(address))).unwrap().unwrap();
    let written = Written::default();
    let subscriber = subscriber("info", LogFormat::Json, Some(&provider), written.clone());
    let asked = async {
        let given = RequestTrace::begin(Some(GIVEN), "sogoc.v1.LogService/Head", "grpc");
        assert_eq!(given.correlation(), GIVEN_TRACE);
        let (correlation, given_on) = given
            .run(async {
                tracing::info!(log.position = 7, "an entry was recorded");
                (super::correlation(), super::traceparent())
            })
            .await;
        assert_eq!(correlation.as_deref(), Some(GIVEN_TRACE));
        let given_on = Traceparent::parse(&given_on.unwrap()).unwrap();
        assert_eq!(given_on.correlation(), GIVEN_TRACE);
        assert_ne!(Some(given_on), Traceparent::parse(GIVEN), "the span is ours, not the caller's");
        let own = RequestTrace::begin(None, "sogoc.v1.LogService/Head", "connect");
        let (id, within) = (own.correlation(), own.run(async { super::correlation() }).await);
        assert_eq!(within.as_deref(), Some(id.as_str()));
        id
    };
    let own = asked.with_subscriber(subscriber).await;
    otlp::shutdown(provider).await;
    let bodies = bodies.lock().unwrap();
    assert_eq!(bodies.len(), 1, "both spans go together");
    for trace in [GIVEN_TRACE, &own] {
        let bytes = opentelemetry::trace::TraceId::from_hex(trace).unwrap().to_bytes();
        assert!(holds(&bodies, &bytes), "{trace}");
    }
    assert!(holds(&bodies, b"sogoc.v1.LogService/Head") && holds(&bodies, b"an entry was recorded"));
    assert!(holds(&bodies, b"sogoc") && holds(&bodies, env!("CARGO_PKG_VERSION").as_bytes()));
    let line: serde_json::Value = serde_json::from_str(written.text().lines().next().unwrap()).unwrap();
    assert_eq!(line["message"], "an entry was recorded");
    assert_eq!((&line["log.position"], &line["level"]), (&7.into(), &"INFO".into()));
    assert_eq!(line["span"]["trace.id"], GIVEN_TRACE);
}

#[tokio::test]
async fn a_request_has_a_trace_where_nothing_is_exported_too() {
    let given = RequestTrace::begin(Some(GIVEN), "m", "connect").run(async { (correlation(), traceparent()) }).await;
    assert_eq!(given, (Some(GIVEN_TRACE.to_owned()), Some(GIVEN.to_owned())));
    let one = RequestTrace::begin(None, "m", "connect").run(async { correlation().unwrap() }).await;
    let other = RequestTrace::begin(Some("nonsense"), "m", "connect").run(async { correlation().unwrap() }).await;
    assert!(one != other && one.len() == 32 && one.bytes().all(|byte| byte.is_ascii_hexdigit()), "{one} {other}");
    assert_eq!((correlation(), traceparent()), (None, None));
}

/// A request within a subscriber that sends its span to `collector`; gives what was logged.
async fn a_request_is_traced_to(collector: &str) -> String {
    let provider = otlp::provider(Some(&Secret::addresses(collector))).unwrap().unwrap();
    let written = Written::default();
    let subscriber: tracing::Dispatch = subscriber("trace", LogFormat::Text, Some(&provider), written.clone()).into();
    let asked = async { RequestTrace::begin(None, "m", "grpc").run(async { 7 }).await };
    assert_eq!(asked.with_subscriber(subscriber.clone()).await, 7);
    otlp::shutdown(provider).with_subscriber(subscriber).await;
    written.text()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_or_refuses_costs_spans_and_nothing_else() {
    // A port that nobody listens at any more.
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let text = a_request_is_traced_to(&format!("http://user:pa55@{gone}")).await;
    assert!(!text.contains("pa55"), "{text}");
    let asked = Arc::new(Mutex::new(0));
    let count = Arc::clone(&asked);
    let refuse = post(move |request: Request<Body>| async move {
        assert_eq!(request.headers()["authorization"], "Basic dXNlcjpwQGE1NQ==");
        *count.lock().unwrap() += 1;
        StatusCode::INTERNAL_SERVER_ERROR
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/v1/traces", refuse)).await });
    a_request_is_traced_to(&format!("http://user:p%40a55@{address}")).await;
    assert_eq!(*asked.lock().unwrap(), 1, "it was asked, with the address's user and password");
}

#[test]
fn a_traceparent_is_read_exactly() {
    assert_eq!(Traceparent::parse(GIVEN).unwrap().to_string(), GIVEN);
    let later = format!("cc{}-more", &GIVEN[2..]);
    assert_eq!(Traceparent::parse(&later), Traceparent::parse(GIVEN));
    for text in [
        "",
        &GIVEN[..54],
        &format!("{GIVEN}-more"),
        &format!("cc{}more", &GIVEN[2..]),
        &GIVEN.replace("00-4b", "ff-4b"),
        &GIVEN.replace("4bf9", "4BF9"),
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0eé36-00f067aa0ba902b7-01",
    ] {
        assert_eq!(Traceparent::parse(text), None, "{text}");
    }
}

#[test]
fn log_lines_of_libraries_are_held_back_unless_they_are_named() {
    let lines = |filter: &str| {
        let written = Written::default();
        tracing::subscriber::with_default(subscriber(filter, LogFormat::Text, None, written.clone()), || {
            tracing::debug!(target: "h2::codec", "frame");
            tracing::debug!(target: "sogoc_log::sequencer", "batch");
            tracing::info!(target: "sqlx::query", "query");
        });
        written.text()
    };
    let text = lines("debug");
    assert!(text.contains("batch") && text.contains("query") && !text.contains("frame"), "{text}");
    assert!(lines("info,h2=debug").contains("frame"));
    assert_eq!(lines("warn"), "");
    assert_eq!(lines("off"), "");
}

async fn asked(operator: &Operator, path: &str) -> (StatusCode, String) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = operator_router(operator.clone()).oneshot(request).await.unwrap();
    let status = response.status();
    (status, String::from_utf8(to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap())
}

fn operator(readiness: impl Readiness + 'static) -> (Operator, metrics_exporter_prometheus::PrometheusRecorder) {
    let recorder = metrics::recorder();
    (Operator { metrics: recorder.handle(), started: Timestamp::UNIX_EPOCH, readiness: Arc::new(readiness) }, recorder)
}

#[tokio::test]
async fn readiness_says_why_not_and_the_metrics_say_it_too() {
    let fault = Arc::new(Mutex::new(None));
    let told = Arc::clone(&fault);
    let (operator, recorder) = operator(move || {
        let fault = told.lock().unwrap().clone();
        async move { vec![Check { name: STORE, fault }, Check { name: "register", fault: None }] }.boxed()
    });
    let _guard = ::metrics::set_default_local_recorder(&recorder);
    assert_eq!(asked(&operator, "/livez").await, (StatusCode::OK, "{\"live\":true}\n".to_owned()));
    let (status, text) = asked(&operator, "/readyz").await;
    assert_eq!(status, StatusCode::OK);
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["ready"], true);
    let (_, text) = asked(&operator, "/metrics").await;
    assert!(text.contains("sogoc_ready 1") && text.contains("sogoc_store_up 1"), "{text}");
    assert!(text.contains("process_resident_memory_bytes"), "{text}");
    *fault.lock().unwrap() = Some("connection refused".to_owned());
    let (status, text) = asked(&operator, "/readyz").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        document["checks"][0],
        serde_json::json!({ "name": "store", "ready": false, "fault": "connection refused" })
    );
    assert_eq!(asked(&operator, "/livez").await.0, StatusCode::OK, "a store that is down is no reason to be restarted");
    let (_, text) = asked(&operator, "/metrics").await;
    assert!(text.contains("sogoc_ready 0") && text.contains("sogoc_store_up 0"), "{text}");
    assert_eq!(asked(&operator, "/").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_never_answers_is_not_ready() {
    let (operator, recorder) = operator(|| std::future::pending().boxed());
    let _guard = ::metrics::set_default_local_recorder(&recorder);
    let (status, text) = asked(&operator, "/readyz").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(text.contains("no answer within 2 s"), "{text}");
}
