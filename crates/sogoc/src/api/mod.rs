//! The public API: one schema (`proto/`), served as gRPC, gRPC-Web, Connect and plain HTTP with JSON.
//!
//! **Shape.** [`schema`] is the table of methods. Every protocol reads a request into JSON in the schema's words
//! ([`transcode`]), finds out who calls, and asks [`Api::answer`]; the answer is JSON again, and a fault is told in one
//! place ([`error`]). A command becomes the envelope that `sogoc execute` takes and goes through the one door. What may be
//! read is decided in one place ([`sight`]) by the domain's table.
//!
//! **Architecture Invariant:** a method is in the schema or it is not served; nothing but [`error`] makes a status of a
//! fault; nothing here decides a rule.

mod ask;
mod commands;
mod error;
mod fresh;
mod reading;
mod schema;
mod sight;
mod transcode;

use std::net::IpAddr;
use std::sync::Arc;

use serde_json::Value;
use sogoc_app::App;
use sogoc_domain::refusal::Language;
use sogoc_domain::values::AccountId;

use self::ask::Ask;
use self::error::{Fault, ServiceCode};
use self::fresh::Fresh;
use self::schema::{Does, Method};

/// Who calls, and how an answer is to be told.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Who signed in; nobody where nobody did.
    pub(crate) account: Option<AccountId>,
    /// The language of texts.
    pub(crate) language: Language,
    /// Ties the entries of this call to its trace.
    pub(crate) correlation: Option<String>,
    /// Where the call comes from.
    pub(crate) from: Option<IpAddr>,
}

/// The API over one register. Clones share it.
#[derive(Clone)]
pub(crate) struct Api {
    inner: Arc<Inner>,
}

struct Inner {
    app: App,
    fresh: Fresh,
}

impl Api {
    pub(crate) fn app(&self) -> &App {
        &self.inner.app
    }

    /// Answers a method that takes one request and gives one answer. `request` is canonical (see [`transcode`]).
    ///
    /// # Errors
    /// Why it is not answered.
    pub(crate) async fn answer(&self, method: &Method, call: &Call, request: Value) -> Result<Value, Fault> {
        let ask = Ask::new(request);
        let mut answer = match method.does {
            Does::Command(kind) => self.command(method, kind, call, ask).await?,
            Does::Reads => {
                self.inner.fresh.at_least(&self.inner.app, ask.number("least_position")).await?;
                self.read(method, call, ask).await?
            }
            Does::Acts => return Err(Fault::Service(ServiceCode::NoSuchMethod, None)),
        };
        transcode::answer(&mut answer);
        Ok(answer)
    }
}
