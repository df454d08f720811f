//! The public schema as the service uses it: one table of methods, read from the descriptor set that `proto/` compiles to.
//!
//! gRPC, gRPC-Web, Connect, plain HTTP and the OpenAPI document are all made from this table, so that a method that is in
//! the schema is served everywhere, and nothing is served that is not in it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, DynamicMessage, ExtensionDescriptor, MessageDescriptor, MethodDescriptor, Value};

/// The compiled schema, with the comments of the sources.
pub(crate) const DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/sogoc.v1.binpb"));

/// The package of all services.
const PACKAGE: &str = "sogoc.v1";

/// The schema.
pub(crate) static SCHEMA: LazyLock<Schema> = LazyLock::new(Schema::load);

/// All services and their methods.
#[derive(Debug)]
pub(crate) struct Schema {
    pub(crate) pool: DescriptorPool,
    /// By `sogoc.v1.Service/Method`.
    methods: BTreeMap<String, Method>,
}

/// What a method does, as far as its options say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Does {
    /// Gives a command of this kind.
    Command(&'static str),
    /// Reads.
    Reads,
    /// Anything else: sign-in, what-if.
    Acts,
}

/// How its messages come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Flow {
    /// One request, one answer.
    Unary,
    /// One request, many answers.
    ServerStream,
    /// Many requests, one answer.
    ClientStream,
}

/// A method of the public schema.
#[derive(Clone, Debug)]
pub(crate) struct Method {
    /// `FiguresService`.
    pub(crate) service: String,
    /// `GetFigure`.
    pub(crate) name: String,
    pub(crate) does: Does,
    pub(crate) flow: Flow,
    /// Whether callers need not have signed in.
    pub(crate) open: bool,
    /// Where it stands in plain HTTP.
    pub(crate) http: Option<Http>,
    pub(crate) input: MessageDescriptor,
    pub(crate) output: MessageDescriptor,
    pub(crate) descriptor: MethodDescriptor,
}

/// A method in plain HTTP.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Http {
    pub(crate) verb: Verb,
    /// Such as `/v1/seasons/{season}/scorecards/{agency}`; `{field=**}` takes the rest of the path.
    pub(crate) path: String,
}

/// The verb of a method in plain HTTP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verb {
    Get,
    Post,
}

impl Method {
    /// `sogoc.v1.FiguresService/GetFigure`.
    pub(crate) fn path(&self) -> String {
        format!("{PACKAGE}.{}/{}", self.service, self.name)
    }
}

impl Schema {
    fn load() -> Self {
        let pool = DescriptorPool::decode(DESCRIPTOR_SET).expect("the build made the set from the committed schema");
        let option = |name: &str| {
            pool.get_extension_by_name(&format!("{PACKAGE}.{name}")).expect("options.proto has this option")
        };
        let (command, get, post, open) = (option("command"), option("get"), option("post"), option("open"));
        let mut methods = BTreeMap::new();
        for service in pool.services().filter(|service| service.package_name() == PACKAGE) {
            for descriptor in service.methods() {
                let options = descriptor.options();
                let kind = text(&options, &command).map(|kind| {
                    let known = sogoc_domain::command::Command::KINDS.iter().find(|known| **known == kind);
                    *known.expect("a test holds that every command of the schema is one of the domain's")
                });
                let get = text(&options, &get).map(|path| Http { verb: Verb::Get, path });
                let post = text(&options, &post).map(|path| Http { verb: Verb::Post, path });
                let of_command = kind.map(|kind| Http { verb: Verb::Post, path: format!("/v1/commands/{kind}") });
                let does = match (kind, &get) {
                    (Some(kind), _) => Does::Command(kind),
                    (None, Some(_)) => Does::Reads,
                    (None, None) => Does::Acts,
                };
                let flow = match (descriptor.is_client_streaming(), descriptor.is_server_streaming()) {
                    (false, false) => Flow::Unary,
                    (false, true) => Flow::ServerStream,
                    (true, _) => Flow::ClientStream,
                };
                let method = Method {
                    service: service.name().to_owned(),
                    name: descriptor.name().to_owned(),
                    does,
                    flow,
                    open: options.get_extension(&open).as_bool().unwrap_or(false),
                    http: of_command.or(get).or(post),
                    input: descriptor.input(),
                    output: descriptor.output(),
                    descriptor,
                };
                methods.insert(method.path(), method);
            }
        }
        Self { pool, methods }
    }

    /// A method by `sogoc.v1.Service/Method`.
    pub(crate) fn method(&self, path: &str) -> Option<&Method> {
        self.methods.get(path)
    }

    /// All methods, by path.
    pub(crate) fn methods(&self) -> impl Iterator<Item = &Method> {
        self.methods.values()
    }

    /// A message by its name in the package.
    pub(crate) fn message(&self, name: &str) -> Option<MessageDescriptor> {
        self.pool.get_message_by_name(&format!("{PACKAGE}.{name}"))
    }
}

/// A text option; none where it is not set.
fn text(options: &DynamicMessage, option: &ExtensionDescriptor) -> Option<String> {
    if !options.has_extension(option) {
        return None;
    }
    match options.get_extension(option).as_ref() {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_)
        | Value::I32(_)
        | Value::I64(_)
        | Value::U32(_)
        | Value::U64(_)
        | Value::F32(_)
        | Value::F64(_)
        | Value::Bytes(_)
        | Value::EnumNumber(_)
        | Value::Message(_)
        | Value::List(_)
        | Value::Map(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_method_but_what_is_for_the_console() {
        let given: Vec<&str> = SCHEMA
            .methods()
            .filter_map(|method| match method.does {
                Does::Command(kind) => Some(kind),
                Does::Reads | Does::Acts => None,
            })
            .collect();
        for kind in sogoc_domain::command::Command::KINDS {
            // The founding and a restore are for whoever has the store; a download is a stream of its own.
            let elsewhere = matches!(*kind, "found-register" | "record-restore" | "download-evidence");
            assert_ne!(given.contains(kind), elsewhere, "{kind}");
        }
    }

    #[test]
    fn every_unary_method_has_a_place_in_plain_http_and_no_two_share_one() {
        let mut seen = std::collections::BTreeSet::new();
        for method in SCHEMA.methods().filter(|method| method.flow == Flow::Unary) {
            let http = method.http.as_ref().unwrap_or_else(|| panic!("{} has no path", method.path()));
            assert!(seen.insert(format!("{:?} {}", http.verb, http.path)), "{}", method.path());
        }
    }
}
