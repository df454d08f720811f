//! Which of the changes that are allowed explains an object that is not what it was. See [`super::changes`] for the rules.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::permission::{Permission, plain};
use crate::pdf::{Dictionary, Fault, Id, Object, View};

/// Fields within fields.
const DEPTH_MAX: usize = 32;

const INFO_KEYS: [&[u8]; 9] =
    [b"Title", b"Author", b"Subject", b"Keywords", b"Creator", b"Producer", b"CreationDate", b"ModDate", b"Trapped"];
/// Keys of a trailer that say where things are and not what they are.
const TRAILER_KEYS: [&[u8]; 12] = [
    b"Size",
    b"Prev",
    b"Info",
    b"ID",
    b"XRefStm",
    b"Type",
    b"Index",
    b"W",
    b"Length",
    b"Filter",
    b"DecodeParms",
    b"DocChecksum",
];
/// What a new signature field may consist of: nothing that could act, and nothing that could pass for a page.
const FIELD_KEYS: [&[u8]; 26] = [
    b"Type", b"Subtype", b"FT", b"T", b"TU", b"TM", b"V", b"F", b"Ff", b"P", b"Rect", b"AP", b"AS", b"Lock", b"SV",
    b"MK", b"BS", b"Border", b"DA", b"Q", b"Kids", b"Parent", b"H", b"M", b"NM", b"DR",
];

/// Flag of a button that has no value (§12.7.4.2).
const PUSH_BUTTON: i64 = 1 << 16;

/// What changes that are all explained are.
pub(super) struct Explained {
    /// Signatures, fields for them, or material for validation; or nothing but metadata.
    pub(super) extended: bool,
    /// Values of form fields.
    pub(super) filled: bool,
}

/// Explains every object that is not the same (and whether it was there before); nothing if one of them cannot be.
pub(super) fn explain(
    old: View<'_, '_>,
    new: View<'_, '_>,
    permission: &Permission,
    changed: BTreeMap<u32, bool>,
) -> Result<Option<Explained>, Fault> {
    let mut changes = Changes {
        old,
        new,
        permission,
        changed,
        explained: BTreeSet::new(),
        fields: BTreeSet::new(),
        replaced: BTreeSet::new(),
        links: BTreeSet::new(),
        extended: false,
        filled: false,
        refused: false,
    };
    changes.explain()?;
    let all = changes.changed.keys().all(|number| changes.explained.contains(number));
    if changes.refused || !all || !changes.are_used_once()? {
        return Ok(None);
    }
    Ok(Some(Explained { extended: changes.extended || !changes.filled, filled: changes.filled }))
}

/// Whose signature a field has now.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Somebody,
    /// A time-stamping authority, which anybody can ask.
    Clock,
}

/// What a field has from those above it.
#[derive(Clone, Copy, Default)]
struct Above {
    is_signature: bool,
    is_button: bool,
    is_push_button: bool,
    flags: i64,
    was_signed: bool,
    signed_by: Option<By>,
}

struct Changes<'c, 'p, 'a> {
    old: View<'p, 'a>,
    new: View<'p, 'a>,
    permission: &'c Permission,
    /// The objects that are not the same, and whether they were there before.
    changed: BTreeMap<u32, bool>,
    explained: BTreeSet<u32>,
    /// New signature fields and their annotations.
    fields: BTreeSet<u32>,
    /// Objects that were replaced freely.
    replaced: BTreeSet<u32>,
    /// The entries of the signed revision that may lead to them.
    links: BTreeSet<(u32, &'static [u8])>,
    extended: bool,
    filled: bool,
    refused: bool,
}

impl Changes<'_, '_, '_> {
    fn explain(&mut self) -> Result<(), Fault> {
        let (was, is) = (self.old.trailer(), self.new.trailer());
        // The catalog is where it was, and nothing else is in the trailer than before.
        if !was.same_but_for(is, &TRAILER_KEYS) {
            self.refused = true;
            return Ok(());
        }
        self.info(was.get(b"Info"), is.get(b"Info"))?;
        let ((id, was), (_, is)) = (self.old.catalog()?, self.new.catalog()?);
        if !was.same_but_for(&is, &[b"AcroForm", b"DSS", b"Extensions", b"Metadata", b"Version"]) {
            self.refused = true;
            return Ok(());
        }
        self.explained.insert(id.number);
        if let Some(extensions) = is.get(b"Extensions") {
            self.new_tree(extensions)?;
        }
        self.metadata(id, was.get(b"Metadata"), is.get(b"Metadata"))?;
        self.security_store(id, was.get(b"DSS"), is.get(b"DSS"))?;
        self.form(was.get(b"AcroForm"), is.get(b"AcroForm"))?;
        let rest: Vec<u32> = self.changed.keys().copied().filter(|number| !self.explained.contains(number)).collect();
        for number in rest {
            self.page_or_container(number)?;
        }
        Ok(())
    }

    fn is_changed(&self, number: u32) -> bool {
        self.changed.contains_key(&number)
    }

    /// Whether it is there now and was not when the file was signed.
    fn is_new(&self, number: u32) -> bool {
        self.changed.get(&number) == Some(&false)
    }

    /// Explains what is new under an object, as far as nothing but new objects lead to it.
    fn new_tree(&mut self, object: &Object) -> Result<(), Fault> {
        let mut open = Vec::new();
        object.references(&mut |id| open.push(id));
        while let Some(id) = open.pop() {
            if !self.is_new(id.number) || !self.explained.insert(id.number) {
                continue;
            }
            self.new.get(id)?.references(&mut |id| open.push(id));
        }
        Ok(())
    }

    fn info(&mut self, was: Option<&Object>, is: Option<&Object>) -> Result<(), Fault> {
        let Some(id) = is.and_then(Object::as_reference).filter(|id| self.is_changed(id.number)) else { return Ok(()) };
        let plain = |object: &Object| {
            matches!(object, Object::Dictionary(info) if info.iter().all(|entry| {
                matches!(entry.value, Object::String(_) | Object::Name(_) | Object::Null | Object::Boolean(_))
            }))
        };
        let value = self.new.get(id)?;
        let as_before = if let Object::Dictionary(before) = self.old.get(id)? {
            was == is && value.as_dictionary().is_some_and(|after| before.same_but_for(after, &INFO_KEYS))
        } else {
            self.is_new(id.number)
        };
        if plain(&value) && as_before {
            self.explained.insert(id.number);
        }
        Ok(())
    }

    fn metadata(&mut self, catalog: Id, was: Option<&Object>, is: Option<&Object>) -> Result<(), Fault> {
        let Some(id) = is.and_then(Object::as_reference).filter(|id| self.is_changed(id.number)) else { return Ok(()) };
        let is_metadata = |object: &Object| matches!(object, Object::Stream(dictionary, _) if dictionary.name(b"Type") == Some(b"Metadata"));
        if !is_metadata(&self.new.get(id)?) {
            return Ok(());
        }
        if self.is_new(id.number) {
            self.explained.insert(id.number);
        } else if was == is && is_metadata(&self.old.get(id)?) {
            self.explained.insert(id.number);
            self.replaced.insert(id.number);
            self.links.insert((catalog.number, b"Metadata"));
        }
        Ok(())
    }

    fn security_store(&mut self, catalog: Id, was: Option<&Object>, is: Option<&Object>) -> Result<(), Fault> {
        let Some(is) = is else {
            self.refused |= was.is_some();
            return Ok(());
        };
        self.extended |= was != Some(is) || tree(self.new, is)?.iter().any(|number| self.is_changed(*number));
        let before = match was {
            Some(was) => tree(self.old, was)?,
            None => BTreeSet::new(),
        };
        for number in tree(self.new, is)? {
            match self.changed.get(&number) {
                None => {}
                Some(false) => {
                    self.explained.insert(number);
                }
                // Lists of what is in it grow; what is in it stays.
                Some(true) => {
                    let plain = |object: &Object| matches!(object, Object::Dictionary(_) | Object::Array(_));
                    if before.contains(&number) && plain(&self.old.object(number)?) && plain(&self.new.object(number)?)
                    {
                        self.explained.insert(number);
                        self.replaced.insert(number);
                        self.links.insert((catalog.number, b"DSS"));
                    }
                }
            }
        }
        Ok(())
    }

    fn form(&mut self, was: Option<&Object>, is: Option<&Object>) -> Result<(), Fault> {
        let (Some(was), Some(is)) = (was, is) else {
            // A signed file has a form, for the signature is in it.
            self.refused = true;
            return Ok(());
        };
        let (Object::Dictionary(before), Object::Dictionary(after)) = (self.old.follow(was)?, self.new.follow(is)?)
        else {
            self.refused = true;
            return Ok(());
        };
        if !before.same_but_for(&after, &[b"Fields", b"SigFlags", b"NeedAppearances"]) {
            self.refused = true;
            return Ok(());
        }
        if before.get(b"NeedAppearances") != after.get(b"NeedAppearances") {
            // What fields show is made anew from their values.
            self.filled = true;
            self.refused |= self.permission.nothing || !self.permission.locks.is_empty();
        }
        self.explain_if_same_or_new(was, is);
        let none = Object::Array(Vec::new());
        let (listed, now) = (before.get(b"Fields").unwrap_or(&none), after.get(b"Fields").unwrap_or(&none));
        self.explain_if_same_or_new(listed, now);
        let (Object::Array(listed), Object::Array(now)) = (self.old.follow(listed)?, self.new.follow(now)?) else {
            self.refused = true;
            return Ok(());
        };
        let known: HashSet<Option<Id>> = listed.iter().map(Object::as_reference).collect();
        let still: HashSet<Option<Id>> = now.iter().map(Object::as_reference).collect();
        if known.contains(&None) || still.contains(&None) || !known.is_subset(&still) {
            self.refused = true;
            return Ok(());
        }
        let mut seen = HashSet::new();
        for id in listed.iter().filter_map(Object::as_reference) {
            self.field(id, &mut Vec::new(), Above::default(), &mut seen, 0)?;
        }
        for id in now.iter().filter_map(Object::as_reference).filter(|id| !known.contains(&Some(*id))) {
            self.new_field(id)?;
        }
        Ok(())
    }

    /// Explains the object behind a value that is a reference: the one that it was, or a new one.
    fn explain_if_same_or_new(&mut self, was: &Object, is: &Object) {
        if let Some(id) = is.as_reference()
            && (was == is || self.is_new(id.number))
        {
            self.explained.insert(id.number);
        }
    }

    /// A field that was there before, and those under it.
    fn field(
        &mut self,
        id: Id,
        name: &mut Vec<u8>,
        above: Above,
        seen: &mut HashSet<Id>,
        depth: usize,
    ) -> Result<(), Fault> {
        if depth > DEPTH_MAX {
            return Err(Fault::TooLarge);
        }
        if !seen.insert(id) {
            return Ok(());
        }
        let (Object::Dictionary(before), Object::Dictionary(after)) = (self.old.get(id)?, self.new.get(id)?) else {
            // It was no field and is none, or it is left unexplained.
            return Ok(());
        };
        let length = name.len();
        if let Some(part) = before.get(b"T").and_then(Object::as_string) {
            if !name.is_empty() {
                name.push(b'.');
            }
            name.extend(plain(part));
        }
        let own = self.inherited(above, &before, &after)?;
        if own.is_signature {
            self.signature_field(id, &before, &after, own, name)?;
        } else if own.is_push_button {
            // It has no value that could be filled in: what it shows is left unexplained.
        } else {
            self.form_field(id, &before, &after, name)?;
        }
        if let Object::Array(kids) = self.old.value(&before, b"Kids")? {
            for kid in kids.iter().filter_map(Object::as_reference) {
                self.field(kid, name, own, seen, depth + 1)?;
            }
        }
        name.truncate(length);
        Ok(())
    }

    /// What holds for a field, and for those under it.
    fn inherited(&self, above: Above, before: &Dictionary, after: &Dictionary) -> Result<Above, Fault> {
        let mut own = above;
        if let Object::Name(kind) = self.old.value(before, b"FT")? {
            own.is_signature = kind == b"Sig";
            own.is_button = kind == b"Btn";
        }
        if let Object::Integer(flags) = self.old.value(before, b"Ff")? {
            own.flags = flags;
        }
        own.is_push_button = own.is_button && own.flags & PUSH_BUTTON != 0;
        own.was_signed |= before.get(b"V").is_some();
        if let Some(value) = after.get(b"V") {
            own.signed_by = Some(self.made_by(value)?);
        }
        Ok(own)
    }

    /// A signature field that was there before: empty ones may be signed, others stay what they are, and what is shown in
    /// their places, too. An empty one that shows something without a signature, or with that of an authority's clock, is
    /// a picture that nobody signed.
    fn signature_field(
        &mut self,
        id: Id,
        before: &Dictionary,
        after: &Dictionary,
        own: Above,
        name: &[u8],
    ) -> Result<(), Fault> {
        let Some(by) = own.signed_by.filter(|_| self.is_changed(id.number) && !own.was_signed) else { return Ok(()) };
        if !before.same_but_for(after, &[b"V", b"AP", b"AS", b"M", b"F", b"MK"])
            || (by == By::Clock && shows(after))
            || (by == By::Somebody && self.permission.locks(name))
        {
            return Ok(());
        }
        self.explained.insert(id.number);
        self.extended = true;
        self.signature_value(after)?;
        if let Some(appearance) = after.get(b"AP") {
            self.new_tree(appearance)?;
        }
        Ok(())
    }

    /// Whose signature a value is.
    fn made_by(&self, value: &Object) -> Result<By, Fault> {
        let value = self.new.follow(value)?;
        let is_stamp = value.as_dictionary().is_some_and(|value| value.name(b"Type") == Some(b"DocTimeStamp"));
        Ok(if is_stamp { By::Clock } else { By::Somebody })
    }

    /// The value of a field that is signed now: a new signature, and unless certification forbids it, somebody's.
    fn signature_value(&mut self, field: &Dictionary) -> Result<(), Fault> {
        let Some(value) = field.get(b"V") else { return Ok(()) };
        let by_somebody = self.made_by(value)? == By::Somebody;
        let is_new = value.as_reference().is_some_and(|id| self.is_new(id.number));
        if !is_new || (by_somebody && self.permission.nothing) {
            self.refused = true;
        }
        self.new_tree(value)
    }

    /// A field of the form that was there before: it may be filled in.
    fn form_field(&mut self, id: Id, before: &Dictionary, after: &Dictionary, name: &[u8]) -> Result<(), Fault> {
        let filled = if self.is_changed(id.number) {
            if !before.same_but_for(after, &[b"V", b"AP", b"AS", b"M", b"RV", b"I"]) {
                return Ok(());
            }
            self.explained.insert(id.number);
            true
        } else {
            false
        };
        let mut replaced = false;
        for key in [&b"V"[..], b"AP"] {
            if let Some(value) = after.get(key) {
                self.new_tree(value)?;
            }
            let Some(value) = before.get(key) else { continue };
            // In place: an appearance or a value that is an object of its own.
            let own = tree(self.old, value)?;
            let there: Vec<u32> =
                own.iter().copied().filter(|number| self.changed.get(number) == Some(&true)).collect();
            for number in &there {
                let is_part = |object: &Object| {
                    !matches!(
                        object.as_dictionary().and_then(|dictionary| dictionary.name(b"Type")),
                        Some(b"Page" | b"Pages" | b"Catalog" | b"Font" | b"ObjStm" | b"XRef")
                    )
                };
                if is_part(&self.old.object(*number)?) && is_part(&self.new.object(*number)?) {
                    self.explained.insert(*number);
                    self.replaced.insert(*number);
                    self.links.insert((id.number, key));
                    let now = self.new.object(*number)?;
                    self.new_tree(&now)?;
                    replaced = true;
                }
            }
        }
        if filled || replaced {
            self.filled = true;
            self.refused |= self.permission.nothing || self.permission.locks(name);
        }
        Ok(())
    }

    /// A field that was not there before: only for a signature, and nothing that shows anything without one.
    fn new_field(&mut self, id: Id) -> Result<(), Fault> {
        let Object::Dictionary(field) = self.new.get(id)? else { return Ok(()) };
        if !self.is_new(id.number) {
            // Prepared, and no field when the file was signed.
            self.refused = true;
            return Ok(());
        }
        if field.name(b"FT") != Some(b"Sig") || !is_plain_field(&field) {
            return Ok(());
        }
        let mut parts = vec![(id, field.clone())];
        if let Object::Array(kids) = self.new.value(&field, b"Kids")? {
            for kid in kids.iter().filter_map(Object::as_reference) {
                let Object::Dictionary(widget) = self.new.get(kid)? else { return Ok(()) };
                if !self.is_new(kid.number) || !is_plain_field(&widget) || widget.get(b"Kids").is_some() {
                    return Ok(());
                }
                parts.push((kid, widget));
            }
        }
        let by = field.get(b"V").map(|value| self.made_by(value)).transpose()?;
        self.extended = true;
        self.signature_value(&field)?;
        for (id, part) in parts {
            if by != Some(By::Somebody) && shows(&part) {
                return Ok(());
            }
            self.explained.insert(id.number);
            self.fields.insert(id.number);
            for key in [&b"AP"[..], b"Lock", b"SV", b"MK", b"BS", b"Kids", b"Rect", b"Border", b"DR"] {
                if let Some(value) = part.get(key) {
                    self.new_tree(value)?;
                }
            }
        }
        Ok(())
    }

    /// What is left: pages with annotations of new signature fields, lists of annotations, and what objects are packed in.
    fn page_or_container(&mut self, number: u32) -> Result<(), Fault> {
        if self.is_new(number) {
            let later = &self.new.sections()[..self.old.from - self.new.from];
            let is_section = later.iter().any(|section| section.stream.is_some_and(|id| id.number == number));
            let is_container = matches!(self.new.object(number)?, Object::Stream(dictionary, _) if dictionary.name(b"Type") == Some(b"ObjStm"));
            if is_section || is_container {
                self.explained.insert(number);
            }
            return Ok(());
        }
        let is_section = |object: &Object| matches!(object, Object::Stream(dictionary, _) if dictionary.name(b"Type") == Some(b"XRef"));
        match (self.old.object(number)?, self.new.object(number)?) {
            (was, is) if is_section(&was) && is_section(&is) => {
                self.explained.insert(number);
                self.replaced.insert(number);
            }
            (Object::Dictionary(before), Object::Dictionary(after))
                if before.name(b"Type") == Some(b"Page") && before.same_but_for(&after, &[b"Annots"]) =>
            {
                let none = Object::Array(Vec::new());
                let (was, is) = (before.get(b"Annots").unwrap_or(&none), after.get(b"Annots").unwrap_or(&none));
                if self.only_adds_fields(&self.old.follow(was)?, &self.new.follow(is)?) {
                    self.explain_if_same_or_new(was, is);
                    self.explained.insert(number);
                }
            }
            (was @ Object::Array(_), is @ Object::Array(_)) if self.only_adds_fields(&was, &is) => {
                self.explained.insert(number);
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether a list of annotations is what it was, and after that nothing but new signature fields.
    fn only_adds_fields(&self, was: &Object, is: &Object) -> bool {
        let (Some(was), Some(is)) = (was.as_array(), is.as_array()) else { return false };
        let added = |object: &Object| object.as_reference().is_some_and(|id| self.fields.contains(&id.number));
        is.starts_with(was) && is[was.len()..].iter().all(added)
    }

    /// Whether nothing leads to what was replaced freely, in the signed revision, but the entries that may.
    fn are_used_once(&self) -> Result<bool, Fault> {
        if self.replaced.is_empty() {
            return Ok(true);
        }
        let mut seen = BTreeSet::new();
        let mut open = Vec::new();
        for entry in self.old.trailer().iter() {
            entry.value.references(&mut |id| open.push(id.number));
        }
        while let Some(number) = open.pop() {
            if !seen.insert(number) {
                continue;
            }
            if self.replaced.contains(&number) {
                return Ok(false);
            }
            let object = match self.old.object(number) {
                Ok(object) => object,
                Err(Fault::Malformed) => continue,
                Err(fault) => return Err(fault),
            };
            match object.as_dictionary() {
                Some(dictionary) => {
                    for entry in dictionary.iter().filter(|entry| !self.links.contains(&(number, &entry.key))) {
                        entry.value.references(&mut |id| open.push(id.number));
                    }
                }
                None => object.references(&mut |id| open.push(id.number)),
            }
        }
        Ok(true)
    }
}

/// The objects that a value leads to, its own among them.
fn tree(view: View<'_, '_>, value: &Object) -> Result<BTreeSet<u32>, Fault> {
    let mut found = BTreeSet::new();
    let mut open = Vec::new();
    value.references(&mut |id| open.push(id));
    while let Some(id) = open.pop() {
        if found.insert(id.number) {
            view.get(id)?.references(&mut |id| open.push(id));
        }
    }
    Ok(found)
}

fn is_plain_field(field: &Dictionary) -> bool {
    field.iter().all(|entry| FIELD_KEYS.contains(&entry.key.as_slice()))
        && matches!(field.name(b"Type"), None | Some(b"Annot"))
        && matches!(field.name(b"Subtype"), None | Some(b"Widget"))
}

/// Whether an annotation shows something.
fn shows(field: &Dictionary) -> bool {
    field.get(b"AP").is_some() && is_visible(field)
}

/// Whether an annotation has a place on its page: a rectangle that is not known to be empty.
fn is_visible(field: &Dictionary) -> bool {
    let Some(Object::Array(corners)) = field.get(b"Rect") else { return field.get(b"Rect").is_some() };
    match corners.as_slice() {
        [left, bottom, right, top] => left != right && bottom != top,
        _ => true,
    }
}
