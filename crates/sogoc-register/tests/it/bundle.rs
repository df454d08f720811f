//! Bundles: what they prove to a stranger, and what they refuse.

use std::io::Read as _;
use std::sync::LazyLock;

use serde_json::{Value, json};
use sogoc_log::Hash;
use sogoc_proof::{Algorithm, Checkpoint, Note, Policy, SignerKey, leaf_hash, multiproof_path, root};
use sogoc_register::bundle::{
    Basis, BundleFault, BundleRefused, Completeness, Depth, OpenedText, Proved, verify_bundle,
};
use sogoc_register::{AsOf, Cut};

use crate::support::{Memory, hanam};

const AGENCY: &str = "hanam-2022/departments/so-xay-dung";

/// A log signed by a key, with its leaf hashes.
struct Signed {
    memory: &'static Memory,
    leaves: Vec<Hash>,
    checkpoint: String,
}

fn key(name: &str) -> SignerKey {
    SignerKey::from_seed(name, Algorithm::Ed25519, [7; 32]).unwrap()
}

fn policy() -> Policy {
    Policy::parse(format!("log {}\nquorum none\n", key("test").verifier()).as_bytes()).unwrap()
}

fn signed() -> &'static Signed {
    static SIGNED: LazyLock<Signed> = LazyLock::new(|| {
        let memory = hanam();
        let leaves: Vec<Hash> = memory.entries.iter().map(|entry| leaf_hash(entry.as_bytes())).collect();
        let checkpoint = checkpoint(&leaves, "test");
        Signed { memory, leaves, checkpoint }
    });
    &SIGNED
}

fn checkpoint(leaves: &[Hash], origin: &str) -> String {
    let checkpoint = Checkpoint::try_new(origin, u64::try_from(leaves.len()).unwrap(), root(leaves)).unwrap();
    Note::sign(&checkpoint.to_string(), &[&key(origin)]).unwrap().to_string()
}

impl Signed {
    fn proof(&self, positions: &[u64]) -> Vec<Hash> {
        let size = u64::try_from(self.leaves.len()).unwrap();
        let at = |n: u64| usize::try_from(n).unwrap();
        let subtrees = multiproof_path(positions, size).unwrap();
        subtrees.iter().map(|tree| root(&self.leaves[at(tree.start())..at(tree.end())])).collect()
    }

    fn bundle(&self, address: &str, cut: Cut, depth: Depth) -> Vec<u8> {
        let plan = self.memory.register.bundle(address, cut, depth).unwrap_or_else(|e| panic!("{e}"));
        let entry = |p: &u64| self.memory.entries[usize::try_from(*p).unwrap()].clone();
        let entries: Vec<_> = plan.positions().iter().map(entry).collect();
        let opened = plan.texts().iter().filter_map(|commitment| {
            let (salt, text) = self.memory.texts.opened(commitment)?;
            Some(OpenedText::Text { commitment: *commitment, salt, text })
        });
        let opened: Vec<_> = opened.collect();
        plan.to_file(&entries, &self.proof(plan.positions()), &self.checkpoint, &opened, &[])
    }

    /// The bundle of a figure as of the last edition.
    fn published(&self, address: &str, depth: Depth) -> Vec<u8> {
        self.bundle(address, self.memory.register.bundle_cut(address), depth)
    }

    /// A bundle changed by somebody who makes all of its Merkle proofs right again.
    fn altered(&self, file: &Value, alter: impl FnOnce(&mut Value)) -> Vec<u8> {
        let mut bundle = file.clone();
        alter(&mut bundle);
        let entries = bundle["entries"].as_array().unwrap();
        let mut positions: Vec<u64> = entries.iter().map(|entry| entry["position"].as_u64().unwrap()).collect();
        positions.sort_unstable();
        bundle["proof"] = self.proof(&positions).iter().map(Hash::to_base64).collect();
        bundle.to_string().into_bytes()
    }
}

fn json_of(file: &[u8]) -> Value {
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn verified(file: &[u8]) -> Proved {
    verify_bundle(file, &policy()).unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn a_published_figure_is_proved_whole() {
    let signed = signed();
    for what in [
        "index",
        "class",
        "total_points",
        "survey_points",
        "applicable_max",
        "index_change",
        "domain/3/appraised_points",
        "leaf/1.5/appraised_points",
        "leaf/1.5/self_points",
        "letter",
    ] {
        let address = format!("{AGENCY}/{what}");
        let cut = signed.memory.register.bundle_cut(&address);
        let proved = verified(&signed.published(&address, Depth::Table));
        assert_eq!(proved.figure, signed.memory.register.value(&address, cut).unwrap());
        assert!(matches!(proved.completeness, Completeness::Proved { .. }), "{address}");
        assert_eq!(proved.basis, Basis::Entries);
        assert!(proved.erased.is_empty());
        let trace = proved.trace.unwrap();
        assert_eq!(trace.figure, proved.figure);
    }
    let proved = verified(&signed.published(&format!("{AGENCY}/leaf/1.5/appraised_points"), Depth::Table));
    assert!(proved.texts > 0, "the reasons come along and fit");
}

#[test]
fn a_rank_goes_by_the_published_table_or_by_every_scorecard() {
    let signed = signed();
    for what in [
        "departments/so-xay-dung/rank",
        "departments/so-xay-dung/rank_change",
        "departments/mean_index",
        "districts/max_index_agency",
        "departments/letter/A/count",
        "departments/class/good/count",
        "departments/survey_mean",
        "survey/not_surveyed_members",
        "departments/index_risen_count",
    ] {
        let address = format!("hanam-2022/{what}");
        let cut = signed.memory.register.bundle_cut(&address);
        let proved = verified(&signed.published(&address, Depth::Table));
        assert!(matches!(proved.basis, Basis::Table { rows: 25, .. }), "{address} goes by the table");
        assert_eq!(proved.figure, signed.memory.register.value(&address, cut).unwrap());
    }
    let address = format!("{AGENCY}/rank");
    let (proved, deep) =
        (verified(&signed.published(&address, Depth::Table)), verified(&signed.published(&address, Depth::Deep)));
    assert_eq!(deep.basis, Basis::Entries);
    assert_eq!(deep.figure, proved.figure, "both ways lead to the same figure");
    assert!(deep.entries > 10 * proved.entries);
    let domain = "hanam-2022/departments/domain/3/mean";
    let cut = signed.memory.register.bundle_cut(domain);
    let refused = signed.memory.register.bundle(domain, cut, Depth::Table);
    assert!(matches!(refused, Err(BundleRefused::OnlyDeep { .. })));
    verified(&signed.published(domain, Depth::Deep));
}

#[test]
fn every_single_omission_is_refused() {
    let signed = signed();
    for address in [format!("{AGENCY}/index"), format!("{AGENCY}/rank")] {
        let file = json_of(&signed.published(&address, Depth::Table));
        let count = file["entries"].as_array().unwrap().len();
        assert!(count > 200, "{count}");
        // Of the rank's, which are nearly the same, the newest of each stream below.
        for omitted in 0..if address.ends_with("index") { count } else { 0 } {
            let less = signed.altered(&file, |bundle| {
                bundle["entries"].as_array_mut().unwrap().remove(omitted);
            });
            assert!(verify_bundle(&less, &policy()).is_err(), "without entry {omitted}");
        }
        // The newest of each stream, which leaves no gap.
        let streams = file["commitment"]["streams"].as_array().unwrap().clone();
        for stream in streams {
            let held = |bundle: &Value| bundle["entries"].as_array().unwrap().iter().any(|e| e["stream"] == stream[0]);
            if !held(&file) {
                continue;
            }
            for whole in [false, true] {
                let less = signed.altered(&file, |bundle| {
                    let entries = bundle["entries"].as_array_mut().unwrap();
                    if whole {
                        entries.retain(|entry| entry["stream"] != stream[0]);
                    } else {
                        let last = entries.iter().rposition(|entry| entry["stream"] == stream[0]).unwrap();
                        entries.remove(last);
                    }
                });
                assert!(verify_bundle(&less, &policy()).is_err(), "{stream}");
            }
        }
    }
}

#[test]
fn a_commitment_that_hides_an_omission_is_refused() {
    let signed = signed();
    let file = json_of(&signed.published(&format!("{AGENCY}/index"), Depth::Table));
    let card = "scorecard/hanam-2022/so-xay-dung";
    let hidden = signed.altered(&file, |bundle| {
        let entries = bundle["entries"].as_array_mut().unwrap();
        let last = entries.iter().rposition(|entry| entry["stream"] == card).unwrap();
        entries.remove(last);
        for stream in bundle["commitment"]["streams"].as_array_mut().unwrap() {
            if stream[0] == card {
                stream[1] = json!(stream[1].as_u64().unwrap() - 1);
            }
        }
    });
    assert!(matches!(verify_bundle(&hidden, &policy()), Err(BundleFault::Commitment(_))));
    // Without the commitment it is not hidden, but said.
    let open = signed.altered(&file, |bundle| {
        bundle.as_object_mut().unwrap().remove("commitment");
        let apart = bundle["as_of"].as_u64().unwrap();
        bundle["entries"].as_array_mut().unwrap().retain(|entry| entry["position"].as_u64().unwrap() <= apart);
    });
    assert_eq!(verified(&open).completeness, Completeness::NotProved);
}

#[test]
fn before_an_announcement_completeness_is_not_proved() {
    let signed = signed();
    let register = &signed.memory.register;
    let address = format!("{AGENCY}/index");
    let as_of = register.bundle_cut(&address).position().unwrap();
    for position in [as_of - 1, as_of / 2, register.size() - 1] {
        let cut = register.cut(&AsOf::Position(position)).unwrap();
        let proved = verified(&signed.bundle(&address, cut, Depth::Table));
        assert_eq!(proved.completeness, Completeness::NotProved);
        assert_eq!(proved.figure, register.value(&address, cut).unwrap());
    }
    let cut = register.cut(&AsOf::Position(as_of - 1)).unwrap();
    let refused = register.bundle(&format!("{AGENCY}/rank"), cut, Depth::Table);
    assert!(matches!(refused, Err(BundleRefused::NoEdition { .. })), "no table was published as of then");
}

#[test]
fn what_is_altered_is_refused() {
    let signed = signed();
    let file = json_of(&signed.published(&format!("{AGENCY}/rank"), Depth::Table));
    let refused = |alter: &dyn Fn(&mut Value)| {
        let altered = signed.altered(&file, |bundle| alter(bundle));
        verify_bundle(&altered, &policy()).map(|_| ()).unwrap_err()
    };
    let figure = refused(&|b| b["figure"]["value"] = json!(1));
    assert!(matches!(figure, BundleFault::Figure { .. }), "{figure}");
    assert!(matches!(
        refused(&|b| b["address"] = json!("hanam-2022/departments/so-noi-vu/rank")),
        BundleFault::Incomplete { .. }
    ));
    assert!(matches!(refused(&|b| b["as_of"] = json!(10)), BundleFault::Entry { .. } | BundleFault::Commitment(_)));
    assert!(matches!(refused(&|b| b["edition"]["rows"][3]["index"] = json!("99")), BundleFault::Table(_)));
    assert!(matches!(refused(&|b| _ = b["edition"]["rows"].as_array_mut().unwrap().pop()), BundleFault::Table(_)));
    assert!(matches!(
        refused(&|b| _ = b.as_object_mut().unwrap().remove("edition")),
        BundleFault::Entry { .. } | BundleFault::Table(_)
    ));
    assert!(matches!(
        refused(&|b| b["entries"][7]["at"] = json!("2026-01-01T00:00:59.000000Z")),
        BundleFault::NotInTree(_)
    ));
    assert!(matches!(refused(&|b| b["entries"].as_array_mut().unwrap().swap(3, 4)), BundleFault::Entry { .. }));
    assert!(matches!(refused(&|b| b["format"] = json!("sogoc-bundle/v2")), BundleFault::Unreadable(_)));
    assert!(matches!(refused(&|b| b["more"] = json!(1)), BundleFault::Unreadable(_)));
    let other = checkpoint(&signed.leaves[..signed.leaves.len() - 1], "test");
    assert!(matches!(refused(&|b| b["checkpoint"] = json!(other)), BundleFault::NotInTree(_)));
    let foreign = checkpoint(&signed.leaves, "foreign");
    assert!(matches!(refused(&|b| b["checkpoint"] = json!(foreign)), BundleFault::Policy(_)));
    assert!(matches!(refused(&|b| b["depth"] = json!("deep")), BundleFault::Incomplete { .. }));
}

#[test]
fn a_text_is_proved_by_its_salt_and_an_erased_one_is_said() {
    let signed = signed();
    let file = signed.published(&format!("{AGENCY}/leaf/1.5/appraised_points"), Depth::Table);
    let proved = verified(&file);
    let file = json_of(&file);
    let texts = file["texts"].as_array().unwrap().clone();
    assert_eq!(proved.texts, texts.len());
    let erased = signed.altered(&file, |b| {
        b["texts"][0] = json!({"commitment": texts[0]["commitment"], "erased": true});
    });
    let proved = verified(&erased);
    assert_eq!((proved.texts, proved.erased.len()), (texts.len() - 1, 1));
    for alter in [
        json!({"commitment": texts[0]["commitment"], "salt": texts[0]["salt"], "text": "another"}),
        json!({"commitment": texts[0]["commitment"], "salt": "00".repeat(32), "text": texts[0]["text"]}),
        json!({"commitment": texts[0]["commitment"]}),
        json!({"commitment": "00".repeat(32), "erased": true}),
        json!({"commitment": texts[0]["commitment"], "salt": texts[0]["salt"], "text": texts[0]["text"], "erased": true}),
    ] {
        let altered = signed.altered(&file, |b| b["texts"][0] = alter.clone());
        assert!(matches!(verify_bundle(&altered, &policy()), Err(BundleFault::Text { .. })), "{alter}");
    }
}

#[test]
fn damaged_files_end_in_a_fault() {
    let signed = signed();
    let file = signed.published(&format!("{AGENCY}/leaf/1.5/appraised_points"), Depth::Table);
    for bytes in
        [&b""[..], b"{}", b"null", b"\x1f\x8b", b"\x1f\x8b\x08\0\0\0\0\0", &file[..file.len() / 2], &[0xff; 1000]]
    {
        assert!(verify_bundle(bytes, &policy()).is_err());
    }
    let mut text = String::new();
    flate2::read::GzDecoder::new(&file[..]).read_to_string(&mut text).unwrap();
    verified(text.as_bytes());
    for at in (0..text.len()).step_by(997) {
        let mut bytes = text.clone().into_bytes();
        bytes[at] ^= 1;
        assert!(verify_bundle(&bytes, &policy()).is_err(), "byte {at}");
    }
}
