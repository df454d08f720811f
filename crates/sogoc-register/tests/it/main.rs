//! The register on real input: the Hà Nam season, decided and folded in memory.

#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, clippy::print_stdout, clippy::type_complexity)]

mod as_of;
mod bundle;
mod evidence;
mod fold;
mod hanam;
mod small;
mod support;
