//! The signatures of a PDF: where they are, what they cover, and in which order they are judged.
//!
//! A signature covers the file from its first byte to the end of a revision, but for its own value. That is checked by
//! where the value was read in the file and not by what the file says about itself, so that a signature that was moved, or
//! wrapped into another file, covers nothing. The signed bytes must end in an end-of-file marker whose cross-reference
//! section the last revision leads back to.
//!
//! Bytes after the last end-of-file marker that are not white space are no revision and nobody signed them: the coverage is
//! wrong. Where an earlier revision has a signature that the last hides, the file was changed after signing; where the last
//! only breaks its object, it is one signature that covers nothing.

use std::cell::RefCell;
use std::collections::BTreeSet;

use time::OffsetDateTime;

use super::algorithm::{Hash, Hasher};
use super::anchors::Anchors;
use super::certificate::Certificate;
use super::changes::compare;
use super::judge::{Court, Known, outcome, verdict};
use super::permission;
use super::place::{Kind, Signed, signed_fields, values};
use crate::pdf::{Fault, Object, Pdf, View, is_space, tail};
use crate::{Class, Level, Outcome, RULES_VERSION, Reason, SignatureVerdict, Verdict};

/// Certificates, lists and answers of a security store, each.
const STORE_MAX: usize = 500;
/// Size of one of them, and of all, unpacked, in bytes.
const STORE_BYTES_MAX: usize = 32 << 20;

/// Judges the signatures of a PDF at an instant.
///
/// A file that cannot be read far enough to tell whether it is signed gets the outcome of its reason, unless nothing in it
/// looks like a signature; then it is [`Outcome::Unsigned`], with the reason.
#[must_use]
pub fn judge_pdf(file: &[u8], anchors: Option<&Anchors>, at: OffsetDateTime) -> Verdict {
    let (reasons, signatures) = match judged(file, anchors, at) {
        Ok(signatures) => (BTreeSet::new(), signatures),
        Err(fault) => (BTreeSet::from([reason(fault)]), Vec::new()),
    };
    let outcome = match signatures.iter().map(|signature| signature.outcome).max() {
        Some(worst) => worst,
        None if looks_signed(file) && !reasons.is_empty() => outcome(&reasons),
        None => Outcome::Unsigned,
    };
    Verdict {
        outcome,
        reasons: reasons.into_iter().collect(),
        signatures,
        anchors: anchors.map(Anchors::digest),
        rules: RULES_VERSION,
    }
}

fn reason(fault: Fault) -> Reason {
    match fault {
        Fault::Malformed => Reason::MalformedFile,
        Fault::TooLarge => Reason::TooLarge,
        Fault::Encrypted => Reason::Encrypted,
    }
}

/// Whether a file that could not be read may be signed: what every signature has stands in it in plain letters.
fn looks_signed(file: &[u8]) -> bool {
    file.windows(9).any(|window| window == b"ByteRange")
}

fn judged(file: &[u8], anchors: Option<&Anchors>, at: OffsetDateTime) -> Result<Vec<SignatureVerdict>, Fault> {
    let pdf = Pdf::open(file)?;
    let mut all = signed_fields(&pdf)?;
    if all.is_empty() {
        return Ok(Vec::new());
    }
    all.sort_by_key(|signed| signed.end);
    let mut court = Court::new(anchors, at);
    read_store(pdf.now(), &mut court);
    let digests = Digests::new(file, &all);

    // Document time stamps, the last first: each is judged at the time that those after it prove.
    let mut time = at;
    let mut proofs: Vec<(usize, Option<OffsetDateTime>, BTreeSet<Reason>)> = Vec::new();
    for stamp in all.iter().rev().filter(|signed| signed.kind == Kind::TimeStamp) {
        if !stamp.reasons.is_empty() {
            proofs.push((stamp.hole, None, BTreeSet::from([Reason::TimestampWrong])));
            continue;
        }
        let judged = court.stamp(&stamp.contents, &mut |hash| digests.of(stamp, hash), time);
        time = judged.time.unwrap_or(time);
        proofs.push((stamp.hole, judged.time, judged.reasons));
    }

    let mut verdicts = Vec::new();
    for signed in all.into_iter().filter(|signed| signed.kind != Kind::TimeStamp) {
        let covering = || proofs.iter().filter(|(hole, _, _)| *hole >= signed.end);
        let covered = covering().filter_map(|(_, time, _)| *time).min();
        let mut reasons = signed.reasons.clone();
        for (_, time, about) in covering() {
            // What is wrong with a time stamp counts always; what is missing, only of those that are relied on.
            let relied = time.is_some() || covered.is_none();
            reasons.extend(about.iter().filter(|why| relied || why.class() == Class::Against));
        }
        reasons.extend(changed(&pdf, &signed));
        let known = Known { covered, is_covered: covering().next().is_some(), claimed: signed.claimed };
        let mut judged = if signed.kind == Kind::Document {
            court.signature(&signed.contents, &mut |hash| digests.of(&signed, hash), known, reasons)
        } else {
            reasons.insert(Reason::UnsupportedAlgorithm);
            verdict(reasons, Level::Basic, None, signed.claimed, None)
        };
        judged.covers_whole_file = signed.reaches_end(file);
        verdicts.push(judged);
    }
    Ok(verdicts)
}

/// What was changed after a signature was made, as reasons.
fn changed(pdf: &Pdf<'_>, signed: &Signed) -> Vec<Reason> {
    if signed.end == 0 {
        return Vec::new();
    }
    let mut reasons = match changed_after(pdf, signed) {
        Ok(reasons) => reasons,
        Err(fault) => vec![reason(fault)],
    };
    let last = pdf.end.max(signed.end);
    if !pdf.bytes[last..].iter().copied().all(is_space) {
        reasons.push(Reason::CoverageWrong);
    }
    reasons
}

fn changed_after(pdf: &Pdf<'_>, signed: &Signed) -> Result<Vec<Reason>, Fault> {
    // What was signed, by itself: it must be a file, with this signature in it.
    let Ok((section, eof)) = tail(&pdf.bytes[..signed.end]) else { return Ok(vec![Reason::CoverageWrong]) };
    if !pdf.bytes[eof..signed.end].iter().copied().all(is_space) {
        return Ok(vec![Reason::CoverageWrong]);
    }
    let Some(from) = pdf.sections.iter().position(|known| known.offset == section) else {
        return Ok(vec![Reason::ChangedAfterSigning]);
    };
    let old = View { pdf, from, end: signed.end };
    if !values(old)?.iter().any(|value| value.offset == Some(signed.offset)) || signed.offset >= signed.resume {
        return Ok(vec![Reason::CoverageWrong]);
    }
    if from == 0 {
        // Bytes behind it that no section is about: what the signed part points to there would be found now.
        return Ok(if signed.reaches_end(pdf.bytes) { Vec::new() } else { vec![Reason::CoverageWrong] });
    }
    compare(old, pdf.now(), &permission::read(old, &signed.dictionary)?)
}

/// Takes certificates and revocation information out of the security store. What cannot be read is left out: it is then
/// missing, and the verdict says so.
fn read_store(view: View<'_, '_>, court: &mut Court<'_>) {
    let Ok((_, catalog)) = view.catalog() else { return };
    let Ok(Object::Dictionary(store)) = view.value(&catalog, b"DSS") else { return };
    let mut left = STORE_BYTES_MAX;
    for key in [&b"Certs"[..], b"CRLs", b"OCSPs"] {
        let Ok(Object::Array(items)) = view.value(&store, key) else { continue };
        for item in items.iter().take(STORE_MAX) {
            let Ok(bytes) = view.follow(item).and_then(|stream| view.unpacked(&stream, left)) else { continue };
            left -= bytes.len();
            match key {
                b"Certs" => court.pool.extend(Certificate::read(&bytes)),
                b"CRLs" => court.embedded.lists.push(bytes.into()),
                _ => court.embedded.responses.push(bytes.into()),
            }
        }
    }
}

/// Digests of signed bytes. What several signatures have in common, all up to the first one's value and more, is hashed
/// once for each algorithm.
struct Digests<'a> {
    file: &'a [u8],
    /// Where values begin, ascending.
    stops: Vec<usize>,
    /// States after so many bytes of the file.
    states: RefCell<Vec<(Hash, usize, Hasher)>>,
    /// Bytes that may yet be hashed.
    left: RefCell<usize>,
}

impl<'a> Digests<'a> {
    fn new(file: &'a [u8], all: &[Signed]) -> Self {
        let mut stops: Vec<usize> = all.iter().map(|signed| signed.hole).collect();
        stops.sort_unstable();
        stops.dedup();
        let left = RefCell::new(file.len().saturating_mul(6).saturating_add(64 << 20));
        Self { file, stops, states: RefCell::default(), left }
    }

    fn of(&self, signed: &Signed, hash: Hash) -> Result<Vec<u8>, Reason> {
        if signed.end == 0 {
            return Err(Reason::CoverageWrong);
        }
        let mut states = self.states.borrow_mut();
        let nearest = states.iter().filter(|(kind, at, _)| *kind == hash && *at <= signed.hole);
        let (mut at, mut hasher) = match nearest.max_by_key(|(_, at, _)| *at) {
            Some((_, at, hasher)) => (*at, hasher.clone()),
            None => (0, Hasher::new(hash)),
        };
        self.spend(signed.hole - at + (signed.end - signed.resume))?;
        for stop in self.stops.iter().copied().filter(|stop| *stop <= signed.hole) {
            if stop > at {
                hasher.update(&self.file[at..stop]);
                at = stop;
                states.push((hash, at, hasher.clone()));
            }
        }
        hasher.update(&self.file[signed.resume..signed.end]);
        Ok(hasher.finish())
    }

    fn spend(&self, bytes: usize) -> Result<(), Reason> {
        let mut left = self.left.borrow_mut();
        *left = left.checked_sub(bytes).ok_or(Reason::TooLarge)?;
        Ok(())
    }
}
