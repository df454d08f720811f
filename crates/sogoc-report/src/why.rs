//! Why a figure changed: what moved it, by how much each, and who passed whom.

use std::fmt::Write as _;

use sogoc_register::{Contribution, Why};

use crate::labels::Labels;
use crate::table::{Style, Table};
use crate::trace::{time, why as reason};

/// The change and its contributions.
#[must_use]
pub fn why(why: &Why, labels: &Labels<'_>, style: Style) -> String {
    let at = |position: Option<u64>| position.map_or_else(|| "–".to_owned(), |p| p.to_string());
    let change = why.change.as_ref().map_or_else(|| "–".to_owned(), |change| signed(&change.to_value_string()));
    let mut out = format!(
        "{}\n  [{}] {} → [{}] {}   ({} {change})\n",
        why.address,
        at(why.from.position),
        why.from.display,
        at(why.to.position),
        why.to.display,
        labels.pick("thay đổi", "change"),
    );
    if why.contributions.is_empty() {
        let _ = writeln!(out, "  {}", labels.pick("không mục nào làm thay đổi", "no entry moved it"));
        return out;
    }
    let mut table = Table::new()
        .number(labels.pick("Vị trí", "Position"))
        .text(labels.pick("Thời điểm", "When"))
        .text(labels.pick("Cơ quan", "Agency"))
        .text(labels.pick("Tiêu chí", "Leaf"))
        .number(labels.pick("Tác động", "Delta"))
        .text(labels.pick("Việc", "What"))
        .text(labels.pick("Người thực hiện", "Who"))
        .prose(labels.pick("Lý do", "Why"));
    for contribution in &why.contributions {
        let entry = &contribution.entry;
        table.row([
            entry.position.to_string(),
            time(entry.occurred.unwrap_or(entry.at)),
            contribution.of_agency.as_deref().map(|id| labels.short(id)).unwrap_or_default(),
            contribution.leaf.clone().unwrap_or_default(),
            contribution.delta.as_ref().map_or_else(|| "–".to_owned(), |delta| signed(&delta.to_value_string())),
            entry.kind.to_string(),
            format!("{} ({})", entry.actor, entry.role),
            reason(entry, labels).unwrap_or_default(),
        ]);
    }
    out.push_str(&table.render(style));
    why.contributions.iter().for_each(|contribution| passed(&mut out, contribution, labels));
    out
}

/// Who changed places at an entry.
fn passed(out: &mut String, contribution: &Contribution, labels: &Labels<'_>) {
    for passing in &contribution.passed {
        let rank = |rank: Option<u32>| rank.map_or_else(|| "–".to_owned(), |rank| rank.to_string());
        let how = if passing.ahead {
            labels.pick("vượt lên", "went ahead")
        } else {
            labels.pick("tụt lại", "fell behind")
        };
        let _ = writeln!(
            out,
            "  [{}] {} {how}: {} → {}",
            contribution.entry.position,
            labels.agency(&passing.agency),
            rank(passing.rank_before),
            rank(passing.rank_after),
        );
    }
}

/// A difference with its sign.
fn signed(value: &str) -> String {
    if value.starts_with('-') || value == "0" { value.to_owned() } else { format!("+{value}") }
}
