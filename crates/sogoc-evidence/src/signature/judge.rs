//! One signature judged: the value, the certificate, the chain, revocation and time, put together.
//!
//! **The judged instant.** Where a time stamp that holds proves when the signature existed, everything about the signer
//! is judged at that instant; where nothing does, at the instant the caller judges at. A stamp inside a signature is
//! itself judged at the time of the earliest document time stamp that covers it, and without one at the caller's instant.
//! Where revocation of a stamp's own authority cannot be told, the stamp still proves the time, and the verdict says what is
//! missing.
//! A stamp from a later time than the caller's instant, by more than five minutes, is not believed.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use time::{Duration, OffsetDateTime};

use super::algorithm::{Algorithm, Effort, Hash, key_strength};
use super::anchors::Anchors;
use super::certificate::Certificate;
use super::chain::{Chain, find};
use super::cms::{Cms, DATA, Role, TST_INFO};
use super::revocation::{Material, Status};
use super::tlv::{GENERALIZED_TIME, INTEGER, Items, Malformed, OCTET_STRING, OID, SEQUENCE, Tlv, definite};
use crate::{Class, Level, Outcome, Reason, SignatureVerdict};

/// How far a time stamp may be ahead of the caller's clock.
const AHEAD_MAX: Duration = Duration::minutes(5);
/// Time stamps in one signature.
const STAMPS_MAX: usize = 8;

/// What one file is judged with.
pub(super) struct Court<'a> {
    pub(super) anchors: Option<&'a Anchors>,
    pub(super) at: OffsetDateTime,
    /// Certificates that the file carries beside its signatures.
    pub(super) pool: Vec<Arc<Certificate>>,
    /// Revocation information that the file carries beside its signatures.
    pub(super) embedded: Material,
    pub(super) effort: Effort,
}

/// What a time stamp is worth.
pub(super) struct Stamp {
    /// When, if it is believed.
    pub(super) time: Option<OffsetDateTime>,
    pub(super) reasons: BTreeSet<Reason>,
}

/// What a chain is worth at an instant.
struct Trust {
    chain: Option<Chain>,
    reasons: BTreeSet<Reason>,
    /// Whether what the file carries told about revocation all along the chain.
    carried: bool,
}

/// What is already known of the time before a signature is judged.
#[derive(Clone, Copy)]
pub(super) struct Known {
    /// The time of the earliest document time stamp that covers it and is believed.
    pub(super) covered: Option<OffsetDateTime>,
    /// Whether any document time stamp covers it, believed or not.
    pub(super) is_covered: bool,
    /// When the file says it was signed, where the signature does not.
    pub(super) claimed: Option<OffsetDateTime>,
}

impl<'a> Court<'a> {
    pub(super) fn new(anchors: Option<&'a Anchors>, at: OffsetDateTime) -> Self {
        Self { anchors, at, pool: Vec::new(), embedded: Material::default(), effort: Effort::new() }
    }

    /// Judges a signature over content. `digest` makes the content's digest by the algorithm that the signature names; if
    /// it cannot, it says why. `reasons` are those that were found already.
    pub(super) fn signature(
        &self,
        der: &[u8],
        digest: &mut dyn FnMut(Hash) -> Result<Vec<u8>, Reason>,
        known: Known,
        mut reasons: BTreeSet<Reason>,
    ) -> SignatureVerdict {
        let Ok(cms) = Cms::read(der) else {
            reasons.insert(Reason::MalformedSignature);
            return verdict(reasons, Level::Basic, None, known.claimed, None);
        };
        // Content of its own would be signed beside what the file shows.
        if cms.content.is_some() {
            reasons.insert(Reason::MalformedSignature);
        }
        let content = cms.digest().ok().and_then(|hash| digest(hash).map_err(|why| reasons.insert(why)).ok());
        let found = cms.examine(DATA, content.as_deref(), &self.pool, Role::Document, &self.effort);
        reasons.extend(found.reasons);
        let claimed = cms.signing_time().or(known.claimed);
        let Some(leaf) = found.leaf else {
            return verdict(reasons, Level::Basic, None, claimed, None);
        };
        if !found.bound && !reasons.contains(&Reason::CertificateNotBound) {
            reasons.insert(Reason::BelowBaseline);
        }
        if !leaf.may_sign_documents() {
            reasons.insert(Reason::WrongKeyUsage);
        }

        let stamps: Vec<Stamp> = cms
            .stamps()
            .into_iter()
            .take(STAMPS_MAX)
            .map(|token| {
                let mut imprint = |hash: Hash| Ok(hash.of(cms.signature));
                self.stamp(token, &mut imprint, known.covered.unwrap_or(self.at))
            })
            .collect();
        let stamped = stamps.iter().filter_map(|stamp| stamp.time).min();
        let proven = stamped.into_iter().chain(known.covered).min();
        for stamp in &stamps {
            // What is wrong with a stamp counts always; what is missing, only where no other proves the time.
            let counts = |why: &&Reason| why.class() == Class::Against || proven.is_none() || stamp.time == stamped;
            reasons.extend(stamp.reasons.iter().filter(counts));
        }
        let about_stamps = [Reason::TimestampWrong, Reason::TimestampUntrusted];
        if proven.is_none() && !about_stamps.iter().any(|why| reasons.contains(why)) {
            reasons.insert(Reason::TimeClaimedOnly);
        }

        let judged = proven.unwrap_or(self.at);
        let trust = self.trust(&leaf, &cms, judged);
        reasons.extend(trust.reasons);
        if let Some(chain) = trust.chain.filter(|chain| !chain.in_force(judged)) {
            // Only claimed: the claim is good enough to ask for a proof, and not to do without one.
            let claim_holds = proven.is_none() && claimed.is_none_or(|claimed| chain.in_force(claimed));
            reasons.insert(if claim_holds { Reason::TimeNotProven } else { Reason::CertificateNotInForce });
        }
        if self.effort.is_spent() {
            reasons.insert(Reason::TooLarge);
        }
        let level = match () {
            () if !found.bound => Level::Basic,
            () if stamps.is_empty() && !known.is_covered => Level::BB,
            () if !trust.carried => Level::BT,
            () if !known.is_covered => Level::BLT,
            () => Level::BLTA,
        };
        verdict(reasons, level, Some(&leaf), claimed, proven)
    }

    /// Judges a time stamp, at an instant. `imprint` makes the digest of what is stamped.
    pub(super) fn stamp(
        &self,
        der: &[u8],
        imprint: &mut dyn FnMut(Hash) -> Result<Vec<u8>, Reason>,
        at: OffsetDateTime,
    ) -> Stamp {
        let because = |reason: Reason| Stamp { time: None, reasons: BTreeSet::from([reason]) };
        let Ok((der, _)) = definite(der) else { return because(Reason::TimestampWrong) };
        let Ok(cms) = Cms::read(&der) else { return because(Reason::TimestampWrong) };
        let Some(Ok(token)) = cms.content.map(Token::read) else { return because(Reason::TimestampWrong) };
        let content = cms.content.zip(cms.digest().ok()).map(|(content, hash)| hash.of(content));
        let found = cms.examine(TST_INFO, content.as_deref(), &self.pool, Role::Stamp, &self.effort);
        let unsupported = found.reasons.iter().all(|why| why.class() == Class::Missing);
        if !found.reasons.is_empty() {
            return because(if unsupported { Reason::TimestampUntrusted } else { Reason::TimestampWrong });
        }
        let made = match Hash::named(&token.algorithm).map(imprint) {
            Ok(Ok(made)) => made,
            Ok(Err(_)) | Err(super::algorithm::Flaw::Unsupported | super::algorithm::Flaw::TooMany) => {
                return because(Reason::TimestampUntrusted);
            }
            Err(super::algorithm::Flaw::Weak | super::algorithm::Flaw::Wrong) => {
                return because(Reason::TimestampWrong);
            }
        };
        let Some(leaf) = found.leaf.filter(|leaf| found.bound && made == token.imprint && leaf.may_stamp()) else {
            return because(Reason::TimestampWrong);
        };
        let trust = self.trust(&leaf, &cms, at);
        let broken = [Reason::ChainBroken, Reason::WeakAlgorithm];
        if trust.reasons.iter().any(|why| broken.contains(why)) {
            return because(Reason::TimestampWrong);
        }
        let held = trust.reasons.iter().all(|why| *why == Reason::NoRevocationInformation)
            && trust.chain.is_some_and(|chain| chain.in_force(at) && chain.in_force(token.time))
            && token.time <= at + AHEAD_MAX;
        match self.anchors {
            // That no anchors were given is said once, of the signature.
            None => Stamp { time: None, reasons: BTreeSet::new() },
            Some(_) if held => Stamp { time: Some(token.time), reasons: trust.reasons },
            Some(_) => because(Reason::TimestampUntrusted),
        }
    }

    /// The chain of a certificate and what is known about revocation along it, at an instant. Whether the chain is in
    /// force then is for the caller to ask.
    fn trust(&self, leaf: &Arc<Certificate>, cms: &Cms<'_>, at: OffsetDateTime) -> Trust {
        let Some(anchors) = self.anchors else {
            return Trust { chain: None, reasons: BTreeSet::from([Reason::NoAnchors]), carried: false };
        };
        // Once for each signature and time stamp: what the file carries is its own choice.
        let carried: usize = cms.certificates.iter().chain(&self.pool).map(|certificate| certificate.der.len()).sum();
        if self.effort.hash(carried).is_err() {
            return Trust { chain: None, reasons: BTreeSet::from([Reason::TooLarge]), carried: false };
        }
        let mut known: HashSet<&[u8]> = HashSet::new();
        let mut pool: Vec<Arc<Certificate>> = Vec::new();
        for certificate in cms.certificates.iter().chain(&self.pool).chain(&anchors.intermediates) {
            if known.insert(&certificate.der) {
                pool.push(Arc::clone(certificate));
            }
        }
        let (chain, mut reasons) = find(leaf, &pool, &anchors.roots, at, &self.effort);
        let mut carried = true;
        for (certificate, issuer) in chain.iter().flat_map(Chain::links) {
            if key_strength(&certificate.spki).is_err() {
                reasons.insert(Reason::WeakAlgorithm);
            }
            let ask = |material: &Material| material.status(certificate, issuer, at, &self.effort);
            let inside = [ask(&cms.material), ask(&self.embedded)];
            let configured = Material { lists: anchors.lists.clone(), responses: anchors.responses.clone() };
            let outside = ask(&configured);
            carried &= inside.contains(&Status::Good);
            if inside.contains(&Status::Revoked) || outside == Status::Revoked {
                reasons.insert(Reason::Revoked);
            } else if outside == Status::Unknown && !inside.contains(&Status::Good) {
                reasons.insert(Reason::NoRevocationInformation);
            }
        }
        // A signer who is an anchor has nothing to carry, which is not the same as carrying it.
        let carried = carried && chain.as_ref().is_some_and(|chain| !chain.certificates.is_empty());
        Trust { chain, reasons, carried }
    }
}

/// What a time stamp says: RFC 3161 §2.4.2.
struct Token<'a> {
    algorithm: Algorithm<'a>,
    imprint: &'a [u8],
    time: OffsetDateTime,
}

impl<'a> Token<'a> {
    fn read(content: &'a [u8]) -> Result<Self, Malformed> {
        let mut fields = Tlv::only(content)?.items(SEQUENCE)?;
        fields.expect(INTEGER)?;
        fields.expect(OID)?;
        let mut imprint: Items<'a> = fields.enter(SEQUENCE)?;
        let algorithm = Algorithm::read(&mut imprint)?;
        let imprint = imprint.expect(OCTET_STRING)?;
        fields.expect(INTEGER)?;
        let time = fields.next()?;
        time.expect(GENERALIZED_TIME)?;
        Ok(Self { algorithm, imprint, time: time.time()? })
    }
}

/// A signature's verdict: the worst of its reasons.
pub(super) fn verdict(
    reasons: BTreeSet<Reason>,
    level: Level,
    leaf: Option<&Arc<Certificate>>,
    claimed: Option<OffsetDateTime>,
    proven: Option<OffsetDateTime>,
) -> SignatureVerdict {
    SignatureVerdict {
        outcome: outcome(&reasons),
        reasons: reasons.into_iter().collect(),
        level,
        signer: leaf.map(|leaf| leaf.signer()),
        claimed,
        proven,
        covers_whole_file: true,
    }
}

/// What reasons weigh together.
pub(super) fn outcome(reasons: &BTreeSet<Reason>) -> Outcome {
    match reasons.iter().map(|reason| reason.class()).max() {
        None => Outcome::Valid,
        Some(Class::But) => Outcome::ValidBut,
        Some(Class::Missing) => Outcome::Indeterminate,
        Some(Class::Against) => Outcome::Invalid,
    }
}
