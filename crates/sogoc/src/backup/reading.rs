//! Checking a backup from its files alone: every hash, every entry's place, the tree, checkpoints and signatures.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sogoc_domain::event::{EvidenceErased, TextsErased};
use sogoc_domain::values::Digest;
use sogoc_log::{Entry, Frontier, SignedCheckpoint, StoredText, Timestamp};
use sogoc_proof::{Checkpoint, Hash, Note, Policy, VerifierKey, leaf_hash};

use super::form::{Folder, Manifest, Range, read_checkpoint, read_text};
use crate::failure::Failure;

/// Whom a check trusts.
#[derive(Debug, Default)]
pub(crate) struct Trust {
    /// Keys of the log; without any, no signature is verified.
    pub(crate) keys: Vec<VerifierKey>,
    /// Whose cosignatures are verified, and how many the newest checkpoint needs.
    pub(crate) policy: Option<Policy>,
}

/// What a check found right.
#[derive(Debug)]
pub(crate) struct Checked {
    /// Right edge of the tree over all entries.
    pub(crate) frontier: Frontier,
    pub(crate) texts: u64,
    pub(crate) erased: u64,
    pub(crate) checkpoints: u64,
    pub(crate) cosignatures: u64,
    /// Texts that entries of the backup erase, and when: a restore erases them whatever else it holds.
    pub(crate) erasures: HashMap<[u8; 32], Timestamp>,
    /// Evidence files that entries of the backup erase.
    pub(crate) erased_files: BTreeSet<Digest>,
    /// Texts that it holds although its entries erase them.
    pub(crate) revived: u64,
    /// Roots over the sizes that were asked for.
    pub(crate) roots: BTreeMap<u64, Hash>,
    /// The newest checkpoint.
    pub(crate) newest: Option<SignedCheckpoint>,
    /// Whether the policy's quorum cosigned the newest checkpoint; none without a policy.
    pub(crate) quorum_met: Option<bool>,
}

/// Checks everything that the folder holds. `roots` are sizes of which the root is asked.
pub(crate) fn check(
    folder: &Folder,
    manifest: &Manifest,
    trust: &Trust,
    roots: &[u64],
    mut progress: impl FnMut(u64, u64),
) -> Result<Checked, Failure> {
    let mut checked = Checked {
        frontier: Frontier::new(),
        texts: 0,
        erased: 0,
        checkpoints: 0,
        cosignatures: 0,
        erasures: HashMap::new(),
        erased_files: BTreeSet::new(),
        revived: 0,
        roots: BTreeMap::new(),
        newest: None,
        quorum_met: None,
    };
    let mut at = None;
    for range in &manifest.ranges {
        check_range(folder, manifest, trust, roots, range, &mut at, &mut checked)?;
        progress(range.to, manifest.size);
    }
    let root = checked.frontier.root().to_hex();
    if root != manifest.root {
        return Err(
            folder.damaged(super::form::MANIFEST, &format!("the entries have root {root}, it says {}", manifest.root))
        );
    }
    if at != manifest.at {
        return Err(folder.damaged(super::form::MANIFEST, "it gives another time for the last entry"));
    }
    // Entries first: one erases texts that came in long before it.
    for range in &manifest.ranges {
        for text in texts(folder, range)? {
            match &text.content {
                Err(_) => checked.erased += 1,
                Ok(_) if checked.erasures.contains_key(&text.commitment) => checked.revived += 1,
                Ok(_) => checked.texts += 1,
            }
        }
    }
    check_newest(folder, manifest, trust, &mut checked)?;
    for part in manifest.sign_in.iter().chain(&manifest.evidence.list) {
        folder.lines(part)?;
    }
    Ok(checked)
}

fn check_range(
    folder: &Folder,
    manifest: &Manifest,
    trust: &Trust,
    roots: &[u64],
    range: &Range,
    at: &mut Option<Timestamp>,
    checked: &mut Checked,
) -> Result<(), Failure> {
    let file = &range.entries.file;
    let lines = folder.lines(&range.entries)?;
    if lines.len() as u64 != range.to - range.from {
        return Err(folder.damaged(file, &format!("it has {} entries", lines.len())));
    }
    let mut signed = checkpoints(folder, range)?.into_iter().peekable();
    let mut meet = |checked: &mut Checked| -> Result<(), Failure> {
        let size = checked.frontier.size();
        if roots.contains(&size) {
            checked.roots.insert(size, checked.frontier.root());
        }
        while let Some(checkpoint) = signed.next_if(|checkpoint| checkpoint.size() == size) {
            let wrong = |what: &str| {
                let file = range.checkpoints.as_ref().map_or("", |part| part.file.as_str());
                folder.damaged(file, &format!("the checkpoint of {size} entries {what}"))
            };
            if checkpoint.checkpoint.origin() != manifest.log {
                return Err(wrong("is of another log"));
            }
            if checkpoint.frontier != checked.frontier {
                return Err(wrong("has another root than the entries"));
            }
            if !trust.keys.is_empty() && checkpoint.note.verify(&trust.keys).is_err() {
                return Err(wrong("is not signed by the log's key"));
            }
            check_cosignatures(&checkpoint, trust).map_err(|what| wrong(&what))?;
            checked.checkpoints += 1;
            checked.cosignatures += checkpoint.cosignatures.len() as u64;
            checked.newest = Some(checkpoint);
        }
        Ok(())
    };
    if range.from == 0 {
        meet(checked)?;
    }
    for (line, position) in lines.iter().zip(range.from..) {
        let wrong = |what: String| folder.damaged(file, &format!("entry {position}: {what}"));
        let entry = Entry::parse(line).map_err(|error| wrong(error.to_string()))?;
        if entry.position.0 != position || entry.log != manifest.log || entry.encode() != *line {
            return Err(wrong("it is not the entry of this position in this log".to_owned()));
        }
        if at.is_some_and(|last| entry.at < last) {
            return Err(wrong("time runs backwards".to_owned()));
        }
        *at = Some(entry.at);
        if entry.kind == "texts-erased" && entry.kind_version == 1 {
            let event: TextsErased = entry.data.decode().map_err(|error| wrong(error.to_string()))?;
            checked.erasures.extend(event.texts.iter().map(|text| (text.0, entry.at)));
        }
        if entry.kind == "evidence-erased" && entry.kind_version == 1 {
            let event: EvidenceErased = entry.data.decode().map_err(|error| wrong(error.to_string()))?;
            checked.erased_files.insert(event.digest);
        }
        checked.frontier.append(leaf_hash(line.as_bytes()));
        meet(checked)?;
    }
    match signed.peek() {
        None => Ok(()),
        Some(left) => Err(folder.damaged(file, &format!("a checkpoint of {} entries is not of here", left.size()))),
    }
}

/// A line that bears the name and id of a witness of the policy is its.
fn check_cosignatures(checkpoint: &SignedCheckpoint, trust: &Trust) -> Result<(), String> {
    let Some(policy) = &trust.policy else { return Ok(()) };
    for cosignature in &checkpoint.cosignatures {
        let Some(witness) = policy.witnesses().iter().find(|witness| cosignature.line.is_of(&witness.key)) else {
            continue;
        };
        sogoc_proof::verify_cosignature(checkpoint.note.text(), &cosignature.line, &witness.key)
            .map_err(|error| format!("has a cosignature of {} that is not its: {error}", witness.name))?;
    }
    Ok(())
}

/// The manifest's note is that of the newest checkpoint, and enough witnesses cosigned it.
fn check_newest(folder: &Folder, manifest: &Manifest, trust: &Trust, checked: &mut Checked) -> Result<(), Failure> {
    let found = checked.newest.as_ref().map(|newest| newest.cosigned_note().to_string());
    if found != manifest.checkpoint {
        return Err(folder.damaged(super::form::MANIFEST, "it gives another checkpoint than the newest"));
    }
    let (Some(policy), Some(newest)) = (&trust.policy, &checked.newest) else { return Ok(()) };
    let judged = policy.assess(&newest.cosigned_note()).map_err(|error| {
        folder.damaged(super::form::MANIFEST, &format!("the policy does not take the newest checkpoint: {error}"))
    })?;
    checked.quorum_met = Some(judged.quorum_met());
    Ok(())
}

/// The texts that came in with a range, each of which fits its commitment.
pub(crate) fn texts(folder: &Folder, range: &Range) -> Result<Vec<StoredText>, Failure> {
    let Some(part) = &range.texts else { return Ok(Vec::new()) };
    let mut texts = Vec::new();
    for line in folder.lines(part)? {
        let text = read_text(&line).map_err(|what| folder.damaged(&part.file, &what))?;
        if text.position.0 < range.from || text.position.0 >= range.to {
            return Err(folder.damaged(&part.file, "a text is not of its range"));
        }
        texts.push(text);
    }
    Ok(texts)
}

/// The checkpoints of a range, ascending.
pub(crate) fn checkpoints(folder: &Folder, range: &Range) -> Result<Vec<SignedCheckpoint>, Failure> {
    let Some(part) = &range.checkpoints else { return Ok(Vec::new()) };
    let lines = folder.lines(part)?;
    lines.iter().map(|line| read_checkpoint(line).map_err(|what| folder.damaged(&part.file, &what))).collect()
}

/// A checkpoint from its note.
pub(crate) fn noted(note: &[u8]) -> Result<Checkpoint, String> {
    let note = Note::parse(note).map_err(|error| error.to_string())?;
    Checkpoint::parse(note.text()).map_err(|error| error.to_string())
}
