//! Processes of the binary that go on until they are told to end.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Duration;

use serde_json::Value;

use super::Sogoc;

/// Longest silence of a process that is to say something.
const PATIENCE: Duration = Duration::from_secs(60);
/// Lines that are shown of a process where its test fails.
const SHOWN_MAX: usize = 20;

/// A process of the binary that says on stderr, as JSON lines, what it does; killed when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    id: u32,
    child: Mutex<Child>,
    heard: Mutex<Heard>,
}

/// What a process said.
#[derive(Debug)]
struct Heard {
    lines: mpsc::Receiver<String>,
    before: Vec<String>,
}

impl Process {
    pub(crate) fn start(sogoc: &Sogoc, arguments: &[&str]) -> Self {
        let mut command = sogoc.with(&["--json"]).command(arguments);
        let mut child = command.stdout(Stdio::null()).spawn().expect("the binary runs");
        let stderr = BufReader::new(child.stderr.take().expect("stderr is piped"));
        let (sender, lines) = mpsc::channel();
        // To its end, so that it never waits for somebody to listen.
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).for_each(|line| _ = sender.send(line)));
        let heard = Mutex::new(Heard { lines, before: Vec::new() });
        Self { id: child.id(), child: Mutex::new(child), heard }
    }

    /// Waits until something is found in a line that it says.
    #[track_caller]
    pub(crate) fn until<T>(&self, find: impl Fn(&str) -> Option<T>) -> T {
        let mut heard = self.heard.lock().expect("no test panics here");
        loop {
            let Ok(line) = heard.lines.recv_timeout(PATIENCE) else {
                drop(heard);
                panic!("it never said so");
            };
            let found = find(&line);
            heard.before.push(line);
            if let Some(found) = found {
                return found;
            }
        }
    }

    /// Waits until it says that it is in a state; gives what it said.
    #[track_caller]
    pub(crate) fn until_state(&self, state: &str) -> Value {
        self.until(|line| serde_json::from_str(line).ok().filter(|said: &Value| said["state"] == state))
    }

    /// SIGKILL: no chance to say goodbye.
    pub(crate) fn kill(mut self) {
        let child = self.child.get_mut().expect("no test panics here");
        child.kill().expect("it runs");
        child.wait().expect("it ends");
    }

    /// SIGTERM.
    pub(crate) fn ask_to_stop(&self) {
        let sent = Command::new("kill").args(["-TERM", &self.id.to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }

    /// Its end.
    pub(crate) fn wait(&self) -> ExitStatus {
        self.child.lock().expect("no test panics here").wait().expect("it ends")
    }

    /// SIGTERM, and its end.
    pub(crate) fn terminate(self) -> ExitStatus {
        self.ask_to_stop();
        self.wait()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let child = self.child.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = child.kill();
        let _ = child.wait();
        if std::thread::panicking() {
            let heard = self.heard.get_mut().unwrap_or_else(PoisonError::into_inner);
            heard.before.extend(heard.lines.iter());
            let shown = heard.before.len().saturating_sub(SHOWN_MAX);
            #[expect(clippy::print_stderr, reason = "a test that fails shows what its processes said")]
            {
                heard.before[shown..].iter().for_each(|line| eprintln!("{}: {line}", self.id));
            }
        }
    }
}

/// Ends a server of somebody else's by SIGKILL, where it runs.
pub(crate) fn kill(server: &mut Option<Child>) {
    if let Some(mut child) = server.take() {
        child.kill().expect("it was running");
        child.wait().expect("it ends");
    }
}
