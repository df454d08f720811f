//! What is wrong with a configuration: where, with which key, what form its value must have, and what to do.

use std::fmt;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::lang::Lang;

/// A text in both languages, for values that are known only when running.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Text {
    pub(crate) vi: String,
    pub(crate) en: String,
}

impl Text {
    pub(crate) fn new(vi: impl Into<String>, en: impl Into<String>) -> Self {
        Self { vi: vi.into(), en: en.into() }
    }

    /// The same in both languages: a name, or a message of a library.
    pub(crate) fn same(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { vi: text.clone(), en: text }
    }

    pub(crate) fn pick(&self, lang: Lang) -> &str {
        lang.pick(&self.vi, &self.en)
    }
}

/// Where a value stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Source {
    /// Nowhere: it is what holds when nothing is said.
    Default,
    /// In the file, at this line (from 1).
    File { path: PathBuf, line: usize },
    /// In a variable of the environment.
    Variable(&'static str),
    /// On the command line.
    Flag(&'static str),
    /// In a file of its own, which a `…_file` key names.
    Secret { path: PathBuf, named: Box<Source> },
}

impl Source {
    pub(crate) fn text(&self, lang: Lang) -> String {
        match self {
            Self::Default => lang.pick("mặc định", "default").to_owned(),
            Self::File { path, line } => format!("{}:{line}", path.display()),
            Self::Variable(name) | Self::Flag(name) => (*name).to_owned(),
            Self::Secret { path, named } => format!("{} ({})", path.display(), named.text(lang)),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Lang::En))
    }
}

/// One thing that is wrong, or worth a second look. Never holds a secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Fault {
    pub(crate) source: Source,
    /// The setting, such as `limits.burst`; none where the file as a whole is meant.
    pub(crate) key: Option<String>,
    pub(crate) what: Text,
    pub(crate) remedy: Text,
}

impl Fault {
    /// `sogoc.toml:12: limits.burst: 0 is not a whole number from 1 to 100000`, without the remedy.
    pub(crate) fn message(&self, lang: Lang) -> String {
        let key = self.key.as_ref().map(|key| format!("{key}: ")).unwrap_or_default();
        match &self.source {
            Source::Default => format!("{key}{}", self.what.pick(lang)),
            source @ (Source::File { .. } | Source::Variable(_) | Source::Flag(_) | Source::Secret { .. }) => {
                format!("{}: {key}{}", source.text(lang), self.what.pick(lang))
            }
        }
    }

    pub(crate) fn json(&self, lang: Lang) -> Value {
        let (file, line) = match &self.source {
            Source::File { path, line } => (Some(path.display().to_string()), Some(*line)),
            Source::Default | Source::Variable(_) | Source::Flag(_) | Source::Secret { .. } => (None, None),
        };
        json!({
            "key": self.key, "from": self.source.text(lang), "file": file, "line": line,
            "message": self.what.pick(lang), "remedy": self.remedy.pick(lang),
        })
    }
}

/// All faults as one text, each with its remedy in a line of its own.
pub(crate) fn all(faults: &[Fault], lang: Lang) -> String {
    let one = |fault: &Fault| {
        let remedy = fault.remedy.pick(lang);
        if remedy.is_empty() { fault.message(lang) } else { format!("{}\n  → {remedy}", fault.message(lang)) }
    };
    faults.iter().map(one).collect::<Vec<_>>().join("\n")
}
