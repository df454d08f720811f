//! `sogoc evidence …`: files in, files out, and what they are worth.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use sogoc_app::{App, EvidenceError, Origin, Receipt};
use sogoc_domain::command::{
    AdoptTrustAnchors, AttachEvidence, Command, DownloadEvidence, Envelope, EraseEvidence, InstrumentRef, JudgeEvidence,
};
use sogoc_domain::event::{EvidencePurpose, SignatureState};
use sogoc_domain::policy::{EVIDENCE_BYTES_MAX, Mode};
use sogoc_domain::refusal::Language;
use sogoc_domain::values::{AccountId, AgencyId, Digest, SeasonId, Text, Timestamp};
use sogoc_evidence::{Anchors, BlobError, Reason};
use sogoc_log::Uuid;
use sogoc_register::{EntryView, EvidenceView};
use sogoc_report::{Table, one_line, outcome_word, signer};
use tokio::io::AsyncWriteExt as _;

use super::execute::receipt_json;
use crate::cli::{EvidenceCommand, FileArgs, Global};
use crate::failure::{Failure, Remedy};
use crate::lang::Lang;
use crate::output::{Output, Progress};
use crate::{Ended, open};

/// How its entries say by what way they came.
const ORIGIN: Origin<'_> = Origin { correlation: Some("cli") };
/// Namespace of the ids of commands that take effect once for the same file at the same place: fixed for ever.
const NAMESPACE: Uuid = Uuid::from_u128(0x31c7_40aa_9d0e_5b53_8f2d_c2a6_1e55_7f10);
/// Bytes of a file that are read for judging it by itself.
const JUDGED_BYTES_MAX: u64 = sogoc_app::EXAMINED_BYTES_MAX;

pub(crate) async fn run(global: &Global, output: &Output, command: &EvidenceCommand) -> Ended {
    let app = match command {
        EvidenceCommand::Verify { file, detached, anchors, at } => {
            return verify(output, file, detached.as_deref(), anchors.as_deref(), *at);
        }
        EvidenceCommand::Put { .. }
        | EvidenceCommand::Fsck
        | EvidenceCommand::Copy { .. }
        | EvidenceCommand::Show { .. } => open::to_read_files(global, output).await?,
        EvidenceCommand::List { .. } => open::to_read(global, output).await?,
        EvidenceCommand::Attach { .. }
        | EvidenceCommand::Get { .. }
        | EvidenceCommand::Judge { .. }
        | EvidenceCommand::Anchors { .. }
        | EvidenceCommand::Erase { .. } => open::to_record_files(global, output).await?,
    };
    let ended = on(&app, output, command).await;
    app.close().await;
    ended
}

async fn on(app: &App, output: &Output, command: &EvidenceCommand) -> Ended {
    match command {
        EvidenceCommand::Put { files, bytes_max } => put(app, output, files, *bytes_max).await,
        EvidenceCommand::Attach { .. } => attach(app, output, command).await,
        EvidenceCommand::Get { file, account, output: to } => get(app, output, file, account, to).await,
        EvidenceCommand::Show { digest } => show(app, output, *digest).await,
        EvidenceCommand::List { season, agency } => list(app, output, season, agency.as_ref()).await,
        EvidenceCommand::Fsck => fsck(app, output).await,
        EvidenceCommand::Copy { to, to_key_file } => copy(app, output, to, to_key_file.as_deref()).await,
        // Done before any register is opened.
        EvidenceCommand::Verify { .. } => Ok(()),
        EvidenceCommand::Judge { file, account, reason } => {
            let FileArgs { season, agency, number } = file;
            let reason = text("reason", reason)?;
            let command = JudgeEvidence { season: season.clone(), agency: agency.clone(), number: *number, reason };
            let envelope = envelope(app, account, random_id()?, command.into());
            let receipt = app.execute(&envelope, ORIGIN).await?;
            judged(app, output, &receipt).await
        }
        EvidenceCommand::Anchors { season, file, account, reason } => {
            let anchors = put_file(app, file, EVIDENCE_BYTES_MAX).await?.digest;
            let reason = text("reason", reason)?;
            let command = AdoptTrustAnchors { season: season.clone(), anchors: Digest(anchors.0), reason };
            let receipt = app.execute(&envelope(app, account, random_id()?, command.into()), ORIGIN).await?;
            output.answer(&receipt_json(&receipt, output.lang), || {
                let label = output.lang.pick("chữ ký từ nay được kiểm theo", "signatures are judged from now on by");
                format!("{label} {anchors}\n")
            })
        }
        EvidenceCommand::Erase { digest, account, instrument, ground_code, ground } => {
            let ground = text("ground", ground)?;
            let command = EraseEvidence { digest: *digest, ground_code: *ground_code, ground };
            // Run again after a crash, it takes effect once, and takes the file out of the store if it is there still.
            let key = format!("{digest}\u{1f}{account}\u{1f}{instrument}\u{1f}{}", json!(command));
            let id = Uuid::new_v5(&NAMESPACE, key.as_bytes());
            let mut envelope = envelope(app, account, id, command.into());
            envelope.instrument = Some(InstrumentRef { id: instrument.clone(), clause: None });
            let receipt = app.execute(&envelope, ORIGIN).await?;
            output.answer(&receipt_json(&receipt, output.lang), || {
                let label = output
                    .lang
                    .pick("đã xóa tệp; mã băm và kết quả kiểm tra vẫn còn", "erased; digest and verdicts stay");
                format!("{label}: {digest}\n")
            })
        }
    }
}

// ---- storing and attaching -----------------------------------------------------------------------------------------

async fn put(app: &App, output: &Output, files: &[std::path::PathBuf], bytes_max: u64) -> Ended {
    let mut rows = Vec::new();
    for file in files {
        let stored = put_file(app, file, bytes_max).await?;
        rows.push((file, stored));
    }
    let document: Vec<_> = rows
        .iter()
        .map(|(file, s)| json!({"file": file, "digest": s.digest.to_string(), "bytes": s.size, "existed": s.existed}))
        .collect();
    output.answer(&document, || {
        let mut text = String::new();
        for (file, stored) in &rows {
            let _ = writeln!(text, "{}  {}", stored.digest, file.display());
        }
        text
    })
}

async fn put_file(app: &App, file: &Path, bytes_max: u64) -> Result<sogoc_evidence::Stored, Failure> {
    stored(app, file, bytes_max).await?.map_err(|error| of_file(file, error))
}

/// Stores a file that a command names. Of one that was erased the domain says so, or that the command is recorded.
async fn put_named(app: &App, file: &Path, bytes_max: u64) -> Result<Digest, Failure> {
    match stored(app, file, bytes_max).await? {
        Ok(stored) => Ok(Digest(stored.digest.0)),
        Err(EvidenceError::Erased { digest, .. }) => Ok(digest),
        Err(error) => Err(of_file(file, error)),
    }
}

async fn stored(
    app: &App,
    file: &Path,
    bytes_max: u64,
) -> Result<Result<sogoc_evidence::Stored, EvidenceError>, Failure> {
    if file == Path::new("-") {
        return Ok(app.put_evidence(tokio::io::stdin(), bytes_max).await);
    }
    let failed = |error| Failure::file(file, &error);
    let opened = tokio::fs::File::open(file).await.map_err(failed)?;
    let metadata = opened.metadata().await.map_err(failed)?;
    if metadata.is_file() && metadata.len() > bytes_max {
        // Before gigabytes are written that will not be taken.
        return Ok(Err(BlobError::TooLarge { size: metadata.len(), limit: bytes_max }.into()));
    }
    Ok(app.put_evidence(opened, bytes_max).await)
}

fn of_file(file: &Path, error: EvidenceError) -> Failure {
    let failure = Failure::from(error);
    if let Failure::Input { message, remedy } = failure {
        return Failure::Input { message: format!("{}: {message}", file.display()), remedy };
    }
    failure
}

/// Most bytes that a season takes in.
fn bytes_max(app: &App, season: &SeasonId) -> u64 {
    let register = app.register();
    let policy = register.world().seasons.get(season).and_then(|season| season.policy.as_ref());
    policy.map_or(EVIDENCE_BYTES_MAX, |policy| policy.evidence_rules().bytes_max)
}

async fn attach(app: &App, output: &Output, command: &EvidenceCommand) -> Ended {
    let EvidenceCommand::Attach { file, leaf, account, name, detached, case, occurred } = command else {
        return Ok(());
    };
    let name = match (name, file.file_name()) {
        (Some(name), _) => name.clone(),
        (None, Some(name)) if file != Path::new("-") => name.to_string_lossy().into_owned(),
        (None, _) => {
            return Err(Failure::Usage {
                message: "--name: what comes from stdin has no name".to_owned(),
                remedy: Remedy { vi: "đặt tên bằng --name", en: "name it with --name" },
            });
        }
    };
    let name = text("name", &name)?;
    // The files first: an entry never names what is not durable.
    let bytes_max = bytes_max(app, &leaf.season);
    let digest = put_named(app, file, bytes_max).await?;
    let detached = match detached {
        Some(signature) => Some(put_named(app, signature, bytes_max).await?),
        None => None,
    };
    let purpose = if case.is_some() { EvidencePurpose::Supplement } else { EvidencePurpose::Submitted };
    let attach = AttachEvidence {
        season: leaf.season.clone(),
        agency: leaf.agency.clone(),
        leaf: leaf.leaf.clone(),
        digest: Some(digest),
        name,
        media: "file".to_owned(),
        signature: SignatureState::NotJudged,
        purpose,
        case: case.clone(),
        detached,
    };
    // The same file attached again to the same place, under the same name, is the same command.
    let id = Uuid::new_v5(&NAMESPACE, format!("{account}\u{1f}{}", json!(attach)).as_bytes());
    let mut envelope = envelope(app, account, id, attach.into());
    envelope.occurred = occurred.or(envelope.occurred);
    let receipt = app.execute(&envelope, ORIGIN).await?;
    judged(app, output, &receipt).await
}

/// The answer to a command that led to a verdict: the receipt, and the file as it stands.
async fn judged(app: &App, output: &Output, receipt: &Receipt) -> Ended {
    let view = views(app, &receipt.positions).await?.pop();
    let mut document = receipt_json(receipt, output.lang);
    document["evidence"] = json!(view.as_ref().and_then(|view| view.evidence.as_ref()));
    output.answer(&document, || view.map_or_else(String::new, |view| entry_text(&view, output.lang)))
}

/// Entries with their texts.
async fn views(app: &App, positions: &[u64]) -> Result<Vec<EntryView>, Failure> {
    let mut entries: Vec<_> = {
        let register = app.register();
        positions.iter().filter_map(|position| register.entry(*position)).collect()
    };
    app.fill_entries(entries.iter_mut()).await?;
    Ok(entries)
}

/// An envelope of the command line. What happens to an imported season today occurs today.
fn envelope(app: &App, account: &AccountId, command_id: Uuid, command: Command) -> Envelope {
    let imported = {
        let register = app.register();
        let season = command.season().and_then(|id| register.world().seasons.get(id));
        season.is_some_and(|season| season.mode == Mode::Imported)
    };
    Envelope {
        account: account.clone(),
        command_id,
        on_behalf_of: None,
        capacity: None,
        seen: None,
        instrument: None,
        occurred: imported.then(|| app.now()),
        command,
    }
}

fn random_id() -> Result<Uuid, Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| Failure::Unavailable {
        message: format!("no random bytes from the system: {error}"),
        remedy: Remedy { vi: "chạy lại", en: "run it again" },
    })?;
    // Of no version in particular: an id is only compared.
    Ok(Uuid::from_bytes(bytes))
}

fn text(field: &str, text: &str) -> Result<Text, Failure> {
    Text::try_new(text).map_err(|error| Failure::input(format!("--{field}: {error}")))
}

// ---- reading -------------------------------------------------------------------------------------------------------

async fn get(app: &App, output: &Output, file: &FileArgs, account: &AccountId, to: &Path) -> Ended {
    let FileArgs { season, agency, number } = file;
    let command = DownloadEvidence { season: season.clone(), agency: agency.clone(), number: *number };
    let envelope = envelope(app, account, random_id()?, command.into());
    let (receipt, mut body) = app.download_evidence(&envelope, ORIGIN).await?;
    let failed = |error: std::io::Error| Failure::file(to, &error);
    // Under another name until it is whole and verified.
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let part = folder.join(format!(".{}.part", envelope.command_id));
    let written = async {
        let mut out = tokio::fs::File::create(&part).await.map_err(failed)?;
        while let Some(chunk) = body.next().await.map_err(EvidenceError::from)? {
            out.write_all(&chunk).await.map_err(failed)?;
        }
        out.sync_all().await.map_err(failed)?;
        tokio::fs::rename(&part, to).await.map_err(failed)
    };
    if let Err(failure) = written.await {
        let _ = tokio::fs::remove_file(&part).await;
        return Err(failure);
    }
    output.answer(&receipt_json(&receipt, output.lang), || format!("{}\n", to.display()))
}

async fn show(app: &App, output: &Output, digest: Digest) -> Ended {
    let named = sogoc_evidence::Digest(digest.0);
    let stored = app.evidence()?.blobs().size(&named).await.map_err(EvidenceError::from)?;
    let erased_by = app.evidence_erased_by(&digest);
    let positions: Vec<u64> = {
        let register = app.register();
        register.evidence_entries(&digest)
    };
    let entries = views(app, &positions).await?;
    if entries.is_empty() && stored.is_none() {
        return Err(Failure::Input {
            message: match output.lang {
                Lang::Vi => format!("không có tệp {digest} trong kho, và không mục nào nêu nó"),
                Lang::En => format!("the file {digest} is not stored, and no entry names it"),
            },
            remedy: Remedy { vi: "kiểm tra mã băm", en: "check the digest" },
        });
    }
    let document = json!({"digest": digest, "stored": stored, "erased_by": erased_by, "entries": entries});
    output.answer(&document, || {
        let mut out = format!("{digest}\n");
        let lang = output.lang;
        let state = match (stored, &erased_by) {
            (Some(bytes), _) => format!("{} {bytes} byte", lang.pick("đang lưu,", "stored,")),
            (None, Some(instrument)) => {
                format!("{} {instrument}", lang.pick("đã xóa, căn cứ", "erased, on the ground of"))
            }
            (None, None) => lang.pick("không có trong kho", "not in the store").to_owned(),
        };
        let _ = writeln!(out, "  {state}");
        for entry in &entries {
            out.push_str(&entry_text(entry, lang));
        }
        out
    })
}

async fn list(app: &App, output: &Output, season: &SeasonId, agency: Option<&AgencyId>) -> Ended {
    let positions: Vec<u64> = {
        let register = app.register();
        if !register.world().seasons.contains_key(season) {
            return Err(super::season::unknown_season(register.world(), season));
        }
        register.evidence_of_season(season, agency, None).map(|(.., position)| position).collect()
    };
    let entries = views(app, &positions).await?;
    let document: Vec<Value> = entries
        .iter()
        .filter_map(|entry| Some((entry, entry.evidence.as_ref()?)))
        .map(|(entry, evidence)| {
            let mut row = json!(evidence);
            row["stream"] = json!(entry.stream);
            row["position"] = json!(entry.position);
            row
        })
        .collect();
    output.answer(&document, || table(&entries, output))
}

/// Files as a table: where they are attached, what they are and what their signatures are worth.
fn table(entries: &[EntryView], output: &Output) -> String {
    let lang = output.lang;
    let mut table = Table::new()
        .text(lang.pick("Cơ quan", "Agency"))
        .number(lang.pick("Số", "No"))
        .text(lang.pick("Mã băm", "Digest"))
        .text(lang.pick("Loại", "Kind"))
        .text(lang.pick("Chữ ký", "Signature"))
        .prose(lang.pick("Tên", "Name"));
    for (entry, evidence) in entries.iter().filter_map(|entry| Some((entry, entry.evidence.as_ref()?))) {
        let agency = entry.stream.rsplit('/').next().unwrap_or("").to_owned();
        let digest = evidence.digest.map_or_else(|| "–".to_owned(), |d| d.to_string()[..12].to_owned());
        let name = evidence.name.as_deref().map_or_else(|| "–".to_owned(), one_line);
        let number = evidence.number.to_string();
        table.row([agency, number, digest, evidence.media.clone(), worth(evidence, lang), name]);
    }
    table.render(output.style)
}

/// The files of a season that were examined, as a table.
pub(super) async fn examined_text(app: &App, output: &Output, season: &SeasonId) -> Result<String, Failure> {
    let positions: Vec<u64> =
        app.register().evidence_of_season(season, None, None).map(|(.., position)| position).collect();
    let mut entries = views(app, &positions).await?;
    entries.retain(|entry| entry.evidence.as_ref().is_some_and(|evidence| evidence.verdict.is_some()));
    Ok(table(&entries, output))
}

async fn fsck(app: &App, output: &Output) -> Ended {
    let total = u64::try_from(app.register().evidence_files().stored.len()).unwrap_or(u64::MAX);
    let mut progress = Progress::new(output.lang.pick("kiểm tra kho", "checking the store"));
    let found = app.fsck_evidence(|looked_at| progress.at(looked_at.min(total), total)).await?;
    drop(progress);
    let altered: Vec<_> = found.altered.iter().map(|(digest, what)| json!({"digest": digest, "what": what})).collect();
    let document = json!({
        "well": found.is_well(), "whole": found.whole, "bytes": found.bytes, "missing": found.missing,
        "altered": altered, "unreferenced": found.unreferenced, "erased": found.erased, "foreign": found.foreign,
    });
    output.answer(&document, || {
        let lang = output.lang;
        let mut out =
            format!("{} {} ({} byte)\n", found.whole, lang.pick("tệp nguyên vẹn", "files are whole"), found.bytes);
        let mut each = |label: &str, lines: Vec<String>| {
            for line in lines {
                let _ = writeln!(out, "{label}: {line}");
            }
        };
        let digests = |list: &[Digest]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        each(lang.pick("THIẾU", "MISSING"), digests(&found.missing));
        let altered = found.altered.iter().map(|(digest, what)| format!("{digest}: {what}"));
        each(lang.pick("ĐÃ BỊ SỬA", "ALTERED"), altered.collect());
        each(
            lang.pick("ĐÃ XÓA mà vẫn còn (chạy lại lệnh xóa)", "ERASED and there still (run the erasure again)"),
            digests(&found.erased),
        );
        each(lang.pick("không mục nào nêu", "named by no entry"), digests(&found.unreferenced));
        each(lang.pick("tệp lạ", "foreign"), found.foreign.clone());
        out
    })?;
    if found.is_well() { Ok(()) } else { Err(Failure::Unfit) }
}

async fn copy(app: &App, output: &Output, to: &str, key: Option<&Path>) -> Ended {
    let target = open::blobs(to, "--to", key, "--to-key-file")?;
    let total = u64::try_from(app.register().evidence_files().stored.len()).unwrap_or(u64::MAX);
    let mut progress = Progress::new(output.lang.pick("sao chép tài liệu", "copying files"));
    let (copied, passed_over) = app.copy_evidence(&target, |done| progress.at(done.min(total), total)).await?;
    drop(progress);
    output.answer(&json!({"copied": copied, "passed_over": passed_over}), || match output.lang {
        Lang::Vi => format!("đã sao chép {copied} tệp; {passed_over} tệp đã có sẵn\n"),
        Lang::En => format!("{copied} files copied; {passed_over} were there already\n"),
    })
}

// ---- judging by itself ---------------------------------------------------------------------------------------------

fn verify(
    output: &Output,
    file: &Path,
    detached: Option<&Path>,
    anchors: Option<&Path>,
    at: Option<Timestamp>,
) -> Ended {
    let content = read(file)?;
    let detached = detached.map(read).transpose()?;
    let anchors = match anchors {
        None => None,
        Some(path) => {
            let parsed = Anchors::parse(&read(path)?);
            Some(parsed.map_err(|error| Failure::input(format!("{}: {error}", path.display())))?)
        }
    };
    let at = at.unwrap_or_else(now);
    let found = sogoc_app::judge_file(&content, detached.as_deref(), anchors.as_ref(), at);
    let lang = output.lang;
    let reasons = |reasons: &[String]| {
        let each = reasons.iter().map(|code| json!({"code": code, "text": reason_of(code, lang)}));
        each.collect::<Vec<_>>()
    };
    let signatures: Vec<_> = found
        .signatures
        .iter()
        .map(|s| {
            let signer: Option<Value> =
                s.signer.as_ref().and_then(|signer| serde_json::from_str(signer.identity.as_str()).ok());
            json!({
                "outcome": s.outcome, "reasons": reasons(&s.reasons), "level": s.level, "signer": signer,
                "claimed": s.claimed, "proven": s.proven, "covers_whole_file": s.covers_whole_file,
            })
        })
        .collect();
    let document = json!({
        "digest": found.digest, "bytes": found.bytes, "media": found.media, "active": found.active,
        "outcome": found.outcome, "reasons": reasons(&found.reasons), "signatures": signatures,
        "anchors": found.anchors, "rules": found.rules, "judged_at": found.judged_at,
    });
    output.answer(&document, || {
        let mut out = format!(
            "{}  {} · {} byte · {}\n",
            found.digest,
            found.media,
            found.bytes,
            outcome_word(found.outcome, lang.language())
        );
        for code in found.active.iter() {
            let _ = writeln!(out, "  {}: {code}", lang.pick("nội dung tự thực thi", "acts when opened"));
        }
        for code in &found.reasons {
            let _ = writeln!(out, "  {}", reason_of(code, lang));
        }
        for s in &found.signatures {
            let who = s.signer.as_ref().map_or_else(|| "–".to_owned(), |found| signer(found.identity.as_str()));
            let _ = writeln!(out, "  {} · {} · {who}", outcome_word(s.outcome, lang.language()), s.level);
            out.push_str(&times(s.claimed, s.proven, lang));
            for code in &s.reasons {
                let _ = writeln!(out, "    {}", reason_of(code, lang));
            }
        }
        out
    })?;
    use sogoc_domain::evidence::Outcome;
    match found.outcome {
        Outcome::Valid | Outcome::ValidBut => Ok(()),
        Outcome::Indeterminate | Outcome::Invalid | Outcome::Unsigned => Err(Failure::Short),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    use std::io::Read as _;
    let file = std::fs::File::open(path).map_err(|error| Failure::file(path, &error))?;
    let mut bytes = Vec::new();
    file.take(JUDGED_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| Failure::file(path, &error))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > JUDGED_BYTES_MAX {
        return Err(Failure::input(format!(
            "{}: larger than {JUDGED_BYTES_MAX} bytes, which is the most that is judged",
            path.display()
        )));
    }
    Ok(bytes)
}

fn now() -> Timestamp {
    use sogoc_log::Clock as _;
    Timestamp::from_micros(sogoc_log::SystemClock.now().micros())
}

// ---- words ---------------------------------------------------------------------------------------------------------

/// What a reason's code says, where this version knows it.
pub(crate) fn reason_text(code: &str, language: Language) -> Option<&'static str> {
    let reason = Reason::ALL.iter().find(|reason| reason.code() == code)?;
    Some(match language {
        Language::Vietnamese => reason.vi(),
        Language::English => reason.en(),
    })
}

fn reason_of(code: &str, lang: Lang) -> &str {
    reason_text(code, lang.language()).unwrap_or(code)
}

/// A file's worth in a word: the verdict, else what the source states.
fn worth(evidence: &EvidenceView, lang: Lang) -> String {
    match &evidence.verdict {
        Some(verdict) => outcome_word(verdict.outcome, lang.language()).to_owned(),
        None => lang
            .pick(
                match evidence.signature {
                    SignatureState::StatedValid => "(theo nguồn: hợp lệ)",
                    SignatureState::StatedUnsigned => "(theo nguồn: chưa ký)",
                    SignatureState::StatedAltered => "(theo nguồn: đã bị sửa)",
                    SignatureState::NotJudged => "(chưa kiểm tra)",
                },
                match evidence.signature {
                    SignatureState::StatedValid => "(stated: valid)",
                    SignatureState::StatedUnsigned => "(stated: unsigned)",
                    SignatureState::StatedAltered => "(stated: altered)",
                    SignatureState::NotJudged => "(not judged)",
                },
            )
            .to_owned(),
    }
}

fn times(claimed: Option<Timestamp>, proven: Option<Timestamp>, lang: Lang) -> String {
    let mut out = String::new();
    if let Some(claimed) = claimed {
        let _ = writeln!(out, "    {} {claimed}", lang.pick("tự khai ký lúc", "claims to have signed at"));
    }
    if let Some(proven) = proven {
        let _ = writeln!(out, "    {} {proven}", lang.pick("dấu thời gian", "time stamp"));
    }
    out
}

/// An entry about a file.
fn entry_text(entry: &EntryView, lang: Lang) -> String {
    let mut out = format!("[{}] {} · {} · {}\n", entry.position, entry.kind, entry.actor, entry.stream);
    let Some(evidence) = &entry.evidence else { return out };
    let name = evidence.name.as_deref().map_or_else(|| "–".to_owned(), one_line);
    let _ = writeln!(
        out,
        "  {} {}: {name} · {} · {}",
        lang.pick("tài liệu", "evidence"),
        evidence.number,
        evidence.media,
        worth(evidence, lang)
    );
    if let Some(digest) = &evidence.digest {
        let _ = writeln!(out, "  sha256 {digest}");
    }
    if let Some(verdict) = &evidence.verdict {
        for code in &verdict.reasons {
            let _ = writeln!(out, "    {}", reason_of(code, lang));
        }
        for s in &verdict.signatures {
            let who = s.signer.as_deref().map_or_else(|| "–".to_owned(), signer);
            let _ = writeln!(out, "    {} · {} · {who}", outcome_word(s.outcome, lang.language()), s.level);
            out.push_str(&times(s.claimed, s.proven, lang));
            for code in &s.reasons {
                let _ = writeln!(out, "      {}", reason_of(code, lang));
            }
        }
    }
    if let Some(rule) = evidence.does_not_count {
        let _ = writeln!(
            out,
            "  {} ({rule})",
            lang.pick("không được tính theo quy định của đợt", "does not count by the season's policy")
        );
    }
    for other in &evidence.also {
        let _ = writeln!(
            out,
            "  {} {}/{} {}",
            lang.pick("cũng đính kèm tại", "also attached at"),
            other.season,
            other.agency,
            other.leaf
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_said_in_both_languages() {
        for reason in Reason::ALL {
            for language in [Language::Vietnamese, Language::English] {
                assert!(reason_text(reason.code(), language).is_some_and(|text| !text.is_empty()));
            }
        }
        assert_eq!(reason_of("of-a-later-version", Lang::En), "of-a-later-version");
    }
}
