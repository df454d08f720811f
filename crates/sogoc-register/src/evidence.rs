//! Evidence files: where each is attached, and what was judged of it.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

use serde::Serialize;
use sogoc_domain::event::ScorecardEvent;
use sogoc_domain::evidence::{CountRule, EvidenceUse, Outcome, SignedFor, Verdict, erased_by, rule_against};
use sogoc_domain::scorecard::AttachedEvidence;
use sogoc_domain::values::{AgencyId, Digest, Sealed, SeasonId, Timestamp};

use crate::meta::{EvidenceView, Fetched};
use crate::register::{Cut, Register, Target};
use crate::symbols::{QuickMap, ix};

/// Where files are attached, by their digest: nearly all once, so that only the others take a list.
///
/// Not part of a snapshot: it is read off the scorecards.
#[derive(Clone, Default, Debug)]
pub(crate) struct Uses {
    once: QuickMap<[u8; 32], Place>,
    more: QuickMap<[u8; 32], Vec<Place>>,
}

/// Numbers of a season and a scorecard in it, and of the file in the scorecard.
pub(crate) type Place = (u32, u32, u32);

impl Uses {
    pub(crate) fn add(&mut self, digest: &Digest, place: Place) {
        match self.once.get(&digest.0) {
            None => _ = self.once.insert(digest.0, place),
            Some(first) => self.more.entry(digest.0).or_insert_with(|| vec![*first]).push(place),
        }
    }

    fn of(&self, digest: &Digest) -> &[Place] {
        match self.more.get(&digest.0) {
            Some(places) => places,
            None => self.once.get(&digest.0).map_or(&[], std::slice::from_ref),
        }
    }
}

/// The files that entries name, each once.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NamedFiles {
    /// Those that were stored when they were named: examined evidence, signatures in files of their own, trust anchors.
    pub stored: BTreeSet<Digest>,
    /// Those that a source only states: evidence of past seasons, documents of instruments, forms of surveys.
    pub stated: BTreeSet<Digest>,
}

/// Another place where the same file is attached.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct UseView {
    /// The season.
    pub season: String,
    /// The agency.
    pub agency: String,
    /// The leaf: its code in the season's version of the set, or its id.
    pub leaf: String,
    /// Number within the scorecard.
    pub number: u32,
}

/// A verdict as a trace shows it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct VerdictView {
    /// What the signatures are worth.
    pub outcome: Outcome,
    /// Codes of the reasons that concern the whole file.
    pub reasons: Vec<String>,
    /// Each signature.
    pub signatures: Vec<SignatureView>,
    /// SHA-256 of the anchors' file.
    pub anchors: Option<Digest>,
    /// Version of the rules of judging.
    pub rules: u32,
    /// The instant that was judged at.
    pub judged_at: Timestamp,
}

/// A signature as a trace shows it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct SignatureView {
    /// What it is worth.
    pub outcome: Outcome,
    /// Codes of the reasons.
    pub reasons: Vec<String>,
    /// How much it carries with itself.
    pub level: String,
    /// For whom it stands.
    pub signed_for: SignedFor,
    /// When the signer claims to have signed.
    pub claimed: Option<Timestamp>,
    /// Since when it is proven to exist.
    pub proven: Option<Timestamp>,
    /// Whether it covers the whole file.
    pub covers_whole_file: bool,
    /// Commitment of who signed.
    pub commitment: Option<Sealed>,
    /// Who signed, once fetched: JSON with name, organisation, serial, issuer and certificate.
    pub signer: Option<String>,
    /// Who signed was erased.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub erased: bool,
}

impl From<&Verdict> for VerdictView {
    fn from(verdict: &Verdict) -> Self {
        let signature = |s: &sogoc_domain::evidence::SignatureVerdict| SignatureView {
            outcome: s.outcome,
            reasons: s.reasons.clone(),
            level: s.level.clone(),
            signed_for: s.signed_for,
            claimed: s.claimed,
            proven: s.proven,
            covers_whole_file: s.covers_whole_file,
            commitment: s.signer,
            signer: None,
            erased: false,
        };
        Self {
            outcome: verdict.outcome,
            reasons: verdict.reasons.clone(),
            signatures: verdict.signatures.iter().map(signature).collect(),
            anchors: verdict.anchors,
            rules: verdict.rules,
            judged_at: verdict.judged_at,
        }
    }
}

impl VerdictView {
    /// Puts who signed in its place, once fetched.
    pub(crate) fn fill(&mut self, mut fetched: impl FnMut(&Sealed) -> Option<Fetched>) {
        for signature in &mut self.signatures {
            (signature.signer, signature.erased) = match signature.commitment.as_ref().and_then(&mut fetched) {
                Some(Fetched::Text(text)) => (Some(text), false),
                Some(Fetched::Erased) => (None, true),
                None => (None, false),
            };
        }
    }
}

impl Register {
    /// Where a file is attached, withdrawn or not, sorted.
    #[must_use]
    pub fn uses_of(&self, digest: &Digest) -> Vec<EvidenceUse> {
        let of = |(season, card, number): &Place| {
            let season = &self.seasons[ix(*season)];
            EvidenceUse { season: season.id.clone(), agency: season.cards[ix(*card)].agency.clone(), number: *number }
        };
        let mut uses: Vec<_> = self.uses.of(digest).iter().map(of).collect();
        uses.sort();
        uses
    }

    /// Notes that a file was attached.
    pub(crate) fn note_use(&mut self, season: u32, card: u32, event: &ScorecardEvent) {
        if let ScorecardEvent::EvidenceAttached(e) = event
            && let Some(digest) = &e.evidence.digest
        {
            Arc::make_mut(&mut self.uses).add(digest, (season, card, e.evidence.number));
            if let Some(detached) = &e.evidence.detached {
                Arc::make_mut(&mut self.uses).add(detached, (season, card, e.evidence.number));
            }
        }
    }

    /// Reads the uses off the scorecards, for a register that was not folded.
    pub(crate) fn find_uses(&mut self) {
        let mut uses = Uses::default();
        for (season_no, season) in self.seasons.iter().enumerate() {
            for (card_no, card) in season.cards.iter().enumerate() {
                let Some(state) = self.world.scorecard(&season.id, &card.agency) else { continue };
                let place = |number| (crate::symbols::small(season_no), crate::symbols::small(card_no), number);
                for (number, attached) in &state.evidence {
                    let files = [attached.evidence.digest, attached.evidence.detached];
                    files.iter().flatten().for_each(|digest| uses.add(digest, place(*number)));
                }
            }
        }
        self.uses = Arc::new(uses);
    }

    /// The files that entries name.
    #[must_use]
    pub fn evidence_files(&self) -> NamedFiles {
        let mut files = NamedFiles::default();
        for season in self.world.seasons.values() {
            files.stored.extend(season.anchors.iter().chain(&season.anchors_before));
        }
        for card in self.world.scorecards.values().flat_map(|cards| cards.iter()).map(|(_, card)| card) {
            for evidence in card.evidence.values().map(|attached| &attached.evidence) {
                let digests = [evidence.digest, evidence.detached].into_iter().flatten();
                if evidence.examined.is_some() { files.stored.extend(digests) } else { files.stated.extend(digests) }
            }
        }
        files.stated.extend(self.world.instruments.values().filter_map(|instrument| instrument.document));
        files.stated.extend(self.world.surveys.values().flat_map(|survey| survey.forms_files.iter()));
        files
    }

    /// Positions of the entries about a file: where it was attached, withdrawn and judged, in order.
    #[must_use]
    pub fn evidence_entries(&self, digest: &Digest) -> Vec<u64> {
        let of = |place: &Place| self.entries_at(*place);
        let mut positions: Vec<_> = self.uses.of(digest).iter().flat_map(of).collect();
        positions.sort_unstable();
        positions
    }

    /// The files of a season, or of one agency in it, by agency and number, with the positions of the entries that attached
    /// them: from the first one, or behind a place. Each is looked up when it is asked for.
    pub fn evidence_of_season<'r>(
        &'r self,
        season: &SeasonId,
        agency: Option<&AgencyId>,
        behind: Option<(AgencyId, u32)>,
    ) -> impl Iterator<Item = (&'r AgencyId, u32, u64)> + use<'r> {
        let agency = agency.cloned();
        let season_no = self.season_of.get(season).copied();
        let cards = season_no.into_iter().flat_map(|season_no| {
            let cards = &self.seasons[ix(season_no)];
            cards.by_id.iter().map(move |card_no| (season_no, *card_no, &cards.cards[ix(*card_no)].agency))
        });
        let cards = cards.filter(move |(.., of)| agency.as_ref().is_none_or(|agency| agency == *of));
        cards.flat_map(move |(season_no, card_no, of)| {
            let from = match behind.as_ref().map(|(last, number)| (of.cmp(last), number)) {
                Some((Ordering::Less, _)) => Bound::Excluded(u32::MAX),
                Some((Ordering::Equal, number)) => Bound::Excluded(*number),
                Some((Ordering::Greater, _)) | None => Bound::Unbounded,
            };
            let state = self.world.scorecard(&self.seasons[ix(season_no)].id, of);
            let numbers = state.into_iter().flat_map(move |state| state.evidence.range((from, Bound::Unbounded)));
            numbers.filter_map(move |(number, _)| {
                let entries = self.entries_at((season_no, card_no, *number));
                let attached = entries.into_iter().find(|at| self.kind_at(*at) == "evidence-attached")?;
                Some((of, *number, attached))
            })
        })
    }

    /// Positions of the entries about one file of a scorecard.
    fn entries_at(&self, (season, card, number): Place) -> Vec<u64> {
        let season = &self.seasons[ix(season)];
        let card = &season.cards[ix(card)];
        let leaf = || {
            let attached = self.world.scorecard(&season.id, &card.agency)?.evidence.get(&number)?;
            card.leaf(self.symbols.find(attached.leaf.as_str())?)
        };
        let entries = leaf().map_or(&[][..], |leaf| &leaf.entries);
        let about = |entry: &&crate::season::LeafEntry| {
            entry.detail == number && self.kind_at(entry.position).starts_with("evidence-")
        };
        entries.iter().filter(about).map(|entry| entry.position).collect()
    }

    /// A file as an entry of a scorecard shows it.
    pub(crate) fn evidence_view(&self, target: Target, number: u32, cut: Cut, position: u64) -> Option<EvidenceView> {
        let Target::Card(season_no, card_no) = target else { return None };
        let season = &self.seasons[ix(season_no)];
        let card = &season.cards[ix(card_no)];
        let attached = self.world.scorecard(&season.id, &card.agency)?.evidence.get(&number)?;
        // The world knows what became of it ever; when is in the leaf's entries.
        let leaf = self.symbols.find(attached.leaf.as_str()).and_then(|sym| card.leaf(sym));
        let entries: &[_] = leaf.map_or(&[], |leaf| &leaf.entries);
        let so_far = || {
            let of_file = entries.iter().filter(move |e| e.detail == number && e.position < cut.0);
            of_file.map(|e| (e.position, self.kind_at(e.position)))
        };
        let withdrawn = attached.withdrawn && so_far().any(|(_, kind)| kind == "evidence-withdrawn");
        let evidence = &attached.evidence;
        let examined = evidence.examined.as_deref();
        let verdict = match self.kind_at(position) {
            "evidence-attached" => examined.map(|e| &e.verdict),
            "evidence-judged" => {
                let nth = so_far().filter(|(at, kind)| *kind == "evidence-judged" && *at < position).count();
                attached.rejudged.get(nth)
            }
            _ => None,
        };
        let other = |place: &&Place| **place != (season_no, card_no, number);
        let also = evidence.digest.as_ref().map_or(&[][..], |digest| self.uses.of(digest));
        Some(EvidenceView {
            number,
            digest: evidence.digest,
            detached: evidence.detached,
            name: None,
            erased: false,
            media: evidence.media.clone(),
            signature: evidence.signature,
            purpose: evidence.purpose,
            withdrawn,
            bytes: examined.map(|e| e.bytes),
            active: examined.map(|e| e.active.clone()).unwrap_or_default(),
            scan: examined.map(|e| e.scan.clone()),
            verdict: verdict.map(VerdictView::from),
            does_not_count: self.rule_against(season_no, attached).map(CountRule::as_str),
            file_erased: evidence.digest.as_ref().is_some_and(|digest| erased_by(&self.world, digest).is_some()),
            also: also.iter().filter(other).filter_map(|place| self.use_view(*place)).collect(),
        })
    }

    /// The rule of the season's policy by which a file does not count now.
    fn rule_against(&self, season: u32, attached: &AttachedEvidence) -> Option<CountRule> {
        let season = self.world.seasons.get(&self.seasons[ix(season)].id)?;
        rule_against(season.policy.as_ref()?, attached)
    }

    fn use_view(&self, (season, card, number): Place) -> Option<UseView> {
        let season = &self.seasons[ix(season)];
        let card = &season.cards[ix(card)];
        let attached = self.world.scorecard(&season.id, &card.agency)?.evidence.get(&number)?;
        let leaf = match self.symbols.find(attached.leaf.as_str()) {
            Some(sym) => self.leaf_code(season, card, sym, self.now()),
            None => attached.leaf.to_string(),
        };
        Some(UseView { season: season.id.to_string(), agency: card.agency.to_string(), leaf, number })
    }
}
