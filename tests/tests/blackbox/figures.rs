//! `sogoc figure` and `sogoc figures`: every printed figure by its address, exact.

use serde_json::{Value, json};

use crate::support::exact::{decimal, rounded};
use crate::support::hanam::{SEASON, claims};
use crate::support::{Store, exact, on_both_stores, on_sqlite, pilot, stores::Kind};

on_both_stores!(every_printed_figure_is_recomputed);
on_sqlite!(
    a_figure_alone_is_the_figure_among_all,
    values_are_exact_and_shown_with_their_unit,
    figures_under_a_prefix_are_those_that_begin_so,
    an_address_that_is_none_is_refused_at_the_part_that_fails,
    group_figures_of_an_empty_season_are_missing_and_never_zero
);

fn every_printed_figure_is_recomputed(kind: Kind) {
    let store = Store::demo(kind);
    let figures = store.sogoc().figures(&[SEASON]);
    let mut compared = 0;
    for claim in claims().iter().filter(|claim| claim.verdict == "match") {
        let figure = figures.get(&claim.figure).unwrap_or_else(|| panic!("there is no figure {}", claim.figure));
        let value = &figure["value"];
        let equal = match claim.unit.as_str() {
            "marker" => value.is_null(),
            "agencies" | "agency" | "direction" => *value == claim.published.as_str(),
            _ => rounded(&exact(value)) == decimal(&claim.published).unwrap(),
        };
        assert!(equal, "{} {}: printed {}, computed {value}", claim.id, claim.figure, claim.published);
        compared += 1;
    }
    assert!(compared > 180, "{compared} printed figures were compared");
    for (mean, printed) in [("departments/mean_index", "89.60"), ("districts/mean_index", "90.70")] {
        assert_eq!(figures.get(mean).unwrap()["display"], printed);
    }
}

fn a_figure_alone_is_the_figure_among_all(kind: Kind) {
    let store = Store::demo(kind);
    let sogoc = store.sogoc();
    let all = sogoc.figures(&[SEASON]);
    for address in [
        "departments/so-noi-vu/index",
        "departments/van-phong-ubnd-tinh/survey_points",
        "departments/mean_index",
        "districts/ly-nhan/rank",
        "districts/ly-nhan/class",
        "districts/ly-nhan/domain/3/appraised_points",
        "districts/ly-nhan/leaf/3.1.2/self_points",
        "departments/letter/B/members",
        "departments/domain/3/at_max_of",
        "criteria/domain/3/max_points",
        "survey/forms_total",
    ] {
        let one = sogoc.json(&["figure", &format!("{SEASON}/{address}")]);
        assert_eq!(Some(&one), all.get(address), "{address}");
        assert_eq!(one["as_of"], sogoc.size() - 1);
    }
    // As of before the appeals the mean was another one.
    let now = sogoc.json(&["figure", "hanam-2022/districts/mean_index"]);
    let before = sogoc
        .with(&["--as-of-occurred", crate::support::hanam::BEFORE_APPEALS])
        .json(&["figure", "hanam-2022/districts/mean_index"]);
    assert!(exact(&before["value"]) < exact(&now["value"]), "{before} {now}");
    assert!(before["as_of"].as_u64() < now["as_of"].as_u64(), "{before} {now}");
}

fn values_are_exact_and_shown_with_their_unit(kind: Kind) {
    let store = Store::demo(kind);
    let figures = store.sogoc().figures(&[SEASON]);
    assert!(figures.len() > 5_000, "{} figures", figures.len());
    assert_eq!(*figures.value("departments/mean_index"), json!({"num": "127673", "den": "1425"}));
    assert_eq!(*figures.value("districts/domain/5/mean"), "12.365");
    assert_eq!(figures.get("districts/domain/5/mean").unwrap()["display"], "12.37");
    for (address, figure) in figures.iter() {
        for field in ["display", "unit"] {
            assert!(figure[field].is_string(), "{address} has no {field}: {figure}");
        }
        // Numbers are exact in their one form; lists, classes, letters and directions are text.
        let worded = ["agencies", "agency", "class", "letter", "direction", "applicability"];
        match &figure["value"] {
            Value::Null => {}
            value if worded.contains(&figure["unit"].as_str().unwrap()) => assert!(value.is_string(), "{address}"),
            value => {
                exact(value);
            }
        }
    }
}

fn figures_under_a_prefix_are_those_that_begin_so(kind: Kind) {
    let store = Store::demo(kind);
    let sogoc = store.sogoc();
    let all = sogoc.figures(&[SEASON]);
    for prefix in ["districts/ly-nhan", "departments/domain/3", "criteria", "survey"] {
        let under = sogoc.figures(&[SEASON, "--under", prefix]);
        let expected: Vec<_> = all.iter().filter(|(address, _)| address.starts_with(prefix)).collect();
        assert_eq!(under.iter().collect::<Vec<_>>(), expected, "{prefix}");
        assert!(!expected.is_empty());
    }
    let text = sogoc.ok(&["figures", SEASON, "--under", "districts/ly-nhan"]).stdout;
    assert!(text.contains("86.39") && !text.contains("kim-bang"), "{text}");
}

fn an_address_that_is_none_is_refused_at_the_part_that_fails(kind: Kind) {
    let store = Store::pilot(kind);
    for (address, failing) in [
        ("", ""),
        ("pilot-2026", ""),
        ("nowhere/so/so-y-te/index", "nowhere"),
        ("pilot-2026/so/so-y-te", "so-y-te"),
        ("pilot-2026/so/so-y-te/beauty", "beauty"),
        ("pilot-2026/so/nobody/index", "nobody"),
        ("pilot-2026/so/so-y-te/leaf/99.9/self_points", "99.9"),
        ("pilot-2026/so/so-y-te/index/more", "more"),
        ("pilot-2026/huyen/so-y-te/index", "so-y-te"),
        ("pilot-2026//so-y-te/index", ""),
    ] {
        for command in ["figure", "trace"] {
            let answer = store.sogoc().with(&["--json"]).run(&[command, address]).ends(1);
            let refusal = &answer.document()["refusal"];
            let message = refusal["message"].as_str().unwrap();
            assert!(message.len() > 10 && message.contains(failing), "{command} {address}: {refusal}");
        }
    }
}

fn group_figures_of_an_empty_season_are_missing_and_never_zero(kind: Kind) {
    let store = Store::pilot(kind);
    let figures = store.sogoc().figures(&[pilot::SEASON]);
    for address in ["so/mean_index", "so/so-y-te/index", "so/so-y-te/rank", "so/so-y-te/class", "so/max_index"] {
        assert_eq!(*figures.value(address), Value::Null, "{address}");
    }
    assert_eq!(*figures.value("so/so-y-te/applicable_max"), "20");
    assert_eq!(*figures.value("so/count"), "3");
}
