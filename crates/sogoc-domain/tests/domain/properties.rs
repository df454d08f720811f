//! Random commands by random accounts: nothing panics, no invariant breaks, and the log replays to the same state.
//!
//! The seed is printed; `SOGOC_SEED=… cargo test -p sogoc-domain properties` repeats a run, `SOGOC_RUNS=…` makes it longer.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Mutex;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use serde_json::{Value, json};
use sogoc_domain::World;
use sogoc_domain::command::{Command, Envelope};
use sogoc_domain::event::{AppealTarget, Event};
use sogoc_domain::refusal::Code;
use sogoc_domain::scorecard::ItemState;
use sogoc_domain::values::SeasonId;

use crate::fixture::*;

const RUNS: u32 = 100;
const STEPS_MAX: usize = 70;

/// Numbers from a seed (splitmix64): a run is its seed and its length, so that a failing one shrinks to its last step.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % sides as u64).unwrap()
    }

    fn of<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.roll(list.len())].clone()
    }

    /// True so often in a hundred.
    fn chance(&mut self, percent: usize) -> bool {
        self.roll(100) < percent
    }

    fn agency(&mut self) -> &'static str {
        if self.chance(2) { "so-x" } else { AGENCIES[self.roll(4)].0 }
    }

    fn leaf(&mut self) -> &'static str {
        if self.chance(4) { self.of(&["3.1", "9.9", "1.1"]) } else { declared()[self.roll(9)].0 }
    }

    fn inputs(&mut self, leaf: &str) -> Value {
        let whole = self.roll(14);
        let fitting = match leaf {
            "1.1.1" | "2.4" => json!({"yes_no": self.chance(60)}),
            "1.1.2" | "1.2" => json!({"ratio": {"numerator": whole.to_string(), "denominator": "13"}}),
            "2.1" => json!({"option": whole % 4}),
            "2.2" => json!({"judged": self.of(&["0", "0.25", "1.5", "3", "0.3"])}),
            _ => json!({"count": whole.to_string()}),
        };
        if self.chance(5) { json!({"yes_no": true}) } else { fitting }
    }

    fn points(&mut self) -> Value {
        json!(self.of(&["0", "0.5", "0.75", "1", "1.25", "2", "2.5", "3", "1.005"]))
    }

    fn new_points(&mut self, leaf: &str) -> Value {
        if self.chance(40) { json!({"inputs": self.inputs(leaf)}) } else { json!({"override": self.points()}) }
    }

    fn code(&mut self) -> Value {
        let codes = ["data_mismatch", "data_mismatch", "evidence_missing", "underclaimed", "appeal_decided", "bogus"];
        json!(self.of(&codes))
    }

    fn reason(&mut self) -> Value {
        json!(if self.chance(3) {
            ""
        } else {
            self.of(&["Theo kết quả đối chiếu", "Thiếu tài liệu kiểm chứng"])
        })
    }

    fn case(&mut self, prefix: &str) -> Value {
        json!(format!("{prefix}-{}", 1 + self.roll(3)))
    }

    fn account(&mut self) -> &'static str {
        if self.chance(5) { self.of(&["admin", "chair", "nobody"]) } else { ACCOUNTS[self.roll(ACCOUNTS.len())].0 }
    }

    fn member(&mut self) -> &'static str {
        self.of(&["chair", "member-nv", "member-tp", "member-ub"])
    }

    fn instant(&mut self, now: i64) -> Value {
        json!(day(now + i64::try_from(self.roll(20)).unwrap() - 5))
    }
}

/// How often a kind comes up: what happens in a season more often than what sets it up.
fn kind(dice: &mut Dice) -> &'static str {
    const OFTEN: &[&str] = &[
        "record-self-score",
        "import-scorecard",
        "attach-evidence",
        "submit-scorecard",
        "accept-score",
        "accept-unchanged",
        "adjust-score",
        "uphold-score",
        "request-explanation",
        "give-explanation",
        "confirm-leaves",
        "return-leaves",
        "decide-applicability",
        "deem-score",
        "correct-score",
        "lodge-appeal",
        "decide-appeal",
        "adopt-resolution",
        "reopen-scorecard",
        "import-survey",
        "accept-survey",
        "approve-results",
        "publish-edition",
        "accept-score",
        "adjust-score",
        "confirm-leaves",
        "request-explanation",
        "give-explanation",
        "decide-appeal",
    ];
    // What ends accounts or agencies for the rest of a run comes up less, or a run soon has nobody left to act.
    const ENDING: &[&str] = &["close-account", "revoke-role", "merge-agency", "split-agency", "dissolve-agency"];
    let kind = if dice.chance(80) { dice.of(OFTEN) } else { dice.of(Command::KINDS) };
    if ENDING.contains(&kind) && dice.chance(70) { "accept-score" } else { kind }
}

/// Fields of a command that can be read, whether or not it can be accepted.
fn fields(dice: &mut Dice, kind: &str, now: i64) -> Value {
    let (agency, leaf) = (dice.agency(), dice.leaf());
    let on = || json!({"agency": agency});
    let with = |more: Value| {
        let mut out = json!({"agency": agency});
        out.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        out
    };
    match kind {
        "found-register" => founding(),
        "register-agency" => {
            json!({"agency": dice.of(&["so-moi", "so-y-te"]), "name": {"vi": "Sở Mới"}, "body": dice.chance(20)})
        }
        "rename-agency" => with(json!({"name": {"vi": dice.reason()}, "from": dice.instant(now)})),
        "merge-agency" => with(json!({"into": dice.agency(), "from": dice.instant(now)})),
        "split-agency" => with(json!({"into": [dice.agency(), dice.agency()], "from": dice.instant(now)})),
        "dissolve-agency" => json!({"agency": dice.of(&["so-moi", "so-y-te"]), "from": dice.instant(now)}),
        "register-instrument" => {
            let id = dice.case("kh");
            json!({"instrument": {"id": id, "number": "1/KH", "date": dice.of(&["2026-01-01", "2026-13-01"]), "issuer": "UBND"}})
        }
        "attach-instrument-document" => json!({"id": dice.of(&["qd-1", "kh-1"]), "document": digest("d")}),
        "open-account" => json!({"account": {"account": dice.case("moi"), "agency": agency, "name": dice.reason()}}),
        "grant-role" | "propose-role" | "approve-role" => {
            let roles: Vec<_> = sogoc_domain::roles::Role::ALL.iter().map(|r| r.as_str()).collect();
            json!({"account": dice.account(), "role": dice.of(&roles)})
        }
        "revoke-role" => {
            let (account, _, roles) = dice.of(&ACCOUNTS);
            json!({"account": account, "role": roles.first().unwrap_or(&"inspector"), "reason": dice.reason()})
        }
        "delegate" => {
            json!({"to": dice.account(), "from": dice.instant(now), "until": day(now + 9), "reason": dice.reason()})
        }
        "revoke-delegation" => json!({"to": dice.account()}),
        "transfer-account" => {
            json!({"account": dice.account(), "agency": dice.of(&["so-y-te", "ubnd-tinh", "so-moi"])})
        }
        "link-accounts" => json!({"account": dice.account(), "with": dice.account()}),
        "close-account" => json!({"account": dice.account(), "reason": dice.reason()}),
        "erase-texts" => {
            let texts: Vec<_> = (0..1 + dice.roll(3)).map(|_| digest(dice.reason().as_str().unwrap_or("x"))).collect();
            json!({"texts": texts, "ground_code": "ordered", "ground": dice.reason()})
        }
        "erase-evidence" => {
            let file = dice.of(&["bao-cao-1.pdf", "bao-cao-2.pdf"]);
            json!({"digest": digest(file), "ground_code": "ordered", "ground": dice.reason()})
        }
        "record-restore" => {
            let (size, known) = (dice.roll(40), dice.roll(40));
            json!({"size": size, "root": digest("here"), "known_size": known, "reason": dice.reason()})
        }
        "register-signer" => {
            let capacity = dice.of(&["agency", "leader"]);
            json!({"agency": dice.agency(), "certificate": digest(dice.of(&["c", "d"])), "capacity": capacity})
        }
        "withdraw-signer" => {
            json!({"agency": dice.agency(), "certificate": digest(dice.of(&["c", "d"])), "reason": dice.reason()})
        }
        "draft-criteria-set" => {
            let mut set = criteria();
            set["set"] = dice.of(&[SET, "bo-khac"]).into();
            set["max_points"] = dice.of(&["20", "21"]).into();
            set
        }
        "activate-criteria-set" => json!({"set": dice.of(&[SET, "bo-khac", "bo-x"])}),
        "amend-criteria-set" => amendment(dice),
        "open-season" => {
            json!({"season": dice.of(&[SEASON, "s-2"]), "year": 2025, "title": "Đợt", "mode": dice.of(&["live", "imported"])})
        }
        "set-season-policy" => json!({"policy": policy()}),
        "define-ranking-group" => group_of(dice.of(&["so", "xa"]), Some(SET)),
        "schedule-phase" => phase_of("appraisal", now - 1, now + 9, &["accept-score"]),
        "enter-agency" => {
            json!({"agency": dice.of(&["so-moi", "so-y-te", "trung-tam"]), "group": "so", "from": dice.instant(now)})
        }
        "assign-reviewers" => json!({"assignment": assignment(dice.of(&["so", "huyen"]), dice.of(&["d-1", "d-2"]))}),
        "set-comparison" => json!({"comparison": "s-2"}),
        "record-reference-figures" => {
            json!({"figures": [{"address": "so/mean_index", "year": 2024, "value": "80", "basis": "printed"}]})
        }
        "define-line" => json!({"line": "moi", "name": {"vi": "Dòng"}, "kind": "bonus", "cap": "1"}),
        "activate-season" | "announce-results" => json!({}),
        "move-deadline" => {
            let phase = dice.of(&PHASES).0;
            let scope = match dice.roll(5) {
                0 => json!("season"),
                1 => json!({"group": dice.of(&["so", "huyen"])}),
                2 => json!({"agency": agency}),
                3 => json!({"leaf": {"agency": agency, "leaf": leaf_id(leaf)}}),
                _ => json!({"request": {"agency": agency, "case": dice.case("gt")}}),
            };
            let mut out = json!({"scope": scope, "end": dice.instant(now), "reason": dice.reason()});
            if scope.get("request").is_none() {
                out["phase"] = phase.into();
            }
            out
        }
        "adopt-trust-anchors" => json!({"anchors": digest(dice.of(&["one", "two"])), "reason": dice.reason()}),
        "treat-agency" => {
            let treatment = dice.of(&["not-ranked", "scored-until", "successor-answers"]);
            with(
                json!({"treatment": treatment, "successor": dice.agency(), "from": dice.instant(now), "reason": dice.reason()}),
            )
        }
        "record-self-score" => with(json!({"leaf": leaf, "inputs": dice.inputs(leaf)})),
        "import-scorecard" => {
            let rows: Vec<_> =
                declared().iter().map(|(leaf, ..)| json!({"leaf": leaf, "inputs": dice.inputs(leaf)})).collect();
            with(json!({"rows": rows}))
        }
        "attach-evidence" => {
            let mut out = evidence(agency, leaf, dice.of(&["bao-cao-1.pdf", "bao-cao-2.pdf"]));
            if dice.chance(30) {
                out["purpose"] = "supplement".into();
                let prefix = dice.of(&["gt", "kn"]);
                out["case"] = dice.case(prefix);
            }
            out
        }
        "withdraw-evidence" => with(json!({"number": 1 + dice.roll(3), "reason": dice.reason()})),
        "judge-evidence" => with(json!({"number": 1 + dice.roll(3), "reason": dice.reason()})),
        "download-evidence" => with(json!({"number": 1 + dice.roll(3)})),
        "submit-scorecard" | "record-missed-submission" => on(),
        "withdraw-submission" | "accept-late-submission" => with(json!({"reason": dice.reason()})),
        "give-explanation" => with(json!({"case": dice.case("gt"), "answer": dice.reason()})),
        "accept-score" => on_leaf(agency, leaf),
        "accept-unchanged" => with(json!({"node": dice.of(&["1", "2", "1.1", "3"])})),
        "adjust-score" | "uphold-score" => {
            let mut out = with(json!({"leaf": leaf, "reason_code": dice.code(), "reason": dice.reason()}));
            if kind == "adjust-score" {
                out["points"] = dice.new_points(leaf);
            }
            if dice.chance(40) {
                out["case"] = dice.case("gt");
            }
            out
        }
        "request-explanation" => {
            with(json!({"case": dice.case("gt"), "leaf": leaf, "request": dice.reason(), "due": dice.instant(now)}))
        }
        "confirm-leaves" => with(json!({"nodes": [dice.of(&["1", "2", leaf])]})),
        "return-leaves" => with(json!({"leaves": [leaf, dice.leaf()], "reason": dice.reason()})),
        "decide-applicability" => {
            let what = dice.of(&["applies", "left-out", "awarded-in-full"]);
            with(json!({"leaves": [leaf], "applicability": what, "ground": dice.reason()}))
        }
        "deem-score" => with(json!({"leaf": leaf, "reason_code": dice.code(), "reason": dice.reason()})),
        // The position is filled in where the leaf has one.
        "correct-score" => {
            with(json!({"leaf": leaf, "corrects": 0, "points": dice.new_points(leaf), "reason": dice.reason()}))
        }
        "recuse-reviewer" => with(json!({"account": dice.account(), "reason": dice.reason()})),
        "reopen-scorecard" => {
            let leaves = if dice.chance(50) { vec![] } else { vec![leaf] };
            with(json!({"leaves": leaves, "reason": dice.reason()}))
        }
        "score-line" => {
            let line = dice.of(&["thuong", "phat"]);
            with(json!({"line": line, "points": dice.points(), "reason_code": dice.code(), "reason": dice.reason()}))
        }
        "cap-class" => with(json!({"class": dice.of(&["tot", "kha", "gioi"]), "reason": dice.reason()})),
        "transcribe-result" => with(json!({"appraised_points": dice.points(), "applicable_max": dice.points()})),
        "lodge-appeal" => {
            let target = match dice.roll(6) {
                0 => json!({"applicability": leaf}),
                1 => json!("survey_points"),
                2 => json!("class"),
                _ => json!({"leaf": leaf}),
            };
            with(json!({"appeal": dice.case("kn"), "items": [{"target": target, "ground": dice.reason()}]}))
        }
        "accept-late-appeal" => with(json!({"appeal": dice.case("kn"), "reason": dice.reason()})),
        "give-opinion" => with(json!({"appeal": dice.case("kn"), "item": 1, "opinion": dice.reason()})),
        "decide-appeal" => {
            let sets = match dice.roll(6) {
                0 => json!({"applicability": dice.of(&["applies", "left-out"])}),
                1 => json!({"survey_points": dice.points()}),
                2 => json!({"class_cap": dice.of(&[Some("kha"), None])}),
                _ => json!({"points": dice.new_points(leaf)}),
            };
            let outcome = dice.of(&["upheld", "partly", "rejected"]);
            let mut item = json!({"item": 1, "outcome": outcome, "reason_code": dice.code(), "reason": dice.reason()});
            if outcome != "rejected" {
                item["sets"] = sets;
            }
            with(json!({"appeal": dice.case("kn"), "decisions": [item], "voters": [dice.member(), dice.member()]}))
        }
        "withdraw-appeal" => with(json!({"appeal": dice.case("kn")})),
        "open-survey" => json!({"operator": "buu-dien", "monitors": ["mat-tran"]}),
        "import-survey" => {
            let mut out = json!({"results": [surveyed(agency, dice.of(&["90", "75.5", "101"]), "80")]});
            if dice.chance(60) {
                out["reason_code"] = dice.code();
                out["reason"] = dice.reason();
            }
            out
        }
        "record-not-surveyed" => with(json!({"ground": dice.reason()})),
        "record-recheck" => {
            with(json!({"sample": 4, "confirmed": 3, "voided": dice.roll(3), "replaced": 0, "finding": dice.reason()}))
        }
        "accept-survey" => json!({}),
        "open-session" => {
            let present: Vec<_> = (0..4).map(|_| dice.member()).collect();
            json!({"session": dice.case("phien"), "present": present})
        }
        "recuse-member" => {
            json!({"session": dice.case("phien"), "member": dice.member(), "agency": agency, "reason": dice.reason()})
        }
        "adopt-resolution" => {
            let mut votes = BTreeMap::new();
            for member in ["chair", "member-nv", "member-tp", "member-ub"] {
                if dice.chance(80) {
                    votes.insert(member, dice.of(&["for", "for", "for", "against"]));
                }
            }
            let votes: Vec<_> = votes.into_iter().collect();
            let change = |dice: &mut Dice| {
                let (agency, leaf) = (dice.agency(), dice.leaf());
                json!({"agency": agency, "leaf": leaf, "points": dice.new_points(leaf), "reason_code": dice.code(), "reason": dice.reason()})
            };
            let changes: Vec<_> = (0..dice.roll(3)).map(|_| change(dice)).collect();
            json!({"session": dice.case("phien"), "resolution": dice.case("nq"), "text": dice.reason(),
                "votes": vote(&votes), "changes": changes})
        }
        "close-session" => json!({"session": dice.case("phien")}),
        "approve-results" => json!({"number": 1 + dice.roll(3)}),
        "publish-edition" => {
            let kind = dice.of(&["provisional", "official", "correcting"]);
            json!({"announcement": 1 + dice.roll(3), "kind": kind, "reason": dice.reason()})
        }
        "attach-edition-instrument" => json!({"edition": 1 + dice.roll(2), "instrument": DECISION}),
        "annul-edition" => json!({"edition": 1 + dice.roll(2), "reason": dice.reason()}),
        "notify-agencies" => json!({"edition": 1, "agencies": [agency], "until": dice.instant(now)}),
        other => panic!("no fields are known for {other}"),
    }
}

/// A change of domain 1 or 2 that may or may not fit.
fn amendment(dice: &mut Dice) -> Value {
    let mut domain = domains()[dice.roll(2)].clone();
    let (leaf, rule) = if domain["code"] == "1" {
        domain["children"][2]["leaf"]["rule"]["per_unit"] = dice.of(&["0.5", "0.25"]).into();
        ("l-1-3", dice.of(&["recomputed", "redeclared", "kept"]))
    } else {
        domain["children"][1]["leaf"]["rule"]["step"] = dice.of(&["0.5", "0.25"]).into();
        ("l-2-2", dice.of(&["redeclared", "recomputed", "void"]))
    };
    let treatments = json!([{"leaf": leaf, "treatment": rule}]);
    json!({"set": SET, "domains": [domain], "treatments": treatments, "reason": dice.reason()})
}

/// Who is likely to be let do it.
fn likely(dice: &mut Dice, kind: &str, fields: &Value) -> String {
    let agency = fields["agency"].as_str().unwrap_or("so-y-te");
    let node = ["leaf", "node"].iter().find_map(|f| fields[f].as_str()).or_else(|| fields["nodes"][0].as_str());
    let node = node.or_else(|| fields["leaves"][0].as_str()).unwrap_or("1").to_owned();
    match kind {
        "record-self-score" | "import-scorecard" | "attach-evidence" | "withdraw-evidence" | "give-explanation" => {
            officer(agency)
        }
        "submit-scorecard" | "withdraw-submission" | "lodge-appeal" | "withdraw-appeal" => leader(agency),
        "accept-score"
        | "accept-unchanged"
        | "adjust-score"
        | "uphold-score"
        | "request-explanation"
        | "correct-score"
        | "give-opinion" => reviewer(agency, &node).to_owned(),
        "confirm-leaves" | "return-leaves" => confirmer(agency, &node).to_owned(),
        "score-line" | "cap-class" | "approve-results" => dice.member().to_owned(),
        "reopen-scorecard" => "chair".to_owned(),
        "import-survey" | "record-not-surveyed" => "operator".to_owned(),
        "record-recheck" | "accept-survey" => "monitor".to_owned(),
        "approve-role" => "chair".to_owned(),
        "register-agency" | "rename-agency" | "merge-agency" | "split-agency" | "dissolve-agency" | "open-account"
        | "grant-role" | "propose-role" | "revoke-role" | "transfer-account" | "link-accounts" | "close-account"
        | "erase-texts" | "erase-evidence" | "record-restore" | "register-signer" | "withdraw-signer" => {
            "admin".to_owned()
        }
        _ => "secretary".to_owned(),
    }
}

/// Points the command at what there is: a case that waits, the last announcement, the entry that a leaf rests on.
fn fit(dice: &mut Dice, s: &Season, kind: &str, fields: &mut Value) {
    let season: SeasonId = id(SEASON);
    let announced = s.world.results.get(&season).map_or(0, |r| r.announcements.len());
    let cards = s.world.scorecards.get(&season);
    let waiting: Vec<_> = cards
        .iter()
        .flat_map(|cards| cards.iter())
        .flat_map(|(agency, card)| card.requests.iter().map(move |(case, r)| (agency, case, r)))
        .filter(|(_, _, r)| !r.decided)
        .collect();
    let contested: Vec<_> = cards
        .iter()
        .flat_map(|cards| cards.iter())
        .flat_map(|(agency, card)| card.appeals.iter().map(move |(case, a)| (agency, case, a)))
        .filter(|(_, _, a)| a.items.iter().any(|i| i.state == ItemState::Open))
        .collect();
    match kind {
        "correct-score" => {
            let (agency, leaf) = (fields["agency"].as_str().unwrap(), fields["leaf"].as_str().unwrap());
            if s.has_mark(agency, leaf) {
                fields["corrects"] = s.mark(agency, leaf).into();
            }
        }
        "give-explanation" | "adjust-score" | "uphold-score" if !waiting.is_empty() => {
            let (agency, case, request) = dice.of(&waiting);
            fields["agency"] = agency.as_str().into();
            fields["case"] = case.as_str().into();
            if kind != "give-explanation" {
                fields["leaf"] = request.leaf.as_str().trim_start_matches("l-").replace('-', ".").into();
            }
        }
        "adjust-score" | "uphold-score" => drop(fields.as_object_mut().unwrap().remove("case")),
        "decide-appeal" | "give-opinion" | "withdraw-appeal" if !contested.is_empty() => {
            let (agency, case, appeal) = dice.of(&contested);
            fields["agency"] = agency.as_str().into();
            fields["appeal"] = case.as_str().into();
            if kind == "decide-appeal" && fields["decisions"][0]["outcome"] != "rejected" {
                fields["decisions"][0]["sets"] = match &appeal.items[0].target {
                    AppealTarget::Leaf(_) => json!({"points": {"override": dice.points()}}),
                    AppealTarget::Applicability(_) => json!({"applicability": "left-out"}),
                    AppealTarget::SurveyPoints => json!({"survey_points": dice.points()}),
                    AppealTarget::Class => json!({"class_cap": "kha"}),
                };
            }
        }
        "approve-results" => fields["number"] = announced.into(),
        "publish-edition" => fields["announcement"] = announced.into(),
        "adopt-resolution" | "recuse-member" | "close-session" => {
            let sessions = s.world.councils.get(&season).map(|c| &c.sessions);
            let open: Vec<_> = sessions.into_iter().flatten().filter(|(_, session)| !session.closed).collect();
            let Some((session, present)) = (!open.is_empty()).then(|| dice.of(&open)) else { return };
            fields["session"] = session.as_str().into();
            if kind == "adopt-resolution" {
                let votes: Vec<_> =
                    present.present.iter().map(|m| (m.as_str(), dice.of(&["for", "for", "for", "against"]))).collect();
                fields["votes"] = vote(&votes);
            }
        }
        _ => {}
    }
}

/// Plays a run and gives its end, with how often each kind was accepted.
fn play(seed: u64, steps: usize, accepted: &mut BTreeMap<&'static str, u32>) -> Season {
    let mut dice = Dice(seed);
    // Most happens between submission and announcement.
    let stages = [
        Season::running,
        Season::submitted,
        Season::submitted,
        Season::submitted,
        Season::appraised,
        Season::announced,
        Season::published,
    ];
    let mut s = dice.of(&stages)();
    let start = s.log.len();
    for _ in 0..steps {
        s.now = s.now.plus_micros(i64::try_from(dice.roll(9)).unwrap() * 3_600_000_000);
        let now = (s.now.micros() - day(0).micros()) / 86_400_000_000;
        let kind = kind(&mut dice);
        let mut fields = fields(&mut dice, kind, now);
        if dice.chance(85) {
            fit(&mut dice, &s, kind, &mut fields);
        }
        let account = if dice.chance(80) { likely(&mut dice, kind, &fields) } else { dice.account().to_owned() };
        let mut envelope = s.envelope(&account, kind, &fields);
        if dice.chance(70) {
            envelope["instrument"] = json!({"id": DECISION});
        }
        if dice.chance(5) {
            envelope["on_behalf_of"] = dice.account().into();
        }
        if dice.chance(3) {
            envelope["occurred"] = dice.instant(now);
        }
        let envelope: Envelope = serde_json::from_value(envelope).unwrap_or_else(|e| panic!("{kind} {fields}: {e}"));
        let recorded = s.log.len();
        match s.send(&envelope) {
            Ok(_) => *accepted.entry(kind).or_default() += 1,
            Err(_) => assert_eq!(s.log.len(), recorded, "a refusal recorded something"),
        }
    }
    assert_eq!(replayed(&s.log), s.world, "the log does not replay to the state");
    assert!(s.log.len() >= start);
    s
}

/// The world that follows from the log, as read back from its bytes.
fn replayed(log: &[(sogoc_domain::stream::Stream, Event)]) -> World {
    let mut world = World::default();
    for (stream, event) in log {
        let read = Event::decode(stream, event.kind(), event.kind_version(), &event.data()).expect("it was recorded");
        world.apply(stream, &read);
    }
    world
}

fn seed() -> u64 {
    let seed = std::env::var("SOGOC_SEED").ok().map(|s| s.parse().expect("SOGOC_SEED is a number"));
    seed.unwrap_or_else(|| RandomState::new().hash_one("sogoc"))
}

#[test]
fn random_commands_never_panic_nor_break_an_invariant_and_the_log_replays() {
    let seed = seed();
    println!("SOGOC_SEED={seed}");
    let config = Config {
        cases: std::env::var("SOGOC_RUNS").map_or(RUNS, |n| n.parse().expect("SOGOC_RUNS is a number")),
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        max_shrink_iters: 200,
        ..Config::default()
    };
    let accepted = Mutex::new(BTreeMap::new());
    let result = TestRunner::new(config).run(&(any::<u64>(), 1..STEPS_MAX), |(dice, steps)| {
        play(dice, steps, &mut accepted.lock().unwrap_or_else(|e| e.into_inner()));
        Ok(())
    });
    let accepted = accepted.into_inner().unwrap_or_else(|e| e.into_inner());
    println!("accepted: {accepted:?}");
    result.unwrap_or_else(|e| panic!("SOGOC_SEED={seed}: {e}"));
    let common =
        ["record-self-score", "accept-score", "adjust-score", "confirm-leaves", "lodge-appeal", "import-survey"];
    for kind in common {
        assert!(accepted.contains_key(kind), "no {kind} was ever accepted: the runs prove little");
    }
}

#[test]
fn every_kind_of_command_can_be_drawn_and_read() {
    let mut s = Season::running();
    for (n, kind) in Command::KINDS.iter().copied().enumerate() {
        for round in 0..20 {
            let fields = fields(&mut Dice(u64::try_from(n * 20 + round).unwrap()), kind, 6);
            let envelope = s.envelope("admin", kind, &fields);
            let read: Envelope = serde_json::from_value(envelope).unwrap_or_else(|e| panic!("{kind} {fields}: {e}"));
            assert_eq!(read.command.kind(), kind);
            // A command is written as it was read, so that its digest is of one form (invariant 5).
            let written = serde_json::to_value(&read).unwrap();
            assert_eq!(serde_json::from_value::<Envelope>(written).unwrap(), read);
        }
    }
}

#[test]
fn an_inspector_reads_everything_and_changes_nothing() {
    for (n, kind) in Command::KINDS.iter().copied().enumerate() {
        // The founding is over, what one delegates is one's own affair, and that a file was read is recorded.
        if ["found-register", "delegate", "revoke-delegation", "download-evidence"].contains(&kind) {
            continue;
        }
        for stage in [Season::prepared, Season::submitted, Season::announced] {
            let mut s = stage();
            let fields = fields(&mut Dice(u64::try_from(n).unwrap()), kind, 6);
            s.by("inspector").on_instrument().refused(kind, fields, Code::RoleMissing);
        }
    }
}

#[test]
fn nothing_is_recorded_of_a_season_that_is_not_there() {
    let mut s = Season::submitted();
    for (n, kind) in Command::KINDS.iter().copied().enumerate() {
        let mut dice = Dice(u64::try_from(n).unwrap());
        let mut fields = fields(&mut dice, kind, 6);
        let about: Envelope = serde_json::from_value(s.envelope("admin", kind, &fields)).unwrap();
        if about.command.season().is_none() || kind == "open-season" {
            continue;
        }
        fields["season"] = "s-1999".into();
        let account = likely(&mut dice, kind, &fields);
        let refusal = s.by(&account).on_instrument().tries(kind, fields).expect_err(kind);
        let expected = [Code::Unknown, Code::NotOwnAgency, Code::RoleMissing, Code::OwnCase];
        assert!(expected.contains(&refusal.code), "{kind}: {refusal}");
    }
}
