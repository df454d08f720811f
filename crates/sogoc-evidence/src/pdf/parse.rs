//! From bytes to objects: ISO 32000-1 §7.2 and §7.3, strictly, and never deeper or wider than the limits.

use std::ops::Range;

use super::object::{Dictionary, Entry, Fault, Id, Object};

/// Objects within objects.
const DEPTH_MAX: usize = 64;
/// Objects in one object, nested ones included: some tens of MiB.
const NODES_MAX: usize = 500_000;

/// Reads objects from bytes, from `at` on.
pub(crate) struct Parser<'a> {
    bytes: &'a [u8],
    pub(crate) at: usize,
    nodes: usize,
}

pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, 0 | b'\t' | b'\n' | 0x0c | b'\r' | b' ')
}

fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%')
}

fn hex_value(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

impl<'a> Parser<'a> {
    /// At an offset, which may be one that a hostile file names: behind the bytes there is nothing.
    pub(crate) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at: at.min(bytes.len()), nodes: NODES_MAX }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Steps over white space and comments.
    pub(crate) fn skip_space(&mut self) {
        while let Some(byte) = self.peek() {
            if byte == b'%' {
                while self.peek().is_some_and(|byte| byte != b'\n' && byte != b'\r') {
                    self.at += 1;
                }
            } else if is_space(byte) {
                self.at += 1;
            } else {
                break;
            }
        }
    }

    /// The token of regular characters here; empty before a delimiter.
    fn regular(&mut self) -> &'a [u8] {
        let start = self.at;
        while self.peek().is_some_and(|byte| !is_space(byte) && !is_delimiter(byte)) {
            self.at += 1;
        }
        &self.bytes[start..self.at]
    }

    /// Steps over `word`, which must end there.
    pub(crate) fn keyword(&mut self, word: &[u8]) -> Result<(), Fault> {
        self.skip_space();
        if self.regular() == word { Ok(()) } else { Err(Fault::Malformed) }
    }

    /// Whether `word` comes next; steps over it if so.
    pub(crate) fn try_keyword(&mut self, word: &[u8]) -> bool {
        let before = self.at;
        let found = self.keyword(word).is_ok();
        if !found {
            self.at = before;
        }
        found
    }

    /// A whole number without a sign.
    pub(crate) fn unsigned(&mut self) -> Result<u64, Fault> {
        self.skip_space();
        let token = self.regular();
        if token.is_empty() || token.len() > 19 || !token.iter().all(u8::is_ascii_digit) {
            return Err(Fault::Malformed);
        }
        Ok(token.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
    }

    pub(crate) fn object(&mut self) -> Result<Object, Fault> {
        self.object_at(0)
    }

    fn object_at(&mut self, depth: usize) -> Result<Object, Fault> {
        if depth > DEPTH_MAX || self.nodes == 0 {
            return Err(Fault::TooLarge);
        }
        self.nodes -= 1;
        self.skip_space();
        match self.peek().ok_or(Fault::Malformed)? {
            b'/' => self.name().map(Object::Name),
            b'(' => self.literal().map(Object::String),
            b'[' => {
                self.at += 1;
                let mut items = Vec::new();
                loop {
                    self.skip_space();
                    if self.peek() == Some(b']') {
                        self.at += 1;
                        return Ok(Object::Array(items));
                    }
                    items.push(self.object_at(depth + 1)?);
                }
            }
            b'<' if self.bytes.get(self.at + 1) == Some(&b'<') => self.dictionary(depth).map(Object::Dictionary),
            b'<' => self.hexadecimal().map(Object::String),
            b'+' | b'-' | b'.' | b'0'..=b'9' => self.number(),
            _ => match self.regular() {
                b"true" => Ok(Object::Boolean(true)),
                b"false" => Ok(Object::Boolean(false)),
                b"null" => Ok(Object::Null),
                _ => Err(Fault::Malformed),
            },
        }
    }

    /// A number, or a reference where two whole numbers and an `R` follow one another.
    fn number(&mut self) -> Result<Object, Fault> {
        let token = self.regular();
        let digits = token.strip_prefix(b"-").or(token.strip_prefix(b"+")).unwrap_or(token);
        let whole = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
        if !whole {
            // Writers print `--5` and `1.2.3` now and then: kept as they are, for nothing here calculates with them.
            let real = digits.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+'));
            return if real { Ok(Object::Real(token.to_vec())) } else { Err(Fault::Malformed) };
        }
        if digits.len() > 18 {
            return Ok(Object::Real(token.to_vec()));
        }
        let value = digits.iter().fold(0_i64, |number, digit| number * 10 + i64::from(digit - b'0'));
        if token.len() == digits.len() {
            let after = self.at;
            if let (Ok(number), Some(generation)) = (u32::try_from(value), self.generation_of_reference()) {
                return Ok(Object::Reference(Id { number, generation }));
            }
            self.at = after;
        }
        Ok(Object::Integer(if token.first() == Some(&b'-') { -value } else { value }))
    }

    fn generation_of_reference(&mut self) -> Option<u16> {
        let generation = self.unsigned().ok()?;
        self.keyword(b"R").ok()?;
        u16::try_from(generation).ok()
    }

    fn name(&mut self) -> Result<Vec<u8>, Fault> {
        self.at += 1;
        let token = self.regular();
        if !token.contains(&b'#') {
            return Ok(token.to_vec());
        }
        let mut name = Vec::with_capacity(token.len());
        let mut at = 0;
        while let Some(&byte) = token.get(at) {
            let escaped = match (byte, token.get(at + 1), token.get(at + 2)) {
                (b'#', Some(&high), Some(&low)) => hex_value(high).zip(hex_value(low)),
                _ => None,
            };
            if let Some((high, low)) = escaped {
                name.push(high << 4 | low);
                at += 3;
            } else {
                name.push(byte);
                at += 1;
            }
        }
        Ok(name)
    }

    /// How many bytes there are up to one of a kind. Where there is none, all were read, and are paid for.
    fn up_to(&mut self, kind: impl Fn(u8) -> bool) -> Result<usize, Fault> {
        let found = self.bytes[self.at..].iter().position(|byte| kind(*byte));
        if found.is_none() {
            self.at = self.bytes.len();
        }
        found.ok_or(Fault::Malformed)
    }

    fn literal(&mut self) -> Result<Vec<u8>, Fault> {
        self.at += 1;
        let mut text = Vec::new();
        let mut open = 1_usize;
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let plain = self.up_to(|byte| matches!(byte, b'(' | b')' | b'\\'))?;
            text.extend_from_slice(&rest[..plain]);
            let byte = rest[plain];
            self.at += plain + 1;
            match byte {
                b'(' => open += 1,
                b')' => {
                    open -= 1;
                    if open == 0 {
                        return Ok(text);
                    }
                }
                b'\\' => {
                    self.escape(&mut text)?;
                    continue;
                }
                _ => {}
            }
            text.push(byte);
        }
    }

    fn escape(&mut self, text: &mut Vec<u8>) -> Result<(), Fault> {
        let byte = self.peek().ok_or(Fault::Malformed)?;
        self.at += 1;
        match byte {
            b'n' => text.push(b'\n'),
            b'r' => text.push(b'\r'),
            b't' => text.push(b'\t'),
            b'b' => text.push(8),
            b'f' => text.push(0x0c),
            b'\r' => self.at += usize::from(self.peek() == Some(b'\n')),
            b'\n' => {}
            b'0'..=b'7' => {
                let mut value = u16::from(byte - b'0');
                for _ in 0..2 {
                    let Some(digit @ b'0'..=b'7') = self.peek() else { break };
                    value = value * 8 + u16::from(digit - b'0');
                    self.at += 1;
                }
                text.push(value.to_le_bytes()[0]);
            }
            other => text.push(other),
        }
        Ok(())
    }

    fn hexadecimal(&mut self) -> Result<Vec<u8>, Fault> {
        self.at += 1;
        let length = self.up_to(|byte| byte == b'>')?;
        let digits = &self.bytes[self.at..self.at + length];
        self.at += length + 1;
        let mut text = Vec::with_capacity(length / 2 + 1);
        let mut high = None;
        for byte in digits.iter().filter(|byte| !is_space(**byte)) {
            let value = hex_value(*byte).ok_or(Fault::Malformed)?;
            match high.take() {
                None => high = Some(value),
                Some(high) => text.push(high << 4 | value),
            }
        }
        text.extend(high.map(|high| high << 4));
        Ok(text)
    }

    fn dictionary(&mut self, depth: usize) -> Result<Dictionary, Fault> {
        self.at += 2;
        let mut entries = Vec::new();
        loop {
            self.skip_space();
            match self.peek().ok_or(Fault::Malformed)? {
                b'>' if self.bytes.get(self.at + 1) == Some(&b'>') => {
                    self.at += 2;
                    return Ok(Dictionary::new(entries));
                }
                b'/' => {
                    let key = self.name()?;
                    self.skip_space();
                    let start = self.at;
                    let value = self.object_at(depth + 1)?;
                    entries.push(Entry { key, value, span: start..self.at });
                }
                _ => return Err(Fault::Malformed),
            }
        }
    }

    /// `number generation obj` and what follows it. `length_of` resolves a stream's length where it is a reference.
    pub(crate) fn indirect(
        &mut self,
        length_of: impl FnOnce(Id) -> Result<usize, Fault>,
    ) -> Result<(Id, Object), Fault> {
        let number = u32::try_from(self.unsigned()?).map_err(|_| Fault::Malformed)?;
        let generation = u16::try_from(self.unsigned()?).map_err(|_| Fault::Malformed)?;
        let id = Id { number, generation };
        self.keyword(b"obj")?;
        let object = self.object()?;
        let Object::Dictionary(dictionary) = object else {
            self.keyword(b"endobj")?;
            return Ok((id, object));
        };
        if !self.try_keyword(b"stream") {
            self.keyword(b"endobj")?;
            return Ok((id, Object::Dictionary(dictionary)));
        }
        let data = self.stream_data(&dictionary, length_of)?;
        Ok((id, Object::Stream(dictionary, data)))
    }

    fn stream_data(
        &mut self,
        dictionary: &Dictionary,
        length_of: impl FnOnce(Id) -> Result<usize, Fault>,
    ) -> Result<Range<usize>, Fault> {
        match (self.peek(), self.bytes.get(self.at + 1)) {
            (Some(b'\r'), Some(b'\n')) => self.at += 2,
            (Some(b'\n' | b'\r'), _) => self.at += 1,
            _ => return Err(Fault::Malformed),
        }
        let length = match dictionary.get(b"Length") {
            Some(Object::Reference(id)) => length_of(*id)?,
            Some(length) => length.as_size().ok_or(Fault::Malformed)?,
            None => return Err(Fault::Malformed),
        };
        let start = self.at;
        let end = start.checked_add(length).filter(|end| *end <= self.bytes.len()).ok_or(Fault::Malformed)?;
        self.at = end;
        // Not past comments: what follows the data is `endstream` at once, or after an end of line.
        while self.peek().is_some_and(is_space) {
            self.at += 1;
        }
        if self.regular() != b"endstream" {
            return Err(Fault::Malformed);
        }
        self.keyword(b"endobj")?;
        Ok(start..end)
    }
}
