//! The printed report, reproduced: tables, figures, verdicts, provenance.

use sogoc_register::{AsOf, Fetched, FigureValue, TRACE_NODES_MAX, TraceNode, Value, Verdict};

use crate::support::{claims, hanam, shown, t};

#[test]
fn every_claim_gets_its_expected_verdict() {
    let memory = hanam();
    let claims = claims();
    let printed: Vec<_> = claims.iter().map(|(p, _)| p.clone()).collect();
    let verdicts = memory.register.reconcile("hanam-2022", &printed, memory.register.now()).unwrap();
    let mut wrong = Vec::new();
    for (verdict, (_, expected)) in verdicts.iter().zip(&claims) {
        let text = serde_json::to_value(verdict.verdict).unwrap();
        if text != *expected {
            wrong.push(format!("{verdict:?} expected {expected}"));
        }
        if verdict.verdict != Verdict::Match {
            assert!(verdict.cause.is_some(), "{verdict:?}");
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(verdicts.len(), 219);
}

#[test]
fn causes_are_said() {
    let memory = hanam();
    let printed: Vec<_> = claims().into_iter().map(|(p, _)| p).collect();
    let verdicts = memory.register.reconcile("hanam-2022", &printed, memory.register.now()).unwrap();
    let cause = |id: &str| verdicts.iter().find(|v| v.claim_id == id).unwrap().cause.clone().unwrap_or_default();
    assert!(cause("C129").contains("89.59"), "{}", cause("C129"));
    assert!(cause("C164").contains("fell from 91.13 to 90.70"), "{}", cause("C164"));
    assert!(cause("C192").contains("wrong denominator"), "{}", cause("C192"));
    assert!(cause("C144").contains("2021"), "{}", cause("C144"));
    assert!(cause("C141").contains("printed"), "{}", cause("C141"));
    assert!(cause("C206").contains("neither an agency nor a leaf"), "{}", cause("C206"));
}

#[test]
fn the_ranking_is_the_printed_one() {
    let register = &hanam().register;
    let rows = register.ranking("hanam-2022", None, register.now()).unwrap();
    assert_eq!(rows.len(), 25);
    let first = &rows[0];
    assert_eq!((first.agency.as_str(), first.rank), ("so-thong-tin-va-truyen-thong", Some(1)));
    assert_eq!(first.index_display.as_deref(), Some("95.39"));
    assert_eq!(first.class.as_deref(), Some("excellent"));
    let office = rows.iter().find(|r| r.agency == "van-phong-ubnd-tinh").unwrap();
    assert_eq!(office.applicable_max.text().as_deref(), Some("60"));
    assert_eq!(office.survey_points.text(), None);
    assert_eq!(office.index.text().as_deref(), Some("1135/12"));
    assert_eq!(serde_json::to_value(&office.survey_points).unwrap(), serde_json::Value::Null);
    assert_eq!(shown(register, "hanam-2022/departments/mean_index", register.now()), "89.60");
    assert_eq!(shown(register, "hanam-2022/districts/mean_index", register.now()), "90.70");
}

#[test]
fn an_index_is_traced_to_its_entries() {
    let memory = hanam();
    let mut trace = memory
        .register
        .trace("hanam-2022/departments/so-noi-vu/index", memory.register.now(), TRACE_NODES_MAX)
        .unwrap();
    trace.fill(|sealed| memory.texts.text(sealed).map(Fetched::Text));
    let (mut entries, mut reasons, mut kinds) = (0, 0, std::collections::BTreeSet::new());
    trace.each_entry(&mut |entry| {
        entries += 1;
        reasons += usize::from(entry.reason.is_some());
        kinds.insert(entry.kind.to_string());
        assert!(!entry.actor.is_empty() && !entry.role.is_empty());
    });
    assert!(entries >= 200, "{entries}");
    assert!(reasons > 0);
    for kind in [
        "self-scored",
        "score-accepted",
        "score-adjusted",
        "leaves-confirmed",
        "evidence-attached",
        "survey-result-recorded",
    ] {
        assert!(kinds.contains(kind), "{kind} in {kinds:?}");
    }
    assert_eq!(trace.formula, "100 × total_points ÷ applicable_max");
    let json = serde_json::to_value(&trace).unwrap();
    assert_eq!(json["value"], "95.23");
    assert_eq!(json["inputs"][0]["address"], "hanam-2022/departments/so-noi-vu/total_points");
    // Every figure of the tree has the value that it has when asked for by itself.
    let mut open = vec![&trace];
    while let Some(figure) = open.pop() {
        let alone = memory.register.value(&figure.figure.address, memory.register.now()).unwrap();
        assert_eq!(alone, figure.figure);
        open.extend(figure.inputs.iter().filter_map(|n| match n {
            TraceNode::Figure(f) => Some(&**f),
            TraceNode::Entry(_) => None,
        }));
    }
}

#[test]
fn every_listed_figure_is_found_by_its_address_and_explained() {
    let register = &hanam().register;
    let figures = register.figures("hanam-2022", None, register.now()).unwrap();
    assert!(figures.len() > 5_000, "{}", figures.len());
    for figure in &figures {
        let alone = register.figure(&figure.address, register.now()).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(alone.figure, *figure);
        assert!(!alone.formula.is_empty(), "{}", figure.address);
    }
    let under =
        register.figures("hanam-2022", Some("hanam-2022/departments/so-noi-vu/domain/3/"), register.now()).unwrap();
    assert_eq!(under.len(), 3);
}

#[test]
fn appeals_move_ranks_and_why_says_so() {
    let register = &hanam().register;
    for (address, agency, passed, old, new) in [
        ("hanam-2022/departments/so-xay-dung/rank", "so-xay-dung", "van-phong-ubnd-tinh", 5, 4),
        ("hanam-2022/districts/ly-nhan/rank", "ly-nhan", "kim-bang", 6, 5),
    ] {
        let history = register.history("hanam-2022", agency, None, register.now()).unwrap();
        let decided = history.iter().find(|h| &*h.entry.kind == "appeal-item-decided").unwrap().entry.clone();
        let before = register.cut(&AsOf::Position(decided.position - 1)).unwrap();
        assert_eq!(register.value(address, before).unwrap().value, Value::Count(old));
        assert_eq!(register.value(address, register.now()).unwrap().value, Value::Count(new));
        let why = register.why(address, before, register.now()).unwrap();
        assert_eq!(why.contributions.len(), 1, "{why:?}");
        let one = &why.contributions[0];
        assert_eq!((one.entry.position, one.of_agency.as_deref()), (decided.position, Some(agency)));
        assert_eq!(one.passed.len(), 1);
        assert_eq!((one.passed[0].agency.as_str(), one.passed[0].ahead), (passed, false));
        // The same on the season's own time axis.
        let occurred = decided.occurred.unwrap();
        let season = "hanam-2022".parse().unwrap();
        let then = |t| register.cut(&AsOf::Occurred(std::clone::Clone::clone(&season), t)).unwrap();
        assert_eq!(register.value(address, then(occurred.plus_micros(-1))).unwrap().value, Value::Count(old));
        assert_eq!(register.value(address, then(occurred)).unwrap().value, Value::Count(new));
    }
    // Rejected: nothing moves.
    let rejected = "hanam-2022/departments/ban-quan-ly-khu-dai-hoc-nam-cao/index";
    let announced =
        register.cut(&AsOf::Occurred("hanam-2022".parse().unwrap(), t("2022-12-25T00:00:00+07:00"))).unwrap();
    let why = register.why(rejected, announced, register.now()).unwrap();
    assert!(why.contributions.is_empty(), "{why:?}");
}

#[test]
fn deltas_of_why_sum_exactly_to_the_change() {
    let register = &hanam().register;
    let figures = register.figures("hanam-2022", None, register.now()).unwrap();
    let sizes = [register.size() / 3, register.size() / 2, register.size() * 9 / 10];
    let mut checked = 0;
    for (no, figure) in figures.iter().enumerate().filter(|(no, f)| no % 41 == 0 || f.address.contains("mean_index")) {
        let from = register.cut(&AsOf::Position(sizes[no % 3])).unwrap();
        let why = register.why(&figure.address, from, register.now()).unwrap();
        assert_eq!(why.to.value, figure.value);
        if let Some(change) = &why.change {
            let sum: sogoc_domain::exact::Exact = why.contributions.iter().filter_map(|c| c.delta.clone()).sum();
            assert_eq!(sum, *change, "{}", figure.address);
            checked += 1;
        }
    }
    assert!(checked > 20, "{checked}");
}

#[test]
fn what_a_trace_says_that_entries_changed_leads_from_nothing_to_the_value() {
    let memory = hanam();
    let now = memory.register.now();
    let mut changed = 0;
    for leaf in memory.register.figures("hanam-2022", Some("departments/so-noi-vu/leaf"), now).unwrap() {
        let trace = memory.register.trace(&leaf.address, now, TRACE_NODES_MAX).unwrap();
        let mut before = None;
        for node in &trace.inputs {
            let TraceNode::Entry(entry) = node else { continue };
            let Some(change) = &entry.change else { continue };
            assert!(leaf.address.ends_with("applicability") || change.old == before, "{}: {change:?}", leaf.address);
            assert_ne!(change.old, change.new);
            before.clone_from(&change.new);
            changed += 1;
        }
        let value = leaf.value.text();
        let same = before.is_none() || before == value;
        assert!(same, "{}: {before:?} is not {value:?}", leaf.address);
    }
    assert!(changed > 60, "{changed}");
}

#[test]
fn a_trace_says_from_what_to_what_a_leaf_went() {
    let memory = hanam();
    let address = "hanam-2022/departments/so-xay-dung/leaf/1.5/appraised_points";
    let trace = memory.register.trace(address, memory.register.now(), TRACE_NODES_MAX).unwrap();
    let mut changes = Vec::new();
    for node in &trace.inputs {
        let TraceNode::Entry(entry) = node else { continue };
        let Some(change) = &entry.change else { continue };
        let value = |value: &Option<String>| value.clone().unwrap_or_default();
        changes.push(format!("{} {} {}", entry.kind, value(&change.old), value(&change.new)));
    }
    assert_eq!(changes, ["self-scored  1.5", "score-adjusted 1.5 1", "appeal-item-decided 1 1.5"]);
}

#[test]
fn the_figures_under_a_prefix_are_those_of_all_that_begin_with_it() {
    let register = &hanam().register;
    let now = register.now();
    let all = register.figures("hanam-2022", None, now).unwrap();
    for prefix in [
        "departments/so-noi-vu/",
        "departments/so-noi-vu/leaf/3.",
        "departments/so-",
        "departments/so-x",
        "departments/criteria/",
        "departments/letter/A",
        "departments/class",
        "departments/domain/3/",
        "departments/m",
        "departments/nobody/",
        "districts/",
        "criteria/",
        "survey/f",
        "d",
        "nothing/at/all",
    ] {
        let under = register.figures("hanam-2022", Some(prefix), now).unwrap();
        let begins = |f: &&FigureValue| f.address.strip_prefix("hanam-2022/").unwrap().starts_with(prefix);
        let want: Vec<_> = all.iter().filter(begins).cloned().collect();
        assert_eq!(under, want, "{prefix}");
    }
}
