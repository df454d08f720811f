//! Files that lie in the folder: evidence under `evidence/AGENCY/FILE_NAME`, where the row of `evidence.csv` gives its
//! SHA-256; and the trust anchors by which its signatures are judged, `evidence/anchors.pem`.
//!
//! A row whose file is not in the folder stays what the source states of it: past seasons name files that nobody has.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};
use sogoc_domain::values::Digest;

use super::rows::{EVIDENCE, Rows};
use crate::import::{ImportError, PlannedFile, Source};

/// The file of trust anchors.
pub(super) const ANCHORS: &str = "evidence/anchors.pem";

/// What lies in the folder.
pub(super) struct Files {
    /// All of it, each file once.
    pub(super) all: Vec<PlannedFile>,
    /// The digest of the trust anchors.
    pub(super) anchors: Option<Digest>,
}

/// Finds the files and checks their digests; none is kept in memory.
pub(super) fn find(source: &dyn Source, rows: &Rows) -> Result<Files, ImportError> {
    let digest_of = |name: &str| match source.read(name) {
        Ok(bytes) => Ok(bytes.map(|bytes| Digest(Sha256::digest(&bytes).into()))),
        Err(error) => {
            Err(ImportError::of_file(name, error.to_string(), "make it readable, or take it out of the folder"))
        }
    };
    let anchors = digest_of(ANCHORS)?;
    let mut all: Vec<_> =
        anchors.iter().map(|digest| PlannedFile { name: ANCHORS.to_owned(), digest: *digest }).collect();
    let mut known = BTreeSet::new();
    for row in &rows.evidence {
        let (Some(digest), true) = (row.digest, is_plain(row.name.as_str())) else { continue };
        let name = format!("evidence/{}/{}", row.agency, row.name.as_str());
        let Some(found) = digest_of(&name)? else { continue };
        if found != digest {
            let reason = format!("the file {name} has the SHA-256 {found}");
            let remedy = "correct the digest, or put the right file into the folder";
            let error = ImportError::of_line(EVIDENCE, row.line, reason, remedy);
            return Err(error.in_column("sha256").with_value(&digest.to_string()));
        }
        if known.insert(digest) {
            all.push(PlannedFile { name, digest });
        }
    }
    Ok(Files { all, anchors })
}

/// A name that leads nowhere but into the folder.
fn is_plain(name: &str) -> bool {
    !name.starts_with('.') && !name.contains(['/', '\\', ':'])
}
