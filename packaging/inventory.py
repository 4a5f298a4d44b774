"""What the binary is made of: an SBOM (CycloneDX 1.5) and the licences of third parties.

Both are read off `cargo tree` and `cargo metadata`, for the target and with the features that are
built, of three workspaces: errand's own, the guests' (tools/guests) and that of the guest with C in
it (tools/guests/data), whose components are inside the binary. A tool that looks at one workspace
does not see the others, which is why this is a script. Crates for building and testing only are left out.
"""

import hashlib
import html
import json
import pathlib
import re
import subprocess
import sys
import tomllib
import uuid

ROOT = pathlib.Path(__file__).resolve().parent.parent
GUESTS = ROOT / "tools/guests"
GUEST_TARGET = "wasm32-wasip2"
NOTICES = re.compile(r"(LICEN[SC]E|COPYING|COPYRIGHT|NOTICE|UNLICENSE)", re.IGNORECASE)


class Linked:
    """What is linked in beside the crates."""

    def __init__(self, name, version, about, license, notices):
        self.name, self.version, self.about = name, version, about
        self.license, self.notices = license, notices

    @property
    def ref(self):
        return f"{self.name}@{self.version}"


class Crate:
    def __init__(self, package, checksum):
        self.name, self.version = package["name"], package["version"]
        self.ours = package["source"] is None
        self.folder = pathlib.Path(package["manifest_path"]).parent
        self.file = package["license_file"]
        # `MIT/Apache-2.0` is how it was once written.
        self.license = re.sub(r"\s*/\s*", " OR ", package["license"] or "")
        self.about, self.repository = package["description"], package["repository"]
        self.checksum = checksum
        self.needs = set()

    @property
    def ref(self):
        # A crate of this repository is in no registry: a package URL would name another's.
        return f"{'path:' if self.ours else 'pkg:cargo/'}{self.name}@{self.version}"

    def notices(self):
        """The texts of its licences and notices."""
        files = {path for path in self.folder.iterdir() if path.is_file() and NOTICES.match(path.name)}
        if self.file:
            files.add((self.folder / self.file).resolve())
        return [path.read_text(encoding="utf-8", errors="replace") for path in sorted(files)]


def cargo(*words):
    command = ["cargo", *words, "--locked"]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def crates(folder, target, *roots):
    """The crates that a binary for this target is linked from, by name and version."""
    at = ["--manifest-path", str(folder / "Cargo.toml")]
    metadata = json.loads(
        cargo("metadata", "--format-version", "1", "--filter-platform", target, *at)
    )
    # `cargo metadata` has the features of the tests too; `cargo tree` those that are built.
    tree = cargo("tree", *at, *roots, "--target", target, "--edges", "normal", "--prefix", "none",
                 "--format", "{p}")
    built = {tuple(line.split()[:2]) for line in tree.splitlines() if line.strip()}
    lock = tomllib.loads((folder / "Cargo.lock").read_text(encoding="utf-8"))
    checksums = {(p["name"], p["version"]): p.get("checksum") for p in lock["package"]}
    found = {}
    for package in metadata["packages"]:
        key = package["name"], package["version"]
        if (key[0], f"v{key[1]}") in built:
            found[package["id"]] = Crate(package, checksums.get(key))
    for node in metadata["resolve"]["nodes"]:
        if node["id"] in found:
            normal = [dep["pkg"] for dep in node["deps"]
                      if any(kind["kind"] is None for kind in dep["dep_kinds"])]
            found[node["id"]].needs = {found[to].ref for to in normal if to in found}
    return {crate.ref: crate for crate in found.values()}


def inventory(target):
    """All crates, and errand itself."""
    host = crates(ROOT, target, "--package", "errand")
    guests = crates(GUESTS, GUEST_TARGET, "--workspace")
    for ref, crate in crates(GUESTS / "data", GUEST_TARGET).items():
        guests.setdefault(ref, crate).needs |= crate.needs
    errand = next(crate for crate in host.values() if crate.ours and crate.name == "errand")
    # The components are inside the crate that runs them.
    tools = next(crate for crate in host.values() if crate.ours and crate.name == "tools")
    tools.needs |= {crate.ref for crate in guests.values() if crate.ours}
    for ref, crate in guests.items():
        host.setdefault(ref, crate).needs |= crate.needs
    return errand, dict(sorted(host.items()))


def sbom(errand, all_crates, linked, target):
    def component(crate, kind):
        entry = {"type": kind, "bom-ref": crate.ref, "name": crate.name, "version": crate.version}
        if crate.about:
            entry["description"] = " ".join(crate.about.split())
        if crate.checksum:
            entry["hashes"] = [{"alg": "SHA-256", "content": crate.checksum}]
        if crate.license:
            entry["licenses"] = [{"expression": crate.license}]
        if not crate.ours:
            entry["purl"] = crate.ref
        return entry

    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": component(errand, "application"),
            "properties": [{"name": "cargo:target", "value": target}],
        },
        "components": [component(c, "library") for c in all_crates.values() if c is not errand]
        + [{"type": "library", "bom-ref": part.ref, "name": part.name, "version": part.version,
            "description": part.about, "licenses": [{"expression": part.license}]}
           for part in linked],
        "dependencies": [
            {"ref": crate.ref, "dependsOn": sorted(crate.needs)} for crate in all_crates.values()
        ],
    }
    # The same parts have the same number.
    digest = hashlib.sha256(json.dumps(bill).encode()).hexdigest()
    bill["serialNumber"] = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, digest)}"
    return json.dumps(bill, indent=1) + "\n"


def standard_library():
    """Rust's, whose notices come with the toolchain as a page."""
    def rustc(*words):
        command = ["rustc", *words]
        return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout

    page = pathlib.Path(rustc("--print", "sysroot").strip(), "share/doc/rust/COPYRIGHT-library.html")
    if not page.is_file():
        sys.exit(f"error: the toolchain has no `{page.name}`\n"
                 "hint: it comes with the component `rustc` of rustup's toolchains")
    text = re.sub(r"<head>.*?</head>|<[^>]+>", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    text = re.sub(r"\n\s*\n\s*\n+", "\n\n", html.unescape(text))
    version = rustc("--version").split()[1]
    return Linked("rust-std", version, "The Rust standard library", "MIT OR Apache-2.0", text)


def licences(all_crates, linked):
    """The list of the crates, then each text once."""
    rows, texts = [], {}
    for crate in all_crates.values():
        if crate.ours:
            continue
        name, notices = f"{crate.name} {crate.version}", crate.notices()
        rows.append(f"{name}: {crate.license or 'see its text'}"
                    + ("" if notices else f" (its package holds no text; {crate.repository})"))
        for text in notices:
            # The same words, however their lines are broken, are one text.
            of, _ = texts.setdefault(" ".join(text.split()), ([], text))
            of.append(name)
    for part in linked:
        rows.append(f"{part.name} {part.version}: {part.license}, and what its notices below say")
    blocks = [f"{', '.join(dict.fromkeys(of))}\n{'-' * 80}\n{text.strip()}\n"
              for of, text in texts.values()]
    blocks += [f"{part.name} {part.version}\n{'-' * 80}\n{part.notices.strip()}\n"
               for part in linked]
    head = (
        "What others wrote that is inside errand. It is distributed under the terms below; where a\n"
        "crate gives a choice, any of its licences may be chosen. The source of each crate is the\n"
        "package of its name and version in the registry of Rust crates, unchanged; that is also\n"
        "where the source of those under MPL-2.0 is.\n"
    )
    rule = "=" * 80
    return "\n".join([head, *rows, "", rule, f"\n{rule}\n".join(blocks)])


def write(target, folder, *linked):
    """Writes both files for this target into a folder; their paths."""
    errand, all_crates = inventory(target)
    linked = [standard_library(), *linked]
    folder.mkdir(parents=True, exist_ok=True)
    bill, terms = folder / "errand.cdx.json", folder / "LICENSE-THIRD-PARTY.txt"
    bill.write_text(sbom(errand, all_crates, linked, target), encoding="utf-8")
    terms.write_text(licences(all_crates, linked), encoding="utf-8")
    return bill, terms
