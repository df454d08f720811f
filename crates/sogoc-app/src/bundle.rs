//! Bundles: what the register plans, with the entries, proofs and texts that the log has.

use std::collections::HashMap;

use sogoc_domain::values::Digest;
use sogoc_log::{Log, LogError, Position, SignedCheckpoint};
use sogoc_proof::TlogProof;
use sogoc_register::bundle::{BundlePlan, BundleRefused, OpenedText};

use crate::evidence::{EvidenceError, named};
use crate::open::App;

/// Entries that are read at once where a bundle's lie close together.
const READ_MAX: u64 = 4_096;
/// Most bytes of evidence files in a bundle: in base64 they still fit into the largest that is read.
const EVIDENCE_BYTES_MAX: u64 = 128 << 20;
/// Positions that may lie between two entries that are read at once: reading them all costs less than asking twice.
const GAP_MAX: u64 = 64;

/// Whether a bundle opens the texts of its entries.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Texts {
    /// Entries hold commitments, and the bundle nothing more.
    #[default]
    Sealed,
    /// The texts that the figure's trace shows come along, with their salts.
    Opened,
}

/// Whether a bundle carries the evidence files behind the figure.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Files {
    /// Their digests and verdicts stand in the entries.
    #[default]
    LeftOut,
    /// The files that the figure's trace shows come along.
    Included,
}

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// None can be made of this figure as of then.
    #[error(transparent)]
    Refused(#[from] BundleRefused),
    /// No checkpoint has been signed that covers the entries.
    #[error("no signed checkpoint covers position {position}")]
    NoCheckpoint {
        /// The last position that must be covered.
        position: u64,
    },
    /// The evidence files are too large for one bundle.
    #[error(
        "the evidence behind the figure is larger than {limit} bytes: ask for the bundle without it, and for each file by itself"
    )]
    TooMuchEvidence {
        /// The limit, in bytes.
        limit: u64,
    },
    /// The evidence store does not answer.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// The log does not answer.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl App {
    /// The file of a bundle.
    ///
    /// # Errors
    /// [`BundleError::NoCheckpoint`] where nothing that covers it was signed; `Log`.
    pub async fn bundle(&self, plan: &BundlePlan, texts: Texts, files: Files) -> Result<Vec<u8>, BundleError> {
        let log = self.log();
        let positions: Vec<Position> = plan.positions().iter().copied().map(Position).collect();
        let last = plan.positions().last().copied().unwrap_or(0);
        let checkpoint = covering(log, last).await?;
        let proof = log.multiproof(&positions, checkpoint.size()).await?;
        let entries = self.entries(plan.positions()).await?;
        let opened = match texts {
            Texts::Sealed => Vec::new(),
            Texts::Opened => {
                let wanted: Vec<[u8; 32]> = plan.texts().iter().map(|commitment| commitment.0).collect();
                let found: HashMap<[u8; 32], sogoc_log::Sealed> = log.sealed(&wanted).await?;
                let opened = |commitment: &[u8; 32]| {
                    Some(match found.get(commitment)? {
                        sogoc_log::Sealed::Text(sealed) => OpenedText::Text {
                            commitment: Digest(*commitment),
                            salt: sealed.salt,
                            text: sealed.text.clone(),
                        },
                        sogoc_log::Sealed::Erased { .. } => OpenedText::Erased { commitment: Digest(*commitment) },
                    })
                };
                wanted.iter().filter_map(opened).collect()
            }
        };
        let evidence = match files {
            Files::LeftOut => Vec::new(),
            Files::Included => self.evidence_of(plan).await?,
        };
        Ok(plan.to_file(&entries, &proof, &checkpoint.cosigned_note().to_string(), &opened, &evidence))
    }

    /// The evidence files behind a figure, but for what was erased and what was never stored.
    async fn evidence_of(&self, plan: &BundlePlan) -> Result<Vec<(Digest, Vec<u8>)>, BundleError> {
        let blobs = self.evidence()?.blobs();
        let mut files = Vec::new();
        let mut left = EVIDENCE_BYTES_MAX;
        for digest in plan.files() {
            let name = named(*digest);
            let Some(bytes) = blobs.size(&name).await.map_err(EvidenceError::from)? else { continue };
            left = left.checked_sub(bytes).ok_or(BundleError::TooMuchEvidence { limit: EVIDENCE_BYTES_MAX })?;
            files.push((*digest, blobs.read(&name, bytes).await.map_err(EvidenceError::from)?));
        }
        Ok(files)
    }

    /// The texts of entries, given ascending positions.
    async fn entries(&self, positions: &[u64]) -> Result<Vec<String>, LogError> {
        let mut entries = Vec::with_capacity(positions.len());
        let mut rest = positions;
        while let Some(first) = rest.first() {
            let together =
                rest.windows(2).take_while(|pair| pair[1] - pair[0] <= GAP_MAX && pair[1] - first < READ_MAX).count();
            let (now, later) = rest.split_at(together + 1);
            let length = now[together] - first + 1;
            let limit = usize::try_from(length).expect("at most a few thousand");
            let mut read = self.log().read(Position(*first), limit).await?.into_iter();
            for position in now {
                let entry = read.find(|entry| entry.position.0 == *position);
                let missing = || LogError::Corrupt {
                    position: Some(Position(*position)),
                    what: "the entry is missing".to_owned(),
                };
                entries.push(entry.ok_or_else(missing)?.bytes);
            }
            rest = later;
        }
        Ok(entries)
    }
}

/// The proof that an entry is in the log, under the newest checkpoint that witnesses have cosigned, else the newest one,
/// as a tlog-proof file.
///
/// # Errors
/// [`BundleError::NoCheckpoint`], `Log`.
pub async fn entry_proof(log: &Log, position: u64) -> Result<String, BundleError> {
    let checkpoint = covering(log, position).await?;
    let proof = log.inclusion_proof(Position(position), checkpoint.size()).await?;
    let proof = TlogProof { extra: None, index: position, proof, checkpoint: checkpoint.cosigned_note() };
    Ok(proof.to_string())
}

/// The newest checkpoint that witnesses have cosigned, if it covers a position; else the newest one.
async fn covering(log: &Log, position: u64) -> Result<SignedCheckpoint, BundleError> {
    let covers = |checkpoint: &SignedCheckpoint| checkpoint.size() > position;
    if let Some(cosigned) = log.latest_cosigned(covers).await? {
        return Ok(cosigned);
    }
    log.latest_checkpoint().await?.filter(covers).ok_or(BundleError::NoCheckpoint { position })
}
