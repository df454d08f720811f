//! Every setting there is: its key, the form of its value, its bounds, what holds where nothing is said, and what it is
//! for. The file, the environment, `sogoc config check` and the sample file all go by this one table.
//!
//! A setting `table.key` stands in the file as `key` under `[table]`, and in the environment as `SOGOC_TABLE_KEY`.

use tracing_subscriber::EnvFilter;

use super::fault::Text;

/// One setting.
#[derive(Debug)]
pub(crate) struct Setting {
    /// `key` or `table.key`.
    pub(crate) key: &'static str,
    /// Variables of the environment that hold it, the documented one first; older names after it.
    pub(crate) variables: &'static [&'static str],
    /// The flag that sets it, where there is one.
    pub(crate) flag: Option<&'static str>,
    pub(crate) form: Form,
    /// As the file would write it; none where the setting is absent unless given.
    pub(crate) default: Option<&'static str>,
    /// A value for the sample file where there is no default, as the file would write it.
    pub(crate) example: &'static str,
    pub(crate) vi: &'static str,
    pub(crate) en: &'static str,
}

/// The form of a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    /// Any text.
    Text,
    /// A store's URL, which may hold a password.
    Store,
    /// A file that everybody may read.
    File,
    /// A file that holds a secret.
    SecretFile,
    /// Where to listen.
    Listen,
    /// Where to listen, or `off`.
    ListenOrOff,
    /// A URL with one of these schemes, which may hold a secret.
    Url(&'static [&'static str]),
    /// The same, several of them with commas between.
    Urls(&'static [&'static str]),
    /// A tenant's name within subjects of the bus.
    Tenant,
    /// A whole number within bounds, both admitted.
    Whole {
        min: u64,
        max: u64,
    },
    Switch,
    /// A list of words.
    Words,
    OneOf(&'static [&'static str]),
    /// Directives of a log filter.
    Filter,
}

/// A value as it was understood.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Value {
    Text(String),
    Whole(u64),
    Switch(bool),
    Words(Vec<String>),
}

/// Longest text of one setting, in bytes.
pub(crate) const VALUE_BYTES_MAX: usize = 4_096;

impl Form {
    /// What a value must look like.
    pub(crate) fn text(self) -> Text {
        match self {
            Self::Text => Text::new("một chuỗi ký tự không rỗng", "a text that is not empty"),
            Self::Store => Text::new(
                "sqlite:ĐƯỜNG-DẪN hoặc postgres://NGƯỜI-DÙNG@MÁY/CSDL",
                "sqlite:PATH or postgres://USER@HOST/DATABASE",
            ),
            Self::File | Self::SecretFile => Text::new("đường dẫn tới một tệp", "the path of a file"),
            Self::Listen => Text::new("ĐỊA-CHỈ:CỔNG, như 127.0.0.1:8080", "ADDRESS:PORT, such as 127.0.0.1:8080"),
            Self::ListenOrOff => {
                Text::new("ĐỊA-CHỈ:CỔNG, như 127.0.0.1:9464, hoặc off", "ADDRESS:PORT, such as 127.0.0.1:9464, or off")
            }
            Self::Url(schemes) | Self::Urls(schemes) => {
                let schemes: Vec<_> = schemes.iter().map(|scheme| format!("{scheme}://…")).collect();
                let (vi, en) = (schemes.join(" hoặc "), schemes.join(" or "));
                if matches!(self, Self::Urls(_)) {
                    return Text::new(
                        format!("{vi}; nhiều địa chỉ cách nhau bằng dấu phẩy"),
                        format!("{en}; several with commas between them"),
                    );
                }
                Text::new(format!("địa chỉ {vi}"), format!("an address {en}"))
            }
            Self::Tenant => Text::new(
                "1 đến 64 ký tự a-z, 0-9 và dấu gạch nối, như ha-nam",
                "1 to 64 of a-z, 0-9 and hyphen, such as ha-nam",
            ),
            Self::Whole { min, max } => {
                Text::new(format!("số nguyên từ {min} đến {max}"), format!("a whole number from {min} to {max}"))
            }
            Self::Switch => Text::new("true hoặc false", "true or false"),
            Self::Words => Text::new(
                "danh sách [\"a\", \"b\"]; trong biến môi trường: a,b",
                "a list [\"a\", \"b\"]; in the environment: a,b",
            ),
            Self::OneOf(words) => Text::new(words.join(" hoặc "), words.join(" or ")),
            Self::Filter => Text::new(
                "error, warn, info, debug, trace hoặc off, cả theo phần: info,sogoc_log=debug",
                "error, warn, info, debug, trace or off, also by part: info,sogoc_log=debug",
            ),
        }
    }

    /// Whether a value may hold a secret, and so is never quoted.
    pub(crate) fn may_hold_secret(self) -> bool {
        matches!(self, Self::Store | Self::Url(_) | Self::Urls(_))
    }

    /// Whether its form says something that its purpose and its example do not.
    pub(crate) fn has_bounds(self) -> bool {
        match self {
            Self::Urls(_) | Self::Tenant | Self::Whole { .. } | Self::Switch | Self::OneOf(_) | Self::Words => true,
            Self::Text
            | Self::Store
            | Self::File
            | Self::SecretFile
            | Self::Listen
            | Self::ListenOrOff
            | Self::Url(_)
            | Self::Filter => false,
        }
    }

    /// Reads a value from the environment or a flag, where everything is text.
    pub(crate) fn read_text(self, text: &str) -> Option<Value> {
        let value = match self {
            Self::Whole { .. } => Value::Whole(text.trim().parse().ok()?),
            Self::Switch => Value::Switch(match text.trim() {
                "true" | "1" => true,
                "false" | "0" => false,
                _ => return None,
            }),
            Self::Words => {
                let words = text.split([',', ' ']).map(str::trim).filter(|word| !word.is_empty());
                Value::Words(words.map(str::to_owned).collect())
            }
            Self::Text
            | Self::Store
            | Self::File
            | Self::SecretFile
            | Self::Listen
            | Self::ListenOrOff
            | Self::Url(_)
            | Self::Urls(_)
            | Self::Tenant
            | Self::OneOf(_)
            | Self::Filter => Value::Text(text.to_owned()),
        };
        self.admits(&value).then_some(value)
    }

    /// Whether this is a value of the form and within its bounds.
    pub(crate) fn admits(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Whole { min, max }, Value::Whole(number)) => (min..=max).contains(number),
            (Self::Switch, Value::Switch(_)) => true,
            (Self::Words, Value::Words(words)) => !words.is_empty() && words.iter().all(|word| is_word(word)),
            (Self::Whole { .. } | Self::Switch | Self::Words, _)
            | (_, Value::Whole(_) | Value::Switch(_) | Value::Words(_)) => false,
            (_, Value::Text(text)) => {
                !text.is_empty()
                    && text.len() <= VALUE_BYTES_MAX
                    && !text.contains(char::is_control)
                    && self.admits_text(text)
            }
        }
    }

    fn admits_text(self, text: &str) -> bool {
        match self {
            Self::Text | Self::File | Self::SecretFile => true,
            Self::Store => ["sqlite:", "postgres://", "postgresql://"]
                .iter()
                .any(|kind| text.len() > kind.len() && text.starts_with(kind)),
            Self::Listen => is_listen(text),
            Self::ListenOrOff => text == "off" || is_listen(text),
            Self::Url(schemes) => is_url(text, schemes),
            Self::Urls(schemes) => text.split(',').all(|one| is_url(one, schemes)),
            Self::Tenant => {
                text.len() <= 64 && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            }
            Self::OneOf(words) => words.contains(&text),
            Self::Filter => EnvFilter::try_new(text).is_ok() && has_known_levels(text),
            // These have no text.
            Self::Whole { .. } | Self::Switch | Self::Words => false,
        }
    }
}

fn is_word(word: &str) -> bool {
    !word.is_empty() && word.len() <= 256 && !word.contains(char::is_whitespace)
}

fn is_listen(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty()
            && !host.contains('/')
            && port.bytes().all(|b| b.is_ascii_digit())
            && port.parse::<u16>().is_ok()
    })
}

fn is_url(text: &str, schemes: &[&str]) -> bool {
    reqwest::Url::parse(text)
        .is_ok_and(|url| schemes.contains(&url.scheme()) && url.host_str().is_some_and(|host| !host.is_empty()))
}

/// A bare word is taken by the filter as the name of a part, so that `inof` would turn everything off.
fn has_known_levels(text: &str) -> bool {
    let levels = ["off", "error", "warn", "info", "debug", "trace"];
    let directives = text.split(',').map(str::trim);
    directives.filter(|one| !one.is_empty() && !one.contains(['=', ':', '['])).all(|one| levels.contains(&one))
}

const HTTP: &[&str] = &["http", "https"];

/// What is absent unless given.
const fn optional(
    key: &'static str,
    variables: &'static [&'static str],
    form: Form,
    example: &'static str,
    vi: &'static str,
    en: &'static str,
) -> Setting {
    Setting { key, variables, flag: None, form, default: None, example, vi, en }
}

/// What always has a value.
const fn always(
    key: &'static str,
    variables: &'static [&'static str],
    form: Form,
    default: &'static str,
    vi: &'static str,
    en: &'static str,
) -> Setting {
    Setting { key, variables, flag: None, form, default: Some(default), example: default, vi, en }
}

impl Setting {
    const fn flagged(self, flag: &'static str) -> Self {
        Self { flag: Some(flag), ..self }
    }

    /// The table it stands in, and its key there.
    pub(crate) fn table_and_key(&self) -> (Option<&'static str>, &'static str) {
        match self.key.split_once('.') {
            Some((table, key)) => (Some(table), key),
            None => (None, self.key),
        }
    }
}

/// All settings, by table, in the order of the sample file.
pub(crate) const SETTINGS: &[Setting] = &[
    always(
        "store",
        &["SOGOC_STORE"],
        Form::Store,
        "\"sqlite:sogoc-data/register.db\"",
        "Sổ: sqlite:ĐƯỜNG-DẪN, hoặc postgres://NGƯỜI-DÙNG@MÁY/CSDL.",
        "The register: sqlite:PATH, or postgres://USER@HOST/DATABASE.",
    )
    .flagged("--store"),
    optional(
        "store_file",
        &["SOGOC_STORE_FILE"],
        Form::SecretFile,
        "\"/etc/sogoc/store.url\"",
        "Tệp chứa địa chỉ đó trong một dòng, khi trong đó có mật khẩu; thay cho store.",
        "A file with that address in one line, where it holds a password; instead of store.",
    ),
    optional(
        "log_name",
        &["SOGOC_LOG_NAME"],
        Form::Text,
        "\"sogoc.example/ha-nam\"",
        "Tên của sổ: đặt cho sổ mới, đòi hỏi ở sổ đã có.",
        "Name of the log: given to one that is made, demanded of one that exists.",
    )
    .flagged("--log-name"),
    optional(
        "key_file",
        &["SOGOC_KEY_FILE"],
        Form::SecretFile,
        "\"/etc/sogoc/log.key\"",
        "Khóa ký điểm kiểm; không ghi thì nằm cạnh kho nhúng, hoặc ở sogoc-data/TÊN.key.",
        "The key that signs checkpoints; where absent, beside an embedded store, else sogoc-data/NAME.key.",
    )
    .flagged("--key-file"),
    optional(
        "evidence.place",
        &["SOGOC_EVIDENCE_PLACE", "SOGOC_EVIDENCE"],
        Form::Text,
        "\"s3://bucket/prefix\"",
        "Nơi giữ tài liệu kiểm chứng: một thư mục, hoặc s3://bucket/prefix; không ghi thì nằm cạnh kho nhúng.",
        "Where evidence files are kept: a folder, or s3://bucket/prefix; where absent, beside an embedded store.",
    )
    .flagged("--evidence"),
    optional(
        "evidence.key_file",
        &["SOGOC_EVIDENCE_KEY_FILE"],
        Form::SecretFile,
        "\"/etc/sogoc/evidence.key\"",
        "Khóa mã hóa các tệp đó: 32 byte viết bằng 64 chữ số thập lục phân hoặc base64.",
        "The key that encrypts them at rest: 32 bytes as 64 hexadecimal digits or base64.",
    )
    .flagged("--evidence-key-file"),
    optional(
        "evidence.clamd",
        &["SOGOC_EVIDENCE_CLAMD", "SOGOC_CLAMD"],
        Form::Text,
        "\"unix:/run/clamav/clamd.ctl\"",
        "Trình quét vi-rút: unix:ĐƯỜNG-DẪN hoặc tcp:MÁY:CỔNG; không ghi thì tệp được ghi là chưa quét.",
        "The virus scanner: unix:PATH or tcp:HOST:PORT; where absent, files are recorded as not scanned.",
    )
    .flagged("--clamd"),
    always(
        "serve.listen",
        &["SOGOC_SERVE_LISTEN"],
        Form::Listen,
        "\"127.0.0.1:8080\"",
        "Nơi dịch vụ lắng nghe; cổng 0 tự chọn.",
        "Where the service listens; port 0 takes a free one.",
    )
    .flagged("--listen"),
    optional(
        "serve.public_url",
        &["SOGOC_SERVE_PUBLIC_URL"],
        Form::Url(HTTP),
        "\"https://sogoc.example\"",
        "Địa chỉ mà người dùng thấy, sau cả proxy; cần cho OpenID Connect.",
        "The address that users see, also behind a proxy; OpenID Connect needs it.",
    )
    .flagged("--public-url"),
    always(
        "serve.operator_listen",
        &["SOGOC_SERVE_OPERATOR_LISTEN"],
        Form::ListenOrOff,
        "\"127.0.0.1:9464\"",
        "Nơi có /metrics, /livez và /readyz, không dành cho người ngoài; off để tắt.",
        "Where /metrics, /livez and /readyz are, which are not for strangers; off for nowhere.",
    )
    .flagged("--operator-listen"),
    optional(
        "tls.certificate",
        &["SOGOC_TLS_CERTIFICATE"],
        Form::File,
        "\"/etc/sogoc/tls.crt\"",
        "Chứng thư TLS và các chứng thư trung gian (PEM); được nạp lại khi tệp thay đổi.",
        "The TLS certificate and its intermediates (PEM); read again when the file changes.",
    ),
    optional(
        "tls.key",
        &["SOGOC_TLS_KEY"],
        Form::SecretFile,
        "\"/etc/sogoc/tls.key\"",
        "Khóa bí mật của chứng thư đó (PEM).",
        "That certificate's secret key (PEM).",
    ),
    always(
        "limits.connections",
        &["SOGOC_LIMITS_CONNECTIONS"],
        Form::Whole { min: 1, max: 65_536 },
        "1024",
        "Số kết nối cùng lúc; thêm nữa thì phải chờ.",
        "Connections at once; more wait.",
    ),
    always(
        "limits.in_flight",
        &["SOGOC_LIMITS_IN_FLIGHT"],
        Form::Whole { min: 1, max: 65_536 },
        "256",
        "Số yêu cầu được xử lý cùng lúc; thêm nữa thì được mời thử lại sau.",
        "Requests being worked on at once; more are told to try again later.",
    ),
    always(
        "limits.requests_per_second",
        &["SOGOC_LIMITS_REQUESTS_PER_SECOND"],
        Form::Whole { min: 1, max: 100_000 },
        "50",
        "Số yêu cầu mỗi giây của một người gọi, tính lâu dài.",
        "Requests a second of one caller, in the long run.",
    ),
    always(
        "limits.burst",
        &["SOGOC_LIMITS_BURST"],
        Form::Whole { min: 1, max: 100_000 },
        "100",
        "Số yêu cầu một người gọi được gửi dồn một lúc; không ít hơn requests_per_second.",
        "Requests that one caller may send at once; not less than requests_per_second.",
    ),
    always(
        "limits.body_bytes",
        &["SOGOC_LIMITS_BODY_BYTES"],
        Form::Whole { min: 65_536, max: 67_108_864 },
        "4194304",
        "Thân yêu cầu lớn nhất, tính bằng byte; tệp tải lên không kể.",
        "Largest body of a request, in bytes; uploads apart.",
    ),
    always(
        "limits.upload_bytes",
        &["SOGOC_LIMITS_UPLOAD_BYTES"],
        Form::Whole { min: 65_536, max: sogoc_domain::policy::EVIDENCE_BYTES_MAX },
        "268435456",
        "Tệp tải lên lớn nhất, tính bằng byte.",
        "Largest file that is uploaded, in bytes.",
    ),
    always(
        "limits.deadline_seconds",
        &["SOGOC_LIMITS_DEADLINE_SECONDS"],
        Form::Whole { min: 1, max: 600 },
        "30",
        "Thời gian dài nhất của một lời gọi, tính bằng giây; người gọi có thể đặt ngắn hơn.",
        "Longest time of one call, in seconds; a caller may ask for less.",
    ),
    always(
        "limits.header_bytes",
        &["SOGOC_LIMITS_HEADER_BYTES"],
        // hyper reads no less at once.
        Form::Whole { min: 8_192, max: 262_144 },
        "16384",
        "Phần đầu lớn nhất của một yêu cầu, tính bằng byte.",
        "Largest head of a request, in bytes.",
    ),
    always(
        "sign_in.session_hours",
        &["SOGOC_SIGN_IN_SESSION_HOURS"],
        Form::Whole { min: 1, max: 720 },
        "12",
        "Phiên đăng nhập dài nhất, tính bằng giờ.",
        "Longest session, in hours.",
    ),
    always(
        "sign_in.idle_minutes",
        &["SOGOC_SIGN_IN_IDLE_MINUTES"],
        Form::Whole { min: 1, max: 43_200 },
        "60",
        "Phiên không dùng đến thì hết hạn sau chừng này phút.",
        "A session that is not used ends after so many minutes.",
    ),
    always(
        "sign_in.failures",
        &["SOGOC_SIGN_IN_FAILURES"],
        Form::Whole { min: 1, max: 100 },
        "5",
        "Số lần đăng nhập sai liên tiếp thì tài khoản bị khóa một lúc.",
        "Failed sign-ins in a row after which an account is locked for a while.",
    ),
    always(
        "sign_in.lockout_minutes",
        &["SOGOC_SIGN_IN_LOCKOUT_MINUTES"],
        Form::Whole { min: 1, max: 1_440 },
        "15",
        "Thời gian khóa đó, tính bằng phút.",
        "How long that is, in minutes.",
    ),
    always(
        "sign_in.second_factor",
        &["SOGOC_SIGN_IN_SECOND_FACTOR"],
        Form::Switch,
        "true",
        "Vai trò công bố và quản trị phải có yếu tố thứ hai (TOTP).",
        "Roles that publish or administer need a second factor (TOTP).",
    ),
    optional(
        "sign_in.key_file",
        &["SOGOC_SIGN_IN_KEY_FILE"],
        Form::SecretFile,
        "\"/etc/sogoc/sign-in.key\"",
        "Khóa niêm phong các hạt giống TOTP trong kho: 32 byte viết bằng 64 chữ số thập lục phân hoặc base64; không ghi thì chúng nằm trần trong kho.",
        "The key that seals seeds of TOTP in the store: 32 bytes as 64 hexadecimal digits or base64; where absent, they stand there in the clear.",
    ),
    optional(
        "oidc.issuer",
        &["SOGOC_OIDC_ISSUER"],
        Form::Url(HTTP),
        "\"https://sso.example\"",
        "Nhà cung cấp OpenID Connect; không ghi thì chỉ có tài khoản tại chỗ.",
        "The OpenID Connect provider; where absent, there are local accounts only.",
    ),
    optional(
        "oidc.client_id",
        &["SOGOC_OIDC_CLIENT_ID"],
        Form::Text,
        "\"sogoc\"",
        "Tên mà sogoc được đăng ký ở đó.",
        "The name under which sogoc is registered there.",
    ),
    optional(
        "oidc.client_secret_file",
        &["SOGOC_OIDC_CLIENT_SECRET_FILE"],
        Form::SecretFile,
        "\"/etc/sogoc/oidc.secret\"",
        "Tệp chứa mật khẩu của sogoc ở đó trong một dòng.",
        "A file with sogoc's secret there, in one line.",
    ),
    always(
        "oidc.scopes",
        &["SOGOC_OIDC_SCOPES"],
        Form::Words,
        "[\"openid\", \"profile\"]",
        "Những gì được hỏi; phải có openid.",
        "What is asked for; openid must be among them.",
    ),
    optional(
        "oidc.ca_file",
        &["SOGOC_OIDC_CA_FILE"],
        Form::File,
        "\"/etc/sogoc/sso-ca.pem\"",
        "Chứng thư gốc của nhà cung cấp (PEM), nếu không thuộc loại ai cũng tin.",
        "The provider's root certificates (PEM), where they are not generally trusted.",
    ),
    optional(
        "nats.url",
        &["SOGOC_NATS_URL"],
        Form::Urls(&["nats", "tls"]),
        "\"tls://nats.example:4222\"",
        "NATS JetStream, nơi các mục được phát đi; không ghi thì không phát.",
        "NATS JetStream, to which entries are published; where absent, they are not.",
    ),
    optional(
        "nats.tenant",
        &["SOGOC_NATS_TENANT"],
        Form::Tenant,
        "\"ha-nam\"",
        "Tên của đơn vị này trong các chủ đề sogoc.TENANT.…",
        "This tenant's name in the subjects sogoc.TENANT.…",
    ),
    optional(
        "nats.credentials_file",
        &["SOGOC_NATS_CREDENTIALS_FILE"],
        Form::SecretFile,
        "\"/etc/sogoc/nats.creds\"",
        "Tệp .creds của NATS (JWT và khóa).",
        "The NATS .creds file (JWT and seed).",
    ),
    optional(
        "nats.ca_file",
        &["SOGOC_NATS_CA_FILE"],
        Form::File,
        "\"/etc/sogoc/nats-ca.pem\"",
        "Chứng thư gốc của máy chủ NATS (PEM), nếu không thuộc loại ai cũng tin.",
        "The NATS server's root certificates (PEM), where they are not generally trusted.",
    ),
    always(
        "nats.replicas",
        &["SOGOC_NATS_REPLICAS"],
        Form::Whole { min: 1, max: 5 },
        "1",
        "Số bản sao của luồng trong cụm NATS: 1, 3 hoặc 5.",
        "Replicas of the stream within the NATS cluster: 1, 3 or 5.",
    ),
    optional(
        "witness.policy",
        &["SOGOC_WITNESS_POLICY"],
        Form::File,
        "\"/etc/sogoc/policy.txt\"",
        "Các nhân chứng được hỏi chữ ký cho mỗi điểm kiểm (C2SP tlog-policy).",
        "The witnesses that are asked to cosign each checkpoint (C2SP tlog-policy).",
    ),
    always(
        "mirror.follow",
        &["SOGOC_MIRROR_FOLLOW"],
        Form::Switch,
        "true",
        "Bản sao SQL được cập nhật theo sổ.",
        "The SQL mirror is kept up to date with the log.",
    ),
    always(
        "telemetry.log",
        &["SOGOC_TELEMETRY_LOG"],
        Form::Filter,
        "\"info\"",
        "Những gì dịch vụ ghi ra stderr: error, warn, info, debug, trace hoặc off, cả theo phần.",
        "What the service writes to stderr: error, warn, info, debug, trace or off, also by part.",
    ),
    always(
        "telemetry.format",
        &["SOGOC_TELEMETRY_FORMAT"],
        Form::OneOf(&["text", "json"]),
        "\"text\"",
        "Dạng ghi: text cho người, json cho máy.",
        "Its form: text for people, json for machines.",
    ),
    optional(
        "telemetry.otlp",
        &["SOGOC_TELEMETRY_OTLP"],
        Form::Url(HTTP),
        "\"http://collector:4318\"",
        "Nơi nhận vết theo OTLP/HTTP (protobuf); vết được gửi tới /v1/traces ở đó.",
        "Where traces are sent by OTLP/HTTP (protobuf), to /v1/traces there.",
    ),
];

/// What each table is about, by its name.
pub(crate) const TABLES: &[(&str, &str, &str)] = &[
    ("evidence", "Tài liệu kiểm chứng", "Evidence files"),
    ("serve", "Dịch vụ (`sogoc serve`)", "The service (`sogoc serve`)"),
    ("tls", "TLS; không ghi thì cần một proxy có TLS ở trước", "TLS; where absent, put a proxy with TLS before it"),
    ("limits", "Giới hạn", "Limits"),
    ("sign_in", "Đăng nhập", "Sign-in"),
    ("oidc", "OpenID Connect", "OpenID Connect"),
    ("nats", "Phát các mục qua NATS JetStream", "Publishing entries to NATS JetStream"),
    ("witness", "Nhân chứng", "Witnesses"),
    ("mirror", "Bản sao SQL", "The SQL mirror"),
    ("telemetry", "Nhật ký vận hành, số đo và vết", "Logs, metrics and traces"),
];

/// The setting of this key.
pub(crate) fn setting(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

/// The one of `known` that is written most like `word`, if any is near.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = |one: &&str| distance(word, one) <= one.len().max(word.len()) / 3;
    known.into_iter().filter(near).min_by_key(|one| distance(word, one))
}

/// Letters to insert, remove or exchange to make one word of the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let exchanged = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = exchanged.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_has_its_variable_and_its_table() {
        for setting in SETTINGS {
            let name = format!("SOGOC_{}", setting.key.replace('.', "_").to_uppercase());
            assert_eq!(setting.variables.first(), Some(&name.as_str()), "{}", setting.key);
            if let (Some(table), _) = setting.table_and_key() {
                assert!(TABLES.iter().any(|(name, ..)| *name == table), "{}", setting.key);
            }
        }
        let mut variables: Vec<_> = SETTINGS.iter().flat_map(|setting| setting.variables).collect();
        variables.sort();
        assert!(variables.windows(2).all(|pair| pair[0] != pair[1]), "two settings share a variable");
    }

    #[test]
    fn a_misspelt_word_has_a_nearest() {
        assert_eq!(nearest("inflight", ["in_flight", "burst"]), Some("in_flight"));
        assert_eq!(nearest("client-id", ["client_id", "issuer"]), Some("client_id"));
        assert_eq!(nearest("colour", ["in_flight", "burst"]), None);
    }

    #[test]
    fn a_level_that_is_none_is_not_taken_for_the_name_of_a_part() {
        assert!(Form::Filter.read_text("info,sogoc_log=debug").is_some());
        assert!(Form::Filter.read_text("inof").is_none());
        assert!(Form::Filter.read_text("sogoc=loud").is_none());
    }

    #[test]
    fn an_address_to_listen_at_has_a_port() {
        for (text, good) in [
            ("127.0.0.1:8080", true),
            ("[::1]:0", true),
            ("localhost:80", true),
            ("8080", false),
            (":8080", false),
            ("127.0.0.1:70000", false),
            ("http://127.0.0.1:80", false),
            ("off", false),
        ] {
            assert_eq!(Form::Listen.read_text(text).is_some(), good, "{text}");
        }
        assert!(Form::ListenOrOff.read_text("off").is_some());
    }
}
