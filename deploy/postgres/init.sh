#!/bin/bash
# Run once, by the image of PostgreSQL, on an empty volume: the database, its owner, and the service's log-in. The owner
# migrates; the service can append and read, and change nothing that was recorded.
set -euo pipefail
secrets=${SOGOC_SECRETS:-/run/secrets}

psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
  --set=owner="$(cat "$secrets/owner_password")" --set=service="$(cat "$secrets/service_password")" <<'SQL'
create role sogoc_service nologin;
create role sogoc_owner login password :'owner';
create role sogoc login password :'service';
grant sogoc_service to sogoc;
-- So that the owner can grant to the role and take it on when it migrates.
grant sogoc_service to sogoc_owner;
create database sogoc owner sogoc_owner encoding 'UTF8' template template0;
revoke connect on database sogoc from public;
grant connect on database sogoc to sogoc;
SQL
