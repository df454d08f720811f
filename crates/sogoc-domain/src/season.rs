//! A season (đợt đánh giá): groups, policy, phases, agencies, assignments and deadlines.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::command::{
    ActivateSeason, AssignReviewers, Command, DefineLine, DefineRankingGroup, EnterAgency, MoveDeadline, OpenSeason,
    RecordReferenceFigures, SchedulePhase, SetComparison, SetSeasonPolicy, TreatAgency,
};
use crate::criteria::SetVersion;
use crate::decide::{Deciding, check_count, check_name};
use crate::event::{
    AgencyEntered, AgencyTreated, ComparisonSet, CriteriaVersionAdopted, DeadlineMoved, LineDefined, Name,
    PhaseScheduled, RankingGroupDefined, ReferenceFigureRecorded, ReviewersAssigned, SeasonActivated, SeasonEvent,
    SeasonOpened, SeasonPolicySet,
};
use crate::policy::{Assignment, Band, Basis, DeadlineScope, LineKind, Mode, Policy, RULES_VERSION, Treatment};
use crate::refusal::{Refusal, refuse};
use crate::stream::Stream;
use crate::values::{
    AgencyId, Digest, GroupId, LeafId, LineId, NodeId, PhaseId, Points, SeasonId, SetId, Text, Timestamp,
};

/// Most agencies in a season.
pub const AGENCIES_MAX: usize = 20_000;

/// A season as of one position.
#[derive(Clone, Default, Debug, PartialEq, Serialize, Deserialize)]
pub struct Season {
    /// The year assessed.
    pub year: u16,
    /// Title in Vietnamese.
    pub title: Text,
    /// Title in English.
    pub title_en: Option<Text>,
    /// Live or imported, for ever.
    pub mode: Mode,
    /// Its policy, once set.
    pub policy: Option<Policy>,
    /// Ranking groups.
    pub groups: BTreeMap<GroupId, Group>,
    /// Phases.
    pub phases: BTreeMap<PhaseId, Phase>,
    /// Agencies that take part.
    pub agencies: BTreeMap<AgencyId, Member>,
    /// Assignments by group and node.
    pub assignments: BTreeMap<GroupId, BTreeMap<NodeId, Assignment>>,
    /// The season that changes are counted against.
    pub comparison: Option<SeasonId>,
    /// Figures of earlier years of which only print is known, by address and year.
    pub references: BTreeMap<String, BTreeMap<u16, Reference>>,
    /// Bonus and penalty lines.
    pub lines: BTreeMap<LineId, Line>,
    /// Version of the figures' rules, once the season runs.
    pub rules_version: Option<u32>,
    /// Moved ends, by phase and what they were moved for; `None` for explanation requests.
    pub moved: BTreeMap<DeadlineScope, BTreeMap<Option<PhaseId>, Timestamp>>,
    /// SHA-256 of the file of anchors that signatures are judged by.
    pub anchors: Option<Digest>,
    /// The files of anchors before it: verdicts rest on them.
    pub anchors_before: BTreeSet<Digest>,
}

/// A ranking group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// Its name.
    pub name: Name,
    /// Its criteria set, unless only totals are transcribed.
    pub set: Option<SetId>,
    /// The version of the set that holds for this season, once it runs.
    pub set_version: Option<u32>,
    /// Class bands from the top.
    pub classes: Vec<Band>,
    /// Letter bands from the top.
    pub letters: Vec<Band>,
}

/// A phase, half-open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    /// Its name.
    pub name: Name,
    /// First instant.
    pub start: Timestamp,
    /// First instant after it.
    pub end: Timestamp,
    /// Kinds of commands that it admits.
    pub admits: BTreeSet<String>,
}

/// An agency in the season.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// The group it is ranked in.
    pub group: GroupId,
    /// True where it sits on the council.
    pub council_member: bool,
    /// From when, for one that joined late.
    pub from: Option<Timestamp>,
    /// What became of it, if anything.
    pub treatment: Option<Treatment>,
    /// Who answers for it.
    pub successor: Option<AgencyId>,
}

/// A figure of an earlier year.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    /// Its value as a decimal string or an id.
    pub value: String,
    /// Printed or implied.
    pub basis: Basis,
    /// The document and section, or the derivation.
    pub source: Option<Text>,
}

/// A bonus or penalty line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Its name.
    pub name: Name,
    /// Bonus or penalty.
    pub kind: LineKind,
    /// Most points.
    pub cap: Points,
}

/// Who may appraise and confirm a leaf of an agency.
#[derive(Clone, Copy, Debug)]
pub struct Assigned<'a> {
    /// The agency that leads, or its alternate.
    pub agency: &'a AgencyId,
    /// Who may appraise.
    pub reviewers: &'a [crate::values::AccountId],
    /// Who may confirm.
    pub confirmers: &'a [crate::values::AccountId],
    /// True where the lead agency is itself the one scored.
    pub alternate: bool,
}

impl Season {
    /// Applies an event; total.
    pub fn apply(&mut self, event: &SeasonEvent) {
        match event {
            SeasonEvent::SeasonOpened(e) => {
                self.year = e.year;
                self.title = e.title.clone();
                self.title_en.clone_from(&e.title_en);
                self.mode = e.mode;
            }
            SeasonEvent::SeasonPolicySet(e) => self.policy = Some(e.policy.clone()),
            SeasonEvent::RankingGroupDefined(e) => {
                let group = Group {
                    name: e.name.clone(),
                    set: e.set.clone(),
                    set_version: None,
                    classes: e.classes.clone(),
                    letters: e.letters.clone(),
                };
                self.groups.insert(e.group.clone(), group);
            }
            SeasonEvent::PhaseScheduled(e) => {
                let phase = Phase {
                    name: e.name.clone(),
                    start: e.start,
                    end: e.end,
                    admits: e.admits.iter().cloned().collect(),
                };
                self.phases.insert(e.phase.clone(), phase);
            }
            SeasonEvent::AgencyEntered(e) => {
                let member = Member {
                    group: e.group.clone(),
                    council_member: e.council_member,
                    from: e.from,
                    treatment: None,
                    successor: None,
                };
                self.agencies.insert(e.agency.clone(), member);
            }
            SeasonEvent::ReviewersAssigned(e) => {
                let nodes = self.assignments.entry(e.assignment.group.clone()).or_default();
                nodes.insert(e.assignment.node.clone(), e.assignment.clone());
            }
            SeasonEvent::ComparisonSet(e) => self.comparison = Some(e.season.clone()),
            SeasonEvent::ReferenceFigureRecorded(e) => {
                let reference = Reference { value: e.value.clone(), basis: e.basis, source: e.source.clone() };
                self.references.entry(e.address.clone()).or_default().insert(e.year, reference);
            }
            SeasonEvent::LineDefined(e) => {
                self.lines.insert(e.line.clone(), Line { name: e.name.clone(), kind: e.kind, cap: e.cap });
            }
            SeasonEvent::CriteriaVersionAdopted(e) => {
                if let Some(group) = self.groups.get_mut(&e.group) {
                    group.set = Some(e.set.clone());
                    group.set_version = Some(e.version);
                }
            }
            SeasonEvent::SeasonActivated(e) => self.rules_version = Some(e.rules_version),
            SeasonEvent::DeadlineMoved(e) => {
                self.moved.entry(e.scope.clone()).or_default().insert(e.phase.clone(), e.new);
            }
            SeasonEvent::AgencyTreated(e) => {
                if let Some(member) = self.agencies.get_mut(&e.agency) {
                    member.treatment = Some(e.treatment);
                    member.successor.clone_from(&e.successor);
                }
            }
            SeasonEvent::TrustAnchorsAdopted(e) => self.anchors_before.extend(self.anchors.replace(e.anchors)),
        }
    }

    /// True once the season was opened.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.year != 0
    }

    /// True once activated.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.rules_version.is_some()
    }

    /// The first instant of the earliest phase.
    #[must_use]
    pub fn begins(&self) -> Option<Timestamp> {
        self.phases.values().map(|p| p.start).min()
    }

    /// The agency that answers for another one in this season.
    #[must_use]
    pub fn successor_of(&self, agency: &AgencyId) -> Option<&AgencyId> {
        self.agencies.get(agency)?.successor.as_ref()
    }

    /// Who may appraise and confirm a leaf, given the nodes from the root to it: the deepest assignment holds, and its
    /// alternate where the lead agency is itself the one scored.
    #[must_use]
    pub fn assigned(&self, group: &GroupId, path: &[NodeId], agency: &AgencyId) -> Option<Assigned<'_>> {
        let nodes = self.assignments.get(group)?;
        let found = path.iter().rev().find_map(|node| nodes.get(node))?;
        if found.lead_agency != *agency {
            return Some(Assigned {
                agency: &found.lead_agency,
                reviewers: &found.reviewers,
                confirmers: &found.confirmers,
                alternate: false,
            });
        }
        let alternate = found.alternate.as_ref()?;
        Some(Assigned {
            agency: &alternate.agency,
            reviewers: &alternate.reviewers,
            confirmers: &alternate.confirmers,
            alternate: true,
        })
    }

    /// The end of a phase for a leaf of an agency, or for the agency: the latest that was set, the narrowest scope first.
    #[must_use]
    pub fn end_of(&self, id: &PhaseId, agency: Option<&AgencyId>, leaf: Option<&LeafId>) -> Option<Timestamp> {
        let moved = |scope: &DeadlineScope| self.moved_end(scope, id);
        if self.moved.is_empty() {
            return self.phases.get(id).map(|p| p.end);
        }
        let group = agency.and_then(|a| self.agencies.get(a)).map(|m| &m.group);
        let narrow = agency
            .zip(leaf)
            .and_then(|(agency, leaf)| moved(&DeadlineScope::Leaf { agency: agency.clone(), leaf: leaf.clone() }));
        narrow
            .or_else(|| agency.and_then(|a| moved(&DeadlineScope::Agency(a.clone()))))
            .or_else(|| group.and_then(|g| moved(&DeadlineScope::Group(g.clone()))))
            .or_else(|| moved(&DeadlineScope::Season))
            .or_else(|| self.phases.get(id).map(|p| p.end))
    }

    /// The end of a phase that was set for a scope itself.
    fn moved_end(&self, scope: &DeadlineScope, phase: &PhaseId) -> Option<Timestamp> {
        self.moved.get(scope)?.get(&Some(phase.clone())).copied()
    }

    /// The due date of an explanation request, moved or not.
    #[must_use]
    pub fn due_of(&self, agency: &AgencyId, case: &crate::values::CaseId, due: Timestamp) -> Timestamp {
        let scope = DeadlineScope::Request { agency: agency.clone(), case: case.clone() };
        self.moved.get(&scope).and_then(|m| m.get(&None)).copied().unwrap_or(due)
    }

    /// That some phase admits the kind of command at an instant.
    ///
    /// # Errors
    /// [`crate::refusal::Code::PhaseClosed`] with the times that apply.
    pub fn admits(
        &self,
        id: &SeasonId,
        kind: &str,
        now: Timestamp,
        agency: Option<&AgencyId>,
        leaf: Option<&LeafId>,
    ) -> Result<(), Refusal> {
        let mut times = Vec::new();
        for (phase_id, phase) in &self.phases {
            if !phase.admits.contains(kind) {
                continue;
            }
            let end = self.end_of(phase_id, agency, leaf).unwrap_or(phase.end);
            if phase.start <= now && now < end {
                return Ok(());
            }
            times.push(format!("{phase_id} ({} ≤ t < {end})", phase.start));
        }
        let times = if times.is_empty() { "no phase".to_owned() } else { times.join(", ") };
        Err(refuse!(PhaseClosed, command = kind, season = id, now = now, times = times))
    }

    /// Like [`Season::admits`], for a season whose phases say anything about the kind of command. A transcribed season has
    /// no phases: there is nothing that it could be late for.
    pub(crate) fn admits_if_scheduled(&self, id: &SeasonId, d: &Deciding<'_>) -> Result<(), Refusal> {
        let now = d.judged_at(id, self)?;
        if self.phases.values().any(|p| p.admits.contains(d.kind())) {
            return self.admits(id, d.kind(), now, None, None);
        }
        Ok(())
    }

    /// The policy; a season that runs has one.
    ///
    /// # Errors
    /// [`crate::refusal::Code::SeasonNotReady`] before it is set.
    pub fn policy(&self, id: &SeasonId) -> Result<&Policy, Refusal> {
        self.policy.as_ref().ok_or_else(|| refuse!(SeasonNotReady, season = id, missing = "the policy"))
    }
}

/// The season must not run yet.
fn in_preparation<'a>(d: &Deciding<'a>, id: &SeasonId) -> Result<&'a Season, Refusal> {
    let season = d.season(id)?;
    if season.is_active() {
        return Err(refuse!(SeasonState, season = id, state = "active", command = d.kind()));
    }
    Ok(season)
}

/// The season must run.
pub(crate) fn running<'a>(d: &Deciding<'a>, id: &SeasonId) -> Result<&'a Season, Refusal> {
    let season = d.season(id)?;
    if !season.is_active() {
        return Err(refuse!(SeasonState, season = id, state = "in preparation", command = d.kind()));
    }
    Ok(season)
}

pub(crate) fn open(d: &Deciding<'_>, c: &OpenSeason) -> Result<(), Refusal> {
    let stream = Stream::Season(c.season.clone());
    d.read(stream.clone());
    if d.world.seasons.contains_key(&c.season) {
        return Err(refuse!(AlreadyExists, what = "season", id = &c.season));
    }
    check_name("title", &c.title)?;
    if !(1900..=2200).contains(&c.year) {
        return Err(refuse!(Invalid, field = "year", value = c.year, why = "it must lie between 1900 and 2200"));
    }
    d.push(stream, SeasonOpened { year: c.year, title: c.title.clone(), title_en: c.title_en.clone(), mode: c.mode });
    Ok(())
}

pub(crate) fn set_policy(d: &Deciding<'_>, c: &SetSeasonPolicy) -> Result<(), Refusal> {
    in_preparation(d, &c.season)?;
    let p = &c.policy;
    let bad =
        |field: &'static str, value: String, why: &str| Err(refuse!(Invalid, field = field, value = value, why = why));
    if p.leaf_decimals > 6 || p.display_decimals > 6 {
        return bad("decimals", p.leaf_decimals.max(p.display_decimals).to_string(), "at most 6");
    }
    if !(1..=9).contains(&p.appraisal_rounds) {
        return bad("appraisal_rounds", p.appraisal_rounds.to_string(), "between 1 and 9");
    }
    if !(2..=50).contains(&p.approvals) {
        return bad("approvals", p.approvals.to_string(), "nobody publishes alone: between 2 and 50");
    }
    check_count("reason_codes", p.reason_codes.len(), 100)?;
    check_count("survey_factors", p.survey_factors.len(), 50)?;
    let mut factors = BTreeSet::new();
    for factor in &p.survey_factors {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        let ok = !factor.is_empty() && factor.len() <= 64 && factor.bytes().all(plain);
        if !ok || !factors.insert(factor) {
            let shown = factor.chars().take(40).collect();
            return bad("survey_factors", shown, "use each id once: letters, digits, _ and -");
        }
    }
    check_count("instrument_required", p.instrument_required.len(), Command::KINDS.len())?;
    let mut codes = BTreeSet::new();
    for reason in &p.reason_codes {
        check_name("label", &reason.label)?;
        let ok = !reason.code.is_empty()
            && reason.code.len() <= 64
            && reason.code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-');
        if !ok || !codes.insert(&reason.code) {
            return bad("reason code", reason.code.clone(), "use each code once: a-z, 0-9, _ and -");
        }
    }
    if let Some((code, command)) = p.lacks() {
        return Err(refuse!(ReasonCodeRequired, season = &c.season, code = code, command = command));
    }
    known_kinds("instrument_required", &p.instrument_required)?;
    let mut policy = p.clone();
    policy.instrument_required.sort();
    policy.instrument_required.dedup();
    d.push(Stream::Season(c.season.clone()), SeasonPolicySet { policy });
    Ok(())
}

fn known_kinds(field: &'static str, kinds: &[String]) -> Result<(), Refusal> {
    match kinds.iter().find(|k| !Command::KINDS.contains(&k.as_str())) {
        Some(kind) => Err(refuse!(Invalid, field = field, value = kind, why = "it is no kind of command")),
        None => Ok(()),
    }
}

pub(crate) fn define_group(d: &Deciding<'_>, c: &DefineRankingGroup) -> Result<(), Refusal> {
    // Another printed table of a past season may come in later, with a group of its own: nothing is scored by it.
    let season = d.season(&c.season)?;
    let transcribed = season.mode == Mode::Imported && c.set.is_none();
    if season.is_active() && !transcribed {
        return Err(refuse!(SeasonState, season = &c.season, state = "active", command = d.kind()));
    }
    if season.groups.contains_key(&c.group) {
        return Err(refuse!(AlreadyExists, what = "ranking group", id = &c.group));
    }
    if ["criteria", "survey", "any"].contains(&c.group.as_str()) {
        return Err(refuse!(Invalid, field = "group", value = &c.group, why = "the word is taken by figure addresses"));
    }
    check_name("name", &c.name.vi)?;
    check_bands(&c.group, &c.classes, true)?;
    check_bands(&c.group, &c.letters, false)?;
    if let Some(id) = &c.set {
        let set = d.set(id)?;
        if set.current().is_none() {
            return Err(refuse!(SetState, set = id, state = "a draft", command = d.kind()));
        }
    }
    let event = RankingGroupDefined {
        group: c.group.clone(),
        name: c.name.clone(),
        set: c.set.clone(),
        classes: c.classes.clone(),
        letters: c.letters.clone(),
    };
    d.push(Stream::Season(c.season.clone()), event);
    Ok(())
}

/// Bands run from the top down without overlap; class bands cover 0 to 100 without a gap.
fn check_bands(group: &GroupId, bands: &[Band], whole: bool) -> Result<(), Refusal> {
    check_count("bands", bands.len(), 50)?;
    let bad = |why: String| Err(refuse!(BadBands, group = group, why = why));
    let mut codes = BTreeSet::new();
    for band in bands {
        check_name("label", &band.label)?;
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if band.code.is_empty() || band.code.len() > 32 || !band.code.bytes().all(plain) || !codes.insert(&band.code) {
            return bad(format!("code \"{}\" is empty, used twice or not plain", band.code));
        }
        if band.lower > band.upper || (band.lower == band.upper && !(band.lower_inclusive && band.upper_inclusive)) {
            return bad(format!("{} is empty: {} to {}", band.code, band.lower, band.upper));
        }
    }
    for pair in bands.windows(2) {
        let [above, below] = pair else { continue };
        let touch = above.lower == below.upper && above.lower_inclusive != below.upper_inclusive;
        if !touch && (whole || below.upper > above.lower || (below.upper == above.lower && above.lower_inclusive)) {
            return bad(format!("{} and {} overlap or leave a gap", above.code, below.code));
        }
    }
    if whole {
        let (Some(top), Some(bottom)) = (bands.first(), bands.last()) else {
            return bad("there are no class bands".to_owned());
        };
        let covers = top.upper.get() >= Decimal::ONE_HUNDRED
            && top.upper_inclusive
            && bottom.lower.get().is_zero()
            && bottom.lower_inclusive;
        if !covers {
            return bad("the classes must cover 0 to 100".to_owned());
        }
    }
    Ok(())
}

pub(crate) fn schedule_phase(d: &Deciding<'_>, c: &SchedulePhase) -> Result<(), Refusal> {
    in_preparation(d, &c.season)?;
    check_name("name", &c.name.vi)?;
    if c.start >= c.end {
        return Err(refuse!(
            Invalid,
            field = "end",
            value = c.end,
            why = format!("a phase is half-open: it must lie after {}", c.start)
        ));
    }
    known_kinds("admits", &c.admits)?;
    let mut admits = c.admits.clone();
    admits.sort();
    admits.dedup();
    let event = PhaseScheduled { phase: c.phase.clone(), name: c.name.clone(), start: c.start, end: c.end, admits };
    d.push(Stream::Season(c.season.clone()), event);
    Ok(())
}

pub(crate) fn enter_agency(d: &Deciding<'_>, c: &EnterAgency) -> Result<(), Refusal> {
    // An agency may join a running season late, on an instrument.
    let season = d.season(&c.season)?;
    if season.is_active() && (c.from.is_none() || d.envelope.instrument.is_none()) {
        return Err(refuse!(InstrumentRequired, command = "enter-agency into a running season, with `from`,"));
    }
    let agency = d.agency(&c.agency)?;
    if agency.body {
        return Err(refuse!(BodyNotAppraised, agency = &c.agency));
    }
    if let Some(why) = agency.ended_why() {
        return Err(refuse!(AgencyEnded, agency = &c.agency, why = why));
    }
    if season.agencies.contains_key(&c.agency) {
        return Err(refuse!(AlreadyExists, what = "agency of the season", id = &c.agency));
    }
    if !season.groups.contains_key(&c.group) {
        return Err(refuse!(Unknown, what = "ranking group", id = &c.group));
    }
    check_count("agencies", season.agencies.len() + 1, AGENCIES_MAX)?;
    let event = AgencyEntered {
        agency: c.agency.clone(),
        group: c.group.clone(),
        council_member: c.council_member,
        from: c.from,
    };
    d.push(Stream::Season(c.season.clone()), event);
    Ok(())
}

pub(crate) fn assign_reviewers(d: &Deciding<'_>, c: &AssignReviewers) -> Result<(), Refusal> {
    let season = d.season(&c.season)?;
    let a = &c.assignment;
    let Some(group) = season.groups.get(&a.group) else {
        return Err(refuse!(Unknown, what = "ranking group", id = &a.group));
    };
    let set_id = group.set.as_ref().ok_or_else(|| {
        refuse!(Invalid, field = "group", value = &a.group, why = "it has no criteria set, only transcribed totals")
    })?;
    let version = if season.is_active() { version_of(d, season, &a.group)? } else { current_version(d, set_id)? };
    if !version.has_node(&a.node) {
        return Err(refuse!(Unknown, what = "criterion", id = &a.node));
    }
    d.agency(&a.lead_agency)?;
    check_staff(d, "reviewers", &a.lead_agency, &a.reviewers, &a.confirmers)?;
    if let Some(alternate) = &a.alternate {
        d.agency(&alternate.agency)?;
        if alternate.agency == a.lead_agency {
            return Err(refuse!(
                OwnCase,
                account = &a.lead_agency,
                agency = &alternate.agency,
                why = "the alternate must be another agency"
            ));
        }
        check_staff(d, "alternate reviewers", &alternate.agency, &alternate.reviewers, &alternate.confirmers)?;
    }
    let mut assignment = a.clone();
    assignment.reviewers.sort();
    assignment.confirmers.sort();
    if let Some(alternate) = &mut assignment.alternate {
        alternate.reviewers.sort();
        alternate.confirmers.sort();
    }
    d.push(Stream::Season(c.season.clone()), ReviewersAssigned { assignment });
    Ok(())
}

/// Reviewers and confirmers must be accounts of the agency that leads.
fn check_staff(
    d: &Deciding<'_>,
    field: &'static str,
    agency: &AgencyId,
    reviewers: &[crate::values::AccountId],
    confirmers: &[crate::values::AccountId],
) -> Result<(), Refusal> {
    check_count(field, reviewers.len().max(confirmers.len()), 100)?;
    if reviewers.is_empty() || confirmers.is_empty() {
        return Err(refuse!(Missing, field = "reviewers and confirmers"));
    }
    for id in reviewers.iter().chain(confirmers) {
        let account = d.account(id)?;
        if account.agency.as_ref() != Some(agency) {
            let own = account.agency.as_ref().map_or("no agency", |a| a.as_str());
            return Err(refuse!(NotOwnAgency, account = id, own = own, agency = agency));
        }
    }
    Ok(())
}

/// The version of the criteria set that holds for a group of a running season.
pub(crate) fn version_of<'a>(d: &Deciding<'a>, season: &'a Season, group: &GroupId) -> Result<&'a SetVersion, Refusal> {
    let missing =
        || refuse!(Invalid, field = "group", value = group, why = "it has no criteria set, only transcribed totals");
    let group = season.groups.get(group).ok_or_else(missing)?;
    let (Some(set), Some(version)) = (&group.set, group.set_version) else {
        return Err(missing());
    };
    d.set(set)?.version(version).map(AsRef::as_ref).ok_or_else(missing)
}

/// The version of a set that holds now.
pub(crate) fn current_version<'a>(d: &Deciding<'a>, set: &SetId) -> Result<&'a SetVersion, Refusal> {
    d.set(set)?
        .current()
        .map(AsRef::as_ref)
        .ok_or_else(|| refuse!(SetState, set = set, state = "a draft", command = d.kind()))
}

pub(crate) fn set_comparison(d: &Deciding<'_>, c: &SetComparison) -> Result<(), Refusal> {
    in_preparation(d, &c.season)?;
    let earlier = d.season(&c.comparison)?;
    if c.comparison == c.season || earlier.year >= d.season(&c.season)?.year {
        return Err(refuse!(
            Invalid,
            field = "comparison",
            value = &c.comparison,
            why = "it must be a season of an earlier year"
        ));
    }
    d.push(Stream::Season(c.season.clone()), ComparisonSet { season: c.comparison.clone() });
    Ok(())
}

pub(crate) fn record_reference_figures(d: &Deciding<'_>, c: &RecordReferenceFigures) -> Result<(), Refusal> {
    let season = d.season(&c.season)?;
    check_count("figures", c.figures.len(), 500)?;
    for figure in &c.figures {
        if figure.address.is_empty()
            || figure.address.len() > 200
            || figure.value.is_empty()
            || figure.value.len() > 200
        {
            return Err(refuse!(
                Invalid,
                field = "figure",
                value = &figure.address,
                why = "address and value take 1 to 200 bytes"
            ));
        }
        // Both stand in the entry as they are given.
        if let Some(odd) = [&figure.address, &figure.value].into_iter().find(|t| !is_plain(t)) {
            let why = "write it in Unicode NFC without control characters";
            return Err(refuse!(Invalid, field = "figure", value = odd.escape_default(), why = why));
        }
        if figure.year >= season.year {
            return Err(refuse!(
                Invalid,
                field = "year",
                value = figure.year,
                why = "a reference figure is of an earlier year"
            ));
        }
        if let Some(source) = &figure.source {
            crate::decide::check_length("source", source, crate::decide::NAME_MAX)?;
        }
        let event = ReferenceFigureRecorded {
            address: figure.address.clone(),
            year: figure.year,
            value: figure.value.clone(),
            basis: figure.basis,
            source: figure.source.clone(),
        };
        d.push(Stream::Season(c.season.clone()), event);
    }
    Ok(())
}

/// True for a text that an entry may hold as it stands.
fn is_plain(text: &str) -> bool {
    !text.contains(['\n', '\r', '\t']) && Text::try_new(text).is_ok_and(|t| t.as_str() == text)
}

pub(crate) fn define_line(d: &Deciding<'_>, c: &DefineLine) -> Result<(), Refusal> {
    let season = in_preparation(d, &c.season)?;
    check_name("name", &c.name.vi)?;
    if season.lines.contains_key(&c.line) {
        return Err(refuse!(AlreadyExists, what = "line", id = &c.line));
    }
    let event = LineDefined { line: c.line.clone(), name: c.name.clone(), kind: c.kind, cap: c.cap };
    d.push(Stream::Season(c.season.clone()), event);
    Ok(())
}

pub(crate) fn activate(d: &Deciding<'_>, c: &ActivateSeason) -> Result<(), Refusal> {
    let season = in_preparation(d, &c.season)?;
    let mut missing = Vec::new();
    if season.policy.is_none() {
        missing.push("the policy (set-season-policy)".to_owned());
    }
    if season.groups.is_empty() {
        missing.push("a ranking group (define-ranking-group)".to_owned());
    }
    if season.agencies.is_empty() {
        missing.push("agencies (enter-agency)".to_owned());
    }
    let scored: Vec<_> = season.groups.iter().filter_map(|(id, g)| Some((id, g.set.as_ref()?))).collect();
    if season.phases.is_empty() && !scored.is_empty() {
        missing.push("phases (schedule-phase)".to_owned());
    }
    // A policy that was set before this was asked for. Where nothing is scored nothing is corrected either.
    let lacks = season.policy.as_ref().filter(|_| !scored.is_empty()).and_then(Policy::lacks);
    if let Some((code, command)) = lacks {
        missing.push(format!("reason code {code} of kind either in the policy, for {command} (set-season-policy)"));
    }
    for (group, set) in scored {
        let version = current_version(d, set)?;
        let members: Vec<_> = season.agencies.iter().filter(|(_, m)| m.group == *group).map(|(id, _)| id).collect();
        let unled = version.leaves().iter().filter(|l| !l.is_survey()).find_map(|leaf| {
            members.iter().find(|a| season.assigned(group, &leaf.path, a).is_none()).map(|a| (leaf.code.clone(), *a))
        });
        if let Some((leaf, agency)) = unled {
            missing.push(format!("somebody to appraise leaf {leaf} of {agency} in {group} (assign-reviewers, with an alternate for the lead agency's own)"));
        }
    }
    if !missing.is_empty() {
        return Err(refuse!(SeasonNotReady, season = &c.season, missing = missing.join("; ")));
    }
    for (group, set) in season.groups.iter().filter_map(|(id, g)| Some((id, g.set.as_ref()?))) {
        let version = current_version(d, set)?.version;
        d.push(
            Stream::Season(c.season.clone()),
            CriteriaVersionAdopted { group: group.clone(), set: set.clone(), version },
        );
    }
    d.push(Stream::Season(c.season.clone()), SeasonActivated { rules_version: RULES_VERSION, by: d.by() });
    Ok(())
}

pub(crate) fn move_deadline(d: &Deciding<'_>, c: &MoveDeadline) -> Result<(), Refusal> {
    let season = running(d, &c.season)?;
    let agency = match &c.scope {
        DeadlineScope::Season => None,
        DeadlineScope::Group(group) => {
            if !season.groups.contains_key(group) {
                return Err(refuse!(Unknown, what = "ranking group", id = group));
            }
            None
        }
        DeadlineScope::Agency(a) | DeadlineScope::Leaf { agency: a, .. } | DeadlineScope::Request { agency: a, .. } => {
            if !season.agencies.contains_key(a) {
                return Err(refuse!(NotInSeason, agency = a, season = &c.season));
            }
            Some(a)
        }
    };
    let (old, start) = match (&c.scope, &c.phase) {
        (DeadlineScope::Request { agency, case }, None) => {
            d.read(Stream::Scorecard(c.season.clone(), agency.clone()));
            let request = d.world.scorecard(&c.season, agency).and_then(|card| card.request(case));
            let request = request.ok_or_else(|| refuse!(Unknown, what = "explanation request", id = case))?;
            (season.due_of(agency, case, request.due), None)
        }
        (DeadlineScope::Request { .. }, Some(_)) => {
            return Err(refuse!(
                Invalid,
                field = "phase",
                value = "given",
                why = "an explanation request has a due date of its own"
            ));
        }
        (_, None) => return Err(refuse!(Missing, field = "phase")),
        (scope, Some(id)) => {
            let phase = season.phases.get(id).ok_or_else(|| refuse!(Unknown, what = "phase", id = id))?;
            let leaf = if let DeadlineScope::Leaf { agency, leaf } = scope {
                known_leaf(d, season, agency, leaf)?;
                Some(leaf)
            } else {
                None
            };
            let end = if let DeadlineScope::Group(_) = scope {
                season.moved_end(scope, id).or_else(|| season.moved_end(&DeadlineScope::Season, id))
            } else {
                season.end_of(id, agency, leaf)
            };
            (end.unwrap_or(phase.end), Some(phase.start))
        }
    };
    if start.is_some_and(|start| c.end <= start) {
        return Err(refuse!(Invalid, field = "end", value = c.end, why = "it lies before the phase begins"));
    }
    if c.end == old {
        return Err(refuse!(NothingToDo, why = format!("the end is {old} already")));
    }
    let event = DeadlineMoved {
        scope: c.scope.clone(),
        phase: c.phase.clone(),
        old,
        new: c.end,
        reason: d.seal("reason", &c.reason)?,
        by: d.by(),
    };
    d.push(Stream::Season(c.season.clone()), event);
    Ok(())
}

/// That a leaf is one of those that the agency is scored by.
fn known_leaf(d: &Deciding<'_>, season: &Season, agency: &AgencyId, leaf: &LeafId) -> Result<(), Refusal> {
    let Some(member) = season.agencies.get(agency) else { return Ok(()) };
    if version_of(d, season, &member.group)?.leaf_by_id(leaf).is_some() {
        return Ok(());
    }
    let set = season.groups.get(&member.group).and_then(|g| g.set.as_ref());
    Err(refuse!(UnknownLeaf, leaf = leaf, set = set.map_or("no set", SetId::as_str)))
}

pub(crate) fn treat_agency(d: &Deciding<'_>, c: &TreatAgency) -> Result<(), Refusal> {
    let season = running(d, &c.season)?;
    if !season.agencies.contains_key(&c.agency) {
        return Err(refuse!(NotInSeason, agency = &c.agency, season = &c.season));
    }
    if d.envelope.instrument.is_none() {
        return Err(refuse!(InstrumentRequired, command = d.kind()));
    }
    match (&c.successor, c.treatment) {
        (None, Treatment::SuccessorAnswers) => return Err(refuse!(Missing, field = "successor")),
        (Some(successor), _) => {
            d.agency(successor)?;
            if *successor == c.agency {
                return Err(refuse!(Invalid, field = "successor", value = successor, why = "it is the agency itself"));
            }
        }
        (None, Treatment::ScoredUntil | Treatment::ScoredSeparately | Treatment::NotRanked) => {}
    }
    let event = AgencyTreated {
        agency: c.agency.clone(),
        treatment: c.treatment,
        successor: c.successor.clone(),
        from: c.from,
        reason: d.seal("reason", &c.reason)?,
        by: d.by(),
    };
    d.push(Stream::Season(c.season.clone()), event);
    Ok(())
}
