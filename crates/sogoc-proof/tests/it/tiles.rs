//! Tiles and entry bundles: which there are, how they are written, and what is refused.

use proptest::prelude::*;
use sogoc_proof::{
    BUNDLE_ENTRY_BYTES_MAX, EntryBundle, FOREIGN_SIZE_MAX, TILE_LEVEL_MAX, Tile, TileError, bundles_at,
    bundles_between, tiles_at, tiles_between,
};

use crate::support::leaves;

fn tile(level: u8, index: u64, width: u16) -> Tile {
    Tile::try_new(level, index, width).expect("a tile")
}

#[test]
fn a_tree_of_70000_has_the_tiles_of_the_specification() {
    let tiles: Vec<Tile> = tiles_at(70_000).collect();
    let full = |level| tiles.iter().filter(|tile| tile.level() == level && tile.is_full()).count();
    let partial = |level| tiles.iter().filter(|tile| tile.level() == level && !tile.is_full()).collect::<Vec<_>>();
    assert_eq!((full(0), partial(0)), (273, vec![&tile(0, 273, 112)]));
    assert_eq!((full(1), partial(1)), (1, vec![&tile(1, 1, 17)]));
    assert_eq!((full(2), partial(2)), (0, vec![&tile(2, 0, 1)]));
    assert_eq!(tiles.len(), 277);
    assert_eq!(tiles_at(256).collect::<Vec<_>>(), [tile(0, 0, 256), tile(1, 0, 1)]);
    assert_eq!(tiles_at(0).count() + bundles_at(0).count(), 0);
    assert_eq!(bundles_at(70_000).map(EntryBundle::tile).collect::<Vec<_>>(), tiles[..274]);
}

#[test]
fn growing_writes_what_is_new_and_nothing_twice() {
    assert_eq!(tiles_between(5, 5).count() + tiles_between(6, 5).count(), 0);
    assert_eq!(tiles_between(255, 256).collect::<Vec<_>>(), [tile(0, 0, 256), tile(1, 0, 1)]);
    assert_eq!(tiles_between(256, 257).collect::<Vec<_>>(), [tile(0, 1, 1)]);
    assert_eq!(tiles_between(250, 260).collect::<Vec<_>>(), [tile(0, 0, 256), tile(0, 1, 4), tile(1, 0, 1)]);
    assert_eq!(bundles_between(256, 300).map(EntryBundle::path).collect::<Vec<_>>(), ["tile/entries/001.p/44"]);
    for (old, new) in [(0, 300), (1, 700), (255, 257), (256, 512), (511, 66_000), (65_535, 65_536)] {
        let before: Vec<Tile> = tiles_at(old).collect();
        let expected: Vec<Tile> = tiles_at(new).filter(|tile| !before.contains(tile)).collect();
        assert_eq!(tiles_between(old, new).collect::<Vec<_>>(), expected, "{old} to {new}");
    }
}

#[test]
fn the_largest_tree_has_tiles_of_eight_levels() {
    let mut right_edge = (0..=TILE_LEVEL_MAX).filter_map(|level| {
        let hashes = FOREIGN_SIZE_MAX >> (8 * u32::from(level));
        Tile::in_tree(level, hashes / 256, FOREIGN_SIZE_MAX)
    });
    assert!(right_edge.all(|tile| Tile::parse(&tile.path()) == Ok(tile) && tile.is_within(FOREIGN_SIZE_MAX)));
    assert_eq!(tiles_between(FOREIGN_SIZE_MAX - 1, FOREIGN_SIZE_MAX).count(), 1);
    // Above the limit there is nothing more, and nothing overflows.
    assert_eq!(tiles_between(FOREIGN_SIZE_MAX, u64::MAX).count(), 0);
    assert_eq!(tiles_at(u64::MAX).take(3).count(), 3);
    let last = FOREIGN_SIZE_MAX / 256;
    assert_eq!(Tile::in_tree(0, last, u64::MAX), Some(tile(0, last, 255)));
    assert_eq!(Tile::in_tree(0, u64::MAX, u64::MAX), None);
    assert_eq!(Tile::in_tree(8, 0, u64::MAX), None);
    assert_eq!(tile(7, 0, 127).path(), "tile/7/000.p/127");
    assert!(matches!(Tile::try_new(7, 0, 128), Err(TileError::Beyond { .. })));
    assert!(matches!(Tile::try_new(8, 0, 1), Err(TileError::Beyond { .. })));
    assert!(matches!(Tile::try_new(0, u64::MAX, 1), Err(TileError::Beyond { .. })));
}

#[test]
fn a_path_has_one_spelling() {
    for (path, expected) in [
        ("tile/0/000", tile(0, 0, 256)),
        ("tile/0/x001/x234/067", tile(0, 1_234_067, 256)),
        ("tile/3/x001/x234/067.p/1", tile(3, 1_234_067, 1)),
        ("tile/1/001.p/255", tile(1, 1, 255)),
        ("tile/0/x001/000", tile(0, 1000, 256)),
    ] {
        assert_eq!((Tile::parse(path), expected.path()), (Ok(expected), path.to_owned()));
        assert_eq!(expected.to_string(), path);
    }
    assert_eq!(EntryBundle::parse("tile/entries/x001/x234/067.p/8"), EntryBundle::try_new(1_234_067, 8));
    for path in [
        "",
        "tile",
        "tile/",
        "tile/0",
        "tile/0/",
        "/tile/0/000",
        "tile/0/000/",
        "tile//000",
        "tile/00/000",
        "tile/01/000",
        "tile/-1/000",
        "tile/+1/000",
        "tile/64/000",
        "tile/100/000",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/x000",
        "tile/0/x000/001",
        "tile/0/001/002",
        "tile/0/x001/x002",
        "tile/0/x01/002",
        "tile/0/xx01/002",
        "tile/0/+01",
        "tile/0/000.p",
        "tile/0/000.p/",
        "tile/0/000.p/0",
        "tile/0/000.p/00",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/257",
        "tile/0/000.p/65537",
        "tile/0/000.p/-1",
        "tile/0/000.p/+1",
        "tile/0/000.p/1/",
        "tile/0/000.p/1.p/1",
        "tile/0/000.P/1",
        "tile/entries/000",
        "tile/data/000",
        "tile/8/0/000",
        "TILE/0/000",
        "tile/0/000\n",
        "tile/0/000?",
        "tile/0/../000",
        "tile/0/٠٠٠",
    ] {
        assert!(matches!(Tile::parse(path), Err(TileError::Path { .. })), "{path:?}");
    }
    for path in
        ["tile/entries/", "tile/0/000", "tile/entries/000.p/256", "tile/entries/x000/000", "tile/entries/entries/000"]
    {
        assert!(EntryBundle::parse(path).is_err(), "{path:?}");
    }
    // Well spelt, but of no tree: an index or a level too high.
    for path in ["tile/8/000", "tile/63/000", "tile/0/x036/x028/x797/x018/x963/x968", "tile/7/000"] {
        assert!(Tile::parse(path).is_err(), "{path:?}");
    }
    assert!(matches!(Tile::parse("tile/0/x036/x028/x797/x018/x963/968"), Err(TileError::Beyond { .. })));
    let long = format!("tile/0/{}000", "x999/".repeat(100_000));
    let error = Tile::parse(&long).expect_err("too long");
    assert!(error.to_string().len() < 300, "{error}");
}

#[test]
fn a_tile_takes_exactly_its_hashes() {
    let hashes = leaves(7);
    let seven = tile(0, 3, 7);
    let bytes = seven.encode(&hashes).expect("seven");
    assert_eq!(bytes.len(), 7 * 32);
    assert_eq!(seven.decode(&bytes), Ok(hashes.clone()));
    for wrong in [&bytes[..0], &bytes[1..], &bytes[32..], &[&bytes[..], &[0]].concat(), &vec![0; 8192]] {
        assert!(matches!(seven.decode(wrong), Err(TileError::Bytes { expected: 224, .. })), "{}", wrong.len());
    }
    assert!(matches!(seven.encode(&hashes[1..]), Err(TileError::Count { expected: 7, found: 6, .. })));
    for width in [0, 257, u16::MAX] {
        assert_eq!(Tile::try_new(0, 0, width), Err(TileError::Width { width }));
    }
}

#[test]
fn a_bundle_takes_exactly_its_entries() {
    let two = EntryBundle::try_new(0, 2).expect("a bundle");
    let bytes = two.encode(&[b"one".as_slice(), b"two"]).expect("two");
    assert_eq!(bytes, hex::decode("00036f6e65000374776f").expect("hex"));
    assert_eq!(two.decode(&bytes), Ok(vec![&b"one"[..], b"two"]));
    assert_eq!(two.decode(&[0, 0, 0, 0]), Ok(vec![&b""[..], b""]));
    for cut in 0..bytes.len() {
        assert!(matches!(two.decode(&bytes[..cut]), Err(TileError::Entries { .. })), "{cut}");
    }
    for more in [&bytes[..], &[0][..], &[0, 0]] {
        let longer = [&bytes[..], more].concat();
        assert!(matches!(two.decode(&longer), Err(TileError::Entries { found: 2, .. })));
    }
    assert!(two.decode(&[0xff; 70_000]).is_err());
    let longest = vec![7; BUNDLE_ENTRY_BYTES_MAX];
    let one = EntryBundle::try_new(0, 1).expect("a bundle");
    let bytes = one.encode(&[&longest]).expect("the limit");
    assert_eq!(one.decode(&bytes), Ok(vec![longest.as_slice()]));
    assert_eq!(one.encode(&[vec![7; BUNDLE_ENTRY_BYTES_MAX + 1]]), Err(TileError::EntryTooLong { bytes: 65_536 }));
    assert!(one.encode::<&[u8]>(&[]).is_err());
}

proptest! {
    #[test]
    fn any_tile_survives_its_path(level in 0..=TILE_LEVEL_MAX, index in any::<u64>(), width in 1..=256_u16) {
        let span = 8 * u32::from(level) + 8;
        let index = if span >= 63 { 0 } else { index % (FOREIGN_SIZE_MAX >> span) };
        let width = if span > 63 { width % 127 + 1 } else { width };
        let tile = tile(level, index, width);
        prop_assert_eq!(Tile::parse(&tile.path()), Ok(tile));
        if level == 0 {
            let bundle = EntryBundle::try_new(index, width).expect("a bundle");
            prop_assert_eq!(EntryBundle::parse(&bundle.path()), Ok(bundle));
            prop_assert_eq!(bundle.first_position(), index * 256);
        }
    }

    #[test]
    fn any_entries_survive_their_bundle(entries in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..50), 1..=256)) {
        let bundle = EntryBundle::try_new(9, entries.len() as u16).expect("a bundle");
        let bytes = bundle.encode(&entries).expect("as wide");
        prop_assert_eq!(bundle.decode(&bytes).expect("its own"), entries);
    }

    #[test]
    fn a_tree_has_each_of_its_tiles_once_and_no_other(size in 0..200_000_u64, level in 0..4_u8, index in 0..800_u64) {
        let listed: Vec<_> = tiles_at(size).filter(|tile| tile.level() == level && tile.index() == index).collect();
        let hashes = (size >> (8 * u32::from(level))).saturating_sub(index * 256).min(256);
        let expected = (hashes > 0).then(|| tile(level, index, hashes as u16));
        prop_assert_eq!(&listed, &expected.into_iter().collect::<Vec<_>>());
        prop_assert_eq!(Tile::in_tree(level, index, size), expected);
        if let Some(tile) = expected {
            prop_assert!(tile.is_within(size));
            let more = if tile.is_full() { None } else { Tile::try_new(level, index, tile.width() + 1).ok() };
            prop_assert!(more.is_none_or(|tile| !tile.is_within(size)));
        }
    }
}
