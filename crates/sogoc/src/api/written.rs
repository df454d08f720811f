//! Answers as JSON in the words of the schema, written in one go.
//!
//! Two things set the JSON of an answer apart from how its parts are written elsewhere: what has no value is absent, and an
//! exact value is one text, `NUM/DEN` where there is no finite decimal. Both are done here while it is written, so that the
//! answer to a question, hundreds of kilobytes for a trace, is built once: as the bytes that go out.

use std::fmt::{self, Write as _};
use std::io::Write as _;

use bytes::Bytes;
use serde::ser::{
    Error as _, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};
use serde::{Serialize, Serializer};
use serde_json::Error;

use super::error::Fault;

/// Writes an answer.
///
/// # Errors
/// For what JSON cannot say, which is a defect of the service.
pub(crate) fn written<T: Serialize + ?Sized>(answer: &T) -> Result<Bytes, Fault> {
    let mut out = Vec::with_capacity(1_024);
    answer.serialize(Json(&mut out)).map_err(Fault::internal)?;
    Ok(out.into())
}

/// Whether a value was one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Wrote {
    Value,
    /// `null`, which a field of that value is left out for.
    Null,
}

/// Writes one value.
struct Json<'a>(&'a mut Vec<u8>);

/// Writes the parts of one value. The bytes after `start` are its own.
struct Parts<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    /// Where the part that is being written begins.
    part: usize,
    count: usize,
    close: &'static [u8],
}

impl<'a> Json<'a> {
    fn number(self, number: impl fmt::Display) -> Result<Wrote, Error> {
        write!(self.0, "{number}").map_err(Error::io)?;
        Ok(Wrote::Value)
    }

    fn parts(self, open: &[u8], close: &'static [u8]) -> Parts<'a> {
        let start = self.0.len();
        self.0.extend_from_slice(open);
        Parts { out: self.0, start, part: 0, count: 0, close }
    }

    /// The parts of a variant: an object with the variant's name before them.
    fn variant(self, variant: &str, open: u8, close: &'static [u8]) -> Parts<'a> {
        let mut parts = self.parts(b"{", close);
        text(parts.out, variant);
        parts.out.extend_from_slice(&[b':', open]);
        parts.start = parts.out.len() - 1;
        parts
    }
}

impl Parts<'_> {
    fn begin(&mut self) {
        self.part = self.out.len();
        if self.count > 0 {
            self.out.push(b',');
        }
    }

    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.begin();
        value.serialize(Json(self.out))?;
        self.count += 1;
        Ok(())
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.out.push(b':');
        match value.serialize(Json(self.out))? {
            Wrote::Value => self.count += 1,
            Wrote::Null => self.out.truncate(self.part),
        }
        Ok(())
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Error> {
        self.begin();
        text(self.out, name);
        self.value(value)
    }

    fn end(self) -> Result<Wrote, Error> {
        self.out.extend_from_slice(self.close);
        Ok(Wrote::Value)
    }

    /// Ends an object. One with a numerator and a denominator and nothing else is an exact value.
    fn end_object(self) -> Result<Wrote, Error> {
        let Self { out, start, count, .. } = self;
        out.extend_from_slice(self.close);
        if count == 2
            && let Some(exact) = exact(&out[start..])
        {
            out.truncate(start);
            text(out, &exact);
        }
        Ok(Wrote::Value)
    }
}

/// The text of an exact value that was written as an object, its fields in the order of their names.
fn exact(object: &[u8]) -> Option<String> {
    let inner = object.strip_prefix(br#"{"den":""#)?.strip_suffix(br#""}"#)?;
    let (den, num) = std::str::from_utf8(inner).ok()?.split_once(r#"","num":""#)?;
    Some(format!("{num}/{den}"))
}

/// Writes a text between quotes.
fn text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    // Writing to memory does not fail.
    let _ = Escaped(out).write_str(text);
    out.push(b'"');
}

/// Writes pieces of a text between its quotes.
struct Escaped<'a>(&'a mut Vec<u8>);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        let mut plain = 0;
        for (at, byte) in piece.bytes().enumerate() {
            if byte >= 0x20 && byte != b'"' && byte != b'\\' {
                continue;
            }
            self.0.extend_from_slice(&piece.as_bytes()[plain..at]);
            plain = at + 1;
            match byte {
                b'"' => self.0.extend_from_slice(br#"\""#),
                b'\\' => self.0.extend_from_slice(br"\\"),
                b'\n' => self.0.extend_from_slice(br"\n"),
                b'\r' => self.0.extend_from_slice(br"\r"),
                b'\t' => self.0.extend_from_slice(br"\t"),
                control => write!(self.0, "\\u{control:04x}").map_err(|_| fmt::Error)?,
            }
        }
        self.0.extend_from_slice(&piece.as_bytes()[plain..]);
        Ok(())
    }
}

impl<'a> Serializer for Json<'a> {
    type Ok = Wrote;
    type Error = Error;
    type SerializeSeq = Parts<'a>;
    type SerializeTuple = Parts<'a>;
    type SerializeTupleStruct = Parts<'a>;
    type SerializeTupleVariant = Parts<'a>;
    type SerializeMap = Parts<'a>;
    type SerializeStruct = Parts<'a>;
    type SerializeStructVariant = Parts<'a>;

    fn serialize_bool(self, value: bool) -> Result<Wrote, Error> {
        self.0.extend_from_slice(if value { b"true" } else { b"false" });
        Ok(Wrote::Value)
    }

    fn serialize_i8(self, value: i8) -> Result<Wrote, Error> {
        self.number(value)
    }

    fn serialize_i16(self, value: i16) -> Result<Wrote, Error> {
        self.number(value)
    }

    fn serialize_i32(self, value: i32) -> Result<Wrote, Error> {
        self.number(value)
    }

    fn serialize_i64(self, value: i64) -> Result<Wrote, Error> {
        self.number(value)
    }

    fn serialize_u8(self, value: u8) -> Result<Wrote, Error> {
        self.number(value)
    }

    fn serialize_u16(self, value: u16) -> Result<Wrote, Error> {
        self.number(value)
    }

    fn serialize_u32(self, value: u32) -> Result<Wrote, Error> {
        self.number(value)
    }

    fn serialize_u64(self, value: u64) -> Result<Wrote, Error> {
        self.number(value)
    }

    fn serialize_f32(self, _: f32) -> Result<Wrote, Error> {
        Err(Error::custom("answers have no floats"))
    }

    fn serialize_f64(self, _: f64) -> Result<Wrote, Error> {
        Err(Error::custom("answers have no floats"))
    }

    fn serialize_char(self, value: char) -> Result<Wrote, Error> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<Wrote, Error> {
        text(self.0, value);
        Ok(Wrote::Value)
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<Wrote, Error> {
        Err(Error::custom("bytes are written as a text of hexadecimal digits or in base64"))
    }

    fn serialize_none(self) -> Result<Wrote, Error> {
        self.0.extend_from_slice(b"null");
        Ok(Wrote::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Wrote, Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Wrote, Error> {
        self.serialize_none()
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Wrote, Error> {
        self.serialize_none()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<Wrote, Error> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<Wrote, Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Wrote, Error> {
        let mut parts = self.parts(b"{", b"}");
        parts.field(variant, value)?;
        parts.end()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Parts<'a>, Error> {
        Ok(self.parts(b"[", b"]"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Parts<'a>, Error> {
        Ok(self.parts(b"[", b"]"))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Parts<'a>, Error> {
        Ok(self.parts(b"[", b"]"))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'a>, Error> {
        Ok(self.variant(variant, b'[', b"]}"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Parts<'a>, Error> {
        Ok(self.parts(b"{", b"}"))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Parts<'a>, Error> {
        Ok(self.parts(b"{", b"}"))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'a>, Error> {
        Ok(self.variant(variant, b'{', b"}}"))
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<Wrote, Error> {
        self.0.push(b'"');
        write!(Escaped(self.0), "{value}").map_err(Error::custom)?;
        self.0.push(b'"');
        Ok(Wrote::Value)
    }
}

impl SerializeSeq for Parts<'_> {
    type Ok = Wrote;
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.item(value)
    }

    fn end(self) -> Result<Wrote, Error> {
        Parts::end(self)
    }
}

impl SerializeTuple for Parts<'_> {
    type Ok = Wrote;
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.item(value)
    }

    fn end(self) -> Result<Wrote, Error> {
        Parts::end(self)
    }
}

impl SerializeTupleStruct for Parts<'_> {
    type Ok = Wrote;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.item(value)
    }

    fn end(self) -> Result<Wrote, Error> {
        Parts::end(self)
    }
}

impl SerializeTupleVariant for Parts<'_> {
    type Ok = Wrote;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.item(value)
    }

    fn end(self) -> Result<Wrote, Error> {
        Parts::end(self)
    }
}

impl SerializeMap for Parts<'_> {
    type Ok = Wrote;
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.begin();
        let at = self.out.len();
        key.serialize(Json(self.out))?;
        if self.out.get(at) == Some(&b'"') { Ok(()) } else { Err(Error::custom("a name is a text")) }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.value(value)
    }

    fn end(self) -> Result<Wrote, Error> {
        self.end_object()
    }
}

impl SerializeStruct for Parts<'_> {
    type Ok = Wrote;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
        self.field(name, value)
    }

    fn end(self) -> Result<Wrote, Error> {
        self.end_object()
    }
}

impl SerializeStructVariant for Parts<'_> {
    type Ok = Wrote;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
        self.field(name, value)
    }

    fn end(self) -> Result<Wrote, Error> {
        Parts::end(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};
    use sogoc_domain::exact::Exact;

    use super::*;

    fn of<T: Serialize>(answer: T) -> String {
        String::from_utf8(written(&answer).unwrap().to_vec()).unwrap()
    }

    #[test]
    fn what_has_no_value_is_absent_from_objects_and_stays_in_lists() {
        #[derive(Serialize)]
        struct Answer {
            a: Option<u8>,
            b: Vec<Option<u8>>,
            c: (),
            d: Value,
        }
        let answer = Answer { a: None, b: vec![None, Some(1)], c: (), d: json!({ "x": null, "y": {} }) };
        assert_eq!(of(answer), r#"{"b":[null,1],"d":{"y":{}}}"#);
        assert_eq!(of(json!({ "a": null, "b": 1, "c": null, "d": 2 })), r#"{"b":1,"d":2}"#);
    }

    #[test]
    fn an_exact_value_is_one_text() {
        let third = serde_json::from_str::<Exact>(r#"{"den":"3","num":"1"}"#).unwrap();
        assert_eq!(of(json!({ "value": third, "half": "0.5" })), r#"{"half":"0.5","value":"1/3"}"#);
        assert_eq!(of([third]), r#"["1/3"]"#);
        // What only looks like one is left as it is.
        assert_eq!(of(json!({ "den": "3", "num": "1", "x": 1 })), r#"{"den":"3","num":"1","x":1}"#);
        assert_eq!(of(json!({ "den": 3, "num": 1 })), r#"{"den":3,"num":1}"#);
    }

    #[test]
    fn choices_are_written_as_serde_json_writes_them() {
        #[derive(Serialize)]
        enum Choice {
            Plain,
            One(u8),
            Two(u8, bool),
            Named { a: u8, b: Option<u8> },
        }
        let all = [Choice::Plain, Choice::One(1), Choice::Two(1, true), Choice::Named { a: 1, b: None }];
        assert_eq!(of(all), r#"["Plain",{"One":1},{"Two":[1,true]},{"Named":{"a":1}}]"#);
    }

    #[test]
    fn floats_and_names_that_are_no_text_are_refused() {
        assert!(written(&1.5).is_err());
        assert!(written(&std::collections::BTreeMap::from([(1, 2)])).is_err());
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
            "[\\x00-\\x7f]{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(".{0,6}", inner, 0..6)
                    .prop_map(|fields| Value::Object(Map::from_iter(fields))),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_value_without_nulls_is_read_back_as_it_was(value in value()) {
            prop_assert_eq!(serde_json::from_str::<Value>(&of(&value)).unwrap(), value);
        }
    }
}
