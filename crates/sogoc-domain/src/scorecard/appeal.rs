//! Appeals (kiến nghị về kết quả): one document with items, each with its target and its own decision.

use std::collections::BTreeSet;

use crate::authority;
use crate::command::{
    AcceptLateAppeal, Contested, DecideAppeal, DecisionSets, GiveOpinion, ItemDecision, LodgeAppeal, NewAppealItem,
    WithdrawAppeal,
};
use crate::council::COUNCIL;
use crate::criteria::LeafInfo;
use crate::decide::{Deciding, check_count};
use crate::event::{
    AppealEffect, AppealItem, AppealItemDecided, AppealItemWithdrawn, AppealLodged, AppealOpinionGiven, AppealOutcome,
    AppealTarget, LateAppealAccepted,
};
use crate::refusal::{Refusal, refuse};
use crate::results;
use crate::scorecard::appraisal::known_class;
use crate::scorecard::card::{Card, Job, check_reason};
use crate::scorecard::{Item, ItemState};
use crate::stream::Stream;
use crate::survey;
use crate::values::{AccountId, Points};

/// Most items of an appeal.
const ITEMS_MAX: usize = 100;

pub(crate) fn lodge(d: &Deciding<'_>, c: &LodgeAppeal) -> Result<(), Refusal> {
    let card = Card::open(d, &c.season, &c.agency)?;
    if card.announced == 0 {
        return Err(card.state_refusal(d, "not announced yet"));
    }
    let taken = card.state.appeals.contains_key(&c.appeal) || card.state.requests.contains_key(&c.appeal);
    Deciding::fresh_case("appeal", &c.appeal, taken)?;
    let late = in_window(d, &card, c)?;
    check_count("items", c.items.len(), ITEMS_MAX)?;
    if c.items.is_empty() {
        return Err(refuse!(Missing, field = "items"));
    }
    let mut targets = BTreeSet::new();
    let mut items = Vec::with_capacity(c.items.len());
    for (index, item) in c.items.iter().enumerate() {
        let target = checked_target(d, &card, item)?;
        if !targets.insert(target.clone()) {
            return Err(refuse!(AlreadyExists, what = "item of the appeal for", id = describe(&target)));
        }
        let pending = card
            .state
            .appeals
            .iter()
            .find(|(_, appeal)| appeal.items.iter().any(|i| i.target == target && i.state == ItemState::Open));
        if let Some((other, _)) = pending {
            return Err(refuse!(
                DecisionUnfit,
                item = index + 1,
                why = format!("{other} contests the same and is not decided")
            ));
        }
        if let Some(requested) = &item.requested {
            check_requested(&card, &target, requested)?;
        }
        let ground = d.seal("ground", &item.ground)?;
        items.push(AppealItem { target, requested: item.requested.clone(), ground });
    }
    d.push(card.stream(), AppealLodged { appeal: c.appeal.clone(), items, late, by: d.by() });
    Ok(())
}

/// Within the phase, within the agency's own window after another's appeal moved its rank, or let in late.
fn in_window(d: &Deciding<'_>, card: &Card<'_>, c: &LodgeAppeal) -> Result<bool, Refusal> {
    let Err(closed) = card.admit(d, None) else { return Ok(false) };
    let own = results::results(d, card.season_id).and_then(|r| r.windows.get(card.agency)).copied();
    if own.is_some_and(|until| card.now < until) {
        return Ok(false);
    }
    if card.state.late_appeals.contains(&c.appeal) {
        return Ok(true);
    }
    Err(closed)
}

/// The target, with the leaf by its id.
fn checked_target(d: &Deciding<'_>, card: &Card<'_>, item: &NewAppealItem) -> Result<AppealTarget, Refusal> {
    Ok(match &item.target {
        Contested::Leaf(leaf) => AppealTarget::Leaf(card.scored_leaf(leaf)?.id.clone()),
        Contested::Applicability(leaf) => AppealTarget::Applicability(card.leaf(leaf)?.id.clone()),
        Contested::SurveyPoints => {
            if survey_points(d, card)?.is_none() {
                return Err(refuse!(Unknown, what = "survey result of", id = card.agency));
            }
            AppealTarget::SurveyPoints
        }
        Contested::Class => AppealTarget::Class,
    })
}

/// What is asked for stands bare in the entry, so it is a value of the target's kind and no text (invariant 11).
fn check_requested(card: &Card<'_>, target: &AppealTarget, requested: &str) -> Result<(), Refusal> {
    let bad = |why: String| {
        let shown: String = requested.chars().take(40).collect();
        Err(refuse!(Invalid, field = "requested", value = shown, why = why))
    };
    match target {
        AppealTarget::Leaf(_) | AppealTarget::SurveyPoints => match requested.parse::<Points>() {
            Ok(_) => Ok(()),
            Err(why) => bad(why.to_string()),
        },
        AppealTarget::Class => known_class(card.season, &card.member.group, Some(requested)),
        AppealTarget::Applicability(_) => {
            if ["applies", "left-out", "awarded-in-full"].contains(&requested) {
                return Ok(());
            }
            bad("write applies, left-out or awarded-in-full".to_owned())
        }
    }
}

fn describe(target: &AppealTarget) -> String {
    match target {
        AppealTarget::Leaf(leaf) => format!("leaf {leaf}"),
        AppealTarget::Applicability(leaf) => format!("applicability of {leaf}"),
        AppealTarget::SurveyPoints => "survey points".to_owned(),
        AppealTarget::Class => "class".to_owned(),
    }
}

fn survey_points(d: &Deciding<'_>, card: &Card<'_>) -> Result<Option<Points>, Refusal> {
    if card.state.survey_points.is_some() {
        return Ok(card.state.survey_points);
    }
    d.read(Stream::Survey(card.season_id.clone()));
    if !d.world.surveys.contains_key(card.season_id) {
        return Ok(None);
    }
    Ok(survey::survey(d, card.season_id)?.accepted(card.agency).map(|s| s.points))
}

pub(crate) fn accept_late(d: &Deciding<'_>, c: &AcceptLateAppeal) -> Result<(), Refusal> {
    let card = Card::open(d, &c.season, &c.agency)?;
    if card.announced == 0 {
        return Err(card.state_refusal(d, "not announced yet"));
    }
    authority::bar_own_case(d, &d.envelope.account, &c.season, &c.agency)?;
    if card.state.late_appeals.contains(&c.appeal) || card.state.appeals.contains_key(&c.appeal) {
        return Err(refuse!(NothingToDo, why = format!("{} was let in or lodged already", c.appeal)));
    }
    let reason = d.seal("reason", &c.reason)?;
    d.push(card.stream(), LateAppealAccepted { appeal: c.appeal.clone(), reason, by: d.by() });
    Ok(())
}

/// The item of this number, still open.
fn open_item<'c>(card: &'c Card<'_>, appeal: &crate::values::CaseId, number: u32) -> Result<&'c Item, Refusal> {
    let found = card.state.appeals.get(appeal).ok_or_else(|| refuse!(Unknown, what = "appeal", id = appeal))?;
    let index = usize::try_from(number).ok().and_then(|n| n.checked_sub(1));
    let item = index
        .and_then(|i| found.items.get(i))
        .ok_or_else(|| refuse!(Unknown, what = "item of the appeal", id = number))?;
    match item.state {
        ItemState::Open => Ok(item),
        ItemState::Decided(_) => Err(refuse!(DecisionUnfit, item = number, why = "it is decided already")),
        ItemState::Withdrawn => Err(refuse!(DecisionUnfit, item = number, why = "it was withdrawn")),
    }
}

pub(crate) fn give_opinion(d: &Deciding<'_>, c: &GiveOpinion) -> Result<(), Refusal> {
    let card = Card::open(d, &c.season, &c.agency)?;
    let item = open_item(&card, &c.appeal, c.item)?;
    match &item.target {
        AppealTarget::Leaf(leaf) | AppealTarget::Applicability(leaf) => {
            card.staffed(d, card.leaf(leaf.as_str())?, Job::Review)?;
        }
        AppealTarget::SurveyPoints | AppealTarget::Class => {
            authority::bar_own_case(d, &d.envelope.account, &c.season, &c.agency)?;
        }
    }
    let event = AppealOpinionGiven {
        appeal: c.appeal.clone(),
        item: c.item,
        opinion: d.seal("opinion", &c.opinion)?,
        by: d.by(),
    };
    d.push(card.stream(), event);
    Ok(())
}

/// Those who decide are the members who voted, whoever types: each must sit on the council, act not for the agency, and
/// not have taken the decision under review (invariant 7).
pub(crate) fn decide_items(d: &Deciding<'_>, c: &DecideAppeal) -> Result<(), Refusal> {
    let card = Card::open(d, &c.season, &c.agency)?;
    card.admit(d, None)?;
    check_count("decisions", c.decisions.len(), ITEMS_MAX)?;
    check_count("voters", c.voters.len(), 100)?;
    if c.decisions.is_empty() {
        return Err(refuse!(Missing, field = "decisions"));
    }
    let voters = voters(d, &card, &c.voters)?;
    let mut decided = BTreeSet::new();
    for decision in &c.decisions {
        if !decided.insert(decision.item) {
            return Err(refuse!(AlreadyExists, what = "decision of item", id = decision.item));
        }
        let item = open_item(&card, &c.appeal, decision.item)?;
        for voter in &voters {
            match &item.target {
                AppealTarget::Leaf(leaf) | AppealTarget::Applicability(leaf) => {
                    let recorded = card.recorded(leaf);
                    let before = recorded.deciders.iter().chain(&recorded.confirmers);
                    authority::bar_same_person(d, voter, before, leaf.as_str())?;
                }
                AppealTarget::Class => {
                    authority::bar_same_person(d, voter, &card.state.class_deciders, describe(&item.target))?;
                }
                AppealTarget::SurveyPoints => {}
            }
        }
        let effect = effect(d, &card, item, decision)?;
        let event = AppealItemDecided {
            appeal: c.appeal.clone(),
            item: decision.item,
            outcome: decision.outcome,
            effect,
            reason_code: decision.reason_code.clone(),
            reason: d.seal("reason", &decision.reason)?,
            voters: voters.clone(),
            by: d.by(),
        };
        d.push(card.stream(), event);
    }
    Ok(())
}

fn voters(d: &Deciding<'_>, card: &Card<'_>, named: &[AccountId]) -> Result<Vec<AccountId>, Refusal> {
    let voters: BTreeSet<_> = named.iter().cloned().collect();
    let mut persons = BTreeSet::new();
    for voter in &voters {
        authority::require_role(d, voter, COUNCIL, Some(card.season_id))?;
        authority::bar_own_case(d, voter, card.season_id, card.agency)?;
        d.read(Stream::Council(card.season_id.clone()));
        let person = authority::persons_read(d, voter);
        let council = d.world.councils.get(card.season_id);
        let aside =
            |a: &AccountId| card.state.recused.contains(a) || council.is_some_and(|c| c.is_recused(a, card.agency));
        if person.iter().any(aside) {
            return Err(refuse!(Recused, account = voter, agency = card.agency));
        }
        persons.insert(person);
    }
    if persons.len() < 2 {
        return Err(refuse!(VotesShort, what = "an appeal decision", have = persons.len(), need = 2));
    }
    Ok(voters.into_iter().collect())
}

/// What the decision sets, fitting its target and outcome.
fn effect(
    d: &Deciding<'_>,
    card: &Card<'_>,
    item: &Item,
    decision: &ItemDecision,
) -> Result<Option<AppealEffect>, Refusal> {
    let unfit = |why: String| refuse!(DecisionUnfit, item = decision.item, why = why);
    let known = |old, new| check_reason(card.policy, card.season_id, &decision.reason_code, old, new);
    let sets = match (&decision.sets, decision.outcome) {
        (None, AppealOutcome::Rejected) => {
            // Nothing changes, so any code of the season explains it.
            known(None, Points::ZERO)?;
            return Ok(None);
        }
        (Some(_), AppealOutcome::Rejected) => return Err(unfit("a rejection sets nothing".to_owned())),
        (None, AppealOutcome::Upheld | AppealOutcome::Partly) => {
            return Err(unfit("say in `sets` what the decision sets".to_owned()));
        }
        (Some(sets), AppealOutcome::Upheld | AppealOutcome::Partly) => sets,
    };
    match (&item.target, sets) {
        (AppealTarget::Leaf(id), DecisionSets::Points(points)) => {
            let leaf: &LeafInfo = card.scored_leaf(id.as_str())?;
            let (new, inputs) = card.new_points(leaf, points)?;
            let old = card.recorded(id).appraised.as_ref().map(|a| a.points);
            not_lower(card, old, new)?;
            known(old, new)?;
            as_requested(item, decision, new)?;
            if old == Some(new) {
                return Err(unfit(format!("leaf {} has {new} points already: reject the item", leaf.code)));
            }
            Ok(Some(AppealEffect::Points { old, new, inputs }))
        }
        (AppealTarget::SurveyPoints, DecisionSets::SurveyPoints(new)) => {
            let old = survey_points(d, card)?;
            let max = card.version.survey_leaf().map_or(Points::ZERO, |l| l.max_points);
            if *new > max || new.get().scale() > card.policy.leaf_decimals {
                let limit = format!("0 to {max}, at most {} decimals", card.policy.leaf_decimals);
                return Err(refuse!(PointsOutsideRule, leaf = "survey", points = new, limit = limit));
            }
            not_lower(card, old, *new)?;
            known(old, *new)?;
            as_requested(item, decision, *new)?;
            if old == Some(*new) {
                return Err(unfit(format!("the survey points are {new} already: reject the item")));
            }
            Ok(Some(AppealEffect::SurveyPoints { old, new: *new }))
        }
        (AppealTarget::Applicability(id), DecisionSets::Applicability(applicability)) => {
            known(None, Points::ZERO)?;
            if card.recorded(id).applicability == *applicability {
                return Err(unfit("it stands so already: reject the item".to_owned()));
            }
            Ok(Some(AppealEffect::Applicability(*applicability)))
        }
        (AppealTarget::Class, DecisionSets::ClassCap(class)) => {
            known(None, Points::ZERO)?;
            known_class(card.season, &card.member.group, class.as_deref())?;
            if card.state.class_cap == *class {
                return Err(unfit("it stands so already: reject the item".to_owned()));
            }
            Ok(Some(AppealEffect::ClassCap { class: class.clone() }))
        }
        (target, _) => Err(unfit(format!("the item contests {}, the decision sets something else", describe(target)))),
    }
}

fn not_lower(card: &Card<'_>, old: Option<Points>, new: Points) -> Result<(), Refusal> {
    match old {
        Some(old) if new < old && !card.policy.appeal_may_lower => Err(refuse!(MayNotLower, old = old, new = new)),
        Some(_) | None => Ok(()),
    }
}

/// *Upheld* means what was asked for; *partly* means something else.
fn as_requested(item: &Item, decision: &ItemDecision, new: Points) -> Result<(), Refusal> {
    let Some(Ok(requested)) = item.requested.as_ref().map(|r| r.parse::<Points>()) else { return Ok(()) };
    let unfit = |why: String| Err(refuse!(DecisionUnfit, item = decision.item, why = why));
    match decision.outcome {
        AppealOutcome::Upheld if new < requested => {
            unfit(format!("{requested} was asked for and {new} is set: that is partly"))
        }
        AppealOutcome::Partly if new >= requested => {
            unfit(format!("{requested} was asked for and {new} is set: that is upheld"))
        }
        AppealOutcome::Upheld | AppealOutcome::Partly | AppealOutcome::Rejected => Ok(()),
    }
}

pub(crate) fn withdraw(d: &Deciding<'_>, c: &WithdrawAppeal) -> Result<(), Refusal> {
    let card = Card::open(d, &c.season, &c.agency)?;
    let appeal = card.state.appeals.get(&c.appeal).ok_or_else(|| refuse!(Unknown, what = "appeal", id = &c.appeal))?;
    let numbers: Vec<u32> = if c.items.is_empty() {
        let open = appeal.items.iter().zip(1..).filter(|(i, _)| i.state == ItemState::Open);
        open.map(|(_, number)| number).collect()
    } else {
        let unique: BTreeSet<_> = c.items.iter().copied().collect();
        unique.into_iter().collect()
    };
    for number in numbers {
        open_item(&card, &c.appeal, number)?;
        d.push(card.stream(), AppealItemWithdrawn { appeal: c.appeal.clone(), item: number, by: d.by() });
    }
    Ok(())
}
