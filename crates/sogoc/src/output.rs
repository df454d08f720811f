//! The only place that prints: answers to stdout, messages and progress to stderr.
//!
//! A reader that goes away (`sogoc … | head`) ends the program quietly; nothing that was recorded is lost by it, for
//! answers are printed after what they tell of.

use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;
use sogoc_report::{Lines, Style};

use crate::failure::Failure;
use crate::lang::Lang;

/// How answers are given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    /// JSON on stdout instead of text.
    pub(crate) json: bool,
    /// Language of texts.
    pub(crate) lang: Lang,
    /// How tables are drawn.
    pub(crate) style: Style,
}

impl Output {
    pub(crate) fn new(json: bool, lang: Lang) -> Self {
        let style = if io::stdout().is_terminal() {
            let width = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
            Style { lines: Lines::Box, width }
        } else {
            Style::default()
        };
        Self { json, lang, style }
    }

    /// Prints text as it is.
    pub(crate) fn text(&self, text: &str) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Failure::stdout)
    }

    /// Prints a JSON document on a line of its own.
    pub(crate) fn document<T: Serialize + ?Sized>(&self, value: &T) -> Result<(), Failure> {
        let mut text = serde_json::to_string(value).expect("answers have text keys and no floats");
        text.push('\n');
        self.text(&text)
    }

    /// Prints the answer as JSON where that was asked for, else as text.
    pub(crate) fn answer<T: Serialize + ?Sized>(
        &self,
        value: &T,
        text: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        if self.json { self.document(value) } else { self.text(&text()) }
    }

    /// Prints a message to stderr. A stderr that is gone is no reason to stop.
    pub(crate) fn say(&self, text: &str) {
        let _ = writeln!(io::stderr().lock(), "{text}");
    }
}

/// A counter on stderr, drawn over itself at a terminal and absent elsewhere.
#[derive(Debug)]
pub(crate) struct Progress {
    label: String,
    drawn: Option<u64>,
    shown: bool,
}

impl Progress {
    pub(crate) fn new(label: impl Into<String>) -> Self {
        Self { label: label.into(), drawn: None, shown: io::stderr().is_terminal() }
    }

    /// Shows how far it is; drawn at each whole percent.
    pub(crate) fn at(&mut self, done: u64, total: u64) {
        if !self.shown || total == 0 {
            return;
        }
        let percent = done.saturating_mul(100) / total;
        if self.drawn == Some(percent) {
            return;
        }
        self.drawn = Some(percent);
        let mut err = io::stderr().lock();
        let _ = write!(err, "\r{} {done}/{total} ({percent}%)\u{1b}[K", self.label).and_then(|()| err.flush());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.drawn.is_some() {
            let _ = write!(io::stderr().lock(), "\r\u{1b}[K");
        }
    }
}
