//! Bounds of what callers may ask for, TLS, and the end of a node.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::support::pilot;
use crate::support::service::{Service, answer};
use crate::support::serving::{connect, over_tls};
use crate::support::stores::{Kind, Store, on_both_stores, on_sqlite};

on_both_stores!(what_was_acked_before_a_node_stopped_is_there);
on_sqlite!(
    where_too_much_is_under_way_others_are_told_to_come_again,
    who_sends_too_much_is_told_to_wait_and_others_are_not,
    a_call_that_takes_too_long_is_ended,
    a_watch_whose_client_went_away_gives_its_place_to_another,
    who_does_not_take_its_answer_loses_its_connection_and_keeps_nobody_else_out,
    a_certificate_is_renewed_while_the_service_runs,
);

fn where_too_much_is_under_way_others_are_told_to_come_again(kind: Kind) {
    let service =
        Service::with(Store::served(kind), "[limits]\nin_flight = 1\nrequests_per_second = 100000\nburst = 100000\n");
    let officer = service.account("officer-yt");
    // An upload that has begun takes the one place. Where one of the questions had it just then, the upload is the one that is
    // refused, and begins again.
    let (mut upload, busy) = loop {
        let mut upload = connect(service.address);
        upload.write_all(officer.head("POST", "/v1/evidence", &[], Some(20)).as_bytes()).unwrap();
        upload.write_all(b"%PDF-1.7 ").unwrap();
        upload.set_nonblocking(true).unwrap();
        let busy = loop {
            let reply = service.public().get("/v1/seasons");
            if reply.status != 200 || upload.peek(&mut [0]).is_ok() {
                break reply;
            }
        };
        upload.set_nonblocking(false).unwrap();
        if busy.status != 200 {
            break (upload, busy);
        }
    };
    busy.problem(503, "busy");
    assert!(busy.headers["retry-after"].parse::<u64>().unwrap() >= 1);
    // Watches have places of their own, and health is asked by nobody in particular.
    let error = officer.connect("SeasonsService/ListSeasons", &json!({}));
    assert_eq!((error.status, error.json()["code"].clone()), (503, json!("unavailable")));
    upload.write_all(b"%%EOF------").unwrap();
    answer(&mut upload).ok();
    service.public().get("/v1/seasons").ok();
    service.stop();
}

/// The one place for watches, and one caller who sends as much as it likes.
const ONE_PLACE: &str = "[limits]\nin_flight = 1\nrequests_per_second = 100000\nburst = 100000\n";

/// A watch of which the first entry has come. While there is no place for it, it is asked for again.
fn begun(service: &Service, request: &[u8]) -> TcpStream {
    for _ in 0..300 {
        let mut stream = connect(service.address);
        stream.write_all(request).unwrap();
        let mut bytes = Vec::new();
        let mut piece = [0; 1_024];
        while let Ok(read @ 1..) = stream.read(&mut piece) {
            bytes.extend_from_slice(&piece[..read]);
            if bytes.windows(10).any(|some| some == b"\"position\"") {
                return stream;
            }
        }
        assert!(String::from_utf8_lossy(&bytes).contains("busy"), "{}", String::from_utf8_lossy(&bytes));
        thread::sleep(Duration::from_millis(100));
    }
    panic!("its place was never free");
}

fn a_watch_whose_client_went_away_gives_its_place_to_another(kind: Kind) {
    let service = Service::with(Store::served(kind), ONE_PLACE);
    let (public, size) = (service.public(), service.size());
    let path = format!("/v1/log/watch?from={}", size - 1);
    let by_http = public.head("GET", &path, &[], None).into_bytes();
    // The same by the protocol of browsers, over HTTP/1.1 as well. Its message is framed by five bytes.
    let message = json!({ "from": size - 1 }).to_string();
    let frame = [&[0][..], &u32::try_from(message.len()).unwrap().to_be_bytes(), message.as_bytes()].concat();
    let headers = [("content-type", "application/connect+json"), ("connect-protocol-version", "1")];
    let head = public.head("POST", "/sogoc.v1.LogService/WatchEntries", &headers, Some(frame.len()));
    let by_connect = [head.as_bytes(), &frame].concat();
    // The log stays as it is, and so nothing is ever written to a watch that waits.
    for request in [&by_http, &by_connect, &by_http] {
        let watching = begun(&service, request);
        public.begin("GET", &path).problem(503, "busy");
        drop(watching);
    }
    assert_eq!(service.size(), size);
    service.stop();
}

fn who_does_not_take_its_answer_loses_its_connection_and_keeps_nobody_else_out(kind: Kind) {
    const QUESTIONS: usize = 100;
    let settings = "[limits]\nconnections = 2\nrequests_per_second = 100000\nburst = 100000\n";
    let service = Service::with(Store::served(kind), settings);
    // All answers together are far more than what the buffers of both ends hold.
    let question = format!("GET /v1/log/entries?page_size=1000 HTTP/1.1\r\nHost: {}\r\n\r\n", service.address);
    let one = service.public().get("/v1/log/entries?page_size=1000").body.len();
    assert!(one > 500_000, "{one}");
    let deaf = || {
        let mut stream = connect(service.address);
        stream.write_all(question.repeat(QUESTIONS).as_bytes()).unwrap();
        stream
    };
    let mut first = deaf();
    for _ in 0..20 {
        service.public().get("/v1/seasons").ok();
    }
    // Both places are taken: who comes now is served when one of them has taken nothing for too long.
    let second = deaf();
    service.public().get("/v1/seasons").ok();
    drop(second);
    // What lay in the buffers comes, and then the end of the connection.
    let mut bytes = Vec::new();
    let _ = first.read_to_end(&mut bytes);
    assert!((1..QUESTIONS * one).contains(&bytes.len()), "{} of {}", bytes.len(), QUESTIONS * one);
    service.stop();
}

fn who_sends_too_much_is_told_to_wait_and_others_are_not(kind: Kind) {
    let service = Service::with(Store::served(kind), "[limits]\nrequests_per_second = 1\nburst = 5\n");
    let (one, other) = (service.account("officer-yt"), service.account("officer-ln"));
    let replies: Vec<_> = (0..30).map(|_| one.get("/v1/seasons")).collect();
    let refused: Vec<_> = replies.iter().filter(|reply| reply.status != 200).collect();
    assert!(replies[..5].iter().all(|reply| reply.status == 200) && refused.len() >= 10, "{}", refused.len());
    for reply in refused {
        let problem = reply.problem(429, "too-many-requests");
        assert!(problem["retry_after_ms"].as_u64().unwrap() <= 1_000 && reply.headers["retry-after"] == "1");
    }
    other.get("/v1/seasons").ok();
    service.public().get("/v1/seasons").ok();
    service.stop();
}

fn a_call_that_takes_too_long_is_ended(kind: Kind) {
    let service = Service::with(Store::served(kind), "[limits]\ndeadline_seconds = 1\n");
    let officer = service.account("officer-yt");
    let mut stream = connect(service.address);
    let json = [("content-type", "application/json")];
    let head = officer.head("POST", "/v1/commands/record-self-score", &json, Some(1_000));
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(b"{\"season\":").unwrap();
    // The rest never comes.
    answer(&mut stream).problem(504, "deadline-exceeded");
    service.stop();
}

/// A certificate of its own for localhost, with its key.
fn certify(folder: &Path) -> Vec<u8> {
    let new = folder.join("new.pem");
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args([
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
            "-keyout",
        ])
        .arg(folder.join("new.key"))
        .arg("-out")
        .arg(&new)
        .output();
    let made = made.expect("openssl runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    std::fs::rename(folder.join("new.key"), folder.join("tls.key")).unwrap();
    std::fs::rename(&new, folder.join("tls.pem")).unwrap();
    std::fs::read(folder.join("tls.pem")).unwrap()
}

/// A question over TLS by somebody who trusts this certificate alone. Nothing where it is not shown.
fn asked(service: &Service, trusted: &[u8], path: &str) -> Option<u16> {
    let mut stream = over_tls(service.address, "localhost", trusted);
    stream.write_all(service.public().head("GET", path, &[], None).as_bytes()).ok()?;
    Some(answer(&mut stream).status)
}

fn a_certificate_is_renewed_while_the_service_runs(kind: Kind) {
    let store = Store::served(kind);
    let folder = store.folder().to_owned();
    let first = certify(&folder);
    let (pem, key) = (folder.join("tls.pem"), folder.join("tls.key"));
    let service = Service::with(store, &format!("[tls]\ncertificate = {pem:?}\nkey = {key:?}\n"));
    assert_eq!(asked(&service, &first, "/v1/seasons"), Some(200));
    // Who speaks no TLS gets nothing.
    let mut plain: TcpStream = connect(service.address);
    plain.write_all(b"GET /v1/seasons HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut bytes = Vec::new();
    let _ = plain.read_to_end(&mut bytes);
    assert!(!bytes.starts_with(b"HTTP/1.1 200"));
    let second = certify(&folder);
    service.until_says("the certificate was read again");
    assert_eq!(asked(&service, &second, "/v1/seasons"), Some(200));
    assert_eq!(asked(&service, &first, "/v1/seasons"), None);
    service.stop();
}

fn what_was_acked_before_a_node_stopped_is_there(kind: Kind) {
    const CLIENTS: usize = 8;
    let service = Service::over(Store::served(kind));
    let acked = AtomicU64::new(0);
    let officers = pilot::AGENCIES.map(|(agency, _)| (agency, service.account(&pilot::officer(agency))));
    let positions: BTreeSet<u64> = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let (agency, officer) = officers[number % officers.len()].clone();
                let (acked, leaf) = (&acked, if number < officers.len() { "1.1.1" } else { "2.4" });
                scope.spawn(move || {
                    let mut positions = Vec::new();
                    for turn in 0.. {
                        let fields = json!({"season": pilot::SEASON, "agency": agency, "leaf": leaf, "inputs": {"yes_no": turn % 2 == 0}});
                        // Refused for want of a listener, or cut: not acked.
                        let Some(reply) = officer.try_command("record-self-score", &fields) else { return positions };
                        if reply.status != 200 {
                            assert_eq!(reply.status, 503, "{}", reply.text());
                            return positions;
                        }
                        positions.push(reply.json()["receipt"]["positions"][0].as_u64().unwrap());
                        acked.fetch_add(1, Ordering::SeqCst);
                    }
                    positions
                })
            })
            .collect();
        while acked.load(Ordering::SeqCst) < 40 {
            thread::yield_now();
        }
        service.ask_to_stop();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    assert!(service.wait().success());
    assert_eq!(positions.len() as u64, acked.load(Ordering::SeqCst), "no position was given twice");
    let sogoc = service.store.sogoc();
    let size = sogoc.size();
    assert!(positions.iter().all(|position| *position < size));
    let entries = sogoc.entries(&["--from", &positions.first().unwrap().to_string()]);
    let recorded: BTreeSet<u64> = entries
        .iter()
        .filter(|entry| entry["kind"] == "self-scored")
        .map(|entry| entry["position"].as_u64().unwrap())
        .collect();
    assert!(positions.is_subset(&recorded));
    sogoc.ok(&["log", "verify"]);
}
