//! The criteria set (bộ tiêu chí): a versioned tree of domains, criteria and leaves.
//!
//! Every version that was ever activated is kept whole, so that a season scored under one reads on under it for ever; a
//! season changes over only by an entry of its own (`criteria-version-adopted`). Drafting takes a tree that is well
//! formed; activation and amendment take only one in which every level sums exactly and every rule can be used.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::command::{ActivateCriteriaSet, AmendCriteriaSet, DraftCriteriaSet};
use crate::decide::{Deciding, NAME_MAX, check_count, check_length, check_name};
use crate::event::{
    AmendmentTreatment, CriteriaCriterionRecorded, CriteriaDomainAmended, CriteriaDomainRecorded, CriteriaEvent,
    CriteriaSetActivated, CriteriaSetAmended, CriteriaSetDrafted, CriteriaVersionAdopted, LeafReopened, LeafTreatment,
    ScoreRecomputed,
};
use crate::policy::Policy;
use crate::refusal::{Refusal, refuse};
use crate::results;
use crate::scorecard::{How, Leaf, Submission};
use crate::scoring::{Inputs, ScoringRule};
use crate::season::Season;
use crate::stream::Stream;
use crate::survey::Surveyed;
use crate::values::{AgencyId, GroupId, LeafId, NodeId, Points, Sealed, SeasonId, SetId, Text};

/// Most leaves of a set.
pub const LEAVES_MAX: usize = 2_000;
/// Most levels below the set: domain, criterion and four sub-criteria.
pub const DEPTH_MAX: usize = 6;
/// Longest code of a node, in characters.
pub const CODE_MAX: usize = 32;
/// Longest hint at the evidence that is expected, in characters.
pub const HINT_MAX: usize = 2_000;
/// Most treatments of one amendment.
pub const TREATMENTS_MAX: usize = 400;
/// Bytes of payload above which a domain is recorded one criterion an entry; a criterion above it is refused. Leaves room
/// for an entry's other fields below 65,535 bytes (DESIGN §5).
pub const PAYLOAD_MAX: usize = 50_000;
/// Reason code of every change of a score by an amendment.
pub const STANDARD_AMENDED: &str = "standard_amended";

/// A node of the tree: a domain, a criterion, a sub-criterion. It has either children or a rule, never both.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// Stable over versions of the set.
    pub id: NodeId,
    /// Label of this version, such as "3.1.2".
    pub code: String,
    /// Name in Vietnamese.
    pub name: Text,
    /// Name in English.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_en: Option<Text>,
    /// Max points; the children's must add up to it exactly.
    pub max_points: Points,
    /// The agency that appraises this node and all below it, unless one of them names another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead_agency: Option<AgencyId>,
    /// The node of the predecessor set that figures may be compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predecessor: Option<NodeId>,
    /// Children, in order; empty for a leaf.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<Node>,
    /// What makes this node a leaf.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaf: Option<LeafRule>,
}

/// What is scored at a leaf, and how.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LeafRule {
    /// How points follow from inputs. A survey rule makes this the survey's leaf; all others are self-scored.
    pub rule: ScoringRule,
    /// Whether evidence must be attached.
    #[serde(default)]
    pub evidence_required: bool,
    /// What evidence is expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence_hint: Option<Text>,
}

/// A criteria set as of one position.
#[derive(Clone, Default, PartialEq, Debug, Serialize, Deserialize)]
pub struct CriteriaSet {
    /// Whether seasons may use it.
    pub status: SetStatus,
    /// Title in Vietnamese.
    pub title: Text,
    /// Title in English.
    pub title_en: Option<Text>,
    /// The set that leaves and domains are mapped to.
    pub predecessor: Option<SetId>,
    /// Max points of the whole set, the same in every version.
    pub max_points: Points,
    /// The domains as drafted last; version 1 once activated.
    #[serde(with = "nodes")]
    pub domains: Vec<Node>,
    /// Domains of the version that is about to begin.
    #[serde(with = "nodes")]
    pub amended: Vec<Node>,
    /// Every version that was activated, in order.
    pub versions: Vec<Arc<SetVersion>>,
}

/// Whether seasons may use a set.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SetStatus {
    /// Not yet; it can be drafted again.
    #[default]
    Draft,
    /// They may; it changes only by amendment.
    Active,
}

impl CriteriaSet {
    /// Applies an event; total. What no decision leads to (a criterion without its domain) is left aside.
    pub fn apply(&mut self, event: &CriteriaEvent) {
        match event {
            CriteriaEvent::CriteriaSetDrafted(e) => {
                self.title = e.title.clone();
                self.title_en.clone_from(&e.title_en);
                self.predecessor.clone_from(&e.predecessor);
                self.max_points = e.max_points;
                self.domains.clear();
            }
            CriteriaEvent::CriteriaDomainRecorded(e) => self.domains.push(e.domain.clone()),
            CriteriaEvent::CriteriaCriterionRecorded(e) => {
                if let Some(domain) = self.domains.iter_mut().rev().find(|d| d.id == e.domain) {
                    domain.children.push(e.criterion.clone());
                }
            }
            CriteriaEvent::CriteriaSetActivated(_) => {
                self.status = SetStatus::Active;
                self.versions.push(Arc::new(SetVersion::new(1, self.domains.clone())));
            }
            CriteriaEvent::CriteriaDomainAmended(e) => self.amended.push(e.domain.clone()),
            CriteriaEvent::CriteriaSetAmended(e) => {
                let amended = std::mem::take(&mut self.amended);
                let before = self.current().map_or(&self.domains, |v| &v.domains);
                let domains = with_domains(before, &amended);
                self.versions.push(Arc::new(SetVersion::new(e.version, domains)));
            }
        }
    }

    /// The version that a season would begin with now; none while it is a draft.
    #[must_use]
    pub fn current(&self) -> Option<&Arc<SetVersion>> {
        self.versions.last()
    }

    /// Number of the current version; 0 while it is a draft.
    #[must_use]
    pub fn current_version(&self) -> u32 {
        self.current().map_or(0, |v| v.version)
    }

    /// A version by its number.
    #[must_use]
    pub fn version(&self, number: u32) -> Option<&Arc<SetVersion>> {
        self.versions.iter().rev().find(|v| v.version == number)
    }
}

/// The domains with some of them replaced, in place, by those of the same id; new ones follow at the end.
fn with_domains(before: &[Node], amended: &[Node]) -> Vec<Node> {
    let mut domains = before.to_vec();
    for domain in amended {
        match domains.iter_mut().find(|d| d.id == domain.id) {
            Some(old) => *old = domain.clone(),
            None => domains.push(domain.clone()),
        }
    }
    domains
}

/// A version of a set, with its leaves laid out and indexed.
#[derive(Clone, PartialEq, Debug)]
pub struct SetVersion {
    /// From 1.
    pub version: u32,
    /// The tree.
    pub domains: Vec<Node>,
    leaves: Vec<LeafInfo>,
    by_code: BTreeMap<String, Place>,
    by_id: BTreeMap<NodeId, Place>,
    self_scored_max: Points,
    survey_max: Points,
    survey_leaf: Option<usize>,
}

/// Where a node stands: the child numbers that lead to it, and its leaves.
#[derive(Clone, PartialEq, Debug)]
struct Place {
    trail: Vec<usize>,
    leaves: Range<usize>,
}

/// A leaf of a version, with what it takes from the nodes above it.
#[derive(Clone, PartialEq, Debug)]
pub struct LeafInfo {
    /// Stable over versions.
    pub id: LeafId,
    /// Label in this version.
    pub code: String,
    /// Name in Vietnamese.
    pub name: Text,
    /// Name in English.
    pub name_en: Option<Text>,
    /// Max points.
    pub max_points: Points,
    /// How it is scored.
    pub rule: LeafRule,
    /// Its domain.
    pub domain: NodeId,
    /// Its domain's label in this version.
    pub domain_code: String,
    /// The nodes from the domain to the leaf itself.
    pub path: Vec<NodeId>,
    /// The agency that appraises it: the nearest that is named upwards.
    pub lead_agency: Option<AgencyId>,
    /// The node of the predecessor set that it may be compared with.
    pub predecessor: Option<NodeId>,
}

impl LeafInfo {
    /// True for the survey's leaf; all others are self-scored and appraised.
    #[must_use]
    pub fn is_survey(&self) -> bool {
        self.rule.rule.is_survey()
    }

    /// True where the same inputs may lead to other points: the rule or the maximum differs.
    fn scores_unlike(&self, other: &Self) -> bool {
        self.rule.rule != other.rule.rule || self.max_points != other.max_points
    }
}

impl SetVersion {
    /// Lays out a tree. Of nodes that share a code or an id, which no activated set has, the first is found.
    #[must_use]
    pub fn new(version: u32, domains: Vec<Node>) -> Self {
        let mut out = Self {
            version,
            domains: Vec::new(),
            leaves: Vec::new(),
            by_code: BTreeMap::new(),
            by_id: BTreeMap::new(),
            self_scored_max: Points::ZERO,
            survey_max: Points::ZERO,
            survey_leaf: None,
        };
        for (at, domain) in domains.iter().enumerate() {
            out.lay_out(domain, domain, &mut vec![at], &mut Vec::new(), None);
        }
        out.domains = domains;
        out
    }

    fn lay_out<'n>(
        &mut self,
        domain: &Node,
        node: &'n Node,
        trail: &mut Vec<usize>,
        path: &mut Vec<NodeId>,
        lead: Option<&'n AgencyId>,
    ) {
        let lead = node.lead_agency.as_ref().or(lead);
        path.push(node.id.clone());
        let first = self.leaves.len();
        if let Some(rule) = &node.leaf {
            let leaf = LeafInfo {
                id: node.id.clone(),
                code: node.code.clone(),
                name: node.name.clone(),
                name_en: node.name_en.clone(),
                max_points: node.max_points,
                rule: rule.clone(),
                domain: domain.id.clone(),
                domain_code: domain.code.clone(),
                path: path.clone(),
                lead_agency: lead.cloned(),
                predecessor: node.predecessor.clone(),
            };
            if leaf.is_survey() {
                self.survey_max = self.survey_max.plus(leaf.max_points);
                self.survey_leaf.get_or_insert(first);
            } else {
                self.self_scored_max = self.self_scored_max.plus(leaf.max_points);
            }
            self.leaves.push(leaf);
        }
        for (at, child) in node.children.iter().enumerate() {
            trail.push(at);
            self.lay_out(domain, child, trail, path, lead);
            trail.pop();
        }
        path.pop();
        let place = Place { trail: trail.clone(), leaves: first..self.leaves.len() };
        self.by_code.entry(node.code.clone()).or_insert_with(|| place.clone());
        self.by_id.entry(node.id.clone()).or_insert(place);
    }

    /// All leaves, in the order of the tree.
    #[must_use]
    pub fn leaves(&self) -> &[LeafInfo] {
        &self.leaves
    }

    /// A leaf by its code in this version, else by its id.
    #[must_use]
    pub fn leaf(&self, named: &str) -> Option<&LeafInfo> {
        let by_code = self.by_code.get(named).and_then(|place| self.leaf_at(place));
        by_code.or_else(|| self.by_id.get(named).and_then(|place| self.leaf_at(place)))
    }

    /// A leaf by its id alone: what entries name.
    #[must_use]
    pub fn leaf_by_id(&self, id: &LeafId) -> Option<&LeafInfo> {
        self.by_id.get(id).and_then(|place| self.leaf_at(place))
    }

    fn leaf_at(&self, place: &Place) -> Option<&LeafInfo> {
        // The node's own leaf comes first in its range, and only a leaf is as deep as its place.
        self.leaves.get(place.leaves.clone())?.first().filter(|leaf| leaf.path.len() == place.trail.len())
    }

    /// All leaves under a node that is named by its code in this version, else by its id; a leaf is under itself. None at
    /// all where there is no such node.
    pub fn node_leaves(&self, named: &str) -> std::slice::Iter<'_, LeafInfo> {
        let leaves = self.place(named).and_then(|place| self.leaves.get(place.leaves.clone()));
        leaves.unwrap_or_default().iter()
    }

    fn place(&self, named: &str) -> Option<&Place> {
        self.by_code.get(named).or_else(|| self.by_id.get(named))
    }

    /// A node by its code in this version, else by its id.
    #[must_use]
    pub fn node(&self, named: &str) -> Option<&Node> {
        let (first, rest) = self.place(named)?.trail.split_first()?;
        rest.iter().try_fold(self.domains.get(*first)?, |node, at| node.children.get(*at))
    }

    /// Whether a node of this id is in the tree.
    #[must_use]
    pub fn has_node(&self, id: &NodeId) -> bool {
        self.by_id.contains_key(id)
    }

    /// A domain by its code in this version, else by its id.
    #[must_use]
    pub fn domain(&self, named: &str) -> Option<&Node> {
        self.place(named).filter(|p| p.trail.len() == 1)?;
        self.node(named)
    }

    /// Max points of a domain.
    #[must_use]
    pub fn domain_max(&self, named: &str) -> Option<Points> {
        self.domain(named).map(|d| d.max_points)
    }

    /// The survey's leaf.
    #[must_use]
    pub fn survey_leaf(&self) -> Option<&LeafInfo> {
        self.leaves.get(self.survey_leaf?)
    }

    /// Max points of the leaves that are self-scored and appraised (90 in the real case).
    #[must_use]
    pub fn self_scored_max(&self) -> Points {
        self.self_scored_max
    }

    /// Max points of the survey (10 in the real case); 0 without one.
    #[must_use]
    pub fn survey_max(&self) -> Points {
        self.survey_max
    }

    /// Max points of all leaves.
    #[must_use]
    pub fn max_points(&self) -> Points {
        self.self_scored_max.plus(self.survey_max)
    }
}

/// What is stored of a version; the index is made again.
#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    #[serde(with = "nodes")]
    domains: Vec<Node>,
}

impl Serialize for SetVersion {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        Stored { version: self.version, domains: self.domains.clone() }.serialize(s)
    }
}

impl<'de> Deserialize<'de> for SetVersion {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Stored::deserialize(d).map(|stored| Self::new(stored.version, stored.domains))
    }
}

/// Nodes leave absent fields out and tag rules by name, which only self-describing formats read back; in the others a tree
/// is its JSON text.
mod nodes {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

    use super::Node;

    pub(super) fn serialize<S: Serializer>(nodes: &[Node], s: S) -> Result<S::Ok, S::Error> {
        if s.is_human_readable() {
            return nodes.serialize(s);
        }
        s.serialize_str(&serde_json::to_string(nodes).map_err(ser::Error::custom)?)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<Node>, D::Error> {
        if d.is_human_readable() {
            return Vec::deserialize(d);
        }
        serde_json::from_str(&String::deserialize(d)?).map_err(de::Error::custom)
    }
}

/// A level whose parts do not add up to what it declares.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LevelMismatch {
    /// Code of the node; empty for the set itself.
    pub code: String,
    /// Name of the node; empty for the set itself.
    pub name: Text,
    /// Max points as declared.
    pub declared: Points,
    /// What the parts add up to.
    pub summed: Points,
}

impl fmt::Display for LevelMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = if self.code.is_empty() { "the set" } else { &self.code };
        write!(f, "{level} (declared {}, its parts add up to {})", self.declared, self.summed)
    }
}

/// Every level whose parts do not add up to it exactly, from the set down, in the order of the tree.
#[must_use]
pub fn sums(domains: &[Node], max_points: Points) -> Vec<LevelMismatch> {
    let mut out = Vec::new();
    level("", &Text::default(), max_points, domains, &mut out);
    out
}

fn level(code: &str, name: &Text, declared: Points, parts: &[Node], out: &mut Vec<LevelMismatch>) {
    let summed = parts.iter().fold(Points::ZERO, |sum, part| sum.plus(part.max_points));
    if summed != declared {
        out.push(LevelMismatch { code: code.to_owned(), name: name.clone(), declared, summed });
    }
    for part in parts.iter().filter(|p| !p.children.is_empty()) {
        level(&part.code, &part.name, part.max_points, &part.children, out);
    }
}

/// Why a tree cannot be used, and at which node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TreeFault {
    /// Code of the node, or its id where the code is what is wrong.
    pub node: String,
    /// What is wrong with it.
    pub why: String,
}

impl TreeFault {
    fn refusal(&self, set: &SetId) -> Refusal {
        refuse!(BadTree, set = set, node = &self.node, why = &self.why)
    }
}

/// That a tree is well formed: ids and codes are unique, a node has either children or a rule, at most one leaf is the
/// survey's, nothing is deeper or more than the limits, names are there. Sums and rules are checked at activation.
///
/// # Errors
/// The first fault in the order of the tree.
pub fn well_formed(domains: &[Node]) -> Result<(), TreeFault> {
    let mut walk = Walk::default();
    for domain in domains {
        walk.visit(domain, 1)?;
    }
    if walk.leaves == 0 {
        return Err(TreeFault { node: "the set".to_owned(), why: "it has no leaf: nothing could be scored".to_owned() });
    }
    Ok(())
}

#[derive(Default)]
struct Walk<'n> {
    ids: BTreeSet<&'n NodeId>,
    codes: BTreeSet<&'n str>,
    leaves: usize,
    survey: Option<&'n str>,
}

impl<'n> Walk<'n> {
    fn visit(&mut self, node: &'n Node, depth: usize) -> Result<(), TreeFault> {
        let fault = |why: String| Err(TreeFault { node: node.code.clone(), why });
        if !is_code(&node.code) {
            return Err(TreeFault {
                node: node.id.to_string(),
                why: format!("its code must be letters and digits separated by dots, such as 3.1.2, at most {CODE_MAX}"),
            });
        }
        if depth > DEPTH_MAX {
            return fault(format!("it lies deeper than {DEPTH_MAX} levels"));
        }
        if !self.ids.insert(&node.id) {
            return fault(format!("the id {} is used twice", node.id));
        }
        if !self.codes.insert(&node.code) {
            return fault("the code is used twice".to_owned());
        }
        if node.name.is_empty() {
            return fault("it has no name".to_owned());
        }
        let hint = node.leaf.as_ref().and_then(|l| l.evidence_hint.as_ref());
        let texts = [
            ("name", Some(&node.name), NAME_MAX),
            ("name_en", node.name_en.as_ref(), NAME_MAX),
            ("evidence_hint", hint, HINT_MAX),
        ];
        for (field, text, limit) in texts {
            let length = text.map_or(0, |t| t.as_str().chars().count());
            if length > limit {
                return fault(format!("its {field} has {length} characters, the limit is {limit}"));
            }
        }
        match (&node.leaf, node.children.is_empty()) {
            (Some(_), false) => return fault("it has both children and a rule: a leaf has no children".to_owned()),
            (None, true) => return fault("it has neither children nor a rule".to_owned()),
            (None, false) => {}
            (Some(leaf), true) => {
                self.leaves += 1;
                if self.leaves > LEAVES_MAX {
                    return fault(format!("the set has more than {LEAVES_MAX} leaves"));
                }
                if leaf.rule.is_survey()
                    && let Some(other) = self.survey.replace(&node.code)
                {
                    return fault(format!("{other} is the survey's leaf already; a set has at most one"));
                }
            }
        }
        node.children.iter().try_for_each(|child| self.visit(child, depth + 1))
    }
}

fn is_code(code: &str) -> bool {
    let part = |p: &str| !p.is_empty() && p.bytes().all(|b| b.is_ascii_alphanumeric());
    code.len() <= CODE_MAX && code.split('.').all(part)
}

/// That every leaf's rule can be used for its maximum.
///
/// # Errors
/// The first that cannot, in the order of the tree.
pub fn usable_rules(domains: &[Node]) -> Result<(), TreeFault> {
    for node in domains {
        if let Some(leaf) = &node.leaf {
            leaf.rule.check(node.max_points).map_err(|why| TreeFault { node: node.code.clone(), why })?;
        }
        usable_rules(&node.children)?;
    }
    Ok(())
}

// ---- deciding ----------------------------------------------------------------------------------------------------

/// Drafts a set, or drafts it anew as long as it was not activated.
pub(crate) fn draft(d: &Deciding<'_>, c: &DraftCriteriaSet) -> Result<(), Refusal> {
    let stream = Stream::Criteria(c.set.clone());
    d.read(stream.clone());
    d.world.not_stopped(&stream)?;
    let before = d.world.sets.get(&c.set);
    if let Some(before) = before {
        if before.status == SetStatus::Active {
            return Err(refuse!(AlreadyExists, what = "criteria set", id = &c.set));
        }
        let same = before.title == c.title
            && before.title_en == c.title_en
            && before.predecessor == c.predecessor
            && before.max_points == c.max_points
            && before.domains == c.domains;
        if same {
            return Err(refuse!(NothingToDo, why = "the draft reads so already"));
        }
    }
    check_name("title", &c.title)?;
    if let Some(title) = &c.title_en {
        check_length("title_en", title, NAME_MAX)?;
    }
    if c.max_points == Points::ZERO {
        return Err(refuse!(Invalid, field = "max_points", value = c.max_points, why = "it must be above 0"));
    }
    well_formed(&c.domains).map_err(|fault| fault.refusal(&c.set))?;
    known_references(d, &c.set, c.predecessor.as_ref(), &c.domains)?;

    let frame = CriteriaSetDrafted {
        title: c.title.clone(),
        title_en: c.title_en.clone(),
        predecessor: c.predecessor.clone(),
        max_points: c.max_points,
        domains: count(c.domains.len()),
    };
    d.push(stream.clone(), frame);
    for domain in &c.domains {
        let whole = CriteriaDomainRecorded { domain: domain.clone(), criteria_follow: 0 };
        if bytes(whole.clone()) <= PAYLOAD_MAX {
            d.push(stream.clone(), whole);
            continue;
        }
        let bare = Node { children: Vec::new(), ..domain.clone() };
        let follow = count(domain.children.len());
        push_within(d, &stream, CriteriaDomainRecorded { domain: bare, criteria_follow: follow })?;
        for criterion in &domain.children {
            let criterion = criterion.clone();
            push_within(d, &stream, CriteriaCriterionRecorded { domain: domain.id.clone(), criterion })?;
        }
    }
    Ok(())
}

/// Bytes of an event's payload.
fn bytes(event: impl Into<CriteriaEvent>) -> usize {
    event.into().data().len()
}

/// Records an event that cannot be split further.
fn push_within(d: &Deciding<'_>, stream: &Stream, event: impl Into<CriteriaEvent>) -> Result<(), Refusal> {
    let event = event.into();
    let bytes = event.data().len();
    if bytes > PAYLOAD_MAX {
        return Err(refuse!(EntryTooLarge, kind = event.kind(), bytes = bytes, limit = PAYLOAD_MAX));
    }
    d.push(stream.clone(), event);
    Ok(())
}

fn count(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// That agencies that lead are in the register, and that nodes map to nodes of the predecessor, one to one.
fn known_references(
    d: &Deciding<'_>,
    set: &SetId,
    predecessor: Option<&SetId>,
    domains: &[Node],
) -> Result<(), Refusal> {
    let earlier = match predecessor {
        None => None,
        Some(id) if id == set => {
            return Err(refuse!(Invalid, field = "predecessor", value = id, why = "it is the set itself"));
        }
        Some(id) => {
            let draft = || refuse!(SetState, set = id, state = "a draft", command = "to map to it");
            Some((id, d.set(id)?.current().ok_or_else(draft)?))
        }
    };
    let mut mapped = BTreeMap::new();
    let mut rest: Vec<&Node> = domains.iter().rev().collect();
    while let Some(node) = rest.pop() {
        rest.extend(node.children.iter().rev());
        if let Some(lead) = &node.lead_agency {
            d.agency(lead)?;
        }
        let Some(to) = &node.predecessor else { continue };
        let fault = |why: String| TreeFault { node: node.code.clone(), why }.refusal(set);
        let Some((earlier_id, earlier)) = &earlier else {
            return Err(fault(format!("it maps to {to}, but the set names no predecessor")));
        };
        if !earlier.has_node(to) {
            return Err(fault(format!("it maps to {to}, which is not in {earlier_id}")));
        }
        if earlier.leaf_by_id(to).is_some() != node.leaf.is_some() {
            return Err(fault(format!("it maps to {to}: a leaf compares with a leaf only, a domain with a domain")));
        }
        if let Some(other) = mapped.insert(to, &node.code) {
            return Err(fault(format!("it maps to {to}, and so does {other}")));
        }
    }
    Ok(())
}

/// That a tree can be scored by: every level sums exactly, every rule can be used.
fn fit_for_use(set: &SetId, domains: &[Node], max_points: Points) -> Result<(), Refusal> {
    let levels = sums(domains, max_points);
    if !levels.is_empty() {
        let levels: Vec<_> = levels.iter().map(ToString::to_string).collect();
        return Err(refuse!(SumsDiffer, set = set, levels = levels.join("; ")));
    }
    usable_rules(domains).map_err(|fault| fault.refusal(set))
}

/// Lets seasons use a set.
pub(crate) fn activate(d: &Deciding<'_>, c: &ActivateCriteriaSet) -> Result<(), Refusal> {
    let set = d.set(&c.set)?;
    if set.status == SetStatus::Active {
        return Err(refuse!(SetState, set = &c.set, state = "active", command = d.kind()));
    }
    well_formed(&set.domains).map_err(|fault| fault.refusal(&c.set))?;
    fit_for_use(&c.set, &set.domains, set.max_points)?;
    let leaves = SetVersion::new(1, set.domains.clone()).leaves().len();
    d.push(Stream::Criteria(c.set.clone()), CriteriaSetActivated { leaves: count(leaves), by: d.by() });
    Ok(())
}

/// Begins a new version of a set, and takes every running season over to it. A season whose results were announced stays
/// with the version that they were announced under.
pub(crate) fn amend(d: &Deciding<'_>, c: &AmendCriteriaSet) -> Result<(), Refusal> {
    let set = d.set(&c.set)?;
    let Some(old) = set.current() else {
        return Err(refuse!(SetState, set = &c.set, state = "a draft", command = d.kind()));
    };
    if c.domains.is_empty() {
        return Err(refuse!(Missing, field = "domains"));
    }
    let mut ids = BTreeSet::new();
    if let Some(twice) = c.domains.iter().find(|domain| !ids.insert(&domain.id)) {
        return Err(TreeFault { node: twice.code.clone(), why: "the domain is given twice".to_owned() }.refusal(&c.set));
    }
    let domains = with_domains(&old.domains, &c.domains);
    if domains == old.domains {
        return Err(refuse!(NothingToDo, why = "the domains read so already"));
    }
    well_formed(&domains).map_err(|fault| fault.refusal(&c.set))?;
    known_references(d, &c.set, set.predecessor.as_ref(), &domains)?;
    fit_for_use(&c.set, &domains, set.max_points)?;
    let number = old.version.saturating_add(1);
    let new = SetVersion::new(number, domains);
    let treatments = treatments(old, &new, &c.treatments)?;
    let reason = d.seal("reason", &c.reason)?;

    let stream = Stream::Criteria(c.set.clone());
    for domain in c.domains.iter().filter(|domain| !old.domains.contains(domain)) {
        push_within(d, &stream, CriteriaDomainAmended { domain: domain.clone() })?;
    }
    // Leaves that are not named are kept, so these need not be.
    let named = treatments.iter().filter(|(_, t)| **t != AmendmentTreatment::Kept);
    let event = CriteriaSetAmended {
        version: number,
        treatments: named.map(|(leaf, t)| LeafTreatment { leaf: LeafId::clone(leaf), treatment: *t }).collect(),
        reason,
        by: d.by(),
    };
    push_within(d, &stream, event)?;
    for (id, season) in &d.world.seasons {
        for (group, held) in &season.groups {
            if !season.is_active() || held.set.as_ref() != Some(&c.set) {
                continue;
            }
            d.season(id)?;
            if results::announced(d, id) > 0 {
                continue;
            }
            let over = TakeOver { set: &c.set, old, new: &new, treatments: &treatments, reason };
            take_over(d, id, season, group, &over)?;
        }
    }
    Ok(())
}

/// What happens to each leaf of the old version that is named, checked against what becomes of it.
fn treatments<'c>(
    old: &SetVersion,
    new: &SetVersion,
    given: &'c [LeafTreatment],
) -> Result<BTreeMap<&'c LeafId, AmendmentTreatment>, Refusal> {
    check_count("treatments", given.len(), TREATMENTS_MAX)?;
    let mut named = BTreeMap::new();
    for LeafTreatment { leaf, treatment } in given {
        if old.leaf_by_id(leaf).is_none() {
            let why = "it is not a leaf of the version that is amended";
            return Err(refuse!(TreatmentMissing, leaf = leaf, why = why));
        }
        if named.insert(leaf, *treatment).is_some() {
            return Err(refuse!(TreatmentMissing, leaf = leaf, why = "it is named twice"));
        }
    }
    for leaf in old.leaves() {
        let after = new.leaf_by_id(&leaf.id);
        let unlike = after.is_some_and(|after| leaf.scores_unlike(after));
        let why = match (after, unlike, named.get(&leaf.id)) {
            (None, _, Some(AmendmentTreatment::Void)) => continue,
            (Some(_), true, Some(AmendmentTreatment::Recomputed | AmendmentTreatment::Redeclared)) => continue,
            // Words may change what is asked without a change of the rule.
            (Some(_), false, None | Some(AmendmentTreatment::Kept | AmendmentTreatment::Redeclared)) => continue,
            (None, _, _) => "it disappears: its scores can only be void",
            (Some(_), true, _) => "its rule or max points change: its scores are recomputed or redeclared",
            (Some(_), false, Some(AmendmentTreatment::Recomputed | AmendmentTreatment::Void)) => {
                "its rule and max points stay as they are: its scores are kept or redeclared"
            }
        };
        return Err(refuse!(TreatmentMissing, leaf = &leaf.code, why = why));
    }
    Ok(named)
}

/// An amendment, as a running season meets it.
struct TakeOver<'a> {
    set: &'a SetId,
    old: &'a SetVersion,
    new: &'a SetVersion,
    treatments: &'a BTreeMap<&'a LeafId, AmendmentTreatment>,
    reason: Sealed,
}

/// Takes a group of a running season over to the new version, with every scorecard in it.
fn take_over(
    d: &Deciding<'_>,
    id: &SeasonId,
    season: &Season,
    group: &GroupId,
    over: &TakeOver<'_>,
) -> Result<(), Refusal> {
    let TakeOver { set, old, new, treatments, reason } = over;
    let policy = season.policy(id)?;
    survey_stays(d, id, season, group, over)?;
    let adopted = CriteriaVersionAdopted { group: group.clone(), set: SetId::clone(set), version: new.version };
    d.push(Stream::Season(id.clone()), adopted);
    let added: Vec<_> =
        new.leaves().iter().filter(|l| !l.is_survey() && old.leaf_by_id(&l.id).is_none()).collect();
    for agency in season.agencies.iter().filter(|(_, m)| m.group == *group).map(|(agency, _)| agency) {
        let stream = Stream::Scorecard(id.clone(), agency.clone());
        d.read(stream.clone());
        d.world.not_stopped(&stream)?;
        let Some(card) = d.world.scorecard(id, agency) else { continue };
        let reopened = |leaf: &LeafInfo| LeafReopened {
            leaf: leaf.id.clone(),
            set_version: new.version,
            reason_code: STANDARD_AMENDED.to_owned(),
            reason: *reason,
            by: d.by(),
        };
        for (leaf, treatment) in *treatments {
            let Some(leaf) = new.leaf_by_id(leaf).filter(|l| !l.is_survey()) else { continue };
            let Some(recorded) = card.leaf(&leaf.id) else { continue };
            if recorded.self_score.is_none() && recorded.appraised.is_none() {
                continue;
            }
            match treatment {
                AmendmentTreatment::Kept | AmendmentTreatment::Void => {}
                AmendmentTreatment::Redeclared => d.push(stream.clone(), reopened(leaf)),
                AmendmentTreatment::Recomputed => {
                    let (self_points, appraised_points) = recomputed(leaf, recorded, policy).map_err(|why| {
                        let why = format!("the scores of {agency} in {id} cannot be recomputed ({why}): redeclare it");
                        refuse!(TreatmentMissing, leaf = &leaf.code, why = why)
                    })?;
                    let event = ScoreRecomputed {
                        leaf: leaf.id.clone(),
                        set_version: new.version,
                        self_points,
                        appraised_points,
                        reason_code: STANDARD_AMENDED.to_owned(),
                        reason: *reason,
                        by: d.by(),
                    };
                    d.push(stream.clone(), event);
                }
            }
        }
        // What is asked anew of an agency that has submitted must be open to it, or it could only be deemed zero.
        if card.submission == Submission::Submitted {
            added.iter().for_each(|leaf| d.push(stream.clone(), reopened(leaf)));
        }
    }
    Ok(())
}

/// Self and appraised points under the new rule. A zero that was deemed stays, and so does what is equal.
fn recomputed(leaf: &LeafInfo, recorded: &Leaf, policy: &Policy) -> Result<(Option<Points>, Option<Points>), String> {
    let points = |inputs: &Inputs| {
        let rule: &ScoringRule = &leaf.rule.rule;
        rule.points(leaf.max_points, inputs, policy.leaf_decimals, policy.rounding)
            .map_err(|e| format!("{} no longer fits: {e}", shown(inputs)))
    };
    let self_points = recorded.self_score.as_ref().map(|s| points(&s.inputs)).transpose()?;
    let appraised_points = match &recorded.appraised {
        Some(a) if a.how != How::Deemed => match &a.inputs {
            Some(inputs) => Some(points(inputs)?).filter(|p| *p != a.points),
            None => return Err(format!("{} points were set without inputs", a.points)),
        },
        Some(_) | None => None,
    };
    Ok((self_points, appraised_points))
}

fn shown(inputs: &Inputs) -> String {
    format!("what was declared, {inputs},")
}

/// Survey points rest on the survey's leaf as it was when they were recorded, and nothing recomputes them.
fn survey_stays(
    d: &Deciding<'_>,
    id: &SeasonId,
    season: &Season,
    group: &GroupId,
    over: &TakeOver<'_>,
) -> Result<(), Refusal> {
    let (before, after) = (over.old.survey_leaf(), over.new.survey_leaf());
    let same = match (before, after) {
        (Some(before), Some(after)) => before.id == after.id && !before.scores_unlike(after),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    if same {
        return Ok(());
    }
    d.read(Stream::Survey(id.clone()));
    let Some(survey) = d.world.surveys.get(id) else { return Ok(()) };
    let recorded = survey.agencies.iter().find(|(agency, surveyed)| {
        matches!(surveyed, Surveyed::Result(_)) && season.agencies.get(*agency).is_some_and(|m| m.group == *group)
    });
    match (recorded, before.or(after)) {
        (Some((agency, _)), Some(leaf)) => {
            let why = format!("{id} has survey results, such as of {agency}, that rest on the survey's leaf as it is");
            Err(refuse!(TreatmentMissing, leaf = &leaf.code, why = why))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::command::{Command, Envelope};
    use crate::decide::{AnnouncementFacts, Context, Decision, EditionFacts, LeafMark, Record, decide};
    use crate::event::{
        AccountOpened, AgencyEntered, AgencyRegistered, Event, Name, RankingGroupDefined, ResultsAnnounced, RoleGranted,
        ScoreAccepted, ScoreAdjusted, ScoreChange, ScoreDeemed, ScorecardSubmitted, SeasonActivated, SeasonOpened,
        SeasonPolicySet, SelfScored, SurveyResultRecorded,
    };
    use crate::policy::{ClassBy, LateSubmission, Mode, Ties, UnsignedEvidence, Unsurveyed};
    use crate::refusal::Code;
    use crate::roles::{By, Role, Scope};
    use crate::scoring::{Rounding, TierBasis};
    use crate::values::{AccountId, Digest, Sealer, Timestamp};
    use crate::world::World;

    const DEPARTMENTS: &str = include_str!("../../../data/hanam-2022/criteria-departments.json");
    const DISTRICTS: &str = include_str!("../../../data/hanam-2022/criteria-districts.json");

    fn id<T: std::str::FromStr<Err = crate::values::ValueError>>(text: &str) -> T {
        text.parse().expect("a test's value")
    }

    fn text(text: &str) -> Text {
        Text::try_new(text).expect("a test's text")
    }

    fn yes_no() -> LeafRule {
        LeafRule { rule: ScoringRule::YesNo { version: 1 }, evidence_required: false, evidence_hint: None }
    }

    fn rule(rule: ScoringRule) -> LeafRule {
        LeafRule { rule, ..yes_no() }
    }

    fn proportional() -> LeafRule {
        rule(ScoringRule::Proportional { version: 1, floor_pct: None })
    }

    fn node(code: &str, max: &str) -> Node {
        Node {
            id: id(&code.to_lowercase().replace('.', "-")),
            code: code.to_owned(),
            name: text("Tên"),
            name_en: None,
            max_points: id(max),
            lead_agency: None,
            predecessor: None,
            children: Vec::new(),
            leaf: None,
        }
    }

    fn leaf(code: &str, max: &str, rule: LeafRule) -> Node {
        Node { leaf: Some(rule), ..node(code, max) }
    }

    fn parent(code: &str, max: &str, children: Vec<Node>) -> Node {
        Node { children, ..node(code, max) }
    }

    /// 1 (1.1 yes/no 1, 1.2 proportional 2), 2 (2.1 survey 7).
    fn small() -> Vec<Node> {
        let first = parent("1", "3", vec![leaf("1.1", "1", yes_no()), leaf("1.2", "2", proportional())]);
        let survey = leaf("2.1", "7", rule(ScoringRule::Survey { version: 1 }));
        vec![first, parent("2", "7", vec![survey])]
    }

    /// A node of the data set's criteria documents.
    fn from_document(doc: &Value) -> Node {
        let field = |name: &str| doc.get(name).and_then(Value::as_str);
        let mut out = node(field("code").expect("code"), field("max_points").expect("max_points"));
        out.name = text(field("name").expect("name"));
        out.lead_agency = field("lead_agency").map(id);
        out.children = doc.get("children").and_then(Value::as_array).into_iter().flatten().map(from_document).collect();
        out.leaf = doc.get("rule").map(|doc| {
            let mut doc = doc.clone();
            let fields = doc.as_object_mut().expect("a rule is an object");
            fields.insert("version".to_owned(), 1.into());
            if let Some(tiers) = fields.get_mut("tiers").and_then(Value::as_array_mut) {
                for tier in tiers {
                    let tier = tier.as_object_mut().expect("a tier is an object");
                    let bound = tier.remove("at_least_pct").expect("the data set's tiers go by percentage");
                    tier.insert("at_least".to_owned(), bound);
                }
                fields.insert("by".to_owned(), "percentage".into());
            }
            rule(serde_json::from_value(doc).expect("a rule"))
        });
        out
    }

    fn real(document: &str) -> Vec<Node> {
        let doc: Value = serde_json::from_str(document).expect("JSON");
        doc.get("domains").and_then(Value::as_array).expect("domains").iter().map(from_document).collect()
    }

    fn change<'n>(nodes: &'n mut [Node], code: &str) -> &'n mut Node {
        fn find<'n>(nodes: &'n mut [Node], code: &str) -> Option<&'n mut Node> {
            nodes.iter_mut().find_map(|n| if n.code == code { Some(n) } else { find(&mut n.children, code) })
        }
        find(nodes, code).expect("a node of the test's tree")
    }

    // -- trees

    #[test]
    fn the_real_sets_are_well_formed_and_sum() {
        for document in [DEPARTMENTS, DISTRICTS] {
            let domains = real(document);
            assert_eq!(well_formed(&domains), Ok(()));
            assert_eq!(sums(&domains, id("100")), []);
            assert_eq!(usable_rules(&domains), Ok(()));
            let set = SetVersion::new(1, domains);
            assert_eq!(set.leaves().len(), 70);
            assert_eq!((set.self_scored_max(), set.survey_max(), set.max_points()), (id("90"), id("10"), id("100")));
            assert_eq!(set.survey_leaf().map(|l| l.code.as_str()), Some("8.1"));
            assert_eq!(set.domain_max("1"), Some(id("14")));
            let leaf = set.leaf("1.1.3").expect("a leaf of both sets");
            assert_eq!((leaf.domain_code.as_str(), leaf.lead_agency.as_ref()), ("1", Some(&id("so-noi-vu"))));
            assert_eq!(leaf.path, [id("1"), id("1-1"), id("1-1-3")]);
        }
    }

    #[test]
    fn each_level_that_does_not_add_up_is_named_with_both_sums() {
        let mut domains = small();
        change(&mut domains, "1.1").max_points = id("1.5");
        change(&mut domains, "2").max_points = id("6.5");
        let found: Vec<_> = sums(&domains, id("10")).iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "the set (declared 10, its parts add up to 9.5)",
                "1 (declared 3, its parts add up to 3.5)",
                "2 (declared 6.5, its parts add up to 7)",
            ]
        );
    }

    #[test]
    fn a_tree_that_is_not_well_formed_is_told_by_its_node() {
        let nested = |levels: usize| {
            let code = |depth: usize| vec!["1"; depth].join(".");
            (1..levels).rev().fold(leaf(&code(levels), "1", yes_no()), |below, depth| parent(&code(depth), "1", vec![below]))
        };
        let mut twice_coded = small();
        change(&mut twice_coded, "1.2").code = "1.1".to_owned();
        let mut twice_named = small();
        change(&mut twice_named, "1.2").id = id("1-1");
        let mut both = small();
        change(&mut both, "1").leaf = Some(yes_no());
        let mut neither = small();
        change(&mut neither, "1.1").leaf = None;
        let mut two_surveys = small();
        change(&mut two_surveys, "1.1").leaf = Some(rule(ScoringRule::Survey { version: 1 }));
        let mut nameless = small();
        change(&mut nameless, "1.1").name = Text::default();
        let mut wordy = small();
        change(&mut wordy, "1.1").name_en = Some(text(&"a".repeat(NAME_MAX + 1)));
        let mut crowd = small();
        let more = (0..LEAVES_MAX).map(|n| leaf(&format!("1.x{n}"), "1", yes_no()));
        change(&mut crowd, "1").children.extend(more);
        for (domains, at, why) in [
            (twice_coded, "1.1", "the code is used twice"),
            (twice_named, "1.2", "the id 1-1 is used twice"),
            (both, "1", "both children and a rule"),
            (neither, "1.1", "neither children nor a rule"),
            (two_surveys, "2.1", "1.1 is the survey's leaf already"),
            (nameless, "1.1", "no name"),
            (wordy, "1.1", "name_en has 501 characters, the limit is 500"),
            (crowd, "1.x1998", "more than 2000 leaves"),
            (vec![nested(7)], "1.1.1.1.1.1.1", "deeper than 6"),
            (Vec::new(), "the set", "no leaf"),
        ] {
            let fault = well_formed(&domains).expect_err(why);
            assert!(fault.node == at && fault.why.contains(why), "{fault:?} is not {at}: {why}");
        }
        assert_eq!(well_formed(&[nested(6)]), Ok(()));
        for code in ["", ".", "1.", ".1", "1..1", "1 1", "1-1", "Đ", &"1".repeat(33)] {
            let bad = Node { code: code.to_owned(), ..leaf("1", "1", yes_no()) };
            assert!(well_formed(&[bad]).is_err(), "{code}");
        }
    }

    #[test]
    fn a_code_goes_before_an_id() {
        let mut domains = small();
        // The id of one leaf is the code of another.
        domains.push(Node { id: id("x"), ..leaf("y", "1", yes_no()) });
        domains.push(Node { id: id("y"), ..leaf("z", "1", yes_no()) });
        let set = SetVersion::new(1, domains);
        assert_eq!(set.leaf("y").map(|l| l.code.as_str()), Some("y"));
        assert_eq!(set.leaf("x").map(|l| l.code.as_str()), Some("y"));
        assert_eq!(set.leaf_by_id(&id("y")).map(|l| l.code.as_str()), Some("z"));
        assert_eq!(set.leaf("1"), None, "a domain is no leaf");
        assert_eq!(set.leaf("1-2").map(|l| l.code.as_str()), Some("1.2"));
        let under = |named: &str| set.node_leaves(named).map(|l| l.code.as_str()).collect::<Vec<_>>();
        assert_eq!(under("1"), ["1.1", "1.2"]);
        assert_eq!(under("1.2"), ["1.2"]);
        assert_eq!(under("9"), <[&str; 0]>::default());
        assert_eq!(set.node("2-1").map(|n| n.code.as_str()), Some("2.1"));
        assert_eq!((set.domain("1").is_some(), set.domain("1.1").is_none()), (true, true));
    }

    // -- deciding

    /// A register that knows no positions.
    struct Unpositioned;

    impl Record for Unpositioned {
        fn leaf_mark(&self, _: &SeasonId, _: &AgencyId, _: &LeafId) -> Option<LeafMark> {
            None
        }
        fn announcement(&self, _: &SeasonId) -> AnnouncementFacts {
            AnnouncementFacts { as_of: 0, streams_root: Digest([0; 32]), streams: 0 }
        }
        fn edition(&self, _: &SeasonId, _: u64, _: Option<u64>) -> EditionFacts {
            EditionFacts {
                table_digest: Digest([0; 32]),
                rows: 0,
                figures_digest: Digest([0; 32]),
                figures: 0,
                changed: Vec::new(),
                changed_count: 0,
            }
        }
    }

    struct PlainSealer;

    impl Sealer for PlainSealer {
        fn seal(&self, _: &Text) -> Sealed {
            Digest([7; 32])
        }
    }

    fn by() -> By {
        By { account: id("acc-secretary"), on_behalf_of: None }
    }

    fn world() -> World {
        let mut world = World::default();
        for agency in ["so-noi-vu", "so-tu-phap"] {
            let name = Name { vi: text("Sở"), en: None, short: None };
            let registered = AgencyRegistered { name, body: false };
            world.apply(&Stream::Agency(id(agency)), &registered.into());
        }
        let account = Stream::Account(by().account);
        world.apply(&account, &AccountOpened { agency: id("so-noi-vu"), name: Digest([1; 32]) }.into());
        for role in [Role::Secretariat, Role::CouncilChair, Role::Administrator] {
            let granted = RoleGranted { role, scope: Scope::default(), by: by(), proposed_by: None, founding: true };
            world.apply(&account, &granted.into());
        }
        world
    }

    /// Decides a command, and where it is accepted applies what follows.
    fn act(world: &mut World, command: impl Into<Command>) -> Result<Decision, Refusal> {
        let envelope = Envelope {
            account: by().account,
            command_id: uuid::Uuid::nil(),
            on_behalf_of: None,
            capacity: None,
            seen: None,
            instrument: None,
            occurred: None,
            command: command.into(),
        };
        let received = Timestamp::from_micros(1_700_000_000_000_000);
        let context = Context { world, record: &Unpositioned, received, sealer: &PlainSealer };
        let decision = decide(&envelope, &context)?;
        for (stream, event) in &decision.events {
            let again = Event::decode(stream, event.kind(), event.kind_version(), &event.data()).expect("decodes");
            assert_eq!(again, *event);
            world.apply(stream, event);
        }
        Ok(decision)
    }

    fn drafting(domains: Vec<Node>) -> DraftCriteriaSet {
        DraftCriteriaSet {
            set: id("set-a"),
            title: text("Bộ tiêu chí"),
            title_en: None,
            predecessor: None,
            max_points: id("10"),
            domains,
        }
    }

    fn activating() -> ActivateCriteriaSet {
        ActivateCriteriaSet { set: id("set-a") }
    }

    fn amending(domains: Vec<Node>, treatments: &[(&str, AmendmentTreatment)]) -> AmendCriteriaSet {
        let treatments =
            treatments.iter().map(|(leaf, treatment)| LeafTreatment { leaf: id(leaf), treatment: *treatment }).collect();
        AmendCriteriaSet { set: id("set-a"), domains, treatments, reason: text("Sửa chuẩn") }
    }

    fn kinds(decision: &Decision) -> Vec<(String, &'static str)> {
        decision.events.iter().map(|(stream, event)| (stream.to_string(), event.kind())).collect()
    }

    fn set_of(world: &World) -> &CriteriaSet {
        world.sets.get("set-a").expect("the test drafted it")
    }

    fn refused(result: Result<Decision, Refusal>) -> (Code, String) {
        let refusal = result.expect_err("a refusal");
        (refusal.code, refusal.to_string())
    }

    /// The small set, activated.
    fn active() -> World {
        let mut world = world();
        act(&mut world, drafting(small())).expect("drafts");
        act(&mut world, activating()).expect("activates");
        world
    }

    #[test]
    fn a_drafted_set_can_be_used_only_once_activated() {
        let mut world = world();
        let drafted = act(&mut world, drafting(small())).expect("drafts");
        let domain = ("criteria/set-a".to_owned(), "criteria-domain-recorded");
        assert_eq!(
            kinds(&drafted),
            [("criteria/set-a".to_owned(), "criteria-set-drafted"), domain.clone(), domain]
        );
        assert_eq!(set_of(&world).current(), None);
        act(&mut world, activating()).expect("activates");
        let set = set_of(&world);
        assert_eq!((set.status, set.current_version()), (SetStatus::Active, 1));
        assert_eq!(set.version(1).map(|v| v.domains.clone()), Some(small()));
        assert_eq!(refused(act(&mut world, activating())).0, Code::SetState);
        assert_eq!(refused(act(&mut world, drafting(small()))).0, Code::AlreadyExists);
    }

    #[test]
    fn a_set_whose_sums_differ_is_drafted_anew_not_activated() {
        let mut world = world();
        let mut wrong = small();
        change(&mut wrong, "1.2").max_points = id("2.25");
        act(&mut world, drafting(wrong.clone())).expect("a draft need not sum");
        let (code, said) = refused(act(&mut world, activating()));
        assert_eq!(code, Code::SumsDiffer);
        assert!(said.contains("1 (declared 3, its parts add up to 3.25)"), "{said}");
        assert_eq!(refused(act(&mut world, drafting(wrong))).0, Code::NothingToDo);
        act(&mut world, drafting(small())).expect("drafts anew");
        act(&mut world, activating()).expect("activates");
        assert_eq!(set_of(&world).domains, small());
    }

    #[test]
    fn a_rule_that_cannot_reach_the_maximum_is_not_activated() {
        let mut world = world();
        let mut wrong = small();
        let steps = ScoringRule::Judged { version: 1, step: id("0.3") };
        change(&mut wrong, "1.1").leaf = Some(rule(steps));
        act(&mut world, drafting(wrong)).expect("drafts");
        let (code, said) = refused(act(&mut world, activating()));
        assert_eq!(code, Code::BadTree);
        assert!(said.contains("node 1.1: the maximum 1 is not a multiple of the step 0.3"), "{said}");
    }

    #[test]
    fn a_draft_names_only_what_the_register_knows() {
        let mut world = active();
        let mut led = small();
        change(&mut led, "1.1").lead_agency = Some(id("so-x"));
        let next = |domains, predecessor| DraftCriteriaSet { set: id("set-b"), predecessor, ..drafting(domains) };
        assert_eq!(refused(act(&mut world, next(led, None))).0, Code::Unknown);
        let mapped = |from: &str, to: &str| {
            let mut domains = small();
            change(&mut domains, from).predecessor = Some(id(to));
            domains
        };
        let earlier = Some(id("set-a"));
        assert_eq!(refused(act(&mut world, next(mapped("1.1", "1-1"), None))).0, Code::BadTree);
        assert_eq!(refused(act(&mut world, next(mapped("1.1", "9"), earlier.clone()))).0, Code::BadTree);
        assert_eq!(refused(act(&mut world, next(mapped("1.1", "1"), earlier.clone()))).0, Code::BadTree);
        assert_eq!(refused(act(&mut world, next(small(), Some(id("set-b"))))).0, Code::Invalid);
        assert_eq!(refused(act(&mut world, next(small(), Some(id("set-c"))))).0, Code::Unknown);
        let mut twice = mapped("1.1", "1-1");
        change(&mut twice, "1.2").predecessor = Some(id("1-1"));
        assert_eq!(refused(act(&mut world, next(twice, earlier.clone()))).0, Code::BadTree);
        let decision = act(&mut world, next(mapped("1.2", "1-1"), earlier)).expect("drafts");
        assert!(decision.reads.contains(&Stream::Criteria(id("set-a"))), "what a decision rests on is in its read set");
    }

    #[test]
    fn a_domain_too_large_for_an_entry_is_recorded_one_criterion_an_entry() {
        let mut world = world();
        let wordy = |code: String| Node { name: text(&"ồ".repeat(500)), ..leaf(&code, "1", yes_no()) };
        let children = (0..3).map(|c| parent(&format!("1.{c}"), "12", (0..12).map(|l| wordy(format!("1.{c}.{l}"))).collect()));
        let domains = vec![parent("1", "36", children.collect())];
        let draft = DraftCriteriaSet { max_points: id("36"), ..drafting(domains.clone()) };
        let decision = act(&mut world, draft).expect("drafts");
        let kinds: Vec<_> = decision.events.iter().map(|(_, e)| e.kind()).collect();
        let follows = "criteria-criterion-recorded";
        assert_eq!(kinds, ["criteria-set-drafted", "criteria-domain-recorded", follows, follows, follows]);
        assert!(decision.events.iter().all(|(_, e)| e.data().len() <= PAYLOAD_MAX));
        assert_eq!(set_of(&world).domains, domains);
        act(&mut world, activating()).expect("activates");
        assert_eq!(set_of(&world).current().map(|v| v.leaves().len()), Some(36));

        let criterion = parent("1.1", "36", (0..36).map(|l| wordy(format!("1.1.{l}"))).collect());
        let draft = DraftCriteriaSet {
            set: id("set-b"),
            max_points: id("36"),
            ..drafting(vec![parent("1", "36", vec![criterion])])
        };
        assert_eq!(refused(act(&mut world, draft)).0, Code::EntryTooLarge);
    }

    // -- amending

    fn policy() -> Policy {
        Policy {
            leaf_decimals: 2,
            display_decimals: 2,
            rounding: Rounding::HalfUp,
            appraisal_rounds: 2,
            class_by: ClassBy::RoundedIndex,
            ties: Ties::Competition,
            unsurveyed: Unsurveyed::LeaveOut,
            unsigned_evidence: UnsignedEvidence::ReviewerJudges,
            late_submission: LateSubmission::ByAcceptance,
            appeal_may_lower: false,
            approvals: 2,
            instrument_required: Vec::new(),
            reason_codes: Vec::new(),
            survey_factors: Vec::new(),
        }
    }

    fn ratio(numerator: &str, denominator: &str) -> Inputs {
        Inputs::Ratio { numerator: id(numerator), denominator: id(denominator) }
    }

    /// A season that runs on the small set: so-tu-phap scored 1.1 (1) and 1.2 (2 of 3, 1.33 points), so-noi-vu nothing.
    fn running() -> World {
        let mut world = active();
        let season = Stream::Season(id("s-1"));
        let name = || Name { vi: text("Sở"), en: None, short: None };
        let group = RankingGroupDefined {
            group: id("departments"),
            name: name(),
            set: Some(id("set-a")),
            classes: Vec::new(),
            letters: Vec::new(),
        };
        let entered = |agency: &str| AgencyEntered {
            agency: id(agency),
            group: id("departments"),
            council_member: false,
            from: None,
        };
        let opened = SeasonOpened { year: 2022, title: text("Đợt"), title_en: None, mode: Mode::Live };
        let adopted = CriteriaVersionAdopted { group: id("departments"), set: id("set-a"), version: 1 };
        for event in [
            Event::from(opened),
            SeasonPolicySet { policy: policy() }.into(),
            group.into(),
            entered("so-tu-phap").into(),
            entered("so-noi-vu").into(),
            adopted.into(),
            SeasonActivated { rules_version: 1, by: by() }.into(),
        ] {
            world.apply(&season, &event);
        }
        let scored = |leaf: &str, inputs: Inputs, points: &str| SelfScored {
            leaf: id(leaf),
            set_version: 1,
            inputs,
            points: id(points),
            by: by(),
        };
        let card = card();
        world.apply(&card, &scored("1-1", Inputs::YesNo(true), "1").into());
        world.apply(&card, &scored("1-2", ratio("2", "3"), "1.33").into());
        let submitted = ScorecardSubmitted { leaves: 2, self_points: id("2.33"), by: by() };
        world.apply(&card, &submitted.into());
        world
    }

    fn card() -> Stream {
        Stream::Scorecard(id("s-1"), id("so-tu-phap"))
    }

    fn recorded(world: &World, leaf: &str) -> Leaf {
        let card = world.scorecard(&id("s-1"), &id("so-tu-phap")).expect("the fixture's scorecard");
        card.leaf(&id(leaf)).cloned().unwrap_or_default()
    }

    /// Domain 1 with the maxima of its two leaves swapped, and the rule of 1.1 as it was.
    fn swapped() -> Vec<Node> {
        vec![parent("1", "3", vec![leaf("1.1", "2", yes_no()), leaf("1.2", "1", proportional())])]
    }

    #[test]
    fn an_amendment_recomputes_reopens_and_takes_the_season_over() {
        let mut world = running();
        let treatments = [("1-1", AmendmentTreatment::Redeclared), ("1-2", AmendmentTreatment::Recomputed)];
        let decision = act(&mut world, amending(swapped(), &treatments)).expect("amends");
        let named = |stream: &str, kind| (stream.to_owned(), kind);
        assert_eq!(
            kinds(&decision),
            [
                named("criteria/set-a", "criteria-domain-amended"),
                named("criteria/set-a", "criteria-set-amended"),
                named("season/s-1", "criteria-version-adopted"),
                named("scorecard/s-1/so-tu-phap", "leaf-reopened"),
                named("scorecard/s-1/so-tu-phap", "score-recomputed"),
            ]
        );
        let set = set_of(&world);
        assert_eq!((set.current_version(), set.amended.is_empty()), (2, true));
        assert_eq!(set.version(1).map(|v| v.domains.clone()), Some(small()), "the version before stays");
        assert_eq!(set.version(2).and_then(|v| v.leaf("1.2")).map(|l| l.max_points), Some(id("1")));
        assert_eq!(recorded(&world, "1-1").self_score, None);
        let score = recorded(&world, "1-2").self_score.expect("recomputed");
        assert_eq!((score.points, score.set_version), (id("0.67"), 2));
        assert!(decision.reads.contains(&Stream::Scorecard(id("s-1"), id("so-noi-vu"))));
        assert!(decision.reads.contains(&Stream::Results(id("s-1"))));
    }

    #[test]
    fn every_leaf_that_changes_needs_a_fitting_treatment() {
        use AmendmentTreatment::{Kept, Recomputed, Redeclared, Void};
        let world = running();
        let without = || vec![parent("1", "3", vec![leaf("1.2", "3", proportional())])];
        for (domains, treatments, at) in [
            (swapped(), vec![], "1.1"),
            (swapped(), vec![("1-1", Recomputed)], "1.2"),
            (swapped(), vec![("1-1", Kept), ("1-2", Recomputed)], "1.1"),
            (swapped(), vec![("1-1", Void), ("1-2", Recomputed)], "1.1"),
            (swapped(), vec![("1-1", Recomputed), ("1-2", Recomputed), ("2-1", Void)], "2.1"),
            (swapped(), vec![("1-1", Recomputed), ("1-2", Recomputed), ("9", Kept)], "9"),
            (swapped(), vec![("1-1", Recomputed), ("1-1", Recomputed), ("1-2", Recomputed)], "1-1"),
            (without(), vec![("1-2", Recomputed)], "1.1"),
            (without(), vec![("1-1", Redeclared), ("1-2", Recomputed)], "1.1"),
        ] {
            let (code, said) = refused(act(&mut world.clone(), amending(domains, &treatments)));
            assert_eq!(code, Code::TreatmentMissing, "{said}");
            assert!(said.starts_with(&format!("leaf {at} ")), "{said} is not about {at}");
        }
        act(&mut world.clone(), amending(without(), &[("1-1", Void), ("1-2", Recomputed)])).expect("amends");
    }

    #[test]
    fn an_amendment_must_sum_and_change_something() {
        let mut world = running();
        let wrong = vec![parent("1", "3", vec![leaf("1.1", "2", yes_no()), leaf("1.2", "2", proportional())])];
        let treatment = [("1-1", AmendmentTreatment::Recomputed)];
        assert_eq!(refused(act(&mut world, amending(wrong, &treatment))).0, Code::SumsDiffer);
        let same = small().into_iter().take(1).collect();
        assert_eq!(refused(act(&mut world, amending(same, &[]))).0, Code::NothingToDo);
        let twice = [swapped(), swapped()].concat();
        assert_eq!(refused(act(&mut world, amending(twice, &[]))).0, Code::BadTree);
        assert_eq!(refused(act(&mut world, amending(Vec::new(), &[]))).0, Code::Missing);
        let mut draft = self::world();
        act(&mut draft, drafting(small())).expect("drafts");
        assert_eq!(refused(act(&mut draft, amending(swapped(), &[]))).0, Code::SetState);
    }

    #[test]
    fn words_change_without_touching_a_score() {
        let mut world = running();
        let mut renamed = small();
        renamed.truncate(1);
        change(&mut renamed, "1.1").name = text("Tên khác");
        let decision = act(&mut world, amending(renamed, &[("1-1", AmendmentTreatment::Kept)])).expect("amends");
        assert!(decision.events.iter().all(|(stream, _)| *stream != card()));
        assert_eq!(recorded(&world, "1-1").self_score.map(|s| s.points), Some(id("1")));
    }

    #[test]
    fn what_no_longer_fits_the_rule_is_not_recomputed() {
        let mut world = running();
        let count = rule(ScoringRule::PerUnit { version: 1, points_per_unit: id("0.5") });
        let domains = vec![parent("1", "3", vec![leaf("1.1", "1", yes_no()), leaf("1.2", "2", count)])];
        let recompute = amending(domains.clone(), &[("1-2", AmendmentTreatment::Recomputed)]);
        let (code, said) = refused(act(&mut world, recompute));
        assert_eq!(code, Code::TreatmentMissing);
        assert!(said.contains("so-tu-phap in s-1") && said.contains("2 of 3"), "{said}");
        act(&mut world, amending(domains, &[("1-2", AmendmentTreatment::Redeclared)])).expect("amends");
        assert!(recorded(&world, "1-2").redeclare);
    }

    #[test]
    fn appraised_points_are_recomputed_from_the_inputs_they_rest_on() {
        let adjusted = |inputs: Option<Inputs>| {
            let change = ScoreChange {
                leaf: id("1-2"),
                old: Some(id("1.33")),
                new: id("0.67"),
                inputs,
                reason_code: "data_mismatch".to_owned(),
                reason: Digest([7; 32]),
            };
            Event::from(ScoreAdjusted { change, round: 1, case: None, by: by() })
        };
        let treatments = [("1-1", AmendmentTreatment::Recomputed), ("1-2", AmendmentTreatment::Recomputed)];
        let amend = || amending(swapped(), &treatments);

        let mut world = running();
        world.apply(&card(), &adjusted(Some(ratio("1", "3"))));
        act(&mut world, amend()).expect("amends");
        let leaf = recorded(&world, "1-2");
        assert_eq!(leaf.self_score.map(|s| s.points), Some(id("0.67")));
        let appraised = leaf.appraised.expect("stays appraised");
        assert_eq!((appraised.points, appraised.how), (id("0.33"), How::Recomputed));
        assert_eq!(appraised.reason_code.as_deref(), Some(STANDARD_AMENDED));

        let mut world = running();
        world.apply(&card(), &adjusted(None));
        let (code, said) = refused(act(&mut world, amend()));
        assert_eq!(code, Code::TreatmentMissing);
        assert!(said.contains("0.67 points were set without inputs"), "{said}");

        let mut world = running();
        let accepted = ScoreAccepted { leaf: id("1-1"), round: 1, points: id("1"), by: by() };
        world.apply(&card(), &accepted.into());
        let reason_code = "not_submitted".to_owned();
        let deemed = ScoreDeemed { leaf: id("1-2"), reason_code, reason: Digest([7; 32]), by: by() };
        world.apply(&card(), &deemed.into());
        act(&mut world, amend()).expect("amends");
        assert_eq!(recorded(&world, "1-1").appraised.map(|a| a.points), Some(id("2")));
        let zero = recorded(&world, "1-2").appraised.expect("stays deemed");
        assert_eq!((zero.points, zero.how), (Points::ZERO, How::Deemed));
    }

    #[test]
    fn a_new_leaf_opens_to_an_agency_that_has_submitted() {
        let mut world = running();
        let children = vec![leaf("1.1", "1", yes_no()), leaf("1.2", "1", proportional()), leaf("1.3", "1", yes_no())];
        let domains = vec![parent("1", "3", children)];
        act(&mut world, amending(domains, &[("1-2", AmendmentTreatment::Recomputed)])).expect("amends");
        assert!(recorded(&world, "1-3").redeclare);
    }

    #[test]
    fn a_season_whose_results_were_announced_stays_with_its_version() {
        let mut world = running();
        let announced =
            ResultsAnnounced { number: 1, as_of: 9, streams_root: Digest([0; 32]), streams: 1, by: by() };
        world.apply(&Stream::Results(id("s-1")), &announced.into());
        let treatments = [("1-1", AmendmentTreatment::Redeclared), ("1-2", AmendmentTreatment::Recomputed)];
        let decision = act(&mut world, amending(swapped(), &treatments)).expect("amends");
        assert!(decision.events.iter().all(|(stream, _)| *stream == Stream::Criteria(id("set-a"))));
        assert_eq!(recorded(&world, "1-2").self_score.map(|s| s.points), Some(id("1.33")));
    }

    #[test]
    fn the_surveys_leaf_stays_while_results_rest_on_it() {
        let mut world = running();
        let survey = leaf("2.1", "6", rule(ScoringRule::Survey { version: 1 }));
        let domains = vec![parent("2", "7", vec![survey, leaf("2.2", "1", yes_no())])];
        let amend = || amending(domains.clone(), &[("2-1", AmendmentTreatment::Recomputed)]);
        act(&mut world.clone(), amend()).expect("nothing was surveyed yet");
        let result = SurveyResultRecorded {
            agency: id("so-tu-phap"),
            forms: 100,
            factors: vec![id("90")],
            points: id("6.3"),
            reason_code: None,
            reason: None,
            by: by(),
        };
        world.apply(&Stream::Survey(id("s-1")), &result.into());
        let (code, said) = refused(act(&mut world, amend()));
        assert_eq!(code, Code::TreatmentMissing);
        assert!(said.contains("s-1 has survey results"), "{said}");
    }

    // -- properties

    fn any_rule() -> impl Strategy<Value = ScoringRule> {
        prop_oneof![
            Just(ScoringRule::YesNo { version: 1 }),
            Just(ScoringRule::Survey { version: 1 }),
            Just(ScoringRule::Tiers { version: 1, by: TierBasis::Count, tiers: Vec::new() }),
        ]
    }

    /// Trees of any shape, most of them not well formed: few ids and codes, children beside rules, sums that differ.
    fn any_node() -> impl Strategy<Value = Node> {
        let bare = ("[a-c]{1}", "[a-b1-2.]{0,3}", 0_u32..5, prop::option::of(any_rule())).prop_map(|(name, code, max, leaf)| {
            Node { id: id(&name), code, leaf: leaf.map(rule), ..node("1", &max.to_string()) }
        });
        bare.clone().prop_recursive(8, 40, 4, move |inner| {
            (bare.clone(), prop::collection::vec(inner, 0..4)).prop_map(|(node, children)| Node { children, ..node })
        })
    }

    fn any_event() -> impl Strategy<Value = CriteriaEvent> {
        prop_oneof![
            Just(CriteriaSetDrafted { title: text("a"), title_en: None, predecessor: None, max_points: id("1"), domains: 9 })
                .prop_map(CriteriaEvent::from),
            any_node().prop_map(|domain| CriteriaDomainRecorded { domain, criteria_follow: 0 }.into()),
            (any_node(), "[a-c]{1}").prop_map(|(criterion, domain)| {
                CriteriaCriterionRecorded { domain: id(&domain), criterion }.into()
            }),
            Just(CriteriaSetActivated { leaves: 0, by: by() }).prop_map(CriteriaEvent::from),
            any_node().prop_map(|domain| CriteriaDomainAmended { domain }.into()),
            (0_u32..4).prop_map(|version| {
                CriteriaSetAmended { version, treatments: Vec::new(), reason: Digest([0; 32]), by: by() }.into()
            }),
        ]
    }

    proptest! {
        #[test]
        fn the_fold_is_total_and_its_state_reads_back(events in prop::collection::vec(any_event(), 0..12)) {
            let mut set = CriteriaSet::default();
            for event in &events {
                set.apply(event);
            }
            let text = serde_json::to_string(&set).expect("serialises");
            prop_assert_eq!(serde_json::from_str::<CriteriaSet>(&text).expect("reads back"), set);
        }

        #[test]
        fn an_index_finds_only_what_is_there(domains in prop::collection::vec(any_node(), 0..4)) {
            let _ = (well_formed(&domains), usable_rules(&domains), sums(&domains, id("5")));
            let set = SetVersion::new(1, domains);
            for leaf in set.leaves() {
                prop_assert!(set.has_node(&leaf.id));
                prop_assert!(set.node(&leaf.code).is_some_and(|n| n.code == leaf.code));
            }
            for named in ["a", "b", "c", "1", "2", "", "1.1", "zz"] {
                if let Some(leaf) = set.leaf(named) {
                    prop_assert!(leaf.code == named || leaf.id.as_str() == named);
                }
                let _ = (set.node_leaves(named).count(), set.domain_max(named));
            }
        }

        #[test]
        fn in_the_real_set_any_one_change_is_told_at_its_level(at in 0_usize..70, more in 1_u32..500) {
            let mut domains = real(DEPARTMENTS);
            let set = SetVersion::new(1, domains.clone());
            let leaf = set.leaves().get(at).expect("70 leaves");
            let above = leaf.path.iter().rev().nth(1).and_then(|id| set.node(id.as_str())).expect("a leaf lies below a domain");
            let node = change(&mut domains, &leaf.code);
            let by = Points::try_new(rust_decimal::Decimal::new(more.into(), 2)).expect("within the type");
            node.max_points = node.max_points.plus(by);
            let found = sums(&domains, id("100"));
            prop_assert_eq!(found.len(), 1);
            prop_assert_eq!(&found[0].code, &above.code);
            prop_assert_eq!(found[0].summed, above.max_points.plus(by));
        }
    }
}
