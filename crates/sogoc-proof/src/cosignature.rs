//! Cosignatures (C2SP tlog-cosignature, cosignature/v1): a witness says that at a time, this checkpoint was the largest
//! it had seen of this log, and consistent with all it had seen before.

use crate::checkpoint::Checkpoint;
use crate::key::{Algorithm, SignerKey, VerifierKey};
use crate::note::{NoteError, SignatureLine, expect_algorithm, verify_line};

/// Latest time that a cosignature may have, in seconds after 1970.
const TIME_MAX: u64 = i64::MAX as u64;

/// Cosigns the text of a checkpoint at `unix_time` (seconds after 1970, UTC). That it may be signed is for the caller to
/// know: see [`crate::decide`].
///
/// # Errors
/// [`NoteError`] when the text is no checkpoint, the key is not for cosignatures, or the time is above 2^63 - 1.
pub fn cosign(checkpoint_text: &str, key: &SignerKey, unix_time: u64) -> Result<SignatureLine, NoteError> {
    expect_algorithm(key, Algorithm::CosignatureV1)?;
    Checkpoint::parse(checkpoint_text).map_err(NoteError::NoCheckpoint)?;
    if unix_time > TIME_MAX {
        return Err(NoteError::Time { time: unix_time });
    }
    let signature = key.sign(&message(checkpoint_text, unix_time));
    Ok(SignatureLine::new(key.verifier(), [&unix_time.to_be_bytes()[..], &signature].concat()))
}

/// Verifies one line as the cosignature of `key` on the text of a checkpoint, and gives its time (seconds after 1970,
/// UTC, by the cosigner's clock).
///
/// # Errors
/// [`NoteError`] when the key is not for cosignatures, or the line is not this key's valid cosignature on this text.
pub fn verify_cosignature(checkpoint_text: &str, line: &SignatureLine, key: &VerifierKey) -> Result<u64, NoteError> {
    let invalid = || NoteError::InvalidSignature { name: key.name().to_owned(), id: hex::encode(key.id()) };
    if !line.is_of(key) {
        return Err(invalid());
    }
    Checkpoint::parse(checkpoint_text).map_err(NoteError::NoCheckpoint)?;
    verify_line(checkpoint_text, line, key)?.ok_or_else(|| NoteError::WrongAlgorithm {
        name: key.name().to_owned(),
        found: key.algorithm().identifier(),
        wanted: Algorithm::CosignatureV1.identifier(),
    })
}

/// When `key` cosigned this text, if `signature` (8 bytes of time, 64 of signature) says so.
pub(crate) fn cosigned_at(text: &str, signature: &[u8], key: &VerifierKey) -> Option<u64> {
    let (time, signature) = signature.split_first_chunk::<8>()?;
    let time = u64::from_be_bytes(*time);
    (time <= TIME_MAX && key.signed(&message(text, time), signature)).then_some(time)
}

fn message(text: &str, time: u64) -> Vec<u8> {
    format!("cosignature/v1\ntime {time}\n{text}").into_bytes()
}
