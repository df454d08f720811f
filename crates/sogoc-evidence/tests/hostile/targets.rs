//! What must hold of every input, one function for each kind: that it ends, that a verdict is consistent in itself, and that
//! nothing is believed that nobody signed. Called by the test beside it and by the fuzzer (`fuzz/`), which finds the inputs.
//!
//! The files were made with a test authority by the peer of `tests/peers/pades`.

use std::ops::Range;
use std::sync::OnceLock;

use sogoc_evidence::{
    ActiveContent, Anchors, Class, Digest, Outcome, Reason, SignatureVerdict, Verdict, active_content, judge_detached,
    judge_pdf,
};
use time::OffsetDateTime;
use time::macros::datetime;

/// A target's name, its function, and inputs from which the search for others begins.
pub(crate) struct Target {
    /// Name of the fuzz target.
    pub(crate) name: &'static str,
    /// Panics where something does not hold.
    pub(crate) run: fn(&[u8]),
    /// Valid inputs.
    pub(crate) seeds: fn() -> Vec<Vec<u8>>,
}

/// Every target.
pub(crate) const TARGETS: [Target; 4] = [
    Target { name: "pdf_signature", run: pdf_signature, seeds: pdfs },
    Target { name: "pdf_active", run: pdf_active, seeds: active_pdfs },
    Target { name: "cms_detached", run: cms_detached, seeds: detached },
    Target { name: "trust_anchors", run: trust_anchors, seeds: anchor_files },
];

/// When everything is judged: some weeks after it was signed.
const AT: OffsetDateTime = datetime!(2022-07-01 00:00 UTC);

const ANCHORS: &[u8] = include_bytes!("../files/anchors.pem");
const CONTENT: &[u8] = include_bytes!("../files/minutes.txt");
const PDFS: [&[u8]; 4] = [
    include_bytes!("../files/b-b.pdf"),
    include_bytes!("../files/b-lta.pdf"),
    include_bytes!("../files/form.pdf"),
    include_bytes!("../files/packed.pdf"),
];
const DETACHED: [&[u8]; 2] = [include_bytes!("../files/minutes.p7s"), include_bytes!("../files/minutes-stamped.p7s")];

fn anchors() -> &'static Anchors {
    static ANCHORS_READ: OnceLock<Anchors> = OnceLock::new();
    ANCHORS_READ.get_or_init(|| Anchors::parse(ANCHORS).expect("the anchors of the test authority"))
}

fn pdfs() -> Vec<Vec<u8>> {
    let small = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog /AcroForm << /Fields [2 0 R] >> >>\nendobj\n\
        2 0 obj\n<< /FT /Sig /T (a) /V 3 0 R >>\nendobj\n\
        3 0 obj\n<< /SubFilter /ETSI.CAdES.detached /ByteRange [0 9 9 9] /Contents <30000000> >>\nendobj\n\
        xref\n0 4\n0000000000 65535 f \n0000000009 00000 n \n0000000081 00000 n \n0000000128 00000 n \n\
        trailer\n<< /Size 4 /Root 1 0 R >>\nstartxref\n228\n%%EOF\n";
    PDFS.iter().map(|file| file.to_vec()).chain([small.to_vec()]).collect()
}

fn active_pdfs() -> Vec<Vec<u8>> {
    let script = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog /OpenAction << /S /Java#53cript /JS (1) >> >>\nendobj\n\
        2 0 obj\n<< /S /Launch /F << /EF << /F 1 0 R >> >> >>\nendobj\n\
        xref\n0 3\n0000000000 65535 f \n0000000009 00000 n \n0000000087 00000 n \n\
        trailer\n<< /Size 3 /Root 1 0 R >>\nstartxref\n148\n%%EOF\n";
    vec![PDFS[0].to_vec(), PDFS[3].to_vec(), script.to_vec()]
}

fn detached() -> Vec<Vec<u8>> {
    DETACHED.iter().map(|file| file.to_vec()).collect()
}

fn anchor_files() -> Vec<Vec<u8>> {
    vec![ANCHORS.to_vec()]
}

/// The signed bytes of a file around each of its signatures, as its own text says.
fn signed_parts(file: &[u8]) -> Vec<(Range<usize>, Range<usize>)> {
    let mut parts = Vec::new();
    let word = b"/ByteRange [";
    for at in (0..file.len()).filter(|at| file[*at..].starts_with(word)) {
        let text: Vec<u8> = file[at + word.len()..].iter().copied().take_while(|byte| *byte != b']').collect();
        let numbers: Vec<usize> =
            String::from_utf8_lossy(&text).split_whitespace().filter_map(|number| number.parse().ok()).collect();
        if let [0, hole, resume, rest] = numbers[..] {
            parts.push((0..hole, resume..resume + rest));
        }
    }
    parts
}

fn is_consistent(verdict: &Verdict) {
    assert_eq!(verdict.anchors, Some(anchors().digest()), "the anchors that were judged by are named");
    assert!(verdict.reasons.is_sorted() && verdict.reasons.windows(2).all(|pair| pair[0] != pair[1]));
    let worst = verdict.signatures.iter().map(|signature| signature.outcome).max();
    match worst {
        Some(worst) => assert_eq!(verdict.outcome, worst, "a file is worth what the worst of its signatures is"),
        None => assert_ne!(verdict.outcome, Outcome::Valid, "without a signature nothing is valid"),
    }
    verdict.signatures.iter().for_each(signature_is_consistent);
}

fn signature_is_consistent(signature: &SignatureVerdict) {
    let reasons = &signature.reasons;
    assert!(reasons.is_sorted() && reasons.windows(2).all(|pair| pair[0] != pair[1]));
    let outcome = match reasons.iter().map(|reason| reason.class()).max() {
        None => Outcome::Valid,
        Some(Class::But) => Outcome::ValidBut,
        Some(Class::Missing) => Outcome::Indeterminate,
        Some(Class::Against) => Outcome::Invalid,
    };
    assert_eq!(signature.outcome, outcome, "a signature is worth what the worst of its reasons is: {reasons:?}");
    if outcome <= Outcome::ValidBut {
        assert!(signature.signer.is_some(), "who signed is known where a signature is valid");
        let timed = signature.proven.is_some() != reasons.contains(&Reason::TimeClaimedOnly);
        assert!(timed, "the time of a valid signature is proven, or it is said that it is not");
    }
}

fn pdf_signature(file: &[u8]) {
    let verdict = judge_pdf(file, Some(anchors()), AT);
    is_consistent(&verdict);
    if verdict.outcome <= Outcome::ValidBut {
        let was_signed = |seed: &&[u8]| {
            let same = |range: &Range<usize>| file.get(range.clone()) == seed.get(range.clone());
            signed_parts(seed).iter().any(|(before, after)| same(before) && same(after))
        };
        assert!(PDFS.iter().any(was_signed), "what is valid begins with what somebody signed");
    }
    let without = judge_pdf(file, None, AT);
    assert!(without.outcome > Outcome::ValidBut, "without anchors nobody is believed");
}

fn pdf_active(file: &[u8]) {
    let active = active_content(file);
    assert!(active.windows(2).all(|pair| pair[0] < pair[1]), "sorted, each once: {active:?}");
    if !file.starts_with(b"%PDF-") {
        assert_eq!(active, [ActiveContent::NotLookedAt], "what is no PDF is not looked at");
    }
}

fn cms_detached(signature: &[u8]) {
    let judged = |mut content: &[u8]| judge_detached(signature, &mut content, Some(anchors()), AT).expect("memory");
    let verdict = judged(CONTENT);
    is_consistent(&verdict);
    assert_eq!(verdict.signatures.len(), 1, "a signature beside a file is one");
    let other = judged(b"another content");
    is_consistent(&other);
    assert_eq!(other.outcome.max(Outcome::Indeterminate), other.outcome, "nobody signed this content");
}

fn trust_anchors(pem: &[u8]) {
    match Anchors::parse(pem) {
        Ok(anchors) => {
            assert!(anchors.certificates() > 0, "anchors without a certificate are refused");
            assert_ne!(anchors.digest(), Digest([0; 32]));
            let verdict = judge_pdf(PDFS[0], Some(&anchors), AT);
            assert!(!verdict.signatures.is_empty(), "other anchors do not make a file unsigned");
        }
        Err(error) => assert!(error.to_string().contains(": "), "an error says what to do: {error}"),
    }
}
