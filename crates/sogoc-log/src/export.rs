//! The log as static files (C2SP tlog-tiles), for any file server to publish.
//!
//! **Shape.** First the leaf hashes are led to the checkpoint's root, so that nothing is written of a log that is not
//! what was signed. Then tile after tile, each written beside, synced and renamed into place; the file `checkpoint` comes
//! last, so that a reader never sees one whose tiles are not there. What an earlier export wrote is compared and kept,
//! which is also how one that was cut short goes on. **Cost.** Every leaf hash is read twice, a file is synced once;
//! memory for some thousands of entries. One export at a time works on a folder.
//!
//! Partial tiles are removed when the full one is there, as the specification allows: a reader that holds an older
//! checkpoint takes the full one.

use std::collections::BTreeSet;
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use sogoc_proof::{Checkpoint, EntryBundle, Frontier, Hash, Note, TILE_WIDTH, Tile, leaf_hash};

use crate::checkpoint::SignedCheckpoint;
use crate::error::LogError;
use crate::log::Log;
use crate::reading::StoredEntry;
use crate::tiles::WIDTH;
use crate::values::Position;

/// Entries that are worked on at a time: eight tiles.
const GROUP: u64 = 8 * WIDTH;
/// Name of the checkpoint's file.
const CHECKPOINT: &str = "checkpoint";
/// What is being written; never published under another name before it is whole.
const UNFINISHED: &str = ".unfinished";
/// Held by the one export that works on a folder.
const LOCK: &str = ".lock";

/// Whether entry bundles are exported. They are for those with the right to read what they hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WithEntries {
    /// Checkpoint and hash tiles only.
    No,
    /// Entry bundles too.
    Yes,
}

/// What an export did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Entries of the exported checkpoint.
    pub size: u64,
    /// Its root.
    pub root: Hash,
    /// Tiles written now.
    pub tiles_written: u64,
    /// Tiles that were there and right.
    pub tiles_kept: u64,
    /// Entry bundles written now.
    pub bundles_written: u64,
    /// Entry bundles that were there and right.
    pub bundles_kept: u64,
    /// Tiles and bundles of which partial ones were removed, because the full one is there.
    pub partial_removed: u64,
}

impl Log {
    /// Writes the log up to a checkpoint into a folder, and what is there already stays. `progress` is told how many
    /// entries are done, and how many there are.
    ///
    /// # Errors
    /// `Refused` for a checkpoint of another log or beyond this one; `Corrupt` when the log does not lead to the
    /// checkpoint's root; `Folder` naming the file that is not what the log holds or could not be written, or when the
    /// folder has a newer checkpoint; `Unavailable`.
    ///
    /// # Panics
    /// When called outside of a tokio runtime.
    pub async fn export_tiles(
        &self,
        folder: &Path,
        entries: WithEntries,
        up_to: &SignedCheckpoint,
        mut progress: impl FnMut(u64, u64) + Send,
    ) -> Result<Exported, LogError> {
        let (size, root) = (up_to.size(), up_to.root());
        let head = self.head().await?;
        if up_to.checkpoint.origin() != self.name() || size > head.size {
            return Err(LogError::refused(
                format!("an export of {} up to {size} entries", up_to.checkpoint.origin()),
                format!("{} with {} entries", self.name(), head.size),
                "export up to a checkpoint of this log",
            ));
        }
        let computed = self.continue_frontier(Frontier::new(), size).await?.root();
        if computed != root {
            let what = format!("the first {size} entries have root {computed}, the checkpoint has {root}");
            return Err(LogError::corrupt(None, what));
        }
        let (opened, name) = (folder.to_owned(), self.name().to_owned());
        let mut folder = blocking(move || Folder::open(&opened, &name, size)).await?;
        let mut tree = Tree::default();
        for from in (0..size).step_by(usize::try_from(GROUP).expect("a small number")) {
            let (from, to) = (Position(from), Position(size.min(from + GROUP)));
            let mut group = Group { from, leaves: self.leaves(from, to).await?, entries: Vec::new() };
            if entries == WithEntries::Yes {
                let missing;
                (folder, group, missing) = blocking(move || {
                    let missing = folder.check_bundles(&group)?;
                    Ok((folder, group, missing))
                })
                .await?;
                group.entries = self.entries_of(&missing).await?;
            }
            (folder, tree) = blocking(move || {
                folder.write_bundles(&group)?;
                tree.grow(&group, &mut folder)?;
                Ok((folder, tree))
            })
            .await?;
            progress(to.0, size);
        }
        let note = up_to.cosigned_note().to_string();
        blocking(move || {
            tree.finish(&mut folder)?;
            folder.finish(&note)?;
            Ok(Exported {
                size,
                root,
                tiles_written: folder.tiles.written,
                tiles_kept: folder.tiles.kept,
                bundles_written: folder.bundles.written,
                bundles_kept: folder.bundles.kept,
                partial_removed: folder.partial_removed,
            })
        })
        .await
    }

    /// The entries of bundles.
    async fn entries_of(&self, bundles: &[EntryBundle]) -> Result<Vec<(EntryBundle, Vec<StoredEntry>)>, LogError> {
        let mut read = Vec::with_capacity(bundles.len());
        for bundle in bundles {
            let entries = self.read(Position(bundle.first_position()), usize::from(bundle.width())).await?;
            read.push((*bundle, entries));
        }
        Ok(read)
    }
}

/// Leaves of consecutive entries, from a multiple of 256 on.
struct Group {
    from: Position,
    leaves: Vec<Hash>,
    /// Of the bundles that are to be written.
    entries: Vec<(EntryBundle, Vec<StoredEntry>)>,
}

impl Group {
    fn bundles(&self) -> Result<Vec<(EntryBundle, &[Hash])>, LogError> {
        (self.from.0 / WIDTH..)
            .zip(self.leaves.chunks(usize::from(TILE_WIDTH)))
            .map(|(index, leaves)| {
                Ok((EntryBundle::try_new(index, width(leaves)).map_err(|e| impossible(&e))?, leaves))
            })
            .collect()
    }

    fn leaves_of(&self, bundle: EntryBundle) -> &[Hash] {
        let from = usize::try_from(bundle.first_position() - self.from.0).expect("within the group");
        &self.leaves[from..from + usize::from(bundle.width())]
    }
}

/// What of each level is not yet a full tile.
#[derive(Default)]
struct Tree {
    levels: Vec<(u64, Vec<Hash>)>,
}

impl Tree {
    fn grow(&mut self, group: &Group, folder: &mut Folder) -> Result<(), LogError> {
        group.leaves.iter().try_for_each(|leaf| self.push(*leaf, folder))
    }

    fn push(&mut self, leaf: Hash, folder: &mut Folder) -> Result<(), LogError> {
        let mut hash = leaf;
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push((0, Vec::with_capacity(usize::from(TILE_WIDTH))));
            }
            let (index, hashes) = &mut self.levels[level];
            hashes.push(hash);
            if hashes.len() < usize::from(TILE_WIDTH) {
                return Ok(());
            }
            folder.put_tile(level, *index, hashes)?;
            hash = sogoc_proof::root(hashes);
            *index += 1;
            hashes.clear();
        }
        Ok(())
    }

    /// The partial tiles.
    fn finish(&self, folder: &mut Folder) -> Result<(), LogError> {
        for (level, (index, hashes)) in self.levels.iter().enumerate() {
            if !hashes.is_empty() {
                folder.put_tile(level, *index, hashes)?;
            }
        }
        Ok(())
    }
}

#[derive(Default)]
struct Counted {
    written: u64,
    kept: u64,
}

/// The folder that is written to. Everything in it blocks.
struct Folder {
    path: PathBuf,
    /// Released when it is dropped.
    _lock: fs::File,
    tiles: Counted,
    bundles: Counted,
    /// Folders with new names in them.
    touched: BTreeSet<PathBuf>,
    /// Full tiles and bundles, of which there may be partial ones.
    full: Vec<PathBuf>,
    partial_removed: u64,
}

impl Folder {
    fn open(path: &Path, log: &str, size: u64) -> Result<Self, LogError> {
        fs::create_dir_all(path).map_err(|error| failed(path, &error))?;
        let lock_path = path.join(LOCK);
        let lock = fs::File::create(&lock_path).map_err(|error| failed(&lock_path, &error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                return Err(refused(&lock_path, "another export works on this folder", "wait until it has ended"));
            }
            Err(fs::TryLockError::Error(error)) => return Err(failed(&lock_path, &error)),
        }
        let folder = Self {
            path: path.to_owned(),
            _lock: lock,
            tiles: Counted::default(),
            bundles: Counted::default(),
            touched: BTreeSet::new(),
            full: Vec::new(),
            partial_removed: 0,
        };
        folder.check_checkpoint(log, size)?;
        Ok(folder)
    }

    /// The folder must be this log's, and no further than what is exported: readers never see a log shrink.
    fn check_checkpoint(&self, log: &str, size: u64) -> Result<(), LogError> {
        let path = self.path.join(CHECKPOINT);
        let note = match read_at_most(&path, sogoc_proof::NOTE_BYTES_MAX as u64)? {
            None => return Ok(()),
            Some(bytes) => bytes,
        };
        let found = Note::parse(&note).ok().and_then(|note| Checkpoint::parse(note.text()).ok());
        match found {
            Some(found) if found.origin() == log && found.size() <= size => Ok(()),
            Some(found) if found.origin() == log => Err(refused(
                &path,
                &format!("the checkpoint has {} entries, exported were {size}", found.size()),
                "export up to a newer checkpoint; if the log has none, it was set back: restore a newer backup",
            )),
            Some(found) => Err(refused(&path, &format!("it is of log {:?}", found.origin()), ANOTHER_FOLDER)),
            None => Err(refused(&path, "it is no checkpoint", ANOTHER_FOLDER)),
        }
    }

    fn put_tile(&mut self, level: usize, index: u64, hashes: &[Hash]) -> Result<(), LogError> {
        let level = u8::try_from(level).expect("at most 8");
        let tile = Tile::try_new(level, index, width(hashes)).map_err(|error| impossible(&error))?;
        let bytes = tile.encode(hashes).map_err(|error| impossible(&error))?;
        let path = self.path.join(tile.path());
        match read_at_most(&path, bytes.len() as u64)? {
            Some(found) if found == bytes => self.tiles.kept += 1,
            Some(_) => return Err(differs(&path)),
            None => {
                self.write(&path, &bytes)?;
                self.tiles.written += 1;
            }
        }
        if tile.is_full() {
            self.full.push(path);
        }
        Ok(())
    }

    /// The bundles that are not there; those that are have the right entries.
    fn check_bundles(&mut self, group: &Group) -> Result<Vec<EntryBundle>, LogError> {
        let mut missing = Vec::new();
        for (bundle, leaves) in group.bundles()? {
            let path = self.path.join(bundle.path());
            let most = u64::from(bundle.width()) * (2 + crate::entry::ENTRY_BYTES_MAX as u64);
            match read_at_most(&path, most)? {
                None => missing.push(bundle),
                Some(bytes) => {
                    let entries = bundle.decode(&bytes).map_err(|_| differs(&path))?;
                    if !entries.iter().zip(leaves).all(|(entry, leaf)| leaf_hash(entry) == *leaf) {
                        return Err(differs(&path));
                    }
                    self.bundles.kept += 1;
                }
            }
            if bundle.is_full() {
                self.full.push(path);
            }
        }
        Ok(missing)
    }

    fn write_bundles(&mut self, group: &Group) -> Result<(), LogError> {
        for (bundle, entries) in &group.entries {
            for (entry, leaf) in entries.iter().zip(group.leaves_of(*bundle)) {
                let found = leaf_hash(entry.bytes.as_bytes());
                if found != *leaf {
                    let what = format!("the entry's bytes have leaf hash {found}, recorded was {leaf}");
                    return Err(LogError::corrupt(entry.position, what));
                }
            }
            let texts: Vec<&str> = entries.iter().map(|entry| entry.bytes.as_str()).collect();
            let first = Position(bundle.first_position());
            let bytes = bundle.encode(&texts).map_err(|error| LogError::corrupt(first, error.to_string()))?;
            self.write(&self.path.join(bundle.path()), &bytes)?;
            self.bundles.written += 1;
        }
        Ok(())
    }

    /// A file under its name is whole and on disk.
    fn write(&mut self, path: &Path, bytes: &[u8]) -> Result<(), LogError> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| failed(parent, &error))?;
            let below = parent.ancestors().take_while(|folder| folder.starts_with(&self.path));
            self.touched.extend(below.map(Path::to_owned));
        }
        let unfinished = self.path.join(UNFINISHED);
        let written = || -> std::io::Result<()> {
            let mut file = fs::File::create(&unfinished)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&unfinished, path)
        };
        written().map_err(|error| {
            let _ = fs::remove_file(&unfinished);
            failed(path, &error)
        })
    }

    fn finish(&mut self, note: &str) -> Result<(), LogError> {
        for folder in std::mem::take(&mut self.touched) {
            sync_folder(&folder)?;
        }
        // A crash before this line leaves tiles that no checkpoint speaks of, and the next export finds them.
        let path = self.path.join(CHECKPOINT);
        self.write(&path, note.as_bytes())?;
        sync_folder(&self.path)?;
        for mut path in std::mem::take(&mut self.full) {
            path.as_mut_os_string().push(".p");
            match fs::remove_dir_all(&path) {
                Ok(()) => self.partial_removed += 1,
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(failed(&path, &error)),
            }
        }
        Ok(())
    }
}

const ANOTHER_FOLDER: &str = "export into another folder";

/// The bytes of a file, none when there is no such file. A longer one is not what was written here.
fn read_at_most(path: &Path, bytes_max: u64) -> Result<Option<Vec<u8>>, LogError> {
    match fs::metadata(path) {
        Ok(found) if found.is_file() && found.len() <= bytes_max => {}
        Ok(_) => return Err(differs(path)),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(path, &error)),
    }
    fs::read(path).map(Some).map_err(|error| failed(path, &error))
}

/// New names are durable once their folder is.
fn sync_folder(path: &Path) -> Result<(), LogError> {
    #[cfg(unix)]
    fs::File::open(path).and_then(|folder| folder.sync_all()).map_err(|error| failed(path, &error))?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

fn width(hashes: &[Hash]) -> u16 {
    u16::try_from(hashes.len()).expect("at most a tile's width")
}

fn differs(path: &Path) -> LogError {
    let remedy = "find out who changed it or which log it is of, and export into an empty folder";
    refused(path, "the file is not what the log holds", remedy)
}

fn failed(path: &Path, error: &std::io::Error) -> LogError {
    refused(path, &error.to_string(), "make room or give the right to write, and export again: it goes on")
}

fn refused(path: &Path, what: &str, remedy: &str) -> LogError {
    LogError::Folder { path: path.display().to_string(), what: what.to_owned(), remedy: remedy.to_owned() }
}

/// Positions are below 2^53, far from where a tile could not be named.
fn impossible(error: &sogoc_proof::TileError) -> LogError {
    LogError::corrupt(None, error.to_string())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LogError> + Send + 'static,
) -> Result<T, LogError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(LogError::unavailable(format!("the export stopped: {error}"))))
}
