//! `sogoc serve` from outside: who may what, what goes wrong and how it is told, watches, programs of others.

mod clients;
mod conforming;
mod faults;
mod operating;
mod roles;
mod watching;
