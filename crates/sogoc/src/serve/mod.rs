//! Serving: the listener that every server here stands on, the log's tiles, and a node of the service.

pub(crate) mod listening;
pub(crate) mod node;
pub(crate) mod signing;
pub(crate) mod tiles;
pub(crate) mod tls;
mod together;
