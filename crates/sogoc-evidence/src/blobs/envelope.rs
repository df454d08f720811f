//! What stands in a stored blob: the file itself, or the file encrypted.
//!
//! Without a key a blob is the file, byte for byte, so that `sha256sum` checks it. What is more begins with the fifteen
//! bytes of [`MAGIC`] and one of a version:
//!
//! ```text
//! 0: magic (15) | 0 | the file                             a file that itself begins with the magic
//! 1: magic (15) | 1 | key id (8) | salt (32) | chunks      an encrypted file
//! ```
//!
//! So what a blob is follows from its first sixteen bytes alone, whatever keys are there: a file that begins with the
//! magic is never stored bare, and cannot pass for something encrypted.
//!
//! A chunk is 65,536 bytes of the file, the last one 1 to 65,536, each followed by its 16 bytes of tag under
//! ChaCha20-Poly1305. The key is the blob's own: HKDF-SHA256 of the store's key with the blob's salt and the info `sogoc
//! blob`; the key id is that with the salt `sogoc blob key id` and no info. The nonce is seven zeros, the
//! chunk's number (32 bits, big-endian) and 1 for the last chunk, 0 for others, so chunks can be neither reordered nor left
//! out, nor can the end be cut off (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár, 2015); the
//! additional data is the 56 bytes before the chunks. And the digest is that of the file, and checked above this.

use std::io::{self, Write};

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};

use super::key::EncryptionKey;

/// Begins what is not the file itself. The odd bytes show at once when a transfer mangles line ends or the eighth bit.
pub(super) const MAGIC: &[u8; 15] = b"\x89sogoc-blob\r\n\x1a\n";
/// What must be seen to know which it is: magic and version.
pub(super) const PREFIX: usize = MAGIC.len() + 1;
const HEADER: usize = PREFIX + 8 + 32;
const CHUNK: usize = 65_536;
const TAG: usize = 16;

/// Why a stored blob gives no file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    /// It is not what was written.
    Altered(String),
    /// It cannot be told, for want of a key or of a newer version.
    Undecipherable(String),
}

fn altered<T>(what: &str) -> Result<T, Fault> {
    Err(Fault::Altered(what.to_owned()))
}

fn nonce(number: u32, last: bool) -> Nonce {
    let mut nonce = [0; 12];
    nonce[7..11].copy_from_slice(&number.to_be_bytes());
    nonce[11] = u8::from(last);
    Nonce::assume_unique_for_key(nonce)
}

/// The key of one blob, the header it is bound to, and how many chunks it has done.
struct Chunks {
    key: LessSafeKey,
    header: [u8; HEADER],
    number: u32,
    /// What is there of the next chunk: it can only be done once it is known whether it is the last.
    pending: Vec<u8>,
}

impl Chunks {
    fn new(key: &EncryptionKey, header: [u8; HEADER]) -> Self {
        let salt: &[u8; 32] = header[HEADER - 32..].try_into().expect("32 bytes of salt end the header");
        let key = UnboundKey::new(&CHACHA20_POLY1305, &*key.of_blob(salt)).expect("ChaCha20 has keys of 32 bytes");
        Self { key: LessSafeKey::new(key), header, number: 0, pending: Vec::with_capacity(CHUNK + TAG) }
    }

    fn next_nonce(&mut self, last: bool) -> Option<Nonce> {
        let nonce = nonce(self.number, last);
        // The last number is never used, so none is used twice: 256 TiB is more than any limit on evidence.
        self.number = self.number.checked_add(1)?;
        Some(nonce)
    }
}

/// Writes a file as it is stored.
pub(super) struct Sealer {
    key: Option<EncryptionKey>,
    begun: bool,
    chunks: Option<Chunks>,
}

impl Sealer {
    pub(super) fn new(key: Option<EncryptionKey>) -> Self {
        Self { key, begun: false, chunks: None }
    }

    /// Writes the next bytes of the file. The first call has at least its first fifteen bytes, or all of them.
    pub(super) fn write(&mut self, mut bytes: &[u8], to: &mut impl Write) -> io::Result<()> {
        if !self.begun {
            self.begun = true;
            if let Some(key) = self.key.take() {
                let mut header = [0; HEADER];
                header[..MAGIC.len()].copy_from_slice(MAGIC);
                header[MAGIC.len()] = 1;
                header[PREFIX..PREFIX + 8].copy_from_slice(&key.id_bytes());
                getrandom::fill(&mut header[PREFIX + 8..]).map_err(io::Error::other)?;
                to.write_all(&header)?;
                self.chunks = Some(Chunks::new(&key, header));
            } else if bytes.starts_with(MAGIC) {
                to.write_all(MAGIC)?;
                to.write_all(&[0])?;
            }
        }
        let Some(chunks) = &mut self.chunks else { return to.write_all(bytes) };
        while !bytes.is_empty() {
            if chunks.pending.len() == CHUNK {
                seal(chunks, false, to)?;
            }
            let (now, later) = bytes.split_at(bytes.len().min(CHUNK - chunks.pending.len()));
            chunks.pending.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    /// Writes what ends it.
    pub(super) fn end(&mut self, to: &mut impl Write) -> io::Result<()> {
        self.chunks.as_mut().map_or(Ok(()), |chunks| seal(chunks, true, to))
    }
}

fn seal(chunks: &mut Chunks, last: bool, to: &mut impl Write) -> io::Result<()> {
    let nonce =
        chunks.next_nonce(last).ok_or_else(|| io::Error::other("more than 256 TiB cannot be encrypted as one blob"))?;
    chunks
        .key
        .seal_in_place_append_tag(nonce, Aad::from(&chunks.header), &mut chunks.pending)
        .map_err(|_| io::Error::other("a chunk could not be encrypted"))?;
    to.write_all(&chunks.pending)?;
    chunks.pending.clear();
    Ok(())
}

/// Reads a file out of what is stored, a piece at a time.
pub(super) struct Opener {
    key: Option<EncryptionKey>,
    state: State,
}

enum State {
    /// Not yet enough to tell.
    Beginning(Vec<u8>),
    Bare,
    Chunks(Box<Chunks>),
}

impl Opener {
    pub(super) fn new(key: Option<EncryptionKey>) -> Self {
        Self { key, state: State::Beginning(Vec::new()) }
    }

    /// Takes the next stored bytes and returns what of the file is known by them: of an encrypted one, whole chunks whose
    /// tags were right.
    pub(super) fn push(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>, Fault> {
        match &mut self.state {
            State::Bare => Ok(bytes),
            State::Chunks(chunks) => unseal(chunks, &bytes),
            State::Beginning(seen) => {
                let bytes = if seen.is_empty() {
                    bytes
                } else {
                    seen.extend_from_slice(&bytes);
                    std::mem::take(seen)
                };
                if !MAGIC.starts_with(&bytes[..bytes.len().min(MAGIC.len())]) {
                    self.state = State::Bare;
                    return Ok(bytes);
                }
                match bytes.get(MAGIC.len()) {
                    Some(0) => {
                        self.state = State::Bare;
                        Ok(bytes[PREFIX..].to_vec())
                    }
                    Some(1) if bytes.len() >= HEADER => {
                        let header: [u8; HEADER] = bytes[..HEADER].try_into().expect("its length");
                        let key = right_key(self.key.as_ref(), &header)?;
                        let mut chunks = Box::new(Chunks::new(key, header));
                        let opened = unseal(&mut chunks, &bytes[HEADER..]);
                        self.state = State::Chunks(chunks);
                        opened
                    }
                    None | Some(1) => {
                        *seen = bytes;
                        Ok(Vec::new())
                    }
                    Some(version) => Err(unknown_version(*version)),
                }
            }
        }
    }

    /// Says that there is no more, and returns what was held back for it.
    pub(super) fn end(&mut self) -> Result<Vec<u8>, Fault> {
        match &mut self.state {
            State::Bare => Ok(Vec::new()),
            // Bare and shorter than the magic: whether it is the file that it is named after, the digest tells.
            State::Beginning(seen) if seen.len() < MAGIC.len() => Ok(std::mem::take(seen)),
            State::Beginning(_) => altered("it ends within its header"),
            State::Chunks(chunks) => {
                if chunks.pending.len() <= TAG {
                    return altered("it ends before its last chunk");
                }
                open(chunks, true)
            }
        }
    }
}

fn right_key<'k>(key: Option<&'k EncryptionKey>, header: &[u8; HEADER]) -> Result<&'k EncryptionKey, Fault> {
    let id = &header[PREFIX..PREFIX + 8];
    let wanted = hex::encode(id);
    match key {
        Some(key) if key.id_bytes() == id => Ok(key),
        Some(key) => Err(Fault::Undecipherable(format!(
            "it is encrypted under the key {wanted}, the configured key is {}",
            key.id()
        ))),
        None => Err(Fault::Undecipherable(format!("it is encrypted under the key {wanted}, and no key is configured"))),
    }
}

fn unknown_version(version: u8) -> Fault {
    Fault::Undecipherable(format!(
        "it is stored in version {version}, this program knows 0 and 1: a newer one reads it"
    ))
}

/// A chunk is only opened once a byte after it is there, for the last one is told by its nonce.
fn unseal(chunks: &mut Chunks, mut bytes: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut opened = Vec::with_capacity(bytes.len());
    while !bytes.is_empty() {
        if chunks.pending.len() == CHUNK + TAG {
            opened.append(&mut open(chunks, false)?);
        }
        let (now, later) = bytes.split_at(bytes.len().min(CHUNK + TAG - chunks.pending.len()));
        chunks.pending.extend_from_slice(now);
        bytes = later;
    }
    Ok(opened)
}

fn open(chunks: &mut Chunks, last: bool) -> Result<Vec<u8>, Fault> {
    let number = chunks.number;
    let mut chunk = std::mem::replace(&mut chunks.pending, Vec::with_capacity(CHUNK + TAG));
    let wrong =
        || Fault::Altered(format!("its chunk {number} (of 64 KiB) is not what was encrypted, or not at its place"));
    let nonce = chunks.next_nonce(last).ok_or_else(wrong)?;
    let length = chunks.key.open_in_place(nonce, Aad::from(&chunks.header), &mut chunk).map_err(|_| wrong())?.len();
    chunk.truncate(length);
    Ok(chunk)
}

/// Whether what begins so (sixteen bytes, or all there are) is the file itself.
pub(super) fn is_bare(beginning: &[u8]) -> bool {
    !beginning.starts_with(MAGIC)
}

/// Size of the file in a stored blob of `stored` bytes that begins with `beginning` (sixteen bytes, or all there are).
pub(super) fn size_of(beginning: &[u8], stored: u64) -> Result<u64, Fault> {
    if is_bare(beginning) {
        return Ok(stored);
    }
    match beginning.get(MAGIC.len()) {
        Some(0) => Ok(stored.saturating_sub(PREFIX as u64)),
        Some(1) => {
            let sealed = stored.saturating_sub(HEADER as u64);
            let chunks = sealed.div_ceil((CHUNK + TAG) as u64);
            sealed.checked_sub(chunks * TAG as u64).map_or_else(|| altered("it ends within a chunk"), Ok)
        }
        Some(version) => Err(unknown_version(*version)),
        None => altered("it ends within its header"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by another program (Python's `cryptography`) from this module's description: what was stored once is read for
    /// ever.
    const STORED: &str = "89736f676f632d626c6f620d0a1a0a016cb0db2edc197710000102030405060708090a0b0c0d0e0f101112131415161718191a\
                          1b1c1d1e1f0bdf54d4da2fe1a29717567170d80c6ca0c66ee9916b055f";

    #[test]
    fn a_blob_that_another_program_encrypted_by_the_description_is_read() {
        let stored = hex::decode(STORED).unwrap();
        let key = EncryptionKey::parse(&"07".repeat(32)).unwrap();
        let mut opener = Opener::new(Some(key));
        // Byte by byte, as the slowest service would give it.
        for byte in &stored {
            assert_eq!(opener.push(vec![*byte]), Ok(Vec::new()));
        }
        assert_eq!(opener.end(), Ok(b"evidence".to_vec()));
        assert_eq!(size_of(&stored[..PREFIX], stored.len() as u64), Ok(8));
    }

    #[test]
    fn no_two_blobs_of_the_same_file_are_encrypted_alike() {
        let key = EncryptionKey::parse(&"07".repeat(32)).unwrap();
        let stored = [0, 1].map(|_| {
            let (mut sealer, mut stored) = (Sealer::new(Some(key.clone())), Vec::new());
            sealer.write(b"evidence", &mut stored).unwrap();
            sealer.end(&mut stored).unwrap();
            stored
        });
        assert_eq!(stored[0].len(), stored[1].len());
        assert_ne!(stored[0][PREFIX + 8..], stored[1][PREFIX + 8..]);
    }
}
