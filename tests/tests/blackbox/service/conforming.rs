//! Whatever the OpenAPI document admits is answered as it says: tried by a fuzzer that reads it.

use std::process::Command;

use crate::support::service::{Service, named};
use crate::support::stores::{Kind, Store, on_sqlite};

on_sqlite!(whatever_the_openapi_document_admits_is_answered_as_it_says, health_is_told_by_grpc_s_own_service);

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
