//! Compiles the public schema (`proto/`) into the descriptor set from which the service is made: no generated code.

use std::error::Error;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new("../../proto");
    println!("cargo::rerun-if-changed={}", root.display());
    let mut files: Vec<PathBuf> = std::fs::read_dir(root.join("sogoc/v1"))?
        .map(|file| Ok(file?.path()))
        .collect::<Result<_, std::io::Error>>()?;
    files.retain(|path| path.extension().is_some_and(|kind| kind == "proto"));
    // The order of a folder is the file system's: the set is the same bytes everywhere.
    files.sort();
    let mut compiler = protox::Compiler::new([root])?;
    compiler.include_imports(true).include_source_info(true).open_files(files)?;
    let set = Path::new(&std::env::var("OUT_DIR")?).join("sogoc.v1.binpb");
    std::fs::write(set, compiler.encode_file_descriptor_set())?;
    Ok(())
}
