//! Ranking tables, laid out as in the printed report.

use sogoc_register::{RankingRow, Value};

use crate::labels::Labels;
use crate::table::{Style, Table};

/// What stands where there is no value.
pub(crate) const NONE: &str = "–";

/// The tables of the groups in the rows, each under its name.
#[must_use]
pub fn ranking(rows: &[RankingRow], labels: &Labels<'_>, style: Style) -> String {
    let mut out = String::new();
    for rows in rows.chunk_by(|a, b| a.group == b.group) {
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&labels.group(&rows[0].group));
        out.push('\n');
        out.push_str(&table(rows, labels).render(style));
        notes(&mut out, rows, labels);
    }
    out
}

fn table(rows: &[RankingRow], labels: &Labels<'_>) -> Table {
    let mut table = Table::new()
        .number(labels.pick("Hạng", "Rank"))
        .text(labels.pick("Cơ quan, đơn vị", "Agency"))
        .number(labels.pick("Điểm thẩm định", "Appraised"))
        .number(labels.pick("Điểm khảo sát", "Survey"))
        .number(labels.pick("Tổng điểm", "Total"))
        .number(labels.pick("Thang điểm", "Out of"))
        .number(labels.pick("Chỉ số (%)", "Index (%)"))
        .text(labels.pick("Xếp loại", "Class"));
    for row in rows {
        let class = row.class.as_ref().map_or_else(|| NONE.to_owned(), |code| labels.class(&row.group, code));
        table.row([
            row.rank.map_or_else(|| NONE.to_owned(), |rank| rank.to_string()),
            labels.agency(&row.agency),
            points(&row.appraised_points),
            points(&row.survey_points),
            points(&row.total_points),
            points(&row.applicable_max),
            row.index_display.clone().unwrap_or_else(|| NONE.to_owned()),
            if row.computed_class.is_some() { format!("{class} *") } else { class },
        ]);
    }
    table
}

fn notes(out: &mut String, rows: &[RankingRow], labels: &Labels<'_>) {
    for row in rows {
        if let Some(computed) = &row.computed_class {
            let said = labels.pick("xếp loại bị giới hạn; theo chỉ số là", "class capped; by the index it is");
            out.push_str(&format!("* {}: {said} {}\n", labels.agency(&row.agency), labels.class(&row.group, computed)));
        }
        if let Some(missing) = &row.missing {
            out.push_str(&format!("{}: {missing}\n", labels.agency(&row.agency)));
        }
    }
}

/// Points with at least two decimals, as in print, and never rounded.
pub(crate) fn points(value: &Value) -> String {
    let Some(text) = value.text() else { return NONE.to_owned() };
    match text.split_once('.') {
        Some((_, decimals)) if decimals.len() >= 2 => text,
        Some(_) => format!("{text}0"),
        None if text.contains('/') => text,
        None => format!("{text}.00"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_have_two_decimals_or_all_they_have() {
        let exact = |text: &str| Value::Text(text.to_owned());
        for (value, shown) in [("9", "9.00"), ("9.5", "9.50"), ("9.50", "9.50"), ("12.365", "12.365"), ("1/3", "1/3")] {
            assert_eq!(points(&exact(value)), shown);
        }
    }
}
