//! What a witness is asked and how it decides (C2SP tlog-witness), without its server and its store.
//!
//! A witness remembers of each log the largest checkpoint that it cosigned. It cosigns the next only if that is proved to
//! hold everything that the last one held. [`decide`] and the storing of what it accepted must be one step: of two
//! requests decided on the same memory, one would otherwise be forgotten.

use std::fmt;

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::cosignature::cosign;
use crate::hash::{Hash, HashError, empty_root};
use crate::key::{SignerKey, VerifierKey};
use crate::note::{NOTE_BYTES_MAX, Note, NoteError, SignatureLine};
use crate::scan::{FOREIGN_SIZE_MAX, NumberError, number, shown, split_blank_line};
use crate::tlog_proof::PROOF_HASHES_MAX;
use crate::tree::{ProofError, verify_consistency};

/// Longest body of an `add-checkpoint` request that is read, in bytes: a note and [`PROOF_HASHES_MAX`] hashes.
pub const ADD_CHECKPOINT_BYTES_MAX: usize = NOTE_BYTES_MAX + 4_096;

/// Why a body is no `add-checkpoint` request. To be answered with status 400.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddCheckpointError {
    /// Longer than [`ADD_CHECKPOINT_BYTES_MAX`].
    #[error("the request has {bytes} bytes, above the limit of {ADD_CHECKPOINT_BYTES_MAX}")]
    TooLarge {
        /// Bytes found.
        bytes: usize,
    },
    /// No blank line, or no text before it.
    #[error("the request has no blank line followed by a checkpoint")]
    NoCheckpoint,
    /// No line with the old size.
    #[error("«{line}» should be the word old and a number")]
    NoOldSize {
        /// The beginning of the line that is there instead.
        line: String,
    },
    /// An old size that is no number.
    #[error("the old size: {0}")]
    OldSize(NumberError),
    /// A line that is no hash.
    #[error("line {line} of the request: {problem}")]
    Hash {
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: HashError,
    },
    /// More than [`PROOF_HASHES_MAX`] hashes.
    #[error("the request has more than {PROOF_HASHES_MAX} hashes, which is the limit")]
    TooManyHashes,
    /// The checkpoint is no note.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The note is no checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

/// A request to cosign a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    old_size: u64,
    proof: Vec<Hash>,
    note: Note,
    checkpoint: Checkpoint,
}

impl AddCheckpoint {
    /// The request to cosign `note`, a signed checkpoint, after one of `old_size` (0 for the first), with the consistency
    /// proof from it.
    ///
    /// # Errors
    /// [`AddCheckpointError`] when the note is no checkpoint, the size is above [`FOREIGN_SIZE_MAX`] or the proof above
    /// [`PROOF_HASHES_MAX`].
    pub fn try_new(old_size: u64, proof: Vec<Hash>, note: Note) -> Result<Self, AddCheckpointError> {
        if old_size > FOREIGN_SIZE_MAX {
            return Err(AddCheckpointError::OldSize(NumberError::TooLarge { text: old_size.to_string() }));
        }
        if proof.len() > PROOF_HASHES_MAX {
            return Err(AddCheckpointError::TooManyHashes);
        }
        let checkpoint = Checkpoint::parse(note.text())?;
        Ok(Self { old_size, proof, note, checkpoint })
    }

    /// Reads the body of a request.
    ///
    /// # Errors
    /// [`AddCheckpointError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, AddCheckpointError> {
        if bytes.len() > ADD_CHECKPOINT_BYTES_MAX {
            return Err(AddCheckpointError::TooLarge { bytes: bytes.len() });
        }
        let (head, note) = split_blank_line(bytes).ok_or(AddCheckpointError::NoCheckpoint)?;
        let mut lines = (1..).zip(head.split('\n'));
        let line = lines.next().map_or("", |(_, line)| line);
        let old_size = line.strip_prefix("old ").ok_or_else(|| AddCheckpointError::NoOldSize { line: shown(line) })?;
        let old_size = number(old_size).map_err(AddCheckpointError::OldSize)?;
        let mut proof = Vec::new();
        for (line, hash) in lines {
            if proof.len() == PROOF_HASHES_MAX {
                return Err(AddCheckpointError::TooManyHashes);
            }
            proof.push(Hash::from_base64(hash).map_err(|problem| AddCheckpointError::Hash { line, problem })?);
        }
        Self::try_new(old_size, proof, Note::parse(note)?)
    }

    /// The size of the checkpoint that the asker believes the witness cosigned last; 0 for none.
    #[must_use]
    pub const fn old_size(&self) -> u64 {
        self.old_size
    }

    /// The consistency proof from that size, not verified.
    #[must_use]
    pub fn proof(&self) -> &[Hash] {
        &self.proof
    }

    /// The signed checkpoint, not verified.
    #[must_use]
    pub const fn note(&self) -> &Note {
        &self.note
    }

    /// What the note says, not verified. Its origin tells which log's keys and memory [`decide`] needs.
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }
}

/// The body of the request.
impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old_size)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{}", hash.to_base64()))?;
        write!(f, "\n{}", self.note)
    }
}

/// A checkpoint that may be cosigned, once it is stored as the latest of its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    checkpoint: Checkpoint,
    text: String,
}

impl Accepted {
    /// The checkpoint: its origin, size and root are to be stored.
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Cosigns it at `unix_time` (seconds after 1970, UTC). To be sent only after the checkpoint is durably stored.
    ///
    /// # Errors
    /// [`NoteError`] when the key is not for cosignatures or the time is above 2^63 - 1.
    pub fn cosign(&self, key: &SignerKey, unix_time: u64) -> Result<SignatureLine, NoteError> {
        cosign(&self.text, key, unix_time)
    }
}

/// Why a witness does not cosign. Each has the status that the specification demands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// 404: no key is known for the log of this name.
    #[error("the log «{origin}» is not one that this witness knows")]
    UnknownLog {
        /// Origin of the checkpoint.
        origin: String,
    },
    /// 403: no known key of the log signed the checkpoint, or a signature of one is invalid.
    #[error("the checkpoint is not signed by its log: {0}")]
    NotSigned(NoteError),
    /// 400: the old size is above the checkpoint's.
    #[error("the old size {old_size} is above the checkpoint's size {size}: a log does not shrink")]
    OldSizeAbove {
        /// Old size of the request.
        old_size: u64,
        /// Size of the checkpoint.
        size: u64,
    },
    /// 409: the checkpoint that was cosigned last is not of the old size.
    #[error(
        "the checkpoint that was cosigned last has size {known_size}, not {old_size}: prove consistency from there"
    )]
    Conflict {
        /// Size of the checkpoint that was cosigned last, 0 for none: the body of the answer.
        known_size: u64,
        /// Old size of the request.
        old_size: u64,
    },
    /// 409: another checkpoint of this size was cosigned already. The log has shown two histories.
    #[error(
        "a checkpoint of size {known_size} with root {known_root} was cosigned already, this one has {root}: the log has two histories"
    )]
    OtherRoot {
        /// Size of both checkpoints: the body of the answer.
        known_size: u64,
        /// Root that was cosigned.
        known_root: Hash,
        /// Root of the request.
        root: Hash,
    },
    /// 422: the consistency proof does not verify.
    #[error("the checkpoint is not proved to continue the one cosigned last: {0}")]
    NotConsistent(ProofError),
}

impl Refused {
    /// The HTTP status of the answer.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::OldSizeAbove { .. } => 400,
            Self::NotSigned(_) => 403,
            Self::UnknownLog { .. } => 404,
            Self::Conflict { .. } | Self::OtherRoot { .. } => 409,
            Self::NotConsistent(_) => 422,
        }
    }

    /// With status 409, the size that was cosigned last: the body is this in decimal and a newline, its type
    /// `text/x.tlog.size`.
    #[must_use]
    pub const fn known_size(&self) -> Option<u64> {
        match self {
            Self::Conflict { known_size, .. } | Self::OtherRoot { known_size, .. } => Some(*known_size),
            Self::UnknownLog { .. } | Self::NotSigned(_) | Self::OldSizeAbove { .. } | Self::NotConsistent(_) => None,
        }
    }

    /// Whether the request, which its log signed, is evidence that the log has two histories and should be kept.
    #[must_use]
    pub const fn is_evidence(&self) -> bool {
        matches!(self, Self::OtherRoot { .. })
    }
}

/// Decides whether to cosign. `known` is size and root of the checkpoint of this log that was cosigned last, `None` if
/// none was; `log_keys` are the keys that are trusted for the origin of the request's checkpoint, none if the log is not
/// known. The checks are in the order of the specification.
///
/// # Errors
/// [`Refused`], with the status of the answer.
pub fn decide(
    known: Option<(u64, Hash)>,
    request: &AddCheckpoint,
    log_keys: &[VerifierKey],
) -> Result<Accepted, Refused> {
    let AddCheckpoint { old_size, proof, note, checkpoint } = request;
    let (old_size, size, root) = (*old_size, checkpoint.size(), checkpoint.root());
    if log_keys.is_empty() {
        return Err(Refused::UnknownLog { origin: shown(checkpoint.origin()) });
    }
    note.verify(log_keys).map_err(Refused::NotSigned)?;
    if old_size > size {
        return Err(Refused::OldSizeAbove { old_size, size });
    }
    // A log that was never seen is as one of which the empty tree was.
    let (known_size, known_root) = known.unwrap_or_else(|| (0, empty_root()));
    if old_size != known_size {
        return Err(Refused::Conflict { known_size, old_size });
    }
    if size == known_size && root != known_root {
        return Err(Refused::OtherRoot { known_size, known_root, root });
    }
    // From size zero the proof is empty: every tree continues the empty one.
    verify_consistency(known_size, &known_root, size, &root, proof).map_err(Refused::NotConsistent)?;
    Ok(Accepted { checkpoint: checkpoint.clone(), text: note.text().to_owned() })
}
