//! What in a PDF acts when it is opened.

use std::collections::{BTreeSet, HashSet};

use super::object::{Dictionary, Fault, Object};
use super::{Pdf, View};
use crate::ActiveContent;

/// Objects that are looked at.
const OBJECTS_MAX: u64 = 2_000_000;

/// What in a PDF acts when it is opened: sorted, each once. Every object that the file has now is looked at, reachable or
/// not, in object streams too. Where something cannot be read, [`ActiveContent::NotLookedAt`] is among the answers, as
/// for what is no PDF at all.
#[must_use]
pub fn active_content(file: &[u8]) -> Vec<ActiveContent> {
    let mut found = BTreeSet::new();
    match Pdf::open(file) {
        Ok(pdf) => {
            if look(pdf.now(), &mut found).is_err() {
                found.insert(ActiveContent::NotLookedAt);
            }
        }
        Err(_) => {
            found.insert(ActiveContent::NotLookedAt);
        }
    }
    found.into_iter().collect()
}

fn look(view: View<'_, '_>, found: &mut BTreeSet<ActiveContent>) -> Result<(), Fault> {
    if view.sections().iter().map(|section| section.count()).sum::<u64>() > OBJECTS_MAX {
        return Err(Fault::TooLarge);
    }
    let mut seen = HashSet::new();
    for section in view.sections() {
        dictionary(&section.trailer, found);
        for number in section.numbers() {
            if !seen.insert(number) {
                continue;
            }
            match view.object(number) {
                // The name of an action may be an object of its own.
                Ok(Object::Name(name)) => found.extend(acting(b"S", &name)),
                Ok(object) => object_in(&object, found),
                Err(Fault::TooLarge) => return Err(Fault::TooLarge),
                Err(_) => {
                    found.insert(ActiveContent::NotLookedAt);
                }
            }
        }
    }
    Ok(())
}

fn object_in(object: &Object, found: &mut BTreeSet<ActiveContent>) {
    match object {
        Object::Array(items) => items.iter().for_each(|item| object_in(item, found)),
        Object::Dictionary(inner) | Object::Stream(inner, _) => dictionary(inner, found),
        Object::Null
        | Object::Boolean(_)
        | Object::Integer(_)
        | Object::Real(_)
        | Object::Name(_)
        | Object::String(_)
        | Object::Reference(_) => {}
    }
}

fn dictionary(dictionary: &Dictionary, found: &mut BTreeSet<ActiveContent>) {
    for entry in dictionary.iter() {
        found.extend(acting(&entry.key, entry.value.as_name().unwrap_or_default()));
        object_in(&entry.value, found);
    }
}

/// What acts by an entry; `name` is its value where that is a name.
fn acting(key: &[u8], name: &[u8]) -> Option<ActiveContent> {
    match (key, name) {
        // The forms of XFA are scripts and templates with scripts.
        (b"S", b"JavaScript") | (b"JS" | b"JavaScript" | b"XFA", _) => Some(ActiveContent::JavaScript),
        (b"S", b"Launch") => Some(ActiveContent::Launch),
        (b"Type", b"EmbeddedFile") | (b"Subtype", b"FileAttachment") | (b"EF" | b"EmbeddedFiles", _) => {
            Some(ActiveContent::EmbeddedFile)
        }
        (b"S", b"SubmitForm" | b"ImportData" | b"GoToR" | b"GoToE" | b"RichMediaExecute")
        | (b"Subtype", b"RichMedia") => Some(ActiveContent::Submit),
        _ => None,
    }
}
