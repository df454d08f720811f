//! A version of a set, laid out once so that a leaf is found by code or id without walking the tree.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{LeafRule, Node, nodes};
use crate::values::{AgencyId, LeafId, NodeId, Points, Text};

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
    pub(super) fn scores_unlike(&self, other: &Self) -> bool {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fixture::*;
    use super::super::{sums, usable_rules, well_formed};
    use super::*;

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

    proptest! {
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
    }
}
