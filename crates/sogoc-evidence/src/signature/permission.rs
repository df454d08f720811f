//! What a signature leaves open: certification (`DocMDP`) and locked fields (`FieldMDP`), ISO 32000-1 §12.8.2.

use crate::pdf::{Dictionary, Fault, Object, View};

#[derive(Clone, Default)]
pub(super) struct Permission {
    /// Certified with P = 1: no signatures, no values.
    pub(super) nothing: bool,
    pub(super) locks: Vec<Lock>,
}

/// Fields that a signature locks.
#[derive(Clone)]
pub(super) enum Lock {
    All,
    Include(Vec<Vec<u8>>),
    Exclude(Vec<Vec<u8>>),
}

impl Permission {
    pub(super) fn locks(&self, field: &[u8]) -> bool {
        let under = |names: &Vec<Vec<u8>>| {
            names.iter().any(|name| {
                field.strip_prefix(name.as_slice()).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"."))
            })
        };
        self.locks.iter().any(|lock| match lock {
            Lock::All => true,
            Lock::Include(names) => under(names),
            Lock::Exclude(names) => !under(names),
        })
    }
}

/// What a signature and the certification of its file leave open.
pub(super) fn read(view: View<'_, '_>, signature: &Dictionary) -> Result<Permission, Fault> {
    let mut permission = Permission::default();
    let (_, catalog) = view.catalog()?;
    let perms = view.value(&catalog, b"Perms")?;
    let certification = perms.as_dictionary().map(|perms| view.value(perms, b"DocMDP")).transpose()?;
    for dictionary in [Some(signature), certification.as_ref().and_then(Object::as_dictionary)].into_iter().flatten() {
        let Object::Array(references) = view.value(dictionary, b"Reference")? else { continue };
        for reference in &references {
            let reference = view.follow(reference)?;
            let Some(reference) = reference.as_dictionary() else { continue };
            let parameters = view.value(reference, b"TransformParams")?;
            let Some(parameters) = parameters.as_dictionary() else { continue };
            match reference.name(b"TransformMethod") {
                Some(b"DocMDP") => permission.nothing |= view.value(parameters, b"P")?.as_integer() == Some(1),
                Some(b"FieldMDP") => permission.locks.extend(lock(view, parameters)?),
                _ => {}
            }
        }
    }
    Ok(permission)
}

fn lock(view: View<'_, '_>, parameters: &Dictionary) -> Result<Option<Lock>, Fault> {
    let fields = view.value(parameters, b"Fields")?;
    let fields = fields.as_array().unwrap_or_default();
    let fields = fields.iter().filter_map(Object::as_string).map(plain).collect();
    Ok(match view.value(parameters, b"Action")?.as_name() {
        Some(b"All") => Some(Lock::All),
        Some(b"Include") => Some(Lock::Include(fields)),
        Some(b"Exclude") => Some(Lock::Exclude(fields)),
        _ => None,
    })
}

/// A text as compared, in UTF-8: the same name may be written in one encoding in a field and in another in its lock.
pub(super) fn plain(text: &[u8]) -> Vec<u8> {
    if let Some(wide) = text.strip_prefix(&[0xfe, 0xff]) {
        let units: Vec<u16> =
            wide.chunks(2).map(|unit| unit.iter().fold(0, |all, byte| all << 8 | u16::from(*byte))).collect();
        return String::from_utf16_lossy(&units).into_bytes();
    }
    match text.strip_prefix(&[0xef, 0xbb, 0xbf]) {
        Some(text) => text.to_vec(),
        None => text.iter().map(|byte| char::from(*byte)).collect::<String>().into_bytes(),
    }
}
