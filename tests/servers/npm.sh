# Tools from npm's registry, each with a lock file of its own in tests/peers. Sourced after common.sh.
# shellcheck shell=bash

# What oidc-provider takes. npm itself may run on any.
node_major_min=20

install_npm() {
  local by_hand="install Node.js with npm (node and npm on PATH) and run this again"
  may_install "Node.js or npm" "nodejs npm" "$by_hand"
  apt_install nodejs npm
  command -v npm >/dev/null || fail "npm was installed but is not found: $by_hand"
}

# Sets `node` to a Node that is new enough, in the cargo target folder if the one on PATH is older: Debian 12's is.
node=
find_node() {
  command -v npm >/dev/null || install_npm
  node=$(command -v node)
  [ "$("$node" --version | sed -E 's/^v([0-9]+).*/\1/')" -lt "$node_major_min" ] || return 0
  npm_packages node "$1"
  node=$(echo "$npm_folder"/node_modules/node-linux-*/bin/node)
  [ -x "$node" ] || fail "npm has no Node.js for this machine: install Node.js $node_major_min or newer and run this again"
}

# npm_packages NAME TARGET-FOLDER: installs what tests/peers/NAME/package-lock.json lists beside the build, once, and sets
# `npm_folder` to where its node_modules is.
npm_folder=
npm_packages() {
  local peer=$root/tests/peers/$1 npm_lock
  command -v npm >/dev/null || install_npm
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
