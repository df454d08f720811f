//! Commands: a request of the schema becomes the envelope that `sogoc execute` takes, and goes through the one door.

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
        // In a task of its own: what was taken in is carried to its end, though its caller go away or its time run out. What
        // follows an entry (an erased file removed, a publication signed), and the record of a refusal, is not left undone
        // by a connection that broke.
        let (app, correlation) = (self.app().clone(), call.correlation.clone());
        let executing = async move {
            let origin = Origin { correlation: correlation.as_deref() };
            app.execute(&envelope, origin).await
        };
        let receipt = tokio::spawn(executing.in_current_span()).await.map_err(Fault::internal)??;
        Ok(json!({ "receipt": receipt_json(&receipt, call.language) }))
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
    let around = match around {
        Some(Value::Object(around)) => around,
        Some(_) | None => Map::new(),
    };
    let field = |name: &str| around.get(name).cloned().unwrap_or(Value::Null);
    let malformed = |name: &str, why: serde_json::Error| Fault::malformed(format!("envelope.{name}: {why}"));
    Ok(Envelope {
        account,
        command_id,
        on_behalf_of: serde_json::from_value(field("on_behalf_of")).map_err(|why| malformed("on_behalf_of", why))?,
        capacity: serde_json::from_value(field("capacity")).map_err(|why| malformed("capacity", why))?,
        seen: serde_json::from_value(field("seen")).map_err(|why| malformed("seen", why))?,
        instrument: serde_json::from_value(field("instrument")).map_err(|why| malformed("instrument", why))?,
        occurred: serde_json::from_value(field("occurred")).map_err(|why| malformed("occurred", why))?,
        command,
    })
}

/// A command from its fields in the schema's form.
fn command(method: &Method, kind: &str, fields: Map<String, Value>) -> Result<Command, Fault> {
    let Value::Object(mut fields) = transcode::to_domain(&method.input, Value::Object(fields)) else {
        return Err(Fault::malformed("it has no fields"));
    };
    fields.insert("type".to_owned(), Value::String(kind.to_owned()));
    serde_json::from_value(Value::Object(fields)).map_err(Fault::malformed)
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
