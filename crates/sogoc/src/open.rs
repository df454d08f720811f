//! Opening the register that a command asks for.

use std::path::Path;

use sogoc_app::{Absent, App, EvidenceError, EvidenceStore, KeptError, Options, Signing};
use sogoc_evidence::{Blobs, EncryptionKey, Location, Scanner};
use sogoc_log::{Log, LogError};

use crate::cli::Global;
use crate::failure::{Failure, Remedy};
use crate::keys;
use crate::output::{Output, Progress};

/// Opens the register for a command that reads: a store that is not there is not made.
pub(crate) async fn to_read(global: &Global, output: &Output) -> Result<App, Failure> {
    check_store(&global.store)?;
    must_exist(&global.store)?;
    open(global, output, Absent::Refused, None).await
}

/// Opens a register that is there for a command that looks at files.
pub(crate) async fn to_read_files(global: &Global, output: &Output) -> Result<App, Failure> {
    check_store(&global.store)?;
    must_exist(&global.store)?;
    open(global, output, Absent::Refused, evidence_store(global)?).await
}

/// Opens a register that is there for a command that records something about files.
pub(crate) async fn to_record_files(global: &Global, output: &Output) -> Result<App, Failure> {
    let app = to_read_files(global, output).await?;
    with_key(global, output, app).await
}

/// Opens a register that is there for a command that signs.
pub(crate) async fn to_sign(global: &Global, output: &Output) -> Result<App, Failure> {
    let app = to_read(global, output).await?;
    with_key(global, output, app).await
}

/// Opens the register for a command that records, and makes the store where it is not there.
pub(crate) async fn to_write(global: &Global, output: &Output) -> Result<App, Failure> {
    check_store(&global.store)?;
    let app = open(global, output, Absent::Created, evidence_store(global)?).await?;
    with_key(global, output, app).await
}

/// The same for a service, with somebody who watches appends.
pub(crate) async fn to_serve(
    global: &Global,
    output: &Output,
    observer: std::sync::Arc<dyn sogoc_log::Observer>,
) -> Result<App, Failure> {
    check_store(&global.store)?;
    let app = open_watched(global, output, Absent::Created, evidence_store(global)?, Some(observer)).await?;
    with_key(global, output, app).await
}

/// Has checkpoints signed where there is a key, which a new log gets.
async fn with_key(global: &Global, output: &Output, app: App) -> Result<App, Failure> {
    match keys::find_or_make(global, output, app.log(), app.is_new()) {
        Ok(Some(key)) => {
            let kept = Some(keys::checkpoint_path(global, app.log()));
            match keys::earlier(global, app.log()) {
                Ok(earlier) => {
                    app.keep_signed(Signing { key, earlier, kept });
                    Ok(app)
                }
                Err(failure) => {
                    app.close().await;
                    Err(failure)
                }
            }
        }
        Ok(None) => Ok(app),
        Err(failure) => {
            app.close().await;
            Err(failure)
        }
    }
}

async fn open(
    global: &Global,
    output: &Output,
    absent: Absent,
    evidence: Option<EvidenceStore>,
) -> Result<App, Failure> {
    open_watched(global, output, absent, evidence, None).await
}

async fn open_watched(
    global: &Global,
    output: &Output,
    absent: Absent,
    evidence: Option<EvidenceStore>,
    observer: Option<std::sync::Arc<dyn sogoc_log::Observer>>,
) -> Result<App, Failure> {
    let mut progress = Progress::new(output.lang.pick("dựng sổ", "building the register"));
    let log = sogoc_log::Options { name: global.log_name.clone(), observer, ..sogoc_log::Options::default() };
    let options = Options {
        log,
        absent,
        evidence,
        progress: Some(Box::new(move |folded, total| progress.at(folded, total))),
        ..Options::default()
    };
    let app = App::open(&global.store, options).await?;
    // A log that was put back to an older state, or rewritten, is neither asked nor added to.
    if let Err(error) = app.check_kept(&keys::checkpoint_path(global, app.log())).await {
        let path = keys::checkpoint_path(global, app.log());
        app.close().await;
        return Err(kept(error, &path));
    }
    Ok(app)
}

/// The store of evidence files: as configured, else beside an embedded store. A server's nodes must share one, so there is
/// no default for them.
pub(crate) fn evidence_store(global: &Global) -> Result<Option<EvidenceStore>, Failure> {
    let place = match (&global.evidence, sqlite_path(&global.store)) {
        (Some(place), _) => place.clone(),
        (None, Some(path)) => {
            if let Some(folder) = Path::new(path).parent() {
                std::fs::create_dir_all(folder).map_err(|error| Failure::Unavailable {
                    message: format!("{}: {error}", folder.display()),
                    remedy: Remedy {
                        vi: "kiểm tra kho dữ liệu (--store hoặc SOGOC_STORE) rồi chạy lại",
                        en: "check the store (--store or SOGOC_STORE) and run it again",
                    },
                })?;
            }
            format!("{path}.evidence")
        }
        (None, None) => return Ok(None),
    };
    let blobs = blobs(&place, "--evidence", global.evidence_key_file.as_deref(), "--evidence-key-file")?;
    let scanner = match &global.clamd {
        None => None,
        Some(address) => Some(Scanner::parse(address).map_err(|error| usage("--clamd", &error))?),
    };
    Ok(Some(EvidenceStore::new(blobs, scanner)))
}

/// A place for files, encrypted where there is a key; the names of the options are for messages.
pub(crate) fn blobs(place: &str, option: &str, key: Option<&Path>, key_option: &str) -> Result<Blobs, Failure> {
    let location = Location::parse(place).map_err(|error| usage(option, &error))?;
    Blobs::open(&location, self::key(key, key_option)?).map_err(|error| Failure::from(EvidenceError::from(error)))
}

/// A key at rest, where a file is named; the name of the option is for messages.
pub(crate) fn key(path: Option<&Path>, option: &str) -> Result<Option<EncryptionKey>, Failure> {
    path.map(EncryptionKey::from_file).transpose().map_err(|error| usage(option, &error))
}

/// An option whose value cannot be used; the error names the remedy.
fn usage(option: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::Usage { message: format!("{option}: {error}"), remedy: Remedy { vi: "", en: "" } }
}

fn kept(error: KeptError, path: &Path) -> Failure {
    match error {
        KeptError::Log(error @ LogError::Diverged { .. }) => {
            Failure::Diverged { message: error.to_string(), kept: path.display().to_string() }
        }
        KeptError::Log(error) => error.into(),
        KeptError::File { .. } | KeptError::Form { .. } => Failure::Unavailable {
            message: error.to_string(),
            remedy: Remedy {
                vi: "khôi phục tệp điểm kiểm từ bản sao lưu; chỉ xóa nó khi biết chắc vì sao nó hỏng",
                en: "restore the file from a backup; remove it only if you know why it is damaged",
            },
        },
    }
}

/// That a store's URL says what kind of store it is.
pub(crate) fn check_store(store: &str) -> Result<(), Failure> {
    let known = ["sqlite:", "postgres://", "postgresql://"];
    if known.iter().any(|kind| store.len() > kind.len() && store.starts_with(kind)) {
        return Ok(());
    }
    Err(Failure::Usage {
        // Not repeated: it may hold a password.
        message: "--store: not a store".to_owned(),
        remedy: Remedy {
            vi: "ghi sqlite:ĐƯỜNG-DẪN hoặc postgres://NGƯỜI-DÙNG@MÁY/CSDL",
            en: "write sqlite:PATH or postgres://USER@HOST/DATABASE",
        },
    })
}

/// The path of an embedded store.
pub(crate) fn sqlite_path(store: &str) -> Option<&str> {
    store.strip_prefix("sqlite:").filter(|path| !path.is_empty())
}

/// That an embedded store is there; of a server only the server can say.
fn must_exist(store: &str) -> Result<(), Failure> {
    match sqlite_path(store) {
        Some(path) if !Path::new(path).exists() => Err(Failure::Unavailable {
            message: format!("{store}: there is no register here"),
            remedy: Remedy {
                vi: "chạy `sogoc demo` để nạp dữ liệu mẫu, hoặc `sogoc season import THƯ-MỤC`; kho khác: --store hoặc SOGOC_STORE",
                en: "run `sogoc demo` to load the sample season, or `sogoc season import DIR`; another store: --store or SOGOC_STORE",
            },
        }),
        Some(_) | None => Ok(()),
    }
}

/// Opens only the log, for what needs no register.
pub(crate) async fn log(global: &Global) -> Result<Log, Failure> {
    check_store(&global.store)?;
    must_exist(&global.store)?;
    let options = sogoc_log::Options { name: global.log_name.clone(), ..sogoc_log::Options::default() };
    Ok(Log::open(&global.store, options).await?)
}
