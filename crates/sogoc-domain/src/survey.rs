//! The survey (khảo sát hài lòng) and its recheck (phúc tra).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::authority;
use crate::command::{AcceptSurvey, ImportSurvey, OpenSurvey, RecordNotSurveyed, RecordRecheck};
use crate::decide::{Deciding, check_count};
use crate::event::{
    AgencyNotSurveyed, SurveyAccepted, SurveyEvent, SurveyImported, SurveyOpened, SurveyRechecked, SurveyResultRecorded,
};
use crate::refusal::{Refusal, refuse};
use crate::results;
use crate::roles::By;
use crate::season::{Season, running, version_of};
use crate::stream::Stream;
use crate::values::{AgencyId, Digest, Percent, Points, SeasonId};

/// A season's survey as of one position.
#[derive(Clone, Default, Debug, PartialEq, Serialize, Deserialize)]
pub struct Survey {
    /// The body that runs it.
    pub operator: Option<AgencyId>,
    /// The bodies that monitor it.
    pub monitors: Vec<AgencyId>,
    /// Ids of the factors, in order.
    pub factors: Vec<String>,
    /// What is recorded of each agency.
    pub agencies: BTreeMap<AgencyId, Surveyed>,
    /// SHA-256 of the files with the forms.
    pub forms_files: BTreeSet<Digest>,
}

/// What is recorded of an agency. Not surveyed is a state of its own, not zero (invariant 9).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Surveyed {
    /// A result that counts once accepted.
    Result(SurveyState),
    /// Not surveyed.
    NotSurveyed,
}

/// A survey result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SurveyState {
    /// Valid forms.
    pub forms: u64,
    /// Percentage per factor.
    pub factors: Vec<Percent>,
    /// Points.
    pub points: Points,
    /// Who recorded it.
    pub by: By,
    /// A second person accepted it.
    pub accepted: bool,
}

impl Survey {
    /// Applies an event; total.
    pub fn apply(&mut self, event: &SurveyEvent) {
        match event {
            SurveyEvent::SurveyOpened(e) => {
                self.operator = Some(e.operator.clone());
                self.monitors.clone_from(&e.monitors);
                self.factors.clone_from(&e.factors);
            }
            SurveyEvent::SurveyImported(e) => self.forms_files.extend(e.forms_file),
            SurveyEvent::SurveyRechecked(_) => {}
            SurveyEvent::SurveyResultRecorded(e) => {
                let state = SurveyState {
                    forms: e.forms,
                    factors: e.factors.clone(),
                    points: e.points,
                    by: e.by.clone(),
                    accepted: false,
                };
                self.agencies.insert(e.agency.clone(), Surveyed::Result(state));
            }
            SurveyEvent::AgencyNotSurveyed(e) => {
                self.agencies.insert(e.agency.clone(), Surveyed::NotSurveyed);
            }
            SurveyEvent::SurveyAccepted(e) => {
                for agency in &e.agencies {
                    if let Some(Surveyed::Result(state)) = self.agencies.get_mut(agency) {
                        state.accepted = true;
                    }
                }
            }
        }
    }

    /// The accepted result of an agency.
    #[must_use]
    pub fn accepted(&self, agency: &AgencyId) -> Option<&SurveyState> {
        match self.agencies.get(agency)? {
            Surveyed::Result(state) if state.accepted => Some(state),
            Surveyed::Result(_) | Surveyed::NotSurveyed => None,
        }
    }

    /// True where it is recorded that the agency is not surveyed.
    #[must_use]
    pub fn is_not_surveyed(&self, agency: &AgencyId) -> bool {
        matches!(self.agencies.get(agency), Some(Surveyed::NotSurveyed))
    }
}

/// The survey, noted as looked at.
pub(crate) fn survey<'a>(d: &Deciding<'a>, season: &SeasonId) -> Result<&'a Survey, Refusal> {
    let stream = Stream::Survey(season.clone());
    d.read(stream.clone());
    d.world.not_stopped(&stream)?;
    d.world.surveys.get(season).map(AsRef::as_ref).ok_or_else(|| refuse!(Unknown, what = "survey of", id = season))
}

/// The season runs, admits the command, and its results are not frozen.
fn admitted<'a>(d: &Deciding<'a>, id: &SeasonId, agency: Option<&AgencyId>) -> Result<&'a Season, Refusal> {
    let season = running(d, id)?;
    season.admits(id, d.kind(), d.judged_at(id, season)?, agency, None)?;
    if results::announced(d, id) > 0 {
        return Err(refuse!(SeasonState, season = id, state = "announced", command = d.kind()));
    }
    Ok(season)
}

pub(crate) fn open(d: &Deciding<'_>, c: &OpenSurvey) -> Result<(), Refusal> {
    let season = d.season(&c.season)?;
    let stream = Stream::Survey(c.season.clone());
    d.read(stream.clone());
    if d.world.surveys.contains_key(&c.season) {
        return Err(refuse!(AlreadyExists, what = "survey of", id = &c.season));
    }
    check_count("monitors", c.monitors.len(), 100)?;
    let bodies = std::iter::once(("the operator", &c.operator)).chain(c.monitors.iter().map(|m| ("a monitor", m)));
    for (what, id) in bodies {
        if !d.agency(id)?.body {
            return Err(refuse!(BodyRequired, what = what, agency = id));
        }
    }
    let factors = season.policy(&c.season)?.survey_factors.clone();
    let event = SurveyOpened { operator: c.operator.clone(), monitors: c.monitors.clone(), factors, by: d.by() };
    d.push(stream, event);
    Ok(())
}

pub(crate) fn import(d: &Deciding<'_>, c: &ImportSurvey) -> Result<(), Refusal> {
    let season = admitted(d, &c.season, None)?;
    let survey = survey(d, &c.season)?;
    let policy = season.policy(&c.season)?;
    acts_for(d, survey.operator.iter())?;
    check_count("results", c.results.len(), crate::season::AGENCIES_MAX)?;
    if c.results.is_empty() {
        return Err(refuse!(Missing, field = "results"));
    }
    let stream = Stream::Survey(c.season.clone());
    let mut seen = std::collections::BTreeSet::new();
    let mut events = Vec::with_capacity(c.results.len());
    for result in &c.results {
        let Some(member) = season.agencies.get(&result.agency) else {
            return Err(refuse!(NotInSeason, agency = &result.agency, season = &c.season));
        };
        if !seen.insert(&result.agency) {
            return Err(refuse!(AlreadyExists, what = "survey result of", id = &result.agency));
        }
        let version = version_of(d, season, &member.group)?;
        let Some(leaf) = version.survey_leaf() else {
            return Err(refuse!(
                Invalid,
                field = "agency",
                value = &result.agency,
                why = "its criteria set has no survey"
            ));
        };
        if result.factors.len() != survey.factors.len() {
            let why = format!("{} factors are needed: {}", survey.factors.len(), survey.factors.join(", "));
            return Err(refuse!(Invalid, field = "factors", value = result.factors.len(), why = why));
        }
        if result.forms == 0 {
            return Err(refuse!(
                Invalid,
                field = "forms",
                value = 0,
                why = "an agency without forms is not surveyed: record that instead"
            ));
        }
        let points =
            crate::scoring::survey_points(leaf.max_points, &result.factors, policy.leaf_decimals, policy.rounding)
                .map_err(|e| refuse!(Invalid, field = "factors", value = &result.agency, why = e))?;
        let reason = match survey.agencies.get(&result.agency) {
            Some(Surveyed::Result(state)) if state.accepted => {
                if state.points == points && state.forms == result.forms && state.factors == result.factors {
                    continue;
                }
                let (Some(code), Some(text)) = (&c.reason_code, &c.reason) else {
                    return Err(refuse!(ReasonRequired, what = "a change of an accepted survey result"));
                };
                crate::scorecard::check_reason(policy, &c.season, code, Some(state.points), points)?;
                Some((code.clone(), d.seal("reason", text)?))
            }
            Some(Surveyed::Result(_) | Surveyed::NotSurveyed) | None => None,
        };
        let (reason_code, reason) = reason.unzip();
        events.push(SurveyResultRecorded {
            agency: result.agency.clone(),
            forms: result.forms,
            factors: result.factors.clone(),
            points,
            reason_code,
            reason,
            by: d.by(),
        });
    }
    if events.is_empty() {
        return Ok(());
    }
    let forms = c.results.iter().try_fold(0_u64, |sum, r| sum.checked_add(r.forms));
    let forms = forms.ok_or_else(|| refuse!(Invalid, field = "forms", value = "the sum", why = "it is too large"))?;
    let agencies = u32::try_from(events.len()).unwrap_or(u32::MAX);
    d.push(stream.clone(), SurveyImported { forms_file: c.forms_file, forms, agencies, by: d.by() });
    for event in events {
        d.push(stream.clone(), event);
    }
    Ok(())
}

pub(crate) fn record_not_surveyed(d: &Deciding<'_>, c: &RecordNotSurveyed) -> Result<(), Refusal> {
    let season = admitted(d, &c.season, Some(&c.agency))?;
    let survey = survey(d, &c.season)?;
    if !season.agencies.contains_key(&c.agency) {
        return Err(refuse!(NotInSeason, agency = &c.agency, season = &c.season));
    }
    authority::bar_own_case(d, &d.envelope.account, &c.season, &c.agency)?;
    match survey.agencies.get(&c.agency) {
        Some(Surveyed::NotSurveyed) => {
            return Err(refuse!(NothingToDo, why = "it is recorded as not surveyed already"));
        }
        Some(Surveyed::Result(state)) if state.accepted => {
            return Err(refuse!(AlreadyExists, what = "accepted survey result of", id = &c.agency));
        }
        Some(Surveyed::Result(_)) | None => {}
    }
    let event = AgencyNotSurveyed { agency: c.agency.clone(), ground: d.seal("ground", &c.ground)?, by: d.by() };
    d.push(Stream::Survey(c.season.clone()), event);
    Ok(())
}

pub(crate) fn record_recheck(d: &Deciding<'_>, c: &RecordRecheck) -> Result<(), Refusal> {
    admitted(d, &c.season, Some(&c.agency))?;
    let survey = survey(d, &c.season)?;
    acts_for(d, survey.monitors.iter())?;
    let Some(Surveyed::Result(state)) = survey.agencies.get(&c.agency) else {
        return Err(refuse!(Unknown, what = "survey result of", id = &c.agency));
    };
    let fits = c.confirmed.checked_add(c.voided) == Some(c.sample) && c.sample <= state.forms && c.replaced <= c.voided;
    if !fits || c.sample == 0 {
        let why = format!(
            "confirmed + voided must be the sample, the sample at most {} forms, replaced at most voided",
            state.forms
        );
        return Err(refuse!(Invalid, field = "sample", value = c.sample, why = why));
    }
    let event = SurveyRechecked {
        agency: c.agency.clone(),
        sample: c.sample,
        confirmed: c.confirmed,
        voided: c.voided,
        replaced: c.replaced,
        finding: d.seal("finding", &c.finding)?,
        by: d.by(),
    };
    d.push(Stream::Survey(c.season.clone()), event);
    Ok(())
}

pub(crate) fn accept(d: &Deciding<'_>, c: &AcceptSurvey) -> Result<(), Refusal> {
    admitted(d, &c.season, None)?;
    let survey = survey(d, &c.season)?;
    acts_for(d, survey.monitors.iter().chain(&survey.operator))?;
    let waiting = |id: &AgencyId| matches!(survey.agencies.get(id), Some(Surveyed::Result(s)) if !s.accepted);
    let mut agencies: Vec<_> = if c.agencies.is_empty() {
        survey.agencies.keys().filter(|id| waiting(id)).cloned().collect()
    } else {
        c.agencies.clone()
    };
    agencies.sort();
    agencies.dedup();
    for agency in &agencies {
        let Some(Surveyed::Result(state)) = survey.agencies.get(agency) else {
            return Err(refuse!(Unknown, what = "survey result of", id = agency));
        };
        if state.accepted {
            return Err(refuse!(NothingToDo, why = format!("the result of {agency} is accepted already")));
        }
        let mine = authority::deciders(d);
        if let Some(first) = state.by.accounts().find(|a| mine.contains(*a)) {
            return Err(refuse!(
                SecondPerson,
                account = &d.envelope.account,
                what = "accepting a survey result",
                first = first
            ));
        }
    }
    for chunk in agencies.chunks(100) {
        d.push(Stream::Survey(c.season.clone()), SurveyAccepted { agencies: chunk.to_vec(), by: d.by() });
    }
    Ok(())
}

/// The deciding account must belong to one of these bodies.
fn acts_for<'b>(d: &Deciding<'_>, bodies: impl Iterator<Item = &'b AgencyId>) -> Result<(), Refusal> {
    let principal = d.envelope.on_behalf_of.as_ref().unwrap_or(&d.envelope.account);
    let own = d.account(principal)?.agency.as_ref();
    let bodies: Vec<_> = bodies.collect();
    if own.is_some_and(|own| bodies.contains(&own)) {
        return Ok(());
    }
    let named: Vec<_> = bodies.iter().map(|b| b.as_str()).collect();
    let own = own.map_or("no body", |a| a.as_str());
    Err(refuse!(NotOwnAgency, account = principal, own = own, agency = named.join(" or ")))
}
