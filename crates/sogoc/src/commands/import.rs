//! Imports: a season folder, a printed table, a scorecard's sheet.

use std::path::Path;

use serde_json::json;
use sogoc_app::import::{Plan, results_table};
use sogoc_app::{App, ImportFailure, PlanError, PlanOutcome, SheetImport};
use sogoc_domain::event::Event;
use sogoc_domain::stream::Stream;
use sogoc_domain::values::Text;
use sogoc_log::postgres_es::ImportError;
use sogoc_log::{Log, Options};

use super::execute::receipt_json;
use super::log::head_json;
use super::reconcile;
use crate::cli::{Global, ImportCommand, ScorecardCommand};
use crate::failure::{Failure, Remedy, refusal_json};
use crate::output::{Output, Progress};
use crate::{Ended, open};

pub(crate) async fn run(global: &Global, output: &Output, command: &ImportCommand) -> Ended {
    let (file, season, year, group, title, previous) = match command {
        ImportCommand::Results { file, season, year, group, title, previous } => {
            (file, season, year, group, title, previous)
        }
        ImportCommand::PostgresEs { source, table, account } => {
            return postgres_es(global, output, source, table, account).await;
        }
    };
    let bytes = read(file)?;
    let title = title.as_deref().map(Text::try_new).transpose().map_err(|error| Failure::Usage {
        message: format!("--title: {error}"),
        remedy: Remedy { vi: "sửa tên đợt", en: "correct the title" },
    })?;
    let params = results_table::Params {
        season: season.clone(),
        year: *year,
        group: group.clone(),
        title,
        group_name: None,
        previous: previous.clone(),
        classes: None,
        occurred: None,
        edition: results_table::Edition::default(),
    };
    // Read once before the store is touched: a file that cannot be read makes no store.
    results_table::plan(&name_of(file), &bytes, &params, &results_table::Existing::default())
        .map_err(|error| Failure::input(error.to_string()))?;
    let app = open::to_write(global, output).await?;
    let ended = results(&app, output, &name_of(file), &bytes, &params).await;
    app.close().await;
    ended
}

/// What is of a stream that the register knows must be an event that it can read: an entry is for ever.
fn readable(stream: &str, kind: &str, version: u32, data: &str) -> Result<(), String> {
    match Stream::parse(stream) {
        Ok(known) => Event::decode(&known, kind, version, data).map(|_| ()).map_err(|error| error.to_string()),
        Err(_) => Ok(()),
    }
}

async fn postgres_es(global: &Global, output: &Output, source: &str, table: &str, account: &str) -> Ended {
    open::check_store(&global.store)?;
    let log = Log::open_or_create(&global.store, Options::default()).await?;
    let mut progress = Progress::new(output.lang.pick("đọc bảng", "reading the table"));
    let done = log.import_postgres_es(source, table, account, readable, |rows| progress.at(rows, rows)).await;
    let head = log.head().await;
    log.close().await;
    let done = done.map_err(|error| match error {
        ImportError::Log(error) => Failure::from(error),
        ImportError::Source(_) => Failure::Unavailable {
            message: error.to_string(),
            remedy: Remedy { vi: "kiểm tra URL và bảng nguồn", en: "check the URL and the table" },
        },
        ImportError::Usage(_) | ImportError::Row { .. } => Failure::input(error.to_string()),
    })?;
    let document =
        json!({ "rows": done.rows, "recorded": done.recorded, "repeated": done.repeated, "head": head_json(&head?) });
    output.answer(&document, || {
        let text = output
            .lang
            .pick("dòng đã đọc, mục ghi mới, đã có từ trước", "rows read, entries recorded, recorded before");
        format!("{text}: {}, {}, {}\n", done.rows, done.recorded, done.repeated)
    })
}

async fn results(app: &App, output: &Output, file: &str, bytes: &[u8], params: &results_table::Params) -> Ended {
    let plan = app.plan_results(file, bytes, params).await.map_err(failed)?;
    let outcome = run_plan(app, output, &plan, Some(file)).await?;
    let verdicts = reconcile::verdicts(app, &plan.season, &plan.claims)?;
    let mut document = counts_json(app, output, &outcome).await?;
    document["reconciliation"] = json!(verdicts);
    let tables = super::reading::ranking_text(app, output, &plan.season, Some(&params.group))?;
    output.answer(&document, || {
        let said = reconcile::summary_text(&verdicts, output);
        format!("{}\n{tables}\n{said}", counts_text(&outcome, output))
    })
}

pub(crate) async fn scorecard(global: &Global, output: &Output, command: &ScorecardCommand) -> Ended {
    let ScorecardCommand::Import { season, agency, file, account, occurred } = command;
    let bytes = read(file)?;
    let app = open::to_read(global, output).await?;
    let import = SheetImport {
        file: &name_of(file),
        bytes: &bytes,
        season,
        agency,
        account: account.as_ref(),
        occurred: *occurred,
    };
    let imported = app.import_sheet(&import).await.map_err(failed);
    app.close().await;
    let (sheet, receipt) = imported?;
    for failure in &receipt.failures {
        let line = sheet.command.rows.iter().position(|row| row.leaf == failure.item).and_then(|n| sheet.lines.get(n));
        let line = line.map(|line| format!(":{line}")).unwrap_or_default();
        let language = output.lang.language();
        output.say(&format!("{}{line}: {}", import.file, failure.refusal.message(language)));
    }
    let refused = !receipt.failures.is_empty();
    output.answer(&receipt_json(&receipt, output.lang), || {
        let done = receipt.positions.len();
        let (vi, en) = if receipt.repeated {
            (
                "bảng này đã được ghi; không ghi gì thêm\n".to_owned(),
                "this sheet is recorded already; nothing new was recorded\n".to_owned(),
            )
        } else {
            (format!("đã ghi {done} tiêu chí của {agency}\n"), format!("recorded {done} leaves of {agency}\n"))
        };
        output.lang.pick(&vi, &en).to_owned()
    })?;
    if refused { Err(Failure::Short) } else { Ok(()) }
}

/// Runs a plan with progress on stderr. `file` is the one file that all of it comes from, where it has another name than
/// its rows say.
pub(crate) async fn run_plan(
    app: &App,
    output: &Output,
    plan: &Plan,
    file: Option<&str>,
) -> Result<PlanOutcome, Failure> {
    let mut progress = Progress::new(output.lang.pick("ghi sổ", "recording"));
    app.run_plan(plan, |done, total| progress.at(done, total)).await.map_err(|error| planned(error, output, file))
}

/// What was recorded, and where the log stands: the JSON of `demo` and `season import`.
pub(crate) async fn counts_json(
    app: &App,
    output: &Output,
    outcome: &PlanOutcome,
) -> Result<serde_json::Value, Failure> {
    let failures: Vec<_> = outcome
        .failures
        .iter()
        .map(|(row, failure)| {
            json!({ "row": row, "item": failure.item, "refusal": refusal_json(&failure.refusal, output.lang) })
        })
        .collect();
    let head = app.log().head().await?;
    Ok(json!({
        "receipts": {
            "recorded": outcome.recorded, "repeated": outcome.repeated,
            "passed_over": outcome.passed_over, "entries": outcome.entries,
        },
        "failures": failures,
        "head": head_json(&head),
    }))
}

/// What was recorded, in a sentence.
pub(crate) fn counts_text(outcome: &PlanOutcome, output: &Output) -> String {
    let PlanOutcome { recorded, repeated, entries, .. } = outcome;
    let (vi, en) = if *recorded == 0 {
        (
            format!("Không ghi gì thêm: cả {repeated} lệnh đã có trong sổ.\n"),
            format!("Nothing new was recorded: all {repeated} commands are in the register already.\n"),
        )
    } else {
        let (known_vi, known_en) = if *repeated > 0 {
            (format!(", {repeated} lệnh đã có từ trước"), format!(", {repeated} were there before"))
        } else {
            (String::new(), String::new())
        };
        (
            format!("Đã ghi {recorded} lệnh thành {entries} mục{known_vi}.\n"),
            format!("Recorded {recorded} commands as {entries} entries{known_en}.\n"),
        )
    };
    output.lang.pick(&vi, &en).to_owned()
}

/// The bytes of a file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let length = std::fs::metadata(path).map_err(|error| Failure::file(path, &error))?.len();
    let limit = u64::try_from(sogoc_app::import::FILE_BYTES_MAX).unwrap_or(u64::MAX);
    if length > limit {
        return Err(Failure::Input {
            message: format!("{}: {length} bytes, the limit is {limit}", path.display()),
            remedy: Remedy { vi: "chia nhỏ tệp", en: "split the file" },
        });
    }
    std::fs::read(path).map_err(|error| Failure::file(path, &error))
}

/// A file's name as messages say it.
pub(crate) fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

pub(crate) fn failed(error: ImportFailure) -> Failure {
    match error {
        ImportFailure::File(error) => Failure::File(Box::new(error)),
        ImportFailure::Plan(error) => plan_failed(error),
        ImportFailure::Refusal(refusal) => Failure::Refused(*refusal),
        ImportFailure::Log(error) => error.into(),
        ImportFailure::Evidence(error) => error.into(),
    }
}

fn plan_failed(error: PlanError) -> Failure {
    (*error.source).into()
}

/// A plan's error, with the place in the file said first.
fn planned(error: PlanError, output: &Output, file: Option<&str>) -> Failure {
    let row = match (file, error.row.split_once(':')) {
        (Some(file), Some((_, line))) => format!("{file}:{line}"),
        (Some(file), None) => file.to_owned(),
        (None, _) => error.row.clone(),
    };
    output.say(&format!("{row}:"));
    plan_failed(error)
}
