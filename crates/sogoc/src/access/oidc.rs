//! Sign-in at an OpenID provider: authorization code with PKCE.
//!
//! **Shape.** `GET /sign-in/oidc?back=PATH` keeps state, nonce and verifier in the store, so that any node may end what another
//! began, gives the browser a cookie that says that it began, and sends it to the provider. `GET /sign-in/oidc/callback` takes
//! them out again (a state is good for one try), exchanges the code, and judges the ID token: signature, issuer, audience,
//! expiry, nonce, and the access token's hash. Who the subject is stands in `sign_in.subject`, put there by an administrator
//! or on the console: nobody gets an account by being known to the provider.
//!
//! The session's cookie is `SameSite=Strict`, which a browser does not send along a chain of redirects that another site began.
//! So the last answer is a page that goes on by itself.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreProviderMetadata};
use openidconnect::{
    AccessTokenHash, AsyncHttpClient, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken,
    HttpRequest, HttpResponse, IssuerUrl, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, SignatureVerificationError, TokenResponse as _,
};
use reqwest::{Certificate, Client, Url, redirect};
use sogoc_domain::refusal::{Code, Refusal, Said};
use sogoc_domain::values::{AccountId, Timestamp};
use tokio::sync::RwLock;

use super::caller::cookie;
use super::credentials::subject_key;
use super::store::{self, Opening, Pending};
use super::{Access, Denied, HOUR_US, MINUTE_US, NewSession, Source, digest, pages};
use crate::failure::causes;

/// The path that begins a sign-in.
const BEGIN: &str = "/sign-in/oidc";
/// The path to which the provider sends the browser back.
const CALLBACK: &str = "/sign-in/oidc/callback";
/// The cookie of the browser that began.
const PENDING_COOKIE: &str = "sogoc_sign_in";
/// Longest sign-in, in minutes.
const PENDING_MINUTES: i64 = 10;
/// Sign-ins that may be under way.
const UNDER_WAY_MAX: i64 = 10_000;
/// How long what the provider says about itself is believed.
const DISCOVERED_US: i64 = HOUR_US;
/// After a key that is not known, it is asked again; not more often than this.
const ASKED_AGAIN_US: i64 = MINUTE_US;
/// Longest answer of the provider, in bytes.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// Longest wait for it, in seconds.
const ANSWER_SECONDS_MAX: u64 = 10;
/// Longest path to come back to.
const BACK_BYTES_MAX: usize = 2_048;
/// What a provider says of how somebody signed in, where that was more than a password (RFC 8176).
const SECOND_FACTORS: [&str; 3] = ["otp", "mfa", "hwk"];

/// Which provider, and as whom we ask it.
#[derive(Clone)]
pub(crate) struct OidcSettings {
    /// Its issuer, exactly as it writes it.
    pub(crate) issuer: String,
    /// Our name there.
    pub(crate) client_id: String,
    /// Our secret there; none for a public client.
    pub(crate) client_secret: Option<String>,
    /// What is asked for beside `openid`.
    pub(crate) scopes: Vec<String>,
    /// Certificates that its own is judged by, in place of the system's.
    pub(crate) ca_file: Option<PathBuf>,
}

impl std::fmt::Debug for OidcSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OidcSettings")
            .field("issuer", &self.issuer)
            .field("client_id", &self.client_id)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}

/// A provider, ready to be asked.
#[derive(Debug)]
pub(crate) struct Provider {
    settings: OidcSettings,
    issuer: IssuerUrl,
    redirect: RedirectUrl,
    http: Asking,
    discovered: RwLock<Option<Discovered>>,
}

#[derive(Clone, Debug)]
struct Discovered {
    metadata: Arc<CoreProviderMetadata>,
    at_us: i64,
}

/// Asks the provider, for the library.
#[derive(Debug)]
struct Asking(Client);

impl<'c> AsyncHttpClient<'c> for Asking {
    type Error = Broken;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Broken>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.ask(request))
    }
}

impl Asking {
    /// One request and its whole answer.
    async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, Broken> {
        let no_answer = |error: reqwest::Error| {
            let hint = ca_file_hint(&error);
            Broken::NoAnswer(format!("{}{hint}", causes(&error.without_url())))
        };
        let (parts, body) = request.into_parts();
        let asked = self.0.request(parts.method, parts.uri.to_string()).headers(parts.headers).body(body);
        let mut response = asked.send().await.map_err(no_answer)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(no_answer)? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(Broken::NoAnswer(format!("an answer of more than {ANSWER_BYTES_MAX} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        let mut answer = HttpResponse::new(body);
        *answer.status_mut() = response.status();
        if let Some(kind) = response.headers().get(CONTENT_TYPE) {
            answer.headers_mut().insert(CONTENT_TYPE, kind.clone());
        }
        Ok(answer)
    }
}

/// Why a sign-in at the provider came to no end.
#[derive(Debug, thiserror::Error)]
enum Broken {
    /// What we were told cannot be believed.
    #[error("{0}")]
    NotBelieved(String),
    /// It did not answer, or with something else.
    #[error("the provider does not answer: {0}")]
    NoAnswer(String),
}

impl Provider {
    /// A provider to which browsers are sent from a service at `public_url`. It is first asked when somebody signs in, so that
    /// the service starts without it.
    ///
    /// # Errors
    /// What cannot be used, in words: an address, a file of certificates.
    pub(crate) fn try_new(settings: OidcSettings, public_url: &str) -> Result<Self, String> {
        // An error says that another provider of algorithms is installed already, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let issuer = IssuerUrl::new(settings.issuer.clone()).map_err(|error| format!("oidc.issuer: {error}"))?;
        let ours = Url::parse(public_url).map_err(|error| format!("serve.public_url: {error}"))?;
        let redirect = RedirectUrl::new(format!("{}{CALLBACK}", ours.origin().ascii_serialization()))
            .map_err(|error| format!("serve.public_url: {error}"))?;
        let mut builder = Client::builder()
            .user_agent(concat!("sogoc/", env!("CARGO_PKG_VERSION")))
            // A redirect could lead into our own network.
            .redirect(redirect::Policy::none())
            .timeout(Duration::from_secs(ANSWER_SECONDS_MAX));
        match &settings.ca_file {
            Some(path) => {
                let shown = path.display();
                let pem = std::fs::read(path).map_err(|error| format!("oidc.ca_file {shown}: {error}"))?;
                let certificates =
                    Certificate::from_pem_bundle(&pem).map_err(|error| format!("oidc.ca_file {shown}: {error}"))?;
                builder = builder.tls_certs_only(certificates);
            }
            // Nobody's certificate will be judged: a machine without certificates can ask all the same.
            None if issuer.url().scheme() == "http" => builder = builder.tls_certs_only([]),
            None => {}
        }
        let http = Asking(builder.build().map_err(|error| format!("TLS: {}{CA_FILE_HINT}", causes(&error)))?);
        Ok(Self { settings, issuer, redirect, http, discovered: RwLock::default() })
    }

    /// What the provider says about itself: kept for an hour, and no older than `not_before_us`.
    async fn discovered(&self, now_us: i64, not_before_us: i64) -> Result<Arc<CoreProviderMetadata>, Broken> {
        let fits =
            |found: &Discovered| found.at_us >= not_before_us && (0..DISCOVERED_US).contains(&(now_us - found.at_us));
        if let Some(found) = self.discovered.read().await.as_ref().filter(|found| fits(found)) {
            return Ok(Arc::clone(&found.metadata));
        }
        // One asks, the others wait for the answer.
        let mut kept = self.discovered.write().await;
        if let Some(found) = kept.as_ref().filter(|found| fits(found)) {
            return Ok(Arc::clone(&found.metadata));
        }
        let metadata = CoreProviderMetadata::discover_async(self.issuer.clone(), &self.http)
            .await
            .map_err(|error| Broken::NoAnswer(causes(&error)))?;
        let metadata = Arc::new(metadata);
        *kept = Some(Discovered { metadata: Arc::clone(&metadata), at_us: now_us });
        Ok(metadata)
    }

    /// Exchanges a code and judges the ID token. Returns the subject, and whether the provider saw a second factor.
    async fn vouched(&self, code: String, pending: &Pending, now_us: i64) -> Result<(String, bool), Broken> {
        let disbelieved = |error: &dyn std::error::Error| Broken::NotBelieved(causes(error));
        let metadata = self.discovered(now_us, i64::MIN).await?;
        let client = self.client(&metadata);
        let tokens = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|error| disbelieved(&error))?
            .set_pkce_verifier(PkceCodeVerifier::new(pending.verifier.clone()))
            .request_async(&self.http)
            .await
            .map_err(|error| match error {
                openidconnect::RequestTokenError::Request(broken) => broken,
                openidconnect::RequestTokenError::ServerResponse(_)
                | openidconnect::RequestTokenError::Parse(..)
                | openidconnect::RequestTokenError::Other(_) => disbelieved(&error),
            })?;
        let id_token = tokens.id_token().ok_or_else(|| Broken::NotBelieved("no ID token came".to_owned()))?;
        let nonce = Nonce::new(pending.nonce.clone());
        let now = UNIX_EPOCH + Duration::from_micros(u64::try_from(now_us).unwrap_or_default());
        let verifier = client.id_token_verifier().set_time_fn(move || now.into());
        let newer;
        let (verifier, claims) = match id_token.claims(&verifier, &nonce) {
            Ok(claims) => (verifier, claims),
            // The provider signs with a key that it did not have when it was asked.
            Err(ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey)) => {
                let metadata = self.discovered(now_us, now_us - ASKED_AGAIN_US).await?;
                newer = self.client(&metadata);
                let verifier = newer.id_token_verifier().set_time_fn(move || now.into());
                let claims = id_token.claims(&verifier, &nonce).map_err(|error| disbelieved(&error))?;
                (verifier, claims)
            }
            Err(error) => return Err(disbelieved(&error)),
        };
        if let Some(expected) = claims.access_token_hash() {
            let algorithm = id_token.signing_alg().map_err(|error| disbelieved(&error))?;
            let key = id_token.signing_key(&verifier).map_err(|error| disbelieved(&error))?;
            let given = AccessTokenHash::from_token(tokens.access_token(), algorithm, key)
                .map_err(|error| disbelieved(&error))?;
            if given != *expected {
                return Err(Broken::NotBelieved("the access token is not the ID token's".to_owned()));
            }
        }
        let methods = claims.auth_method_refs().map(Vec::as_slice).unwrap_or_default();
        let second_factor = methods.iter().any(|method| SECOND_FACTORS.contains(&method.as_str()));
        Ok((claims.subject().to_string(), second_factor))
    }

    fn client(&self, metadata: &CoreProviderMetadata) -> CoreProviderClient {
        CoreClient::from_provider_metadata(
            metadata.clone(),
            ClientId::new(self.settings.client_id.clone()),
            self.settings.client_secret.clone().map(ClientSecret::new),
        )
        .set_redirect_uri(self.redirect.clone())
    }
}

/// A client whose addresses are those that the provider gave.
type CoreProviderClient = CoreClient<
    openidconnect::EndpointSet,
    openidconnect::EndpointNotSet,
    openidconnect::EndpointNotSet,
    openidconnect::EndpointNotSet,
    openidconnect::EndpointMaybeSet,
    openidconnect::EndpointMaybeSet,
>;

impl Access {
    /// The pages of sign-in at a provider. A request's [`Source`] is taken from its extensions, where the listener put it.
    pub(crate) fn router(&self) -> Router {
        Router::new().route(BEGIN, get(begin)).route(CALLBACK, get(callback)).with_state(self.clone())
    }

    async fn begin_at_provider(&self, request: &Parts) -> Result<Response, Denied> {
        let Some(provider) = &self.inner.provider else { return Ok(pages::no_provider()) };
        let now = self.now_us();
        self.begin_from(source(request), now)?;
        let metadata = match provider.discovered(now, i64::MIN).await {
            Ok(metadata) => metadata,
            Err(broken) => return Ok(provider_broken(&broken)),
        };
        let (state, state_digest) = self.secret();
        let (nonce, _) = self.secret();
        let (verifier, _) = self.secret();
        let (browser, browser_digest) = self.secret();
        let verifier = PkceCodeVerifier::new(verifier);
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier);
        let pending = Pending {
            nonce: nonce.clone(),
            verifier: verifier.into_secret(),
            browser: browser_digest.to_vec(),
            back: parameter(request, "back").map_or_else(|| "/".to_owned(), |path| back_to(&path)),
            expires_at_us: now + PENDING_MINUTES * MINUTE_US,
        };
        if !store::begin_pending(self.pool(), &state_digest, &pending, UNDER_WAY_MAX, now).await? {
            return Err(Denied::too_many(60));
        }
        let client = provider.client(&metadata);
        let mut asking = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, || CsrfToken::new(state), || Nonce::new(nonce))
            .set_pkce_challenge(challenge);
        for scope in provider.settings.scopes.iter().filter(|scope| *scope != "openid") {
            asking = asking.add_scope(openidconnect::Scope::new(scope.clone()));
        }
        let (url, _, _) = asking.url();
        let seconds = PENDING_MINUTES * 60;
        let secure = self.secure();
        let cookie = format!("{PENDING_COOKIE}={browser}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}");
        Ok(pages::redirect(url.as_str(), &cookie))
    }

    async fn end_at_provider(&self, request: &Parts) -> Result<Response, Denied> {
        let Some(provider) = &self.inner.provider else { return Ok(pages::no_provider()) };
        let now = self.now_us();
        let from = source(request);
        self.begin_from(from, now)?;
        let interrupted = |why: Said| Denied::from(Refusal::new(Code::SignInInterrupted).with_said("why", &why));
        let (Some(state), Some(browser)) = (parameter(request, "state"), cookie(&request.headers, PENDING_COOKIE))
        else {
            return Err(interrupted(Said::new(
                "this browser did not begin it, or takes no cookies",
                "trình duyệt này không bắt đầu lần đăng nhập, hoặc không nhận cookie",
            )));
        };
        let (state, browser) = (digest(state.as_bytes()), digest(browser.as_bytes()));
        let pending = store::take_pending(self.pool(), &state, &browser).await?;
        let Some(pending) = pending.filter(|pending| now < pending.expires_at_us) else {
            return Err(interrupted(Said::new(
                format!(
                    "it took longer than {PENDING_MINUTES} minutes, or was ended before, or another browser began it"
                ),
                format!("quá {PENDING_MINUTES} phút, đã kết thúc trước đó, hoặc do trình duyệt khác bắt đầu"),
            )));
        };
        // RFC 9207: a code of another provider is not to be sent to this one.
        if parameter(request, "iss").is_some_and(|issuer| issuer != provider.settings.issuer) {
            return Err(interrupted(Said::new("another provider answered", "nhà cung cấp khác trả lời")));
        }
        if let Some(error) = parameter(request, "error") {
            let known =
                !error.is_empty() && error.len() <= 64 && error.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            let error = if known { error } else { "error".to_owned() };
            return Err(interrupted(Said::new(
                format!("the provider says {error}"),
                format!("nhà cung cấp trả lời {error}"),
            )));
        }
        let code = parameter(request, "code").unwrap_or_default();
        let (subject, second_factor) = match provider.vouched(code, &pending, now).await {
            Ok(vouched) => vouched,
            Err(broken) => return Ok(provider_broken(&broken)),
        };
        let session = self.open_for_subject(provider, &subject, second_factor).await?;
        if let Some(from) = from {
            self.inner.sources.succeeded(from, now);
        }
        let ended = format!("{PENDING_COOKIE}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0{}", self.secure());
        Ok(pages::go_on(&pending.back, &[self.session_cookie(&session), ended]))
    }

    /// A session of the account that a subject is linked to.
    async fn open_for_subject(
        &self,
        provider: &Provider,
        subject: &str,
        second_factor: bool,
    ) -> Result<NewSession, Denied> {
        let now = self.now_us();
        let issuer = &provider.settings.issuer;
        let key = subject_key(issuer, subject);
        let unknown = || Refusal::new(Code::SubjectUnknown).with("issuer", issuer).with("subject", subject);
        let (account,) = store::account_of_subject(self.pool(), &key).await?.ok_or_else(unknown)?;
        let account: AccountId = account.parse().map_err(|_| unknown())?;
        self.must_be_open(&account)?;
        let (token, session) = self.secret();
        let expires_at_us = now + i64::from(self.inner.settings.session_hours) * HOUR_US;
        let opening = Opening { digest: &session, account: &account, second_factor, now_us: now, expires_at_us };
        if !store::open_by_subject(self.pool(), &key, opening).await? {
            return Err(unknown().into());
        }
        Ok(NewSession { token, expires_at: Timestamp::from_micros(expires_at_us), second_factor })
    }
}

async fn begin(State(access): State<Access>, request: Parts) -> Response {
    access.begin_at_provider(&request).await.unwrap_or_else(|denied| pages::denied(&denied))
}

async fn callback(State(access): State<Access>, request: Parts) -> Response {
    let ended = access.end_at_provider(&request).await;
    super::count(if ended.as_ref().is_ok_and(|page| page.status().is_success()) { "ok" } else { "failed" });
    ended.unwrap_or_else(|denied| pages::denied(&denied))
}

/// What went wrong with the provider goes to the operator; the browser is told that it did.
fn provider_broken(broken: &Broken) -> Response {
    tracing::warn!(error = broken as &dyn std::error::Error, "a sign-in at the OpenID provider failed");
    let refused = |why: Said| Refusal::new(Code::SignInInterrupted).with_said("why", &why);
    match broken {
        Broken::NotBelieved(_) => {
            let why =
                Said::new("what the provider says cannot be believed", "thông tin của nhà cung cấp không đáng tin");
            pages::denied(&refused(why).into())
        }
        Broken::NoAnswer(_) => {
            pages::unanswered(&refused(Said::new("the provider does not answer", "nhà cung cấp không trả lời")))
        }
    }
}

fn source(request: &Parts) -> Option<std::net::IpAddr> {
    request.extensions.get::<Source>().map(|source| source.0)
}

/// A parameter of a request's query; the first, where there are several.
fn parameter(request: &Parts, name: &str) -> Option<String> {
    let query = request.uri.query()?;
    let url = Url::parse(&format!("http://sogoc.invalid/?{query}")).ok()?;
    url.query_pairs().find_map(|(key, value)| (key == name).then(|| value.into_owned()))
}

/// Where to go afterwards: a path of ours, or the first page. Nothing that a browser could read as another host.
fn back_to(path: &str) -> String {
    let harmless = |b: u8| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/%?".contains(&b);
    let ours = path.starts_with('/') && !path.starts_with("//") && !path.starts_with(BEGIN);
    if ours && path.len() <= BACK_BYTES_MAX && path.bytes().all(harmless) { path.to_owned() } else { "/".to_owned() }
}

/// Said where nobody who is trusted vouches for a provider.
const CA_FILE_HINT: &str = "; oidc.ca_file names the authority that certifies it, where that is not generally trusted";

/// What to say beside why a provider was not reached: where nobody who is trusted vouches for it, the setting for that.
pub(crate) fn ca_file_hint(error: &(dyn std::error::Error + 'static)) -> &'static str {
    use rustls::{CertificateError, Error};
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(Error::InvalidCertificate(CertificateError::UnknownIssuer)) = error.downcast_ref() {
            return CA_FILE_HINT;
        }
        // What an I/O error carries is not its source.
        let carried = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = carried.map(|carried| carried as &(dyn std::error::Error + 'static)).or_else(|| error.source());
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_comes_back_to_a_path_of_ours_and_nowhere_else() {
        for path in ["/", "/v1/seasons", "/seasons/s-2026?as_of=12&lang=vi", "/a//b"] {
            assert_eq!(back_to(path), path);
        }
        for elsewhere in [
            "",
            "//evil.example",
            "https://evil.example/",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "javascript:alert(1)",
            "/a\"><script>",
            "/sign-in/oidc",
            "/sign-in/oidc/callback?code=1",
            "/đăng-nhập",
        ] {
            assert_eq!(back_to(elsewhere), "/", "{elsewhere}");
        }
        assert_eq!(back_to(&format!("/{}", "a".repeat(BACK_BYTES_MAX))), "/");
    }
}
