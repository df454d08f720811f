//! What scripts rest on: exit codes, what goes to stdout, help that teaches, a reader that goes away.

use std::io::Read as _;

use serde_json::{Value, json};

use crate::support::binary::workspace;
use crate::support::hanam::{SEASON, file};
use crate::support::{Sogoc, Store, on_sqlite, pilot, stores::Kind};

on_sqlite!(
    with_json_stdout_is_one_document_and_nothing_else,
    a_reader_that_goes_away_ends_the_program_quietly,
    the_store_is_named_by_option_or_environment,
    texts_for_people_hold_no_json_and_no_escapes
);

/// Every command that there is, by its words.
fn every_command() -> Vec<Vec<String>> {
    fn visit(words: &[String], all: &mut Vec<Vec<String>>) {
        let help = Sogoc::bare().ok(&[words, &["--help".to_owned()]].concat()).stdout;
        let Some((_, listed)) = help.split_once("Commands:\n") else {
            all.push(words.to_vec());
            return;
        };
        for line in listed.lines().take_while(|line| !line.trim().is_empty()) {
            let Some(name) = line.strip_prefix("  ").and_then(|l| l.split_whitespace().next()) else { continue };
            if name != "help" && line.starts_with("  ") && !line.starts_with("   ") {
                visit(&[words, &[name.to_owned()]].concat(), all);
            }
        }
    }
    let mut all = Vec::new();
    visit(&[], &mut all);
    all
}

#[test]
fn the_help_of_every_command_teaches_with_an_example() {
    let all = every_command();
    let names: Vec<_> = all.iter().map(|words| words.join(" ")).collect();
    for expected in [
        "demo",
        "season import",
        "ranking",
        "figure",
        "figures",
        "trace",
        "history",
        "why",
        "what-if",
        "reconcile",
        "execute",
        "log show",
        "log verify",
        "log head",
        "log copy",
        "mirror rebuild",
        "import results",
        "scorecard import",
        "import postgres-es",
    ] {
        assert!(names.iter().any(|name| name == expected), "there is no command {expected}: {names:?}");
    }
    for words in &all {
        let help = Sogoc::bare().ok(&[words.as_slice(), &["--help".to_owned()]].concat()).stdout;
        let call = format!("sogoc {}", words.join(" "));
        let (_, examples) =
            help.split_once("Example").unwrap_or_else(|| panic!("{call} --help has no example:\n{help}"));
        // The program's own options may stand between its name and the command's.
        let last = words.last().expect("a command has a name");
        assert!(
            examples.contains("sogoc") && examples.contains(last.as_str()),
            "the example of {call} is of something else:\n{help}"
        );
    }
    let help = Sogoc::bare().ok(&["--help"]).stdout;
    for said in ["Examples", "Exit codes", "--store", "--as-of", "--json", "sogoc demo"] {
        assert!(help.contains(said), "{said}:\n{help}");
    }
    assert!(Sogoc::bare().ok(&["--version"]).stdout.starts_with("sogoc "));
}

#[test]
fn what_cannot_be_understood_is_a_usage_error() {
    for arguments in [
        &[][..],
        &["no-such-command"],
        &["ranking"],
        &["ranking", "hanam-2022", "--no-such-option"],
        &["ranking", "Hà Nam 2022"],
        &["ranking", "hanam-2022", "departments", "more"],
        &["why", "hanam-2022/departments/mean_index"],
        &["why", "hanam-2022/departments/mean_index", "--from", "a", "--to", "2"],
        &["figure"],
        &["log"],
        &["--lang", "fr", "demo"],
        &["--as-of", "-1", "ranking", "hanam-2022"],
        &["import", "results", "x.csv"],
    ] {
        let answer = Sogoc::bare().run(arguments).ends(2);
        assert!(answer.stdout.is_empty(), "{arguments:?}: {}", answer.stdout);
        assert!(answer.stderr.len() > 10 && !answer.stderr.contains("panicked"), "{arguments:?}: {}", answer.stderr);
    }
}

fn with_json_stdout_is_one_document_and_nothing_else(kind: Kind) {
    let store = Store::demo(kind);
    let sogoc = store.sogoc().with(&["--json"]);
    let claims = file("claims.csv");
    let folder = crate::support::hanam::folder();
    for arguments in [
        &["demo"][..],
        &["season", "import", folder.to_str().unwrap()],
        &["season", "show", SEASON],
        &["ranking", SEASON],
        &["figure", "hanam-2022/departments/mean_index"],
        &["figures", SEASON, "--under", "districts/ly-nhan"],
        &["trace", "hanam-2022/districts/ly-nhan/index"],
        &["history", SEASON, "ly-nhan"],
        &["why", "hanam-2022/districts/ly-nhan/index", "--from", "4000", "--to", "4200"],
        &["reconcile", SEASON, claims.to_str().unwrap()],
        &["criteria", "hanam-2022-districts"],
        &["log", "head"],
        &["log", "verify"],
        &["mirror", "rebuild"],
        &["store", "migrate"],
        &["commands", "schema"],
    ] {
        let answer = sogoc.ok(arguments);
        let document = answer.document();
        assert!(document.is_object() || document.is_array(), "{arguments:?}");
        assert!(answer.stdout.ends_with('\n'), "{arguments:?}: a document ends its line");
    }
    // As an option of the command too, and in Vietnamese.
    let behind = store.sogoc().with(&["--lang", "vi"]).ok(&["ranking", SEASON, "--json"]);
    assert_eq!(behind.document(), sogoc.ok(&["ranking", SEASON]).document());
    for (arguments, code) in [
        (&["ranking", "hanam-2023"][..], 1),
        (&["figure", "hanam-2022/nothing"], 1),
        (&["reconcile", SEASON, "/nowhere.csv"], 1),
        (&["season", "import", "/nowhere"], 1),
        (&["why", "hanam-2022/departments/mean_index", "--from", "0", "--to", "99999999"], 1),
    ] {
        let answer = sogoc.run(arguments).ends(code);
        let refusal = &answer.document()["refusal"];
        assert!(
            refusal["code"].is_string() && refusal["message"].is_string() && refusal["remedy"].is_string(),
            "{arguments:?}: {refusal}"
        );
    }
}

fn a_reader_that_goes_away_ends_the_program_quietly(kind: Kind) {
    let store = Store::demo(kind);
    for arguments in
        [&["--json", "log", "show"][..], &["log", "show"], &["figures", SEASON], &["--json", "figures", SEASON]]
    {
        let mut child = store.sogoc().command(arguments).spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let mut first = [0; 100];
        stdout.read_exact(&mut first).unwrap();
        drop(stdout);
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.is_empty(), "{arguments:?}: {said}");
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
    }
    // Commands are executed although nobody reads the answers that come after.
    let pilot = Store::pilot(kind);
    let mut child = pilot.sogoc().command(&["execute"]).stdin(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let commands = crate::support::binary::lines(&[pilot::declares_all("so-y-te")]);
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), commands.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"));
    assert_eq!(pilot.sogoc().accepted(&[pilot::declares_all("so-y-te")])[0]["positions"].as_array().unwrap().len(), 9);
}

fn the_store_is_named_by_option_or_environment(kind: Kind) {
    let (one, other) = (Store::demo(kind), Store::pilot(kind));
    let mut by_environment = Sogoc::bare().command(&["log", "head", "--json"]);
    let output = by_environment.env("SOGOC_STORE", one.url()).output().unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap(), one.sogoc().head());
    let mut by_both = Sogoc::bare().command(&["log", "head", "--json", "--store", other.url()]);
    let output = by_both.env("SOGOC_STORE", one.url()).output().unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap(), other.sogoc().head());
}

fn texts_for_people_hold_no_json_and_no_escapes(kind: Kind) {
    let store = Store::demo(kind);
    for arguments in [
        &["ranking", SEASON][..],
        &["figure", "hanam-2022/departments/mean_index"],
        &["trace", "hanam-2022/districts/ly-nhan/rank", "--depth", "2"],
        &["history", SEASON, "ly-nhan", "1.1.1"],
        &["season", "show", SEASON],
        &["criteria", "hanam-2022-districts"],
        &["log", "head"],
        &["reconcile", SEASON, file("claims.csv").to_str().unwrap()],
    ] {
        for language in ["en", "vi"] {
            let answer = store.sogoc().with(&["--lang", language]).ok(arguments);
            assert!(
                !answer.stdout.contains('\u{1b}') && !answer.stdout.contains("{\""),
                "{arguments:?}: {}",
                answer.stdout
            );
            assert!(answer.stdout.lines().count() >= 1 && answer.stdout.ends_with('\n'), "{arguments:?}");
        }
    }
}

#[test]
fn the_schema_of_commands_is_the_committed_one_and_knows_what_the_tests_send() {
    let answer = Sogoc::bare().ok(&["commands", "schema"]);
    let committed = std::fs::read_to_string(workspace().join("crates/sogoc-domain/command.schema.json")).unwrap();
    assert_eq!(answer.stdout, committed);
    let schema = answer.document();
    assert_eq!(schema["additionalProperties"], json!(false), "an unknown field is refused, and the schema says so");
    for required in ["account", "command_id", "command"] {
        assert!(schema["required"].as_array().unwrap().contains(&json!(required)), "{required}");
    }
    for command in pilot::founding_to_activation().iter().chain(&pilot::all_appraised()) {
        let kind = command["command"]["type"].as_str().unwrap();
        assert!(committed.contains(&format!("\"const\": \"{kind}\"")), "the schema lacks {kind}");
    }
}
