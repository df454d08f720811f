//! `sogoc proof figure` and `sogoc verify`: a figure carried to a stranger, and what it proves to them.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use sogoc_app::{App, BundleError, Files, Texts};
use sogoc_log::Log;
use sogoc_proof::{Policy, PolicyError};
use sogoc_register::bundle::{Basis, BundleFault, Completeness, Depth, Proved, verify_bundle};
use sogoc_report::{Labels, Shown};

use super::evidence::reason_text;
use super::reading::{cut, season_of};
use crate::cli::Global;
use crate::failure::{Failure, Remedy};
use crate::lang::Lang;
use crate::output::Output;
use crate::{Ended, open};

/// Most bytes of a policy.
const POLICY_BYTES_MAX: u64 = 1 << 20;
/// Most bytes of a bundle's file, compressed.
const FILE_BYTES_MAX: u64 = 256 << 20;

pub(crate) async fn make(
    global: &Global,
    output: &Output,
    address: &str,
    file: &Path,
    deep: bool,
    with: (Texts, Files),
) -> Ended {
    let app = match with.1 {
        Files::LeftOut => open::to_read(global, output).await?,
        Files::Included => open::to_read_files(global, output).await?,
    };
    let depth = if deep { Depth::Deep } else { Depth::Table };
    let made = made(&app, global, address, depth, with).await;
    app.close().await;
    let (bundle, document) = made?;
    std::fs::write(file, &bundle).map_err(|error| Failure::file(file, &error))?;
    output.answer(&document, || {
        let committed = document["committed"] == true;
        let (value, as_of) = (document["display"].as_str().unwrap_or_default(), &document["as_of"]);
        let (entries, bytes) = (&document["entries"], bundle.len());
        let name = file.display();
        match output.lang {
            Lang::Vi => format!(
                "{name}: {address} = {value} tại vị trí {as_of}; {entries} mục, {bytes} byte{}\n",
                if committed { "" } else { "; chưa công bố nên không chứng minh được là đầy đủ" }
            ),
            Lang::En => format!(
                "{name}: {address} = {value} as of position {as_of}; {entries} entries, {bytes} bytes{}\n",
                if committed { "" } else { "; not announced as of then, so it cannot prove completeness" }
            ),
        }
    })
}

async fn made(
    app: &App,
    global: &Global,
    address: &str,
    depth: Depth,
    (texts, files): (Texts, Files),
) -> Result<(Vec<u8>, Value), Failure> {
    let plan = {
        let register = app.register();
        let asked = global.as_of.is_some() || global.as_of_occurred.is_some();
        let cut = if asked { cut(global, &register, season_of(address))? } else { register.bundle_cut(address) };
        register.bundle(address, cut, depth).map_err(|error| Failure::from(BundleError::from(error)))?
    };
    let bundle = app.bundle(&plan, texts, files).await?;
    let document = json!({
        "address": address,
        "value": plan.figure().value,
        "display": plan.figure().display,
        "as_of": plan.as_of(),
        "committed": plan.is_committed(),
        "entries": plan.positions().len(),
        "bytes": bundle.len(),
    });
    Ok((bundle, document))
}

/// The tlog-proof of an entry under the newest checkpoint.
pub(super) async fn entry_proof(log: &Log, position: u64) -> Result<String, Failure> {
    Ok(sogoc_app::entry_proof(log, position).await?)
}

pub(crate) fn verify(
    output: &Output,
    file: &Path,
    policy: Option<&Path>,
    log_key: Option<&str>,
    with_trace: bool,
    evidence_to: Option<&Path>,
) -> Ended {
    let policy = read_policy(policy, log_key)?;
    let bytes = super::proof::read(file, FILE_BYTES_MAX).map_err(|error| Failure::file(file, &error))?;
    let proved = verify_bundle(&bytes, &policy).map_err(|fault| failed(&fault))?;
    if let Some(folder) = evidence_to {
        std::fs::create_dir_all(folder).map_err(|error| Failure::file(folder, &error))?;
        for (digest, bytes) in &proved.evidence {
            let path = folder.join(digest.to_string());
            std::fs::write(&path, bytes).map_err(|error| Failure::file(&path, &error))?;
        }
    }
    output.answer(&document(&proved), || text(&proved, output, with_trace))
}

/// What verifying a bundle says, trusting the log's key alone.
pub(super) fn verified_text(bundle: &[u8], log_key: &str, output: &Output) -> Result<String, Failure> {
    let policy = read_policy(None, Some(log_key))?;
    let proved = verify_bundle(bundle, &policy).map_err(|fault| failed(&fault))?;
    Ok(text(&proved, output, false))
}

pub(super) fn read_policy(file: Option<&Path>, log_key: Option<&str>) -> Result<Policy, Failure> {
    let text = match (file, log_key) {
        (Some(file), _) => super::proof::read(file, POLICY_BYTES_MAX).map_err(|error| Failure::file(file, &error))?,
        (None, key) => format!("log {}\nquorum none\n", key.unwrap_or_default().trim()).into_bytes(),
    };
    Policy::parse(&text).map_err(|error| unusable(&error))
}

/// A policy that says nothing to go by.
fn unusable(error: &PolicyError) -> Failure {
    Failure::Usage {
        message: error.to_string(),
        remedy: Remedy {
            vi: "xem `sogoc verify --help` về dạng của chính sách",
            en: "see `sogoc verify --help` for the form of a policy",
        },
    }
}

/// A policy that is not met is a refusal; anything else is a bundle that is not what it says.
fn failed(fault: &BundleFault) -> Failure {
    match fault {
        BundleFault::Policy(
            error @ (PolicyError::UnknownLog { .. }
            | PolicyError::NotSignedByLog { .. }
            | PolicyError::QuorumNotMet { .. }),
        ) => Failure::Input {
            message: error.to_string(),
            remedy: Remedy {
                vi: "xin bản mới có đủ chữ ký, hoặc kiểm tra lại các khóa trong chính sách",
                en: "ask for a bundle with the signatures that are missing, or check the policy's keys",
            },
        },
        BundleFault::Policy(error @ PolicyError::NoLog) => unusable(error),
        BundleFault::Unreadable(_)
        | BundleFault::Policy(_)
        | BundleFault::Entry { .. }
        | BundleFault::NotInTree(_)
        | BundleFault::Incomplete { .. }
        | BundleFault::Commitment(_)
        | BundleFault::Table(_)
        | BundleFault::Figure { .. }
        | BundleFault::Trace
        | BundleFault::Text { .. }
        | BundleFault::Evidence { .. }
        | BundleFault::Refused(_) => Failure::Unproved { message: fault.to_string() },
    }
}

fn document(proved: &Proved) -> Value {
    let mut document = proved.figure_json();
    let checkpoint = &proved.judged.checkpoint;
    document["verified"] = true.into();
    document["as_of"] = proved.as_of.into();
    document["log"] = checkpoint.origin().into();
    document["size"] = checkpoint.size().into();
    document["root"] = checkpoint.root().to_base64().into();
    document["witnesses"] = proved
        .judged
        .witnesses
        .iter()
        .filter(|witness| witness.time.is_some())
        .map(|witness| json!({ "name": witness.name, "time": witness.time }))
        .collect();
    document["entries"] = proved.entries.into();
    document["streams"] = proved.streams.into();
    match proved.completeness {
        Completeness::Proved { announcement } => {
            document["completeness"] = "proved".into();
            document["announcement"] = announcement.into();
        }
        Completeness::NotProved => document["completeness"] = "not-proved".into(),
    }
    match proved.basis {
        Basis::Entries => document["basis"] = "entries".into(),
        Basis::Table { edition, rows } => {
            document["basis"] = "table".into();
            document["edition"] = edition.into();
            document["rows"] = rows.into();
        }
    }
    document["texts"] = proved.texts.into();
    document["evidence"] = proved.evidence.iter().map(|(digest, _)| digest.to_string()).collect();
    document["erased"] = proved.erased.iter().map(ToString::to_string).collect();
    let lines = |lines: Vec<(&'static str, String, String)>| -> Value {
        lines.into_iter().map(|(code, _, en)| json!({ "code": code, "text": en })).collect()
    };
    document["proved"] = lines(what_is_proved(proved));
    document["not_proved"] = lines(what_is_not_proved(proved));
    document
}

/// What the bundle proves: a code, and the sentence in both languages.
fn what_is_proved(proved: &Proved) -> Vec<(&'static str, String, String)> {
    let checkpoint = &proved.judged.checkpoint;
    let (entries, streams) = (proved.entries, proved.streams);
    let (log, size) = (checkpoint.origin(), checkpoint.size());
    let mut lines = vec![(
        "inclusion",
        format!("{entries} mục của {streams} dòng nằm trong sổ {log} có {size} mục, theo điểm kiểm do sổ ký"),
        format!(
            "{entries} entries of {streams} streams are in the log {log} of {size} entries, by a checkpoint that it signed"
        ),
    )];
    for witness in &proved.judged.witnesses {
        let Some(time) = witness.time else { continue };
        let micros = i64::try_from(time).ok().and_then(|seconds| seconds.checked_mul(1_000_000));
        let time =
            micros.and_then(sogoc_log::Timestamp::from_micros).map_or_else(|| time.to_string(), |at| at.to_string());
        lines.push((
            "witness",
            format!(
                "{} đã thấy sổ đúng như thế lúc {time}, không mâu thuẫn với những gì họ thấy trước đó",
                witness.name
            ),
            format!("{} saw the log like this at {time}, consistent with all that it saw before", witness.name),
        ));
    }
    if let Completeness::Proved { announcement } = proved.completeness {
        lines.push((
            "completeness",
            format!("không mục nào bị bỏ ra: mục {announcement}, công bố kết quả, cam kết số phiên bản của mọi dòng"),
            format!("no entry was left out: entry {announcement}, which announced the results, commits to the version of every stream"),
        ));
    }
    match proved.basis {
        Basis::Entries => lines.push((
            "recomputed",
            "số liệu đã được tính lại từ chính các mục này".to_owned(),
            "the figure was computed anew from these entries".to_owned(),
        )),
        Basis::Table { edition, rows } => lines.push((
            "recomputed",
            format!("số liệu đã được tính lại từ {rows} hàng của bảng mà mục {edition} công bố; bảng đủ hàng, các chỉ số, hạng và xếp loại trong bảng đều khớp"),
            format!("the figure was computed anew from the {rows} rows of the table that entry {edition} published; no row is missing, and every index, rank and class in it follows from its points"),
        )),
    }
    if proved.texts > 0 {
        lines.push((
            "texts",
            format!("{} văn bản kèm theo đúng là văn bản mà các mục đã cam kết", proved.texts),
            format!("the {} texts that came along are the ones that the entries commit to", proved.texts),
        ));
    }
    if !proved.evidence.is_empty() {
        let count = proved.evidence.len();
        lines.push((
            "evidence",
            format!("{count} tệp tài liệu kèm theo đúng là tệp mà các mục đã nêu, không sai một byte"),
            format!("the {count} evidence files that came along are, to the byte, the ones that the entries name"),
        ));
    }
    lines
}

/// What it does not: the honest half.
fn what_is_not_proved(proved: &Proved) -> Vec<(&'static str, String, String)> {
    let mut lines = Vec::new();
    if proved.completeness == Completeness::NotProved {
        lines.push((
            "completeness",
            "chưa chứng minh là đầy đủ: tại vị trí này chưa có công bố kết quả nào cam kết số mục, nên có thể có mục bị bỏ ra".to_owned(),
            "completeness not proved: no announcement commits to the entries as of this position, so some may have been left out".to_owned(),
        ));
    }
    if matches!(proved.basis, Basis::Table { .. }) {
        lines.push((
            "rows",
            "điểm trong các hàng của bảng được lấy như đã công bố; `--deep` tính lại cả các hàng".to_owned(),
            "the points in the table's rows are taken as published; a bundle made with --deep recomputes the rows too"
                .to_owned(),
        ));
    }
    if proved.judged.witnesses.iter().all(|witness| witness.time.is_none()) {
        lines.push((
            "witnesses",
            "không có bên chứng kiến: người giữ khóa có thể cho người khác xem một sổ khác".to_owned(),
            "no witness vouches for it: whoever holds the log's key could show others another log".to_owned(),
        ));
    }
    if !proved.erased.is_empty() {
        lines.push((
            "erased",
            format!("{} văn bản đã được xóa theo quy định; cam kết của chúng vẫn nằm trong sổ", proved.erased.len()),
            format!("{} texts are said to be erased; their commitments still stand in the log", proved.erased.len()),
        ));
    }
    lines.push((
        "later",
        format!("những gì xảy ra sau vị trí {} (kiến nghị, đính chính) không nằm trong bằng chứng này", proved.as_of),
        format!("what came after position {} (appeals, corrections) is not part of this proof", proved.as_of),
    ));
    lines.push((
        "truth",
        "điều ghi trong sổ có đúng với thực tế hay không thì không bằng chứng nào nói được".to_owned(),
        "whether what was recorded is true, no proof can say".to_owned(),
    ));
    lines
}

fn text(proved: &Proved, output: &Output, with_trace: bool) -> String {
    let lang = output.lang;
    let figure = &proved.figure;
    let mut text = format!(
        "{} = {} ({} {})\n",
        figure.address,
        figure.display,
        lang.pick("tại vị trí", "as of position"),
        proved.as_of
    );
    let mut list = |heading: &str, mark: char, lines: Vec<(&'static str, String, String)>| {
        let _ = writeln!(text, "\n{heading}");
        for (_, vi, en) in &lines {
            let _ = writeln!(text, "  {mark} {}", lang.pick(vi, en));
        }
    };
    list(lang.pick("Đã chứng minh", "Proved"), '✓', what_is_proved(proved));
    list(lang.pick("Không chứng minh", "Not proved"), '–', what_is_not_proved(proved));
    if with_trace && let Some(trace) = &proved.trace {
        let labels =
            Labels::new(proved.register.world(), season_of(&figure.address), lang.language()).with_reasons(reason_text);
        text.push('\n');
        text.push_str(&sogoc_report::trace(trace, &labels, Shown { depth: None, inputs: None }));
    }
    text
}

impl From<BundleError> for Failure {
    fn from(error: BundleError) -> Self {
        match error {
            BundleError::Log(error) => error.into(),
            BundleError::Evidence(error) => error.into(),
            BundleError::TooMuchEvidence { .. } => Self::input(error.to_string()),
            BundleError::Refused(sogoc_register::bundle::BundleRefused::Query(error)) => error.into(),
            BundleError::Refused(refused) => Self::input(refused.to_string()),
            BundleError::NoCheckpoint { .. } => Self::Input {
                message: error.to_string(),
                remedy: Remedy {
                    vi: "chạy `sogoc log checkpoint` (cần khóa của sổ: `sogoc log key --new`)",
                    en: "run `sogoc log checkpoint` (it needs the log's key: `sogoc log key --new`)",
                },
            },
        }
    }
}
