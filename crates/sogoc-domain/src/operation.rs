//! What became of the register itself: a restore to an older state, which somebody answers for.
//!
//! The domain cannot see whether it is true; who says so does. It is kept in a stream of its own, `operation/restore`, which
//! nothing else reads.

use crate::command::RecordRestore;
use crate::decide::Deciding;
use crate::event::StoreRestored;
use crate::refusal::{Refusal, refuse};
use crate::stream::Stream;

/// Numbers of entries are below it, as positions are (DESIGN §5).
const SIZE_LIMIT: u64 = 1 << 53;

pub(crate) fn record_restore(d: &Deciding<'_>, c: &RecordRestore) -> Result<(), Refusal> {
    d.world.not_stopped(&Stream::Restores)?;
    if c.known_size >= SIZE_LIMIT {
        return Err(refuse!(Invalid, field = "known_size", value = c.known_size, why = "sizes are below 2^53"));
    }
    if c.size >= c.known_size {
        let why = "a restore that takes nothing back is not recorded";
        return Err(refuse!(Invalid, field = "size", value = c.size, why = why));
    }
    let event = StoreRestored {
        size: c.size,
        root: c.root,
        known_size: c.known_size,
        known_root: c.known_root,
        reason: d.seal("reason", &c.reason)?,
        by: d.by(),
    };
    d.push(Stream::Restores, event);
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::account::trial::{Trial, code_of};
    use crate::refusal::Code;

    #[test]
    fn only_a_restore_that_takes_something_back_is_recorded() {
        let mut t = Trial::founded();
        let sha = "a".repeat(64);
        let restore = |size: u64, known: u64, reason: &str| json!({"type": "record-restore", "size": size, "root": sha, "known_size": known, "reason": reason});
        t.admin(restore(10, 12, "Máy chủ hỏng, bản sao đêm trước")).unwrap();
        assert_eq!(code_of(t.admin(restore(12, 12, "x"))), Code::Invalid);
        assert_eq!(code_of(t.admin(restore(13, 12, "x"))), Code::Invalid);
        assert_eq!(code_of(t.admin(restore(10, 1 << 53, "x"))), Code::Invalid);
        assert_eq!(code_of(t.admin(restore(10, 12, ""))), Code::ReasonRequired);
    }
}
