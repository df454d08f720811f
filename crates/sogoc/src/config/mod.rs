//! The configuration of `sogoc serve` and of every command that opens a store.
//!
//! **Order.** A TOML file where one is named (`--config FILE` or `SOGOC_CONFIG`; none is read unasked), then the
//! environment, then flags: what is said later holds. **One table** ([`settings`]) has every key with its form, bounds,
//! default and purpose; a key that it does not have is a fault, and the nearest that it has is named. **Faults** are all
//! said at once, each with where it stands and what to do, and never quote a secret. Paths are taken from the folder in
//! which sogoc runs, wherever they are written.

pub(crate) mod check;
mod connect;
pub(crate) mod fault;
mod reading;
pub(crate) mod sample;
mod secret;
mod settings;

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;

use crate::cli::{Given, Global};
use crate::failure::Failure;
use fault::{Fault, Source, Text};
use reading::{Flags, Reading};
pub(crate) use secret::Secret;
use settings::Value;

/// Everything that can be configured, checked and complete.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// The store's URL.
    pub(crate) store: Secret,
    /// Name of the log, where one is demanded.
    pub(crate) log_name: Option<String>,
    /// The key that signs checkpoints, where it is not in its usual place.
    pub(crate) key_file: Option<PathBuf>,
    pub(crate) evidence: EvidencePlace,
    pub(crate) serve: Serve,
    /// None: plain HTTP, for loopback or behind a proxy.
    pub(crate) tls: Option<Tls>,
    pub(crate) limits: Limits,
    pub(crate) sign_in: SignIn,
    /// None: local accounts only.
    pub(crate) oidc: Option<Oidc>,
    /// None: nothing is published.
    pub(crate) nats: Option<Nats>,
    /// The witnesses that are asked (a C2SP tlog-policy).
    pub(crate) witness_policy: Option<PathBuf>,
    /// Whether the SQL mirror follows the log.
    pub(crate) mirror_follow: bool,
    pub(crate) telemetry: Telemetry,
}

/// Where evidence files are and how they are looked at.
#[derive(Clone, Debug)]
pub(crate) struct EvidencePlace {
    /// A folder or `s3://bucket/prefix`; none: beside an embedded store.
    pub(crate) place: Option<String>,
    pub(crate) key_file: Option<PathBuf>,
    /// `unix:PATH` or `tcp:HOST:PORT`.
    pub(crate) clamd: Option<String>,
}

/// Where the service listens.
#[derive(Clone, Debug)]
pub(crate) struct Serve {
    /// `ADDRESS:PORT`.
    pub(crate) listen: String,
    /// What users see, without a slash at the end.
    pub(crate) public_url: Option<String>,
    /// `ADDRESS:PORT` of what is the operator's only; none: switched off.
    pub(crate) operator_listen: Option<String>,
}

/// Certificate and key, as PEM files.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// Bounds on what callers may ask for. Ranges are in [`settings`].
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Connections at once.
    pub(crate) connections: usize,
    /// Requests being worked on at once.
    pub(crate) in_flight: usize,
    /// Of one caller, in the long run.
    pub(crate) requests_per_second: u32,
    /// Of one caller, at once.
    pub(crate) burst: u32,
    /// Largest body, uploads apart.
    pub(crate) body_bytes: usize,
    /// Largest upload.
    pub(crate) upload_bytes: u64,
    /// Longest call.
    pub(crate) deadline: std::time::Duration,
    /// Largest head of a request.
    pub(crate) header_bytes: usize,
}

/// How sessions and failed sign-ins are bounded.
#[derive(Clone, Debug)]
pub(crate) struct SignIn {
    /// Longest session.
    pub(crate) session: std::time::Duration,
    /// A session that is not used for so long ends; never above `session`.
    pub(crate) idle: std::time::Duration,
    /// Failures in a row that lock an account.
    pub(crate) failures: u32,
    /// For how long.
    pub(crate) lockout: std::time::Duration,
    /// Whether roles that publish or administer need a second factor.
    pub(crate) second_factor: bool,
    /// The key under which seeds of second factors are sealed; none: they are stored in the clear.
    pub(crate) key_file: Option<PathBuf>,
}

/// The OpenID Connect provider.
#[derive(Clone, Debug)]
pub(crate) struct Oidc {
    pub(crate) issuer: String,
    pub(crate) client_id: String,
    pub(crate) client_secret_file: Option<PathBuf>,
    /// `openid` is among them.
    pub(crate) scopes: Vec<String>,
    pub(crate) ca_file: Option<PathBuf>,
}

impl Oidc {
    /// sogoc's secret at the provider, where it has one.
    ///
    /// # Errors
    /// When the file cannot be read or does not hold one line.
    pub(crate) fn client_secret(&self) -> Result<Option<Secret>, Failure> {
        let read =
            |path: &PathBuf| reading::secret_line(path).map(Secret::whole).map_err(|error| Failure::file(path, &error));
        self.client_secret_file.as_ref().map(read).transpose()
    }
}

/// The bus.
#[derive(Clone, Debug)]
pub(crate) struct Nats {
    /// One server or several, with commas between.
    pub(crate) url: Secret,
    /// `[a-z0-9-]{1,64}`.
    pub(crate) tenant: String,
    pub(crate) credentials_file: Option<PathBuf>,
    pub(crate) ca_file: Option<PathBuf>,
    /// 1 to 5.
    pub(crate) replicas: usize,
}

/// Logs and traces.
#[derive(Clone, Debug)]
pub(crate) struct Telemetry {
    /// Directives of a filter.
    pub(crate) log: String,
    pub(crate) format: LogFormat,
    /// The collector, without `/v1/traces`.
    pub(crate) otlp: Option<Secret>,
}

/// The form of log lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// Flags of `sogoc serve` beside those of every command.
#[derive(Args, Clone, Default, Debug)]
pub(crate) struct ServeFlags {
    /// Where to listen; port 0 takes a free one, and the start-up line says which [env: SOGOC_SERVE_LISTEN]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<String>,
    /// The address that users see, also behind a proxy [env: SOGOC_SERVE_PUBLIC_URL]
    #[arg(long, value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// Where /metrics, /livez and /readyz are; off for nowhere [env: SOGOC_SERVE_OPERATOR_LISTEN]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) operator_listen: Option<String>,
}

impl Config {
    /// Reads and checks everything that this command was given.
    ///
    /// # Errors
    /// With all that is wrong, when anything is.
    pub(crate) fn load(given: &Given, serve: &ServeFlags) -> Result<Self, Failure> {
        Self::from(read(given, serve, |name| std::env::var_os(name)))
    }

    /// What holds where nothing is said.
    pub(crate) fn standard() -> Self {
        build(&mut Reading::of(None, |_| None, &Flags::new()))
    }

    fn from(mut reading: Reading) -> Result<Self, Failure> {
        let config = build(&mut reading);
        if reading.faults.is_empty() { Ok(config) } else { Err(Failure::Configuration(reading.faults)) }
    }

    /// What commands that open the store go by.
    pub(crate) fn global(&self, given: &Given) -> Global {
        Global {
            store: self.store.expose().to_owned(),
            as_of: given.as_of,
            log_name: self.log_name.clone(),
            key_file: self.key_file.clone(),
            evidence: self.evidence.place.clone(),
            evidence_key_file: self.evidence.key_file.clone(),
            sign_in_key_file: self.sign_in.key_file.clone(),
            clamd: self.evidence.clamd.clone(),
            as_of_occurred: given.as_of_occurred,
        }
    }
}

/// Reads without judging: `config check` shows what was read also where something is wrong.
fn read(given: &Given, serve: &ServeFlags, variable: impl Fn(&str) -> Option<OsString>) -> Reading {
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.to_string_lossy().into_owned());
    let flags: Flags = [
        ("--store", given.store.clone()),
        ("--log-name", given.log_name.clone()),
        ("--key-file", path(&given.key_file)),
        ("--evidence", given.evidence.clone()),
        ("--evidence-key-file", path(&given.evidence_key_file)),
        ("--clamd", given.clamd.clone()),
        ("--listen", serve.listen.clone()),
        ("--public-url", serve.public_url.clone()),
        ("--operator-listen", serve.operator_listen.clone()),
    ]
    .into_iter()
    .filter_map(|(flag, value)| Some((flag, value?)))
    .collect();
    let file = file(given, &variable);
    Reading::of(file.as_deref(), variable, &flags)
}

/// The file that is named, if any.
fn file(given: &Given, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let named = || variable("SOGOC_CONFIG").filter(|name| !name.is_empty()).map(PathBuf::from);
    given.config.clone().or_else(named)
}

/// The typed configuration; what does not fit together is added to the faults. Where there are faults the result is not
/// used.
fn build(reading: &mut Reading) -> Config {
    let mut faults = Vec::new();
    let values = &*reading;
    let tls = match (values.path("tls.certificate"), values.path("tls.key")) {
        (Some(certificate), Some(key)) => Some(Tls { certificate, key }),
        (None, None) => None,
        (Some(_), None) => {
            faults.push(values.lacking("tls.certificate", "tls.key"));
            None
        }
        (None, Some(_)) => {
            faults.push(values.lacking("tls.key", "tls.certificate"));
            None
        }
    };
    let oidc = match (values.text("oidc.issuer"), values.text("oidc.client_id")) {
        (Some(issuer), Some(client_id)) => Some(Oidc {
            issuer,
            client_id,
            client_secret_file: values.path("oidc.client_secret_file"),
            scopes: values.words("oidc.scopes"),
            ca_file: values.path("oidc.ca_file"),
        }),
        (Some(_), None) => {
            faults.push(values.lacking("oidc.issuer", "oidc.client_id"));
            None
        }
        (None, _) => {
            faults
                .extend(values.without("oidc.issuer", &["oidc.client_id", "oidc.client_secret_file", "oidc.ca_file"]));
            None
        }
    };
    let nats = match (values.text("nats.url"), values.text("nats.tenant")) {
        (Some(url), Some(tenant)) => Some(Nats {
            url: Secret::addresses(url),
            tenant,
            credentials_file: values.path("nats.credentials_file"),
            ca_file: values.path("nats.ca_file"),
            replicas: values.size("nats.replicas"),
        }),
        (Some(_), None) => {
            faults.push(values.lacking("nats.url", "nats.tenant"));
            None
        }
        (None, _) => {
            faults.extend(values.without("nats.url", &["nats.credentials_file", "nats.ca_file"]));
            None
        }
    };
    if !values.words("oidc.scopes").iter().any(|scope| scope == "openid") {
        faults.push(values.fault(
            "oidc.scopes",
            Text::new("không có openid", "openid is not among them"),
            Text::new("thêm \"openid\"", "add \"openid\""),
        ));
    }
    for (less, more) in [("limits.requests_per_second", "limits.burst"), ("limits.body_bytes", "limits.upload_bytes")] {
        faults.extend(values.ordered(less, more, 1));
    }
    faults.extend(values.ordered("sign_in.idle_minutes", "sign_in.session_hours", 60));
    if let Some(url) = values.text("serve.public_url")
        && reqwest::Url::parse(&url).is_ok_and(|url| url.query().is_some() || url.path() != "/")
    {
        faults.push(values.fault(
            "serve.public_url",
            Text::new("có đường dẫn hoặc truy vấn", "has a path or a query"),
            Text::new("chỉ ghi https://MÁY[:CỔNG]", "give https://HOST[:PORT] only"),
        ));
    }
    let count = |key| u32::try_from(values.whole(key)).unwrap_or(u32::MAX);
    let seconds = |key, each| std::time::Duration::from_secs(values.whole(key) * each);
    let config = Config {
        store: Secret::store(values.text("store").unwrap_or_default()),
        log_name: values.text("log_name"),
        key_file: values.path("key_file"),
        evidence: EvidencePlace {
            place: values.text("evidence.place"),
            key_file: values.path("evidence.key_file"),
            clamd: values.text("evidence.clamd"),
        },
        serve: Serve {
            listen: values.text("serve.listen").unwrap_or_default(),
            public_url: values.text("serve.public_url").map(|url| url.trim_end_matches('/').to_owned()),
            operator_listen: values.text("serve.operator_listen").filter(|listen| listen != "off"),
        },
        tls,
        limits: Limits {
            connections: values.size("limits.connections"),
            in_flight: values.size("limits.in_flight"),
            requests_per_second: count("limits.requests_per_second"),
            burst: count("limits.burst"),
            body_bytes: values.size("limits.body_bytes"),
            upload_bytes: values.whole("limits.upload_bytes"),
            deadline: seconds("limits.deadline_seconds", 1),
            header_bytes: values.size("limits.header_bytes"),
        },
        sign_in: SignIn {
            session: seconds("sign_in.session_hours", 3_600),
            idle: seconds("sign_in.idle_minutes", 60),
            failures: count("sign_in.failures"),
            lockout: seconds("sign_in.lockout_minutes", 60),
            second_factor: values.switch("sign_in.second_factor"),
            key_file: values.path("sign_in.key_file"),
        },
        oidc,
        nats,
        witness_policy: values.path("witness.policy"),
        mirror_follow: values.switch("mirror.follow"),
        telemetry: Telemetry {
            log: values.text("telemetry.log").unwrap_or_default(),
            format: match values.text("telemetry.format").as_deref() {
                Some("json") => LogFormat::Json,
                Some(_) | None => LogFormat::Text,
            },
            otlp: values.text("telemetry.otlp").map(|url| Secret::addresses(url.trim_end_matches('/'))),
        },
    };
    reading.faults.extend(faults);
    config
}

impl Reading {
    fn value(&self, key: &'static str) -> Option<&Value> {
        debug_assert!(settings::setting(key).is_some(), "{key} is no setting");
        self.values.get(key).map(|(value, _)| value)
    }

    fn text(&self, key: &'static str) -> Option<String> {
        match self.value(key) {
            Some(Value::Text(text)) => Some(text.clone()),
            Some(Value::Whole(_) | Value::Switch(_) | Value::Words(_)) | None => None,
        }
    }

    fn path(&self, key: &'static str) -> Option<PathBuf> {
        self.text(key).map(PathBuf::from)
    }

    fn words(&self, key: &'static str) -> Vec<String> {
        match self.value(key) {
            Some(Value::Words(words)) => words.clone(),
            Some(Value::Whole(_) | Value::Switch(_) | Value::Text(_)) | None => Vec::new(),
        }
    }

    fn switch(&self, key: &'static str) -> bool {
        matches!(self.value(key), Some(Value::Switch(true)))
    }

    /// A number; every setting of that form has a default.
    fn whole(&self, key: &'static str) -> u64 {
        match self.value(key) {
            Some(Value::Whole(number)) => *number,
            Some(Value::Text(_) | Value::Switch(_) | Value::Words(_)) | None => 0,
        }
    }

    fn size(&self, key: &'static str) -> usize {
        usize::try_from(self.whole(key)).unwrap_or(usize::MAX)
    }

    fn source(&self, key: &'static str) -> Source {
        self.values.get(key).map_or(Source::Default, |(_, source)| source.clone())
    }

    fn fault(&self, key: &'static str, what: Text, remedy: Text) -> Fault {
        Fault { source: self.source(key), key: Some(key.to_owned()), what, remedy }
    }

    /// `there` is given and needs `lacking` beside it.
    fn lacking(&self, there: &'static str, lacking: &'static str) -> Fault {
        self.fault(
            there,
            Text::new(format!("cần cả {lacking}"), format!("{lacking} is needed too")),
            Text::new(format!("ghi {lacking}, hoặc bỏ {there}"), format!("give {lacking}, or leave {there} out")),
        )
    }

    /// Those of `idle` that are given without `main` and so would do nothing.
    fn without(&self, main: &'static str, idle: &[&'static str]) -> Vec<Fault> {
        idle.iter().filter(|key| self.value(key).is_some()).map(|key| self.lacking(key, main)).collect()
    }

    /// That `less` is not above `more`, of which each counts `each`. The fault stands where somebody said something.
    fn ordered(&self, less: &'static str, more: &'static str, each: u64) -> Option<Fault> {
        let (low, high) = (self.whole(less), self.whole(more));
        let key = if self.source(less) == Source::Default { more } else { less };
        (low > high * each).then(|| {
            self.fault(
                key,
                Text::new(
                    format!("{less} là {low}, quá {more} là {high}"),
                    format!("{less} is {low}, beyond {more}, which is {high}"),
                ),
                Text::new(format!("hạ {less} hoặc nâng {more}"), format!("lower {less} or raise {more}")),
            )
        })
    }
}

/// Whether an `ADDRESS:PORT` or a host is this machine's own only.
fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests;
