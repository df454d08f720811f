//! Examining a file: what it is, what in it acts, and what its signatures are worth, in one go.

use std::io::Cursor;

use time::OffsetDateTime;

use crate::{
    ActiveContent, Anchors, Examination, FileKind, Outcome, RULES_VERSION, Reason, Verdict, ZipLimits, active_content,
    judge_detached, judge_pdf, kind_of, look_into_zip,
};

/// Examines a file by its bytes.
///
/// `whole` is false where `content` is only the file's beginning, because it is too large to be held: then nothing is
/// judged but what it is. `detached` is a signature over the file that stands in a file of its own; a PDF that has one is
/// judged by it and by its own signatures.
#[must_use]
pub fn examine(
    content: &[u8],
    whole: bool,
    detached: Option<&[u8]>,
    anchors: Option<&Anchors>,
    at: OffsetDateTime,
) -> Examination {
    let mut reader = Cursor::new(content);
    let (kind, mut active) = kind_of(&mut reader).expect("reading from memory does not fail");
    let mut members = Vec::new();
    if kind == FileKind::Zip {
        match look_into_zip(&mut reader, &ZipLimits::default()) {
            Ok(contents) => {
                active.extend(contents.files.iter().flat_map(|file| file.active.iter().copied()));
                members.extend(contents.files.iter().map(|file| file.kind));
            }
            // What is in it is unknown, which no policy admits.
            Err(_) => members.push(FileKind::Other),
        }
    } else if !whole {
        active.push(ActiveContent::NotLookedAt);
    } else if kind == FileKind::Pdf {
        active.extend(active_content(content));
    }
    active.sort_unstable();
    active.dedup();
    members.sort_unstable();
    members.dedup();
    let verdict = if whole { judged(kind, content, detached, anchors, at) } else { too_large(anchors) };
    Examination { kind, members, active, verdict }
}

fn judged(
    kind: FileKind,
    content: &[u8],
    detached: Option<&[u8]>,
    anchors: Option<&Anchors>,
    at: OffsetDateTime,
) -> Verdict {
    let own = if kind == FileKind::Pdf { judge_pdf(content, anchors, at) } else { unsigned(anchors) };
    let Some(signature) = detached else { return own };
    let beside =
        judge_detached(signature, &mut Cursor::new(content), anchors, at).expect("reading from memory does not fail");
    if own.outcome == Outcome::Unsigned {
        return beside;
    }
    let mut both = own;
    both.outcome = both.outcome.max(beside.outcome);
    both.reasons.extend(beside.reasons);
    both.reasons.sort_unstable();
    both.reasons.dedup();
    both.signatures.extend(beside.signatures);
    both
}

fn unsigned(anchors: Option<&Anchors>) -> Verdict {
    Verdict {
        outcome: Outcome::Unsigned,
        reasons: Vec::new(),
        signatures: Vec::new(),
        anchors: anchors.map(Anchors::digest),
        rules: RULES_VERSION,
    }
}

fn too_large(anchors: Option<&Anchors>) -> Verdict {
    Verdict { outcome: Outcome::Indeterminate, reasons: vec![Reason::TooLarge], ..unsigned(anchors) }
}
