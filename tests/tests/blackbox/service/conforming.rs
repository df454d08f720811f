//! The OpenAPI document against what is served, by schemathesis: no 5xx, and nothing is answered that it does not describe.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::pilot;
use crate::support::service::{Service, announce, lodged, named};
use crate::support::stores::{Kind, Store, on_sqlite};

on_sqlite!(
    what_is_answered_to_an_administrator_is_what_the_document_says,
    what_is_answered_to_anybody_is_what_the_document_says
);

/// Cases of each operation beside those that cover its parameters.
const CASES: &str = "3";
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance";

/// The document with what makes sense in it, so that questions find something.
fn with_examples(mut document: Value) -> Value {
    let examples = json!({
        "season": "hanam-2022", "agency": "so-noi-vu", "address": "hanam-2022/departments/so-noi-vu/index",
        "set": "hanam-2022-departments", "group": "departments", "leaf": "1.1.1", "appeal": "kn-01", "account": "admin",
        "level": 0, "number": 0, "position": 7, "size1": 3, "size2": 9, "from": 4000, "to": 4200, "page_size": 3, "as_of": "4200",
        "command_id": "0193c9a0-0000-7000-8000-000000000001", "id": "tok-admin",
    });
    let requests: Value = serde_json::from_str(include_str!("../fixtures/service/requests.json")).unwrap();
    for operation in document["paths"]
        .as_object_mut()
        .unwrap()
        .values_mut()
        .flat_map(|verbs| verbs.as_object_mut().unwrap().values_mut())
    {
        for parameter in operation["parameters"].as_array_mut().unwrap() {
            let name = parameter["name"].as_str().unwrap().to_owned();
            // What narrows a question down is left to chance.
            let narrows = ["group", "page_size", "size1", "size2", "from", "to"].contains(&name.as_str());
            if let Some(example) = examples.get(&name)
                && (narrows || parameter["required"] == true)
            {
                parameter["example"] = example.clone();
            }
        }
        let method = operation["operationId"].as_str().unwrap().to_owned();
        if let Some(body) = requests.get(&method) {
            let text = body.to_string().replace("{caller}", "schemathesis").replace("{account}", "chair");
            operation["requestBody"]["content"]["application/json"]["example"] = serde_json::from_str(&text).unwrap();
        }
    }
    document
}

#[track_caller]
fn conform(service: &Service, token: Option<&str>) {
    let Some(python) = named("SOGOC_TEST_PYTHON") else { return };
    let document = with_examples(service.public().get("/openapi.json").ok());
    let document = service.store.write("openapi.json", document.to_string());
    let mut command = Command::new(Path::new(&python).with_file_name("schemathesis"));
    command.arg("run").arg(document).args(["--url", &service.url()]);
    command.args(["--seed", "1", "--max-examples", CASES, "--checks", CHECKS]);
    // A watch has no end.
    command.args([
        "--exclude-operation-id",
        "WatchEntries",
        "--no-shrink",
        "--continue-on-failure",
        "--warnings",
        "off",
        "--no-color",
    ]);
    // Whatever a parameter may be is tried by somebody who gets past the door.
    command.args(["--phases", if token.is_some() { "examples,coverage,fuzzing" } else { "examples,fuzzing" }]);
    if let Some(token) = token {
        command.args(["--header", &format!("Authorization: Bearer {token}")]);
    }
    let tried = command.current_dir(service.store.folder()).output().expect("schemathesis runs");
    let said = String::from_utf8_lossy(&tried.stdout);
    assert!(tried.status.success(), "{said}{}", String::from_utf8_lossy(&tried.stderr));
    assert!(said.contains("No issues found"), "{said}");
}

fn what_is_answered_to_an_administrator_is_what_the_document_says(kind: Kind) {
    let store = Store::served(kind);
    announce(&store);
    store.sogoc().accepted(&[
        lodged(),
        pilot::by(
            "acc-so-thong-tin-va-truyen-thong-admin-1",
            "propose-role",
            &json!({"account": "admin", "role": "secretariat"}),
        ),
        pilot::by("acc-ubnd-tinh-chair-1", "approve-role", &json!({"account": "admin", "role": "secretariat"})),
    ]);
    let service = Service::over(store);
    let token = service.token("admin");
    conform(&service, Some(&token));
    service.stop();
}

fn what_is_answered_to_anybody_is_what_the_document_says(kind: Kind) {
    let service = Service::over(Store::served(kind));
    conform(&service, None);
    service.stop();
}
