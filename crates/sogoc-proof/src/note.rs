//! Signed notes (C2SP signed-note): a text and the lines of those who signed it.
//!
//! ```text
//! This is the text, of any number of lines.
//!
//! — example.com/key base64(id of the key, 4 bytes ‖ signature)
//! ```
//!
//! A note has one spelling: what [`Note::parse`] accepts, [`Note`]'s `Display` gives back byte for byte. Nothing is
//! known of a note that was only parsed: its text is to be believed after [`Note::verify`].

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::checkpoint::CheckpointError;
use crate::cosignature::cosigned_at;
use crate::key::{Algorithm, SignerKey, VerifierKey, is_name};
use crate::scan::shown;

/// Longest note that is read, in bytes: room for all signatures even if they were post-quantum ones of 5 kB.
pub const NOTE_BYTES_MAX: usize = 1_000_000;

/// Most signatures that a note may have; the specification demands at least 16.
pub const SIGNATURES_MAX: usize = 100;

/// Why bytes are no note, or a note is not to be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Longer than [`NOTE_BYTES_MAX`].
    #[error("the note has {bytes} bytes, above the limit of {NOTE_BYTES_MAX}")]
    TooLarge {
        /// Bytes found.
        bytes: usize,
    },
    /// Not UTF-8, or with a control character other than the newline.
    #[error("byte {at} of the note is not UTF-8 text, or is a control character other than the newline")]
    NotText {
        /// Offset of the first such byte.
        at: usize,
    },
    /// A text that is empty or does not end with a newline.
    #[error("the text of a note ends with a newline, this one does not")]
    Text,
    /// No signature lines after a blank line at the end, or none to sign with.
    #[error(
        "a note ends with a blank line and one or more signature lines, this one has none: it was cut or never signed"
    )]
    NoSignatures,
    /// More than [`SIGNATURES_MAX`] signature lines.
    #[error("the note has more than {SIGNATURES_MAX} signatures, which is the limit")]
    TooManySignatures,
    /// A line after the text that is no signature line.
    #[error("«{line}» is no signature line: that is — (U+2014), a key name and base64, with single spaces between")]
    SignatureLine {
        /// The beginning of the refused line.
        line: String,
    },
    /// A signature with the name and id of a known key that is not that key's signature over the text.
    #[error("the signature of {name} (key id {id}) is not over this text: note or signature were changed")]
    InvalidSignature {
        /// Name of the known key.
        name: String,
        /// Id of the known key, in hexadecimal digits.
        id: String,
    },
    /// None of the known keys signed.
    #[error("none of the {known} known keys signed this note; it has signatures of {signers}")]
    NoKnownSignature {
        /// Keys that were tried.
        known: usize,
        /// Names on the signature lines, the first few.
        signers: String,
    },
    /// Two different known keys of the same name and id: whose signature it is cannot be told.
    #[error("two of the known keys have the name {name} and the id {id}: leave one out")]
    AmbiguousKey {
        /// Their name.
        name: String,
        /// Their id, in hexadecimal digits.
        id: String,
    },
    /// A key that signs notes was asked for a cosignature, or a key for cosignatures to sign a note.
    #[error("the key {name} is of type 0x{found:02x}, here one of type 0x{wanted:02x} must sign")]
    WrongAlgorithm {
        /// Name of the key.
        name: String,
        /// Identifier of its type.
        found: u8,
        /// Identifier of the type that is needed.
        wanted: u8,
    },
    /// A cosignature's time above 2^63 - 1 seconds.
    #[error("a cosignature's time is at most 2^63 - 1 seconds after 1970, not {time}")]
    Time {
        /// The time asked for.
        time: u64,
    },
    /// A text to be cosigned that is no checkpoint.
    #[error("only a checkpoint can be cosigned: {0}")]
    NoCheckpoint(CheckpointError),
}

/// One signature of a note, not verified: who is said to have signed, and the signature's bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SignatureLine {
    name: String,
    id: [u8; 4],
    signature: Vec<u8>,
}

impl SignatureLine {
    /// Reads one line, without the newline at its end.
    ///
    /// # Errors
    /// [`NoteError::SignatureLine`] when it has another form.
    pub fn parse(line: &str) -> Result<Self, NoteError> {
        read_line(line).ok_or_else(|| NoteError::SignatureLine { line: shown(line) })
    }

    /// Reads one or more lines, each ended by a newline: what a witness answers.
    ///
    /// # Errors
    /// [`NoteError`] when a line is no signature line, there is none, or there are too many or too long ones.
    pub fn parse_all(bytes: &[u8]) -> Result<Vec<Self>, NoteError> {
        read_lines(check_bytes(bytes)?)
    }

    pub(crate) fn new(key: &VerifierKey, signature: Vec<u8>) -> Self {
        Self { name: key.name().to_owned(), id: key.id(), signature }
    }

    /// Name of the key that is said to have signed.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Id of the key that is said to have signed.
    #[must_use]
    pub const fn id(&self) -> [u8; 4] {
        self.id
    }

    /// The signature after the id: 64 bytes of an Ed25519 key, 8 bytes of time and 64 of a cosigner's, at least one of
    /// any other.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// Whether name and id are those of `key`.
    #[must_use]
    pub fn is_of(&self, key: &VerifierKey) -> bool {
        self.id == key.id() && self.name == key.name()
    }
}

/// The line without the newline at its end.
impl fmt::Display for SignatureLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.id[..], &self.signature].concat();
        write!(f, "— {} {}", self.name, STANDARD.encode(bytes))
    }
}

/// A signature that was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The known key that signed.
    pub key: VerifierKey,
    /// When it signed, in seconds after 1970 (UTC), if it is a cosignature: what the cosigner's clock said.
    pub time: Option<u64>,
}

/// A text and at least one signature line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<SignatureLine>,
}

impl Note {
    /// Reads a note. Its signatures are read, not verified.
    ///
    /// # Errors
    /// [`NoteError`] when the bytes are no note, or above [`NOTE_BYTES_MAX`] or [`SIGNATURES_MAX`].
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        let whole = check_bytes(bytes)?;
        // The text may have blank lines of its own: the last one ends it.
        let blank = whole.rfind("\n\n").ok_or(NoteError::NoSignatures)?;
        let (text, lines) = whole.split_at(blank + 1);
        Ok(Self { text: text.to_owned(), signatures: read_lines(&lines[1..])? })
    }

    /// Signs a text with Ed25519 keys, in their order.
    ///
    /// # Errors
    /// [`NoteError`] when the text cannot be that of a note, or a key is missing, too many or for cosignatures (see
    /// [`crate::cosign`]).
    pub fn sign(text: &str, keys: &[&SignerKey]) -> Result<Self, NoteError> {
        let sign = |key: &&SignerKey| {
            expect_algorithm(key, Algorithm::Ed25519)?;
            Ok(SignatureLine::new(key.verifier(), key.sign(text.as_bytes()).to_vec()))
        };
        let signatures = keys.iter().map(sign).collect::<Result<_, _>>()?;
        Self { text: text.to_owned(), signatures }.checked()
    }

    /// The note with these lines added after those that it has; a line that it has already is not repeated. The lines
    /// are not verified: a false one makes the note worthless to those who know the key, so check those of strangers
    /// ([`crate::verify_cosignature`]) before.
    ///
    /// # Errors
    /// [`NoteError::TooManySignatures`], [`NoteError::TooLarge`].
    pub fn with_signatures(mut self, lines: impl IntoIterator<Item = SignatureLine>) -> Result<Self, NoteError> {
        for line in lines {
            if self.signatures.contains(&line) {
                continue;
            }
            if self.signatures.len() == SIGNATURES_MAX {
                return Err(NoteError::TooManySignatures);
            }
            self.signatures.push(line);
        }
        self.checked()
    }

    /// The signed text, with the newline at its end.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signature lines, as they stand.
    #[must_use]
    pub fn signatures(&self) -> &[SignatureLine] {
        &self.signatures
    }

    /// Verifies the signatures of known keys and gives them in the order of their lines; at least one. Those of
    /// unknown keys say nothing and are passed over. A key for cosignatures verifies a cosignature, with its time.
    ///
    /// # Errors
    /// [`NoteError::InvalidSignature`] when a line bears the name and id of a known key but not its signature,
    /// whatever the others are; [`NoteError::NoKnownSignature`] when no known key signed.
    pub fn verify(&self, keys: &[VerifierKey]) -> Result<Vec<Verified>, NoteError> {
        let verified = self.verify_any(keys)?;
        if verified.is_empty() {
            let names: Vec<&str> = self.signatures.iter().take(3).map(SignatureLine::name).collect();
            return Err(NoteError::NoKnownSignature { known: keys.len(), signers: shown(&names.join(", ")) });
        }
        Ok(verified)
    }

    /// As [`Note::verify`], but a note that no known key signed gives an empty list: for a caller who asks more
    /// precisely which keys must have signed.
    ///
    /// # Errors
    /// [`NoteError::InvalidSignature`], [`NoteError::AmbiguousKey`].
    pub fn verify_any(&self, keys: &[VerifierKey]) -> Result<Vec<Verified>, NoteError> {
        let mut verified = Vec::new();
        for line in &self.signatures {
            let mut known = keys.iter().filter(|key| line.is_of(key));
            let Some(key) = known.next() else { continue };
            if known.any(|other| other != key) {
                return Err(NoteError::AmbiguousKey { name: line.name.clone(), id: hex::encode(line.id) });
            }
            verified.push(Verified { key: key.clone(), time: verify_line(&self.text, line, key)? });
        }
        Ok(verified)
    }

    /// Holds the limits of a note that is made here to those of one that is read.
    fn checked(self) -> Result<Self, NoteError> {
        check_text(&self.text)?;
        if self.signatures.is_empty() {
            return Err(NoteError::NoSignatures);
        }
        if self.signatures.len() > SIGNATURES_MAX {
            return Err(NoteError::TooManySignatures);
        }
        let bytes = self.to_string().len();
        if bytes > NOTE_BYTES_MAX {
            return Err(NoteError::TooLarge { bytes });
        }
        Ok(self)
    }
}

/// The note as it is stored and sent.
impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// Verifies one line against the key whose name and id it bears; the time is a cosignature's.
pub(crate) fn verify_line(text: &str, line: &SignatureLine, key: &VerifierKey) -> Result<Option<u64>, NoteError> {
    let valid = match key.algorithm() {
        Algorithm::Ed25519 => key.signed(text.as_bytes(), &line.signature).then_some(None),
        Algorithm::CosignatureV1 => cosigned_at(text, &line.signature, key).map(Some),
    };
    valid.ok_or_else(|| NoteError::InvalidSignature { name: line.name.clone(), id: hex::encode(line.id) })
}

pub(crate) fn expect_algorithm(key: &SignerKey, wanted: Algorithm) -> Result<(), NoteError> {
    let found = key.verifier().algorithm();
    if found == wanted {
        return Ok(());
    }
    Err(NoteError::WrongAlgorithm {
        name: key.verifier().name().to_owned(),
        found: found.identifier(),
        wanted: wanted.identifier(),
    })
}

/// Text that a note may have: not empty, ended by a newline, without control characters.
pub(crate) fn check_text(text: &str) -> Result<(), NoteError> {
    check_bytes(text.as_bytes())?;
    if text.ends_with('\n') { Ok(()) } else { Err(NoteError::Text) }
}

fn check_bytes(bytes: &[u8]) -> Result<&str, NoteError> {
    if bytes.len() > NOTE_BYTES_MAX {
        return Err(NoteError::TooLarge { bytes: bytes.len() });
    }
    let text = str::from_utf8(bytes).map_err(|error| NoteError::NotText { at: error.valid_up_to() })?;
    match text.bytes().position(|byte| byte < b' ' && byte != b'\n') {
        Some(at) => Err(NoteError::NotText { at }),
        None => Ok(text),
    }
}

fn read_lines(text: &str) -> Result<Vec<SignatureLine>, NoteError> {
    if text.is_empty() {
        return Err(NoteError::NoSignatures);
    }
    let text = text.strip_suffix('\n').ok_or_else(|| {
        let last = text.rsplit('\n').next().unwrap_or(text);
        NoteError::SignatureLine { line: shown(last) }
    })?;
    let mut lines = Vec::new();
    for line in text.split('\n') {
        if lines.len() == SIGNATURES_MAX {
            return Err(NoteError::TooManySignatures);
        }
        lines.push(SignatureLine::parse(line)?);
    }
    Ok(lines)
}

fn read_line(line: &str) -> Option<SignatureLine> {
    let (name, base64) = line.strip_prefix("— ")?.split_once(' ')?;
    if !is_name(name) {
        return None;
    }
    let bytes = STANDARD.decode(base64).ok()?;
    let (id, signature) = bytes.split_first_chunk::<4>()?;
    if signature.is_empty() {
        return None;
    }
    Some(SignatureLine { name: name.to_owned(), id: *id, signature: signature.to_vec() })
}
