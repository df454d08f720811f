//! `sogoc relay`: the relay in a process of its own.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use tokio::sync::watch;

use crate::cli::Global;
use crate::failure::{Failure, Remedy};
use crate::output::Output;
use crate::relay::definitions::is_tenant;
use crate::relay::{self, Relay, Settings, Status};
use crate::serve::listening::Stop;
use crate::{Ended, open};

/// Where to publish.
#[derive(Args, Debug)]
pub(crate) struct RelayArgs {
    /// The server, nats://HOST:PORT or tls://HOST:PORT; several of a cluster with commas between
    #[arg(long, env = "SOGOC_NATS_URL", value_name = "URL", hide_env_values = true)]
    nats: String,
    /// Whose entries they are, [a-z0-9-]+: names the stream SOGOC_TENANT and the subjects sogoc.TENANT.>
    #[arg(long, env = "SOGOC_NATS_TENANT", value_name = "TENANT", value_parser = tenant)]
    tenant: String,
    /// Credentials as NATS issues them
    #[arg(long, env = "SOGOC_NATS_CREDENTIALS_FILE", value_name = "FILE")]
    credentials_file: Option<PathBuf>,
    /// Certificate authorities of the server, in PEM
    #[arg(long, env = "SOGOC_NATS_CA_FILE", value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Copies that a cluster keeps of each message
    #[arg(long, env = "SOGOC_NATS_REPLICAS", value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=5))]
    replicas: u8,
    /// End when the stream has all that the log holds
    #[arg(long)]
    until_caught_up: bool,
}

fn tenant(text: &str) -> Result<String, String> {
    if is_tenant(text) { Ok(text.to_owned()) } else { Err("1 to 64 of a-z, 0-9 and -, such as ha-nam".to_owned()) }
}

pub(crate) async fn run(global: &Global, output: &Output, args: RelayArgs) -> Ended {
    let log = open::log(global).await?;
    let stop = Stop::at_signals()?;
    let settings = Settings {
        url: args.nats,
        tenant: args.tenant,
        credentials_file: args.credentials_file,
        ca_file: args.ca_file,
        replicas: usize::from(args.replicas),
    };
    let (status, told) = watch::channel(Status::Starting);
    let running = async {
        if args.until_caught_up {
            Relay::new(log.clone(), settings, status, stop).until_caught_up().run().await;
        } else {
            relay::run(log.clone(), settings, status, stop).await;
        }
    };
    // A refusal is no reason to run on where an end was asked for.
    let ended = tokio::select! {
        () = running => Ok(()),
        refused = tell(output, told.clone(), args.until_caught_up) => Err(refused),
    };
    if ended.is_ok() {
        say(output, &told.borrow());
    }
    log.close().await;
    ended
}

/// Says what the relay does whenever that changes; ends at a refusal where that is asked for.
async fn tell(output: &Output, mut told: watch::Receiver<Status>, end_refused: bool) -> Failure {
    let mut active = false;
    loop {
        let status = told.borrow_and_update().clone();
        let was_active = std::mem::replace(&mut active, matches!(status, Status::Active { .. }));
        // Progress is for the metrics.
        if !(active && was_active) && status != Status::Starting {
            say(output, &status);
        }
        if let Status::Refused { what, remedy } = status
            && end_refused
        {
            return Failure::Input { message: what, remedy };
        }
        if told.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

fn say(output: &Output, status: &Status) {
    let lang = output.lang;
    let (state, text) = match status {
        Status::Starting => return,
        Status::StandingBy => (
            json!({ "state": "standing-by" }),
            lang.pick("chờ: tiến trình khác đang chuyển tiếp", "standing by: another process relays").to_owned(),
        ),
        Status::Active { next } => (
            json!({ "state": "active", "next": next }),
            format!("{} {next}", lang.pick("đang chuyển tiếp; vị trí kế tiếp", "relaying; next position")),
        ),
        Status::Waiting { why } => {
            (json!({ "state": "waiting", "why": why }), format!("{} {why}", lang.pick("đang đợi:", "waiting:")))
        }
        Status::Refused { what, remedy } => {
            let Remedy { vi, en } = remedy;
            let text =
                format!("{} {what}\n  → {}", lang.pick("không chuyển tiếp:", "not relaying:"), lang.pick(vi, en));
            (json!({ "state": "refused", "what": what, "remedy": lang.pick(vi, en) }), text)
        }
    };
    output.say(&if output.json { state.to_string() } else { text });
}
