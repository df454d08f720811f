//! The log's key: where it is, and making one.
//!
//! An embedded register has its key beside it (`register.db.key`); one on a server has it in `sogoc-data`, under a name
//! made from the store's. `--key-file` or `SOGOC_KEY_FILE` says otherwise. The last signed checkpoint is kept beside the
//! key, with the ending `.checkpoint`, and the verifier keys that were in use before with the ending `.earlier`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use sogoc_log::Log;
use sogoc_proof::{Algorithm, SignerKey, VerifierKey};

use crate::cli::Global;
use crate::failure::{Failure, Remedy};
use crate::key_file;
use crate::open::sqlite_path;
use crate::output::Output;

/// The file of the log's key.
pub(crate) fn key_path(global: &Global, log: &Log) -> PathBuf {
    path_for(global, log.store())
}

/// The same for a store that is not open: `shown` is how messages show it.
pub(crate) fn path_for(global: &Global, shown: &str) -> PathBuf {
    if let Some(path) = &global.key_file {
        return path.clone();
    }
    if let Some(path) = sqlite_path(&global.store) {
        return PathBuf::from(format!("{path}.key"));
    }
    // As messages show the store: without a password.
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = shown.chars().map(plain).collect();
    PathBuf::from("sogoc-data").join(format!("{name}.key"))
}

/// The file that keeps the last signed checkpoint outside the store.
pub(crate) fn checkpoint_path(global: &Global, log: &Log) -> PathBuf {
    key_path(global, log).with_extension("checkpoint")
}

/// The verifier keys of the log that were in use before.
pub(crate) fn earlier(global: &Global, log: &Log) -> Result<Vec<VerifierKey>, Failure> {
    earlier_beside(&key_path(global, log))
}

/// Those whose list lies beside a key.
pub(crate) fn earlier_beside(key: &Path) -> Result<Vec<VerifierKey>, Failure> {
    let path = key.with_extension("earlier");
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Failure::file(&path, &error)),
    };
    let read =
        |line: &str| VerifierKey::parse(line).map_err(|error| Failure::input(format!("{}: {error}", path.display())));
    text.lines().map(read).collect()
}

/// Puts a new key in the place of the present one, which is kept beside it and signs no more. Checkpoints that it signed
/// stay valid for whoever trusts it; the next one is signed by the new key.
pub(crate) fn rotate(global: &Global, output: &Output, log: &Log) -> Result<SignerKey, Failure> {
    let path = key_path(global, log);
    let Some(before) = find(global, output, log)? else { return make(&path, log.name()) };
    let verifier = before.verifier();
    let failed = |error: std::io::Error| Failure::file(&path, &error);
    let mut list =
        std::fs::OpenOptions::new().append(true).create(true).open(path.with_extension("earlier")).map_err(failed)?;
    // Known as an earlier one before it is moved: a crash between leaves a key that signs.
    writeln!(list, "{verifier}").and_then(|()| list.sync_all()).map_err(failed)?;
    let id: String = verifier.id().iter().map(|byte| format!("{byte:02x}")).collect();
    std::fs::rename(&path, path.with_extension(format!("retired-{id}"))).map_err(failed)?;
    make(&path, log.name())
}

/// The log's key, where there is one.
pub(crate) fn find(global: &Global, output: &Output, log: &Log) -> Result<Option<SignerKey>, Failure> {
    let path = key_path(global, log);
    if !path.exists() {
        return Ok(None);
    }
    let key = key_file::read(&path, Algorithm::Ed25519, output)?;
    let name = key.verifier().name();
    if name != log.name() {
        return Err(Failure::Input {
            message: format!("{}: the key is {name}'s, the log is {}", path.display(), log.name()),
            remedy: Remedy {
                vi: "chỉ ra đúng tệp khóa bằng --key-file hoặc SOGOC_KEY_FILE",
                en: "name the right key file with --key-file or SOGOC_KEY_FILE",
            },
        });
    }
    Ok(Some(key))
}

/// The log's key; a new log without one gets one.
pub(crate) fn find_or_make(
    global: &Global,
    output: &Output,
    log: &Log,
    is_new: bool,
) -> Result<Option<SignerKey>, Failure> {
    match find(global, output, log)? {
        None if is_new => make(&key_path(global, log), log.name()).map(Some),
        found => Ok(found),
    }
}

/// Makes a key. A file that is there is never replaced.
pub(crate) fn make(path: &Path, name: &str) -> Result<SignerKey, Failure> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|error| Failure::file(folder, &error))?;
    }
    key_file::create(path, name, Algorithm::Ed25519)
}
