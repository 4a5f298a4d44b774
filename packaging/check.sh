#!/usr/bin/env bash
#
#     packaging/check.sh [FOLDER]
#
# Makes every package for this machine, in that folder or in one that is removed again, and uses it as
# a user would: the checksums hold, each package unpacks or installs, and the wheel's errand answers
# the almanac's question in an empty folder. What is fetched goes into ERRAND_HOME if that is set;
# otherwise everything is fetched anew. PROFILE=dist compiles for size.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
work=$(mktemp -d)
dist=$(realpath -m "${1:-$work/dist}")
trap 'rm -rf "$work"' EXIT

say() { printf '\n-- %s (%s s)\n' "$1" "$SECONDS"; }

say "packages"
python3 packaging/dist.py --profile "${PROFILE:-release}" --out "$dist"
cd "$dist"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -1)
arch=$(uname -m)

say "checksums"
sha256sum --check --strict SHA256SUMS

# runs BINARY: it is the packaged one, and it starts.
runs() {
    [ "$("$1" --version)" = "errand $version" ]
    cmp "$1" "$work/tar/bin/errand"
}

say "tarball"
mkdir "$work/tar"
tar -xzf "errand-$version-$arch-linux.tar.gz" -C "$work/tar" --strip-components 1
runs "$work/tar/bin/errand"
for file in LICENSE-MIT LICENSE-APACHE LICENSE-THIRD-PARTY.txt README.md errand.cdx.json \
    completions/errand.bash completions/_errand completions/errand.fish; do
    [ -s "$work/tar/$file" ] || { echo "the tarball has no $file" >&2; exit 1; }
done
bash -n "$work/tar/completions/errand.bash"

say "npm package"
if command -v npm >/dev/null; then
    npm install --silent --offline --no-audit --no-fund --global --prefix "$work/npm" ./errand-*.npm.tgz
    runs "$work/npm/bin/errand"
else
    echo "left out: npm is not here"
fi

say ".deb"
if command -v dpkg-deb >/dev/null; then
    dpkg-deb --field errand_*.deb Package Version Architecture Depends
    dpkg-deb --extract errand_*.deb "$work/deb"
    runs "$work/deb/usr/bin/errand"
else
    echo "left out: dpkg-deb is not here"
fi

say "wheel"
python3 -m venv "$work/venv"
started=$SECONDS
# Nothing but the wheel: what it depends on, pip, is in every environment.
"$work/venv/bin/pip" install --quiet --no-index ./errand-*.whl
runs "$work/venv/bin/errand"

say "the almanac, from the wheel"
mkdir "$work/empty"
cd "$work/empty"
cp -r "$root/examples/almanac" .
# The environment is not activated, and there is nothing on the PATH: its own Python has to do.
PATH=$work/no-programs ERRAND_HOME=${ERRAND_HOME:-$work/home} \
    "$work/venv/bin/errand" run almanac/agent.toml >"$work/answer.json"
cat "$work/answer.json"
"$work/venv/bin/python3" - "$work/answer.json" <<'CHECK'
import json, pathlib, sys
answer = json.load(open(sys.argv[1], encoding="utf-8"))
assert answer["found"] is True and "5051" in answer["answer"].replace(",", ""), answer
for source in answer["sources"]:
    assert pathlib.Path("almanac", source).is_file(), source
CHECK

say "done: from \`pip install\` to the answer $((SECONDS - started)) s"
