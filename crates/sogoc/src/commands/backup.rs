//! `sogoc backup`, `sogoc backup verify` and `sogoc restore`.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use futures_util::future::join_all;
use serde_json::{Value, json};
use sogoc_app::{Absent, App, Origin};
use sogoc_domain::command::{Command, Envelope, InstrumentRef, RecordRestore};
use sogoc_domain::values::{AccountId, Digest, InstrumentId, Text};
use sogoc_evidence::{Blobs, Condition};
use sogoc_log::{Log, Uuid, VerifyOptions};
use sogoc_proof::{Algorithm, VerifierKey};

use super::verify;
use crate::backup::form::{EVIDENCE, Folder, Manifest};
use crate::backup::reading::{self, Checked, Trust};
use crate::backup::{secrets, writing};
use crate::cli::Global;
use crate::failure::{Failure, Remedy};
use crate::lang::Lang;
use crate::output::{Output, Progress};
use crate::witness::asking::{Answered, Asker, Outcome, WITNESS_SECONDS};
use crate::{Ended, key_file, keys, open};

/// Namespace of the ids of the commands that record a forced restore: fixed for ever.
const NAMESPACE: Uuid = Uuid::from_u128(0x6d1f_04c8_52b7_5c39_a3f0_91d8_7e24_0b6a);

/// Where a backup goes, and what goes into it.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct BackupArgs {
    #[command(subcommand)]
    command: Option<BackupCommand>,
    /// The folder
    #[arg(value_name = "DIR", required = true)]
    dir: Option<PathBuf>,
    /// The evidence files too, into DIR/evidence; encrypted there as they are in the store
    #[arg(long)]
    with_evidence: bool,
    /// What accounts and programs sign in with too: digests of passwords and tokens, seeds of second factors. Left out
    /// otherwise, for whoever has the folder could use them
    #[arg(long)]
    with_sign_in: bool,
}

#[derive(Subcommand, Debug)]
pub(crate) enum BackupCommand {
    /// Check a backup from its files alone: every hash, every entry, the tree, checkpoints, signatures
    #[command(
        after_help = "No store and no network are used. Exit code 4 at the first fault, with the file that it is in.

Examples:
  sogoc backup verify /backup/ha-nam --policy policy.txt
  sogoc backup verify /backup/ha-nam --log-key VKEY --log-key EARLIER-VKEY"
    )]
    Verify {
        /// The folder
        dir: PathBuf,
        #[command(flatten)]
        trust: TrustArgs,
    },
}

/// Whom to trust about a backup.
#[derive(Args, Debug)]
pub(crate) struct TrustArgs {
    /// The log's verifier key; again for one that was in use before
    #[arg(long, value_name = "VKEY", conflicts_with = "policy")]
    log_key: Vec<String>,
    /// The log's keys, and the witnesses whose cosignatures are checked and who are asked by a restore
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

/// What is restored, and at whose word.
#[derive(Args, Debug)]
pub(crate) struct RestoreArgs {
    /// The folder of the backup
    dir: PathBuf,
    #[command(flatten)]
    trust: TrustArgs,
    /// The evidence files too, from DIR/evidence into the evidence store
    #[arg(long)]
    with_evidence: bool,
    /// What accounts and programs sign in with too, where the backup has it. A token that was revoked since works again
    #[arg(long)]
    with_sign_in: bool,
    /// Take a backup that is older than what is known of the register, and record that
    #[arg(long, requires_all = ["reason", "account"])]
    force: bool,
    /// Why an older state is taken; recorded as a sealed text
    #[arg(long, value_name = "TEXT", requires = "force")]
    reason: Option<String>,
    /// The administrator who answers for it
    #[arg(long, value_name = "ACCOUNT", requires = "force")]
    account: Option<AccountId>,
    /// The instrument that it rests on
    #[arg(long, value_name = "ID", requires = "force")]
    instrument: Option<InstrumentId>,
}

pub(crate) async fn run(global: &Global, output: &Output, args: &BackupArgs) -> Ended {
    match (&args.command, &args.dir) {
        (Some(BackupCommand::Verify { dir, trust }), _) => check(global, output, dir, trust).await,
        (None, Some(dir)) => {
            let app = open::to_read_files(global, output).await?;
            let ended = take(&app, global, output, dir, args).await;
            app.close().await;
            ended
        }
        (None, None) => Err(Failure::Usage { message: "DIR".to_owned(), remedy: Remedy { vi: "", en: "" } }),
    }
}

// ---- taking --------------------------------------------------------------------------------------------------------

async fn take(app: &App, global: &Global, output: &Output, dir: &Path, args: &BackupArgs) -> Ended {
    let folder = Folder::new(dir);
    let _lock = folder.locked()?;
    // The register's size and what its entries name are of one instant.
    let (size, files, erased) = {
        let register = app.register();
        let instruments = register.world().instruments.values();
        let erased: Vec<Digest> = instruments.flat_map(|i| i.erased_files.iter().copied()).collect();
        (register.size(), register.evidence_files(), erased)
    };
    let sign_in = if args.with_sign_in { secrets::read(app.log()).await? } else { Vec::new() };
    let mut copied = 0;
    if args.with_evidence {
        // Files first: a restored entry may name no file that is not there.
        let to = evidence_beside(global, dir)?;
        let mut progress = Progress::new(output.lang.pick("sao chép tài liệu", "copying files"));
        let total = u64::try_from(files.stored.len()).unwrap_or(u64::MAX);
        copied = app.copy_evidence(&to, |done| progress.at(done.min(total), total)).await?.0;
        for digest in erased {
            // An earlier backup onto this folder may have brought it.
            to.remove(&sogoc_evidence::Digest(digest.0)).await.map_err(sogoc_app::EvidenceError::from)?;
        }
    }
    let beside = writing::Beside { sign_in, evidence: writing::evidence_lines(&files), files: args.with_evidence };
    let mut progress = Progress::new(output.lang.pick("sao lưu", "backing up"));
    let taken = writing::take(app.log(), &folder, size, &beside, |done, total| progress.at(done, total)).await?;
    drop(progress);
    let manifest = &taken.manifest;
    let document = json!({
        "log": manifest.log, "size": size, "root": manifest.root, "ranges": manifest.ranges.len(), "kept": taken.kept,
        "removed": taken.removed, "evidence_named": files.stored.len(), "evidence_copied": copied,
        "with_evidence": args.with_evidence, "with_sign_in": args.with_sign_in, "sha256": manifest.sha256,
        "checkpoint": manifest.checkpoint,
    });
    output.answer(&document, || {
        let mut text = match output.lang {
            Lang::Vi => format!("đã sao lưu {size} mục, gốc {}\n", manifest.root),
            Lang::En => format!("backed up {size} entries, root {}\n", manifest.root),
        };
        if !args.with_evidence && !files.stored.is_empty() {
            let (vi, en) = (
                format!("  {} tệp tài liệu không nằm trong đó: `sogoc evidence copy`\n", files.stored.len()),
                format!("  {} evidence files are not in it: `sogoc evidence copy`\n", files.stored.len()),
            );
            text.push_str(output.lang.pick(&vi, &en));
        }
        if manifest.checkpoint.is_none() {
            text.push_str(output.lang.pick(
                "  chưa có điểm kiểm nào được ký: `sogoc log checkpoint`\n",
                "  no checkpoint was signed: `sogoc log checkpoint`\n",
            ));
        }
        text
    })
}

/// The backup's own folder of files; encrypted where the store's is.
fn evidence_beside(global: &Global, dir: &Path) -> Result<Blobs, Failure> {
    let place = dir.join(EVIDENCE).display().to_string();
    open::blobs(&place, "DIR", global.evidence_key_file.as_deref(), "--evidence-key-file")
}

// ---- checking ------------------------------------------------------------------------------------------------------

async fn check(global: &Global, output: &Output, dir: &Path, trust: &TrustArgs) -> Ended {
    let folder = Folder::new(dir);
    let manifest = folder.existing()?;
    let trust = trusted(trust, &manifest.log)?;
    let checked = checked(output, &folder, &manifest, &trust, &[])?;
    let files = if manifest.evidence.files {
        Some(check_files(&folder, &manifest, &checked, &evidence_beside(global, dir)?).await?)
    } else {
        None
    };
    let document = json!({
        "log": manifest.log, "size": manifest.size, "root": manifest.root, "texts": checked.texts,
        "erased_texts": checked.erased, "erased_by_entries": checked.revived, "checkpoints": checked.checkpoints,
        "cosignatures": checked.cosignatures, "signatures_verified": !trust.keys.is_empty(),
        "quorum_met": checked.quorum_met, "evidence_files": files, "sign_in": manifest.sign_in.is_some(),
        "taken": manifest.taken, "sha256": manifest.sha256,
    });
    output.answer(&document, || {
        let lang = output.lang;
        let mut text = match lang {
            Lang::Vi => format!("bản sao lưu nguyên vẹn: {} mục, gốc {}\n", manifest.size, manifest.root),
            Lang::En => format!("the backup is whole: {} entries, root {}\n", manifest.size, manifest.root),
        };
        if trust.keys.is_empty() {
            text.push_str(lang.pick(
                "  chữ ký chưa được kiểm: nêu --log-key hoặc --policy\n",
                "  signatures were not verified: give --log-key or --policy\n",
            ));
        }
        if checked.quorum_met == Some(false) {
            text.push_str(lang.pick(
                "  điểm kiểm mới nhất chưa đủ nhân chứng\n",
                "  the newest checkpoint does not have the policy's quorum\n",
            ));
        }
        text
    })
}

fn checked(
    output: &Output,
    folder: &Folder,
    manifest: &Manifest,
    trust: &Trust,
    roots: &[u64],
) -> Result<Checked, Failure> {
    let mut progress = Progress::new(output.lang.pick("kiểm tra bản sao lưu", "checking the backup"));
    reading::check(folder, manifest, trust, roots, |done, total| progress.at(done, total))
}

/// The digests of the list: stored ones that were not erased, and all.
fn listed(folder: &Folder, manifest: &Manifest, checked: &Checked) -> Result<(Vec<Digest>, Vec<Digest>), Failure> {
    let (mut stored, mut all) = (Vec::new(), Vec::new());
    let Some(part) = &manifest.evidence.list else { return Ok((stored, all)) };
    for line in folder.lines(part)? {
        let bad = || folder.damaged(&part.file, "a line is no digest");
        let (digest, kind) = line.split_once(' ').ok_or_else(bad)?;
        let digest: Digest = digest.parse().map_err(|_| bad())?;
        if checked.erased_files.contains(&digest) {
            continue;
        }
        all.push(digest);
        if kind == "stored" {
            stored.push(digest);
        }
    }
    Ok((stored, all))
}

/// That every file which was stored when an entry named it is here and whole.
async fn check_files(folder: &Folder, manifest: &Manifest, checked: &Checked, blobs: &Blobs) -> Result<u64, Failure> {
    let (stored, _) = listed(folder, manifest, checked)?;
    let mut whole = 0;
    for digest in stored {
        let name = format!("{EVIDENCE}/{digest}");
        let found = blobs.check(&sogoc_evidence::Digest(digest.0)).await;
        match found.map_err(sogoc_app::EvidenceError::from)? {
            Condition::Whole => whole += 1,
            Condition::Missing => return Err(folder.damaged(&name, "the file is missing")),
            Condition::Altered { what } => return Err(folder.damaged(&name, &what)),
            Condition::Undecipherable { why } => return Err(folder.damaged(&name, &why)),
        }
    }
    Ok(whole)
}

fn trusted(args: &TrustArgs, log: &str) -> Result<Trust, Failure> {
    if let Some(path) = &args.policy {
        let policy = super::bundle::read_policy(Some(path), None)?;
        let keys: Vec<VerifierKey> =
            policy.logs().iter().map(|of| of.key.clone()).filter(|key| key.name() == log).collect();
        if keys.is_empty() {
            return Err(Failure::input(format!("{}: it names no key of log {log}", path.display())));
        }
        return Ok(Trust { keys, policy: Some(policy) });
    }
    let parse = |text: &String| {
        VerifierKey::parse(text.trim()).map_err(|error| Failure::Usage {
            message: format!("--log-key: {error}"),
            remedy: Remedy { vi: "xem `sogoc log key`", en: "see `sogoc log key`" },
        })
    };
    Ok(Trust { keys: args.log_key.iter().map(parse).collect::<Result<_, _>>()?, policy: None })
}

// ---- restoring -----------------------------------------------------------------------------------------------------

/// What is known of the register besides the backup, and is newer.
#[derive(Debug)]
struct Newer {
    size: u64,
    root: Option<sogoc_proof::Hash>,
    who: String,
}

pub(crate) async fn restore(global: &Global, output: &Output, args: &RestoreArgs) -> Ended {
    open::check_store(&global.store)?;
    let folder = Folder::new(&args.dir);
    let manifest = folder.existing()?;
    check_name(global, &manifest)?;
    let key = keys::path_for(global, &Log::shown(&global.store)?);
    let mut trust = trusted(&args.trust, &manifest.log)?;
    if trust.keys.is_empty() && key.exists() {
        trust.keys.push(key_file::read(&key, Algorithm::Ed25519, output)?.verifier().clone());
        trust.keys.extend(keys::earlier_beside(&key)?);
    }
    if args.with_sign_in && manifest.sign_in.is_none() {
        return Err(absent("--with-sign-in"));
    }
    if args.with_evidence && !manifest.evidence.files {
        return Err(absent("--with-evidence"));
    }
    // Everything is looked at before a byte is written.
    let kept_path = key.with_extension("checkpoint");
    let kept = kept(&kept_path)?;
    let roots: Vec<u64> = kept.iter().map(sogoc_proof::Checkpoint::size).collect();
    let checked = checked(output, &folder, &manifest, &trust, &roots)?;
    let (newer, witnesses) = compared(&manifest, &checked, &trust, kept.as_ref(), &kept_path).await?;
    if let (Some(newer), false) = (&newer, args.force) {
        return Err(older(&manifest, newer));
    }
    let options = sogoc_log::Options { name: Some(manifest.log.clone()), ..sogoc_log::Options::default() };
    let (log, already) = written(global, output, &folder, &manifest, &checked, options.clone()).await?;
    let verified = finished(&log, output, &folder, &manifest, &trust, args).await;
    log.close().await;
    let mut verified = verified?;
    let forced = match &newer {
        Some(newer) => {
            let positions = recorded(global, args, &manifest, &checked, newer, options.clone()).await?;
            // It speaks of entries that are not here any more. A crash before this line is mended by running it again.
            if kept_path.exists() {
                let aside = kept_path.with_extension(format!("checkpoint-before-restore-{}", newer.size));
                std::fs::rename(&kept_path, &aside).map_err(|error| Failure::file(&kept_path, &error))?;
            }
            Some(positions)
        }
        None => None,
    };
    let copied = restore_files(global, output, args, &folder, &manifest, &checked).await?;
    let log = Log::open(&global.store, sogoc_log::Options { restoring: true, ..options }).await?;
    let ended = log.end_restore().await;
    log.close().await;
    ended?;
    let unconfirmed = trust.policy.is_some()
        && !witnesses.iter().any(|answer| {
            matches!(answer.outcome, Outcome::Cosigned { .. } | Outcome::Behind { .. } | Outcome::Ahead { .. })
        });
    verified["already"] = already.into();
    verified["evidence_copied"] = json!(copied);
    verified["evidence_named"] = manifest.evidence.list.as_ref().map_or(0, |part| part.lines).into();
    verified["witnesses"] = json!(witnesses);
    verified["unconfirmed"] = unconfirmed.into();
    verified["forced"] = json!(forced);
    verified["taken"] = json!(manifest.taken);
    output.answer(&verified, || text(output, &manifest, newer.as_ref(), &witnesses, unconfirmed, copied))
}

/// Entries hold the log's name and are signed with it: no other can be given to them.
fn check_name(global: &Global, manifest: &Manifest) -> Result<(), Failure> {
    match &global.log_name {
        Some(name) if *name != manifest.log => Err(Failure::Input {
            message: format!("--log-name {name}: the entries are of log {}, and say so in their bytes", manifest.log),
            remedy: Remedy {
                vi: "bỏ --log-name: tên nằm trong từng mục và trong chữ ký nên không đổi được; muốn có tên khác thì lập sổ mới và nhập lại các đợt cũ",
                en: "leave --log-name out: the name stands in every entry and under every signature and cannot change; for another name begin a new register and import the past seasons into it",
            },
        }),
        Some(_) | None => Ok(()),
    }
}

fn absent(option: &str) -> Failure {
    Failure::Input {
        message: format!("{option}: the backup was taken without it"),
        remedy: Remedy {
            vi: "bỏ tùy chọn này, hoặc dùng bản sao lưu được lập cùng với nó",
            en: "leave the option out, or use a backup that was taken with it",
        },
    }
}

/// The checkpoint outside the store, where there is one.
fn kept(path: &Path) -> Result<Option<sogoc_proof::Checkpoint>, Failure> {
    match std::fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::file(path, &error)),
        Ok(bytes) => {
            reading::noted(&bytes).map(Some).map_err(|why| Failure::input(format!("{}: {why}", path.display())))
        }
    }
}

/// What is known of the register that the backup does not have. What contradicts the backup is a failure: force does not
/// make another history of it.
async fn compared(
    manifest: &Manifest,
    checked: &Checked,
    trust: &Trust,
    kept: Option<&sogoc_proof::Checkpoint>,
    kept_path: &Path,
) -> Result<(Option<Newer>, Vec<Answered>), Failure> {
    let mut newer: Option<Newer> = None;
    let diverged = |message: String| Failure::Diverged { message, kept: kept_path.display().to_string() };
    if let Some(kept) = kept {
        if kept.origin() != manifest.log {
            return Err(diverged(format!("it is of log {:?}, the backup of {:?}", kept.origin(), manifest.log)));
        }
        match checked.roots.get(&kept.size()) {
            Some(root) if *root == kept.root() => {}
            // The empty log has no entry to be asked at.
            None if kept.size() == 0 => {}
            Some(root) => {
                let message = format!("over {} entries it has root {}, the backup {root}", kept.size(), kept.root());
                return Err(diverged(message));
            }
            None => {
                let who = kept_path.display().to_string();
                newer = Some(Newer { size: kept.size(), root: Some(kept.root()), who });
            }
        }
    }
    let (Some(policy), Some(newest)) = (&trust.policy, &checked.newest) else { return Ok((newer, Vec::new())) };
    let asker = Asker::try_new(policy.clone(), WITNESS_SECONDS)?;
    let probes = policy.witnesses().iter().map(|witness| asker.probe(&newest.note, newest.size(), witness));
    let witnesses = join_all(probes).await;
    for Answered { witness, outcome } in &witnesses {
        match outcome {
            // Ahead of the newest checkpoint, which need not be ahead of the entries after it; only the log can show that.
            Outcome::Ahead { size } if *size > manifest.size && newer.as_ref().is_none_or(|n| n.size < *size) => {
                newer = Some(Newer { size: *size, root: None, who: witness.clone() });
            }
            Outcome::Inconsistent { why, .. } => {
                return Err(diverged(format!("{witness} has cosigned another history: {why}")));
            }
            Outcome::Ahead { .. }
            | Outcome::Cosigned { .. }
            | Outcome::AlreadyCosigned { .. }
            | Outcome::Behind { .. }
            | Outcome::NoAddress
            | Outcome::Unreachable { .. }
            | Outcome::TimedOut { .. }
            | Outcome::TooLong { .. }
            | Outcome::Redirected { .. }
            | Outcome::NotACosignature { .. }
            | Outcome::Refused { .. } => {}
        }
    }
    Ok((newer, witnesses))
}

fn older(manifest: &Manifest, newer: &Newer) -> Failure {
    Failure::Input {
        message: format!(
            "the backup has {} entries, and {} knows of {}: {} entries would be taken back",
            manifest.size,
            newer.who,
            newer.size,
            newer.size - manifest.size
        ),
        remedy: Remedy {
            vi: "dùng bản sao lưu mới hơn. Nếu không còn bản nào: --force --account QUẢN-TRỊ --reason VÌ-SAO ghi việc này thành một mục; từ đó các nhân chứng từ chối sổ này mãi mãi dưới tên này, trừ khi họ cố ý bắt đầu lại với khóa mới, và ai giữ điểm kiểm cũ sẽ thấy sổ không nối tiếp. Xem deploy/RUNBOOK.md",
            en: "use a newer backup. Where there is none: --force --account ADMINISTRATOR --reason WHY takes this one and records that; from then on witnesses refuse this log under its name for ever, unless they begin anew with new keys on purpose, and whoever kept an older checkpoint sees that the log does not continue it. See deploy/RUNBOOK.md",
        },
    }
}

/// Writes entries, texts and checkpoints; gives the log, which is marked as unfinished still.
async fn written(
    global: &Global,
    output: &Output,
    folder: &Folder,
    manifest: &Manifest,
    checked: &Checked,
    options: sogoc_log::Options,
) -> Result<(Log, u64), Failure> {
    let mut restoring = Log::begin_restore(&global.store, options, manifest.size).await?;
    let mut progress = Progress::new(output.lang.pick("khôi phục", "restoring"));
    for range in &manifest.ranges {
        let entries = folder.lines(&range.entries)?;
        let mut texts = reading::texts(folder, range)?;
        for text in &mut texts {
            // Whatever the backup holds: what an entry erases does not come back.
            if let Some(at) = checked.erasures.get(&text.commitment).filter(|_| text.content.is_ok()) {
                text.content = Err(*at);
            }
        }
        restoring.take(entries, texts).await?;
        restoring.take_checkpoints(&reading::checkpoints(folder, range)?).await?;
        progress.at(range.to, manifest.size);
    }
    let already = restoring.already();
    Ok((restoring.written().await?, already))
}

/// `log verify` of what was written, and what else stands beside the log.
async fn finished(
    log: &Log,
    output: &Output,
    folder: &Folder,
    manifest: &Manifest,
    trust: &Trust,
    args: &RestoreArgs,
) -> Result<Value, Failure> {
    let mut options = VerifyOptions { keys: trust.keys.clone(), ..VerifyOptions::default() };
    if let Some(policy) = &trust.policy {
        options.witness_keys.extend(policy.witnesses().iter().map(|witness| witness.key.clone()));
    }
    let mut verified = verify::check(log, output, options).await?;
    verified["sign_in"] = match &manifest.sign_in {
        Some(part) if args.with_sign_in => secrets::write(log, &folder.lines(part)?).await?.into(),
        Some(_) | None => Value::Null,
    };
    Ok(verified)
}

/// Records that an older state was taken; the same command for the same backup, so that it is recorded once.
async fn recorded(
    global: &Global,
    args: &RestoreArgs,
    manifest: &Manifest,
    checked: &Checked,
    newer: &Newer,
    options: sogoc_log::Options,
) -> Result<Vec<u64>, Failure> {
    let (Some(account), Some(reason)) = (&args.account, &args.reason) else {
        return Err(older(manifest, newer));
    };
    let of = format!("{} {} {} {reason}", manifest.root, newer.size, account.as_str());
    let envelope = Envelope {
        account: account.clone(),
        command_id: Uuid::new_v5(&NAMESPACE, of.as_bytes()),
        on_behalf_of: None,
        capacity: None,
        seen: None,
        instrument: args.instrument.clone().map(|id| InstrumentRef { id, clause: None }),
        occurred: None,
        command: Command::RecordRestore(RecordRestore {
            size: manifest.size,
            root: Digest(checked.frontier.root().0),
            known_size: newer.size,
            known_root: newer.root.map(|root| Digest(root.0)),
            reason: Text::try_new(reason).map_err(|error| Failure::input(format!("--reason: {error}")))?,
        }),
    };
    let options = sogoc_app::Options {
        log: sogoc_log::Options { restoring: true, ..options },
        absent: Absent::Refused,
        ..sogoc_app::Options::default()
    };
    let app = App::open(&global.store, options).await?;
    let executed = async {
        // Asked first: a refusal would be recorded, and nothing may come before this entry.
        let asked = app.what_if(std::slice::from_ref(&envelope)).await;
        asked.map_err(|refused| Failure::Refused(*refused.refusal))?;
        app.execute(&envelope, Origin { correlation: Some("restore") }).await.map_err(Failure::from)
    };
    let executed = executed.await;
    app.close().await;
    Ok(executed?.positions)
}

/// Copies the backup's files into the evidence store; how many were new, none where that was not asked for.
async fn restore_files(
    global: &Global,
    output: &Output,
    args: &RestoreArgs,
    folder: &Folder,
    manifest: &Manifest,
    checked: &Checked,
) -> Result<Option<u64>, Failure> {
    if !args.with_evidence {
        return Ok(None);
    }
    let from = evidence_beside(global, folder.path())?;
    let Some(store) = open::evidence_store(global)? else {
        return Err(Failure::Usage {
            message: "--with-evidence: no evidence store is named".to_owned(),
            remedy: Remedy {
                vi: "nêu --evidence hoặc SOGOC_EVIDENCE",
                en: "name it with --evidence or SOGOC_EVIDENCE",
            },
        });
    };
    let (_, all) = listed(folder, manifest, checked)?;
    let mut progress = Progress::new(output.lang.pick("sao chép tài liệu", "copying files"));
    let mut copied = 0;
    for (done, digest) in (1..).zip(&all) {
        let name = sogoc_evidence::Digest(digest.0);
        let put = async {
            if from.size(&name).await?.is_none() {
                return Ok::<u64, sogoc_evidence::BlobError>(0);
            }
            let stored = store.blobs().put(from.get(&name).await?.into_reader(), u64::MAX).await?;
            Ok(u64::from(!stored.existed))
        };
        copied += put.await.map_err(sogoc_app::EvidenceError::from)?;
        progress.at(done, u64::try_from(all.len()).unwrap_or(u64::MAX));
    }
    Ok(Some(copied))
}

fn text(
    output: &Output,
    manifest: &Manifest,
    newer: Option<&Newer>,
    witnesses: &[Answered],
    unconfirmed: bool,
    copied: Option<u64>,
) -> String {
    let lang = output.lang;
    let mut text = match lang {
        Lang::Vi => format!("đã khôi phục và kiểm tra {} mục, gốc {}\n", manifest.size, manifest.root),
        Lang::En => format!("restored and verified {} entries, root {}\n", manifest.size, manifest.root),
    };
    for Answered { witness, outcome } in witnesses {
        text.push_str(&format!("  {witness}: {}\n", outcome.text(lang)));
    }
    if unconfirmed {
        text.push_str(lang.pick(
            "  CHƯA XÁC NHẬN: không nhân chứng nào trả lời; hỏi lại bằng `sogoc log cosign`\n",
            "  UNCONFIRMED: no witness answered; ask again with `sogoc log cosign`\n",
        ));
    }
    if let Some(newer) = newer {
        let gone = newer.size - manifest.size;
        let (vi, en) = (
            format!(
                "  {gone} mục đã mất, việc này được ghi vào operation/restore. Văn bản bị xóa sau mục {} nay có lại: xóa lại; nhân chứng sẽ từ chối sổ này\n",
                manifest.size
            ),
            format!(
                "  {gone} entries are gone, and operation/restore says so. Texts that were erased after entry {} are back: erase them again; witnesses will refuse this log\n",
                manifest.size
            ),
        );
        text.push_str(lang.pick(&vi, &en));
    }
    let named = manifest.evidence.list.as_ref().map_or(0, |part| part.lines);
    if copied.is_none() && named > 0 {
        let (vi, en) = (
            format!("  các mục nêu {named} tệp tài liệu: kiểm tra bằng `sogoc evidence fsck`\n"),
            format!("  entries name {named} evidence files: check them with `sogoc evidence fsck`\n"),
        );
        text.push_str(lang.pick(&vi, &en));
    }
    text
}
