//! Printed figures against computed ones.

use std::fmt::Write as _;

use sogoc_domain::refusal::Language;
use sogoc_register::{Reconciled, Verdict};

use crate::table::{Style, Table};

/// Whether figures that agree are listed too.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Listed {
    /// All of them.
    All,
    /// Only those that do not agree or cannot be recomputed.
    Different,
}

/// How many agree, and those that do not with the cause.
#[must_use]
pub fn reconciled(verdicts: &[Reconciled], listed: Listed, language: Language, style: Style) -> String {
    let pick = |vi: &'static str, en: &'static str| match language {
        Language::Vietnamese => vi,
        Language::English => en,
    };
    let count = |verdict: Verdict| verdicts.iter().filter(|v| v.verdict == verdict).count();
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{}: {} {}, {} {}, {} {}",
        verdicts.len(),
        count(Verdict::Match),
        pick("khớp", "match"),
        count(Verdict::Mismatch),
        pick("không khớp", "mismatch"),
        count(Verdict::NotRecomputable),
        pick("không tính lại được", "not recomputable"),
    );
    let mut table = Table::new()
        .text(pick("Mã", "Claim"))
        .text(pick("Số liệu", "Figure"))
        .number(pick("Đã in", "Printed"))
        .number(pick("Tính lại", "Computed"))
        .text(pick("Kết luận", "Verdict"))
        .prose(pick("Nguyên nhân", "Cause"));
    for verdict in verdicts.iter().filter(|v| listed == Listed::All || v.verdict != Verdict::Match) {
        table.row([
            verdict.claim_id.clone(),
            verdict.figure.clone(),
            verdict.published.clone(),
            verdict.computed.clone().unwrap_or_else(|| "–".to_owned()),
            match verdict.verdict {
                Verdict::Match => pick("khớp", "match").to_owned(),
                Verdict::Mismatch => pick("không khớp", "mismatch").to_owned(),
                Verdict::NotRecomputable => pick("không tính lại được", "not recomputable").to_owned(),
            },
            verdict.cause.clone().unwrap_or_default(),
        ]);
    }
    if !table.is_empty() {
        out.push_str(&table.render(style));
    }
    out
}
