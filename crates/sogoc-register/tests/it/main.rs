//! The register on real input: the Hà Nam season, decided and folded in memory.

mod as_of;
mod fold;
mod hanam;
mod small;
mod support;
