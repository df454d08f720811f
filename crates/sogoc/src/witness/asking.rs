//! Asking the witnesses of a policy to cosign one's own checkpoint.
//!
//! All are asked at once, and each has the same time for everything: finding it, the request, one more request where it
//! knows another size than we thought, the answer. Whatever a witness does, it costs no more than that time and
//! [`ANSWER_BYTES_MAX`], and is told as an [`Outcome`]. Only a cosignature that verifies under the policy's key is kept.
//! Nothing here waits for appends or holds them up: a checkpoint is signed before, and stays signed without witnesses.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::try_join_all;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Client, StatusCode, Url, redirect};
use serde::Serialize;
use sogoc_log::{Clock as _, Log, LogError, SignedCheckpoint, SystemClock};
use sogoc_proof::{AddCheckpoint, Hash, Note, Policy, PolicyWitness, SignatureLine, VerifierKey, verify_cosignature};

use crate::failure::{Failure, Remedy, causes};
use crate::lang::Lang;

/// Longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1_024;
/// Checkpoints that are looked through for what a witness cosigned last.
const LOOKED_BACK_MAX: usize = 64;
/// Characters of a witness's own words that are shown.
const SHOWN_CHARACTERS_MAX: usize = 120;
/// How long a witness has, unless said otherwise.
pub(crate) const WITNESS_SECONDS: u64 = 5;

/// What one witness did.
#[derive(Debug, Serialize)]
pub(crate) struct Answered {
    /// Its name within the policy.
    pub(crate) witness: String,
    #[serde(flatten)]
    pub(crate) outcome: Outcome,
}

/// What came of asking one witness.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub(crate) enum Outcome {
    /// It cosigned (seconds after 1970, by its clock), and the cosignature is stored.
    Cosigned { time: u64 },
    /// It had cosigned this checkpoint before, so it was not asked.
    AlreadyCosigned { time: u64 },
    /// The policy gives no address that can be asked.
    NoAddress,
    /// No connection, or it broke.
    Unreachable { why: String },
    /// It did not answer in time.
    TimedOut { seconds: u64 },
    /// It answered more than anybody needs.
    TooLong { bytes_max: usize },
    /// It sends us elsewhere; we do not go.
    Redirected { status: u16 },
    /// It answered that all is well, and what it sent is not its cosignature on this checkpoint.
    NotACosignature { why: String },
    /// It has cosigned a shorter log of this name: it has nothing to say about what came after.
    Behind { size: u64 },
    /// It has cosigned a longer log of this name. Ours was cut or restored from an old backup, or another process signed
    /// meanwhile.
    Ahead { size: u64 },
    /// It has cosigned another root at this size, or our proof does not convince it: a history was rewritten.
    Inconsistent { status: u16, why: String },
    /// It refuses for another reason: it does not know the log (404) or its key (403), or something failed.
    Refused { status: u16, why: String },
}

impl Outcome {
    /// Whether the operator has to know at once: a witness has seen another history than this one.
    pub(crate) fn is_alarm(&self) -> bool {
        matches!(self, Self::Ahead { .. } | Self::Inconsistent { .. })
    }

    /// Whether asking again about the same checkpoint is of no use.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, Self::Cosigned { .. } | Self::AlreadyCosigned { .. } | Self::NoAddress)
    }

    /// What it means, in words.
    pub(crate) fn text(&self, lang: Lang) -> String {
        match self {
            Self::Cosigned { .. } => lang.pick("đã đồng ký", "cosigned").to_owned(),
            Self::AlreadyCosigned { .. } => lang.pick("đã đồng ký từ trước", "had cosigned already").to_owned(),
            Self::NoAddress => lang
                .pick("chính sách không có địa chỉ http(s)", "the policy gives no http:// or https:// address")
                .to_owned(),
            Self::Unreachable { why } => format!("{}: {why}", lang.pick("không kết nối được", "cannot be reached")),
            Self::TimedOut { seconds } => {
                format!("{} {seconds} s", lang.pick("không trả lời trong", "did not answer within"))
            }
            Self::TooLong { bytes_max } => {
                format!("{} {bytes_max} bytes", lang.pick("trả lời dài quá", "answered more than"))
            }
            Self::Redirected { status } => {
                let text = lang.pick("chuyển hướng, không đi theo", "redirects, which is not followed");
                format!("{text} ({status})")
            }
            Self::NotACosignature { why } => {
                format!("{}: {why}", lang.pick("không gửi chữ ký hợp lệ", "sent no valid cosignature"))
            }
            Self::Behind { size } => match lang {
                Lang::Vi => format!("mới đồng ký đến {size} mục"),
                Lang::En => format!("has cosigned {size} entries so far"),
            },
            Self::Ahead { size } => match lang {
                Lang::Vi => format!("đã đồng ký {size} mục, nhiều hơn sổ này: sổ bị cắt hoặc khôi phục từ bản cũ?"),
                Lang::En => format!(
                    "has cosigned {size} entries, more than are here: was this log cut, or restored from an old backup?"
                ),
            },
            Self::Inconsistent { status, why } => {
                let text = lang.pick(
                    "sổ này không nối tiếp điều nhân chứng đã thấy: lịch sử đã bị viết lại?",
                    "this log does not continue what it saw: was history rewritten?",
                );
                format!("{text} ({status}: {why})")
            }
            Self::Refused { status, why } => format!("{} ({status}: {why})", lang.pick("từ chối", "refused")),
        }
    }
}

/// Asks witnesses; keeps its connections between checkpoints.
#[derive(Debug, Clone)]
pub(crate) struct Asker {
    client: Client,
    policy: Policy,
    limit: Duration,
}

impl Asker {
    /// Asks the witnesses of `policy`, each for at most `seconds`.
    ///
    /// # Errors
    /// When no TLS can be had and a witness needs it.
    pub(crate) fn try_new(policy: Policy, seconds: u64) -> Result<Self, Failure> {
        // An error says that another provider is installed already, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let limit = Duration::from_secs(seconds);
        let mut builder = Client::builder()
            .user_agent(concat!("sogoc/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .timeout(limit);
        if !policy.witnesses().iter().any(|witness| address(witness).is_some_and(|url| url.scheme() == "https")) {
            // Nobody's certificate will be judged: a machine without certificates can ask all the same.
            builder = builder.tls_certs_only([]);
        }
        let client = builder.build().map_err(|error| Failure::Unavailable {
            message: format!("TLS: {}", causes(&error)),
            remedy: Remedy {
                vi: "cài gói chứng chỉ gốc của hệ điều hành (ca-certificates)",
                en: "install the system's root certificates (ca-certificates)",
            },
        })?;
        Ok(Self { client, policy, limit })
    }

    /// The policy whose witnesses it asks.
    pub(crate) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Asks all witnesses for their cosignature on a checkpoint of this log, and stores those that are valid, each as it
    /// comes in. Returns when the last has answered or its time is over.
    ///
    /// # Errors
    /// When the log cannot be read or a cosignature not be stored; never because of a witness.
    pub(crate) async fn ask_all(&self, log: &Log, signed: &SignedCheckpoint) -> Result<Vec<Answered>, LogError> {
        let witnesses = self.policy.witnesses();
        let known = cosigned_sizes(log, witnesses).await?;
        try_join_all(witnesses.iter().map(|witness| self.ask_in_time(log, signed, witness, &known))).await
    }

    /// Asks one witness, as [`Asker::ask_all`] asks each.
    ///
    /// # Errors
    /// As there.
    pub(crate) async fn ask_one(
        &self,
        log: &Log,
        signed: &SignedCheckpoint,
        witness: &PolicyWitness,
    ) -> Result<Answered, LogError> {
        let known = cosigned_sizes(log, std::slice::from_ref(witness)).await?;
        self.ask_in_time(log, signed, witness, &known).await
    }

    /// Asks a witness whether it has seen more of a log than a checkpoint, or something else, before there is a log: for a
    /// restore. A witness that knew less, and is not shown more, says nothing against it.
    pub(crate) async fn probe(&self, note: &Note, size: u64, witness: &PolicyWitness) -> Answered {
        let asked = async {
            let Some(url) = address(witness) else { return Outcome::NoAddress };
            let reply = match self.post(&url, size, Vec::new(), note).await {
                Ok(reply) => reply,
                Err(outcome) => return outcome,
            };
            match judge(&reply, note.text(), size, size, &witness.key) {
                Judged::Cosigned { time, .. } => Outcome::Cosigned { time },
                Judged::KnowsSize(size) => Outcome::Behind { size },
                Judged::Failed(outcome) => outcome,
            }
        };
        let timed = tokio::time::timeout(self.limit, asked).await;
        let outcome = timed.unwrap_or(Outcome::TimedOut { seconds: self.limit.as_secs() });
        Answered { witness: witness.name.clone(), outcome }
    }

    async fn ask_in_time(
        &self,
        log: &Log,
        signed: &SignedCheckpoint,
        witness: &PolicyWitness,
        known: &HashMap<[u8; 4], u64>,
    ) -> Result<Answered, LogError> {
        let old = known.get(&witness.key.id()).copied().unwrap_or(0);
        let outcome = match tokio::time::timeout(self.limit, self.ask(log, signed, witness, old)).await {
            Ok(outcome) => outcome?,
            Err(_) => Outcome::TimedOut { seconds: self.limit.as_secs() },
        };
        tracing::debug!(witness = witness.name, outcome = ?outcome, "a witness was asked");
        Ok(Answered { witness: witness.name.clone(), outcome })
    }

    async fn ask(
        &self,
        log: &Log,
        signed: &SignedCheckpoint,
        witness: &PolicyWitness,
        old: u64,
    ) -> Result<Outcome, LogError> {
        let (text, size) = (signed.note.text(), signed.size());
        let mut stored = signed.cosignatures.iter().filter_map(|c| cosigned_at(text, &c.line, &witness.key));
        if let Some(time) = stored.next() {
            return Ok(Outcome::AlreadyCosigned { time });
        }
        let Some(url) = address(witness) else { return Ok(Outcome::NoAddress) };
        let mut old = old.min(size);
        // What it knows may be newer than what we know of it, and is asked for once: two processes may ask at a time.
        for told in [false, true] {
            let proof = log.consistency_proof(old, size).await?;
            let reply = match self.post(&url, old, proof, &signed.note).await {
                Ok(reply) => reply,
                Err(outcome) => return Ok(outcome),
            };
            match judge(&reply, text, old, size, &witness.key) {
                Judged::Cosigned { line, time } => {
                    log.add_cosignatures(size, std::slice::from_ref(&line), SystemClock.now()).await?;
                    return Ok(Outcome::Cosigned { time });
                }
                Judged::KnowsSize(size) if !told => old = size,
                Judged::KnowsSize(size) => {
                    return Ok(Outcome::Refused { status: 409, why: format!("now it says that it knows size {size}") });
                }
                Judged::Failed(outcome) => return Ok(outcome),
            }
        }
        unreachable!("the second round ends in an outcome")
    }

    /// One request and its whole answer.
    async fn post(&self, url: &Url, old_size: u64, proof: Vec<Hash>, note: &Note) -> Result<Reply, Outcome> {
        let request = AddCheckpoint::try_new(old_size, proof, note.clone())
            .map_err(|error| Outcome::Refused { status: 0, why: error.to_string() })?;
        let broken = |error: reqwest::Error| {
            if error.is_timeout() {
                return Outcome::TimedOut { seconds: self.limit.as_secs() };
            }
            // Without the address, which may hold a password.
            Outcome::Unreachable { why: shown(&causes(&error.without_url())) }
        };
        let text = HeaderValue::from_static("text/plain; charset=utf-8");
        let sent = self.client.post(url.clone()).header(CONTENT_TYPE, text).body(request.to_string()).send().await;
        let mut response = sent.map_err(broken)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(Outcome::TooLong { bytes_max: ANSWER_BYTES_MAX });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply { status: response.status(), body })
    }
}

/// The size that each witness cosigned last, by key id, as far as the newest cosigned checkpoints tell. It is where to
/// begin: a witness that knows another size says so.
async fn cosigned_sizes(log: &Log, witnesses: &[PolicyWitness]) -> Result<HashMap<[u8; 4], u64>, LogError> {
    let mut sizes = HashMap::new();
    let mut looked = 0;
    log.latest_cosigned(|checkpoint| {
        for cosignature in &checkpoint.cosignatures {
            if witnesses.iter().any(|witness| cosignature.line.is_of(&witness.key)) {
                sizes.entry(cosignature.line.id()).or_insert(checkpoint.size());
            }
        }
        looked += 1;
        sizes.len() == witnesses.len() || looked == LOOKED_BACK_MAX
    })
    .await?;
    Ok(sizes)
}

/// What a witness sent.
#[derive(Debug)]
struct Reply {
    status: StatusCode,
    body: Vec<u8>,
}

/// What a reply means.
#[derive(Debug, PartialEq, Eq)]
enum Judged {
    Cosigned {
        line: SignatureLine,
        time: u64,
    },
    /// It knows another, smaller or equal size, from which it wants to be shown consistency.
    KnowsSize(u64),
    Failed(Outcome),
}

fn judge(reply: &Reply, text: &str, old: u64, size: u64, key: &VerifierKey) -> Judged {
    let status = reply.status.as_u16();
    let why = || shown(&String::from_utf8_lossy(&reply.body));
    let failed = match reply.status {
        StatusCode::OK => match SignatureLine::parse_all(&reply.body) {
            Ok(lines) => {
                let mut valid = lines.iter().filter_map(|line| Some((line, cosigned_at(text, line, key)?)));
                match valid.next() {
                    Some((line, time)) => return Judged::Cosigned { line: line.clone(), time },
                    None if lines.iter().any(|line| line.is_of(key)) => {
                        Outcome::NotACosignature { why: "the signature is not over this checkpoint".to_owned() }
                    }
                    None => Outcome::NotACosignature { why: format!("no line is of {}", key.name()) },
                }
            }
            Err(error) => Outcome::NotACosignature { why: error.to_string() },
        },
        StatusCode::CONFLICT => match known_size(&reply.body) {
            Some(known) if known > size => Outcome::Ahead { size: known },
            Some(known) if known != old => return Judged::KnowsSize(known),
            Some(known) if known == size => {
                Outcome::Inconsistent { status, why: format!("another root was cosigned at size {known}") }
            }
            Some(_) | None => Outcome::Refused { status, why: why() },
        },
        StatusCode::UNPROCESSABLE_ENTITY => Outcome::Inconsistent { status, why: why() },
        other if other.is_redirection() => Outcome::Redirected { status },
        _ => Outcome::Refused { status, why: why() },
    };
    Judged::Failed(failed)
}

/// The body of an answer 409: a number in its only spelling, and a newline.
fn known_size(body: &[u8]) -> Option<u64> {
    let text = str::from_utf8(body).ok()?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let size: u64 = text.parse().ok()?;
    (size.to_string() == text).then_some(size)
}

/// When this line is this key's valid cosignature.
fn cosigned_at(text: &str, line: &SignatureLine, key: &VerifierKey) -> Option<u64> {
    verify_cosignature(text, line, key).ok()
}

/// Where to send a request, if the policy says a place that can be asked.
fn address(witness: &PolicyWitness) -> Option<Url> {
    let base = witness.url.as_deref()?.trim_end_matches('/');
    let url = Url::parse(&format!("{base}/add-checkpoint")).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}

/// A stranger's words, fit to be shown.
fn shown(text: &str) -> String {
    let text = text.trim();
    let mut characters = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut shown: String = characters.by_ref().take(SHOWN_CHARACTERS_MAX).collect();
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}
