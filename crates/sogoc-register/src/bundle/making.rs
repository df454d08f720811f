//! Making a bundle: which entries go in, and the file.

use serde_json::Value;
use serde_json::value::RawValue;
use sogoc_domain::stream::Stream;
use sogoc_domain::values::{Digest, Sealed};
use sogoc_proof::Hash;

use super::file::{BUNDLE_FORMAT, CommitmentForm, EditionForm, EvidenceForm, File, TextForm};
use super::reach::Reach;
use super::{BundleRefused, Depth};
use crate::address::split_season;
use crate::figures::FigureValue;
use crate::register::{Cut, Register};
use crate::symbols::ix;
use crate::trace::TRACE_NODES_MAX;

/// A sealed text of a bundle's entries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OpenedText {
    /// With its salt, so that whoever has the bundle can check it.
    Text {
        /// SHA-256(salt ‖ text).
        commitment: Sealed,
        /// 32 random bytes.
        salt: [u8; 32],
        /// The text.
        text: String,
    },
    /// Erased: only the commitment is left.
    Erased {
        /// SHA-256(salt ‖ text).
        commitment: Sealed,
    },
}

/// What a bundle is made of: the log has the entries of [`BundlePlan::positions`] and their proof.
#[derive(Clone, Debug)]
pub struct BundlePlan {
    address: String,
    as_of: u64,
    depth: Depth,
    figure: FigureValue,
    trace: Option<Value>,
    positions: Vec<u64>,
    commitment: Option<(u64, Vec<(String, u64)>)>,
    edition: Option<(u64, Vec<String>)>,
    texts: Vec<Sealed>,
    files: Vec<Digest>,
}

impl Register {
    /// The position that a bundle of a figure is best made as of: the newest for which there is an edition, else an
    /// announcement, else the last entry.
    #[must_use]
    pub fn bundle_cut(&self, address: &str) -> Cut {
        let season = split_season(address).ok().and_then(|(season, _)| self.season_of.get(season));
        let as_of = season.and_then(|no| {
            let season = &self.seasons[ix(*no)];
            let edition = season.editions.iter().rev().find(|edition| edition.annulled.is_none());
            edition.map(|edition| edition.as_of).or_else(|| season.announcements.last().map(|a| a.as_of))
        });
        as_of.map_or_else(|| self.now(), Cut::after)
    }

    /// What goes into a bundle of a figure.
    ///
    /// # Errors
    /// [`BundleRefused`].
    pub fn bundle(&self, address: &str, cut: Cut, depth: Depth) -> Result<BundlePlan, BundleRefused> {
        let as_of = cut.position().ok_or(BundleRefused::Empty)?;
        let reach = Reach::of(self, address, cut, depth)?;
        let figure = self.value(address, cut)?;
        let (season, _) = split_season(address)?;
        let view = self.season_view(season, cut)?;
        let read = self.streams_read(season, cut)?;
        let mut positions = Vec::new();
        for (name, version) in &read {
            let Some(log) = self.stream_named(name) else { continue };
            if log.stream.as_ref().is_some_and(|stream| reach.demands(stream)) {
                let held = usize::try_from(*version).unwrap_or(usize::MAX).min(log.positions.len());
                positions.extend_from_slice(&log.positions[..held]);
            }
        }
        let results = Stream::Results(view.id().clone()).to_string();
        let commitment = view.season.announcements.iter().rev().find(|a| a.as_of == as_of).map(|announced| {
            let streams = read.iter().map(|(name, version)| (name.clone(), *version)).collect();
            (announced.position, streams)
        });
        let edition = if reach.reads_table() {
            let held = view.season.editions.iter().rev().filter(|edition| edition.annulled.is_none());
            let found = held.clone().find(|edition| edition.as_of == as_of).ok_or_else(|| {
                let known: Vec<_> = held.map(|edition| edition.as_of.to_string()).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                BundleRefused::NoEdition { address: figure.address.clone(), as_of, known }
            })?;
            let rows = self.table(season, cut)?.iter().map(crate::digest::TableRow::canonical).collect();
            Some((found.position, rows))
        } else {
            None
        };
        debug_assert!(!positions.is_empty() && self.stream_named(&results).is_some() || commitment.is_none());
        positions.extend(commitment.as_ref().map(|(position, _)| *position));
        positions.extend(edition.as_ref().map(|(position, _)| *position));
        positions.sort_unstable();
        positions.dedup();
        let trace = match edition {
            Some(_) => None,
            None => {
                let mut trace = self.trace(address, cut, TRACE_NODES_MAX)?;
                trace.leave_out_the_rest();
                Some(trace)
            }
        };
        let files = trace.as_ref().map(crate::trace::Trace::files).unwrap_or_default();
        let texts = trace.as_ref().map(crate::trace::Trace::commitments).unwrap_or_default();
        let trace = trace.map(|trace| serde_json::to_value(trace).expect("answers have text keys and no floats"));
        Ok(BundlePlan {
            address: figure.address.clone(),
            as_of,
            depth,
            figure,
            trace,
            positions,
            commitment,
            edition,
            texts,
            files,
        })
    }
}

impl BundlePlan {
    /// The figure.
    #[must_use]
    pub fn figure(&self) -> &FigureValue {
        &self.figure
    }

    /// The position as of which it is.
    #[must_use]
    pub fn as_of(&self) -> u64 {
        self.as_of
    }

    /// Whether the bundle can prove that nothing was left out.
    #[must_use]
    pub fn is_committed(&self) -> bool {
        self.commitment.is_some()
    }

    /// Positions of the entries that go in, ascending. The checkpoint must be of a tree that has them all.
    #[must_use]
    pub fn positions(&self) -> &[u64] {
        &self.positions
    }

    /// Commitments of the texts that the figure's trace shows.
    #[must_use]
    pub fn texts(&self) -> &[Sealed] {
        &self.texts
    }

    /// Digests of the evidence files that the figure's trace shows.
    #[must_use]
    pub fn files(&self) -> &[Digest] {
        &self.files
    }

    /// The file. `entries` are the texts of the entries at [`BundlePlan::positions`], `proof` is their proof in the
    /// tree of the checkpoint.
    ///
    /// # Panics
    /// When an entry is no JSON: the log has none.
    #[must_use]
    pub fn to_file(
        &self,
        entries: &[String],
        proof: &[Hash],
        checkpoint: &str,
        texts: &[OpenedText],
        evidence: &[(Digest, Vec<u8>)],
    ) -> Vec<u8> {
        let raw = |text: &'_ str| -> Box<RawValue> { serde_json::from_str(text).expect("entries and rows are JSON") };
        let entries: Vec<_> = entries.iter().map(|text| raw(text)).collect();
        let rows: Vec<_> = self.edition.iter().flat_map(|(_, rows)| rows).map(|row| raw(row)).collect();
        let file = File {
            format: BUNDLE_FORMAT.to_owned(),
            address: self.address.clone(),
            as_of: self.as_of,
            depth: self.depth,
            figure: serde_json::to_value(&self.figure).expect("answers have text keys and no floats"),
            checkpoint: checkpoint.to_owned(),
            commitment: self.commitment.clone().map(|(announcement, streams)| CommitmentForm { announcement, streams }),
            edition: self.edition.as_ref().map(|(position, _)| EditionForm {
                position: *position,
                rows: rows.iter().map(AsRef::as_ref).collect(),
            }),
            texts: texts.iter().map(TextForm::from).collect(),
            evidence: evidence.iter().map(|(digest, bytes)| EvidenceForm::of(digest, bytes)).collect(),
            trace: self.trace.clone(),
            proof: proof.iter().map(Hash::to_base64).collect(),
            entries: entries.iter().map(AsRef::as_ref).collect(),
        };
        file.compressed()
    }
}

impl From<&OpenedText> for TextForm {
    fn from(text: &OpenedText) -> Self {
        match text {
            OpenedText::Text { commitment, salt, text } => Self {
                commitment: commitment.to_string(),
                salt: Some(Hash(*salt).to_hex()),
                text: Some(text.clone()),
                erased: false,
            },
            OpenedText::Erased { commitment } => {
                Self { commitment: commitment.to_string(), salt: None, text: None, erased: true }
            }
        }
    }
}
