//! Evidence files: what was found about one, whether it counts, whose signatures count for an agency, and the anchors that
//! signatures are judged by.
//!
//! **Deciding does not look at files.** Who calls brings what an examination found ([`Found`]); deciding seals what names a
//! person and records the rest. A verdict is recorded beside an earlier one, never instead of it.
//!
//! **Whether a file counts** follows from its last verdict and the season's policy ([`EvidencePolicy`]), by the first rule
//! of [`CountRule`] that is broken. It is asked where points are given; what was recorded stays what it is.

use serde::{Deserialize, Serialize};

use crate::authority::{self, Reader, Reading, Subject};
use crate::command::{
    AdoptTrustAnchors, DownloadEvidence, EraseEvidence, JudgeEvidence, RegisterSigner, WithdrawSigner,
};
use crate::criteria::LeafInfo;
use crate::decide::Deciding;
use crate::event::{
    Evidence, EvidenceDownloaded, EvidenceErased, EvidenceJudged, SignatureState, SignerRegistered, SignerWithdrawn,
    TrustAnchorsAdopted,
};
use crate::policy::{ActiveContent, CountBy, EvidencePolicy, Policy, SignedBy, UnsignedEvidence};
use crate::refusal::{Refusal, refuse};
use crate::scorecard::AttachedEvidence;
use crate::scorecard::card::Card;
use crate::season::Season;
use crate::stream::Stream;
use crate::values::{AgencyId, Digest, InstrumentId, Points, Sealed, Text, Timestamp};
use crate::world::World;

/// Most certificates that are registered for an agency.
const SIGNERS_MAX: usize = 200;

// ---- what is recorded ----------------------------------------------------------------------------------------------

/// What signatures are worth: never a bare yes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Valid.
    Valid,
    /// Valid, and there is something to know.
    ValidBut,
    /// Something is missing to tell.
    Indeterminate,
    /// Not valid.
    Invalid,
    /// There is no signature.
    Unsigned,
}

impl Outcome {
    /// As written in entries.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::ValidBut => "valid-but",
            Self::Indeterminate => "indeterminate",
            Self::Invalid => "invalid",
            Self::Unsigned => "unsigned",
        }
    }
}

/// For whom a signature stands, as seen from the agency that attached the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignedFor {
    /// The agency's leader: the certificate is registered as the leader's.
    Leader,
    /// The agency: the certificate is registered as the organisation's, or names it.
    Agency,
    /// Somebody else, as far as the register knows.
    Other,
}

impl SignedFor {
    /// As written in entries.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Leader => "leader",
            Self::Agency => "agency",
            Self::Other => "other",
        }
    }
}

/// The verdict on one signature.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignatureVerdict {
    /// What it is worth.
    pub outcome: Outcome,
    /// Codes of the reasons, sorted; empty for a valid one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// `basic`, `b-b`, `b-t`, `b-lt` or `b-lta`.
    pub level: String,
    /// Who signed: JSON with name, organisation, serial, issuer and certificate; sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<Sealed>,
    /// For whom it stands.
    pub signed_for: SignedFor,
    /// When the signer claims to have signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed: Option<Timestamp>,
    /// Since when it is proven to exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proven: Option<Timestamp>,
    /// Whether it covers the whole file.
    pub covers_whole_file: bool,
}

/// The verdict on a file's signatures.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// The worst among its signatures, or that there is none.
    pub outcome: Outcome,
    /// Codes of the reasons that concern the whole file, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// Each signature, in the order in which they were made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<SignatureVerdict>,
    /// SHA-256 of the anchors' file; absent where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchors: Option<Digest>,
    /// Version of the rules of judging.
    pub rules: u32,
    /// The instant that was judged at.
    pub judged_at: Timestamp,
}

/// What a virus scan said.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state", deny_unknown_fields)]
pub enum Scan {
    /// No scanner was configured, or it did not answer.
    NotScanned,
    /// Nothing was found.
    Clean {
        /// The scanner and the version of its signatures, as it names them.
        engine: String,
    },
    /// Something was found.
    Infected {
        /// What, as the scanner names it.
        name: String,
    },
}

impl Scan {
    /// As written in entries.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::NotScanned => "not-scanned",
            Self::Clean { .. } => "clean",
            Self::Infected { .. } => "infected",
        }
    }
}

/// What was found about a file when it was attached.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Examined {
    /// Its size in bytes.
    pub bytes: u64,
    /// Codes of what in it acts when it is opened, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub active: Vec<String>,
    /// What a virus scan said.
    pub scan: Scan,
    /// The first verdict.
    pub verdict: Verdict,
}

/// In what capacity a certificate signs for an agency.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Capacity {
    /// The organisation's own certificate.
    Agency,
    /// The leader's.
    Leader,
}

// ---- what deciding is told -----------------------------------------------------------------------------------------

/// What whoever calls found out about the files that a command names.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Found {
    /// Nothing: the command names no file, or the file is not stored.
    #[default]
    Nothing,
    /// A file was examined.
    File(Box<FileFound>),
    /// A file of trust anchors was read.
    Anchors(AnchorsFound),
}

/// What an examination found, with identities in the clear.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileFound {
    /// SHA-256 of the file.
    pub digest: Digest,
    /// Its size in bytes.
    pub bytes: u64,
    /// What it is by its content, such as `pdf`.
    pub media: String,
    /// What the files in an archive are, sorted, each once; empty for everything else.
    pub members: Vec<String>,
    /// Codes of what in it acts, sorted.
    pub active: Vec<String>,
    /// What a virus scan said.
    pub scan: Scan,
    /// What its signatures are worth.
    pub outcome: Outcome,
    /// Codes of the reasons that concern the whole file, sorted.
    pub reasons: Vec<String>,
    /// Each signature.
    pub signatures: Vec<SignatureFound>,
    /// The anchors that were judged by.
    pub anchors: Option<Digest>,
    /// Version of the rules of judging.
    pub rules: u32,
    /// The instant that was judged at.
    pub judged_at: Timestamp,
}

/// What was found about one signature.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignatureFound {
    /// What it is worth.
    pub outcome: Outcome,
    /// Codes of the reasons, sorted.
    pub reasons: Vec<String>,
    /// Its level.
    pub level: String,
    /// Who signed, where the certificate could be read.
    pub signer: Option<SignerFound>,
    /// When the signer claims to have signed.
    pub claimed: Option<Timestamp>,
    /// Since when it is proven to exist.
    pub proven: Option<Timestamp>,
    /// Whether it covers the whole file.
    pub covers_whole_file: bool,
}

/// Who signed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignerFound {
    /// The text that is sealed: JSON with name, organisation, serial, issuer and certificate.
    pub identity: Text,
    /// The organisation that the certificate names.
    pub organisation: Option<String>,
    /// SHA-256 of the certificate.
    pub certificate: Digest,
}

/// What was read of a file of trust anchors.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AnchorsFound {
    /// SHA-256 of the file.
    pub digest: Digest,
    /// How many certificates it holds.
    pub certificates: u32,
}

/// Where a file is attached.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct EvidenceUse {
    /// The season.
    pub season: crate::values::SeasonId,
    /// The agency.
    pub agency: AgencyId,
    /// Its number within the scorecard.
    pub number: u32,
}

// ---- whether it counts ---------------------------------------------------------------------------------------------

/// A rule of the season's policy by which a file does not count.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum CountRule {
    /// `infected`: a virus scan found something.
    Infected,
    /// `active-content`: it holds what acts when it is opened.
    ActiveContent,
    /// `unsigned`: it is not signed.
    Unsigned,
    /// `invalid`: its signature is not valid.
    Invalid,
    /// `indeterminate`: what its signature is worth cannot be told.
    Indeterminate,
    /// `signer`: nobody signed whose signature counts.
    Signer,
    /// `signed-late`: signed after the instant that the policy names, or the time of signing is not known.
    SignedLate,
}

impl CountRule {
    /// Its stable code.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Infected => "infected",
            Self::ActiveContent => "active-content",
            Self::Unsigned => "unsigned",
            Self::Invalid => "invalid",
            Self::Indeterminate => "indeterminate",
            Self::Signer => "signer",
            Self::SignedLate => "signed-late",
        }
    }
}

/// The first rule by which a file does not count; none where it counts or the reviewer judges.
#[must_use]
pub fn rule_against(policy: &Policy, attached: &AttachedEvidence) -> Option<CountRule> {
    let rules = policy.evidence_rules();
    let counts = |by: CountBy, rule: CountRule| (by == CountBy::DoesNotCount).then_some(rule);
    let unsigned = || match policy.unsigned_evidence {
        UnsignedEvidence::DoesNotCount => Some(CountRule::Unsigned),
        UnsignedEvidence::ReviewerJudges => None,
    };
    let Some(examined) = &attached.evidence.examined else {
        return match attached.evidence.signature {
            SignatureState::StatedValid => None,
            SignatureState::StatedUnsigned => unsigned(),
            SignatureState::StatedAltered => counts(rules.invalid, CountRule::Invalid),
            SignatureState::NotJudged => counts(rules.indeterminate, CountRule::Indeterminate),
        };
    };
    if matches!(examined.scan, Scan::Infected { .. }) {
        return Some(CountRule::Infected);
    }
    if rules.active_content == ActiveContent::DoesNotCount && !examined.active.is_empty() {
        return Some(CountRule::ActiveContent);
    }
    let verdict = attached.verdict().unwrap_or(&examined.verdict);
    let by_outcome = match verdict.outcome {
        Outcome::Valid | Outcome::ValidBut => None,
        Outcome::Unsigned => return unsigned(),
        Outcome::Invalid => counts(rules.invalid, CountRule::Invalid),
        Outcome::Indeterminate => counts(rules.indeterminate, CountRule::Indeterminate),
    };
    by_outcome.or_else(|| by_signer(&rules, verdict))
}

/// Whose signature counts, and by when. One that fits does: beside the agency's leader, others may sign.
fn by_signer(rules: &EvidencePolicy, verdict: &Verdict) -> Option<CountRule> {
    let whose = |s: &&SignatureVerdict| match rules.signed_by {
        SignedBy::Anyone => true,
        SignedBy::Agency => s.signed_for != SignedFor::Other,
        SignedBy::Leader => s.signed_for == SignedFor::Leader,
    };
    let mut fitting = verdict.signatures.iter().filter(whose).peekable();
    if fitting.peek().is_none() {
        return Some(CountRule::Signer);
    }
    let before = rules.signed_before?;
    let in_time = |s: &SignatureVerdict| {
        // What a signature says of its time is worth what the signature is.
        if s.outcome > Outcome::ValidBut {
            return false;
        }
        let time = if before.proven { s.proven } else { s.proven.or(s.claimed) };
        time.is_some_and(|time| time < before.instant)
    };
    (!fitting.any(in_time)).then_some(CountRule::SignedLate)
}

/// That points above zero rest on evidence that counts, where the season has a policy for it and the leaf demands any.
pub(crate) fn check_counts(card: &Card<'_>, leaf: &LeafInfo, points: Points) -> Result<(), Refusal> {
    if points == Points::ZERO || card.policy.evidence.is_none() || !leaf.rule.evidence_required {
        return Ok(());
    }
    let mut against = Vec::new();
    for (number, attached) in &card.state.evidence {
        if attached.leaf != leaf.id || attached.withdrawn {
            continue;
        }
        match rule_against(card.policy, attached) {
            None => return Ok(()),
            Some(rule) => against.push(format!("{number}: {}", rule.as_str())),
        }
    }
    let rules = if against.is_empty() { "no file is attached".to_owned() } else { against.join(", ") };
    Err(refuse!(EvidenceDoesNotCount, leaf = &leaf.code, agency = card.agency, rules = rules))
}

// ---- attaching and judging -----------------------------------------------------------------------------------------

/// What is recorded of a file that was found, for an agency that attaches it.
///
/// # Errors
/// Where the season's policy does not take such a file in, or it was judged by other anchors than the season's.
pub(crate) fn examined(d: &Deciding<'_>, card: &Card<'_>, found: &FileFound) -> Result<Examined, Refusal> {
    let rules = card.policy.evidence_rules();
    let refused = |rule: &str, value: String, limit: String| {
        refuse!(EvidenceNotTaken, season = card.season_id, rule = rule, value = value, limit = limit)
    };
    if found.bytes > rules.bytes_max {
        return Err(refused("bytes_max", format!("{} bytes", found.bytes), format!("{} bytes", rules.bytes_max)));
    }
    for media in std::iter::once(&found.media).chain(&found.members) {
        if !rules.media.contains(media) {
            return Err(refused("media", media.clone(), rules.media.join(", ")));
        }
    }
    if let Scan::Infected { name } = &found.scan {
        return Err(refused("scan", name.clone(), "nothing that a virus scan finds".to_owned()));
    }
    if rules.active_content == ActiveContent::Refuse && !found.active.is_empty() {
        return Err(refused("active_content", found.active.join(", "), "nothing that acts when opened".to_owned()));
    }
    Ok(Examined {
        bytes: found.bytes,
        active: found.active.clone(),
        scan: found.scan.clone(),
        verdict: verdict(d, card.season, card.agency, found)?,
    })
}

fn verdict(d: &Deciding<'_>, season: &Season, agency: &AgencyId, found: &FileFound) -> Result<Verdict, Refusal> {
    if found.anchors != season.anchors {
        // They changed between examining and deciding, which taken again finds the new ones.
        return Err(refuse!(Contended, tries = 1));
    }
    let signer = d.agency(agency)?;
    let mut signatures = Vec::with_capacity(found.signatures.len());
    for signature in &found.signatures {
        // Whose signature it is only a valid one says: anybody can make a certificate with any name in it.
        let holds = signature.outcome <= Outcome::ValidBut;
        let signed_for = signature.signer.as_ref().filter(|_| holds).map_or(SignedFor::Other, |s| signer.signed_by(s));
        let identity = signature.signer.as_ref().map(|s| d.seal("signer", &s.identity)).transpose()?;
        signatures.push(SignatureVerdict {
            outcome: signature.outcome,
            reasons: signature.reasons.clone(),
            level: signature.level.clone(),
            signer: identity,
            signed_for,
            claimed: signature.claimed,
            proven: signature.proven,
            covers_whole_file: signature.covers_whole_file,
        });
    }
    Ok(Verdict {
        outcome: found.outcome,
        reasons: found.reasons.clone(),
        signatures,
        anchors: found.anchors,
        rules: found.rules,
        judged_at: found.judged_at,
    })
}

/// A new verdict beside the ones there are. The agency that attached a file does not have it judged: what it would gain by
/// is for others to ask.
pub(crate) fn judge(d: &Deciding<'_>, c: &JudgeEvidence) -> Result<(), Refusal> {
    let card = Card::open(d, &c.season, &c.agency)?;
    let attached = attached(&card, c.number)?;
    let file = file_found(d, &attached.evidence)?;
    let event = EvidenceJudged {
        number: c.number,
        verdict: verdict(d, card.season, card.agency, file)?,
        reason: d.seal("reason", &c.reason)?,
        by: d.by(),
    };
    d.push(card.stream(), event);
    Ok(())
}

fn attached<'a>(card: &'a Card<'_>, number: u32) -> Result<&'a AttachedEvidence, Refusal> {
    card.state.evidence.get(&number).ok_or_else(|| refuse!(Unknown, what = "evidence", id = number))
}

/// What was found about a file that is attached.
fn file_found<'a>(d: &Deciding<'a>, evidence: &Evidence) -> Result<&'a FileFound, Refusal> {
    let Some(digest) = evidence.digest else {
        return Err(refuse!(EvidenceNotStored, digest = "(no digest is recorded)"));
    };
    not_erased(d, digest)?;
    match d.found {
        Found::File(file) if file.digest == digest => Ok(file),
        Found::File(_) | Found::Anchors(_) | Found::Nothing => Err(refuse!(EvidenceNotStored, digest = digest)),
    }
}

/// The instrument on whose ground a file was erased, where it was.
#[must_use]
pub fn erased_by<'w>(world: &'w World, digest: &Digest) -> Option<&'w InstrumentId> {
    world.instruments.iter().find(|(_, instrument)| instrument.erased_files.contains(digest)).map(|(id, _)| id)
}

/// That a file was not erased.
pub(crate) fn not_erased(d: &Deciding<'_>, digest: Digest) -> Result<(), Refusal> {
    match erased_by(d.world, &digest) {
        Some(instrument) => Err(refuse!(EvidenceIsErased, digest = digest, instrument = instrument)),
        None => Ok(()),
    }
}

// ---- erasing and downloading ---------------------------------------------------------------------------------------

/// Erases a file. Its digest and its verdicts stay. By whom: as for texts, and never by who acts for an agency that
/// attached it.
pub(crate) fn erase(d: &Deciding<'_>, c: &EraseEvidence) -> Result<(), Refusal> {
    let Some(instrument) = &d.envelope.instrument else {
        return Err(refuse!(InstrumentRequired, command = d.kind()));
    };
    not_erased(d, c.digest)?;
    let uses = d.record.evidence_uses(&c.digest);
    if uses.is_empty() {
        return Err(refuse!(Unknown, what = "evidence", id = c.digest));
    }
    for used in &uses {
        d.read(Stream::Scorecard(used.season.clone(), used.agency.clone()));
        authority::bar_own_case(d, &d.envelope.account, &used.season, &used.agency)?;
    }
    let event = EvidenceErased {
        digest: c.digest,
        ground_code: c.ground_code,
        ground: d.seal("ground", &c.ground)?,
        by: d.by(),
    };
    d.push(Stream::Instrument(instrument.id.clone()), event);
    Ok(())
}

/// Records that a file was given out to somebody who may read it.
pub(crate) fn download(d: &Deciding<'_>, c: &DownloadEvidence) -> Result<(), Refusal> {
    d.season(&c.season)?;
    let account = &d.envelope.account;
    let what = Reading { season: Some(&c.season), agency: Some(&c.agency), ..Reading::of(Subject::EvidenceFile) };
    authority::may_read(d.world, Reader::Account(account), &what, d.received)?;
    let card = d.world.scorecard(&c.season, &c.agency);
    let attached = card.and_then(|card| card.evidence.get(&c.number));
    let attached = attached.ok_or_else(|| refuse!(Unknown, what = "evidence", id = c.number))?;
    let digest =
        attached.evidence.digest.ok_or_else(|| refuse!(EvidenceNotStored, digest = "(no digest is recorded)"))?;
    not_erased(d, digest)?;
    let event = EvidenceDownloaded { season: c.season.clone(), agency: c.agency.clone(), number: c.number, digest };
    d.push(Stream::Downloads(account.clone()), event);
    Ok(())
}

// ---- anchors and signers -------------------------------------------------------------------------------------------

pub(crate) fn adopt_anchors(d: &Deciding<'_>, c: &AdoptTrustAnchors) -> Result<(), Refusal> {
    let season = d.season(&c.season)?;
    let found = match d.found {
        Found::Anchors(found) if found.digest == c.anchors => found,
        Found::Anchors(_) | Found::File(_) | Found::Nothing => {
            return Err(refuse!(EvidenceNotStored, digest = c.anchors));
        }
    };
    if season.anchors == Some(c.anchors) {
        return Err(refuse!(NothingToDo, why = "the season has these anchors already"));
    }
    let event = TrustAnchorsAdopted {
        anchors: c.anchors,
        certificates: found.certificates,
        old: season.anchors,
        reason: d.seal("reason", &c.reason)?,
        by: d.by(),
    };
    d.push(Stream::Season(c.season.clone()), event);
    Ok(())
}

pub(crate) fn register_signer(d: &Deciding<'_>, c: &RegisterSigner) -> Result<(), Refusal> {
    crate::agency::check_living(d, &c.agency)?;
    let agency = d.agency(&c.agency)?;
    if agency.signers.get(&c.certificate) == Some(&c.capacity) {
        return Err(refuse!(NothingToDo, why = "the certificate is registered so already"));
    }
    crate::decide::check_count("signers", agency.signers.len() + 1, SIGNERS_MAX)?;
    d.push(Stream::Agency(c.agency.clone()), SignerRegistered { certificate: c.certificate, capacity: c.capacity });
    Ok(())
}

pub(crate) fn withdraw_signer(d: &Deciding<'_>, c: &WithdrawSigner) -> Result<(), Refusal> {
    let agency = d.agency(&c.agency)?;
    if !agency.signers.contains_key(&c.certificate) {
        return Err(refuse!(Unknown, what = "registered certificate", id = c.certificate));
    }
    let event = SignerWithdrawn { certificate: c.certificate, reason: d.seal("reason", &c.reason)? };
    d.push(Stream::Agency(c.agency.clone()), event);
    Ok(())
}
