//! Plain HTTP with JSON: the paths that the schema's options give to methods, and what is no message at all: files, tiles,
//! the OpenAPI document. Faults are problems (RFC 9457).
//!
//! **What is none**: a head that is larger than the listener's limit (`limits.header_bytes`, the request line included) is
//! answered by hyper before anybody here hears of it, by a bare 431. A query is refused as a problem from half of the
//! default of that limit on, so that one which is only too long meets this refusal and not that one.

use std::net::IpAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodFilter, get, on, post};
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Map, Value};
use sogoc_log::WithEntries;

use super::door::language;
use super::error::{Failed, Fault, ServiceCode};
use super::schema::{Flow, Method, SCHEMA, Verb};
use super::{Answer, Api, openapi, transcode};
use crate::access::Source;
use crate::serve::tiles;

/// Longest query string, in bytes. It stands in the head, which has room for as much again.
const QUERY_BYTES_MAX: usize = 8 * 1_024;
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");
const LINES: HeaderValue = HeaderValue::from_static("application/x-ndjson");
const BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");
const NEVER: HeaderValue = HeaderValue::from_static("no-store");
const PROTOCOL: &str = "http";

/// The fields of a path; a path that is no UTF-8 has none.
type Params = Result<RawPathParams, RawPathParamsRejection>;

/// All paths.
pub(super) fn router(api: &Api) -> Router {
    let mut router = Router::new();
    for method in SCHEMA.methods().filter(|method| method.flow == Flow::Unary) {
        let Some(http) = &method.http else { continue };
        let filter = match http.verb {
            Verb::Get => MethodFilter::GET,
            Verb::Post => MethodFilter::POST,
        };
        let handler = async move |State(api): State<Api>, params: Params, request: Request| {
            unary(&api, method, &params, request).await
        };
        router = router.route(&axum_path(&http.path), on(filter, handler));
    }
    router
        .route("/v1/log/watch", get(watch))
        .route("/v1/evidence", post(upload))
        .route("/v1/seasons/{season}/scorecards/{agency}/evidence/{number}/file", get(download))
        .route("/openapi.json", get(async || ([(header::CONTENT_TYPE, JSON)], openapi::document())))
        .route("/", get(about))
        .method_not_allowed_fallback(async |request: Request| {
            problem(Fault::Service(ServiceCode::WrongVerb, None), request.headers())
        })
        .fallback(async |request: Request| problem(Fault::Service(ServiceCode::NoSuchMethod, None), request.headers()))
        .with_state(api.clone())
        // What is anybody's of the tree: checkpoints and hashes, never entries.
        .nest("/tlog", tiles::router(api.app().log().clone(), WithEntries::No))
}

/// `{field=**}` of the schema as axum writes it.
fn axum_path(path: &str) -> String {
    match path.split_once("=**}") {
        Some((head, tail)) => {
            let (before, field) = head.rsplit_once('{').unwrap_or((head, ""));
            format!("{before}{{*{field}}}{tail}")
        }
        None => path.to_owned(),
    }
}

async fn about(State(api): State<Api>) -> Response {
    let text = format!(
        "sogoc {} · {}\nGET /openapi.json  the API, plain HTTP with JSON under /v1\n/sogoc.v1.*        the same as gRPC, gRPC-Web and Connect, with reflection\nGET /tlog/checkpoint and /tlog/tile/…  c2sp.org/tlog-tiles\n",
        env!("CARGO_PKG_VERSION"),
        api.app().log().name(),
    );
    text.into_response()
}

async fn unary(api: &Api, method: &Method, params: &Params, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let answered = async {
        let admitted = api.admit(method, &parts.headers, peer(&parts.extensions)).await?;
        let fields = fields(method, params, parts.uri.query())?;
        let request = match method.http.as_ref().map(|http| http.verb) {
            Some(Verb::Post) => {
                let body = read_body(&parts.headers, body, api.inner.door.limits.body_bytes).await?;
                posted(method, fields, &body)?
            }
            Some(Verb::Get) | None => {
                transcode::from_value(&method.input, Value::Object(fields)).map_err(Fault::malformed)?
            }
        };
        let answer = api.answer(method, &admitted.call, request).await?;
        transcode::check(&method.output, &answer.body)?;
        Ok::<_, Fault>(answer)
    };
    let deadline = Duration::from_secs(api.inner.door.limits.deadline_seconds);
    let timed = async {
        tokio::time::timeout(deadline, answered).await.unwrap_or(Err(Fault::Service(ServiceCode::Deadline, None)))
    };
    match api.counted(method, PROTOCOL, &parts.headers, timed).await {
        Ok(Answer { body, mut headers }) => {
            headers.insert(header::CONTENT_TYPE, JSON);
            headers.insert(header::CACHE_CONTROL, NEVER);
            (StatusCode::OK, headers, body).into_response()
        }
        Err(fault) => problem(fault, &parts.headers),
    }
}

/// A request from the JSON of its body and the fields in its path.
fn posted(method: &Method, fields: Map<String, Value>, body: &[u8]) -> Result<Value, Fault> {
    if fields.is_empty() {
        return transcode::from_json(&method.input, body).map_err(Fault::malformed);
    }
    let whole = if body.iter().all(u8::is_ascii_whitespace) { b"{}" } else { body };
    let Value::Object(mut request) = transcode::read_once(whole).map_err(Fault::malformed)? else {
        return Err(Fault::malformed("the body is no object"));
    };
    for (name, value) in fields {
        if request.get(&name).is_some_and(|given| *given != value) {
            return Err(Fault::malformed(format!("{name} in the body is another than in the path")));
        }
        request.insert(name, value);
    }
    transcode::from_value(&method.input, Value::Object(request)).map_err(Fault::malformed)
}

/// The fields that stand in the path and in the query.
fn fields(method: &Method, params: &Params, query: Option<&str>) -> Result<Map<String, Value>, Fault> {
    let mut fields = Map::new();
    for (name, value) in params.as_ref().map_err(Fault::malformed)? {
        transcode::put_text(&method.input, &mut fields, name, value.to_owned()).map_err(Fault::malformed)?;
    }
    let query = query.unwrap_or_default();
    if query.len() > QUERY_BYTES_MAX {
        return Err(Fault::Service(ServiceCode::QueryTooLong, None));
    }
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        transcode::put_text(&method.input, &mut fields, &name, value.into_owned()).map_err(Fault::malformed)?;
    }
    Ok(fields)
}

/// Reads a body in JSON, up to a limit.
async fn read_body(headers: &HeaderMap, body: Body, bytes_max: usize) -> Result<Bytes, Fault> {
    let body = axum::body::to_bytes(body, bytes_max).await.map_err(|error| {
        let too_large = std::error::Error::source(&error).is_some_and(|s| s.is::<http_body_util::LengthLimitError>());
        if too_large { Fault::Service(ServiceCode::TooLarge, None) } else { Fault::malformed("the body broke off") }
    })?;
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim();
    // A form of another site can send no such type: what is asked with a cookie comes from our own pages.
    if body.is_empty() || media.eq_ignore_ascii_case("application/json") {
        return Ok(body);
    }
    Err(Fault::Service(ServiceCode::WrongMedia, None))
}

fn peer(extensions: &http::Extensions) -> Option<IpAddr> {
    extensions.get::<Source>().map(|source| source.0)
}

/// A fault as a problem.
pub(crate) fn problem(failed: impl Into<Failed>, headers: &HeaderMap) -> Response {
    let told = failed.into().told(language(headers));
    let body = serde_json::to_vec(&told.problem()).unwrap_or_default();
    let mut with = told.headers();
    with.insert(header::CONTENT_TYPE, PROBLEM);
    with.insert(header::CACHE_CONTROL, NEVER);
    (told.class.http(), with, body).into_response()
}

/// Entries, one JSON object a line, as they are recorded.
async fn watch(State(api): State<Api>, params: Params, request: Request) -> Response {
    let method = SCHEMA.method("sogoc.v1.LogService/WatchEntries").expect("the schema has it");
    let (parts, _) = request.into_parts();
    let begun = async {
        let admitted = api.admit(method, &parts.headers, peer(&parts.extensions)).await?;
        let fields = fields(method, &params, parts.uri.query())?;
        let request = transcode::from_value(&method.input, Value::Object(fields)).map_err(Fault::malformed)?;
        api.stream(method, admitted, parts.headers.clone(), request).await
    };
    match api.counted(method, PROTOCOL, &parts.headers, begun).await {
        Ok(answers) => {
            let output = method.output.clone();
            let lines = answers.map(move |answer| {
                // Where it cannot go on the connection ends, and the client goes on at its next position.
                let line = answer.and_then(|value| transcode::to_json(&output, &value));
                line.map(|line| Bytes::from([&line[..], b"\n"].concat()))
                    .map_err(|fault| std::io::Error::other(fault.code()))
            });
            ([(header::CONTENT_TYPE, LINES), (header::CACHE_CONTROL, NEVER)], Body::from_stream(lines)).into_response()
        }
        Err(fault) => problem(fault, &parts.headers),
    }
}

/// Stores the bytes of the body as an evidence file.
async fn upload(State(api): State<Api>, request: Request) -> Response {
    let method = SCHEMA.method("sogoc.v1.EvidenceService/UploadFile").expect("the schema has it");
    let (parts, body) = request.into_parts();
    let answered = async {
        let admitted = api.admit(method, &parts.headers, peer(&parts.extensions)).await?;
        let chunks = body.into_data_stream().map_err(std::io::Error::other);
        let answer = api.upload(&admitted.call, chunks).await?;
        transcode::to_json(&method.output, &answer)
    };
    match api.counted(method, PROTOCOL, &parts.headers, answered).await {
        Ok(body) => ([(header::CONTENT_TYPE, JSON), (header::CACHE_CONTROL, NEVER)], body).into_response(),
        Err(fault) => problem(fault, &parts.headers),
    }
}

/// Gives the bytes of an attached file out.
async fn download(State(api): State<Api>, params: Params, request: Request) -> Response {
    let method = SCHEMA.method("sogoc.v1.EvidenceService/DownloadFile").expect("the schema has it");
    let (parts, _) = request.into_parts();
    let begun = async {
        let admitted = api.admit(method, &parts.headers, peer(&parts.extensions)).await?;
        let fields = fields(method, &params, parts.uri.query())?;
        let request = transcode::from_value(&method.input, Value::Object(fields)).map_err(Fault::malformed)?;
        api.pieces(admitted, super::Ask::new(request)).await
    };
    match api.counted(method, PROTOCOL, &parts.headers, begun).await {
        Ok(pieces) => {
            let pieces = pieces.map_err(|fault| std::io::Error::other(fault.code()));
            // Whatever it is, a browser shows none of it by itself.
            let headers = [
                (header::CONTENT_TYPE, BYTES),
                (header::CACHE_CONTROL, NEVER),
                (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment")),
                (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            ];
            (headers, Body::from_stream(pieces)).into_response()
        }
        Err(fault) => problem(fault, &parts.headers),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_of_a_path_is_one_field() {
        assert_eq!(axum_path("/v1/figures/{address=**}"), "/v1/figures/{*address}");
        assert_eq!(axum_path("/v1/seasons/{season}"), "/v1/seasons/{season}");
    }
}
