//! The JSON files of a season folder: `season.json` and the criteria sets.
//!
//! Objects are closed: a field that is not documented is refused, or a slip of the pen in an optional one would be lost in
//! silence. What sogoc computes in one way only is an enum of one, so that a folder that asks for another way is refused
//! instead of being computed wrongly.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use sogoc_domain::command::Command;
use sogoc_domain::criteria::{LeafRule, Node};
use sogoc_domain::event::Name;
use sogoc_domain::policy::{
    Band, ClassBy, EvidencePolicy, LateSubmission, Policy, ReasonCode, ReasonKind, Ties, UnsignedEvidence, Unsurveyed,
};
use sogoc_domain::scoring::{ChoiceOption, Rounding, ScoringRule, Tier, TierBasis};
use sogoc_domain::values::{
    AgencyId, GroupId, InstrumentId, NodeId, Percent, PhaseId, Points, Quantity, SeasonId, SetId, Text, Timestamp,
};

use super::admits;
use crate::import::csv::text_of;
use crate::import::times::{Offset, Window};
use crate::import::{ImportError, Source};

/// The file that names the season.
pub(super) const SEASON: &str = "season.json";

/// What `season.json` says, in values of the domain.
pub(super) struct Season {
    pub(super) id: SeasonId,
    pub(super) year: u16,
    pub(super) title: Text,
    pub(super) title_en: Option<Text>,
    pub(super) offset: Offset,
    pub(super) instruments: Vec<Instrument>,
    /// The decision that establishes the council, one of `instruments`.
    pub(super) council_decision: InstrumentId,
    pub(super) groups: Vec<Group>,
    pub(super) policy: Policy,
    /// Columns of the survey's factors, in order.
    pub(super) factor_columns: Vec<String>,
    pub(super) phases: Vec<Phase>,
}

/// A legal basis.
pub(super) struct Instrument {
    pub(super) id: InstrumentId,
    pub(super) number: Text,
    pub(super) date: String,
    /// Midnight of its date, in the season's time zone.
    pub(super) issued: Timestamp,
    pub(super) issuer: Text,
    pub(super) title: Option<Text>,
    /// The season itself rests on it; others are only cited.
    pub(super) season_basis: bool,
}

/// A ranking group with its criteria set.
pub(super) struct Group {
    pub(super) id: GroupId,
    pub(super) name: Name,
    pub(super) classes: Vec<Band>,
    pub(super) letters: Vec<Band>,
    pub(super) agencies: Option<usize>,
    pub(super) criteria_file: String,
    pub(super) set: SetId,
    pub(super) set_title: Text,
    pub(super) issued_by: InstrumentId,
    pub(super) max_points: Points,
    pub(super) domains: Vec<Node>,
    /// Codes of all nodes.
    pub(super) codes: BTreeSet<String>,
    /// Leaves by code, in the order of the codes' text.
    pub(super) leaves: BTreeMap<String, Leaf>,
}

/// A leaf.
#[derive(Clone)]
pub(super) struct Leaf {
    pub(super) rule: ScoringRule,
    pub(super) max_points: Points,
}

impl Leaf {
    /// Scored by the survey, not by the agency.
    pub(super) fn is_survey(&self) -> bool {
        matches!(self.rule, ScoringRule::Survey { .. })
    }
}

/// A phase.
pub(super) struct Phase {
    pub(super) id: PhaseId,
    pub(super) name: Name,
    pub(super) window: Window,
    pub(super) admits: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SeasonDoc {
    id: SeasonId,
    year: u16,
    title: Text,
    title_en: Option<Text>,
    time_zone: String,
    legal_bases: Vec<BasisDoc>,
    council: CouncilDoc,
    groups: Vec<GroupDoc>,
    figure_policy: FigurePolicyDoc,
    #[serde(default)]
    policy: PolicyDoc,
    #[serde(default)]
    survey_factors: Vec<FactorDoc>,
    reason_codes: Vec<ReasonDoc>,
    phases: Vec<PhaseDoc>,
    #[serde(rename = "province")]
    _province: Option<IgnoredAny>,
    #[serde(rename = "reported_by")]
    _reported_by: Option<IgnoredAny>,
    #[serde(rename = "rule_semantics")]
    _rule_semantics: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BasisDoc {
    id: Option<InstrumentId>,
    number: Text,
    date: String,
    issuer: Text,
    title: Option<Text>,
    role: BasisRole,
    #[serde(rename = "issuer_en")]
    _issuer_en: Option<IgnoredAny>,
    #[serde(rename = "title_en")]
    _title_en: Option<IgnoredAny>,
    #[serde(rename = "cited_for")]
    _cited_for: Option<IgnoredAny>,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum BasisRole {
    SeasonBasis,
    Cited,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CouncilDoc {
    decision: Text,
    #[serde(rename = "member_agencies")]
    _member_agencies: Option<IgnoredAny>,
    #[serde(rename = "status")]
    _status: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupDoc {
    id: GroupId,
    name_vi: Text,
    name_en: Option<Text>,
    agency_count: Option<usize>,
    criteria_file: String,
    classes: Vec<BandDoc>,
    #[serde(default)]
    letters: Vec<BandDoc>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BandDoc {
    code: String,
    label_vi: Text,
    label_en: Option<Text>,
    lower: Percent,
    lower_inclusive: bool,
    upper: Percent,
    upper_inclusive: bool,
}

impl From<BandDoc> for Band {
    fn from(b: BandDoc) -> Self {
        Self {
            code: b.code,
            label: b.label_vi,
            label_en: b.label_en,
            lower: b.lower,
            lower_inclusive: b.lower_inclusive,
            upper: b.upper,
            upper_inclusive: b.upper_inclusive,
        }
    }
}

macro_rules! only {
    ($($name:ident = $variant:ident,)*) => {$(
        #[derive(Deserialize)]
        #[serde(rename_all = "snake_case")]
        enum $name { $variant }
    )*};
}
only! {
    Arithmetic = Exact,
    OnceAtTheEnd = OnceAtTheEnd,
    Unweighted = None,
    OverIndices = ExactIndices,
    OverDomain = AgenciesWithAnApplicableLeafInTheDomain,
    OverSurveyed = AgenciesWithASurvey,
    Excluded = Excluded,
    WithinGroup = Group,
    Descending = Descending,
    ByIndex = ExactIndex,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FigurePolicyDoc {
    leaf_points_decimals: u32,
    rounding: RoundingDoc,
    rank: RankDoc,
    class_by: ClassBy,
    #[serde(rename = "arithmetic")]
    _arithmetic: Option<Arithmetic>,
    #[serde(rename = "group_mean")]
    _group_mean: Option<GroupMeanDoc>,
    #[serde(rename = "domain_mean")]
    _domain_mean: Option<DomainMeanDoc>,
    #[serde(rename = "survey_mean")]
    _survey_mean: Option<SurveyMeanDoc>,
    #[serde(rename = "index")]
    _index: Option<IgnoredAny>,
    #[serde(rename = "above_mean")]
    _above_mean: Option<IgnoredAny>,
    #[serde(rename = "spread")]
    _spread: Option<IgnoredAny>,
    #[serde(rename = "change")]
    _change: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RoundingDoc {
    mode: Rounding,
    decimals: u32,
    #[serde(rename = "when")]
    _when: Option<OnceAtTheEnd>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RankDoc {
    ties: Ties,
    #[serde(rename = "scope")]
    _scope: Option<WithinGroup>,
    #[serde(rename = "order")]
    _order: Option<Descending>,
    #[serde(rename = "by")]
    _by: Option<ByIndex>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupMeanDoc {
    #[serde(rename = "weights")]
    _weights: Option<Unweighted>,
    #[serde(rename = "over")]
    _over: Option<OverIndices>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DomainMeanDoc {
    #[serde(rename = "weights")]
    _weights: Option<Unweighted>,
    #[serde(rename = "over")]
    _over: Option<OverDomain>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SurveyMeanDoc {
    #[serde(rename = "weights")]
    _weights: Option<Unweighted>,
    #[serde(rename = "over")]
    _over: Option<OverSurveyed>,
    #[serde(rename = "missing_survey")]
    _missing_survey: Option<Excluded>,
}

/// What the folder may say beyond how figures are computed; all of it has defaults.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct PolicyDoc {
    appraisal_rounds: u32,
    approvals: u32,
    appeal_may_lower: bool,
    unsurveyed: Unsurveyed,
    unsigned_evidence: UnsignedEvidence,
    evidence: Option<EvidencePolicy>,
    late_submission: LateSubmission,
    instrument_required: Vec<String>,
}

impl Default for PolicyDoc {
    fn default() -> Self {
        Self {
            appraisal_rounds: 2,
            approvals: 2,
            appeal_may_lower: false,
            unsurveyed: Unsurveyed::LeaveOut,
            unsigned_evidence: UnsignedEvidence::ReviewerJudges,
            evidence: None,
            late_submission: LateSubmission::ByAcceptance,
            instrument_required: INSTRUMENT_REQUIRED.iter().map(|k| (*k).to_owned()).collect(),
        }
    }
}

/// What takes points, classes or leaves from an agency without a reviewer, or speaks for the council, names its ground.
const INSTRUMENT_REQUIRED: &[&str] =
    &["adopt-resolution", "cap-class", "decide-applicability", "deem-score", "reopen-scorecard"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FactorDoc {
    column: String,
    #[serde(rename = "name_vi")]
    _name_vi: Option<IgnoredAny>,
    #[serde(rename = "name_en")]
    _name_en: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReasonDoc {
    code: String,
    label_vi: Text,
    label_en: Option<Text>,
    kind: ReasonKind,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PhaseDoc {
    id: String,
    name_vi: Text,
    name_en: Option<Text>,
    start: Timestamp,
    end: Timestamp,
    admits: Option<Vec<String>>,
    #[serde(rename = "status")]
    _status: Option<IgnoredAny>,
    #[serde(rename = "note")]
    _note: Option<IgnoredAny>,
}

/// Reads a JSON file.
fn json<T: DeserializeOwned>(file: &str, bytes: &[u8]) -> Result<T, ImportError> {
    let text = text_of(file, bytes)?;
    serde_json::from_str(text).map_err(|e| {
        let reason = e.to_string();
        // serde_json ends its texts with the place, which stands in its own fields here.
        let reason = reason.rsplit_once(" at line ").map_or(reason.as_str(), |(before, _)| before).to_owned();
        let remedy = "correct it; the format is in the README beside the data set";
        match u64::try_from(e.line()) {
            Ok(line) if line > 0 => {
                ImportError::of_line(file, line, reason, remedy).in_column(&format!("character {}", e.column()))
            }
            _ => ImportError::of_file(file, reason, remedy),
        }
    })
}

/// A file that must be there. Names come from the folder itself, so they may not lead out of it.
pub(super) fn needed(source: &dyn Source, name: &str) -> Result<Vec<u8>, ImportError> {
    optional(source, name)?.ok_or_else(|| {
        ImportError::of_file(name, "there is no such file in the folder", "add it, or name another folder")
    })
}

/// A file that may be missing.
pub(super) fn optional(source: &dyn Source, name: &str) -> Result<Option<Vec<u8>>, ImportError> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if name.is_empty() || name.starts_with('.') || name.len() > 100 || !name.bytes().all(plain) {
        let reason = "it is not the name of a file in the folder";
        return Err(ImportError::of_file(SEASON, reason, "use letters, digits, -, _ and .").with_value(name));
    }
    source.read(name).map_err(|e| {
        ImportError::of_file(name, format!("it cannot be read: {e}"), "check the file and its permissions")
    })
}

/// Reads `season.json` and the criteria files that it names.
pub(super) fn read(source: &dyn Source) -> Result<Season, ImportError> {
    let doc: SeasonDoc = json(SEASON, &needed(source, SEASON)?)?;
    let bad = |field: &str, value: &str, reason: String, remedy: &str| {
        ImportError::of_file(SEASON, reason, remedy).in_column(field).with_value(value)
    };
    let offset = Offset::parse(&doc.time_zone)
        .ok_or_else(|| bad("time_zone", &doc.time_zone, "it is not an offset from UTC".into(), "write it as +07:00"))?;
    let mut instruments = Vec::with_capacity(doc.legal_bases.len());
    let mut ids = BTreeSet::new();
    for basis in doc.legal_bases {
        let number = basis.number.as_str();
        let id = match basis.id {
            Some(id) => id,
            None => slug(number).parse().map_err(|_| {
                bad("legal_bases", number, "no id can be made of the number".into(), "give the legal basis an id")
            })?,
        };
        if !ids.insert(id.clone()) {
            let reason = format!("two legal bases have the id {id}");
            return Err(bad(
                "legal_bases",
                number,
                reason,
                "give one of them another id, such as the number with the year",
            ));
        }
        let issued = Timestamp::parse(&format!("{}T00:00:00{}", basis.date, doc.time_zone)).map_err(|_| {
            bad("legal_bases", &basis.date, format!("the date of {number} is none"), "write it as YYYY-MM-DD")
        })?;
        let season_basis = basis.role == BasisRole::SeasonBasis;
        let (number, date, issuer, title) = (basis.number, basis.date, basis.issuer, basis.title);
        instruments.push(Instrument { id, number, date, issued, issuer, title, season_basis });
    }
    let instrument =
        |field: &str, number: &Text| {
            instruments.iter().find(|i| i.number == *number).map(|i| i.id.clone()).ok_or_else(|| {
                bad(field, number.as_str(), "it is not among legal_bases".into(), "add it to legal_bases")
            })
        };
    let council_decision = instrument("council.decision", &doc.council.decision)?;
    let mut groups: Vec<Group> = Vec::with_capacity(doc.groups.len());
    for group in doc.groups {
        if groups.iter().any(|g| g.id == group.id) {
            return Err(bad("groups", group.id.as_str(), "the group is there twice".into(), "delete one of them"));
        }
        let criteria = read_criteria(source, &doc.id, &group.id, &group.criteria_file)?;
        let issued_by = instrument("issued_by", &criteria.issued_by)
            .map_err(|e| ImportError { file: group.criteria_file.as_str().into(), ..e })?;
        let set_title = format!("{}, {}", criteria.issued_by, group.name_vi);
        let set = SetId::try_new(&format!("{}-{}", doc.id, group.id))
            .map_err(|e| bad("groups", group.id.as_str(), e.0, "shorten the ids of the season and the group"))?;
        let (mut leaves, mut codes) = (BTreeMap::new(), BTreeSet::new());
        for domain in &criteria.domains {
            collect(domain, &mut leaves, &mut codes);
        }
        groups.push(Group {
            id: group.id,
            name: Name { vi: group.name_vi, en: group.name_en, short: None },
            classes: group.classes.into_iter().map(Band::from).collect(),
            letters: group.letters.into_iter().map(Band::from).collect(),
            agencies: group.agency_count,
            criteria_file: group.criteria_file,
            set,
            set_title: text(&set_title),
            issued_by,
            max_points: criteria.max_points,
            domains: criteria.domains,
            codes,
            leaves,
        });
    }
    let mut phases: Vec<Phase> = Vec::with_capacity(doc.phases.len());
    for phase in doc.phases {
        let id = phase
            .id
            .replace('_', "-")
            .parse::<PhaseId>()
            .map_err(|e| bad("phases", &phase.id, e.0, "use a-z, 0-9, _ and -"))?;
        if phases.iter().any(|p| p.id == id) {
            return Err(bad("phases", &phase.id, "the phase is there twice".into(), "delete one of them"));
        }
        let known = admits::of(id.as_str());
        let admitted = phase.admits.or_else(|| known.map(|k| k.iter().map(|c| (*c).to_owned()).collect()));
        let admitted = admitted.ok_or_else(|| {
            let remedy = "list the commands that it admits in a field admits (an empty list for none)";
            bad("phases", &phase.id, "this phase has no commands of its own by its id".into(), remedy)
        })?;
        if let Some(kind) = admitted.iter().find(|k| !Command::KINDS.contains(&k.as_str())) {
            return Err(bad("phases", kind, "it is no kind of command".into(), "use kinds such as record-self-score"));
        }
        // Printed ends are the last second of a day; sogoc's phases are half-open.
        let window = Window { start: phase.start, end: half_open_end(phase.end) };
        if window.is_empty() {
            return Err(bad("phases", &phase.id, "it ends before it begins".into(), "correct start or end"));
        }
        phases.push(Phase {
            id,
            name: Name { vi: phase.name_vi, en: phase.name_en, short: None },
            window,
            admits: admitted,
        });
    }
    let figures = doc.figure_policy;
    let policy = Policy {
        leaf_decimals: figures.leaf_points_decimals,
        display_decimals: figures.rounding.decimals,
        rounding: figures.rounding.mode,
        appraisal_rounds: doc.policy.appraisal_rounds,
        class_by: figures.class_by,
        ties: figures.rank.ties,
        unsurveyed: doc.policy.unsurveyed,
        unsigned_evidence: doc.policy.unsigned_evidence,
        evidence: doc.policy.evidence,
        late_submission: doc.policy.late_submission,
        appeal_may_lower: doc.policy.appeal_may_lower,
        approvals: doc.policy.approvals,
        instrument_required: doc.policy.instrument_required,
        reason_codes: with_standing(doc.reason_codes),
        survey_factors: doc
            .survey_factors
            .iter()
            .map(|f| f.column.trim_end_matches("_pct").replace('_', "-"))
            .collect(),
    };
    Ok(Season {
        id: doc.id,
        year: doc.year,
        title: doc.title,
        title_en: doc.title_en,
        offset,
        instruments,
        council_decision,
        groups,
        policy,
        factor_columns: doc.survey_factors.into_iter().map(|f| f.column).collect(),
        phases,
    })
}

/// A season's reason codes, and behind them those of the register itself that the season does not define: a past season
/// need not have thought of corrections and amendments.
fn with_standing(codes: Vec<ReasonDoc>) -> Vec<ReasonCode> {
    let mut codes: Vec<_> = codes
        .into_iter()
        .map(|r| ReasonCode { code: r.code, label: r.label_vi, label_en: r.label_en, kind: r.kind })
        .collect();
    for standing in ReasonCode::standing() {
        if !codes.iter().any(|r| r.code == standing.code) {
            codes.push(standing);
        }
    }
    codes
}

/// `23:59:59` is the last second that belongs to the phase; an end on a full minute is the first instant after it.
fn half_open_end(end: Timestamp) -> Timestamp {
    const SECOND: i64 = 1_000_000;
    if end.micros().rem_euclid(60 * SECOND) == 59 * SECOND { end.plus_micros(SECOND) } else { end }
}

/// A text made of texts, which hold no control characters.
pub(crate) fn text(value: &str) -> Text {
    Text::try_new(value).expect("texts are made of texts that were read")
}

/// An id from a number or a name: lower case without accents, one dash for anything but letters and digits.
pub(crate) fn slug(text: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    use unicode_normalization::char::is_combining_mark;
    let mut out = String::new();
    let plain = text.nfd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase);
    for c in plain.map(|c| if c == 'đ' { 'd' } else { c }) {
        if c.is_ascii_alphanumeric() {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
    }
    out.truncate(64);
    out.trim_end_matches('-').to_owned()
}

// ---- criteria ----------------------------------------------------------------------------------------------------

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CriteriaDoc {
    season: SeasonId,
    group: GroupId,
    issued_by: Text,
    max_points: Points,
    domains: Vec<NodeDoc>,
    #[serde(rename = "self_scored_max_points")]
    _self_scored_max_points: Option<IgnoredAny>,
    #[serde(rename = "survey_max_points")]
    _survey_max_points: Option<IgnoredAny>,
    #[serde(rename = "status")]
    _status: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NodeDoc {
    code: String,
    name: Text,
    name_en: Option<Text>,
    max_points: Points,
    lead_agency: Option<AgencyId>,
    #[serde(default)]
    children: Vec<NodeDoc>,
    rule: Option<RuleDoc>,
    scored_by: Option<ScoredBy>,
    #[serde(default)]
    evidence_required: bool,
    evidence_hint: Option<Text>,
    predecessor: Option<NodeId>,
    #[serde(rename = "lead_agency_status")]
    _lead_agency_status: Option<IgnoredAny>,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum ScoredBy {
    #[serde(rename = "self")]
    Agency,
    Survey,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum RuleDoc {
    YesNo {},
    Proportional { floor_pct: Option<Percent> },
    PerUnit { points_per_unit: Points },
    Tiers { tiers: Vec<TierDoc> },
    Deduction { per_unit: Points },
    Choice { options: Vec<ChoiceOption> },
    Judged { step: Points },
    Survey {},
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TierDoc {
    at_least_pct: Option<Quantity>,
    at_least_count: Option<Quantity>,
    points: Points,
}

struct Criteria {
    issued_by: Text,
    max_points: Points,
    domains: Vec<Node>,
}

fn read_criteria(source: &dyn Source, season: &SeasonId, group: &GroupId, file: &str) -> Result<Criteria, ImportError> {
    let doc: CriteriaDoc = json(file, &needed(source, file)?)?;
    if doc.season != *season || doc.group != *group {
        let reason = format!("it is the criteria set of {}/{}, not of {season}/{group}", doc.season, doc.group);
        return Err(ImportError::of_file(file, reason, "name the right file in season.json"));
    }
    let mut codes = BTreeSet::new();
    let domains = doc.domains.into_iter().map(|d| node(file, d, &mut codes)).collect::<Result<_, _>>()?;
    Ok(Criteria { issued_by: doc.issued_by, max_points: doc.max_points, domains })
}

fn node(file: &str, doc: NodeDoc, codes: &mut BTreeSet<String>) -> Result<Node, ImportError> {
    let code = doc.code.clone();
    let bad =
        |reason: &str, remedy: &str| ImportError::of_file(file, reason, remedy).in_column("code").with_value(&code);
    let id = code.replace('.', "-").parse::<NodeId>().map_err(|e| bad(&e.0, "write it as 3.1.2"))?;
    if !codes.insert(code.clone()) {
        return Err(bad("two nodes have this code", "give one of them another code"));
    }
    if doc.children.is_empty() == doc.rule.is_none() {
        return Err(bad("a node has either children or a rule", "give it one of the two"));
    }
    let leaf = match doc.rule {
        None => None,
        Some(rule) => {
            let rule = match rule {
                RuleDoc::YesNo {} => ScoringRule::YesNo { version: 1 },
                RuleDoc::Proportional { floor_pct } => ScoringRule::Proportional { version: 1, floor_pct },
                RuleDoc::PerUnit { points_per_unit } => ScoringRule::PerUnit { version: 1, points_per_unit },
                RuleDoc::Tiers { tiers } => tiers_rule(tiers).ok_or_else(|| {
                    bad("tiers need a bound each, all of one kind", "give at_least_pct or at_least_count")
                })?,
                RuleDoc::Deduction { per_unit } => ScoringRule::Deduction { version: 1, per_unit },
                RuleDoc::Choice { options } => ScoringRule::Choice { version: 1, options },
                RuleDoc::Judged { step } => ScoringRule::Judged { version: 1, step },
                RuleDoc::Survey {} => ScoringRule::Survey { version: 1 },
            };
            let surveyed = matches!(rule, ScoringRule::Survey { .. });
            if doc.scored_by.as_ref().is_some_and(|by| (*by == ScoredBy::Survey) != surveyed) {
                return Err(bad(
                    "scored_by does not fit the rule",
                    "survey goes with the rule survey, self with all others",
                ));
            }
            Some(LeafRule { rule, evidence_required: doc.evidence_required, evidence_hint: doc.evidence_hint })
        }
    };
    let children = doc.children.into_iter().map(|c| node(file, c, codes)).collect::<Result<_, _>>()?;
    Ok(Node {
        id,
        code,
        name: doc.name,
        name_en: doc.name_en,
        max_points: doc.max_points,
        lead_agency: doc.lead_agency,
        predecessor: doc.predecessor,
        children,
        leaf,
    })
}

fn tiers_rule(tiers: Vec<TierDoc>) -> Option<ScoringRule> {
    let by = if tiers.iter().all(|t| t.at_least_count.is_none()) { TierBasis::Percentage } else { TierBasis::Count };
    let tiers = tiers
        .into_iter()
        .map(|t| {
            let at_least = match (by, t.at_least_pct, t.at_least_count) {
                (TierBasis::Percentage, Some(bound), None) | (TierBasis::Count, None, Some(bound)) => bound,
                _ => return None,
            };
            Some(Tier { at_least, points: t.points })
        })
        .collect::<Option<Vec<_>>>()?;
    Some(ScoringRule::Tiers { version: 1, by, tiers })
}

fn collect(node: &Node, leaves: &mut BTreeMap<String, Leaf>, codes: &mut BTreeSet<String>) {
    codes.insert(node.code.clone());
    if let Some(leaf) = &node.leaf {
        leaves.insert(node.code.clone(), Leaf { rule: leaf.rule.clone(), max_points: node.max_points });
    }
    for child in &node.children {
        collect(child, leaves, codes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_ids() {
        for (number, id) in [
            ("1952/QĐ-UBND", "1952-qd-ubnd"),
            ("61/2018/NĐ-CP", "61-2018-nd-cp"),
            ("24-NQ/TU", "24-nq-tu"),
            ("Sở Văn hóa, Thể thao & Du lịch", "so-van-hoa-the-thao-du-lich"),
        ] {
            assert_eq!(slug(number), id);
        }
    }

    #[test]
    fn a_printed_end_is_inclusive() {
        let t = |s| Timestamp::parse(s).unwrap();
        assert_eq!(half_open_end(t("2022-11-20T23:59:59+07:00")), t("2022-11-21T00:00:00+07:00"));
        assert_eq!(half_open_end(t("2022-11-21T00:00:00+07:00")), t("2022-11-21T00:00:00+07:00"));
    }
}
