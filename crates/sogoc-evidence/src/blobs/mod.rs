//! Bytes under their SHA-256: written once, whole or not at all, and never handed out as something else.
//!
//! A blob stands in a folder as `sha256/ab/abcdef…`, in a bucket under the same name after the prefix. Without encryption it
//! is the file itself, so whoever has the folder checks all of it without this program:
//!
//! ```text
//! cd FOLDER/sha256 && for f in */*; do echo "$(basename "$f")  $f"; done | sha256sum --check --quiet
//! ```
//!
//! The one exception is a file that begins with the sixteen bytes by which encrypted blobs are known; `envelope.rs` says
//! how that is stored, and how encryption works. The digest is the file's in either case, so the name of an encrypted blob
//! tells somebody who already has the file that it is there.
//!
//! The folder is written by this program's own code and not through `object_store`, whose local store would write each
//! upload twice (it cannot name a file after what it is still hashing); the bucket goes through it. Both are held to the
//! same tests.
//!
//! **Architecture Invariant:** there is no way to change a blob, and one to remove it ([`Blobs::remove`]), which nothing in
//! this crate calls.

mod body;
mod bucket;
mod envelope;
mod folder;
mod incoming;
mod key;
mod location;

use std::io::{Seek as _, Write as _};
use std::sync::Arc;

use futures_util::stream::{BoxStream, StreamExt as _, unfold};
use time::OffsetDateTime;
use tokio::io::AsyncRead;

pub use self::body::Body;
use self::body::{Source, Unfolding};
use self::bucket::Bucket;
use self::folder::{Bare, Folder};
pub use self::key::{EncryptionKey, KeyError};
use self::location::Place;
pub use self::location::{Location, LocationError};
use crate::Digest;

/// How much is read, hashed and written at a time. An upload holds two of these, a reading two to three.
const CHUNK: usize = 256 * 1024;

/// A place for blobs. Cheap to clone.
#[derive(Clone)]
pub struct Blobs {
    store: Store,
    key: Option<EncryptionKey>,
    location: Arc<Location>,
}

#[derive(Clone)]
enum Store {
    Folder(Folder),
    Bucket(Bucket),
}

/// A file that is durably stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stored {
    /// Its name.
    pub digest: Digest,
    /// Its size in bytes, before encryption.
    pub size: u64,
    /// Whether it was there already, and was read whole and found right.
    pub existed: bool,
    /// Whether something else stood under its name, which was set aside under `altered/` and replaced. Somebody must look
    /// into that; it was also traced as an error.
    pub repaired: bool,
}

/// A blob as it is listed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Listed {
    /// Its name. That the bytes are right is what [`Blobs::check`] says.
    pub digest: Digest,
    /// Bytes as stored: for an encrypted blob more than the file has. [`Blobs::size`] says what the file has.
    pub size: u64,
    /// When it was stored, by the file system's or the service's clock.
    pub modified: OffsetDateTime,
}

/// One thing that is where blobs are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Listing {
    /// A blob.
    Blob(Listed),
    /// Something under a name that no blob has, by its path in the store: somebody else's, or a blob that was set aside
    /// under `altered/`. It is never touched.
    Foreign(String),
}

/// What became of a blob.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Condition {
    /// All its bytes are what its name says.
    Whole,
    /// There is none.
    Missing,
    /// What stands under its name is something else.
    Altered {
        /// In what way, in English.
        what: String,
    },
    /// It is encrypted, and not under the configured key.
    Undecipherable {
        /// Under which, in English.
        why: String,
    },
}

/// Why something could not be done with a blob.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// There is no blob of this digest.
    #[error("there is no blob {0} here: was it stored in another place, or is a backup to be restored?")]
    Missing(Digest),
    /// What stands under the name is something else.
    #[error("blob {digest} was altered: {what}. Restore it from a backup, or put the same file again")]
    Altered {
        /// Its name.
        digest: Digest,
        /// In what way.
        what: String,
    },
    /// It cannot be deciphered.
    #[error("blob {digest} cannot be read: {why}. Configure the key that it was stored with")]
    Undecipherable {
        /// Its name.
        digest: Digest,
        /// Why not.
        why: String,
    },
    /// The file is larger than what is taken or read.
    #[error("the file has {size} bytes or more, at most {limit} are taken: make it smaller, or have the limit raised")]
    TooLarge {
        /// How much was seen of it, in bytes.
        size: u64,
        /// The limit, in bytes.
        limit: u64,
    },
    /// The file has no bytes.
    #[error("the file is empty: choose the right one")]
    Empty,
    /// What was to be stored could not be read to its end.
    #[error("the file could not be read to its end: send it again")]
    Source(#[source] std::io::Error),
    /// The store failed.
    #[error("could not {doing}")]
    Unavailable {
        /// What was tried.
        doing: String,
        /// What the file system or the service says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl BlobError {
    fn unavailable(doing: String, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable { doing, source: source.into() }
    }
}

impl Blobs {
    /// Opens a place for blobs. A folder is made if the one above it is there, and files that a crashed upload left in it
    /// over a day ago are removed; a bucket is not asked for anything yet.
    ///
    /// With a key, what is stored from now on is encrypted; what was stored without one is read all the same. It blocks
    /// for as long as a few file operations take.
    ///
    /// # Errors
    /// [`BlobError::Unavailable`] with what to set right.
    pub fn open(location: &Location, key: Option<EncryptionKey>) -> Result<Self, BlobError> {
        let store = match &location.0 {
            Place::Folder(path) => Store::Folder(Folder::open(path)?),
            Place::Bucket { name, prefix, settings } => {
                Store::Bucket(Bucket::open(name, prefix, settings, location.to_string())?)
            }
        };
        Ok(Self { store, key, location: Arc::new(location.clone()) })
    }

    /// Where they are.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// Stores all that a reader has, up to `bytes_max` bytes of it, and says under which digest.
    ///
    /// When it returns, the bytes are durable under their name: the entry that names them may be appended. A crash before
    /// that leaves either the whole file under its name, or nothing there. The same bytes are stored once: what stands
    /// under the name already is read whole before it is relied on. Where the future is dropped, nothing is stored.
    ///
    /// Memory is bounded whatever the size; time is that of hashing and writing, plus reading where it existed.
    ///
    /// # Errors
    /// [`BlobError::TooLarge`], [`BlobError::Empty`], [`BlobError::Source`] if the reader fails: nothing is left behind.
    /// [`BlobError::Undecipherable`] if the same file is there under another key. [`BlobError::Unavailable`] if the store
    /// fails: it may be there or not, and is to be put again.
    pub async fn put(&self, reader: impl AsyncRead + Send, bytes_max: u64) -> Result<Stored, BlobError> {
        let key = self.key.clone();
        match &self.store {
            Store::Folder(folder) => {
                let (folder, new) = (folder.clone(), folder.clone());
                let incoming = blocking({
                    let key = key.clone();
                    move || new.incoming(key)
                });
                let received = incoming.await?.receive(reader, bytes_max).await?;
                blocking(move || folder.keep(received, key)).await
            }
            Store::Bucket(bucket) => {
                let received = bucket.incoming(key.clone())?.receive(reader, bytes_max).await?;
                bucket.keep(received, key).await
            }
        }
    }

    /// A blob to read piece by piece.
    ///
    /// # Errors
    /// [`BlobError::Missing`], [`BlobError::Unavailable`]; that it was altered shows while it is read.
    pub async fn get(&self, digest: &Digest) -> Result<Body, BlobError> {
        let (digest, key) = (*digest, self.key.clone());
        match &self.store {
            Store::Folder(folder) => {
                let folder = folder.clone();
                let file = blocking(move || folder.open_blob(&digest)).await?;
                Ok(Body::new(Source::File(Some(file)), digest, key))
            }
            Store::Bucket(bucket) => bucket.body(&digest, key).await,
        }
    }

    /// A whole blob in memory, verified.
    ///
    /// # Errors
    /// [`BlobError::TooLarge`] where it has more than `bytes_max` bytes, and all errors of reading.
    pub async fn read(&self, digest: &Digest, bytes_max: u64) -> Result<Vec<u8>, BlobError> {
        let mut body = self.get(digest).await?;
        let mut all = Vec::new();
        while let Some(piece) = body.next().await? {
            let size = (all.len() + piece.len()) as u64;
            if size > bytes_max {
                return Err(BlobError::TooLarge { size, limit: bytes_max });
            }
            all.extend_from_slice(&piece);
        }
        Ok(all)
    }

    /// A whole blob as a file to seek in, verified before it is handed out: for what reads here and there in it, as
    /// [`kind_of`](crate::kind_of) does.
    ///
    /// A bare blob in a folder is that file itself, opened for reading; any other is copied into a temporary file without
    /// a name, in clear, which is gone when it is closed.
    ///
    /// # Errors
    /// All errors of reading.
    pub async fn file(&self, digest: &Digest) -> Result<std::fs::File, BlobError> {
        let failed = |e| BlobError::unavailable("write a temporary file (has the disk room?)".into(), e);
        let new = match &self.store {
            Store::Folder(folder) => {
                let (folder, digest) = (folder.clone(), *digest);
                match blocking(move || folder.bare_or_new(&digest)).await? {
                    Bare::Is(file) => return Ok(file),
                    Bare::IsNot(new) => new,
                }
            }
            Store::Bucket(_) => tempfile::tempfile().map_err(failed)?,
        };
        let mut body = self.get(digest).await?;
        while let Some(piece) = body.next().await? {
            let file = new.try_clone().map_err(failed)?;
            blocking(move || (&file).write_all(&piece).map_err(failed)).await?;
        }
        (&new).rewind().map_err(failed)?;
        Ok(new)
    }

    /// How many bytes a file has, or none where there is no such blob. It goes by the length of what is stored, and
    /// verifies nothing.
    ///
    /// # Errors
    /// [`BlobError::Altered`] and [`BlobError::Undecipherable`] where its first bytes show it, [`BlobError::Unavailable`].
    pub async fn size(&self, digest: &Digest) -> Result<Option<u64>, BlobError> {
        match &self.store {
            Store::Folder(folder) => {
                let (folder, digest) = (folder.clone(), *digest);
                blocking(move || folder.size(&digest)).await
            }
            Store::Bucket(bucket) => bucket.size(digest).await,
        }
    }

    /// All that is there, blobs in the order of their digests. It ends after its first error.
    pub fn list(&self) -> BoxStream<'static, Result<Listing, BlobError>> {
        match &self.store {
            Store::Folder(folder) => {
                let folder = folder.clone();
                let (sender, receiver) = tokio::sync::mpsc::channel(64);
                tokio::task::spawn_blocking(move || {
                    if let Err(error) = folder.list(|listing| sender.blocking_send(Ok(listing)).is_ok()) {
                        // If nobody listens any more, nobody misses it.
                        let _ = sender.blocking_send(Err(BlobError::unavailable("list the blobs".into(), error)));
                    }
                });
                unfold(receiver, |mut receiver| async move { receiver.recv().await.map(|listing| (listing, receiver)) })
                    .boxed()
            }
            Store::Bucket(bucket) => bucket.list(),
        }
    }

    /// Reads a whole blob and says what became of it.
    ///
    /// # Errors
    /// [`BlobError::Unavailable`] where the store fails, which says nothing about the blob.
    pub async fn check(&self, digest: &Digest) -> Result<Condition, BlobError> {
        let read = async {
            let Store::Folder(folder) = &self.store else {
                let mut body = self.get(digest).await?;
                while body.next().await?.is_some() {}
                return Ok(());
            };
            let (folder, digest, key) = (folder.clone(), *digest, self.key.clone());
            blocking(move || Unfolding::new(digest, key).check(&folder.open_blob(&digest)?)).await
        };
        match read.await {
            Ok(()) => Ok(Condition::Whole),
            Err(BlobError::Missing(_)) => Ok(Condition::Missing),
            Err(BlobError::Altered { what, .. }) => Ok(Condition::Altered { what }),
            Err(BlobError::Undecipherable { why, .. }) => Ok(Condition::Undecipherable { why }),
            Err(other) => Err(other),
        }
    }

    /// Removes a blob, durably, with what was set aside under its digest. One that is not there is removed already.
    ///
    /// Only for an erasure that is recorded, after its entry: nothing else may make an entry's evidence disappear. Where
    /// the same file is put again at the same time, either may win; `fsck` shows it.
    ///
    /// # Errors
    /// [`BlobError::Unavailable`]: remove it again.
    pub async fn remove(&self, digest: &Digest) -> Result<(), BlobError> {
        match &self.store {
            Store::Folder(folder) => {
                let (folder, digest) = (folder.clone(), *digest);
                blocking(move || folder.remove(&digest)).await
            }
            Store::Bucket(bucket) => bucket.remove(digest).await,
        }
    }
}

impl std::fmt::Debug for Blobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Blobs").field("location", &self.location).field("key", &self.key).finish()
    }
}

/// Runs what blocks where blocking is allowed.
async fn blocking<T: Send + 'static>(
    step: impl FnOnce() -> Result<T, BlobError> + Send + 'static,
) -> Result<T, BlobError> {
    joined(tokio::task::spawn_blocking(step).await)?
}

fn joined<T>(result: Result<T, tokio::task::JoinError>) -> Result<T, BlobError> {
    result.map_err(|error| match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(cancelled) => BlobError::unavailable("finish: the program is ending".into(), cancelled),
    })
}

/// Somebody must act: bytes that were recorded had been altered.
fn say_repaired(digest: &Digest, what: &str) {
    tracing::error!(
        blob.digest = %digest,
        blob.fault = what,
        "a stored blob was altered: it was set aside under altered/, and the right bytes that just came take its place"
    );
}

/// A name that nothing else has.
fn random_name() -> Result<String, BlobError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|e| BlobError::unavailable("get random bytes from the system".into(), e))?;
    Ok(hex::encode(bytes))
}
