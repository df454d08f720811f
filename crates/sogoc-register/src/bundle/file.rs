//! The file: one JSON document, compressed with gzip.
//!
//! ```json
//! {"format":"sogoc-bundle/v1","address":"hanam-2022/departments/so-noi-vu/index","as_of":4200,"depth":"table",
//!  "figure":{"address":…,"value":"95.23",…},
//!  "checkpoint":"sogoc.example/ha-nam\n4266\n…\n\n— sogoc.example/ha-nam …\n",
//!  "commitment":{"announcement":4201,"streams":[["criteria/hanam-2022-departments",13],…]},
//!  "edition":{"position":4210,"rows":[{"agency":…},…]},
//!  "texts":[{"commitment":"…","salt":"…","text":"…"},{"commitment":"…","erased":true}],
//!  "evidence":[{"digest":"…","content":"…"}],
//!  "trace":{…},
//!  "proof":["…"],
//!  "entries":[{"actor":…},…]}
//! ```
//!
//! `entries` and `rows` stand as they are hashed: whoever formats the file anew breaks it. `proof` holds the roots, in
//! base64, of the largest subtrees without any of the entries, from left to right. `commitment` is there where the
//! results were announced as of this position, `edition` where the figure goes by the published table, `trace` where it
//! goes by entries alone, `evidence` (files in base64) where it was asked for.

use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};
use sogoc_domain::values::Digest;

use super::Depth;

/// What a file's `format` says.
pub const BUNDLE_FORMAT: &str = "sogoc-bundle/v1";
/// Most bytes of a bundle, once it is no longer compressed.
pub const BUNDLE_BYTES_MAX: usize = 256 << 20;

/// The content of a bundle's file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File<'a> {
    pub(super) format: String,
    pub(super) address: String,
    pub(super) as_of: u64,
    pub(super) depth: Depth,
    pub(super) figure: Value,
    pub(super) checkpoint: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) commitment: Option<CommitmentForm>,
    #[serde(default, skip_serializing_if = "Option::is_none", borrow)]
    pub(super) edition: Option<EditionForm<'a>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) texts: Vec<TextForm>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) evidence: Vec<EvidenceForm>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) trace: Option<Value>,
    pub(super) proof: Vec<String>,
    #[serde(borrow)]
    pub(super) entries: Vec<&'a RawValue>,
}

/// The streams that an announcement commits to.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CommitmentForm {
    /// Position of the announcing entry.
    pub(super) announcement: u64,
    /// Every stream that the season's figures read, sorted by name, with its version.
    pub(super) streams: Vec<(String, u64)>,
}

/// A published table.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EditionForm<'a> {
    /// Position of the entry that published it.
    pub(super) position: u64,
    #[serde(borrow)]
    pub(super) rows: Vec<&'a RawValue>,
}

/// A sealed text of an entry.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TextForm {
    /// SHA-256(salt ‖ text), hexadecimal.
    pub(super) commitment: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) salt: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) erased: bool,
}

/// An evidence file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EvidenceForm {
    /// SHA-256, hexadecimal.
    pub(super) digest: String,
    /// Its bytes, in base64.
    pub(super) content: String,
}

impl EvidenceForm {
    pub(super) fn of(digest: &Digest, bytes: &[u8]) -> Self {
        Self { digest: digest.to_string(), content: STANDARD.encode(bytes) }
    }

    /// Its bytes, which are what its digest says.
    pub(super) fn read(&self) -> Result<(Digest, Vec<u8>), &'static str> {
        let digest: Digest = self.digest.parse().map_err(|_| "its digest is no SHA-256")?;
        let bytes = STANDARD.decode(&self.content).map_err(|_| "its content is not base64")?;
        if Sha256::digest(&bytes)[..] != digest.0 {
            return Err("its bytes are not those of its digest");
        }
        Ok((digest, bytes))
    }
}

impl File<'_> {
    pub(super) fn compressed(&self) -> Vec<u8> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        serde_json::to_writer(&mut gzip, self).expect("a bundle has text keys and no floats, and memory takes it");
        gzip.write_all(b"\n").and_then(|()| gzip.finish()).expect("memory takes every write")
    }
}

/// The JSON of a file, compressed or not.
pub(super) fn text_of(file: &[u8]) -> Result<String, String> {
    let mut text = String::new();
    let limit = BUNDLE_BYTES_MAX as u64 + 1;
    let read = if file.starts_with(&[0x1f, 0x8b]) {
        MultiGzDecoder::new(file).take(limit).read_to_string(&mut text)
    } else {
        file.take(limit).read_to_string(&mut text)
    };
    let read = read.map_err(|error| format!("it cannot be read: {error}"))?;
    if read > BUNDLE_BYTES_MAX {
        return Err(format!("it is longer than the {BUNDLE_BYTES_MAX} bytes that a bundle may have"));
    }
    Ok(text)
}
