//! `sogoc commands schema`: the form of a line that `sogoc execute` takes.

use crate::Ended;
use crate::output::Output;

/// The committed schema.
const SCHEMA: &str = include_str!("../../../sogoc-domain/command.schema.json");

pub(crate) fn run(output: &Output) -> Ended {
    output.text(SCHEMA)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The schema is made from the types. When they change: `SOGOC_WRITE_SCHEMA=1 cargo test -p sogoc schema`.
    #[test]
    fn the_committed_schema_is_that_of_the_types() {
        let schema = schemars::schema_for!(sogoc_domain::command::Envelope);
        let mut current = serde_json::to_string_pretty(&schema).expect("a schema is JSON");
        current.push('\n');
        if std::env::var_os("SOGOC_WRITE_SCHEMA").is_some() {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../sogoc-domain/command.schema.json");
            std::fs::write(path, &current).expect("the workspace can be written to");
            return;
        }
        assert!(
            current == SCHEMA,
            "crates/sogoc-domain/command.schema.json is out of date: run SOGOC_WRITE_SCHEMA=1 cargo test -p sogoc schema"
        );
    }
}
