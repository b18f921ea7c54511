"""Which provider runs the machines here, and making a computer without a hypervisor able to."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Mapping
from pathlib import Path

from tools.cluster.inventory import Cluster
from tools.cluster.shell import output, run, say, stop

# The command (or file) that shows that a Debian package is there. bridge-utils is called by the provider.
PACKAGES = {
    "vagrant": "/usr/bin/vagrant",
    "vagrant-lxc": "/usr/share/rubygems-integration/all/gems/vagrant-lxc-*",
    "lxc": "/usr/bin/lxc-create",
    "dnsmasq-base": "/usr/sbin/dnsmasq",
    "bridge-utils": "/usr/sbin/brctl",
    "mmdebstrap": "/usr/bin/mmdebstrap",
    "iptables": "/usr/sbin/iptables",
    "iproute2": "/usr/sbin/ip",
    "openssh-client": "/usr/bin/ssh",
}
PROVIDERS = ("virtualbox", "libvirt", "lxc")


def chosen_provider(variables: Mapping[str, object], environment: Mapping[str, str]) -> str | None:
    """What was asked for: in the inventory, then in the environment (the Vagrantfile has the same order)."""
    asked = variables.get("vagrant_provider") or environment.get("VAGRANT_DEFAULT_PROVIDER")
    if asked is not None and asked not in PROVIDERS:
        stop(f"the provider {asked!r} is not known here; these are: {', '.join(PROVIDERS)}")
    return str(asked) if asked is not None else None


def installed_provider() -> str | None:
    """A hypervisor that can be used at once."""
    if shutil.which("VBoxManage"):
        return "virtualbox"
    if shutil.which("virsh") and shutil.which("vagrant") and "vagrant-libvirt" in output(["vagrant", "plugin", "list"], check=False):
        return "libvirt"
    return None


def provider_of(cluster: Cluster) -> str:
    return chosen_provider(cluster.variables(), os.environ) or installed_provider() or "lxc"


def missing_packages() -> list[str]:
    def there(sign: str) -> bool:
        path = Path(sign)
        return any(path.parent.glob(path.name))

    return [package for package, sign in PACKAGES.items() if not there(sign)]


def is_debian() -> bool:
    try:
        return platform.system() == "Linux" and platform.freedesktop_os_release().get("ID") == "debian"
    except OSError:
        return False


def prepare_for_lxc() -> bool:
    """Installs what the lxc provider needs. True when something was missing."""
    if not is_debian():
        stop(
            "no hypervisor was found, and only on Debian can it be done without one.",
            "Install Vagrant (https://developer.hashicorp.com/vagrant/install)",
            "and VirtualBox (https://www.virtualbox.org/wiki/Downloads), or libvirt with the vagrant-libvirt plugin.",
        )
    missing = missing_packages()
    if not missing:
        return False
    say(f"no hypervisor here, so the machines will be LXC containers. Installing from Debian: {' '.join(missing)}")
    apt = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-o", "DPkg::Lock::Timeout=300"]
    run([*apt, "update"], root=True)
    run([*apt, "install", "--yes", "--no-install-recommends", *missing], root=True)
    return True


def require_vagrant(provider: str) -> None:
    if shutil.which("vagrant") is None:
        stop(
            f"{provider} is here, but Vagrant is not.",
            "Install it: https://developer.hashicorp.com/vagrant/install",
        )
