//! Which streams a figure reads: what a bundle must hold whole, and what its verifier therefore demands.
//!
//! Both sides ask this one place, so that a maker cannot decide that an inconvenient stream was not needed.

use sogoc_domain::stream::Stream;

use super::BundleRefused;
use crate::address::{AgencyFigure, AgencyName, Figured, GroupDomainName, GroupFigure, GroupName, split_season};
use crate::register::{Cut, Register};
use crate::view::QueryError;

/// How much a bundle holds of a figure that speaks of a whole group.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Depth {
    /// The published table: the figure is recomputed from its rows, and the rows are taken as published.
    #[default]
    Table,
    /// Every scorecard: the rows are recomputed too.
    Deep,
}

/// Scorecards of a season that a figure reads.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Cards {
    None,
    /// The agency's own.
    Own,
    /// All of them, by way of their rows in the published table; the agency's own, where it is an agency's figure.
    Rows,
    All,
}

/// What a figure reads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Reach {
    season: String,
    agency: Option<String>,
    cards: Cards,
    /// The same in the season that this one is compared with.
    earlier: Cards,
}

impl Reach {
    /// What the figure of an address reads. Needs the season's frame only.
    pub(crate) fn of(register: &Register, address: &str, cut: Cut, depth: Depth) -> Result<Self, BundleRefused> {
        let (season, rest) = split_season(address)?;
        let view = register.season_view(season, cut)?;
        let figured = view.find(rest)?;
        let (mut cards, mut earlier) = cards_of(&figured);
        let agency = match figured {
            Figured::Agency { card, .. } => Some(view.card(card).agency.to_string()),
            Figured::Group { .. } | Figured::Criteria { .. } | Figured::Survey(_) => None,
        };
        match depth {
            Depth::Table if cards == Cards::All => {
                return Err(BundleRefused::OnlyDeep { address: view.address(&figured) });
            }
            Depth::Deep if cards >= Cards::Rows => (cards, earlier) = (Cards::All, earlier),
            Depth::Table | Depth::Deep => {}
        }
        if earlier >= Cards::Rows {
            earlier = Cards::All;
        }
        Ok(Self { season: season.to_owned(), agency, cards, earlier })
    }

    /// Rows of the published table stand in for scorecards.
    pub(crate) fn reads_table(&self) -> bool {
        self.cards == Cards::Rows
    }

    /// Whether a bundle must hold a stream whole.
    pub(crate) fn demands(&self, stream: &Stream) -> bool {
        let own = |agency: &str| self.agency.as_deref() == Some(agency);
        let card = |cards: Cards, agency: &str| match cards {
            Cards::None => false,
            Cards::Own | Cards::Rows => own(agency),
            Cards::All => true,
        };
        match stream {
            Stream::Criteria(_) => true,
            Stream::Season(season) | Stream::Survey(season) | Stream::Results(season) => {
                season.as_str() == self.season || self.earlier > Cards::None
            }
            Stream::Scorecard(season, agency) if season.as_str() == self.season => card(self.cards, agency.as_str()),
            Stream::Scorecard(_, agency) => card(self.earlier, agency.as_str()),
            Stream::Agency(_)
            | Stream::Account(_)
            | Stream::Instrument(_)
            | Stream::Council(_)
            | Stream::Refusals(_)
            | Stream::Downloads(_)
            | Stream::SignIn(_)
            | Stream::Restores => false,
        }
    }
}

/// Scorecards that a figure reads, of its season and of the one that is compared with.
fn cards_of(figured: &Figured<'_>) -> (Cards, Cards) {
    match figured {
        Figured::Criteria { .. } => (Cards::None, Cards::None),
        Figured::Survey(_) => (Cards::Rows, Cards::None),
        Figured::Agency { what, .. } => match what {
            AgencyFigure::Domain(..) | AgencyFigure::Leaf(..) => (Cards::Own, Cards::None),
            AgencyFigure::Plain(name) => match name {
                AgencyName::Rank => (Cards::Rows, Cards::None),
                AgencyName::RankChange => (Cards::Rows, Cards::All),
                AgencyName::IndexChange => (Cards::Own, Cards::Own),
                AgencyName::AppraisedPoints
                | AgencyName::SurveyPoints
                | AgencyName::TotalPoints
                | AgencyName::BonusPoints
                | AgencyName::PenaltyPoints
                | AgencyName::ApplicableMax
                | AgencyName::Index
                | AgencyName::Class
                | AgencyName::ComputedClass
                | AgencyName::Letter
                | AgencyName::SelfPoints
                | AgencyName::SurveyForms => (Cards::Own, Cards::None),
            },
            AgencyFigure::Year(AgencyName::Rank | AgencyName::RankChange, _) => (Cards::None, Cards::All),
            AgencyFigure::Year(..) => (Cards::None, Cards::Own),
        },
        Figured::Group { what, .. } => match what {
            GroupFigure::Domain(_, GroupDomainName::MaxPoints) => (Cards::None, Cards::None),
            GroupFigure::Domain(..) => (Cards::All, Cards::None),
            GroupFigure::Letter(..) | GroupFigure::Class(..) => (Cards::Rows, Cards::None),
            GroupFigure::Year(..) => (Cards::None, Cards::All),
            GroupFigure::Plain(name) => (Cards::Rows, if is_change(*name) { Cards::All } else { Cards::None }),
        },
    }
}

fn is_change(name: GroupName) -> bool {
    let name = name.as_str();
    ["_change", "_direction"].iter().any(|end| name.ends_with(end))
        || ["risen", "fallen", "unchanged", "_rise_", "_fall_"].iter().any(|part| name.contains(part))
}

impl From<QueryError> for BundleRefused {
    fn from(error: QueryError) -> Self {
        Self::Query(error)
    }
}
