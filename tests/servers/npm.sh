# Tools from npm's registry, each with a lock file of its own in tests/peers. Sourced after common.sh.
# shellcheck shell=bash

node_major_min=20

has_node() {
  command -v npm >/dev/null && [ "$(node --version 2>/dev/null | sed -E 's/^v([0-9]+).*/\1/')" -ge "$node_major_min" ] 2>/dev/null
}

# Ends here where a Node that is there is too old: whose it is, is not ours to exchange.
install_node() {
  local by_hand="install Node.js $node_major_min or newer with npm (node and npm on PATH) and run this again"
  if command -v node >/dev/null && command -v npm >/dev/null; then fail "Node.js is $(node --version), too old: $by_hand"; fi
  may_install "Node.js or npm" "nodejs npm" "$by_hand"
  apt_install nodejs npm
  has_node || fail "apt's Node.js is $(node --version 2>/dev/null || echo missing): $by_hand"
}

# npm_packages NAME TARGET-FOLDER: installs what tests/peers/NAME/package-lock.json lists beside the build, once, and sets
# `npm_folder` to where its node_modules is.
npm_folder=
npm_packages() {
  local peer=$root/tests/peers/$1 npm_lock
  has_node || install_node
  npm_folder=$2/$1/$(sha256sum "$peer/package-lock.json" | cut -c1-16)
  mkdir -p "$npm_folder"
  exec {npm_lock}>"$npm_folder/lock"
  flock "$npm_lock" # another run may be making it
  if [ ! -e "$npm_folder/whole" ]; then
    say "installing tests/peers/$1 with npm into $npm_folder"
    cp "$peer/package.json" "$peer/package-lock.json" "$npm_folder/"
    run npm ci --prefix "$npm_folder" --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error >&2 \
      || fail "npm could not install tests/peers/$1/package-lock.json: name a registry that can be reached" \
        "(npm_config_registry), or a cache that has it all (npm_config_cache with npm_config_offline=true)"
    : >"$npm_folder/whole"
  fi
  exec {npm_lock}>&-
}
