"""The attack table (tests/attacks), sent through the cluster's own gateway by HTTPS."""

from __future__ import annotations

import secrets
import ssl
import sys
import traceback
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx

from tests.api.people import People
from tests.attacks import slow
from tests.attacks.attack import Scene
from tests.attacks.judging import judge
from tests.attacks.table import cases
from tests.attacks.targets import AUTH, GATEWAY
from tests.attacks.wire import Endpoint
from tests.audit.report import Row
from tests.audit.site import Machine, Site
from tools.local_stack import public_half
from tools.scan import own_address

GROUP = "Attacks through the gateway"
# The lines of the last half hour's logs that have one of the words on standard input.
_LOGGED = """grep --no-filename --text --fixed-strings --file=- \\
  <(cat /var/log/nginx/access.log 2>/dev/null) \\
  <(journalctl --quiet --unit='taskyard-tasks@*' --since=-30min --output=cat)"""
_NO_LINE = 1


class ClusterTarget:
    """A running cluster, through its gateway; forged tokens are made with its own key."""

    def __init__(self, site: Site) -> None:
        address = urlsplit(site.cluster.url)
        self._site, self._host = site, str(address.hostname)
        self._port = address.port or (443 if address.scheme == "https" else 80)
        self._trust = ssl.create_default_context(cadata=site.cluster.authority or None)
        self._has_tls = address.scheme == "https"
        self.gateway_url, self.private_key = site.cluster.url, site.secrets / "jwt_private_key.pem"
        self.client_address = own_address(self._host)
        self.people = People(self, trust=self._trust)

    def public_keys(self) -> bytes:
        return public_half(self.private_key.read_bytes())

    def endpoint(self, to: str) -> Endpoint:
        if to == GATEWAY:
            return Endpoint(self._port, self._host, self._trust if self._has_tls else None)
        machine = self._site.of(f"{'auth' if to == AUTH else 'task'}_service")[0]
        return Endpoint(machine.facts[f"{to}_port"], machine.facts["address"])

    def log_lines(self, word: str) -> list[bytes]:
        return [line.encode() for machine in self._logging() for line in logged(machine, [word])]

    def hidden(self, words: list[str]) -> int:
        """How many log lines there are about requests that stood behind others (framing.HIDDEN)."""
        patterns = [f"hidden-{word}" for word in words]
        return sum(len(logged(machine, patterns)) for machine in self._logging())

    def _logging(self) -> list[Machine]:
        found = {
            machine.name: machine for group in ("gateway", "task_service") for machine in self._site.of(group)
        }
        return list(found.values())


def logged(machine: Machine, words: list[str]) -> list[str]:
    said = machine.run(_LOGGED, stdin="".join(f"{word}\n" for word in words), ends_with=(0, _NO_LINE))
    return said.splitlines()


def rows(site: Site) -> Iterator[Row]:
    every = list(cases())
    through = [(name, attack) for name, attack, to in every if to == GATEWAY]
    target = ClusterTarget(site)
    words, wrong = [], []
    try:
        for name, attack in through:
            scene = Scene(target, target.people.new(), secrets.token_hex(8))
            words.append(scene.word)
            try:
                judge(scene, attack, GATEWAY)
            except (AssertionError, httpx.HTTPError, OSError, ValueError, LookupError):
                sys.stdout.write(f"\n{name}\n{traceback.format_exc()}")
                wrong.append(f"{name}: see wire.output.txt")
    finally:
        kept = cleared(target)
    right = f"{len(through) - len(wrong)} of {len(through)} as docs/attacks.md promises"
    yield Row(GROUP, "every attack of the table", right, tuple(wrong))
    hidden = target.hidden(words)
    answered = ("somebody has read one request as two",) if hidden else ()
    yield Row(GROUP, "requests behind requests", f"{hidden} in a log of {len(words)}", answered)
    yield Row(
        GROUP, "what attackers left", f"{kept} lists", ("not every list could be cleared",) if kept else ()
    )
    direct, slow_ones = len(every) - len(through), len(slow.CHAPTER.proofs)
    why = (
        f"{direct} go straight to a service, as the firewall lets gateways alone; {slow_ones} are of slow or"
        " many clients, and count on shorter patience. `make attacks` sends them to a stack on this computer."
    )
    yield Row(GROUP, "left out", f"{direct + slow_ones}", not_checked=why)


def cleared(target: ClusterTarget) -> int:
    """Clear the lists of all who attacked. Returns how many could not be."""
    kept = 0
    for person in target.people.all:
        kept += person.gateway.delete("/tasks").status_code != httpx.codes.NO_CONTENT
        person.close()
    return kept
