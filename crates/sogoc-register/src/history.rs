//! Every version of a scorecard's leaves, and what else happened to it: the list itself, nothing is computed.

use serde::Serialize;

use crate::address::{AgencyFigure, Figured, LeafName};
use crate::meta::{EntryView, ValueChange};
use crate::micro::{MaybeMicro, Micro};
use crate::register::{Cut, Register};
use crate::season::{Card, LeafEntry, LeafVersion, SurveyPart, Totals};
use crate::symbols::Sym;
use crate::view::{QueryError, SeasonView};

/// One change of one field.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct HistoryItem {
    /// The entry that did it.
    #[serde(flatten)]
    pub entry: EntryView,
    /// The leaf's code, where it is about one.
    pub leaf: Option<String>,
    /// What changed: `self_points`, `appraised_points`, `applicability`, `confirmed`, `returned`, `redeclare`, `round`,
    /// `evidence`, `explanation`, `appeal`, `survey_points`, `bonus_points`, `penalty_points`, `class_cap`, or the
    /// entry's kind where nothing that figures read changed.
    pub field: String,
    /// What was there before.
    pub old: Option<String>,
    /// What is there from here on.
    pub new: Option<String>,
}

impl Register {
    /// Everything that happened to an agency's scorecard, or to one of its leaves, up to then, in the order of
    /// positions. Texts are fetched by the caller through [`EntryView::texts`].
    ///
    /// # Errors
    /// [`QueryError`] for a season, agency or leaf that is not there as of then.
    pub fn history(
        &self,
        season: &str,
        agency: &str,
        leaf: Option<&str>,
        cut: Cut,
    ) -> Result<Vec<HistoryItem>, QueryError> {
        let view = self.season_view(season, cut)?;
        let (card, group) = view.agency(agency)?;
        let card = view.card(card);
        let index = group.index.as_deref();
        let code = |sym: Sym| {
            let by_index = index.and_then(|i| Some(i.leaves[i.leaf_no(sym)?].code.clone()));
            by_index.unwrap_or_else(|| self.symbols.name(sym).to_owned())
        };
        let wanted = match leaf {
            None => None,
            Some(name) => {
                let by_index = index.and_then(|i| Some(i.leaves[i.leaf_named(name)?].sym));
                // A leaf of an earlier version of the set is found by its id.
                let by_id = || self.symbols.find(name).filter(|sym| card.leaf(*sym).is_some());
                let unknown = || QueryError::UnknownFigure {
                    address: crate::view::shown(&format!("{season}/{}/{agency}/leaf/{name}", group.id)),
                    why: ("no such leaf in the criteria set", "không có tiêu chí này trong bộ tiêu chí").into(),
                };
                Some(by_index.or_else(by_id).ok_or_else(unknown)?)
            }
        };
        let mut items = Vec::new();
        for log in card.leaves.iter().filter(|l| wanted.is_none_or(|sym| sym == l.sym)) {
            let leaf = code(log.sym);
            let mut versions = log.versions.iter().take_while(|v| v.position < cut.0).peekable();
            let mut before = LeafVersion::default();
            for entry in log.entries.iter().take_while(|e| e.position < cut.0) {
                let version = versions.next_if(|v| v.position == entry.position);
                let changes = version.map_or_else(Vec::new, |v| self.leaf_changes(&before, v));
                before = version.copied().unwrap_or(before);
                self.push(&mut items, entry, cut, Some(&leaf), changes);
            }
        }
        if wanted.is_none() {
            self.card_items(&mut items, card, cut);
        }
        // A sort by position alone: items of one entry stay in the order in which they were found.
        items.sort_by_key(|item| item.entry.position);
        Ok(items)
    }

    /// What an entry did to the value of an agency's figure, from the versions before and at it: none where it made no
    /// version of it, or left it as it was.
    pub(crate) fn changed_by(
        &self,
        view: &SeasonView<'_>,
        figured: &Figured<'_>,
        position: u64,
    ) -> Option<ValueChange> {
        let Figured::Agency { group, card, what } = figured else { return None };
        let card = view.card(*card);
        match what {
            AgencyFigure::Leaf(leaf, name) => {
                let versions = &card.leaf(group.index.as_ref()?.leaves[*leaf].sym)?.versions;
                let at = versions.binary_search_by_key(&position, |v| v.position).ok()?;
                let (old, new) = (before(versions, at), versions[at]);
                let points = |old: MaybeMicro, new: MaybeMicro| {
                    (old != new).then(|| ValueChange { old: old.get().map(shown), new: new.get().map(shown) })
                };
                match name {
                    LeafName::SelfPoints => points(old.self_points, new.self_points),
                    // What stands of a leaf that is not appraised yet is the agency's own: so a deduction shows as one.
                    LeafName::AppraisedPoints => points(standing(&old), standing(&new)),
                    LeafName::Applicability => {
                        let text = |v: &LeafVersion| Some(v.applicability.as_str().to_owned());
                        (old.applicability != new.applicability)
                            .then(|| ValueChange { old: text(&old), new: text(&new) })
                    }
                }
            }
            AgencyFigure::Plain(name) => {
                let at = card.totals.binary_search_by_key(&position, |t| t.position).ok()?;
                let changes = self.card_changes(&before(&card.totals, at), &card.totals[at]);
                let of = |(field, ..): &Change| field == name.as_str();
                changes.into_iter().find(of).map(|(_, old, new)| ValueChange { old, new })
            }
            AgencyFigure::Year(..) | AgencyFigure::Domain(..) => None,
        }
    }

    fn card_items(&self, items: &mut Vec<HistoryItem>, card: &Card, cut: Cut) {
        let survey = card.survey_entries.iter().map(|p| LeafEntry { position: *p, detail: 0 });
        let mut before = Totals::default();
        let mut totals = card.totals.iter().peekable();
        let mut entries: Vec<LeafEntry> = card.entries.iter().copied().chain(survey).collect();
        entries.sort_by_key(|e| e.position);
        for entry in entries.into_iter().take_while(|e| e.position < cut.0) {
            while let Some(earlier) = totals.next_if(|t| t.position < entry.position) {
                before = *earlier;
            }
            let changes = match totals.peek().filter(|t| t.position == entry.position) {
                Some(after) => self.card_changes(&before, after),
                None => Vec::new(),
            };
            self.push(items, &entry, cut, None, changes);
        }
    }

    fn push(
        &self,
        items: &mut Vec<HistoryItem>,
        entry: &LeafEntry,
        cut: Cut,
        leaf: Option<&String>,
        mut changes: Vec<Change>,
    ) {
        let Some(view) = self.entry_view(entry.position, entry.detail, cut) else { return };
        if changes.is_empty() {
            let number = view.evidence.as_ref().map(|e| e.number.to_string());
            let named = number.or_else(|| view.case.as_ref().map(ToString::to_string));
            let field = match &*view.kind {
                kind if kind.starts_with("evidence-") => "evidence",
                kind if kind.starts_with("explanation-") => "explanation",
                kind if kind.contains("appeal") => "appeal",
                kind => kind,
            };
            let (old, new) = if &*view.kind == "evidence-withdrawn" { (named, None) } else { (None, named) };
            changes.push((field.to_owned(), old, new));
        }
        for (field, old, new) in changes {
            items.push(HistoryItem { entry: view.clone(), leaf: leaf.cloned(), field, old, new });
        }
    }

    fn leaf_changes(&self, old: &LeafVersion, new: &LeafVersion) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut differ = |field: &str, old: Option<String>, new: Option<String>| {
            if old != new {
                changes.push((field.to_owned(), old, new));
            }
        };
        let points = |p: MaybeMicro| p.get().map(shown);
        differ("self_points", points(old.self_points), points(new.self_points));
        differ("appraised_points", points(old.appraised), points(new.appraised));
        differ("applicability", Some(old.applicability.as_str().into()), Some(new.applicability.as_str().into()));
        let round = |v: &LeafVersion| (v.round > 0).then(|| v.round.to_string());
        differ("round", round(old), round(new));
        let mark = |held: bool| held.then(|| "yes".to_owned());
        differ("confirmed", mark(old.marks.confirmed), mark(new.marks.confirmed));
        differ("returned", mark(old.marks.returned), mark(new.marks.returned));
        differ("redeclare", mark(old.marks.redeclare), mark(new.marks.redeclare));
        changes
    }

    fn card_changes(&self, old: &Totals, new: &Totals) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut differ = |field: &str, old: Option<String>, new: Option<String>| {
            if old != new {
                changes.push((field.to_owned(), old, new));
            }
        };
        let survey = |part: SurveyPart| match part {
            SurveyPart::NoLeaf | SurveyPart::Missing => None,
            SurveyPart::LeftOut => Some("not-applicable".to_owned()),
            SurveyPart::InFull => Some("awarded-in-full".to_owned()),
            SurveyPart::NotSurveyed => Some("not-surveyed".to_owned()),
            SurveyPart::Points(points) => Some(shown(points)),
        };
        differ("survey_points", survey(old.survey), survey(new.survey));
        let line = |points: Micro| (points != Micro::ZERO).then(|| shown(points));
        differ("bonus_points", line(old.bonus), line(new.bonus));
        differ("penalty_points", line(old.penalty), line(new.penalty));
        let cap = |sym: Sym| self.symbols.get(sym).map(ToString::to_string);
        differ("class_cap", cap(old.cap), cap(new.cap));
        if new.transcribed {
            let row = |t: &Totals, value: Micro| t.transcribed.then(|| shown(value));
            differ("appraised_points", row(old, old.appraised), row(new, new.appraised));
            differ("applicable_max", row(old, old.max), row(new, new.max));
        }
        changes
    }
}

/// The points that a change starts from: the appraised ones, else the self score.
fn standing(version: &LeafVersion) -> MaybeMicro {
    if version.appraised.get().is_some() { version.appraised } else { version.self_points }
}

/// The version before one of a list; an empty one before the first.
fn before<V: Copy + Default>(versions: &[V], at: usize) -> V {
    at.checked_sub(1).map_or_else(V::default, |before| versions[before])
}

/// Field, old and new.
type Change = (String, Option<String>, Option<String>);

fn shown(points: Micro) -> String {
    points.exact().to_value_string()
}
