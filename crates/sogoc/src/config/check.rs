//! `sogoc config check`: the effective configuration with where each value came from, and everything that is wrong.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value as Json, json};
use sogoc_evidence::{EncryptionKey, Location, Scanner};
use sogoc_proof::{POLICY_BYTES_MAX, Policy};

use super::connect::{self, Tried};
use super::fault::{Fault, Source, Text, all};
use super::reading::{Reading, shown};
use super::settings::{Form, SETTINGS, Value, nearest};
use super::{Config, Secret, ServeFlags, build, file, is_loopback, read};
use crate::cli::Given;
use crate::failure::Failure;
use crate::lang::Lang;
use crate::open;
use crate::output::Output;

/// Variables beside those of settings.
const OTHER_VARIABLES: &[&str] = &["SOGOC_CONFIG", "SOGOC_TRACE"];

/// What a check found.
#[derive(Debug)]
struct Checked {
    file: Option<PathBuf>,
    settings: Vec<Shown>,
    /// What stops the service.
    faults: Vec<Fault>,
    /// What works and may not be meant.
    notes: Vec<Fault>,
    tried: Vec<Tried>,
}

/// One setting's value, without secrets.
#[derive(Debug)]
struct Shown {
    key: &'static str,
    value: Option<Value>,
    source: Source,
}

/// Whether to try what the configuration names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Connect {
    Yes,
    No,
}

/// Checks the configuration and tells everything at once.
///
/// # Errors
/// With exit code 2 where something is wrong, 3 where only something that was tried does not answer.
pub(crate) async fn run(given: &Given, output: &Output, serve: &ServeFlags, connect: Connect) -> Result<(), Failure> {
    let mut reading = read(given, serve, |name| std::env::var_os(name));
    let config = build(&mut reading);
    let mut faults = std::mem::take(&mut reading.faults);
    faults.extend(files(&reading));
    let mut notes = notes(&reading, &config);
    notes.extend(unknown_variables(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok())));
    let tried = match connect {
        // What is wrong as it stands need not be tried.
        Connect::Yes if faults.is_empty() => connect::all(&config, &config.global(given)).await,
        Connect::Yes | Connect::No => Vec::new(),
    };
    let checked = Checked {
        file: file(given, |name| std::env::var_os(name)),
        settings: settings(&reading),
        faults,
        notes,
        tried,
    };
    output.answer(&checked.json(output.lang), || checked.text(output.lang))?;
    if !checked.faults.is_empty() {
        return Err(Failure::Misconfigured);
    }
    if !checked.all_answer() {
        return Err(Failure::Unanswered);
    }
    Ok(())
}

impl Checked {
    fn all_answer(&self) -> bool {
        self.tried.iter().all(|tried| tried.failed.is_none())
    }

    fn json(&self, lang: Lang) -> Json {
        let settings = self
            .settings
            .iter()
            .map(|Shown { key, value, source }| json!({ "key": key, "value": value.as_ref().map(as_json), "from": source.text(lang) }));
        let tried = self.tried.iter().map(|tried| {
            json!({ "what": tried.what, "where": tried.place, "ok": tried.failed.is_none(), "message": tried.text(lang) })
        });
        let faults = |faults: &[Fault]| faults.iter().map(|fault| fault.json(lang)).collect::<Vec<_>>();
        json!({
            "ok": self.faults.is_empty() && self.all_answer(),
            "file": self.file.as_ref().map(|path| path.display().to_string()),
            "settings": settings.collect::<Vec<_>>(),
            "faults": faults(&self.faults),
            "notes": faults(&self.notes),
            "tried": tried.collect::<Vec<_>>(),
        })
    }

    fn text(&self, lang: Lang) -> String {
        let mut text = match &self.file {
            Some(path) => format!("{}: {}\n\n", lang.pick("tệp cấu hình", "configuration file"), path.display()),
            None => {
                format!("{}\n\n", lang.pick("không có tệp cấu hình nào được nêu", "no configuration file is named"))
            }
        };
        let key_width = self.settings.iter().map(|one| one.key.len()).max().unwrap_or(0);
        let absent = lang.pick("(không có)", "(none)");
        let value = |one: &Shown| one.value.as_ref().map_or_else(|| absent.to_owned(), shown);
        let value_width = self.settings.iter().map(|one| value(one).chars().count()).max().unwrap_or(0).min(48);
        for one in &self.settings {
            let from = if one.value.is_some() { one.source.text(lang) } else { String::new() };
            let line = format!("{:key_width$}  {:value_width$}  {from}", one.key, value(one));
            text.push_str(line.trim_end());
            text.push('\n');
        }
        if !self.tried.is_empty() {
            text.push_str(&format!("\n{}\n", lang.pick("Đã thử:", "Tried:")));
            for tried in &self.tried {
                let sign = if tried.failed.is_none() { "+" } else { "-" };
                text.push_str(&format!("{sign} {} {}: {}\n", tried.what, tried.place, tried.text(lang)));
            }
        }
        if !self.notes.is_empty() {
            text.push_str(&format!("\n{}\n{}\n", lang.pick("Nên xem lại:", "Worth a look:"), all(&self.notes, lang)));
        }
        if self.faults.is_empty() {
            text.push_str(if self.all_answer() {
                lang.pick("\nCấu hình đúng.\n", "\nThe configuration is right.\n")
            } else {
                lang.pick(
                    "\nCấu hình đúng, nhưng không phải mọi nơi đều trả lời.\n",
                    "\nThe configuration is right, but not everything answers.\n",
                )
            });
        } else {
            text.push_str(&format!("\n{}\n{}\n", lang.pick("Sai:", "Wrong:"), all(&self.faults, lang)));
        }
        text
    }
}

fn settings(reading: &Reading) -> Vec<Shown> {
    let show = |form: Form, value: &Value| match (form, value) {
        (Form::Store, Value::Text(text)) => Value::Text(Secret::store(text).to_string()),
        (Form::Url(_) | Form::Urls(_), Value::Text(text)) => Value::Text(Secret::addresses(text).to_string()),
        (_, value) => value.clone(),
    };
    SETTINGS
        .iter()
        .map(|setting| match reading.values.get(setting.key) {
            Some((value, source)) => {
                Shown { key: setting.key, value: Some(show(setting.form, value)), source: source.clone() }
            }
            None => Shown { key: setting.key, value: None, source: Source::Default },
        })
        .collect()
}

fn as_json(value: &Value) -> Json {
    match value {
        Value::Text(text) => json!(text),
        Value::Whole(number) => json!(number),
        Value::Switch(on) => json!(on),
        Value::Words(words) => json!(words),
    }
}

/// That every file which is named is there and holds what it is for.
fn files(reading: &Reading) -> Vec<Fault> {
    let mut faults = Vec::new();
    for setting in SETTINGS {
        let Some((Value::Text(path), _)) = reading.values.get(setting.key) else { continue };
        let secret = match setting.form {
            Form::SecretFile => true,
            Form::File => false,
            Form::Text
            | Form::Store
            | Form::Listen
            | Form::ListenOrOff
            | Form::Url(_)
            | Form::Urls(_)
            | Form::Tenant
            | Form::Whole { .. }
            | Form::Switch
            | Form::Words
            | Form::OneOf(_)
            | Form::Filter => continue,
        };
        let path = Path::new(path);
        // The log's key is made with a new log; whether it is needed is the store's to say.
        if setting.key == "key_file" && !path.exists() {
            continue;
        }
        let fault = readable(path).err().map(|error| {
            let (vi, en) = ("kiểm tra đường dẫn và quyền đọc", "check the path and that it may be read");
            reading.fault(setting.key, Text::same(format!("{}: {error}", path.display())), Text::new(vi, en))
        });
        match fault {
            // Said already where its content was wanted.
            Some(_) if setting.key == "store_file" => {}
            Some(fault) => faults.push(fault),
            None if secret => faults.extend(open_to_others(reading, setting.key, path)),
            None => {}
        }
    }
    faults.extend(certificate(reading));
    faults.extend(roots(reading, "oidc.ca_file"));
    faults.extend(roots(reading, "nats.ca_file"));
    faults.extend(content(reading));
    faults
}

fn readable(path: &Path) -> std::io::Result<()> {
    let mut file = std::fs::File::open(path)?;
    // A folder can be opened and not read.
    file.read(&mut [0]).map(|_| ())
}

#[cfg(unix)]
fn open_to_others(reading: &Reading, key: &'static str, path: &Path) -> Option<Fault> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    // A group may be sogoc's own.
    (mode & 0o007 != 0).then(|| {
        let path = path.display();
        reading.fault(
            key,
            Text::new(
                format!("{path} ({mode:03o}): ai trên máy cũng đọc được bí mật này"),
                format!("{path} ({mode:03o}): everybody on this machine can read the secret"),
            ),
            Text::new(format!("chạy: chmod o= {path}"), format!("run: chmod o= {path}")),
        )
    })
}

#[cfg(not(unix))]
fn open_to_others(_: &Reading, _: &'static str, _: &Path) -> Option<Fault> {
    None
}

/// That certificate and key are of one pair.
fn certificate(reading: &Reading) -> Option<Fault> {
    let (certificate, key) = (reading.path("tls.certificate")?, reading.path("tls.key")?);
    if readable(&certificate).is_err() || readable(&key).is_err() {
        return None;
    }
    let remedy = Text::new(
        "tls.certificate: chứng thư của dịch vụ trước, rồi các chứng thư trung gian (PEM); tls.key: khóa của chính chứng thư đó (PEM)",
        "tls.certificate: the service's certificate first, then its intermediates (PEM); tls.key: that very certificate's key (PEM)",
    );
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(&certificate).and_then(Iterator::collect);
    let chain: Vec<_> = match chain {
        Ok(chain) if !chain.is_empty() => chain,
        Ok(_) => {
            let what = Text::new("không có chứng thư nào", "no certificate is in it");
            return Some(reading.fault("tls.certificate", what, remedy));
        }
        Err(error) => return Some(reading.fault("tls.certificate", Text::same(error.to_string()), remedy)),
    };
    let key = match PrivateKeyDer::from_pem_file(&key) {
        Ok(key) => key,
        Err(error) => return Some(reading.fault("tls.key", Text::same(error.to_string()), remedy)),
    };
    let provider = rustls::crypto::ring::default_provider();
    let error = rustls::sign::CertifiedKey::from_der(chain, key, &provider).err()?;
    let what =
        Text::new(format!("không hợp với tls.certificate: {error}"), format!("does not fit tls.certificate: {error}"));
    Some(reading.fault("tls.key", what, remedy))
}

/// That a file of root certificates holds some.
fn roots(reading: &Reading, key: &'static str) -> Option<Fault> {
    let path = reading.path(key)?;
    readable(&path).ok()?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_file_iter(&path).and_then(Iterator::collect);
    if read.is_ok_and(|roots| !roots.is_empty()) {
        return None;
    }
    Some(reading.fault(
        key,
        Text::new(
            format!("{}: không có chứng thư nào", path.display()),
            format!("{}: no certificate is in it", path.display()),
        ),
        Text::new("ghi tệp PEM với chứng thư gốc", "name a PEM file with root certificates"),
    ))
}

/// That the remaining values and files hold what they are for.
fn content(reading: &Reading) -> Vec<Fault> {
    let mut faults = Vec::new();
    let none = || Text::same("");
    if let Some(place) = reading.text("evidence.place")
        && let Err(error) = Location::parse(&place)
    {
        faults.push(reading.fault("evidence.place", Text::same(error.to_string()), none()));
    }
    for key in ["evidence.key_file", "sign_in.key_file"] {
        if let Some(path) = reading.path(key).filter(|path| readable(path).is_ok())
            && let Err(error) = EncryptionKey::from_file(&path)
        {
            faults.push(reading.fault(key, Text::same(error.to_string()), none()));
        }
    }
    if let Some(address) = reading.text("evidence.clamd")
        && let Err(error) = Scanner::parse(&address)
    {
        faults.push(reading.fault("evidence.clamd", Text::same(error.to_string()), none()));
    }
    if let Some(path) = reading.path("witness.policy").filter(|path| readable(path).is_ok())
        && let Err(error) = policy(&path)
    {
        faults.push(reading.fault("witness.policy", Text::same(error), none()));
    }
    if let Some(path) = reading.path("oidc.client_secret_file").filter(|path| readable(path).is_ok())
        && let Err(error) = super::reading::secret_line(&path)
    {
        faults.push(reading.fault("oidc.client_secret_file", Text::same(error.to_string()), none()));
    }
    faults
}

/// The witnesses that are asked.
pub(super) fn policy(path: &Path) -> Result<Policy, String> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    file.take(POLICY_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    Policy::parse(&bytes).map_err(|error| error.to_string())
}

/// What works and may not be meant.
fn notes(reading: &Reading, config: &Config) -> Vec<Fault> {
    let mut notes = Vec::new();
    let host = |listen: &str| listen.rsplit_once(':').map(|(host, _)| host.to_owned()).unwrap_or_default();
    if config.tls.is_none() && !is_loopback(&host(&config.serve.listen)) {
        notes.push(reading.fault(
            "serve.listen",
            Text::new(
                "người ngoài kết nối được, mà không có TLS: mật khẩu sẽ đi qua mạng như chúng được viết",
                "strangers can connect, and there is no TLS: passwords would cross the network as they are written",
            ),
            Text::new(
                "ghi [tls], hoặc đặt một proxy có TLS ở trước và không cho ai khác tới được cổng này",
                "give [tls], or put a proxy with TLS before it and let nobody else reach this port",
            ),
        ));
    }
    if let Some(listen) = &config.serve.operator_listen
        && !is_loopback(&host(listen))
    {
        notes.push(reading.fault(
            "serve.operator_listen",
            Text::new("ai tới được cổng này cũng đọc được số đo", "whoever reaches this port can read the metrics"),
            Text::new("chỉ cho máy giám sát tới được", "let only the monitoring reach it"),
        ));
    }
    if config.oidc.is_some() && config.serve.public_url.is_none() {
        notes.push(reading.fault(
            "oidc.issuer",
            Text::new(
                "không có serve.public_url: nhà cung cấp sẽ gửi người dùng về địa chỉ đang lắng nghe",
                "there is no serve.public_url: the provider will send users back to the address listened at",
            ),
            Text::new("ghi serve.public_url", "give serve.public_url"),
        ));
    }
    for key in ["oidc.issuer", "serve.public_url"] {
        let plain = reading.text(key).and_then(|url| reqwest::Url::parse(&url).ok());
        if plain.is_some_and(|url| url.scheme() == "http" && !is_loopback(url.host_str().unwrap_or_default())) {
            notes.push(reading.fault(
                key,
                Text::new("không được TLS bảo vệ", "is not protected by TLS"),
                Text::new("dùng https://", "use https://"),
            ));
        }
    }
    if config.sign_in.key_file.is_none() && open::sqlite_path(config.store.expose()).is_none() {
        notes.push(reading.fault(
            "sign_in.key_file",
            Text::new(
                "không có: ai đọc được kho hoặc bản sao lưu của nó cũng tính được mã của mọi yếu tố thứ hai",
                "is not set: whoever reads the store or a copy of it can compute the codes of all second factors",
            ),
            Text::new(
                "tạo khóa bằng `openssl rand -hex 32`, ghi vào một tệp, rồi chạy `sogoc account seal-seeds`",
                "make a key with `openssl rand -hex 32`, name its file, then run `sogoc account seal-seeds`",
            ),
        ));
    }
    if let Some(nats) = &config.nats
        && nats.replicas % 2 == 0
    {
        notes.push(reading.fault(
            "nats.replicas",
            Text::new(
                "số chẵn không bền hơn số lẻ ngay dưới nó",
                "an even number is no safer than the odd one below it",
            ),
            Text::new("dùng 1, 3 hoặc 5", "use 1, 3 or 5"),
        ));
    }
    notes
}

/// Variables that look like ours and are not: a misspelt one does nothing, silently.
fn unknown_variables(names: impl Iterator<Item = String>) -> Vec<Fault> {
    let known: Vec<&str> = SETTINGS
        .iter()
        .flat_map(|setting| setting.variables.iter().copied())
        .chain(OTHER_VARIABLES.iter().copied())
        .collect();
    let ours = |name: &String| name.starts_with("SOGOC_") && !name.starts_with("SOGOC_TEST_");
    let mut unknown: Vec<_> = names.filter(ours).filter(|name| !known.contains(&name.as_str())).collect();
    unknown.sort();
    unknown
        .into_iter()
        .map(|name| {
            let remedy = match nearest(&name, known.iter().copied()) {
                Some(near) => Text::new(format!("có phải ý là {near}?"), format!("did you mean {near}?")),
                None => Text::new("bỏ đi", "leave it out"),
            };
            let what = Text::new("không có thiết lập nào đọc biến này", "no setting reads this variable");
            Fault { source: Source::Default, key: Some(name), what, remedy }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_variable_is_told_with_the_right_one() {
        let names = ["SOGOC_LIMIT_BURST", "SOGOC_TRACE", "SOGOC_STORE", "PATH", "SOGOC_TEST_ALL"].map(str::to_owned);
        let notes = unknown_variables(names.into_iter());
        assert_eq!(notes.len(), 1, "{notes:?}");
        assert_eq!(notes[0].remedy.en, "did you mean SOGOC_LIMITS_BURST?");
    }
}
