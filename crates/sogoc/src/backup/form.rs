//! What stands in a backup's folder, and reading it without believing it.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use sogoc_log::{Cosignature, Frontier, Position, SignedCheckpoint, StoredText, Timestamp};
use sogoc_proof::{Checkpoint, Note, SignatureLine};

use crate::failure::{Failure, Remedy};

/// Form that this program writes and reads.
pub(crate) const FORMAT: u32 = 1;
/// The manifest's file.
pub(crate) const MANIFEST: &str = "manifest.json";
/// The folder of evidence files, where they were asked for.
pub(crate) const EVIDENCE: &str = "evidence";
/// Ending of what is being written; never read.
const UNFINISHED: &str = ".unfinished";
/// Held by the one program that writes to the folder.
const LOCK: &str = ".lock";
/// Longest manifest: some hundred thousand ranges.
const MANIFEST_BYTES_MAX: u64 = 256 << 20;
/// Longest part once it is unpacked: what a range of the longest entries and texts comes to.
const PART_BYTES_MAX: u64 = 2 << 30;

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    /// Version of this form.
    pub(crate) format: u32,
    /// Name of the log, which every entry holds too.
    pub(crate) log: String,
    /// Number of entries.
    pub(crate) size: u64,
    /// Merkle root over them, hexadecimal.
    pub(crate) root: String,
    /// When the last of them was recorded.
    pub(crate) at: Option<Timestamp>,
    /// When the backup was taken.
    pub(crate) taken: Timestamp,
    /// The newest checkpoint with its cosignatures, as a note.
    pub(crate) checkpoint: Option<String>,
    /// Ranges of entries, without gaps.
    pub(crate) ranges: Vec<Range>,
    /// Secrets of sign-in, where they were asked for.
    pub(crate) sign_in: Option<Part>,
    /// The evidence files that the entries name.
    pub(crate) evidence: Evidence,
    /// SHA-256 of this manifest with this field left empty.
    pub(crate) sha256: String,
}

/// A range of entries and what came with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Range {
    /// First position.
    pub(crate) from: u64,
    /// Position after the last.
    pub(crate) to: u64,
    /// An entry a line.
    pub(crate) entries: Part,
    /// The sealed texts that came in with them.
    pub(crate) texts: Option<Part>,
    /// Checkpoints that end in the range: above `from` up to `to`; one of the empty log is in the first.
    pub(crate) checkpoints: Option<Part>,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    /// Its name in the folder.
    pub(crate) file: String,
    /// Its length.
    pub(crate) bytes: u64,
    /// SHA-256 of it, hexadecimal.
    pub(crate) sha256: String,
    /// Lines in it.
    pub(crate) lines: u64,
}

/// The evidence files that entries name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Evidence {
    /// Their digests, a line each.
    pub(crate) list: Option<Part>,
    /// Whether the files are in the folder.
    pub(crate) files: bool,
}

impl Manifest {
    /// With its own SHA-256, as it is written.
    pub(crate) fn sealed(mut self) -> (Self, String) {
        self.sha256.clear();
        self.sha256 = hex::encode(Sha256::digest(self.encode().as_bytes()));
        let text = self.encode();
        (self, text)
    }

    fn encode(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("a manifest has text keys and no floats");
        text.push('\n');
        text
    }

    /// Every file that it names.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &Part> {
        let ranges = self.ranges.iter().flat_map(|range| {
            std::iter::once(&range.entries).chain(range.texts.as_ref()).chain(range.checkpoints.as_ref())
        });
        ranges.chain(self.sign_in.as_ref()).chain(self.evidence.list.as_ref())
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        // Said first, so that a newer form is not called damage.
        #[derive(Deserialize)]
        struct Which {
            format: u32,
        }
        let which: Which = serde_json::from_slice(bytes).map_err(|error| format!("it is no manifest: {error}"))?;
        if which.format != FORMAT {
            return Err(format!("it has form {}, this program reads form {FORMAT}", which.format));
        }
        let read: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        let (sealed, text) = read.clone().sealed();
        if sealed.sha256 != read.sha256 || text.as_bytes() != bytes {
            return Err(format!("it has SHA-256 {}, and says {}: it was altered", sealed.sha256, read.sha256));
        }
        let plain = |part: &Part| {
            !part.file.is_empty()
                && part.file.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
                && !part.file.starts_with('.')
        };
        if let Some(part) = read.parts().find(|part| !plain(part)) {
            return Err(format!("part {:?} is no name of a file in the folder", part.file));
        }
        let mut next = 0;
        for range in &read.ranges {
            if range.from != next || range.to <= range.from || range.to > read.size {
                return Err(format!("the range {}..{} does not go on at {next}", range.from, range.to));
            }
            next = range.to;
        }
        if next != read.size {
            return Err(format!("its ranges end at {next}, and it counts {} entries", read.size));
        }
        Ok(read)
    }
}

/// A backup's folder.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The manifest, none where there is none.
    pub(crate) fn manifest(&self) -> Result<Option<Manifest>, Failure> {
        let path = self.path.join(MANIFEST);
        let bytes = match std::fs::metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Failure::file(&path, &error)),
            Ok(found) if found.len() > MANIFEST_BYTES_MAX => return Err(self.damaged(MANIFEST, "it is too long")),
            Ok(_) => std::fs::read(&path).map_err(|error| Failure::file(&path, &error))?,
        };
        Manifest::parse(&bytes).map(Some).map_err(|what| self.damaged(MANIFEST, &what))
    }

    /// The manifest of a backup that must be there.
    pub(crate) fn existing(&self) -> Result<Manifest, Failure> {
        self.manifest()?.ok_or_else(|| Failure::Input {
            message: format!("{}: there is no backup here, or it was not finished", self.path.display()),
            remedy: Remedy {
                vi: "chỉ ra thư mục có manifest.json; bản sao lưu dở dang: chạy lại `sogoc backup`",
                en: "name a folder that has a manifest.json; one that was cut short: run `sogoc backup` again",
            },
        })
    }

    /// Something in the folder is not what the manifest says.
    pub(crate) fn damaged(&self, file: &str, what: &str) -> Failure {
        Failure::BadBackup { message: format!("{}: {what}", self.path.join(file).display()) }
    }

    /// Whether a part is there with its bytes.
    fn has(&self, part: &Part) -> bool {
        std::fs::read(self.path.join(&part.file))
            .is_ok_and(|found| found.len() as u64 == part.bytes && hex::encode(Sha256::digest(&found)) == part.sha256)
    }

    /// The lines of a part whose length and SHA-256 are right.
    pub(crate) fn lines(&self, part: &Part) -> Result<Vec<String>, Failure> {
        let damaged = |what: &str| self.damaged(&part.file, what);
        let path = self.path.join(&part.file);
        let file = File::open(&path).map_err(|error| damaged(&error.to_string()))?;
        let mut packed = Vec::new();
        file.take(part.bytes + 1).read_to_end(&mut packed).map_err(|error| damaged(&error.to_string()))?;
        if packed.len() as u64 != part.bytes {
            return Err(damaged(&format!("it has another length than {} bytes", part.bytes)));
        }
        let found = hex::encode(Sha256::digest(&packed));
        if found != part.sha256 {
            return Err(damaged(&format!("it has SHA-256 {found}, the manifest says {}", part.sha256)));
        }
        let mut text = String::new();
        let read = MultiGzDecoder::new(packed.as_slice()).take(PART_BYTES_MAX).read_to_string(&mut text);
        read.map_err(|error| damaged(&error.to_string()))?;
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        if lines.len() as u64 != part.lines {
            return Err(damaged(&format!("it has {} lines, the manifest says {}", lines.len(), part.lines)));
        }
        Ok(lines)
    }

    /// Writes a part, unless it is there with the same bytes. None where there is no line.
    pub(crate) fn put(&self, kind: &str, range: Option<(u64, u64)>, lines: &[String]) -> Result<Option<Part>, Failure> {
        if lines.is_empty() {
            return Ok(None);
        }
        let mut packer = GzEncoder::new(Vec::new(), Compression::default());
        let packed = lines
            .iter()
            .try_for_each(|line| packer.write_all(line.as_bytes()).and_then(|()| packer.write_all(b"\n")))
            .and_then(|()| packer.finish());
        let packed = packed.map_err(|error| Failure::file(&self.path, &error))?;
        let sha256 = hex::encode(Sha256::digest(&packed));
        let place = range.map(|(from, to)| format!("-{from:012}-{to:012}")).unwrap_or_default();
        let file = format!("{kind}{place}-{}.gz", &sha256[..16]);
        let part = Part { file, bytes: packed.len() as u64, sha256, lines: lines.len() as u64 };
        if !self.has(&part) {
            self.write(&part.file, &packed)?;
        }
        Ok(Some(part))
    }

    /// A file under its name is whole and on disk.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let (path, beside) = (self.path.join(name), self.path.join(format!("{name}{UNFINISHED}")));
        let written = || -> std::io::Result<()> {
            let mut file = private_file(&beside)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            std::fs::rename(&beside, &path)
        };
        written().map_err(|error| {
            let _ = std::fs::remove_file(&beside);
            self.unwritable(&path, &error)
        })
    }

    /// Makes new names durable.
    pub(crate) fn sync(&self) -> Result<(), Failure> {
        #[cfg(unix)]
        File::open(&self.path)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| self.unwritable(&self.path, &error))?;
        Ok(())
    }

    /// Makes the folder, readable by its owner only, and keeps others from writing to it until the file is dropped.
    pub(crate) fn locked(&self) -> Result<File, Failure> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.path).map_err(|error| self.unwritable(&self.path, &error))?;
        let path = self.path.join(LOCK);
        let lock = private_file(&path).map_err(|error| self.unwritable(&path, &error))?;
        match lock.try_lock() {
            Ok(()) => Ok(lock),
            Err(std::fs::TryLockError::WouldBlock) => Err(Failure::Unavailable {
                message: format!("{}: another backup is being written here", self.path.display()),
                remedy: Remedy {
                    vi: "chờ nó xong rồi chạy lại", en: "wait until it has ended and run this again"
                },
            }),
            Err(std::fs::TryLockError::Error(error)) => Err(self.unwritable(&path, &error)),
        }
    }

    /// Removes the files of this form that the manifest does not name: of the backup before, and of one that was cut
    /// short. Whatever else lies in the folder is left alone.
    pub(crate) fn sweep(&self, manifest: &Manifest) -> Result<u64, Failure> {
        let named: std::collections::HashSet<&str> = manifest.parts().map(|part| part.file.as_str()).collect();
        let ours = |name: &str| {
            ["entries-", "texts-", "checkpoints-", "sign-in-", "evidence-"].iter().any(|kind| name.starts_with(kind))
                && (name.ends_with(".gz") || name.ends_with(UNFINISHED))
        };
        let mut removed = 0;
        let listing = std::fs::read_dir(&self.path).map_err(|error| Failure::file(&self.path, &error))?;
        for found in listing.flatten() {
            let name = found.file_name();
            let Some(name) = name.to_str() else { continue };
            if ours(name) && !named.contains(name) {
                std::fs::remove_file(found.path()).map_err(|error| self.unwritable(&found.path(), &error))?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    fn unwritable(&self, path: &Path, error: &std::io::Error) -> Failure {
        Failure::Unavailable {
            message: format!("{}: {error}", path.display()),
            remedy: Remedy {
                vi: "dọn chỗ trống hoặc cấp quyền ghi rồi chạy lại: bản sao lưu trước vẫn nguyên vẹn",
                en: "make room or give the right to write, and run it again: the backup before is untouched",
            },
        }
    }
}

fn private_file(path: &Path) -> std::io::Result<File> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

// ---- lines ---------------------------------------------------------------------------------------------------------

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TextLine {
    commitment: String,
    position: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    salt: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    erased: Option<Timestamp>,
}

/// A sealed text as a line.
pub(crate) fn text_line(text: &StoredText) -> String {
    let (salt, plain, erased) = match &text.content {
        Ok((salt, plain)) => (Some(hex::encode(salt)), Some(plain.clone()), None),
        Err(at) => (None, None, Some(*at)),
    };
    let line =
        TextLine { commitment: hex::encode(text.commitment), position: text.position.0, salt, text: plain, erased };
    serde_json::to_string(&line).expect("a line has text keys and no floats")
}

/// A sealed text from its line, which fits its commitment.
pub(crate) fn read_text(line: &str) -> Result<StoredText, String> {
    let line: TextLine = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let commitment = bytes32(&line.commitment)?;
    let content = match (line.salt, line.text, line.erased) {
        (Some(salt), Some(text), None) => {
            let salt = bytes32(&salt)?;
            if sogoc_log::SealedText::commitment(&salt, &text) != commitment {
                return Err(format!("sealed text {} does not fit its commitment", line.commitment));
            }
            Ok((salt, text))
        }
        (None, None, Some(at)) => Err(at),
        _ => return Err(format!("sealed text {} is neither there nor erased", line.commitment)),
    };
    Ok(StoredText { commitment, position: Position(line.position), content })
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckpointLine {
    frontier: String,
    note: String,
    signed: Timestamp,
    cosignatures: Vec<(String, Timestamp)>,
}

/// A checkpoint as a line.
pub(crate) fn checkpoint_line(checkpoint: &SignedCheckpoint) -> String {
    let line = CheckpointLine {
        frontier: hex::encode(checkpoint.frontier.to_bytes()),
        note: checkpoint.note.to_string(),
        signed: checkpoint.signed_at,
        cosignatures: checkpoint.cosignatures.iter().map(|c| (c.line.to_string(), c.at)).collect(),
    };
    serde_json::to_string(&line).expect("a line has text keys and no floats")
}

/// A checkpoint from its line, in which everything says the same.
pub(crate) fn read_checkpoint(line: &str) -> Result<SignedCheckpoint, String> {
    let line: CheckpointLine = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let frontier = Frontier::from_bytes(&hex::decode(&line.frontier).map_err(|error| error.to_string())?)
        .map_err(|error| error.to_string())?;
    let note = Note::parse(line.note.as_bytes()).map_err(|error| error.to_string())?;
    let checkpoint = Checkpoint::parse(note.text()).map_err(|error| error.to_string())?;
    if checkpoint.size() != frontier.size() || checkpoint.root() != frontier.root() {
        return Err(format!("the checkpoint of {} entries has another root than its frontier", checkpoint.size()));
    }
    let mut cosignatures = Vec::with_capacity(line.cosignatures.len());
    for (line, at) in line.cosignatures {
        let line = SignatureLine::parse(&line).map_err(|error| error.to_string())?;
        cosignatures.push(Cosignature { line, at });
    }
    Ok(SignedCheckpoint { checkpoint, frontier, note, signed_at: line.signed, cosignatures })
}

fn bytes32(text: &str) -> Result<[u8; 32], String> {
    hex::decode(text).map_err(|error| error.to_string())?.try_into().map_err(|_| "a hash has not 32 bytes".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let part = |file: &str| Part { file: file.to_owned(), bytes: 9, sha256: "ab".repeat(32), lines: 4 };
        let range = Range { from: 0, to: 4, entries: part("entries-0-4.gz"), texts: None, checkpoints: None };
        let evidence = Evidence { list: Some(part("evidence-list.gz")), files: false };
        let zero = Timestamp::from_micros(0).unwrap();
        Manifest {
            format: FORMAT,
            log: "sogoc.example/x".to_owned(),
            size: 4,
            root: "cd".repeat(32),
            at: Some(zero),
            taken: zero,
            checkpoint: None,
            ranges: vec![range],
            sign_in: None,
            evidence,
            sha256: String::new(),
        }
    }

    #[test]
    fn every_altered_byte_of_a_manifest_is_found() {
        let (sealed, text) = manifest().sealed();
        assert_eq!(Manifest::parse(text.as_bytes()), Ok(sealed));
        for at in 0..text.len() {
            for bit in [0x01, 0x20] {
                let mut bytes = text.clone().into_bytes();
                bytes[at] ^= bit;
                assert!(Manifest::parse(&bytes).is_err(), "byte {at}: {:?}", char::from(bytes[at]));
            }
            assert!(Manifest::parse(&text.as_bytes()[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn ranges_without_gaps_and_names_within_the_folder_are_demanded() {
        let bad = |change: fn(&mut Manifest)| {
            let mut manifest = manifest();
            change(&mut manifest);
            Manifest::parse(manifest.sealed().1.as_bytes()).unwrap_err()
        };
        assert!(bad(|m| m.ranges[0].from = 1).contains("go on"));
        assert!(bad(|m| m.size = 5).contains("counts 5"));
        assert!(bad(|m| m.ranges.clear()).contains("end at 0"));
        assert!(bad(|m| m.ranges[0].entries.file = "../x".to_owned()).contains("no name"));
        assert!(bad(|m| m.ranges[0].entries.file = ".lock".to_owned()).contains("no name"));
        assert!(bad(|m| m.format = 2).contains("form 2"));
    }

    #[test]
    fn a_text_that_does_not_fit_its_commitment_is_found() {
        let commitment = sogoc_log::SealedText::commitment(&[7; 32], "lý do");
        let text = StoredText { commitment, position: Position(3), content: Ok(([7; 32], "lý do".to_owned())) };
        let line = text_line(&text);
        assert_eq!(read_text(&line), Ok(text));
        assert!(read_text(&line.replace("lý do", "lý khác")).unwrap_err().contains("commitment"));
        assert!(read_text(&line.replace("\"position\"", "\"other\"")).is_err());
    }
}
