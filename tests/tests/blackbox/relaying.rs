//! `sogoc relay`: processes that share a log, faults, refusals.

use crate::support::nats::Nats;
use crate::support::process::Process;
use crate::support::stores::Kind;
use crate::support::{Store, on_both_stores, on_sqlite, pilot};

on_both_stores!(
    a_relay_that_is_killed_is_followed_by_the_one_that_stands_by,
    a_bus_that_is_killed_and_restarted_gets_every_entry,
);
on_sqlite!(
    a_relay_that_is_told_to_ends_when_all_is_there,
    a_stream_of_another_log_is_refused,
    a_relay_without_a_tenant_or_with_a_wrong_one_is_refused,
);

/// What arrived, as a roll-up finds it: verified, dense, in order. Gives the number of entries.
#[track_caller]
fn arrived(store: &Store, nats: &Nats, state: &str) -> u64 {
    let state = store.folder().join(state);
    let status = store.sogoc().json(&[
        "roll-up",
        "--state",
        state.to_str().unwrap(),
        "follow",
        "--source",
        &nats.source("ha-nam", "ha-nam"),
        "--until-caught-up",
    ]);
    let source = &status["sources"][0];
    assert_eq!((source["doubled"].as_u64(), source["stopped"].is_null()), (Some(0), true), "{status}");
    source["entries"].as_u64().unwrap()
}

fn a_relay_that_is_killed_is_followed_by_the_one_that_stands_by(kind: Kind) {
    let Some(nats) = Nats::start() else { return };
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    let url = nats.url();
    let relay = ["relay", "--nats", &url, "--tenant", "ha-nam"];
    let first = Process::start(&sogoc, &relay);
    first.until_state("active");
    let second = Process::start(&sogoc, &relay);
    second.until_state("standing-by");
    sogoc.accepted(&[pilot::declares_all("so-y-te")]);
    // No chance to give the lease back: it has to run out.
    first.kill();
    sogoc.accepted(&[pilot::submits("so-y-te")]);
    second.until_state("active");
    let third = Process::start(&sogoc, &relay);
    third.until_state("standing-by");
    // In order the lease is given back at once.
    assert!(second.terminate().success());
    third.until_state("active");
    assert!(third.terminate().success());
    sogoc.ok(&["relay", "--nats", &url, "--tenant", "ha-nam", "--until-caught-up"]);
    assert_eq!(arrived(&store, &nats, "roll-up.db"), sogoc.size());
    sogoc.ok(&["log", "verify"]);
}

fn a_bus_that_is_killed_and_restarted_gets_every_entry(kind: Kind) {
    let Some(mut nats) = Nats::start() else { return };
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    let url = nats.url();
    let relay = Process::start(&sogoc, &["relay", "--nats", &url, "--tenant", "ha-nam"]);
    relay.until_state("active");
    nats.kill();
    // Recording goes on without the bus.
    sogoc.accepted(&[pilot::declares_all("so-y-te"), pilot::submits("so-y-te")]);
    relay.until_state("waiting");
    nats.restart();
    relay.until_state("active");
    assert!(relay.terminate().success());
    sogoc.ok(&["relay", "--nats", &url, "--tenant", "ha-nam", "--until-caught-up"]);
    assert_eq!(arrived(&store, &nats, "roll-up.db"), sogoc.size());
}

fn a_relay_that_is_told_to_ends_when_all_is_there(kind: Kind) {
    let Some(nats) = Nats::start() else { return };
    let store = Store::demo(kind);
    let (sogoc, url) = (store.sogoc(), nats.url());
    let relay = ["relay", "--nats", &url, "--tenant", "ha-nam", "--until-caught-up"];
    let said = sogoc.ok(&relay).stderr;
    assert!(said.contains(&format!("next position {}", sogoc.size())), "{said}");
    let said = sogoc.with(&["--lang", "vi"]).ok(&relay).stderr;
    assert!(said.contains(&format!("vị trí kế tiếp {}", sogoc.size())), "{said}");
    assert_eq!(arrived(&store, &nats, "roll-up.db"), sogoc.size());
}

fn a_stream_of_another_log_is_refused(kind: Kind) {
    let Some(nats) = Nats::start() else { return };
    let (store, other) = (Store::pilot(kind), Store::demo(kind));
    let url = nats.url();
    let relay = ["relay", "--nats", &url, "--tenant", "ha-nam", "--until-caught-up"];
    store.sogoc().ok(&relay);
    let answer = other.sogoc().run(&relay).ends(1);
    assert!(answer.stderr.contains("holds at sequence") && answer.stderr.contains("nats stream rm"), "{answer:?}");
    assert_eq!(arrived(&store, &nats, "roll-up.db"), store.sogoc().size(), "nothing was published");
}

fn a_relay_without_a_tenant_or_with_a_wrong_one_is_refused(kind: Kind) {
    let store = Store::empty(kind);
    let sogoc = store.sogoc();
    sogoc.run(&["relay", "--nats", "nats://127.0.0.1:1"]).ends(2);
    sogoc.run(&["relay", "--nats", "nats://127.0.0.1:1", "--tenant", "Hà Nam"]).ends(2);
    sogoc.run(&["relay", "--nats", "nats://127.0.0.1:1", "--tenant", "ha-nam"]).ends(3);
}
