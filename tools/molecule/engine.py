"""The container engine and its images: one for each Debian release, built from Debian's own packages."""

import hashlib
import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from tools import debian
from tools.cluster.shell import as_root, output, run, say, stop, succeeds
from tools.packages import ROOT

CACHE = ROOT / ".cache" / "molecule"
# What the machines of a role's test have.
ROLE_PACKAGES = Path(__file__).resolve().parent / "packages"
TRUST = ROOT / "tools" / "box" / "trust-host.sh"
# Systems, and the code names of their releases.
SYSTEMS = {"debian-12": "bookworm", "debian-13": "trixie"}
# Debian's packages for this, each with a command that shows that it is there.
PACKAGES = {
    "podman": "podman",
    "runc": "runc",
    "netavark": "/usr/lib/podman/netavark",
    "aardvark-dns": "/usr/lib/podman/aardvark-dns",
    "mmdebstrap": "mmdebstrap",
    "openssh-client": "ssh",
}
# What a machine's systemd needs for its units' sandboxes, and the roles for the network.
CAPABILITIES = ("SYS_ADMIN", "SYS_PTRACE", "NET_ADMIN", "NET_RAW")
# Some of a server's units have nothing to do in a container: degraded is up, too.
BOOTED = "until systemctl is-system-running --wait 2>&1 | grep -Eqx 'running|degraded'; do sleep 0.5; done"
BOOT_SECONDS = 90
# Computers whose control groups are not version 2 alone need the older runtime and its manager; and where
# nobody may raise limits, containers must not ask for more than there is.
CONFIGURATION = """[containers]
default_ulimits = ["nofile=20000:20000", "nproc=30000:30000"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
"""


def require() -> None:
    """Install what is missing, on a Debian where that may be done. Raises StopError."""
    missing = [name for name, command in PACKAGES.items() if shutil.which(command) is None]
    if not missing:
        return
    if os.environ.get("INSTALL") != "yes" or shutil.which("apt-get") is None:
        stop(
            f"these packages are missing: {' '.join(missing)}",
            "Debian: type it again with INSTALL=yes at its end, or:",
            f"sudo apt-get install --no-install-recommends {' '.join(missing)}",
        )
    say(f"installing from Debian: {' '.join(missing)}")
    apt = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300"]
    output([*apt, "update"], root=True)
    output([*apt, "install", "--yes", "--no-install-recommends", *missing], root=True)


def environment() -> dict[str, str]:
    """What podman needs on this computer: nothing, or a configuration of its own."""
    if Path("/sys/fs/cgroup/cgroup.controllers").exists():
        return {}
    CACHE.mkdir(parents=True, exist_ok=True)
    (CACHE / "containers.conf").write_text(CONFIGURATION)
    return {"CONTAINERS_CONF": str(CACHE / "containers.conf")}


def podman(*arguments: str) -> list[str]:
    """A command for the engine, as this computer needs it."""
    return ["env", *(f"{name}={value}" for name, value in environment().items()), "podman", *arguments]


def start(name: str, image_name: str, hostname: str, networks: Sequence[str], *further: str) -> None:
    """Start a machine in these networks, with further options, and wait until it is up. Raises StopError."""
    options = ["--name", name, "--hostname", hostname, "--systemd=always", *further]
    options += [f"--network={network}" for network in networks]
    options += [f"--cap-add={capability}" for capability in CAPABILITIES]
    output(podman("run", "--detach", *options, image_name))
    output(podman("exec", name, "timeout", str(BOOT_SECONDS), "sh", "-c", BOOTED))


def remove(names: Iterable[str], networks: Iterable[str]) -> None:
    """Remove machines and networks, those that are there. Raises StopError."""
    for name in names:
        output(podman("rm", "--force", "--ignore", "--volumes", "--time", "0", name))
    for network in networks:
        output(podman("network", "rm", "--force", network))


def ssh_config() -> Path:
    """A configuration with which ssh reaches each machine by its name, wherever podman does.

    One more command on a connection costs a tenth of what one by podman costs; and that is how servers are
    reached.
    """
    folder = CACHE / "ssh"
    folder.mkdir(parents=True, exist_ok=True)
    key = folder / "key"
    if not key.exists():
        output(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "molecule", "-f", str(key)])
    key_type, public_key, *_ = key.with_suffix(".pub").read_text().split()
    # podman decides who gets in: the machine believes the key that comes along.
    server = "/usr/sbin/sshd -i -o AuthorizedKeysCommandUser=nobody"
    server += f' -o "AuthorizedKeysCommand=/usr/bin/echo {key_type} {public_key}"'
    settings = {
        "User": "root",
        "IdentityFile": f'"{key}"',
        "IdentitiesOnly": "yes",
        "StrictHostKeyChecking": "no",
        "UserKnownHostsFile": "/dev/null",
        "LogLevel": "ERROR",
        "ControlPath": "~/.ansible/cp/%C",
        "ProxyCommand": f"{shlex.join(podman('exec', '--interactive'))} %h {server}",
    }
    file = folder / "config"
    file.write_text("Host *\n" + "".join(f"  {name} {value}\n" for name, value in settings.items()))
    return file


def image(system: str, packages: Path = ROLE_PACKAGES) -> str:
    """The name of the system's image with the packages of a list, which is built unless it is there.

    Args:
        system: a key of SYSTEMS.
        packages: a file with names of Debian packages; "#" begins a comment.

    Raises:
        StopError: it can't be built.
    """
    settings = debian.host_settings(SYSTEMS[system])
    recipe = [
        json.dumps(settings, sort_keys=True),
        *(file.read_text() for file in (Path(__file__), packages, TRUST)),
    ]
    digest = hashlib.sha256("\0".join(recipe).encode()).hexdigest()[:10]
    name = f"localhost/taskyard/{system}:{digest}"
    if not succeeds(podman("image", "exists", name)):
        say(f"building the image {name} (once; about a minute)")
        build(system, name, settings, packages)
    return name


def build(system: str, name: str, settings: dict[str, str], packages: Path) -> None:
    """Bootstrap the system, and give it to the engine."""
    work = CACHE / name.rpartition("/")[2].replace(":", "-")
    work.mkdir(parents=True, exist_ok=True)
    for file in ("sources.list", "apt.conf"):
        (work / file).write_text(settings[file])
    names = [word for line in packages.read_text().splitlines() for word in line.partition("#")[0].split()]
    command = ["mmdebstrap", "--quiet", "--format=tar", "--variant=minbase"]
    command += [
        f"--include={','.join(names)}",
        f"--aptopt={work / 'apt.conf'}",
        '--aptopt=Acquire::Languages "none"',
    ]
    command += [f"--dpkgopt=path-exclude=/usr/share/{place}/*" for place in ("man", "doc", "locale")]
    command += ["--dpkgopt=force-unsafe-io", f'--essential-hook={TRUST} "$1"']
    # apt goes on with the same sources; the first boot makes the machine's own id.
    command += [
        f'--customize-hook=cp {work / "sources.list"} "$1/etc/apt/sources.list"',
        '--customize-hook=rm -f "$1"/etc/apt/sources.list.d/0000*',
        '--customize-hook=chroot "$1" update-ca-certificates >/dev/null',
        '--customize-hook=: > "$1/etc/machine-id"; rm -f "$1/etc/hostname" "$1/etc/resolv.conf"',
    ]
    tar = work / "rootfs.tar"
    run([*command, SYSTEMS[system], str(tar), str(work / "sources.list")], root=True)
    try:
        changes = ['CMD ["/lib/systemd/systemd"]', "STOPSIGNAL SIGRTMIN+3"]
        arguments = [argument for change in changes for argument in ("--change", change)]
        with tar.open("rb") as rootfs:
            subprocess.run(
                podman("import", "--quiet", *arguments, "-", name),
                stdin=rootfs,
                capture_output=True,
                check=True,
            )
    finally:
        subprocess.run(as_root(["rm", "-f", str(tar)]), check=False)
