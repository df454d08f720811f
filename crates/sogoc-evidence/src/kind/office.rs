//! Office files: ZIP archives that say in `[Content_Types].xml` what is in them (ECMA-376 part 2).

use std::io::{Read, Seek};

use quick_xml::events::attributes::{AttrError, Attribute};
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::zip::{Archive, Entry, ZipRefused};
use crate::{ActiveContent, FileKind};

/// Of all descriptions together, unpacked.
const DESCRIPTIONS_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Of one element; three or four are common, and namespaces.
const ATTRIBUTES_MAX: usize = 64;

const WORD: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml";
const WORKBOOK: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml";

/// What of a content type or of a part's name means that there are macros: Visual Basic, those of Excel 4, and ActiveX
/// controls. Of both, for programs differ in which of them they go by.
const MACROS: &[&str] = &["macroenabled", "vbaproject", "vbadata", "macrosheet", "dialogsheet", "activex"];

/// What an archive is as an office file, and what in it acts.
pub(super) fn look(
    reader: &mut (impl Read + Seek),
    archive: &Archive,
) -> Result<(FileKind, Vec<ActiveContent>), ZipRefused> {
    let mut left = DESCRIPTIONS_BYTES_MAX;
    let mut describe = |entry: &Entry| {
        let xml = Archive::unpack(reader, entry, left)?;
        left -= entry.size;
        Ok::<_, ZipRefused>(xml)
    };
    let Some(types) = archive.entries.iter().find(|entry| entry.name.eq_ignore_ascii_case(b"[Content_Types].xml"))
    else {
        return Ok((FileKind::Zip, Vec::new()));
    };
    let mut types_said = Vec::new();
    each_element(&describe(types)?, |name, attributes| {
        if matches!(name, b"Default" | b"Override") {
            types_said.extend(
                attributes.iter().filter(|(key, _)| key == "ContentType").map(|(_, value)| value.to_ascii_lowercase()),
            );
        }
    })?;
    let mut active = Vec::new();
    for entry in &archive.entries {
        let name = entry.name.to_ascii_lowercase();
        if MACROS.iter().any(|mark| contains(&name, mark)) {
            active.push(ActiveContent::Macro);
        }
        if contains(&name, "/embeddings/") {
            active.push(ActiveContent::EmbeddedFile);
        }
        if !name.ends_with(b".rels") {
            continue;
        }
        // What is outside and no link to click on is fetched when the file is opened: a template, a picture, data.
        each_element(&describe(entry)?, |name, attributes| {
            let of = |wanted: &str| attributes.iter().find(|(key, _)| key == wanted).map_or("", |(_, value)| value);
            if name == b"Relationship"
                && of("TargetMode").eq_ignore_ascii_case("External")
                && !of("Type").ends_with("/hyperlink")
            {
                active.push(ActiveContent::Submit);
            }
        })?;
    }
    if types_said.iter().any(|said| MACROS.iter().any(|mark| said.contains(mark))) {
        active.push(ActiveContent::Macro);
    }
    if types_said.iter().any(|said| said.ends_with(".oleobject")) {
        active.push(ActiveContent::EmbeddedFile);
    }
    active.sort_unstable();
    active.dedup();
    let is = |main: &str| types_said.iter().any(|said| said == main);
    let kind = match (is(WORD), is(WORKBOOK)) {
        _ if active.contains(&ActiveContent::Macro) => FileKind::Zip,
        (true, false) => FileKind::Docx,
        (false, true) => FileKind::Xlsx,
        // Presentations, templates, drawings; or both at once, which no program makes.
        (false, false) | (true, true) => FileKind::Zip,
    };
    Ok((kind, active))
}

fn contains(name: &[u8], mark: &str) -> bool {
    name.windows(mark.len()).any(|window| window == mark.as_bytes())
}

const UNREADABLE: ZipRefused = ZipRefused::Malformed("a description in it is not XML in UTF-8");

/// Gives name without prefix and attributes of each element. Only UTF-8 and the five entities of XML are read.
fn each_element(xml: &[u8], mut each: impl FnMut(&[u8], &[(String, String)])) -> Result<(), ZipRefused> {
    let text = std::str::from_utf8(xml).map_err(|_| UNREADABLE)?;
    let mut reader = Reader::from_str(text);
    let mut ended = false;
    let mut depth: u32 = 0;
    loop {
        match reader.read_event().map_err(|_| UNREADABLE)? {
            Event::Start(element) => {
                each(element.local_name().as_ref(), &attributes_of(&element)?);
                depth += 1;
            }
            Event::Empty(element) => {
                each(element.local_name().as_ref(), &attributes_of(&element)?);
                ended |= depth == 0;
            }
            Event::End(_) => {
                depth = depth.checked_sub(1).ok_or(UNREADABLE)?;
                ended |= depth == 0;
            }
            // No office file has one, and entities could hide what the rest says.
            Event::DocType(_) => return Err(UNREADABLE),
            Event::Eof if ended && depth == 0 => return Ok(()),
            Event::Eof => return Err(UNREADABLE),
            Event::Text(_)
            | Event::CData(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::GeneralRef(_) => {}
        }
    }
}

fn attributes_of(element: &BytesStart<'_>) -> Result<Vec<(String, String)>, ZipRefused> {
    let read = |attribute: Result<Attribute<'_>, AttrError>| {
        let attribute = attribute.ok()?;
        // With its prefix: those that mean something have none, and one with a prefix must not pass for them.
        let key = String::from_utf8_lossy(attribute.key.as_ref()).into_owned();
        Some((key, attribute.normalized_value(XmlVersion::Implicit1_0).ok()?.into_owned()))
    };
    // Each is compared with all before it.
    let attributes = element.attributes().take(ATTRIBUTES_MAX + 1).map(|attribute| read(attribute).ok_or(UNREADABLE));
    let attributes = attributes.collect::<Result<Vec<_>, _>>()?;
    if attributes.len() > ATTRIBUTES_MAX { Err(UNREADABLE) } else { Ok(attributes) }
}
