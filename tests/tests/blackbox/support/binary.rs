//! The binary, run as its users run it.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// The binary under test: `SOGOC_BIN`, else the one beside this test's own folder, built first.
pub(crate) fn path() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        if let Some(path) = std::env::var_os("SOGOC_BIN") {
            let path = PathBuf::from(path);
            assert!(path.is_file(), "SOGOC_BIN names {}, which is no file", path.display());
            return path;
        }
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "--package", "sogoc", "--bin", "sogoc"]).current_dir(workspace());
        assert!(build.status().expect("cargo runs").success(), "the binary does not build");
        // …/target/debug/deps/blackbox-0123 → …/target/debug/sogoc
        let own = std::env::current_exe().expect("a test knows where it is");
        let path = own.ancestors().nth(2).expect("a test lies in target/debug/deps").join("sogoc");
        assert!(path.is_file(), "{} was not built: set SOGOC_BIN", path.display());
        path
    })
}

/// The root of the repository.
pub(crate) fn workspace() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("the package of tests lies in the workspace").to_owned()
}

/// The binary on one store.
#[derive(Clone, Debug)]
pub(crate) struct Sogoc {
    store: Option<String>,
    key: Option<PathBuf>,
    options: Vec<String>,
}

/// What a run of the binary gave.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    shown: String,
}

impl Sogoc {
    /// On the store of this URL.
    pub(crate) fn on(store: &str) -> Self {
        Self { store: Some(store.to_owned()), key: None, options: Vec::new() }
    }

    /// With the log's key in a file of its own, beside which the last checkpoint is kept.
    pub(crate) fn keyed(self, key: PathBuf) -> Self {
        Self { key: Some(key), ..self }
    }

    /// Without a word about the store.
    pub(crate) fn bare() -> Self {
        Self { store: None, key: None, options: Vec::new() }
    }

    /// With a global option before everything else.
    pub(crate) fn with(&self, options: &[&str]) -> Self {
        let mut with = self.clone();
        with.options.extend(options.iter().map(|o| (*o).to_owned()));
        with
    }

    /// Set up by a configuration file in TOML, which is put beside its key.
    pub(crate) fn configured(&self, settings: &str) -> Self {
        let file = self.key.as_ref().expect("a key in the test's folder").with_file_name("sogoc.toml");
        std::fs::write(&file, settings).expect("the test's folder can be written to");
        self.with(&["--config", file.to_str().expect("a plain path")])
    }

    /// The command, ready to run, in a clean environment.
    pub(crate) fn command<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Command {
        let mut command = Command::new(path());
        let ours = [
            "CONFIG",
            "STORE",
            "STORE_FILE",
            "KEY_FILE",
            "LOG_NAME",
            "TRACE",
            "EVIDENCE",
            "EVIDENCE_KEY_FILE",
            "CLAMD",
        ];
        let bus = ["NATS_URL", "NATS_TENANT", "NATS_CREDENTIALS_FILE", "NATS_CA_FILE", "NATS_REPLICAS"];
        let roll_up = ["ROLL_UP_STATE", "ROLL_UP_SOURCES"];
        ours.iter().chain(&bus).chain(&roll_up).for_each(|name| _ = command.env_remove(format!("SOGOC_{name}")));
        ["LC_ALL", "LC_MESSAGES", "LANG"].iter().for_each(|name| _ = command.env_remove(name));
        if let Ok(bucket) = std::env::var("SOGOC_TEST_S3") {
            // It believes any keys.
            command.envs([
                ("AWS_ENDPOINT_URL", bucket.as_str()),
                ("AWS_ALLOW_HTTP", "true"),
                ("AWS_REGION", "us-east-1"),
            ]);
            command.envs([("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test-secret")]);
        }
        if let Some(store) = &self.store {
            command.args(["--store", store]);
        }
        if let Some(key) = &self.key {
            command.env("SOGOC_KEY_FILE", key);
        }
        command.args(&self.options).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs it to its end.
    pub(crate) fn run<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Answer {
        let mut command = self.command(arguments);
        let shown = format!("{command:?}");
        Answer::of(shown, command.output().expect("the binary runs"))
    }

    /// Runs it to its end with something on stdin.
    pub(crate) fn run_with<A: AsRef<OsStr>>(&self, arguments: &[A], stdin: &[u8]) -> Answer {
        let mut command = self.command(arguments);
        let shown = format!("{command:?}");
        let mut child = command.stdin(Stdio::piped()).spawn().expect("the binary runs");
        let mut pipe = child.stdin.take().expect("stdin is piped");
        let bytes = stdin.to_vec();
        // A thread of its own: the binary answers while it reads.
        let writer = std::thread::spawn(move || {
            // Where the binary stops reading early, its answer says why.
            let _ = pipe.write_all(&bytes);
        });
        let output = child.wait_with_output().expect("the binary ends");
        writer.join().expect("the writer ends");
        Answer::of(shown, output)
    }

    /// Starts it and leaves it running, its answers unread.
    pub(crate) fn spawn<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Child {
        let mut command = self.command(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary runs")
    }

    /// Runs it, which must succeed.
    #[track_caller]
    pub(crate) fn ok<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Answer {
        self.run(arguments).ends(0)
    }

    /// Runs it with `--json`, which must succeed with one document on stdout.
    #[track_caller]
    pub(crate) fn json<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Value {
        self.with(&["--json"]).ok(arguments).document()
    }

    /// Runs `execute` on commands, one a line; gives one answer a line.
    #[track_caller]
    pub(crate) fn execute(&self, commands: &[Value]) -> Vec<Value> {
        let answer = self.run_with(&["execute"], lines(commands).as_bytes());
        let lines = answer.lines();
        assert_eq!(lines.len(), commands.len(), "one answer a command: {answer:?}");
        let refused = lines.iter().any(|line| line.get("refusal").is_some());
        assert_eq!(answer.code, Some(i32::from(refused)), "{answer:?}");
        lines
    }

    /// Runs `execute` on commands that must all be accepted; gives their receipts.
    #[track_caller]
    pub(crate) fn accepted(&self, commands: &[Value]) -> Vec<Value> {
        let answers = self.execute(commands);
        let receipts = answers.into_iter().zip(commands).map(|(answer, command)| {
            answer.get("receipt").cloned().unwrap_or_else(|| panic!("{command} is refused: {answer}"))
        });
        receipts.collect()
    }

    /// Runs `execute` on one command that must be refused; gives the refusal.
    #[track_caller]
    pub(crate) fn refused(&self, command: &Value) -> Value {
        let answers = self.execute(std::slice::from_ref(command));
        answers[0].get("refusal").cloned().unwrap_or_else(|| panic!("{command} is accepted: {}", answers[0]))
    }

    /// `log head --json`.
    #[track_caller]
    pub(crate) fn head(&self) -> Value {
        self.json(&["log", "head"])
    }

    /// Number of entries.
    #[track_caller]
    pub(crate) fn size(&self) -> u64 {
        self.head()["size"].as_u64().expect("a head has a size")
    }

    /// Entries of a range, parsed.
    #[track_caller]
    pub(crate) fn entries(&self, arguments: &[&str]) -> Vec<Value> {
        let arguments: Vec<_> = ["log", "show"].iter().chain(arguments).collect();
        self.with(&["--json"]).ok(&arguments).lines()
    }

    /// Every figure of a season.
    #[track_caller]
    pub(crate) fn figures(&self, arguments: &[&str]) -> Figures {
        let arguments: Vec<_> = std::iter::once(&"figures").chain(arguments).collect();
        Figures::of(&self.json(&arguments))
    }
}

/// Commands as JSON lines.
pub(crate) fn lines(commands: &[Value]) -> String {
    commands.iter().map(|command| format!("{command}\n")).collect()
}

impl Answer {
    fn of(shown: String, output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
            shown,
        }
    }

    /// It must have ended with this exit code.
    #[track_caller]
    pub(crate) fn ends(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "{} ended with {:?}\n--- stdout\n{}\n--- stderr\n{}",
            self.shown,
            self.code,
            cut(&self.stdout),
            cut(&self.stderr)
        );
        self
    }

    /// Stdout as one JSON document and nothing else.
    #[track_caller]
    pub(crate) fn document(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| {
            panic!("{}: stdout is no JSON document ({error}): {}", self.shown, cut(&self.stdout))
        })
    }

    /// Stdout as JSON lines and nothing else.
    #[track_caller]
    pub(crate) fn lines(&self) -> Vec<Value> {
        let parse = |line: &str| {
            serde_json::from_str(line)
                .unwrap_or_else(|error| panic!("{}: no JSON ({error}): {}", self.shown, cut(line)))
        };
        self.stdout.lines().map(parse).collect()
    }

    /// Stdout and stderr together, for looking for words.
    pub(crate) fn said(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }
}

fn cut(text: &str) -> String {
    const SHOWN_MAX: usize = 4_000;
    if text.chars().count() <= SHOWN_MAX {
        return text.to_owned();
    }
    text.chars().take(SHOWN_MAX).chain("…".chars()).collect()
}

/// The figures of a season, by address without the season.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Figures {
    season: String,
    by_address: std::collections::BTreeMap<String, Value>,
}

impl Figures {
    fn of(document: &Value) -> Self {
        let list = document.as_array().expect("figures are a list");
        let mut by_address = std::collections::BTreeMap::new();
        let mut season = String::new();
        for figure in list {
            let address = figure["address"].as_str().expect("a figure has an address");
            let (first, rest) = address.split_once('/').expect("the season stands first");
            season = first.to_owned();
            assert!(by_address.insert(rest.to_owned(), figure.clone()).is_none(), "{address} stands twice");
        }
        Self { season, by_address }
    }

    /// Number of figures.
    pub(crate) fn len(&self) -> usize {
        self.by_address.len()
    }

    /// One figure.
    pub(crate) fn get(&self, address: &str) -> Option<&Value> {
        self.by_address.get(address)
    }

    /// The value of one figure.
    #[track_caller]
    pub(crate) fn value(&self, address: &str) -> &Value {
        &self.get(address).unwrap_or_else(|| panic!("there is no figure {address}"))["value"]
    }

    /// Addresses and figures in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.by_address.iter()
    }

    /// SHA-256 over the lines `address\tvalue\n`, sorted bytewise: equal registers, equal digests.
    pub(crate) fn digest(&self) -> String {
        use sha2::Digest as _;
        let mut lines: Vec<String> = self
            .by_address
            .iter()
            .map(|(address, figure)| format!("{}/{address}\t{}\n", self.season, figure["value"]))
            .collect();
        lines.sort();
        hex::encode(sha2::Sha256::digest(lines.concat()))
    }
}
