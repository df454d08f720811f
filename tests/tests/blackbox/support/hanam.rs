//! The printed report of Hà Nam's 2022 season, which everything is compared with.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// The season's id.
pub(crate) const SEASON: &str = "hanam-2022";
/// Its ranking groups with the number of agencies.
pub(crate) const GROUPS: [(&str, usize); 2] = [("departments", 19), ("districts", 6)];
/// The three agencies that are scored out of 60 and were not surveyed.
pub(crate) const OUT_OF_60: [&str; 3] = ["van-phong-ubnd-tinh", "thanh-tra-tinh", "ban-quan-ly-khu-dai-hoc-nam-cao"];
/// Before the first appeal is decided, on the season's own time.
pub(crate) const BEFORE_APPEALS: &str = "2022-12-13T00:00:00+07:00";

/// The folder of the data set.
pub(crate) fn folder() -> PathBuf {
    super::binary::workspace().join("data/hanam-2022")
}

/// One file of the data set.
pub(crate) fn file(name: &str) -> PathBuf {
    folder().join(name)
}

/// Rows of one of its tables, by column.
pub(crate) fn table(name: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(file(name)).expect("the data set is there");
    reader.deserialize().map(|row| row.expect("the data set can be read")).collect()
}

/// A printed figure.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) id: String,
    pub(crate) figure: String,
    pub(crate) published: String,
    pub(crate) unit: String,
    pub(crate) verdict: String,
}

/// All printed figures.
pub(crate) fn claims() -> Vec<Claim> {
    let read = |row: &BTreeMap<String, String>| Claim {
        id: row["claim_id"].clone(),
        figure: row["figure"].clone(),
        published: row["published"].clone(),
        unit: row["unit"].clone(),
        verdict: row["expected_verdict"].clone(),
    };
    table("claims.csv").iter().map(read).collect()
}

/// One printed row of the result tables: figures by name.
pub(crate) fn printed_rows() -> BTreeMap<(String, String), BTreeMap<String, String>> {
    let mut rows: BTreeMap<(String, String), BTreeMap<String, String>> = BTreeMap::new();
    for claim in claims() {
        let parts: Vec<_> = claim.figure.split('/').collect();
        let [group, agency, figure] = parts[..] else { continue };
        let wanted = ["appraised_points", "survey_points", "total_points", "index", "rank", "applicable_max"];
        if GROUPS.iter().any(|(id, _)| *id == group) && wanted.contains(&figure) && claim.unit != "count" {
            let row = rows.entry((group.to_owned(), agency.to_owned())).or_default();
            row.entry(figure.to_owned()).or_insert(claim.published);
        }
    }
    rows
}
