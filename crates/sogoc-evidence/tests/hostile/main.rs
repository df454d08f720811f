//! The fuzz targets without a fuzzer: what it once found interesting, and some thousands of damaged inputs, always the
//! same ones. A failure prints the input; it is also one for `fuzz/run`.

mod targets;

use std::panic::{AssertUnwindSafe, catch_unwind};

use targets::{TARGETS, Target};

/// Damaged inputs for each target.
const ROUNDS: usize = 1_500;

/// A generator of numbers that are always the same (xorshift64*).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit.max(1)
    }
}

/// Pieces that mean something in one of the formats.
const PIECES: [&[u8]; 22] = [
    b"\n",
    b" ",
    b"0 ",
    b"-1 ",
    b"99999999999 ",
    b"1 0 R",
    b"<<",
    b">>",
    b"[",
    b"(",
    b"/Prev 9 ",
    b"/Contents <",
    b"/ByteRange [0 ",
    b"endobj\n",
    b"stream\n",
    b"startxref\n9\n%%EOF\n",
    b"-----BEGIN CERTIFICATE-----\n",
    &[0x30, 0x80],
    &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
    &[0xa0, 0x80, 0x00, 0x00],
    &[0x00],
    &[0xff; 8],
];

fn damage(input: &mut Vec<u8>, others: &[Vec<u8>], numbers: &mut Numbers) {
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(input.len() + 1);
        let length = numbers.below(40).min(input.len() - at);
        match numbers.below(8) {
            0 if at < input.len() => input[at] ^= 1 << numbers.below(8),
            1 if at < input.len() => input[at] = numbers.below(256) as u8,
            2 => input.truncate(at),
            3 => drop(input.drain(at..at + length)),
            4 => {
                let again = input[at..at + length].to_vec();
                input.splice(at..at, again);
            }
            5 => {
                let piece = PIECES[numbers.below(PIECES.len())];
                input.splice(at..at + length.min(piece.len()), piece.iter().copied());
            }
            6 => {
                let other = &others[numbers.below(others.len())];
                input.truncate(at);
                input.extend_from_slice(&other[numbers.below(other.len() + 1)..]);
            }
            // Lines change their places.
            _ => {
                let mut lines: Vec<&[u8]> = input.split_inclusive(|byte| *byte == b'\n').collect();
                if lines.len() > 1 {
                    let (one, other) = (numbers.below(lines.len()), numbers.below(lines.len()));
                    lines.swap(one, other);
                    *input = lines.concat();
                }
            }
        }
    }
}

/// The inputs that `fuzz/run` kept: each after its length in four bytes, big-endian.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let file = format!("{}/../../fuzz/corpus/{name}.corpus", env!("CARGO_MANIFEST_DIR"));
    let bytes = std::fs::read(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
    let mut inputs = Vec::new();
    let mut rest = bytes.as_slice();
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let (input, after) = after.split_at(u32::from_be_bytes(*length) as usize);
        inputs.push(input.to_vec());
        rest = after;
    }
    assert!(rest.is_empty(), "{file} was cut");
    inputs
}

fn check(Target { name, run, seeds }: &Target) {
    let mut inputs = seeds();
    let valid = inputs.len();
    inputs.extend(corpus(name));
    let one = |input: &[u8]| {
        if catch_unwind(AssertUnwindSafe(|| run(input))).is_err() {
            let bytes: String = input.iter().map(|byte| format!("{byte:02x}")).collect();
            panic!("{name}: {bytes}\n{}", String::from_utf8_lossy(input));
        }
    };
    inputs.iter().for_each(|input| one(input));
    one(&[]);
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    for _ in 0..ROUNDS {
        // Half of them from the valid ones, which are few and get furthest.
        let from = if numbers.below(2) == 0 { valid } else { inputs.len() };
        let mut input = inputs[numbers.below(from)].clone();
        damage(&mut input, &inputs, &mut numbers);
        one(&input);
    }
}

/// One test for each target, so that they run beside each other.
macro_rules! tests {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            check(TARGETS.iter().find(|target| target.name == stringify!($name)).expect("a target"));
        })*

        #[test]
        fn every_target_is_run() {
            assert_eq!(TARGETS.map(|target| target.name), [$(stringify!($name)),*]);
        }
    };
}

tests!(pdf_signature pdf_active cms_detached trust_anchors);
