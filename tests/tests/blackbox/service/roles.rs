//! Every method × every kind of caller, by one table: `fixtures/service/methods.txt`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::support::binary::workspace;
use crate::support::evidence;
use crate::support::pilot::{self, by};
use crate::support::service::{Caller, Service, announce, fresh_id, lodged};
use crate::support::serving::Reply;
use crate::support::stores::{Kind, Store, on_sqlite};

on_sqlite!(
    every_kind_of_caller_may_what_the_table_says_and_nothing_else,
    what_a_way_of_calling_does_not_admit_is_refused_at_every_method,
    the_table_and_the_schema_have_the_same_methods,
);

#[test]
fn what_the_table_says_of_commands_is_the_domain_s_own_table() {
    const ROLES: [&str; 11] = [
        "agency-officer",
        "agency-leader",
        "reviewer",
        "confirmer",
        "council-member",
        "council-chair",
        "secretariat",
        "administrator",
        "inspector",
        "survey-operator",
        "survey-monitor",
    ];
    let authority = std::fs::read_to_string(workspace().join("crates/sogoc-domain/AUTHORITY.md")).unwrap();
    for row in rows() {
        let Some(kind) = row.path.strip_prefix("/v1/commands/") else { continue };
        let line = authority.lines().find(|line| line.starts_with(&format!("| `{kind}` |")));
        let who = line.and_then(|line| line.split('|').nth(2)).unwrap_or_else(|| panic!("{kind} is in no table"));
        // Roles by their words, but for those who may it in an imported season alone: that of the rows is live.
        let parts = who.split(';').filter(|part| !part.contains("imported season"));
        let words: BTreeSet<_> = parts.flat_map(|part| part.split([' ', '(', ')', ','])).collect();
        let anybody = who.contains("any role");
        let may = |role: &&str| if anybody || words.contains(role) { "+" } else { "-" };
        let expected: Vec<_> = ["0"].into_iter().chain(ROLES.iter().map(may)).chain(["-"]).collect();
        assert_eq!(row.cells, expected, "{kind}: {who}");
    }
}

const TABLE: &str = include_str!("../fixtures/service/methods.txt");
const REQUESTS: &str = include_str!("../fixtures/service/requests.json");

/// The columns of the table: an account of each role, and one without any.
const CALLERS: [&str; 13] = [
    "public",
    "officer-yt",
    "leader-yt",
    "reviewer-nv",
    "confirmer-nv",
    "member-ub",
    "chair",
    "secretary",
    "admin",
    "inspector",
    "operator",
    "monitor",
    "idle",
];

/// Codes that say no for who somebody is.
const AUTHORITY: [&str; 14] = [
    "account-inactive",
    "may-not-read",
    "needs-two",
    "no-delegation",
    "not-assigned",
    "not-own-agency",
    "own-account",
    "own-case",
    "own-decision",
    "own-text",
    "recused",
    "role-missing",
    "scope-missing",
    "second-person",
];

/// One row.
#[derive(Debug)]
struct Row {
    method: &'static str,
    verb: &'static str,
    path: &'static str,
    cells: Vec<&'static str>,
}

fn rows() -> Vec<Row> {
    let row = |line: &'static str| {
        let mut words = line.split_whitespace();
        let mut next = || words.next().expect("a row has a method, a verb, a path and its cells");
        let (method, verb, path) = (next(), next(), next());
        let cells: Vec<_> = words.collect();
        assert_eq!(cells.len(), CALLERS.len(), "{line}");
        Row { method, verb, path, cells }
    };
    TABLE.lines().filter(|line| !line.starts_with('#')).map(row).collect()
}

/// The service with all that the rows are about, and what stands for the placeholders of requests.
fn stage(kind: Kind) -> (Service, BTreeMap<&'static str, String>) {
    let store = Store::served(kind);
    announce(&store);
    let opens = |account: &str| {
        let new = json!({"account": account, "agency": "trung-tam", "name": "Chuyên viên"});
        by("admin", "open-account", &json!({"account": new}))
    };
    store.sogoc().accepted(&[
        lodged(),
        opens("spare"),
        opens("proposed"),
        opens("closing"),
        by("admin", "grant-role", &json!({"account": "spare", "role": "inspector"})),
        by(
            "acc-so-thong-tin-va-truyen-thong-admin-1",
            "propose-role",
            &json!({"account": "proposed", "role": "secretariat"}),
        ),
        by("secretary", "open-session", &json!({"session": "hop-1", "present": ["chair", "member-ub"]})),
    ]);
    let service = Service::over(store);
    let at = service.public().get("/v1/log/head").ok()["at"].as_str().unwrap().to_owned();
    let soon = OffsetDateTime::parse(&at, &Rfc3339).unwrap() + Duration::days(30);
    let inspector = service.account("inspector");
    let trace = inspector.get(&format!("/v1/traces/{}/so/so-y-te/leaf/1.1.1/appraised_points", pilot::SEASON)).ok();
    let upload = |file: &std::path::Path| {
        let stored = service.account("officer-yt").send("POST", "/v1/evidence", &[], &std::fs::read(file).unwrap());
        stored.ok()["digest"].as_str().unwrap().to_owned()
    };
    let placeholders = BTreeMap::from([
        ("{digest}", upload(&evidence::unsigned())),
        ("{anchors}", upload(&evidence::anchors())),
        ("{commitment}", commitment(&trace).expect("an adjustment has a reason")),
        ("{now}", at),
        ("{soon}", soon.format(&Rfc3339).unwrap()),
    ]);
    (service, placeholders)
}

/// The first commitment of a text in an answer.
fn commitment(value: &Value) -> Option<String> {
    match value {
        Value::Object(fields) => {
            let own = fields.get("commitment").and_then(Value::as_str).map(str::to_owned);
            own.or_else(|| fields.values().find_map(commitment))
        }
        Value::Array(items) => items.iter().find_map(commitment),
        _ => None,
    }
}

/// The request of a row in a caller's name.
fn ask(row: &Row, name: &str, caller: &Caller<'_>, placeholders: &BTreeMap<&'static str, String>) -> Reply {
    let requests: BTreeMap<String, Value> = serde_json::from_str(REQUESTS).unwrap();
    let mut text = requests.get(row.method).unwrap_or(&json!({})).to_string();
    text = text.replace("{caller}", name).replace("{account}", if name == "public" { "chair" } else { name });
    placeholders.iter().for_each(|(from, to)| text = text.replace(from, to));
    let mut body: Value = serde_json::from_str(&text).unwrap();
    let id = fresh_id();
    let path = row.path.replace("{id}", &id).replace("{digest}", &placeholders["{digest}"]);
    match (row.method, row.verb) {
        ("WatchEntries", _) => caller.begin("GET", &path),
        ("UploadFile", _) => caller.send("POST", &path, &[], format!("%PDF-1.7 {name}").as_bytes()),
        (_, "GET") => caller.get(&path),
        (_, _) => {
            if path.starts_with("/v1/commands/") {
                body["command_id"] = id.into();
                body["envelope"] = json!({"instrument": {"id": pilot::DECISION}});
            }
            if row.method == "SetSeasonPolicy" {
                body["policy"] = policy();
            }
            caller.post(&path, &body)
        }
    }
}

/// The pilot's policy, as it was given.
fn policy() -> Value {
    let given = pilot::founding_to_activation();
    let given = given.iter().find(|command| command["command"]["type"] == "set-season-policy");
    given.expect("a season has a policy")["command"]["policy"].clone()
}

fn every_kind_of_caller_may_what_the_table_says_and_nothing_else(kind: Kind) {
    let (service, placeholders) = stage(kind);
    let mut wrong = Vec::new();
    for row in rows() {
        for (name, cell) in CALLERS.into_iter().zip(&row.cells) {
            let caller = if name == "public" { service.public() } else { service.session(name) };
            let reply = ask(&row, name, &caller, &placeholders);
            let code = if reply.status >= 400 {
                reply.any_problem()["code"].as_str().unwrap().to_owned()
            } else {
                String::new()
            };
            let for_who_it_is = reply.status == 403 && AUTHORITY.contains(&code.as_str());
            let as_expected = match *cell {
                "0" => reply.status == 401 && ["not-signed-in", "sign-in-failed"].contains(&code.as_str()),
                "-" => for_who_it_is,
                "?" => reply.status == 404 && code == "unknown",
                "+" => reply.status != 401 && !for_who_it_is && reply.status < 500 && code != "malformed-command",
                other => panic!("{other} is no cell"),
            };
            if !as_expected {
                let text = String::from_utf8_lossy(&reply.body).chars().take(300).collect::<String>();
                wrong.push(format!("{} {} by {name}: {cell}, but {} {text}", row.method, row.path, reply.status));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    service.stop();
}

fn what_a_way_of_calling_does_not_admit_is_refused_at_every_method(kind: Kind) {
    let (service, placeholders) = stage(kind);
    // Whose token is for one kind of command gives no other, and reads what the public may: by its own roles a secretary
    // would be shown more.
    let narrow = service.new_token("secretary", &["command:delegate"]);
    let revoked = service.new_token("secretary", &["read", "command"]);
    let closed = service.session("closing");
    service.session("admin").post(&format!("/v1/tokens/{}/revoke", revoked["id"].as_str().unwrap()), &json!({})).ok();
    service.session("admin").new_command("close-account", &json!({"account": "closing", "reason": "Nghỉ hưu"})).ok();
    let (narrow, revoked) = (narrow["token"].as_str().unwrap(), revoked["token"].as_str().unwrap());
    for row in rows() {
        let told = |caller: &Caller<'_>| {
            let reply = ask(&row, "secretary", caller, &placeholders);
            let code = if reply.status < 400 { Value::Null } else { reply.any_problem()["code"].clone() };
            (reply.status, code)
        };
        let what = (row.method, row.path);
        assert_eq!(told(&service.by(revoked)), (401, json!("token-over")), "{what:?}");
        assert_eq!(told(&closed), (403, json!("account-inactive")), "{what:?}");
        let (status, code) = told(&service.by(narrow));
        match row.method {
            "Delegate" => assert_eq!(status, 200, "{code}"),
            // For whoever has the password.
            "SignIn" => assert_eq!((status, code), (401, json!("sign-in-failed"))),
            // It ends nothing.
            "SignOut" => assert!(status == 200 || code == "scope-missing", "{status} {code}"),
            _ if row.cells[0] != "0" => {
                assert_eq!((status, code), told(&service.public()), "{what:?}");
                assert_eq!(status == 403, row.cells[0] == "-", "{what:?}");
                let shown = |caller: &Caller<'_>| {
                    let reply = ask(&row, "secretary", caller, &placeholders);
                    (reply.status == 200).then_some(reply.body)
                };
                assert_eq!(shown(&service.by(narrow)), shown(&service.public()), "{what:?}");
            }
            _ => assert_eq!((status, code), (403, json!("scope-missing")), "{what:?}"),
        }
    }
    service.stop();
}

fn the_table_and_the_schema_have_the_same_methods(kind: Kind) {
    let service = Service::over(Store::served(kind));
    let document = service.public().get("/openapi.json").ok();
    let mut served = BTreeSet::new();
    for (path, verbs) in document["paths"].as_object().unwrap() {
        for (verb, operation) in verbs.as_object().unwrap() {
            let method = operation["operationId"].as_str().unwrap();
            served.insert(method.to_owned());
            let same = |row: &Row| row.method == method && row.verb == verb.to_uppercase() && fits(row.path, path);
            assert!(rows().iter().any(same), "{method} {verb} {path} is not in the table");
        }
    }
    let listed: BTreeSet<_> = rows().iter().map(|row| row.method.to_owned()).collect();
    assert_eq!(listed, served);
    let requests: BTreeMap<String, Value> = serde_json::from_str(REQUESTS).unwrap();
    assert!(requests.keys().all(|method| served.contains(method)));
    service.stop();
}

/// Whether a path is of this form. The last part of a form may stand for several.
fn fits(path: &str, form: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    let (mut parts, mut forms) = (path.split('/'), form.split('/').peekable());
    while let Some(form) = forms.next() {
        let Some(part) = parts.next() else { return false };
        if !form.starts_with('{') && part != form {
            return false;
        }
        if form.starts_with('{') && forms.peek().is_none() {
            return true;
        }
    }
    parts.next().is_none()
}
