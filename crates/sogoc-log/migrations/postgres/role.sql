-- What the service may do. Run as the owner after every migration; {role}, {schema} and {mirror} are
-- quoted identifiers, {role_name} and the like their names.
-- A log-in of the service is a member of the role (`grant {role} to …`), and every connection takes it on.

do $$
begin
  -- An owner that may make no roles finds it made.
  if to_regrole('{role}') is null then
    create role {role} nologin;
  end if;
exception
  -- Roles belong to the server: another log may have made it, even at this moment.
  when duplicate_object or unique_violation then null;
end
$$;

-- So that the owner, too, can run the service under it. From 16 on, who creates a role may grant it but not yet take it on.
do $$
begin
  if not (case
    when current_setting('server_version_num')::int >= 160000 then pg_has_role(current_user, '{role_name}', 'set')
    else pg_has_role(current_user, '{role_name}', 'member')
  end) then
    grant {role} to current_user;
  end if;
end
$$;

-- Everybody has it on `public`, whose owner the log's owner need not be.
do $$
begin
  if not has_schema_privilege('{role_name}', '{schema_name}', 'usage') then
    grant usage on schema {schema} to {role};
  end if;
end
$$;

revoke all on head, entry, sealed_text, snapshot, snapshot_chunk, checkpoint, signed, cosignature, tile_root,
  sign_in, session, api_token, pending_sign_in, lease from {role};

-- Invariant 1: insert and select, nothing else.
grant select, insert on entry to {role};

grant select on head to {role};
grant update (size, frontier, last_at_us) on head to {role};

grant select, insert on sealed_text to {role};
grant update (salt, text, erased_at_us) on sealed_text to {role};

grant select, insert on checkpoint, cosignature, tile_root to {role};

grant select on signed to {role};
grant update (size, frontier) on signed to {role};

grant select, insert, delete on snapshot, snapshot_chunk to {role};

-- What is no history: secrets of sign-in, and leases.
grant select, insert, update, delete on sign_in, session, api_token, pending_sign_in, lease to {role};

-- The SQL mirror is the service's own: rebuilt beside and swapped in.
do $$
begin
  if to_regnamespace('{mirror_name}') is null then
    create schema {mirror};
  end if;
  if not has_schema_privilege('{role_name}', '{mirror_name}', 'usage, create') then
    grant usage, create on schema {mirror} to {role};
  end if;
end
$$;
