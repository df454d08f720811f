//! What a question needs of the log beside the register: sealed texts.

use std::collections::HashMap;

use sogoc_domain::values::{Digest, Sealed};
use sogoc_log::LogError;
use sogoc_register::{EntryView, Fetched, Trace};

use crate::open::App;

impl App {
    /// The texts behind commitments, or that they were erased. Unknown ones are left out.
    ///
    /// # Errors
    /// [`LogError`] when the log does not answer, or a text does not fit its commitment.
    pub async fn texts(&self, commitments: &[Sealed]) -> Result<HashMap<Sealed, Fetched>, LogError> {
        let wanted: Vec<[u8; 32]> = commitments.iter().map(|commitment| commitment.0).collect();
        let found = self.log().sealed(&wanted).await?;
        let fetched = |sealed| match sealed {
            sogoc_log::Sealed::Text(sealed) => Fetched::Text(sealed.text),
            sogoc_log::Sealed::Erased { .. } => Fetched::Erased,
        };
        Ok(found.into_iter().map(|(commitment, sealed)| (Digest(commitment), fetched(sealed))).collect())
    }

    /// Puts the texts of its entries into a trace.
    ///
    /// # Errors
    /// As [`App::texts`].
    pub async fn fill_trace(&self, trace: &mut Trace) -> Result<(), LogError> {
        let texts = self.texts(&trace.commitments()).await?;
        trace.fill(|commitment| texts.get(commitment).cloned());
        Ok(())
    }

    /// Puts texts into entries that an answer shows.
    ///
    /// # Errors
    /// As [`App::texts`].
    pub async fn fill_entries<'e>(&self, entries: impl Iterator<Item = &'e mut EntryView>) -> Result<(), LogError> {
        let mut entries: Vec<&mut EntryView> = entries.collect();
        let mut wanted: Vec<Sealed> =
            entries.iter().flat_map(|entry| entry.texts.iter().map(|text| text.commitment)).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let texts = self.texts(&wanted).await?;
        for entry in &mut entries {
            entry.fill(|commitment| texts.get(commitment).cloned());
        }
        Ok(())
    }
}
