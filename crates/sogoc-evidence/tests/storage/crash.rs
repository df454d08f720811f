//! Processes that are killed, that have little memory, and that have no room on the disk: children of this test binary.

use std::io::Write as _;
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::task::{Context, Poll};
use std::time::Duration;

use sogoc_evidence::{BlobError, Blobs, Condition, Digest, Location};
use tokio::io::{AsyncRead, ReadBuf};

use crate::place::{LIMIT, Place, key, names};
use crate::{digest_of, noise};

const PLACE: &str = "SOGOC_TEST_CHILD_PLACE";
const TASK: &str = "SOGOC_TEST_CHILD_TASK";

/// What a child does; by itself it is no test and does nothing.
#[test]
fn child() {
    let Ok(place) = std::env::var(PLACE) else { return };
    let task = std::env::var(TASK).unwrap();
    let (task, encrypted) = task.strip_suffix(" encrypted").map_or((&*task, false), |task| (task, true));
    let location = Location::parse(&place).unwrap();
    let blobs = Blobs::open(&location, encrypted.then(|| key(7))).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async move {
        let mut out = std::io::stdout();
        match task.split_once(' ') {
            None => match blobs.put(tokio::io::stdin(), LIMIT).await {
                Ok(stored) => writeln!(out, "stored {}", stored.digest).unwrap(),
                Err(BlobError::Unavailable { doing, source }) => writeln!(out, "could not {doing}: {source}").unwrap(),
                Err(other) => panic!("{other:?}"),
            },
            Some((_, size)) => {
                let size = size.parse().unwrap();
                let stored = blobs.put(Zeros(size), LIMIT).await.unwrap();
                assert_eq!(stored.size, size);
                assert!(blobs.put(Zeros(size), LIMIT).await.unwrap().existed);
                let mut body = blobs.get(&stored.digest).await.unwrap();
                let mut read = 0;
                while let Some(piece) = body.next().await.unwrap() {
                    read += piece.len() as u64;
                }
                assert_eq!(read, size);
                let status = std::fs::read_to_string("/proc/self/status").unwrap();
                let peak = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
                writeln!(out, "{peak}").unwrap();
            }
        }
        out.flush().unwrap();
    });
}

/// A file that is not in memory.
struct Zeros(u64);

impl AsyncRead for Zeros {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let now = usize::try_from(self.0).unwrap().min(to.remaining());
        to.initialize_unfilled_to(now).fill(0);
        to.advance(now);
        self.0 -= now as u64;
        Poll::Ready(Ok(()))
    }
}

fn command(place: &Place, task: &str, program: Option<&[&str]>) -> Command {
    let this = std::env::current_exe().unwrap();
    let mut command = match program {
        None => Command::new(this),
        Some(words) => {
            let mut command = Command::new(words[0]);
            command.args(&words[1..]).arg(this);
            command
        }
    };
    let encrypted = if place.key.is_some() { " encrypted" } else { "" };
    command.args(["crash::child", "--exact", "--nocapture", "--test-threads=1"]);
    command.env(PLACE, place.location.to_string()).env(TASK, format!("{task}{encrypted}"));
    command.envs(place.variables.iter().cloned());
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// What the child said, among what the test runner in it says.
fn said<'o>(out: &'o str, beginning: &str) -> Option<&'o str> {
    // The runner's own "test … ... " stands before it on the same line.
    out.lines().find_map(|line| line.find(beginning).map(|at| &line[at..]))
}

fn finish(child: Child) -> String {
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}

/// `kill -9` after any number of bytes, and at any moment after the last.
async fn a_killed_put_leaves_the_whole_file_or_none(place: Place) {
    let (mut acked, mut whole) = (0, 0);
    let rounds = 40;
    for round in 0..rounds {
        let bytes = noise(2_000_000, round);
        let digest = digest_of(&bytes);
        let mut child = command(&place, "put", None).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        let random = u64::from_le_bytes(noise(8, round + 1_000).try_into().unwrap());
        if round % 4 == 0 {
            let cut = usize::try_from(random % bytes.len() as u64).unwrap();
            input.write_all(&bytes[..cut]).unwrap();
        } else {
            input.write_all(&bytes).unwrap();
            drop(input);
            // The last pieces are hashed, written, synced, renamed and synced again in some milliseconds.
            let within = if place.is_folder { 40_000 } else { 150_000 };
            std::thread::sleep(Duration::from_micros(random % within));
        }
        child.kill().unwrap();
        let out = finish(child);
        let condition = place.blobs.check(&digest).await.unwrap();
        if let Some(line) = said(&out, "stored ") {
            assert_eq!(line.trim(), format!("stored {digest}"), "round {round}");
            assert_eq!(condition, Condition::Whole, "round {round}: it was acknowledged");
            acked += 1;
        }
        match condition {
            Condition::Whole => whole += 1,
            Condition::Missing => {}
            other @ (Condition::Altered { .. } | Condition::Undecipherable { .. }) => {
                panic!("round {round}: {other:?}")
            }
        }
        let (_, foreign) = place.listed().await;
        assert_eq!(foreign, Vec::<String>::new(), "round {round}");
        // The one who was cut off sends it again.
        let again = place.blobs.put(&*bytes, LIMIT).await.unwrap();
        assert!(!again.repaired && again.digest == digest, "round {round}: {again:?}");
    }
    println!("of {rounds} killed puts {whole} left the whole file, {acked} had been acknowledged");
    assert!(whole < rounds, "no put was killed in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_put_leaves_the_whole_file_or_none_in_a_folder() {
    a_killed_put_leaves_the_whole_file_or_none(Place::folder()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_put_leaves_the_whole_file_or_none_in_an_encrypted_folder() {
    a_killed_put_leaves_the_whole_file_or_none(Place::encrypted_folder()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_put_leaves_the_whole_file_or_none_in_a_bucket() {
    a_killed_put_leaves_the_whole_file_or_none(Place::bucket().await).await;
}

/// Stores and reads a file in a child and holds its peak of resident memory against the limit of the issue.
#[cfg(target_os = "linux")]
fn peak_memory_stays_under_64_mib(place: &Place, size: u64) {
    let out = finish(command(place, &format!("zeros {size}"), None).spawn().unwrap());
    let line = said(&out, "VmHWM:").unwrap_or_else(|| panic!("{out}"));
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    println!("{size} bytes put twice and read: at most {kib} KiB resident");
    assert!(kib < 64 * 1024, "{kib} KiB");
}

#[cfg(target_os = "linux")]
#[test]
fn peak_memory_stays_under_64_mib_in_a_folder() {
    peak_memory_stays_under_64_mib(&Place::folder(), 256 << 20);
}

#[cfg(target_os = "linux")]
#[test]
fn peak_memory_stays_under_64_mib_in_an_encrypted_folder() {
    peak_memory_stays_under_64_mib(&Place::encrypted_folder(), 256 << 20);
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn peak_memory_stays_under_64_mib_in_a_bucket() {
    let place = Place::bucket().await;
    tokio::task::spawn_blocking(move || peak_memory_stays_under_64_mib(&place, 128 << 20)).await.unwrap();
}

/// A disk that is full, as far as a process can tell: no file may grow over a mebibyte.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_said_and_leaves_nothing() {
    for place in [Place::folder(), Place::encrypted_folder()] {
        let limited = ["sh", "-c", "trap '' XFSZ; ulimit -f 2048; exec \"$0\" \"$@\""];
        let mut child = command(&place, "put", Some(&limited)).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        // The child stops reading when it cannot write any more.
        let _ = input.write_all(&noise(4 << 20, 1));
        drop(input);
        let out = finish(child);
        let line = said(&out, "could not ").unwrap_or_else(|| panic!("{out}"));
        assert!(line.contains("has the disk room?"), "{line}");
        assert_eq!(names(&place.root.join("incoming")), Vec::<String>::new());
        assert_eq!(names(&place.root.join("sha256")), Vec::<String>::new());
    }
}

/// The digest is worked out here again, so that the child's word is not all there is.
#[test]
fn a_child_stores_what_it_was_given() {
    let place = Place::folder();
    let mut child = command(&place, "put", None).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"abc").unwrap();
    let out = finish(child);
    let digest: Digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad".parse().unwrap();
    assert_eq!(said(&out, "stored ").unwrap().trim(), format!("stored {digest}"), "{out}");
    assert_eq!(std::fs::read(place.file(&digest)).unwrap(), b"abc");
}
