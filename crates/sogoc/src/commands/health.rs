//! `sogoc health`: whether a node is ready, for whoever has no other program to ask with: a container, a script.

use std::time::Duration;

use reqwest::{Client, Url, redirect};
use serde_json::json;

use crate::Ended;
use crate::failure::{Failure, Remedy};
use crate::output::Output;

/// How long a node has for its answer.
const SECONDS: u64 = 5;
/// Bytes of its words that are shown.
const SHOWN_BYTES_MAX: usize = 2_000;

pub(crate) async fn run(output: &Output, url: &str) -> Ended {
    let parsed = Url::parse(url).ok().filter(|url| url.scheme() == "http" && url.has_host());
    let address = parsed.ok_or_else(|| Failure::Usage {
        message: format!("{url}: not an http:// address"),
        remedy: Remedy {
            vi: "ghi địa chỉ vận hành của nút, như http://127.0.0.1:9464/readyz",
            en: "write the node's operator address, such as http://127.0.0.1:9464/readyz",
        },
    })?;
    let away = |error: &dyn std::fmt::Display| Failure::Unavailable {
        message: format!("{url}: {error}"),
        remedy: Remedy { vi: "xem nhật ký của nút", en: "look at the node's own messages" },
    };
    // Nobody's certificate is judged: no TLS here.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder()
        .redirect(redirect::Policy::none())
        .no_proxy()
        .tls_certs_only([])
        .timeout(Duration::from_secs(SECONDS))
        .build()
        .map_err(|error| away(&error))?;
    let mut response = client.get(address).send().await.map_err(|error| away(&error))?;
    let status = response.status();
    let mut said = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        said.extend_from_slice(&chunk);
        if said.len() >= SHOWN_BYTES_MAX {
            said.truncate(SHOWN_BYTES_MAX);
            break;
        }
    }
    let said = String::from_utf8_lossy(&said).trim().to_owned();
    if !status.is_success() {
        return Err(away(&format!("{} {said}", status.as_u16())));
    }
    output.answer(&json!({ "status": status.as_u16(), "said": said }), || {
        format!("{}\n", output.lang.pick("sẵn sàng", "ready"))
    })
}
