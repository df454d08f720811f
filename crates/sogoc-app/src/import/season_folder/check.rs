//! What the rows of a season folder say of each other: that ids name something, that points follow from the declared
//! numbers by the rule, that every step begins where the one before it ended, and that nothing is missing.
//!
//! The decisions would refuse most of this too, but one by one and after the first half was recorded. Found here, it costs
//! nothing: no command leaves an importer that is not satisfied with the whole.

use std::collections::{BTreeMap, BTreeSet};

use sogoc_domain::roles::Role;
use sogoc_domain::scoring::{Inputs, ScoringRule, TierBasis, survey_points};
use sogoc_domain::values::{AccountId, AgencyId, Percent, Points};

use super::documents::{Group, Leaf, SEASON, Season};
use super::rows::{
    ACCOUNTS, AGENCIES, ASSIGNMENTS, Account, Agency, BODIES, CASES, Case, Declared, EVIDENCE, Matter, NOT_APPLICABLE,
    Rows, SCORES, SURVEY, Score,
};
use crate::import::ImportError;

/// The rows with what they name, found.
pub(super) struct Index<'r> {
    pub(super) season: &'r Season,
    pub(super) agencies: BTreeMap<&'r AgencyId, &'r Agency>,
    pub(super) accounts: BTreeMap<&'r AccountId, &'r Account>,
    pub(super) scores: BTreeMap<(&'r AgencyId, &'r str), &'r Score>,
    bodies: BTreeSet<&'r AgencyId>,
    left_out: BTreeSet<(&'r AgencyId, &'r str)>,
}

impl<'r> Index<'r> {
    /// The group of an agency that is known.
    pub(super) fn group(&self, agency: &AgencyId) -> Option<&'r Group> {
        let group = &self.agencies.get(agency)?.group;
        self.season.groups.iter().find(|g| g.id == *group)
    }

    /// A leaf of an agency that is known.
    pub(super) fn leaf(&self, agency: &AgencyId, code: &str) -> Option<&'r Leaf> {
        self.group(agency)?.leaves.get(code)
    }

    /// The inputs behind points of a leaf, and a check that the points follow from them.
    pub(super) fn inputs(
        &self,
        agency: &AgencyId,
        code: &str,
        declared: &Declared,
    ) -> Result<Inputs, (String, String)> {
        let leaf =
            self.leaf(agency, code).ok_or_else(|| (format!("{code} is no leaf"), "use a leaf's code".to_owned()))?;
        let fault = |reason: String, remedy: &str| Err((reason, remedy.to_owned()));
        let takes = leaf.rule.takes();
        let unfit = || format!("leaf {code} is scored by {}, which takes {takes}", leaf.rule.name());
        let inputs = match (&leaf.rule, declared.numerator, declared.denominator) {
            (
                ScoringRule::Proportional { .. } | ScoringRule::Tiers { by: TierBasis::Percentage, .. },
                Some(numerator),
                Some(denominator),
            ) => Inputs::Ratio { numerator, denominator },
            (
                ScoringRule::PerUnit { .. }
                | ScoringRule::Deduction { .. }
                | ScoringRule::Tiers { by: TierBasis::Count, .. },
                Some(count),
                None,
            ) => Inputs::Count(count),
            (ScoringRule::YesNo { .. } | ScoringRule::Choice { .. } | ScoringRule::Judged { .. }, None, None) => {
                match leaf.rule.inputs_from_points(leaf.max_points, declared.points) {
                    Some(inputs) => inputs,
                    None => {
                        return fault(
                            format!("{} points are not possible: {}", declared.points, unfit()),
                            "correct the points",
                        );
                    }
                }
            }
            (
                ScoringRule::Proportional { .. }
                | ScoringRule::Tiers { .. }
                | ScoringRule::PerUnit { .. }
                | ScoringRule::Deduction { .. }
                | ScoringRule::YesNo { .. }
                | ScoringRule::Choice { .. }
                | ScoringRule::Judged { .. }
                | ScoringRule::Survey { .. },
                _,
                _,
            ) => return fault(unfit(), "give the numerator and denominator that the rule takes, and no others"),
        };
        let policy = &self.season.policy;
        match leaf.rule.points(leaf.max_points, &inputs, policy.leaf_decimals, policy.rounding) {
            Ok(points) if points == declared.points => Ok(inputs),
            Ok(points) => {
                let reason =
                    format!("the rule gives {points} points for leaf {code}, the file says {}", declared.points);
                fault(reason, "correct the points or the numbers behind them")
            }
            Err(e) => fault(e.to_string(), "correct the numbers"),
        }
    }
}

fn fault(
    file: &str,
    line: u64,
    column: &str,
    value: impl std::fmt::Display,
    reason: &str,
    remedy: &str,
) -> ImportError {
    ImportError::of_line(file, line, reason, remedy).in_column(column).with_value(&value.to_string())
}

/// Checks everything that rows say of each other.
pub(super) fn check<'r>(season: &'r Season, rows: &'r Rows) -> Result<Index<'r>, ImportError> {
    let mut index = Index {
        season,
        agencies: rows.agencies.iter().map(|a| (&a.id, a)).collect(),
        accounts: rows.accounts.iter().map(|a| (&a.id, a)).collect(),
        bodies: rows.bodies.iter().map(|b| &b.id).collect(),
        scores: BTreeMap::new(),
        left_out: BTreeSet::new(),
    };
    people(season, rows, &index)?;
    for row in &rows.not_applicable {
        let unknown = |column, value: &dyn std::fmt::Display, reason: &str, remedy| {
            Err(fault(NOT_APPLICABLE, row.line, column, value, reason, remedy))
        };
        if !index.agencies.contains_key(&row.agency) {
            return unknown("agency", &row.agency, "the agency is not in agencies.csv", "correct the id");
        }
        if index.leaf(&row.agency, &row.leaf).is_none() {
            return unknown(
                "leaf",
                &row.leaf,
                "it is not a leaf of the agency's criteria set",
                "use a leaf's code such as 3.1.2",
            );
        }
        index.left_out.insert((&row.agency, &row.leaf));
    }
    scores(rows, &mut index)?;
    cases(rows, &index)?;
    evidence(rows, &index)?;
    survey(season, rows, &index)?;
    complete(rows, &index)?;
    Ok(index)
}

fn people(season: &Season, rows: &Rows, index: &Index<'_>) -> Result<(), ImportError> {
    for group in &season.groups {
        let count = rows.agencies.iter().filter(|a| a.group == group.id).count();
        if let Some(stated) = group.agencies.filter(|stated| *stated != count) {
            let reason = format!("{} has {count} agencies, {SEASON} says {stated}", group.id);
            return Err(ImportError::of_file(AGENCIES, reason, "add the missing row, or correct agency_count"));
        }
    }
    for agency in &rows.agencies {
        if !season.groups.iter().any(|g| g.id == agency.group) {
            let reason = format!("the group is not in {SEASON}");
            return Err(fault(AGENCIES, agency.line, "group", &agency.group, &reason, "correct the id"));
        }
    }
    if let Some(body) = rows.bodies.iter().find(|b| index.agencies.contains_key(&b.id)) {
        return Err(fault(
            BODIES,
            body.line,
            "id",
            &body.id,
            "it is an appraised agency too",
            "a body is never appraised: delete one row",
        ));
    }
    let known = |agency: &AgencyId| index.agencies.contains_key(agency) || index.bodies.contains(agency);
    for account in &rows.accounts {
        if !known(&account.agency) {
            let reason = "it is neither in agencies.csv nor in bodies.csv";
            return Err(fault(ACCOUNTS, account.line, "agency", &account.agency, reason, "correct the id"));
        }
    }
    let holds = |role: Role| rows.accounts.iter().filter(move |a| a.roles.contains(&role)).count();
    for role in [Role::Administrator, Role::CouncilChair, Role::Secretariat] {
        if holds(role) == 0 {
            return Err(ImportError::of_file(ACCOUNTS, format!("no account has the role {role}"), "add one"));
        }
    }
    let (have, need) = (holds(Role::CouncilMember) + holds(Role::CouncilChair), season.policy.approvals);
    if u32::try_from(have).is_ok_and(|have| have < need) {
        let reason = format!("{have} accounts sit on the council, results need {need} approvals");
        return Err(ImportError::of_file(ACCOUNTS, reason, "add council_member accounts"));
    }
    for row in &rows.assignments {
        let bad = |column, value: &dyn std::fmt::Display, reason: &str| {
            Err(fault(ASSIGNMENTS, row.line, column, value, reason, "correct it"))
        };
        let Some(group) = season.groups.iter().find(|g| g.id == row.group) else {
            return bad("group", &row.group, "the group is not in season.json");
        };
        if !group.codes.contains(&row.code) {
            return bad("code", &row.code, "it is no criterion of the group's set");
        }
        let mut staff = vec![(&row.lead_agency, &row.reviewers, &row.confirmers)];
        if let Some((agency, reviewers, confirmers)) = &row.alternate {
            staff.push((agency, reviewers, confirmers));
        }
        for (agency, reviewers, confirmers) in staff {
            if !known(agency) {
                return bad(
                    "lead_agency or alternate_agency",
                    agency,
                    "it is neither in agencies.csv nor in bodies.csv",
                );
            }
            for account in reviewers.iter().chain(confirmers) {
                match index.accounts.get(account) {
                    None => return bad("account", account, "the account is not in accounts.csv"),
                    Some(found) if found.agency != *agency => {
                        return bad(
                            "account",
                            account,
                            &format!("the account belongs to {}, not to {agency}", found.agency),
                        );
                    }
                    Some(_) => {}
                }
            }
        }
    }
    Ok(())
}

fn account_known(
    index: &Index<'_>,
    file: &str,
    line: u64,
    column: &str,
    account: &AccountId,
) -> Result<(), ImportError> {
    if index.accounts.contains_key(account) {
        return Ok(());
    }
    Err(fault(file, line, column, account, "the account is not in accounts.csv", "add it there, or correct the id"))
}

fn scores<'r>(rows: &'r Rows, index: &mut Index<'r>) -> Result<(), ImportError> {
    for row in &rows.scores {
        let bad = |column, value: &dyn std::fmt::Display, reason: &str, remedy: &str| {
            Err(fault(SCORES, row.line, column, value, reason, remedy))
        };
        let Some(agency) = index.agencies.get(&row.agency) else {
            return bad("agency", &row.agency, "the agency is not in agencies.csv", "correct the id");
        };
        match index.leaf(&row.agency, &row.leaf) {
            None => {
                return bad(
                    "leaf",
                    &row.leaf,
                    "it is not a leaf of the agency's criteria set",
                    "use a leaf's code such as 3.1.2",
                );
            }
            Some(leaf) if leaf.is_survey() => {
                return bad(
                    "leaf",
                    &row.leaf,
                    "the leaf is scored by the survey",
                    "delete the row; results stand in survey.csv",
                );
            }
            Some(_) => {}
        }
        if index.left_out.contains(&(&row.agency, &row.leaf)) {
            return bad(
                "leaf",
                &row.leaf,
                "the leaf does not apply to the agency",
                "delete this row, or the one in not_applicable.csv",
            );
        }
        let accounts = [
            ("scored_by_account", &row.scored_by),
            ("reviewer_account", &row.reviewer),
            ("confirmer_account", &row.confirmer),
        ];
        for (column, account) in accounts {
            account_known(index, SCORES, row.line, column, account)?;
        }
        let of = index.accounts.get(&row.scored_by).map(|a| &a.agency);
        if of != Some(&agency.id) {
            return bad(
                "scored_by_account",
                &row.scored_by,
                "the account belongs to another agency",
                "an agency scores itself",
            );
        }
        let steps = [("self_points", &row.by_agency), ("round1_points", &row.round1), ("appraised_points", &row.last)];
        for (column, declared) in steps {
            if let Err((reason, remedy)) = index.inputs(&row.agency, &row.leaf, declared) {
                return bad(column, &declared.points, &reason, &remedy);
            }
        }
        if let Some(reason) = &row.round1_reason {
            reason_known(index, SCORES, row.line, "round1_reason_code", &reason.code)?;
        }
        index.scores.insert((&row.agency, &row.leaf), row);
    }
    Ok(())
}

fn reason_known(index: &Index<'_>, file: &str, line: u64, column: &str, code: &str) -> Result<(), ImportError> {
    if index.season.policy.reason(code).is_some() {
        return Ok(());
    }
    let known: Vec<_> = index.season.policy.reason_codes.iter().map(|r| r.code.as_str()).collect();
    Err(fault(
        file,
        line,
        column,
        code,
        "the season has no such reason code",
        &format!("use one of {}", known.join(", ")),
    ))
}

/// Every case begins where the step before it ended, and the last step is what `scores.csv` says in the end.
fn cases(rows: &Rows, index: &Index<'_>) -> Result<(), ImportError> {
    let mut standing: BTreeMap<(&AgencyId, &str), &Declared> =
        index.scores.iter().map(|(key, score)| (*key, &score.round1)).collect();
    let mut ordered: Vec<&Case> = rows.cases.iter().collect();
    ordered.sort_by_key(|c| c.opened);
    for case in ordered {
        let bad = |column, value: &dyn std::fmt::Display, reason: &str, remedy: &str| {
            Err(fault(CASES, case.line, column, value, reason, remedy))
        };
        let Some(now) = standing.get_mut(&(&case.agency, case.leaf.as_str())) else {
            return bad(
                "leaf",
                &case.leaf,
                "the agency has no score of this leaf in scores.csv",
                "correct agency or leaf",
            );
        };
        if case.before != now.points {
            let reason = format!("the step before ended at {} points", now.points);
            return bad("points_when_opened", &case.before, &reason, "correct one of the two files");
        }
        let kept = match &case.matter {
            Matter::Explanation { answered_by, kept, .. } => {
                account_known(index, CASES, case.line, "answered_by_account", answered_by)?;
                if case.decided_by.len() != 1 {
                    return bad(
                        "decided_by_accounts",
                        &case.decided_by.len(),
                        "one reviewer decides on an explanation",
                        "give one account",
                    );
                }
                *kept
            }
            Matter::Appeal { outcome, .. } => *outcome == sogoc_domain::event::AppealOutcome::Rejected,
        };
        account_known(index, CASES, case.line, "opened_by_account", &case.opened_by)?;
        for account in &case.decided_by {
            account_known(index, CASES, case.line, "decided_by_accounts", account)?;
        }
        reason_known(index, CASES, case.line, "decision_reason_code", &case.reason.code)?;
        if let Err((reason, remedy)) = index.inputs(&case.agency, &case.leaf, &case.decision) {
            return bad("decided_points", &case.decision.points, &reason, &remedy);
        }
        if kept && case.decision != **now {
            return bad(
                "decided_numerator",
                &case.decision.points,
                "the decision keeps the points but not the numbers behind them",
                "repeat the numbers before",
            );
        }
        *now = &case.decision;
    }
    for (key, score) in &index.scores {
        if standing.get(key).is_some_and(|last| **last != score.last) {
            let reason = "the last step in round 1, explanation and appeal ended elsewhere";
            return Err(fault(
                SCORES,
                score.line,
                "appraised_points",
                score.last.points,
                reason,
                "correct one of the two files",
            ));
        }
    }
    Ok(())
}

fn evidence(rows: &Rows, index: &Index<'_>) -> Result<(), ImportError> {
    for row in &rows.evidence {
        if !index.scores.contains_key(&(&row.agency, row.leaf.as_str())) {
            let reason = "the agency has no score of this leaf in scores.csv";
            return Err(fault(EVIDENCE, row.line, "leaf", &row.leaf, reason, "correct agency or leaf"));
        }
        let Some(id) = &row.case else { continue };
        let fits = rows.cases.iter().any(|c| c.id == *id && c.agency == row.agency && c.leaf == row.leaf);
        if !fits {
            let reason = "there is no such case of this agency and leaf in explanations_and_appeals.csv";
            return Err(fault(EVIDENCE, row.line, "for_case", id, reason, "correct the case, the agency or the leaf"));
        }
    }
    Ok(())
}

fn survey(season: &Season, rows: &Rows, index: &Index<'_>) -> Result<(), ImportError> {
    for row in rows.survey.iter().flatten() {
        let bad = |column, value: &dyn std::fmt::Display, reason: &str| {
            Err(fault(SURVEY, row.line, column, value, reason, "correct it"))
        };
        let Some(group) = index.group(&row.agency) else {
            return bad("agency", &row.agency, "the agency is not in agencies.csv");
        };
        let Some((code, leaf)) = group.leaves.iter().find(|(_, l)| l.is_survey()) else {
            return bad("agency", &row.agency, "the criteria set of its group has no survey");
        };
        if index.left_out.contains(&(&row.agency, code.as_str())) {
            return bad("agency", &row.agency, "the survey does not apply to the agency by not_applicable.csv");
        }
        match survey_points(leaf.max_points, &row.factors, season.policy.leaf_decimals, season.policy.rounding) {
            Err(e) => {
                let above = |f: &&Percent| f.get() > rust_decimal::Decimal::ONE_HUNDRED;
                let at = row.factors.iter().position(|f| above(&f));
                let column = at.and_then(|i| season.factor_columns.get(i)).map_or("agency", String::as_str);
                let value =
                    at.and_then(|i| row.factors.get(i)).map_or_else(|| row.agency.to_string(), Percent::to_string);
                return bad(column, &value, &e.to_string());
            }
            Ok(points) if row.points.is_some_and(|stated| stated != points) => {
                return bad(
                    "survey_points",
                    &row.points.unwrap_or_default(),
                    &format!("the factors give {points} points"),
                );
            }
            Ok(_) => {}
        }
    }
    Ok(())
}

/// Every leaf that applies and is not surveyed has a score, and what applies sums to the stated maximum.
fn complete(rows: &Rows, index: &Index<'_>) -> Result<(), ImportError> {
    for agency in &rows.agencies {
        let Some(group) = index.group(&agency.id) else { continue };
        let mut sum = Points::ZERO;
        for (code, leaf) in &group.leaves {
            if index.left_out.contains(&(&agency.id, code.as_str())) {
                continue;
            }
            sum = sum.plus(leaf.max_points);
            if !leaf.is_survey() && !index.scores.contains_key(&(&agency.id, code.as_str())) {
                let reason = format!("{} has no score of leaf {code}", agency.id);
                return Err(ImportError::of_file(SCORES, reason, "add the row, or one in not_applicable.csv"));
            }
        }
        if let Some(stated) = agency.applicable_max.filter(|stated| *stated != sum) {
            let reason = format!("what applies to the agency sums to {sum}");
            return Err(fault(
                AGENCIES,
                agency.line,
                "applicable_max",
                stated,
                &reason,
                "correct it, or not_applicable.csv",
            ));
        }
    }
    Ok(())
}
