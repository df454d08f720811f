# The OpenID provider for tests. Sourced after common.sh and npm.sh.
# shellcheck shell=bash

# An authority that nobody else trusts, and the provider's certificate by it. Takes the folder.
certify_oidc() {
  local new=(req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2)
  openssl "${new[@]}" -subj '/CN=authority of a test' -keyout "$1/authority.key" -out "$1/authority.pem" \
    && openssl "${new[@]}" -subj '/CN=127.0.0.1' -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE \
      -CA "$1/authority.pem" -CAkey "$1/authority.key" -keyout "$1/tls.key" -out "$1/tls.pem"
}

# Takes the cargo target folder.
start_oidc() {
  local started=$SECONDS at=$folder/oidc process
  find_node "$1"
  npm_packages oidc "$1"
  mkdir -p "$at"
  # Node looks for packages beside a program and above it.
  cp "$root/tests/peers/oidc/server.mjs" "$at/"
  ln -s "$npm_folder/node_modules" "$at/node_modules"
  certify_oidc "$at" 2>"$at/certify.log" || fail "openssl made no certificates: $(cat "$at/certify.log")"
  launch "$at/log" sh -c 'exec "$2" "$1/server.mjs" "$1/tls.key" "$1/tls.pem" >"$1/issuers"' sh "$at" "$node"
  process=$launched
  await "the OpenID provider" "$process" "$at/log" test -s "$at/issuers"
  { read -r SOGOC_TEST_OIDC && read -r SOGOC_TEST_OIDC_TLS; } <"$at/issuers"
  SOGOC_TEST_OIDC_CA=$at/authority.pem
  export SOGOC_TEST_OIDC SOGOC_TEST_OIDC_TLS SOGOC_TEST_OIDC_CA
  say "an OpenID provider is up on $SOGOC_TEST_OIDC after $((SECONDS - started)) s"
}
