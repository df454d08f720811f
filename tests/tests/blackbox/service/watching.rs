//! The log as one watches it: every entry once and in order, whatever breaks in between, and nobody sees what is not theirs.

use std::io::{Read as _, Write as _};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use sogoc_proof::{Hash, leaf_hash};

use crate::support::pilot;
use crate::support::service::{Caller, Service};
use crate::support::serving::connect;
use crate::support::stores::{Kind, Store, on_both_stores, on_sqlite};

on_both_stores!(
    watches_that_are_cut_and_resumed_see_every_entry_once_while_others_append,
    a_token_that_is_revoked_ends_its_watch_within_two_seconds,
);
on_sqlite!(
    what_the_public_watches_adds_up_to_the_signed_root,
    who_may_not_read_by_its_token_watches_as_the_public_does,
    a_watch_goes_on_where_another_node_stopped,
    whoever_is_lost_without_a_word_is_asked_for,
);

/// Watches from a position up to another, and begins anew after every few entries.
fn watch_in_pieces(caller: &Caller<'_>, from: u64, to: u64, piece: u64) -> Vec<Value> {
    let mut seen = Vec::new();
    let mut next = from;
    while next < to {
        let count = piece.min(to - next);
        // Dropped in the middle of what comes.
        seen.extend(caller.watch(next).take(count));
        next += count;
    }
    seen
}

fn watches_that_are_cut_and_resumed_see_every_entry_once_while_others_append(kind: Kind) {
    const EACH: u64 = 20;
    let service = Service::over(Store::served(kind));
    let agencies = pilot::AGENCIES.map(|(agency, _)| agency);
    let before = service.size();
    let after = before + EACH * 4;
    let inspector = service.account("inspector");
    thread::scope(|scope| {
        for agency in agencies {
            let officer = service.account(&pilot::officer(agency));
            scope.spawn(move || {
                for number in 0..EACH {
                    let fields = json!({"season": pilot::SEASON, "agency": agency, "leaf": "1.1.1", "inputs": {"yes_no": number % 2 == 0}});
                    officer.new_command("record-self-score", &fields).ok();
                }
            });
        }
        let watches = [(before, 1), (before, 7), (before - 10, 13), (0, 300), (after - 1, 1), (before, EACH * 4)];
        let watches = watches.map(|(from, piece)| {
            let inspector = inspector.clone();
            (from, scope.spawn(move || watch_in_pieces(&inspector, from, after, piece)))
        });
        for (from, watch) in watches {
            let seen: Vec<_> = watch.join().unwrap().iter().map(|entry| entry["position"].as_u64().unwrap()).collect();
            assert_eq!(seen, (from..after).collect::<Vec<_>>());
        }
    });
    service.stop();
}

fn a_token_that_is_revoked_ends_its_watch_within_two_seconds(kind: Kind) {
    let service = Service::over(Store::served(kind));
    let token = service.new_token("inspector", &["read"]);
    let size = service.size();
    let mut watch = service.by(token["token"].as_str().unwrap()).watch(size - 1);
    watch.next();
    let id = token["id"].as_str().unwrap();
    service.session("inspector").post(&format!("/v1/tokens/{id}/revoke"), &json!({})).ok();
    // That it was revoked is an entry, which may still come.
    let rest = watch.until_end(Duration::from_secs(2)).expect("it ends in time");
    assert!(rest.len() <= 1, "{rest:?}");
    service.by(token["token"].as_str().unwrap()).get("/v1/me").problem(401, "token-over");
    service.stop();
}

fn what_the_public_watches_adds_up_to_the_signed_root(kind: Kind) {
    let service = Service::over(Store::served(kind));
    let public = service.public();
    let checkpoint = public.get("/v1/log/checkpoint").ok();
    let size = checkpoint["size"].as_u64().unwrap();
    assert_eq!(size, service.size());
    let (mut leaves, mut shown, mut withheld) = (Vec::new(), 0, 0);
    for entry in public.watch(0).take(size) {
        let hash = Hash::from_hex(entry["leaf_hash"].as_str().unwrap()).unwrap();
        match entry["entry"].as_str() {
            Some(bytes) => {
                assert_eq!(leaf_hash(bytes.as_bytes()), hash, "{entry}");
                shown += 1;
            }
            None => {
                assert_eq!(entry["withheld"], true, "{entry}");
                withheld += 1;
            }
        }
        leaves.push(hash);
    }
    // What is published is the public's, who may sign in is not.
    assert!(shown > 4_000 && withheld > 10, "{shown} {withheld}");
    let root = sogoc_proof::root(&leaves);
    let signed = checkpoint["checkpoint"].as_str().unwrap();
    let note = public.get("/tlog/checkpoint");
    assert_eq!(note.text(), signed);
    let line = signed.lines().nth(2).unwrap();
    assert_eq!(line, root.to_base64());
    assert_eq!(public.get("/v1/log/head").ok()["root"], root.to_hex());
    // An inspector sees more of the same.
    for (entry, leaf) in service.account("inspector").watch(0).take(size).iter().zip(&leaves) {
        assert_eq!(entry["leaf_hash"], leaf.to_hex());
    }
    service.stop();
}

fn who_may_not_read_by_its_token_watches_as_the_public_does(kind: Kind) {
    let service = Service::over(Store::served(kind));
    // An inspector would be shown everything.
    let token = service.new_token("inspector", &["command:delegate"]);
    let size = service.size();
    let narrow = service.by(token["token"].as_str().unwrap());
    let (mut watch, other) = (narrow.watch(0), narrow.watch(size - 1));
    assert_eq!(watch.take(size), service.public().watch(0).take(size));
    // It is asked again whether it may watch, and may.
    assert_eq!(watch.until_end(Duration::from_secs(2)), None);
    let id = token["id"].as_str().unwrap();
    service.session("inspector").post(&format!("/v1/tokens/{id}/revoke"), &json!({})).ok();
    other.until_end(Duration::from_secs(2)).expect("it ends in time");
    service.stop();
}

fn a_watch_goes_on_where_another_node_stopped(kind: Kind) {
    let service = Service::over(Store::served(kind));
    let size = service.size();
    let mut watch = service.account("inspector").watch(size - 5);
    assert_eq!(watch.take(5).len(), 5);
    // A watch that waits holds up nobody's end.
    service.ask_to_stop();
    assert_eq!(watch.until_end(Duration::from_secs(5)).expect("it ends in time"), Vec::<String>::new());
    assert!(service.wait().success());
    // Positions are the same at any node: here at the one that is started next.
    let next = Service::beside(&service.store);
    assert_eq!(next.account("inspector").watch(size - 1).next()["position"], size - 1);
    next.stop();
}

/// The system asks for whoever watches and says nothing, as it does where a machine is gone: by its own table of
/// connections, whose sixth column has the timer that runs (2: keepalive) and when it is over, in hundredths of a second.
fn whoever_is_lost_without_a_word_is_asked_for(kind: Kind) {
    let service = Service::over(Store::served(kind));
    let mut stream = connect(service.address);
    let head = service.account("inspector").head("GET", &format!("/v1/log/watch?from={}", service.size()), &[], None);
    stream.write_all(head.as_bytes()).unwrap();
    stream.read_exact(&mut [0; 12]).unwrap();
    let [of_service, of_client] = [service.address.port(), stream.local_addr().unwrap().port()];
    let running = || {
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let row = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).find(|row| {
            row[1].ends_with(&format!(":{of_service:04X}")) && row[2].ends_with(&format!(":{of_client:04X}"))
        });
        let (timer, over) = row.expect("the connection is there")[5].split_once(':').unwrap();
        (timer.to_owned(), u64::from_str_radix(over, 16).unwrap())
    };
    // Until the beginning of the answer is acknowledged, another timer runs.
    let (timer, over) = (0..100_000).map(|_| running()).find(|(timer, _)| timer != "01").expect("it is acknowledged");
    assert!(timer == "02" && over <= 6_000, "timer {timer}, {over}");
    service.stop();
}
