//! What a caller may see of an answer: the domain's table of who may read what, asked for figures, entries and texts.
//!
//! **Shape.** A [`Sight`] is made for one question, on one state of the register, and remembers what it was told, for a
//! trace asks the same of thousands of entries. What may not be seen is refused where it is what was asked for, and
//! withheld where it is a part: an entry then shows its position only, a text its commitment only, so that a record without
//! gaps can be told from one with gaps.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::str::FromStr as _;

use sogoc_domain::World;
use sogoc_domain::authority::{Reader, Reading, Subject, may_read};
use sogoc_domain::refusal::Refusal;
use sogoc_domain::stream::Stream;
use sogoc_domain::values::{AccountId, AgencyId, SeasonId, Timestamp};
use sogoc_register::{Cut, TextOf};

/// What a question is about, as the table distinguishes it.
type About = (Subject, Option<SeasonId>, Option<AgencyId>, Option<AccountId>, Option<u64>);

/// What one caller may see now.
#[derive(Debug)]
pub(crate) struct Sight<'a> {
    world: &'a World,
    account: Option<&'a AccountId>,
    now: Timestamp,
    told: RefCell<BTreeMap<About, bool>>,
}

impl<'a> Sight<'a> {
    /// Of an account, or of the public.
    pub(crate) fn new(world: &'a World, account: Option<&'a AccountId>, now: Timestamp) -> Self {
        Self { world, account, now, told: RefCell::default() }
    }

    /// That a subject may be read.
    ///
    /// # Errors
    /// The table's refusal.
    pub(crate) fn must(&self, what: &Reading<'_>) -> Result<(), Refusal> {
        let reader = self.account.map_or(Reader::Public, Reader::Account);
        may_read(self.world, reader, what, self.now)
    }

    /// Whether a subject may be read.
    pub(crate) fn may(&self, what: &Reading<'_>) -> bool {
        let about = (what.subject, what.season.cloned(), what.agency.cloned(), what.account.cloned(), what.position);
        if let Some(told) = self.told.borrow().get(&about) {
            return *told;
        }
        let told = self.must(what).is_ok();
        self.told.borrow_mut().insert(about, told);
        told
    }

    /// Whether something of an agency's scorecard may be read.
    pub(crate) fn of_agency(&self, subject: Subject, season: &SeasonId, agency: &AgencyId) -> bool {
        self.may(&Reading { season: Some(season), agency: Some(agency), ..Reading::of(subject) })
    }

    /// Whether something of a season may be read.
    pub(crate) fn of_season(&self, subject: Subject, season: &SeasonId) -> bool {
        self.may(&Reading { season: Some(season), ..Reading::of(subject) })
    }

    /// Whether something of an account may be read.
    pub(crate) fn of_account(&self, subject: Subject, account: &AccountId) -> bool {
        self.may(&Reading { account: Some(account), ..Reading::of(subject) })
    }

    /// The newest position as of which the caller may read a season's figures: of an announcement for who has an account,
    /// of an edition for the public. None where there is none.
    pub(crate) fn newest(&self, season: &SeasonId) -> Option<u64> {
        let results = self.world.results.get(season)?;
        let editions = results.editions.iter().filter(|edition| !edition.annulled).map(|edition| edition.as_of);
        let mut positions: Vec<u64> = results.announcements.iter().map(|a| a.as_of).chain(editions).collect();
        positions.sort_unstable();
        positions.into_iter().rev().find(|position| self.figures_as_of(season, *position))
    }

    fn figures_as_of(&self, season: &SeasonId, position: u64) -> bool {
        self.may(&Reading { season: Some(season), position: Some(position), ..Reading::of(Subject::Figures) })
    }

    /// That figures that compare agencies may be read as of a cut.
    ///
    /// # Errors
    /// The table's refusal of what is live.
    pub(crate) fn ranking(&self, season: &SeasonId, cut: Cut) -> Result<(), Refusal> {
        if cut.position().is_some_and(|position| self.figures_as_of(season, position)) {
            return Ok(());
        }
        self.must(&Reading { season: Some(season), ..Reading::of(Subject::LiveRanking) })
    }

    /// That a figure may be read as of a cut: by its address, the season first.
    ///
    /// # Errors
    /// The table's refusal of what the figure is of.
    pub(crate) fn figure(&self, address: &str, cut: Cut) -> Result<(), Refusal> {
        let mut parts = address.splitn(4, '/');
        let (season, group, agency, name) = (parts.next(), parts.next(), parts.next(), parts.next());
        // What is no address is told by who looks it up.
        let Some(Ok(season)) = season.map(SeasonId::from_str) else { return Ok(()) };
        if group == Some("criteria") || agency == Some("criteria") {
            return self.must(&Reading { season: Some(&season), ..Reading::of(Subject::Catalogue) });
        }
        let ranking = match self.ranking(&season, cut) {
            Ok(()) => return Ok(()),
            Err(refusal) => refusal,
        };
        let Some(frame) = self.world.seasons.get(&season) else { return Ok(()) };
        let Some(agency) = agency.and_then(|id| AgencyId::from_str(id).ok()).filter(|a| frame.agencies.contains_key(a))
        else {
            return Err(ranking);
        };
        match name {
            Some("survey_points") => {
                self.must(&Reading { season: Some(&season), ..Reading::of(Subject::SurveyPoints) })
            }
            Some(name)
                if name.starts_with("leaf/")
                    || name.starts_with("domain/")
                    || matches!(name, "appraised_points" | "self_points" | "applicable_max") =>
            {
                self.must(&Reading { season: Some(&season), agency: Some(&agency), ..Reading::of(Subject::Scorecard) })
            }
            Some(_) | None => Err(ranking),
        }
    }

    /// Whether an entry may be seen: by its stream and position.
    pub(crate) fn entry(&self, stream: &str, position: u64) -> bool {
        let Ok(stream) = Stream::parse(stream) else {
            // Of a kind that this version does not know.
            return self.may(&Reading::of(Subject::Entries));
        };
        if let Some(season) = stream.season() {
            let about = Reading { season: Some(season), position: Some(position), ..Reading::of(Subject::Entries) };
            if self.may(&about) {
                return true;
            }
        }
        match &stream {
            Stream::Agency(_) | Stream::Instrument(_) | Stream::Criteria(_) => {
                self.may(&Reading::of(Subject::Catalogue))
            }
            Stream::Season(season) => self.of_season(Subject::Catalogue, season),
            Stream::Scorecard(season, agency) => self.of_agency(Subject::Scorecard, season, agency),
            Stream::Survey(season) => self.of_season(Subject::SurveyPoints, season),
            Stream::Council(season) => self.of_season(Subject::CouncilText, season),
            Stream::Results(season) => self.of_season(Subject::Figures, season),
            // That a register was put back is everybody's to know.
            Stream::Restores => self.may(&Reading::of(Subject::Catalogue)),
            Stream::Account(account) => self.of_account(Subject::AccountDirectory, account),
            Stream::Refusals(account) | Stream::Downloads(account) | Stream::SignIn(account) => {
                self.of_account(Subject::Refusals, account)
            }
        }
    }

    /// Whether a sealed text of an entry may be read.
    pub(crate) fn text(&self, stream: &str, kind: &str, of: TextOf) -> bool {
        let Ok(stream) = Stream::parse(stream) else { return false };
        let of_appeal = kind.starts_with("appeal") || kind.starts_with("late-appeal") || kind.starts_with("opinion");
        match &stream {
            Stream::Scorecard(season, agency) => {
                let subject = match of {
                    TextOf::FileName | TextOf::Signer => Subject::FileName,
                    TextOf::Request | TextOf::Answer => Subject::Explanation,
                    TextOf::Opinion => Subject::AppealText,
                    TextOf::Finding => Subject::SurveyText,
                    TextOf::Ground | TextOf::Reason if of_appeal => Subject::AppealText,
                    TextOf::Ground | TextOf::Reason => Subject::AppraisalText,
                };
                self.of_agency(subject, season, agency)
            }
            Stream::Survey(season) => self.of_season(Subject::SurveyText, season),
            Stream::Council(season) => self.of_season(Subject::CouncilText, season),
            Stream::Results(season) => self.of_season(Subject::EditionText, season),
            Stream::Season(season) => self.of_season(Subject::SeasonText, season),
            Stream::Agency(_) | Stream::Instrument(_) | Stream::Criteria(_) | Stream::Restores => {
                self.may(&Reading::of(Subject::SeasonText))
            }
            Stream::Account(account)
            | Stream::Refusals(account)
            | Stream::Downloads(account)
            | Stream::SignIn(account) => self.of_account(Subject::AccountName, account),
        }
    }
}
