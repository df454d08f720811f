//! Small seasons, written entry by entry: what missing, left out, awarded in full, tied, capped and not ranked mean.

use proptest::prelude::*;
use serde_json::{Value as Json, json};
use sogoc_domain::roles::Role;
use sogoc_domain::values::{AccountId, Timestamp};
use sogoc_register::{AsOf, Cut, Register, Value, VirtualAct, changed_figures};
use uuid::Uuid;

use crate::support::{Memory, shown, t};

/// A season `s` with the group `g` and the agencies `a`, `b` and `c`: leaves 1.1 (4), 1.2 (6) and the survey's 2.1 (10).
pub(crate) struct Small(pub(crate) Memory);

fn by() -> Json {
    json!({"account": "nguoi-ghi"})
}

const SEALED: &str = "abababababababababababababababababababababababababababababababab";

impl Small {
    pub(crate) fn put(&mut self, stream: &str, kind: &str, data: &Json) -> Cut {
        let account = AccountId::try_new("nguoi-ghi").unwrap();
        self.0.commands += 1;
        self.0.record_raw(stream, kind, data, &account, Some("secretariat"), None, Uuid::nil(), 0);
        self.0.register.now()
    }

    pub(crate) fn policy(unsurveyed: &str, ties: &str, class_by: &str) -> Json {
        json!({"policy": {
            "leaf_decimals": 2, "display_decimals": 2, "rounding": "half_up", "appraisal_rounds": 1, "class_by": class_by,
            "ties": ties, "unsurveyed": unsurveyed, "unsigned_evidence": "reviewer_judges",
            "late_submission": "by_acceptance", "appeal_may_lower": false, "approvals": 2, "instrument_required": [],
            "reason_codes": [], "survey_factors": ["f"],
        }})
    }

    pub(crate) fn open(policy: &Json) -> Self {
        let mut small = Self(Memory::default());
        let leaf = |code: &str, max: &str, rule: &str| {
            json!({"id": format!("l-{}", code.replace('.', "-")), "code": code, "name": code, "max_points": max,
                   "leaf": {"rule": {"type": rule, "version": 1}}})
        };
        let domain = |code: &str, max: &str, leaves: Json| {
            json!({"domain": {"id": format!("d-{code}"), "code": code, "name": code, "max_points": max,
                   "lead_agency": "vu", "children": leaves}, "criteria_follow": 0})
        };
        small.put("criteria/bo", "criteria-set-drafted", &json!({"title": "Bộ", "max_points": "20", "domains": 2}));
        let first = domain("1", "10", json!([leaf("1.1", "4", "yes_no"), leaf("1.2", "6", "yes_no")]));
        small.put("criteria/bo", "criteria-domain-recorded", &first);
        small.put("criteria/bo", "criteria-domain-recorded", &domain("2", "10", json!([leaf("2.1", "10", "survey")])));
        small.put("criteria/bo", "criteria-set-activated", &json!({"leaves": 3, "by": by()}));
        small.season("s", 2022, policy, "bo");
        small
    }

    pub(crate) fn season(&mut self, id: &str, year: u16, policy: &Json, set: &str) {
        let stream = format!("season/{id}");
        self.put(&stream, "season-opened", &json!({"year": year, "title": "Đợt", "mode": "live"}));
        self.put(&stream, "season-policy-set", policy);
        let band = |code: &str, lower: &str, upper: &str, top: bool| json!({"code": code, "label": code, "lower": lower, "lower_inclusive": true, "upper": upper, "upper_inclusive": top});
        let bands =
            json!([band("tot", "80", "100", true), band("kha", "50", "80", false), band("yeu", "0", "50", false)]);
        let group = json!({"group": "g", "name": {"vi": "Khối"}, "set": set, "classes": bands, "letters": []});
        self.put(&stream, "ranking-group-defined", &group);
        for agency in ["a", "b", "c"] {
            self.put(&stream, "agency-entered", &json!({"agency": agency, "group": "g", "council_member": false}));
        }
        self.put(
            &stream,
            "line-defined",
            &json!({"line": "thuong", "name": {"vi": "Thưởng"}, "kind": "bonus", "cap": "2"}),
        );
        self.put(&stream, "criteria-version-adopted", &json!({"group": "g", "set": set, "version": 1}));
        self.put(&stream, "season-activated", &json!({"rules_version": 1, "by": by()}));
        let survey = json!({"operator": "bd", "monitors": [], "factors": ["f"], "by": by()});
        self.put(&format!("survey/{id}"), "survey-opened", &survey);
    }

    pub(crate) fn self_score(&mut self, agency: &str, leaf: &str, points: &str) -> Cut {
        let data = json!({"leaf": leaf, "set_version": 1, "inputs": {"yes_no": true}, "points": points, "by": by()});
        self.put(&format!("scorecard/s/{agency}"), "self-scored", &data)
    }

    pub(crate) fn accept(&mut self, agency: &str, leaf: &str, points: &str) -> Cut {
        let data = json!({"leaf": leaf, "round": 1, "points": points, "by": by()});
        self.put(&format!("scorecard/s/{agency}"), "score-accepted", &data)
    }

    pub(crate) fn adjust(&mut self, agency: &str, leaf: &str, points: &str) -> Cut {
        let change = json!({"leaf": leaf, "new": points, "reason_code": "x", "reason": SEALED});
        self.put(&format!("scorecard/s/{agency}"), "score-adjusted", &json!({"change": change, "round": 1, "by": by()}))
    }

    pub(crate) fn surveyed(&mut self, agency: &str, points: &str) -> Cut {
        let data = json!({"agency": agency, "forms": 10, "factors": ["90"], "points": points, "by": by()});
        self.put("survey/s", "survey-result-recorded", &data);
        self.put("survey/s", "survey-accepted", &json!({"agencies": [agency], "by": by()}))
    }

    pub(crate) fn not_surveyed(&mut self, agency: &str) -> Cut {
        self.put("survey/s", "agency-not-surveyed", &json!({"agency": agency, "ground": SEALED, "by": by()}))
    }

    pub(crate) fn applies(&mut self, agency: &str, leaf: &str, how: &str) -> Cut {
        let data = json!({"leaf": leaf, "applicability": how, "ground": SEALED, "by": by()});
        self.put(&format!("scorecard/s/{agency}"), "applicability-decided", &data)
    }

    pub(crate) fn whole(&mut self, agency: &str, first: &str, second: &str, survey: &str) {
        self.accept(agency, "l-1-1", first);
        self.accept(agency, "l-1-2", second);
        self.surveyed(agency, survey);
    }

    pub(crate) fn text(&self, rest: &str) -> Option<String> {
        self.0.register.value(&format!("s/{rest}"), self.0.register.now()).unwrap().value.text()
    }

    fn show(&self, rest: &str) -> String {
        shown(&self.0.register, &format!("s/{rest}"), self.0.register.now())
    }
}

fn usual() -> Json {
    Small::policy("leave_out", "competition", "rounded_index")
}

#[test]
fn missing_is_not_zero_and_marks_what_rests_on_it() {
    let mut s = Small::open(&usual());
    assert_eq!(s.text("g/a/index"), None);
    assert_eq!(s.show("g/a/index"), "–");
    s.accept("a", "l-1-1", "4");
    let sum = s.0.register.value("s/g/a/total_points", s.0.register.now()).unwrap();
    assert_eq!((sum.value.text().as_deref(), sum.complete), (Some("4"), false));
    for name in ["index", "rank", "class", "computed_class"] {
        assert_eq!(s.text(&format!("g/a/{name}")), None, "{name}");
    }
    assert_eq!(s.text("g/a/applicable_max").as_deref(), Some("20"), "silence takes nothing off the maximum");
    s.accept("a", "l-1-2", "0");
    assert_eq!(s.text("g/a/index"), None, "the survey is missing still");
    let data = json!({"agency": "a", "forms": 10, "factors": ["90"], "points": "9", "by": by()});
    s.put("survey/s", "survey-result-recorded", &data);
    assert_eq!(s.text("g/a/index"), None, "and counts once accepted");
    s.put("survey/s", "survey-accepted", &json!({"agencies": ["a"], "by": by()}));
    assert_eq!(s.text("g/a/index").as_deref(), Some("65"));
    let rank = s.0.register.value("s/g/a/rank", s.0.register.now()).unwrap();
    assert_eq!((rank.value, rank.complete), (Value::Count(1), false), "among those that have an index");
    let deemed = json!({"leaf": "l-1-1", "reason_code": "x", "reason": SEALED, "by": by()});
    s.put("scorecard/s/b", "score-deemed", &deemed);
    assert_eq!(s.text("g/b/leaf/1.1/appraised_points").as_deref(), Some("0"), "deemed is a zero of its own");
}

#[test]
fn what_does_not_apply_leaves_the_denominator_or_is_awarded_in_full() {
    let mut s = Small::open(&usual());
    s.applies("a", "l-1-2", "left-out");
    s.accept("a", "l-1-1", "3");
    s.surveyed("a", "8");
    assert_eq!((s.text("g/a/applicable_max").as_deref(), s.text("g/a/index").as_deref()), (Some("14"), Some("550/7")));
    assert_eq!(s.text("g/a/domain/1/applicable_max").as_deref(), Some("4"));
    assert_eq!(s.show("g/a/leaf/1.2/appraised_points"), "x");
    s.applies("a", "l-1-2", "awarded-in-full");
    assert_eq!(
        (s.text("g/a/applicable_max").as_deref(), s.text("g/a/total_points").as_deref()),
        (Some("20"), Some("17"))
    );
    s.applies("a", "l-2-1", "left-out");
    assert_eq!(
        (s.text("g/a/applicable_max").as_deref(), s.text("g/a/total_points").as_deref()),
        (Some("10"), Some("9"))
    );
    assert_eq!(s.text("g/a/survey_points"), None);
    s.applies("a", "l-2-1", "awarded-in-full");
    assert_eq!(s.text("g/a/survey_points").as_deref(), Some("10"));
    assert_eq!(s.text("g/survey_count").as_deref(), Some("0"), "awarded is not surveyed");
    s.applies("a", "l-1-2", "applies");
    assert_eq!(s.text("g/a/index"), None, "and applies again without points");
}

#[test]
fn the_policy_says_what_the_unsurveyed_get() {
    for (policy, max, index) in [("leave_out", "10", "90"), ("zero", "20", "45")] {
        let mut s = Small::open(&Small::policy(policy, "competition", "rounded_index"));
        s.accept("a", "l-1-1", "4");
        s.accept("a", "l-1-2", "5");
        s.not_surveyed("a");
        assert_eq!(s.text("g/a/applicable_max").as_deref(), Some(max));
        assert_eq!(s.text("g/a/index").as_deref(), Some(index));
        assert_eq!(s.text("g/a/survey_points"), None, "not surveyed is never shown as zero");
        assert_eq!(s.text("g/not_surveyed_members").as_deref(), Some("a"));
    }
}

#[test]
fn ties_are_ranked_by_the_policy() {
    for (ties, last) in [("competition", "3"), ("dense", "2")] {
        let mut s = Small::open(&Small::policy("leave_out", ties, "rounded_index"));
        s.whole("a", "4", "5", "9");
        s.whole("b", "3", "6", "9");
        s.whole("c", "1", "1", "1");
        assert_eq!([s.text("g/a/rank"), s.text("g/b/rank")], [Some("1".into()), Some("1".into())]);
        assert_eq!(s.text("g/c/rank").as_deref(), Some(last));
        assert_eq!(s.text("g/max_index_agency").as_deref(), Some("a;b"));
    }
}

#[test]
fn the_class_follows_the_rounded_or_the_exact_index_and_may_be_capped() {
    for (class_by, class) in [("rounded_index", "tot"), ("exact_index", "kha")] {
        let mut s = Small::open(&Small::policy("leave_out", "competition", class_by));
        // 15.9999 of 20 is 79.9995 %, shown as 80.00.
        s.whole("a", "3.9999", "6", "6");
        assert_eq!((s.show("g/a/index").as_str(), s.text("g/a/class").as_deref()), ("80.00", Some(class)));
    }
    let mut s = Small::open(&usual());
    s.whole("a", "4", "6", "9");
    s.put("scorecard/s/a", "class-capped", &json!({"class": "yeu", "reason": SEALED, "by": by()}));
    assert_eq!((s.text("g/a/class").as_deref(), s.text("g/a/computed_class").as_deref()), (Some("yeu"), Some("tot")));
    let row = &s.0.register.ranking("s", None, s.0.register.now()).unwrap()[0];
    assert_eq!((row.class.as_deref(), row.computed_class.as_deref()), (Some("yeu"), Some("tot")));
    s.put("scorecard/s/a", "class-capped", &json!({"reason": SEALED, "by": by()}));
    assert_eq!(s.text("g/a/class").as_deref(), Some("tot"));
}

#[test]
fn bonus_points_are_held_to_their_cap() {
    let mut s = Small::open(&usual());
    s.whole("a", "4", "6", "9");
    let line = json!({"line": "thuong", "new": "5", "reason_code": "x", "reason": SEALED, "by": by()});
    s.put("scorecard/s/a", "line-scored", &line);
    assert_eq!((s.text("g/a/bonus_points").as_deref(), s.text("g/a/index").as_deref()), (Some("2"), Some("105")));
    assert_eq!(s.text("g/a/class").as_deref(), Some("tot"), "above the top is in the top band");
}

#[test]
fn an_agency_that_is_not_ranked_has_an_index_and_no_rank() {
    let mut s = Small::open(&usual());
    for (agency, points) in [("a", "9"), ("b", "8"), ("c", "7")] {
        s.whole(agency, "4", "6", points);
    }
    let treat = |agency: &str, treatment: &str, successor: Option<&str>| {
        let mut data = json!({"agency": agency, "treatment": treatment, "from": "2022-12-01T00:00:00Z", "reason": SEALED, "by": by()});
        if let Some(successor) = successor {
            data["successor"] = successor.into();
        }
        data
    };
    s.put("season/s", "agency-treated", &treat("a", "not-ranked", None));
    assert_eq!((s.text("g/a/index").as_deref(), s.text("g/a/rank")), (Some("95"), None));
    assert_eq!([s.text("g/b/rank"), s.text("g/count")], [Some("1".into()), Some("2".into())]);
    s.put("season/s", "agency-treated", &treat("b", "successor-answers", Some("c")));
    assert_eq!([s.text("g/c/rank"), s.text("g/count")], [Some("1".into()), Some("1".into())]);
    assert_eq!(s.0.register.ranking("s", None, s.0.register.now()).unwrap().len(), 2);
}

#[test]
fn changes_are_against_the_last_edition_of_the_comparison_season() {
    let mut s = Small::open(&usual());
    for (agency, points) in [("a", "9"), ("b", "8"), ("c", "7")] {
        s.whole(agency, "4", "5.333", points);
    }
    let register = &s.0.register;
    let (season, as_of) = ("s".parse().unwrap(), register.size() - 1);
    let facts = sogoc_domain::Record::edition(register, &season, as_of, None);
    let announced = sogoc_domain::Record::announcement(register, &season);
    assert_eq!(announced.as_of, as_of);
    let announce = json!({"number": 1, "as_of": as_of, "streams_root": announced.streams_root, "streams": announced.streams, "by": by()});
    s.put("results/s", "results-announced", &announce);
    let edition = json!({"edition": 1, "kind": "official", "announcement": 1, "as_of": as_of, "table_digest": facts.table_digest,
        "rows": 3, "figures_digest": facts.figures_digest, "figures": facts.figures, "changed": [], "changed_count": 0, "by": by()});
    let mut t = s;
    t.season("t", 2023, &usual(), "bo");
    t.put("season/t", "comparison-set", &json!({"season": "s"}));
    for (agency, points) in [("a", "7"), ("b", "8.5"), ("c", "7")] {
        for (leaf, points) in [("l-1-1", "4"), ("l-1-2", "5.333")] {
            let data = json!({"leaf": leaf, "round": 1, "points": points, "by": by()});
            t.put(&format!("scorecard/t/{agency}"), "score-accepted", &data);
        }
        let data = json!({"agency": agency, "forms": 10, "factors": ["90"], "points": points, "by": by()});
        t.put("survey/t", "survey-result-recorded", &data);
    }
    t.put("survey/t", "survey-accepted", &json!({"agencies": ["a", "b", "c"], "by": by()}));
    let text =
        |t: &Small, rest: &str| t.0.register.value(&format!("t/{rest}"), t.0.register.now()).unwrap().value.text();
    assert_eq!(text(&t, "g/a/index_change"), None, "no edition yet, and nothing is printed");
    t.put("results/s", "edition-published", &edition);
    assert_eq!(text(&t, "g/a/index_2022").as_deref(), Some("91.665"));
    assert_eq!(text(&t, "g/a/index").as_deref(), Some("81.665"));
    assert_eq!(text(&t, "g/a/index_change").as_deref(), Some("-10"), "81.67 − 91.67, both rounded");
    assert_eq!(text(&t, "g/a/rank_change").as_deref(), Some("-1"));
    assert_eq!(text(&t, "g/b/rank_change").as_deref(), Some("1"));
    assert_eq!(text(&t, "g/index_risen_count").as_deref(), Some("1"));
    assert_eq!(text(&t, "g/index_unchanged_count").as_deref(), Some("1"));
    assert_eq!(text(&t, "g/largest_index_fall_agency").as_deref(), Some("a"));
    assert_eq!(text(&t, "g/mean_index_direction").as_deref(), Some("down"));
    let trace = t.0.register.trace("t/g/a/index_change", t.0.register.now(), 1_000).unwrap();
    let json = serde_json::to_value(&trace).unwrap();
    assert_eq!(json["inputs"][1]["address"], "s/g/a/index");
    assert_eq!(json["inputs"][1]["as_of"], as_of);
    let annul = json!({"edition": 1, "reason": SEALED, "by": by()});
    t.put("results/s", "edition-annulled", &annul);
    assert_eq!(text(&t, "g/a/index_change"), None);
}

#[test]
fn what_if_compares_every_figure_and_records_nothing() {
    let mut s = Small::open(&usual());
    s.whole("a", "4", "6", "9");
    s.whole("b", "4", "6", "8");
    s.whole("c", "4", "6", "7");
    let before = s.0.register.digest();
    let mut overlay = s.0.register.overlay();
    let data =
        json!({"change": {"leaf": "l-1-2", "new": "3", "reason_code": "x", "reason": SEALED}, "round": 1, "by": by()});
    let stream = "scorecard/s/a".parse_stream();
    let event = sogoc_domain::event::Event::decode(&stream, "score-adjusted", 1, &data.to_string()).unwrap();
    let act = VirtualAct {
        account: AccountId::try_new("nguoi-ghi").unwrap(),
        on_behalf_of: None,
        role: Some(Role::Reviewer),
        agency: None,
        at: t("2026-02-01T00:00:00Z"),
        occurred: None,
        instrument: None,
    };
    overlay.apply_virtual(&act, &[(stream, event)]);
    let changed = changed_figures(&s.0.register, &overlay);
    let find = |address: &str| changed.iter().find(|c| c.address == address).map(|c| (c.before.text(), c.after.text()));
    let pair = |a: &str, b: &str| Some((Some(a.to_owned()), Some(b.to_owned())));
    assert_eq!(find("s/g/a/index"), pair("95", "80"));
    assert_eq!(find("s/g/a/rank"), pair("1", "3"));
    assert_eq!(find("s/g/b/rank"), pair("2", "1"));
    assert_eq!(find("s/g/a/leaf/1.2/appraised_points"), pair("6", "3"));
    assert_eq!(find("s/g/mean_index"), pair("90", "85"));
    assert_eq!(find("s/g/b/index"), None);
    assert_eq!(s.0.register.digest(), before);
    // The comparison leaves nothing out: it is that of all figures.
    let all = |r: &Register| r.figures("s", None, r.now()).unwrap().into_iter().map(|f| (f.address, f.value.text()));
    let whole = all(&s.0.register).zip(all(&overlay)).filter(|(x, y)| x != y).count();
    assert_eq!(changed.len(), whole);
}

trait ParseStream {
    fn parse_stream(&self) -> sogoc_domain::stream::Stream;
}

impl ParseStream for &str {
    fn parse_stream(&self) -> sogoc_domain::stream::Stream {
        sogoc_domain::stream::Stream::parse(self).unwrap()
    }
}

#[test]
fn a_history_has_every_version_with_what_was_before() {
    let mut s = Small::open(&usual());
    s.self_score("a", "l-1-1", "4");
    s.self_score("a", "l-1-1", "4");
    s.adjust("a", "l-1-1", "1.5");
    s.put("scorecard/s/a", "leaves-confirmed", &json!({"leaves": ["l-1-1"], "by": by()}));
    s.surveyed("a", "9");
    let register = &s.0.register;
    let history = register.history("s", "a", None, register.now()).unwrap();
    let brief: Vec<_> =
        history.iter().map(|h| (h.leaf.as_deref(), h.field.as_str(), h.old.as_deref(), h.new.as_deref())).collect();
    assert_eq!(
        brief,
        [
            (Some("1.1"), "self_points", None, Some("4")),
            (Some("1.1"), "self-scored", None, None),
            (Some("1.1"), "appraised_points", None, Some("1.5")),
            (Some("1.1"), "round", None, Some("1")),
            (Some("1.1"), "confirmed", None, Some("yes")),
            (None, "survey-result-recorded", None, None),
            (None, "survey_points", None, Some("9")),
        ]
    );
    assert_eq!(history[2].entry.reason_code.as_deref(), Some("x"));
    assert_eq!(history[2].entry.texts[0].commitment.to_string(), SEALED);
    assert_eq!(register.history("s", "a", Some("1.1"), register.now()).unwrap().len(), 5);
    assert!(register.history("s", "a", Some("9.9"), register.now()).is_err());
    assert!(register.history("s", "nobody", None, register.now()).is_err());
}

/// One step of a random season.
#[derive(Clone, Debug)]
enum Step {
    Accept(usize, usize, u32),
    Adjust(usize, usize, u32),
    SelfScore(usize, usize, u32),
    Applies(usize, usize, usize),
    Survey(usize, u32),
    NotSurveyed(usize),
    Reopen(usize, usize),
    Line(usize, u32),
}

fn step() -> impl Strategy<Value = Step> {
    let agency = || 0..3_usize;
    let leaf = || 0..2_usize;
    prop_oneof![
        6 => (agency(), leaf(), 0..400_u32).prop_map(|(a, l, p)| Step::Accept(a, l, p)),
        3 => (agency(), leaf(), 0..400_u32).prop_map(|(a, l, p)| Step::Adjust(a, l, p)),
        3 => (agency(), leaf(), 0..400_u32).prop_map(|(a, l, p)| Step::SelfScore(a, l, p)),
        1 => (agency(), 0..3_usize, 0..3_usize).prop_map(|(a, l, how)| Step::Applies(a, l, how)),
        3 => (agency(), 0..1000_u32).prop_map(|(a, p)| Step::Survey(a, p)),
        1 => agency().prop_map(Step::NotSurveyed),
        1 => (agency(), leaf()).prop_map(|(a, l)| Step::Reopen(a, l)),
        1 => (agency(), 0..300_u32).prop_map(|(a, p)| Step::Line(a, p)),
    ]
}

impl Small {
    fn take(&mut self, step: &Step) {
        const AGENCIES: [&str; 3] = ["a", "b", "c"];
        const LEAVES: [&str; 3] = ["l-1-1", "l-1-2", "l-2-1"];
        let points = |p: u32| {
            let text = format!("{}.{:02}", p / 100, p % 100);
            text.parse::<sogoc_domain::values::Points>().unwrap().to_string()
        };
        match *step {
            Step::Accept(a, l, p) => _ = self.accept(AGENCIES[a], LEAVES[l], &points(p)),
            Step::Adjust(a, l, p) => _ = self.adjust(AGENCIES[a], LEAVES[l], &points(p)),
            Step::SelfScore(a, l, p) => _ = self.self_score(AGENCIES[a], LEAVES[l], &points(p)),
            Step::Applies(a, l, how) => {
                _ = self.applies(AGENCIES[a], LEAVES[l], ["applies", "left-out", "awarded-in-full"][how]);
            }
            Step::Survey(a, p) => _ = self.surveyed(AGENCIES[a], &points(p)),
            Step::NotSurveyed(a) => _ = self.not_surveyed(AGENCIES[a]),
            Step::Reopen(a, l) => {
                let data =
                    json!({"leaf": LEAVES[l], "set_version": 1, "reason_code": "x", "reason": SEALED, "by": by()});
                self.put(&format!("scorecard/s/{}", AGENCIES[a]), "leaf-reopened", &data);
            }
            Step::Line(a, p) => {
                let data =
                    json!({"line": "thuong", "new": points(p), "reason_code": "x", "reason": SEALED, "by": by()});
                self.put(&format!("scorecard/s/{}", AGENCIES[a]), "line-scored", &data);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_history_sums_up_and_explains_itself(steps in prop::collection::vec(step(), 1..60), unsurveyed in 0..2_usize) {
        let policy = Small::policy(["leave_out", "zero"][unsurveyed], "competition", "rounded_index");
        let mut s = Small::open(&policy);
        let start = s.0.register.now();
        steps.iter().for_each(|step| s.take(step));
        let register = &s.0.register;
        // A trace adds up the leaves and asserts that the running sum agrees.
        for agency in ["a", "b", "c"] {
            register.trace(&format!("s/g/{agency}/index"), register.now(), 10_000).unwrap();
        }
        let size = register.size();
        for at in [start.entries(), (start.entries() + size) / 2, size - 1] {
            let cut = register.cut(&AsOf::Position(at.min(size - 1))).unwrap();
            let mut prefix = Register::new();
            let texts: Vec<&str> = s.0.entries[..usize::try_from(cut.entries()).unwrap()].iter().map(String::as_str).collect();
            prefix.apply_texts(&texts).unwrap();
            prop_assert_eq!(register.figures("s", None, cut), prefix.figures("s", None, prefix.now()));
        }
        for address in ["s/g/a/index", "s/g/b/total_points", "s/g/c/rank", "s/g/mean_index", "s/g/a/domain/1/appraised_points"] {
            let why = register.why(address, start, register.now()).unwrap();
            if let Some(change) = why.change {
                let sum: sogoc_domain::exact::Exact = why.contributions.iter().filter_map(|c| c.delta.clone()).sum();
                prop_assert_eq!(sum, change, "{}", address);
            }
            let mut before = why.from.value;
            for c in &why.contributions {
                prop_assert_eq!(&c.before, &before);
                before = c.after.clone();
            }
            prop_assert_eq!(before, why.to.value);
        }
        let snapshot = register.to_snapshot(&sogoc_log::Hash([1; 32]));
        let back = Register::from_snapshot(&snapshot, &sogoc_log::Hash([1; 32])).unwrap();
        prop_assert_eq!(back.digest(), register.digest());
        prop_assert_eq!(back.figures("s", None, back.now()), register.figures("s", None, register.now()));
    }
}

#[test]
fn times_are_those_of_the_entries() {
    let s = Small::open(&usual());
    let register = &s.0.register;
    assert_eq!(register.last_at(), register.entry(register.size() - 1).map(|e| e.at));
    assert_eq!(Register::new().last_at(), None::<Timestamp>);
}
