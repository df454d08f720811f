//! Verdicts on files that a real signer made, against what is expected and what that signer says itself.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its files has failed")]

mod demo;
mod peer;
