#!/usr/bin/env bash
# Files an appeal by plain HTTP, waits until it is decided, and prints the decision and what is behind the points: with
# nothing but bash, curl and coreutils.
#
#   SOGOC_TOKEN=… clients/curl.sh http://127.0.0.1:8080 pilot-2026 so-y-te kn-1 1.1.1 1 'Tài liệu đã nộp đúng hạn'
#
# It may be stopped and started again at any time: the same appeal is the same command, which takes effect once, and the log
# is watched from where it was recorded. Ends with 0 when decided, 1 when refused; the refusal is on stderr.
set -euo pipefail

if [ $# -ne 7 ] || [ -z "${SOGOC_TOKEN-}" ]; then
  sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
url=$1 season=$2 agency=$3 appeal=$4 leaf=$5 requested=$6 ground=$7

# ask VERB PATH [BODY]: the answer's body. What is away for the moment is asked again; a command carries its id, so that it takes
# effect once however often it is sent.
ask() {
  local options=(--silent --show-error --fail-with-body --retry 10 --retry-max-time 60 --request "$1")
  options+=(--header "Authorization: Bearer $SOGOC_TOKEN" --header "Accept-Language: ${SOGOC_LANGUAGE:-en}")
  if [ $# -gt 2 ]; then options+=(--header 'Content-Type: application/json' --data-binary "$3"); fi
  local answer
  if answer=$(curl "${options[@]}" "$url$2"); then
    printf '%s\n' "$answer"
  else
    printf '%s\n' "$answer" >&2
    return 1
  fi
}

# text STRING: as JSON.
text() {
  local escaped=${1//\\/\\\\}
  escaped=${escaped//\"/\\\"}
  printf '"%s"' "${escaped//$'\n'/\\n}"
}

# One id for one appeal, as a UUID: the digest of what it is about.
id=$(printf 'sogoc:%s/%s/%s' "$season" "$agency" "$appeal" | sha256sum)
id=${id:0:8}-${id:8:4}-8${id:13:3}-a${id:17:3}-${id:20:12}
body='{"command_id":"'$id'","season":'$(text "$season")',"agency":'$(text "$agency")',"appeal":'$(text "$appeal")','
body+='"items":[{"target":{"leaf":'$(text "$leaf")'},"requested":'$(text "$requested")',"ground":'$(text "$ground")'}]}'
receipt=$(ask POST /v1/commands/lodge-appeal "$body")
next=$(grep -o '"positions":\[[0-9]*' <<<"$receipt" | grep -o '[0-9]*$')
echo "lodged at position $next"

# One entry a line, each once and in order, from a position on. A watch that is cut goes on at the next one.
decided=
while [ -z "$decided" ]; do
  exec {watch}< <(exec curl --silent --no-buffer --fail --header "Authorization: Bearer $SOGOC_TOKEN" "$url/v1/log/watch?from=$next")
  curl=$!
  while IFS= read -r -u "$watch" line; do
    position=$(grep -o '"position":[0-9]*' <<<"$line" | head -1 | grep -o '[0-9]*$')
    next=$((position + 1))
    # Entries that the caller may not read are there with their hash alone.
    case $line in *"scorecard/$season/$agency"*) ;; *) continue ;; esac
    answer=$(ask GET "/v1/seasons/$season/appeals/$agency/$appeal?least_position=$position")
    case $answer in *'"state":"ended"'*) decided=$answer && break ;; esac
  done
  exec {watch}<&-
  kill "$curl" 2>/dev/null || true
  [ -n "$decided" ] || sleep 1
done

echo "$decided"
group=$(ask GET "/v1/seasons/$season/scorecards/$agency?least_position=$position" | grep -o '"group":"[^"]*"' | head -1 | cut -d'"' -f4)
ask GET "/v1/traces/$season/$group/$agency/leaf/$leaf/appraised_points?least_position=$position"
