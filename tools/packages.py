"""Unpack locked packages for a machine that may differ from this computer."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Every machine has this C library or a newer one (Debian 12).
GLIBC = "2_36"


class FetchError(Exception):
    """The packages can't be had; the message says why."""


def unpack_packages(requirements: Path, python: str, machine: str, folder: Path) -> None:
    """Put what a lock file names into a folder, as it would lie in ``site-packages``, checking the hashes.

    Args:
        requirements: a lock file with hashes.
        python: the machine's Python, ``major.minor.micro``: the lock file's markers are decided by it.
        machine: the machine's architecture, ``x86_64`` or ``aarch64``.
        folder: where the packages go.

    Raises:
        FetchError: a package has no wheel for that machine, is not what was pinned, or can't be reached.
    """
    command = [
        str(Path(sys.executable).parent / "uv"),
        "pip",
        "install",
        "--quiet",
        "--no-config",
        "--target",
        str(folder),
    ]
    command += ["--python-version", python, "--python-platform", f"{machine}-manylinux_{GLIBC}"]
    command += ["--no-deps", "--no-build", "--require-hashes", "--requirement", str(requirements)]
    # Hard links into the installer's cache would let a change there change a bundle.
    done = subprocess.run(
        [*command, "--link-mode=copy"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "NO_COLOR": "1"},
    )
    if done.returncode:
        raise FetchError(f"the packages of {requirements.name} can't be fetched:\n{done.stderr.strip()}")
