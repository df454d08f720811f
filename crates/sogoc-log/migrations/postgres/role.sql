-- What the service may do. Run as the owner after every migration; {role}, {schema} and {mirror} are quoted identifiers.
-- A log-in of the service is a member of the role (`grant {role} to …`), and every connection takes it on.

do $$
begin
  create role {role} nologin;
exception
  -- Roles belong to the server: another log may have made it, even at this moment.
  when duplicate_object or unique_violation then null;
end
$$;

-- So that the owner, too, can run the service under it.
do $$
begin
  if not pg_has_role(current_user, '{role_name}', 'member') then
    grant {role} to current_user;
  end if;
end
$$;

grant usage on schema {schema} to {role};

revoke all on head, entry, sealed_text, snapshot, snapshot_chunk from {role};

-- Invariant 1: insert and select, nothing else.
grant select, insert on entry to {role};

grant select on head to {role};
grant update (size, frontier, last_at_us) on head to {role};

grant select, insert on sealed_text to {role};
grant update (salt, text, erased_at_us) on sealed_text to {role};

grant select, insert, delete on snapshot, snapshot_chunk to {role};

-- The SQL mirror is the service's own: rebuilt beside and swapped in.
create schema if not exists {mirror};
grant usage, create on schema {mirror} to {role};
