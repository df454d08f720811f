//! Tables and texts made from figures.

mod table;

pub use table::{Lines, Style, Table, one_line, wrap};
