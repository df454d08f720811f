# What the scripts of the test servers share. Sourced, never run; `root` and `said_by` are set by then.
# shellcheck shell=bash

said_by=${said_by:?}
root=${root:?}
cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/sogoc-tests

say() { printf '%s: %s\n' "$said_by" "$*" >&2; }
fail() {
  say "$*"
  exit 1
}

# ------------------------------------------------------------------------------------------------------ what is missing

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# may_install WHAT PACKAGES BY-HAND: ends here where apt cannot be asked to install.
may_install() {
  command -v apt-get >/dev/null || fail "$1 is missing, and this is no Debian-like system: $3"
  [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null \
    || fail "$1 is missing, and installing it needs root: as root, apt-get install $2, or $3"
  say "$1 is missing: installing it with apt-get"
  as_root apt-get update -qq || say "apt-get update failed: trying with the package lists that are there"
}

apt_install() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq -o Dpkg::Use-Pty=0 --no-install-recommends "$@" >&2
}

# Into the current folder, which apt's own user need not reach.
apt_download() {
  apt-get -qq -o "APT::Sandbox::User=$(id -un)" download "$@"
}

# unpack NAME BY-HAND COMMAND…: unpacks into `$cache/NAME` the packages that the command downloads into the current
# folder. Nothing is installed: that would need root, and would start services.
unpack() {
  local name=$1 by_hand=$2 fresh
  shift 2
  mkdir -p "$cache"
  fresh=$(mktemp -d "$cache/$name.XXXXXXXX")
  # Each step names the next: behind `||`, nothing else ends at a failure.
  (cd "$fresh" && "$@" >&2 && for package in *.deb; do dpkg -x "$package" . || exit 1; done && rm -- *.deb) \
    || { rm -rf -- "$fresh"; fail "$name could not be downloaded: apt-get update, or $by_hand"; }
  # Another run may have been faster; one of the two is as good as the other.
  mv -T "$fresh" "$cache/$name" 2>/dev/null || rm -rf -- "$fresh"
}

# on_path COMMAND: prints its path, if it is there. Debian keeps servers out of the PATH of other users than root.
on_path() {
  PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v "$1" || true
}

# ------------------------------------------------------------------------------------------------------ where they run

folder=
lock_fd=

# Sets `unprivileged` to the command prefix under which servers run that refuse to be root, as PostgreSQL does, and
# `with_us` to that of the others: both die with this script, should it be killed too hard to clean up.
unprivileged=()
with_us=()
server_user=
choose_server_user() {
  local dying=
  if command -v setpriv >/dev/null && setpriv --help | grep -q -e --pdeathsig; then dying=yes; fi
  server_user=$(id -un)
  if [ "$(id -u)" -eq 0 ]; then
    server_user=nobody
    if id postgres >/dev/null 2>&1; then server_user=postgres; fi
    command -v setpriv >/dev/null || fail "setpriv (package util-linux) is needed to run PostgreSQL as another user than root"
    unprivileged=(setpriv "--reuid=$server_user" "--regid=$(id -g "$server_user")" --clear-groups)
    if [ -n "$dying" ]; then unprivileged+=(--pdeathsig=QUIT); fi
  elif [ -n "$dying" ]; then
    unprivileged=(setpriv --pdeathsig=QUIT)
  fi
  if [ -n "$dying" ]; then with_us=(setpriv --pdeathsig=KILL); fi
}

# Removes the folders of runs that were killed before they could. A run holds a lock on its folder for as long as it or
# anything that it started lives, so a folder whose lock is free is nobody's.
remove_abandoned_folders() {
  local abandoned
  for abandoned in "${TMPDIR:-/tmp}"/sogoc-tests.*; do
    [ -O "$abandoned/lock" ] || continue
    if flock --nonblock "$abandoned/lock" rm -rf -- "$abandoned"; then
      say "removed $abandoned, left by a run that was killed"
    fi
  done
}

make_folder() {
  remove_abandoned_folders
  folder=$(mktemp -d "${TMPDIR:-/tmp}/sogoc-tests.XXXXXXXX")
  exec {lock_fd}>"$folder/locking"
  flock "$lock_fd"
  mv "$folder/locking" "$folder/lock" # only now can another run see it, and it is locked already
  chmod 711 "$folder"
  export SOGOC_TEST_FOLDER="$folder"
  if [ "$(stat --file-system --format=%T "$folder")" = tmpfs ]; then
    say "$folder is in memory: fine for tests, but no rate measured on it is one of durable writes (set TMPDIR)"
  fi
}

# launch LOG COMMAND…: starts a server that is stopped with this script, and sets `launched` to its process. In a session
# of its own, so that Ctrl-C reaches the tests and not the server under them.
launched=
launched_all=()
launch() {
  local log=$1
  shift
  setsid "${with_us[@]}" "$@" >"$log" 2>&1 </dev/null {lock_fd}>&- &
  launched=$!
  launched_all+=("$launched")
}

# await NAME PROCESS LOG COMMAND…: waits until the command succeeds, which says that the server is up.
await() {
  local name=$1 process=$2 log=$3 started=$SECONDS
  shift 3
  until "$@"; do
    kill -0 "$process" 2>/dev/null || { cat "$log" >&2; fail "$name did not start"; }
    [ $((SECONDS - started)) -lt 60 ] || { cat "$log" >&2; fail "$name did not come up within 60 s"; }
    sleep 0.05
  done
}

# What they hold is thrown away.
stop_launched() {
  local process
  for process in "${launched_all[@]}"; do kill -KILL "$process" 2>/dev/null || true; done
  for process in "${launched_all[@]}"; do wait "$process" 2>/dev/null || true; done
}

# ------------------------------------------------------------------------------------------------------ running commands

child=

# The command gets five seconds to end by itself.
interrupted() {
  if [ -n "$child" ]; then
    kill -TERM "$child" 2>/dev/null || true
    for _ in {1..50}; do
      kill -0 "$child" 2>/dev/null || break
      sleep 0.1
    done
    kill -KILL "$child" 2>/dev/null || true
  fi
  exit "$1"
}

# Runs a command so that a signal to this script is answered at once, which bash does not do while it waits for a
# command in the foreground. Bash starts background commands deaf to SIGINT and without stdin: both are given back.
left_to_command=
run() {
  local code=0
  env --default-signal=INT,QUIT "$@" <&0 &
  child=$!
  while true; do
    left_to_command=
    code=0
    wait "$child" || code=$?
    [ -n "$left_to_command" ] || break # else it was the signal that ended the waiting, not the command
  done
  child=
  return "$code"
}

# Where cargo builds, and what is kept between runs is put. Servers alone are to be had without cargo.
target_folder() {
  if ! command -v cargo >/dev/null; then
    echo "${CARGO_TARGET_DIR:-$root/target}"
    return
  fi
  cargo metadata --format-version 1 --no-deps --locked --manifest-path "$root/Cargo.toml" \
    | sed -E 's/.*"target_directory":"([^"]*)".*/\1/'
}
