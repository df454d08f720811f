//! Trying what a configuration names: store, evidence place, scanner, bus, provider, witnesses, collector. Nothing is
//! made or changed, and each has [`SECONDS_MAX`] for its answer.

use std::path::Path;
use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::{Client, Url, redirect};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use sogoc_evidence::Scanner;
use sogoc_log::{Log, Options};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::net::TcpStream;

use super::fault::Text;
use super::{Config, Oidc, Secret, check};
use crate::access::ca_file_hint;
use crate::cli::Global;
use crate::lang::Lang;
use crate::open;

/// How long each has for its answer.
const SECONDS_MAX: u64 = 5;
/// Longest answer that is read of any, in bytes.
const ANSWER_BYTES_MAX: usize = 256 * 1_024;
/// The oldest NATS server whose JetStream does what is asked of it; older ones ignore newer options in silence.
const NATS_MIN: (u32, u32) = (2, 10);

/// What came of trying one thing.
#[derive(Debug)]
pub(super) struct Tried {
    pub(super) what: &'static str,
    /// Without a secret.
    pub(super) place: String,
    /// What it said, where it answers.
    said: Text,
    /// Why it does not serve, where it does not.
    pub(super) failed: Option<String>,
}

impl Tried {
    pub(super) fn text(&self, lang: Lang) -> String {
        self.failed.clone().unwrap_or_else(|| self.said.pick(lang).to_owned())
    }
}

/// Tries everything that is configured.
pub(super) async fn all(config: &Config, global: &Global) -> Vec<Tried> {
    // An error says that another provider is installed already, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut tried = vec![tried("store", config.store.to_string(), store(config)).await];
    if let Some(place) = &config.evidence.place {
        tried.push(self::tried("evidence", place.clone(), evidence(place, global)).await);
    }
    if let Some(address) = &config.evidence.clamd {
        tried.push(self::tried("clamd", address.clone(), clamd(address)).await);
    }
    if let Some(config) = &config.nats {
        for server in config.url.expose().split(',') {
            tried.push(self::tried("nats", Secret::addresses(server).to_string(), nats(server)).await);
        }
    }
    if let Some(config) = &config.oidc {
        tried.push(self::tried("oidc", config.issuer.clone(), oidc(config)).await);
    }
    if let Some(path) = &config.witness_policy
        && let Ok(policy) = check::policy(path)
    {
        for witness in policy.witnesses() {
            let place = format!("{} {}", witness.name, witness.url.as_deref().map(shown).unwrap_or_default());
            let answer = answers(witness.url.as_deref().unwrap_or_default());
            tried.push(self::tried("witness", place.trim().to_owned(), answer).await);
        }
    }
    if let Some(collector) = &config.telemetry.otlp {
        tried.push(self::tried("otlp", collector.to_string(), answers(collector.expose())).await);
    }
    tried
}

async fn tried(what: &'static str, place: String, trying: impl Future<Output = Result<Text, String>>) -> Tried {
    let limit = Duration::from_secs(SECONDS_MAX);
    let (said, failed) = match tokio::time::timeout(limit, trying).await {
        Ok(Ok(said)) => (said, None),
        Ok(Err(why)) => (Text::same(""), Some(why)),
        Err(_) => (Text::same(""), Some(format!("did not answer within {SECONDS_MAX} s"))),
    };
    Tried { what, place, said, failed }
}

async fn store(config: &Config) -> Result<Text, String> {
    let url = config.store.expose();
    if let Some(path) = open::sqlite_path(url)
        && !Path::new(path).exists()
    {
        return Ok(Text::new(
            "chưa có, sẽ được lập khi có gì để ghi",
            "is not there yet and will be made when something is recorded",
        ));
    }
    let options = Options { name: config.log_name.clone(), ..Options::default() };
    let log = Log::open(url, options).await.map_err(|error| causes(&error))?;
    let head = log.head().await.map(|head| head.size);
    let name = log.name().to_owned();
    log.close().await;
    let size = head.map_err(|error| causes(&error))?;
    Ok(Text::new(format!("{name}, {size} mục"), format!("{name}, {size} entries")))
}

async fn evidence(place: &str, global: &Global) -> Result<Text, String> {
    if !place.contains("://") && !Path::new(place).exists() {
        return Ok(Text::new(
            "chưa có, sẽ được lập khi có tệp đầu tiên",
            "is not there yet and will be made with the first file",
        ));
    }
    let blobs = open::blobs(place, "--evidence", global.evidence_key_file.as_deref(), "--evidence-key-file");
    let blobs = blobs.map_err(|failure| failure.message())?;
    match blobs.list().next().await {
        Some(Err(error)) => Err(causes(&error)),
        Some(Ok(_)) | None => Ok(Text::new("đọc được", "can be read")),
    }
}

async fn clamd(address: &str) -> Result<Text, String> {
    let scanner = Scanner::parse(address).map_err(|error| causes(&error))?;
    scanner.version().await.map(Text::same).map_err(|error| causes(&error))
}

/// A server introduces itself with a line `INFO {…}` before it is asked for anything, also where TLS begins after it.
async fn nats(server: &str) -> Result<Text, String> {
    let url = Url::parse(server).map_err(|error| error.to_string())?;
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
    let stream =
        TcpStream::connect((host.as_str(), url.port().unwrap_or(4_222))).await.map_err(|error| error.to_string())?;
    let mut line = String::new();
    let mut reader = BufReader::new(stream.take(ANSWER_BYTES_MAX as u64));
    reader.read_line(&mut line).await.map_err(|error| error.to_string())?;
    let info = line.strip_prefix("INFO ").and_then(|info| serde_json::from_str::<serde_json::Value>(info).ok());
    let info = info.ok_or("is no NATS server: it does not begin with INFO")?;
    let version = info["version"].as_str().unwrap_or_default();
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
    if (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < NATS_MIN {
        return Err(format!("is NATS {version}, needed is {}.{} or later", NATS_MIN.0, NATS_MIN.1));
    }
    if info["jetstream"].as_bool() != Some(true) {
        return Err(format!("is NATS {version} without JetStream: start it with -js"));
    }
    Ok(Text::same(format!("NATS {version}")))
}

async fn oidc(config: &Oidc) -> Result<Text, String> {
    let client = client(config.ca_file.as_deref())?;
    let url = format!("{}/.well-known/openid-configuration", config.issuer.trim_end_matches('/'));
    let sent = client.get(url).send().await;
    let mut response = sent.and_then(reqwest::Response::error_for_status).map_err(|error| {
        let hint = ca_file_hint(&error);
        format!("{}{hint}", causes(&error.without_url()))
    })?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| causes(&error.without_url()))? {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_BYTES_MAX {
            return Err(format!("answers more than {ANSWER_BYTES_MAX} bytes"));
        }
    }
    let document: serde_json::Value =
        serde_json::from_slice(&body).map_err(|_| "answers no JSON document".to_owned())?;
    match document["issuer"].as_str() {
        Some(issuer) if issuer == config.issuer => Ok(Text::new("đúng là nhà cung cấp này", "is this issuer")),
        Some(issuer) => Err(format!("calls itself {issuer}: oidc.issuer must be written exactly so")),
        None => Err("answers a document without an issuer".to_owned()),
    }
}

/// Whether anything that speaks HTTP is there; what it says to a bare question is its own affair.
async fn answers(address: &str) -> Result<Text, String> {
    let url = Url::parse(address).map_err(|_| "has no address that can be asked".to_owned())?;
    let status = client(None)?.get(url).send().await.map_err(|error| causes(&error.without_url()))?.status();
    Ok(Text::new(format!("trả lời ({status})"), format!("answers ({status})")))
}

fn client(roots: Option<&Path>) -> Result<Client, String> {
    let mut builder = Client::builder()
        .user_agent(concat!("sogoc/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .no_proxy();
    if let Some(path) = roots {
        let read: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
        let roots = read.map_err(|error| error.to_string())?;
        let roots: Result<Vec<_>, _> = roots.iter().map(|root| reqwest::Certificate::from_der(root)).collect();
        builder = builder.tls_certs_only(roots.map_err(|error| error.to_string())?);
    }
    builder.build().map_err(|error| causes(&error))
}

/// An error with all that is behind it, each said once.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let said = inner.to_string();
        if !text.ends_with(&said) {
            text = format!("{text}: {said}");
        }
        source = inner.source();
    }
    text
}

fn shown(address: &str) -> String {
    Secret::addresses(address).to_string()
}
