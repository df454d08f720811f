//! A season of a whole country, from a seed: every command that its people give, in an order that could have happened.
//!
//! **Shape.** One ranking group, one criteria set of six domains with ten leaves each beside the survey's, one body that
//! leads each domain. An agency declares its sixty leaves by a sheet, declares most of them again, attaches evidence and
//! submits; reviewers adjust three leaves in ten, accept the rest, ask for explanations, get them with more evidence and
//! decide in a second round; others confirm. That is 377 entries an agency: 4,000 agencies make a log of 1.5 million.
//! **Order.** Agencies, leaves and acts are shuffled within each step, as they come in in reality: the entries of one
//! agency do not lie together. **Seed.** The same seed and size give the same commands; with the clock of
//! [`Pace::Stepped`](crate::writer::Pace) the log is the same to the byte, on either store.

use std::fmt;

use anyhow::Context as _;
use serde_json::{Value, json};
use sogoc_domain::command::{
    AcceptUnchanged, AdjustScore, AttachEvidence, Command, ConfirmLeaves, GiveExplanation, ImportScorecard, NewPoints,
    RecordSelfScore, RequestExplanation, SheetRow, SubmitScorecard, UpholdScore,
};
use sogoc_domain::event::{EvidencePurpose, SignatureState};
use sogoc_domain::roles::Role;
use sogoc_domain::scoring::Inputs;
use sogoc_domain::values::{AccountId, AgencyId, CaseId, Digest, SeasonId, Text, Timestamp};

use crate::random::{Random, mix};
use crate::writer::Writer;

/// Domains of the criteria set that people score; the survey's is one more.
pub(crate) const DOMAINS: u32 = 6;
/// Leaves of each of them.
pub(crate) const LEAVES_PER_DOMAIN: u32 = 10;
/// Leaves that people score.
pub(crate) const LEAVES: u32 = DOMAINS * LEAVES_PER_DOMAIN;
/// Accounts that appraise, in each domain's body.
pub(crate) const REVIEWERS: u32 = 8;
/// Results that one survey import brings: each is an entry, and an append takes 10,000.
const SURVEYED_AT_ONCE: usize = 2_000;

const DAY_US: i64 = 86_400_000_000;
/// Its administrator and its second official; the same in every log that is made here.
pub(crate) const ADMINISTRATOR: &str = "quan-tri";
pub(crate) const CHAIR: &str = "chu-tich";
pub(crate) const SECRETARY: &str = "thu-ky";
const SURVEYOR: &str = "khao-sat";
const MONITOR: &str = "giam-sat";

const ADJUSTED: &str = "Đối chiếu hệ thống thông tin giải quyết thủ tục hành chính: số hồ sơ đúng hạn thấp hơn số tự khai; \
                        điều chỉnh theo số liệu hệ thống tại thời điểm thẩm định.";
const ASKED: &str =
    "Đề nghị giải trình chênh lệch giữa báo cáo của đơn vị và số liệu của hệ thống, kèm tài liệu kiểm chứng.";
const EXPLAINED: &str =
    "Đơn vị đã rà soát: một phần hồ sơ được xử lý trên phần mềm chuyên ngành chưa đồng bộ; danh sách kèm theo.";
const UPHELD: &str = "Tài liệu bổ sung không làm thay đổi số liệu đối chiếu; giữ kết quả thẩm định lần 1.";

/// By what rules the leaves are scored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Rules {
    /// All types that people score, in turn.
    Mixed,
    /// A numerator and a denominator, as the peer's leaves are.
    Ratios,
}

/// A season that is to be: which, how large, when.
#[derive(Clone, Debug)]
pub(crate) struct Season {
    pub(crate) id: SeasonId,
    /// Begins the ids of its agencies.
    pub(crate) prefix: &'static str,
    pub(crate) agencies: u32,
    pub(crate) seed: u64,
    pub(crate) rules: Rules,
    /// When agencies score themselves: first instant and first instant after it.
    pub(crate) self_scoring: (Timestamp, Timestamp),
    /// When all that follows is admitted.
    pub(crate) appraisal: (Timestamp, Timestamp),
}

/// An id from the words that make it; every one here is short and plain.
pub(crate) fn id<T>(text: impl fmt::Display) -> T
where
    T: std::str::FromStr,
    T::Err: fmt::Debug,
{
    text.to_string().parse().expect("made of a-z, 0-9 and -")
}

fn text(text: &str) -> Text {
    Text::try_new(text).expect("no control characters")
}

impl Season {
    /// The past season of a country of this many agencies.
    pub(crate) fn country(agencies: u32, seed: u64) -> Self {
        let start = Timestamp::parse("2025-11-01T00:00:00Z").expect("an instant");
        let day = |n: i64| start.plus_micros(n * DAY_US);
        Self {
            id: id("ca-nuoc-2025"),
            prefix: "xa",
            agencies,
            seed,
            rules: Rules::Mixed,
            self_scoring: (start, day(60)),
            appraisal: (day(60), day(200)),
        }
    }

    /// A season that runs now, for commands that come in while it is measured.
    pub(crate) fn live(number: u32, agencies: u32) -> Self {
        let always = (
            Timestamp::parse("2026-01-01T00:00:00Z").expect("an instant"),
            Timestamp::parse("2099-01-01T00:00:00Z").expect("an instant"),
        );
        Self {
            id: id(format_args!("dang-chay-{number}")),
            prefix: "so",
            agencies,
            seed: u64::from(number),
            rules: Rules::Ratios,
            self_scoring: always,
            appraisal: always,
        }
    }

    pub(crate) fn agency(&self, number: u32) -> AgencyId {
        id(format_args!("{}-{number:05}", self.prefix))
    }

    /// Who scores for an agency.
    pub(crate) fn officer(&self, number: u32) -> AccountId {
        id(format_args!("{}-{number:05}-cb", self.prefix))
    }

    /// Who submits for an agency.
    pub(crate) fn leader(&self, number: u32) -> AccountId {
        id(format_args!("{}-{number:05}-ld", self.prefix))
    }

    /// Who appraises a domain.
    pub(crate) fn reviewer(domain: u32, number: u32) -> AccountId {
        id(format_args!("vu-{}-td-{}", domain + 1, number % REVIEWERS + 1))
    }

    fn confirmer(domain: u32) -> AccountId {
        id(format_args!("vu-{}-xn", domain + 1))
    }

    fn hash(&self, agency: u32, leaf: u32, of: u64) -> u64 {
        mix(self.seed ^ mix(u64::from(agency) << 32 | u64::from(leaf)) ^ mix(of))
    }

    fn hash_below(&self, agency: u32, leaf: u32, of: u64, limit: u32) -> u32 {
        u32::try_from(self.hash(agency, leaf, of) % u64::from(limit)).expect("below a u32")
    }

    /// Everything up to the activation. What the register holds already, from another season, is passed over.
    pub(crate) async fn set_up(&self, writer: &mut Writer) -> anyhow::Result<()> {
        if !writer.world().is_founded() {
            self.found(writer).await?;
        }
        let secretary: AccountId = id(SECRETARY);
        let set = format!("bo-{}", self.id);
        writer.does(&secretary, criteria(&set, self.rules)).await?;
        writer.does(&secretary, json!({"type": "activate-criteria-set", "set": set})).await?;
        let season = &self.id;
        let open = json!({"type": "open-season", "season": season, "year": 2025, "title": "Đợt đánh giá cả nước"});
        writer.does(&secretary, open).await?;
        writer.does(&secretary, json!({"type": "set-season-policy", "season": season, "policy": policy()})).await?;
        writer.does(&secretary, group(season, &set)).await?;
        for (phase, (start, end), admits) in
            [("tu-cham", self.self_scoring, SELF_SCORING), ("tham-dinh", self.appraisal, APPRAISAL)]
        {
            let phase = json!({
                "type": "schedule-phase", "season": season, "phase": phase, "name": {"vi": phase},
                "start": start, "end": end, "admits": admits,
            });
            writer.does(&secretary, phase).await?;
        }
        let administrator: AccountId = id(ADMINISTRATOR);
        for number in 0..self.agencies {
            let agency = self.agency(number);
            if !writer.world().agencies.contains_key(&agency) {
                let name = format!("Ủy ban nhân dân xã số {number}");
                let register = json!({"type": "register-agency", "agency": agency, "name": {"vi": name}});
                writer.does(&administrator, register).await?;
                for (account, role) in
                    [(self.officer(number), Role::AgencyOfficer), (self.leader(number), Role::AgencyLeader)]
                {
                    open_account(writer, &account, &agency, role).await?;
                }
            }
            let enter = json!({"type": "enter-agency", "season": season, "agency": agency, "group": "xa"});
            writer.does(&secretary, enter).await?;
        }
        for domain in 0..DOMAINS {
            let reviewers: Vec<_> = (0..REVIEWERS).map(|number| Self::reviewer(domain, number)).collect();
            let assignment = json!({
                "group": "xa", "node": format!("d-{}", domain + 1), "lead_agency": body(domain),
                "reviewers": reviewers, "confirmers": [Self::confirmer(domain)],
            });
            let assign = json!({"type": "assign-reviewers", "season": season, "assignment": assignment});
            writer.does(&secretary, assign).await?;
        }
        let survey = json!({
            "type": "open-survey", "season": season, "operator": "buu-dien", "monitors": ["mat-tran"],
        });
        writer.does(&secretary, survey).await?;
        writer.does(&secretary, json!({"type": "activate-season", "season": season})).await
    }

    async fn found(&self, writer: &mut Writer) -> anyhow::Result<()> {
        let administrator: AccountId = id(ADMINISTRATOR);
        let founding = json!({
            "type": "found-register",
            "administrator_agency": {"vi": "Trung tâm Tin học"},
            "administrator": {"account": ADMINISTRATOR, "agency": "trung-tam-tin-hoc", "name": "Quản trị viên"},
            "approver_agency": {"vi": "Hội đồng thẩm định"},
            "approver": {"account": CHAIR, "agency": "hoi-dong", "name": "Chủ tịch Hội đồng"},
            "approver_role": "council-chair",
            "approver_body": true,
            "instrument": {"id": "qd-1", "number": "1/QĐ-TTg", "date": "2025-10-01", "issuer": "Thủ tướng Chính phủ"},
        });
        writer.does(&administrator, founding).await?;
        for (agency, name) in [("buu-dien", "Bưu điện"), ("mat-tran", "Mặt trận Tổ quốc")] {
            let body = json!({"type": "register-agency", "agency": agency, "name": {"vi": name}, "body": true});
            writer.does(&administrator, body).await?;
        }
        for domain in 0..DOMAINS {
            let name = format!("Vụ chủ trì lĩnh vực {}", domain + 1);
            let agency = body(domain);
            let register = json!({"type": "register-agency", "agency": agency, "name": {"vi": name}, "body": true});
            writer.does(&administrator, register).await?;
            for number in 0..REVIEWERS {
                open_account(writer, &Self::reviewer(domain, number), &agency, Role::Reviewer).await?;
            }
            open_account(writer, &Self::confirmer(domain), &agency, Role::Confirmer).await?;
        }
        open_account(writer, &id(SURVEYOR), &id("buu-dien"), Role::SurveyOperator).await?;
        open_account(writer, &id(MONITOR), &id("mat-tran"), Role::SurveyMonitor).await?;
        open_account(writer, &id(SECRETARY), &id("hoi-dong"), Role::Secretariat).await
    }

    /// Everything after the activation, up to the last confirmation.
    pub(crate) async fn run(&self, writer: &mut Writer) -> anyhow::Result<()> {
        let mut random = Random::new(mix(self.seed));
        writer.jump(self.self_scoring.0).await?;
        for number in random.shuffled(self.agencies) {
            self.sheet(writer, number).await?;
        }
        // Evidence and second thoughts come in together, agency by agency as they please.
        let mut acts = Vec::new();
        for (agency, leaf) in self.leaves() {
            acts.extend((0..self.pieces(agency, leaf)).map(|piece| (agency, leaf, piece)));
            if self.is_declared_again(agency, leaf) {
                acts.push((agency, leaf, AGAIN));
            }
        }
        random.shuffle(&mut acts);
        for (agency, leaf, act) in acts {
            if act == AGAIN {
                self.declare_again(writer, agency, leaf).await?;
            } else {
                self.attach(writer, agency, leaf, act, None).await?;
            }
        }
        for number in random.shuffled(self.agencies) {
            let submit = SubmitScorecard { season: self.id.clone(), agency: self.agency(number) };
            writer.execute(&self.leader(number), submit.into()).await?;
        }
        writer.jump(self.appraisal.0).await?;
        self.survey(writer).await?;
        self.appraise(writer, &mut random).await
    }

    async fn appraise(&self, writer: &mut Writer, random: &mut Random) -> anyhow::Result<()> {
        let mut adjusted: Vec<_> = self.leaves().filter(|&(agency, leaf)| self.is_adjusted(agency, leaf)).collect();
        random.shuffle(&mut adjusted);
        for &(agency, leaf) in &adjusted {
            let level = self.appraised_level(agency, leaf, 1);
            self.adjust(writer, agency, leaf, level, None).await?;
        }
        let mut domains: Vec<_> = (0..self.agencies).flat_map(|a| (0..DOMAINS).map(move |d| (a, d))).collect();
        random.shuffle(&mut domains);
        for &(agency, domain) in &domains {
            let first = domain * LEAVES_PER_DOMAIN;
            if (first..first + LEAVES_PER_DOMAIN).all(|leaf| self.is_adjusted(agency, leaf)) {
                continue;
            }
            let accept = AcceptUnchanged {
                season: self.id.clone(),
                agency: self.agency(agency),
                node: (domain + 1).to_string(),
            };
            writer.execute(&Self::reviewer(domain, agency), accept.into()).await?;
        }
        // Two of three adjustments are talked about.
        let mut asked: Vec<_> =
            adjusted.into_iter().filter(|&(agency, leaf)| self.hash_below(agency, leaf, ASKING, 3) < 2).collect();
        for &(agency, leaf) in &asked {
            let ask = RequestExplanation {
                season: self.id.clone(),
                agency: self.agency(agency),
                case: case(leaf),
                leaf: leaf_code(leaf),
                request: text(ASKED),
                due: self.appraisal.1,
            };
            writer.execute(&Self::reviewer(domain_of(leaf), agency), ask.into()).await?;
        }
        random.shuffle(&mut asked);
        for &(agency, leaf) in &asked {
            self.attach(writer, agency, leaf, SUPPLEMENT, Some(case(leaf))).await?;
            let give = GiveExplanation {
                season: self.id.clone(),
                agency: self.agency(agency),
                case: case(leaf),
                answer: text(EXPLAINED),
            };
            writer.execute(&self.officer(agency), give.into()).await?;
        }
        random.shuffle(&mut asked);
        for &(agency, leaf) in &asked {
            if self.hash_below(agency, leaf, UPHOLDING, 5) < 3 {
                let uphold = UpholdScore {
                    season: self.id.clone(),
                    agency: self.agency(agency),
                    leaf: leaf_code(leaf),
                    reason_code: "so-lieu".to_owned(),
                    reason: text(UPHELD),
                    case: Some(case(leaf)),
                };
                writer.execute(&Self::reviewer(domain_of(leaf), agency), uphold.into()).await?;
            } else {
                let level = self.appraised_level(agency, leaf, 2);
                self.adjust(writer, agency, leaf, level, Some(case(leaf))).await?;
            }
        }
        random.shuffle(&mut domains);
        for (agency, domain) in domains {
            let confirm = ConfirmLeaves {
                season: self.id.clone(),
                agency: self.agency(agency),
                nodes: vec![(domain + 1).to_string()],
            };
            writer.execute(&Self::confirmer(domain), confirm.into()).await?;
        }
        Ok(())
    }

    fn leaves(&self) -> impl Iterator<Item = (u32, u32)> {
        let agencies = self.agencies;
        (0..agencies).flat_map(|agency| (0..LEAVES).map(move |leaf| (agency, leaf)))
    }

    /// Pieces of evidence that a leaf gets: one to four.
    fn pieces(&self, agency: u32, leaf: u32) -> u32 {
        1 + self.hash_below(agency, leaf, EVIDENCE, 4)
    }

    fn is_declared_again(&self, agency: u32, leaf: u32) -> bool {
        self.hash_below(agency, leaf, DECLARING, 4) < 3
    }

    fn is_adjusted(&self, agency: u32, leaf: u32) -> bool {
        self.hash_below(agency, leaf, ADJUSTING, 10) < 3
    }

    /// How well a leaf stands in what the agency declares first, 0 to 3. What follows is always an odd step away, so
    /// that under every rule, yes or no included, each change is one of points.
    fn declared_level(&self, agency: u32, leaf: u32) -> u32 {
        self.hash_below(agency, leaf, FIRST_LEVEL, 4)
    }

    fn standing_level(&self, agency: u32, leaf: u32) -> u32 {
        let again = u32::from(self.is_declared_again(agency, leaf));
        (self.declared_level(agency, leaf) + again * self.step(agency, leaf, 0)) % 4
    }

    fn appraised_level(&self, agency: u32, leaf: u32, round: u32) -> u32 {
        let steps: u32 = (1..=round).map(|round| self.step(agency, leaf, round)).sum();
        (self.standing_level(agency, leaf) + steps) % 4
    }

    fn step(&self, agency: u32, leaf: u32, round: u32) -> u32 {
        1 + 2 * self.hash_below(agency, leaf, STEPPING + u64::from(round), 2)
    }

    async fn sheet(&self, writer: &mut Writer, number: u32) -> anyhow::Result<()> {
        let rows = (0..LEAVES)
            .map(|leaf| SheetRow {
                leaf: leaf_code(leaf),
                inputs: inputs(self.rules, leaf, self.declared_level(number, leaf)),
            })
            .collect();
        let sheet = ImportScorecard { season: self.id.clone(), agency: self.agency(number), rows };
        writer.execute(&self.officer(number), sheet.into()).await
    }

    async fn declare_again(&self, writer: &mut Writer, agency: u32, leaf: u32) -> anyhow::Result<()> {
        let score = RecordSelfScore {
            season: self.id.clone(),
            agency: self.agency(agency),
            leaf: leaf_code(leaf),
            inputs: inputs(self.rules, leaf, self.standing_level(agency, leaf)),
        };
        writer.execute(&self.officer(agency), score.into()).await
    }

    async fn attach(
        &self,
        writer: &mut Writer,
        agency: u32,
        leaf: u32,
        piece: u32,
        case: Option<CaseId>,
    ) -> anyhow::Result<()> {
        let mut digest = [0; 32];
        for (part, bytes) in (0_u64..).zip(digest.chunks_mut(8)) {
            bytes.copy_from_slice(&self.hash(agency, leaf, FILE + u64::from(piece) * 8 + part).to_be_bytes());
        }
        let attach = AttachEvidence {
            season: self.id.clone(),
            agency: self.agency(agency),
            leaf: leaf_code(leaf),
            digest: Some(Digest(digest)),
            name: text(&format!("Báo cáo số {} tiêu chí {} - {piece}.pdf", agency % 900 + 100, leaf_code(leaf))),
            media: "application/pdf".to_owned(),
            signature: SignatureState::NotJudged,
            purpose: if case.is_some() { EvidencePurpose::Supplement } else { EvidencePurpose::Submitted },
            case,
            detached: None,
        };
        writer.execute(&self.officer(agency), attach.into()).await
    }

    async fn adjust(
        &self,
        writer: &mut Writer,
        agency: u32,
        leaf: u32,
        level: u32,
        case: Option<CaseId>,
    ) -> anyhow::Result<()> {
        let adjust = AdjustScore {
            season: self.id.clone(),
            agency: self.agency(agency),
            leaf: leaf_code(leaf),
            points: NewPoints::Inputs(inputs(self.rules, leaf, level)),
            reason_code: "so-lieu".to_owned(),
            reason: text(ADJUSTED),
            case,
        };
        writer.execute(&Self::reviewer(domain_of(leaf), agency), adjust.into()).await
    }

    async fn survey(&self, writer: &mut Writer) -> anyhow::Result<()> {
        let results: Vec<Value> = (0..self.agencies)
            .map(|number| {
                let percent = |factor: u64| {
                    let tenths = 600 + self.hash_below(number, 0, SURVEY + factor, 400);
                    format!("{}.{}", tenths / 10, tenths % 10).trim_end_matches(".0").to_owned()
                };
                json!({"agency": self.agency(number), "forms": 40, "factors": [percent(0), percent(1)]})
            })
            .collect();
        for results in results.chunks(SURVEYED_AT_ONCE) {
            let import = json!({"type": "import-survey", "season": self.id, "results": results});
            writer.does(&id(SURVEYOR), import).await?;
        }
        writer.does(&id(MONITOR), json!({"type": "accept-survey", "season": self.id, "agencies": []})).await
    }
}

/// What a number drawn from the seed is for, so that no two purposes share one.
const EVIDENCE: u64 = 1 << 8;
const DECLARING: u64 = 2 << 8;
const ADJUSTING: u64 = 3 << 8;
const ASKING: u64 = 4 << 8;
const UPHOLDING: u64 = 5 << 8;
const FIRST_LEVEL: u64 = 6 << 8;
const STEPPING: u64 = 7 << 8;
const SURVEY: u64 = 8 << 8;
const FILE: u64 = 9 << 8;

/// In the place of a piece of evidence: the leaf is declared again.
const AGAIN: u32 = u32::MAX;
/// Number of the piece that comes with an explanation.
const SUPPLEMENT: u32 = 9;

fn domain_of(leaf: u32) -> u32 {
    leaf / LEAVES_PER_DOMAIN
}

/// "1.1.1" to "6.2.5".
pub(crate) fn leaf_code(leaf: u32) -> String {
    let within = leaf % LEAVES_PER_DOMAIN;
    format!("{}.{}.{}", domain_of(leaf) + 1, within / 5 + 1, within % 5 + 1)
}

fn case(leaf: u32) -> CaseId {
    id(format_args!("gt-{}", leaf_code(leaf).replace('.', "-")))
}

fn body(domain: u32) -> AgencyId {
    id(format_args!("vu-{}", domain + 1))
}

async fn open_account(writer: &mut Writer, account: &AccountId, agency: &AgencyId, role: Role) -> anyhow::Result<()> {
    let administrator: AccountId = id(ADMINISTRATOR);
    let name = format!("Người giữ tài khoản {account}");
    let new = json!({"account": account, "agency": agency, "name": name});
    writer.does(&administrator, json!({"type": "open-account", "account": new})).await?;
    let give = |kind: &str| json!({"type": kind, "account": account, "role": role, "scope": {}});
    if role.needs_two() {
        writer.does(&administrator, give("propose-role")).await?;
        return writer.does(&id(CHAIR), give("approve-role")).await;
    }
    writer.does(&administrator, give("grant-role")).await
}

/// What is declared of a leaf that stands at a level of 0 to 3; every level gives other points.
fn inputs(rules: Rules, leaf: u32, level: u32) -> Inputs {
    let count = |count: u32| Inputs::Count(id(count));
    let ratio = |numerator: u32| Inputs::Ratio { numerator: id(numerator), denominator: id(400) };
    if rules == Rules::Ratios {
        return ratio(100 + 75 * level);
    }
    match leaf % LEAVES_PER_DOMAIN {
        0 => Inputs::YesNo(level % 2 == 1),
        1 => ratio(100 + 75 * level + leaf),
        2 => ratio([160, 240, 320, 380][level as usize]),
        3 => Inputs::Judged(id(["0", "0.5", "1", "1.5"][level as usize])),
        4 => Inputs::Option(4 - u16::try_from(level).expect("0 to 3")),
        5 => count(2 * level),
        6 => count(6 - 2 * level),
        7 => count([2, 7, 12, 25][level as usize]),
        8 => ratio(220 + 45 * level),
        _ => Inputs::Judged(id(["0.25", "0.75", "1.25", "1.5"][level as usize])),
    }
}

fn rule(rules: Rules, leaf: u32) -> Value {
    if rules == Rules::Ratios {
        return json!({"type": "proportional", "version": 1});
    }
    match leaf % LEAVES_PER_DOMAIN {
        0 => json!({"type": "yes_no", "version": 1}),
        1 => json!({"type": "proportional", "version": 1}),
        2 => json!({"type": "tiers", "version": 1, "by": "percentage", "tiers": [
            {"at_least": "90", "points": "1.5"}, {"at_least": "70", "points": "1"}, {"at_least": "50", "points": "0.5"}]}),
        3 => json!({"type": "judged", "version": 1, "step": "0.5"}),
        4 => json!({"type": "choice", "version": 1, "options": [
            {"label": "Đúng hạn", "points": "1.5"}, {"label": "Chậm dưới 10 ngày", "points": "1"},
            {"label": "Chậm từ 10 ngày", "points": "0.5"}, {"label": "Không thực hiện", "points": "0"}]}),
        5 => json!({"type": "per_unit", "version": 1, "points_per_unit": "0.25"}),
        6 => json!({"type": "deduction", "version": 1, "per_unit": "0.25"}),
        7 => json!({"type": "tiers", "version": 1, "by": "count", "tiers": [
            {"at_least": "20", "points": "1.5"}, {"at_least": "10", "points": "1"}, {"at_least": "5", "points": "0.5"}]}),
        8 => json!({"type": "proportional", "version": 1, "floor_pct": "50"}),
        _ => json!({"type": "judged", "version": 1, "step": "0.25"}),
    }
}

/// 90 points by people, 1.5 a leaf, and 10 by the survey.
fn criteria(set: &str, rules: Rules) -> Value {
    let leaf = |leaf: u32| {
        let code = leaf_code(leaf);
        json!({
            "id": format!("l-{}", code.replace('.', "-")), "code": code, "name": format!("Tiêu chí thành phần {code}"),
            "max_points": "1.5", "leaf": {"rule": rule(rules, leaf)},
        })
    };
    let criterion = |domain: u32, half: u32| {
        let first = domain * LEAVES_PER_DOMAIN + half * 5;
        let code = format!("{}.{}", domain + 1, half + 1);
        json!({
            "id": format!("c-{}", code.replace('.', "-")), "code": code, "name": format!("Tiêu chí {code}"),
            "max_points": "7.5", "children": (first..first + 5).map(leaf).collect::<Vec<_>>(),
        })
    };
    let mut domains: Vec<Value> = (0..DOMAINS)
        .map(|domain| {
            let code = (domain + 1).to_string();
            json!({
                "id": format!("d-{code}"), "code": code, "name": format!("Lĩnh vực {code}"), "max_points": "15",
                "children": [criterion(domain, 0), criterion(domain, 1)],
            })
        })
        .collect();
    domains.push(json!({
        "id": "d-7", "code": "7", "name": "Khảo sát mức độ hài lòng", "max_points": "10", "children": [{
            "id": "l-7-1", "code": "7.1", "name": "Kết quả khảo sát", "max_points": "10",
            "leaf": {"rule": {"type": "survey", "version": 1}},
        }],
    }));
    json!({
        "type": "draft-criteria-set", "set": set, "title": "Bộ tiêu chí cả nước", "max_points": "100", "domains": domains,
    })
}

fn policy() -> Value {
    json!({
        "leaf_decimals": 2, "display_decimals": 2, "rounding": "half_up", "appraisal_rounds": 2,
        "class_by": "rounded_index", "ties": "competition", "unsurveyed": "leave_out",
        "unsigned_evidence": "reviewer_judges", "late_submission": "by_acceptance", "appeal_may_lower": false,
        "approvals": 2, "instrument_required": [],
        "reason_codes": [
            {"code": "so-lieu", "label": "Theo số liệu đối chiếu", "kind": "either"},
            {"code": "clerical_error", "label": "Sửa lỗi kỹ thuật", "kind": "either"},
            {"code": "standard_amended", "label": "Bộ tiêu chí được sửa đổi", "kind": "either"},
        ],
        "survey_factors": ["tiep-can", "ket-qua"],
    })
}

fn group(season: &SeasonId, set: &str) -> Value {
    let band = |code: &str, label: &str, lower: &str, upper: &str| {
        json!({"code": code, "label": label, "lower": lower, "lower_inclusive": true, "upper": upper,
            "upper_inclusive": upper == "100"})
    };
    json!({
        "type": "define-ranking-group", "season": season, "group": "xa", "name": {"vi": "Khối xã"}, "set": set,
        "classes": [
            band("xuat-sac", "Xuất sắc", "90", "100"), band("tot", "Tốt", "80", "90"), band("kha", "Khá", "65", "80"),
            band("trung-binh", "Trung bình", "50", "65"), band("yeu", "Yếu", "0", "50"),
        ],
    })
}

const SELF_SCORING: &[&str] =
    &["attach-evidence", "import-scorecard", "record-self-score", "submit-scorecard", "withdraw-submission"];
const APPRAISAL: &[&str] = &[
    "accept-score",
    "accept-survey",
    "accept-unchanged",
    "adjust-score",
    "confirm-leaves",
    "deem-score",
    "import-survey",
    "record-not-surveyed",
    "record-recheck",
    "request-explanation",
    "return-leaves",
    "uphold-score",
];

/// Reads a command from its JSON form.
pub(crate) fn command(json: Value) -> anyhow::Result<Command> {
    let shown = json.to_string();
    serde_json::from_value(json).with_context(|| format!("the generator wrote no command: {shown:.200}"))
}
