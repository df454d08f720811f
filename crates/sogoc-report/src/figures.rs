//! Figures: one, a list, and the figures of a group beside each other.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sogoc_register::{FigureValue, Source, Unit};

use crate::labels::Labels;
use crate::table::{Style, Table};

/// One figure in full.
#[must_use]
pub fn figure(figure: &FigureValue, as_of: u64, labels: &Labels<'_>) -> String {
    let mut out = format!("{}\n  {}{}\n", figure.address, figure.display, suffix(figure.unit));
    let exact = figure.value.text().filter(|exact| *exact != figure.display);
    if let Some(exact) = exact {
        let _ = writeln!(out, "  {} {exact}", labels.pick("chính xác:", "exactly:"));
    }
    if let Some(note) = &figure.note {
        let _ = writeln!(out, "  {note}");
    }
    if figure.source != Source::Computed {
        let printed = labels
            .pick("chép lại từ bản in, không tính từ các mục", "transcribed from print, not computed from entries");
        let _ = writeln!(out, "  {printed}");
    }
    let _ = writeln!(out, "  {} {as_of}", labels.pick("tại vị trí", "as of position"));
    out
}

/// A list of figures.
#[must_use]
pub fn figures(figures: &[FigureValue], labels: &Labels<'_>, style: Style) -> String {
    let mut table = Table::new()
        .text(labels.pick("Số liệu", "Figure"))
        .number(labels.pick("Giá trị", "Value"))
        .text(labels.pick("Đơn vị", "Unit"))
        .prose(labels.pick("Ghi chú", "Note"));
    for figure in figures {
        let note = figure.note.clone().unwrap_or_default();
        // A list would make the column of numbers as wide as itself.
        let many = figure.unit == Unit::Agencies && figure.display.contains(';');
        let (value, note) = if many {
            (format!("({})", figure.display.split(';').count()), figure.display.replace(';', "; "))
        } else {
            (figure.display.clone(), note)
        };
        table.row([figure.address.as_str(), &value, figure.unit.as_str(), &note]);
    }
    table.render(style)
}

/// What a group's table of figures shows: the figure's name and its labels.
const OF_GROUP: &[(&str, &str, &str)] = &[
    ("count", "Số cơ quan, đơn vị", "Agencies"),
    ("mean_index", "Chỉ số trung bình (%)", "Mean index (%)"),
    ("mean_index_change", "Thay đổi so với năm trước", "Change against the year before"),
    ("max_index", "Chỉ số cao nhất (%)", "Highest index (%)"),
    ("max_index_agency", "Cơ quan có chỉ số cao nhất", "Agency with the highest"),
    ("min_index", "Chỉ số thấp nhất (%)", "Lowest index (%)"),
    ("min_index_agency", "Cơ quan có chỉ số thấp nhất", "Agency with the lowest"),
    ("spread", "Khoảng cách", "Spread"),
    ("above_mean_count", "Số cơ quan trên trung bình", "Agencies above the mean"),
    ("survey_mean", "Điểm khảo sát trung bình", "Mean survey points"),
    ("survey_forms", "Số phiếu khảo sát", "Survey forms"),
];

/// Columns of a label before it is shortened.
const LABEL_MAX: usize = 44;

/// The figures of all groups, a column a group. `figures` are those of the season, by address.
#[must_use]
pub fn group_figures(season: &str, figures: &[FigureValue], labels: &Labels<'_>, style: Style) -> String {
    let by_address: BTreeMap<&str, &FigureValue> = figures.iter().map(|f| (f.address.as_str(), f)).collect();
    let groups: Vec<String> = labels.groups().map(ToString::to_string).collect();
    let mut table = Table::new().text("");
    for group in &groups {
        table = table.number(labels.group(group));
    }
    let mut row = |label: String, name: &dyn Fn(&str) -> String| {
        let found: Vec<Option<&&FigureValue>> =
            groups.iter().map(|group| by_address.get(format!("{season}/{group}/{}", name(group)).as_str())).collect();
        if found.iter().all(|figure| figure.is_none_or(|f| f.value.missing().is_some())) {
            return;
        }
        let cells = found.into_iter().map(|figure| figure.map_or_else(|| "–".to_owned(), |f| shown(f, labels)));
        table.row(std::iter::once(label).chain(cells));
    };
    for (name, vi, en) in OF_GROUP {
        row(labels.pick(vi, en).to_owned(), &|_| (*name).to_owned());
    }
    let mut bands: Vec<(&str, String, String)> = Vec::new();
    let mut domains: Vec<(String, String)> = Vec::new();
    for group in &groups {
        for band in labels.bands(group) {
            if !bands.contains(&band) {
                bands.push(band);
            }
        }
        for domain in labels.domains(group) {
            if !domains.iter().any(|(code, _)| *code == domain.0) {
                domains.push(domain);
            }
        }
    }
    for (kind, code, label) in bands.iter().filter(|(kind, ..)| *kind == "class") {
        row(label.clone(), &|_| format!("{kind}/{code}/count"));
    }
    // The mean of each domain's points, under the domain's name.
    for (code, name) in &domains {
        let label = format!("{} {code}: {}", labels.pick("Điểm TB lĩnh vực", "Mean of domain"), shortened(name));
        row(label, &|_| format!("domain/{code}/mean"));
    }
    table.render(style)
}

/// A long name up to a word's end.
fn shortened(name: &str) -> String {
    let lines = crate::table::wrap(name, LABEL_MAX);
    match lines.as_slice() {
        [first, _, ..] => format!("{first}…"),
        _ => name.to_owned(),
    }
}

/// A value as a table shows it: ids by their names.
fn shown(figure: &FigureValue, labels: &Labels<'_>) -> String {
    match (figure.unit, figure.value.text()) {
        (Unit::Agencies, Some(ids)) => {
            let names: Vec<String> = ids.split(';').filter(|id| !id.is_empty()).map(|id| labels.short(id)).collect();
            names.join("; ")
        }
        _ => figure.display.clone(),
    }
}

/// What stands behind a displayed value.
pub(crate) fn suffix(unit: Unit) -> &'static str {
    match unit {
        Unit::Percent => " %",
        Unit::Points
        | Unit::Rank
        | Unit::Ranks
        | Unit::Count
        | Unit::Forms
        | Unit::Agencies
        | Unit::Class
        | Unit::Letter
        | Unit::Direction
        | Unit::Applicability => "",
    }
}
