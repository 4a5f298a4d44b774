"""Makes the packages of errand: a wheel, a tarball, an npm package, a .deb, and their checksums.

    python3 packaging/dist.py [x86_64|aarch64] [--profile release|dist] [--out dist]

maturin has cargo build the binary and puts it into a wheel, whose tag it takes from the symbols that
the binary wants; the other packages hold the same binary. For the machine's own architecture the
crates are compiled as by `cargo build --release`, in the same target folder, and only the last link
is another: zig links against an old glibc. For the other architecture zig compiles too. The profile
`dist` compiles everything anew, for size.

Needs rustup, Python 3.11 and pip; what else it needs pip installs into target/packaging. A package
is the same bytes whenever it is made of the same commit with the same binary.
"""

import argparse
import gzip
import hashlib
import io
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile

import inventory

ROOT = inventory.ROOT
HERE = ROOT / "packaging"
WORK = ROOT / "target/packaging"
# ONNX Runtime, which runs the local models, wants this one or a newer one itself.
GLIBC = "2.28"
# What each kind of package calls an architecture.
NAMES = {"x86_64": {"deb": "amd64", "npm": "x64"}, "aarch64": {"deb": "arm64", "npm": "arm64"}}


def run(*command, **more):
    try:
        return subprocess.run(command, check=True, cwd=ROOT, **more)
    except FileNotFoundError:
        sys.exit(f"error: `{command[0]}` does not start\nhint: see docs/install.md for what is needed")
    except subprocess.CalledProcessError as error:
        sys.exit(f"error: `{command[0]}` ended with status {error.returncode}")


def tools():
    """A virtual environment with what requirements.txt names; the environment to run it in."""
    wanted = (HERE / "requirements.txt").read_text(encoding="utf-8")
    folder, done = WORK / "venv", WORK / "venv/requirements.txt"
    if not done.is_file() or done.read_text(encoding="utf-8") != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        run(sys.executable, "-m", "venv", str(folder))
        run(str(folder / "bin/pip"), "install", "--quiet", "-r", str(HERE / "requirements.txt"))
        done.write_text(wanted, encoding="utf-8")
    return folder, {**os.environ, "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"}


def unwinder(venv):
    """zig's, in the place of the one that gcc brings as a library of its own."""
    text = next(venv.glob("lib/python*/site-packages/ziglang/lib/libunwind/LICENSE.TXT"))
    version = re.search(r"ziglang==(\S+)", (HERE / "requirements.txt").read_text()).group(1)
    return inventory.Linked("llvm-libunwind", f"zig-{version}", "The unwinder that zig links in",
                            "Apache-2.0 WITH LLVM-exception", text.read_text(encoding="utf-8"))


def wheel(arch, profile, env, bill, out):
    """Has maturin build and pack the binary; the wheel."""
    command = ["maturin", "build", "--profile", profile, "--locked", "--quiet", "--out", str(out),
               "--compatibility", f"manylinux_{GLIBC.replace('.', '_')}", "--sbom-include", str(bill)]
    if arch == platform.machine():
        env = {**env, "ZIG_TARGET": f"{arch}-linux-gnu.{GLIBC}"}
        command += ["--", "-C", f"linker={HERE / 'zigcc'}"]
    else:
        run("rustup", "target", "add", f"{arch}-unknown-linux-gnu")
        command += ["--zig", "--target", f"{arch}-unknown-linux-gnu"]
    run(*command, env=env)
    return next(out.glob(f"errand-*_{arch}.whl"))


def tar(files, prefix):
    """A compressed tarball of `path in it: (mode, bytes)`, with nothing of this machine in it."""
    inside = io.BytesIO()
    with tarfile.open(fileobj=inside, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        folders = {str(parent) for path in files for parent in pathlib.PurePosixPath(path).parents}
        for path in sorted((folders - {"."}) | set(files)):
            mode, data = files.get(path, (0o755, b""))
            entry = tarfile.TarInfo(prefix + path)
            entry.mode, entry.size, entry.mtime = mode, len(data), committed()
            entry.type = tarfile.REGTYPE if path in files else tarfile.DIRTYPE
            archive.addfile(entry, io.BytesIO(data))
    return gzip.compress(inside.getvalue(), compresslevel=6, mtime=0)


def committed():
    """When the commit was made: the time of every file in a package."""
    if "SOURCE_DATE_EPOCH" in os.environ:
        return int(os.environ["SOURCE_DATE_EPOCH"])
    return int(run("git", "log", "-1", "--format=%ct", stdout=subprocess.PIPE, text=True).stdout)


def npm(package, arch, texts):
    """One package an architecture, whose command is the binary itself: no script that starts it, so
    no time lost, and no dependency that npm would ask a registry for."""
    manifest = {
        "name": "errand",
        "version": package["version"],
        "description": package["description"],
        "license": f"({package['license']})",
        "bin": {"errand": "bin/errand"},
        "os": ["linux"],
        "cpu": [NAMES[arch]["npm"]],
        "libc": ["glibc"],
        "private": True,
    }
    text = json.dumps(manifest, indent=2) + "\n"
    return tar({**texts, "package.json": (0o644, text.encode())}, "package/")


def deb(package, arch, files, glibc):
    """A Debian package: an `ar` archive of two tarballs."""
    data, root = {}, "usr/share/"
    places = {
        "bin/errand": "usr/bin/errand",
        "completions/errand.bash": root + "bash-completion/completions/errand",
        "completions/_errand": root + "zsh/vendor-completions/_errand",
        "completions/errand.fish": root + "fish/vendor_completions.d/errand.fish",
        "LICENSE-MIT": root + "doc/errand/copyright",
    }
    for path, file in files.items():
        data[places.get(path, f"{root}doc/errand/{path}")] = file
    # Debian's tools look for the licence in `copyright`; Apache's text is on every system.
    terms = (f"errand {package['version']}, licensed under {package['license']}, as you like.\n"
             "The first is in /usr/share/common-licenses/Apache-2.0, the second is:\n\n")
    mode, mit = files["LICENSE-MIT"]
    data[places["LICENSE-MIT"]] = mode, terms.encode() + mit
    size = sum(len(bytes_) for _, bytes_ in data.values())
    control = "\n".join([
        "Package: errand",
        f"Version: {package['version']}",
        f"Architecture: {NAMES[arch]['deb']}",
        "Maintainer: The Errand developers <errand@localhost>",
        f"Installed-Size: {size // 1024}",
        f"Depends: libc6 (>= {glibc})",
        # Models and ONNX Runtime come through pip; with a remote model none of them is needed.
        "Recommends: python3 (>= 3.10), python3-pip, ca-certificates",
        "Section: utils",
        "Priority: optional",
        f"Description: {package['description'].split(':')[0]}",
        f" {package['description'].split(': ', 1)[1]}.",
        "",
    ])
    sums = "".join(f"{hashlib.md5(bytes_).hexdigest()}  {path}\n"
                   for path, (_, bytes_) in sorted(data.items()))
    about = {"control": (0o644, control.encode()), "md5sums": (0o644, sums.encode())}
    members = {"debian-binary": b"2.0\n", "control.tar.gz": tar(about, "./"),
               "data.tar.gz": tar(data, "./")}
    archive = b"!<arch>\n"
    for name, content in members.items():
        archive += f"{name:<16}{committed():<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode()
        archive += content + b"\n" * (len(content) % 2)
    return archive


def completions(arch, binary):
    """What the binary prints for each shell; the same for every architecture."""
    if arch == platform.machine():
        own = WORK / "errand"
        own.write_bytes(binary)
        own.chmod(0o755)
    else:
        run("cargo", "build", "--release", "--locked")
        own = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "release/errand"
    names = {"bash": "errand.bash", "zsh": "_errand", "fish": "errand.fish"}
    return {f"completions/{name}": (0o644, run(str(own), "completions", shell,
                                               stdout=subprocess.PIPE).stdout)
            for shell, name in names.items()}


def newest_glibc(binary):
    """The newest glibc whose symbols the binary names."""
    found = {tuple(map(int, version.split(b".")))
             for version in re.findall(rb"\0GLIBC_(\d+(?:\.\d+)+)(?=\0)", binary)}
    return ".".join(map(str, max(found)))


def main():
    parser = argparse.ArgumentParser(description="makes the packages of errand")
    parser.add_argument("arch", nargs="?", choices=NAMES, default=platform.machine())
    parser.add_argument("--profile", choices=["release", "dist"], default="release",
                        help="how the binary is compiled: soon, or for size (default: release)")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "dist")
    args = parser.parse_args()
    arch, out = args.arch, args.out.resolve()
    venv, env = tools()
    bill, terms = inventory.write(f"{arch}-unknown-linux-gnu", WORK, unwinder(venv))
    out.mkdir(parents=True, exist_ok=True)
    for old in [*out.glob(f"errand*{arch}*"), *out.glob(f"errand*{NAMES[arch]['deb']}*"),
                *out.glob(f"errand*{NAMES[arch]['npm']}*")]:
        old.unlink()

    metadata = json.loads(inventory.cargo("metadata", "--format-version", "1", "--no-deps"))
    package = next(p for p in metadata["packages"] if p["name"] == "errand")
    version = package["version"]
    made = wheel(arch, args.profile, env, bill, out)
    with zipfile.ZipFile(made) as archive:
        binary = archive.read(f"errand-{version}.data/scripts/errand")
    glibc = newest_glibc(binary)

    texts = {path.name: (0o644, path.read_bytes())
             for path in [ROOT / "README.md", *sorted(ROOT.glob("LICENSE-*")), terms, bill]}
    texts["bin/errand"] = (0o755, binary)
    files = {**texts, **completions(arch, binary)}
    folder = f"errand-{version}-{arch}-linux"
    packages = {
        f"{folder}.tar.gz": tar(files, f"{folder}/"),
        f"errand-{version}-linux-{NAMES[arch]['npm']}.npm.tgz": npm(package, arch, texts),
        f"errand_{version}_{NAMES[arch]['deb']}.deb": deb(package, arch, files, glibc),
        f"{folder}.cdx.json": bill.read_bytes(),
    }
    for name, content in packages.items():
        (out / name).write_bytes(content)
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
            for path in sorted(out.iterdir()) if path.name.startswith("errand")]
    (out / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")

    print(f"errand {version} for {arch}, {len(binary) / 1e6:.1f} MB, glibc {glibc} or later")
    for name in [made.name, *packages]:
        print(f"  {(out / name).stat().st_size / 1e6:6.1f} MB  {name}")


if __name__ == "__main__":
    main()
