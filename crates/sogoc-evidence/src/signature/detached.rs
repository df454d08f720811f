//! Signatures beside what they sign: CMS detached, as CAdES and `openssl cms` make it.

use std::collections::BTreeSet;
use std::io::{ErrorKind, Read};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use time::OffsetDateTime;

use super::algorithm::Hasher;
use super::anchors::Anchors;
use super::cms::Cms;
use super::judge::{Court, Known, verdict};
use super::tlv::definite;
use crate::{Level, RULES_VERSION, Reason, Verdict};

/// Larger signatures are not judged, in bytes.
const BYTES_MAX: usize = 32 << 20;
/// The content is read in pieces of so many bytes.
const PIECE: usize = 64 << 10;

/// Judges a signature (CMS, in DER or PEM) over content that stands beside it, at an instant. The content is read once, in
/// pieces, and to its end only if the signature can be read.
///
/// # Errors
///
/// Those of `content`. Whatever the signature is, there is a verdict on it.
pub fn judge_detached(
    signature: &[u8],
    content: &mut dyn Read,
    anchors: Option<&Anchors>,
    at: OffsetDateTime,
) -> std::io::Result<Verdict> {
    let der = match bytes(signature) {
        Ok(der) => der,
        Err(reason) => {
            let judged = verdict(BTreeSet::from([reason]), Level::Basic, None, None, None);
            return Ok(of(judged, anchors));
        }
    };
    let hash = Cms::read(&der).ok().and_then(|cms| cms.digest().ok());
    let digest = match hash {
        Some(hash) => {
            let mut hasher = Hasher::new(hash);
            let mut piece = vec![0; PIECE];
            loop {
                match content.read(&mut piece) {
                    Ok(0) => break Some(hasher.finish()),
                    Ok(read) => hasher.update(&piece[..read]),
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
        }
        None => None,
    };
    let court = Court::new(anchors, at);
    let mut digest = |_| digest.clone().ok_or(Reason::MalformedSignature);
    let judged =
        court.signature(&der, &mut digest, Known { covered: None, is_covered: false, claimed: None }, BTreeSet::new());
    Ok(of(judged, anchors))
}

fn of(judged: crate::SignatureVerdict, anchors: Option<&Anchors>) -> Verdict {
    Verdict {
        outcome: judged.outcome,
        reasons: Vec::new(),
        signatures: vec![judged],
        anchors: anchors.map(Anchors::digest),
        rules: RULES_VERSION,
    }
}

/// The signature in DER, from DER (or BER) or PEM. Nothing follows it but ends of lines.
fn bytes(signature: &[u8]) -> Result<Vec<u8>, Reason> {
    if signature.len() > BYTES_MAX {
        return Err(Reason::TooLarge);
    }
    let text = signature.trim_ascii();
    let decoded = if text.starts_with(b"-----BEGIN ") {
        let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let label = lines.next().and_then(|line| line.strip_prefix(b"-----BEGIN "));
        let body: Vec<&[u8]> = lines.collect();
        let (last, body) = body.split_last().ok_or(Reason::MalformedSignature)?;
        if label.is_none() || last.strip_prefix(b"-----END ") != label {
            return Err(Reason::MalformedSignature);
        }
        Some(STANDARD.decode(body.concat()).map_err(|_| Reason::MalformedSignature)?)
    } else {
        None
    };
    let whole = decoded.as_deref().unwrap_or(signature);
    let (der, taken) = definite(whole).map_err(|_| Reason::MalformedSignature)?;
    if whole[taken..].iter().all(u8::is_ascii_whitespace) { Ok(der) } else { Err(Reason::MalformedSignature) }
}
