//! What this crate promises, against published vectors, against definitions that are slow and obvious, against damage,
//! and against kept crates that share nothing with it.

mod differential;
mod merkle;
mod notes;
mod policies;
mod proofs;
mod published;
mod subtrees;
mod support;
mod tiles;
mod witnesses;
