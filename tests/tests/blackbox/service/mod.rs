//! `sogoc serve` from outside: who may what, what goes wrong and how it is told, watches, files, limits, sign-in.

mod clients;
mod faults;
mod roles;
