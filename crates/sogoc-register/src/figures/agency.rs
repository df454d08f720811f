//! Figures of an agency: points, applicable max, index, rank, class; of its domains and leaves.

use std::borrow::Cow;
use std::sync::Arc;

use sogoc_domain::exact::Exact;

use super::{Computed, change, fixed};
use crate::address::{AgencyDomainName, AgencyFigure, AgencyName, Figured, LeafName};
use crate::fold::part;
use crate::micro::Micro;
use crate::rules::SurveySum;
use crate::season::{Applies, Card, GroupFrame, SurveyStateCode, version_at};
use crate::symbols::Sym;
use crate::trail::Trail;
use crate::value::{Missing, Unit, Value};
use crate::view::SeasonView;

/// An agency in its group, and where its provenance goes.
struct Asked<'v, 'r, T> {
    view: &'v SeasonView<'r>,
    group: &'r Arc<GroupFrame>,
    no: usize,
    card: &'r Card,
    trail: &'v mut T,
}

pub(super) fn compute<'r, T: Trail>(
    view: &SeasonView<'r>,
    group: &'r Arc<GroupFrame>,
    no: usize,
    what: AgencyFigure,
    trail: &mut T,
) -> Computed {
    let mut asked = Asked { view, group, no, card: view.card(no), trail };
    match what {
        AgencyFigure::Plain(name) => asked.plain(name),
        AgencyFigure::Year(name, year) => {
            let figured = Figured::Agency { group, card: no, what: AgencyFigure::Plain(name) };
            change::of_year(view, &figured, year, asked.trail)
        }
        AgencyFigure::Domain(domain, name) => asked.domain(domain, name),
        AgencyFigure::Leaf(leaf, name) => asked.leaf(leaf, name),
    }
}

impl<T: Trail> Asked<'_, '_, T> {
    fn address(&self, what: AgencyFigure) -> String {
        self.view.address(&Figured::Agency { group: self.group, card: self.no, what })
    }

    /// Takes another figure of the agency down as an input.
    fn reads(&mut self, name: AgencyName) {
        if T::KEEPS {
            let address = self.address(AgencyFigure::Plain(name));
            self.trail.figure(|| address);
        }
    }

    /// Takes down entries of the scorecard that are about no leaf and of one of these kinds.
    fn card_entries(&mut self, kinds: &[&str]) {
        if !T::KEEPS {
            return;
        }
        for entry in self.card.entries.iter().filter(|e| e.position < self.view.cut) {
            if kinds.iter().any(|kind| self.view.reg.kind_at(entry.position).starts_with(kind)) {
                self.trail.entry(entry.position, entry.detail);
            }
        }
    }

    /// Takes down the entries that decided what applies: of one leaf, or of all.
    fn applicability_entries(&mut self, only: Option<Sym>) {
        if !T::KEEPS {
            return;
        }
        for leaf in self.card.leaves.iter().filter(|l| only.is_none_or(|sym| sym == l.sym)) {
            let mut before = Applies::Yes;
            for version in leaf.versions.iter().take_while(|v| v.position < self.view.cut) {
                if version.applicability != before {
                    self.trail.entry(version.position, 0);
                }
                before = version.applicability;
            }
        }
    }

    fn survey_entries(&mut self) {
        if !T::KEEPS {
            return;
        }
        for position in self.card.survey_entries.iter().take_while(|p| **p < self.view.cut) {
            self.trail.entry(*position, 0);
        }
    }

    /// Takes down what the class bands and the policy rest on.
    fn policy_entries(&mut self) {
        if T::KEEPS {
            let policy = self.view.frame.policy_entry;
            policy.iter().chain(self.group.entries.first()).for_each(|p| self.trail.entry(*p, 0));
        }
    }

    fn plain(&mut self, name: AgencyName) -> Computed {
        match name {
            AgencyName::AppraisedPoints => self.appraised_points(),
            AgencyName::SurveyPoints => self.survey_points(),
            AgencyName::TotalPoints => self.total_points(),
            AgencyName::BonusPoints => self.lines(|sums| sums.bonus, "Σ points of the bonus lines, each up to its cap"),
            AgencyName::PenaltyPoints => {
                self.lines(|sums| sums.penalty, "Σ points of the penalty lines, each up to its cap")
            }
            AgencyName::ApplicableMax => self.applicable_max(),
            AgencyName::Index => self.index(),
            AgencyName::Rank => self.rank(),
            AgencyName::Class => self.class(true),
            AgencyName::ComputedClass => self.class(false),
            AgencyName::Letter => self.letter(),
            AgencyName::SelfPoints => self.self_points(),
            AgencyName::SurveyForms => self.survey_forms(),
            AgencyName::IndexChange => {
                self.trail.formula(fixed("index, rounded as displayed − index of the comparison year, as printed"));
                self.reads(AgencyName::Index);
                let change = change::of_index(self.view, self.group, self.no, self.trail);
                Computed::exact(change, Unit::Points)
            }
            AgencyName::RankChange => {
                self.trail.formula(fixed("rank of the comparison year − rank"));
                self.reads(AgencyName::Rank);
                let change = change::of_rank(self.view, self.group, self.no, self.trail);
                Computed::exact(change, Unit::Ranks)
            }
        }
    }

    fn appraised_points(&mut self) -> Computed {
        self.trail.formula(fixed("Σ appraised_points of the leaves that apply"));
        let totals = match self.view.ready_group(self.group).and_then(|_| self.view.totals(self.group, self.card)) {
            Ok(totals) => totals,
            Err(why) => return Computed::of(Err(why), Unit::Points),
        };
        let Some(index) = &self.group.index else {
            self.trail.formula(fixed("as transcribed from the published table"));
            self.card_entries(&["result-transcribed"]);
            if !totals.transcribed {
                return Computed::of(Err(Missing::Incomplete(totals.missing)), Unit::Points);
            }
            return Computed::exact(Ok(totals.appraised.exact()), Unit::Points);
        };
        if T::KEEPS {
            let mut sum = Micro::ZERO;
            for (no, leaf) in index.leaves.iter().enumerate().filter(|(_, leaf)| !leaf.survey) {
                let part = part(self.card.leaf_at(leaf.sym, self.view.cut), leaf);
                sum = sum.plus(part.appraised);
                let address = self.address(AgencyFigure::Leaf(no, LeafName::AppraisedPoints));
                self.trail.figure(|| address);
            }
            // The running sum is made of the same parts, one entry at a time.
            assert_eq!(sum, totals.appraised, "the running sum of {} is not that of its leaves", self.card.agency);
            self.card_entries(&["scorecard-", "submission-", "late-submission-"]);
        }
        let value = totals.appraised.exact();
        let mut computed = Computed::exact(Ok(value), Unit::Points).partial(totals.missing > 0);
        if totals.missing > 0 {
            computed.note = Some(format!("partial: {} of the leaves that apply have no points yet", totals.missing));
        }
        computed
    }

    fn survey_points(&mut self) -> Computed {
        self.trail.formula(fixed(
            "mean of the factors' percentages × max points of the survey ÷ 100, rounded; or as set on appeal",
        ));
        let value = self.view.sums(self.group, self.card).and_then(|sums| match sums.survey {
            SurveySum::Points(points) => Ok(points.exact()),
            SurveySum::InFull(points) => {
                self.trail.formula(fixed("max points: does not apply and is awarded in full"));
                Ok(points.exact())
            }
            SurveySum::NoLeaf | SurveySum::NotApplicable => Err(Missing::NotApplicable),
            SurveySum::NotSurveyed => Err(Missing::NotSurveyed),
            SurveySum::Missing => Err(Missing::Incomplete(1)),
        });
        self.survey_entries();
        let leaf = self.group.index.as_ref().and_then(|i| Some(i.leaves[i.survey_leaf?].sym));
        if leaf.is_some() {
            self.applicability_entries(leaf);
        }
        self.card_entries(&["appeal-item-decided", "result-transcribed"]);
        Computed::exact(value, Unit::Points)
    }

    fn total_points(&mut self) -> Computed {
        self.trail.formula(fixed("appraised_points + survey_points"));
        let sums = match self.view.sums(self.group, self.card) {
            Ok(sums) => sums,
            Err(why) => return Computed::of(Err(why), Unit::Points),
        };
        self.reads(AgencyName::AppraisedPoints);
        self.reads(AgencyName::SurveyPoints);
        if !self.view.frame.lines.is_empty() {
            self.trail.formula(fixed("appraised_points + survey_points + bonus_points − penalty_points"));
            self.reads(AgencyName::BonusPoints);
            self.reads(AgencyName::PenaltyPoints);
        }
        if self.group.index.is_none() && sums.missing > 0 {
            return Computed::of(Err(Missing::Incomplete(sums.missing)), Unit::Points);
        }
        let mut computed = Computed::exact(Ok(sums.total.exact()), Unit::Points).partial(sums.missing > 0);
        if sums.missing > 0 {
            computed.note = Some(Missing::Incomplete(sums.missing).to_string());
        }
        computed
    }

    fn lines(&mut self, of: impl Fn(&crate::rules::Sums) -> Micro, formula: &'static str) -> Computed {
        self.trail.formula(fixed(formula));
        self.card_entries(&["line-scored"]);
        let sums = self.view.sums(self.group, self.card);
        Computed::exact(sums.map(|s| of(&s).exact()), Unit::Points)
    }

    fn applicable_max(&mut self) -> Computed {
        self.trail.formula(fixed("max_points of the criteria set − max points of what was decided not to apply"));
        let sums = match self.view.sums(self.group, self.card) {
            Ok(sums) => sums,
            Err(why) => return Computed::of(Err(why), Unit::Points),
        };
        if self.group.index.is_none() {
            self.trail.formula(fixed("as transcribed from the published table"));
            self.card_entries(&["result-transcribed"]);
            if sums.missing > 0 {
                return Computed::of(Err(Missing::Incomplete(sums.missing)), Unit::Points);
            }
        } else {
            if T::KEEPS {
                let address = format!("{}/{}/criteria/max_points", self.view.id(), self.group.id);
                self.trail.figure(|| address);
            }
            self.applicability_entries(None);
            if sums.survey == SurveySum::NotSurveyed {
                self.survey_entries();
            }
        }
        Computed::exact(Ok(sums.max.exact()), Unit::Points)
    }

    fn index_value(&self) -> Result<Exact, Missing> {
        let (_, rules) = self.view.ready_group(self.group)?;
        let sums = self.view.sums(self.group, self.card)?;
        rules.index(&sums).ok_or(Missing::Incomplete(sums.missing))
    }

    fn index(&mut self) -> Computed {
        self.trail.formula(fixed("100 × total_points ÷ applicable_max"));
        self.reads(AgencyName::TotalPoints);
        self.reads(AgencyName::ApplicableMax);
        Computed::exact(self.index_value(), Unit::Percent)
    }

    fn rank(&mut self) -> Computed {
        self.trail.formula(fixed("place of the index among those of the group, ties by the season's policy"));
        self.reads(AgencyName::Index);
        let state = self.view.state(self.group);
        if T::KEEPS {
            for row in state.ranked().filter(|r| r.card != self.no) {
                let what = AgencyFigure::Plain(AgencyName::Index);
                let address = self.view.address(&Figured::Agency { group: self.group, card: row.card, what });
                self.trail.figure(|| address);
            }
        }
        let value = match state.row_of(self.card.agency.as_str()) {
            Some(row) if !row.ranked => Err(Missing::NotRanked),
            Some(row) => match (&row.index, row.rank) {
                (_, Some(rank)) => Ok(Value::Count(u64::from(rank))),
                (Err(why), None) => Err(why.clone()),
                (Ok(_), None) => Err(Missing::NotActive),
            },
            None => Err(Missing::NotRanked),
        };
        Computed::of(value, Unit::Rank).partial(state.is_partial())
    }

    /// The class that the index falls in, or the cap where that is lower.
    fn class(&mut self, capped: bool) -> Computed {
        let bands = &self.group.classes;
        let found = self.index_value().and_then(|index| self.view.class(self.group, self.card, &index));
        if capped {
            self.trail.formula(fixed("computed_class, at best the class that an instrument or an appeal set"));
            self.reads(AgencyName::ComputedClass);
            self.card_entries(&["class-capped", "appeal-item-decided"]);
        } else {
            self.trail.formula(fixed("the class band of the index, rounded or exact by the season's policy"));
            self.reads(AgencyName::Index);
            self.policy_entries();
        }
        let value = found.map(|(held, computed)| Value::Text(bands[if capped { held } else { computed }].code.clone()));
        Computed::of(value, Unit::Class)
    }

    fn letter(&mut self) -> Computed {
        self.trail.formula(fixed("the letter band of the index, rounded or exact by the season's policy"));
        self.reads(AgencyName::Index);
        self.policy_entries();
        let value = self.index_value().and_then(|index| {
            let (policy, rules) = self.view.ready_group(self.group)?;
            let band = rules.band(&self.group.letters, &index, policy).ok_or(Missing::NoBand)?;
            Ok(Value::Text(self.group.letters[band].code.clone()))
        });
        Computed::of(value, Unit::Letter)
    }

    fn self_points(&mut self) -> Computed {
        self.trail.formula(fixed("Σ self_points of the leaves that apply"));
        let (view, group, card) = (self.view, self.group, self.card);
        let index = match view.ready_group(group).and_then(|_| view.index_of(group)) {
            Ok(index) => index,
            Err(why) => return Computed::of(Err(why), Unit::Points),
        };
        let (mut parts, mut missing) = (Vec::with_capacity(index.leaves.len()), 0_u32);
        for (no, leaf) in index.leaves.iter().enumerate().filter(|(_, leaf)| !leaf.survey) {
            let version = card.leaf_at(leaf.sym, view.cut).copied().unwrap_or_default();
            if version.applicability != Applies::Yes {
                continue;
            }
            if T::KEEPS {
                let address = self.address(AgencyFigure::Leaf(no, LeafName::SelfPoints));
                self.trail.figure(|| address);
            }
            match version.self_points.get() {
                Some(points) => parts.push(points),
                None => missing += 1,
            }
        }
        self.card_entries(&["scorecard-submitted", "submission-", "late-submission-"]);
        if parts.is_empty() && missing > 0 {
            return Computed::of(Err(Missing::Incomplete(missing)), Unit::Points);
        }
        Computed::exact(Ok(Micro::sum(parts)), Unit::Points).partial(missing > 0)
    }

    fn survey_forms(&mut self) -> Computed {
        self.trail.formula(fixed("valid forms of the accepted survey result"));
        self.survey_entries();
        let value = self.view.sums(self.group, self.card).and_then(|sums| {
            match (version_at(&self.card.survey, self.view.cut).map(|(_, v)| v), sums.survey) {
                (_, SurveySum::NoLeaf | SurveySum::NotApplicable | SurveySum::InFull(_)) => Err(Missing::NotApplicable),
                (_, SurveySum::NotSurveyed) => Err(Missing::NotSurveyed),
                (Some(version), _) if version.state == SurveyStateCode::Accepted => Ok(Value::Count(version.forms)),
                (None, _) if self.group.index.is_none() => Err(Missing::OnlyTotals),
                _ => Err(Missing::Incomplete(1)),
            }
        });
        Computed::of(value, Unit::Forms)
    }

    fn domain(&mut self, domain: usize, name: AgencyDomainName) -> Computed {
        let (view, group, card) = (self.view, self.group, self.card);
        let part = view.domain(group, card, domain);
        if T::KEEPS
            && let Some(index) = &group.index
        {
            let leaf_name = match name {
                AgencyDomainName::AppraisedPoints => {
                    self.trail.formula(fixed(
                        "Σ appraised_points of the domain's leaves; the survey's leaf has survey_points",
                    ));
                    Some(LeafName::AppraisedPoints)
                }
                AgencyDomainName::SelfPoints => {
                    self.trail.formula(fixed("Σ self_points of the domain's leaves"));
                    Some(LeafName::SelfPoints)
                }
                AgencyDomainName::ApplicableMax => {
                    self.trail.formula(fixed("Σ max points of the domain's leaves that apply"));
                    let code = &index.domains[domain].code;
                    let address = format!("{}/{}/criteria/domain/{code}/max_points", view.id(), group.id);
                    self.trail.figure(|| address);
                    None
                }
            };
            for no in index.domains[domain].leaves.clone() {
                let leaf = &index.leaves[no];
                match leaf_name {
                    Some(LeafName::SelfPoints) if leaf.survey => {}
                    Some(name) => {
                        let address = self.address(AgencyFigure::Leaf(no, name));
                        self.trail.figure(|| address);
                    }
                    None => self.applicability_entries(Some(leaf.sym)),
                }
            }
        }
        let part = match part {
            Ok(part) => part,
            Err(why) => return Computed::of(Err(why), Unit::Points),
        };
        if part.leaves == 0 {
            return Computed::of(Err(Missing::NotApplicable), Unit::Points);
        }
        match name {
            AgencyDomainName::ApplicableMax => Computed::exact(Ok(part.max.exact()), Unit::Points),
            AgencyDomainName::AppraisedPoints => {
                if part.missing == part.leaves {
                    return Computed::of(Err(Missing::Incomplete(part.missing)), Unit::Points);
                }
                Computed::exact(Ok(part.points.exact()), Unit::Points).partial(part.missing > 0)
            }
            AgencyDomainName::SelfPoints => {
                if !part.scored {
                    return Computed::of(Err(Missing::NotScored), Unit::Points);
                }
                Computed::exact(Ok(part.self_points.exact()), Unit::Points).partial(part.self_missing > 0)
            }
        }
    }

    fn leaf(&mut self, no: usize, name: LeafName) -> Computed {
        let (view, group, card) = (self.view, self.group, self.card);
        let unit = if name == LeafName::Applicability { Unit::Applicability } else { Unit::Points };
        let sums = match view.sums(group, card) {
            Ok(sums) => sums,
            Err(why) => return Computed::of(Err(why), unit),
        };
        let Some(leaf) = group.index.as_ref().map(|index| &index.leaves[no]) else {
            return Computed::of(Err(Missing::OnlyTotals), unit);
        };
        let version = card.leaf_at(leaf.sym, view.cut).copied().unwrap_or_default();
        let concerns: fn(&str) -> bool = match name {
            LeafName::AppraisedPoints => |_| true,
            LeafName::SelfPoints => |kind| {
                kind.starts_with("self-")
                    || kind.starts_with("evidence-")
                    || kind.starts_with("leaf-")
                    || kind == "score-recomputed"
            },
            LeafName::Applicability => {
                |kind| kind.starts_with("applicability-") || kind.starts_with("appeal-item-decided")
            }
        };
        if T::KEEPS
            && let Some(log) = card.leaf(leaf.sym)
        {
            for entry in log.entries.iter().take_while(|e| e.position < view.cut) {
                if concerns(view.reg.kind_at(entry.position)) {
                    self.trail.entry(entry.position, entry.detail);
                }
            }
        }
        let max = || leaf.max;
        let missing =
            || if version.applicability == Applies::LeftOut { Missing::NotApplicable } else { Missing::Incomplete(1) };
        match name {
            LeafName::Applicability => {
                self.trail.formula(fixed("as decided last; a leaf applies unless a decision says otherwise"));
                Computed::new(Value::Text(version.applicability.as_str().to_owned()), unit)
            }
            LeafName::SelfPoints => {
                self.trail.formula(fixed("the agency's last self score"));
                let value = version.self_points.get().map(Micro::exact);
                let why = if leaf.survey || version.applicability != Applies::Yes {
                    Missing::NotApplicable
                } else {
                    Missing::NotScored
                };
                Computed::exact(value.ok_or(why), unit)
            }
            LeafName::AppraisedPoints if leaf.survey => {
                self.trail.formula(fixed("survey_points"));
                self.reads(AgencyName::SurveyPoints);
                let value = match sums.survey {
                    SurveySum::Points(points) | SurveySum::InFull(points) => Ok(points.exact()),
                    SurveySum::NoLeaf | SurveySum::NotApplicable => Err(Missing::NotApplicable),
                    SurveySum::NotSurveyed => Err(Missing::NotSurveyed),
                    SurveySum::Missing => Err(Missing::Incomplete(1)),
                };
                Computed::exact(value, unit)
            }
            LeafName::AppraisedPoints => {
                self.trail.formula(|| match version.applicability {
                    Applies::Yes => {
                        Cow::Borrowed("as set last: appraisal, explanation, correction, resolution or appeal")
                    }
                    Applies::LeftOut => Cow::Borrowed("does not apply and leaves the applicable max"),
                    Applies::InFull => Cow::Borrowed("max points: does not apply and is awarded in full"),
                });
                let value = match version.applicability {
                    Applies::LeftOut => None,
                    Applies::InFull => Some(max().exact()),
                    Applies::Yes => version.appraised.get().map(Micro::exact),
                };
                Computed::exact(value.ok_or_else(missing), unit)
            }
        }
    }
}
