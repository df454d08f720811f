//! What makes a tree usable: its form, its sums, its rules.

use std::collections::BTreeSet;
use std::fmt;

use super::Node;
use crate::decide::NAME_MAX;
use crate::refusal::{Refusal, refuse};
use crate::values::{NodeId, Points, SetId, Text};

/// Most leaves of a set.
pub const LEAVES_MAX: usize = 2_000;
/// Most levels below the set: domain, criterion and four sub-criteria.
pub const DEPTH_MAX: usize = 6;
/// Longest code of a node, in characters.
pub const CODE_MAX: usize = 32;
/// Longest hint at the evidence that is expected, in characters.
pub const HINT_MAX: usize = 2_000;

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
    pub(super) fn refusal(&self, set: &SetId) -> Refusal {
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
        return Err(TreeFault {
            node: "the set".to_owned(),
            why: "it has no leaf: nothing could be scored".to_owned(),
        });
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
                why: format!(
                    "its code must be letters and digits separated by dots, such as 3.1.2, at most {CODE_MAX}"
                ),
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::SetVersion;
    use super::super::fixture::*;
    use super::*;
    use crate::scoring::ScoringRule;

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
            (1..levels)
                .rev()
                .fold(leaf(&code(levels), "1", yes_no()), |below, depth| parent(&code(depth), "1", vec![below]))
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

    proptest! {
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
