//! Passwords: which are good enough, and their Argon2id digests.
//!
//! Hashing takes tens of milliseconds and megabytes on purpose, so it runs on threads that may block, a few at once, and a
//! short queue waits before them: more are told to come back, quickly.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use sogoc_domain::refusal::{Code, Refusal, Said};
use sogoc_domain::values::AccountId;
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization as _;

use super::Denied;

/// Fewest characters of a password (NIST SP 800-63B asks for 8 beside a second factor and 15 alone).
pub(crate) const LENGTH_MIN: usize = 12;
/// Most characters: a bound on work, far above what people type.
pub(crate) const LENGTH_MAX: usize = 128;
/// Hashes at once; each takes 19 MiB.
const AT_ONCE_MAX: usize = 4;
/// Hashes that wait for those.
const WAITING_MAX: usize = 64;

/// What hashing costs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Cost {
    /// Memory, in KiB.
    pub(crate) memory_kib: u32,
    /// Passes over it.
    pub(crate) passes: u32,
    /// Lanes.
    pub(crate) lanes: u32,
}

impl Default for Cost {
    /// What OWASP's password storage cheat sheet names for Argon2id: 19 MiB, two passes, one lane.
    fn default() -> Self {
        Self { memory_kib: 19_456, passes: 2, lanes: 1 }
    }
}

impl Cost {
    /// The least there is, for tests.
    #[cfg(test)]
    pub(crate) fn least() -> Self {
        Self { memory_kib: 8, passes: 1, lanes: 1 }
    }
}

/// A password that may be set: in NFC, of a fitting length, not the account's id.
#[derive(Clone)]
pub(super) struct Password(String);

impl Password {
    /// # Errors
    /// `password-too-weak`, saying why.
    pub(super) fn try_new(text: &str, account: &AccountId) -> Result<Self, Refusal> {
        let weak = |why: Said| {
            Refusal::new(Code::PasswordTooWeak)
                .with_said("why", &why)
                .with("length_min", LENGTH_MIN)
                .with("length_max", LENGTH_MAX)
        };
        let normal = normal(text);
        // Bounded before anything is done with it.
        let length = normal.chars().take(LENGTH_MAX + 1).count();
        if length < LENGTH_MIN {
            return Err(weak(Said::new(format!("it has {length} characters"), format!("chỉ có {length} ký tự"))));
        }
        if length > LENGTH_MAX {
            return Err(weak(Said::new("it is too long", "quá dài")));
        }
        if normal.to_lowercase().trim() == account.as_str() {
            return Err(weak(Said::new("it is the account's id", "trùng với mã tài khoản")));
        }
        let first = normal.chars().next();
        if normal.chars().all(|c| Some(c) == first) {
            return Err(weak(Said::new("it is one character over and over", "chỉ lặp lại một ký tự")));
        }
        Ok(Self(normal))
    }
}

/// The form in which a password is hashed: the same whatever keyboard typed it. What is far too long is cut, and fits none.
fn normal(text: &str) -> String {
    text.nfc().take(LENGTH_MAX + 1).collect()
}

/// Hashes and verifies.
pub(super) struct Hasher {
    argon2: Argon2<'static>,
    room: Arc<Semaphore>,
    waiting: AtomicUsize,
    /// What is verified where there is nothing to verify, so that it takes as long.
    nobody: String,
    /// How many were verified: that failures do the same work is told by it.
    #[cfg(test)]
    pub(super) verified: AtomicUsize,
}

impl Hasher {
    pub(super) fn new(cost: Cost, salt: [u8; 32]) -> Self {
        let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, None)
            .expect("the default is within bounds, and so is what tests give");
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let nobody = hash(&argon2, "nobody", salt).expect("the text is short and the salt long enough");
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let room = Arc::new(Semaphore::new(cores.min(AT_ONCE_MAX)));
        Self {
            argon2,
            room,
            waiting: AtomicUsize::new(0),
            nobody,
            #[cfg(test)]
            verified: AtomicUsize::new(0),
        }
    }

    /// The digest of a password in the PHC form.
    pub(super) async fn hash(&self, password: Password, salt: [u8; 32]) -> Result<String, Denied> {
        let argon2 = self.argon2.clone();
        let hashed = self.apart(move || hash(&argon2, &password.0, salt)).await?;
        hashed.map_err(|error| broken(&error))
    }

    /// Whether a password is the one of a digest. Without a digest as much is done, and none fits.
    pub(super) async fn verify(&self, password: &str, digest: Option<&str>) -> Result<bool, Denied> {
        let (argon2, password) = (self.argon2.clone(), normal(password));
        #[cfg(test)]
        self.verified.fetch_add(1, Ordering::Relaxed);
        let real = digest.is_some();
        let digest = digest.unwrap_or(&self.nobody).to_owned();
        let fits = self
            .apart(move || {
                let digest = PasswordHash::new(&digest)?;
                Ok::<_, argon2::password_hash::phc::Error>(argon2.verify_password(password.as_bytes(), &digest).is_ok())
            })
            .await?;
        match fits {
            Ok(fits) => Ok(fits && real),
            Err(error) => Err(broken(&error)),
        }
    }

    /// Runs what takes long on a thread that may block, when there is room.
    async fn apart<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Denied> {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= WAITING_MAX {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(Denied::too_many(1));
        }
        let waits = Waits(&self.waiting);
        let place = Arc::clone(&self.room).acquire_owned().await.expect("the semaphore is never closed");
        drop(waits);
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            // Held to the end even where nobody waits for the answer any more.
            drop(place);
            done
        });
        Ok(done.await.expect("hashing does not panic, and the runtime outlives its callers"))
    }
}

/// One that waits, until dropped: callers may go away at any time.
struct Waits<'a>(&'a AtomicUsize);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn hash(argon2: &Argon2<'_>, password: &str, salt: [u8; 32]) -> Result<String, argon2::password_hash::Error> {
    argon2.hash_password_with_salt(password.as_bytes(), &salt[..16]).map(|hash| hash.to_string())
}

/// A digest in the store that is none: somebody wrote it there.
fn broken(error: &(dyn std::error::Error + 'static)) -> Denied {
    tracing::error!(error = error, "a password cannot be hashed, or its digest in the store is none");
    sogoc_log::LogError::Corrupt { position: None, what: "sign_in.password is not a digest".to_owned() }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(text: &str) -> bool {
        Password::try_new(text, &"officer-so-a-1".parse().unwrap()).is_ok()
    }

    #[test]
    fn a_password_has_twelve_to_a_hundred_and_twenty_eight_characters_and_is_not_the_accounts_id() {
        assert!(!taken("mười một ký"));
        assert!(taken("mười hai ký!"));
        assert!(taken(&"ab".repeat(64)));
        assert!(!taken(&"ab".repeat(65)));
        assert!(!taken("Officer-So-A-1"));
        assert!(!taken("aaaaaaaaaaaaaaaa"));
    }

    #[tokio::test]
    async fn a_password_fits_whatever_keyboard_typed_it() {
        let hasher = Hasher::new(Cost::least(), [1; 32]);
        let account = "acc-1".parse().unwrap();
        let composed = "mật khẩu của tôi";
        let decomposed: String = composed.nfd().collect();
        assert_ne!(composed, decomposed);
        let digest = hasher.hash(Password::try_new(&decomposed, &account).unwrap(), [2; 32]).await.unwrap();
        assert!(digest.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{digest}");
        assert!(hasher.verify(composed, Some(&digest)).await.unwrap());
        assert!(!hasher.verify("mật khẩu của tao", Some(&digest)).await.unwrap());
        assert!(!hasher.verify(&format!("{composed}{}", "x".repeat(1_000_000)), Some(&digest)).await.unwrap());
    }

    #[tokio::test]
    async fn nothing_fits_where_there_is_no_password() {
        let hasher = Hasher::new(Cost::least(), [1; 32]);
        assert!(!hasher.verify("nobody", None).await.unwrap());
        assert!(hasher.verify("nobody", Some("no digest")).await.is_err());
    }
}
