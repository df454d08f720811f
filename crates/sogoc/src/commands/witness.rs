//! `sogoc witness`: being a witness for logs, ours or others'.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::json;
use sogoc_proof::Algorithm;

use crate::Ended;
use crate::failure::{Failure, Remedy};
use crate::key_file;
use crate::output::Output;
use crate::serve::listening::{self, Stop};
use crate::witness::logs::Logs;
use crate::witness::server::Witness;
use crate::witness::state::StateFolder;

/// What a witness is started with.
#[derive(Args, Debug)]
#[command(subcommand_negates_reqs = true)]
pub(crate) struct WitnessArgs {
    #[command(subcommand)]
    command: Option<WitnessCommand>,
    /// Where to listen; port 0 takes a free one, and the start-up line says which
    #[arg(long, value_name = "ADDRESS:PORT", required = true)]
    listen: Option<String>,
    /// The witness's secret key, made by `sogoc witness key --new`
    #[arg(long, value_name = "FILE", required = true)]
    key: Option<PathBuf>,
    /// Where it remembers what it has cosigned; of one process only, and to be in the backups
    #[arg(long, value_name = "DIR", required = true)]
    state: Option<PathBuf>,
    /// Verifier key of a log to watch; repeat for more
    #[arg(long, value_name = "VKEY")]
    log: Vec<String>,
    /// Logs to watch, one `vkey [origin]` a line
    #[arg(long, value_name = "FILE")]
    logs: Option<PathBuf>,
}

#[derive(Subcommand, Debug)]
enum WitnessCommand {
    /// Make a witness's key, or print the verifier key of one
    #[command(after_help = "The file holds the secret in one line and is readable by its owner only; what is printed \
is for everybody: logs and
auditors put it into their policies.

Examples:
  sogoc witness key --new /etc/sogoc/witness.key --name thanh-tra.example/witness-1
  sogoc witness key /etc/sogoc/witness.key")]
    Key {
        /// The key's file
        file: PathBuf,
        /// Make a new key; a file that exists is not overwritten
        #[arg(long, requires = "name")]
        new: bool,
        /// The witness's name, as it stands in its signatures: a URL without scheme
        #[arg(long, requires = "new")]
        name: Option<String>,
    },
}

pub(crate) async fn run(output: &Output, args: WitnessArgs) -> Ended {
    match args {
        WitnessArgs { command: Some(WitnessCommand::Key { file, new, name }), .. } => {
            let name = name.filter(|_| new);
            key(output, &file, name.as_deref())
        }
        WitnessArgs { command: None, listen: Some(listen), key: Some(key), state: Some(state), log, logs } => {
            let logs = Logs::read(&log, logs.as_deref())?;
            serve(output, &listen, &key, &state, logs).await
        }
        WitnessArgs { command: None, .. } => Err(Failure::Usage {
            message: "witness: --listen, --key and --state are needed".to_owned(),
            remedy: Remedy { vi: "xem `sogoc witness --help`", en: "see `sogoc witness --help`" },
        }),
    }
}

fn key(output: &Output, file: &Path, new: Option<&str>) -> Ended {
    let key = match new {
        Some(name) => key_file::create(file, name, Algorithm::CosignatureV1)?,
        None => key_file::read(file, Algorithm::CosignatureV1, output)?,
    };
    let verifier = key.verifier();
    output.answer(&json!({ "name": verifier.name(), "vkey": verifier.to_string() }), || format!("{verifier}\n"))
}

async fn serve(output: &Output, listen: &str, key: &Path, state: &Path, logs: Logs) -> Ended {
    let key = key_file::read(key, Algorithm::CosignatureV1, output)?;
    let witness = Arc::new(Witness::open(key, StateFolder::open(state)?, logs)?);
    let stop = Stop::at_signals()?;
    let listening = listening::bind(listen).await?;
    started(output, &listening.address().to_string(), &witness);
    listening.serve(Arc::clone(&witness).router(), stop).await;
    Ok(())
}

/// One line on stderr, as JSON where that was asked for: where it listens really, and for whom.
fn started(output: &Output, address: &str, witness: &Witness) {
    let logs: Vec<_> = witness.logs().map(|(origin, size)| json!({ "origin": origin, "size": size })).collect();
    if output.json {
        let vkey = witness.key().to_string();
        output.say(
            &json!({ "listening": address, "witness": witness.key().name(), "vkey": vkey, "logs": logs }).to_string(),
        );
        return;
    }
    let (vi, en) = ("nhân chứng đang nghe tại", "witness listening on");
    let (logs_vi, logs_en) = (format!("{} nhật ký", logs.len()), format!("{} logs", logs.len()));
    output.say(&format!(
        "{} http://{address}/ ({}; {})",
        output.lang.pick(vi, en),
        witness.key(),
        output.lang.pick(&logs_vi, &logs_en)
    ));
}
