//! Medians, ratios and the table that goes into `BENCH.md`.

use std::fmt::Write as _;

/// One line of the table.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) ours: String,
    pub(crate) peer: String,
    pub(crate) ratio: String,
    pub(crate) target: String,
    /// Whether the target is reached; none where there is none.
    pub(crate) reached: Option<bool>,
}

/// The middle of an odd number of measurements, the mean of the two in the middle of an even one; NaN of none.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

/// `1234567.8` as `1,234,568`; small numbers keep three digits.
pub(crate) fn number(value: f64) -> String {
    if value.is_nan() {
        return "–".to_owned();
    }
    if value.abs() < 10.0 {
        return format!("{value:.2}");
    }
    if value.abs() < 100.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Seconds in the unit that suits them.
pub(crate) fn duration(seconds: f64) -> String {
    match seconds {
        s if s.is_nan() => "–".to_owned(),
        s if s < 1e-3 => format!("{} µs", number(s * 1e6)),
        s if s < 1.0 => format!("{} ms", number(s * 1e3)),
        s => format!("{} s", number(s)),
    }
}

/// Rows as they come, and the table of them.
#[derive(Debug, Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
    notes: Vec<String>,
    tables: Vec<(String, String)>,
}

impl Report {
    /// A rate against the peer's: at least so many times as much is wanted.
    pub(crate) fn rate(
        &mut self,
        what: impl Into<String>,
        ours: f64,
        peer: f64,
        peer_name: &str,
        at_least: Option<f64>,
    ) {
        let ratio = ours / peer;
        self.row(Row {
            what: what.into(),
            ours: format!("{}/s", number(ours)),
            peer: format!("{}/s ({peer_name})", number(peer)),
            ratio: format!("{}×", number(ratio)),
            target: at_least.map_or_else(String::new, |least| format!("≥ {least}×")),
            reached: at_least.map(|least| ratio >= least),
        });
    }

    /// A duration in seconds that should stay below a limit.
    pub(crate) fn time(&mut self, what: impl Into<String>, seconds: f64, below: Option<f64>) {
        self.row(Row {
            what: what.into(),
            ours: duration(seconds),
            peer: String::new(),
            ratio: String::new(),
            target: below.map_or_else(String::new, |limit| format!("< {}", duration(limit))),
            reached: below.map(|limit| seconds < limit),
        });
    }

    pub(crate) fn row(&mut self, row: Row) {
        eprintln!("  {}", line(&row));
        self.rows.push(row);
    }

    /// What a reader must know beside the numbers.
    pub(crate) fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        eprintln!("  {note}");
        self.notes.push(note);
    }

    /// A table of another shape, under its title.
    pub(crate) fn table(&mut self, title: &str, table: String) {
        self.tables.push((title.to_owned(), table));
    }

    /// All of it as Markdown.
    pub(crate) fn markdown(&self) -> String {
        let mut out =
            String::from("| measured | sogoc | peer | ratio | target | reached |\n|---|---|---|---|---|---|\n");
        for row in &self.rows {
            out.push_str(&line(row));
            out.push('\n');
        }
        if !self.notes.is_empty() {
            out.push('\n');
        }
        for note in &self.notes {
            let _ = writeln!(out, "- {note}");
        }
        for (title, table) in &self.tables {
            let _ = write!(out, "\n{title}:\n\n{table}");
        }
        out
    }
}

fn line(row: &Row) -> String {
    let reached = match row.reached {
        Some(true) => "yes",
        Some(false) => "**no**",
        None => "",
    };
    format!("| {} | {} | {} | {} | {} | {reached} |", row.what, row.ours, row.peer, row.ratio, row.target)
}

/// Processor, cores, memory, disk and system of this machine, as one line.
pub(crate) fn machine(folder: &std::path::Path) -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_once(':').map_or_else(String::new, |(_, value)| value.trim().to_owned())
    };
    let cpu = field(&read("/proc/cpuinfo"), "model name");
    let kib: f64 = field(&read("/proc/meminfo"), "MemTotal").trim_end_matches(" kB").parse().unwrap_or(f64::NAN);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    let disk = disk_of(folder).unwrap_or_else(|| "unknown disk".to_owned());
    format!("{cpu}, {cores} cores, {:.0} GiB memory, {disk}, Linux {}", kib / 1_048_576.0, kernel.trim())
}

/// The file system that a folder lies on, and whether its disk turns.
fn disk_of(folder: &std::path::Path) -> Option<String> {
    let folder = folder.canonicalize().ok()?;
    let mounts = std::fs::read_to_string("/proc/mounts").ok()?;
    let (device, kind) = mounts
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            let (device, at, kind) = (words.next()?, words.next()?, words.next()?);
            folder.starts_with(at).then(|| (at.len(), device.to_owned(), kind.to_owned()))
        })
        .max_by_key(|(length, ..)| *length)
        .map(|(_, device, kind)| (device, kind))?;
    let name = device.rsplit('/').next()?.to_owned();
    let turns = std::fs::read_to_string(format!("/sys/block/{name}/queue/rotational")).unwrap_or_default();
    let turns = if turns.trim() == "0" { ", not rotational" } else { "" };
    Some(format!("{kind} on {name}{turns}"))
}
