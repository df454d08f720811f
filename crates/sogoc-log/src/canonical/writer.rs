//! Serde's data model into canonical JSON.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt::{self, Write as _};
use std::ops::Range;

use serde::ser::{self, Serialize};

use super::{CanonicalError, DEPTH_MAX, INTEGER_MAX, order, write_string};

impl ser::Error for CanonicalError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Custom(message.to_string())
    }
}

/// Writes one value at the end of `out`.
pub(super) struct Writer<'a> {
    out: &'a mut String,
    depth: usize,
}

impl<'a> Writer<'a> {
    pub(super) fn new(out: &'a mut String) -> Self {
        Self { out, depth: 0 }
    }

    fn signed(self, value: i128) -> Result<(), CanonicalError> {
        if value.unsigned_abs() > u128::from(INTEGER_MAX) {
            return Err(CanonicalError::Integer(value));
        }
        write!(self.out, "{value}").expect("a String takes all");
        Ok(())
    }

    fn unsigned(self, value: u128) -> Result<(), CanonicalError> {
        self.signed(i128::try_from(value).unwrap_or(i128::MAX))
    }

    fn enter(&self) -> Result<usize, CanonicalError> {
        if self.depth >= DEPTH_MAX { Err(CanonicalError::Deep) } else { Ok(self.depth + 1) }
    }

    fn list(self, close: &'static str) -> Result<List<'a>, CanonicalError> {
        let depth = self.enter()?;
        self.out.push('[');
        Ok(List { out: self.out, depth, close, first: true })
    }

    fn members(self, close: &'static str) -> Result<Members<'a>, CanonicalError> {
        let depth = self.enter()?;
        self.out.push('{');
        let start = self.out.len();
        Ok(Members { out: self.out, depth, close, start, members: Vec::new(), sorted: true })
    }

    /// Opens `{"variant":`; what follows closes it.
    fn variant(self, variant: &str) -> Result<Self, CanonicalError> {
        let depth = self.enter()?;
        self.out.push('{');
        write_string(self.out, variant);
        self.out.push(':');
        Ok(Self { out: self.out, depth })
    }
}

macro_rules! integers {
    ($($method:ident $type:ty => $to:ident),* $(,)?) => {
        $(fn $method(self, value: $type) -> Result<(), CanonicalError> { self.$to(value.into()) })*
    };
}

impl<'a> ser::Serializer for Writer<'a> {
    type Ok = ();
    type Error = CanonicalError;
    type SerializeSeq = List<'a>;
    type SerializeTuple = List<'a>;
    type SerializeTupleStruct = List<'a>;
    type SerializeTupleVariant = List<'a>;
    type SerializeMap = Members<'a>;
    type SerializeStruct = Members<'a>;
    type SerializeStructVariant = Members<'a>;

    integers! {
        serialize_i8 i8 => signed, serialize_i16 i16 => signed, serialize_i32 i32 => signed, serialize_i64 i64 => signed,
        serialize_i128 i128 => signed,
        serialize_u8 u8 => unsigned, serialize_u16 u16 => unsigned, serialize_u32 u32 => unsigned,
        serialize_u64 u64 => unsigned, serialize_u128 u128 => unsigned,
    }

    fn serialize_bool(self, value: bool) -> Result<(), CanonicalError> {
        self.out.push_str(if value { "true" } else { "false" });
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result<(), CanonicalError> {
        Err(CanonicalError::Float(value.into()))
    }

    fn serialize_f64(self, value: f64) -> Result<(), CanonicalError> {
        Err(CanonicalError::Float(value))
    }

    fn serialize_char(self, value: char) -> Result<(), CanonicalError> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), CanonicalError> {
        write_string(self.out, value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), CanonicalError> {
        value.serialize(self)
    }

    fn serialize_none(self) -> Result<(), CanonicalError> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), CanonicalError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), CanonicalError> {
        self.out.push_str("null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), CanonicalError> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), CanonicalError> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), CanonicalError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), CanonicalError> {
        let Writer { out, depth } = self.variant(variant)?;
        value.serialize(Writer { out, depth })?;
        out.push('}');
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<List<'a>, CanonicalError> {
        self.list("]")
    }

    fn serialize_tuple(self, _: usize) -> Result<List<'a>, CanonicalError> {
        self.list("]")
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<List<'a>, CanonicalError> {
        self.list("]")
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<List<'a>, CanonicalError> {
        self.variant(variant)?.list("]}")
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Members<'a>, CanonicalError> {
        self.members("}")
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Members<'a>, CanonicalError> {
        // serde_json passes raw values and numbers of any precision through structs of private names. Written as they
        // are they would come out as an object that nobody meant.
        if name.starts_with("$serde_json::private") {
            return Err(CanonicalError::Custom("a raw JSON value has no canonical form: decode it first".to_owned()));
        }
        self.members("}")
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Members<'a>, CanonicalError> {
        self.variant(variant)?.members("}}")
    }
}

/// An array being written.
pub(super) struct List<'a> {
    out: &'a mut String,
    depth: usize,
    close: &'static str,
    first: bool,
}

impl List<'_> {
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CanonicalError> {
        if !self.first {
            self.out.push(',');
        }
        self.first = false;
        value.serialize(Writer { out: self.out, depth: self.depth })
    }

    fn close(self) {
        self.out.push_str(self.close);
    }
}

macro_rules! list {
    ($($trait:ident $method:ident),* $(,)?) => {
        $(impl ser::$trait for List<'_> {
            type Ok = ();
            type Error = CanonicalError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CanonicalError> {
                self.item(value)
            }

            fn end(self) -> Result<(), CanonicalError> {
                self.close();
                Ok(())
            }
        })*
    };
}

list! {
    SerializeSeq serialize_element, SerializeTuple serialize_element, SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field,
}

/// An object being written. Members go straight to the output; only when they come out of order are they moved at the
/// end, so a struct whose fields stand in order costs nothing extra.
pub(super) struct Members<'a> {
    out: &'a mut String,
    depth: usize,
    close: &'static str,
    start: usize,
    members: Vec<(Cow<'static, str>, Range<usize>)>,
    sorted: bool,
}

impl Members<'_> {
    fn key(&mut self, key: Cow<'static, str>) {
        if let Some((last, _)) = self.members.last() {
            self.sorted &= order(last, &key) == Ordering::Less;
            self.out.push(',');
        }
        let start = self.out.len();
        write_string(self.out, &key);
        self.out.push(':');
        self.members.push((key, start..start));
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CanonicalError> {
        value.serialize(Writer { out: self.out, depth: self.depth })?;
        if let Some((_, range)) = self.members.last_mut() {
            range.end = self.out.len();
        }
        Ok(())
    }

    fn close(mut self) -> Result<(), CanonicalError> {
        if !self.sorted {
            self.members.sort_by(|(a, _), (b, _)| order(a, b));
            let mut sorted = String::with_capacity(self.out.len() - self.start);
            let mut last: Option<&str> = None;
            for (key, range) in &self.members {
                if last == Some(key) {
                    return Err(CanonicalError::Twice(key.clone().into_owned()));
                }
                if last.is_some() {
                    sorted.push(',');
                }
                last = Some(key);
                sorted.push_str(&self.out[range.clone()]);
            }
            self.out.truncate(self.start);
            self.out.push_str(&sorted);
        }
        self.out.push_str(self.close);
        Ok(())
    }
}

impl ser::SerializeMap for Members<'_> {
    type Ok = ();
    type Error = CanonicalError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), CanonicalError> {
        let key = key.serialize(Key)?;
        self.key(Cow::Owned(key));
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CanonicalError> {
        self.value(value)
    }

    fn end(self) -> Result<(), CanonicalError> {
        self.close()
    }
}

macro_rules! members {
    ($($trait:ident),*) => {
        $(impl ser::$trait for Members<'_> {
            type Ok = ();
            type Error = CanonicalError;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), CanonicalError> {
                self.key(Cow::Borrowed(key));
                self.value(value)
            }

            fn end(self) -> Result<(), CanonicalError> {
                self.close()
            }
        })*
    };
}

members!(SerializeStruct, SerializeStructVariant);

/// Takes what can be a key.
struct Key;

macro_rules! keys {
    (text: $($method:ident $type:ty),*; refused: $($refused:ident $refused_type:ty),*) => {
        $(fn $method(self, value: $type) -> Result<String, CanonicalError> { Ok(value.to_string()) })*
        $(fn $refused(self, _: $refused_type) -> Result<String, CanonicalError> { Err(CanonicalError::Key) })*
    };
}

impl ser::Serializer for Key {
    type Ok = String;
    type Error = CanonicalError;
    type SerializeSeq = ser::Impossible<String, CanonicalError>;
    type SerializeTuple = ser::Impossible<String, CanonicalError>;
    type SerializeTupleStruct = ser::Impossible<String, CanonicalError>;
    type SerializeTupleVariant = ser::Impossible<String, CanonicalError>;
    type SerializeMap = ser::Impossible<String, CanonicalError>;
    type SerializeStruct = ser::Impossible<String, CanonicalError>;
    type SerializeStructVariant = ser::Impossible<String, CanonicalError>;

    keys! {
        text: serialize_str &str, serialize_char char, serialize_i8 i8, serialize_i16 i16, serialize_i32 i32,
            serialize_i64 i64, serialize_u8 u8, serialize_u16 u16, serialize_u32 u32, serialize_u64 u64;
        refused: serialize_bool bool, serialize_f32 f32, serialize_f64 f64, serialize_bytes &[u8],
            serialize_unit_struct &'static str
    }

    fn serialize_none(self) -> Result<String, CanonicalError> {
        Err(CanonicalError::Key)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<String, CanonicalError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<String, CanonicalError> {
        Err(CanonicalError::Key)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<String, CanonicalError> {
        Ok(variant.to_owned())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<String, CanonicalError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<String, CanonicalError> {
        Err(CanonicalError::Key)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, CanonicalError> {
        Err(CanonicalError::Key)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, CanonicalError> {
        Err(CanonicalError::Key)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeTupleStruct, CanonicalError> {
        Err(CanonicalError::Key)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, CanonicalError> {
        Err(CanonicalError::Key)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, CanonicalError> {
        Err(CanonicalError::Key)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeStruct, CanonicalError> {
        Err(CanonicalError::Key)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, CanonicalError> {
        Err(CanonicalError::Key)
    }
}
