-- What proves the log: signed checkpoints, what witnesses said to them, and roots of tiles. Run inside one transaction;
-- never edited after release.

-- One row a checkpoint that was signed. Two of one size would be two histories.
create table checkpoint (
  -- Number of entries that it covers. First checkpoint that covers an entry; the newest one.
  size integer not null primary key,
  root blob not null,
  -- Right edge of the tree over these entries: size in 8 bytes, then the hashes. The next one is computed from it.
  frontier blob not null,
  -- The signed note, with the log's own signature only.
  note text not null,
  signed_at_us integer not null,
  constraint checkpoint_size check (size >= 0 and size < 9007199254740992),
  constraint checkpoint_root check (length(root) = 32),
  constraint checkpoint_note check (length(cast(note as blob)) between 1 and 65535)
) strict;

-- One row: what was signed last. Its lock (the write lock, in SQLite) keeps two processes from signing what does not
-- fit together.
create table signed (
  id integer not null primary key,
  size integer not null,
  frontier blob not null,
  constraint signed_one_row check (id = 1),
  constraint signed_size check (size >= 0 and size < 9007199254740992)
) strict;

insert into signed (id, size, frontier) values (1, 0, x'0000000000000000');

-- What witnesses said to a checkpoint, a line each, as it stands in a note.
create table cosignature (
  size integer not null references checkpoint (size),
  -- Name and key id as in the line.
  witness text not null,
  key_id blob not null,
  line text not null,
  at_us integer not null,
  -- Cosignatures of a checkpoint; the newest checkpoint that has any.
  constraint cosignature_key primary key (size, witness, line),
  constraint cosignature_key_id check (length(key_id) = 4),
  constraint cosignature_line check (length(cast(line as blob)) between 1 and 16384)
) strict, without rowid;

-- Roots of full tiles: at level 0 of 256 leaves, at level l + 1 of 256 roots of level l. Derived from the entries, and
-- can be made again; `log verify` compares them.
create table tile_root (
  level integer not null,
  number integer not null,
  hash blob not null,
  -- A tile of the level above is 256 rows in order.
  constraint tile_root_key primary key (level, number),
  constraint tile_root_level check (level between 0 and 6),
  constraint tile_root_number check (number >= 0 and number < 9007199254740992),
  constraint tile_root_hash check (length(hash) = 32)
) strict, without rowid;

-- Invariant 1: nothing recorded is ever changed or removed. `insert or replace` removes rows without firing delete
-- triggers, so an insert may not meet a row that says something else.
create trigger checkpoint_is_never_updated before update on checkpoint
begin
  select raise(abort, 'checkpoints are never changed');
end;

create trigger checkpoint_is_never_deleted before delete on checkpoint
begin
  select raise(abort, 'checkpoints are never removed');
end;

create trigger checkpoint_is_never_replaced before insert on checkpoint
when exists (select 1 from checkpoint where size = new.size and (note <> new.note or frontier <> new.frontier))
begin
  select raise(abort, 'another checkpoint of this size was signed');
end;

create trigger cosignature_is_never_updated before update on cosignature
begin
  select raise(abort, 'cosignatures are never changed');
end;

create trigger cosignature_is_never_deleted before delete on cosignature
begin
  select raise(abort, 'cosignatures are never removed');
end;

create trigger tile_root_is_never_updated before update on tile_root
begin
  select raise(abort, 'roots of tiles are never changed');
end;

create trigger tile_root_is_never_deleted before delete on tile_root
begin
  select raise(abort, 'roots of tiles are never removed');
end;

create trigger tile_root_is_never_replaced before insert on tile_root
when exists (select 1 from tile_root where level = new.level and number = new.number and hash <> new.hash)
begin
  select raise(abort, 'another root of this tile is recorded');
end;

create trigger signed_only_grows before update on signed
when new.id <> old.id or new.size <= old.size
begin
  select raise(abort, 'what was signed last only ever grows: restore from a backup instead');
end;

create trigger signed_is_kept before delete on signed
begin
  select raise(abort, 'what was signed last is never deleted');
end;
