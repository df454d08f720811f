//! Digests: of the figures of a season, of its tables, of the streams they rest on, of the whole register.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use sogoc_domain::exact::Exact;
use sogoc_domain::stream::Stream;
use sogoc_domain::values::{Digest, SeasonId};
use sogoc_proof::{leaf_hash, root};

use crate::register::{Cut, Register};
use crate::symbols::wide;
use crate::value::Value;
use crate::view::QueryError;

/// A row of a season's published table, as it is hashed: canonical JSON of these fields, what is missing left out.
///
/// `{"agency":"so-noi-vu","applicable_max":"100","appraised_points":"86","class":"excellent","group":"departments",
/// "index":"95.23","rank":2,"survey_points":"9.23","total_points":"95.23"}`
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableRow {
    /// The agency.
    pub agency: String,
    /// Applicable max.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applicable_max: Option<Exact>,
    /// Appraised points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub appraised_points: Option<Exact>,
    /// Code of the class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// The ranking group.
    pub group: String,
    /// The exact index: a decimal string or `{"den":…,"num":…}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<Exact>,
    /// Rank in the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<u32>,
    /// Survey points; absent where not surveyed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub survey_points: Option<Exact>,
    /// Total points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_points: Option<Exact>,
}

impl TableRow {
    /// Canonical JSON (RFC 8785): the fields above stand in the order of their names and hold ASCII only.
    #[must_use]
    pub fn canonical(&self) -> String {
        serde_json::to_string(self).expect("strings and integers only")
    }
}

/// A digest over a list, and how long the list is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Counted {
    /// The digest.
    pub digest: Digest,
    /// How many items.
    pub count: u32,
}

impl Register {
    /// The rows of a season's tables, sorted by agency id.
    ///
    /// # Errors
    /// [`QueryError::UnknownSeason`].
    pub fn table(&self, season: &str, cut: Cut) -> Result<Vec<TableRow>, QueryError> {
        let exact = |value: Value| value.number();
        let mut rows: Vec<TableRow> = self
            .ranking(season, None, cut)?
            .into_iter()
            .map(|row| TableRow {
                agency: row.agency,
                applicable_max: exact(row.applicable_max),
                appraised_points: exact(row.appraised_points),
                class: row.class,
                group: row.group,
                index: exact(row.index),
                rank: row.rank,
                survey_points: exact(row.survey_points),
                total_points: exact(row.total_points),
            })
            .collect();
        rows.sort_by(|a, b| a.agency.cmp(&b.agency));
        Ok(rows)
    }

    /// RFC 6962 root over the rows of a season's tables in canonical JSON, sorted by agency id.
    ///
    /// # Errors
    /// [`QueryError::UnknownSeason`].
    pub fn table_digest(&self, season: &str, cut: Cut) -> Result<Counted, QueryError> {
        let rows = self.table(season, cut)?;
        let leaves: Vec<_> = rows.iter().map(|row| leaf_hash(row.canonical().as_bytes())).collect();
        Ok(Counted { digest: Digest(root(&leaves).0), count: count(leaves.len()) })
    }

    /// Values by address of all figures of a season that have one; addresses with the season, values as
    /// [`Value::text`].
    pub(crate) fn figure_texts(&self, season: &str, cut: Cut) -> Result<BTreeMap<String, String>, QueryError> {
        let view = self.season_view(season, cut)?;
        let mut texts = BTreeMap::new();
        view.each_figure("", |figured| {
            if let Some(text) = view.value_of(&figured).value.text() {
                texts.insert(view.address(&figured), text);
            }
        });
        Ok(texts)
    }

    /// SHA-256 over the lines `address\tvalue\n`, sorted bytewise, of all figures of a season that have a value.
    ///
    /// # Errors
    /// [`QueryError::UnknownSeason`].
    pub fn figures_digest(&self, season: &str, cut: Cut) -> Result<Counted, QueryError> {
        let texts = self.figure_texts(season, cut)?;
        let mut lines: Vec<String> = texts.iter().map(|(address, value)| format!("{address}\t{value}\n")).collect();
        // Addresses are sorted already; a line's order could differ only by characters below the tab, which none has.
        lines.sort_unstable();
        let mut hash = Sha256::new();
        lines.iter().for_each(|line| hash.update(line));
        Ok(Counted { digest: Digest(hash.finalize().into()), count: count(lines.len()) })
    }

    /// Streams that a season's figures read, with their versions as of then, sorted by name: the season's own frame,
    /// its criteria sets, scorecards and survey, and the same of the season it is compared with, with its results.
    ///
    /// # Errors
    /// [`QueryError::UnknownSeason`].
    pub fn streams_read(&self, season: &str, cut: Cut) -> Result<BTreeMap<String, u64>, QueryError> {
        let mut streams = BTreeMap::new();
        self.add_streams(season, cut, &mut streams)?;
        let view = self.season_view(season, cut)?;
        if let Some(comparison) = &view.frame.comparison
            && self.season_view(comparison.as_str(), cut).is_ok()
        {
            self.add_streams(comparison.as_str(), cut, &mut streams)?;
            self.add_stream(&Stream::Results(comparison.clone()), cut, &mut streams);
        }
        Ok(streams)
    }

    fn add_streams(&self, season: &str, cut: Cut, to: &mut BTreeMap<String, u64>) -> Result<(), QueryError> {
        let view = self.season_view(season, cut)?;
        self.add_stream(&Stream::Season(view.id().clone()), cut, to);
        self.add_stream(&Stream::Survey(view.id().clone()), cut, to);
        for set in view.frame.groups.iter().filter_map(|g| g.set.as_ref()) {
            self.add_stream(&Stream::Criteria(set.clone()), cut, to);
        }
        for card in &view.season.cards {
            let stream = &self.streams[crate::symbols::ix(card.stream)];
            let version = stream.version_at(cut.0);
            if version > 0 {
                to.insert(stream.name.to_string(), version);
            }
        }
        Ok(())
    }

    fn add_stream(&self, stream: &Stream, cut: Cut, to: &mut BTreeMap<String, u64>) {
        let name = stream.to_string();
        if let Some(version) = self.stream_named(&name).map(|log| log.version_at(cut.0)).filter(|v| *v > 0) {
            to.insert(name, version);
        }
    }

    /// The last position among the entries that a season's figures read.
    pub(crate) fn rests_on(&self, season: &SeasonId, cut: Cut) -> Option<u64> {
        let streams = self.streams_read(season.as_str(), cut).ok()?;
        let last = |(name, version): (&String, &u64)| {
            let at = usize::try_from(version.checked_sub(1)?).ok()?;
            self.stream_named(name)?.positions.get(at).copied()
        };
        streams.iter().filter_map(last).max()
    }

    /// RFC 6962 root over the sorted lines `stream\tversion\n` of the streams that a season's figures read.
    ///
    /// # Errors
    /// [`QueryError::UnknownSeason`].
    pub fn streams_root(&self, season: &str, cut: Cut) -> Result<Counted, QueryError> {
        let mut lines: Vec<String> =
            self.streams_read(season, cut)?.iter().map(|(name, version)| format!("{name}\t{version}\n")).collect();
        lines.sort_unstable();
        let leaves: Vec<_> = lines.iter().map(|line| leaf_hash(line.as_bytes())).collect();
        Ok(Counted { digest: Digest(root(&leaves).0), count: count(leaves.len()) })
    }

    /// SHA-256 over the whole folded state: the same on any store, after any restart, in whatever chunks the log was
    /// read.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut body = Vec::new();
        self.write_body(&mut body);
        Digest(Sha256::digest(&body).into())
    }
}

pub(crate) fn count(len: usize) -> u32 {
    u32::try_from(wide(len)).unwrap_or(u32::MAX)
}
