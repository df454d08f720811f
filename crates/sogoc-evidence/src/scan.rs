//! Asking clamd whether a file is known to be malicious.
//!
//! The file is streamed to it (`INSTREAM`) and kept nowhere. What clamd says is worth as much as its signatures, so its
//! version and theirs are a part of the answer. A file that was not scanned, for want of a scanner or for an error, is
//! recorded as not scanned and never as clean.
//!
//! clamd calls clean what exceeds its own `MaxFileSize` and `MaxScanSize`, unless it is configured with `AlertExceedsMax
//! yes`: which it should be. The limit here is that of its defaults.

use std::fmt;
use std::io;
#[cfg(unix)]
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::time::timeout;

const PIECE: usize = 64 * 1024;
/// An answer is a line.
const ANSWER_BYTES_MAX: u64 = 4096;

/// A clamd, and how long to wait for it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Scanner {
    address: Address,
    bytes_max: u64,
    silence_max: Duration,
    answer_max: Duration,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Address {
    #[cfg(unix)]
    Unix(PathBuf),
    Tcp(String),
}

/// What a scanner said of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Scan {
    /// It knows nothing against it.
    Clean {
        /// Version of the scanner and of its signatures, as it names them.
        engine: String,
    },
    /// It knows it as malicious.
    Infected {
        /// As what.
        name: String,
        /// Version of the scanner and of its signatures, as it names them.
        engine: String,
    },
}

/// Why there is no answer. The file counts as not scanned.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// A text that names no scanner.
    #[error("{0:?} is no scanner: give unix:/path/of/clamd.ctl or tcp:host:port")]
    NotAScanner(String),
    /// It cannot be reached, or the connection broke.
    #[error("the virus scanner at {at} cannot be reached: is clamd running, and may this user connect?")]
    Unreachable {
        /// Where.
        at: String,
        /// What the system says.
        source: io::Error,
    },
    /// It was silent for too long.
    #[error("the virus scanner at {at} said nothing for {seconds} s: it may be overloaded; scan again later")]
    Silent {
        /// Where.
        at: String,
        /// How long was waited.
        seconds: u64,
    },
    /// The file is larger than what is scanned here, or by clamd.
    #[error(
        "the file is larger than what is scanned ({limit}): raise the limit here and clamd's StreamMaxLength, MaxFileSize and MaxScanSize"
    )]
    TooLarge {
        /// The limit that was met, in English.
        limit: String,
    },
    /// It answered with an error, or with what is no answer.
    #[error("the virus scanner at {at} answered {answer:?}: look into its log")]
    NoAnswer {
        /// Where.
        at: String,
        /// What it said, shortened.
        answer: String,
    },
    /// The file could not be read to its end.
    #[error("the file could not be read to its end for scanning")]
    Source(#[source] io::Error),
}

trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

impl Scanner {
    /// Reads `unix:/run/clamav/clamd.ctl` or `tcp:127.0.0.1:3310`. clamd's protocol has neither encryption nor sign-in:
    /// over TCP, only to this machine or through a tunnel.
    ///
    /// Files of up to 100 MiB are scanned, as clamd does by default; it may be silent for 30 s while it takes a file in, and
    /// for 180 s before it answers.
    ///
    /// # Errors
    /// [`ScanError::NotAScanner`].
    pub fn parse(text: &str) -> Result<Self, ScanError> {
        let refused = || ScanError::NotAScanner(text.chars().take(200).collect());
        let address = match text.split_once(':').ok_or_else(refused)? {
            #[cfg(unix)]
            ("unix", path) if path.starts_with('/') => Address::Unix(PathBuf::from(path)),
            ("tcp", address) => {
                let (host, port) = address.rsplit_once(':').ok_or_else(refused)?;
                let port: u16 = port.parse().map_err(|_| refused())?;
                if host.is_empty() || port == 0 {
                    return Err(refused());
                }
                Address::Tcp(address.to_owned())
            }
            _ => return Err(refused()),
        };
        Ok(Self {
            address,
            bytes_max: 100 * 1024 * 1024,
            silence_max: Duration::from_secs(30),
            answer_max: Duration::from_secs(180),
        })
    }

    /// Scans files of up to so many bytes.
    #[must_use]
    pub fn with_bytes_max(self, bytes_max: u64) -> Self {
        Self { bytes_max, ..self }
    }

    /// Waits so long for each step of taking a file in, and so long for the answer.
    #[must_use]
    pub fn with_patience(self, silence_max: Duration, answer_max: Duration) -> Self {
        Self { silence_max, answer_max, ..self }
    }

    /// Has all that a reader has scanned. Holds 64 KiB of it at a time.
    ///
    /// # Errors
    /// [`ScanError`]; the file is then not scanned.
    pub async fn scan(&self, reader: impl AsyncRead + Send) -> Result<Scan, ScanError> {
        let engine = self.version().await?;
        let mut reader = pin!(reader);
        let mut clamd = self.connect().await?;
        let mut sent_all = self.send(&mut clamd, b"zINSTREAM\0").await?;
        let mut piece = Vec::with_capacity(4 + PIECE);
        let mut size: u64 = 0;
        // A clamd that will take no more hangs up, and may have said why.
        while sent_all {
            piece.clear();
            piece.extend_from_slice(&[0; 4]);
            let read = reader.as_mut().take(PIECE as u64).read_to_end(&mut piece).await.map_err(ScanError::Source)?;
            size += read as u64;
            if size > self.bytes_max {
                return Err(ScanError::TooLarge { limit: format!("{} bytes", self.bytes_max) });
            }
            let length = u32::try_from(read).expect("a piece is 64 KiB");
            piece[..4].copy_from_slice(&length.to_be_bytes());
            sent_all = self.send(&mut clamd, &piece).await?;
            if read == 0 {
                break;
            }
        }
        let answer = self.answer(&mut clamd, self.answer_max).await?;
        let said = answer.strip_prefix("stream: ").unwrap_or(&answer);
        match said.strip_suffix(" FOUND") {
            Some(name) if !name.is_empty() => Ok(Scan::Infected { name: name.to_owned(), engine }),
            None if said == "OK" && sent_all => Ok(Scan::Clean { engine }),
            None if said.starts_with("INSTREAM size limit exceeded") => {
                Err(ScanError::TooLarge { limit: "clamd's StreamMaxLength".to_owned() })
            }
            _ => Err(self.no_answer(&answer)),
        }
    }

    /// Version of clamd and of its signatures, as it names them: `ClamAV 1.4.3/27000/…`. Also tells whether it is there.
    ///
    /// # Errors
    /// [`ScanError`].
    pub async fn version(&self) -> Result<String, ScanError> {
        let mut clamd = self.connect().await?;
        self.send(&mut clamd, b"zVERSION\0").await?;
        let version = self.answer(&mut clamd, self.silence_max).await?;
        if version.starts_with("ClamAV ") { Ok(version) } else { Err(self.no_answer(&version)) }
    }

    async fn connect(&self) -> Result<Box<dyn Connection>, ScanError> {
        let connected = async {
            Ok(match &self.address {
                #[cfg(unix)]
                Address::Unix(path) => Box::new(UnixStream::connect(path).await?) as Box<dyn Connection>,
                Address::Tcp(address) => Box::new(TcpStream::connect(address).await?),
            })
        };
        let connected = timeout(self.silence_max, connected).await.map_err(|_| self.silent(self.silence_max))?;
        connected.map_err(|e| self.unreachable(e))
    }

    /// Whether it was taken; not so if clamd hung up, which then has to be asked why.
    async fn send(&self, clamd: &mut Box<dyn Connection>, bytes: &[u8]) -> Result<bool, ScanError> {
        match timeout(self.silence_max, clamd.write_all(bytes)).await {
            Ok(Ok(())) => Ok(true),
            Ok(Err(e)) if matches!(e.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => Ok(false),
            Ok(Err(e)) => Err(self.unreachable(e)),
            Err(_) => Err(self.silent(self.silence_max)),
        }
    }

    /// One answer, up to its NUL.
    async fn answer(&self, clamd: &mut Box<dyn Connection>, patience: Duration) -> Result<String, ScanError> {
        let mut answer = Vec::new();
        let whole = async {
            let mut clamd = clamd.take(ANSWER_BYTES_MAX);
            while answer.last() != Some(&0) && clamd.read_buf(&mut answer).await? > 0 {}
            Ok(())
        };
        let read: io::Result<()> = timeout(patience, whole).await.map_err(|_| self.silent(patience))?;
        read.map_err(|e| self.unreachable(e))?;
        let text = String::from_utf8_lossy(&answer);
        match text.strip_suffix('\0') {
            Some(line) if !line.contains(char::is_control) => Ok(line.to_owned()),
            _ => Err(self.no_answer(&text)),
        }
    }

    fn unreachable(&self, source: io::Error) -> ScanError {
        ScanError::Unreachable { at: self.to_string(), source }
    }

    fn silent(&self, waited: Duration) -> ScanError {
        ScanError::Silent { at: self.to_string(), seconds: waited.as_secs() }
    }

    fn no_answer(&self, answer: &str) -> ScanError {
        ScanError::NoAnswer { at: self.to_string(), answer: answer.chars().take(200).collect() }
    }
}

impl fmt::Display for Scanner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.address {
            #[cfg(unix)]
            Address::Unix(path) => write!(f, "unix:{}", path.display()),
            Address::Tcp(address) => write!(f, "tcp:{address}"),
        }
    }
}
