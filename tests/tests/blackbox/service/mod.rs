//! `sogoc serve` from outside: who may what, what goes wrong and how it is told, watches, files, limits, sign-in, clients.

mod clients;
mod conforming;
mod faults;
mod files;
mod limits;
mod operating;
mod roles;
mod signing_in;
mod watching;
