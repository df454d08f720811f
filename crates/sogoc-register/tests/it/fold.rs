//! The fold: any chunking, any order of asking, any snapshot gives the same register.

use proptest::prelude::*;
use sogoc_domain::values::AccountId;
use sogoc_log::{Entry, Hash};
use sogoc_register::{FoldError, Missing, Register, SnapshotIgnored, Value};
use uuid::Uuid;

use crate::support::{Memory, hanam};

fn folded(texts: &[String], cuts: &[usize]) -> Register {
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let mut register = Register::new();
    let mut from = 0;
    for cut in cuts.iter().copied().chain([texts.len()]) {
        let cut = cut.clamp(from, texts.len());
        register.apply_texts(&texts[from..cut]).unwrap();
        from = cut;
    }
    register
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn any_chunking_gives_the_same_register(mut cuts in prop::collection::vec(0..6_000_usize, 0..6)) {
        cuts.sort_unstable();
        let memory = hanam();
        let register = folded(&memory.entries, &cuts);
        prop_assert_eq!(register.digest(), memory.register.digest());
    }

    #[test]
    fn any_bytes_are_a_snapshot_or_ignored(bytes in prop::collection::vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>()) {
        let _ = Register::from_snapshot(&bytes, &Hash([0; 32]));
        let mut snapshot = hanam().register.to_snapshot(&Hash([7; 32]));
        let at = at.index(snapshot.len());
        snapshot[at] ^= 1;
        prop_assert!(Register::from_snapshot(&snapshot, &Hash([7; 32])).is_err());
    }
}

#[test]
fn a_snapshot_gives_the_same_register_and_goes_on() {
    let memory = hanam();
    let root = Hash([7; 32]);
    let half = memory.entries.len() / 2;
    let first = folded(&memory.entries[..half], &[]);
    let snapshot = first.to_snapshot(&root);
    let header = Register::snapshot_header(&snapshot).unwrap();
    assert_eq!((header.size, header.root), (u64::try_from(half).unwrap(), root));
    let mut register = Register::from_snapshot(&snapshot, &root).unwrap();
    assert_eq!(register.digest(), first.digest());
    for text in &memory.entries[half..] {
        register.apply(&Entry::parse(text).unwrap()).unwrap();
    }
    assert_eq!(register.digest(), memory.register.digest());
    assert_eq!(register.to_snapshot(&root), memory.register.to_snapshot(&root));
    assert_eq!(
        register.figures("hanam-2022", None, register.now()),
        memory.register.figures("hanam-2022", None, memory.register.now())
    );
    let other = Register::from_snapshot(&snapshot, &Hash([8; 32])).map(|_| ());
    assert_eq!(other, Err(SnapshotIgnored::OtherLog { size: header.size }));
}

#[test]
fn an_entry_that_is_not_the_next_one_is_refused() {
    let memory = hanam();
    let mut register = Register::new();
    let entry = Entry::parse(&memory.entries[1]).unwrap();
    assert_eq!(register.apply(&entry), Err(FoldError::Position { due: 0, found: 1 }));
    assert_eq!(register.size(), 0);
}

#[test]
fn an_entry_that_cannot_be_decoded_stops_its_stream_and_what_reads_it() {
    let memory = hanam();
    let mut later = Memory { register: memory.register.clone(), ..Memory::default() };
    let account = AccountId::try_new("somebody").unwrap();
    let data = serde_json::json!({"leaf": "x"});
    let before = later.register.now();
    later.record_raw("scorecard/hanam-2022/so-y-te", "score-blessed", &data, &account, None, None, Uuid::nil(), 0);
    let register = &later.register;
    let (stream, position, _) = register.stopped().next().expect("it is said");
    assert_eq!((stream, position), ("scorecard/hanam-2022/so-y-te", register.size() - 1));
    let index = "hanam-2022/departments/so-y-te/index";
    let now = register.value(index, register.now()).unwrap().value;
    assert!(matches!(now, Value::Missing(Missing::Stopped { .. })), "{now:?}");
    assert_eq!(register.value(index, before), memory.register.value(index, memory.register.now()));
    let other = "hanam-2022/departments/so-noi-vu/index";
    assert_eq!(register.value(other, register.now()), memory.register.value(other, memory.register.now()));
    let mean = register.value("hanam-2022/departments/mean_index", register.now()).unwrap();
    assert!(!mean.complete);
    later.record_raw("season/hanam-2022", "season-blessed", &data, &account, None, None, Uuid::nil(), 0);
    let register = &later.register;
    let all = register.value(other, register.now()).unwrap().value;
    assert!(matches!(all, Value::Missing(Missing::Stopped { .. })), "{all:?}");
}
