//! Blobs in a bucket of an S3 service, under the names that they have in a folder.
//!
//! An object appears whole or not at all: that is the service's promise, for one request as for many parts. What is on its
//! way in waits in a temporary file without a name in the system's folder for such (`TMPDIR`; not one in memory, if
//! uploads are large), which no crash leaves behind. What a crash does leave is the parts of an unfinished upload, which
//! no listing shows and only the bucket's own rule removes (`AbortIncompleteMultipartUpload`). In a bucket with versions,
//! removing a blob hides it: the versions are the operator's to remove.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt as _, TryStreamExt as _};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path;
use object_store::{
    ClientOptions, Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt as _, PutPayload, RetryConfig,
};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::body::{Body, Source, faulty};
use super::envelope::{self, PREFIX};
use super::incoming::{Incoming, Received};
use super::key::EncryptionKey;
use super::{BlobError, Listed, Listing, Stored, blocking, random_name, say_repaired};
use crate::Digest;

const BLOBS: &str = "sha256";
const ALTERED: &str = "altered";
/// Up to this an object is sent in one request. It is also the least size that the protocol allows a part, and the least
/// memory.
const PART_BYTES: u64 = 5 * 1024 * 1024;
/// The protocol allows 10,000.
const PARTS_MAX: u64 = 9_000;

#[derive(Clone)]
pub(super) struct Bucket {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    shown: String,
}

impl Bucket {
    pub(super) fn open(
        name: &str,
        prefix: &Path,
        settings: &[(AmazonS3ConfigKey, Zeroizing<String>)],
        shown: String,
    ) -> Result<Self, BlobError> {
        // A client is not made without one. Where the program installed its own before, that one stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // A whole request may take as long as the bytes do; silence may not.
        let client = ClientOptions::new()
            .with_timeout_disabled()
            .with_connect_timeout(Duration::from_secs(10))
            .with_read_timeout(Duration::from_mins(1));
        let retry = RetryConfig { max_retries: 4, retry_timeout: Duration::from_secs(30), ..RetryConfig::default() };
        let mut builder = AmazonS3Builder::new().with_client_options(client).with_retry(retry).with_bucket_name(name);
        for (key, value) in settings {
            builder = builder.with_config(*key, value.as_str());
        }
        let store = builder
            .build()
            .map_err(|e| BlobError::unavailable(format!("use {shown} (check the AWS_ variables)"), e))?;
        Ok(Self { store: Arc::new(store), prefix: prefix.clone(), shown })
    }

    fn under(&self, parts: &[&str]) -> Path {
        parts.iter().fold(self.prefix.clone(), |path, part| path.join(*part))
    }

    fn path(&self, digest: &Digest) -> Path {
        let name = digest.to_string();
        self.under(&[BLOBS, &name[..2], &name])
    }

    fn failed(&self, doing: &str, digest: &Digest, error: Error) -> BlobError {
        if matches!(error, Error::NotFound { .. }) {
            return BlobError::Missing(*digest);
        }
        BlobError::unavailable(format!("{doing} blob {digest} in {}", self.shown), error)
    }

    #[expect(clippy::unused_self, reason = "as a folder's")]
    pub(super) fn incoming(&self, key: Option<EncryptionKey>) -> Result<Incoming<()>, BlobError> {
        let file =
            tempfile::tempfile().map_err(|e| BlobError::unavailable("make a temporary file (set TMPDIR)".into(), e))?;
        Ok(Incoming::new(file, (), key))
    }

    /// Gives a received file its name.
    pub(super) async fn keep(&self, received: Received<()>, key: Option<EncryptionKey>) -> Result<Stored, BlobError> {
        let Received { digest, size, file, .. } = received;
        let path = self.path(&digest);
        let mut stored = Stored { digest, size, existed: false, repaired: false };
        match self.check(&digest, key.clone()).await {
            Ok(()) => stored.existed = true,
            Err(BlobError::Missing(_)) => {}
            Err(BlobError::Altered { what, .. }) => {
                let aside = self.under(&[ALTERED, &format!("{digest}.{}", random_name()?)]);
                self.store.copy(&path, &aside).await.map_err(|e| self.failed("set aside", &digest, e))?;
                say_repaired(&digest, &what);
                stored.repaired = true;
            }
            Err(other) => return Err(other),
        }
        if stored.existed {
            return Ok(stored);
        }
        let (mut file, length) = blocking(move || {
            let rewound = (&file).seek(SeekFrom::Start(0)).and_then(|_| file.metadata());
            let length = rewound.map_err(|e| BlobError::unavailable("read the incoming file".into(), e))?.len();
            Ok((file, length))
        })
        .await?;
        if length <= PART_BYTES {
            let (_, bytes) = Part::default().fill(file, PART_BYTES).await?;
            // Not on the condition that nothing is there: who was faster stored the same file, and a condition makes a
            // refusal of every lost answer, for the request could not be sent again.
            self.store.put(&path, PutPayload::from(bytes)).await.map_err(|e| self.failed("store", &digest, e))?;
            return Ok(stored);
        }
        let part = PART_BYTES.max(length.div_ceil(PARTS_MAX));
        let mut upload = self.store.put_multipart(&path).await.map_err(|e| self.failed("store", &digest, e))?;
        let sent = async {
            let mut buffer = Part::default();
            loop {
                let (back, bytes) = buffer.fill(file, part).await?;
                file = back;
                if bytes.is_empty() {
                    break;
                }
                upload.put_part(bytes.into()).await.map_err(|e| self.failed("store", &digest, e))?;
            }
            upload.complete().await.map_err(|e| self.failed("store", &digest, e))
        };
        let sent = sent.await;
        if sent.is_err() {
            // As far as the service can still be reached; otherwise its own rule removes the parts.
            let _ = upload.abort().await;
        }
        sent.map(|_| stored)
    }

    pub(super) async fn body(&self, digest: &Digest, key: Option<EncryptionKey>) -> Result<Body, BlobError> {
        let got = self.store.get(&self.path(digest)).await.map_err(|e| self.failed("read", digest, e))?;
        let source = Source::Stream { what: format!("blob {digest} in {}", self.shown), stream: got.into_stream() };
        Ok(Body::new(source, *digest, key))
    }

    async fn check(&self, digest: &Digest, key: Option<EncryptionKey>) -> Result<(), BlobError> {
        let mut body = self.body(digest, key).await?;
        while body.next().await?.is_some() {}
        Ok(())
    }

    pub(super) async fn size(&self, digest: &Digest) -> Result<Option<u64>, BlobError> {
        let range = Some(GetRange::Bounded(0..PREFIX as u64));
        let got = self.store.get_opts(&self.path(digest), GetOptions { range, ..GetOptions::default() }).await;
        let got = match got {
            Err(Error::NotFound { .. }) => return Ok(None),
            other => other.map_err(|e| self.failed("read", digest, e))?,
        };
        let stored = got.meta.size;
        let beginning = got.bytes().await.map_err(|e| self.failed("read", digest, e))?;
        envelope::size_of(&beginning, stored).map(Some).map_err(|fault| faulty(*digest, fault))
    }

    pub(super) async fn remove(&self, digest: &Digest) -> Result<(), BlobError> {
        let failed = |e| self.failed("remove", digest, e);
        let altered = self.under(&[ALTERED]);
        let mut all = vec![self.path(digest)];
        let mut aside = self.store.list(Some(&altered));
        while let Some(object) = aside.try_next().await.map_err(failed)? {
            if object.location.filename().is_some_and(|name| name.starts_with(&digest.to_string())) {
                all.push(object.location);
            }
        }
        for path in all {
            match self.store.delete(&path).await {
                Ok(()) | Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(())
    }

    pub(super) fn list(&self) -> BoxStream<'static, Result<Listing, BlobError>> {
        let (shown, prefix) = (self.shown.clone(), self.prefix.clone());
        let blobs = self.under(&[BLOBS]);
        let whole = (!prefix.as_ref().is_empty()).then_some(&prefix);
        self.store
            .list(whole)
            .map(move |object| {
                let object = object.map_err(|e| BlobError::unavailable(format!("list {shown}"), e))?;
                let name = object.location.filename().unwrap_or_default();
                let digest = name.parse().ok().filter(|_| object.location == blobs.clone().join(&name[..2]).join(name));
                let seconds = object.last_modified.timestamp();
                Ok(match (digest, OffsetDateTime::from_unix_timestamp(seconds)) {
                    (Some(digest), Ok(modified)) => Listing::Blob(Listed { digest, size: object.size, modified }),
                    _ => {
                        let within = object.location.prefix_match(&prefix).map(|parts| parts.collect::<Path>());
                        Listing::Foreign(within.unwrap_or(object.location).to_string())
                    }
                })
            })
            .boxed()
    }
}

/// One buffer for all parts of an upload, lent out as [`Bytes`] and taken back. A new one for each would be the
/// allocator's to keep, once for each thread that had one.
#[derive(Default)]
struct Part(Arc<Vec<u8>>);

impl Part {
    /// Reads the next part of a file; empty at its end.
    async fn fill(&mut self, file: File, size: u64) -> Result<(File, Bytes), BlobError> {
        // Not to be had back if a request that failed still holds it.
        let mut buffer = Arc::try_unwrap(std::mem::take(&mut self.0)).unwrap_or_default();
        let (file, buffer) = blocking(move || {
            let failed = |e| BlobError::unavailable("read the incoming file".into(), e);
            let left = file.metadata().map_err(failed)?.len() - (&file).stream_position().map_err(failed)?;
            buffer.resize(usize::try_from(left.min(size)).map_err(|e| failed(io::Error::other(e)))?, 0);
            (&file).read_exact(&mut buffer).map_err(failed)?;
            Ok((file, Arc::new(buffer)))
        })
        .await?;
        self.0 = Arc::clone(&buffer);
        Ok((file, Bytes::from_owner(Lent(buffer))))
    }
}

struct Lent(Arc<Vec<u8>>);

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}
