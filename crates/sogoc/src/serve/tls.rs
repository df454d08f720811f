//! The service's certificate, which may be renewed while it runs.
//!
//! Certificate and key are read again when either file has changed, and taken only if they fit together: a half-written
//! file changes nothing, and is said.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::listening::Stop;

/// How often the files are looked at.
const LOOK_SECONDS: u64 = 10;

/// A certificate with its key. Clones share what is current.
#[derive(Clone)]
pub(crate) struct Certificate {
    files: Arc<Files>,
    current: Arc<RwLock<TlsAcceptor>>,
}

#[derive(Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

/// When either file was changed last, as the file system says.
type Changed = [Option<SystemTime>; 2];

impl Certificate {
    /// Reads certificate chain and key, both PEM.
    ///
    /// # Errors
    /// What is wrong with which file.
    pub(crate) fn read(certificate: &Path, key: &Path) -> Result<Self, String> {
        let files = Files { certificate: certificate.to_owned(), key: key.to_owned() };
        let current = Arc::new(RwLock::new(files.acceptor()?));
        Ok(Self { files: Arc::new(files), current })
    }

    /// What shakes hands now.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the files again whenever they change, until it is time to stop.
    pub(crate) async fn renew(self, mut stop: Stop) {
        let mut seen = self.files.changed();
        loop {
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(LOOK_SECONDS)) => {}
                () = stop.asked() => return,
            }
            let changed = self.files.changed();
            if changed == seen {
                continue;
            }
            match self.files.acceptor() {
                Ok(acceptor) => {
                    *self.current.write().unwrap_or_else(PoisonError::into_inner) = acceptor;
                    seen = changed;
                    tracing::info!("the certificate was read again");
                }
                Err(why) => tracing::error!(why, "the new certificate cannot be used; the one before it stays"),
            }
        }
    }
}

impl Files {
    fn changed(&self) -> Changed {
        let changed = |path: &Path| std::fs::metadata(path).and_then(|data| data.modified()).ok();
        [changed(&self.certificate), changed(&self.key)]
    }

    fn acceptor(&self) -> Result<TlsAcceptor, String> {
        let told = |path: &Path, why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect)
            .map_err(|why| told(&self.certificate, &why))?;
        if chain.is_empty() {
            return Err(told(&self.certificate, &"it holds no certificate"));
        }
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|why| told(&self.key, &why))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|why| why.to_string())?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|why| told(&self.certificate, &why))?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}
