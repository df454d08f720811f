//! Values, criteria sets, scoring rules, aggregates, events, the authority table and refusals.
//!
//! **Architecture Invariant:** nothing here reads a clock, draws a random number or does I/O; the same command on the
//! same recorded state leads to the same events or the same refusal. Deliberately absent: positions (the register's),
//! salts (the caller's), and how anything is stored.

pub mod account;
pub mod agency;
pub mod authority;
pub mod command;
pub mod council;
mod cqrs;
pub mod criteria;
pub mod decide;
pub mod event;
pub mod evidence;
pub mod exact;
pub mod instrument;
mod operation;
pub mod policy;
pub mod refusal;
pub mod results;
pub mod roles;
pub mod scorecard;
pub mod scoring;
pub mod season;
pub mod stream;
pub mod survey;
pub mod values;
pub mod world;

pub use cqrs::Surroundings;
pub use decide::{Context, Decision, Record, decide};
pub use world::World;
