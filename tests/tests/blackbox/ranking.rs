//! `sogoc ranking`: the two tables of the report, now and as of any moment.

use num_traits::Zero as _;
use serde_json::{Value, json};

use crate::support::exact::{decimal, rounded};
use crate::support::hanam::{BEFORE_APPEALS, GROUPS, OUT_OF_60, SEASON, printed_rows, table};
use crate::support::{Exact, Store, exact, on_both_stores, on_sqlite, pilot, stores::Kind};

on_both_stores!(
    the_tables_equal_the_printed_report_row_for_row,
    appeals_move_ranks_at_their_decision,
    each_of_the_five_appeals_holds_from_its_decision_on
);
on_sqlite!(
    a_row_says_everything_in_exact_decimals_and_what_is_missing_is_null,
    a_group_that_is_asked_for_comes_alone,
    an_instant_is_as_good_as_a_position,
    while_points_are_missing_there_is_no_index_rank_or_class,
    what_is_not_there_is_refused_by_name
);

fn rows(document: &Value) -> &Vec<Value> {
    document.as_array().expect("a ranking is a list")
}

fn row<'r>(document: &'r Value, agency: &str) -> &'r Value {
    rows(document).iter().find(|row| row["agency"] == agency).unwrap_or_else(|| panic!("{agency} is not ranked"))
}

fn the_tables_equal_the_printed_report_row_for_row(kind: Kind) {
    let store = Store::demo(kind);
    let ranking = store.sogoc().json(&["ranking", SEASON]);
    let printed = printed_rows();
    assert_eq!(rows(&ranking).len(), printed.len());
    for row in rows(&ranking) {
        let key = (row["group"].as_str().unwrap().to_owned(), row["agency"].as_str().unwrap().to_owned());
        let report = printed.get(&key).unwrap_or_else(|| panic!("{key:?} is not in the report"));
        assert_eq!(row["rank"], json!(report["rank"].parse::<u32>().unwrap()), "{key:?}");
        assert_eq!(row["index_display"], report["index"].as_str(), "{key:?}");
        assert_eq!(rounded(&exact(&row["index"])), decimal(&report["index"]).unwrap(), "{key:?}");
        for figure in ["appraised_points", "total_points"] {
            assert_eq!(exact(&row[figure]), decimal(&report[figure]).unwrap(), "{key:?} {figure}");
        }
        match report["survey_points"].as_str() {
            "not_applicable" => assert_eq!(row["survey_points"], Value::Null, "{key:?} was not surveyed"),
            survey => assert_eq!(exact(&row["survey_points"]), decimal(survey).unwrap(), "{key:?}"),
        }
        let sixty = OUT_OF_60.contains(&key.1.as_str());
        assert_eq!(row["applicable_max"], if sixty { "60" } else { "100" }, "{key:?}");
        assert_eq!(row["survey_points"].is_null(), sixty, "{key:?}");
    }
    for (group, mean, of_rounded) in [("departments", "89.60", Some("89.59")), ("districts", "90.70", None)] {
        let of: Vec<_> =
            rows(&ranking).iter().filter(|row| row["group"] == group).map(|row| exact(&row["index"])).collect();
        assert_eq!(rounded(&average(&of)), decimal(mean).unwrap(), "the mean over exact indices of {group}");
        if let Some(expected) = of_rounded {
            let of: Vec<_> = of.iter().map(rounded).collect();
            assert_eq!(rounded(&average(&of)), decimal(expected).unwrap(), "the mean over printed indices of {group}");
        }
    }
}

fn average(values: &[Exact]) -> Exact {
    let sum = values.iter().fold(Exact::zero(), |sum, value| sum + value);
    sum / Exact::from(num_bigint::BigInt::from(values.len()))
}

fn appeals_move_ranks_at_their_decision(kind: Kind) {
    let store = Store::demo(kind);
    let sogoc = store.sogoc();
    let rank = |options: &[&str], group: &str, agency: &str| {
        let ranking = sogoc.with(options).json(&["ranking", SEASON, group]);
        (row(&ranking, agency)["rank"].clone(), row(&ranking, agency)["class"].clone())
    };
    let appeals = table("explanations_and_appeals.csv");
    for (appeal, group, agency, before, after) in [
        ("KN-01", "departments", "so-xay-dung", 5, 4),
        ("KN-04", "districts", "ly-nhan", 6, 5),
        ("KN-05", "departments", "ban-quan-ly-khu-dai-hoc-nam-cao", 17, 17),
    ] {
        let decided = &appeals.iter().find(|row| row["id"] == appeal).unwrap()["decided_at"];
        let (then, class) = rank(&["--as-of-occurred", BEFORE_APPEALS], group, agency);
        assert_eq!(then, before, "{appeal}: before any appeal was decided");
        let (at_once, class_after) = rank(&["--as-of-occurred", decided], group, agency);
        assert_eq!(at_once, after, "{appeal}: at the instant of its decision");
        assert_eq!(class, class_after, "{appeal} moves no class");

        // The same by position: the entry of the decision is the first that shows it.
        let stream = format!("scorecard/{SEASON}/{agency}");
        let entries = sogoc.entries(&["--stream", &stream]);
        let decision = entries.iter().find(|entry| {
            entry["kind"] == "appeal-item-decided" && entry["data"]["appeal"] == appeal.to_lowercase().as_str()
        });
        let position = decision.unwrap_or_else(|| panic!("{appeal} was decided"))["position"].as_u64().unwrap();
        let (then, _) = rank(&["--as-of", &(position - 1).to_string()], group, agency);
        let (now, _) = rank(&["--as-of", &position.to_string()], group, agency);
        assert_eq!((then, now), (json!(before), json!(after)), "{appeal}: at position {position}");
    }
    // KN-05 asked for what would have been exactly 85.00, a higher class, and was rejected.
    let ranking = sogoc.json(&["ranking", SEASON, "departments"]);
    assert_eq!(row(&ranking, "ban-quan-ly-khu-dai-hoc-nam-cao")["class"], "fair");
}

fn each_of_the_five_appeals_holds_from_its_decision_on(kind: Kind) {
    let store = Store::demo(kind);
    let sogoc = store.sogoc();
    let mut appeals = table("explanations_and_appeals.csv");
    appeals.retain(|row| row["kind"] == "appeal");
    assert_eq!(appeals.len(), 5);
    let groups = table("agencies.csv");
    for appeal in &appeals {
        let (agency, leaf) = (&appeal["agency"], &appeal["leaf"]);
        let group = &groups.iter().find(|row| row["id"] == *agency).unwrap()["group"];
        let address = format!("{SEASON}/{group}/{agency}/leaf/{leaf}/appraised_points");
        let points = |options: &[&str]| exact(&sogoc.with(options).json(&["figure", &address])["value"]);
        let before = decimal(&appeal["appraised_before_appeal"]).unwrap();
        let after = decimal(&appeal["final_points"]).unwrap();
        assert_eq!(points(&["--as-of-occurred", &appeal["opened_at"]]), before, "lodging moves nothing: {appeal:?}");
        assert_eq!(points(&["--as-of-occurred", BEFORE_APPEALS]), before, "{appeal:?}");
        assert_eq!(points(&["--as-of-occurred", &appeal["decided_at"]]), after, "{appeal:?}");
        assert_eq!(points(&[]), after, "{appeal:?}");
        assert_eq!(before == after, appeal["decision"] == "rejected", "{appeal:?}");
    }
}

fn a_row_says_everything_in_exact_decimals_and_what_is_missing_is_null(kind: Kind) {
    let store = Store::demo(kind);
    let ranking = store.sogoc().json(&["ranking", SEASON]);
    let columns = [
        "agency",
        "applicable_max",
        "appraised_points",
        "class",
        "group",
        "index",
        "index_display",
        "rank",
        "survey_points",
        "total_points",
    ];
    let mut order = Vec::new();
    for row in rows(&ranking) {
        let mut keys: Vec<_> = row.as_object().unwrap().keys().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(keys, columns, "a row has these columns and no others");
        let survey = if row["survey_points"].is_null() { Exact::zero() } else { exact(&row["survey_points"]) };
        let total = exact(&row["appraised_points"]) + survey;
        assert_eq!(exact(&row["total_points"]), total, "{row}");
        let hundred = Exact::from(num_bigint::BigInt::from(100));
        assert_eq!(exact(&row["index"]), total * hundred / exact(&row["applicable_max"]), "{row}");
        let percent = rounded(&exact(&row["index"]));
        let class = [("95", "excellent"), ("85", "good"), ("75", "fair"), ("70", "average"), ("0", "weak")]
            .into_iter()
            .find(|(lower, _)| percent >= decimal(lower).unwrap());
        assert_eq!(row["class"], class.unwrap().1, "{row}");
        order.push((row["group"].as_str().unwrap(), row["rank"].as_u64().unwrap()));
    }
    assert!(order.is_sorted(), "rows stand by group and rank: {order:?}");
    // 56.25 of 60 is exactly 93.75; 56.75 of 60 has no finite decimal.
    assert_eq!(row(&ranking, "thanh-tra-tinh")["index"], "93.75");
    assert_eq!(row(&ranking, "van-phong-ubnd-tinh")["index"], json!({"num": "1135", "den": "12"}));
}

fn a_group_that_is_asked_for_comes_alone(kind: Kind) {
    let store = Store::demo(kind);
    for (group, agencies) in GROUPS {
        let ranking = store.sogoc().json(&["ranking", SEASON, group]);
        assert_eq!(rows(&ranking).len(), agencies);
        assert!(rows(&ranking).iter().all(|row| row["group"] == group));
    }
}

fn an_instant_is_as_good_as_a_position(kind: Kind) {
    let store = Store::demo(kind);
    let sogoc = store.sogoc();
    let size = sogoc.size();
    let last = (size - 1).to_string();
    let now = sogoc.json(&["ranking", SEASON]);
    assert_eq!(sogoc.with(&["--as-of", &last]).json(&["ranking", SEASON]), now);
    let entry = &sogoc.entries(&["--from", &last, "--limit", "1"])[0];
    assert_eq!(sogoc.with(&["--as-of", entry["at"].as_str().unwrap()]).json(&["ranking", SEASON]), now);
    assert_eq!(sogoc.with(&["--as-of-occurred", "2022-12-31T00:00:00+07:00"]).json(&["ranking", SEASON]), now);
    // Before there was a season, and beyond the log.
    for beyond in ["0", "2000-01-01T00:00:00Z"] {
        let answer = sogoc.with(&["--as-of", beyond]).run(&["ranking", SEASON]).ends(1);
        assert!(answer.stderr.contains("season"), "{}", answer.stderr);
    }
    let answer = sogoc.with(&["--as-of", &size.to_string()]).run(&["ranking", SEASON]).ends(1);
    assert!(answer.stderr.contains(&size.to_string()), "the limit is named: {}", answer.stderr);
    sogoc.with(&["--as-of", "yesterday"]).run(&["ranking", SEASON]).ends(2);
    sogoc.with(&["--as-of", "5", "--as-of-occurred", BEFORE_APPEALS]).run(&["ranking", SEASON]).ends(2);
}

fn while_points_are_missing_there_is_no_index_rank_or_class(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    sogoc.accepted(&[pilot::declares_all("so-y-te"), pilot::submits("so-y-te")]);
    let accept = pilot::by("reviewer-nv", "accept-unchanged", &json!({"agency": "so-y-te", "node": "1"}));
    sogoc.accepted(&[accept]);
    let ranking = sogoc.json(&["ranking", pilot::SEASON]);
    assert_eq!(rows(&ranking).len(), pilot::AGENCIES.len());
    let partial = row(&ranking, "so-y-te");
    for nothing in ["index", "index_display", "rank", "class", "survey_points"] {
        assert_eq!(partial[nothing], Value::Null, "{nothing} of an incomplete scorecard: {partial}");
    }
    assert_eq!(partial["applicable_max"], "20", "missing is not zero, and reduces no maximum");
    let text = sogoc.ok(&["ranking", pilot::SEASON, "so"]).stdout;
    assert!(text.contains("so-y-te") || text.contains("Cơ quan so-y-te"), "{text}");
    // Another agency that is complete is ranked all the same, and only it.
    sogoc.accepted(&pilot::all_submit()[0..2]);
    let complete: Vec<_> = pilot::all_appraised()
        .into_iter()
        .filter(|command| command["command"]["agency"].as_str().is_none_or(|agency| agency == "so-noi-vu"))
        .collect();
    sogoc.accepted(&complete);
    let ranking = sogoc.json(&["ranking", pilot::SEASON, "so"]);
    assert_eq!(row(&ranking, "so-noi-vu")["rank"], 1);
    assert_eq!(row(&ranking, "so-noi-vu")["class"], "tot");
    assert_eq!(row(&ranking, "so-y-te")["rank"], Value::Null);
}

fn what_is_not_there_is_refused_by_name(kind: Kind) {
    let store = Store::demo(kind);
    for (arguments, named) in [
        (&["ranking", "hanam-2023"][..], "hanam-2023"),
        (&["ranking", SEASON, "communes"], "communes"),
        (&["season", "show", "hanam-2023"], "hanam-2023"),
        (&["criteria", "hanam-2023-x"], "hanam-2023-x"),
    ] {
        let answer = store.sogoc().with(&["--json"]).run(arguments).ends(1);
        assert!(answer.stderr.contains(named), "{}", answer.stderr);
        let refusal = &answer.document()["refusal"];
        assert!(refusal["message"].as_str().unwrap().contains(named), "{refusal}");
        assert!(!refusal["code"].as_str().unwrap().is_empty(), "{refusal}");
    }
}
