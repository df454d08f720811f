//! The last few ranking groups that were asked for: a question about a figure of one agency often needs the whole group.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::symbols::Sym;
use crate::view::GroupState;

/// How many groups are kept.
const KEPT: usize = 16;

/// Season, group and up to where entries are applied. What holds there never changes, so nothing is ever invalid.
type Key = (u32, Sym, u64);

/// Kept answers. A copy starts empty: an overlay goes its own way at the same positions.
#[derive(Default)]
pub(crate) struct Cache(Mutex<VecDeque<(Key, Arc<GroupState>)>>);

impl Cache {
    /// The group's state, made where it is not kept. Two threads may make the same one; both are right.
    pub(crate) fn group(&self, key: Key, make: impl FnOnce() -> GroupState) -> Arc<GroupState> {
        let find = |kept: &VecDeque<(Key, Arc<GroupState>)>| {
            kept.iter().find(|(k, _)| *k == key).map(|(_, state)| Arc::clone(state))
        };
        // A thread that panicked left whole items behind: they are pushed ready-made.
        if let Some(state) = find(&self.0.lock().unwrap_or_else(PoisonError::into_inner)) {
            return state;
        }
        let state = Arc::new(make());
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_front((key, Arc::clone(&state)));
        kept.truncate(KEPT);
        state
    }
}

impl Clone for Cache {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cache")
    }
}
