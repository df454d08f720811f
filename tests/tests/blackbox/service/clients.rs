//! Clients that others write: the worked examples of `clients/`, run as a reader runs them, and gRPC as Python speaks it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::json;

use crate::support::binary::workspace;
use crate::support::pilot::{self, by};
use crate::support::service::{Service, announce, named};
use crate::support::stores::{Kind, Store, on_both_stores, on_sqlite};

on_both_stores!(the_python_example_files_an_appeal_and_watches_it_decided);
on_sqlite!(
    the_curl_example_does_the_same_without_anything_but_curl,
    an_example_that_is_refused_says_why,
    what_grpc_promises_holds_for_a_client_that_nobody_here_wrote,
);

const GROUND: &str = "Tài liệu đã nộp \"đúng hạn\"";

/// An example that was started.
struct Example {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Example {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the example runs");
        let out = BufReader::new(child.stdout.take().expect("piped"));
        Self { child, out }
    }

    /// The next line that it prints.
    #[track_caller]
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).expect("UTF-8");
        if line.is_empty() {
            let mut said = String::new();
            let _ = self.child.stderr.take().expect("piped").read_to_string(&mut said);
            panic!("it ended: {said}");
        }
        line.trim_end().to_owned()
    }

    /// Its exit code, what else it printed, and what it complained of.
    fn end(mut self) -> (Option<i32>, String, String) {
        let (mut out, mut err) = (String::new(), String::new());
        self.out.read_to_string(&mut out).expect("UTF-8");
        self.child.stderr.take().expect("piped").read_to_string(&mut err).expect("UTF-8");
        (self.child.wait().expect("it ends").code(), out, err)
    }
}

/// A season whose results are announced, and somebody who may appeal.
fn stage(kind: Kind) -> Service {
    let store = Store::served(kind);
    announce(&store);
    Service::over(store)
}

/// Two members of the council uphold the appeal, as another client.
fn decide(service: &Service, appeal: &str) {
    let decision = json!({"item": 1, "outcome": "upheld", "reason_code": "appeal_decided",
        "reason": "Tổ thư ký đã đối chiếu", "sets": {"points": {"override": "1"}}});
    let decided =
        json!({"agency": "so-y-te", "appeal": appeal, "decisions": [decision], "voters": ["chair", "member-ub"]});
    service.accepted(&[by("secretary", "decide-appeal", &decided)]);
}

/// The Python that has what clients need, with stubs made as the example's own page says.
fn python(service: &Service) -> Option<(String, PathBuf)> {
    let python = named("SOGOC_TEST_PYTHON")?;
    let stubs = service.store.folder().join("stubs");
    std::fs::create_dir(&stubs).expect("the test's folder can be written to");
    let mut protos: Vec<_> = std::fs::read_dir(workspace().join("proto/sogoc/v1"))
        .expect("the schema is there")
        .map(|file| format!("proto/sogoc/v1/{}", file.expect("it can be read").file_name().to_string_lossy()))
        .collect();
    protos.sort();
    let out = stubs.display();
    let made = Command::new(&python)
        .args(["-m", "grpc_tools.protoc", "-I", "proto"])
        .args([format!("--python_out={out}"), format!("--grpc_python_out={out}")])
        .args(protos)
        .current_dir(workspace())
        .status();
    assert!(made.expect("Python runs").success(), "grpcio-tools reads the schema");
    Some((python, stubs))
}

fn the_python_example_files_an_appeal_and_watches_it_decided(kind: Kind) {
    let service = stage(kind);
    let Some((python, stubs)) = python(&service) else { return };
    let example = || {
        let mut command = Command::new(&python);
        command
            .arg("-B")
            .arg(workspace().join("clients/python/appeal.py"))
            .arg(service.address.to_string())
            .args(["--season", pilot::SEASON, "--agency", "so-y-te", "--appeal", "kn-1", "--leaf", "1.1.1"])
            .args(["--requested", "1", "--ground", GROUND])
            .env("PYTHONPATH", &stubs)
            .env("SOGOC_TOKEN", service.token("leader-yt"));
        Example::start(command)
    };
    let position = service.size();
    let mut first = example();
    assert_eq!(first.line(), format!("lodged at position {position}"));
    // Stopped and started again it is the same appeal.
    first.child.kill().expect("it runs");
    let _ = first.end();
    let mut again = example();
    assert_eq!(again.line(), format!("lodged at position {position}, before this"));
    decide(&service, "kn-1");
    let (code, out, err) = again.end();
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("item 1: upheld"), "{out}");
    assert!(out.contains("appeal-item-decided") && out.contains("Tổ thư ký đã đối chiếu"), "{out}");
    assert!(out.contains(&format!("{}/so/so-y-te/leaf/1.1.1/appraised_points = 1", pilot::SEASON)), "{out}");
    service.stop();
}

fn curl(service: &Service, leaf: &str, account: &str) -> Example {
    let mut command = Command::new("bash");
    command
        .arg(workspace().join("clients/curl.sh"))
        .args([&service.url(), pilot::SEASON, "so-y-te", "kn-2", leaf, "1", GROUND])
        .env("SOGOC_TOKEN", service.token(account));
    Example::start(command)
}

fn the_curl_example_does_the_same_without_anything_but_curl(kind: Kind) {
    let service = stage(kind);
    let position = service.size();
    let mut example = curl(&service, "1.1.1", "leader-yt");
    assert_eq!(example.line(), format!("lodged at position {position}"));
    decide(&service, "kn-2");
    let (code, out, err) = example.end();
    assert_eq!(code, Some(0), "{out}{err}");
    let mut answers = out.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
    let (appeal, trace) = (answers.next().expect("the appeal"), answers.next().expect("the trace"));
    assert_eq!(appeal["appeal"]["items"][0]["state"], "upheld");
    assert!(
        appeal["entries"].to_string().contains(r#"Tài liệu đã nộp \\\"đúng hạn\\\""#)
            || appeal["entries"].to_string().contains(r#"Tài liệu đã nộp \"đúng hạn\""#),
        "{appeal}"
    );
    assert_eq!(trace["trace"]["value"], "1", "{trace}");
    service.stop();
}

fn an_example_that_is_refused_says_why(kind: Kind) {
    let service = stage(kind);
    for (leaf, account, code) in [("1.1.1", "officer-yt", "role-missing"), ("9.9", "leader-yt", "unknown-leaf")] {
        let (exit, _, err) = curl(&service, leaf, account).end();
        assert_eq!(exit, Some(1), "{err}");
        assert!(err.contains(code), "{err}");
    }
    let Some((python, stubs)) = python(&service) else { return };
    let mut command = Command::new(&python);
    command
        .arg("-B")
        .arg(workspace().join("clients/python/appeal.py"))
        .arg(service.address.to_string())
        .args(["--season", pilot::SEASON, "--agency", "so-y-te", "--appeal", "kn-1", "--leaf", "1.1.1"])
        .args(["--ground", GROUND, "--language", "vi"])
        .env("PYTHONPATH", &stubs)
        .env("SOGOC_TOKEN", service.token("officer-yt"));
    let (exit, _, err) = Example::start(command).end();
    assert_eq!(exit, Some(1), "{err}");
    assert!(err.contains("role-missing") && err.contains("agency-leader"), "{err}");
    service.stop();
}

fn what_grpc_promises_holds_for_a_client_that_nobody_here_wrote(kind: Kind) {
    let store = Store::served(kind);
    let service = Service::over(store);
    let Some((python, stubs)) = python(&service) else { return };
    let checks = Command::new(&python)
        .arg("-B")
        .arg(workspace().join("tests/peers/client/grpc_checks.py"))
        .arg(service.address.to_string())
        .env("PYTHONPATH", &stubs)
        .env("OFFICER", service.token("officer-yt"))
        .env("INSPECTOR", service.token("inspector"))
        .output()
        .expect("Python runs");
    assert!(
        checks.status.success(),
        "{}{}",
        String::from_utf8_lossy(&checks.stdout),
        String::from_utf8_lossy(&checks.stderr)
    );
    service.stop();
}
