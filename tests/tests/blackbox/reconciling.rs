//! `sogoc reconcile`: the printed report against the register.

use std::collections::BTreeMap;

use crate::support::hanam::{SEASON, claims, file};
use crate::support::{Store, on_both_stores, on_sqlite, stores::Kind};

on_both_stores!(each_claim_gets_its_expected_verdict_and_a_cause);
on_sqlite!(
    strictness_is_an_exit_code,
    a_table_of_one_s_own_is_compared_too,
    as_of_before_the_appeals_the_report_does_not_match,
    a_list_that_cannot_be_read_is_refused_with_its_line
);

fn each_claim_gets_its_expected_verdict_and_a_cause(kind: Kind) {
    let store = Store::demo(kind);
    let answers = store.sogoc().json(&["reconcile", SEASON, file("claims.csv").to_str().unwrap()]);
    let answers: BTreeMap<_, _> =
        answers.as_array().unwrap().iter().map(|a| (a["claim_id"].as_str().unwrap(), a)).collect();
    let claims = claims();
    assert_eq!(answers.len(), claims.len());
    for claim in &claims {
        let answer = answers[claim.id.as_str()];
        assert_eq!(answer["verdict"], claim.verdict.as_str(), "{answer}");
        assert_eq!(answer["figure"], claim.figure.as_str());
        assert_eq!(answer["published"], claim.published.as_str());
        if claim.verdict != "match" {
            assert!(answer["cause"].as_str().is_some_and(|cause| cause.len() > 10), "the cause is said: {answer}");
        }
        if claim.verdict != "not_recomputable" {
            assert!(answer["computed"].is_string(), "{answer}");
        }
    }
    // The known slips of the report, with their causes.
    let of = |figure: &str| answers.values().find(|a| a["figure"] == figure).unwrap();
    assert_eq!(of("departments/domain/3/at_max_of")["computed"], "16");
    assert_eq!(of("districts/mean_index_direction")["computed"], "down");
    let unsurveyed = of("departments/thanh-tra-tinh/survey_points");
    assert_eq!(
        (unsurveyed["verdict"].as_str(), unsurveyed["published"].as_str()),
        (Some("match"), Some("not_applicable"))
    );
}

fn strictness_is_an_exit_code(kind: Kind) {
    let store = Store::demo(kind);
    let sogoc = store.sogoc();
    let claims = file("claims.csv");
    let claims = claims.to_str().unwrap();
    let text = sogoc.ok(&["reconcile", SEASON, claims]).stdout;
    assert!(text.contains("at_max_of"), "mismatches are shown:\n{text}");
    let strict = sogoc.with(&["--json"]).run(&["reconcile", SEASON, claims, "--strict"]).ends(1);
    assert_eq!(strict.document(), sogoc.json(&["reconcile", SEASON, claims]), "strict or not, the answer is the same");
    let right = store.write("right.csv", "claim_id,figure,published,unit\nX1,departments/mean_index,89.60,pct\n");
    sogoc.ok(&["reconcile", SEASON, right.to_str().unwrap(), "--strict"]);
    let wrong = store.write("wrong.csv", "claim_id,figure,published,unit\nX1,departments/mean_index,89.61,pct\n");
    sogoc.run(&["reconcile", SEASON, wrong.to_str().unwrap(), "--strict"]).ends(1);
    // What cannot be recomputed does not differ.
    let open = "claim_id,figure,published,unit\nX1,departments/index_risen_count,10,count\n";
    sogoc.ok(&["reconcile", SEASON, store.write("open.csv", open).to_str().unwrap(), "--strict"]);
}

fn a_table_of_one_s_own_is_compared_too(kind: Kind) {
    let store = Store::demo(kind);
    let text = "\u{feff}claim_id;figure;published;unit;remark\r\n\
        A;departments/so-noi-vu/index;95,23;pct;\r\n\
        B;departments/mean_index;89,59;pct;the mean over rounded indices\r\n\
        C;departments/no-such-agency/index;1;pct;\r\n\
        D;departments/van-phong-ubnd-tinh/index;56,75;pct;out of 100\r\n\
        E;departments/thanh-tra-tinh/survey_points;0;points;\r\n\
        F;hanam-2022/districts/ly-nhan/rank;5;rank;\r\n\
        G;departments/letter/A/members;so-noi-vu;agencies;\r\n";
    let path = store.write("own.csv", text);
    let answers = store.sogoc().json(&["reconcile", SEASON, path.to_str().unwrap()]);
    let told: Vec<_> = answers
        .as_array()
        .unwrap()
        .iter()
        .map(|a| (a["claim_id"].as_str().unwrap(), a["verdict"].as_str().unwrap()))
        .collect();
    let expected = [
        ("A", "match"),
        ("B", "mismatch"),
        ("C", "not_recomputable"),
        ("D", "mismatch"),
        ("E", "mismatch"),
        ("F", "match"),
        ("G", "mismatch"),
    ];
    assert_eq!(told, expected, "{answers:#}");
    let cause = |n: usize| answers[n]["cause"].as_str().unwrap_or_default().to_lowercase();
    assert!(cause(1).contains("round"), "a mean over rounded values: {}", cause(1));
    assert!(cause(3).contains("60"), "the denominator is said: {}", cause(3));
    assert!(cause(4).contains("zero") || cause(4).contains("survey"), "{}", cause(4));
}

fn as_of_before_the_appeals_the_report_does_not_match(kind: Kind) {
    let store = Store::demo(kind);
    let before = store.sogoc().with(&["--as-of-occurred", crate::support::hanam::BEFORE_APPEALS]);
    let answers = before.json(&["reconcile", SEASON, file("claims.csv").to_str().unwrap()]);
    let of = |figure: &str| answers.as_array().unwrap().iter().find(|a| a["figure"] == figure).unwrap().clone();
    assert_eq!(of("departments/so-xay-dung/rank")["verdict"], "mismatch");
    assert_eq!(of("departments/so-noi-vu/rank")["verdict"], "match");
}

fn a_list_that_cannot_be_read_is_refused_with_its_line(kind: Kind) {
    let store = Store::demo(kind);
    let good = "claim_id,figure,published,unit\n";
    for (text, named) in [
        ("".to_owned(), ""),
        ("figure,published\na,b\n".to_owned(), "claim_id"),
        (format!("{good}A,departments/mean_index,89.60\n"), "line 2"),
        (format!("{good}A,departments/mean_index,89.60,pct\nA,departments/mean_index,89.60,pct\n"), "line 3"),
        (format!("{good}A,,89.60,pct\n"), "line 2"),
    ] {
        let path = store.write("bad.csv", &text);
        let answer = store.sogoc().run(&["reconcile", SEASON, path.to_str().unwrap()]).ends(1);
        assert!(answer.stderr.contains(named) && answer.stderr.contains("bad.csv"), "{text:?}: {}", answer.stderr);
    }
    let bytes = [good.as_bytes(), b"A,departments/mean_index,\xff,pct\n"].concat();
    let path = store.write("bad.csv", bytes);
    let answer = store.sogoc().run(&["reconcile", SEASON, path.to_str().unwrap()]).ends(1);
    assert!(answer.stderr.contains("UTF-8"), "{}", answer.stderr);
    store.sogoc().run(&["reconcile", SEASON, "/nowhere/claims.csv"]).ends(1);
}
