//! Checkpoints (C2SP tlog-checkpoint): the text that a log signs, which commits to all of its entries.
//!
//! ```text
//! example.com/behind-the-sofa
//! 20852163
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//! ```

use std::fmt;

use crate::hash::{Hash, HashError};
use crate::note::{NOTE_BYTES_MAX, check_text};
use crate::scan::{FOREIGN_SIZE_MAX, NumberError, number, shown};

/// Why a text is no checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Text that no note can have.
    #[error(
        "a checkpoint is text of at most {NOTE_BYTES_MAX} bytes without control characters, every line ended by a newline"
    )]
    Text,
    /// Fewer than three lines.
    #[error("a checkpoint has the lines origin, size and root, this one has {lines}")]
    Lines {
        /// Lines found.
        lines: usize,
    },
    /// An empty line, or in an origin or extension to be written, a line break.
    #[error("line {line} of the checkpoint is empty or more than one line: each must be one and not empty")]
    Line {
        /// Number of the line, from 1.
        line: usize,
    },
    /// The second line is no size.
    #[error("the checkpoint's size: {0}")]
    Size(NumberError),
    /// The third line is no hash.
    #[error("the checkpoint's root «{text}»: {problem}")]
    Root {
        /// The beginning of the line.
        text: String,
        /// What is wrong with it.
        problem: HashError,
    },
}

/// A log's name, its number of entries, and the root of the tree over them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    size: u64,
    root: Hash,
    extensions: Vec<String>,
}

impl Checkpoint {
    /// The checkpoint of a log, without extension lines.
    ///
    /// # Errors
    /// [`CheckpointError`] when the origin is not one line of text or the size is above [`FOREIGN_SIZE_MAX`].
    pub fn try_new(origin: &str, size: u64, root: Hash) -> Result<Self, CheckpointError> {
        if size > FOREIGN_SIZE_MAX {
            return Err(CheckpointError::Size(NumberError::TooLarge { text: size.to_string() }));
        }
        if origin.is_empty() || origin.contains('\n') {
            return Err(CheckpointError::Line { line: 1 });
        }
        let checkpoint = Self { origin: origin.to_owned(), size, root, extensions: Vec::new() };
        check_text(&checkpoint.to_string()).map_err(|_| CheckpointError::Text)?;
        Ok(checkpoint)
    }

    /// Reads the text of a checkpoint, as it stands in a note: every line ended by a newline.
    ///
    /// # Errors
    /// [`CheckpointError`], naming the line.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        check_text(text).map_err(|_| CheckpointError::Text)?;
        let mut lines = text.strip_suffix('\n').unwrap_or(text).split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(CheckpointError::Lines { lines: text.lines().count() });
        };
        if origin.is_empty() {
            return Err(CheckpointError::Line { line: 1 });
        }
        let size = number(size).map_err(CheckpointError::Size)?;
        let root = Hash::from_base64(root).map_err(|problem| CheckpointError::Root { text: shown(root), problem })?;
        let mut extensions = Vec::new();
        for (line, extension) in (4..).zip(lines) {
            if extension.is_empty() {
                return Err(CheckpointError::Line { line });
            }
            extensions.push(extension.to_owned());
        }
        Ok(Self { origin: origin.to_owned(), size, root, extensions })
    }

    /// The log's name: the same in all of its checkpoints, and the name of its key.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Number of entries, at most [`FOREIGN_SIZE_MAX`].
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Root of the tree over the entries.
    #[must_use]
    pub const fn root(&self) -> Hash {
        self.root
    }

    /// Further lines that the log signed, without meaning here. Our own checkpoints have none.
    #[must_use]
    pub fn extensions(&self) -> &[String] {
        &self.extensions
    }
}

/// The signed text.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, self.root.to_base64())?;
        self.extensions.iter().try_for_each(|extension| writeln!(f, "{extension}"))
    }
}
