# PostgreSQL for tests: found or installed, and clusters of their own that run as another user than root.
# Sourced after common.sh.
# shellcheck shell=bash

postgres_major_min=15
postgres_bin=
postgres_pid=

# Sets `postgres_bin` to the newest installed PostgreSQL that is new enough; Debian keeps its binaries off PATH.
find_postgres() {
  local candidate major best=0
  for candidate in /usr/lib/postgresql/*/bin "$(dirname "$(command -v postgres || echo /nowhere/postgres)")"; do
    if [ ! -x "$candidate/postgres" ] || [ ! -x "$candidate/initdb" ]; then continue; fi
    major=$("$candidate/postgres" --version | sed -E 's/^[^0-9]*([0-9]+).*/\1/')
    if [ "$major" -ge "$postgres_major_min" ] && [ "$major" -gt "$best" ]; then
      best=$major
      postgres_bin=$candidate
    fi
  done
  [ "$best" -gt 0 ]
}

install_postgres() {
  local by_hand="install PostgreSQL $postgres_major_min or newer (the binaries postgres and initdb, on PATH) and run this again"
  may_install PostgreSQL postgresql "$by_hand"
  local offered
  offered=$(apt-cache policy postgresql | sed -nE 's/^ *Candidate: ([0-9]+).*/\1/p')
  [ "${offered:-0}" -ge "$postgres_major_min" ] \
    || fail "apt offers PostgreSQL ${offered:-none}, $postgres_major_min is needed: add the packages of apt.postgresql.org, or $by_hand"
  # Debian's package makes and starts a cluster of its own on port 5432 unless told otherwise before it is unpacked.
  # Where its settings are there already, they are somebody's and stay.
  if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
    apt_install postgresql-common
    as_root sed -i -E 's/^#? *create_main_cluster *=.*/create_main_cluster = false/' \
      /etc/postgresql-common/createcluster.conf
  fi
  apt_install postgresql
  find_postgres || fail "PostgreSQL was installed but its binaries were not found in /usr/lib/postgresql/*/bin: $by_hand"
}

# make_cluster AT LOG: an empty cluster in `AT/data`, its superuser's password in `AT/password`. The folder `AT` is made, and
# only the server's user can enter it.
make_cluster() {
  local at=$1 log=$2 password
  mkdir -m 700 "$at"
  if [ "$(id -u)" -eq 0 ]; then chown "$server_user" "$at"; fi
  "${unprivileged[@]}" test -w "$at" \
    || fail "user $server_user cannot reach $at: set TMPDIR to a folder open to all users, such as /tmp"
  password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  printf '%s\n' "$password" >"$at/password"
  chmod 644 "$at/password"
  : >"$log"
  "${unprivileged[@]}" "$postgres_bin/initdb" --pgdata="$at/data" --username=postgres \
    --pwfile="$at/password" --auth-local=reject --auth-host=password \
    --encoding=UTF8 --locale=C --no-sync --no-instructions >"$log" 2>&1 \
    || { cat "$log" >&2; fail "initdb failed"; }
}

# Sets `postgres_command` to what runs the cluster `AT/data` on a port, durably.
postgres_command=()
as_postgres_on() {
  postgres_command=("${unprivileged[@]}" "$postgres_bin/postgres" -D "$1/data" -p "$2"
    -c listen_addresses=127.0.0.1 -c unix_socket_directories=
    -c fsync=on -c synchronous_commit=on -c full_page_writes=on -c log_min_messages=warning)
}

# A port below the range from which the system gives ports out.
any_port() {
  echo $((20000 + (RANDOM * 32768 + RANDOM) % 12000))
}

# The last line of this file is the server's own word that it takes connections.
postgres_is_ready() {
  [ "$(tail -n 1 "$1/data/postmaster.pid" 2>/dev/null | tr -d ' ')" = ready ]
}

start_postgres() {
  local started=$SECONDS at=$folder/postgres log=$folder/postgres.log
  make_cluster "$at" "$log"

  # Only the server's own bind decides whether a port is free: another run may be looking at the same time.
  local attempt port
  for attempt in 1 2 3 4 5 6 7 8 9 10; do
    port=$(any_port)
    : >"$log"
    as_postgres_on "$at" "$port"
    # A session of its own, so that Ctrl-C reaches the tests and not the server under them.
    setsid "${postgres_command[@]}" -c max_connections=400 -c shared_buffers=256MB -c max_wal_size=4GB \
      >"$log" 2>&1 </dev/null {lock_fd}>&- &
    postgres_pid=$!
    while kill -0 "$postgres_pid" 2>/dev/null; do
      if postgres_is_ready "$at"; then
        SOGOC_TEST_POSTGRES="postgres://postgres:$(cat "$at/password")@127.0.0.1:$port/postgres"
        export SOGOC_TEST_POSTGRES SOGOC_TEST_POSTGRES_BIN="$postgres_bin"
        say "PostgreSQL $("$postgres_bin/postgres" --version | sed 's/^[^0-9]*//') is up on 127.0.0.1:$port" \
          "after $((SECONDS - started)) s (user $server_user, fsync on, in $folder)"
        return
      fi
      [ $((SECONDS - started)) -lt 60 ] || { cat "$log" >&2; fail "PostgreSQL did not come up within 60 s"; }
      sleep 0.05
    done
    postgres_pid=
    grep -q 'could not bind' "$log" || { cat "$log" >&2; fail "PostgreSQL did not start"; }
  done
  fail "no free port was found in $attempt attempts"
}

# What they hold is thrown away: the immediate shutdown, without a checkpoint.
stop_postgres() {
  local at process
  if [ -n "$postgres_pid" ]; then
    kill -QUIT "$postgres_pid" 2>/dev/null || true
    wait "$postgres_pid" 2>/dev/null || true
  fi
  # Those of tests that did not end them: the number in the file is theirs only if the command line is, too.
  for at in "$folder"/postgres-*; do
    process=$(head -n 1 "$at/data/postmaster.pid" 2>/dev/null) || continue
    if tr '\0' ' ' 2>/dev/null <"/proc/$process/cmdline" | grep -qF -e "-D $at/data "; then
      kill -QUIT "$process" 2>/dev/null || true
    fi
  done
}
