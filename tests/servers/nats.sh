# The bus for tests: a private nats-server with JetStream. Sourced after common.sh.
# shellcheck shell=bash

nats_min=2.10.0
# The first release of Debian whose package is new enough.
nats_suite=trixie
nats_bin=

# is_new_enough VERSION: whether it is `nats_min` or newer. Older servers ignore what they do not know, in silence.
nats_is_new_enough() {
  [ "$(printf '%s\n' "$nats_min" "$1" | sort --version-sort | head -n 1)" = "$nats_min" ]
}

# Sets `nats_bin`. Where none is installed that is new enough, Debian's package is unpacked into the cache folder.
find_nats() {
  local by_hand="put a nats-server of version $nats_min or newer on PATH and run this again" candidate found
  for candidate in "$(on_path nats-server)" "$cache/nats-server/usr/sbin/nats-server"; do
    if [ -x "$candidate" ]; then
      found=$("$candidate" --version | sed -E 's/^[^0-9]*//')
      if nats_is_new_enough "$found"; then
        nats_bin=$candidate
        return
      fi
      say "$candidate is version $found, $nats_min is needed: passed over"
    fi
  done
  command -v apt-get >/dev/null || fail "nats-server is missing, and this is no Debian-like system: $by_hand"
  say "nats-server is missing: unpacking Debian's package into $cache/nats-server"
  local offered
  offered=$(apt-cache policy nats-server | sed -nE 's/^ *Candidate: ([0-9][^ -]*).*/\1/p')
  if nats_is_new_enough "${offered:-0}"; then
    unpack nats-server "$by_hand" apt_download nats-server
  else
    unpack nats-server "$by_hand" download_newer_nats "$by_hand"
  fi
  nats_bin=$cache/nats-server/usr/sbin/nats-server
}

# Downloads the package of a later release of Debian from the mirror that this machine takes its own from, with package
# lists of its own: those of the system are neither read nor changed. The package needs nothing but a C library.
download_newer_nats() {
  local by_hand=$1 release mirror source signed_by keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  # shellcheck disable=SC1091
  release=$(. /etc/os-release && [ "$ID" = debian ] && echo "${VERSION_CODENAME-}") \
    || fail "apt offers no nats-server of version $nats_min or newer: $by_hand"
  # What apt is set up to fetch, whether or not it was: site, and the file and number of the entry that says so.
  # shellcheck disable=SC2016
  read -r mirror source < <(apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI) $(SOURCESENTRY)' 'Created-By: Packages' \
    | awk -v release="$release" '$1 == release && $2 == "main" { print $3, $4; exit }') \
    || fail "apt is set up with no mirror of Debian $release: $by_hand"
  # With the key that this entry names, if it names one; otherwise with Debian's own.
  source=${source%:*}
  signed_by=$(sed -nE 's/^Signed-By: *(\/[^ ]+) *$/\1/p; s/.*[[ ]signed-by=(\/[^] ]+).*/\1/p' "$source" 2>/dev/null | head -n 1)
  if [ -z "$signed_by" ] && [ -e "$keyring" ]; then signed_by=$keyring; fi
  mkdir -p apt/lists/partial apt/cache/archives/partial
  printf '%s\n' 'Types: deb' "URIs: $mirror" "Suites: $nats_suite" 'Components: main' 'Targets: Packages' \
    ${signed_by:+"Signed-By: $signed_by"} >apt/newer.sources
  local apart=(-qq -o "Dir::Etc::sourcelist=$PWD/apt/newer.sources" -o Dir::Etc::sourceparts=/dev/null
    -o "Dir::State::lists=$PWD/apt/lists" -o "Dir::Cache=$PWD/apt/cache" -o "APT::Sandbox::User=$(id -un)"
    -o Acquire::Languages=none)
  apt-get "${apart[@]}" update && apt-get "${apart[@]}" download nats-server && rm -rf apt
}

start_nats() {
  local started=$SECONDS at=$folder/nats port
  mkdir -p "$at/ports"
  # On any port that is free: the server writes down which it took.
  cat >"$at/nats.conf" <<TEXT
listen: "127.0.0.1:-1"
server_name: sogoc-tests
ports_file_dir: "$at/ports"
jetstream { store_dir: "$at", max_file_store: 16GB, max_memory_store: 256MB }
TEXT
  launch "$at/log" "$nats_bin" --config "$at/nats.conf"
  await nats-server "$launched" "$at/log" test -s "$at/ports/nats-server_$launched.ports"
  port=$(sed -nE 's/.*"nats":\["nats:\/\/127\.0\.0\.1:([0-9]+)".*/\1/p' <(tr -d ' \n' <"$at/ports/nats-server_$launched.ports"))
  [ -n "$port" ] || { cat "$at/log" >&2; fail "nats-server does not say on which port it listens"; }
  export SOGOC_TEST_NATS="nats://127.0.0.1:$port" SOGOC_TEST_NATS_BIN="$nats_bin"
  say "nats-server $("$nats_bin" --version | sed -E 's/^[^0-9]*//') is up on 127.0.0.1:$port after $((SECONDS - started)) s" \
    "(JetStream in files)"
}
