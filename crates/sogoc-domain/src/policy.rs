//! What a season lays down: policy, bands, assignments, and the small words of its entries.

use serde::{Deserialize, Serialize};

use crate::scoring::Rounding;
use crate::values::{AccountId, AgencyId, CaseId, GroupId, LeafId, NodeId, Percent, Text};

/// Version of the figures' rules that a season activated now is pinned to (invariant 8).
pub const RULES_VERSION: u32 = 1;

/// Live or imported, from a season's first entry and for ever (invariant 12).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Deadlines are judged by `received`.
    #[default]
    Live,
    /// A past season: phases are judged by `occurred`.
    Imported,
}

/// A season's policy.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Decimals of leaf points and survey points; exact from there on.
    pub leaf_decimals: u32,
    /// Decimals of an index and of changes when shown, and of the index that decides the class where that one is rounded.
    pub display_decimals: u32,
    /// Rounding mode of both.
    pub rounding: Rounding,
    /// Number of appraisal rounds, 1 or more.
    pub appraisal_rounds: u32,
    /// Whether the class follows the rounded or the exact index.
    pub class_by: ClassBy,
    /// How equal indices are ranked.
    pub ties: Ties,
    /// What an agency without a survey gets.
    pub unsurveyed: Unsurveyed,
    /// Whether unsigned evidence may count.
    pub unsigned_evidence: UnsignedEvidence,
    /// Whether a late submission may be let in.
    pub late_submission: LateSubmission,
    /// Whether an appeal decision may lower points.
    pub appeal_may_lower: bool,
    /// Approvals that a publication needs; at least 2 (invariant 7).
    pub approvals: u32,
    /// Kinds of commands that must name an instrument, sorted.
    pub instrument_required: Vec<String>,
    /// Reason codes, in the order of the source.
    pub reason_codes: Vec<ReasonCode>,
    /// Ids of the survey's factors, in order.
    pub survey_factors: Vec<String>,
    /// What evidence is taken in and which counts. Where it is absent, the usual files are taken in and whether one
    /// counts is the reviewer's to judge; where it is there, points of a leaf that demands evidence need some that counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<EvidencePolicy>,
}

/// Code under which clerical corrections stand (`correct-score`).
pub const CLERICAL_ERROR: &str = "clerical_error";
/// Code under which an amendment of a criteria set changes scores (`amend-criteria-set`).
pub const STANDARD_AMENDED: &str = "standard_amended";

impl Policy {
    /// The reason code of this name.
    #[must_use]
    pub fn reason(&self, code: &str) -> Option<&ReasonCode> {
        self.reason_codes.iter().find(|r| r.code == code)
    }

    /// The rules of evidence: the policy's, else [`EvidencePolicy::default`].
    #[must_use]
    pub fn evidence_rules(&self) -> std::borrow::Cow<'_, EvidencePolicy> {
        match &self.evidence {
            Some(rules) => std::borrow::Cow::Borrowed(rules),
            None => std::borrow::Cow::Owned(EvidencePolicy::default()),
        }
    }

    /// The first of the codes that every policy must hold, and may both lower and raise, which this one does not: with
    /// the command that would be refused for want of it.
    pub(crate) fn lacks(&self) -> Option<(&'static str, &'static str)> {
        let standing = [(CLERICAL_ERROR, "correct-score"), (STANDARD_AMENDED, "amend-criteria-set")];
        standing.into_iter().find(|(code, _)| self.reason(code).is_none_or(|r| r.kind != ReasonKind::Either))
    }
}

/// Which index decides the class.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ClassBy {
    /// The index as displayed.
    RoundedIndex,
    /// The exact index.
    ExactIndex,
}

/// How equal indices are ranked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Ties {
    /// 1, 2, 2, 4.
    Competition,
    /// 1, 2, 2, 3.
    Dense,
}

/// What an agency without a survey gets.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Unsurveyed {
    /// The survey's maximum leaves the denominator.
    LeaveOut,
    /// Zero points; the maximum stays.
    Zero,
}

/// Whether unsigned evidence may count.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum UnsignedEvidence {
    /// The reviewer judges.
    ReviewerJudges,
    /// It does not count.
    DoesNotCount,
}

/// What evidence is taken in, and which counts.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EvidencePolicy {
    /// Files that are taken in, by their content: `pdf`, `docx`, `xlsx`, `png`, `jpeg`, `tiff`; with `zip`, archives that
    /// hold nothing else than the others.
    pub media: Vec<String>,
    /// Largest file in bytes.
    pub bytes_max: u64,
    /// What becomes of files with scripts, macros, programs or other files in them.
    pub active_content: ActiveContent,
    /// Whether a file counts whose signature is not valid.
    pub invalid: CountBy,
    /// Whether a file counts of whose signature cannot be told what it is worth.
    pub indeterminate: CountBy,
    /// Whose signature counts.
    pub signed_by: SignedBy,
    /// By when a file must have been signed, if by anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_before: Option<SignedBefore>,
}

/// Largest file that a policy can take in: what the store itself bounds an upload by.
pub const EVIDENCE_BYTES_MAX: u64 = 4 << 30;

impl Default for EvidencePolicy {
    /// Documents and pictures to 100 MiB; what counts is the reviewer's to judge.
    fn default() -> Self {
        Self {
            media: ["pdf", "docx", "xlsx", "png", "jpeg", "tiff"].map(str::to_owned).to_vec(),
            bytes_max: 100 << 20,
            active_content: ActiveContent::Note,
            invalid: CountBy::ReviewerJudges,
            indeterminate: CountBy::ReviewerJudges,
            signed_by: SignedBy::Anyone,
            signed_before: None,
        }
    }
}

/// What becomes of files that act when they are opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ActiveContent {
    /// It is noted.
    Note,
    /// The file is taken in and does not count.
    DoesNotCount,
    /// The file is not taken in.
    Refuse,
}

/// Whether a file counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CountBy {
    /// The reviewer judges.
    ReviewerJudges,
    /// It does not count.
    DoesNotCount,
}

/// Whose signature counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SignedBy {
    /// Anyone's.
    Anyone,
    /// The agency's or its leader's.
    Agency,
    /// The leader's.
    Leader,
}

/// By when a file must have been signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SignedBefore {
    /// First instant that is too late.
    pub instant: crate::values::Timestamp,
    /// True where a time stamp must prove it; else what the signer claims does where nothing is proven.
    pub proven: bool,
}

/// Whether a late submission may be let in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum LateSubmission {
    /// By an acceptance with a reason.
    ByAcceptance,
    /// Never.
    Never,
}

/// A reason code and what it may do.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReasonCode {
    /// The code, such as `evidence_missing`.
    pub code: String,
    /// Label in Vietnamese.
    pub label: Text,
    /// Label in English.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_en: Option<Text>,
    /// Whether it may lower, raise or do both.
    pub kind: ReasonKind,
}

impl ReasonCode {
    /// The codes that every policy must hold, with their usual labels: the register itself puts changes under them.
    ///
    /// # Panics
    /// Never: the labels are fixed.
    #[must_use]
    pub fn standing() -> [Self; 2] {
        let code = |code: &str, vi: &str, en: &str| Self {
            code: code.to_owned(),
            label: Text::try_new(vi).expect("a label without control characters"),
            label_en: Some(Text::try_new(en).expect("a label without control characters")),
            kind: ReasonKind::Either,
        };
        [
            code(CLERICAL_ERROR, "Sửa sai sót nhập liệu, tính toán", "Clerical error corrected"),
            code(
                STANDARD_AMENDED,
                "Tiêu chí, hướng dẫn chấm điểm được sửa đổi",
                "Criterion or scoring guidance amended",
            ),
        ]
    }
}

/// What a reason code may do to points.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReasonKind {
    /// Only lower.
    Deduction,
    /// Only raise.
    Raise,
    /// Both.
    Either,
}

/// A band of the index: a class (xếp loại) or a letter.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Band {
    /// Its code, such as `excellent` or `A`.
    pub code: String,
    /// Label in Vietnamese.
    pub label: Text,
    /// Label in English.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_en: Option<Text>,
    /// Lower bound in percent.
    pub lower: Percent,
    /// Whether the lower bound belongs to the band.
    pub lower_inclusive: bool,
    /// Upper bound in percent.
    pub upper: Percent,
    /// Whether the upper bound belongs to the band.
    pub upper_inclusive: bool,
}

/// Who appraises and confirms a node and all below it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Assignment {
    /// The ranking group.
    pub group: GroupId,
    /// The node; a deeper assignment goes before one above it.
    pub node: NodeId,
    /// The agency that leads it.
    pub lead_agency: AgencyId,
    /// Accounts that may appraise, sorted.
    pub reviewers: Vec<AccountId>,
    /// Accounts that may confirm, sorted.
    pub confirmers: Vec<AccountId>,
    /// Who takes over where the lead agency is itself the one scored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alternate: Option<Alternate>,
}

/// Who takes over an agency's own leaves.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Alternate {
    /// The agency.
    pub agency: AgencyId,
    /// Accounts that may appraise, sorted.
    pub reviewers: Vec<AccountId>,
    /// Accounts that may confirm, sorted.
    pub confirmers: Vec<AccountId>,
}

/// Whether a leaf applies to an agency, and what follows for its maximum.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Applicability {
    /// It applies.
    #[default]
    Applies,
    /// It does not, and leaves the denominator.
    LeftOut,
    /// It does not, and its points are awarded in full.
    AwardedInFull,
}

/// What a deadline is moved for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum DeadlineScope {
    /// The whole season.
    Season,
    /// One ranking group.
    Group(GroupId),
    /// One agency.
    Agency(AgencyId),
    /// One leaf of one agency.
    Leaf {
        /// The agency.
        agency: AgencyId,
        /// The leaf.
        leaf: LeafId,
    },
    /// One explanation request of one agency.
    Request {
        /// The agency.
        agency: AgencyId,
        /// The request.
        case: CaseId,
    },
}

/// Printed, or implied by what is printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Printed in a document.
    Printed,
    /// Computed back from what is printed.
    Implied,
}

/// A line outside the tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    /// Added to the total.
    Bonus,
    /// Taken from the total.
    Penalty,
}

/// What a change of an agency means in a season.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Treatment {
    /// Scored for what it did until the date.
    ScoredUntil,
    /// Scored on its own beside the successor.
    ScoredSeparately,
    /// The successor answers for it and may appeal.
    SuccessorAnswers,
    /// Scored but not ranked.
    NotRanked,
}
