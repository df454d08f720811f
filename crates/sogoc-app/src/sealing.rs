//! Sealed texts: salts are drawn here, once for each text (invariant 11).

use std::fmt;
use std::sync::{Mutex, PoisonError};

use sogoc_domain::values::{Digest, Sealed, Sealer, Text};
use sogoc_log::{Draft, SealedText};

/// Where random bytes come from.
pub trait Entropy: fmt::Debug + Send + Sync {
    /// 32 bytes that nobody can guess.
    fn salt(&self) -> [u8; 32];
}

/// The operating system's random bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn salt(&self) -> [u8; 32] {
        let mut salt = [0; 32];
        getrandom::fill(&mut salt)
            .expect("the system gave random bytes when it started; without them nothing may be sealed");
        salt
    }
}

/// Seals the texts of one decision and keeps salts and texts for its append.
pub(crate) struct Sealing<'a> {
    entropy: &'a dyn Entropy,
    texts: Mutex<Vec<SealedText>>,
}

impl<'a> Sealing<'a> {
    pub(crate) fn new(entropy: &'a dyn Entropy) -> Self {
        Self { entropy, texts: Mutex::default() }
    }

    /// The texts whose commitments stand in one of the entries. What was sealed on the way to an item that was then
    /// refused is not recorded.
    pub(crate) fn of(self, drafts: &[Draft]) -> Vec<SealedText> {
        let mut texts = self.texts.into_inner().unwrap_or_else(PoisonError::into_inner);
        texts.retain(|text| {
            let commitment = Digest(text.commitment).to_string();
            drafts.iter().any(|draft| draft.data.contains(&commitment))
        });
        texts
    }
}

impl Sealer for Sealing<'_> {
    fn seal(&self, text: &Text) -> Sealed {
        let sealed = SealedText::new(self.entropy.salt(), text.as_str());
        let commitment = Digest(sealed.commitment);
        self.texts.lock().unwrap_or_else(PoisonError::into_inner).push(sealed);
        commitment
    }
}
