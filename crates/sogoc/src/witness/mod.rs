//! The witness protocol (C2SP tlog-witness), from both sides: being a witness for other logs, and asking witnesses
//! about one's own.

pub(crate) mod asking;
pub(crate) mod logs;
pub(crate) mod server;
pub(crate) mod state;
