//! Addresses of figures: the season, then the path that `data/hanam-2022/claims.csv` uses (DESIGN §7).
//!
//! | address | what |
//! |---|---|
//! | `SEASON/GROUP/AGENCY/NAME` | an agency's figure, also `…/domain/N/NAME`, `…/leaf/CODE/NAME` |
//! | `SEASON/GROUP/NAME` | a group's figure, also `…/domain/N/NAME`, `…/letter/L/NAME`, `…/class/C/NAME` |
//! | `SEASON/criteria/NAME`, `SEASON/GROUP/criteria/NAME` | a criteria set's figure, also `…/domain/N/NAME`, `…/leaf/CODE/NAME` |
//! | `SEASON/survey/NAME` | the survey over all groups |
//!
//! A name followed by `_` and a year is the figure of that earlier year. Domains and leaves are named by their code, or by
//! their id; the address of an answer always has the code.

use std::sync::Arc;

use sogoc_domain::refusal::Said;

use crate::season::GroupFrame;
use crate::view::{QueryError, SeasonView, shown};

macro_rules! names {
    ($($(#[$doc:meta])* $ty:ident { $($variant:ident = $text:literal),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub(crate) enum $ty { $($variant),* }

        impl $ty {
            #[allow(dead_code, reason = "of some names only the parsing is needed")]
            pub(crate) const ALL: &'static [Self] = &[$(Self::$variant),*];

            pub(crate) fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }

            pub(crate) fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)* _ => None }
            }
        }
    )*};
}

names! {
    /// Figures of an agency.
    AgencyName {
        AppraisedPoints = "appraised_points",
        SurveyPoints = "survey_points",
        TotalPoints = "total_points",
        BonusPoints = "bonus_points",
        PenaltyPoints = "penalty_points",
        ApplicableMax = "applicable_max",
        Index = "index",
        Rank = "rank",
        Class = "class",
        ComputedClass = "computed_class",
        Letter = "letter",
        SelfPoints = "self_points",
        SurveyForms = "survey_forms",
        IndexChange = "index_change",
        RankChange = "rank_change",
    }
    /// Figures of an agency in a domain.
    AgencyDomainName {
        AppraisedPoints = "appraised_points",
        SelfPoints = "self_points",
        ApplicableMax = "applicable_max",
    }
    /// Figures of a leaf of an agency.
    LeafName {
        AppraisedPoints = "appraised_points",
        SelfPoints = "self_points",
        Applicability = "applicability",
    }
    /// Figures of a group.
    GroupName {
        Count = "count",
        CompleteCount = "complete_count",
        MeanIndex = "mean_index",
        MaxIndex = "max_index",
        MaxIndexAgency = "max_index_agency",
        MinIndex = "min_index",
        MinIndexAgency = "min_index_agency",
        Spread = "spread",
        AboveMeanCount = "above_mean_count",
        AboveMeanMembers = "above_mean_members",
        LetterCount = "letter_count",
        SurveyMean = "survey_mean",
        SurveyCount = "survey_count",
        SurveyForms = "survey_forms",
        NotSurveyedMembers = "not_surveyed_members",
        MeanIndexChange = "mean_index_change",
        MeanIndexDirection = "mean_index_direction",
        SpreadChange = "spread_change",
        SpreadDirection = "spread_direction",
        IndexRisenCount = "index_risen_count",
        IndexFallenCount = "index_fallen_count",
        IndexUnchangedCount = "index_unchanged_count",
        LargestIndexRiseAgency = "largest_index_rise_agency",
        LargestIndexFallAgency = "largest_index_fall_agency",
        RankRisenCount = "rank_risen_count",
        RankFallenCount = "rank_fallen_count",
        RankUnchangedCount = "rank_unchanged_count",
        RankUnchangedMembers = "rank_unchanged_members",
        LargestRankRiseAgency = "largest_rank_rise_agency",
        LargestRankFallAgency = "largest_rank_fall_agency",
    }
    /// Figures of a letter or a class in a group.
    BandName {
        Count = "count",
        Members = "members",
    }
    /// Figures of a domain in a group.
    GroupDomainName {
        MaxPoints = "max_points",
        Mean = "mean",
        AtMaxCount = "at_max_count",
        AtMaxOf = "at_max_of",
        AtMaxMembers = "at_max_members",
        ScoredCount = "scored_count",
        NotScoredCount = "not_scored_count",
        NotScoredMembers = "not_scored_members",
    }
    /// Figures of a criteria set.
    CriteriaName {
        MaxPoints = "max_points",
        SelfScoredMaxPoints = "self_scored_max_points",
        SurveyMaxPoints = "survey_max_points",
        DomainCount = "domain_count",
        CriterionCount = "criterion_count",
        LeafCount = "leaf_count",
    }
    /// Figures of a node of a criteria set.
    NodeName {
        MaxPoints = "max_points",
    }
    /// Figures of the survey over all groups.
    SurveyName {
        SurveyedCount = "surveyed_count",
        SurveyedOf = "surveyed_of",
        NotSurveyedCount = "not_surveyed_count",
        NotSurveyedMembers = "not_surveyed_members",
        FormsTotal = "forms_total",
    }
}

/// A figure of a season, with its parts found.
#[derive(Clone, Debug)]
pub(crate) enum Figured<'r> {
    Agency { group: &'r Arc<GroupFrame>, card: usize, what: AgencyFigure },
    Group { group: &'r Arc<GroupFrame>, what: GroupFigure },
    Criteria { group: Option<&'r Arc<GroupFrame>>, what: CriteriaFigure },
    Survey(SurveyName),
}

/// A figure of an agency.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum AgencyFigure {
    Plain(AgencyName),
    Year(AgencyName, u16),
    Domain(usize, AgencyDomainName),
    Leaf(usize, LeafName),
}

/// A figure of a group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum GroupFigure {
    Plain(GroupName),
    Year(GroupName, u16),
    Letter(usize, BandName),
    Class(usize, BandName),
    Domain(usize, GroupDomainName),
}

/// A figure of a criteria set. Codes, not numbers: over all groups there is more than one set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum CriteriaFigure {
    Plain(CriteriaName),
    Domain(String, NodeName),
    Leaf(String, NodeName),
}

/// Splits `SEASON/REST`.
pub(crate) fn split_season(address: &str) -> Result<(&str, &str), QueryError> {
    address.split_once('/').filter(|(season, rest)| !season.is_empty() && !rest.is_empty()).ok_or_else(|| {
        QueryError::UnknownFigure {
            address: shown(address),
            why: Said::new(
                "it begins with the season, such as hanam-2022/departments/mean_index",
                "địa chỉ bắt đầu bằng mã đợt, như hanam-2022/departments/mean_index",
            ),
        }
    })
}

/// A name with a year at its end: `index_2021`.
fn with_year(text: &str) -> Option<(&str, u16)> {
    let (name, year) = text.rsplit_once('_')?;
    let year = (year.len() == 4 && year.bytes().all(|b| b.is_ascii_digit())).then(|| year.parse().ok())??;
    Some((name, year))
}

impl<'r> SeasonView<'r> {
    /// Finds the figure of an address without its season.
    pub(crate) fn find(&self, rest: &str) -> Result<Figured<'r>, QueryError> {
        let parts: Vec<&str> = rest.split('/').collect();
        let unknown = |en: &str, vi: &str| QueryError::UnknownFigure {
            address: shown(&format!("{}/{rest}", self.id())),
            why: Said::new(en, vi),
        };
        match parts.as_slice() {
            ["criteria", what @ ..] => Ok(Figured::Criteria {
                group: None,
                what: criteria(what)
                    .ok_or_else(|| unknown("no such criteria figure", "không có số liệu này của bộ tiêu chí"))?,
            }),
            ["survey", name] => SurveyName::parse(name)
                .map(Figured::Survey)
                .ok_or_else(|| unknown("no such survey figure", "không có số liệu này của khảo sát")),
            ["any", ..] => Err(unknown("it names neither an agency nor a leaf", "không nêu cơ quan hay tiêu chí")),
            [group, "criteria", what @ ..] => {
                let group = self.group(group)?;
                let what = criteria(what)
                    .ok_or_else(|| unknown("no such criteria figure", "không có số liệu này của bộ tiêu chí"))?;
                Ok(Figured::Criteria { group: Some(group), what })
            }
            [group, name] => {
                let group = self.group(group)?;
                let what = GroupName::parse(name).map(GroupFigure::Plain).or_else(|| {
                    let (name, year) = with_year(name).filter(|(_, year)| *year < self.frame.year)?;
                    GroupName::parse(name).map(|name| GroupFigure::Year(name, year))
                });
                Ok(Figured::Group {
                    group,
                    what: what.ok_or_else(|| unknown("no such group figure", "không có số liệu này của khối"))?,
                })
            }
            [group, "letter", code, name] => {
                let group = self.group(group)?;
                let band = group
                    .letters
                    .iter()
                    .position(|b| b.code == *code)
                    .ok_or_else(|| unknown("no such letter", "không có nhóm này"))?;
                let name = BandName::parse(name)
                    .ok_or_else(|| unknown("no such figure of a letter", "không có số liệu này của nhóm"))?;
                Ok(Figured::Group { group, what: GroupFigure::Letter(band, name) })
            }
            [group, "class", code, name] => {
                let group = self.group(group)?;
                let band = group
                    .classes
                    .iter()
                    .position(|b| b.code == *code)
                    .ok_or_else(|| unknown("no such class", "không có xếp loại này"))?;
                let name = BandName::parse(name)
                    .ok_or_else(|| unknown("no such figure of a class", "không có số liệu này của xếp loại"))?;
                Ok(Figured::Group { group, what: GroupFigure::Class(band, name) })
            }
            [group, "domain", domain, name] => {
                let group = self.group(group)?;
                let domain = self.domain_no(group, domain, &unknown)?;
                let name = GroupDomainName::parse(name)
                    .ok_or_else(|| unknown("no such figure of a domain", "không có số liệu này của lĩnh vực"))?;
                Ok(Figured::Group { group, what: GroupFigure::Domain(domain, name) })
            }
            [group, agency, what @ ..] if !what.is_empty() => {
                let wanted = self.group(group)?;
                let (card, group) = self.agency(agency)?;
                if group.id != wanted.id {
                    let (agency, group) = (shown(agency), &group.id);
                    return Err(unknown(
                        &format!("{agency} is in group {group}"),
                        &format!("{agency} thuộc khối {group}"),
                    ));
                }
                let what = match what {
                    [name] => AgencyName::parse(name)
                        .map(AgencyFigure::Plain)
                        .or_else(|| {
                            let (name, year) = with_year(name).filter(|(_, year)| *year < self.frame.year)?;
                            AgencyName::parse(name).map(|name| AgencyFigure::Year(name, year))
                        })
                        .ok_or_else(|| unknown("no such figure of an agency", "không có số liệu này của cơ quan"))?,
                    ["domain", domain, name] => {
                        let domain = self.domain_no(group, domain, &unknown)?;
                        let name = AgencyDomainName::parse(name).ok_or_else(|| {
                            unknown("no such figure of a domain", "không có số liệu này của lĩnh vực")
                        })?;
                        AgencyFigure::Domain(domain, name)
                    }
                    ["leaf", leaf, name] => {
                        let index = group.index.as_ref().ok_or_else(|| {
                            unknown(
                                "the group has no criteria set as of then",
                                "khối chưa có bộ tiêu chí tại thời điểm đó",
                            )
                        })?;
                        let leaf = index.leaf_named(leaf).ok_or_else(|| {
                            unknown("no such leaf in the criteria set", "không có tiêu chí này trong bộ tiêu chí")
                        })?;
                        let name = LeafName::parse(name)
                            .ok_or_else(|| unknown("no such figure of a leaf", "không có số liệu này của tiêu chí"))?;
                        AgencyFigure::Leaf(leaf, name)
                    }
                    _ => {
                        return Err(unknown("no such figure of an agency", "không có số liệu này của cơ quan"));
                    }
                };
                Ok(Figured::Agency { group, card, what })
            }
            _ => Err(unknown("it has too few parts", "thiếu thành phần")),
        }
    }

    fn domain_no(
        &self,
        group: &GroupFrame,
        name: &str,
        unknown: &impl Fn(&str, &str) -> QueryError,
    ) -> Result<usize, QueryError> {
        let index = group.index.as_ref().ok_or_else(|| {
            unknown("the group has no criteria set as of then", "khối chưa có bộ tiêu chí tại thời điểm đó")
        })?;
        index
            .domain_named(name)
            .ok_or_else(|| unknown("no such domain in the criteria set", "không có lĩnh vực này trong bộ tiêu chí"))
    }

    /// The address of a figure without its season.
    pub(crate) fn rest(&self, figured: &Figured<'_>) -> String {
        let mut out = String::new();
        self.write_rest(figured, &mut out);
        out
    }

    fn write_rest(&self, figured: &Figured<'_>, out: &mut String) {
        match figured {
            Figured::Agency { group, card, what } => {
                join(out, &[group.id.as_str(), "/", self.card(*card).agency.as_str(), "/"]);
                match what {
                    AgencyFigure::Plain(name) => out.push_str(name.as_str()),
                    AgencyFigure::Year(name, year) => join(out, &[name.as_str(), "_", &year.to_string()]),
                    AgencyFigure::Domain(no, name) => {
                        let code = group.index.as_ref().map_or("?", |i| &i.domains[*no].code);
                        join(out, &["domain/", code, "/", name.as_str()]);
                    }
                    AgencyFigure::Leaf(no, name) => {
                        let code = group.index.as_ref().map_or("?", |i| &i.leaves[*no].code);
                        join(out, &["leaf/", code, "/", name.as_str()]);
                    }
                }
            }
            Figured::Group { group, what } => {
                join(out, &[group.id.as_str(), "/"]);
                match what {
                    GroupFigure::Plain(name) => out.push_str(name.as_str()),
                    GroupFigure::Year(name, year) => join(out, &[name.as_str(), "_", &year.to_string()]),
                    GroupFigure::Letter(no, name) => {
                        join(out, &["letter/", &group.letters[*no].code, "/", name.as_str()]);
                    }
                    GroupFigure::Class(no, name) => {
                        join(out, &["class/", &group.classes[*no].code, "/", name.as_str()])
                    }
                    GroupFigure::Domain(no, name) => {
                        let code = group.index.as_ref().map_or("?", |i| &i.domains[*no].code);
                        join(out, &["domain/", code, "/", name.as_str()]);
                    }
                }
            }
            Figured::Criteria { group, what } => {
                if let Some(group) = group {
                    join(out, &[group.id.as_str(), "/"]);
                }
                match what {
                    CriteriaFigure::Plain(name) => join(out, &["criteria/", name.as_str()]),
                    CriteriaFigure::Domain(code, name) => join(out, &["criteria/domain/", code, "/", name.as_str()]),
                    CriteriaFigure::Leaf(code, name) => join(out, &["criteria/leaf/", code, "/", name.as_str()]),
                }
            }
            Figured::Survey(name) => join(out, &["survey/", name.as_str()]),
        }
    }

    /// The whole address of a figure.
    pub(crate) fn address(&self, figured: &Figured<'_>) -> String {
        let mut out = String::with_capacity(80);
        join(&mut out, &[self.id().as_str(), "/"]);
        self.write_rest(figured, &mut out);
        out
    }
}

/// Addresses are made by the hundred thousand, so they are put together without formatting.
fn join(out: &mut String, parts: &[&str]) {
    parts.iter().for_each(|part| out.push_str(part));
}

fn criteria(what: &[&str]) -> Option<CriteriaFigure> {
    match what {
        [name] => CriteriaName::parse(name).map(CriteriaFigure::Plain),
        ["domain", code, name] => NodeName::parse(name).map(|name| CriteriaFigure::Domain((*code).to_owned(), name)),
        ["leaf", code, name] => NodeName::parse(name).map(|name| CriteriaFigure::Leaf((*code).to_owned(), name)),
        _ => None,
    }
}
