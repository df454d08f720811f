//! `corpus unpack DIR` writes seeds and kept inputs of every target as files, each target in a folder of its own, as the
//! fuzzer wants them; `corpus pack DIR` keeps what is in such folders. Kept inputs of a target are one file in `corpus/`,
//! each after its length in four bytes, big-endian.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

/// Longer inputs are not kept.
const BYTES_MAX: usize = 4096;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (target, seeds) in sogoc_fuzz::seeds() {
        let file = kept.join(format!("{target}.corpus"));
        match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["unpack", folder] => {
                let folder = Path::new(folder).join(target);
                fs::create_dir_all(&folder)?;
                let inputs = seeds.into_iter().chain(read(&file)?);
                for (number, input) in inputs.enumerate() {
                    fs::write(folder.join(format!("kept-{number:05}")), input)?;
                }
            }
            ["pack", folder] => {
                let mut inputs = BTreeSet::new();
                for found in fs::read_dir(Path::new(folder).join(target))? {
                    inputs.insert(fs::read(found?.path())?);
                }
                inputs.retain(|input| input.len() <= BYTES_MAX && !seeds.contains(input));
                let length = |input: &Vec<u8>| (input.len() as u32).to_be_bytes();
                let bytes: Vec<u8> = inputs.iter().flat_map(|input| [&length(input)[..], input].concat()).collect();
                fs::write(file, bytes)?;
            }
            _ => return Err(io::Error::other("corpus unpack DIR, or corpus pack DIR")),
        }
    }
    Ok(())
}

fn read(file: &Path) -> io::Result<Vec<Vec<u8>>> {
    let bytes = if file.exists() { fs::read(file)? } else { Vec::new() };
    let mut inputs = Vec::new();
    let mut rest = bytes.as_slice();
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        let (input, after) = after.split_at_checked(length).ok_or(io::ErrorKind::UnexpectedEof)?;
        inputs.push(input.to_vec());
        rest = after;
    }
    Ok(inputs)
}
