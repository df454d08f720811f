//! The key under which blobs, and whatever else asks it for a key of its own, are encrypted at rest.

use std::fmt;
use std::io::Read as _;
use std::path::Path;

use base64::Engine as _;
use ring::hkdf;
use zeroize::Zeroizing;

/// A key's text is 64 digits; a file that is longer than this is something else.
const KEY_FILE_BYTES_MAX: u64 = 1024;

/// 32 bytes under which something is encrypted at rest. Overwritten in memory when dropped, never printed.
#[derive(Clone)]
pub struct EncryptionKey(Zeroizing<[u8; 32]>);

/// A text or a file that is no key. It never shows the text.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The text is not 32 bytes in hexadecimal or base64.
    #[error(
        "what was given as encryption key ({characters} characters) is neither 64 hexadecimal digits nor 32 bytes in base64: make one with `openssl rand -hex 32`"
    )]
    NotAKey {
        /// How long the text is, without the white space around it.
        characters: usize,
    },
    /// The file cannot be read.
    #[error("the key file {path} cannot be read: check its name and that this user may read it")]
    Unreadable {
        /// Its path.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
}

impl EncryptionKey {
    /// Reads 64 hexadecimal digits, or 32 bytes in base64 (either alphabet, padded or not), with white space around them.
    ///
    /// # Errors
    /// [`KeyError::NotAKey`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
        let text = text.trim();
        let mut bytes = Zeroizing::new([0; 32]);
        if hex::decode_to_slice(text, &mut *bytes).is_ok() {
            return Ok(Self(bytes));
        }
        let unpadded = text.strip_suffix('=').unwrap_or(text);
        for alphabet in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            // The decoder asks for room for what the text's length would allow, which is a byte or two more.
            let mut room = Zeroizing::new([0; 34]);
            if unpadded.len() == 43 && alphabet.decode_slice(unpadded, &mut *room) == Ok(32) {
                bytes.copy_from_slice(&room[..32]);
                return Ok(Self(bytes));
            }
        }
        Err(KeyError::NotAKey { characters: text.chars().count() })
    }

    /// Reads such a text from a file.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, KeyError> {
        let path = path.as_ref();
        let unreadable = |source| KeyError::Unreadable { path: path.display().to_string(), source };
        let mut text = Zeroizing::new(String::with_capacity(KEY_FILE_BYTES_MAX as usize));
        let file = std::fs::File::open(path).map_err(unreadable)?;
        file.take(KEY_FILE_BYTES_MAX).read_to_string(&mut text).map_err(unreadable)?;
        Self::parse(&text)
    }

    /// What tells this key from others without giving it away: 8 bytes in hexadecimal. Stands in each encrypted blob.
    #[must_use]
    pub fn id(&self) -> String {
        hex::encode(self.id_bytes())
    }

    /// The same as bytes.
    #[must_use]
    pub fn id_bytes(&self) -> [u8; 8] {
        let mut id = [0; 8];
        self.derive(b"sogoc blob key id", b"", &mut id);
        id
    }

    /// The key of one blob: HKDF-SHA256 with the blob's salt, so that no two blobs share a key and nonces may count from 0.
    pub(super) fn of_blob(&self, salt: &[u8; 32]) -> Zeroizing<[u8; 32]> {
        self.derived(salt, b"sogoc blob")
    }

    /// A key of its own for one value, by HKDF-SHA256. The info says what kind of value it is: no two kinds share one.
    #[must_use]
    pub fn derived(&self, salt: &[u8], info: &[u8]) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        self.derive(salt, info, &mut *key);
        key
    }

    fn derive(&self, salt: &[u8], info: &[u8], out: &mut [u8]) {
        struct Length(usize);
        impl hkdf::KeyType for Length {
            fn len(&self) -> usize {
                self.0
            }
        }
        hkdf::Salt::new(hkdf::HKDF_SHA256, salt)
            .extract(&*self.0)
            .expand(&[info], Length(out.len()))
            .and_then(|material| material.fill(out))
            .expect("HKDF-SHA256 gives up to 255 x 32 bytes");
    }
}

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncryptionKey({})", self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeefb";

    #[test]
    fn a_key_is_read_in_hexadecimal_and_in_base64_and_is_the_same() {
        let base64 = "ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7vs=";
        let one = EncryptionKey::parse(&format!("  {HEX}\n")).unwrap();
        for text in [base64, base64.trim_end_matches('='), "ABEiM0RVZneImaq7zN3u_wARIjNEVWZ3iJmqu8zd7vs="] {
            assert_eq!(*one.0, *EncryptionKey::parse(text).unwrap().0, "{text}");
        }
        assert_eq!(one.id(), EncryptionKey::parse(&HEX.to_uppercase()).unwrap().id());
    }

    #[test]
    fn what_is_no_key_is_refused_and_no_error_shows_it() {
        for text in ["", "secret", &HEX[1..], &format!("{HEX}0"), &format!("{HEX}\n{HEX}"), &HEX.replace('f', "g")] {
            let error = EncryptionKey::parse(text).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(text.is_empty() || !shown.contains(text), "{shown}");
            assert!(shown.contains("openssl rand -hex 32"), "{shown}");
        }
        let shown = format!("{:?}", EncryptionKey::parse(HEX).unwrap());
        assert!(!shown.contains("0011"), "{shown}");
    }
}
