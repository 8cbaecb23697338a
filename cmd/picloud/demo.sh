#!/usr/bin/env bash
# Shows the main job on a real cluster of three nodes: a deployment applied on
# one, asked for in SPARQL and read as Turtle on another. On a terminal the
# nodes go on until Enter is pressed.
set -euo pipefail
picloud=$(realpath "$1")
cd "$(dirname "$0")/../.."
dir=$(mktemp -d)
listen=${PICLOUD_DEMO_LISTEN:-127.0.0.1:7443}
nodes= line=
finish() {
  status=$?
  if [ -n "$nodes" ]; then kill -INT "$nodes" 2>/dev/null || true; wait "$nodes" 2>/dev/null || true; fi
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
"$picloud" dev --nodes 3 --dir "$dir/cluster" --listen "$listen" >"$dir/out" 2>"$dir/log" &
nodes=$!
exec 3<"$dir/out"
until [ "${line%% *}" = ready ]; do # the pipe ends with the nodes, should one fail first
  IFS= read -r line <&3 || { echo "the nodes did not become ready; is $listen taken or a port after it, name another with PICLOUD_DEMO_LISTEN" >&2; exit 1; }
done
echo "$line, the first of three nodes"
listen=${line#ready https://}
export PICLOUD_CONTEXT="$dir/cluster/client.json"

step node list
step resource apply ontology/examples/photo-app

printf '\n%sOn another node:%s\n' "$bold" "$plain"
export PICLOUD_CONTEXT="$dir/cluster/node-2/client.json"
step resource apply ontology/examples/photo-app
step graph query 'PREFIX pc: <https://picloud.local/ontology#>
SELECT ?kind ?name ?phase WHERE {
  ?r pc:kind ?k ; pc:name ?name ; pc:phase ?phase .
  BIND(STRAFTER(STR(?k), "#") AS ?kind)
} ORDER BY ?kind ?name'
step resource get container api-server -p photo-app -o turtle
step cluster verify 2>&1

if ! [ -t 0 ] || ! [ -t 1 ]; then
  printf '\nThe demonstration has ended, and its nodes with it. On a terminal it goes on until Enter is pressed.\n'
  exit
fi
cat <<TXT

The first node serves https://$listen (its CA: $dir/cluster/ca.pem). To look at it:
  curl --cacert $dir/cluster/ca.pem --connect-to picloud.local:443:$listen \\
       -H "Authorization: Bearer \$(cat $dir/cluster/admin.token)" https://picloud.local/products/photo-app
In a browser: https://$listen/products/photo-app
  any name, and as password the token in $dir/cluster/admin.token
TXT
read -r -p 'Press Enter to end it. '
