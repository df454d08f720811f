//! Streams: the order in which one thing's entries happened (DESIGN §5).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::values::{AccountId, AgencyId, InstrumentId, SeasonId, SetId, ValueError};

/// A stream, by what it is of.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Stream {
    /// `agency/{agency}`.
    Agency(AgencyId),
    /// `instrument/{id}`.
    Instrument(InstrumentId),
    /// `account/{account}`.
    Account(AccountId),
    /// `criteria/{set}`.
    Criteria(SetId),
    /// `season/{season}`.
    Season(SeasonId),
    /// `scorecard/{season}/{agency}`: an agency's whole season, its appeals included.
    Scorecard(SeasonId, AgencyId),
    /// `survey/{season}`.
    Survey(SeasonId),
    /// `council/{season}`.
    Council(SeasonId),
    /// `results/{season}`.
    Results(SeasonId),
    /// `refusals/{account}`; never in a read set.
    Refusals(AccountId),
    /// `downloads/{account}`: the evidence files that were given out to it.
    Downloads(AccountId),
    /// `sign-in/{account}`: locks, and changes of what it signs in with; never in a read set.
    SignIn(AccountId),
    /// `operation/restore`: what became of the register itself, not of anything in it.
    Restores,
}

impl Stream {
    /// Reads a stream's name.
    ///
    /// # Errors
    /// When the name is not one of the forms above.
    pub fn parse(name: &str) -> Result<Self, ValueError> {
        let mut parts = name.split('/');
        let (kind, first, second, rest) = (parts.next(), parts.next(), parts.next(), parts.next());
        let bad = || ValueError(format!("\"{name}\" is not a stream, such as scorecard/hanam-2022/so-noi-vu"));
        if rest.is_some() {
            return Err(bad());
        }
        Ok(match (kind, first, second) {
            (Some("agency"), Some(id), None) => Self::Agency(id.parse()?),
            (Some("instrument"), Some(id), None) => Self::Instrument(id.parse()?),
            (Some("account"), Some(id), None) => Self::Account(id.parse()?),
            (Some("criteria"), Some(id), None) => Self::Criteria(id.parse()?),
            (Some("season"), Some(id), None) => Self::Season(id.parse()?),
            (Some("scorecard"), Some(season), Some(agency)) => Self::Scorecard(season.parse()?, agency.parse()?),
            (Some("survey"), Some(id), None) => Self::Survey(id.parse()?),
            (Some("council"), Some(id), None) => Self::Council(id.parse()?),
            (Some("results"), Some(id), None) => Self::Results(id.parse()?),
            (Some("refusals"), Some(id), None) => Self::Refusals(id.parse()?),
            (Some("downloads"), Some(id), None) => Self::Downloads(id.parse()?),
            (Some("sign-in"), Some(id), None) => Self::SignIn(id.parse()?),
            (Some("operation"), Some("restore"), None) => Self::Restores,
            _ => return Err(bad()),
        })
    }

    /// The season that the stream belongs to, where it belongs to one.
    #[must_use]
    pub fn season(&self) -> Option<&SeasonId> {
        match self {
            Self::Season(s) | Self::Scorecard(s, _) | Self::Survey(s) | Self::Council(s) | Self::Results(s) => Some(s),
            Self::Agency(_)
            | Self::Instrument(_)
            | Self::Account(_)
            | Self::Criteria(_)
            | Self::Refusals(_)
            | Self::Downloads(_)
            | Self::SignIn(_)
            | Self::Restores => None,
        }
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agency(id) => write!(f, "agency/{id}"),
            Self::Instrument(id) => write!(f, "instrument/{id}"),
            Self::Account(id) => write!(f, "account/{id}"),
            Self::Criteria(id) => write!(f, "criteria/{id}"),
            Self::Season(id) => write!(f, "season/{id}"),
            Self::Scorecard(season, agency) => write!(f, "scorecard/{season}/{agency}"),
            Self::Survey(id) => write!(f, "survey/{id}"),
            Self::Council(id) => write!(f, "council/{id}"),
            Self::Results(id) => write!(f, "results/{id}"),
            Self::Refusals(id) => write!(f, "refusals/{id}"),
            Self::Downloads(id) => write!(f, "downloads/{id}"),
            Self::SignIn(id) => write!(f, "sign-in/{id}"),
            Self::Restores => write!(f, "operation/restore"),
        }
    }
}
