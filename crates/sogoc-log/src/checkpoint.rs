//! Checkpoints: what the log signs about itself, and what witnesses said to it (DESIGN §8).
//!
//! **Shape.** The row `signed` is the last signed state. Signing hashes the bytes of all entries since, with no lock held,
//! then locks that row, sees that nobody was quicker, inserts the checkpoint and moves the row, in one transaction:
//! appends never wait for it, and two processes never sign what does not fit together. What was stored beside the bytes
//! (`entry.leaf_hash`, `head.frontier`) is compared and never signed for its own sake.
//!
//! **What this catches**: a frontier or leaf hash that rotted, an entry that was rewritten since it was signed or before,
//! unless everything is consistent with the last note, which only the key can make; entries taken off the end. **What it
//! cannot**: a whole store exchanged for an older copy of itself. That is for [`Log::check_against`] and the witnesses.

use sogoc_proof::{Algorithm, Checkpoint, Frontier, Hash, Note, SignatureLine, SignerKey, VerifierKey, leaf_hash};
use sqlx::Row as _;

use crate::clock::Timestamp;
use crate::error::LogError;
use crate::faults::{Mode, Step};
use crate::log::{Head, Log};
use crate::reading::CHUNK;
use crate::store::{Pool, integer, on_pool, time, told};
use crate::values::{NUMBER_LIMIT, Position};

/// Longest line of a signature that is kept, in bytes.
pub const SIGNATURE_LINE_BYTES_MAX: usize = 16_384;
/// Most lines that one call of [`Log::add_cosignatures`] takes.
pub const COSIGNATURES_MAX: usize = 100;
/// How often signing starts over because somebody else was quicker.
const ATTEMPTS_MAX: usize = 16;
/// Checkpoints that are read at a time to look for a cosigned one.
const PAGE: usize = 64;

/// What a witness said to a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosignature {
    /// Its line, with name and key id. Not verified.
    pub line: SignatureLine,
    /// When it was stored.
    pub at: Timestamp,
}

/// A checkpoint that the log signed, with what witnesses have said to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    /// Name of the log, number of entries, root.
    pub checkpoint: Checkpoint,
    /// Right edge of the tree over these entries.
    pub frontier: Frontier,
    /// The checkpoint's text with the log's own signature.
    pub note: Note,
    /// When it was signed, by the clock of the process that did.
    pub signed_at: Timestamp,
    /// Lines of witnesses in the order in which they came. Whose are enough is for a policy to judge.
    pub cosignatures: Vec<Cosignature>,
}

impl SignedCheckpoint {
    /// Number of entries.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.checkpoint.size()
    }

    /// Root of the tree over them.
    #[must_use]
    pub const fn root(&self) -> Hash {
        self.checkpoint.root()
    }

    /// The note with the newest line of each witness's key, as many as a note can have.
    #[must_use]
    pub fn cosigned_note(&self) -> Note {
        let mut note = self.note.clone();
        for (number, cosignature) in self.cosignatures.iter().enumerate() {
            let same = |other: &Cosignature| {
                other.line.name() == cosignature.line.name() && other.line.id() == cosignature.line.id()
            };
            if self.cosignatures[number + 1..].iter().any(same) {
                continue;
            }
            match note.clone().with_signatures([cosignature.line.clone()]) {
                Ok(longer) => note = longer,
                Err(_) => break,
            }
        }
        note
    }
}

/// The row `signed`, and the largest checkpoint as of the same instant.
struct Signed {
    frontier: Frontier,
    newest: Option<u64>,
}

impl Log {
    /// Signs the log as it stands, or returns the last checkpoint when nothing was recorded since: a size is signed once.
    /// The key's name is the log's.
    ///
    /// # Errors
    /// `Refused` for a key of another name or kind, or one that did not sign the last checkpoint (see
    /// [`Log::sign_checkpoint_after`]); `Corrupt`, with the position where it can be told, when the entries do not lead
    /// from the last checkpoint to the head: nothing is signed then; `Unavailable`: it may have been signed, and the
    /// next call returns it.
    pub async fn sign_checkpoint(&self, key: &SignerKey) -> Result<SignedCheckpoint, LogError> {
        self.sign_checkpoint_after(key, &[]).await
    }

    /// [`Log::sign_checkpoint`] after the key was exchanged: the last checkpoint may be signed by one of the earlier keys.
    ///
    /// # Errors
    /// As there.
    pub async fn sign_checkpoint_after(
        &self,
        key: &SignerKey,
        earlier: &[VerifierKey],
    ) -> Result<SignedCheckpoint, LogError> {
        let verifier = key.verifier();
        if verifier.name() != self.name() || verifier.algorithm() != Algorithm::Ed25519 {
            return Err(LogError::refused(
                format!("a checkpoint signed by {verifier}"),
                format!("an Ed25519 key named {}", self.name()),
                "sign with the log's own key",
            ));
        }
        let keys: Vec<VerifierKey> = std::iter::once(verifier).chain(earlier).cloned().collect();
        for _ in 0..ATTEMPTS_MAX {
            let signed = self.signed().await?;
            let last = self.last_signed(&signed, &keys).await?;
            let head = self.head().await?;
            let size = signed.frontier.size();
            if head.size < size {
                let what = format!("the log has {} entries, and a checkpoint of {size} was signed", head.size);
                return Err(LogError::corrupt(Position(head.size), what));
            }
            let frontier = self.extended(&signed.frontier, &head).await?;
            if let Some(last) = last.filter(|_| head.size == size) {
                return Ok(last);
            }
            let next = self.signed_by(key, frontier)?;
            if self.record(&signed.frontier, &next).await? {
                return Ok(next);
            }
        }
        Err(LogError::unavailable("other processes kept signing checkpoints"))
    }

    fn signed_by(&self, key: &SignerKey, frontier: Frontier) -> Result<SignedCheckpoint, LogError> {
        let unsignable = |error: &dyn std::fmt::Display| {
            LogError::refused(format!("a checkpoint of {}", self.name()), error.to_string(), "sign with another key")
        };
        let checkpoint =
            Checkpoint::try_new(self.name(), frontier.size(), frontier.root()).map_err(|error| unsignable(&error))?;
        let note = Note::sign(&checkpoint.to_string(), &[key]).map_err(|error| unsignable(&error))?;
        let signed_at = self.options().clock.now();
        Ok(SignedCheckpoint { checkpoint, frontier, note, signed_at, cosignatures: Vec::new() })
    }

    async fn signed(&self) -> Result<Signed, LogError> {
        // One statement sees one instant.
        const SQL: &str = "select size, frontier, (select max(size) from checkpoint) from signed where id = 1";
        let row: Option<(i64, Vec<u8>, Option<i64>)> = on_pool!(self.pool(), pool => {
            sqlx::query_as(SQL).fetch_optional(pool).await.map_err(|error| told(&error))?
        });
        let (size, frontier, newest) =
            row.ok_or_else(|| LogError::corrupt(None, "the row of what was signed last is missing"))?;
        let frontier = read_frontier(&frontier, size, "signed")?;
        Ok(Signed { frontier, newest: newest.map(|size| size_of(size, "checkpoint.size")).transpose()? })
    }

    /// The checkpoint that the row `signed` stands for, none before the first. That the row was not set back or
    /// exchanged shows in the note, which only a key can make.
    async fn last_signed(&self, signed: &Signed, keys: &[VerifierKey]) -> Result<Option<SignedCheckpoint>, LogError> {
        let size = signed.frontier.size();
        let what = match signed.newest {
            None if size == 0 => return Ok(None),
            None => format!("{size} entries are marked as signed and no checkpoint is there"),
            Some(newest) if newest != size => {
                format!("{size} entries are marked as signed and the newest checkpoint has {newest}")
            }
            Some(_) => {
                let Some(last) = self.checkpoints(size, 1).await?.pop().filter(|last| last.size() == size) else {
                    return Err(LogError::corrupt(None, format!("the checkpoint of {size} entries has gone")));
                };
                if let Err(error) = last.note.verify(keys) {
                    return Err(not_signed_by(size, &error));
                }
                if last.frontier == signed.frontier {
                    return Ok(Some(last));
                }
                format!("the frontier marked as signed at {size} entries is not that of the checkpoint")
            }
        };
        Err(LogError::corrupt(None, what))
    }

    /// Continues a frontier by the bytes of the entries since, and holds the result to the head's.
    async fn extended(&self, signed: &Frontier, head: &Head) -> Result<Frontier, LogError> {
        let mut frontier = signed.clone();
        while frontier.size() < head.size {
            let from = Position(frontier.size());
            let limit = usize::try_from(head.size - from.0).unwrap_or(CHUNK).min(CHUNK);
            let entries = self.read(from, limit).await?;
            frontier.extend(entries.iter().map(|entry| leaf_hash(entry.bytes.as_bytes())));
            if entries.len() < limit {
                return Err(LogError::corrupt(Position(frontier.size()), "the entry is missing"));
            }
        }
        if frontier == head.frontier {
            return Ok(frontier);
        }
        Err(self.where_it_rotted(signed.size(), head, &frontier).await?)
    }

    /// The first entry since whose bytes and leaf hash differ, or else what the whole leads to.
    async fn where_it_rotted(&self, signed: u64, head: &Head, found: &Frontier) -> Result<LogError, LogError> {
        for from in (signed..head.size).step_by(CHUNK) {
            let to = Position(head.size.min(from + CHUNK as u64));
            let leaves = self.leaves(Position(from), to).await?;
            for (entry, recorded) in self.read(Position(from), leaves.len()).await?.iter().zip(leaves) {
                let leaf = leaf_hash(entry.bytes.as_bytes());
                if leaf != recorded {
                    let what = format!("the entry's bytes have leaf hash {leaf}, recorded was {recorded}");
                    return Ok(LogError::corrupt(entry.position, what));
                }
            }
        }
        let what = format!(
            "from the checkpoint of {signed} entries on, the entries lead to root {}, the head row has {}",
            found.root(),
            head.root
        );
        Ok(LogError::corrupt(Position(signed), what))
    }

    /// Inserts a checkpoint and moves what is marked as signed. False when that is not what was extended any more.
    async fn record(&self, signed: &Frontier, next: &SignedCheckpoint) -> Result<bool, LogError> {
        let told = |error: sqlx::Error| told(&error);
        let faulty = &self.options().faulty;
        macro_rules! record {
            ($pool:expr, $begin:expr, $lock:expr) => {{
                faulty.strike(Step::LockSigned, Mode::Failed)?;
                let mut transaction = $pool.begin_with($begin).await.map_err(told)?;
                let found: (i64, Vec<u8>) = sqlx::query_as($lock).fetch_one(&mut *transaction).await.map_err(told)?;
                faulty.strike(Step::LockSigned, Mode::PersistedButFailed)?;
                if found != (integer(signed.size()), signed.to_bytes()) {
                    transaction.rollback().await.map_err(told)?;
                    return Ok(false);
                }
                faulty.strike(Step::Checkpoint, Mode::Failed)?;
                let inserted = sqlx::query(INSERT)
                    .bind(integer(next.size()))
                    .bind(next.root().0.to_vec())
                    .bind(next.frontier.to_bytes())
                    .bind(next.note.to_string())
                    .bind(next.signed_at.micros())
                    .execute(&mut *transaction)
                    .await
                    .map_err(told)?;
                faulty.strike(Step::Checkpoint, Mode::PersistedButFailed)?;
                // The empty log can be signed by two at once: marked as signed it is from the beginning.
                if inserted.rows_affected() == 0 {
                    transaction.rollback().await.map_err(told)?;
                    return Ok(false);
                }
                faulty.strike(Step::Signed, Mode::Failed)?;
                if next.size() > signed.size() {
                    sqlx::query(MOVE)
                        .bind(integer(next.size()))
                        .bind(next.frontier.to_bytes())
                        .bind(integer(signed.size()))
                        .execute(&mut *transaction)
                        .await
                        .map_err(told)?;
                }
                faulty.strike(Step::Signed, Mode::PersistedButFailed)?;
                // A crash before this line leaves nothing; after it the checkpoint is there and the next call finds it.
                faulty.strike(Step::CommitSigned, Mode::Failed)?;
                transaction.commit().await.map_err(told)?;
                faulty.strike(Step::CommitSigned, Mode::PersistedButFailed)?;
                Ok(true)
            }};
        }
        match self.pool() {
            Pool::Sqlite(pool) => record!(pool, BEGIN_SQLITE, LOCK_SQLITE),
            Pool::Postgres(pool) => record!(pool, BEGIN_POSTGRES, LOCK_POSTGRES),
        }
    }

    /// The newest checkpoint.
    ///
    /// # Errors
    /// `Corrupt` when its row contradicts itself, `Unavailable`.
    pub async fn latest_checkpoint(&self) -> Result<Option<SignedCheckpoint>, LogError> {
        Ok(self.page(Select::Before(NUMBER_LIMIT), 1).await?.pop())
    }

    /// The first checkpoint that covers at least so many entries: the entry at a position is covered from the position
    /// plus one on.
    ///
    /// # Errors
    /// `Corrupt` when its row contradicts itself, `Unavailable`.
    pub async fn checkpoint_at_least(&self, size: u64) -> Result<Option<SignedCheckpoint>, LogError> {
        Ok(self.checkpoints(size, 1).await?.pop())
    }

    /// Checkpoints of a size on, ascending, at most `limit`; fewer only at the end. The next ones follow from the last
    /// one's size plus one.
    ///
    /// # Errors
    /// `Corrupt` when a row contradicts itself, `Unavailable`.
    pub async fn checkpoints(&self, from: u64, limit: usize) -> Result<Vec<SignedCheckpoint>, LogError> {
        self.page(Select::From(from), limit).await
    }

    /// The newest checkpoint that witnesses have said anything to and `judge` takes: by its policy.
    ///
    /// # Errors
    /// `Corrupt` when a row contradicts itself, `Unavailable`.
    pub async fn latest_cosigned(
        &self,
        mut judge: impl FnMut(&SignedCheckpoint) -> bool + Send,
    ) -> Result<Option<SignedCheckpoint>, LogError> {
        let mut before = NUMBER_LIMIT;
        loop {
            let page = self.page(Select::CosignedBefore(before), PAGE).await?;
            let Some(last) = page.last() else { return Ok(None) };
            before = last.size();
            if let Some(found) = page.into_iter().find(|checkpoint| judge(checkpoint)) {
                return Ok(Some(found));
            }
        }
    }

    /// The first checkpoint that covers at least so many entries, that witnesses have said anything to and that `judge`
    /// takes: by its policy.
    ///
    /// # Errors
    /// `Corrupt` when a row contradicts itself, `Unavailable`.
    pub async fn cosigned_at_least(
        &self,
        size: u64,
        mut judge: impl FnMut(&SignedCheckpoint) -> bool + Send,
    ) -> Result<Option<SignedCheckpoint>, LogError> {
        let mut from = size;
        loop {
            let page = self.page(Select::CosignedFrom(from), PAGE).await?;
            let Some(last) = page.last() else { return Ok(None) };
            from = last.size() + 1;
            if let Some(found) = page.into_iter().find(|checkpoint| judge(checkpoint)) {
                return Ok(Some(found));
            }
        }
    }

    /// Keeps what witnesses said to the checkpoint of this size. A line that is there already is left as it is. Returns
    /// how many were new. The caller has verified them: they go out with the checkpoint.
    ///
    /// # Errors
    /// `Refused` when no such checkpoint was signed, for a line of the log's own, or for too many or too long lines;
    /// `Unavailable`.
    pub async fn add_cosignatures(&self, size: u64, lines: &[SignatureLine], at: Timestamp) -> Result<u64, LogError> {
        let rows: Vec<(&SignatureLine, String)> = lines.iter().map(|line| (line, line.to_string())).collect();
        let longest = rows.iter().map(|(_, text)| text.len()).max().unwrap_or(0);
        if rows.len() > COSIGNATURES_MAX || longest > SIGNATURE_LINE_BYTES_MAX {
            return Err(LogError::refused(
                format!("{} cosignatures of up to {longest} bytes", rows.len()),
                format!("{COSIGNATURES_MAX} of {SIGNATURE_LINE_BYTES_MAX} bytes"),
                "keep those of the policy's witnesses",
            ));
        }
        if lines.iter().any(|line| line.name() == self.name()) {
            return Err(LogError::refused(
                format!("a cosignature by {}", self.name()),
                "lines of witnesses",
                "the log signs its checkpoints itself",
            ));
        }
        if size >= NUMBER_LIMIT || self.page(Select::From(size), 1).await?.pop().is_none_or(|next| next.size() != size)
        {
            return Err(LogError::refused(
                format!("a cosignature on a checkpoint of {size} entries"),
                "checkpoints that this log signed",
                "ask for the size that was sent to the witness",
            ));
        }
        let mut added = 0;
        on_pool!(self.pool(), pool => {
            let mut transaction = pool.begin().await.map_err(|error| told(&error))?;
            for (line, text) in rows {
                let inserted = sqlx::query(INSERT_COSIGNATURE)
                    .bind(integer(size))
                    .bind(line.name())
                    .bind(line.id().to_vec())
                    .bind(text)
                    .bind(at.micros())
                    .execute(&mut *transaction);
                added += inserted.await.map_err(|error| told(&error))?.rows_affected();
            }
            transaction.commit().await.map_err(|error| told(&error))?;
        });
        Ok(added)
    }

    /// Takes over checkpoints of the log that this one is copied from, ascending, in one transaction. Returns how many
    /// checkpoints and cosignatures were new.
    pub(crate) async fn take_checkpoints(&self, page: &[SignedCheckpoint]) -> Result<(u64, u64), LogError> {
        let told = |error: sqlx::Error| told(&error);
        let (mut checkpoints, mut cosignatures) = (0, 0);
        macro_rules! take {
            ($pool:expr, $begin:expr, $lock:expr) => {{
                let mut transaction = $pool.begin_with($begin).await.map_err(told)?;
                let (signed, _): (i64, Vec<u8>) =
                    sqlx::query_as($lock).fetch_one(&mut *transaction).await.map_err(told)?;
                for checkpoint in page {
                    let size = integer(checkpoint.size());
                    let note = checkpoint.note.to_string();
                    let found: Option<String> = sqlx::query_scalar("select note from checkpoint where size = $1")
                        .bind(size)
                        .fetch_optional(&mut *transaction)
                        .await
                        .map_err(told)?;
                    match found {
                        Some(found) if found == note => {}
                        Some(_) => {
                            let what = format!("it has another checkpoint of {size} entries");
                            return Err(LogError::NotAPrefix { what });
                        }
                        None => {
                            sqlx::query(INSERT)
                                .bind(size)
                                .bind(checkpoint.root().0.to_vec())
                                .bind(checkpoint.frontier.to_bytes())
                                .bind(note)
                                .bind(checkpoint.signed_at.micros())
                                .execute(&mut *transaction)
                                .await
                                .map_err(told)?;
                            checkpoints += 1;
                        }
                    }
                    for Cosignature { line, at } in &checkpoint.cosignatures {
                        let inserted = sqlx::query(INSERT_COSIGNATURE)
                            .bind(size)
                            .bind(line.name())
                            .bind(line.id().to_vec())
                            .bind(line.to_string())
                            .bind(at.micros())
                            .execute(&mut *transaction);
                        cosignatures += inserted.await.map_err(told)?.rows_affected();
                    }
                }
                if let Some(last) = page.last().filter(|last| integer(last.size()) > signed) {
                    sqlx::query(MOVE)
                        .bind(integer(last.size()))
                        .bind(last.frontier.to_bytes())
                        .bind(signed)
                        .execute(&mut *transaction)
                        .await
                        .map_err(told)?;
                }
                transaction.commit().await.map_err(told)?;
            }};
        }
        match self.pool() {
            Pool::Sqlite(pool) => take!(pool, BEGIN_SQLITE, LOCK_SQLITE),
            Pool::Postgres(pool) => take!(pool, BEGIN_POSTGRES, LOCK_POSTGRES),
        }
        Ok((checkpoints, cosignatures))
    }

    async fn page(&self, select: Select, limit: usize) -> Result<Vec<SignedCheckpoint>, LogError> {
        let (sql, bound) = select.sql();
        let bound = integer(bound.min(NUMBER_LIMIT));
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut page: Vec<SignedCheckpoint> = on_pool!(self.pool(), pool => {
            let rows = sqlx::query(sql).bind(bound).bind(limit).fetch_all(pool).await.map_err(|error| told(&error))?;
            let mut page = Vec::with_capacity(rows.len());
            for row in rows {
                let get = |error: sqlx::Error| told(&error);
                // The text as bytes: what the disk has made of it need not be UTF-8.
                let note = row.try_get_unchecked::<&[u8], _>(3).map_err(get)?;
                let size = row.try_get(0).map_err(get)?;
                let (root, frontier) = (row.try_get(1).map_err(get)?, row.try_get(2).map_err(get)?);
                page.push(checkpoint_row(size, root, frontier, note, row.try_get(4).map_err(get)?, self.name())?);
            }
            page
        });
        let sizes = page.iter().map(SignedCheckpoint::size);
        let (Some(least), Some(most)) = (sizes.clone().min(), sizes.max()) else { return Ok(page) };
        let rows: Vec<(i64, String, Vec<u8>, String, i64)> = on_pool!(self.pool(), pool => {
            sqlx::query_as(
                "select size, witness, key_id, line, at_us
                 from cosignature
                 where size between $1 and $2
                 order by size, at_us, witness, line",
            )
            .bind(integer(least))
            .bind(integer(most))
            .fetch_all(pool)
            .await
            .map_err(|error| told(&error))?
        });
        for (size, witness, key_id, line, at_us) in rows {
            let Some(checkpoint) = page.iter_mut().find(|checkpoint| integer(checkpoint.size()) == size) else {
                continue;
            };
            checkpoint.cosignatures.push(cosignature_row(size, &witness, &key_id, &line, at_us)?);
        }
        Ok(page)
    }
}

const BEGIN_SQLITE: &str = "begin immediate";
const BEGIN_POSTGRES: &str = "begin isolation level read committed read write";
/// What was signed last, under a lock that all who sign take.
const LOCK_SQLITE: &str = "select size, frontier from signed where id = 1";
const LOCK_POSTGRES: &str = "select size, frontier from signed where id = 1 for update";
const MOVE: &str = "update signed set size = $1, frontier = $2 where id = 1 and size = $3";

const INSERT_COSIGNATURE: &str = "insert into cosignature (size, witness, key_id, line, at_us)
     values ($1, $2, $3, $4, $5)
     on conflict do nothing";

/// A checkpoint that is there is never overwritten.
const INSERT: &str = "insert into checkpoint (size, root, frontier, note, signed_at_us)
     values ($1, $2, $3, $4, $5)
     on conflict (size) do nothing";

/// Which checkpoints, and in which order.
#[derive(Clone, Copy)]
enum Select {
    From(u64),
    Before(u64),
    CosignedFrom(u64),
    CosignedBefore(u64),
}

impl Select {
    fn sql(self) -> (&'static str, u64) {
        match self {
            Self::From(size) => (
                "select size, root, frontier, note, signed_at_us
                 from checkpoint
                 where size >= $1
                 order by size
                 limit $2",
                size,
            ),
            Self::Before(size) => (
                "select size, root, frontier, note, signed_at_us
                 from checkpoint
                 where size < $1
                 order by size desc
                 limit $2",
                size,
            ),
            Self::CosignedFrom(size) => (
                "select size, root, frontier, note, signed_at_us
                 from checkpoint
                 where size >= $1 and exists (select 1 from cosignature where cosignature.size = checkpoint.size)
                 order by size
                 limit $2",
                size,
            ),
            Self::CosignedBefore(size) => (
                "select size, root, frontier, note, signed_at_us
                 from checkpoint
                 where size < $1 and exists (select 1 from cosignature where cosignature.size = checkpoint.size)
                 order by size desc
                 limit $2",
                size,
            ),
        }
    }
}

/// A row of `checkpoint`, in which everything says the same.
fn checkpoint_row(
    size: i64,
    root: &[u8],
    frontier: &[u8],
    note: &[u8],
    signed_at_us: i64,
    log: &str,
) -> Result<SignedCheckpoint, LogError> {
    let wrong = |what: String| LogError::corrupt(None, format!("the checkpoint of {size} entries: {what}"));
    let frontier = read_frontier(frontier, size, "checkpoint")?;
    let note = Note::parse(note).map_err(|error| wrong(error.to_string()))?;
    let checkpoint = Checkpoint::parse(note.text()).map_err(|error| wrong(error.to_string()))?;
    if checkpoint.origin() != log || checkpoint.size() != frontier.size() || !checkpoint.extensions().is_empty() {
        let (origin, said) = (checkpoint.origin(), checkpoint.size());
        return Err(wrong(format!("the note is of {origin:?} with {said} entries, this is log {log:?}")));
    }
    let computed = frontier.root();
    if checkpoint.root() != computed || root != computed.0 {
        let (signed, stored) = (checkpoint.root(), hex::encode(root));
        return Err(wrong(format!("the frontier has root {computed}, the note {signed}, the column {stored}")));
    }
    let signed_at = time(signed_at_us, "checkpoint.signed_at_us")?;
    Ok(SignedCheckpoint { checkpoint, frontier, note, signed_at, cosignatures: Vec::new() })
}

/// A row of `cosignature`, in which everything says the same.
fn cosignature_row(size: i64, witness: &str, key_id: &[u8], line: &str, at_us: i64) -> Result<Cosignature, LogError> {
    let wrong = |what: String| {
        LogError::corrupt(None, format!("a cosignature by {witness:?} on the checkpoint of {size} entries: {what}"))
    };
    let parsed = SignatureLine::parse(line).map_err(|error| wrong(error.to_string()))?;
    if parsed.name() != witness || parsed.id() != key_id {
        let (name, id) = (parsed.name(), hex::encode(parsed.id()));
        return Err(wrong(format!(
            "the line is by {name:?} with key id {id}, the columns say {}",
            hex::encode(key_id)
        )));
    }
    if parsed.to_string() != line {
        return Err(wrong("the line is not in its only spelling".to_owned()));
    }
    Ok(Cosignature { line: parsed, at: time(at_us, "cosignature.at_us")? })
}

pub(crate) fn read_frontier(bytes: &[u8], size: i64, table: &str) -> Result<Frontier, LogError> {
    let frontier = Frontier::from_bytes(bytes)
        .map_err(|error| LogError::corrupt(None, format!("{table}.frontier at size {size}: {error}")))?;
    if integer(frontier.size()) != size {
        let what = format!("{table}.size is {size}, {table}.frontier has {} leaves", frontier.size());
        return Err(LogError::corrupt(None, what));
    }
    Ok(frontier)
}

fn size_of(size: i64, column: &str) -> Result<u64, LogError> {
    u64::try_from(size).map_err(|_| LogError::corrupt(None, format!("{column} is {size}")))
}

fn not_signed_by(size: u64, error: &sogoc_proof::NoteError) -> LogError {
    if let sogoc_proof::NoteError::NoKnownSignature { .. } = error {
        return LogError::refused(
            format!("signing after the checkpoint of {size} entries ({error})"),
            "the last checkpoint is signed by the same key, or by an earlier one that is named",
            "sign with the key that signed it, or name its verifier key as an earlier one",
        );
    }
    LogError::corrupt(None, format!("the checkpoint of {size} entries: {error}"))
}
