//! Seeds of second factors in the store: sealed under a key that the store does not hold.
//!
//! A code is computed from its seed, so a digest does not do. Whoever reads the store, or a backup with what is signed in
//! with, learns no seed by it; whoever writes to the store could remove a second factor anyway.
//!
//! A seed in the clear is its 20 bytes. What is sealed begins so that no 20 bytes can:
//!
//! ```text
//! magic (15) | 1 | key id (8) | salt (32) | the seed under ChaCha20-Poly1305 (20) | tag (16)
//! ```
//!
//! The key is the value's own: HKDF-SHA256 of the configured key with the salt and the info `sogoc second factor`, so the
//! nonce is zero. The additional data is the 56 bytes before and then the account: a value that is moved to another account's
//! row opens as little as one that was altered.

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use sogoc_domain::values::AccountId;
use sogoc_evidence::EncryptionKey;

use super::{Access, Denied, store};

/// Bytes of a seed: the length of the hash (RFC 4226 §4).
pub(super) const SEED_BYTES: usize = 20;
const MAGIC: &[u8; 15] = b"\x89sogoc-seed\r\n\x1a\n";
const VERSION: u8 = 1;
const ID: usize = MAGIC.len() + 1;
const SALT: usize = ID + 8;
const HEADER: usize = SALT + 32;
const TAG_BYTES: usize = 16;

/// Why a stored value gives no seed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("it is sealed under the key {0}, and sign_in.key_file is not set")]
    NoKey(String),
    #[error("it is sealed under the key {wanted}, and sign_in.key_file holds the key {configured}")]
    OtherKey { wanted: String, configured: String },
    #[error("it is not what was stored for this account")]
    Altered,
}

/// How many seeds were sealed anew, and whose cannot be read.
#[derive(Debug)]
pub(crate) struct Resealed {
    pub(crate) sealed: u64,
    /// Under the configured key already.
    pub(crate) unchanged: u64,
    /// Accounts.
    pub(crate) unreadable: Vec<String>,
}

fn is_sealed(stored: &[u8]) -> bool {
    stored.starts_with(MAGIC)
}

fn cipher(key: &EncryptionKey, salt: &[u8]) -> (LessSafeKey, Nonce) {
    let key = UnboundKey::new(&CHACHA20_POLY1305, &*key.derived(salt, b"sogoc second factor"))
        .expect("ChaCha20 has keys of 32 bytes");
    (LessSafeKey::new(key), Nonce::assume_unique_for_key([0; NONCE_LEN]))
}

fn bound(header: &[u8], account: &str) -> Aad<Vec<u8>> {
    Aad::from([header, account.as_bytes()].concat())
}

/// What is stored of a seed. The salt is never used twice.
fn seal(key: &EncryptionKey, account: &str, seed: &[u8], salt: [u8; 32]) -> Vec<u8> {
    let mut stored = [MAGIC.as_slice(), &[VERSION], &key.id_bytes(), &salt].concat();
    let (cipher, nonce) = cipher(key, &salt);
    let mut sealed = seed.to_vec();
    cipher
        .seal_in_place_append_tag(nonce, bound(&stored, account), &mut sealed)
        .expect("a seed is not longer than ChaCha20 allows");
    stored.append(&mut sealed);
    stored
}

/// The seed in what is stored.
fn open(key: Option<&EncryptionKey>, account: &str, stored: &[u8]) -> Result<Vec<u8>, Unreadable> {
    if stored.len() == SEED_BYTES && !is_sealed(stored) {
        return Ok(stored.to_vec());
    }
    let (header, sealed) = stored.split_at_checked(HEADER).ok_or(Unreadable::Altered)?;
    if !is_sealed(header) || header[MAGIC.len()] != VERSION || sealed.len() != SEED_BYTES + TAG_BYTES {
        return Err(Unreadable::Altered);
    }
    let id = &header[ID..SALT];
    let key = key.ok_or_else(|| Unreadable::NoKey(hex::encode(id)))?;
    if key.id_bytes() != id {
        return Err(Unreadable::OtherKey { wanted: hex::encode(id), configured: key.id() });
    }
    let (cipher, nonce) = cipher(key, &header[SALT..]);
    let mut seed = sealed.to_vec();
    let opened = cipher.open_in_place(nonce, bound(header, account), &mut seed).map_err(|_| Unreadable::Altered)?;
    Ok(opened.to_vec())
}

impl Access {
    /// What is stored of a seed: sealed where there is a key.
    pub(super) fn stored_seed(&self, account: &AccountId, seed: &[u8]) -> Vec<u8> {
        match &self.inner.settings.key {
            Some(key) => seal(key, account.as_str(), seed, self.inner.app.random()),
            None => seed.to_vec(),
        }
    }

    /// What is to be stored in place of a seed in the clear, where there is a key.
    pub(super) fn sealed_now(&self, account: &AccountId, stored: &[u8], seed: &[u8]) -> Option<Vec<u8>> {
        (self.inner.settings.key.is_some() && !is_sealed(stored)).then(|| self.stored_seed(account, seed))
    }

    /// The seed in what is stored. Who signs in is told that sign-in does not work now; why is for the operator.
    ///
    /// # Errors
    /// [`LogError::Unavailable`](sogoc_log::LogError::Unavailable).
    pub(super) fn seed(&self, account: &AccountId, stored: &[u8]) -> Result<Vec<u8>, Denied> {
        open(self.inner.settings.key.as_ref(), account.as_str(), stored).map_err(|error| {
            tracing::error!(account = %account, error = %error, "a second factor cannot be read");
            Denied::unavailable("a second factor cannot be read")
        })
    }

    /// Says to the operator how many second factors cannot be read: sign-in is refused to those accounts.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub(crate) async fn look_at_seeds(&self) -> Result<(), Denied> {
        let key = self.inner.settings.key.as_ref();
        let seeds = store::seeds(self.pool()).await?;
        let mut errors = seeds.iter().filter_map(|(account, stored)| open(key, account, stored).err());
        if let Some(first) = errors.next() {
            let accounts = 1 + errors.count();
            tracing::error!(accounts, error = %first, "second factors cannot be read: look at sign_in.key_file");
        }
        Ok(())
    }

    /// Seals every seed under the configured key: those in the clear, and those under an earlier one. What cannot be read
    /// stays as it is.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub(crate) async fn reseal(
        &self,
        key: &EncryptionKey,
        earlier: Option<&EncryptionKey>,
    ) -> Result<Resealed, Denied> {
        let mut done = Resealed { sealed: 0, unchanged: 0, unreadable: Vec::new() };
        for (account, stored) in store::seeds(self.pool()).await? {
            if is_sealed(&stored) && open(Some(key), &account, &stored).is_ok() {
                done.unchanged += 1;
                continue;
            }
            match open(earlier, &account, &stored) {
                Ok(seed) => {
                    let sealed = seal(key, &account, &seed, self.inner.app.random());
                    done.sealed += u64::from(store::reseal(self.pool(), &account, &stored, &sealed).await?);
                }
                Err(_) => done.unreadable.push(account),
            }
        }
        Ok(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: &str) -> EncryptionKey {
        EncryptionKey::parse(&byte.repeat(32)).unwrap()
    }

    const SEED: &[u8] = b"12345678901234567890";

    /// Made by another program (Python's `cryptography`) from this module's description: what was stored once is read for
    /// ever.
    const STORED: &str = "89736f676f632d736565640d0a1a0a016cb0db2edc197710000102030405060708090a0b0c0d0e0f101112131415161718191a\
                          1b1c1d1e1f3fd37be03b5ad1ceabd468191781bb331d91f6ac56e1fcab5d95ec17f50325924afae277";

    #[test]
    fn a_seed_that_another_program_sealed_by_the_description_is_read() {
        let stored = hex::decode(STORED).unwrap();
        assert_eq!(open(Some(&key("07")), "officer", &stored), Ok(SEED.to_vec()));
        let salt: [u8; 32] = std::array::from_fn(|at| u8::try_from(at).unwrap());
        assert_eq!(seal(&key("07"), "officer", SEED, salt), stored);
    }

    #[test]
    fn a_sealed_seed_opens_under_its_key_for_its_account_alone() {
        let (one, other) = (key("07"), key("08"));
        let stored = seal(&one, "officer", SEED, [3; 32]);
        assert!(!stored.windows(SEED.len()).any(|window| window == SEED));
        assert_eq!(open(Some(&one), "officer", &stored), Ok(SEED.to_vec()));
        assert_eq!(open(Some(&one), "admin", &stored), Err(Unreadable::Altered));
        assert_eq!(open(None, "officer", &stored), Err(Unreadable::NoKey(one.id())));
        let wrong = Unreadable::OtherKey { wanted: one.id(), configured: other.id() };
        assert_eq!(open(Some(&other), "officer", &stored), Err(wrong));
    }

    #[test]
    fn a_value_that_was_altered_anywhere_or_cut_gives_no_seed() {
        let key = key("07");
        let stored = seal(&key, "officer", SEED, [3; 32]);
        for at in 0..stored.len() {
            let mut altered = stored.clone();
            altered[at] ^= 1;
            assert!(open(Some(&key), "officer", &altered).is_err(), "byte {at}");
            assert!(open(Some(&key), "officer", &stored[..at]).is_err(), "cut to {at}");
        }
    }

    #[test]
    fn a_seed_in_the_clear_is_read_with_a_key_and_without() {
        for key in [None, Some(key("07"))] {
            assert_eq!(open(key.as_ref(), "officer", SEED), Ok(SEED.to_vec()));
        }
    }
}
