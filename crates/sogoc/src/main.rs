//! The sogoc binary.
fn main() {}
