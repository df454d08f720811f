//! Where the signatures of a PDF are: the fields of its form, their values, and the bytes that each says it signs.

use std::collections::{BTreeSet, HashSet};

use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

use super::tlv::definite;
use crate::Reason;
use crate::pdf::{Dictionary, Fault, Id, Object, Pdf, Place, View, is_space};

/// Signatures and document time stamps of one file.
const SIGNATURES_MAX: usize = 64;
/// Fields of a form that are looked at, and how deep they lie in one another.
const FIELDS_MAX: usize = 100_000;
const DEPTH_MAX: usize = 32;
/// Earlier revisions that are searched for signatures that the last hides.
const REVISIONS_MAX: usize = 128;
/// Size of all signature values together, in bytes.
const CONTENTS_BYTES_MAX: usize = 16 << 20;

/// What a signature's value is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Document,
    TimeStamp,
    Unknown,
}

/// A signature in a file, and what was found about where it is.
pub(super) struct Signed {
    pub(super) kind: Kind,
    /// Its object, and where that begins.
    pub(super) id: Option<Id>,
    pub(super) offset: usize,
    pub(super) dictionary: Dictionary,
    /// The value, without padding and with definite lengths.
    pub(super) contents: Vec<u8>,
    /// Where the value begins and ends in the file, and where the signed bytes end.
    pub(super) hole: usize,
    pub(super) resume: usize,
    pub(super) end: usize,
    pub(super) claimed: Option<OffsetDateTime>,
    pub(super) reasons: BTreeSet<Reason>,
}

impl Signed {
    /// Whether nothing but white space follows the signed bytes.
    pub(super) fn reaches_end(&self, file: &[u8]) -> bool {
        file.get(self.end..).is_some_and(|rest| rest.iter().copied().all(is_space))
    }
}

/// The signatures of the last revision, and those of earlier ones that it hides.
pub(super) fn signed_fields(pdf: &Pdf<'_>) -> Result<Vec<Signed>, Fault> {
    let mut all = Vec::new();
    let mut seen = HashSet::new();
    for value in values(pdf.now())? {
        if seen.insert(value.offset) {
            all.push(signed(pdf, value)?);
        }
    }
    let earlier: Vec<usize> = (1..pdf.sections.len()).filter(|from| !pdf.sections[from - 1].hybrid).collect();
    if earlier.len() > REVISIONS_MAX {
        return Err(Fault::TooLarge);
    }
    for from in earlier {
        let found = match values(View { pdf, from, end: pdf.bytes.len() }) {
            Ok(found) => found,
            // The first section of a linearized file is no revision: it cannot be read alone.
            Err(Fault::Malformed | Fault::Encrypted) => continue,
            Err(Fault::TooLarge) => return Err(Fault::TooLarge),
        };
        for value in found {
            if seen.insert(value.offset) {
                let mut hidden = signed(pdf, value)?;
                let broken = |other: &Signed| other.id == hidden.id && other.end == 0;
                if all.iter().any(broken) {
                    continue;
                }
                hidden.reasons.insert(Reason::ChangedAfterSigning);
                all.push(hidden);
            }
        }
    }
    // Objects may lie in one another: each value within its limit is not all of them within the file's size.
    let bytes: usize = all.iter().map(|signed| signed.contents.len()).sum();
    if all.len() > SIGNATURES_MAX || bytes > CONTENTS_BYTES_MAX { Err(Fault::TooLarge) } else { Ok(all) }
}

/// The value of a signature field: its object and where that is, if it is an object of its own.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Value {
    pub(super) id: Option<Id>,
    pub(super) offset: Option<usize>,
}

/// The values of the signature fields of a revision.
pub(super) fn values(view: View<'_, '_>) -> Result<Vec<Value>, Fault> {
    let (_, catalog) = view.catalog()?;
    let Object::Dictionary(form) = view.value(&catalog, b"AcroForm")? else { return Ok(Vec::new()) };
    let Object::Array(fields) = view.value(&form, b"Fields")? else { return Ok(Vec::new()) };
    let mut open: Vec<(Object, bool, usize)> = fields.into_iter().map(|field| (field, false, 0)).collect();
    open.reverse();
    let mut seen = HashSet::new();
    let mut values = Vec::new();
    while let Some((field, inherited, depth)) = open.pop() {
        if depth > DEPTH_MAX || seen.len() > FIELDS_MAX {
            return Err(Fault::TooLarge);
        }
        if field.as_reference().is_some_and(|id| !seen.insert(id)) {
            continue;
        }
        let Object::Dictionary(field) = view.follow(&field)? else { continue };
        let kind = view.value(&field, b"FT")?;
        let is_signature = kind.as_name().map_or(inherited, |kind| kind == b"Sig");
        if is_signature && let Some(value) = field.get(b"V").filter(|value| **value != Object::Null) {
            let id = value.as_reference();
            values.push(Value { id, offset: id.map(|id| offset(view, id)).transpose()?.flatten() });
        }
        if let Object::Array(kids) = view.value(&field, b"Kids")? {
            open.extend(kids.into_iter().rev().map(|kid| (kid, is_signature, depth + 1)));
        }
    }
    Ok(values)
}

fn offset(view: View<'_, '_>, id: Id) -> Result<Option<usize>, Fault> {
    match view.locate(id.number)? {
        Some(Place::At { offset, generation }) if generation == id.generation => Ok(Some(offset)),
        _ => Ok(None),
    }
}

/// Reads the signature at an offset and checks where it is.
fn signed(pdf: &Pdf<'_>, value: Value) -> Result<Signed, Fault> {
    let unplaced = |reason| Signed {
        kind: Kind::Document,
        id: value.id,
        offset: value.offset.unwrap_or_default(),
        dictionary: Dictionary::default(),
        contents: Vec::new(),
        hole: 0,
        resume: 0,
        end: 0,
        claimed: None,
        reasons: BTreeSet::from([reason]),
    };
    let Some(offset) = value.offset else { return Ok(unplaced(Reason::CoverageWrong)) };
    let dictionary = match pdf.now().read(offset) {
        Ok((_, Object::Dictionary(dictionary), _)) if !dictionary.is_ambiguous() => dictionary,
        Err(Fault::TooLarge) => return Err(Fault::TooLarge),
        _ => return Ok(unplaced(Reason::MalformedSignature)),
    };
    let kind = match (dictionary.name(b"SubFilter"), dictionary.name(b"Type")) {
        (Some(b"ETSI.RFC3161"), _) => Kind::TimeStamp,
        (Some(b"adbe.pkcs7.detached" | b"ETSI.CAdES.detached"), None | Some(b"Sig")) => Kind::Document,
        _ => Kind::Unknown,
    };
    let mut reasons = BTreeSet::new();
    let place = placed(pdf.bytes, &dictionary);
    let (hole, resume, end) = place.unwrap_or_else(|| {
        reasons.insert(Reason::CoverageWrong);
        (0, 0, 0)
    });
    let padded = dictionary.get(b"Contents").and_then(Object::as_string).unwrap_or_default();
    let mut contents = Vec::new();
    match definite(padded) {
        _ if padded.len() > CONTENTS_BYTES_MAX => {
            reasons.insert(Reason::TooLarge);
        }
        Ok((value, taken)) => {
            if padded[taken..].iter().any(|byte| *byte != 0) {
                reasons.insert(Reason::CoverageWrong);
            }
            contents = value;
        }
        Err(_) => {
            reasons.insert(Reason::MalformedSignature);
        }
    }
    let claimed = dictionary.get(b"M").and_then(Object::as_string).and_then(date);
    Ok(Signed { kind, id: value.id, offset, dictionary, contents, hole, resume, end, claimed, reasons })
}

/// Hole and end of the signed bytes, if they are as they must be.
fn placed(bytes: &[u8], dictionary: &Dictionary) -> Option<(usize, usize, usize)> {
    let range = dictionary.get(b"ByteRange")?.as_array()?;
    let range: Vec<usize> = range.iter().map(Object::as_size).collect::<Option<_>>()?;
    let &[0, hole, resume, rest] = range.as_slice() else { return None };
    let span = &dictionary.entry(b"Contents")?.span;
    let end = resume.checked_add(rest).filter(|end| *end <= bytes.len())?;
    let is_hexadecimal = bytes.get(hole) == Some(&b'<') && bytes.get(hole + 1) != Some(&b'<');
    (span.start == hole && span.end == resume && is_hexadecimal && rest > 0).then_some((hole, resume, end))
}

/// A date as PDF writes it (§7.9.4): `D:YYYYMMDDHHmmSSOHH'mm'`, everything after the year as it may be left out.
fn date(text: &[u8]) -> Option<OffsetDateTime> {
    let mut rest = text.strip_prefix(b"D:")?;
    let mut number = |digits: usize, otherwise: u16| -> Option<u16> {
        match rest.split_at_checked(digits) {
            Some((part, after)) if part.iter().all(u8::is_ascii_digit) => {
                rest = after;
                Some(part.iter().fold(0, |number, digit| number * 10 + u16::from(digit - b'0')))
            }
            _ => Some(otherwise),
        }
    };
    let year = number(4, 0)?;
    let mut part = |otherwise: u16| number(2, otherwise).and_then(|part| u8::try_from(part).ok());
    let (month, day) = (part(1)?, part(1)?);
    let (hour, minute, second) = (part(0)?, part(0)?, part(0)?);
    let sign: i8 = match rest.first() {
        Some(b'+') => 1,
        Some(b'-') => -1,
        _ => 0,
    };
    let two = |bytes: Option<&[u8]>| -> Option<i8> { std::str::from_utf8(bytes?).ok()?.parse().ok() };
    let offset = if sign == 0 {
        UtcOffset::UTC
    } else {
        let minutes = two(rest.get(4..6)).unwrap_or(0);
        UtcOffset::from_hms(sign * two(rest.get(1..3))?.min(23), sign * minutes.min(59), 0).ok()?
    };
    let date = Date::from_calendar_date(i32::from(year), Month::try_from(month).ok()?, day).ok()?;
    let time = Time::from_hms(hour, minute, second).ok()?;
    PrimitiveDateTime::new(date, time).assume_offset(offset).checked_to_offset(UtcOffset::UTC)
}
