//! Black-box tests of the binary on both stores; see `tests/`.
