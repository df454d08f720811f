//! Verifying a bundle: everything in it is checked and the figure is computed anew.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use sogoc_domain::event::{Event, ResultsEvent};
use sogoc_domain::stream::Stream;
use sogoc_domain::values::{Digest, Sealed};
use sogoc_log::Entry;
use sogoc_proof::{Hash, Judged, Policy, PolicyError, leaf_hash, root, verify_multiproof};

use super::file::{BUNDLE_FORMAT, CommitmentForm, EditionForm, File, text_of};
use super::reach::Reach;
use super::{BundleRefused, TableFault};
use crate::address::split_season;
use crate::digest::TableRow;
use crate::figures::FigureValue;
use crate::fold::decode;
use crate::meta::Fetched;
use crate::register::{Cut, Register};
use crate::symbols::wide;
use crate::trace::{TRACE_NODES_MAX, Trace};

/// What a bundle proves.
#[derive(Clone, Debug)]
pub struct Proved {
    /// The figure, computed from the bundle's entries.
    pub figure: FigureValue,
    /// The position as of which it holds.
    pub as_of: u64,
    /// The checkpoint under which the entries are, with who signed it.
    pub judged: Judged,
    /// Whether anything can have been left out.
    pub completeness: Completeness,
    /// What the figure was computed from.
    pub basis: Basis,
    /// How many entries the bundle holds.
    pub entries: usize,
    /// How many streams it holds whole.
    pub streams: usize,
    /// The figure's tree, with the texts that the bundle opens; none where it goes by the published table.
    pub trace: Option<Trace>,
    /// Texts that the bundle opens and that fit the commitments in its entries.
    pub texts: usize,
    /// Commitments of which the bundle says that the texts were erased. Their entries stand as they were.
    pub erased: Vec<Sealed>,
    /// Evidence files that came along, whose bytes are those that entries behind the figure name.
    pub evidence: Vec<(Digest, Vec<u8>)>,
    /// The register of the bundle's entries, for names.
    pub register: Register,
}

/// Whether a bundle proves that it leaves nothing out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Completeness {
    /// An announcement commits to the versions of all streams, and the bundle holds exactly these.
    Proved {
        /// Position of the announcing entry.
        announcement: u64,
    },
    /// No announcement was made as of this position: what the bundle holds is in the log, but more may be.
    NotProved,
}

/// What a figure was computed from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Basis {
    /// Entries alone.
    Entries,
    /// The rows of a published table, which its entry commits to. Rows of which the bundle holds the scorecard were
    /// computed from that.
    Table {
        /// Position of the entry that published it.
        edition: u64,
        /// How many rows.
        rows: usize,
    },
}

/// Why a bundle does not prove what it says.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BundleFault {
    /// It is no bundle, or a damaged one.
    #[error("this is no bundle of this format: {0}")]
    Unreadable(String),
    /// The checkpoint does not satisfy the policy.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// An entry is not one, or not where it says.
    #[error("entry {place} of the bundle: {what}")]
    Entry {
        /// Which one, counted from 0.
        place: usize,
        /// What is wrong.
        what: String,
    },
    /// The entries are not in the checkpoint's tree.
    #[error("the entries are not in the tree of the checkpoint: {0}")]
    NotInTree(String),
    /// A stream is not whole: something was left out, or put in.
    #[error("stream {stream} is not whole: {what}")]
    Incomplete {
        /// Its name.
        stream: String,
        /// What is missing or too much.
        what: String,
    },
    /// The announcing entry does not commit to what the bundle says.
    #[error("the announcement does not commit to this: {0}")]
    Commitment(String),
    /// The edition's entry does not commit to the table, or the table does not follow.
    #[error("the published table: {0}")]
    Table(String),
    /// The figure that follows is another.
    #[error("{address} was said to be {said}; from the entries follows {follows}")]
    Figure {
        /// The figure.
        address: String,
        /// What the bundle says.
        said: String,
        /// What follows.
        follows: String,
    },
    /// What the bundle says of how the figure came about does not follow.
    #[error("the trace in the bundle is not the one that follows from the entries")]
    Trace,
    /// A text does not fit a commitment of the bundle's entries.
    #[error("text {place} of the bundle: {what}")]
    Text {
        /// Which one, counted from 0.
        place: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// A file is not one that the bundle's entries name.
    #[error("evidence file {place} of the bundle: {what}")]
    Evidence {
        /// Which one, counted from 0.
        place: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// No figure can be computed from it.
    #[error("the figure cannot be computed: {0}")]
    Refused(#[from] BundleRefused),
}

impl From<TableFault> for BundleFault {
    fn from(fault: TableFault) -> Self {
        Self::Table(fault.to_string())
    }
}

/// Verifies a bundle's file by itself, trusting only the keys of the policy. Total: any bytes end in an answer.
///
/// # Errors
/// [`BundleFault`]: the first thing that is not as it should be.
pub fn verify_bundle(file: &[u8], policy: &Policy) -> Result<Proved, BundleFault> {
    let text = text_of(file).map_err(BundleFault::Unreadable)?;
    let file: File<'_> = serde_json::from_str(&text).map_err(|error| BundleFault::Unreadable(error.to_string()))?;
    if file.format != BUNDLE_FORMAT {
        let what = format!("its format is {:?}, this program reads {BUNDLE_FORMAT}", shown(&file.format));
        return Err(BundleFault::Unreadable(what));
    }
    let judged = policy.judge(file.checkpoint.as_bytes())?;
    let checkpoint = &judged.checkpoint;

    // Every entry is what the log's tree holds at its position.
    let entries = entries(&file, checkpoint.origin())?;
    let leaves: Vec<(u64, Hash)> = entries
        .iter()
        .zip(&file.entries)
        .map(|(entry, raw)| (entry.position.0, leaf_hash(raw.get().as_bytes())))
        .collect();
    let proof = file.proof.iter().map(|hash| Hash::from_base64(hash)).collect::<Result<Vec<_>, _>>();
    let proof = proof.map_err(|error| BundleFault::NotInTree(error.to_string()))?;
    verify_multiproof(&leaves, checkpoint.size(), &proof, &checkpoint.root())
        .map_err(|error| BundleFault::NotInTree(error.to_string()))?;

    // Streams are whole, up to the versions that the announcement commits to.
    let apart: BTreeSet<u64> = file
        .commitment
        .iter()
        .map(|c| c.announcement)
        .chain(file.edition.iter().map(|e| e.position))
        .filter(|position| *position > file.as_of)
        .collect();
    let versions = versions(&entries, &apart, file.as_of)?;
    let (season, _) = split_season(&file.address).map_err(BundleRefused::from)?;
    let committed = match &file.commitment {
        Some(commitment) => Some(committed(commitment, &entries, season, file.as_of)?),
        None => None,
    };

    // The figure follows from them.
    let mut register = Register::new();
    for entry in entries.iter().filter(|entry| entry.position.0 <= file.as_of) {
        register.apply_sparse(entry).map_err(|error| BundleFault::NotInTree(error.to_string()))?;
    }
    let cut = Cut::after(file.as_of);
    let reach = Reach::of(&register, &file.address, cut, file.depth)?;
    if let Some(committed) = &committed {
        all_held(committed, &versions, &reach)?;
    }
    let basis = match &file.edition {
        Some(edition) => {
            let rows = table(edition, &entries, season, file.as_of)?;
            register.put_table(season, cut, &rows)?;
            Basis::Table { edition: edition.position, rows: rows.len() }
        }
        None if reach.reads_table() => {
            return Err(BundleFault::Table("the figure goes by it and it is not here".into()));
        }
        None => Basis::Entries,
    };
    let figure = register.value(&file.address, cut).map_err(BundleRefused::from)?;
    let follows = serde_json::to_value(&figure).expect("answers have text keys and no floats");
    if follows != file.figure {
        let said = file.figure["display"].as_str().map_or_else(|| file.figure.to_string(), str::to_owned);
        return Err(BundleFault::Figure { address: figure.address, said: shown(&said), follows: figure.display });
    }
    let mut trace = match (&file.trace, basis) {
        (None, _) => None,
        (Some(said), Basis::Entries) => {
            let mut trace = register.trace(&file.address, cut, TRACE_NODES_MAX).map_err(BundleRefused::from)?;
            trace.leave_out_the_rest();
            let follows = serde_json::to_value(&trace).expect("answers have text keys and no floats");
            if follows != *said {
                return Err(BundleFault::Trace);
            }
            Some(trace)
        }
        (Some(_), Basis::Table { .. }) => return Err(BundleFault::Trace),
    };

    let (texts, erased) = texts(&file, &register)?;
    if let Some(trace) = &mut trace {
        trace.fill(|commitment| match texts.get(commitment) {
            Some(text) => Some(Fetched::Text(text.clone())),
            None => erased.contains(commitment).then_some(Fetched::Erased),
        });
    }
    let evidence = evidence(&file, trace.as_ref())?;
    let completeness = match &file.commitment {
        Some(commitment) => Completeness::Proved { announcement: commitment.announcement },
        None => Completeness::NotProved,
    };
    Ok(Proved {
        figure,
        as_of: file.as_of,
        completeness,
        basis,
        entries: entries.len(),
        streams: versions.len(),
        trace,
        texts: texts.len(),
        erased,
        evidence,
        register,
        judged,
    })
}

/// A value as an error repeats it.
fn shown(value: &str) -> String {
    crate::view::shown(value)
}

/// The entries, each of this log and after the one before.
fn entries<'a>(file: &File<'a>, origin: &str) -> Result<Vec<Entry<'a>>, BundleFault> {
    let mut entries: Vec<Entry<'a>> = Vec::with_capacity(file.entries.len());
    for (place, raw) in file.entries.iter().enumerate() {
        let bad = |what: String| BundleFault::Entry { place, what };
        let entry = Entry::parse(raw.get()).map_err(|error| bad(error.to_string()))?;
        if entry.log != origin {
            return Err(bad(format!("it is of the log {}, the checkpoint of {}", shown(entry.log), shown(origin))));
        }
        if entries.last().is_some_and(|before| before.position >= entry.position) {
            return Err(bad("it does not come after the one before it".to_owned()));
        }
        entries.push(entry);
    }
    if entries.is_empty() {
        return Err(BundleFault::Unreadable("it holds no entry".to_owned()));
    }
    Ok(entries)
}

/// The version that each stream reaches, from 1 without a gap. Entries after the position asked for are there for what
/// they commit to only.
fn versions<'a>(
    entries: &[Entry<'a>],
    apart: &BTreeSet<u64>,
    as_of: u64,
) -> Result<BTreeMap<&'a str, u64>, BundleFault> {
    let mut versions = BTreeMap::new();
    for (place, entry) in entries.iter().enumerate() {
        if entry.position.0 > as_of {
            if !apart.contains(&entry.position.0) {
                let what = format!("it came after position {as_of} and is neither announcement nor edition");
                return Err(BundleFault::Entry { place, what });
            }
            continue;
        }
        let version = versions.entry(entry.stream).or_insert(0);
        if entry.version.0 != *version + 1 {
            let what = format!("version {} is followed by {}", *version, entry.version.0);
            return Err(BundleFault::Incomplete { stream: shown(entry.stream), what });
        }
        *version += 1;
    }
    Ok(versions)
}

/// An entry of the season's results.
fn results_event(entries: &[Entry<'_>], season: &str, position: u64) -> Result<ResultsEvent, String> {
    let found = entries.iter().find(|entry| entry.position.0 == position);
    let entry = found.ok_or_else(|| format!("entry {position} is not in the bundle"))?;
    if entry.stream != format!("results/{season}") {
        return Err(format!("entry {position} is of {}, not of the season's results", shown(entry.stream)));
    }
    match decode(entry) {
        Ok(Event::Results(event)) => Ok(event),
        Ok(_) => Err(format!("entry {position} is none of the season's results")),
        Err(error) => Err(format!("entry {position} cannot be read: {error}")),
    }
}

/// The versions of all streams that the announcing entry commits to.
fn committed(
    commitment: &CommitmentForm,
    entries: &[Entry<'_>],
    season: &str,
    as_of: u64,
) -> Result<BTreeMap<String, u64>, BundleFault> {
    let event = results_event(entries, season, commitment.announcement).map_err(BundleFault::Commitment)?;
    let ResultsEvent::ResultsAnnounced(announced) = event else {
        return Err(BundleFault::Commitment(format!("entry {} announces nothing", commitment.announcement)));
    };
    if announced.as_of != as_of {
        let what = format!("it is as of position {}, the bundle as of {as_of}", announced.as_of);
        return Err(BundleFault::Commitment(what));
    }
    let mut lines: Vec<String> =
        commitment.streams.iter().map(|(name, version)| format!("{name}\t{version}\n")).collect();
    lines.sort_unstable();
    let leaves: Vec<_> = lines.iter().map(|line| leaf_hash(line.as_bytes())).collect();
    if Digest(root(&leaves).0) != announced.streams_root || wide(leaves.len()) != u64::from(announced.streams) {
        return Err(BundleFault::Commitment("the list of streams is not the one that it commits to".to_owned()));
    }
    // A root over lines with a name twice would have been committed to by a broken register only.
    let committed: BTreeMap<String, u64> = commitment.streams.iter().cloned().collect();
    if committed.len() != commitment.streams.len() {
        return Err(BundleFault::Commitment("a stream is named twice".to_owned()));
    }
    Ok(committed)
}

/// That every stream which the figure reads is there to its committed version, and none is there in part.
fn all_held(
    committed: &BTreeMap<String, u64>,
    versions: &BTreeMap<&str, u64>,
    reach: &Reach,
) -> Result<(), BundleFault> {
    for (name, due) in committed {
        let demanded = Stream::parse(name).is_ok_and(|stream| reach.demands(&stream));
        let held = versions.get(name.as_str()).copied();
        if held.map_or(demanded, |held| held != *due) {
            let what = format!("{due} entries are committed to, {} are here", held.unwrap_or(0));
            return Err(BundleFault::Incomplete { stream: shown(name), what });
        }
    }
    match versions.keys().find(|name| !committed.contains_key(**name)) {
        Some(name) => Err(BundleFault::Incomplete {
            stream: shown(name),
            what: "the season's figures do not read it, by what the announcement commits to".to_owned(),
        }),
        None => Ok(()),
    }
}

/// The rows of a table whose root is in its edition's entry.
fn table(
    edition: &EditionForm<'_>,
    entries: &[Entry<'_>],
    season: &str,
    as_of: u64,
) -> Result<Vec<TableRow>, BundleFault> {
    let event = results_event(entries, season, edition.position).map_err(BundleFault::Table)?;
    let ResultsEvent::EditionPublished(published) = event else {
        return Err(BundleFault::Table(format!("entry {} publishes nothing", edition.position)));
    };
    if published.as_of != as_of {
        let what = format!("it was published as of position {}, the bundle is as of {as_of}", published.as_of);
        return Err(BundleFault::Table(what));
    }
    let leaves: Vec<_> = edition.rows.iter().map(|row| leaf_hash(row.get().as_bytes())).collect();
    if Digest(root(&leaves).0) != published.table_digest || wide(leaves.len()) != u64::from(published.rows) {
        return Err(BundleFault::Table("its rows are not the ones that its edition commits to".to_owned()));
    }
    let row = |raw: &&serde_json::value::RawValue| serde_json::from_str(raw.get());
    edition.rows.iter().map(row).collect::<Result<_, _>>().map_err(|error| BundleFault::Table(error.to_string()))
}

/// Texts by their commitments, each of which stands in an entry of the bundle; and those that are said to be erased.
fn texts(file: &File<'_>, register: &Register) -> Result<(BTreeMap<Sealed, String>, Vec<Sealed>), BundleFault> {
    let known: BTreeSet<Sealed> = register.texts.iter().map(|text| Digest(text.sealed)).collect();
    let (mut texts, mut erased) = (BTreeMap::new(), Vec::new());
    for (place, form) in file.texts.iter().enumerate() {
        let bad = |what| BundleFault::Text { place, what };
        let commitment: Sealed = form.commitment.parse().map_err(|_| bad("its commitment is no SHA-256"))?;
        if !known.contains(&commitment) {
            return Err(bad("no entry of the bundle commits to it"));
        }
        match (&form.salt, &form.text, form.erased) {
            (Some(salt), Some(text), false) => {
                let salt = Hash::from_hex(salt).map_err(|_| bad("its salt is not 32 bytes in hexadecimal"))?;
                let digest = Sha256::new().chain_update(salt.0).chain_update(text).finalize();
                if digest[..] != commitment.0 {
                    return Err(bad("it does not fit its commitment"));
                }
                texts.insert(commitment, text.clone());
            }
            (None, None, true) => erased.push(commitment),
            _ => return Err(bad("it is neither opened nor erased")),
        }
    }
    Ok((texts, erased))
}

/// Files whose bytes are those that entries of the figure name.
fn evidence(file: &File<'_>, trace: Option<&Trace>) -> Result<Vec<(Digest, Vec<u8>)>, BundleFault> {
    let named = trace.map(Trace::files).unwrap_or_default();
    let mut files = Vec::with_capacity(file.evidence.len());
    for (place, form) in file.evidence.iter().enumerate() {
        let bad = |what| BundleFault::Evidence { place, what };
        let (digest, bytes) = form.read().map_err(bad)?;
        if named.binary_search(&digest).is_err() {
            return Err(bad("no entry behind the figure names it"));
        }
        files.push((digest, bytes));
    }
    Ok(files)
}

/// The document in which a verdict is given to machines.
impl Proved {
    /// The checkpoint's size.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.judged.checkpoint.size()
    }

    /// The figure as JSON.
    #[must_use]
    pub fn figure_json(&self) -> Value {
        serde_json::to_value(&self.figure).expect("answers have text keys and no floats")
    }
}
