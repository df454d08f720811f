//! Secret keys in files: one line in the form of Go's note package, readable by the owner only.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use sogoc_proof::{Algorithm, SignerKey};

use crate::failure::{Failure, Remedy};
use crate::output::Output;

/// No key's line is longer.
const FILE_BYTES_MAX: u64 = 4_096;

/// Makes a key of fresh randomness and writes it to a file that is not there yet (mode 0600, on disk when this returns).
///
/// # Errors
/// When no note can carry the name, the file is there already, or it cannot be written.
pub(crate) fn create(path: &Path, name: &str, algorithm: Algorithm) -> Result<SignerKey, Failure> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| Failure::Unavailable {
        message: format!("randomness: {error}"),
        remedy: Remedy {
            vi: "kiểm tra nguồn ngẫu nhiên của hệ điều hành",
            en: "check the system's source of randomness",
        },
    })?;
    let key =
        SignerKey::from_seed(name, algorithm, seed).map_err(|error| Failure::input(format!("--name: {error}")))?;
    let written = write(path, &key.encode());
    written.map_err(|error| {
        let message = format!("{}: {error}", path.display());
        if error.kind() == io::ErrorKind::AlreadyExists {
            return Failure::Input {
                message: format!("{}: the file exists, and a key is never overwritten", path.display()),
                remedy: Remedy {
                    vi: "chọn tên tệp khác; xem khóa công khai của tệp cũ bằng lệnh không có --new",
                    en: "choose another file; the command without --new shows the verifier key of this one",
                },
            };
        }
        let remedy = Remedy {
            vi: "kiểm tra thư mục và quyền ghi",
            en: "check the folder and that it can be written to",
        };
        Failure::Input { message, remedy }
    })?;
    Ok(key)
}

fn write(path: &Path, line: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    let written = writeln!(file, "{line}").and_then(|()| file.sync_all()).and_then(|()| sync_folder_of(path));
    if written.is_err() {
        // Half a key is none, and would stand in the way of the next attempt.
        let _ = std::fs::remove_file(path);
    }
    written
}

/// Makes a new or renamed file's name durable.
pub(crate) fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Elsewhere folders cannot be opened, and renames need no such help.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Reads a key of this kind, and says on stderr when others than its owner may read the file.
///
/// # Errors
/// When the file cannot be read, holds no key, or one of another kind. The secret is never quoted.
pub(crate) fn read(path: &Path, algorithm: Algorithm, output: &Output) -> Result<SignerKey, Failure> {
    let mut text = String::new();
    let file = File::open(path).map_err(|error| Failure::file(path, &error))?;
    let read = (&file).take(FILE_BYTES_MAX).read_to_string(&mut text);
    read.map_err(|error| Failure::file(path, &error))?;
    let key = SignerKey::parse(text.trim_end()).map_err(|error| refused(path, &error.to_string()))?;
    if key.verifier().algorithm() != algorithm {
        let kind = |of: Algorithm| match of {
            Algorithm::Ed25519 => "a log's, type 0x01",
            Algorithm::CosignatureV1 => "a witness's, type 0x04",
        };
        let found = key.verifier().algorithm();
        return Err(refused(path, &format!("this key is {}; needed is {}", kind(found), kind(algorithm))));
    }
    warn_if_open(path, &file, output);
    Ok(key)
}

fn refused(path: &Path, why: &str) -> Failure {
    Failure::Input {
        message: format!("{}: {why}", path.display()),
        remedy: Remedy {
            vi: "tệp khóa có một dòng PRIVATE+KEY+…; tạo bằng `sogoc witness key --new` hoặc `sogoc log key --new`",
            en: "a key file holds one line PRIVATE+KEY+…; make one with `sogoc witness key --new` or `sogoc log key --new`",
        },
    }
}

#[cfg(unix)]
fn warn_if_open(path: &Path, file: &File, output: &Output) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = file.metadata().map_or(0, |meta| meta.permissions().mode() & 0o777);
    if mode & 0o077 != 0 {
        let (vi, en) =
            ("người khác đọc được khóa bí mật; chạy: chmod 600", "others can read the secret key; run: chmod 600");
        output.say(&format!("{} ({mode:03o}): {} {0}", path.display(), output.lang.pick(vi, en)));
    }
}

#[cfg(not(unix))]
fn warn_if_open(_: &Path, _: &File, _: &Output) {}
