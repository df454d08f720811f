//! The ranking tables.

use serde::Serialize;

use crate::register::{Cut, Register};
use crate::rules::SurveySum;
use crate::value::{Missing, Unit, Value};
use crate::view::{GroupState, QueryError, Row, SeasonView};

/// A row of a ranking table. What is missing is null.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct RankingRow {
    /// The ranking group.
    pub group: String,
    /// Place in the group, from 1.
    pub rank: Option<u32>,
    /// The agency.
    pub agency: String,
    /// Appraised points; partial while leaves are missing (see `missing`).
    pub appraised_points: Value,
    /// Survey points.
    pub survey_points: Value,
    /// Total points.
    pub total_points: Value,
    /// Applicable max.
    pub applicable_max: Value,
    /// The exact index in percent.
    pub index: Value,
    /// The index as shown.
    pub index_display: Option<String>,
    /// Code of the class.
    pub class: Option<String>,
    /// Code of the class before a cap, where it is capped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub computed_class: Option<String>,
    /// Why there is no index, where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
}

impl Register {
    /// The ranking of a season's groups, or of one: ranked agencies by rank, then the others by id.
    ///
    /// # Errors
    /// [`QueryError`] for a season or group that is not there as of then.
    pub fn ranking(&self, season: &str, group: Option<&str>, cut: Cut) -> Result<Vec<RankingRow>, QueryError> {
        let view = self.season_view(season, cut)?;
        let groups = match group {
            Some(group) => vec![view.group(group)?],
            None => view.frame.groups.iter().collect(),
        };
        let mut rows = Vec::new();
        for group in groups {
            let state = view.state(group);
            rows.extend(view.table(&state).map(|row| view.ranking_row(&state, row)));
        }
        Ok(rows)
    }
}

impl Register {
    /// Some rows of [`Register::ranking`], and whether there are more after them. Only these rows are made; the groups
    /// behind them are kept for the next question.
    ///
    /// # Errors
    /// As for [`Register::ranking`].
    pub fn ranking_page(
        &self,
        season: &str,
        group: Option<&str>,
        cut: Cut,
        from: usize,
        size: usize,
    ) -> Result<(Vec<RankingRow>, bool), QueryError> {
        let view = self.season_view(season, cut)?;
        let groups = match group {
            Some(group) => vec![view.group(group)?],
            None => view.frame.groups.iter().collect(),
        };
        let (mut rows, mut before) = (Vec::new(), from);
        for group in groups {
            let state = view.state(group);
            let skipped = before.min(state.rows.len());
            before -= skipped;
            for row in view.table(&state).skip(skipped) {
                if rows.len() == size {
                    return Ok((rows, true));
                }
                rows.push(view.ranking_row(&state, row));
            }
        }
        Ok((rows, false))
    }
}

impl SeasonView<'_> {
    /// Rows in the order of a table.
    fn table<'s>(&self, state: &'s GroupState) -> impl Iterator<Item = &'s Row> + use<'s> {
        state.ordered().chain(state.rows.iter().filter(|row| row.rank.is_none()))
    }

    fn ranking_row(&self, state: &GroupState, row: &Row) -> RankingRow {
        let exact = |value: Result<crate::micro::Micro, Missing>| match value {
            Ok(points) => Value::Exact(points.exact()),
            Err(why) => Value::Missing(why),
        };
        // A transcribed row that is not there has no partial sum: nothing of it is known.
        let known = row.sums.clone().and_then(|sums| {
            let only_totals = self.frame.group(state.group.as_str()).is_none_or(|g| g.index.is_none());
            if only_totals && sums.missing > 0 { Err(Missing::Incomplete(sums.missing)) } else { Ok(sums) }
        });
        let survey = known.clone().and_then(|sums| match sums.survey {
            SurveySum::Points(points) | SurveySum::InFull(points) => Ok(points),
            SurveySum::NoLeaf | SurveySum::NotApplicable => Err(Missing::NotApplicable),
            SurveySum::NotSurveyed => Err(Missing::NotSurveyed),
            SurveySum::Missing => Err(Missing::Incomplete(1)),
        });
        let index = row.index.clone().map_or_else(Value::Missing, Value::Exact);
        let (class, computed_class) = self.classes(state, row);
        RankingRow {
            group: state.group.to_string(),
            rank: row.rank,
            agency: row.agency.to_string(),
            appraised_points: exact(known.clone().map(|s| s.appraised)),
            survey_points: exact(survey),
            total_points: exact(known.clone().map(|s| s.total)),
            applicable_max: exact(known.map(|s| s.max)),
            index_display: index.missing().is_none().then(|| self.display(&index, Unit::Percent)),
            missing: index.missing().map(ToString::to_string),
            index,
            class,
            computed_class,
        }
    }

    /// The class and, where it is capped, the computed one.
    fn classes(&self, state: &GroupState, row: &Row) -> (Option<String>, Option<String>) {
        let (Ok(index), Some(group)) = (&row.index, self.frame.group(state.group.as_str())) else {
            return (None, None);
        };
        let Ok((held, computed)) = self.class(group, self.card(row.card), index) else { return (None, None) };
        let code = |no: usize| group.classes[no].code.clone();
        (Some(code(held)), (held != computed).then(|| code(computed)))
    }
}
