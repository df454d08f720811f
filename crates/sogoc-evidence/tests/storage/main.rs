//! Blobs from outside: one set of rules over every place that keeps them, crashes, limits, and the virus scanner.

#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(clippy::print_stdout, reason = "what was measured")]

mod crash;
mod limits;
mod place;
mod rules;
mod scan;

use sha2::{Digest as _, Sha256};
use sogoc_evidence::Digest;

/// Bytes that look like nothing and are the same for the same seed.
fn noise(size: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}

fn digest_of(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}
