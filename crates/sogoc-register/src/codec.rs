//! The compact binary form in which the register's state is digested and kept as a snapshot.
//!
//! Integers are little-endian base 128, signed ones zigzag; a list is its length and its items. A state has exactly one
//! form: maps are written in the order of their keys. Reading is total: any bytes give a state or [`Damaged`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Bytes that are not what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the snapshot is damaged at byte {at}: it is ignored and the log is read instead")]
pub struct Damaged {
    /// Byte at which reading stopped.
    pub at: usize,
}

/// Bytes being read.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(crate) fn damaged<T>(&self) -> Result<T, Damaged> {
        Err(Damaged { at: self.at })
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.at == self.bytes.len()
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], Damaged> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.bytes.len());
        let Some(end) = end else { return self.damaged() };
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Damaged> {
        match self.bytes.get(self.at) {
            Some(byte) => {
                self.at += 1;
                Ok(*byte)
            }
            None => self.damaged(),
        }
    }

    /// A length that the rest of the bytes can hold: a damaged one must not ask for all memory.
    pub(crate) fn length(&mut self) -> Result<usize, Damaged> {
        let length = usize::read(self)?;
        if length > self.bytes.len() - self.at { self.damaged() } else { Ok(length) }
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, Damaged> {
        let length = self.length()?;
        let at = self.at;
        std::str::from_utf8(self.take(length)?).map_err(|_| Damaged { at })
    }
}

/// Has a binary form.
pub(crate) trait Code: Sized {
    fn write(&self, out: &mut Vec<u8>);
    fn read(from: &mut Reader<'_>) -> Result<Self, Damaged>;
}

impl Code for u64 {
    fn write(&self, out: &mut Vec<u8>) {
        let mut rest = *self;
        loop {
            let low = u8::try_from(rest & 0x7f).expect("seven bits");
            rest >>= 7;
            if rest == 0 {
                out.push(low);
                return;
            }
            out.push(low | 0x80);
        }
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        let (mut value, mut shift) = (0_u64, 0_u32);
        loop {
            let byte = from.byte()?;
            let low = u64::from(byte & 0x7f);
            // The tenth byte holds the 64th bit only.
            if shift == 63 && low > 1 {
                return from.damaged();
            }
            value |= low << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
            shift += 7;
            if shift > 63 {
                return from.damaged();
            }
        }
    }
}

macro_rules! unsigned {
    ($($ty:ty),*) => {$(
        impl Code for $ty {
            fn write(&self, out: &mut Vec<u8>) {
                u64::try_from(*self).expect("at most 64 bits").write(out);
            }
            fn read(from: &mut Reader<'_>) -> Result<Self, Damaged> {
                let value = u64::read(from)?;
                <$ty>::try_from(value).or_else(|_| from.damaged())
            }
        }
    )*};
}
unsigned!(u8, u16, u32, usize);

impl Code for i64 {
    fn write(&self, out: &mut Vec<u8>) {
        (self.wrapping_shl(1) ^ (self >> 63)).cast_unsigned().write(out);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        let folded = u64::read(from)?;
        Ok((folded >> 1).cast_signed() ^ -(folded & 1).cast_signed())
    }
}

impl Code for bool {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        match from.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => from.damaged(),
        }
    }
}

impl Code for String {
    fn write(&self, out: &mut Vec<u8>) {
        self.len().write(out);
        out.extend_from_slice(self.as_bytes());
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        from.text().map(str::to_owned)
    }
}

impl Code for Arc<str> {
    fn write(&self, out: &mut Vec<u8>) {
        self.len().write(out);
        out.extend_from_slice(self.as_bytes());
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        from.text().map(Self::from)
    }
}

impl Code for [u8; 32] {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        Ok(from.take(32)?.try_into().expect("32 bytes were taken"))
    }
}

impl<T: Code> Code for Option<T> {
    fn write(&self, out: &mut Vec<u8>) {
        self.is_some().write(out);
        if let Some(value) = self {
            value.write(out);
        }
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        if bool::read(from)? { T::read(from).map(Some) } else { Ok(None) }
    }
}

impl<T: Code> Code for Vec<T> {
    fn write(&self, out: &mut Vec<u8>) {
        self.len().write(out);
        self.iter().for_each(|item| item.write(out));
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        let len = from.length()?;
        let mut list = Self::with_capacity(len);
        for _ in 0..len {
            list.push(T::read(from)?);
        }
        Ok(list)
    }
}

impl<A: Code, B: Code> Code for (A, B) {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
        self.1.write(out);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        Ok((A::read(from)?, B::read(from)?))
    }
}

impl<K: Code + Ord, V: Code> Code for BTreeMap<K, V> {
    fn write(&self, out: &mut Vec<u8>) {
        self.len().write(out);
        for (key, value) in self {
            key.write(out);
            value.write(out);
        }
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        let items = Vec::<(K, V)>::read(from)?;
        if items.windows(2).any(|pair| pair[0].0 >= pair[1].0) {
            return from.damaged();
        }
        Ok(items.into_iter().collect())
    }
}

impl<K: Code + Ord> Code for BTreeSet<K> {
    fn write(&self, out: &mut Vec<u8>) {
        self.len().write(out);
        self.iter().for_each(|key| key.write(out));
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        let items = Vec::<K>::read(from)?;
        if items.windows(2).any(|pair| pair[0] >= pair[1]) {
            return from.damaged();
        }
        Ok(items.into_iter().collect())
    }
}

impl<T: Code> Code for Arc<T> {
    fn write(&self, out: &mut Vec<u8>) {
        T::write(self, out);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        T::read(from).map(Self::new)
    }
}

/// The binary form of a struct: its fields in the order named here. All must be named, or it does not compile.
macro_rules! code_struct {
    ($($ty:ident { $($field:ident),* $(,)? })*) => {$(
        impl $crate::codec::Code for $ty {
            fn write(&self, out: &mut Vec<u8>) {
                let Self { $($field),* } = self;
                $($crate::codec::Code::write($field, out);)*
            }
            fn read(from: &mut $crate::codec::Reader<'_>) -> Result<Self, $crate::codec::Damaged> {
                Ok(Self { $($field: $crate::codec::Code::read(from)?),* })
            }
        }
    )*};
}
/// The binary form of a fieldless enum: its number here. All variants must be named.
macro_rules! code_enum {
    ($($ty:ident { $($variant:ident = $n:literal),* $(,)? })*) => {$(
        impl $crate::codec::Code for $ty {
            fn write(&self, out: &mut Vec<u8>) {
                out.push(match self { $(Self::$variant => $n,)* });
            }
            fn read(from: &mut $crate::codec::Reader<'_>) -> Result<Self, $crate::codec::Damaged> {
                match from.take(1)?[0] {
                    $($n => Ok(Self::$variant),)*
                    _ => from.damaged(),
                }
            }
        }
    )*};
}
pub(crate) use {code_enum, code_struct};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(a in any::<u64>(), b in any::<i64>(), c in any::<String>(), d in any::<Vec<Option<u32>>>()) {
            let mut out = Vec::new();
            (a, (b, (c.clone(), d.clone()))).write(&mut out);
            let mut from = Reader::new(&out);
            let back = <(u64, (i64, (String, Vec<Option<u32>>)))>::read(&mut from).unwrap();
            prop_assert!(from.is_at_end());
            prop_assert_eq!(back, (a, (b, (c, d))));
        }

        #[test]
        fn any_bytes_are_read_or_damaged(bytes in any::<Vec<u8>>()) {
            let _ = <Vec<(u64, (String, Vec<Option<i64>>))>>::read(&mut Reader::new(&bytes));
            let _ = BTreeMap::<u32, String>::read(&mut Reader::new(&bytes));
        }
    }
}
