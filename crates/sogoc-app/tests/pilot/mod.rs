//! A small live season: two agencies that are appraised, one that leads, and everybody it takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use sogoc_app::{App, Entropy, EvidenceStore, ExecuteError, Options, Origin, Receipt};
use sogoc_domain::command::Envelope;
use sogoc_domain::refusal::Refusal;
use sogoc_log::Uuid;
use sogoc_log::testing::TestStore;

/// Leaves of the criteria set: 1.1 to 1.8, two points each, yes or no.
pub(crate) const LEAVES: usize = 8;

/// Salts that are the same in every run.
#[derive(Debug, Default)]
pub(crate) struct CountedEntropy(AtomicU64);

impl Entropy for CountedEntropy {
    fn salt(&self) -> [u8; 32] {
        let mut salt = [7; 32];
        salt[..8].copy_from_slice(&self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        salt
    }
}

/// An app on a store of its own, which is gone with it.
pub(crate) struct Pilot {
    pub(crate) app: App,
    store: TestStore,
    next: AtomicU64,
}

impl Pilot {
    /// An empty register on a SQLite store.
    pub(crate) async fn empty() -> Self {
        Self::empty_on(TestStore::sqlite()).await
    }

    async fn empty_on(store: TestStore) -> Self {
        let app = App::open(store.url(), options()).await.expect("a new store opens");
        Self { app, store, next: AtomicU64::new(1) }
    }

    /// The season `pilot`, active, with every phase open, on a SQLite store.
    pub(crate) async fn running() -> Self {
        Self::running_on(TestStore::sqlite()).await
    }

    pub(crate) async fn running_on(store: TestStore) -> Self {
        let pilot = Self::empty_on(store).await;
        for (account, command) in season() {
            pilot.does(account, command).await;
        }
        pilot
    }

    /// A second process on the same store.
    pub(crate) async fn another(&self) -> App {
        App::open(self.store.url(), options()).await.expect("the store opens again")
    }

    /// Another with a place for files.
    pub(crate) async fn with_files(&self, evidence: EvidenceStore) -> App {
        App::open(self.store.url(), Options { evidence: Some(evidence), ..options() }).await.expect("it opens again")
    }

    /// A command under the next id.
    pub(crate) fn envelope(&self, account: &str, command: Value) -> Envelope {
        let id = Uuid::from_u128(u128::from(self.next.fetch_add(1, Ordering::Relaxed)) << 8);
        let line = json!({ "account": account, "command_id": id, "command": command });
        serde_json::from_value(line).expect("the command has the form of its type")
    }

    pub(crate) async fn execute(&self, envelope: &Envelope) -> Result<Receipt, ExecuteError> {
        self.app.execute(envelope, Origin::default()).await
    }

    /// Executes what must be accepted.
    pub(crate) async fn does(&self, account: &str, command: Value) -> Receipt {
        let envelope = self.envelope(account, command);
        self.execute(&envelope).await.unwrap_or_else(|error| panic!("{:?}: {error}", envelope.command))
    }

    /// Executes what must be refused.
    pub(crate) async fn refused(&self, envelope: &Envelope) -> Refusal {
        refusal(self.execute(envelope).await)
    }

    /// How many entries the log has.
    pub(crate) async fn size(&self) -> u64 {
        self.app.log().head().await.expect("the log answers").size
    }
}

fn options() -> Options {
    Options { entropy: Arc::new(CountedEntropy::default()), ..Options::default() }
}

/// The refusal of an outcome.
pub(crate) fn refusal(outcome: Result<Receipt, ExecuteError>) -> Refusal {
    match outcome {
        Err(ExecuteError::Refusal(refusal)) => *refusal,
        other => panic!("a refusal was expected: {other:?}"),
    }
}

/// Scores a leaf of `so-a` or `so-b`.
pub(crate) fn score(agency: &str, leaf: &str, yes: bool) -> Value {
    json!({ "type": "record-self-score", "season": "pilot", "agency": agency, "leaf": leaf, "inputs": { "yes_no": yes } })
}

/// Adjusts a leaf to nothing.
pub(crate) fn adjust(agency: &str, leaf: &str) -> Value {
    json!({
        "type": "adjust-score", "season": "pilot", "agency": agency, "leaf": leaf,
        "points": { "inputs": { "yes_no": false } }, "reason_code": "missing", "reason": "Không có tài liệu"
    })
}

/// The domain, with the max points of its first two leaves.
fn domain(first: [&str; 2]) -> Value {
    let leaf = |n: usize| {
        json!({
            "id": format!("leaf-{n}"), "code": format!("1.{n}"), "name": format!("Tiêu chí {n}"),
            "max_points": first.get(n - 1).unwrap_or(&"2"), "leaf": { "rule": { "type": "yes_no", "version": 1 } }
        })
    };
    let leaves: Vec<Value> = (1..=LEAVES).map(leaf).collect();
    let max = (LEAVES * 2).to_string();
    json!({ "id": "d-1", "code": "1", "name": "Lĩnh vực", "max_points": max, "lead_agency": "so-lead", "children": leaves })
}

/// Moves a point from the second leaf to the first, and has their scores recomputed.
pub(crate) fn amend() -> Value {
    let treatments = ["leaf-1", "leaf-2"].map(|leaf| json!({ "leaf": leaf, "treatment": "recomputed" }));
    json!({ "type": "amend-criteria-set", "set": "bo-1", "domains": [domain(["3", "1"])], "treatments": treatments,
            "reason": "Hướng dẫn mới" })
}

fn season() -> Vec<(&'static str, Value)> {
    let mut all = vec![(
        "admin",
        json!({
            "type": "found-register",
            "administrator_agency": { "vi": "Văn phòng" },
            "administrator": { "account": "admin", "agency": "van-phong", "name": "Quản trị" },
            "approver_agency": { "vi": "Ủy ban" },
            "approver": { "account": "chair", "agency": "uy-ban", "name": "Chủ tịch" },
            "approver_role": "council-chair", "approver_body": true,
            "instrument": { "id": "qd-1", "number": "1/QĐ", "date": "2026-01-02", "issuer": "UBND" }
        }),
    )];
    for agency in ["so-a", "so-b", "so-lead"] {
        all.push(("admin", json!({ "type": "register-agency", "agency": agency, "name": { "vi": agency } })));
    }
    let mut account = |id: String, agency: &str, role: &str| {
        let new = json!({ "account": id, "agency": agency, "name": id });
        all.push(("admin", json!({ "type": "open-account", "account": new })));
        all.push(("admin", json!({ "type": "grant-role", "account": id, "role": role })));
    };
    for agency in ["so-a", "so-b"] {
        account(format!("officer-{agency}"), agency, "agency-officer");
        account(format!("leader-{agency}"), agency, "agency-leader");
    }
    let reviewers: Vec<String> = (1..=LEAVES).map(|n| format!("reviewer-{n}")).collect();
    for reviewer in &reviewers {
        account(reviewer.clone(), "so-lead", "reviewer");
    }
    account("confirmer".to_owned(), "so-lead", "confirmer");
    let max = (LEAVES * 2).to_string();
    let domain = domain(["2", "2"]);
    let (from, until) = ("2020-01-01T00:00:00Z", "2100-01-01T00:00:00Z");
    let admits = [
        "record-self-score",
        "import-scorecard",
        "attach-evidence",
        "submit-scorecard",
        "accept-score",
        "adjust-score",
        "accept-unchanged",
        "confirm-leaves",
    ];
    let closed = ["request-explanation"];
    let in_season = [
        json!({ "type": "draft-criteria-set", "set": "bo-1", "title": "Bộ tiêu chí", "max_points": max, "domains": [domain] }),
        json!({ "type": "activate-criteria-set", "set": "bo-1" }),
        json!({ "type": "open-season", "season": "pilot", "year": 2026, "title": "Thí điểm" }),
        json!({ "type": "set-season-policy", "season": "pilot", "policy": {
            "leaf_decimals": 2, "display_decimals": 2, "rounding": "half_up", "appraisal_rounds": 1, "class_by": "rounded_index",
            "ties": "competition", "unsurveyed": "leave_out", "unsigned_evidence": "reviewer_judges",
            "late_submission": "by_acceptance", "appeal_may_lower": false, "approvals": 2, "instrument_required": [],
            "reason_codes": [{ "code": "missing", "label": "Thiếu", "kind": "deduction" },
                { "code": "clerical_error", "label": "Sai sót", "kind": "either" },
                { "code": "standard_amended", "label": "Sửa tiêu chí", "kind": "either" }], "survey_factors": []
        }}),
        json!({ "type": "define-ranking-group", "season": "pilot", "group": "khoi", "name": { "vi": "Khối" }, "set": "bo-1",
            "classes": [{ "code": "all", "label": "Tất cả", "lower": "0", "lower_inclusive": true, "upper": "100", "upper_inclusive": true }],
            "letters": [] }),
        json!({ "type": "schedule-phase", "season": "pilot", "phase": "all", "name": { "vi": "Mọi việc" }, "start": from, "end": until, "admits": admits }),
        json!({ "type": "schedule-phase", "season": "pilot", "phase": "past", "name": { "vi": "Đã qua" }, "start": from, "end": "2020-02-01T00:00:00Z", "admits": closed }),
        json!({ "type": "enter-agency", "season": "pilot", "agency": "so-a", "group": "khoi" }),
        json!({ "type": "enter-agency", "season": "pilot", "agency": "so-b", "group": "khoi" }),
        json!({ "type": "assign-reviewers", "season": "pilot", "assignment": {
            "group": "khoi", "node": "d-1", "lead_agency": "so-lead", "reviewers": reviewers, "confirmers": ["confirmer"] } }),
        json!({ "type": "activate-season", "season": "pilot" }),
    ];
    all.extend(in_season.into_iter().map(|command| ("chair", command)));
    all
}
