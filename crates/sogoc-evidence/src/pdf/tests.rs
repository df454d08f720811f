use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::build::{append, file, stream};
use super::parse::Parser;
use super::{Fault, Id, Object, Pdf, decoded};
use crate::{ActiveContent, active_content};

const CATALOG: (u32, &str) = (1, "<< /Type /Catalog /Pages 2 0 R >>");
const ROOT: &str = "/Root 1 0 R";

fn id(number: u32) -> Id {
    Id { number, generation: 0 }
}

fn object(text: &str) -> Result<Object, Fault> {
    Parser::new(text.as_bytes(), 0).object()
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn objects_are_read_as_they_are_written() {
    let name = |text: &str| Object::Name(text.as_bytes().to_vec());
    let string = |bytes: &[u8]| Object::String(bytes.to_vec());
    for (text, expected) in [
        ("null", Object::Null),
        ("-17", Object::Integer(-17)),
        ("+3.5", Object::Real(b"+3.5".to_vec())),
        ("12 0 R", Object::Reference(id(12))),
        ("[12 0 1 0 R]", Object::Array(vec![Object::Integer(12), Object::Integer(0), Object::Reference(id(1))])),
        ("/Java#53cript", name("JavaScript")),
        ("/A#zz", name("A#zz")),
        ("/", name("")),
        (r"(a\(b(c)\051\n\7)", string(b"a(b(c))\n\x07")),
        ("(a\\\nb)", string(b"ab")),
        ("<48 65 6>", string(b"He\x60")),
        ("% a comment\n true", Object::Boolean(true)),
    ] {
        assert_eq!(object(text), Ok(expected), "{text}");
    }
    for broken in ["", "<< /A >>", "<< /A 1", "[1", "(a", "<4", "<4g>", "nothing", "1..x", ">>", "<< 1 2 >>"] {
        assert_eq!(object(broken), Err(Fault::Malformed), "{broken}");
    }
}

#[test]
fn a_key_that_stands_in_a_dictionary_twice_is_told() {
    let read = |text| object(text).unwrap().as_dictionary().unwrap().is_ambiguous();
    assert!(read("<< /A 1 /B 2 /#41 3 >>"));
    assert!(!read("<< /A 1 /B 2 >>"));
}

#[test]
fn objects_nested_too_deeply_or_too_many_are_too_large() {
    assert_eq!(object(&"[".repeat(100_000)), Err(Fault::TooLarge));
    assert_eq!(object(&"<</A".repeat(100_000)), Err(Fault::TooLarge));
    assert_eq!(object(&format!("[{}]", "0 ".repeat(600_000))), Err(Fault::TooLarge));
}

#[test]
fn a_stream_is_unpacked_to_the_limit_and_no_further() {
    let flate = object("<< /Filter /FlateDecode >>").unwrap();
    let packed = deflated(&vec![0; 1 << 20]);
    let unpacked = |limit| decoded(flate.as_dictionary().unwrap(), &packed, limit).map(|bytes| bytes.len());
    assert_eq!(unpacked(1 << 20), Ok(1 << 20));
    assert_eq!(unpacked((1 << 20) - 1), Err(Fault::TooLarge));
    let cut = decoded(flate.as_dictionary().unwrap(), &packed[..packed.len() / 2], 1 << 21);
    assert_eq!(cut, Err(Fault::Malformed));
}

#[test]
fn every_png_predictor_is_undone() {
    // Rows of three bytes, each after its predictor: none, left, above, average, Paeth.
    let rows = [[0, 1, 2, 3], [1, 5, 1, 1], [2, 1, 1, 1], [3, 1, 1, 1], [4, 1, 1, 1]].concat();
    let parameters = object("<< /Filter [/FlateDecode] /DecodeParms [<< /Predictor 15 /Columns 3 >>] >>").unwrap();
    let bytes = decoded(parameters.as_dictionary().unwrap(), &deflated(&rows), 100).unwrap();
    assert_eq!(bytes, [1, 2, 3, 5, 6, 7, 6, 7, 8, 4, 6, 8, 5, 7, 9]);
}

#[test]
fn the_last_revision_says_what_an_object_is() {
    let first = file(&[CATALOG, (2, "(first)"), (3, "(kept)")], ROOT);
    let second = append(&first, &[(2, "(second)")], ROOT);
    let pdf = Pdf::open(&second).unwrap();
    assert_eq!(pdf.sections.len(), 2);
    assert_eq!(pdf.now().get(id(2)), Ok(Object::String(b"second".to_vec())));
    assert_eq!(pdf.now().get(id(3)), Ok(Object::String(b"kept".to_vec())));
    assert_eq!(pdf.now().get(id(9)), Ok(Object::Null));
    let before = super::View { pdf: &pdf, from: 1, end: first.len() };
    assert_eq!(before.get(id(2)), Ok(Object::String(b"first".to_vec())));
}

#[test]
fn revisions_that_lead_back_to_themselves_are_malformed() {
    let opened = |trailer: &str| Pdf::open(&file(&[CATALOG], trailer)).map(|_| ());
    let section = super::tail(&file(&[CATALOG], ROOT)).unwrap().0;
    assert_eq!(opened(ROOT), Ok(()));
    assert_eq!(opened(&format!("{ROOT} /Prev {section}")), Err(Fault::Malformed));
    assert_eq!(opened(&format!("{ROOT} /XRefStm {section}")), Err(Fault::Malformed));
    for nowhere in ["/Prev 99999999", "/Prev -1", "/Prev 9", "/Prev (a)"] {
        assert_eq!(opened(&format!("{ROOT} {nowhere}")), Err(Fault::Malformed), "{nowhere}");
    }
}

#[test]
fn an_encrypted_file_is_told() {
    let encrypted = file(&[CATALOG, (2, "<< /Filter /Standard >>")], "/Root 1 0 R /Encrypt 2 0 R");
    assert_eq!(Pdf::open(&encrypted).map(|_| ()), Err(Fault::Encrypted));
}

#[test]
fn sections_that_say_two_things_about_one_object_are_malformed() {
    let twice = b"%PDF-1.7\nxref\n0 2\n0000000000 65535 f \n0000000009 00000 n \n1 1\n0000000009 00000 n \n\
        trailer\n<< /Size 2 >>\nstartxref\n9\n%%EOF\n";
    assert_eq!(Pdf::open(twice).map(|_| ()), Err(Fault::Malformed));
}

#[test]
fn a_length_that_is_found_through_itself_is_malformed() {
    let data = "<< /Length 2 0 R >>\nstream\nabc\nendstream";
    let bytes = file(&[CATALOG, (2, data)], ROOT);
    assert_eq!(Pdf::open(&bytes).unwrap().now().get(id(2)), Err(Fault::Malformed));
    // Each length is a stream whose length is the next.
    let chain: Vec<(u32, String)> =
        (2..90).map(|number| (number, format!("<< /Length {} 0 R >>\nstream\na\nendstream", number + 1))).collect();
    let chain: Vec<(u32, &str)> = chain.iter().map(|(number, text)| (*number, text.as_str())).collect();
    let bytes = file(&[&[CATALOG], chain.as_slice()].concat(), ROOT);
    assert_eq!(Pdf::open(&bytes).unwrap().now().get(id(2)), Err(Fault::Malformed));
}

#[test]
fn an_entry_that_leads_to_another_object_is_malformed() {
    let bytes = file(&[CATALOG, (2, "(a)")], ROOT);
    let text = String::from_utf8(bytes).unwrap().replace("2 0 obj", "3 0 obj");
    assert_eq!(Pdf::open(text.as_bytes()).unwrap().now().get(id(2)), Err(Fault::Malformed));
}

#[test]
fn reading_one_object_again_and_again_burns_the_fuel() {
    let large = format!("({})", "0".repeat(1 << 20));
    let bytes = file(&[CATALOG, (2, &large)], ROOT);
    let pdf = Pdf::open(&bytes).unwrap();
    let times = (0..1_000).take_while(|_| pdf.now().get(id(2)).is_ok()).count();
    assert!((10..100).contains(&times), "{times}");
    assert_eq!(pdf.now().get(id(2)), Err(Fault::TooLarge));
}

#[test]
fn what_acts_is_found_wherever_it_is() {
    let acts = |text: &str| active_content(&file(&[CATALOG, (2, text)], ROOT));
    for (text, expected) in [
        ("<< /S /JavaScript >>", ActiveContent::JavaScript),
        ("[<< /A << /S /J#61vaScript >> >>]", ActiveContent::JavaScript),
        ("<< /S /Launch >>", ActiveContent::Launch),
        ("<< /Type /EmbeddedFile >>", ActiveContent::EmbeddedFile),
        ("<< /S /SubmitForm >>", ActiveContent::Submit),
        ("<< /Subtype /RichMedia >>", ActiveContent::Submit),
        ("<< /Length 9 >>\nstream\nx\nendstream", ActiveContent::NotLookedAt),
    ] {
        assert_eq!(acts(text), [expected], "{text}");
    }
    assert_eq!(acts("<< /S /URI /Type /Page /JS2 1 >>"), []);
    assert_eq!(acts(&stream("/S /XYZ", "/S /JavaScript")), [], "data of streams are no objects");
    assert_eq!(active_content(b"PK"), [ActiveContent::NotLookedAt]);
}

#[test]
fn what_acts_is_found_in_object_streams() {
    let packed = deflated(b"5 0 << /S /JavaScript >>");
    let mut bytes = b"%PDF-1.7\n".to_vec();
    let container = bytes.len();
    bytes.extend(
        format!("4 0 obj\n<< /Type /ObjStm /N 1 /First 4 /Filter /FlateDecode /Length {} >>\nstream\n", packed.len())
            .bytes(),
    );
    bytes.extend(packed);
    bytes.extend(b"\nendstream\nendobj\n");
    let section = bytes.len();
    let entries: Vec<u8> = [[1, container as u8, 0], [2, 4, 0], [1, section as u8, 0]].concat();
    assert!(section < 256);
    bytes.extend(
        format!(
            "6 0 obj\n<< /Type /XRef /Size 7 /Root 5 0 R /W [1 1 1] /Index [4 3] /Length {} >>\nstream\n",
            entries.len()
        )
        .bytes(),
    );
    bytes.extend(entries);
    bytes.extend(format!("\nendstream\nendobj\nstartxref\n{section}\n%%EOF\n").bytes());
    assert_eq!(active_content(&bytes), [ActiveContent::JavaScript]);
}

#[test]
fn a_trailer_that_leads_two_ways_is_malformed() {
    let bytes = file(&[CATALOG], ROOT);
    let (section, _) = super::tail(&bytes).unwrap();
    let twice = super::build::append(&bytes, &[], &format!("{ROOT} /Prev {section}"));
    assert_eq!(Pdf::open(&twice).map(|_| ()), Err(Fault::Malformed));
}

#[test]
fn the_name_of_an_action_may_be_an_object_of_its_own() {
    let bytes = file(&[CATALOG, (2, "<< /S 3 0 R /F (a) >>"), (3, "/Launch")], ROOT);
    assert_eq!(active_content(&bytes), [ActiveContent::Launch]);
}
