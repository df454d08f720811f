//! SHA-256 with the domain separation of RFC 6962 §2.1.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// A SHA-256 digest: of a leaf, of a node, or the root of a tree. Shown as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; 32]);

/// A text that is not the digest it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// Not 64 hexadecimal digits.
    #[error("a hash is 64 hexadecimal digits, this text of {length} bytes is not: copy it again in full")]
    Hex {
        /// Length of the refused text in bytes.
        length: usize,
    },
    /// Not the standard base64 (with padding) of 32 bytes.
    #[error(
        "a hash is the base64 of 32 bytes (44 characters), this text of {length} bytes is not: copy it again in full"
    )]
    Base64 {
        /// Length of the refused text in bytes.
        length: usize,
    },
}

impl Hash {
    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The digest as 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn to_hex(&self) -> String {
        hex::encode(self.0)
    }

    /// Reads 64 hexadecimal digits of either case.
    ///
    /// # Errors
    /// [`HashError::Hex`] for anything else.
    pub fn from_hex(text: &str) -> Result<Self, HashError> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| HashError::Hex { length: text.len() })?;
        Ok(Self(bytes))
    }

    /// The digest in standard base64 with padding, as checkpoints and proofs write it.
    #[must_use]
    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.0)
    }

    /// Reads standard base64 with padding.
    ///
    /// # Errors
    /// [`HashError::Base64`] for anything else.
    pub fn from_base64(text: &str) -> Result<Self, HashError> {
        let refused = || HashError::Base64 { length: text.len() };
        let bytes = STANDARD.decode(text).map_err(|_| refused())?;
        Ok(Self(bytes.try_into().map_err(|_| refused())?))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

impl FromStr for Hash {
    type Err = HashError;

    fn from_str(text: &str) -> Result<Self, HashError> {
        Self::from_hex(text)
    }
}

/// Hash of a leaf: SHA-256(0x00 ‖ bytes).
#[must_use]
pub fn leaf_hash(bytes: &[u8]) -> Hash {
    Hash(Sha256::new().chain_update([0]).chain_update(bytes).finalize().into())
}

/// Hash of an inner node: SHA-256(0x01 ‖ left ‖ right).
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Hash(Sha256::new().chain_update([1]).chain_update(left.0).chain_update(right.0).finalize().into())
}

/// Root of the tree without leaves: SHA-256 of nothing.
#[must_use]
pub fn empty_root() -> Hash {
    Hash(Sha256::digest([]).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_survives_hex_and_base64() {
        let hash = leaf_hash(b"one");
        assert_eq!(Hash::from_hex(&hash.to_hex()), Ok(hash));
        assert_eq!(Hash::from_base64(&hash.to_base64()), Ok(hash));
        assert_eq!(hash.to_string().parse(), Ok(hash));
    }

    #[test]
    fn a_text_that_is_no_hash_is_refused() {
        for text in ["", "00", "zz", &"0".repeat(63), &"0".repeat(65), &"é".repeat(32)] {
            assert!(Hash::from_hex(text).is_err(), "{text}");
            assert!(Hash::from_base64(text).is_err(), "{text}");
        }
        // Base64 of 32 bytes with its unused bits set: a second spelling of the same hash, so refused.
        assert!(Hash::from_base64("C//////////////////////////////////////////=").is_err());
    }
}
