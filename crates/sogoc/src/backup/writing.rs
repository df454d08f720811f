//! Taking a backup while the register runs: positions are dense, so the entries below a size are a whole register.

use std::collections::BTreeSet;

use sogoc_log::{Clock as _, Frontier, Log, LogError, Position, SignedCheckpoint, SystemClock, Timestamp};
use sogoc_proof::leaf_hash;

use super::form::{Evidence, FORMAT, Folder, Manifest, Part, Range, checkpoint_line, text_line};
use crate::failure::{Failure, Remedy};

/// Most entries of a range.
const RANGE_ENTRIES: usize = 2_048;
/// Entries read at a time.
const READ: usize = 512;
/// A range ends once its entries have so many bytes.
const RANGE_BYTES: usize = 16 << 20;

/// What is taken beside the log.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    /// Secrets of sign-in, as lines.
    pub(crate) sign_in: Vec<String>,
    /// Digests of the evidence files that the entries name, as lines.
    pub(crate) evidence: Vec<String>,
    /// Whether the files themselves are taken too.
    pub(crate) files: bool,
}

/// What a backup did.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) manifest: Manifest,
    /// Ranges of entries that the folder had already.
    pub(crate) kept: usize,
    /// Files that no backup needs any more.
    pub(crate) removed: u64,
}

/// Takes the first `size` entries into the folder. The manifest that is there is replaced when all else is on disk; one of
/// another log, or of another history of this one, is never replaced. The caller holds the folder's lock.
pub(crate) async fn take(
    log: &Log,
    folder: &Folder,
    size: u64,
    beside: &Beside,
    mut progress: impl FnMut(u64, u64),
) -> Result<Taken, Failure> {
    let before = folder.manifest()?;
    let ranges = match &before {
        Some(before) => known(log, folder, before, size).await?,
        None => Vec::new(),
    };
    let (mut taken, mut kept) = (Vec::new(), 0);
    let (mut frontier, mut at, mut newest): (_, Option<Timestamp>, Option<SignedCheckpoint>) =
        (Frontier::new(), None, None);
    let mut ranges = ranges.into_iter().peekable();
    while frontier.size() < size {
        let from = frontier.size();
        let known = ranges.next_if(|range| range.from == from);
        let (to, entries) = match known {
            Some(range) if still_there(log, folder, &range, &mut frontier).await? => {
                kept += 1;
                (range.to, range.entries)
            }
            Some(_) | None => {
                let lines = entries(log, &mut frontier, size).await?;
                (frontier.size(), part(folder, "entries", from, frontier.size(), &lines)?)
            }
        };
        if to == size {
            let last = log.read(Position(size - 1), 1).await?;
            let last = last.first().ok_or_else(|| missing(size - 1))?;
            at = Some(last.parse().map_err(|error| corrupt(size - 1, &error.to_string()))?.at);
        }
        // Read after the size was chosen: what entries below it erased is gone from here.
        let texts = log.stored_texts(Position(from), Position(to)).await?;
        let texts: Vec<String> = texts.iter().map(text_line).collect();
        let texts = folder.put("texts", Some((from, to)), &texts)?;
        let mut lines = Vec::new();
        for checkpoint in checkpoints(log, from, to).await? {
            lines.push(checkpoint_line(&checkpoint));
            newest = Some(checkpoint);
        }
        let checkpoints = folder.put("checkpoints", Some((from, to)), &lines)?;
        taken.push(Range { from, to, entries, texts, checkpoints });
        progress(to, size);
    }
    let sign_in = folder.put("sign-in", None, &beside.sign_in)?;
    let list = folder.put("evidence", None, &beside.evidence)?;
    let manifest = Manifest {
        format: FORMAT,
        log: log.name().to_owned(),
        size,
        root: frontier.root().to_hex(),
        at,
        taken: SystemClock.now(),
        checkpoint: newest.map(|newest| newest.cosigned_note().to_string()),
        ranges: taken,
        sign_in,
        evidence: Evidence { list, files: beside.files },
        sha256: String::new(),
    };
    let (manifest, text) = manifest.sealed();
    folder.sync()?;
    folder.write(super::form::MANIFEST, text.as_bytes())?;
    folder.sync()?;
    // Only now is nothing of the backup before needed any more.
    let removed = folder.sweep(&manifest)?;
    Ok(Taken { manifest, kept, removed })
}

/// The ranges of the backup before that can stay: it is of this log as it is, and their files are there. The last one is
/// taken anew together with what came after it, unless nothing did.
async fn known(log: &Log, folder: &Folder, before: &Manifest, size: u64) -> Result<Vec<Range>, Failure> {
    let other = |what: String| Failure::Input {
        message: format!("{}: {what}", folder.path().display()),
        remedy: Remedy {
            vi: "sao lưu vào thư mục khác; bản sao lưu ở đây không bị đụng đến",
            en: "back up into another folder; the backup that is here was not touched",
        },
    };
    if before.log != log.name() {
        return Err(other(format!("it holds a backup of log {:?}, this is {:?}", before.log, log.name())));
    }
    if before.size > size {
        return Err(other(format!("it holds a backup of {} entries, the log has {size}", before.size)));
    }
    let root = log.continue_frontier(Frontier::new(), before.size).await?.root().to_hex();
    if root != before.root {
        let what = format!("its {} entries have root {}, those of the log {root}", before.size, before.root);
        return Err(other(what));
    }
    let mut ranges = before.ranges.clone();
    if before.size < size {
        ranges.pop();
    }
    Ok(ranges)
}

/// Whether a range of the backup before holds what the log has, byte for byte, as the log's own tree says. What was
/// damaged meanwhile is taken anew. Goes on by the range where it does.
async fn still_there(log: &Log, folder: &Folder, range: &Range, frontier: &mut Frontier) -> Result<bool, Failure> {
    let Ok(lines) = folder.lines(&range.entries) else { return Ok(false) };
    let mut of_file = frontier.clone();
    of_file.extend(lines.iter().map(|line| leaf_hash(line.as_bytes())));
    if of_file.size() != range.to || of_file != log.continue_frontier(frontier.clone(), range.to).await? {
        return Ok(false);
    }
    *frontier = of_file;
    Ok(true)
}

/// The entries of the next range, as lines.
async fn entries(log: &Log, frontier: &mut Frontier, size: u64) -> Result<Vec<String>, Failure> {
    let (mut lines, mut bytes, before) = (Vec::new(), 0, frontier.clone());
    while lines.len() < RANGE_ENTRIES && bytes < RANGE_BYTES && frontier.size() < size {
        let from = frontier.size();
        let left = usize::try_from(size - from).unwrap_or(READ);
        let wanted = left.min(READ).min(RANGE_ENTRIES - lines.len());
        let read = log.read(Position(from), wanted).await?;
        if read.len() < wanted {
            return Err(missing(from + read.len() as u64));
        }
        for entry in read {
            // A line break would be two lines; no entry has one, as JSON escapes it.
            if entry.bytes.contains('\n') {
                return Err(corrupt(entry.position.0, "the entry has a line break"));
            }
            bytes += entry.bytes.len();
            frontier.append(leaf_hash(entry.bytes.as_bytes()));
            lines.push(entry.bytes);
        }
    }
    // What was read is what the log's own tree says, or no backup is made of it.
    let held = log.continue_frontier(before, frontier.size()).await?;
    if held != *frontier {
        return Err(corrupt(frontier.size() - 1, "entries up to here do not have the leaf hashes that were recorded"));
    }
    Ok(lines)
}

/// Checkpoints above a size up to another, ascending; that of the empty log with the first.
async fn checkpoints(log: &Log, from: u64, to: u64) -> Result<Vec<SignedCheckpoint>, LogError> {
    let mut all = Vec::new();
    let mut next = if from == 0 { 0 } else { from + 1 };
    loop {
        let page = log.checkpoints(next, 256).await?;
        let Some(last) = page.last() else { return Ok(all) };
        next = last.size() + 1;
        let ended = next > to;
        all.extend(page.into_iter().filter(|checkpoint| checkpoint.size() <= to));
        if ended {
            return Ok(all);
        }
    }
}

fn part(folder: &Folder, kind: &str, from: u64, to: u64, lines: &[String]) -> Result<Part, Failure> {
    folder.put(kind, Some((from, to)), lines)?.ok_or_else(|| missing(from))
}

fn missing(position: u64) -> Failure {
    corrupt(position, "the entry is missing")
}

fn corrupt(position: u64, what: &str) -> Failure {
    Failure::Corrupt { position: Some(position), message: what.to_owned() }
}

/// Lines for the digests of evidence files.
pub(crate) fn evidence_lines(files: &sogoc_register::NamedFiles) -> Vec<String> {
    let stored: BTreeSet<String> = files.stored.iter().map(ToString::to_string).collect();
    let stated = files.stated.iter().map(ToString::to_string).filter(|digest| !stored.contains(digest));
    let stated: Vec<String> = stated.map(|digest| format!("{digest} stated")).collect();
    stored.into_iter().map(|digest| format!("{digest} stored")).chain(stated).collect()
}
