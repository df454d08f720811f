//! An agency, or a body that takes part but is never appraised: its names over time, and how it ended.
//!
//! An id outlives names. Renaming, merging, splitting and dissolving rest on an instrument; what they mean in a running
//! season is said there (`treat-agency`), not here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;

use crate::command::{DissolveAgency, MergeAgency, RegisterAgency, RenameAgency, SplitAgency};
use crate::decide::{Deciding, check_count, check_name};
use crate::event::{AgencyDissolved, AgencyEvent, AgencyMerged, AgencyRegistered, AgencyRenamed, AgencySplit, Name};
use crate::evidence::{Capacity, SignedFor, SignerFound};
use crate::refusal::{Refusal, refuse};
use crate::stream::Stream;
use crate::values::{AgencyId, Digest, Timestamp};

/// Most successors of a split.
const SUCCESSORS_MAX: usize = 100;

/// An agency or body as of one position.
#[derive(Clone, Default, Debug, PartialEq, Serialize, Deserialize)]
pub struct Agency {
    /// Its names, in the order in which they hold; never empty once registered.
    pub names: Vec<Named>,
    /// True for a body that takes part but is never appraised.
    pub body: bool,
    /// How it ended, if it did.
    pub ended: Option<Ended>,
    /// Certificates that sign for it, by their SHA-256.
    pub signers: BTreeMap<Digest, Capacity>,
}

/// A name and from when it holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Named {
    /// The name.
    pub name: Name,
    /// From when; none for the name it was registered with.
    pub from: Option<Timestamp>,
}

/// How an agency ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    /// By what.
    pub how: Ending,
    /// From when.
    pub from: Timestamp,
    /// Who followed: one after a merger, at least two after a split, none after a dissolution.
    pub successors: Vec<AgencyId>,
}

/// By what an agency ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// Merged into another.
    Merged,
    /// Split into others.
    Split,
    /// Dissolved.
    Dissolved,
}

impl Agency {
    /// Applies an event; total.
    pub fn apply(&mut self, event: &AgencyEvent) {
        match event {
            AgencyEvent::AgencyRegistered(e) => {
                self.names = vec![Named { name: e.name.clone(), from: None }];
                self.body = e.body;
            }
            AgencyEvent::AgencyRenamed(e) => self.names.push(Named { name: e.name.clone(), from: Some(e.from) }),
            AgencyEvent::AgencyMerged(e) => self.end(Ending::Merged, e.from, vec![e.into.clone()]),
            AgencyEvent::AgencySplit(e) => self.end(Ending::Split, e.from, e.into.clone()),
            AgencyEvent::AgencyDissolved(e) => self.end(Ending::Dissolved, e.from, Vec::new()),
            AgencyEvent::SignerRegistered(e) => {
                self.signers.insert(e.certificate, e.capacity);
            }
            AgencyEvent::SignerWithdrawn(e) => {
                self.signers.remove(&e.certificate);
            }
        }
    }

    fn end(&mut self, how: Ending, from: Timestamp, successors: Vec<AgencyId>) {
        self.ended = Some(Ended { how, from, successors });
    }

    /// The name recorded last; none before registration.
    #[must_use]
    pub fn name(&self) -> Option<&Name> {
        self.names.last().map(|n| &n.name)
    }

    /// The name that held at an instant; none before registration.
    #[must_use]
    pub fn name_at(&self, instant: Timestamp) -> Option<&Name> {
        self.names.iter().rev().find(|n| n.from.is_none_or(|from| from <= instant)).map(|n| &n.name)
    }

    /// How it ended, in words; none while it exists. An end that was recorded ahead of its instant counts at once:
    /// nothing new is begun with an agency that is known to end.
    #[must_use]
    pub fn ended_why(&self) -> Option<String> {
        let ended = self.ended.as_ref()?;
        let into: Vec<_> = ended.successors.iter().map(AgencyId::as_str).collect();
        Some(match ended.how {
            Ending::Merged => format!("merged into {} from {}", into.join(", "), ended.from),
            Ending::Split => format!("split into {} from {}", into.join(", "), ended.from),
            Ending::Dissolved => format!("dissolved from {}", ended.from),
        })
    }

    /// For whom a signature stands: by its registered certificate, else by the organisation that the certificate names,
    /// which is one of the agency's names, whatever the case of its letters.
    #[must_use]
    pub fn signed_by(&self, signer: &SignerFound) -> SignedFor {
        match self.signers.get(&signer.certificate) {
            Some(Capacity::Leader) => return SignedFor::Leader,
            Some(Capacity::Agency) => return SignedFor::Agency,
            None => {}
        }
        let Some(organisation) = signer.organisation.as_deref().map(plain_name) else { return SignedFor::Other };
        let own = |name: &Name| {
            let names = [Some(&name.vi), name.en.as_ref(), name.short.as_ref()];
            names.into_iter().flatten().any(|text| plain_name(text.as_str()) == organisation)
        };
        if self.names.iter().any(|named| own(&named.name)) { SignedFor::Agency } else { SignedFor::Other }
    }

    /// The agency that it was merged into, by an instant.
    #[must_use]
    pub fn merged_into(&self, now: Timestamp) -> Option<&AgencyId> {
        let ended = self.ended.as_ref().filter(|e| e.how == Ending::Merged && e.from <= now)?;
        ended.successors.first()
    }
}

/// A name as compared: in NFC and lower case, with single spaces.
fn plain_name(name: &str) -> String {
    let lower: String = name.nfc().flat_map(char::to_lowercase).collect();
    lower.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The agency, which must exist still.
fn living<'a>(d: &Deciding<'a>, id: &AgencyId) -> Result<&'a Agency, Refusal> {
    let agency = d.agency(id)?;
    match agency.ended_why() {
        Some(why) => Err(refuse!(AgencyEnded, agency = id, why = why)),
        None => Ok(agency),
    }
}

/// That somebody new may act for it: it is registered and has not ended.
pub(crate) fn check_living(d: &Deciding<'_>, id: &AgencyId) -> Result<(), Refusal> {
    living(d, id).map(|_| ())
}

fn rests_on_instrument(d: &Deciding<'_>) -> Result<(), Refusal> {
    match d.envelope.instrument {
        Some(_) => Ok(()),
        None => Err(refuse!(InstrumentRequired, command = d.kind())),
    }
}

fn check_names(name: &Name) -> Result<(), Refusal> {
    check_name("name", &name.vi)?;
    name.en.as_ref().map_or(Ok(()), |en| check_name("name in English", en))?;
    name.short.as_ref().map_or(Ok(()), |short| check_name("short name", short))
}

/// What happens to an agency follows on what happened to it before.
fn in_order(agency: &Agency, from: Timestamp) -> Result<(), Refusal> {
    match agency.names.last().and_then(|n| n.from) {
        Some(last) if from <= last => {
            Err(refuse!(Invalid, field = "from", value = from, why = format!("its present name holds from {last}")))
        }
        Some(_) | None => Ok(()),
    }
}

pub(crate) fn register(d: &Deciding<'_>, c: &RegisterAgency) -> Result<(), Refusal> {
    enter(d, &c.agency, &c.name, c.body)
}

/// Lets an agency or body into the register.
pub(crate) fn enter(d: &Deciding<'_>, id: &AgencyId, name: &Name, body: bool) -> Result<(), Refusal> {
    let stream = Stream::Agency(id.clone());
    d.read(stream.clone());
    d.world.not_stopped(&stream)?;
    if d.world.agencies.contains_key(id) {
        return Err(refuse!(AlreadyExists, what = "agency", id = id));
    }
    check_names(name)?;
    d.push(stream, AgencyRegistered { name: name.clone(), body });
    Ok(())
}

pub(crate) fn rename(d: &Deciding<'_>, c: &RenameAgency) -> Result<(), Refusal> {
    let agency = living(d, &c.agency)?;
    rests_on_instrument(d)?;
    check_names(&c.name)?;
    if agency.name() == Some(&c.name) {
        return Err(refuse!(NothingToDo, why = "it has this name already"));
    }
    in_order(agency, c.from)?;
    d.push(Stream::Agency(c.agency.clone()), AgencyRenamed { name: c.name.clone(), from: c.from });
    Ok(())
}

pub(crate) fn merge(d: &Deciding<'_>, c: &MergeAgency) -> Result<(), Refusal> {
    let agency = living(d, &c.agency)?;
    rests_on_instrument(d)?;
    check_successor(d, &c.agency, &c.into)?;
    in_order(agency, c.from)?;
    d.push(Stream::Agency(c.agency.clone()), AgencyMerged { into: c.into.clone(), from: c.from });
    Ok(())
}

pub(crate) fn split(d: &Deciding<'_>, c: &SplitAgency) -> Result<(), Refusal> {
    let agency = living(d, &c.agency)?;
    rests_on_instrument(d)?;
    check_count("into", c.into.len(), SUCCESSORS_MAX)?;
    let mut into = c.into.clone();
    into.sort();
    into.dedup();
    if into.len() < 2 || into.len() != c.into.len() {
        return Err(refuse!(
            Invalid,
            field = "into",
            value = c.into.len(),
            why = "a split needs at least two different successors"
        ));
    }
    for successor in &into {
        check_successor(d, &c.agency, successor)?;
    }
    in_order(agency, c.from)?;
    d.push(Stream::Agency(c.agency.clone()), AgencySplit { into, from: c.from });
    Ok(())
}

pub(crate) fn dissolve(d: &Deciding<'_>, c: &DissolveAgency) -> Result<(), Refusal> {
    let agency = living(d, &c.agency)?;
    rests_on_instrument(d)?;
    in_order(agency, c.from)?;
    d.push(Stream::Agency(c.agency.clone()), AgencyDissolved { from: c.from });
    Ok(())
}

fn check_successor(d: &Deciding<'_>, agency: &AgencyId, successor: &AgencyId) -> Result<(), Refusal> {
    if successor == agency {
        return Err(refuse!(Invalid, field = "into", value = successor, why = "it is the agency itself"));
    }
    check_living(d, successor)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::account::trial::{Trial, code_of, day};
    use crate::refusal::Code;

    fn trial() -> Trial {
        let mut t = Trial::founded();
        for (id, body) in [("so-a", false), ("so-b", false), ("so-c", false), ("buu-dien", true)] {
            t.admin(json!({"type": "register-agency", "agency": id, "name": {"vi": id}, "body": body})).unwrap();
        }
        t
    }

    #[test]
    fn an_agency_is_registered_once() {
        let mut t = trial();
        let again = t.admin(json!({"type": "register-agency", "agency": "so-a", "name": {"vi": "Sở A"}}));
        assert_eq!(code_of(again), Code::AlreadyExists);
        let nameless = t.admin(json!({"type": "register-agency", "agency": "so-d", "name": {"vi": " "}}));
        assert_eq!(code_of(nameless), Code::Missing);
    }

    #[test]
    fn a_change_of_an_agency_rests_on_an_instrument() {
        let mut t = trial();
        for c in [
            json!({"type": "rename-agency", "agency": "so-a", "name": {"vi": "Sở A mới"}, "from": day(1)}),
            json!({"type": "merge-agency", "agency": "so-a", "into": "so-b", "from": day(1)}),
            json!({"type": "split-agency", "agency": "so-a", "into": ["so-b", "so-c"], "from": day(1)}),
            json!({"type": "dissolve-agency", "agency": "so-a", "from": day(1)}),
        ] {
            assert_eq!(code_of(t.admin(c.clone())), Code::InstrumentRequired, "{c}");
            let mut fresh = trial();
            fresh.on_instrument(c).unwrap();
        }
    }

    #[test]
    fn an_earlier_name_holds_until_the_next_begins() {
        let mut t = trial();
        t.on_instrument(json!({"type": "rename-agency", "agency": "so-a", "name": {"vi": "Sở Mới"}, "from": day(5)}))
            .unwrap();
        let agency = &t.world.agencies["so-a"];
        assert_eq!(agency.name_at(day(4)).unwrap().vi.as_str(), "so-a");
        assert_eq!(agency.name_at(day(5)).unwrap().vi.as_str(), "Sở Mới");
        let back = json!({"type": "rename-agency", "agency": "so-a", "name": {"vi": "Sở Khác"}, "from": day(5)});
        assert_eq!(code_of(t.on_instrument(back)), Code::Invalid);
    }

    #[test]
    fn a_successor_exists_and_is_not_the_agency_itself() {
        let mut t = trial();
        let merge = |into: &str| json!({"type": "merge-agency", "agency": "so-a", "into": into, "from": day(1)});
        assert_eq!(code_of(t.on_instrument(merge("so-a"))), Code::Invalid);
        assert_eq!(code_of(t.on_instrument(merge("so-x"))), Code::Unknown);
        let split = |into: &[&str]| json!({"type": "split-agency", "agency": "so-a", "into": into, "from": day(1)});
        assert_eq!(code_of(t.on_instrument(split(&["so-b"]))), Code::Invalid);
        assert_eq!(code_of(t.on_instrument(split(&["so-b", "so-b"]))), Code::Invalid);
        assert_eq!(code_of(t.on_instrument(split(&["so-b", "so-a"]))), Code::Invalid);
    }

    #[test]
    fn an_agency_ends_once_and_takes_nobody_in_afterwards() {
        let mut t = trial();
        t.on_instrument(json!({"type": "merge-agency", "agency": "so-a", "into": "so-b", "from": day(1)})).unwrap();
        assert!(t.world.agencies["so-a"].ended_why().unwrap().starts_with("merged into so-b"));
        for c in [
            json!({"type": "rename-agency", "agency": "so-a", "name": {"vi": "Sở A mới"}, "from": day(2)}),
            json!({"type": "dissolve-agency", "agency": "so-a", "from": day(2)}),
            json!({"type": "merge-agency", "agency": "so-c", "into": "so-a", "from": day(2)}),
            json!({"type": "open-account", "account": {"account": "acc-a", "agency": "so-a", "name": "Chuyên viên"}}),
        ] {
            assert_eq!(code_of(t.on_instrument(c.clone())), Code::AgencyEnded, "{c}");
        }
    }
}
