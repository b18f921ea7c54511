"""An operator with a checkout, a key and some new servers, who does what docs/real-hosts.md says."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import yaml

from tests.e2e.machines import say
from tests.real_hosts import machines
from tests.real_hosts.document import DOCUMENT, commands
from tests.real_hosts.machines import Server
from tests.real_hosts.spreads import Spread, Tree
from tests.real_hosts.terminal import Terminal
from tools.packages import ROOT
from tools.smoke import Cluster, User, sign_up, wait_for_gateway

SCRATCH = ROOT / ".cache" / "real-hosts"
# Sockets have short paths. Their folder has one name, so that an interrupted run's is found.
SOCKETS = Path(tempfile.gettempdir()) / machines.PREFIX
# What `make venv` and the playbooks would make again, of the same pins.
SHARED = (".venv", ".cache/bundles", ".cache/mongod")


class Operator:
    """Somebody at a terminal, in a copy of this checkout, with the servers of a spread."""

    def __init__(self, folder: Path, spread: Spread) -> None:
        self.folder, self.spread = folder, spread
        self.checkout = folder / "taskyard"
        self.inventory = self.checkout / "inventory" / "production"
        self.servers: dict[str, Server] = {}
        self.password = secrets.token_urlsafe(18)
        self.mirror = machines.mirror() if spread.closed else None
        self.steps = commands(DOCUMENT.read_text())
        self.typed: set[str] = set()
        copy_checkout(self.checkout)
        run_quietly("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "key"))
        # An editor that does what the operator has in mind.
        self.wanted = folder / "wanted.yml"
        editor = folder / "editor"
        editor.write_text(f'#!/bin/sh\nexec cp "{self.wanted}" "$1"\n')
        editor.chmod(0o755)
        self.terminal = Terminal(self.checkout, self._environment(editor), self.password)

    def _environment(self, editor: Path) -> dict[str, str]:
        """What a login shell has; nothing of this test's own virtual environment."""
        own = ("ANSIBLE_", "MOLECULE_", "PYTHON", "PYTEST", "VIRTUAL_ENV", "MAKE", "MFLAGS")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
        path = [place for place in kept["PATH"].split(":") if place != str(Path(sys.executable).parent)]
        return {
            **kept,
            "PATH": ":".join(path),
            "EDITOR": str(editor),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(SOCKETS),
        }

    def rent(self, name: str, system: str) -> None:
        """Get a new server."""
        self.servers[name] = machines.rent(
            name,
            system,
            (self.folder / "key.pub").read_text(),
            self.password,
            ssh_port=self.spread.hosts.get(name, {}).get("ansible_port", 22),
            closed=self.spread.closed,
        )
        say(f"{name} ({system}) is at {self.servers[name].address}")

    def tree(self) -> Tree:
        """The inventory for the servers that there are."""
        tree = self.spread.tree(
            {
                name: {"ansible_host": server.address, "private_address": server.private_address}
                for name, server in self.servers.items()
            }
        )
        tree["vars"] |= {
            "ansible_ssh_private_key_file": str(self.folder / "key"),
            # Not among the host keys of whoever runs this.
            "ansible_ssh_common_args": f"-o UserKnownHostsFile={self.folder / 'known_hosts'}",
        }
        if self.mirror:
            tree["vars"] |= {
                "base_apt_mirror": f"http://{self.mirror.private_address}/debian",
                "base_apt_proxy": f"http://{self.mirror.private_address}:3128",
            }
        return tree

    def edit(self, tree: Tree) -> None:
        """Have this in mind when the editor is opened, and open it if there is an inventory."""
        self.wanted.write_text(yaml.safe_dump({"all": tree}, sort_keys=False))
        if self.inventory.exists():
            self.terminal.type('"${EDITOR:-nano}" inventory/production/hosts.yml')

    def follow(self, section: str, number: int | None = None) -> str:
        """Type a section's commands, or one of them. Returns what they printed."""
        wanted = self.steps[section] if number is None else [self.steps[section][number]]
        self.typed.update(wanted)
        return "".join(self.terminal.type(command) for command in wanted)

    def command(self, section: str, number: int = 0) -> str:
        """A section's command, to be typed in another way."""
        return self.steps[section][number]

    @property
    def url(self) -> str:
        """Where users find the cluster."""
        gateway = self.servers[self.spread.groups["gateway"][0]]
        return f"https://{gateway.address}"

    @contextmanager
    def signed_in(self) -> Iterator[User]:
        """Somebody new, signed in at the gateway."""
        authority = (self.inventory / ".secrets" / "ca_certificate.pem").read_text()
        with Cluster(self.url, 0, authority).client(timeout=15) as client:
            wait_for_gateway(client)
            yield sign_up(client)


def copy_checkout(target: Path) -> None:
    """What git would take of this checkout, changes included. The real one stays as it is."""
    listed = run_quietly("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    for name in filter(None, listed):
        source = ROOT / name
        if source.exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)
    for name in SHARED:
        (ROOT / name).mkdir(parents=True, exist_ok=True)
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).symlink_to(ROOT / name)


def run_quietly(*command: str) -> str:
    """What a command prints that nobody needs to see."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout


def close_connections() -> None:
    """End the SSH connections that Ansible keeps open for a while, and remove their folder."""
    for socket in SOCKETS.glob("*"):
        subprocess.run(
            ["ssh", "-O", "exit", "-o", f"ControlPath={socket}", "server"], capture_output=True, check=False
        )
    shutil.rmtree(SOCKETS, ignore_errors=True)


@contextmanager
def at_work(spread: Spread) -> Iterator[Operator]:
    """An operator with a spread's servers, all new. Afterwards nothing of it is left, whatever happened."""
    with ExitStack() as afterwards:
        machines.prepare()
        afterwards.callback(machines.remove)
        close_connections()
        afterwards.callback(close_connections)
        SOCKETS.mkdir(mode=0o700)
        shutil.rmtree(SCRATCH, ignore_errors=True)
        afterwards.callback(shutil.rmtree, SCRATCH, ignore_errors=True)
        SCRATCH.mkdir(mode=0o700, parents=True)
        operator = Operator(SCRATCH, spread)
        afterwards.enter_context(operator.terminal)
        for name, system in spread.systems.items():
            operator.rent(name, system)
        operator.edit(operator.tree())
        yield operator
