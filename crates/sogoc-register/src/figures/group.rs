//! Figures of a ranking group: counts, means, extremes, bands, domains.

use std::sync::Arc;

use sogoc_domain::exact::Exact;

use super::{Computed, change, fixed};
use crate::address::{
    AgencyDomainName, AgencyFigure, AgencyName, BandName, Figured, GroupDomainName, GroupFigure, GroupName,
};
use crate::rules::{Rules, SurveySum};
use crate::season::{GroupFrame, SurveyStateCode, version_at};
use crate::trail::Trail;
use crate::value::{Missing, Unit, Value};
use crate::view::{DomainPart, GroupState, Row, SeasonView};

struct Asked<'v, 'r, T> {
    view: &'v SeasonView<'r>,
    group: &'r Arc<GroupFrame>,
    state: Arc<GroupState>,
    trail: &'v mut T,
}

pub(super) fn compute<'r, T: Trail>(
    view: &SeasonView<'r>,
    group: &'r Arc<GroupFrame>,
    what: GroupFigure,
    trail: &mut T,
) -> Computed {
    let mut asked = Asked { view, group, state: view.state(group), trail };
    match what {
        GroupFigure::Plain(name) => asked.plain(name),
        GroupFigure::Year(name, year) => {
            let figured = Figured::Group { group, what: GroupFigure::Plain(name) };
            change::of_year(view, &figured, year, asked.trail)
        }
        GroupFigure::Letter(band, name) => asked.band(AgencyName::Letter, &group.letters[band].code, name),
        GroupFigure::Class(band, name) => asked.band(AgencyName::Class, &group.classes[band].code, name),
        GroupFigure::Domain(domain, name) => asked.domain(domain, name),
    }
}

impl<T: Trail> Asked<'_, '_, T> {
    /// The rules, unless something that the group reads is stopped.
    fn rules(&self) -> Result<Rules, Missing> {
        match &self.state.blocked {
            Some(why) => Err(why.clone()),
            None => self.view.ready().map(|(_, rules)| rules),
        }
    }

    /// Takes a figure of every ranked agency down as an input.
    fn reads_all(&mut self, what: AgencyFigure) {
        if !T::KEEPS {
            return;
        }
        for row in self.state.ranked() {
            let address = self.view.address(&Figured::Agency { group: self.group, card: row.card, what });
            self.trail.figure(|| address);
        }
    }

    fn reads_of(&mut self, card: usize, what: AgencyFigure) {
        if T::KEEPS {
            let address = self.view.address(&Figured::Agency { group: self.group, card, what });
            self.trail.figure(|| address);
        }
    }

    fn reads(&mut self, name: GroupName) {
        if T::KEEPS {
            let figured = Figured::Group { group: self.group, what: GroupFigure::Plain(name) };
            let address = self.view.address(&figured);
            self.trail.figure(|| address);
        }
    }

    /// Entries by which the agencies came to be in the group.
    fn member_entries(&mut self) {
        if !T::KEEPS {
            return;
        }
        for row in self.state.ranked() {
            let memberships = &self.view.card(row.card).memberships;
            memberships.iter().take_while(|(p, _)| *p < self.view.cut).for_each(|(p, _)| self.trail.entry(*p, 0));
        }
    }

    fn plain(&mut self, name: GroupName) -> Computed {
        const INDEX: AgencyFigure = AgencyFigure::Plain(AgencyName::Index);
        let partial = self.state.is_partial();
        match name {
            GroupName::Count => {
                self.trail.formula(fixed("number of agencies that are ranked in the group"));
                self.member_entries();
                Computed::count(self.rules().map(|_| self.state.ranked().count()))
            }
            GroupName::CompleteCount => {
                self.trail.formula(fixed("number of agencies that have an index"));
                self.reads_all(INDEX);
                Computed::count(self.rules().map(|_| self.state.order.len()))
            }
            GroupName::MeanIndex => {
                self.trail.formula(fixed("Σ index ÷ number of agencies, over exact indices"));
                self.reads_all(INDEX);
                Computed::exact(self.mean(), Unit::Percent).partial(partial)
            }
            GroupName::MaxIndex => self.extreme("the highest index", true).partial(partial),
            GroupName::MinIndex => self.extreme("the lowest index", false).partial(partial),
            GroupName::MaxIndexAgency => {
                self.extreme_agency("the agency with the highest index", true).partial(partial)
            }
            GroupName::MinIndexAgency => {
                self.extreme_agency("the agency with the lowest index", false).partial(partial)
            }
            GroupName::Spread => {
                self.trail.formula(fixed("max_index − min_index, exact"));
                self.reads(GroupName::MaxIndex);
                self.reads(GroupName::MinIndex);
                let (max, min) = (self.extreme_index(true), self.extreme_index(false));
                let spread = max.and_then(|max| Ok(max - min?));
                Computed::exact(spread, Unit::Points).partial(partial)
            }
            GroupName::AboveMeanCount => {
                self.trail.formula(fixed("number of agencies whose exact index is above the exact mean_index"));
                self.reads(GroupName::MeanIndex);
                self.reads_all(INDEX);
                Computed::count(self.above_mean().map(|rows| rows.len())).partial(partial)
            }
            GroupName::AboveMeanMembers => {
                self.trail.formula(fixed("agencies whose exact index is above the exact mean_index"));
                self.reads(GroupName::MeanIndex);
                self.reads_all(INDEX);
                ids(self.above_mean()).partial(partial)
            }
            GroupName::LetterCount => {
                self.trail.formula(fixed("number of letters that an agency has"));
                self.reads_all(AgencyFigure::Plain(AgencyName::Letter));
                let used = self.group.letters.iter().map(|b| self.banded(AgencyName::Letter, &b.code));
                let used = used.collect::<Result<Vec<_>, _>>();
                Computed::count(used.map(|u| u.iter().filter(|members| !members.is_empty()).count())).partial(partial)
            }
            GroupName::SurveyMean => self.survey_mean(),
            GroupName::SurveyCount => {
                self.trail.formula(fixed("number of agencies with a survey"));
                self.reads_all(AgencyFigure::Plain(AgencyName::SurveyPoints));
                let waiting = self.surveyed().2;
                Computed::count(self.rules().map(|_| self.surveyed().0.len())).partial(waiting)
            }
            GroupName::NotSurveyedMembers => {
                self.trail.formula(fixed("agencies without a survey"));
                self.reads_all(AgencyFigure::Plain(AgencyName::SurveyPoints));
                let (_, without, waiting) = self.surveyed();
                ids(self.rules().map(|_| without)).partial(waiting)
            }
            GroupName::SurveyForms => self.survey_forms(),
            GroupName::MeanIndexChange => {
                self.trail
                    .formula(fixed("mean_index, rounded as displayed − mean_index of the comparison year, as printed"));
                self.reads(GroupName::MeanIndex);
                self.change(GroupName::MeanIndex).partial(partial)
            }
            GroupName::SpreadChange => {
                self.trail.formula(fixed("spread, rounded as displayed − spread of the comparison year, as printed"));
                self.reads(GroupName::Spread);
                self.change(GroupName::Spread).partial(partial)
            }
            GroupName::MeanIndexDirection => {
                self.trail.formula(fixed("sign of mean_index_change"));
                self.reads(GroupName::MeanIndexChange);
                change::direction(change::of_group(self.view, self.group, GroupName::MeanIndex, self.trail))
                    .partial(partial)
            }
            GroupName::SpreadDirection => {
                self.trail.formula(fixed("sign of spread_change"));
                self.reads(GroupName::SpreadChange);
                change::direction(change::of_group(self.view, self.group, GroupName::Spread, self.trail))
                    .partial(partial)
            }
            GroupName::IndexRisenCount => self.changed(AgencyName::IndexChange, Sign::Up, true),
            GroupName::IndexFallenCount => self.changed(AgencyName::IndexChange, Sign::Down, true),
            GroupName::IndexUnchangedCount => self.changed(AgencyName::IndexChange, Sign::Same, true),
            GroupName::RankRisenCount => self.changed(AgencyName::RankChange, Sign::Up, true),
            GroupName::RankFallenCount => self.changed(AgencyName::RankChange, Sign::Down, true),
            GroupName::RankUnchangedCount => self.changed(AgencyName::RankChange, Sign::Same, true),
            GroupName::RankUnchangedMembers => self.changed(AgencyName::RankChange, Sign::Same, false),
            GroupName::LargestIndexRiseAgency => self.largest(AgencyName::IndexChange, Sign::Up),
            GroupName::LargestIndexFallAgency => self.largest(AgencyName::IndexChange, Sign::Down),
            GroupName::LargestRankRiseAgency => self.largest(AgencyName::RankChange, Sign::Up),
            GroupName::LargestRankFallAgency => self.largest(AgencyName::RankChange, Sign::Down),
        }
    }

    fn mean(&self) -> Result<Exact, Missing> {
        self.state.mean(self.rules()?).cloned().ok_or(Missing::NoIndex)
    }

    fn extreme_row(&self, highest: bool) -> Result<&Row, Missing> {
        self.rules()?;
        let row = if highest { self.state.ordered().next() } else { self.state.ordered().next_back() };
        row.ok_or(Missing::NoIndex)
    }

    fn extreme_index(&self, highest: bool) -> Result<Exact, Missing> {
        self.extreme_row(highest)?.index.clone()
    }

    fn extreme(&mut self, formula: &'static str, highest: bool) -> Computed {
        self.trail.formula(fixed(formula));
        self.reads_all(AgencyFigure::Plain(AgencyName::Index));
        Computed::exact(self.extreme_index(highest), Unit::Percent)
    }

    fn extreme_agency(&mut self, formula: &'static str, highest: bool) -> Computed {
        self.trail.formula(fixed(formula));
        self.reads_all(AgencyFigure::Plain(AgencyName::Index));
        let extreme = self.extreme_index(highest);
        let rows = extreme.map(|extreme| {
            let equal = |row: &&Row| row.index.as_ref() == Ok(&extreme);
            self.state.ordered().filter(equal).map(|row| row.agency.to_string()).collect()
        });
        ids(rows)
    }

    fn above_mean(&self) -> Result<Vec<String>, Missing> {
        let mean = self.mean()?;
        let above = |row: &&Row| row.index.as_ref().is_ok_and(|index| *index > mean);
        Ok(self.state.ordered().filter(above).map(|row| row.agency.to_string()).collect())
    }

    /// Agencies with a survey, those without, and whether some have neither yet.
    fn surveyed(&self) -> (Vec<String>, Vec<String>, bool) {
        let (mut with, mut without, mut waiting) = (Vec::new(), Vec::new(), false);
        for row in self.state.ranked() {
            match row.sums.as_ref().map(|s| s.survey) {
                Ok(SurveySum::Points(_)) => with.push(row.agency.to_string()),
                Ok(SurveySum::NotApplicable | SurveySum::NotSurveyed | SurveySum::NoLeaf | SurveySum::InFull(_)) => {
                    without.push(row.agency.to_string());
                }
                Ok(SurveySum::Missing) | Err(_) => waiting = true,
            }
        }
        (with, without, waiting)
    }

    fn survey_mean(&mut self) -> Computed {
        self.trail.formula(fixed("Σ survey_points ÷ survey_count, over the agencies with a survey"));
        self.reads_all(AgencyFigure::Plain(AgencyName::SurveyPoints));
        let points: Vec<Exact> = self
            .state
            .ranked()
            .filter_map(|row| match row.sums.as_ref().map(|s| s.survey) {
                Ok(SurveySum::Points(points)) => Some(points.exact()),
                _ => None,
            })
            .collect();
        let refs: Vec<&Exact> = points.iter().collect();
        let mean = self.rules().and_then(|rules| rules.mean(&refs).ok_or(Missing::None));
        Computed::exact(mean, Unit::Points).partial(self.surveyed().2)
    }

    fn survey_forms(&mut self) -> Computed {
        self.trail.formula(fixed("Σ survey_forms"));
        self.reads_all(AgencyFigure::Plain(AgencyName::SurveyForms));
        let forms = self.rules().and_then(|_| forms(self.view, &self.state).ok_or(Missing::OnlyTotals));
        Computed::of(forms.map(Value::Count), Unit::Forms).partial(self.surveyed().2)
    }

    fn change(&mut self, name: GroupName) -> Computed {
        Computed::exact(change::of_group(self.view, self.group, name, self.trail), Unit::Points)
    }

    /// The change of every ranked agency; missing where one of them has none.
    fn changes(&mut self, name: AgencyName) -> Result<Vec<(String, Exact)>, Missing> {
        self.rules()?;
        self.reads_all(AgencyFigure::Plain(name));
        let cards: Vec<usize> = self.state.ranked().map(|row| row.card).collect();
        if cards.is_empty() {
            return Err(Missing::NoIndex);
        }
        let change = |card: usize| {
            let figured = Figured::Agency { group: self.group, card, what: AgencyFigure::Plain(name) };
            match self.view.value_of(&figured).value {
                Value::Exact(change) => Ok((self.view.card(card).agency.to_string(), change)),
                Value::Missing(why) => Err(why),
                Value::Count(_) | Value::Text(_) | Value::Ids(_) => Err(Missing::None),
            }
        };
        cards.into_iter().map(change).collect()
    }

    fn changed(&mut self, name: AgencyName, sign: Sign, count: bool) -> Computed {
        let of = name.as_str();
        self.trail.formula(|| format!("agencies whose {of} is {}", sign.as_str()).into());
        let members = self.changes(name).map(|changes| {
            changes.into_iter().filter(|(_, c)| Sign::of(c) == sign).map(|(id, _)| id).collect::<Vec<_>>()
        });
        if count { Computed::count(members.map(|m| m.len())) } else { ids(members) }
    }

    fn largest(&mut self, name: AgencyName, sign: Sign) -> Computed {
        let of = name.as_str();
        self.trail.formula(|| format!("the agency whose {of} is furthest {}", sign.as_str()).into());
        let members = self.changes(name).and_then(|changes| {
            let towards: Vec<_> = changes.into_iter().filter(|(_, c)| Sign::of(c) == sign).collect();
            let furthest = towards.iter().map(|(_, c)| c.abs()).max().ok_or(Missing::None)?;
            Ok(towards.into_iter().filter(|(_, c)| c.abs() == furthest).map(|(id, _)| id).collect::<Vec<_>>())
        });
        ids(members)
    }

    /// Agencies whose class or letter is this one.
    fn banded(&self, name: AgencyName, code: &str) -> Result<Vec<String>, Missing> {
        self.rules()?;
        let has = |row: &&Row| {
            let figured = Figured::Agency { group: self.group, card: row.card, what: AgencyFigure::Plain(name) };
            self.view.value_of(&figured).value == Value::Text(code.to_owned())
        };
        Ok(self.state.ranked().filter(has).map(|row| row.agency.to_string()).collect())
    }

    fn band(&mut self, of: AgencyName, code: &str, name: BandName) -> Computed {
        self.trail.formula(|| format!("agencies whose {} is {code}", of.as_str()).into());
        self.reads_all(AgencyFigure::Plain(of));
        let members = self.banded(of, code);
        let partial = self.state.is_partial();
        match name {
            BandName::Count => Computed::count(members.map(|m| m.len())).partial(partial),
            BandName::Members => ids(members).partial(partial),
        }
    }

    fn domain(&mut self, domain: usize, name: GroupDomainName) -> Computed {
        let index = match self.rules().and_then(|_| self.view.index_of(self.group)) {
            Ok(index) => index,
            Err(why) => return Computed::of(Err(why), domain_unit(name)),
        };
        let code = &index.domains[domain].code;
        if name == GroupDomainName::MaxPoints {
            self.trail.formula(fixed("max_points of the domain in the group's criteria set"));
            if T::KEEPS {
                let address = format!("{}/{}/criteria/domain/{code}/max_points", self.view.id(), self.group.id);
                self.trail.figure(|| address);
            }
            return Computed::exact(Ok(index.domains[domain].max.exact()), Unit::Points);
        }
        let parts: Result<Vec<(&Row, DomainPart)>, Missing> = self
            .state
            .rows
            .iter()
            .enumerate()
            .filter(|(_, row)| row.ranked)
            .map(|(no, row)| Ok((row, self.state.domain(self.view, no, domain)?)))
            .collect();
        let parts = match parts {
            Ok(parts) => parts,
            Err(why) => return Computed::of(Err(why), domain_unit(name)),
        };
        let applies: Vec<_> = parts.iter().filter(|(_, p)| p.leaves > 0).collect();
        let whole: Vec<_> = applies.iter().filter(|(_, p)| p.missing == 0).collect();
        let partial = whole.len() < applies.len();
        let cards: Vec<usize> = applies.iter().map(|(row, _)| row.card).collect();
        let names = |rows: &mut dyn Iterator<Item = &Row>| rows.map(|row| row.agency.to_string()).collect::<Vec<_>>();
        let at_max = || whole.iter().filter(|(_, p)| p.points == p.max);
        let (formula, computed) = match name {
            GroupDomainName::Mean => {
                let points: Vec<Exact> = whole.iter().map(|(_, p)| p.points.exact()).collect();
                let refs: Vec<&Exact> = points.iter().collect();
                let mean = self.rules().and_then(|rules| rules.mean(&refs).ok_or(Missing::NotApplicable));
                (
                    "Σ points of the domain ÷ number of agencies with a leaf that applies in it",
                    Computed::exact(mean, Unit::Points),
                )
            }
            GroupDomainName::AtMaxCount => (
                "number of agencies with all points that they can have in the domain",
                Computed::count(Ok(at_max().count())),
            ),
            GroupDomainName::AtMaxMembers => {
                let members = names(&mut at_max().map(|(row, _)| *row));
                ("agencies with all points that they can have in the domain", ids(Ok(members)))
            }
            GroupDomainName::AtMaxOf | GroupDomainName::ScoredCount => {
                ("number of agencies with a leaf that applies in the domain", Computed::count(Ok(applies.len())))
            }
            GroupDomainName::NotScoredCount => (
                "number of agencies without a leaf that applies in the domain",
                Computed::count(Ok(parts.len() - applies.len())),
            ),
            GroupDomainName::NotScoredMembers => {
                let members = names(&mut parts.iter().filter(|(_, p)| p.leaves == 0).map(|(row, _)| *row));
                ("agencies without a leaf that applies in the domain", ids(Ok(members)))
            }
            GroupDomainName::MaxPoints => unreachable!("answered above"),
        };
        let counts_all = matches!(
            name,
            GroupDomainName::AtMaxOf
                | GroupDomainName::ScoredCount
                | GroupDomainName::NotScoredCount
                | GroupDomainName::NotScoredMembers
        );
        self.trail.formula(fixed(formula));
        let input = if counts_all { AgencyDomainName::ApplicableMax } else { AgencyDomainName::AppraisedPoints };
        for card in cards {
            self.reads_of(card, AgencyFigure::Domain(domain, input));
        }
        computed.partial(partial && !counts_all)
    }
}

fn domain_unit(name: GroupDomainName) -> Unit {
    match name {
        GroupDomainName::MaxPoints | GroupDomainName::Mean => Unit::Points,
        GroupDomainName::AtMaxCount
        | GroupDomainName::AtMaxOf
        | GroupDomainName::ScoredCount
        | GroupDomainName::NotScoredCount => Unit::Count,
        GroupDomainName::AtMaxMembers | GroupDomainName::NotScoredMembers => Unit::Agencies,
    }
}

/// Sorted ids.
pub(super) fn ids(members: Result<Vec<String>, Missing>) -> Computed {
    let members = members.map(|mut members| {
        members.sort_unstable();
        Value::Ids(members)
    });
    Computed::of(members, Unit::Agencies)
}

/// Accepted forms of the ranked agencies; none where only totals were transcribed.
pub(super) fn forms(view: &SeasonView<'_>, state: &GroupState) -> Option<u64> {
    let only_totals = view.frame.group(state.group.as_str()).is_none_or(|g| g.set.is_none());
    let of = |row: &Row| {
        let counted = matches!(row.sums.as_ref().map(|s| s.survey), Ok(SurveySum::Points(_)));
        let version = version_at(&view.card(row.card).survey, view.cut).map(|(_, v)| v);
        version.filter(|v| counted && v.state == SurveyStateCode::Accepted).map_or(0, |v| v.forms)
    };
    let sum = state.ranked().map(of).sum();
    if only_totals && sum == 0 { None } else { Some(sum) }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    Up,
    Down,
    Same,
}

impl Sign {
    fn of(change: &Exact) -> Self {
        if change.is_zero() {
            Self::Same
        } else if change.is_negative() {
            Self::Down
        } else {
            Self::Up
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Up => "above 0",
            Self::Down => "below 0",
            Self::Same => "0",
        }
    }
}
