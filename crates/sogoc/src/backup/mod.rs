//! Backups: a folder that holds a register whole, from either store and onto either store, and that proves itself.
//!
//! **Shape.** `manifest.json` names every part with its length and SHA-256, and itself with its own; parts are gzip of
//! lines. Entries stand in them byte for byte as they are stored and hashed, the sealed texts and checkpoints of the same
//! range beside them. A part bears the beginning of its SHA-256 in its name and is never overwritten; the manifest is
//! replaced last, in one step. So a folder holds the backup before or the one after, whatever happens in between, and
//! another backup onto it looks at what is there and writes only what is new or was damaged. **Cost.** One range of entries at a time in memory.
//!
//! What a backup is not: it holds no key (whoever has it can sign for the register) and no sessions; secrets of sign-in
//! only where they were asked for.

pub(crate) mod form;
pub(crate) mod reading;
pub(crate) mod secrets;
pub(crate) mod writing;
