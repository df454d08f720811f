//! One file a command, or a family of them.

pub(crate) mod account;
pub(crate) mod backup;
mod bundle;
mod config;
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
pub(crate) mod relay;
pub(crate) mod roll_up;
mod schema;
mod season;
pub(crate) mod serve;
mod store;
mod verify;
mod what_if;
pub(crate) mod witness;

use crate::Ended;
use crate::cli::{Cli, Command, CommandsCommand, EvidenceCommand, ProofCommand};
use crate::config::{Config, ServeFlags};
use crate::output::Output;

pub(crate) async fn run(cli: Cli, output: Output) -> Ended {
    let Cli { given, command } = cli;
    if let Command::Serve(flags) = &command {
        return crate::serve::node::run(&Config::load(&given, flags)?, &given, &output).await;
    }
    let config =
        if opens_a_store(&command) { Config::load(&given, &ServeFlags::default())? } else { Config::standard() };
    let global = config.global(&given);
    match command {
        Command::Demo { live: false } => demo::run(&global, &output).await,
        Command::Demo { live: true } => demo::run_live(&global, &output).await,
        // Done before: it takes the configuration whole.
        Command::Serve(_) => Ok(()),
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
        Command::Relay(args) => relay::run(&global, &output, args).await,
        Command::RollUp(args) => roll_up::run(&output, args).await,
        Command::Witness(args) => witness::run(&output, args).await,
        Command::Evidence(command) => evidence::run(&global, &output, &command).await,
        Command::Backup(args) => backup::run(&global, &output, &args).await,
        Command::Restore(args) => backup::restore(&global, &output, &args).await,
        Command::Account(command) => account::run(&global, &output, &command).await,
        Command::Health { url } => health::run(&output, &url).await,
        Command::Log(command) => log::run(&global, &output, &command).await,
        Command::Store(command) => store::run(&global, &output, &command).await,
        Command::Mirror(command) => store::mirror(&global, &output, &command).await,
        Command::Import(command) => import::run(&global, &output, &command).await,
        Command::Scorecard(command) => import::scorecard(&global, &output, &command).await,
        Command::Commands(CommandsCommand::Schema) => schema::run(&output),
        Command::Config(command) => config::run(&given, &output, &command).await,
    }
}

/// Whether a command goes by the configuration. Those that do not must work where it is wrong or absent: a stranger's check of
/// a bundle, and the check of the configuration itself.
fn opens_a_store(command: &Command) -> bool {
    match command {
        Command::Verify { .. }
        | Command::Witness(_)
        | Command::Health { .. }
        | Command::Commands(_)
        | Command::Config(_)
        | Command::Evidence(EvidenceCommand::Verify { .. })
        | Command::Proof(
            ProofCommand::VerifyInclusion { .. }
            | ProofCommand::VerifyConsistency { .. }
            | ProofCommand::VerifyNote { .. },
        ) => false,
        Command::Serve(_)
        | Command::Account(_)
        | Command::RollUp(_)
        | Command::Backup(_)
        | Command::Restore(_)
        | Command::Relay(_)
        | Command::Demo { .. }
        | Command::Season(_)
        | Command::Ranking { .. }
        | Command::Figure { .. }
        | Command::Figures { .. }
        | Command::Trace { .. }
        | Command::History { .. }
        | Command::Why { .. }
        | Command::WhatIf { .. }
        | Command::Reconcile { .. }
        | Command::Execute { .. }
        | Command::Criteria { .. }
        | Command::Proof(_)
        | Command::Evidence(_)
        | Command::Log(_)
        | Command::Store(_)
        | Command::Mirror(_)
        | Command::Import(_)
        | Command::Scorecard(_) => true,
    }
}
