//! Serving over HTTP: the listener that every server here stands on, and the log's tiles.

pub(crate) mod listening;
pub(crate) mod signing;
pub(crate) mod tiles;
