//! A register with a handful of accounts, sign-in to it, and a clock that moves when told to.

use std::sync::Arc;
use std::time::Duration;

use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use sogoc_app::{App, Options, Origin};
use sogoc_domain::command::Envelope;
use sogoc_domain::refusal::Code;
use sogoc_domain::values::AccountId;
use sogoc_log::testing::TestStore;
use sogoc_log::{Clock as _, Faulty, ManualClock, Position, SystemClock, TimeSource, Timestamp, Uuid};

use crate::access::totp::totp;
use crate::access::{Access, Caller, Cost, Denied, NewSession, SESSION_COOKIE, Settings};

pub(super) const PASSWORD: &str = "ngựa pin kẹp đúng";

pub(super) struct Stage {
    pub(super) app: App,
    pub(super) access: Access,
    pub(super) clock: Arc<ManualClock>,
    pub(super) faulty: Faulty,
    store: TestStore,
}

pub(super) fn settings() -> Settings {
    Settings { cost: Cost::least(), ..Settings::default() }
}

pub(super) fn id(text: &str) -> AccountId {
    text.parse().unwrap()
}

impl Stage {
    pub(super) async fn sqlite() -> Self {
        Self::on(TestStore::sqlite(), settings()).await
    }

    pub(super) async fn postgres() -> Option<Self> {
        Some(Self::on(TestStore::postgres().await?, settings()).await)
    }

    /// On a clock that stands at the real time: for who has a clock of its own.
    pub(super) async fn at_present(store: TestStore) -> Self {
        Self::from(store, settings(), SystemClock.now()).await
    }

    /// Runs statements past the program.
    pub(super) async fn tamper(&self, statements: &str) {
        self.store.tamper(statements).await;
    }

    /// `admin` administers, `chair` chairs, `officer` scores for `so-a`, `inspector` reads.
    pub(super) async fn on(store: TestStore, settings: Settings) -> Self {
        Self::from(store, settings, Timestamp::parse("2026-11-28T02:00:00.000000Z").unwrap()).await
    }

    async fn from(store: TestStore, settings: Settings, start: Timestamp) -> Self {
        let clock = Arc::new(ManualClock::new(start));
        let (app, faulty) = open(&store, &clock).await;
        let access = Access::new(app.clone(), settings, None);
        let stage = Self { app, access, clock, faulty, store };
        stage
            .does(
                "admin",
                json!({
                    "type": "found-register",
                    "administrator_agency": {"vi": "Trung tâm"},
                    "administrator": {"account": "admin", "agency": "trung-tam", "name": "Quản trị viên"},
                    "approver_agency": {"vi": "Ủy ban nhân dân tỉnh"},
                    "approver": {"account": "chair", "agency": "ubnd-tinh", "name": "Chủ tịch Hội đồng"},
                    "approver_role": "council-chair",
                    "approver_body": true,
                    "instrument": {"id": "qd-1", "number": "1/QĐ", "date": "2026-10-01", "issuer": "UBND tỉnh"},
                }),
            )
            .await;
        let so_a = json!({"type": "register-agency", "agency": "so-a", "name": {"vi": "Sở A"}, "body": false});
        stage.does("admin", so_a).await;
        for (account, role) in [("officer", "agency-officer"), ("inspector", "inspector"), ("other", "agency-officer")]
        {
            let new = json!({"account": account, "agency": "so-a", "name": "Cán bộ"});
            stage.does("admin", json!({"type": "open-account", "account": new})).await;
            stage.does("admin", json!({"type": "grant-role", "account": account, "role": role})).await;
        }
        stage
    }

    /// Another node on the same store.
    pub(super) async fn another_node(&self) -> (App, Access) {
        let (app, _) = open(&self.store, &self.clock).await;
        (app.clone(), Access::new(app, settings(), None))
    }

    /// Another way of signing in to the same register.
    pub(super) fn with(&self, settings: Settings) -> Access {
        Access::new(self.app.clone(), settings, None)
    }

    pub(super) fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Has a command executed.
    pub(super) async fn does(&self, account: &str, command: Value) {
        let envelope: Envelope = serde_json::from_value(json!({
            "account": account,
            "command_id": Uuid::from_bytes(self.app.random()[..16].try_into().unwrap()),
            "command": command,
        }))
        .unwrap();
        self.app.execute(&envelope, Origin::default()).await.unwrap();
    }

    pub(super) async fn set_password(&self, account: &str) {
        self.access.set_password_on_console(&id(account), PASSWORD).await.unwrap();
    }

    pub(super) async fn try_sign_in(&self, account: &str, password: &str) -> Result<NewSession, Denied> {
        self.access.sign_in(&id(account), password, None, None).await
    }

    /// Who has signed in with a password alone.
    pub(super) async fn signed_in(&self, account: &str) -> Caller {
        self.set_password(account).await;
        let session = self.try_sign_in(account, PASSWORD).await.unwrap();
        self.by_cookie(&session.token).await.unwrap()
    }

    /// Who has signed in with a password and a second factor, and the seed of it.
    pub(super) async fn signed_in_twice(&self, account: &str) -> (Caller, String, Vec<u8>) {
        let caller = self.signed_in(account).await;
        let enrolment = self.access.enrol_totp(&caller).await.unwrap();
        let seed = totp_rs::Secret::try_from_base32(&enrolment.secret).unwrap().as_bytes().to_vec();
        self.access.confirm_totp(&caller, &self.code(&seed)).await.unwrap();
        // Each code works once.
        self.pass(30);
        let session = self.access.sign_in(&id(account), PASSWORD, Some(&self.code(&seed)), None).await.unwrap();
        self.pass(30);
        (self.by_cookie(&session.token).await.unwrap(), session.token, seed)
    }

    /// What is stored of an account's seed, in hexadecimal.
    pub(super) async fn stored_seed(&self, account: &str) -> String {
        let seeds = crate::access::store::seeds(self.app.log().pool()).await.unwrap();
        hex::encode(&seeds.iter().find(|(of, _)| of == account).unwrap().1)
    }

    /// The code that the device shows now.
    pub(super) fn code(&self, seed: &[u8]) -> String {
        let seconds = u64::try_from(self.clock.now().micros() / 1_000_000).unwrap();
        totp(seed).unwrap().generate(seconds).to_string()
    }

    pub(super) async fn by_cookie(&self, token: &str) -> Result<Caller, Denied> {
        self.access.caller(&cookie(token)).await
    }

    pub(super) async fn by_bearer(&self, token: &str) -> Result<Caller, Denied> {
        self.access.caller(&bearer(token)).await
    }

    /// The entries in an account's stream, kind and payload, with their actors.
    pub(super) async fn entries(&self, account: &str) -> Vec<(String, Value, String)> {
        let mut out = Vec::new();
        for stored in self.app.log().read(Position(0), 1_000).await.unwrap() {
            let entry: Value = serde_json::from_str(&stored.bytes).unwrap();
            if entry["stream"] == format!("sign-in/{account}") {
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                out.push((text(&entry["kind"]), entry["data"].clone(), text(&entry["actor"]["account"])));
            }
        }
        out
    }
}

async fn open(store: &TestStore, clock: &Arc<ManualClock>) -> (App, Faulty) {
    let log = sogoc_log::Options {
        clock: Arc::<ManualClock>::clone(clock),
        time_source: TimeSource::Clock,
        ..sogoc_log::Options::default()
    };
    let faulty = log.faulty.clone();
    (App::open(store.url(), Options { log, ..Options::default() }).await.unwrap(), faulty)
}

pub(super) fn headers(fields: &[(HeaderName, &str)]) -> HeaderMap {
    fields.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
}

pub(super) fn cookie(token: &str) -> HeaderMap {
    headers(&[(COOKIE, &format!("lang=vi; {SESSION_COOKIE}={token}; other=1"))])
}

pub(super) fn bearer(token: &str) -> HeaderMap {
    headers(&[(AUTHORIZATION, &format!("Bearer {token}"))])
}

/// The code of a refusal.
#[track_caller]
pub(super) fn code_of<T>(answer: Result<T, Denied>) -> Code {
    match answer {
        Err(Denied::Refusal(refusal)) => refusal.code,
        Err(Denied::Log(error)) => panic!("the store: {error}"),
        Ok(_) => panic!("not refused"),
    }
}
