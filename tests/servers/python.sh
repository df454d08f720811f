# Environments of Python packages, each with a list of its own in tests/peers. Sourced after common.sh.
# shellcheck shell=bash

has_python() {
  command -v openssl >/dev/null && python3 -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

install_python() {
  local by_hand="install Python 3.11 or newer with its modules venv and pip, and the openssl command, and run this again"
  may_install "Python or OpenSSL" "python3-venv openssl" "$by_hand"
  apt_install python3-venv openssl
  has_python || fail "Python was installed but does not do: $by_hand"
}

# python_packages NAME TARGET-FOLDER: installs what tests/peers/NAME/requirements.txt lists beside the build, once, and sets
# `python` to the one that has it. The environment of each list is whole once its mark is there.
python=
python_packages() {
  local list=$root/tests/peers/$1/requirements.txt environment venv_lock
  has_python || install_python
  environment=$2/$1/$(sha256sum "$list" | cut -c1-16)
  mkdir -p "$environment"
  exec {venv_lock}>"$environment/lock"
  flock "$venv_lock" # another run may be making it
  if [ ! -e "$environment/whole" ]; then
    say "installing the Python packages of tests/peers/$1 into $environment"
    run python3 -m venv --clear "$environment/venv" >&2 || fail "python3 -m venv $environment/venv failed: see above"
    run "$environment/venv/bin/python" -m pip --disable-pip-version-check install --quiet --requirement "$list" >&2 \
      || fail "pip could not install tests/peers/$1/requirements.txt: name a registry that can be reached (PIP_INDEX_URL)," \
        "or a folder of wheels (PIP_NO_INDEX=1 PIP_FIND_LINKS=FOLDER), or test one crate with -p, which may leave it out"
    : >"$environment/whole"
  fi
  exec {venv_lock}>&-
  python=$environment/venv/bin/python
}
