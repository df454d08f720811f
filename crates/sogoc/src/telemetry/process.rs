//! What the process itself uses, read from `/proc` where there is one.

use metrics::gauge;
use sogoc_log::Timestamp;

use super::metrics::{MAX_FDS, OPEN_FDS, RESIDENT_BYTES, START_SECONDS};

/// Measures now; what cannot be read is left as it was.
pub(super) fn measure(started: Timestamp) {
    // Exact enough: seconds since 1970 fit into a u32 until 2106.
    let seconds = u32::try_from(started.micros() / 1_000_000).unwrap_or_default();
    gauge!(START_SECONDS).set(f64::from(seconds));
    if let Some(kibibytes) = field("/proc/self/status", "VmRSS:") {
        gauge!(RESIDENT_BYTES).set(kibibytes * 1_024.0);
    }
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        // One of them is the folder that is being read.
        let count = u32::try_from(open.count().saturating_sub(1)).unwrap_or(u32::MAX);
        gauge!(OPEN_FDS).set(f64::from(count));
    }
    if let Some(most) = field("/proc/self/limits", "Max open files") {
        gauge!(MAX_FDS).set(most);
    }
}

/// The first number after a line's beginning.
fn field(path: &str, begin: &str) -> Option<f64> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(begin))?;
    line.split_whitespace().next()?.parse().ok()
}
