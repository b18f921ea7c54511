"""Bare servers: containers with systemd and sshd, on networks of their own, not prepared for Ansible."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import testinfra
from testinfra.host import Host

from tools.cluster.shell import output, stop
from tools.molecule import engine
from tools.packages import ROOT

PACKAGES = Path(__file__).resolve().parent / "packages"
# Another checkout's servers are not touched.
PREFIX = f"taskyard-hosts-{hashlib.sha256(str(ROOT).encode()).hexdigest()[:6]}"
PUBLIC, PRIVATE = f"{PREFIX}-public", f"{PREFIX}-private"
ACCOUNT = "deploy"
NOWHERE = "192.0.2.1"  # an address that nobody has (RFC 5737)

# What a provider does to a new server. Arguments: the name, sshd's port. Input: the operator's public key.
ARRIVAL = f"""
set -e
systemctl stop ssh
useradd --create-home --shell /bin/bash --groups sudo {ACCOUNT}
install -d -m 0700 -o {ACCOUNT} -g {ACCOUNT} /home/{ACCOUNT}/.ssh
cat > /home/{ACCOUNT}/.ssh/authorized_keys
rm -f /etc/ssh/ssh_host_*
ssh-keygen -q -A
printf 'Port %s\\nPasswordAuthentication no\\n' "$2" > /etc/ssh/sshd_config.d/provider.conf
printf '127.0.0.1 localhost\\n127.0.1.1 %s %s\\n' "$1" "${{1%%.*}}" > /etc/hosts
systemctl reset-failed ssh
systemctl start ssh
"""
# A closed network: packages come from the mirror or from nowhere.
CUT_OFF = (
    f'. /etc/os-release; echo "deb http://{NOWHERE}/debian $VERSION_CODENAME main" > /etc/apt/sources.list'
)


@dataclass(frozen=True)
class Server:
    """One server: its two addresses, the outside's and the one that the other servers use."""

    name: str
    address: str
    private_address: str

    @property
    def inside(self) -> Host:
        """The server as root on its console sees it."""
        return testinfra.get_host(f"podman://{container(self.name)}")


def container(name: str) -> str:
    """A server's container."""
    return f"{PREFIX}-{name}"


def podman(*arguments: str) -> str:
    """What a command of the engine prints. Raises StopError."""
    return output(engine.podman(*arguments))


def prepare() -> None:
    """Have the engine, no leftovers of an interrupted run, and the networks. Raises StopError."""
    if os.geteuid() != 0:
        stop(
            "servers in containers are reached over the network by root alone. Type:",
            'sudo env "PATH=$PATH" make real-hosts',
        )
    engine.require()
    os.environ.update(engine.environment())
    remove()
    for network in (PUBLIC, PRIVATE):
        podman("network", "create", network)


def remove() -> None:
    """Remove every server and network of this checkout's tests."""
    engine.remove(
        _named(podman("ps", "--all", "--format", "{{.Names}}")),
        _named(podman("network", "ls", "--format", "{{.Name}}")),
    )


def _named(names: str) -> Iterable[str]:
    return (name for name in names.split() if name.startswith(f"{PREFIX}-"))


def rent(
    name: str, system: str, public_key: str, password: str, *, ssh_port: int = 22, closed: bool = False
) -> Server:
    """A new server with an account whose sudo asks for its password.

    Args:
        name: a host name, such as ``app1.example.org``.
        system: ``debian-12`` or ``debian-13``.
        public_key: what the account's owner signs in with.
        password: what sudo asks for.
        ssh_port: where sshd listens.
        closed: whether Debian's own servers are out of its reach.

    Raises:
        StopError: it can't be made.
    """
    server = _start(name, engine.image(system, PACKAGES))
    inside = server.inside
    # Not as arguments: a list of processes would show them.
    _feed(name, public_key, "sh", "-c", ARRIVAL, "arrival", name, str(ssh_port))
    _feed(name, f"{ACCOUNT}:{password}", "chpasswd")
    if closed:
        inside.run_expect([0], CUT_OFF)
    assert not inside.exists("python3"), "a bare server has no Python"
    return server


def mirror() -> Server:
    """A machine in the private network that is a mirror of Debian (port 80) and a proxy (port 3128)."""
    server = _start("mirror", engine.image("debian-12"))
    inside = server.inside
    program = ROOT / "roles" / "base" / "molecule" / "mirror" / "mirror.py"
    inside.run_expect([0], "apt-get -qq update")
    podman("cp", str(program), f"{container('mirror')}:/opt/mirror.py")
    inside.run_expect([0], "systemd-run --unit=mirror python3 /opt/mirror.py")
    inside.run_expect([0], "timeout 20 sh -c 'until ss -Hltn sport = :3128 | grep -q .; do sleep 0.2; done'")
    return server


def _start(name: str, image: str) -> Server:
    engine.start(container(name), image, name.partition(".")[0], [PUBLIC, PRIVATE], "--no-hosts")
    networks: Mapping[str, Mapping[str, str]] = json.loads(podman("inspect", container(name)))[0][
        "NetworkSettings"
    ]["Networks"]
    return Server(name, networks[PUBLIC]["IPAddress"], networks[PRIVATE]["IPAddress"])


def _feed(name: str, text: str, *command: str) -> None:
    """Run a command on a server with a text as its input."""
    arguments = engine.podman("exec", "--interactive", container(name), *command)
    done = subprocess.run(arguments, input=text, text=True, capture_output=True, check=False)
    assert done.returncode == 0, f"on {name}: {done.stderr}"
