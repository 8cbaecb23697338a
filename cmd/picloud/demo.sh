#!/usr/bin/env bash
# Shows the main job on a real node: a deployment applied, asked for in SPARQL,
# read as Turtle. On a terminal the node goes on until Enter is pressed.
set -euo pipefail
picloud=$(realpath "$1")
cd "$(dirname "$0")/../.."
dir=$(mktemp -d)
listen=${PICLOUD_DEMO_LISTEN:-127.0.0.1:7443}
node= line=
finish() {
  status=$?
  if [ -n "$node" ]; then kill -INT "$node" 2>/dev/null || true; wait "$node" 2>/dev/null || true; fi
  if [ "$status" -ne 0 ] && [ -s "$dir/log" ]; then tail -n 20 "$dir/log" >&2; fi
  rm -rf "$dir"
  exit "$status"
}
trap finish EXIT

bold= plain=
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$(printf '\033[1m') plain=$(printf '\033[0m'); fi
step() { # prints a command as one would type it, then runs it
  printf '\n%s$ picloud' "$bold"
  for word in "$@"; do
    case $word in *[!A-Za-z0-9_./-]*) printf " '%s'" "$word" ;; *) printf ' %s' "$word" ;; esac
  done
  printf '%s\n' "$plain"
  "$picloud" "$@"
}

mkfifo "$dir/out"
"$picloud" dev --dir "$dir/node" --listen "$listen" >"$dir/out" 2>"$dir/log" &
node=$!
exec 3<"$dir/out"
until [ "${line%% *}" = ready ]; do # the pipe ends with the node, should it fail first
  IFS= read -r line <&3 || { echo "the node did not become ready; is $listen taken, name another with PICLOUD_DEMO_LISTEN" >&2; exit 1; }
done
echo "$line"
listen=${line#ready https://}
export PICLOUD_CONTEXT="$dir/node/client.json"

step resource apply ontology/examples/photo-app
step graph query 'PREFIX pc: <https://picloud.local/ontology#>
SELECT ?kind ?name ?phase WHERE {
  ?r pc:kind ?k ; pc:name ?name ; pc:phase ?phase .
  BIND(STRAFTER(STR(?k), "#") AS ?kind)
} ORDER BY ?kind ?name'
step resource get container api-server -p photo-app -o turtle
step resource apply ontology/examples/photo-app

if ! [ -t 0 ] || ! [ -t 1 ]; then
  printf '\nThe demonstration has ended, and its node with it. On a terminal it goes on until Enter is pressed.\n'
  exit
fi
cat <<TXT

The node serves https://$listen (its CA: $dir/node/ca.pem). To look at it:
  curl --cacert $dir/node/ca.pem --connect-to picloud.local:443:$listen \\
       -H "Authorization: Bearer \$(cat $dir/node/admin.token)" https://picloud.local/products/photo-app
In a browser: https://$listen/products/photo-app
  any name, and as password the token in $dir/node/admin.token
TXT
read -r -p 'Press Enter to end it. '
