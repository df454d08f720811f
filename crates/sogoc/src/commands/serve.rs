//! `sogoc log serve` and `sogoc log cosign`: the log's proofs for others, and others' word for the log.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use sogoc_log::{Log, WithEntries};
use sogoc_proof::{Algorithm, POLICY_BYTES_MAX, Policy, SignerKey};
use tokio::sync::watch;

use crate::cli::Global;
use crate::failure::{Failure, Remedy};
use crate::output::Output;
use crate::serve::listening::{self, Stop};
use crate::serve::signing::{ask_after_each, sign_as_it_grows};
use crate::serve::tiles;
use crate::witness::asking::{Answered, Asker, WITNESS_SECONDS};
use crate::{Ended, key_file, open};

/// What a log is served with.
#[derive(Args, Debug)]
pub(crate) struct ServeArgs {
    /// Where to listen; port 0 takes a free one, and the start-up line says which
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: String,
    /// Serve the entries too: only where whoever can connect has the right to read them
    #[arg(long)]
    with_entries: bool,
    /// The log's secret key: sign a checkpoint when the log has grown, at most once a second
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Ask the witnesses of this policy to cosign each checkpoint
    #[arg(long, value_name = "FILE", requires = "key")]
    policy: Option<PathBuf>,
}

/// Whom to ask for cosignatures.
#[derive(Args, Debug)]
pub(crate) struct CosignArgs {
    /// The policy: logs, witnesses with their addresses, and the quorum
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// How long each witness has for its answer, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = WITNESS_SECONDS, value_parser = clap::value_parser!(u64).range(1..=60))]
    timeout: u64,
}

/// Serves the log's tiles, and signs and asks beside it.
pub(crate) async fn serve(global: &Global, output: &Output, args: &ServeArgs) -> Ended {
    let key = args.key.as_deref().map(|path| key_file::read(path, Algorithm::Ed25519, output)).transpose()?;
    let asker = match &args.policy {
        Some(path) => Some(Asker::try_new(policy(path)?, WITNESS_SECONDS)?),
        None => None,
    };
    let log = open::log(global).await?;
    let ended = serve_log(&log, output, args, key, asker).await;
    log.close().await;
    ended
}

async fn serve_log(
    log: &Log,
    output: &Output,
    args: &ServeArgs,
    key: Option<SignerKey>,
    asker: Option<Asker>,
) -> Ended {
    if let Some(key) = &key {
        // A key that does not fit is told at once, not in the background; and there is something to serve from the start.
        log.sign_checkpoint(key).await?;
    }
    let stop = Stop::at_signals()?;
    let listening = listening::bind(&args.listen).await?;
    started(log, output, &listening.address().to_string());
    let entries = if args.with_entries { WithEntries::Yes } else { WithEntries::No };
    let (signed, signings) = watch::channel(0);
    let serving = listening.serve(tiles::router(log.clone(), entries), stop.clone());
    let signing = async {
        if let Some(key) = key {
            sign_as_it_grows(log.clone(), key, signed, *output, stop.clone()).await;
        }
    };
    let asking = async {
        if let Some(asker) = asker {
            ask_after_each(log.clone(), asker, signings, *output, stop.clone()).await;
        }
    };
    tokio::join!(serving, signing, asking);
    Ok(())
}

/// One line on stderr, as JSON where that was asked for: where it listens really.
fn started(log: &Log, output: &Output, address: &str) {
    if output.json {
        output.say(&json!({ "listening": address, "log": log.name() }).to_string());
        return;
    }
    output.say(&format!(
        "{} http://{address}/ ({})",
        output.lang.pick("nhật ký đang được phục vụ tại", "log served on"),
        log.name()
    ));
}

/// Asks all witnesses once about the newest checkpoint.
pub(crate) async fn cosign(global: &Global, output: &Output, args: &CosignArgs) -> Ended {
    let asker = Asker::try_new(policy(&args.policy)?, args.timeout)?;
    let log = open::log(global).await?;
    let ended = cosign_latest(&log, output, &asker).await;
    log.close().await;
    ended
}

async fn cosign_latest(log: &Log, output: &Output, asker: &Asker) -> Ended {
    let Some(signed) = log.latest_checkpoint().await? else {
        return Err(Failure::Input {
            message: "the log has no checkpoint yet".to_owned(),
            remedy: Remedy {
                vi: "ký trước bằng `sogoc log checkpoint`",
                en: "sign one first with `sogoc log checkpoint`",
            },
        });
    };
    // Before anybody is asked: a policy for other logs is a mistake of the asker's.
    asker.policy().assess(&signed.note).map_err(|error| Failure::input(error.to_string()))?;
    let answers = asker.ask_all(log, &signed).await?;
    let now = log.checkpoint_at_least(signed.size()).await?.unwrap_or(signed);
    let judged = asker.policy().assess(&now.cosigned_note()).map_err(|error| Failure::input(error.to_string()))?;
    let met = judged.quorum_met();
    let document = json!({
        "log": log.name(), "size": now.size(), "root": now.root().to_base64(), "witnesses": answers, "quorum_met": met,
        "missing": judged.missing(),
    });
    output.answer(&document, || text(output, now.size(), &answers, met, judged.missing()))?;
    if met { Ok(()) } else { Err(Failure::Short) }
}

fn text(output: &Output, size: u64, answers: &[Answered], met: bool, missing: &[String]) -> String {
    let lang = output.lang;
    let mut text = String::new();
    for Answered { witness, outcome } in answers {
        text.push_str(&format!("  {witness}: {}\n", outcome.text(lang)));
    }
    let checkpoint = lang.pick("điểm kiểm tra", "checkpoint of");
    let verdict = if met {
        lang.pick("đủ số nhân chứng", "the quorum is met").to_owned()
    } else {
        format!(
            "{} {}",
            lang.pick("chưa đủ nhân chứng; còn thiếu:", "the quorum is not met; missing:"),
            missing.join(", ")
        )
    };
    format!("{checkpoint} {size} {}: {verdict}\n{text}", lang.pick("mục", "entries"))
}

/// Reads a policy: whose word is asked for.
pub(crate) fn policy(path: &Path) -> Result<Policy, Failure> {
    let size = std::fs::metadata(path).map_err(|error| Failure::file(path, &error))?.len();
    if size > POLICY_BYTES_MAX as u64 {
        return Err(Failure::input(format!("{}: {size} bytes, above the limit of {POLICY_BYTES_MAX}", path.display())));
    }
    let bytes = std::fs::read(path).map_err(|error| Failure::file(path, &error))?;
    Policy::parse(&bytes).map_err(|error| Failure::input(format!("{}: {error}", path.display())))
}
