"""The boxes of lxc and libvirt: built once per recipe, with this computer's own apt settings."""

import fcntl
import hashlib
import json
import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools import debian
from tools.cluster.inventory import ROOT, Cluster
from tools.cluster.shell import output, run, say

RECIPE = ROOT / "tools" / "box"
RELEASE = "bookworm"
# What the box's metadata say to its provider; libvirt's disks may grow to so many GiB.
METADATA: dict[str, dict[str, str | int]] = {
    "lxc": {"provider": "lxc", "version": "1.0.0"},
    "libvirt": {"provider": "libvirt", "format": "qcow2", "virtual_size": 20},
}


def vagrant_home() -> Path:
    return Path(os.environ.get("VAGRANT_HOME", Path.home() / ".vagrant.d"))


def is_debian() -> bool:
    try:
        return platform.system() == "Linux" and platform.freedesktop_os_release().get("ID") == "debian"
    except OSError:
        return False


def is_built_here(provider: str) -> bool:
    """Whether the provider's box is ours, rather than a published one. The Vagrantfile has the same rule."""
    return provider == "lxc" or (provider == "libvirt" and is_debian() and platform.machine() == "x86_64")


def is_needed(cluster: Cluster, provider: str) -> bool:
    """Whether a machine takes the box that is built here, or all are given another one (vagrant_box)."""
    return is_built_here(provider) and any("vagrant_box" not in host for host in cluster.hosts().values())


def recipe(provider: str) -> list[Path]:
    """The files that decide what is in the box: those for all providers, and the provider's own."""
    files = [file for file in (*RECIPE.iterdir(), *(RECIPE / provider).iterdir()) if file.is_file()]
    return sorted(files, key=str)


def name(provider: str) -> str:
    """With a digest of the recipe: a changed recipe is another box. The Vagrantfile derives the same name."""
    content = b"".join(file.read_bytes() for file in recipe(provider))
    return f"taskyard/debian-12-{hashlib.sha256(content).hexdigest()[:8]}"


def installed() -> list[Path]:
    """The folders of all boxes of ours."""
    return sorted((vagrant_home() / "boxes").glob("taskyard-VAGRANTSLASH-debian-12-*"))


@contextmanager
def build_lock() -> Iterator[None]:
    """One build at a time for all checkouts. The build holds it too: an orphaned one is waited for."""
    vagrant_home().mkdir(parents=True, exist_ok=True)
    with (vagrant_home() / "taskyard-box.lock").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("the box is being built by another run: waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def is_current(provider: str, digest: str) -> bool:
    folder = vagrant_home() / "boxes" / name(provider).replace("/", "-VAGRANTSLASH-")
    files = folder.glob("0/**/metadata.json")
    return any(json.loads(file.read_text()).get("host") == digest for file in files)


def ensure(provider: str) -> None:
    """Build and add the box, unless it is there and made with this computer's present settings."""
    settings = debian.host_settings(RELEASE)
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]
    if is_current(provider, digest):
        return
    with build_lock():
        if not is_current(provider, digest):
            say(f"building the box {name(provider)} for {provider} (once; a minute or two)")
            build(provider, settings, digest)


def build(provider: str, settings: dict[str, str], digest: str) -> None:
    work = vagrant_home() / "tmp" / "taskyard-box"
    remove_work = ["rm", "-rf", "--one-file-system", str(work)]
    run(remove_work, root=True)
    (work / "apt").mkdir(parents=True)
    for file in ("sources.list", "apt.conf"):
        (work / "apt" / file).write_text(settings[file])
    arch = output(["dpkg", "--print-architecture"]).strip()
    metadata = json.dumps(METADATA[provider] | {"host": digest})
    # So that `vagrant box` does not read the project's Vagrantfile.
    elsewhere = {**os.environ, "VAGRANT_CWD": str(vagrant_home()), "VAGRANT_VAGRANTFILE": "none"}
    add = ["vagrant", "box", "add", "--no-tty", "--force", "--name", name(provider)]
    try:
        run([str(RECIPE / "build.sh"), provider, RELEASE, arch, str(work), metadata], root=True)
        run([*add, str(work / "package.box")], env=elsewhere)
    finally:
        run(remove_work, root=True)


def remove_all() -> list[str]:
    """Remove every box of ours; returns their names."""
    folders = installed()
    for folder in folders:
        shutil.rmtree(folder)
    return [folder.name.replace("-VAGRANTSLASH-", "/") for folder in folders]
