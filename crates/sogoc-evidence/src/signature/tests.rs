//! Signatures that a real signer made with a test authority (`tests/files`), and what is done to them.

use time::OffsetDateTime;
use time::macros::datetime;

use super::tlv::{Items, Tlv, definite, encoded};
use super::{Anchors, AnchorsError, judge_detached, judge_pdf};
use crate::{Level, Outcome, Reason, Verdict};

const ANCHORS: &[u8] = include_bytes!("../../tests/files/anchors.pem");
const PDF: &[u8] = include_bytes!("../../tests/files/b-b.pdf");
const ARCHIVED: &[u8] = include_bytes!("../../tests/files/b-lta.pdf");
const PACKED: &[u8] = include_bytes!("../../tests/files/packed.pdf");
const CONTENT: &[u8] = include_bytes!("../../tests/files/minutes.txt");
const BESIDE: &[u8] = include_bytes!("../../tests/files/minutes.p7s");
const STAMPED: &[u8] = include_bytes!("../../tests/files/minutes-stamped.p7s");
const SIGNED: OffsetDateTime = datetime!(2022-06-01 02:00 UTC);
const AT: OffsetDateTime = datetime!(2022-07-01 00:00 UTC);

fn anchors() -> Anchors {
    Anchors::parse(ANCHORS).unwrap()
}

fn pdf(file: &[u8]) -> Verdict {
    judge_pdf(file, Some(&anchors()), AT)
}

fn beside(signature: &[u8]) -> Verdict {
    judge_detached(signature, &mut &*CONTENT, Some(&anchors()), AT).unwrap()
}

fn reasons(verdict: &Verdict) -> &[Reason] {
    &verdict.signatures[0].reasons
}

#[test]
fn a_basic_signature_names_its_signer_and_claims_its_time() {
    for file in [PDF, PACKED] {
        let verdict = pdf(file);
        assert_eq!(verdict.outcome, Outcome::ValidBut);
        assert_eq!(verdict.anchors, Some(anchors().digest()));
        let signature = &verdict.signatures[0];
        assert_eq!(signature.reasons, [Reason::TimeClaimedOnly]);
        assert_eq!(signature.level, Level::BB);
        assert_eq!(signature.claimed, Some(SIGNED));
        assert_eq!(signature.proven, None);
        assert!(signature.covers_whole_file);
        let signer = signature.signer.as_ref().unwrap();
        assert_eq!(signer.name.as_deref(), Some("Lãnh đạo Sở Xây dựng (TEST)"));
        assert_eq!(signer.organisation.as_deref(), Some("Sở Xây dựng (TEST)"));
        assert_eq!(signer.issuer, "CN=SOGOC TEST CA 1,O=SOGOC TEST PKI (không có giá trị pháp lý),C=VN");
        assert!(!signer.serial.is_empty() && !signer.serial.starts_with('0'));
    }
}

#[test]
fn an_archived_signature_proves_its_time() {
    let verdict = pdf(ARCHIVED);
    let signature = &verdict.signatures[0];
    assert_eq!(verdict.signatures.len(), 1, "a document time stamp is nobody's signature");
    assert_eq!(signature.reasons, [Reason::ExtendedAfterSigning]);
    assert_eq!(signature.level, Level::BLTA);
    assert_eq!(signature.proven, Some(SIGNED));
    assert!(!signature.covers_whole_file);
}

#[test]
fn the_same_file_is_judged_otherwise_with_other_anchors() {
    assert_eq!(reasons(&judge_pdf(PDF, None, AT)), [Reason::NoAnchors, Reason::TimeClaimedOnly]);
    let block = |number: usize| {
        let text = std::str::from_utf8(ANCHORS).unwrap();
        text.split_inclusive("-----END").nth(number).unwrap().len()
    };
    let end = block(0) + " CERTIFICATE-----\n".len();
    let root_only = Anchors::parse(&ANCHORS[..end]).unwrap();
    assert_eq!(root_only.certificates(), 1);
    let missing = judge_pdf(PDF, Some(&root_only), AT);
    assert_eq!(missing.outcome, Outcome::Indeterminate);
    assert_eq!(reasons(&missing), [Reason::NoRevocationInformation, Reason::TimeClaimedOnly]);
}

#[test]
fn a_certificate_that_is_out_of_force_needs_a_proof_of_time() {
    let later = datetime!(2045-01-01 00:00 UTC);
    let verdict = judge_pdf(PDF, Some(&anchors()), later);
    assert!(reasons(&verdict).contains(&Reason::TimeNotProven));
    assert_eq!(verdict.outcome, Outcome::Indeterminate);
}

#[test]
fn no_file_with_a_flipped_bit_among_the_signed_is_valid() {
    let hole = PDF.windows(11).position(|window| window == b"/Contents <").unwrap() + 10;
    let resume = hole + PDF[hole..].iter().position(|byte| *byte == b'>').unwrap() + 1;
    for at in (0..hole).chain(resume..PDF.len()).step_by(7) {
        let mut file = PDF.to_vec();
        file[at] ^= 0x10;
        assert!(pdf(&file).outcome > Outcome::ValidBut, "byte {at}");
    }
}

#[test]
fn the_signed_section_named_again_behind_the_end_covers_nothing() {
    let (section, _) = crate::pdf::tail(PDF).unwrap();
    let more = format!("50 0 obj\n(prepared)\nendobj\nstartxref\n{section}\n%%EOF\n");
    let verdict = pdf(&[PDF, more.as_bytes()].concat());
    assert!(reasons(&verdict).contains(&Reason::CoverageWrong));
    assert_eq!(verdict.outcome, Outcome::Invalid);
}

#[test]
fn a_claimed_date_beyond_all_dates_is_none() {
    let at = PDF.windows(4).rposition(|window| window == b"/M (").unwrap();
    let mut file = PDF.to_vec();
    let date = b"/M(D:99991231235959-23)";
    file[at..at + date.len()].copy_from_slice(date);
    let end = at + date.len() + file[at + date.len()..].iter().position(|byte| *byte == b')').unwrap();
    file[at + date.len()..=end].fill(b' ');
    assert_eq!(pdf(&file).outcome, Outcome::Invalid);
}

#[test]
fn what_follows_the_last_revision_is_signed_by_nobody() {
    assert_eq!(pdf(&[PDF, b"\r\n \n"].concat()).outcome, Outcome::ValidBut);
    let trailing = pdf(&[PDF, b"\n% more\n"].concat());
    assert_eq!(reasons(&trailing), [Reason::CoverageWrong, Reason::TimeClaimedOnly]);
    let section = pdf(&[PDF, b"startxref\n9\n%%EOF\n"].concat());
    assert_eq!((section.outcome, section.reasons.as_slice()), (Outcome::Invalid, &[Reason::MalformedFile][..]));
}

#[test]
fn a_file_that_cannot_be_read_is_unsigned_only_if_nothing_looks_like_a_signature() {
    let broken = pdf(b"%PDF-1.7\nno file");
    assert_eq!((broken.outcome, broken.reasons.as_slice()), (Outcome::Unsigned, &[Reason::MalformedFile][..]));
    assert_eq!(pdf(&PDF[..PDF.len() - 100]).outcome, Outcome::Unsigned, "cut back to before it was signed");
    let broken = pdf(b"%PDF-1.7\n/ByteRange");
    assert_eq!(broken.outcome, Outcome::Invalid);
}

#[test]
fn a_signature_beside_its_content_is_judged_in_der_and_pem() {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(BESIDE);
    for label in ["PKCS7", "CMS"] {
        let pem = format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n");
        assert_eq!(beside(pem.as_bytes()), beside(BESIDE));
    }
    assert_eq!(reasons(&beside(BESIDE)), [Reason::TimeClaimedOnly]);
    let stamped = beside(STAMPED);
    assert_eq!((stamped.outcome, stamped.signatures[0].level), (Outcome::Valid, Level::BT));
    assert_eq!(stamped.signatures[0].proven, Some(SIGNED));
    let mut other: &[u8] = b"other";
    let wrong = judge_detached(STAMPED, &mut other, Some(&anchors()), AT).unwrap();
    assert_eq!(reasons(&wrong), [Reason::DigestMismatch]);
    assert_eq!(reasons(&beside(&[BESIDE, b"x"].concat())), [Reason::MalformedSignature]);
    assert_eq!(reasons(&beside(b"")), [Reason::MalformedSignature]);
}

/// A signer that streams writes the lengths of what holds other things when it ends, which is to say never.
fn streamed(tlv: Tlv<'_>, depth: usize) -> Vec<u8> {
    if tlv.tag & 0x20 == 0 || depth > 3 {
        return tlv.raw.to_vec();
    }
    let inner: Vec<u8> = Items(tlv.value).all().unwrap().iter().flat_map(|part| streamed(*part, depth + 1)).collect();
    [&[tlv.tag, 0x80][..], &inner, &[0, 0]].concat()
}

#[test]
fn lengths_that_are_not_told_are_made_definite() {
    let streamed = streamed(Tlv::only(BESIDE).unwrap(), 0);
    assert_ne!(streamed, BESIDE);
    assert_eq!(definite(&streamed), Ok((BESIDE.to_vec(), streamed.len())));
    assert_eq!(beside(&streamed), beside(BESIDE));
    let pieces = [&[0x24, 0x80][..], &encoded(4, b"ab"), &encoded(4, b"c"), &[0, 0, 9]].concat();
    assert_eq!(definite(&pieces), Ok((encoded(4, b"abc"), pieces.len() - 1)));
    assert!(definite(&[0x30, 0x80].repeat(10_000)).is_err());
    assert!(definite(&[0x04, 0x80, 0, 0]).is_err(), "what holds nothing has a length");
    assert!(definite(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]).is_err());
}

#[test]
fn an_instant_may_have_fractions_and_must_exist() {
    let time = |tag: u8, text: &str| Tlv::only(&encoded(tag, text.as_bytes())).unwrap().time().ok();
    assert_eq!(time(0x17, "220601020000Z"), Some(SIGNED));
    assert_eq!(time(0x17, "500601020000Z"), Some(datetime!(1950-06-01 02:00 UTC)));
    assert_eq!(time(0x18, "20220601020000.25Z"), Some(datetime!(2022-06-01 02:00:00.25 UTC)));
    assert_eq!(time(0x18, "20220601020000.0000000001Z"), Some(SIGNED));
    for text in ["20220601020000", "20220230020000Z", "2022060102Z", "20220601020000.Z", "20220601020000+0000", ""] {
        assert_eq!(time(0x18, text), None, "{text}");
    }
}

#[test]
fn an_anchors_file_is_refused_with_block_line_and_remedy() {
    let text = std::str::from_utf8(ANCHORS).unwrap();
    let refused = |pem: &str| Anchors::parse(pem.as_bytes()).err().unwrap();
    assert_eq!(refused("roots of ours\n"), AnchorsError::Empty);
    let label = |error: AnchorsError| error.to_string();
    let key = "\n-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    assert_eq!(
        label(refused(key)),
        "line 2, block 1: `PRIVATE KEY` does not belong here: give `CERTIFICATE`, `X509 CRL` and `OCSP RESPONSE`"
    );
    let cut = &text[..text.find("-----END").unwrap()];
    assert!(
        label(refused(&cut[cut.find("-----BEGIN").unwrap()..]))
            .starts_with("line 1, block 1 (`CERTIFICATE`): `-----END CERTIFICATE-----` is missing")
    );
    let noise = "-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n";
    assert!(label(refused(noise)).starts_with("line 1, block 1 (`X509 CRL`): it is not a revocation list"));
    let noise = "-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n";
    assert!(label(refused(noise)).contains("it is not base64"));
    let first = &text[..text.find("-----END CERTIFICATE-----\n").unwrap() + "-----END CERTIFICATE-----\n".len()];
    assert!(label(refused(&format!("{first}{first}"))).contains("block 2: this certificate is in the file already"));
    assert_ne!(Anchors::parse(format!("our roots\n{text}").as_bytes()).unwrap().digest(), anchors().digest());
}

#[test]
fn a_name_is_the_same_in_another_string_case_and_spacing() {
    use super::name::DistinguishedName;
    let name = |tag: u8, text: &str| {
        let attribute = [encoded(6, &[0x55, 4, 3]), encoded(tag, text.as_bytes())].concat();
        DistinguishedName::new(&encoded(0x30, &encoded(0x31, &encoded(0x30, &attribute))))
    };
    assert_eq!(name(0x0c, "Test  Root"), name(0x13, "TEST root "));
    assert_eq!(name(0x0c, "GỐC THỬ").attribute(&[0x55, 4, 3]).as_deref(), Some("GỐC THỬ"));
    assert_eq!(name(0x0c, "GỐC THỬ"), name(0x0c, "gốc thử"));
    assert_ne!(name(0x0c, "Test Root"), name(0x0c, "TestRoot"));
    assert_ne!(name(0x04, "Test Root"), name(0x0c, "Test Root"), "what is no text is compared as it is");
}
