//! Traces as indented trees, histories as tables.

use std::fmt::Write as _;

use sogoc_domain::values::Timestamp;
use sogoc_register::{EntryView, EvidenceView, HistoryItem, Trace, TraceNode, VerdictView};

use crate::figures::suffix;
use crate::labels::{Labels, outcome_word};
use crate::table::{Style, Table, one_line};

/// How much of a trace is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Shown {
    /// Levels below the figure; all where absent.
    pub depth: Option<usize>,
    /// Inputs of each figure; all where absent.
    pub inputs: Option<usize>,
}

/// A figure's tree down to the entries.
#[must_use]
pub fn trace(trace: &Trace, labels: &Labels<'_>, shown: Shown) -> String {
    let mut out = String::new();
    let mut tree = Tree { out: &mut out, labels, shown, parent: String::new() };
    tree.figure(trace, 0);
    out
}

struct Tree<'t> {
    out: &'t mut String,
    labels: &'t Labels<'t>,
    shown: Shown,
    /// Address of the figure above, which the addresses of its inputs repeat.
    parent: String,
}

impl Tree<'_> {
    fn figure(&mut self, trace: &Trace, level: usize) {
        let figure = &trace.figure;
        let address = self.short(&figure.address);
        let formula = if trace.formula.is_empty() { String::new() } else { format!("   = {}", trace.formula) };
        let note = figure.note.as_ref().map(|note| format!("   ({note})")).unwrap_or_default();
        let as_of =
            trace.as_of.map(|at| format!(" [{} {at}]", self.labels.pick("tại vị trí", "as of"))).unwrap_or_default();
        let indent = "  ".repeat(level);
        let _ =
            writeln!(self.out, "{indent}{address} = {}{}{as_of}{formula}{note}", figure.display, suffix(figure.unit));
        if self.shown.depth.is_some_and(|depth| level >= depth) {
            self.more(trace.inputs.len() + trace.omitted, level + 1);
            return;
        }
        let above = std::mem::replace(&mut self.parent, figure.address.clone());
        let limit = self.shown.inputs.unwrap_or(usize::MAX);
        for node in trace.inputs.iter().take(limit) {
            match node {
                TraceNode::Figure(input) => self.figure(input, level + 1),
                TraceNode::Entry(entry) => self.entry(entry, level + 1),
            }
        }
        self.parent = above;
        self.more(trace.inputs.len().saturating_sub(limit) + trace.omitted, level + 1);
    }

    fn more(&mut self, count: usize, level: usize) {
        if count > 0 {
            let more = self.labels.pick("mục nữa", "more");
            let _ = writeln!(self.out, "{}… {count} {more}", "  ".repeat(level));
        }
    }

    fn entry(&mut self, entry: &EntryView, level: usize) {
        let indent = "  ".repeat(level);
        let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "–".to_owned());
        let change = entry.change.as_ref();
        let change = change.map(|c| format!(" · {} → {}", value(&c.old), value(&c.new))).unwrap_or_default();
        let _ = writeln!(self.out, "{indent}[{}] {}{change}", entry.position, said(entry));
        if let Some(why) = why(entry, self.labels) {
            let _ = writeln!(self.out, "{indent}  {why}");
        }
        if let Some(evidence) = &entry.evidence {
            self.evidence(evidence, &indent);
        }
    }

    fn evidence(&mut self, evidence: &EvidenceView, indent: &str) {
        let labels = self.labels;
        let name = match &evidence.name {
            None if evidence.erased => labels.pick("(tên đã xóa)", "(name erased)"),
            name => name.as_deref().unwrap_or("–"),
        };
        let withdrawn = if evidence.withdrawn { labels.pick(" (đã rút)", " (withdrawn)") } else { "" };
        let label = labels.pick("tài liệu", "evidence");
        let _ = writeln!(self.out, "{indent}  {label} {}: {}{withdrawn}", evidence.number, one_line(name));
        if let Some(verdict) = &evidence.verdict {
            if let Some(digest) = &evidence.digest {
                let gone = if evidence.file_erased { labels.pick(" (tệp đã xóa)", " (file erased)") } else { "" };
                let _ = writeln!(self.out, "{indent}    sha256 {digest}{gone}");
            }
            self.verdict(verdict, indent);
        }
        for code in &evidence.active {
            let label = labels.pick("có nội dung tự thực thi", "acts when opened");
            let _ = writeln!(self.out, "{indent}    {label}: {code}");
        }
        if let Some(rule) = evidence.does_not_count {
            let label = labels.pick("không được tính theo quy định của đợt", "does not count by the season's policy");
            let _ = writeln!(self.out, "{indent}    {label}: {rule}");
        }
        for other in &evidence.also {
            let label = labels.pick("cũng đính kèm tại", "also attached at");
            let _ = writeln!(self.out, "{indent}    {label} {}/{} {}", other.season, other.agency, other.leaf);
        }
    }

    fn verdict(&mut self, verdict: &VerdictView, indent: &str) {
        let labels = self.labels;
        let reasons = |codes: &[String]| {
            let texts: Vec<_> = codes.iter().map(|code| labels.reason(code)).collect();
            if texts.is_empty() { String::new() } else { format!(": {}", texts.join("; ")) }
        };
        let word = outcome_word(verdict.outcome, labels.language());
        if verdict.signatures.is_empty() || !verdict.reasons.is_empty() {
            let _ = writeln!(self.out, "{indent}    {word}{}", reasons(&verdict.reasons));
        }
        for signature in &verdict.signatures {
            let who = match &signature.signer {
                None if signature.erased => labels.pick("(tên đã xóa)", "(name erased)").to_owned(),
                None => "–".to_owned(),
                Some(identity) => signer(identity),
            };
            let when = signature.proven.or(signature.claimed).map(|at| format!(" · {}", time(at))).unwrap_or_default();
            let word = outcome_word(signature.outcome, labels.language());
            let level = &signature.level;
            let _ = writeln!(self.out, "{indent}    {word} · {who} · {level}{when}{}", reasons(&signature.reasons));
        }
    }

    /// An address without what it has in common with the figure above.
    fn short(&self, address: &str) -> String {
        let Some((above, _)) = self.parent.rsplit_once('/') else { return address.to_owned() };
        let mut common = above;
        loop {
            if let Some(rest) = address.strip_prefix(common).and_then(|rest| rest.strip_prefix('/')) {
                return rest.to_owned();
            }
            match common.rsplit_once('/') {
                Some((shorter, _)) => common = shorter,
                None => return address.to_owned(),
            }
        }
    }
}

/// Name and organisation of who signed, from the text that was sealed.
#[must_use]
pub fn signer(identity: &str) -> String {
    let identity: serde_json::Value = serde_json::from_str(identity).unwrap_or_default();
    let part = |field: &str| identity[field].as_str().map(one_line);
    let parts: Vec<_> = [part("name"), part("organisation")].into_iter().flatten().collect();
    if parts.is_empty() { "–".to_owned() } else { parts.join(", ") }
}

/// What an entry says: kind, who in what role, when.
fn said(entry: &EntryView) -> String {
    let behalf = entry.on_behalf_of.as_ref().map(|id| format!(" ← {id}")).unwrap_or_default();
    format!("{} · {}{behalf} ({}) · {}", entry.kind, entry.actor, entry.role, time(entry.occurred.unwrap_or(entry.at)))
}

/// Code and text of an entry's reason. That the text was erased is said: it is another thing than a text that is not
/// shown.
pub(crate) fn why(entry: &EntryView, labels: &Labels<'_>) -> Option<String> {
    let text = match &entry.reason {
        None if entry.erased => Some(labels.pick("(lý do đã xóa)", "(text erased)").to_owned()),
        text => text.as_deref().map(one_line),
    };
    match (&entry.reason_code, text) {
        (Some(code), Some(text)) => Some(format!("{code}: {text}")),
        (Some(code), None) => Some(code.to_string()),
        (None, text) => text,
    }
}

/// An instant to the second.
pub(crate) fn time(time: Timestamp) -> String {
    let text = time.to_string();
    match text.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => text,
    }
}

/// Every version of a scorecard's leaves.
#[must_use]
pub fn history(items: &[HistoryItem], labels: &Labels<'_>, style: Style) -> String {
    let mut table = Table::new()
        .number(labels.pick("Vị trí", "Position"))
        .text(labels.pick("Thời điểm", "When"))
        .text(labels.pick("Tiêu chí", "Leaf"))
        .text(labels.pick("Thay đổi", "Field"))
        .number(labels.pick("Trước", "Old"))
        .number(labels.pick("Sau", "New"))
        .text(labels.pick("Người thực hiện", "Who"))
        .prose(labels.pick("Lý do", "Why"));
    let cell = |value: &Option<String>| value.clone().unwrap_or_else(|| "–".to_owned());
    for item in items {
        let entry = &item.entry;
        table.row([
            entry.position.to_string(),
            time(entry.occurred.unwrap_or(entry.at)),
            item.leaf.clone().unwrap_or_default(),
            item.field.clone(),
            cell(&item.old),
            cell(&item.new),
            format!("{} ({})", entry.actor, entry.role),
            said_of(item, labels),
        ]);
    }
    table.render(style)
}

/// Why, and of a file what it is.
fn said_of(item: &HistoryItem, labels: &Labels<'_>) -> String {
    let evidence = item.entry.evidence.as_ref().filter(|_| item.field == "evidence");
    let parts = [why(&item.entry, labels), evidence.map(|evidence| file(evidence, labels))];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// A file in a line: its name, what its signatures are worth and whose they are, and how its digest begins.
fn file(evidence: &EvidenceView, labels: &Labels<'_>) -> String {
    let mut parts: Vec<String> = evidence.name.as_deref().map(one_line).into_iter().collect();
    if let Some(verdict) = &evidence.verdict {
        parts.push(outcome_word(verdict.outcome, labels.language()).to_owned());
        parts.extend(verdict.signatures.iter().filter_map(|signature| signature.signer.as_deref()).map(signer));
    }
    parts.extend(evidence.digest.map(|digest| format!("sha256 {}…", &digest.to_string()[..12])));
    parts.join(" · ")
}
