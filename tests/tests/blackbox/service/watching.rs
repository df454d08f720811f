//! The log as one watches it: from any position, every entry once and in order, also those that may not be read.

use serde_json::Value;
use sogoc_proof::{Hash, leaf_hash};

use crate::support::pilot;
use crate::support::service::Service;
use crate::support::stores::{Kind, Store, on_both_stores};

on_both_stores!(
    a_watch_goes_on_at_any_position_and_never_skips_or_repeats,
    what_a_watch_gives_adds_up_to_the_root_whoever_watches,
    a_token_that_was_revoked_ends_its_watch,
);

fn positions(entries: &[Value]) -> Vec<u64> {
    entries.iter().map(|entry| entry["position"].as_u64().expect("an entry has a position")).collect()
}

fn a_watch_goes_on_at_any_position_and_never_skips_or_repeats(kind: Kind) {
    let service = Service::over(Store::served(kind));
    let inspector = service.account("acc-thanh-tra-tinh-inspector-1");
    let officer = service.account("officer-yt");
    let size = inspector.get("/v1/log/head").json()["size"].as_u64().expect("a size");
    // It is there before what it is to see.
    let mut early = inspector.watch(size);
    for leaf in ["1.1.1", "1.1.2"] {
        let declared = pilot::declared();
        let (_, inputs, _) = declared.iter().find(|(code, ..)| *code == leaf).expect("the set has it");
        let score = serde_json::json!({"season": pilot::SEASON, "agency": "so-y-te", "leaf": leaf, "inputs": inputs});
        let answer = officer.new_command("record-self-score", &score);
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    assert_eq!(positions(&early.take(2)), [size, size + 1]);
    let mut late = inspector.watch(size - 3);
    assert_eq!(positions(&late.take(5)), (size - 3..size + 2).collect::<Vec<_>>());
}

fn what_a_watch_gives_adds_up_to_the_root_whoever_watches(kind: Kind) {
    let service = Service::over(Store::pilot(kind));
    let head = service.public().get("/v1/log/head").json();
    let size = head["size"].as_u64().expect("a size");
    let entries = service.public().watch(0).take(size);
    let mut leaves = Vec::new();
    for entry in &entries {
        let told = entry["leaf_hash"].as_str().expect("every entry has its hash");
        if let Some(bytes) = entry["entry"].as_str() {
            assert_eq!(leaf_hash(bytes.as_bytes()).to_hex(), told);
        } else {
            assert_eq!(entry["withheld"], true, "{entry}");
        }
        leaves.push(Hash::from_hex(told).expect("a hash"));
    }
    assert_eq!(sogoc_proof::root(&leaves).to_hex(), head["root"]);
    assert!(entries.iter().any(|entry| entry["withheld"] == true), "accounts are not the public's");
}

fn a_token_that_was_revoked_ends_its_watch(kind: Kind) {
    let service = Service::over(Store::pilot(kind));
    let inspector = service.account("inspector");
    let size = inspector.get("/v1/log/head").json()["size"].as_u64().expect("a size");
    let mut watch = inspector.watch(size - 1);
    watch.next();
    service.store.run("update api_token set revoked_at_us = 1");
    assert!(watch.until_end().is_empty(), "nothing was recorded");
}
