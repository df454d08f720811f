//! As of any position the register answers as a register of that prefix of the log does.

use sogoc_domain::Record as _;
use sogoc_log::Entry;
use sogoc_register::{AsOf, AsOfError, Cut, Register};

use crate::support::hanam;

#[test]
fn as_of_a_position_equals_a_fold_of_the_prefix() {
    let memory = hanam();
    let season = "hanam-2022";
    let mut prefix = Register::new();
    let size = memory.entries.len();
    let checked: Vec<usize> = (0..size).filter(|n| n % 400 == 7 || *n + 3 > size).collect();
    for (no, text) in memory.entries.iter().enumerate() {
        prefix.apply(&Entry::parse(text).unwrap()).unwrap();
        if !checked.contains(&no) || prefix.ranking(season, None, prefix.now()).is_err() {
            continue;
        }
        let cut = memory.register.cut(&AsOf::Position(u64::try_from(no).unwrap())).unwrap();
        assert_eq!(cut, prefix.now());
        let then = memory.register.figures(season, None, cut).unwrap();
        assert_eq!(then, prefix.figures(season, None, prefix.now()).unwrap(), "as of {no}");
        assert_eq!(
            memory.register.figures_digest(season, cut).unwrap(),
            prefix.figures_digest(season, prefix.now()).unwrap()
        );
        assert_eq!(memory.register.streams_root(season, cut), prefix.streams_root(season, prefix.now()));
    }
}

#[test]
fn an_instant_is_the_last_entry_not_later() {
    let register = &hanam().register;
    let at = |position: u64| register.entry(position).unwrap().at;
    for position in [0, 5, 100, register.size() - 1] {
        let cut = register.cut(&AsOf::Instant(at(position))).unwrap();
        let last = cut.position().unwrap();
        assert_eq!(at(last), at(position));
        assert!(last + 1 == register.size() || at(last + 1) > at(position));
    }
    assert_eq!(register.cut(&AsOf::Instant(at(0).plus_micros(-1))).unwrap().position(), None);
    let beyond = AsOf::Position(register.size());
    assert_eq!(register.cut(&beyond), Err(AsOfError::Beyond { asked: register.size(), size: register.size() }));
}

#[test]
fn editions_commit_to_what_the_register_computes() {
    let register = &hanam().register;
    let season = "hanam-2022".parse().unwrap();
    let results = &register.world().results[&season];
    let editions: Vec<_> = results.editions.iter().map(|e| e.as_of).collect();
    assert_eq!(editions.len(), 2, "provisional and official");
    let facts = register.edition(&season, editions[1], Some(editions[0]));
    assert_eq!(facts.rows, 25);
    assert_eq!(facts.figures_digest, register.figures_digest("hanam-2022", Cut::after(editions[1])).unwrap().digest);
    let changed: Vec<_> = facts.changed.iter().map(|c| c.address.as_str()).collect();
    assert!(changed.contains(&"hanam-2022/departments/so-xay-dung/rank"), "{changed:?}");
    assert!(changed.contains(&"hanam-2022/departments/mean_index"), "{changed:?}");
}
