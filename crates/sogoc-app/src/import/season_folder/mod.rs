//! A past season in a folder, as commands (format: `data/hanam-2022/README.md`).
//!
//! Read and checked whole first (`documents`, `rows`, `check`), then planned step by step in the order of the
//! regulation (`plan`): register, season, self scores, round 1, explanations, confirmations, survey, council,
//! publication, appeals, final publication. Files that lie in the folder are named with their digests (`files`), and
//! stored before the commands that name them are run.

use sogoc_domain::values::{AccountId, SeasonId};
use uuid::Uuid;

use super::{ImportError, Plan, Source, command_id};

mod admits;
mod check;
pub(crate) mod documents;
mod files;
mod plan;
mod rows;
#[cfg(test)]
pub(crate) mod tests;

/// Whether the import founds the register.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Founding {
    /// The register is empty, or was founded by this very import before: see [`founding_id`].
    ByThisImport,
    /// It was founded otherwise: accounts and roles of the folder come in through those who may let them in, and what
    /// the register holds already is passed over.
    Founded {
        /// An administrator of the register.
        administrator: AccountId,
        /// Somebody else who approves heavy roles: a council chair or another administrator.
        approver: AccountId,
    },
}

/// The id of the command by which importing this season founds a register. Where a log knows it, a repeated import must
/// say [`Founding::ByThisImport`] again, so that the founding is recognised instead of decided a second time.
#[must_use]
pub fn founding_id(season: &SeasonId) -> Uuid {
    command_id(season, documents::SEASON, "", "found")
}

/// The season that a folder holds, without reading more than its first file.
///
/// # Errors
/// When `season.json` or a criteria file that it names cannot be read.
pub fn season_of(source: &dyn Source) -> Result<SeasonId, ImportError> {
    Ok(documents::read(source)?.id)
}

/// Reads a season folder and plans its commands, in the order of `occurred`.
///
/// # Errors
/// The first fault of the files; no command is planned then.
pub fn plan(source: &dyn Source, founding: &Founding) -> Result<Plan, ImportError> {
    let season = documents::read(source)?;
    let rows = rows::read(source, &season)?;
    let index = check::check(&season, &rows)?;
    let files = files::find(source, &rows)?;
    plan::plan(&index, &rows, files, founding)
}
