//! What was found about a file: what it is, what in it could act, and what its signatures are worth.
//!
//! All of it are values with stable codes, for they are recorded: a code is never renamed, and a rule that is judged
//! otherwise gets a new [`RULES_VERSION`].

use time::OffsetDateTime;

use crate::Digest;

/// Version of the rules by which verdicts are reached. Recorded with each, so that a later reader knows what "valid"
/// meant then.
pub const RULES_VERSION: u32 = 1;

/// What was found about one file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Examination {
    /// What the file is, by its content.
    pub kind: FileKind,
    /// What the files in an archive are, sorted, each once; empty for everything else.
    pub members: Vec<FileKind>,
    /// What in it acts when it is opened, sorted, each once.
    pub active: Vec<ActiveContent>,
    /// What its signatures are worth.
    pub verdict: Verdict,
}

/// What a file is, by its content and never by its name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum FileKind {
    /// `pdf`
    Pdf,
    /// `docx`: a ZIP archive whose content types name a Word document without macros.
    Docx,
    /// `xlsx`: the same for a workbook.
    Xlsx,
    /// `png`
    Png,
    /// `jpeg`
    Jpeg,
    /// `tiff`
    Tiff,
    /// `zip`: any other ZIP archive, office files with macros included.
    Zip,
    /// `p7s`: a CMS signature by itself.
    P7s,
    /// `other`: none of these.
    Other,
}

impl FileKind {
    /// Every kind.
    pub const ALL: [Self; 9] =
        [Self::Pdf, Self::Docx, Self::Xlsx, Self::Png, Self::Jpeg, Self::Tiff, Self::Zip, Self::P7s, Self::Other];

    /// Its stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Pdf => "pdf",
            Self::Docx => "docx",
            Self::Xlsx => "xlsx",
            Self::Png => "png",
            Self::Jpeg => "jpeg",
            Self::Tiff => "tiff",
            Self::Zip => "zip",
            Self::P7s => "p7s",
            Self::Other => "other",
        }
    }
}

/// What in a file acts when somebody opens it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ActiveContent {
    /// `javascript`: a PDF with a script.
    JavaScript,
    /// `launch`: a PDF action that starts a program.
    Launch,
    /// `embedded-file`: a PDF or an office file that carries another file.
    EmbeddedFile,
    /// `submit`: a PDF action that sends or fetches (submit form, import data, remote go-to, rich media), or a part of an
    /// office file that is fetched from elsewhere when it is opened (template, picture, data).
    Submit,
    /// `macro`: an office file with macros.
    Macro,
    /// `not-looked-at`: the file could not be read far enough to tell.
    NotLookedAt,
}

impl ActiveContent {
    /// Every one.
    pub const ALL: [Self; 6] =
        [Self::JavaScript, Self::Launch, Self::EmbeddedFile, Self::Submit, Self::Macro, Self::NotLookedAt];

    /// Its stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::JavaScript => "javascript",
            Self::Launch => "launch",
            Self::EmbeddedFile => "embedded-file",
            Self::Submit => "submit",
            Self::Macro => "macro",
            Self::NotLookedAt => "not-looked-at",
        }
    }
}

/// What signatures are worth: never a bare yes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Outcome {
    /// `valid`
    Valid,
    /// `valid-but`: valid, and there is something to know; the reasons say what.
    ValidBut,
    /// `indeterminate`: something is missing to tell; the reasons say what.
    Indeterminate,
    /// `invalid`: the reasons say why.
    Invalid,
    /// `unsigned`: there is no signature.
    Unsigned,
}

impl Outcome {
    /// Every one.
    pub const ALL: [Self; 5] = [Self::Valid, Self::ValidBut, Self::Indeterminate, Self::Invalid, Self::Unsigned];

    /// Its stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::ValidBut => "valid-but",
            Self::Indeterminate => "indeterminate",
            Self::Invalid => "invalid",
            Self::Unsigned => "unsigned",
        }
    }
}

/// The verdict on a file: the worst of its signatures', or that there is none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// The worst outcome among `signatures`; [`Outcome::Unsigned`] where there is none.
    pub outcome: Outcome,
    /// Reasons that concern the file as a whole, sorted, each once.
    pub reasons: Vec<Reason>,
    /// Each signature, in the order in which they were made.
    pub signatures: Vec<SignatureVerdict>,
    /// SHA-256 of the anchors' file that was judged by; none where there was none.
    pub anchors: Option<Digest>,
    /// [`RULES_VERSION`] that was judged by.
    pub rules: u32,
}

/// The verdict on one signature.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignatureVerdict {
    /// What it is worth.
    pub outcome: Outcome,
    /// Why, sorted, each once. Empty exactly if it is [`Outcome::Valid`].
    pub reasons: Vec<Reason>,
    /// How much it carries with itself.
    pub level: Level,
    /// Who signed, by the certificate; none where it could not be read.
    pub signer: Option<Signer>,
    /// When the signer claims to have signed.
    pub claimed: Option<OffsetDateTime>,
    /// The earliest instant at which it is proven to have existed, by a time stamp that was verified.
    pub proven: Option<OffsetDateTime>,
    /// Whether it covers the file to its last byte; otherwise the reasons say what came after it.
    pub covers_whole_file: bool,
}

/// Who signed, as the certificate says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signer {
    /// Common name.
    pub name: Option<String>,
    /// Organisation; none where the certificate names several.
    pub organisation: Option<String>,
    /// Serial number of the certificate, lower-case hexadecimal without leading zeros.
    pub serial: String,
    /// Issuer of the certificate, as RFC 4514 writes names.
    pub issuer: String,
    /// SHA-256 of the certificate.
    pub certificate: Digest,
}

/// How much a signature carries with itself (ETSI EN 319 142-1, EN 319 122-1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Level {
    /// `basic`: CMS without a bound signing certificate; below the baseline profiles.
    Basic,
    /// `b-b`: with the signing certificate bound.
    BB,
    /// `b-t`: with a time stamp over the signature.
    BT,
    /// `b-lt`: with certificates and revocation information for later.
    BLT,
    /// `b-lta`: with a time stamp over all that.
    BLTA,
}

impl Level {
    /// Every one.
    pub const ALL: [Self; 5] = [Self::Basic, Self::BB, Self::BT, Self::BLT, Self::BLTA];

    /// Its stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::BB => "b-b",
            Self::BT => "b-t",
            Self::BLT => "b-lt",
            Self::BLTA => "b-lta",
        }
    }
}

/// How a reason weighs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Class {
    /// The signature is valid all the same.
    But,
    /// Something is missing to tell.
    Missing,
    /// The signature is not valid.
    Against,
}

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal $class:ident, $vi:literal, $en:literal;)+) => {
        /// Why a signature is not simply valid. The code is recorded.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Reason { $($(#[doc = $doc])+ $name,)+ }

        impl Reason {
            /// Every reason, in the order of their weight.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Its stable code.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// How it weighs.
            #[must_use]
            pub const fn class(self) -> Class {
                match self { $(Self::$name => Class::$class,)+ }
            }

            /// What it says in Vietnamese.
            #[must_use]
            pub const fn vi(self) -> &'static str {
                match self { $(Self::$name => $vi,)+ }
            }

            /// What it says in English.
            #[must_use]
            pub const fn en(self) -> &'static str {
                match self { $(Self::$name => $en,)+ }
            }
        }
    };
}

reasons! {
    /// The bytes are not those that were signed.
    DigestMismatch = "digest-mismatch" Against, "nội dung đã bị sửa sau khi ký", "the content was altered after signing";
    /// The signature value does not verify under the certificate's key.
    SignatureWrong = "signature-wrong" Against, "giá trị chữ ký sai", "the signature does not verify under the certificate";
    /// What is signed is not what is shown: byte range, position of the signature, or a hole that is not the signature.
    CoverageWrong = "coverage-wrong" Against, "chữ ký không bao trùm đúng phần tệp phải ký", "the signed ranges are not the file around the signature";
    /// What was appended after signing changes what is shown.
    ChangedAfterSigning = "changed-after-signing" Against, "tệp bị bổ sung thay đổi nội dung sau khi ký", "what was appended after signing changes the content";
    /// SHA-1, MD5, or a key that is too short.
    WeakAlgorithm = "weak-algorithm" Against, "thuật toán hoặc khóa quá yếu", "an algorithm or a key that is too weak";
    /// The signature's attributes name another certificate than the one that verifies it.
    CertificateNotBound = "certificate-not-bound" Against, "chứng thư không phải là chứng thư đã ký", "the signed attributes name another certificate";
    /// A certificate of the chain was not valid at the proven or judged time.
    CertificateNotInForce = "certificate-not-in-force" Against, "chứng thư không có hiệu lực tại thời điểm ký", "a certificate was not in force at the time of signing";
    /// A certificate of the chain had been revoked.
    Revoked = "revoked" Against, "chứng thư đã bị thu hồi", "a certificate had been revoked";
    /// The certificate is not for signing documents.
    WrongKeyUsage = "wrong-key-usage" Against, "chứng thư không dùng để ký văn bản", "the certificate is not for signing documents";
    /// A certificate of the chain breaks a rule: constraints, a wrong signature, an unknown critical extension.
    ChainBroken = "chain-broken" Against, "chuỗi chứng thư sai", "the certificate chain breaks a rule";
    /// A time stamp that does not stamp this signature, or does not verify.
    TimestampWrong = "timestamp-wrong" Against, "dấu thời gian sai", "the time stamp does not hold";
    /// The CMS structure cannot be read, or has other than one signer.
    MalformedSignature = "malformed-signature" Against, "cấu trúc chữ ký sai", "the signature cannot be read";
    /// The file's structure cannot be read.
    MalformedFile = "malformed-file" Against, "cấu trúc tệp sai", "the file's structure cannot be read";
    /// No anchors were given.
    NoAnchors = "no-anchors" Missing, "chưa cấu hình chứng thư gốc tin cậy", "no trust anchors were given";
    /// The chain ends at a root that is no anchor.
    UnknownRoot = "unknown-root" Missing, "chứng thư gốc không nằm trong danh sách tin cậy", "the chain ends at a root that is not trusted here";
    /// Whether a certificate was revoked cannot be told.
    NoRevocationInformation = "no-revocation-information" Missing, "thiếu thông tin thu hồi chứng thư", "no revocation information for a certificate";
    /// The time stamp's own chain cannot be told.
    TimestampUntrusted = "timestamp-untrusted" Missing, "không xác định được độ tin cậy của dấu thời gian", "the time stamp's issuer is not trusted here";
    /// Out of force at the judged time, and nothing proves that it was signed before.
    TimeNotProven = "time-not-proven" Missing, "chứng thư đã hết hiệu lực và không có bằng chứng ký trước đó", "the certificate is out of force now and nothing proves an earlier signing";
    /// An algorithm that is not judged here.
    UnsupportedAlgorithm = "unsupported-algorithm" Missing, "thuật toán chưa được hỗ trợ", "an algorithm that is not judged here";
    /// The file is encrypted.
    Encrypted = "encrypted" Missing, "tệp bị mã hóa", "the file is encrypted";
    /// Larger, deeper or slower to read than what is judged.
    TooLarge = "too-large" Missing, "tệp vượt giới hạn kiểm tra", "the file exceeds the limits of what is judged";
    /// The time is only claimed.
    TimeClaimedOnly = "time-claimed-only" But, "thời điểm ký do người ký tự khai", "the time of signing is claimed, not proven";
    /// Below the baseline profile: the signing certificate is not bound.
    BelowBaseline = "below-baseline" But, "chữ ký dưới mức cơ sở (không ràng buộc chứng thư)", "below the baseline profile: the certificate is not bound";
    /// A further signature or the material for validation was appended, which changes nothing that is shown.
    ExtendedAfterSigning = "extended-after-signing" But, "sau khi ký có bổ sung chữ ký hoặc dữ liệu xác minh", "signatures or validation data were appended after signing";
    /// Form fields that the signature leaves open were filled in.
    FormFilledAfterSigning = "form-filled-after-signing" But, "sau khi ký có điền biểu mẫu", "form fields were filled in after signing";
}
