//! One ranking over the logs of many: a function of their registers.
//!
//! Agencies of all logs whose seasons are of one year, by ranking group and exact index. A group is the same across logs
//! where it has the same id. Places are given as a season gives them: those of one index share one. Who has no index stands
//! below without a place (missing is not zero). Of each log the mean of its group stands beside, exact and as printed.

use std::collections::BTreeMap;

use serde::Serialize;
use sogoc_register::{QueryError, Register, Value};

/// An agency in the ranking over all logs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct NationalRow {
    #[serde(skip)]
    pub(crate) year: u16,
    #[serde(skip)]
    pub(crate) group: String,
    /// Place among the agencies of this group in all logs, from 1.
    pub(crate) rank: Option<u32>,
    pub(crate) source: String,
    pub(crate) season: String,
    pub(crate) agency: String,
    /// The exact index in percent.
    pub(crate) index: Value,
    /// As its own log shows it.
    pub(crate) index_display: Option<String>,
    pub(crate) class: Option<String>,
    /// Place in its own log.
    pub(crate) rank_in_log: Option<u32>,
    /// Why there is no index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) missing: Option<String>,
}

/// The mean of a group in one log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct Mean {
    pub(crate) source: String,
    pub(crate) season: String,
    pub(crate) mean_index: Value,
    pub(crate) mean_index_display: String,
}

/// A ranking group over all logs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct NationalGroup {
    pub(crate) year: u16,
    pub(crate) group: String,
    pub(crate) rows: Vec<NationalRow>,
    pub(crate) means: Vec<Mean>,
}

/// All years and groups, the newest year first. Sources are given by name; their order does not matter.
pub(crate) fn national(registers: &BTreeMap<String, &Register>) -> Result<Vec<NationalGroup>, QueryError> {
    let mut groups: BTreeMap<(std::cmp::Reverse<u16>, String), NationalGroup> = BTreeMap::new();
    for (source, register) in registers {
        for season in register.seasons() {
            let Some(year) = register.world().seasons.get(season.as_str()).map(|season| season.year) else { continue };
            for row in register.ranking(season.as_str(), None, register.now())? {
                let key = (std::cmp::Reverse(year), row.group.clone());
                let group = groups.entry(key).or_insert_with(|| NationalGroup {
                    year,
                    group: row.group.clone(),
                    rows: Vec::new(),
                    means: Vec::new(),
                });
                if !group.means.iter().any(|mean| mean.source == *source && mean.season == season.as_str()) {
                    let address = format!("{season}/{}/mean_index", row.group);
                    let mean = register.value(&address, register.now())?;
                    group.means.push(Mean {
                        source: source.clone(),
                        season: season.to_string(),
                        mean_index: mean.value,
                        mean_index_display: mean.display,
                    });
                }
                group.rows.push(NationalRow {
                    year,
                    group: row.group,
                    rank: None,
                    source: source.clone(),
                    season: season.to_string(),
                    agency: row.agency,
                    index: row.index,
                    index_display: row.index_display,
                    class: row.class,
                    rank_in_log: row.rank,
                    missing: row.missing,
                });
            }
        }
    }
    let mut groups: Vec<NationalGroup> = groups.into_values().collect();
    groups.iter_mut().for_each(|group| place(&mut group.rows));
    Ok(groups)
}

/// Orders rows from the highest index down and gives them their places.
fn place(rows: &mut [NationalRow]) {
    let id = |row: &NationalRow| (row.source.clone(), row.season.clone(), row.agency.clone());
    rows.sort_by(|a, b| match (a.index.number(), b.index.number()) {
        (Some(x), Some(y)) => y.cmp(&x).then_with(|| id(a).cmp(&id(b))),
        (Some(_), None) => std::cmp::Ordering::Less,
        (None, Some(_)) => std::cmp::Ordering::Greater,
        (None, None) => id(a).cmp(&id(b)),
    });
    let mut before: Option<(sogoc_domain::exact::Exact, u32)> = None;
    for (number, row) in (1_u32..).zip(rows.iter_mut()) {
        let Some(index) = row.index.number() else { continue };
        let rank = match &before {
            Some((same, rank)) if *same == index => *rank,
            Some(_) | None => number,
        };
        row.rank = Some(rank);
        before = Some((index, rank));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(source: &str, agency: &str, index: Option<u64>) -> NationalRow {
        NationalRow {
            year: 2022,
            group: "departments".to_owned(),
            rank: None,
            source: source.to_owned(),
            season: "s".to_owned(),
            agency: agency.to_owned(),
            index: index.map_or(Value::Missing(sogoc_register::Missing::Incomplete(1)), Value::Count),
            index_display: None,
            class: None,
            rank_in_log: None,
            missing: None,
        }
    }

    #[test]
    fn agencies_of_one_index_share_a_place_and_one_without_has_none() {
        let mut rows = [
            row("b", "x", Some(90)),
            row("a", "y", None),
            row("a", "z", Some(95)),
            row("a", "w", Some(90)),
            row("b", "v", Some(80)),
        ];
        place(&mut rows);
        let placed: Vec<_> = rows.iter().map(|row| (row.rank, row.source.as_str(), row.agency.as_str())).collect();
        assert_eq!(
            placed,
            [(Some(1), "a", "z"), (Some(2), "a", "w"), (Some(2), "b", "x"), (Some(4), "b", "v"), (None, "a", "y")]
        );
    }
}
