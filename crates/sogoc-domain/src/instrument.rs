//! An instrument: a decision, plan, minutes or letter that acts rest on.

use serde::{Deserialize, Serialize};
use time::{Date, Month};

use crate::command::{AttachInstrumentDocument, NewInstrument};
use crate::decide::{Deciding, check_name};
use crate::event::{InstrumentDocumentAttached, InstrumentEvent, InstrumentRegistered};
use crate::refusal::{Refusal, refuse};
use crate::stream::Stream;
use crate::values::{Digest, Text};

/// An instrument as of one position.
#[derive(Clone, Default, Debug, PartialEq, Serialize, Deserialize)]
pub struct Instrument {
    /// Its number, such as "1952/QĐ-UBND".
    pub number: Text,
    /// Its date, `YYYY-MM-DD`.
    pub date: String,
    /// Who issued it.
    pub issuer: Text,
    /// Its title, where known.
    pub title: Option<Text>,
    /// SHA-256 of its document, once known.
    pub document: Option<Digest>,
}

impl Instrument {
    /// Applies an event; total.
    pub fn apply(&mut self, event: &InstrumentEvent) {
        match event {
            InstrumentEvent::InstrumentRegistered(e) => {
                self.number = e.number.clone();
                self.date.clone_from(&e.date);
                self.issuer = e.issuer.clone();
                self.title.clone_from(&e.title);
                self.document = e.document;
            }
            InstrumentEvent::InstrumentDocumentAttached(e) => self.document = Some(e.document),
        }
    }
}

pub(crate) fn register(d: &Deciding<'_>, new: &NewInstrument) -> Result<(), Refusal> {
    let stream = Stream::Instrument(new.id.clone());
    d.read(stream.clone());
    d.world.not_stopped(&stream)?;
    if d.world.instruments.contains_key(&new.id) {
        return Err(refuse!(AlreadyExists, what = "instrument", id = &new.id));
    }
    check_name("number", &new.number)?;
    check_name("issuer", &new.issuer)?;
    new.title.as_ref().map_or(Ok(()), |title| check_name("title", title))?;
    if !is_date(&new.date) {
        let shown: String = new.date.chars().take(40).collect();
        return Err(refuse!(Invalid, field = "date", value = shown, why = "write a day of the calendar as YYYY-MM-DD"));
    }
    let event = InstrumentRegistered {
        number: new.number.clone(),
        date: new.date.clone(),
        issuer: new.issuer.clone(),
        title: new.title.clone(),
        document: new.document,
    };
    d.push(stream, event);
    Ok(())
}

/// A real day, written `YYYY-MM-DD` with ASCII digits.
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let shape = bytes.len() == 10
        && bytes.iter().enumerate().all(|(i, b)| if matches!(i, 4 | 7) { *b == b'-' } else { b.is_ascii_digit() });
    if !shape {
        return false;
    }
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next(), parts.next(), parts.next());
    let date = || {
        let month = Month::try_from(month?.parse::<u8>().ok()?).ok()?;
        Date::from_calendar_date(year?.parse().ok()?, month, day?.parse().ok()?).ok()
    };
    date().is_some_and(|d| d.year() > 0)
}

pub(crate) fn attach_document(d: &Deciding<'_>, c: &AttachInstrumentDocument) -> Result<(), Refusal> {
    let stream = Stream::Instrument(c.id.clone());
    d.read(stream.clone());
    d.world.not_stopped(&stream)?;
    let instrument = d.world.instruments.get(&c.id).ok_or_else(|| refuse!(Unknown, what = "instrument", id = &c.id))?;
    match instrument.document {
        Some(there) if there == c.document => Err(refuse!(NothingToDo, why = "this document is attached already")),
        // Another document is another instrument: what acts rested on stays what it was.
        Some(_) => Err(refuse!(AlreadyExists, what = "document of instrument", id = &c.id)),
        None => {
            d.push(stream, InstrumentDocumentAttached { document: c.document });
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::account::trial::{Trial, code_of};
    use crate::refusal::Code;

    use super::is_date;

    #[test]
    fn a_date_is_a_day_of_the_calendar() {
        for good in ["2022-10-21", "2024-02-29", "0001-01-01"] {
            assert!(is_date(good), "{good}");
        }
        for bad in [
            "",
            "2022-02-30",
            "2023-02-29",
            "2022-13-01",
            "2022-1-1",
            "21/10/2022",
            "0000-01-01",
            "+022-01-01",
            "2022-10-2١",
        ] {
            assert!(!is_date(bad), "{bad}");
        }
    }

    #[test]
    fn an_instrument_takes_one_document_for_ever() {
        let mut t = Trial::founded();
        let new = json!({"id": "qd-1952", "number": "1952/QĐ-UBND", "date": "2022-10-21", "issuer": "UBND tỉnh"});
        t.admin(json!({"type": "register-instrument", "instrument": new})).unwrap();
        let again = t.admin(json!({"type": "register-instrument", "instrument": new}));
        assert_eq!(code_of(again), Code::AlreadyExists);
        let attach =
            |digit: &str| json!({"type": "attach-instrument-document", "id": "qd-1952", "document": digit.repeat(64)});
        t.admin(attach("a")).unwrap();
        assert_eq!(code_of(t.admin(attach("a"))), Code::NothingToDo);
        assert_eq!(code_of(t.admin(attach("b"))), Code::AlreadyExists);
        let dateless = json!({"id": "qd-2", "number": "1", "date": "2022-02-30", "issuer": "UBND tỉnh"});
        assert_eq!(code_of(t.admin(json!({"type": "register-instrument", "instrument": dateless}))), Code::Invalid);
    }
}
