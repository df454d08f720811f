//! `sogoc log …`: the entries themselves.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::json;
use sogoc_log::{Entry, Exported, Head, Log, Options, Position, StoredEntry, StreamId, Version, WithEntries};

use crate::cli::{Global, LogCommand};
use crate::failure::{Failure, Remedy};
use crate::lang::Lang;
use crate::output::{Output, Progress};
use crate::{Ended, keys, open};

/// Entries printed at a time.
const CHUNK: usize = 1_024;

pub(crate) async fn run(global: &Global, output: &Output, command: &LogCommand) -> Ended {
    match command {
        LogCommand::Show { from, limit, stream } => {
            show(global, output, Position(*from), limit.unwrap_or(u64::MAX), stream.as_deref()).await
        }
        LogCommand::Verify { policy, resume } => {
            super::verify::run(global, output, policy.as_deref(), resume.as_deref()).await
        }
        LogCommand::Serve(args) => super::serve::serve(global, output, args).await,
        LogCommand::Cosign(args) => super::serve::cosign(global, output, args).await,
        LogCommand::Head => head(global, output).await,
        LogCommand::Key { new, rotate } => key(global, output, *new, *rotate).await,
        LogCommand::Checkpoint => checkpoint(global, output).await,
        LogCommand::ExportTiles { dir, with_entries } => export_tiles(global, output, dir, *with_entries).await,
        LogCommand::Copy { to } => copy(global, output, to).await,
    }
}

async fn show(global: &Global, output: &Output, from: Position, limit: u64, stream: Option<&str>) -> Ended {
    let log = open::log(global).await?;
    let ended = match stream {
        Some(name) => show_stream(&log, output, from, limit, name).await,
        None => show_all(&log, output, from, limit).await,
    };
    log.close().await;
    ended
}

async fn show_all(log: &Log, output: &Output, mut from: Position, mut limit: u64) -> Ended {
    while limit > 0 {
        let wanted = usize::try_from(limit).unwrap_or(CHUNK).min(CHUNK);
        let entries = log.read(from, wanted).await?;
        if entries.is_empty() {
            break;
        }
        print(output, &entries)?;
        let read = u64::try_from(entries.len()).unwrap_or(u64::MAX);
        (from, limit) = (Position(from.0 + read), limit - read);
    }
    Ok(())
}

async fn show_stream(log: &Log, output: &Output, from: Position, limit: u64, name: &str) -> Ended {
    let stream = StreamId::try_new(name)?;
    let entries = log.read_stream(&stream, Version(1)).await?;
    let after = entries.partition_point(|entry| entry.position < from);
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let chosen: Vec<StoredEntry> = entries.into_iter().skip(after).take(wanted).collect();
    print(output, &chosen)
}

/// The stored bytes, or a line for people.
fn print(output: &Output, entries: &[StoredEntry]) -> Ended {
    let mut text = String::new();
    for stored in entries {
        if output.json {
            text.push_str(&stored.bytes);
            text.push('\n');
            continue;
        }
        let entry = stored.parse().map_err(|error| unreadable(stored.position, &error.to_string()))?;
        line(&mut text, &entry);
    }
    output.text(&text)
}

fn line(text: &mut String, entry: &Entry<'_>) {
    let role = entry.actor.role.map(|role| format!(" ({role})")).unwrap_or_default();
    let occurred = entry.occurred.map(|time| format!("  occurred {time}")).unwrap_or_default();
    let _ = writeln!(
        text,
        "{:>7}  {}  {}  {} v{}  {}{role}{occurred}",
        entry.position, entry.at, entry.kind, entry.stream, entry.version, entry.actor.account
    );
}

fn unreadable(position: Position, what: &str) -> Failure {
    Failure::Corrupt { position: Some(position.0), message: what.to_owned() }
}

async fn head(global: &Global, output: &Output) -> Ended {
    let log = open::log(global).await?;
    let head = log.head().await?;
    log.close().await;
    output.answer(&head_json(&head), || {
        let at = head.at.map_or_else(|| "–".to_owned(), |at| at.to_string());
        let (size, root) = (output.lang.pick("số mục", "entries"), output.lang.pick("gốc Merkle", "Merkle root"));
        let last = output.lang.pick("mục cuối lúc", "last entry at");
        format!("{}\n  {size}: {}\n  {root}: {}\n  {last}: {at}\n", head.log, head.size, head.root)
    })
}

async fn key(global: &Global, output: &Output, new: bool, rotate: bool) -> Ended {
    let log = open::log(global).await?;
    let path = keys::key_path(global, &log);
    let found = match (new, rotate) {
        (true, _) => keys::make(&path, log.name()).map(Some),
        (false, true) => keys::rotate(global, output, &log).map(Some),
        (false, false) => keys::find(global, output, &log),
    };
    log.close().await;
    let Some(key) = found? else {
        return Err(Failure::Input {
            message: format!("{}: there is no key", path.display()),
            remedy: Remedy {
                vi: "tạo khóa bằng `sogoc log key --new`, hoặc chỉ ra tệp khóa bằng --key-file",
                en: "make one with `sogoc log key --new`, or name its file with --key-file",
            },
        });
    };
    let vkey = key.verifier().to_string();
    output.answer(&json!({ "vkey": vkey, "file": path }), || format!("{vkey}\n"))
}

async fn checkpoint(global: &Global, output: &Output) -> Ended {
    let app = open::to_sign(global, output).await?;
    let signed = app.sign().await;
    app.close().await;
    let Some(checkpoint) = signed? else {
        return Err(Failure::Input {
            message: "there is no key to sign with".to_owned(),
            remedy: Remedy {
                vi: "tạo khóa bằng `sogoc log key --new`, hoặc chỉ ra tệp khóa bằng --key-file",
                en: "make one with `sogoc log key --new`, or name its file with --key-file",
            },
        });
    };
    let note = checkpoint.cosigned_note().to_string();
    let document = json!({ "size": checkpoint.size(), "root": checkpoint.root().to_base64(), "note": note });
    output.answer(&document, || note.clone())
}

async fn export_tiles(global: &Global, output: &Output, dir: &Path, with_entries: bool) -> Ended {
    let log = open::log(global).await?;
    let exported = exported(&log, output, dir, with_entries).await;
    log.close().await;
    let exported = exported?;
    let (size, root) = (exported.size, exported.root.to_base64());
    let written = exported.tiles_written + exported.bundles_written;
    let kept = exported.tiles_kept + exported.bundles_kept;
    let document = json!({
        "size": size, "root": root, "written": written, "kept": kept, "partial_removed": exported.partial_removed,
    });
    output.answer(&document, || match output.lang {
        Lang::Vi => format!("điểm kiểm của {size} mục: đã ghi {written} tệp, giữ {kept} tệp đã có\n"),
        Lang::En => format!("the checkpoint of {size} entries: {written} files written, {kept} kept as they were\n"),
    })
}

async fn exported(log: &Log, output: &Output, dir: &Path, with_entries: bool) -> Result<Exported, Failure> {
    let Some(checkpoint) = log.latest_checkpoint().await? else {
        return Err(Failure::Input {
            message: "no checkpoint has been signed".to_owned(),
            remedy: Remedy {
                vi: "ký một điểm kiểm bằng `sogoc log checkpoint`",
                en: "sign one with `sogoc log checkpoint`",
            },
        });
    };
    let entries = if with_entries { WithEntries::Yes } else { WithEntries::No };
    let mut progress = Progress::new(output.lang.pick("ghi tệp", "writing files"));
    Ok(log.export_tiles(dir, entries, &checkpoint, |done, total| progress.at(done, total)).await?)
}

/// Where the log stands, as JSON.
pub(crate) fn head_json(head: &Head) -> serde_json::Value {
    json!({ "log": head.log, "size": head.size, "root": head.root.to_string(), "at": head.at })
}

async fn copy(global: &Global, output: &Output, to: &str) -> Ended {
    open::check_store(to)?;
    let source = open::log(global).await?;
    let options = Options { name: Some(source.name().to_owned()), ..Options::default() };
    let target = Log::open_or_create(to, options).await?;
    let mut progress = Progress::new(output.lang.pick("sao chép", "copying"));
    let copied = source.copy_to(&target, |done, total| progress.at(done, total)).await;
    drop(progress);
    let copied = match copied {
        Ok(copied) => copied,
        Err(error) => {
            source.close().await;
            target.close().await;
            return Err(error.into());
        }
    };
    source.close().await;
    target.close().await;
    let mut document = json!({
        "already": copied.already, "copied": copied.entries, "sealed": copied.sealed, "erased": copied.erased,
    });
    document["head"] = head_json(&copied.head);
    output.answer(&document, || {
        let (vi, en) = (
            format!(
                "đã sao chép {} mục (đích đã có {}); đích nay có {} mục, gốc {}\n",
                copied.entries, copied.already, copied.head.size, copied.head.root
            ),
            format!(
                "copied {} entries (the target had {}); it now has {}, root {}\n",
                copied.entries, copied.already, copied.head.size, copied.head.root
            ),
        );
        output.lang.pick(&vi, &en).to_owned()
    })
}
