//! Questions: one file a service, one function a method. Each answers with JSON in the schema's words from the register as
//! it stands, or as it stood, and shows what its caller may see ([`super::sight`]).

pub(super) mod figures;
mod results;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sogoc_domain::refusal::Refusal;
use sogoc_domain::values::{SeasonId, Timestamp};
use sogoc_register::{AsOf, Cut, Register};

use super::ask::{Ask, invalid};
use super::error::{Fault, ServiceCode};
use super::schema::Method;
use super::sight::Sight;
use super::{Api, Call};

/// Most items of a page.
const PAGE_MAX: u64 = 1_000;
/// Items of a page where nothing is said.
const PAGE_DEFAULT: u64 = 200;

impl Api {
    /// Answers a method that reads.
    pub(super) async fn read(&self, method: &Method, call: &Call, ask: Ask) -> Result<Value, Fault> {
        match (method.service.as_str(), method.name.as_str()) {
            ("ResultsService", "GetRanking") => results::ranking(self, call, &ask),
            ("ResultsService", "ListEditions") => results::editions(self, call, &ask),
            (_, _) => Err(Fault::Service(ServiceCode::NoSuchMethod, None)),
        }
    }
}

/// As of when a question is asked, of a season's figures. Where it does not say, as the register stands; or, for a caller
/// who may not read what is live, as of the newest announcement or edition that it may read.
///
/// # Errors
/// The refusal of what is live, where the caller may read nothing at all; of an `as_of` that names nothing.
fn cut(
    register: &Register,
    sight: &Sight<'_>,
    ask: &Ask,
    season: &SeasonId,
    live: impl FnOnce(Cut) -> Result<(), Refusal>,
) -> Result<Cut, Fault> {
    if let Some(as_of) = as_of(ask, season)? {
        let cut = register.cut(&as_of).map_err(sogoc_register::QueryError::from)?;
        live(cut)?;
        return Ok(cut);
    }
    match live(register.now()) {
        Ok(()) => Ok(register.now()),
        Err(refusal) => sight.newest(season).map(Cut::after).ok_or_else(|| refusal.into()),
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
/// A token names the question it belongs to and the position as of which it was answered, so that pages fit together
/// whatever is recorded between them.
#[derive(Debug)]
struct Page {
    from: usize,
    size: usize,
    /// The position as of which the first page was answered.
    as_of: Option<u64>,
    question: [u8; 8],
}

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
        let mut page = Self { from: 0, size: usize::try_from(size).unwrap_or(usize::MAX), as_of: None, question };
        let Some(text) = ask.text("page_token") else { return Ok(page) };
        let wrong = || invalid("page_token", text, "it is none that this question was answered with");
        let token = URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong())?;
        let (of, numbers) = token.split_first_chunk::<8>().ok_or_else(wrong)?;
        let (from, as_of) = numbers.split_first_chunk::<8>().ok_or_else(wrong)?;
        if *of != question {
            return Err(wrong());
        }
        page.from = usize::try_from(u64::from_be_bytes(*from)).map_err(|_| wrong())?;
        page.as_of = match as_of {
            [] => None,
            bytes => Some(u64::from_be_bytes(bytes.try_into().map_err(|_| wrong())?)),
        };
        Ok(page)
    }

    /// The items of this page, and the token of the next one.
    fn take<T>(&self, items: impl Iterator<Item = T>, cut: Option<Cut>) -> (Vec<T>, String) {
        let mut items = items.skip(self.from);
        let taken: Vec<T> = items.by_ref().take(self.size).collect();
        let token = items.next().map(|_| self.token(self.from + taken.len(), cut)).unwrap_or_default();
        (taken, token)
    }

    /// A token that goes on at an item.
    fn token(&self, next: usize, cut: Option<Cut>) -> String {
        let mut token = self.question.to_vec();
        token.extend_from_slice(&u64::try_from(next).unwrap_or(u64::MAX).to_be_bytes());
        if let Some(position) = cut.and_then(Cut::position) {
            token.extend_from_slice(&position.to_be_bytes());
        }
        URL_SAFE_NO_PAD.encode(token)
    }
}

/// Puts the position as of which an answer holds beside it.
fn with_as_of(mut answer: Value, cut: Cut) -> Value {
    if let Some(position) = cut.position() {
        answer["as_of"] = json!(position);
    }
    answer
}
