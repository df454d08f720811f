//! The `sogoc` binary: the command line of the register.

mod access;
mod api;
mod backup;
mod cli;
mod commands;
mod config;
mod failure;
mod key_file;
mod keys;
mod lang;
mod lines;
mod open;
mod output;
mod relay;
mod roll_up;
mod serve;
mod telemetry;
mod witness;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::Cli;
use crate::failure::Failure;
use crate::lang::Lang;
use crate::output::Output;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let lang = Lang::choose(cli.given.lang, |name| std::env::var(name).ok());
    let output = Output::new(cli.given.json, lang);
    // A service tells more, and says how in its configuration.
    if !matches!(cli.command, cli::Command::Serve(_)) {
        telemetry::for_command();
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output.say(&format!("sogoc: {error}"));
            return ExitCode::from(3);
        }
    };
    let ended = runtime.block_on(commands::run(cli, output));
    // All that matters is done: a name that is still being looked up for a witness must not hold up the end.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(&output),
    }
}

/// What a command ends with.
type Ended = Result<(), Failure>;
