//! Bundles: a figure with everything that a stranger needs to recompute and check it, offline (DESIGN §8).
//!
//! **Shape.** A bundle holds some streams of the log whole, entry by entry, with one Merkle proof that all of them are in
//! the tree of a checkpoint. Its verifier folds these entries with the same code as the register, computes the figure
//! anew and compares. **Completeness**: where the season's results were announced as of the bundle's position, the
//! announcing entry commits to the version of every stream that figures read, and the bundle must hold each one it needs
//! from version 1 to exactly that version: none can be left out. Without an announcement, completeness is not proved, and
//! that is said. **A figure of a group** goes by the published table, which its edition's entry commits to: it is
//! recomputed from the rows, or, with [`Depth::Deep`], from every scorecard.
//!
//! **Cost**: the figure's streams; proof and entries are compressed. **Bound**: [`BUNDLE_BYTES_MAX`].
//!
//! **Architecture invariant:** the verifier reads the file and the policy that it was given, and nothing else: no store,
//! no clock, no network. What a bundle must hold is decided in one place ([`reach`]) for both sides.

mod file;
mod making;
mod reach;
mod table;
mod verify;

pub use file::{BUNDLE_BYTES_MAX, BUNDLE_FORMAT};
pub use making::{BundlePlan, OpenedText};
pub use reach::Depth;
pub use table::TableFault;
pub use verify::{Basis, BundleFault, Completeness, Proved, verify_bundle};

use crate::view::QueryError;

/// Why no bundle can be made of a figure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleRefused {
    /// Nothing has this address as of then.
    #[error(transparent)]
    Query(QueryError),
    /// The published table does not hold what the figure reads.
    #[error("{address} reads more than the published table holds: ask for it with --deep")]
    OnlyDeep {
        /// The figure.
        address: String,
    },
    /// No edition that holds was published as of this position.
    #[error(
        "{address} goes by the published table, and no edition holds as of position {as_of}: ask as of {known}, or with --deep"
    )]
    NoEdition {
        /// The figure.
        address: String,
        /// The position asked for.
        as_of: u64,
        /// Positions as of which there is one.
        known: String,
    },
    /// The register is empty as of then.
    #[error("nothing was recorded as of then")]
    Empty,
}
