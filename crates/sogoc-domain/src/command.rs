//! Commands: what an actor asks for. Imperative, with the texts bare; deciding seals them.
//!
//! The JSON form is the contract of `sogoc execute`; its schema is generated from these types and committed.

use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use crate::criteria::Node;
use crate::event::{
    AppealOutcome, EditionKind, ErasureGround, EvidencePurpose, LeafTreatment, Name, SignatureState, Vote,
};
use crate::evidence::Capacity;
use crate::policy::{Applicability, Assignment, Band, Basis, DeadlineScope, LineKind, Mode, Policy, Treatment};
use crate::roles::{Role, Scope};
use crate::scoring::Inputs;
use crate::values::{
    AccountId, AgencyId, CaseId, Digest, GroupId, InstrumentId, LineId, Percent, PhaseId, Points, Sealed, SeasonId,
    SetId, Text, Timestamp,
};

/// The instrument that an act rests on, and its clause.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct InstrumentRef {
    /// A registered instrument.
    pub id: InstrumentId,
    /// The clause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clause: Option<String>,
}

/// A command with who asks, and what it rests on.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// The account that decides.
    pub account: AccountId,
    /// Chosen by the caller, once and for ever: the same id takes effect once (invariant 5).
    pub command_id: Uuid,
    /// The delegator, where the account acts under a delegation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<AccountId>,
    /// KT., TL., TUQ. and the office held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<String>,
    /// Position of the leaf version that the author was shown (invariant 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<u64>,
    /// What the act rests on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instrument: Option<InstrumentRef>,
    /// When the act happened outside (invariant 12).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred: Option<Timestamp>,
    /// The command itself.
    pub command: Command,
}

macro_rules! commands {
    ($($(#[$doc:meta])* $name:ident = $kind:literal { $($(#[$fdoc:meta])* $field:ident: $ty:ty,)* })*) => {
        /// A command, by its type.
        #[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(tag = "type")]
        #[allow(clippy::large_enum_variant, reason = "a command is decided once and never kept in bulk")]
        pub enum Command {
            $($(#[$doc])* #[serde(rename = $kind)] $name($name),)*
        }

        impl Command {
            /// Every kind of command.
            pub const KINDS: &'static [&'static str] = &[$($kind),*];

            /// Reads a command whose kind is known from its fields alone; none where there is no such kind.
            pub fn read<'de, D: Deserializer<'de>>(kind: &str, fields: D) -> Option<Result<Self, D::Error>> {
                match kind {
                    $($kind => Some($name::deserialize(fields).map(Self::$name)),)*
                    _ => None,
                }
            }

            /// The command's kind, as in phases' tables and refusals.
            #[must_use]
            pub fn kind(&self) -> &'static str {
                match self { $(Self::$name(_) => $kind,)* }
            }
        }

        $(
            $(#[$doc])*
            #[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
            #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
            #[serde(deny_unknown_fields)]
            pub struct $name { $($(#[$fdoc])* pub $field: $ty,)* }

            impl From<$name> for Command {
                fn from(c: $name) -> Self {
                    Self::$name(c)
                }
            }
        )*
    };
}

/// An account to open.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    /// Its id.
    pub account: AccountId,
    /// The agency or body it acts for.
    pub agency: AgencyId,
    /// Title or name.
    pub name: Text,
}

/// Points that a reviewer or council sets: from inputs by the rule, or as an override.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum NewPoints {
    /// Points follow from these inputs.
    Inputs(Inputs),
    /// These points, whatever the inputs say.
    Override(Points),
}

/// A change of one leaf of one agency, by a council resolution.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ResolvedChange {
    /// The agency.
    pub agency: AgencyId,
    /// The leaf: its code in the current version, or its id.
    pub leaf: String,
    /// The new points.
    pub points: NewPoints,
    /// Code from the season's policy.
    pub reason_code: String,
    /// Why.
    pub reason: Text,
}

/// What an item contests.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Contested {
    /// The appraised points of a leaf, named by its code in the current version or by its id.
    Leaf(String),
    /// Whether a leaf applies.
    Applicability(String),
    /// The survey points.
    SurveyPoints,
    /// The class.
    Class,
}

/// One contested item.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewAppealItem {
    /// What is contested.
    pub target: Contested,
    /// What the agency asks for, as a decimal or a class code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested: Option<String>,
    /// On what ground.
    pub ground: Text,
}

/// The decision of one item.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ItemDecision {
    /// The item's number, from 1.
    pub item: u32,
    /// Upheld, partly or rejected.
    pub outcome: AppealOutcome,
    /// What it sets; must be absent for a rejection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sets: Option<DecisionSets>,
    /// Code from the season's policy.
    pub reason_code: String,
    /// Why.
    pub reason: Text,
}

/// What an appeal decision sets, by the item's target.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum DecisionSets {
    /// For a leaf.
    Points(NewPoints),
    /// For an applicability.
    Applicability(Applicability),
    /// For the survey points.
    SurveyPoints(Points),
    /// For the class: the best class, or none.
    ClassCap(Option<String>),
}

/// One agency's survey result.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SurveyResult {
    /// The agency.
    pub agency: AgencyId,
    /// Valid forms.
    pub forms: u64,
    /// Percentage per factor, in the season's order.
    pub factors: Vec<Percent>,
}

/// A reference figure of an earlier year.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewReferenceFigure {
    /// Its address without the season, such as `departments/mean_index`.
    pub address: String,
    /// The year it is of.
    pub year: u16,
    /// Its value as a decimal string or an id.
    pub value: String,
    /// Printed or implied.
    pub basis: Basis,
    /// The document and section, or the derivation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Text>,
}

/// One row of a scorecard sheet.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SheetRow {
    /// The leaf: its code in the current version, or its id.
    pub leaf: String,
    /// What is declared.
    pub inputs: Inputs,
}

commands! {
    // -- founding, agencies, instruments, accounts
    /// Founds an empty register: the first administrator and a second account that approves with it.
    FoundRegister = "found-register" {
        /// The agency or body of the administrator.
        administrator_agency: Name,
        /// The first administrator.
        administrator: NewAccount,
        /// The agency or body of the approver.
        approver_agency: Name,
        /// The account that approves heavy roles with the administrator.
        approver: NewAccount,
        /// Its role: council-chair or administrator.
        approver_role: Role,
        /// Whether the approver's agency is a body that is never appraised.
        approver_body: bool,
        /// The instrument that the founding rests on.
        instrument: NewInstrument,
    }
    /// Registers an agency or a body.
    RegisterAgency = "register-agency" {
        /// Its id.
        agency: AgencyId,
        /// Its name.
        name: Name,
        /// True for a body that is never appraised.
        #[serde(default)]
        body: bool,
    }
    /// Renames an agency from an instant on.
    RenameAgency = "rename-agency" {
        /// The agency.
        agency: AgencyId,
        /// The new name.
        name: Name,
        /// From when.
        from: Timestamp,
    }
    /// Merges an agency into another.
    MergeAgency = "merge-agency" {
        /// The agency.
        agency: AgencyId,
        /// The successor.
        into: AgencyId,
        /// From when.
        from: Timestamp,
    }
    /// Splits an agency into others.
    SplitAgency = "split-agency" {
        /// The agency.
        agency: AgencyId,
        /// The successors.
        into: Vec<AgencyId>,
        /// From when.
        from: Timestamp,
    }
    /// Dissolves an agency.
    DissolveAgency = "dissolve-agency" {
        /// The agency.
        agency: AgencyId,
        /// From when.
        from: Timestamp,
    }
    /// Registers an instrument.
    RegisterInstrument = "register-instrument" {
        /// The instrument.
        instrument: NewInstrument,
    }
    /// Attaches the document of an instrument.
    AttachInstrumentDocument = "attach-instrument-document" {
        /// The instrument.
        id: InstrumentId,
        /// SHA-256 of the document.
        document: Digest,
    }
    /// Opens an account.
    OpenAccount = "open-account" {
        /// The account.
        account: NewAccount,
    }
    /// Grants a role that one administrator may grant.
    GrantRole = "grant-role" {
        /// The account.
        account: AccountId,
        /// The role.
        role: Role,
        /// Where and when it holds.
        #[serde(default)]
        scope: Scope,
    }
    /// Proposes a role that needs two.
    ProposeRole = "propose-role" {
        /// The account.
        account: AccountId,
        /// The role.
        role: Role,
        /// Where and when it holds.
        #[serde(default)]
        scope: Scope,
    }
    /// Approves a proposed role.
    ApproveRole = "approve-role" {
        /// The account.
        account: AccountId,
        /// The role.
        role: Role,
        /// Where and when it holds, as proposed.
        #[serde(default)]
        scope: Scope,
    }
    /// Revokes a role.
    RevokeRole = "revoke-role" {
        /// The account.
        account: AccountId,
        /// The role.
        role: Role,
        /// The season it was limited to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        season: Option<SeasonId>,
        /// Why.
        reason: Text,
    }
    /// Lets another account act for the caller.
    Delegate = "delegate" {
        /// The delegate.
        to: AccountId,
        /// From when.
        from: Timestamp,
        /// Until when, exclusive.
        until: Timestamp,
        /// Why.
        reason: Text,
    }
    /// Ends a delegation of the caller's.
    RevokeDelegation = "revoke-delegation" {
        /// The delegate.
        to: AccountId,
    }
    /// Moves an account to another agency.
    TransferAccount = "transfer-account" {
        /// The account.
        account: AccountId,
        /// The agency.
        agency: AgencyId,
    }
    /// Records that two accounts belong to the same person.
    LinkAccounts = "link-accounts" {
        /// One.
        account: AccountId,
        /// The other.
        with: AccountId,
    }
    /// Closes an account.
    CloseAccount = "close-account" {
        /// The account.
        account: AccountId,
        /// Why.
        reason: Text,
    }

    /// Erases sealed texts for ever, each named by its commitment; the entries that hold the commitments stay as they
    /// are. The envelope names the instrument that it rests on. Of several texts all are erased or none.
    EraseTexts = "erase-texts" {
        /// Commitments of the texts, as a trace shows them: 1 to 100.
        texts: Vec<Sealed>,
        /// On what ground, as a code.
        ground_code: ErasureGround,
        /// On what ground, in words; sealed like any other text, and may be erased in its turn.
        ground: Text,
    }
    /// Erases an evidence file: its bytes go, its digest and verdicts stay. Names an instrument.
    EraseEvidence = "erase-evidence" {
        /// SHA-256 of the file.
        digest: Digest,
        /// On what ground.
        ground_code: ErasureGround,
        /// On what ground, in words.
        ground: Text,
    }
    /// Records that the register was put back to an older state than was known of it. `sogoc restore` does so when it is
    /// forced; it is the first entry after those of the backup.
    RecordRestore = "record-restore" {
        /// Entries of the backup.
        size: u64,
        /// Root over them, in hexadecimal digits.
        root: Digest,
        /// Entries of the newest checkpoint that was known of the register.
        known_size: u64,
        /// Its root; left out where only its size is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        known_root: Option<Digest>,
        /// Why the older state was taken.
        reason: Text,
    }
    /// Says that a certificate signs for an agency.
    RegisterSigner = "register-signer" {
        /// The agency.
        agency: AgencyId,
        /// SHA-256 of the certificate (DER).
        certificate: Digest,
        /// Whose it is.
        capacity: Capacity,
    }
    /// Says that a certificate signs for an agency no more.
    WithdrawSigner = "withdraw-signer" {
        /// The agency.
        agency: AgencyId,
        /// SHA-256 of the certificate (DER).
        certificate: Digest,
        /// Why.
        reason: Text,
    }

    // -- criteria sets
    /// Drafts a criteria set, whole.
    DraftCriteriaSet = "draft-criteria-set" {
        /// Its id.
        set: SetId,
        /// Title in Vietnamese.
        title: Text,
        /// Title in English.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        title_en: Option<Text>,
        /// The set that leaves and domains are mapped to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        predecessor: Option<SetId>,
        /// Max points of the whole set.
        max_points: Points,
        /// The domains.
        domains: Vec<Node>,
    }
    /// Activates a criteria set whose levels all sum exactly.
    ActivateCriteriaSet = "activate-criteria-set" {
        /// The set.
        set: SetId,
    }
    /// Amends a set that running seasons may use.
    AmendCriteriaSet = "amend-criteria-set" {
        /// The set.
        set: SetId,
        /// The domains that change, whole.
        domains: Vec<Node>,
        /// What happens to each leaf that changes or disappears.
        treatments: Vec<LeafTreatment>,
        /// Why.
        reason: Text,
    }

    // -- season
    /// Opens a season.
    OpenSeason = "open-season" {
        /// Its id.
        season: SeasonId,
        /// The year assessed.
        year: u16,
        /// Title in Vietnamese.
        title: Text,
        /// Title in English.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        title_en: Option<Text>,
        /// Live or imported.
        #[serde(default)]
        mode: Mode,
    }
    /// Sets the season's policy.
    SetSeasonPolicy = "set-season-policy" {
        /// The season.
        season: SeasonId,
        /// The policy.
        policy: Policy,
    }
    /// Defines a ranking group.
    DefineRankingGroup = "define-ranking-group" {
        /// The season.
        season: SeasonId,
        /// The group.
        group: GroupId,
        /// Its name.
        name: Name,
        /// Its criteria set; absent where only totals are transcribed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        set: Option<SetId>,
        /// Class bands from the top.
        classes: Vec<Band>,
        /// Letter bands from the top.
        #[serde(default)]
        letters: Vec<Band>,
    }
    /// Schedules a phase.
    SchedulePhase = "schedule-phase" {
        /// The season.
        season: SeasonId,
        /// The phase.
        phase: PhaseId,
        /// Its name.
        name: Name,
        /// First instant.
        start: Timestamp,
        /// First instant after it.
        end: Timestamp,
        /// Kinds of commands that it admits.
        admits: Vec<String>,
    }
    /// Lets an agency take part.
    EnterAgency = "enter-agency" {
        /// The season.
        season: SeasonId,
        /// The agency.
        agency: AgencyId,
        /// The group it is ranked in.
        group: GroupId,
        /// True where it sits on the council.
        #[serde(default)]
        council_member: bool,
        /// From when, for one that joins late.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<Timestamp>,
    }
    /// Assigns reviewers, confirmers and alternates.
    AssignReviewers = "assign-reviewers" {
        /// The season.
        season: SeasonId,
        /// The assignment.
        assignment: Assignment,
    }
    /// Names the season that changes are counted against.
    SetComparison = "set-comparison" {
        /// The season.
        season: SeasonId,
        /// The earlier one.
        comparison: SeasonId,
    }
    /// Records printed or implied figures of an earlier year.
    RecordReferenceFigures = "record-reference-figures" {
        /// The season.
        season: SeasonId,
        /// The figures.
        figures: Vec<NewReferenceFigure>,
    }
    /// Defines a bonus or penalty line.
    DefineLine = "define-line" {
        /// The season.
        season: SeasonId,
        /// The line.
        line: LineId,
        /// Its name.
        name: Name,
        /// Bonus or penalty.
        kind: LineKind,
        /// Most points.
        cap: Points,
    }
    /// Activates the season and pins the rules of its figures.
    ActivateSeason = "activate-season" {
        /// The season.
        season: SeasonId,
    }
    /// Moves a deadline.
    MoveDeadline = "move-deadline" {
        /// The season.
        season: SeasonId,
        /// What it is moved for.
        scope: DeadlineScope,
        /// The phase; absent for an explanation request.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        phase: Option<PhaseId>,
        /// The new end.
        end: Timestamp,
        /// Why.
        reason: Text,
    }
    /// Says what a change of an agency means in the season.
    TreatAgency = "treat-agency" {
        /// The season.
        season: SeasonId,
        /// The agency.
        agency: AgencyId,
        /// The treatment.
        treatment: Treatment,
        /// Who answers for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        successor: Option<AgencyId>,
        /// From when.
        from: Timestamp,
        /// Why.
        reason: Text,
    }
    /// Says by which anchors signatures are judged from now on. The file must be stored.
    AdoptTrustAnchors = "adopt-trust-anchors" {
        /// The season.
        season: SeasonId,
        /// SHA-256 of the anchors' file.
        anchors: Digest,
        /// Why.
        reason: Text,
    }

    // -- scorecard: the agency
    /// Declares a leaf's inputs; the points follow by the rule.
    RecordSelfScore = "record-self-score" {
        /// The season.
        season: SeasonId,
        /// The agency.
        agency: AgencyId,
        /// The leaf: its code in the current version, or its id.
        leaf: String,
        /// What is declared.
        inputs: Inputs,
    }
    /// Declares many leaves at once; those that are refused are named in the receipt.
    ImportScorecard = "import-scorecard" {
        /// The season.
        season: SeasonId,
        /// The agency.
        agency: AgencyId,
        /// The rows, at most 500.
        rows: Vec<SheetRow>,
    }
    /// Attaches evidence to a leaf.
    AttachEvidence = "attach-evidence" {
        /// The season.
        season: SeasonId,
        /// The agency.
        agency: AgencyId,
        /// The leaf: its code in the current version, or its id.
        leaf: String,
        /// SHA-256 of the file; may be absent in an imported season only.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        digest: Option<Digest>,
        /// File name.
        name: Text,
        /// What kind of file, such as `pdf`.
        media: String,
        /// What is known of its signature.
        signature: SignatureState,
        /// Submitted, or a supplement.
        purpose: EvidencePurpose,
        /// The explanation request or appeal it is supplied for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        case: Option<CaseId>,
        /// SHA-256 of a signature that stands in a file of its own (`.p7s`).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detached: Option<Digest>,
    }
    /// Marks evidence as withdrawn.
    WithdrawEvidence = "withdraw-evidence" {
        /// The season.
        season: SeasonId,
        /// The agency.
        agency: AgencyId,
        /// Its number within the scorecard.
        number: u32,
        /// Why.
        reason: Text,
    }
    /// Has the signatures of attached evidence judged again, by the season's anchors as they are now. The new verdict
    /// stands beside the earlier ones.
    JudgeEvidence = "judge-evidence" {
        /// The season.
        season: SeasonId,
        /// The agency.
        agency: AgencyId,
        /// Its number within the scorecard.
        number: u32,
        /// Why.
        reason: Text,
    }
    /// Asks for an evidence file; that it was given out is recorded.
    DownloadEvidence = "download-evidence" {
        /// The season.
        season: SeasonId,
        /// The agency.
        agency: AgencyId,
        /// Its number within the scorecard.
        number: u32,
    }
    /// Submits the scorecard.
    SubmitScorecard = "submit-scorecard" {
        /// The season.
        season: SeasonId,
        /// The agency.
        agency: AgencyId,
    }
    /// Takes the submission back before the deadline.
    WithdrawSubmission = "withdraw-submission" {
        /// The season.
        season: SeasonId,
        /// The agency.
        agency: AgencyId,
        /// Why.
        reason: Text,
    }
    /// Answers an explanation request.
    GiveExplanation = "give-explanation" {
        /// The season.
        season: SeasonId,
        /// The agency.
        agency: AgencyId,
        /// The request.
        case: CaseId,
        /// The answer.
        answer: Text,
    }

    // -- scorecard: reviewers, confirmers, secretariat
    /// Records that nothing was submitted in time.
    RecordMissedSubmission = "record-missed-submission" {
        /// The season.
        season: SeasonId,
        /// The agency.
        agency: AgencyId,
    }
    /// Lets the agency score and submit after the deadline.
    AcceptLateSubmission = "accept-late-submission" {
        /// The season.
        season: SeasonId,
        /// The agency.
        agency: AgencyId,
        /// Why.
        reason: Text,
    }
    /// Accepts the self score of a leaf.
    AcceptScore = "accept-score" {
        /// The season.
        season: SeasonId,
        /// The agency.
        agency: AgencyId,
        /// The leaf: its code in the current version, or its id.
        leaf: String,
    }
    /// Accepts every unchanged leaf of a node that the caller may appraise; those that are refused are named.
    AcceptUnchanged = "accept-unchanged" {
        /// The season.
        season: SeasonId,
        /// The agency.
        agency: AgencyId,
        /// The node: its code in the current version, or its id.
        node: String,
    }
    /// Sets other points, with a reason.
    AdjustScore = "adjust-score" {
        /// The season.
        season: SeasonId,
        /// The agency.
        agency: AgencyId,
        /// The leaf: its code in the current version, or its id.
        leaf: String,
        /// The new points.
        points: NewPoints,
        /// Code from the season's policy.
        reason_code: String,
        /// Why.
        reason: Text,
        /// The explanation request that this answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        case: Option<CaseId>,
    }
    /// Keeps the appraised points after an explanation.
    UpholdScore = "uphold-score" {
        /// The season.
        season: SeasonId,
        /// The agency.
        agency: AgencyId,
        /// The leaf: its code in the current version, or its id.
        leaf: String,
        /// Code from the season's policy.
        reason_code: String,
        /// Why.
        reason: Text,
        /// The explanation request that this answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        case: Option<CaseId>,
    }
    /// Asks the agency for an explanation.
    RequestExplanation = "request-explanation" {
        /// The season.
        season: SeasonId,
        /// The agency.
        agency: AgencyId,
        /// The request's id.
        case: CaseId,
        /// The leaf: its code in the current version, or its id.
        leaf: String,
        /// What is asked.
        request: Text,
        /// Due by, exclusive.
        due: Timestamp,
    }
    /// Confirms every appraised leaf of a node that the caller may confirm, or the leaves named.
    ConfirmLeaves = "confirm-leaves" {
        /// The season.
        season: SeasonId,
        /// The agency.
        agency: AgencyId,
        /// Nodes or leaves, by code in the current version or by id.
        nodes: Vec<String>,
    }
    /// Sends appraised leaves back to the reviewer.
    ReturnLeaves = "return-leaves" {
        /// The season.
        season: SeasonId,
        /// The agency.
        agency: AgencyId,
        /// Leaves, by code in the current version or by id.
        leaves: Vec<String>,
        /// Why.
        reason: Text,
    }
    /// Decides whether leaves apply to the agency.
    DecideApplicability = "decide-applicability" {
        /// The season.
        season: SeasonId,
        /// The agency.
        agency: AgencyId,
        /// Leaves, by code in the current version or by id.
        leaves: Vec<String>,
        /// What holds from here on.
        applicability: Applicability,
        /// The ground.
        ground: Text,
    }
    /// Deems a leaf without points to be zero.
    DeemScore = "deem-score" {
        /// The season.
        season: SeasonId,
        /// The agency.
        agency: AgencyId,
        /// The leaf: its code in the current version, or its id.
        leaf: String,
        /// Code from the season's policy.
        reason_code: String,
        /// Why.
        reason: Text,
    }
    /// Corrects a clerical error in an earlier entry.
    CorrectScore = "correct-score" {
        /// The season.
        season: SeasonId,
        /// The agency.
        agency: AgencyId,
        /// The leaf: its code in the current version, or its id.
        leaf: String,
        /// Position of the entry that it corrects: the one the leaf's points rest on.
        corrects: u64,
        /// The points as they should have been recorded.
        points: NewPoints,
        /// Why.
        reason: Text,
    }
    /// Stands aside, or is set aside, in a scorecard.
    RecuseReviewer = "recuse-reviewer" {
        /// The season.
        season: SeasonId,
        /// The agency.
        agency: AgencyId,
        /// Who.
        account: AccountId,
        /// Why.
        reason: Text,
    }
    /// Opens a scorecard again after the announcement.
    ReopenScorecard = "reopen-scorecard" {
        /// The season.
        season: SeasonId,
        /// The agency.
        agency: AgencyId,
        /// Leaves, by code in the current version or by id; all where empty.
        leaves: Vec<String>,
        /// Why.
        reason: Text,
    }
    /// Sets the points of a bonus or penalty line.
    ScoreLine = "score-line" {
        /// The season.
        season: SeasonId,
        /// The agency.
        agency: AgencyId,
        /// The line.
        line: LineId,
        /// The points.
        points: Points,
        /// Code from the season's policy.
        reason_code: String,
        /// Why.
        reason: Text,
    }
    /// Caps the class of an agency, or lifts the cap.
    CapClass = "cap-class" {
        /// The season.
        season: SeasonId,
        /// The agency.
        agency: AgencyId,
        /// Code of the best class; absent lifts the cap.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        class: Option<String>,
        /// Why.
        reason: Text,
    }
    /// Transcribes a published row of an imported season.
    TranscribeResult = "transcribe-result" {
        /// The season.
        season: SeasonId,
        /// The agency.
        agency: AgencyId,
        /// Appraised points.
        appraised_points: Points,
        /// Survey points; absent means not surveyed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        survey_points: Option<Points>,
        /// Applicable max.
        applicable_max: Points,
    }

    // -- appeals
    /// Contests results.
    LodgeAppeal = "lodge-appeal" {
        /// The season.
        season: SeasonId,
        /// The agency.
        agency: AgencyId,
        /// The appeal's id.
        appeal: CaseId,
        /// What is contested.
        items: Vec<NewAppealItem>,
    }
    /// Lets an appeal be lodged although its window has closed.
    AcceptLateAppeal = "accept-late-appeal" {
        /// The season.
        season: SeasonId,
        /// The agency.
        agency: AgencyId,
        /// The appeal.
        appeal: CaseId,
        /// Why.
        reason: Text,
    }
    /// Gives the lead agency's opinion on an item.
    GiveOpinion = "give-opinion" {
        /// The season.
        season: SeasonId,
        /// The agency.
        agency: AgencyId,
        /// The appeal.
        appeal: CaseId,
        /// The item.
        item: u32,
        /// The opinion.
        opinion: Text,
    }
    /// Decides items of an appeal.
    DecideAppeal = "decide-appeal" {
        /// The season.
        season: SeasonId,
        /// The agency.
        agency: AgencyId,
        /// The appeal.
        appeal: CaseId,
        /// The decisions.
        decisions: Vec<ItemDecision>,
        /// The council members who decided: at least two.
        voters: Vec<AccountId>,
    }
    /// Takes an item of an appeal back.
    WithdrawAppeal = "withdraw-appeal" {
        /// The season.
        season: SeasonId,
        /// The agency.
        agency: AgencyId,
        /// The appeal.
        appeal: CaseId,
        /// The items; all open ones where empty.
        #[serde(default)]
        items: Vec<u32>,
    }

    // -- survey
    /// Opens the survey.
    OpenSurvey = "open-survey" {
        /// The season.
        season: SeasonId,
        /// The body that runs it.
        operator: AgencyId,
        /// The bodies that monitor it.
        monitors: Vec<AgencyId>,
    }
    /// Imports results.
    ImportSurvey = "import-survey" {
        /// The season.
        season: SeasonId,
        /// SHA-256 of the forms file.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        forms_file: Option<Digest>,
        /// The results.
        results: Vec<SurveyResult>,
        /// Required where an accepted result changes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason_code: Option<String>,
        /// Why; required with the code.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Text>,
    }
    /// Records that an agency is not surveyed.
    RecordNotSurveyed = "record-not-surveyed" {
        /// The season.
        season: SeasonId,
        /// The agency.
        agency: AgencyId,
        /// The ground.
        ground: Text,
    }
    /// Records a recheck of a sample.
    RecordRecheck = "record-recheck" {
        /// The season.
        season: SeasonId,
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
        /// What was found.
        finding: Text,
    }
    /// Accepts recorded survey results.
    AcceptSurvey = "accept-survey" {
        /// The season.
        season: SeasonId,
        /// The agencies; all that wait where empty.
        #[serde(default)]
        agencies: Vec<AgencyId>,
    }

    // -- council
    /// Opens a council session.
    OpenSession = "open-session" {
        /// The season.
        season: SeasonId,
        /// The session's id.
        session: CaseId,
        /// Members present.
        present: Vec<AccountId>,
    }
    /// Records that a member stands aside.
    RecuseMember = "recuse-member" {
        /// The season.
        season: SeasonId,
        /// The session.
        session: CaseId,
        /// The member.
        member: AccountId,
        /// The agency; all where absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        agency: Option<AgencyId>,
        /// Why.
        reason: Text,
    }
    /// Adopts a resolution, which may change many scorecards.
    AdoptResolution = "adopt-resolution" {
        /// The season.
        season: SeasonId,
        /// The session.
        session: CaseId,
        /// The resolution's id.
        resolution: CaseId,
        /// Its text.
        text: Text,
        /// The votes.
        votes: Vec<Vote>,
        /// What it changes.
        #[serde(default)]
        changes: Vec<ResolvedChange>,
    }
    /// Closes a council session.
    CloseSession = "close-session" {
        /// The season.
        season: SeasonId,
        /// The session.
        session: CaseId,
    }

    // -- results
    /// Freezes the results as they stand.
    AnnounceResults = "announce-results" {
        /// The season.
        season: SeasonId,
    }
    /// Approves an announcement.
    ApproveResults = "approve-results" {
        /// The season.
        season: SeasonId,
        /// The announcement.
        number: u32,
    }
    /// Publishes an edition of an approved announcement.
    PublishEdition = "publish-edition" {
        /// The season.
        season: SeasonId,
        /// The announcement.
        announcement: u32,
        /// Provisional, official or correcting.
        kind: EditionKind,
        /// Why; required for a correcting edition.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Text>,
    }
    /// Attaches the instrument by which an edition was issued.
    AttachEditionInstrument = "attach-edition-instrument" {
        /// The season.
        season: SeasonId,
        /// The edition.
        edition: u32,
        /// The instrument.
        instrument: InstrumentId,
    }
    /// Annuls an edition.
    AnnulEdition = "annul-edition" {
        /// The season.
        season: SeasonId,
        /// The edition.
        edition: u32,
        /// Why.
        reason: Text,
    }
    /// Tells agencies that their rank moved by another's appeal.
    NotifyAgencies = "notify-agencies" {
        /// The season.
        season: SeasonId,
        /// The edition that shows it.
        edition: u32,
        /// The agencies.
        agencies: Vec<AgencyId>,
        /// Until when they may appeal, exclusive.
        until: Timestamp,
    }
}

impl Command {
    /// The season that the command is about, where it is about one.
    #[must_use]
    pub fn season(&self) -> Option<&SeasonId> {
        match self {
            Self::OpenSeason(c) => Some(&c.season),
            Self::SetSeasonPolicy(c) => Some(&c.season),
            Self::DefineRankingGroup(c) => Some(&c.season),
            Self::SchedulePhase(c) => Some(&c.season),
            Self::EnterAgency(c) => Some(&c.season),
            Self::AssignReviewers(c) => Some(&c.season),
            Self::SetComparison(c) => Some(&c.season),
            Self::RecordReferenceFigures(c) => Some(&c.season),
            Self::DefineLine(c) => Some(&c.season),
            Self::ActivateSeason(c) => Some(&c.season),
            Self::MoveDeadline(c) => Some(&c.season),
            Self::TreatAgency(c) => Some(&c.season),
            Self::AdoptTrustAnchors(c) => Some(&c.season),
            Self::RecordSelfScore(c) => Some(&c.season),
            Self::ImportScorecard(c) => Some(&c.season),
            Self::AttachEvidence(c) => Some(&c.season),
            Self::WithdrawEvidence(c) => Some(&c.season),
            Self::JudgeEvidence(c) => Some(&c.season),
            Self::DownloadEvidence(c) => Some(&c.season),
            Self::SubmitScorecard(c) => Some(&c.season),
            Self::WithdrawSubmission(c) => Some(&c.season),
            Self::GiveExplanation(c) => Some(&c.season),
            Self::RecordMissedSubmission(c) => Some(&c.season),
            Self::AcceptLateSubmission(c) => Some(&c.season),
            Self::AcceptScore(c) => Some(&c.season),
            Self::AcceptUnchanged(c) => Some(&c.season),
            Self::AdjustScore(c) => Some(&c.season),
            Self::UpholdScore(c) => Some(&c.season),
            Self::RequestExplanation(c) => Some(&c.season),
            Self::ConfirmLeaves(c) => Some(&c.season),
            Self::ReturnLeaves(c) => Some(&c.season),
            Self::DecideApplicability(c) => Some(&c.season),
            Self::DeemScore(c) => Some(&c.season),
            Self::CorrectScore(c) => Some(&c.season),
            Self::RecuseReviewer(c) => Some(&c.season),
            Self::ReopenScorecard(c) => Some(&c.season),
            Self::ScoreLine(c) => Some(&c.season),
            Self::CapClass(c) => Some(&c.season),
            Self::TranscribeResult(c) => Some(&c.season),
            Self::LodgeAppeal(c) => Some(&c.season),
            Self::AcceptLateAppeal(c) => Some(&c.season),
            Self::GiveOpinion(c) => Some(&c.season),
            Self::DecideAppeal(c) => Some(&c.season),
            Self::WithdrawAppeal(c) => Some(&c.season),
            Self::OpenSurvey(c) => Some(&c.season),
            Self::ImportSurvey(c) => Some(&c.season),
            Self::RecordNotSurveyed(c) => Some(&c.season),
            Self::RecordRecheck(c) => Some(&c.season),
            Self::AcceptSurvey(c) => Some(&c.season),
            Self::OpenSession(c) => Some(&c.season),
            Self::RecuseMember(c) => Some(&c.season),
            Self::AdoptResolution(c) => Some(&c.season),
            Self::CloseSession(c) => Some(&c.season),
            Self::AnnounceResults(c) => Some(&c.season),
            Self::ApproveResults(c) => Some(&c.season),
            Self::PublishEdition(c) => Some(&c.season),
            Self::AttachEditionInstrument(c) => Some(&c.season),
            Self::AnnulEdition(c) => Some(&c.season),
            Self::NotifyAgencies(c) => Some(&c.season),
            Self::FoundRegister(_)
            | Self::RegisterAgency(_)
            | Self::RenameAgency(_)
            | Self::MergeAgency(_)
            | Self::SplitAgency(_)
            | Self::DissolveAgency(_)
            | Self::RegisterInstrument(_)
            | Self::AttachInstrumentDocument(_)
            | Self::OpenAccount(_)
            | Self::GrantRole(_)
            | Self::ProposeRole(_)
            | Self::ApproveRole(_)
            | Self::RevokeRole(_)
            | Self::Delegate(_)
            | Self::RevokeDelegation(_)
            | Self::TransferAccount(_)
            | Self::LinkAccounts(_)
            | Self::CloseAccount(_)
            | Self::EraseTexts(_)
            | Self::EraseEvidence(_)
            | Self::RecordRestore(_)
            | Self::RegisterSigner(_)
            | Self::WithdrawSigner(_)
            | Self::DraftCriteriaSet(_)
            | Self::ActivateCriteriaSet(_)
            | Self::AmendCriteriaSet(_) => None,
        }
    }

    /// The appraised agency that the command is about, where it is about one in a season.
    #[must_use]
    pub fn appraised_agency(&self) -> Option<&AgencyId> {
        match self {
            Self::EnterAgency(c) => Some(&c.agency),
            Self::TreatAgency(c) => Some(&c.agency),
            Self::RecordSelfScore(c) => Some(&c.agency),
            Self::ImportScorecard(c) => Some(&c.agency),
            Self::AttachEvidence(c) => Some(&c.agency),
            Self::WithdrawEvidence(c) => Some(&c.agency),
            Self::JudgeEvidence(c) => Some(&c.agency),
            Self::DownloadEvidence(c) => Some(&c.agency),
            Self::SubmitScorecard(c) => Some(&c.agency),
            Self::WithdrawSubmission(c) => Some(&c.agency),
            Self::GiveExplanation(c) => Some(&c.agency),
            Self::RecordMissedSubmission(c) => Some(&c.agency),
            Self::AcceptLateSubmission(c) => Some(&c.agency),
            Self::AcceptScore(c) => Some(&c.agency),
            Self::AcceptUnchanged(c) => Some(&c.agency),
            Self::AdjustScore(c) => Some(&c.agency),
            Self::UpholdScore(c) => Some(&c.agency),
            Self::RequestExplanation(c) => Some(&c.agency),
            Self::ConfirmLeaves(c) => Some(&c.agency),
            Self::ReturnLeaves(c) => Some(&c.agency),
            Self::DecideApplicability(c) => Some(&c.agency),
            Self::DeemScore(c) => Some(&c.agency),
            Self::CorrectScore(c) => Some(&c.agency),
            Self::RecuseReviewer(c) => Some(&c.agency),
            Self::ReopenScorecard(c) => Some(&c.agency),
            Self::ScoreLine(c) => Some(&c.agency),
            Self::CapClass(c) => Some(&c.agency),
            Self::TranscribeResult(c) => Some(&c.agency),
            Self::LodgeAppeal(c) => Some(&c.agency),
            Self::AcceptLateAppeal(c) => Some(&c.agency),
            Self::GiveOpinion(c) => Some(&c.agency),
            Self::DecideAppeal(c) => Some(&c.agency),
            Self::WithdrawAppeal(c) => Some(&c.agency),
            Self::RecordNotSurveyed(c) => Some(&c.agency),
            Self::RecordRecheck(c) => Some(&c.agency),
            Self::FoundRegister(_)
            | Self::RegisterAgency(_)
            | Self::RenameAgency(_)
            | Self::MergeAgency(_)
            | Self::SplitAgency(_)
            | Self::DissolveAgency(_)
            | Self::RegisterInstrument(_)
            | Self::AttachInstrumentDocument(_)
            | Self::OpenAccount(_)
            | Self::GrantRole(_)
            | Self::ProposeRole(_)
            | Self::ApproveRole(_)
            | Self::RevokeRole(_)
            | Self::Delegate(_)
            | Self::RevokeDelegation(_)
            | Self::TransferAccount(_)
            | Self::LinkAccounts(_)
            | Self::CloseAccount(_)
            | Self::EraseTexts(_)
            | Self::EraseEvidence(_)
            | Self::RecordRestore(_)
            | Self::RegisterSigner(_)
            | Self::WithdrawSigner(_)
            | Self::DraftCriteriaSet(_)
            | Self::ActivateCriteriaSet(_)
            | Self::AmendCriteriaSet(_)
            | Self::OpenSeason(_)
            | Self::SetSeasonPolicy(_)
            | Self::DefineRankingGroup(_)
            | Self::SchedulePhase(_)
            | Self::AssignReviewers(_)
            | Self::SetComparison(_)
            | Self::RecordReferenceFigures(_)
            | Self::DefineLine(_)
            | Self::ActivateSeason(_)
            | Self::MoveDeadline(_)
            | Self::AdoptTrustAnchors(_)
            | Self::OpenSurvey(_)
            | Self::ImportSurvey(_)
            | Self::AcceptSurvey(_)
            | Self::OpenSession(_)
            | Self::RecuseMember(_)
            | Self::AdoptResolution(_)
            | Self::CloseSession(_)
            | Self::AnnounceResults(_)
            | Self::ApproveResults(_)
            | Self::PublishEdition(_)
            | Self::AttachEditionInstrument(_)
            | Self::AnnulEdition(_)
            | Self::NotifyAgencies(_) => None,
        }
    }
}

/// An instrument to register.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewInstrument {
    /// Its id.
    pub id: InstrumentId,
    /// Its number, such as "1952/QĐ-UBND".
    pub number: Text,
    /// Its date, `YYYY-MM-DD`.
    pub date: String,
    /// Who issued it.
    pub issuer: Text,
    /// Its title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Text>,
    /// SHA-256 of its document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<Digest>,
}
