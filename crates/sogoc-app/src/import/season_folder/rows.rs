//! The CSV files of a season folder, read into values of the domain. What rows say of each other is checked in
//! [`super::check`].

use sogoc_domain::command::NewReferenceFigure;
use sogoc_domain::event::{AppealOutcome, EvidencePurpose, Name, SignatureState};
use sogoc_domain::policy::Basis;
use sogoc_domain::roles::Role;
use sogoc_domain::values::{
    AccountId, AgencyId, CaseId, Digest, GroupId, Percent, Points, Quantity, Text, Timestamp, ValueError,
};

use super::documents::{self, Season, text};
use crate::import::csv::{self, Column, Row, Table};
use crate::import::{Claim, ImportError, Source, claims};

pub(super) const AGENCIES: &str = "agencies.csv";
pub(super) const BODIES: &str = "bodies.csv";
pub(super) const ACCOUNTS: &str = "accounts.csv";
pub(super) const ASSIGNMENTS: &str = "assignments.csv";
pub(super) const NOT_APPLICABLE: &str = "not_applicable.csv";
pub(super) const SCORES: &str = "scores.csv";
pub(super) const EVIDENCE: &str = "evidence.csv";
pub(super) const CASES: &str = "explanations_and_appeals.csv";
pub(super) const SURVEY: &str = "survey.csv";
pub(super) const CLAIMS: &str = "claims.csv";

/// Everything that the CSV files say.
pub(super) struct Rows {
    pub(super) agencies: Vec<Agency>,
    pub(super) bodies: Vec<Body>,
    pub(super) accounts: Vec<Account>,
    pub(super) assignments: Vec<AssignmentRow>,
    pub(super) not_applicable: Vec<NotApplicable>,
    pub(super) scores: Vec<Score>,
    pub(super) evidence: Vec<Evidence>,
    pub(super) cases: Vec<Case>,
    /// Absent where the season has no survey.
    pub(super) survey: Option<Vec<Surveyed>>,
    /// Figures of the year before, with the file's name.
    pub(super) references: Option<(String, Vec<NewReferenceFigure>)>,
    pub(super) claims: Vec<Claim>,
}

pub(super) struct Agency {
    pub(super) line: u64,
    pub(super) id: AgencyId,
    pub(super) name: Name,
    pub(super) group: GroupId,
    pub(super) applicable_max: Option<Points>,
    pub(super) council_member: bool,
}

pub(super) struct Body {
    pub(super) line: u64,
    pub(super) id: AgencyId,
    pub(super) name: Name,
}

pub(super) struct Account {
    pub(super) line: u64,
    pub(super) id: AccountId,
    pub(super) agency: AgencyId,
    pub(super) roles: Vec<Role>,
    pub(super) title: Text,
}

pub(super) struct AssignmentRow {
    pub(super) line: u64,
    pub(super) group: GroupId,
    pub(super) code: String,
    pub(super) lead_agency: AgencyId,
    pub(super) reviewers: Vec<AccountId>,
    pub(super) confirmers: Vec<AccountId>,
    /// Agency, reviewers, confirmers.
    pub(super) alternate: Option<(AgencyId, Vec<AccountId>, Vec<AccountId>)>,
}

pub(super) struct NotApplicable {
    pub(super) line: u64,
    pub(super) agency: AgencyId,
    pub(super) leaf: String,
    pub(super) reason: Text,
    pub(super) basis: Option<Text>,
}

/// Points with the declared numbers from which they follow, where the rule takes numbers.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Declared {
    pub(super) points: Points,
    pub(super) numerator: Option<Quantity>,
    pub(super) denominator: Option<Quantity>,
}

pub(super) struct Reason {
    pub(super) code: String,
    pub(super) text: Text,
}

pub(super) struct Score {
    pub(super) line: u64,
    pub(super) agency: AgencyId,
    pub(super) leaf: String,
    pub(super) by_agency: Declared,
    pub(super) round1: Declared,
    /// Where round 1 changed the points.
    pub(super) round1_reason: Option<Reason>,
    /// What stands in the end.
    pub(super) last: Declared,
    pub(super) scored_by: AccountId,
    pub(super) reviewer: AccountId,
    pub(super) confirmer: AccountId,
}

pub(super) struct Evidence {
    pub(super) line: u64,
    pub(super) agency: AgencyId,
    pub(super) leaf: String,
    pub(super) name: Text,
    pub(super) media: String,
    pub(super) signature: SignatureState,
    pub(super) purpose: EvidencePurpose,
    pub(super) case: Option<CaseId>,
    pub(super) digest: Option<Digest>,
}

/// An explanation or an appeal.
pub(super) struct Case {
    pub(super) line: u64,
    pub(super) id: CaseId,
    pub(super) agency: AgencyId,
    pub(super) leaf: String,
    pub(super) opened: Timestamp,
    pub(super) opened_by: AccountId,
    pub(super) before: Points,
    pub(super) decided: Timestamp,
    pub(super) decision: Declared,
    pub(super) decided_by: Vec<AccountId>,
    pub(super) reason: Reason,
    pub(super) matter: Matter,
}

pub(super) enum Matter {
    Explanation { request: Text, answer: Text, answered: Timestamp, answered_by: AccountId, kept: bool },
    Appeal { ground: Text, requested: Option<Points>, outcome: AppealOutcome },
}

pub(super) struct Surveyed {
    pub(super) line: u64,
    pub(super) agency: AgencyId,
    pub(super) forms: u64,
    pub(super) factors: Vec<Percent>,
    pub(super) points: Option<Points>,
}

const AGENCY_COLUMNS: &[Column<'_>] = &[
    Column::required("id"),
    Column::required("name_vi"),
    Column::optional("name_en"),
    Column::optional("short_name"),
    Column::required("group"),
    Column::optional("applicable_max"),
    Column::optional("is_council_member"),
];

const BODY_COLUMNS: &[Column<'_>] = &[
    Column::required("id"),
    Column::required("name_vi"),
    Column::optional("name_en"),
    Column::optional("role_in_season"),
    Column::optional("basis"),
];

const ACCOUNT_COLUMNS: &[Column<'_>] = &[
    Column::required("id"),
    Column::required("agency"),
    Column::required("roles"),
    Column::required("title_vi"),
    Column::optional("status"),
];

const ASSIGNMENT_COLUMNS: &[Column<'_>] = &[
    Column::required("group"),
    Column::required("code"),
    Column::required("lead_agency"),
    Column::required("reviewer_account"),
    Column::required("confirmer_account"),
    Column::optional("alternate_agency"),
    Column::optional("alternate_reviewer"),
    Column::optional("alternate_confirmer"),
    Column::optional("lead_status"),
    Column::optional("accounts_status"),
    Column::optional("alternate_status"),
];

const NOT_APPLICABLE_COLUMNS: &[Column<'_>] =
    &[Column::required("agency"), Column::required("leaf"), Column::required("reason"), Column::optional("basis")];

const SCORE_COLUMNS: &[Column<'_>] = &[
    Column::required("agency"),
    Column::required("leaf"),
    Column::required("declared_numerator"),
    Column::required("declared_denominator"),
    Column::required("self_points"),
    Column::required("appraised_points"),
    Column::optional("reason_code"),
    Column::optional("reason_vi"),
    Column::required("verified_numerator"),
    Column::required("verified_denominator"),
    Column::required("round1_points"),
    Column::required("round1_numerator"),
    Column::required("round1_denominator"),
    Column::required("round1_reason_code"),
    Column::required("round1_reason_vi"),
    Column::required("reviewer_account"),
    Column::required("confirmer_account"),
    Column::required("scored_by_account"),
];

const EVIDENCE_COLUMNS: &[Column<'_>] = &[
    Column::required("agency"),
    Column::required("leaf"),
    Column::required("file_name"),
    Column::required("kind"),
    Column::required("signature"),
    Column::required("purpose"),
    Column::required("for_case"),
    Column::optional("sha256"),
    Column::optional("status"),
];

const CASE_COLUMNS: &[Column<'_>] = &[
    Column::required("id"),
    Column::required("kind"),
    Column::required("agency"),
    Column::required("leaf"),
    Column::required("opened_at"),
    Column::optional("opened_by"),
    Column::optional("self_points"),
    Column::required("points_when_opened"),
    Column::required("request_vi"),
    Column::required("answered_at"),
    Column::required("answer_vi"),
    Column::required("ground_vi"),
    Column::required("requested_points"),
    Column::required("decision"),
    Column::required("decided_points"),
    Column::required("decided_reason_vi"),
    Column::required("decided_at"),
    Column::optional("decided_by"),
    Column::optional("appraised_before_appeal"),
    Column::optional("final_points"),
    Column::optional("follows"),
    Column::optional("status"),
    Column::required("opened_by_account"),
    Column::required("answered_by_account"),
    Column::required("decided_by_accounts"),
    Column::required("decision_reason_code"),
    Column::optional("numerator_when_opened"),
    Column::required("decided_numerator"),
    Column::required("denominator"),
];

const REFERENCE_COLUMNS: &[Column<'_>] = &[
    Column::required("figure"),
    Column::optional("group"),
    Column::optional("agency"),
    Column::optional("kind"),
    Column::required("value"),
    Column::required("basis"),
    Column::optional("derivation"),
    Column::optional("section"),
];

pub(super) fn read(source: &dyn Source, season: &Season) -> Result<Rows, ImportError> {
    Ok(Rows {
        agencies: rows(source, AGENCIES, AGENCY_COLUMNS, "id", agency)?,
        bodies: rows_if_any(source, BODIES, BODY_COLUMNS, |r| r.get("id").to_owned(), body)?.unwrap_or_default(),
        accounts: rows(source, ACCOUNTS, ACCOUNT_COLUMNS, "id", account)?,
        assignments: keyed(source, ASSIGNMENTS, ASSIGNMENT_COLUMNS, &["group", "code"], assignment)?,
        not_applicable: rows_if_any(source, NOT_APPLICABLE, NOT_APPLICABLE_COLUMNS, key(&["agency", "leaf"]), |r| {
            not_applicable(r)
        })?
        .unwrap_or_default(),
        scores: keyed(source, SCORES, SCORE_COLUMNS, &["agency", "leaf"], score)?,
        evidence: rows_if_any(
            source,
            EVIDENCE,
            EVIDENCE_COLUMNS,
            key(&["agency", "leaf", "file_name", "for_case"]),
            evidence,
        )?
        .unwrap_or_default(),
        cases: rows_if_any(source, CASES, CASE_COLUMNS, key(&["id"]), case)?.unwrap_or_default(),
        survey: survey(source, season)?,
        references: references(source, season)?,
        claims: match documents::optional(source, CLAIMS)? {
            Some(bytes) => claims::read(CLAIMS, &bytes)?,
            None => Vec::new(),
        },
    })
}

/// The text of some cells, which no two rows may share.
fn key(columns: &'static [&'static str]) -> impl Fn(&Row<'_>) -> String {
    move |row| columns.iter().map(|c| row.get(c)).collect::<Vec<_>>().join(" ")
}

fn rows<T>(
    source: &dyn Source,
    file: &str,
    schema: &'static [Column<'static>],
    unique: &'static str,
    one: impl Fn(&Row<'_>) -> Result<T, ImportError>,
) -> Result<Vec<T>, ImportError> {
    let table = csv::read(file, &documents::needed(source, file)?, schema)?;
    all(&table, |r| r.get(unique).to_owned(), one)
}

fn keyed<T>(
    source: &dyn Source,
    file: &str,
    schema: &'static [Column<'static>],
    unique: &'static [&'static str],
    one: impl Fn(&Row<'_>) -> Result<T, ImportError>,
) -> Result<Vec<T>, ImportError> {
    let table = csv::read(file, &documents::needed(source, file)?, schema)?;
    all(&table, key(unique), one)
}

fn rows_if_any<T>(
    source: &dyn Source,
    file: &str,
    schema: &'static [Column<'static>],
    unique: impl Fn(&Row<'_>) -> String,
    one: impl Fn(&Row<'_>) -> Result<T, ImportError>,
) -> Result<Option<Vec<T>>, ImportError> {
    let Some(bytes) = documents::optional(source, file)? else { return Ok(None) };
    all(&csv::read(file, &bytes, schema)?, unique, one).map(Some)
}

fn all<T>(
    table: &Table<'_>,
    unique: impl Fn(&Row<'_>) -> String,
    one: impl Fn(&Row<'_>) -> Result<T, ImportError>,
) -> Result<Vec<T>, ImportError> {
    // Read first: an empty key is told as the empty cell that it is.
    let read = table.rows().map(|row| one(&row)).collect::<Result<Vec<_>, _>>()?;
    table.check_unique(("the row", "dòng này"), unique)?;
    Ok(read)
}

/// A word of a closed list.
fn word<T: Copy>(row: &Row<'_>, column: &str, words: &[(&str, T)]) -> Result<T, ImportError> {
    let given = row.get(column);
    words.iter().find(|(word, _)| *word == given).map(|(_, value)| *value).ok_or_else(|| {
        let known: Vec<_> = words.iter().map(|(word, _)| if word.is_empty() { "nothing" } else { word }).collect();
        row.bad(column, "the word is not known", format!("use one of {}", known.join(", ")))
    })
}

fn accounts(row: &Row<'_>, column: &str) -> Result<Vec<AccountId>, ImportError> {
    let cell = row.needed(column)?;
    cell.split(';').map(|id| id.trim().parse().map_err(|e: ValueError| bad_value(row, column, &e))).collect()
}

fn bad_value(row: &Row<'_>, column: &str, error: &ValueError) -> ImportError {
    let (reason, remedy) = crate::import::reason_and_remedy(error);
    row.bad(column, reason, remedy)
}

fn time(row: &Row<'_>, column: &str) -> Result<Timestamp, ImportError> {
    Timestamp::parse(row.needed(column)?).map_err(|e| bad_value(row, column, &e))
}

fn name(row: &Row<'_>) -> Result<Name, ImportError> {
    Ok(Name { vi: row.text("name_vi")?, en: row.text_if_any("name_en")?, short: None })
}

fn agency(row: &Row<'_>) -> Result<Agency, ImportError> {
    Ok(Agency {
        line: row.line,
        id: row.value("id")?,
        name: Name { short: row.text_if_any("short_name")?, ..name(row)? },
        group: row.value("group")?,
        applicable_max: row.value_if_any("applicable_max")?,
        council_member: word(row, "is_council_member", &[("true", true), ("false", false), ("", false)])?,
    })
}

fn body(row: &Row<'_>) -> Result<Body, ImportError> {
    Ok(Body { line: row.line, id: row.value("id")?, name: name(row)? })
}

fn account(row: &Row<'_>) -> Result<Account, ImportError> {
    let roles = row
        .needed("roles")?
        .split(';')
        .map(|role| role.trim().replace('_', "-").parse::<Role>().map_err(|e| bad_value(row, "roles", &e)));
    Ok(Account {
        line: row.line,
        id: row.value("id")?,
        agency: row.value("agency")?,
        roles: roles.collect::<Result<_, _>>()?,
        title: row.text("title_vi")?,
    })
}

fn assignment(row: &Row<'_>) -> Result<AssignmentRow, ImportError> {
    let alternate = match row.value_if_any("alternate_agency")? {
        Some(agency) => Some((agency, accounts(row, "alternate_reviewer")?, accounts(row, "alternate_confirmer")?)),
        None => None,
    };
    Ok(AssignmentRow {
        line: row.line,
        group: row.value("group")?,
        code: row.needed("code")?.to_owned(),
        lead_agency: row.value("lead_agency")?,
        reviewers: accounts(row, "reviewer_account")?,
        confirmers: accounts(row, "confirmer_account")?,
        alternate,
    })
}

fn not_applicable(row: &Row<'_>) -> Result<NotApplicable, ImportError> {
    Ok(NotApplicable {
        line: row.line,
        agency: row.value("agency")?,
        leaf: row.needed("leaf")?.to_owned(),
        reason: row.text("reason")?,
        basis: row.text_if_any("basis")?,
    })
}

fn declared(row: &Row<'_>, points: &str, numerator: &str, denominator: &str) -> Result<Declared, ImportError> {
    Ok(Declared {
        points: row.value(points)?,
        numerator: row.value_if_any(numerator)?,
        denominator: row.value_if_any(denominator)?,
    })
}

fn score(row: &Row<'_>) -> Result<Score, ImportError> {
    let by_agency = declared(row, "self_points", "declared_numerator", "declared_denominator")?;
    let round1 = declared(row, "round1_points", "round1_numerator", "round1_denominator")?;
    let round1_reason = if round1.points == by_agency.points {
        None
    } else {
        Some(Reason { code: row.needed("round1_reason_code")?.to_owned(), text: row.text("round1_reason_vi")? })
    };
    if round1_reason.is_none() && round1 != by_agency {
        let reason = "round 1 gives the self points from other numbers than the agency declared";
        return Err(row.bad("round1_numerator", reason, "an accepted score keeps the declared numbers: repeat them"));
    }
    Ok(Score {
        line: row.line,
        agency: row.value("agency")?,
        leaf: row.needed("leaf")?.to_owned(),
        by_agency,
        round1,
        round1_reason,
        last: declared(row, "appraised_points", "verified_numerator", "verified_denominator")?,
        scored_by: row.value("scored_by_account")?,
        reviewer: row.value("reviewer_account")?,
        confirmer: row.value("confirmer_account")?,
    })
}

fn evidence(row: &Row<'_>) -> Result<Evidence, ImportError> {
    let signature = word(
        row,
        "signature",
        &[
            ("valid", SignatureState::StatedValid),
            ("unsigned", SignatureState::StatedUnsigned),
            ("altered_after_signing", SignatureState::StatedAltered),
            ("", SignatureState::NotJudged),
        ],
    )?;
    let purpose = word(
        row,
        "purpose",
        &[("submitted", EvidencePurpose::Submitted), ("supplement", EvidencePurpose::Supplement)],
    )?;
    let case = if row.get("for_case").is_empty() { None } else { Some(case_id(row, "for_case")?) };
    if case.is_some() != (purpose == EvidencePurpose::Supplement) {
        return Err(row.bad(
            "for_case",
            "a supplement names its case, and nothing else does",
            "correct purpose or for_case",
        ));
    }
    Ok(Evidence {
        line: row.line,
        agency: row.value("agency")?,
        leaf: row.needed("leaf")?.to_owned(),
        name: row.text("file_name")?,
        media: row.needed("kind")?.to_owned(),
        signature,
        purpose,
        case,
        digest: row.value_if_any("sha256")?,
    })
}

/// Case ids are printed in capitals (GT-01) and recorded in lower case.
fn case_id(row: &Row<'_>, column: &str) -> Result<CaseId, ImportError> {
    row.needed(column)?.to_lowercase().parse().map_err(|e| bad_value(row, column, &e))
}

fn case(row: &Row<'_>) -> Result<Case, ImportError> {
    #[derive(Clone, Copy)]
    enum Kind {
        Explanation,
        Appeal,
    }
    let (opened, decided) = (time(row, "opened_at")?, time(row, "decided_at")?);
    let before: Points = row.value("points_when_opened")?;
    let decision = declared(row, "decided_points", "decided_numerator", "denominator")?;
    let in_order = |column: &str, earlier: Timestamp, later: Timestamp| {
        if earlier < later {
            Ok(())
        } else {
            Err(row.bad(column, "it is not after the step before it", "correct the times"))
        }
    };
    let matter = match word(row, "kind", &[("explanation", Kind::Explanation), ("appeal", Kind::Appeal)])? {
        Kind::Explanation => {
            let answered = time(row, "answered_at")?;
            in_order("answered_at", opened, answered)?;
            in_order("decided_at", answered, decided)?;
            let words = [("not_accepted", true), ("partly_accepted", false), ("accepted", false)];
            let kept = word(row, "decision", &words)?;
            if kept != (before == decision.points) {
                return Err(row.bad(
                    "decision",
                    "it does not fit the points before and after",
                    "correct the decision or the points",
                ));
            }
            Matter::Explanation {
                request: row.text("request_vi")?,
                answer: row.text("answer_vi")?,
                answered,
                answered_by: row.value("answered_by_account")?,
                kept,
            }
        }
        Kind::Appeal => {
            in_order("decided_at", opened, decided)?;
            let words = [
                ("upheld", AppealOutcome::Upheld),
                ("partly", AppealOutcome::Partly),
                ("rejected", AppealOutcome::Rejected),
            ];
            let outcome = word(row, "decision", &words)?;
            if (outcome == AppealOutcome::Rejected) != (before == decision.points) {
                return Err(row.bad(
                    "decision",
                    "it does not fit the points before and after",
                    "correct the decision or the points",
                ));
            }
            Matter::Appeal { ground: row.text("ground_vi")?, requested: row.value_if_any("requested_points")?, outcome }
        }
    };
    Ok(Case {
        line: row.line,
        id: case_id(row, "id")?,
        agency: row.value("agency")?,
        leaf: row.needed("leaf")?.to_owned(),
        opened,
        opened_by: row.value("opened_by_account")?,
        before,
        decided,
        decision,
        decided_by: accounts(row, "decided_by_accounts")?,
        reason: Reason { code: row.needed("decision_reason_code")?.to_owned(), text: row.text("decided_reason_vi")? },
        matter,
    })
}

/// The factors' columns are the season's own, so this file's header is compared with `season.json` by hand.
fn survey(source: &dyn Source, season: &Season) -> Result<Option<Vec<Surveyed>>, ImportError> {
    let Some(bytes) = documents::optional(source, SURVEY)? else { return Ok(None) };
    let mut columns = vec![Column::required("agency"), Column::required("forms"), Column::optional("survey_points")];
    columns.extend(season.factor_columns.iter().map(|c| Column::required(c)));
    let table = csv::read(SURVEY, &bytes, &columns)?;
    let read = all(
        &table,
        |r| r.get("agency").to_owned(),
        |row| {
            let forms: Quantity = row.value("forms")?;
            let forms = forms
                .to_string()
                .parse()
                .map_err(|_| row.bad("forms", "it is not a whole number of forms", "write digits only"))?;
            let factors = season.factor_columns.iter().map(|c| row.value(c)).collect::<Result<_, _>>()?;
            Ok(Surveyed {
                line: row.line,
                agency: row.value("agency")?,
                forms,
                factors,
                points: row.value_if_any("survey_points")?,
            })
        },
    )?;
    Ok(Some(read))
}

/// `year-YYYY.csv` of the year before: printed or implied figures.
fn references(source: &dyn Source, season: &Season) -> Result<Option<(String, Vec<NewReferenceFigure>)>, ImportError> {
    let Some(year) = season.year.checked_sub(1) else { return Ok(None) };
    let file = format!("year-{year}.csv");
    let Some(bytes) = documents::optional(source, &file)? else { return Ok(None) };
    let table = csv::read(&file, &bytes, REFERENCE_COLUMNS)?;
    let suffix = format!("_{year}");
    let figures = all(
        &table,
        |r| r.get("figure").to_owned(),
        |row| {
            let address = row.needed("figure")?;
            let address = address.strip_suffix(&suffix).unwrap_or(address).to_owned();
            let value = row.needed("value")?.to_owned();
            let parts: Vec<_> =
                [row.get("section"), row.get("derivation")].into_iter().filter(|p| !p.is_empty()).collect();
            Ok(NewReferenceFigure {
                address,
                year,
                value,
                basis: word(row, "basis", &[("printed", Basis::Printed), ("implied", Basis::Implied)])?,
                source: (!parts.is_empty()).then(|| text(&parts.join(": "))),
            })
        },
    )?;
    Ok(Some((file, figures)))
}
