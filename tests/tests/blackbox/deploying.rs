//! `deploy/`: every setting, command and flag that its files use is one that the binary has.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::support::Sogoc;
use crate::support::binary::workspace;

/// Variables of the scripts and the compose file themselves, and older names of settings.
const OTHERS: [&str; 9] = [
    "SOGOC_BIN",
    "SOGOC_CONFIG",
    "SOGOC_SECRETS",
    "SOGOC_WITNESS_NAME",
    "SOGOC_PUBLIC_URL",
    "SOGOC_EVIDENCE",
    "SOGOC_CLAMD",
    // Streams of NATS.
    "SOGOC_HA_NAM",
    "SOGOC_",
];

/// Text files of the folder, whatever their depth.
fn files() -> Vec<(PathBuf, String)> {
    let mut open = vec![workspace().join("deploy")];
    let mut all = Vec::new();
    while let Some(at) = open.pop() {
        for found in std::fs::read_dir(&at).unwrap().flatten() {
            let path = found.path();
            if path.is_dir() {
                // Made by `prepare`, where somebody ran it.
                if !path.ends_with("secrets") {
                    open.push(path);
                }
            } else {
                let text = std::fs::read_to_string(&path).unwrap();
                all.push((path, text));
            }
        }
    }
    assert!(all.len() > 8, "{all:?}");
    all
}

#[test]
fn every_variable_that_is_set_is_a_setting() {
    let sample = Sogoc::bare().ok(&["config", "show-default"]).stdout;
    let (mut table, mut settings) = (String::new(), BTreeSet::new());
    for line in sample.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            table = format!("{}_", name.to_uppercase());
        } else if let Some((key, _)) = line.trim_start_matches('#').split_once(" = ")
            && key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
        {
            settings.insert(format!("SOGOC_{table}{}", key.to_uppercase()));
        }
    }
    for (path, text) in files() {
        for at in text.match_indices("SOGOC_").map(|(at, _)| at) {
            let name: String =
                text[at..].chars().take_while(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || *c == '_').collect();
            let known = settings.contains(&name) || OTHERS.contains(&name.as_str());
            assert!(known || name == "SOGOC_T_K", "{}: {name} is no setting", path.display());
        }
    }
}

/// The words after `sogoc` of every command that the files show or run.
fn commands() -> Vec<(PathBuf, Vec<String>)> {
    let mut all = Vec::new();
    for (path, text) in files() {
        let mut shown = false;
        for line in text.lines() {
            if line.starts_with("```") {
                shown = line == "```sh";
            }
            let is = |end: &str| path.extension().is_some_and(|found| found == end);
            let command = line
                .split_once("command: [")
                .filter(|_| is("yaml"))
                .map(|(_, list)| list.replace(['"', ',', ']'], " "));
            let run = line
                .strip_prefix("ExecStart=")
                .or_else(|| line.strip_prefix("ExecStartPre="))
                .filter(|_| is("service"));
            let written = (shown && is("md")).then_some(line);
            let line = match (command, run.or(written)) {
                // Other images have commands of their own.
                (Some(list), _)
                    if ["serve", "store", "witness", "backup"]
                        .contains(&list.split_whitespace().next().unwrap_or_default()) =>
                {
                    format!("sogoc {list}")
                }
                (_, Some(line)) => line.split('#').next().unwrap().to_owned(),
                _ => continue,
            };
            let mut words = line.split_whitespace().map(str::to_owned);
            if words.by_ref().next().is_some_and(|first| first == "sogoc" || first == "/usr/bin/sogoc") {
                all.push((path.clone(), words.collect()));
            }
        }
    }
    assert!(all.len() > 20, "{all:?}");
    all
}

#[test]
fn every_command_and_flag_that_is_shown_is_there() {
    for (path, words) in commands() {
        let mut rest = words.iter().map(String::as_str).peekable();
        // What every command takes comes before it, with a value.
        let mut flags: Vec<&str> = Vec::new();
        while let Some(flag) = rest.next_if(|word| word.starts_with("--")) {
            flags.push(flag);
            rest.next();
        }
        let words: Vec<&str> = rest.collect();
        flags.extend(words.iter().filter(|word| word.starts_with("--")));
        let help = |words: &[&str]| {
            let answer = Sogoc::bare().run(&[words, &["--help"]].concat());
            (answer.code == Some(0)).then_some(answer.stdout)
        };
        // A second word is a command of the first, or what it is about.
        let is_word = |word: &&&str| word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        let second = words.get(1).filter(is_word).and_then(|_| help(&words[..2]));
        let text = second.or_else(|| help(&words[..1]));
        let text = text.unwrap_or_else(|| panic!("{}: there is no command sogoc {}", path.display(), words.join(" ")));
        for flag in flags {
            assert!(text.contains(flag), "{}: sogoc {} has no {flag}", path.display(), words.join(" "));
        }
    }
}
