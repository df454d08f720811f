//! One file a command, or a family of them.

pub(crate) mod backup;
mod bundle;
mod criteria;
mod demo;
mod evidence;
mod execute;
mod health;
mod import;
mod log;
mod proof;
mod reading;
mod reconcile;
mod schema;
mod season;
pub(crate) mod serve;
mod store;
mod verify;
mod what_if;
pub(crate) mod witness;

use crate::Ended;
use crate::cli::{Cli, Command, CommandsCommand};
use crate::output::Output;

pub(crate) async fn run(cli: Cli, output: Output) -> Ended {
    let Cli { global, command } = cli;
    match command {
        Command::Demo => demo::run(&global, &output).await,
        Command::Season(command) => season::run(&global, &output, &command).await,
        Command::Ranking { season, group } => reading::ranking(&global, &output, &season, group.as_ref()).await,
        Command::Figure { address } => reading::figure(&global, &output, &address).await,
        Command::Figures { season, under } => reading::figures(&global, &output, &season, under.as_deref()).await,
        Command::Trace { address, depth } => reading::trace(&global, &output, &address, depth).await,
        Command::History { season, agency, leaf } => {
            reading::history(&global, &output, &season, &agency, leaf.as_deref()).await
        }
        Command::Why { address, from, to } => reading::why(&global, &output, &address, from, to).await,
        Command::WhatIf { file } => what_if::run(&global, &output, &file).await,
        Command::Reconcile { season, file, strict } => reconcile::run(&global, &output, &season, &file, strict).await,
        Command::Execute { file } => execute::execute(&global, &output, file.as_deref()).await,
        Command::Criteria { set } => criteria::run(&global, &output, &set).await,
        Command::Verify { file, policy, log_key, trace, evidence_to } => {
            bundle::verify(&output, &file, policy.as_deref(), log_key.as_deref(), trace, evidence_to.as_deref())
        }
        Command::Proof(command) => proof::run(&global, &output, &command).await,
        Command::Witness(args) => witness::run(&output, args).await,
        Command::Evidence(command) => evidence::run(&global, &output, &command).await,
        Command::Backup(args) => backup::run(&global, &output, &args).await,
        Command::Restore(args) => backup::restore(&global, &output, &args).await,
        Command::Health { url } => health::run(&output, &url).await,
        Command::Log(command) => log::run(&global, &output, &command).await,
        Command::Store(command) => store::run(&global, &output, &command).await,
        Command::Mirror(command) => store::mirror(&global, &output, &command).await,
        Command::Import(command) => import::run(&global, &output, &command).await,
        Command::Scorecard(command) => import::scorecard(&global, &output, &command).await,
        Command::Commands(CommandsCommand::Schema) => schema::run(&output),
    }
}
