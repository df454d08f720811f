//! Programs that nobody here wrote a transport for: Python from generated stubs, curl, and a fuzzer of the OpenAPI document.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::support::binary::workspace;
use crate::support::pilot;
use crate::support::service::{Service, announce, named};
use crate::support::stores::{Kind, Store, on_sqlite};

on_sqlite!(
    the_python_example_files_an_appeal_and_watches_it_decided,
    health_is_told_by_grpc_s_own_service,
    whatever_the_openapi_document_admits_is_answered_as_it_says,
);

/// Generates the stubs as the example's own text says.
fn stubs(python: &str, to: &Path) {
    let proto = workspace().join("proto");
    let files = std::fs::read_dir(proto.join("sogoc/v1")).unwrap().map(|file| file.unwrap().path());
    std::fs::create_dir(to).unwrap();
    let out = Command::new(python)
        .args(["-m", "grpc_tools.protoc", "-I"])
        .arg(&proto)
        .arg(format!("--python_out={}", to.display()))
        .arg(format!("--grpc_python_out={}", to.display()))
        .args(files)
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

fn the_python_example_files_an_appeal_and_watches_it_decided(kind: Kind) {
    let Some(python) = named("SOGOC_TEST_PYTHON") else { return };
    let store = Store::pilot(kind);
    announce(&store);
    let service = Service::over(store);
    let generated = service.store.folder().join("stubs");
    stubs(&python, &generated);
    let example = |token: &str| {
        let mut command = Command::new(&python);
        command
            .arg(workspace().join("clients/python/appeal.py"))
            .arg(service.address.to_string())
            .args([pilot::SEASON, "so-y-te", "1.1.1", "1", "Tài liệu đã nộp đúng hạn"])
            .env("PYTHONPATH", &generated)
            .env("PYTHONIOENCODING", "utf-8")
            .env("SOGOC_TOKEN", token)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    };
    // Who may not is told the rule and the remedy.
    let refused = example(&service.token("officer-yt")).output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("role-missing") && said.contains("→"), "{said}");

    let mut running = example(&service.token("leader-yt")).spawn().unwrap();
    let secretary = service.account("secretary");
    let appeals = format!("/v1/seasons/{}/appeals?agency=so-y-te", pilot::SEASON);
    let appeal = loop {
        let listed = secretary.get(&appeals).json();
        if let Some(appeal) = listed["appeals"][0]["appeal"].as_str() {
            break appeal.to_owned();
        }
        if running.try_wait().unwrap().is_some() {
            let out = running.wait_with_output().unwrap();
            panic!("{}", String::from_utf8_lossy(&out.stderr));
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    };
    let decision = json!({
        "item": 1, "outcome": "upheld", "reason_code": "appeal_decided", "reason": "Tổ thư ký đã đối chiếu",
        "sets": {"points": {"override": "1"}},
    });
    let decided = json!({
        "season": pilot::SEASON, "agency": "so-y-te", "appeal": appeal, "decisions": [decision],
        "voters": ["chair", "member-ub"],
    });
    let answer = secretary.new_command("decide-appeal", &decided);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let out = running.wait_with_output().unwrap();
    let (said, errors) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{said}\n{errors}");
    assert!(said.contains("upheld") && said.contains("leaf/1.1.1/appraised_points = 1.00"), "{said}");
    assert!(said.contains("the appeal is ended") && said.contains("appeal-item-decided"), "{said}");
}

fn health_is_told_by_grpc_s_own_service(kind: Kind) {
    let service = Service::over(Store::pilot(kind));
    let health = service.public().send(
        "POST",
        "/grpc.health.v1.Health/Check",
        &[("content-type", "application/json")],
        br#"{"service":"sogoc.v1.FiguresService"}"#,
    );
    assert_eq!(health.json()["status"], "SERVING");
}

fn whatever_the_openapi_document_admits_is_answered_as_it_says(kind: Kind) {
    let Some(python) = named("SOGOC_TEST_PYTHON") else { return };
    let service = Service::over(Store::pilot(kind));
    let token = service.token("inspector");
    let out = Command::new(&python)
        .args(["-m", "schemathesis.cli", "run", "--no-color", "--workers", "2", "--max-examples", "4", "--seed", "1"])
        .args(["--phases", "fuzzing", "--generation-deterministic", "--request-timeout", "20"])
        .args([
            "--checks",
            "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
        ])
        // It has no end.
        .args(["--exclude-path", "/v1/log/watch"])
        .args(["--header", &format!("Authorization: Bearer {token}")])
        .arg(format!("{}/openapi.json", service.url()))
        .current_dir(service.store.folder())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{said}\n{}", String::from_utf8_lossy(&out.stderr));
}
