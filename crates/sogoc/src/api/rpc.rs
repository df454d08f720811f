//! gRPC, gRPC-Web and Connect: the framing is connectrpc's, the methods are the schema's.
//!
//! connectrpc hands over the bytes of a message and the name of a method; they are read by the method's descriptor. So one
//! dispatcher serves every method, and a method is added by adding it to the schema.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use connectrpc::dispatcher::{Dispatcher, MethodDescriptor, RequestStream, StreamingResult, UnaryResult};
use connectrpc::{
    CodecFormat, ConnectError, ConnectRpcService, DeadlinePolicy, EncodedBody, Payload, RequestContext, Response,
};
use futures_util::StreamExt as _;
use http::HeaderMap;
use prost_reflect::MessageDescriptor;
use serde_json::Value;

use super::door::language;
use super::error::{Failed, Fault, ServiceCode, Told};
use super::schema::{Flow, SCHEMA};
use super::written::written;
use super::{Api, transcode};
use crate::access::Source;

/// Answers calls by the schema.
pub(crate) struct Rpc {
    api: Api,
}

/// The service under `/sogoc.v1.…`, with health and reflection beside it.
pub(crate) type Served = ConnectRpcService<connectrpc::dispatcher::Chain<Rpc, connectrpc::Router>>;

/// Serves the schema, and what is beside it.
pub(crate) fn service(api: &Api, beside: connectrpc::Router) -> Served {
    let limits = &api.inner.door.limits;
    let deadline = Duration::from_secs(limits.deadline_seconds);
    let bounds = connectrpc::Limits::default()
        .with_max_request_body_size(limits.body_bytes)
        .with_max_message_size(limits.body_bytes);
    let policy = DeadlinePolicy::new().with_max(deadline).with_default_timeout(deadline);
    let chain = connectrpc::dispatcher::Chain(Rpc { api: api.clone() }, beside);
    ConnectRpcService::new(chain).with_limits(bounds).with_deadline_policy(policy)
}

impl Dispatcher for Rpc {
    fn lookup(&self, path: &str) -> Option<MethodDescriptor> {
        let method = SCHEMA.method(path)?;
        let descriptor = match method.flow {
            Flow::Unary => MethodDescriptor::unary(method.does == super::schema::Does::Reads),
            Flow::ServerStream => MethodDescriptor::server_streaming(),
            Flow::ClientStream => MethodDescriptor::client_streaming(),
        };
        if method.flow != Flow::ClientStream {
            return Some(descriptor);
        }
        // An upload is as long as a file may be, with room for its framing; each of its messages is short.
        let limits = &self.api.inner.door.limits;
        let upload = usize::try_from(limits.upload_bytes).unwrap_or(usize::MAX);
        let bounds = connectrpc::Limits::default()
            .with_max_request_body_size(upload.saturating_add(upload / 8).saturating_add(limits.body_bytes))
            .with_max_message_size(limits.body_bytes);
        Some(descriptor.with_limits(bounds))
    }

    fn call_unary(&self, path: &str, ctx: RequestContext, request: Payload, format: CodecFormat) -> UnaryResult {
        let (api, method) = (self.api.clone(), SCHEMA.method(path));
        Box::pin(async move {
            let method =
                method.ok_or_else(|| refused(Fault::Service(ServiceCode::NoSuchMethod, None), ctx.headers()))?;
            let answered = async {
                let admitted = api.admit(method, ctx.headers(), peer(&ctx)).await?;
                let bytes = request.encoded().map_err(|error| Fault::malformed(error.message.unwrap_or_default()))?;
                let request = read(&method.input, format, &bytes)?;
                let answer = api.answer(method, &admitted.call, request).await?;
                let body = encoded(&method.output, format, answer.body)?;
                drop(admitted);
                Ok::<_, Fault>((body, answer.headers))
            };
            let (body, headers) = api
                .counted(method, protocol(&ctx), ctx.headers(), answered)
                .await
                .map_err(|fault| refused(fault, ctx.headers()))?;
            let mut response = Response::new(EncodedBody::from(body));
            response.headers = headers;
            Ok(response)
        })
    }

    fn call_server_streaming(
        &self,
        path: &str,
        ctx: RequestContext,
        request: Bytes,
        format: CodecFormat,
    ) -> StreamingResult {
        let (api, method) = (self.api.clone(), SCHEMA.method(path));
        Box::pin(async move {
            let method =
                method.ok_or_else(|| refused(Fault::Service(ServiceCode::NoSuchMethod, None), ctx.headers()))?;
            let headers = ctx.headers().clone();
            let begun = async {
                let admitted = api.admit(method, &headers, peer(&ctx)).await?;
                let request = read(&method.input, format, &request)?;
                api.stream(method, admitted, headers.clone(), request).await
            };
            let stream = api
                .counted(method, protocol(&ctx), ctx.headers(), begun)
                .await
                .map_err(|fault| refused(fault, ctx.headers()))?;
            let output = method.output.clone();
            let encoded = stream.map(move |item| {
                let body = item.and_then(|value| encoded(&output, format, written(&value)?));
                body.map(EncodedBody::from).map_err(|fault| refused(fault, &headers))
            });
            Ok(Response::new(Box::pin(encoded) as connectrpc::EncodedStream))
        })
    }

    fn call_client_streaming(
        &self,
        path: &str,
        ctx: RequestContext,
        requests: RequestStream,
        format: CodecFormat,
    ) -> UnaryResult {
        let (api, method) = (self.api.clone(), SCHEMA.method(path));
        Box::pin(async move {
            let method =
                method.ok_or_else(|| refused(Fault::Service(ServiceCode::NoSuchMethod, None), ctx.headers()))?;
            let answered = async {
                let admitted = api.admit(method, ctx.headers(), peer(&ctx)).await?;
                let input = method.input.clone();
                let chunks = requests.map(move |message| {
                    let message = message.map_err(|error| std::io::Error::other(error.to_string()))?;
                    chunk(&input, format, &message).map_err(std::io::Error::other)
                });
                let answer = api.upload(&admitted.call, chunks).await?;
                encoded(&method.output, format, written(&answer)?)
            };
            let body = api
                .counted(method, protocol(&ctx), ctx.headers(), answered)
                .await
                .map_err(|fault| refused(fault, ctx.headers()))?;
            Ok(Response::new(EncodedBody::from(body)))
        })
    }

    fn call_bidi_streaming(&self, path: &str, _: RequestContext, _: RequestStream, _: CodecFormat) -> StreamingResult {
        let error = ConnectError::unimplemented(format!("{path} takes no stream of requests"));
        Box::pin(async move { Err(error) })
    }
}

fn peer(ctx: &RequestContext) -> Option<IpAddr> {
    ctx.extensions().get::<Source>().map(|source| source.0)
}

fn protocol(ctx: &RequestContext) -> &'static str {
    match ctx.protocol() {
        Some(connectrpc::Protocol::Grpc) => "grpc",
        Some(connectrpc::Protocol::GrpcWeb) => "grpc-web",
        Some(connectrpc::Protocol::Connect) => "connect",
        Some(_) | None => "other",
    }
}

fn read(message: &MessageDescriptor, format: CodecFormat, bytes: &[u8]) -> Result<Value, Fault> {
    let read = if format == CodecFormat::Json {
        transcode::from_json(message, bytes)
    } else {
        transcode::from_protobuf(message, bytes)
    };
    read.map_err(Fault::malformed)
}

/// An answer, which is JSON, as the caller's encoding has it.
fn encoded(message: &MessageDescriptor, format: CodecFormat, answer: Bytes) -> Result<Bytes, Fault> {
    if format == CodecFormat::Json {
        transcode::check(message, &answer)?;
        return Ok(answer);
    }
    transcode::to_protobuf(message, &answer)
}

/// The bytes of a file that a message of an upload brings.
fn chunk(message: &MessageDescriptor, format: CodecFormat, bytes: &[u8]) -> Result<Bytes, String> {
    if format == CodecFormat::Json {
        transcode::bytes_from_json(message, "chunk", bytes)
    } else {
        transcode::bytes_from_protobuf(message, "chunk", bytes)
    }
}

fn refused(failed: impl Into<Failed>, headers: &HeaderMap) -> ConnectError {
    let told: Told = failed.into().told(language(headers));
    told.rpc()
}

/// Reflection and health, and what sets the health of each service.
///
/// # Panics
/// Where the committed schema is none, which the build would have said.
pub(crate) fn beside() -> (connectrpc::Router, Arc<connectrpc_health::StaticChecker>) {
    let reflector = connectrpc_reflection::Reflector::from_descriptor_set_bytes(super::schema::DESCRIPTOR_SET)
        .expect("the build made the set from the committed schema");
    let router = connectrpc_reflection::install(connectrpc::Router::new(), reflector);
    let services: std::collections::BTreeSet<String> =
        SCHEMA.methods().map(|method| format!("sogoc.v1.{}", method.service)).collect();
    connectrpc_health::install_static(router, services)
}
