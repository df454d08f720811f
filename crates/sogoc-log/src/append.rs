//! What a caller asks to have recorded, checked before it is queued.

use std::collections::HashSet;

use serde::Serialize;
use sha2::{Digest as _, Sha256};
use unicode_normalization::is_nfc;
use uuid::Uuid;

use crate::canonical::{self, Nulls};
use crate::clock::Timestamp;
use crate::entry::{Actor, ENTRY_BYTES_MAX, Fields, InstrumentRef, Pieces};
use crate::error::LogError;
use crate::values::{NUMBER_LIMIT, Position, StreamId, Version, is_id};

/// Most entries of one append. Larger imports take several commands.
pub const DRAFTS_MAX: usize = 10_000;
/// Most bytes of one append: its entries and sealed texts.
pub const APPEND_BYTES_MAX: usize = 16 << 20;
/// Most streams that one append may write and read.
pub const EXPECTED_MAX: usize = 20_000;
/// Most sealed texts that one append may erase.
pub const ERASES_MAX: usize = 1_000;
/// Longest sealed text in bytes.
pub const SEALED_BYTES_MAX: usize = 65_535;
/// Longest free text in an entry (`capacity`, `clause`, `correlation`) in bytes.
pub const TEXT_BYTES_MAX: usize = 256;

/// One entry to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Stream that it goes to.
    pub stream: StreamId,
    /// Kind of event, `[a-z0-9-]{1,64}`.
    pub kind: String,
    /// Version of that kind, from 1.
    pub kind_version: u32,
    /// A JSON object in canonical form, in NFC, without null.
    pub data: String,
    /// Position of the entry that brought this one about.
    pub causation: Option<Position>,
}

/// A text that may name a person (invariant 11). The entry holds only the commitment.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedText {
    /// SHA-256(salt ‖ text).
    pub commitment: [u8; 32],
    /// Random bytes, so that the text cannot be guessed from the commitment.
    pub salt: [u8; 32],
    /// The text, in NFC, at most 65,535 bytes.
    pub text: String,
}

impl std::fmt::Debug for SealedText {
    // The text may name a person and must not reach a trace.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealedText({}, {} bytes)", hex::encode(self.commitment), self.text.len())
    }
}

impl SealedText {
    /// Seals a text under a salt, which must be random and used once.
    #[must_use]
    pub fn new(salt: [u8; 32], text: impl Into<String>) -> Self {
        let text = text.into();
        Self { commitment: Self::commitment(&salt, &text), salt, text }
    }

    /// SHA-256(salt ‖ text).
    #[must_use]
    pub fn commitment(salt: &[u8; 32], text: &str) -> [u8; 32] {
        Sha256::new().chain_update(salt).chain_update(text).finalize().into()
    }
}

/// What is recorded together or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Append {
    /// Id of the command; it takes effect once (invariant 5).
    pub command: Uuid,
    /// SHA-256 of the canonical command with its account.
    pub command_digest: [u8; 32],
    /// What ties several commands together.
    pub correlation: Option<String>,
    /// Who acts.
    pub actor: Actor,
    /// When the service took the command in, by its own clock.
    pub received: Timestamp,
    /// When the act happened outside, where that differs.
    pub occurred: Option<Timestamp>,
    /// What the act rests on.
    pub instrument: Option<InstrumentRef>,
    /// The entries, at least one, in order.
    pub drafts: Vec<Draft>,
    /// Every stream written and every stream that the decision read, with the version it was read at (invariant 4);
    /// version 0 for a stream that does not exist yet.
    pub expected: Vec<(StreamId, Version)>,
    /// The texts behind the commitments in the entries.
    pub sealed: Vec<SealedText>,
    /// Commitments of sealed texts that are erased in the same transaction, for ever, as of the `at` of the entries,
    /// which say by whom and on what ground (invariant 11). One that the log does not hold, or that is erased already,
    /// has the whole append refused.
    pub erases: Vec<[u8; 32]>,
    /// Prefixes of streams (`scorecard/hanam-2022/`) under which no entry may stand after the position: checked under
    /// the lock.
    pub unmoved: Vec<(String, Position)>,
}

/// That a command is recorded, durably, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// The command.
    pub command: Uuid,
    /// Positions of its entries, contiguous, in the order of its drafts.
    pub positions: Vec<Position>,
    /// When it was recorded.
    pub at: Timestamp,
    /// Whether it had been recorded before this call.
    pub repeated: bool,
}

/// An append that was checked and written out but for what only the sequencer knows.
pub(crate) struct Prepared {
    pub(crate) command: Uuid,
    pub(crate) command_digest: [u8; 32],
    pub(crate) received: Timestamp,
    pub(crate) expected: Vec<(StreamId, Version)>,
    pub(crate) unmoved: Vec<(String, Position)>,
    pub(crate) sealed: Vec<SealedText>,
    pub(crate) erases: Vec<[u8; 32]>,
    pub(crate) entries: Vec<PreparedEntry>,
    /// Bytes that it may take in the log.
    pub(crate) bytes: usize,
}

pub(crate) struct PreparedEntry {
    pub(crate) stream: StreamId,
    pub(crate) kind: String,
    pub(crate) causation: Option<Position>,
    pub(crate) pieces: Pieces,
}

impl Append {
    /// Checks everything that does not need the log, and writes the entries out. `log` is the log's name.
    pub(crate) fn prepare(self, log: &str) -> Result<Prepared, LogError> {
        self.check_head()?;
        let actor = self.actor.borrowed();
        let instrument = self.instrument.as_ref().map(InstrumentRef::borrowed);
        let mut bytes = self.check_sealed()?;
        self.check_erases()?;
        let mut entries = Vec::with_capacity(self.drafts.len());
        for (index, draft) in self.drafts.into_iter().enumerate() {
            check_draft(&draft)?;
            let pieces = Pieces::new(&Fields {
                actor: &actor,
                causation: draft.causation,
                command: self.command,
                command_digest: &self.command_digest,
                command_index: u32::try_from(index).expect("at most DRAFTS_MAX"),
                correlation: self.correlation.as_deref(),
                data: &draft.data,
                instrument: instrument.as_ref(),
                kind: &draft.kind,
                kind_version: draft.kind_version,
                log,
                occurred: self.occurred,
                received: self.received,
                stream: draft.stream.as_str(),
            });
            if pieces.bytes_max() > ENTRY_BYTES_MAX {
                return Err(LogError::refused(
                    format!("an entry {} of up to {} bytes", draft.kind, pieces.bytes_max()),
                    format!("{ENTRY_BYTES_MAX} bytes"),
                    "record what can grow as a blob named by its hash",
                ));
            }
            bytes += pieces.bytes_max();
            entries.push(PreparedEntry { stream: draft.stream, kind: draft.kind, causation: draft.causation, pieces });
        }
        if bytes > APPEND_BYTES_MAX {
            return Err(LogError::refused(
                format!("an append of {bytes} bytes"),
                format!("{APPEND_BYTES_MAX} bytes"),
                "divide it into several commands",
            ));
        }
        Ok(Prepared {
            command: self.command,
            command_digest: self.command_digest,
            received: self.received,
            expected: self.expected,
            unmoved: self.unmoved,
            sealed: self.sealed,
            erases: self.erases,
            entries,
            bytes,
        })
    }

    fn check_head(&self) -> Result<(), LogError> {
        if self.drafts.is_empty() || self.drafts.len() > DRAFTS_MAX {
            return Err(LogError::refused(
                format!("an append of {} entries", self.drafts.len()),
                format!("1 to {DRAFTS_MAX}"),
                "an accepted command records at least one entry; divide a larger one",
            ));
        }
        if self.expected.len() > EXPECTED_MAX || self.unmoved.len() > 16 {
            return Err(LogError::refused(
                format!("an append that rests on {} streams and {} prefixes", self.expected.len(), self.unmoved.len()),
                format!("{EXPECTED_MAX} streams and 16 prefixes"),
                "divide it into several commands",
            ));
        }
        if self.command.is_nil() {
            return Err(LogError::refused("the nil command id", "a UUID", "give every command an id of its own"));
        }
        let mut seen = HashSet::with_capacity(self.expected.len());
        for (stream, version) in &self.expected {
            if !seen.insert(stream) {
                return Err(LogError::refused(
                    format!("stream {stream} expected twice"),
                    "once",
                    "a decision rests on one version of a stream",
                ));
            }
            if version.0 >= NUMBER_LIMIT {
                return Err(LogError::refused(format!("version {version}"), "2^53 − 1", "read the stream again"));
            }
        }
        for draft in &self.drafts {
            if !seen.contains(&draft.stream) {
                return Err(LogError::refused(
                    format!("a write to {} without its expected version", draft.stream),
                    "every stream written is in the read set",
                    "read the stream and say its version, 0 if it does not exist",
                ));
            }
        }
        for (prefix, _) in &self.unmoved {
            let allowed = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'/');
            if prefix.is_empty() || prefix.len() > 260 || !prefix.bytes().all(allowed) {
                return Err(LogError::refused(
                    format!("stream prefix {prefix:?}"),
                    "1 to 260 of a-z, 0-9, - and /",
                    "give the beginning of stream names, such as scorecard/hanam-2022/",
                ));
            }
        }
        self.check_actor()
    }

    fn check_actor(&self) -> Result<(), LogError> {
        let actor = &self.actor;
        let ids = [
            ("actor.account", Some(&actor.account)),
            ("actor.agency", actor.agency.as_ref()),
            ("actor.role", actor.role.as_ref()),
            ("actor.on_behalf_of", actor.on_behalf_of.as_ref()),
            ("instrument.id", self.instrument.as_ref().map(|instrument| &instrument.id)),
        ];
        for (field, id) in ids {
            if let Some(id) = id.filter(|id| !is_id(id)) {
                return Err(LogError::refused(
                    format!("{field} {id:?}"),
                    "[a-z0-9-]{1,64}",
                    "give its id, not its name",
                ));
            }
        }
        let texts = [
            ("actor.capacity", actor.capacity.as_ref()),
            ("instrument.clause", self.instrument.as_ref().and_then(|instrument| instrument.clause.as_ref())),
            ("correlation", self.correlation.as_ref()),
        ];
        for (field, text) in texts {
            let Some(text) = text else { continue };
            if text.is_empty() || text.len() > TEXT_BYTES_MAX || text.chars().any(char::is_control) || !is_nfc(text) {
                return Err(LogError::refused(
                    format!("{field} of {} bytes", text.len()),
                    format!("1 to {TEXT_BYTES_MAX} bytes in NFC without control characters"),
                    "shorten it, or leave it out",
                ));
            }
        }
        let late = self.actor.delegation.into_iter().find(|position| position.0 >= NUMBER_LIMIT);
        if let Some(position) = late {
            return Err(LogError::refused(
                format!("actor.delegation {position}"),
                "2^53 − 1",
                "give the grant's position",
            ));
        }
        Ok(())
    }

    /// Checks the sealed texts and returns their bytes.
    fn check_sealed(&self) -> Result<usize, LogError> {
        let mut bytes = 0;
        for sealed in &self.sealed {
            // PostgreSQL has no NUL in a text; what one store refuses both refuse.
            if sealed.text.len() > SEALED_BYTES_MAX || sealed.text.contains('\0') || !is_nfc(&sealed.text) {
                return Err(LogError::refused(
                    format!("a text of {} bytes", sealed.text.len()),
                    format!("{SEALED_BYTES_MAX} bytes in NFC, without NUL"),
                    "shorten it, or attach it as a document",
                ));
            }
            if SealedText::commitment(&sealed.salt, &sealed.text) != sealed.commitment {
                return Err(LogError::refused(
                    format!("commitment {}", hex::encode(sealed.commitment)),
                    "SHA-256(salt ‖ text)",
                    "seal the text again",
                ));
            }
            bytes += sealed.text.len() + 64;
        }
        // The read set waits in the queue too.
        bytes += (self.expected.len() + self.erases.len()) * 64;
        Ok(bytes)
    }

    fn check_erases(&self) -> Result<(), LogError> {
        if self.erases.len() > ERASES_MAX {
            return Err(LogError::refused(
                format!("an append that erases {} texts", self.erases.len()),
                format!("{ERASES_MAX}"),
                "divide it into several commands",
            ));
        }
        let mut seen: HashSet<&[u8; 32]> = self.sealed.iter().map(|sealed| &sealed.commitment).collect();
        match self.erases.iter().find(|commitment| !seen.insert(commitment)) {
            Some(commitment) => Err(LogError::refused(
                format!("erasing text {} twice, or in the append that seals it", hex::encode(commitment)),
                "once, after it was sealed",
                "name each text once",
            )),
            None => Ok(()),
        }
    }
}

fn check_draft(draft: &Draft) -> Result<(), LogError> {
    if !is_id(&draft.kind) || draft.kind_version == 0 {
        return Err(LogError::refused(
            format!("kind {:?} version {}", draft.kind, draft.kind_version),
            "[a-z0-9-]{1,64} and a version from 1",
            "name the kind in the words of the register",
        ));
    }
    let object = draft.data.starts_with('{');
    match canonical::scan(&draft.data, 0, Nulls::Refused) {
        Ok(end) if object && end == draft.data.len() => {}
        Ok(_) => {
            return Err(LogError::refused(
                format!("data of {}", draft.kind),
                "one JSON object in canonical form",
                "write it with canonical::to_string",
            ));
        }
        Err(error) => {
            return Err(LogError::refused(
                format!("data of {} ({error})", draft.kind),
                "one JSON object in canonical form, without null",
                "write it with canonical::to_string and leave out what is absent",
            ));
        }
    }
    // Only refused here and never looked for in stored entries: tables of Unicode grow, recorded bytes do not change.
    if !is_nfc(&draft.data) {
        return Err(LogError::refused(
            format!("data of {}", draft.kind),
            "text in NFC",
            "normalise it where it comes in",
        ));
    }
    Ok(())
}
