//! Why a call was not answered, told once for every protocol.
//!
//! A refusal of the domain keeps its code, its values and its texts. What the service itself refuses (load, limits, a store
//! that is away) has codes of its own, in the same form. [`Fault::told`] puts either into the caller's language;
//! [`Class`] says what it is to gRPC and to HTTP. Nothing internal is in what is told: causes go to the log.

use std::collections::BTreeMap;

use connectrpc::{ConnectError, ErrorCode, ErrorDetail};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use prost_reflect::DynamicMessage;
use prost_reflect::prost::Message as _;
use serde_json::{Value, json};
use sogoc_app::{EvidenceError, ExecuteError};
use sogoc_domain::refusal::{Code, Language, Refusal};
use sogoc_evidence::BlobError;
use sogoc_log::{LogError, RETRY_FULL_MS};
use sogoc_register::{AsOfError, QueryError};

use super::schema::SCHEMA;
use crate::access::Denied;

/// How long a caller waits before it tries again what is away for the moment, in milliseconds.
const RETRY_MS: u64 = 1_000;

/// Why a call was not answered.
#[derive(Debug)]
pub(crate) enum Fault {
    /// A rule of the domain forbids it.
    Refusal(Box<Refusal>),
    /// The service does not do it, now or at all.
    Service(ServiceCode, Option<u64>),
}

/// A call that was not answered: why, and the id by which an operator finds it in logs and traces.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) fault: Fault,
    pub(crate) request: String,
}

/// What was found before there was a call.
impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        Self { fault, request: String::new() }
    }
}

impl Failed {
    /// In a language.
    pub(crate) fn told(&self, language: Language) -> Told {
        Told { request: self.request.clone(), ..self.fault.told(language) }
    }
}

/// What the service itself refuses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ServiceCode {
    /// Too many requests are under way, or the queue of appends is full.
    Busy,
    /// The caller sends more than its share.
    TooManyRequests,
    /// The store does not answer.
    Unavailable,
    /// It took longer than it may.
    Deadline,
    /// A body or a file is larger than the limit.
    TooLarge,
    /// The query of a path is longer than the limit.
    QueryTooLong,
    /// There is no such method or path.
    NoSuchMethod,
    /// The path is there, with another verb.
    WrongVerb,
    /// The body is of a kind that is not read.
    WrongMedia,
    /// The service is not set up for it.
    NotConfigured,
    /// What is stored is not what was recorded.
    Corrupt,
    /// A defect of the service.
    Internal,
}

/// What a fault is, whatever the protocol.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Class {
    Invalid,
    NotFound,
    Exists,
    Conflict,
    Forbidden,
    Unauthenticated,
    TooMany,
    Unavailable,
    Deadline,
    State,
    TooLarge,
    TooLong,
    WrongVerb,
    WrongMedia,
    Unimplemented,
    Corrupt,
    Internal,
}

impl Class {
    /// The status of gRPC and Connect.
    pub(crate) fn rpc(self) -> ErrorCode {
        match self {
            Self::Invalid | Self::WrongMedia => ErrorCode::InvalidArgument,
            Self::NotFound => ErrorCode::NotFound,
            Self::Exists => ErrorCode::AlreadyExists,
            Self::Conflict => ErrorCode::Aborted,
            Self::Forbidden => ErrorCode::PermissionDenied,
            Self::Unauthenticated => ErrorCode::Unauthenticated,
            Self::TooMany | Self::TooLarge | Self::TooLong => ErrorCode::ResourceExhausted,
            Self::Unavailable => ErrorCode::Unavailable,
            Self::Deadline => ErrorCode::DeadlineExceeded,
            Self::State => ErrorCode::FailedPrecondition,
            Self::WrongVerb | Self::Unimplemented => ErrorCode::Unimplemented,
            Self::Corrupt => ErrorCode::DataLoss,
            Self::Internal => ErrorCode::Internal,
        }
    }

    /// The status of plain HTTP.
    pub(crate) fn http(self) -> StatusCode {
        match self {
            Self::Invalid => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Exists | Self::Conflict => StatusCode::CONFLICT,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Deadline => StatusCode::GATEWAY_TIMEOUT,
            Self::State => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooLong => StatusCode::URI_TOO_LONG,
            Self::WrongVerb => StatusCode::METHOD_NOT_ALLOWED,
            Self::WrongMedia => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Unimplemented => StatusCode::NOT_IMPLEMENTED,
            Self::Corrupt | Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// The command, or the question, has a form that is not one.
const INVALID: &[Code] = &[
    Code::Malformed,
    Code::TextTooLong,
    Code::TooMany,
    Code::Missing,
    Code::Invalid,
    Code::EntryTooLarge,
    Code::OccurredRequired,
    Code::OccurredInFuture,
    Code::InputsUnfit,
    Code::PointsOutsideRule,
    Code::BadTree,
    Code::BadBands,
    Code::ReasonRequired,
    Code::ReasonCodeRequired,
    Code::UnknownReasonCode,
    Code::ReasonUnfit,
    Code::InstrumentRequired,
    Code::TreatmentMissing,
    Code::DecisionUnfit,
    Code::PasswordTooWeak,
];
const NOT_FOUND: &[Code] = &[Code::Unknown, Code::UnknownLeaf, Code::NotInSeason, Code::EvidenceNotStored];
const EXISTS: &[Code] = &[Code::AlreadyExists, Code::AlreadyErased, Code::AlreadyFounded, Code::CommandReused];
const CONFLICT: &[Code] = &[Code::LeafChanged, Code::Contended, Code::ResultsMoved];
const UNAUTHENTICATED: &[Code] = &[Code::NotSignedIn, Code::SignInFailed, Code::TokenOver];
const TOO_MANY: &[Code] = &[Code::TooManyAttempts];
const FORBIDDEN: &[Code] = &[
    Code::SecondFactorRequired,
    Code::ScopeMissing,
    Code::CodeUnfit,
    Code::ConsoleOnly,
    Code::SubjectUnknown,
    Code::AccountInactive,
    Code::RoleMissing,
    Code::NotOwnAgency,
    Code::NotAssigned,
    Code::NoDelegation,
    Code::OwnCase,
    Code::OwnDecision,
    Code::OwnText,
    Code::SecondPerson,
    Code::NeedsTwo,
    Code::OwnAccount,
    Code::Recused,
    Code::MayNotRead,
];

/// What a rule's refusal is. All that is not listed is a state that does not admit the act.
pub(crate) fn class_of(code: Code) -> Class {
    let classes = [
        (INVALID, Class::Invalid),
        (NOT_FOUND, Class::NotFound),
        (EXISTS, Class::Exists),
        (CONFLICT, Class::Conflict),
        (FORBIDDEN, Class::Forbidden),
        (UNAUTHENTICATED, Class::Unauthenticated),
        (TOO_MANY, Class::TooMany),
    ];
    classes.iter().find(|(codes, _)| codes.contains(&code)).map_or(Class::State, |(_, class)| *class)
}

impl ServiceCode {
    fn as_str(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::TooManyRequests => "too-many-requests",
            Self::Unavailable => "unavailable",
            Self::Deadline => "deadline-exceeded",
            Self::TooLarge => "too-large",
            Self::QueryTooLong => "query-too-long",
            Self::NoSuchMethod => "no-such-method",
            Self::WrongVerb => "wrong-verb",
            Self::WrongMedia => "wrong-media-type",
            Self::NotConfigured => "not-configured",
            Self::Corrupt => "corrupt",
            Self::Internal => "internal",
        }
    }

    fn class(self) -> Class {
        match self {
            Self::Busy | Self::Unavailable => Class::Unavailable,
            Self::TooManyRequests => Class::TooMany,
            Self::Deadline => Class::Deadline,
            Self::TooLarge => Class::TooLarge,
            Self::QueryTooLong => Class::TooLong,
            Self::NoSuchMethod => Class::NotFound,
            Self::WrongVerb => Class::WrongVerb,
            Self::WrongMedia => Class::WrongMedia,
            Self::NotConfigured => Class::Unimplemented,
            Self::Corrupt => Class::Corrupt,
            Self::Internal => Class::Internal,
        }
    }

    /// Message and remedy, in Vietnamese and in English.
    fn texts(self) -> [(&'static str, &'static str); 2] {
        match self {
            Self::Busy => [
                ("hệ thống đang xử lý quá nhiều yêu cầu; chưa ghi gì", "gửi lại sau ít giây với cùng mã lệnh"),
                ("too much is under way; nothing was recorded", "send it again in a moment with the same command id"),
            ],
            Self::TooManyRequests => [
                ("gửi yêu cầu quá nhanh", "chờ hết thời gian được nêu rồi gửi lại"),
                ("requests come faster than one caller may send them", "wait for the time given and send it again"),
            ],
            Self::Unavailable => [
                (
                    "kho dữ liệu tạm thời không trả lời",
                    "gửi lại sau với cùng mã lệnh: lệnh đã ghi sẽ trả về biên nhận đầu tiên",
                ),
                (
                    "the store does not answer just now",
                    "send it again later with the same command id: one that was recorded gives its first receipt",
                ),
            ],
            Self::Deadline => [
                ("quá thời hạn xử lý", "gửi lại với cùng mã lệnh; nếu lệnh đã ghi sẽ trả về biên nhận đầu tiên"),
                (
                    "it took longer than it may",
                    "send it again with the same command id; one that was recorded gives its first receipt",
                ),
            ],
            Self::TooLarge => [
                ("nội dung lớn hơn giới hạn", "chia nhỏ, hoặc nộp dưới dạng tệp minh chứng"),
                ("the body is larger than the limit", "split it, or bring it as an evidence file"),
            ],
            Self::QueryTooLong => [
                (
                    "phần truy vấn của đường dẫn dài quá 8 KiB",
                    "bớt tham số, hoặc hỏi bằng POST theo Connect: xem GET /",
                ),
                ("the query is longer than 8 KiB", "leave parameters out, or ask by POST as Connect has it: see GET /"),
            ],
            Self::NoSuchMethod => [
                ("không có phương thức hay đường dẫn này", "xem /openapi.json"),
                ("there is no such method or path", "see /openapi.json"),
            ],
            Self::WrongVerb => [
                ("đường dẫn này không nhận phương thức HTTP đó", "xem /openapi.json"),
                ("the path does not take this verb", "see /openapi.json"),
            ],
            Self::WrongMedia => [
                ("kiểu nội dung không đọc được", "gửi application/json"),
                ("the body is of a kind that is not read", "send application/json"),
            ],
            Self::NotConfigured => [
                ("hệ thống này chưa được cấu hình cho việc đó", "liên hệ người vận hành"),
                ("the service is not set up for this", "ask its operator"),
            ],
            Self::Corrupt => [
                (
                    "dữ liệu lưu trữ không khớp với những gì đã ghi",
                    "báo cho người vận hành; số liệu trước đó vẫn xem được với as_of",
                ),
                (
                    "what is stored is not what was recorded",
                    "tell the operator; earlier figures still answer with as_of",
                ),
            ],
            Self::Internal => [
                ("hệ thống gặp lỗi", "gửi lại; nếu vẫn lỗi, báo cho người vận hành kèm mã yêu cầu"),
                ("the service failed", "send it again; if it fails again, tell its operator the request's id"),
            ],
        }
    }
}

/// A fault in the caller's language.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Told {
    pub(crate) class: Class,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) remedy: String,
    pub(crate) values: BTreeMap<String, String>,
    pub(crate) retry_after_ms: Option<u64>,
    /// The id of the call; empty where there is none.
    pub(crate) request: String,
}

impl Fault {
    /// A request that cannot be read.
    pub(crate) fn malformed(why: impl ToString) -> Self {
        Refusal::new(Code::Malformed).with("why", why.to_string()).into()
    }

    /// A defect: the cause goes to the log, the caller learns that there is one.
    pub(crate) fn internal(cause: impl std::fmt::Display) -> Self {
        tracing::error!(cause = %cause, "a call failed for a defect");
        Self::Service(ServiceCode::Internal, None)
    }

    #[cfg(test)]
    pub(crate) fn class(&self) -> Class {
        match self {
            Self::Refusal(refusal) => class_of(refusal.code),
            Self::Service(code, _) => code.class(),
        }
    }

    /// The stable code.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Refusal(refusal) => refusal.code.as_str(),
            Self::Service(code, _) => code.as_str(),
        }
    }

    /// In a language.
    pub(crate) fn told(&self, language: Language) -> Told {
        match self {
            Self::Refusal(refusal) => Told {
                class: class_of(refusal.code),
                code: refusal.code.as_str(),
                message: refusal.message(language),
                remedy: refusal.remedy(language),
                values: refusal.values.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
                retry_after_ms: (refusal.code == Code::Contended).then_some(RETRY_MS),
                request: String::new(),
            },
            Self::Service(code, retry_after_ms) => {
                let [vi, en] = code.texts();
                let (message, remedy) = match language {
                    Language::Vietnamese => vi,
                    Language::English => en,
                };
                Told {
                    class: code.class(),
                    code: code.as_str(),
                    message: message.to_owned(),
                    remedy: remedy.to_owned(),
                    values: BTreeMap::new(),
                    retry_after_ms: *retry_after_ms,
                    request: String::new(),
                }
            }
        }
    }
}

impl Told {
    /// The members of a `sogoc.v1.Refusal`.
    pub(crate) fn refusal(&self) -> Value {
        let mut refusal = json!({
            "code": self.code, "message": self.message, "remedy": self.remedy, "values": self.values,
        });
        if let Some(ms) = self.retry_after_ms {
            refusal["retry_after_ms"] = ms.into();
        }
        refusal
    }

    /// As a problem of RFC 9457.
    pub(crate) fn problem(&self) -> Value {
        let mut problem = self.refusal();
        problem["type"] = format!("urn:sogoc:refusal:{}", self.code).into();
        problem["title"] = self.message.clone().into();
        problem["status"] = self.class.http().as_u16().into();
        problem["detail"] = self.remedy.clone().into();
        if !self.request.is_empty() {
            problem["instance"] = format!("urn:sogoc:request:{}", self.request).into();
        }
        problem
    }

    /// `Retry-After`, in whole seconds.
    pub(crate) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(ms) = self.retry_after_ms {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(ms.div_ceil(1_000).max(1)));
        }
        if self.class == Class::Unauthenticated {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"sogoc\""));
        }
        if let Ok(request) = HeaderValue::from_str(&self.request)
            && !request.is_empty()
        {
            headers.insert("x-request-id", request);
        }
        headers
    }

    /// As an error of gRPC and Connect, with a `sogoc.v1.Refusal` among the details.
    pub(crate) fn rpc(&self) -> ConnectError {
        let message = SCHEMA.message("Refusal").expect("types.proto has the refusal");
        let refusal = self.refusal();
        let value = DynamicMessage::deserialize(message, &refusal).map(|detail| detail.encode_to_vec()).ok();
        let detail = ErrorDetail {
            type_url: "sogoc.v1.Refusal".to_owned(),
            value: value.map(|bytes| base64::Engine::encode(&base64::engine::general_purpose::STANDARD_NO_PAD, bytes)),
            debug: Some(refusal),
        };
        ConnectError::new(self.class.rpc(), format!("{}: {}", self.message, self.remedy))
            .with_detail(detail)
            .with_headers(self.headers())
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(Box::new(refusal))
    }
}

impl From<QueryError> for Fault {
    fn from(error: QueryError) -> Self {
        let unknown = |what: &str, id: String| Refusal::new(Code::Unknown).with("what", what).with("id", id).into();
        match error {
            QueryError::UnknownSeason { season, .. } => unknown("season", season),
            QueryError::UnknownGroup { group, .. } => unknown("ranking group", group),
            QueryError::UnknownAgency { agency, season } => unknown("agency", format!("{agency} ({season})")),
            QueryError::UnknownFigure { address, .. } => unknown("figure", address),
            QueryError::AsOf(AsOfError::UnknownSeason(season)) => unknown("season", season.to_string()),
            QueryError::AsOf(AsOfError::Beyond { asked, size }) => Refusal::new(Code::Invalid)
                .with("field", "as_of")
                .with("value", asked)
                .with("why", format!("the log has {size} entries"))
                .into(),
        }
    }
}

impl From<LogError> for Fault {
    fn from(error: LogError) -> Self {
        if let LogError::Unavailable { retry_after_ms, why } = &error {
            tracing::warn!(why, "the log is unavailable");
            // A queue that is full has room again after a few batches; a store that is away takes longer.
            let code = if *retry_after_ms == RETRY_FULL_MS { ServiceCode::Busy } else { ServiceCode::Unavailable };
            return Self::Service(code, Some(*retry_after_ms));
        }
        if let LogError::Refused { what, limit, .. } = &error {
            return Refusal::new(Code::Invalid).with("field", "request").with("value", what).with("why", limit).into();
        }
        if matches!(error, LogError::Late { .. }) {
            return Self::Service(ServiceCode::Unavailable, Some(RETRY_MS));
        }
        if matches!(error, LogError::Corrupt { .. } | LogError::Diverged { .. }) {
            tracing::error!(error = %error, "the log is not what was recorded");
            return Self::Service(ServiceCode::Corrupt, None);
        }
        Self::internal(error)
    }
}

impl From<EvidenceError> for Fault {
    fn from(error: EvidenceError) -> Self {
        let EvidenceError::Blob(blob) = &error else {
            return match error {
                EvidenceError::NotConfigured => Self::Service(ServiceCode::NotConfigured, None),
                EvidenceError::Erased { digest, .. } => Refusal::new(Code::Invalid)
                    .with("field", "file")
                    .with("value", digest)
                    .with("why", "it was erased")
                    .into(),
                EvidenceError::Anchors { digest, why } => {
                    Refusal::new(Code::Invalid).with("field", "anchors").with("value", digest).with("why", why).into()
                }
                EvidenceError::Blob(_) => Self::internal(error),
            };
        };
        match **blob {
            BlobError::TooLarge { .. } => Self::Service(ServiceCode::TooLarge, None),
            BlobError::Empty => Refusal::new(Code::Missing).with("field", "file").into(),
            // The caller's own connection broke off.
            BlobError::Source(_) => Self::malformed("the file ended before it was whole"),
            BlobError::Altered { .. } | BlobError::Missing(_) => {
                tracing::error!(error = %error, "the evidence store does not hold what it should");
                Self::Service(ServiceCode::Corrupt, None)
            }
            BlobError::Undecipherable { .. } | BlobError::Unavailable { .. } => {
                tracing::warn!(error = %error, "the evidence store is unavailable");
                Self::Service(ServiceCode::Unavailable, Some(RETRY_MS))
            }
        }
    }
}

impl From<Denied> for Fault {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Refusal(refusal) => Self::Refusal(refusal),
            Denied::Log(error) => error.into(),
        }
    }
}

impl From<ExecuteError> for Fault {
    fn from(error: ExecuteError) -> Self {
        match error {
            ExecuteError::Refusal(refusal) => Self::Refusal(refusal),
            ExecuteError::Log(error) => error.into(),
            ExecuteError::Evidence(error) => error.into(),
        }
    }
}
