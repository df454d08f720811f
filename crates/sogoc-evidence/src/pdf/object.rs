//! The objects of a PDF, as values.

use std::ops::Range;

/// Why a file cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// Its structure breaks a rule.
    Malformed,
    /// It exceeds a limit of what is read.
    TooLarge,
    /// It is encrypted.
    Encrypted,
}

/// The number and generation of an indirect object.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Id {
    pub(crate) number: u32,
    pub(crate) generation: u16,
}

/// One object. Streams hold where their data lie in the file, still encoded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Object {
    Null,
    Boolean(bool),
    Integer(i64),
    /// As it is written: it is compared and never calculated with.
    Real(Vec<u8>),
    Name(Vec<u8>),
    String(Vec<u8>),
    Array(Vec<Object>),
    Dictionary(Dictionary),
    Stream(Dictionary, Range<usize>),
    Reference(Id),
}

impl Object {
    pub(crate) fn as_dictionary(&self) -> Option<&Dictionary> {
        match self {
            Self::Dictionary(dictionary) | Self::Stream(dictionary, _) => Some(dictionary),
            Self::Null
            | Self::Boolean(_)
            | Self::Integer(_)
            | Self::Real(_)
            | Self::Name(_)
            | Self::String(_)
            | Self::Array(_)
            | Self::Reference(_) => None,
        }
    }

    pub(crate) fn as_array(&self) -> Option<&[Object]> {
        if let Self::Array(items) = self { Some(items) } else { None }
    }

    pub(crate) fn as_name(&self) -> Option<&[u8]> {
        if let Self::Name(name) = self { Some(name) } else { None }
    }

    pub(crate) fn as_string(&self) -> Option<&[u8]> {
        if let Self::String(bytes) = self { Some(bytes) } else { None }
    }

    pub(crate) fn as_reference(&self) -> Option<Id> {
        if let Self::Reference(id) = self { Some(*id) } else { None }
    }

    pub(crate) fn as_integer(&self) -> Option<i64> {
        if let Self::Integer(number) = self { Some(*number) } else { None }
    }

    /// A whole number that is no less than zero.
    pub(crate) fn as_size(&self) -> Option<usize> {
        self.as_integer().and_then(|number| usize::try_from(number).ok())
    }

    /// Whether a key stands twice in a dictionary in it.
    pub(crate) fn says_two_things(&self) -> bool {
        match self {
            Self::Array(items) => items.iter().any(Self::says_two_things),
            Self::Dictionary(dictionary) | Self::Stream(dictionary, _) => dictionary.says_two_things(),
            Self::Null
            | Self::Boolean(_)
            | Self::Integer(_)
            | Self::Real(_)
            | Self::Name(_)
            | Self::String(_)
            | Self::Reference(_) => false,
        }
    }

    /// Calls `visit` with every reference in it.
    pub(crate) fn references(&self, visit: &mut impl FnMut(Id)) {
        match self {
            Self::Reference(id) => visit(*id),
            Self::Array(items) => items.iter().for_each(|item| item.references(visit)),
            Self::Dictionary(dictionary) | Self::Stream(dictionary, _) => {
                dictionary.iter().for_each(|entry| entry.value.references(visit));
            }
            Self::Null | Self::Boolean(_) | Self::Integer(_) | Self::Real(_) | Self::Name(_) | Self::String(_) => {}
        }
    }
}

/// An entry of a dictionary. `span` is where the value lies in what it was read from.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: Vec<u8>,
    pub(crate) value: Object,
    pub(crate) span: Range<usize>,
}

/// A dictionary, sorted by key. Two are equal if their keys and values are, wherever they lie.
#[derive(Clone, Default, Debug)]
pub(crate) struct Dictionary {
    entries: Vec<Entry>,
    ambiguous: bool,
}

impl PartialEq for Dictionary {
    fn eq(&self, other: &Self) -> bool {
        self.entries.len() == other.entries.len()
            && self.entries.iter().zip(&other.entries).all(|(a, b)| a.key == b.key && a.value == b.value)
    }
}

impl Eq for Dictionary {}

impl Dictionary {
    pub(crate) fn new(mut entries: Vec<Entry>) -> Self {
        entries.sort_by(|a, b| a.key.cmp(&b.key));
        let ambiguous = entries.windows(2).any(|pair| pair[0].key == pair[1].key);
        Self { entries, ambiguous }
    }

    /// Whether a key stands in it twice, so that readers differ in what it says.
    pub(crate) fn is_ambiguous(&self) -> bool {
        self.ambiguous
    }

    /// The same, of it and of all dictionaries in it.
    pub(crate) fn says_two_things(&self) -> bool {
        self.ambiguous || self.entries.iter().any(|entry| entry.value.says_two_things())
    }

    pub(crate) fn entry(&self, key: &[u8]) -> Option<&Entry> {
        let first = self.entries.partition_point(|entry| entry.key.as_slice() < key);
        self.entries.get(first).filter(|entry| entry.key == key)
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<&Object> {
        self.entry(key).map(|entry| &entry.value)
    }

    pub(crate) fn name(&self, key: &[u8]) -> Option<&[u8]> {
        self.get(key).and_then(Object::as_name)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Whether both are the same but for the keys named.
    pub(crate) fn same_but_for(&self, other: &Self, keys: &[&[u8]]) -> bool {
        let rest = |entry: &&Entry| !keys.contains(&entry.key.as_slice());
        let (mut ours, mut theirs) = (self.entries.iter().filter(rest), other.entries.iter().filter(rest));
        loop {
            match (ours.next(), theirs.next()) {
                (None, None) => return true,
                (Some(a), Some(b)) if a.key == b.key && a.value == b.value => {}
                _ => return false,
            }
        }
    }
}
