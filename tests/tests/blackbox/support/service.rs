//! `sogoc serve` for tests: on a free port, over a store with Hà Nam's season and a live one beside it, and those who call it
//! by plain HTTP. What speaks gRPC is Python's own (see `tests/peers/client`).
//!
//! Requests are written by hand, one on a connection: tests say things that no HTTP library would.

use std::collections::{BTreeSet, HashMap};
use std::io::{BufRead as _, BufReader, ErrorKind, Read, Write as _};
use std::net::TcpStream;
use std::ops::Deref;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use super::evidence::sha256;
use super::serving::{Reply, Server, connect};
use super::stores::{Kind, Store};

/// What nearly every test goes by: one caller sends as much as it likes, and roles need no second factor.
pub(crate) const GENEROUS: &str =
    "[limits]\nrequests_per_second = 100000\nburst = 100000\n[sign_in]\nsecond_factor = false\n";

/// 2100, in microseconds.
const FAR_US: u64 = 4_102_444_800_000_000;

/// A service of one test's own, killed when dropped.
#[derive(Debug)]
pub(crate) struct Service {
    server: Server,
    tokens: Mutex<BTreeSet<String>>,
    // Goes last: its files are the service's.
    pub(crate) store: Arc<Store>,
}

impl Deref for Service {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl Service {
    /// Over a store, with generous limits.
    #[track_caller]
    pub(crate) fn over(store: Store) -> Self {
        Self::with(store, GENEROUS)
    }

    /// Another one over a store that one was or is served from.
    #[track_caller]
    pub(crate) fn beside(store: &Arc<Store>) -> Self {
        Self::listening(Arc::clone(store), GENEROUS, "127.0.0.1:0")
    }

    /// Over a store, set up by a configuration file in TOML.
    #[track_caller]
    pub(crate) fn with(store: Store, settings: &str) -> Self {
        Self::listening(Arc::new(store), settings, "127.0.0.1:0")
    }

    /// The same at an address.
    #[track_caller]
    pub(crate) fn listening(store: Arc<Store>, settings: &str, listen: &str) -> Self {
        Self { server: Server::node(&store.sogoc(), settings, listen), tokens: Mutex::default(), store }
    }

    /// Somebody who has not signed in.
    pub(crate) fn public(&self) -> Caller<'_> {
        Caller { service: self, token: None, language: None }
    }

    /// An account, by a token that may read and give commands.
    #[track_caller]
    pub(crate) fn account(&self, account: &str) -> Caller<'_> {
        self.by(&self.token(account))
    }

    /// Whoever holds this token or session.
    pub(crate) fn by(&self, token: &str) -> Caller<'_> {
        Caller { service: self, token: Some(token.to_owned()), language: None }
    }

    /// An account in a session, with a second factor shown. Its row is written past the program, as by [`Self::token`].
    #[track_caller]
    pub(crate) fn session(&self, account: &str) -> Caller<'_> {
        let token = sha256(format!("session of {account}"))[..43].to_owned();
        if self.tokens.lock().expect("no test panics here").insert(token.clone()) {
            let digest = self.digest(&token);
            self.store.run(&format!(
                "insert into session (digest, account, second_factor, created_at_us, seen_at_us, expires_at_us)
                values ({digest}, '{account}', 1, 0, {FAR_US}, {FAR_US}) on conflict do nothing"
            ));
        }
        self.by(&token)
    }

    fn digest(&self, token: &str) -> String {
        match self.store.kind() {
            Kind::Sqlite => format!("x'{}'", sha256(token)),
            Kind::Postgres => format!("'\\x{}'", sha256(token)),
        }
    }

    /// A token of an account that may read and give commands. Its row is written past the program: on the console, where
    /// others make theirs, each would take a second.
    #[track_caller]
    pub(crate) fn token(&self, account: &str) -> String {
        let token = format!("sogoc_{}", &sha256(account)[..43]);
        if self.tokens.lock().expect("no test panics here").insert(account.to_owned()) {
            let digest = self.digest(&token);
            self.store.run(&format!(
                "insert into api_token (id, digest, account, name, scopes, second_factor, created_at_us, expires_at_us)
                values ('tok-{account}', {digest}, '{account}', 'test', 'read command', 1, 0, {FAR_US}) on conflict do nothing"
            ));
        }
        token
    }

    /// A token with scopes, made on the console: `{id, token, …}`.
    #[track_caller]
    pub(crate) fn new_token(&self, account: &str, scopes: &[&str]) -> Value {
        let mut arguments = vec!["account", "token", account, "--name", "thử", "--days", "1"];
        scopes.iter().for_each(|scope| arguments.extend(["--scope", scope]));
        self.store.sogoc().json(&arguments)
    }

    /// Gives a command as `sogoc execute` takes it, in its account's name, by plain HTTP.
    #[track_caller]
    pub(crate) fn give(&self, command: &Value) -> Reply {
        let (kind, body) = as_request(command);
        self.account(command["account"].as_str().expect("a command has an account")).command(&kind, &body)
    }

    /// The same, which must be accepted; gives the receipts.
    #[track_caller]
    pub(crate) fn accepted(&self, commands: &[Value]) -> Vec<Value> {
        let receipt = |command| self.give(command).ok()["receipt"].clone();
        commands.iter().map(receipt).collect()
    }

    /// The newest position that is recorded.
    #[track_caller]
    pub(crate) fn size(&self) -> u64 {
        self.public().get("/v1/log/head").ok()["size"].as_u64().expect("a head has a size")
    }

    /// Stops in order, which must go well.
    #[track_caller]
    pub(crate) fn stop(self) {
        self.ask_to_stop();
        let status = self.wait();
        assert!(status.success(), "{status}");
    }
}

/// Kind and body of a command in plain HTTP.
pub(crate) fn as_request(command: &Value) -> (String, Value) {
    let mut body = command["command"].clone();
    let fields = body.as_object_mut().expect("a command has fields");
    let kind = fields.remove("type").and_then(|kind| kind.as_str().map(str::to_owned)).expect("a command has a type");
    let mut envelope = command.as_object().expect("a command is an object").clone();
    for beside in ["account", "command", "command_id"] {
        envelope.remove(beside);
    }
    body["command_id"] = command["command_id"].clone();
    if !envelope.is_empty() {
        body["envelope"] = Value::Object(envelope);
    }
    (kind, body)
}

/// Somebody who calls.
#[derive(Clone, Debug)]
pub(crate) struct Caller<'a> {
    service: &'a Service,
    token: Option<String>,
    language: Option<&'static str>,
}

impl Caller<'_> {
    /// The same, reading this language.
    pub(crate) fn reading(mut self, language: &'static str) -> Self {
        self.language = Some(language);
        self
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], b"")
    }

    #[track_caller]
    pub(crate) fn post(&self, path: &str, body: &Value) -> Reply {
        self.send("POST", path, &[("content-type", "application/json")], body.to_string().as_bytes())
    }

    /// Gives a command.
    #[track_caller]
    pub(crate) fn command(&self, kind: &str, body: &Value) -> Reply {
        self.post(&format!("/v1/commands/{kind}"), body)
    }

    /// Gives a command with a fresh id.
    #[track_caller]
    pub(crate) fn new_command(&self, kind: &str, fields: &Value) -> Reply {
        let mut body = fields.clone();
        body["command_id"] = fresh_id().into();
        self.command(kind, &body)
    }

    /// The same, where nobody may be there any more: nothing then.
    pub(crate) fn try_command(&self, kind: &str, fields: &Value) -> Option<Reply> {
        let mut body = fields.clone();
        body["command_id"] = fresh_id().into();
        let body = body.to_string();
        let json = [("content-type", "application/json")];
        let mut stream = TcpStream::connect(self.service.address).ok()?;
        let head = self.head("POST", &format!("/v1/commands/{kind}"), &json, Some(body.len()));
        stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).ok()?;
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        (!bytes.is_empty()).then(|| answer(&mut &bytes[..]))
    }

    /// A call by the Connect protocol: one POST with JSON.
    #[track_caller]
    pub(crate) fn connect(&self, method: &str, body: &Value) -> Reply {
        let headers = [("content-type", "application/json"), ("connect-protocol-version", "1")];
        self.send("POST", &format!("/sogoc.v1.{method}"), &headers, body.to_string().as_bytes())
    }

    #[track_caller]
    pub(crate) fn send(&self, verb: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let mut stream = connect(self.service.address);
        // A server that has seen enough may answer before it has read everything.
        let _ = stream.write_all(&[self.head(verb, path, headers, Some(body.len())).as_bytes(), body].concat());
        answer(&mut stream)
    }

    /// The head of a request, with what the caller says of itself.
    pub(crate) fn head(&self, verb: &str, path: &str, headers: &[(&str, &str)], length: Option<usize>) -> String {
        let mut head = format!("{verb} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.service.address);
        let mut line = |name: &str, value: &str| head.push_str(&format!("{name}: {value}\r\n"));
        if let Some(token) = &self.token {
            line("Authorization", &format!("Bearer {token}"));
        }
        if let Some(language) = self.language {
            line("Accept-Language", language);
        }
        headers.iter().for_each(|(name, value)| line(name, value));
        if let Some(length) = length {
            line("Content-Length", &length.to_string());
        }
        head.push_str("\r\n");
        head
    }

    /// Begins a request whose answer has no end, and reads no more than its head, or all of a problem.
    #[track_caller]
    pub(crate) fn begin(&self, verb: &str, path: &str) -> Reply {
        let mut stream = connect(self.service.address);
        stream.write_all(self.head(verb, path, &[], None).as_bytes()).expect("the service listens");
        let mut stream = BufReader::new(stream);
        let (status, headers) = read_head(&mut stream);
        let mut body = Vec::new();
        if status != 200 {
            let _ = stream.read_to_end(&mut body);
        }
        Reply { status, headers, body }
    }

    /// Watches the log from a position on.
    #[track_caller]
    pub(crate) fn watch(&self, from: u64) -> Watch {
        let mut stream = connect(self.service.address);
        let head = self.head("GET", &format!("/v1/log/watch?from={from}"), &[], None);
        stream.write_all(head.as_bytes()).expect("the service listens");
        Watch::begin(stream)
    }
}

/// Reads an answer to the end of the connection, whatever it is framed in.
#[track_caller]
pub(crate) fn answer(stream: &mut impl Read) -> Reply {
    let mut bytes = Vec::new();
    // A reset after the answer takes nothing of it away.
    let _ = stream.read_to_end(&mut bytes);
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(&bytes)));
    let (status, headers) = head_of(&bytes[..end]);
    let mut body = bytes[end + 4..].to_vec();
    if headers.get("transfer-encoding").is_some_and(|how| how == "chunked") {
        body = Chunks { inner: &body[..], left: 0, ended: false }.whole();
    }
    Reply { status, headers, body }
}

/// Reads the head of an answer.
#[track_caller]
fn read_head(stream: &mut BufReader<TcpStream>) -> (u16, HashMap<String, String>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let read = stream.read_until(b'\n', &mut head).expect("the service answers");
        assert!(read > 0, "no answer: {:?}", String::from_utf8_lossy(&head));
    }
    head_of(&head[..head.len() - 4])
}

/// Status and headers; of a header that comes several times, one value a line.
fn head_of(bytes: &[u8]) -> (u16, HashMap<String, String>) {
    let head = str::from_utf8(bytes).expect("a head is ASCII");
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status line");
    let mut headers = HashMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let all: &mut String = headers.entry(name.to_ascii_lowercase()).or_default();
        if !all.is_empty() {
            all.push('\n');
        }
        all.push_str(value.trim());
    }
    (status.parse().expect("a status"), headers)
}

impl Reply {
    /// The body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!("{}: no JSON ({error}): {}", self.status, String::from_utf8_lossy(&self.body))
        })
    }

    /// It must have gone well.
    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.body));
        self.json()
    }

    /// It must be a problem of RFC 9457 with this status and code.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        let problem = self.any_problem();
        assert_eq!((self.status, problem["code"].as_str()), (status, Some(code)), "{problem}");
        problem
    }

    /// It must be a problem with all that one has.
    #[track_caller]
    pub(crate) fn any_problem(&self) -> Value {
        let body = String::from_utf8_lossy(&self.body);
        assert!(self.status >= 400, "{} {body}", self.status);
        let media = self.headers.get("content-type").map(String::as_str);
        assert_eq!(media, Some("application/problem+json"), "{} {body}", self.status);
        assert_eq!(self.headers.get("cache-control").map(String::as_str), Some("no-store"));
        let problem = self.json();
        for member in ["type", "title", "detail", "code", "message", "remedy"] {
            assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {problem}");
        }
        assert_eq!(problem["status"], self.status);
        assert!(problem["values"].is_object(), "{problem}");
        assert_eq!(problem["type"], format!("urn:sogoc:refusal:{}", problem["code"].as_str().expect("a code")));
        problem
    }
}

/// A body in chunks, as it comes.
#[derive(Debug)]
struct Chunks<R> {
    inner: R,
    left: usize,
    ended: bool,
}

impl<R: Read> Chunks<R> {
    fn whole(mut self) -> Vec<u8> {
        let mut all = Vec::new();
        let _ = self.read_to_end(&mut all);
        all
    }

    fn line(&mut self) -> std::io::Result<String> {
        let mut line = Vec::new();
        let mut byte = [0];
        while !line.ends_with(b"\r\n") {
            if self.inner.read(&mut byte)? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            line.push(byte[0]);
        }
        Ok(String::from_utf8_lossy(&line).trim().to_owned())
    }
}

impl<R: Read> Read for Chunks<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.ended {
            return Ok(0);
        }
        if self.left == 0 {
            let line = self.line()?;
            self.left = usize::from_str_radix(&line, 16).map_err(std::io::Error::other)?;
            if self.left == 0 {
                self.ended = true;
                return Ok(0);
            }
        }
        let room = buffer.len().min(self.left);
        let read = self.inner.read(&mut buffer[..room])?;
        if read == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.left -= read;
        if self.left == 0 {
            self.line()?;
        }
        Ok(read)
    }
}

/// The log as one watches it.
#[derive(Debug)]
pub(crate) struct Watch {
    lines: BufReader<Chunks<BufReader<TcpStream>>>,
}

impl Watch {
    #[track_caller]
    fn begin(stream: TcpStream) -> Self {
        let mut stream = BufReader::new(stream);
        let (status, headers) = read_head(&mut stream);
        assert_eq!(status, 200, "{headers:?}");
        assert_eq!(headers["content-type"], "application/x-ndjson");
        Self { lines: BufReader::new(Chunks { inner: stream, left: 0, ended: false }) }
    }

    /// The next entry.
    #[track_caller]
    pub(crate) fn next(&mut self) -> Value {
        let mut line = String::new();
        let read = self.lines.read_line(&mut line).expect("the next entry comes");
        assert!(read > 0, "the watch ended");
        let mut line: Value = serde_json::from_str(&line).expect("a line is JSON");
        line["entry"].take()
    }

    /// The next entries.
    #[track_caller]
    pub(crate) fn take(&mut self, count: u64) -> Vec<Value> {
        (0..count).map(|_| self.next()).collect()
    }

    /// Reads on until it ends, by whatever way; gives what still came. Nothing where it is silent for longer than this and
    /// does not end.
    pub(crate) fn until_end(mut self, silence: Duration) -> Option<Vec<String>> {
        let socket = self.lines.get_ref().inner.get_ref();
        socket.set_read_timeout(Some(silence)).expect("sockets have timeouts");
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            match self.lines.read_line(&mut line) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
                Ok(0) | Err(_) => return Some(lines),
                Ok(_) => lines.push(line),
            }
        }
    }
}

/// An id for a command: another one at each call.
pub(crate) fn fresh_id() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("command {number}").as_bytes()).to_string()
}

/// Text of the environment that names a server, or nothing where a test may leave it out.
pub(crate) fn named(variable: &str) -> Option<String> {
    let value = std::env::var(variable).ok();
    if value.is_none() {
        let all = std::env::var("SOGOC_TEST_ALL").is_ok_and(|value| value == "1");
        assert!(!all, "SOGOC_TEST_ALL=1 and no {variable}");
        #[expect(clippy::print_stderr, reason = "a test says that it did not run")]
        {
            eprintln!("not run: there is no {variable}");
        }
    }
    value
}

/// The pilot season is scored, appraised, announced and published, after so-y-te lost a point at 1.1.1: it may appeal.
pub(crate) fn announce(store: &Store) {
    use super::pilot;
    let sogoc = store.sogoc();
    sogoc.accepted(&pilot::all_submit());
    sogoc.accepted(&[pilot::adjusts("reviewer-nv", "so-y-te", "1.1.1", "0", "evidence_missing")]);
    sogoc.accepted(&pilot::all_appraised());
    sogoc.accepted(&pilot::announced());
}

/// An appeal of so-y-te's against what it lost.
pub(crate) fn lodged() -> Value {
    super::pilot::by(
        "leader-yt",
        "lodge-appeal",
        &json!({"agency": "so-y-te", "appeal": "kn-1", "items": [
            {"target": {"leaf": "1.1.1"}, "requested": "1", "ground": "Tài liệu đã nộp đúng hạn"}]}),
    )
}
