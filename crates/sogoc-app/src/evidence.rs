//! Evidence files: stored, examined, given out, erased, checked.
//!
//! **The order that holds a crash out.** A file is durable in the store before the entry that names it is appended; it is
//! removed only after the entry that erases it is durable. So a crash leaves a file that no entry names yet (attaching it
//! again goes on from there) or one that was to go (`fsck` says so, and erasing it again removes it): never an entry
//! without its file.
//!
//! **Cost.** A file is examined in memory up to [`EXAMINED_BYTES_MAX`], two at a time; a larger one is stored all the same
//! and its signatures are not judged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt as _;
use sha2::{Digest as _, Sha256};
use sogoc_domain::World;
use sogoc_domain::command::{Command, Envelope};
use sogoc_domain::evidence::{AnchorsFound, FileFound, Found, Outcome, Scan, SignatureFound, SignerFound, erased_by};
use sogoc_domain::refusal::{Code, Refusal};
use sogoc_domain::values::{Digest, SeasonId, Text, Timestamp};
use sogoc_evidence::{Anchors, AnchorsError, BlobError, Blobs, Body, Condition, Listing, Scanner, Stored};
use tokio::io::AsyncRead;
use tokio::sync::Semaphore;

use crate::execute::{ExecuteError, Origin, Receipt};
use crate::open::App;

/// Largest file whose signatures are judged, in bytes: it is held in memory meanwhile.
pub const EXAMINED_BYTES_MAX: u64 = 128 << 20;
/// Largest file of a detached signature or of anchors, in bytes.
const SMALL_BYTES_MAX: u64 = 8 << 20;
/// Files that are examined at a time.
const EXAMINED_AT_ONCE: usize = 2;
/// Longest text of who signed that is sealed, in characters.
const IDENTITY_MAX: usize = 2_000;

/// Where files are kept, and what they are examined with.
#[derive(Debug)]
pub struct EvidenceStore {
    blobs: Blobs,
    scanner: Option<Scanner>,
    examining: Semaphore,
    /// The anchors that were read last.
    anchors: Mutex<Option<(Digest, Arc<Anchors>)>>,
}

/// Why something about a file could not be done.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EvidenceError {
    /// The app was opened without a store for files.
    #[error("no evidence store is configured: name one with --evidence (a folder, or s3://bucket/prefix)")]
    NotConfigured,
    /// The store did not answer, or does not hold what it should.
    #[error(transparent)]
    Blob(#[from] Arc<BlobError>),
    /// The season's anchors cannot be read.
    #[error("the trust anchors {digest} cannot be used: {why}; adopt others, or restore the file")]
    Anchors {
        /// The file.
        digest: Digest,
        /// What is wrong with it.
        why: String,
    },
    /// The file was erased: it is not taken in again.
    #[error("the file {digest} was erased on the ground of {instrument}, and is not taken in again")]
    Erased {
        /// The file.
        digest: Digest,
        /// The instrument.
        instrument: String,
    },
}

impl From<BlobError> for EvidenceError {
    fn from(error: BlobError) -> Self {
        Self::Blob(Arc::new(error))
    }
}

/// What a check of the store found. Nothing was changed by it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fsck {
    /// Files that entries name and that are whole.
    pub whole: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Files that were stored when entries named them, and that the store does not hold.
    pub missing: Vec<Digest>,
    /// Files whose bytes are not those of their name, or cannot be deciphered, and what is wrong.
    pub altered: Vec<(Digest, String)>,
    /// Files that no entry names.
    pub unreferenced: Vec<Digest>,
    /// Files that were erased by an entry and are there still.
    pub erased: Vec<Digest>,
    /// What else lies in the store.
    pub foreign: Vec<String>,
}

impl Fsck {
    /// True where every file that is named is there, whole, and nothing is there that was erased.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.missing.is_empty() && self.altered.is_empty() && self.erased.is_empty()
    }
}

impl EvidenceStore {
    /// Files in a store, scanned where there is a scanner.
    #[must_use]
    pub fn new(blobs: Blobs, scanner: Option<Scanner>) -> Self {
        Self { blobs, scanner, examining: Semaphore::new(EXAMINED_AT_ONCE), anchors: Mutex::new(None) }
    }

    /// The store itself.
    #[must_use]
    pub fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// What is found about a stored file; none where it is not stored.
    ///
    /// # Errors
    /// [`EvidenceError`] when the store does not answer or the anchors cannot be used.
    pub async fn examine(
        &self,
        digest: Digest,
        detached: Option<Digest>,
        anchors: Option<Digest>,
        at: Timestamp,
    ) -> Result<Option<FileFound>, EvidenceError> {
        let Some(bytes) = self.blobs.size(&named(digest)).await? else { return Ok(None) };
        let signature = match detached {
            None => None,
            Some(detached) => match self.blobs.size(&named(detached)).await? {
                None => return Ok(None),
                Some(_) => Some(self.blobs.read(&named(detached), SMALL_BYTES_MAX).await?),
            },
        };
        let trusted = match anchors {
            None => None,
            Some(anchors) => Some(self.anchors(anchors).await?),
        };
        let scan = self.scan(digest).await?;
        let _one = self.examining.acquire().await.expect("the semaphore is never closed");
        let whole = bytes <= EXAMINED_BYTES_MAX;
        let content =
            if whole { self.blobs.read(&named(digest), EXAMINED_BYTES_MAX).await? } else { self.head(digest).await? };
        let instant = instant(at);
        let examined = tokio::task::spawn_blocking(move || {
            sogoc_evidence::examine(&content, whole, signature.as_deref(), trusted.as_deref(), instant)
        });
        let examined = examined.await.expect("examining is total");
        Ok(Some(found(digest, bytes, scan, examined, anchors, at)))
    }

    /// The first bytes of a file that is too large to be held.
    async fn head(&self, digest: Digest) -> Result<Vec<u8>, EvidenceError> {
        let mut body = self.blobs.get(&named(digest)).await?;
        let mut head = Vec::new();
        while head.len() < 64 * 1024
            && let Some(chunk) = body.next().await?
        {
            head.extend_from_slice(&chunk);
        }
        Ok(head)
    }

    async fn scan(&self, digest: Digest) -> Result<Scan, EvidenceError> {
        let Some(scanner) = &self.scanner else { return Ok(Scan::NotScanned) };
        let body = self.blobs.get(&named(digest)).await?;
        match scanner.scan(body.into_reader()).await {
            Ok(sogoc_evidence::Scan::Clean { engine }) => Ok(Scan::Clean { engine }),
            Ok(sogoc_evidence::Scan::Infected { name, .. }) => Ok(Scan::Infected { name }),
            Err(error) => {
                // A scanner that is away must not keep an agency from its deadline: it is recorded as what it is.
                tracing::error!(error = &error as &dyn std::error::Error, "a file was not scanned");
                Ok(Scan::NotScanned)
            }
        }
    }

    /// Anchors by their digest.
    async fn anchors(&self, digest: Digest) -> Result<Arc<Anchors>, EvidenceError> {
        let kept = self.anchors.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, anchors)) = kept.filter(|(of, _)| *of == digest) {
            return Ok(anchors);
        }
        let unusable = |why: String| EvidenceError::Anchors { digest, why };
        let pem = match self.blobs.read(&named(digest), SMALL_BYTES_MAX).await {
            Ok(pem) => pem,
            Err(error @ (BlobError::Missing(_) | BlobError::TooLarge { .. })) => {
                return Err(unusable(error.to_string()));
            }
            Err(error) => return Err(error.into()),
        };
        let anchors = Anchors::parse(&pem).map_err(|error: AnchorsError| unusable(error.to_string()))?;
        let anchors = Arc::new(anchors);
        *self.anchors.lock().unwrap_or_else(PoisonError::into_inner) = Some((digest, Arc::clone(&anchors)));
        Ok(anchors)
    }
}

impl App {
    /// The evidence store.
    ///
    /// # Errors
    /// [`EvidenceError::NotConfigured`] where the app was opened without one.
    pub fn evidence(&self) -> Result<&EvidenceStore, EvidenceError> {
        self.shared.evidence.as_ref().ok_or(EvidenceError::NotConfigured)
    }

    /// Stores a file, durably. No entry names it yet. One that was erased is not kept, whoever has it still.
    ///
    /// # Errors
    /// [`EvidenceError`] when it is empty or too large, was erased, or the store does not take it.
    pub async fn put_evidence(&self, reader: impl AsyncRead + Send, bytes_max: u64) -> Result<Stored, EvidenceError> {
        let blobs = &self.evidence()?.blobs;
        let stored = blobs.put(reader, bytes_max).await?;
        let digest = Digest(stored.digest.0);
        if let Some(instrument) = self.evidence_erased_by(&digest) {
            blobs.remove(&stored.digest).await?;
            return Err(EvidenceError::Erased { digest, instrument });
        }
        Ok(stored)
    }

    /// Gives a file out to who may read it, and records that.
    ///
    /// # Errors
    /// The refusal where the account may not read it; [`ExecuteError::Evidence`] when it is not there.
    pub async fn download_evidence(
        &self,
        envelope: &Envelope,
        origin: Origin<'_>,
    ) -> Result<(Receipt, Body), ExecuteError> {
        // Recorded first: nothing is given out that is not on record. What is not attached is refused there.
        let receipt = self.execute(envelope, origin).await?;
        let none = || Refusal::new(Code::Unknown).with("what", "evidence of command").with("id", receipt.command_id);
        let digest = self.attached(envelope).ok_or_else(none)?;
        let body = self.evidence()?.blobs.get(&named(digest)).await.map_err(EvidenceError::from)?;
        Ok((receipt, body))
    }

    /// The file that a command about attached evidence names.
    fn attached(&self, envelope: &Envelope) -> Option<Digest> {
        let register = self.register();
        attached(register.world(), &envelope.command)
    }

    /// What a command that names a file must be told of it.
    pub(crate) async fn found(&self, envelope: &Envelope) -> Result<Found, EvidenceError> {
        let mut anchors = BTreeMap::new();
        self.found_with(envelope, &mut anchors).await
    }

    /// The same for one of several commands: `adopted` has the anchors of seasons as commands before this one leave them.
    pub(crate) async fn found_with(
        &self,
        envelope: &Envelope,
        adopted: &mut BTreeMap<SeasonId, Digest>,
    ) -> Result<Found, EvidenceError> {
        let Some(store) = self.shared.evidence.as_ref() else { return Ok(Found::Nothing) };
        let command = &envelope.command;
        if let Command::AdoptTrustAnchors(c) = command {
            if store.blobs.size(&named(c.anchors)).await?.is_none() {
                return Ok(Found::Nothing);
            }
            let anchors = store.anchors(c.anchors).await?;
            adopted.insert(c.season.clone(), c.anchors);
            let certificates = u32::try_from(anchors.certificates()).unwrap_or(u32::MAX);
            return Ok(Found::Anchors(AnchorsFound { digest: c.anchors, certificates }));
        }
        let named = if let Command::AttachEvidence(c) = command {
            c.digest.map(|digest| (digest, c.detached))
        } else if let Command::JudgeEvidence(c) = command {
            let register = self.register();
            let card = register.world().scorecard(&c.season, &c.agency);
            let file = card.and_then(|card| card.evidence.get(&c.number)).map(|attached| &attached.evidence);
            file.and_then(|file| file.digest.map(|digest| (digest, file.detached)))
        } else {
            None
        };
        let Some((digest, detached)) = named else { return Ok(Found::Nothing) };
        let anchors = command.season().and_then(|season| {
            let register = self.register();
            adopted.get(season).copied().or_else(|| register.world().seasons.get(season)?.anchors)
        });
        let found = store.examine(digest, detached, anchors, self.now()).await?;
        Ok(found.map_or(Found::Nothing, |file| Found::File(Box::new(file))))
    }

    /// Takes a file out of the store that a refused command names and that was erased: what a crash left there after the
    /// entry that erases it, or what was stored again by a process that did not know of it.
    pub(crate) async fn remove_if_erased(&self, command: &Command) -> Result<(), EvidenceError> {
        let attached = if let Command::AttachEvidence(c) = command { c.digest } else { None };
        let erased = if let Command::EraseEvidence(c) = command { Some(c.digest) } else { None };
        match attached.or(erased) {
            Some(digest) if self.evidence_erased_by(&digest).is_some() => self.remove_erased(digest).await,
            Some(_) | None => Ok(()),
        }
    }

    /// Takes an erased file out of the store, after the entry that erases it.
    pub(crate) async fn remove_erased(&self, digest: Digest) -> Result<(), EvidenceError> {
        Ok(self.evidence()?.blobs.remove(&named(digest)).await?)
    }

    /// Compares the store with the entries and every file with its name; changes nothing. `progress` is told of files
    /// that were looked at.
    ///
    /// # Errors
    /// [`EvidenceError`] when the store does not answer.
    pub async fn fsck_evidence(&self, mut progress: impl FnMut(u64)) -> Result<Fsck, EvidenceError> {
        let blobs = &self.evidence()?.blobs;
        let (mut named, erased) = {
            let register = self.register();
            let world = register.world();
            let erased: BTreeSet<Digest> =
                world.instruments.values().flat_map(|instrument| instrument.erased_files.iter().copied()).collect();
            (register.evidence_files(), erased)
        };
        named.stored.retain(|digest| !erased.contains(digest));
        let mut out = Fsck::default();
        let mut seen = BTreeSet::new();
        let mut listing = blobs.list();
        let mut looked_at = 0;
        while let Some(item) = listing.next().await {
            let listed = match item? {
                Listing::Blob(listed) => listed,
                Listing::Foreign(name) => {
                    out.foreign.push(name);
                    continue;
                }
            };
            let digest = Digest(listed.digest.0);
            seen.insert(digest);
            match blobs.check(&listed.digest).await? {
                Condition::Whole => {
                    if erased.contains(&digest) {
                        out.erased.push(digest);
                    } else if named.stored.contains(&digest) || named.stated.contains(&digest) {
                        out.whole += 1;
                        out.bytes += blobs.size(&listed.digest).await?.unwrap_or(0);
                    } else {
                        out.unreferenced.push(digest);
                    }
                }
                Condition::Missing => _ = seen.remove(&digest),
                Condition::Altered { what } => out.altered.push((digest, what)),
                Condition::Undecipherable { why } => out.altered.push((digest, why)),
            }
            looked_at += 1;
            progress(looked_at);
        }
        out.missing = named.stored.difference(&seen).copied().collect();
        Ok(out)
    }

    /// Copies every file that entries name to another place; what is there already is read, verified and passed over. Tells
    /// how many were copied and how many passed over.
    ///
    /// # Errors
    /// [`EvidenceError`] when one of the places does not answer, or a file is not what its name says: what was copied
    /// stays, and running it again goes on.
    pub async fn copy_evidence(&self, to: &Blobs, mut progress: impl FnMut(u64)) -> Result<(u64, u64), EvidenceError> {
        let from = &self.evidence()?.blobs;
        let files = self.register().evidence_files();
        let (mut copied, mut passed_over) = (0, 0);
        for digest in files.stored.iter().chain(&files.stated) {
            let name = named(*digest);
            if from.size(&name).await?.is_none() {
                // Stated only, or erased; what should be here and is not is for `fsck` to say.
                continue;
            }
            let stored = to.put(from.get(&name).await?.into_reader(), u64::MAX).await?;
            if stored.existed {
                passed_over += 1
            } else {
                copied += 1
            }
            progress(copied + passed_over);
        }
        Ok((copied, passed_over))
    }

    /// The instrument on whose ground a file was erased, where it was.
    #[must_use]
    pub fn evidence_erased_by(&self, digest: &Digest) -> Option<String> {
        erased_by(self.register().world(), digest).map(ToString::to_string)
    }
}

/// What is found about a file by itself: no store, no register, no scan.
#[must_use]
pub fn judge_file(content: &[u8], detached: Option<&[u8]>, anchors: Option<&Anchors>, at: Timestamp) -> FileFound {
    let digest = Digest(Sha256::digest(content).into());
    let examined = sogoc_evidence::examine(content, true, detached, anchors, instant(at));
    let bytes = u64::try_from(content.len()).unwrap_or(u64::MAX);
    found(digest, bytes, Scan::NotScanned, examined, anchors.map(|anchors| Digest(anchors.digest().0)), at)
}

/// True for commands that are told of a file.
pub(crate) fn names_file(command: &Command) -> bool {
    matches!(command, Command::AttachEvidence(_) | Command::JudgeEvidence(_) | Command::AdoptTrustAnchors(_))
}

fn attached(world: &World, command: &Command) -> Option<Digest> {
    let Command::DownloadEvidence(c) = command else { return None };
    world.scorecard(&c.season, &c.agency)?.evidence.get(&c.number)?.evidence.digest
}

/// A digest as the store names it.
pub(crate) fn named(digest: Digest) -> sogoc_evidence::Digest {
    sogoc_evidence::Digest(digest.0)
}

fn instant(at: Timestamp) -> time::OffsetDateTime {
    let nanos = i128::from(at.micros()) * 1_000;
    time::OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(time::OffsetDateTime::UNIX_EPOCH)
}

fn timestamp(at: time::OffsetDateTime) -> Timestamp {
    Timestamp::from_micros(i64::try_from(at.unix_timestamp_nanos() / 1_000).unwrap_or(0))
}

/// What an examination says, in the domain's words.
fn found(
    digest: Digest,
    bytes: u64,
    scan: Scan,
    examined: sogoc_evidence::Examination,
    anchors: Option<Digest>,
    at: Timestamp,
) -> FileFound {
    let codes = |reasons: &[sogoc_evidence::Reason]| {
        let mut codes: Vec<_> = reasons.iter().map(|reason| reason.code().to_owned()).collect();
        codes.sort();
        codes
    };
    let verdict = examined.verdict;
    let signature = |s: sogoc_evidence::SignatureVerdict| SignatureFound {
        outcome: outcome(s.outcome),
        reasons: codes(&s.reasons),
        level: s.level.code().to_owned(),
        signer: s.signer.map(signer),
        claimed: s.claimed.map(timestamp),
        proven: s.proven.map(timestamp),
        covers_whole_file: s.covers_whole_file,
    };
    let mut active: Vec<_> = examined.active.iter().map(|active| active.code().to_owned()).collect();
    active.sort();
    FileFound {
        digest,
        bytes,
        media: examined.kind.code().to_owned(),
        members: examined.members.iter().map(|kind| kind.code().to_owned()).collect(),
        active,
        scan,
        outcome: outcome(verdict.outcome),
        reasons: codes(&verdict.reasons),
        signatures: verdict.signatures.into_iter().map(signature).collect(),
        anchors,
        rules: verdict.rules,
        judged_at: at,
    }
}

fn outcome(outcome: sogoc_evidence::Outcome) -> Outcome {
    match outcome {
        sogoc_evidence::Outcome::Valid => Outcome::Valid,
        sogoc_evidence::Outcome::ValidBut => Outcome::ValidBut,
        sogoc_evidence::Outcome::Indeterminate => Outcome::Indeterminate,
        sogoc_evidence::Outcome::Invalid => Outcome::Invalid,
        sogoc_evidence::Outcome::Unsigned => Outcome::Unsigned,
    }
}

/// Who signed, as the text that is sealed. What a certificate says is anybody's text: control characters go, and what is
/// too long is cut.
fn signer(signer: sogoc_evidence::Signer) -> SignerFound {
    let plain = |text: &str| -> String { text.chars().filter(|c| !c.is_control()).take(IDENTITY_MAX / 4).collect() };
    let identity = serde_json::json!({
        "certificate": signer.certificate.to_string(),
        "issuer": plain(&signer.issuer),
        "name": signer.name.as_deref().map(plain),
        "organisation": signer.organisation.as_deref().map(plain),
        "serial": plain(&signer.serial),
    });
    SignerFound {
        identity: Text::try_new(&identity.to_string()).expect("control characters are taken out or escaped"),
        organisation: signer.organisation,
        certificate: Digest(signer.certificate.0),
    }
}
