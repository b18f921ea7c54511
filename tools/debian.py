"""Debian's packages: what is missing here, and how systems built here reach its mirrors as we do."""

import os
import re
import shutil
from pathlib import Path

from tools.cluster.shell import output, say, stop


def require_program(program: str, package: str) -> None:
    """Have a program on this computer, or say how to get it. INSTALL=yes installs it. Raises StopError."""
    if shutil.which(program):
        return
    if os.environ.get("INSTALL") != "yes" or shutil.which("apt-get") is None:
        stop(
            f"{program} is missing here.",
            "Debian: type it again with INSTALL=yes at its end, or:",
            f"sudo apt-get install --no-install-recommends {package}",
        )
    say(f"installing from Debian: {package}")
    apt = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300"]
    output([*apt, "install", "--yes", "--no-install-recommends", package], root=True)


def default_sources(release: str) -> str:
    """Debian's own addresses, for a computer that is no Debian."""
    return (
        f"deb http://deb.debian.org/debian {release} main\n"
        f"deb http://deb.debian.org/debian {release}-updates main\n"
        f"deb http://deb.debian.org/debian-security {release}-security main\n"
    )


def apt_sources(indextargets: str, release: str) -> str:
    """Debian's own sources by this computer's mirrors, for another release.

    Args:
        indextargets: lines ``ORIGIN|URI|SUITE|CODENAME|COMPONENT`` of ``apt-get indextargets``.
        release: the code name of the release that is built.
    """
    lines = []
    for line in indextargets.splitlines():
        origin, uri, suite, codename, component = line.split("|")
        base = codename.split("-")[0]
        if origin == "Debian" and base and suite.startswith(base):
            lines.append(f"deb {uri} {suite.replace(base, release, 1)} {component}\n")
    return "".join(dict.fromkeys(lines)) or default_sources(release)


def apt_options(dump: str) -> str:
    """How this computer reaches its mirrors (proxies, certificates, retries), of ``apt-config dump``."""
    kinds = r"https?|Retries|Check-Valid-Until|Check-Date|ForceIPv[46]"
    wanted = re.findall(rf'^Acquire::(?:{kinds})\b.*"[^"]+";$', dump, re.MULTILINE)
    return "".join(f"{line}\n" for line in wanted)


def host_settings(release: str) -> dict[str, str]:
    """What of this computer goes into a system of that release."""
    form = "$(ORIGIN)|$(REPO_URI)|$(RELEASE)|$(CODENAME)|$(COMPONENT)"
    targets = output(["apt-get", "indextargets", "--format", form, "Created-By: Packages"], check=False)
    authorities = sorted(Path("/usr/local/share/ca-certificates").rglob("*.crt"))
    return {
        "sources.list": apt_sources(targets, release),
        "apt.conf": apt_options(output(["apt-config", "dump"], check=False)),
        "authorities": "".join(file.read_text() for file in authorities),
    }
