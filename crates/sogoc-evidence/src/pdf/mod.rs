//! A small, strict and lazy reader of PDF files, with their revisions.
//!
//! Ours and not a library's, for three reasons: the comparison of revisions is what this crate exists for, and needs to
//! know which revision says what and where it lies in the file; libraries load and unpack whole documents, which costs
//! more than hashing them; and they mend what is broken, each in its own way, which is what signatures are attacked
//! through. What it does not read is refused: no search for objects where the cross-reference is wrong, no encrypted
//! files, no filters but Flate.
//!
//! Bound: every object that is looked up or read costs fuel, in the measure of its bytes; a file that burns more than
//! it was given ends with [`Fault::TooLarge`]. Unpacked object streams are kept, up to a limit.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

mod active;
#[cfg(test)]
pub(crate) mod build;
mod flate;
mod object;
mod parse;
#[cfg(test)]
mod tests;
mod xref;

pub use active::active_content;
pub(crate) use flate::decoded;
pub(crate) use object::{Dictionary, Fault, Id, Object};
pub(crate) use parse::is_space;
pub(crate) use xref::{Place, Section, tail};

use parse::Parser;

/// Fuel for every file, in bytes read; one lookup in one section costs one.
const FUEL: u64 = 32 << 20;
/// Fuel for each byte of the file on top: an object may be read as it is signed, as it is now, and to look for what acts.
const FUEL_PER_BYTE: u64 = 4;
/// Unpacked size of one object stream, in bytes.
const CONTAINER_BYTES_MAX: usize = 32 << 20;
/// Objects in one object stream.
const CONTAINED_MAX: usize = 1_000_000;
/// Unpacked size of all object streams that are kept, in bytes.
const CONTAINERS_BYTES_MAX: usize = 128 << 20;
/// How often references lead to references.
const INDIRECTION_MAX: usize = 16;

/// A file and all of its cross-reference sections.
pub(crate) struct Pdf<'a> {
    pub(crate) bytes: &'a [u8],
    /// Newest first.
    pub(crate) sections: Vec<Section>,
    /// Where the last end-of-file marker ends.
    pub(crate) end: usize,
    fuel: Cell<u64>,
    containers: RefCell<HashMap<usize, Arc<Container>>>,
    contained: Cell<usize>,
    pending: RefCell<HashSet<u32>>,
}

/// An object stream, unpacked: numbers and offsets of its objects.
struct Container {
    bytes: Vec<u8>,
    index: Vec<(u32, usize)>,
}

/// A file as it stood with one of its revisions: sections `from` on, and not a byte from `end` on.
#[derive(Clone, Copy)]
pub(crate) struct View<'p, 'a> {
    pub(crate) pdf: &'p Pdf<'a>,
    pub(crate) from: usize,
    pub(crate) end: usize,
}

impl<'a> Pdf<'a> {
    /// Reads the cross-reference sections.
    pub(crate) fn open(bytes: &'a [u8]) -> Result<Self, Fault> {
        if !bytes.starts_with(b"%PDF-") {
            return Err(Fault::Malformed);
        }
        let (offset, end) = tail(bytes)?;
        let sections = xref::chain(bytes, offset)?;
        if sections.iter().any(|section| section.trailer.get(b"Encrypt").is_some()) {
            return Err(Fault::Encrypted);
        }
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Ok(Self {
            bytes,
            sections,
            end,
            fuel: Cell::new(FUEL.saturating_add(length.saturating_mul(FUEL_PER_BYTE))),
            containers: RefCell::default(),
            contained: Cell::new(0),
            pending: RefCell::default(),
        })
    }

    /// The file as it stands now.
    pub(crate) fn now(&self) -> View<'_, 'a> {
        View { pdf: self, from: 0, end: self.bytes.len() }
    }

    /// Burns fuel.
    pub(crate) fn burn(&self, amount: usize) -> Result<(), Fault> {
        let left = self.fuel.get().checked_sub(u64::try_from(amount).unwrap_or(u64::MAX)).ok_or(Fault::TooLarge)?;
        self.fuel.set(left);
        Ok(())
    }
}

impl<'p, 'a> View<'p, 'a> {
    /// The trailer of its revision.
    pub(crate) fn trailer(&self) -> &'p Dictionary {
        &self.pdf.sections[self.from].trailer
    }

    /// The sections of the revision and of those before it.
    pub(crate) fn sections(&self) -> &'p [Section] {
        &self.pdf.sections[self.from..]
    }

    /// Where an object is. An entry that says `free` in a hybrid file's table may be in its stream.
    pub(crate) fn locate(&self, number: u32) -> Result<Option<Place>, Fault> {
        for section in self.sections() {
            self.pdf.burn(1)?;
            match section.find(self.pdf.bytes, number)? {
                Some(Place::Free) if section.hybrid => {}
                Some(place) => return Ok(Some(place)),
                None => {}
            }
        }
        Ok(None)
    }

    /// An object; null if there is none (§7.3.10).
    pub(crate) fn get(&self, id: Id) -> Result<Object, Fault> {
        match self.locate(id.number)? {
            None | Some(Place::Free) => Ok(Object::Null),
            Some(Place::At { generation, .. }) if generation != id.generation => Ok(Object::Null),
            Some(Place::At { offset, .. }) => {
                let (found, object, _) = self.read(offset)?;
                if found == id { Ok(object) } else { Err(Fault::Malformed) }
            }
            Some(Place::In { .. }) if id.generation != 0 => Ok(Object::Null),
            Some(Place::In { container, index }) => self.contained(container, index, id.number),
        }
    }

    /// The object of a number, whatever its generation; null if there is none.
    pub(crate) fn object(&self, number: u32) -> Result<Object, Fault> {
        match self.locate(number)? {
            Some(Place::At { generation, .. }) => self.get(Id { number, generation }),
            Some(Place::In { .. }) => self.get(Id { number, generation: 0 }),
            None | Some(Place::Free) => Ok(Object::Null),
        }
    }

    /// The object at an offset, and where it ends.
    pub(crate) fn read(&self, offset: usize) -> Result<(Id, Object, usize), Fault> {
        let bytes = &self.pdf.bytes[..self.end];
        if offset >= bytes.len() {
            return Err(Fault::Malformed);
        }
        let mut parser = Parser::new(bytes, offset);
        let read = parser.indirect(|id| {
            // A length that is found through a stream whose length is found through it has no end.
            if self.pdf.pending.borrow().len() == INDIRECTION_MAX || !self.pdf.pending.borrow_mut().insert(id.number) {
                return Err(Fault::Malformed);
            }
            let length = self.get(id);
            self.pdf.pending.borrow_mut().remove(&id.number);
            length?.as_size().ok_or(Fault::Malformed)
        });
        // Data of streams are stepped over and not read.
        let stepped = match &read {
            Ok((_, Object::Stream(_, data))) => data.len(),
            _ => 0,
        };
        self.pdf.burn((parser.at - offset).saturating_sub(stepped) + 16)?;
        read.map(|(id, object)| (id, object, parser.at))
    }

    fn contained(&self, number: u32, index: usize, wanted: u32) -> Result<Object, Fault> {
        let Some(Place::At { offset, .. }) = self.locate(number)? else { return Err(Fault::Malformed) };
        let kept = self.pdf.containers.borrow().get(&offset).cloned();
        let container = match kept {
            Some(container) => container,
            None => self.unpack(number, offset)?,
        };
        let (found, at) = *container.index.get(index).ok_or(Fault::Malformed)?;
        if found != wanted {
            return Err(Fault::Malformed);
        }
        let mut parser = Parser::new(&container.bytes, at);
        let object = parser.object();
        self.pdf.burn(parser.at.saturating_sub(at) + 16)?;
        object
    }

    fn unpack(&self, number: u32, offset: usize) -> Result<Arc<Container>, Fault> {
        let (found, object, _) = self.read(offset)?;
        let Object::Stream(dictionary, _) = &object else { return Err(Fault::Malformed) };
        if found.number != number || dictionary.name(b"Type") != Some(b"ObjStm") {
            return Err(Fault::Malformed);
        }
        let size = |key: &[u8]| dictionary.get(key).and_then(Object::as_size).ok_or(Fault::Malformed);
        let (count, first) = (size(b"N")?, size(b"First")?);
        if count > CONTAINED_MAX {
            return Err(Fault::TooLarge);
        }
        let bytes = self.unpacked(&object, CONTAINER_BYTES_MAX)?;
        let total = self.pdf.contained.get() + bytes.len();
        if total > CONTAINERS_BYTES_MAX {
            return Err(Fault::TooLarge);
        }
        self.pdf.contained.set(total);
        let mut parser = Parser::new(&bytes, 0);
        let mut index = Vec::new();
        for _ in 0..count {
            let number = u32::try_from(parser.unsigned()?).map_err(|_| Fault::Malformed)?;
            let at = usize::try_from(parser.unsigned()?).map_err(|_| Fault::Malformed)?;
            let at = first.checked_add(at).filter(|at| *at < bytes.len()).ok_or(Fault::Malformed)?;
            index.push((number, at));
        }
        // Some readers look an object up by its place in the stream, and others by its number.
        let mut numbers: Vec<u32> = index.iter().map(|(number, _)| *number).collect();
        numbers.sort_unstable();
        if numbers.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(Fault::Malformed);
        }
        let container = Arc::new(Container { bytes, index });
        self.pdf.containers.borrow_mut().insert(offset, Arc::clone(&container));
        Ok(container)
    }

    /// The data of a stream, unpacked to at most `limit` bytes.
    pub(crate) fn unpacked(&self, stream: &Object, limit: usize) -> Result<Vec<u8>, Fault> {
        let Object::Stream(dictionary, data) = stream else { return Err(Fault::Malformed) };
        let bytes = decoded(dictionary, &self.pdf.bytes[data.clone()], limit)?;
        self.pdf.burn(data.len() + bytes.len())?;
        Ok(bytes)
    }

    /// What an object is once references are followed.
    pub(crate) fn follow(&self, object: &Object) -> Result<Object, Fault> {
        let mut object = object.clone();
        for _ in 0..INDIRECTION_MAX {
            let Object::Reference(id) = object else { return Ok(object) };
            object = self.get(id)?;
        }
        Err(Fault::Malformed)
    }

    /// The value of a key once references are followed; null if there is none.
    pub(crate) fn value(&self, dictionary: &Dictionary, key: &[u8]) -> Result<Object, Fault> {
        dictionary.get(key).map_or(Ok(Object::Null), |object| self.follow(object))
    }

    /// The catalog and its number.
    pub(crate) fn catalog(&self) -> Result<(Id, Dictionary), Fault> {
        let id = self.trailer().get(b"Root").and_then(Object::as_reference).ok_or(Fault::Malformed)?;
        let Object::Dictionary(catalog) = self.get(id)? else { return Err(Fault::Malformed) };
        Ok((id, catalog))
    }
}
