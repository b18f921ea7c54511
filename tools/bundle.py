"""Build what a machine needs to run Python code of ours, on this computer, once per system.

A bundle is a tar file with the locked packages, and for ``app`` the application's code beside them.
Its version is a digest of its content, so the same tree gives the same release on every controller, and a
machine that has the version has the content. A release lists its packages itself, in ``sbom.cdx.json``
(tools/sbom.py). Roles call this (``roles/python_bundle``); by hand it is

    python -m tools.bundle app --python 3.11.2 --machine x86_64

It prints one line of JSON: ``{"version": "0.1.0+3f2a9c1b04", "path": "/…/app-….tar"}``.
"""

import argparse
import hashlib
import json
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path

from tools import sbom
from tools.packages import ROOT, FetchError, unpack_packages

CACHE = ROOT / ".cache" / "bundles"


def project_version() -> str:
    """The project's version; its home is pyproject.toml."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])


def application_files() -> list[Path]:
    """The application's source files, sorted."""
    return sorted(
        path for path in (ROOT / "app").rglob("*") if path.is_file() and "__pycache__" not in path.parts
    )


def folders(files: list[Path]) -> set[Path]:
    """All folders between the project's and these files."""
    return {parent for file in files for parent in file.parents if ROOT in parent.parents}


def digest(paths: list[Path], system: str) -> str:
    """Ten hexadecimal digits for the names and contents of these files and the machine's system."""
    total = hashlib.sha256(system.encode())
    for path in paths:
        total.update(f"{path.relative_to(ROOT)}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()[:10]


def readable(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Root's, and readable by the services, whatever this computer's umask is."""
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
    return member


def build(name: str, python: str, machine: str) -> tuple[str, Path]:
    """Build a bundle unless it is there.

    Args:
        name: ``app`` or ``admin``; the lock file is ``requirements/<name>.txt``.
        python: the machine's Python, ``major.minor.micro``.
        machine: the machine's architecture, ``x86_64`` or ``aarch64``.

    Returns:
        The version, and the path of the tar file.
    """
    requirements = ROOT / "requirements" / f"{name}.txt"
    sources = [*application_files(), ROOT / "pyproject.toml"] if name == "app" else []
    # What writes the bill of materials decides what is in it.
    writers = [Path(sbom.__file__)] if name == "app" else []
    version = f"{project_version()}+{digest([*sources, *writers, requirements], f'{python} {machine}')}"
    target = CACHE / f"{name}-{version}-py{python}-{machine}.tar"
    if target.exists():
        return version, target
    CACHE.mkdir(parents=True, exist_ok=True)
    # A half-written bundle never gets the final name.
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        packages = Path(scratch) / "site-packages"
        unpack_packages(requirements, python, machine, packages)
        draft = Path(scratch) / "bundle.tar"
        with tarfile.open(draft, "w") as tar:
            tar.add(packages, "site-packages", filter=readable)
            # Folders too: who unpacks it would make them with the umask of the moment.
            for path in sorted({*sources, *folders(sources)}):
                tar.add(path, str(path.relative_to(ROOT)), recursive=False, filter=readable)
            if name == "app":
                materials = Path(scratch) / sbom.FILE
                materials.write_text(sbom.bill(version, sbom.unpacked(packages), requirements.read_text()))
                tar.add(materials, sbom.FILE, filter=readable)
        draft.replace(target)
    return version, target


def main() -> int:
    """Parse the command line; print the result as one line of JSON."""
    parser = argparse.ArgumentParser(description="Build a hash-locked bundle for the machines.")
    parser.add_argument("name", choices=("app", "admin"))
    parser.add_argument("--python", required=True, help="the machine's Python, such as 3.11.2")
    parser.add_argument("--machine", required=True, help="the machine's architecture, such as x86_64")
    options = parser.parse_args()
    try:
        version, path = build(options.name, options.python, options.machine)
    except FetchError as error:
        print(f"taskyard: {error}", file=sys.stderr)
        return 1
    print(json.dumps({"version": version, "path": str(path)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
