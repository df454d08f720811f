//! Certificates: what of them is looked at (RFC 5280 §4).

use std::sync::Arc;

use time::OffsetDateTime;

use super::algorithm::{Algorithm, Effort, Flaw, Hash, Message, verify};
use super::name::DistinguishedName;
use super::tlv::{BIT_STRING, BOOLEAN, INTEGER, Items, Malformed, OCTET_STRING, OID, SEQUENCE, Tlv};
use crate::{Digest, Signer};

/// Longer ones are not read.
const BYTES_MAX: usize = 1 << 20;

pub(super) const EKU_TIME_STAMPING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08];
pub(super) const EKU_OCSP_SIGNING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x09];
const EKU_SERVER: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
const EKU_CODE: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x03];
const OCSP_NOCHECK: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x05];

pub(super) const DIGITAL_SIGNATURE: u8 = 0x80;
pub(super) const NON_REPUDIATION: u8 = 0x40;
pub(super) const KEY_CERT_SIGN: u8 = 0x04;
pub(super) const CRL_SIGN: u8 = 0x02;

/// A certificate, read.
#[derive(Debug)]
pub(super) struct Certificate {
    pub(super) der: Vec<u8>,
    tbs: Vec<u8>,
    algorithm: Vec<u8>,
    signature: Vec<u8>,
    pub(super) serial: Vec<u8>,
    pub(super) issuer: DistinguishedName,
    pub(super) subject: DistinguishedName,
    pub(super) spki: Vec<u8>,
    pub(super) not_before: OffsetDateTime,
    pub(super) not_after: OffsetDateTime,
    /// Whether it is an authority, and how many authorities may follow it.
    pub(super) authority: Option<(bool, Option<u8>)>,
    /// First byte of the key usage; none where every use is allowed.
    pub(super) key_usage: Option<u8>,
    /// Whether the extended key usage is critical, and what it names.
    pub(super) extended_usage: Option<(bool, Vec<Vec<u8>>)>,
    pub(super) subject_key_id: Option<Vec<u8>>,
    authority_key_id: Option<Vec<u8>>,
    /// Names of its distribution points of revocation lists, each as encoded.
    pub(super) distribution_points: Vec<Vec<u8>>,
    pub(super) alternative_names: Vec<Vec<u8>>,
    pub(super) name_constraints: Option<Vec<u8>>,
    pub(super) ocsp_nocheck: bool,
    /// Whether it has a critical extension that is not known here.
    pub(super) unknown_critical: bool,
}

impl Certificate {
    pub(super) fn read(der: &[u8]) -> Result<Arc<Self>, Malformed> {
        if der.len() > BYTES_MAX {
            return Err(Malformed);
        }
        let mut outer = Tlv::only(der)?.items(SEQUENCE)?;
        let tbs = outer.next()?;
        let algorithm = outer.next()?;
        let signature = outer.next()?.bits()?;
        let mut fields = tbs.items(SEQUENCE)?;
        let version = fields.optional(0xa0)?;
        let serial = fields.expect(INTEGER)?;
        let inner = fields.next()?;
        // The algorithm stands in it twice, once signed: RFC 5280 §4.1.1.2.
        if inner.raw != algorithm.raw || !outer.is_empty() || serial.is_empty() {
            return Err(Malformed);
        }
        Algorithm::read(&mut Items(algorithm.raw))?;
        let issuer = fields.next()?;
        let mut validity = fields.enter(SEQUENCE)?;
        let (not_before, not_after) = (validity.next()?.time()?, validity.next()?.time()?);
        let subject = fields.next()?;
        issuer.items(SEQUENCE)?;
        subject.items(SEQUENCE)?;
        let spki = fields.next()?;
        spki.items(SEQUENCE)?;
        fields.optional(0x81)?;
        fields.optional(0x82)?;
        let extensions = fields.optional(0xa3)?;
        if !fields.is_empty() || (extensions.is_some() && version.is_none()) {
            return Err(Malformed);
        }
        let mut certificate = Self {
            der: der.to_vec(),
            tbs: tbs.raw.to_vec(),
            algorithm: algorithm.raw.to_vec(),
            signature: signature.to_vec(),
            serial: serial.to_vec(),
            issuer: DistinguishedName::new(issuer.raw),
            subject: DistinguishedName::new(subject.raw),
            spki: spki.raw.to_vec(),
            not_before,
            not_after,
            authority: None,
            key_usage: None,
            extended_usage: None,
            subject_key_id: None,
            authority_key_id: None,
            distribution_points: Vec::new(),
            alternative_names: Vec::new(),
            name_constraints: None,
            ocsp_nocheck: false,
            unknown_critical: false,
        };
        if let Some(extensions) = extensions {
            let mut seen = Vec::new();
            for extension in Tlv::only(extensions.value)?.items(SEQUENCE)?.all()? {
                let mut parts = extension.items(SEQUENCE)?;
                let oid = parts.expect(OID)?;
                let critical = parts.optional(BOOLEAN)?.is_some_and(|flag| flag.value != [0]);
                let value = parts.expect(OCTET_STRING)?;
                // One extension of a kind: RFC 5280 §4.2.
                if seen.contains(&oid) {
                    return Err(Malformed);
                }
                seen.push(oid);
                certificate.extension(oid, critical, value)?;
            }
        }
        Ok(Arc::new(certificate))
    }

    fn extension(&mut self, oid: &[u8], critical: bool, value: &[u8]) -> Result<(), Malformed> {
        match oid {
            // subjectKeyIdentifier
            [0x55, 0x1d, 14] => self.subject_key_id = Some(Tlv::only(value)?.expect(OCTET_STRING)?.to_vec()),
            // keyUsage
            [0x55, 0x1d, 15] => {
                let bits = Tlv::only(value)?.expect(BIT_STRING)?;
                self.key_usage = Some(bits.get(1).copied().unwrap_or(0));
            }
            // subjectAltName
            [0x55, 0x1d, 17] => {
                let names = Tlv::only(value)?.items(SEQUENCE)?.all()?;
                self.alternative_names = names.iter().map(|name| name.raw.to_vec()).collect();
            }
            // basicConstraints
            [0x55, 0x1d, 19] => {
                let mut fields = Tlv::only(value)?.items(SEQUENCE)?;
                let authority = fields.optional(BOOLEAN)?.is_some_and(|flag| flag.value != [0]);
                let most = match fields.optional(INTEGER)?.map(|length| length.value) {
                    None => None,
                    Some([length @ 0..0x80]) => Some(*length),
                    Some([0x80..=0xff, ..] | []) => return Err(Malformed),
                    Some(_) => Some(u8::MAX),
                };
                self.authority = Some((authority, most));
            }
            // nameConstraints
            [0x55, 0x1d, 30] => self.name_constraints = Some(value.to_vec()),
            // cRLDistributionPoints
            [0x55, 0x1d, 31] => {
                for point in Tlv::only(value)?.items(SEQUENCE)?.all()? {
                    if let Some(name) = point.items(SEQUENCE)?.optional(0xa0)? {
                        self.distribution_points.extend(full_names(name)?);
                    }
                }
            }
            // authorityKeyIdentifier
            [0x55, 0x1d, 35] => {
                let id = Tlv::only(value)?.items(SEQUENCE)?.optional(0x80)?;
                self.authority_key_id = id.map(|id| id.value.to_vec());
            }
            // extKeyUsage
            [0x55, 0x1d, 37] => {
                let purposes = Tlv::only(value)?.items(SEQUENCE)?.all()?;
                let purposes = purposes.iter().map(|purpose| purpose.expect(OID).map(<[u8]>::to_vec));
                self.extended_usage = Some((critical, purposes.collect::<Result<_, _>>()?));
            }
            OCSP_NOCHECK => self.ocsp_nocheck = true,
            // certificatePolicies: every policy is accepted, so that there is nothing to process.
            [0x55, 0x1d, 32] => {}
            _ => self.unknown_critical |= critical,
        }
        Ok(())
    }

    /// Whether the certificate `issuer` signed this one.
    pub(super) fn verify_under(&self, issuer: &Self, effort: &Effort) -> Result<(), Flaw> {
        let algorithm = Algorithm::read(&mut Items(&self.algorithm))?;
        verify(effort, &algorithm, &issuer.spki, Message::Bytes(&self.tbs), &self.signature, None)
    }

    /// Whether `issuer` is called what this one's issuer is called; key identifiers, where both have one, agree.
    pub(super) fn names_issuer(&self, issuer: &Self) -> bool {
        self.issuer == issuer.subject
            && match (&self.authority_key_id, &issuer.subject_key_id) {
                (Some(named), Some(id)) => named == id,
                _ => true,
            }
    }

    /// Whether the key identifiers of both are there and agree.
    pub(super) fn names_key_of(&self, issuer: &Self) -> bool {
        self.authority_key_id.is_some() && self.authority_key_id == issuer.subject_key_id
    }

    pub(super) fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }

    pub(super) fn in_force(&self, at: OffsetDateTime) -> bool {
        self.not_before <= at && at <= self.not_after
    }

    /// Whether the key may be used in any of these ways (bits of the key usage's first byte).
    pub(super) fn allows(&self, usage: u8) -> bool {
        self.key_usage.is_none_or(|allowed| allowed & usage != 0)
    }

    pub(super) fn has_purpose(&self, purpose: &[u8]) -> bool {
        self.extended_usage.as_ref().is_some_and(|(_, purposes)| purposes.iter().any(|named| named == purpose))
    }

    /// Whether it may sign documents: digitalSignature or nonRepudiation, and where purposes are named, not only those
    /// that are something else (a server's, code, time stamps, answers about revocation). Authorities name many
    /// purposes for documents, and most of them were not made for documents: e-mail, client authentication, their own.
    pub(super) fn may_sign_documents(&self) -> bool {
        let other = [EKU_SERVER, EKU_CODE, EKU_TIME_STAMPING, EKU_OCSP_SIGNING];
        let for_other = |purposes: &Vec<Vec<u8>>| purposes.iter().all(|purpose| other.contains(&purpose.as_slice()));
        self.allows(DIGITAL_SIGNATURE | NON_REPUDIATION)
            && !self.extended_usage.as_ref().is_some_and(|(_, purposes)| for_other(purposes))
    }

    /// Whether it may issue time stamps: RFC 3161 §2.3, where the purpose is critical and the only one.
    pub(super) fn may_stamp(&self) -> bool {
        let only = |(critical, purposes): &(bool, Vec<Vec<u8>>)| {
            *critical && purposes.iter().map(Vec::as_slice).eq([EKU_TIME_STAMPING])
        };
        self.allows(DIGITAL_SIGNATURE | NON_REPUDIATION) && self.extended_usage.as_ref().is_some_and(only)
    }

    pub(super) fn signer(&self) -> Signer {
        let digits = hex::encode(&self.serial);
        let serial = match digits.trim_start_matches('0') {
            "" => "0".to_owned(),
            digits => digits.to_owned(),
        };
        Signer {
            name: self.subject.attribute(&[0x55, 4, 3]),
            organisation: self.subject.only(&[0x55, 4, 10]),
            serial,
            issuer: self.issuer.rfc4514(),
            certificate: Digest(digest256(&self.der)),
        }
    }
}

/// The names in a DistributionPointName that are full ones.
pub(super) fn full_names(point: Tlv<'_>) -> Result<Vec<Vec<u8>>, Malformed> {
    match Items(point.value).optional(0xa0)? {
        Some(full) => Ok(Items(full.value).all()?.iter().map(|name| name.raw.to_vec()).collect()),
        None => Ok(Vec::new()),
    }
}

pub(super) fn digest256(bytes: &[u8]) -> [u8; 32] {
    Hash::Sha256.of(bytes).try_into().expect("SHA-256 has 32 bytes")
}
