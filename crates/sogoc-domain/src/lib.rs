//! Values, criteria sets, scoring rules, aggregates, events, the authority table and refusals.
//!
//! **Architecture Invariant:** nothing here reads a clock, draws a random number or does I/O; the same command on the
//! same recorded state leads to the same events or the same refusal. Deliberately absent: positions (the register's),
//! salts (the caller's), and how anything is stored.

pub mod values;
pub mod exact;
pub mod scoring;
pub mod criteria;
pub mod policy;
pub mod roles;
pub mod stream;
pub mod event;
pub mod command;
pub mod refusal;
pub mod authority;
pub mod agency;
pub mod instrument;
pub mod account;
pub mod season;
pub mod scorecard;
pub mod survey;
pub mod council;
pub mod results;
pub mod world;
pub mod decide;
mod cqrs;

pub use cqrs::Surroundings;
pub use decide::{Context, Decision, Record, decide};
pub use world::World;
