//! Sign-in through the routes that are served: with a password, and at a real OpenID provider.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};

use serde_json::{Value, json};

use crate::support::pilot;
use crate::support::service::{GENEROUS, Service, answer, named};
use crate::support::serving::{Reply, connect, over_tls};
use crate::support::stores::{Kind, Store, on_both_stores, on_sqlite};

on_both_stores!(
    whom_the_provider_vouches_for_acts_as_its_account,
    a_seed_is_sealed_and_without_its_key_nobody_is_let_in,
);
on_sqlite!(
    a_password_opens_a_session_that_can_be_ended,
    who_is_not_linked_at_the_provider_is_told_what_to_pass_on,
    a_provider_is_believed_by_its_own_authority,
);

const PASSWORD: &str = "ngựa pin kẹp đúng";

fn a_password_opens_a_session_that_can_be_ended(kind: Kind) {
    let store = Store::served(kind);
    store.sogoc().run_with(&["account", "password", "officer-yt", "--stdin"], PASSWORD.as_bytes()).ends(0);
    let service = Service::over(store);
    let public = service.public();
    let sign_in =
        |account: &str, password: &str| public.post("/v1/sign-in", &json!({"account": account, "password": password}));
    // No answer tells what was wrong.
    let [wrong, nobody] =
        [("officer-yt", "ngựa pin kẹp sai"), ("no-such-account", PASSWORD)].map(|(account, password)| {
            let mut problem = sign_in(account, password).problem(401, "sign-in-failed");
            // The request's own id.
            problem.as_object_mut().unwrap().remove("instance");
            problem
        });
    assert_eq!(wrong, nobody);
    let reply = sign_in("officer-yt", PASSWORD);
    let session = reply.ok();
    let cookie = &reply.headers["set-cookie"];
    assert!(
        cookie.starts_with("sogoc_session=") && cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"),
        "{cookie}"
    );
    let by_token = service.by(session["session"].as_str().unwrap());
    assert_eq!(by_token.get("/v1/me").ok()["account"]["account"], "officer-yt");
    let cookie = cookie.split(';').next().unwrap();
    let me = |headers: &[(&str, &str)]| public.send("GET", "/v1/me", headers, b"");
    assert_eq!(me(&[("cookie", cookie)]).ok()["account"]["account"], "officer-yt");
    me(&[("cookie", cookie), ("sec-fetch-site", "cross-site")]).problem(401, "not-signed-in");
    assert_eq!(by_token.get("/v1/sessions").ok()["sessions"].as_array().unwrap().len(), 1);
    let fields = json!({"season": pilot::SEASON, "agency": "so-y-te", "leaf": "1.1.1", "inputs": {"yes_no": true}});
    by_token.new_command("record-self-score", &fields).ok();
    // What another site's form could send is not taken.
    let form = [("cookie", cookie), ("content-type", "text/plain")];
    public
        .send("POST", "/v1/commands/record-self-score", &form, fields.to_string().as_bytes())
        .problem(415, "wrong-media-type");
    let ended = by_token.post("/v1/sign-out", &json!({}));
    ended.ok();
    assert!(ended.headers["set-cookie"].contains("Max-Age=0"));
    by_token.get("/v1/me").problem(401, "token-over");
    me(&[("cookie", cookie)]).problem(401, "not-signed-in");
    service.stop();
}

fn a_seed_is_sealed_and_without_its_key_nobody_is_let_in(kind: Kind) {
    let store = Store::served(kind);
    let keys = ["11", "22"].map(|byte| {
        let file = store.write(&format!("{byte}.key"), byte.repeat(32));
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        file
    });
    let by_key = |key: &std::path::Path| format!("{GENEROUS}key_file = {key:?}\n");
    let [settings, renewed] = [by_key(&keys[0]), by_key(&keys[1])];
    store.sogoc().run_with(&["account", "password", "officer-yt", "--stdin"], PASSWORD.as_bytes()).ends(0);
    let store = std::sync::Arc::new(store);
    let serve = |settings: &str| Service::listening(std::sync::Arc::clone(&store), settings, "127.0.0.1:0");
    let sign_in = |service: &Service| {
        service.public().post("/v1/sign-in", &json!({"account": "officer-yt", "password": PASSWORD, "code": "000000"}))
    };
    let kept = |store: &Store| {
        let hex = if kind == Kind::Sqlite { "lower(hex(totp))" } else { "encode(totp, 'hex')" };
        store.cell(&format!("select {hex} from sign_in where account = 'officer-yt'"))
    };

    let service = serve(&settings);
    let session = sign_in(&service).ok();
    service.by(session["session"].as_str().unwrap()).post("/v1/second-factor/enrol", &json!({})).ok();
    let sealed = kept(&store);
    assert!(sealed.starts_with(&hex::encode(b"\x89sogoc-seed")), "{sealed}");
    // As if a code of it had been shown.
    store.run("update sign_in set totp_confirmed = 1 where account = 'officer-yt'");
    sign_in(&service).problem(401, "sign-in-failed");
    service.stop();

    for (settings, why) in [(GENEROUS, "sign_in.key_file is not set"), (&renewed, "sign_in.key_file holds the key")] {
        let service = serve(settings);
        let told = sign_in(&service).problem(503, "unavailable").to_string();
        assert!(!told.contains("key") && !told.contains("second"), "{told}");
        service.until_says(why);
        service.stop();
    }

    let console = |settings: &str| store.sogoc().configured(settings);
    let told = console(GENEROUS).run(&["account", "seal-seeds"]).ends(2).stderr;
    assert!(told.contains("sign_in.key_file"), "{told}");
    let lacking = console(&renewed).with(&["--json"]).run(&["account", "seal-seeds"]).ends(1).document();
    assert_eq!(lacking, json!({"sealed": 0, "unchanged": 0, "unreadable": ["officer-yt"]}));
    let old = keys[0].to_str().unwrap();
    let done: Value = console(&renewed).json(&["account", "seal-seeds", "--old-key-file", old]);
    assert_eq!(done, json!({"sealed": 1, "unchanged": 0, "unreadable": []}));
    let service = serve(&renewed);
    sign_in(&service).problem(401, "sign-in-failed");
    service.stop();

    // A backup carries it as it is, and not the key.
    let folder = store.folder().join("backup");
    store.sogoc().ok(&["backup", folder.to_str().unwrap(), "--with-sign-in"]);
    let restored = Store::empty(kind);
    restored.sogoc().ok(&["restore", folder.to_str().unwrap(), "--with-sign-in"]);
    assert_eq!(kept(&restored), kept(&store));
    store.sogoc().ok(&["account", "remove-second-factor", "officer-yt"]);
    let service = serve(GENEROUS);
    assert_eq!(sign_in(&service).ok()["second_factor"], false);
    service.stop();
}

/// A service whose accounts sign in at the provider, or nothing where there is none.
fn at_provider(kind: Kind) -> Option<(Service, String)> {
    let issuer = named("SOGOC_TEST_OIDC")?;
    Some((at_issuer(kind, &issuer, ""), issuer))
}

/// A service whose accounts sign in at this provider, with more of its table of settings.
fn at_issuer(kind: Kind, issuer: &str, more: &str) -> Service {
    let store = Store::served(kind);
    let secret = store.write("oidc.secret", "sogoc-test-secret\n");
    std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    store.sogoc().ok(&["account", "link", "officer-yt", "--issuer", issuer, "--subject", "subject-1"]);
    store.sogoc().ok(&["account", "link", "secretary", "--issuer", issuer, "--subject", "subject-2"]);
    let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port");
    let settings = GENEROUS.replace("second_factor = false", "second_factor = true");
    let settings = format!(
        "{settings}[serve]\npublic_url = \"http://{free}\"\n[oidc]\nissuer = \"{issuer}\"\nclient_id = \"sogoc-test\"\nclient_secret_file = {secret:?}\n{more}"
    );
    Service::listening(std::sync::Arc::new(store), &settings, &free.to_string())
}

/// A browser: a jar of cookies for each host and port, redirects taken by hand.
#[derive(Default)]
struct Browser {
    jar: BTreeMap<String, BTreeMap<String, String>>,
    /// The one authority that it believes, as PEM.
    trusted: Vec<u8>,
}

impl Browser {
    fn send(&mut self, url: &str, form: Option<&str>) -> Reply {
        use std::io::Write as _;
        let (scheme, rest) = url.split_once("://").unwrap();
        let (host, path) = rest.split_once('/').unwrap();
        let jar = self.jar.entry(host.to_owned()).or_default();
        let cookies: Vec<_> = jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let (verb, body) = form.map_or(("GET", ""), |form| ("POST", form));
        let address = host.parse::<SocketAddr>().unwrap();
        let head = format!(
            "{verb} /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nCookie: {}\r\nContent-Length: {}\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n",
            cookies.join("; "),
            body.len(),
        );
        let request = [head.as_bytes(), body.as_bytes()].concat();
        let reply = if scheme == "https" {
            let mut stream = over_tls(address, "127.0.0.1", &self.trusted);
            stream.write_all(&request).unwrap();
            answer(&mut stream)
        } else {
            let mut stream = connect(address);
            stream.write_all(&request).unwrap();
            answer(&mut stream)
        };
        for set in reply.headers.get("set-cookie").into_iter().flat_map(|all| all.lines()) {
            let (name, rest) = set.split_once('=').unwrap();
            match rest.split(';').next().unwrap() {
                "" => _ = jar.remove(name),
                value => _ = jar.insert(name.to_owned(), value.to_owned()),
            }
        }
        reply
    }

    /// Signs in at the provider with a form, and comes back: the page at the end.
    fn sign_in(&mut self, service: &Service, form: &str) -> Reply {
        let mut url = format!("{}/sign-in/oidc?back=/v1/me", service.url());
        for _ in 0..10 {
            let filled = url.contains("/interaction/").then_some(form);
            let reply = self.send(&url, filled);
            let Some(to) = reply.headers.get("location") else { return reply };
            url = if to.starts_with('/') {
                format!("{}{to}", url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/"))
            } else {
                to.clone()
            };
        }
        panic!("redirected without end");
    }
}

fn whom_the_provider_vouches_for_acts_as_its_account(kind: Kind) {
    let Some((service, _)) = at_provider(kind) else { return };
    let score = json!({"season": pilot::SEASON, "agency": "so-y-te", "leaf": "1.1.1", "inputs": {"yes_no": true}});
    let session = |form: &str| {
        let mut browser = Browser::default();
        let page = browser.sign_in(&service, form);
        assert_eq!(page.status, 200, "{}", page.text());
        assert!(page.text().contains("/v1/me"), "it comes back: {}", page.text());
        service.by(&browser.jar[&service.address.to_string()]["sogoc_session"])
    };
    let officer = session("login=subject-1");
    let me = officer.get("/v1/me").ok();
    assert_eq!((&me["account"]["account"], &me["second_factor"]), (&json!("officer-yt"), &json!(false)));
    let receipt = officer.new_command("record-self-score", &score).ok()["receipt"].clone();
    let entry = service.store.sogoc().entries(&["--from", &receipt["positions"][0].to_string(), "--limit", "1"]);
    assert_eq!(entry[0]["actor"]["account"], "officer-yt");
    // A role that publishes acts only with a second factor, which the provider has seen or not.
    let register = |caller: &crate::support::service::Caller<'_>, id: &str| {
        let new = json!({"id": id, "number": "9/QĐ", "date": "2026-11-01", "issuer": "UBND tỉnh"});
        caller.new_command("register-instrument", &json!({"instrument": new}))
    };
    register(&session("login=subject-2&amr=pwd"), "qd-9").problem(403, "second-factor-required");
    let strong = session("login=subject-2&amr=pwd+otp");
    assert_eq!(strong.get("/v1/me").ok()["second_factor"], true);
    register(&strong, "qd-9").ok();
    strong.post("/v1/sign-out", &json!({})).ok();
    strong.get("/v1/me").problem(401, "token-over");
    service.stop();
}

fn who_is_not_linked_at_the_provider_is_told_what_to_pass_on(kind: Kind) {
    let Some((service, issuer)) = at_provider(kind) else { return };
    let mut browser = Browser::default();
    let page = browser.sign_in(&service, "login=subject-9");
    assert_eq!(page.status, 403);
    assert!(page.text().contains("subject-9") && page.text().contains(&issuer), "{}", page.text());
    assert!(!browser.jar[&service.address.to_string()].contains_key("sogoc_session"));
    let refused = Browser::default().sign_in(&service, "error=access_denied");
    assert!(refused.status == 403 && refused.text().contains("access_denied"), "{} {}", refused.status, refused.text());
    let none: Value = service.public().get("/v1/me").problem(401, "not-signed-in");
    assert!(none.is_object());
    service.stop();
}

fn a_provider_is_believed_by_its_own_authority(kind: Kind) {
    let (Some(issuer), Some(authority)) = (named("SOGOC_TEST_OIDC_TLS"), named("SOGOC_TEST_OIDC_CA")) else { return };
    let believing = format!("ca_file = {authority:?}\n");
    let trusted = std::fs::read(&authority).unwrap();

    let service = at_issuer(kind, &issuer, &believing);
    let mut browser = Browser { trusted, ..Browser::default() };
    let page = browser.sign_in(&service, "login=subject-1");
    assert_eq!(page.status, 200, "{}", page.text());
    let me = service.by(&browser.jar[&service.address.to_string()]["sogoc_session"]).get("/v1/me").ok();
    assert_eq!(me["account"]["account"], "officer-yt");
    service.stop();

    // The authority is nobody's whom this machine trusts: the browser is told no more than that it does not work.
    let service = at_issuer(kind, &issuer, "");
    let page = Browser::default().sign_in(&service, "login=subject-1");
    assert!(page.status == 502 && !page.text().contains("ca_file"), "{} {}", page.status, page.text());
    service.until_says("oidc.ca_file");
    service.stop();

    let told = |more: &str| {
        let store = Store::served(kind);
        let settings = format!("[oidc]\nissuer = {issuer:?}\nclient_id = \"sogoc-test\"\n{more}");
        let checked = store.sogoc().configured(&settings).with(&["--json"]).run(&["config", "check", "--connect"]);
        let tried = checked.document()["tried"].clone();
        tried.as_array().unwrap().iter().find(|tried| tried["what"] == "oidc").unwrap().clone()
    };
    assert_eq!(told(&believing)["ok"], true);
    let doubted = told("");
    assert!(doubted["ok"] == false && doubted["message"].as_str().unwrap().contains("oidc.ca_file"), "{doubted}");
}
