//! Refusals: what is answered when a rule forbids a command.
//!
//! A refusal has a stable code, the values and the limit, and the remedy, in Vietnamese and English. Code and values are
//! what machines read; the texts are templates filled from the values, in one table, so that none can be forgotten.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Language of a text for people.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Language {
    /// Vietnamese.
    Vietnamese,
    /// English.
    #[default]
    English,
}

/// A text in both languages, where it says more than one template can: what a rule takes, why an address leads nowhere,
/// what is wrong with a line of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Said(Box<[String; 2]>);

impl Said {
    /// A text in English and in Vietnamese.
    #[must_use]
    pub fn new(en: impl Into<String>, vi: impl Into<String>) -> Self {
        Self(Box::new([en.into(), vi.into()]))
    }

    /// The text in a language.
    #[must_use]
    pub fn text(&self, language: Language) -> &str {
        let [en, vi] = &*self.0;
        match language {
            Language::English => en,
            Language::Vietnamese => vi,
        }
    }
}

/// In English, as errors print themselves.
impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text(Language::English))
    }
}

/// The same in both languages: a number, an id, or what is said in English only.
impl From<String> for Said {
    fn from(text: String) -> Self {
        Self::new(text.clone(), text)
    }
}

impl From<&str> for Said {
    fn from(text: &str) -> Self {
        Self::new(text, text)
    }
}

/// In English and in Vietnamese.
impl From<(&str, &str)> for Said {
    fn from((en, vi): (&str, &str)) -> Self {
        Self::new(en, vi)
    }
}

/// `said!("… {x} …", "… {x} …")`: the text in English and in Vietnamese, each formatted as by `format!`.
#[macro_export]
macro_rules! said {
    ($en:literal, $vi:literal $(,)?) => {
        $crate::refusal::Said::new(format!($en), format!($vi))
    };
}

struct Template {
    values: &'static [&'static str],
    en: (&'static str, &'static str),
    vi: (&'static str, &'static str),
}

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident = $code:literal [$($value:literal),*] {
        en: $en:literal, $en_remedy:literal; vi: $vi:literal, $vi_remedy:literal
    })*) => {
        /// A rule that was broken; its text form is stable and the key of its texts.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        pub enum Code { $($(#[$doc])* #[serde(rename = $code)] $name,)* }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The stable text form.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            fn template(self) -> Template {
                match self {
                    $(Self::$name => Template { values: &[$($value),*], en: ($en, $en_remedy), vi: ($vi, $vi_remedy) },)*
                }
            }
        }
    };
}

refusals! {
    // -- reading the command
    /// The command could not be read.
    Malformed = "malformed-command" ["why"] {
        en: "the command cannot be read: {why}", "correct the field that is named; `sogoc execute --help` shows the form";
        vi: "không đọc được lệnh: {why}", "sửa trường được nêu; xem mẫu bằng `sogoc execute --help`"
    }
    /// A text is longer than its limit.
    TextTooLong = "text-too-long" ["field", "length", "limit"] {
        en: "{field} has {length} characters, the limit is {limit}", "shorten it, or attach a document as evidence and refer to it";
        vi: "{field} dài {length} ký tự, tối đa {limit}", "rút gọn, hoặc đính kèm tài liệu rồi dẫn chiếu"
    }
    /// A list is longer than its limit.
    TooMany = "too-many" ["field", "count", "limit"] {
        en: "{field} has {count} items, the limit is {limit}", "split it into several commands";
        vi: "{field} có {count} mục, tối đa {limit}", "chia thành nhiều lệnh"
    }
    /// A list is empty or an item is missing.
    Missing = "missing" ["field"] {
        en: "{field} is missing", "give it";
        vi: "thiếu {field}", "bổ sung"
    }
    /// A value is not allowed.
    Invalid = "invalid" ["field", "value", "why"] {
        en: "{field} \"{value}\" cannot be used: {why}", "correct it";
        vi: "{field} \"{value}\" không dùng được: {why}", "sửa lại"
    }
    /// Something of this id is there already.
    AlreadyExists = "already-exists" ["what", "id"] {
        en: "{what} {id} is already in the register", "choose another id, or go on with the one there is";
        vi: "{what} {id} đã có trong sổ", "chọn mã khác, hoặc dùng mục đã có"
    }
    /// Nothing of this id is there.
    Unknown = "unknown" ["what", "id"] {
        en: "{what} {id} is not in the register", "check the id";
        vi: "không có {what} {id} trong sổ", "kiểm tra lại mã"
    }
    /// The text is erased.
    AlreadyErased = "already-erased" ["text", "instrument"] {
        en: "text {text} was erased before, on the ground of instrument {instrument}", "leave it out";
        vi: "văn bản {text} đã được xóa trước đó, căn cứ {instrument}", "bỏ khỏi danh sách"
    }
    /// The command would change nothing.
    NothingToDo = "nothing-to-do" ["why"] {
        en: "there is nothing to record: {why}", "no action is needed";
        vi: "không có gì để ghi: {why}", "không cần làm gì"
    }
    /// An entry would exceed the size limit.
    EntryTooLarge = "entry-too-large" ["kind", "bytes", "limit"] {
        en: "the entry {kind} would have {bytes} bytes, the limit is {limit}", "split the command";
        vi: "mục {kind} dài {bytes} byte, tối đa {limit}", "chia nhỏ lệnh"
    }

    // -- register and concurrency
    /// The command id was used with another command.
    CommandReused = "command-reused" ["command_id"] {
        en: "command id {command_id} was used before with another content", "use a new command id for a new command";
        vi: "mã lệnh {command_id} đã dùng cho nội dung khác", "dùng mã lệnh mới cho lệnh mới"
    }
    /// The leaf changed after its author saw it.
    LeafChanged = "leaf-changed" ["leaf", "leaf_id", "agency", "seen", "current", "by", "at"] {
        en: "leaf {leaf} of {agency} changed at position {current} by {by} ({at}), after position {seen} that you were shown", "read the leaf again and decide again";
        vi: "tiêu chí {leaf} của {agency} đã thay đổi tại vị trí {current} bởi {by} ({at}), sau vị trí {seen} mà ông/bà đã xem", "xem lại tiêu chí rồi quyết định lại"
    }
    /// Something the decision rests on kept changing.
    Contended = "contended" ["tries"] {
        en: "other decisions kept changing what this one rests on; it was tried {tries} times", "send it again with the same command id";
        vi: "dữ liệu liên quan liên tục thay đổi; đã thử {tries} lần", "gửi lại với cùng mã lệnh"
    }
    /// A stream holds an entry that this version cannot read.
    StreamStopped = "stream-stopped" ["stream", "why"] {
        en: "stream {stream} holds an entry that this version cannot read: {why}", "install the newer version of sogoc; earlier figures still answer with --as-of";
        vi: "luồng {stream} có mục mà phiên bản này không đọc được: {why}", "cài phiên bản sogoc mới hơn; số liệu trước đó vẫn xem được với --as-of"
    }
    /// The register was founded already.
    AlreadyFounded = "already-founded" [] {
        en: "this register was founded already", "ask an administrator for an account";
        vi: "sổ này đã được lập", "đề nghị quản trị viên cấp tài khoản"
    }
    /// The register was not founded yet.
    NotFounded = "not-founded" [] {
        en: "this register has no administrator yet", "found it first with the command found-register";
        vi: "sổ này chưa có quản trị viên", "lập sổ trước bằng lệnh found-register"
    }

    // -- authority
    /// The account is unknown or closed.
    AccountInactive = "account-inactive" ["account", "why"] {
        en: "account {account} cannot act: {why}", "ask an administrator";
        vi: "tài khoản {account} không thể thao tác: {why}", "liên hệ quản trị viên"
    }
    /// None of the account's roles permits the command.
    RoleMissing = "role-missing" ["account", "command", "needed", "held"] {
        en: "{account} may not {command}: it needs {needed}, the account holds {held}", "act with an account that has the role, or ask an administrator to grant it";
        vi: "{account} không được {command}: cần vai trò {needed}, tài khoản có {held}", "dùng tài khoản có vai trò đó, hoặc đề nghị cấp vai trò"
    }
    /// The account acts for another agency.
    NotOwnAgency = "not-own-agency" ["account", "own", "agency"] {
        en: "{account} acts for {own}, not for {agency}", "act with an account of {agency}";
        vi: "{account} thuộc {own}, không thuộc {agency}", "dùng tài khoản của {agency}"
    }
    /// The season does not assign the leaf to the account.
    NotAssigned = "not-assigned" ["account", "leaf", "agency", "assigned"] {
        en: "{account} is not assigned to leaf {leaf} of {agency}; assigned: {assigned}", "let one of those decide, or change the assignment";
        vi: "{account} không được phân công tiêu chí {leaf} của {agency}; được phân công: {assigned}", "để người được phân công quyết định, hoặc đổi phân công"
    }
    /// There is no delegation that covers the act.
    NoDelegation = "no-delegation" ["account", "on_behalf_of"] {
        en: "{account} has no delegation from {on_behalf_of} that holds now", "act in your own name, or have the delegation recorded";
        vi: "{account} không có ủy quyền còn hiệu lực của {on_behalf_of}", "thao tác với tư cách của mình, hoặc ghi nhận ủy quyền"
    }
    /// One's own case.
    OwnCase = "own-case" ["account", "agency", "why"] {
        en: "{account} cannot decide on {agency}: {why}", "let the assigned alternate or another member decide";
        vi: "{account} không được quyết định về {agency}: {why}", "để người thay thế được phân công hoặc thành viên khác quyết định"
    }
    /// Who took the decision under review.
    OwnDecision = "own-decision" ["account", "leaf", "why"] {
        en: "{account} cannot decide on leaf {leaf}: {why}", "let somebody else decide";
        vi: "{account} không được quyết định về tiêu chí {leaf}: {why}", "để người khác quyết định"
    }
    /// A text of one's own.
    OwnText = "own-text" ["account", "text", "why"] {
        en: "{account} cannot erase text {text}: {why}", "let another administrator, the secretariat or the council's chair erase it";
        vi: "{account} không được xóa văn bản {text}: {why}", "để quản trị viên khác, Tổ thư ký hoặc Chủ tịch Hội đồng xóa"
    }
    /// A second person is needed.
    SecondPerson = "second-person" ["account", "what", "first"] {
        en: "{what} needs two people: {first} took the first step, {account} is the same person", "let another account take the second step";
        vi: "{what} cần hai người: {first} đã làm bước đầu, {account} là cùng một người", "để tài khoản khác làm bước thứ hai"
    }
    /// A role that needs two was granted by one.
    NeedsTwo = "needs-two" ["role"] {
        en: "the role {role} is never granted alone", "use propose-role, then approve-role by another";
        vi: "vai trò {role} không được cấp bởi một người", "dùng propose-role, sau đó người khác approve-role"
    }
    /// About one's own account.
    OwnAccount = "own-account" ["account", "what"] {
        en: "{what} is not decided by the person who holds {account}", "let another administrator do it";
        vi: "{what}: người giữ tài khoản {account} không tự quyết định", "để quản trị viên khác thực hiện"
    }
    /// The register would be left without an administrator.
    LastAdministrator = "last-administrator" ["account"] {
        en: "{account} is the last administrator whose role has no end", "have another administrator proposed and approved first";
        vi: "{account} là quản trị viên không thời hạn cuối cùng", "đề xuất và phê duyệt một quản trị viên khác trước"
    }
    /// The account stood aside.
    Recused = "recused" ["account", "agency"] {
        en: "{account} is recused from {agency}", "let another decide";
        vi: "{account} đã từ chối tham gia đối với {agency}", "để người khác quyết định"
    }
    /// The reader may not read this.
    MayNotRead = "may-not-read" ["account", "what", "why"] {
        en: "{account} may not read {what}: {why}", "ask the secretariat, or wait until it is published";
        vi: "{account} không được xem {what}: {why}", "liên hệ Tổ thư ký, hoặc chờ công bố"
    }

    // -- sign-in
    /// Nobody is signed in.
    NotSignedIn = "not-signed-in" [] {
        en: "nobody is signed in", "sign in, or send an API token in the header Authorization: Bearer …";
        vi: "chưa đăng nhập", "đăng nhập, hoặc gửi mã truy cập API trong tiêu đề Authorization: Bearer …"
    }
    /// What was given does not fit. Never tells whether it was account, password, code or a lock.
    SignInFailed = "sign-in-failed" [] {
        en: "the sign-in failed", "check account, password and, where a second factor is set up, a fresh code; after several failures in a row wait before you try again, or ask an administrator";
        vi: "đăng nhập không thành công", "kiểm tra tài khoản, mật khẩu và mã xác thực mới nếu đã bật xác thực hai lớp; sau nhiều lần sai hãy chờ rồi thử lại, hoặc liên hệ quản trị viên"
    }
    /// A second factor must be shown.
    SecondFactorRequired = "second-factor-required" ["account", "why"] {
        en: "{account} acts only with a second factor: {why}", "set up a second factor if there is none, then sign in with a code";
        vi: "{account} chỉ được thao tác khi đã xác thực hai lớp: {why}", "bật xác thực hai lớp nếu chưa có, rồi đăng nhập kèm mã xác thực"
    }
    /// A code of the second factor does not fit, or was used before.
    CodeUnfit = "code-unfit" [] {
        en: "the code does not fit, or was used before", "wait for the next code that the device shows, and check the device's clock";
        vi: "mã xác thực không đúng hoặc đã dùng", "chờ mã tiếp theo trên thiết bị, và kiểm tra đồng hồ của thiết bị"
    }
    /// The API token was not made for this.
    ScopeMissing = "scope-missing" ["needed", "held"] {
        en: "this needs {needed}; the token may: {held}", "use a token that was made for it, or sign in yourself";
        vi: "việc này cần {needed}; mã truy cập chỉ cho phép: {held}", "dùng mã truy cập phù hợp, hoặc tự đăng nhập"
    }
    /// The token or session holds no more.
    TokenOver = "token-over" [] {
        en: "the token is not one that holds: it expired, was revoked, or never was", "make a new one, or sign in again";
        vi: "mã truy cập không còn hiệu lực: đã hết hạn, bị thu hồi hoặc không tồn tại", "tạo mã mới, hoặc đăng nhập lại"
    }
    /// One source tries too often.
    TooManyAttempts = "too-many-attempts" ["retry_seconds"] {
        en: "too many attempts", "try again in {retry_seconds} s";
        vi: "thử quá nhiều lần", "thử lại sau {retry_seconds} giây"
    }
    /// The password is not one to use.
    PasswordTooWeak = "password-too-weak" ["why", "length_min", "length_max"] {
        en: "this password cannot be used: {why}", "take {length_min} to {length_max} characters that are not the account's id; several words that only you would put together are good";
        vi: "không dùng được mật khẩu này: {why}", "dùng từ {length_min} đến {length_max} ký tự, không phải mã tài khoản; nên ghép vài từ mà chỉ mình nghĩ ra"
    }
    /// One person alone may not change what such an account signs in with.
    ConsoleOnly = "console-only" ["account", "role"] {
        en: "{account} holds the role {role}, which is never given alone: no single administrator changes what it signs in with", "have the operator do it with `sogoc account`, which is recorded";
        vi: "{account} có vai trò {role}, vai trò không do một người cấp: một quản trị viên không được tự đổi cách đăng nhập của tài khoản này", "đề nghị đơn vị vận hành thực hiện bằng `sogoc account`; việc đó được ghi vào sổ"
    }
    /// The provider vouches for somebody whom no account is linked to.
    SubjectUnknown = "subject-unknown" ["issuer", "subject"] {
        en: "{issuer} vouches for {subject}, whom no account is linked to", "give an administrator issuer and subject, and have your account linked to them";
        vi: "{issuer} xác nhận {subject}, nhưng chưa có tài khoản nào liên kết", "gửi issuer và subject cho quản trị viên để liên kết với tài khoản"
    }
    /// A sign-in at a provider came to no end.
    SignInInterrupted = "sign-in-interrupted" ["why"] {
        en: "the sign-in at the provider was not completed: {why}", "begin again";
        vi: "đăng nhập qua nhà cung cấp chưa hoàn tất: {why}", "đăng nhập lại từ đầu"
    }

    // -- phases and instruments
    /// No phase admits the command now.
    PhaseClosed = "phase-closed" ["command", "season", "now", "times"] {
        en: "{command} is not admitted in {season} at {now}; it is admitted in: {times}", "wait for the phase, or ask the secretariat to move the deadline";
        vi: "{command} không được nhận trong {season} lúc {now}; được nhận trong: {times}", "chờ đến giai đoạn, hoặc đề nghị Tổ thư ký gia hạn"
    }
    /// A due date passed.
    PastDue = "past-due" ["what", "due", "now"] {
        en: "{what} was due before {due}; it is {now}", "ask the secretariat to move the deadline of this request";
        vi: "{what} đến hạn trước {due}; hiện là {now}", "đề nghị Tổ thư ký gia hạn yêu cầu này"
    }
    /// An instrument must be named.
    InstrumentRequired = "instrument-required" ["command"] {
        en: "{command} must name the instrument that it rests on", "register the instrument and give its id";
        vi: "{command} phải nêu văn bản làm căn cứ", "đăng ký văn bản và ghi mã"
    }
    /// An imported season needs the time of the act.
    OccurredRequired = "occurred-required" ["season"] {
        en: "{season} is an imported season: every act says when it occurred", "give `occurred`";
        vi: "{season} là đợt nhập từ quá khứ: mỗi thao tác phải nêu thời điểm xảy ra", "bổ sung `occurred`"
    }
    /// An act outside cannot lie in the future.
    OccurredInFuture = "occurred-in-future" ["occurred", "now"] {
        en: "occurred {occurred} lies after {now}", "correct it";
        vi: "thời điểm xảy ra {occurred} sau {now}", "sửa lại"
    }

    // -- agencies and accounts
    /// The agency takes no part in the season.
    NotInSeason = "not-in-season" ["agency", "season"] {
        en: "{agency} takes no part in {season}", "check the agency's id, or enter it into the season";
        vi: "{agency} không tham gia {season}", "kiểm tra mã cơ quan, hoặc đưa vào đợt đánh giá"
    }
    /// A body is never appraised.
    BodyNotAppraised = "body-not-appraised" ["agency"] {
        en: "{agency} is a body that takes part but is never appraised", "enter an agency";
        vi: "{agency} là tổ chức tham gia, không thuộc diện đánh giá", "chọn cơ quan thuộc diện đánh giá"
    }
    /// A body outside the appraised ones is needed.
    BodyRequired = "body-required" ["agency", "what"] {
        en: "{what} must be a body outside the appraised agencies; {agency} is appraised", "name such a body";
        vi: "{what} phải là tổ chức ngoài các cơ quan được đánh giá; {agency} thuộc diện đánh giá", "chọn tổ chức khác"
    }
    /// The agency no longer exists.
    AgencyEnded = "agency-ended" ["agency", "why"] {
        en: "{agency} no longer exists: {why}", "act for its successor";
        vi: "{agency} không còn tồn tại: {why}", "thao tác cho cơ quan kế thừa"
    }

    // -- criteria and scoring
    /// Levels do not sum.
    SumsDiffer = "sums-differ" ["set", "levels"] {
        en: "criteria set {set} cannot be activated; levels that do not add up: {levels}", "correct the max points of each level that is named";
        vi: "bộ tiêu chí {set} chưa thể kích hoạt; các cấp không khớp tổng: {levels}", "sửa điểm tối đa của từng cấp được nêu"
    }
    /// A tree is not well formed.
    BadTree = "bad-tree" ["set", "node", "why"] {
        en: "criteria set {set}, node {node}: {why}", "correct the node";
        vi: "bộ tiêu chí {set}, mục {node}: {why}", "sửa lại mục"
    }
    /// The set is in the wrong state.
    SetState = "set-state" ["set", "state", "command"] {
        en: "criteria set {set} is {state}: {command} is not possible", "draft a new set, or amend this one";
        vi: "bộ tiêu chí {set} đang {state}: không thể {command}", "soạn bộ mới, hoặc sửa đổi bộ này"
    }
    /// An amendment leaves a leaf without a treatment.
    TreatmentMissing = "treatment-missing" ["leaf", "why"] {
        en: "leaf {leaf} has no fitting treatment: {why}", "say kept, redeclared, recomputed or void";
        vi: "tiêu chí {leaf} chưa có cách xử lý phù hợp: {why}", "nêu kept, redeclared, recomputed hoặc void"
    }
    /// The inputs are not what the rule takes.
    InputsUnfit = "inputs-unfit" ["leaf", "rule", "takes", "given"] {
        en: "leaf {leaf} is scored by {rule}, which takes {takes}; given: {given}", "declare what the rule takes";
        vi: "tiêu chí {leaf} chấm theo {rule}, cần {takes}; đã khai: {given}", "khai đúng số liệu mà cách tính cần"
    }
    /// Points outside the rule.
    PointsOutsideRule = "points-outside-rule" ["leaf", "points", "limit"] {
        en: "{points} points are not possible for leaf {leaf}: {limit}", "give points that the rule allows";
        vi: "{points} điểm không hợp lệ cho tiêu chí {leaf}: {limit}", "cho điểm theo cách tính"
    }
    /// No such leaf.
    UnknownLeaf = "unknown-leaf" ["leaf", "set"] {
        en: "{leaf} is not a leaf of criteria set {set}", "use a leaf's code such as 3.1.2; `sogoc criteria SET` lists them";
        vi: "{leaf} không phải tiêu chí chấm điểm của bộ {set}", "dùng mã tiêu chí như 3.1.2; xem bằng `sogoc criteria SET`"
    }
    /// The leaf does not apply to the agency.
    LeafNotApplicable = "leaf-not-applicable" ["leaf", "agency"] {
        en: "leaf {leaf} does not apply to {agency}", "leave it out; the council can decide that it applies";
        vi: "tiêu chí {leaf} không áp dụng cho {agency}", "bỏ qua; Hội đồng có thể quyết định áp dụng"
    }
    /// The leaf is scored by the survey.
    LeafIsSurveyed = "leaf-is-surveyed" ["leaf"] {
        en: "leaf {leaf} is scored by the survey", "import survey results instead";
        vi: "tiêu chí {leaf} chấm bằng khảo sát", "nhập kết quả khảo sát"
    }

    // -- season
    /// The season is in the wrong state.
    SeasonState = "season-state" ["season", "state", "command"] {
        en: "{season} is {state}: {command} is not possible", "see `sogoc season show {season}`";
        vi: "{season} đang {state}: không thể {command}", "xem `sogoc season show {season}`"
    }
    /// The season is not ready for activation.
    SeasonNotReady = "season-not-ready" ["season", "missing"] {
        en: "{season} cannot be activated; still missing: {missing}", "record what is missing";
        vi: "{season} chưa thể kích hoạt; còn thiếu: {missing}", "bổ sung nội dung còn thiếu"
    }
    /// Bands overlap or leave a gap.
    BadBands = "bad-bands" ["group", "why"] {
        en: "the bands of {group} do not fit: {why}", "correct the bounds";
        vi: "các khoảng xếp loại của {group} không hợp lệ: {why}", "sửa các cận"
    }

    // -- scorecard
    /// The scorecard is in the wrong state.
    ScorecardState = "scorecard-state" ["agency", "state", "command"] {
        en: "the scorecard of {agency} is {state}: {command} is not possible", "wait, or have it reopened";
        vi: "phiếu điểm của {agency} {state}: không thể {command}", "chờ, hoặc đề nghị mở lại"
    }
    /// The leaf is in the wrong state.
    LeafState = "leaf-state" ["leaf", "agency", "state", "command"] {
        en: "leaf {leaf} of {agency} is {state}: {command} is not possible", "read the leaf's history";
        vi: "tiêu chí {leaf} của {agency} {state}: không thể {command}", "xem lịch sử tiêu chí"
    }
    /// No reason was given.
    ReasonRequired = "reason-required" ["what"] {
        en: "{what} needs a reason", "say why in the field reason";
        vi: "{what} phải có lý do", "ghi lý do vào trường reason"
    }
    /// The reason code is not in the season's policy.
    UnknownReasonCode = "unknown-reason-code" ["code", "season", "known"] {
        en: "reason code {code} is not known in {season}; known: {known}", "use one of those";
        vi: "mã lý do {code} không có trong {season}; có: {known}", "dùng một trong các mã đó"
    }
    /// A policy lacks a reason code that the register itself puts changes under.
    ReasonCodeRequired = "reason-code-required" ["season", "code", "command"] {
        en: "the policy of {season} has no reason code {code} that may both lower and raise; {command} needs it", "add it to reason_codes with the kind either";
        vi: "quy định của {season} chưa có mã lý do {code} cho phép cả tăng và giảm điểm; {command} cần mã này", "thêm vào reason_codes với kind là either"
    }
    /// The reason code does not fit the direction.
    ReasonUnfit = "reason-unfit" ["code", "kind", "old", "new"] {
        en: "reason code {code} ({kind}) cannot explain a change from {old} to {new}", "use a code of the fitting kind";
        vi: "mã lý do {code} ({kind}) không phù hợp với thay đổi từ {old} sang {new}", "dùng mã phù hợp"
    }
    /// The evidence file is not in the store.
    EvidenceNotStored = "evidence-not-stored" ["digest"] {
        en: "the file {digest} is not in the evidence store", "store it first: `sogoc evidence put FILE`; or attach it in one step: `sogoc evidence attach FILE`";
        vi: "chưa có tệp {digest} trong kho tài liệu", "nạp tệp trước: `sogoc evidence put TỆP`; hoặc nạp và đính kèm một lần: `sogoc evidence attach TỆP`"
    }
    /// The evidence file was erased.
    EvidenceIsErased = "evidence-erased" ["digest", "instrument"] {
        en: "the file {digest} was erased, on the ground of instrument {instrument}", "attach another file; digest and verdicts of the erased one stay on record";
        vi: "tệp {digest} đã bị xóa, căn cứ {instrument}", "đính kèm tệp khác; mã băm và kết quả kiểm tra của tệp đã xóa vẫn được lưu"
    }
    /// The season's policy does not take the file in.
    EvidenceNotTaken = "evidence-not-taken" ["season", "rule", "value", "limit"] {
        en: "{season} does not take this file in, by the rule {rule}: it is {value}, taken in is {limit}", "attach a file that the policy takes in";
        vi: "{season} không nhận tệp này theo quy định {rule}: tệp là {value}, chỉ nhận {limit}", "đính kèm tệp đúng quy định"
    }
    /// No evidence of the leaf counts.
    EvidenceDoesNotCount = "evidence-does-not-count" ["leaf", "agency", "rules"] {
        en: "leaf {leaf} of {agency} demands evidence and none counts by the season's policy ({rules})", "ask for an explanation and a file that counts, or set the points to 0 with a reason";
        vi: "tiêu chí {leaf} của {agency} cần tài liệu kiểm chứng nhưng không có tài liệu nào được chấp nhận ({rules})", "yêu cầu giải trình và bổ sung tài liệu hợp lệ, hoặc cho 0 điểm có lý do"
    }
    /// Leaves without a self score at submission.
    LeavesUnscored = "leaves-unscored" ["agency", "leaves"] {
        en: "{agency} has not scored: {leaves}", "score them first, with 0 where nothing was done";
        vi: "{agency} chưa chấm: {leaves}", "chấm các tiêu chí này trước, 0 điểm nếu chưa thực hiện"
    }
    /// Points cannot be lowered here.
    MayNotLower = "may-not-lower" ["old", "new"] {
        en: "an appeal decision may not lower points in this season: from {old} to {new}", "reject the item, or take a council resolution";
        vi: "quyết định kiến nghị không được hạ điểm trong đợt này: từ {old} xuống {new}", "bác kiến nghị, hoặc ra nghị quyết Hội đồng"
    }
    /// The decision does not fit its target or outcome.
    DecisionUnfit = "decision-unfit" ["item", "why"] {
        en: "the decision of item {item} does not fit: {why}", "correct the decision";
        vi: "quyết định mục {item} không phù hợp: {why}", "sửa lại quyết định"
    }
    /// Not enough votes.
    VotesShort = "votes-short" ["what", "have", "need"] {
        en: "{what} has {have} votes and needs {need}", "have it decided by more members";
        vi: "{what} có {have} phiếu, cần {need}", "cần thêm thành viên quyết định"
    }
    /// A member is not in the session.
    NotPresent = "not-present" ["member", "session"] {
        en: "{member} is not present in session {session}", "vote with the members present";
        vi: "{member} không có mặt trong phiên {session}", "biểu quyết với các thành viên có mặt"
    }

    // -- results
    /// Leaves or surveys are missing at the announcement.
    Incomplete = "incomplete" ["season", "missing"] {
        en: "the results of {season} cannot be announced; still without points: {missing}", "score them, or deem them zero with a reason";
        vi: "chưa thể công bố kết quả {season}; còn thiếu điểm: {missing}", "chấm điểm, hoặc tính 0 điểm kèm lý do"
    }
    /// Not approved by enough members.
    NotApproved = "not-approved" ["number", "have", "need"] {
        en: "announcement {number} has {have} approvals and needs {need}", "have another council member approve it";
        vi: "kết quả lần {number} có {have} phê duyệt, cần {need}", "đề nghị thành viên Hội đồng khác phê duyệt"
    }
    /// Something moved after the freeze.
    ResultsMoved = "results-moved" ["season", "as_of", "stream"] {
        en: "{stream} of {season} moved after position {as_of}", "announce again";
        vi: "{stream} của {season} đã thay đổi sau vị trí {as_of}", "công bố lại"
    }
    /// The edition does not follow from the ones before.
    EditionOrder = "edition-order" ["kind", "why"] {
        en: "a {kind} edition is not possible: {why}", "see `sogoc season show`";
        vi: "không thể ra lần công bố {kind}: {why}", "xem `sogoc season show`"
    }
}

/// The answer where a rule forbids a command. Recorded nothing, remembered nothing (invariant 5).
#[derive(Clone, PartialEq, Debug)]
pub struct Refusal {
    /// The rule.
    pub code: Code,
    /// What the texts name: the values and the limit.
    pub values: BTreeMap<&'static str, String>,
    /// Values that are words, in Vietnamese.
    vietnamese: BTreeMap<&'static str, String>,
}

impl Refusal {
    /// A refusal of this code; values are added with [`Refusal::with`].
    #[must_use]
    pub fn new(code: Code) -> Self {
        Self { code, values: BTreeMap::new(), vietnamese: BTreeMap::new() }
    }

    /// Names a value of the text.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        debug_assert!(self.code.template().values.contains(&name), "{} names no {name}", self.code.as_str());
        self.values.insert(name, value.to_string());
        self
    }

    /// Names a value of the text that is words: machines read it in English, people in their language.
    #[must_use]
    pub fn with_said(mut self, name: &'static str, value: &Said) -> Self {
        self.vietnamese.insert(name, value.text(Language::Vietnamese).to_owned());
        self.with(name, value)
    }

    /// What is wrong, with the values and the limit.
    #[must_use]
    pub fn message(&self, language: Language) -> String {
        let t = self.code.template();
        match language {
            Language::English => self.fill(t.en.0, None),
            Language::Vietnamese => self.fill(t.vi.0, Some(&self.vietnamese)),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self, language: Language) -> String {
        let t = self.code.template();
        match language {
            Language::English => self.fill(t.en.1, None),
            Language::Vietnamese => self.fill(t.vi.1, Some(&self.vietnamese)),
        }
    }

    /// True for refusals that are recorded: lateness and want of authority (DESIGN §6).
    #[must_use]
    pub fn is_recorded(&self) -> bool {
        matches!(
            self.code,
            Code::PhaseClosed
                | Code::PastDue
                | Code::RoleMissing
                | Code::NotOwnAgency
                | Code::NotAssigned
                | Code::NoDelegation
                | Code::OwnCase
                | Code::OwnDecision
                | Code::OwnText
                | Code::SecondPerson
                | Code::NeedsTwo
                | Code::OwnAccount
                | Code::Recused
        )
    }

    /// Fills `{name}` from the values in one pass, so that a value that looks like a placeholder stays a value. What is
    /// worded goes before.
    fn fill(&self, template: &str, worded: Option<&BTreeMap<&'static str, String>>) -> String {
        let mut out = String::with_capacity(template.len() + 64);
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            let Some((name, tail)) = after.split_once('}') else {
                rest = after;
                break;
            };
            let value = worded.and_then(|worded| worded.get(name)).or_else(|| self.values.get(name));
            out.push_str(value.map_or("?", String::as_str));
            rest = tail;
        }
        out.push_str(rest);
        out
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.message(Language::English), self.remedy(Language::English))
    }
}

impl std::error::Error for Refusal {}

/// `refuse!(Code, name = value, …)`: the refusal with its values.
macro_rules! refuse {
    ($code:ident $(, $name:ident = $value:expr)* $(,)?) => {
        $crate::refusal::Refusal::new($crate::refusal::Code::$code)$(.with(stringify!($name), $value))*
    };
}
pub(crate) use refuse;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_names_only_values_that_its_code_declares() {
        for code in Code::ALL {
            let t = code.template();
            for text in [t.en.0, t.en.1, t.vi.0, t.vi.1] {
                for part in text.split('{').skip(1) {
                    let name = part.split_once('}').expect("closed").0;
                    assert!(t.values.contains(&name), "{}: {{{name}}}", code.as_str());
                }
            }
        }
    }

    #[test]
    fn a_value_that_looks_like_a_placeholder_stays_a_value() {
        let r = refuse!(Invalid, field = "{why}", value = "{", why = "x");
        assert_eq!(r.message(Language::English), "{why} \"{\" cannot be used: x");
    }
}
