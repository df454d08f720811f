//! Keys that sign notes, and keys that verify them (C2SP signed-note, tlog-cosignature).

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::scan::shown;

/// What a key's signatures mean. Others exist and are ignored in notes; a key of another kind is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// Type 0x01: an Ed25519 signature over the text of a note. What a log signs its checkpoints with.
    Ed25519,
    /// Type 0x04: a time, and an Ed25519 signature over both it and a checkpoint. What a witness signs with.
    CosignatureV1,
}

impl Algorithm {
    /// The signature type's identifier byte.
    #[must_use]
    pub const fn identifier(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::CosignatureV1 => 0x04,
        }
    }

    const fn from_identifier(byte: u8) -> Result<Self, KeyError> {
        match byte {
            0x01 => Ok(Self::Ed25519),
            0x04 => Ok(Self::CosignatureV1),
            identifier => Err(KeyError::Algorithm { identifier }),
        }
    }
}

/// Why a text is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not the three parts of a verifier key, or the four and more of a signer key.
    #[error("a verifier key is name+id+base64 and a signer key PRIVATE+KEY+name+id+base64: copy it again in full")]
    Form,
    /// A name that no note can carry.
    #[error("«{name}» is no key name: it must not be empty and has no spaces, plus signs or control characters")]
    Name {
        /// The beginning of the refused name.
        name: String,
    },
    /// An id that is not 8 hexadecimal digits.
    #[error("«{id}» is no key id: it has 8 hexadecimal digits")]
    Id {
        /// The beginning of the refused id.
        id: String,
    },
    /// The printed id does not follow from name, type and key: at least one of them was changed.
    #[error(
        "the key says that its id is {printed}, but name and key give {computed}: ask the key's owner for the right one"
    )]
    IdMismatch {
        /// Id in the text, in hexadecimal digits.
        printed: String,
        /// Id that name and key give.
        computed: String,
    },
    /// Not the base64 of a type byte and 32 bytes.
    #[error("the last part of a key is the base64 of 33 bytes, this one is not: copy it again in full")]
    Material,
    /// A type of key that cannot be used here.
    #[error("keys of type 0x{identifier:02x} cannot be used: only 0x01 (Ed25519) and 0x04 (cosignature/v1) can")]
    Algorithm {
        /// The type's identifier byte.
        identifier: u8,
    },
    /// 32 bytes that no secret key belongs to, or one that accepts forged signatures.
    #[error("the 32 bytes are no Ed25519 public key, or a weak one: ask the key's owner for the right one")]
    PublicKey,
}

/// A key that signatures are checked with, written `name+id+base64(type ‖ public key)`.
///
/// Its id is always the one that name, type and key give: a text that says another is refused.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: [u8; 4],
    algorithm: Algorithm,
    key: VerifyingKey,
}

impl VerifierKey {
    /// Reads `name+id+base64(type ‖ public key)`.
    ///
    /// # Errors
    /// [`KeyError`] when the text has another form, the id is not that of the key, the type is not one that can be
    /// verified here, or the public key is none.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let (name, rest) = text.split_once('+').ok_or(KeyError::Form)?;
        // The base64 may hold further plus signs.
        let (id, material) = rest.split_once('+').ok_or(KeyError::Form)?;
        check_name(name)?;
        let printed = parse_id(id)?;
        let (algorithm, key) = parse_material(material)?;
        let key = VerifyingKey::from_bytes(&key).ok().filter(|key| !key.is_weak()).ok_or(KeyError::PublicKey)?;
        let found = Self::new(name, algorithm, key);
        found.check_id(printed)?;
        Ok(found)
    }

    fn new(name: &str, algorithm: Algorithm, key: VerifyingKey) -> Self {
        let id = key_id(name, algorithm, key.as_bytes());
        Self { name: name.to_owned(), id, algorithm, key }
    }

    fn check_id(&self, printed: [u8; 4]) -> Result<(), KeyError> {
        if printed == self.id {
            return Ok(());
        }
        Err(KeyError::IdMismatch { printed: hex::encode(printed), computed: hex::encode(self.id) })
    }

    /// The name that signature lines of this key carry. A log's is the origin of its checkpoints.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first four bytes of SHA-256(name ‖ 0x0A ‖ type ‖ public key).
    #[must_use]
    pub const fn id(&self) -> [u8; 4] {
        self.id
    }

    /// What its signatures mean.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The 32 bytes of the Ed25519 public key.
    #[must_use]
    pub fn public_key(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// Whether `signature` (64 bytes) is this key's over `message`; of each message there is only one such signature
    /// that a key's owner makes, and others cannot change it into a second.
    pub(crate) fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature).is_ok_and(|signature| self.key.verify_strict(message, &signature).is_ok())
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let material = material(self.algorithm, self.key.as_bytes());
        write!(f, "{}+{}+{}", self.name, hex::encode(self.id), STANDARD.encode(material))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({self})")
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::parse(text)
    }
}

/// A key that signs. Nothing shows its secret but [`SignerKey::encode`]; its memory is overwritten when it is dropped. The
/// seed or text that it was made of is the caller's to forget.
#[derive(Clone)]
pub struct SignerKey {
    key: SigningKey,
    verifier: VerifierKey,
}

impl SignerKey {
    /// The key of a seed: 32 random bytes, which come from the caller and are the secret.
    ///
    /// # Errors
    /// [`KeyError::Name`] when no note can carry the name.
    pub fn from_seed(name: &str, algorithm: Algorithm, seed: [u8; 32]) -> Result<Self, KeyError> {
        check_name(name)?;
        let key = SigningKey::from_bytes(&seed);
        let verifier = VerifierKey::new(name, algorithm, key.verifying_key());
        Ok(Self { key, verifier })
    }

    /// Reads `PRIVATE+KEY+name+id+base64(type ‖ seed)`, the form of Go's `golang.org/x/mod/sumdb/note`.
    ///
    /// # Errors
    /// [`KeyError`], which never quotes the secret.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let rest = text.strip_prefix("PRIVATE+KEY+").ok_or(KeyError::Form)?;
        let (name, rest) = rest.split_once('+').ok_or(KeyError::Form)?;
        let (id, material) = rest.split_once('+').ok_or(KeyError::Form)?;
        check_name(name)?;
        let printed = parse_id(id)?;
        let (algorithm, seed) = parse_material(material)?;
        let key = Self::from_seed(name, algorithm, seed)?;
        key.verifier.check_id(printed)?;
        Ok(key)
    }

    /// The key as [`SignerKey::parse`] reads it: the secret itself, for a file that only its owner can read.
    #[must_use]
    pub fn encode(&self) -> String {
        let material = Zeroizing::new(material(self.verifier.algorithm, self.key.as_bytes()));
        let id = hex::encode(self.verifier.id);
        format!("PRIVATE+KEY+{}+{id}+{}", self.verifier.name, STANDARD.encode(material))
    }

    /// The key that everybody may know.
    #[must_use]
    pub const fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// The signature over `message`, 64 bytes.
    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }
}

impl fmt::Debug for SignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignerKey(secret of {})", self.verifier)
    }
}

/// Whether signature lines can carry this name.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c == '+' || c.is_whitespace() || c < ' ')
}

fn check_name(name: &str) -> Result<(), KeyError> {
    if is_name(name) { Ok(()) } else { Err(KeyError::Name { name: shown(name) }) }
}

fn parse_id(text: &str) -> Result<[u8; 4], KeyError> {
    let mut id = [0; 4];
    hex::decode_to_slice(text, &mut id).map_err(|_| KeyError::Id { id: shown(text) })?;
    Ok(id)
}

fn parse_material(text: &str) -> Result<(Algorithm, [u8; 32]), KeyError> {
    // A little more than is wanted, so that a longer key is told by its type and never decoded in full.
    const TEXT_MAX: usize = 48;
    let beginning = text.get(..TEXT_MAX.min(text.len())).ok_or(KeyError::Material)?;
    // It may be a secret.
    let bytes = Zeroizing::new(STANDARD.decode(beginning).map_err(|_| KeyError::Material)?);
    let (identifier, key) = bytes.split_first().ok_or(KeyError::Material)?;
    let algorithm = Algorithm::from_identifier(*identifier)?;
    let key = key.try_into().map_err(|_| KeyError::Material)?;
    Ok((algorithm, key))
}

fn material(algorithm: Algorithm, key: &[u8; 32]) -> [u8; 33] {
    let mut material = [algorithm.identifier(); 33];
    material[1..].copy_from_slice(key);
    material
}

fn key_id(name: &str, algorithm: Algorithm, key: &[u8; 32]) -> [u8; 4] {
    let digest = Sha256::new()
        .chain_update(name)
        .chain_update(b"\n")
        .chain_update([algorithm.identifier()])
        .chain_update(key)
        .finalize();
    [digest[0], digest[1], digest[2], digest[3]]
}
