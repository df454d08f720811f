//! Signing checkpoints while the log is served, and asking witnesses about them: two tasks beside the server, so that
//! neither a slow disk nor a silent witness holds up a reader, and nothing at all holds up an append.

use std::time::Duration;

use futures_util::future::join_all;
use sogoc_log::{Log, LogError};
use sogoc_proof::{PolicyWitness, SignerKey};
use tokio::sync::watch;

use super::listening::Stop;
use crate::output::Output;
use crate::witness::asking::{Answered, Asker};

/// At most one checkpoint in this time.
const SIGNING_PAUSE_MS: u64 = 1_000;
/// Pause after a checkpoint could not be signed.
const FAILED_PAUSE_MS: u64 = 5_000;
/// How soon a witness is asked again about a checkpoint that it did not cosign.
const ASKING_PAUSE_MS: u64 = 30_000;

/// Signs a checkpoint whenever the log has grown, until it is time to stop; tells the size signed last.
pub(crate) async fn sign_as_it_grows(
    log: Log,
    key: SignerKey,
    signed: watch::Sender<u64>,
    output: Output,
    mut stop: Stop,
) {
    let signing = async {
        let mut wake = log.wake();
        let mut said = String::new();
        let mut last = None;
        loop {
            let pause = match sign(&log, &key, last).await {
                Ok(size) => {
                    said.clear();
                    if last.replace(size) == Some(size) {
                        wake.wait().await;
                        continue;
                    }
                    signed.send_replace(size);
                    SIGNING_PAUSE_MS
                }
                Err(error) => {
                    say_once(&output, &mut said, &format!("checkpoint: {error}"));
                    FAILED_PAUSE_MS
                }
            };
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
    };
    tokio::select! {
        () = signing => {}
        () = stop.asked() => {}
    }
}

/// Signs if the log is not of the size signed last; gives the size that is signed.
async fn sign(log: &Log, key: &SignerKey, last: Option<u64>) -> Result<u64, LogError> {
    match last {
        // A head that is smaller is told by the signing itself.
        Some(last) if log.head().await?.size == last => Ok(last),
        _ => Ok(log.sign_checkpoint(key).await?.size()),
    }
}

/// Asks the witnesses about each checkpoint, the newest only where several were signed meanwhile, and again after a while
/// where one has not cosigned. Each witness has a turn of its own, so that a silent one keeps no other waiting.
pub(crate) async fn ask_after_each(
    log: Log,
    asker: Asker,
    signed: watch::Receiver<u64>,
    output: Output,
    mut stop: Stop,
) {
    let witnesses = asker.policy().witnesses();
    let turns = join_all(witnesses.iter().map(|witness| follow(&log, &asker, witness, signed.clone(), output)));
    tokio::select! {
        _ = turns => {}
        () = stop.asked() => {}
    }
}

/// Asks one witness about each checkpoint, until nothing is signed any more.
async fn follow(log: &Log, asker: &Asker, witness: &PolicyWitness, mut signed: watch::Receiver<u64>, output: Output) {
    let mut said = String::new();
    // The value that is there at first stands for no checkpoint.
    while signed.changed().await.is_ok() {
        loop {
            match ask(log, asker, witness).await {
                Ok(Some(Answered { outcome, .. })) => {
                    if outcome.is_alarm() {
                        say_once(&output, &mut said, &format!("{}: {}", witness.name, outcome.text(output.lang)));
                    } else {
                        said.clear();
                    }
                    if outcome.is_final() {
                        break;
                    }
                }
                Ok(None) => break,
                Err(error) => say_once(&output, &mut said, &format!("{}: {error}", witness.name)),
            }
            let pause = Duration::from_millis(ASKING_PAUSE_MS);
            // A newer checkpoint ends the waiting.
            if tokio::time::timeout(pause, signed.changed()).await.is_ok_and(|changed| changed.is_err()) {
                return;
            }
        }
    }
}

/// Asks about the newest checkpoint, if there is one.
async fn ask(log: &Log, asker: &Asker, witness: &PolicyWitness) -> Result<Option<Answered>, LogError> {
    match log.latest_checkpoint().await? {
        Some(signed) => asker.ask_one(log, &signed, witness).await.map(Some),
        None => Ok(None),
    }
}

/// Says what was not said just before.
fn say_once(output: &Output, said: &mut String, text: &str) {
    if said != text {
        output.say(text);
        text.clone_into(said);
    }
}
