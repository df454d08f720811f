//! Chains of certificates, from a signer to an anchor: RFC 5280 §6, as far as documents need it.
//!
//! Our own and not `rustls-webpki`: that one is made for servers. It wants one extended key usage, refuses what is
//! an authority and signs, insists that a certificate's distribution point matches the list's where authorities leave one
//! out, verifies PSS with one length of salt only, and judges revocation as part of the search at a single instant, where
//! here the same chain is judged at the proven time and again at another.
//!
//! Not asked: policies (each is accepted). A critical extension that is not known breaks the chain.

use std::collections::BTreeSet;
use std::sync::Arc;

use time::OffsetDateTime;

use super::algorithm::{Effort, Flaw};
use super::certificate::{Certificate, KEY_CERT_SIGN};
use super::tlv::{Items, Malformed, SEQUENCE, Tlv};
use crate::Reason;

/// Certificates between a signer and an anchor, the signer's included.
const LENGTH_MAX: usize = 8;
/// Chains that are compared.
const CHAINS_MAX: usize = 16;
/// Certificates that are tried as issuers in one search. Authorities that certify each other make more ways than anybody
/// can walk.
const STEPS_MAX: u32 = 500;

/// A chain: the signer's certificate first, and the anchor that issued the last.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    /// Without the anchor; none where the signer's certificate is an anchor itself.
    pub(super) certificates: Vec<Arc<Certificate>>,
    pub(super) anchor: Arc<Certificate>,
}

impl Chain {
    /// The certificates with their issuers, the signer's first.
    pub(super) fn links(&self) -> impl Iterator<Item = (&Arc<Certificate>, &Arc<Certificate>)> {
        self.certificates.iter().zip(self.certificates.iter().skip(1).chain([&self.anchor]))
    }

    pub(super) fn in_force(&self, at: OffsetDateTime) -> bool {
        self.certificates.iter().all(|certificate| certificate.in_force(at))
    }

    /// Whether it breaks a rule that does not depend on time.
    fn is_broken(&self) -> bool {
        let mut authorities = 0_u8;
        for (position, (certificate, issuer)) in self.links().enumerate() {
            if position > 0 && !certificate.is_self_issued() {
                authorities = authorities.saturating_add(1);
            }
            let may_issue = match issuer.authority {
                Some((true, most)) => most.is_none_or(|most| authorities <= most),
                // A root from before extensions existed may be an anchor; it says nothing about itself.
                None => Arc::ptr_eq(issuer, &self.anchor) && issuer.key_usage.is_none(),
                Some((false, _)) => false,
            };
            let below = &self.certificates[..=position];
            if certificate.unknown_critical
                || !may_issue
                || !issuer.allows(KEY_CERT_SIGN)
                || !issuer.name_constraints.as_ref().is_none_or(|rules| within(rules, below).unwrap_or(false))
            {
                return true;
            }
        }
        false
    }
}

/// The best chain from `leaf` to one of `anchors`, through certificates of `pool`, at an instant: one that holds and is in
/// force then if there is one.
pub(super) fn find(
    leaf: &Arc<Certificate>,
    pool: &[Arc<Certificate>],
    anchors: &[Arc<Certificate>],
    at: OffsetDateTime,
    effort: &Effort,
) -> (Option<Chain>, BTreeSet<Reason>) {
    let mut search = Search { pool, anchors, effort, steps: STEPS_MAX, chains: Vec::new(), met: BTreeSet::new() };
    search.extend(&mut vec![Arc::clone(leaf)]);
    let Search { mut chains, met, .. } = search;
    chains.sort_by_key(|chain| (chain.is_broken(), !chain.in_force(at)));
    match chains.into_iter().next() {
        Some(chain) if chain.is_broken() => (Some(chain), BTreeSet::from([Reason::ChainBroken])),
        Some(chain) => (Some(chain), BTreeSet::new()),
        None if met.is_empty() => (None, BTreeSet::from([Reason::UnknownRoot])),
        None => (None, met),
    }
}

struct Search<'a> {
    pool: &'a [Arc<Certificate>],
    anchors: &'a [Arc<Certificate>],
    effort: &'a Effort,
    steps: u32,
    chains: Vec<Chain>,
    /// What kept chains from being found.
    met: BTreeSet<Reason>,
}

impl Search<'_> {
    fn extend(&mut self, path: &mut Vec<Arc<Certificate>>) {
        let Some(last) = path.last().cloned() else { return };
        if let Some(anchor) = self.anchors.iter().find(|anchor| anchor.der == last.der) {
            let certificates = path[..path.len() - 1].to_vec();
            self.chains.push(Chain { certificates, anchor: Arc::clone(anchor) });
            return;
        }
        for anchor in self.anchors {
            if self.chains.len() < CHAINS_MAX && last.names_issuer(anchor) && self.holds(&last, anchor) {
                self.chains.push(Chain { certificates: path.clone(), anchor: Arc::clone(anchor) });
            }
        }
        for issuer in self.pool {
            let again = path.iter().any(|other| other.subject == issuer.subject && other.spki == issuer.spki);
            if self.chains.len() < CHAINS_MAX
                && path.len() < LENGTH_MAX
                && !again
                && last.names_issuer(issuer)
                && self.holds(&last, issuer)
            {
                path.push(Arc::clone(issuer));
                self.extend(path);
                path.pop();
            }
        }
    }

    fn holds(&mut self, certificate: &Certificate, issuer: &Certificate) -> bool {
        let Some(steps) = self.steps.checked_sub(1) else {
            self.met.insert(Reason::TooLarge);
            return false;
        };
        self.steps = steps;
        let flaw = match certificate.verify_under(issuer, self.effort) {
            Ok(()) => return true,
            Err(flaw) => flaw,
        };
        let reason = match flaw {
            // Two authorities may bear one name. Only where it names this very key is it a forgery.
            Flaw::Wrong => certificate.names_key_of(issuer).then_some(Reason::ChainBroken),
            Flaw::Weak => Some(Reason::WeakAlgorithm),
            Flaw::Unsupported => Some(Reason::UnsupportedAlgorithm),
            Flaw::TooMany => Some(Reason::TooLarge),
        };
        self.met.extend(reason);
        false
    }
}

/// Whether the names of certificates are within name constraints: directory names and addresses of e-mail. Constraints of
/// another kind are broken by any name of that kind.
fn within(rules: &[u8], certificates: &[Arc<Certificate>]) -> Result<bool, Malformed> {
    let mut fields = Tlv::only(rules)?.items(SEQUENCE)?;
    let permitted = subtrees(fields.optional(0xa0)?)?;
    let excluded = subtrees(fields.optional(0xa1)?)?;
    for certificate in certificates {
        let mut names =
            certificate.alternative_names.iter().map(|name| Tlv::only(name)).collect::<Result<Vec<_>, _>>()?;
        if Tlv::only(&certificate.subject.raw)?.value.is_empty() || certificate.is_self_issued() {
            names.retain(|_| !certificate.is_self_issued());
        } else {
            // directoryName is tagged explicitly: a name is a choice.
            names.push(Tlv { tag: 0xa4, value: &certificate.subject.raw, raw: &certificate.subject.raw });
        }
        for name in names {
            let alike: Vec<_> = permitted.iter().filter(|base| base.tag == name.tag).collect();
            if !alike.is_empty() && !alike.iter().any(|base| falls_under(&name, base).unwrap_or(false)) {
                return Ok(false);
            }
            let out = |base: &Tlv<'_>| base.tag == name.tag && falls_under(&name, base).unwrap_or(true);
            if excluded.iter().any(out) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

fn subtrees(list: Option<Tlv<'_>>) -> Result<Vec<Tlv<'_>>, Malformed> {
    let Some(list) = list else { return Ok(Vec::new()) };
    Items(list.value).all()?.iter().map(|subtree| subtree.items(SEQUENCE)?.next()).collect()
}

/// Whether a name is under a base; none for kinds that are not compared here.
fn falls_under(name: &Tlv<'_>, base: &Tlv<'_>) -> Option<bool> {
    match name.tag {
        0xa4 => {
            let parts = |name: &Tlv<'_>| -> Option<Vec<Vec<u8>>> {
                let parts = Tlv::only(name.value).ok()?.items(SEQUENCE).ok()?.all().ok()?;
                Some(parts.iter().map(|part| part.raw.to_vec()).collect())
            };
            Some(parts(name)?.starts_with(&parts(base)?))
        }
        0x81 => {
            let name = name.value.to_ascii_lowercase();
            let base = base.value.to_ascii_lowercase();
            let host = &name[name.iter().rposition(|byte| *byte == b'@')? + 1..];
            Some(match base.first() {
                Some(b'.') => host.ends_with(&base),
                _ if base.contains(&b'@') => name == base,
                _ => host == base,
            })
        }
        _ => None,
    }
}
