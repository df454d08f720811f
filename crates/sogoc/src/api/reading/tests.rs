//! Every reading method, asked by every kind of caller: whether it is answered, whether the answer has the form of its
//! message, and what of it is withheld.
//!
//! The register holds Hà Nam's season of 2022, published long since, and beside it a small live season of the same
//! accounts in which two agencies are still scoring themselves.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use sogoc_app::import::embedded::HANAM_2022;
use sogoc_app::{App, EvidenceStore, ExecuteError, Options, Origin};
use sogoc_domain::command::Envelope;
use sogoc_domain::refusal::{Code, Language};
use sogoc_domain::stream::Stream;
use sogoc_evidence::{Blobs, Location};
use sogoc_log::Uuid;
use sogoc_proof::{Algorithm, Policy, SignerKey};
use sogoc_register::bundle::verify_bundle;

use super::{Page, figures, folding};
use crate::access::{Access, Caller, Cost, Settings};
use crate::api::ask::Ask;
use crate::api::error::{Class, Fault};
use crate::api::schema::{Does, Flow, SCHEMA};
use crate::api::written::written;
use crate::api::{Api, Call, Limits, transcode};

/// One of each kind, by the letter that stands for it in tables.
const CALLERS: &[(char, Option<&str>)] = &[
    ('P', None),
    ('O', Some("acc-so-xay-dung-officer-1")),
    ('X', Some("acc-so-y-te-officer-1")),
    ('R', Some("acc-so-noi-vu-reviewer-1")),
    ('C', Some("acc-so-noi-vu-council-1")),
    ('S', Some("acc-so-noi-vu-secretariat-1")),
    ('I', Some("acc-thanh-tra-tinh-inspector-1")),
    ('A', Some("acc-so-thong-tin-va-truyen-thong-admin-1")),
    ('V', Some("acc-buu-dien-tinh-survey-1")),
];
const ALL: &str = "POXRCSIAV";
const ACCOUNTS: &str = "OXRCSIAV";

const CHAIR: &str = "acc-ubnd-tinh-chair-1";
const OFFICER: &str = "acc-so-xay-dung-officer-1";
const OTHER: &str = "acc-so-y-te-officer-1";
const ADMIN: &str = "acc-so-thong-tin-va-truyen-thong-admin-1";
const INSPECTOR: &str = "acc-thanh-tra-tinh-inspector-1";
const SECRETARY: &str = "acc-so-noi-vu-secretariat-1";

/// An API over a register of its own.
struct Loaded {
    api: Api,
    key: SignerKey,
    commands: AtomicU64,
    _folder: tempfile::TempDir,
}

impl Loaded {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name).display().to_string();
        let blobs = Location::parse(&path("evidence")).expect("a folder is a place");
        let blobs = Blobs::open(&blobs, None).expect("a new place opens");
        let options = Options { evidence: Some(EvidenceStore::new(blobs, None)), ..Options::default() };
        let app = App::open(&format!("sqlite:{}", path("register.db")), options).await.expect("a new store opens");
        let plan = app.plan_season(&HANAM_2022).await.expect("the season is planned");
        app.store_files(&HANAM_2022, &plan).await.expect("its files are stored");
        app.run_plan(&plan, |_, _| {}).await.expect("it is recorded");
        let key = SignerKey::from_seed(app.log().name(), Algorithm::Ed25519, [5; 32]).expect("a key of the log");
        let settings = Settings { cost: Cost::least(), ..Settings::default() };
        let access = Access::new(app.clone(), settings, None);
        let loaded =
            Self { api: Api::new(app, access, Limits::default()), key, commands: AtomicU64::new(1), _folder: folder };
        loaded.live().await;
        loaded.api.app().log().sign_checkpoint(&loaded.key).await.expect("it is signed");
        loaded
    }

    /// The season that is under way.
    async fn live(&self) {
        let yes_no = |n: usize| {
            json!({
                "id": format!("leaf-1-{n}"), "code": format!("1.{n}"), "name": format!("Tiêu chí {n}"),
                "max_points": "2", "leaf": { "rule": { "type": "yes_no", "version": 1 } }
            })
        };
        let survey = json!({
            "id": "leaf-2-1", "code": "2.1", "name": "Khảo sát", "max_points": "6",
            "leaf": { "rule": { "type": "survey", "version": 1 } }
        });
        let domains = json!([
            { "id": "d-1", "code": "1", "name": "Tự chấm", "max_points": "4", "lead_agency": "so-noi-vu",
              "children": [yes_no(1), yes_no(2)] },
            { "id": "d-2", "code": "2", "name": "Khảo sát", "max_points": "6", "lead_agency": "so-noi-vu",
              "children": [survey] },
        ]);
        let codes = [("missing", "deduction"), ("clerical_error", "either"), ("standard_amended", "either")]
            .map(|(code, kind)| json!({ "code": code, "label": code, "kind": kind }));
        let set_up = [
            json!({ "type": "draft-criteria-set", "set": "bo-thu", "title": "Bộ thử", "max_points": "10",
                    "domains": domains }),
            json!({ "type": "activate-criteria-set", "set": "bo-thu" }),
            json!({ "type": "open-season", "season": "live", "year": 2026, "title": "Đang chấm" }),
            json!({ "type": "set-season-policy", "season": "live", "policy": {
                "leaf_decimals": 2, "display_decimals": 2, "rounding": "half_up", "appraisal_rounds": 1,
                "class_by": "rounded_index", "ties": "competition", "unsurveyed": "leave_out",
                "unsigned_evidence": "reviewer_judges", "late_submission": "by_acceptance",
                "appeal_may_lower": false, "approvals": 2, "instrument_required": [], "reason_codes": codes,
                "survey_factors": ["chung"]
            }}),
            json!({ "type": "define-ranking-group", "season": "live", "group": "khoi", "name": { "vi": "Khối" },
                    "set": "bo-thu", "letters": [], "classes": [{ "code": "all", "label": "Tất cả", "lower": "0",
                    "lower_inclusive": true, "upper": "100", "upper_inclusive": true }] }),
            json!({ "type": "schedule-phase", "season": "live", "phase": "all", "name": { "vi": "Mọi việc" },
                    "start": "2020-01-01T00:00:00Z", "end": "2100-01-01T00:00:00Z",
                    "admits": ["record-self-score", "attach-evidence", "submit-scorecard", "import-survey",
                               "accept-survey", "accept-score", "record-not-surveyed"] }),
            json!({ "type": "enter-agency", "season": "live", "agency": "so-xay-dung", "group": "khoi" }),
            json!({ "type": "enter-agency", "season": "live", "agency": "so-y-te", "group": "khoi" }),
            json!({ "type": "assign-reviewers", "season": "live", "assignment": {
                "group": "khoi", "node": "d-1", "lead_agency": "so-noi-vu",
                "reviewers": ["acc-so-noi-vu-reviewer-1"], "confirmers": ["acc-so-noi-vu-confirmer-1"] } }),
            json!({ "type": "activate-season", "season": "live" }),
            json!({ "type": "open-survey", "season": "live", "operator": "buu-dien-tinh",
                    "monitors": ["mttq-tinh"] }),
        ];
        for command in set_up {
            self.does(CHAIR, command).await;
        }
        self.does(
            "acc-buu-dien-tinh-survey-1",
            json!({ "type": "import-survey", "season": "live",
                    "results": [{ "agency": "so-xay-dung", "factors": ["90"], "forms": 50 }] }),
        )
        .await;
        self.does("acc-mttq-tinh-monitor-1", json!({ "type": "accept-survey", "season": "live", "agencies": [] }))
            .await;
        for agency in ["so-xay-dung", "so-y-te"] {
            let officer = format!("acc-{agency}-officer-1");
            self.does(&officer, score(agency, "1.1")).await;
        }
        // What it is refused for want of authority is recorded.
        let stranger = self.execute(OTHER, score("so-xay-dung", "1.2")).await;
        assert!(matches!(stranger, Err(ExecuteError::Refusal(refusal)) if refusal.code == Code::NotOwnAgency));
    }

    async fn execute(&self, account: &str, command: Value) -> Result<sogoc_app::Receipt, ExecuteError> {
        let id = Uuid::from_u128(u128::from(self.commands.fetch_add(1, Ordering::Relaxed)) << 8);
        let line = json!({ "account": account, "command_id": id, "command": command });
        let envelope: Envelope = serde_json::from_value(line).expect("the command has the form of its type");
        self.api.app().execute(&envelope, Origin::default()).await
    }

    async fn does(&self, account: &str, command: Value) -> sogoc_app::Receipt {
        self.execute(account, command.clone()).await.unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    /// Asks, and holds the answer against its message.
    async fn asks(&self, who: Option<&str>, method: &str, request: Value) -> Result<Value, Fault> {
        let method = SCHEMA.method(&format!("sogoc.v1.{method}")).unwrap_or_else(|| panic!("no method {method}"));
        let request = transcode::from_value(&method.input, request).expect("the request has the form of its message");
        let call = call(who);
        let answer = match method.does {
            Does::Reads | Does::Command(_) => sendable(self.api.answer(method, &call, request)).await?.body,
            Does::Acts => {
                let answer = match method.name.as_str() {
                    "WhatIf" => sendable(figures::what_if(&self.api, &call, Ask::new(request))).await?,
                    "Reconcile" => sendable(figures::reconcile(&self.api, &call, Ask::new(request))).await?,
                    other => panic!("{other} does not read"),
                };
                written(&answer)?
            }
        };
        let told = transcode::to_protobuf(&method.output, &answer).unwrap_or_else(|why| panic!("{answer:?}: {why:?}"));
        transcode::from_protobuf(&method.output, &told).expect("what was written is read");
        Ok(read_back(&answer))
    }

    /// Asks what must be answered.
    async fn told(&self, who: Option<&str>, method: &str, request: Value) -> Value {
        let asked = request.to_string();
        self.asks(who, method, request).await.unwrap_or_else(|fault| panic!("{who:?} {method} {asked}: {fault:?}"))
    }

    /// All pages of a list, joined.
    async fn pages(&self, who: Option<&str>, method: &str, request: Value, list: &str) -> (Vec<Value>, usize) {
        let (mut items, mut count, mut token) = (Vec::new(), 0, String::new());
        loop {
            let mut request = request.clone();
            request["page_token"] = token.into();
            let mut page = self.told(who, method, request).await;
            count += 1;
            if let Value::Array(some) = page[list].take() {
                items.extend(some);
            }
            token = page["next_page_token"].as_str().unwrap_or_default().to_owned();
            if token.is_empty() {
                return (items, count);
            }
        }
    }
}

/// The register's lock is not held where a call waits: only so its work may move between threads.
fn sendable<F: Future + Send>(answering: F) -> F {
    answering
}

fn read_back(answer: &[u8]) -> Value {
    serde_json::from_slice(answer).expect("what was written is JSON")
}

fn call(who: Option<&str>) -> Call {
    let caller = who.map_or_else(Caller::nobody, |id| Caller::in_session(id.parse().expect("an id")));
    Call { caller, language: Language::English, correlation: None, from: None }
}

fn score(agency: &str, leaf: &str) -> Value {
    json!({ "type": "record-self-score", "season": "live", "agency": agency, "leaf": leaf,
            "inputs": { "yes_no": true } })
}

/// What is withheld in an answer, wherever it stands.
fn withheld(value: &Value) -> usize {
    match value {
        Value::Object(fields) => {
            usize::from(fields.get("withheld") == Some(&Value::Bool(true)))
                + fields.values().map(withheld).sum::<usize>()
        }
        Value::Array(items) => items.iter().map(withheld).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// Texts that stand in an answer, wherever they do.
fn texts(value: &Value) -> usize {
    match value {
        Value::Object(fields) => {
            let told = |name: &str| usize::from(fields.get(name).is_some_and(Value::is_string));
            let here = if fields.contains_key("commitment") { told("text") + told("signer") } else { 0 };
            here + fields.values().map(texts).sum::<usize>()
        }
        Value::Array(items) => items.iter().map(texts).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// Who is answered; that all others are refused, and nobody for a defect.
async fn answered(loaded: &Loaded, method: &str, request: &Value) -> String {
    let mut who = String::new();
    let open = SCHEMA.method(&format!("sogoc.v1.{method}")).is_some_and(|method| method.open);
    for (letter, account) in CALLERS.iter().filter(|(_, account)| open || account.is_some()) {
        match loaded.asks(*account, method, request.clone()).await {
            Ok(_) => who.push(*letter),
            Err(fault) => assert_eq!(fault.class(), Class::Forbidden, "{letter} {method} {request}: {fault:?}"),
        }
    }
    who
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_answered_follows_the_table_of_who_may_read_what() {
    let loaded = Loaded::new().await;
    let (old, live) = (json!("hanam-2022"), json!("live"));
    let files = loaded.told(Some(INSPECTOR), "EvidenceService/ListEvidence", json!({ "season": old })).await;
    let digest = files["files"]
        .as_array()
        .expect("files")
        .iter()
        .find_map(|file| file["entry"]["evidence"]["digest"].as_str().map(str::to_owned));
    let appeals = loaded.told(Some(INSPECTOR), "AppealsService/ListAppeals", json!({ "season": old })).await;
    let appeal = &appeals["appeals"][0];
    let card = json!({ "season": live, "agency": "so-xay-dung" });
    let figure = |address: &str| json!({ "address": address });
    let rows: &[(&str, Value, &str)] = &[
        ("CatalogueService/ListAgencies", json!({}), ALL),
        ("CatalogueService/ListInstruments", json!({}), ALL),
        ("CatalogueService/ListCriteriaSets", json!({}), ALL),
        ("CatalogueService/GetCriteriaSet", json!({ "set": "bo-thu" }), ALL),
        ("SeasonsService/ListSeasons", json!({}), ALL),
        ("SeasonsService/GetSeason", json!({ "season": live }), ALL),
        ("SeasonsService/GetSeason", json!({ "season": old, "as_of_occurred": "2022-12-06T00:00:00+07:00" }), ALL),
        ("ScorecardsService/ListScorecards", json!({ "season": live }), ACCOUNTS),
        // Before submission: its agency and the inspectors.
        ("ScorecardsService/GetScorecard", card.clone(), "OI"),
        ("ScorecardsService/GetScorecard", json!({ "season": old, "agency": "so-xay-dung" }), ACCOUNTS),
        ("AppealsService/ListAppeals", json!({ "season": live }), ACCOUNTS),
        ("AppealsService/ListAppeals", json!({ "season": old, "agency": "so-xay-dung" }), "ORCSI"),
        (
            "AppealsService/GetAppeal",
            json!({ "season": old, "agency": appeal["agency"], "appeal": appeal["appeal"] }),
            ACCOUNTS,
        ),
        ("SurveysService/GetSurvey", json!({ "season": live }), "CSIV"),
        ("SurveysService/GetSurvey", json!({ "season": old }), ACCOUNTS),
        ("CouncilService/GetCouncil", json!({ "season": live }), "CSI"),
        ("CouncilService/GetCouncil", json!({ "season": old }), ACCOUNTS),
        ("ResultsService/GetRanking", json!({ "season": live }), "CSI"),
        ("ResultsService/GetRanking", json!({ "season": old }), ALL),
        ("ResultsService/ListEditions", json!({ "season": live }), ALL),
        ("FiguresService/GetFigure", figure("live/khoi/so-xay-dung/index"), "CSI"),
        ("FiguresService/GetFigure", figure("live/khoi/so-xay-dung/leaf/1.1/self_points"), "OI"),
        ("FiguresService/GetFigure", figure("live/khoi/so-xay-dung/self_points"), "OI"),
        ("FiguresService/GetFigure", figure("live/khoi/so-xay-dung/survey_points"), "CSIV"),
        // The survey's leaf and domain are the survey's, not the scorecard's.
        ("FiguresService/GetFigure", figure("live/khoi/so-xay-dung/leaf/2.1/appraised_points"), "CSIV"),
        ("FiguresService/GetFigure", figure("live/khoi/so-xay-dung/domain/2/appraised_points"), "CSIV"),
        ("FiguresService/GetFigure", figure("live/khoi/so-xay-dung/domain/1/self_points"), "OI"),
        ("FiguresService/GetFigure", figure("live/survey/forms_total"), "CSIV"),
        ("FiguresService/GetFigure", figure("live/khoi/criteria/leaf_count"), ALL),
        ("FiguresService/GetFigure", figure("hanam-2022/departments/mean_index"), ALL),
        ("FiguresService/ListFigures", json!({ "season": live }), "CSI"),
        ("FiguresService/ListFigures", json!({ "season": live, "under": "khoi/so-xay-dung/" }), "OCSI"),
        ("FiguresService/ListFigures", json!({ "season": old, "page_size": 1000 }), ALL),
        ("FiguresService/TraceFigure", figure("live/khoi/so-xay-dung/self_points"), "OI"),
        ("FiguresService/TraceFigure", figure("hanam-2022/departments/so-xay-dung/rank"), ALL),
        ("FiguresService/GetHistory", card, "OI"),
        ("FiguresService/GetHistory", json!({ "season": old, "agency": "so-xay-dung", "leaf": "1.5" }), ALL),
        (
            "FiguresService/Why",
            json!({ "address": "hanam-2022/departments/so-xay-dung/rank", "from": 3000, "to": 4000 }),
            ALL,
        ),
        (
            "FiguresService/Reconcile",
            json!({ "season": old, "claims": [{ "claim_id": "1", "figure": "departments/count", "published": "19" }] }),
            ALL,
        ),
        (
            "FiguresService/Reconcile",
            json!({ "season": live, "claims": [
                { "claim_id": "1", "figure": "khoi/so-y-te/self_points", "published": "2" }] }),
            "I",
        ),
        ("LogService/GetHead", json!({}), ALL),
        ("LogService/ListEntries", json!({ "from": 3 }), ALL),
        ("LogService/GetCheckpoint", json!({}), ALL),
        ("LogService/GetTile", json!({ "level": 0, "number": 1 }), ALL),
        ("LogService/GetInclusionProof", json!({ "position": 7 }), ALL),
        ("LogService/GetConsistencyProof", json!({ "size1": 10, "size2": 100 }), ALL),
        ("LogService/GetFigureBundle", figure("hanam-2022/departments/so-xay-dung/index"), ALL),
        ("LogService/GetFigureBundle", figure("live/khoi/so-xay-dung/leaf/1.1/self_points"), "I"),
        ("EvidenceService/ListEvidence", json!({ "season": old, "agency": "so-xay-dung" }), ACCOUNTS),
        ("EvidenceService/GetEvidence", json!({ "digest": digest }), ACCOUNTS),
        ("AccountsService/GetMe", json!({}), ACCOUNTS),
        ("AccountsService/ListAccounts", json!({}), ACCOUNTS),
        ("AccountsService/GetAccount", json!({ "account": OFFICER }), "OSIA"),
        ("AccountsService/ListRefusals", json!({ "account": OTHER }), "XSI"),
    ];
    for (method, request, who) in rows {
        assert_eq!(answered(&loaded, method, request).await, *who, "{method} {request}");
    }
    let asked: BTreeSet<_> = rows.iter().map(|(method, ..)| *method).collect();
    // What these tell is of sessions and tokens, not of the register.
    let elsewhere = ["AccountsService/ListSessions", "AccountsService/ListTokens"];
    for method in SCHEMA.methods().filter(|method| method.does == Does::Reads && method.flow == Flow::Unary) {
        let name = format!("{}/{}", method.service, method.name);
        assert!(asked.contains(name.as_str()) || elsewhere.contains(&name.as_str()), "{name} is not asked");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_may_not_be_seen_keeps_its_place_and_its_commitment() {
    let loaded = Loaded::new().await;
    // Entries: the place of each, and the text of those that may be read.
    let request = json!({ "page_size": 1000 });
    let (public, _) = loaded.pages(None, "LogService/ListEntries", request.clone(), "entries").await;
    let (whole, _) = loaded.pages(Some(INSPECTOR), "LogService/ListEntries", request, "entries").await;
    assert_eq!(public.len(), usize::try_from(loaded.api.app().register().size()).expect("a few thousand"));
    for (at, (seen, all)) in public.iter().zip(&whole).enumerate() {
        assert_eq!(seen["position"], at);
        assert_eq!(seen["leaf_hash"], all["leaf_hash"]);
        assert_eq!(seen["withheld"] == true, seen.get("entry").is_none());
        let stream = all["entry"].as_str().expect("an inspector reads all");
        let hidden = stream.contains(r#""stream":"scorecard/live/"#) || stream.contains(r#""stream":"account/"#);
        assert!(!hidden || seen["withheld"] == true, "{stream}");
    }
    assert!(withheld(&json!(public)) > 0 && withheld(&json!(whole)) == 0);
    // A published figure's trace: the public sees every entry and no text, the agency its own, the inspector all.
    let index = json!({ "address": "hanam-2022/departments/so-xay-dung/index" });
    let trace = |who| loaded.told(who, "FiguresService/TraceFigure", index.clone());
    let (public, own, all) = (trace(None).await, trace(Some(OFFICER)).await, trace(Some(INSPECTOR)).await);
    assert_eq!([withheld(&public), texts(&public)], [0, 0]);
    assert!(public.to_string().contains("commitment"));
    assert!(texts(&own) > 0 && texts(&all) >= texts(&own));
    let editions = loaded.told(None, "ResultsService/ListEditions", json!({ "season": "hanam-2022" })).await;
    let newest = editions["editions"].as_array().and_then(|editions| editions.last()).expect("an edition");
    assert_eq!(public["as_of"], newest["as_of"]);
    // Files: their verdicts to all, names and signers to whom the table says.
    let card = json!({ "season": "hanam-2022", "agency": "so-xay-dung" });
    let files = |who| loaded.told(who, "ScorecardsService/GetScorecard", card.clone());
    let (own, other) = (files(Some(OFFICER)).await, files(Some(OTHER)).await);
    let (own, other) = (&own["scorecard"], &other["scorecard"]);
    let named = |card: &Value, field: &str| card["evidence"].to_string().matches(&format!(r#""{field}":""#)).count();
    assert!(named(own, "name") > 0 && named(own, "signer") > 0);
    assert_eq!([named(other, "name"), named(other, "signer")], [0, 0]);
    assert_eq!(named(own, "commitment"), named(other, "commitment"));
    assert_eq!(own["leaves"], other["leaves"]);
    // Survey results are not the agency's before they are announced: their entries keep their place in its history.
    let card = json!({ "season": "live", "agency": "so-xay-dung" });
    let own = loaded.told(Some(OFFICER), "FiguresService/GetHistory", card.clone()).await;
    let all = loaded.told(Some(INSPECTOR), "FiguresService/GetHistory", card).await;
    assert_eq!(withheld(&all), 0);
    for (seen, all) in own["items"].as_array().expect("items").iter().zip(all["items"].as_array().expect("items")) {
        let of_survey = all["entry"]["stream"] == "survey/live";
        assert_eq!(seen["entry"]["withheld"] == true, of_survey);
        assert_eq!(seen["entry"]["position"], all["entry"]["position"]);
        assert!(!of_survey || seen.get("new").is_none());
    }
    assert!(withheld(&own) > 0);
    // A sum of the scorecard that rests on it shows that there is something, and not what.
    let not_surveyed =
        json!({ "type": "record-not-surveyed", "season": "live", "agency": "so-y-te", "ground": "Không có" });
    loaded.does("acc-buu-dien-tinh-survey-1", not_surveyed).await;
    let max = json!({ "address": "live/khoi/so-y-te/applicable_max" });
    let own = loaded.told(Some(OTHER), "FiguresService/TraceFigure", max.clone()).await;
    let all = loaded.told(Some(INSPECTOR), "FiguresService/TraceFigure", max).await;
    assert!(withheld(&own) > 0 && !own.to_string().contains("not-surveyed"), "{own}");
    assert!(withheld(&all) == 0 && all.to_string().contains("agency-not-surveyed"), "{all}");
    // Lists hold what may be seen of them.
    let listed = |who, method: &'static str, request| loaded.told(who, method, request);
    let accounts = listed(Some(OFFICER), "AccountsService/ListAccounts", json!({})).await;
    assert_eq!(accounts["accounts"].as_array().map(Vec::len), Some(1));
    assert_eq!(accounts["accounts"][0]["account"], OFFICER);
    assert!(accounts["accounts"][0]["name"].is_string());
    let cards = listed(Some(OFFICER), "ScorecardsService/ListScorecards", json!({ "season": "live" })).await;
    assert_eq!(cards["scorecards"].as_array().map(Vec::len), Some(1));
    let cards = listed(Some(SECRETARY), "ScorecardsService/ListScorecards", json!({ "season": "live" })).await;
    assert_eq!(cards["scorecards"], json!([]));
    let refusals = listed(Some(OTHER), "AccountsService/ListRefusals", json!({ "account": OTHER })).await;
    assert_eq!(refusals["refusals"][0]["code"], "not-own-agency");
}

#[tokio::test(flavor = "multi_thread")]
async fn once_submitted_a_scorecard_is_open_to_those_who_appraise_it() {
    let loaded = Loaded::new().await;
    let card = json!({ "season": "live", "agency": "so-xay-dung" });
    let leaf = json!({ "address": "live/khoi/so-xay-dung/leaf/1.1/self_points" });
    // Before, the trace of a live index does not tell the council what the agency scored.
    let index = json!({ "address": "live/khoi/so-xay-dung/index" });
    let before = loaded.told(Some(SECRETARY), "FiguresService/TraceFigure", index.clone()).await;
    assert!(!before.to_string().contains("self-scored"), "{before}");
    // What the agency may see is read with its own position, to be given back as seen.
    let own = loaded.told(Some(OFFICER), "ScorecardsService/GetScorecard", card.clone()).await;
    let leaves = own["scorecard"]["leaves"].as_array().expect("leaves").clone();
    assert_eq!(leaves.iter().map(|leaf| &leaf["code"]).collect::<Vec<_>>(), ["1.1", "1.2", "2.1"]);
    assert_eq!(leaves[0]["self_inputs"], json!({ "yes_no": true }));
    assert!(leaves[0]["seen"].is_u64() && leaves[1].get("seen").is_none());
    let scored = loaded.does(OFFICER, score("so-xay-dung", "1.2")).await;
    let request = json!({ "season": "live", "agency": "so-xay-dung", "least_position": scored.positions[0] });
    let own = loaded.told(Some(OFFICER), "ScorecardsService/GetScorecard", request).await;
    assert_eq!(own["scorecard"]["leaves"][1]["seen"], scored.positions[0]);
    let submit = json!({ "type": "submit-scorecard", "season": "live", "agency": "so-xay-dung" });
    loaded.does("acc-so-xay-dung-leader-1", submit).await;
    assert_eq!(answered(&loaded, "ScorecardsService/GetScorecard", &card).await, "ORCSI");
    assert_eq!(answered(&loaded, "FiguresService/GetFigure", &leaf).await, "ORCSI");
    let after = loaded.told(Some(SECRETARY), "FiguresService/TraceFigure", index).await;
    assert!(after.to_string().len() > before.to_string().len());
    let cards = loaded.told(Some(SECRETARY), "ScorecardsService/ListScorecards", json!({ "season": "live" })).await;
    assert_eq!(cards["scorecards"][0]["submission"], "submitted");
    assert_eq!([&cards["scorecards"][0]["leaves"], &cards["scorecards"][0]["self_scored"]], [2, 2]);
    // What-if says of figures what its caller may read of them, and records nothing.
    let size = loaded.api.app().register().size();
    let proposed = json!({ "commands": [{ "kind": "record-self-score", "command": {
        "season": "live", "agency": "so-y-te", "leaf": "1.2", "inputs": { "yes_no": true } } }] });
    let changed = loaded.told(Some(OTHER), "FiguresService/WhatIf", proposed.clone()).await;
    let addresses: Vec<_> = changed["changed"].as_array().expect("figures").iter().map(|c| &c["address"]).collect();
    assert!(addresses.contains(&&json!("live/khoi/so-y-te/leaf/1.2/self_points")), "{addresses:?}");
    assert!(addresses.iter().all(|a| a.as_str().is_some_and(|a| a.contains("/so-y-te/"))), "{addresses:?}");
    let refused = loaded.asks(Some(OFFICER), "FiguresService/WhatIf", proposed).await;
    assert!(matches!(refused, Err(Fault::Refusal(refusal)) if refusal.code == Code::NotOwnAgency));
    assert_eq!(loaded.api.app().register().size(), size);
    // Numbers of a proposed command come as any number of JSON does.
    let season = json!({ "season": "next", "year": 2027, "title": "Năm sau", "mode": "live" });
    let season = json!({ "commands": [{ "kind": "open-season", "command": season }] });
    loaded.told(Some(CHAIR), "FiguresService/WhatIf", season).await;
    let unread = json!({ "commands": [{ "kind": "open-season", "command": { "seazon": "next" } }] });
    let refused = loaded.asks(Some(CHAIR), "FiguresService/WhatIf", unread).await;
    assert!(matches!(refused, Err(Fault::Refusal(refusal)) if refusal.code == Code::Malformed));
    let many = json!({ "commands": vec![json!({ "kind": "open-season" }); 101] });
    let refused = loaded.asks(Some(OTHER), "FiguresService/WhatIf", many).await;
    assert!(matches!(refused, Err(Fault::Refusal(refusal)) if refusal.code == Code::Invalid));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_fit_together_whatever_is_recorded_between_them() {
    let loaded = Loaded::new().await;
    let lists = [
        (None, "ResultsService/GetRanking", json!({ "season": "hanam-2022" }), "rows", 7),
        (Some(SECRETARY), "ResultsService/GetRanking", json!({ "season": "live" }), "rows", 1),
        (None, "FiguresService/ListFigures", json!({ "season": "hanam-2022", "under": "districts/" }), "figures", 150),
        (None, "FiguresService/GetHistory", json!({ "season": "hanam-2022", "agency": "so-xay-dung" }), "items", 50),
        (None, "CatalogueService/ListAgencies", json!({}), "agencies", 5),
        (Some(INSPECTOR), "ScorecardsService/ListScorecards", json!({ "season": "hanam-2022" }), "scorecards", 4),
        (Some(INSPECTOR), "EvidenceService/ListEvidence", json!({ "season": "hanam-2022" }), "files", 100),
        (None, "LogService/ListEntries", json!({ "stream": "season/hanam-2022", "from": 20 }), "entries", 10),
        (None, "LogService/ListEntries", json!({ "stream": "scorecard/hanam-2022/so-y-te" }), "entries", 40),
    ];
    for (who, method, request, list, size) in lists {
        let with_size = |size: usize| {
            let mut request = request.clone();
            request["page_size"] = size.into();
            request
        };
        let (whole, _) = loaded.pages(who, method, with_size(1000), list).await;
        let (joined, pages) = loaded.pages(who, method, with_size(size), list).await;
        assert!(!whole.is_empty() && pages == whole.len().div_ceil(size), "{method}: {pages} pages");
        assert_eq!(whole, joined, "{method}");
    }
    // Pages are the register's own lists.
    let (rows, _) = loaded.pages(None, "ResultsService/GetRanking", json!({ "season": "hanam-2022" }), "rows").await;
    let under = json!({ "season": "hanam-2022", "under": "departments/so-xay-dung/" });
    let (listed, _) = loaded.pages(None, "FiguresService/ListFigures", under, "figures").await;
    {
        let register = loaded.api.app().register();
        let ranking = register.ranking("hanam-2022", None, register.now()).expect("a ranking");
        let under = Some("departments/so-xay-dung/");
        let figures = register.figures("hanam-2022", under, register.now()).expect("figures");
        let [ranking, figures] = [written(&ranking), written(&figures)].map(|list| read_back(&list.expect("it is")));
        // Nothing of the season was recorded after its edition.
        assert_eq!([json!(rows), json!(listed)], [ranking, figures]);
    }
    // The position as of which a list began goes with its token.
    let request = json!({ "season": "live", "page_size": 1 });
    let first = loaded.told(Some(SECRETARY), "ResultsService/GetRanking", request.clone()).await;
    loaded.does(OFFICER, score("so-xay-dung", "1.2")).await;
    let mut second = request;
    second["page_token"] = first["next_page_token"].clone();
    let second = loaded.told(Some(SECRETARY), "ResultsService/GetRanking", second).await;
    assert_eq!(first["as_of"], second["as_of"]);
    // A token is good for its own question, and opens nothing.
    let stolen = json!({ "season": "hanam-2022", "page_token": first["next_page_token"] });
    let refused = loaded.asks(None, "ResultsService/GetRanking", stolen).await;
    assert!(matches!(refused, Err(Fault::Refusal(refusal)) if refusal.code == Code::Invalid));
    let stolen = json!({ "season": "live", "page_token": first["next_page_token"] });
    let refused = loaded.asks(None, "ResultsService/GetRanking", stolen).await;
    assert!(matches!(refused, Err(Fault::Refusal(refusal)) if refusal.code == Code::MayNotRead));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_recorded_between_two_pages_moves_nothing() {
    let loaded = Loaded::new().await;
    let file = {
        let register = loaded.api.app().register();
        let season = "hanam-2022".parse().expect("an id");
        let mut attached = register.evidence_of_season(&season, None, None);
        let file = attached.find_map(|(.., position)| register.entry(position)?.evidence?.digest);
        file.expect("the season has files")
    };
    let attach = |agency: &str, leaf: &str| {
        json!({ "type": "attach-evidence", "season": "live", "agency": agency, "leaf": leaf, "digest": file,
                "name": "bao-cao.pdf", "media": "pdf", "signature": "not-judged", "purpose": "submitted" })
    };
    for (officer, agency, leaf) in
        [(OFFICER, "so-xay-dung", "1.1"), (OTHER, "so-y-te", "1.1"), (OTHER, "so-y-te", "1.2")]
    {
        loaded.does(officer, attach(agency, leaf)).await;
    }
    // Agencies enter freely while a season is being set up.
    let enter = |agency: &str| json!({ "type": "enter-agency", "season": "next", "agency": agency, "group": "khoi" });
    for command in [
        json!({ "type": "open-season", "season": "next", "year": 2027, "title": "Đợt sau" }),
        json!({ "type": "define-ranking-group", "season": "next", "group": "khoi", "name": { "vi": "Khối" },
                "set": "bo-thu", "classes": [{ "code": "all", "label": "Tất cả", "lower": "0",
                "lower_inclusive": true, "upper": "100", "upper_inclusive": true }] }),
        enter("so-cong-thuong"),
        enter("so-xay-dung"),
        enter("so-y-te"),
    ] {
        loaded.does(CHAIR, command).await;
    }
    // What is recorded comes before all others, or into the page that was given.
    let account = json!({ "account": "0", "agency": "so-y-te", "name": "Tài khoản thử" });
    let instrument = json!({ "id": "0", "number": "1/QĐ", "date": "2026-10-01", "issuer": "UBND tỉnh" });
    let domains = json!([{ "id": "d", "code": "1", "name": "Tự chấm", "max_points": "1", "lead_agency": "so-noi-vu",
        "children": [{ "id": "l", "code": "1.1", "name": "Tiêu chí", "max_points": "1",
                       "leaf": { "rule": { "type": "yes_no", "version": 1 } } }] }]);
    let of_live = json!({ "season": "live" });
    let lists = [
        (
            "CatalogueService/ListAgencies",
            json!({}),
            "agencies",
            ADMIN,
            json!({ "type": "register-agency", "agency": "0", "name": { "vi": "Sở thử" } }),
        ),
        (
            "CatalogueService/ListInstruments",
            json!({}),
            "instruments",
            ADMIN,
            json!({ "type": "register-instrument", "instrument": instrument }),
        ),
        (
            "CatalogueService/ListCriteriaSets",
            json!({}),
            "sets",
            CHAIR,
            json!({ "type": "draft-criteria-set", "set": "0", "title": "Bộ thử", "max_points": "1", "domains": domains }),
        ),
        (
            "AccountsService/ListAccounts",
            json!({}),
            "accounts",
            ADMIN,
            json!({ "type": "open-account", "account": account }),
        ),
        ("EvidenceService/ListEvidence", of_live, "files", OFFICER, attach("so-xay-dung", "1.2")),
        ("ScorecardsService/ListScorecards", json!({ "season": "next" }), "scorecards", CHAIR, enter("0")),
    ];
    for (method, mut request, list, who, command) in lists {
        let (whole, _) = loaded.pages(Some(INSPECTOR), method, request.clone(), list).await;
        assert!(whole.len() > 2, "{method}");
        request["page_size"] = 2.into();
        let first = loaded.told(Some(INSPECTOR), method, request.clone()).await;
        loaded.does(who, command).await;
        let mut joined = first[list].as_array().expect("a list").clone();
        let mut token = first["next_page_token"].clone();
        while token != json!("") {
            request["page_token"] = token;
            let mut page = loaded.told(Some(INSPECTOR), method, request.clone()).await;
            joined.append(page[list].as_array_mut().expect("a list"));
            token = page["next_page_token"].take();
        }
        // Where else a file is attached was told as it stood.
        let alike = |items: &[Value]| {
            let mut items = items.to_vec();
            items
                .iter_mut()
                .filter_map(|item| item.pointer_mut("/entry/evidence/also"))
                .for_each(|also| _ = also.take());
            items
        };
        assert_eq!(alike(&joined), alike(&whole), "{method}");
        request["page_token"] = "".into();
        let (now, _) = loaded.pages(Some(INSPECTOR), method, request, list).await;
        assert_eq!(now.len(), whole.len() + 1, "{method}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_is_granted_between_two_pages_of_figures_doubles_none_and_leaves_none_out() {
    let loaded = Loaded::new().await;
    let mut request = json!({ "season": "live", "under": "khoi/so-xay-dung/", "page_size": 3 });
    let first = loaded.told(Some(OFFICER), "FiguresService/ListFigures", request.clone()).await;
    loaded.does(ADMIN, json!({ "type": "grant-role", "account": OFFICER, "role": "inspector" })).await;
    request["as_of"] = first["as_of"].to_string().into();
    let (whole, _) = loaded.pages(Some(OFFICER), "FiguresService/ListFigures", request.clone(), "figures").await;
    let last = whole.iter().position(|figure| *figure == first["figures"][2]).expect("it is listed still");
    assert!(last > 2, "nothing was hidden before the last figure of the page: {whole:?}");
    request["page_token"] = first["next_page_token"].clone();
    let second = loaded.told(Some(OFFICER), "FiguresService/ListFigures", request).await;
    assert_eq!(second["figures"], json!(whole[last + 1..last + 4]));
}

#[test]
fn a_page_of_a_list_by_two_keys_goes_on_behind_both() {
    let items = ["a", "a-b", "a1", "b"].into_iter().flat_map(|of| [(of, 1), (of, 2), (of, 9)]);
    let mut request = json!({ "page_size": 1 });
    for due in items.clone() {
        let page = Page::of(&Ask::new(request.clone()), "items").expect("a page");
        let (taken, token) = page.take(items.clone(), |(of, id)| format!("{of} {id}"));
        assert_eq!(taken, [due]);
        request["page_token"] = token.into();
    }
    assert_eq!(request["page_token"], "");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_folded_as_of_a_position_is_what_stood_there() {
    let loaded = Loaded::new().await;
    let app = loaded.api.app();
    let (streams, now) = {
        let register = app.register();
        let world = register.world();
        let cards = world.scorecards.iter().flat_map(|(season, cards)| {
            cards.iter().map(|(agency, _)| Stream::Scorecard(season.clone(), agency.clone()))
        });
        let mut streams: Vec<_> = cards.collect();
        for season in world.seasons.keys() {
            streams.push(Stream::Season(season.clone()));
            streams.push(Stream::Survey(season.clone()));
            streams.push(Stream::Council(season.clone()));
            streams.push(Stream::Results(season.clone()));
        }
        (streams, register.now())
    };
    let standing = folding::standing(&app.register(), &streams, now).expect("nothing is stopped");
    let folded = folding::as_of(&loaded.api, None, &streams, now).await.expect("it is folded");
    assert!(standing.as_ref() == Some(&folded));
    // Before its appeal was decided, the leaf stood otherwise, by the answer as by the register's own figures.
    let at = "2022-12-06T00:00:00+07:00";
    let card = |as_of: Value| {
        let mut request = json!({ "season": "hanam-2022", "agency": "so-xay-dung" });
        if let (Value::Object(request), Value::Object(as_of)) = (&mut request, as_of) {
            request.extend(as_of);
        }
        loaded.told(Some(OFFICER), "ScorecardsService/GetScorecard", request)
    };
    let (then, after) = (card(json!({ "as_of_occurred": at })).await, card(json!({})).await);
    let leaf = |card: &Value| {
        let leaves = card["scorecard"]["leaves"].as_array().expect("leaves");
        leaves.iter().find(|leaf| leaf["code"] == "1.5").expect("the leaf that was appealed against").clone()
    };
    assert_ne!(leaf(&then), leaf(&after));
    assert!(leaf(&then)["seen"].as_u64() < leaf(&after)["seen"].as_u64());
    let address = "hanam-2022/departments/so-xay-dung/leaf/1.5/appraised_points";
    for (card, as_of) in [(&then, json!({ "as_of_occurred": at })), (&after, json!({}))] {
        let mut request = json!({ "address": address });
        if let (Value::Object(request), Value::Object(as_of)) = (&mut request, as_of) {
            request.extend(as_of);
        }
        let figure = loaded.told(Some(OFFICER), "FiguresService/GetFigure", request).await;
        assert_eq!(figure["figure"]["value"], leaf(card)["appraised_points"]);
    }
    let season = json!({ "season": "hanam-2022", "as_of_occurred": "2022-11-15T00:00:00+07:00" });
    let season = loaded.told(None, "SeasonsService/GetSeason", season).await;
    assert_eq!(season["season"]["editions"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn proofs_and_bundles_hold_against_the_checkpoint() {
    let loaded = Loaded::new().await;
    let checkpoint = loaded.told(None, "LogService/GetCheckpoint", json!({})).await;
    let size = checkpoint["size"].as_u64().expect("a size");
    let hash = |value: &Value| sogoc_proof::Hash::from_hex(value.as_str().expect("a hash")).expect("64 digits");
    let hashes = |value: &Value| value.as_array().into_iter().flatten().map(hash).collect::<Vec<_>>();
    let proof = loaded.told(None, "LogService/GetInclusionProof", json!({ "position": 1234 })).await;
    assert_eq!(proof["size"], size);
    let (leaf, root) = (hash(&proof["leaf_hash"]), hash(&proof["root"]));
    sogoc_proof::verify_inclusion(&leaf, 1234, size, &hashes(&proof["hashes"]), &root).expect("it is in the tree");
    let grown = loaded.told(None, "LogService/GetConsistencyProof", json!({ "size1": 100, "size2": size })).await;
    assert_eq!(grown["root2"], proof["root"]);
    let (old, new) = (hash(&grown["root1"]), hash(&grown["root2"]));
    sogoc_proof::verify_consistency(100, &old, size, &new, &hashes(&grown["hashes"])).expect("it only grew");
    let tile = loaded.told(None, "LogService/GetTile", json!({ "level": 0, "number": 4, "width": 256 })).await;
    let tile =
        base64::Engine::decode(&base64::engine::general_purpose::STANDARD, tile["hashes"].as_str().expect("bytes"));
    let tile = tile.expect("base64");
    assert_eq!(tile.len(), 256 * 32);
    assert_eq!(tile[(1234 - 1024) * 32..][..32], leaf.0);
    let bundle = json!({ "address": "hanam-2022/departments/so-xay-dung/index" });
    let bundle = loaded.told(None, "LogService/GetFigureBundle", bundle).await;
    let bundle =
        base64::Engine::decode(&base64::engine::general_purpose::STANDARD, bundle["bundle"].as_str().expect("bytes"));
    let policy = format!("log {}\nquorum none\n", loaded.key.verifier());
    let policy = Policy::parse(policy.as_bytes()).expect("a policy");
    verify_bundle(&bundle.expect("base64"), &policy).expect("it proves the figure");
    // The changes that are told of a figure sum to its change.
    let why = json!({ "address": "hanam-2022/departments/so-xay-dung/appraised_points", "from": 0, "to": 4000 });
    let why = loaded.told(Some(OFFICER), "FiguresService/Why", why).await;
    assert!(why["contributions"].as_array().is_some_and(|all| !all.is_empty()));
    assert!(why["contributions"][0]["entry"]["position"].is_u64());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_question_is_invalid_or_unknown_and_never_a_defect() {
    let loaded = Loaded::new().await;
    let long = "a".repeat(200_000);
    let texts = ["", "\u{0}\u{1b}[31m", "../../etc/passwd", "A B", "'; drop table entry;--", "hanam-2022/", "–", &long];
    let max = u64::MAX;
    for text in texts {
        let season = json!({ "season": text, "agency": text, "leaf": text });
        for (method, request) in [
            ("SeasonsService/GetSeason", json!({ "season": text })),
            ("ScorecardsService/GetScorecard", json!({ "season": text, "agency": text })),
            ("ScorecardsService/GetScorecard", json!({ "season": "hanam-2022", "agency": text })),
            ("AppealsService/GetAppeal", json!({ "season": "hanam-2022", "agency": "so-y-te", "appeal": text })),
            ("AppealsService/ListAppeals", json!({ "season": text, "state": text })),
            ("SurveysService/GetSurvey", json!({ "season": text })),
            ("CouncilService/GetCouncil", json!({ "season": text })),
            ("ResultsService/GetRanking", json!({ "season": text })),
            ("FiguresService/GetFigure", json!({ "address": text })),
            ("FiguresService/GetFigure", json!({ "address": format!("hanam-2022/{text}") })),
            ("FiguresService/TraceFigure", json!({ "address": format!("hanam-2022/departments/{text}/index") })),
            ("FiguresService/GetHistory", season),
            ("FiguresService/Why", json!({ "address": format!("{text}/departments/count"), "from": 0, "to": 1 })),
            ("LogService/GetFigureBundle", json!({ "address": format!("hanam-2022/{text}") })),
            ("EvidenceService/GetEvidence", json!({ "digest": text })),
            ("AccountsService/GetAccount", json!({ "account": text })),
            ("CatalogueService/GetCriteriaSet", json!({ "set": text })),
        ] {
            let fault = loaded.asks(Some(INSPECTOR), method, request).await.expect_err(method);
            assert!(matches!(fault.class(), Class::Invalid | Class::NotFound), "{method} {text:.40}: {fault:?}");
            assert!(fault.told(Language::Vietnamese).problem().to_string().len() < 2_000, "{method} repeats it whole");
        }
    }
    let index = "hanam-2022/departments/so-xay-dung/index";
    let invalid = [
        ("FiguresService/GetFigure", json!({ "address": index, "as_of": max.to_string() })),
        ("FiguresService/GetFigure", json!({ "address": index, "as_of": "9".repeat(40) })),
        ("FiguresService/GetFigure", json!({ "address": index, "as_of": "soon" })),
        (
            "FiguresService/GetFigure",
            json!({ "address": index, "as_of": "1", "as_of_occurred": "2022-12-06T00:00:00Z" }),
        ),
        ("FiguresService/TraceFigure", json!({ "address": index, "as_of": "99999999" })),
        ("FiguresService/Why", json!({ "address": index, "from": 9, "to": 3 })),
        ("FiguresService/Why", json!({ "address": index, "from": 0, "to": max })),
        ("ResultsService/GetRanking", json!({ "season": "hanam-2022", "page_token": "AAAA" })),
        ("ResultsService/GetRanking", json!({ "season": "hanam-2022", "page_token": "%%%" })),
        ("LogService/ListEntries", json!({ "stream": "nothing/of/the/sort" })),
        ("LogService/GetTile", json!({ "level": 200, "number": 0 })),
        ("LogService/GetTile", json!({ "level": 70_000, "number": 0 })),
        ("LogService/GetTile", json!({ "level": 0, "number": max })),
        ("LogService/GetTile", json!({ "level": 0, "number": 0, "width": 257 })),
        ("LogService/GetInclusionProof", json!({ "position": 0, "size": max })),
        ("LogService/GetConsistencyProof", json!({ "size1": 9, "size2": 3 })),
        ("LogService/GetConsistencyProof", json!({ "size1": 0, "size2": max })),
    ];
    for (method, request) in invalid {
        let fault = loaded.asks(Some(INSPECTOR), method, request.clone()).await.expect_err(method);
        assert_eq!(fault.class(), Class::Invalid, "{method} {request}: {fault:?}");
    }
    let unknown = [
        ("ScorecardsService/GetScorecard", json!({ "season": "live", "agency": "so-tai-chinh" })),
        ("CatalogueService/GetCriteriaSet", json!({ "set": "bo-thu", "version": 9 })),
        ("ResultsService/GetRanking", json!({ "season": "hanam-2022", "group": "khoi" })),
        ("FiguresService/GetFigure", json!({ "address": index, "as_of": "0" })),
        ("FiguresService/GetHistory", json!({ "season": "live", "agency": "so-y-te", "leaf": "9.9" })),
        ("LogService/GetTile", json!({ "level": 3, "number": 1_000_000 })),
        ("LogService/GetInclusionProof", json!({ "position": max })),
        ("EvidenceService/GetEvidence", json!({ "digest": "00".repeat(32) })),
        ("AccountsService/GetAccount", json!({ "account": "nobody" })),
        ("AccountsService/ListRefusals", json!({ "account": "nobody" })),
    ];
    for (method, request) in unknown {
        let fault = loaded.asks(Some(INSPECTOR), method, request.clone()).await.expect_err(method);
        assert_eq!(fault.class(), Class::NotFound, "{method} {request}: {fault:?}");
    }
    // Beyond the end there is nothing, and that is an answer.
    let beyond = loaded.told(None, "LogService/ListEntries", json!({ "from": max })).await;
    assert_eq!(beyond["entries"], json!([]));
}
