//! The one door: a command comes in, a receipt or a refusal goes out.
//!
//! [`App::execute`] decides with the domain on what the register holds, asks the log to record what was decided, and
//! folds it before it answers. Questions are answered by the register itself ([`App::register`]); this crate adds to
//! them only what needs the log as well: sealed texts, and being up to date.
//!
//! **Architecture Invariant:** no command reaches the log by another way, imports included. Deliberately absent: rules
//! (the domain's), figures (the register's), and any lock that is held while an append is on its way but the turn at one
//! scorecard.

mod bundle;
mod drafting;
mod evidence;
mod execute;
pub mod import;
mod importing;
mod leaves;
mod mirror;
mod open;
mod queries;
mod refused;
mod run_plan;
mod sealing;
mod signing;
mod signing_in;
mod snapshot;
mod turns;
mod what_if;

pub use bundle::{BundleError, Files, Texts, entry_proof};
pub use drafting::command_digest;
pub use evidence::{EXAMINED_BYTES_MAX, EvidenceError, EvidenceStore, Fsck, judge_file};
pub use execute::{ExecuteError, Origin, Receipt};
pub use importing::{ImportFailure, SheetImport};
pub use open::{Absent, App, Options};
pub use run_plan::{PlanError, PlanOutcome};
pub use sealing::{Entropy, SystemEntropy};
pub use signing::{KeptError, Signing};
pub use snapshot::Replay;
pub use what_if::WouldBeRefused;
