# The OpenID provider for tests. Sourced after common.sh and npm.sh.
# shellcheck shell=bash

# Takes the cargo target folder.
start_oidc() {
  local started=$SECONDS at=$folder/oidc process
  find_node "$1"
  npm_packages oidc "$1"
  mkdir -p "$at"
  # Node looks for packages beside a program and above it.
  cp "$root/tests/peers/oidc/server.mjs" "$at/"
  ln -s "$npm_folder/node_modules" "$at/node_modules"
  launch "$at/log" sh -c 'exec "$2" "$1/server.mjs" >"$1/issuer"' sh "$at" "$node"
  process=$launched
  await "the OpenID provider" "$process" "$at/log" test -s "$at/issuer"
  SOGOC_TEST_OIDC=$(cat "$at/issuer")
  export SOGOC_TEST_OIDC
  say "an OpenID provider is up on $SOGOC_TEST_OIDC after $((SECONDS - started)) s"
}
