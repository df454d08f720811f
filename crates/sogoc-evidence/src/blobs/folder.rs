//! Blobs in a folder.
//!
//! ```text
//! sha256/ab/abcdef…   a blob under its digest: a read-only file that is never opened for writing
//! incoming/…          files on their way in, each locked by the process that writes it
//! altered/…           what stood under a digest and was something else, set aside when the right bytes came again
//! ```

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use time::OffsetDateTime;

use super::body::{Unfolding, faulty};
use super::envelope::{self, PREFIX};
use super::incoming::{Incoming, Received};
use super::key::EncryptionKey;
use super::{BlobError, Listed, Listing, Stored, random_name, say_repaired};
use crate::Digest;

const BLOBS: &str = "sha256";
const INCOMING: &str = "incoming";
const ALTERED: &str = "altered";
/// How old an incoming file is before it counts as left behind, if nobody holds its lock.
const STALE_AFTER: Duration = Duration::from_hours(24);

#[derive(Clone)]
pub(super) struct Folder {
    root: PathBuf,
}

/// What a blob is on the disk.
pub(super) enum Bare {
    /// The file.
    Is(File),
    /// Something else; this is an empty file to unfold it into.
    IsNot(File),
}

/// The name of a temporary file, which goes with it.
pub(super) struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // Renamed already, or gone with its folder; what cannot be removed now is removed when it is a day old.
        let _ = fs::remove_file(&self.0);
    }
}

impl Folder {
    /// Makes the folder if its parent is there; in a folder that cannot be written, blobs can still be read.
    pub(super) fn open(root: &Path) -> Result<Self, BlobError> {
        let folder = Self { root: root.to_owned() };
        if let Err(error) = folder.make() {
            let read_only = matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem);
            if !read_only || !folder.root.join(BLOBS).is_dir() {
                return Err(BlobError::unavailable(
                    format!(
                        "use {} for blobs (make the folder above it, and let this user write there)",
                        root.display()
                    ),
                    error,
                ));
            }
        }
        match folder.remove_stale() {
            Ok(removed) if removed > 0 => tracing::info!(removed, "removed incoming files that were left behind"),
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "incoming files were not looked at")
            }
        }
        Ok(folder)
    }

    fn make(&self) -> io::Result<()> {
        let mut made = make_folder(&self.root)?;
        made |= make_folder(&self.root.join(BLOBS))?;
        made |= make_folder(&self.root.join(INCOMING))?;
        // Also where they were there: who made them may have crashed before this. Of what is not ours, as far as it goes.
        let above = self.root.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let synced = sync_folder(&self.root).and_then(|()| sync_folder(above));
        if made {
            synced?;
        }
        Ok(())
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        let name = digest.to_string();
        self.root.join(BLOBS).join(&name[..2]).join(name)
    }

    pub(super) fn incoming(&self, key: Option<EncryptionKey>) -> Result<Incoming<Temporary>, BlobError> {
        let path = self.root.join(INCOMING).join(random_name()?);
        let new = || -> io::Result<File> {
            let mut options = OpenOptions::new();
            options.create_new(true).write(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o440);
            let file = options.open(&path)?;
            // Nobody else knows the name yet but one who sweeps, and to them it is too young. Where a file system knows no
            // locks, age alone decides.
            let _ = file.try_lock();
            Ok(file)
        };
        let file = new().map_err(|e| BlobError::unavailable(format!("make {}", path.display()), e))?;
        Ok(Incoming::new(file, Temporary(path), key))
    }

    /// Gives a received file its name.
    ///
    /// A crash before the rename leaves a temporary file that is swept later; after it, the whole blob under its name,
    /// for its bytes were synced before. Only when the folders are synced too is it acknowledged.
    pub(super) fn keep(&self, received: Received<Temporary>, key: Option<EncryptionKey>) -> Result<Stored, BlobError> {
        let Received { digest, size, kept, .. } = received;
        let path = self.path(&digest);
        let within = path.parent().expect("a blob's path has a folder");
        let mut stored = Stored { digest, size, existed: false, repaired: false };
        let failed = |e| BlobError::unavailable(format!("store blob {digest}"), e);
        let there = self.open_blob(&digest).and_then(|there| Unfolding::new(digest, key).check(&there).map(|()| there));
        match there {
            Ok(there) => {
                // Another upload of the same bytes may have renamed it and not come to syncing yet.
                there.sync_all().map_err(failed)?;
                stored.existed = true;
            }
            Err(BlobError::Missing(_)) => {
                make_folder(within).map_err(failed)?;
            }
            Err(BlobError::Altered { what, .. }) => {
                self.set_aside(&digest, &path).map_err(failed)?;
                say_repaired(&digest, &what);
                stored.repaired = true;
            }
            Err(other) => return Err(other),
        }
        if !stored.existed {
            fs::rename(&kept.0, &path).map_err(failed)?;
        }
        sync_folder(within).map_err(failed)?;
        // Not only by whom it made: another upload may have made it and not come to syncing it yet.
        sync_folder(&self.root.join(BLOBS)).map_err(failed)?;
        Ok(stored)
    }

    /// A second name for what is altered, so that it can be looked into; its first name is taken from it by the rename
    /// that follows, and no reader finds a gap between.
    fn set_aside(&self, digest: &Digest, path: &Path) -> io::Result<()> {
        let altered = self.root.join(ALTERED);
        make_folder(&altered)?;
        let name = random_name().map_err(io::Error::other)?;
        let aside = altered.join(format!("{digest}.{name}"));
        fs::hard_link(path, &aside).or_else(|_| fs::rename(path, &aside))?;
        sync_folder(&altered)?;
        sync_folder(&self.root)
    }

    /// A blob's file, if it is one: whatever else has the name is not followed, nor waited for.
    pub(super) fn open_blob(&self, digest: &Digest) -> Result<File, BlobError> {
        let path = self.path(digest);
        let failed = |e: io::Error| {
            if e.kind() == io::ErrorKind::NotFound {
                BlobError::Missing(*digest)
            } else {
                BlobError::unavailable(format!("open {}", path.display()), e)
            }
        };
        if !fs::symlink_metadata(&path).map_err(failed)?.is_file() {
            let what = format!("{} is no regular file", path.display());
            return Err(BlobError::Altered { digest: *digest, what });
        }
        File::open(&path).map_err(failed)
    }

    /// A blob that is the file itself, verified; or room for what has to be unfolded first.
    pub(super) fn bare_or_new(&self, digest: &Digest) -> Result<Bare, BlobError> {
        let failed = |e| BlobError::unavailable(format!("read blob {digest}"), e);
        let file = self.open_blob(digest)?;
        let mut beginning = Vec::with_capacity(PREFIX);
        (&file).take(PREFIX as u64).read_to_end(&mut beginning).map_err(failed)?;
        (&file).rewind().map_err(failed)?;
        if !envelope::is_bare(&beginning) {
            let new = tempfile::tempfile_in(self.root.join(INCOMING)).or_else(|_| tempfile::tempfile());
            return new.map(Bare::IsNot).map_err(failed);
        }
        Unfolding::new(*digest, None).check(&file)?;
        (&file).rewind().map_err(failed)?;
        Ok(Bare::Is(file))
    }

    pub(super) fn size(&self, digest: &Digest) -> Result<Option<u64>, BlobError> {
        let file = match self.open_blob(digest) {
            Ok(file) => file,
            Err(BlobError::Missing(_)) => return Ok(None),
            Err(other) => return Err(other),
        };
        let mut beginning = Vec::with_capacity(PREFIX);
        let read =
            file.metadata().and_then(|m| (&file).take(PREFIX as u64).read_to_end(&mut beginning).map(|_| m.len()));
        let stored = read.map_err(|e| BlobError::unavailable(format!("read blob {digest}"), e))?;
        envelope::size_of(&beginning, stored).map(Some).map_err(|fault| faulty(*digest, fault))
    }

    pub(super) fn remove(&self, digest: &Digest) -> Result<(), BlobError> {
        let failed = |e| BlobError::unavailable(format!("remove blob {digest}"), e);
        let path = self.path(digest);
        gone(fs::remove_file(&path)).map_err(failed)?;
        // Also where it was gone already: an earlier removal may have crashed before this.
        gone(sync_folder(path.parent().expect("a blob's path has a folder"))).map_err(failed)?;
        let altered = self.root.join(ALTERED);
        for entry in sorted(&altered).map_err(failed)? {
            if entry.to_str().is_some_and(|name| name.starts_with(&digest.to_string())) {
                gone(fs::remove_file(altered.join(entry))).map_err(failed)?;
            }
        }
        gone(sync_folder(&altered)).map_err(failed)
    }

    /// Everything in the folder in the order of digests, foreign names among them where they sort, until `give` says no.
    /// Holds the names of one of 256 folders at a time.
    pub(super) fn list(&self, mut give: impl FnMut(Listing) -> bool) -> io::Result<()> {
        let foreign = |path: &Path| {
            Listing::Foreign(path.strip_prefix(&self.root).unwrap_or(path).to_string_lossy().into_owned())
        };
        for name in sorted(&self.root)? {
            let at = self.root.join(&name);
            if name == BLOBS || name == ALTERED {
                for within in sorted(&at)? {
                    let at = at.join(&within);
                    let prefix = within.to_str().filter(|n| name == BLOBS && n.len() == 2 && is_lower_hex(n));
                    let Some(prefix) = prefix.filter(|_| is_folder(&at)) else {
                        if !give(foreign(&at)) {
                            return Ok(());
                        }
                        continue;
                    };
                    for entry in sorted(&at)? {
                        let path = at.join(&entry);
                        let metadata = match fs::symlink_metadata(&path) {
                            Err(error) if error.kind() == io::ErrorKind::NotFound => continue, // removed meanwhile
                            other => other?,
                        };
                        let digest = entry.to_str().filter(|n| n.starts_with(prefix)).and_then(|n| n.parse().ok());
                        let listing = match digest.filter(|_| metadata.is_file()) {
                            Some(digest) => {
                                let modified = OffsetDateTime::from(metadata.modified()?);
                                Listing::Blob(Listed { digest, size: metadata.len(), modified })
                            }
                            None => foreign(&path),
                        };
                        if !give(listing) {
                            return Ok(());
                        }
                    }
                }
            } else if name != INCOMING && !give(foreign(&at)) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Removes incoming files that are over a day old and that nobody writes any more; says how many.
    pub(super) fn remove_stale(&self) -> io::Result<usize> {
        let incoming = self.root.join(INCOMING);
        let names = sorted(&incoming)?;
        if names.is_empty() {
            return Ok(0);
        }
        // The file system's own clock: that is what the others' ages are by.
        let probe = Temporary(incoming.join(random_name().map_err(io::Error::other)?));
        let now = File::create_new(&probe.0)?.metadata()?.modified()?;
        let mut removed = 0;
        for name in names {
            let path = incoming.join(name);
            let stale = || -> io::Result<bool> {
                if !fs::symlink_metadata(&path)?.is_file() {
                    return Ok(false);
                }
                let file = File::open(&path)?;
                let age = now.duration_since(file.metadata()?.modified()?).unwrap_or_default();
                Ok(age > STALE_AFTER && !matches!(file.try_lock(), Err(fs::TryLockError::WouldBlock)))
            };
            if stale().unwrap_or(false) && fs::remove_file(&path).is_ok() {
                removed += 1;
            }
        }
        Ok(removed)
    }
}

/// Makes one folder; whether it was not there.
fn make_folder(path: &Path) -> io::Result<bool> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o750);
    match builder.create(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(false),
        Err(_) if path.is_dir() => Ok(false), // a read-only file system says so before it looks
        Err(error) => Err(error),
    }
}

/// Makes names in a folder durable. Only Unix has that for folders; elsewhere the file system's journal has to do.
fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

fn gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Names in a folder in their order; none where there is no folder.
fn sorted(path: &Path) -> io::Result<Vec<std::ffi::OsString>> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut names = entries.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
    names.sort_unstable();
    Ok(names)
}

fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

fn is_lower_hex(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}
