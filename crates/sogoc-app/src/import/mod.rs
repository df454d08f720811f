//! Importing: files in, commands out. Nothing here decides, records, reads a clock or draws a number.
//!
//! - [`season_folder`]: a whole past season in the documented folder format (`data/hanam-2022/README.md`);
//! - [`results_table`]: the printed table of a past season, of which only totals are known;
//! - [`scorecard_sheet`]: one scorecard, as agencies keep it in a spreadsheet;
//! - [`claims`]: printed figures to reconcile the register with;
//! - `live_sample`: the commands of a small live season that the binary carries.
//!
//! What comes out goes through the same decisions as any other command, in the order of `occurred`. A file that cannot be
//! read whole leads to no command at all: the first fault is named with its line, column, value and remedy.
//!
//! **Command ids** are UUIDv5 over season, file, row key and step, and deliberately *not* over the row's content: the
//! same file imported again takes effect once (invariant 5), and a corrected file gives the same id with another digest,
//! which is refused visibly instead of doubling the row.
//!
//! **Made-up times.** Where a source gives no time for an act, one is derived from the order of the rows within the phase
//! that admits it ([`times`]), and the command says so ([`PlannedCommand::made_up_time`]).

use std::fmt;
use std::io;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use sogoc_domain::command::Envelope;
use sogoc_domain::refusal::{Language, Said};
use sogoc_domain::values::{Digest, SeasonId, ValueError};
use uuid::Uuid;

pub mod claims;
pub mod csv;
pub mod embedded;
pub(crate) mod live_sample;
pub mod results_table;
pub mod scorecard_sheet;
pub mod season_folder;
pub mod times;

pub use claims::Claim;

/// Largest file that is read, in bytes.
pub const FILE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Longest line that is read, in bytes.
pub const LINE_BYTES_MAX: usize = 1024 * 1024;

/// Namespace of the ids of imported commands; fixed for ever, or old imports would double.
const NAMESPACE: Uuid = Uuid::from_u128(0x5f0c_9b1e_7d42_5c55_9a7e_2f6d_0c11_a3b4);

/// What an import asks for: commands in the order of `occurred`, and the printed figures that came with them.
#[derive(Clone, PartialEq, Debug)]
pub struct Plan {
    /// The season that is imported.
    pub season: SeasonId,
    /// The commands; `occurred` never runs backwards.
    pub commands: Vec<PlannedCommand>,
    /// Printed figures, to be reconciled after the import.
    pub claims: Vec<Claim>,
    /// Files that the commands name, to be stored before them.
    pub files: Vec<PlannedFile>,
}

/// A file of a source that is to be stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlannedFile {
    /// Its name in the source.
    pub name: String,
    /// Its SHA-256.
    pub digest: Digest,
}

/// A command of an import, with where it comes from.
#[derive(Clone, PartialEq, Debug)]
pub struct PlannedCommand {
    /// The command, with its account, id and `occurred`.
    pub envelope: Envelope,
    /// True where the source gives no time and `occurred` was derived from the order of the rows.
    pub made_up_time: bool,
    /// Where it comes from, as `FILE:LINE`, or `FILE#/POINTER` in a JSON file.
    pub row: String,
    /// True for what the register may hold from elsewhere (an agency, an account, a role, an instrument): a refusal
    /// `already-exists` or `nothing-to-do` of this command is passed over and the import goes on.
    pub optional: bool,
}

impl PlannedCommand {
    /// The `correlation` of the entries that the command leads to: `import:SEASON:FILE:LINE`, followed by
    /// `:time-derived` where the time was made up.
    #[must_use]
    pub fn correlation(&self, season: &SeasonId) -> String {
        let mark = if self.made_up_time { ":time-derived" } else { "" };
        format!("import:{season}:{}{mark}", self.row)
    }
}

/// The id of a command: the same for the same step of the same row, whatever the row says.
pub(crate) fn command_id(season: &SeasonId, file: &str, key: &str, step: &str) -> Uuid {
    // No part can hold the separator: ids, file names and codes have none, and texts lose control characters on reading.
    Uuid::new_v5(&NAMESPACE, format!("{season}\u{1f}{file}\u{1f}{key}\u{1f}{step}").as_bytes())
}

/// Why an import cannot be made: the first fault, where it stands and what to do about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImportError {
    /// The file.
    pub file: Box<str>,
    /// The line in it, from 1.
    pub line: Option<u64>,
    /// The column's name as the file writes it, or the field's.
    pub column: Option<Box<str>>,
    /// The value, shortened.
    pub value: Option<Box<str>>,
    /// What is wrong.
    pub reason: Said,
    /// What to do about it.
    pub remedy: Said,
}

impl ImportError {
    /// A fault of a file as a whole.
    #[must_use]
    pub fn of_file(file: &str, reason: impl Into<Said>, remedy: impl Into<Said>) -> Self {
        Self { file: file.into(), line: None, column: None, value: None, reason: reason.into(), remedy: remedy.into() }
    }

    /// A fault of a line.
    #[must_use]
    pub fn of_line(file: &str, line: u64, reason: impl Into<Said>, remedy: impl Into<Said>) -> Self {
        Self { line: Some(line), ..Self::of_file(file, reason, remedy) }
    }

    /// Names the column.
    #[must_use]
    pub fn in_column(mut self, column: &str) -> Self {
        self.column = Some(column.into());
        self
    }

    /// Names the value, shortened: a hostile input is not echoed whole.
    #[must_use]
    pub fn with_value(mut self, value: &str) -> Self {
        self.value = Some(shown(value).into());
        self
    }
}

impl ImportError {
    /// The whole of it for people: place, value, what is wrong, what to do, and that nothing was recorded.
    #[must_use]
    pub fn text(&self, language: Language) -> String {
        let pick = |vi, en| match language {
            Language::Vietnamese => vi,
            Language::English => en,
        };
        let mut out = self.file.to_string();
        if let Some(line) = self.line {
            out.push_str(&format!(", {} {line}", pick("dòng", "line")));
        }
        if let Some(column) = &self.column {
            out.push_str(&format!(", {} {column}", pick("cột", "column")));
        }
        if let Some(value) = &self.value {
            out.push_str(&format!(", {} \"{value}\"", pick("giá trị", "value")));
        }
        let nothing = pick("Chưa ghi gì từ tệp này", "Nothing of the file was recorded");
        out.push_str(&format!(": {}; {}. {nothing}", self.reason.text(language), self.remedy.text(language)));
        out
    }
}

/// In English; see [`ImportError::text`].
impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Language::English))
    }
}

impl std::error::Error for ImportError {}

/// A value as it is repeated in an error: at most 60 characters, without control characters.
pub(crate) fn shown(value: &str) -> String {
    const LIMIT: usize = 60;
    let plain = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let count = value.chars().count();
    if count <= LIMIT {
        return value.chars().map(plain).collect();
    }
    let head: String = value.chars().take(LIMIT).map(plain).collect();
    format!("{head}… ({count} characters)")
}

/// A domain value's error says what is wrong and what to write, parted by a colon: the parts of an [`ImportError`].
pub(crate) fn reason_and_remedy(error: &ValueError) -> (String, String) {
    match error.0.rsplit_once(": ") {
        Some((reason, remedy)) => (reason.to_owned(), remedy.to_owned()),
        None => (error.0.clone(), "correct it".to_owned()),
    }
}

/// Where the files of a season come from.
pub trait Source {
    /// The bytes of a file, or `None` where there is no such file.
    ///
    /// # Errors
    /// When the file is there and cannot be read, or is larger than [`FILE_BYTES_MAX`].
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>>;
}

/// A folder on disk.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// The files in this folder.
    #[must_use]
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self(path.as_ref().to_owned())
    }
}

impl Source for Folder {
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let file = match std::fs::File::open(self.0.join(name)) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e),
        };
        let mut bytes = Vec::new();
        // One byte more than the limit, so that too large a file is told from one that just fits.
        file.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
        if bytes.len() > FILE_BYTES_MAX {
            return Err(io::Error::other(format!("it is larger than {FILE_BYTES_MAX} bytes")));
        }
        Ok(Some(bytes))
    }
}
