//! Cross-reference sections: where the objects of a revision lie (ISO 32000-1 §7.5.4, §7.5.8).
//!
//! Shape: a table stays where it is in the file, and its entries are read when they are asked for; a cross-reference
//! stream is unpacked once. Opening a file therefore costs next to nothing, however many objects it has.

use std::collections::HashSet;

use super::flate::decoded;
use super::object::{Dictionary, Fault, Id, Object};
use super::parse::{Parser, is_space};

/// Sections of one file, over all revisions.
const SECTIONS_MAX: usize = 512;
/// Unpacked size of one cross-reference stream, in bytes.
const STREAM_BYTES_MAX: usize = 32 << 20;
/// Unpacked size of all cross-reference streams together, in bytes.
const STREAMS_BYTES_MAX: usize = 64 << 20;
/// Subsections of one section.
const SUBSECTIONS_MAX: usize = 100_000;
/// Bytes of an entry in a table.
const ENTRY: usize = 20;

/// Where an object is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    Free,
    At { offset: usize, generation: u16 },
    In { container: u32, index: usize },
}

/// One cross-reference section.
pub(crate) struct Section {
    /// Where it begins in the file.
    pub(crate) offset: usize,
    /// How many bytes of the file were read for it.
    length: usize,
    /// The trailer's dictionary, or that of the stream.
    pub(crate) trailer: Dictionary,
    /// The stream it is, if it is one.
    pub(crate) stream: Option<Id>,
    /// Whether it is a table that names a stream (`XRefStm`) with more entries: the section after it.
    pub(crate) hybrid: bool,
    /// Runs of numbers: the first, how many, and where their entries begin in the file or in `entries`.
    runs: Vec<(u32, u32, usize)>,
    /// Of a stream: its entries, unpacked, and how wide their fields are.
    entries: Vec<u8>,
    widths: [usize; 3],
}

/// The offset that `startxref` names at the end of `bytes`, and where the end-of-file marker after it ends.
///
/// # Errors
///
/// [`Fault::Malformed`] where there is none.
pub(crate) fn tail(bytes: &[u8]) -> Result<(usize, usize), Fault> {
    let word = b"startxref";
    let at = bytes.windows(word.len()).rposition(|window| window == word).ok_or(Fault::Malformed)?;
    let mut parser = Parser::new(bytes, at + word.len());
    let offset = usize::try_from(parser.unsigned()?).map_err(|_| Fault::Malformed)?;
    while bytes.get(parser.at).copied().is_some_and(is_space) {
        parser.at += 1;
    }
    if !bytes[parser.at..].starts_with(b"%%EOF") {
        return Err(Fault::Malformed);
    }
    Ok((offset, parser.at + 5))
}

/// Reads the section at `offset` and all that it follows, newest first.
pub(crate) fn chain(bytes: &[u8], offset: usize) -> Result<Vec<Section>, Fault> {
    let mut sections: Vec<Section> = Vec::new();
    let mut seen = HashSet::new();
    let mut next = Some(offset);
    let mut unpacked = 0;
    let mut read = 0;
    while let Some(offset) = next {
        if !seen.insert(offset) {
            return Err(Fault::Malformed);
        }
        let mut section = section(bytes, offset)?;
        next = section.trailer.get(b"Prev").map(|prev| prev.as_size().ok_or(Fault::Malformed)).transpose()?;
        let companion = match section.trailer.get(b"XRefStm") {
            Some(companion) if section.stream.is_none() => {
                let offset = companion.as_size().ok_or(Fault::Malformed)?;
                if !seen.insert(offset) {
                    return Err(Fault::Malformed);
                }
                section.hybrid = true;
                Some(self::section(bytes, offset)?)
            }
            _ => None,
        };
        for section in std::iter::once(section).chain(companion) {
            unpacked += section.entries.len();
            read += section.length;
            // Sections that lie in one another could have the file read again and again.
            if sections.len() == SECTIONS_MAX || unpacked > STREAMS_BYTES_MAX || read / 2 > bytes.len() {
                return Err(Fault::TooLarge);
            }
            sections.push(section);
        }
    }
    Ok(sections)
}

fn section(bytes: &[u8], offset: usize) -> Result<Section, Fault> {
    let mut parser = Parser::new(bytes, offset);
    if parser.try_keyword(b"xref") { table(bytes, offset, parser) } else { stream(bytes, offset) }
}

fn table(bytes: &[u8], offset: usize, mut parser: Parser<'_>) -> Result<Section, Fault> {
    let mut runs = Vec::new();
    while !parser.try_keyword(b"trailer") {
        let first = u32::try_from(parser.unsigned()?).map_err(|_| Fault::Malformed)?;
        let count = u32::try_from(parser.unsigned()?).map_err(|_| Fault::Malformed)?;
        parser.skip_space();
        let length = usize::try_from(count).map_err(|_| Fault::TooLarge)?.checked_mul(ENTRY).ok_or(Fault::TooLarge)?;
        let end = parser.at.checked_add(length).filter(|end| *end <= bytes.len()).ok_or(Fault::Malformed)?;
        if runs.len() == SUBSECTIONS_MAX {
            return Err(Fault::TooLarge);
        }
        runs.push((first, count, parser.at));
        parser.at = end;
    }
    let Object::Dictionary(trailer) = parser.object()? else { return Err(Fault::Malformed) };
    unambiguous(&trailer)?;
    let runs = ordered(runs)?;
    let length = parser.at - offset;
    Ok(Section { offset, length, trailer, stream: None, hybrid: false, runs, entries: Vec::new(), widths: [0; 3] })
}

fn stream(bytes: &[u8], offset: usize) -> Result<Section, Fault> {
    // Its length is never a reference: what it refers to could only be found through it.
    let mut parser = Parser::new(bytes, offset);
    let (id, object) = parser.indirect(|_| Err(Fault::Malformed))?;
    let length = parser.at - offset;
    let Object::Stream(trailer, data) = object else { return Err(Fault::Malformed) };
    if trailer.name(b"Type") != Some(b"XRef") {
        return Err(Fault::Malformed);
    }
    unambiguous(&trailer)?;
    let entries = decoded(&trailer, &bytes[data], STREAM_BYTES_MAX)?;
    let sizes = |key: &[u8]| -> Result<Option<Vec<usize>>, Fault> {
        let Some(object) = trailer.get(key) else { return Ok(None) };
        let items = object.as_array().ok_or(Fault::Malformed)?;
        items.iter().map(|item| item.as_size().ok_or(Fault::Malformed)).collect::<Result<_, _>>().map(Some)
    };
    let widths: [usize; 3] = sizes(b"W")?
        .and_then(|widths| widths.try_into().ok())
        .filter(|widths: &[usize; 3]| widths.iter().all(|width| *width <= 8) && widths[1] > 0)
        .ok_or(Fault::Malformed)?;
    let width: usize = widths.iter().sum();
    let index = match sizes(b"Index")? {
        Some(index) => index,
        None => vec![0, trailer.get(b"Size").and_then(Object::as_size).ok_or(Fault::Malformed)?],
    };
    if index.len() % 2 != 0 {
        return Err(Fault::Malformed);
    }
    let mut runs = Vec::new();
    let mut at = 0_usize;
    for pair in index.chunks_exact(2) {
        let first = u32::try_from(pair[0]).map_err(|_| Fault::Malformed)?;
        let count = u32::try_from(pair[1]).map_err(|_| Fault::Malformed)?;
        runs.push((first, count, at));
        at = pair[1].checked_mul(width).and_then(|length| at.checked_add(length)).ok_or(Fault::Malformed)?;
    }
    if at > entries.len() || runs.len() > SUBSECTIONS_MAX {
        return Err(Fault::Malformed);
    }
    let runs = ordered(runs)?;
    Ok(Section { offset, length, trailer, stream: Some(id), hybrid: false, runs, entries, widths })
}

/// A trailer that says two things (`Prev`, `Root`, `W`) leads some readers elsewhere than others.
fn unambiguous(trailer: &Dictionary) -> Result<(), Fault> {
    if trailer.says_two_things() { Err(Fault::Malformed) } else { Ok(()) }
}

/// Runs in the order of their numbers. Two that overlap say two things about one object: readers differ in which holds.
fn ordered(mut runs: Vec<(u32, u32, usize)>) -> Result<Vec<(u32, u32, usize)>, Fault> {
    runs.retain(|(_, count, _)| *count > 0);
    runs.sort_unstable();
    let apart = |pair: &[(u32, u32, usize)]| u64::from(pair[0].0) + u64::from(pair[0].1) <= u64::from(pair[1].0);
    let fits = |run: &(u32, u32, usize)| run.0.checked_add(run.1).is_some();
    if runs.windows(2).all(apart) && runs.iter().all(fits) { Ok(runs) } else { Err(Fault::Malformed) }
}

impl Section {
    /// Where what was read for it ends.
    pub(crate) fn end(&self) -> usize {
        self.offset + self.length
    }

    /// How many entries it has.
    pub(crate) fn count(&self) -> u64 {
        self.runs.iter().map(|run| u64::from(run.1)).sum()
    }

    /// The numbers it has entries for, ascending.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = u32> {
        self.runs.iter().flat_map(|(first, count, _)| *first..*first + *count)
    }

    /// What it says about an object; nothing if it has no entry for it.
    pub(crate) fn find(&self, bytes: &[u8], number: u32) -> Result<Option<Place>, Fault> {
        let after = self.runs.partition_point(|(first, _, _)| *first <= number);
        let Some((first, count, at)) = after.checked_sub(1).and_then(|run| self.runs.get(run)) else { return Ok(None) };
        let step = number - first;
        if step >= *count {
            return Ok(None);
        }
        let step = usize::try_from(step).map_err(|_| Fault::TooLarge)?;
        match self.stream {
            None => entry_of_table(&bytes[at + step * ENTRY..][..ENTRY]).map(Some),
            Some(_) => {
                let width: usize = self.widths.iter().sum();
                self.entry_of_stream(&self.entries[at + step * width..][..width]).map(Some)
            }
        }
    }

    fn entry_of_stream(&self, mut entry: &[u8]) -> Result<Place, Fault> {
        let [kind, second, third] = self.widths.map(|width| {
            let (field, rest) = entry.split_at(width);
            entry = rest;
            (width > 0).then(|| field.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte)))
        });
        let second = usize::try_from(second.unwrap_or(0)).map_err(|_| Fault::Malformed)?;
        let third = third.unwrap_or(0);
        match kind.unwrap_or(1) {
            0 => Ok(Place::Free),
            1 => Ok(Place::At { offset: second, generation: u16::try_from(third).map_err(|_| Fault::Malformed)? }),
            2 => Ok(Place::In {
                container: u32::try_from(second).map_err(|_| Fault::Malformed)?,
                index: usize::try_from(third).map_err(|_| Fault::Malformed)?,
            }),
            // A kind from the future is a reference to null (§7.5.8.3).
            _ => Ok(Place::Free),
        }
    }
}

fn entry_of_table(entry: &[u8]) -> Result<Place, Fault> {
    let mut parser = Parser::new(&entry[..18], 0);
    let offset = usize::try_from(parser.unsigned()?).map_err(|_| Fault::Malformed)?;
    let generation = parser.unsigned()?;
    if parser.at != 16 || !entry[18..].iter().copied().all(is_space) {
        return Err(Fault::Malformed);
    }
    match entry[17] {
        b'n' => Ok(Place::At { offset, generation: u16::try_from(generation).map_err(|_| Fault::Malformed)? }),
        b'f' => Ok(Place::Free),
        _ => Err(Fault::Malformed),
    }
}
