//! The real season, planned and decided; and folders that somebody broke.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use sogoc_domain::command::{Command, NewPoints};
use sogoc_domain::decide::{AnnouncementFacts, EditionFacts, LeafMark, Record, TextMark};
use sogoc_domain::event::Event;
use sogoc_domain::evidence::{AnchorsFound, EvidenceUse, Found};
use sogoc_domain::stream::Stream;
use sogoc_domain::values::{AgencyId, Digest, LeafId, Sealed, Sealer, SeasonId, Text, Timestamp};
use sogoc_domain::{Context, Decision, World, decide};

use super::{Founding, plan};
use crate::import::embedded::HANAM_2022;
use crate::import::{ImportError, Plan, PlannedCommand, Source};
use crate::turns::scorecard_alone;

fn hanam() -> Plan {
    plan(&HANAM_2022, &Founding::ByThisImport).unwrap_or_else(|e| panic!("{e}"))
}

fn kinds(plan: &Plan) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for c in &plan.commands {
        *counts.entry(c.envelope.command.kind()).or_default() += 1;
    }
    counts
}

fn t(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn at(c: &PlannedCommand) -> Timestamp {
    c.envelope.occurred.expect("every act of an import has its time")
}

#[test]
fn the_real_season_has_every_act_of_its_files() {
    let plan = hanam();
    let counts = kinds(&plan);
    let want = [
        ("found-register", 1),
        ("register-agency", 25 + 4 - 2),
        ("register-instrument", 11),
        ("open-account", 106),
        ("draft-criteria-set", 2),
        ("activate-criteria-set", 2),
        ("open-season", 1),
        ("set-season-policy", 1),
        ("define-ranking-group", 2),
        ("schedule-phase", 10),
        ("enter-agency", 25),
        ("assign-reviewers", 20),
        ("record-reference-figures", 1),
        ("activate-season", 1),
        ("decide-applicability", 15),
        ("record-self-score", 1662),
        ("attach-evidence", 238),
        ("submit-scorecard", 25),
        ("accept-score", 1520),
        ("request-explanation", 20),
        ("give-explanation", 20),
        ("uphold-score", 7),
        ("adjust-score", 142 + 13),
        ("open-survey", 1),
        ("import-survey", 1),
        ("record-not-surveyed", 3),
        ("accept-survey", 1),
        ("open-session", 1),
        ("adopt-resolution", 1),
        ("close-session", 1),
        ("announce-results", 2),
        ("approve-results", 4),
        ("publish-edition", 2),
        ("lodge-appeal", 5),
        ("decide-appeal", 5),
    ];
    for (kind, count) in want {
        assert_eq!(counts.get(kind).copied(), Some(count), "{kind}");
    }
    assert_eq!(counts["propose-role"], counts["approve-role"]);
    let named: usize = plan
        .commands
        .iter()
        .map(|c| if let Command::ConfirmLeaves(c) = &c.envelope.command { c.nodes.len() } else { 0 })
        .sum();
    assert_eq!(named, 1662, "every leaf is confirmed once");
    assert_eq!(plan.claims.len(), 219);
    assert!((3_500..7_000).contains(&plan.commands.len()), "{}", plan.commands.len());
}

#[test]
fn time_never_runs_backwards_and_ids_are_unique_and_stable() {
    let (first, second) = (hanam(), hanam());
    assert_eq!(first, second);
    assert!(first.commands.iter().map(at).is_sorted());
    let ids: BTreeSet<_> = first.commands.iter().map(|c| c.envelope.command_id).collect();
    assert_eq!(ids.len(), first.commands.len());
    // Never to change: a register that holds the season must recognise it.
    let found = &first.commands[0];
    assert_eq!(found.envelope.command_id, super::founding_id(&first.season));
    assert_eq!(found.envelope.command_id.to_string(), "84a6cea7-07e2-5fdd-b7b3-73a3feee5e6c");
    assert_eq!(found.correlation(&first.season), "import:hanam-2022:season.json#/council/decision:time-derived");
}

#[test]
fn given_times_stand_and_made_up_ones_keep_within_their_phases() {
    let plan = hanam();
    let given = plan.commands.iter().filter(|c| !c.made_up_time).count();
    assert_eq!(given, 3 * 20 + 2 * 5);
    let span = |kind: &str| {
        let mut times = plan.commands.iter().filter(|c| c.envelope.command.kind() == kind).map(at);
        let first = times.next().unwrap();
        (first, times.next_back().unwrap_or(first))
    };
    let within = |kind: &str, from: &str, to: &str| {
        let (first, last) = span(kind);
        assert!(t(from) <= first && last < t(to), "{kind}: {first} to {last}");
    };
    within("found-register", "2022-11-04T08:00:00+07:00", "2022-11-04T17:00:00+07:00");
    within("activate-season", "2022-11-04T08:00:00+07:00", "2022-11-04T17:00:00+07:00");
    within("record-self-score", "2022-11-05T08:00:00+07:00", "2022-11-13T17:00:00+07:00");
    within("submit-scorecard", "2022-11-05T08:00:00+07:00", "2022-11-13T17:00:00+07:00");
    within("accept-score", "2022-11-14T08:00:00+07:00", "2022-11-16T08:40:00+07:00");
    within("confirm-leaves", "2022-11-20T10:30:00+07:00", "2022-11-20T17:00:00+07:00");
    within("accept-survey", "2022-11-30T08:00:00+07:00", "2022-11-30T17:00:00+07:00");
    within("adopt-resolution", "2022-12-01T08:00:00+07:00", "2022-12-02T17:00:00+07:00");
    let published: Vec<_> =
        plan.commands.iter().filter(|c| c.envelope.command.kind() == "publish-edition").map(at).collect();
    assert!(published[0] < t("2022-12-06T00:00:00+07:00") && published[1] >= t("2022-12-20T00:00:00+07:00"));
    let gt01 = plan.commands.iter().find(|c| c.envelope.command.kind() == "request-explanation").unwrap();
    assert_eq!((at(gt01), gt01.row.as_str()), (t("2022-11-16T08:40:00+07:00"), "explanations_and_appeals.csv:2"));
}

/// Without the register: positions and digests are not what these tests are about.
struct NoRecord;

impl Record for NoRecord {
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
        AnnouncementFacts { as_of: 0, streams_root: Digest([0; 32]), streams: 0 }
    }
    fn edition(&self, _: &SeasonId, _: u64, _: Option<u64>) -> EditionFacts {
        let digest = Digest([0; 32]);
        EditionFacts {
            table_digest: digest,
            rows: 0,
            figures_digest: digest,
            figures: 0,
            changed: Vec::new(),
            changed_count: 0,
        }
    }
}

struct NoSeal;

impl Sealer for NoSeal {
    fn seal(&self, _: &Text) -> Sealed {
        Digest([0; 32])
    }
}

/// Files are not what these tests are about: anchors are there, evidence is what the source states of it.
fn told(command: &Command) -> Found {
    let Command::AdoptTrustAnchors(c) = command else { return Found::Nothing };
    Found::Anchors(AnchorsFound { digest: c.anchors, certificates: 1 })
}

/// Decides all commands on an empty world, in order.
pub(crate) fn run(commands: &[PlannedCommand], world: &mut World) -> Vec<(Stream, Event)> {
    let mut log = Vec::new();
    for planned in commands {
        let context = Context {
            world,
            record: &NoRecord,
            received: t("2026-01-01T00:00:00Z"),
            sealer: &NoSeal,
            found: &told(&planned.envelope.command),
        };
        let Decision { events, failures, .. } = decide(&planned.envelope, &context).unwrap_or_else(|refusal| {
            panic!("{} {} by {}: {refusal}", planned.row, planned.envelope.command.kind(), planned.envelope.account)
        });
        assert!(failures.is_empty(), "{}: {failures:?}", planned.row);
        for (stream, event) in &events {
            world.apply(stream, event);
        }
        log.extend(events);
    }
    log
}

#[test]
fn the_real_season_goes_through_the_ordinary_decisions() {
    let plan = hanam();
    let mut world = World::default();
    let log = run(&plan.commands, &mut world);
    assert!(log.len() >= plan.commands.len());
    let cards = &world.scorecards[&plan.season];
    assert_eq!(cards.iter().len(), 25);
    // so-xay-dung 1.5: 1.50 by itself, 1.00 in round 1, upheld on GT-14, 1.50 on KN-01.
    let agency: AgencyId = "so-xay-dung".parse().unwrap();
    let leaf: LeafId = "1-5".parse().unwrap();
    let points = cards.get(&agency).unwrap().leaf(&leaf).unwrap().appraised.as_ref().unwrap().points;
    assert_eq!(points.to_string(), "1.5");
    assert_eq!(world.results[&plan.season].editions.len(), 2);
}

#[test]
fn commands_that_need_not_wait_for_one_another_look_at_and_change_one_scorecard_alone() {
    let mut world = World::default();
    let mut alone = BTreeSet::new();
    for planned in &hanam().commands {
        let context = Context {
            world: &world,
            record: &NoRecord,
            received: t("2026-01-01T00:00:00Z"),
            sealer: &NoSeal,
            found: &told(&planned.envelope.command),
        };
        let decision = decide(&planned.envelope, &context).unwrap_or_else(|refusal| panic!("{refusal}"));
        if let Some(card) = scorecard_alone(&planned.envelope) {
            let kind = planned.envelope.command.kind();
            let of_cards = |stream: &&Stream| matches!(stream, Stream::Scorecard(..));
            assert!(decision.events.iter().all(|(stream, _)| *stream == card), "{kind} writes beyond {card}");
            assert!(decision.reads.iter().filter(of_cards).all(|stream| *stream == card), "{kind} reads beyond {card}");
            alone.insert(kind);
        }
        decision.events.iter().for_each(|(stream, event)| world.apply(stream, event));
    }
    assert_eq!(alone.len(), 9, "a kind that the season has no command of is not proved to be one: {alone:?}");
}

#[test]
fn a_register_that_was_founded_otherwise_takes_the_season_too() {
    let officials = Founding::Founded { administrator: "root-1".parse().unwrap(), approver: "root-2".parse().unwrap() };
    let other = plan(&HANAM_2022, &officials).unwrap();
    assert!(!kinds(&other).contains_key("found-register"));
    let mut world = World::default();
    let mut found = hanam().commands.into_iter().next().unwrap();
    if let Command::FoundRegister(c) = &mut found.envelope.command {
        c.administrator.account = "root-1".parse().unwrap();
        c.approver.account = "root-2".parse().unwrap();
        found.envelope.account = "root-1".parse().unwrap();
    }
    run(&[found], &mut world);
    // The founding brought two agencies and an instrument that the folder brings as well.
    let mut passed = 0;
    for planned in &other.commands {
        let context = Context {
            world: &world,
            record: &NoRecord,
            received: t("2026-01-01T00:00:00Z"),
            sealer: &NoSeal,
            found: &told(&planned.envelope.command),
        };
        match decide(&planned.envelope, &context) {
            Ok(decision) => decision.events.iter().for_each(|(stream, event)| world.apply(stream, event)),
            Err(refusal) => {
                assert!(planned.optional, "{}: {refusal}", planned.row);
                passed += 1;
            }
        }
    }
    assert_eq!(passed, 3);
}

/// The data set with some files exchanged.
struct Changed(Vec<(&'static str, Option<Vec<u8>>)>);

impl Source for Changed {
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        match self.0.iter().find(|(n, _)| *n == name) {
            Some((_, bytes)) => Ok(bytes.clone()),
            None => HANAM_2022.read(name),
        }
    }
}

fn changed(file: &'static str, from: &str, to: &str) -> Result<Plan, ImportError> {
    let bytes = HANAM_2022.read(file).unwrap().unwrap();
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.contains(from), "{file} holds {from}");
    plan(&Changed(vec![(file, Some(text.replacen(from, to, 1).into_bytes()))]), &Founding::ByThisImport)
}

#[test]
fn a_broken_folder_is_refused_with_the_place_and_the_remedy() {
    let first = "so-thong-tin-va-truyen-thong,1.1.3,32,32,1.50,1.50,,,32,32,1.50,32,32,,";
    let cases: &[(&'static str, &str, &str, Option<u64>, &str)] = &[
        ("scores.csv", first, &first.replace(",1.1.3,", ",1.1.9,"), Some(4), "not a leaf"),
        ("scores.csv", first, &first.replace(",1.1.3,", ",1.1.2,"), Some(4), "in line 3 already"),
        ("scores.csv", first, &first.replace("32,32,1.50,32,32,,", "32,,1.50,32,32,,"), Some(4), "takes"),
        ("scores.csv", first, &first.replace("32,32,1.50,1.50", "32,32,1.40,1.50"), Some(4), "empty"),
        ("scores.csv", first, &first.replace("32,32,1.50,1.50", "32,32,NaN,1.50"), Some(4), "not a number"),
        ("scores.csv", first, &first.replace("32,32,1.50,1.50", "31,32,1.50,1.50"), Some(4), "other numbers"),
        ("scores.csv", first, &first.replace("32,32,1.50,1.50", ",32,1.50,1.50"), Some(4), "other numbers"),
        ("scores.csv", first, &first.replace("1.50,1.50,,,32", "1.50,1.40,,,32"), Some(4), "the rule gives 1.5"),
        (
            "scores.csv",
            first,
            &first.replace("so-thong-tin-va-truyen-thong", "so-khac"),
            Some(4),
            "not in agencies.csv",
        ),
        ("scores.csv", &format!("{first},"), &format!("{first}\n{first},"), Some(4), "cells"),
        ("scores.csv", "acc-so-noi-vu-reviewer-1", "acc-nobody", Some(2), "not in accounts.csv"),
        ("scores.csv", "declared_numerator", "declared_nominator", Some(1), "not known"),
        ("not_applicable.csv", "3.1.1", "8.9", Some(2), "not a leaf"),
        ("not_applicable.csv", "van-phong-ubnd-tinh,3.1.1", "so-noi-vu,3.1.1", None, "does not apply"),
        ("agencies.csv", "departments,100,true", "departments,60,true", Some(2), "sums to 100"),
        ("agencies.csv", "departments,100,true", "wards,100,true", None, "has 18 agencies"),
        ("accounts.csv", "agency_officer", "agency_clerk", Some(2), "not a role"),
        (
            "accounts.csv",
            "acc-ubnd-tinh-chair-1,ubnd-tinh,council_chair",
            "acc-ubnd-tinh-chair-1,ubnd-tinh,inspector",
            None,
            "council-chair",
        ),
        ("assignments.csv", "departments,1.6", "departments,9.6", Some(3), "no criterion"),
        ("evidence.csv", ",GT-14,", ",GT-99,", None, "no such case"),
        ("explanations_and_appeals.csv", "not_accepted,1.00", "accepted,1.00", Some(2), "does not fit the points"),
        (
            "explanations_and_appeals.csv",
            "2022-11-17T10:15:00+07:00",
            "2022-11-15T10:15:00+07:00",
            Some(2),
            "not after",
        ),
        (
            "explanations_and_appeals.csv",
            "2022-12-06T09:20:00+07:00",
            "2022-12-05T09:20:00+07:00",
            Some(22),
            "lodge-appeal is admitted in",
        ),
        (
            "explanations_and_appeals.csv",
            "2022-11-16T08:40:00+07:00",
            "2022-11-14T07:40:00+07:00",
            Some(2),
            "no time before",
        ),
        ("explanations_and_appeals.csv", ",1.00,0.25,", ",1.00,0.26,", Some(4), "ended at 0.25 points"),
        ("survey.csv", "so-noi-vu,58", "so-noi-vu,5.8", Some(3), "whole number"),
        ("survey.csv", "93.3,91.8", "193.3,91.8", Some(3), "from 0 to 100"),
        ("survey.csv", ",9.23", ",9.32", Some(3), "give 9.23"),
        ("survey.csv", "access_pct", "acess_pct", Some(1), "not known"),
        ("season.json", "\"year\": 2022", "\"year\": \"2022\"", Some(3), "u16"),
        ("season.json", "\"half_up\"", "\"upwards\"", None, "unknown variant"),
        ("season.json", "\"exact_indices\"", "\"printed_indices\"", None, "unknown variant"),
        ("season.json", "\"province\"", "\"provinz\"", None, "unknown field"),
        ("season.json", "criteria-departments.json", "../criteria-departments.json", None, "not the name of a file"),
        ("season.json", "criteria-departments.json", "criteria-wards.json", None, "no such file"),
        ("season.json", "\"id\": \"explanation\"", "\"id\": \"hearing\"", None, "no commands of its own"),
        ("criteria-departments.json", "\"code\": \"1.1.2\"", "\"code\": \"1.1.1\"", None, "two nodes"),
        ("criteria-departments.json", "\"floor_pct\"", "\"flor_pct\"", None, "unknown field"),
        ("year-2021.csv", "printed", "guessed", Some(2), "not known"),
    ];
    for (file, from, to, line, reason) in cases {
        let error = changed(file, from, to).err().unwrap_or_else(|| panic!("{file}: {from} → {to} is accepted"));
        assert!(
            error.reason.to_string().contains(reason) && !error.remedy.to_string().is_empty(),
            "{file} {from} → {to}: {error}"
        );
        if line.is_some() {
            assert_eq!(error.line, *line, "{error}");
        }
    }
    for file in ["season.json", "agencies.csv", "accounts.csv", "assignments.csv", "scores.csv"] {
        let error = plan(&Changed(vec![(file, None)]), &Founding::ByThisImport).unwrap_err();
        assert!(error.reason.to_string().contains("no such file"), "{error}");
    }
}

#[test]
fn optional_files_may_be_missing() {
    // Cases and their evidence hang together with scores, so that only what stands alone is left out here.
    let plan = plan(&Changed(vec![("claims.csv", None), ("year-2021.csv", None)]), &Founding::ByThisImport).unwrap();
    assert!(plan.claims.is_empty() && !kinds(&plan).contains_key("record-reference-figures"));
}

#[test]
fn a_corrected_row_keeps_its_id_and_changes_its_content() {
    let row = "so-thong-tin-va-truyen-thong,1.1.1,,,0.50,0.50,,,,,0.50,,,,,acc-so-noi-vu-reviewer-1,acc-so-noi-vu-confirmer-1,acc-so-thong-tin-va-truyen-thong-officer-1";
    let corrected = row.replace("0.50,0.50,,,,,0.50", "0.25,0.25,,,,,0.25");
    let (before, after) = (hanam(), changed("scores.csv", row, &corrected).unwrap());
    let differing: Vec<_> =
        before.commands.iter().zip(&after.commands).filter(|(b, a)| b.envelope != a.envelope).collect();
    let [(old, new)] = differing.as_slice() else { panic!("{} commands differ", differing.len()) };
    assert_eq!(old.envelope.command_id, new.envelope.command_id);
}

#[test]
fn round_one_takes_the_reviewers_numbers() {
    let plan = hanam();
    let gt01 = plan.commands.iter().find_map(|c| {
        let Command::AdjustScore(a) = &c.envelope.command else { return None };
        (a.agency.as_str() == "so-lao-dong-tbxh" && a.leaf == "7.1.2").then_some(a)
    });
    let gt01 = gt01.unwrap();
    assert_eq!(
        serde_json::to_string(&gt01.points).unwrap(),
        r#"{"inputs":{"ratio":{"numerator":"3490","denominator":"6980"}}}"#
    );
    let overrides = plan.commands.iter().filter(
        |c| matches!(&c.envelope.command, Command::AdjustScore(a) if matches!(a.points, NewPoints::Override(_))),
    );
    assert_eq!(overrides.count(), 0, "points follow from inputs");
}

#[test]
fn the_readme_repeats_the_table_of_phases() {
    let readme = include_str!("../../../../../data/hanam-2022/README.md");
    for (phase, kinds) in super::admits::TABLE {
        let id = phase.replace('-', "_");
        let row = format!("| `{id}` | {} |", kinds.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", "));
        assert!(readme.contains(&row), "the README lacks the row: {row}");
    }
}
