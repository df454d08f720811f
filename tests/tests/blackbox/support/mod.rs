//! What the tests stand on: the binary, stores to run it on, and the printed report to compare with.

pub(crate) mod binary;
pub(crate) mod evidence;
pub(crate) mod exact;
pub(crate) mod hanam;
pub(crate) mod load;
pub(crate) mod nats;
pub(crate) mod pilot;
pub(crate) mod postgres;
pub(crate) mod process;
pub(crate) mod proxy;
pub(crate) mod service;
pub(crate) mod serving;
pub(crate) mod sql;
pub(crate) mod stores;

pub(crate) use binary::Sogoc;
pub(crate) use exact::{Exact, exact};
pub(crate) use stores::{Store, on_both_stores, on_sqlite};
