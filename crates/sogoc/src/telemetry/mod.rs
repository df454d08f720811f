//! What an operator sees of a node.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use http::StatusCode;

use crate::serve::node::Condition;

/// The operator's endpoints.
pub(crate) fn router(condition: Arc<Condition>) -> Router {
    let ready = async move || if condition.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Router::new().route("/livez", get(async || StatusCode::OK)).route("/readyz", get(ready))
}
