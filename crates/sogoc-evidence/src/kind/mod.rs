//! What a file is, by its content and never by its name.
//!
//! The first bytes say it, taken as strictly as the formats do: a PDF begins with `%PDF-` and not somewhere within its
//! first kilobyte, as some viewers allow, for a file that is two things at once is evidence of neither. What a ZIP archive
//! is follows from the content types in it (`office.rs`), with the bounds of `zip.rs`: nothing is unpacked to a disk, and
//! nothing without a limit.
//!
//! What acts in a PDF is not looked for here but where PDFs are read.

mod office;
mod zip;

use std::io::{self, Read, Seek, SeekFrom};

use self::zip::{Archive, Bounds};
pub use self::zip::{ZipContents, ZipFile, ZipLimits, ZipRefused};
use crate::{ActiveContent, FileKind};

/// As much of a file's beginning as decides what it is.
const BEGINNING: u64 = 64;

/// What a file is, and what acts in it when it is an office file, sorted, each once.
///
/// Memory and time are bounded, whatever the file: of a ZIP archive the directory (up to 4 MiB and 10,000 entries) is
/// read, and up to 8 MiB of an office file's own descriptions. What goes beyond, or cannot be read, is a
/// [`FileKind::Zip`] with [`ActiveContent::NotLookedAt`].
///
/// # Errors
/// What the reader says.
pub fn kind_of(reader: &mut (impl Read + Seek)) -> io::Result<(FileKind, Vec<ActiveContent>)> {
    reader.seek(SeekFrom::Start(0))?;
    let mut beginning = Vec::new();
    reader.take(BEGINNING).read_to_end(&mut beginning)?;
    let kind = by_beginning(&beginning);
    if kind != FileKind::Zip {
        return Ok((kind, Vec::new()));
    }
    match Archive::read(reader, &Bounds::OF_A_DIRECTORY).and_then(|archive| office::look(reader, &archive)) {
        Ok(looked) => Ok(looked),
        Err(ZipRefused::Unreadable(error)) if error.kind() != io::ErrorKind::UnexpectedEof => Err(error),
        Err(_) => Ok((FileKind::Zip, vec![ActiveContent::NotLookedAt])),
    }
}

/// What is in a ZIP archive, for a policy that admits archives: each file in it, unpacked once within the limits to see
/// what it is, and nothing kept.
///
/// # Errors
/// [`ZipRefused`]: what exceeds a limit, is encrypted, holds a further archive, or cannot be read in only one way.
pub fn look_into_zip(reader: &mut (impl Read + Seek), limits: &ZipLimits) -> Result<ZipContents, ZipRefused> {
    zip::look_into(reader, limits)
}

/// By the first bytes alone; every ZIP archive is a [`FileKind::Zip`] here.
fn by_beginning(bytes: &[u8]) -> FileKind {
    match bytes {
        [b'%', b'P', b'D', b'F', b'-', ..] => FileKind::Pdf,
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', 0, 0, 0, 13, b'I', b'H', b'D', b'R', ..] => FileKind::Png,
        [0xff, 0xd8, 0xff, ..] => FileKind::Jpeg,
        [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => FileKind::Tiff,
        // A first entry, or the end of an archive that has none.
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => FileKind::Zip,
        _ if is_signed_data(bytes) => FileKind::P7s,
        _ => FileKind::Other,
    }
}

/// A CMS `ContentInfo` of signed data (RFC 5652, section 3) in BER: a sequence that begins with 1.2.840.113549.1.7.2.
fn is_signed_data(bytes: &[u8]) -> bool {
    const SIGNED_DATA: &[u8] = &[0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];
    let [0x30, length, rest @ ..] = bytes else { return false };
    // Short, indefinite, or in up to four further bytes: none is longer than 4 GiB.
    let further = match length {
        0..=0x80 => 0,
        0x81..=0x84 => usize::from(length & 0x7f),
        _ => return false,
    };
    rest.get(further..).is_some_and(|content| content.starts_with(SIGNED_DATA))
}

#[cfg(test)]
mod tests;
