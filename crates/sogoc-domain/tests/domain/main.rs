//! The rules of the domain, told as given / when / then over a small season, as properties over random commands, and as
//! golden files of what is recorded for ever.
//!
//! Commands are written as the JSON that `sogoc execute` takes. Every command that the fixture accepts is also judged by
//! `invariants`, so that each rule test proves more than it says.

// Helpers of tests are outside of the functions that clippy knows as tests.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, clippy::type_complexity, clippy::print_stdout)]

mod fixture;
mod invariants;

mod agencies;
mod appeals;
mod appraising;
mod confirming;
mod council;
mod criteria;
mod deadlines;
mod erasing;
mod evidence;
mod explaining;
mod founding;
mod golden;
mod imported;
mod own_case;
mod properties;
mod recording;
mod results;
mod season;
mod self_scoring;
mod survey;
