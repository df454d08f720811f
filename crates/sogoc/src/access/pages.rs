//! The few pages that a browser meets on its way to a provider and back: in Vietnamese first and English below, without
//! scripts.

use std::fmt::Write as _;

use axum::body::Body;
use axum::response::Response;
use http::StatusCode;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, REFERRER_POLICY,
    RETRY_AFTER, SET_COOKIE, X_CONTENT_TYPE_OPTIONS,
};
use sogoc_domain::refusal::{Code, Language, Refusal};

use super::Denied;

/// Sends a browser to another address, with a cookie.
pub(super) fn redirect(to: &str, cookie: &str) -> Response {
    let mut response = page(StatusCode::SEE_OTHER, "", "");
    put(&mut response, LOCATION, to);
    put(&mut response, SET_COOKIE, cookie);
    response
}

/// Has a browser go on to a path of ours, with cookies.
pub(super) fn go_on(path: &str, cookies: &[String]) -> Response {
    let path = escaped(path);
    let head = format!("<meta http-equiv=\"refresh\" content=\"0;url={path}\">");
    let body = format!(
        "<p lang=\"vi\">Đã đăng nhập. <a href=\"{path}\">Tiếp tục</a></p>\
         <p lang=\"en\">Signed in. <a href=\"{path}\">Go on</a></p>"
    );
    let mut response = page(StatusCode::OK, &head, &body);
    for cookie in cookies {
        if let Ok(cookie) = HeaderValue::from_str(cookie) {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
    }
    response
}

/// Where no provider is set up.
pub(super) fn no_provider() -> Response {
    let body = "<p lang=\"vi\">Hệ thống này không đăng nhập qua nhà cung cấp OpenID.</p>\
                <p lang=\"en\">No OpenID provider is set up here.</p>";
    page(StatusCode::NOT_FOUND, "", body)
}

/// Why somebody was not let in, and what to do.
pub(super) fn denied(denied: &Denied) -> Response {
    match denied {
        Denied::Refusal(refusal) => refused(refusal),
        Denied::Log(_) => {
            let body = "<p lang=\"vi\">Hệ thống tạm thời chưa sẵn sàng; hãy thử lại sau ít phút.</p>\
                        <p lang=\"en\">The service is not available at the moment; try again in a few minutes.</p>";
            page(StatusCode::SERVICE_UNAVAILABLE, "", body)
        }
    }
}

/// Where the provider does not answer, which is nobody's fault here and may pass.
pub(super) fn unanswered(refusal: &Refusal) -> Response {
    let mut response = refused(refusal);
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response
}

fn refused(refusal: &Refusal) -> Response {
    let mut body = String::new();
    for (language, lang) in [(Language::Vietnamese, "vi"), (Language::English, "en")] {
        let (message, remedy) = (escaped(&refusal.message(language)), escaped(&refusal.remedy(language)));
        let _ = write!(body, "<section lang=\"{lang}\"><p>{message}.</p><p>→ {remedy}.</p>");
        if refusal.code == Code::SubjectUnknown {
            let value = |name: &str| escaped(refusal.values.get(name).map_or("", String::as_str));
            let (issuer, subject) = (value("issuer"), value("subject"));
            let account = if lang == "vi" { "TÀI-KHOẢN" } else { "ACCOUNT" };
            let _ = write!(
                body,
                "<dl><dt>issuer</dt><dd><code>{issuer}</code></dd><dt>subject</dt><dd><code>{subject}</code></dd></dl>\
                 <pre>sogoc account link {account} --issuer '{}' --subject '{}'</pre>",
                quoted(&issuer),
                quoted(&subject),
            );
        }
        body.push_str("</section>");
    }
    let status =
        if refusal.code == Code::TooManyAttempts { StatusCode::TOO_MANY_REQUESTS } else { StatusCode::FORBIDDEN };
    let mut response = page(status, "", &body);
    if let Some(seconds) = refusal.values.get("retry_seconds") {
        put(&mut response, RETRY_AFTER, seconds);
    }
    response
}

/// As it stands between single quotes in a shell; the text is escaped for HTML already.
fn quoted(text: &str) -> String {
    text.replace("&#39;", "&#39;\\&#39;&#39;")
}

fn page(status: StatusCode, head: &str, body: &str) -> Response {
    let text = format!(
        "<!doctype html><html lang=\"vi\"><head><meta charset=\"utf-8\"><title>Sổ gốc</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">{head}</head>\
         <body><main><h1>Sổ gốc</h1>{body}</main></body></html>\n"
    );
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    put(&mut response, CONTENT_TYPE, "text/html; charset=utf-8");
    put(&mut response, CACHE_CONTROL, "no-store");
    put(&mut response, REFERRER_POLICY, "no-referrer");
    put(&mut response, X_CONTENT_TYPE_OPTIONS, "nosniff");
    put(&mut response, CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'; base-uri 'none'");
    response
}

/// Puts a header; what no header can hold is left out.
fn put(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

/// A text as one part of an address.
pub(super) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        if b.is_ascii_alphanumeric() || b"-._~".contains(&b) {
            out.push(char::from(b));
        } else {
            let _ = write!(out, "%{b:02X}");
        }
    }
    out
}
