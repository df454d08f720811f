//! Signatures: PAdES in PDF files (EN 319 142-1) and detached CAdES (EN 319 122-1), judged offline.
//!
//! In reading order: what is signed and where ([`document`], [`place`], [`changes`],
//! [`explain`], [`permission`], [`detached`]), how one signature is judged
//! ([`judge`]), by what ([`anchors`], [`chain`], [`revocation`]), and how it is encoded ([`cms`], [`certificate`],
//! [`name`], [`algorithm`], [`tlv`]).
//!
//! Bound: whatever a file asks for, no more than some hundreds of signature values are verified for it and no more bytes
//! are hashed than a few times its own and half a GiB of lists; what exceeds that is too large to be judged.
//!
//! Not judged: archive time stamps inside CMS (CAdES B-LTA), policies of signatures, P = 3 annotations.

mod algorithm;
mod anchors;
mod certificate;
mod chain;
mod changes;
#[cfg(test)]
mod changes_tests;
mod cms;
mod detached;
mod document;
mod explain;
mod judge;
mod name;
mod permission;
mod place;
mod revocation;
#[cfg(test)]
mod tests;
mod tlv;

pub use anchors::{Anchors, AnchorsError};
pub use detached::judge_detached;
pub use document::judge_pdf;

/// Anchors are shared by all who judge.
const _: fn() = || {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<Anchors>();
};
