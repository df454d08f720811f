//! What is kept of every entry, by position.
//!
//! A register that follows a log has all positions from 0 on. One that is made from the entries of a bundle has only
//! those, and answers for the same positions: every figure, trace and *as of* speaks of the log's.

use crate::chunked::Chunked;
use crate::codec::{Code, Damaged, Reader};
use crate::meta::Meta;
use crate::symbols::wide;

/// Entries without their texts, ascending by position.
#[derive(Clone, Default, Debug)]
pub(crate) struct Metas {
    list: Chunked<Meta>,
    /// Where positions were left out, ascending; empty in a register that follows a log.
    runs: Vec<Run>,
}

/// From here on, positions follow one another up to the next run.
#[derive(Clone, Copy, Debug)]
struct Run {
    position: u64,
    index: u64,
}

impl Metas {
    /// Position of the next entry, and how many entries the log has at least.
    pub(crate) fn size(&self) -> u64 {
        self.position_of(wide(self.list.len()))
    }

    /// Goes on at a later position; nothing is known of those between.
    pub(crate) fn skip_to(&mut self, position: u64) {
        debug_assert!(position >= self.size(), "positions ascend");
        if position > self.size() {
            let index = wide(self.list.len());
            // A run without an entry is none.
            self.runs.pop_if(|run| run.index == index);
            self.runs.push(Run { position, index });
        }
    }

    pub(crate) fn push(&mut self, meta: Meta) {
        self.list.push(meta);
    }

    pub(crate) fn get(&self, position: u64) -> Option<&Meta> {
        let index = match self.runs.partition_point(|run| run.position <= position).checked_sub(1) {
            None => position,
            Some(at) => {
                let run = self.runs[at];
                run.index + (position - run.position)
            }
        };
        (self.position_of(index) == position).then(|| self.list.get(usize::try_from(index).ok()?))?
    }

    pub(crate) fn last(&self) -> Option<&Meta> {
        self.list.last()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Meta> {
        self.list.iter()
    }

    /// The position after the last of those from the front that fulfil a condition which, once false, stays false.
    pub(crate) fn position_after(&self, holds: impl FnMut(&Meta) -> bool) -> u64 {
        let count = wide(self.list.partition_point(holds));
        count.checked_sub(1).map_or(0, |last| self.position_of(last) + 1)
    }

    /// The position that the entry of an index has, or would have if it came next.
    fn position_of(&self, index: u64) -> u64 {
        match self.runs.partition_point(|run| run.index <= index).checked_sub(1) {
            None => index,
            Some(at) => {
                let run = self.runs[at];
                run.position + (index - run.index)
            }
        }
    }
}

impl Code for Metas {
    /// Only a register that follows a log is written: without runs.
    fn write(&self, out: &mut Vec<u8>) {
        self.list.write(out);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        Ok(Self { list: Chunked::read(from)?, runs: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::{MaybeTime, RoleCode};
    use crate::symbols::Sym;

    fn meta(at: i64) -> Meta {
        let (none, occurred) = (Sym::NONE, MaybeTime::of(None));
        Meta {
            at,
            occurred,
            account: none,
            on_behalf_of: none,
            agency: none,
            instrument: none,
            stream: 0,
            kind: none,
            reason_code: none,
            role: RoleCode::of(None),
        }
    }

    #[test]
    fn positions_left_out_have_nothing_and_others_keep_theirs() {
        for kept in [vec![], vec![0, 1, 2], vec![3], vec![0, 5, 6, 9, 1 << 52], vec![2, 3, 4, 100]] {
            let mut metas = Metas::default();
            for position in &kept {
                metas.skip_to(*position);
                metas.push(meta(i64::try_from(*position).unwrap()));
            }
            assert_eq!(metas.size(), kept.last().map_or(0, |last| last + 1));
            for position in (0..120).chain([1 << 52, u64::MAX]) {
                let found = metas.get(position).map(|meta| meta.at);
                assert_eq!(found.is_some(), kept.contains(&position), "{position} of {kept:?}");
                assert!(found.is_none_or(|at| u64::try_from(at) == Ok(position)));
            }
            for at in [-1, 0, 4, 6, 200] {
                let before = kept.iter().filter(|p| i64::try_from(**p).unwrap() <= at).max();
                assert_eq!(metas.position_after(|meta| meta.at <= at), before.map_or(0, |p| p + 1));
            }
        }
    }
}
