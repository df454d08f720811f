//! The fold of the log: every figure, as of any position, with its provenance.
