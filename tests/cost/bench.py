"""The cluster that is measured: brought to each variant, and afterwards as it was."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from tests.cost.machines import Machine, machines, seen
from tests.cost.variants import NGINX, PARTS, REDIS, TASKS, Variant, put_back, switch
from tools import smoke
from tools.cluster.inventory import Cluster
from tools.cluster.shell import StopError, output, say, stop
from tools.packages import ROOT
from tools.scan import own_address


@dataclass(frozen=True)
class Bench:
    """The cluster that is measured."""

    cluster: Cluster
    gateway: smoke.Cluster
    asked_to_end: list[int] = field(default_factory=list)

    @cached_property
    def machines(self) -> dict[str, list[Machine]]:
        """The machines of each part, by the part's name. Raises StopError."""
        return {part.name: machines(self.cluster, part) for part in PARTS}

    @cached_property
    def redis_port(self) -> int:
        """Where Redis answers by TLS. Raises StopError."""
        port = self.machines[REDIS.name][0].run("sed -n 's/^tls-port //p' /etc/redis/redis.conf").strip()
        if not port or not self.gateway.url.startswith("https:"):
            stop(
                "this cluster has no TLS that could be left out: set redis_tls and nginx_tls to true, then",
                "make up",
            )
        return int(port)

    @cached_property
    def nginx_conf(self) -> dict[bool, str]:
        """The gateway's configuration with TLS and without; it does not limit the load. Raises StopError."""
        address = own_address(self.machines[NGINX.name][0].address)
        return {
            tls: self._rendered(nginx_tls=tls, nginx_unlimited_clients=[address]) for tls in (True, False)
        }

    def _rendered(self, **options: object) -> str:
        with tempfile.TemporaryDirectory(prefix="taskyard-cost-") as folder:
            variables = json.dumps({"render_dir": folder, **options})
            playbook = [str(Path(sys.executable).parent / "ansible-playbook"), "playbooks/render.yml"]
            where = ["-i", f"inventory/{self.cluster.env}", "--limit", "gateway", "-e", variables]
            output([*playbook, *where], env=os.environ, cwd=ROOT)
            return (Path(folder) / self.machines[NGINX.name][0].name / "nginx.conf").read_text()

    def url(self, variant: Variant) -> str:
        """Where a variant's gateway answers."""
        if variant.gateway_tls:
            return self.gateway.url
        ports = re.findall(r"^\s+listen (\d+) default_server", self.nginx_conf[False], re.MULTILINE)
        return f"http://{urlsplit(self.gateway.url).hostname}:{ports[0]}"

    def switch(self, variant: Variant) -> None:
        """Run all parts as a variant has them. Raises StopError."""
        for part in PARTS:
            script = switch(part, variant, self.redis_port, self.nginx_conf[variant.gateway_tls])
            for machine in self.machines[part.name]:
                machine.run(script)
            self.go_on()

    def look(self, variant: Variant) -> dict[str, float]:
        """CPU seconds of each part by its name. Raises StopError, also when it is another variant."""
        parts = {part.name: seen(self.machines[part.name], part) for part in PARTS}
        if any(part.is_in_sandbox != variant.sandbox for part in parts.values()):
            stop(f"these are not {variant.name}: {parts}")
        return {name: part.cpu_seconds for name, part in parts.items()}

    def go_on(self) -> None:
        """Raises KeyboardInterrupt when somebody has asked to end: here nothing is half done."""
        if self.asked_to_end:
            raise KeyboardInterrupt

    def put_back(self) -> None:
        """Run all parts as they were. Raises StopError when a machine does not."""
        failures = []
        for part in PARTS:
            for machine in self.machines[part.name]:
                try:
                    machine.run(put_back(part))
                except StopError as error:
                    failures.append(str(error))
        if failures:
            stop(*failures, "Start these machines again: all that was added to them is in /run, and goes.")


@contextmanager
def restored(bench: Bench) -> Iterator[None]:
    """Whatever happens meanwhile, the cluster is as it was afterwards."""

    def end(number: int, _: object) -> None:
        bench.asked_to_end.append(number)
        say("ending, when what is under way is done")

    before = {number: signal.signal(number, end) for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        say("putting the cluster back as it was")
        bench.put_back()
        for number, handler in before.items():
            signal.signal(number, handler)


VERSIONS = {
    NGINX: "nginx -v 2>&1 | sed 's,.*nginx/,Nginx ,'; openssl version | cut -d' ' -f1-2",
    REDIS: "redis-server --version | sed 's/.* v=\\([^ ]*\\).*/Redis \\1/'",
    TASKS: "/opt/taskyard/current/venv/bin/python -V; uname -sr | cut -d- -f1",
}


def versions(bench: Bench) -> list[str]:
    """What runs on the machines. Raises StopError."""
    said = [bench.machines[part.name][0].run(ask) for part, ask in VERSIONS.items()]
    return "".join(said).splitlines()
