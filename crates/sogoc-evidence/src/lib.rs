//! Evidence: files that stay what they were.
//!
//! Three things that know nothing of each other: [`blobs`](Blobs) keep bytes under their SHA-256; [`examine`] says what a
//! file is and judges its signatures against [`Anchors`]; [`scan`] asks a virus scanner. What is recorded of it is for the
//! domain and the log to say.
//!
//! **Architecture Invariant:** a verdict is a pure function of the file's bytes, the anchors, the instant that is judged
//! at and [`RULES_VERSION`]: no network, no clock, no configuration. Whoever has these four gets the same verdict.

mod blobs;
mod digest;
mod examination;
mod examine;
mod kind;
mod pdf;
mod scan;
mod signature;

pub use blobs::{
    BlobError, Blobs, Body, Condition, EncryptionKey, KeyError, Listed, Listing, Location, LocationError, Stored,
};
pub use digest::{Digest, NotADigest};
pub use examination::{
    ActiveContent, Class, Examination, FileKind, Level, Outcome, RULES_VERSION, Reason, SignatureVerdict, Signer,
    Verdict,
};
pub use examine::examine;
pub use kind::{ZipContents, ZipFile, ZipLimits, ZipRefused, kind_of, look_into_zip};
pub use pdf::active_content;
pub use scan::{Scan, ScanError, Scanner};
pub use signature::{Anchors, AnchorsError, judge_detached, judge_pdf};
