-- What proves the log: signed checkpoints, what witnesses said to them, and roots of tiles. Run as the owner inside one
-- transaction, with the search path at the log's schema; never edited after release. Grants stand in role.sql.

-- One row a checkpoint that was signed. Two of one size would be two histories.
create table checkpoint (
  -- Number of entries that it covers.
  size bigint not null,
  signed_at_us bigint not null,
  root bytea not null,
  -- Right edge of the tree over these entries: size in 8 bytes, then the hashes. The next one is computed from it.
  frontier bytea not null,
  -- The signed note, with the log's own signature only.
  note text collate "C" not null,
  -- First checkpoint that covers an entry; the newest one.
  constraint checkpoint_key primary key (size),
  constraint checkpoint_size check (size >= 0 and size < 9007199254740992),
  constraint checkpoint_root check (octet_length(root) = 32),
  constraint checkpoint_note check (octet_length(note) between 1 and 65535)
);

-- One row: what was signed last. Its row lock keeps two processes from signing what does not fit together, and appends
-- do not wait for it.
create table signed (
  id smallint not null,
  size bigint not null,
  frontier bytea not null,
  constraint signed_key primary key (id),
  constraint signed_one_row check (id = 1),
  constraint signed_size check (size >= 0 and size < 9007199254740992)
);

insert into signed (id, size, frontier) values (1, 0, '\x0000000000000000');

-- What witnesses said to a checkpoint, a line each, as it stands in a note.
create table cosignature (
  size bigint not null,
  at_us bigint not null,
  -- Name and key id as in the line.
  witness text collate "C" not null,
  key_id bytea not null,
  line text collate "C" not null,
  -- Cosignatures of a checkpoint; the newest checkpoint that has any.
  constraint cosignature_key primary key (size, witness, line),
  constraint cosignature_checkpoint foreign key (size) references checkpoint (size),
  constraint cosignature_key_id check (octet_length(key_id) = 4),
  constraint cosignature_line check (octet_length(line) between 1 and 16384)
);

-- Roots of full tiles: at level 0 of 256 leaves, at level l + 1 of 256 roots of level l. Derived from the entries, and
-- can be made again; `log verify` compares them.
create table tile_root (
  number bigint not null,
  level smallint not null,
  hash bytea not null,
  -- A tile of the level above is 256 rows in order.
  constraint tile_root_key primary key (level, number),
  constraint tile_root_level check (level between 0 and 6),
  constraint tile_root_number check (number >= 0 and number < 9007199254740992),
  constraint tile_root_hash check (octet_length(hash) = 32)
);

-- Invariant 1: nothing recorded is ever changed or removed.
create trigger checkpoint_is_append_only before update or delete or truncate on checkpoint
for each statement execute function refuse_change();

create trigger cosignature_is_append_only before update or delete or truncate on cosignature
for each statement execute function refuse_change();

create trigger tile_root_is_append_only before update or delete or truncate on tile_root
for each statement execute function refuse_change();

create trigger signed_is_kept before delete or truncate on signed
for each statement execute function refuse_change();

create function refuse_signed_change() returns trigger language plpgsql as $$
begin
  if new.id <> old.id or new.size <= old.size then
    raise exception using
      errcode = 'restrict_violation',
      message = 'what was signed last only ever grows',
      hint = 'restore from a backup instead';
  end if;
  return new;
end
$$;

create trigger signed_only_grows before update on signed
for each row execute function refuse_signed_change();

-- Also when a restore or a replica plays rows back with triggers off for ordinary ones.
alter table checkpoint enable always trigger checkpoint_is_append_only;
alter table cosignature enable always trigger cosignature_is_append_only;
alter table tile_root enable always trigger tile_root_is_append_only;
alter table signed enable always trigger signed_is_kept;
alter table signed enable always trigger signed_only_grows;
