//! An instrument: a decision, plan, minutes or letter that acts rest on; and the erasure of sealed texts, which always
//! rests on one.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use time::{Date, Month};

use crate::authority;
use crate::command::{AttachInstrumentDocument, EraseTexts, NewInstrument};
use crate::decide::{Deciding, check_count, check_name};
use crate::event::{InstrumentDocumentAttached, InstrumentEvent, InstrumentRegistered, TextsErased};
use crate::refusal::{Refusal, refuse};
use crate::stream::Stream;
use crate::values::{Digest, InstrumentId, Sealed, Text};
use crate::world::World;

/// Most texts that one command erases: what an entry lists (DESIGN §5).
const ERASED_MAX: usize = 100;

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
    /// Commitments of the sealed texts that were erased on its ground.
    pub erased: BTreeSet<Sealed>,
    /// Digests of the evidence files that were erased on its ground.
    pub erased_files: BTreeSet<Digest>,
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
            InstrumentEvent::TextsErased(e) => self.erased.extend(&e.texts),
            InstrumentEvent::EvidenceErased(e) => {
                self.erased_files.insert(e.digest);
            }
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

/// Erases sealed texts (invariant 11). All of those named or none: what is gone cannot be brought back, so nobody shall
/// have to find out afterwards which part was done.
///
/// **By whom.** The custodian of the register or who runs its seasons, for the whole register: an administrator, the
/// secretariat, the council's chair. Never who brought the text in (nobody takes the ground of their own decision out of
/// sight), nor the person whose account it names, nor anybody who acts for the agency on whose scorecard it stands. There
/// are always others: a register is founded by two.
pub(crate) fn erase_texts(d: &Deciding<'_>, c: &EraseTexts) -> Result<(), Refusal> {
    let Some(instrument) = &d.envelope.instrument else {
        return Err(refuse!(InstrumentRequired, command = d.kind()));
    };
    if c.texts.is_empty() {
        return Err(refuse!(Missing, field = "texts"));
    }
    check_count("texts", c.texts.len(), ERASED_MAX)?;
    let texts: BTreeSet<Sealed> = c.texts.iter().copied().collect();
    let texts: Vec<Sealed> = texts.into_iter().collect();
    let marks = d.record.text_marks(&texts);
    for (text, mark) in texts.iter().zip(marks) {
        if let Some(by) = erased_by(d.world, text) {
            return Err(refuse!(AlreadyErased, text = text, instrument = by));
        }
        let named = d.world.accounts.iter().find(|(_, account)| account.name == Some(*text)).map(|(id, _)| id);
        if named.is_none() && mark.is_none() {
            return Err(refuse!(Unknown, what = "text", id = text));
        }
        if let Some(account) = named {
            authority::bar_own_text(d, text, [account], "is the account that it names")?;
        }
        let Some(mark) = mark else { continue };
        authority::bar_own_text(d, text, &mark.accounts, "brought it in")?;
        for stream in &mark.streams {
            if let Stream::Scorecard(season, agency) = stream {
                authority::bar_own_case(d, &d.envelope.account, season, agency)?;
            }
        }
    }
    let event = TextsErased { texts, ground_code: c.ground_code, ground: d.seal("ground", &c.ground)?, by: d.by() };
    d.push(Stream::Instrument(instrument.id.clone()), event);
    Ok(())
}

/// The instrument on whose ground a text was erased, where it was.
fn erased_by<'w>(world: &'w World, text: &Sealed) -> Option<&'w InstrumentId> {
    world.instruments.iter().find(|(_, instrument)| instrument.erased.contains(text)).map(|(id, _)| id)
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
