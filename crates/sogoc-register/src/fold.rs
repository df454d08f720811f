//! The fold: one entry after the other into the register. Total: nothing here fails or refuses (invariant 10).

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "most kinds of events move neither lines nor frames; the aggregates match every one"
)]

use std::sync::Arc;

use sogoc_domain::World;
use sogoc_domain::event::{Event, ResultsEvent, ScorecardEvent, SeasonEvent, SurveyEvent, Undecodable};
use sogoc_domain::policy::LineKind;
use sogoc_domain::scorecard::{How, Leaf, Scorecard};
use sogoc_domain::stream::Stream;
use sogoc_domain::survey::Surveyed;
use sogoc_domain::values::{AgencyId, SeasonId};
use sogoc_log::{Entry, EntryError, StoredEntry};

use crate::concerns::{Detail, concerns};
use crate::hot::{self, Ids};
use crate::meta::{Commitment, MaybeTime, Meta, RoleCode};
use crate::micro::{MaybeMicro, Micro};
use crate::register::{Register, StreamLog, Target};
use crate::said::said;
use crate::season::{
    Announced, Applies, Came, Card, Edited, Frame, LeafEntry, LeafVersion, Marks, Membership, Positioned as _,
    ReferenceFigure, SeasonLog, SurveyPart, SurveyStateCode, SurveyVersion, Totals,
};
use crate::sets::{LeafIx, SetIndex};
use crate::symbols::{QuickMap, Sym, Symbols, ix, small};

/// How many entries are parsed ahead of the fold at a time: few enough to be still at hand when it comes to them.
const BLOCK: usize = 256;

/// Why an entry cannot be applied: not what it says, but that it is not the next one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// Positions are dense; another one is due.
    #[error("entry {found} came where {due} is due: read the log from {due} on")]
    Position {
        /// Position due.
        due: u64,
        /// Position found.
        found: u64,
    },
    /// The text is not an entry. The log refuses to give such a text out, so that its bytes were changed on the way.
    #[error("entry {position} cannot be read, {why}: verify the log")]
    Unreadable {
        /// Position due.
        position: u64,
        /// What is wrong with it.
        why: String,
    },
}

/// What is known of an entry beside its event.
pub(crate) struct Facts<'a> {
    pub(crate) at: i64,
    pub(crate) occurred: Option<i64>,
    pub(crate) account: &'a str,
    pub(crate) on_behalf_of: Option<&'a str>,
    pub(crate) agency: Option<&'a str>,
    pub(crate) role: Option<&'a str>,
    pub(crate) instrument: Option<&'a str>,
    pub(crate) stream: &'a str,
    pub(crate) kind: &'a str,
}

/// Reads an entry's event. Pure, so that it can be done on another thread than the fold.
///
/// # Errors
/// When this version cannot read it: the fold then stops the entry's stream there.
pub fn decode(entry: &Entry<'_>) -> Result<Event, Undecodable> {
    let (kind, version, data) = (entry.kind, entry.kind_version, entry.data.get());
    // By far the most frequent, and its stream's name need not be taken apart for it.
    if entry.stream.starts_with("scorecard/") {
        return ScorecardEvent::decode(kind, version, data).map(|e| Event::Scorecard(Box::new(e)));
    }
    let stream = Stream::parse(entry.stream).map_err(|e| Undecodable { kind: kind.to_owned(), version, why: e.0 })?;
    Event::decode(&stream, kind, version, data)
}

/// The same, quicker for the most frequent kinds.
fn decode_hot(entry: &Entry<'_>, ids: &mut Ids) -> Result<Event, Undecodable> {
    if entry.stream.starts_with("scorecard/")
        && let Some(event) = hot::decode(entry.kind, entry.kind_version, entry.data.get(), ids)
    {
        return Ok(event.into());
    }
    decode(entry)
}

impl Register {
    /// Applies the next entry.
    ///
    /// # Errors
    /// [`FoldError::Position`] when it is not the next one; the register is then as before.
    pub fn apply(&mut self, entry: &Entry<'_>) -> Result<(), FoldError> {
        let event = decode_hot(entry, &mut self.ids);
        self.apply_decoded(entry, &event)
    }

    /// Applies the next entry, whose event was decoded before.
    ///
    /// # Errors
    /// [`FoldError::Position`] when it is not the next one; the register is then as before.
    pub fn apply_decoded(&mut self, entry: &Entry<'_>, event: &Result<Event, Undecodable>) -> Result<(), FoldError> {
        if entry.position.0 != self.size() {
            return Err(FoldError::Position { due: self.size(), found: entry.position.0 });
        }
        self.apply_next(entry, event);
        Ok(())
    }

    /// Applies an entry at its position, whatever was left out before it: of a bundle that holds some streams whole and
    /// others not at all. Figures that read only those are the log's; see [`crate::bundle`].
    ///
    /// # Errors
    /// [`FoldError::Position`] when it does not come after all applied ones; the register is then as before.
    pub(crate) fn apply_sparse(&mut self, entry: &Entry<'_>) -> Result<(), FoldError> {
        if entry.position.0 < self.size() {
            return Err(FoldError::Position { due: self.size(), found: entry.position.0 });
        }
        self.metas.skip_to(entry.position.0);
        let event = decode_hot(entry, &mut self.ids);
        self.apply_next(entry, &event);
        Ok(())
    }

    fn apply_next(&mut self, entry: &Entry<'_>, event: &Result<Event, Undecodable>) {
        let facts = Facts {
            at: entry.at.micros(),
            occurred: entry.occurred.map(sogoc_log::Timestamp::micros),
            account: entry.actor.account,
            on_behalf_of: entry.actor.on_behalf_of,
            agency: entry.actor.agency,
            role: entry.actor.role,
            instrument: entry.instrument.as_ref().map(|i| i.id),
            stream: entry.stream,
            kind: entry.kind,
        };
        self.fold(&facts, event.as_ref());
    }

    /// Applies the next entries. Of many, one block is parsed on another thread while the one before is applied.
    ///
    /// # Errors
    /// [`FoldError`] at the first text that is not the next entry; those before it are applied.
    pub fn apply_stored(&mut self, entries: &[StoredEntry]) -> Result<(), FoldError> {
        let texts: Vec<&str> = entries.iter().map(|e| e.bytes.as_str()).collect();
        self.apply_texts(&texts)
    }

    /// Applies the next entries, given as their texts.
    ///
    /// # Errors
    /// [`FoldError`] at the first text that is not the next entry; those before it are applied.
    pub fn apply_texts(&mut self, texts: &[&str]) -> Result<(), FoldError> {
        if texts.len() < 2 * BLOCK {
            return self.apply_block(&parse_block(texts));
        }
        std::thread::scope(|scope| {
            let (send, receive) = std::sync::mpsc::sync_channel(2);
            // Entries are parsed there and their events decoded here: what events share is counted by one thread only.
            scope.spawn(move || {
                for block in texts.chunks(BLOCK) {
                    if send.send(parse_block(block)).is_err() {
                        // The fold met an entry that is not the next one and went away.
                        break;
                    }
                }
            });
            receive.into_iter().try_for_each(|block| self.apply_block(&block))
        })
    }

    fn apply_block(&mut self, block: &[Parsed<'_>]) -> Result<(), FoldError> {
        for parsed in block {
            let entry =
                parsed.as_ref().map_err(|why| FoldError::Unreadable { position: self.size(), why: why.to_string() })?;
            self.apply(entry)?;
        }
        Ok(())
    }

    /// Applies an event at the next position.
    pub(crate) fn fold(&mut self, facts: &Facts<'_>, event: Result<&Event, &Undecodable>) {
        let position = self.size();
        let stream_no = self.stream_no(facts.stream);
        let mut reason_code = None;
        if let Ok(event) = event {
            let texts = &mut self.texts;
            reason_code =
                said(event, |of, sealed| texts.push(Commitment { position, of, sealed: sealed.0 })).map(str::to_owned);
        }
        let mut sym = |name: Option<&str>| name.map_or(Sym::NONE, |name| self.symbols.intern(name));
        let meta = Meta {
            at: facts.at,
            occurred: MaybeTime::of(facts.occurred),
            account: sym(Some(facts.account)),
            on_behalf_of: sym(facts.on_behalf_of),
            agency: sym(facts.agency),
            instrument: sym(facts.instrument),
            stream: stream_no,
            kind: sym(Some(facts.kind)),
            reason_code: sym(reason_code.as_deref()),
            role: RoleCode::of(facts.role),
        };
        self.metas.push(meta);
        let log = Arc::make_mut(&mut self.streams[ix(stream_no)]);
        log.positions.push(position);
        if let Some(season) = log.target.season() {
            let season = Arc::make_mut(&mut self.seasons[ix(season)]);
            let latest = season.occurred.last().map_or(i64::MIN, |(_, latest)| *latest);
            season.occurred.push((position, facts.occurred.map_or(latest, |t| t.max(latest))));
        }
        if log.stopped.is_some() {
            return;
        }
        let (event, stream) = match (event, &log.stream) {
            (Ok(event), Some(stream)) => (event, stream),
            (Ok(_), None) => return,
            (Err(why), _) => return self.stop(stream_no, position, why),
        };
        if let (Event::Scorecard(event), Target::Card(season, card)) = (event, log.target) {
            self.fold_card(position, season, card, event);
            return self.note_use(season, card, event);
        }
        self.world.apply(stream, event);
        match (event, log.target) {
            (Event::Survey(event), Target::Survey(season)) => self.fold_survey(position, season, event),
            (Event::Season(event), Target::Season(season)) => self.fold_season(position, season, event),
            (Event::Results(event), Target::Results(season)) => self.fold_results(position, season, event),
            // All other entries change the world only; figures read criteria sets where a season adopts them.
            _ => {}
        }
    }

    fn stop(&mut self, stream_no: u32, position: u64, why: &Undecodable) {
        let log = Arc::make_mut(&mut self.streams[ix(stream_no)]);
        let text: Arc<str> = Arc::from(why.to_string());
        log.stopped = Some((position, Arc::clone(&text)));
        if let Some(stream) = &log.stream {
            self.world.stop(stream.clone(), why);
        }
        match log.target {
            Target::Season(season) | Target::Survey(season) | Target::Results(season) => {
                let season = Arc::make_mut(&mut self.seasons[ix(season)]);
                season.stopped.get_or_insert((position, text));
            }
            Target::Card(season, card) => {
                let season = Arc::make_mut(&mut self.seasons[ix(season)]);
                Arc::make_mut(&mut season.cards[ix(card)]).stopped = Some(position);
            }
            Target::World | Target::Council(_) => {}
        }
    }

    /// The number of a stream, with everything that belongs to a new one.
    fn stream_no(&mut self, name: &str) -> u32 {
        if let Some(no) = self.stream_of.get(name) {
            return *no;
        }
        let stream = Stream::parse(name).ok();
        let no = small(self.streams.len());
        let name: Arc<str> = Arc::from(name);
        Arc::make_mut(&mut self.stream_of).insert(Arc::clone(&name), no);
        let log =
            StreamLog { name, stream: stream.clone(), target: Target::World, positions: Vec::new(), stopped: None };
        self.streams.push(Arc::new(log));
        let target = match &stream {
            Some(Stream::Season(season)) => Target::Season(self.season_no(season)),
            Some(Stream::Survey(season)) => Target::Survey(self.season_no(season)),
            Some(Stream::Council(season)) => Target::Council(self.season_no(season)),
            Some(Stream::Results(season)) => Target::Results(self.season_no(season)),
            Some(Stream::Scorecard(season, agency)) => {
                let season = self.season_no(season);
                let sym = self.symbols.intern(agency.as_str());
                let season_log = Arc::make_mut(&mut self.seasons[ix(season)]);
                Target::Card(season, season_log.add_card(Card::new(agency.clone(), sym, no)))
            }
            Some(
                Stream::Agency(_)
                | Stream::Instrument(_)
                | Stream::Account(_)
                | Stream::Criteria(_)
                | Stream::Refusals(_)
                | Stream::Downloads(_)
                | Stream::SignIn(_)
                | Stream::Restores,
            )
            | None => Target::World,
        };
        Arc::make_mut(&mut self.streams[ix(no)]).target = target;
        no
    }

    fn season_no(&mut self, id: &SeasonId) -> u32 {
        if let Some(no) = self.season_of.get(id) {
            return *no;
        }
        let no = small(self.seasons.len());
        self.seasons.push(Arc::new(SeasonLog::new(id.clone())));
        self.season_of.insert(id.clone(), no);
        no
    }

    /// The number of an agency's scorecard in a season, with its stream where it has none yet.
    fn card_no(&mut self, season: u32, agency: &AgencyId) -> u32 {
        let log = &self.seasons[ix(season)];
        if let Some(no) = self.symbols.find(agency.as_str()).and_then(|sym| log.card_of.get(&sym)) {
            return *no;
        }
        let name = Stream::Scorecard(log.id.clone(), agency.clone()).to_string();
        let stream_no = self.stream_no(&name);
        match self.streams[ix(stream_no)].target {
            Target::Card(_, card) => card,
            Target::World | Target::Season(_) | Target::Survey(_) | Target::Council(_) | Target::Results(_) => {
                unreachable!("the name of a scorecard's stream is one")
            }
        }
    }

    /// Applies the event to the world's scorecard itself instead of through [`World::apply`]: nearly all entries come
    /// here, and among thousands of scorecards finding one is most of the work.
    fn fold_card(&mut self, position: u64, season: u32, card: u32, event: &ScorecardEvent) {
        let Self { world, symbols, seasons, .. } = self;
        let World { scorecards, surveys, .. } = world;
        let season = Arc::make_mut(&mut seasons[ix(season)]);
        let frame = season.frames.last().map(|(_, frame)| frame);
        let card = Arc::make_mut(&mut season.cards[ix(card)]);
        let states = match scorecards.get_mut(&season.id) {
            Some(states) => states,
            None => scorecards.entry(season.id.clone()).or_default(),
        };
        let number = *card.state.get_or_insert_with(|| states.number(&card.agency));
        let state = states.numbered_mut(number);
        state.apply(event);
        let state = &*state;
        let survey = surveys.get(&season.id).map(Arc::as_ref);
        let index = index_of(frame.map(Arc::as_ref), card).cloned();
        let before = card.totals.last().copied().unwrap_or_default();
        let mut totals = before;
        let (mut survey_moved, mut about_a_leaf) = (false, false);
        let detail = concerns(event, state, |concern| {
            about_a_leaf = true;
            let sym = symbols.intern(concern.leaf.as_str());
            let detail = detail_code(concern.detail, symbols);
            let log = card.leaf_mut(sym);
            log.entries.push(LeafEntry { position, detail });
            if !concern.version {
                return;
            }
            let Some(leaf) = state.leaf(concern.leaf) else { return };
            let new = leaf_version(position, leaf, symbols);
            let old = log.versions.last().copied();
            log.versions.push(new);
            let Some(leaf) = index.as_ref().and_then(|index| Some(&index.leaves[index.leaf_no(sym)?])) else { return };
            if leaf.survey {
                survey_moved |= old.unwrap_or_default().applicability != new.applicability;
                return;
            }
            let (old, new) = (part(old.as_ref(), leaf), part(Some(&new), leaf));
            totals.appraised = totals.appraised.minus(old.appraised).plus(new.appraised);
            totals.max = totals.max.minus(old.max).plus(new.max);
            totals.missing = totals.missing.saturating_sub(old.missing).saturating_add(new.missing);
        });
        // An appeal may contest more than leaves; all of it is shown with the scorecard too.
        if !about_a_leaf || matches!(event, ScorecardEvent::AppealLodged(_)) {
            let detail = detail_code(detail, symbols);
            card.entries.push(LeafEntry { position, detail });
        }
        match event {
            ScorecardEvent::LineScored(_) => {
                (totals.bonus, totals.penalty) = lines(state, frame.map(Arc::as_ref));
            }
            ScorecardEvent::ClassCapped(_) => totals.cap = cap(state, symbols),
            ScorecardEvent::AppealItemDecided(_) => {
                totals.cap = cap(state, symbols);
                survey_moved = true;
            }
            ScorecardEvent::ResultTranscribed(_) => {
                totals = sums(card, Some(state), survey, index.as_deref(), frame.map(Arc::as_ref), symbols);
            }
            _ => {}
        }
        if survey_moved && let Some(index) = &index {
            totals.survey = survey_part(card, Some(state), survey, index);
        }
        push_totals(card, position, before, totals);
    }

    fn fold_survey(&mut self, position: u64, season: u32, event: &SurveyEvent) {
        let agencies = match event {
            SurveyEvent::SurveyResultRecorded(e) => std::slice::from_ref(&e.agency),
            SurveyEvent::AgencyNotSurveyed(e) => std::slice::from_ref(&e.agency),
            SurveyEvent::SurveyRechecked(e) => std::slice::from_ref(&e.agency),
            SurveyEvent::SurveyAccepted(e) => &e.agencies,
            SurveyEvent::SurveyOpened(_) | SurveyEvent::SurveyImported(_) => &[],
        };
        for agency in agencies {
            let card = self.card_no(season, agency);
            let Self { world, seasons, .. } = self;
            let season = Arc::make_mut(&mut seasons[ix(season)]);
            let frame = season.frames.last().map(|(_, frame)| frame);
            let card = Arc::make_mut(&mut season.cards[ix(card)]);
            card.survey_entries.push(position);
            let Some(survey) = world.surveys.get(&season.id) else { continue };
            if let Some(surveyed) = survey.agencies.get(agency) {
                let version = survey_version(surveyed);
                if card.survey.last().map(|(_, v)| v) != Some(&version) {
                    card.survey.push((position, version));
                }
            }
            if let Some(index) = index_of(frame.map(Arc::as_ref), card).cloned() {
                let before = card.totals.last().copied().unwrap_or_default();
                let state = world.scorecard(&season.id, agency).map(Arc::as_ref);
                let survey = survey_part(card, state, Some(survey), &index);
                push_totals(card, position, before, Totals { survey, ..before });
            }
        }
    }

    fn fold_season(&mut self, position: u64, season_no: u32, event: &SeasonEvent) {
        match event {
            SeasonEvent::AgencyEntered(e) => return self.fold_membership(position, season_no, &e.agency),
            SeasonEvent::AgencyTreated(e) => return self.fold_membership(position, season_no, &e.agency),
            SeasonEvent::ReferenceFigureRecorded(e) => {
                let season = Arc::make_mut(&mut self.seasons[ix(season_no)]);
                let figure = ReferenceFigure {
                    value: e.value.clone(),
                    basis: e.basis,
                    source: e.source.as_ref().map(|s| s.as_str().to_owned()),
                };
                let references = Arc::make_mut(&mut season.references);
                // The year may be part of the address or stand beside it; here it stands beside it.
                let address = e.address.strip_suffix(&format!("_{}", e.year)).unwrap_or(&e.address);
                references.entry((address.to_owned(), e.year)).or_default().push((position, figure));
                return;
            }
            SeasonEvent::PhaseScheduled(_)
            | SeasonEvent::ReviewersAssigned(_)
            | SeasonEvent::DeadlineMoved(_)
            | SeasonEvent::TrustAnchorsAdopted(_) => return,
            SeasonEvent::SeasonOpened(_)
            | SeasonEvent::SeasonPolicySet(_)
            | SeasonEvent::RankingGroupDefined(_)
            | SeasonEvent::ComparisonSet(_)
            | SeasonEvent::LineDefined(_)
            | SeasonEvent::CriteriaVersionAdopted(_)
            | SeasonEvent::SeasonActivated(_) => {}
        }
        let Self { world, symbols, seasons, .. } = self;
        let season = Arc::make_mut(&mut seasons[ix(season_no)]);
        let Some(state) = world.seasons.get(&season.id) else { return };
        let mut frame = Frame::of(state, season.frame().map(Arc::as_ref), symbols, |set, version, symbols| {
            Some(SetIndex::new(set, world.sets.get(set)?.version(version)?, symbols))
        });
        let mut adopted = None;
        match event {
            SeasonEvent::SeasonPolicySet(_) => frame.policy_entry = Some(position),
            SeasonEvent::SeasonActivated(_) => frame.activation_entry = Some(position),
            SeasonEvent::RankingGroupDefined(e) => frame.add_entry(&e.group, position),
            SeasonEvent::CriteriaVersionAdopted(e) => {
                frame.add_entry(&e.group, position);
                adopted = frame.group(e.group.as_str()).map(|g| g.sym);
            }
            _ => {}
        }
        season.frames.push((position, Arc::new(frame)));
        if let Some(group) = adopted {
            let of_group = |card: &Card| card.membership().is_some_and(|m| m.group == group);
            let cards: Vec<_> = (0..season.cards.len()).filter(|no| of_group(&season.cards[*no])).collect();
            for card in cards {
                recompute(position, season, card, world, symbols);
            }
        }
    }

    fn fold_membership(&mut self, position: u64, season_no: u32, agency: &AgencyId) {
        let card_no = self.card_no(season_no, agency);
        let Self { world, symbols, seasons, .. } = self;
        let season = Arc::make_mut(&mut seasons[ix(season_no)]);
        let Some(member) = world.seasons.get(&season.id).and_then(|s| s.agencies.get(agency)) else { return };
        let card = Arc::make_mut(&mut season.cards[ix(card_no)]);
        let membership = Membership {
            group: symbols.intern(member.group.as_str()),
            treatment: member.treatment,
            council_member: member.council_member,
        };
        let moved = card.membership().is_none_or(|m| m.group != membership.group);
        card.memberships.push((position, membership));
        if moved {
            recompute(position, season, ix(card_no), world, symbols);
        }
    }

    fn fold_results(&mut self, position: u64, season: u32, event: &ResultsEvent) {
        let season = Arc::make_mut(&mut self.seasons[ix(season)]);
        let nth = |number: u32| usize::try_from(number).ok().and_then(|n| n.checked_sub(1));
        match event {
            ResultsEvent::ResultsAnnounced(e) => season.announcements.push(Announced { position, as_of: e.as_of }),
            ResultsEvent::EditionPublished(e) => season.editions.push(Edited {
                position,
                as_of: e.as_of,
                annulled: None,
                instrument: None,
                table_digest: e.table_digest,
                figures_digest: e.figures_digest,
            }),
            ResultsEvent::EditionInstrumentAttached(e) => {
                if let Some(edition) = nth(e.edition).and_then(|n| season.editions.get_mut(n)) {
                    edition.instrument = Some(e.instrument.clone());
                }
            }
            ResultsEvent::EditionAnnulled(e) => {
                if let Some(edition) = nth(e.edition).and_then(|n| season.editions.get_mut(n)) {
                    edition.annulled.get_or_insert(position);
                }
            }
            ResultsEvent::ResultsApproved(_) | ResultsEvent::AgenciesNotified(_) => {}
        }
    }
}

/// An entry, or what is wrong with its text.
type Parsed<'a> = Result<Entry<'a>, EntryError>;

fn parse_block<'a>(texts: &[&'a str]) -> Vec<Parsed<'a>> {
    texts.iter().map(|text| Entry::parse(text)).collect()
}

impl Frame {
    fn add_entry(&mut self, group: &sogoc_domain::values::GroupId, position: u64) {
        if let Some(group) = self.groups.iter_mut().find(|g| g.id == *group) {
            Arc::make_mut(group).entries.push(position);
        }
    }
}

/// The set version by which a scorecard is scored now.
fn index_of<'f>(frame: Option<&'f Frame>, card: &Card) -> Option<&'f Arc<SetIndex>> {
    frame?.group_of(card.membership()?.group)?.index.as_ref()
}

fn detail_code(detail: Detail<'_>, symbols: &mut Symbols) -> u32 {
    match detail {
        Detail::None => 0,
        Detail::Evidence(number) => number,
        Detail::Case(case) => symbols.intern(case.as_str()).0,
    }
}

fn leaf_version(position: u64, leaf: &Leaf, symbols: &mut Symbols) -> LeafVersion {
    let appraised = leaf.appraised.as_ref();
    let reason = appraised.and_then(|a| a.reason_code.as_deref()).map_or(Sym::NONE, |code| symbols.intern(code));
    LeafVersion {
        position,
        self_points: MaybeMicro::of(leaf.self_score.as_ref().map(|s| s.points)),
        appraised: MaybeMicro::of(appraised.map(|a| a.points)),
        reason,
        round: appraised.map_or(0, |a| u8::try_from(a.round).unwrap_or(u8::MAX)),
        how: appraised.map_or(Came::None, |a| match a.how {
            How::Appraised => Came::Appraised,
            How::Deemed => Came::Deemed,
            How::Corrected => Came::Corrected,
            How::Resolved => Came::Resolved,
            How::Appealed => Came::Appealed,
            How::Recomputed => Came::Recomputed,
        }),
        applicability: leaf.applicability.into(),
        marks: Marks { confirmed: leaf.confirmed, returned: leaf.returned, redeclare: leaf.redeclare },
    }
}

fn survey_version(surveyed: &Surveyed) -> SurveyVersion {
    match surveyed {
        Surveyed::Result(result) => SurveyVersion {
            state: if result.accepted { SurveyStateCode::Accepted } else { SurveyStateCode::Recorded },
            forms: result.forms,
            points: Micro::of(result.points),
        },
        Surveyed::NotSurveyed => SurveyVersion { state: SurveyStateCode::NotSurveyed, forms: 0, points: Micro::ZERO },
    }
}

/// What a leaf adds to its agency's sums.
pub(crate) struct LeafPart {
    pub(crate) appraised: Micro,
    pub(crate) max: Micro,
    pub(crate) missing: u32,
}

/// What a leaf that is not surveyed adds to its agency's sums: missing is not zero, and only a recorded decision takes
/// its max points away (invariant 9).
pub(crate) fn part(version: Option<&LeafVersion>, leaf: &LeafIx) -> LeafPart {
    let version = version.copied().unwrap_or_default();
    match (version.applicability, version.appraised.get()) {
        (Applies::LeftOut, _) => LeafPart { appraised: Micro::ZERO, max: Micro::ZERO, missing: 0 },
        (Applies::InFull, _) => LeafPart { appraised: leaf.max, max: leaf.max, missing: 0 },
        (Applies::Yes, Some(points)) => LeafPart { appraised: points, max: leaf.max, missing: 0 },
        (Applies::Yes, None) => LeafPart { appraised: Micro::ZERO, max: leaf.max, missing: 1 },
    }
}

/// What an agency has from the survey: its leaf's applicability first, then an appeal, then the accepted result.
fn survey_part(
    card: &Card,
    state: Option<&Scorecard>,
    survey: Option<&sogoc_domain::survey::Survey>,
    index: &SetIndex,
) -> SurveyPart {
    let Some(leaf) = index.survey_leaf.map(|no| &index.leaves[no]) else { return SurveyPart::NoLeaf };
    let applies = card.leaf(leaf.sym).and_then(|l| l.versions.last()).map_or(Applies::Yes, |v| v.applicability);
    match applies {
        Applies::LeftOut => return SurveyPart::LeftOut,
        Applies::InFull => return SurveyPart::InFull,
        Applies::Yes => {}
    }
    if let Some(points) = state.and_then(|s| s.survey_points) {
        return SurveyPart::Points(Micro::of(points));
    }
    match survey.and_then(|s| s.agencies.get(&card.agency)) {
        Some(Surveyed::Result(result)) if result.accepted => SurveyPart::Points(Micro::of(result.points)),
        Some(Surveyed::NotSurveyed) => SurveyPart::NotSurveyed,
        Some(Surveyed::Result(_)) | None => SurveyPart::Missing,
    }
}

fn cap(state: &Scorecard, symbols: &mut Symbols) -> Sym {
    state.class_cap.as_deref().map_or(Sym::NONE, |class| symbols.intern(class))
}

/// Bonus and penalty points, each line held to its cap.
fn lines(state: &Scorecard, frame: Option<&Frame>) -> (Micro, Micro) {
    let (mut bonus, mut penalty) = (Micro::ZERO, Micro::ZERO);
    for (line, points) in &state.lines {
        let Some((kind, cap)) = frame.and_then(|f| f.lines.get(line)) else { continue };
        let points = Micro::of(*points).min(*cap);
        match kind {
            LineKind::Bonus => bonus = bonus.plus(points),
            LineKind::Penalty => penalty = penalty.plus(points),
        }
    }
    (bonus, penalty)
}

/// An agency's sums from all its leaves: where a set version is adopted, and to check the sums that are kept up to date.
pub(crate) fn sums(
    card: &Card,
    state: Option<&Scorecard>,
    survey: Option<&sogoc_domain::survey::Survey>,
    index: Option<&SetIndex>,
    frame: Option<&Frame>,
    symbols: &mut Symbols,
) -> Totals {
    let (bonus, penalty) = state.map_or((Micro::ZERO, Micro::ZERO), |s| lines(s, frame));
    let cap = state.map_or(Sym::NONE, |s| cap(s, symbols));
    let mut totals = Totals { bonus, penalty, cap, ..Totals::default() };
    let Some(index) = index else {
        let Some(row) = state.and_then(|s| s.transcribed) else {
            // Nothing is known of it: its row is missing, which is not zero.
            return Totals { missing: 1, ..totals };
        };
        totals.transcribed = true;
        totals.appraised = Micro::of(row.appraised_points);
        totals.max = Micro::of(row.applicable_max);
        totals.survey = row.survey_points.map_or(SurveyPart::NotSurveyed, |p| SurveyPart::Points(Micro::of(p)));
        return totals;
    };
    for leaf in index.leaves.iter().filter(|leaf| !leaf.survey) {
        let part = part(card.leaf(leaf.sym).and_then(|l| l.versions.last()), leaf);
        totals.appraised = totals.appraised.plus(part.appraised);
        totals.max = totals.max.plus(part.max);
        totals.missing = totals.missing.saturating_add(part.missing);
    }
    totals.survey_max = index.survey_max;
    totals.survey = survey_part(card, state, survey, index);
    totals
}

fn recompute(position: u64, season: &mut SeasonLog, card: usize, world: &World, symbols: &mut Symbols) {
    let frame = season.frames.last().map(|(_, frame)| Arc::clone(frame));
    let survey = world.surveys.get(&season.id).map(Arc::as_ref);
    let card = Arc::make_mut(&mut season.cards[card]);
    let state = world.scorecard(&season.id, &card.agency).map(Arc::as_ref);
    let index = index_of(frame.as_deref(), card).cloned();
    let totals = sums(card, state, survey, index.as_deref(), frame.as_deref(), symbols);
    let before = card.totals.last().copied().unwrap_or_default();
    push_totals(card, position, before, totals);
}

/// A new version of the sums, where they are not as before.
fn push_totals(card: &mut Card, position: u64, before: Totals, mut totals: Totals) {
    totals.position = before.position;
    if totals == before && !card.totals.is_empty() {
        return;
    }
    totals.position = position;
    match card.totals.last_mut() {
        Some(last) if last.position() == position => *last = totals,
        _ => card.totals.push(totals),
    }
}

impl Register {
    /// Numbers by name again, after a snapshot was read.
    pub(crate) fn index_streams(streams: &[Arc<StreamLog>]) -> QuickMap<Arc<str>, u32> {
        streams.iter().enumerate().map(|(no, s)| (Arc::clone(&s.name), small(no))).collect()
    }
}
