//! Canonical JSON (RFC 8785), the part that the register uses: objects, arrays, strings, integers, booleans and null.
//!
//! The bytes that are hashed are the bytes that are stored (invariant 3), so a value must have one spelling. Numbers are
//! integers of at most 53 bits: a decimal is a JSON string (DESIGN §5), and a float is refused rather than written in the
//! shortest form that RFC 8785 prescribes. Kept crates for RFC 8785 write `1.0` as `1` and 2^53 + 1 as 2^53 without a
//! word, which is why this one is ours; the tests hold it against one of them.
//!
//! Deliberately absent: normalisation of text (it is refused where a draft is made), and reading JSON that is not
//! canonical.

mod writer;

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt::Write as _;

use serde::Serialize;

use self::writer::Writer;

/// Deepest nesting that is read or written. Everything recorded stays below ten.
pub const DEPTH_MAX: usize = 64;
/// Largest magnitude of an integer: 2^53 − 1, the last one that every JSON reader keeps exactly.
pub const INTEGER_MAX: u64 = (1 << 53) - 1;

/// Why a text is not canonical, or a value has no canonical form.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CanonicalError {
    /// The text departs from the canonical form.
    #[error("not canonical JSON at byte {at}: {what}")]
    Text {
        /// Byte where the text first departs.
        at: usize,
        /// What should have been there.
        what: &'static str,
    },
    /// A float: it has no place near a score.
    #[error("a float ({0}) cannot be recorded: write a decimal as a string")]
    Float(f64),
    /// An integer that not every reader keeps exactly.
    #[error("integer {0} is beyond ±{INTEGER_MAX}: write it as a string")]
    Integer(i128),
    /// A key written twice in one object.
    #[error("key {0:?} stands twice in one object: write it once")]
    Twice(String),
    /// A key that is not a string, a character, an integer or a unit variant.
    #[error("an object's key must be text: make it a string")]
    Key,
    /// Nested too deeply.
    #[error("nested deeper than {DEPTH_MAX}: flatten it")]
    Deep,
    /// What the value's own `Serialize` refused.
    #[error("{0}")]
    Custom(String),
}

/// Writes a value in canonical form.
///
/// # Errors
/// [`CanonicalError`] for floats, integers beyond 2^53 − 1, keys that are no text or stand twice, and deep nesting.
pub fn to_string<T: Serialize + ?Sized>(value: &T) -> Result<String, CanonicalError> {
    let mut out = String::with_capacity(128);
    value.serialize(Writer::new(&mut out))?;
    Ok(out)
}

/// Checks that a text is one value in canonical form, with nothing around it.
///
/// # Errors
/// [`CanonicalError`] with the first byte that departs from the form.
pub fn check(text: &str) -> Result<(), CanonicalError> {
    let end = scan(text, 0, Nulls::Taken)?;
    if end == text.len() { Ok(()) } else { Err(CanonicalError::Text { at: end, what: "nothing may follow the value" }) }
}

/// Whether null is taken. In an entry what is absent is left out, never null.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nulls {
    Taken,
    Refused,
}

/// Reads one canonical value that begins at byte `start` and returns the byte after it.
pub(crate) fn scan(text: &str, start: usize, nulls: Nulls) -> Result<usize, CanonicalError> {
    Scan { text, bytes: text.as_bytes(), at: start, nulls }.run()
}

/// Reads one canonical string that begins (with its quote) at byte `start`: its value, and the byte after it.
pub(crate) fn scan_string(text: &str, start: usize) -> Result<(Cow<'_, str>, usize), CanonicalError> {
    let mut scan = Scan { text, bytes: text.as_bytes(), at: start, nulls: Nulls::Refused };
    let value = scan.string()?.value();
    Ok((value, scan.at))
}

/// Appends a string with its quotes, escaped as RFC 8785 §3.2.2.2 says.
pub(crate) fn write_string(out: &mut String, value: &str) {
    out.push('"');
    let mut from = 0;
    for (at, byte) in value.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&value[from..at]);
        from = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            0x08 => out.push_str("\\b"),
            0x09 => out.push_str("\\t"),
            0x0a => out.push_str("\\n"),
            0x0c => out.push_str("\\f"),
            0x0d => out.push_str("\\r"),
            control => write!(out, "\\u{control:04x}").expect("a String takes all"),
        }
    }
    out.push_str(&value[from..]);
    out.push('"');
}

/// Order of keys: by UTF-16 code units (RFC 8785 §3.2.3), which differs from the order of UTF-8 bytes only where a
/// character beyond U+FFFF meets one from U+E000 on.
fn order(a: &str, b: &str) -> Ordering {
    if a.bytes().chain(b.bytes()).all(|byte| byte < 0xee) { a.cmp(b) } else { a.encode_utf16().cmp(b.encode_utf16()) }
}

/// A string as it stands between its quotes.
#[derive(Clone, Copy)]
struct Raw<'a> {
    text: &'a str,
    escaped: bool,
}

impl<'a> Raw<'a> {
    fn value(self) -> Cow<'a, str> {
        if !self.escaped {
            return Cow::Borrowed(self.text);
        }
        let mut value = String::with_capacity(self.text.len());
        let mut rest = self.text;
        while let Some(at) = rest.find('\\') {
            value.push_str(&rest[..at]);
            let mut length = 2;
            value.push(match rest.as_bytes()[at + 1] {
                b'b' => '\u{8}',
                b't' => '\t',
                b'n' => '\n',
                b'f' => '\u{c}',
                b'r' => '\r',
                b'u' => {
                    length = 6;
                    let code = u32::from_str_radix(&rest[at + 2..at + 6], 16).expect("hexadecimal, it was scanned");
                    char::from_u32(code).expect("a control character, it was scanned")
                }
                literal => char::from(literal),
            });
            rest = &rest[at + length..];
        }
        value.push_str(rest);
        Cow::Owned(value)
    }
}

/// What may stand between quotes as it is: 0 yes, 1 no.
const SPECIAL: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = true;
        byte += 1;
    }
    table[b'"' as usize] = true;
    table[b'\\' as usize] = true;
    table
};

struct Scan<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    nulls: Nulls,
}

impl<'a> Scan<'a> {
    fn run(mut self) -> Result<usize, CanonicalError> {
        self.value(0)?;
        Ok(self.at)
    }

    fn fail<T>(&self, what: &'static str) -> Result<T, CanonicalError> {
        Err(CanonicalError::Text { at: self.at, what })
    }

    fn peek(&self) -> u8 {
        // NUL never stands for itself in canonical JSON, so it can mark the end.
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    fn literal(&mut self, literal: &'static str) -> Result<(), CanonicalError> {
        if self.bytes[self.at..].starts_with(literal.as_bytes()) {
            self.at += literal.len();
            return Ok(());
        }
        self.fail("a value")
    }

    fn value(&mut self, depth: usize) -> Result<(), CanonicalError> {
        if depth > DEPTH_MAX {
            return Err(CanonicalError::Deep);
        }
        match self.peek() {
            b'"' => self.string().map(|_| ()),
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b't' => self.literal("true"),
            b'f' => self.literal("false"),
            b'n' if self.nulls == Nulls::Refused => self.fail("null is not recorded: what is absent is left out"),
            b'n' => self.literal("null"),
            b'-' | b'0'..=b'9' => self.integer(),
            _ => self.fail("a value, without space around it"),
        }
    }

    fn integer(&mut self) -> Result<(), CanonicalError> {
        let negative = self.peek() == b'-';
        self.at += usize::from(negative);
        let start = self.at;
        let mut value = 0_u64;
        while let digit @ b'0'..=b'9' = self.peek() {
            value = value.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
            self.at += 1;
        }
        let length = self.at - start;
        if length == 0 || (length > 1 && self.bytes[start] == b'0') || (negative && value == 0) {
            self.at = start;
            return self.fail("an integer without leading zeros and without -0");
        }
        if matches!(self.peek(), b'.' | b'e' | b'E') {
            return self.fail("an integer: a decimal is a string");
        }
        if value > INTEGER_MAX {
            self.at = start;
            return self.fail("an integer below 2^53: a larger one is a string");
        }
        Ok(())
    }

    fn string(&mut self) -> Result<Raw<'a>, CanonicalError> {
        if self.peek() != b'"' {
            return self.fail("a string");
        }
        self.at += 1;
        let start = self.at;
        let mut escaped = false;
        loop {
            let rest = &self.bytes[self.at..];
            self.at += rest.iter().position(|byte| SPECIAL[*byte as usize]).unwrap_or(rest.len());
            match self.peek() {
                b'"' => {
                    let text = &self.text[start..self.at];
                    self.at += 1;
                    return Ok(Raw { text, escaped });
                }
                b'\\' => {
                    escaped = true;
                    self.at += self.escape()?;
                }
                _ => return self.fail("a closed string with its control characters escaped"),
            }
        }
    }

    /// Length of the escape at this byte; each character has one permitted spelling.
    fn escape(&self) -> Result<usize, CanonicalError> {
        match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'b' | b't' | b'n' | b'f' | b'r') => Ok(2),
            Some(b'u') => match self.bytes.get(self.at + 2..self.at + 6) {
                Some(
                    [b'0', b'0', b'0', b'0'..=b'7' | b'b' | b'e' | b'f']
                    | [b'0', b'0', b'1', b'0'..=b'9' | b'a'..=b'f'],
                ) => Ok(6),
                _ => self.fail("\\u only for control characters without a short escape, in lower case"),
            },
            _ => self.fail("one of the escapes \\\" \\\\ \\b \\t \\n \\f \\r \\u00xx"),
        }
    }

    fn object(&mut self, depth: usize) -> Result<(), CanonicalError> {
        self.at += 1;
        if self.peek() == b'}' {
            self.at += 1;
            return Ok(());
        }
        let mut last: Option<Raw<'a>> = None;
        loop {
            let key_at = self.at;
            let key = self.string()?;
            if let Some(last) = last {
                let order = if last.escaped || key.escaped {
                    order(&last.value(), &key.value())
                } else {
                    order(last.text, key.text)
                };
                if order != Ordering::Less {
                    self.at = key_at;
                    return self.fail("keys in order, each once");
                }
            }
            last = Some(key);
            if self.peek() != b':' {
                return self.fail("a colon");
            }
            self.at += 1;
            self.value(depth + 1)?;
            match self.peek() {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return self.fail("a comma or the end of the object"),
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<(), CanonicalError> {
        self.at += 1;
        if self.peek() == b']' {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.value(depth + 1)?;
            match self.peek() {
                b',' => self.at += 1,
                b']' => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return self.fail("a comma or the end of the array"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    #[test]
    fn the_examples_of_rfc_8785_come_out() {
        // §3.2.2 without its floats, and §3.2.3.
        let value = json!({
            "string": "\u{20ac}$\u{f}\nA'B\"\\\\\"/",
            "literals": [null, true, false],
            "numbers": [333_333_333, 4, 0, -1],
        });
        assert_eq!(
            to_string(&value).expect("canonical"),
            "{\"literals\":[null,true,false],\"numbers\":[333333333,4,0,-1],\"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}"
        );
        let value = json!({
            "\u{20ac}": "Euro Sign", "\r": "Carriage Return", "\u{fb33}": "Hebrew Letter Dalet With Dagesh", "1": "One",
            "\u{1f600}": "Emoji: Grinning Face", "\u{80}": "Control", "\u{f6}": "Latin Small Letter O With Diaeresis",
        });
        let text = to_string(&value).expect("canonical");
        assert_eq!(
            text,
            "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u{80}\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\",\
             \"€\":\"Euro Sign\",\"😀\":\"Emoji: Grinning Face\",\"\u{fb33}\":\"Hebrew Letter Dalet With Dagesh\"}"
        );
        assert_eq!(check(&text), Ok(()));
    }

    #[test]
    fn what_has_a_second_spelling_is_refused() {
        for (text, at) in [
            ("", 0),
            (" {}", 0),
            ("{} ", 2),
            ("{\"a\":1,}", 7),
            ("{\"b\":1,\"a\":2}", 7),
            ("{\"a\":1,\"a\":2}", 7),
            ("{\"a\" :1}", 4),
            ("[1, 2]", 3),
            ("01", 0),
            ("-0", 1),
            ("1.0", 1),
            ("1e3", 1),
            ("9007199254740992", 0),
            ("-9007199254740992", 1),
            ("\"\\/\"", 1),
            ("\"\\u0041\"", 1),
            ("\"\\u000A\"", 1),
            ("\"\\u000a\"", 1),
            ("\"\\u001F\"", 1),
            ("\"\n\"", 1),
            ("\"a", 2),
            ("nul", 0),
            ("[", 1),
            ("[1", 2),
            ("{\"a\"", 4),
            ("+1", 0),
            ("-", 1),
            ("99999999999999999999999999", 0),
            ("\"\\ud83d\\ude00\"", 1),
            ("'a'", 0),
            ("NaN", 0),
            ("{\"\\\"\":1,\"!\":2}", 8),
        ] {
            match check(text) {
                Err(CanonicalError::Text { at: found, .. }) => assert_eq!(found, at, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
        for text in [
            "9007199254740991",
            "-9007199254740991",
            "0",
            "\"\\u001f\\b\"",
            "{\"!\":2,\"\\\"\":1}",
            "[]",
            "{}",
            "\"\u{7f}\"",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn floats_large_integers_deep_nesting_and_keys_that_are_no_text_are_refused() {
        assert!(matches!(to_string(&1.0_f64), Err(CanonicalError::Float(_))));
        assert!(matches!(to_string(&f32::NAN), Err(CanonicalError::Float(_))));
        assert_eq!(to_string(&(1_u64 << 53)), Err(CanonicalError::Integer(1 << 53)));
        assert_eq!(to_string(&u128::MAX), Err(CanonicalError::Integer(i128::MAX)));
        assert_eq!(to_string(&i64::MIN), Err(CanonicalError::Integer(i64::MIN.into())));
        assert_eq!(to_string(&std::collections::BTreeMap::from([(true, 1)])), Err(CanonicalError::Key));
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(check(&deep), Err(CanonicalError::Deep));
        let mut value = json!(1);
        for _ in 0..=DEPTH_MAX {
            value = json!([value]);
        }
        assert_eq!(to_string(&value), Err(CanonicalError::Deep));
    }

    #[test]
    fn enums_and_structs_are_written_as_serde_json_does() {
        #[derive(serde::Serialize)]
        enum Kind {
            Unit,
            New(u8),
            Tuple(u8, char),
            Struct { b: u8, a: Option<u8> },
        }
        let kinds = [Kind::Unit, Kind::New(1), Kind::Tuple(2, 'é'), Kind::Struct { b: 3, a: None }];
        assert_eq!(
            to_string(&kinds).expect("canonical"),
            r#"["Unit",{"New":1},{"Tuple":[2,"é"]},{"Struct":{"a":null,"b":3}}]"#
        );
        let keyed = std::collections::BTreeMap::from([(10_u8, 'a'), (9, 'b')]);
        assert_eq!(to_string(&keyed).expect("canonical"), r#"{"10":"a","9":"b"}"#);
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-(INTEGER_MAX as i64)..=INTEGER_MAX as i64).prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::hash_map(any::<String>(), inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_kept_crate_wherever_there_is_no_float(value in values()) {
            let text = to_string(&value).expect("no floats");
            prop_assert_eq!(check(&text), Ok(()));
            prop_assert_eq!(&serde_json_canonicalizer::to_string(&value).expect("theirs"), &text);
            prop_assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), value);
        }

        #[test]
        fn a_text_is_canonical_exactly_when_writing_it_again_gives_it_back(
            text in "[\\[\\]{}\":,0-9a-c\\\\un tfrlse.-]{0,12}",
        ) {
            let again = serde_json::from_str::<Value>(&text).ok().and_then(|value| to_string(&value).ok());
            prop_assert_eq!(check(&text).is_ok(), again.as_deref() == Some(text.as_str()), "{}", text);
        }
    }
}
