//! A request, read: its fields by name, in the types of the domain.

use std::str::FromStr;

use serde_json::{Map, Value};
use sogoc_domain::refusal::{Code, Refusal};
use sogoc_domain::values::Timestamp;

use super::error::Fault;

/// The fields of a request, canonical as `transcode` makes them: what has no presence is there with its default, and an
/// empty text stands for none.
#[derive(Debug)]
pub(crate) struct Ask(Map<String, Value>);

impl Ask {
    /// Takes over a request.
    pub(crate) fn new(request: Value) -> Self {
        match request {
            Value::Object(fields) => Self(fields),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Self(Map::new()),
        }
    }

    /// A text that may be left out.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// A text that must be given.
    ///
    /// # Errors
    /// `missing`.
    pub(crate) fn must_text(&self, name: &str) -> Result<&str, Fault> {
        self.text(name).ok_or_else(|| Refusal::new(Code::Missing).with("field", name).into())
    }

    /// An id, or anything else with a text form, that may be left out.
    ///
    /// # Errors
    /// `invalid`, with what it may be.
    pub(crate) fn parsed<T: FromStr<Err: ToString>>(&self, name: &str) -> Result<Option<T>, Fault> {
        self.text(name).map(|text| parse(name, text)).transpose()
    }

    /// An id that must be given.
    ///
    /// # Errors
    /// `missing`, `invalid`.
    pub(crate) fn must<T: FromStr<Err: ToString>>(&self, name: &str) -> Result<T, Fault> {
        parse(name, self.must_text(name)?)
    }

    /// A whole number; none where it is absent.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.0.get(name).and_then(Value::as_u64)
    }

    /// An instant that may be left out.
    ///
    /// # Errors
    /// `invalid`.
    pub(crate) fn instant(&self, name: &str) -> Result<Option<Timestamp>, Fault> {
        self.text(name).map(|text| Timestamp::parse(text).map_err(|why| invalid(name, text, why.0))).transpose()
    }

    /// A list; empty where it is absent.
    pub(crate) fn list(&self, name: &str) -> &[Value] {
        self.0.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// Takes a field out.
    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }

    /// All fields.
    pub(crate) fn fields(&self) -> &Map<String, Value> {
        &self.0
    }

    /// What is left.
    pub(crate) fn rest(self) -> Map<String, Value> {
        self.0
    }
}

/// The value of a field, from its text.
///
/// # Errors
/// `invalid`.
pub(crate) fn parse<T: FromStr<Err: ToString>>(name: &str, text: &str) -> Result<T, Fault> {
    text.parse().map_err(|why: T::Err| invalid(name, text, why))
}

/// That a field's value cannot be used. A hostile value is not repeated whole.
pub(crate) fn invalid(name: &str, value: &str, why: impl ToString) -> Fault {
    let value: String = value.chars().take(80).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    Refusal::new(Code::Invalid).with("field", name).with("value", value).with("why", why.to_string()).into()
}
