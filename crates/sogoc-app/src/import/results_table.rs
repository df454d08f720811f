//! The printed table of a past season, of which only totals are known.
//!
//! One row an agency: `agency,name,appraised_points,survey_points,applicable_max` and optionally
//! `printed_total,printed_index,printed_rank,printed_class`. Headers are read in any case, in Vietnamese too (`mã`,
//! `tên cơ quan`, `điểm thẩm định`, `điểm khảo sát`, `thang điểm`, `tổng điểm`, `chỉ số`, `xếp hạng`, `xếp loại`); the
//! delimiter is a comma, a semicolon or a tab, decimals have a point or a comma. An empty survey, or `x`, means *not
//! surveyed*, never zero. Where the column `agency` is missing, ids are made of the names (`Sở Nội vụ` → `so-noi-vu`).
//! Printed totals, indices, ranks and classes are not recorded: they become claims to reconcile with.
//!
//! A table of its own founds an empty register with accounts that say what they are (`importer-1` and so on, of the body
//! `import`), so that any province's table goes into an empty store in one command. Rows decide nothing: they are
//! transcribed by the administrator, and the edition is approved by two council members like any other.

use std::collections::{BTreeMap, BTreeSet};

use sogoc_domain::command::{
    ActivateSeason, AnnounceResults, ApproveResults, ApproveRole, Command, DefineRankingGroup, EnterAgency, Envelope,
    FoundRegister, InstrumentRef, NewAccount, NewInstrument, OpenAccount, OpenSeason, ProposeRole, PublishEdition,
    RegisterAgency, RegisterInstrument, SetComparison, SetSeasonPolicy, TranscribeResult,
};
use sogoc_domain::event::{EditionKind, Name};
use sogoc_domain::policy::{
    Band, ClassBy, LateSubmission, Mode, Policy, ReasonCode, Ties, UnsignedEvidence, Unsurveyed,
};
use sogoc_domain::roles::{Role, Scope};
use sogoc_domain::said;
use sogoc_domain::scoring::Rounding;
use sogoc_domain::values::{AccountId, AgencyId, GroupId, InstrumentId, Points, SeasonId, Text, Timestamp};
use uuid::Uuid;

use super::csv::{self, Column, Row, Table};
use super::season_folder::documents::{slug, text};
use super::{Claim, ImportError, Plan, PlannedCommand, command_id, shown};

/// The body that imports.
pub const BODY: &str = "import";
/// The account that transcribes: the administrator of a register that a table founded.
pub const ADMINISTRATOR: &str = "importer-1";
/// The council chair of such a register; approves roles and results.
pub const CHAIR: &str = "importer-2";
/// A second council member; approves results.
pub const MEMBER: &str = "importer-3";

/// What the table is of.
#[derive(Clone, PartialEq, Debug)]
pub struct Params {
    /// The season's id.
    pub season: SeasonId,
    /// The year assessed.
    pub year: u16,
    /// The ranking group of all rows.
    pub group: GroupId,
    /// The season's title; made of the year where absent.
    pub title: Option<Text>,
    /// The group's name; its id where absent.
    pub group_name: Option<Text>,
    /// The season that changes are counted against.
    pub previous: Option<SeasonId>,
    /// Class bands from the top; the usual five ([`default_classes`]) where absent.
    pub classes: Option<Vec<Band>>,
    /// When the results were laid down; the first instant of the year assessed where absent. Every act of the import is
    /// placed in the minute after it, by what kind of act it is, not by the number of rows: a table imported again, or
    /// with a row more, gives every row the same time.
    pub occurred: Option<Timestamp>,
    /// Whether the results are announced, approved and published as an edition: later seasons are compared with a
    /// season's last edition.
    pub edition: Edition,
}

/// Whether an import publishes what it transcribes. All tables of a season are imported the same way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Edition {
    /// Announced, approved by two, published.
    #[default]
    Publish,
    /// Transcribed only; somebody announces and publishes by command.
    Leave,
}

/// What the register holds already of what a table may need.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Existing {
    /// Who lets things into a founded register; `None` where the register is empty or was founded by an import of this
    /// table ([`founding_id`]).
    pub founded: Option<Officials>,
    /// Agencies and bodies.
    pub agencies: BTreeSet<AgencyId>,
    /// Accounts.
    pub accounts: BTreeSet<AccountId>,
    /// Roles that hold for the whole register.
    pub roles: BTreeSet<(AccountId, Role)>,
    /// Instruments.
    pub instruments: BTreeSet<InstrumentId>,
    /// The season, once it is open.
    pub season: Option<Standing>,
}

/// Who lets accounts, agencies and roles in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Officials {
    /// An administrator of the whole register.
    pub administrator: AccountId,
    /// Somebody else: a council chair or another administrator of the whole register.
    pub approver: AccountId,
}

/// How far a season that exists has come.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Standing {
    /// Its policy is set.
    pub policy: bool,
    /// The season it is compared with.
    pub comparison: Option<SeasonId>,
    /// Its groups.
    pub groups: Vec<GroupId>,
    /// Agencies that take part.
    pub agencies: BTreeSet<AgencyId>,
    /// It runs.
    pub active: bool,
}

/// The id of the command by which the import of this table founds a register (see
/// [`super::season_folder::founding_id`]).
#[must_use]
pub fn founding_id(season: &SeasonId, group: &GroupId) -> Uuid {
    command_id(season, &file_key(group), "", "found")
}

/// One row of the table.
struct Printed {
    line: u64,
    agency: AgencyId,
    name: Text,
    appraised: Points,
    survey: Option<Points>,
    max: Points,
}

const COLUMNS: &[Column<'_>] = &[
    Column::optional("agency").or(&["mã", "mã_cơ_quan", "mã_đơn_vị", "id"]),
    Column::optional("name").or(&["tên", "tên_cơ_quan", "tên_đơn_vị", "cơ_quan", "đơn_vị", "name_vi"]),
    Column::required("appraised_points").or(&["điểm_thẩm_định", "điểm_tđ"]),
    Column::required("survey_points").or(&[
        "điểm_khảo_sát",
        "điểm_điều_tra_xhh",
        "điểm_điều_tra_xã_hội_học",
        "điểm_xhh",
    ]),
    Column::required("applicable_max").or(&["thang_điểm", "điểm_tối_đa", "thang_điểm_tối_đa_thực_tế"]),
    Column::optional("printed_total").or(&["tổng_điểm", "tổng"]),
    Column::optional("printed_index").or(&["chỉ_số", "chỉ_số_(%)", "chỉ_số_cchc"]),
    Column::optional("printed_rank").or(&["xếp_hạng", "hạng", "xếp_thứ"]),
    Column::optional("printed_class").or(&["xếp_loại", "loại"]),
];

fn file_key(group: &GroupId) -> String {
    format!("results/{group}")
}

/// Reads a table and plans its commands.
///
/// # Errors
/// The first fault of the file, or of the parameters; no command is planned then.
pub fn plan(file: &str, bytes: &[u8], params: &Params, existing: &Existing) -> Result<Plan, ImportError> {
    let bands = params.classes.clone().unwrap_or_else(default_classes);
    let table = csv::read(file, bytes, COLUMNS)?;
    let rows = rows(&table)?;
    let claims = claims(&table, &rows, params, &bands)?;
    let mut planner = Planner { file, params, existing, seconds: 0, steps: Vec::new() };
    planner.register(&rows)?;
    planner.seconds = 10;
    planner.season(&rows, bands)?;
    planner.seconds = 20;
    planner.results(&rows)?;
    Ok(Plan { season: params.season.clone(), commands: planner.timed()?, claims, files: Vec::new() })
}

fn rows(table: &Table<'_>) -> Result<Vec<Printed>, ImportError> {
    if !table.has("agency") && !table.has("name") {
        let reason = ("the table names no agencies", "bảng không nêu cơ quan nào");
        let remedy = (
            "give the column agency (ids such as so-noi-vu), the column name, or both",
            "cần cột agency (mã như so-noi-vu), cột name (tên), hoặc cả hai",
        );
        return Err(ImportError::of_line(table.file(), 1, reason, remedy).in_column("agency"));
    }
    let mut seen: BTreeMap<AgencyId, u64> = BTreeMap::new();
    let mut rows = Vec::new();
    for row in table.rows() {
        let read = one(&row, table)?;
        if let Some(first) = seen.insert(read.agency.clone(), read.line) {
            let column = if table.has("agency") { "agency" } else { "name" };
            let agency = &read.agency;
            let reason = said!("{agency} is in line {first} already", "{agency} đã có ở dòng {first}");
            let remedy = (
                "delete one of the two rows, or give the agencies different ids",
                "xóa một trong hai dòng, hoặc đặt mã khác nhau cho hai cơ quan",
            );
            return Err(row.bad(column, reason, remedy));
        }
        rows.push(read);
    }
    if rows.is_empty() {
        let remedy = ("add one row an agency", "thêm mỗi cơ quan một dòng");
        return Err(ImportError::of_file(table.file(), ("the table has no rows", "bảng không có dòng nào"), remedy));
    }
    Ok(rows)
}

fn one(row: &Row<'_>, table: &Table<'_>) -> Result<Printed, ImportError> {
    let named = if table.has("name") { row.text_if_any("name")? } else { None };
    let agency: AgencyId = if table.has("agency") {
        row.value("agency").map_err(|e| {
            let like = slug(row.get("agency"));
            if like.is_empty() || row.get("agency").is_empty() {
                return e;
            }
            let remedy = said!(
                "write it like {like}, or leave the column agency out: ids are made of the names then",
                "ghi như {like}, hoặc bỏ cột agency: khi đó mã được lập từ tên"
            );
            ImportError { remedy, ..e }
        })?
    } else {
        let name = row.needed("name")?;
        slug(name).parse().map_err(|_| {
            let reason = ("no id can be made of the name", "không lập được mã từ tên");
            row.bad("name", reason, ("add the column agency", "thêm cột agency"))
        })?
    };
    let appraised: Points = row.number("appraised_points")?;
    let survey: Option<Points> = match row.get("survey_points") {
        "x" | "X" => None,
        _ => row.number_if_any("survey_points")?,
    };
    let max: Points = row.number("applicable_max")?;
    if max == Points::ZERO {
        let remedy = ("give the points that could be reached", "ghi số điểm tối đa có thể đạt");
        return Err(row.bad("applicable_max", ("it must be above 0", "phải lớn hơn 0"), remedy));
    }
    let total = appraised.plus(survey.unwrap_or_default());
    if total > max {
        let reason = said!(
            "appraised and survey points sum to {total}, the applicable max is {max}",
            "điểm thẩm định và điểm khảo sát cộng lại là {total}, thang điểm tối đa thực tế là {max}"
        );
        return Err(row.bad("applicable_max", reason, ("correct one of the three", "sửa một trong ba số")));
    }
    let name = named.unwrap_or_else(|| text(agency.as_str()));
    Ok(Printed { line: row.line, agency, name, appraised, survey, max })
}

/// The printed figures as claims, in the order of the rows.
fn claims(table: &Table<'_>, rows: &[Printed], params: &Params, bands: &[Band]) -> Result<Vec<Claim>, ImportError> {
    let mut claims = Vec::new();
    for (row, read) in table.rows().zip(rows) {
        let mut claim = |what: &str, unit: &str, published: String, printed: &str| {
            claims.push(Claim {
                claim_id: format!("{}-{}", read.agency, what),
                figure: format!("{}/{}/{what}", params.group, read.agency),
                published,
                published_as_printed: Some(printed.to_owned()),
                unit: Some(unit.to_owned()),
                expected_verdict: None,
                section: None,
                note: None,
                line: read.line,
            });
        };
        if let Some(total) = row.number_if_any::<Points>("printed_total")? {
            claim("total_points", "points", total.to_string(), row.get("printed_total"));
        }
        let printed = row.get("printed_index");
        if !printed.is_empty() {
            let index: Points = match printed.strip_suffix('%') {
                Some(number) => number.trim_end().replace(',', ".").parse().map_err(|_| {
                    let reason = ("it is not a percentage", "không phải tỷ lệ phần trăm");
                    row.bad("printed_index", reason, ("write it like 89.60", "ghi như 89,60"))
                })?,
                None => row.number("printed_index")?,
            };
            claim("index", "pct", index.to_string(), printed);
        }
        if !row.get("printed_rank").is_empty() {
            claim("rank", "rank", row.ordinal("printed_rank")?.to_string(), row.get("printed_rank"));
        }
        let printed = row.get("printed_class");
        if !printed.is_empty() {
            let code = class_code(bands, printed).ok_or_else(|| {
                let known: Vec<_> = bands.iter().map(|b| format!("{} ({})", b.code, b.label)).collect();
                let known = known.join(", ");
                let remedy = said!("use one of {known}", "dùng một trong: {known}");
                row.bad("printed_class", ("the class is not known", "không có xếp loại này"), remedy)
            })?;
            claim("class", "class", code, printed);
        }
    }
    Ok(claims)
}

/// A class by its code or its label, with or without the word *Đơn vị* (unit) before it.
fn class_code(bands: &[Band], printed: &str) -> Option<String> {
    let key = |label: &str| {
        let slug = slug(label);
        slug.strip_prefix("don-vi-").map_or(slug.clone(), str::to_owned)
    };
    let wanted = key(printed);
    let is = |label: &str| key(label) == wanted;
    let found = bands
        .iter()
        .find(|b| is(&b.code) || is(b.label.as_str()) || b.label_en.as_ref().is_some_and(|l| is(l.as_str())));
    found.map(|b| b.code.clone())
}

/// The usual classes: Xuất sắc from 95, Tốt from 85, Khá from 75, Trung bình from 70, Yếu below.
#[must_use]
pub fn default_classes() -> Vec<Band> {
    bands(&[
        ("excellent", "Đơn vị Xuất sắc", "Excellent", 95, 100),
        ("good", "Đơn vị Tốt", "Good", 85, 95),
        ("fair", "Đơn vị Khá", "Fair", 75, 85),
        ("average", "Đơn vị Trung bình", "Average", 70, 75),
        ("weak", "Đơn vị Yếu", "Weak", 0, 70),
    ])
}

/// The usual letters: A, B and C with the bounds of the first three classes.
#[must_use]
pub fn default_letters() -> Vec<Band> {
    bands(&[
        ("A", "Nhóm A", "Group A", 95, 100),
        ("B", "Nhóm B", "Group B", 85, 95),
        ("C", "Nhóm C", "Group C", 75, 85),
    ])
}

fn bands(list: &[(&str, &str, &str, u32, u32)]) -> Vec<Band> {
    let percent = |n: u32| n.to_string().parse().expect("a small whole number is a percentage");
    list.iter()
        .map(|(code, label, label_en, lower, upper)| Band {
            code: (*code).to_owned(),
            label: text(label),
            label_en: Some(text(label_en)),
            lower: percent(*lower),
            lower_inclusive: true,
            upper: percent(*upper),
            upper_inclusive: *upper == 100,
        })
        .collect()
}

/// The policy of a season of which only totals are known.
#[must_use]
pub fn default_policy() -> Policy {
    Policy {
        leaf_decimals: 2,
        display_decimals: 2,
        rounding: Rounding::HalfUp,
        appraisal_rounds: 2,
        class_by: ClassBy::RoundedIndex,
        ties: Ties::Competition,
        unsurveyed: Unsurveyed::LeaveOut,
        unsigned_evidence: UnsignedEvidence::ReviewerJudges,
        evidence: None,
        late_submission: LateSubmission::ByAcceptance,
        appeal_may_lower: false,
        approvals: 2,
        instrument_required: Vec::new(),
        reason_codes: ReasonCode::standing().to_vec(),
        survey_factors: Vec::new(),
    }
}

struct Step {
    account: AccountId,
    key: String,
    step: String,
    line: Option<u64>,
    instrument: bool,
    seconds: i64,
    command: Command,
}

struct Planner<'a> {
    file: &'a str,
    params: &'a Params,
    existing: &'a Existing,
    /// Seconds from the base at which the acts that are planned now are placed.
    seconds: i64,
    steps: Vec<Step>,
}

impl Planner<'_> {
    fn then(&mut self, account: &AccountId, key: &str, step: &str, line: Option<u64>, command: impl Into<Command>) {
        let (account, key, step) = (account.clone(), key.to_owned(), step.to_owned());
        self.steps.push(Step {
            account,
            key,
            step,
            line,
            instrument: false,
            seconds: self.seconds,
            command: command.into(),
        });
    }

    /// As [`Planner::then`], resting on the printed table.
    fn resting(&mut self, account: &AccountId, key: &str, step: &str, line: Option<u64>, command: impl Into<Command>) {
        self.then(account, key, step, line, command);
        if let Some(last) = self.steps.last_mut() {
            last.instrument = true;
        }
    }

    /// The printed table, as the instrument that its transcription rests on.
    fn instrument(&self) -> Result<InstrumentId, ImportError> {
        let id = format!("bang-{}-{}", self.params.season, self.params.group);
        id.parse().map_err(|_| {
            let reason = ("the ids of season and group are too long", "mã đợt và mã khối quá dài");
            ImportError::of_file(self.file, reason, ("shorten them", "rút ngắn"))
        })
    }

    fn new_instrument(&self) -> Result<NewInstrument, ImportError> {
        let (season, group) = (&self.params.season, &self.params.group);
        Ok(NewInstrument {
            id: self.instrument()?,
            number: text(&format!("Bảng kết quả {season}/{group}")),
            // Of a printed table only the year is known; the day is the last that the results can be of.
            date: format!("{:04}-12-31", self.params.year),
            issuer: text("nhập từ bảng đã công bố"),
            title: self.params.title.clone(),
            document: None,
        })
    }

    fn officials(&self) -> Officials {
        self.existing
            .founded
            .clone()
            .unwrap_or_else(|| Officials { administrator: account(ADMINISTRATOR), approver: account(CHAIR) })
    }

    /// The founding where there is none, agencies, accounts and roles that are missing.
    fn register(&mut self, rows: &[Printed]) -> Result<(), ImportError> {
        let Officials { administrator, approver } = self.officials();
        let existing = self.existing;
        let body: AgencyId = BODY.parse().expect("a constant id");
        let body_name = Name {
            vi: text("Nhập dữ liệu từ bảng đã công bố"),
            en: Some(text("Import of printed tables")),
            short: None,
        };
        let title = |what: &str| text(what);
        let founding = existing.founded.is_none();
        if founding {
            let command = FoundRegister {
                administrator_agency: body_name.clone(),
                administrator: NewAccount {
                    account: administrator.clone(),
                    agency: body.clone(),
                    name: title("Quản trị viên nhập dữ liệu"),
                },
                approver_agency: body_name.clone(),
                approver: NewAccount {
                    account: approver.clone(),
                    agency: body.clone(),
                    name: title("Người phê duyệt dữ liệu nhập"),
                },
                approver_role: Role::CouncilChair,
                approver_body: true,
                instrument: self.new_instrument()?,
            };
            self.then(&administrator, "", "found", None, command);
        } else {
            if !existing.agencies.contains(&body) {
                let command = RegisterAgency { agency: body.clone(), name: body_name, body: true };
                self.then(&administrator, BODY, "register", None, command);
            }
            if !existing.instruments.contains(&self.instrument()?) {
                let command = RegisterInstrument { instrument: self.new_instrument()? };
                self.then(&administrator, "", "register-instrument", None, command);
            }
        }
        // Council members of the register itself may be officials of the agencies in the table; these two belong to none.
        let members = [
            (account(CHAIR), Role::CouncilChair, "Người phê duyệt dữ liệu nhập"),
            (account(MEMBER), Role::CouncilMember, "Người phê duyệt thứ hai của dữ liệu nhập"),
        ];
        for (member, role, name) in members {
            let founded_with = founding && member == approver;
            if !founded_with && !existing.accounts.contains(&member) {
                let new = NewAccount { account: member.clone(), agency: body.clone(), name: title(name) };
                self.then(&administrator, member.as_str(), "open", None, OpenAccount { account: new });
            }
            if !founded_with && !existing.roles.contains(&(member.clone(), role)) {
                let (id, scope) = (member.clone(), Scope::default());
                let command = ProposeRole { account: id.clone(), role, scope: scope.clone() };
                self.then(&administrator, id.as_str(), "propose", None, command);
                let command = ApproveRole { account: id.clone(), role, scope };
                self.then(&approver, id.as_str(), "approve", None, command);
            }
        }
        for row in rows {
            if row.agency == body {
                let error = {
                    let reason = ("the id is that of the importing body", "mã này là của tổ chức nhập liệu");
                    ImportError::of_line(self.file, row.line, reason, ("use another id", "dùng mã khác"))
                };
                return Err(error.in_column("agency").with_value(&shown(BODY)));
            }
            if !existing.agencies.contains(&row.agency) {
                let name = Name { vi: row.name.clone(), en: None, short: None };
                let command = RegisterAgency { agency: row.agency.clone(), name, body: false };
                self.then(&administrator, row.agency.as_str(), "register", Some(row.line), command);
            }
        }
        Ok(())
    }

    fn season(&mut self, rows: &[Printed], classes: Vec<Band>) -> Result<(), ImportError> {
        let administrator = self.officials().administrator;
        let p = self.params;
        let season = || p.season.clone();
        let standing = self.existing.season.clone();
        let is_open = standing.is_some();
        let standing = standing.unwrap_or_default();
        if !is_open {
            let title = p.title.clone().unwrap_or_else(|| text(&format!("Kết quả đánh giá năm {}", p.year)));
            let command = OpenSeason { season: season(), year: p.year, title, title_en: None, mode: Mode::Imported };
            self.then(&administrator, "", "open", None, command);
        }
        if !standing.policy {
            let command = SetSeasonPolicy { season: season(), policy: default_policy() };
            self.then(&administrator, "", "policy", None, command);
        }
        if !standing.groups.contains(&p.group) {
            let name =
                Name { vi: p.group_name.clone().unwrap_or_else(|| text(p.group.as_str())), en: None, short: None };
            let letters = if p.classes.is_none() { default_letters() } else { Vec::new() };
            let command =
                DefineRankingGroup { season: season(), group: p.group.clone(), name, set: None, classes, letters };
            self.resting(&administrator, "", "group", None, command);
        }
        if let Some(previous) = &p.previous
            && standing.comparison.as_ref() != Some(previous)
        {
            let command = SetComparison { season: season(), comparison: previous.clone() };
            self.then(&administrator, "", "comparison", None, command);
        }
        let from = standing.active.then(|| self.base()).transpose()?;
        for row in rows.iter().filter(|r| !standing.agencies.contains(&r.agency)) {
            let (agency, group) = (row.agency.clone(), p.group.clone());
            let command = EnterAgency { season: season(), agency, group, council_member: false, from };
            self.resting(&administrator, row.agency.as_str(), "enter", Some(row.line), command);
        }
        if !standing.active {
            self.then(&administrator, "", "activate", None, ActivateSeason { season: season() });
        }
        Ok(())
    }

    fn results(&mut self, rows: &[Printed]) -> Result<(), ImportError> {
        let administrator = self.officials().administrator;
        for row in rows {
            let command = TranscribeResult {
                season: self.params.season.clone(),
                agency: row.agency.clone(),
                appraised_points: row.appraised,
                survey_points: row.survey,
                applicable_max: row.max,
            };
            self.resting(&administrator, row.agency.as_str(), "transcribe", Some(row.line), command);
        }
        if self.params.edition == Edition::Leave {
            return Ok(());
        }
        // One announcement a table. Its ids go by its number, so that any of a season's tables, imported again, comes to
        // the season's last announcement and finds it made.
        let groups = self.existing.season.as_ref().map_or(&[][..], |s| &s.groups);
        let number = groups.len() + usize::from(!groups.contains(&self.params.group));
        let number = u32::try_from(number).map_err(|_| {
            let reason = ("the season has too many groups", "đợt có quá nhiều khối");
            ImportError::of_file(self.file, reason, ("use another season", "dùng đợt khác"))
        })?;
        let (kind, reason) = match number {
            1 => (EditionKind::Official, None),
            _ => (EditionKind::Correcting, Some(text("Bổ sung kết quả của một khối"))),
        };
        let (season, key) = (|| self.params.season.clone(), format!("announcement-{number}"));
        let announce = AnnounceResults { season: season() };
        let publish = PublishEdition { season: season(), announcement: number, kind, reason };
        let approve = ApproveResults { season: season(), number };
        self.seconds = 30;
        self.then(&administrator, &key, "announce", None, announce);
        for member in [account(CHAIR), account(MEMBER)] {
            self.seconds += 1;
            let step = format!("approve:{member}");
            self.then(&member, &key, &step, None, approve.clone());
        }
        self.seconds = 40;
        self.then(&administrator, &key, "publish", None, publish);
        Ok(())
    }

    fn base(&self) -> Result<Timestamp, ImportError> {
        if let Some(occurred) = self.params.occurred {
            return Ok(occurred);
        }
        Timestamp::parse(&format!("{:04}-01-01T00:00:00Z", self.params.year)).map_err(|_| {
            let reason = ("the year is out of range", "năm nằm ngoài phạm vi");
            ImportError::of_file(self.file, reason, ("give a year such as 2022", "ghi năm như 2022"))
        })
    }

    /// With the times; the printed table says nothing of hours.
    fn timed(self) -> Result<Vec<PlannedCommand>, ImportError> {
        let (base, instrument) = (self.base()?, self.instrument()?);
        let (season, file) = (&self.params.season, file_key(&self.params.group));
        let one = |step: Step| PlannedCommand {
            envelope: Envelope {
                account: step.account,
                command_id: {
                    let of_season = step.key.starts_with("announcement-");
                    command_id(season, if of_season { "results" } else { &file }, &step.key, &step.step)
                },
                on_behalf_of: None,
                capacity: None,
                seen: None,
                instrument: step.instrument.then(|| InstrumentRef { id: instrument.clone(), clause: None }),
                occurred: Some(base.plus_micros(step.seconds * 1_000_000)),
                command: step.command,
            },
            made_up_time: true,
            row: step.line.map_or_else(|| file.clone(), |line| format!("{file}:{line}")),
            optional: false,
        };
        Ok(self.steps.into_iter().map(one).collect())
    }
}

fn account(id: &str) -> AccountId {
    id.parse().expect("a constant id")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::season_folder::tests::run;
    use sogoc_domain::World;

    fn params(group: &str) -> Params {
        Params {
            season: "nam-dinh-2021".parse().unwrap(),
            year: 2021,
            group: group.parse().unwrap(),
            title: None,
            group_name: None,
            previous: None,
            classes: None,
            occurred: None,
            edition: Edition::Publish,
        }
    }

    fn existing(world: &World, founded: Option<Officials>) -> Existing {
        let season = params("so").season;
        let now = Timestamp::parse("2026-01-01T00:00:00Z").unwrap();
        let roles = |(id, a): (&AccountId, &std::sync::Arc<sogoc_domain::account::Account>)| {
            a.roles(None, now).map(|r| (id.clone(), r)).collect::<Vec<_>>()
        };
        Existing {
            founded,
            agencies: world.agencies.keys().cloned().collect(),
            accounts: world.accounts.keys().cloned().collect(),
            roles: world.accounts.iter().flat_map(roles).collect(),
            instruments: world.instruments.keys().cloned().collect(),
            season: world.seasons.get(&season).map(|s| Standing {
                policy: s.policy.is_some(),
                comparison: s.comparison.clone(),
                groups: s.groups.keys().cloned().collect(),
                agencies: s.agencies.keys().cloned().collect(),
                active: s.is_active(),
            }),
        }
    }

    const PLAIN: &str = "agency,name,appraised_points,survey_points,applicable_max,printed_total,printed_index,printed_rank,printed_class\n\
        so-a,Sở A,80.5,9.25,100,89.75,89.75,1,Tốt\n\
        so-b,Sở B,50,x,60,50,83.33,2,Đơn vị Khá\n\
        so-c,Sở C,70,,90,70,77.78%,03,fair\n";
    const LOCAL: &str = "\u{feff}Mã;Tên cơ quan;Điểm thẩm định;Điểm điều tra XHH;Thang điểm;Tổng điểm;Chỉ số;Xếp hạng;Xếp loại\r\n\
        so-a;Sở A;80,5;9,25;100;89,75;89,75;1;TỐT\r\n\
        so-b;Sở B;50;X;60;50;83,33;2;Khá\r\n\
        so-c;Sở C;70;;90;70;77,78%;03;Đơn vị Khá\r\n;;;;;;;;\r\n";

    #[test]
    fn any_table_goes_into_an_empty_register() {
        let plain = plan("t.csv", PLAIN.as_bytes(), &params("so"), &Existing::default()).unwrap();
        let local = plan("t.csv", LOCAL.as_bytes(), &params("so"), &Existing::default()).unwrap();
        assert_eq!(plain.commands, local.commands);
        let published =
            |plan: &Plan| plan.claims.iter().map(|c| (c.figure.clone(), c.published.clone())).collect::<Vec<_>>();
        assert_eq!(published(&plain), published(&local));
        assert_eq!(plain.claims.len(), 12);
        assert!(published(&plain).contains(&("so/so-c/class".into(), "fair".into())));
        assert!(published(&plain).contains(&("so/so-c/rank".into(), "3".into())));
        let mut world = World::default();
        run(&plain.commands, &mut world);
        let season = &params("so").season;
        let card = world.scorecard(season, &"so-b".parse().unwrap()).unwrap();
        assert_eq!(card.transcribed.unwrap().survey_points, None);
        assert_eq!(world.results[season].editions.len(), 1);
    }

    #[test]
    fn a_table_imported_again_asks_for_nothing_new() {
        let first = plan("t.csv", PLAIN.as_bytes(), &params("so"), &Existing::default()).unwrap();
        let mut world = World::default();
        run(&first.commands, &mut world);
        let again = plan("moved.csv", PLAIN.as_bytes(), &params("so"), &existing(&world, None)).unwrap();
        for command in &again.commands {
            assert!(first.commands.contains(command), "{} {}", command.row, command.envelope.command.kind());
        }
        // What was interrupted goes on with the same commands, wherever it stopped.
        for done in 0..first.commands.len() {
            let mut world = World::default();
            run(&first.commands[..done], &mut world);
            let rest = plan("t.csv", PLAIN.as_bytes(), &params("so"), &existing(&world, None)).unwrap();
            let open: Vec<_> = rest.commands.into_iter().filter(|c| !first.commands[..done].contains(c)).collect();
            assert_eq!(open, first.commands[done..], "after {done}");
        }
    }

    #[test]
    fn a_second_table_of_the_season_is_a_correcting_edition() {
        let first = plan("t.csv", PLAIN.as_bytes(), &params("so"), &Existing::default()).unwrap();
        let mut world = World::default();
        run(&first.commands, &mut world);
        let officials = Officials { administrator: account(ADMINISTRATOR), approver: account(CHAIR) };
        let text = PLAIN.replace("so-", "huyen-");
        let second = plan("u.csv", text.as_bytes(), &params("huyen"), &existing(&world, Some(officials))).unwrap();
        let kinds: Vec<_> = second.commands.iter().map(|c| c.envelope.command.kind()).collect();
        assert!(
            !kinds.contains(&"open-season") && !kinds.contains(&"activate-season") && !kinds.contains(&"open-account")
        );
        let ids = |plan: &Plan| plan.commands.iter().map(|c| c.envelope.command_id).collect::<BTreeSet<_>>();
        assert!(ids(&first).is_disjoint(&ids(&second)));
        let Some(Command::PublishEdition(edition)) = second.commands.last().map(|c| &c.envelope.command) else {
            panic!("the last act publishes");
        };
        assert_eq!((edition.announcement, edition.kind), (2, EditionKind::Correcting));
        assert!(!kinds.contains(&"found-register"));
        for command in &second.commands {
            if let Command::EnterAgency(entered) = &command.envelope.command {
                assert!(entered.from.is_some() && command.envelope.instrument.is_some(), "it joins a running season");
            }
        }
    }

    #[test]
    fn a_corrected_row_keeps_its_id() {
        let first = plan("t.csv", PLAIN.as_bytes(), &params("so"), &Existing::default()).unwrap();
        let text = PLAIN.replace("80.5,", "81.5,");
        let second = plan("t.csv", text.as_bytes(), &params("so"), &Existing::default()).unwrap();
        let differing: Vec<_> = first.commands.iter().zip(&second.commands).filter(|(a, b)| a != b).collect();
        let [(old, new)] = differing.as_slice() else { panic!("{}", differing.len()) };
        assert_eq!(old.envelope.command_id, new.envelope.command_id);
    }

    #[test]
    fn ids_are_made_of_names_where_the_column_is_missing() {
        let text = "name,appraised_points,survey_points,applicable_max\n\"Sở Văn hóa, Thể thao và Du lịch\",70,9,100\n";
        let plan = plan("t.csv", text.as_bytes(), &params("so"), &Existing::default()).unwrap();
        let agencies: Vec<_> = plan
            .commands
            .iter()
            .filter_map(|c| {
                let Command::TranscribeResult(c) = &c.envelope.command else { return None };
                Some(c.agency.to_string())
            })
            .collect();
        assert_eq!(agencies, ["so-van-hoa-the-thao-va-du-lich"]);
    }

    #[test]
    fn a_bad_row_is_refused_with_line_column_and_remedy() {
        let head = "agency,name,appraised_points,survey_points,applicable_max,printed_rank,printed_class\nso-a,A,80,9,100,1,Tốt\n";
        for (row, column, reason) in [
            ("Sở B,B,80,9,100,2,Tốt", "agency", "not an id"),
            (",B,80,9,100,2,Tốt", "agency", "empty"),
            ("so-a,B,80,9,100,2,Tốt", "agency", "in line 2 already"),
            ("so-b,B,,9,100,2,Tốt", "appraised_points", "empty"),
            ("so-b,B,tám mươi,9,100,2,Tốt", "appraised_points", "not a number"),
            ("so-b,B,80,-,100,2,Tốt", "survey_points", "not a number"),
            ("so-b,B,1.080.5,9,100,2,Tốt", "appraised_points", "thousands"),
            ("so-b,B,95,9,100,2,Tốt", "applicable_max", "sum to 104"),
            ("so-b,B,0,,0,2,Tốt", "applicable_max", "above 0"),
            ("so-b,B,80,9,100,hai,Tốt", "printed_rank", "whole number"),
            ("so-b,B,80,9,100,2,Giỏi", "printed_class", "not known"),
            ("import,B,80,9,100,2,Tốt", "agency", "importing body"),
        ] {
            let text = format!("{head}{row}\n");
            let error = plan("t.csv", text.as_bytes(), &params("so"), &Existing::default()).unwrap_err();
            assert_eq!((error.line, error.column.as_deref()), (Some(3), Some(column)), "{error}");
            assert!(error.reason.to_string().contains(reason) && !error.remedy.to_string().is_empty(), "{error}");
        }
        let error = plan("t.csv", head.replace("so-a,A", "Sở A,A").as_bytes(), &params("so"), &Existing::default());
        assert!(error.unwrap_err().remedy.to_string().contains("so-a"));
        let none = plan(
            "t.csv",
            b"agency,appraised_points,survey_points,applicable_max\n",
            &params("so"),
            &Existing::default(),
        );
        assert!(none.unwrap_err().reason.to_string().contains("no rows"));
    }

    #[test]
    fn a_founded_register_lets_the_importers_in() {
        let hanam = crate::import::season_folder::plan(
            &crate::import::embedded::HANAM_2022,
            &crate::import::season_folder::Founding::ByThisImport,
        )
        .unwrap();
        let mut world = World::default();
        run(&hanam.commands, &mut world);
        let officials = Officials {
            administrator: "acc-so-thong-tin-va-truyen-thong-admin-1".parse().unwrap(),
            approver: "acc-ubnd-tinh-chair-1".parse().unwrap(),
        };
        let text = PLAIN.replace("so-a", "so-noi-vu");
        let plan = plan("t.csv", text.as_bytes(), &params("so"), &existing(&world, Some(officials))).unwrap();
        assert!(plan.commands.iter().all(|c| c.envelope.command.kind() != "found-register"));
        run(&plan.commands, &mut world);
        assert_eq!(world.results[&plan.season].editions.len(), 1);
    }
}
