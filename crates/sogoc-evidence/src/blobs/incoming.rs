//! A file on its way in: hashed, encrypted if so configured, and durable in a temporary file before it gets its name.

use std::fs::File;
use std::pin::pin;

use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::task::JoinHandle;

use super::envelope::Sealer;
use super::key::EncryptionKey;
use super::{BlobError, CHUNK, blocking, joined};
use crate::Digest;

/// How much is written before the disk is set to work on it, while more comes in. One such is under way at a time.
const SYNC_BYTES: u64 = 32 * 1024 * 1024;

/// A file that is written before its name is known. `T` keeps the temporary file and removes it when dropped.
pub(super) struct Incoming<T> {
    file: File,
    kept: T,
    sealer: Sealer,
    hash: Sha256,
    size: u64,
}

/// A step that gives back what it was given, and the piece that it has written.
type Writing<T> = JoinHandle<Result<(T, Vec<u8>), BlobError>>;

/// A whole file that waits for its name.
pub(super) struct Received<T> {
    pub(super) file: File,
    pub(super) kept: T,
    pub(super) digest: Digest,
    /// Size of the file, not of what is stored.
    pub(super) size: u64,
}

impl<T: Send + 'static> Incoming<T> {
    pub(super) fn new(file: File, kept: T, key: Option<EncryptionKey>) -> Self {
        Self { file, kept, sealer: Sealer::new(key), hash: Sha256::new(), size: 0 }
    }

    /// Takes all of a reader in, and makes it durable where it is. Holds two pieces of it in memory: while one is hashed
    /// and written, the next is read. On any error, and when this future is dropped, the temporary file goes.
    pub(super) async fn receive(self, reader: impl AsyncRead, bytes_max: u64) -> Result<Received<T>, BlobError> {
        let mut reader = pin!(reader);
        let mut read: u64 = 0;
        let mut piece = Vec::with_capacity(CHUNK);
        let mut here = Some((self, Vec::with_capacity(CHUNK)));
        let mut away: Option<Writing<Self>> = None;
        let mut syncing: Option<JoinHandle<Result<(), BlobError>>> = None;
        let mut sync_at = SYNC_BYTES;
        loop {
            let filled = reader.as_mut().take(CHUNK as u64).read_to_end(&mut piece).await;
            read += piece.len() as u64;
            // What is being written comes back first, whatever was read: an error leaves nothing behind when it is returned.
            let (mut this, mut full) = match away.take() {
                Some(writing) => joined(writing.await)??,
                None => here.take().expect("it is here or away"),
            };
            filled.map_err(BlobError::Source)?;
            if read > bytes_max {
                return Err(BlobError::TooLarge { size: read, limit: bytes_max });
            }
            let ended = piece.len() < CHUNK;
            if ended || read >= sync_at {
                // Whoever hears of a failed sync is the only one: not to be lost, nor left to the last sync.
                if let Some(earlier) = syncing.take() {
                    joined(earlier.await)??;
                }
            }
            if read >= sync_at && !ended {
                sync_at = read + SYNC_BYTES;
                let file = this.file.try_clone().map_err(no_room)?;
                syncing = Some(tokio::task::spawn_blocking(move || file.sync_data().map_err(no_room)));
            }
            std::mem::swap(&mut piece, &mut full);
            if ended {
                return blocking(move || {
                    this.write(&full)?;
                    this.end()
                })
                .await;
            }
            piece.clear();
            away = Some(tokio::task::spawn_blocking(move || {
                this.write(&full)?;
                Ok((this, full))
            }));
        }
    }

    fn write(&mut self, piece: &[u8]) -> Result<(), BlobError> {
        self.hash.update(piece);
        self.size += piece.len() as u64;
        self.sealer.write(piece, &mut self.file).map_err(no_room)
    }

    fn end(mut self) -> Result<Received<T>, BlobError> {
        if self.size == 0 {
            return Err(BlobError::Empty);
        }
        self.sealer.end(&mut self.file).map_err(no_room)?;
        self.file.sync_all().map_err(no_room)?;
        Ok(Received { file: self.file, kept: self.kept, digest: Digest(self.hash.finalize().into()), size: self.size })
    }
}

fn no_room(error: std::io::Error) -> BlobError {
    BlobError::unavailable("write the incoming file (has the disk room?)".into(), error)
}
