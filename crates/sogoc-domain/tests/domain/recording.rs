//! What is recorded and what it rests on: read sets, streams that stopped, and the aggregates under cqrs-es.

use std::sync::Arc;

use cqrs_es::test::TestFramework;
use serde_json::{Value, json};
use sogoc_domain::command::{Command, Envelope};
use sogoc_domain::decide::{AnnouncementFacts, EditionFacts, LeafMark, TextMark};
use sogoc_domain::event::{Event, ScoreAccepted, ScorecardEvent};
use sogoc_domain::evidence::EvidenceUse;
use sogoc_domain::refusal::Code;
use sogoc_domain::roles::By;
use sogoc_domain::scorecard::Scorecard;
use sogoc_domain::stream::Stream;
use sogoc_domain::values::{AgencyId, Digest, LeafId, Sealed, Sealer, SeasonId, Text};
use sogoc_domain::{Record, Surroundings};

use crate::fixture::*;

const YT: &str = "so-y-te";

#[test]
fn a_decision_names_every_stream_that_it_rests_on() {
    let mut s = Season::submitted();
    let decision = s.by("reviewer-nv").on_instrument().does("accept-score", on_leaf(YT, "1.2"));
    for stream in [
        "account/reviewer-nv",
        "criteria/bo-2026",
        "instrument/qd-1",
        "results/s-2026",
        "scorecard/s-2026/so-y-te",
        "season/s-2026",
    ] {
        assert!(decision.reads.contains(&Stream::parse(stream).unwrap()), "{stream} is not in {:?}", decision.reads);
    }
    assert!(!decision.reads.iter().any(|stream| matches!(stream, Stream::Refusals(_))));
    s.delegate("reviewer-nv", "idle");
    let decision = s.by("idle").on_behalf_of("reviewer-nv").does("accept-score", on_leaf(YT, "1.3"));
    assert!(decision.reads.contains(&Stream::parse("account/idle").unwrap()));
    assert!(decision.reads.contains(&Stream::parse("account/reviewer-nv").unwrap()));
}

#[test]
fn a_stream_that_stopped_stops_what_reads_it_and_nothing_else() {
    let undecodable = Event::decode(&Stream::Survey(id(SEASON)), "survey-of-the-future", 7, "{}").unwrap_err();
    let cases: [(&str, &str, &str, Value); 9] = [
        ("season/s-2026", "reviewer-nv", "accept-score", on_leaf(YT, "1.2")),
        ("criteria/bo-2026", "reviewer-nv", "accept-score", on_leaf(YT, "1.2")),
        ("account/reviewer-nv", "reviewer-nv", "accept-score", on_leaf(YT, "1.2")),
        ("scorecard/s-2026/so-y-te", "reviewer-nv", "accept-score", on_leaf(YT, "1.2")),
        ("results/s-2026", "reviewer-nv", "accept-score", on_leaf(YT, "1.2")),
        ("survey/s-2026", "operator", "import-survey", json!({"results": [surveyed(YT, "90", "80")]})),
        (
            "council/s-2026",
            "secretary",
            "open-session",
            json!({"session": "phien-1", "present": ["chair", "member-ub"]}),
        ),
        (
            "agency/so-y-te",
            "admin",
            "open-account",
            json!({"account": {"account": "moi", "agency": YT, "name": "Tên"}}),
        ),
        (
            "instrument/qd-1",
            "secretary",
            "attach-instrument-document",
            json!({"id": DECISION, "document": digest("x")}),
        ),
    ];
    for (stream, account, kind, fields) in cases {
        let mut s = Season::submitted();
        s.world.stop(Stream::parse(stream).unwrap(), &undecodable);
        let refusal = s.by(account).refused(kind, fields.clone(), Code::StreamStopped);
        assert_eq!(refusal.values["stream"], stream);
        let mut s = Season::submitted();
        s.world.stop(Stream::parse("scorecard/s-2026/ly-nhan").unwrap(), &undecodable);
        s.by(account).does(kind, fields);
    }
    let mut s = Season::appraised();
    s.now = day(21);
    s.world.stop(Stream::parse("survey/s-2026").unwrap(), &undecodable);
    s.by("secretary").refused("announce-results", json!({}), Code::StreamStopped);
}

#[test]
fn a_stopped_stream_keeps_the_state_before_it_stopped() {
    let mut s = Season::submitted();
    let stream = Stream::Scorecard(id(SEASON), id(YT));
    let undecodable = Event::decode(&stream, "score-of-the-future", 1, "{}").unwrap_err();
    s.world.stop(stream.clone(), &undecodable);
    let before = s.card(YT).clone();
    s.world.apply(&stream, &accepted("1.2", "2").into());
    assert_eq!(*s.card(YT), before);
}

#[test]
fn a_payload_with_a_field_that_is_not_known_is_not_read() {
    let stream = Stream::Season(id(SEASON));
    let data = r#"{"season":"s-2022"}"#;
    assert!(Event::decode(&stream, "comparison-set", 1, data).is_ok());
    for (kind, version, data) in [
        ("comparison-set", 2, data),
        ("self-scored", 1, data),
        ("comparison-set", 1, r#"{"season":"s-2022","why":"x"}"#),
        ("comparison-set", 1, r#"{}"#),
        ("comparison-set", 1, r#"{"season":"S 2022"}"#),
    ] {
        let undecodable = Event::decode(&stream, kind, version, data).unwrap_err();
        assert_eq!((undecodable.kind.as_str(), undecodable.version), (kind, version));
    }
}

#[test]
fn streams_are_named_and_read_back() {
    for name in [
        "agency/so-y-te",
        "instrument/qd-1",
        "account/admin",
        "criteria/bo-2026",
        "season/s-2026",
        "scorecard/s-2026/so-y-te",
        "survey/s-2026",
        "council/s-2026",
        "results/s-2026",
        "refusals/admin",
    ] {
        assert_eq!(Stream::parse(name).unwrap().to_string(), name);
    }
    for name in ["", "agency", "agency/", "agency/a/b", "scorecard/s-2026", "scorecard/a/b/c", "season/S", "other/a"] {
        assert!(Stream::parse(name).is_err(), "{name}");
    }
}

#[test]
fn a_command_of_a_kind_or_field_that_is_not_known_is_not_read() {
    let envelope = json!({"account": "admin", "command_id": "00000000-0000-0000-0000-000000000001",
        "command": {"type": "activate-criteria-set", "set": SET}});
    assert!(serde_json::from_value::<Envelope>(envelope.clone()).is_ok());
    let changes: [fn(&mut Value); 7] = [
        |e| e["command"]["type"] = "activate-everything".into(),
        |e| e["command"]["force"] = true.into(),
        |e| e["urgent"] = true.into(),
        |e| e["account"] = "Quản trị".into(),
        |e| e["command_id"] = "1".into(),
        |e| e["occurred"] = "2026-11-01".into(),
        |e| drop(e["command"].as_object_mut().map(|c| c.remove("set"))),
    ];
    for change in changes {
        let mut wrong = envelope.clone();
        change(&mut wrong);
        assert!(serde_json::from_value::<Envelope>(wrong.clone()).is_err(), "{wrong}");
    }
}

#[test]
fn amounts_that_are_no_plain_decimals_are_not_read() {
    for points in
        [json!("NaN"), json!("1e3"), json!("-1"), json!("0.1234567"), json!("1".repeat(30)), json!("1,5"), json!(1.5)]
    {
        let command = json!({"type": "score-line", "season": SEASON, "agency": YT, "line": "thuong", "points": points,
            "reason_code": "data_mismatch", "reason": "x"});
        assert!(serde_json::from_value::<Command>(command).is_err(), "{points}");
    }
}

// ---- cqrs-es ------------------------------------------------------------------------------------------------------

struct Nothing;

impl Record for Nothing {
    fn leaf_mark(&self, _: &SeasonId, _: &AgencyId, _: &LeafId) -> Option<LeafMark> {
        None
    }
    fn text_marks(&self, texts: &[Sealed]) -> Vec<Option<TextMark>> {
        vec![None; texts.len()]
    }
    fn evidence_uses(&self, _: &Digest) -> Vec<EvidenceUse> {
        Vec::new()
    }
    fn announcement(&self, _: &SeasonId) -> AnnouncementFacts {
        AnnouncementFacts { as_of: 0, streams_root: digest(""), streams: 0 }
    }
    fn edition(&self, _: &SeasonId, _: u64, _: Option<u64>) -> EditionFacts {
        EditionFacts {
            table_digest: digest(""),
            rows: 0,
            figures_digest: digest(""),
            figures: 0,
            changed: Vec::new(),
            changed_count: 0,
        }
    }
}

impl Sealer for Nothing {
    fn seal(&self, text: &Text) -> Sealed {
        digest(text.as_str())
    }
}

fn accepted(leaf: &str, points: &str) -> ScoreAccepted {
    let by = By { account: id("reviewer-nv"), on_behalf_of: None };
    ScoreAccepted { leaf: id(&leaf_id(leaf)), round: 1, points: id(points), by }
}

#[test]
fn a_scorecard_runs_under_the_test_framework_of_its_users() {
    let mut s = Season::submitted();
    let stream = Stream::Scorecard(id(SEASON), id(YT));
    let own = |event: &Event| if let Event::Scorecard(e) = event { Some((**e).clone()) } else { None };
    let given: Vec<ScorecardEvent> =
        s.log.iter().filter(|(of, _)| *of == stream).filter_map(|(_, event)| own(event)).collect();
    let command = |s: &mut Season, leaf: &str| -> Envelope {
        serde_json::from_value(s.envelope("reviewer-nv", "accept-score", &on_leaf(YT, leaf))).unwrap()
    };
    let (first, second) = (command(&mut s, "1.2"), command(&mut s, "1.2"));
    let surroundings = Surroundings {
        world: Arc::new(s.world.clone()),
        stream,
        record: Arc::new(Nothing),
        received: s.now,
        sealer: Arc::new(Nothing),
        found: Arc::default(),
    };
    TestFramework::<Scorecard>::with(surroundings.clone())
        .given(given.clone())
        .when(first)
        .then_expect_events(vec![accepted("1.2", "2").into()]);
    let refused = TestFramework::<Scorecard>::with(surroundings)
        .given(given)
        .and(vec![accepted("1.2", "2").into()])
        .when(second)
        .inspect_result();
    assert_eq!(refused.unwrap_err().code, Code::LeafState);
}
