//! A growing list whose copies share what they have in common.
//!
//! An overlay for *what if* is a copy of the whole register. Lists with an item for every entry are therefore held in
//! chunks: copying costs a pointer a chunk, appending to a copy costs one chunk.

use std::sync::Arc;

use crate::codec::{Code, Damaged, Reader};

const CHUNK: usize = 4096;

/// Items in order, appended only.
#[derive(Clone, Debug)]
pub(crate) struct Chunked<T> {
    chunks: Vec<Arc<Vec<T>>>,
    len: usize,
}

impl<T> Default for Chunked<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), len: 0 }
    }
}

impl<T: Clone> Chunked<T> {
    pub(crate) fn push(&mut self, item: T) {
        if self.len.is_multiple_of(CHUNK) {
            self.chunks.push(Arc::new(Vec::with_capacity(if self.len == 0 { 16 } else { CHUNK })));
        }
        let last = self.chunks.last_mut().expect("a chunk was pushed for the first item");
        Arc::make_mut(last).push(item);
        self.len += 1;
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        self.chunks.get(index / CHUNK)?.get(index % CHUNK)
    }

    pub(crate) fn last(&self) -> Option<&T> {
        self.chunks.last()?.last()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }

    /// How many items from the front fulfil a condition that, once false, stays false.
    pub(crate) fn partition_point(&self, mut holds: impl FnMut(&T) -> bool) -> usize {
        let whole = self.chunks.partition_point(|chunk| chunk.last().is_some_and(&mut holds));
        // The last chunk may be whole in this sense and still not be full.
        (whole * CHUNK).min(self.len) + self.chunks.get(whole).map_or(0, |chunk| chunk.partition_point(holds))
    }
}

impl<T: Code + Clone> Code for Chunked<T> {
    fn write(&self, out: &mut Vec<u8>) {
        self.len.write(out);
        for item in self.iter() {
            item.write(out);
        }
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        let len = from.length()?;
        let mut list = Self::default();
        for _ in 0..len {
            list.push(T::read(from)?);
        }
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_keeps_what_it_had() {
        let mut list = Chunked::default();
        for n in 0..10_000_u64 {
            list.push(n);
        }
        let copy = list.clone();
        list.push(10_000);
        assert_eq!((list.len(), copy.len()), (10_001, 10_000));
        assert_eq!(copy.last(), Some(&9_999));
        for n in [0, 1, 4095, 4096, 4097, 9_999, 10_000, 20_000] {
            assert_eq!(copy.partition_point(|x| *x < n), usize::try_from(n.min(10_000)).unwrap());
        }
        assert!(list.iter().copied().eq(0..=10_000));
    }
}
