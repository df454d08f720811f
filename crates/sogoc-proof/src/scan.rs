//! The few things that all text formats here share: numbers in canonical form, and how refused text is shown.

/// Most leaves that a checkpoint, a proof or a tile path may speak of: 2^63 - 1, as everywhere in these formats. A log of
/// ours stays far below ([`crate::SIZE_MAX`]), one that we witness need not.
pub const FOREIGN_SIZE_MAX: u64 = i64::MAX as u64;

/// A text that is no number in canonical form, or one that is too large.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Not decimal digits only, or with a leading zero.
    #[error("«{text}» is not a number in decimal digits without sign, spaces and leading zeros")]
    Form {
        /// The beginning of the refused text.
        text: String,
    },
    /// Above [`FOREIGN_SIZE_MAX`].
    #[error("{text} is above the limit of {FOREIGN_SIZE_MAX} (2^63 - 1)")]
    TooLarge {
        /// The beginning of the refused text.
        text: String,
    },
}

/// Reads a number of at most [`FOREIGN_SIZE_MAX`] in its only spelling.
pub(crate) fn number(text: &str) -> Result<u64, NumberError> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || (text.len() > 1 && text.starts_with('0')) {
        return Err(NumberError::Form { text: shown(text) });
    }
    // Digits only: what does not parse is above 64 bits.
    text.parse()
        .ok()
        .filter(|number| *number <= FOREIGN_SIZE_MAX)
        .ok_or_else(|| NumberError::TooLarge { text: shown(text) })
}

/// The lines before the first blank line, without their last newline, and what stands after it.
pub(crate) fn split_blank_line(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let blank = bytes.windows(2).position(|pair| pair == b"\n\n")?;
    Some((str::from_utf8(&bytes[..blank]).ok()?, &bytes[blank + 2..]))
}

/// The beginning of a hostile text, fit for an error message: at most 60 characters, none of them a control character.
pub(crate) fn shown(text: &str) -> String {
    const CHARACTERS_MAX: usize = 60;
    let mut characters = text.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c });
    let mut shown: String = characters.by_ref().take(CHARACTERS_MAX).collect();
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_spelling_and_a_limit() {
        assert_eq!(number("0"), Ok(0));
        assert_eq!(number("9223372036854775807"), Ok(FOREIGN_SIZE_MAX));
        for text in ["", "00", "01", "+1", "-1", " 1", "1 ", "1_000", "0x10", "１", "1\n"] {
            assert!(matches!(number(text), Err(NumberError::Form { .. })), "{text:?}");
        }
        for text in ["9223372036854775808", "18446744073709551616", &"9".repeat(1_000_000)] {
            let Err(NumberError::TooLarge { text }) = number(text) else { panic!("{text:?}") };
            assert!(text.len() < 100);
        }
    }

    #[test]
    fn hostile_text_is_shown_short_and_harmless() {
        assert_eq!(shown("a\u{1b}[2Jb\n"), "a\u{FFFD}[2Jb\u{FFFD}");
        assert_eq!(shown(&"é".repeat(100)), format!("{}…", "é".repeat(60)));
    }
}
