//! Trust policies (C2SP tlog-policy): whose checkpoints to believe, and how many witnesses must have seen them.
//!
//! ```text
//! log <verifier key> [<url>]
//! witness X1 <verifier key> [<url>]
//! witness X2 <verifier key>
//! group X any X1 X2
//! quorum X
//! ```
//!
//! A policy is the reader's own: nothing in a proof can add to it. The specification leaves open what a last line
//! without a newline means; here it counts.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::key::{Algorithm, KeyError, VerifierKey};
use crate::note::{Note, NoteError};
use crate::scan::shown;

/// Longest policy that is read, in bytes.
pub const POLICY_BYTES_MAX: usize = 1_000_000;

/// Most logs, most witnesses and most groups of a policy; the specification asks for at least 32 of each.
pub const POLICY_ITEMS_MAX: usize = 256;

/// Why a text is no policy, or a checkpoint is not one to be believed by it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Longer than [`POLICY_BYTES_MAX`].
    #[error("the policy has {bytes} bytes, above the limit of {POLICY_BYTES_MAX}")]
    TooLarge {
        /// Bytes found.
        bytes: usize,
    },
    /// A line of the policy is wrong.
    #[error("line {line} of the policy: {problem}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What is wrong.
        problem: PolicyProblem,
    },
    /// The policy does not say which witnesses are enough.
    #[error("the policy has no quorum line: add «quorum» with the name of a witness or group, or with none")]
    NoQuorum,
    /// The policy has no log line, so that no checkpoint can be judged.
    #[error("the policy names no log: add a «log» line with the verifier key of the log that you trust")]
    NoLog,
    /// The checkpoint to be judged is no note, or a known signature on it is invalid.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The note to be judged is no checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The checkpoint is of a log that the policy does not name.
    #[error("the checkpoint is of the log «{origin}», which the policy does not name")]
    UnknownLog {
        /// Origin of the checkpoint.
        origin: String,
    },
    /// The checkpoint is not signed by the log whose name it bears.
    #[error("the checkpoint of {origin} is not signed with the key that the policy has for it")]
    NotSignedByLog {
        /// Origin of the checkpoint.
        origin: String,
    },
    /// Too few witnesses cosigned the checkpoint.
    #[error("the quorum {quorum} is not met: no cosignature of {}", missing.join(", "))]
    QuorumNotMet {
        /// Name of the witness or group that is the quorum.
        quorum: String,
        /// The witnesses that did not cosign and whose cosignature would count.
        missing: Vec<String>,
    },
}

/// What is wrong with a line of a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyProblem {
    /// A control character other than tab and newline.
    #[error(
        "the byte 0x{byte:02x} is not allowed: only tabs, spaces and printable characters are (line ends are newlines)"
    )]
    Control {
        /// The byte.
        byte: u8,
    },
    /// A first word that means nothing.
    #[error("«{word}» is none of log, witness, group, quorum")]
    Keyword {
        /// The word.
        word: String,
    },
    /// Too few or too many words.
    #[error("this line has another form than: {form}")]
    Form {
        /// How such a line is written.
        form: &'static str,
    },
    /// A verifier key that is none.
    #[error("{0}")]
    Key(KeyError),
    /// A key of a type that its owner cannot use.
    #[error("the key is of type 0x{found:02x}, but a {owner} has one of type 0x{wanted:02x}")]
    KeyType {
        /// `log` or `witness`.
        owner: &'static str,
        /// Identifier of the key's type.
        found: u8,
        /// Identifier of the type that it must have.
        wanted: u8,
    },
    /// The same public key twice.
    #[error("line {first} has the same public key: each log and each witness is named once")]
    KeyTwice {
        /// Number of the earlier line.
        first: usize,
    },
    /// The name `none`, which has a meaning of its own.
    #[error("the name none is taken: it stands for no witness at all, in the quorum line only")]
    ReservedName,
    /// A name that is defined already.
    #[error("the name {name} is defined already: witnesses and groups share their names")]
    NameTwice {
        /// The name.
        name: String,
    },
    /// A name that is not defined on an earlier line.
    #[error("{name} is not defined above: name a witness or group of an earlier line")]
    Undefined {
        /// The name.
        name: String,
    },
    /// A witness or group that is a member already, of this group or another.
    #[error("{name} is a member of a group already: each witness and group counts once")]
    MemberTwice {
        /// The name.
        name: String,
    },
    /// A threshold that is no number from 1 on, `all` or `any`.
    #[error(
        "«{threshold}» is no threshold: that is all, any, or a number from 1 to the {members} members of the group"
    )]
    Threshold {
        /// The word.
        threshold: String,
        /// Members of the group.
        members: usize,
    },
    /// A group that asks for more members than it has.
    #[error(
        "the group asks for {threshold} of its {members} members and can never be met: lower the number or name more members"
    )]
    NeverMet {
        /// Members that must have witnessed, in the policy's words.
        threshold: String,
        /// Members of the group.
        members: usize,
    },
    /// A second quorum.
    #[error("line {first} has a quorum already: a policy has one")]
    QuorumTwice {
        /// Number of the earlier line.
        first: usize,
    },
    /// More logs, witnesses or groups than [`POLICY_ITEMS_MAX`].
    #[error("the policy has more than {POLICY_ITEMS_MAX} {items}, which is the limit")]
    TooMany {
        /// `logs`, `witnesses` or `groups`.
        items: &'static str,
    },
}

/// A log whose checkpoints a policy believes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyLog {
    /// Its key, whose name is the origin of its checkpoints.
    pub key: VerifierKey,
    /// Where it can be reached, if the policy says so; not checked. Bytes that are not UTF-8 are replaced by U+FFFD.
    pub url: Option<String>,
}

/// A witness that a policy knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyWitness {
    /// Its name within the policy. Bytes that are not UTF-8 are replaced by U+FFFD.
    pub name: String,
    /// The key of its cosignatures.
    pub key: VerifierKey,
    /// The address below which it takes checkpoints, if the policy says so; not checked, as in [`PolicyLog::url`].
    pub url: Option<String>,
}

/// Which logs and witnesses to believe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<PolicyLog>,
    witnesses: Vec<PolicyWitness>,
    /// In the order of their lines: members stand before the groups that they are in.
    groups: Vec<Group>,
    /// `None` for the quorum that is always met.
    quorum: Option<Member>,
}

/// So many of its members must have witnessed a checkpoint. No witness or group is a member twice, so groups are trees.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    name: String,
    threshold: usize,
    members: Vec<Member>,
}

/// The index of a witness or group of the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Member {
    Witness(usize),
    Group(usize),
}

/// What a policy says of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The checkpoint, signed by the log.
    pub checkpoint: Checkpoint,
    /// The key of the log that signed it.
    pub log: VerifierKey,
    /// Every witness of the policy, in the policy's order.
    pub witnesses: Vec<Witnessed>,
    missing: Vec<String>,
    quorum_met: bool,
}

/// A witness, and whether it saw the checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witnessed {
    /// The witness's name within the policy.
    pub name: String,
    /// The key of its cosignatures.
    pub key: VerifierKey,
    /// When it cosigned, in seconds after 1970 (UTC, by its own clock), the latest time if it did more than once; `None`
    /// if it did not.
    pub time: Option<u64>,
}

impl Judged {
    /// Whether enough witnesses cosigned: always, when the policy asks for none.
    #[must_use]
    pub const fn quorum_met(&self) -> bool {
        self.quorum_met
    }

    /// The witnesses that did not cosign and whose cosignature would count towards a quorum that is not met.
    #[must_use]
    pub fn missing(&self) -> &[String] {
        &self.missing
    }
}

impl Policy {
    /// Reads a policy.
    ///
    /// # Errors
    /// [`PolicyError`], naming the line: also for a quorum that can never be met.
    pub fn parse(bytes: &[u8]) -> Result<Self, PolicyError> {
        if bytes.len() > POLICY_BYTES_MAX {
            return Err(PolicyError::TooLarge { bytes: bytes.len() });
        }
        let mut reading = Reading::default();
        for (line, text) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
            reading.line(line, text).map_err(|problem| PolicyError::Line { line, problem })?;
        }
        let Reading { logs, witnesses, groups, quorum, .. } = reading;
        let (_, quorum) = quorum.ok_or(PolicyError::NoQuorum)?;
        Ok(Self { logs, witnesses, groups, quorum })
    }

    /// The logs whose checkpoints it believes.
    #[must_use]
    pub fn logs(&self) -> &[PolicyLog] {
        &self.logs
    }

    /// The witnesses that it knows, also those that do not count towards the quorum.
    #[must_use]
    pub fn witnesses(&self) -> &[PolicyWitness] {
        &self.witnesses
    }

    /// Judges a note: it is a checkpoint of a log of this policy, signed by it, and cosigned by a quorum.
    ///
    /// # Errors
    /// [`PolicyError`], among them [`PolicyError::QuorumNotMet`] which names the witnesses that are missing.
    pub fn judge(&self, note: &[u8]) -> Result<Judged, PolicyError> {
        self.judge_note(&Note::parse(note)?)
    }

    /// As [`Policy::judge`], of a note that was parsed.
    ///
    /// # Errors
    /// As [`Policy::judge`].
    pub fn judge_note(&self, note: &Note) -> Result<Judged, PolicyError> {
        let judged = self.assess(note)?;
        if judged.quorum_met {
            return Ok(judged);
        }
        let quorum = match self.quorum {
            Some(Member::Witness(index)) => self.witnesses[index].name.clone(),
            Some(Member::Group(index)) => self.groups[index].name.clone(),
            None => "none".to_owned(),
        };
        Err(PolicyError::QuorumNotMet { quorum, missing: judged.missing })
    }

    /// As [`Policy::judge`], but whether the quorum is met is said in the answer: for a log that still collects
    /// cosignatures.
    ///
    /// # Errors
    /// [`PolicyError`] but for [`PolicyError::QuorumNotMet`].
    pub fn assess(&self, note: &Note) -> Result<Judged, PolicyError> {
        let checkpoint = Checkpoint::parse(note.text())?;
        if self.logs.is_empty() {
            return Err(PolicyError::NoLog);
        }
        // A key speaks only for the log whose name it has.
        let mut keys: Vec<VerifierKey> =
            self.logs.iter().map(|log| &log.key).filter(|key| key.name() == checkpoint.origin()).cloned().collect();
        if keys.is_empty() {
            return Err(PolicyError::UnknownLog { origin: shown(checkpoint.origin()) });
        }
        keys.extend(self.witnesses.iter().map(|witness| witness.key.clone()));
        let verified = note.verify_any(&keys)?;
        let log = verified
            .iter()
            .find(|verified| verified.time.is_none())
            .map(|verified| verified.key.clone())
            .ok_or_else(|| PolicyError::NotSignedByLog { origin: shown(checkpoint.origin()) })?;
        let time = |key: &VerifierKey| verified.iter().filter(|by| by.key == *key).filter_map(|by| by.time).max();
        let witnesses: Vec<Witnessed> = self
            .witnesses
            .iter()
            .map(|witness| Witnessed { name: witness.name.clone(), key: witness.key.clone(), time: time(&witness.key) })
            .collect();
        let missing = self.missing(&witnesses);
        Ok(Judged { checkpoint, log, witnesses, quorum_met: missing.is_empty(), missing })
    }

    /// The witnesses that a quorum that is not met waits for; empty when it is met.
    fn missing(&self, witnesses: &[Witnessed]) -> Vec<String> {
        let mut met: Vec<bool> = Vec::with_capacity(self.groups.len());
        for group in &self.groups {
            let members = group.members.iter().filter(|member| match **member {
                Member::Witness(index) => witnesses[index].time.is_some(),
                Member::Group(index) => met[index],
            });
            met.push(members.count() >= group.threshold);
        }
        let mut missing = Vec::new();
        let mut waiting: Vec<Member> = self.quorum.into_iter().collect();
        while let Some(member) = waiting.pop() {
            match member {
                Member::Witness(index) if witnesses[index].time.is_none() => missing.push(index),
                Member::Group(index) if !met[index] => waiting.extend(&self.groups[index].members),
                Member::Witness(_) | Member::Group(_) => {}
            }
        }
        missing.sort_unstable();
        missing.into_iter().map(|index| witnesses[index].name.clone()).collect()
    }
}

/// A policy of which some lines were read. Names are bytes: which characters they are has no meaning.
#[derive(Default)]
struct Reading<'b> {
    logs: Vec<PolicyLog>,
    witnesses: Vec<PolicyWitness>,
    groups: Vec<Group>,
    /// With the number of its line.
    quorum: Option<(usize, Option<Member>)>,
    names: HashMap<&'b [u8], Name>,
    log_lines: HashMap<[u8; 32], usize>,
    witness_lines: HashMap<[u8; 32], usize>,
}

struct Name {
    member: Member,
    in_group: bool,
}

impl<'b> Reading<'b> {
    fn line(&mut self, number: usize, text: &'b [u8]) -> Result<(), PolicyProblem> {
        if let Some(byte) = text.iter().find(|byte| (**byte < b' ' && **byte != b'\t') || **byte == 0x7f) {
            return Err(PolicyProblem::Control { byte: *byte });
        }
        let words: Vec<&'b [u8]> =
            text.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty()).collect();
        match words.as_slice() {
            [] => Ok(()),
            [word, ..] if word.starts_with(b"#") => Ok(()),
            [b"log", key] => self.log(number, key, None),
            [b"log", key, url] => self.log(number, key, Some(url)),
            [b"log", ..] => Err(PolicyProblem::Form { form: "log <verifier key> [<url>]" }),
            [b"witness", name, key] => self.witness(number, name, key, None),
            [b"witness", name, key, url] => self.witness(number, name, key, Some(url)),
            [b"witness", ..] => Err(PolicyProblem::Form { form: "witness <name> <verifier key> [<url>]" }),
            [b"group", name, threshold, members @ ..] if !members.is_empty() => self.group(name, threshold, members),
            [b"group", ..] => Err(PolicyProblem::Form { form: "group <name> <all, any or a number> <name>…" }),
            [b"quorum", name] => self.quorum(number, name),
            [b"quorum", ..] => Err(PolicyProblem::Form { form: "quorum <name>" }),
            [word, ..] => Err(PolicyProblem::Keyword { word: name_shown(word) }),
        }
    }

    fn log(&mut self, line: usize, key: &[u8], url: Option<&&[u8]>) -> Result<(), PolicyProblem> {
        let key = parse_key(key, "log", Algorithm::Ed25519)?;
        once(&mut self.log_lines, &key, line)?;
        push(&mut self.logs, PolicyLog { key, url: url.map(|url| lossy(url)) }, "logs")?;
        Ok(())
    }

    fn witness(&mut self, line: usize, name: &'b [u8], key: &[u8], url: Option<&&[u8]>) -> Result<(), PolicyProblem> {
        let key = parse_key(key, "witness", Algorithm::CosignatureV1)?;
        once(&mut self.witness_lines, &key, line)?;
        let witness = PolicyWitness { name: lossy(name), key, url: url.map(|url| lossy(url)) };
        let index = push(&mut self.witnesses, witness, "witnesses")?;
        self.define(name, Member::Witness(index))
    }

    fn group(&mut self, name: &'b [u8], threshold: &[u8], members: &[&'b [u8]]) -> Result<(), PolicyProblem> {
        let mut found = Vec::new();
        for word in members {
            let name = self.names.get_mut(word).ok_or_else(|| undefined(word))?;
            if std::mem::replace(&mut name.in_group, true) {
                return Err(PolicyProblem::MemberTwice { name: name_shown(word) });
            }
            found.push(name.member);
        }
        let threshold = parse_threshold(threshold, found.len())?;
        let index = push(&mut self.groups, Group { name: lossy(name), threshold, members: found }, "groups")?;
        self.define(name, Member::Group(index))
    }

    fn quorum(&mut self, line: usize, name: &[u8]) -> Result<(), PolicyProblem> {
        if let Some((first, _)) = self.quorum {
            return Err(PolicyProblem::QuorumTwice { first });
        }
        let member = match name {
            b"none" => None,
            _ => Some(self.names.get(name).ok_or_else(|| undefined(name))?.member),
        };
        self.quorum = Some((line, member));
        Ok(())
    }

    fn define(&mut self, name: &'b [u8], member: Member) -> Result<(), PolicyProblem> {
        if name == b"none" {
            return Err(PolicyProblem::ReservedName);
        }
        match self.names.entry(name) {
            Entry::Occupied(_) => Err(PolicyProblem::NameTwice { name: name_shown(name) }),
            Entry::Vacant(free) => {
                free.insert(Name { member, in_group: false });
                Ok(())
            }
        }
    }
}

fn parse_key(word: &[u8], owner: &'static str, wanted: Algorithm) -> Result<VerifierKey, PolicyProblem> {
    let key = str::from_utf8(word).map_err(|_| KeyError::Form).and_then(VerifierKey::parse);
    let key = key.map_err(PolicyProblem::Key)?;
    if key.algorithm() == wanted {
        return Ok(key);
    }
    let (found, wanted) = (key.algorithm().identifier(), wanted.identifier());
    Err(PolicyProblem::KeyType { owner, found, wanted })
}

fn parse_threshold(word: &[u8], members: usize) -> Result<usize, PolicyProblem> {
    match word {
        b"all" => Ok(members),
        b"any" => Ok(1),
        [b'1'..=b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit) => {
            // Digits only: what does not parse is above every number of members.
            let number = str::from_utf8(word).ok().and_then(|digits| digits.parse().ok());
            number
                .filter(|number| *number <= members)
                .ok_or_else(|| PolicyProblem::NeverMet { threshold: name_shown(word), members })
        }
        _ => Err(PolicyProblem::Threshold { threshold: name_shown(word), members }),
    }
}

fn once(lines: &mut HashMap<[u8; 32], usize>, key: &VerifierKey, line: usize) -> Result<(), PolicyProblem> {
    match lines.entry(*key.public_key()) {
        Entry::Occupied(first) => Err(PolicyProblem::KeyTwice { first: *first.get() }),
        Entry::Vacant(free) => {
            free.insert(line);
            Ok(())
        }
    }
}

/// Adds an item below the limit and gives its index.
fn push<T>(all: &mut Vec<T>, item: T, items: &'static str) -> Result<usize, PolicyProblem> {
    if all.len() == POLICY_ITEMS_MAX {
        return Err(PolicyProblem::TooMany { items });
    }
    all.push(item);
    Ok(all.len() - 1)
}

fn undefined(word: &[u8]) -> PolicyProblem {
    PolicyProblem::Undefined { name: name_shown(word) }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn name_shown(bytes: &[u8]) -> String {
    shown(&String::from_utf8_lossy(bytes))
}
