//! What is kept in memory of every entry, so that a trace without texts needs no I/O.

use std::sync::Arc;

use serde::Serialize;
use sogoc_domain::roles::Role;
use sogoc_domain::values::{Sealed, Timestamp};

use crate::codec::{Code, Damaged, Reader, code_struct};
use crate::evidence::{UseView, VerdictView};
use crate::symbols::Sym;

/// No `occurred`.
const NEVER: i64 = i64::MIN;

/// An entry without its texts: 48 bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Meta {
    pub(crate) at: i64,
    pub(crate) occurred: MaybeTime,
    pub(crate) account: Sym,
    pub(crate) on_behalf_of: Sym,
    pub(crate) agency: Sym,
    pub(crate) instrument: Sym,
    /// Number of the stream in the register, not a name.
    pub(crate) stream: u32,
    pub(crate) kind: Sym,
    pub(crate) reason_code: Sym,
    pub(crate) role: RoleCode,
}

/// An instant or none, in eight bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct MaybeTime(i64);

impl MaybeTime {
    pub(crate) fn of(time: Option<i64>) -> Self {
        Self(time.unwrap_or(NEVER))
    }

    pub(crate) fn get(self) -> Option<i64> {
        if self.0 == NEVER { None } else { Some(self.0) }
    }
}

impl Code for MaybeTime {
    fn write(&self, out: &mut Vec<u8>) {
        self.get().write(out);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        Option::read(from).map(Self::of)
    }
}

/// A role or none, in a byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct RoleCode(u8);

impl RoleCode {
    /// A role that this version does not know is kept as none: no figure reads it.
    pub(crate) fn of(role: Option<&str>) -> Self {
        let known = role.and_then(|role| Role::ALL.iter().position(|r| r.as_str() == role));
        Self(known.and_then(|n| u8::try_from(n + 1).ok()).unwrap_or(0))
    }

    pub(crate) fn get(self) -> Option<Role> {
        Role::ALL.get(usize::from(self.0.checked_sub(1)?)).copied()
    }
}

impl Code for RoleCode {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        u8::read(from).map(Self)
    }
}

code_struct! {
    Meta { at, occurred, account, on_behalf_of, agency, instrument, stream, kind, reason_code, role }
}

/// What a sealed text of an entry is of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TextOf {
    /// Why something was decided.
    Reason,
    /// What an explanation request asks.
    Request,
    /// What an agency answers.
    Answer,
    /// On what ground something applies, or an appeal is lodged.
    Ground,
    /// What the lead agency says to an appeal.
    Opinion,
    /// What a recheck found.
    Finding,
    /// A file's name.
    FileName,
    /// Who signed an evidence file.
    Signer,
}

crate::codec::code_enum! {
    TextOf { Reason = 0, Request = 1, Answer = 2, Ground = 3, Opinion = 4, Finding = 5, FileName = 6, Signer = 7 }
}

/// A commitment in an entry, by which the log gives the text out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Commitment {
    pub(crate) position: u64,
    pub(crate) of: TextOf,
    pub(crate) sealed: [u8; 32],
}

code_struct! { Commitment { position, of, sealed } }

/// A sealed text of an entry: what it is of, its commitment, and the text once the caller has fetched it from the log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct SealedRef {
    /// What it is of.
    pub of: TextOf,
    /// SHA-256(salt ‖ text).
    pub commitment: Sealed,
    /// The text, where it was fetched and was not erased.
    pub text: Option<String>,
    /// It was erased: nobody can fetch it any more.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub erased: bool,
}

/// What the log answers for a commitment that it holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fetched {
    /// The text.
    Text(String),
    /// It was erased with its salt.
    Erased,
}

/// An entry as a trace or a history shows it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct EntryView {
    /// Its position.
    pub position: u64,
    /// Its kind.
    pub kind: Arc<str>,
    /// Its stream.
    pub stream: Arc<str>,
    /// Its version in the stream, from 1.
    pub version: u64,
    /// The account that acted.
    pub actor: Arc<str>,
    /// The account in whose place it acted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<Arc<str>>,
    /// The agency for which it acted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor_agency: Option<Arc<str>>,
    /// The role in which it acted; `founder` for the entries that founded the register, before there were roles.
    pub role: &'static str,
    /// When it was recorded.
    pub at: Timestamp,
    /// When the act happened outside, where that differs.
    pub occurred: Option<Timestamp>,
    /// Code of the reason.
    pub reason_code: Option<Arc<str>>,
    /// The text that gives the reason, once fetched.
    pub reason: Option<String>,
    /// The text that gave the reason was erased; its commitment stands among [`EntryView::texts`].
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub erased: bool,
    /// Id of the instrument that the act rests on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instrument: Option<Arc<str>>,
    /// Commitments of the entry's texts, the reason's first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub texts: Vec<SealedRef>,
    /// What it did to the value of the figure under which a trace shows it; none where it left that value as it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<ValueChange>,
    /// The file that the entry attaches or withdraws.
    pub evidence: Option<EvidenceView>,
    /// The explanation request, appeal, session or resolution it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<Arc<str>>,
}

/// A value before and after an entry, as [`crate::Value::text`] writes it; none where there was none.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ValueChange {
    /// Before.
    pub old: Option<String>,
    /// After.
    pub new: Option<String>,
}

/// A file as a trace shows it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct EvidenceView {
    /// Number within the scorecard.
    pub number: u32,
    /// SHA-256 of the file, where its bytes are at hand.
    pub digest: Option<sogoc_domain::values::Digest>,
    /// Its name, once fetched.
    pub name: Option<String>,
    /// Its name was erased.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub erased: bool,
    /// What kind of file.
    pub media: String,
    /// What is known of its signature.
    pub signature: sogoc_domain::event::SignatureState,
    /// When it came in.
    pub purpose: sogoc_domain::event::EvidencePurpose,
    /// Marked as withdrawn as of the position asked for.
    pub withdrawn: bool,
    /// SHA-256 of a signature that stands in a file of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detached: Option<sogoc_domain::values::Digest>,
    /// Its size in bytes, where it was examined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Codes of what in it acts when it is opened.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub active: Vec<String>,
    /// What a virus scan said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scan: Option<sogoc_domain::evidence::Scan>,
    /// The verdict that the entry gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<VerdictView>,
    /// The rule of the season's policy by which it does not count now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub does_not_count: Option<&'static str>,
    /// Its bytes were erased.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub file_erased: bool,
    /// Where else the same file is attached, now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<UseView>,
}

impl EntryView {
    /// Puts texts in their places, once fetched by their commitments. Without an answer a text is left as not fetched.
    pub fn fill(&mut self, mut fetched: impl FnMut(&Sealed) -> Option<Fetched>) {
        for text in &mut self.texts {
            (text.text, text.erased) = match fetched(&text.commitment) {
                Some(Fetched::Text(content)) => (Some(content), false),
                Some(Fetched::Erased) => (None, true),
                None => (None, false),
            };
        }
        let first = |file_name: bool| {
            let fits = |of: TextOf| {
                if file_name { of == TextOf::FileName } else { !matches!(of, TextOf::FileName | TextOf::Signer) }
            };
            let found = self.texts.iter().find(|t| fits(t.of));
            found.map_or((None, false), |t| (t.text.clone(), t.erased))
        };
        let (reason, name) = (first(false), first(true));
        (self.reason, self.erased) = reason;
        if let Some(evidence) = &mut self.evidence {
            (evidence.name, evidence.erased) = name;
            if let Some(verdict) = &mut evidence.verdict {
                verdict.fill(fetched);
            }
        }
    }
}
