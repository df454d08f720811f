//! One scorecard as agencies keep it in a spreadsheet, saved as CSV.
//!
//! Columns: `leaf` (`mã tiêu chí`), and what each leaf's rule takes: `numerator` (`tử số`) and `denominator` (`mẫu số`),
//! `option` (`phương án`), `yes` (`có/không`), `points` (`điểm tự chấm`). `note` is read and not recorded: explanations go
//! with the evidence. Rows without any value are skipped, so that a form with all leaves can be sent half filled. Points
//! are declared for *judged* leaves only; for yes/no and choice they stand for the input that they follow from, and
//! beside other inputs they must be what the rule gives, or the sheet is refused with the line.

use std::collections::BTreeMap;

use sogoc_domain::command::{ImportScorecard, SheetRow};
use sogoc_domain::refusal::Language;
use sogoc_domain::said;
use sogoc_domain::scoring::{Inputs, Rounding, ScoringRule, TierBasis};
use sogoc_domain::values::{AgencyId, Points, Quantity, SeasonId};

use super::ImportError;
use super::csv::{self, Column, Row};
use super::season_folder::documents::slug;

/// A leaf of the agency's criteria set, as far as a sheet needs it.
#[derive(Clone, PartialEq, Debug)]
pub struct SheetLeaf {
    /// How points follow from inputs.
    pub rule: ScoringRule,
    /// Max points.
    pub max_points: Points,
}

/// What a sheet is checked against.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct SheetRules {
    /// Leaves by code and by id.
    pub leaves: BTreeMap<String, SheetLeaf>,
    /// Decimals of leaf points.
    pub decimals: u32,
    /// Rounding of leaf points.
    pub rounding: Rounding,
}

/// A sheet that was read.
#[derive(Clone, PartialEq, Debug)]
pub struct Sheet {
    /// The command; its id and account are the caller's.
    pub command: ImportScorecard,
    /// The line of each of its rows, in order, to name rows that the decision refuses.
    pub lines: Vec<u64>,
}

const COLUMNS: &[Column<'_>] = &[
    Column::required("leaf").or(&["mã_tiêu_chí", "mã", "tiêu_chí", "code"]),
    Column::optional("numerator").or(&["tử_số", "số_lượng"]),
    Column::optional("denominator").or(&["mẫu_số"]),
    Column::optional("option").or(&["phương_án", "lựa_chọn"]),
    Column::optional("yes").or(&["có/không", "có", "yes/no"]),
    Column::optional("points").or(&["điểm_tự_chấm", "điểm"]),
    Column::optional("name").or(&["tên_tiêu_chí", "nội_dung"]),
    Column::optional("max_points").or(&["điểm_tối_đa"]),
    Column::optional("note").or(&["ghi_chú", "giải_trình"]),
];

/// Most rows of a sheet.
pub const ROWS_MAX: usize = 500;

/// Reads a sheet.
///
/// # Errors
/// The first fault of the file: a form that is no table, a leaf that the set does not have, inputs that the leaf's rule
/// does not take, points that do not follow from them.
pub fn read(
    file: &str,
    bytes: &[u8],
    season: &SeasonId,
    agency: &AgencyId,
    rules: &SheetRules,
) -> Result<Sheet, ImportError> {
    let table = csv::read(file, bytes, COLUMNS)?;
    let (mut rows, mut lines, mut seen) = (Vec::new(), Vec::new(), BTreeMap::new());
    for row in table.rows() {
        let code = row.needed("leaf")?;
        if let Some(first) = seen.insert(code, row.line) {
            let reason = said!("leaf {code} is in line {first} already", "tiêu chí {code} đã có ở dòng {first}");
            return Err(row.bad("leaf", reason, csv::DELETE_ONE));
        }
        let values = ["numerator", "denominator", "option", "yes", "points"];
        if values.iter().all(|column| row.get(column).is_empty()) {
            continue;
        }
        let leaf = rules.leaves.get(code).ok_or_else(|| {
            let reason =
                ("it is not a leaf of the agency's criteria set", "không phải tiêu chí chấm điểm trong bộ của cơ quan");
            row.bad("leaf", reason, ("use a leaf's code such as 3.1.2", "dùng mã tiêu chí như 3.1.2"))
        })?;
        let inputs = inputs(&row, leaf)?;
        check_points(&row, leaf, &inputs, rules)?;
        rows.push(SheetRow { leaf: code.to_owned(), inputs });
        lines.push(row.line);
    }
    if rows.is_empty() {
        let remedy = (
            "fill in numerator, denominator, option, yes or points for at least one leaf",
            "điền tử số, mẫu số, phương án, có/không hoặc điểm cho ít nhất một tiêu chí",
        );
        return Err(ImportError::of_file(file, ("no row declares anything", "chưa có dòng nào kê khai"), remedy));
    }
    if rows.len() > ROWS_MAX {
        let count = rows.len();
        let reason =
            said!("the sheet has {count} rows, the limit is {ROWS_MAX}", "bảng có {count} dòng, tối đa {ROWS_MAX}");
        return Err(ImportError::of_file(file, reason, ("split it into several sheets", "chia thành nhiều bảng")));
    }
    Ok(Sheet { command: ImportScorecard { season: season.clone(), agency: agency.clone(), rows }, lines })
}

/// The inputs in the shape that the leaf's rule takes; a filled cell that it does not take is refused.
fn inputs(row: &Row<'_>, leaf: &SheetLeaf) -> Result<Inputs, ImportError> {
    let rule = &leaf.rule;
    let takes = |columns: &[&str]| -> Result<(), ImportError> {
        let extra = ["numerator", "denominator", "option", "yes"]
            .into_iter()
            .find(|c| !columns.contains(c) && !row.get(c).is_empty());
        match extra {
            Some(column) => {
                let (code, name, takes) = (row.get("leaf"), rule.name(), rule.takes());
                let reason = said!(
                    "leaf {code} is scored by {name}, which does not take it",
                    "tiêu chí {code} chấm theo {name}, không dùng cột này"
                );
                let takes_vi = takes.text(Language::Vietnamese);
                let remedy = said!("leave it empty: the rule takes {takes}", "để trống: cách tính cần {takes_vi}");
                Err(row.bad(column, reason, remedy))
            }
            None => Ok(()),
        }
    };
    let from_points = |column: &str| -> Result<Inputs, ImportError> {
        let points: Points = row.number("points").map_err(|e| {
            if row.get("points").is_empty() {
                let (name, takes) = (rule.name(), rule.takes());
                let takes_vi = takes.text(Language::Vietnamese);
                let remedy = said!("the rule {name} takes {takes}", "cách tính {name} cần {takes_vi}");
                row.bad(column, ("the cell is empty", "ô trống"), remedy)
            } else {
                e
            }
        })?;
        rule.inputs_from_points(leaf.max_points, points).ok_or_else(|| {
            let (name, max) = (rule.name(), leaf.max_points);
            let reason = said!(
                "these points are not possible: the leaf is scored by {name}",
                "không thể có điểm này: tiêu chí chấm theo {name}"
            );
            let remedy =
                said!("give points from 0 to {max} that the rule allows", "cho điểm từ 0 đến {max} theo cách tính");
            row.bad("points", reason, remedy)
        })
    };
    match rule {
        ScoringRule::Proportional { .. } | ScoringRule::Tiers { by: TierBasis::Percentage, .. } => {
            takes(&["numerator", "denominator"])?;
            let (numerator, denominator): (Quantity, Quantity) = (row.number("numerator")?, row.number("denominator")?);
            Ok(Inputs::Ratio { numerator, denominator })
        }
        ScoringRule::PerUnit { .. }
        | ScoringRule::Deduction { .. }
        | ScoringRule::Tiers { by: TierBasis::Count, .. } => {
            takes(&["numerator"])?;
            Ok(Inputs::Count(row.number("numerator")?))
        }
        ScoringRule::YesNo { .. } => {
            takes(&["yes"])?;
            if row.get("yes").is_empty() { from_points("yes") } else { yes_no(row).map(Inputs::YesNo) }
        }
        ScoringRule::Choice { options, .. } => {
            takes(&["option"])?;
            if row.get("option").is_empty() {
                return from_points("option");
            }
            let number = row.ordinal("option")?;
            match u16::try_from(number) {
                Ok(option) if usize::from(option) <= options.len() => Ok(Inputs::Option(option)),
                _ => {
                    let count = options.len();
                    let reason = said!("there are {count} options", "có {count} phương án");
                    let remedy = ("give the option's number, from 1", "ghi số thứ tự phương án, từ 1");
                    Err(row.bad("option", reason, remedy))
                }
            }
        }
        ScoringRule::Judged { .. } => {
            takes(&[])?;
            from_points("points")
        }
        ScoringRule::Survey { .. } => {
            let reason = ("the leaf is scored by the survey", "tiêu chí chấm bằng khảo sát");
            let remedy = ("delete the row: survey results are imported apart", "xóa dòng: kết quả khảo sát nhập riêng");
            Err(row.bad("leaf", reason, remedy))
        }
    }
}

fn yes_no(row: &Row<'_>) -> Result<bool, ImportError> {
    match slug(row.get("yes")).as_str() {
        "co" | "yes" | "y" | "true" | "1" | "x" => Ok(true),
        "khong" | "no" | "n" | "false" | "0" => Ok(false),
        _ => {
            let reason = ("it is neither yes nor no", "không phải có hoặc không");
            Err(row.bad("yes", reason, ("write có or không (yes or no)", "ghi có hoặc không")))
        }
    }
}

/// Points beside inputs are a check, not an input: a sheet whose own sums differ from the rule's is told so.
fn check_points(row: &Row<'_>, leaf: &SheetLeaf, inputs: &Inputs, rules: &SheetRules) -> Result<(), ImportError> {
    let points = leaf.rule.points(leaf.max_points, inputs, rules.decimals, rules.rounding);
    let points = points.map_err(|e| {
        let remedy = ("correct what is declared", "sửa số liệu kê khai");
        row.fault(e.said(), remedy).in_column("leaf").with_value(row.get("leaf"))
    })?;
    let Some(stated) = row.number_if_any::<Points>("points")? else { return Ok(()) };
    if stated == points {
        return Ok(());
    }
    let reason = said!(
        "the rule gives {points} points for what is declared",
        "theo cách tính, số liệu kê khai được {points} điểm"
    );
    Err(row.bad("points", reason, ("correct the points, or leave them empty", "sửa điểm, hoặc để trống")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> SheetRules {
        let rule = |json: &str, max: &str| SheetLeaf {
            rule: serde_json::from_str(json).unwrap(),
            max_points: max.parse().unwrap(),
        };
        let leaves = [
            ("1.1", rule(r#"{"type":"yes_no","version":1}"#, "1")),
            ("1.2", rule(r#"{"type":"proportional","version":1,"floor_pct":"80"}"#, "1.5")),
            ("1.3", rule(r#"{"type":"deduction","version":1,"per_unit":"0.25"}"#, "1")),
            (
                "1.4",
                rule(
                    r#"{"type":"choice","version":1,"options":[{"label":"a","points":"0.5"},{"label":"b","points":"0"}]}"#,
                    "0.5",
                ),
            ),
            ("1.5", rule(r#"{"type":"judged","version":1,"step":"0.25"}"#, "1")),
            ("1.6", rule(r#"{"type":"survey","version":1}"#, "10")),
        ];
        let leaves = leaves.into_iter().map(|(code, leaf)| (code.to_owned(), leaf)).collect();
        SheetRules { leaves, decimals: 2, rounding: Rounding::HalfUp }
    }

    fn sheet(text: &str) -> Result<Sheet, ImportError> {
        read("phieu.csv", text.as_bytes(), &"s-1".parse().unwrap(), &"so-a".parse().unwrap(), &rules())
    }

    #[test]
    fn a_sheet_is_one_command_in_either_language() {
        let vietnamese = "Mã tiêu chí;Có/Không;Tử số;Mẫu số;Phương án;Điểm tự chấm;Ghi chú\r\n\
            1.1;Có;;;;1;\r\n1.2;;19;24;;0;\r\n1.3;;1;;;0,75;một lỗi\r\n1.4;;;;2;;\r\n1.5;;;;;0,75;\r\n1.6;;;;;;\r\n";
        let english = "leaf,yes,numerator,denominator,option,points,note\n\
            1.1,yes,,,,,\n1.2,,19,24,,,\n1.3,,1,,,,\n1.4,,,,,0,\n1.5,,,,,0.75,\n";
        let (one, other) = (sheet(vietnamese).unwrap(), sheet(english).unwrap());
        assert_eq!(one, other);
        assert_eq!(one.lines, [2, 3, 4, 5, 6]);
        assert_eq!(one.command.rows[0].inputs, Inputs::YesNo(true));
        assert_eq!(one.command.rows[3].inputs, Inputs::Option(2));
    }

    #[test]
    fn a_row_that_does_not_fit_its_rule_is_refused_with_its_line() {
        for (row, column, reason) in [
            ("9.9,có,,,,,", "leaf", "not a leaf"),
            ("1.6,,,,,9,", "leaf", "survey"),
            ("1.1,maybe,,,,,", "yes", "neither yes nor no"),
            ("1.1,có,1,,,,", "numerator", "does not take it"),
            ("1.1,,,,,0.5,", "points", "not possible"),
            ("1.2,,20,,,,", "denominator", "empty"),
            ("1.2,,20,0,,,", "leaf", "takes"),
            ("1.2,,20,24,,1.5,", "points", "the rule gives 1.25"),
            ("1.3,,1.234.5,,,,", "numerator", "thousands"),
            ("1.3,,-1,,,,", "numerator", "negative"),
            ("1.4,,,,3,,", "option", "2 options"),
            ("1.4,,,,0,,", "option", "whole number"),
            ("1.5,,,,,0.3,", "points", "not possible"),
            ("1.5,,,,,NaN,", "points", "not a number"),
            ("1.5,có,,,,0.5,", "yes", "does not take it"),
        ] {
            let text = format!("leaf,yes,numerator,denominator,option,points,note\n\n{row}\n");
            let error = sheet(&text).unwrap_err();
            assert_eq!((error.line, error.column.as_deref()), (Some(3), Some(column)), "{row}: {error}");
            assert!(error.reason.to_string().contains(reason), "{row}: {error}");
        }
        assert!(sheet("leaf,points\n1.5,0.5\n1.5,0.5\n").unwrap_err().reason.to_string().contains("in line 2 already"));
        assert!(sheet("leaf,points\n1.5,\n").unwrap_err().reason.to_string().contains("no row declares"));
    }
}
