//! The mirror's tables: what BI tools and auditors with SQL read.
//!
//! Every row comes from the register's answers, never from events: there is no second path that could disagree. Points
//! and figures stand as exact text, with a scaled integer (`…_micro`, millionths) beside those that are ordered by.

use serde_json::{Value, json};

/// Type of a column, on both stores.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Type {
    Text,
    Int,
}

/// A table: its name, its columns, and which slice of the register a row belongs to.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: &'static [(&'static str, Type)],
    pub(super) slice: Slice,
    /// Columns of an index beside the slice's, for the query named in the comment.
    pub(super) index: &'static [&'static str],
}

/// What is rewritten together when something in it changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Slice {
    /// The first two columns are season and agency.
    Agency,
    /// The first column is the season.
    Season,
    /// Appended by position, never rewritten.
    Position,
}

use Type::{Int, Text};

/// All tables. Changing one is a new version of the mirror: raise [`super::MIRROR_VERSION`], and the next start rebuilds.
pub(super) const TABLES: &[Table] = &[
    Table {
        name: "current_score",
        columns: &[
            ("season", Text),
            ("agency", Text),
            ("ranking_group", Text),
            ("leaf", Text),
            ("code", Text),
            ("max_points", Text),
            ("applicability", Text),
            ("self_points", Text),
            ("appraised_points", Text),
            ("appraised_micro", Int),
            ("confirmed", Int),
            ("position", Int),
        ],
        slice: Slice::Agency,
        // All agencies on one leaf.
        index: &["season", "leaf"],
    },
    Table {
        name: "criterion_history",
        columns: &[
            ("season", Text),
            ("agency", Text),
            ("code", Text),
            ("position", Int),
            ("at", Text),
            ("occurred", Text),
            ("kind", Text),
            ("field", Text),
            ("old", Text),
            ("new", Text),
            ("actor", Text),
            ("role", Text),
            ("reason_code", Text),
        ],
        slice: Slice::Agency,
        // One leaf in order.
        index: &["season", "agency", "code", "position"],
    },
    Table {
        name: "agency_result",
        columns: &[
            ("season", Text),
            ("agency", Text),
            ("ranking_group", Text),
            ("appraised_points", Text),
            ("survey_points", Text),
            ("total_points", Text),
            ("applicable_max", Text),
            ("agency_index", Text),
            ("index_display", Text),
            ("class", Text),
        ],
        slice: Slice::Agency,
        // A group's results.
        index: &["season", "ranking_group"],
    },
    Table {
        name: "ranking",
        columns: &[
            ("season", Text),
            ("ranking_group", Text),
            ("rank", Int),
            ("agency", Text),
            ("total_points", Text),
            ("agency_index", Text),
            ("index_display", Text),
            ("class", Text),
        ],
        slice: Slice::Season,
        // A group's table in order.
        index: &["season", "ranking_group", "rank"],
    },
    Table {
        name: "figure",
        columns: &[("season", Text), ("address", Text), ("value", Text), ("display", Text), ("unit", Text)],
        slice: Slice::Season,
        // One figure.
        index: &["address"],
    },
    Table {
        name: "appeal",
        columns: &[
            ("season", Text),
            ("agency", Text),
            ("appeal", Text),
            ("item", Int),
            ("target", Text),
            ("requested", Text),
            ("state", Text),
        ],
        slice: Slice::Agency,
        // What is open.
        index: &["season", "state"],
    },
    Table {
        name: "evidence",
        columns: &[
            ("season", Text),
            ("agency", Text),
            ("number", Int),
            ("leaf", Text),
            ("digest", Text),
            ("media", Text),
            ("signature", Text),
            ("purpose", Text),
            ("case_id", Text),
            ("withdrawn", Int),
            ("bytes", Int),
            ("active", Text),
            ("scan", Text),
            ("verdict", Text),
            ("verdict_reasons", Text),
            ("signed_for", Text),
            ("signed_at", Text),
            ("anchors", Text),
            ("judged_at", Text),
            ("verdicts", Int),
            ("uses", Int),
        ],
        slice: Slice::Agency,
        // The same file elsewhere.
        index: &["digest"],
    },
    Table {
        name: "activity",
        columns: &[
            ("position", Int),
            ("at", Text),
            ("occurred", Text),
            ("stream", Text),
            ("version", Int),
            ("kind", Text),
            ("actor", Text),
            ("role", Text),
        ],
        slice: Slice::Position,
        // What an account did.
        index: &["actor", "position"],
    },
];

/// Rows of one table, each a JSON array in the order of the columns.
#[derive(Default, Debug, Clone)]
pub(super) struct Rows(pub(super) Vec<Value>);

impl Rows {
    pub(super) fn push(&mut self, row: Value) {
        self.0.push(row);
    }
}

/// A row: `row![a, b, …]`.
macro_rules! row {
    ($($cell:expr),* $(,)?) => { ::serde_json::json!([$($cell),*]) };
}
pub(super) use row;

/// An empty cell where there is nothing.
pub(super) fn or_null(text: Option<impl ToString>) -> Value {
    text.map_or(Value::Null, |t| json!(t.to_string()))
}

impl Table {
    /// `create table` for a generation, and its indexes.
    pub(super) fn create(&self, physical: &str, bare: &str, postgres: bool) -> Vec<String> {
        let columns: Vec<_> = self
            .columns
            .iter()
            .map(|(name, ty)| {
                let ty = match (ty, postgres) {
                    (Text, true) => "text collate \"C\"",
                    (Text, false) => "text",
                    (Int, true) => "bigint",
                    (Int, false) => "integer",
                };
                format!("  \"{name}\" {ty}")
            })
            .collect();
        let strict = if postgres { "" } else { " strict" };
        let mut out = vec![format!("create table {physical} (\n{}\n){strict}", columns.join(",\n"))];
        let mut indexes: Vec<&[&str]> = Vec::new();
        match self.slice {
            Slice::Agency => indexes.push(&["season", "agency"]),
            Slice::Season => indexes.push(&["season"]),
            Slice::Position => indexes.push(&["position"]),
        }
        indexes.push(self.index);
        for (number, columns) in indexes.iter().enumerate() {
            let columns: Vec<_> = columns.iter().map(|c| format!("\"{c}\"")).collect();
            out.push(format!("create index {bare}_{number} on {physical} ({})", columns.join(", ")));
        }
        out
    }

    /// Inserts the rows of a JSON array of arrays, bound as `$1`.
    pub(super) fn insert(&self, physical: &str, postgres: bool) -> String {
        let cells: Vec<_> = self
            .columns
            .iter()
            .enumerate()
            .map(|(n, (_, ty))| match (ty, postgres) {
                (Text, true) => format!("r ->> {n}"),
                (Int, true) => format!("(r ->> {n})::bigint"),
                (_, false) => format!("json_extract(value, '$[{n}]')"),
            })
            .collect();
        let source = if postgres { "json_array_elements($1::json) as r" } else { "json_each($1)" };
        format!("insert into {physical}\nselect {}\nfrom {source}", cells.join(", "))
    }
}
