//! One port for everything: calls by the schema's names go straight to their dispatcher, all else to the paths of plain HTTP.

use std::convert::Infallible;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use hyper::body::Incoming;
use tower::Service;

use super::rpc::Served;

/// What answers requests of every protocol. Clones share it.
#[derive(Clone)]
pub(crate) struct Front {
    pub(super) rpc: Served,
    pub(super) rest: Router,
}

impl Service<Request<Incoming>> for Front {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // Neither half ever keeps anybody waiting here.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        let path = request.uri().path();
        if path.starts_with("/sogoc.v1.") || path.starts_with("/grpc.") {
            return self.rpc.call(request).map(|answered| answered.map(|response| response.map(Body::new))).boxed();
        }
        self.rest.call(request).boxed()
    }
}
