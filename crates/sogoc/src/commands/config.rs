//! `sogoc config check` and `sogoc config show-default`.

use crate::Ended;
use crate::cli::{ConfigCommand, Given};
use crate::config::check::{self, Connect};
use crate::config::sample::sample;
use crate::output::Output;

pub(crate) async fn run(given: &Given, output: &Output, command: &ConfigCommand) -> Ended {
    match command {
        ConfigCommand::Check { serve, connect } => {
            let connect = if *connect { Connect::Yes } else { Connect::No };
            check::run(given, output, serve, connect).await
        }
        ConfigCommand::ShowDefault => output.answer(&sample(), sample),
    }
}
