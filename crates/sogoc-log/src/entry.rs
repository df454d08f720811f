//! The text of an entry: one JSON object in canonical form, at most 65,535 bytes (DESIGN §5).
//!
//! The list of fields is closed and their order is fixed, so an entry has exactly one spelling. The writer puts the
//! fields down in that order; the reader takes exactly that and nothing else, without copying.
//!
//! **Invariant 3:** the bytes that are hashed are the bytes that are stored. Nothing here ever rewrites an entry.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::canonical::{self, CanonicalError, Nulls, write_string};
use crate::clock::{Timestamp, parse_exact};
use crate::values::{NUMBER_LIMIT, Position, Version, is_log_name, is_stream};

/// Longest entry in bytes: the limit of a tlog-tiles entry bundle, whose lengths have 16 bits.
pub const ENTRY_BYTES_MAX: usize = 65_535;

/// Who acts, and in what right. Ids and codes only; names are sealed texts (invariant 11).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// Id of the account that acts.
    pub account: String,
    /// Agency for which it acts.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub agency: Option<String>,
    /// Role in which it acts.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub role: Option<String>,
    /// Account in whose place it acts.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub on_behalf_of: Option<String>,
    /// Position of the grant by which it acts in that account's place.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub delegation: Option<Position>,
    /// KT., TL. or TUQ. and the office held, as signed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub capacity: Option<String>,
}

/// The decision, plan, minutes or letter that the act rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstrumentRef {
    /// Id of the instrument.
    pub id: String,
    /// Its article and clause.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub clause: Option<String>,
}

/// [`Actor`] as it stands in an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of Actor")]
pub struct EntryActor<'a> {
    pub account: &'a str,
    pub agency: Option<&'a str>,
    pub role: Option<&'a str>,
    pub on_behalf_of: Option<&'a str>,
    pub delegation: Option<Position>,
    pub capacity: Option<Cow<'a, str>>,
}

impl EntryActor<'_> {
    /// An owned copy.
    #[must_use]
    pub fn to_actor(&self) -> Actor {
        let own = |text: Option<&str>| text.map(str::to_owned);
        Actor {
            account: self.account.to_owned(),
            agency: own(self.agency),
            role: own(self.role),
            on_behalf_of: own(self.on_behalf_of),
            delegation: self.delegation,
            capacity: own(self.capacity.as_deref()),
        }
    }
}

impl Actor {
    pub(crate) fn borrowed(&self) -> EntryActor<'_> {
        EntryActor {
            account: &self.account,
            agency: self.agency.as_deref(),
            role: self.role.as_deref(),
            on_behalf_of: self.on_behalf_of.as_deref(),
            delegation: self.delegation,
            capacity: self.capacity.as_deref().map(Cow::Borrowed),
        }
    }
}

/// [`InstrumentRef`] as it stands in an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of InstrumentRef")]
pub struct EntryInstrument<'a> {
    pub id: &'a str,
    pub clause: Option<Cow<'a, str>>,
}

impl EntryInstrument<'_> {
    /// An owned copy.
    #[must_use]
    pub fn to_instrument(&self) -> InstrumentRef {
        InstrumentRef { id: self.id.to_owned(), clause: self.clause.as_deref().map(str::to_owned) }
    }
}

impl InstrumentRef {
    pub(crate) fn borrowed(&self) -> EntryInstrument<'_> {
        EntryInstrument { id: &self.id, clause: self.clause.as_deref().map(Cow::Borrowed) }
    }
}

/// The payload of an entry: a JSON object in canonical form, as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Data<'a>(&'a str);

impl<'a> Data<'a> {
    /// The text.
    #[must_use]
    pub const fn get(self) -> &'a str {
        self.0
    }

    /// Decodes it.
    ///
    /// # Errors
    /// What serde refuses.
    pub fn decode<T: Deserialize<'a>>(self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.0)
    }
}

/// An entry, read without copying. Field names and meanings are those of DESIGN §5.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Who acted.
    pub actor: EntryActor<'a>,
    /// When it was recorded; never runs backwards along positions.
    pub at: Timestamp,
    /// Position of the entry that brought this one about.
    pub causation: Option<Position>,
    /// Id of the command.
    pub command: Uuid,
    /// SHA-256 of the canonical command with its account.
    pub command_digest: [u8; 32],
    /// Number of this entry among those of its command, from 0.
    pub command_index: u32,
    /// What ties the entries of several commands together.
    pub correlation: Option<Cow<'a, str>>,
    /// What was decided.
    pub data: Data<'a>,
    /// What the act rests on.
    pub instrument: Option<EntryInstrument<'a>>,
    /// What kind of event it is.
    pub kind: &'a str,
    /// Version of that kind, from 1.
    pub kind_version: u32,
    /// Name of the log.
    pub log: &'a str,
    /// When the act happened outside, where that is not when it was received.
    pub occurred: Option<Timestamp>,
    /// Its number in the log.
    pub position: Position,
    /// When the service took the command in; what a deadline is judged by.
    pub received: Timestamp,
    /// The stream it belongs to.
    pub stream: &'a str,
    /// Its number in that stream.
    pub version: Version,
}

/// Where and how a text departs from the form of an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at byte {at} of the entry: expected {expected}")]
pub struct EntryError {
    /// Byte of the entry.
    pub at: usize,
    /// What should stand there.
    pub expected: &'static str,
}

impl<'a> Entry<'a> {
    /// Reads an entry. Accepts exactly the canonical form: an unknown, missing, repeated, null or misplaced field, a
    /// second spelling of a value, or a byte around the object is an error.
    ///
    /// # Errors
    /// [`EntryError`] with the first byte that departs from the form.
    pub fn parse(text: &'a str) -> Result<Self, EntryError> {
        if text.len() > ENTRY_BYTES_MAX {
            return Err(EntryError { at: ENTRY_BYTES_MAX, expected: "the end, entries have at most 65,535 bytes" });
        }
        let mut reader = Reader { text, at: 0 };
        let entry = reader.entry()?;
        if reader.at == text.len() { Ok(entry) } else { reader.fail("the end of the entry") }
    }

    /// Writes the entry again. For an entry that was read it gives back the same bytes.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = String::with_capacity(512 + self.data.0.len());
        self.encode_into(&mut text);
        text
    }

    /// Appends what [`Entry::encode`] gives.
    pub(crate) fn encode_into(&self, text: &mut String) {
        let fields = Fields {
            actor: &self.actor,
            causation: self.causation,
            command: self.command,
            command_digest: &self.command_digest,
            command_index: self.command_index,
            correlation: self.correlation.as_deref(),
            data: self.data.0,
            instrument: self.instrument.as_ref(),
            kind: self.kind,
            kind_version: self.kind_version,
            log: self.log,
            occurred: self.occurred,
            received: self.received,
            stream: self.stream,
        };
        fields.write(text, |text, hole| match hole {
            Hole::At => self.at.write(text),
            Hole::Position => write_unsigned(text, self.position.0),
            Hole::Version => write_unsigned(text, self.version.0),
        });
    }
}

/// All of an entry but what only the sequencer knows: `at`, `position`, `version`.
pub(crate) struct Fields<'a> {
    pub(crate) actor: &'a EntryActor<'a>,
    pub(crate) causation: Option<Position>,
    pub(crate) command: Uuid,
    pub(crate) command_digest: &'a [u8; 32],
    pub(crate) command_index: u32,
    pub(crate) correlation: Option<&'a str>,
    pub(crate) data: &'a str,
    pub(crate) instrument: Option<&'a EntryInstrument<'a>>,
    pub(crate) kind: &'a str,
    pub(crate) kind_version: u32,
    pub(crate) log: &'a str,
    pub(crate) occurred: Option<Timestamp>,
    pub(crate) received: Timestamp,
    pub(crate) stream: &'a str,
}

/// What only the sequencer knows.
#[derive(Clone, Copy)]
enum Hole {
    At,
    Position,
    Version,
}

impl Fields<'_> {
    /// Writes all fields in their order, and has the holes filled when it comes to them.
    fn write(&self, text: &mut String, mut fill: impl FnMut(&mut String, Hole)) {
        text.push_str("{\"actor\":{\"account\":");
        write_string(text, self.actor.account);
        write_text(text, ",\"agency\":", self.actor.agency);
        write_text(text, ",\"capacity\":", self.actor.capacity.as_deref());
        write_number(text, ",\"delegation\":", self.actor.delegation.map(|position| position.0));
        write_text(text, ",\"on_behalf_of\":", self.actor.on_behalf_of);
        write_text(text, ",\"role\":", self.actor.role);
        text.push_str("},\"at\":\"");
        fill(text, Hole::At);
        text.push('"');
        write_number(text, ",\"causation\":", self.causation.map(|position| position.0));
        text.push_str(",\"command\":\"");
        write_uuid(text, &self.command);
        text.push_str("\",\"command_digest\":\"");
        write_hex(text, self.command_digest);
        text.push('"');
        write_number(text, ",\"command_index\":", Some(self.command_index.into()));
        write_text(text, ",\"correlation\":", self.correlation);
        text.push_str(",\"data\":");
        text.push_str(self.data);
        if let Some(instrument) = self.instrument {
            text.push_str(",\"instrument\":{");
            if let Some(clause) = &instrument.clause {
                text.push_str("\"clause\":");
                write_string(text, clause);
                text.push(',');
            }
            text.push_str("\"id\":");
            write_string(text, instrument.id);
            text.push('}');
        }
        write_text(text, ",\"kind\":", Some(self.kind));
        write_number(text, ",\"kind_version\":", Some(self.kind_version.into()));
        write_text(text, ",\"log\":", Some(self.log));
        if let Some(occurred) = self.occurred {
            text.push_str(",\"occurred\":\"");
            occurred.write(text);
            text.push('"');
        }
        text.push_str(",\"position\":");
        fill(text, Hole::Position);
        text.push_str(",\"received\":\"");
        self.received.write(text);
        text.push('"');
        write_text(text, ",\"stream\":", Some(self.stream));
        text.push_str(",\"v\":1,\"version\":");
        fill(text, Hole::Version);
        text.push('}');
    }
}

/// The text of an entry with three holes, for `at`, `position` and `version`. Made before queueing, so that under the
/// lock an entry costs four copies and one hash.
pub(crate) struct Pieces {
    text: String,
    at: usize,
    position: usize,
    version: usize,
}

impl Pieces {
    pub(crate) fn new(fields: &Fields<'_>) -> Self {
        let mut text = String::with_capacity(512 + fields.data.len());
        let (mut at, mut position, mut version) = (0, 0, 0);
        fields.write(&mut text, |text, hole| match hole {
            Hole::At => at = text.len(),
            Hole::Position => position = text.len(),
            Hole::Version => version = text.len(),
        });
        Self { text, at, position, version }
    }

    /// Length in bytes when position and version take the most digits they can: what is checked before queueing, so
    /// that the size of an entry is never a matter of when it is recorded.
    pub(crate) fn bytes_max(&self) -> usize {
        // `at` has 27 bytes; numbers below 2^53 have at most 16 digits.
        self.text.len() + 27 + 16 + 16
    }

    pub(crate) fn assemble(&self, at: Timestamp, position: Position, version: Version) -> String {
        let mut text = String::with_capacity(self.bytes_max());
        text.push_str(&self.text[..self.at]);
        at.write(&mut text);
        text.push_str(&self.text[self.at..self.position]);
        write_unsigned(&mut text, position.0);
        text.push_str(&self.text[self.position..self.version]);
        write_unsigned(&mut text, version.0);
        text.push_str(&self.text[self.version..]);
        text
    }
}

fn write_text(out: &mut String, key: &str, value: Option<&str>) {
    if let Some(value) = value {
        out.push_str(key);
        write_string(out, value);
    }
}

fn write_number(out: &mut String, key: &str, value: Option<u64>) {
    if let Some(value) = value {
        out.push_str(key);
        write_unsigned(out, value);
    }
}

pub(crate) fn write_unsigned(out: &mut String, mut value: u64) {
    let mut digits = [b'0'; 20];
    let mut from = digits.len();
    loop {
        from -= 1;
        digits[from] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.push_str(std::str::from_utf8(&digits[from..]).expect("digits"));
}

pub(crate) fn write_uuid(out: &mut String, uuid: &Uuid) {
    out.push_str(uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
}

pub(crate) fn write_hex(out: &mut String, bytes: &[u8; 32]) {
    write_digits(out, bytes, b"0123456789abcdef");
}

pub(crate) fn write_digits(out: &mut String, bytes: &[u8; 32], digits: &[u8; 16]) {
    let mut text = [0; 64];
    for (pair, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(bytes) {
        *pair = [digits[usize::from(byte >> 4)], digits[usize::from(byte & 15)]];
    }
    out.push_str(str::from_utf8(&text).expect("hexadecimal digits"));
}

/// What a byte may stand in: an id, a stream's name, a log's name.
const ID: u8 = 1;
const STREAM: u8 = 2;
const NAME: u8 = 4;
const CLASS: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        let c = byte as u8;
        if c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-' {
            table[byte] = ID | STREAM | NAME;
        } else if c == b'/' {
            table[byte] = STREAM | NAME;
        } else if c.is_ascii_uppercase() || matches!(c, b'.' | b'_' | b'~' | b':') {
            table[byte] = NAME;
        }
        byte += 1;
    }
    table
};

/// Value of a hexadecimal digit in lower case, 255 for anything else.
const HEX: [u8; 256] = {
    let mut table = [255; 256];
    let mut value = 0;
    while value < 16 {
        table[b"0123456789abcdef"[value] as usize] = value as u8;
        value += 1;
    }
    table
};

/// Reads the fields in their one order.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn fail<T>(&self, expected: &'static str) -> Result<T, EntryError> {
        Err(EntryError { at: self.at, expected })
    }

    /// Takes `literal` when it stands here.
    fn take(&mut self, literal: &'static str) -> bool {
        let here = self.text.as_bytes()[self.at..].starts_with(literal.as_bytes());
        if here {
            self.at += literal.len();
        }
        here
    }

    fn need(&mut self, literal: &'static str) -> Result<(), EntryError> {
        if self.take(literal) { Ok(()) } else { self.fail(literal) }
    }

    /// A text of one class of bytes up to the closing quote, which is taken too; the opening quote has been.
    fn plain(&mut self, class: u8, expected: &'static str) -> Result<&'a str, EntryError> {
        let rest = &self.text.as_bytes()[self.at..];
        let length = rest.iter().position(|byte| CLASS[usize::from(*byte)] & class == 0).unwrap_or(rest.len());
        if rest.get(length) != Some(&b'"') {
            return self.fail(expected);
        }
        let value = &self.text[self.at..self.at + length];
        self.at += length + 1;
        Ok(value)
    }

    fn id(&mut self) -> Result<&'a str, EntryError> {
        const EXPECTED: &str = "an id of [a-z0-9-]{1,64}";
        let start = self.at;
        let id = self.plain(ID, EXPECTED)?;
        if (1..=64).contains(&id.len()) { Ok(id) } else { Err(EntryError { at: start, expected: EXPECTED }) }
    }

    fn id_after(&mut self, key: &'static str) -> Result<Option<&'a str>, EntryError> {
        if self.take(key) { self.id().map(Some) } else { Ok(None) }
    }

    /// Hexadecimal digits in lower case.
    fn hex<const BYTES: usize>(&mut self, bytes: &mut [u8; BYTES], expected: &'static str) -> Result<(), EntryError> {
        let Some(digits) = self.text.as_bytes().get(self.at..self.at + 2 * BYTES) else { return self.fail(expected) };
        let mut wrong = 0;
        for (byte, pair) in bytes.iter_mut().zip(digits.as_chunks::<2>().0) {
            let (high, low) = (HEX[usize::from(pair[0])], HEX[usize::from(pair[1])]);
            wrong |= (high | low) & 0xf0;
            *byte = high << 4 | low & 0x0f;
        }
        if wrong != 0 {
            return self.fail(expected);
        }
        self.at += 2 * BYTES;
        Ok(())
    }

    fn uuid(&mut self) -> Result<Uuid, EntryError> {
        const EXPECTED: &str = "a UUID in lower case with hyphens";
        let (mut a, mut b, mut c, mut d, mut e) = ([0; 4], [0; 2], [0; 2], [0; 2], [0; 6]);
        self.hex(&mut a, EXPECTED)?;
        self.need("-")?;
        self.hex(&mut b, EXPECTED)?;
        self.need("-")?;
        self.hex(&mut c, EXPECTED)?;
        self.need("-")?;
        self.hex(&mut d, EXPECTED)?;
        self.need("-")?;
        self.hex(&mut e, EXPECTED)?;
        self.need("\"")?;
        let [a0, a1, a2, a3] = a;
        let [e0, e1, e2, e3, e4, e5] = e;
        Ok(Uuid::from_bytes([a0, a1, a2, a3, b[0], b[1], c[0], c[1], d[0], d[1], e0, e1, e2, e3, e4, e5]))
    }

    fn string(&mut self) -> Result<Cow<'a, str>, EntryError> {
        match canonical::scan_string(self.text, self.at) {
            Ok((value, end)) if !value.is_empty() => {
                self.at = end;
                Ok(value)
            }
            Ok(_) => self.fail("a text that is not empty"),
            Err(error) => Err(located(&error, self.at)),
        }
    }

    fn number(&mut self, expected: &'static str, least: u64, limit: u64) -> Result<u64, EntryError> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut value = 0_u64;
        while let Some(digit @ b'0'..=b'9') = bytes.get(self.at) {
            value = value.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
            self.at += 1;
        }
        let length = self.at - start;
        if length == 0 || (length > 1 && bytes[start] == b'0') || value < least || value >= limit {
            self.at = start;
            return self.fail(expected);
        }
        Ok(value)
    }

    fn position_after(&mut self, key: &'static str) -> Result<Option<Position>, EntryError> {
        if !self.take(key) {
            return Ok(None);
        }
        self.number("a position below 2^53", 0, NUMBER_LIMIT).map(|position| Some(Position(position)))
    }

    fn small(&mut self, expected: &'static str, least: u64) -> Result<u32, EntryError> {
        let value = self.number(expected, least, 1 << 32)?;
        Ok(u32::try_from(value).expect("below 2^32"))
    }

    fn time(&mut self) -> Result<Timestamp, EntryError> {
        let time = self.text.as_bytes().get(self.at..self.at + 27).and_then(parse_exact);
        let Some(time) = time else { return self.fail("a time YYYY-MM-DDThh:mm:ss.ffffffZ") };
        self.at += 27;
        self.need("\"")?;
        Ok(time)
    }

    fn entry(&mut self) -> Result<Entry<'a>, EntryError> {
        self.need("{\"actor\":{\"account\":\"")?;
        let account = self.id()?;
        let agency = self.id_after(",\"agency\":\"")?;
        let capacity = if self.take(",\"capacity\":") { Some(self.string()?) } else { None };
        let delegation = self.position_after(",\"delegation\":")?;
        let on_behalf_of = self.id_after(",\"on_behalf_of\":\"")?;
        let role = self.id_after(",\"role\":\"")?;
        self.need("},\"at\":\"")?;
        let at = self.time()?;
        let causation = self.position_after(",\"causation\":")?;
        self.need(",\"command\":\"")?;
        let command = self.uuid()?;
        self.need(",\"command_digest\":\"")?;
        let mut command_digest = [0; 32];
        self.hex(&mut command_digest, "64 hexadecimal digits in lower case")?;
        self.need("\"")?;
        self.need(",\"command_index\":")?;
        let command_index = self.small("a number below 2^32", 0)?;
        let correlation = if self.take(",\"correlation\":") { Some(self.string()?) } else { None };
        self.need(",\"data\":")?;
        let start = self.at;
        if self.text.as_bytes().get(start) != Some(&b'{') {
            return self.fail("an object");
        }
        self.at = canonical::scan(self.text, start, Nulls::Refused).map_err(|error| located(&error, start))?;
        let data = Data(&self.text[start..self.at]);
        let instrument = if self.take(",\"instrument\":{") {
            let clause = if self.take("\"clause\":") {
                let clause = self.string()?;
                self.need(",")?;
                Some(clause)
            } else {
                None
            };
            self.need("\"id\":\"")?;
            let id = self.id()?;
            self.need("}")?;
            Some(EntryInstrument { id, clause })
        } else {
            None
        };
        self.need(",\"kind\":\"")?;
        let kind = self.id()?;
        self.need(",\"kind_version\":")?;
        let kind_version = self.small("a kind version from 1", 1)?;
        self.need(",\"log\":\"")?;
        let start = self.at;
        let log = self.plain(NAME, "a log's name")?;
        if !is_log_name(log) {
            return Err(EntryError { at: start, expected: "a log's name" });
        }
        let occurred = if self.take(",\"occurred\":\"") { Some(self.time()?) } else { None };
        self.need(",\"position\":")?;
        let position = Position(self.number("a position below 2^53", 0, NUMBER_LIMIT)?);
        self.need(",\"received\":\"")?;
        let received = self.time()?;
        self.need(",\"stream\":\"")?;
        let start = self.at;
        let stream = self.plain(STREAM, "a stream's name")?;
        if !is_stream(stream) {
            return Err(EntryError { at: start, expected: "a stream's name" });
        }
        self.need(",\"v\":1,\"version\":")?;
        let version = Version(self.number("a version from 1, below 2^53", 1, NUMBER_LIMIT)?);
        self.need("}")?;
        let actor = EntryActor { account, agency, role, on_behalf_of, delegation, capacity };
        Ok(Entry {
            actor,
            at,
            causation,
            command,
            command_digest,
            command_index,
            correlation,
            data,
            instrument,
            kind,
            kind_version,
            log,
            occurred,
            position,
            received,
            stream,
            version,
        })
    }
}

fn located(error: &CanonicalError, start: usize) -> EntryError {
    match error {
        CanonicalError::Text { at, what } => EntryError { at: *at, expected: what },
        CanonicalError::Deep => EntryError { at: start, expected: "nesting of at most 64 levels" },
        CanonicalError::Float(_)
        | CanonicalError::Integer(_)
        | CanonicalError::Twice(_)
        | CanonicalError::Key
        | CanonicalError::Custom(_) => EntryError { at: start, expected: "canonical JSON" },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) const FULL: &str = "{\"actor\":{\"account\":\"tk-01\",\"agency\":\"so-tu-phap\",\"capacity\":\"KT. Giám đốc\",\"delegation\":7,\
        \"on_behalf_of\":\"tk-02\",\"role\":\"reviewer\"},\"at\":\"2026-11-23T02:00:00.000000Z\",\"causation\":1200,\
        \"command\":\"01930000-0000-7000-8000-000000000001\",\
        \"command_digest\":\"0000000000000000000000000000000000000000000000000000000000000000\",\"command_index\":0,\
        \"correlation\":\"a \\\"b\\\"\",\"data\":{\"leaf\":\"3-1-2\",\"points\":\"1.5\"},\"instrument\":{\"clause\":\"Điều 3\",\"id\":\"qd-12\"},\
        \"kind\":\"score-adjusted\",\"kind_version\":1,\"log\":\"sogoc.example/ha-nam\",\"occurred\":\"2022-11-23T02:00:00.000000Z\",\
        \"position\":1234,\"received\":\"2026-11-23T01:59:59.900000Z\",\"stream\":\"scorecard/hanam-2022/so-noi-vu\",\"v\":1,\"version\":17}";

    #[test]
    fn an_entry_is_read_and_written_byte_for_byte() {
        let entry = Entry::parse(FULL).expect("the full form");
        assert_eq!(entry.position, Position(1234));
        assert_eq!(entry.actor.capacity.as_deref(), Some("KT. Giám đốc"));
        assert_eq!(entry.correlation.as_deref(), Some("a \"b\""));
        assert_eq!(entry.data.get(), "{\"leaf\":\"3-1-2\",\"points\":\"1.5\"}");
        assert_eq!(entry.encode(), FULL);
        canonical::check(FULL).expect("canonical as a whole");
    }

    #[test]
    fn an_unknown_missing_repeated_null_or_misplaced_field_is_refused() {
        for (from, to) in [
            ("\"kind\":", "\"kinds\":"),
            (",\"v\":1", ""),
            (",\"v\":1", ",\"v\":2"),
            ("\"log\":", "\"extra\":1,\"log\":"),
            (",\"causation\":1200", ",\"causation\":null"),
            (",\"causation\":1200", ",\"causation\":1200,\"causation\":1200"),
            (",\"causation\":1200", ",\"causation\":01200"),
            (",\"causation\":1200", ",\"causation\":9007199254740992"),
            ("\"points\":\"1.5\"", "\"points\":1.5"),
            ("\"points\":\"1.5\"", "\"points\":null"),
            ("\"leaf\":\"3-1-2\",\"points\":\"1.5\"", "\"points\":\"1.5\",\"leaf\":\"3-1-2\""),
            ("{\"leaf\":\"3-1-2\",\"points\":\"1.5\"}", "[]"),
            ("-000000000001\"", "-00000000000A\""),
            ("\"version\":17", "\"version\":0"),
            ("\"kind_version\":1", "\"kind_version\":0"),
            ("T02:00:00.000000Z\",\"position\"", "T02:00:00Z\",\"position\""),
            ("scorecard/hanam", "scorecard//hanam"),
            ("\"account\":\"tk-01\"", "\"account\":\"\""),
        ] {
            assert!(FULL.contains(from), "{from}");
            assert!(Entry::parse(&FULL.replacen(from, to, 1)).is_err(), "{from} to {to}");
        }
        for text in ["", "{}", " ", "null", &format!("{FULL} "), &format!(" {FULL}"), &FULL[..FULL.len() - 1]] {
            assert!(Entry::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn damage_is_refused_or_gives_another_entry_with_its_own_bytes(at in 0..FULL.len(), byte in any::<u8>()) {
            let mut bytes = FULL.as_bytes().to_vec();
            bytes[at] = byte;
            if let Ok(text) = std::str::from_utf8(&bytes)
                && let Ok(entry) = Entry::parse(text)
            {
                prop_assert_eq!(entry.encode(), text);
                prop_assert!(canonical::check(text).is_ok());
            }
        }

        #[test]
        fn any_text_is_read_or_refused_without_panic(text in any::<String>(), cut in 0..FULL.len()) {
            let _ = Entry::parse(&text);
            let cut = (0..=cut).rev().find(|at| FULL.is_char_boundary(*at)).expect("zero is one");
            let _ = Entry::parse(&format!("{}{text}", &FULL[..cut]));
        }
    }
}
