//! The fuzz targets. What they check stands beside the test that runs them without a fuzzer.

#[path = "../../crates/sogoc-proof/tests/hostile/targets.rs"]
mod targets;

/// Runs one target on one input; panics where something does not hold.
pub fn run(name: &str, data: &[u8]) {
    let target = targets::TARGETS.iter().find(|target| target.name == name);
    (target.expect("a target of this name").run)(data);
}

/// Every target with valid inputs of it.
pub fn seeds() -> impl Iterator<Item = (&'static str, Vec<Vec<u8>>)> {
    targets::TARGETS.iter().map(|target| (target.name, (target.seeds)()))
}
