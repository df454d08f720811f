//! `sogoc log verify`: the stored bytes first, then everything that is made of them.

use std::path::Path;

use serde_json::{Value, json};
use sogoc_domain::event::{Event, ResultsEvent};
use sogoc_domain::stream::Stream;
use sogoc_domain::values::SeasonId;
use sogoc_log::{Frontier, Log, LogError, Position, StreamId, VerifyOptions, VerifyReport, Version};
use sogoc_register::mirror::Mirror;
use sogoc_register::{Cut, Register};

use super::log::head_json;
use crate::cli::Global;
use crate::failure::Failure;
use crate::output::{Output, Progress};
use crate::{Ended, keys, open};

/// Entries folded at a time.
const CHUNK: usize = 4_096;

pub(crate) async fn run(global: &Global, output: &Output, policy: Option<&Path>, resume: Option<&Path>) -> Ended {
    let log = open::log(global).await?;
    let checked = async {
        let options = options(global, output, &log, policy, resume)?;
        let document = check(&log, output, options).await?;
        // An older copy of a store is whole in itself: what is kept outside of it tells.
        check_kept(global, &log).await?;
        Ok::<Value, Failure>(document)
    };
    let checked = checked.await;
    log.close().await;
    let document = checked?;
    if let Some(file) = resume {
        // All of it was right: the next check begins anew.
        let _ = std::fs::remove_file(file);
    }
    output.answer(&document, || text(&document, output))
}

/// That the log continues the checkpoint which is kept beside its key.
async fn check_kept(global: &Global, log: &Log) -> Result<(), Failure> {
    let path = keys::checkpoint_path(global, log);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Failure::file(&path, &error)),
    };
    let noted = crate::backup::reading::noted(&bytes);
    let kept = noted.map_err(|why| Failure::input(format!("{}: {why}", path.display())))?;
    match log.check_against(&kept).await {
        Err(error @ LogError::Diverged { .. }) => {
            Err(Failure::Diverged { message: error.to_string(), kept: path.display().to_string() })
        }
        checked => Ok(checked?),
    }
}

/// With which keys, and from where on.
fn options(
    global: &Global,
    output: &Output,
    log: &Log,
    policy: Option<&Path>,
    resume: Option<&Path>,
) -> Result<VerifyOptions, Failure> {
    let mut options = VerifyOptions::default();
    if let Some(key) = keys::find(global, output, log)? {
        options.keys.push(key.verifier().clone());
        options.keys.extend(keys::earlier(global, log)?);
    }
    if let Some(policy) = policy {
        let policy = super::bundle::read_policy(Some(policy), None)?;
        options.witness_keys.extend(policy.witnesses().iter().map(|witness| witness.key.clone()));
    }
    if let Some(file) = resume {
        if let Ok(bytes) = std::fs::read(file) {
            options.from = Frontier::from_bytes(&bytes)
                .map_err(|error| Failure::input(format!("{}: {error}; remove it", file.display())))?;
        }
        let file = file.to_owned();
        // Where it cannot be kept, the check is none the worse, and the next one begins anew.
        options.reached = Some(Box::new(move |frontier| _ = std::fs::write(&file, frontier.to_bytes())));
    }
    Ok(options)
}

pub(super) async fn check(log: &Log, output: &Output, options: VerifyOptions) -> Result<Value, Failure> {
    let report = bytes(log, output, options).await?;
    let register = replayed(log, output, report.head.size).await?;
    let stopped: Vec<Value> = register
        .stopped()
        .map(|(stream, position, why)| json!({ "stream": stream, "position": position, "why": why }))
        .collect();
    let commitments = commitments(log, &register).await?;
    if let Some(fault) = Mirror::new(log.clone(), "verify").fault(&register).await? {
        return Err(Failure::Corrupt { position: None, message: format!("SQL mirror: {fault}; rebuild it") });
    }
    let mut document = head_json(&report.head);
    document["checked"] = report.checked.into();
    document["sealed_texts"] = report.sealed.into();
    document["erased_texts"] = report.erased.into();
    document["tile_roots"] = report.tile_roots.into();
    document["checkpoints"] = report.checkpoints.into();
    document["cosignatures"] = report.cosignatures.into();
    document["snapshots"] = report.snapshots.into();
    document["register_digest"] = register.digest().to_string().into();
    document["commitments"] = commitments.into();
    document["unreadable_streams"] = stopped.into();
    Ok(document)
}

/// Bytes, hashes, density, order, Merkle root, checkpoints, sealed texts, snapshots, triggers.
async fn bytes(log: &Log, output: &Output, options: VerifyOptions) -> Result<VerifyReport, Failure> {
    let mut progress = Progress::new(output.lang.pick("kiểm tra", "checking"));
    let report = log.verify(options, |done, total| progress.at(done, total)).await?;
    match report.fault {
        Some(fault) => Err(Failure::Corrupt { position: fault.position.map(|p| p.0), message: fault.what }),
        None => Ok(report),
    }
}

/// The fold from the first entry.
async fn replayed(log: &Log, output: &Output, size: u64) -> Result<Register, Failure> {
    let mut progress = Progress::new(output.lang.pick("dựng lại sổ", "folding"));
    let mut register = Register::new();
    while register.size() < size {
        let limit = usize::try_from(size - register.size()).unwrap_or(CHUNK).min(CHUNK);
        let entries = log.read(Position(register.size()), limit).await?;
        if entries.is_empty() {
            return Err(corrupt(register.size(), "the entry is missing"));
        }
        register.apply_stored(&entries).map_err(|error| corrupt(register.size(), &error.to_string()))?;
        progress.at(register.size(), size);
    }
    Ok(register)
}

/// What announcements and editions committed to, computed again. Returns how many were right.
async fn commitments(log: &Log, register: &Register) -> Result<u64, Failure> {
    let seasons: Vec<SeasonId> = register.seasons().cloned().collect();
    let mut right = 0;
    for season in seasons {
        let stream = Stream::Results(season.clone());
        let name = StreamId::try_new(stream.to_string())?;
        for stored in log.read_stream(&name, Version(1)).await? {
            let position = stored.position.0;
            if position >= register.size() {
                break;
            }
            let entry = stored.parse().map_err(|error| corrupt(position, &error.to_string()))?;
            let Ok(event) = Event::decode(&stream, entry.kind, entry.kind_version, entry.data.get()) else { continue };
            let Event::Results(event) = event else { continue };
            right += commitment(register, season.as_str(), position, &event)?;
        }
    }
    Ok(right)
}

fn commitment(register: &Register, season: &str, position: u64, event: &ResultsEvent) -> Result<u64, Failure> {
    let differs = |what: &str, recorded: String, computed: String| {
        let what = format!("{what}: recorded {recorded}, computed from the entries {computed}");
        if recorded == computed { Ok(1) } else { Err(corrupt(position, &what)) }
    };
    match event {
        ResultsEvent::ResultsAnnounced(e) => {
            let root = register.streams_root(season, Cut::after(e.as_of))?;
            differs(
                "the root over the streams of the announcement",
                format!("{} over {}", e.streams_root, e.streams),
                format!("{} over {}", root.digest, root.count),
            )
        }
        ResultsEvent::EditionPublished(e) => {
            let cut = Cut::after(e.as_of);
            let (table, figures) = (register.table_digest(season, cut)?, register.figures_digest(season, cut)?);
            differs(
                "the digests of the edition",
                format!("{} over {} rows, {} over {} figures", e.table_digest, e.rows, e.figures_digest, e.figures),
                format!(
                    "{} over {} rows, {} over {} figures",
                    table.digest, table.count, figures.digest, figures.count
                ),
            )
        }
        ResultsEvent::ResultsApproved(_)
        | ResultsEvent::EditionInstrumentAttached(_)
        | ResultsEvent::EditionAnnulled(_)
        | ResultsEvent::AgenciesNotified(_) => Ok(0),
    }
}

fn corrupt(position: u64, what: &str) -> Failure {
    Failure::Corrupt { position: Some(position), message: what.to_owned() }
}

fn text(document: &Value, output: &Output) -> String {
    let lang = output.lang;
    let mut text = format!(
        "{}\n  {}: {}\n  {}: {}\n  {}: {}\n  {}: {}\n  {}: {}\n",
        lang.pick(
            "Sổ nguyên vẹn: mọi byte, băm, thứ tự và số liệu đã công bố đều khớp.",
            "The register is whole: every byte, hash, order and published digest is right."
        ),
        lang.pick("số mục", "entries"),
        document["checked"],
        lang.pick("gốc Merkle", "Merkle root"),
        document["root"].as_str().unwrap_or_default(),
        lang.pick("điểm kiểm đã ký", "checkpoints"),
        document["checkpoints"],
        lang.pick("mã băm của sổ", "register digest"),
        document["register_digest"].as_str().unwrap_or_default(),
        lang.pick("cam kết của các lần công bố", "commitments of announcements and editions"),
        document["commitments"],
    );
    for stream in document["unreadable_streams"].as_array().into_iter().flatten() {
        text.push_str(&format!(
            "  {} {} {} {}: {}\n",
            stream["stream"].as_str().unwrap_or_default(),
            lang.pick("không đọc được từ vị trí", "cannot be read by this version from position"),
            stream["position"],
            lang.pick("trở đi", "on"),
            stream["why"].as_str().unwrap_or_default(),
        ));
    }
    text
}
