-- The log on PostgreSQL. Run as the owner inside one transaction, with the search path at the log's schema; never edited
-- after release. What the service's role may do stands in role.sql.

-- One row: what the next append needs. Its row lock orders all appends of all processes.
create table head (
  id smallint not null,
  -- Number of entries, and position of the next one (invariant 2).
  size bigint not null,
  -- Right edge of the Merkle tree over the entries: size in 8 bytes, then the hashes.
  frontier bytea not null,
  -- Microseconds since 1970 of the last entry; time never runs backwards along positions (invariant 12).
  last_at_us bigint,
  name text not null,
  schema integer not null,
  constraint head_key primary key (id),
  constraint head_one_row check (id = 1),
  constraint head_size check (size >= 0 and size < 9007199254740992),
  constraint head_time check ((size = 0) = (last_at_us is null))
)
-- Updated by every batch: room for new versions of the row on its page, so that no index is touched.
with (fillfactor = 10);

-- One row an entry. `entry` is the text whose hash is the Merkle leaf (invariant 3), text and never jsonb; all other
-- columns are copies of what it says, for look-ups, and `log verify` compares them.
create table entry (
  position bigint not null,
  version bigint not null,
  at_us bigint not null,
  command uuid not null,
  command_index integer not null,
  stream text collate "C" not null,
  kind text collate "C" not null,
  command_digest bytea not null,
  leaf_hash bytea not null,
  entry text collate "C" not null,
  constraint entry_key primary key (position),
  -- Newest version of a stream; a stream in order.
  constraint entry_stream_version unique (stream, version),
  -- A command takes effect once (invariant 5); its receipt.
  constraint entry_command_index unique (command, command_index),
  constraint entry_position check (position >= 0 and position < 9007199254740992),
  constraint entry_version check (version >= 1 and version < 9007199254740992),
  constraint entry_index check (command_index >= 0),
  constraint entry_digest check (octet_length(command_digest) = 32),
  constraint entry_leaf check (octet_length(leaf_hash) = 32),
  constraint entry_bytes check (octet_length(entry) between 2 and 65535)
);

-- Texts that may name a person (invariant 11). Erasing removes salt and text and keeps the commitment.
create table sealed_text (
  commitment bytea not null,
  -- First entry of the command that brought the text in.
  position bigint not null,
  salt bytea,
  text text,
  erased_at_us bigint,
  constraint sealed_text_key primary key (commitment),
  constraint sealed_text_commitment check (octet_length(commitment) = 32),
  constraint sealed_text_salt check (octet_length(salt) = 32),
  constraint sealed_text_erased check (
    (erased_at_us is null and salt is not null and text is not null)
    or (erased_at_us is not null and salt is null and text is null)
  )
);

-- Copying a log takes the texts along with the entries, in order.
create index sealed_text_position on sealed_text (position);

-- Folds of the log, written to start faster. Nothing rests on them: one that does not fit is ignored.
create table snapshot (
  id bigint generated always as identity,
  kind text not null,
  fold_version bigint not null,
  -- Entries folded: the fold goes on at this position.
  size bigint not null,
  -- Right edge of the tree over them: with the leaves since it must lead to the head's root.
  frontier bytea not null,
  sha256 bytea not null,
  bytes bigint not null,
  constraint snapshot_key primary key (id),
  -- Newest snapshot of a kind.
  constraint snapshot_once unique (kind, fold_version, size)
);

create table snapshot_chunk (
  snapshot bigint not null,
  number bigint not null,
  bytes bytea not null,
  constraint snapshot_chunk_key primary key (snapshot, number),
  constraint snapshot_chunk_snapshot foreign key (snapshot) references snapshot (id) on delete cascade
);

-- Invariant 1: nothing recorded is ever changed or removed.
create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception using
    errcode = 'restrict_violation',
    message = format('%s on %s is refused: what is recorded is never changed or removed', tg_op, tg_table_name),
    hint = 'record a correction';
end
$$;

create trigger entry_is_append_only before update or delete or truncate on entry
for each statement execute function refuse_change();

create trigger head_is_kept before delete or truncate on head
for each statement execute function refuse_change();

create trigger sealed_text_is_kept before delete or truncate on sealed_text
for each statement execute function refuse_change();

create function refuse_head_change() returns trigger language plpgsql as $$
begin
  if new.id <> old.id or new.size < old.size or new.name <> old.name or new.schema < old.schema then
    raise exception using
      errcode = 'restrict_violation',
      message = 'the head of the log never shrinks and keeps its name',
      hint = 'restore from a backup instead';
  end if;
  return new;
end
$$;

create trigger head_never_shrinks before update on head
for each row execute function refuse_head_change();

create function refuse_sealed_change() returns trigger language plpgsql as $$
begin
  if new.commitment <> old.commitment or new.position <> old.position
    or old.erased_at_us is not null or new.erased_at_us is null then
    raise exception using
      errcode = 'restrict_violation',
      message = 'a sealed text is erased once and not changed otherwise';
  end if;
  return new;
end
$$;

create trigger sealed_text_is_only_erased before update on sealed_text
for each row execute function refuse_sealed_change();

-- Also when a restore or a replica plays rows back with triggers off for ordinary ones.
alter table entry enable always trigger entry_is_append_only;
alter table head enable always trigger head_is_kept;
alter table head enable always trigger head_never_shrinks;
alter table sealed_text enable always trigger sealed_text_is_kept;
alter table sealed_text enable always trigger sealed_text_is_only_erased;
