//! A figure's tree down to the entries: who, in what role, when, why, with what evidence, at what position.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::Serialize;
use sogoc_domain::values::{Digest, Sealed, Timestamp};

use crate::address::split_season;
use crate::figures::FigureValue;
use crate::meta::{EntryView, Fetched, Meta, SealedRef, ValueChange};
use crate::register::{Cut, Register, Target};
use crate::symbols::{Sym, ix, wide};
use crate::trail::{Kept, KeptInput};
use crate::view::QueryError;

/// Most nodes of a trace unless the caller says otherwise: all of an agency's index, or of a rank among dozens.
pub const TRACE_NODES_MAX: usize = 50_000;

/// A figure with everything it came from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Trace {
    /// The figure.
    #[serde(flatten)]
    pub figure: FigureValue,
    /// The position as of which it holds, where that is not the one of the whole trace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_of: Option<u64>,
    /// How it follows from its inputs.
    pub formula: String,
    /// What it was computed from.
    pub inputs: Vec<TraceNode>,
    /// How many inputs are left out because the trace was full: trace this address itself to see them.
    #[serde(skip_serializing_if = "is_zero")]
    pub omitted: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes by reference")]
fn is_zero(n: &usize) -> bool {
    *n == 0
}

/// What went into a figure.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(untagged)]
pub enum TraceNode {
    /// Another figure.
    Figure(Box<Trace>),
    /// An entry.
    Entry(Box<EntryView>),
}

impl Trace {
    /// Calls back with every entry of the tree.
    pub fn each_entry(&mut self, each: &mut impl FnMut(&mut EntryView)) {
        for node in &mut self.inputs {
            match node {
                TraceNode::Figure(trace) => trace.each_entry(each),
                TraceNode::Entry(entry) => each(entry),
            }
        }
    }

    /// Commitments of all texts in the tree, sorted, each once: what the caller asks the log for.
    #[must_use]
    pub fn commitments(&self) -> Vec<Sealed> {
        self.gathered(|entry, found| found.extend(entry.texts.iter().map(|t| t.commitment)))
    }

    /// Digests of all files in the tree, sorted, each once: evidence, and signatures that stand in files of their own.
    #[must_use]
    pub fn files(&self) -> Vec<Digest> {
        self.gathered(|entry, found| found.extend(entry.evidence.iter().flat_map(|e| [e.digest, e.detached]).flatten()))
    }

    /// Digests that the entries of the tree hold, sorted, each once.
    fn gathered(&self, of: impl Fn(&EntryView, &mut Vec<Digest>)) -> Vec<Digest> {
        let mut found = Vec::new();
        let mut open = vec![self];
        while let Some(trace) = open.pop() {
            for node in &trace.inputs {
                match node {
                    TraceNode::Figure(trace) => open.push(trace),
                    TraceNode::Entry(entry) => of(entry, &mut found),
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Leaves out what does not follow from the figure's own streams as of then: what the rest of the register knows of a
    /// file, and what became of it later. A bundle cannot prove that.
    pub(crate) fn leave_out_the_rest(&mut self) {
        self.each_entry(&mut |entry| {
            if let Some(evidence) = &mut entry.evidence {
                evidence.also.clear();
                evidence.file_erased = false;
                evidence.does_not_count = None;
            }
        });
    }

    /// Puts texts in their places, once fetched.
    pub fn fill(&mut self, mut fetched: impl FnMut(&Sealed) -> Option<Fetched>) {
        self.each_entry(&mut |entry| entry.fill(&mut fetched));
    }
}

/// A figure of the tree while it grows.
struct Growing {
    figure: FigureValue,
    cut: Cut,
    formula: String,
    inputs: Vec<GrowingInput>,
    omitted: usize,
}

enum GrowingInput {
    Figure(usize),
    Entry(Box<EntryView>),
}

impl Register {
    /// The trace of a figure, without texts: see [`Trace::commitments`].
    ///
    /// It grows level by level, so that where `nodes_max` cuts it off, what is left out is what is furthest from the
    /// figure, and it says where.
    ///
    /// # Errors
    /// [`QueryError`] where nothing has this address as of then.
    pub fn trace(&self, address: &str, cut: Cut, nodes_max: usize) -> Result<Trace, QueryError> {
        let mut nodes: Vec<Growing> = Vec::new();
        let mut open = VecDeque::new();
        let mut views = Vec::new();
        let (root, kept, changes) = self.traced(address, cut, &mut views)?;
        nodes.push(Growing { figure: root, cut, formula: String::new(), inputs: Vec::new(), omitted: 0 });
        open.push_back((0, kept, changes));
        let mut count = 1;
        while let Some((at, kept, changes)) = open.pop_front() {
            let cut = nodes[at].cut;
            nodes[at].formula = kept.formula.into_owned();
            for (input, change) in kept.inputs.into_iter().zip(changes) {
                if count >= nodes_max {
                    nodes[at].omitted += 1;
                    continue;
                }
                count += 1;
                match input {
                    KeptInput::Entry(position, detail) => {
                        if let Some(mut entry) = self.entry_view(position, detail, cut) {
                            entry.change = change;
                            nodes[at].inputs.push(GrowingInput::Entry(Box::new(entry)));
                        }
                    }
                    KeptInput::Figure(address, other) => {
                        let cut = other.unwrap_or(cut);
                        // An input is an address that was just built, so it is found.
                        let Ok((figure, kept, changes)) = self.traced(&address, cut, &mut views) else { continue };
                        let child = nodes.len();
                        nodes.push(Growing { figure, cut, formula: String::new(), inputs: Vec::new(), omitted: 0 });
                        nodes[at].inputs.push(GrowingInput::Figure(child));
                        open.push_back((child, kept, changes));
                    }
                }
            }
        }
        Ok(assemble(nodes, cut))
    }

    /// A figure with its inputs and what each of these changed of it; views are kept, for there are as many figures as leaves and one season or two.
    fn traced<'r>(
        &'r self,
        address: &str,
        cut: Cut,
        views: &mut Vec<crate::view::SeasonView<'r>>,
    ) -> Result<(FigureValue, Kept, Vec<Option<ValueChange>>), QueryError> {
        let (season, rest) = split_season(address)?;
        let at = match views.iter().position(|v| v.cut == cut.0 && v.id().as_str() == season) {
            Some(at) => at,
            None => {
                views.push(self.season_view(season, cut)?);
                views.len() - 1
            }
        };
        let view = &views[at];
        let figured = view.find(rest)?;
        let (figure, kept) = view.figure(&figured);
        let change = |input: &KeptInput| match input {
            KeptInput::Entry(position, _) => self.changed_by(view, &figured, *position),
            KeptInput::Figure(..) => None,
        };
        let changes = kept.inputs.iter().map(change).collect();
        Ok((figure, kept, changes))
    }

    /// An entry as it is shown, without texts.
    #[must_use]
    pub fn entry(&self, position: u64) -> Option<EntryView> {
        let stream = &self.streams[ix(self.meta(position)?.stream)];
        let detail = match stream.target {
            Target::Card(season, card) => {
                let card = &self.seasons[ix(season)].cards[ix(card)];
                let of = |entries: &[crate::season::LeafEntry]| {
                    let at = entries.binary_search_by_key(&position, |e| e.position).ok()?;
                    Some(entries[at].detail)
                };
                card.leaves.iter().find_map(|l| of(&l.entries)).or_else(|| of(&card.entries)).unwrap_or(0)
            }
            Target::World | Target::Season(_) | Target::Survey(_) | Target::Council(_) | Target::Results(_) => 0,
        };
        self.entry_view(position, detail, self.now())
    }

    pub(crate) fn entry_view(&self, position: u64, detail: u32, cut: Cut) -> Option<EntryView> {
        let meta = self.meta(position)?;
        let stream = &self.streams[ix(meta.stream)];
        let kind = self.symbols.get(meta.kind)?;
        let (evidence, case) = if kind.starts_with("evidence-") {
            (self.evidence_view(stream.target, detail, cut, position), None)
        } else {
            (None, self.symbols.get(Sym(detail)).cloned())
        };
        let name = |sym: Sym| self.symbols.get(sym).cloned();
        Some(EntryView {
            position,
            kind: Arc::clone(kind),
            stream: Arc::clone(&stream.name),
            version: wide(stream.positions.partition_point(|p| *p <= position)),
            actor: name(meta.account).unwrap_or_else(|| Arc::from("")),
            on_behalf_of: name(meta.on_behalf_of),
            actor_agency: name(meta.agency),
            role: role(meta),
            at: Timestamp::from_micros(meta.at),
            occurred: meta.occurred.get().map(Timestamp::from_micros),
            reason_code: name(meta.reason_code),
            reason: None,
            erased: false,
            instrument: name(meta.instrument),
            texts: self.texts_of(position),
            change: None,
            evidence,
            case,
        })
    }

    /// Commitments of an entry's texts.
    fn texts_of(&self, position: u64) -> Vec<SealedRef> {
        let mut at = self.texts.partition_point(|t| t.position < position);
        let mut found = Vec::new();
        while let Some(text) = self.texts.get(at).filter(|t| t.position == position) {
            found.push(SealedRef { of: text.of, commitment: Digest(text.sealed), text: None, erased: false });
            at += 1;
        }
        found
    }
}

/// Only the entries that found a register come from nobody in a role.
fn role(meta: &Meta) -> &'static str {
    meta.role.get().map_or("founder", |role| role.as_str())
}

fn assemble(nodes: Vec<Growing>, whole: Cut) -> Trace {
    // A child stands behind its parent, so building from the back finds every child ready.
    let mut ready: Vec<Option<Box<Trace>>> = nodes.iter().map(|_| None).collect();
    for (at, node) in nodes.into_iter().enumerate().rev() {
        let inputs = node.inputs.into_iter().filter_map(|input| match input {
            GrowingInput::Entry(entry) => Some(TraceNode::Entry(entry)),
            GrowingInput::Figure(child) => ready[child].take().map(TraceNode::Figure),
        });
        let inputs = inputs.collect();
        let as_of = (node.cut != whole).then(|| node.cut.position()).flatten();
        let (figure, formula, omitted) = (node.figure, node.formula, node.omitted);
        ready[at] = Some(Box::new(Trace { figure, as_of, formula, inputs, omitted }));
    }
    *ready[0].take().expect("the root was built last")
}
