#!/usr/bin/env bash
# Verifies that an entry is in a log, with nothing of sogoc: sha256sum, openssl, base64 and this page of arithmetic.
#
#   deploy/verify-entry.sh ENTRY TLOG-PROOF VKEY
#
# ENTRY       the entry's bytes, without a line break at the end (`sogoc log show --from N --limit 1 --json | head -c -1`)
# TLOG-PROOF  what `sogoc proof entry N` printed (C2SP tlog-proof)
# VKEY        the log's verifier key, from somebody you trust (C2SP signed-note: NAME+ID+KEY)
#
# Prints each step; exit 0 if all hold, 1 if one does not.
set -euo pipefail
[ $# -eq 3 ] || { sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 2; }
entry=$1 proof=$2 vkey=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "NOT PROVED: $*"; exit 1; }

bytes() { printf "%b" "$(sed 's/../\\x&/g' <<<"$1")"; }  # hexadecimal to bytes
hex() { base64 -d | od -An -vtx1 | tr -d ' \n'; }          # base64 to hexadecimal
sha256() { sha256sum | cut -d' ' -f1; }
node() { { printf '\001'; bytes "$1"; bytes "$2"; } | sha256; } # RFC 6962: SHA-256(0x01 ‖ left ‖ right)

# 1. The file: a line that names the format, the index, the hashes; an empty line; the checkpoint, a signed note.
[ "$(head -n 1 "$proof")" = "c2sp.org/tlog-proof@v1" ] || fail "this is no tlog-proof"
sed '1,/^$/d' "$proof" >"$work/checkpoint"
index=$(sed -n '/^$/q; s/^index //p' "$proof")
hashes=$(sed -n '/^$/q; p' "$proof" | grep -v -e '^c2sp.org/' -e '^index ' -e '^extra ' || true)

# 2. The signature: Ed25519 over the checkpoint's text, by the key that VKEY holds.
name=${vkey%%+*}
key=$(cut -d+ -f3- <<<"$vkey" | hex)
[ "${key:0:2}" = 01 ] && [ ${#key} -eq 66 ] || fail "$vkey is no Ed25519 key"
id=$({ printf '%s\n' "$name"; bytes "$key"; } | sha256 | cut -c1-8)
[ "+$id+" = "+$(cut -d+ -f2 <<<"$vkey")+" ] || fail "the key's id is $id: this verifier key was altered"
sed '/^$/,$d' "$work/checkpoint" >"$work/text"
bytes "302a300506032b6570032100${key:2}" >"$work/key.der" # RFC 8410: an Ed25519 key as OpenSSL reads it
signature=
while read -r _ signer base64; do
  line=$(hex <<<"$base64")
  if [ "$signer" = "$name" ] && [ "${line:0:8}" = "$id" ]; then signature=${line:8}; fi
done < <(grep '^— ' "$work/checkpoint")
[ -n "$signature" ] || fail "the checkpoint has no signature by $name"
bytes "$signature" >"$work/signature"
openssl pkeyutl -verify -pubin -keyform DER -inkey "$work/key.der" -rawin -in "$work/text" -sigfile "$work/signature" \
  >/dev/null 2>&1 || fail "the signature on the checkpoint is not by $name"
[ "$(sed -n 1p "$work/text")" = "$name" ] || fail "the checkpoint is of another log"
size=$(sed -n 2p "$work/text")
root=$(sed -n 3p "$work/text" | hex)
echo "signed     by $name: $size entries, root $root"

# 3. The entry's hash: SHA-256(0x00 ‖ bytes).
hash=$({ printf '\000'; cat "$entry"; } | sha256)
echo "leaf       $index: $hash"

# 4. Up the tree (RFC 9162, 2.1.3.2).
[ "$index" -lt "$size" ] || fail "index $index is beyond the tree"
at=$index last=$((size - 1)) computed=$hash
for sibling in $hashes; do
  sibling=$(hex <<<"$sibling")
  [ "$last" -gt 0 ] || fail "the proof is too long"
  if ((at % 2 == 1 || at == last)); then
    computed=$(node "$sibling" "$computed")
    while ((at % 2 == 0 && at != 0)); do at=$((at / 2)) last=$((last / 2)); done
  else
    computed=$(node "$computed" "$sibling")
  fi
  at=$((at / 2)) last=$((last / 2))
done
[ "$last" -eq 0 ] || fail "the proof is too short"
[ "$computed" = "$root" ] || fail "the hashes lead to $computed"
echo "included   the hashes lead from the entry to that root"
