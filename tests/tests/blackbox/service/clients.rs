//! Clients that others write: the worked examples of `clients/`, run as a reader runs them, and gRPC as Python speaks it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::json;

use crate::support::binary::{path, workspace};
use crate::support::pilot::by;
use crate::support::service::{Service, named};
use crate::support::stores::{Kind, Store, on_both_stores, on_sqlite};

on_both_stores!(the_python_example_files_an_appeal_and_watches_it_decided);
on_sqlite!(
    the_curl_example_does_the_same_without_anything_but_curl,
    what_the_live_sample_prints_next_files_an_appeal_and_decides_it,
    an_example_that_is_refused_says_why,
    what_grpc_promises_holds_for_a_client_that_nobody_here_wrote,
);

/// The live sample's season, and who appeals in it.
const SEASON: &str = "pilot-2026";
const LEADER: &str = "acc-so-y-te-leader-1";
const OFFICER: &str = "acc-so-y-te-officer-1";
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

/// The live sample season: its results are announced, and so-y-te may appeal. With what its command printed.
fn stage(kind: Kind) -> (Service, String) {
    let store = Store::empty(kind);
    let printed = store.sogoc().ok(&["demo", "--live"]).stdout;
    (Service::over(store), printed)
}

/// Two members of the council uphold the appeal, as another client.
fn decide(service: &Service, appeal: &str) {
    let decision = json!({"item": 1, "outcome": "upheld", "reason_code": "appeal_upheld",
        "reason": "Tổ thư ký đã đối chiếu", "sets": {"points": {"override": "1"}}});
    let voters = ["acc-so-noi-vu-council-1", "acc-so-tu-phap-council-1"];
    let decided =
        json!({"season": SEASON, "agency": "so-y-te", "appeal": appeal, "decisions": [decision], "voters": voters});
    service.accepted(&[by("acc-so-noi-vu-secretariat-1", "decide-appeal", &decided)]);
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
    let (service, _) = stage(kind);
    let Some((python, stubs)) = python(&service) else { return };
    let example = || {
        let mut command = Command::new(&python);
        command
            .arg("-B")
            .arg(workspace().join("clients/python/appeal.py"))
            .arg(service.address.to_string())
            .args(["--season", SEASON, "--agency", "so-y-te", "--appeal", "kn-1", "--leaf", "1.1.1"])
            .args(["--requested", "1", "--ground", GROUND])
            .env("PYTHONPATH", &stubs)
            .env("SOGOC_TOKEN", service.token(LEADER));
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
    assert!(out.contains(&format!("{}/departments/so-y-te/leaf/1.1.1/appraised_points = 1", SEASON)), "{out}");
    service.stop();
}

fn curl(service: &Service, leaf: &str, account: &str) -> Example {
    let mut command = Command::new("bash");
    command
        .arg(workspace().join("clients/curl.sh"))
        .args([&service.url(), SEASON, "so-y-te", "kn-2", leaf, "1", GROUND])
        .env("SOGOC_TOKEN", service.token(account));
    Example::start(command)
}

fn the_curl_example_does_the_same_without_anything_but_curl(kind: Kind) {
    let (service, _) = stage(kind);
    let position = service.size();
    let mut example = curl(&service, "1.1.1", LEADER);
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

fn what_the_live_sample_prints_next_files_an_appeal_and_decides_it(kind: Kind) {
    let (service, printed) = stage(kind);
    let (_, next) = printed.split_once("──").expect("what to try next");
    let steps: Vec<_> = next.lines().filter(|line| line.starts_with("  ")).collect();
    let decide = steps.iter().position(|line| line.starts_with("  curl ")).expect("the decision is printed");
    assert_eq!(steps[2], "  sogoc serve &");
    // As they are printed, but for what runs already and where; the decision waits until it is told that the appeal is there.
    let steps = [&steps[..2], &steps[3..decide], &["read -r"], &steps[decide..], &["wait"]].concat();
    let mut command = Command::new("bash");
    let programs = path().parent().expect("the binary lies in a folder").display();
    command
        .args(["-ec", &steps.join("\n").replace("http://127.0.0.1:8080", &service.url())])
        .current_dir(workspace())
        .env("PATH", format!("{programs}:{}", std::env::var("PATH").expect("there is a PATH")))
        .env("SOGOC_STORE", service.store.url())
        .stdin(Stdio::piped());
    let mut example = Example::start(command);
    assert!(example.line().starts_with("lodged at position "));
    example.child.stdin.take().expect("piped").write_all(b"\n").expect("it waits");
    let (code, out, err) = example.end();
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains(r#""state":"ended""#) && out.contains(r#""value":"1""#), "{out}{err}");
    service.stop();
}

fn an_example_that_is_refused_says_why(kind: Kind) {
    let (service, _) = stage(kind);
    for (leaf, account, code) in [("1.1.1", OFFICER, "role-missing"), ("9.9", LEADER, "unknown-leaf")] {
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
        .args(["--season", SEASON, "--agency", "so-y-te", "--appeal", "kn-1", "--leaf", "1.1.1"])
        .args(["--ground", GROUND, "--language", "vi"])
        .env("PYTHONPATH", &stubs)
        .env("SOGOC_TOKEN", service.token(OFFICER));
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
