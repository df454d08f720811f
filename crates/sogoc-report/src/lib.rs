//! Tables and texts made from figures: pure functions from the register's answers to text.
//!
//! In Vietnamese or English; columns aligned by what a terminal shows; numbers to the right and never rounded here.

mod figures;
mod labels;
mod ranking;
mod reconciled;
mod table;
mod trace;
mod why;

pub use figures::{figure, figures, group_figures};
pub use labels::{Labels, outcome_word};
pub use ranking::ranking;
pub use reconciled::{Listed, reconciled};
pub use table::{Lines, Style, Table, one_line, wrap};
pub use trace::{Shown, history, signer, trace};
pub use why::why;
