//! ZIP archives, read so that there is only one way to read them.
//!
//! Archives can be made that two programs read as two different things: with two directories, two entries of a name,
//! entries that overlap, headers that contradict each other. Such are refused and not interpreted, as are those whose
//! directory and entries do not fill the place that they claim (APPNOTE 6.3.10; no ZIP64, no encryption, no split
//! archives). Overlapping entries are also what the worst of bombs are made of.

use std::collections::HashSet;
use std::io::{self, Cursor, Read, Seek, SeekFrom};

use flate2::Crc;
use flate2::read::DeflateDecoder;

use super::{by_beginning, kind_of};
use crate::{ActiveContent, FileKind};

/// Up to this much of one file in an archive is held in memory, to look into an office file in it.
const INNER_BYTES_MAX: u64 = 32 * 1024 * 1024;
const DIRECTORY_BYTES_MAX: u64 = 4 * 1024 * 1024;
const END_BYTES: usize = 22;

/// How much of an archive is looked into.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ZipLimits {
    /// At most so many entries, folders included.
    pub entries_max: usize,
    /// At most so many bytes unpacked, all together.
    pub bytes_max: u64,
}

impl Default for ZipLimits {
    /// 1,000 entries and 512 MiB.
    fn default() -> Self {
        Self { entries_max: 1_000, bytes_max: 512 * 1024 * 1024 }
    }
}

/// What is in an archive.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ZipContents {
    /// Its files in the order of the directory; folders are left out.
    pub files: Vec<ZipFile>,
    /// Their bytes, unpacked, all together.
    pub bytes: u64,
}

/// A file in an archive. Its name is left out: it may name a person, and says nothing of what the file is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ZipFile {
    /// What it is, by its content.
    pub kind: FileKind,
    /// What acts in it, as far as [`kind_of`] says that.
    pub active: Vec<ActiveContent>,
    /// Its bytes, unpacked.
    pub size: u64,
}

/// Why an archive is not looked into, or no further.
#[derive(Debug, thiserror::Error)]
pub enum ZipRefused {
    /// It could be read in more than one way, or in none.
    #[error("the archive is damaged or ambiguous ({0}): pack it again with a common program")]
    Malformed(&'static str),
    /// Too many entries, or too large a directory of them.
    #[error("the archive has {entries} entries, at most {limit} are looked at: hand the files in one by one")]
    TooMany {
        /// How many it says.
        entries: usize,
        /// The limit.
        limit: usize,
    },
    /// Unpacked it is larger than what is looked at.
    #[error(
        "the archive has {bytes} bytes or more unpacked, at most {limit} are looked at: hand the files in one by one"
    )]
    TooLarge {
        /// How many it says, or were found.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// Entries are encrypted.
    #[error("the archive is encrypted, so that nobody could check what it shows: hand it in without a password")]
    Encrypted,
    /// A way of packing that is not unpacked here; by its number in APPNOTE.
    #[error("the archive is packed by method {0}: pack it again with a common program (method 8, Deflate)")]
    Unsupported(u16),
    /// An archive in the archive.
    #[error("the archive holds another archive: hand its files in one by one")]
    Nested,
    /// The reader failed.
    #[error("the archive could not be read")]
    Unreadable(#[from] io::Error),
}

/// What a directory may be.
pub(super) struct Bounds {
    entries_max: usize,
    bytes_max: u64,
}

impl Bounds {
    /// Where only an office file's own descriptions are unpacked.
    pub(super) const OF_A_DIRECTORY: Self = Self { entries_max: 10_000, bytes_max: u64::MAX };
}

/// An archive's directory, which was held against its entries.
pub(super) struct Archive {
    pub(super) entries: Vec<Entry>,
}

pub(super) struct Entry {
    /// As it stands there: of whatever encoding.
    pub(super) name: Vec<u8>,
    method: u16,
    crc: u32,
    packed: u64,
    pub(super) size: u64,
    /// Where its own header begins.
    header: u64,
    /// Where its data begins.
    data: u64,
}

fn malformed<T>(what: &'static str) -> Result<T, ZipRefused> {
    Err(ZipRefused::Malformed(what))
}

/// Numbers at their places; all within bounds that were checked before.
fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

impl Archive {
    pub(super) fn read(reader: &mut (impl Read + Seek), bounds: &Bounds) -> Result<Self, ZipRefused> {
        let length = reader.seek(SeekFrom::End(0))?;
        // The end record, with a comment of up to 65,535 bytes after it that ends the file exactly.
        let tail_at = length.saturating_sub(END_BYTES as u64 + 65_535);
        let tail = read_at(reader, tail_at, length - tail_at)?;
        let end = (0..=tail.len().checked_sub(END_BYTES).ok_or(ZipRefused::Malformed("it has no end record"))?)
            .rev()
            .find(|&at| {
                tail[at..].starts_with(b"PK\x05\x06")
                    && at + END_BYTES + usize::from(u16_at(&tail, at + 20)) == tail.len()
            })
            .ok_or(ZipRefused::Malformed("it does not end with its end record"))?;
        let end_at = tail_at + end as u64;
        let record = &tail[end..];
        let entries = usize::from(u16_at(record, 10));
        let (size, offset) = (u64::from(u32_at(record, 12)), u64::from(u32_at(record, 16)));
        if u16_at(record, 4) != 0 || u16_at(record, 6) != 0 || usize::from(u16_at(record, 8)) != entries {
            return malformed("it is a part of a split archive");
        }
        if entries > bounds.entries_max || size > DIRECTORY_BYTES_MAX {
            return Err(ZipRefused::TooMany { entries, limit: bounds.entries_max });
        }
        if offset + size != end_at {
            return malformed("its directory does not end where its end record begins");
        }
        let directory = read_at(reader, offset, size)?;
        let mut archive = Self { entries: Vec::with_capacity(entries) };
        let mut rest = &directory[..];
        let mut names = HashSet::with_capacity(entries);
        let mut bytes: u64 = 0;
        for _ in 0..entries {
            let (entry, after) = read_entry(rest)?;
            rest = after;
            // Case tells no names apart for those who read office files, nor on many disks.
            if !names.insert(entry.name.to_ascii_lowercase()) {
                return malformed("two entries have the same name");
            }
            bytes = bytes.saturating_add(entry.size);
            archive.entries.push(entry);
        }
        if !rest.is_empty() {
            return malformed("its directory is longer than its entries");
        }
        if bytes > bounds.bytes_max {
            return Err(ZipRefused::TooLarge { bytes, limit: bounds.bytes_max });
        }
        archive.hold_against_headers(reader, offset)?;
        Ok(archive)
    }

    /// Each entry's own header says what the directory says, and no two entries share bytes.
    fn hold_against_headers(&mut self, reader: &mut (impl Read + Seek), end: u64) -> Result<(), ZipRefused> {
        let mut order: Vec<usize> = (0..self.entries.len()).collect();
        order.sort_by_key(|&i| self.entries[i].header);
        let mut free_from = 0;
        for i in order {
            let entry = &mut self.entries[i];
            if entry.header < free_from {
                return malformed("two entries overlap");
            }
            if entry.header + 30 > end {
                return malformed("an entry begins in the directory");
            }
            let header = read_at(reader, entry.header, 30)?;
            if !header.starts_with(b"PK\x03\x04") || u16_at(&header, 8) != entry.method {
                return malformed("an entry's header is not what the directory says");
            }
            let (name, extra) = (u64::from(u16_at(&header, 26)), u64::from(u16_at(&header, 28)));
            entry.data = entry.header + 30 + name + extra;
            free_from = entry.data + entry.packed;
            if free_from > end {
                return malformed("an entry ends in the directory");
            }
            if read_at(reader, entry.header + 30, name)? != entry.name {
                return malformed("an entry's name is not what the directory says");
            }
        }
        Ok(())
    }

    /// Unpacks an entry of up to `bytes_max` bytes into memory.
    pub(super) fn unpack(
        reader: &mut (impl Read + Seek),
        entry: &Entry,
        bytes_max: u64,
    ) -> Result<Vec<u8>, ZipRefused> {
        if entry.size > bytes_max {
            return Err(ZipRefused::TooLarge { bytes: entry.size, limit: bytes_max });
        }
        let mut all = Vec::new();
        entry.unpack_to(reader, |bytes| all.extend_from_slice(bytes))?;
        Ok(all)
    }
}

fn read_entry(bytes: &[u8]) -> Result<(Entry, &[u8]), ZipRefused> {
    if bytes.len() < 46 || !bytes.starts_with(b"PK\x01\x02") {
        return malformed("its directory is shorter than its entries");
    }
    let after_name = 46 + usize::from(u16_at(bytes, 28));
    let after = after_name + usize::from(u16_at(bytes, 30)) + usize::from(u16_at(bytes, 32));
    if after > bytes.len() {
        return malformed("its directory is shorter than its entries");
    }
    // Bit 0: encrypted; bit 6: strongly; bit 13: the directory is masked.
    if u16_at(bytes, 8) & 0x2041 != 0 {
        return Err(ZipRefused::Encrypted);
    }
    let (packed, size, header) = (u32_at(bytes, 20), u32_at(bytes, 24), u32_at(bytes, 42));
    if packed == u32::MAX || size == u32::MAX || header == u32::MAX || u16_at(bytes, 34) != 0 {
        return malformed("an entry is of 4 GiB or more, or elsewhere");
    }
    let entry = Entry {
        name: bytes[46..after_name].to_vec(),
        method: u16_at(bytes, 10),
        crc: u32_at(bytes, 16),
        packed: packed.into(),
        size: size.into(),
        header: header.into(),
        data: 0,
    };
    Ok((entry, &bytes[after..]))
}

fn read_at(reader: &mut (impl Read + Seek), at: u64, length: u64) -> io::Result<Vec<u8>> {
    reader.seek(SeekFrom::Start(at))?;
    let mut bytes = Vec::new();
    if reader.take(length).read_to_end(&mut bytes)? as u64 != length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes)
}

impl Entry {
    pub(super) fn is_folder(&self) -> bool {
        self.name.ends_with(b"/")
    }

    /// Unpacks it piece by piece, up to the size that the directory says, and holds its checksum against it.
    fn unpack_to(&self, reader: &mut (impl Read + Seek), mut take: impl FnMut(&[u8])) -> Result<(), ZipRefused> {
        reader.seek(SeekFrom::Start(self.data))?;
        let packed = reader.take(self.packed);
        let mut unpacked: Box<dyn Read + '_> = match self.method {
            0 if self.packed == self.size => Box::new(packed),
            0 => return malformed("an entry that is not packed has two sizes"),
            8 => Box::new(DeflateDecoder::new(packed)),
            other => return Err(ZipRefused::Unsupported(other)),
        };
        let mut crc = Crc::new();
        let mut piece = [0; 16 * 1024];
        let mut size: u64 = 0;
        loop {
            let read = match unpacked.read(&mut piece) {
                // That is how damaged data shows.
                Err(e)
                    if matches!(
                        e.kind(),
                        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
                    ) =>
                {
                    return malformed("an entry cannot be unpacked");
                }
                read => read?,
            };
            if read == 0 {
                break;
            }
            size += read as u64;
            if size > self.size {
                return malformed("an entry is larger than the directory says");
            }
            crc.update(&piece[..read]);
            take(&piece[..read]);
        }
        if size != self.size || crc.sum() != self.crc {
            return malformed("an entry is not what the directory says");
        }
        Ok(())
    }
}

pub(super) fn look_into(reader: &mut (impl Read + Seek), limits: &ZipLimits) -> Result<ZipContents, ZipRefused> {
    let bounds = Bounds { entries_max: limits.entries_max, bytes_max: limits.bytes_max };
    let archive = Archive::read(reader, &bounds)?;
    let mut contents = ZipContents { files: Vec::new(), bytes: 0 };
    for entry in archive.entries.iter().filter(|entry| !entry.is_folder()) {
        // Whole if it may have to be looked into; of what is larger, the beginning.
        let hold = if entry.size <= INNER_BYTES_MAX { entry.size } else { super::BEGINNING };
        let hold = usize::try_from(hold).expect("at most 32 MiB");
        let mut held = Vec::new();
        entry.unpack_to(reader, |bytes| held.extend_from_slice(&bytes[..bytes.len().min(hold - held.len())]))?;
        let mut kind = by_beginning(&held);
        let mut active = Vec::new();
        if kind == FileKind::Zip {
            if entry.size > INNER_BYTES_MAX {
                return Err(ZipRefused::TooLarge { bytes: entry.size, limit: INNER_BYTES_MAX });
            }
            (kind, active) = kind_of(&mut Cursor::new(held))?;
            if kind == FileKind::Zip && !active.contains(&ActiveContent::Macro) {
                return Err(ZipRefused::Nested);
            }
        }
        contents.bytes += entry.size;
        contents.files.push(ZipFile { kind, active, size: entry.size });
    }
    Ok(contents)
}
