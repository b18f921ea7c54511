"""The cluster that is audited: its machines, how to ask them, and where reports are kept."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import testinfra
from testinfra.host import Host

from tools.cluster.shell import StopError
from tools.packages import ROOT
from tools.smoke import Cluster

BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Machine:
    """A machine, as playbooks/audit.yml described it."""

    name: str
    facts: dict[str, Any]
    ssh_config: Path

    @property
    def groups(self) -> list[str]:
        return list(self.facts["groups"])

    @cached_property
    def host(self) -> Host:
        """The machine as its root sees it."""
        address = f"ssh://{self.name}?ssh_config={self.ssh_config}&sudo=true"
        return testinfra.get_host(address, timeout=60)

    def run(self, script: str, *arguments: str, stdin: str = "", ends_with: Sequence[int] = (0,)) -> str:
        """Run a script of bash as root, with this on its standard input. Raises StopError."""
        words = shlex.join(["sudo", "-n", "bash", "-c", script, "bash", *arguments])
        command = ["ssh", "-F", str(self.ssh_config), self.name, words]
        done = subprocess.run(
            command, input=stdin, capture_output=True, text=True, check=False, errors="replace"
        )
        if done.returncode not in ends_with:
            last = (done.stderr.strip() or "it said nothing").splitlines()[-1]
            raise StopError(f"on {self.name} a question ended with {done.returncode}: {last}")
        return done.stdout


@dataclass(frozen=True)
class Site:
    """An environment's cluster."""

    environment: str
    reports: Path
    machines: tuple[Machine, ...]
    cluster: Cluster

    @property
    def inventory(self) -> Path:
        return ROOT / "inventory" / self.environment

    @property
    def secrets(self) -> Path:
        return Path(self.machines[0].facts["secrets"])

    @property
    def authority(self) -> Path | None:
        """The authority of the gateway's certificate (PEM), when it is the cluster's own."""
        return self.secrets / "ca_certificate.pem" if self.cluster.authority else None

    def of(self, group: str) -> list[Machine]:
        return [machine for machine in self.machines if group in machine.groups]

    def save(self, name: str, text: str) -> Path:
        """Keep what a tool said."""
        file = self.reports / name
        file.write_text(text)
        return file

    def playbook(self, name: str, *arguments: str, log: str) -> str:
        """Run a playbook and keep what it printed. Raises StopError."""
        done = playbook(self.environment, name, *arguments)
        self.save(log, done.stdout)
        if done.returncode:
            raise StopError(f"{name} ended with {done.returncode}: see {self.reports / log}")
        return done.stdout


def playbook(environment: str, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [
        str(BIN / "ansible-playbook"),
        "-i",
        f"inventory/{environment}",
        f"playbooks/{name}",
        *arguments,
    ]
    return subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )


def meet(environment: str, reports: Path) -> Site:
    """Ask every machine who it is. Raises StopError, SmokeError."""
    done = playbook(environment, "audit.yml", "--tags=facts", "-e", f"audit_dir={reports}")
    if done.returncode:
        (reports / "facts.log").write_text(done.stdout)
        raise StopError(
            f"not every machine of inventory/{environment} answers: see {reports / 'facts.log'}\n"
            f"  A cluster on this computer is started with: make up ENV={environment}"
        )
    described = {path.stem: json.loads(path.read_text()) for path in sorted(reports.glob("*.json"))}
    config = reports / "ssh_config"
    config.touch(0o600)
    config.write_text(
        "".join(f"{line}\n" for name, facts in described.items() for line in ssh_config(name, facts))
    )
    machines = tuple(Machine(name, facts, config) for name, facts in described.items())
    return Site(environment, reports, machines, Cluster.from_inventory(environment))


def ssh_config(name: str, facts: dict[str, Any]) -> Iterator[str]:
    """How OpenSSH reaches a machine as Ansible does. Raises StopError for arguments that it does not know."""
    yield f"Host {name}"
    yield f"  HostName {facts['host']}"
    yield f"  Port {facts['port']}"
    if facts["user"]:
        yield f"  User {facts['user']}"
    if facts["key"]:
        yield f"  IdentityFile {facts['key']}"
    words = iter(facts["ssh_arguments"])
    for word in words:
        option = word if len(word) > len("-o") else word + next(words, "")
        kind, value = option[:2], option[2:]
        if kind == "-J":
            yield f"  ProxyJump {value}"
        elif kind == "-o" and "=" in value:
            yield f"  {value.replace('=', ' ', 1)}"
        else:
            raise StopError(
                f"the audit cannot take {option!r} of {name}'s SSH arguments: write it as -o Name=value"
            )
    yield "  BatchMode yes"
    yield "  ControlMaster auto"
    yield "  ControlPath ~/.ansible/cp/%C"  # Ansible has just made that folder
    yield "  ControlPersist 120"
