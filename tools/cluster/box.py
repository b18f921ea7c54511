"""The lxc box: built once per recipe from this computer's own apt configuration, kept among Vagrant's boxes."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.cluster.inventory import ROOT
from tools.cluster.shell import output, run, say

RECIPE = ROOT / "tools" / "box"
RELEASE = "bookworm"
DEFAULT_SOURCES = f"""deb http://deb.debian.org/debian {RELEASE} main
deb http://deb.debian.org/debian {RELEASE}-updates main
deb http://deb.debian.org/debian-security {RELEASE}-security main
"""


def vagrant_home() -> Path:
    return Path(os.environ.get("VAGRANT_HOME", Path.home() / ".vagrant.d"))


def name() -> str:
    """Carries a digest of the recipe, so that a changed recipe is another box (the Vagrantfile derives the same name)."""
    recipe = b"".join(file.read_bytes() for file in sorted(RECIPE.iterdir()))
    return f"taskyard/debian-12-{hashlib.sha256(recipe).hexdigest()[:8]}"


def installed() -> list[Path]:
    """The folders of all our boxes."""
    return sorted((vagrant_home() / "boxes").glob("taskyard-VAGRANTSLASH-debian-12-*"))


def apt_sources(indextargets: str) -> str:
    """Sources of the release from `apt-get indextargets` lines ORIGIN|URI|SUITE|CODENAME|COMPONENT: Debian's own, by this
    computer's mirrors."""
    lines = []
    for line in indextargets.splitlines():
        origin, uri, suite, codename, component = line.split("|")
        base = codename.split("-")[0]
        if origin == "Debian" and base and suite.startswith(base):
            lines.append(f"deb {uri} {suite.replace(base, RELEASE, 1)} {component}")
    return "".join(f"{line}\n" for line in dict.fromkeys(lines)) if lines else DEFAULT_SOURCES


def apt_options(dump: str) -> str:
    """How this computer reaches its mirrors: proxies, certificates, retries. Not its preferences."""
    wanted = re.compile(r'^Acquire::(?:https?|Retries|Check-Valid-Until|Check-Date|ForceIPv[46])\b.*"[^"]+";$', re.M)
    return "".join(f"{line}\n" for line in wanted.findall(dump))


def host_settings() -> dict[str, str]:
    form = "$(ORIGIN)|$(REPO_URI)|$(RELEASE)|$(CODENAME)|$(COMPONENT)"
    targets = output(["apt-get", "indextargets", "--format", form, "Created-By: Packages"], check=False)
    return {
        "sources.list": apt_sources(targets),
        "apt.conf": apt_options(output(["apt-config", "dump"], check=False)),
        "authorities": "".join(f.read_text() for f in sorted(Path("/usr/local/share/ca-certificates").rglob("*.crt"))),
    }


@contextmanager
def build_lock() -> Iterator[None]:
    """One build at a time for all checkouts of this account. Children hold it too: an orphaned build is waited for."""
    vagrant_home().mkdir(parents=True, exist_ok=True)
    with (vagrant_home() / "taskyard-box.lock").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another checkout is building the box: waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def is_current(digest: str) -> bool:
    for metadata in vagrant_home().glob(f"boxes/{name().replace('/', '-VAGRANTSLASH-')}/0/lxc/metadata.json"):
        if json.loads(metadata.read_text()).get("host") == digest:
            return True
    return False


def ensure() -> bool:
    """Builds and adds the box unless it is there and made with today's settings of this computer. True when built."""
    settings = host_settings()
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]
    if is_current(digest):
        return False
    with build_lock():
        if is_current(digest):
            return False
        say(f"building the box {name()} (once; about a minute)")
        work = vagrant_home() / "tmp" / "taskyard-box"
        run(["rm", "-rf", "--one-file-system", str(work)], root=True)
        (work / "apt").mkdir(parents=True)
        for file in ("sources.list", "apt.conf"):
            (work / "apt" / file).write_text(settings[file])
        arch = output(["dpkg", "--print-architecture"]).strip()
        metadata = json.dumps({"provider": "lxc", "version": "1.0.0", "host": digest})
        try:
            run([str(RECIPE / "build.sh"), RELEASE, arch, str(work), metadata], root=True)
            run(["vagrant", "box", "add", "--force", "--name", name(), str(work / "package.box")], env=outside_project())
        finally:
            run(["rm", "-rf", "--one-file-system", str(work)], root=True)
    return True


def outside_project() -> dict[str, str]:
    """An environment in which `vagrant box` does not read the project's Vagrantfile."""
    return {**os.environ, "VAGRANT_CWD": str(vagrant_home()), "VAGRANT_VAGRANTFILE": "none"}


def remove_all() -> list[str]:
    removed = []
    for folder in installed():
        shutil.rmtree(folder)
        removed.append(folder.name.replace("-VAGRANTSLASH-", "/"))
    return removed
