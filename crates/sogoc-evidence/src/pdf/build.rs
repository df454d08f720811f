//! Small PDF files for tests, with as many revisions as they need.

use std::collections::BTreeMap;

/// A file of one revision: objects by number, and the trailer's entries but for `Size`.
pub(crate) fn file(objects: &[(u32, &str)], trailer: &str) -> Vec<u8> {
    revision(b"%PDF-1.7\n".to_vec(), objects, trailer)
}

/// The file with one more revision.
pub(crate) fn append(file: &[u8], objects: &[(u32, &str)], trailer: &str) -> Vec<u8> {
    let (previous, _) = super::tail(file).expect("a file to append to");
    revision(file.to_vec(), objects, &format!("{trailer} /Prev {previous}"))
}

fn revision(mut bytes: Vec<u8>, objects: &[(u32, &str)], trailer: &str) -> Vec<u8> {
    let mut offsets = BTreeMap::new();
    for (number, text) in objects {
        offsets.insert(*number, bytes.len());
        bytes.extend(format!("{number} 0 obj\n{text}\nendobj\n").bytes());
    }
    let section = bytes.len();
    bytes.extend(b"xref\n");
    for (number, offset) in offsets {
        bytes.extend(format!("{number} 1\n{offset:010} 00000 n \n").bytes());
    }
    bytes.extend(format!("trailer\n<< /Size 100 {trailer} >>\nstartxref\n{section}\n%%EOF\n").bytes());
    bytes
}

/// A stream's text.
pub(crate) fn stream(entries: &str, data: &str) -> String {
    format!("<< {entries} /Length {} >>\nstream\n{data}\nendstream", data.len())
}
