//! The commands of a season folder, step by step. Everything was checked before; what is decided here is only who acts,
//! in which order, and when, where the folder does not say.

use std::collections::{BTreeMap, BTreeSet};

use sogoc_domain::command::{
    AcceptScore, AcceptSurvey, ActivateCriteriaSet, ActivateSeason, AdjustScore, AdoptResolution, AdoptTrustAnchors,
    AnnounceResults, ApproveResults, ApproveRole, AssignReviewers, AttachEvidence, CloseSession, Command,
    ConfirmLeaves, Contested, DecideAppeal, DecideApplicability, DecisionSets, DefineRankingGroup, DraftCriteriaSet,
    EnterAgency, Envelope, FoundRegister, GiveExplanation, GrantRole, ImportSurvey, InstrumentRef, ItemDecision,
    LodgeAppeal, NewAccount, NewAppealItem, NewInstrument, NewPoints, OpenAccount, OpenSeason, OpenSession, OpenSurvey,
    ProposeRole, PublishEdition, RecordNotSurveyed, RecordReferenceFigures, RecordSelfScore, RegisterAgency,
    RegisterInstrument, RequestExplanation, SchedulePhase, SetSeasonPolicy, SubmitScorecard, SurveyResult, UpholdScore,
};
use sogoc_domain::event::{AppealOutcome, Ballot, EditionKind, EvidencePurpose, Name, Vote};
use sogoc_domain::policy::{Alternate, Applicability, Assignment, Mode};
use sogoc_domain::roles::{Role, Scope};
use sogoc_domain::values::{AccountId, AgencyId, CaseId, InstrumentId, SeasonId, Text, Timestamp};

use super::Founding;
use super::check::Index;
use super::documents::{self, Phase, SEASON, Season, text};
use super::files::{self, Files};
use super::rows::{
    ACCOUNTS, AGENCIES, ASSIGNMENTS, Account, BODIES, CASES, Case, Declared, EVIDENCE, Evidence, Matter,
    NOT_APPLICABLE, NotApplicable, Rows, SCORES, SURVEY, Score,
};
use crate::import::times::Window;
use crate::import::{ImportError, Plan, PlannedCommand, command_id};

const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;
/// What is said where a folder brings its trust anchors along.
const ANCHORS_REASON: &str = "Chứng thư gốc tin cậy kèm theo hồ sơ của đợt đánh giá";

/// Plans the commands of a folder that was read and checked.
pub(super) fn plan(index: &Index<'_>, rows: &Rows, files: Files, founding: &Founding) -> Result<Plan, ImportError> {
    let actors = Actors::of(rows, founding)?;
    let mut p = Planner { index, season: index.season, rows, actors, steps: Vec::new(), planned: Vec::new(), files };
    let prepared = p.preparation(founding)?;
    let submitted = p.scorecards(prepared)?;
    p.appraisal(submitted)?;
    p.survey(prepared)?;
    p.council()?;
    p.results_and_appeals()?;
    p.finish()
}

/// Who acts where the folder names nobody.
struct Actors<'r> {
    administrator: AccountId,
    approver: AccountId,
    secretariat: Vec<&'r Account>,
    /// Members, and then the chair.
    council: Vec<&'r Account>,
    chair: &'r Account,
    operators: Vec<&'r Account>,
    monitors: Vec<&'r Account>,
}

impl<'r> Actors<'r> {
    fn of(rows: &'r Rows, founding: &Founding) -> Result<Self, ImportError> {
        let with = |role: Role| rows.accounts.iter().filter(|a| a.roles.contains(&role)).collect::<Vec<_>>();
        let first = |role: Role| {
            with(role)
                .first()
                .copied()
                .ok_or_else(|| ImportError::of_file(ACCOUNTS, format!("no account has the role {role}"), "add one"))
        };
        let chair = first(Role::CouncilChair)?;
        let (administrator, approver) = match founding {
            Founding::ByThisImport => (first(Role::Administrator)?.id.clone(), chair.id.clone()),
            Founding::Founded { administrator, approver } => (administrator.clone(), approver.clone()),
        };
        let mut council = with(Role::CouncilMember);
        council.extend(with(Role::CouncilChair));
        let mut seen = BTreeSet::new();
        council.retain(|a| seen.insert(&a.id));
        Ok(Self {
            administrator,
            approver,
            secretariat: with(Role::Secretariat),
            council,
            chair,
            operators: with(Role::SurveyOperator),
            monitors: with(Role::SurveyMonitor),
        })
    }

    /// A secretary, not of this agency where there is another: nobody decides their own case.
    fn secretary(&self, about: Option<&AgencyId>) -> Result<AccountId, ImportError> {
        let free = self.secretariat.iter().find(|a| about != Some(&a.agency)).or_else(|| self.secretariat.first());
        free.map(|a| a.id.clone())
            .ok_or_else(|| ImportError::of_file(ACCOUNTS, "no account has the role secretariat", "add one"))
    }
}

/// Where a command comes from: the file, the row, and which of the row's steps it is.
struct From<'a> {
    file: &'a str,
    /// The row's line, or the JSON pointer.
    place: Place<'a>,
    key: &'a str,
    step: &'a str,
}

enum Place<'a> {
    Line(u64),
    Pointer(&'a str),
}

fn row<'a>(file: &'a str, line: u64, key: &'a str, step: &'a str) -> From<'a> {
    From { file, place: Place::Line(line), key, step }
}

fn pointer<'a>(file: &'a str, pointer: &'a str, key: &'a str, step: &'a str) -> From<'a> {
    From { file, place: Place::Pointer(pointer), key, step }
}

/// Who acts, and what the act rests on.
struct By {
    account: AccountId,
    instrument: Option<InstrumentId>,
    optional: bool,
}

impl std::convert::From<AccountId> for By {
    fn from(account: AccountId) -> Self {
        Self { account, instrument: None, optional: false }
    }
}

impl std::convert::From<&AccountId> for By {
    fn from(account: &AccountId) -> Self {
        Self::from(account.clone())
    }
}

impl By {
    fn resting_on(self, instrument: &InstrumentId) -> Self {
        Self { instrument: Some(instrument.clone()), ..self }
    }

    /// What the register may hold from elsewhere.
    fn optional(self, optional: bool) -> Self {
        Self { optional, ..self }
    }
}

struct Planner<'r> {
    index: &'r Index<'r>,
    season: &'r Season,
    rows: &'r Rows,
    actors: Actors<'r>,
    /// Commands that wait for their times.
    steps: Vec<PlannedCommand>,
    planned: Vec<PlannedCommand>,
    files: Files,
}

impl Planner<'_> {
    fn command(&self, by: By, from: &From<'_>, command: Command, at: Option<Timestamp>) -> PlannedCommand {
        let place = match from.place {
            Place::Line(line) => format!("{}:{line}", from.file),
            Place::Pointer("") => from.file.to_owned(),
            Place::Pointer(pointer) => format!("{}#{pointer}", from.file),
        };
        PlannedCommand {
            envelope: Envelope {
                account: by.account,
                command_id: command_id(&self.season.id, from.file, from.key, from.step),
                on_behalf_of: None,
                capacity: None,
                seen: None,
                instrument: by.instrument.map(|id| InstrumentRef { id, clause: None }),
                occurred: at,
                command,
            },
            made_up_time: at.is_none(),
            row: place,
            optional: by.optional,
        }
    }

    /// An act whose time is made up, together with those after it until [`Planner::spread`].
    fn then(&mut self, by: impl Into<By>, from: &From<'_>, command: impl Into<Command>) {
        let step = self.command(by.into(), from, command.into(), None);
        self.steps.push(step);
    }

    /// An act whose time the folder gives.
    fn at(&mut self, at: Timestamp, by: impl Into<By>, from: &From<'_>, command: impl Into<Command>) {
        let step = self.command(by.into(), from, command.into(), Some(at));
        self.planned.push(step);
    }

    /// Gives the waiting acts their times; tells the last of them, or the window's start where there is none.
    fn spread(&mut self, window: Window) -> Timestamp {
        let mut last = window.start;
        let times = window.spread(self.steps.len());
        for (mut step, at) in self.steps.drain(..).zip(times) {
            step.envelope.occurred = Some(at);
            self.planned.push(step);
            last = at;
        }
        last
    }

    /// The phases that admit a kind of command, by their start.
    fn phases(&self, kind: &str) -> Vec<&Phase> {
        let mut phases: Vec<_> = self.season.phases.iter().filter(|p| p.admits.iter().any(|k| k == kind)).collect();
        phases.sort_by_key(|p| p.window.start);
        phases
    }

    /// The first phase that admits the command and does not end before an instant; what lies at or after the instant.
    fn window(&self, kind: &str, after: Option<Timestamp>) -> Result<Window, ImportError> {
        let windows = self.phases(kind).into_iter().map(|p| after.map_or(p.window, |after| p.window.after(after)));
        windows.into_iter().find(|w| !w.is_empty()).ok_or_else(|| {
            let when = after.map_or_else(String::new, |t| format!(" at or after {t}"));
            let reason = format!("no phase admits {kind}{when}");
            ImportError::of_file(SEASON, reason, "add a phase, move its end, or list the command in a phase's admits")
        })
    }

    /// Sorts by time, and says that no act falls outside of the phases that admit its kind.
    fn finish(mut self) -> Result<Plan, ImportError> {
        debug_assert!(self.steps.is_empty(), "every step has its time");
        // Stable: acts of the same instant stay in the order in which they follow from each other.
        self.planned.sort_by_key(|c| c.envelope.occurred);
        let bound: BTreeSet<&str> =
            self.season.phases.iter().flat_map(|p| p.admits.iter().map(String::as_str)).collect();
        let mut ids = BTreeSet::new();
        for planned in &self.planned {
            let (kind, at) = (planned.envelope.command.kind(), planned.envelope.occurred);
            debug_assert!(ids.insert(planned.envelope.command_id), "{} {kind} has an id of its own", planned.row);
            let inside = |p: &&Phase| at.is_some_and(|at| p.window.start <= at && at < p.window.end);
            let phases = self.phases(kind);
            // An answer and a supplement have a due date of their own, and evidence for an appeal none.
            let dated = matches!(planned.envelope.command, Command::GiveExplanation(_) | Command::AttachEvidence(_));
            if bound.contains(kind) && !dated && !phases.iter().any(inside) {
                let at = at.map_or_else(String::new, |t| t.to_string());
                let times: Vec<_> =
                    phases.iter().map(|p| format!("{} ({} ≤ t < {})", p.id, p.window.start, p.window.end)).collect();
                let (file, line) = planned.row.split_once(':').unwrap_or((&planned.row, ""));
                let reason = format!("{kind} is admitted in {} only", times.join(", "));
                let error = ImportError::of_file(file, reason, "correct the time, or the phases in season.json");
                return Err(ImportError { line: line.parse().ok(), ..error }.with_value(&at));
            }
        }
        Ok(Plan {
            season: self.season.id.clone(),
            commands: self.planned,
            claims: self.rows.claims.clone(),
            files: self.files.all,
        })
    }

    fn id(&self) -> SeasonId {
        self.season.id.clone()
    }

    // -- the register and the season ---------------------------------------------------------------------------------

    /// Everything up to the running season, on the day of the youngest instrument that the season rests on: the register
    /// is set up once its grounds are there. Tells when the season runs.
    fn preparation(&mut self, founding: &Founding) -> Result<Timestamp, ImportError> {
        let by_this = *founding == Founding::ByThisImport;
        let administrator = self.actors.administrator.clone();
        let mut entered = BTreeSet::new();
        let mut opened = BTreeSet::new();
        if by_this {
            let chair = self.actors.chair;
            let Some(first) = self.index.accounts.get(&administrator).copied() else {
                return Err(ImportError::of_file(ACCOUNTS, "no account has the role administrator", "add one"));
            };
            let Some(decision) = self.season.instruments.iter().find(|i| i.id == self.season.council_decision) else {
                return Err(ImportError::of_file(SEASON, "the council's decision is not among legal_bases", "add it"));
            };
            let (administrator_agency, approver_agency) =
                (self.agency_name(&first.agency), self.agency_name(&chair.agency));
            let command = FoundRegister {
                administrator_agency,
                administrator: new_account(first),
                approver_agency,
                approver: new_account(chair),
                approver_role: Role::CouncilChair,
                approver_body: self.rows.bodies.iter().any(|b| b.id == chair.agency),
                instrument: new_instrument(decision),
            };
            entered.extend([first.agency.clone(), chair.agency.clone()]);
            opened.extend([first.id.clone(), chair.id.clone()]);
            self.then(&administrator, &pointer(SEASON, "/council/decision", "", "found"), command);
        }
        let by = || By::from(&administrator).optional(!by_this);
        for agency in &self.rows.agencies {
            if !entered.contains(&agency.id) {
                let command = RegisterAgency { agency: agency.id.clone(), name: agency.name.clone(), body: false };
                self.then(by(), &row(AGENCIES, agency.line, agency.id.as_str(), "register"), command);
            }
        }
        for body in &self.rows.bodies {
            if !entered.contains(&body.id) {
                let command = RegisterAgency { agency: body.id.clone(), name: body.name.clone(), body: true };
                self.then(by(), &row(BODIES, body.line, body.id.as_str(), "register"), command);
            }
        }
        for (i, instrument) in self.season.instruments.iter().enumerate() {
            if !by_this || instrument.id != self.season.council_decision {
                let command = RegisterInstrument { instrument: new_instrument(instrument) };
                let place = format!("/legal_bases/{i}");
                let key = format!("legal_bases/{}", instrument.id);
                self.then(by(), &pointer(SEASON, &place, &key, "register"), command);
            }
        }
        self.accounts_and_roles(by_this, &opened);
        self.criteria_and_season()?;
        let window = self.preparation_window()?;
        Ok(self.spread(window))
    }

    fn agency_name(&self, id: &AgencyId) -> Name {
        let agencies = self.rows.agencies.iter().find(|a| a.id == *id).map(|a| a.name.clone());
        let bodies = || self.rows.bodies.iter().find(|b| b.id == *id).map(|b| b.name.clone());
        agencies.or_else(bodies).unwrap_or_default()
    }

    fn accounts_and_roles(&mut self, by_this: bool, opened: &BTreeSet<AccountId>) {
        let (administrator, approver) = (self.actors.administrator.clone(), self.actors.approver.clone());
        let by = |account: &AccountId| By::from(account).optional(!by_this);
        for account in &self.rows.accounts {
            if !opened.contains(&account.id) {
                let from = row(ACCOUNTS, account.line, account.id.as_str(), "open");
                self.then(by(&administrator), &from, OpenAccount { account: new_account(account) });
            }
        }
        // Those who let the others in hold theirs, and nobody gives themselves one.
        let held = [(&administrator, Role::Administrator), (&approver, Role::CouncilChair)];
        for account in &self.rows.accounts {
            for role in account.roles.iter().copied() {
                if held.contains(&(&account.id, role)) {
                    continue;
                }
                let step = |verb: &str| format!("{verb}:{role}");
                let at = |step: &'_ str| (account.line, account.id.clone(), step.to_owned());
                let (id, scope) = (account.id.clone(), Scope::default());
                if role.needs_two() {
                    let (line, key, step1) = at(&step("propose"));
                    let command = ProposeRole { account: id.clone(), role, scope: scope.clone() };
                    self.then(by(&administrator), &row(ACCOUNTS, line, key.as_str(), &step1), command);
                    let (line, key, step2) = at(&step("approve"));
                    let command = ApproveRole { account: id, role, scope };
                    self.then(by(&approver), &row(ACCOUNTS, line, key.as_str(), &step2), command);
                } else {
                    let (line, key, step) = at(&step("grant"));
                    let command = GrantRole { account: id, role, scope };
                    self.then(by(&administrator), &row(ACCOUNTS, line, key.as_str(), &step), command);
                }
            }
        }
    }

    fn criteria_and_season(&mut self) -> Result<(), ImportError> {
        let secretary = self.actors.secretary(None)?;
        for group in &self.season.groups {
            let by = || By::from(&secretary).resting_on(&group.issued_by);
            let command = DraftCriteriaSet {
                set: group.set.clone(),
                title: group.set_title.clone(),
                title_en: None,
                predecessor: None,
                max_points: group.max_points,
                domains: group.domains.clone(),
            };
            let file = group.criteria_file.as_str();
            self.then(by(), &pointer(file, "", "", "draft"), command);
            self.then(by(), &pointer(file, "", "", "activate"), ActivateCriteriaSet { set: group.set.clone() });
        }
        let season = self.season;
        let command = OpenSeason {
            season: self.id(),
            year: season.year,
            title: season.title.clone(),
            title_en: season.title_en.clone(),
            mode: Mode::Imported,
        };
        self.then(&secretary, &pointer(SEASON, "", "", "open"), command);
        let command = SetSeasonPolicy { season: self.id(), policy: season.policy.clone() };
        self.then(&secretary, &pointer(SEASON, "/figure_policy", "", "policy"), command);
        if let Some(anchors) = self.files.anchors {
            let reason = Text::try_new(ANCHORS_REASON).expect("a text without control characters");
            let command = AdoptTrustAnchors { season: self.id(), anchors, reason };
            self.then(&secretary, &pointer(files::ANCHORS, "", "", "adopt"), command);
        }
        for (i, group) in season.groups.iter().enumerate() {
            let command = DefineRankingGroup {
                season: self.id(),
                group: group.id.clone(),
                name: group.name.clone(),
                set: Some(group.set.clone()),
                classes: group.classes.clone(),
                letters: group.letters.clone(),
            };
            let (place, key) = (format!("/groups/{i}"), format!("groups/{}", group.id));
            self.then(&secretary, &pointer(SEASON, &place, &key, "define"), command);
        }
        for (i, phase) in season.phases.iter().enumerate() {
            let command = SchedulePhase {
                season: self.id(),
                phase: phase.id.clone(),
                name: phase.name.clone(),
                start: phase.window.start,
                end: phase.window.end,
                admits: phase.admits.clone(),
            };
            let (place, key) = (format!("/phases/{i}"), format!("phases/{}", phase.id));
            self.then(&secretary, &pointer(SEASON, &place, &key, "schedule"), command);
        }
        for agency in &self.rows.agencies {
            let command = EnterAgency {
                season: self.id(),
                agency: agency.id.clone(),
                group: agency.group.clone(),
                council_member: agency.council_member,
                from: None,
            };
            let by = self.actors.secretary(Some(&agency.id))?;
            self.then(by, &row(AGENCIES, agency.line, agency.id.as_str(), "enter"), command);
        }
        for a in &self.rows.assignments {
            let node = a.code.replace('.', "-").parse().map_err(|_| {
                ImportError::of_line(ASSIGNMENTS, a.line, "it is no criterion's code", "write it as 3.1")
                    .with_value(&a.code)
            })?;
            let assignment = Assignment {
                group: a.group.clone(),
                node,
                lead_agency: a.lead_agency.clone(),
                reviewers: a.reviewers.clone(),
                confirmers: a.confirmers.clone(),
                alternate: a.alternate.clone().map(|(agency, reviewers, confirmers)| Alternate {
                    agency,
                    reviewers,
                    confirmers,
                }),
            };
            let key = format!("{}/{}", a.group, a.code);
            let command = AssignReviewers { season: self.id(), assignment };
            self.then(&secretary, &row(ASSIGNMENTS, a.line, &key, "assign"), command);
        }
        if let Some((file, figures)) = &self.rows.references
            && !figures.is_empty()
        {
            let command = RecordReferenceFigures { season: self.id(), figures: figures.clone() };
            self.then(&secretary, &pointer(file, "", "", "record"), command);
        }
        self.then(&secretary, &pointer(SEASON, "", "", "activate"), ActivateSeason { season: self.id() });
        Ok(())
    }

    /// Office hours of the day of the youngest ground of the season, if agencies can score after it; else the day before
    /// the first phase.
    fn preparation_window(&self) -> Result<Window, ImportError> {
        let scoring = self.window("record-self-score", None)?;
        let grounds = self.season.instruments.iter().filter(|i| i.season_basis || i.id == self.season.council_decision);
        let day = |start: Timestamp| Window { start: start.plus_micros(8 * HOUR), end: start.plus_micros(17 * HOUR) };
        let youngest = grounds.map(|i| day(i.issued)).max_by_key(|w| w.start);
        // What the season needs an hour for afterwards, and the self scores, must still find room in their phase.
        let fits = |w: &Window| w.end.plus_micros(2 * HOUR) < scoring.end;
        let first = self.season.phases.iter().map(|p| p.window.start).min().unwrap_or(scoring.start);
        Ok(youngest
            .filter(fits)
            .unwrap_or_else(|| Window { start: first.plus_micros(-16 * HOUR), end: first.plus_micros(-7 * HOUR) }))
    }

    // -- scorecards --------------------------------------------------------------------------------------------------

    /// Applicability, self scores, evidence and submissions, an agency after the other. Tells the last submission.
    fn scorecards(&mut self, prepared: Timestamp) -> Result<Timestamp, ImportError> {
        let mut after = prepared;
        self.applicability()?;
        if !self.steps.is_empty() {
            let window = self.window("decide-applicability", Some(after.plus_micros(MINUTE)))?.first_minutes(60);
            after = self.spread(window);
        }
        let mut evidence: BTreeMap<(&AgencyId, &str), Vec<&Evidence>> = BTreeMap::new();
        for e in self.rows.evidence.iter().filter(|e| e.purpose == EvidencePurpose::Submitted) {
            evidence.entry((&e.agency, &e.leaf)).or_default().push(e);
        }
        for agency in &self.rows.agencies {
            let mut last_line = 0;
            for score in self.rows.scores.iter().filter(|s| s.agency == agency.id) {
                last_line = score.line;
                let inputs = self.inputs(score, &score.by_agency)?;
                let key = format!("{}/{}", score.agency, score.leaf);
                let command =
                    RecordSelfScore { season: self.id(), agency: agency.id.clone(), leaf: score.leaf.clone(), inputs };
                self.then(&score.scored_by, &row(SCORES, score.line, &key, "self"), command);
                for e in evidence.get(&(&agency.id, score.leaf.as_str())).into_iter().flatten() {
                    let (key, command) = self.attach(e);
                    self.then(&score.scored_by, &row(EVIDENCE, e.line, &key, "attach"), command);
                }
            }
            let leader =
                self.rows.accounts.iter().find(|a| a.agency == agency.id && a.roles.contains(&Role::AgencyLeader));
            let leader = leader.ok_or_else(|| {
                let reason =
                    format!("{} has no account with the role agency_leader to submit its scorecard", agency.id);
                ImportError::of_file(ACCOUNTS, reason, "add one")
            })?;
            let command = SubmitScorecard { season: self.id(), agency: agency.id.clone() };
            self.then(&leader.id, &row(SCORES, last_line, agency.id.as_str(), "submit"), command);
        }
        let window = self.window("record-self-score", Some(after.plus_micros(MINUTE)))?;
        Ok(self.spread(window.in_office_hours(self.season.offset)))
    }

    /// One decision an agency and ground, by a secretary of another agency.
    fn applicability(&mut self) -> Result<(), ImportError> {
        let mut grouped: Vec<Vec<&NotApplicable>> = Vec::new();
        for row in &self.rows.not_applicable {
            let same = |g: &&mut Vec<&NotApplicable>| {
                g.first().is_some_and(|f| f.agency == row.agency && f.reason == row.reason && f.basis == row.basis)
            };
            match grouped.iter_mut().find(same) {
                Some(group) => group.push(row),
                None => grouped.push(vec![row]),
            }
        }
        for group in grouped {
            let Some(first) = group.first() else { continue };
            let ground = match &first.basis {
                Some(basis) => text(&format!("{} ({basis})", first.reason)),
                None => first.reason.clone(),
            };
            let issued_by = self.index.group(&first.agency).map(|g| g.issued_by.clone());
            let command = DecideApplicability {
                season: self.id(),
                agency: first.agency.clone(),
                leaves: group.iter().map(|r| r.leaf.clone()).collect(),
                applicability: Applicability::LeftOut,
                ground,
            };
            let key = format!("{}/{}", first.agency, first.leaf);
            let by = By { instrument: issued_by, ..By::from(self.actors.secretary(Some(&first.agency))?) };
            self.then(by, &row(NOT_APPLICABLE, first.line, &key, "decide"), command);
        }
        Ok(())
    }

    fn inputs(&self, score: &Score, declared: &Declared) -> Result<sogoc_domain::scoring::Inputs, ImportError> {
        self.index
            .inputs(&score.agency, &score.leaf, declared)
            .map_err(|(reason, remedy)| ImportError::of_line(SCORES, score.line, reason, remedy))
    }

    fn attach(&self, e: &Evidence) -> (String, AttachEvidence) {
        let case = e.case.as_ref().map_or("", CaseId::as_str);
        let key = format!("{}/{}/{case}/{}", e.agency, e.leaf, e.name);
        let command = AttachEvidence {
            season: self.id(),
            agency: e.agency.clone(),
            leaf: e.leaf.clone(),
            digest: e.digest,
            name: e.name.clone(),
            media: e.media.clone(),
            signature: e.signature,
            purpose: e.purpose,
            case: e.case.clone(),
            detached: None,
        };
        (key, command)
    }

    // -- appraisal ---------------------------------------------------------------------------------------------------

    /// Round 1 before the first explanation is asked for, the explanations when they happened, confirmations after all.
    fn appraisal(&mut self, submitted: Timestamp) -> Result<(), ImportError> {
        for score in &self.rows.scores {
            let key = format!("{}/{}", score.agency, score.leaf);
            let from = row(SCORES, score.line, &key, "round-1");
            let (season, agency, leaf) = (self.id(), score.agency.clone(), score.leaf.clone());
            match &score.round1_reason {
                None => self.then(&score.reviewer, &from, AcceptScore { season, agency, leaf }),
                Some(reason) => {
                    let points = NewPoints::Inputs(self.inputs(score, &score.round1)?);
                    let (reason_code, reason) = (reason.code.clone(), reason.text.clone());
                    let command = AdjustScore { season, agency, leaf, points, reason_code, reason, case: None };
                    self.then(&score.reviewer, &from, command);
                }
            }
        }
        let phase = self.window("accept-score", Some(submitted.plus_micros(MINUTE)))?;
        let explanations = || self.rows.cases.iter().filter(|c| matches!(c.matter, Matter::Explanation { .. }));
        let mut window = phase.in_office_hours(self.season.offset);
        if let Some(first) = explanations().min_by_key(|c| c.opened) {
            window = Window { start: window.start, end: phase.end }.before(first.opened);
            if window.is_empty() {
                let reason = "round 1 finds no time before this explanation is asked for";
                let error = ImportError::of_line(CASES, first.line, reason, "correct opened_at, or the phases");
                return Err(error.in_column("opened_at").with_value(&first.opened.to_string()));
            }
        }
        let mut last = self.spread(window);
        for case in explanations() {
            self.explanation(case, phase.end)?;
            last = last.max(case.decided);
        }
        self.confirmations();
        let rest = self.window("confirm-leaves", Some(last.plus_micros(MINUTE)))?;
        let later = rest.after(last.plus_micros(30 * MINUTE)).in_office_hours(self.season.offset);
        self.spread(if later.is_empty() { rest } else { later });
        Ok(())
    }

    fn explanation(&mut self, case: &Case, appraised_until: Timestamp) -> Result<(), ImportError> {
        let Matter::Explanation { request, answer, answered, answered_by, kept } = &case.matter else { return Ok(()) };
        let due = self.phases("give-explanation").iter().map(|p| p.window.end).find(|end| *answered < *end);
        let command = RequestExplanation {
            season: self.id(),
            agency: case.agency.clone(),
            case: case.id.clone(),
            leaf: case.leaf.clone(),
            request: request.clone(),
            due: due.unwrap_or(appraised_until),
        };
        let id = case.id.as_str();
        self.at(case.opened, &case.opened_by, &row(CASES, case.line, id, "request"), command);
        self.supplements(case, answered_by, Window { start: case.opened, end: *answered });
        let command = GiveExplanation {
            season: self.id(),
            agency: case.agency.clone(),
            case: case.id.clone(),
            answer: answer.clone(),
        };
        self.at(*answered, answered_by, &row(CASES, case.line, id, "give"), command);
        let reviewer = case.decided_by.first().unwrap_or(&case.opened_by);
        let from = row(CASES, case.line, id, "decide");
        let (season, agency, leaf) = (self.id(), case.agency.clone(), case.leaf.clone());
        let (reason_code, reason, named) = (case.reason.code.clone(), case.reason.text.clone(), Some(case.id.clone()));
        if *kept {
            let command = UpholdScore { season, agency, leaf, reason_code, reason, case: named };
            self.at(case.decided, reviewer, &from, command);
        } else {
            let points = NewPoints::Inputs(self.decided(case)?);
            let command = AdjustScore { season, agency, leaf, points, reason_code, reason, case: named };
            self.at(case.decided, reviewer, &from, command);
        }
        Ok(())
    }

    fn decided(&self, case: &Case) -> Result<sogoc_domain::scoring::Inputs, ImportError> {
        self.index
            .inputs(&case.agency, &case.leaf, &case.decision)
            .map_err(|(reason, remedy)| ImportError::of_line(CASES, case.line, reason, remedy))
    }

    /// Evidence that was supplied for a case, between two of its steps.
    fn supplements(&mut self, case: &Case, by: &AccountId, window: Window) {
        for e in self.rows.evidence.iter().filter(|e| e.case.as_ref() == Some(&case.id) && e.agency == case.agency) {
            let (key, command) = self.attach(e);
            self.then(by, &row(EVIDENCE, e.line, &key, "attach"), command);
        }
        self.spread(window);
    }

    /// One act an agency and confirmer, naming the leaves.
    fn confirmations(&mut self) {
        for agency in &self.rows.agencies {
            let mut nodes: Vec<(&AccountId, u64, Vec<String>)> = Vec::new();
            for score in self.rows.scores.iter().filter(|s| s.agency == agency.id) {
                match nodes.iter_mut().find(|(account, ..)| **account == score.confirmer) {
                    Some((_, _, leaves)) => leaves.push(score.leaf.clone()),
                    None => nodes.push((&score.confirmer, score.line, vec![score.leaf.clone()])),
                }
            }
            for (account, line, nodes) in nodes {
                let key = format!("{}/{account}", agency.id);
                let command = ConfirmLeaves { season: self.id(), agency: agency.id.clone(), nodes };
                self.then(account, &row(SCORES, line, &key, "confirm"), command);
            }
        }
    }

    // -- survey, council, results ------------------------------------------------------------------------------------

    fn survey(&mut self, prepared: Timestamp) -> Result<(), ImportError> {
        let Some(surveyed) = &self.rows.survey else { return Ok(()) };
        let missing = |role: &str| {
            let reason = format!("no account has the role {role}, and the season has a survey");
            ImportError::of_file(ACCOUNTS, reason, "add one, of a body outside the appraised agencies")
        };
        let operator = *self.actors.operators.first().ok_or_else(|| missing("survey_operator"))?;
        let accepting = *self.actors.monitors.first().ok_or_else(|| missing("survey_monitor"))?;
        let mut monitors: Vec<AgencyId> = Vec::new();
        for monitor in &self.actors.monitors {
            if !monitors.contains(&monitor.agency) {
                monitors.push(monitor.agency.clone());
            }
        }
        let command = OpenSurvey { season: self.id(), operator: operator.agency.clone(), monitors };
        let secretary = self.actors.secretary(None)?;
        self.then(secretary, &pointer(SURVEY, "", "", "open"), command);
        let window = self.window("open-survey", Some(prepared.plus_micros(MINUTE)))?;
        self.spread(window.first_minutes(60));

        let results: Vec<_> = surveyed
            .iter()
            .map(|s| SurveyResult { agency: s.agency.clone(), forms: s.forms, factors: s.factors.clone() })
            .collect();
        if !results.is_empty() {
            let command =
                ImportSurvey { season: self.id(), forms_file: None, results, reason_code: None, reason: None };
            self.then(&operator.id, &pointer(SURVEY, "", "", "import"), command);
        }
        for agency in &self.rows.agencies {
            if surveyed.iter().any(|s| s.agency == agency.id) {
                continue;
            }
            let surveys = |r: &&NotApplicable| {
                r.agency == agency.id && self.index.leaf(&r.agency, &r.leaf).is_some_and(documents::Leaf::is_survey)
            };
            let ground = self.rows.not_applicable.iter().find(surveys).map(|r| r.reason.clone());
            let ground = ground.unwrap_or_else(|| text("Không có kết quả khảo sát trong dữ liệu nhập"));
            let command = RecordNotSurveyed { season: self.id(), agency: agency.id.clone(), ground };
            self.then(&operator.id, &pointer(SURVEY, "", agency.id.as_str(), "not-surveyed"), command);
        }
        if !surveyed.is_empty() {
            let command = AcceptSurvey { season: self.id(), agencies: Vec::new() };
            self.then(&accepting.id, &pointer(SURVEY, "", "", "accept"), command);
        }
        let window = self.window("import-survey", Some(prepared.plus_micros(2 * HOUR)))?.last_day();
        self.spread(window.in_office_hours(self.season.offset));
        Ok(())
    }

    /// One session with everybody present, which adopts the results; the folder holds no minutes.
    fn council(&mut self) -> Result<(), ImportError> {
        if self.phases("open-session").is_empty() {
            return Ok(());
        }
        let secretary = self.actors.secretary(None)?;
        let (session, resolution) = (case_id("session-1")?, case_id("resolution-1")?);
        let present: Vec<_> = self.actors.council.iter().map(|a| a.id.clone()).collect();
        let votes = present.iter().map(|m| Vote { member: m.clone(), vote: Ballot::For }).collect();
        let by = || By::from(&secretary).resting_on(&self.season.council_decision);
        let (open, adopt, close) = (
            (by(), OpenSession { season: self.id(), session: session.clone(), present }),
            (
                by(),
                AdoptResolution {
                    season: self.id(),
                    session: session.clone(),
                    resolution,
                    text: text(&format!("Thông qua kết quả: {}", self.season.title)),
                    votes,
                    changes: Vec::new(),
                },
            ),
            (by(), CloseSession { season: self.id(), session }),
        );
        let at = |step| pointer(SEASON, "/council", "session-1", step);
        self.then(open.0, &at("open"), open.1);
        self.then(adopt.0, &at("adopt"), adopt.1);
        self.then(close.0, &at("close"), close.1);
        let window = self.window("open-session", None)?;
        self.spread(window.in_office_hours(self.season.offset));
        Ok(())
    }

    /// The first phase that publishes brings the provisional edition, the last the official one; a season with one such
    /// phase has an official edition only.
    fn results_and_appeals(&mut self) -> Result<(), ImportError> {
        let phases: Vec<(String, Window)> =
            self.phases("publish-edition").iter().map(|p| (p.id.to_string(), p.window)).collect();
        let appeals = || self.rows.cases.iter().filter(|c| matches!(c.matter, Matter::Appeal { .. }));
        match phases.as_slice() {
            [] => {}
            [(phase, window)] => self.edition(1, EditionKind::Official, phase, *window)?,
            [(first, provisional), .., (last, official)] => {
                self.edition(1, EditionKind::Provisional, first, *provisional)?;
                let decided = appeals().map(|c| c.decided).max();
                let window = decided.map_or(*official, |t| official.after(t.plus_micros(MINUTE)));
                self.edition(2, EditionKind::Official, last, window)?;
            }
        }
        for case in appeals() {
            self.appeal(case)?;
        }
        Ok(())
    }

    fn edition(&mut self, number: u32, kind: EditionKind, phase: &str, window: Window) -> Result<(), ImportError> {
        let secretary = self.actors.secretary(None)?;
        let place = format!("/phases/{phase}");
        let key = format!("announcement-{number}");
        let command = AnnounceResults { season: self.id() };
        self.then(&secretary, &pointer(SEASON, &place, &key, "announce"), command);
        let need = usize::try_from(self.season.policy.approvals).unwrap_or(usize::MAX);
        let approving: Vec<_> = self.actors.council.iter().take(need).map(|a| a.id.clone()).collect();
        for account in approving {
            let step = format!("approve:{account}");
            let command = ApproveResults { season: self.id(), number };
            self.then(&account, &pointer(SEASON, &place, &key, &step), command);
        }
        let command = PublishEdition { season: self.id(), announcement: number, kind, reason: None };
        self.then(&secretary, &pointer(SEASON, &place, &key, "publish"), command);
        if window.is_empty() {
            let reason = format!("the phase {phase} ends before the last appeal is decided");
            return Err(ImportError::of_file(SEASON, reason, "correct the phase, or decided_at of the appeal"));
        }
        self.spread(window.in_office_hours(self.season.offset));
        Ok(())
    }

    fn appeal(&mut self, case: &Case) -> Result<(), ImportError> {
        let Matter::Appeal { ground, requested, outcome } = &case.matter else { return Ok(()) };
        let id = case.id.as_str();
        let item = NewAppealItem {
            target: Contested::Leaf(case.leaf.clone()),
            requested: requested.map(|p| p.to_string()),
            ground: ground.clone(),
        };
        let command =
            LodgeAppeal { season: self.id(), agency: case.agency.clone(), appeal: case.id.clone(), items: vec![item] };
        self.at(case.opened, &case.opened_by, &row(CASES, case.line, id, "lodge"), command);
        // Evidence comes with the appeal: right after it, while the phase still admits it.
        let admitted = self.phases("attach-evidence").iter().map(|p| p.window.end).find(|end| case.opened < *end);
        let window = Window { start: case.opened, end: case.decided }.before(admitted.unwrap_or(case.decided));
        self.supplements(case, &case.opened_by, window.first_minutes(30));
        let sets = match outcome {
            AppealOutcome::Rejected => None,
            AppealOutcome::Upheld | AppealOutcome::Partly => {
                Some(DecisionSets::Points(NewPoints::Inputs(self.decided(case)?)))
            }
        };
        let decision = ItemDecision {
            item: 1,
            outcome: *outcome,
            sets,
            reason_code: case.reason.code.clone(),
            reason: case.reason.text.clone(),
        };
        let Some(first) = case.decided_by.first() else { return Ok(()) };
        let command = DecideAppeal {
            season: self.id(),
            agency: case.agency.clone(),
            appeal: case.id.clone(),
            decisions: vec![decision],
            voters: case.decided_by.clone(),
        };
        self.at(case.decided, first, &row(CASES, case.line, id, "decide"), command);
        Ok(())
    }
}

fn new_account(account: &Account) -> NewAccount {
    NewAccount { account: account.id.clone(), agency: account.agency.clone(), name: account.title.clone() }
}

fn new_instrument(i: &documents::Instrument) -> NewInstrument {
    NewInstrument {
        id: i.id.clone(),
        number: i.number.clone(),
        date: i.date.clone(),
        issuer: i.issuer.clone(),
        title: i.title.clone(),
        document: None,
    }
}

fn case_id(id: &str) -> Result<CaseId, ImportError> {
    id.parse().map_err(|_| ImportError::of_file(SEASON, format!("{id} is no id"), "use a-z, 0-9 and -"))
}
