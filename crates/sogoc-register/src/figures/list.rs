//! All figures of a season, in a fixed order.

use crate::address::{
    AgencyDomainName, AgencyFigure, AgencyName, BandName, CriteriaFigure, CriteriaName, Figured, GroupDomainName,
    GroupFigure, GroupName, LeafName, NodeName, SurveyName,
};
use crate::register::{Cut, Register};
use crate::sets::SetIndex;
use crate::view::{QueryError, SeasonView};

use super::FigureValue;

impl<'r> SeasonView<'r> {
    /// Calls back with every figure of the season whose address (without the season) may begin with the prefix.
    pub(crate) fn each_figure(&self, under: &str, each: impl FnMut(Figured<'r>)) {
        self.each_under(under, |_| true, each);
    }

    /// Calls back with every figure of the season; of agencies that are not `whole`, without domains and leaves.
    pub(crate) fn each_figure_of(&self, whole: impl Fn(usize) -> bool, each: impl FnMut(Figured<'r>)) {
        self.each_under("", whole, each);
    }

    fn each_under(&self, under: &str, whole: impl Fn(usize) -> bool, mut each: impl FnMut(Figured<'r>)) {
        if "criteria/".starts_with(under) || under.starts_with("criteria/") {
            // Over all groups the figures of the first set are asked for; where another differs they say so.
            if let Some(index) = self.frame.groups.iter().find_map(|g| g.index.as_ref()) {
                criteria(index, |what| each(Figured::Criteria { group: None, what }));
            }
        }
        if "survey/".starts_with(under) || under.starts_with("survey/") {
            SurveyName::ALL.iter().for_each(|name| each(Figured::Survey(*name)));
        }
        for group in &self.frame.groups {
            let prefix = format!("{}/", group.id);
            if !prefix.starts_with(under) && !under.starts_with(&prefix) {
                continue;
            }
            let inside = under.strip_prefix(&prefix).unwrap_or("");
            let index = group.index.as_ref();
            // A name with a slash behind it is asked for: of one agency, or of a part of the group.
            let named = inside.split_once('/').map(|(name, _)| name);
            if let Some(index) = index.filter(|_| named.is_none_or(|name| name == "criteria")) {
                criteria(index, |what| each(Figured::Criteria { group: Some(group), what }));
            }
            if named.is_none_or(|name| matches!(name, "letter" | "class" | "domain")) {
                self.each_of_group(group, &mut each);
            }
            let state = self.state(group);
            let rows = match named {
                Some(agency) => state.row_of(agency).map_or(&[][..], std::slice::from_ref),
                None => &state.rows,
            };
            for row in rows.iter().filter(|row| named.is_some() || row.agency.as_str().starts_with(inside)) {
                let index = index.map(AsRef::as_ref).filter(|_| whole(row.card));
                self.each_of_agency(group, row.card, index, &mut each);
            }
        }
    }

    fn each_of_group(&self, group: &'r std::sync::Arc<crate::season::GroupFrame>, each: &mut impl FnMut(Figured<'r>)) {
        for name in GroupName::ALL {
            each(Figured::Group { group, what: GroupFigure::Plain(*name) });
        }
        for name in [BandName::Count, BandName::Members] {
            (0..group.letters.len()).for_each(|no| each(Figured::Group { group, what: GroupFigure::Letter(no, name) }));
            (0..group.classes.len()).for_each(|no| each(Figured::Group { group, what: GroupFigure::Class(no, name) }));
        }
        for domain in 0..group.index.as_ref().map_or(0, |i| i.domains.len()) {
            for name in GroupDomainName::ALL {
                each(Figured::Group { group, what: GroupFigure::Domain(domain, *name) });
            }
        }
        for (address, year) in self.season.references.keys() {
            let name = address.strip_prefix(&format!("{}/", group.id)).and_then(GroupName::parse);
            if let Some(name) = name.filter(|_| *year < self.frame.year) {
                each(Figured::Group { group, what: GroupFigure::Year(name, *year) });
            }
        }
    }

    /// The figures of an agency: the plain ones, those of its domains and leaves, and those of earlier years.
    pub(crate) fn each_of_agency(
        &self,
        group: &'r std::sync::Arc<crate::season::GroupFrame>,
        card: usize,
        index: Option<&SetIndex>,
        each: &mut impl FnMut(Figured<'r>),
    ) {
        let has_lines = !self.frame.lines.is_empty();
        let mut one = |what| each(Figured::Agency { group, card, what });
        for name in AgencyName::ALL {
            let of_lines = matches!(name, AgencyName::BonusPoints | AgencyName::PenaltyPoints);
            let of_letters = *name == AgencyName::Letter;
            let of_set = *name == AgencyName::SelfPoints;
            if (of_lines && !has_lines) || (of_letters && group.letters.is_empty()) || (of_set && group.set.is_none()) {
                continue;
            }
            one(AgencyFigure::Plain(*name));
        }
        if let Some(index) = index {
            for domain in 0..index.domains.len() {
                for name in AgencyDomainName::ALL {
                    if *name != AgencyDomainName::SelfPoints || index.is_scored(domain) {
                        one(AgencyFigure::Domain(domain, *name));
                    }
                }
            }
            for (no, leaf) in index.leaves.iter().enumerate() {
                for name in LeafName::ALL {
                    if *name != LeafName::SelfPoints || !leaf.survey {
                        one(AgencyFigure::Leaf(no, *name));
                    }
                }
            }
        }
        if !self.season.references.is_empty() {
            let prefix = format!("{}/{}/", group.id, self.card(card).agency);
            let from = (prefix.clone(), 0);
            for ((address, year), _) in
                self.season.references.range(from..).take_while(|((a, _), _)| a.starts_with(&prefix))
            {
                if let Some(name) =
                    address.strip_prefix(&prefix).and_then(AgencyName::parse).filter(|_| *year < self.frame.year)
                {
                    one(AgencyFigure::Year(name, *year));
                }
            }
        }
    }
}

fn criteria(index: &SetIndex, mut each: impl FnMut(CriteriaFigure)) {
    CriteriaName::ALL.iter().for_each(|name| each(CriteriaFigure::Plain(*name)));
    for domain in &index.domains {
        each(CriteriaFigure::Domain(domain.code.clone(), NodeName::MaxPoints));
    }
    for leaf in &index.leaves {
        each(CriteriaFigure::Leaf(leaf.code.clone(), NodeName::MaxPoints));
    }
}

impl Register {
    /// All figures of a season, or those whose address begins with a prefix (with or without the season): the criteria
    /// sets', the survey's, then each group's and its agencies'. Without provenance.
    ///
    /// # Errors
    /// [`QueryError::UnknownSeason`].
    pub fn figures(&self, season: &str, under: Option<&str>, cut: Cut) -> Result<Vec<FigureValue>, QueryError> {
        let view = self.season_view(season, cut)?;
        let under = under.unwrap_or("");
        let under = under.strip_prefix(season).and_then(|rest| rest.strip_prefix('/')).unwrap_or(under);
        let mut figures = Vec::new();
        view.each_figure(under, |figured| {
            let address = view.address(&figured);
            if address[view.id().as_str().len() + 1..].starts_with(under) {
                figures.push(view.figure_at(address, view.value_of(&figured)));
            }
        });
        Ok(figures)
    }

    /// The next of [`Register::figures`] that `may` be shown, behind an address or from the first on where that is empty,
    /// and whether there are more after them. Only these are computed.
    ///
    /// # Errors
    /// As for [`Register::figures`].
    pub fn figures_page(
        &self,
        season: &str,
        under: Option<&str>,
        cut: Cut,
        (after, size): (&str, usize),
        may: impl Fn(&str) -> bool,
    ) -> Result<(Vec<FigureValue>, bool), QueryError> {
        let view = self.season_view(season, cut)?;
        let under = under.unwrap_or("");
        let under = under.strip_prefix(season).and_then(|rest| rest.strip_prefix('/')).unwrap_or(under);
        let (mut figures, mut behind, mut more) = (Vec::new(), after.is_empty(), false);
        view.each_figure(under, |figured| {
            if more {
                return;
            }
            let address = view.address(&figured);
            if !behind {
                behind = address == after;
                return;
            }
            if !address[view.id().as_str().len() + 1..].starts_with(under) || !may(&address) {
                return;
            }
            if figures.len() == size {
                more = true;
            } else {
                figures.push(view.figure_at(address, view.value_of(&figured)));
            }
        });
        Ok((figures, more))
    }
}
