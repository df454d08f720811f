//! The evidence files of the Hà Nam season: each gets the verdict that its row states, in any year.

use std::fs;
use std::path::{Path, PathBuf};

use sogoc_evidence::{Anchors, Outcome, Reason, judge_pdf};
use time::macros::datetime;

fn season() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/hanam-2022")
}

#[test]
fn the_files_of_the_season_are_what_their_rows_state_in_any_year() {
    let folder = season().join("evidence");
    let anchors = Anchors::parse(&fs::read(folder.join("anchors.pem")).unwrap()).unwrap();
    let table = fs::read_to_string(season().join("evidence.csv")).unwrap();
    let mut lines = table.lines();
    assert_eq!(lines.next(), Some("agency,leaf,file_name,kind,signature,purpose,for_case,status,sha256"));
    let mut files = 0;
    for line in lines.filter(|line| !line.ends_with(',')) {
        let row: Vec<&str> = line.split(',').collect();
        let [agency, _, name, _, stated, _, _, _, digest] = row[..] else { panic!("{line}") };
        let file = fs::read(folder.join(agency).join(name)).unwrap();
        files += 1;
        for at in [datetime!(2022-12-20 0:00 UTC), datetime!(2026-06-01 0:00 UTC), datetime!(2048-01-01 0:00 UTC)] {
            let verdict = judge_pdf(&file, Some(&anchors), at);
            match stated {
                "valid" => {
                    let signature = &verdict.signatures[0];
                    assert_eq!(signature.reasons, [Reason::ExtendedAfterSigning], "{name} at {at}");
                    let signer = signature.signer.as_ref().unwrap();
                    assert_eq!(signer.organisation.as_deref(), Some("Sở Xây dựng"), "{name}");
                    assert!(signer.issuer.contains("SOGOC TEST CA"), "{name}: {}", signer.issuer);
                    assert!(signature.proven.is_some_and(|proven| proven < at), "{name}");
                }
                "altered_after_signing" => assert_eq!(verdict.outcome, Outcome::Invalid, "{name} at {at}"),
                "unsigned" => assert_eq!(verdict.outcome, Outcome::Unsigned, "{name} at {at}"),
                other => panic!("{other}"),
            }
        }
        assert_eq!(sha256(&file), digest, "{name}");
    }
    assert_eq!(files, 6);
    let in_folder =
        |entry: &fs::DirEntry| if entry.path().is_dir() { fs::read_dir(entry.path()).unwrap().count() } else { 1 };
    let there: usize = fs::read_dir(&folder).unwrap().map(|entry| in_folder(&entry.unwrap())).sum();
    assert_eq!(there, files + 1, "a file that no row names");
}

fn sha256(data: &[u8]) -> String {
    use sha2::Digest as _;
    hex::encode(sha2::Sha256::digest(data))
}
