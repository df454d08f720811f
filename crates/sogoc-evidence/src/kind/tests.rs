//! Each archive is made here byte by byte, for no common program makes the wrong ones.

use std::io::{Cursor, Write as _};

use flate2::Crc;
use flate2::write::DeflateEncoder;

use super::*;

/// An archive in the making; every field can be bent before it is written.
#[derive(Clone)]
struct Packed {
    name: Vec<u8>,
    local_name: Vec<u8>,
    bytes: Vec<u8>,
    method: u16,
    flags: u16,
    size: u32,
    crc: u32,
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

fn deflated(name: &str, bytes: &[u8]) -> Packed {
    let mut encoder = DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    let packed = encoder.finish().unwrap();
    Packed { bytes: packed, method: 8, size: bytes.len() as u32, crc: crc(bytes), ..stored(name, b"") }
}

fn stored(name: &str, bytes: &[u8]) -> Packed {
    Packed {
        name: name.into(),
        local_name: name.into(),
        bytes: bytes.to_vec(),
        method: 0,
        flags: 0,
        size: bytes.len() as u32,
        crc: crc(bytes),
    }
}

fn archive(entries: &[Packed]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        let at = out.len() as u32;
        let mut common = Vec::new();
        for number in [20, entry.flags, entry.method, 0, 0] {
            common.extend_from_slice(&number.to_le_bytes());
        }
        for number in [entry.crc, entry.bytes.len() as u32, entry.size] {
            common.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(b"PK\x03\x04");
        out.extend_from_slice(&common);
        out.extend_from_slice(&(entry.local_name.len() as u16).to_le_bytes());
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(&entry.local_name);
        out.extend_from_slice(&entry.bytes);
        directory.extend_from_slice(b"PK\x01\x02\x14\0");
        directory.extend_from_slice(&common);
        directory.extend_from_slice(&(entry.name.len() as u16).to_le_bytes());
        directory.extend_from_slice(&[0; 12]);
        directory.extend_from_slice(&at.to_le_bytes());
        directory.extend_from_slice(&entry.name);
    }
    let at = out.len() as u32;
    out.extend_from_slice(&directory);
    out.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    out.extend_from_slice(&(entries.len() as u16).to_le_bytes());
    out.extend_from_slice(&(entries.len() as u16).to_le_bytes());
    out.extend_from_slice(&(directory.len() as u32).to_le_bytes());
    out.extend_from_slice(&at.to_le_bytes());
    out.extend_from_slice(&[0; 2]);
    out
}

fn kind(bytes: &[u8]) -> (FileKind, Vec<ActiveContent>) {
    kind_of(&mut Cursor::new(bytes)).unwrap()
}

const WORD: &str = "wordprocessingml.document.main+xml";
const WORKBOOK: &str = "spreadsheetml.sheet.main+xml";

fn types(main: &str) -> Packed {
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">\
         <Default Extension=\"xml\" ContentType=\"application/xml\"/>\
         <Override PartName=\"/main.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.{main}\"/></Types>"
    );
    deflated("[Content_Types].xml", text.as_bytes())
}

fn office(main: &str, more: &[Packed]) -> Vec<u8> {
    archive(&[&[types(main), deflated("main.xml", b"<w/>")], more].concat())
}

#[test]
fn a_file_is_what_its_first_bytes_say_and_nothing_else() {
    let p7s = [0x30, 0x82, 1, 2, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2, 0xa0];
    let cases: [(&[u8], FileKind); 22] = [
        (b"%PDF-1.7\n", FileKind::Pdf),
        (b"\n%PDF-1.7\n", FileKind::Other),
        (b"%PD", FileKind::Other),
        (b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR", FileKind::Png),
        (b"\x89PNG\r\n\x1a\n", FileKind::Other),
        (b"\xff\xd8\xff\xe0", FileKind::Jpeg),
        (b"II*\0\x08\0\0\0", FileKind::Tiff),
        (b"MM\0*\0\0\0\x08", FileKind::Tiff),
        (b"II+\0", FileKind::Tiff),
        (b"IIX\0", FileKind::Other),
        (&p7s, FileKind::P7s),
        (&[&[0x30, 0x80], &p7s[4..]].concat(), FileKind::P7s),
        (&[&[0x30, 0x7f], &p7s[4..]].concat(), FileKind::P7s),
        (&[&[0x30, 0x84, 0, 0, 1, 2], &p7s[4..]].concat(), FileKind::P7s),
        (&[&[0x30, 0x85, 0, 0, 0, 1, 2], &p7s[4..]].concat(), FileKind::Other),
        (&p7s[..14], FileKind::Other),
        // Signed data's neighbour, enveloped data.
        (&[0x30, 0x0b, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 3], FileKind::Other),
        (b"<html>", FileKind::Other),
        (b"MZ\x90\0", FileKind::Other),
        // Word and Excel before 2007, and encrypted ones since.
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", FileKind::Other),
        (b"P", FileKind::Other),
        (b"", FileKind::Other),
    ];
    for (bytes, is) in cases {
        assert_eq!(kind(bytes), (is, vec![]), "{bytes:?}");
    }
}

#[test]
fn an_office_file_is_what_its_content_types_say() {
    assert_eq!(kind(&office(WORD, &[])), (FileKind::Docx, vec![]));
    assert_eq!(kind(&office(WORKBOOK, &[])), (FileKind::Xlsx, vec![]));
    assert_eq!(kind(&office("presentationml.presentation.main+xml", &[])), (FileKind::Zip, vec![]));
    assert_eq!(kind(&archive(&[stored("word/document.xml", b"<w/>")])), (FileKind::Zip, vec![]));
    assert_eq!(kind(&archive(&[])), (FileKind::Zip, vec![]));
    // Written otherwise, and the same.
    let other = "<t:Types xmlns:t='x'><t:Override PartName='/m' ContentType='application/vnd.openxmlformats-officedocument.\
                 wordprocessingml.document.main&#43;xml'></t:Override></t:Types>";
    assert_eq!(kind(&archive(&[stored("[content_types].XML", other.as_bytes())])), (FileKind::Docx, vec![]));
}

#[test]
fn an_office_file_with_macros_is_no_office_file() {
    let macros = (FileKind::Zip, vec![ActiveContent::Macro]);
    assert_eq!(kind(&office(WORD, &[stored("word/vbaProject.bin", b"x")])), macros);
    assert_eq!(kind(&office(WORKBOOK, &[stored("xl/MacroSheets/sheet1.xml", b"x")])), macros);
    assert_eq!(kind(&office(WORD, &[stored("word/activeX/activeX1.bin", b"x")])), macros);
    let enabled =
        "<Types><Override PartName='/m' ContentType='application/vnd.ms-word.document.macroEnabled.main+xml'/></Types>";
    assert_eq!(kind(&archive(&[stored("[Content_Types].xml", enabled.as_bytes())])), macros);
    // Under a harmless name, by its type.
    let hidden = format!(
        "<Types><Override PartName='/a' ContentType='application/vnd.openxmlformats-officedocument.{WORD}'/>\
         <Override PartName='/b' ContentType='application/vnd.ms-office.vba&#80;roject'/></Types>"
    );
    assert_eq!(kind(&archive(&[stored("[Content_Types].xml", hidden.as_bytes())])), macros);
}

#[test]
fn what_an_office_file_carries_or_fetches_is_noted() {
    let embedding = office(WORD, &[stored("word/embeddings/oleObject1.bin", b"x")]);
    assert_eq!(kind(&embedding), (FileKind::Docx, vec![ActiveContent::EmbeddedFile]));
    let relation = |kind: &str, mode: &str| {
        let text = format!(
            "<Relationships><Relationship Id='a' Type='http://x/{kind}' Target='http://x' TargetMode='{mode}'/></Relationships>"
        );
        office(WORD, &[deflated("word/_rels/settings.xml.rels", text.as_bytes())])
    };
    assert_eq!(kind(&relation("attachedTemplate", "External")), (FileKind::Docx, vec![ActiveContent::Submit]));
    assert_eq!(kind(&relation("hyperlink", "External")), (FileKind::Docx, vec![]));
    assert_eq!(kind(&relation("image", "Internal")), (FileKind::Docx, vec![]));
    // Another namespace's attribute says nothing.
    let fetched = relation("image", "External' x:TargetMode='Internal");
    assert_eq!(kind(&fetched), (FileKind::Docx, vec![ActiveContent::Submit]));
    let fetched = relation("x:hyperlink' Type='http://x/image", "External' x:TargetMode='Internal");
    assert_eq!(kind(&fetched), (FileKind::Zip, vec![ActiveContent::NotLookedAt]), "two of a name");
}

#[test]
fn an_archive_that_can_be_read_in_two_ways_is_not_looked_at() {
    let not_looked_at = (FileKind::Zip, vec![ActiveContent::NotLookedAt]);
    let good = office(WORD, &[]);
    let bent = |change: fn(&mut Packed)| {
        let mut entry = stored("a", b"abc");
        change(&mut entry);
        office(WORD, &[entry])
    };
    let mut overlapping = archive(&[types(WORD), stored("a", b"aaa"), stored("b", b"bbb")]);
    // The directory's last entry is moved onto the one before.
    let offset = overlapping.len() - 22 - 1 - 4;
    let one_before = overlapping.len() - 22 - (46 + 1) - 1 - 4;
    let copied: Vec<u8> = overlapping[one_before..one_before + 4].to_vec();
    overlapping[offset..offset + 4].copy_from_slice(&copied);
    let doctype = b"<!DOCTYPE t [<!ENTITY e 'x'>]><Types/>";
    let utf16: Vec<u8> = "<Types/>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("cut short", good[..good.len() - 1].to_vec()),
        ("only its beginning", b"PK\x03\x04".to_vec()),
        ("something after it", [&good[..], b"x"].concat()),
        ("something before it", [&archive(&[stored("a", b"")])[..35], &good].concat()),
        ("another name in the header", bent(|e| e.local_name = b"b".to_vec())),
        ("two of a name", office(WORD, &[stored("a", b"1"), stored("A", b"2")])),
        ("encrypted", bent(|e| e.flags = 1)),
        ("overlapping", overlapping),
        ("types with a document type", archive(&[stored("[Content_Types].xml", doctype)])),
        ("types in UTF-16", archive(&[stored("[Content_Types].xml", &utf16)])),
        ("types that do not end", archive(&[stored("[Content_Types].xml", b"<Types>")])),
        ("types that are nothing", archive(&[stored("[Content_Types].xml", b"")])),
        ("types packed otherwise", archive(&[Packed { method: 12, ..types(WORD) }])),
        ("types with another checksum", archive(&[Packed { crc: 1, ..types(WORD) }])),
        ("types larger than said", archive(&[Packed { size: 10, ..types(WORD) }])),
        ("types that unpack to a gigabyte", archive(&[Packed { size: 1 << 30, ..types(WORD) }])),
        ("types with endless attributes", {
            let endless: String = (0..500_000).map(|i| format!(" a{i}=''")).collect();
            archive(&[deflated("[Content_Types].xml", format!("<Types{endless}/>").as_bytes())])
        }),
        ("both at once", {
            let both = format!(
                "<Types><Override ContentType='application/vnd.openxmlformats-officedocument.{WORD}'/></Types>"
            );
            archive(&[stored("[Content_Types].xml", both.as_bytes()), stored("[CONTENT_TYPES].xml", both.as_bytes())])
        }),
    ];
    for (what, bytes) in cases {
        assert_eq!(kind(&bytes), not_looked_at, "{what}");
    }
}

/// Every archive cut at every place and with every byte flipped is told something of, without a panic.
#[test]
fn no_damage_to_an_archive_panics() {
    let good = office(WORD, &[stored("a", b"abc")]);
    for at in 0..good.len() {
        let _ = kind(&good[..at]);
        for bit in [1, 0x80, 0xff] {
            let mut damaged = good.clone();
            damaged[at] ^= bit;
            let _ = kind(&damaged);
            let _ = look_into_zip(&mut Cursor::new(&damaged), &ZipLimits::default());
        }
    }
}

fn look(entries: &[Packed], limits: ZipLimits) -> Result<ZipContents, ZipRefused> {
    look_into_zip(&mut Cursor::new(archive(entries)), &limits)
}

#[test]
fn the_files_in_an_archive_are_what_they_are_and_an_inner_archive_is_refused() {
    let limits = ZipLimits::default();
    let inner = office(WORD, &[]);
    let with_macros = office(WORD, &[stored("word/vbaProject.bin", b"x")]);
    let entries = [
        stored("folder/", b""),
        deflated("folder/a.txt", b"%PDF-1.7"),
        deflated("b", &inner),
        stored("c", &with_macros),
    ];
    let contents = look(&entries, limits).unwrap();
    let found: Vec<_> = contents.files.iter().map(|file| (file.kind, file.active.clone(), file.size)).collect();
    let expected = [
        (FileKind::Pdf, vec![], 8),
        (FileKind::Docx, vec![], inner.len() as u64),
        (FileKind::Zip, vec![ActiveContent::Macro], with_macros.len() as u64),
    ];
    assert_eq!(found, expected);
    assert_eq!(contents.bytes, expected.iter().map(|(_, _, size)| size).sum::<u64>());
    let nested = archive(&[stored("x", b"y")]);
    assert!(matches!(look(&[deflated("n", &nested)], limits), Err(ZipRefused::Nested)));
    assert!(matches!(look(&[deflated("n", b"PK\x03\x04 no archive")], limits), Err(ZipRefused::Nested)));
}

#[test]
fn a_bomb_ends_at_the_limit() {
    let limits = ZipLimits { entries_max: 3, bytes_max: 1 << 20 };
    let zeros = deflated("zeros", &vec![0; 2 << 20]);
    let refused = look(std::slice::from_ref(&zeros), limits);
    assert!(
        matches!(refused, Err(ZipRefused::TooLarge { bytes, limit }) if bytes == 2 << 20 && limit == 1 << 20),
        "{refused:?}"
    );
    // One that lies about its size is stopped at the size that it said.
    let refused = look(&[Packed { size: 1000, ..zeros }], limits);
    assert!(matches!(refused, Err(ZipRefused::Malformed(_))), "{refused:?}");
    let many: Vec<_> = (0..4).map(|i| stored(&i.to_string(), b"x")).collect();
    assert!(matches!(look(&many, limits), Err(ZipRefused::TooMany { entries: 4, limit: 3 })));
    let encrypted = Packed { flags: 1, ..stored("e", b"x") };
    assert!(matches!(look(&[encrypted], limits), Err(ZipRefused::Encrypted)));
    assert!(matches!(look(&[Packed { method: 14, ..stored("l", b"x") }], limits), Err(ZipRefused::Unsupported(14))));
}
