//! Printed figures against the register: match, mismatch with its cause where one can be found, or not recomputable.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a cause is looked for only where a figure of that kind can have one"
)]

use serde::Serialize;
use sogoc_domain::exact::Exact;
use sogoc_domain::policy::Policy;
use sogoc_domain::scoring::Rounding;
use sogoc_domain::values::parse_amount;

use crate::address::{
    AgencyDomainName, AgencyFigure, AgencyName, Figured, GroupDomainName, GroupFigure, GroupName, SurveyName,
};
use crate::figures::{FigureValue, Source};
use crate::register::{Cut, Register};
use crate::season::GroupFrame;
use crate::symbols::wide;
use crate::value::{Missing, Unit, Value};
use crate::view::{QueryError, SeasonView};

/// A printed figure.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Printed {
    /// Its id in the list it comes from.
    pub claim_id: String,
    /// Its address, with or without the season.
    pub figure: String,
    /// The printed value: a decimal, an id or a code, ids joined by `;`, or `not_applicable`.
    pub published: String,
}

/// What a recomputation says to a printed figure.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It agrees, rounded by the season's policy.
    Match,
    /// It does not.
    Mismatch,
    /// What it rests on is not on record.
    NotRecomputable,
}

/// A printed figure with the verdict.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Reconciled {
    /// Its id.
    pub claim_id: String,
    /// Its address as it was given.
    pub figure: String,
    /// The printed value.
    pub published: String,
    /// The computed value as shown; null where there is none.
    pub computed: Option<String>,
    /// The verdict.
    pub verdict: Verdict,
    /// The cause of a mismatch where one was found, the ground why something cannot be recomputed, or what is to be
    /// known about a match.
    pub cause: Option<String>,
}

/// Written where a figure does not apply: a marker, not a number.
const MARKER: &str = "not_applicable";

impl Register {
    /// Compares printed figures of a season with computed ones.
    ///
    /// # Errors
    /// [`QueryError::UnknownSeason`]. A claim whose address is no figure is not an error: it cannot be recomputed.
    pub fn reconcile(&self, season: &str, claims: &[Printed], cut: Cut) -> Result<Vec<Reconciled>, QueryError> {
        let view = self.season_view(season, cut)?;
        Ok(claims.iter().map(|claim| reconcile(&view, claim)).collect())
    }
}

fn reconcile(view: &SeasonView<'_>, claim: &Printed) -> Reconciled {
    let answer = |computed, verdict, cause: Option<String>| Reconciled {
        claim_id: claim.claim_id.clone(),
        figure: claim.figure.clone(),
        published: claim.published.clone(),
        computed,
        verdict,
        cause,
    };
    let prefix = format!("{}/", view.id());
    let rest = claim.figure.strip_prefix(&prefix).unwrap_or(&claim.figure);
    let figured = match view.find(rest) {
        Ok(figured) => figured,
        Err(QueryError::UnknownFigure { why, .. }) => {
            return answer(None, Verdict::NotRecomputable, Some(format!("not a figure of the register: {why}")));
        }
        Err(other) => return answer(None, Verdict::NotRecomputable, Some(other.to_string())),
    };
    let computed = view.value_of(&figured);
    let figure = view.figure_value(&figured, computed);
    let published = claim.published.trim();
    let marked = matches!(published.to_lowercase().as_str(), MARKER | "x" | "not_surveyed");
    match (&figure.value, figure.source) {
        (Value::Missing(why @ (Missing::NotSurveyed | Missing::NotApplicable)), _) => {
            if marked {
                return answer(Some(MARKER.to_owned()), Verdict::Match, Some(why.to_string()));
            }
            let cause = format!("{why}: the register has no value here, and missing is not zero");
            answer(Some(MARKER.to_owned()), Verdict::Mismatch, Some(cause))
        }
        (Value::Missing(why), _) => answer(None, Verdict::NotRecomputable, Some(why.to_string())),
        (_, Source::Printed | Source::Implied) => {
            let basis = if figure.source == Source::Printed { "printed" } else { "implied by print" };
            let cause = format!("known only as {basis} in an earlier report: the table behind it is not on record");
            answer(Some(figure.display), Verdict::NotRecomputable, Some(cause))
        }
        _ if marked => {
            let cause = "printed as not applicable, and the register has a value".to_owned();
            answer(Some(figure.display), Verdict::Mismatch, Some(cause))
        }
        _ => {
            let (verdict, cause) = compare(view, &figured, &figure, published);
            answer(Some(figure.display), verdict, cause)
        }
    }
}

/// Compares a value with its printed form.
fn compare<'r>(
    view: &SeasonView<'r>,
    figured: &Figured<'r>,
    figure: &FigureValue,
    published: &str,
) -> (Verdict, Option<String>) {
    let Some(policy) = view.frame.policy.as_deref() else { return (Verdict::NotRecomputable, None) };
    match &figure.value {
        Value::Exact(_) | Value::Count(_) => {
            let Some(printed) = Number::parse(published) else {
                return (Verdict::Mismatch, Some(format!("\"{published}\" is not a number")));
            };
            let value = figure.value.number().expect("exact values and counts are numbers");
            numbers(view, figured, &value, &printed, policy)
        }
        Value::Text(code) => {
            if same_word(figured, code, published) {
                return (Verdict::Match, None);
            }
            (Verdict::Mismatch, text_cause(view, figured, code, published))
        }
        Value::Ids(ids) => {
            let mut printed: Vec<&str> = published.split(';').map(str::trim).filter(|id| !id.is_empty()).collect();
            printed.sort_unstable();
            if printed.iter().eq(ids.iter()) {
                return (Verdict::Match, None);
            }
            let extra: Vec<_> = printed.iter().filter(|id| !ids.iter().any(|i| i == *id)).copied().collect();
            let lacking: Vec<_> = ids.iter().filter(|id| !printed.contains(&id.as_str())).cloned().collect();
            let part =
                |what: &str, list: String| if list.is_empty() { String::new() } else { format!("{what} {list}") };
            let parts = [part("too many:", extra.join(";")), part("missing:", lacking.join(";"))];
            let cause: Vec<_> = parts.into_iter().filter(|p| !p.is_empty()).collect();
            (Verdict::Mismatch, Some(cause.join(", ")))
        }
        Value::Missing(_) => (Verdict::NotRecomputable, None),
    }
}

/// A printed number with how many decimals it was printed.
struct Number {
    value: Exact,
    decimals: u32,
}

impl Number {
    /// Reads a decimal with a point or a comma, with or without a percent sign or a leading `+`.
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim().trim_end_matches(['%', '*']).trim().trim_start_matches('+');
        let text = text.replace(',', ".");
        let decimals = text.split_once('.').map_or(0, |(_, part)| part.len());
        let value = parse_amount(&text).ok().map(Exact::from)?;
        Some(Self { value, decimals: u32::try_from(decimals).ok()? })
    }
}

fn numbers<'r>(
    view: &SeasonView<'r>,
    figured: &Figured<'r>,
    value: &Exact,
    printed: &Number,
    policy: &Policy,
) -> (Verdict, Option<String>) {
    // Compared by value: 9.5 is 9.50. Print that has more decimals than the policy shows is compared with all of them.
    let decimals = policy.display_decimals.max(printed.decimals);
    if value.round(decimals, policy.rounding) == printed.value
        || value.round(policy.display_decimals, policy.rounding) == printed.value
    {
        return (Verdict::Match, note_on_match(view, figured, printed, policy));
    }
    if printed.decimals > 0 && printed.decimals < policy.display_decimals {
        let coarse = value.round(printed.decimals, policy.rounding);
        if coarse == printed.value {
            let shown = value.display(policy.display_decimals, policy.rounding);
            return (Verdict::Match, Some(format!("printed with {} decimals; {shown} in full", printed.decimals)));
        }
    }
    (Verdict::Mismatch, cause(view, figured, value, printed, policy))
}

/// What is to be known about a value that agrees: that it would not, computed another way.
fn note_on_match<'r>(
    view: &SeasonView<'r>,
    figured: &Figured<'r>,
    printed: &Number,
    policy: &Policy,
) -> Option<String> {
    let Figured::Group { group, what: GroupFigure::Plain(GroupName::MeanIndex) } = figured else { return None };
    let rounded = mean_of_rounded(view, group, policy)?;
    if rounded.round(policy.display_decimals, policy.rounding) == printed.value {
        return None;
    }
    let shown = rounded.display(policy.display_decimals, policy.rounding);
    Some(format!("holds as the mean of exact indices; the mean of the rounded indices would print {shown}"))
}

/// Looks for the way of computing that gives the printed value.
fn cause<'r>(
    view: &SeasonView<'r>,
    figured: &Figured<'r>,
    value: &Exact,
    printed: &Number,
    policy: &Policy,
) -> Option<String> {
    let decimals = policy.display_decimals;
    let gives = |other: &Exact| other.round(decimals, policy.rounding) == printed.value;
    let shown = |other: &Exact| other.display(decimals, policy.rounding);
    for (rounding, name) in
        [(Rounding::HalfUp, "half up"), (Rounding::HalfEven, "half to even"), (Rounding::Truncate, "cut off")]
    {
        if rounding != policy.rounding && value.round(decimals, rounding) == printed.value {
            return Some(format!("rounded {name}; the season's policy gives {}", shown(value)));
        }
    }
    if value.is_negative() != printed.value.is_negative()
        && value.abs().round(decimals, policy.rounding) == printed.value.abs()
    {
        return Some("printed with the other sign".to_owned());
    }
    let way = match figured {
        Figured::Agency { group, card, what } => agency_cause(view, group, *card, *what, &gives),
        Figured::Group { group, what } => group_cause(view, group, *what, printed, policy, &gives),
        Figured::Survey(SurveyName::SurveyedOf) => {
            let surveyed = view.value_of(&Figured::Survey(SurveyName::SurveyedCount)).value.number();
            surveyed.filter(|n| gives(n)).map(|_| "wrong denominator: the surveyed are counted, not all".to_owned())
        }
        Figured::Survey(_) | Figured::Criteria { .. } => None,
    };
    way.or_else(|| earlier_cause(view, figured, printed, policy))
}

fn agency_cause<'r>(
    view: &SeasonView<'r>,
    group: &'r std::sync::Arc<GroupFrame>,
    card: usize,
    what: AgencyFigure,
    gives: &impl Fn(&Exact) -> bool,
) -> Option<String> {
    let policy = view.frame.policy.as_deref()?;
    let plain = |name| view.value_of(&Figured::Agency { group, card, what: AgencyFigure::Plain(name) }).value;
    let number = |name| plain(name).number();
    let round = |value: &Exact| value.round(policy.display_decimals, policy.rounding);
    match what {
        AgencyFigure::Plain(AgencyName::Index) => {
            let total = number(AgencyName::TotalPoints)?;
            let max = number(AgencyName::ApplicableMax)?;
            let whole = group.index.as_ref().map(|index| index.max().exact());
            if let Some(index) = whole.as_ref().filter(|w| **w != max).and_then(|w| total.percent_of(w))
                && gives(&index)
            {
                let whole = whole.unwrap_or_default();
                return Some(format!("wrong denominator: counted out of {whole}, but only {max} points apply"));
            }
            if gives(&total) {
                return Some(format!("total points are printed; the index is out of {max} points"));
            }
            rounded_parts(&[number(AgencyName::AppraisedPoints), number(AgencyName::SurveyPoints)], &round)
                .and_then(|sum| sum.percent_of(&max))
                .filter(|index| gives(index))
                .map(|_| "rounding of parts: computed from rounded points".to_owned())
        }
        AgencyFigure::Plain(AgencyName::TotalPoints) => {
            let parts = [number(AgencyName::AppraisedPoints), number(AgencyName::SurveyPoints)];
            if rounded_parts(&parts, &round).is_some_and(|sum| gives(&sum)) {
                return Some("rounding of parts: the sum of rounded points".to_owned());
            }
            if parts[0].as_ref().is_some_and(gives) && parts[1].is_some() {
                return Some("without the survey points".to_owned());
            }
            number(AgencyName::Index).filter(|i| gives(i)).map(|_| "the index is printed instead of points".to_owned())
        }
        AgencyFigure::Plain(AgencyName::AppraisedPoints) => {
            let own = number(AgencyName::SelfPoints);
            own.filter(|p| gives(p)).map(|_| "the self score is printed instead of the appraised one".to_owned())
        }
        AgencyFigure::Plain(AgencyName::ApplicableMax) => {
            let whole = group.index.as_ref().map(|index| index.max().exact());
            whole.filter(|w| gives(w)).map(|_| "wrong denominator: what does not apply is not left out".to_owned())
        }
        AgencyFigure::Plain(AgencyName::Rank) => {
            let state = view.state(group);
            let row = state.row_of(view.card(card).agency.as_str())?;
            let mine = row.index.as_ref().ok()?;
            let same = state.ordered().filter(|r| r.index.as_ref() == Ok(mine)).count();
            if same > 1 {
                return Some(format!("{same} agencies have the same index: ties are ranked by the season's policy"));
            }
            let by_points = |r: &crate::view::Row| r.sums.as_ref().map(|s| s.total).ok();
            let better = state.ranked().filter(|r| by_points(r) > by_points(row)).count();
            let place = Exact::from(wide(better) + 1);
            (gives(&place)).then(|| "ranked by total points, not by the index".to_owned())
        }
        AgencyFigure::Domain(domain, AgencyDomainName::AppraisedPoints) => {
            let own = Figured::Agency { group, card, what: AgencyFigure::Domain(domain, AgencyDomainName::SelfPoints) };
            let own = view.value_of(&own).value.number();
            own.filter(|p| gives(p)).map(|_| "the self score is printed instead of the appraised one".to_owned())
        }
        AgencyFigure::Plain(_) | AgencyFigure::Year(..) | AgencyFigure::Domain(..) | AgencyFigure::Leaf(..) => None,
    }
}

fn rounded_parts(parts: &[Option<Exact>], round: &impl Fn(&Exact) -> Exact) -> Option<Exact> {
    let known: Vec<Exact> = parts.iter().flatten().map(round).collect();
    (!known.is_empty()).then(|| known.iter().sum())
}

fn mean_of_rounded(view: &SeasonView<'_>, group: &GroupFrame, policy: &Policy) -> Option<Exact> {
    let group = view.frame.group(group.id.as_str())?;
    let state = view.state(group);
    let rounded: Vec<Exact> = state
        .ordered()
        .filter_map(|row| row.index.as_ref().ok())
        .map(|index| index.round(policy.display_decimals, policy.rounding))
        .collect();
    Exact::mean(&rounded)
}

fn group_cause<'r>(
    view: &SeasonView<'r>,
    group: &'r std::sync::Arc<GroupFrame>,
    what: GroupFigure,
    printed: &Number,
    policy: &Policy,
    gives: &impl Fn(&Exact) -> bool,
) -> Option<String> {
    let state = view.state(group);
    let plain = |name| view.value_of(&Figured::Group { group, what: GroupFigure::Plain(name) }).value.number();
    let round = |value: &Exact| value.round(policy.display_decimals, policy.rounding);
    let all = Exact::from(state.ranked().count());
    match what {
        GroupFigure::Plain(GroupName::MeanIndex) => {
            if mean_of_rounded(view, group, policy).is_some_and(|mean| gives(&mean)) {
                return Some("mean over rounded values: the mean of the rounded indices".to_owned());
            }
            // Points out of unlike maxima have no mean that means anything; it is a slip that happens.
            let totals: Vec<Exact> = state.ranked().filter_map(|r| Some(r.sums.as_ref().ok()?.total.exact())).collect();
            Exact::mean(&totals).filter(|m| gives(m)).map(|_| "mean of total points, not of indices".to_owned())
        }
        GroupFigure::Plain(GroupName::SurveyMean) => {
            let count = plain(GroupName::SurveyCount)?;
            let sum = &plain(GroupName::SurveyMean)? * &count;
            let mean = sum.checked_div(&all)?;
            gives(&mean).then(|| format!("wrong denominator: over all {all} agencies; {count} were surveyed"))
        }
        GroupFigure::Plain(GroupName::SurveyCount) => {
            gives(&all).then(|| "wrong denominator: all agencies are counted, not the surveyed".to_owned())
        }
        GroupFigure::Plain(GroupName::Spread) => {
            let spread = round(&plain(GroupName::MaxIndex)?) - round(&plain(GroupName::MinIndex)?);
            gives(&spread).then(|| "rounding of parts: the difference of rounded indices".to_owned())
        }
        GroupFigure::Plain(name @ (GroupName::MeanIndexChange | GroupName::SpreadChange)) => {
            let (base, now) = match name {
                GroupName::MeanIndexChange => ("mean_index", plain(GroupName::MeanIndex)?),
                _ => ("spread", plain(GroupName::Spread)?),
            };
            let change = plain(name)?;
            let before = round(&now) - &change;
            let exact = &now - &before;
            (printed.value == exact.round(printed.decimals.max(policy.display_decimals), policy.rounding))
                .then(|| format!("rounding of parts: computed from the exact {base}, not from the one that is printed"))
        }
        GroupFigure::Domain(domain, name) => {
            let figure = |name| view.value_of(&Figured::Group { group, what: GroupFigure::Domain(domain, name) }).value;
            let scored = figure(GroupDomainName::ScoredCount).number()?;
            match name {
                GroupDomainName::AtMaxOf | GroupDomainName::ScoredCount => (scored != all && gives(&all)).then(|| {
                    format!(
                        "wrong denominator: {all} agencies are in the group, only {scored} are scored in this domain"
                    )
                }),
                GroupDomainName::Mean => {
                    let sum = &figure(GroupDomainName::Mean).number()? * &scored;
                    let mean = sum.checked_div(&all)?;
                    (scored != all && gives(&mean)).then(|| {
                        format!("wrong denominator: over all {all} agencies; {scored} are scored in this domain")
                    })
                }
                _ => None,
            }
        }
        GroupFigure::Plain(_) | GroupFigure::Year(..) | GroupFigure::Letter(..) | GroupFigure::Class(..) => None,
    }
}

/// Whether the printed value is what the figure was at an earlier position, and which entry changed it.
fn earlier_cause<'r>(
    view: &SeasonView<'r>,
    figured: &Figured<'r>,
    printed: &Number,
    policy: &Policy,
) -> Option<String> {
    let rest = view.rest(figured);
    let season = view.season;
    // Where results were announced or published, and before each later change of the agency's own sums.
    let mut cuts: Vec<u64> = season.announcements.iter().map(|a| a.as_of + 1).collect();
    cuts.extend(season.editions.iter().map(|e| e.as_of + 1));
    let card = if let Figured::Agency { card, .. } = figured { Some(view.card(*card)) } else { None };
    cuts.extend(card.iter().flat_map(|c| c.totals.iter().rev().take(200).map(|t| t.position)));
    cuts.retain(|cut| *cut < view.cut);
    cuts.sort_unstable();
    cuts.dedup();
    cuts.into_iter().rev().take(300).find_map(|cut| {
        let then = view.reg.season_view(season.id.as_str(), Cut(cut)).ok()?;
        let value = then.value_of(&then.find(&rest).ok()?).value.number()?;
        if value.round(policy.display_decimals, policy.rounding) != printed.value {
            return None;
        }
        let position = Cut(cut).position()?;
        let entry = card.and_then(|c| c.totals.iter().find(|t| t.position >= cut)).map(|t| t.position);
        let by = entry.map_or_else(String::new, |p| format!(", before {} at position {p}", view.reg.kind_at(p)));
        Some(format!("the value as of position {position}{by}"))
    })
}

/// A code, its label in either language, or an id.
fn same_word(figured: &Figured<'_>, code: &str, published: &str) -> bool {
    let alike = |text: &str| text.to_lowercase() == published.to_lowercase();
    if alike(code) {
        return true;
    }
    let Figured::Agency { group, what: AgencyFigure::Plain(name), .. } = figured else { return false };
    let bands = match name {
        AgencyName::Class | AgencyName::ComputedClass => &group.classes,
        AgencyName::Letter => &group.letters,
        _ => return false,
    };
    bands.iter().filter(|b| b.code == code).any(|b| {
        let label = b.label.as_str();
        // "Đơn vị Tốt" is printed as "Tốt" as often as not.
        alike(label)
            || label.to_lowercase().ends_with(&format!(" {}", published.to_lowercase()))
            || b.label_en.as_ref().is_some_and(|l| alike(l.as_str()))
    })
}

fn text_cause<'r>(view: &SeasonView<'r>, figured: &Figured<'r>, code: &str, published: &str) -> Option<String> {
    match figured {
        Figured::Group {
            group,
            what: GroupFigure::Plain(name @ (GroupName::MeanIndexDirection | GroupName::SpreadDirection)),
        } => {
            let (base, change) = match name {
                GroupName::MeanIndexDirection => (GroupName::MeanIndex, GroupName::MeanIndexChange),
                _ => (GroupName::Spread, GroupName::SpreadChange),
            };
            let figure = |name| {
                let figured = Figured::Group { group, what: GroupFigure::Plain(name) };
                let computed = view.value_of(&figured);
                (computed.value.number(), view.display(&computed.value, computed.unit))
            };
            let ((now, now_shown), (change, change_shown)) = (figure(base), figure(change));
            let policy = view.frame.policy.as_deref()?;
            let before = now?.round(policy.display_decimals, policy.rounding) - change?;
            let before = view.display(&Value::Exact(before), Unit::Points);
            let moved = match code {
                "up" => "rose",
                "down" => "fell",
                _ => "stayed",
            };
            Some(format!("direction: {} {moved} from {before} to {now_shown} ({change_shown})", base.as_str()))
        }
        Figured::Agency { group, card, what: AgencyFigure::Plain(AgencyName::Class) } => {
            let computed = Figured::Agency { group, card: *card, what: AgencyFigure::Plain(AgencyName::ComputedClass) };
            let computed = view.value_of(&computed).value.text()?;
            (computed != code && same_word(figured, &computed, published))
                .then(|| format!("the class is capped at {code}; computed it is {computed}"))
        }
        _ => None,
    }
}
