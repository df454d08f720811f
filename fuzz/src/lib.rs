//! The fuzz targets. What they check stands beside the test that runs them without a fuzzer.

#[path = "../../crates/sogoc-evidence/tests/hostile/targets.rs"]
mod evidence;
#[path = "../../crates/sogoc-proof/tests/hostile/targets.rs"]
mod proof;

/// Runs one target on one input; panics where something does not hold.
pub fn run(name: &str, data: &[u8]) {
    let proof = proof::TARGETS.iter().find(|target| target.name == name).map(|target| target.run);
    let evidence = evidence::TARGETS.iter().find(|target| target.name == name).map(|target| target.run);
    (proof.or(evidence).expect("a target of this name"))(data);
}

/// Every target with valid inputs of it.
pub fn seeds() -> impl Iterator<Item = (&'static str, Vec<Vec<u8>>)> {
    let proof = proof::TARGETS.iter().map(|target| (target.name, (target.seeds)()));
    proof.chain(evidence::TARGETS.iter().map(|target| (target.name, (target.seeds)())))
}
