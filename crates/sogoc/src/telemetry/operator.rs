//! What is the operator's only: `/metrics`, `/livez` and `/readyz`, on a listener of their own.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::future::BoxFuture;
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::json;
use sogoc_log::Timestamp;

use super::{metrics, process};

/// How long everything that is asked about readiness has for its answer.
const READY_SECONDS_MAX: u64 = 2;
/// The check that says whether the store answers; `sogoc_store_up` goes by it.
pub(crate) const STORE: &str = "store";

/// One condition of being ready.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Check {
    /// What is asked about: [`STORE`], `register`, `checkpoint`, …
    pub(crate) name: &'static str,
    /// Why not, where it is not. For operators: without names, texts and secrets.
    pub(crate) fault: Option<String>,
}

/// Whoever knows whether this node can serve.
pub(crate) trait Readiness: Send + Sync {
    /// All conditions, each asked anew.
    fn checks(&self) -> BoxFuture<'_, Vec<Check>>;
}

impl<F: Fn() -> BoxFuture<'static, Vec<Check>> + Send + Sync> Readiness for F {
    fn checks(&self) -> BoxFuture<'_, Vec<Check>> {
        self()
    }
}

/// What the operator's endpoints answer from.
#[derive(Clone)]
pub(crate) struct Operator {
    pub(super) metrics: PrometheusHandle,
    pub(super) started: Timestamp,
    pub(super) readiness: Arc<dyn Readiness>,
}

impl Operator {
    /// Asks all conditions, and tells the metrics. A check that does not answer in time is a fault of all of them.
    pub(crate) async fn check(&self) -> Vec<Check> {
        let limit = Duration::from_secs(READY_SECONDS_MAX);
        let checks = tokio::time::timeout(limit, self.readiness.checks()).await.unwrap_or_else(|_| {
            vec![Check { name: STORE, fault: Some(format!("no answer within {READY_SECONDS_MAX} s")) }]
        });
        if let Some(store) = checks.iter().find(|check| check.name == STORE) {
            metrics::store_up(store.fault.is_none());
        }
        metrics::ready(checks.iter().all(|check| check.fault.is_none()));
        checks
    }
}

/// `/metrics` in Prometheus' text format, `/livez`, and `/readyz` with every condition.
pub(crate) fn operator_router(operator: Operator) -> Router {
    Router::new()
        .route("/metrics", get(scrape))
        .route("/livez", get(|| async { json_response(StatusCode::OK, &json!({ "live": true })) }))
        .route("/readyz", get(readyz))
        .with_state(operator)
}

async fn scrape(State(operator): State<Operator>) -> Response {
    // Asked anew, so that what is scraped is how things stand, and not how they stood when somebody last asked.
    operator.check().await;
    process::measure(operator.started);
    let text = metrics::render(&operator.metrics);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

async fn readyz(State(operator): State<Operator>) -> Response {
    let checks = operator.check().await;
    let ready = checks.iter().all(|check| check.fault.is_none());
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let checks: Vec<_> = checks
        .iter()
        .map(|check| json!({ "name": check.name, "ready": check.fault.is_none(), "fault": check.fault }))
        .collect();
    json_response(status, &json!({ "ready": ready, "checks": checks }))
}

fn json_response(status: StatusCode, document: &serde_json::Value) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (status, headers, format!("{document}\n")).into_response()
}
