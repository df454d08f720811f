//! Trust anchors: whom to believe, from a file.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::certificate::{Certificate, digest256};
use crate::Digest;

/// Larger files are refused, in bytes.
const BYTES_MAX: usize = 32 << 20;
/// Blocks of one file.
const BLOCKS_MAX: usize = 5_000;

/// Whom to believe: certificates of signers' and time-stamp authorities' roots, and what is known about revocation.
///
/// A PEM file. `CERTIFICATE`: an anchor, if it names itself as its issuer or if none of the other certificates in the file
/// is called what its issuer is called; any other is an intermediate certificate, which helps to build chains and is not
/// believed by itself. `X509 CRL` and `OCSP RESPONSE`: revocation information, believed as far as its signature reaches.
/// Text between the blocks is for the reader. An anchor is believed for as long as it is in the file: whether it is in
/// force or was revoked is not asked.
pub struct Anchors {
    digest: Digest,
    pub(super) roots: Vec<Known>,
    pub(super) intermediates: Vec<Known>,
    pub(super) lists: Vec<Arc<[u8]>>,
    pub(super) responses: Vec<Arc<[u8]>>,
}

type Known = Arc<Certificate>;

/// Why a file of anchors is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AnchorsError {
    /// The file is too large.
    #[error("the anchors' file has {bytes} bytes, more than {BYTES_MAX}: leave out revocation lists that nobody needs")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// Too many blocks.
    #[error("line {line}: more than {BLOCKS_MAX} blocks: leave out what nobody needs")]
    TooMany {
        /// The line of the block that is one too many.
        line: usize,
    },
    /// A block that does not end, or ends as another.
    #[error("line {line}, block {block} (`{label}`): `-----END {label}-----` is missing: copy the block again, whole")]
    Unended {
        /// Which block, from 1.
        block: usize,
        /// The line it begins in, from 1.
        line: usize,
        /// What it says it is.
        label: String,
    },
    /// A block of another kind.
    #[error(
        "line {line}, block {block}: `{label}` does not belong here: give `CERTIFICATE`, `X509 CRL` and `OCSP RESPONSE`"
    )]
    Unknown {
        /// Which block, from 1.
        block: usize,
        /// The line it begins in, from 1.
        line: usize,
        /// What it says it is.
        label: String,
    },
    /// A block that cannot be read.
    #[error("line {line}, block {block} (`{label}`): {why}: copy the block again, or write it with openssl in PEM")]
    Unreadable {
        /// Which block, from 1.
        block: usize,
        /// The line it begins in, from 1.
        line: usize,
        /// What it says it is.
        label: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A certificate that stands in it twice.
    #[error("line {line}, block {block}: this certificate is in the file already: remove one of the two")]
    Twice {
        /// Which block, from 1.
        block: usize,
        /// The line it begins in, from 1.
        line: usize,
    },
    /// No certificate that could be an anchor.
    #[error("each certificate in the anchors' file is issued by another in it: add the root that issued itself")]
    NoAnchor,
    /// No certificate at all.
    #[error("no `-----BEGIN CERTIFICATE-----` in the anchors' file: give the roots to believe, in PEM")]
    Empty,
}

impl std::fmt::Debug for Anchors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Anchors({})", self.digest)
    }
}

impl Anchors {
    /// Reads a PEM file.
    ///
    /// # Errors
    ///
    /// [`AnchorsError`] names the block, its line and what to do.
    pub fn parse(pem: &[u8]) -> Result<Self, AnchorsError> {
        if pem.len() > BYTES_MAX {
            return Err(AnchorsError::TooLarge { bytes: pem.len() });
        }
        let mut certificates: Vec<Arc<Certificate>> = Vec::new();
        let (mut lists, mut responses) = (Vec::new(), Vec::new());
        let mut lines = pem.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).zip(1..);
        let mut block = 0;
        while let Some((text, line)) = lines.next() {
            let Some(label) = marker(text, b"-----BEGIN ") else { continue };
            block += 1;
            let label = || String::from_utf8_lossy(&label[..label.len().min(60)]).into_owned();
            if block > BLOCKS_MAX {
                return Err(AnchorsError::TooMany { line });
            }
            let mut encoded = Vec::new();
            loop {
                let Some((text, _)) = lines.next() else {
                    return Err(AnchorsError::Unended { block, line, label: label() });
                };
                match marker(text, b"-----END ") {
                    Some(end) if label().as_bytes() == end => break,
                    None if !text.starts_with(b"-----") => encoded.extend_from_slice(text),
                    _ => return Err(AnchorsError::Unended { block, line, label: label() }),
                }
            }
            let label = label();
            let kept = matches!(label.as_str(), "CERTIFICATE" | "X509 CRL" | "OCSP RESPONSE");
            if !kept {
                return Err(AnchorsError::Unknown { block, line, label });
            }
            let unreadable = |why| AnchorsError::Unreadable { block, line, label: label.clone(), why };
            let der = STANDARD.decode(&encoded).map_err(|_| unreadable("it is not base64"))?;
            match label.as_str() {
                "CERTIFICATE" => {
                    let read =
                        Certificate::read(&der).map_err(|_| unreadable("it is not a certificate (X.509, DER)"))?;
                    if certificates.iter().any(|other| other.der == read.der) {
                        return Err(AnchorsError::Twice { block, line });
                    }
                    certificates.push(read);
                }
                "X509 CRL" => {
                    super::revocation::check_list(&der).map_err(|_| unreadable("it is not a revocation list"))?;
                    lists.push(der.into());
                }
                _ => {
                    super::revocation::check_response(&der).map_err(|_| unreadable("it is not an OCSP response"))?;
                    responses.push(der.into());
                }
            }
        }
        if certificates.is_empty() {
            return Err(AnchorsError::Empty);
        }
        let mut names: Vec<&[u8]> =
            certificates.iter().map(|certificate| certificate.subject.compared.as_slice()).collect();
        names.sort_unstable();
        let is_root = |certificate: &Arc<Certificate>| {
            certificate.is_self_issued() || names.binary_search(&certificate.issuer.compared.as_slice()).is_err()
        };
        let (roots, intermediates): (Vec<Known>, Vec<Known>) = certificates.iter().cloned().partition(is_root);
        if roots.is_empty() {
            return Err(AnchorsError::NoAnchor);
        }
        Ok(Self { digest: Digest(digest256(pem)), roots, intermediates, lists, responses })
    }

    /// SHA-256 of the file: its version.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// How many certificates there are, anchors and intermediates.
    #[must_use]
    pub fn certificates(&self) -> usize {
        self.roots.len() + self.intermediates.len()
    }
}

/// What stands between `-----BEGIN ` or `-----END ` and the closing dashes.
fn marker<'a>(line: &'a [u8], start: &[u8]) -> Option<&'a [u8]> {
    line.strip_prefix(start)?.strip_suffix(b"-----")
}
