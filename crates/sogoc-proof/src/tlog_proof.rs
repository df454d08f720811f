//! Proofs that an entry is in a log, as one file (C2SP tlog-proof): position, inclusion proof and cosigned checkpoint.
//!
//! ```text
//! c2sp.org/tlog-proof@v1
//! index 73894
//! gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=
//!
//! (a checkpoint with its signatures)
//! ```

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::hash::{Hash, HashError, leaf_hash};
use crate::note::{Note, NoteError};
use crate::policy::{Judged, Policy, PolicyError};
use crate::scan::{NumberError, number, shown, split_blank_line};
use crate::tree::{ProofError, verify_inclusion};

/// Longest proof that is read, in bytes.
pub const TLOG_PROOF_BYTES_MAX: usize = 2_000_000;

/// Most hashes of one inclusion or consistency proof, as tlog-witness has it: enough for inclusion in a tree of 2^63 - 1
/// leaves, and for consistency up to 2^62. A log of ours needs at most 54.
pub const PROOF_HASHES_MAX: usize = 63;

const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// Why bytes are no proof, or prove nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlogProofError {
    /// Longer than [`TLOG_PROOF_BYTES_MAX`].
    #[error("the proof has {bytes} bytes, above the limit of {TLOG_PROOF_BYTES_MAX}")]
    TooLarge {
        /// Bytes found.
        bytes: usize,
    },
    /// No blank line between proof and checkpoint, or no text before it.
    #[error("the proof has no blank line followed by a checkpoint: it was cut or is another kind of file")]
    NoCheckpoint,
    /// Another first line.
    #[error("a proof begins with the line {HEADER}, this one with «{line}»")]
    Header {
        /// The beginning of the line.
        line: String,
    },
    /// Extra data that is not base64.
    #[error("the extra data is not base64: copy the proof again in full")]
    Extra,
    /// No line with the index.
    #[error("«{line}» should be the word index and a number")]
    NoIndex {
        /// The beginning of the line that is there instead.
        line: String,
    },
    /// An index that is no number.
    #[error("the index: {0}")]
    Index(NumberError),
    /// A line that is no hash.
    #[error("line {line} of the proof: {problem}")]
    Hash {
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: HashError,
    },
    /// More than [`PROOF_HASHES_MAX`] hashes.
    #[error("the proof has more than {PROOF_HASHES_MAX} hashes, more than any tree needs")]
    TooManyHashes,
    /// The checkpoint is no note.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The policy does not believe the checkpoint.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The entry is not in the checkpoint's tree at this index.
    #[error(transparent)]
    Inclusion(#[from] ProofError),
}

/// The proof that an entry is in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogProof {
    /// Opaque bytes that nobody signed; to be believed for nothing.
    pub extra: Option<Vec<u8>>,
    /// The entry's position, from 0, at most [`crate::FOREIGN_SIZE_MAX`].
    pub index: u64,
    /// The inclusion proof, the leaf's sibling first; at most [`PROOF_HASHES_MAX`] hashes.
    pub proof: Vec<Hash>,
    /// The checkpoint with its signatures.
    pub checkpoint: Note,
}

impl TlogProof {
    /// Reads a proof. Nothing is verified.
    ///
    /// # Errors
    /// [`TlogProofError`] of its form.
    pub fn parse(bytes: &[u8]) -> Result<Self, TlogProofError> {
        if bytes.len() > TLOG_PROOF_BYTES_MAX {
            return Err(TlogProofError::TooLarge { bytes: bytes.len() });
        }
        let (head, checkpoint) = split_blank_line(bytes).ok_or(TlogProofError::NoCheckpoint)?;
        let mut lines = (1..).zip(head.split('\n'));
        let mut next = || lines.next().map_or("", |(_, line)| line);
        let header = next();
        if header != HEADER {
            return Err(TlogProofError::Header { line: shown(header) });
        }
        let mut line = next();
        let mut extra = None;
        if let Some(base64) = line.strip_prefix("extra ") {
            extra = Some(STANDARD.decode(base64).map_err(|_| TlogProofError::Extra)?);
            line = next();
        }
        let index = line.strip_prefix("index ").ok_or_else(|| TlogProofError::NoIndex { line: shown(line) })?;
        let index = number(index).map_err(TlogProofError::Index)?;
        let mut proof = Vec::new();
        for (line, hash) in lines {
            if proof.len() == PROOF_HASHES_MAX {
                return Err(TlogProofError::TooManyHashes);
            }
            proof.push(Hash::from_base64(hash).map_err(|problem| TlogProofError::Hash { line, problem })?);
        }
        Ok(Self { extra, index, proof, checkpoint: Note::parse(checkpoint)? })
    }

    /// Verifies that `entry` is in the log of a checkpoint that `policy` believes, at [`TlogProof::index`].
    ///
    /// # Errors
    /// [`TlogProofError::Policy`], [`TlogProofError::Inclusion`].
    pub fn verify(&self, entry: &[u8], policy: &Policy) -> Result<Judged, TlogProofError> {
        self.verify_leaf(&leaf_hash(entry), policy)
    }

    /// As [`TlogProof::verify`], of an entry's leaf hash.
    ///
    /// # Errors
    /// As [`TlogProof::verify`].
    pub fn verify_leaf(&self, leaf: &Hash, policy: &Policy) -> Result<Judged, TlogProofError> {
        let judged = policy.judge_note(&self.checkpoint)?;
        let checkpoint = &judged.checkpoint;
        verify_inclusion(leaf, self.index, checkpoint.size(), &self.proof, &checkpoint.root())?;
        Ok(judged)
    }
}

/// The file.
impl fmt::Display for TlogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", STANDARD.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{}", hash.to_base64()))?;
        write!(f, "\n{}", self.checkpoint)
    }
}
