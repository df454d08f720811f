//! The fold of the log: every figure, as of any position, with its provenance (DESIGN §7).
//!
//! One way in: [`Register::apply`] takes the next entry. Everything else is a question, asked as of a [`Cut`], which
//! [`Register::cut`] makes of an [`AsOf`]:
//!
//! - [`Register::ranking`], [`Register::value`], [`Register::figure`], [`Register::figures`]: figures by address;
//! - [`Register::trace`]: a figure's tree down to entries;
//! - [`Register::history`]: every version of a scorecard's leaves;
//! - [`Register::why`]: which entries moved a figure and by how much each;
//! - [`Register::overlay`] and [`changed_figures`]: what would follow from events that are not recorded;
//! - [`Register::reconcile`]: printed figures against computed ones;
//! - [`bundle`]: a figure with everything that a stranger needs to recompute and check it;
//! - [`mirror`]: stable SQL views for BI tools, the one part that does I/O;
//! - [`Register::digest`], [`Register::figures_digest`], [`Register::to_snapshot`].
//!
//! **Architecture invariant:** a figure is a pure function of the log's prefix and the season's rules version
//! (invariant 8). Nothing here reads a clock, and nothing but [`mirror`] does I/O; texts are named by their commitments and fetched by the caller.

mod address;
pub mod bundle;
mod cache;
mod chunked;
mod codec;
mod concerns;
mod digest;
mod evidence;
mod figures;
mod fold;
mod history;
mod hot;
mod meta;
mod metas;
mod micro;
pub mod mirror;
mod reconcile;
mod record;
mod register;
mod rules;
mod said;
mod season;
mod sets;
mod snapshot;
mod symbols;
mod trace;
mod trail;
mod value;
mod view;
mod what_if;
mod why;

pub use codec::Damaged;
pub use digest::{Counted, TableRow};
pub use evidence::{NamedFiles, SignatureView, UseView, VerdictView};
pub use figures::{Figure, FigureValue, Input, RankingRow, Source};
pub use fold::{FoldError, decode};
pub use history::HistoryItem;
pub use meta::{EntryView, EvidenceView, Fetched, SealedRef, TextOf, ValueChange};
pub use reconcile::{Printed, Reconciled, Verdict};
pub use register::{AsOf, AsOfError, Cut, Register};
pub use snapshot::{FOLD_VERSION, SnapshotHeader, SnapshotIgnored};
pub use trace::{TRACE_NODES_MAX, Trace, TraceNode};
pub use value::{Missing, Unit, Value};
pub use view::QueryError;
pub use what_if::{ChangedFigure, VirtualAct, changed_figures};
pub use why::{Contribution, Passing, Standing, Why};
