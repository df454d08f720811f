//! A published table in place of the scorecards it was made from.
//!
//! Each row's points are put where the scorecard's sums would stand; the table is then computed as ever. Only where that
//! gives every row again, with its index, rank and class, does the table stand for what it says.

use std::sync::Arc;

use sogoc_domain::exact::Exact;

use crate::digest::TableRow;
use crate::micro::Micro;
use crate::register::{Cut, Register};
use crate::season::{SurveyPart, Totals, version_at};
use crate::symbols::{Sym, ix};
use crate::view::QueryError;

/// Why a table does not stand for the scorecards.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableFault {
    /// The season is not there.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// A row is of an agency that is not in the season, or has points that no agency can have.
    #[error("the row of {agency} cannot be: {why}")]
    Row {
        /// The agency.
        agency: String,
        /// What is wrong.
        why: &'static str,
    },
    /// From the rows' points follows another row.
    #[error("the row of {agency} does not follow from the points it names and from the entries: {row}")]
    Differs {
        /// The agency.
        agency: String,
        /// The row that follows.
        row: String,
    },
    /// There are more or fewer rows than agencies with one.
    #[error("the table has {found} rows, the season {due}")]
    Count {
        /// Rows in the table.
        found: usize,
        /// Rows that follow from the season.
        due: usize,
    },
}

impl Register {
    /// Puts rows in the place of scorecards that are not here, and checks that all rows follow.
    pub(super) fn put_table(&mut self, season: &str, cut: Cut, rows: &[TableRow]) -> Result<(), TableFault> {
        for row in rows {
            self.put_row(season, cut, row)?;
        }
        let follow = self.table(season, cut)?;
        if follow.len() != rows.len() {
            return Err(TableFault::Count { found: rows.len(), due: follow.len() });
        }
        match follow.iter().zip(rows).find(|(follows, row)| follows != row) {
            Some((follows, row)) => Err(TableFault::Differs { agency: row.agency.clone(), row: follows.canonical() }),
            None => Ok(()),
        }
    }

    fn put_row(&mut self, season: &str, cut: Cut, row: &TableRow) -> Result<(), TableFault> {
        let bad = |why| TableFault::Row { agency: row.agency.clone(), why };
        let Self { symbols, streams, seasons, season_of, .. } = self;
        let season = season_of.get(season).and_then(|no| seasons.get_mut(ix(*no)));
        let season = Arc::make_mut(season.ok_or_else(|| bad("the season is not there"))?);
        let no = symbols.find(&row.agency).and_then(|sym| season.card_of.get(&sym)).copied();
        let no = ix(no.ok_or_else(|| bad("the agency is not in the season"))?);
        if !streams[ix(season.cards[no].stream)].positions.is_empty() {
            // Its scorecard is here: the row must follow from that.
            return Ok(());
        }
        let card = Arc::make_mut(&mut season.cards[no]);
        let before = version_at(&card.totals, cut.entries()).copied().unwrap_or_default();
        let points = |value: &Option<Exact>| match value {
            None => Ok(Micro::ZERO),
            Some(value) => value
                .to_points()
                .map(Micro::of)
                .filter(|points| points.exact() == *value)
                .ok_or_else(|| bad("points are decimals from 0 on")),
        };
        let (appraised, max) = (points(&row.appraised_points)?, points(&row.applicable_max)?);
        let (survey, total) = (points(&row.survey_points)?, points(&row.total_points)?);
        let parts = appraised.plus(survey);
        let totals = Totals {
            position: cut.position().unwrap_or(0),
            appraised,
            max,
            missing: u32::from(row.index.is_none()),
            survey: match (&row.survey_points, before.survey) {
                (Some(_), _) => SurveyPart::Points(survey),
                (None, none @ (SurveyPart::NoLeaf | SurveyPart::NotSurveyed)) => none,
                (None, _) => SurveyPart::LeftOut,
            },
            survey_max: Micro::ZERO,
            // What else went into the total is not in the row, only that it did.
            bonus: total.minus(parts).max(Micro::ZERO),
            penalty: parts.minus(total).max(Micro::ZERO),
            // A cap holds where it is the lower class; where the row's class is the computed one it changes nothing.
            cap: row.class.as_deref().map_or(Sym::NONE, |class| symbols.intern(class)),
            transcribed: true,
        };
        card.totals.retain(|totals| totals.position < cut.entries().saturating_sub(1));
        card.totals.push(totals);
        Ok(())
    }
}
