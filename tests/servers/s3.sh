# The S3 server for tests. Sourced after common.sh and python.sh.
# shellcheck shell=bash

# Takes the cargo target folder.
start_s3() {
  local started=$SECONDS at=$folder/s3
  python_packages client "$1"
  export SOGOC_TEST_PYTHON="$python"
  mkdir -p "$at"
  # shellcheck disable=SC2016
  launch "$at/log" sh -c 'TMPDIR=$1 exec "$2" -B "$3" sogoc-test >"$1/address"' sh "$at" "$python" "$root/tests/peers/s3/server.py"
  await "the S3 server" "$launched" "$at/log" test -s "$at/address"
  SOGOC_TEST_S3=$(cat "$at/address")
  export SOGOC_TEST_S3
  say "an S3 server is up on $SOGOC_TEST_S3 after $((SECONDS - started)) s"
}
