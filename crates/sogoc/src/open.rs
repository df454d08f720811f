//! Opening the register that a command asks for.

use std::path::Path;

use sogoc_app::{Absent, App, Options};
use sogoc_log::Log;

use crate::cli::Global;
use crate::failure::{Failure, Remedy};
use crate::output::{Output, Progress};

/// Opens the register for a command that reads: a store that is not there is not made.
pub(crate) async fn to_read(global: &Global, output: &Output) -> Result<App, Failure> {
    check_store(&global.store)?;
    must_exist(&global.store)?;
    open(global, output, Absent::Refused).await
}

/// Opens the register for a command that records, and makes the store where it is not there.
pub(crate) async fn to_write(global: &Global, output: &Output) -> Result<App, Failure> {
    check_store(&global.store)?;
    open(global, output, Absent::Created).await
}

async fn open(global: &Global, output: &Output, absent: Absent) -> Result<App, Failure> {
    let mut progress = Progress::new(output.lang.pick("dựng sổ", "building the register"));
    let options = Options {
        absent,
        progress: Some(Box::new(move |folded, total| progress.at(folded, total))),
        ..Options::default()
    };
    Ok(App::open(&global.store, options).await?)
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
    Ok(Log::open(&global.store, sogoc_log::Options::default()).await?)
}
