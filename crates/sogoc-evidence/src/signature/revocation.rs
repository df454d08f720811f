//! Whether a certificate had been revoked at an instant: revocation lists (RFC 5280 §5) and answers of OCSP (RFC 6960).
//!
//! **What counts.** Information about a certificate counts if its issuer signed it, or, for OCSP, a responder that the
//! issuer appointed; a list must be complete for the certificate (no delta, no indirect list, no share of other reasons
//! or of another distribution point).
//! **Revoked** is what it says, with a date no later than the instant that is judged: then and for ever.
//! **Not revoked** is what it says only if it speaks about that instant: it was made at or after it, or the instant is
//! within its own term (`thisUpdate` to `nextUpdate`). Information without a term speaks about what was before it. What was
//! made after the certificate's own term ended says nothing, unless the list keeps what ended (`expiredCertsOnCRL`):
//! authorities take revoked certificates off their lists then.
//! Anything else is no information.

use std::sync::Arc;

use sha1::Digest as _;
use time::OffsetDateTime;

use super::algorithm::{Algorithm, Effort, Message, verify};
use super::certificate::{CRL_SIGN, Certificate, EKU_OCSP_SIGNING, full_names};
use super::name::DistinguishedName;
use super::tlv::{
    BIT_STRING, BOOLEAN, ENUMERATED, GENERALIZED_TIME, INTEGER, Items, Malformed, OCTET_STRING, OID, SEQUENCE, Tlv,
    UTC_TIME,
};

const BASIC_RESPONSE: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01];

/// What is known about one certificate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Status {
    /// It had not been revoked.
    Good,
    /// It had been revoked.
    Revoked,
    /// Nothing that counts was found.
    Unknown,
}

/// All that was found about revocation.
#[derive(Clone, Default)]
pub(super) struct Material {
    /// Revocation lists in DER.
    pub(super) lists: Vec<Arc<[u8]>>,
    /// Answers of OCSP in DER, with or without the envelope that says that they were successful.
    pub(super) responses: Vec<Arc<[u8]>>,
}

impl Material {
    /// Whether `certificate`, which `issuer` issued, had been revoked at an instant.
    pub(super) fn status(
        &self,
        certificate: &Certificate,
        issuer: &Certificate,
        at: OffsetDateTime,
        effort: &Effort,
    ) -> Status {
        self.status_within(certificate, issuer, at, effort, Responders::Checked)
    }

    fn status_within(
        &self,
        certificate: &Certificate,
        issuer: &Certificate,
        at: OffsetDateTime,
        effort: &Effort,
        responders: Responders,
    ) -> Status {
        let mut status = Status::Unknown;
        let lists = self.lists.iter().map(|list| listed(list, certificate, issuer, effort));
        let answers = self.responses.iter().map(|response| match responders {
            Responders::Checked => self.answered(response, certificate, issuer, effort),
            Responders::NotAsked => Ok(None),
        });
        for said in lists.chain(answers) {
            let Ok(Some(said)) = said else { continue };
            match said.revoked {
                Some(since) if since <= at => return Status::Revoked,
                _ if said.speaks_about(at) && said.knows_until(certificate.not_after) => status = Status::Good,
                _ => {}
            }
        }
        status
    }

    /// What an answer says about a certificate; nothing if it says nothing that counts.
    fn answered(
        &self,
        response: &[u8],
        certificate: &Certificate,
        issuer: &Certificate,
        effort: &Effort,
    ) -> Result<Option<Said>, Malformed> {
        if effort.hash(response.len()).is_err() {
            return Ok(None);
        }
        let answer = Answer::read(response)?;
        let mut found = None;
        for single in answer.responses.clone().all()? {
            let mut fields = single.items(SEQUENCE)?;
            if is_about(&mut fields.enter(SEQUENCE)?, certificate, issuer)? {
                found = said(&mut fields)?;
            }
        }
        let Some(found) = found else { return Ok(None) };
        Ok(self.is_authorised(&answer, issuer, found.this_update, effort)?.then_some(found))
    }

    /// Whether the issuer, or a responder that it appointed, made the answer.
    fn is_authorised(
        &self,
        answer: &Answer<'_>,
        issuer: &Certificate,
        made: OffsetDateTime,
        effort: &Effort,
    ) -> Result<bool, Malformed> {
        let signed_by = |spki: &[u8]| {
            verify(effort, &answer.algorithm, spki, Message::Bytes(answer.tbs), answer.signature, None).is_ok()
        };
        if answer.is_by(issuer) && signed_by(&issuer.spki) {
            return Ok(true);
        }
        for responder in &answer.certificates {
            if answer.is_by(responder)
                && responder.has_purpose(EKU_OCSP_SIGNING)
                && !responder.unknown_critical
                && responder.in_force(made)
                && responder.names_issuer(issuer)
                && signed_by(&responder.spki)
                && responder.verify_under(issuer, effort).is_ok()
            {
                // A responder's own certificate is asked about in lists, unless its issuer waived that.
                let asked = Responders::NotAsked;
                return Ok(responder.ocsp_nocheck
                    || self.status_within(responder, issuer, made, effort, asked) == Status::Good);
            }
        }
        Ok(false)
    }
}

/// Whether answers of responders are believed, or only lists.
#[derive(Clone, Copy)]
enum Responders {
    Checked,
    NotAsked,
}

/// What one list or answer says about one certificate.
struct Said {
    revoked: Option<OffsetDateTime>,
    this_update: OffsetDateTime,
    next_update: Option<OffsetDateTime>,
    /// Since when certificates whose term ended are listed still; none where they are left out.
    ended_since: Option<OffsetDateTime>,
}

impl Said {
    /// Whether it would say that a certificate was revoked whose term ends then: authorities leave out what ended before.
    fn knows_until(&self, not_after: OffsetDateTime) -> bool {
        self.this_update <= not_after || self.ended_since.is_some_and(|since| since <= not_after)
    }

    fn speaks_about(&self, at: OffsetDateTime) -> bool {
        at <= self.this_update || self.next_update.is_some_and(|next| at <= next)
    }
}

/// A basic OCSP response.
struct Answer<'a> {
    tbs: &'a [u8],
    algorithm: Algorithm<'a>,
    signature: &'a [u8],
    certificates: Vec<Arc<Certificate>>,
    responder: Tlv<'a>,
    responses: Items<'a>,
}

impl<'a> Answer<'a> {
    fn read(response: &'a [u8]) -> Result<Self, Malformed> {
        let mut outer = Tlv::only(response)?.items(SEQUENCE)?;
        if let Some(status) = outer.optional(ENUMERATED)? {
            let mut envelope = Tlv::only(outer.expect(0xa0)?)?.items(SEQUENCE)?;
            if status.value != [0] || envelope.expect(OID)? != BASIC_RESPONSE {
                return Err(Malformed);
            }
            outer = Tlv::only(envelope.expect(OCTET_STRING)?)?.items(SEQUENCE)?;
        }
        let tbs = outer.next()?;
        let algorithm = Algorithm::read(&mut outer)?;
        let signature = outer.next()?;
        signature.expect(BIT_STRING)?;
        let mut certificates = Vec::new();
        if let Some(list) = outer.optional(0xa0)? {
            for certificate in Tlv::only(list.value)?.items(SEQUENCE)?.all()?.iter().take(16) {
                certificates.push(Certificate::read(certificate.raw)?);
            }
        }
        let mut fields = tbs.items(SEQUENCE)?;
        fields.optional(0xa0)?;
        let responder = fields.next()?;
        fields.expect(GENERALIZED_TIME)?;
        let responses = fields.enter(SEQUENCE)?;
        Ok(Self { tbs: tbs.raw, algorithm, signature: signature.bits()?, certificates, responder, responses })
    }

    fn is_by(&self, certificate: &Certificate) -> bool {
        match self.responder.tag {
            0xa1 => DistinguishedName::new(self.responder.value) == certificate.subject,
            0xa2 => Tlv::only(self.responder.value).is_ok_and(|hash| {
                key_of(&certificate.spki).is_ok_and(|key| sha1::Sha1::digest(key).as_slice() == hash.value)
            }),
            _ => false,
        }
    }
}

/// The bits of a public key without their envelope.
fn key_of(spki: &[u8]) -> Result<&[u8], Malformed> {
    let mut fields = Tlv::only(spki)?.items(SEQUENCE)?;
    fields.next()?;
    fields.next()?.bits()
}

/// Whether a CertID names this certificate. The digests in it only name: whatever they are made with, what is believed is
/// the issuer's signature over serial number and status.
fn is_about(id: &mut Items<'_>, certificate: &Certificate, issuer: &Certificate) -> Result<bool, Malformed> {
    let algorithm = Algorithm::read(id)?;
    let (name, key, serial) = (id.expect(OCTET_STRING)?, id.expect(OCTET_STRING)?, id.expect(INTEGER)?);
    if serial != certificate.serial {
        return Ok(false);
    }
    let digest = |bytes: &[u8]| match super::algorithm::Hash::named(&algorithm) {
        Ok(hash) => hash.of(bytes),
        Err(_) => sha1::Sha1::digest(bytes).to_vec(),
    };
    let names = [&certificate.issuer.raw, &issuer.subject.raw];
    Ok(names.iter().any(|raw| digest(raw) == name) && digest(key_of(&issuer.spki)?) == key)
}

/// Status and times of a single response, after its CertID.
fn said(fields: &mut Items<'_>) -> Result<Option<Said>, Malformed> {
    let status = fields.next()?;
    let revoked = match status.tag {
        0x80 => None,
        0xa1 => Some(Items(status.value).next()?.time()?),
        _ => return Ok(None),
    };
    let this_update = fields.next()?.time()?;
    let next_update = fields.optional(0xa0)?.map(|next| Tlv::only(next.value)?.time()).transpose()?;
    Ok(Some(Said { revoked, this_update, next_update, ended_since: None }))
}

/// A revocation list.
struct List<'a> {
    tbs: &'a [u8],
    algorithm: Algorithm<'a>,
    signature: &'a [u8],
    issuer: DistinguishedName,
    this_update: OffsetDateTime,
    next_update: Option<OffsetDateTime>,
    entries: Items<'a>,
    extensions: Option<Tlv<'a>>,
}

impl<'a> List<'a> {
    fn read(list: &'a [u8]) -> Result<Self, Malformed> {
        let mut outer = Tlv::only(list)?.items(SEQUENCE)?;
        let tbs = outer.next()?;
        let algorithm = outer.next()?;
        let signature = outer.next()?.bits()?;
        let mut fields = tbs.items(SEQUENCE)?;
        fields.optional(INTEGER)?;
        if fields.next()?.raw != algorithm.raw {
            return Err(Malformed);
        }
        let algorithm = Algorithm::read(&mut Items(algorithm.raw))?;
        let issuer = DistinguishedName::new(fields.next()?.raw);
        let this_update = fields.next()?.time()?;
        let mut next_update = None;
        for tag in [UTC_TIME, GENERALIZED_TIME] {
            if let Some(next) = fields.optional(tag)? {
                next_update = Some(next.time()?);
            }
        }
        let entries = Items(fields.optional(SEQUENCE)?.map_or(&[], |entries| entries.value));
        let extensions = fields.optional(0xa0)?;
        Ok(Self { tbs: tbs.raw, algorithm, signature, issuer, this_update, next_update, entries, extensions })
    }

    /// Since when it keeps certificates whose term ended (expiredCertsOnCRL, X.509 §9.5.2.8).
    fn ended_since(&self) -> Result<Option<OffsetDateTime>, Malformed> {
        let Some(extensions) = self.extensions else { return Ok(None) };
        for extension in Tlv::only(extensions.value)?.items(SEQUENCE)?.all()? {
            let mut parts = extension.items(SEQUENCE)?;
            if parts.expect(OID)? == [0x55, 0x1d, 60] {
                parts.optional(BOOLEAN)?;
                return Tlv::only(parts.expect(OCTET_STRING)?)?.time().map(Some);
            }
        }
        Ok(None)
    }

    /// Whether it says something about every certificate of its issuer, or about those at a distribution point of this
    /// one's.
    fn covers(&self, certificate: &Certificate) -> Result<bool, Malformed> {
        let Some(extensions) = self.extensions else { return Ok(true) };
        for extension in Tlv::only(extensions.value)?.items(SEQUENCE)?.all()? {
            let mut parts = extension.items(SEQUENCE)?;
            let oid = parts.expect(OID)?;
            let critical = parts.optional(BOOLEAN)?.is_some_and(|flag| flag.value != [0]);
            let value = parts.expect(OCTET_STRING)?;
            let covers = match oid {
                // issuingDistributionPoint
                [0x55, 0x1d, 28] => share_covers(&mut Tlv::only(value)?.items(SEQUENCE)?, certificate)?,
                // A delta is critical, and so is whatever else would narrow it.
                _ => !critical,
            };
            if !covers {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn share_covers(fields: &mut Items<'_>, certificate: &Certificate) -> Result<bool, Malformed> {
    let point = fields.optional(0xa0)?;
    let authority = certificate.authority.is_some_and(|(authority, _)| authority);
    for field in fields.clone().all()? {
        let set = field.value != [0];
        match field.tag {
            // onlyContainsUserCerts, onlyContainsCACerts
            0x81 if set && authority => return Ok(false),
            0x82 if set && !authority => return Ok(false),
            0x81 | 0x82 => {}
            // onlySomeReasons, indirectCRL, onlyContainsAttributeCerts
            _ if set => return Ok(false),
            _ => {}
        }
    }
    match point {
        None => Ok(true),
        Some(point) => Ok(full_names(point)?.iter().any(|name| certificate.distribution_points.contains(name))),
    }
}

/// What a list says about a certificate; nothing if it says nothing that counts.
fn listed(
    list: &[u8],
    certificate: &Certificate,
    issuer: &Certificate,
    effort: &Effort,
) -> Result<Option<Said>, Malformed> {
    let list = List::read(list)?;
    if list.issuer != certificate.issuer
        || list.issuer != issuer.subject
        || !issuer.allows(CRL_SIGN)
        || !list.covers(certificate)?
        || verify(effort, &list.algorithm, &issuer.spki, Message::Bytes(list.tbs), list.signature, None).is_err()
    {
        return Ok(None);
    }
    let mut revoked = None;
    let mut entries = list.entries.clone();
    while !entries.is_empty() {
        let mut entry = entries.enter(SEQUENCE)?;
        if entry.expect(INTEGER)? == certificate.serial {
            revoked = Some(entry.next()?.time()?);
        }
    }
    let (this_update, next_update, ended_since) = (list.this_update, list.next_update, list.ended_since()?);
    Ok(Some(Said { revoked, this_update, next_update, ended_since }))
}

/// Whether bytes are a revocation list.
pub(super) fn check_list(der: &[u8]) -> Result<(), Malformed> {
    List::read(der).map(|_| ())
}

/// Whether bytes are an answer of OCSP that was successful.
pub(super) fn check_response(der: &[u8]) -> Result<(), Malformed> {
    Answer::read(der).map(|_| ())
}
