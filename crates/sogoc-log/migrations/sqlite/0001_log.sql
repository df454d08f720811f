-- The log on SQLite. Run inside one transaction; never edited after release.

-- "sogo": tells a register from any other SQLite file.
pragma application_id = 1936680815;

-- One row: what the next append needs. Its lock (the write lock, in SQLite) orders all appends.
create table head (
  id integer not null primary key,
  -- Number of entries, and position of the next one (invariant 2).
  size integer not null,
  -- Right edge of the Merkle tree over the entries: size in 8 bytes, then the hashes.
  frontier blob not null,
  -- Microseconds since 1970 of the last entry; time never runs backwards along positions (invariant 12).
  last_at_us integer,
  name text not null,
  schema integer not null,
  constraint head_one_row check (id = 1),
  constraint head_size check (size >= 0 and size < 9007199254740992),
  constraint head_time check ((size = 0) = (last_at_us is null))
) strict;

create trigger head_never_shrinks before update on head
when new.id <> old.id or new.size < old.size or new.name <> old.name or new.schema < old.schema
begin
  select raise(abort, 'the head of the log never shrinks and keeps its name: restore from a backup instead');
end;

create trigger head_is_kept before delete on head
begin
  select raise(abort, 'the head of the log is never deleted');
end;

-- One row an entry. `entry` is the text whose hash is the Merkle leaf (invariant 3); all other columns are copies of
-- what it says, for look-ups, and `log verify` compares them.
create table entry (
  position integer not null primary key,
  stream text not null,
  version integer not null,
  kind text not null,
  command text not null,
  command_index integer not null,
  command_digest blob not null,
  at_us integer not null,
  entry text not null,
  leaf_hash blob not null,
  -- Newest version of a stream; a stream in order.
  constraint entry_stream_version unique (stream, version),
  -- A command takes effect once (invariant 5); its receipt.
  constraint entry_command_index unique (command, command_index),
  constraint entry_position check (position >= 0 and position < 9007199254740992),
  constraint entry_version check (version >= 1 and version < 9007199254740992),
  constraint entry_index check (command_index >= 0),
  constraint entry_digest check (length(command_digest) = 32),
  constraint entry_leaf check (length(leaf_hash) = 32),
  constraint entry_bytes check (length(cast(entry as blob)) between 2 and 65535)
) strict;

-- Invariant 1: nothing recorded is ever changed or removed.
create trigger entry_is_never_updated before update on entry
begin
  select raise(abort, 'entries are never changed: record a correction');
end;

create trigger entry_is_never_deleted before delete on entry
begin
  select raise(abort, 'entries are never removed: record a correction');
end;

-- `insert or replace` removes rows without firing delete triggers, and an insert could leave a gap (invariant 2).
create trigger entry_is_dense before insert on entry
when new.position <> (select coalesce(max(position) + 1, 0) from entry)
  or exists (select 1 from entry where stream = new.stream and version = new.version)
  or exists (select 1 from entry where command = new.command and command_index = new.command_index)
begin
  select raise(abort, 'entries are appended at the next position only');
end;

-- Texts that may name a person (invariant 11). Erasing removes salt and text and keeps the commitment.
create table sealed_text (
  commitment blob not null primary key,
  -- First entry of the command that brought the text in.
  position integer not null,
  salt blob,
  text text,
  erased_at_us integer,
  constraint sealed_text_commitment check (length(commitment) = 32),
  constraint sealed_text_salt check (length(salt) = 32),
  constraint sealed_text_erased check (
    (erased_at_us is null and salt is not null and text is not null)
    or (erased_at_us is not null and salt is null and text is null)
  )
) strict, without rowid;

-- Copying a log takes the texts along with the entries, in order.
create index sealed_text_position on sealed_text (position);

create trigger sealed_text_is_only_erased before update on sealed_text
when new.commitment <> old.commitment or new.position <> old.position or old.erased_at_us is not null
  or new.erased_at_us is null
begin
  select raise(abort, 'a sealed text is erased once and not changed otherwise');
end;

create trigger sealed_text_is_kept before delete on sealed_text
begin
  select raise(abort, 'a sealed text is erased, its commitment stays');
end;

-- Folds of the log, written to start faster. Nothing rests on them: one that does not fit is ignored.
create table snapshot (
  id integer not null primary key,
  kind text not null,
  fold_version integer not null,
  -- Entries folded: the fold goes on at this position.
  size integer not null,
  -- Right edge of the tree over them: with the leaves since it must lead to the head's root.
  frontier blob not null,
  sha256 blob not null,
  bytes integer not null,
  -- Newest snapshot of a kind.
  constraint snapshot_once unique (kind, fold_version, size)
) strict;

create table snapshot_chunk (
  snapshot integer not null references snapshot (id) on delete cascade,
  number integer not null,
  bytes blob not null,
  constraint snapshot_chunk_key primary key (snapshot, number)
) strict, without rowid;
