//! What bad input gets through `sogoc execute`: a clear refusal that names values, limit and remedy, and nothing recorded.

use serde_json::{Value, json};

use crate::support::binary::lines;
use crate::support::{Sogoc, Store, on_both_stores, on_sqlite, pilot, stores::Kind};

on_both_stores!(each_rule_refuses_by_its_code_in_both_languages, an_appeal_outside_its_window_is_told_the_window);
on_sqlite!(
    a_line_that_is_no_command_is_refused_and_the_next_is_read,
    numbers_that_are_none_are_refused_where_they_stand,
    a_text_beyond_its_limit_is_refused_with_both_lengths,
    a_criteria_set_that_does_not_add_up_names_every_level_with_both_sums,
    nothing_can_be_done_in_a_register_that_was_not_founded,
    refusals_of_authority_and_lateness_are_recorded_without_their_bodies,
    a_hostile_command_is_not_echoed_whole
);

/// One command that must be refused: what it is, its code, and what the refusal's values must be.
struct Case {
    what: &'static str,
    command: Value,
    code: &'static str,
    values: Vec<(&'static str, &'static str)>,
}

fn case(what: &'static str, command: Value, code: &'static str, values: &[(&'static str, &'static str)]) -> Case {
    Case { what, command, code, values: values.to_vec() }
}

/// so-y-te submitted; so-tu-phap scored but not submitted; leaf 1.3 does not apply to ly-nhan.
fn stage(sogoc: &Sogoc) {
    let not_applicable =
        json!({"agency": "ly-nhan", "leaves": ["1.3"], "applicability": "left-out", "ground": "Không có thủ tục"});
    sogoc.accepted(&[
        pilot::declares_all("so-y-te"),
        pilot::submits("so-y-te"),
        pilot::declares_all("so-noi-vu"),
        pilot::submits("so-noi-vu"),
        pilot::by("secretary", "decide-applicability", &not_applicable),
    ]);
}

fn cases() -> Vec<Case> {
    use pilot::{adjusts, by, declares};
    let yes = json!({"yes_no": true});
    let on = |agency: &str, leaf: &str| json!({"agency": agency, "leaf": leaf});
    let in_season = |season: &str, mut fields: Value| {
        fields["season"] = season.into();
        fields
    };
    let mut no_reason = adjusts("reviewer-nv", "so-y-te", "1.1.1", "0", "evidence_missing");
    no_reason["command"]["reason"] = "  ".into();
    let appeal = json!({"agency": "so-y-te", "appeal": "kn-1",
        "items": [{"target": {"leaf": "1.1.1"}, "requested": "1", "ground": "Đã nộp đúng hạn"}]});
    vec![
        case(
            "points above the maximum",
            adjusts("reviewer-nv", "so-y-te", "1.1.1", "9", "underclaimed"),
            "points-outside-rule",
            &[("leaf", "1.1.1"), ("points", "9")],
        ),
        case(
            "points between the steps",
            declares("ly-nhan", "2.2", &json!({"judged": "2.6"})),
            "points-outside-rule",
            &[("leaf", "2.2"), ("points", "2.6")],
        ),
        case(
            "inputs of another rule",
            declares("ly-nhan", "1.1.1", &json!({"count": "3"})),
            "inputs-unfit",
            &[("leaf", "1.1.1"), ("rule", "yes_no"), ("given", "a count of 3")],
        ),
        case(
            "a numerator above the denominator",
            declares("ly-nhan", "1.1.2", &json!({"ratio": {"numerator": "11", "denominator": "10"}})),
            "inputs-unfit",
            &[("leaf", "1.1.2"), ("rule", "proportional")],
        ),
        case(
            "a denominator of zero",
            declares("ly-nhan", "1.2", &json!({"ratio": {"numerator": "0", "denominator": "0"}})),
            "inputs-unfit",
            &[("leaf", "1.2")],
        ),
        case(
            "an option that is not there",
            declares("ly-nhan", "2.1", &json!({"option": 4})),
            "inputs-unfit",
            &[("leaf", "2.1"), ("rule", "choice")],
        ),
        case("the survey's leaf", declares("ly-nhan", "3.1", &yes), "leaf-is-surveyed", &[("leaf", "3.1")]),
        case(
            "an agency nobody knows",
            by("reviewer-nv", "accept-score", &on("so-nao-do", "1.1.1")),
            "not-in-season",
            &[("agency", "so-nao-do")],
        ),
        case(
            "a season nobody knows",
            by(
                "officer-ln",
                "record-self-score",
                &in_season("mua-1999", json!({"agency": "ly-nhan", "leaf": "1.1.1", "inputs": yes})),
            ),
            "unknown",
            &[("what", "season"), ("id", "mua-1999")],
        ),
        case(
            "a leaf nobody knows",
            declares("ly-nhan", "9.9", &yes),
            "unknown-leaf",
            &[("leaf", "9.9"), ("set", pilot::SET)],
        ),
        case(
            "a leaf that does not apply",
            declares("ly-nhan", "1.3", &json!({"count": "0"})),
            "leaf-not-applicable",
            &[("leaf", "1.3"), ("agency", "ly-nhan")],
        ),
        case(
            "a closed phase",
            by(
                "officer-ln",
                "record-self-score",
                &in_season(pilot::OVER, json!({"agency": "ly-nhan", "leaf": "1.1.1", "inputs": yes})),
            ),
            "phase-closed",
            &[("command", "record-self-score"), ("season", pilot::OVER)],
        ),
        case("no reason", no_reason, "reason-required", &[]),
        case(
            "a reason code nobody knows",
            adjusts("reviewer-nv", "so-y-te", "1.1.1", "0", "because"),
            "unknown-reason-code",
            &[("code", "because")],
        ),
        case(
            "a reason code of the other direction",
            adjusts("reviewer-nv", "so-y-te", "1.1.1", "0", "underclaimed"),
            "reason-unfit",
            &[("old", "1"), ("new", "0")],
        ),
        case(
            "an account without the role",
            by("inspector", "accept-score", &on("so-y-te", "1.1.1")),
            "role-missing",
            &[("account", "inspector"), ("command", "accept-score")],
        ),
        case(
            "an account without any role",
            by("idle", "submit-scorecard", &json!({"agency": "ly-nhan"})),
            "role-missing",
            &[("account", "idle")],
        ),
        case(
            "an account nobody knows",
            by("ghost", "submit-scorecard", &json!({"agency": "ly-nhan"})),
            "account-inactive",
            &[("account", "ghost")],
        ),
        case(
            "another agency's scorecard",
            by("officer-yt", "record-self-score", &json!({"agency": "ly-nhan", "leaf": "1.1.1", "inputs": yes})),
            "not-own-agency",
            &[("own", "so-y-te"), ("agency", "ly-nhan")],
        ),
        case(
            "a leaf that is not assigned",
            by("reviewer-tp", "accept-score", &on("so-y-te", "1.1.1")),
            "not-assigned",
            &[("account", "reviewer-tp"), ("leaf", "1.1.1")],
        ),
        case(
            "one's own case",
            by("reviewer-nv", "accept-score", &on("so-noi-vu", "1.1.1")),
            "own-case",
            &[("account", "reviewer-nv"), ("agency", "so-noi-vu")],
        ),
        case(
            "one's own case by override",
            adjusts("reviewer-nv", "so-noi-vu", "2.2", "3", "underclaimed"),
            "own-case",
            &[("agency", "so-noi-vu")],
        ),
        case(
            "a second submission",
            pilot::anew(&pilot::submits("so-y-te"), 2),
            "scorecard-state",
            &[("agency", "so-y-te"), ("command", "submit-scorecard")],
        ),
        case(
            "scoring after the submission",
            declares("so-y-te", "1.1.1", &json!({"yes_no": false})),
            "scorecard-state",
            &[("agency", "so-y-te")],
        ),
        case(
            "a submission with leaves unscored",
            pilot::submits("ly-nhan"),
            "leaves-unscored",
            &[("agency", "ly-nhan")],
        ),
        case(
            "an act that must name its instrument",
            by(
                "secretary",
                "deem-score",
                &json!({"agency": "ly-nhan", "leaf": "1.1.1", "reason_code": "not_submitted", "reason": "Không nộp"}),
            ),
            "instrument-required",
            &[("command", "deem-score")],
        ),
        case(
            "announcing before everything is scored",
            by("secretary", "announce-results", &json!({})),
            "incomplete",
            &[("season", pilot::SEASON)],
        ),
        case(
            "granting a council role alone",
            by("admin", "grant-role", &json!({"account": "idle", "role": "council-member"})),
            "needs-two",
            &[("role", "council-member")],
        ),
        case(
            "granting oneself a role",
            by("admin", "grant-role", &json!({"account": "admin", "role": "reviewer"})),
            "own-account",
            &[("account", "admin")],
        ),
        case(
            "approving one's own proposal",
            by("admin", "approve-role", &json!({"account": "idle", "role": "secretariat"})),
            "",
            &[],
        ),
        case("founding again", pilot::anew(&pilot::founding()[0], 2), "already-founded", &[]),
        case(
            "opening an account that is there",
            pilot::anew(
                &by(
                    "admin",
                    "open-account",
                    &json!({"account": {"account": "idle", "agency": "trung-tam", "name": "Một người"}}),
                ),
                2,
            ),
            "already-exists",
            &[("id", "idle")],
        ),
        case(
            "an instant that lies ahead",
            pilot::with(&declares("ly-nhan", "1.1.1", &yes), "occurred", "2099-01-01T00:00:00Z"),
            "occurred-in-future",
            &[],
        ),
        case("appealing before there are results", by("leader-yt", "lodge-appeal", &appeal), "", &[]),
    ]
}

fn each_rule_refuses_by_its_code_in_both_languages(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    stage(&sogoc);
    let before = sogoc.entries(&[]);
    let cases = cases();
    let commands: Vec<_> = cases.iter().map(|case| case.command.clone()).collect();
    let english = sogoc.with(&["--lang", "en"]).execute(&commands);
    let vietnamese = sogoc.with(&["--lang", "vi"]).execute(&commands);
    let mut wrong = Vec::new();
    for ((case, en), vi) in cases.iter().zip(&english).zip(&vietnamese) {
        let what = case.what;
        let (Some(en), Some(vi)) = (en.get("refusal"), vi.get("refusal")) else {
            wrong.push(format!("{what}: accepted: {en}"));
            continue;
        };
        if !case.code.is_empty() && en["code"] != case.code {
            wrong.push(format!("{what}: expected {}: {en}", case.code));
            continue;
        }
        for (name, value) in &case.values {
            // The refusal's own code has the name `code`.
            let name = if *name == "code" { "reason_code" } else { name };
            if en[name] != *value {
                wrong.push(format!("{what}: the value {name} is not {value}: {en}"));
            }
            let text = format!("{} {}", en["message"].as_str().unwrap(), en["remedy"].as_str().unwrap());
            if name != "reason_code" && name != "what" && !text.contains(value) {
                wrong.push(format!("{what}: the text does not name {value}: {text}"));
            }
        }
        for (language, refusal) in [("en", en), ("vi", vi)] {
            for field in ["code", "message", "remedy"] {
                let text = refusal[field].as_str().unwrap_or_default();
                if text.is_empty() || text.contains('{') || text.contains('?') {
                    wrong.push(format!("{what}: {language} {field} is not filled: {text:?}"));
                }
            }
        }
        if en["code"] != vi["code"] || en["message"] == vi["message"] || en["remedy"] == vi["remedy"] {
            wrong.push(format!("{what}: one text for both languages: {en} {vi}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    // Nothing was recorded but, for what people argue about later, that it was refused.
    let after = sogoc.entries(&[]);
    assert_eq!(after[..before.len()], before[..]);
    for entry in &after[before.len()..] {
        assert!(entry["stream"].as_str().unwrap().starts_with("refusals/"), "{entry}");
    }
    sogoc.ok(&["log", "verify"]);
}

fn an_appeal_outside_its_window_is_told_the_window(kind: Kind) {
    // An imported season judges its phases by `occurred`: the window of the real one was 6 to 12 December 2022.
    let store = Store::demo(kind);
    let sogoc = store.sogoc();
    let appeal = json!({"season": "hanam-2022", "agency": "kim-bang", "appeal": "kn-9",
        "items": [{"target": {"leaf": "1.1.1"}, "requested": "1", "ground": "Đã nộp đúng hạn"}]});
    let command = pilot::by("acc-kim-bang-leader-1", "lodge-appeal", &appeal);
    let refusal = sogoc.refused(&command);
    assert_eq!((refusal["code"].as_str(), refusal["season"].as_str()), (Some("occurred-required"), Some("hanam-2022")));
    for outside in ["2022-12-05T23:59:59+07:00", "2022-12-13T00:00:00+07:00", "2023-02-01T00:00:00+07:00"] {
        let refusal = sogoc.refused(&pilot::with(&pilot::anew(&command, 2), "occurred", outside));
        assert_eq!(refusal["code"], "phase-closed", "{outside}: {refusal}");
        assert_eq!(refusal["command"], "lodge-appeal");
        let times = refusal["times"].as_str().unwrap();
        assert!(times.contains("2022-12-05T17:00:00") && times.contains("2022-12-12T17:00:00"), "{times}");
        assert!(refusal["message"].as_str().unwrap().contains(times), "{refusal}");
    }
}

fn a_line_that_is_no_command_is_refused_and_the_next_is_read(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    let good = pilot::declares("so-y-te", "1.1.1", &json!({"yes_no": true}));
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut command = good.clone();
        change(&mut command);
        command.to_string()
    };
    let mut bad: Vec<Vec<u8>> = vec![
        b"nonsense".to_vec(),
        b"{".to_vec(),
        b"[]".to_vec(),
        b"null".to_vec(),
        b"\"text\"".to_vec(),
        b"{}".to_vec(),
        b"{\"account\":\"\xff\xfe\"}".to_vec(),
        changed(&|c| c["extra"] = 1.into()).into_bytes(),
        changed(&|c| c["command"]["extra"] = 1.into()).into_bytes(),
        changed(&|c| c["command"]["type"] = "erase-everything".into()).into_bytes(),
        changed(&|c| c["command_id"] = "1".into()).into_bytes(),
        changed(&|c| c["account"] = "Not An Id".into()).into_bytes(),
        changed(&|c| c["account"] = "".into()).into_bytes(),
        changed(&|c| c["account"] = "a".repeat(65).into()).into_bytes(),
        changed(&|c| c["seen"] = (-1).into()).into_bytes(),
        changed(&|c| c["seen"] = json!(1.5)).into_bytes(),
        changed(&|c| c["occurred"] = "2026-02-30T00:00:00Z".into()).into_bytes(),
        changed(&|c| c["command"]["inputs"] = Value::Null).into_bytes(),
        changed(&|c| c["command"]["agency"] = "so-y-te\u{0}".into()).into_bytes(),
        changed(&|c| c["command"]["agency"] = "../../etc".into()).into_bytes(),
        // The same field twice: which one was meant?
        good.to_string().replacen('{', "{\"account\":\"officer-ln\",", 1).into_bytes(),
    ];
    // Deep nesting and a line beyond the limit.
    bad.push("[".repeat(100_000).into_bytes());
    bad.push(format!("{}{}", " ".repeat(2 << 20), good).into_bytes());
    let size = sogoc.size();
    let mut input = Vec::new();
    for line in &bad {
        input.extend_from_slice(line);
        input.push(b'\n');
    }
    input.extend_from_slice(lines(&[good]).as_bytes());
    let answers = sogoc.run_with(&["execute"], &input).ends(1).lines();
    assert_eq!(answers.len(), bad.len() + 1);
    for (line, answer) in bad.iter().zip(&answers) {
        let shown = String::from_utf8_lossy(&line[..line.len().min(200)]).into_owned();
        let refusal = &answer["refusal"];
        assert!(refusal["code"].is_string(), "{shown}: {answer}");
        assert!(refusal["message"].as_str().unwrap().len() > 10, "{shown}: {answer}");
        assert!(answer.to_string().len() < 2_000, "{shown}: a hostile line is not echoed whole");
    }
    assert!(answers.last().unwrap()["receipt"].is_object(), "the good line behind them is executed");
    assert_eq!(sogoc.size(), size + 1);
}

fn numbers_that_are_none_are_refused_where_they_stand(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    let size = sogoc.size();
    let commands: Vec<_> = [
        "NaN",
        "nan",
        "Infinity",
        "-Infinity",
        "inf",
        "1e3",
        "1E-2",
        "0x10",
        "",
        " ",
        "+1",
        "-1",
        "1,5",
        "1.2.3",
        "١٢",
        "12345678901234567890.1234567890",
        "0.123456789012345678901234567891",
        "999999999999999999999999999999",
        "1_000",
        "½",
    ]
    .iter()
    .flat_map(|number| {
        [
            pilot::declares("so-y-te", "1.1.3", &json!({"count": number})),
            pilot::declares("so-y-te", "1.1.2", &json!({"ratio": {"numerator": number, "denominator": "10"}})),
            pilot::declares("so-y-te", "2.2", &json!({"judged": number})),
        ]
    })
    .chain([
        // A JSON number goes through a float on the way: only texts are exact.
        pilot::declares("so-y-te", "1.1.3", &json!({"count": 0.1})),
        pilot::declares("so-y-te", "2.1", &json!({"option": -1})),
        pilot::declares("so-y-te", "2.1", &json!({"option": 1.5})),
        pilot::declares("so-y-te", "2.1", &json!({"option": 70000})),
    ])
    .collect();
    for (command, answer) in commands.iter().zip(sogoc.execute(&commands)) {
        let refusal = answer.get("refusal").unwrap_or_else(|| panic!("{command} is accepted: {answer}"));
        assert!(refusal["message"].as_str().unwrap().len() > 10, "{refusal}");
    }
    assert_eq!(sogoc.size(), size, "nothing was recorded");
    // What is odd but exact is taken as what it is.
    sogoc.accepted(&[pilot::declares("so-y-te", "1.1.3", &json!({"count": "000003.00"}))]);
    assert_eq!(sogoc.json(&["figure", "pilot-2026/so/so-y-te/leaf/1.1.3/self_points"])["value"], "1.5");
}

fn a_text_beyond_its_limit_is_refused_with_both_lengths(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    sogoc.accepted(&[pilot::declares_all("so-y-te"), pilot::submits("so-y-te")]);
    let size = sogoc.size();
    let long = "ộ".repeat(70_000);
    let mut command = pilot::adjusts("reviewer-nv", "so-y-te", "1.1.1", "0", "evidence_missing");
    command["command"]["reason"] = json!(long);
    let refusal = sogoc.refused(&command);
    assert_eq!(refusal["code"], "text-too-long", "{refusal}");
    assert_eq!(refusal["length"], "70000");
    let limit = refusal["limit"].as_str().unwrap();
    let message = refusal["message"].as_str().unwrap();
    assert!(message.contains("70000") && message.contains(limit), "{message}");
    assert_eq!(sogoc.size(), size);
    // At the limit it is taken, and given back whole.
    let longest = "ộ".repeat(limit.parse().unwrap());
    command["command"]["reason"] = json!(longest);
    sogoc.accepted(&[command]);
    let history = sogoc.json(&["history", pilot::SEASON, "so-y-te", "1.1.1"]);
    assert!(history.as_array().unwrap().iter().any(|item| item["reason"] == longest.as_str()));
    for (field, value) in [("capacity", long.clone()), ("reason_code", long.clone())] {
        let mut command = pilot::anew(&pilot::adjusts("reviewer-nv", "so-y-te", "1.3", "0", "evidence_missing"), 7);
        if field == "capacity" {
            command[field] = json!(value)
        } else {
            command["command"][field] = json!(value)
        }
        let refusal = sogoc.refused(&command);
        assert!(refusal.to_string().len() < 5_000, "{field}: {} bytes of refusal", refusal.to_string().len());
    }
}

fn a_criteria_set_that_does_not_add_up_names_every_level_with_both_sums(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    let mut domains = pilot::domains();
    // 1.1 has 4.5 instead of 5; domain 2 has 8.25 instead of 8; the set has 20 instead of 21.
    domains[0]["children"][0]["children"][1]["max_points"] = "1.5".into();
    domains[1]["children"][3]["max_points"] = "1.25".into();
    let draft = pilot::by("secretary", "draft-criteria-set", &pilot::criteria("bo-sai", "21", domains));
    sogoc.accepted(&[draft]);
    let refusal = sogoc.refused(&pilot::by("secretary", "activate-criteria-set", &json!({"set": "bo-sai"})));
    assert_eq!(refusal["code"], "sums-differ");
    let levels = refusal["levels"].as_str().unwrap();
    for said in ["21", "20", "1.1", "5", "4.5", "2", "8", "8.25"] {
        assert!(levels.contains(said), "{said}: {levels}");
    }
    assert_eq!(levels.matches("declared").count(), 3, "{levels}");
    for (what, change) in [
        ("a node with both children and a rule", ("/0/leaf", json!({"rule": {"type": "yes_no", "version": 1}}))),
        ("a code that is used twice", ("/1/children/0/code", json!("1.2"))),
        ("an id that is used twice", ("/1/children/0/id", json!("l-1-2"))),
        ("a rule of a version nobody knows", ("/1/children/3/leaf/rule/version", json!(9))),
        ("a step of zero", ("/1/children/1/leaf/rule/step", json!("0"))),
        ("a tier above the maximum", ("/1/children/2/leaf/rule/tiers/0/points", json!("7"))),
    ] {
        let mut domains = json!(pilot::domains());
        match domains.pointer_mut(change.0) {
            Some(place) => *place = change.1,
            None => domains[0]["leaf"] = change.1,
        }
        let set = "bo-hong";
        let draft = pilot::by(
            "secretary",
            "draft-criteria-set",
            &pilot::criteria(set, "20", domains.as_array().unwrap().clone()),
        );
        let activate = pilot::anew(&pilot::by("secretary", "activate-criteria-set", &json!({"set": set})), 3);
        let answers = sogoc.execute(&[draft, activate]);
        let refusals: Vec<_> = answers.iter().filter_map(|a| a.get("refusal")).collect();
        assert!(!refusals.is_empty(), "{what} is accepted");
    }
}

fn nothing_can_be_done_in_a_register_that_was_not_founded(kind: Kind) {
    let store = Store::empty(kind);
    let refusal = store.sogoc().refused(&pilot::submits("so-y-te"));
    assert_eq!(refusal["code"], "not-founded");
    assert_eq!(store.sogoc().size(), 0);
    let mut alone = pilot::founding()[0].clone();
    alone["command"]["approver"]["account"] = "admin".into();
    let refusal = store.sogoc().refused(&alone);
    assert!(refusal["message"].as_str().unwrap().contains("admin"), "one person founds no register: {refusal}");
    assert_eq!(store.sogoc().size(), 0);
}

fn refusals_of_authority_and_lateness_are_recorded_without_their_bodies(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    stage(&sogoc);
    let size = sogoc.size();
    let mut command = pilot::adjusts("reviewer-nv", "so-noi-vu", "1.1.1", "0", "evidence_missing");
    command["command"]["reason"] = "BÍ MẬT KHÔNG GHI".into();
    assert_eq!(sogoc.refused(&command)["code"], "own-case");
    let entries = sogoc.entries(&["--from", &size.to_string()]);
    let [entry] = &entries[..] else { panic!("one refusal is one entry: {entries:?}") };
    assert_eq!(entry["stream"], "refusals/reviewer-nv");
    assert_eq!(entry["kind"], "refusal-recorded");
    assert_eq!(entry["data"]["code"], "own-case");
    assert_eq!(entry["data"]["command"], "adjust-score");
    assert_eq!(entry["data"]["target"], "scorecard/pilot-2026/so-noi-vu/1.1.1");
    assert!(!entry.to_string().contains("BÍ MẬT"), "{entry}");
    // Five a minute; what is not about authority or lateness is not recorded.
    let many: Vec<_> = (0..20).map(|n| pilot::anew(&command, n)).collect();
    sogoc.execute(&many);
    let recorded = sogoc.size() - size - 1;
    assert!((4..=6).contains(&recorded), "{recorded} of 20 refusals within a minute were recorded");
    let before = sogoc.size();
    sogoc.refused(&pilot::declares("ly-nhan", "9.9", &json!({"yes_no": true})));
    sogoc.refused(&pilot::by("ghost", "submit-scorecard", &json!({"agency": "ly-nhan"})));
    assert_eq!(sogoc.size(), before);
}

fn a_hostile_command_is_not_echoed_whole(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    let long = "x".repeat(500_000);
    let escape = "\u{1b}[31mred\u{7}";
    for value in [long.as_str(), escape] {
        for command in [
            pilot::declares("ly-nhan", value, &json!({"yes_no": true})),
            pilot::by("reviewer-nv", "accept-unchanged", &json!({"agency": "so-y-te", "node": value})),
            pilot::by(
                "admin",
                "rename-agency",
                &json!({"agency": "so-y-te", "name": {"vi": value}, "from": "2026-01-01T00:00:00Z"}),
            ),
        ] {
            let answer = sogoc.run_with(&["execute"], lines(std::slice::from_ref(&command)).as_bytes());
            assert!(answer.stdout.len() + answer.stderr.len() < 5_000, "{} bytes come back", answer.stdout.len());
            assert!(!answer.said().contains('\u{1b}'), "a terminal's control characters come back: {answer:?}");
        }
    }
}
