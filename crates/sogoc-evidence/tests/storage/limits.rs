//! What a folder is, beside what every place holds to: hostile names, leftovers, rights.

use std::fs::{File, FileTimes};
use std::time::Duration;

use sogoc_evidence::{BlobError, Blobs, Condition, Location};

use crate::place::{LIMIT, Place, listed, names};
use crate::{digest_of, noise};

/// Opens the place again, as the next process would.
fn reopened(place: &Place) -> Blobs {
    Blobs::open(&place.location, None).unwrap()
}

#[tokio::test]
async fn an_incoming_file_goes_when_it_is_a_day_old_and_nobody_writes_it() {
    let place = Place::folder();
    let incoming = place.root.join("incoming");
    let make = |name: &str, hours: u64| {
        let file = File::create_new(incoming.join(name)).unwrap();
        let at = file.metadata().unwrap().modified().unwrap() - Duration::from_hours(hours);
        file.set_times(FileTimes::new().set_modified(at)).unwrap();
        file
    };
    let locked = make("old and locked", 48);
    locked.lock().unwrap();
    drop(make("old", 25));
    drop(make("young", 23));
    std::fs::create_dir(incoming.join("folder")).unwrap();
    reopened(&place);
    assert_eq!(names(&incoming), ["folder", "old and locked", "young"]);
    drop(locked);
    reopened(&place);
    assert_eq!(names(&incoming), ["folder", "young"]);
    assert_eq!(place.listed().await, (vec![], vec![]));
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_no_file_under_a_blobs_name_is_altered_and_never_followed() {
    let place = Place::folder();
    let elsewhere = place.root.parent().unwrap().join("elsewhere");
    let bytes = noise(100, 1);
    std::fs::write(&elsewhere, &bytes).unwrap();
    let digest = digest_of(&bytes);
    let at = place.file(&digest);
    std::fs::create_dir_all(at.parent().unwrap()).unwrap();

    std::os::unix::fs::symlink(&elsewhere, &at).unwrap();
    assert!(matches!(place.blobs.check(&digest).await.unwrap(), Condition::Altered { .. }), "a link");
    assert_eq!(place.listed().await.0, vec![]);
    std::fs::remove_file(&at).unwrap();

    assert!(std::process::Command::new("mkfifo").arg(&at).status().unwrap().success());
    assert!(matches!(place.blobs.get(&digest).await, Err(BlobError::Altered { .. })), "a pipe");
    std::fs::remove_file(&at).unwrap();

    std::fs::create_dir(&at).unwrap();
    assert!(matches!(place.blobs.check(&digest).await.unwrap(), Condition::Altered { .. }), "a folder");
    // It cannot be set aside as a file is; it is renamed away.
    std::fs::write(at.join("inside"), b"?").unwrap();
    assert!(place.blobs.put(&*bytes, LIMIT).await.unwrap().repaired);
    assert!(place.blobs.read(&digest, LIMIT).await.unwrap() == bytes);
    assert_eq!(names(&place.root.join("altered")).len(), 1);
}

#[cfg(unix)]
#[tokio::test]
async fn names_that_are_no_text_are_listed_and_left_alone() {
    use std::os::unix::ffi::OsStrExt as _;
    let place = Place::folder();
    place.blobs.put(&b"one"[..], LIMIT).await.unwrap();
    let odd: [&[u8]; 4] = [b"\xff\xfe", b"new\nline", b"-rf", b"\x1b[31m"];
    for name in odd {
        for folder in ["", "sha256", "altered"] {
            let folder = place.root.join(folder);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join(std::ffi::OsStr::from_bytes(name)), b"").unwrap();
        }
    }
    let (blobs, foreign) = place.listed().await;
    assert_eq!((blobs.len(), foreign.len()), (1, 12), "{foreign:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_blob_is_readable_by_its_group_and_writable_by_nobody() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::folder();
    let digest = place.blobs.put(&b"one"[..], LIMIT).await.unwrap().digest;
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&place.file(&digest)) & !0o440, 0);
    assert_eq!(mode(&place.root) & !0o750, 0);
}

#[tokio::test]
async fn a_folder_is_made_under_one_that_is_there_and_not_under_one_that_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &str| Location::parse(folder.path().join(path).to_str().unwrap()).unwrap();
    Blobs::open(&at("new"), None).unwrap();
    let error = Blobs::open(&at("typo/new"), None).unwrap_err();
    assert!(error.to_string().contains("make the folder above it"), "{error}");
    std::fs::write(folder.path().join("file"), b"").unwrap();
    assert!(Blobs::open(&at("file"), None).is_err());
}

#[tokio::test]
async fn listing_may_be_left_before_its_end() {
    use futures_util::StreamExt as _;
    let place = Place::folder();
    for seed in 0..200 {
        place.blobs.put(&*noise(8, seed), LIMIT).await.unwrap();
    }
    let mut list = place.blobs.list();
    assert!(list.next().await.unwrap().is_ok());
    drop(list);
    assert_eq!(listed(&place.blobs).await.0.len(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_refuses_or_is_not_there_is_said_and_not_waited_for_long() {
    let place = Place::bucket().await;
    let with = |name: &str, value: &str| {
        let mut variables = place.variables.clone();
        variables.retain(|(key, _)| key != name);
        variables.push((name.to_owned(), value.to_owned()));
        Blobs::open(&Location::parse_with("s3://evidence", variables).unwrap(), None).unwrap()
    };
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    for blobs in [with("AWS_SECRET_ACCESS_KEY", "wrong"), with("AWS_ENDPOINT_URL", &nobody)] {
        let put = tokio::time::timeout(Duration::from_secs(60), blobs.put(&b"one"[..], LIMIT)).await.unwrap();
        let Err(BlobError::Unavailable { doing, source }) = put else { panic!("{put:?}") };
        assert!(doing.contains("s3://evidence"), "{doing}: {source}");
        assert!(!format!("{doing} {source:?}").contains("wrong"), "{doing}: {source:?}");
        let digest = digest_of(b"one");
        // That nothing was found is not said where nothing could be looked at.
        assert!(matches!(blobs.check(&digest).await, Err(BlobError::Unavailable { .. })));
    }
}
