//! A blob while it is read: deciphered, hashed, and held to its name.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read as _};

use bytes::Bytes;
use futures_util::stream::{BoxStream, Stream, StreamExt as _, TryStreamExt as _, try_unfold};
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncRead;
use tokio_util::io::StreamReader;

use super::envelope::{Fault, Opener};
use super::key::EncryptionKey;
use super::{BlobError, CHUNK, blocking};
use crate::Digest;

/// A file as it comes out of the store.
///
/// Of its bytes all but the last piece are handed out as they come; the last piece only once the hash of the whole was
/// compared with the digest. So whoever has read to the end has the file, and whoever was refused the end has to throw
/// away what came before.
pub struct Body {
    source: Source,
    /// Away while a blocking step has it; not there any more after an error.
    unfolding: Option<Unfolding>,
    ready: VecDeque<Bytes>,
    verified: bool,
}

/// Where stored bytes come from.
pub(super) enum Source {
    File(Option<File>),
    Stream { what: String, stream: BoxStream<'static, object_store::Result<Bytes>> },
}

/// The way from stored bytes to a file that is the one it is named after.
pub(super) struct Unfolding {
    digest: Digest,
    opener: Opener,
    hash: Sha256,
}

impl Unfolding {
    pub(super) fn new(digest: Digest, key: Option<EncryptionKey>) -> Self {
        Self { digest, opener: Opener::new(key), hash: Sha256::new() }
    }

    pub(super) fn push(&mut self, stored: Vec<u8>) -> Result<Bytes, BlobError> {
        let plain = self.opener.push(stored).map_err(|fault| faulty(self.digest, fault))?;
        self.hash.update(&plain);
        Ok(plain.into())
    }

    /// The rest, and only if the whole is what its name says.
    pub(super) fn end(&mut self) -> Result<Bytes, BlobError> {
        let plain = self.opener.end().map_err(|fault| faulty(self.digest, fault))?;
        self.hash.update(&plain);
        let found = Digest(std::mem::take(&mut self.hash).finalize().into());
        if found != self.digest {
            let what = format!("its bytes have the SHA-256 {found}");
            return Err(BlobError::Altered { digest: self.digest, what });
        }
        Ok(plain.into())
    }

    /// All of a file at once, without keeping it.
    pub(super) fn check(mut self, mut file: &File) -> Result<(), BlobError> {
        loop {
            let stored =
                read_some(&mut file).map_err(|e| BlobError::unavailable(format!("read blob {}", self.digest), e))?;
            if stored.is_empty() {
                return self.end().map(|_| ());
            }
            self.push(stored)?;
        }
    }
}

pub(super) fn faulty(digest: Digest, fault: Fault) -> BlobError {
    match fault {
        Fault::Altered(what) => BlobError::Altered { digest, what },
        Fault::Undecipherable(why) => BlobError::Undecipherable { digest, why },
    }
}

/// Up to [`CHUNK`] bytes; none at the end.
fn read_some(file: &mut &File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(CHUNK);
    file.take(CHUNK as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

impl Body {
    pub(super) fn new(source: Source, digest: Digest, key: Option<EncryptionKey>) -> Self {
        Self { source, unfolding: Some(Unfolding::new(digest, key)), ready: VecDeque::new(), verified: false }
    }

    /// The next piece, or none at the end of a file that was verified.
    ///
    /// # Errors
    /// [`BlobError::Altered`] where the bytes are not those of the name, [`BlobError::Undecipherable`] without the right
    /// key, [`BlobError::Unavailable`] where the store fails. After an error there is nothing more, and asking again is
    /// [`BlobError::Unavailable`].
    pub async fn next(&mut self) -> Result<Option<Bytes>, BlobError> {
        loop {
            // One piece is held back until the next is there: it may be the last.
            if self.verified || self.ready.len() > 1 {
                return Ok(self.ready.pop_front());
            }
            let Some(mut unfolding) = self.unfolding.take() else {
                return Err(BlobError::unavailable("go on reading".into(), "this blob's reading failed before"));
            };
            let digest = unfolding.digest;
            let stored = match &mut self.source {
                Source::File(file) => {
                    let file_there = file.take();
                    let (read, unfolded) = blocking(move || {
                        let file = file_there.expect("a reading step gives the file back");
                        let stored = read_some(&mut &file)
                            .map_err(|e| BlobError::unavailable(format!("read blob {digest}"), e))?;
                        let ended = stored.is_empty();
                        let piece = if ended { unfolding.end()? } else { unfolding.push(stored)? };
                        Ok(((!ended).then_some(file), (unfolding, piece)))
                    })
                    .await?;
                    let ended = read.is_none();
                    *file = read;
                    self.take_in(unfolded, ended);
                    continue;
                }
                Source::Stream { what, stream } => match stream.next().await {
                    None => None,
                    Some(Ok(bytes)) => Some(Vec::from(bytes)),
                    Some(Err(e)) => return Err(BlobError::unavailable(format!("read {what}"), e)),
                },
            };
            let ended = stored.is_none();
            let unfolded = blocking(move || {
                let piece = match stored {
                    Some(stored) => unfolding.push(stored)?,
                    None => unfolding.end()?,
                };
                Ok((unfolding, piece))
            });
            let unfolded = unfolded.await?;
            self.take_in(unfolded, ended);
        }
    }

    fn take_in(&mut self, (unfolding, piece): (Unfolding, Bytes), ended: bool) {
        self.unfolding = Some(unfolding);
        self.verified = ended;
        if !piece.is_empty() {
            self.ready.push_back(piece);
        }
    }

    /// The pieces as a stream, for an HTTP answer. It ends after its first error.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes, BlobError>> + Send + 'static {
        try_unfold(self, |mut body| async move { Ok(body.next().await?.map(|piece| (piece, body))) })
    }

    /// The pieces as a reader. Its errors are [`BlobError`]s inside [`io::Error`]s.
    pub fn into_reader(self) -> impl AsyncRead + Send + Unpin + 'static {
        StreamReader::new(Box::pin(self.into_stream().map_err(io::Error::other)))
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Body").field("verified", &self.verified).finish_non_exhaustive()
    }
}
