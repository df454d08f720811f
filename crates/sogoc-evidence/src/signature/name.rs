//! Distinguished names: compared as RFC 5280 §7.1 says, written as RFC 4514 does.

use x509_cert::der::Decode as _;
use x509_cert::name::Name;

use super::tlv::{Malformed, OID, SEQUENCE, SET, Tlv};

/// A name. Two are equal if their attributes are, whatever kinds of string they are written in, whatever their case and
/// white space: authorities write their own name in one way and the issuer's in another.
#[derive(Clone, Debug)]
pub(super) struct DistinguishedName {
    /// As it is encoded.
    pub(super) raw: Vec<u8>,
    /// What is compared.
    pub(super) compared: Vec<u8>,
}

impl PartialEq for DistinguishedName {
    fn eq(&self, other: &Self) -> bool {
        self.compared == other.compared
    }
}

impl DistinguishedName {
    pub(super) fn new(raw: &[u8]) -> Self {
        // What is no name is compared as it is.
        Self { raw: raw.to_vec(), compared: compared(raw).unwrap_or_else(|_| raw.to_vec()) }
    }

    pub(super) fn rfc4514(&self) -> String {
        Name::from_der(&self.raw).map_or_else(|_| format!("#{}", hex::encode(&self.raw)), |name| name.to_string())
    }

    /// The last attribute of this kind: the most specific one.
    pub(super) fn attribute(&self, kind: &[u8]) -> Option<String> {
        let attributes = attributes(&self.raw).ok()?;
        attributes
            .into_iter()
            .flatten()
            .filter(|(oid, _)| *oid == kind)
            .filter_map(|(_, value)| text(value))
            .next_back()
    }

    /// The one attribute of this kind; none where there are several, or it cannot be read: it could be taken for another.
    pub(super) fn only(&self, kind: &[u8]) -> Option<String> {
        let attributes = attributes(&self.raw).ok()?;
        let mut found = attributes.into_iter().flatten().filter(|(oid, _)| *oid == kind);
        let (_, value) = found.next()?;
        if found.next().is_some() { None } else { text(value) }
    }
}

type Attributes<'a> = Vec<(&'a [u8], Tlv<'a>)>;

/// The attributes of each part of a name.
fn attributes(name: &[u8]) -> Result<Vec<Attributes<'_>>, Malformed> {
    let mut parts = Vec::new();
    for part in Tlv::only(name)?.items(SEQUENCE)?.all()? {
        let mut read = Vec::new();
        for found in part.items(SET)?.all()? {
            let mut fields = found.items(SEQUENCE)?;
            read.push((fields.expect(OID)?, fields.next()?));
        }
        parts.push(read);
    }
    Ok(parts)
}

fn compared(name: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut bytes = Vec::with_capacity(name.len());
    let mut push = |part: &[u8]| {
        bytes.extend_from_slice(&part.len().to_be_bytes());
        bytes.extend_from_slice(part);
    };
    for mut part in attributes(name)? {
        part.sort_by_key(|(oid, value)| (*oid, value.raw));
        push(&part.len().to_be_bytes());
        for (oid, value) in part {
            push(oid);
            match text(value) {
                Some(text) => push(text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ").as_bytes()),
                None => push(value.raw),
            }
        }
    }
    Ok(bytes)
}

fn text(value: Tlv<'_>) -> Option<String> {
    match value.tag {
        // UTF8String, PrintableString, IA5String
        0x0c | 0x13 | 0x16 => String::from_utf8(value.value.to_vec()).ok(),
        // TeletexString, which is Latin-1 wherever it is met
        0x14 => Some(value.value.iter().map(|byte| char::from(*byte)).collect()),
        // BMPString
        0x1e => {
            let units: Vec<u16> =
                value.value.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
            String::from_utf16(&units).ok()
        }
        _ => None,
    }
}
