//! Names held once: accounts, agencies, kinds, reason codes and the like become numbers of 32 bits.
//!
//! Numbers are given in the order of first appearance, so they are a function of the log and of nothing else.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::codec::{Code, Damaged, Reader};

/// A map with a quick hash. Its seed is random, so that nobody can choose names that collide.
pub(crate) type QuickMap<K, V> = HashMap<K, V, RandomState>;

/// Stands for a name; 0 for none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub(crate) struct Sym(pub(crate) u32);

impl Sym {
    /// No name.
    pub(crate) const NONE: Self = Self(0);
}

/// An index as a `usize`.
pub(crate) fn ix(n: u32) -> usize {
    usize::try_from(n).expect("every supported target has at least 32 bits")
}

/// A length as a `u32`. More than four billion of anything does not fit memory.
pub(crate) fn small(n: usize) -> u32 {
    u32::try_from(n).expect("fewer than 2^32 of anything fit memory")
}

/// A length as a `u64`.
pub(crate) fn wide(n: usize) -> u64 {
    u64::try_from(n).expect("a usize has at most 64 bits")
}

/// All names, shared between a register and its overlays until one of them meets a new name.
#[derive(Clone, Default, Debug)]
pub(crate) struct Symbols(Arc<Table>);

#[derive(Clone, Default, Debug)]
struct Table {
    by_name: QuickMap<Arc<str>, Sym>,
    names: Vec<Arc<str>>,
}

impl Symbols {
    /// The number of a name, a new one where it was not met before.
    pub(crate) fn intern(&mut self, name: &str) -> Sym {
        if let Some(sym) = self.0.by_name.get(name) {
            return *sym;
        }
        let table = Arc::make_mut(&mut self.0);
        let name: Arc<str> = Arc::from(name);
        let sym = Sym(small(table.names.len() + 1));
        table.names.push(Arc::clone(&name));
        table.by_name.insert(name, sym);
        sym
    }

    /// The number of a name, where it was met.
    pub(crate) fn find(&self, name: &str) -> Option<Sym> {
        self.0.by_name.get(name).copied()
    }

    /// The name; empty for none.
    pub(crate) fn name(&self, sym: Sym) -> &str {
        self.get(sym).map_or("", AsRef::as_ref)
    }

    /// The name, shared; none for none.
    pub(crate) fn get(&self, sym: Sym) -> Option<&Arc<str>> {
        self.0.names.get(ix(sym.0.checked_sub(1)?))
    }
}

impl Code for Sym {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        u32::read(from).map(Self)
    }
}

impl Code for Symbols {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.names.write(out);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        let names = Vec::<Arc<str>>::read(from)?;
        let by_name = names.iter().enumerate().map(|(i, n)| (Arc::clone(n), Sym(small(i + 1)))).collect();
        Ok(Self(Arc::new(Table { by_name, names })))
    }
}
