//! The OpenAPI document of plain HTTP, made from the schema: paths, parameters, messages and their comments.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use prost_reflect::prost_types::FileDescriptorProto;
use prost_reflect::{FieldDescriptor, FileDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use super::schema::{Does, Flow, Http, Method, SCHEMA, Verb};

static DOCUMENT: LazyLock<String> = LazyLock::new(|| made().to_string());

/// The document, as JSON.
pub(super) fn document() -> &'static str {
    &DOCUMENT
}

/// Statuses that any method may be answered with beside 200.
const PROBLEMS: &[(&str, &str)] = &[
    ("400", "The request cannot be read, or a value in it cannot be used"),
    ("401", "The caller must sign in"),
    ("403", "The caller may not"),
    ("404", "There is no such thing"),
    ("409", "It was recorded before, or what it rests on has changed: read again and decide again"),
    ("413", "It is larger than the limit"),
    ("415", "The body is no JSON"),
    ("422", "The state of things does not admit it"),
    ("429", "The caller sends too much: wait as Retry-After says"),
    ("501", "The service is not set up for it"),
    ("503", "Busy, or the store does not answer: try again as Retry-After says, with the same command id"),
    ("504", "It took too long: send it again with the same command id"),
];

fn made() -> Value {
    let comments = Comments::read();
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    let mut schemas = Map::new();
    for method in SCHEMA.methods().filter(|method| method.flow == Flow::Unary) {
        let Some(http) = &method.http else { continue };
        let verb = match http.verb {
            Verb::Get => "get",
            Verb::Post => "post",
        };
        let operation = operation(method, http, &comments, &mut schemas);
        paths.entry(http.path.replace("=**}", "}")).or_default().insert(verb.to_owned(), operation);
    }
    for (path, verb, operation) in streams(&comments, &mut schemas) {
        paths.entry(path.to_owned()).or_default().insert(verb.to_owned(), operation);
    }
    schemas.insert("Problem".to_owned(), problem_schema());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "sogoc",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The register of record for appraisal. The same methods are served as gRPC, gRPC-Web and Connect: proto/sogoc/v1.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer", "description": "A session of SignIn, or a token of CreateToken" },
                "cookie": { "type": "apiKey", "in": "cookie", "name": "sogoc_session" },
            },
        },
        "security": [{ "token": [] }, { "cookie": [] }, {}],
    })
}

fn operation(method: &Method, http: &Http, comments: &Comments, schemas: &mut Map<String, Value>) -> Value {
    let in_path: Vec<&str> = http
        .path
        .split('{')
        .skip(1)
        .filter_map(|part| part.split_once('}'))
        .map(|(field, _)| field.trim_end_matches("=**"))
        .collect();
    let mut parameters: Vec<Value> = Vec::new();
    for field in method.input.fields() {
        let of_path = in_path.contains(&field.name());
        if !of_path && http.verb == Verb::Post {
            continue;
        }
        let mut parameter = json!({
            "name": field.name(), "in": if of_path { "path" } else { "query" }, "required": of_path,
            "schema": field_schema(&field, schemas, comments), "description": comments.of_field(&field),
        });
        if of_path && http.path.contains("=**}") {
            parameter["description"] = format!("{} It may hold slashes.", comments.of_field(&field)).into();
        }
        parameters.push(parameter);
    }
    let mut operation = json!({
        "operationId": method.name, "tags": [method.service.trim_end_matches("Service")],
        "summary": comments.of_method(method), "parameters": parameters,
        "responses": responses(json!({ "application/json": { "schema": reference(&method.output, schemas, comments) } })),
    });
    if http.verb == Verb::Post {
        operation["requestBody"] = json!({
            "required": matches!(method.does, Does::Command(_)),
            "content": { "application/json": { "schema": reference(&method.input, schemas, comments) } },
        });
    }
    if method.open {
        operation["security"] = json!([{}, { "token": [] }, { "cookie": [] }]);
    }
    operation
}

/// What is answered: content where it goes well, a problem otherwise.
fn responses(content: Value) -> Value {
    let mut responses = Map::new();
    responses.insert("200".to_owned(), json!({ "description": "Done", "content": content }));
    for (status, description) in PROBLEMS {
        let content = json!({ "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } });
        responses.insert((*status).to_owned(), json!({ "description": description, "content": content }));
    }
    Value::Object(responses)
}

/// What is no message in plain HTTP.
fn streams(comments: &Comments, schemas: &mut Map<String, Value>) -> Vec<(&'static str, &'static str, Value)> {
    let method = |path: &str| SCHEMA.method(&format!("sogoc.v1.{path}")).expect("the schema has it");
    let (watch, upload, download) = (
        method("LogService/WatchEntries"),
        method("EvidenceService/UploadFile"),
        method("EvidenceService/DownloadFile"),
    );
    let parameter = |name: &str, place: &str, schema: Value, description: &str| json!({ "name": name, "in": place, "required": place == "path", "schema": schema, "description": description });
    let text = || json!({ "type": "string" });
    let watched = json!({ "application/x-ndjson": { "schema": reference(&watch.output, schemas, comments) } });
    let stored = json!({ "application/json": { "schema": reference(&upload.output, schemas, comments) } });
    let bytes = json!({ "application/octet-stream": { "schema": { "type": "string", "format": "binary" } } });
    let mut command_id = parameter(
        "command_id",
        "query",
        json!({ "type": "string", "format": "uuid" }),
        "Chosen by the caller, once and for ever.",
    );
    command_id["required"] = true.into();
    vec![
        (
            "/v1/log/watch",
            "get",
            json!({
                "operationId": watch.name, "tags": ["Log"], "summary": comments.of_method(watch),
                "parameters": [parameter("from", "query", json!({ "type": "integer", "minimum": 0 }), "The first position.")],
                "responses": responses(watched), "security": [{}, { "token": [] }, { "cookie": [] }],
            }),
        ),
        (
            "/v1/evidence",
            "post",
            json!({
                "operationId": upload.name, "tags": ["Evidence"], "summary": comments.of_method(upload), "parameters": [],
                "requestBody": { "required": true, "content": bytes }, "responses": responses(stored),
            }),
        ),
        (
            "/v1/seasons/{season}/scorecards/{agency}/evidence/{number}/file",
            "get",
            json!({
                "operationId": download.name, "tags": ["Evidence"], "summary": comments.of_method(download),
                "parameters": [
                    parameter("season", "path", text(), "The season."), parameter("agency", "path", text(), "The agency."),
                    parameter("number", "path", json!({ "type": "integer", "minimum": 0 }), "The file's number within the scorecard."),
                    command_id,
                ],
                "responses": responses(bytes),
            }),
        ),
    ]
}

fn problem_schema() -> Value {
    json!({
        "type": "object",
        "description": "RFC 9457, with the members of a refusal.",
        "required": ["type", "title", "status", "detail", "code", "message", "remedy", "values"],
        "properties": {
            "type": { "type": "string", "description": "urn:sogoc:refusal: and the code" },
            "title": { "type": "string" }, "status": { "type": "integer" }, "detail": { "type": "string" },
            "code": { "type": "string", "description": "Stable code of the rule" },
            "message": { "type": "string" }, "remedy": { "type": "string" },
            "values": { "type": "object", "additionalProperties": { "type": "string" } },
            "retry_after_ms": { "type": "integer" },
            "instance": { "type": "string", "description": "The id of the call, for the operator" },
        },
    })
}

/// A message by reference; it is described once.
fn reference(message: &MessageDescriptor, schemas: &mut Map<String, Value>, comments: &Comments) -> Value {
    let name = message.name().to_owned();
    if !schemas.contains_key(&name) {
        // Before its fields, for a message may hold itself.
        schemas.insert(name.clone(), Value::Null);
        let mut properties = Map::new();
        for field in message.fields() {
            let mut schema = field_schema(&field, schemas, comments);
            let description = comments.of_field(&field);
            if schema.get("$ref").is_some() {
                schema = json!({ "allOf": [schema], "description": description });
            } else {
                schema["description"] = description.into();
            }
            properties.insert(field.name().to_owned(), schema);
        }
        let described = json!({
            "type": "object", "description": comments.of_message(message), "properties": properties,
            "additionalProperties": false,
        });
        schemas.insert(name.clone(), described);
    }
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn field_schema(field: &FieldDescriptor, schemas: &mut Map<String, Value>, comments: &Comments) -> Value {
    if field.is_map() {
        return json!({ "type": "object", "additionalProperties": { "type": "string" } });
    }
    let one = match field.kind() {
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Uint32 => json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX }),
        Kind::Uint64 => json!({ "type": "integer", "minimum": 0, "maximum": 9_007_199_254_740_991_u64 }),
        Kind::Bytes => json!({ "type": "string", "format": "byte" }),
        Kind::Message(message) => match message.full_name() {
            "google.protobuf.Timestamp" => json!({ "type": "string", "format": "date-time" }),
            "google.protobuf.Struct" => json!({ "type": "object" }),
            "google.protobuf.Empty" => json!({ "type": "object", "additionalProperties": false }),
            _ => reference(&message, schemas, comments),
        },
        Kind::String
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
        | Kind::Enum(_) => json!({ "type": "string" }),
    };
    if field.is_list() { json!({ "type": "array", "items": one }) } else { one }
}

/// The comments of the sources, by file and path within it.
struct Comments(BTreeMap<(String, Vec<i32>), String>);

impl Comments {
    fn read() -> Self {
        let of_file = |file: FileDescriptor| {
            let proto: FileDescriptorProto = file.file_descriptor_proto().clone();
            let locations = proto.source_code_info.map(|info| info.location).unwrap_or_default();
            let name = file.name().to_owned();
            locations.into_iter().filter_map(move |location| {
                let text = location.leading_comments?;
                let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
                Some(((name.clone(), location.path), text))
            })
        };
        Self(SCHEMA.pool.files().flat_map(of_file).collect())
    }

    fn at(&self, file: &FileDescriptor, path: &[i32]) -> String {
        self.0.get(&(file.name().to_owned(), path.to_vec())).cloned().unwrap_or_default()
    }

    fn of_method(&self, method: &Method) -> String {
        self.at(&method.descriptor.parent_file(), method.descriptor.path())
    }

    fn of_message(&self, message: &MessageDescriptor) -> String {
        self.at(&message.parent_file(), message.path())
    }

    fn of_field(&self, field: &FieldDescriptor) -> String {
        self.at(&field.parent_file(), field.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_leads_somewhere_and_everything_is_described() {
        let document = made();
        let schemas = document["components"]["schemas"].as_object().unwrap();
        let text = document.to_string();
        for name in text.split("#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(schemas.get(name).is_some_and(Value::is_object), "{name}");
        }
        for (path, verbs) in document["paths"].as_object().unwrap() {
            for (verb, operation) in verbs.as_object().unwrap() {
                assert!(!operation["summary"].as_str().unwrap().is_empty(), "{verb} {path}");
                for parameter in operation["parameters"].as_array().unwrap() {
                    assert!(!parameter["description"].as_str().unwrap().is_empty(), "{verb} {path} {parameter}");
                }
            }
        }
    }
}
