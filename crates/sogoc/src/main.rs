//! The `sogoc` binary: the command line of the register.

mod cli;
mod commands;
#[allow(dead_code, reason = "the service reads what commands do not")]
mod config;
mod failure;
mod key_file;
mod keys;
mod lang;
mod lines;
mod open;
mod output;
mod serve;
#[allow(dead_code, unused_imports, reason = "the service calls what commands do not")]
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
    telemetry::for_command();
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
