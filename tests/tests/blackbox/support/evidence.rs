//! Evidence files of the data set, and what tests do with them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::Digest as _;

use super::binary::{Answer, Sogoc};
use super::stores::Store;
use super::{hanam, pilot};

/// Signed by Sở Xây dựng, whole.
pub(crate) fn valid() -> PathBuf {
    of_hanam("so-xay-dung", "1.5_quyet-dinh-cong-nhan-sang-kien-hoac-van-ban-xac-nhan-hieu-qua-ap.pdf")
}

/// Signed by Sở Xây dựng as well.
pub(crate) fn also_valid() -> PathBuf {
    of_hanam("so-xay-dung", "1.5_kn-01_quyet-dinh-cong-nhan-sang-kien-thu-ba.pdf")
}

/// Altered after it was signed.
pub(crate) fn altered() -> PathBuf {
    of_hanam("so-cong-thuong", "5.4.2_ke-hoach-tu-kiem-tra-cong-vu.pdf")
}

/// Not signed.
pub(crate) fn unsigned() -> PathBuf {
    of_hanam("so-tai-nguyen-va-moi-truong", "3.1.1_du-thao-ke-hoach-ra-soat-danh-gia-tthc-nam-2022.pdf")
}

/// By whose certificates the data set's signatures are judged.
pub(crate) fn anchors() -> PathBuf {
    hanam::file("evidence/anchors.pem")
}

/// SHA-256 of the certificate of Sở Xây dựng.
pub(crate) const SIGNER: &str = "8c5aed3ab16ebadc5ce496d00bbb6a54ec6e393489e249fd96fdbf02936b1c1f";

fn of_hanam(agency: &str, name: &str) -> PathBuf {
    hanam::file(&format!("evidence/{agency}/{name}"))
}

/// SHA-256 of bytes, as the binary writes it.
pub(crate) fn sha256(bytes: impl AsRef<[u8]>) -> String {
    hex::encode(sha2::Sha256::digest(bytes))
}

/// SHA-256 of a file.
pub(crate) fn digest(file: &Path) -> String {
    sha256(std::fs::read(file).expect("the file is there"))
}

/// `evidence attach` of a file to a leaf of the pilot season, by the agency's officer.
pub(crate) fn attaching(file: &Path, agency: &str, leaf: &str) -> Vec<String> {
    attaching_in(pilot::SEASON, file, agency, leaf)
}

/// The same in any season.
pub(crate) fn attaching_in(season: &str, file: &Path, agency: &str, leaf: &str) -> Vec<String> {
    let file = file.to_str().expect("a plain path");
    let officer = pilot::officer(agency);
    let words =
        ["evidence", "attach", file, "--season", season, "--agency", agency, "--leaf", leaf, "--account", &officer];
    words.map(str::to_owned).to_vec()
}

/// Attaches a file in the pilot season; gives the answer's document.
#[track_caller]
pub(crate) fn attach(sogoc: &Sogoc, file: &Path, agency: &str, leaf: &str) -> Value {
    sogoc.with(&["--json"]).ok(&attaching(file, agency, leaf)).document()
}

/// Says by which anchors a season's signatures are judged.
pub(crate) fn adopt(sogoc: &Sogoc, season: &str, anchors: &Path) -> Answer {
    let file = anchors.to_str().expect("a plain path");
    sogoc.run(&["evidence", "anchors", season, file, "--account", "secretary", "--reason", "Danh sách chứng thư"])
}

/// Erases a file on the ground of the pilot's instrument.
pub(crate) fn erase(sogoc: &Sogoc, digest: &str, account: &str) -> Answer {
    sogoc.with(&["--json"]).run(&[
        "evidence",
        "erase",
        digest,
        "--account",
        account,
        "--instrument",
        pilot::DECISION,
        "--ground-code",
        "named-without-need",
        "--ground",
        "Tệp có dữ liệu cá nhân",
    ])
}

/// `evidence fsck`, with its exit code.
#[track_caller]
pub(crate) fn fsck(sogoc: &Sogoc, code: i32) -> Value {
    sogoc.with(&["--json"]).run(&["evidence", "fsck"]).ends(code).document()
}

/// Where a stored file lies.
pub(crate) fn blob(store: &Store, digest: &str) -> PathBuf {
    store.evidence().join("sha256").join(&digest[..2]).join(digest)
}

/// Every file under a folder with its bytes' SHA-256, and every folder.
pub(crate) fn listing(folder: &Path) -> BTreeMap<PathBuf, Option<String>> {
    let mut all = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(at) = open.pop() {
        for entry in std::fs::read_dir(&at).expect("the folder can be read") {
            let path = entry.expect("it can be read").path();
            if path.is_dir() {
                all.insert(path.clone(), None);
                open.push(path);
            } else {
                all.insert(path.clone(), Some(digest(&path)));
            }
        }
    }
    all
}

/// Entries of one kind in a stream.
pub(crate) fn entries_of(sogoc: &Sogoc, stream: &str, kind: &str) -> Vec<Value> {
    let mut entries = sogoc.entries(&["--stream", stream]);
    entries.retain(|entry| entry["kind"] == kind);
    entries
}

/// What a receipt says for ever.
#[track_caller]
pub(crate) fn answer(document: &Value) -> [Value; 3] {
    assert!(document["receipt"]["positions"][0].is_u64(), "{document}");
    ["command_id", "at", "positions"].map(|field| document["receipt"][field].clone())
}

/// The machine's clock, by which kills are spread over a run and an answer is called quick.
#[expect(clippy::disallowed_methods, reason = "what is measured here is a process from outside")]
pub(crate) fn now() -> std::time::Instant {
    std::time::Instant::now()
}
