//! What every place that keeps blobs holds to.

use std::error::Error as _;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll};

use sogoc_evidence::{BlobError, Blobs, Condition, Digest, FileKind, Location};
use tokio::io::{AsyncRead, AsyncReadExt as _, ReadBuf};

use crate::place::{LIMIT, Place, key, listed};
use crate::{digest_of, noise};

macro_rules! on_every_place {
    ($($rule:ident)+) => {
        mod folder { $(#[tokio::test(flavor = "multi_thread")] async fn $rule() { super::$rule(&super::Place::folder()).await; })+ }
        mod encrypted_folder { $(#[tokio::test(flavor = "multi_thread")] async fn $rule() { super::$rule(&super::Place::encrypted_folder()).await; })+ }
        mod bucket { $(#[tokio::test(flavor = "multi_thread")] async fn $rule() { super::$rule(&super::Place::bucket().await).await; })+ }
        mod encrypted_bucket { $(#[tokio::test(flavor = "multi_thread")] async fn $rule() { super::$rule(&super::Place::encrypted_bucket().await).await; })+ }
    };
}

on_every_place! {
    what_is_put_is_read_back
    the_same_bytes_are_stored_once
    many_puts_of_the_same_bytes_at_once_are_one_blob
    an_altered_blob_is_never_read_to_its_end
    an_altered_blob_is_not_trusted_by_a_put_but_set_aside_and_replaced
    a_blob_as_a_file_can_be_sought_in_and_is_verified_before
    a_missing_blob_is_missing
    a_file_over_the_limit_is_refused_and_leaves_nothing
    an_empty_file_is_refused
    a_reader_that_fails_leaves_nothing
    a_dropped_put_stores_nothing
    a_removed_blob_is_gone_with_what_was_set_aside_and_can_be_removed_again
    blobs_are_listed_in_order_and_foreign_names_are_told_apart
    a_file_that_begins_like_an_encrypted_blob_is_stored_as_what_it_is
    blobs_of_before_the_key_are_read_with_it
    without_the_right_key_an_encrypted_blob_is_undecipherable_not_missing
}

const PIECE: usize = 256 * 1024;

async fn put(blobs: &Blobs, bytes: &[u8]) -> Digest {
    let stored = blobs.put(bytes, LIMIT).await.unwrap();
    assert_eq!((stored.digest, stored.size, stored.repaired), (digest_of(bytes), bytes.len() as u64, false));
    stored.digest
}

async fn what_is_put_is_read_back(place: &Place) {
    // Around the sizes of pieces and chunks, and over that of one request.
    let sizes =
        [1, 2, 14, 15, 16, 17, 56, 65_535, 65_536, 65_537, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 9 * 1024 * 1024 + 5];
    for (seed, size) in sizes.into_iter().enumerate() {
        let bytes = noise(size, seed as u64);
        let stored = place.blobs.put(&*bytes, LIMIT).await.unwrap();
        assert_eq!(stored.digest, digest_of(&bytes), "{size}");
        assert_eq!(stored.size, size as u64);
        assert!(!stored.existed && !stored.repaired, "{size}");
        assert!(place.blobs.read(&stored.digest, LIMIT).await.unwrap() == bytes, "{size}");
        assert_eq!(place.blobs.size(&stored.digest).await.unwrap(), Some(size as u64));
        assert_eq!(place.blobs.check(&stored.digest).await.unwrap(), Condition::Whole, "{size}");
        let mut read = Vec::new();
        place.blobs.get(&stored.digest).await.unwrap().into_reader().read_to_end(&mut read).await.unwrap();
        assert!(read == bytes, "{size}");
        let raw = std::fs::read(place.file(&stored.digest)).unwrap();
        assert_eq!(raw == bytes, place.key.is_none(), "without a key a blob is the file: {size}");
    }
    let (blobs, foreign) = place.listed().await;
    assert_eq!((blobs.len(), foreign), (sizes.len(), vec![]));
    place.assert_nothing_incoming();
}

async fn the_same_bytes_are_stored_once(place: &Place) {
    let bytes = noise(PIECE + 3, 1);
    let digest = put(&place.blobs, &bytes).await;
    let before = std::fs::metadata(place.file(&digest)).unwrap().modified().unwrap();
    let again = place.blobs.put(&*bytes, LIMIT).await.unwrap();
    assert!(again.existed && again.digest == digest && again.size == bytes.len() as u64, "{again:?}");
    assert_eq!(std::fs::metadata(place.file(&digest)).unwrap().modified().unwrap(), before);
    assert_eq!(place.listed().await.0.len(), 1);
    place.assert_nothing_incoming();
}

async fn many_puts_of_the_same_bytes_at_once_are_one_blob(place: &Place) {
    let bytes = noise(PIECE * 2 + 3, 2);
    let puts = (0..8).map(|_| {
        let (blobs, bytes) = (place.blobs.clone(), bytes.clone());
        tokio::spawn(async move { blobs.put(&*bytes, LIMIT).await })
    });
    for put in puts.collect::<Vec<_>>() {
        let stored = put.await.unwrap().unwrap();
        assert_eq!((stored.digest, stored.repaired), (digest_of(&bytes), false));
    }
    assert_eq!(place.blobs.check(&digest_of(&bytes)).await.unwrap(), Condition::Whole);
    let (blobs, foreign) = place.listed().await;
    assert_eq!((blobs.len(), foreign), (1, vec![]));
    place.assert_nothing_incoming();
}

/// Reads to the end and says how much came before it and how it ended.
async fn read_out(blobs: &Blobs, digest: &Digest) -> (Vec<u8>, Result<(), BlobError>) {
    let mut out = Vec::new();
    let mut body = match blobs.get(digest).await {
        Ok(body) => body,
        Err(error) => return (out, Err(error)),
    };
    loop {
        match body.next().await {
            Ok(Some(piece)) => out.extend_from_slice(&piece),
            Ok(None) => return (out, Ok(())),
            Err(error) => {
                assert!(matches!(body.next().await, Err(BlobError::Unavailable { .. })), "no end after an error");
                return (out, Err(error));
            }
        }
    }
}

type Change = fn(&mut Vec<u8>);

async fn an_altered_blob_is_never_read_to_its_end(place: &Place) {
    let changes: [(&str, Change); 11] = [
        ("first byte", |b| b[0] ^= 1),
        ("a byte of the salt, if there is one", |b| b[30] ^= 1),
        ("middle byte", |b| {
            let middle = b.len() / 2;
            b[middle] ^= 0x80;
        }),
        ("last byte", |b| *b.last_mut().unwrap() ^= 1),
        ("last byte cut off", |b| b.truncate(b.len() - 1)),
        ("last chunk cut off", |b| b.truncate(56 + 3 * (65_536 + 16))),
        ("cut within the header", |b| b.truncate(40)),
        ("cut within the magic", |b| b.truncate(9)),
        ("nothing left", Vec::clear),
        ("something appended", |b| b.push(0)),
        ("chunks swapped", |b| {
            let chunk = 65_536 + 16;
            let (one, two) = b[56..].split_at_mut(chunk);
            one.swap_with_slice(&mut two[..chunk]);
        }),
    ];
    for (seed, (what, change)) in changes.into_iter().enumerate() {
        let bytes = noise(3 * 65_536 + 1_000, seed as u64);
        let digest = put(&place.blobs, &bytes).await;
        place.meddle(&digest, change);
        let condition = place.blobs.check(&digest).await.unwrap();
        assert!(matches!(condition, Condition::Altered { .. }), "{what}: {condition:?}");
        let (out, end) = read_out(&place.blobs, &digest).await;
        assert!(matches!(end, Err(BlobError::Altered { .. })), "{what}: {end:?}");
        assert!(out.len() < bytes.len(), "{what}: all of it was handed out");
        let read = place.blobs.read(&digest, LIMIT).await;
        assert!(matches!(read, Err(BlobError::Altered { .. })), "{what}: {read:?}");
    }
}

async fn an_altered_blob_is_not_trusted_by_a_put_but_set_aside_and_replaced(place: &Place) {
    for size in [PIECE + 5, 9 * 1024 * 1024] {
        let bytes = noise(size, 3);
        let digest = put(&place.blobs, &bytes).await;
        place.meddle(&digest, |b| b[100] ^= 1);
        let altered = std::fs::read(place.file(&digest)).unwrap();
        let again = place.blobs.put(&*bytes, LIMIT).await.unwrap();
        assert!(again.repaired && !again.existed, "{again:?}");
        assert!(place.blobs.read(&digest, LIMIT).await.unwrap() == bytes);
        let (blobs, foreign) = place.listed().await;
        assert!(blobs.iter().any(|listed| listed.digest == digest));
        let aside = foreign.iter().find(|path| path.starts_with(&format!("altered/{digest}."))).unwrap();
        assert!(std::fs::read(place.root.join(aside)).unwrap() == altered, "what was found is kept as it was");
    }
    place.assert_nothing_incoming();
}

async fn a_blob_as_a_file_can_be_sought_in_and_is_verified_before(place: &Place) {
    let bytes = [&b"%PDF-1.7\n"[..], &noise(3 * PIECE, 6)].concat();
    let digest = put(&place.blobs, &bytes).await;
    let mut file = place.blobs.file(&digest).await.unwrap();
    assert_eq!(sogoc_evidence::kind_of(&mut file).unwrap(), (FileKind::Pdf, vec![]));
    let mut end = Vec::new();
    file.seek(SeekFrom::End(-100)).unwrap();
    file.read_to_end(&mut end).unwrap();
    assert_eq!(end, bytes[bytes.len() - 100..]);
    place.meddle(&digest, |b| *b.last_mut().unwrap() ^= 1);
    assert!(matches!(place.blobs.file(&digest).await, Err(BlobError::Altered { .. })));
    let missing = place.blobs.file(&digest_of(b"never put")).await;
    assert!(matches!(missing, Err(BlobError::Missing(_))), "{missing:?}");
    place.assert_nothing_incoming();
}

async fn a_missing_blob_is_missing(place: &Place) {
    let digest = digest_of(b"never put");
    assert!(matches!(place.blobs.get(&digest).await, Err(BlobError::Missing(d)) if d == digest));
    assert!(matches!(place.blobs.read(&digest, LIMIT).await, Err(BlobError::Missing(_))));
    assert_eq!(place.blobs.size(&digest).await.unwrap(), None);
    assert_eq!(place.blobs.check(&digest).await.unwrap(), Condition::Missing);
    assert_eq!(place.listed().await, (vec![], vec![]));
}

async fn a_file_over_the_limit_is_refused_and_leaves_nothing(place: &Place) {
    let bytes = noise(3 * PIECE, 4);
    for limit in [0, 1, PIECE as u64, bytes.len() as u64 - 1] {
        let refused = place.blobs.put(&*bytes, limit).await.unwrap_err();
        let BlobError::TooLarge { size, limit: said } = refused else { panic!("{refused:?}") };
        assert!(size > limit && said == limit, "{size} {said}");
        place.assert_nothing_incoming();
    }
    assert_eq!(place.listed().await, (vec![], vec![]));
    let digest = place.blobs.put(&*bytes, bytes.len() as u64).await.unwrap().digest;
    let read = place.blobs.read(&digest, bytes.len() as u64 - 1).await;
    assert!(matches!(read, Err(BlobError::TooLarge { .. })), "{read:?}");
}

async fn an_empty_file_is_refused(place: &Place) {
    assert!(matches!(place.blobs.put(&b""[..], LIMIT).await, Err(BlobError::Empty)));
    assert_eq!(place.listed().await, (vec![], vec![]));
    place.assert_nothing_incoming();
}

/// Some bytes, and then an error or nothing for ever.
struct Broken {
    bytes: usize,
    fails: bool,
}

impl AsyncRead for Broken {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.bytes > 0 {
            let now = self.bytes.min(to.remaining());
            to.put_slice(&vec![7; now]);
            self.bytes -= now;
            Poll::Ready(Ok(()))
        } else if self.fails {
            Poll::Ready(Err(io::Error::from(io::ErrorKind::ConnectionReset)))
        } else {
            Poll::Pending
        }
    }
}

async fn a_reader_that_fails_leaves_nothing(place: &Place) {
    for bytes in [0, 10, PIECE, 2 * PIECE + 1] {
        let error = place.blobs.put(Broken { bytes, fails: true }, LIMIT).await.unwrap_err();
        assert!(matches!(error, BlobError::Source(_)), "{error:?}");
        assert!(error.source().unwrap().to_string().contains("reset"), "{error:?}");
        place.assert_nothing_incoming();
    }
    assert_eq!(place.listed().await, (vec![], vec![]));
}

async fn a_dropped_put_stores_nothing(place: &Place) {
    let blobs = place.blobs.clone();
    let put = tokio::spawn(async move { blobs.put(Broken { bytes: 3 * PIECE, fails: false }, LIMIT).await });
    if place.is_folder {
        while crate::place::names(&place.root.join("incoming")).is_empty() {
            tokio::task::yield_now().await;
        }
    }
    put.abort();
    assert!(put.await.unwrap_err().is_cancelled());
    // What was being written goes when its step ends, which nobody waits for any more.
    while place.is_folder && !crate::place::names(&place.root.join("incoming")).is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(place.listed().await, (vec![], vec![]));
}

async fn a_removed_blob_is_gone_with_what_was_set_aside_and_can_be_removed_again(place: &Place) {
    let bytes = noise(1_000, 5);
    let digest = put(&place.blobs, &bytes).await;
    place.meddle(&digest, |b| b[0] ^= 1);
    assert!(place.blobs.put(&*bytes, LIMIT).await.unwrap().repaired);
    let other = put(&place.blobs, b"another").await;
    for _ in 0..2 {
        place.blobs.remove(&digest).await.unwrap();
        assert_eq!(place.blobs.check(&digest).await.unwrap(), Condition::Missing);
        let (blobs, foreign) = place.listed().await;
        assert_eq!((blobs.iter().map(|l| l.digest).collect::<Vec<_>>(), foreign), (vec![other], vec![]));
    }
    place.blobs.remove(&digest_of(b"never put")).await.unwrap();
}

async fn blobs_are_listed_in_order_and_foreign_names_are_told_apart(place: &Place) {
    let mut digests = Vec::new();
    for seed in 0..40 {
        digests.push(put(&place.blobs, &noise(10, seed)).await);
    }
    digests.sort();
    let one = digests[0].to_string();
    let foreign = [
        "README".to_owned(),
        "sha256/README".to_owned(),
        format!("sha256/{one}"),
        format!("sha256/{}/{one}.bak", &one[..2]),
        format!("sha256/{}/{}", &one[..2], one.to_uppercase()),
        // A blob of this name belongs into another folder.
        format!("sha256/{}/{}{}", &one[..2], if one.starts_with('0') { '1' } else { '0' }, &one[1..]),
        "sha256/zz/what".to_owned(),
    ];
    for path in &foreign {
        let at = place.root.join(path);
        std::fs::create_dir_all(at.parent().unwrap()).unwrap();
        std::fs::write(at, b"somebody else's").unwrap();
    }
    let (blobs, found) = place.listed().await;
    assert_eq!(blobs.iter().map(|l| l.digest).collect::<Vec<_>>(), digests);
    for path in &foreign {
        let shown = if place.is_folder && path.starts_with("sha256/zz") { "sha256/zz" } else { path };
        assert!(found.iter().any(|found| found == shown), "{shown} in {found:?}");
        assert_eq!(std::fs::read(place.root.join(path)).unwrap(), b"somebody else's");
    }
    assert_eq!(found.len(), foreign.len(), "{found:?}");
}

async fn a_file_that_begins_like_an_encrypted_blob_is_stored_as_what_it_is(place: &Place) {
    // What an encrypted blob looks like, of this store's key and of none.
    let encrypted = Place::encrypted_folder();
    let digest = put(&encrypted.blobs, b"inner").await;
    let like = std::fs::read(encrypted.file(&digest)).unwrap();
    for length in [like.len(), 56, 30, 17, 16, 15, 14, 1] {
        let bytes = &like[..length];
        let digest = put(&place.blobs, bytes).await;
        for blobs in [place.blobs.clone(), place.with_key(Some(key(7)))] {
            assert_eq!(blobs.read(&digest, LIMIT).await.unwrap(), bytes, "{length}");
            assert_eq!(blobs.size(&digest).await.unwrap(), Some(length as u64));
        }
    }
    for version in [0, 1, 2, 255] {
        let bytes = [&like[..15], &[version], b"and more"].concat();
        let digest = put(&place.blobs, &bytes).await;
        assert_eq!(place.blobs.read(&digest, LIMIT).await.unwrap(), bytes, "{version}");
    }
}

async fn blobs_of_before_the_key_are_read_with_it(place: &Place) {
    let plain = place.with_key(None);
    let digest = put(&plain, b"of before").await;
    let later = place.with_key(Some(key(7)));
    assert_eq!(later.read(&digest, LIMIT).await.unwrap(), b"of before");
    assert!(later.put(&b"of before"[..], LIMIT).await.unwrap().existed);
    assert_eq!(listed(&later).await.0.len(), 1);
}

async fn without_the_right_key_an_encrypted_blob_is_undecipherable_not_missing(place: &Place) {
    let digest = put(&place.with_key(Some(key(7))), b"secret").await;
    for other in [None, Some(key(8))] {
        let blobs = place.with_key(other);
        let condition = blobs.check(&digest).await.unwrap();
        let Condition::Undecipherable { why } = condition else { panic!("{condition:?}") };
        assert!(why.contains(&key(7).id()), "{why}");
        assert!(matches!(blobs.read(&digest, LIMIT).await, Err(BlobError::Undecipherable { .. })));
        assert_eq!(blobs.size(&digest).await.unwrap(), Some(6));
        // It may be right or altered: only who has the key can say, so it is neither relied on nor replaced.
        let put = blobs.put(&b"secret"[..], LIMIT).await;
        assert!(matches!(put, Err(BlobError::Undecipherable { .. })), "{put:?}");
    }
    assert_eq!(place.with_key(Some(key(7))).read(&digest, LIMIT).await.unwrap(), b"secret");
}

#[test]
fn a_location_says_what_is_wrong_with_it_and_shows_no_key() {
    let none: [(String, String); 0] = [];
    let variables = |more: &[(&str, &str)]| {
        let keys = [("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "hush")];
        keys.iter().chain(more).map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<Vec<_>>()
    };
    let wrong = [
        ("", vec![], "give a folder"),
        ("file:///srv", vec![], "its path alone"),
        ("gs://bucket", vec![], "s3://bucket/prefix"),
        ("s3://", variables(&[]), "3 to 63"),
        ("s3://Bucket", variables(&[]), "3 to 63"),
        ("s3://bucket/a//b", variables(&[]), "plain names"),
        ("s3://bucket/../b", variables(&[]), "plain names"),
        ("s3://bucket", vec![], "AWS_ACCESS_KEY_ID is missing"),
        ("s3://bucket", variables(&[("AWS_ENDPOINT_URL", "http://127.0.0.1:9")]), "AWS_ALLOW_HTTP=true"),
        ("s3://bucket", variables(&[("AWS_ENDPOINT_URL", "127.0.0.1:9")]), "https://"),
    ];
    for (text, variables, says) in wrong {
        let error = Location::parse_with(text, variables).unwrap_err().to_string();
        assert!(error.contains(says), "{text}: {error}");
    }
    assert_eq!(Location::parse_with("kho/tài liệu", none).unwrap().to_string(), "kho/tài liệu");
    let good = Location::parse_with("s3://bucket/a/b/", variables(&[])).unwrap();
    assert_eq!(format!("{good} {good:?}"), "s3://bucket/a/b s3://bucket/a/b");
    assert!(!format!("{:?}", Blobs::open(&good, Some(key(1))).unwrap()).contains("hush"));
}
