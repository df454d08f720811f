//! What a caller may see of an answer: the domain's table of who may read what, asked for figures, entries and texts.
//!
//! **Shape.** A [`Sight`] is made for one question, on one state of the register, and remembers what it was told, for a
//! trace asks the same of thousands of entries. What may not be seen is refused where it is what was asked for, and
//! withheld where it is a part: an entry then shows its position only, a text its commitment only, so that a record without
//! gaps can be told from one with gaps.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::str::FromStr as _;

use sogoc_domain::World;
use sogoc_domain::authority::{Reader, Reading, Subject, may_read};
use sogoc_domain::criteria::LeafInfo;
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
    /// Of each season: the number of entries from the log's start among which its entries may be read.
    until: RefCell<BTreeMap<SeasonId, u64>>,
    /// By a stream's name.
    streams: RefCell<HashMap<String, Streamed>>,
}

/// What may be seen of a stream's entries.
#[derive(Clone, Copy, Debug)]
struct Streamed {
    /// Those before this position.
    until: u64,
    /// All of them.
    whole: bool,
}

impl<'a> Sight<'a> {
    /// Of an account, or of the public.
    pub(crate) fn new(world: &'a World, account: Option<&'a AccountId>, now: Timestamp) -> Self {
        let (told, until, streams) = (RefCell::default(), RefCell::default(), RefCell::default());
        Self { world, account, now, told, until, streams }
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

    /// Among how many entries from the log's start a season's may be read: all for whom it is open always, else up to the
    /// newest position that the table opens. It opens entries up to a position together with all before it.
    fn entries_until(&self, season: &SeasonId) -> u64 {
        if let Some(until) = self.until.borrow().get(season) {
            return *until;
        }
        let open = |position| {
            let about = Reading { season: Some(season), position: Some(position), ..Reading::of(Subject::Entries) };
            self.must(&about).is_ok()
        };
        let until = if open(u64::MAX) {
            u64::MAX
        } else {
            let results = self.world.results.get(season);
            let editions = results.map_or(&[][..], |results| &results.editions);
            let positions = editions.iter().map(|edition| edition.as_of);
            positions.filter(|position| open(*position)).max().map_or(0, |position| position.saturating_add(1))
        };
        self.until.borrow_mut().insert(season.clone(), until);
        until
    }

    /// The newest position as of which everything that a season's entries say may be read, where that is not now.
    pub(crate) fn newest_entries(&self, season: &SeasonId) -> Option<u64> {
        self.entries_until(season).checked_sub(1).filter(|_| self.entries_until(season) != u64::MAX)
    }

    /// That what a season's entries up to a cut lead to may be read: because its subject may, or because the entries
    /// themselves may.
    ///
    /// # Errors
    /// The table's refusal of the subject.
    pub(crate) fn folded(&self, what: &Reading<'_>, season: &SeasonId, cut: Cut) -> Result<(), Refusal> {
        if cut.entries() <= self.entries_until(season) {
            return Ok(());
        }
        self.must(what)
    }

    /// That an agency's scorecard may be read as of a cut.
    ///
    /// # Errors
    /// The table's refusal.
    pub(crate) fn scorecard(&self, season: &SeasonId, agency: &AgencyId, cut: Cut) -> Result<(), Refusal> {
        let what = Reading { season: Some(season), agency: Some(agency), ..Reading::of(Subject::Scorecard) };
        self.folded(&what, season, cut)
    }

    /// That a subject may be read, where the same is asked of many.
    fn check(&self, what: &Reading<'_>) -> Result<(), Refusal> {
        if self.may(what) { Ok(()) } else { self.must(what) }
    }

    /// Whether all of a season's figures may be read as of a cut: those of an announcement or edition, or from before one.
    /// What came after the last is live, whoever asks, and goes by what it is of.
    pub(crate) fn all_figures(&self, season: &SeasonId, cut: Cut) -> bool {
        // Before the first entry there is nothing that could be read.
        let Some(position) = cut.position() else { return true };
        let Some(results) = self.world.results.get(season) else { return false };
        let editions = results.editions.iter().filter(|edition| !edition.annulled).map(|edition| edition.as_of);
        let mut announced = results.announcements.iter().map(|a| a.as_of).chain(editions);
        announced.any(|as_of| position <= as_of) && self.figures_as_of(season, position)
    }

    /// That figures that compare agencies may be read as of a cut.
    ///
    /// # Errors
    /// The table's refusal of what is live.
    pub(crate) fn ranking(&self, season: &SeasonId, cut: Cut) -> Result<(), Refusal> {
        if self.all_figures(season, cut) {
            return Ok(());
        }
        self.check(&Reading { season: Some(season), ..Reading::of(Subject::LiveRanking) })
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
        let of_season = |subject| Reading { season: Some(&season), ..Reading::of(subject) };
        if group == Some("criteria") || agency == Some("criteria") {
            return self.check(&of_season(Subject::Catalogue));
        }
        if self.all_figures(&season, cut) {
            return Ok(());
        }
        let Some(frame) = self.world.seasons.get(&season) else { return Ok(()) };
        if group == Some("survey") {
            return self.check(&of_season(Subject::SurveyPoints));
        }
        let agency = agency.and_then(|id| AgencyId::from_str(id).ok()).filter(|id| frame.agencies.contains_key(id));
        let (Some(agency), Some(name)) = (agency, name) else { return self.ranking(&season, cut) };
        if name == "survey_points" || self.holds_survey_points(&season, &agency, name) {
            return self.check(&of_season(Subject::SurveyPoints));
        }
        let of_scorecard = name.starts_with("leaf/")
            || name.starts_with("domain/")
            || matches!(name, "appraised_points" | "self_points" | "applicable_max");
        if of_scorecard {
            return self.check(&Reading { agency: Some(&agency), ..of_season(Subject::Scorecard) });
        }
        self.ranking(&season, cut)
    }

    /// Whether a leaf's or domain's figure counts the survey: its leaf, in any version of the set, or a domain with it.
    fn holds_survey_points(&self, season: &SeasonId, agency: &AgencyId, name: &str) -> bool {
        let parts: Vec<&str> = name.split('/').collect();
        let [kind, named, figure] = parts[..] else { return false };
        if !matches!((kind, figure), ("leaf", "appraised_points") | ("domain", "appraised_points" | "applicable_max")) {
            return false;
        }
        let set = self.world.seasons.get(season).and_then(|frame| {
            let group = frame.groups.get(&frame.agencies.get(agency)?.group)?;
            self.world.sets.get(group.set.as_ref()?)
        });
        // A leaf and a domain are both nodes, and whichever holds the survey's leaf counts it.
        set.is_some_and(|set| set.versions.iter().any(|version| version.node_leaves(named).any(LeafInfo::is_survey)))
    }

    /// Whether an entry may be seen: by its stream and position.
    pub(crate) fn entry(&self, stream: &str, position: u64) -> bool {
        if let Some(seen) = self.streams.borrow().get(stream) {
            return seen.whole || position < seen.until;
        }
        let seen = self.streamed(stream);
        self.streams.borrow_mut().insert(stream.to_owned(), seen);
        seen.whole || position < seen.until
    }

    fn streamed(&self, stream: &str) -> Streamed {
        let Ok(stream) = Stream::parse(stream) else {
            // Of a kind that this version does not know.
            return Streamed { until: 0, whole: self.may(&Reading::of(Subject::Entries)) };
        };
        let whole = match &stream {
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
            Stream::Refusals(account) | Stream::Downloads(account) => self.of_account(Subject::Refusals, account),
            Stream::SignIn(account) => self.of_account(Subject::SignIns, account),
        };
        Streamed { until: stream.season().map_or(0, |season| self.entries_until(season)), whole }
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
