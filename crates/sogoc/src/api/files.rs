//! Evidence files in and out, as streams: nothing is held whole.

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt as _, stream};
use serde_json::{Value, json};
use sogoc_app::Origin;
use sogoc_domain::command::DownloadEvidence;
use sogoc_domain::refusal::{Code, Refusal};
use tokio_util::io::StreamReader;

use super::ask::Ask;
use super::commands::{around, command_id};
use super::door::Admitted;
use super::error::Fault;
use super::{Answers, Api, Call};

/// A file that is given out, in pieces; its place among the calls under way is free again when it is dropped.
pub(super) type Pieces = std::pin::Pin<Box<dyn Stream<Item = Result<Bytes, Fault>> + Send>>;

impl Api {
    /// Stores a file from a stream of its bytes.
    ///
    /// # Errors
    /// Who holds no role brings no files; otherwise as the evidence store says.
    pub(super) async fn upload(
        &self,
        call: &Call,
        chunks: impl Stream<Item = std::io::Result<Bytes>> + Send,
    ) -> Result<Value, Fault> {
        self.check_uploader(call)?;
        let reader = std::pin::pin!(StreamReader::new(chunks));
        let stored = self.app().put_evidence(reader, self.inner.door.limits.upload_bytes).await?;
        Ok(json!({ "digest": stored.digest.to_string(), "bytes": stored.size, "existed": stored.existed }))
    }

    /// That the caller is somebody: an account with a role.
    fn check_uploader(&self, call: &Call) -> Result<(), Fault> {
        let Some(account) = call.account() else { return Err(Refusal::new(Code::NotSignedIn).into()) };
        call.caller.may_command("attach-evidence")?;
        let register = self.app().register();
        let state = register.world().accounts.get(account);
        if state.is_some_and(|a| !a.closed && a.roles_of_any_season(self.app().now()).next().is_some()) {
            return Ok(());
        }
        Err(Refusal::new(Code::RoleMissing)
            .with("account", account)
            .with("command", "upload a file")
            .with("needed", "any role")
            .with("held", "no role")
            .into())
    }

    /// Gives a file out, after that is recorded.
    pub(super) async fn pieces(&self, admitted: Admitted, mut ask: Ask) -> Result<Pieces, Fault> {
        let call = &admitted.call;
        let number = ask.number("number").and_then(|number| u32::try_from(number).ok()).unwrap_or(0);
        let command = DownloadEvidence { season: ask.must("season")?, agency: ask.must("agency")?, number };
        let id = command_id(&ask)?;
        let envelope = around(call, id, ask.take("envelope"), command.into())?;
        self.inner.access.may_command(&call.caller, envelope.command.kind(), envelope.on_behalf_of.as_ref())?;
        let origin = Origin { correlation: call.correlation.as_deref() };
        let (_, body) = self.app().download_evidence(&envelope, origin).await?;
        let held = stream::try_unfold((body, admitted), |(mut body, admitted)| async move {
            match body.next().await {
                Ok(Some(piece)) => Ok(Some((piece, (body, admitted)))),
                Ok(None) => Ok(None),
                // What was altered in the store is found while it is read: the answer breaks off.
                Err(error) => Err(Fault::internal(error)),
            }
        });
        Ok(Box::pin(held))
    }

    /// The same as answers of the schema.
    pub(super) async fn download(&self, admitted: Admitted, ask: Ask) -> Result<Answers, Fault> {
        use base64::Engine as _;
        let pieces = self.pieces(admitted, ask).await?;
        Ok(Box::pin(pieces.map_ok(|piece| json!({ "chunk": base64::engine::general_purpose::STANDARD.encode(piece) }))))
    }
}
