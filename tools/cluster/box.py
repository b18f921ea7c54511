"""The lxc box: built once per recipe from this computer's own apt configuration, kept among Vagrant's."""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools import debian
from tools.cluster.inventory import ROOT
from tools.cluster.shell import output, run, say

RECIPE = ROOT / "tools" / "box"
RELEASE = "bookworm"


def vagrant_home() -> Path:
    return Path(os.environ.get("VAGRANT_HOME", Path.home() / ".vagrant.d"))


def name() -> str:
    """With a digest of the recipe: a changed recipe is another box. The Vagrantfile derives the same name."""
    recipe = b"".join(file.read_bytes() for file in sorted(RECIPE.iterdir()))
    return f"taskyard/debian-12-{hashlib.sha256(recipe).hexdigest()[:8]}"


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


def is_current(digest: str) -> bool:
    folder = vagrant_home() / "boxes" / name().replace("/", "-VAGRANTSLASH-")
    files = folder.glob("0/**/metadata.json")
    return any(json.loads(file.read_text()).get("host") == digest for file in files)


def ensure() -> None:
    """Build and add the box, unless it is there and made with this computer's present settings."""
    settings = debian.host_settings(RELEASE)
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]
    if is_current(digest):
        return
    with build_lock():
        if not is_current(digest):
            say(f"building the box {name()} (once; about a minute)")
            build(settings, digest)


def build(settings: dict[str, str], digest: str) -> None:
    work = vagrant_home() / "tmp" / "taskyard-box"
    remove_work = ["rm", "-rf", "--one-file-system", str(work)]
    run(remove_work, root=True)
    (work / "apt").mkdir(parents=True)
    for file in ("sources.list", "apt.conf"):
        (work / "apt" / file).write_text(settings[file])
    arch = output(["dpkg", "--print-architecture"]).strip()
    metadata = json.dumps({"provider": "lxc", "version": "1.0.0", "host": digest})
    # So that `vagrant box` does not read the project's Vagrantfile.
    elsewhere = {**os.environ, "VAGRANT_CWD": str(vagrant_home()), "VAGRANT_VAGRANTFILE": "none"}
    try:
        run([str(RECIPE / "build.sh"), RELEASE, arch, str(work), metadata], root=True)
        run(
            ["vagrant", "box", "add", "--no-tty", "--force", "--name", name(), str(work / "package.box")],
            env=elsewhere,
        )
    finally:
        run(remove_work, root=True)


def remove_all() -> list[str]:
    """Remove every box of ours; returns their names."""
    folders = installed()
    for folder in folders:
        shutil.rmtree(folder)
    return [folder.name.replace("-VAGRANTSLASH-", "/") for folder in folders]
