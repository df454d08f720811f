//! `sogoc proof …`: proofs for others, and thin doors to `sogoc-proof` for auditors of any log.

use std::io::Read as _;
use std::path::Path;

use serde_json::json;
use sogoc_app::{Files, Texts};
use sogoc_proof::{Note, ProofError, VerifierKey, verify_consistency, verify_inclusion};

use super::bundle;
use crate::cli::{Global, ProofCommand};
use crate::failure::{Failure, Remedy};
use crate::output::Output;
use crate::{Ended, open};

/// Most bytes of a note that is read.
const NOTE_BYTES_MAX: u64 = 1 << 20;

pub(crate) async fn run(global: &Global, output: &Output, command: &ProofCommand) -> Ended {
    match command {
        ProofCommand::Figure { address, output: file, deep, with_texts, with_evidence } => {
            let texts = if *with_texts { Texts::Opened } else { Texts::Sealed };
            let files = if *with_evidence { Files::Included } else { Files::LeftOut };
            bundle::make(global, output, address, file, *deep, (texts, files)).await
        }
        ProofCommand::Entry { position } => entry(global, output, *position).await,
        ProofCommand::Consistency { size1, size2 } => consistency(global, output, *size1, *size2).await,
        ProofCommand::VerifyInclusion { leaf_hash, index, size, root, proof } => {
            verdict(output, verify_inclusion(leaf_hash, *index, *size, &proof.0, root))
        }
        ProofCommand::VerifyConsistency { size1, size2, root1, root2, proof } => {
            verdict(output, verify_consistency(*size1, root1, *size2, root2, &proof.0))
        }
        ProofCommand::VerifyNote { vkey, file } => note(output, vkey, file),
    }
}

fn verdict(output: &Output, verified: Result<(), ProofError>) -> Ended {
    match verified {
        Ok(()) => output.answer(&json!({ "valid": true }), || {
            output.lang.pick("đúng: đã chứng minh\n", "valid: it is proved\n").to_owned()
        }),
        Err(error) => invalid(output, &error.to_string()),
    }
}

/// Says why something is not proved, and ends with 1.
fn invalid(output: &Output, why: &str) -> Ended {
    if output.json {
        output.document(&json!({ "valid": false, "why": why }))?;
    }
    output.say(&format!("{}: {why}", output.lang.pick("không chứng minh được", "not proved")));
    Err(Failure::Short)
}

fn unreadable(message: String) -> Failure {
    Failure::Usage { message, remedy: Remedy { vi: "chép lại nguyên văn", en: "copy it again in full" } }
}

fn note(output: &Output, vkey: &str, file: &Path) -> Ended {
    let key = VerifierKey::parse(vkey).map_err(|error| unreadable(format!("--vkey: {error}")))?;
    let bytes = read(file, NOTE_BYTES_MAX).map_err(|error| unreadable(format!("{}: {error}", file.display())))?;
    let note = Note::parse(&bytes).map_err(|error| unreadable(format!("{}: {error}", file.display())))?;
    match note.verify(std::slice::from_ref(&key)) {
        Ok(verified) if !verified.is_empty() => {
            let time = verified.iter().find_map(|signature| signature.time);
            let document = json!({ "valid": true, "name": key.name(), "time": time, "text": note.text() });
            output.answer(&document, || note.text().to_owned())
        }
        Ok(_) => invalid(output, &format!("no signature of {vkey} is on it")),
        Err(error) => invalid(output, &error.to_string()),
    }
}

/// A file, or stdin for `-`, of bounded length.
pub(super) fn read(file: &Path, bytes_max: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = if file == Path::new("-") {
        std::io::stdin().lock().take(bytes_max + 1).read_to_end(&mut bytes)?
    } else {
        std::fs::File::open(file)?.take(bytes_max + 1).read_to_end(&mut bytes)?
    };
    if u64::try_from(read).unwrap_or(u64::MAX) > bytes_max {
        return Err(std::io::Error::other(format!("it has more than {bytes_max} bytes")));
    }
    Ok(bytes)
}

async fn entry(global: &Global, output: &Output, position: u64) -> Ended {
    let log = open::log(global).await?;
    let proof = bundle::entry_proof(&log, position).await;
    log.close().await;
    let text = proof?;
    output.answer(&json!({ "position": position, "tlog_proof": text }), || text.clone())
}

async fn consistency(global: &Global, output: &Output, size1: u64, size2: u64) -> Ended {
    let log = open::log(global).await?;
    let proof = async {
        let (root1, root2) = (log.root_at(size1).await?, log.root_at(size2).await?);
        let proof = log.consistency_proof(size1, size2).await?;
        Ok::<_, Failure>((root1, root2, proof))
    }
    .await;
    log.close().await;
    let (root1, root2, proof) = proof?;
    let hashes: Vec<String> = proof.iter().map(sogoc_log::Hash::to_base64).collect();
    let document = json!({
        "size1": size1, "root1": root1.to_base64(), "size2": size2, "root2": root2.to_base64(), "proof": hashes,
    });
    output.answer(&document, || {
        format!(
            "sogoc proof verify-consistency --size1 {size1} --size2 {size2} --root1 {} --root2 {} --proof '{}'\n",
            root1.to_base64(),
            root2.to_base64(),
            hashes.join(",")
        )
    })
}
