//! Tag, length, value: the encoding under CMS, certificates, revocation lists and time stamps.
//!
//! Read by hand where the libraries' types would lose what is needed here: the bytes as they were signed, and sets in
//! the order in which they were sent. Nothing is copied, nothing is read twice, and nesting is the caller's.

use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OID: u8 = 0x06;
pub(super) const ENUMERATED: u8 = 0x0a;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// Values within values, where indefinite lengths are made definite.
const DEPTH_MAX: usize = 48;

/// What is not encoded as it should be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Malformed;

/// One value with its tag; `raw` is all of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tlv<'a> {
    pub(super) tag: u8,
    pub(super) value: &'a [u8],
    pub(super) raw: &'a [u8],
}

/// Values that follow one another.
#[derive(Clone, Debug)]
pub(super) struct Items<'a>(pub(super) &'a [u8]);

/// Length of the header and of the value; none for an indefinite length.
fn header(bytes: &[u8]) -> Result<(usize, Option<usize>), Malformed> {
    let (&[tag, first], rest) = bytes.split_first_chunk::<2>().ok_or(Malformed)?;
    // Tags of more than one byte are met nowhere in what is read here.
    if tag & 0x1f == 0x1f {
        return Err(Malformed);
    }
    match first {
        0..0x80 => Ok((2, Some(usize::from(first)))),
        0x80 => Ok((2, None)),
        _ => {
            let count = usize::from(first & 0x7f);
            let length = rest.get(..count).filter(|_| count <= 4).ok_or(Malformed)?;
            let length = length.iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
            Ok((2 + count, Some(length)))
        }
    }
}

impl<'a> Tlv<'a> {
    /// The one value that `bytes` are.
    pub(super) fn only(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut items = Items(bytes);
        let tlv = items.next()?;
        if items.0.is_empty() { Ok(tlv) } else { Err(Malformed) }
    }

    /// The values in it, if it has this tag.
    pub(super) fn items(&self, tag: u8) -> Result<Items<'a>, Malformed> {
        self.expect(tag).map(Items)
    }

    /// Its bytes, if it has this tag.
    pub(super) fn expect(&self, tag: u8) -> Result<&'a [u8], Malformed> {
        if self.tag == tag { Ok(self.value) } else { Err(Malformed) }
    }

    /// A bit string of whole bytes.
    pub(super) fn bits(&self) -> Result<&'a [u8], Malformed> {
        self.expect(BIT_STRING)?.strip_prefix(&[0]).ok_or(Malformed)
    }

    /// An instant: UTCTime or GeneralizedTime, in UTC, with or without fractions of a second.
    pub(super) fn time(&self) -> Result<OffsetDateTime, Malformed> {
        let text = self.value.strip_suffix(b"Z").ok_or(Malformed)?;
        let number = |digits: &[u8]| -> Result<u32, Malformed> {
            if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) || digits.len() > 9 {
                return Err(Malformed);
            }
            Ok(digits.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0')))
        };
        let (year, rest) = match self.tag {
            UTC_TIME => {
                let (year, rest) = text.split_at_checked(2).ok_or(Malformed)?;
                let year = number(year)?;
                (if year < 50 { 2000 + year } else { 1900 + year }, rest)
            }
            GENERALIZED_TIME => {
                let (year, rest) = text.split_at_checked(4).ok_or(Malformed)?;
                (number(year)?, rest)
            }
            _ => return Err(Malformed),
        };
        let (whole, fraction) = rest.split_at_checked(10).ok_or(Malformed)?;
        let mut parts = [0_u8; 5];
        for (part, digits) in parts.iter_mut().zip(whole.chunks(2)) {
            *part = u8::try_from(number(digits)?).map_err(|_| Malformed)?;
        }
        let nanoseconds = match fraction.strip_prefix(b".") {
            None if fraction.is_empty() => 0,
            Some(digits) if self.tag == GENERALIZED_TIME => {
                let kept = &digits[..digits.len().min(9)];
                number(digits.get(9..).filter(|more| !more.is_empty()).unwrap_or(b"0"))?;
                number(kept)? * 10_u32.pow(9 - u32::try_from(kept.len()).map_err(|_| Malformed)?)
            }
            _ => return Err(Malformed),
        };
        let [month, day, hour, minute, second] = parts;
        let month = Month::try_from(month).map_err(|_| Malformed)?;
        let year = i32::try_from(year).map_err(|_| Malformed)?;
        let date = Date::from_calendar_date(year, month, day).map_err(|_| Malformed)?;
        let time = Time::from_hms_nano(hour, minute, second, nanoseconds).map_err(|_| Malformed)?;
        Ok(PrimitiveDateTime::new(date, time).assume_utc())
    }
}

impl<'a> Items<'a> {
    /// The next value.
    pub(super) fn next(&mut self) -> Result<Tlv<'a>, Malformed> {
        let (header, length) = header(self.0)?;
        let end = header.checked_add(length.ok_or(Malformed)?).ok_or(Malformed)?;
        let (raw, rest) = self.0.split_at_checked(end).ok_or(Malformed)?;
        self.0 = rest;
        Ok(Tlv { tag: raw[0], value: &raw[header..], raw })
    }

    /// The next value, if it has this tag.
    pub(super) fn optional(&mut self, tag: u8) -> Result<Option<Tlv<'a>>, Malformed> {
        if self.0.first() == Some(&tag) { self.next().map(Some) } else { Ok(None) }
    }

    /// The bytes of the next value, which must have this tag.
    pub(super) fn expect(&mut self, tag: u8) -> Result<&'a [u8], Malformed> {
        self.next()?.expect(tag)
    }

    /// The values in the next value, which must have this tag.
    pub(super) fn enter(&mut self, tag: u8) -> Result<Items<'a>, Malformed> {
        self.next()?.items(tag)
    }

    /// All that is left.
    pub(super) fn all(mut self) -> Result<Vec<Tlv<'a>>, Malformed> {
        let mut all = Vec::new();
        while !self.0.is_empty() {
            all.push(self.next()?);
        }
        Ok(all)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The first value of `bytes` with all lengths definite and strings in one piece, and how many bytes it took: signers
/// that stream write CMS with indefinite lengths. What is signed inside (certificates, attributes) is in DER already and
/// stays as it is.
pub(super) fn definite(bytes: &[u8]) -> Result<(Vec<u8>, usize), Malformed> {
    let (head, length) = header(bytes)?;
    // Nearly always: then only what is asked for is read, and nothing is copied twice.
    if let Some(length) = length {
        let end = head.checked_add(length).filter(|end| *end <= bytes.len()).ok_or(Malformed)?;
        if !has_indefinite(&bytes[..end], 0) {
            return Ok((bytes[..end].to_vec(), end));
        }
    }
    let mut output = Vec::with_capacity(bytes.len());
    let taken = make_definite(bytes, 0, &mut output)?;
    Ok((output, taken))
}

/// Whether a value further in has an indefinite length. What cannot be read has none.
fn has_indefinite(bytes: &[u8], depth: usize) -> bool {
    let mut rest = bytes;
    while let Ok((head, length)) = header(rest) {
        let Some(length) = length else { return true };
        let Some(value) = head.checked_add(length).and_then(|end| rest.get(head..end)) else { return false };
        // Four levels down is where a streaming signer's own structure ends: content, signed data, sets, strings.
        if rest[0] & 0x20 != 0 && depth < 6 && has_indefinite(value, depth + 1) {
            return true;
        }
        rest = &rest[head + length..];
    }
    false
}

fn make_definite(bytes: &[u8], depth: usize, output: &mut Vec<u8>) -> Result<usize, Malformed> {
    if depth > DEPTH_MAX {
        return Err(Malformed);
    }
    let (head, length) = header(bytes)?;
    let tag = bytes[0];
    let end = match length {
        Some(length) => Some(head.checked_add(length).filter(|end| *end <= bytes.len()).ok_or(Malformed)?),
        None if tag & 0x20 == 0 => return Err(Malformed),
        None => None,
    };
    if let (Some(end), true) = (end, tag & 0x20 == 0) {
        output.extend_from_slice(&bytes[..end]);
        return Ok(end);
    }
    let (start, mut at) = (output.len(), head);
    loop {
        let rest = match end {
            Some(end) => &bytes[at..end],
            None => &bytes[at..],
        };
        if end.is_some() && rest.is_empty() {
            break;
        }
        if end.is_none() && rest.starts_with(&[0, 0]) {
            at += 2;
            break;
        }
        at += make_definite(rest, depth + 1, output)?;
    }
    let joined = tag == OCTET_STRING | 0x20;
    if joined {
        // Its pieces are octet strings in one piece each.
        let pieces = output.split_off(start);
        let mut pieces = Items(&pieces);
        while !pieces.is_empty() {
            output.extend_from_slice(pieces.expect(OCTET_STRING)?);
        }
    }
    let value = output.split_off(start);
    output.push(if joined { OCTET_STRING } else { tag });
    let length = u32::try_from(value.len()).map_err(|_| Malformed)?.to_be_bytes();
    match length {
        [0, 0, 0, short @ 0..0x80] => output.push(short),
        _ => {
            let zeros = length.iter().take_while(|byte| **byte == 0).count();
            output.push(0x84 - u8::try_from(zeros).map_err(|_| Malformed)?);
            output.extend_from_slice(&length[zeros..]);
        }
    }
    output.extend_from_slice(&value);
    Ok(at)
}

/// `tag`, length and `value` in one.
pub(super) fn encoded(tag: u8, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    match u8::try_from(value.len()) {
        Ok(short @ 0..0x80) => bytes.push(short),
        _ => {
            let length = value.len().to_be_bytes();
            let zeros = length.iter().take_while(|byte| **byte == 0).count();
            bytes.push(0x80 | u8::try_from(length.len() - zeros).unwrap_or(8));
            bytes.extend_from_slice(&length[zeros..]);
        }
    }
    bytes.extend_from_slice(value);
    bytes
}
