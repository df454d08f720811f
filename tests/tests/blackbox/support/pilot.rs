//! A small live season as a pilot runs it: two ranking groups on one criteria set with all eight rules, four agencies of
//! which two lead a domain, every role. Made of nothing but commands that `sogoc execute` takes.
//!
//! Phases are judged by the clock of the machine, so one that shall admit something lasts from 2020 to 2100, and one that
//! shall not is over since 2021.

use serde_json::{Value, json};
use uuid::Uuid;

/// The season.
pub(crate) const SEASON: &str = "pilot-2026";
/// A season of the same agencies whose every phase is over.
pub(crate) const OVER: &str = "pilot-2020";
/// The criteria set of both.
pub(crate) const SET: &str = "bo-2026";
/// An instrument that is registered.
pub(crate) const DECISION: &str = "qd-1";

/// Agencies with their ranking groups. The first leads domain 1, the second domain 2.
pub(crate) const AGENCIES: [(&str, &str); 4] =
    [("so-noi-vu", "so"), ("so-tu-phap", "so"), ("so-y-te", "so"), ("ly-nhan", "huyen")];
const BODIES: [&str; 3] = ["buu-dien", "mat-tran", "bao-tinh"];

/// Accounts with agency or body and role. `admin` and `chair` come from the founding.
const ACCOUNTS: [(&str, &str, &[&str]); 21] = [
    ("secretary", "ubnd-tinh", &["secretariat"]),
    ("member-nv", "so-noi-vu", &["council-member"]),
    ("member-tp", "so-tu-phap", &["council-member"]),
    ("member-ub", "ubnd-tinh", &["council-member"]),
    ("reviewer-nv", "so-noi-vu", &["reviewer"]),
    ("confirmer-nv", "so-noi-vu", &["confirmer"]),
    ("both-nv", "so-noi-vu", &["reviewer", "confirmer"]),
    ("reviewer-tp", "so-tu-phap", &["reviewer"]),
    ("confirmer-tp", "so-tu-phap", &["confirmer"]),
    ("officer-nv", "so-noi-vu", &["agency-officer"]),
    ("leader-nv", "so-noi-vu", &["agency-leader"]),
    ("officer-tp", "so-tu-phap", &["agency-officer"]),
    ("leader-tp", "so-tu-phap", &["agency-leader"]),
    ("officer-yt", "so-y-te", &["agency-officer"]),
    ("leader-yt", "so-y-te", &["agency-leader"]),
    ("officer-ln", "ly-nhan", &["agency-officer"]),
    ("leader-ln", "ly-nhan", &["agency-leader"]),
    ("operator", "buu-dien", &["survey-operator"]),
    ("monitor", "mat-tran", &["survey-monitor"]),
    ("inspector", "ubnd-tinh", &["inspector"]),
    ("idle", "trung-tam", &[]),
];

/// What each phase admits.
const PHASES: [(&str, &[&str]); 5] = [
    ("self-scoring", &["record-self-score", "import-scorecard", "attach-evidence", "submit-scorecard"]),
    (
        "appraisal",
        &[
            "record-missed-submission",
            "accept-score",
            "accept-unchanged",
            "adjust-score",
            "uphold-score",
            "request-explanation",
            "confirm-leaves",
            "return-leaves",
            "decide-applicability",
            "deem-score",
            "score-line",
        ],
    ),
    ("survey", &["import-survey", "record-not-surveyed", "record-recheck", "accept-survey"]),
    ("council", &["open-session", "adopt-resolution", "cap-class"]),
    ("appeals", &["lodge-appeal", "decide-appeal"]),
];

/// A command of an account, with an id that follows from what it says: the same command has the same id.
pub(crate) fn by(account: &str, kind: &str, fields: &Value) -> Value {
    let mut command = fields.clone();
    command["type"] = kind.into();
    if !is_about_no_season(kind) && command.get("season").is_none() {
        command["season"] = SEASON.into();
    }
    let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{account} {command}").as_bytes());
    json!({"account": account, "command_id": id, "command": command})
}

/// The same command as a new one.
pub(crate) fn anew(command: &Value, number: u32) -> Value {
    let mut command = command.clone();
    let old = command["command_id"].as_str().expect("a command has an id").to_owned();
    command["command_id"] = Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{old} {number}").as_bytes()).to_string().into();
    command
}

/// The command with another field of its envelope.
pub(crate) fn with(command: &Value, field: &str, value: impl Into<Value>) -> Value {
    let mut command = command.clone();
    command[field] = value.into();
    command
}

fn is_about_no_season(kind: &str) -> bool {
    [
        "found-register",
        "register-agency",
        "rename-agency",
        "merge-agency",
        "split-agency",
        "dissolve-agency",
        "register-instrument",
        "attach-instrument-document",
        "open-account",
        "grant-role",
        "propose-role",
        "approve-role",
        "revoke-role",
        "delegate",
        "revoke-delegation",
        "transfer-account",
        "link-accounts",
        "close-account",
        "draft-criteria-set",
        "activate-criteria-set",
        "amend-criteria-set",
        "erase-evidence",
        "erase-texts",
        "record-restore",
        "register-signer",
    ]
    .contains(&kind)
}

/// Every command from the founding to two running seasons in which nothing is scored yet.
pub(crate) fn founding_to_activation() -> Vec<Value> {
    let mut commands = founding();
    commands.push(by("secretary", "draft-criteria-set", &criteria(SET, "20", domains())));
    commands.push(by("secretary", "activate-criteria-set", &json!({"set": SET})));
    commands.extend(season(SEASON, "2026", "2100-01-01T00:00:00Z", &policy()));
    commands.extend(season(OVER, "2020", "2021-01-01T00:00:00Z", &policy()));
    commands
}

/// A season of its own beside the others, in which evidence goes by these rules: every leaf of domain 1 demands some.
pub(crate) fn season_with_evidence(season_id: &str, rules: &Value) -> Vec<Value> {
    let mut policy = policy();
    policy["unsigned_evidence"] = "does_not_count".into();
    policy["evidence"] = rules.clone();
    let mut domains = domains();
    demand_evidence(&mut domains[0]);
    let set = format!("bo-{season_id}");
    let mut commands = vec![
        by("secretary", "draft-criteria-set", &criteria(&set, "20", domains)),
        by("secretary", "activate-criteria-set", &json!({"set": set})),
    ];
    for mut command in season(season_id, "2027", "2100-01-01T00:00:00Z", &policy) {
        if command["command"]["type"] == "define-ranking-group" {
            command["command"]["set"] = set.clone().into();
        }
        commands.push(command);
    }
    commands
}

fn demand_evidence(node: &mut Value) {
    if node.get("leaf").is_some() {
        node["leaf"]["evidence_required"] = true.into();
    }
    let children = node.get_mut("children").and_then(Value::as_array_mut);
    children.into_iter().flatten().for_each(demand_evidence);
}

/// The command in another season.
pub(crate) fn in_season(season_id: &str, command: &Value) -> Value {
    let mut fields = command["command"].clone();
    fields["season"] = season_id.into();
    let kind = fields["type"].as_str().expect("a command has a type").to_owned();
    by(command["account"].as_str().expect("a command has an account"), &kind, &fields)
}

/// The founding, agencies, bodies, accounts and roles.
pub(crate) fn founding() -> Vec<Value> {
    let mut commands = vec![by(
        "admin",
        "found-register",
        &json!({
            "administrator_agency": {"vi": "Trung tâm Tin học"},
            "administrator": {"account": "admin", "agency": "trung-tam", "name": "Quản trị viên"},
            "approver_agency": {"vi": "Ủy ban nhân dân tỉnh"},
            "approver": {"account": "chair", "agency": "ubnd-tinh", "name": "Chủ tịch Hội đồng"},
            "approver_role": "council-chair",
            "approver_body": true,
            "instrument": {"id": DECISION, "number": "1952/QĐ-UBND", "date": "2026-10-01", "issuer": "UBND tỉnh"},
        }),
    )];
    let register = |agency: &str, body: bool| {
        let name = json!({"vi": format!("Cơ quan {agency}")});
        by("admin", "register-agency", &json!({"agency": agency, "name": name, "body": body}))
    };
    commands.extend(AGENCIES.map(|(agency, _)| register(agency, false)));
    commands.extend(BODIES.map(|body| register(body, true)));
    for (account, agency, roles) in ACCOUNTS {
        let new = json!({"account": account, "agency": agency, "name": format!("Người giữ {account}")});
        commands.push(by("admin", "open-account", &json!({"account": new})));
        for role in roles {
            let fields = json!({"account": account, "role": role});
            if ["secretariat", "council-member"].contains(role) {
                commands.push(by("admin", "propose-role", &fields));
                commands.push(by("chair", "approve-role", &fields));
            } else {
                commands.push(by("admin", "grant-role", &fields));
            }
        }
    }
    commands
}

/// Who founded Hà Nam's register, and who approves with it.
const HANAM_OFFICIALS: [(&str, &str); 2] =
    [("admin", "acc-so-thong-tin-va-truyen-thong-admin-1"), ("chair", "acc-ubnd-tinh-chair-1")];

/// The same seasons with the same accounts in a register that holds Hà Nam's season already: two of its agencies and one of
/// its bodies are Hà Nam's own.
pub(crate) fn beside_hanam() -> Vec<Value> {
    let [(_, administrator), (_, approver)] = HANAM_OFFICIALS;
    let mut commands = vec![
        by(administrator, "register-agency", &json!({"agency": "trung-tam", "name": {"vi": "Trung tâm Tin học"}})),
        by(
            administrator,
            "register-instrument",
            &json!({"instrument": {"id": DECISION, "number": "15/QĐ-UBND", "date": "2026-10-01", "issuer": "UBND tỉnh"}}),
        ),
    ];
    for (account, agency, role) in [("admin", "trung-tam", "administrator"), ("chair", "ubnd-tinh", "council-chair")] {
        let new = json!({"account": account, "agency": agency, "name": format!("Người giữ {account}")});
        let granted = json!({"account": account, "role": role});
        commands.push(by(administrator, "open-account", &json!({"account": new})));
        commands.push(by(administrator, "propose-role", &granted));
        commands.push(by(approver, "approve-role", &granted));
    }
    let is_there = |command: &Value| {
        let agencies = AGENCIES.map(|(agency, _)| agency);
        let agency = command["command"]["agency"].as_str().unwrap_or_default();
        command["command"]["type"] == "register-agency" && agencies.contains(&agency)
    };
    commands.extend(founding_to_activation().into_iter().skip(1).filter(|command| !is_there(command)));
    commands
}

fn season(season: &str, year: &str, end: &str, policy: &Value) -> Vec<Value> {
    let does = |kind: &str, mut fields: Value| {
        fields["season"] = season.into();
        by("secretary", kind, &fields)
    };
    let year: u16 = year.parse().expect("a year");
    let mut commands = vec![
        does("open-season", json!({"year": year, "title": format!("Đợt đánh giá {year}")})),
        does("set-season-policy", json!({"policy": policy})),
    ];
    for group in ["so", "huyen"] {
        commands.push(does("define-ranking-group", group_of(group)));
    }
    for (phase, admits) in PHASES {
        let name = json!({"vi": format!("Giai đoạn {phase}")});
        let times =
            json!({"phase": phase, "name": name, "start": "2020-01-01T00:00:00Z", "end": end, "admits": admits});
        commands.push(does("schedule-phase", times));
    }
    for (agency, group) in AGENCIES {
        let council = agency == "so-noi-vu" || agency == "so-tu-phap";
        commands.push(does("enter-agency", json!({"agency": agency, "group": group, "council_member": council})));
    }
    for group in ["so", "huyen"] {
        for node in ["d-1", "d-2"] {
            commands.push(does("assign-reviewers", json!({"assignment": assignment(group, node)})));
        }
    }
    commands.push(does("open-survey", json!({"operator": "buu-dien", "monitors": ["mat-tran", "bao-tinh"]})));
    commands.push(does("activate-season", json!({})));
    commands
}

/// A criteria set.
pub(crate) fn criteria(set: &str, max: &str, domains: Vec<Value>) -> Value {
    json!({"set": set, "title": "Bộ tiêu chí 2026", "max_points": max, "domains": domains})
}

fn node(code: &str, max: &str, children: Vec<Value>) -> Value {
    let id = if code.len() == 1 { format!("d-{code}") } else { format!("c-{}", code.replace('.', "-")) };
    json!({"id": id, "code": code, "name": format!("Mục {code}"), "max_points": max, "children": children})
}

fn leaf(code: &str, max: &str, mut rule: Value) -> Value {
    rule["version"] = 1.into();
    let id = format!("l-{}", code.replace('.', "-"));
    json!({"id": id, "code": code, "name": format!("Tiêu chí {code}"), "max_points": max, "leaf": {"rule": rule}})
}

/// The domains of the set: 8 + 8 points by people, 4 by the survey.
pub(crate) fn domains() -> Vec<Value> {
    let first = vec![
        node(
            "1.1",
            "5",
            vec![
                leaf("1.1.1", "1", json!({"type": "yes_no"})),
                leaf("1.1.2", "2", json!({"type": "proportional", "floor_pct": "50"})),
                leaf("1.1.3", "2", json!({"type": "per_unit", "points_per_unit": "0.5"})),
            ],
        ),
        leaf(
            "1.2",
            "2",
            json!({"type": "tiers", "by": "percentage", "tiers": [
                {"at_least": "90", "points": "2"}, {"at_least": "70", "points": "1"}]}),
        ),
        leaf("1.3", "1", json!({"type": "deduction", "per_unit": "0.25"})),
    ];
    let options = json!([
        {"label": "Đúng hạn", "points": "2"}, {"label": "Trễ", "points": "1"}, {"label": "Không", "points": "0"}]);
    let second = vec![
        leaf("2.1", "2", json!({"type": "choice", "options": options})),
        leaf("2.2", "3", json!({"type": "judged", "step": "0.25"})),
        leaf(
            "2.3",
            "2",
            json!({"type": "tiers", "by": "count", "tiers": [
                {"at_least": "10", "points": "2"}, {"at_least": "5", "points": "1"}]}),
        ),
        leaf("2.4", "1", json!({"type": "yes_no"})),
    ];
    let survey = vec![leaf("3.1", "4", json!({"type": "survey"}))];
    vec![node("1", "8", first), node("2", "8", second), node("3", "4", survey)]
}

fn policy() -> Value {
    let code = |code: &str, kind: &str| json!({"code": code, "label": format!("Lý do {code}"), "kind": kind});
    json!({
        "leaf_decimals": 2, "display_decimals": 2, "rounding": "half_up", "appraisal_rounds": 2,
        "class_by": "rounded_index", "ties": "competition", "unsurveyed": "leave_out",
        "unsigned_evidence": "reviewer_judges", "late_submission": "by_acceptance", "appeal_may_lower": false,
        "approvals": 2, "instrument_required": ["deem-score"],
        "reason_codes": [
            code("evidence_missing", "deduction"), code("underclaimed", "raise"), code("data_mismatch", "either"),
            code("not_submitted", "deduction"), code("clerical_error", "either"), code("appeal_decided", "either"),
            code("standard_amended", "either"),
        ],
        "survey_factors": ["access", "results"],
    })
}

fn group_of(group: &str) -> Value {
    let band = |code: &str, lower: &str, upper: &str, upper_inclusive: bool| {
        json!({"code": code, "label": format!("Hạng {code}"), "lower": lower, "lower_inclusive": true,
            "upper": upper, "upper_inclusive": upper_inclusive})
    };
    let classes =
        json!([band("tot", "80", "100", true), band("kha", "50", "80", false), band("yeu", "0", "50", false)]);
    json!({"group": group, "name": {"vi": format!("Khối {group}")}, "classes": classes, "set": SET})
}

/// Domain 1 is led by so-noi-vu, domain 2 by so-tu-phap; each takes over the other's own leaves.
fn assignment(group: &str, node: &str) -> Value {
    let home = json!({"agency": "so-noi-vu", "reviewers": ["both-nv", "reviewer-nv"], "confirmers": ["both-nv", "confirmer-nv"]});
    let justice = json!({"agency": "so-tu-phap", "reviewers": ["reviewer-tp"], "confirmers": ["confirmer-tp"]});
    let (lead, alternate) = if node == "d-1" { (home, justice) } else { (justice, home) };
    json!({"group": group, "node": node, "lead_agency": lead["agency"], "reviewers": lead["reviewers"],
        "confirmers": lead["confirmers"], "alternate": alternate})
}

/// Leaves that people score, with what every agency declares and the points that follow.
pub(crate) fn declared() -> [(&'static str, Value, &'static str); 9] {
    [
        ("1.1.1", json!({"yes_no": true}), "1"),
        ("1.1.2", json!({"ratio": {"numerator": "9", "denominator": "10"}}), "1.8"),
        ("1.1.3", json!({"count": "3"}), "1.5"),
        ("1.2", json!({"ratio": {"numerator": "95", "denominator": "100"}}), "2"),
        ("1.3", json!({"count": "1"}), "0.75"),
        ("2.1", json!({"option": 1}), "2"),
        ("2.2", json!({"judged": "2.5"}), "2.5"),
        ("2.3", json!({"count": "12"}), "2"),
        ("2.4", json!({"yes_no": true}), "1"),
    ]
}

/// An officer declares one leaf.
pub(crate) fn declares(agency: &str, leaf: &str, inputs: &Value) -> Value {
    by(&officer(agency), "record-self-score", &json!({"agency": agency, "leaf": leaf, "inputs": inputs}))
}

/// Every leaf as in [`declared`].
pub(crate) fn declares_all(agency: &str) -> Value {
    let rows: Vec<_> = declared().iter().map(|(leaf, inputs, _)| json!({"leaf": leaf, "inputs": inputs})).collect();
    by(&officer(agency), "import-scorecard", &json!({"agency": agency, "rows": rows}))
}

/// The leader submits.
pub(crate) fn submits(agency: &str) -> Value {
    by(&leader(agency), "submit-scorecard", &json!({"agency": agency}))
}

/// All agencies score every leaf and submit.
pub(crate) fn all_submit() -> Vec<Value> {
    AGENCIES.iter().flat_map(|(agency, _)| [declares_all(agency), submits(agency)]).collect()
}

/// Reviewers accept everything, and confirmers confirm it; the survey's results come in.
pub(crate) fn all_appraised() -> Vec<Value> {
    let mut commands = all_accepted();
    for (agency, _) in AGENCIES {
        for domain in ["1", "2"] {
            commands.push(by(
                confirmer(agency, domain),
                "confirm-leaves",
                &json!({"agency": agency, "nodes": [domain]}),
            ));
        }
    }
    commands
}

/// Reviewers accept everything, unconfirmed yet; the survey's results come in.
pub(crate) fn all_accepted() -> Vec<Value> {
    let mut commands = Vec::new();
    for (agency, _) in AGENCIES {
        for domain in ["1", "2"] {
            let node = json!({"agency": agency, "node": domain});
            commands.push(by(reviewer(agency, domain), "accept-unchanged", &node));
        }
    }
    let results: Vec<_> =
        AGENCIES.iter().map(|(agency, _)| json!({"agency": agency, "forms": 40, "factors": ["90", "80"]})).collect();
    commands.push(by("operator", "import-survey", &json!({"results": results})));
    commands.push(by("monitor", "accept-survey", &json!({})));
    commands
}

/// The results are announced, approved by two and published.
pub(crate) fn announced() -> Vec<Value> {
    vec![
        by("secretary", "announce-results", &json!({})),
        by("member-nv", "approve-results", &json!({"number": 1})),
        by("member-tp", "approve-results", &json!({"number": 1})),
        by("secretary", "publish-edition", &json!({"announcement": 1, "kind": "provisional"})),
    ]
}

/// Who appraises a leaf of an agency: its domain's lead agency, or the other one for the lead agency's own.
pub(crate) fn reviewer(agency: &str, leaf: &str) -> &'static str {
    if leaf.starts_with('1') != (agency == lead(leaf)) { "reviewer-nv" } else { "reviewer-tp" }
}

/// Who confirms it.
pub(crate) fn confirmer(agency: &str, leaf: &str) -> &'static str {
    if reviewer(agency, leaf) == "reviewer-nv" { "confirmer-nv" } else { "confirmer-tp" }
}

fn lead(leaf: &str) -> &'static str {
    if leaf.starts_with('1') { "so-noi-vu" } else { "so-tu-phap" }
}

/// The officer of an agency.
pub(crate) fn officer(agency: &str) -> String {
    format!("officer-{}", short(agency))
}

/// The leader of an agency.
pub(crate) fn leader(agency: &str) -> String {
    format!("leader-{}", short(agency))
}

fn short(agency: &str) -> &'static str {
    match agency {
        "so-noi-vu" => "nv",
        "so-tu-phap" => "tp",
        "so-y-te" => "yt",
        _ => "ln",
    }
}

/// A reviewer overrides a leaf's points.
pub(crate) fn adjusts(account: &str, agency: &str, leaf: &str, points: &str, code: &str) -> Value {
    by(
        account,
        "adjust-score",
        &json!({"agency": agency, "leaf": leaf, "points": {"override": points}, "reason_code": code,
            "reason": "Đối chiếu số liệu của hệ thống"}),
    )
}
