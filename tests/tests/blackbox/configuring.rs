//! `sogoc config`, and the configuration file for commands that open a store.

use serde_json::{Value, json};

use crate::support::binary::Sogoc;
use crate::support::stores::{Kind, Store, on_sqlite};

on_sqlite!(
    a_file_says_where_the_register_is_and_a_variable_or_flag_says_otherwise,
    a_wrong_file_stops_what_opens_a_store_and_nothing_else,
    everything_wrong_is_told_at_once_and_no_secret_is_shown,
    what_is_named_and_does_not_answer_is_told,
);

fn a_file_says_where_the_register_is_and_a_variable_or_flag_says_otherwise(kind: Kind) {
    let store = Store::demo(kind);
    let file = store.write("sogoc.toml", format!("store = {:?}\n", store.url()));
    let bare = Sogoc::bare();
    let by_file = bare.with(&["--config", file.to_str().unwrap()]);
    let head = by_file.json(&["log", "head"]);
    let by_variable = bare.command(&["--json", "log", "head"]).env("SOGOC_CONFIG", &file).output().unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&by_variable.stdout).unwrap(), head);
    let elsewhere = format!("sqlite:{}/no.db", store.folder().display());
    let told = by_file.with(&["--store", &elsewhere]).run(&["log", "head"]).ends(3).stderr;
    assert!(told.contains("no.db"), "{told}");
    let other = by_file.command(&["log", "head"]).env("SOGOC_STORE", &elsewhere).output().unwrap();
    assert_eq!(other.status.code(), Some(3));
}

fn a_wrong_file_stops_what_opens_a_store_and_nothing_else(kind: Kind) {
    let store = Store::empty(kind);
    let file = store.write("sogoc.toml", "[limits]\ninflight = 3\n");
    let sogoc = Sogoc::bare().with(&["--config", file.to_str().unwrap()]);
    let told = sogoc.run(&["log", "head"]).ends(2).stderr;
    assert!(told.contains("sogoc.toml:2: limits.inflight: there is no such setting"), "{told}");
    assert!(told.contains("did you mean in_flight?"), "{told}");
    let document = sogoc.with(&["--json", "--lang", "vi"]).run(&["log", "head"]).ends(2).document();
    assert_eq!(document["refusal"]["code"], "configuration-wrong");
    assert_eq!(document["refusal"]["faults"][0]["line"], 2);
    sogoc.ok(&["commands", "schema"]);
    sogoc.ok(&["config", "show-default"]);
}

fn everything_wrong_is_told_at_once_and_no_secret_is_shown(kind: Kind) {
    let store = Store::empty(kind);
    let secret = store.write("oidc.secret", "pa55\n");
    let file = store.write(
        "sogoc.toml",
        format!(
            "store = \"postgres://sogoc:pa55@127.0.0.1:1/hanam\"\n[oidc]\nissuer = \"https://sso.example\"\n\
             client_id = \"sogoc\"\nclient_secret_file = {:?}\nca_file = \"nowhere.pem\"\n[nats]\n\
             url = \"nats://pa55@127.0.0.1:1\"\ntenant = \"Hà Nam\"\n",
            secret.display().to_string()
        ),
    );
    let sogoc = Sogoc::bare().with(&["--config", file.to_str().unwrap()]);
    let answer = sogoc.with(&["--json"]).run(&["config", "check"]).ends(2);
    let document = answer.document();
    assert_eq!(document["ok"], false);
    let keys: Vec<_> = document["faults"].as_array().unwrap().iter().map(|fault| &fault["key"]).collect();
    assert_eq!(keys, ["nats.tenant", "nats.url", "oidc.client_secret_file", "oidc.ca_file"], "{document:#}");
    let setting = |key: &str| {
        let mut all = document["settings"].as_array().unwrap().iter();
        all.find(|setting| setting["key"] == key).unwrap_or_else(|| panic!("{key}")).clone()
    };
    assert_eq!(setting("store")["value"], "postgres://sogoc:***@127.0.0.1:1/hanam");
    assert_eq!(setting("nats.url")["value"], "nats://***@127.0.0.1:1");
    let mut notes = document["notes"].as_array().unwrap().iter();
    assert!(notes.any(|note| note["key"] == "sign_in.key_file"), "seeds stand in the clear: {document:#}");
    assert_eq!(setting("limits.burst"), json!({ "key": "limits.burst", "value": 100, "from": "default" }));
    let mut chatty = sogoc.command(&["config", "check", "--connect"]);
    let text = chatty.env("SOGOC_TRACE", "trace").output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&text.stdout), String::from_utf8_lossy(&text.stderr));
    assert!(text.contains("chmod o= "), "{text}");
    for shown in [&answer.stdout, &answer.stderr, &text] {
        assert!(!shown.contains("pa55"), "{shown}");
    }
}

fn what_is_named_and_does_not_answer_is_told(kind: Kind) {
    let store = Store::demo(kind);
    let file = store.write(
        "sogoc.toml",
        "[nats]\nurl = \"nats://pa55@127.0.0.1:1\"\ntenant = \"ha-nam\"\n[oidc]\nissuer = \"http://127.0.0.1:1\"\n\
         client_id = \"sogoc\"\n[telemetry]\notlp = \"http://pa55@127.0.0.1:1\"\nlog = \"debug\"\n",
    );
    let sogoc = store.sogoc().with(&["--config", file.to_str().unwrap(), "--json"]);
    let mut chatty = sogoc.command(&["config", "check", "--connect"]);
    let output = chatty.env("SOGOC_TRACE", "trace").output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let tried = document["tried"].as_array().unwrap().iter();
    let tried: Vec<_> = tried.map(|one| (one["what"].as_str().unwrap(), one["ok"].as_bool().unwrap())).collect();
    assert_eq!(tried, [("store", true), ("nats", false), ("oidc", false), ("otlp", false)], "{document:#}");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("pa55"));
    assert!(!String::from_utf8_lossy(&output.stderr).contains("pa55"));
}
