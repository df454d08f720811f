//! What was appended to a PDF after it was signed, object by object.
//!
//! The signed revision is the file up to where the signed bytes end, read as a file of its own; the last is the file as it
//! is. Every object that a later cross-reference section names, and that is not the same in both, must be explained by one
//! of the changes that are allowed; one that is not explained is a change of the content, whether or not it can be seen.
//!
//! Allowed everywhere: the security store (`DSS`) and what is in it, document time stamps, new signature fields with their
//! annotations and appearances, values for signature fields that were empty, `Extensions`, `Version`, metadata and the dates
//! and titles of `Info`. Unless certification forbids it (`DocMDP` with P = 1): further signatures, and values and
//! appearances of form fields that no `FieldMDP` locks. Never: pages, their contents and resources, annotations of any other
//! kind (P = 3 included), actions, a signature field that shows something without anybody's signature, what a push button
//! shows, dictionaries with a key twice, files that hide entries
//! from some readers (`XRefStm`), entries of the signed part that point behind it, objects that the signed part refers to and
//! that were not there.
//!
//! Objects that are replaced freely (metadata, security stores, appearances) could be used twice in what was signed, once
//! as what they are and once as what is shown: then the signed revision is walked from its catalog, and nothing but the
//! entries that may (`Metadata`, `DSS`, a filled field's `V` and `AP`) must lead to them.

use std::collections::{BTreeMap, HashSet};

use super::explain::{Explained, explain};
use super::permission::Permission;
use crate::Reason;
use crate::pdf::{Fault, Object, Place, View};

/// Objects that later revisions may name.
const CHANGED_MAX: u64 = 200_000;
/// Objects of the signed revision.
const SIGNED_MAX: u64 = 2_000_000;

/// Compares the signed revision with the last, and says what its signature is worth after that.
pub(super) fn compare(old: View<'_, '_>, new: View<'_, '_>, permission: &Permission) -> Result<Vec<Reason>, Fault> {
    let later = &new.sections()[..old.from - new.from];
    let hidden = later.iter().any(|section| section.offset < old.end || section.hybrid);
    if hidden {
        return Ok(vec![Reason::ChangedAfterSigning]);
    }
    if later.iter().map(|section| section.count()).sum::<u64>() > CHANGED_MAX {
        return Err(Fault::TooLarge);
    }
    let mut changed = BTreeMap::new();
    for number in later.iter().flat_map(|section| section.numbers()) {
        if changed.contains_key(&number) || is_same(old, new, number)? {
            continue;
        }
        // A dictionary with a key twice is read in two ways: one could be explained, and the other shown.
        if new.object(number)?.says_two_things() {
            return Ok(vec![Reason::ChangedAfterSigning]);
        }
        let was = place_of(old, number)?.is_some();
        changed.insert(number, was);
    }
    if !stands_alone(old, new, &changed)? {
        return Ok(vec![Reason::ChangedAfterSigning]);
    }
    Ok(match explain(old, new, permission, changed)? {
        None => vec![Reason::ChangedAfterSigning],
        Some(Explained { extended, filled }) => {
            let filled = filled.then_some(Reason::FormFilledAfterSigning);
            filled.into_iter().chain(extended.then_some(Reason::ExtendedAfterSigning)).collect()
        }
    })
}

/// Where an object is; none if it is nowhere.
fn place_of(view: View<'_, '_>, number: u32) -> Result<Option<Place>, Fault> {
    Ok(view.locate(number)?.filter(|place| *place != Place::Free))
}

fn is_same(old: View<'_, '_>, new: View<'_, '_>, number: u32) -> Result<bool, Fault> {
    let generation = |place: Option<Place>| match place {
        None | Some(Place::Free) => None,
        Some(Place::At { generation, .. }) => Some(generation),
        Some(Place::In { .. }) => Some(0),
    };
    let (was, is) = (place_of(old, number)?, place_of(new, number)?);
    if generation(was) != generation(is) {
        return Ok(false);
    }
    let (was, is) = (old.object(number)?, new.object(number)?);
    if let (Object::Stream(a, one), Object::Stream(b, other)) = (&was, &is) {
        let bytes = old.pdf.bytes;
        old.pdf.burn(one.len().min(other.len()))?;
        return Ok(a == b && bytes[one.clone()] == bytes[other.clone()]);
    }
    Ok(was == is)
}

/// Whether the signed revision is whole without what was appended: its cross-reference sections and objects end within the
/// signed bytes, and it refers to nothing that was not there yet. Otherwise it gets its content from what was appended.
fn stands_alone(old: View<'_, '_>, new: View<'_, '_>, changed: &BTreeMap<u32, bool>) -> Result<bool, Fault> {
    if old.sections().iter().map(|section| section.count()).sum::<u64>() > SIGNED_MAX {
        return Err(Fault::TooLarge);
    }
    let mut seen = HashSet::new();
    for section in old.sections() {
        if section.end() > old.end {
            return Ok(false);
        }
        for number in section.numbers() {
            if !seen.insert(number) {
                continue;
            }
            let Some(place) = place_of(old, number)? else { continue };
            match old.object(number) {
                Ok(object) => {
                    let mut dangles = false;
                    object.references(&mut |id| dangles |= changed.get(&id.number) == Some(&false));
                    if dangles {
                        return Ok(false);
                    }
                }
                // What nobody can read shows nothing, unless more bytes make it readable.
                Err(Fault::Malformed) => {
                    let readable = match place {
                        Place::At { offset, .. } => new.read(offset).is_ok(),
                        Place::In { .. } => new.object(number).is_ok(),
                        Place::Free => false,
                    };
                    if readable {
                        return Ok(false);
                    }
                }
                Err(fault) => return Err(fault),
            }
        }
    }
    Ok(true)
}
