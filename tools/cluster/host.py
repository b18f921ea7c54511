"""Which provider runs the machines here, and enabling a computer that has no hypervisor."""

import os
import platform
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from tools.cluster.box import is_debian, vagrant_home
from tools.cluster.inventory import Cluster
from tools.cluster.shell import output, say, stop

PROVIDERS = ("virtualbox", "libvirt", "lxc")
GEMS = "/usr/share/rubygems-integration/all/gems"
# Debian's packages, each with a command or a file that shows that it is there: what every provider needs,
ALL = {
    "vagrant": "vagrant",
    "iproute2": "ip",
    "openssh-client": "ssh",
}
# what each needs beside that,
PACKAGES = {
    "lxc": {
        "vagrant-lxc": f"{GEMS}/vagrant-lxc-*",
        "lxc": "lxc-create",
        "dnsmasq-base": "dnsmasq",
        "bridge-utils": "brctl",
        "iptables": "iptables",
    },
    "libvirt": {
        "libvirt-daemon-system": "libvirtd",
        "libvirt-clients": "virsh",
        "qemu-system-x86": "qemu-system-x86_64",
        "dnsmasq-base": "dnsmasq",
        "iptables": "iptables",
    },
}
# and what its box is built with.
BOX_PACKAGES = {
    "lxc": {"mmdebstrap": "mmdebstrap"},
    "libvirt": {
        "mmdebstrap": "mmdebstrap",
        "e2fsprogs": "mkfs.ext4",
        "fdisk": "sfdisk",
        "grub-common": "grub-mkimage",
        "grub-pc-bin": "/usr/lib/grub/i386-pc/boot.img",
        "qemu-utils": "qemu-img",
    },
}
WELL_KNOWN_KEY = f"{GEMS.lstrip('/')}/vagrant-[0-9]*/keys/vagrant"


def asked_for(variables: Mapping[str, object], environment: Mapping[str, str]) -> str | None:
    """A provider named in the inventory, or else in the environment (the Vagrantfile has the same order)."""
    asked = variables.get("vagrant_provider") or environment.get("VAGRANT_DEFAULT_PROVIDER")
    if asked is not None and asked not in PROVIDERS:
        stop(f"the provider {asked!r} is not known here; these are: {', '.join(PROVIDERS)}")
    return None if asked is None else str(asked)


def has_kvm() -> bool:
    """Whether machines can run on the processor itself. The Vagrantfile has the same rule.

    On a PC /dev/kvm alone proves little: in some virtual machines it is there, and serves only kernels that
    were prepared for it. The processor has to have the instructions (Intel's vmx or AMD's svm).
    """
    if not Path("/dev/kvm").exists():
        return False
    cpu = Path("/proc/cpuinfo").read_text()
    return platform.machine() != "x86_64" or bool(re.search(r"^flags.*\b(vmx|svm)\b", cpu, re.MULTILINE))


def emulates(variables: Mapping[str, object]) -> bool:
    """Whether libvirt's machines get an emulated processor: as the inventory says, or for want of KVM."""
    return variables.get("vagrant_driver", "kvm" if has_kvm() else "qemu") == "qemu"


def installed() -> str | None:
    """A hypervisor that can be used at once; emulation only where there is nothing better."""
    if shutil.which("VBoxManage"):
        return "virtualbox"
    if shutil.which("virsh") and "vagrant-libvirt" in output(["vagrant", "plugin", "list"], check=False):
        return "libvirt" if has_kvm() or not is_debian() else None
    return None


def provider_of(cluster: Cluster) -> str:
    return asked_for(cluster.variables(), os.environ) or installed() or "lxc"


def is_there(sign: str) -> bool:
    """A file by its path, or a command, also one for root."""
    if sign.startswith("/"):
        return any(Path("/").glob(sign.lstrip("/")))
    return shutil.which(sign, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is not None


def missing_packages(provider: str, *, builds_box: bool) -> list[str]:
    packages = ALL | PACKAGES[provider] | (BOX_PACKAGES[provider] if builds_box else {})
    missing = [name for name, sign in packages.items() if not is_there(sign)]
    return missing + (["vagrant-libvirt"] if provider == "libvirt" and not has_libvirt_plugin() else [])


def has_libvirt_plugin() -> bool:
    """As a Debian package, or installed by Vagrant itself (which Vagrant's own packages need)."""
    if is_there(f"{GEMS}/vagrant-libvirt-*") or any(vagrant_home().glob("gems/*/gems/vagrant-libvirt-*")):
        return True
    if is_there("vagrant") and not is_there(f"{GEMS}/vagrant-[0-9]*"):
        stop("Vagrant is here, but not its libvirt plugin. Type:", "vagrant plugin install vagrant-libvirt")
    return False


def require(provider: str, *, builds_box: bool, may_install: bool) -> None:
    """Vagrant and the provider are here, or are installed now, or it is said what to install."""
    if provider == "virtualbox" or (provider == "libvirt" and not is_debian()):
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
    missing = missing_packages(provider, builds_box=builds_box)
    if missing and not may_install:
        stop(f"these Debian packages are missing: {' '.join(missing)}", "To install them and go on: make up")
    if missing:
        if provider == "lxc":
            say("no hypervisor here: the machines will be LXC containers")
        say(f"installing from Debian: {' '.join(missing)}")
        apt = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300"]
        output([*apt, "update"], root=True)
        # Also one that is installed, and has lost what it was recognized by.
        output([*apt, "install", "--reinstall", "--yes", "--no-install-recommends", *missing], root=True)
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
