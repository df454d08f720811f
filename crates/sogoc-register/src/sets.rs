//! A version of a criteria set as figures read it: leaves by number, domains with their leaves.

use std::sync::Arc;

use sogoc_domain::criteria::SetVersion;
use sogoc_domain::values::{LeafId, NodeId, SetId};

use crate::micro::Micro;
use crate::symbols::{Sym, Symbols};

/// A version of a set, laid out for figures.
#[derive(Clone, Debug)]
pub(crate) struct SetIndex {
    pub(crate) set: SetId,
    pub(crate) version: u32,
    /// Leaves in the order of the tree.
    pub(crate) leaves: Vec<LeafIx>,
    pub(crate) domains: Vec<DomainIx>,
    /// Numbers of `leaves`, by symbol.
    by_sym: Vec<(Sym, usize)>,
    pub(crate) self_scored_max: Micro,
    pub(crate) survey_max: Micro,
    /// The survey's leaf in `leaves`.
    pub(crate) survey_leaf: Option<usize>,
    pub(crate) criteria: usize,
}

/// A leaf.
#[derive(Clone, Debug)]
pub(crate) struct LeafIx {
    pub(crate) sym: Sym,
    pub(crate) id: LeafId,
    pub(crate) code: String,
    pub(crate) max: Micro,
    pub(crate) survey: bool,
}

/// A domain.
#[derive(Clone, Debug)]
pub(crate) struct DomainIx {
    pub(crate) id: NodeId,
    pub(crate) code: String,
    pub(crate) max: Micro,
    /// Numbers of its leaves.
    pub(crate) leaves: std::ops::Range<usize>,
}

impl SetIndex {
    pub(crate) fn new(set: &SetId, version: &SetVersion, symbols: &mut Symbols) -> Arc<Self> {
        let mut leaves = Vec::with_capacity(version.leaves().len());
        let mut domains = Vec::with_capacity(version.domains.len());
        let mut by_sym = Vec::with_capacity(version.leaves().len());
        let mut rest = version.leaves().iter().peekable();
        for domain in &version.domains {
            let first = leaves.len();
            // Leaves come in the order of the tree, so a domain's are one run.
            while let Some(leaf) = rest.next_if(|leaf| leaf.domain == domain.id) {
                let sym = symbols.intern(leaf.id.as_str());
                by_sym.push((sym, leaves.len()));
                leaves.push(LeafIx {
                    sym,
                    id: leaf.id.clone(),
                    code: leaf.code.clone(),
                    max: Micro::of(leaf.max_points),
                    survey: leaf.is_survey(),
                });
            }
            domains.push(DomainIx {
                id: domain.id.clone(),
                code: domain.code.clone(),
                max: Micro::of(domain.max_points),
                leaves: first..leaves.len(),
            });
        }
        by_sym.sort_unstable();
        Arc::new(Self {
            set: set.clone(),
            version: version.version,
            self_scored_max: Micro::of(version.self_scored_max()),
            survey_max: Micro::of(version.survey_max()),
            survey_leaf: leaves.iter().position(|leaf| leaf.survey),
            criteria: version.domains.iter().map(|d| d.children.len()).sum(),
            leaves,
            domains,
            by_sym,
        })
    }

    /// A leaf's number in `leaves`.
    pub(crate) fn leaf_no(&self, sym: Sym) -> Option<usize> {
        let at = self.by_sym.binary_search_by_key(&sym, |(s, _)| *s).ok()?;
        Some(self.by_sym[at].1)
    }

    /// A leaf by its code, else by its id.
    pub(crate) fn leaf_named(&self, name: &str) -> Option<usize> {
        let by_code = self.leaves.iter().position(|leaf| leaf.code == name);
        by_code.or_else(|| self.leaves.iter().position(|leaf| leaf.id.as_str() == name))
    }

    /// A domain by its code, else by its id.
    pub(crate) fn domain_named(&self, name: &str) -> Option<usize> {
        let by_code = self.domains.iter().position(|domain| domain.code == name);
        by_code.or_else(|| self.domains.iter().position(|domain| domain.id.as_str() == name))
    }

    pub(crate) fn max(&self) -> Micro {
        self.self_scored_max.plus(self.survey_max)
    }

    /// True where a domain has leaves that are self-scored and appraised.
    pub(crate) fn is_scored(&self, domain: usize) -> bool {
        self.domains[domain].leaves.clone().any(|no| !self.leaves[no].survey)
    }
}
