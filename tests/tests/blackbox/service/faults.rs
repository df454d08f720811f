//! What goes wrong, and how it is told: by every protocol with the same code, in the caller's language, with what to do.

use std::io::{Read as _, Write as _};
use std::thread;

use serde_json::{Value, json};

use crate::support::pilot;
use crate::support::service::{Service, as_request, fresh_id};
use crate::support::serving::connect;
use crate::support::stores::{Kind, Store, on_both_stores, on_sqlite};

on_both_stores!(
    a_command_that_is_sent_again_gives_its_first_receipt_and_another_under_its_id_is_refused,
    of_copies_that_come_at_once_one_takes_effect,
    who_saw_an_older_version_is_told_what_changed_and_by_whom,
);
on_sqlite!(
    what_cannot_be_read_or_is_not_there_is_a_problem_in_both_languages,
    the_same_refusal_is_told_by_every_protocol,
    a_field_has_two_names_but_not_at_once,
    what_is_said_in_two_places_must_agree,
    heads_that_are_too_large_or_never_end_cost_the_connection_and_nothing_else,
    every_kind_of_command_can_be_given_in_the_schema_s_form,
);

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
/// What is wrong, verb, path, headers, body, and the status and code that it is told by.
type Case<'a> = (&'a str, &'a str, &'a str, &'a [(&'a str, &'a str)], Vec<u8>, (u16, &'a str));

const SCORE: &str = "/v1/commands/record-self-score";

fn what_cannot_be_read_or_is_not_there_is_a_problem_in_both_languages(kind: Kind) {
    let service = Service::over(Store::served(kind));
    let officer = service.account("officer-yt");
    let good = json!({"command_id": fresh_id(), "season": pilot::SEASON, "agency": "so-y-te", "leaf": "1.1.1", "inputs": {"yes_no": true}});
    let but = |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        body.to_string().into_bytes()
    };
    let deep = [b"{\"inputs\":".repeat(5_000), b"{}".to_vec(), b"}".repeat(5_000)].concat();
    let deep_struct = format!(
        r#"{{"commands":[{{"kind":"adjust-score","command":{}1{}}}]}}"#,
        r#"{"a":"#.repeat(100),
        "}".repeat(100)
    );
    let long_query = format!("/v1/log/entries?page_token={}", "a".repeat(12_000));
    let malformed = (400, "malformed-command");
    let cases: Vec<Case<'_>> = vec![
        ("an unknown path", "GET", "/v1/no-such-path", &[], vec![], (404, "no-such-method")),
        ("an unknown path outside of /v1", "GET", "/index.php", &[], vec![], (404, "no-such-method")),
        (
            "an unknown kind of command",
            "POST",
            "/v1/commands/no-such-kind",
            JSON,
            b"{}".to_vec(),
            (404, "no-such-method"),
        ),
        ("a verb that changes", "DELETE", "/v1/seasons", &[], vec![], (405, "wrong-verb")),
        ("a question as a command", "POST", "/v1/seasons", JSON, b"{}".to_vec(), (405, "wrong-verb")),
        ("a command as a question", "GET", SCORE, &[], vec![], (405, "wrong-verb")),
        ("an unknown parameter", "GET", "/v1/seasons?limit=5", &[], vec![], malformed),
        ("a parameter twice", "GET", "/v1/log/entries?page_size=5&page_size=6", &[], vec![], malformed),
        ("no number", "GET", "/v1/log/entries?page_size=many", &[], vec![], malformed),
        ("a negative number", "GET", "/v1/log/entries?page_size=-1", &[], vec![], malformed),
        ("a number that is too large", "GET", "/v1/log/entries?from=18446744073709551616", &[], vec![], malformed),
        ("a query that is no UTF-8", "GET", "/v1/log/entries?page_token=%ff%fe", &[], vec![], (400, "invalid")),
        ("a path that is no UTF-8", "GET", "/v1/seasons/%ff", &[], vec![], malformed),
        ("an unknown season", "GET", "/v1/seasons/no-such-season", &[], vec![], (404, "unknown")),
        ("what is no id", "GET", "/v1/seasons/No%20Such", &[], vec![], (400, "invalid")),
        ("an unknown figure", "GET", "/v1/figures/hanam-2022/departments/no-such/index", &[], vec![], (404, "unknown")),
        (
            "an as-of beyond the log",
            "GET",
            "/v1/figures/hanam-2022/departments/so-noi-vu/index?as_of=99999999",
            &[],
            vec![],
            (400, "invalid"),
        ),
        (
            "an as-of that is none",
            "GET",
            "/v1/figures/hanam-2022/departments/so-noi-vu/index?as_of=yesterday",
            &[],
            vec![],
            (400, "invalid"),
        ),
        ("a page that is none", "GET", "/v1/log/entries?page_token=abc", &[], vec![], (400, "invalid")),
        (
            "a position that is not there yet",
            "GET",
            "/v1/seasons?least_position=99999999",
            &[],
            vec![],
            (400, "invalid"),
        ),
        ("no body", "POST", SCORE, JSON, vec![], (400, "missing")),
        ("an empty object", "POST", SCORE, JSON, b"{}".to_vec(), (400, "missing")),
        ("half an object", "POST", SCORE, JSON, b"{\"season\":".to_vec(), malformed),
        ("two objects", "POST", SCORE, JSON, b"{}{}".to_vec(), malformed),
        ("an array", "POST", SCORE, JSON, b"[]".to_vec(), malformed),
        ("null", "POST", SCORE, JSON, b"null".to_vec(), malformed),
        ("a body that is no UTF-8", "POST", SCORE, JSON, b"{\"season\":\"\xff\xfe\"}".to_vec(), malformed),
        ("half a character", "POST", SCORE, JSON, br#"{"season":"\ud800"}"#.to_vec(), malformed),
        ("an object in thousands of others", "POST", SCORE, JSON, deep, malformed),
        ("a value in a hundred others", "POST", "/v1/what-if", JSON, deep_struct.into_bytes(), malformed),
        ("an unknown field", "POST", SCORE, JSON, but("points", json!("1")), malformed),
        ("a text for an object", "POST", SCORE, JSON, but("inputs", json!("yes")), malformed),
        (
            "two branches of a choice",
            "POST",
            SCORE,
            JSON,
            but("inputs", json!({"yes_no": true, "count": "1"})),
            malformed,
        ),
        ("no branch of a choice", "POST", SCORE, JSON, but("inputs", json!({})), malformed),
        ("an id that is no UUID", "POST", SCORE, JSON, but("command_id", json!("1")), (400, "invalid")),
        (
            "the id of nobody",
            "POST",
            SCORE,
            JSON,
            but("command_id", json!("00000000-0000-0000-0000-000000000000")),
            (400, "invalid"),
        ),
        ("a season that is no id", "POST", SCORE, JSON, but("season", json!("Đợt 2026")), malformed),
        ("an unknown leaf", "POST", SCORE, JSON, but("leaf", json!("9.9")), (404, "unknown-leaf")),
        ("inputs of another rule", "POST", SCORE, JSON, but("inputs", json!({"count": "3"})), (400, "inputs-unfit")),
        ("a decimal without end", "POST", SCORE, JSON, but("inputs", json!({"count": "1".repeat(10_000)})), malformed),
        (
            "a form",
            "POST",
            SCORE,
            &[("content-type", "application/x-www-form-urlencoded")],
            b"season=x".to_vec(),
            (415, "wrong-media-type"),
        ),
        ("text", "POST", SCORE, &[("content-type", "text/plain")], b"{}".to_vec(), (415, "wrong-media-type")),
        ("no media type", "POST", SCORE, &[], b"{}".to_vec(), (415, "wrong-media-type")),
        ("a body of 5 MiB", "POST", SCORE, JSON, vec![b' '; 5 << 20], (413, "too-large")),
        ("a query of more than 8 KiB", "GET", &long_query, &[], vec![], (414, "query-too-long")),
    ];
    for (what, verb, path, headers, body, (status, code)) in cases {
        let told = ["vi", "en"].map(|language| {
            let reply = officer.clone().reading(language).send(verb, path, headers, &body);
            assert_eq!(reply.status, status, "{what}: {}", String::from_utf8_lossy(&reply.body));
            reply.problem(status, code)
        });
        let [vi, en] = told;
        assert_ne!(vi["message"], en["message"], "{what}");
        assert_ne!(vi["remedy"], en["remedy"], "{what}");
        let long = |problem: &Value| problem.to_string().len();
        assert!(long(&vi) < 3_000 && long(&en) < 3_000, "{what}: a hostile value is not repeated whole");
    }
    for bearer in [
        "Bearer nonsense",
        "Bearer ",
        "Basic YWRtaW46YWRtaW4=",
        "Bearer sogoc_0000000000000000000000000000000000000000000",
    ] {
        let reply = service.public().send("GET", "/v1/seasons", &[("authorization", bearer)], b"");
        reply.problem(401, "token-over");
        assert!(reply.headers["www-authenticate"].starts_with("Bearer"));
    }
    assert_eq!(service.size(), service.store.sogoc().size(), "nothing of it was recorded");
    officer.post(SCORE, &good).ok();
    service.stop();
}

fn the_same_refusal_is_told_by_every_protocol(kind: Kind) {
    let service = Service::over(Store::served(kind));
    let officer = service.account("officer-yt").reading("vi");
    let command = json!({"season": pilot::SEASON, "agency": "so-y-te", "leaf": "1.1.1"});
    let mut body = command.clone();
    body["command_id"] = fresh_id().into();
    let problem = officer.command("accept-score", &body).problem(403, "role-missing");
    let reply = officer.connect("ScorecardsService/AcceptScore", &body);
    assert_eq!(reply.status, 403);
    let error = reply.json();
    assert_eq!(error["code"], "permission_denied");
    let detail = &error["details"][0];
    assert_eq!(detail["type"], "sogoc.v1.Refusal");
    for member in ["code", "message", "remedy", "values"] {
        assert_eq!(detail["debug"][member], problem[member], "{member}");
    }
    // gRPC-Web: one frame of protobuf, and trailers in the body.
    let empty_frame = [0, 0, 0, 0, 0];
    let headers = [("content-type", "application/grpc-web+proto")];
    let reply = officer.send("POST", "/sogoc.v1.ScorecardsService/AcceptScore", &headers, &empty_frame);
    assert_eq!(reply.status, 200, "gRPC tells in trailers");
    let trailers = String::from_utf8_lossy(&reply.body).to_ascii_lowercase();
    let in_headers = reply.headers.get("grpc-status").is_some_and(|status| status == "3");
    assert!(in_headers || trailers.contains("grpc-status: 3") || trailers.contains("grpc-status:3"), "{trailers:?}");
    // What is no method of the schema is none by any protocol.
    let reply = officer.connect("ScorecardsService/EraseEverything", &json!({}));
    assert_eq!((reply.status, reply.json()["code"].clone()), (404, json!("unimplemented")));
    service.stop();
}

fn a_field_has_two_names_but_not_at_once(kind: Kind) {
    let service = Service::over(Store::served(kind));
    let officer = service.account("officer-yt");
    let command = |names: &[&str], yes_no: &str, yes: bool| {
        let mut body = json!({"season": pilot::SEASON, "agency": "so-y-te", "leaf": "1.1.1", "inputs": {}});
        names.iter().for_each(|name| body[*name] = fresh_id().into());
        body["inputs"] = json!({ yes_no: yes });
        officer.post(SCORE, &body)
    };
    command(&["commandId"], "yesNo", true).ok();
    command(&["command_id"], "yes_no", false).ok();
    command(&["command_id", "commandId"], "yes_no", true).problem(400, "malformed-command");
    // The same name twice.
    let twice = format!(r#"{{"command_id":"{}","season":"a","season":"b"}}"#, fresh_id());
    officer.send("POST", SCORE, JSON, twice.as_bytes()).problem(400, "malformed-command");
    service.stop();
}

fn what_is_said_in_two_places_must_agree(kind: Kind) {
    let service = Service::over(Store::served(kind));
    let inspector = service.account("inspector");
    let claims = json!([{"claim_id": "c-1", "figure": "departments/so-noi-vu/index", "published": "93.18"}]);
    let path = "/v1/seasons/hanam-2022/reconcile";
    let one = inspector.post(path, &json!({"claims": claims})).ok();
    assert_eq!(inspector.post(path, &json!({"claims": claims, "season": "hanam-2022"})).ok(), one);
    inspector.post(path, &json!({"claims": claims, "season": "pilot-2026"})).problem(400, "malformed-command");
    service.stop();
}

fn heads_that_are_too_large_or_never_end_cost_the_connection_and_nothing_else(kind: Kind) {
    let service = Service::over(Store::served(kind));
    let mut slow = connect(service.address);
    slow.write_all(b"GET /v1/seasons HTTP/1.1\r\nHost: x\r\nX-Slow: ").unwrap();
    let mut mute = connect(service.address);
    let large = "x".repeat(100_000);
    let mut stream = connect(service.address);
    let head = service.public().head("GET", "/v1/seasons", &[("x-large", &large)], None);
    let _ = stream.write_all(head.as_bytes());
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    assert!(bytes.is_empty() || bytes.starts_with(b"HTTP/1.1 431"), "{}", String::from_utf8_lossy(&bytes));
    for nonsense in [
        &b"\x16\x03\x01\x02\x00\x01\x00"[..],
        b"GET\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnonsense",
        b"\0\0\0\0\r\n\r\n",
    ] {
        let mut stream = connect(service.address);
        let _ = stream.write_all(nonsense);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        assert!(!bytes.starts_with(b"HTTP/1.1 2") && !bytes.starts_with(b"HTTP/1.1 5"), "{nonsense:?}");
    }
    // Others are served meanwhile.
    service.public().get("/v1/seasons").ok();
    for waiting in [&mut slow, &mut mute] {
        let mut bytes = Vec::new();
        let ended = waiting.read_to_end(&mut bytes);
        assert!(
            !matches!(&ended, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock),
            "it was kept for ever"
        );
        assert!(bytes.is_empty() || bytes.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&bytes));
    }
    service.public().get("/v1/seasons").ok();
    service.stop();
}

/// What founds a register of its own is what `sogoc execute` takes; each of its commands goes through the API as well.
fn every_kind_of_command_can_be_given_in_the_schema_s_form(kind: Kind) {
    let store = Store::empty(kind);
    let commands = pilot::founding_to_activation();
    store.sogoc().accepted(&commands[..1]);
    let service = Service::over(store);
    service.accepted(&commands[1..]);
    service.accepted(&pilot::all_submit());
    service.accepted(&pilot::all_appraised());
    service.accepted(&pilot::announced());
    // The same entries as by the command line, but for when they came and by what way.
    let other = Store::pilot(kind);
    for commands in [pilot::all_submit(), pilot::all_appraised(), pilot::announced()] {
        other.sogoc().accepted(&commands);
    }
    let of = |store: &Store| {
        let entries = store
            .sogoc()
            .entries(&[])
            .into_iter()
            .filter(|entry| entry["stream"].as_str().is_some_and(|s| !s.starts_with("sign-in")));
        entries.map(|entry| (entry["kind"].clone(), entry["command_digest"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(of(&service.store), of(&other));
    service.stop();
}

fn a_command_that_is_sent_again_gives_its_first_receipt_and_another_under_its_id_is_refused(kind: Kind) {
    let service = Service::over(Store::served(kind));
    let officer = service.account("officer-yt");
    let command = |yes: bool, id: &str| json!({"command_id": id, "season": pilot::SEASON, "agency": "so-y-te", "leaf": "1.1.1", "inputs": {"yes_no": yes}});
    let id = fresh_id();
    let first = officer.post(SCORE, &command(true, &id)).ok()["receipt"].clone();
    assert_eq!(first["repeated"], false);
    let again = officer.post(SCORE, &command(true, &id)).ok()["receipt"].clone();
    let connect = officer.connect("ScorecardsService/RecordSelfScore", &command(true, &id)).ok()["receipt"].clone();
    for receipt in [&again, &connect] {
        assert_eq!(receipt["repeated"], true);
        for member in ["command_id", "positions", "at"] {
            assert_eq!(receipt[member], first[member]);
        }
    }
    let other = officer.post(SCORE, &command(false, &id)).problem(409, "command-reused");
    assert_eq!(other["values"]["command_id"], id.as_str());
    service.account("leader-yt").post(SCORE, &command(true, &id)).problem(409, "command-reused");
    // A refusal does not take the id.
    let id = fresh_id();
    let mut unfit = command(true, &id);
    unfit["leaf"] = "9.9".into();
    officer.post(SCORE, &unfit).problem(404, "unknown-leaf");
    officer.post(SCORE, &command(false, &id)).ok();
    service.stop();
}

fn of_copies_that_come_at_once_one_takes_effect(kind: Kind) {
    let service = Service::over(Store::served(kind));
    let officer = service.account("officer-yt");
    let before = service.size();
    let command = json!({"command_id": fresh_id(), "season": pilot::SEASON, "agency": "so-y-te", "leaf": "1.1.1", "inputs": {"yes_no": true}});
    let receipts: Vec<Value> = thread::scope(|scope| {
        let copies: Vec<_> =
            (0..32).map(|_| scope.spawn(|| officer.post(SCORE, &command).ok()["receipt"].clone())).collect();
        copies.into_iter().map(|copy| copy.join().unwrap()).collect()
    });
    assert_eq!(receipts.iter().filter(|receipt| receipt["repeated"] == false).count(), 1);
    assert!(receipts.iter().all(|receipt| receipt["positions"] == json!([before])));
    assert_eq!(service.size(), before + 1);
    service.stop();
}

fn who_saw_an_older_version_is_told_what_changed_and_by_whom(kind: Kind) {
    let store = Store::served(kind);
    store.sogoc().accepted(&[pilot::declares_all("so-y-te"), pilot::submits("so-y-te")]);
    let service = Service::over(store);
    let seen = service.size() - 1;
    let adjust = |account: &str, seen: &Value| {
        let command = pilot::adjusts(account, "so-y-te", "1.1.1", "0", "evidence_missing");
        let (kind, body) = as_request(&pilot::with(&command, "seen", seen.clone()));
        service.account(account).command(&kind, &body)
    };
    let current = adjust("reviewer-nv", &json!(seen)).ok()["receipt"]["positions"][0].clone();
    let told = adjust("both-nv", &json!(seen)).problem(409, "leaf-changed");
    let values = &told["values"];
    assert_eq!(values["seen"], seen.to_string());
    assert_eq!(values["current"], current.to_string());
    assert_eq!(values["by"], "reviewer-nv");
    let message = told["message"].as_str().unwrap();
    assert!(message.contains("reviewer-nv") && message.contains("1.1.1"), "{message}");
    service.stop();
}
