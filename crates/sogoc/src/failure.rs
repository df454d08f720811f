//! What ends a command before its answer: one place for exit codes and the texts that go with them.

use std::io;
use std::process::ExitCode;

use serde_json::{Value, json};
use sogoc_app::import::ImportError;
use sogoc_app::{EvidenceError, ExecuteError};
use sogoc_domain::refusal::{Language, Refusal};
use sogoc_evidence::BlobError;
use sogoc_log::LogError;
use sogoc_register::mirror::MirrorError;
use sogoc_register::{AsOfError, QueryError};

use crate::config::fault::{self, Fault};
use crate::lang::Lang;
use crate::output::Output;

/// Why there is no answer, by exit code.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A rule forbids it (1).
    Refused(Refusal),
    /// What was brought cannot be taken in (1): a file, a line, a copy's target.
    Input { message: String, remedy: Remedy },
    /// A file that is imported has a fault (1).
    File(Box<ImportError>),
    /// The question names something that is not there (1).
    Query(QueryError),
    /// Some lines were refused, or a figure differs where strictness was asked for; it is said already (1).
    Short,
    /// The configuration is wrong: everything that is (2).
    Configuration(Vec<Fault>),
    /// The configuration is wrong; what is wrong is said already (2).
    Misconfigured,
    /// Something that the configuration names does not answer; what is said already (3).
    Unanswered,
    /// The command line cannot be understood (2).
    Usage { message: String, remedy: Remedy },
    /// The store does not answer (3).
    Unavailable { message: String, remedy: Remedy },
    /// What is stored is not what was recorded (4).
    Corrupt { position: Option<u64>, message: String },
    /// The log is not the one of which a checkpoint was kept outside the store (4).
    Diverged { message: String, kept: String },
    /// A backup is not what its manifest says (4).
    BadBackup { message: String },
    /// A bundle is not what it says (4).
    Unproved { message: String },
    /// The evidence store does not fit the entries; what is wrong is said already (4).
    Unfit,
    /// A source of a roll-up brings what it cannot have; what is wrong is said already (4).
    SourceStopped { sources: String },
    /// Nobody reads stdout any more.
    Closed,
}

/// What to do, in both languages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Remedy {
    pub(crate) vi: &'static str,
    pub(crate) en: &'static str,
}

impl Failure {
    /// A failed write to stdout: a reader that went away is told apart from a full disk.
    pub(crate) fn stdout(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::Closed;
        }
        Self::Unavailable {
            message: format!("stdout: {error}"),
            remedy: Remedy { vi: "kiểm tra nơi nhận đầu ra", en: "check where the output goes" },
        }
    }

    /// A file that cannot be read.
    pub(crate) fn file(path: &std::path::Path, error: &io::Error) -> Self {
        Self::Input {
            message: format!("{}: {error}", path.display()),
            remedy: Remedy {
                vi: "kiểm tra đường dẫn và quyền đọc", en: "check the path and that it may be read"
            },
        }
    }

    /// An input that is refused with a text that names its own remedy.
    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self::Input { message: message.into(), remedy: Remedy { vi: "", en: "" } }
    }

    /// Says it on stderr, and with `--json` on stdout too; gives the exit code.
    pub(crate) fn tell(&self, output: &Output) -> ExitCode {
        if let Some((message, remedy)) = self.texts(output.lang) {
            output.say(&if remedy.is_empty() { message } else { format!("{message}\n  → {remedy}") });
        }
        if output.json
            && let Some(value) = self.document(output.lang)
        {
            // Where stdout is gone too, the exit code still tells.
            let _ = output.document(&value);
        }
        ExitCode::from(self.code())
    }

    /// What is wrong, in English and in one text, for answers that say more than this.
    pub(crate) fn message(&self) -> String {
        self.texts(Lang::En).map(|(message, _)| message).unwrap_or_default()
    }

    fn code(&self) -> u8 {
        match self {
            Self::Closed => 0,
            Self::Refused(_) | Self::Query(_) | Self::Input { .. } | Self::File(_) | Self::Short => 1,
            Self::Usage { .. } | Self::Configuration(_) | Self::Misconfigured => 2,
            Self::Unavailable { .. } | Self::Unanswered => 3,
            Self::Corrupt { .. }
            | Self::Diverged { .. }
            | Self::BadBackup { .. }
            | Self::Unproved { .. }
            | Self::Unfit
            | Self::SourceStopped { .. } => 4,
        }
    }

    fn texts(&self, lang: Lang) -> Option<(String, String)> {
        match self {
            Self::Refused(refusal) => Some((refusal.message(lang.language()), refusal.remedy(lang.language()))),
            // The remedy stands in the text, before the word that nothing was recorded.
            Self::File(error) => Some((error.text(lang.language()), String::new())),
            Self::Input { message, remedy }
            | Self::Usage { message, remedy }
            | Self::Unavailable { message, remedy } => {
                Some((message.clone(), lang.pick(remedy.vi, remedy.en).to_owned()))
            }
            Self::Corrupt { position, message } => {
                let at =
                    position.map(|p| format!(" {} {p}", lang.pick("tại vị trí", "at position"))).unwrap_or_default();
                let what = lang.pick("sổ bị hỏng", "the register is corrupt");
                let remedy = lang.pick(
                    "ngừng ghi, giữ nguyên tệp để kiểm tra và khôi phục từ bản sao lưu",
                    "stop writing, keep the store as it is for examination and restore from a backup",
                );
                Some((format!("{what}{at}: {message}"), remedy.to_owned()))
            }
            Self::Diverged { message, kept } => {
                let what = lang
                    .pick("sổ không khớp với điểm kiểm đã ký", "the log does not fit the checkpoint that was signed");
                let remedy = match lang {
                    Lang::Vi => format!(
                        "khôi phục bản sao lưu mới hơn; điểm kiểm nằm ở {kept}, chỉ dời nó đi nếu sổ được cố ý làm lại từ đầu"
                    ),
                    Lang::En => format!(
                        "restore a newer backup; the checkpoint is in {kept}, move it away only if the register was begun anew on purpose"
                    ),
                };
                Some((format!("{what}: {message}"), remedy))
            }
            Self::BadBackup { message } => {
                let what = lang.pick("bản sao lưu không nguyên vẹn", "the backup is not whole");
                let remedy = lang.pick(
                    "dùng bản sao lưu khác; còn sổ thì sao lưu lại vào thư mục khác",
                    "use another backup; where the register is still there, back it up into another folder",
                );
                Some((format!("{what}: {message}"), remedy.to_owned()))
            }
            Self::Unproved { message } => {
                let what = lang.pick("không chứng minh được", "not proved");
                let remedy = lang.pick(
                    "đừng tin số liệu này; xin lại tệp nguyên vẹn từ nơi đã lập ra nó",
                    "do not believe the figure; ask for the file again, whole, where it was made",
                );
                Some((format!("{what}: {message}"), remedy.to_owned()))
            }
            Self::Unfit => {
                let what = lang.pick("kho tài liệu không khớp với sổ", "the evidence store does not fit the register");
                let remedy = lang.pick(
                    "giữ nguyên kho để kiểm tra; khôi phục tệp thiếu và tệp bị sửa từ bản sao lưu, hoặc nạp lại đúng tệp đó bằng `sogoc evidence put`",
                    "keep the store as it is for examination; restore what is missing or altered from a backup, or put the very same file again with `sogoc evidence put`",
                );
                Some((what.to_owned(), remedy.to_owned()))
            }
            Self::SourceStopped { sources } => {
                let what = lang.pick("nguồn bị dừng", "sources that are stopped");
                let remedy = lang.pick(
                    "xem `sogoc roll-up status`; hỏi bên vận hành sổ nguồn",
                    "see `sogoc roll-up status`; ask whoever runs the source's log",
                );
                Some((format!("{what}: {sources}"), remedy.to_owned()))
            }
            Self::Query(error) => Some(query_texts(error, lang)),
            // Each fault has its own remedy.
            Self::Configuration(faults) => Some((fault::all(faults, lang), String::new())),
            Self::Short | Self::Closed | Self::Misconfigured | Self::Unanswered => None,
        }
    }

    fn document(&self, lang: Lang) -> Option<Value> {
        match self {
            Self::Refused(refusal) => Some(json!({ "refusal": refusal_json(refusal, lang) })),
            Self::Corrupt { position, message } => Some(json!({ "fault": { "position": position, "what": message } })),
            Self::BadBackup { message } | Self::Unproved { message } => Some(json!({ "fault": { "what": message } })),
            Self::Diverged { message, kept } => Some(json!({ "fault": { "what": message, "checkpoint": kept } })),
            Self::Query(QueryError::AsOf(AsOfError::Beyond { .. })) => self.coded("beyond-the-log", lang),
            Self::Query(_) => self.coded("unknown", lang),
            Self::Input { .. } | Self::File(_) => self.coded("input-refused", lang),
            Self::Usage { .. } => self.coded("usage", lang),
            Self::Unavailable { .. } => self.coded("store-unavailable", lang),
            Self::Configuration(faults) => {
                let (message, remedy) = self.texts(lang)?;
                let faults: Vec<_> = faults.iter().map(|fault| fault.json(lang)).collect();
                Some(
                    json!({ "refusal": { "code": "configuration-wrong", "message": message, "remedy": remedy, "faults": faults } }),
                )
            }
            Self::SourceStopped { .. } => self.coded("source-stopped", lang),
            // One document: the findings.
            Self::Unfit | Self::Short | Self::Closed | Self::Misconfigured | Self::Unanswered => None,
        }
    }

    fn coded(&self, code: &str, lang: Lang) -> Option<Value> {
        let (message, remedy) = self.texts(lang)?;
        Some(json!({ "refusal": { "code": code, "message": message, "remedy": remedy } }))
    }
}

/// What a question names that is not there, and what to do.
fn query_texts(error: &QueryError, lang: Lang) -> (String, String) {
    let (vi, en, remedy_vi, remedy_en) = match error {
        QueryError::UnknownSeason { known, .. } if known == "none yet" => (
            "sổ chưa có đợt đánh giá nào".to_owned(),
            "the register holds no season yet".to_owned(),
            "chạy `sogoc demo` để nạp dữ liệu mẫu, hoặc `sogoc season import THƯ-MỤC`".to_owned(),
            "run `sogoc demo` to load the sample season, or `sogoc season import DIR`".to_owned(),
        ),
        QueryError::UnknownSeason { season, known } => (
            format!("không có đợt đánh giá {season} tại thời điểm được hỏi"),
            format!("season {season} is not in the register as of then"),
            format!("dùng một trong: {known}"),
            format!("use one of: {known}"),
        ),
        QueryError::UnknownGroup { group, season, known } => (
            format!("không có khối {group} trong {season}"),
            format!("group {group} is not in season {season}"),
            format!("dùng một trong: {known}"),
            format!("use one of: {known}"),
        ),
        QueryError::UnknownAgency { agency, season } => (
            format!("không có cơ quan {agency} trong {season}"),
            format!("agency {agency} is not in season {season}"),
            format!("xem mã cơ quan bằng `sogoc ranking {season} --json`"),
            format!("see the ids with `sogoc ranking {season} --json`"),
        ),
        QueryError::UnknownFigure { address, why } => (
            format!("không có số liệu {address}: {}", why.text(Language::Vietnamese)),
            format!("no figure has the address {address}: {why}"),
            format!("xem danh sách bằng `sogoc figures {}`", address.split('/').next().unwrap_or("SEASON")),
            format!("see them with `sogoc figures {}`", address.split('/').next().unwrap_or("SEASON")),
        ),
        QueryError::AsOf(AsOfError::Beyond { asked, size }) => (
            format!("chưa có vị trí {asked}: sổ có {size} mục"),
            format!("position {asked} does not exist yet: the register holds {size} entries"),
            format!("hỏi vị trí nhỏ hơn {size}"),
            format!("ask for a position below {size}"),
        ),
        QueryError::AsOf(AsOfError::UnknownSeason(season)) => (
            format!("không có đợt đánh giá {season} trong sổ"),
            format!("season {season} is not in the register"),
            "kiểm tra lại mã đợt".to_owned(),
            "check the season's id".to_owned(),
        ),
    };
    match lang {
        Lang::Vi => (vi, remedy_vi),
        Lang::En => (en, remedy_en),
    }
}

/// A refusal as the contract writes it: code, message, remedy, and the values beside them.
pub(crate) fn refusal_json(refusal: &Refusal, lang: Lang) -> Value {
    let mut object = serde_json::Map::new();
    for (name, value) in &refusal.values {
        // The refusal's own code has this name already.
        let name = if *name == "code" { "reason_code" } else { name };
        object.insert(name.to_owned(), Value::String(value.clone()));
    }
    object.insert("code".to_owned(), Value::String(refusal.code.as_str().to_owned()));
    object.insert("message".to_owned(), Value::String(refusal.message(lang.language())));
    object.insert("remedy".to_owned(), Value::String(refusal.remedy(lang.language())));
    Value::Object(object)
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        Self::Query(error)
    }
}

impl From<MirrorError> for Failure {
    fn from(error: MirrorError) -> Self {
        let mut message = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(inner) = source {
            message = format!("{message}: {inner}");
            source = inner.source();
        }
        let remedy = Remedy {
            vi: "bản sao SQL vẫn như cũ; chạy lại `sogoc mirror rebuild`",
            en: "the SQL mirror stays as it was; run `sogoc mirror rebuild` again",
        };
        Self::Unavailable { message, remedy }
    }
}

impl From<EvidenceError> for Failure {
    fn from(error: EvidenceError) -> Self {
        let mut message = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(inner) = source {
            let said = inner.to_string();
            if !message.ends_with(&said) {
                message = format!("{message}: {said}");
            }
            source = inner.source();
        }
        let EvidenceError::Blob(blob) = &error else { return Self::input(message) };
        match **blob {
            BlobError::Altered { .. } | BlobError::Missing(_) => Self::Corrupt { position: None, message },
            BlobError::TooLarge { .. } | BlobError::Empty | BlobError::Source(_) => Self::input(message),
            BlobError::Undecipherable { .. } | BlobError::Unavailable { .. } => Self::Unavailable {
                message,
                remedy: Remedy {
                    vi: "kiểm tra kho tài liệu (--evidence hoặc SOGOC_EVIDENCE) rồi chạy lại",
                    en: "check the evidence store (--evidence or SOGOC_EVIDENCE) and run it again",
                },
            },
        }
    }
}

impl From<ExecuteError> for Failure {
    fn from(error: ExecuteError) -> Self {
        match error {
            ExecuteError::Refusal(refusal) => Self::Refused(*refusal),
            ExecuteError::Log(error) => error.into(),
            ExecuteError::Evidence(error) => error.into(),
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        let message = error.to_string();
        if let LogError::Corrupt { position, what } = error {
            return Self::Corrupt { position: position.map(|p| p.0), message: what };
        }
        if let LogError::Diverged { .. } = error {
            return Self::Corrupt { position: None, message };
        }
        if matches!(
            error,
            LogError::Conflict { .. }
                | LogError::Moved { .. }
                | LogError::CommandReused { .. }
                | LogError::Refused { .. }
                | LogError::NothingToErase { .. }
                | LogError::Late { .. }
                | LogError::NotAPrefix { .. }
                | LogError::Folder { .. }
        ) {
            return Self::input(message);
        }
        Self::Unavailable {
            message,
            remedy: Remedy {
                vi: "kiểm tra kho dữ liệu (--store hoặc SOGOC_STORE) rồi chạy lại",
                en: "check the store (--store or SOGOC_STORE) and run it again",
            },
        }
    }
}

/// An error with what brought it about, on one line.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}
