//! Every reading method, asked by every kind of caller.
