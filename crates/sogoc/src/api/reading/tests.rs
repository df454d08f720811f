//! Every reading method, asked by every kind of caller: whether it is answered, whether the answer has the form of its
//! message, and what of it is withheld.
//!
//! The register holds Hà Nam's season of 2022, published long since, and beside it a small live season of the same
//! accounts in which two agencies are still scoring themselves.

use std::collections::BTreeSet;

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

use super::{figures, folding};
use crate::api::ask::Ask;
use crate::api::error::{Class, Fault};
use crate::api::fresh::Fresh;
use crate::api::schema::{Does, Flow, SCHEMA};
use crate::api::{Api, Call, Inner, transcode};

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
const INSPECTOR: &str = "acc-thanh-tra-tinh-inspector-1";
const SECRETARY: &str = "acc-so-noi-vu-secretariat-1";

/// An API over a register of its own.
struct Loaded {
    api: Api,
    key: SignerKey,
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
        let inner = Inner { app, fresh: Fresh::default() };
        let loaded = Self { api: Api { inner: inner.into() }, key, _folder: folder };
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
                               "accept-survey", "accept-score"] }),
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
        let line = json!({ "account": account, "command_id": Uuid::now_v7(), "command": command });
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
            Does::Reads | Does::Command(_) => self.api.answer(method, &call, request).await?,
            Does::Acts => {
                let mut answer = match method.name.as_str() {
                    "WhatIf" => figures::what_if(&self.api, &call, Ask::new(request)).await?,
                    "Reconcile" => figures::reconcile(&self.api, &call, Ask::new(request)).await?,
                    other => panic!("{other} does not read"),
                };
                transcode::answer(&mut answer);
                answer
            }
        };
        let told = transcode::to_protobuf(&method.output, &answer).unwrap_or_else(|why| panic!("{answer}: {why}"));
        transcode::from_protobuf(&method.output, &told).expect("what was written is read");
        Ok(answer)
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

fn call(who: Option<&str>) -> Call {
    let account = who.map(|id| id.parse().expect("an id"));
    Call { account, language: Language::English, correlation: None, from: None }
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
