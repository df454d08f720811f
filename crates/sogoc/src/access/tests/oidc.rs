//! Sign-in at a real provider, by HTTP, as a browser does it: where `SOGOC_TEST_OIDC` names one.

use std::collections::BTreeMap;

use http::StatusCode;
use http::header::{CONTENT_SECURITY_POLICY, COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Client, Response, Url, redirect};
use serde_json::json;
use sogoc_log::testing::{ALL_VARIABLE, TestStore};
use tokio::net::TcpListener;

use super::stage::{Stage, cookie, id, settings};
use crate::access::{Access, OidcSettings, Provider, SESSION_COOKIE, Settings};

/// The provider's issuer. Without one the tests say that they did not run, and fail where none may be left out.
fn issuer() -> Option<String> {
    let issuer = std::env::var("SOGOC_TEST_OIDC").ok();
    if issuer.is_none() {
        let all = std::env::var(ALL_VARIABLE).is_ok_and(|value| value == "1");
        assert!(!all, "{ALL_VARIABLE}=1 and no SOGOC_TEST_OIDC: name an OpenID provider");
        #[expect(clippy::print_stderr, reason = "a test says that it did not run")]
        {
            eprintln!("not run: SOGOC_TEST_OIDC names no OpenID provider");
        }
    }
    issuer
}

/// A service on loopback whose accounts sign in at the provider.
struct Service {
    stage: Stage,
    access: Access,
    issuer: String,
    url: String,
}

impl Service {
    async fn on(stage: Stage, issuer: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let oidc = OidcSettings {
            issuer: issuer.clone(),
            client_id: "sogoc-test".to_owned(),
            client_secret: Some("sogoc-test-secret".to_owned()),
            scopes: vec!["openid".to_owned(), "profile".to_owned()],
            ca_file: None,
        };
        let settings = Settings { public_url: Some(url.clone()), ..settings() };
        let provider = Provider::try_new(oidc, &url).unwrap();
        let access = Access::new(stage.app.clone(), settings, Some(provider));
        let router = access.router();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { stage, access, issuer, url }
    }

    async fn link(&self, account: &str, subject: &str) {
        self.access.link_subject_on_console(&id(account), &self.issuer, subject).await.unwrap();
    }
}

/// The provider judges by the real time, and so must a service that judges its tokens.
async fn service() -> Option<Service> {
    let issuer = issuer()?;
    Some(Service::on(Stage::at_present(TestStore::sqlite()).await, issuer).await)
}

/// A browser: one jar of cookies for each host and port, redirects taken by hand.
struct Browser {
    client: Client,
    jar: BTreeMap<String, BTreeMap<String, String>>,
    set: Vec<String>,
}

impl Browser {
    fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client =
            Client::builder().redirect(redirect::Policy::none()).no_proxy().tls_certs_only([]).build().unwrap();
        Self { client, jar: BTreeMap::new(), set: Vec::new() }
    }

    async fn send(&mut self, url: &str, form: Option<&str>) -> Response {
        let url = Url::parse(url).unwrap();
        let origin = url.origin().ascii_serialization();
        let jar = self.jar.entry(origin).or_default();
        let cookies: Vec<_> = jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = match form {
            None => self.client.get(url),
            Some(form) => {
                self.client.post(url).header("content-type", "application/x-www-form-urlencoded").body(form.to_owned())
            }
        };
        let response = request.header(COOKIE, cookies.join("; ")).send().await.unwrap();
        for value in response.headers().get_all(SET_COOKIE) {
            let value = value.to_str().unwrap();
            self.set.push(value.to_owned());
            let (name, rest) = value.split_once('=').unwrap();
            let content = rest.split(';').next().unwrap();
            if content.is_empty() {
                jar.remove(name);
            } else {
                jar.insert(name.to_owned(), content.to_owned());
            }
        }
        response
    }

    /// Follows redirects, and fills the provider's form in, until a page comes or an address begins with `until`.
    async fn follow(&mut self, mut response: Response, form: &str, until: &str) -> Result<String, Response> {
        for _ in 0..10 {
            let Some(to) = response.headers().get(LOCATION) else { return Err(response) };
            let to = response.url().join(to.to_str().unwrap()).unwrap().to_string();
            if !until.is_empty() && to.starts_with(until) {
                return Ok(to);
            }
            let filled = to.contains("/interaction/").then_some(form);
            response = self.send(&to, filled).await;
        }
        panic!("redirected without end");
    }

    /// Begins a sign-in and goes to the provider and back: the address of the callback.
    async fn reach_callback(&mut self, service: &Service, back: &str, form: &str) -> String {
        let begun = self.send(&format!("{}/sign-in/oidc?back={back}", service.url), None).await;
        assert_eq!(begun.status(), StatusCode::SEE_OTHER);
        let callback = format!("{}/sign-in/oidc/callback", service.url);
        match self.follow(begun, form, &callback).await {
            Ok(to) => to,
            Err(page) => panic!("{} at {}", page.status(), page.url()),
        }
    }

    /// The session that the service gave it.
    fn session(&self, service: &Service) -> Option<&String> {
        self.jar.get(&service.url)?.get(SESSION_COOKIE)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_the_provider_vouches_for_is_let_in_and_comes_back() {
    let Some(service) = service().await else { return };
    service.link("officer", "an.nguyen").await;
    let mut browser = Browser::new();
    let callback = browser.reach_callback(&service, "/seasons?lang%3Dvi", "login=an.nguyen").await;
    let page = browser.send(&callback, None).await;
    assert_eq!(page.status(), StatusCode::OK);
    assert!(page.headers().contains_key(CONTENT_SECURITY_POLICY));
    let text = page.text().await.unwrap();
    assert!(text.contains("content=\"0;url=/seasons?lang=vi\""), "{text}");
    let token = browser.session(&service).expect("a session");
    let caller = service.access.caller(&cookie(token)).await.unwrap();
    assert_eq!((caller.account, caller.second_factor), (Some(id("officer")), false));
    let shown = browser.set.join("\n");
    assert!(shown.contains("; Path=/; HttpOnly; SameSite=Lax; Max-Age=600"), "{shown}");
    assert!(shown.contains("; Path=/; HttpOnly; SameSite=Strict; Max-Age=4"), "{shown}");
    // Once used, the address of the callback is worth nothing.
    let again = browser.send(&callback, None).await;
    assert_eq!(again.status(), StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_that_the_provider_saw_counts() {
    let Some(service) = service().await else { return };
    service.link("chair", "chu.tich").await;
    for (amr, seen) in [("pwd", false), ("pwd+otp", true), ("mfa", true), ("hwk", true)] {
        let mut browser = Browser::new();
        let callback = browser.reach_callback(&service, "/", &format!("login=chu.tich&amr={amr}")).await;
        browser.send(&callback, None).await;
        let token = browser.session(&service).expect("a session");
        let caller = service.access.caller(&cookie(token)).await.unwrap();
        assert_eq!(caller.second_factor, seen, "{amr}");
        assert_eq!(caller.may_command("publish-edition").is_ok(), seen, "{amr}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_without_an_account_is_told_what_to_pass_on() {
    let Some(service) = service().await else { return };
    let mut browser = Browser::new();
    let login = "login=x%3C%2Fcode%3E%27%26";
    let callback = browser.reach_callback(&service, "/", login).await;
    let page = browser.send(&callback, None).await;
    assert_eq!(page.status(), StatusCode::FORBIDDEN);
    let text = page.text().await.unwrap();
    assert!(text.contains("x&lt;/code&gt;&#39;&amp;") && !text.contains("x</code>"), "{text}");
    assert!(text.contains(&service.issuer) && text.contains("sogoc account link"), "{text}");
    assert!(text.contains("lang=\"vi\"") && text.contains("lang=\"en\""), "{text}");
    assert_eq!(browser.session(&service), None);
    // Linked, and the next time they are let in; the account closed, and they are not.
    service.link("officer", "x</code>'&").await;
    let callback = browser.reach_callback(&service, "/", login).await;
    assert_eq!(browser.send(&callback, None).await.status(), StatusCode::OK);
    let close = json!({"type": "close-account", "account": "officer", "reason": "Nghỉ hưu"});
    service.stage.does("admin", close).await;
    let callback = browser.reach_callback(&service, "/", login).await;
    assert_eq!(browser.send(&callback, None).await.status(), StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_browser_cannot_end_what_one_began() {
    let Some(service) = service().await else { return };
    service.link("officer", "an.nguyen").await;
    let mut one = Browser::new();
    let callback = one.reach_callback(&service, "/", "login=an.nguyen").await;
    // Neither without a cookie nor with one of its own sign-in.
    let mut other = Browser::new();
    assert_eq!(other.send(&callback, None).await.status(), StatusCode::FORBIDDEN);
    other.reach_callback(&service, "/", "login=ke.khac").await;
    assert_eq!(other.send(&callback, None).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(other.session(&service), None);
    // Nor did they spoil it.
    assert_eq!(one.send(&callback, None).await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_not_believed() {
    let Some(service) = service().await else { return };
    service.link("officer", "an.nguyen").await;
    let mut browser = Browser::new();
    for spoil in [
        |url: &str| url.replace("code=", "code=x"),
        |url: &str| url.replace("state=", "state=x"),
        |url: &str| format!("{}&iss=https://evil.example", url.replace("iss=", "was=")),
        |url: &str| url.split_once('?').unwrap().0.to_owned(),
    ] {
        let callback = browser.reach_callback(&service, "/", "login=an.nguyen").await;
        assert_eq!(browser.send(&spoil(&callback), None).await.status(), StatusCode::FORBIDDEN, "{}", spoil(&callback));
    }
    assert_eq!(browser.session(&service), None);
    // The provider knows the first browser by now, and would not ask again.
    let mut browser = Browser::new();
    let callback = browser.reach_callback(&service, "/", "error=access_denied").await;
    let page = browser.send(&callback, None).await;
    assert_eq!(page.status(), StatusCode::FORBIDDEN);
    let text = page.text().await.unwrap();
    assert!(text.contains("access_denied"), "{text}");
    assert_eq!(browser.session(&service), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verifier_or_nonce_of_another_sign_in_is_not_taken() {
    let Some(service) = service().await else { return };
    service.link("officer", "an.nguyen").await;
    for spoil in
        ["update pending_sign_in set verifier = 'x' || substr(verifier, 2)", "update pending_sign_in set nonce = 'x'"]
    {
        let mut browser = Browser::new();
        let callback = browser.reach_callback(&service, "/", "login=an.nguyen").await;
        service.stage.tamper(spoil).await;
        assert_eq!(browser.send(&callback, None).await.status(), StatusCode::FORBIDDEN, "{spoil}");
        assert_eq!(browser.session(&service), None);
    }
    let mut browser = Browser::new();
    let callback = browser.reach_callback(&service, "/", "login=an.nguyen").await;
    service.stage.tamper("update pending_sign_in set expires_at_us = 0").await;
    assert_eq!(browser.send(&callback, None).await.status(), StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_does_not_come_back_to_somebody_elses_page() {
    let Some(service) = service().await else { return };
    service.link("officer", "an.nguyen").await;
    for back in ["https%3A%2F%2Fevil.example", "%2F%2Fevil.example", "%2F%5Cevil.example", "%2F%09%2Fevil.example"] {
        let mut browser = Browser::new();
        let callback = browser.reach_callback(&service, back, "login=an.nguyen").await;
        let text = browser.send(&callback, None).await.text().await.unwrap();
        assert!(text.contains("content=\"0;url=/\"") && !text.contains("evil"), "{text}");
    }
}

/// No server is needed: nothing answers there.
#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_away_keeps_nobody_from_signing_in_with_a_password() {
    let stage = Stage::at_present(TestStore::sqlite()).await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let service = Service::on(stage, format!("http://{closed}")).await;
    let mut browser = Browser::new();
    let page = browser.send(&format!("{}/sign-in/oidc", service.url), None).await;
    assert_eq!(page.status(), StatusCode::BAD_GATEWAY);
    assert!(page.text().await.unwrap().contains("does not answer"));
    service.stage.set_password("officer").await;
    service.access.sign_in(&id("officer"), super::stage::PASSWORD, None, None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_provider_there_is_no_such_page() {
    let stage = Stage::at_present(TestStore::sqlite()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = stage.access.router();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    for path in ["/sign-in/oidc", "/sign-in/oidc/callback?code=1&state=2"] {
        let page = Browser::new().send(&format!("{url}{path}"), None).await;
        assert_eq!(page.status(), StatusCode::NOT_FOUND, "{path}");
    }
}
