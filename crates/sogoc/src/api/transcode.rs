//! From what is on the wire to JSON values and back.
//!
//! **Shape.** Inside, a request and an answer are JSON in the words of the schema: names as in the `.proto` files, whole
//! numbers as numbers, what has no value absent. A request is read by its descriptor in every encoding, so that one rule
//! says what is a field and what is not; commands then take the form that `sogoc execute` takes, from which the domain reads
//! them. An answer is JSON ([`mod@super::written`]): it goes out as it is where JSON was asked for, and is put into its message
//! where protobuf was.
//!
//! **Exact values** are texts on the wire: a decimal, or `NUM/DEN` where there is no finite decimal.

use std::fmt;

use bytes::Bytes;
use prost_reflect::prost::Message as _;
use prost_reflect::{DeserializeOptions, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, SerializeOptions};
use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::error::Fault;
use super::written::written;

/// Nesting of a request at most, in any encoding.
const DEPTH_MAX: usize = 64;

/// Names as in the schema, whole numbers as numbers; fields without presence are there with their default.
const WRITING: SerializeOptions =
    SerializeOptions::new().use_proto_field_name(true).stringify_64_bit_integers(false).skip_default_fields(false);

/// Reads a request in protobuf.
///
/// # Errors
/// What cannot be read, in English, as all libraries of the format say it.
pub(crate) fn from_protobuf(message: &MessageDescriptor, bytes: &[u8]) -> Result<Value, String> {
    let read = DynamicMessage::decode(message.clone(), bytes).map_err(|error| error.to_string())?;
    canonical(&read)
}

/// Reads a request in JSON; empty is an empty request.
///
/// # Errors
/// As [`from_protobuf`]; an unknown field is one.
pub(crate) fn from_json(message: &MessageDescriptor, bytes: &[u8]) -> Result<Value, String> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return from_value(message, Value::Object(Map::new()));
    }
    from_value(message, read_once(bytes)?)
}

/// Reads a request that is a value already.
///
/// # Errors
/// As [`from_json`].
pub(crate) fn from_value(message: &MessageDescriptor, value: Value) -> Result<Value, String> {
    named_once(message, &value)?;
    let options = DeserializeOptions::new().deny_unknown_fields(true);
    let read = DynamicMessage::deserialize_with_options(message.clone(), value, &options)
        .map_err(|error| error.to_string())?;
    canonical(&read)
}

/// Reads JSON in which no name is given twice: who reads the first and who reads the last would not read the same command.
///
/// # Errors
/// What cannot be read.
pub(crate) fn read_once(bytes: &[u8]) -> Result<Value, String> {
    serde_json::from_slice::<Once>(bytes).map(|once| once.0).map_err(|error| error.to_string())
}

/// A value without names that stand twice.
struct Once(Value);

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ReadOnce).map(Self)
    }
}

struct ReadOnce;

impl<'de> Visitor<'de> for ReadOnce {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Once(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, Once(value))) = fields.next_entry::<String, Once>()? {
            if object.insert(name.clone(), value).is_some() {
                return Err(A::Error::custom(format!("`{name}` is given twice")));
            }
        }
        Ok(Value::Object(object))
    }
}

/// That no field is given by both of its names: that of the schema, and the one in camel case.
fn named_once(message: &MessageDescriptor, value: &Value) -> Result<(), String> {
    let fields = match value {
        Value::Array(items) => return items.iter().try_for_each(|item| named_once(message, item)),
        Value::Object(fields) if message.package_name() != "google.protobuf" => fields,
        Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return Ok(()),
    };
    for (name, value) in fields {
        let by_name = message.get_field_by_name(name);
        let Some(field) = by_name.or_else(|| message.get_field_by_json_name(name)) else { continue };
        if name != field.name() && fields.contains_key(field.name()) {
            return Err(format!("`{}` is given twice, the other time as `{name}`", field.name()));
        }
        if let Kind::Message(inner) = field.kind()
            && !field.is_map()
        {
            named_once(&inner, value)?;
        }
    }
    Ok(())
}

/// The bytes of one field of a message in protobuf.
///
/// # Errors
/// What cannot be read.
pub(crate) fn bytes_from_protobuf(message: &MessageDescriptor, field: &str, bytes: &[u8]) -> Result<Bytes, String> {
    let mut read = DynamicMessage::decode(message.clone(), bytes).map_err(|error| error.to_string())?;
    taken_bytes(&mut read, field)
}

/// The bytes of one field of a message in JSON.
///
/// # Errors
/// What cannot be read.
pub(crate) fn bytes_from_json(message: &MessageDescriptor, field: &str, bytes: &[u8]) -> Result<Bytes, String> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let mut read = DynamicMessage::deserialize(message.clone(), &mut json).map_err(|error| error.to_string())?;
    json.end().map_err(|error| error.to_string())?;
    taken_bytes(&mut read, field)
}

fn taken_bytes(read: &mut DynamicMessage, field: &str) -> Result<Bytes, String> {
    let field = read.get_field_by_name(field).map(|value| value.into_owned());
    match field {
        Some(prost_reflect::Value::Bytes(bytes)) => Ok(bytes),
        Some(_) | None => Err("the message has no bytes".to_owned()),
    }
}

fn canonical(read: &DynamicMessage) -> Result<Value, String> {
    let value =
        read.serialize_with_options(serde_json::value::Serializer, &WRITING).map_err(|error| error.to_string())?;
    if depth(&value) > DEPTH_MAX {
        return Err(format!("it is nested deeper than {DEPTH_MAX} levels"));
    }
    Ok(value)
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// Writes an answer, which is JSON, in protobuf.
///
/// # Errors
/// When the answer does not fit its message, which is a defect of the service.
pub(crate) fn to_protobuf(message: &MessageDescriptor, answer: &[u8]) -> Result<Bytes, Fault> {
    Ok(fitted(message, answer)?.encode_to_vec().into())
}

/// Writes an answer in JSON.
///
/// # Errors
/// As [`check`].
pub(crate) fn to_json(message: &MessageDescriptor, answer: &Value) -> Result<Bytes, Fault> {
    let body = written(answer)?;
    check(message, &body)?;
    Ok(body)
}

/// That an answer fits its message; looked at only while it is tried, for an answer in JSON goes out as it is.
///
/// # Errors
/// As [`to_protobuf`].
pub(crate) fn check(message: &MessageDescriptor, answer: &[u8]) -> Result<(), Fault> {
    if cfg!(debug_assertions) {
        fitted(message, answer)?;
    }
    Ok(())
}

fn fitted(message: &MessageDescriptor, answer: &[u8]) -> Result<DynamicMessage, Fault> {
    let options = DeserializeOptions::new().deny_unknown_fields(cfg!(debug_assertions));
    let mut json = serde_json::Deserializer::from_slice(answer);
    DynamicMessage::deserialize_with_options(message.clone(), &mut json, &options).map_err(Fault::internal)
}

/// Puts a text from a path or a query into a request, as its field takes it. A field that is there already becomes a list
/// where it may be one.
///
/// # Errors
/// When the message has no such field, or the field is none that a text can give.
pub(crate) fn put_text(
    message: &MessageDescriptor,
    request: &mut Map<String, Value>,
    name: &str,
    text: String,
) -> Result<(), String> {
    let field = message
        .fields()
        .find(|field| field.name() == name || field.json_name() == name)
        .ok_or_else(|| format!("there is no parameter {name}"))?;
    let value = value_of(&field, text)?;
    if field.is_list() {
        let list = request.entry(field.name().to_owned()).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(items) = list {
            items.push(value);
        }
        return Ok(());
    }
    if request.insert(field.name().to_owned(), value).is_some() {
        return Err(format!("the parameter {name} is given twice"));
    }
    Ok(())
}

fn value_of(field: &FieldDescriptor, text: String) -> Result<Value, String> {
    match field.kind() {
        Kind::Bool => match text.as_str() {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err(format!("the parameter {} is true or false", field.name())),
        },
        // Whole numbers may be texts in the JSON form of protobuf.
        Kind::Uint32 | Kind::Uint64 | Kind::String => Ok(Value::String(text)),
        Kind::Message(message) if message.full_name() == "google.protobuf.Timestamp" => Ok(Value::String(text)),
        Kind::Message(_)
        | Kind::Double
        | Kind::Float
        | Kind::Int32
        | Kind::Int64
        | Kind::Sint32
        | Kind::Sint64
        | Kind::Fixed32
        | Kind::Fixed64
        | Kind::Sfixed32
        | Kind::Sfixed64
        | Kind::Bytes
        | Kind::Enum(_) => Err(format!("{} is no query parameter", field.name())),
    }
}

/// The form in which the domain reads a part of a command: a choice without content is its name.
///
/// In the schema `{"survey_points":{}}` is a choice whose branch has no content (`google.protobuf.Empty`); in a command it
/// is the word `survey_points`. A class cap that is empty is none, and a scoring rule has only the lists of its type.
pub(crate) fn to_domain(message: &MessageDescriptor, value: &mut Value) {
    let Value::Object(fields) = value else { return };
    let mut names = fields.keys();
    if let (Some(name), None) = (names.next(), names.next())
        && let Some(field) = message.get_field_by_name(name)
        && field.containing_oneof().is_some_and(|choice| !choice.is_synthetic())
        && is_empty_message(&field)
    {
        *value = Value::String(name.clone());
        return;
    }
    if message.name() == "ScoringRule" {
        // The list of another type of rule is no field of this one.
        fields.retain(|_, value| !matches!(value, Value::Array(items) if items.is_empty()));
    }
    for (name, value) in fields {
        match value {
            Value::String(text) if text.is_empty() && name == "class_cap" && message.name() == "DecisionSets" => {
                *value = Value::Null;
            }
            Value::Array(_) | Value::Object(_) => {
                let field = message.get_field_by_name(name).filter(|field| !field.is_map());
                let Some(Kind::Message(inner)) = field.map(|field| field.kind()) else { continue };
                if let Value::Array(items) = value {
                    items.iter_mut().for_each(|item| to_domain(&inner, item));
                } else {
                    to_domain(&inner, value);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

/// The other way: a word of the domain as the branch of a choice without content.
pub(crate) fn choice(value: Value) -> Value {
    match value {
        Value::String(name) => Value::Object(Map::from_iter([(name, Value::Object(Map::new()))])),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => other,
    }
}

fn is_empty_message(field: &FieldDescriptor) -> bool {
    matches!(field.kind(), Kind::Message(message) if message.full_name() == "google.protobuf.Empty")
}
