//! Figures.

use serde_json::Value;

use crate::api::ask::Ask;
use crate::api::error::Fault;
use crate::api::{Api, Call};

pub(crate) async fn what_if(_: &Api, _: &Call, _: Ask) -> Result<Value, Fault> {
    Err(Fault::internal("not merged"))
}

pub(crate) async fn reconcile(_: &Api, _: &Call, _: Ask) -> Result<Value, Fault> {
    Err(Fault::internal("not merged"))
}
