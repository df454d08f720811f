//! Scoring rules (cách tính điểm): how a leaf's points follow from what is declared.
//!
//! An actor declares inputs, never points, except under a *judged* rule (DESIGN §6). The semantics are those of the
//! 2022 set's `rule_semantics`; the rounding is the season's.

use serde::{Deserialize, Serialize};

use crate::exact::Exact;
use crate::refusal::{Language, Refusal, Said, refuse};
use crate::said;
use crate::values::{DECIMALS_MAX, Percent, Points, Quantity, Text};

/// Most tiers or options of one rule.
pub const CHOICES_MAX: usize = 20;
/// Longest label of an option, in characters.
pub const LABEL_MAX: usize = 500;

/// How the points of a leaf follow from its declared inputs. `version` pins the semantics of each type.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ScoringRule {
    /// 0 or the maximum.
    YesNo {
        /// Version of these semantics; 1.
        version: u32,
    },
    /// Maximum × numerator ÷ denominator, rounded; 0 where the percentage is below the floor.
    Proportional {
        /// Version of these semantics; 1.
        version: u32,
        /// Below this percentage the points are 0.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        floor_pct: Option<Percent>,
    },
    /// Accepted units × points per unit, at most the maximum.
    PerUnit {
        /// Version of these semantics; 1.
        version: u32,
        /// Points for one unit.
        points_per_unit: Points,
    },
    /// The points of the first tier, listed from the top, that is reached; 0 below the last.
    Tiers {
        /// Version of these semantics; 1.
        version: u32,
        /// What is compared with a tier's bound.
        by: TierBasis,
        /// From the top down.
        tiers: Vec<Tier>,
    },
    /// Maximum − recorded faults × points per unit, never below 0.
    Deduction {
        /// Version of these semantics; 1.
        version: u32,
        /// Points lost for one fault.
        per_unit: Points,
    },
    /// The points of exactly one option.
    Choice {
        /// Version of these semantics; 1.
        version: u32,
        /// In the order of the criteria set; an input names one by its number from 1.
        options: Vec<ChoiceOption>,
    },
    /// A multiple of the step from 0 to the maximum, judged by a person.
    Judged {
        /// Version of these semantics; 1.
        version: u32,
        /// Smallest difference between two marks.
        step: Points,
    },
    /// The mean of the survey's factor percentages × maximum ÷ 100, rounded.
    Survey {
        /// Version of these semantics; 1.
        version: u32,
    },
}

/// What a tier's bound is compared with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum TierBasis {
    /// 100 × numerator ÷ denominator.
    Percentage,
    /// A count.
    Count,
}

/// One tier: from this bound, inclusive, these points.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// Lower bound, inclusive: percent or units, by the rule's basis.
    pub at_least: Quantity,
    /// Points of this tier.
    pub points: Points,
}

/// One option of a choice.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ChoiceOption {
    /// What the option says, in Vietnamese.
    pub label: Text,
    /// The same in English.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_en: Option<Text>,
    /// Points of this option.
    pub points: Points,
}

/// Declared inputs (số liệu kê khai), in the shape that the leaf's rule takes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Inputs {
    /// For yes/no: whether it was done.
    YesNo(bool),
    /// For proportional, and tiers by percentage.
    Ratio {
        /// What was reached.
        numerator: Quantity,
        /// Out of what; above 0.
        denominator: Quantity,
    },
    /// For per unit, deduction, and tiers by count.
    Count(Quantity),
    /// For choice: the option's number, from 1.
    Option(u16),
    /// For judged: the mark.
    Judged(Points),
}

/// Rounding mode of a season's policy.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    /// Away from zero on an exact half (0.125 → 0.13).
    #[default]
    HalfUp,
    /// To the even neighbour on an exact half (0.125 → 0.12).
    HalfEven,
    /// Towards zero.
    Truncate,
}

/// Why inputs or points do not fit a rule. Names the values and the limit.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RuleError {
    /// The inputs are not what the rule takes.
    #[error("{rule} takes {takes}; given: {given}")]
    InputsUnfit {
        /// The rule's name.
        rule: &'static str,
        /// What it takes.
        takes: Said,
        /// What was given.
        given: Said,
    },
    /// The rule cannot lead to these points.
    #[error("{points} points are not possible: {limit}")]
    PointsOutside {
        /// The points.
        points: String,
        /// What would be possible.
        limit: Said,
    },
}

impl RuleError {
    /// What does not fit, in both languages.
    #[must_use]
    pub fn said(&self) -> Said {
        let vi = |said: &Said| said.text(Language::Vietnamese).to_owned();
        match self {
            Self::InputsUnfit { rule, takes, given } => {
                Said::new(self.to_string(), format!("{rule} cần {}; đã khai: {}", vi(takes), vi(given)))
            }
            Self::PointsOutside { points, limit } => {
                Said::new(self.to_string(), format!("không thể có {points} điểm: {}", vi(limit)))
            }
        }
    }

    /// The refusal of a command that names a leaf, by its code.
    #[must_use]
    pub fn refusal(&self, leaf: &str) -> Refusal {
        match self {
            Self::InputsUnfit { rule, takes, given } => {
                refuse!(InputsUnfit, leaf = leaf, rule = rule).with_said("takes", takes).with_said("given", given)
            }
            Self::PointsOutside { points, limit } => {
                refuse!(PointsOutsideRule, leaf = leaf, points = points).with_said("limit", limit)
            }
        }
    }
}

impl std::fmt::Display for Inputs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::YesNo(true) => f.write_str("yes"),
            Self::YesNo(false) => f.write_str("no"),
            Self::Ratio { numerator, denominator } => write!(f, "{numerator} of {denominator}"),
            Self::Count(count) => write!(f, "a count of {count}"),
            Self::Option(number) => write!(f, "option {number}"),
            Self::Judged(mark) => write!(f, "a mark of {mark}"),
        }
    }
}

impl Inputs {
    /// What is declared, and what there is to say of it.
    fn said(&self, en: &str, vi: &str) -> Said {
        let vietnamese = match self {
            Self::YesNo(true) => "có".to_owned(),
            Self::YesNo(false) => "không".to_owned(),
            Self::Ratio { numerator, denominator } => format!("{numerator} trên {denominator}"),
            Self::Count(count) => format!("số lượng {count}"),
            Self::Option(number) => format!("phương án {number}"),
            Self::Judged(mark) => format!("điểm {mark}"),
        };
        Said::new(format!("{self}{en}"), format!("{vietnamese}{vi}"))
    }
}

impl ScoringRule {
    /// The rule's name, as in criteria documents.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::YesNo { .. } => "yes_no",
            Self::Proportional { .. } => "proportional",
            Self::PerUnit { .. } => "per_unit",
            Self::Tiers { .. } => "tiers",
            Self::Deduction { .. } => "deduction",
            Self::Choice { .. } => "choice",
            Self::Judged { .. } => "judged",
            Self::Survey { .. } => "survey",
        }
    }

    /// What an actor declares under this rule.
    #[must_use]
    pub fn takes(&self) -> Said {
        let (en, vi) = match self {
            Self::YesNo { .. } => ("yes_no: true or false", "yes_no: true (có) hoặc false (không)"),
            Self::Proportional { .. } => (
                "ratio: a numerator from 0 to the denominator, and a denominator above 0",
                "ratio: tử số từ 0 đến mẫu số, và mẫu số lớn hơn 0",
            ),
            Self::PerUnit { .. } => ("count: the accepted units", "count: số đơn vị được công nhận"),
            Self::Tiers { by: TierBasis::Percentage, .. } => {
                ("ratio: a numerator and a denominator above 0", "ratio: tử số, và mẫu số lớn hơn 0")
            }
            Self::Tiers { by: TierBasis::Count, .. } => ("count: the units counted", "count: số lượng đếm được"),
            Self::Deduction { .. } => ("count: the recorded faults", "count: số lỗi được ghi nhận"),
            Self::Choice { .. } => {
                ("option: the number of one of its options, from 1", "option: số thứ tự của một phương án, từ 1")
            }
            Self::Judged { .. } => (
                "judged: a mark that is a multiple of the step, from 0 to the maximum",
                "judged: điểm là bội số của bước chấm, từ 0 đến điểm tối đa",
            ),
            Self::Survey { .. } => {
                ("no declared inputs: its points come from the survey", "không kê khai: điểm lấy từ khảo sát")
            }
        };
        Said::new(en, vi)
    }

    /// True for the survey's rule; all others are self-scored.
    #[must_use]
    pub fn is_survey(&self) -> bool {
        matches!(self, Self::Survey { .. })
    }

    fn unfit(&self, given: Said) -> RuleError {
        RuleError::InputsUnfit { rule: self.name(), takes: self.takes(), given }
    }

    /// The points that follow from declared inputs, never above `max`.
    ///
    /// What is computed (proportional, per unit, deduction) is rounded to `decimals`; what the set lists (yes/no, tiers,
    /// choice, judged) stands as it is listed. `decimals` above six, which points cannot carry, count as six.
    ///
    /// # Errors
    /// When the inputs are not what the rule takes, or lie outside of it.
    pub fn points(&self, max: Points, inputs: &Inputs, decimals: u32, rounding: Rounding) -> Result<Points, RuleError> {
        let exact_max = Exact::from(max);
        match (self, inputs) {
            (Self::YesNo { .. }, Inputs::YesNo(done)) => Ok(if *done { max } else { Points::ZERO }),
            (Self::Proportional { floor_pct, .. }, Inputs::Ratio { numerator, denominator }) => {
                if numerator > denominator {
                    return Err(self.unfit(
                        inputs.said(", and the numerator is above the denominator", ", và tử số lớn hơn mẫu số"),
                    ));
                }
                let share = self.share(inputs, *numerator, *denominator)?;
                if floor_pct.is_some_and(|floor| &share * &Exact::HUNDRED < Exact::from(floor)) {
                    return Ok(Points::ZERO);
                }
                Ok(computed(&(&exact_max * &share), max, decimals, rounding))
            }
            (Self::PerUnit { points_per_unit, .. }, Inputs::Count(count)) => {
                let earned = Exact::from(*count) * Exact::from(*points_per_unit);
                Ok(computed(&earned, max, decimals, rounding))
            }
            (Self::Tiers { by: TierBasis::Percentage, tiers, .. }, Inputs::Ratio { numerator, denominator }) => {
                let share = self.share(inputs, *numerator, *denominator)?;
                Ok(tier(tiers, &(share * Exact::HUNDRED)).min(max))
            }
            (Self::Tiers { by: TierBasis::Count, tiers, .. }, Inputs::Count(count)) => {
                Ok(tier(tiers, &Exact::from(*count)).min(max))
            }
            (Self::Deduction { per_unit, .. }, Inputs::Count(faults)) => {
                let rest = exact_max - Exact::from(*faults) * Exact::from(*per_unit);
                Ok(computed(&rest, max, decimals, rounding))
            }
            (Self::Choice { options, .. }, Inputs::Option(number)) => {
                let option = usize::from(*number).checked_sub(1).and_then(|i| options.get(i));
                let count = options.len();
                let missing =
                    || self.unfit(inputs.said(&format!(", and there are {count}"), &format!(", mà chỉ có {count}")));
                option.map(|o| o.points.min(max)).ok_or_else(missing)
            }
            (Self::Judged { step, .. }, Inputs::Judged(mark)) => {
                if *mark > max || !is_multiple(*mark, *step) {
                    let limit = said!(
                        "a mark is a multiple of {step} from 0 to {max}",
                        "điểm là bội số của {step}, từ 0 đến {max}"
                    );
                    return Err(RuleError::PointsOutside { points: mark.to_string(), limit });
                }
                Ok(*mark)
            }
            (
                Self::YesNo { .. }
                | Self::Proportional { .. }
                | Self::PerUnit { .. }
                | Self::Tiers { .. }
                | Self::Deduction { .. }
                | Self::Choice { .. }
                | Self::Judged { .. }
                | Self::Survey { .. },
                _,
            ) => Err(self.unfit(inputs.said("", ""))),
        }
    }

    /// Numerator ÷ denominator, exact.
    fn share(&self, inputs: &Inputs, numerator: Quantity, denominator: Quantity) -> Result<Exact, RuleError> {
        Exact::from(numerator)
            .checked_div(&Exact::from(denominator))
            .ok_or_else(|| self.unfit(inputs.said(", and the denominator is 0", ", và mẫu số bằng 0")))
    }

    /// That the rule can be used for a leaf of this maximum: known versions, every listed value within the maximum, and
    /// the maximum within reach.
    ///
    /// # Errors
    /// What is wrong, with the values.
    pub fn check(&self, max: Points) -> Result<(), String> {
        if max == Points::ZERO {
            return Err("a leaf's max points must be above 0".to_owned());
        }
        let version = self.version();
        if version != 1 {
            return Err(format!("version {version} of the rule {} is not known; 1 is", self.name()));
        }
        match self {
            Self::YesNo { .. } | Self::Survey { .. } => Ok(()),
            Self::Proportional { floor_pct, .. } => match floor_pct {
                Some(floor) if Exact::from(*floor) > Exact::HUNDRED => {
                    Err(format!("the floor {floor}% is above 100%: no points could be reached"))
                }
                Some(_) | None => Ok(()),
            },
            Self::PerUnit { points_per_unit: unit, .. } => positive("points_per_unit", *unit),
            Self::Deduction { per_unit: unit, .. } => positive("per_unit", *unit),
            Self::Tiers { tiers, .. } => check_tiers(tiers, max),
            Self::Choice { options, .. } => check_options(options, max),
            Self::Judged { step, .. } => {
                positive("step", *step)?;
                if !is_multiple(max, *step) {
                    return Err(format!("the maximum {max} is not a multiple of the step {step}"));
                }
                Ok(())
            }
        }
    }

    fn version(&self) -> u32 {
        match self {
            Self::YesNo { version }
            | Self::Proportional { version, .. }
            | Self::PerUnit { version, .. }
            | Self::Tiers { version, .. }
            | Self::Deduction { version, .. }
            | Self::Choice { version, .. }
            | Self::Judged { version, .. }
            | Self::Survey { version } => *version,
        }
    }

    /// That points may be set for a leaf of this maximum whatever the inputs say (an override).
    ///
    /// # Errors
    /// When they are above the maximum, or finer than the season's decimals and not the maximum itself.
    pub fn allows(&self, max: Points, points: Points, decimals: u32) -> Result<(), RuleError> {
        let outside = |limit: Said| Err(RuleError::PointsOutside { points: points.to_string(), limit });
        if points > max {
            return outside(said!("the maximum is {max}", "tối đa là {max}"));
        }
        if points != max && points.get().normalize().scale() > decimals {
            return outside(said!(
                "this season's points have at most {decimals} decimals",
                "điểm của đợt này có tối đa {decimals} chữ số thập phân"
            ));
        }
        Ok(())
    }

    /// The inputs that points stand for where a source gives only points: yes/no, a choice (its first option with these
    /// points), a mark. None for rules whose inputs cannot be told from points, and for points the rule cannot lead to.
    #[must_use]
    pub fn inputs_from_points(&self, max: Points, points: Points) -> Option<Inputs> {
        match self {
            Self::YesNo { .. } if points == max => Some(Inputs::YesNo(true)),
            Self::YesNo { .. } if points == Points::ZERO => Some(Inputs::YesNo(false)),
            Self::Choice { options, .. } => {
                let found = options.iter().position(|o| o.points == points)?;
                u16::try_from(found + 1).ok().map(Inputs::Option)
            }
            Self::Judged { step, .. } if points <= max && is_multiple(points, *step) => Some(Inputs::Judged(points)),
            Self::YesNo { .. }
            | Self::Judged { .. }
            | Self::Proportional { .. }
            | Self::PerUnit { .. }
            | Self::Tiers { .. }
            | Self::Deduction { .. }
            | Self::Survey { .. } => None,
        }
    }
}

/// The survey's points: the mean of the factor percentages × max ÷ 100, rounded.
///
/// # Errors
/// When there is no factor, or one is above 100.
pub fn survey_points(max: Points, factors: &[Percent], decimals: u32, rounding: Rounding) -> Result<Points, RuleError> {
    let unfit = |given: Said| RuleError::InputsUnfit {
        rule: "survey",
        takes: Said::new(
            "a percentage from 0 to 100 for each factor, at least one",
            "tỷ lệ phần trăm từ 0 đến 100 cho mỗi yếu tố, ít nhất một yếu tố",
        ),
        given,
    };
    if let Some(factor) = factors.iter().find(|f| Exact::from(**f) > Exact::HUNDRED) {
        return Err(unfit(format!("{factor}%").into()));
    }
    let factors: Vec<Exact> = factors.iter().map(|f| Exact::from(*f)).collect();
    let mean = Exact::mean(&factors).ok_or_else(|| unfit(("no factor", "không có yếu tố nào").into()))?;
    let share = mean.checked_div(&Exact::HUNDRED).expect("100 is not 0");
    Ok(computed(&(Exact::from(max) * share), max, decimals, rounding))
}

/// Rounded, and held between 0 and the maximum: a maximum with more decimals than the season's must not be passed by
/// rounding up.
fn computed(value: &Exact, max: Points, decimals: u32, rounding: Rounding) -> Points {
    if value.is_negative() {
        return Points::ZERO;
    }
    let rounded = value.round(decimals.min(DECIMALS_MAX), rounding);
    if rounded >= Exact::from(max) {
        return max;
    }
    rounded.to_points().expect("between 0 and a maximum, with at most six decimals")
}

fn tier(tiers: &[Tier], reached: &Exact) -> Points {
    tiers.iter().find(|t| *reached >= Exact::from(t.at_least)).map_or(Points::ZERO, |t| t.points)
}

/// False for a step of 0, of which nothing is a multiple.
fn is_multiple(points: Points, step: Points) -> bool {
    let steps = Exact::from(points).checked_div(&Exact::from(step));
    steps.is_some_and(|steps| steps.round(0, Rounding::Truncate) == steps)
}

fn positive(field: &str, points: Points) -> Result<(), String> {
    if points == Points::ZERO { Err(format!("{field} must be above 0")) } else { Ok(()) }
}

fn check_tiers(tiers: &[Tier], max: Points) -> Result<(), String> {
    if tiers.is_empty() || tiers.len() > CHOICES_MAX {
        return Err(format!("there are {} tiers; give 1 to {CHOICES_MAX}", tiers.len()));
    }
    for pair in tiers.windows(2) {
        let [above, below] = pair else { continue };
        if below.at_least >= above.at_least {
            return Err(format!(
                "tier bound {} follows {}: list them from the top down",
                below.at_least, above.at_least
            ));
        }
        if below.points >= above.points {
            return Err(format!(
                "the tier from {} has {} points, the one above it {}",
                below.at_least, below.points, above.points
            ));
        }
    }
    reaches("tier", tiers.iter().map(|t| t.points), max)
}

fn check_options(options: &[ChoiceOption], max: Points) -> Result<(), String> {
    if options.is_empty() || options.len() > CHOICES_MAX {
        return Err(format!("there are {} options; give 1 to {CHOICES_MAX}", options.len()));
    }
    for (number, option) in (1..).zip(options) {
        if option.label.is_empty() {
            return Err(format!("option {number} has no label"));
        }
        let labels = std::iter::once(&option.label).chain(&option.label_en);
        if let Some(length) = labels.map(|l| l.as_str().chars().count()).find(|n| *n > LABEL_MAX) {
            return Err(format!("a label of option {number} has {length} characters, the limit is {LABEL_MAX}"));
        }
    }
    reaches("option", options.iter().map(|o| o.points), max)
}

/// That the best of the listed points is the maximum: a maximum that nobody can reach lowers everybody's index.
fn reaches(what: &str, points: impl Iterator<Item = Points>, max: Points) -> Result<(), String> {
    match points.max() {
        Some(best) if best == max => Ok(()),
        best => {
            Err(format!("its best {what} has {} points, the leaf's maximum is {max}", best.unwrap_or(Points::ZERO)))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rust_decimal::Decimal;

    use super::*;

    fn pts(text: &str) -> Points {
        text.parse().expect("a test's points")
    }

    fn count(text: &str) -> Inputs {
        Inputs::Count(text.parse().expect("a test's count"))
    }

    fn ratio(numerator: &str, denominator: &str) -> Inputs {
        let read = |t: &str| t.parse().expect("a test's amount");
        Inputs::Ratio { numerator: read(numerator), denominator: read(denominator) }
    }

    fn proportional(floor: Option<&str>) -> ScoringRule {
        ScoringRule::Proportional { version: 1, floor_pct: floor.map(|f| f.parse().expect("a test's percentage")) }
    }

    fn tiers(by: TierBasis, list: &[(&str, &str)]) -> ScoringRule {
        let tiers = list.iter().map(|(b, p)| Tier { at_least: b.parse().expect("a bound"), points: pts(p) }).collect();
        ScoringRule::Tiers { version: 1, by, tiers }
    }

    fn choice(points: &[&str]) -> ScoringRule {
        let option =
            |p: &&str| ChoiceOption { label: Text::try_new("a").expect("plain"), label_en: None, points: pts(p) };
        ScoringRule::Choice { version: 1, options: points.iter().map(option).collect() }
    }

    fn score(rule: &ScoringRule, max: &str, inputs: &Inputs) -> Result<Points, RuleError> {
        rule.points(pts(max), inputs, 2, Rounding::HalfUp)
    }

    #[test]
    fn each_rule_follows_the_sets_semantics() {
        let percentage = tiers(TierBasis::Percentage, &[("100", "0.75"), ("80", "0.5")]);
        let by_count = tiers(TierBasis::Count, &[("5", "1"), ("3", "0.5")]);
        let per_unit = ScoringRule::PerUnit { version: 1, points_per_unit: pts("0.25") };
        let deduction = ScoringRule::Deduction { version: 1, per_unit: pts("0.25") };
        let judged = ScoringRule::Judged { version: 1, step: pts("0.25") };
        for (rule, max, inputs, want) in [
            (&ScoringRule::YesNo { version: 1 }, "0.5", Inputs::YesNo(true), "0.5"),
            (&ScoringRule::YesNo { version: 1 }, "0.5", Inputs::YesNo(false), "0"),
            (&proportional(None), "1.5", ratio("2", "3"), "1"),
            (&proportional(None), "1", ratio("2", "3"), "0.67"),
            (&proportional(Some("80")), "1.5", ratio("75", "100"), "0"),
            (&proportional(Some("80")), "1.5", ratio("79.999999", "100"), "0"),
            (&proportional(Some("80")), "1.5", ratio("80", "100"), "1.2"),
            (&per_unit, "0.75", count("2"), "0.5"),
            (&per_unit, "0.75", count("9"), "0.75"),
            (&percentage, "0.75", ratio("32", "32"), "0.75"),
            (&percentage, "0.75", ratio("99.999999", "100"), "0.5"),
            (&percentage, "0.75", ratio("120", "100"), "0.75"),
            (&percentage, "0.75", ratio("79", "100"), "0"),
            (&by_count, "1", count("3"), "0.5"),
            (&deduction, "1.5", count("1"), "1.25"),
            (&deduction, "1.5", count("7"), "0"),
            (&choice(&["0.5", "0.25", "0"]), "0.5", Inputs::Option(2), "0.25"),
            (&judged, "1", Inputs::Judged(pts("0.75")), "0.75"),
        ] {
            assert_eq!(score(rule, max, &inputs), Ok(pts(want)), "{} {inputs}", rule.name());
        }
    }

    #[test]
    fn what_does_not_fit_is_told_in_both_languages() {
        let rule = ScoringRule::Choice { version: 1, options: Vec::new() };
        let refusal = rule.points(pts("2"), &count("3"), 2, Rounding::HalfUp).unwrap_err().refusal("1.2");
        assert_eq!(refusal.values["given"], "a count of 3", "machines read it in one language");
        assert_eq!(
            refusal.message(Language::Vietnamese),
            "tiêu chí 1.2 chấm theo choice, cần option: số thứ tự của một phương án, từ 1; đã khai: số lượng 3"
        );
        let refusal = rule.allows(pts("2"), pts("3"), 2).unwrap_err().refusal("1.2");
        assert_eq!(refusal.message(Language::Vietnamese), "3 điểm không hợp lệ cho tiêu chí 1.2: tối đa là 2");
    }

    #[test]
    fn inputs_that_the_rule_does_not_take_are_refused_with_what_it_takes() {
        let judged = ScoringRule::Judged { version: 1, step: pts("0.25") };
        for (rule, inputs) in [
            (&proportional(None), ratio("4", "3")),
            (&proportional(None), ratio("0", "0")),
            (&proportional(None), count("3")),
            (&tiers(TierBasis::Percentage, &[("50", "1")]), ratio("1", "0")),
            (&tiers(TierBasis::Percentage, &[("50", "1")]), count("1")),
            (&tiers(TierBasis::Count, &[("50", "1")]), ratio("1", "2")),
            (&choice(&["1"]), Inputs::Option(0)),
            (&choice(&["1"]), Inputs::Option(2)),
            (&judged, Inputs::Judged(pts("0.3"))),
            (&judged, Inputs::Judged(pts("1.25"))),
            (&ScoringRule::Survey { version: 1 }, Inputs::YesNo(true)),
            (&ScoringRule::YesNo { version: 1 }, Inputs::Judged(pts("1"))),
        ] {
            let refused = score(rule, "1", &inputs).expect_err(rule.name());
            let refusal = refused.refusal("1.1").to_string();
            assert!(refusal.contains("1.1") && !refusal.contains('?'), "{refusal}");
        }
    }

    #[test]
    fn an_exact_half_is_rounded_as_the_season_says() {
        // 0.75 × 5/6 = 0.625
        let (rule, inputs) = (proportional(None), ratio("5", "6"));
        let by = |rounding| rule.points(pts("0.75"), &inputs, 2, rounding).expect("fits");
        assert_eq!(by(Rounding::HalfUp), pts("0.63"));
        assert_eq!(by(Rounding::HalfEven), pts("0.62"));
        assert_eq!(by(Rounding::Truncate), pts("0.62"));
    }

    #[test]
    fn rounding_up_never_passes_a_maximum_of_more_decimals() {
        assert_eq!(score(&proportional(None), "0.125", &ratio("1", "1")), Ok(pts("0.125")));
    }

    #[test]
    fn survey_points_are_the_mean_of_the_factors() {
        let factors =
            |list: &[&str]| -> Vec<Percent> { list.iter().map(|f| f.parse().expect("a percentage")).collect() };
        let by = |list: &[&str]| survey_points(pts("10"), &factors(list), 2, Rounding::HalfUp);
        assert_eq!(by(&["99.9", "100", "99.9", "100", "100"]), Ok(pts("10")));
        assert_eq!(by(&["90", "80.5"]), Ok(pts("8.53")));
        assert!(by(&[]).is_err());
        assert!(by(&["100.000001"]).is_err());
    }

    #[test]
    fn an_override_stays_within_the_maximum_and_the_decimals() {
        let rule = ScoringRule::YesNo { version: 1 };
        assert_eq!(rule.allows(pts("1"), pts("0.37"), 2), Ok(()));
        assert!(rule.allows(pts("1"), pts("0.375"), 2).is_err());
        assert!(rule.allows(pts("1"), pts("1.01"), 2).is_err());
        assert_eq!(rule.allows(pts("0.125"), pts("0.125"), 2), Ok(()), "the maximum itself");
    }

    #[test]
    fn a_rule_that_cannot_be_used_is_told() {
        let judged = |step: &str| ScoringRule::Judged { version: 1, step: pts(step) };
        for (rule, max) in [
            (ScoringRule::YesNo { version: 2 }, "1"),
            (ScoringRule::YesNo { version: 1 }, "0"),
            (proportional(Some("100.5")), "1"),
            (ScoringRule::PerUnit { version: 1, points_per_unit: Points::ZERO }, "1"),
            (ScoringRule::Deduction { version: 1, per_unit: Points::ZERO }, "1"),
            (tiers(TierBasis::Count, &[]), "1"),
            (tiers(TierBasis::Count, &[("3", "1"), ("3", "0.5")]), "1"),
            (tiers(TierBasis::Count, &[("3", "1"), ("2", "1")]), "1"),
            (tiers(TierBasis::Count, &[("3", "0.5")]), "1"),
            (tiers(TierBasis::Count, &[("3", "2")]), "1"),
            (choice(&["0.5", "0"]), "1"),
            (choice(&["2", "1"]), "1"),
            (choice(&[]), "1"),
            (choice(&["1"; 21]), "1"),
            (judged("0"), "1"),
            (judged("0.3"), "1"),
        ] {
            assert!(rule.check(pts(max)).is_err(), "{rule:?}");
        }
        assert_eq!(choice(&["0", "1"]).check(pts("1")), Ok(()), "options stand in the set's own order");
        assert_eq!(judged("0.25").check(pts("1.5")), Ok(()));
    }

    #[test]
    fn points_alone_tell_the_inputs_of_some_rules() {
        let max = pts("1");
        let yes_no = ScoringRule::YesNo { version: 1 };
        assert_eq!(yes_no.inputs_from_points(max, max), Some(Inputs::YesNo(true)));
        assert_eq!(yes_no.inputs_from_points(max, pts("0.5")), None);
        assert_eq!(choice(&["1", "0.5"]).inputs_from_points(max, pts("0.5")), Some(Inputs::Option(2)));
        assert_eq!(proportional(None).inputs_from_points(max, max), None);
    }

    fn amount() -> impl Strategy<Value = Decimal> {
        prop_oneof![
            3 => (0_i64..20_000, 0_u32..4).prop_map(|(n, s)| Decimal::new(n, s)),
            1 => (0_i64..=1_000_000_000_000_000_000).prop_map(|n| Decimal::new(n, 6)),
            1 => prop::sample::select(vec![Decimal::ZERO, Decimal::new(1, 6), Decimal::from(1_000_000_000_000_i64)]),
        ]
    }

    fn points() -> impl Strategy<Value = Points> {
        amount().prop_map(|d| Points::try_new(d).expect("within the type"))
    }

    fn quantity() -> impl Strategy<Value = Quantity> {
        amount().prop_map(|d| Quantity::try_new(d).expect("within the type"))
    }

    fn percent() -> impl Strategy<Value = Percent> {
        amount().prop_map(|d| Percent::try_new(d).expect("within the type"))
    }

    fn any_rule() -> impl Strategy<Value = ScoringRule> {
        let version = 0_u32..3;
        let basis = prop::sample::select(vec![TierBasis::Percentage, TierBasis::Count]);
        let tier = (quantity(), points()).prop_map(|(at_least, points)| Tier { at_least, points });
        let option = points().prop_map(|points| ChoiceOption {
            label: Text::try_new("nhãn").expect("plain"),
            label_en: None,
            points,
        });
        prop_oneof![
            version.clone().prop_map(|version| ScoringRule::YesNo { version }),
            (version.clone(), prop::option::of(percent()))
                .prop_map(|(version, floor_pct)| ScoringRule::Proportional { version, floor_pct }),
            (version.clone(), points())
                .prop_map(|(version, points_per_unit)| ScoringRule::PerUnit { version, points_per_unit }),
            (version.clone(), basis, prop::collection::vec(tier, 0..4))
                .prop_map(|(version, by, tiers)| ScoringRule::Tiers { version, by, tiers }),
            (version.clone(), points()).prop_map(|(version, per_unit)| ScoringRule::Deduction { version, per_unit }),
            (version.clone(), prop::collection::vec(option, 0..4))
                .prop_map(|(version, options)| ScoringRule::Choice { version, options }),
            (version.clone(), points()).prop_map(|(version, step)| ScoringRule::Judged { version, step }),
            version.prop_map(|version| ScoringRule::Survey { version }),
        ]
    }

    fn any_inputs() -> impl Strategy<Value = Inputs> {
        prop_oneof![
            any::<bool>().prop_map(Inputs::YesNo),
            (quantity(), quantity()).prop_map(|(numerator, denominator)| Inputs::Ratio { numerator, denominator }),
            quantity().prop_map(Inputs::Count),
            any::<u16>().prop_map(Inputs::Option),
            (0_u16..6).prop_map(Inputs::Option),
            points().prop_map(Inputs::Judged),
        ]
    }

    fn any_rounding() -> impl Strategy<Value = Rounding> {
        prop::sample::select(vec![Rounding::HalfUp, Rounding::HalfEven, Rounding::Truncate])
    }

    proptest! {
        #[test]
        fn whatever_is_declared_the_points_lie_within_the_maximum(
            rule in any_rule(), max in points(), inputs in any_inputs(), decimals in 0_u32..9, rounding in any_rounding(),
        ) {
            if let Ok(points) = rule.points(max, &inputs, decimals, rounding) {
                prop_assert!(points <= max);
                if let Some(again) = rule.inputs_from_points(max, points) {
                    prop_assert_eq!(rule.points(max, &again, decimals, rounding), Ok(points));
                }
            }
            let _ = (rule.check(max), rule.allows(max, max, decimals), rule.takes());
        }

        #[test]
        fn a_larger_numerator_never_gives_fewer_points(
            max in points(), a in quantity(), b in quantity(), denominator in quantity(), floor in prop::option::of(percent()),
        ) {
            let rule = ScoringRule::Proportional { version: 1, floor_pct: floor };
            let by = |numerator| rule.points(max, &Inputs::Ratio { numerator, denominator }, 2, Rounding::HalfUp);
            if let (Ok(small), Ok(large)) = (by(a.min(b)), by(a.max(b))) {
                prop_assert!(small <= large);
            }
        }

        #[test]
        fn survey_points_lie_within_the_maximum(
            max in points(), factors in prop::collection::vec(percent(), 0..6), decimals in 0_u32..9, rounding in any_rounding(),
        ) {
            if let Ok(points) = survey_points(max, &factors, decimals, rounding) {
                prop_assert!(points <= max);
            }
        }

        #[test]
        fn rules_and_inputs_read_back_as_themselves(rule in any_rule(), inputs in any_inputs()) {
            let text = serde_json::to_string(&rule).expect("serialises");
            prop_assert_eq!(serde_json::from_str::<ScoringRule>(&text).expect("reads back"), rule);
            let text = serde_json::to_string(&inputs).expect("serialises");
            prop_assert_eq!(serde_json::from_str::<Inputs>(&text).expect("reads back"), inputs);
        }
    }
}
