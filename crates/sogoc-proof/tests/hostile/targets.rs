//! What must hold of every input, one function for each kind: that it ends, that what is read has one spelling, and that
//! nothing is believed that nobody signed. Called by the test beside it and by the fuzzer (`fuzz/`), which finds the
//! inputs.

use std::fmt::Write as _;
use std::sync::OnceLock;

use sogoc_proof::{
    AddCheckpoint, Algorithm, Checkpoint, EntryBundle, Frontier, Hash, Note, Policy, SignatureLine, SignerKey, Subtree,
    Tile, TlogProof, VerifierKey, bundles_between, consistency_path, consistency_proof, cosign, decide, empty_root,
    inclusion_path, inclusion_proof, leaf_hash, multiproof_path, root, root_from_tiles, subtree_root, subtree_roots,
    tiles_at, tiles_between, tiles_for, verify_consistency, verify_inclusion, verify_multiproof,
};

/// A target's name, its function, and inputs from which the search for others begins.
pub(crate) struct Target {
    /// Name of the fuzz target.
    pub(crate) name: &'static str,
    /// Panics where something does not hold.
    pub(crate) run: fn(&[u8]),
    /// Valid inputs.
    pub(crate) seeds: fn() -> Vec<Vec<u8>>,
}

/// Every target.
pub(crate) const TARGETS: [Target; 10] = [
    Target { name: "key", run: key, seeds: key_seeds },
    Target { name: "note", run: note, seeds: note_seeds },
    Target { name: "checkpoint", run: checkpoint, seeds: checkpoint_seeds },
    Target { name: "policy", run: policy, seeds: policy_seeds },
    Target { name: "tile_path", run: tile_path, seeds: tile_path_seeds },
    Target { name: "bundle", run: bundle, seeds: bundle_seeds },
    Target { name: "tlog_proof", run: tlog_proof, seeds: tlog_proof_seeds },
    Target { name: "add_checkpoint", run: add_checkpoint, seeds: add_checkpoint_seeds },
    Target { name: "verify", run: verify, seeds: verify_seeds },
    Target { name: "paths", run: paths, seeds: paths_seeds },
];

/// Leaves of the log that everything here is about.
const LEAVES: u64 = 11;

/// A log with its checkpoints of all sizes, each cosigned by six witnesses, and the policies that believe them.
struct Stage {
    leaves: Vec<Hash>,
    signers: Vec<SignerKey>,
    keys: Vec<VerifierKey>,
    checkpoints: Vec<Note>,
    policy_text: String,
    policy: Policy,
}

fn stage() -> &'static Stage {
    static STAGE: OnceLock<Stage> = OnceLock::new();
    STAGE.get_or_init(|| {
        let leaves: Vec<Hash> = (0..LEAVES).map(|n| leaf_hash(&entry(n))).collect();
        let key = |name: &str, algorithm, seed| SignerKey::from_seed(name, algorithm, [seed; 32]).expect("a name");
        let log = key("log.example", Algorithm::Ed25519, 1);
        let witnesses: Vec<SignerKey> =
            (0..6).map(|n| key(&format!("w{n}.example"), Algorithm::CosignatureV1, 10 + n)).collect();
        let checkpoint = |size: u64| {
            let checkpoint = Checkpoint::try_new("log.example", size, root(&leaves[..size as usize])).expect("a name");
            let note = Note::sign(&checkpoint.to_string(), &[&log]).expect("a text");
            let lines =
                witnesses.iter().map(|witness| cosign(note.text(), witness, 1_000 + size).expect("a checkpoint"));
            note.clone().with_signatures(lines).expect("a note")
        };
        let checkpoints = (0..=LEAVES).map(checkpoint).collect();
        let mut policy_text = format!("# whom we trust\nlog {} https://log.example/\n", log.verifier());
        for (n, witness) in witnesses.iter().enumerate() {
            writeln!(policy_text, "witness w{n} {}", witness.verifier()).expect("a string");
        }
        policy_text.push_str("group x 2 w0 w1 w2\ngroup y any w3 w4 w5\ngroup all all x y\nquorum all\n");
        let policy = Policy::parse(policy_text.as_bytes()).expect("a policy");
        let mut signers = vec![log];
        signers.extend(witnesses);
        let keys = signers.iter().map(|signer| signer.verifier().clone()).collect();
        Stage { leaves, signers, keys, checkpoints, policy_text, policy }
    })
}

impl Stage {
    /// Whether the log signed this text.
    fn signed(&self, text: &str) -> bool {
        self.checkpoints.iter().any(|note| note.text() == text)
    }
}

fn entry(n: u64) -> Vec<u8> {
    format!("entry {n}").into_bytes()
}

fn key(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    if let Ok(key) = VerifierKey::parse(text) {
        // An id may be written in capitals.
        assert_eq!(key.to_string().to_lowercase(), text.to_lowercase());
        assert_eq!(VerifierKey::parse(&key.to_string()), Ok(key));
    }
    if let Ok(key) = SignerKey::parse(text) {
        assert_eq!(key.encode().to_lowercase(), text.to_lowercase());
    }
}

fn key_seeds() -> Vec<Vec<u8>> {
    let signers = &stage().signers[..2];
    signers.iter().flat_map(|key| [key.verifier().to_string().into_bytes(), key.encode().into_bytes()]).collect()
}

fn note(data: &[u8]) {
    let stage = stage();
    if let Ok(lines) = SignatureLine::parse_all(data) {
        assert_eq!(lines.iter().map(|line| format!("{line}\n")).collect::<String>().as_bytes(), data);
    }
    let Ok(note) = Note::parse(data) else { return };
    assert_eq!(note.to_string().as_bytes(), data);
    if let Ok(verified) = note.verify(&stage.keys) {
        assert!(stage.signed(note.text()), "nobody signed {:?}", note.text());
        assert!(verified.iter().all(|by| stage.keys.contains(&by.key)));
    }
    if let Ok(judged) = stage.policy.judge(data) {
        assert!(stage.signed(note.text()) && judged.quorum_met());
    }
}

fn note_seeds() -> Vec<Vec<u8>> {
    let notes = &stage().checkpoints;
    let lines: String = notes[3].signatures().iter().map(|line| format!("{line}\n")).collect();
    vec![notes[0].to_string().into_bytes(), notes[11].to_string().into_bytes(), lines.into_bytes()]
}

fn checkpoint(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    if let Ok(checkpoint) = Checkpoint::parse(text) {
        assert_eq!(checkpoint.to_string(), text);
        assert!(checkpoint.size() <= sogoc_proof::FOREIGN_SIZE_MAX);
        assert!(cosign(text, &stage().signers[1], checkpoint.size()).is_ok());
    }
}

fn checkpoint_seeds() -> Vec<Vec<u8>> {
    let text = stage().checkpoints[5].text();
    vec![text.as_bytes().to_vec(), format!("{text}extension\nanother\n").into_bytes()]
}

fn policy(data: &[u8]) {
    let stage = stage();
    let Ok(policy) = Policy::parse(data) else { return };
    for note in [&stage.checkpoints[7], &stage.checkpoints[11]] {
        let bare = Note::parse(format!("{}\n{}\n", note.text(), note.signatures()[0]).as_bytes()).expect("a note");
        for note in [note, &bare] {
            let judged = policy.assess(note);
            if let Ok(judged) = &judged {
                assert_eq!(judged.quorum_met(), judged.missing().is_empty());
                assert_eq!(policy.judge_note(note).is_ok(), judged.quorum_met());
            }
            assert!(judged.is_ok() || policy.judge_note(note).is_err());
        }
        // No policy that was read asks for the impossible: where all witnesses are known, all of them are enough.
        let known = policy.witnesses().iter().all(|witness| stage.keys.contains(&witness.key));
        if known && policy.logs().iter().any(|log| log.key == stage.keys[0]) {
            assert!(policy.judge_note(note).is_ok());
        }
    }
}

fn policy_seeds() -> Vec<Vec<u8>> {
    let text = &stage().policy_text;
    let log = text.lines().nth(1).expect("the log");
    vec![text.clone().into_bytes(), format!("{log}\nquorum none\n").into_bytes()]
}

fn tile_path(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    if let Ok(tile) = Tile::parse(text) {
        assert_eq!(tile.path(), text);
        assert!(tile.is_within(sogoc_proof::FOREIGN_SIZE_MAX));
    }
    if let Ok(bundle) = EntryBundle::parse(text) {
        assert_eq!(bundle.path(), text);
        assert_eq!(bundle.tile().path().replacen("tile/0/", "tile/entries/", 1), text);
    }
}

fn tile_path_seeds() -> Vec<Vec<u8>> {
    ["tile/0/x001/x234/067", "tile/7/000.p/127", "tile/1/999.p/3", "tile/entries/x001/000.p/255"]
        .map(|path| path.into())
        .to_vec()
}

/// The width, then the bundle or tile.
fn bundle(data: &[u8]) {
    let Some((width, bytes)) = data.split_first() else { return };
    let bundle = EntryBundle::try_new(3, u16::from(*width) + 1).expect("1 to 256 wide");
    if let Ok(entries) = bundle.decode(bytes) {
        assert_eq!(bundle.encode(&entries).expect("what was read"), bytes);
    }
    if let Ok(hashes) = bundle.tile().decode(bytes) {
        assert_eq!(bundle.tile().encode(&hashes).expect("what was read"), bytes);
    }
    if let Ok(frontier) = Frontier::from_bytes(bytes) {
        assert_eq!(frontier.to_bytes(), bytes);
        assert_eq!(frontier.edge().is_empty(), frontier.size() == 0);
    }
}

fn bundle_seeds() -> Vec<Vec<u8>> {
    let stage = stage();
    let entries: Vec<Vec<u8>> = (0..LEAVES).map(entry).collect();
    let bundle = EntryBundle::in_log(0, LEAVES).expect("a bundle");
    let width = [LEAVES as u8 - 1];
    let frontier: Frontier = stage.leaves.iter().copied().collect();
    vec![
        [&width[..], &bundle.encode(&entries).expect("as wide")].concat(),
        [&width[..], &bundle.tile().encode(&stage.leaves).expect("as wide")].concat(),
        [&width[..], &frontier.to_bytes()].concat(),
    ]
}

fn tlog_proof(data: &[u8]) {
    let stage = stage();
    let Ok(proof) = TlogProof::parse(data) else { return };
    assert_eq!(proof.to_string().as_bytes(), data);
    for n in [0, 5, 10] {
        if let Ok(judged) = proof.verify(&entry(n), &stage.policy) {
            assert!(stage.signed(proof.checkpoint.text()) && n == proof.index && n < judged.checkpoint.size());
        }
    }
}

fn tlog_proof_seeds() -> Vec<Vec<u8>> {
    let stage = stage();
    let proof = |index, size: u64, extra| TlogProof {
        extra,
        index,
        proof: inclusion_proof(&stage.leaves[..size as usize], index).expect("in the tree"),
        checkpoint: stage.checkpoints[size as usize].clone(),
    };
    let proofs = [proof(0, 1, None), proof(5, 11, None), proof(10, 11, Some(b"extra".to_vec()))];
    proofs.iter().map(|proof| proof.to_string().into_bytes()).collect()
}

fn add_checkpoint(data: &[u8]) {
    let stage = stage();
    let Ok(request) = AddCheckpoint::parse(data) else { return };
    assert_eq!(request.to_string().as_bytes(), data);
    let memory = |size: u64| Some((size, root(&stage.leaves[..size as usize])));
    for known in [None, memory(0), memory(3), memory(8), memory(11), Some((3, empty_root()))] {
        match decide(known, &request, &stage.keys[..1]) {
            Ok(accepted) => {
                assert!(stage.signed(request.note().text()), "nobody signed this");
                assert_eq!(request.old_size(), known.map_or(0, |(size, _)| size));
                assert!(accepted.checkpoint().size() >= request.old_size());
                assert!(accepted.cosign(&stage.signers[1], 1).is_ok());
            }
            Err(refused) => assert_eq!(refused.known_size().is_some(), refused.status() == 409),
        }
    }
    assert_eq!(decide(None, &request, &[]).map_err(|refused| refused.status()), Err(404));
}

fn add_checkpoint_seeds() -> Vec<Vec<u8>> {
    let stage = stage();
    let request = |old, size: u64| {
        let proof = consistency_proof(&stage.leaves[..size as usize], old).expect("not above");
        AddCheckpoint::try_new(old, proof, stage.checkpoints[size as usize].clone()).expect("a checkpoint")
    };
    let requests = [request(0, 5), request(3, 11), request(8, 8), request(0, 0)];
    requests.iter().map(|request| request.to_string().into_bytes()).collect()
}

/// Numbers and hashes out of bytes; zeros when there are no more.
struct Input<'d>(&'d [u8]);

impl Input<'_> {
    fn byte(&mut self) -> u8 {
        let Some((byte, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *byte
    }

    fn number(&mut self) -> u64 {
        (0..8).fold(0, |number, _| number << 8 | u64::from(self.byte()))
    }

    /// One of these for each byte that is left, at most 70.
    fn choose<T: Copy>(&mut self, pool: &[T]) -> Vec<T> {
        let choices: Vec<u8> = self.0.iter().copied().take(70).collect();
        self.0 = &self.0[choices.len()..];
        choices.into_iter().map(|choice| pool[usize::from(choice) % pool.len()]).collect()
    }
}

/// A proof made of hashes that are all in the tree: only the right one of them may prove anything.
fn verify(data: &[u8]) {
    let stage = stage();
    let mut input = Input(data);
    let mut pool: Vec<Hash> = stage.leaves.clone();
    for start in 0..LEAVES {
        pool.extend(
            (start + 1..=LEAVES)
                .filter_map(|end| Subtree::try_new(start, end))
                .map(|part| root(&stage.leaves[part.start() as usize..part.end() as usize])),
        );
    }
    pool.push(empty_root());
    let (what, number, claimed, pick) = (input.byte(), input.number(), input.number(), input.byte());
    let chosen = pool[usize::from(pick) % pool.len()];
    let proof = input.choose(&pool);
    let top = root(&stage.leaves);
    match what % 3 {
        0 => {
            let believed = verify_inclusion(&chosen, number, LEAVES, &proof, &top).is_ok();
            let right = inclusion_proof(&stage.leaves, number)
                .is_ok_and(|right| right == proof && stage.leaves[number as usize] == chosen);
            assert_eq!(believed, right);
            let _ends = verify_inclusion(&chosen, number, claimed, &proof, &top);
        }
        1 => {
            let believed = verify_consistency(number, &chosen, LEAVES, &top, &proof).is_ok();
            let right = consistency_proof(&stage.leaves, number)
                .is_ok_and(|right| right == proof && root(&stage.leaves[..number as usize]) == chosen);
            assert_eq!(believed, right);
            let _ends = verify_consistency(number, &chosen, claimed, &top, &proof);
        }
        _ => {
            let indexes: Vec<u64> = (0..64).filter(|bit| number >> bit & 1 == 1).collect();
            let mut leaves: Vec<(u64, Hash)> =
                indexes.iter().map(|n| (*n, stage.leaves.get(*n as usize).copied().unwrap_or(chosen))).collect();
            // One leaf in two is exchanged.
            let exchanged = what % 2 == 0 && !leaves.is_empty();
            if exchanged {
                leaves[0].1 = chosen;
            }
            let believed = verify_multiproof(&leaves, LEAVES, &proof, &top).is_ok();
            let right = multiproof_path(&indexes, LEAVES).is_ok_and(|path| {
                let right = path.iter().map(|part| root(&stage.leaves[part.start() as usize..part.end() as usize]));
                right.eq(proof.iter().copied()) && leaves.iter().all(|(n, leaf)| stage.leaves[*n as usize] == *leaf)
            });
            assert_eq!(believed, right);
            let _ends = verify_multiproof(&leaves, claimed, &proof, &top);
        }
    }
}

fn verify_seeds() -> Vec<Vec<u8>> {
    let numbers = |what: u8, number: u64, claimed: u64| {
        [&[what][..], &number.to_be_bytes(), &claimed.to_be_bytes(), &[0, 1, 11, 30, 44, 60]].concat()
    };
    vec![numbers(0, 4, 11), numbers(1, 6, 1 << 63), numbers(2, 0b101_0001, u64::MAX), numbers(5, 1, 12)]
}

/// Paths and tiles for sizes that no log ever had.
fn paths(data: &[u8]) {
    let mut input = Input(data);
    let (index, old, size, length) = (input.number(), input.number(), input.number(), input.byte());
    if let Ok(path) = inclusion_path(index, size) {
        assert!(path.len() <= 64);
        assert_eq!(path.iter().map(|part| part.leaves()).sum::<u64>(), size - 1);
        assert!(path.iter().all(|part| !(part.start()..part.end()).contains(&index)));
        assert!(path.iter().all(|part| Subtree::try_new(part.start(), part.end()) == Some(*part)));
    }
    let hashes = vec![empty_root(); usize::from(length) + 1];
    let full = [empty_root(); 256];
    for mut path in [inclusion_path(index, size), consistency_path(old, size)].into_iter().flatten() {
        assert!(path.len() <= 65);
        // The others are as these; hashing 256 hashes for each takes its time.
        path.truncate(8);
        assert!(tiles_for(&path, size).len() <= path.len() * 8);
        let fitting = subtree_roots(&path, size, |tile| Some(&full[..usize::from(tile.width())]));
        assert!(fitting.is_ok() || size > sogoc_proof::FOREIGN_SIZE_MAX);
        assert!(path.is_empty() || subtree_roots(&path, size, |_| None).is_err());
        let _ends = subtree_roots(&path, size, |_| Some(hashes.as_slice()));
    }
    let _ends = root_from_tiles(size, |_| Some(hashes.as_slice()));
    if let Some(part) = Subtree::try_new(old, index) {
        let root = subtree_root(part, size, |tile| Some(&full[..usize::from(tile.width())]));
        assert!(root.is_ok() || index > size || size > sogoc_proof::FOREIGN_SIZE_MAX);
        assert!(root.is_err() || index <= size);
    }
    let mut indexes = vec![index, old];
    while !input.0.is_empty() && indexes.len() < 20 {
        indexes.push(input.number() % size.max(1));
    }
    indexes.sort_unstable();
    indexes.dedup();
    if let Ok(path) = multiproof_path(&indexes, size) {
        assert_eq!(path.iter().map(|part| part.leaves()).sum::<u64>(), size - indexes.len() as u64);
        assert!(path.len() <= 64 * indexes.len() && path.windows(2).all(|pair| pair[0].end() <= pair[1].start()));
    }
    for tile in tiles_at(size).take(20).chain(tiles_between(old, size).take(20)) {
        assert!(tile.is_within(size) && Tile::parse(&tile.path()) == Ok(tile));
        assert_eq!(Tile::in_tree(tile.level(), tile.index(), size), Some(tile));
    }
    for bundle in bundles_between(old, size).take(20) {
        assert!(bundle.is_within(size) && bundle.first_position() < size);
    }
    if let Ok(tile) = Tile::try_new(length % 10, index, (old % 300) as u16) {
        assert_eq!(Tile::parse(&tile.path()), Ok(tile));
    }
}

fn paths_seeds() -> Vec<Vec<u8>> {
    let numbers = |index: u64, old: u64, size: u64| {
        [index.to_be_bytes(), old.to_be_bytes(), size.to_be_bytes(), [7; 8], [9; 8]].concat()
    };
    vec![
        numbers(4, 6, 11),
        numbers(1 << 40, (1 << 53) - 1, 1 << 53),
        numbers(u64::MAX - 1, 1 << 63, u64::MAX),
        numbers(69_999, 65_536, 70_000),
        numbers(1, (1 << 63) - 10, u64::MAX),
    ]
}
