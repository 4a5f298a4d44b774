#!/usr/bin/env bash
# A web without the internet, on this machine alone: Python's documentation as pages, kiwix with a
# full-text index of them, and searx as the search engine in front of it.
#
#   benches/web/offline.sh                  starts it, prints where it is, stops on Ctrl-C
#   benches/web/offline.sh COMMAND ARG…     starts it, runs the command, stops; its exit status is
#                                           the command's, which finds the addresses in SEARX_URL,
#                                           KIWIX_URL and PAGES_URL
#
# Needs Debian's packages searx, kiwix-tools, zim-tools and python3-doc, and installs them where it
# may. Exit status 3: they cannot be had here, and nothing was started. What is made once is kept
# in OFFLINE_WEB (default: ~/.cache/errand-offline-web). KIWIX_PORT, PAGES_PORT and SEARX_PORT choose
# the ports; otherwise free ones are taken.
set -euo pipefail

kept=${OFFLINE_WEB:-${XDG_CACHE_HOME:-$HOME/.cache}/errand-offline-web}
docs=/usr/share/doc/python3-doc/html
example=/usr/share/doc/searx/examples/settings.yml
packages=(searx kiwix-tools zim-tools python3-doc)
here=$(mktemp -d)
pids=()

say() { printf 'offline web: %s\n' "$*" >&2; }
cannot() { say "left out: $*"; exit 3; }

stop() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
    rm -rf "$here"
}
trap stop EXIT
trap 'exit 130' INT TERM

there() { command -v searx-run kiwix-serve zimwriterfs >/dev/null &&
    [ -f "$docs/index.html" ] && [ -f "$example" ]; }

if ! there; then
    command -v apt-get >/dev/null || cannot "this is no Debian, and ${packages[*]} are not installed"
    as=()
    if [ "$(id -u)" != 0 ]; then
        sudo -n true 2>/dev/null || cannot "${packages[*]} are not installed, and need root to be"
        as=(sudo -n)
    fi
    say "installing ${packages[*]}"
    { "${as[@]}" apt-get update -q && DEBIAN_FRONTEND=noninteractive "${as[@]}" \
        apt-get install -qy --no-install-recommends "${packages[@]}"; } >"$here/apt.log" 2>&1 ||
        cannot "$(grep '^E: ' "$here/apt.log" | tail -1)"
    there || cannot "the packages are installed, and not where they are looked for"
fi

# The pages and their index, made once.
mkdir -p "$kept"
if [ ! -f "$kept/python.zim" ]; then
    say "indexing Python's documentation"
    cp -rL "$docs" "$here/html"
    rm -rf "$here/html/_sources" "$here/html/_downloads"
    # zimwriterfs wants a picture of 48 × 48; this one is grey.
    python3 - "$here/html/icon.png" <<'ICON'
import struct, sys, zlib
chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
rows = b"".join(b"\0" + b"\x80" * 48 for _ in range(48))
head = struct.pack(">IIBBBBB", 48, 48, 8, 0, 0, 0, 0)
open(sys.argv[1], "wb").write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
ICON
    zimwriterfs --welcome=index.html --illustration=icon.png --language=eng --name=python \
        --title=Python --description="Python's documentation" --creator=python --publisher=errand \
        "$here/html" "$here/python.zim" >"$here/zim.log" 2>&1 || { tail -5 "$here/zim.log" >&2; exit 1; }
    mv -T "$here/html" "$kept/html.new" && rm -rf "$kept/html" && mv -T "$kept/html.new" "$kept/html"
    mv "$here/python.zim" "$kept/python.zim"
fi

port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
up() { # URL LOG
    for _ in $(seq 150); do
        curl -fs -o /dev/null "$1" && return
        sleep 0.2
    done
    tail -5 "$2" >&2
    say "nothing answers at $1"
    exit 1
}
kiwix=${KIWIX_PORT:-$(port)} pages=${PAGES_PORT:-$(port)} searx=${SEARX_PORT:-$(port)}

kiwix-serve --address=127.0.0.1 --port="$kiwix" "$kept/python.zim" >"$here/kiwix.log" 2>&1 &
pids+=($!)
python3 -m http.server --bind 127.0.0.1 --directory "$kept/html" "$pages" >"$here/pages.log" 2>&1 &
pids+=($!)
# Debian's searx comes with settings for the real web; its own Python has the library to read them.
/usr/bin/python3 - "$example" "$searx" "$kiwix" >"$here/settings.yml" <<'SETTINGS'
import sys, yaml
example, searx, kiwix = sys.argv[1:]
settings = yaml.safe_load(open(example, encoding="utf-8"))
settings["server"].update(port=int(searx), bind_address="127.0.0.1", secret_key="until it stops")
settings["outgoing"]["request_timeout"] = 10.0
settings["engines"] = [{
    "name": "kiwix", "engine": "xpath", "shortcut": "kx", "categories": "general", "disabled": False,
    "enable_http": True,
    "search_url": f"http://127.0.0.1:{kiwix}/search?content=python&pattern={{query}}",
    "results_xpath": '//div[@class="results"]//li', "url_xpath": "./a/@href",
    "title_xpath": "./a", "content_xpath": "./cite",
}]
yaml.safe_dump(settings, sys.stdout)
SETTINGS
SEARX_SETTINGS_PATH="$here/settings.yml" searx-run >"$here/searx.log" 2>&1 &
pids+=($!)
up "http://127.0.0.1:$kiwix/" "$here/kiwix.log"
up "http://127.0.0.1:$pages/index.html" "$here/pages.log"
up "http://127.0.0.1:$searx/" "$here/searx.log"

export SEARX_URL="http://127.0.0.1:$searx" KIWIX_URL="http://127.0.0.1:$kiwix" PAGES_URL="http://127.0.0.1:$pages"
if [ $# -gt 0 ]; then
    status=0
    "$@" || status=$?
    exit "$status"
fi
printf 'SEARX_URL=%s\nKIWIX_URL=%s\nPAGES_URL=%s\n' "$SEARX_URL" "$KIWIX_URL" "$PAGES_URL"
say "Ctrl-C stops it"
wait
