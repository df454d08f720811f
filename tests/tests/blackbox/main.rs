//! The binary from outside, on SQLite always and on PostgreSQL where `SOGOC_TEST_POSTGRES` names a server: what the
//! command line promises, what bad input gets, and the real season against the printed report.

// Helpers of tests are outside of the functions that clippy knows as tests.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod support;

mod command_line;
mod demo;
mod ranking;
mod figures;
mod tracing;
mod history;
mod why;
mod reconciling;
mod executing;
mod refusing;
mod appealing;
mod what_if;
mod season_folder;
mod results_table;
mod scorecard_sheet;
mod hostile_files;
mod log;
mod tampering;
mod roles;
mod processes;
mod copying;
mod mirror;
