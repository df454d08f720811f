//! The rules of the domain, told as given / when / then over a small season, as properties over random commands, and as
//! golden files of what is recorded for ever.
//!
//! Commands are written as the JSON that `sogoc execute` takes. Every command that the fixture accepts is also judged by
//! `invariants`, so that each rule test proves more than it says.

// Helpers of tests are outside of the functions that clippy knows as tests.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod fixture;
mod invariants;

mod founding;
mod agencies;
mod criteria;
mod season;
mod deadlines;
mod self_scoring;
mod appraising;
mod explaining;
mod confirming;
mod own_case;
mod council;
mod appeals;
mod survey;
mod results;
mod imported;
mod recording;
mod golden;
mod properties;
