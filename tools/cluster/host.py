"""Which provider runs the machines here, and enabling a computer that has no hypervisor."""

import os
import platform
import shutil
from collections.abc import Mapping
from pathlib import Path

from tools.cluster.box import vagrant_home
from tools.cluster.inventory import Cluster
from tools.cluster.shell import output, say, stop

PROVIDERS = ("virtualbox", "libvirt", "lxc")
# Debian's packages for the lxc provider, each with a file that shows that it is there.
PACKAGES = {
    "vagrant": "/usr/bin/vagrant",
    "vagrant-lxc": "/usr/share/rubygems-integration/all/gems/vagrant-lxc-*",
    "lxc": "/usr/bin/lxc-create",
    "dnsmasq-base": "/usr/sbin/dnsmasq",
    "bridge-utils": "/usr/sbin/brctl",
    "mmdebstrap": "/usr/bin/mmdebstrap",
    "iptables": "/usr/sbin/iptables",
    "iproute2": "/usr/bin/ip",
    "openssh-client": "/usr/bin/ssh",
}
WELL_KNOWN_KEY = "usr/share/rubygems-integration/all/gems/vagrant-[0-9]*/keys/vagrant"


def asked_for(variables: Mapping[str, object], environment: Mapping[str, str]) -> str | None:
    """A provider named in the inventory, or else in the environment (the Vagrantfile has the same order)."""
    asked = variables.get("vagrant_provider") or environment.get("VAGRANT_DEFAULT_PROVIDER")
    if asked is not None and asked not in PROVIDERS:
        stop(f"the provider {asked!r} is not known here; these are: {', '.join(PROVIDERS)}")
    return None if asked is None else str(asked)


def installed() -> str | None:
    """A hypervisor that can be used at once."""
    if shutil.which("VBoxManage"):
        return "virtualbox"
    if shutil.which("virsh") and "vagrant-libvirt" in output(["vagrant", "plugin", "list"], check=False):
        return "libvirt"
    return None


def provider_of(cluster: Cluster) -> str:
    return asked_for(cluster.variables(), os.environ) or installed() or "lxc"


def missing_packages() -> list[str]:
    return [name for name, sign in PACKAGES.items() if not any(Path("/").glob(sign.lstrip("/")))]


def is_debian() -> bool:
    try:
        return platform.system() == "Linux" and platform.freedesktop_os_release().get("ID") == "debian"
    except OSError:
        return False


def require(provider: str, *, may_install: bool) -> None:
    """Vagrant and the provider are here, or are installed now, or it is said what to install."""
    if provider != "lxc":
        if shutil.which("vagrant") is None:
            stop(
                f"{provider} is here, but Vagrant is not.",
                "Install it: https://developer.hashicorp.com/vagrant/install",
            )
        return
    if not is_debian():
        stop(
            "no hypervisor was found, and only on Debian can it be done without one.",
            "Install Vagrant (https://developer.hashicorp.com/vagrant/install)",
            "and VirtualBox (https://www.virtualbox.org/wiki/Downloads),",
            "or libvirt with the vagrant-libvirt plugin.",
        )
    missing = missing_packages()
    if missing and not may_install:
        stop(f"these Debian packages are missing: {' '.join(missing)}", "To install them and go on: make up")
    if missing:
        say("no hypervisor here: the machines will be LXC containers")
        say(f"installing from Debian: {' '.join(missing)}")
        apt = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300"]
        output([*apt, "update"], root=True)
        output([*apt, "install", "--yes", "--no-install-recommends", *missing], root=True)
    give_vagrant_its_key()


def give_vagrant_its_key() -> None:
    """Vagrant copies its well-known key to every home; Debian's package lets root alone read the original."""
    copy = vagrant_home() / "insecure_private_key"
    original = next(Path("/").glob(WELL_KNOWN_KEY), None)
    if copy.exists() or original is None or os.access(original, os.R_OK):
        return
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.touch(mode=0o600)
    copy.write_text(output(["cat", str(original)], root=True))
