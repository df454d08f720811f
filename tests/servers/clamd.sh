# The virus scanner for tests. Sourced after common.sh.
# shellcheck shell=bash

clamd_bin=
clamd_libraries=

# Sets `clamd_bin`. Where none is installed, Debian's packages are unpacked into the cache folder: installing would start
# services that scan and download by themselves.
find_clamd() {
  clamd_bin=$(on_path clamd)
  if [ -n "$clamd_bin" ]; then return; fi
  local by_hand="install clamd (Debian: clamav-daemon) and run this again" debs
  if [ ! -x "$cache/clamav/usr/sbin/clamd" ]; then
    command -v apt-get >/dev/null || fail "clamd is missing, and this is no Debian-like system: $by_hand"
    say "clamd is missing: unpacking Debian's packages into $cache/clamav"
    mapfile -t debs < <(apt-get install --simulate --no-install-recommends clamav-daemon 2>/dev/null \
      | sed -nE 's/^Inst (clamav-daemon|lib[^ ]+) .*/\1/p')
    [ ${#debs[@]} -gt 0 ] || fail "apt does not know clamav-daemon: apt-get update, or $by_hand"
    unpack clamav "$by_hand" apt_download "${debs[@]}"
  fi
  clamd_bin=$cache/clamav/usr/sbin/clamd
  clamd_libraries=$(echo "$cache"/clamav/usr/lib/*-linux-gnu)
}

start_clamd() {
  local started=$SECONDS at=$folder/clamd
  mkdir -p "$at/signatures"
  # The MD5 and the length of the EICAR test file; nothing else is known to it, so nothing is downloaded.
  echo '44d88612fea8a8f36de82e1278abb02f:68:Eicar-Test-Signature' >"$at/signatures/eicar.hdb"
  printf '%s\n' "DatabaseDirectory $at/signatures" "LocalSocket $at/socket" "TemporaryDirectory $at" 'Foreground yes' \
    'MaxThreads 2' 'StreamMaxLength 4M' >"$at/clamd.conf"
  launch "$at/log" env "LD_LIBRARY_PATH=$clamd_libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" \
    "$clamd_bin" --config-file="$at/clamd.conf"
  await clamd "$launched" "$at/log" test -S "$at/socket"
  export SOGOC_TEST_CLAMD="unix:$at/socket"
  say "clamd is up on $at/socket after $((SECONDS - started)) s"
}
