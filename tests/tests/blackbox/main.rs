//! The binary from outside, on SQLite always and on PostgreSQL where `SOGOC_TEST_POSTGRES` names a server: what the
//! command line promises, what bad input gets, and the real season against the printed report.

// Helpers of tests are outside of the functions that clippy knows as tests.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod support;

mod account;
mod appealing;
mod backing_up;
mod command_line;
mod configuring;
mod copying;
mod demo;
mod deploying;
mod evidence;
mod evidence_files;
mod evidence_rules;
mod evidence_store;
mod executing;
mod faults;
mod figures;
mod foreign_events;
mod history;
mod hostile_files;
mod log;
mod mirror;
mod processes;
mod proving;
mod ranking;
mod reconciling;
mod refusing;
mod relaying;
mod results_table;
mod roles;
mod rolling_up;
mod scorecard_sheet;
mod season_folder;
mod service;
mod tampering;
mod tracing;
mod what_if;
mod why;
mod witness;
