//! The log as static files: what is there under its name is whole and right, and what was exported is kept.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sogoc_log::{Exported, Log, LogError, SignedCheckpoint, Timestamp, WithEntries};
use sogoc_proof::{Checkpoint, Note, Tile, bundles_at, cosign, leaf_hash, root_from_tiles, tiles_at};

use super::stage::{Stage, fill_many, log_key, on_both_stores, past_the_triggers, witness_key};

on_both_stores!(
    an_export_has_every_tile_and_leads_to_the_checkpoint,
    an_export_goes_on_and_keeps_what_is_there,
    an_export_that_was_cut_short_goes_on,
    a_file_that_differs_is_named,
    a_folder_of_another_log_or_a_newer_checkpoint_is_refused,
    a_log_that_does_not_lead_to_the_checkpoint_is_not_exported,
    a_folder_that_cannot_be_written_to_is_named,
    one_export_at_a_time_works_on_a_folder,
);

/// A folder that is gone with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(stage: &Stage) -> Self {
        let name: String = stage.store.url().chars().filter(char::is_ascii_alphanumeric).rev().take(40).collect();
        Self(std::env::temp_dir().join(format!("sogoc-export-{name}")))
    }

    /// Paths and bytes of all files that a server would publish.
    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.0.clone()];
        while let Some(folder) = folders.pop() {
            for item in std::fs::read_dir(folder).expect("readable") {
                let path = item.expect("readable").path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(&self.0).expect("within").to_str().expect("ASCII").to_owned();
                    files.insert(name, std::fs::read(path).expect("readable"));
                }
            }
        }
        files.remove(".lock").expect("it stays");
        files
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn signed(log: &Log, count: u64) -> SignedCheckpoint {
    fill_many(log, "a/x", count).await;
    log.sign_checkpoint(&log_key(1)).await.expect("signed")
}

async fn export(log: &Log, to: &Path, entries: WithEntries) -> Result<Exported, LogError> {
    let newest = log.latest_checkpoint().await.expect("readable").expect("signed");
    log.export_tiles(to, entries, &newest, |_, _| ()).await
}

/// Recomputes everything from the files alone.
fn check(folder: &Folder, entries: WithEntries) -> u64 {
    let files = folder.files();
    let note = Note::parse(&files["checkpoint"]).expect("a note");
    note.verify(&[log_key(1).verifier().clone()]).expect("signed");
    let checkpoint = Checkpoint::parse(note.text()).expect("a checkpoint");
    let size = checkpoint.size();
    let mut expected: Vec<String> = tiles_at(size).map(Tile::path).collect();
    let tiles: BTreeMap<Tile, _> =
        tiles_at(size).map(|tile| (tile, tile.decode(&files[&tile.path()]).expect("its hashes"))).collect();
    let root = root_from_tiles(size, |tile| tiles.get(&tile).map(Vec::as_slice)).expect("all tiles");
    assert_eq!(root, checkpoint.root());
    // Every hash of a level is the root of a tile of the level below.
    for (tile, hashes) in &tiles {
        if let Some(below) = tile.level().checked_sub(1) {
            for (hash, index) in hashes.iter().zip(tile.index() * 256..) {
                let full = Tile::try_new(below, index, 256).expect("a tile");
                assert_eq!(*hash, sogoc_proof::root(&tiles[&full]), "{full}");
            }
        }
    }
    if entries == WithEntries::Yes {
        for bundle in bundles_at(size) {
            let texts = bundle.decode(&files[&bundle.path()]).expect("its entries");
            let leaves: Vec<_> = texts.iter().map(|text| leaf_hash(text)).collect();
            assert_eq!(leaves, tiles[&bundle.tile()], "{bundle}");
            expected.push(bundle.path());
        }
    }
    expected.push("checkpoint".to_owned());
    expected.sort();
    let found: Vec<String> = files.into_keys().collect();
    assert_eq!(found, expected, "nothing else is published");
    size
}

async fn an_export_has_every_tile_and_leads_to_the_checkpoint(stage: Stage) {
    let (log, folder) = (stage.log().await, Folder::new(&stage));
    let empty = log.sign_checkpoint(&log_key(1)).await.expect("signed");
    log.export_tiles(&folder.0, WithEntries::No, &empty, |_, _| ()).await.expect("exported");
    assert_eq!(check(&folder, WithEntries::No), 0);
    let newest = signed(&log, 66_100).await;
    let line = cosign(newest.note.text(), &witness_key("witness.example/a"), 1_000).expect("a checkpoint");
    log.add_cosignatures(66_100, &[line], Timestamp::UNIX_EPOCH).await.expect("kept");
    let newest = log.latest_checkpoint().await.expect("readable").expect("signed");
    let mut told = Vec::new();
    let exported = log.export_tiles(&folder.0, WithEntries::No, &newest, |done, of| told.push((done, of))).await;
    let exported = exported.expect("exported");
    assert_eq!((exported.size, exported.root), (66_100, newest.root()));
    // Of level 0 258 and a partial one, of level 1 one and a partial one, of level 2 a partial one.
    assert_eq!((exported.tiles_written, exported.tiles_kept, exported.bundles_written), (262, 0, 0));
    assert_eq!(told.last(), Some(&(66_100, 66_100)));
    assert_eq!(check(&folder, WithEntries::No), 66_100);
    let note = Note::parse(&folder.files()["checkpoint"]).expect("a note");
    assert_eq!(note.signatures().len(), 2, "with what the witness said");
}

async fn an_export_goes_on_and_keeps_what_is_there(stage: Stage) {
    let (log, folder) = (stage.log().await, Folder::new(&stage));
    signed(&log, 700).await;
    export(&log, &folder.0, WithEntries::Yes).await.expect("exported");
    assert_eq!(check(&folder, WithEntries::Yes), 700);
    let again = export(&log, &folder.0, WithEntries::Yes).await.expect("exported");
    let counts = |e: &Exported| (e.tiles_written, e.tiles_kept, e.bundles_written, e.bundles_kept, e.partial_removed);
    assert_eq!(counts(&again), (0, 4, 0, 3, 0));
    let before = folder.files();
    signed(&log, 400).await;
    let grown = export(&log, &folder.0, WithEntries::Yes).await.expect("exported");
    // Written: tiles 2 and 3 and the partial 4 of level 0, the new partial one of level 1; bundles 2, 3, 4.
    assert_eq!(counts(&grown), (4, 2, 3, 2, 2));
    let after = folder.files();
    for path in ["tile/0/000", "tile/0/001", "tile/entries/001"] {
        assert_eq!(before[path], after[path]);
    }
    assert!(before.contains_key("tile/0/002.p/188") && !after.contains_key("tile/0/002.p/188"));
    assert!(after.contains_key("tile/1/000.p/2") && after.contains_key("tile/1/000.p/4"), "an older width may stay");
    std::fs::remove_file(folder.0.join("tile/1/000.p/2")).expect("there");
    assert_eq!(check(&folder, WithEntries::Yes), 1_100);
}

async fn an_export_that_was_cut_short_goes_on(stage: Stage) {
    let (log, folder) = (stage.log().await, Folder::new(&stage));
    let newest = signed(&log, 5_000).await;
    let cut = tokio::spawn({
        let (log, to, newest) = (log.clone(), folder.0.clone(), newest.clone());
        async move { log.export_tiles(&to, WithEntries::Yes, &newest, |_, _| panic!("cut short")).await }
    });
    assert!(cut.await.is_err());
    let files = folder.files();
    assert!(files.contains_key("tile/0/007") && !files.contains_key("tile/0/008"));
    assert!(!files.contains_key("checkpoint"), "which comes last");
    std::fs::write(folder.0.join(".unfinished"), b"half a til").expect("writable");
    let exported = export(&log, &folder.0, WithEntries::Yes).await.expect("exported");
    assert_eq!((exported.tiles_kept, exported.bundles_kept), (8, 8));
    assert_eq!(check(&folder, WithEntries::Yes), 5_000);
}

fn refused_naming(answer: Result<Exported, LogError>, path: &str) {
    match answer {
        Err(LogError::Folder { path: found, .. }) if found.ends_with(path) => {}
        other => panic!("{path}: {other:?}"),
    }
}

async fn a_file_that_differs_is_named(stage: Stage) {
    let (log, folder) = (stage.log().await, Folder::new(&stage));
    signed(&log, 700).await;
    export(&log, &folder.0, WithEntries::Yes).await.expect("exported");
    for path in ["tile/0/001", "tile/0/002.p/188", "tile/1/000.p/2", "tile/entries/000", "tile/entries/002.p/188"] {
        let file = folder.0.join(path);
        let right = std::fs::read(&file).expect("there");
        let mut flipped = right.clone();
        flipped[100 % right.len()] ^= 1;
        for wrong in [flipped, right[..right.len() - 1].to_vec(), [&right[..], b"x"].concat(), vec![]] {
            std::fs::write(&file, &wrong).expect("writable");
            refused_naming(export(&log, &folder.0, WithEntries::Yes).await, path);
            assert_eq!(std::fs::read(&file).expect("there"), wrong, "and left as it is");
        }
        std::fs::write(&file, &right).expect("writable");
    }
    export(&log, &folder.0, WithEntries::Yes).await.expect("all right again");
    check(&folder, WithEntries::Yes);
}

async fn a_folder_of_another_log_or_a_newer_checkpoint_is_refused(stage: Stage) {
    let (log, folder) = (stage.log().await, Folder::new(&stage));
    let older = signed(&log, 10).await;
    signed(&log, 10).await;
    export(&log, &folder.0, WithEntries::No).await.expect("exported");
    refused_naming(log.export_tiles(&folder.0, WithEntries::No, &older, |_, _| ()).await, "checkpoint");
    assert_eq!(check(&folder, WithEntries::No), 20);
    let other = Checkpoint::try_new("sogoc.example/other", 1, older.root()).expect("a checkpoint");
    let foreign = Note::sign(&other.to_string(), &[&log_key(1)]).expect("signed").to_string();
    for text in [foreign.as_str(), "Đây không phải sổ gốc", ""] {
        std::fs::write(folder.0.join("checkpoint"), text).expect("writable");
        refused_naming(export(&log, &folder.0, WithEntries::No).await, "checkpoint");
    }
}

async fn a_log_that_does_not_lead_to_the_checkpoint_is_not_exported(stage: Stage) {
    let (log, folder) = (stage.log().await, Folder::new(&stage));
    let newest = signed(&log, 600).await;
    past_the_triggers(&stage).await;
    stage.store.tamper("update entry set entry = replace(entry, 'tk-01', 'tk-02') where position = 300").await;
    let answer = log.export_tiles(&folder.0, WithEntries::Yes, &newest, |_, _| ()).await;
    assert!(matches!(answer, Err(LogError::Corrupt { .. })), "{answer:?}");
    assert!(!folder.files().contains_key("checkpoint"));
    stage
        .store
        .tamper("update entry set leaf_hash = (select leaf_hash from entry where position = 1) where position = 300")
        .await;
    let fresh = Folder(folder.0.join("fresh"));
    let answer = log.export_tiles(&fresh.0, WithEntries::No, &newest, |_, _| ()).await;
    assert!(matches!(answer, Err(LogError::Corrupt { .. })), "{answer:?}");
    assert!(!fresh.0.exists(), "nothing was written");
}

async fn a_folder_that_cannot_be_written_to_is_named(stage: Stage) {
    let (log, folder) = (stage.log().await, Folder::new(&stage));
    signed(&log, 10).await;
    std::fs::create_dir_all(&folder.0).expect("writable");
    // A file where a folder must be.
    std::fs::write(folder.0.join("tile"), b"").expect("writable");
    let answer = export(&log, &folder.0, WithEntries::No).await;
    assert!(matches!(&answer, Err(LogError::Folder { path, .. }) if path.contains("tile")), "{answer:?}");
    std::fs::remove_file(folder.0.join("tile")).expect("there");
    export(&log, &folder.0, WithEntries::No).await.expect("it goes on");
    check(&folder, WithEntries::No);
}

async fn one_export_at_a_time_works_on_a_folder(stage: Stage) {
    let (log, folder) = (stage.log().await, Folder::new(&stage));
    signed(&log, 10).await;
    std::fs::create_dir_all(&folder.0).expect("writable");
    let lock = std::fs::File::create(folder.0.join(".lock")).expect("writable");
    lock.lock().expect("free");
    refused_naming(export(&log, &folder.0, WithEntries::No).await, ".lock");
    drop(lock);
    export(&log, &folder.0, WithEntries::No).await.expect("free again");
    check(&folder, WithEntries::No);
}
