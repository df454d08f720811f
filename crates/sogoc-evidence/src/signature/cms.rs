//! CMS signed data (RFC 5652) with one signer, and what its attributes bind (RFC 5035, EN 319 122-1).

use std::sync::Arc;

use sha1::Digest as _;
use time::OffsetDateTime;

use super::algorithm::{Algorithm, Effort, Flaw, Hash, Message, verify};
use super::certificate::Certificate;
use super::name::DistinguishedName;
use super::revocation::Material;
use super::tlv::{INTEGER, Items, Malformed, OCTET_STRING, OID, SEQUENCE, SET, Tlv, encoded};
use crate::Reason;

/// Certificates of one signature.
const CERTIFICATES_MAX: usize = 200;
/// Lists and answers of one signature.
const REVOCATIONS_MAX: usize = 200;

const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
/// Plain content, which is what documents are.
pub(super) const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
/// The content of time stamps: id-ct-TSTInfo.
pub(super) const TST_INFO: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x04];

/// PKCS #9, under which the attributes are.
const PKCS9: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09];
const CONTENT_TYPE: &[u8] = &[3];
const MESSAGE_DIGEST: &[u8] = &[4];
const SIGNING_TIME: &[u8] = &[5];
const ALGORITHM_PROTECTION: &[u8] = &[52];
const SIGNING_CERTIFICATE: &[u8] = &[16, 2, 12];
const SIGNING_CERTIFICATE_V2: &[u8] = &[16, 2, 47];
const SIGNATURE_TIME_STAMP: &[u8] = &[16, 2, 14];
const CERTIFICATE_VALUES: &[u8] = &[16, 2, 23];
const REVOCATION_VALUES: &[u8] = &[16, 2, 24];
/// Adobe's revocationInfoArchival.
const ARCHIVAL: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x2f, 0x01, 0x01, 0x08];
/// id-ri-ocsp-response, among other kinds of revocation information.
const RI_OCSP: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x10, 0x02];

/// Attributes: the kind and the values of each.
type Attributes<'a> = Vec<(&'a [u8], Vec<Tlv<'a>>)>;

/// Signed data with one signer.
pub(super) struct Cms<'a> {
    pub(super) content_type: &'a [u8],
    pub(super) content: Option<&'a [u8]>,
    pub(super) certificates: Vec<Arc<Certificate>>,
    pub(super) material: Material,
    signer: Tlv<'a>,
    digest: Algorithm<'a>,
    signed_raw: Option<&'a [u8]>,
    signed: Attributes<'a>,
    algorithm_raw: &'a [u8],
    pub(super) signature: &'a [u8],
    unsigned: Attributes<'a>,
}

/// Whose certificate must be bound how.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A document: by SHA-2, and a signature without a bound certificate is below the baseline.
    Document,
    /// A time stamp: SHA-1 too, for that is what RFC 3161 began with.
    Stamp,
}

/// What is found about a signature by itself: not yet whether to believe its certificate.
pub(super) struct Found {
    pub(super) reasons: Vec<Reason>,
    pub(super) leaf: Option<Arc<Certificate>>,
    /// Whether the signed attributes bind the certificate.
    pub(super) bound: bool,
}

impl<'a> Cms<'a> {
    pub(super) fn read(der: &'a [u8]) -> Result<Self, Malformed> {
        let mut outer = Tlv::only(der)?.items(SEQUENCE)?;
        if outer.expect(OID)? != SIGNED_DATA {
            return Err(Malformed);
        }
        let mut fields = Tlv::only(outer.expect(0xa0)?)?.items(SEQUENCE)?;
        fields.expect(INTEGER)?;
        fields.expect(SET)?;
        let mut content = fields.enter(SEQUENCE)?;
        let content_type = content.expect(OID)?;
        let content = match content.optional(0xa0)? {
            Some(wrapped) => Some(Tlv::only(wrapped.value)?.expect(OCTET_STRING)?),
            None => None,
        };
        let mut certificates = Vec::new();
        if let Some(set) = fields.optional(0xa0)? {
            read_certificates(Items(set.value), &mut certificates)?;
        }
        let mut material = Material::default();
        if let Some(set) = fields.optional(0xa1)? {
            for item in Items(set.value).all()? {
                match item.tag {
                    SEQUENCE => material.lists.push(item.raw.into()),
                    0xa1 => {
                        let mut other = Items(item.value);
                        if other.expect(OID)? == RI_OCSP {
                            material.responses.push(other.next()?.raw.into());
                        }
                    }
                    _ => return Err(Malformed),
                }
            }
        }
        // One signer: whose signature two would be is for nobody to guess.
        let signer = Tlv::only(fields.expect(SET)?)?;
        if !fields.is_empty() {
            return Err(Malformed);
        }
        let mut fields = signer.items(SEQUENCE)?;
        fields.expect(INTEGER)?;
        let signer = fields.next()?;
        let digest = Algorithm::read(&mut fields)?;
        let signed = fields.optional(0xa0)?;
        let algorithm = fields.next()?;
        let signature = fields.expect(OCTET_STRING)?;
        let unsigned = match fields.optional(0xa1)? {
            Some(set) => attributes(Items(set.value))?,
            None => Vec::new(),
        };
        if !fields.is_empty() {
            return Err(Malformed);
        }
        let mut cms = Self {
            content_type,
            content,
            certificates,
            material,
            signer,
            digest,
            signed_raw: signed.map(|set| set.value),
            signed: signed.map_or(Ok(Vec::new()), |set| attributes(Items(set.value)))?,
            algorithm_raw: algorithm.raw,
            signature,
            unsigned,
        };
        Algorithm::read(&mut Items(algorithm.raw))?;
        cms.read_values()?;
        if cms.certificates.len() > CERTIFICATES_MAX
            || cms.material.lists.len() + cms.material.responses.len() > REVOCATIONS_MAX
        {
            return Err(Malformed);
        }
        Ok(cms)
    }

    /// Certificates and revocation information among the attributes.
    fn read_values(&mut self) -> Result<(), Malformed> {
        let values = |attributes: &Attributes<'a>, oid: &[u8]| -> Vec<Tlv<'a>> {
            attributes.iter().filter(|(kind, _)| *kind == oid).flat_map(|(_, values)| values.clone()).collect()
        };
        for value in values(&self.unsigned, &pkcs9(CERTIFICATE_VALUES)) {
            read_certificates(value.items(SEQUENCE)?, &mut self.certificates)?;
        }
        // Adobe's are under the signature and CAdES's beside it: neither needs it, being signed themselves.
        let archival = values(&self.signed, ARCHIVAL);
        for value in values(&self.unsigned, &pkcs9(REVOCATION_VALUES)).into_iter().chain(archival) {
            for part in value.items(SEQUENCE)?.all()? {
                for item in Tlv::only(part.value)?.items(SEQUENCE)?.all()? {
                    match part.tag {
                        0xa0 => self.material.lists.push(item.raw.into()),
                        0xa1 => self.material.responses.push(item.raw.into()),
                        _ => {}
                    }
                }
            }
        }
        Ok(())
    }

    /// The digest that the content is to be hashed with.
    pub(super) fn digest(&self) -> Result<Hash, Flaw> {
        Hash::named(&self.digest)
    }

    /// The one value of a signed attribute; none if it is not there.
    fn signed(&self, kind: &[u8]) -> Result<Option<Tlv<'a>>, Malformed> {
        let oid = pkcs9(kind);
        let mut alike = self.signed.iter().filter(|(kind, _)| *kind == oid);
        match (alike.next(), alike.next()) {
            (None, _) => Ok(None),
            (Some((_, values)), None) => match values.as_slice() {
                [one] => Ok(Some(*one)),
                _ => Err(Malformed),
            },
            (Some(_), Some(_)) => Err(Malformed),
        }
    }

    pub(super) fn signing_time(&self) -> Option<OffsetDateTime> {
        self.signed(SIGNING_TIME).ok().flatten().and_then(|value| value.time().ok())
    }

    /// The time stamps over the signature value.
    pub(super) fn stamps(&self) -> Vec<&'a [u8]> {
        let oid = pkcs9(SIGNATURE_TIME_STAMP);
        self.unsigned.iter().filter(|(kind, _)| *kind == oid).flat_map(|(_, v)| v.iter().map(|v| v.raw)).collect()
    }

    /// Judges the signature by itself: what is signed, by which certificate, and whether the value holds. `digest` is that
    /// of the content by [`Cms::digest`]; `pool` has certificates from elsewhere in the file.
    pub(super) fn examine(
        &self,
        content_type: &[u8],
        digest: Option<&[u8]>,
        pool: &[Arc<Certificate>],
        role: Role,
        effort: &Effort,
    ) -> Found {
        let mut found = Found { reasons: Vec::new(), leaf: None, bound: false };
        if let Err(flaw) = self.digest() {
            found.reasons.push(reason(flaw));
        }
        if let Err(reason) = self.content_is_signed(content_type, digest) {
            found.reasons.push(reason);
        }
        if !self.algorithms_are_protected().unwrap_or(false) {
            found.reasons.push(Reason::MalformedSignature);
        }
        let Some(leaf) = self.certificates.iter().chain(pool).find(|certificate| self.is_by(certificate)) else {
            found.reasons.push(Reason::MalformedSignature);
            return found;
        };
        found.leaf = Some(Arc::clone(leaf));
        match self.binding(leaf, role) {
            Ok(Binding::Bound) => found.bound = true,
            Ok(Binding::None) => {}
            Ok(Binding::Other) => found.reasons.push(Reason::CertificateNotBound),
            Err(Malformed) => found.reasons.push(Reason::MalformedSignature),
        }
        let algorithm = Algorithm::read(&mut Items(self.algorithm_raw)).map_err(Flaw::from);
        let held = algorithm.and_then(|algorithm| {
            let holds = |message: Message<'_>| {
                verify(effort, &algorithm, &leaf.spki, message, self.signature, self.digest().ok())
            };
            match (self.signed_raw, digest) {
                // What is signed is the set as such, not as the implicit tag has it (RFC 5652 §5.4).
                (Some(signed), _) => holds(Message::Bytes(&encoded(SET, signed))),
                (None, Some(digest)) => holds(Message::Digest(digest)),
                // Why there is no digest was said already.
                (None, None) => Ok(()),
            }
        });
        if let Err(flaw) = held {
            found.reasons.push(reason(flaw));
        }
        found
    }

    /// Whether the signed attributes are of this type of content and this digest. Where there are none at all, the value is
    /// over the content itself: allowed for plain content (RFC 5652 §5.3), and below the baseline, for nothing binds the
    /// certificate. What it could be mistaken for is a set of attributes, which is no document.
    fn content_is_signed(&self, content_type: &[u8], digest: Option<&[u8]>) -> Result<(), Reason> {
        let malformed = |Malformed| Reason::MalformedSignature;
        if self.content_type != content_type {
            return Err(Reason::MalformedSignature);
        }
        if self.signed_raw.is_none() {
            return if content_type == DATA { Ok(()) } else { Err(Reason::MalformedSignature) };
        }
        let kind = self.signed(CONTENT_TYPE).map_err(malformed)?.ok_or(Reason::MalformedSignature)?;
        let stated = self.signed(MESSAGE_DIGEST).map_err(malformed)?.ok_or(Reason::MalformedSignature)?;
        if kind.expect(OID) != Ok(content_type) {
            return Err(Reason::MalformedSignature);
        }
        let stated = stated.expect(OCTET_STRING).map_err(malformed)?;
        if digest.is_some_and(|digest| digest != stated) { Err(Reason::DigestMismatch) } else { Ok(()) }
    }

    fn is_by(&self, certificate: &Certificate) -> bool {
        match self.signer.tag {
            SEQUENCE => {
                let mut fields = Items(self.signer.value);
                fields.next().is_ok_and(|issuer| DistinguishedName::new(issuer.raw) == certificate.issuer)
                    && fields.expect(INTEGER) == Ok(&certificate.serial)
            }
            0x80 => certificate.subject_key_id.as_deref() == Some(self.signer.value),
            _ => false,
        }
    }

    /// Whether the algorithms are those that the attribute for it names, where there is one (RFC 6211).
    fn algorithms_are_protected(&self) -> Result<bool, Malformed> {
        let Some(protection) = self.signed(ALGORITHM_PROTECTION)? else { return Ok(true) };
        let mut fields = protection.items(SEQUENCE)?;
        let digest = Algorithm::read(&mut fields)?;
        let signature = Algorithm::fields(&mut Items(fields.expect(0xa1)?))?;
        let used = Algorithm::read(&mut Items(self.algorithm_raw))?;
        let parameters = |algorithm: &Algorithm<'a>| algorithm.parameters.map_or(&[][..], |value| value.value);
        Ok(digest.oid == self.digest.oid && signature.oid == used.oid && parameters(&signature) == parameters(&used))
    }

    fn binding(&self, leaf: &Certificate, role: Role) -> Result<Binding, Malformed> {
        let compare = |stated: &[u8], made: Vec<u8>| if stated == made { Binding::Bound } else { Binding::Other };
        if let Some(value) = self.signed(SIGNING_CERTIFICATE_V2)? {
            let mut first = value.items(SEQUENCE)?.enter(SEQUENCE)?.enter(SEQUENCE)?;
            let hash = match first.optional(SEQUENCE)? {
                None => Ok(Hash::Sha256),
                Some(algorithm) => Hash::named(&Algorithm::read(&mut Items(algorithm.raw))?),
            };
            // What is bound by a digest that is not judged is not bound.
            return Ok(hash.map_or(Binding::None, |hash| {
                first.expect(OCTET_STRING).map_or(Binding::Other, |stated| compare(stated, hash.of(&leaf.der)))
            }));
        }
        let Some(value) = self.signed(SIGNING_CERTIFICATE)? else { return Ok(Binding::None) };
        let stated = value.items(SEQUENCE)?.enter(SEQUENCE)?.enter(SEQUENCE)?.expect(OCTET_STRING)?;
        let binding = compare(stated, sha1::Sha1::digest(&leaf.der).to_vec());
        Ok(if role == Role::Document && matches!(binding, Binding::Bound) { Binding::None } else { binding })
    }
}

/// Whether the signed attributes name the certificate.
enum Binding {
    Bound,
    None,
    Other,
}

fn reason(flaw: Flaw) -> Reason {
    match flaw {
        Flaw::Wrong => Reason::SignatureWrong,
        Flaw::Weak => Reason::WeakAlgorithm,
        Flaw::Unsupported => Reason::UnsupportedAlgorithm,
        Flaw::TooMany => Reason::TooLarge,
    }
}

fn pkcs9(kind: &[u8]) -> Vec<u8> {
    [PKCS9, kind].concat()
}

fn attributes(mut items: Items<'_>) -> Result<Attributes<'_>, Malformed> {
    let mut attributes = Vec::new();
    while !items.is_empty() {
        let mut fields = items.enter(SEQUENCE)?;
        attributes.push((fields.expect(OID)?, fields.enter(SET)?.all()?));
    }
    Ok(attributes)
}

/// Certificates of a set; other kinds in it (attribute certificates) are left out, as are those that cannot be read and
/// those that are there already.
fn read_certificates(items: Items<'_>, certificates: &mut Vec<Arc<Certificate>>) -> Result<(), Malformed> {
    for item in items.all()?.iter().take(CERTIFICATES_MAX) {
        let known = certificates.iter().any(|certificate| certificate.der == item.raw);
        if let (SEQUENCE, false, Ok(certificate)) = (item.tag, known, Certificate::read(item.raw)) {
            certificates.push(certificate);
        }
    }
    Ok(())
}
