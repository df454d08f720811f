//! Events: what the log records, for ever.
//!
//! Each payload is a struct of named fields that refuses unknown ones, so that nothing is skipped in silence
//! (invariant 10). A payload holds codes, numbers, ids and commitments; free texts are [`Sealed`] (invariant 11). The
//! golden files in `tests/golden/` are decoded, and encoded again byte for byte, by a test for ever.
//!
//! Additive change: an `Option`, left out when absent. Breaking change: a new kind version beside the old one.

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use crate::criteria::Node;
use crate::evidence::{Capacity, Examined, Verdict};
use crate::policy::{Applicability, Assignment, Band, Basis, DeadlineScope, LineKind, Mode, Policy, Treatment};
use crate::roles::{By, Role, Scope};
use crate::scoring::Inputs;
use crate::stream::Stream;
use crate::values::{
    AccountId, AgencyId, CaseId, Digest, GroupId, InstrumentId, LeafId, LineId, NodeId, Percent, PhaseId, Points,
    Sealed, SeasonId, SetId, Text, Timestamp,
};

/// An entry's payload that this version of sogoc cannot read: its stream stops there (invariant 10).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot decode {kind} version {version}: {why}")]
pub struct Undecodable {
    /// The entry's kind.
    pub kind: String,
    /// The entry's kind version.
    pub version: u32,
    /// What the decoder said.
    pub why: String,
}

/// Canonical JSON of a payload. All our payloads are strings, integers, booleans, lists and objects with ASCII keys,
/// for which sorted keys and shortest escapes are RFC 8785.
fn canonical<T: Serialize>(payload: &T) -> String {
    let value = serde_json::to_value(payload).expect("payloads hold no map with non-string keys and no float");
    value.to_string()
}

macro_rules! events {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $kind:literal $version:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* $variant($variant),)*
        }

        impl $name {
            /// Every kind and kind version that this stream may hold.
            pub const KINDS: &'static [(&'static str, u32)] = &[$(($kind, $version)),*];

            /// The entry's kind.
            #[must_use]
            pub fn kind(&self) -> &'static str {
                match self { $(Self::$variant(_) => $kind,)* }
            }

            /// The entry's kind version.
            #[must_use]
            pub fn kind_version(&self) -> u32 {
                match self { $(Self::$variant(_) => $version,)* }
            }

            /// The payload as canonical JSON: the entry's `data`.
            #[must_use]
            pub fn data(&self) -> String {
                match self { $(Self::$variant(payload) => canonical(payload),)* }
            }

            /// Reads a payload.
            ///
            /// # Errors
            /// When the kind is unknown here or the payload is not of its shape.
            pub fn decode(kind: &str, version: u32, data: &str) -> Result<Self, Undecodable> {
                let fail = |why: String| Undecodable { kind: kind.to_owned(), version, why };
                match (kind, version) {
                    $(($kind, $version) => serde_json::from_str(data).map(Self::$variant).map_err(|e| fail(e.to_string())),)*
                    _ => Err(fail("this kind is not known to this version of sogoc: install a newer one".to_owned())),
                }
            }
        }

        impl DomainEvent for $name {
            fn event_type(&self) -> String {
                self.kind().to_owned()
            }
            fn event_version(&self) -> String {
                self.kind_version().to_string()
            }
        }

        $(impl From<$variant> for $name {
            fn from(payload: $variant) -> Self {
                Self::$variant(payload)
            }
        })*

        $(impl From<$variant> for Event {
            fn from(payload: $variant) -> Self {
                Self::from($name::$variant(payload))
            }
        })*
    };
}

macro_rules! payload {
    ($($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident: $ty:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name { $($(#[$fdoc])* pub $field: $ty,)* }
    )*};
}

/// Any event, with the stream kind it belongs to.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Event {
    /// In `agency/…`.
    Agency(AgencyEvent),
    /// In `instrument/…`.
    Instrument(InstrumentEvent),
    /// In `account/…`.
    Account(AccountEvent),
    /// In `criteria/…`.
    Criteria(CriteriaEvent),
    /// In `season/…`.
    Season(SeasonEvent),
    /// In `scorecard/…/…`. Boxed: by far the most frequent, and not to swell the others.
    Scorecard(Box<ScorecardEvent>),
    /// In `survey/…`.
    Survey(SurveyEvent),
    /// In `council/…`.
    Council(CouncilEvent),
    /// In `results/…`.
    Results(ResultsEvent),
    /// In `refusals/…`.
    Refusals(RefusalsEvent),
    /// In `downloads/…`.
    Downloads(DownloadsEvent),
    /// In `sign-in/…`.
    SignIn(SignInEvent),
    /// In `operation/restore`.
    Restores(RestoresEvent),
}

macro_rules! each {
    ($self:expr, $e:ident => $body:expr) => {
        match $self {
            Event::Agency($e) => $body,
            Event::Instrument($e) => $body,
            Event::Account($e) => $body,
            Event::Criteria($e) => $body,
            Event::Season($e) => $body,
            Event::Scorecard($e) => $body,
            Event::Survey($e) => $body,
            Event::Council($e) => $body,
            Event::Results($e) => $body,
            Event::Refusals($e) => $body,
            Event::Downloads($e) => $body,
            Event::SignIn($e) => $body,
            Event::Restores($e) => $body,
        }
    };
}

impl Event {
    /// The entry's kind.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        each!(self, e => e.kind())
    }

    /// The entry's kind version.
    #[must_use]
    pub fn kind_version(&self) -> u32 {
        each!(self, e => e.kind_version())
    }

    /// The payload as canonical JSON.
    #[must_use]
    pub fn data(&self) -> String {
        each!(self, e => e.data())
    }

    /// Reads the payload of an entry of this stream.
    ///
    /// # Errors
    /// When the kind does not belong to the stream or the payload is not of its shape.
    pub fn decode(stream: &Stream, kind: &str, version: u32, data: &str) -> Result<Self, Undecodable> {
        Ok(match stream {
            Stream::Agency(_) => Self::Agency(AgencyEvent::decode(kind, version, data)?),
            Stream::Instrument(_) => Self::Instrument(InstrumentEvent::decode(kind, version, data)?),
            Stream::Account(_) => Self::Account(AccountEvent::decode(kind, version, data)?),
            Stream::Criteria(_) => Self::Criteria(CriteriaEvent::decode(kind, version, data)?),
            Stream::Season(_) => Self::Season(SeasonEvent::decode(kind, version, data)?),
            Stream::Scorecard(..) => Self::Scorecard(Box::new(ScorecardEvent::decode(kind, version, data)?)),
            Stream::Survey(_) => Self::Survey(SurveyEvent::decode(kind, version, data)?),
            Stream::Council(_) => Self::Council(CouncilEvent::decode(kind, version, data)?),
            Stream::Results(_) => Self::Results(ResultsEvent::decode(kind, version, data)?),
            Stream::Refusals(_) => Self::Refusals(RefusalsEvent::decode(kind, version, data)?),
            Stream::Downloads(_) => Self::Downloads(DownloadsEvent::decode(kind, version, data)?),
            Stream::SignIn(_) => Self::SignIn(SignInEvent::decode(kind, version, data)?),
            Stream::Restores => Self::Restores(RestoresEvent::decode(kind, version, data)?),
        })
    }
}

macro_rules! from_stream_event {
    ($($variant:ident($ty:ident)),*) => {$(
        impl From<$ty> for Event {
            fn from(e: $ty) -> Self {
                Self::$variant(e)
            }
        }
    )*};
}
from_stream_event!(
    Agency(AgencyEvent),
    Instrument(InstrumentEvent),
    Account(AccountEvent),
    Criteria(CriteriaEvent),
    Season(SeasonEvent),
    Survey(SurveyEvent),
    Council(CouncilEvent),
    Results(ResultsEvent),
    Refusals(RefusalsEvent),
    Downloads(DownloadsEvent),
    SignIn(SignInEvent),
    Restores(RestoresEvent)
);
impl From<ScorecardEvent> for Event {
    fn from(e: ScorecardEvent) -> Self {
        Self::Scorecard(Box::new(e))
    }
}

/// A name in Vietnamese, and where known in English and short.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Name {
    /// In Vietnamese.
    pub vi: Text,
    /// In English.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub en: Option<Text>,
    /// Short form for tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short: Option<Text>,
}

// ---- agency/… ----------------------------------------------------------------------------------------------------

events! {
    /// What may happen to an agency or a body.
    AgencyEvent {
        /// It entered the register.
        AgencyRegistered = "agency-registered" 1,
        /// It has another name from an instant on.
        AgencyRenamed = "agency-renamed" 1,
        /// It was merged into another.
        AgencyMerged = "agency-merged" 1,
        /// It was split into others.
        AgencySplit = "agency-split" 1,
        /// It ceased to exist.
        AgencyDissolved = "agency-dissolved" 1,
        /// A certificate signs for it.
        SignerRegistered = "signer-registered" 1,
        /// A certificate signs for it no more.
        SignerWithdrawn = "signer-withdrawn" 1,
    }
}
payload! {
    /// An agency, or a body that takes part but is never appraised, entered the register.
    AgencyRegistered {
        /// Its name.
        name: Name,
        /// True for a body that takes part but is never appraised.
        body: bool,
    }
    /// The name that holds from an instant on. Earlier names stay readable as of earlier positions.
    AgencyRenamed {
        /// The new name.
        name: Name,
        /// From when it holds.
        from: Timestamp,
    }
    /// Merged into another agency, which answers for it from then on.
    AgencyMerged {
        /// The successor.
        into: AgencyId,
        /// From when.
        from: Timestamp,
    }
    /// Split into others.
    AgencySplit {
        /// The successors, at least two.
        into: Vec<AgencyId>,
        /// From when.
        from: Timestamp,
    }
    /// Ceased to exist.
    AgencyDissolved {
        /// From when.
        from: Timestamp,
    }
    /// Signatures by this certificate are the agency's from here on.
    SignerRegistered {
        /// SHA-256 of the certificate.
        certificate: Digest,
        /// Whose it is.
        capacity: Capacity,
    }
    /// Signatures by this certificate are the agency's no more. Verdicts that were recorded stay.
    SignerWithdrawn {
        /// SHA-256 of the certificate.
        certificate: Digest,
        /// Why, sealed.
        reason: Sealed,
    }
}

// ---- instrument/… ------------------------------------------------------------------------------------------------

events! {
    /// What may happen to an instrument.
    InstrumentEvent {
        /// It entered the register.
        InstrumentRegistered = "instrument-registered" 1,
        /// Its document's digest became known.
        InstrumentDocumentAttached = "instrument-document-attached" 1,
        /// Sealed texts were erased on its ground.
        TextsErased = "texts-erased" 1,
        /// An evidence file was erased on its ground.
        EvidenceErased = "evidence-erased" 1,
    }
}

/// On what ground sealed texts were erased.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ErasureGround {
    /// The person whom a text names asked for it.
    RequestOfPerson,
    /// A text names somebody whom it need not name, or holds what does not belong into the register.
    NamedWithoutNeed,
    /// The time for which texts are kept is over.
    RetentionEnded,
    /// A court or an authority ordered it.
    Ordered,
}

impl ErasureGround {
    /// As written in entries.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RequestOfPerson => "request-of-person",
            Self::NamedWithoutNeed => "named-without-need",
            Self::RetentionEnded => "retention-ended",
            Self::Ordered => "ordered",
        }
    }
}

payload! {
    /// A decision, plan, minutes or letter.
    InstrumentRegistered {
        /// Its number, such as "1952/QĐ-UBND".
        number: Text,
        /// Its date, `YYYY-MM-DD`.
        date: String,
        /// Who issued it.
        issuer: Text,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        /// Its title, where known.
        title: Option<Text>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        /// SHA-256 of its document, where known.
        document: Option<Digest>,
    }
    /// The document of an instrument that was registered without one.
    InstrumentDocumentAttached {
        /// SHA-256 of the document.
        document: Digest,
    }
    /// Sealed texts were erased, with their salts, in the append of this entry. The entries that hold their commitments
    /// are as they were. Recorded with the instrument and not with what the texts were about: no figure reads these
    /// streams, so results that were announced or are about to be stay unmoved.
    TextsErased {
        /// Commitments of the texts, sorted, at most a hundred.
        texts: Vec<Sealed>,
        /// On what ground.
        ground_code: ErasureGround,
        /// On what ground in words, sealed.
        ground: Sealed,
        /// Who erased them.
        by: By,
    }
    /// An evidence file was erased: its bytes are gone, its digest and its verdicts stay.
    EvidenceErased {
        /// SHA-256 of the file.
        digest: Digest,
        /// On what ground.
        ground_code: ErasureGround,
        /// On what ground in words, sealed.
        ground: Sealed,
        /// Who erased it.
        by: By,
    }
}

// ---- account/… ---------------------------------------------------------------------------------------------------

events! {
    /// What may happen to an account.
    AccountEvent {
        /// It was opened.
        AccountOpened = "account-opened" 1,
        /// A role that needs two was proposed by one.
        RoleProposed = "role-proposed" 1,
        /// A role is held from here on.
        RoleGranted = "role-granted" 1,
        /// A role is no longer held.
        RoleRevoked = "role-revoked" 1,
        /// It let another act for it.
        DelegationGranted = "delegation-granted" 1,
        /// It ended a delegation.
        DelegationRevoked = "delegation-revoked" 1,
        /// It moved to another agency.
        AccountTransferred = "account-transferred" 1,
        /// It belongs to the same person as another.
        AccountLinked = "account-linked" 1,
        /// It acts no more.
        AccountClosed = "account-closed" 1,
    }
}
payload! {
    /// An account: a function at an agency or body. Who holds it is a sealed text.
    AccountOpened {
        /// The agency or body it acts for.
        agency: AgencyId,
        /// Title or name, sealed.
        name: Sealed,
    }
    /// One administrator proposed a role that nobody may grant alone (invariant 7).
    RoleProposed {
        /// The role.
        role: Role,
        /// Where it holds.
        scope: Scope,
        /// Who proposed it.
        by: By,
    }
    /// A role is held from here on, within its scope.
    RoleGranted {
        /// The role.
        role: Role,
        /// Where and when it holds.
        scope: Scope,
        /// Who granted it, or who approved the proposal.
        by: By,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        /// Who proposed it, where two were needed.
        proposed_by: Option<By>,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        /// True for the first two accounts of a register, which rest on the founding instrument alone.
        founding: bool,
    }
    /// A role is no longer held.
    RoleRevoked {
        /// The role.
        role: Role,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        /// The season it was limited to.
        season: Option<SeasonId>,
        /// Why, sealed.
        reason: Sealed,
        /// Who revoked it.
        by: By,
    }
    /// This account lets another act for it during leave. The delegate inherits its bars.
    DelegationGranted {
        /// The delegate.
        to: AccountId,
        /// From when.
        from: Timestamp,
        /// Until when, exclusive.
        until: Timestamp,
        /// Why, sealed.
        reason: Sealed,
    }
    /// The delegation ended early.
    DelegationRevoked {
        /// The delegate.
        to: AccountId,
    }
    /// The account acts for another agency from here on; in running seasons its bars for the former one stay.
    AccountTransferred {
        /// The agency it left.
        old: AgencyId,
        /// The agency it acts for now.
        new: AgencyId,
        /// From when; a season that had begun by then still binds it to the former one.
        from: Timestamp,
        /// Who recorded it.
        by: By,
    }
    /// Both accounts belong to the same person: the bars of each bind the other. Recorded in both streams.
    AccountLinked {
        /// The other account.
        with: AccountId,
        /// Who recorded it.
        by: By,
    }
    /// The account acts no more.
    AccountClosed {
        /// Why, sealed.
        reason: Sealed,
        /// Who closed it.
        by: By,
    }
}

// ---- criteria/… --------------------------------------------------------------------------------------------------

events! {
    /// What may happen to a criteria set.
    CriteriaEvent {
        /// A draft was begun.
        CriteriaSetDrafted = "criteria-set-drafted" 1,
        /// A domain of the draft, whole or without the criteria that follow.
        CriteriaDomainRecorded = "criteria-domain-recorded" 1,
        /// A criterion of a domain that was too large for one entry.
        CriteriaCriterionRecorded = "criteria-criterion-recorded" 1,
        /// The set can be used: every level sums exactly.
        CriteriaSetActivated = "criteria-set-activated" 1,
        /// A domain as it reads from the next version on.
        CriteriaDomainAmended = "criteria-domain-amended" 1,
        /// A new version holds.
        CriteriaSetAmended = "criteria-set-amended" 1,
    }
}
payload! {
    /// A criteria set's frame.
    CriteriaSetDrafted {
        /// Title in Vietnamese.
        title: Text,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        /// Title in English.
        title_en: Option<Text>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        /// The set that leaves and domains are mapped to.
        predecessor: Option<SetId>,
        /// Max points of the whole set.
        max_points: Points,
        /// How many domains follow.
        domains: u32,
    }
    /// One domain, in order.
    CriteriaDomainRecorded {
        /// The domain; without children where they follow one an entry.
        domain: Node,
        /// How many criteria follow in entries of their own; 0 where the domain is whole.
        criteria_follow: u32,
    }
    /// One criterion of the domain recorded last.
    CriteriaCriterionRecorded {
        /// The domain it belongs to.
        domain: NodeId,
        /// The criterion with all below it.
        criterion: Node,
    }
    /// From here on the set can be used by a season. Its version is 1.
    CriteriaSetActivated {
        /// Leaves in the set.
        leaves: u32,
        /// Who activated it.
        by: By,
    }
    /// A domain as it reads from the version that the next `criteria-set-amended` begins.
    CriteriaDomainAmended {
        /// The domain, whole.
        domain: Node,
    }
    /// A new version of the set holds; what it means for recorded scores is said per leaf.
    CriteriaSetAmended {
        /// The new version.
        version: u32,
        /// What happens to each leaf that changed; leaves that are not named are kept.
        treatments: Vec<LeafTreatment>,
        /// Why, sealed.
        reason: Sealed,
        /// Who amended it.
        by: By,
    }
}

/// What an amendment in a running season means for one leaf.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LeafTreatment {
    /// The leaf.
    pub leaf: LeafId,
    /// What happens to its scores.
    pub treatment: AmendmentTreatment,
}

/// What happens to a leaf's recorded scores when the set is amended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum AmendmentTreatment {
    /// Scores stand as they are.
    Kept,
    /// The agency declares again.
    Redeclared,
    /// Points are computed again from the recorded inputs.
    Recomputed,
    /// The leaf counts no more.
    Void,
}

// ---- season/… ----------------------------------------------------------------------------------------------------

events! {
    /// What may happen to a season.
    SeasonEvent {
        /// It was opened, live or imported for ever.
        SeasonOpened = "season-opened" 1,
        /// Its policy.
        SeasonPolicySet = "season-policy-set" 1,
        /// A ranking group.
        RankingGroupDefined = "ranking-group-defined" 1,
        /// A phase.
        PhaseScheduled = "phase-scheduled" 1,
        /// An agency takes part.
        AgencyEntered = "agency-entered" 1,
        /// Who appraises and confirms what.
        ReviewersAssigned = "reviewers-assigned" 1,
        /// The season it is compared with.
        ComparisonSet = "comparison-set" 1,
        /// A figure of an earlier year of which only print is known.
        ReferenceFigureRecorded = "reference-figure-recorded" 1,
        /// A bonus or penalty line.
        LineDefined = "line-defined" 1,
        /// A group of the season is scored by this version of its set.
        CriteriaVersionAdopted = "criteria-version-adopted" 1,
        /// It runs.
        SeasonActivated = "season-activated" 1,
        /// A deadline was moved.
        DeadlineMoved = "deadline-moved" 1,
        /// What a change of an agency means in this season.
        AgencyTreated = "agency-treated" 1,
        /// Signatures are judged by these anchors.
        TrustAnchorsAdopted = "trust-anchors-adopted" 1,
    }
}
payload! {
    /// A season, live or imported from its first entry and for ever (invariant 12).
    SeasonOpened {
        /// The year assessed.
        year: u16,
        /// Title in Vietnamese.
        title: Text,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        /// Title in English.
        title_en: Option<Text>,
        /// Live or imported.
        mode: Mode,
    }
    /// Rounding, classes, reason codes and the like; replaced as a whole until activation.
    SeasonPolicySet {
        /// The policy.
        policy: Policy,
    }
    /// A ranking group with its criteria set and bands.
    RankingGroupDefined {
        /// The group.
        group: GroupId,
        /// Its name.
        name: Name,
        /// The criteria set its agencies are scored by; absent where only totals are transcribed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        set: Option<SetId>,
        /// Class bands, from the top.
        classes: Vec<Band>,
        /// Letter bands, from the top; may be empty.
        letters: Vec<Band>,
    }
    /// A phase, half-open: start ≤ t < end.
    PhaseScheduled {
        /// The phase.
        phase: PhaseId,
        /// Its name.
        name: Name,
        /// First instant.
        start: Timestamp,
        /// First instant after it.
        end: Timestamp,
        /// Kinds of commands that it admits, sorted.
        admits: Vec<String>,
    }
    /// An agency takes part in the season.
    AgencyEntered {
        /// The agency.
        agency: AgencyId,
        /// The group it is ranked in.
        group: GroupId,
        /// True where it sits on the council.
        council_member: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        /// From when, for one that joins late.
        from: Option<Timestamp>,
    }
    /// Who appraises and confirms a node and all below it, and who does so where the lead agency is itself the one scored.
    ReviewersAssigned {
        /// The assignment; replaces an earlier one of the same group and node.
        assignment: Assignment,
    }
    /// Changes are counted against this season.
    ComparisonSet {
        /// The earlier season.
        season: SeasonId,
    }
    /// A printed or implied figure of an earlier year.
    ReferenceFigureRecorded {
        /// Its address without the season, such as `departments/mean_index`.
        address: String,
        /// The year it is of.
        year: u16,
        /// Its value as a decimal string or an id.
        value: String,
        /// Printed, or implied by what is printed.
        basis: Basis,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        /// The document and section, or the derivation.
        source: Option<Text>,
    }
    /// A bonus or penalty line outside the tree.
    LineDefined {
        /// The line.
        line: LineId,
        /// Its name.
        name: Name,
        /// Bonus or penalty.
        kind: LineKind,
        /// Most points.
        cap: Points,
    }
    /// From here on a group's leaves are those of this version: at activation, and when the set is amended while it runs.
    CriteriaVersionAdopted {
        /// The group.
        group: GroupId,
        /// Its criteria set.
        set: SetId,
        /// The version.
        version: u32,
    }
    /// The season runs; its rules are pinned (invariant 8).
    SeasonActivated {
        /// Version of the figures' rules.
        rules_version: u32,
        /// Who activated it.
        by: By,
    }
    /// A deadline was moved, for the season or for one group, agency, leaf or request.
    DeadlineMoved {
        /// What it is moved for.
        scope: DeadlineScope,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        /// The phase; absent for an explanation request.
        phase: Option<PhaseId>,
        /// The end until now.
        old: Timestamp,
        /// The end from now on.
        new: Timestamp,
        /// Why, sealed.
        reason: Sealed,
        /// Who moved it.
        by: By,
    }
    /// What the merger, split, dissolution or late joining of an agency means here.
    AgencyTreated {
        /// The agency.
        agency: AgencyId,
        /// The treatment.
        treatment: Treatment,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        /// Who answers for it and may appeal.
        successor: Option<AgencyId>,
        /// From when.
        from: Timestamp,
        /// Why, sealed.
        reason: Sealed,
        /// Who decided.
        by: By,
    }
    /// From here on signatures are judged by these anchors. Verdicts that were recorded stay.
    TrustAnchorsAdopted {
        /// SHA-256 of the anchors' file, which is stored as evidence is.
        anchors: Digest,
        /// How many certificates it holds.
        certificates: u32,
        /// The anchors until then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        old: Option<Digest>,
        /// Why, sealed.
        reason: Sealed,
        /// Who adopted them.
        by: By,
    }
}

// ---- scorecard/… -------------------------------------------------------------------------------------------------

events! {
    /// What may happen to an agency's scorecard in one season.
    ScorecardEvent {
        /// The agency scored a leaf.
        SelfScored = "self-scored" 1,
        /// Evidence was attached to a leaf.
        EvidenceAttached = "evidence-attached" 1,
        /// Evidence was marked as withdrawn.
        EvidenceWithdrawn = "evidence-withdrawn" 1,
        /// Its signatures were judged again.
        EvidenceJudged = "evidence-judged" 1,
        /// The leader submitted.
        ScorecardSubmitted = "scorecard-submitted" 1,
        /// The leader took the submission back before the deadline.
        SubmissionWithdrawn = "submission-withdrawn" 1,
        /// Nothing was submitted in time.
        SubmissionMissed = "submission-missed" 1,
        /// A late submission was let in.
        LateSubmissionAccepted = "late-submission-accepted" 1,
        /// The reviewer accepted the self score.
        ScoreAccepted = "score-accepted" 1,
        /// The reviewer set other points, with a reason.
        ScoreAdjusted = "score-adjusted" 1,
        /// The reviewer kept the points of the round before, with a reason.
        ScoreUpheld = "score-upheld" 1,
        /// The reviewer asked for an explanation.
        ExplanationRequested = "explanation-requested" 1,
        /// The agency explained.
        ExplanationGiven = "explanation-given" 1,
        /// Somebody else confirmed appraised leaves.
        LeavesConfirmed = "leaves-confirmed" 1,
        /// The confirmer sent leaves back to the reviewer.
        LeavesReturned = "leaves-returned" 1,
        /// Whether a leaf applies to the agency.
        ApplicabilityDecided = "applicability-decided" 1,
        /// A leaf without points was deemed zero.
        ScoreDeemed = "score-deemed" 1,
        /// A clerical error was corrected, naming the entry.
        ScoreCorrected = "score-corrected" 1,
        /// A council resolution set points.
        ResolutionApplied = "resolution-applied" 1,
        /// The council opened the scorecard again.
        ScorecardReopened = "scorecard-reopened" 1,
        /// A reviewer or confirmer stood aside.
        ReviewerRecused = "reviewer-recused" 1,
        /// The agency appealed.
        AppealLodged = "appeal-lodged" 1,
        /// An appeal lodged after the window was let in.
        LateAppealAccepted = "late-appeal-accepted" 1,
        /// The lead agency gave its opinion on an item.
        AppealOpinionGiven = "appeal-opinion-given" 1,
        /// An item was decided, with what it sets.
        AppealItemDecided = "appeal-item-decided" 1,
        /// The agency withdrew an item.
        AppealItemWithdrawn = "appeal-item-withdrawn" 1,
        /// Bonus or penalty points outside the tree.
        LineScored = "line-scored" 1,
        /// The class was capped by an instrument.
        ClassCapped = "class-capped" 1,
        /// An amendment computed the points again.
        ScoreRecomputed = "score-recomputed" 1,
        /// An amendment asks the agency to declare again.
        LeafReopened = "leaf-reopened" 1,
        /// A published total was transcribed.
        ResultTranscribed = "result-transcribed" 1,
    }
}

/// A change of a leaf's appraised points: never without a code and a text (invariant 6).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreChange {
    /// The leaf.
    pub leaf: LeafId,
    /// Points before; absent where there were none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<Points>,
    /// Points from here on.
    pub new: Points,
    /// The inputs from which `new` follows; absent for an override.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Inputs>,
    /// Code from the season's policy.
    pub reason_code: String,
    /// Text, sealed.
    pub reason: Sealed,
}

/// A file that stands behind a leaf, or the mention of one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Number within the scorecard, from 1.
    pub number: u32,
    /// SHA-256 of the file; absent where a past season names a file whose bytes are not at hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// File name, sealed.
    pub name: Sealed,
    /// What kind of file, such as `pdf`.
    pub media: String,
    /// What is known of its signature.
    pub signature: SignatureState,
    /// Submitted with the scorecard, or supplied later.
    pub purpose: EvidencePurpose,
    /// The explanation request or appeal it was supplied for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<CaseId>,
    /// SHA-256 of a signature that stands in a file of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detached: Option<Digest>,
    /// What was found about the file; absent where its bytes were not at hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub examined: Option<Box<Examined>>,
}

/// What is known of a file's digital signature.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SignatureState {
    /// Stated as valid by the source; not judged here.
    StatedValid,
    /// Stated as unsigned by the source; not judged here.
    StatedUnsigned,
    /// Stated as altered after signing by the source; not judged here.
    StatedAltered,
    /// Nothing is stated.
    NotJudged,
}

impl SignatureState {
    /// As written in commands and entries.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StatedValid => "stated-valid",
            Self::StatedUnsigned => "stated-unsigned",
            Self::StatedAltered => "stated-altered",
            Self::NotJudged => "not-judged",
        }
    }
}

/// When evidence came in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum EvidencePurpose {
    /// With the scorecard.
    Submitted,
    /// After an explanation request or with an appeal.
    Supplement,
}

payload! {
    /// The agency's own score of a leaf.
    SelfScored {
        /// The leaf.
        leaf: LeafId,
        /// Version of the criteria set it was scored under.
        set_version: u32,
        /// What was declared.
        inputs: Inputs,
        /// The points that follow.
        points: Points,
        /// Who scored.
        by: By,
    }
    /// Evidence of a leaf.
    EvidenceAttached {
        /// The leaf.
        leaf: LeafId,
        /// The file.
        evidence: Evidence,
        /// Who attached it.
        by: By,
    }
    /// A mark, never a deletion.
    EvidenceWithdrawn {
        /// Its number within the scorecard.
        number: u32,
        /// Why, sealed.
        reason: Sealed,
        /// Who withdrew it.
        by: By,
    }
    /// A verdict beside the earlier ones.
    EvidenceJudged {
        /// The evidence's number within the scorecard.
        number: u32,
        /// The verdict.
        verdict: Verdict,
        /// Why it was judged again, sealed.
        reason: Sealed,
        /// Who had it judged.
        by: By,
    }
    /// The agency's leader approved and submitted.
    ScorecardSubmitted {
        /// Leaves with a self score.
        leaves: u32,
        /// Sum of the self scores.
        self_points: Points,
        /// Who submitted.
        by: By,
    }
    /// Taken back before the deadline.
    SubmissionWithdrawn {
        /// Why, sealed.
        reason: Sealed,
        /// Who withdrew it.
        by: By,
    }
    /// Not submitted in time; it can be appraised all the same.
    SubmissionMissed {
        /// Who recorded it.
        by: By,
    }
    /// A submission after the deadline was let in; what meets the deadline is this acceptance.
    LateSubmissionAccepted {
        /// Why, sealed.
        reason: Sealed,
        /// Who let it in.
        by: By,
    }
    /// The self score stands.
    ScoreAccepted {
        /// The leaf.
        leaf: LeafId,
        /// The round.
        round: u32,
        /// The points, equal to the self score.
        points: Points,
        /// Who appraised.
        by: By,
    }
    /// Other points than before.
    ScoreAdjusted {
        /// The change.
        change: ScoreChange,
        /// The round.
        round: u32,
        /// The explanation request that this answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        case: Option<CaseId>,
        /// Who appraised.
        by: By,
    }
    /// The points of the round before stand, for a reason.
    ScoreUpheld {
        /// The leaf.
        leaf: LeafId,
        /// The round.
        round: u32,
        /// The points that stand.
        points: Points,
        /// Code from the season's policy.
        reason_code: String,
        /// Text, sealed.
        reason: Sealed,
        /// The explanation request that this answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        case: Option<CaseId>,
        /// Who appraised.
        by: By,
    }
    /// The reviewer asks.
    ExplanationRequested {
        /// The request's id, unique in the scorecard.
        case: CaseId,
        /// The leaf.
        leaf: LeafId,
        /// What is asked, sealed.
        request: Sealed,
        /// Due by, exclusive.
        due: Timestamp,
        /// Who asked.
        by: By,
    }
    /// The agency answers.
    ExplanationGiven {
        /// The request.
        case: CaseId,
        /// The answer, sealed.
        answer: Sealed,
        /// Who answered.
        by: By,
    }
    /// Confirmed by someone else than the reviewer.
    LeavesConfirmed {
        /// The leaves, sorted.
        leaves: Vec<LeafId>,
        /// Who confirmed.
        by: By,
    }
    /// Sent back to the reviewer.
    LeavesReturned {
        /// The leaves, sorted.
        leaves: Vec<LeafId>,
        /// Why, sealed.
        reason: Sealed,
        /// Who returned them.
        by: By,
    }
    /// Whether a leaf applies to this agency, and what follows for its maximum.
    ApplicabilityDecided {
        /// The leaf.
        leaf: LeafId,
        /// What holds from here on.
        applicability: Applicability,
        /// The ground, sealed.
        ground: Sealed,
        /// Who decided.
        by: By,
    }
    /// Zero for want of anything else (invariant 9).
    ScoreDeemed {
        /// The leaf.
        leaf: LeafId,
        /// Code from the season's policy.
        reason_code: String,
        /// Text, sealed.
        reason: Sealed,
        /// Who decided.
        by: By,
    }
    /// A slip in an earlier entry, corrected. Never a re-appraisal.
    ScoreCorrected {
        /// Position of the entry that it corrects.
        corrects: u64,
        /// The change.
        change: ScoreChange,
        /// Who corrected it.
        by: By,
    }
    /// Points set by the council.
    ResolutionApplied {
        /// The session.
        session: CaseId,
        /// The resolution.
        resolution: CaseId,
        /// The change.
        change: ScoreChange,
        /// Who voted for it.
        voters: Vec<AccountId>,
    }
    /// Open again for appraisal after the announcement, by the council, until the next one.
    ScorecardReopened {
        /// The announcement after which it is open.
        announcement: u32,
        /// The leaves that are open; all where empty.
        leaves: Vec<LeafId>,
        /// Why, sealed.
        reason: Sealed,
        /// Who reopened it.
        by: By,
    }
    /// Stands aside in this scorecard.
    ReviewerRecused {
        /// Who.
        account: AccountId,
        /// Why, sealed.
        reason: Sealed,
        /// Who recorded it.
        by: By,
    }
    /// An appeal with its items.
    AppealLodged {
        /// The appeal's id, unique in the scorecard.
        appeal: CaseId,
        /// What is contested, numbered from 1.
        items: Vec<AppealItem>,
        /// True where it came after the window and had been let in.
        late: bool,
        /// Who lodged it.
        by: By,
    }
    /// An appeal of this id may be lodged although its window has closed.
    LateAppealAccepted {
        /// The appeal.
        appeal: CaseId,
        /// Why, sealed.
        reason: Sealed,
        /// Who let it in.
        by: By,
    }
    /// What the lead agency says.
    AppealOpinionGiven {
        /// The appeal.
        appeal: CaseId,
        /// The item.
        item: u32,
        /// The opinion, sealed.
        opinion: Sealed,
        /// Who gave it.
        by: By,
    }
    /// A decision and what it sets are one entry, so that no position shows half of it (DESIGN §6).
    AppealItemDecided {
        /// The appeal.
        appeal: CaseId,
        /// The item.
        item: u32,
        /// The decision.
        outcome: AppealOutcome,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        /// What it sets; absent where nothing changes.
        effect: Option<AppealEffect>,
        /// Code from the season's policy.
        reason_code: String,
        /// Text, sealed.
        reason: Sealed,
        /// The members who decided.
        voters: Vec<AccountId>,
        /// Who recorded it.
        by: By,
    }
    /// Taken back by the agency.
    AppealItemWithdrawn {
        /// The appeal.
        appeal: CaseId,
        /// The item.
        item: u32,
        /// Who withdrew it.
        by: By,
    }
    /// Points of a bonus or penalty line, replacing what the line held.
    LineScored {
        /// The line.
        line: LineId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        /// Points before.
        old: Option<Points>,
        /// Points from here on.
        new: Points,
        /// Code from the season's policy.
        reason_code: String,
        /// Text, sealed.
        reason: Sealed,
        /// Who decided.
        by: By,
    }
    /// The class is at best this one; the computed class stays visible.
    ClassCapped {
        /// Code of the best class; absent lifts the cap.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        class: Option<String>,
        /// Why, sealed.
        reason: Sealed,
        /// Who decided.
        by: By,
    }
    /// Points computed again after an amendment of the set.
    ScoreRecomputed {
        /// The leaf.
        leaf: LeafId,
        /// The version computed under.
        set_version: u32,
        /// Self score from here on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        self_points: Option<Points>,
        /// Appraised score from here on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        appraised_points: Option<Points>,
        /// Always `standard_amended`.
        reason_code: String,
        /// Text, sealed.
        reason: Sealed,
        /// Who amended the set.
        by: By,
    }
    /// To be declared again after an amendment of the set; the scores so far stay in the history.
    LeafReopened {
        /// The leaf.
        leaf: LeafId,
        /// The version to declare under.
        set_version: u32,
        /// Always `standard_amended`.
        reason_code: String,
        /// Text, sealed.
        reason: Sealed,
        /// Who amended the set.
        by: By,
    }
    /// A published row of which nothing below the totals is known.
    ResultTranscribed {
        /// Appraised points.
        appraised_points: Points,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        /// Survey points; absent means *not surveyed*.
        survey_points: Option<Points>,
        /// Applicable max.
        applicable_max: Points,
        /// Who transcribed it.
        by: By,
    }
}

/// One contested item of an appeal.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppealItem {
    /// What is contested.
    pub target: AppealTarget,
    /// What the agency asks for, as a decimal or a class code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested: Option<String>,
    /// On what ground, sealed.
    pub ground: Sealed,
}

/// What an appeal contests: the figure's address within the agency.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum AppealTarget {
    /// The appraised points of a leaf.
    Leaf(LeafId),
    /// Whether a leaf applies.
    Applicability(LeafId),
    /// The survey points.
    SurveyPoints,
    /// The class.
    Class,
}

/// How an item ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum AppealOutcome {
    /// In full.
    Upheld,
    /// In part.
    Partly,
    /// Not at all.
    Rejected,
}

/// What an appeal decision sets.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum AppealEffect {
    /// The appraised points of a leaf.
    Points {
        /// Points before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        old: Option<Points>,
        /// Points from here on.
        new: Points,
        /// The inputs from which they follow.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inputs: Option<Inputs>,
    },
    /// Whether the leaf applies.
    Applicability(Applicability),
    /// The survey points.
    SurveyPoints {
        /// Points before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        old: Option<Points>,
        /// Points from here on.
        new: Points,
    },
    /// The best class from here on.
    ClassCap {
        /// Its code; absent lifts the cap. Not the variant's own value: an entry never holds null.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        class: Option<String>,
    },
}

// ---- survey/… ----------------------------------------------------------------------------------------------------

events! {
    /// What may happen to a season's survey.
    SurveyEvent {
        /// It is run by a body outside the appraised ones.
        SurveyOpened = "survey-opened" 1,
        /// A file of results came in.
        SurveyImported = "survey-imported" 1,
        /// The result of one agency.
        SurveyResultRecorded = "survey-result-recorded" 1,
        /// An agency is not surveyed.
        AgencyNotSurveyed = "agency-not-surveyed" 1,
        /// A sample was checked again.
        SurveyRechecked = "survey-rechecked" 1,
        /// A second person accepted the results.
        SurveyAccepted = "survey-accepted" 1,
    }
}
payload! {
    /// Who runs and who monitors it.
    SurveyOpened {
        /// The body that runs it.
        operator: AgencyId,
        /// The bodies that monitor it.
        monitors: Vec<AgencyId>,
        /// Ids of the factors, in order.
        factors: Vec<String>,
        /// Who opened it.
        by: By,
    }
    /// One import of results.
    SurveyImported {
        /// SHA-256 of the forms file, where it is at hand.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        forms_file: Option<Digest>,
        /// Forms in all.
        forms: u64,
        /// Agencies in it.
        agencies: u32,
        /// Who imported it.
        by: By,
    }
    /// The result of one agency; counts once accepted.
    SurveyResultRecorded {
        /// The agency.
        agency: AgencyId,
        /// Valid forms.
        forms: u64,
        /// Percentage per factor, in the survey's order.
        factors: Vec<Percent>,
        /// The points that follow.
        points: Points,
        /// Code from the season's policy; required where an accepted result changes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason_code: Option<String>,
        /// Text, sealed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Sealed>,
        /// Who recorded it.
        by: By,
    }
    /// *Not surveyed* is its own recorded state (invariant 9).
    AgencyNotSurveyed {
        /// The agency.
        agency: AgencyId,
        /// The ground, sealed.
        ground: Sealed,
        /// Who recorded it.
        by: By,
    }
    /// A recheck (phúc tra) of a sample of forms.
    SurveyRechecked {
        /// The agency.
        agency: AgencyId,
        /// Forms in the sample.
        sample: u64,
        /// Forms found right.
        confirmed: u64,
        /// Forms voided.
        voided: u64,
        /// Forms that replaced voided ones.
        replaced: u64,
        /// What was found, sealed.
        finding: Sealed,
        /// Who rechecked.
        by: By,
    }
    /// The recorded results of these agencies count from here on.
    SurveyAccepted {
        /// The agencies, sorted.
        agencies: Vec<AgencyId>,
        /// Who accepted them: not who recorded them.
        by: By,
    }
}

// ---- council/… ---------------------------------------------------------------------------------------------------

events! {
    /// What may happen to a season's council.
    CouncilEvent {
        /// A session began.
        SessionOpened = "session-opened" 1,
        /// A member stood aside.
        MemberRecused = "member-recused" 1,
        /// A resolution was put to the vote and adopted.
        ResolutionAdopted = "resolution-adopted" 1,
        /// The session ended.
        SessionClosed = "session-closed" 1,
    }
}

/// One member's vote.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Vote {
    /// The member.
    pub member: AccountId,
    /// For, against or abstaining.
    pub vote: Ballot,
}

/// How a member voted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Ballot {
    /// For.
    For,
    /// Against.
    Against,
    /// Abstained.
    Abstained,
}

payload! {
    /// A session with the members who are present.
    SessionOpened {
        /// The session's id.
        session: CaseId,
        /// Members present, sorted.
        present: Vec<AccountId>,
        /// Who opened it.
        by: By,
    }
    /// Takes no part in what concerns an agency.
    MemberRecused {
        /// The session.
        session: CaseId,
        /// The member.
        member: AccountId,
        /// The agency; all where absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        agency: Option<AgencyId>,
        /// Why, sealed.
        reason: Sealed,
    }
    /// Adopted by a majority of those present and not recused.
    ResolutionAdopted {
        /// The session.
        session: CaseId,
        /// The resolution's id.
        resolution: CaseId,
        /// Its text, sealed.
        text: Sealed,
        /// The votes, sorted by member.
        votes: Vec<Vote>,
        /// How many leaves it changes, each in its own scorecard.
        changes: u32,
        /// Who recorded it.
        by: By,
    }
    /// The session ended.
    SessionClosed {
        /// The session.
        session: CaseId,
        /// Who closed it.
        by: By,
    }
}

// ---- results/… ---------------------------------------------------------------------------------------------------

events! {
    /// What may happen to a season's results.
    ResultsEvent {
        /// Frozen at a position.
        ResultsAnnounced = "results-announced" 1,
        /// One council member approved an announcement.
        ResultsApproved = "results-approved" 1,
        /// An edition was published.
        EditionPublished = "edition-published" 1,
        /// The instrument of an edition, numbered after signing.
        EditionInstrumentAttached = "edition-instrument-attached" 1,
        /// An edition was annulled.
        EditionAnnulled = "edition-annulled" 1,
        /// Agencies whose rank moved by another's appeal were told.
        AgenciesNotified = "agencies-notified" 1,
    }
}

/// Which of a season's publications an edition is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum EditionKind {
    /// Before appeals.
    Provisional,
    /// After appeals.
    Official,
    /// After an official one, because of an error.
    Correcting,
}

/// A figure that differs from the edition before.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FigureChange {
    /// The figure's address.
    pub address: String,
    /// Its value in the edition before; absent where it had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Its value in this edition; absent where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

payload! {
    /// The results as of a position, frozen. Closes scorecards but for appeals and council reopening.
    ResultsAnnounced {
        /// Number of the announcement in the season, from 1.
        number: u32,
        /// The position as of which the results hold: the last entry that they rest on.
        as_of: u64,
        /// RFC 6962 root over the sorted lines `stream\tversion\n` of every stream that the figures read.
        streams_root: Digest,
        /// How many streams.
        streams: u32,
        /// Who announced.
        by: By,
    }
    /// One council member approved; two are needed.
    ResultsApproved {
        /// The announcement.
        number: u32,
        /// Who approved.
        by: By,
    }
    /// One publication of the season's results.
    EditionPublished {
        /// Number of the edition in the season, from 1.
        edition: u32,
        /// Provisional, official or correcting.
        kind: EditionKind,
        /// The announcement it publishes.
        announcement: u32,
        /// The position as of which its figures hold.
        as_of: u64,
        /// RFC 6962 root over the rows in canonical JSON, sorted by agency id.
        table_digest: Digest,
        /// Rows of the table.
        rows: u32,
        /// SHA-256 over `address\tvalue\n`, sorted bytewise.
        figures_digest: Digest,
        /// How many figures.
        figures: u32,
        /// Figures that differ from the edition before: the first hundred by address.
        changed: Vec<FigureChange>,
        /// How many differ in all.
        changed_count: u32,
        /// Why, sealed; required for a correcting edition.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Sealed>,
        /// Who published.
        by: By,
    }
    /// The instrument by which an edition was issued.
    EditionInstrumentAttached {
        /// The edition.
        edition: u32,
        /// The instrument.
        instrument: InstrumentId,
        /// Who attached it.
        by: By,
    }
    /// An edition holds no more; what was in it stays on record.
    EditionAnnulled {
        /// The edition.
        edition: u32,
        /// Why, sealed.
        reason: Sealed,
        /// Who annulled it.
        by: By,
    }
    /// These agencies' ranks moved by another's appeal; they have their own window.
    AgenciesNotified {
        /// The edition that shows it.
        edition: u32,
        /// The agencies, sorted.
        agencies: Vec<AgencyId>,
        /// Until when they may appeal, exclusive.
        until: Timestamp,
        /// Who told them.
        by: By,
    }
}

// ---- refusals/… --------------------------------------------------------------------------------------------------

events! {
    /// Refusals for lateness and for want of authority: people argue about them later.
    RefusalsEvent {
        /// One refusal.
        RefusalRecorded = "refusal-recorded" 1,
    }
}
payload! {
    /// A refusal: its code, what was tried and on what; never the command's body.
    RefusalRecorded {
        /// The refusal's code.
        code: String,
        /// Kind of the command.
        command: String,
        /// What it was to act on, such as a stream.
        target: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        /// How many earlier ones were not recorded one by one (more than five a minute).
        uncounted: Option<u32>,
    }
}

// ---- downloads/… -------------------------------------------------------------------------------------------------

events! {
    /// Evidence files that were given out.
    DownloadsEvent {
        /// One file.
        EvidenceDownloaded = "evidence-downloaded" 1,
    }
}
payload! {
    /// A file was given out to the account of this stream.
    EvidenceDownloaded {
        /// The season.
        season: SeasonId,
        /// The agency that attached it.
        agency: AgencyId,
        /// Its number within the scorecard.
        number: u32,
        /// SHA-256 of the file.
        digest: Digest,
    }
}

// ---- sign-in/… ---------------------------------------------------------------------------------------------------

events! {
    /// What an inspector must be able to see about how an account signs in. No secret, name or address stands here.
    SignInEvent {
        /// Too many failures in a row: nothing is tried for a while.
        SignInLocked = "sign-in-locked" 1,
        /// The lock was lifted, and failures count from zero.
        SignInUnlocked = "sign-in-unlocked" 1,
        /// What the account signs in with was set or removed.
        CredentialSet = "credential-set" 1,
    }
}
payload! {
    /// After so many failures in a row nothing is tried for the account until an instant, whoever tries.
    SignInLocked {
        /// How many failures.
        failures: u32,
        /// Until when, exclusive.
        until: Timestamp,
    }
    /// The lock was lifted before its time.
    SignInUnlocked {
        /// Who lifted it.
        by: Hand,
    }
    /// What the account signs in with was about to be set or removed: recorded before it is done, so that nothing is
    /// ever done unrecorded. Two in a row of the same may be one that was interrupted and done again.
    CredentialSet {
        /// What.
        credential: Credential,
        /// Set or removed.
        change: CredentialChange,
        /// By whom.
        by: Hand,
        /// The token, where it is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<String>,
    }
}

/// What an account signs in with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Credential {
    /// Its password.
    Password,
    /// The device that shows its codes.
    SecondFactor,
    /// Its subject at an OpenID provider.
    Subject,
    /// A token for programs.
    Token,
}

/// What happened to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CredentialChange {
    /// There was none, or another one.
    Set,
    /// There is none from here on.
    Removed,
}

/// By whose hand something was done beside the commands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hand {
    /// An account that was signed in.
    Account(AccountId),
    /// Whoever has the store: the operator, on the console. The entry's actor is then `console`, which need not be an account.
    Console,
}

impl Hand {
    /// The account, where it was one.
    #[must_use]
    pub fn account(&self) -> Option<&AccountId> {
        match self {
            Self::Account(account) => Some(account),
            Self::Console => None,
        }
    }
}

// ---- operation/restore -------------------------------------------------------------------------------------------

events! {
    /// Restores from a backup that was older than what was known of the register.
    RestoresEvent {
        /// One restore.
        StoreRestored = "store-restored" 1,
    }
}
payload! {
    /// The register was put back to an older state, on purpose. Entries that were recorded after that state, and that
    /// others may have seen, are not in the log any more: who compares it with what it was will find it inconsistent, and
    /// finds here who answers for it.
    StoreRestored {
        /// Entries of the backup.
        size: u64,
        /// Root over them.
        root: Digest,
        /// Entries of the newest checkpoint that was known of the register.
        known_size: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        /// Its root; none where only its size was told, as a witness does.
        known_root: Option<Digest>,
        /// Why, sealed.
        reason: Sealed,
        /// Who restored it.
        by: By,
    }
}
