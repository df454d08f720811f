//! `sogoc execute`: commands as JSON lines, each as an account; each takes effect once.

use serde_json::{Value, json};

use crate::support::binary::lines;
use crate::support::{Store, on_both_stores, on_sqlite, pilot, stores::Kind};

on_both_stores!(
    a_register_begins_with_its_founding_and_comes_to_an_edition,
    a_command_takes_effect_once,
    what_somebody_else_changed_in_between_is_shown_to_the_author
);
on_sqlite!(
    a_receipt_says_where_and_when,
    lines_come_from_a_file_or_from_stdin,
    each_line_is_answered_before_the_next_is_needed,
    lines_are_answered_in_their_order_and_each_sees_those_before_it,
    a_bulk_command_names_what_it_left_out,
    entries_say_who_acted_and_by_what_way,
    a_delegate_acts_for_another_and_the_entry_says_so,
    a_clerical_error_is_corrected_by_an_entry_that_names_it,
    the_council_changes_many_scorecards_at_once
);

fn a_register_begins_with_its_founding_and_comes_to_an_edition(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    for step in [pilot::all_submit(), pilot::all_appraised(), pilot::announced()] {
        sogoc.accepted(&step);
    }
    let ranking = sogoc.json(&["ranking", pilot::SEASON, "so"]);
    for row in ranking.as_array().unwrap() {
        // 14.55 of 16 by people, 85 % of 4 by the survey.
        assert_eq!(row["total_points"], "17.95", "{row}");
        assert_eq!(row["index"], "89.75");
        assert_eq!(row["rank"], 1, "equal indices share a rank");
        assert_eq!(row["class"], "tot");
    }
    let shown = sogoc.json(&["season", "show", pilot::SEASON]);
    assert_eq!((shown["mode"].as_str(), shown["state"].as_str()), (Some("live"), Some("active")));
    assert_eq!(shown["editions"].as_array().unwrap().len(), 1);
    sogoc.ok(&["log", "verify"]);
}

fn lines_are_answered_in_their_order_and_each_sees_those_before_it(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    // What two agencies do stands interleaved; what one of them does only makes sense in this order.
    let mut commands = Vec::new();
    for (step, done) in (100..).zip([true, false, true]) {
        for agency in ["so-y-te", "ly-nhan"] {
            let command = pilot::declares(agency, "1.1.1", &json!({"yes_no": done}));
            commands.push(pilot::anew(&command, step));
        }
    }
    let unknown = pilot::declares("so-y-te", "9.9", &json!({"yes_no": true}));
    commands.insert(3, unknown);
    for agency in ["so-y-te", "ly-nhan"] {
        commands.push(pilot::declares_all(agency));
        commands.push(pilot::submits(agency));
    }
    let answers = sogoc.execute(&commands);
    let refused: Vec<_> = (0..commands.len()).filter(|at| answers[*at].get("refusal").is_some()).collect();
    assert_eq!(refused, [3], "{answers:?}");
    for (answer, command) in answers.iter().zip(&commands).filter(|(answer, _)| answer.get("receipt").is_some()) {
        assert_eq!(answer["receipt"]["command_id"], command["command_id"]);
    }
}

fn a_command_takes_effect_once(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    let command = pilot::declares("so-y-te", "1.1.1", &json!({"yes_no": true}));
    let first = sogoc.accepted(std::slice::from_ref(&command))[0].clone();
    let head = sogoc.head();
    // Again at once, twice in one run, and after something else happened.
    let other = pilot::declares("so-y-te", "1.1.2", &json!({"ratio": {"numerator": "1", "denominator": "2"}}));
    let again = sogoc.accepted(&[command.clone(), command.clone()]);
    assert_eq!(sogoc.head(), head, "a repeated command recorded something");
    sogoc.accepted(std::slice::from_ref(&other));
    let after = sogoc.accepted(std::slice::from_ref(&command));
    for receipt in again.iter().chain(&after) {
        for field in ["command_id", "positions", "at"] {
            assert_eq!(receipt[field], first[field], "the first receipt is given again");
        }
    }
    // The same id for something else.
    let mut reused = other;
    reused["command_id"] = command["command_id"].clone();
    let refusal = sogoc.refused(&reused);
    assert_eq!(refusal["code"], "command-reused");
    assert_eq!(refusal["command_id"], command["command_id"]);
    // By another account it is another command too.
    let refusal = sogoc.refused(&pilot::with(&command, "account", "leader-yt"));
    assert_eq!(refusal["code"], "command-reused");
    // A refusal does not remember the id.
    let early = pilot::by("reviewer-nv", "accept-score", &json!({"agency": "so-y-te", "leaf": "1.1.1"}));
    sogoc.refused(&early);
    let fine = pilot::declares("so-y-te", "2.4", &json!({"yes_no": false}));
    sogoc.accepted(&[pilot::with(&fine, "command_id", early["command_id"].clone())]);
}

fn what_somebody_else_changed_in_between_is_shown_to_the_author(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    sogoc.accepted(&[pilot::declares_all("so-y-te"), pilot::submits("so-y-te")]);
    let shown = sogoc.size() - 1;
    let first = pilot::adjusts("reviewer-nv", "so-y-te", "1.1.1", "0", "evidence_missing");
    let receipt = &sogoc.accepted(&[pilot::with(&first, "seen", shown)])[0];
    let current = receipt["positions"][0].clone();
    let second = pilot::adjusts("both-nv", "so-y-te", "1.1.1", "0", "data_mismatch");
    let size = sogoc.size();
    let refusal = sogoc.refused(&pilot::with(&second, "seen", shown));
    assert_eq!(refusal["code"], "leaf-changed", "{refusal}");
    assert_eq!(refusal["seen"], shown.to_string().as_str());
    assert_eq!(refusal["current"], current.to_string().as_str());
    assert_eq!(refusal["by"], "reviewer-nv");
    assert!(refusal["message"].as_str().unwrap().contains("reviewer-nv"), "{refusal}");
    assert_eq!(sogoc.size(), size);
    // Others' work on other leaves does not disturb.
    let elsewhere = pilot::adjusts("both-nv", "so-y-te", "1.3", "0.5", "data_mismatch");
    sogoc.accepted(&[pilot::with(&elsewhere, "seen", shown)]);
    // Who read again decides again.
    sogoc.accepted(&[pilot::with(
        &pilot::anew(&pilot::adjusts("both-nv", "so-y-te", "1.1.1", "1", "data_mismatch"), 2),
        "seen",
        current,
    )]);
    let refusal = sogoc.refused(&pilot::with(&pilot::anew(&elsewhere, 3), "seen", 999_999));
    assert_eq!(refusal["code"], "invalid", "a position that is not there was not seen: {refusal}");
}

fn a_receipt_says_where_and_when(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    let size = sogoc.size();
    let command = pilot::declares_all("so-y-te");
    let receipt = &sogoc.accepted(std::slice::from_ref(&command))[0];
    assert_eq!(receipt["command_id"], command["command_id"]);
    let positions: Vec<_> = receipt["positions"].as_array().unwrap().iter().map(|p| p.as_u64().unwrap()).collect();
    assert_eq!(positions, (size..size + 9).collect::<Vec<_>>(), "positions are dense and in order");
    let entries = sogoc.entries(&["--from", &size.to_string()]);
    assert_eq!(entries.len(), 9);
    for (index, entry) in entries.iter().enumerate() {
        assert_eq!(entry["command"], command["command_id"]);
        assert_eq!(entry["command_index"], index);
        assert_eq!(entry["at"], receipt["at"]);
    }
}

fn lines_come_from_a_file_or_from_stdin(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    let commands: Vec<_> = ["so-y-te", "ly-nhan"].map(pilot::declares_all).to_vec();
    let crlf = format!("\u{feff}{}\n\r\n  \n", lines(&commands).replace('\n', "\r\n"));
    let path = store.write("commands.jsonl", crlf);
    let from_file = sogoc.ok(&["execute", path.to_str().unwrap()]).lines();
    assert_eq!(from_file.len(), 2, "blank lines, CRLF and a byte order mark are passed over");
    let from_stdin = sogoc.run_with(&["execute", "-"], lines(&commands).as_bytes()).ends(0).lines();
    for (file, stdin) in from_file.iter().zip(&from_stdin) {
        assert_eq!(file["receipt"]["positions"], stdin["receipt"]["positions"]);
    }
    sogoc.run(&["execute", "/nowhere/commands.jsonl"]).ends(1);
    sogoc.run_with(&["execute"], b"").ends(0);
}

fn each_line_is_answered_before_the_next_is_needed(kind: Kind) {
    use std::io::{BufRead as _, BufReader, Write as _};
    let store = Store::pilot(kind);
    let mut child = store.sogoc().command(&["execute"]).stdin(std::process::Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
    for leaf in ["1.1.1", "2.4"] {
        writeln!(stdin, "{}", pilot::declares("so-y-te", leaf, &json!({"yes_no": true}))).unwrap();
        let answer: Value = serde_json::from_str(&answers.next().unwrap().unwrap()).unwrap();
        assert!(answer["receipt"].is_object(), "{answer}");
    }
    drop(stdin);
    assert!(answers.next().is_none());
    assert!(child.wait().unwrap().success());
}

fn a_bulk_command_names_what_it_left_out(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    let mut command = pilot::declares_all("so-y-te");
    command["command"]["rows"][6]["inputs"] = json!({"judged": "2.6"});
    command["command"]["rows"][8]["leaf"] = "9.9".into();
    let answer = &sogoc.execute(&[command])[0];
    assert_eq!(answer["receipt"]["positions"].as_array().unwrap().len(), 7, "{answer}");
    let failures = answer["receipt"]["failures"].as_array().unwrap();
    let told: Vec<_> =
        failures.iter().map(|f| (f["item"].as_str().unwrap(), f["refusal"]["code"].as_str().unwrap())).collect();
    assert_eq!(told, [("2.2", "points-outside-rule"), ("9.9", "unknown-leaf")]);
}

fn entries_say_who_acted_and_by_what_way(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    let command = pilot::declares("so-y-te", "1.1.1", &json!({"yes_no": true}));
    let mut command = pilot::with(&command, "instrument", json!({"id": pilot::DECISION, "clause": "Điều 2"}));
    command["capacity"] = "KT. Giám đốc".into();
    let position = sogoc.accepted(&[command])[0]["positions"][0].to_string();
    let entry = &sogoc.entries(&["--from", &position, "--limit", "1"])[0];
    assert_eq!(entry["actor"]["account"], "officer-yt");
    assert_eq!(entry["actor"]["agency"], "so-y-te");
    assert_eq!(entry["actor"]["role"], "agency-officer");
    assert_eq!(entry["actor"]["capacity"], "KT. Giám đốc");
    assert_eq!(entry["instrument"], json!({"id": pilot::DECISION, "clause": "Điều 2"}));
    assert_eq!(entry["correlation"], "cli", "entries say that they came by the command line");
    let unknown = pilot::declares("so-y-te", "2.4", &json!({"yes_no": true}));
    let refusal = sogoc.refused(&pilot::with(&unknown, "instrument", json!({"id": "qd-404"})));
    assert_eq!((refusal["code"].as_str(), refusal["id"].as_str()), (Some("unknown"), Some("qd-404")));
}

fn a_delegate_acts_for_another_and_the_entry_says_so(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    let command = pilot::with(&pilot::declares("so-y-te", "1.1.1", &json!({"yes_no": true})), "account", "officer-ln");
    let command = pilot::with(&command, "on_behalf_of", "officer-yt");
    let refusal = sogoc.refused(&command);
    assert_eq!(
        (refusal["code"].as_str(), refusal["on_behalf_of"].as_str()),
        (Some("no-delegation"), Some("officer-yt"))
    );
    // A delegation lasts at most 366 days: from what was just recorded to the first of this month next year.
    let now = sogoc.accepted(&[pilot::declares("so-y-te", "2.4", &json!({"yes_no": true}))])[0]["at"].clone();
    let (year, rest) = now.as_str().unwrap().split_at(4);
    let until = format!("{}-{}-01T00:00:00Z", year.parse::<u32>().unwrap() + 1, &rest[1..3]);
    let period = json!({"to": "officer-ln", "from": now, "until": until, "reason": "Nghỉ phép"});
    let granted = sogoc.accepted(&[pilot::by("officer-yt", "delegate", &period)])[0]["positions"][0].clone();
    let position = sogoc.accepted(std::slice::from_ref(&command))[0]["positions"][0].to_string();
    let entry = &sogoc.entries(&["--from", &position, "--limit", "1"])[0];
    assert_eq!(entry["actor"]["account"], "officer-ln");
    assert_eq!(entry["actor"]["on_behalf_of"], "officer-yt");
    assert_eq!(entry["actor"]["delegation"], granted);
    sogoc.accepted(&[pilot::by("officer-yt", "revoke-delegation", &json!({"to": "officer-ln"}))]);
    let other = pilot::with(&pilot::declares("so-y-te", "1.1.1", &json!({"yes_no": false})), "account", "officer-ln");
    assert_eq!(sogoc.refused(&pilot::with(&other, "on_behalf_of", "officer-yt"))["code"], "no-delegation");
}

fn a_clerical_error_is_corrected_by_an_entry_that_names_it(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    sogoc.accepted(&[pilot::declares_all("so-y-te"), pilot::submits("so-y-te")]);
    let wrong =
        sogoc.accepted(&[pilot::adjusts("reviewer-nv", "so-y-te", "1.3", "0.5", "data_mismatch")])[0]["positions"][0]
            .clone();
    let correction = json!({"agency": "so-y-te", "leaf": "1.3", "corrects": wrong, "points": {"override": "0.25"},
        "reason": "Gõ nhầm số"});
    let position = sogoc.accepted(&[pilot::by("reviewer-nv", "correct-score", &correction)])[0]["positions"][0].clone();
    let entry = &sogoc.entries(&["--from", &position.to_string(), "--limit", "1"])[0];
    assert_eq!(entry["kind"], "score-corrected");
    assert!(entry["data"].to_string().contains(&wrong.to_string()), "{entry}");
    let figure = sogoc.json(&["figure", "pilot-2026/so/so-y-te/leaf/1.3/appraised_points"]);
    assert_eq!(figure["value"], "0.25");
    let before = sogoc
        .with(&["--as-of", &wrong.to_string()])
        .json(&["figure", "pilot-2026/so/so-y-te/leaf/1.3/appraised_points"]);
    assert_eq!(before["value"], "0.5", "what was corrected still stands where it stood");
}

fn the_council_changes_many_scorecards_at_once(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    sogoc.accepted(&pilot::all_submit());
    sogoc.accepted(&pilot::all_appraised());
    let present = json!({"session": "hop-1", "present": ["chair", "member-nv", "member-ub"]});
    sogoc.accepted(&[pilot::by("secretary", "open-session", &present)]);
    let change = |agency: &str| {
        json!({"agency": agency, "leaf": "2.2", "points": {"override": "2"}, "reason_code": "data_mismatch",
            "reason": "Kết luận của Hội đồng"})
    };
    let resolution = |votes: Value, changes: Vec<Value>| {
        pilot::by(
            "secretary",
            "adopt-resolution",
            &json!({"session": "hop-1", "resolution": "nq-1",
            "text": "Thống nhất hạ điểm 2.2", "votes": votes, "changes": changes}),
        )
    };
    let vote = |member: &str| json!({"member": member, "vote": "for"});
    // A member of the agency does not vote on it.
    let own = resolution(json!([vote("chair"), vote("member-nv")]), vec![change("so-y-te"), change("so-noi-vu")]);
    let refusal = sogoc.refused(&own);
    // Its member's vote does not count: one is left of two.
    let told = (refusal["code"].as_str(), refusal["have"].as_str(), refusal["need"].as_str());
    assert_eq!(told, (Some("votes-short"), Some("1"), Some("2")), "{refusal}");
    let receipt = sogoc
        .accepted(&[resolution(json!([vote("chair"), vote("member-ub")]), vec![change("so-y-te"), change("ly-nhan")])]);
    let positions = receipt[0]["positions"].as_array().unwrap().clone();
    assert!(positions.len() >= 3, "the resolution and two scorecards in one append: {positions:?}");
    for (group, agency) in [("so", "so-y-te"), ("huyen", "ly-nhan")] {
        let figure = sogoc.json(&["figure", &format!("pilot-2026/{group}/{agency}/leaf/2.2/appraised_points")]);
        assert_eq!(figure["value"], "2", "{agency}");
    }
}
