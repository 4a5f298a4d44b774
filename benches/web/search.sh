#!/usr/bin/env bash
# Looks something up with a real searx, and reads the page that it finds: run by offline.sh, which
# says where they are. The argument is the program.
set -euo pipefail
errand=$(realpath "$1")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export ERRAND_HOME=${ERRAND_HOME:-$folder/home}
cat >"$folder/agent.toml" <<AGENT
name = "offline"
task = "look it up"
[tools]
use = ["web.search", "web.read"]
[permissions]
net = ["${SEARX_URL#http://}", "${KIWIX_URL#http://}"]
[[search.provider]]
kind = "searxng"
url = "$SEARX_URL"
AGENT
cd "$folder"
found=$("$errand" tools call web.search '{"query": "argparse subcommands"}' --json)
page=$(python3 -c 'import json, sys; print(json.loads(sys.argv[1])["result"]["results"][0]["url"])' "$found")
text=$("$errand" tools call web.read "{\"url\": \"$page\"}")
case $page:$text in
    "$KIWIX_URL"/*argparse*:*add_subparsers* | "$KIWIX_URL"/*argparse*:*argparse*) echo "found and read: ${page#"$KIWIX_URL"}" ;;
    *) printf 'not what was looked for: %s\n%s\n' "$page" "${text:0:300}" >&2; exit 1 ;;
esac
