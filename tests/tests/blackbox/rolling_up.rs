//! `sogoc roll-up`: one ranking over the logs of many.

use std::path::Path;

use serde_json::Value;

use crate::support::nats::Nats;
use crate::support::process::Process;
use crate::support::serving::Server;
use crate::support::stores::{KEY, Kind, log_key};
use crate::support::{Sogoc, Store, on_sqlite};

on_sqlite!(
    two_logs_have_one_ranking_with_the_means_of_each,
    a_roll_up_that_is_killed_ends_with_the_same_ranking,
    what_came_fits_what_the_log_signed,
    a_log_that_is_not_the_one_before_stops_its_source,
    a_roll_up_that_cannot_begin_says_why,
);

/// A roll-up with its state in a folder.
struct RollUp {
    state: String,
}

impl RollUp {
    fn of(folder: &Path, name: &str) -> Self {
        Self { state: folder.join(name).to_str().unwrap().to_owned() }
    }

    fn arguments<'a>(&'a self, arguments: &[&'a str]) -> Vec<&'a str> {
        [&["roll-up", "--state", &self.state], arguments].concat()
    }

    fn follow(&self, sources: &[&str]) -> Value {
        let mut arguments = self.arguments(&["follow", "--until-caught-up"]);
        sources.iter().for_each(|source| arguments.extend(["--source", *source]));
        Sogoc::bare().json(&arguments)
    }

    fn ranking(&self) -> String {
        Sogoc::bare().with(&["--json"]).ok(&self.arguments(&["ranking"])).stdout
    }
}

fn relay(store: &Store, nats: &Nats, tenant: &str) {
    store.sogoc().ok(&["relay", "--nats", &nats.url(), "--tenant", tenant, "--until-caught-up"]);
}

fn two_logs_have_one_ranking_with_the_means_of_each(kind: Kind) {
    let Some(nats) = Nats::start() else { return };
    let (one, two) = (Store::demo(kind), Store::demo(kind));
    relay(&one, &nats, "ha-nam");
    relay(&two, &nats, "twin");
    let roll_up = RollUp::of(one.folder(), "roll-up.db");
    let status = roll_up.follow(&[&nats.source("ha-nam", "ha-nam"), &nats.source("twin", "twin")]);
    let size = one.sogoc().size();
    for (number, name) in ["ha-nam", "twin"].into_iter().enumerate() {
        assert_eq!(
            (&status["sources"][number]["name"], status["sources"][number]["entries"].as_u64()),
            (&name.into(), Some(size))
        );
    }
    let document: Value = serde_json::from_str(&roll_up.ranking()).unwrap();
    assert_eq!(document["year"], 2022);
    for group in ["departments", "districts"] {
        // Twins: each index stands twice, with the place that both share, and the place in its own log.
        let own = one.sogoc().json(&["ranking", "hanam-2022", group]);
        let found = document["groups"].as_array().unwrap().iter().find(|found| found["group"] == group).unwrap();
        let rows = found["rows"].as_array().unwrap();
        assert_eq!(rows.len(), 2 * own.as_array().unwrap().len());
        for row in own.as_array().unwrap() {
            let twice: Vec<&Value> = rows.iter().filter(|found| found["agency"] == row["agency"]).collect();
            assert_eq!(twice.len(), 2);
            for found in twice {
                for (national, local) in [
                    ("index", "index"),
                    ("index_display", "index_display"),
                    ("class", "class"),
                    ("rank_in_log", "rank"),
                ] {
                    assert_eq!(found[national], row[local], "{national} of {}", row["agency"]);
                }
                assert_eq!(found["rank"].as_u64().map(|rank| rank.div_ceil(2)), row["rank"].as_u64(), "{found}");
            }
        }
        let mean = one.sogoc().json(&["figure", &format!("hanam-2022/{group}/mean_index")]);
        for (number, source) in ["ha-nam", "twin"].into_iter().enumerate() {
            assert_eq!(found["means"][number]["source"], source);
            assert_eq!(found["means"][number]["mean_index"], mean["value"]);
            assert_eq!(found["means"][number]["mean_index_display"], mean["display"]);
        }
    }
    for (lang, words) in [("vi", ["Hạng", "năm 2022", "Chỉ số trung bình"]), ("en", ["Rank", ", 2022", "Mean index"])]
    {
        let text = Sogoc::bare().with(&["--lang", lang]).ok(&roll_up.arguments(&["ranking"])).stdout;
        words.iter().for_each(|word| assert!(text.contains(word), "{word}: {text}"));
        let text = Sogoc::bare().with(&["--lang", lang]).ok(&roll_up.arguments(&["status"])).stdout;
        assert!(text.contains("sogoc.local/register"), "{text}");
    }
    let one_group = Sogoc::bare().json(&roll_up.arguments(&["ranking", "--group", "districts", "--year", "2022"]));
    assert_eq!(one_group["groups"].as_array().map(Vec::len), Some(1));
    Sogoc::bare().run(&roll_up.arguments(&["ranking", "--year", "1999"])).ends(1);
}

fn a_roll_up_that_is_killed_ends_with_the_same_ranking(kind: Kind) {
    let Some(nats) = Nats::start() else { return };
    let store = Store::demo(kind);
    relay(&store, &nats, "ha-nam");
    let source = nats.source("ha-nam", "ha-nam");
    let through = RollUp::of(store.folder(), "through.db");
    through.follow(&[&source]);
    let killed = RollUp::of(store.folder(), "killed.db");
    for _ in 0..3 {
        let arguments = killed.arguments(&["follow", "--source", &source, "--durable", "killed"]);
        let following = Process::start(&Sogoc::bare(), &arguments);
        following.until_state("following");
        following.kill();
    }
    // To the end in order, with the signal that a service gets.
    let following =
        Process::start(&Sogoc::bare(), &killed.arguments(&["follow", "--source", &source, "--durable", "killed"]));
    following.until_state("caught-up");
    assert!(following.terminate().success());
    assert_eq!(killed.ranking(), through.ranking());
}

fn what_came_fits_what_the_log_signed(kind: Kind) {
    let Some(nats) = Nats::start() else { return };
    let store = Store::demo(kind);
    relay(&store, &nats, "ha-nam");
    let key = store.folder().join(KEY);
    let server =
        Server::start(&store.sogoc(), &["log", "serve", "--listen", "127.0.0.1:0", "--key", key.to_str().unwrap()]);
    let roll_up = RollUp::of(store.folder(), "roll-up.db");
    let (source, vkey) = (nats.source("ha-nam", "ha-nam"), format!("ha-nam={}", log_key().verifier()));
    let checkpoint = format!("ha-nam={}/checkpoint", server.url());
    let checked = ["follow", "--until-caught-up", "--source", &source, "--log-key", &vkey, "--checkpoint", &checkpoint];
    let status = Sogoc::bare().json(&roll_up.arguments(&checked));
    assert_eq!(status["sources"][0]["confirmed"].as_u64(), Some(store.sogoc().size()), "{status}");
    // The key alone says nothing.
    Sogoc::bare().run(&roll_up.arguments(&checked[..6])).ends(2);
}

fn a_log_that_is_not_the_one_before_stops_its_source(kind: Kind) {
    let Some(nats) = Nats::start() else { return };
    let (store, other) = (Store::demo(kind), Store::pilot(kind));
    relay(&store, &nats, "ha-nam");
    relay(&other, &nats, "pilot");
    let roll_up = RollUp::of(store.folder(), "roll-up.db");
    roll_up.follow(&[&nats.source("ha-nam", "ha-nam")]);
    let before = roll_up.ranking();
    // The same name, and another history behind it.
    let source = nats.source("ha-nam", "pilot");
    let answer = Sogoc::bare().run(&roll_up.arguments(&["follow", "--until-caught-up", "--source", &source])).ends(4);
    assert!(answer.stderr.contains("STOPPED") && answer.stderr.contains("another entry at position"), "{answer:?}");
    let status = Sogoc::bare().json(&roll_up.arguments(&["status"]));
    assert!(status["sources"][0]["stopped"].as_str().unwrap().contains("another entry"), "{status}");
    let text = Sogoc::bare().with(&["--lang", "vi"]).ok(&roll_up.arguments(&["ranking"])).stdout;
    assert!(text.contains("DỪNG"), "a ranking says what it lacks: {text}");
    let (before, after): (Value, Value) =
        (serde_json::from_str(&before).unwrap(), serde_json::from_str(&roll_up.ranking()).unwrap());
    assert_eq!(before["groups"], after["groups"], "nothing of it came in");
}

fn a_roll_up_that_cannot_begin_says_why(kind: Kind) {
    let store = Store::empty(kind);
    let roll_up = RollUp::of(store.folder(), "roll-up.db");
    Sogoc::bare().run(&roll_up.arguments(&["ranking"])).ends(3);
    Sogoc::bare().run(&roll_up.arguments(&["follow"])).ends(2);
    Sogoc::bare().run(&roll_up.arguments(&["follow", "--source", "ha-nam"])).ends(2);
    let file = store.write("other.db", b"not a database, and long enough to look like something else");
    let other = RollUp { state: file.to_str().unwrap().to_owned() };
    Sogoc::bare().run(&other.arguments(&["status"])).ends(3);
    Sogoc::bare().run(&other.arguments(&["follow", "--source", "a=nats://127.0.0.1:1/S"])).ends(3);
}
