//! Values of figures, and why one is missing.

use std::fmt;

use serde::{Serialize, Serializer};
use sogoc_domain::exact::Exact;

/// The value of a figure.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    /// Points, percentages, means, changes: never rounded but where the policy names it.
    Exact(Exact),
    /// A count or a rank.
    Count(u64),
    /// An id or a code.
    Text(String),
    /// Ids, sorted; written joined by `;`.
    Ids(Vec<String>),
    /// No value, and why.
    Missing(Missing),
}

impl Value {
    /// The one text form, over which digests are computed: a decimal or `num/den` in lowest terms, digits, an id, ids
    /// joined by `;`. None where there is no value.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Exact(value) => Some(value.to_value_string()),
            Self::Count(value) => Some(value.to_string()),
            Self::Text(value) => Some(value.clone()),
            Self::Ids(ids) => Some(ids.join(";")),
            Self::Missing(_) => None,
        }
    }

    /// The value as an exact number, where it is one.
    #[must_use]
    pub fn number(&self) -> Option<Exact> {
        match self {
            Self::Exact(value) => Some(value.clone()),
            Self::Count(value) => Some(Exact::from(*value)),
            Self::Text(_) | Self::Ids(_) | Self::Missing(_) => None,
        }
    }

    /// Why there is no value.
    #[must_use]
    pub fn missing(&self) -> Option<&Missing> {
        match self {
            Self::Missing(why) => Some(why),
            Self::Exact(_) | Self::Count(_) | Self::Text(_) | Self::Ids(_) => None,
        }
    }
}

impl Serialize for Value {
    /// A decimal string, `{"num":…,"den":…}`, an id, ids joined by `;`, or null.
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Exact(value) => value.serialize(s),
            Self::Count(value) => s.collect_str(value),
            Self::Text(value) => s.serialize_str(value),
            Self::Ids(ids) => s.serialize_str(&ids.join(";")),
            Self::Missing(_) => s.serialize_none(),
        }
    }
}

/// Why a figure has no value. Missing is not zero (invariant 9).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Missing {
    /// Recorded as not surveyed.
    NotSurveyed,
    /// Recorded as not applicable.
    NotApplicable,
    /// Parts have no points yet: so many leaves, survey results or rows.
    Incomplete(u32),
    /// Not scored by the agency.
    NotScored,
    /// The season runs not yet, so that no criteria set is adopted.
    NotActive,
    /// The agency is not ranked.
    NotRanked,
    /// The group has no criteria set, only transcribed totals.
    OnlyTotals,
    /// No agency has an index yet.
    NoIndex,
    /// No agency or leaf is such.
    None,
    /// The groups' criteria sets do not agree on it.
    SetsDiffer,
    /// No band holds the index.
    NoBand,
    /// Neither an edition of an earlier season nor a printed figure of that year is on record.
    NoEarlier(u16),
    /// Of that year only an implied figure is on record, computed back from print.
    OnlyImplied(u16),
    /// The agency or group was not in the earlier season.
    NotComparable(u16),
    /// An entry of a stream that it reads cannot be decoded.
    Stopped {
        /// The stream.
        stream: String,
        /// The position.
        position: u64,
    },
    /// The season is pinned to rules that this version does not know.
    UnknownRules(u32),
    /// The season has no policy yet.
    NoPolicy,
}

impl Missing {
    /// A stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotSurveyed => "not-surveyed",
            Self::NotApplicable => "not-applicable",
            Self::Incomplete(_) => "incomplete",
            Self::NotScored => "not-scored",
            Self::NotActive => "not-active",
            Self::NotRanked => "not-ranked",
            Self::OnlyTotals => "only-totals",
            Self::NoIndex => "no-index",
            Self::None => "none",
            Self::SetsDiffer => "sets-differ",
            Self::NoBand => "no-band",
            Self::NoEarlier(_) => "no-earlier-figure",
            Self::OnlyImplied(_) => "only-implied",
            Self::NotComparable(_) => "not-comparable",
            Self::Stopped { .. } => "stopped",
            Self::UnknownRules(_) => "unknown-rules",
            Self::NoPolicy => "no-policy",
        }
    }

    /// In Vietnamese.
    #[must_use]
    pub fn vi(&self) -> String {
        match self {
            Self::NotSurveyed => "không khảo sát".to_owned(),
            Self::NotApplicable => "không áp dụng".to_owned(),
            Self::Incomplete(count) => format!("chưa đủ: còn {count} mục chưa có điểm"),
            Self::NotScored => "chưa tự chấm".to_owned(),
            Self::NotActive => "đợt đánh giá chưa bắt đầu".to_owned(),
            Self::NotRanked => "không xếp hạng".to_owned(),
            Self::OnlyTotals => "khối chỉ có tổng điểm được chép lại, không có bộ tiêu chí".to_owned(),
            Self::NoIndex => "chưa đơn vị nào có chỉ số".to_owned(),
            Self::None => "không có".to_owned(),
            Self::SetsDiffer => "bộ tiêu chí của các khối khác nhau: hỏi theo từng khối".to_owned(),
            Self::NoBand => "không thuộc mức nào".to_owned(),
            Self::NoEarlier(year) => format!("không có số liệu năm {year}"),
            Self::OnlyImplied(year) => format!("số liệu năm {year} chỉ suy ra được, không được in"),
            Self::NotComparable(year) => format!("không so sánh được với năm {year}"),
            Self::Stopped { stream, position } => {
                format!("không đọc được mục {position} của {stream}; xem tại các vị trí trước đó")
            }
            Self::UnknownRules(version) => {
                format!("phiên bản quy tắc {version} chưa được hỗ trợ: hãy cập nhật phần mềm")
            }
            Self::NoPolicy => "đợt đánh giá chưa có quy định tính điểm".to_owned(),
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSurveyed => f.write_str("not surveyed"),
            Self::NotApplicable => f.write_str("not applicable"),
            Self::Incomplete(count) => write!(f, "incomplete: {count} parts have no points yet"),
            Self::NotScored => f.write_str("not scored by the agency"),
            Self::NotActive => f.write_str("the season is not active yet"),
            Self::NotRanked => f.write_str("not ranked"),
            Self::OnlyTotals => f.write_str("the group has transcribed totals only, no criteria set"),
            Self::NoIndex => f.write_str("no agency has an index yet"),
            Self::None => f.write_str("there is none"),
            Self::SetsDiffer => f.write_str("the groups' criteria sets do not agree: ask for GROUP/criteria/…"),
            Self::NoBand => f.write_str("no band holds the index"),
            Self::NoEarlier(year) => write!(f, "the figures of {year} are not on record"),
            Self::OnlyImplied(year) => write!(f, "of {year} only an implied figure is on record, the table is not"),
            Self::NotComparable(year) => write!(f, "not comparable with {year}"),
            Self::Stopped { stream, position } => {
                write!(f, "entry {position} of {stream} cannot be read by this version: ask as of an earlier position")
            }
            Self::UnknownRules(version) => {
                write!(
                    f,
                    "the season is pinned to rules {version}, which this version does not know: install a newer one"
                )
            }
            Self::NoPolicy => f.write_str("the season has no policy yet"),
        }
    }
}

/// What a value is counted in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Points.
    Points,
    /// Percent, 0 to 100.
    Percent,
    /// A place in a ranking, from 1.
    Rank,
    /// A difference of ranks; above 0 where the agency rose.
    Ranks,
    /// A number of things.
    Count,
    /// Survey forms.
    Forms,
    /// Agencies by their ids.
    Agencies,
    /// Code of a class.
    Class,
    /// Code of a letter.
    Letter,
    /// `up`, `down` or `same`.
    Direction,
    /// Whether a leaf applies.
    Applicability,
}

impl Unit {
    /// As written in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Points => "points",
            Self::Percent => "percent",
            Self::Rank => "rank",
            Self::Ranks => "ranks",
            Self::Count => "count",
            Self::Forms => "forms",
            Self::Agencies => "agencies",
            Self::Class => "class",
            Self::Letter => "letter",
            Self::Direction => "direction",
            Self::Applicability => "applicability",
        }
    }
}
