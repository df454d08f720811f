//! The criteria set (bộ tiêu chí): a versioned tree of domains, criteria and leaves.
//!
//! Every version that was ever activated is kept whole, so that a season scored under one reads on under it for ever; a
//! season changes over only by an entry of its own (`criteria-version-adopted`). Drafting takes a tree that is well
//! formed; activation and amendment take only one in which every level sums exactly and every rule can be used.
//! `tree` judges trees, `version` lays one out for lookups, `amendment` changes a set in use.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::command::{ActivateCriteriaSet, DraftCriteriaSet};
use crate::decide::{Deciding, NAME_MAX, check_length, check_name};
use crate::event::{
    CriteriaCriterionRecorded, CriteriaDomainRecorded, CriteriaEvent, CriteriaSetActivated, CriteriaSetDrafted,
};
use crate::refusal::{Refusal, refuse};
use crate::scoring::ScoringRule;
use crate::stream::Stream;
use crate::values::{AgencyId, NodeId, Points, SetId, Text};

mod amendment;
mod tree;
mod version;

pub(crate) use amendment::amend;
pub use tree::{CODE_MAX, DEPTH_MAX, HINT_MAX, LEAVES_MAX, LevelMismatch, TreeFault, sums, usable_rules, well_formed};
pub use version::{LeafInfo, SetVersion};

/// Bytes of payload above which a domain is recorded one criterion an entry; a criterion above it is refused. Leaves room
/// for an entry's other fields below 65,535 bytes (DESIGN §5).
pub const PAYLOAD_MAX: usize = 50_000;

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

/// Small trees, the real ones, and a register to try them on, for the tests of this module.
#[cfg(test)]
mod fixture {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::account::trial::Trial;
    use crate::command::{AmendCriteriaSet, Command};
    use crate::decide::Decision;
    use crate::event::{AmendmentTreatment, Event, LeafTreatment};
    use crate::refusal::Code;
    use crate::roles::{By, Role};
    use crate::scoring::TierBasis;

    pub(super) const DEPARTMENTS: &str = include_str!("../../../../data/hanam-2022/criteria-departments.json");
    pub(super) const DISTRICTS: &str = include_str!("../../../../data/hanam-2022/criteria-districts.json");

    pub(super) fn id<T: std::str::FromStr<Err = crate::values::ValueError>>(text: &str) -> T {
        text.parse().expect("a test's value")
    }

    pub(super) fn text(text: &str) -> Text {
        Text::try_new(text).expect("a test's text")
    }

    pub(super) fn yes_no() -> LeafRule {
        LeafRule { rule: ScoringRule::YesNo { version: 1 }, evidence_required: false, evidence_hint: None }
    }

    pub(super) fn rule(rule: ScoringRule) -> LeafRule {
        LeafRule { rule, ..yes_no() }
    }

    pub(super) fn proportional() -> LeafRule {
        rule(ScoringRule::Proportional { version: 1, floor_pct: None })
    }

    pub(super) fn node(code: &str, max: &str) -> Node {
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

    pub(super) fn leaf(code: &str, max: &str, rule: LeafRule) -> Node {
        Node { leaf: Some(rule), ..node(code, max) }
    }

    pub(super) fn parent(code: &str, max: &str, children: Vec<Node>) -> Node {
        Node { children, ..node(code, max) }
    }

    /// 1 (1.1 yes/no 1, 1.2 proportional 2), 2 (2.1 survey 7).
    pub(super) fn small() -> Vec<Node> {
        let first = parent("1", "3", vec![leaf("1.1", "1", yes_no()), leaf("1.2", "2", proportional())]);
        let survey = leaf("2.1", "7", rule(ScoringRule::Survey { version: 1 }));
        vec![first, parent("2", "7", vec![survey])]
    }

    /// A node of the data set's criteria documents.
    pub(super) fn from_document(doc: &Value) -> Node {
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

    pub(super) fn real(document: &str) -> Vec<Node> {
        let doc: Value = serde_json::from_str(document).expect("JSON");
        doc.get("domains").and_then(Value::as_array).expect("domains").iter().map(from_document).collect()
    }

    pub(super) fn change<'n>(nodes: &'n mut [Node], code: &str) -> &'n mut Node {
        fn find<'n>(nodes: &'n mut [Node], code: &str) -> Option<&'n mut Node> {
            nodes.iter_mut().find_map(|n| if n.code == code { Some(n) } else { find(&mut n.children, code) })
        }
        find(nodes, code).expect("a node of the test's tree")
    }

    // -- trees
    pub(super) fn by() -> By {
        By { account: id("secretary"), on_behalf_of: None }
    }

    /// A register with two agencies and a secretary, who is of neither.
    pub(super) fn founded() -> Trial {
        let mut t = Trial::founded();
        t.agency("so-noi-vu", false);
        t.agency("so-tu-phap", false);
        t.account("secretary", "ubnd-tinh", &[Role::Secretariat]);
        t
    }

    /// Decides a command, and where it is accepted applies what follows, as it would be read back.
    pub(super) fn act(t: &mut Trial, command: impl Into<Command>) -> Result<Decision, Refusal> {
        let command = serde_json::to_value(command.into()).expect("commands serialise");
        let decision = t.by("secretary", command)?;
        for (stream, event) in &decision.events {
            let again = Event::decode(stream, event.kind(), event.kind_version(), &event.data()).expect("decodes");
            assert_eq!(again, *event);
        }
        Ok(decision)
    }

    pub(super) fn drafting(domains: Vec<Node>) -> DraftCriteriaSet {
        DraftCriteriaSet {
            set: id("set-a"),
            title: text("Bộ tiêu chí"),
            title_en: None,
            predecessor: None,
            max_points: id("10"),
            domains,
        }
    }

    pub(super) fn activating() -> ActivateCriteriaSet {
        ActivateCriteriaSet { set: id("set-a") }
    }

    pub(super) fn amending(domains: Vec<Node>, treatments: &[(&str, AmendmentTreatment)]) -> AmendCriteriaSet {
        let treatments = treatments
            .iter()
            .map(|(leaf, treatment)| LeafTreatment { leaf: id(leaf), treatment: *treatment })
            .collect();
        AmendCriteriaSet { set: id("set-a"), domains, treatments, reason: text("Sửa chuẩn") }
    }

    pub(super) fn kinds(decision: &Decision) -> Vec<(String, &'static str)> {
        decision.events.iter().map(|(stream, event)| (stream.to_string(), event.kind())).collect()
    }

    pub(super) fn set_of(t: &Trial) -> &CriteriaSet {
        t.world.sets.get("set-a").expect("the test drafted it")
    }

    pub(super) fn refused(result: Result<Decision, Refusal>) -> (Code, String) {
        let refusal = result.expect_err("a refusal");
        (refusal.code, refusal.to_string())
    }

    /// The small set, activated.
    pub(super) fn active() -> Trial {
        let mut t = founded();
        act(&mut t, drafting(small())).expect("drafts");
        act(&mut t, activating()).expect("activates");
        t
    }

    pub(super) fn any_rule() -> impl Strategy<Value = ScoringRule> {
        prop_oneof![
            Just(ScoringRule::YesNo { version: 1 }),
            Just(ScoringRule::Survey { version: 1 }),
            Just(ScoringRule::Tiers { version: 1, by: TierBasis::Count, tiers: Vec::new() }),
        ]
    }

    /// Trees of any shape, most of them not well formed: few ids and codes, children beside rules, sums that differ.
    pub(super) fn any_node() -> impl Strategy<Value = Node> {
        let bare = || {
            ("[a-c]{1}", "[a-b1-2.]{0,3}", 0_u32..5, prop::option::of(any_rule())).prop_map(
                |(name, code, max, leaf)| Node {
                    id: id(&name),
                    code,
                    leaf: leaf.map(rule),
                    ..node("1", &max.to_string())
                },
            )
        };
        bare().prop_recursive(8, 40, 4, move |inner| {
            (bare(), prop::collection::vec(inner, 0..4)).prop_map(|(node, children)| Node { children, ..node })
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::fixture::*;
    use super::*;
    use crate::event::{CriteriaDomainAmended, CriteriaSetAmended};
    use crate::refusal::Code;
    use crate::values::Digest;

    #[test]
    fn a_drafted_set_can_be_used_only_once_activated() {
        let mut t = founded();
        let drafted = act(&mut t, drafting(small())).expect("drafts");
        let domain = ("criteria/set-a".to_owned(), "criteria-domain-recorded");
        assert_eq!(kinds(&drafted), [("criteria/set-a".to_owned(), "criteria-set-drafted"), domain.clone(), domain]);
        assert_eq!(set_of(&t).current(), None);
        act(&mut t, activating()).expect("activates");
        let set = set_of(&t);
        assert_eq!((set.status, set.current_version()), (SetStatus::Active, 1));
        assert_eq!(set.version(1).map(|v| v.domains.clone()), Some(small()));
        assert_eq!(refused(act(&mut t, activating())).0, Code::SetState);
        assert_eq!(refused(act(&mut t, drafting(small()))).0, Code::AlreadyExists);
    }

    #[test]
    fn a_set_whose_sums_differ_is_drafted_anew_not_activated() {
        let mut t = founded();
        let mut wrong = small();
        change(&mut wrong, "1.2").max_points = id("2.25");
        act(&mut t, drafting(wrong.clone())).expect("a draft need not sum");
        let (code, said) = refused(act(&mut t, activating()));
        assert_eq!(code, Code::SumsDiffer);
        assert!(said.contains("1 (declared 3, its parts add up to 3.25)"), "{said}");
        assert_eq!(refused(act(&mut t, drafting(wrong))).0, Code::NothingToDo);
        act(&mut t, drafting(small())).expect("drafts anew");
        act(&mut t, activating()).expect("activates");
        assert_eq!(set_of(&t).domains, small());
    }

    #[test]
    fn a_rule_that_cannot_reach_the_maximum_is_not_activated() {
        let mut t = founded();
        let mut wrong = small();
        let steps = ScoringRule::Judged { version: 1, step: id("0.3") };
        change(&mut wrong, "1.1").leaf = Some(rule(steps));
        act(&mut t, drafting(wrong)).expect("drafts");
        let (code, said) = refused(act(&mut t, activating()));
        assert_eq!(code, Code::BadTree);
        assert!(said.contains("node 1.1: the maximum 1 is not a multiple of the step 0.3"), "{said}");
    }

    #[test]
    fn a_draft_names_only_what_the_register_knows() {
        let mut t = active();
        let mut led = small();
        change(&mut led, "1.1").lead_agency = Some(id("so-x"));
        let next = |domains, predecessor| DraftCriteriaSet { set: id("set-b"), predecessor, ..drafting(domains) };
        assert_eq!(refused(act(&mut t, next(led, None))).0, Code::Unknown);
        let mapped = |from: &str, to: &str| {
            let mut domains = small();
            change(&mut domains, from).predecessor = Some(id(to));
            domains
        };
        let earlier = Some(id("set-a"));
        assert_eq!(refused(act(&mut t, next(mapped("1.1", "1-1"), None))).0, Code::BadTree);
        assert_eq!(refused(act(&mut t, next(mapped("1.1", "9"), earlier.clone()))).0, Code::BadTree);
        assert_eq!(refused(act(&mut t, next(mapped("1.1", "1"), earlier.clone()))).0, Code::BadTree);
        assert_eq!(refused(act(&mut t, next(small(), Some(id("set-b"))))).0, Code::Invalid);
        assert_eq!(refused(act(&mut t, next(small(), Some(id("set-c"))))).0, Code::Unknown);
        let mut twice = mapped("1.1", "1-1");
        change(&mut twice, "1.2").predecessor = Some(id("1-1"));
        assert_eq!(refused(act(&mut t, next(twice, earlier.clone()))).0, Code::BadTree);
        let decision = act(&mut t, next(mapped("1.2", "1-1"), earlier)).expect("drafts");
        assert!(decision.reads.contains(&Stream::Criteria(id("set-a"))), "what a decision rests on is in its read set");
    }

    #[test]
    fn a_domain_too_large_for_an_entry_is_recorded_one_criterion_an_entry() {
        let mut t = founded();
        let wordy = |code: String| Node { name: text(&"ồ".repeat(500)), ..leaf(&code, "1", yes_no()) };
        let children =
            (0..3).map(|c| parent(&format!("1.{c}"), "12", (0..12).map(|l| wordy(format!("1.{c}.{l}"))).collect()));
        let domains = vec![parent("1", "36", children.collect())];
        let draft = DraftCriteriaSet { max_points: id("36"), ..drafting(domains.clone()) };
        let decision = act(&mut t, draft).expect("drafts");
        let kinds: Vec<_> = decision.events.iter().map(|(_, e)| e.kind()).collect();
        let follows = "criteria-criterion-recorded";
        assert_eq!(kinds, ["criteria-set-drafted", "criteria-domain-recorded", follows, follows, follows]);
        assert!(decision.events.iter().all(|(_, e)| e.data().len() <= PAYLOAD_MAX));
        assert_eq!(set_of(&t).domains, domains);
        act(&mut t, activating()).expect("activates");
        assert_eq!(set_of(&t).current().map(|v| v.leaves().len()), Some(36));

        let criterion = parent("1.1", "36", (0..36).map(|l| wordy(format!("1.1.{l}"))).collect());
        let draft = DraftCriteriaSet {
            set: id("set-b"),
            max_points: id("36"),
            ..drafting(vec![parent("1", "36", vec![criterion])])
        };
        assert_eq!(refused(act(&mut t, draft)).0, Code::EntryTooLarge);
    }

    fn any_event() -> impl Strategy<Value = CriteriaEvent> {
        prop_oneof![
            Just(CriteriaSetDrafted {
                title: text("a"),
                title_en: None,
                predecessor: None,
                max_points: id("1"),
                domains: 9
            })
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
    }
}
