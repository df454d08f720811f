//! Commands: a request of the schema becomes the envelope that `sogoc execute` takes, and goes through the one door.

use std::pin::Pin;
use std::task::{Context, Poll};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use sogoc_app::{Origin, Receipt};
use sogoc_domain::command::{Command, Envelope};
use sogoc_domain::refusal::{Code, Language, Refusal};
use sogoc_log::Uuid;
use tracing::Instrument as _;

use super::ask::{Ask, invalid};
use super::error::Fault;
use super::schema::Method;
use super::{Api, Call, transcode};

impl Api {
    /// Gives a command in the caller's name.
    pub(super) async fn command(&self, method: &Method, kind: &str, call: &Call, mut ask: Ask) -> Result<Value, Fault> {
        let command_id = command_id(&ask)?;
        let around = ask.take("envelope");
        ask.take("command_id");
        let envelope = envelope(method, kind, call, command_id, around, ask.rest())?;
        self.inner.access.may_command(&call.caller, kind, envelope.on_behalf_of.as_ref())?;
        let (app, correlation) = (self.app().clone(), call.correlation.clone());
        let executing = async move {
            let origin = Origin { correlation: correlation.as_deref() };
            app.execute(&envelope, origin).await
        };
        let receipt = Carried(Some(Box::pin(executing.in_current_span()))).await?;
        Ok(json!({ "receipt": receipt_json(&receipt, call.language) }))
    }
}

/// Work that is carried to its end, though its caller go away or its time run out: then in a task of its own. What follows
/// an entry (an erased file removed, a publication signed), and the record of a refusal, is not left undone by a
/// connection that broke.
struct Carried<F: Future<Output: Send> + Send + 'static>(Option<Pin<Box<F>>>);

impl<F: Future<Output: Send> + Send + 'static> Future for Carried<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        // Nobody asks again after the end.
        let Some(work) = &mut self.0 else { return Poll::Pending };
        let polled = work.as_mut().poll(cx);
        if polled.is_ready() {
            self.0 = None;
        }
        polled
    }
}

impl<F: Future<Output: Send> + Send + 'static> Drop for Carried<F> {
    fn drop(&mut self) {
        if let Some(work) = self.0.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(work);
        }
    }
}

/// The id of a command, which the caller chooses.
///
/// # Errors
/// `missing`, `invalid`.
pub(super) fn command_id(ask: &Ask) -> Result<Uuid, Fault> {
    let text = ask.must_text("command_id")?;
    let id: Uuid = text.parse().map_err(|_| invalid("command_id", text, "it is not a UUID"))?;
    if id.is_nil() || id.is_max() {
        return Err(invalid(
            "command_id",
            text,
            "it is the same for everybody: choose a random one, or one of version 7",
        ));
    }
    Ok(id)
}

/// The envelope of a command: `around` is the schema's `Envelope`, `fields` the command's own fields.
///
/// # Errors
/// `malformed-command`, naming the field.
pub(super) fn envelope(
    method: &Method,
    kind: &str,
    call: &Call,
    command_id: Uuid,
    around: Option<Value>,
    fields: Map<String, Value>,
) -> Result<Envelope, Fault> {
    let command = command(method, kind, fields)?;
    self::around(call, command_id, around, command)
}

/// A command in the caller's name, with what it rests on: the schema's `Envelope`.
///
/// # Errors
/// `not-signed-in`; `malformed-command`, naming the field.
pub(super) fn around(
    call: &Call,
    command_id: Uuid,
    around: Option<Value>,
    command: Command,
) -> Result<Envelope, Fault> {
    let account = call.account().cloned().ok_or_else(|| Refusal::new(Code::NotSignedIn))?;
    let mut around = match around {
        Some(Value::Object(around)) => around,
        Some(_) | None => Map::new(),
    };
    Ok(Envelope {
        account,
        command_id,
        on_behalf_of: part(&mut around, "on_behalf_of")?,
        capacity: part(&mut around, "capacity")?,
        seen: part(&mut around, "seen")?,
        instrument: part(&mut around, "instrument")?,
        occurred: part(&mut around, "occurred")?,
        command,
    })
}

/// What a command rests on, where it is given.
fn part<T: DeserializeOwned>(around: &mut Map<String, Value>, name: &str) -> Result<Option<T>, Fault> {
    let Some(value) = around.remove(name) else { return Ok(None) };
    serde_json::from_value::<Option<T>>(value).map_err(|why| Fault::malformed(format!("envelope.{name}: {why}")))
}

/// A command from its fields in the schema's form.
fn command(method: &Method, kind: &str, fields: Map<String, Value>) -> Result<Command, Fault> {
    let mut fields = Value::Object(fields);
    transcode::to_domain(&method.input, &mut fields);
    let read = Command::read(kind, fields).ok_or_else(|| Fault::internal(format!("{kind} is no kind of command")))?;
    read.map_err(Fault::malformed)
}

/// A receipt as the schema has it.
pub(super) fn receipt_json(receipt: &Receipt, language: Language) -> Value {
    let failures: Vec<Value> = receipt
        .failures
        .iter()
        .map(|failure| {
            let told = Fault::from(failure.refusal.clone()).told(language);
            json!({ "item": failure.item, "refusal": told.refusal() })
        })
        .collect();
    json!({
        "command_id": receipt.command_id, "positions": receipt.positions, "at": receipt.at,
        "repeated": receipt.repeated, "failures": failures,
    })
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn what_was_taken_in_is_carried_to_its_end_though_nobody_waits_for_it() {
        let ((go, going), (tell, told)) = (oneshot::channel::<()>(), oneshot::channel());
        let work = async move {
            going.await.unwrap();
            tell.send("done").unwrap();
        };
        let mut carried = Carried(Some(Box::pin(work)));
        assert!((&mut carried).now_or_never().is_none());
        drop(carried);
        go.send(()).unwrap();
        assert_eq!(told.await, Ok("done"));
    }
}
