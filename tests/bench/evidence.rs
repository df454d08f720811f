//! Evidence: storing files against the disk's own copying, and verifying a signature against hashing the file.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use sha2::{Digest as _, Sha256};
use sogoc_evidence::{Anchors, Blobs, EncryptionKey, Location, Outcome, judge_pdf};

use crate::Bench;
use crate::random::Random;
use crate::report::median;

impl Bench {
    /// A file is put into a folder and copied by `cp` and `sync` beside it, in turn; the file is in memory for both.
    pub(crate) async fn evidence(&mut self) -> anyhow::Result<()> {
        let mib: u64 = if self.quick { 32 } else { 256 };
        let folder = self.folder.path().join("evidence");
        std::fs::create_dir(&folder)?;
        let source = folder.join("source");
        let mut random = Random::new(1);
        let bytes: Vec<u8> = (0..mib << 17).flat_map(|_| random.next().to_le_bytes()).collect();
        std::fs::write(&source, &bytes)?;
        drop(bytes);
        copy(&source, &folder.join("warm"))?;
        let key = EncryptionKey::parse(&"07".repeat(32))?;
        let stores =
            [("bare", open(&folder.join("bare"), None)?), ("encrypted", open(&folder.join("encrypted"), Some(key))?)];
        let (mut copies, mut puts, mut gets) = (Vec::new(), [Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
        for _ in 0..self.repetitions {
            copies.push(copy(&source, &folder.join("copy"))?);
            for (index, (_, blobs)) in stores.iter().enumerate() {
                let file = tokio::fs::File::open(&source).await?;
                let start = Instant::now();
                let stored = blobs.put(file, u64::MAX).await?;
                puts[index].push(start.elapsed().as_secs_f64());
                ensure!(!stored.existed && stored.size == mib << 20, "{stored:?}");
                let start = Instant::now();
                let mut body = blobs.get(&stored.digest).await?;
                while body.next().await?.is_some() {}
                gets[index].push(start.elapsed().as_secs_f64());
                blobs.remove(&stored.digest).await?;
            }
        }
        let copied = mib as f64 / median(copies);
        for ((name, _), (puts, gets)) in stores.iter().zip(puts.into_iter().zip(gets)) {
            let put = mib as f64 / median(puts);
            let goal = (*name == "bare").then_some(0.5);
            self.report.rate(format!("put of {mib} MiB, {name}, MiB"), put, copied, "cp, and sync of the copy", goal);
            self.report.rate(
                format!("the same read and verified, {name}, MiB"),
                mib as f64 / median(gets),
                copied,
                "the same",
                None,
            );
        }
        std::fs::remove_dir_all(&folder)?;
        self.verification()
    }

    /// A signed PDF of 10 MiB, made by the peer of `tests/peers/pades`: hashed, and its signature verified, in turn. Left out
    /// where there are no signed files.
    fn verification(&mut self) -> anyhow::Result<()> {
        let Some(folder) = std::env::var_os("SOGOC_TEST_PADES") else {
            eprintln!("the verification of a large PDF is left out: SOGOC_TEST_PADES names no folder of signed files");
            return Ok(());
        };
        let folder = Path::new(&folder);
        let cases: Vec<serde_json::Value> = serde_json::from_slice(&std::fs::read(folder.join("cases.json"))?)?;
        let case = cases.iter().find(|case| case["bench"] == true).context("no case is for the bench")?;
        let named = |field: &str| case[field].as_str().map(|name| folder.join(name)).context("a case names its files");
        let (file, anchors) = (std::fs::read(named("file")?)?, Anchors::parse(&std::fs::read(named("anchors")?)?)?);
        let at = case["judged_at"].as_str().context("a case has an instant")?;
        let at = time::OffsetDateTime::parse(at, &time::format_description::well_known::Rfc3339)?;
        let (mut hashed, mut judged) = (Vec::new(), Vec::new());
        for _ in 0..self.repetitions.max(5) {
            let start = Instant::now();
            let digest = Sha256::digest(std::hint::black_box(&file));
            hashed.push(start.elapsed().as_secs_f64());
            std::hint::black_box(digest);
            let start = Instant::now();
            let verdict = judge_pdf(std::hint::black_box(&file), Some(&anchors), at);
            judged.push(start.elapsed().as_secs_f64());
            ensure!(matches!(verdict.outcome, Outcome::Valid | Outcome::ValidBut), "{verdict:?}");
        }
        let (hashed, judged) = (median(hashed), median(judged));
        let mib = file.len() >> 20;
        self.report.time(format!("SHA-256 of a signed PDF of {mib} MiB"), hashed, None);
        self.report.time("verifying it, against twice that and 5 ms", judged, Some(2.0 * hashed + 0.005));
        Ok(())
    }
}

fn open(folder: &Path, key: Option<EncryptionKey>) -> anyhow::Result<Blobs> {
    Ok(Blobs::open(&Location::parse(folder.to_str().context("a path in UTF-8")?)?, key)?)
}

/// Copies and syncs that copy alone: a sync of the whole disk would count what others wrote.
fn copy(from: &Path, to: &Path) -> anyhow::Result<f64> {
    let start = Instant::now();
    let done = Command::new("sh").args(["-c", "cp \"$0\" \"$1\" && sync \"$1\""]).args([from, to]).status()?;
    let seconds = start.elapsed().as_secs_f64();
    ensure!(done.success(), "cp or sync failed");
    std::fs::remove_file(to)?;
    Ok(seconds)
}
