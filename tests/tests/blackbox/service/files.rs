//! Evidence by plain HTTP: in, attached, out, and what is no file. The same by gRPC: `tests/peers/client/grpc_checks.py`.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::Shutdown;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::support::evidence::{self, sha256};
use crate::support::pilot;
use crate::support::service::{GENEROUS, Service, answer, fresh_id, named};
use crate::support::serving::connect;
use crate::support::stores::{Kind, Store, on_both_stores, on_sqlite};

on_both_stores!(a_file_comes_in_is_attached_and_given_out_and_that_is_recorded, nodes_share_files_in_a_bucket,);
on_sqlite!(
    what_is_no_file_or_too_large_or_broken_off_leaves_nothing,
    who_may_not_give_a_command_is_told_so_whatever_its_file_is,
);

fn attach(digest: &str) -> Value {
    json!({"season": pilot::SEASON, "agency": "so-y-te", "leaf": "1.1.1", "digest": digest, "name": "bao-cao.pdf",
        "media": "pdf", "signature": "not-judged", "purpose": "submitted"})
}

fn a_file_comes_in_is_attached_and_given_out_and_that_is_recorded(kind: Kind) {
    let service = Service::over(Store::served(kind));
    let officer = service.account("officer-yt");
    // None of Hà Nam's files, which are there already.
    let bytes = [&std::fs::read(evidence::unsigned()).unwrap()[..], b"\n% mot ban khac\n"].concat();
    let digest = sha256(&bytes);
    officer.new_command("attach-evidence", &attach(&digest)).problem(404, "evidence-not-stored");
    let stored = officer.send("POST", "/v1/evidence", &[], &bytes).ok();
    assert_eq!(stored, json!({"digest": digest, "bytes": bytes.len(), "existed": false}));
    assert_eq!(officer.send("POST", "/v1/evidence", &[], &bytes).ok()["existed"], true);
    officer.new_command("attach-evidence", &attach(&digest)).ok();
    let size = service.size();
    let file = |id: &str| format!("/v1/seasons/{}/scorecards/so-y-te/evidence/1/file?command_id={id}", pilot::SEASON);
    // Who may not is given nothing. That they asked is recorded as a refusal.
    service.public().get(&file(&fresh_id())).problem(401, "not-signed-in");
    service.account("officer-ln").get(&file(&fresh_id())).problem(403, "may-not-read");
    service.account("secretary").get(&file(&fresh_id())).problem(403, "may-not-read");
    let id = fresh_id();
    let inspector = service.account("inspector");
    let given = inspector.get(&file(&id));
    assert_eq!((given.status, sha256(&given.body)), (200, digest.clone()));
    let header = |name: &str| given.headers.get(name).map(String::as_str);
    assert_eq!(header("content-type"), Some("application/octet-stream"));
    assert_eq!(header("content-disposition"), Some("attachment"));
    assert_eq!(header("x-content-type-options"), Some("nosniff"));
    assert_eq!(header("cache-control"), Some("no-store"));
    // A download that broke off is asked for again under its id, and is one download.
    assert_eq!(inspector.get(&file(&id)).body, given.body);
    let entries = inspector.get(&format!("/v1/log/entries?from={size}")).ok();
    let downloads: Vec<Value> = entries["entries"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|entry| serde_json::from_str::<Value>(entry["entry"].as_str()?).ok())
        .filter(|entry| entry["stream"] == "downloads/inspector")
        .collect();
    assert_eq!(downloads.len(), 1, "{downloads:?}");
    assert_eq!(downloads[0]["command"], id.as_str());
    inspector.get(&file("1")).problem(400, "invalid");
    inspector.get(&file("")).problem(400, "missing");
    let other = file(&fresh_id()).replace("/1/file", "/99/file");
    inspector.get(&other).problem(404, "unknown");
    service.stop();
}

fn nodes_share_files_in_a_bucket(kind: Kind) {
    if named("SOGOC_TEST_S3").is_none() {
        return;
    }
    let store = Store::served(kind);
    let key = store.write("evidence.key", "33".repeat(32));
    // A run has one bucket for all its tests.
    let place = format!("s3://sogoc-test/{}", fresh_id());
    let settings = format!("{GENEROUS}[evidence]\nplace = {place:?}\nkey_file = {key:?}\n");
    let store = Arc::new(store);
    let [one, other] = [0, 1].map(|_| Service::listening(Arc::clone(&store), &settings, "127.0.0.1:0"));
    let bytes = [&std::fs::read(evidence::unsigned()).unwrap()[..], b"\n% trong kho S3\n"].concat();
    let digest = sha256(&bytes);
    let officer = one.account("officer-yt");
    officer.new_command("attach-evidence", &attach(&digest)).problem(404, "evidence-not-stored");
    let stored = officer.send("POST", "/v1/evidence", &[], &bytes).ok();
    assert_eq!(stored, json!({"digest": digest, "bytes": bytes.len(), "existed": false}));
    assert_eq!(other.account("officer-yt").send("POST", "/v1/evidence", &[], &bytes).ok()["existed"], true);
    let receipt = officer.new_command("attach-evidence", &attach(&digest)).ok()["receipt"].clone();
    let position = receipt["positions"][0].to_string();
    let entry = &store.sogoc().entries(&["--from", &position, "--limit", "1"])[0];
    assert_eq!(
        (&entry["kind"], &entry["data"]["evidence"]["digest"]),
        (&json!("evidence-attached"), &json!(digest)),
        "{entry}"
    );
    let file = format!("/v1/seasons/{}/scorecards/so-y-te/evidence/1/file?command_id={}", pilot::SEASON, fresh_id());
    let given = other.account("inspector").get(&file);
    assert!(given.status == 200 && given.body == bytes, "{}", given.status);
    one.stop();
    other.stop();
}

fn who_may_not_give_a_command_is_told_so_whatever_its_file_is(kind: Kind) {
    let service = Service::over(Store::served(kind));
    let (secretary, officer) = (service.account("secretary"), service.account("officer-yt"));
    // A file that holds no certificates.
    let stored = officer.send("POST", "/v1/evidence", &[], &std::fs::read(evidence::unsigned()).unwrap()).ok();
    let (no_anchors, absent) = (stored["digest"].as_str().unwrap(), sha256("not stored"));
    let adopt = |anchors: &str| json!({"season": pilot::SEASON, "anchors": anchors, "reason": "Ban Cơ yếu"});
    for anchors in [no_anchors, absent.as_str()] {
        officer.new_command("adopt-trust-anchors", &adopt(anchors)).problem(403, "role-missing");
        secretary.new_command("attach-evidence", &attach(anchors)).problem(403, "role-missing");
    }
    // Who may is told what is wrong with it.
    assert_eq!(secretary.new_command("adopt-trust-anchors", &adopt(no_anchors)).status, 400);
    secretary.new_command("adopt-trust-anchors", &adopt(&absent)).problem(404, "evidence-not-stored");
    service.stop();
}

/// Every file under a folder.
fn files(folder: &std::path::Path) -> BTreeSet<std::path::PathBuf> {
    let mut all = BTreeSet::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() { all.extend(files(&entry.path())) } else { _ = all.insert(entry.path()) }
    }
    all
}

fn what_is_no_file_or_too_large_or_broken_off_leaves_nothing(kind: Kind) {
    let settings = GENEROUS.replace("[limits]", "[limits]\nbody_bytes = 65536\nupload_bytes = 65536");
    let service = Service::with(Store::served(kind), &settings);
    let (officer, folder) = (service.account("officer-yt"), service.store.evidence());
    let before = files(&folder);
    let upload = |bytes: &[u8]| officer.send("POST", "/v1/evidence", &[], bytes);
    upload(b"").problem(400, "missing");
    upload(&vec![b'%'; 65_537]).problem(413, "too-large");
    upload(&vec![b'%'; 5_000_000]).problem(413, "too-large");
    service.account("idle").send("POST", "/v1/evidence", &[], b"%PDF-1.7").problem(403, "role-missing");
    service.public().send("POST", "/v1/evidence", &[], b"%PDF-1.7").problem(401, "not-signed-in");
    // In chunks, without a length, more than there may be.
    let mut stream = connect(service.address);
    stream
        .write_all(officer.head("POST", "/v1/evidence", &[("transfer-encoding", "chunked")], None).as_bytes())
        .unwrap();
    for _ in 0..20 {
        let _ = stream.write_all(&[b"1000\r\n", &[b'%'; 4_096][..], b"\r\n"].concat());
    }
    let _ = stream.write_all(b"0\r\n\r\n");
    answer(&mut stream).problem(413, "too-large");
    // Broken off in the middle.
    let mut stream = connect(service.address);
    stream.write_all(officer.head("POST", "/v1/evidence", &[], Some(50_000)).as_bytes()).unwrap();
    stream.write_all(b"%PDF-1.7 the beginning").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    answer(&mut stream).problem(400, "malformed-command");
    assert_eq!(files(&folder), before);
    assert_eq!(upload(&[b'%'; 65_536]).ok()["bytes"], 65_536);
    assert_eq!(files(&folder).len(), before.len() + 1);
    service.stop();
}
