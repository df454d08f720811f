use std::collections::HashMap;

use super::*;
use crate::lang::Lang;

/// A configuration from a file's text, variables and flags.
fn load(text: &str, variables: &[(&str, &str)], given: Given) -> Result<Config, Failure> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sogoc.toml");
    std::fs::write(&path, text).unwrap();
    let given = Given { config: Some(path), ..given };
    let variables: HashMap<_, _> = variables.iter().map(|(name, value)| (*name, OsString::from(value))).collect();
    Config::from(read(&given, &ServeFlags::default(), |name| variables.get(name).cloned()))
}

#[track_caller]
fn loaded(text: &str, variables: &[(&str, &str)]) -> Config {
    match load(text, variables, Given::default()) {
        Ok(config) => config,
        Err(failure) => panic!("{}", failure.message()),
    }
}

/// What is wrong, as English lines without the folder's name.
#[track_caller]
fn faults(text: &str, variables: &[(&str, &str)]) -> Vec<String> {
    match load(text, variables, Given::default()) {
        Ok(config) => panic!("taken: {config:?}"),
        Err(Failure::Configuration(faults)) => faults
            .iter()
            .map(|fault| {
                assert!(!fault.message(Lang::Vi).is_empty() && !fault.remedy.vi.is_empty(), "{fault:?}");
                let message = fault.message(Lang::En);
                let message = message.rsplit_once('/').map_or(message.clone(), |(_, rest)| rest.to_owned());
                format!("{message} → {}", fault.remedy.en)
            })
            .collect(),
        Err(failure) => panic!("{failure:?}"),
    }
}

#[test]
fn what_is_said_later_holds() {
    let text = "store = \"sqlite:file.db\"\n[limits]\nin_flight = 10\nburst = 70\n";
    let config = loaded(text, &[]);
    assert_eq!(
        (config.store.expose(), config.limits.in_flight, config.limits.connections),
        ("sqlite:file.db", 10, 1_024)
    );
    let variables = [("SOGOC_STORE", "sqlite:variable.db"), ("SOGOC_LIMITS_IN_FLIGHT", "20")];
    let config = loaded(text, &variables);
    assert_eq!((config.store.expose(), config.limits.in_flight), ("sqlite:variable.db", 20));
    let given = Given { store: Some("sqlite:flag.db".to_owned()), ..Given::default() };
    let config = load(text, &variables, given.clone()).unwrap();
    assert_eq!((config.store.expose(), config.limits.in_flight, config.limits.burst), ("sqlite:flag.db", 20, 70));
    assert_eq!(config.global(&given).store, "sqlite:flag.db");
}

#[test]
fn nothing_said_is_the_register_in_this_folder_on_loopback() {
    let config = loaded("", &[]);
    assert_eq!(config.store.expose(), crate::cli::DEFAULT_STORE);
    assert_eq!(config.serve.listen, "127.0.0.1:8080");
    assert_eq!(config.serve.operator_listen.as_deref(), Some("127.0.0.1:9464"));
    assert!(config.tls.is_none() && config.oidc.is_none() && config.nats.is_none() && config.witness_policy.is_none());
    assert_eq!(config.sign_in.session.as_secs(), 12 * 3_600);
    assert_eq!(config.telemetry.format, LogFormat::Text);
}

#[test]
fn everything_can_be_said() {
    let text = "\
store = \"postgres://sogoc:pa55@db/hanam\"
log_name = \"sogoc.example/ha-nam\"
key_file = \"log.key\"
evidence = { place = \"s3://files/ha-nam\", key_file = \"evidence.key\", clamd = \"tcp:clamd:3310\" }
serve.listen = \"0.0.0.0:8443\"
serve.public_url = \"https://sogoc.example/\"
serve.operator_listen = \"off\"
[tls]
certificate = \"tls.crt\"
key = \"tls.key\"
[oidc]
issuer = \"https://sso.example\"
client_id = \"sogoc\"
scopes = [\"openid\", \"email\"]
[nats]
url = \"tls://pa55@n1:4222,tls://pa55@n2:4222\"
tenant = \"ha-nam\"
replicas = 3
[witness]
policy = \"policy.txt\"
[mirror]
follow = false
[telemetry]
log = \"info,sogoc_log=debug\"
format = \"json\"
otlp = \"http://u:pa55@collector:4318/\"
";
    let config = loaded(text, &[]);
    assert_eq!(config.serve.public_url.as_deref(), Some("https://sogoc.example"));
    assert_eq!(config.serve.operator_listen, None);
    assert_eq!(config.evidence.place.as_deref(), Some("s3://files/ha-nam"));
    assert_eq!(config.oidc.as_ref().unwrap().scopes, ["openid", "email"]);
    assert_eq!(config.nats.as_ref().unwrap().replicas, 3);
    assert!(!config.mirror_follow);
    assert_eq!(config.telemetry.otlp.as_ref().unwrap().expose(), "http://u:pa55@collector:4318");
    let shown = format!("{config:?}");
    assert!(!shown.contains("pa55"), "{shown}");
}

#[test]
fn a_variable_has_the_name_of_its_table_and_key_and_the_older_ones_go_on_working() {
    let config = loaded(
        "",
        &[
            ("SOGOC_SIGN_IN_SECOND_FACTOR", "false"),
            ("SOGOC_OIDC_ISSUER", "https://sso.example"),
            ("SOGOC_OIDC_CLIENT_ID", "sogoc"),
            ("SOGOC_OIDC_SCOPES", "openid, email"),
            ("SOGOC_EVIDENCE", "folder"),
            ("SOGOC_CLAMD", "tcp:clamd:3310"),
            ("SOGOC_NATS_URL", ""),
        ],
    );
    assert!(!config.sign_in.second_factor);
    assert_eq!(config.oidc.unwrap().scopes, ["openid", "email"]);
    assert_eq!(config.evidence.place.as_deref(), Some("folder"));
    assert_eq!(config.evidence.clamd.as_deref(), Some("tcp:clamd:3310"));
    assert!(config.nats.is_none(), "an empty variable says nothing");
    let both = faults("", &[("SOGOC_EVIDENCE", "one"), ("SOGOC_EVIDENCE_PLACE", "other")]);
    assert_eq!(
        both,
        ["SOGOC_EVIDENCE_PLACE: evidence.place: SOGOC_EVIDENCE says otherwise → leave SOGOC_EVIDENCE out"]
    );
}

#[test]
fn a_key_that_is_none_is_refused_with_the_nearest_one() {
    let text = "\
stor = \"sqlite:x.db\"
listen = \"127.0.0.1:1\"
[limits]
in-flight = 3
colour = 1
[limit]
burst = 3
";
    assert_eq!(faults(text, &[]), [
        "sogoc.toml:6: limit: there is no such table → did you mean [limits]?",
        "sogoc.toml:5: limits.colour: there is no such setting → leave it out; `sogoc config show-default` has every setting",
        "sogoc.toml:4: limits.in-flight: there is no such setting → did you mean limits.in_flight?",
        "sogoc.toml:2: listen: there is no such setting → did you mean listen in the table [serve]?",
        "sogoc.toml:1: stor: there is no such setting → did you mean store?",
    ].map(|text| text.replace("did you mean limits.in_flight?", "did you mean in_flight?")));
}

#[test]
fn a_value_beyond_its_bounds_is_refused_with_the_bounds() {
    let text = "[limits]\nburst = 0\nin_flight = \"many\"\ndeadline_seconds = 1.5\n[telemetry]\nformat = \"xml\"\n";
    assert_eq!(
        faults(text, &[("SOGOC_LIMITS_CONNECTIONS", "70000")]),
        [
            "sogoc.toml:2: limits.burst: 0 is not of its form → give a whole number from 1 to 100000",
            "sogoc.toml:4: limits.deadline_seconds: the value is not of its form → give a whole number from 1 to 600",
            "sogoc.toml:3: limits.in_flight: \"many\" is not of its form → give a whole number from 1 to 65536",
            "sogoc.toml:6: telemetry.format: \"xml\" is not of its form → give text or json",
            "SOGOC_LIMITS_CONNECTIONS: limits.connections: \"70000\" is not of its form → give a whole number from 1 to 65536",
        ]
    );
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let text = "\
[tls]
certificate = \"tls.crt\"
[limits]
requests_per_second = 200
[sign_in]
session_hours = 1
idle_minutes = 90
[oidc]
client_id = \"sogoc\"
scopes = [\"profile\"]
[nats]
url = \"nats://n:4222\"
";
    assert_eq!(
        faults(text, &[]),
        [
            "sogoc.toml:2: tls.certificate: tls.key is needed too → give tls.key, or leave tls.certificate out",
            "sogoc.toml:9: oidc.client_id: oidc.issuer is needed too → give oidc.issuer, or leave oidc.client_id out",
            "sogoc.toml:12: nats.url: nats.tenant is needed too → give nats.tenant, or leave nats.url out",
            "sogoc.toml:10: oidc.scopes: openid is not among them → add \"openid\"",
            "sogoc.toml:4: limits.requests_per_second: limits.requests_per_second is 200, beyond limits.burst, which is 100 \
         → lower limits.requests_per_second or raise limits.burst",
            "sogoc.toml:7: sign_in.idle_minutes: sign_in.idle_minutes is 90, beyond sign_in.session_hours, which is 1 \
         → lower sign_in.idle_minutes or raise sign_in.session_hours",
        ]
    );
}

#[test]
fn what_is_no_toml_is_told_with_its_line() {
    let told = faults("[limits]\nburst = \nin_flight = 3\n[serve\n", &[]);
    assert!(told.iter().any(|fault| fault.starts_with("sogoc.toml:2: not TOML")), "{told:#?}");
    let twice = faults("[limits]\nburst = 200\nburst = 300\n", &[]);
    assert!(twice[0].starts_with("sogoc.toml:3: not TOML: duplicate key"), "{twice:#?}");
}

#[test]
fn a_wrong_value_that_may_hold_a_password_is_not_quoted() {
    let text = "store = \"postgre://sogoc:pa55@db/hanam\"\n[nats]\nurl = \"n:pa55@n1\"\ntenant = \"ha-nam\"\n\
                [telemetry]\notlp = \"pa55\"\n";
    let told = faults(text, &[("SOGOC_STORE_FILE", "pa55")]).join("\n");
    assert!(told.contains("store: the value is not of its form → give sqlite:PATH or postgres://"), "{told}");
    let text = format!("{:?}", load(text, &[], Given::default()).unwrap_err());
    assert!(!text.contains("pa55"), "{text}");
}

#[test]
fn a_store_with_a_password_may_stand_in_a_file_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.url");
    std::fs::write(&path, "postgres://sogoc:pa55@db/hanam\n").unwrap();
    let file = format!("store_file = {:?}\n", path.display().to_string());
    assert_eq!(loaded(&file, &[]).store.expose(), "postgres://sogoc:pa55@db/hanam");
    // Said later, the other one holds.
    assert_eq!(loaded(&file, &[("SOGOC_STORE", "sqlite:x.db")]).store.expose(), "sqlite:x.db");
    let by_variable = loaded("store = \"sqlite:x.db\"", &[("SOGOC_STORE_FILE", path.to_str().unwrap())]);
    assert_eq!(by_variable.store.expose(), "postgres://sogoc:pa55@db/hanam");
    let both = faults(&format!("store = \"sqlite:x.db\"\n{file}"), &[]);
    assert_eq!(both, ["sogoc.toml:2: store_file: store is given too → keep store_file or store"]);
    std::fs::write(&path, "postgres://sogoc:pa55@db/hanam\nand more\n").unwrap();
    let told = faults(&file, &[]).join("\n");
    assert!(told.contains("not one line") && !told.contains("pa55"), "{told}");
}

#[test]
fn the_sample_file_is_the_one_in_deploy_and_says_what_holds_by_itself() {
    let committed = include_str!("../../../../deploy/sogoc.toml");
    assert!(
        committed == sample::sample(),
        "deploy/sogoc.toml is not what the table says: run `sogoc config show-default > deploy/sogoc.toml`"
    );
    let plain = format!("{:?}", loaded("", &[]));
    assert_eq!(format!("{:?}", loaded(committed, &[])), plain);
    // With every comment taken off it is a configuration too, but that a store is given in two ways.
    let lines = committed.lines().map(|line| match line.strip_prefix('#') {
        Some(setting) if setting.starts_with(|c: char| c.is_ascii_lowercase()) => setting,
        Some(_) | None => line,
    });
    let whole: Vec<_> = lines.filter(|line| !line.starts_with("store_file")).collect();
    let config = loaded(&whole.join("\n"), &[]);
    assert!(config.tls.is_some() && config.oidc.is_some() && config.nats.is_some() && config.telemetry.otlp.is_some());
}
