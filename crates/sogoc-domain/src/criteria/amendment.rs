//! Amending a set in use: a new version, what it means for each leaf, and every running season taken over to it.

use std::collections::{BTreeMap, BTreeSet};

use super::{LeafInfo, SetVersion, TreeFault, fit_for_use, known_references, push_within, well_formed, with_domains};
use crate::command::AmendCriteriaSet;
use crate::decide::{Deciding, check_count};
use crate::event::{
    AmendmentTreatment, CriteriaDomainAmended, CriteriaSetAmended, CriteriaVersionAdopted, LeafReopened, LeafTreatment,
    ScoreRecomputed,
};
use crate::policy::{Policy, STANDARD_AMENDED};
use crate::refusal::{Refusal, refuse};
use crate::results;
use crate::scorecard::{How, Leaf, Submission};
use crate::scoring::Inputs;
use crate::season::Season;
use crate::stream::Stream;
use crate::survey::Surveyed;
use crate::values::{GroupId, LeafId, Points, Sealed, SeasonId, SetId};

/// Most treatments of one amendment: what one entry holds.
const TREATMENTS_MAX: usize = 400;

/// Begins a new version of a set, and takes every running season over to it. A season whose results were announced stays
/// with the version that they were announced under.
pub(crate) fn amend(d: &Deciding<'_>, c: &AmendCriteriaSet) -> Result<(), Refusal> {
    let set = d.set(&c.set)?;
    let Some(old) = set.current() else {
        return Err(refuse!(SetState, set = &c.set, state = "a draft", command = d.kind()));
    };
    if c.domains.is_empty() {
        return Err(refuse!(Missing, field = "domains"));
    }
    let mut ids = BTreeSet::new();
    if let Some(twice) = c.domains.iter().find(|domain| !ids.insert(&domain.id)) {
        return Err(TreeFault { node: twice.code.clone(), why: "the domain is given twice".to_owned() }.refusal(&c.set));
    }
    let domains = with_domains(&old.domains, &c.domains);
    if domains == old.domains {
        return Err(refuse!(NothingToDo, why = "the domains read so already"));
    }
    well_formed(&domains).map_err(|fault| fault.refusal(&c.set))?;
    known_references(d, &c.set, set.predecessor.as_ref(), &domains)?;
    fit_for_use(&c.set, &domains, set.max_points)?;
    let number = old.version.saturating_add(1);
    let new = SetVersion::new(number, domains);
    let treatments = treatments(old, &new, &c.treatments)?;
    let reason = d.seal("reason", &c.reason)?;

    let stream = Stream::Criteria(c.set.clone());
    for domain in c.domains.iter().filter(|domain| !old.domains.contains(domain)) {
        push_within(d, &stream, CriteriaDomainAmended { domain: domain.clone() })?;
    }
    // Leaves that are not named are kept, so these need not be.
    let named = treatments.iter().filter(|(_, t)| **t != AmendmentTreatment::Kept);
    let event = CriteriaSetAmended {
        version: number,
        treatments: named.map(|(leaf, t)| LeafTreatment { leaf: LeafId::clone(leaf), treatment: *t }).collect(),
        reason,
        by: d.by(),
    };
    push_within(d, &stream, event)?;
    for (id, season) in &d.world.seasons {
        for (group, held) in &season.groups {
            if !season.is_active() || held.set.as_ref() != Some(&c.set) {
                continue;
            }
            d.season(id)?;
            if results::announced(d, id) > 0 {
                continue;
            }
            let over = TakeOver { set: &c.set, old, new: &new, treatments: &treatments, reason };
            take_over(d, id, season, group, &over)?;
        }
    }
    Ok(())
}

/// What happens to each leaf of the old version that is named, checked against what becomes of it.
fn treatments<'c>(
    old: &SetVersion,
    new: &SetVersion,
    given: &'c [LeafTreatment],
) -> Result<BTreeMap<&'c LeafId, AmendmentTreatment>, Refusal> {
    check_count("treatments", given.len(), TREATMENTS_MAX)?;
    let mut named = BTreeMap::new();
    for LeafTreatment { leaf, treatment } in given {
        if old.leaf_by_id(leaf).is_none() {
            let why = "it is not a leaf of the version that is amended";
            return Err(refuse!(TreatmentMissing, leaf = leaf, why = why));
        }
        if named.insert(leaf, *treatment).is_some() {
            return Err(refuse!(TreatmentMissing, leaf = leaf, why = "it is named twice"));
        }
    }
    for leaf in old.leaves() {
        let after = new.leaf_by_id(&leaf.id);
        let unlike = after.is_some_and(|after| leaf.scores_unlike(after));
        let why = match (after, unlike, named.get(&leaf.id)) {
            (None, _, Some(AmendmentTreatment::Void)) => continue,
            (Some(_), true, Some(AmendmentTreatment::Recomputed | AmendmentTreatment::Redeclared)) => continue,
            // Words may change what is asked without a change of the rule.
            (Some(_), false, None | Some(AmendmentTreatment::Kept | AmendmentTreatment::Redeclared)) => continue,
            (None, _, _) => "it disappears: its scores can only be void",
            (Some(_), true, _) => "its rule or max points change: its scores are recomputed or redeclared",
            (Some(_), false, Some(AmendmentTreatment::Recomputed | AmendmentTreatment::Void)) => {
                "its rule and max points stay as they are: its scores are kept or redeclared"
            }
        };
        return Err(refuse!(TreatmentMissing, leaf = &leaf.code, why = why));
    }
    Ok(named)
}

/// An amendment, as a running season meets it.
struct TakeOver<'a> {
    set: &'a SetId,
    old: &'a SetVersion,
    new: &'a SetVersion,
    treatments: &'a BTreeMap<&'a LeafId, AmendmentTreatment>,
    reason: Sealed,
}

/// Takes a group of a running season over to the new version, with every scorecard in it.
fn take_over(
    d: &Deciding<'_>,
    id: &SeasonId,
    season: &Season,
    group: &GroupId,
    over: &TakeOver<'_>,
) -> Result<(), Refusal> {
    let TakeOver { set, old, new, treatments, reason } = over;
    let policy = season.policy(id)?;
    survey_stays(d, id, season, group, over)?;
    let adopted = CriteriaVersionAdopted { group: group.clone(), set: SetId::clone(set), version: new.version };
    d.push(Stream::Season(id.clone()), adopted);
    let added: Vec<_> = new.leaves().iter().filter(|l| !l.is_survey() && old.leaf_by_id(&l.id).is_none()).collect();
    for agency in season.agencies.iter().filter(|(_, m)| m.group == *group).map(|(agency, _)| agency) {
        let stream = Stream::Scorecard(id.clone(), agency.clone());
        d.read(stream.clone());
        d.world.not_stopped(&stream)?;
        let Some(card) = d.world.scorecard(id, agency) else { continue };
        let reopened = |leaf: &LeafInfo| LeafReopened {
            leaf: leaf.id.clone(),
            set_version: new.version,
            reason_code: STANDARD_AMENDED.to_owned(),
            reason: *reason,
            by: d.by(),
        };
        for (leaf, treatment) in *treatments {
            let Some(leaf) = new.leaf_by_id(leaf).filter(|l| !l.is_survey()) else { continue };
            let Some(recorded) = card.leaf(&leaf.id) else { continue };
            if recorded.self_score.is_none() && recorded.appraised.is_none() {
                continue;
            }
            match treatment {
                AmendmentTreatment::Kept | AmendmentTreatment::Void => {}
                AmendmentTreatment::Redeclared => d.push(stream.clone(), reopened(leaf)),
                AmendmentTreatment::Recomputed => {
                    let (self_points, appraised_points) = recomputed(leaf, recorded, policy).map_err(|why| {
                        let why = format!("the scores of {agency} in {id} cannot be recomputed ({why}): redeclare it");
                        refuse!(TreatmentMissing, leaf = &leaf.code, why = why)
                    })?;
                    if self_points.is_none() && appraised_points.is_none() {
                        continue;
                    }
                    let event = ScoreRecomputed {
                        leaf: leaf.id.clone(),
                        set_version: new.version,
                        self_points,
                        appraised_points,
                        reason_code: STANDARD_AMENDED.to_owned(),
                        reason: *reason,
                        by: d.by(),
                    };
                    d.push(stream.clone(), event);
                }
            }
        }
        // What is asked anew of an agency that has submitted must be open to it, or it could only be deemed zero.
        if card.submission == Submission::Submitted {
            added.iter().for_each(|leaf| d.push(stream.clone(), reopened(leaf)));
        }
    }
    Ok(())
}

/// Self and appraised points under the new rule. A zero that was deemed stays, and so does what is equal.
fn recomputed(leaf: &LeafInfo, recorded: &Leaf, policy: &Policy) -> Result<(Option<Points>, Option<Points>), String> {
    let points = |inputs: &Inputs| {
        leaf.rule
            .rule
            .points(leaf.max_points, inputs, policy.leaf_decimals, policy.rounding)
            .map_err(|e| format!("{} no longer fits: {e}", shown(inputs)))
    };
    let self_points = recorded.self_score.as_ref().map(|s| points(&s.inputs)).transpose()?;
    let appraised_points = match &recorded.appraised {
        Some(a) if a.how != How::Deemed => match &a.inputs {
            Some(inputs) => Some(points(inputs)?).filter(|p| *p != a.points),
            None => return Err(format!("{} points were set without inputs", a.points)),
        },
        Some(_) | None => None,
    };
    Ok((self_points, appraised_points))
}

fn shown(inputs: &Inputs) -> String {
    format!("what was declared, {inputs},")
}

/// Survey points rest on the survey's leaf as it was when they were recorded, and nothing recomputes them.
fn survey_stays(
    d: &Deciding<'_>,
    id: &SeasonId,
    season: &Season,
    group: &GroupId,
    over: &TakeOver<'_>,
) -> Result<(), Refusal> {
    let (before, after) = (over.old.survey_leaf(), over.new.survey_leaf());
    let same = match (before, after) {
        (Some(before), Some(after)) => before.id == after.id && !before.scores_unlike(after),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    if same {
        return Ok(());
    }
    d.read(Stream::Survey(id.clone()));
    let Some(survey) = d.world.surveys.get(id) else { return Ok(()) };
    let recorded = survey.agencies.iter().find(|(agency, surveyed)| {
        matches!(surveyed, Surveyed::Result(_)) && season.agencies.get(*agency).is_some_and(|m| m.group == *group)
    });
    match (recorded, before.or(after)) {
        (Some((agency, _)), Some(leaf)) => {
            let why = format!("{id} has survey results, such as of {agency}, that rest on the survey's leaf as it is");
            Err(refuse!(TreatmentMissing, leaf = &leaf.code, why = why))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Node;
    use super::super::fixture::*;
    use super::*;
    use crate::account::trial::Trial;
    use crate::event::{
        AgencyEntered, Event, Name, RankingGroupDefined, ResultsAnnounced, ScoreAccepted, ScoreAdjusted, ScoreChange,
        ScoreDeemed, ScorecardSubmitted, SeasonActivated, SeasonOpened, SeasonPolicySet, SelfScored,
        SurveyResultRecorded,
    };
    use crate::policy::{ClassBy, LateSubmission, Mode, Ties, UnsignedEvidence, Unsurveyed};
    use crate::refusal::Code;
    use crate::scoring::{Rounding, ScoringRule};
    use crate::values::Digest;

    fn policy() -> Policy {
        Policy {
            leaf_decimals: 2,
            display_decimals: 2,
            rounding: Rounding::HalfUp,
            appraisal_rounds: 2,
            class_by: ClassBy::RoundedIndex,
            ties: Ties::Competition,
            unsurveyed: Unsurveyed::LeaveOut,
            unsigned_evidence: UnsignedEvidence::ReviewerJudges,
            late_submission: LateSubmission::ByAcceptance,
            appeal_may_lower: false,
            approvals: 2,
            instrument_required: Vec::new(),
            reason_codes: Vec::new(),
            survey_factors: Vec::new(),
            evidence: None,
        }
    }

    fn ratio(numerator: &str, denominator: &str) -> Inputs {
        Inputs::Ratio { numerator: id(numerator), denominator: id(denominator) }
    }

    /// A season that runs on the small set: so-tu-phap scored 1.1 (1) and 1.2 (2 of 3, 1.33 points), so-noi-vu nothing.
    fn running() -> Trial {
        let mut t = active();
        let season = Stream::Season(id("s-1"));
        let name = || Name { vi: text("Sở"), en: None, short: None };
        let group = RankingGroupDefined {
            group: id("departments"),
            name: name(),
            set: Some(id("set-a")),
            classes: Vec::new(),
            letters: Vec::new(),
        };
        let entered = |agency: &str| AgencyEntered {
            agency: id(agency),
            group: id("departments"),
            council_member: false,
            from: None,
        };
        let opened = SeasonOpened { year: 2022, title: text("Đợt"), title_en: None, mode: Mode::Live };
        let adopted = CriteriaVersionAdopted { group: id("departments"), set: id("set-a"), version: 1 };
        for event in [
            Event::from(opened),
            SeasonPolicySet { policy: policy() }.into(),
            group.into(),
            entered("so-tu-phap").into(),
            entered("so-noi-vu").into(),
            adopted.into(),
            SeasonActivated { rules_version: 1, by: by() }.into(),
        ] {
            t.world.apply(&season, &event);
        }
        let scored = |leaf: &str, inputs: Inputs, points: &str| SelfScored {
            leaf: id(leaf),
            set_version: 1,
            inputs,
            points: id(points),
            by: by(),
        };
        let card = card();
        t.world.apply(&card, &scored("1-1", Inputs::YesNo(true), "1").into());
        t.world.apply(&card, &scored("1-2", ratio("2", "3"), "1.33").into());
        let submitted = ScorecardSubmitted { leaves: 2, self_points: id("2.33"), by: by() };
        t.world.apply(&card, &submitted.into());
        t
    }

    fn card() -> Stream {
        Stream::Scorecard(id("s-1"), id("so-tu-phap"))
    }

    fn recorded(t: &Trial, leaf: &str) -> Leaf {
        let card = t.world.scorecard(&id("s-1"), &id("so-tu-phap")).expect("the fixture's scorecard");
        card.leaf(&id(leaf)).cloned().unwrap_or_default()
    }

    /// Domain 1 with the maxima of its two leaves swapped, and the rule of 1.1 as it was.
    fn swapped() -> Vec<Node> {
        vec![parent("1", "3", vec![leaf("1.1", "2", yes_no()), leaf("1.2", "1", proportional())])]
    }

    #[test]
    fn an_amendment_recomputes_reopens_and_takes_the_season_over() {
        let mut t = running();
        let treatments = [("1-1", AmendmentTreatment::Redeclared), ("1-2", AmendmentTreatment::Recomputed)];
        let decision = act(&mut t, amending(swapped(), &treatments)).expect("amends");
        let named = |stream: &str, kind| (stream.to_owned(), kind);
        assert_eq!(
            kinds(&decision),
            [
                named("criteria/set-a", "criteria-domain-amended"),
                named("criteria/set-a", "criteria-set-amended"),
                named("season/s-1", "criteria-version-adopted"),
                named("scorecard/s-1/so-tu-phap", "leaf-reopened"),
                named("scorecard/s-1/so-tu-phap", "score-recomputed"),
            ]
        );
        let set = set_of(&t);
        assert_eq!((set.current_version(), set.amended.is_empty()), (2, true));
        assert_eq!(set.version(1).map(|v| v.domains.clone()), Some(small()), "the version before stays");
        assert_eq!(set.version(2).and_then(|v| v.leaf("1.2")).map(|l| l.max_points), Some(id("1")));
        assert_eq!(recorded(&t, "1-1").self_score, None);
        let score = recorded(&t, "1-2").self_score.expect("recomputed");
        assert_eq!((score.points, score.set_version), (id("0.67"), 2));
        assert!(decision.reads.contains(&Stream::Scorecard(id("s-1"), id("so-noi-vu"))));
        assert!(decision.reads.contains(&Stream::Results(id("s-1"))));
    }

    #[test]
    fn every_leaf_that_changes_needs_a_fitting_treatment() {
        use AmendmentTreatment::{Kept, Recomputed, Redeclared, Void};
        let t = running();
        let without = || vec![parent("1", "3", vec![leaf("1.2", "3", proportional())])];
        for (domains, treatments, at) in [
            (swapped(), vec![], "1.1"),
            (swapped(), vec![("1-1", Recomputed)], "1.2"),
            (swapped(), vec![("1-1", Kept), ("1-2", Recomputed)], "1.1"),
            (swapped(), vec![("1-1", Void), ("1-2", Recomputed)], "1.1"),
            (swapped(), vec![("1-1", Recomputed), ("1-2", Recomputed), ("2-1", Void)], "2.1"),
            (swapped(), vec![("1-1", Recomputed), ("1-2", Recomputed), ("9", Kept)], "9"),
            (swapped(), vec![("1-1", Recomputed), ("1-1", Recomputed), ("1-2", Recomputed)], "1-1"),
            (without(), vec![("1-2", Recomputed)], "1.1"),
            (without(), vec![("1-1", Redeclared), ("1-2", Recomputed)], "1.1"),
        ] {
            let (code, said) = refused(act(&mut t.clone(), amending(domains, &treatments)));
            assert_eq!(code, Code::TreatmentMissing, "{said}");
            assert!(said.starts_with(&format!("leaf {at} ")), "{said} is not about {at}");
        }
        act(&mut t.clone(), amending(without(), &[("1-1", Void), ("1-2", Recomputed)])).expect("amends");
    }

    #[test]
    fn an_amendment_must_sum_and_change_something() {
        let mut t = running();
        let wrong = vec![parent("1", "3", vec![leaf("1.1", "2", yes_no()), leaf("1.2", "2", proportional())])];
        let treatment = [("1-1", AmendmentTreatment::Recomputed)];
        assert_eq!(refused(act(&mut t, amending(wrong, &treatment))).0, Code::SumsDiffer);
        let same = small().into_iter().take(1).collect();
        assert_eq!(refused(act(&mut t, amending(same, &[]))).0, Code::NothingToDo);
        let twice = [swapped(), swapped()].concat();
        assert_eq!(refused(act(&mut t, amending(twice, &[]))).0, Code::BadTree);
        assert_eq!(refused(act(&mut t, amending(Vec::new(), &[]))).0, Code::Missing);
        let mut draft = founded();
        act(&mut draft, drafting(small())).expect("drafts");
        assert_eq!(refused(act(&mut draft, amending(swapped(), &[]))).0, Code::SetState);
    }

    #[test]
    fn words_change_without_touching_a_score() {
        let mut t = running();
        let mut renamed = small();
        renamed.truncate(1);
        change(&mut renamed, "1.1").name = text("Tên khác");
        let decision = act(&mut t, amending(renamed, &[("1-1", AmendmentTreatment::Kept)])).expect("amends");
        assert!(decision.events.iter().all(|(stream, _)| *stream != card()));
        assert_eq!(recorded(&t, "1-1").self_score.map(|s| s.points), Some(id("1")));
    }

    #[test]
    fn what_no_longer_fits_the_rule_is_not_recomputed() {
        let mut t = running();
        let count = rule(ScoringRule::PerUnit { version: 1, points_per_unit: id("0.5") });
        let domains = vec![parent("1", "3", vec![leaf("1.1", "1", yes_no()), leaf("1.2", "2", count)])];
        let recompute = amending(domains.clone(), &[("1-2", AmendmentTreatment::Recomputed)]);
        let (code, said) = refused(act(&mut t, recompute));
        assert_eq!(code, Code::TreatmentMissing);
        assert!(said.contains("so-tu-phap in s-1") && said.contains("2 of 3"), "{said}");
        act(&mut t, amending(domains, &[("1-2", AmendmentTreatment::Redeclared)])).expect("amends");
        assert!(recorded(&t, "1-2").redeclare);
    }

    #[test]
    fn appraised_points_are_recomputed_from_the_inputs_they_rest_on() {
        let adjusted = |inputs: Option<Inputs>| {
            let change = ScoreChange {
                leaf: id("1-2"),
                old: Some(id("1.33")),
                new: id("0.67"),
                inputs,
                reason_code: "data_mismatch".to_owned(),
                reason: Digest([7; 32]),
            };
            Event::from(ScoreAdjusted { change, round: 1, case: None, by: by() })
        };
        let treatments = [("1-1", AmendmentTreatment::Recomputed), ("1-2", AmendmentTreatment::Recomputed)];
        let amend = || amending(swapped(), &treatments);

        let mut t = running();
        t.world.apply(&card(), &adjusted(Some(ratio("1", "3"))));
        act(&mut t, amend()).expect("amends");
        let leaf = recorded(&t, "1-2");
        assert_eq!(leaf.self_score.map(|s| s.points), Some(id("0.67")));
        let appraised = leaf.appraised.expect("stays appraised");
        assert_eq!((appraised.points, appraised.how), (id("0.33"), How::Recomputed));
        assert_eq!(appraised.reason_code.as_deref(), Some(STANDARD_AMENDED));

        let mut t = running();
        t.world.apply(&card(), &adjusted(None));
        let (code, said) = refused(act(&mut t, amend()));
        assert_eq!(code, Code::TreatmentMissing);
        assert!(said.contains("0.67 points were set without inputs"), "{said}");

        let mut t = running();
        let accepted = ScoreAccepted { leaf: id("1-1"), round: 1, points: id("1"), by: by() };
        t.world.apply(&card(), &accepted.into());
        let reason_code = "not_submitted".to_owned();
        let deemed = ScoreDeemed { leaf: id("1-2"), reason_code, reason: Digest([7; 32]), by: by() };
        t.world.apply(&card(), &deemed.into());
        act(&mut t, amend()).expect("amends");
        assert_eq!(recorded(&t, "1-1").appraised.map(|a| a.points), Some(id("2")));
        let zero = recorded(&t, "1-2").appraised.expect("stays deemed");
        assert_eq!((zero.points, zero.how), (Points::ZERO, How::Deemed));
    }

    #[test]
    fn a_new_leaf_opens_to_an_agency_that_has_submitted() {
        let mut t = running();
        let children = vec![leaf("1.1", "1", yes_no()), leaf("1.2", "1", proportional()), leaf("1.3", "1", yes_no())];
        let domains = vec![parent("1", "3", children)];
        act(&mut t, amending(domains, &[("1-2", AmendmentTreatment::Recomputed)])).expect("amends");
        assert!(recorded(&t, "1-3").redeclare);
    }

    #[test]
    fn a_season_whose_results_were_announced_stays_with_its_version() {
        let mut t = running();
        let announced = ResultsAnnounced { number: 1, as_of: 9, streams_root: Digest([0; 32]), streams: 1, by: by() };
        t.world.apply(&Stream::Results(id("s-1")), &announced.into());
        let treatments = [("1-1", AmendmentTreatment::Redeclared), ("1-2", AmendmentTreatment::Recomputed)];
        let decision = act(&mut t, amending(swapped(), &treatments)).expect("amends");
        assert!(decision.events.iter().all(|(stream, _)| *stream == Stream::Criteria(id("set-a"))));
        assert_eq!(recorded(&t, "1-2").self_score.map(|s| s.points), Some(id("1.33")));
    }

    #[test]
    fn the_surveys_leaf_stays_while_results_rest_on_it() {
        let mut t = running();
        let survey = leaf("2.1", "6", rule(ScoringRule::Survey { version: 1 }));
        let domains = vec![parent("2", "7", vec![survey, leaf("2.2", "1", yes_no())])];
        let amend = || amending(domains.clone(), &[("2-1", AmendmentTreatment::Recomputed)]);
        act(&mut t.clone(), amend()).expect("nothing was surveyed yet");
        let result = SurveyResultRecorded {
            agency: id("so-tu-phap"),
            forms: 100,
            factors: vec![id("90")],
            points: id("6.3"),
            reason_code: None,
            reason: None,
            by: by(),
        };
        t.world.apply(&Stream::Survey(id("s-1")), &result.into());
        let (code, said) = refused(act(&mut t, amend()));
        assert_eq!(code, Code::TreatmentMissing);
        assert!(said.contains("s-1 has survey results"), "{said}");
    }
}
