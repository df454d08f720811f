//! The places that keep blobs, each fresh, with a look behind the scenes.

use std::path::{Path, PathBuf};

use futures_util::TryStreamExt as _;
use hyper_util::rt::{TokioExecutor, TokioIo};
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use sogoc_evidence::{Blobs, Digest, EncryptionKey, Listed, Listing, Location};
use tempfile::TempDir;

pub(crate) const LIMIT: u64 = 1 << 30;

/// A fresh place. Both kinds keep an object as a file of its name under `root`, so that tests can meddle with it.
pub(crate) struct Place {
    pub(crate) blobs: Blobs,
    pub(crate) location: Location,
    pub(crate) key: Option<EncryptionKey>,
    pub(crate) root: PathBuf,
    /// What a child process needs to find a bucket.
    pub(crate) variables: Vec<(String, String)>,
    pub(crate) is_folder: bool,
    _folder: TempDir,
}

pub(crate) fn key(seed: u8) -> EncryptionKey {
    EncryptionKey::parse(&format!("{seed:02x}").repeat(32)).unwrap()
}

impl Place {
    pub(crate) fn folder() -> Self {
        Self::folder_with(None)
    }

    pub(crate) fn encrypted_folder() -> Self {
        Self::folder_with(Some(key(7)))
    }

    fn folder_with(key: Option<EncryptionKey>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("blobs");
        let location = Location::parse(root.to_str().unwrap()).unwrap();
        let blobs = Blobs::open(&location, key.clone()).unwrap();
        Self { blobs, location, key, root, variables: Vec::new(), is_folder: true, _folder: folder }
    }

    pub(crate) async fn bucket() -> Self {
        Self::bucket_with(None).await
    }

    pub(crate) async fn encrypted_bucket() -> Self {
        Self::bucket_with(Some(key(7))).await
    }

    /// A real S3 server in this process, on loopback, until the test's runtime ends.
    async fn bucket_with(key: Option<EncryptionKey>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("evidence")).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let mut service = S3ServiceBuilder::new(s3s_fs::FileSystem::new(folder.path()).unwrap());
        service.set_auth(SimpleAuth::from_single("test", "test-secret"));
        let service = service.build();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let service = service.clone();
                tokio::spawn(async move {
                    let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                    let _ = server.serve_connection(TokioIo::new(connection), service).await;
                });
            }
        });
        let variables = [
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test-secret"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ENDPOINT_URL", &endpoint),
            ("AWS_ALLOW_HTTP", "true"),
        ];
        let variables: Vec<_> = variables.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        let location = Location::parse_with("s3://evidence/season/2022", variables.clone()).unwrap();
        let blobs = Blobs::open(&location, key.clone()).unwrap();
        let root = folder.path().join("evidence/season/2022");
        Self { blobs, location, key, root, variables, is_folder: false, _folder: folder }
    }

    /// The same place as another process would see it, with this key.
    pub(crate) fn with_key(&self, key: Option<EncryptionKey>) -> Blobs {
        Blobs::open(&self.location, key).unwrap()
    }

    /// Where a blob's bytes are.
    pub(crate) fn file(&self, digest: &Digest) -> PathBuf {
        let name = digest.to_string();
        self.root.join("sha256").join(&name[..2]).join(name)
    }

    /// Changes what is stored behind the back of the store.
    pub(crate) fn meddle(&self, digest: &Digest, change: impl FnOnce(&mut Vec<u8>)) {
        let file = self.file(digest);
        let mut bytes = std::fs::read(&file).unwrap();
        change(&mut bytes);
        std::fs::remove_file(&file).unwrap();
        std::fs::write(&file, bytes).unwrap();
    }

    /// Blobs and foreign names.
    pub(crate) async fn listed(&self) -> (Vec<Listed>, Vec<String>) {
        listed(&self.blobs).await
    }

    /// Nothing is on its way in, or was left there.
    pub(crate) fn assert_nothing_incoming(&self) {
        if self.is_folder {
            assert_eq!(names(&self.root.join("incoming")), Vec::<String>::new());
        }
    }
}

pub(crate) async fn listed(blobs: &Blobs) -> (Vec<Listed>, Vec<String>) {
    let (mut own, mut foreign) = (Vec::new(), Vec::new());
    for listing in blobs.list().try_collect::<Vec<_>>().await.unwrap() {
        match listing {
            Listing::Blob(listed) => own.push(listed),
            Listing::Foreign(path) => foreign.push(path),
        }
    }
    (own, foreign)
}

pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
