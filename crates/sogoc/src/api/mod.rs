//! The public API: one schema (`proto/`), served as gRPC, gRPC-Web, Connect and plain HTTP with JSON.
//!
//! **Shape.** [`schema`] is the table of methods. Every protocol reads a request into JSON in the schema's words
//! ([`transcode`]), finds out who calls, and asks [`Api::answer`]; the answer is JSON again, and a fault is told in one
//! place ([`error`]). A command becomes the envelope that `sogoc execute` takes and goes through the one door. What may be
//! read is decided in one place ([`sight`]) by the domain's table.
//!
//! **Architecture Invariant:** a method is in the schema or it is not served; nothing but [`error`] makes a status of a
//! fault; nothing here decides a rule.

mod accounts;
mod ask;
mod commands;
mod door;
mod error;
mod files;
mod fresh;
mod front;
mod kept;
mod openapi;
mod reading;
mod rest;
mod rpc;
mod schema;
mod sight;
mod transcode;
mod watch;
mod written;

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::Stream;
use http::HeaderMap;
use serde_json::Value;
use sogoc_app::App;
use sogoc_domain::authority::reading_changes_at;
use sogoc_domain::refusal::Language;
use sogoc_domain::values::AccountId;

pub(crate) use self::door::Limits;

use self::ask::Ask;
use self::door::{Admitted, Door};
use self::error::{Failed, Fault, ServiceCode};
use self::fresh::Fresh;
use self::front::Front;
use self::kept::{Kept, Question};
use self::schema::{Does, Method};
use self::written::written;
use crate::access::{Access, Caller};
use crate::telemetry::{self, InFlight, RequestTrace};

/// A call: who makes it, and how its answer is to be told.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Who signed in, by what, and what that admits.
    pub(crate) caller: Caller,
    /// The language of texts.
    pub(crate) language: Language,
    /// Ties the entries of this call to its trace.
    pub(crate) correlation: Option<String>,
    /// Where the call comes from.
    pub(crate) from: Option<IpAddr>,
}

impl Call {
    /// The account that calls; none for the public.
    pub(crate) fn account(&self) -> Option<&AccountId> {
        self.caller.account.as_ref()
    }
}

/// An answer, and what goes beside it.
#[derive(Debug)]
pub(crate) struct Answer {
    /// As JSON, see [`mod@written`].
    pub(crate) body: Bytes,
    pub(crate) headers: HeaderMap,
}

impl From<Bytes> for Answer {
    fn from(body: Bytes) -> Self {
        Self { body, headers: HeaderMap::new() }
    }
}

/// Answers that come one after the other.
pub(crate) type Answers = Pin<Box<dyn Stream<Item = Result<Value, Fault>> + Send>>;

/// The API over one register. Clones share it.
#[derive(Clone)]
pub(crate) struct Api {
    inner: Arc<Inner>,
}

struct Inner {
    app: App,
    access: Access,
    fresh: Fresh,
    kept: Kept,
    door: Door,
}

impl Api {
    pub(crate) fn new(app: App, access: Access, limits: Limits) -> Self {
        Self {
            inner: Arc::new(Inner {
                app,
                access,
                fresh: Fresh::default(),
                kept: Kept::default(),
                door: Door::new(limits),
            }),
        }
    }

    pub(crate) fn app(&self) -> &App {
        &self.inner.app
    }

    /// Everything that is served on one port: gRPC, gRPC-Web and Connect with health and reflection, plain HTTP, the
    /// OpenAPI document, and sign-in by a browser.
    pub(crate) fn front(&self) -> (Front, Arc<connectrpc_health::StaticChecker>) {
        let (beside, health) = rpc::beside();
        let rest = rest::router(self).merge(self.inner.access.router());
        (Front { rpc: rpc::service(self, beside), rest }, health)
    }

    /// Folds what other nodes record as soon as the log says so, for as long as it is polled. What this one does is folded
    /// as its callers are answered.
    pub(crate) async fn keep_fresh(&self) {
        let mut wake = self.app().log().wake_by_others();
        loop {
            if let Err(error) = self.inner.fresh.follow(self.app(), wake.told()).await {
                tracing::debug!(error = %error, "the log could not be read; questions look for themselves");
            }
            wake.wait().await;
        }
    }

    /// That the store answers and the register is where the log is.
    ///
    /// # Errors
    /// When it is not.
    pub(crate) async fn ready(&self) -> Result<(), Fault> {
        self.inner.fresh.at_least(self.app(), None).await
    }

    /// Answers a method that takes one request and gives one answer. `request` is canonical (see [`transcode`]).
    ///
    /// # Errors
    /// Why it is not answered.
    pub(crate) async fn answer(&self, method: &Method, call: &Call, request: Value) -> Result<Answer, Fault> {
        let mut ask = Ask::new(request);
        match method.does {
            Does::Command(kind) => Ok(written(&Box::pin(self.command(method, kind, call, ask)).await?)?.into()),
            Does::Reads => {
                self.inner.fresh.at_least(&self.inner.app, ask.number("least_position")).await?;
                if let Some(answer) = Box::pin(self.sign_in_reads(method, call, &ask)).await? {
                    return Ok(written(&answer)?.into());
                }
                let (size, now) = (self.app().register().size(), self.app().now());
                let Some(question) = Question::of(method, call.account(), &mut ask, size, now) else {
                    return Ok(Box::pin(self.read(method, call, ask)).await?.into());
                };
                if let Some(body) = self.inner.kept.find(&question) {
                    return Ok(body.into());
                }
                let body = Box::pin(self.read(method, call, ask)).await?;
                let until = reading_changes_at(self.app().register().world(), call.account(), question.now);
                self.inner.kept.keep(question, until, &body);
                Ok(body.into())
            }
            Does::Acts => Box::pin(self.act(method, call, ask)).await,
        }
    }

    /// Begins a method that gives many answers.
    ///
    /// # Errors
    /// Why it is not begun.
    async fn stream(
        &self,
        method: &Method,
        admitted: Admitted,
        headers: HeaderMap,
        request: Value,
    ) -> Result<Answers, Fault> {
        match method.name.as_str() {
            "WatchEntries" => Ok(self.watch(admitted.watching(self)?, headers, &Ask::new(request))),
            "DownloadFile" => self.download(admitted, Ask::new(request)).await,
            _ => Err(Fault::Service(ServiceCode::NoSuchMethod, None)),
        }
    }

    /// Traces a call, and counts it by its method, its protocol and what became of it.
    async fn counted<T>(
        &self,
        method: &Method,
        protocol: &'static str,
        headers: &HeaderMap,
        answered: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Failed> {
        let began = tokio::time::Instant::now();
        let given = headers.get("traceparent").and_then(|value| value.to_str().ok());
        let trace = RequestTrace::begin(given, &method.name, protocol);
        let span = trace.span().clone();
        let request = trace.correlation();
        let _counted = InFlight::begin();
        let answered = async {
            tokio::select! {
                answered = answered => answered,
                fault = self.inner.door.given_up() => Err(fault),
            }
        };
        let answered = trace.run(answered).await;
        let outcome = answered.as_ref().err().map_or("ok", Fault::code);
        RequestTrace::outcome(&span, outcome);
        telemetry::requested(method.name.clone(), protocol, outcome, began.elapsed());
        if let Err(Fault::Refusal(refusal)) = &answered {
            telemetry::refused(refusal.code.as_str());
        }
        answered.map_err(|fault| Failed { fault, request })
    }
}
