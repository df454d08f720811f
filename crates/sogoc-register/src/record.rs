//! What deciding asks of the register.

use std::collections::{BTreeMap, BTreeSet};

use sogoc_domain::Record;
use sogoc_domain::decide::{AnnouncementFacts, EditionFacts, LeafMark, TextMark};
use sogoc_domain::event::FigureChange;
use sogoc_domain::evidence::EvidenceUse;
use sogoc_domain::values::{AccountId, AgencyId, Digest, LeafId, Sealed, SeasonId, Timestamp};

use crate::digest::{Counted, count};
use crate::register::{Cut, Register};
use crate::symbols::ix;

/// How many changed figures an edition lists; the rest is counted.
const LISTED_MAX: usize = 100;

/// A season without entries has no figures: a commitment to nothing.
const NOTHING: Counted = Counted { digest: Digest([0; 32]), count: 0 };

impl Record for Register {
    fn leaf_mark(&self, season: &SeasonId, agency: &AgencyId, leaf: &LeafId) -> Option<LeafMark> {
        let card = self.season_log(season)?.card(self.symbols.find(agency.as_str())?)?;
        let version = card.leaf(self.symbols.find(leaf.as_str())?)?.versions.last()?;
        let meta = self.meta(version.position)?;
        let account = AccountId::try_new(self.symbols.name(meta.account)).ok()?;
        Some(LeafMark { position: version.position, at: Timestamp::from_micros(meta.at), account })
    }

    fn text_marks(&self, texts: &[Sealed]) -> Vec<Option<TextMark>> {
        // One pass over all texts: it is asked for when texts are erased, which is rare.
        let mut marks: BTreeMap<Sealed, TextMark> = BTreeMap::new();
        let wanted: BTreeSet<Sealed> = texts.iter().copied().collect();
        for text in self.texts.iter().filter(|text| wanted.contains(&Digest(text.sealed))) {
            let Some(meta) = self.meta(text.position) else { continue };
            let mark = marks.entry(Digest(text.sealed)).or_default();
            mark.streams.extend(self.streams[ix(meta.stream)].stream.clone());
            let accounts = [meta.account, meta.on_behalf_of].into_iter().filter_map(|sym| self.symbols.get(sym));
            mark.accounts.extend(accounts.filter_map(|name| AccountId::try_new(name).ok()));
        }
        texts.iter().map(|text| marks.get(text).cloned()).collect()
    }

    fn evidence_uses(&self, digest: &Digest) -> Vec<EvidenceUse> {
        self.uses_of(digest)
    }

    fn announcement(&self, season: &SeasonId) -> AnnouncementFacts {
        let as_of = self.rests_on(season, self.now()).unwrap_or(0);
        let root = self.streams_root(season.as_str(), Cut::after(as_of)).unwrap_or(NOTHING);
        AnnouncementFacts { as_of, streams_root: root.digest, streams: root.count }
    }

    fn edition(&self, season: &SeasonId, as_of: u64, before: Option<u64>) -> EditionFacts {
        let (season, cut) = (season.as_str(), Cut::after(as_of));
        let table = self.table_digest(season, cut).unwrap_or(NOTHING);
        let figures = self.figures_digest(season, cut).unwrap_or(NOTHING);
        let changes = before.map_or_else(Vec::new, |before| self.changes_between(season, Cut::after(before), cut));
        EditionFacts {
            table_digest: table.digest,
            rows: table.count,
            figures_digest: figures.digest,
            figures: figures.count,
            changed_count: count(changes.len()),
            changed: changes.into_iter().take(LISTED_MAX).collect(),
        }
    }
}

impl Register {
    /// The position of the version of a leaf that holds as of a cut: what who is shown the leaf gives as `seen`.
    #[must_use]
    pub fn leaf_version(&self, season: &SeasonId, agency: &AgencyId, leaf: &LeafId, cut: Cut) -> Option<u64> {
        let card = self.season_log(season)?.card(self.symbols.find(agency.as_str())?)?;
        card.leaf_at(self.symbols.find(leaf.as_str())?, cut.0).map(|version| version.position)
    }

    /// Figures of a season that differ between two positions, by address.
    #[must_use]
    pub fn changes_between(&self, season: &str, from: Cut, to: Cut) -> Vec<FigureChange> {
        let mut before = self.figure_texts(season, from).unwrap_or_default();
        let after = self.figure_texts(season, to).unwrap_or_default();
        let mut changes = Vec::new();
        for (address, value) in after {
            let old = before.remove(&address);
            if old.as_ref() != Some(&value) {
                changes.push(FigureChange { address, before: old, after: Some(value) });
            }
        }
        changes.extend(before.into_iter().map(|(address, old)| FigureChange {
            address,
            before: Some(old),
            after: None,
        }));
        changes.sort_by(|a, b| a.address.cmp(&b.address));
        changes
    }
}
