//! What a witness remembers: of each log the newest checkpoint that it cosigned.
//!
//! One file a log, named by the hash of the log's origin. A new checkpoint replaces the old one in one step, and is on
//! disk before anybody is told: a crash before the rename loses nothing that was answered, a crash after it leaves a
//! checkpoint that was checked and perhaps not cosigned, which binds the witness just the same. Nothing here removes a
//! log's file: a witness that forgot would vouch for a second history.

use std::fs::{File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use sogoc_proof::{Checkpoint, Hash, Note};

use crate::failure::{Failure, Remedy};
use crate::key_file::sync_folder_of;

/// First line of each file: its format.
const FORMAT: &str = "sogoc witness state v1";

/// Checkpoints kept as proof of a log's misbehaviour, for each log.
const EVIDENCE_MAX: usize = 32;

/// The folder of one witness. No second process can open it.
#[derive(Debug)]
pub(crate) struct StateFolder {
    path: PathBuf,
    // Its lock is held for as long as it is open.
    _lock: File,
}

impl StateFolder {
    /// Opens the folder, and makes it where it is not there.
    ///
    /// # Errors
    /// When it cannot be made or locked, or another process has it.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let opened = make_folder(path).and_then(|()| File::create(path.join("lock")));
        let lock = opened.map_err(|error| unusable(path, &error.to_string()))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(Failure::Unavailable {
                message: format!("--state {}: another witness is running on this folder", path.display()),
                remedy: Remedy {
                    vi: "mỗi nhân chứng cần thư mục riêng; dừng tiến trình kia trước",
                    en: "stop the other one first: two witnesses of one folder could vouch for two histories",
                },
            }),
            Err(TryLockError::Error(error)) => Err(unusable(path, &error.to_string())),
        }
    }

    /// Size and root of the newest checkpoint of this log, or none where it was never cosigned.
    ///
    /// # Errors
    /// When the file is there and cannot be read, or is not as it was written: then the witness must not go on as if it
    /// knew nothing.
    pub(crate) fn load(&self, origin: &str) -> Result<Option<(u64, Hash)>, Failure> {
        let file = self.file(origin);
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unusable(&file, &error.to_string())),
        };
        read(&text, origin).map(|known| Some((known.size(), known.root()))).map_err(|why| Failure::Unavailable {
            message: format!("{}: {why}; it holds what this witness knows of {origin}", file.display()),
            remedy: Remedy {
                vi: "khôi phục tệp này từ bản sao lưu mới nhất; đừng xóa: nhân chứng quên thì không còn là nhân chứng",
                en: "restore the file from the newest backup; do not remove it: a witness that forgets vouches for anything",
            },
        })
    }

    /// Replaces what is known of a log. When it returns, the new checkpoint outlives a power cut.
    ///
    /// # Errors
    /// When any step fails; then the old checkpoint or, if only the last step failed, the new one is on disk, whole in
    /// either case.
    pub(crate) fn persist(&self, origin: &str, note: &str) -> io::Result<()> {
        let file = self.file(origin);
        let new = file.with_extension("new");
        let replaced = replace(&file, &new, &format!("{FORMAT}\nsha256 {}\n{note}", digest(note)));
        if replaced.is_err() {
            // A full disk gets its room back.
            let _ = std::fs::remove_file(&new);
        }
        replaced
    }

    /// Keeps a checkpoint that its log signed and that does not fit what is known, for whoever has to prove it. The
    /// answer does not depend on this: what cannot be kept is passed over.
    pub(crate) fn keep_evidence(&self, origin: &str, note: &Note) {
        let folder = self.file(origin).with_extension("refused");
        let file = folder.join(format!("{}.note", &digest(note.text())[..32]));
        let kept = std::fs::read_dir(&folder).map_or(0, Iterator::count);
        if kept >= EVIDENCE_MAX || file.exists() {
            return;
        }
        let written = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&file, note.to_string()));
        if let Err(error) = written {
            tracing::warn!(error = %error, "a refused checkpoint could not be kept as evidence");
        }
    }

    fn file(&self, origin: &str) -> PathBuf {
        self.path.join(format!("{}.log", digest(origin)))
    }
}

fn make_folder(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn replace(file: &Path, new: &Path, text: &str) -> io::Result<()> {
    let mut writing = File::create(new)?;
    writing.write_all(text.as_bytes())?;
    writing.sync_all()?;
    drop(writing);
    std::fs::rename(new, file)?;
    sync_folder_of(file)
}

/// Reads what [`StateFolder::persist`] wrote.
fn read(text: &str, origin: &str) -> Result<Checkpoint, String> {
    let text = text.strip_prefix(FORMAT).and_then(|text| text.strip_prefix('\n')).ok_or("not a witness's state")?;
    let (sum, note) = text.split_once('\n').ok_or("cut short")?;
    if sum.strip_prefix("sha256 ") != Some(digest(note).as_str()) {
        return Err("the checksum does not fit: the file was changed or is damaged".to_owned());
    }
    let note = Note::parse(note.as_bytes()).map_err(|error| error.to_string())?;
    let checkpoint = Checkpoint::parse(note.text()).map_err(|error| error.to_string())?;
    if checkpoint.origin() != origin {
        return Err(format!("it is of log {}", checkpoint.origin()));
    }
    Ok(checkpoint)
}

fn unusable(path: &Path, why: &str) -> Failure {
    Failure::Unavailable {
        message: format!("--state: {}: {why}", path.display()),
        remedy: Remedy {
            vi: "kiểm tra thư mục trạng thái: phải đọc và ghi được",
            en: "check the state folder: it must be readable and writable",
        },
    }
}

fn digest(text: &str) -> String {
    Hash(Sha256::digest(text).into()).to_hex()
}
