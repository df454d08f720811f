//! Servers for tests: the binary's own, and small ones that misbehave.

use std::collections::HashMap;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

use super::Sogoc;
use super::process::Process;

/// Longest wait for a byte of an answer.
const ANSWER_SECONDS_MAX: u64 = 30;

/// A server of the binary's, killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    process: Process,
    pub(crate) address: SocketAddr,
    /// The line that it starts with.
    pub(crate) started: Value,
}

impl Server {
    /// Starts the binary, which must say on stderr where it listens.
    #[track_caller]
    pub(crate) fn start(sogoc: &Sogoc, arguments: &[&str]) -> Self {
        let process = Process::start(sogoc, arguments);
        // Warnings may come before it.
        let listening =
            |line: &str| serde_json::from_str(line).ok().filter(|said: &Value| said["listening"].is_string());
        let started = process.until(listening);
        let address = started["listening"].as_str().expect("an address").parse().expect("an address");
        Self { process, address, started }
    }

    /// Starts `sogoc serve`, set up by a configuration file in TOML.
    #[track_caller]
    pub(crate) fn node(sogoc: &Sogoc, settings: &str, listen: &str) -> Self {
        let arguments = ["serve", "--listen", listen, "--operator-listen", "127.0.0.1:0"];
        Self::start(&sogoc.configured(settings), &arguments)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where the operator's endpoints are.
    #[track_caller]
    pub(crate) fn operator(&self) -> SocketAddr {
        self.started["operator"].as_str().expect("it has an operator's address").parse().expect("an address")
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Reply {
        request(self.address, "GET", path, &[])
    }

    #[track_caller]
    pub(crate) fn post(&self, path: &str, body: &[u8]) -> Reply {
        request(self.address, "POST", path, body)
    }

    /// Waits until it says something of this kind on stderr.
    #[track_caller]
    pub(crate) fn until_says(&self, what: &str) {
        self.process.until(|line| line.contains(what).then_some(()));
    }

    /// SIGKILL: no chance to say goodbye.
    pub(crate) fn kill(self) {
        self.process.kill();
    }

    /// SIGTERM.
    pub(crate) fn ask_to_stop(&self) {
        self.process.ask_to_stop();
    }

    /// Its end.
    pub(crate) fn wait(&self) -> ExitStatus {
        self.process.wait()
    }

    /// SIGTERM, and its end.
    pub(crate) fn terminate(self) -> ExitStatus {
        self.process.terminate()
    }
}

/// What a server answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.body).expect("the answer is UTF-8")
    }
}

/// One request on a connection of its own.
#[track_caller]
pub(crate) fn request(address: SocketAddr, method: &str, path: &str, body: &[u8]) -> Reply {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = connect(address);
    // A server that has seen enough may answer before it has read everything.
    let _ = stream.write_all(&[head.as_bytes(), body].concat());
    answer(&mut stream)
}

/// A connection on which nothing is waited for in vain.
pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the server listens");
    stream.set_read_timeout(Some(Duration::from_secs(ANSWER_SECONDS_MAX))).expect("sockets have timeouts");
    stream
}

/// The same by TLS, trusting this certificate or authority alone.
pub(crate) fn over_tls(
    address: SocketAddr,
    name: &'static str,
    trusted: &[u8],
) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(trusted).expect("a certificate")).expect("one that may certify");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.expect("the versions are ring's").with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from(name).expect("a name");
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).expect("it fits the name"), connect(address))
}

/// Reads an answer to the end of the connection.
#[track_caller]
pub(crate) fn answer(stream: &mut TcpStream) -> Reply {
    let mut bytes = Vec::new();
    // A reset after the answer takes nothing of it away.
    let _ = stream.read_to_end(&mut bytes);
    parse(&bytes).unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(&bytes)))
}

/// An answer as its bytes say it; none where they are not even a head.
fn parse(bytes: &[u8]) -> Option<Reply> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = str::from_utf8(&bytes[..end]).expect("a head is ASCII");
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status line");
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    Some(Reply { status: status.parse().expect("a status"), headers, body: bytes[end + 4..].to_vec() })
}

/// A call by a token, on a connection of its own; an error where the server is away, is killed meanwhile, or does not
/// answer in time.
pub(crate) fn try_call(
    address: SocketAddr,
    call: &str,
    token: &str,
    body: Option<&Value>,
    patience: Duration,
) -> io::Result<Reply> {
    let body = body.map(Value::to_string).unwrap_or_default();
    let head = format!(
        "{call} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect_timeout(&address, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.write_all(&[head.as_bytes(), body.as_bytes()].concat())?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let reply = parse(&bytes).ok_or(io::ErrorKind::UnexpectedEof)?;
    let length = reply.headers.get("content-length").and_then(|length| length.parse().ok());
    // A server that was killed while it answered has not answered.
    if length.is_some_and(|length: usize| length != reply.body.len()) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(reply)
}

/// A server that does with each request what the test says; gone with the test.
#[derive(Debug)]
pub(crate) struct Fake {
    pub(crate) address: SocketAddr,
    requests: Arc<AtomicUsize>,
}

impl Fake {
    /// `respond` is given each connection, and the request that was read from it.
    pub(crate) fn start(respond: impl Fn(&mut TcpStream, &str) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let requests = Arc::new(AtomicUsize::new(0));
        let (counter, respond) = (Arc::clone(&requests), Arc::new(respond));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (counter, respond) = (Arc::clone(&counter), Arc::clone(&respond));
                std::thread::spawn(move || {
                    let mut stream = stream;
                    if let Some(request) = read_request(&mut stream) {
                        counter.fetch_add(1, Ordering::SeqCst);
                        respond(&mut stream, &request);
                    }
                });
            }
        });
        Self { address, requests }
    }

    /// Answers each request with this.
    pub(crate) fn answering(status: &str, headers: &str, body: Vec<u8>) -> Self {
        let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        Self::start(move |stream, _| {
            let _ = stream.write_all(&[head.as_bytes(), &body].concat());
        })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Requests so far.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4_096];
    loop {
        let read = stream.read(&mut buffer).ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length =
            head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if body.len() >= length.unwrap_or(0) {
            return Some(text.into_owned());
        }
    }
}
