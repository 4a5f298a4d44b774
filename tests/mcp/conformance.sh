#!/usr/bin/env bash
# The client scenarios of the MCP conformance suite (npm) against the errand that is named.
#
#   tests/mcp/conformance.sh target/release/errand
#
# Exit status 3: the suite cannot be had here, and nothing was tested. docs/mcp.md says why the
# scenarios in `other` do not apply. A scenario that is in neither list is a failure: somebody has
# to look at it first.
set -euo pipefail
cd "$(dirname "$0")/../.."

suite=@modelcontextprotocol/conformance@0.1.13
apply=(initialize tools_call sse-retry)
other=(elicitation-sep1034-client-defaults auth/)

export ERRAND
ERRAND=$(realpath "${1:?the errand to test}")
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT

command -v npm >/dev/null || { echo "left out: there is no npm" >&2; exit 3; }
npm install --silent --no-fund --no-audit --ignore-scripts --prefix "$here" "$suite" >"$here/npm.log" 2>&1 ||
    { echo "left out: $suite cannot be installed: $(tail -1 "$here/npm.log")" >&2; exit 3; }
conformance="$here/node_modules/.bin/conformance"
"$conformance" --version >"$here/version" 2>&1 ||
    { echo "left out: $suite does not run on node $(node --version)" >&2; exit 3; }

listed=$("$conformance" list | sed -n '/^Client scenarios/,$ s/^  - //p')
failed=0
for scenario in $listed; do
    case " ${apply[*]} " in *" $scenario "*)
        if "$conformance" client --command "python3 tests/mcp/client.py" --scenario "$scenario" >"$here/log" 2>&1; then
            echo "passed       $scenario ($(grep -o 'Passed: [0-9/]*' "$here/log"))"
        else
            echo "failed       $scenario"
            cat "$here/log"
            failed=1
        fi
        continue ;;
    esac
    known=no
    for prefix in "${other[@]}"; do case $scenario in "$prefix"*) known=yes ;; esac; done
    if [ $known = yes ]; then
        echo "not for us   $scenario"
    else
        echo "unknown      $scenario"
        failed=1
    fi
done
for scenario in "${apply[@]}"; do
    grep -qx "$scenario" <<<"$listed" || { echo "gone         $scenario"; failed=1; }
done
exit $failed
