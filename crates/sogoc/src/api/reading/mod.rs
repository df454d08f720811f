//! Questions: one file a service, one function a method. Each answers with JSON in the schema's words from the register as
//! it stands, or as it stood, and shows what its caller may see ([`super::sight`]).
//!
//! **What walks much** (rankings, lists of figures, traces, what-if) runs in [`aside`]: on threads that may block, a few at
//! once. The register's lock is held for one question and never over an await.

mod accounts;
mod appeals;
mod catalogue;
mod council;
mod entries;
mod evidence;
pub(super) mod figures;
mod folding;
pub(super) mod log;
mod results;
mod scorecards;
mod seasons;
mod surveys;
#[cfg(test)]
mod tests;

use std::fmt::Display;
use std::sync::{Arc, LazyLock};
use std::thread::available_parallelism;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sogoc_domain::refusal::{Code, Refusal};
use sogoc_domain::values::{AgencyId, SeasonId, Timestamp};
use sogoc_register::{AsOf, Cut, Register};
use tokio::sync::Semaphore;

use super::ask::{Ask, invalid};
use super::error::{Fault, ServiceCode};
use super::schema::Method;
use super::written::written;
use super::{Api, Call};

/// Most items of a page.
const PAGE_MAX: u64 = 1_000;
/// Items of a page where nothing is said.
const PAGE_DEFAULT: u64 = 200;

/// Places for questions that walk much: as many at once as there are cores, so that those who only wait for the disk or
/// the network are not kept waiting by them, and one that many ask at once is computed once and then found.
static ASIDE: LazyLock<Arc<Semaphore>> =
    LazyLock::new(|| Arc::new(Semaphore::new(available_parallelism().map_or(2, usize::from).max(2))));

impl Api {
    /// Answers a method that reads.
    pub(super) async fn read(&self, method: &Method, call: &Call, ask: Ask) -> Result<Bytes, Fault> {
        let ask = Arc::new(ask);
        let answer = match (method.service.as_str(), method.name.as_str()) {
            ("CatalogueService", "ListAgencies") => catalogue::agencies(self, call, &ask),
            ("CatalogueService", "ListInstruments") => catalogue::instruments(self, call, &ask),
            ("CatalogueService", "ListCriteriaSets") => catalogue::sets(self, call, &ask),
            ("CatalogueService", "GetCriteriaSet") => catalogue::set(self, call, &ask),
            ("SeasonsService", "ListSeasons") => seasons::list(self, call, &ask),
            ("SeasonsService", "GetSeason") => seasons::get(self, call, &ask).await,
            ("ScorecardsService", "ListScorecards") => aside(self, call, &ask, scorecards::list).await,
            ("ScorecardsService", "GetScorecard") => scorecards::get(self, call, &ask).await,
            ("AppealsService", "ListAppeals") => aside(self, call, &ask, appeals::list).await,
            ("AppealsService", "GetAppeal") => appeals::get(self, call, &ask).await,
            ("SurveysService", "GetSurvey") => surveys::get(self, call, &ask).await,
            ("CouncilService", "GetCouncil") => council::get(self, call, &ask).await,
            ("ResultsService", "GetRanking") => return aside(self, call, &ask, results::ranking).await,
            ("ResultsService", "ListEditions") => results::editions(self, call, &ask),
            ("FiguresService", "GetFigure") => aside(self, call, &ask, figures::figure).await,
            ("FiguresService", "ListFigures") => return aside(self, call, &ask, figures::list).await,
            ("FiguresService", "TraceFigure") => return figures::trace(self, call, &ask).await,
            ("FiguresService", "GetHistory") => figures::history(self, call, &ask).await,
            ("FiguresService", "Why") => figures::why(self, call, &ask).await,
            ("LogService", "GetHead") => log::head(self).await,
            ("LogService", "ListEntries") => log::entries(self, call, &ask).await,
            ("LogService", "GetCheckpoint") => log::checkpoint(self).await,
            ("LogService", "GetTile") => log::tile(self, &ask).await,
            ("LogService", "GetInclusionProof") => log::inclusion(self, &ask).await,
            ("LogService", "GetConsistencyProof") => log::consistency(self, &ask).await,
            ("LogService", "GetFigureBundle") => log::bundle(self, call, &ask).await,
            ("EvidenceService", "ListEvidence") => evidence::list(self, call, &ask).await,
            ("EvidenceService", "GetEvidence") => evidence::get(self, call, &ask).await,
            ("AccountsService", "GetMe") => accounts::me(self, call).await,
            ("AccountsService", "ListAccounts") => accounts::list(self, call, &ask).await,
            ("AccountsService", "GetAccount") => accounts::get(self, call, &ask).await,
            ("AccountsService", "ListRefusals") => accounts::refusals(self, call, &ask).await,
            (_, _) => Err(Fault::Service(ServiceCode::NoSuchMethod, None)),
        };
        written(&answer?)
    }
}

/// Answers where it may block: see [`ASIDE`].
///
/// On a thread of its own rather than in place of the executor's worker: a worker in place takes its whole queue to
/// another thread each time, and it works on no runtime but the one with many workers. Once begun the work is done,
/// whoever went away meanwhile, and keeps its place so long.
///
/// # Errors
/// Those of the work.
async fn aside<T: Send + 'static>(
    api: &Api,
    call: &Call,
    ask: &Arc<Ask>,
    work: impl FnOnce(&Api, &Call, &Ask) -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let place = Arc::clone(&ASIDE).acquire_owned().await.map_err(Fault::internal)?;
    let (api, call, ask) = (api.clone(), call.clone(), Arc::clone(ask));
    let work = move || {
        let _place = place;
        work(&api, &call, &ask)
    };
    tokio::task::spawn_blocking(work).await.map_err(Fault::internal)?
}

/// That there is nothing of this id.
fn unknown(what: &str, id: impl Display) -> Fault {
    Refusal::new(Code::Unknown).with("what", what).with("id", id).into()
}

/// That there is such a season: everybody may know that.
///
/// # Errors
/// `unknown`.
fn known_season(register: &Register, season: &SeasonId) -> Result<(), Fault> {
    if register.world().seasons.contains_key(season) { Ok(()) } else { Err(unknown("season", season)) }
}

/// That the agency takes part in the season: everybody may know that.
///
/// # Errors
/// `unknown`.
fn known_agency(register: &Register, season: &SeasonId, agency: &AgencyId) -> Result<(), Fault> {
    known_season(register, season)?;
    let known = register.world().seasons.get(season).is_some_and(|season| season.agencies.contains_key(agency));
    if known { Ok(()) } else { Err(unknown("agency", format!("{agency} ({season})"))) }
}

/// The word that a choice without content is written as.
fn word<T: serde::Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// As of when a question is asked, of a season. `page` is what the token of a page says. Where nothing does, as the
/// register stands; or, for a caller who may not read what is live, as of the newest position that it may read.
///
/// # Errors
/// The refusal of what is live, where the caller may read nothing at all; of an `as_of` that names nothing.
fn cut(
    register: &Register,
    ask: &Ask,
    season: &SeasonId,
    page: Option<u64>,
    live: impl Fn(Cut) -> Result<(), Refusal>,
    newest: impl FnOnce() -> Option<u64>,
) -> Result<Cut, Fault> {
    let asked = match page {
        Some(position) => Some(AsOf::Position(position)),
        None => as_of(ask, season)?,
    };
    if let Some(as_of) = asked {
        let cut = register.cut(&as_of).map_err(sogoc_register::QueryError::from)?;
        live(cut)?;
        return Ok(cut);
    }
    match live(register.now()) {
        Ok(()) => Ok(register.now()),
        Err(refusal) => newest().map(Cut::after).ok_or_else(|| refusal.into()),
    }
}

/// What a request says of when: `as_of` and `as_of_occurred`.
///
/// # Errors
/// `invalid`.
fn as_of(ask: &Ask, season: &SeasonId) -> Result<Option<AsOf>, Fault> {
    if let Some(time) = ask.instant("as_of_occurred")? {
        if ask.text("as_of").is_some() {
            return Err(invalid("as_of_occurred", &time.to_string(), "as_of is given too: give one of them"));
        }
        return Ok(Some(AsOf::Occurred(season.clone(), time)));
    }
    let Some(text) = ask.text("as_of") else { return Ok(None) };
    if text.bytes().all(|b| b.is_ascii_digit()) {
        let position = text.parse().map_err(|_| invalid("as_of", text, "it is beyond any log"))?;
        return Ok(Some(AsOf::Position(position)));
    }
    let time = Timestamp::parse(text)
        .map_err(|why| invalid("as_of", text, format!("give a position, such as 1234, or an instant; {}", why.0)))?;
    Ok(Some(AsOf::Instant(time)))
}

/// A page of a list: which items, and where to go on.
///
/// A token names the question it belongs to, so that pages fit together whatever is recorded between them; the position as of
/// which the first page was answered, but of a list as it stands; and how many items went before, or, where items may come or
/// be hidden in between, the last one: what is recorded then stands on a page to come, or on none, and moves nothing.
#[derive(Debug)]
struct Page {
    from: usize,
    size: usize,
    /// The position as of which the first page was answered.
    as_of: Option<u64>,
    /// The key of the last item of the page before; empty on the first.
    after: String,
    question: [u8; 8],
}

/// Stands in a token where there is no position.
const NO_POSITION: u64 = u64::MAX;

impl Page {
    /// The page that a request asks for. `question` is what the pages of one list have in common.
    ///
    /// # Errors
    /// `invalid` for a token that is none, or of another question.
    fn of(ask: &Ask, question: &str) -> Result<Self, Fault> {
        let size = match ask.number("page_size").unwrap_or(0) {
            0 => PAGE_DEFAULT,
            size => size.min(PAGE_MAX),
        };
        let digest: [u8; 32] = Sha256::digest(question).into();
        let question = digest[..8].try_into().expect("a digest has 32 bytes");
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let mut page = Self { from: 0, size, as_of: None, after: String::new(), question };
        let Some(text) = ask.text("page_token") else { return Ok(page) };
        let wrong = || invalid("page_token", text, "it is none that this question was answered with");
        let token = URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong())?;
        let (of, numbers) = token.split_first_chunk::<8>().ok_or_else(wrong)?;
        let (from, rest) = numbers.split_first_chunk::<8>().ok_or_else(wrong)?;
        let (as_of, after) = rest.split_first_chunk::<8>().ok_or_else(wrong)?;
        if *of != question {
            return Err(wrong());
        }
        page.from = usize::try_from(u64::from_be_bytes(*from)).map_err(|_| wrong())?;
        page.as_of = Some(u64::from_be_bytes(*as_of)).filter(|position| *position != NO_POSITION);
        page.after = String::from_utf8(after.to_vec()).map_err(|_| wrong())?;
        Ok(page)
    }

    /// The token of the next page, where there is more behind so many items of this one.
    fn next(&self, taken: usize, more: bool, cut: Option<Cut>) -> String {
        if more { self.token(self.from.saturating_add(taken), cut, "") } else { String::new() }
    }

    /// The items of this page of a list as it stands, and the token of the next one. Keys ascend bytewise.
    fn take<T>(&self, items: impl Iterator<Item = T>, key: impl Fn(&T) -> String) -> (Vec<T>, String) {
        self.take_behind(items.skip_while(|item| key(item) <= self.after), &key)
    }

    /// As [`Page::take`], from items that begin behind the last one of the page before.
    fn take_behind<T>(&self, mut items: impl Iterator<Item = T>, key: impl Fn(&T) -> String) -> (Vec<T>, String) {
        let taken: Vec<T> = items.by_ref().take(self.size).collect();
        let last = taken.last().filter(|_| items.next().is_some());
        let token = last.map(|last| self.token(0, None, &key(last))).unwrap_or_default();
        (taken, token)
    }

    /// A token that goes on at an item, or behind one.
    fn token(&self, next: usize, cut: Option<Cut>, after: &str) -> String {
        let next = u64::try_from(next).unwrap_or(u64::MAX);
        let position = cut.and_then(Cut::position).unwrap_or(NO_POSITION);
        let numbers = [next.to_be_bytes(), position.to_be_bytes()];
        URL_SAFE_NO_PAD.encode([&self.question, numbers.as_flattened(), after.as_bytes()].concat())
    }
}

/// Puts the position as of which an answer holds beside it.
fn with_as_of(mut answer: Value, cut: Cut) -> Value {
    if let Some(position) = cut.position() {
        answer["as_of"] = json!(position);
    }
    answer
}
