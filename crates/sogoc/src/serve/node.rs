//! A node of the service: one register, everything that is served from it, and the tasks beside it.
//!
//! **Shape.** The register is opened, from a snapshot where one fits; then both listeners are bound, so that what the
//! start-up line says is true; then everything runs beside each other until it is time to stop. Nothing holds up an append:
//! the relay, the mirror, witnesses and signing are tasks that follow the log.
//!
//! **Stopping.** No new requests are taken, those that have begun are answered, and the log is closed last: what was
//! acked is durable in any case, what was not is answered or cut, and the same command sent to another node tells which.
//! While the store answers, all that has begun has its time. Where it says nothing any more, waiting is in vain: who waits for
//! it is told so, and the node ends before a container engine, which waits for ten seconds, would kill it.
//!
//! **Several nodes** need nothing of each other: the store is what they share.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Duration;

use connectrpc_health::{StaticChecker, Status as Health};
use futures_util::future::BoxFuture;
use serde_json::json;
use sogoc_app::App;
use sogoc_proof::Policy;
use tokio::sync::watch;

use super::listening::{self, Manners, Stop};
use super::signing::ask_after_each;
use super::tls::Certificate;
use crate::access::{Access, OidcSettings, Provider, SecondFactor, Settings};
use crate::api::{Api, Limits};
use crate::cli::Given;
use crate::commands::serve::policy;
use crate::config::Config;
use crate::failure::{Failure, Remedy};
use crate::output::Output;
use crate::relay::{self, Status};
use crate::telemetry::{self, Check, Readiness, STORE, Telemetry};
use crate::witness::asking::{Asker, WITNESS_SECONDS};
use crate::{Ended, open};

/// How often gauges are set and readiness is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How often what is over is swept out of the tables of sign-in.
const SWEEP: Duration = Duration::from_secs(300);
/// Entries after which another snapshot is worth its while.
const SNAPSHOT_ENTRIES: u64 = 10_000;
/// Longest life of a connection. A watch that is cut goes on at its next position.
const CONNECTION_SECONDS_MAX: u64 = 3_600;
/// Longest wait for requests that have begun, when stopping.
const STOP_SECONDS_MAX: u64 = 20;
/// Longest wait for the store when closing the log after that.
const CLOSE_SECONDS_MAX: u64 = 10;
/// Longest silence of the store that a node which stops puts up with, in seconds.
const SILENT_SECONDS_MAX: u64 = 4;
/// Longest wait, after that, for those who waited for it to take their answers, in seconds; as long again for the log to be
/// closed, and for the last spans to be sent.
const GIVEN_UP_SECONDS_MAX: u64 = 1;
/// Pause before a store that could not be asked is asked again, when stopping.
const ASK_AGAIN: Duration = Duration::from_millis(100);
/// Longest wait for the store's answer to a look, in seconds: a store that takes longer is away.
const LOOK_SECONDS_MAX: u64 = 3;

/// What health checks and the operator's endpoints tell of a node.
#[derive(Debug, Default)]
struct Condition {
    ready: AtomicBool,
    /// Times that the store came back after it had been away.
    returns: watch::Sender<u64>,
    /// Whether the quorum of the policy has cosigned the newest checkpoint: 0 not known, 1 no, 2 yes.
    quorum: AtomicU8,
}

/// Readiness as the operator's endpoints ask for it.
struct Ready {
    api: Api,
    condition: Arc<Condition>,
}

impl Readiness for Ready {
    fn checks(&self) -> BoxFuture<'_, Vec<Check>> {
        Box::pin(async move {
            let store = self.api.app().log().head().await.err().map(|error| error.to_string());
            let register = self.api.ready().await.err().map(|fault| fault.code().to_owned());
            // Said, and no reason to serve nobody: without a quorum a register is unconfirmed, not wrong.
            tracing::debug!(quorum = self.condition.quorum.load(Ordering::Relaxed), "asked whether it is ready");
            vec![Check { name: STORE, fault: store }, Check { name: "register", fault: register }]
        })
    }
}

/// Runs a node until it is told to stop.
pub(crate) async fn run(config: &Config, given: &Given, output: &Output) -> Ended {
    let certificate = match &config.tls {
        Some(tls) => Some(Certificate::read(&tls.certificate, &tls.key).map_err(|why| Failure::Usage {
            message: format!("[tls] {why}"),
            remedy: Remedy { vi: "kiểm tra bằng `sogoc config check`", en: "check it with `sogoc config check`" },
        })?),
        None => None,
    };
    let policy = config.witness_policy.as_deref().map(policy).transpose()?;
    let provider = provider(config)?;
    let sign_in = sign_in(config)?;
    let telemetry = telemetry::init(config)?;
    let stop = Stop::at_signals()?;
    let mut closed = true;
    let ended = match open::to_serve(&config.global(given), output, telemetry.observer()).await {
        Ok(app) => {
            let mut silent = when_silent(app.clone(), stop.clone());
            let settings = (certificate, policy, provider, sign_in);
            let ended = serve(config, output, &app, &telemetry, settings, stop, silent.clone()).await;
            // What was acked is durable, whatever the store does now.
            let in_vain = async {
                silent.asked().await;
                tokio::time::sleep(Duration::from_secs(GIVEN_UP_SECONDS_MAX)).await;
            };
            closed = tokio::select! {
                closed = tokio::time::timeout(Duration::from_secs(CLOSE_SECONDS_MAX), app.close()) => closed.is_ok(),
                () = in_vain => false,
            };
            if !closed {
                tracing::warn!("the store did not answer while the log was closed");
            }
            ended
        }
        Err(failure) => Err(failure),
    };
    let flushing = telemetry.shutdown();
    if closed {
        flushing.await;
    } else {
        // Who cannot reach the store may not reach the collector either.
        let _ = tokio::time::timeout(Duration::from_secs(GIVEN_UP_SECONDS_MAX), flushing).await;
    }
    ended
}

/// Tells when the store has said nothing for [`SILENT_SECONDS_MAX`] after it was time to stop.
fn when_silent(app: App, mut stop: Stop) -> Stop {
    let (tell, silent) = watch::channel(false);
    tokio::spawn(async move {
        stop.asked().await;
        let answers = async || {
            while app.log().head().await.is_err() {
                tokio::time::sleep(ASK_AGAIN).await;
            }
        };
        while tokio::time::timeout(Duration::from_secs(SILENT_SECONDS_MAX), answers()).await.is_ok() {
            tokio::time::sleep(ASK_AGAIN).await;
        }
        tell.send_replace(true);
    });
    Stop::when(silent)
}

async fn serve(
    config: &Config,
    output: &Output,
    app: &App,
    telemetry: &Telemetry,
    (certificate, policy, provider, sign_in): (Option<Certificate>, Option<Policy>, Option<Provider>, Settings),
    stop: Stop,
    mut silent: Stop,
) -> Ended {
    let access = Access::new(app.clone(), sign_in, provider);
    access.look_at_seeds().await?;
    let api = Api::new(app.clone(), access.clone(), limits(config));
    let (front, health) = api.front();
    let condition = Arc::new(Condition::default());
    let listening = listening::bind(&config.serve.listen).await?;
    let operator = match &config.serve.operator_listen {
        Some(address) => Some(listening::bind(address).await?),
        None => None,
    };
    look(&api, &condition, &health).await;
    started(output, app, &listening, operator.as_ref(), certificate.is_some());

    let manners = Manners {
        connections_max: config.limits.connections,
        connection_seconds_max: CONNECTION_SECONDS_MAX,
        head_bytes_max: config.limits.header_bytes,
        stop_seconds_max: STOP_SECONDS_MAX,
    };
    let serving = listening.serve_with(front, stop.clone(), manners, certificate.clone());
    let operating = async {
        if let Some(operator) = operator {
            let ready = Ready { api: api.clone(), condition: Arc::clone(&condition) };
            let router = telemetry::operator_router(telemetry.operator(Arc::new(ready)));
            operator.serve(router, stop.clone()).await;
        }
    };
    let renewing = async {
        if let Some(certificate) = certificate {
            certificate.renew(stop.clone()).await;
        }
    };
    let beside = async {
        let tasks = async {
            let mut returns = condition.returns.subscribe();
            loop {
                let tasks = async {
                    tokio::join!(
                        api.keep_fresh(),
                        keep_sweeping(&access),
                        keep_marking(&access),
                        keep_mirrored(config, app),
                        keep_snapshots(app),
                        confirm(app, policy.clone(), output, &condition, stop.clone()),
                    )
                };
                // While the store was away a connection may have been lost without a word, and whoever waits for it waits
                // in vain: all of them begin anew.
                tokio::select! {
                    _ = tasks => break,
                    returned = returns.changed() => if returned.is_err() { break },
                }
            }
        };
        let mut stop = stop.clone();
        tokio::select! {
            ((), ()) = async { tokio::join!(tasks, keep_looking(&api, &condition, &health)) } => {}
            () = stop.asked() => {}
        }
    };
    let relaying = relay(config, app, stop.clone());
    let ending = async {
        stop.clone().asked().await;
        api.end_watches();
    };
    let in_vain = async {
        silent.asked().await;
        tracing::warn!("the store does not answer: who waits for it is told so");
        api.give_up();
        tokio::time::sleep(Duration::from_secs(GIVEN_UP_SECONDS_MAX)).await;
    };
    tokio::select! {
        _ = async { tokio::join!(serving, ending, operating, renewing, beside, relaying) } => {}
        // What has not ended by then is cut when it is dropped.
        () = in_vain => {}
    }
    health.shutdown();
    // Those that were used last. The store may be away, and nothing hangs on it.
    let _ = tokio::time::timeout(Duration::from_secs(GIVEN_UP_SECONDS_MAX), access.mark_used()).await;
    Ok(())
}

/// One line on stderr, as JSON where that was asked for: where it listens really; and what is to be done first.
fn started(
    output: &Output,
    app: &App,
    listening: &listening::Listening,
    operator: Option<&listening::Listening>,
    secured: bool,
) {
    let address = listening.address();
    let operator = operator.map(|operator| operator.address().to_string());
    let founded = app.register().world().is_founded();
    if output.json {
        let line = json!({
            "listening": address.to_string(), "operator": operator, "log": app.log().name(),
            "entries": app.register().size(), "founded": founded,
        });
        output.say(&line.to_string());
        return;
    }
    let scheme = if secured { "https" } else { "http" };
    let lang = output.lang;
    output.say(&format!(
        "{} {scheme}://{address}/ ({})",
        lang.pick("sổ đang được phục vụ tại", "register served on"),
        app.log().name()
    ));
    if let Some(operator) = operator {
        output.say(&format!("{} http://{operator}/metrics", lang.pick("số đo tại", "metrics on")));
    }
    if !secured && !address.ip().is_loopback() {
        output.say(lang.pick(
            "cảnh báo: không có TLS và không chỉ nghe trên máy này; đặt proxy có TLS phía trước, hoặc cấu hình [tls]",
            "warning: no TLS, and not on loopback only; put a proxy with TLS before it, or configure [tls]",
        ));
    }
    if !founded {
        output.say(lang.pick(
            "sổ chưa được lập: chạy `sogoc account found` để tạo quản trị viên đầu tiên",
            "the register is not founded yet: `sogoc account found` makes the first administrator",
        ));
    }
}

fn limits(config: &Config) -> Limits {
    let limits = &config.limits;
    let positive = |number: u32| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
    Limits {
        in_flight: limits.in_flight,
        requests_per_second: positive(limits.requests_per_second),
        burst: positive(limits.burst),
        body_bytes: limits.body_bytes,
        upload_bytes: limits.upload_bytes,
        deadline_seconds: limits.deadline.as_secs().max(1),
    }
}

fn sign_in(config: &Config) -> Result<Settings, Failure> {
    let sign_in = &config.sign_in;
    let whole = |duration: Duration, unit: u64| u32::try_from(duration.as_secs().div_ceil(unit)).unwrap_or(u32::MAX);
    Ok(Settings {
        session_hours: whole(sign_in.session, 3_600),
        idle_minutes: whole(sign_in.idle, 60),
        failures: sign_in.failures,
        lockout_minutes: whole(sign_in.lockout, 60),
        second_factor: if sign_in.second_factor { SecondFactor::Demanded } else { SecondFactor::Optional },
        key: open::key(sign_in.key_file.as_deref(), "sign_in.key_file")?,
        public_url: config.serve.public_url.clone(),
        ..Settings::default()
    })
}

fn provider(config: &Config) -> Result<Option<Provider>, Failure> {
    let Some(oidc) = &config.oidc else { return Ok(None) };
    let secret = oidc.client_secret()?.map(|secret| secret.expose().to_owned());
    let settings = OidcSettings {
        issuer: oidc.issuer.clone(),
        client_id: oidc.client_id.clone(),
        client_secret: secret,
        scopes: oidc.scopes.iter().filter(|scope| *scope != "openid").cloned().collect(),
        ca_file: oidc.ca_file.clone(),
    };
    let public = config.serve.public_url.clone().unwrap_or_else(|| format!("http://{}", config.serve.listen));
    let unusable = |why: String| Failure::Usage {
        message: format!("[oidc] {why}"),
        remedy: Remedy { vi: "kiểm tra bằng `sogoc config check`", en: "check it with `sogoc config check`" },
    };
    Provider::try_new(settings, &public).map(Some).map_err(unusable)
}

/// Sets gauges and readiness, once a second.
async fn keep_looking(api: &Api, condition: &Condition, health: &StaticChecker) {
    loop {
        tokio::time::sleep(LOOK).await;
        look(api, condition, health).await;
    }
}

async fn look(api: &Api, condition: &Condition, health: &StaticChecker) {
    let app = api.app();
    let looking = async {
        let head = app.log().head().await;
        let ready = head.is_ok() && api.ready().await.is_ok();
        (head.ok(), ready)
    };
    let looked = tokio::time::timeout(Duration::from_secs(LOOK_SECONDS_MAX), looking).await;
    let (head, ready) = looked.unwrap_or((None, false));
    if condition.ready.swap(ready, Ordering::Relaxed) != ready {
        if ready {
            condition.returns.send_modify(|returns| *returns += 1);
        }
        let status = if ready { Health::Serving } else { Health::NotServing };
        for service in health.services() {
            // It is one of those that are registered.
            let _ = health.set_status(service, status);
        }
        let _ = health.set_status(String::new(), status);
    }
    telemetry::store_up(head.is_some());
    if let Some(head) = head {
        telemetry::folded(head.size, app.register().size());
    }
}

async fn keep_sweeping(access: &Access) {
    loop {
        tokio::time::sleep(SWEEP).await;
        if let Err(error) = access.sweep().await {
            tracing::warn!(error = %error, "what is over in the tables of sign-in was not swept out");
        }
    }
}

/// Marks tokens as used, at most once a second.
async fn keep_marking(access: &Access) {
    loop {
        tokio::time::sleep(LOOK).await;
        if let Err(error) = access.mark_used().await {
            tracing::debug!(error = %error, "tokens were not marked as used");
        }
    }
}

/// Brings the SQL mirror along, at most once a second; the node that holds its lease does.
async fn keep_mirrored(config: &Config, app: &App) {
    if !config.mirror_follow {
        return;
    }
    let mut wake = app.log().wake();
    let mut shown = None;
    loop {
        wake.wait().await;
        let size = app.register().size();
        if shown == Some(size) {
            continue;
        }
        match app.follow_mirror().await {
            Ok(_) => shown = Some(size),
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "the SQL mirror was not brought along")
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn keep_snapshots(app: &App) {
    let mut kept = app.register().size();
    loop {
        tokio::time::sleep(Duration::from_secs(60)).await;
        let size = app.register().size();
        if size.saturating_sub(kept) < SNAPSHOT_ENTRIES {
            continue;
        }
        match app.keep_snapshot().await {
            Ok(()) => kept = size,
            Err(error) => tracing::warn!(error = %error, "no snapshot was kept"),
        }
    }
}

/// Asks the witnesses of the policy about each checkpoint, and tells how far the quorum has come. Without a quorum the
/// service goes on, and says that it is unconfirmed.
async fn confirm(app: &App, policy: Option<Policy>, output: &Output, condition: &Condition, stop: Stop) {
    let Some(policy) = policy else { return };
    let asker = match Asker::try_new(policy.clone(), WITNESS_SECONDS) {
        Ok(asker) => asker,
        Err(failure) => {
            tracing::error!(failure = ?failure, "witnesses cannot be asked");
            return;
        }
    };
    let (signed, signings) = watch::channel(0);
    let telling = async {
        let mut cosigned = 0;
        loop {
            if let Ok(Some(newest)) = app.log().latest_checkpoint().await {
                telemetry::signed(newest.size());
                signed.send_if_modified(|size| std::mem::replace(size, newest.size()) != newest.size());
                let met = policy.assess(&newest.cosigned_note()).is_ok_and(|judged| judged.quorum_met());
                if met {
                    cosigned = newest.size();
                }
                telemetry::cosigned(cosigned, met);
                let state = if met { 2 } else { 1 };
                if condition.quorum.swap(state, Ordering::Relaxed) != state {
                    tracing::info!(confirmed = met, log.size = newest.size(), "the quorum of witnesses");
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    let asking = ask_after_each(app.log().clone(), asker, signings, *output, stop);
    tokio::join!(telling, asking);
}

async fn relay(config: &Config, app: &App, stop: Stop) {
    let Some(nats) = &config.nats else { return };
    let settings = relay::Settings {
        url: nats.url.expose().to_owned(),
        tenant: nats.tenant.clone(),
        credentials_file: nats.credentials_file.clone(),
        ca_file: nats.ca_file.clone(),
        replicas: nats.replicas,
    };
    let (status, mut told) = watch::channel(Status::default());
    let telling = async {
        while told.changed().await.is_ok() {
            let status = told.borrow_and_update().clone();
            match status {
                Status::Refused { what, .. } => {
                    tracing::error!(what, "the relay publishes nothing until somebody has looked")
                }
                Status::Waiting { why } => tracing::warn!(why, "the relay waits"),
                Status::StandingBy => tracing::info!("another node has the relay"),
                Status::Starting | Status::Active { .. } => {}
            }
        }
    };
    tokio::join!(relay::run(app.log().clone(), settings, status, stop), telling);
}
