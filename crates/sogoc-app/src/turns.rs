//! Taking turns at a scorecard, and which commands need not wait for one another at all.
//!
//! An append is judged by the versions of the streams it rests on, so of two decisions on one scorecard at the same
//! moment one loses and is taken again. With many reviewers on one scorecard the same one could lose every time. Within
//! a process they queue up here instead, in the order in which they came; between processes the retries remain.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use sogoc_domain::command::{Command, Envelope};
use sogoc_domain::stream::Stream;
use tokio::sync::OwnedMutexGuard;

/// Turns that are kept before those that nobody waits for are thrown away.
const KEPT_MAX: usize = 4_096;

#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<HashMap<Stream, Arc<tokio::sync::Mutex<()>>>>);

impl Turns {
    /// Waits for the turn at a stream, which lasts until the guard is dropped.
    pub(crate) async fn take(&self, stream: Stream) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if turns.len() >= KEPT_MAX {
                turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            }
            Arc::clone(turns.entry(stream).or_default())
        };
        turn.lock_owned().await
    }
}

/// The scorecard that a command is decided on, records in and looks at, and no other stream that such commands record
/// in: two of them on different scorecards say and do the same in whatever order they are decided. None for every other
/// command, and for one that acts for somebody else.
pub(crate) fn scorecard_alone(envelope: &Envelope) -> Option<Stream> {
    let alone = matches!(
        envelope.command,
        Command::RecordSelfScore(_)
            | Command::AttachEvidence(_)
            | Command::SubmitScorecard(_)
            | Command::GiveExplanation(_)
            | Command::AcceptScore(_)
            | Command::AdjustScore(_)
            | Command::UpholdScore(_)
            | Command::RequestExplanation(_)
            | Command::ConfirmLeaves(_)
    );
    if !alone || envelope.on_behalf_of.is_some() {
        return None;
    }
    Some(Stream::Scorecard(envelope.command.season()?.clone(), envelope.command.appraised_agency()?.clone()))
}
